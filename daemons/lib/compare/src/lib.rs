//! Compares the output of two computers: the same, or not, and by how much.
//!
//! For whoever has outputs and a rule. It knows nothing of BOINC and of databases.
//!
//! Words. A [`Spec`] declares what "the same" means; a [`Plan`] is a spec made ready, a [`FilePlan`] the part for one
//! file. A [`File`] is an opened output. [`Parsed`] is its content, made ready once and compared many times. A
//! [`Comparison`] is the answer, with the place of the worst [`Deviation`] in units of the tolerance.
//!
//! ```
//! use compare::{Parsed, Spec};
//! let plan = Spec::numeric(0.0, 1e-6).plan().unwrap();
//! let file = plan.file("out");
//! let left = Parsed::from_bytes(b"pi 3.14159265\n".to_vec(), file);
//! let right = Parsed::from_bytes(b"pi 3.14159266\n".to_vec(), file);
//! assert!(left.check().is_ok());
//! assert!(file.compare(&left, &right).agrees());
//! ```
//!
//! One comparison runs through these modules; each says at its head how to extend it:
//!
//! | module | what it does | extended by |
//! |---|---|---|
//! | `spec` | the declaration, with every mistake found | a field |
//! | `source` | opens with suspicion, unpacks within bounds | a stage |
//! | `format` | records with values, from a stream | a `Format` |
//! | `rows` | records read now, or kept from before | |
//! | `plausible` | what must hold without a partner | a check |
//! | `align` | who is whose partner | an order |
//! | `judge` | every pair by the rule of its column | a `Judge` |
//! | `stat` | histograms: the same but for chance | a test |
//! | `rule` | two values: the same or not | a `Measure` |
//! | `report` | the answer for people and programs | |
//! | `outputs` | several files of one output | |
//! | `rehearse` | a spec tried on a sample | |
//! | `script` | a program for what can't be declared | |
//! | `program` | any program, run to its end or to a timeout | |
//! | `extract` | content as columns, for who compares nothing | a format |
//!
//! Invariants.
//! - The other way round gives the same verdict, but for rules with a first or reference value; the tests try
//!   arbitrary bytes.
//! - Content comes from strangers. No content makes this crate panic, loop or take memory without bound; text is
//!   escaped and cut before it is shown.
//! - The default is strict: NaN agrees with nothing, not even with itself.
//!
//! Nothing is written anywhere, so there is nothing to repair after a kill.

mod align;
mod exact;
pub mod extract;
pub mod format;
mod judge;
mod outputs;
mod parsed;
mod plan;
mod plausible;
pub mod program;
mod rehearse;
mod report;
mod rows;
pub mod rule;
mod script;
pub mod source;
pub mod spec;
mod stat;

pub use exact::KEPT_BYTES;
pub use outputs::{FileComparison, Named, OutputComparison};
pub use parsed::{KEPT_MEMORY, Parsed};
pub use plan::{FilePlan, Plan};
pub use plausible::{Severity, Trend};
pub use rehearse::{Finding, Mutation, MutationError, Protection, SampleFile};
pub use report::{ColumnReport, Comparison, Deviation, Oddity, Reason, Side, Verdict};
pub use script::{Answer, Ran, ScriptSpec, Seen};
pub use source::{Archive, Compression, File, FileError, Malformed, Trouble};
pub use spec::{
    DEFAULT_MAX_BYTES, FileSpec, LARGEST_MAX_BYTES, Method, RuleSpec, Separator, Spec, SpecMistake,
};
pub use stat::Statistics;
