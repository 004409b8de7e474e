//! A private MariaDB: own data folder, own socket, own TCP port on 127.0.0.1.
//!
//! It reads no configuration of the machine, and its durability settings are MariaDB's defaults, so that
//! what survives a `kill −9` here is what survives it in production, and speeds measured here are honest.
//! User `root` has an empty password; the port is bound to 127.0.0.1 only. Not for data that matters.
//!
//! When the process that started it ends in whatever way, the server ends too: [`Server`] stops it on drop,
//! and a watchdog, a shell that waits for the end of a pipe whose other end this process holds, stops it
//! after a `kill −9`. The exception is [`Server::detach`].

use std::fs;
use std::io::Read;
use std::net::TcpListener;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::error::{Error, Result, file};

/// Longest wait for the server to accept connections. A first start on a slow disk takes some seconds.
const START_TIMEOUT: Duration = Duration::from_secs(90);
/// Longest wait for a clean stop.
const STOP_TIMEOUT: Duration = Duration::from_secs(60);
/// `sockaddr_un` holds 108 bytes.
const MAX_SOCKET_PATH: usize = 100;

/// A running private MariaDB.
#[derive(Debug)]
pub struct Server {
    dir: PathBuf,
    socket: PathBuf,
    port: u16,
    child: Option<Child>,
    watchdog: Option<Child>,
    /// Set when the folder is ours to delete.
    temporary: Option<tempfile::TempDir>,
    /// Holds the socket when `dir` has too long a path for one.
    socket_dir: Option<tempfile::TempDir>,
}

/// A server that was left running: how to reach it and how to stop it (SIGTERM to `pid`).
#[derive(Debug, Clone)]
pub struct Detached {
    /// Process id of `mariadbd`.
    pub pid: u32,
    #[allow(missing_docs)]
    pub socket: PathBuf,
    /// On 127.0.0.1.
    pub port: u16,
    /// Its folder, with data, configuration and log.
    pub dir: PathBuf,
}

/// Lines of [`Server::configure`], in the server's folder.
const MORE_CONFIGURATION: &str = "more.cnf";

impl Server {
    /// Starts a server that keeps its files in `dir`, making them when they are missing. A folder made by an
    /// earlier call is used again with its databases. Blocks until the server accepts connections.
    ///
    /// # Errors
    /// MariaDB is not installed, the folder can't be written, or the server does not come up.
    pub fn start(dir: impl AsRef<Path>) -> Result<Self> {
        let dir = dir.as_ref();
        fs::create_dir_all(dir).map_err(file("can't make the folder", dir))?;
        let dir = dir.canonicalize().map_err(file("can't find", dir))?;
        let mut socket = dir.join("mariadb.sock");
        let mut socket_dir = None;
        if socket.as_os_str().len() > MAX_SOCKET_PATH {
            let short = tempfile::Builder::new()
                .prefix("cobblestone-")
                .tempdir()
                .map_err(file("can't make a temporary folder below", &std::env::temp_dir()))?;
            socket = short.path().join("mariadb.sock");
            socket_dir = Some(short);
        }
        if greets(&socket) {
            return Err(Error::Input(format!(
                "a database server runs in {} already; stop it first: mariadb-admin --socket={} -u root shutdown",
                dir.display(),
                socket.display()
            )));
        }
        let mut server =
            Self { dir, socket, port: 0, child: None, watchdog: None, temporary: None, socket_dir };
        server.install()?;
        // Another process may take the port between our look and the server's bind: try again.
        for attempt in 0.. {
            server.port = free_port()?;
            match server.launch() {
                Ok(()) => break,
                Err(error) if attempt < 3 && error.to_string().contains("already in use") => {}
                Err(error) => return Err(error),
            }
        }
        Ok(server)
    }

    /// Starts a server in a new temporary folder, which is deleted when the server is dropped.
    ///
    /// # Errors
    /// As [`Server::start`].
    pub fn start_temporary() -> Result<Self> {
        let temporary = tempfile::Builder::new()
            .prefix("cobblestone-db-")
            .tempdir()
            .map_err(file("can't make a temporary folder below", &std::env::temp_dir()))?;
        let mut server = Self::start(temporary.path())?;
        server.temporary = Some(temporary);
        // The watchdog of a temporary server also deletes the folder.
        server.watch()?;
        Ok(server)
    }

