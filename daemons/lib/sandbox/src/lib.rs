//! A whole BOINC project in a folder: for tests, benches, `./demo`, and administrators who rehearse a
//! configuration before they use it.
//!
//! - [`Server`]: a private MariaDB. [`TestDb`]: a database on it with the BOINC tables, one per test.
//! - [`Project`]: project directory, config.xml and database. [`Daemons`]: starts and stops what config.xml
//!   lists, as bin/start and bin/stop do.
//! - Stand-ins for what a sandbox can't have: [`Transitioner`] and [`Scheduler`] for BOINC's C++ programs, a
//!   [`Fleet`] for the volunteers. [`World`] runs them together. They are for rehearsals only, and follow the
//!   originals' behaviour as far as our daemons can see it.
//! - [`SimClock`]: time that runs fast, shared with real daemon processes.
//!
//! Nothing here may ever touch a real project.

pub mod clock;
pub mod daemons;
pub mod error;
pub mod fleet;
pub mod project;
pub mod proxy;
mod retry;
pub mod rng;
mod row;
pub mod scheduler;
pub mod science;
pub mod server;
pub mod test_db;
pub mod transitioner;
pub mod unit_rows;
pub mod world;

pub use clock::SimClock;
pub use daemons::{Daemon, Daemons};
pub use error::{Error, Result};
pub use fleet::{Behaviour, Books, Fate, Fleet, FleetOptions};
pub use project::{DaemonLine, Project, ProjectOptions, Sample, TestProject, VersionLine};
pub use proxy::{Hold, Proxy};
pub use scheduler::Scheduler;
pub use server::{Detached, Server};
pub use test_db::{BOINC_SQL, TestDb};
pub use transitioner::Transitioner;
pub use world::{Progress, World};
