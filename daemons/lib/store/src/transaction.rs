//! The connection of a daemon, and its named transactions.
//!
//! Invariant: a connection goes back to the [`Store`] only after everything on it ended well. If a future is
//! dropped, a statement fails or the process dies, the connection is closed and the server rolls back what was
//! open. So a transaction is done whole or not at all, and a daemon may be killed at any point.
//!
//! Transactions that the server itself rolled back (deadlock, lock wait) run again, a bounded number of times.
//! When the connection is lost in COMMIT, nobody knows whether it is done: each transaction of this toolkit
//! re-checks what it decided on, so running it again is safe.

use std::ops::{AsyncFn, Deref, DerefMut};
use std::sync::Arc;
use std::time::Duration;

use backon::BackoffBuilder;
use diesel_async::{AsyncMysqlConnection, SimpleAsyncConnection};
use tokio::sync::Mutex;

use crate::error::{Error, Result};
use crate::url::DbUrl;

/// How often a transaction runs at most.
const ATTEMPTS: u32 = 12;

/// A project's database. Cheap to clone; all clones share one connection, so their calls take turns.
#[derive(Clone)]
pub struct Store {
    url: DbUrl,
    idle: Arc<Mutex<Option<AsyncMysqlConnection>>>,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Store({})", self.url)
    }
}

/// A connection on which rows can be read. Reads take no locks.
pub struct Conn {
    pub(crate) db: AsyncMysqlConnection,
}

/// An open transaction: rows can be locked and written.
pub struct Tx {
    conn: Conn,
}

impl Deref for Tx {
    type Target = Conn;
    fn deref(&self) -> &Conn {
        &self.conn
    }
}

impl DerefMut for Tx {
    fn deref_mut(&mut self) -> &mut Conn {
        &mut self.conn
    }
}

impl Store {
    /// A handle; connects now, so that a wrong address or password is known at once.
    pub async fn connect(url: &DbUrl) -> Result<Self> {
        let store = Self { url: url.clone(), idle: Arc::new(Mutex::new(None)) };
        let conn = store.open().await?;
        *store.idle.lock().await = Some(conn);
        Ok(store)
    }

    /// Another handle to the same database, with a connection of its own, which is made when it is first used.
    #[must_use]
    pub fn another(&self) -> Self {
        Self { url: self.url.clone(), idle: Arc::default() }
    }

    /// Where it is connected to.
    #[must_use]
    pub fn url(&self) -> &DbUrl {
        &self.url
    }

    async fn open(&self) -> Result<AsyncMysqlConnection> {
        let conn = mysql_async::Conn::new(self.url.opts()).await?;
        Ok(AsyncMysqlConnection::try_from(conn).await?)
    }

    async fn take(
        &self,
    ) -> Result<(tokio::sync::OwnedMutexGuard<Option<AsyncMysqlConnection>>, AsyncMysqlConnection)> {
        let mut guard = self.idle.clone().lock_owned().await;
        let conn = match guard.take() {
            Some(conn) => conn,
            None => self.open().await?,
        };
        Ok((guard, conn))
    }

    /// Reads outside of a transaction. A connection that the server closed meanwhile is replaced once.
    pub async fn read<T>(&self, name: &'static str, f: impl AsyncFn(&mut Conn) -> Result<T>) -> Result<T> {
        let mut fresh = false;
        loop {
            let (mut guard, db) = self.take().await?;
            let mut conn = Conn { db };
            tracing::trace!(read = name, "read");
            match f(&mut conn).await {
                Ok(value) => {
                    *guard = Some(conn.db);
                    return Ok(value);
                }
                // The server may have closed an idle connection (wait_timeout): one more try on a new one.
                Err(error) if error.is_unavailable() && !fresh => fresh = true,
                Err(error) => return Err(error),
            }
        }
    }

    /// Reads in one snapshot: everything as it stood at one moment, while others go on writing.
    pub async fn snapshot<T>(
        &self,
        name: &'static str,
        f: impl AsyncFn(&mut Conn) -> Result<T>,
    ) -> Result<T> {
        self.read(name, async |conn| {
            conn.db.batch_execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ").await?;
            conn.db.batch_execute("START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY").await?;
            let value = f(conn).await?;
            conn.db.batch_execute("COMMIT").await?;
            Ok(value)
        })
        .await
    }

    /// Runs `f` in one transaction and commits it. `f` runs again when the server rolled back for a deadlock or
    /// lock wait, so it must decide anew from what it reads inside.
    ///
    /// # Errors
    /// What `f` returns (everything is rolled back), or [`Error::Exhausted`].
    pub async fn transaction<T>(
        &self,
        name: &'static str,
        f: impl AsyncFn(&mut Tx) -> Result<T>,
    ) -> Result<T> {
        let mut pauses = backon::ExponentialBuilder::default()
            .with_min_delay(Duration::from_millis(5))
            .with_max_delay(Duration::from_millis(400))
            .with_jitter()
            .with_max_times(ATTEMPTS as usize)
            .build();
        let mut attempts = 0;
        loop {
            attempts += 1;
            match self.attempt(name, &f).await {
                Err(Error::Transient(last)) => {
                    metrics::counter!("cobblestone_db_retries_total", "transaction" => name).increment(1);
                    tracing::debug!(transaction = name, attempts, error = %last, "rolled back by the database, trying again");
                    let Some(pause) = pauses.next().filter(|_| attempts < ATTEMPTS) else {
                        return Err(Error::Exhausted { name, attempts, last });
                    };
                    tokio::time::sleep(pause).await;
                }
                done => return done,
            }
        }
    }

    async fn attempt<T>(&self, name: &'static str, f: &impl AsyncFn(&mut Tx) -> Result<T>) -> Result<T> {
        let (mut guard, mut db) = self.take().await?;
        if db.batch_execute("START TRANSACTION").await.is_err() {
            // Nothing is open yet: an idle connection that the server closed may be replaced.
            db = self.open().await?;
            db.batch_execute("START TRANSACTION").await?;
        }
        tracing::trace!(transaction = name, "begin");
        let mut tx = Tx { conn: Conn { db } };
        match f(&mut tx).await {
            Ok(value) => {
                tx.db.batch_execute("COMMIT").await?;
                tracing::trace!(transaction = name, "committed");
                *guard = Some(tx.conn.db);
                Ok(value)
            }
            Err(error) => {
                // On any error the connection is given up, unless it proves to be in order.
                if tx.db.batch_execute("ROLLBACK").await.is_ok() && !error.is_unavailable() {
                    *guard = Some(tx.conn.db);
                }
                Err(error)
            }
        }
    }
}
