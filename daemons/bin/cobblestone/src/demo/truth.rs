//! The books against the truth: what the hosts really did, which only the sandbox knows. Pure.

use std::collections::BTreeMap;

use sandbox::fleet::{Books, Run};
use sandbox::{Behaviour, Fate};
use store::report_view::Jobs;

use super::dataset::Dataset;
use super::facts::{End, Facts, ResultFact};
use crate::audit::{Audit, Finding};

/// Seconds within which two times count as equal: columns hold whole seconds.
const SECOND: f64 = 1.0;
/// At most so many examples of one fault.
const EXAMPLES: usize = 5;

/// What hosts of one behaviour did, and got.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Line {
    /// Results sent.
    pub sent: usize,
    /// How they ended.
    pub ends: BTreeMap<End, usize>,
    /// Seconds from sending to reporting, of those that were reported.
    pub away: f64,
    /// Seconds that their VMs really ran.
    pub ran: f64,
    /// Seconds that they claimed at most, summed over results.
    pub claimed: f64,
    /// Seconds that they were paid for.
    pub paid: f64,
    /// Cobblestones paid.
    pub credit: f64,
}

/// One line per behaviour.
pub fn by_behaviour(books: &Books, facts: &Facts) -> BTreeMap<Behaviour, Line> {
    let mut lines: BTreeMap<Behaviour, Line> = BTreeMap::new();
    for run in &books.runs {
        let line = lines.entry(run.behaviour).or_default();
        line.sent += 1;
        line.ran += run.ran_seconds;
        line.claimed += run.highest_claim;
        if let Some(fact) = facts.results.get(&run.result) {
            *line.ends.entry(fact.end).or_default() += 1;
            line.away += fact.away.unwrap_or(0.0);
            line.paid += fact.paid_seconds;
            line.credit += fact.credit;
        }
    }
    lines
}

/// The sum of lines.
pub fn sum<'a>(lines: impl IntoIterator<Item = &'a Line>) -> Line {
    lines.into_iter().fold(Line::default(), |mut all, line| {
        all.sent += line.sent;
        for (end, n) in &line.ends {
            *all.ends.entry(*end).or_default() += n;
        }
        all.away += line.away;
        all.ran += line.ran;
        all.claimed += line.claimed;
        all.paid += line.paid;
        all.credit += line.credit;
        all
    })
}

/// Everything that must hold between the truth and the books.
pub fn findings(books: &Books, facts: &Facts, audit: &Audit) -> Vec<Finding> {
    let pairs = || books.runs.iter().filter_map(|run| Some((run, facts.results.get(&run.result)?)));
    let over = |run: &Run| run.behaviour == Behaviour::OverClaimed;
    let check = |what: &str, faults: Vec<String>| finding(what, faults);
    vec![
        messages(books, audit),
        check(
            "no honest task was paid for more seconds than its VM ran",
            pairs()
                .filter(|(run, fact)| !over(run) && fact.paid_seconds > run.ran_seconds + SECOND)
                .map(|(run, fact)| {
                    format!("{}: ran {:.0} s, paid {:.0} s", run.name, run.ran_seconds, fact.paid_seconds)
                })
                .collect(),
        ),
        check(
            "no over-claimer was paid for more seconds than passed while it had the task",
            pairs()
                .filter(|(run, fact)| {
                    over(run) && fact.away.is_some_and(|away| fact.paid_seconds > away + SECOND)
                })
                .map(|(run, fact)| format!("{}: paid {:.0} s", run.name, fact.paid_seconds))
                .collect(),
        ),
        check(
            "every valid result was paid for all the seconds that it reported",
            pairs()
                .filter(|(_, fact)| fact.end == End::Valid && fact.paid_seconds < due(fact) - SECOND)
                .map(|(run, fact)| {
                    format!("{}: reported {:.0} s, paid {:.0} s", run.name, fact.elapsed, fact.paid_seconds)
                })
                .collect(),
        ),
        check(
            "no wrong output was called valid",
            pairs()
                .filter(|(run, fact)| run.behaviour == Behaviour::Wrong && fact.end == End::Valid)
                .map(|(run, _)| run.name.clone())
                .collect(),
        ),
        check(
            "no right output was called invalid or unusable",
            pairs()
                .filter(|(run, fact)| {
                    run.behaviour != Behaviour::Wrong && matches!(fact.end, End::Invalid | End::Unusable)
                })
                .map(|(run, fact)| format!("{}: {}", run.name, fact.end.words()))
                .collect(),
        ),
    ]
}

