//! BOINC's vocabulary, without a database: ids, rows, states, config.xml, templates, result documents,
//! trickle messages and the fan-out of the upload and download folders.
//!
//! Everything here is a pure function of its input, apart from the few that say that they read a file.
//! What comes from a volunteer's machine is hostile: nothing here panics, whatever the bytes.

pub mod id;
pub mod ledger;
pub mod record;
pub mod state;
