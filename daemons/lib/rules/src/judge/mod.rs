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

mod pay;
mod plan;
mod revoke;
mod set;
mod straggler;

use std::collections::BTreeMap;

use boinc::id::{AppId, HostId, ResultId, UserId, WorkunitId};
use boinc::ledger::LedgerEntry;
use boinc::record::{App, ResultRow, Workunit};
use boinc::state::{AssimilateState, NEVER, Outcome, ServerState, ValidateState};
use boinc::verdict::Decision;
use serde::{Deserialize, Serialize};

use crate::books::Books;
use crate::credit::{CreditMode, MAX_GRANTED_CREDIT};
use crate::quorum::{Agreement, Pair};
use crate::uptime::UptimePolicy;

pub use plan::{Need, needs};
pub use revoke::{Revocation, settle_abandoned};
pub use set::{foresee, is_stuck};

/// After a transient failure, look again in 6 hours.
const TRY_AGAIN: i32 = 6 * 3600;

/// One result of the workunit.
#[derive(Debug, Clone, PartialEq)]
pub struct Instance {
    #[allow(missing_docs)]
    pub row: ResultRow,
    #[allow(missing_docs)]
    pub paid: Paid,
}

/// What the books say of a result: what it was paid so far, all kinds together, and when it was first sent.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Paid {
    /// Cobblestones.
    pub credit: f64,
    /// Seconds, by trickles or in all.
    pub seconds: f64,
    /// When the result was first sent, if that is before its row's sent_time, Unix seconds; 0 = not known.
    pub sent_time: i32,
}

/// Whether a result's output can be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileCheck {
    /// It can.
    Ok,
    /// It can, but something is odd about the result, says the reason: more others shall confirm it.
    Suspicious(String),
    /// Never: a file is missing or malformed, says the reason. Costs the result its validity.
    Malformed(String),
    /// Not now: the upload folder is away, says the reason.
    Transient(String),
}

impl FileCheck {
    /// It can be compared.
    #[must_use]
    pub const fn is_good(&self) -> bool {
        matches!(self, Self::Ok | Self::Suspicious(_))
    }
}

/// How a late result compares with the canonical one.
#[derive(Debug, Clone, PartialEq)]
pub enum Against {
    /// Both could be read.
    Pair(Pair),
    /// The late result can't be read, ever.
    Malformed(String),
    /// Something can't be read now.
    Transient(String),
    /// The canonical result's files are gone, says the reason.
    CanonicalGone(String),
}

/// What was found out about a workunit's results, as [`needs`] asked.
#[derive(Debug, Clone, PartialEq)]
pub enum Evidence {
    /// Nothing was asked.
    None,
    /// For [`Need::Set`].
    Set {
        /// Each result's output.
        files: BTreeMap<ResultId, FileCheck>,
        /// The readable ones compared; None when [`enough_to_compare`] says that they are too few.
        agreement: Option<Agreement>,
    },
    /// For [`Need::Set`], when comparing can't be done now, says the reason.
    Later {
        /// Each result's output.
        files: BTreeMap<ResultId, FileCheck>,
        /// Why not now.
        reason: String,
    },
    /// For [`Need::Stragglers`].
    Stragglers(BTreeMap<ResultId, Against>),
}

/// True when so many results are readable that they shall be compared.
#[must_use]
pub fn enough_to_compare(workunit: &Workunit, files: &BTreeMap<ResultId, FileCheck>) -> bool {
    let good = files.values().filter(|check| check.is_good()).count();
    i64::try_from(good).unwrap_or(i64::MAX) >= i64::from(workunit.min_quorum)
}

/// Whose results confirm each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Independence {
    /// Any two, as in stock.
    #[default]
    Results,
    /// Those of two hosts.
    Hosts,
    /// Those of two users.
    Users,
}

