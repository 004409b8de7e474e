//! A workunit without canonical result: try to find one.

use std::collections::BTreeMap;

use boinc::id::ResultId;
use boinc::state::{AssimilateState, ErrorMask, Outcome, ServerState, ValidateState};

use super::pay::{Work, Worth};
use super::plan::viable;
use super::{Evidence, FileCheck, Instance, Session, Transition, Verdict, Weight};
use crate::credit::CreditMode;
use crate::quorum::Choice;

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
        let choice = match evidence {
            Evidence::Set { files, agreement }
                if super::enough_to_compare(&self.workunit, &asked(files, &works)) =>
            {
                agreement.as_ref().and_then(|agreement| agreement.choose(self.workunit.min_quorum))
            }
            _ => None,
        };
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
        }
        if let Some((choice, worth)) = found {
            self.crown(choice.canonical, worth.credit, &instances);
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
        match (work.row.validate_state, found) {
            (ValidateState::Valid, Some((choice, worth))) if choice.valid.contains(&id) => {
                if self.count_valid(work) {
                    let own = (self.options.credit_mode == CreditMode::Uptime)
                        .then(|| self.uptime_worth(&work.row));
                    self.settle(work, own.as_ref().unwrap_or(worth));
                    work.write_back(self.books);
                }
                self.write(&work.row);
            }
            (ValidateState::Invalid, _) => {
                if self.count_invalid(work) {
                    self.revoke(work);
                    work.write_back(self.books);
                }
                self.write(&work.row);
            }
            (ValidateState::Init, _) if !later => {
                work.row.validate_state = ValidateState::Inconclusive;
                self.write(&work.row);
            }
            (ValidateState::Inconclusive, Some(_))
                if matches!(check_of(evidence, id), FileCheck::Transient(_)) =>
            {
                work.row.validate_state = ValidateState::Init;
                self.write(&work.row);
            }
            (ValidateState::Init, Some((choice, _))) if choice.unknown.contains(&id) => {
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
