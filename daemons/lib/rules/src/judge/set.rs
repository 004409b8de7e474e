//! A workunit without canonical result: try to find one.

use std::collections::BTreeMap;

use boinc::id::ResultId;
use boinc::record::{ResultRow, Workunit};
use boinc::state::{AssimilateState, ErrorMask, Outcome, ServerState, ValidateState};
use boinc::verdict::Decision;

use super::pay::{Work, Worth};
use super::plan::viable;
use super::{Evidence, FileCheck, Independence, Instance, Session, Transition, Verdict, Weight};
use crate::credit::CreditMode;
use crate::quorum::{Agreement, Choice, Electorate};

impl Session<'_> {
    pub(super) fn set(&mut self, instances: Vec<Instance>, evidence: &Evidence) -> Verdict {
        // Rows of host_app_version are looked up (and made) before anything else, also when results are too few.
        let mut works: Vec<Work> =
            instances.iter().filter(|i| viable(&i.row)).map(|i| Work::new(i, self.books)).collect();
        let quorum = usize::try_from(self.workunit.min_quorum).unwrap_or(usize::MAX);
        if works.len() < quorum {
            return Verdict::TooFew;
        }

        let later = self.read_files(&mut works, evidence);
        self.raise_quorum(&works, evidence);
        let electorate = electorate(works.iter().map(|work| &work.row), evidence, self.options.independence);
        let compared = match evidence {
            Evidence::Set { files, agreement }
                if super::enough_to_compare(&self.workunit, &asked(files, &works)) =>
            {
                agreement.as_ref()
            }
            _ => None,
        };
        let choice =
            compared.and_then(|agreement| agreement.choose_among(self.workunit.min_quorum, &electorate));
        if later {
            self.transition = Transition::Delayed;
        }
        let found = choice.map(|choice| {
            mark(&mut works, &choice);
            if !choice.chained.is_empty() {
                let text = format!(
                    "agreement is a chain: {} agree with results that agree with the canonical one, but not with it",
                    choice.chained.len()
                );
                self.note(Weight::Warning, Some(choice.canonical), text);
            }
            let worth = self.workunit_worth(&mut works, choice.canonical);
            (choice, worth)
        });

        let mut n_viable = 0;
        for work in &mut works {
            n_viable += i32::from(self.conclude(work, found.as_ref(), later, evidence));
            self.tell_result(work, found.as_ref().map(|(choice, _)| choice), compared, &electorate, evidence);
        }
        if let Some((choice, worth)) = found {
            let own = works.iter().find(|work| work.row.id == choice.canonical).and_then(|work| work.worth);
            self.crown(choice.canonical, own.unwrap_or(worth.credit), &instances);
            Verdict::Canonical(choice.canonical)
        } else if later {
            look_again(self, &works, evidence);
            Verdict::Later
        } else {
            self.ask_for_more(n_viable);
            Verdict::NoConsensus
        }
    }

    /// Marks unreadable results. True when something can only be read later.
    fn read_files(&mut self, works: &mut [Work], evidence: &Evidence) -> bool {
        let mut later = false;
        if let Evidence::Later { reason, .. } = evidence {
            self.note(Weight::Warning, None, format!("can't be compared now: {reason}"));
            later = true;
        }
        for work in works {
            match check_of(evidence, work.row.id) {
                FileCheck::Ok => {}
                FileCheck::Suspicious(reason) => {
                    self.note(Weight::Warning, Some(work.row.id), format!("suspicious: {reason}"));
                }
                FileCheck::Malformed(reason) => {
                    work.row.outcome = Outcome::ValidateError;
                    work.row.validate_state = ValidateState::Invalid;
                    self.note(Weight::Warning, Some(work.row.id), format!("output unusable: {reason}"));
                }
                FileCheck::Transient(reason) => {
                    later = true;
                    self.note(
                        Weight::Warning,
                        Some(work.row.id),
                        format!("output can't be read now: {reason}"),
                    );
                }
            }
        }
        later
    }

    /// A suspicious result: more shall confirm it, now and later.
    fn raise_quorum(&mut self, works: &[Work], evidence: &Evidence) {
        let ids = works.iter().map(|work| work.row.id);
        let (old, wanted) = (self.workunit.min_quorum, self.options.suspicious_quorum);
        let new = raised_quorum(old, wanted, ids, evidence);
        if new == old {
            return;
        }
        self.workunit.min_quorum = new;
        self.workunit.target_nresults = self.workunit.target_nresults.max(new);
        self.transition = Transition::Immediate;
        self.note(Weight::Warning, None, format!("min_quorum is raised from {old} to {new}"));
    }

    /// Says in words what [`Session::conclude`] came to.
    fn tell_result(
        &mut self,
        work: &Work,
        choice: Option<&Choice>,
        compared: Option<&Agreement>,
        electorate: &Electorate,
        evidence: &Evidence,
    ) {
        let id = work.row.id;
        let (decision, reason) = match check_of(evidence, id) {
            FileCheck::Malformed(reason) => (Decision::Error, format!("output unusable: {reason}")),
            FileCheck::Transient(reason) => (Decision::Later, format!("output can't be read now: {reason}")),
            FileCheck::Ok | FileCheck::Suspicious(_) => match (choice, compared) {
                (Some(choice), _) => beside(id, choice),
                (None, None) if let Evidence::Later { reason, .. } = evidence => {
                    (Decision::Later, format!("can't be compared now: {reason}"))
                }
                (None, Some(agreement)) if agreement.is_odd(id) => {
                    (Decision::Inconclusive, "no quorum: it does not agree with itself".to_owned())
                }
                (None, Some(agreement)) => {
                    let needed = Agreement::needed(self.workunit.min_quorum);
                    let found = agreement.confirmations(id, electorate);
                    (Decision::Inconclusive, format!("no quorum: {found} confirm it, {needed} must"))
                }
                (None, None) => {
                    let quorum = self.workunit.min_quorum;
                    (Decision::Inconclusive, format!("too few usable outputs for a quorum of {quorum}"))
                }
            },
        };
        let suspicious = match check_of(evidence, id) {
            FileCheck::Suspicious(reason) => format!("; suspicious: {reason}"),
            _ => String::new(),
        };
        self.tell(&work.row, decision, format!("{reason}{suspicious}"));
    }

    /// What becomes of one viable result. True when it is still viable.
    fn conclude(
        &mut self,
        work: &mut Work,
        found: Option<&(Choice, Worth)>,
        later: bool,
        evidence: &Evidence,
    ) -> bool {
        let id = work.row.id;
        let still_viable = work.row.validate_state != ValidateState::Invalid;
        if !still_viable {
            self.transition = Transition::Immediate;
        }
        // It is compared with the canonical result later, as a late one.
        let waits = found.is_some_and(|(choice, _)| choice.unknown.contains(&id))
            || found.is_some() && matches!(check_of(evidence, id), FileCheck::Transient(_));
        match (work.row.validate_state, found) {
            (ValidateState::Valid, Some((choice, worth))) if choice.valid.contains(&id) => {
                if self.count_valid(work) {
                    match self.options.credit_mode {
                        CreditMode::Uptime => self.settle_uptime(work),
                        _ => self.settle(work, worth),
                    }
                    work.write_back(self.books);
                }
                self.write(&work.row);
            }
            (ValidateState::Invalid, _) => {
                let counted = self.count_invalid(work);
                self.revoke(&mut work.row, &work.paid);
                if counted {
                    work.write_back(self.books);
                }
                self.write(&work.row);
            }
            (ValidateState::Inconclusive, _) if waits => {
                work.row.validate_state = ValidateState::Init;
                self.write(&work.row);
            }
            (ValidateState::Init, _) if !later && !waits => {
                work.row.validate_state = ValidateState::Inconclusive;
                self.write(&work.row);
            }
            _ => {}
        }
        still_viable
    }

    /// There is a canonical result: to the assimilator, no more instances. The transitioner is not woken here,
    /// it would race with the assimilator.
    fn crown(&mut self, canonical: ResultId, credit: f64, instances: &[Instance]) {
        self.transition = Transition::Never;
        self.workunit.canonical_resultid = canonical;
        self.workunit.canonical_credit = credit;
        self.assimilate =
            Some(AssimilateState::Ready).filter(|ready| *ready != self.workunit.assimilate_state);
        for instance in instances.iter().filter(|i| i.row.server_state == ServerState::Unsent) {
            let mut row = instance.row.clone();
            row.server_state = ServerState::Over;
            row.outcome = Outcome::DidntNeed;
            self.write(&row);
        }
    }

    fn ask_for_more(&mut self, n_viable: i32) {
        if n_viable > self.workunit.max_success_results {
            self.workunit.error_mask |= ErrorMask::TOO_MANY_SUCCESSES;
            self.transition = Transition::Immediate;
            self.note(Weight::Warning, None, format!("{n_viable} successful results, and no agreement"));
        }
        if n_viable >= self.workunit.target_nresults {
            self.workunit.target_nresults = n_viable.saturating_add(1);
            self.transition = Transition::Immediate;
        }
    }
}

