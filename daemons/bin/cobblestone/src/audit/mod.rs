//! `cobblestone audit`: do the books balance?
//!
//! Everything is read in one snapshot, so it is right while daemons work: whatever they commit meanwhile is seen whole or
//! not at all. Nothing is locked or written. [`Audit::findings`] is the verdict; the demo uses the same code.

mod report;

pub use report::findings_text;

use anyhow::Result;
use daemon::Clock;
use store::Store;
use store::audit::{KindSum, Messages, Off, Owner, TotalsCheck};

use crate::cli::ProjectArgs;
use crate::project::{Project, Uptime};
use crate::screen::print;
use crate::text::kind_of_reason;

/// Seconds that a result may be paid beyond the time between its sending and its report, besides `slack_seconds`: times
/// are stored in whole seconds.
const ROUNDING: f64 = 1.0;

/// What was found in the books, at one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct Audit {
    /// The moment, on the project's clock.
    pub time: f64,
    /// Totals of hosts, users and teams against the ledger, and the first rows that are off.
    pub totals: Vec<(Owner, TotalsCheck, Vec<Off>)>,
    /// The ledger by kind.
    pub kinds: Vec<KindSum>,
    /// Results whose mark and ledger differ, at most twenty.
    pub marks_off: Vec<Off>,
    /// Results that were paid more seconds than possible, at most twenty.
    pub overpaid: Vec<Off>,
    /// Messages with more than one payment.
    pub paid_twice: i64,
    /// What became of the messages.
    pub messages: Messages,
    /// Messages set aside by kind of reason, most frequent first.
    pub set_aside: Vec<(String, i64)>,
}

/// One question and its answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// It is as it should be.
    pub ok: bool,
    /// What was asked, as a statement that holds or does not.
    pub what: String,
    /// What is off, or worth knowing.
    pub details: Vec<String>,
}

impl Audit {
    /// Reads the books.
    ///
    /// # Errors
    /// The database can't be read.
    pub async fn take(store: &Store, clock: &Clock, uptime: &Uptime) -> Result<Self> {
        let slack = uptime.slack + ROUNDING;
        let audit = store
            .snapshot("audit", async |conn| {
                // After the snapshot was taken: nothing in it is later.
                let time = clock.now();
                let mut totals = Vec::new();
                for owner in Owner::ALL {
                    let (sum, off) = conn.check_totals(owner).await?;
                    totals.push((owner, sum, off));
                }
                Ok(Self {
                    time,
                    totals,
                    kinds: conn.ledger_by_kind().await?,
                    marks_off: conn.marks_off().await?,
                    overpaid: conn.overpaid(time, slack).await?,
                    paid_twice: conn.messages_paid_twice().await?,
                    messages: conn.message_fates(&uptime.varieties).await?,
                    set_aside: conn.set_aside_by_reason(&["trickle", "held", "dropped"]).await?,
                })
            })
            .await?;
        Ok(Self { set_aside: by_kind(audit.set_aside), ..audit })
    }

    /// The verdict.
    pub fn findings(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        for (owner, sum, off) in &self.totals {
            let name = owner.table();
            findings.push(Finding {
                ok: sum.off == 0,
                what: format!("the total of each of the {} {name}s gained what the ledger says", sum.rows),
                details: examples(off, sum.off, &format!("{name} "), "gained", "the ledger says", 6),
            });
        }
        findings.push(Finding {
            ok: self.marks_off.is_empty(),
            what: "the mark of each result holds what the ledger paid for it".to_owned(),
            details: examples(&self.marks_off, 0, "result ", "mark", "ledger", 6),
        });
        findings.push(Finding {
            ok: self.overpaid.is_empty(),
            what: "no result was paid for more seconds than lie between its sending and its report"
                .to_owned(),
            details: examples(&self.overpaid, 0, "result ", "possible", "paid", 0),
        });
        findings.push(Finding {
            ok: self.paid_twice == 0,
            what: "no message was paid twice".to_owned(),
            details: note(self.paid_twice, "messages have more than one payment"),
        });
        let lost = self.lost();
        let mut details = note(lost.max(0), "handled messages are neither counted nor set aside");
        details.extend(note(-lost.min(0), "messages that were handled are not in msg_from_host any more"));
        findings.push(Finding {
            ok: lost <= 0,
            what: "every handled message was counted for a result or set aside".to_owned(),
            details,
        });
        findings
    }

    /// Handled messages that nothing tells of. Negative when messages were deleted after they were handled.
    pub fn lost(&self) -> i64 {
        self.messages.handled - self.messages.counted - self.messages.set_aside
    }

    /// Messages that were counted, and neither paid nor cut.
    pub fn nothing_new(&self) -> i64 {
        let m = &self.messages;
        m.counted - m.reported - m.paid - m.disallowed + m.paid_in_part
    }

    /// Whether all is as it should be.
    pub fn is_ok(&self) -> bool {
        self.findings().iter().all(|finding| finding.ok)
    }
}

fn note(count: i64, text: &str) -> Vec<String> {
    if count == 0 { Vec::new() } else { vec![format!("{count} {text}")] }
}

/// At most five of the rows that are off; `all` says how many there are, when more than those are known of.
fn examples(off: &[Off], all: i64, name: &str, left: &str, right: &str, digits: usize) -> Vec<String> {
    const SHOWN: usize = 5;
    let mut lines: Vec<String> = off
        .iter()
        .take(SHOWN)
        .map(|row| {
            format!("{name}{}: {left} {:.digits$}, {right} {:.digits$}", row.id, row.gained, row.ledger)
        })
        .collect();
    let all = usize::try_from(all).unwrap_or(0).max(off.len());
    if all > lines.len() {
        lines.push(format!("… and at least {} more", all - lines.len()));
    }
    lines
}

/// Counts reasons of one kind together.
fn by_kind(reasons: Vec<(String, i64)>) -> Vec<(String, i64)> {
    let mut kinds: Vec<(String, i64)> = Vec::new();
    for (reason, count) in reasons {
        let kind = kind_of_reason(&reason);
        match kinds.iter_mut().find(|(known, _)| *known == kind) {
            Some((_, sum)) => *sum += count,
            None => kinds.push((kind, count)),
        }
    }
    kinds.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    kinds
}

/// The command. False when the books don't balance.
///
/// # Errors
/// There is no project, or it could not be looked at.
pub async fn run(args: &ProjectArgs, json: bool) -> Result<bool> {
    let (project, clock) = Project::open_ready(args).await?;
    let uptime = project.uptime().await?;
    let audit = Audit::take(&project.store, &clock, &uptime).await?;
    if json {
        print(&format!("{:#}\n", audit.to_json()));
    } else {
        print(&format!(
            "Audit of {} at {} UTC\n\n{}\n{}\n",
            project.dir.root.display(),
            crate::text::date(audit.time),
            audit.tables(),
            audit.verdict()
        ));
    }
    Ok(audit.is_ok())
}

#[cfg(test)]
mod tests;
