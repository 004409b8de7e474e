//! The database: the only user of diesel and mysql_async.
//!
//! Words: a *named transaction* is one short transaction with a name that stands in logs and metrics; a *pass* of a
//! daemon reads candidates without locks and then commits its decisions in named transactions.
//! This crate holds no policy: it locks, reads and writes what it is told to, and says when a row makes no sense.
//!
//! Functions that only read take a [`Conn`]; functions that lock or write take a [`Tx`], so they can't be called
//! outside of a transaction. Rows are locked in one order everywhere: messages, workunits, results, marks,
//! host_app_version, hosts, users, teams; within a table by id.

pub mod abandoned;
pub mod apps;
pub mod aside;
pub mod aside_workunits;
pub mod assimilation;
pub mod audit;
pub mod backlog;
mod bulk;
pub mod campaign_view;
pub mod campaigns;
pub mod cancel;
mod checksum;
pub mod compact;
pub mod control;
pub mod counters;
pub mod credit;
pub mod dataset;
pub mod dropped;
pub mod error;
mod functions;
pub mod host_accounts;
pub mod increments;
pub mod inventory;
pub mod late_reports;
mod ledger_rows;
pub mod ledger_view;
pub mod leftovers;
mod literal;
pub mod messages;
pub mod migrate;
pub mod progress;
pub mod purge;
pub mod quarantine;
pub mod quarantine_view;
pub mod report_view;
pub mod reports;
pub mod review_view;
pub mod reviews;
mod rows;
pub mod sandbox_clock;
pub mod schema;
pub mod shares;
pub mod sql;
pub mod status;
pub mod summaries;
mod text;
pub mod transaction;
pub mod trickles;
pub mod url;
pub mod validation;
pub mod verdicts;
pub mod work;

pub use error::{BadRow, Error, Loaded, Result};
pub use sandbox_clock::SandboxClock;
pub use transaction::{Conn, Store, Tx};
pub use url::{DbUrl, Tls};
