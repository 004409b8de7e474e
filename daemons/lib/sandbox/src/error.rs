//! What can go wrong in the sandbox, and what to do next.

use std::path::{Path, PathBuf};

/// The error of everything in this crate.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A program of the database server is not installed.
    #[error("{program} was not found; install it with: apt-get install mariadb-server")]
    NotInstalled {
        /// Name of the program.
        program: &'static str,
    },
    /// The private database server did not do what it should.
    #[error("the private MariaDB in {dir} {what}; its log ends with:\n{log}", dir = .dir.display())]
    Server {
        /// The server's folder.
        dir: PathBuf,
        /// What happened.
        what: String,
        /// Last lines of its error log.
        log: String,
    },
    /// A file or folder could not be read or written.
    #[error("{what} {path}: {source}", path = .path.display())]
    File {
        /// What was tried, as in "can't write".
        what: &'static str,
        #[allow(missing_docs)]
        path: PathBuf,
        #[allow(missing_docs)]
        source: std::io::Error,
    },
    /// A statement failed.
    #[error("sandbox database, {what}: {source}")]
    Database {
        /// What was tried.
        what: &'static str,
        #[allow(missing_docs)]
        source: store::Error,
    },
    /// Something given to the sandbox makes no sense.
    #[error("{0}")]
    Input(String),
    /// A daemon did not start or stop.
    #[error("daemon {name}: {what}")]
    Daemon {
        /// Its program.
        name: String,
        /// What happened, and where its log is.
        what: String,
    },
}

/// `Result` with this crate's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Turns an I/O error into [`Error::File`].
pub(crate) fn file(what: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Error {
    move |source| Error::File { what, path: path.to_owned(), source }
}

/// Turns an error of the database into [`Error::Database`].
pub(crate) fn db(what: &'static str) -> impl FnOnce(store::Error) -> Error {
    move |source| Error::Database { what, source }
}
