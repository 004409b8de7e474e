//! A whole BOINC project in a folder: for tests, benches, `./demo`, and administrators who rehearse a
//! configuration before they use it.
//!
//! Nothing here may ever touch a real project.

pub mod clock;
pub mod error;
pub mod rng;
pub mod science;
pub mod server;
pub mod test_db;

pub use clock::SimClock;
pub use error::{Error, Result};
pub use server::{Detached, Server};
pub use test_db::{BOINC_SQL, TestDb};