/// The quorum that holds where a result is suspicious, or the old one.
fn raised_quorum(old: i32, wanted: i32, mut ids: impl Iterator<Item = ResultId>, evidence: &Evidence) -> i32 {
    let suspicious = ids.any(|id| matches!(check_of(evidence, id), FileCheck::Suspicious(_)));
    if suspicious { old.max(wanted) } else { old }
}

fn electorate<'a>(
    rows: impl Iterator<Item = &'a ResultRow>,
    evidence: &Evidence,
    independence: Independence,
) -> Electorate {
    let mut electorate = Electorate::default();
    for row in rows {
        let owner = match independence {
            Independence::Results => 0,
            Independence::Hosts => row.hostid.0,
            Independence::Users => row.userid.0,
        };
        // 0 is nobody: a deleted account, say.
        if owner != 0 {
            electorate.owners.insert(row.id, owner.into());
        }
        if matches!(check_of(evidence, row.id), FileCheck::Suspicious(_)) {
            electorate.suspicious.insert(row.id);
        }
    }
    electorate
}

/// The choice that [`super::judge`] will make if nothing changes meanwhile: for who wants to keep something of the
/// canonical result, and must not read files in a transaction.
#[must_use]
pub fn foresee<'a>(
    workunit: &Workunit,
    rows: impl IntoIterator<Item = &'a ResultRow>,
    evidence: &Evidence,
    independence: Independence,
    suspicious_quorum: i32,
) -> Option<Choice> {
    let ballot = ballot(workunit, rows, evidence, independence, suspicious_quorum)?;
    ballot.agreement.choose_among(ballot.quorum, &ballot.electorate)
}

