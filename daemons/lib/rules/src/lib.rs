//! What the daemons decide, apart from doing it: credit, averages, quorum, verdicts, uptime.
//!
//! Everything here is a pure function of its arguments. No I/O, no database, no clock: `now` is a parameter
//! (Unix seconds, server's clock). Being killed can't leave anything half done here; callers write what these
//! functions return in one transaction.
//!
//! - [`average`]: BOINC's recent average and running averages.
//! - [`books`]: a working copy of locked rows, and what changed in it.
//! - [`credit`]: FLOPS to cobblestones; the credit modes; the adaptive scheme.
//! - [`quorum`]: which result is canonical.
//! - [`judge`]: a validator's whole decision about one workunit.
//! - [`uptime`]: what uptime claims are paid.
//! - [`deadline`]: later deadlines for tasks that are alive.
//! - [`guest`]: what a result's guest reports come to.
//! - [`kin`]: which hosts may speak for a result.
//!
//! Formulas follow BOINC's server (`sched/credit.cpp`, `sched/validator.cpp`, `sched/validate_util2.cpp`,
//! `lib/util.cpp`, `lib/average.h`). Where this crate differs on purpose, the item says so under "Differs".

pub mod average;
pub mod books;
pub mod credit;
pub mod deadline;
pub mod guest;
pub mod judge;
pub mod kin;
pub mod quorum;
pub mod uptime;

pub use boinc::ledger;

/// Version of the rules in this crate, kept with every ledger row. Raised when a formula changes.
pub const RULE_VERSION: u32 = 1;

/// Seconds of a day.
pub const DAY: f64 = 86_400.0;
