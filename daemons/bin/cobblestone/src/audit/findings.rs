//! The verdict: each question, whether all is as it should be, and what is off or worth knowing. Pure.

use std::fmt::Write as _;

use store::audit::owners::Book;
use store::audit::rows::{BadEntry, Overpaid, Pair};

use super::Audit;
use super::owners::Gone;

/// Rows of one fault that are shown.
const SHOWN: usize = 5;

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

impl Finding {
    fn new(what: impl Into<String>, faults: Vec<String>) -> Self {
        Self { ok: faults.is_empty(), what: what.into(), details: cut(faults) }
    }
}

/// The first few, and how many more.
fn cut(mut lines: Vec<String>) -> Vec<String> {
    let all = lines.len();
    if all > SHOWN {
        lines.truncate(SHOWN);
        lines.push(format!("… and at least {} more", all - SHOWN));
    }
    lines
}

fn pairs(rows: &[Pair], name: &str, left: &str, right: &str, digits: usize) -> Vec<String> {
    rows.iter()
        .map(|row| {
            format!(
                "{name} {}: {left} {:.digits$}, {right} {:.digits$}",
                row.id,
                row.left + 0.0,
                row.right + 0.0
            )
        })
        .collect()
}

fn entries(rows: &[BadEntry]) -> Vec<String> {
    rows.iter()
        .map(|row| {
            format!(
                "ledger row {} ({}): {} s at {} FLOPS, credit {}; {} would be right",
                row.id, row.kind, row.seconds, row.flops, row.credit, row.wanted
            )
        })
        .collect()
}

/// Seconds that a result can be paid at most, and why.
pub fn possible(row: &Overpaid) -> (f64, &'static str) {
    let mut least = (row.wall_clock, "wall clock from sending to report, with slack");
    if row.lifetime >= 0.0 && row.lifetime < least.0 {
        least = (row.lifetime, "max_lifetime_seconds of its application");
    }
    let reported = row.reported.max(row.before_report);
    if row.reported >= 0.0 && reported < least.0 {
        least = if row.before_report > row.reported {
            (reported, "what it was paid before its report of less")
        } else {
            (reported, "its reported elapsed_time")
        };
    }
    least
}

impl Audit {
    /// The verdict.
    pub fn findings(&self) -> Vec<Finding> {
        let mut findings: Vec<Finding> =
            Book::ALL.into_iter().filter_map(|book| self.totals_finding(book)).collect();
        let mut faults = entries(&self.bad_entries);
        faults.dedup();
        findings.push(Finding::new(
            "each row of the ledger is seconds x FLOPS x 200/(86400 x 10^9) where it pays seconds, and makes sense",
            faults,
        ));
        findings.push(Finding::new(
            "the ledger holds the rows that were written, and no others",
            self.control_faults(),
        ));
        findings.push(Finding::new(
            "the mark of each result holds what the ledger paid for it",
            [
                pairs(&self.marks_off, "result", "mark", "ledger", 6),
                pairs(&self.marks_behind, "result", "seconds in its mark", "in the ledger", 3),
            ]
            .concat(),
        ));
        findings.push(Finding::new(
            "each result that the ledger paid shows that as its granted_credit",
            pairs(&self.granted_off, "result", "granted_credit", "ledger", 6),
        ));
        findings.push(Finding::new(
            "no result was paid for more seconds than were possible",
            self.overpaid
                .iter()
                .map(|row| {
                    let (seconds, why) = possible(row);
                    format!("result {}: possible {seconds:.3} s ({why}), paid {:.3} s", row.id, row.paid)
                })
                .collect(),
        ));
        findings.push(Finding::new("no message was paid twice", self.paid_twice_faults()));
        findings.push(self.messages_finding());
        findings.push(Finding::new(
            "no recent average is negative, or of a time to come",
            self.averages
                .iter()
                .flat_map(|(book, rows)| {
                    rows.iter().map(move |row| {
                        format!(
                            "{} {}: {} at {}",
                            book.as_str(),
                            row.id,
                            row.average,
                            crate::text::date(row.time)
                        )
                    })
                })
                .collect(),
        ));
        findings
    }

    /// None for totals by application where there are none.
    fn totals_finding(&self, book: Book) -> Option<Finding> {
        let rows = self.totals.get(&book).map_or(0, |sum| sum.rows);
        let faults: Vec<String> = self
            .explained
            .off
            .iter()
            .filter(|off| off.book == book)
            .map(|off| {
                let app = if book.by_app() { format!(" of application {}", off.app) } else { String::new() };
                format!("{} {}{app} {}", book.as_str(), off.id, off.why)
            })
            .collect();
        if book.by_app() && rows == 0 && faults.is_empty() {
            return None;
        }
        let mut finding = Finding::new(
            format!("the total of each of the {rows} {} gained what the ledger says", plural(book)),
            faults,
        );
        finding.details.extend(self.understood(book));
        Some(finding)
    }

