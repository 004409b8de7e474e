//! A validator's whole decision about one workunit.
//!
//! How a validator uses it, for a batch of workunits in the order of ids:
//! 1. [`needs`] says which results' files to read and what to compare. That is slow and needs no lock.
//! 2. In one transaction: lock and read the rows again, load [`Books`], and call [`judge`] for each workunit
//!    with the [`Evidence`] found. Evidence that no longer fits the rows is an error before anything changed:
//!    leave that workunit for the next pass.
//! 3. Write the [`Judgement`]s and [`Books::changes`] in bulk, and commit. Killed before, nothing happened.
//!
//! Invariants: a result is paid `worth − paid`, never less than nothing, in the same transaction that makes it
//! VALID, so no result is paid twice; `granted_credit` becomes max(worth, paid). What an INVALID result was paid stays,
//! or is taken back as the app declares (`invalid_results`). With `paid` = 0 every number is stock's. Results are taken in the order of ids, whatever the order of rows.
//! Source: `handle_wu` in `sched/validator.cpp`, `check_set`, `check_pair` in `sched/validate_util2.cpp`.
//!
//! Differs from stock, on purpose:
//! - Among results that are not equal but within tolerance, the canonical one does not depend on row order
//!   ([`crate::quorum`]).
//! - A transient failure (upload folder away) leaves results INIT and asks for no more instances. Stock marks
//!   them INCONCLUSIVE, which its transitioner never looks at again, and may raise target_nresults.
//! - A comparison that can't say makes no result INVALID. Where it stands between the results and a quorum, one more
//!   result is asked for; if that does not help either ([`is_stuck`]), or there is a canonical result to be compared
//!   with, they stay INIT and are looked at later. Stock calls them INVALID, or fails the workunit in the end.
//! - A late result whose canonical files are gone becomes TOO_LATE, and is paid as the canonical one if the app says so
//!   ([`Options::pay_too_late`]). Stock calls it INVALID.
//! - A suspicious result raises min_quorum for good, and target_nresults with it, and becomes canonical only where no
//!   other can. Stock raises the quorum for one pass, and for adaptive replication only.
//! - Results of one user or host may be declared not to confirm each other ([`Options::independence`]).
//! - A result whose host row is missing gets its state, without credit. Stock leaves it unjudged, and
//!   validator and transitioner wake each other for ever.
//! - A canonical result that can't be found ends in need_validate = 0. Stock tries again at every pass.
//! - A VALID result of a workunit without canonical result is left alone until there is one. Stock grants it 0.

mod decision;
mod evidence;
mod options;
mod pay;
mod plan;
mod revoke;
mod session;
mod set;
mod shares;
mod straggler;

use std::collections::BTreeMap;

use boinc::id::{ResultId, WorkunitId};
use boinc::record::Workunit;

use crate::books::Books;
use session::{Session, Transition};

pub use decision::{CreditedJob, Cut, Judgement, Note, ResultChange, Told, Verdict, Weight, WorkunitChange};
pub use evidence::{Against, Evidence, FileCheck, Instance, Paid, enough_to_compare};
pub use options::{Independence, Options};
pub use plan::{Need, needs};
pub use revoke::{Revocation, settle_abandoned};
pub use set::{foresee, is_stuck};
pub use shares::host_today;

/// The evidence does not fit the rows. Nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JudgeError {
    /// The rows changed since the files were read, or the caller asked for something else.
    #[error("workunit {workunit}: no evidence about result {result}; leave it for the next pass")]
    NoEvidence {
        #[allow(missing_docs)]
        workunit: WorkunitId,
        #[allow(missing_docs)]
        result: ResultId,
    },
    /// Enough results are readable, but they were not compared, or others were.
    #[error("workunit {workunit}: its readable results were not compared; leave it for the next pass")]
    NotCompared {
        #[allow(missing_docs)]
        workunit: WorkunitId,
    },
    /// A result of another workunit.
    #[error("result {result} is none of workunit {workunit}'s; this is a fault of the caller")]
    Foreign {
        #[allow(missing_docs)]
        workunit: WorkunitId,
        #[allow(missing_docs)]
        result: ResultId,
    },
}

/// Judges one workunit with all its results. See the module's documentation.
///
/// # Errors
/// The evidence is not what [`needs`] asks of these rows. The books are unchanged then.
pub fn judge(
    workunit: &Workunit,
    instances: &[Instance],
    evidence: &Evidence,
    options: &Options<'_>,
    books: &mut Books,
) -> Result<Judgement, JudgeError> {
    if let Some(foreign) = instances.iter().find(|instance| instance.row.workunitid != workunit.id) {
        return Err(JudgeError::Foreign { workunit: workunit.id, result: foreign.row.id });
    }
    let mut instances = instances.to_vec();
    instances.sort_by_key(|instance| instance.row.id);
    let need = needs(workunit, instances.iter().map(|instance| &instance.row));
    plan::check(workunit, &need, evidence)?;

    let mut session = Session {
        workunit: workunit.clone(),
        options,
        books,
        transition: Transition::NoChange,
        results: BTreeMap::new(),
        assimilate: None,
        grants: Vec::new(),
        cuts: Vec::new(),
        credited_jobs: Vec::new(),
        notes: Vec::new(),
        told: BTreeMap::new(),
        old_quorum: workunit.min_quorum,
    };
    let verdict = match need {
        Need::CanonicalMissing { canonical } => {
            session.note(
                Weight::Warning,
                Some(canonical),
                "canonical result is none of this workunit's results",
            );
            Verdict::CanonicalMissing
        }
        Need::Stragglers { canonical, .. } => session.stragglers(&instances, canonical, evidence),
        Need::TooFew { .. } | Need::Set { .. } => session.set(instances, evidence),
    };
    Ok(session.finish(verdict))
}

#[cfg(test)]
mod tests;
