//! What is found out about a workunit's outputs before it is judged, and what is kept of the judgement.
//!
//! For the validator, and for whoever wants to know what the validator would say (`cobblestone rehearse`). It reads
//! output files and no database, and writes nothing: being killed loses nothing.
//!
//! 1. [`Examiner::examine`] reads the outputs that the rules ask for, each file once, compares them, and returns
//!    [`Findings`]: the evidence for `rules::judge::judge`, and what a person wants to know of it.
//! 2. After judging, [`keep`] makes the rows of `cobblestone_judgement` and `cobblestone_verdict` of them.
//!
//! Where to extend: a new kind of output or comparison belongs into the crate `compare`; the use of it here is in
//! `outputs` alone.

mod again;
mod crowd;
mod digest;
mod evidence;
mod keep;
mod outputs;
mod pool;

pub use again::{Again, Rehearsal, Texts, Unjudgeable, again, decided};
pub use crowd::Crowd;
pub use evidence::{Case, Examiner, Findings, to_read};
pub use keep::{Circumstances, keep};
pub use outputs::{About, Outputs, STDERR_BYTES, Seen, Unreadable, Uploads, compares_stderr, spec_text};
pub use pool::{in_parallel, prefix_in_parallel};