    /// The server's folder.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Its Unix socket.
    #[must_use]
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// Its TCP port on 127.0.0.1. Kept over [`Server::restart`].
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Process id, while it runs.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }

    /// How to reach `database` on this server (over the socket, as root). The name may be empty.
    #[must_use]
    pub fn url(&self, database: &str) -> store::DbUrl {
        url_of_socket(&self.socket, database)
    }

    /// Stops it cleanly (SIGTERM) and waits. Does nothing when it does not run.
    ///
    /// # Errors
    /// It did not end within a minute; then it is killed on drop.
    pub fn stop(&mut self) -> Result<()> {
        self.end_watchdog();
        let Some(mut child) = self.child.take() else { return Ok(()) };
        if let Some(pid) = pid_of(&child) {
            let _ = kill_process(pid, Signal::TERM);
        }
        let start = Instant::now();
        loop {
            match child.try_wait() {
                Ok(Some(_)) => return Ok(()),
                Ok(None) if start.elapsed() < STOP_TIMEOUT => std::thread::sleep(Duration::from_millis(10)),
                _ => {
                    self.child = Some(child);
                    return Err(self.failed("did not stop"));
                }
            }
        }
    }

    /// Kills it (SIGKILL), as a power failure of the database machine would. For tests.
    pub fn kill(&mut self) {
        self.end_watchdog();
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Starts it again on the same port and socket; stops it first when it runs.
    ///
    /// # Errors
    /// As [`Server::start`] and [`Server::stop`].
    pub fn restart(&mut self) -> Result<()> {
        self.stop()?;
        self.launch()
    }

    /// Lets the server run on after this process. Returns how to reach and stop it.
    ///
    /// # Errors
    /// It does not run.
    pub fn detach(mut self) -> Result<Detached> {
        let Some(child) = self.child.take() else { return Err(self.failed("does not run")) };
        self.end_watchdog();
        for dir in [self.temporary.take(), self.socket_dir.take()].into_iter().flatten() {
            let _ = dir.keep();
        }
        Ok(Detached { pid: child.id(), socket: self.socket.clone(), port: self.port, dir: self.dir.clone() })
    }

    fn install(&self) -> Result<()> {
        if self.dir.join("data/mysql").is_dir() {
            return Ok(());
        }
        let program = find(&["mariadb-install-db", "mysql_install_db"])?;
        let temporary = self.temporary_dir()?;
        // About half a second: not worth a cached copy.
        let output = Command::new(program)
            .arg("--no-defaults")
            .arg(format!("--datadir={}", self.dir.join("data").display()))
            .args(["--auth-root-authentication-method=normal", "--skip-test-db", "--skip-name-resolve"])
            .arg("--innodb-log-file-size=64M")
            .arg(format!("--tmpdir={}", temporary.display()))
            .env("TMPDIR", &temporary)
            .args(user_argument())
            .stdin(Stdio::null())
            .output()
            .map_err(file("can't run mariadb-install-db for", &self.dir))?;
        if output.status.success() {
            return Ok(());
        }
        Err(Error::Server {
            dir: self.dir.clone(),
            what: format!("could not be installed ({})", output.status),
            log: tail(&[output.stdout, output.stderr].concat()),
        })
    }

    /// Not shared: a starting server deletes what it takes for its own left-over temporary tables.
    fn temporary_dir(&self) -> Result<PathBuf> {
        let dir = self.dir.join("tmp");
        fs::create_dir_all(&dir).map_err(file("can't make the folder", &dir))?;
        Ok(dir)
    }

    fn launch(&mut self) -> Result<()> {
        self.temporary_dir()?;
        let program = find(&["mariadbd", "mysqld"])?;
        let config = self.dir.join("my.cnf");
        fs::write(&config, self.configuration()).map_err(file("can't write", &config))?;
        let _ = fs::remove_file(&self.socket);
        let log = self.dir.join("error.log");
        let out =
            fs::OpenOptions::new().create(true).append(true).open(&log).map_err(file("can't write", &log))?;
        let both = out.try_clone().map_err(file("can't write", &log))?;
        let child = Command::new(program)
            .arg(format!("--defaults-file={}", config.display()))
            .args(user_argument())
            .stdin(Stdio::null())
            .stdout(out)
            .stderr(both)
            // Out of the reach of Ctrl-C: whoever started us stops the daemons first, then the server.
            .process_group(0)
            .spawn()
            .map_err(file("can't start mariadbd in", &self.dir))?;
        self.child = Some(child);
        self.watch()?;
        self.wait_until_ready()
    }

    /// More lines for the server's configuration (section `mariadbd`), used from the next start on.
    ///
    /// # Errors
    /// They can't be written.
    pub fn configure(&self, lines: &str) -> Result<()> {
        let path = self.dir.join(MORE_CONFIGURATION);
        fs::write(&path, lines).map_err(file("can't write", &path))
    }

    fn configuration(&self) -> String {
        let Self { dir, socket, port, .. } = self;
        let more = fs::read_to_string(dir.join(MORE_CONFIGURATION)).unwrap_or_default();
        let ours = format!(
            "# Written by the sandbox at every start. Durability settings are MariaDB's defaults.\n\
             [mariadbd]\n\
             datadir=\"{dir}/data\"\n\
             tmpdir=\"{dir}/tmp\"\n\
             socket=\"{socket}\"\n\
             pid-file=\"{dir}/mariadb.pid\"\n\
             port={port}\n\
             bind-address=127.0.0.1\n\
             skip-name-resolve\n\
             max_connections=200\n\
             innodb_buffer_pool_size=256M\n\
             innodb_log_file_size=64M\n\
             character-set-server=utf8mb4\n\
             collation-server=utf8mb4_unicode_ci\n",
            dir = dir.display(),
            socket = socket.display(),
        );
        ours + &more
    }

    /// Starts the watchdog, in place of an earlier one.
    fn watch(&mut self) -> Result<()> {
        self.end_watchdog();
        let Some(pid) = self.pid() else { return Ok(()) };
        let mut command = Command::new("/bin/sh");
        command
            .arg("-c")
            .arg(
                "read -r _; kill -TERM \"$1\" 2>/dev/null; \
                 if [ -n \"$2\" ]; then n=0; while kill -0 \"$1\" 2>/dev/null && [ $n -lt 300 ]; do n=$((n+1)); sleep 0.2; done; rm -rf -- \"$2\"; fi",
            )
            .arg("cobblestone-sandbox-watchdog")
            .arg(pid.to_string())
            .arg(self.temporary.as_ref().map(|dir| dir.path().as_os_str().to_owned()).unwrap_or_default())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0);
        self.watchdog = Some(command.spawn().map_err(file("can't run /bin/sh for", &self.dir))?);
        Ok(())
    }

    fn end_watchdog(&mut self) {
        if let Some(mut watchdog) = self.watchdog.take() {
            let _ = watchdog.kill();
            let _ = watchdog.wait();
        }
    }

    fn wait_until_ready(&mut self) -> Result<()> {
        let start = Instant::now();
        loop {
            if greets(&self.socket) {
                return Ok(());
            }
            let ended = match &mut self.child {
                Some(child) => child.try_wait().ok().flatten(),
                None => return Err(self.failed("does not run")),
            };
            if let Some(status) = ended {
                self.end_watchdog();
                self.child = None;
                return Err(self.failed(&format!("ended at once ({status})")));
            }
            if start.elapsed() > START_TIMEOUT {
                self.kill();
                return Err(self.failed("did not accept connections in time"));
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    fn failed(&self, what: &str) -> Error {
        let log = fs::read(self.dir.join("error.log")).unwrap_or_default();
        Error::Server { dir: self.dir.clone(), what: what.to_owned(), log: tail(&log) }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // A temporary folder is deleted next: no need for a clean end.
        if self.temporary.is_some() || self.stop().is_err() {
            self.kill();
        }
    }
}

/// How to reach `database` over a Unix socket as root without a password.
pub(crate) fn url_of_socket(socket: &Path, database: &str) -> store::DbUrl {
    store::DbUrl {
        host: None,
        port: None,
        socket: Some(socket.to_owned()),
        user: "root".to_owned(),
        password: String::new(),
        database: database.to_owned(),
        tls: store::Tls::default(),
    }
}

/// True when a MySQL server says hello on the socket: its first packet has protocol version 10.
fn greets(socket: &Path) -> bool {
    let Ok(mut stream) = UnixStream::connect(socket) else { return false };
    let _ = stream.set_read_timeout(Some(Duration::from_secs(5)));
    let mut head = [0_u8; 5];
    stream.read_exact(&mut head).is_ok() && head.last() == Some(&10)
}

fn free_port() -> Result<u16> {
    let nowhere = Path::new("127.0.0.1");
    TcpListener::bind(("127.0.0.1", 0))
        .and_then(|listener| listener.local_addr())
        .map(|address| address.port())
        .map_err(file("can't find a free port on", nowhere))
}

fn pid_of(child: &Child) -> Option<Pid> {
    i32::try_from(child.id()).ok().and_then(Pid::from_raw)
}

/// mariadbd refuses to run as root unless told to.
fn user_argument() -> Option<&'static str> {
    rustix::process::geteuid().is_root().then_some("--user=root")
}

fn find(names: &[&'static str]) -> Result<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let more = ["/usr/sbin", "/usr/local/sbin", "/usr/libexec"].map(PathBuf::from);
    let dirs: Vec<PathBuf> = std::env::split_paths(&path).chain(more).collect();
    names
        .iter()
        .flat_map(|name| dirs.iter().map(move |dir| dir.join(name)))
        .find(|program| program.is_file())
        .ok_or(Error::NotInstalled { program: names.first().copied().unwrap_or("mariadbd") })
}

/// The last 20 lines.
fn tail(log: &[u8]) -> String {
    let text = String::from_utf8_lossy(log);
    let lines: Vec<&str> = text.lines().collect();
    lines
        .iter()
        .skip(lines.len().saturating_sub(20))
        .fold(String::new(), |all, line| all + "  " + line + "\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_program_says_what_to_install() {
        let error = find(&["no-such-program-here"]).unwrap_err();
        assert!(error.to_string().contains("apt-get install mariadb-server"), "{error}");
    }

    #[test]
    fn tail_keeps_the_end() {
        let log: String = (0..50).map(|n| format!("line {n}\n")).collect();
        let end = tail(log.as_bytes());
        assert!(end.starts_with("  line 30\n") && end.ends_with("  line 49\n"), "{end}");
    }
}