    /// What is not as the ledger says, and no fault.
    fn understood(&self, book: Book) -> Vec<String> {
        let mut notes = Vec::new();
        let explained = &self.explained;
        if book == Book::Host && !explained.merges.is_empty() {
            let lines = explained.merges.iter().map(|merge| {
                format!("host {} was merged into host {}, with {:.6}", merge.from, merge.to, merge.credit)
            });
            notes.extend(cut(lines.collect()));
        }
        if let Some(gone) = explained.gone.get(&book).filter(|gone| !gone.ids.is_empty()) {
            notes.push(format!("deleted: {}", deleted(book, gone)));
        }
        let granted = explained.granted.get(&book).copied().unwrap_or_default();
        if granted != 0.0 {
            let mut note = format!("granted by others: {granted:.6}");
            if book == Book::Host {
                if self.by_others.is_empty() {
                    note.push_str("; no result in the database shows for what");
                }
                for tally in &self.by_others {
                    let _ = write!(
                        note,
                        "; {} results of {} show {:.6}",
                        tally.count,
                        boinc::printable::printable(&tally.name, 40),
                        tally.amount
                    );
                }
            }
            notes.push(note);
        }
        if book == Book::Team && !self.former.is_empty() {
            let lines = self.former.iter().map(|member| {
                format!(
                    "team {} keeps {:.6} of user {}, who left it",
                    member.teamid, member.credit, member.userid
                )
            });
            notes.extend(cut(lines.collect()));
        }
        for row in self.accepted.iter().filter(|row| row.kind == book.as_str()) {
            notes.push(accepted(row));
        }
        notes
    }

    fn control_faults(&self) -> Vec<String> {
        let control = &self.control;
        if control.holds() {
            return Vec::new();
        }
        if control.sums_hold() {
            let what = "rows, credit and seconds are as they were written, and something else in them is not";
            return vec![format!(
                "{what} (checksum {} instead of {})",
                control.checksum, control.checksum_written
            )];
        }
        let seconds = if control.seconds == control.seconds_written {
            String::new()
        } else {
            format!("; {:.3} s were written, and {:.3} s are there", control.seconds_written, control.seconds)
        };
        vec![format!(
            "{} rows with {:.6} were written, and {} rows with {:.6} are there{seconds}",
            control.rows_written,
            control.credit_written + 0.0,
            control.rows,
            control.credit + 0.0
        )]
    }

    fn paid_twice_faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        if self.paid_twice > 0 {
            faults.push(format!("{} messages have more than one payment", self.paid_twice));
        }
        faults.extend(
            self.nameless
                .iter()
                .map(|row| format!("ledger row {} pays {} and names no message", row.id, row.credit)),
        );
        faults.extend(pairs(&self.too_often, "result", "messages", "payments", 0));
        faults.extend(pairs(&self.hosts_too_often, "host", "messages without a result", "payments", 0));
        faults
    }

    /// Whether every handled message is accounted for, and the other way round.
    pub fn messages_ok(&self) -> bool {
        let lost = self.lost();
        lost == 0 || (lost < 0 && -lost <= self.messages.of_deleted_hosts)
    }

    fn messages_finding(&self) -> Finding {
        let lost = self.lost();
        let mut details = Vec::new();
        if lost > 0 {
            details.push(format!("{lost} handled messages are neither counted nor set aside"));
        } else if lost < 0 && self.messages_ok() {
            details.push(format!("{} messages went with hosts that were deleted", -lost));
        } else if lost < 0 {
            details.push(format!(
                "{} messages were counted more than once, or deleted after they were handled",
                -lost
            ));
        }
        let notes = [
            (self.messages.before, "were handled by others before the toolkit came"),
            (self.messages.purged, "were purged"),
            (self.messages.cleaned, "belonged to results that are gone"),
        ];
        for (count, what) in notes.into_iter().filter(|(count, _)| *count > 0) {
            details.push(format!("{count} {what}"));
        }
        details.extend(
            self.accepted
                .iter()
                .filter(|row| !Book::ALL.iter().any(|book| book.as_str() == row.kind))
                .map(accepted),
        );
        Finding {
            ok: self.messages_ok(),
            what: "every handled message was counted for a result or a host, or set aside".to_owned(),
            details,
        }
    }

    /// The findings, one line each, and one for all.
    pub fn verdict(&self) -> String {
        let findings = self.findings();
        let mut text = findings_text(&findings);
        let off = findings.iter().filter(|finding| !finding.ok).count();
        text.push_str(&match off {
            0 => "The books balance.".to_owned(),
            n => format!("THE BOOKS DO NOT BALANCE: {n} of {} checks failed.", findings.len()),
        });
        text
    }
}

fn plural(book: Book) -> &'static str {
    match book {
        Book::Host => "hosts",
        Book::User => "users",
        Book::Team => "teams",
        Book::CreditUser => "users by application",
        Book::CreditTeam => "teams by application",
    }
}

fn deleted(book: Book, gone: &Gone) -> String {
    let ids: Vec<String> = gone.ids.iter().take(SHOWN).map(ToString::to_string).collect();
    let more = if gone.ids.len() > SHOWN { ", …" } else { "" };
    format!(
        "{} {} ({}{more}) with {:.6}, of which the ledger paid {:.6}",
        gone.ids.len(),
        plural(book),
        ids.join(", "),
        gone.credit + 0.0,
        gone.ledger + 0.0
    )
}

fn accepted(row: &store::audit::owners::Accepted) -> String {
    let app = if row.appid == 0 { String::new() } else { format!(":{}", row.appid) };
    format!(
        "accepted on {}: {}:{}{app} {:+.6}: {}",
        crate::text::date(row.time),
        row.kind,
        row.owner,
        row.amount,
        boinc::printable::printable(&row.reason, 255)
    )
}

/// Findings, one line each, details below them.
pub fn findings_text(findings: &[Finding]) -> String {
    let mut text = String::new();
    for finding in findings {
        let _ = writeln!(text, "  {}  {}", if finding.ok { "ok " } else { "OFF" }, finding.what);
        for detail in &finding.details {
            let _ = writeln!(text, "         {detail}");
        }
    }
    text
}