/// How to judge.
#[derive(Debug, Clone)]
pub struct Options<'a> {
    /// The app's row.
    pub app: &'a App,
    #[allow(missing_docs)]
    pub credit_mode: CreditMode,
    /// Most that a result gets, cobblestones; 0 = no limit.
    pub max_granted_credit: f64,
    /// Make `credited_job` rows.
    pub update_credited_job: bool,
    /// config.xml: `daily_result_quota`.
    pub daily_result_quota: i32,
    /// config.xml: `credit_by_app`.
    pub credit_by_app: bool,
    /// Bounds of uptime, for [`CreditMode::Uptime`], and what becomes of what an invalid result was paid.
    pub uptime: UptimePolicy,
    /// Whose results confirm each other.
    pub independence: Independence,
    /// What min_quorum is raised to where a result is suspicious.
    pub suspicious_quorum: i32,
    /// A late result that can't be compared any more is paid as the canonical one.
    pub pay_too_late: bool,
    /// Unix seconds.
    pub now: f64,
}

impl<'a> Options<'a> {
    /// Stock's defaults.
    #[must_use]
    pub fn new(app: &'a App, daily_result_quota: i32, now: f64) -> Self {
        Self {
            app,
            credit_mode: CreditMode::Adaptive,
            max_granted_credit: MAX_GRANTED_CREDIT,
            update_credited_job: false,
            daily_result_quota,
            credit_by_app: false,
            uptime: UptimePolicy::default(),
            independence: Independence::Results,
            suspicious_quorum: app.target_nresults.saturating_abs().max(2),
            pay_too_late: false,
            now,
        }
    }
}

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
    fn of(row: &ResultRow) -> Self {
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

/// When the transitioner shall look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Transition {
    NoChange,
    Immediate,
    Delayed,
    Never,
}

/// A workunit being judged: private copies of its rows, and what comes of it.
struct Session<'a> {
    workunit: Workunit,
    options: &'a Options<'a>,
    books: &'a mut Books,
    transition: Transition,
    results: BTreeMap<ResultId, ResultChange>,
    assimilate: Option<AssimilateState>,
    grants: Vec<LedgerEntry>,
    cuts: Vec<Cut>,
    credited_jobs: Vec<CreditedJob>,
    notes: Vec<Note>,
    told: BTreeMap<ResultId, Told>,
    /// min_quorum before it was raised.
    old_quorum: i32,
}

impl Session<'_> {
    fn note(&mut self, weight: Weight, result: Option<ResultId>, text: impl Into<String>) {
        self.notes.push(Note { weight, result, text: text.into() });
    }

    fn write(&mut self, row: &ResultRow) {
        self.results.insert(row.id, ResultChange::of(row));
    }

    fn tell(&mut self, row: &ResultRow, decision: Decision, reason: impl Into<String>) {
        let told = self.told.entry(row.id).or_insert_with(|| Told {
            id: row.id,
            decision,
            reason: String::new(),
            formula: String::new(),
            credit: 0.0,
        });
        told.decision = decision;
        told.reason = reason.into();
        told.credit = row.granted_credit;
    }

    /// How a result's credit was found; its verdict is told afterwards.
    fn tell_formula(&mut self, id: ResultId, formula: String) {
        let empty = Told {
            id,
            decision: Decision::Later,
            reason: String::new(),
            formula: String::new(),
            credit: 0.0,
        };
        self.told.entry(id).or_insert(empty).formula = formula;
    }

    fn finish(self, verdict: Verdict) -> Judgement {
        let now = self.options.now as i32;
        let before = self.workunit.transition_time;
        let transition_time = match self.transition {
            Transition::NoChange => before,
            Transition::Immediate => now,
            Transition::Delayed => before.min(now.saturating_add(TRY_AGAIN)),
            Transition::Never => NEVER,
        };
        Judgement {
            verdict,
            workunit: WorkunitChange {
                id: self.workunit.id,
                error_mask: self.workunit.error_mask,
                assimilate_state: self.assimilate,
                transition_time,
                target_nresults: self.workunit.target_nresults,
                min_quorum: Some(self.workunit.min_quorum).filter(|quorum| *quorum != self.old_quorum),
                canonical_resultid: self.workunit.canonical_resultid,
                canonical_credit: self.workunit.canonical_credit,
            },
            results: self.results.into_values().collect(),
            grants: self.grants,
            cuts: self.cuts,
            credited_jobs: self.credited_jobs,
            notes: self.notes,
            told: self.told.into_values().collect(),
            quorum: self.workunit.min_quorum,
        }
    }
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
