//! A workunit while it is judged: copies of its rows, and what has come of it so far.

use std::collections::BTreeMap;

use boinc::id::ResultId;
use boinc::ledger::LedgerEntry;
use boinc::record::{ResultRow, Workunit};
use boinc::state::{AssimilateState, NEVER};
use boinc::verdict::Decision;

use super::decision::{
    CreditedJob, Cut, Judgement, Note, ResultChange, Told, Verdict, Weight, WorkunitChange,
};
use super::options::Options;
use crate::books::Books;

/// After a transient failure, look again in 6 hours.
const TRY_AGAIN: i32 = 6 * 3600;

/// When the transitioner shall look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Transition {
    NoChange,
    Immediate,
    Delayed,
    Never,
}

/// A workunit being judged: private copies of its rows, and what comes of it.
pub(super) struct Session<'a> {
    pub(super) workunit: Workunit,
    pub(super) options: &'a Options<'a>,
    pub(super) books: &'a mut Books,
    pub(super) transition: Transition,
    pub(super) results: BTreeMap<ResultId, ResultChange>,
    pub(super) assimilate: Option<AssimilateState>,
    pub(super) grants: Vec<LedgerEntry>,
    pub(super) cuts: Vec<Cut>,
    pub(super) credited_jobs: Vec<CreditedJob>,
    pub(super) notes: Vec<Note>,
    pub(super) told: BTreeMap<ResultId, Told>,
    /// min_quorum before it was raised.
    pub(super) old_quorum: i32,
}

impl Session<'_> {
    pub(super) fn note(&mut self, weight: Weight, result: Option<ResultId>, text: impl Into<String>) {
        self.notes.push(Note { weight, result, text: text.into() });
    }

    pub(super) fn write(&mut self, row: &ResultRow) {
        self.results.insert(row.id, ResultChange::of(row));
    }

    pub(super) fn tell(&mut self, row: &ResultRow, decision: Decision, reason: impl Into<String>) {
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
    pub(super) fn tell_formula(&mut self, id: ResultId, formula: String) {
        let empty = Told {
            id,
            decision: Decision::Later,
            reason: String::new(),
            formula: String::new(),
            credit: 0.0,
        };
        self.told.entry(id).or_insert(empty).formula = formula;
    }

    pub(super) fn finish(self, verdict: Verdict) -> Judgement {
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
