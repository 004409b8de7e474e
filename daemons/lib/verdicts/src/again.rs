//! Judging a workunit again that was judged before, as if nothing had been decided: with the validator's own code, and
//! without a trace. For `cobblestone rehearse`.
//!
//! Invariant: nothing is written, and nobody's credit or statistics are known here, so none can change.

use std::collections::{BTreeMap, BTreeSet};

use boinc::id::ResultId;
use boinc::record::{App, ResultRow, Workunit};
use boinc::state::{AssimilateState, Outcome, ServerState, ValidateState};
use boinc::verdict::Decision;
use rules::books::{Books, Versions};
use rules::credit::CreditMode;
use rules::judge::{Instance, Judgement, Options, Verdict, judge};

use crate::evidence::{Case, Examiner, Findings};

/// What a workunit would come to.
#[derive(Debug, Clone)]
pub struct Again {
    /// The decision, with what is told of each result.
    pub judgement: Judgement,
    /// What was seen.
    pub findings: Findings,
}

/// Why a workunit can't be judged again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unjudgeable {
    /// Nothing was ever decided about its results.
    NeverJudged,
    /// Files of a result that was compared were deleted.
    FilesGone(ResultId),
    /// The rows don't fit together, says the reason.
    Odd(String),
}

/// What a result's row says that was decided; None where nothing was.
#[must_use]
pub fn decided(row: &ResultRow) -> Option<Decision> {
    if row.server_state != ServerState::Over {
        return None;
    }
    match (row.outcome, row.validate_state) {
        (Outcome::ValidateError, _) => Some(Decision::Error),
        (Outcome::Success, ValidateState::Valid) => Some(Decision::Valid),
        (Outcome::Success, ValidateState::Invalid) => Some(Decision::Invalid),
        (Outcome::Success, ValidateState::Inconclusive) => Some(Decision::Inconclusive),
        (Outcome::Success, ValidateState::TooLate) => Some(Decision::TooLate),
        _ => None,
    }
}

/// Columns of results with their texts.
#[derive(Debug, Clone, Copy)]
pub struct Texts<'a> {
    /// `xml_doc_in`
    pub documents: &'a BTreeMap<ResultId, Vec<u8>>,
    /// The ends of `stderr_out`, where the spec compares it.
    pub stderr: Option<&'a BTreeMap<ResultId, Vec<u8>>>,
}

/// How results are judged again.
#[derive(Debug)]
pub struct Rehearsal<'a> {
    /// With the spec that would be in force.
    pub examiner: &'a Examiner,
    #[allow(missing_docs)]
    pub app: &'a App,
    /// Results that came when there was a canonical result already, as far as that is known. They are compared with the
    /// one that there would be, as the validator does. The others are judged together.
    pub late: &'a BTreeSet<ResultId>,
    /// Results whose files BOINC deletes or has deleted.
    pub deleted: &'a BTreeSet<ResultId>,
    /// At most so many threads for one workunit.
    pub threads: usize,
    /// Unix seconds.
    pub now: f64,
}

/// Judges the results of a workunit that were judged before, as the examiner's spec says. `texts` are theirs.
///
/// # Errors
/// It can't be judged.
pub fn again(
    workunit: &Workunit,
    rows: &[ResultRow],
    texts: Texts<'_>,
    rehearsal: &Rehearsal<'_>,
) -> Result<Again, Unjudgeable> {
    let fresh: Vec<ResultRow> = rows
        .iter()
        .filter(|row| decided(row).is_some())
        .map(|row| ResultRow {
            outcome: Outcome::Success,
            validate_state: ValidateState::Init,
            ..row.clone()
        })
        .collect();
    if fresh.is_empty() {
        return Err(Unjudgeable::NeverJudged);
    }
    // Whose files were missing then may miss them now.
    let broken: BTreeSet<ResultId> =
        rows.iter().filter(|row| decided(row) == Some(Decision::Error)).map(|row| row.id).collect();
    // A file that is missing though nobody deleted it is what the spec shall judge.
    for row in fresh.iter().filter(|row| rehearsal.deleted.contains(&row.id) && !broken.contains(&row.id)) {
        let there = texts
            .documents
            .get(&row.id)
            .is_some_and(|document| rehearsal.examiner.uploads.are_there(document, &rehearsal.examiner.plan));
        if !there {
            return Err(Unjudgeable::FilesGone(row.id));
        }
    }
    let untouched = Workunit {
        canonical_resultid: ResultId(0),
        error_mask: 0,
        assimilate_state: AssimilateState::Init,
        ..workunit.clone()
    };
    let (late, first): (Vec<ResultRow>, Vec<ResultRow>) =
        fresh.iter().cloned().partition(|row| rehearsal.late.contains(&row.id));
    let early = rehearsal.judge(&untouched, &first, texts)?;
    let Verdict::Canonical(canonical) = early.judgement.verdict else {
        // Then the late ones would have been judged together with them.
        return if late.is_empty() { Ok(early) } else { rehearsal.judge(&untouched, &fresh, texts) };
    };
    if late.is_empty() {
        return Ok(early);
    }
    let settled = Workunit {
        canonical_resultid: canonical,
        min_quorum: early.judgement.workunit.min_quorum.unwrap_or(untouched.min_quorum),
        ..untouched
    };
    let crowned = first
        .iter()
        .filter(|row| row.id == canonical)
        .map(|row| ResultRow { validate_state: ValidateState::Valid, ..row.clone() });
    let second = rehearsal.judge(&settled, &crowned.chain(late).collect::<Vec<_>>(), texts)?;
    Ok(early.and(second))
}

impl Rehearsal<'_> {
    fn judge(&self, workunit: &Workunit, rows: &[ResultRow], texts: Texts<'_>) -> Result<Again, Unjudgeable> {
        let references: Vec<&ResultRow> = rows.iter().collect();
        let mut case = Case::new(&references, texts.documents, self.now);
        case.stderr = texts.stderr;
        let findings = self.examiner.examine(workunit, &case, self.threads);
        let instances: Vec<Instance> =
            rows.iter().map(|row| Instance { row: row.clone(), paid: Default::default() }).collect();
        let mut options = Options::new(self.app, 0, self.now);
        options.credit_mode = CreditMode::None;
        options.independence = self.examiner.independence;
        options.suspicious_quorum = self.examiner.suspicious_quorum;
        let mut books = Books::new(Versions::new([]));
        let judgement = judge(workunit, &instances, &findings.evidence, &options, &mut books)
            .map_err(|error| Unjudgeable::Odd(error.to_string()))?;
        Ok(Again { judgement, findings })
    }
}

impl Again {
    /// The late ones beside those that were judged first, whose verdict on the workunit stands.
    fn and(mut self, late: Self) -> Self {
        self.judgement.told.extend(late.judgement.told);
        self.judgement.told.sort_by_key(|told| told.id);
        self.judgement.notes.extend(late.judgement.notes);
        self.findings.seen.extend(late.findings.seen);
        self
    }
}
