//! What can go wrong with the database, sorted by what a daemon does about it.
//!
//! | error | what a daemon does |
//! |---|---|
//! | [`Error::is_unavailable`] | waits and comes back, for as long as it takes |
//! | [`Error::is_refused`] | says why and exits with status 1 |
//! | [`Error::is_transient`] | the transaction was rolled back by the server: run it again |
//! | [`Error::Row`] | sets that row aside, goes on with the others |
//! | anything else | logs it, and tries again at the next pass |
//!
//! The diesel driver hands server errors on by message, without their number. [`classify`] is the one place
//! that reads those messages.

use diesel::result::{ConnectionError, DatabaseErrorKind, Error as Diesel};

/// See the module's table.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The server can't be reached, is starting, stopping, or full.
    #[error("the database is not available: {0}")]
    Unavailable(String),
    /// The server answers, and will go on saying no until a person mends the configuration.
    #[error("the database refuses: {0}; look at db_host, db_user, db_passwd and db_name in config.xml")]
    Refused(String),
    /// Our tables are not as this version of the toolkit needs them, or the server is too old.
    #[error("{0}")]
    Unfit(String),
    /// Deadlock or lock wait: rolled back by the server.
    #[error("rolled back by the database: {0}")]
    Transient(String),
    /// A transaction met deadlocks or lock waits too many times in a row.
    #[error(
        "transaction `{name}` was rolled back {attempts} times: {last}; is another program holding locks? SHOW ENGINE INNODB STATUS tells"
    )]
    Exhausted {
        /// Name of the transaction.
        name: &'static str,
        /// How often it ran.
        attempts: u32,
        /// The last error.
        last: String,
    },
    /// A row makes no sense.
    #[error(transparent)]
    Row(#[from] BadRow),
    /// A statement changed another number of rows than it had to.
    #[error("{what}: expected {expected} rows, changed {changed}")]
    Count {
        /// Which statement.
        what: &'static str,
        #[allow(missing_docs)]
        expected: usize,
        #[allow(missing_docs)]
        changed: usize,
    },
    /// A value that must be unique is there already.
    #[error("already there: {0}")]
    Duplicate(String),
    /// A value is infinite or no number: it was not sent.
    #[error("{0} would be infinite or no number; look at the columns that it is computed from")]
    NotFinite(String),
    /// Anything else.
    #[error("database: {0}")]
    Other(String),
}

/// `Result` with this crate's [`Error`].
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// The database is away: wait.
    #[must_use]
    pub fn is_unavailable(&self) -> bool {
        matches!(self, Self::Unavailable(_))
    }

    /// A person must mend the configuration: exit.
    #[must_use]
    pub fn is_refused(&self) -> bool {
        matches!(self, Self::Refused(_) | Self::Unfit(_))
    }

    /// A value does not fit its column, or stands there already: one item of a batch is to blame, not the database.
    #[must_use]
    pub fn is_data(&self) -> bool {
        match self {
            Self::Duplicate(_) | Self::NotFinite(_) => true,
            Self::Other(message) => {
                ["Out of range value", "Data too long", "Incorrect ", "Truncated incorrect"]
                    .iter()
                    .any(|words| message.contains(words))
            }
            _ => false,
        }
    }

    /// Run the transaction again.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Transient(_))
    }
}

/// A row that makes no sense: it is set aside, the others go on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{table} {id}: {problem}")]
pub struct BadRow {
    #[allow(missing_docs)]
    pub table: &'static str,
    /// Value of its `id`.
    pub id: i64,
    /// Column and what is wrong with it.
    pub problem: String,
}

/// Rows that were read, those that make no sense apart.
#[derive(Debug, Clone)]
pub struct Loaded<T> {
    /// Decoded.
    pub rows: Vec<T>,
    /// Could not be decoded.
    pub bad: Vec<BadRow>,
}

impl<T> Loaded<T> {
    pub(crate) fn sort(rows: impl IntoIterator<Item = std::result::Result<T, BadRow>>) -> Self {
        let mut loaded = Self { rows: Vec::new(), bad: Vec::new() };
        for row in rows {
            match row {
                Ok(row) => loaded.rows.push(row),
                Err(bad) => loaded.bad.push(bad),
            }
        }
        loaded
    }
}

