//! What became of workunits and results: counted for the report of a pass, and told in the log.

use boinc::state::ValidateState;
use daemon::PassReport;
use rules::judge::{Judgement, Verdict, Weight};

/// What became of a batch.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Workunits that got a canonical result.
    pub canonical: u64,
    /// Workunits without consensus yet.
    pub no_consensus: u64,
    /// Workunits with late results only.
    pub stragglers: u64,
    /// Workunits with too few results.
    pub too_few: u64,
    /// Workunits whose files can't be read now.
    pub later: u64,
    /// Left to the next pass.
    pub changed_meanwhile: u64,
    /// Locked by another instance, or judged by it meanwhile.
    pub busy: u64,
    /// Workunits with rows that make no sense, or that were looked at in vain too often.
    pub set_aside: u64,
    /// Results found valid.
    pub valid: u64,
    /// Results found invalid.
    pub invalid: u64,
    /// Versions of hosts that get one job a day.
    pub punished: u64,
}

impl Counts {
    /// Workunits that were judged.
    pub fn judged(&self) -> u64 {
        self.canonical + self.no_consensus + self.stragglers + self.too_few + self.later
    }

    /// Counts what a workunit came to.
    pub fn count(&mut self, judgement: &Judgement) {
        match judgement.verdict {
            Verdict::Canonical(_) => self.canonical += 1,
            Verdict::NoConsensus => self.no_consensus += 1,
            Verdict::Stragglers => self.stragglers += 1,
            Verdict::TooFew => self.too_few += 1,
            Verdict::Later | Verdict::CanonicalMissing => self.later += 1,
        }
        for change in &judgement.results {
            match change.validate_state {
                ValidateState::Valid => self.valid += 1,
                ValidateState::Invalid => self.invalid += 1,
                _ => {}
            }
        }
    }

    /// Adds them to the report of a pass.
    pub fn report(&self, report: &mut PassReport) {
        for (fate, count) in [
            ("canonical", self.canonical),
            ("no_consensus", self.no_consensus),
            ("stragglers", self.stragglers),
            ("too_few", self.too_few),
            ("later", self.later),
            ("changed_meanwhile", self.changed_meanwhile),
            ("set_aside", self.set_aside),
            ("valid_results", self.valid),
            ("invalid_results", self.invalid),
            ("punished", self.punished),
        ] {
            report.add(fate, count);
        }
    }
}

/// Log lines of what was decided, after it was committed.
pub fn tell(judgements: &[Judgement]) {
    for judgement in judgements {
        let wu = judgement.workunit.id.0;
        for note in &judgement.notes {
            let result = note.result.map_or(0, |id| id.0);
            match note.weight {
                Weight::Warning => tracing::info!(wu, result, "{}", note.text),
                Weight::Info => tracing::debug!(wu, result, "{}", note.text),
            }
        }
        for change in
            judgement.results.iter().filter(|change| change.validate_state == ValidateState::Invalid)
        {
            tracing::info!(wu, result = change.id.0, "invalid");
        }
        tracing::debug!(wu, verdict = ?judgement.verdict, "judged");
    }
}
