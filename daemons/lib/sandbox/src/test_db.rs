//! One database per test, on a server that several tests share.
//!
//! With `COBBLESTONE_TEST_DB` (the path of a MySQL socket, user root without password) the databases are made
//! on that server: `./test` starts one for the whole run. Without it, the first test of a process starts
//! a temporary server, which ends with the last [`TestDb`]. Names never collide: they carry the process id
//! and a counter. A database is dropped with its [`TestDb`], also when the test fails; a killed test leaves
//! it behind on the shared server, whose folder is thrown away after the run.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use store::sql::Connection;

use crate::error::{Result, db};
use crate::server::{Server, url_of_socket};

/// The BOINC tables.
pub const BOINC_SQL: &str = include_str!("../../../../sql/boinc.sql");

static COUNTER: AtomicU32 = AtomicU32::new(0);
static SHARED: Mutex<Weak<Server>> = Mutex::new(Weak::new());

/// A fresh database with the BOINC tables.
#[derive(Debug)]
pub struct TestDb {
    name: String,
    socket: PathBuf,
    _server: Option<Arc<Server>>,
    /// Not to be dropped.
    keep: bool,
}

impl TestDb {
    /// Makes a database called `t_<pid>_<counter>_<name>` with the BOINC tables, and none of our own
    /// (those come with `store`'s migrations).
    ///
    /// # Errors
    /// No server can be reached or started, or a statement failed.
    pub async fn new(name: &str) -> Result<Self> {
        let this = Self::empty(name).await?;
        this.connect().await?.script(BOINC_SQL).await.map_err(db("making the BOINC tables"))?;
        Ok(this)
    }

    /// The same on a server of the caller's, which may kill it. Nothing is dropped at the end.
    ///
    /// # Errors
    /// As [`TestDb::new`].
    pub async fn on(server: &Server, name: &str) -> Result<Self> {
        create_database(&server.url(name)).await?;
        let this =
            Self { name: name.to_owned(), socket: server.socket().to_owned(), _server: None, keep: true };
        this.connect().await?.script(BOINC_SQL).await.map_err(db("making the BOINC tables"))?;
        Ok(this)
    }

    /// The same without any table.
    ///
    /// # Errors
    /// As [`TestDb::new`].
    pub async fn empty(name: &str) -> Result<Self> {
        let (socket, server) = match std::env::var_os("COBBLESTONE_TEST_DB").filter(|path| !path.is_empty()) {
            Some(path) => (PathBuf::from(path), None),
            None => {
                let server = tokio::task::spawn_blocking(shared_server)
                    .await
                    .map_err(|error| crate::Error::Input(format!("starting the test server: {error}")))??;
                (server.socket().to_owned(), Some(server))
            }
        };
        let clean: String =
            name.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '_').take(32).collect();
        let number = COUNTER.fetch_add(1, Ordering::Relaxed);
        let name = format!("t_{}_{number}_{clean}", std::process::id());
        create_database(&url_of_socket(&socket, &name)).await?;
        Ok(Self { name, socket, _server: server, keep: false })
    }

    /// How to reach it.
    #[must_use]
    pub fn url(&self) -> store::DbUrl {
        url_of_socket(&self.socket, &self.name)
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// A connection for raw statements.
    ///
    /// # Errors
    /// The server can't be reached.
    pub async fn connect(&self) -> Result<Connection> {
        Connection::open(&self.url()).await.map_err(db("connecting"))
    }
}

impl Drop for TestDb {
    fn drop(&mut self) {
        if self.keep {
            return;
        }
        // Drop can't await, and the test's runtime may be the one that runs us: use a thread of our own.
        let (socket, name) = (self.socket.clone(), self.name.clone());
        let thread = std::thread::spawn(move || {
            let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else {
                return;
            };
            runtime.block_on(async {
                if let Ok(mut connection) = Connection::open(&url_of_socket(&socket, "")).await {
                    let _ = connection.execute(&format!("DROP DATABASE IF EXISTS `{name}`"), &[]).await;
                }
            });
        });
        let _ = thread.join();
    }
}

/// Makes a database with the character set of a BOINC project, when it is missing.
pub(crate) async fn create_database(url: &store::DbUrl) -> Result<()> {
    let server = store::DbUrl { database: String::new(), ..url.clone() };
    let mut connection = Connection::open(&server).await.map_err(db("connecting"))?;
    let name = url.database.replace('`', "");
    connection
        .execute(
            &format!(
                "CREATE DATABASE IF NOT EXISTS `{name}` CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci"
            ),
            &[],
        )
        .await
        .map_err(db("creating the database"))?;
    Ok(())
}

fn shared_server() -> Result<Arc<Server>> {
    let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(server) = shared.upgrade() {
        return Ok(server);
    }
    let server = Arc::new(Server::start_temporary()?);
    *shared = Arc::downgrade(&server);
    Ok(server)
}
