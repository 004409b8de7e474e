//! The daemons as real processes on a real MariaDB: how they start, stop, are killed, share work, and survive
//! their database.
//!
//! Each test has a project and a database of its own. Tests wait for events (a line in a log, a row, a lock that
//! is waited for), never for time to pass. To hold a daemon still in the middle of a transaction, a test locks a
//! table that it is about to write: see [`barrier`].
//!
//! The programs under test are those beside this test's own: `./test` builds them first.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr, reason = "tests")]

mod backlog;
mod barrier;
mod books;
mod dataset;
mod process;
mod stage;

mod bin_start;
mod clock_keys;
mod dataset_command;
mod hostile;
mod instances;
mod kill;
mod outage;
mod recorded_run;
mod startup;
mod stop;
