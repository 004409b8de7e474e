//! One question of the audit and its answer, in words. Pure.

use std::fmt::Write as _;

use store::audit::owners::Book;
use store::audit::rows::{BadEntry, Overpaid, Pair};

use super::owners::Gone;

/// Rows of one fault that are shown.
pub(super) const SHOWN: usize = 5;

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
    pub(super) fn new(what: impl Into<String>, faults: Vec<String>) -> Self {
        Self { ok: faults.is_empty(), what: what.into(), details: cut(faults) }
    }
}

/// The first few, and how many more.
pub(super) fn cut(mut lines: Vec<String>) -> Vec<String> {
    let all = lines.len();
    if all > SHOWN {
        lines.truncate(SHOWN);
        lines.push(format!("… and at least {} more", all - SHOWN));
    }
    lines
}

pub(super) fn pairs(rows: &[Pair], name: &str, left: &str, right: &str, digits: usize) -> Vec<String> {
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

pub(super) fn entries(rows: &[BadEntry]) -> Vec<String> {
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

pub(super) fn plural(book: Book) -> &'static str {
    match book {
        Book::Host => "hosts",
        Book::User => "users",
        Book::Team => "teams",
        Book::CreditUser => "users by application",
        Book::CreditTeam => "teams by application",
    }
}

pub(super) fn deleted(book: Book, gone: &Gone) -> String {
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

pub(super) fn accepted(row: &store::audit::owners::Accepted) -> String {
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
