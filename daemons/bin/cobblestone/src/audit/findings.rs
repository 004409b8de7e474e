//! The verdict: each question, whether all is as it should be, and what is off or worth knowing. Pure.

use std::fmt::Write as _;

use store::audit::owners::Book;

use super::Audit;
use super::words::{Finding, accepted, cut, deleted, entries, findings_text, pairs, plural, possible};

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
