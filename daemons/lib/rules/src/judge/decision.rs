//! What a judgement comes to: new values of rows, ledger rows, and words.

use boinc::id::{AppId, HostId, ResultId, UserId, WorkunitId};
use boinc::ledger::LedgerEntry;
use boinc::record::ResultRow;
use boinc::state::{AssimilateState, Outcome, ServerState, ValidateState};
use boinc::verdict::Decision;

/// New values of the columns of one result.
#[derive(Debug, Clone, PartialEq)]
pub struct ResultChange {
    #[allow(missing_docs)]
    pub id: ResultId,
    #[allow(missing_docs)]
    pub server_state: ServerState,
    #[allow(missing_docs)]
    pub outcome: Outcome,
    #[allow(missing_docs)]
    pub validate_state: ValidateState,
    #[allow(missing_docs)]
    pub granted_credit: f64,
    #[allow(missing_docs)]
    pub runtime_outlier: bool,
}

impl ResultChange {
    pub(super) fn of(row: &ResultRow) -> Self {
        Self {
            id: row.id,
            server_state: row.server_state,
            outcome: row.outcome,
            validate_state: row.validate_state,
            granted_credit: row.granted_credit,
            runtime_outlier: row.runtime_outlier,
        }
    }
}

/// New values of the columns of the workunit; need_validate is 0 in every case.
#[derive(Debug, Clone, PartialEq)]
pub struct WorkunitChange {
    #[allow(missing_docs)]
    pub id: WorkunitId,
    #[allow(missing_docs)]
    pub error_mask: i32,
    /// New state, only when it changes; write it only where the state is still the one that was read.
    pub assimilate_state: Option<AssimilateState>,
    #[allow(missing_docs)]
    pub transition_time: i32,
    #[allow(missing_docs)]
    pub target_nresults: i32,
    /// New value, only when a suspicious result raises it. Others may raise it, too: never write a smaller one.
    pub min_quorum: Option<i32>,
    #[allow(missing_docs)]
    pub canonical_resultid: ResultId,
    #[allow(missing_docs)]
    pub canonical_credit: f64,
}

/// A row for `credited_job`; one that exists is no error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CreditedJob {
    /// Owner of the host.
    pub userid: UserId,
    /// `workunit.opaque`
    pub workunitid: i64,
}

/// What it comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Fewer viable results than min_quorum.
    TooFew,
    /// Now there is a canonical result.
    Canonical(ResultId),
    /// Compared, or too few readable: no canonical result yet.
    NoConsensus,
    /// Something can't be read now.
    Later,
    /// There was a canonical result; late ones were compared with it.
    Stragglers,
    /// `canonical_resultid` names no result of this workunit.
    CanonicalMissing,
}

/// How much a note matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weight {
    /// Course of events.
    Info,
    /// Somebody may want to look.
    Warning,
}

/// A fact worth a log line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    #[allow(missing_docs)]
    pub weight: Weight,
    /// The result that it is about, if it is about one.
    pub result: Option<ResultId>,
    /// In words.
    pub text: String,
}

/// What was decided about one result, in words.
#[derive(Debug, Clone, PartialEq)]
pub struct Told {
    #[allow(missing_docs)]
    pub id: ResultId,
    #[allow(missing_docs)]
    pub decision: Decision,
    /// Why, for a person.
    pub reason: String,
    /// How its credit was found; empty where none was.
    pub formula: String,
    /// `granted_credit` as it stands afterwards, cobblestones.
    pub credit: f64,
}

/// Uptime that a result is not paid when it is settled, because its host's days have no room for it
/// (`max_seconds_per_host_and_day`).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cut {
    #[allow(missing_docs)]
    pub result: ResultId,
    #[allow(missing_docs)]
    pub host: HostId,
    #[allow(missing_docs)]
    pub app: AppId,
    /// Seconds that it is worth.
    pub claimed: f64,
    /// Seconds of these that it is paid, by trickles and settlement together.
    pub allowed: f64,
}

/// The decision.
#[derive(Debug, Clone, PartialEq)]
pub struct Judgement {
    #[allow(missing_docs)]
    pub verdict: Verdict,
    #[allow(missing_docs)]
    pub workunit: WorkunitChange,
    /// Only results that are to be written, in the order of ids.
    pub results: Vec<ResultChange>,
    /// Credit granted, as ledger rows of kind `final`, or taken back, of kind `revocation`; grants of nothing are left
    /// out.
    pub grants: Vec<LedgerEntry>,
    /// Uptime that is not paid.
    pub cuts: Vec<Cut>,
    #[allow(missing_docs)]
    pub credited_jobs: Vec<CreditedJob>,
    #[allow(missing_docs)]
    pub notes: Vec<Note>,
    /// What was decided about each result that was looked at, in the order of ids.
    pub told: Vec<Told>,
    /// min_quorum as it was used.
    pub quorum: i32,
}
