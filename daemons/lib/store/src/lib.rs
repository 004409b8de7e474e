//! The database: the only user of diesel and mysql_async.
//!
//! Words: a *named transaction* is one short transaction with a name that stands in logs and metrics; a *pass* of a
//! daemon reads candidates without locks and then commits its decisions in named transactions.
//! This crate holds no policy: it locks, reads and writes what it is told to, and says when a row makes no sense.

pub mod error;
pub mod sql;
pub mod url;

pub use error::{Error, Result};
pub use url::{DbUrl, Tls};