/// Sorts a server's or driver's message.
///
/// With `lc_messages = en_US` (set for each session) the texts are those of the server's error list:
/// 1213 "Deadlock found", 1205 "Lock wait timeout", 1020 "Record has changed since last read" (MariaDB's
/// snapshot check), 1040, 1053, 1158–1161, 1927, 2006, 2013 and the driver's own words for a lost connection.
#[must_use]
pub fn classify(message: &str) -> Error {
    let has = |words: &[&str]| words.iter().any(|word| message.contains(word));
    if has(&["Deadlock found", "Lock wait timeout exceeded", "Record has changed since last read"]) {
        Error::Transient(message.to_owned())
    } else if has(&["Access denied", "Unknown database", "Host '", "is not allowed to connect"]) {
        Error::Refused(message.to_owned())
    } else if has(&[
        "Too many connections",
        "Server shutdown in progress",
        "Connection was killed",
        "Query execution was interrupted",
        "Lost connection",
        "has gone away",
        "Connection refused",
        "Connection reset",
        "connection closed",
        "Connection to the server is closed",
        "Broken pipe",
        "broken pipe",
        "Input/output error",
        "No such file or directory",
        "timed out",
        "unexpected end of file",
        "early eof",
        "Got timeout",
        "Got an error reading communication packets",
        "--read-only",
    ]) {
        Error::Unavailable(message.to_owned())
    } else {
        Error::Other(message.to_owned())
    }
}

/// A connection that broke or could not be made: the server is away, unless its certificate is the reason.
fn lost(message: String) -> Error {
    // The driver says it once for each layer.
    let short = message.trim_start_matches("Input/output error: ").to_owned();
    if message.contains("certificate") { Error::Refused(short) } else { Error::Unavailable(short) }
}

impl From<Diesel> for Error {
    fn from(error: Diesel) -> Self {
        match error {
            Diesel::DatabaseError(DatabaseErrorKind::UniqueViolation, info) => {
                Self::Duplicate(info.message().to_owned())
            }
            Diesel::DatabaseError(DatabaseErrorKind::ClosedConnection, info) => {
                Self::Unavailable(info.message().to_owned())
            }
            Diesel::DatabaseError(DatabaseErrorKind::SerializationFailure, info) => {
                Self::Transient(info.message().to_owned())
            }
            Diesel::BrokenTransactionManager => {
                Self::Unavailable("the connection broke in a transaction".to_owned())
            }
            other => classify(&other.to_string()),
        }
    }
}

impl From<ConnectionError> for Error {
    fn from(error: ConnectionError) -> Self {
        match error {
            ConnectionError::BadConnection(message) => match classify(&message) {
                Self::Other(message) => Self::Unavailable(message),
                sorted => sorted,
            },
            other => classify(&other.to_string()),
        }
    }
}

impl From<mysql_async::Error> for Error {
    fn from(error: mysql_async::Error) -> Self {
        match &error {
            mysql_async::Error::Server(server) => match server.code {
                1213 | 1205 | 1020 => Self::Transient(server.message.clone()),
                1044 | 1045 | 1049 | 1129 | 1130 | 1227 | 1698 => Self::Refused(server.message.clone()),
                1040 | 1041 | 1053 | 1077 | 1152 | 1158..=1161 | 1203 | 1290 | 1317 | 1836 | 1927 => {
                    Self::Unavailable(server.message.clone())
                }
                1062 => Self::Duplicate(server.message.clone()),
                _ => Self::Other(server.to_string()),
            },
            mysql_async::Error::Io(mysql_async::IoError::Tls(tls)) => Self::Refused(format!("TLS: {tls}")),
            mysql_async::Error::Io(_) => lost(error.to_string()),
            mysql_async::Error::Driver(
                mysql_async::DriverError::ConnectionClosed | mysql_async::DriverError::PoolDisconnected,
            ) => Self::Unavailable(error.to_string()),
            mysql_async::Error::Driver(_) => match classify(&error.to_string()) {
                Self::Other(message) if message.contains("SSL") => Self::Refused(message),
                sorted => sorted,
            },
            _ => Self::Other(error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_driver_says_twice_is_said_once() {
        let twice =
            "Input/output error: Input/output error: No such file or directory (os error 2)".to_owned();
        let said = lost(twice).to_string();
        assert_eq!(said, "the database is not available: No such file or directory (os error 2)");
    }

    #[test]
    fn messages_are_sorted_by_what_to_do() {
        assert!(
            classify("Deadlock found when trying to get lock; try restarting transaction").is_transient()
        );
        assert!(classify("Lock wait timeout exceeded; try restarting transaction").is_transient());
        assert!(classify("Server shutdown in progress").is_unavailable());
        assert!(classify("Connection was killed").is_unavailable());
        assert!(classify("Input/output error: connection closed").is_unavailable());
        assert!(classify("Access denied for user 'x'@'localhost'").is_refused());
        assert!(classify("Unknown database 'nix'").is_refused());
        assert!(matches!(classify("Table 'a.b' doesn't exist"), Error::Other(_)));
    }
}
