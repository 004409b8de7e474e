//! `[[reports]]`: which messages say what happened inside the virtual machine, and how.

use boinc::guest_report::{Format, MAX_COUNT, Names, Report as Counts};
use boinc::trickle::Meaning;
use serde::{Deserialize, Serialize};

use super::Report;

/// Messages of one variety are guest reports.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReportRule {
    /// Variety of the messages: the name of a `trickle_trigger_file`.
    pub variety: String,
    /// How the guest writes them.
    pub format: Format,
    /// The totals of the task so far, or what came since the message before.
    pub meaning: Meaning,
    /// What the guest calls the jobs that it took.
    #[serde(default = "received")]
    pub received: String,
    /// What the guest calls the jobs that ended well.
    #[serde(default = "succeeded")]
    pub succeeded: String,
    /// What the guest calls the jobs that failed.
    #[serde(default = "failed")]
    pub failed: String,
    /// What the guest calls the events that the jobs generated.
    #[serde(default = "events")]
    pub events: String,
    /// Most jobs that one result can have: received, succeeded, and failed.
    #[serde(default = "max_jobs")]
    pub max_jobs: u64,
    /// Most events that one result can have.
    #[serde(default = "max_events")]
    pub max_events: u64,
}

fn max_jobs() -> u64 {
    100_000
}

fn max_events() -> u64 {
    1_000_000_000_000
}

fn received() -> String {
    Names::default().received.to_owned()
}

fn succeeded() -> String {
    Names::default().succeeded.to_owned()
}

fn failed() -> String {
    Names::default().failed.to_owned()
}

fn events() -> String {
    Names::default().events.to_owned()
}

impl ReportRule {
    /// The names, as the reader of reports takes them.
    #[must_use]
    pub fn names(&self) -> Names<'_> {
        Names {
            received: &self.received,
            succeeded: &self.succeeded,
            failed: &self.failed,
            events: &self.events,
        }
    }

    /// Most that a result can have of each.
    #[must_use]
    pub fn most(&self) -> Counts {
        let jobs = self.max_jobs;
        Counts { received: jobs, succeeded: jobs, failed: jobs, events: self.max_events }
    }

    /// The first of the counts that is more than a result can have: what the guest calls it, how many there are, the
    /// key that forbids it, and what it says.
    #[must_use]
    pub fn beyond(&self, counts: Counts) -> Option<(&str, u64, &'static str, u64)> {
        [
            (self.received.as_str(), counts.received, "max_jobs", self.max_jobs),
            (&self.succeeded, counts.succeeded, "max_jobs", self.max_jobs),
            (&self.failed, counts.failed, "max_jobs", self.max_jobs),
            (&self.events, counts.events, "max_events", self.max_events),
        ]
        .into_iter()
        .find(|(_, count, _, most)| count > most)
    }

    pub(crate) fn check(&self, report: &mut Report<'_>) {
        if self.variety.trim().is_empty() {
            report(
                "variety",
                "is empty; write the name of a trickle_trigger_file in vbox_job.xml without `shared/`".into(),
            );
        }
        for (key, most) in [("max_jobs", self.max_jobs), ("max_events", self.max_events)] {
            if !(1..=MAX_COUNT).contains(&most) {
                report(key, format!("is {most}, but must be from 1 to {MAX_COUNT}"));
            }
        }
        let names = [
            ("received", &self.received),
            ("succeeded", &self.succeeded),
            ("failed", &self.failed),
            ("events", &self.events),
        ];
        for (index, (key, name)) in names.iter().enumerate() {
            if name.trim().is_empty() {
                report(key, "is empty; leave it out for the default".into());
            } else if let Some((other, _)) = names.iter().take(index).find(|(_, other)| other == name) {
                report(key, format!("is {name:?}, and so is `{other}`; a number counts for one of them"));
            }
        }
    }
}
