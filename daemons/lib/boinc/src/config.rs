//! The project's `config.xml`, as make_project writes it and administrators edit it.
//!
//! Read here: what this toolkit uses of `<config>`, and the `<daemons>`. Blank space around values is
//! trimmed, entities are decoded, of repeated elements the last one counts (as in BOINC). Unknown elements are
//! skipped: there are many. What must be there and isn't is an error that names the element and says what to
//! do.

use std::fmt;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use crate::printable::printable;
use crate::xml::{Element, Limits, fragment};

pub use crate::xml::XmlFault;

/// Largest config.xml, in bytes.
pub const MAX_BYTES: usize = 1 << 20;

const LIMITS: Limits = Limits { bytes: MAX_BYTES, depth: 32, elements: 50_000, loose_ampersand: true };

/// What config.xml says, as far as this toolkit needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProjectConfig {
    /// Name of the database.
    pub db_name: String,
    /// User of the database.
    pub db_user: String,
    /// Password of the database's user; empty for none.
    pub db_passwd: Secret,
    /// Where the database is.
    pub db_host: DbHost,
    /// A read-only copy of the database, if any `replica_db_…` is given; what is missing of it is as for the
    /// main one.
    pub replica: Option<DbLogin>,
    /// Input files.
    pub download_dir: PathBuf,
    /// Where clients get them.
    pub download_url: String,
    /// Output files.
    pub upload_dir: PathBuf,
    /// Where clients send them.
    pub upload_url: String,
    /// Number of fan-out folders; 0 (the default) = none.
    pub uldl_dir_fanout: u32,
    /// Remember digests of input files in `.md5` files.
    pub cache_md5_info: bool,
    /// Results per day and processor that a host may get; BOINC's default is 0, no limit.
    pub daily_result_quota: i32,
    /// Keep credit per application, in `credit_user` and `credit_team`.
    pub credit_by_app: bool,
    /// Log how credit is computed.
    pub debug_credit: bool,
    /// The scheduler sends rows of `msg_to_host`.
    pub msg_to_host: bool,
    /// The scheduler sends workunits that are reserved for a host, user or team.
    pub enable_assignment: bool,
    /// The scheduler sends workunits that are for all hosts, or all of a user or team.
    pub enable_assignment_multi: bool,
    /// At most one result of a workunit for each user.
    pub one_result_per_user_per_wu: bool,
    /// The project's name, as people read it.
    pub long_name: String,
    /// The project's home page; empty if not given.
    pub master_url: String,
    /// Keys for uploads and code signing.
    pub key_dir: Option<PathBuf>,
    /// Logs of daemons.
    pub log_dir: Option<PathBuf>,
    /// Marks a project that the sandbox made; its clock may run differently.
    pub cobblestone_sandbox: Option<String>,
    /// What bin/start launches.
    pub daemons: Vec<DaemonEntry>,
}

/// Where a database is and how to log in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DbLogin {
    /// Name of the database.
    pub name: String,
    /// User.
    pub user: String,
    /// Password; empty for none.
    pub passwd: Secret,
    /// Where it is.
    pub host: DbHost,
}

/// Where a database listens.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum DbHost {
    /// Not given: this machine.
    #[default]
    Local,
    /// A host. MySQL's own clients take `localhost` without a port for the default socket; BOINC's programs
    /// moreover take the machine's own name for `localhost`. Neither is done here.
    Tcp {
        /// Name or address; an IPv6 address without its brackets.
        host: String,
        /// None = MySQL's own.
        port: Option<u16>,
    },
    /// A Unix socket.
    Socket(PathBuf),
}

/// A password: never shown by `{:?}`.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Secret(String);

impl Secret {
    /// The password itself.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_empty() { "(none)" } else { "***" })
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(text)
    }
}

/// A `<daemon>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DaemonEntry {
    /// Program and arguments, run with bin/ as working directory.
    pub cmd: String,
    /// Log file; by default the program's name with `.log`.
    pub output: Option<String>,
    /// PID file; by default the program's name with `.pid`.
    pub pid_file: Option<String>,
    /// Not to be started.
    pub disabled: bool,
    /// The machine that it runs on; by default the project's.
    pub host: Option<String>,
}