/// Whether comparisons that could not say stand in the way, and another result would hardly help: see
/// [`Agreement::is_stuck`]. Then the evidence should be [`Evidence::Later`], or volunteers compute for nothing until
/// the workunit fails, and get no credit for it.
#[must_use]
pub fn is_stuck<'a>(
    workunit: &Workunit,
    rows: impl IntoIterator<Item = &'a ResultRow>,
    evidence: &Evidence,
    independence: Independence,
    suspicious_quorum: i32,
) -> bool {
    ballot(workunit, rows, evidence, independence, suspicious_quorum)
        .is_some_and(|ballot| ballot.agreement.is_stuck(ballot.quorum, &ballot.electorate))
}

/// What the choice is made from.
struct Ballot<'e> {
    agreement: &'e Agreement,
    quorum: i32,
    electorate: Electorate,
}

/// None: nothing was compared, or too few for the quorum.
fn ballot<'a, 'e>(
    workunit: &Workunit,
    rows: impl IntoIterator<Item = &'a ResultRow>,
    evidence: &'e Evidence,
    independence: Independence,
    suspicious_quorum: i32,
) -> Option<Ballot<'e>> {
    let Evidence::Set { files, agreement: Some(agreement) } = evidence else { return None };
    let rows: Vec<&ResultRow> = rows.into_iter().filter(|row| files.contains_key(&row.id)).collect();
    let ids = rows.iter().map(|row| row.id);
    let quorum = raised_quorum(workunit.min_quorum, suspicious_quorum, ids, evidence);
    let raised = Workunit { min_quorum: quorum, ..workunit.clone() };
    super::enough_to_compare(&raised, files).then(|| Ballot {
        agreement,
        quorum,
        electorate: electorate(rows.into_iter(), evidence, independence),
    })
}

/// A result beside the canonical one.
fn beside(id: ResultId, choice: &Choice) -> (Decision, String) {
    if id == choice.canonical {
        let others = choice.valid.len().saturating_sub(1);
        (Decision::Valid, format!("canonical: agrees with {others} other results"))
    } else if choice.valid.contains(&id) {
        (Decision::Valid, "agrees with the canonical result".to_owned())
    } else if choice.chained.contains(&id) {
        let chain =
            "differs from the canonical result, though it agrees with one that agrees with it (a chain)";
        (Decision::Invalid, chain.to_owned())
    } else if choice.invalid.contains(&id) {
        (Decision::Invalid, "differs from the canonical result".to_owned())
    } else {
        (Decision::Later, "the comparison with the canonical result could not say".to_owned())
    }
}

/// So that the transitioner asks again, one result at least must be INIT.
fn look_again(session: &mut Session<'_>, works: &[Work], evidence: &Evidence) {
    if works.iter().any(|work| work.row.validate_state == ValidateState::Init) {
        return;
    }
    for work in works.iter().filter(|work| work.row.validate_state == ValidateState::Inconclusive) {
        let waiting = matches!(check_of(evidence, work.row.id), FileCheck::Transient(_));
        if waiting || matches!(evidence, Evidence::Later { .. }) {
            let mut row = work.row.clone();
            row.validate_state = ValidateState::Init;
            session.write(&row);
        }
    }
}

fn check_of(evidence: &Evidence, id: ResultId) -> FileCheck {
    match evidence {
        Evidence::Set { files, .. } | Evidence::Later { files, .. } => {
            files.get(&id).cloned().unwrap_or(FileCheck::Ok)
        }
        Evidence::None | Evidence::Stragglers(_) => FileCheck::Ok,
    }
}

fn asked(files: &BTreeMap<ResultId, FileCheck>, works: &[Work]) -> BTreeMap<ResultId, FileCheck> {
    works
        .iter()
        .filter_map(|work| files.get_key_value(&work.row.id))
        .map(|(id, check)| (*id, check.clone()))
        .collect()
}

fn mark(works: &mut [Work], choice: &Choice) {
    for work in works {
        if choice.valid.contains(&work.row.id) {
            work.row.validate_state = ValidateState::Valid;
        } else if choice.invalid.contains(&work.row.id) {
            work.row.validate_state = ValidateState::Invalid;
        }
    }
}
