//! The summary: what happened, in short tables. Every number was counted in this run.

use std::fmt::Write as _;
use std::path::Path;

use sandbox::Behaviour;

use super::bytes::ByteForByte;
use super::dataset::{Dataset, duckdb};
use super::facts::{End, Facts};
use super::live::Lived;
use super::truth::{Line, by_behaviour, messages_sent, sum};
use crate::audit::Audit;
use crate::table::Table;
use crate::text::{hours, percent};

/// All that it tells of.
#[derive(Debug)]
pub struct Summary<'a> {
    /// How it went.
    pub lived: &'a Lived,
    /// The books.
    pub audit: &'a Audit,
    /// Workunits and results.
    pub facts: &'a Facts,
    /// The job table.
    pub jobs: String,
    /// What exact comparison would have done.
    pub bytes: ByteForByte,
    /// What the assimilator stored.
    pub dataset: &'a Dataset,
    /// The application's folder of results.
    pub folder: &'a Path,
}

impl Summary<'_> {
    /// As text, without the checks.
    pub fn text(&self) -> String {
        let lines = by_behaviour(&self.lived.books, self.facts);
        let mut out = String::new();
        let mut section = |title: &str, body: &str| {
            let _ = write!(out, "\n{title}\n{body}");
        };
        section("WORKUNITS", &self.workunits());
        section("RESULTS, by what their hosts did", &ends(&lines));
        section("TRICKLE-UP MESSAGES, as hosts sent them", &self.sent());
        section("TRICKLE-UP MESSAGES, as the books have them", &self.audit.messages_table().text("  "));
        section("CREDIT", &self.credit());
        section("UPTIME, the truth against the books (hours)", &uptime(&lines));
        let jobs: String = self.jobs.lines().map(|line| format!("  {line}\n")).collect();
        section("JOBS INSIDE THE VIRTUAL MACHINES, as their guests reported them", &jobs);
        section("BYTE-FOR-BYTE COMPARISON, had it been used", &self.byte_for_byte());
        section("DATASET", &self.dataset());
        out
    }

    fn workunits(&self) -> String {
        let facts = self.facts;
        let mut table = Table::headless();
        let mut row = |name: &str, count: usize| table.row([name.to_owned(), count.to_string()]);
        row("issued", facts.workunits.len());
        row("validated", facts.count(|w| w.validated));
        row("assimilated", facts.count(|w| w.validated && w.assimilated));
        let failed = facts.failed();
        row("failed", failed.values().sum());
        for (why, count) in &failed {
            row(&format!("  {why}"), *count);
        }
        table.text("  ")
    }

    fn sent(&self) -> String {
        let mut table = Table::headless();
        for (fate, count) in messages_sent(&self.lived.books) {
            table.row([fate.words().to_owned(), count.to_string()]);
        }
        table.sum(["all".to_owned(), self.lived.books.messages().to_string()]);
        table.text("  ")
    }

    fn credit(&self) -> String {
        let all: f64 = self.audit.kinds.iter().map(|kind| kind.credit).sum();
        let mut table = Table::new(["", "payments", "hours", "cobblestones", "share"]);
        for kind in &self.audit.kinds {
            let name = match kind.kind.as_str() {
                "uptime" => "by trickles, bit by bit",
                "final" => "at validation, what was still due",
                other => other,
            };
            let share =
                if all > 0.0 { format!("{:.1} %", 100.0 * kind.credit / all) } else { "-".to_owned() };
            table.row([
                name.to_owned(),
                kind.rows.to_string(),
                hours(kind.seconds),
                format!("{:.2}", kind.credit),
                share,
            ]);
        }
        let seconds = self.audit.kinds.iter().map(|kind| kind.seconds).sum();
        let rows: i64 = self.audit.kinds.iter().map(|kind| kind.rows).sum();
        table.sum(["all".to_owned(), rows.to_string(), hours(seconds), format!("{all:.2}")]);
        table.text("  ")
    }

    fn byte_for_byte(&self) -> String {
        let b = &self.bytes;
        format!(
            "  {} valid results were compared with the canonical one of their workunit; {} ({}) differ from it in bytes\n  \
             and would have been rejected. {} of {} workunits ({}) would have found no quorum among these results.\n",
            b.compared,
            b.rejected,
            percent(b.rejected, b.compared),
            b.without_quorum,
            b.workunits,
            percent(b.without_quorum, b.workunits)
        )
    }

    fn dataset(&self) -> String {
        let d = self.dataset;
        let mut text = format!(
            "  {}\n  {} Parquet files, {} output files; rows of failures: {}\n\n  Asked of the Parquet files just now:\n\n",
            self.folder.display(),
            d.files,
            d.outputs,
            d.failures.len()
        );
        let mut table = Table::new(["campaign", "workunits", "mean hours", "results", "bytes of output"]);
        for (name, campaign) in &d.campaigns {
            table.row([
                name.clone(),
                campaign.rows.to_string(),
                format!("{:.2}", campaign.mean_hours()),
                campaign.results.to_string(),
                campaign.bytes.to_string(),
            ]);
        }
        text.push_str(&table.text("    "));
        let _ = write!(text, "\n  The same with DuckDB:\n\n    {}\n", duckdb(self.folder));
        text
    }
}

type Lines = std::collections::BTreeMap<Behaviour, Line>;

/// Behaviour × end, without columns that are empty.
fn ends(lines: &Lines) -> String {
    let all = sum(lines.values());
    let columns: Vec<End> = End::ALL.into_iter().filter(|end| all.ends.contains_key(end)).collect();
    let cells = |name: &str, line: &Line| -> Vec<String> {
        let count = |end: &End| line.ends.get(end).map_or_else(|| "-".to_owned(), ToString::to_string);
        [name.to_owned(), line.sent.to_string()].into_iter().chain(columns.iter().map(count)).collect()
    };
    let mut table = Table::new(["", "sent"].into_iter().chain(columns.iter().map(|end| end.words())));
    for (behaviour, line) in lines {
        table.row(cells(behaviour.words(), line));
    }
    table.sum(cells("all", &all));
    table.text("  ")
}

/// Hours that passed, and that were run, claimed and paid, by behaviour.
fn uptime(lines: &Lines) -> String {
    let cells = |name: &str, line: &Line| {
        [
            name.to_owned(),
            hours(line.away),
            hours(line.ran),
            hours(line.claimed),
            hours(line.paid),
            format!("{:.2}", line.credit),
        ]
    };
    let mut table = Table::new(["", "sent to report", "really ran", "claimed", "paid", "cobblestones"]);
    for (behaviour, line) in lines {
        table.row(cells(behaviour.words(), line));
    }
    table.sum(cells("all", &sum(lines.values())));
    table.text("  ")
}
