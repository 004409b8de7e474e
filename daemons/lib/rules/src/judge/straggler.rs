//! A workunit with a canonical result: compare what came late with it.

use boinc::id::ResultId;
use boinc::record::ResultRow;
use boinc::state::{Outcome, ValidateState};
use boinc::verdict::Decision;

use super::pay::{Work, Worth};
use super::plan::late;
use super::{Against, Evidence, Instance, Session, Transition, Verdict, Weight};
use crate::credit::{CreditMode, limited};
use crate::quorum::Pair;

impl Session<'_> {
    pub(super) fn stragglers(
        &mut self,
        instances: &[Instance],
        canonical: ResultId,
        evidence: &Evidence,
    ) -> Verdict {
        let Evidence::Stragglers(found) = evidence else { return Verdict::Stragglers };
        let worth = self.canonical_worth(instances, canonical);
        let mut waiting = false;
        for instance in instances.iter().filter(|i| late(&i.row)) {
            let Some(against) = found.get(&instance.row.id) else { continue };
            let (decision, reason) = words(against);
            if let Against::Transient(_) | Against::Pair(Pair::Unknown) = against {
                waiting = true;
                self.wait(instance, &reason);
                self.tell(&instance.row, decision, reason);
                continue;
            }
            // It may be the last result: let the transitioner trigger file deletion.
            self.transition = Transition::Immediate;
            let row = self.straggler(instance, against, &worth);
            self.tell(&row, decision, reason);
        }
        if waiting {
            self.transition = Transition::Delayed;
            return Verdict::Later;
        }
        Verdict::Stragglers
    }

    /// A late result is worth what the canonical one got. Where trickles paid the canonical one more than it was
    /// worth, its worth stands in the workunit.
    fn canonical_worth(&self, instances: &[Instance], canonical: ResultId) -> Worth {
        let credit = instances.iter().find(|i| i.row.id == canonical).map_or(0.0, |i| {
            if i.paid.credit > 0.0 { self.workunit.canonical_credit } else { i.row.granted_credit }
        });
        Worth {
            credit: limited(credit, 0.0),
            uptime: None,
            reason: format!("late: as canonical result {canonical}"),
        }
    }

    fn wait(&mut self, instance: &Instance, reason: &str) {
        self.note(Weight::Warning, Some(instance.row.id), reason);
        if instance.row.validate_state != ValidateState::Init {
            let mut row = instance.row.clone();
            row.validate_state = ValidateState::Init;
            self.write(&row);
        }
    }

    /// Judges one; its row as it is afterwards.
    fn straggler(&mut self, instance: &Instance, against: &Against, worth: &Worth) -> ResultRow {
        let id = instance.row.id;
        let state = match against {
            Against::Pair(Pair::Agrees { .. }) => ValidateState::Valid,
            Against::Pair(Pair::Differs) | Against::Malformed(_) => ValidateState::Invalid,
            // They wait.
            Against::Pair(Pair::Unknown) | Against::Transient(_) => instance.row.validate_state,
            Against::CanonicalGone(reason) => {
                self.note(Weight::Warning, Some(id), format!("too late, canonical result's files: {reason}"));
                ValidateState::TooLate
            }
        };
        if self.books.host(instance.row.hostid).is_none() {
            return self.without_host(instance, against, state);
        }
        let mut work = Work::new(instance, self.books);
        work.row.validate_state = state;
        match state {
            ValidateState::TooLate if self.options.pay_too_late => {
                self.settle_late(&mut work, worth);
            }
            ValidateState::Valid => {
                self.count_valid(&mut work);
                // For the statistics only; what it mends in the row is not written here (as in stock).
                let mut copy = [work.clone()];
                self.estimate(&mut copy);
                let [copy] = copy;
                work.statistics = copy.statistics;
                self.settle_late(&mut work, worth);
                work.write_back(self.books);
            }
            ValidateState::Invalid => {
                self.unusable(&mut work.row, against);
                self.count_invalid(&mut work);
                self.revoke(&mut work.row, &work.paid);
                work.write_back(self.books);
            }
            _ => {}
        }
        self.write(&work.row);
        work.row
    }

    fn settle_late(&mut self, work: &mut Work, worth: &Worth) {
        match self.options.credit_mode {
            CreditMode::Uptime => self.settle_uptime(work),
            _ => self.settle(work, worth),
        }
    }

    fn unusable(&mut self, row: &mut ResultRow, against: &Against) {
        if let Against::Malformed(reason) = against {
            row.outcome = Outcome::ValidateError;
            self.note(Weight::Warning, Some(row.id), format!("output unusable: {reason}"));
        }
    }

    fn without_host(&mut self, instance: &Instance, against: &Against, state: ValidateState) -> ResultRow {
        let mut row = instance.row.clone();
        row.validate_state = state;
        self.unusable(&mut row, against);
        if state == ValidateState::Invalid {
            self.revoke(&mut row, &instance.paid);
        }
        let text = format!("host {} has no row: judged without credit and statistics", row.hostid);
        self.note(Weight::Warning, Some(row.id), text);
        self.write(&row);
        row
    }
}

fn words(against: &Against) -> (Decision, String) {
    match against {
        Against::Pair(Pair::Agrees { .. }) => {
            (Decision::Valid, "late: agrees with the canonical result".to_owned())
        }
        Against::Pair(Pair::Differs) => {
            (Decision::Invalid, "late: differs from the canonical result".to_owned())
        }
        Against::Pair(Pair::Unknown) => {
            (Decision::Later, "late: the comparison with the canonical result could not say".to_owned())
        }
        Against::Malformed(reason) => (Decision::Error, format!("output unusable: {reason}")),
        Against::Transient(reason) => (Decision::Later, format!("can't be compared now: {reason}")),
        Against::CanonicalGone(reason) => {
            (Decision::TooLate, format!("too late to be compared; canonical result's files: {reason}"))
        }
    }
}
