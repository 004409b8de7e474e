//! The sections of the file, one module each.
//!
//! A section is a serde struct with `default` and `deny_unknown_fields`, and a `check` that finds what a type
//! cannot say. Its doc comments are for programmers; `project-config/theory.toml` documents every key for
//! administrators, and a test sees to that.

mod assimilate;
mod container;
mod credit;
mod daemons;
mod reports;
mod task;
mod trickle_down;
mod validate;
mod version;
mod vm;
mod work;
mod wrapper;

pub use assimilate::{Assimilate, Hook, HookPer, Outputs, ParameterType, S3, Summary};
pub use container::Container;
pub use credit::Credit;
pub use daemons::Daemons;
pub use reports::ReportRule;
pub use task::{InputFile, Output, Task};
pub use trickle_down::TrickleDown;
pub use validate::Validate;
pub use version::{Version, VersionFile};
pub use vm::{
    Context, LEAST_VM_MEMORY_MB, MOST_VM_CORES, Method as ContextMethod, Network, Port, Share, Vm,
    virtualbox_version,
};
pub use work::{Parameter, RESERVED_PARAMETERS, Work};
pub use wrapper::{Program, Wrapper};

/// Takes a key of a section and what is wrong with it.
pub(crate) type Report<'a> = dyn FnMut(&str, String) + 'a;
