//! Compares the output of two computers: the same, or not, and by how much.
//!
//! For whoever has outputs and a rule. It knows nothing of BOINC and of databases.
//!
//! Words. A [`Spec`] declares what "the same" means. A [`File`] is an opened output. [`Parsed`] is its content,
//! made ready once and compared many times. A [`Comparison`] is the answer, with the place of the worst
//! [`Deviation`] in units of the tolerance.
//!
//! ```
//! use compare::{Parsed, Spec, compare};
//! let spec = Spec::numeric(0.0, 1e-6);
//! let left = Parsed::from_bytes(b"pi 3.14159265\n".to_vec(), &spec);
//! let right = Parsed::from_bytes(b"pi 3.14159266\n".to_vec(), &spec);
//! assert!(left.check().is_ok());
//! assert!(compare(&left, &right, &spec).agrees());
//! ```
//!
//! Invariants.
//! - `compare(a, b)` and `compare(b, a)` give the same verdict; the tests try arbitrary bytes.
//! - Content comes from strangers. No content makes this crate panic, loop or read more than `max_bytes`;
//!   offsets are checked, text is escaped and cut before it is shown.
//! - The default is strict: NaN agrees with nothing, not even with itself.
//!
//! Nothing is written anywhere, so there is nothing to repair after a kill.
//!
//! Where to extend: a new source beside `file`, a new format beside `table`, a new rule beside `tolerance`.

mod cell;
mod comparison;
mod exact;
mod file;
mod number;
mod numeric;
mod parsed;
mod shown;
mod spec;
mod table;
mod tolerance;

pub use comparison::{Comparison, Deviation, Reason, Verdict, compare};
pub use exact::KEPT_BYTES;
pub use file::{File, FileError};
pub use parsed::{Malformed, Parsed};
pub use spec::{DEFAULT_MAX_BYTES, LARGEST_MAX_BYTES, Method, Separator, Spec, SpecMistake};
pub use tolerance::Tolerance;
