//! The report as tables, for text and for HTML. Pure.

use boinc::printable::printable;
use store::campaign_view::{CampaignFacts, ENOUGH, Standing};

use super::Campaign;
use super::plots::quantile;
use super::svg::short;
use crate::table::Table;
use crate::text::{date, duration, hours, percent};

/// Fates in the order that a workunit goes through them: (word in the database, words for people).
pub const FATES: [(&str, &str); 6] = [
    ("waiting", "waiting to be sent"),
    ("sent", "being computed"),
    ("valid", "valid"),
    ("failed", "failed"),
    ("cancelled", "cancelled"),
    ("gone", "purged without a trace in a dataset"),
];

/// Classes of agreement, best first.
pub const AGREEMENT: [&str; 6] =
    ["no deviation", "up to 0.01", "up to 0.1", "up to 0.5", "up to 1", "above 1"];

/// A table with a title.
#[derive(Debug, Default)]
pub struct Section {
    #[allow(missing_docs)]
    pub title: &'static str,
    /// What a reader has to know.
    pub note: String,
    #[allow(missing_docs)]
    pub head: Vec<&'static str>,
    /// Columns that hold words.
    pub left: Vec<usize>,
    #[allow(missing_docs)]
    pub rows: Vec<Vec<String>>,
    /// Which plots belong to it, by the names of `plots::all`.
    pub plots: &'static [&'static str],
}

#[expect(clippy::cast_precision_loss, reason = "for show")]
fn float(n: i64) -> f64 {
    n as f64
}

/// A count that may be beyond 64 bits.
fn whole(n: f64) -> String {
    format!("{n:.0}")
}

fn size(n: i64) -> usize {
    usize::try_from(n).unwrap_or(0)
}

/// Workunits of a fate.
pub fn of_fate(facts: &CampaignFacts, fate: &str) -> i64 {
    facts.fates.iter().filter(|row| row.fate == fate).map(|row| row.workunits).sum()
}

/// The report in a sentence.
pub fn summary(campaign: &Campaign) -> String {
    let facts = &campaign.facts;
    let all: i64 = facts.fates.iter().map(|row| row.workunits).sum();
    let valid = of_fate(facts, "valid");
    format!(
        "{valid} of {all} workunits are valid ({}), {} failed, {} are still under way.",
        percent(size(valid), size(all)),
        of_fate(facts, "failed"),
        of_fate(facts, "waiting") + of_fate(facts, "sent")
    )
}

/// All of it.
pub fn sections(campaign: &Campaign) -> Vec<Section> {
    let facts = &campaign.facts;
    let mut all = vec![asked(campaign), came(facts), long(facts), agreement(facts)];
    all.push(columns(facts));
    all.push(odd(&facts.odd));
    all.push(fastest(&facts.fastest));
    all.push(failures(facts));
    all.push(reviews(campaign));
    all
}

fn asked(campaign: &Campaign) -> Section {
    let facts = &campaign.facts;
    let mut note = format!("The campaign began on {} (UTC).", date(facts.begun));
    if let Some(row) = &campaign.row {
        let planned = row.jobs.map_or_else(|| "an unlimited number of".to_owned(), |jobs| jobs.to_string());
        note.push_str(&format!(
            " It is {}: {planned} jobs are planned, {} were made, {} could not be made, {} were made once more.",
            row.state.as_str(),
            row.made,
            row.set_aside,
            row.retried
        ));
    }
    let all: i64 = facts.fates.iter().map(|row| row.workunits).sum();
    let events: f64 = facts.fates.iter().map(|row| row.events).sum();
    let mut rows: Vec<Vec<String>> = FATES
        .iter()
        .filter_map(|(fate, words)| {
            let row = facts.fates.iter().find(|row| row.fate == *fate)?;
            Some(vec![
                (*words).to_owned(),
                row.workunits.to_string(),
                percent(size(row.workunits), size(all)),
                whole(row.events),
            ])
        })
        .collect();
    rows.push(vec!["all".to_owned(), all.to_string(), percent(size(all), size(all)), whole(events)]);
    Section {
        title: "What was asked, and what came",
        note,
        head: vec!["workunits", "number", "share", "events asked for"],
        left: vec![0],
        rows,
        plots: &["days"],
    }
}

