//! Where the database is and how to get in.

use std::path::PathBuf;

/// Encryption of the connection to the database.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Tls {
    /// Plain; for a socket or a trusted network.
    #[default]
    Off,
    /// TLS or no connection. The server's certificate must be signed by `ca` (a PEM file), or by a public
    /// authority when there is none.
    Required {
        /// Certificate authority, PEM.
        ca: Option<PathBuf>,
    },
}

/// Address and account of a project's database.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct DbUrl {
    /// Host name or address; `None` or `localhost` = this machine, by its socket where there is one.
    pub host: Option<String>,
    /// TCP port; `None` = 3306.
    pub port: Option<u16>,
    /// Unix socket; goes before host and port.
    pub socket: Option<PathBuf>,
    #[allow(missing_docs)]
    pub user: String,
    /// May be empty.
    pub password: String,
    /// Name of the database.
    pub database: String,
    #[allow(missing_docs)]
    pub tls: Tls,
}

impl std::fmt::Debug for DbUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{self}")
    }
}

/// Without the password.
impl std::fmt::Display for DbUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "database `{}` of user `{}` at ", self.database, self.user)?;
        match self.effective_socket() {
            Some(socket) => write!(f, "{}", socket.display()),
            None => write!(f, "{}:{}", self.tcp_host(), self.port.unwrap_or(3306)),
        }
    }
}

impl DbUrl {
    /// The database that config.xml names, by `db_host`, `db_user`, `db_passwd` and `db_name`.
    #[must_use]
    pub fn from_config(config: &boinc::config::ProjectConfig, tls: Tls) -> Self {
        use boinc::config::DbHost;
        let (host, port, socket) = match &config.db_host {
            DbHost::Local => (None, None, None),
            DbHost::Tcp { host, port } => (Some(host.clone()), *port, None),
            DbHost::Socket(path) => (None, None, Some(path.clone())),
        };
        Self {
            host,
            port,
            socket,
            user: config.db_user.clone(),
            password: config.db_passwd.expose().to_owned(),
            database: config.db_name.clone(),
            tls,
        }
    }

    fn tcp_host(&self) -> &str {
        match self.host.as_deref() {
            None | Some("" | "localhost") => "127.0.0.1",
            Some(host) => host,
        }
    }

    /// As the C client library does it: no host, or `localhost` without a port, means the machine's socket.
    fn effective_socket(&self) -> Option<PathBuf> {
        if let Some(socket) = &self.socket {
            return Some(socket.clone());
        }
        let local = matches!(self.host.as_deref(), None | Some("" | "localhost"));
        if !local || self.port.is_some() || self.tls != Tls::Off {
            return None;
        }
        let places = [
            "/run/mysqld/mysqld.sock",
            "/var/run/mysqld/mysqld.sock",
            "/var/lib/mysql/mysql.sock",
            "/tmp/mysql.sock",
        ];
        std::env::var_os("MYSQL_UNIX_PORT")
            .map(PathBuf::from)
            .into_iter()
            .chain(places.into_iter().map(PathBuf::from))
            .find(|path| path.exists())
    }

    pub(crate) fn opts(&self) -> mysql_async::Opts {
        let mut opts = mysql_async::OptsBuilder::default()
            .user(Some(self.user.clone()))
            .db_name(Some(self.database.clone()).filter(|name| !name.is_empty()))
            .client_found_rows(true)
            .prefer_socket(false)
            .stmt_cache_size(0)
            .max_allowed_packet(None)
            .init(SESSION.iter().map(|s| (*s).to_owned()).collect::<Vec<_>>());
        if !self.password.is_empty() {
            opts = opts.pass(Some(self.password.clone()));
        }
        opts = match self.effective_socket() {
            Some(socket) => opts.socket(Some(socket.to_string_lossy().into_owned())).prefer_socket(true),
            None => opts.ip_or_hostname(self.tcp_host()).tcp_port(self.port.unwrap_or(3306)),
        };
        if let Tls::Required { ca } = &self.tls {
            let mut ssl = mysql_async::SslOpts::default();
            if let Some(ca) = ca {
                ssl = ssl.with_root_certs(vec![ca.clone().into()]).with_disable_built_in_roots(true);
            }
            opts = opts.ssl_opts(ssl);
        }
        opts.into()
    }
}

/// What every session sets.
/// - READ COMMITTED: locks on the rows that are meant, not on the gaps beside them, so that other programs'
///   inserts go on.
/// - Strict: a value that does not fit a column is an error, not cut off.
/// - English messages: the driver hands some errors on by message only (see `error`).
const SESSION: &[&str] = &[
    "SET SESSION sql_mode = 'STRICT_ALL_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION'",
    "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
    "SET SESSION innodb_lock_wait_timeout = 10",
    "SET SESSION lc_messages = 'en_US'",
    "SET NAMES utf8mb4",
];