/// config.xml can't be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// It can't be read.
    #[error("can't read {}: {error}; is this the project directory, and may this user read it?", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// It isn't XML.
    #[error("config.xml can't be read: {0}; mend it")]
    Xml(#[from] XmlFault),
    /// Something must be there.
    #[error("config.xml has no <{element}>; add it ({hint})")]
    Missing {
        /// What.
        element: &'static str,
        /// Where and what for.
        hint: &'static str,
    },
    /// A value makes no sense.
    #[error("config.xml: <{element}> is \"{text}\", but must be {want}; change it")]
    Value {
        /// Where it stands.
        element: &'static str,
        /// What stands there, made printable.
        text: String,
        /// What should.
        want: &'static str,
    },
}

impl ProjectConfig {
    /// Reads the file `path`, at most [`MAX_BYTES`].
    ///
    /// # Errors
    /// It can't be read, or [`Self::parse`] refuses it.
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        let mut bytes = Vec::new();
        File::open(path)
            .and_then(|file| file.take(MAX_BYTES as u64 + 1).read_to_end(&mut bytes))
            .map_err(|error| ConfigError::Io { path: path.to_owned(), error })?;
        Self::from_bytes(&bytes)
    }

    /// Reads the text of a config.xml.
    ///
    /// # Errors
    /// It isn't XML, or something that must be there is missing, or a value makes no sense.
    pub fn parse(text: &str) -> Result<Self, ConfigError> {
        Self::from_bytes(text.as_bytes())
    }

    fn from_bytes(bytes: &[u8]) -> Result<Self, ConfigError> {
        let roots = fragment(bytes, LIMITS)?;
        let missing = |element, hint| ConfigError::Missing { element, hint };
        let boinc = roots
            .iter()
            .find(|root| root.name == "boinc")
            .ok_or(missing("boinc", "it encloses the whole file"))?;
        let config = boinc
            .named("config")
            .next_back()
            .ok_or(missing("config", "inside <boinc>; it holds the project's settings"))?;
        let config = Section(config);
        let db_name = config.required("db_name", "the name of the project's database")?;
        let db_user = config.required("db_user", "the database's user")?;
        let db_passwd = Secret(config.text("db_passwd").unwrap_or_default().to_owned());
        let db_host = config.db_host("db_host")?.unwrap_or_default();
        let main = DbLogin { name: db_name, user: db_user, passwd: db_passwd, host: db_host };
        Ok(Self {
            replica: config.replica(&main)?,
            db_name: main.name,
            db_user: main.user,
            db_passwd: main.passwd,
            db_host: main.host,
            download_dir: config.required("download_dir", "the path of the folder download/")?.into(),
            download_url: config.required("download_url", "the URL of the folder download/")?,
            upload_dir: config.required("upload_dir", "the path of the folder upload/")?.into(),
            upload_url: config.required("upload_url", "the URL of file_upload_handler")?,
            uldl_dir_fanout: config.number("uldl_dir_fanout", "a whole number, 0 or above")?.unwrap_or(0),
            cache_md5_info: config.boolean("cache_md5_info")?,
            daily_result_quota: config.number("daily_result_quota", "a whole number")?.unwrap_or(0),
            credit_by_app: config.boolean("credit_by_app")?,
            debug_credit: config.boolean("debug_credit")?,
            msg_to_host: config.boolean("msg_to_host")?,
            enable_assignment: config.boolean("enable_assignment")?,
            enable_assignment_multi: config.boolean("enable_assignment_multi")?,
            one_result_per_user_per_wu: config.boolean("one_result_per_user_per_wu")?,
            long_name: config.text("long_name").unwrap_or_default().to_owned(),
            master_url: config.text("master_url").unwrap_or_default().to_owned(),
            key_dir: config.filled("key_dir").map(PathBuf::from),
            log_dir: config.filled("log_dir").map(PathBuf::from),
            cobblestone_sandbox: config.sandbox()?,
            daemons: daemons(boinc)?,
        })
    }
}

