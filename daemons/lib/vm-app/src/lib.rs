//! An application, described once: from the description to BOINC's files, and from a project to what is wrong with it.
//!
//! Words: the *description* is `cobblestone/NAME.toml` ([`Description`]); a *kind* is what a task runs in (virtual
//! machine, container, plain program); a *finding* says what is wrong, why it matters, and the mend ([`Finding`]).
//!
//! - [`files`] makes the texts: vbox_job.xml or job.toml or job.xml, version.xml, templates, `<daemon>` lines.
//! - [`plan_spec`] puts an application's plan classes into the project's plan_class_spec.xml.
//! - [`keep`] decides whether a file may be written: one that a person changed never is.
//! - [`new`] fills a template of `cobblestone/NAME.toml`.
//! - [`checks`] finds what does not fit together.
//!
//! Everything here is a pure function: no file is read or written, no database asked. The command `cobblestone` does
//! that. Invariant: what [`files`] makes has only elements that BOINC's programs know (a property test reads it back as
//! they do), and [`checks`] finds no error in it.
//!
//! Where to extend: a key is a field in `app-config`, a line in a module of [`files`], and a line in project-config/. A
//! check is a function in [`checks`], with a test in which it fires and one in which it does not.

pub mod checks;
mod description;
pub mod files;
mod finding;
pub mod keep;
pub mod new;
pub mod plan_spec;
mod xml;

pub use description::{Description, Kind, NeededFile, PlanClass};
pub use finding::{Finding, Report, Severity};
