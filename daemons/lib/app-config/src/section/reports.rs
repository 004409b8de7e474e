//! `[[reports]]`: which messages say what happened inside the virtual machine, and how.

use boinc::guest_report::{Format, Names};
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

    pub(crate) fn check(&self, report: &mut Report<'_>) {
        if self.variety.trim().is_empty() {
            report(
                "variety",
                "is empty; write the name of a trickle_trigger_file in vbox_job.xml without `shared/`".into(),
            );
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
