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
use rules::judge::{Instance, Judgement, Options, judge};

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
    /// Files of a result that was compared are gone.
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

/// Judges all results of a workunit that were judged before, together, as the examiner's spec says. `texts` are theirs;
/// `now` in Unix seconds.
///
/// # Errors
/// It can't be judged.
pub fn again(
    workunit: &Workunit,
    rows: &[ResultRow],
    texts: Texts<'_>,
    examiner: &Examiner,
    threads: usize,
    app: &App,
    now: f64,
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
    for row in fresh.iter().filter(|row| !broken.contains(&row.id)) {
        let there = texts
            .documents
            .get(&row.id)
            .is_some_and(|document| examiner.uploads.are_there(document, &examiner.plan));
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
    let references: Vec<&ResultRow> = fresh.iter().collect();
    let mut case = Case::new(&references, texts.documents, now);
    case.stderr = texts.stderr;
    let findings = examiner.examine(&untouched, &case, threads);
    let instances: Vec<Instance> =
        fresh.iter().map(|row| Instance { row: row.clone(), paid: Default::default() }).collect();
    let mut options = Options::new(app, 0, now);
    options.credit_mode = CreditMode::None;
    options.independence = examiner.independence;
    options.suspicious_quorum = examiner.suspicious_quorum;
    let mut books = Books::new(Versions::new([]));
    let judgement = judge(&untouched, &instances, &findings.evidence, &options, &mut books)
        .map_err(|error| Unjudgeable::Odd(error.to_string()))?;
    Ok(Again { judgement, findings })
}
