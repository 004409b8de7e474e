//! BOINC's vocabulary, without a database: ids, rows, states, config.xml, templates, result documents,
//! trickle messages, guest reports and the fan-out of the upload and download folders.
//!
//! Everything here is a pure function of its input, apart from the few that say that they read a file:
//! [`config::ProjectConfig::read`], [`md5_cache`] and [`download_dir`].
//! What comes from a volunteer's machine is hostile: nothing here panics, whatever the bytes.

pub mod app_files;
pub mod app_version_doc;
pub mod change;
pub mod config;
pub mod download_dir;
pub mod guest_report;
pub mod hierarchy;
pub mod id;
pub mod input_template;
pub mod ledger;
pub mod md5_cache;
pub mod output_template;
pub mod printable;
pub mod record;
pub mod result_doc;
pub mod state;
pub mod trickle;
pub mod trickle_down;
pub mod verdict;

mod c_number;
mod dialect;
mod xml;