fn daemons(boinc: &Element) -> Result<Vec<DaemonEntry>, ConfigError> {
    let mut daemons = Vec::new();
    for element in boinc.named("daemons").flat_map(|list| list.named("daemon")) {
        let daemon = Section(element);
        let text = |name| daemon.filled(name).map(str::to_owned);
        daemons.push(DaemonEntry {
            cmd: daemon.required("cmd", "in each <daemon>: the program and its arguments")?,
            output: text("output"),
            pid_file: text("pid_file"),
            disabled: daemon.boolean("disabled")?,
            host: text("host"),
        });
    }
    Ok(daemons)
}

/// An element whose children are settings.
struct Section<'a>(&'a Element);

impl<'a> Section<'a> {
    /// The last of that name, trimmed.
    fn text(&self, name: &'a str) -> Option<&'a str> {
        self.0.named(name).next_back().map(Element::trimmed)
    }

    /// The same, none if empty.
    fn filled(&self, name: &'a str) -> Option<&'a str> {
        self.text(name).filter(|text| !text.is_empty())
    }

    fn required(&self, element: &'static str, hint: &'static str) -> Result<String, ConfigError> {
        self.filled(element).map(str::to_owned).ok_or(ConfigError::Missing { element, hint })
    }

    fn boolean(&self, element: &'static str) -> Result<bool, ConfigError> {
        match self.text(element) {
            None => Ok(false),
            Some("") => Ok(true),
            Some(text) => match text.parse::<i64>() {
                Ok(number) => Ok(number != 0),
                Err(_) => Err(value(element, text, "0, 1 or empty (true)")),
            },
        }
    }

    fn number<T: std::str::FromStr>(
        &self,
        element: &'static str,
        want: &'static str,
    ) -> Result<Option<T>, ConfigError> {
        match self.filled(element) {
            None => Ok(None),
            Some(text) => text.parse().map(Some).map_err(|_| value(element, text, want)),
        }
    }

    fn db_host(&self, element: &'static str) -> Result<Option<DbHost>, ConfigError> {
        let Some(text) = self.filled(element) else { return Ok(None) };
        let bad = || value(element, text, "HOST, HOST:PORT or the path of a socket");
        if text.starts_with('/') {
            return Ok(Some(DbHost::Socket(text.into())));
        }
        let (host, port) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            // An IPv6 address in brackets.
            Some((host, "")) => (host, None),
            Some((host, rest)) => (host, Some(rest.strip_prefix(':').ok_or_else(bad)?)),
            None => match text.split_once(':') {
                // An IPv6 address without brackets has no port.
                Some((_, rest)) if rest.contains(':') => (text, None),
                Some((host, port)) => (host, Some(port)),
                None => (text, None),
            },
        };
        let port = match port {
            Some(port) => Some(port.parse().ok().filter(|port| *port != 0).ok_or_else(bad)?),
            None => None,
        };
        if host.is_empty() || host.contains(char::is_whitespace) {
            return Err(bad());
        }
        Ok(Some(DbHost::Tcp { host: host.to_owned(), port }))
    }

    fn replica(&self, main: &DbLogin) -> Result<Option<DbLogin>, ConfigError> {
        let name = self.filled("replica_db_name");
        let user = self.filled("replica_db_user");
        let passwd = self.filled("replica_db_passwd");
        let host = self.db_host("replica_db_host")?;
        if name.is_none() && user.is_none() && passwd.is_none() && host.is_none() {
            return Ok(None);
        }
        let or = |text: Option<&str>, main: &str| text.unwrap_or(main).to_owned();
        Ok(Some(DbLogin {
            name: or(name, &main.name),
            user: or(user, &main.user),
            passwd: Secret(or(passwd, main.passwd.expose())),
            host: host.unwrap_or_else(|| main.host.clone()),
        }))
    }

    /// An empty token would be no protection, so it is refused.
    fn sandbox(&self) -> Result<Option<String>, ConfigError> {
        match self.text("cobblestone_sandbox") {
            Some("") => Err(value("cobblestone_sandbox", "", "the sandbox's token; in production remove it")),
            text => Ok(text.map(str::to_owned)),
        }
    }
}

fn value(element: &'static str, text: &str, want: &'static str) -> ConfigError {
    ConfigError::Value { element, text: printable(text, 60), want }
}
