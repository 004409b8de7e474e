//! The sections of the file, one module each.
//!
//! A section is a serde struct with `default` and `deny_unknown_fields`, and a `check` that finds what a type
//! cannot say. Its doc comments are for programmers; `project-config/theory.toml` documents every key for
//! administrators, and a test sees to that.

mod assimilate;
mod credit;
mod reports;
mod trickle_down;
mod validate;
mod work;

pub use assimilate::{Assimilate, Outputs};
pub use credit::Credit;
pub use reports::ReportRule;
pub use trickle_down::TrickleDown;
pub use validate::Validate;
pub use work::{Parameter, RESERVED_PARAMETERS, Work};

/// Takes a key of a section and what is wrong with it.
pub(crate) type Report<'a> = dyn FnMut(&str, String) + 'a;