fn came(facts: &CampaignFacts) -> Section {
    let rows = facts.results.iter().map(|row| {
        vec![
            row.kind.clone(),
            row.results.to_string(),
            hours(row.cpu_seconds),
            hours(row.elapsed_seconds),
            format!("{:.2}", row.credit),
        ]
    });
    let gone = facts.results.is_empty() && !facts.fates.is_empty();
    Section {
        title: "Results",
        note: if gone {
            "BOINC's tables hold none of them any more.".to_owned()
        } else {
            "One workunit has several results. Those of workunits that db_purge has removed are not counted here.".to_owned()
        },
        head: vec!["results", "number", "CPU time (h)", "run time (h)", "credit"],
        left: vec![0],
        rows: rows.collect(),
        plots: &[],
    }
}

fn long(facts: &CampaignFacts) -> Section {
    let mut rows = Vec::new();
    for (words, bins) in
        [("from sending to report", &facts.turnaround), ("uptime of valid results", &facts.uptime)]
    {
        let number: i64 = bins.iter().map(|bin| bin.n).sum();
        let told = |share| quantile(bins, share).map_or_else(|| "-".to_owned(), duration);
        rows.push(vec![words.to_owned(), number.to_string(), told(0.1), told(0.5), told(0.9), told(1.0)]);
    }
    let first = facts.results.iter().filter_map(|row| row.first_sent).min();
    let last = facts.results.iter().filter_map(|row| row.last_received).max();
    let mut note = match (first, last) {
        (Some(first), Some(last)) => format!(
            "The first task was sent on {}, the last report came on {}: {} later.",
            date(float(first)),
            date(float(last)),
            duration(float(last - first))
        ),
        _ => "No task was reported yet.".to_owned(),
    };
    if let Some((first, last)) = facts.assimilated {
        note.push_str(&format!(" The dataset got rows from {} to {}.", date(first), date(last)));
    }
    Section {
        title: "How long it took",
        note,
        head: vec!["time", "results", "10 % below", "half below", "90 % below", "longest"],
        left: vec![0],
        rows,
        plots: &["turnaround", "uptime"],
    }
}

fn agreement(facts: &CampaignFacts) -> Section {
    let compared: i64 = facts.agreement.iter().map(|row| row.n).sum();
    let rows = AGREEMENT.iter().filter_map(|class| {
        let row = facts.agreement.iter().find(|row| row.what == *class)?;
        Some(vec![(*class).to_owned(), row.n.to_string(), percent(size(row.n), size(compared))])
    });
    let judged: i64 = facts.decisions.iter().map(|row| row.n).sum();
    let mut note = if judged == 0 {
        "No verdict of the validator is kept.".to_owned()
    } else {
        let words: Vec<String> = facts
            .decisions
            .iter()
            .map(|row| {
                format!("{} {} ({})", row.n, row.what.replace('_', " "), percent(size(row.n), size(judged)))
            })
            .collect();
        format!("The validator judged {judged} results: {}.", words.join(", "))
    };
    let looks: i64 = facts.looks.iter().map(|row| row.n).sum();
    if let Some(row) = facts.looks.iter().find(|row| row.what == "1") {
        note.push_str(&format!(
            " In {} of the workunits the first comparison found the canonical result.",
            percent(size(row.n), size(looks))
        ));
    }
    Section {
        title: "How results agreed",
        note: format!(
            "{note} Below: workunits with several valid results, by the largest deviation among these, in units of the tolerance."
        ),
        head: vec!["largest deviation", "workunits", "share"],
        left: vec![0],
        rows: rows.collect(),
        plots: &[],
    }
}