/// What a valid result is due.
fn due(fact: &ResultFact) -> f64 {
    fact.away.map_or(0.0, |away| fact.elapsed.min(away))
}

/// What the dataset must hold: each workunit once, those with a canonical result and no error among the results, those
/// without a canonical result among the failures. One that got its error after it was validated may be in either.
pub fn dataset(facts: &Facts, dataset: &Dataset) -> Finding {
    let mut faults = Vec::new();
    for (id, workunit) in &facts.workunits {
        let (stored, failed) = (dataset.workunits.contains(id), dataset.failures.contains(id));
        let right = match (workunit.validated, workunit.error_mask) {
            (true, 0) => stored && !failed,
            (true, _) => stored != failed,
            (false, _) => failed && !stored,
        };
        if !right {
            let found = match (stored, failed) {
                (false, false) => "is not in the dataset",
                (true, true) => "is among the results and among the failures",
                (true, false) => "is among the results",
                (false, true) => "is among the failures",
            };
            faults.push(format!("workunit {id}, error_mask {}, {found}", workunit.error_mask));
        }
    }
    if dataset.repeated > 0 {
        faults.push(format!("{} rows are for a workunit that has one already", dataset.repeated));
    }
    let strange =
        dataset.workunits.union(&dataset.failures).filter(|id| !facts.workunits.contains_key(id)).count();
    if strange > 0 {
        faults.push(format!("{strange} workunits in the dataset don't exist"));
    }
    finding(
        &format!(
            "the Parquet files hold each workunit once: {} results, {} failures",
            dataset.workunits.len(),
            dataset.failures.len()
        ),
        faults,
    )
}

/// The job table must hold what guests reported.
pub fn jobs(books: &Books, all: &Jobs) -> Finding {
    let (received, succeeded) = books.jobs();
    let mut faults = Vec::new();
    for (what, sent, found) in
        [("received", received, &all.received), ("succeeded", succeeded, &all.succeeded)]
    {
        if sent.to_string() != *found {
            faults.push(format!("{sent} {what} were reported, the table has {found}"));
        }
    }
    finding(&format!("the job table holds the {succeeded} jobs that guests reported as done"), faults)
}

/// Each message that a host sent must be in the books, once.
fn messages(books: &Books, audit: &Audit) -> Finding {
    let sent = i64::try_from(books.messages()).unwrap_or(i64::MAX);
    let m = &audit.messages;
    let mut faults = Vec::new();
    if m.stored != sent {
        faults.push(format!("{sent} were sent, {} are stored", m.stored));
    }
    if m.waiting != 0 {
        faults.push(format!("{} were never handled", m.waiting));
    }
    if audit.lost() != 0 {
        faults.push(format!("{} handled, {} accounted for", m.handled, m.counted + m.set_aside));
    }
    let malformed: u64 =
        books.trickles.iter().filter(|(fate, _)| fate.is_malformed()).map(|(_, count)| count).sum();
    let malformed = i64::try_from(malformed).unwrap_or(i64::MAX);
    // An absurd number can be a proper claim of a huge time, which is cut; so fewer may be set aside, never more.
    if m.set_aside > malformed {
        faults.push(format!("{} were set aside, but only {malformed} were malformed", m.set_aside));
    }
    finding(&format!("each of the {sent} messages that hosts sent is accounted for, once"), faults)
}

fn finding(what: &str, faults: Vec<String>) -> Finding {
    let ok = faults.is_empty();
    let more = faults.len().saturating_sub(EXAMPLES);
    let mut details: Vec<String> = faults.into_iter().take(EXAMPLES).collect();
    if more > 0 {
        details.push(format!("… and {more} more"));
    }
    Finding { ok, what: what.to_owned(), details }
}

/// Messages as the hosts meant them, most frequent first.
pub fn messages_sent(books: &Books) -> Vec<(Fate, u64)> {
    let mut counts: Vec<(Fate, u64)> = books.trickles.iter().map(|(fate, count)| (*fate, *count)).collect();
    counts.sort_by_key(|(fate, count)| (std::cmp::Reverse(*count), *fate));
    counts
}

#[cfg(test)]
mod tests;
