//! What has to be read and compared before a workunit can be judged.

use std::collections::{BTreeMap, BTreeSet};

use boinc::id::ResultId;
use boinc::record::{ResultRow, Workunit};
use boinc::state::{Outcome, ServerState, ValidateState};

use super::{Evidence, FileCheck, JudgeError, enough_to_compare};

/// What [`super::judge`] needs to be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Need {
    /// Nothing: fewer viable results than min_quorum.
    TooFew {
        #[allow(missing_docs)]
        viable: usize,
    },
    /// Whether these can be read; if [`super::enough_to_compare`], who of the readable ones agrees with whom.
    Set {
        /// In the order of ids.
        viable: Vec<ResultId>,
    },
    /// How each of these compares with the canonical result.
    Stragglers {
        #[allow(missing_docs)]
        canonical: ResultId,
        /// In the order of ids.
        late: Vec<ResultId>,
    },
    /// Nothing: the canonical result is not among the results.
    CanonicalMissing {
        #[allow(missing_docs)]
        canonical: ResultId,
    },
}

fn succeeded(row: &ResultRow) -> bool {
    row.server_state == ServerState::Over && row.outcome == Outcome::Success
}

/// Could become canonical: OVER, SUCCESS, not INVALID.
pub(super) fn viable(row: &ResultRow) -> bool {
    succeeded(row) && row.validate_state != ValidateState::Invalid
}

/// To be compared with the canonical result: OVER, SUCCESS, INIT or INCONCLUSIVE.
pub(super) fn late(row: &ResultRow) -> bool {
    succeeded(row) && matches!(row.validate_state, ValidateState::Init | ValidateState::Inconclusive)
}

/// What to find out about a workunit and all its results (`handle_wu` in `sched/validator.cpp`).
#[must_use]
pub fn needs<'a>(workunit: &Workunit, rows: impl IntoIterator<Item = &'a ResultRow>) -> Need {
    let rows: BTreeMap<ResultId, &ResultRow> = rows.into_iter().map(|row| (row.id, row)).collect();
    let canonical = workunit.canonical_resultid;
    let ids = |wanted: fn(&ResultRow) -> bool| -> Vec<ResultId> {
        rows.values().filter(|row| wanted(row)).map(|row| row.id).collect()
    };
    if canonical != ResultId(0) {
        return if rows.contains_key(&canonical) {
            Need::Stragglers { canonical, late: ids(late) }
        } else {
            Need::CanonicalMissing { canonical }
        };
    }
    let viable = ids(viable);
    // A negative quorum is never reached (stock compares it as unsigned).
    match usize::try_from(workunit.min_quorum) {
        Ok(quorum) if viable.len() >= quorum => Need::Set { viable },
        _ => Need::TooFew { viable: viable.len() },
    }
}

/// The evidence is complete, and about these results.
pub(super) fn check(workunit: &Workunit, need: &Need, evidence: &Evidence) -> Result<(), JudgeError> {
    let id = workunit.id;
    let all = |wanted: &[ResultId], has: &dyn Fn(&ResultId) -> bool| {
        wanted
            .iter()
            .find(|result| !has(result))
            .map_or(Ok(()), |result| Err(JudgeError::NoEvidence { workunit: id, result: *result }))
    };
    match (need, evidence) {
        (Need::TooFew { .. } | Need::CanonicalMissing { .. }, _) => Ok(()),
        (Need::Stragglers { late, .. }, Evidence::Stragglers(found)) => all(late, &|r| found.contains_key(r)),
        (Need::Stragglers { late, .. }, _) => all(late, &|_| false),
        (Need::Set { viable }, Evidence::Later { files, .. }) => all(viable, &|r| files.contains_key(r)),
        (Need::Set { viable }, Evidence::Set { files, agreement }) => {
            all(viable, &|r| files.contains_key(r))?;
            let asked: BTreeMap<ResultId, FileCheck> =
                files.iter().filter(|(r, _)| viable.contains(r)).map(|(r, c)| (*r, c.clone())).collect();
            if !enough_to_compare(workunit, &asked) {
                return Ok(());
            }
            let good: BTreeSet<ResultId> =
                asked.iter().filter(|(_, c)| c.is_good()).map(|(r, _)| *r).collect();
            let compared = agreement.as_ref().map(|a| a.ids().iter().copied().collect::<BTreeSet<_>>());
            if compared == Some(good) { Ok(()) } else { Err(JudgeError::NotCompared { workunit: id }) }
        }
        (Need::Set { viable }, Evidence::None | Evidence::Stragglers(_)) => all(viable, &|_| false),
    }
}