fn columns(facts: &CampaignFacts) -> Section {
    let rows = facts.columns.iter().map(|row| {
        vec![
            printable(&row.file, 60),
            printable(&row.column, 40),
            row.results.to_string(),
            short(row.mean),
            short(row.largest),
        ]
    });
    Section {
        title: "Where valid results deviate",
        note: "Of each valid result the place with its largest deviation counts, in units of the tolerance."
            .to_owned(),
        head: vec!["file", "column", "results", "mean", "largest"],
        left: vec![0, 1],
        rows: rows.collect(),
        plots: &["deviation"],
    }
}

fn machine(row: &Standing) -> String {
    row.machine.as_deref().map_or_else(|| "its row is gone".to_owned(), |text| printable(text.trim(), 80))
}

fn odd(hosts: &[Standing]) -> Section {
    let rows = hosts.iter().map(|row| {
        vec![
            row.hostid.to_string(),
            row.of.to_string(),
            row.times.to_string(),
            if row.times == row.of { "always".to_owned() } else { percent(size(row.times), size(row.of)) },
            machine(row),
        ]
    });
    Section {
        title: "Hosts that are the odd one out",
        note: format!(
            "Hosts whose results disagreed with the others, or could not be read, in half of all cases or more, and {ENOUGH} times at least."
        ),
        head: vec!["host", "judged", "odd", "share", "machine"],
        left: vec![4],
        rows: rows.collect(),
        plots: &[],
    }
}

fn fastest(hosts: &[Standing]) -> Section {
    let rows = hosts.iter().map(|row| {
        vec![
            row.hostid.to_string(),
            row.times.to_string(),
            format!("{:.1}", row.expected),
            format!("{:.2}", row.factor),
            machine(row),
        ]
    });
    Section {
        title: "Hosts that are always the fastest",
        note: format!(
            "Hosts that needed the shortest time in each workunit that they shared with other hosts, {ENOUGH} at least. It may be a \
             fast machine. A time far below 1 may be a task that does not do its work."
        ),
        head: vec!["host", "times fastest", "by chance", "its time / the others'", "machine"],
        left: vec![4],
        rows: rows.collect(),
        plots: &[],
    }
}

/// Words for `result.outcome`.
pub const fn outcome(code: i32) -> &'static str {
    match code {
        3 => "client error",
        4 => "no reply",
        6 => "validate error",
        7 => "client detached",
        _ => "other",
    }
}

fn failures(facts: &CampaignFacts) -> Section {
    let rows = facts.failures.iter().map(|row| {
        vec![outcome(row.outcome).to_owned(), row.exit_status.to_string(), row.results.to_string()]
    });
    Section {
        title: "Results that failed",
        note: "The most frequent first.".to_owned(),
        head: vec!["outcome", "exit status", "results"],
        left: vec![0],
        rows: rows.collect(),
        plots: &[],
    }
}

fn reviews(campaign: &Campaign) -> Section {
    let rows = campaign.reviews.iter().map(|(verdict, n)| vec![printable(verdict, 20), n.to_string()]);
    Section {
        title: "Reviews",
        note: format!(
            "What people, and the assimilator by itself, said last of results: `cobblestone review list --campaign {}`.",
            crate::text::quoted(&printable(&campaign.name, 100))
        ),
        head: vec!["verdict", "workunits"],
        left: vec![0],
        rows: rows.collect(),
        plots: &[],
    }
}

/// For a terminal.
pub fn text(campaign: &Campaign) -> String {
    let mut out = format!(
        "Campaign {} of {}, as of {} UTC\n{}\n",
        printable(&campaign.name, 200),
        printable(&campaign.app, 100),
        date(campaign.now),
        summary(campaign)
    );
    for section in sections(campaign) {
        out.push_str(&format!("\n{}\n{}\n", section.title.to_uppercase(), section.note));
        if section.rows.is_empty() {
            out.push_str("  none\n");
            continue;
        }
        let mut table = Table::new(section.head).left(&section.left);
        for row in section.rows {
            table.row(row);
        }
        out.push_str(&table.text("  "));
    }
    out
}
