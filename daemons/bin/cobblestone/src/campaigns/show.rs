//! What campaigns are and how far they are.

use std::fmt::Write as _;

use anyhow::Result;
use boinc::printable::printable;
use campaign::{Campaign, Kind};
use serde_json::{Value, json};
use store::campaigns::State;
use store::progress::{Progress, sample};

use super::Which;
use super::find::{self, Found};
use crate::cli::ProjectArgs;
use crate::project::Project;
use crate::screen::print;
use crate::table::Table;
use crate::text::{date, duration, json_text};

/// Characters of a bar.
const BAR: usize = 40;
/// Failed jobs, and rows that were set aside, that are shown.
const SHOWN: i64 = 10;

/// `list`.
///
/// # Errors
/// There is no project, or its database can't be read.
pub async fn list(args: &ProjectArgs, as_json: bool) -> Result<()> {
    let (project, _) = Project::open_ready(args).await?;
    let all = find::all(&project).await?;
    if as_json {
        for found in &all {
            print(&format!("{}\n", json_text(&facts(found))));
        }
        return Ok(());
    }
    if all.is_empty() {
        print("there are no campaigns; docs/CAMPAIGNS.md shows how to describe one\n");
        return Ok(());
    }
    let head = ["campaign", "application", "state", "source", "planned", "made", "set aside", "note"];
    let mut table = Table::new(head).left(&[1, 2, 3, 7]).uncut_last();
    for found in &all {
        let row = found.row.as_ref();
        let number = |value: Option<i64>| value.map_or_else(|| "-".to_owned(), |value| value.to_string());
        table.row([
            printable(&found.name, 60),
            printable(&found.app.name, 30),
            state(found).to_owned(),
            source(found),
            planned(found).map_or_else(|| "no end".to_owned(), |jobs| jobs.to_string()),
            number(row.map(|row| row.made)),
            number(row.map(|row| row.set_aside)),
            printable(&note(found), 200),
        ]);
    }
    print(&table.text(""));
    Ok(())
}

/// `show`.
///
/// # Errors
/// There is no such campaign, or the database can't be read.
pub async fn show(which: &Which, as_json: bool, exact: bool) -> Result<()> {
    let (project, clock) = Project::open_ready(&which.project).await?;
    let found = find::one(&project, which).await?;
    let now = clock.now();
    let Some(row) = &found.row else {
        if as_json {
            print(&format!("{}\n", json_text(&facts(&found))));
        } else {
            print(&format!("{}nothing is made yet: the work generator has not seen it\n", head(&found)));
        }
        return Ok(());
    };
    let ranges = sample(row.next_job, exact);
    let (counted, failed, aside, began, seeds) = project
        .store
        .snapshot("campaign", async |conn| {
            let (mut counted, mut failed) = (Progress::default(), Vec::new());
            for range in &ranges {
                let part = conn.progress(row.id, row.retried > 0, range).await?;
                let more = SHOWN.saturating_sub(i64::try_from(failed.len()).unwrap_or(SHOWN));
                if part.failed > 0 && more > 0 {
                    failed.extend(conn.failed_jobs(row.id, range, more).await?);
                }
                counted = counted.and(part);
            }
            counted.to_retry = conn.jobs_to_retry(row.id).await?;
            Ok((
                counted,
                failed,
                conn.aside_rows(row.id, -1, SHOWN).await?,
                conn.first_sent(row.id).await?,
                conn.seed_ranges(row.app, row.id).await?,
            ))
        })
        .await?;
    let is_sample = ranges.len() > 1;
    let progress = if is_sample { counted.scaled(row.made) } else { counted };
    let end = estimated_end(planned(&found).unwrap_or(row.made), &progress, began, now);
    if as_json {
        let mut value = facts(&found);
        if let Some(object) = value.as_object_mut() {
            let counts = json!({
                "waiting": progress.waiting, "sent": progress.sent, "valid": progress.valid, "failed": progress.failed,
                "cancelled": progress.cancelled, "gone": progress.gone, "to_retry": progress.to_retry,
                "looked_at": counted.jobs(), "exact": !is_sample,
            });
            object.insert("jobs".to_owned(), counts);
            object.insert("estimated_end".to_owned(), end.into());
            let ranges =
                seeds.iter().map(|range| json!([range.first_seed, range.first_seed + range.seeds - 1]));
            object.insert("seeds".to_owned(), ranges.collect());
        }
        print(&format!("{}\n", json_text(&value)));
        return Ok(());
    }
    let mut text = head(&found);
    for range in &seeds {
        let _ = writeln!(text, "seeds     {} to {}", range.first_seed, range.first_seed + range.seeds - 1);
    }
    let _ = writeln!(
        text,
        "jobs      {} planned, {} made, {} rows set aside, {} made before, {} made again\n",
        planned(&found).map_or_else(|| "no end".to_owned(), |jobs| jobs.to_string()),
        row.made,
        row.set_aside,
        row.repeated,
        row.retried
    );
    text.push_str(&bars(planned(&found), row.made, &progress));
    if is_sample {
        let _ = writeln!(
            text,
            "\nabout: {} of these jobs were looked at, evenly spread; --exact looks at all",
            counted.jobs()
        );
    }
    if let Some(end) = end {
        let _ = writeln!(text, "\nestimated end  {} UTC, in {}", date(end), duration(end - now));
    }
    if !failed.is_empty() {
        let _ =
            writeln!(text, "\nfailed, for example (cobblestone campaign retry-failed makes them once more)");
        for job in failed {
            let why = boinc::state::ErrorMask(job.error_mask).words().join(", ");
            let _ = writeln!(text, "  job {}  {}  {}", job.job, printable(&job.workunit, 80), why);
        }
    }
    if !aside.is_empty() {
        let _ = writeln!(text, "\nset aside, for example (cobblestone quarantine list --kind job shows all)");
        for entry in aside {
            let _ = writeln!(text, "  {}", printable(&entry.reason, 200));
        }
    }
    print(&text);
    Ok(())
}

fn head(found: &Found) -> String {
    let mut text = String::new();
    let _ = writeln!(text, "campaign  {} of {}", printable(&found.name, 100), printable(&found.app.name, 60));
    let description = found.described.as_ref().map_or("", |campaign| campaign.description.as_str());
    if !description.is_empty() {
        let _ = writeln!(text, "          {}", printable(description, 200));
    }
    let note = note(found);
    let _ = writeln!(
        text,
        "state     {}{}",
        state(found),
        if note.is_empty() { String::new() } else { format!(": {}", printable(&note, 300)) }
    );
    let _ = writeln!(text, "source    {}", source(found));
    text
}

/// What is known of a campaign, for programs.
fn facts(found: &Found) -> Value {
    let row = found.row.as_ref();
    json!({
        "campaign": found.name, "app": found.app.name, "state": state(found), "note": note(found), "source": source(found),
        "planned": planned(found), "made": row.map_or(0, |row| row.made), "set_aside": row.map_or(0, |row| row.set_aside),
        "made_before": row.map_or(0, |row| row.repeated), "made_again": row.map_or(0, |row| row.retried),
        "described": found.described.is_some(), "began": row.map(|row| row.time),
    })
}

fn state(found: &Found) -> &'static str {
    match &found.row {
        Some(row) => row.state.as_str(),
        None => "not begun",
    }
}

/// What a person should know of it.
fn note(found: &Found) -> String {
    match (&found.mistake, &found.described, &found.row) {
        (Some(mistake), ..) => format!("its file has a mistake: {mistake}"),
        (None, None, Some(row)) if row.state == State::Active => "described nowhere any more".to_owned(),
        (_, _, Some(row)) => row.note.clone(),
        _ => String::new(),
    }
}

fn source(found: &Found) -> String {
    let Some(Campaign { source, .. }) = &found.described else {
        return found.row.as_ref().map_or_else(|| "-".to_owned(), |row| row.source.clone());
    };
    match source.kind {
        Kind::File | Kind::Folder => format!("{} {}", source.kind.as_str(), printable(&source.path, 60)),
        Kind::Command => format!("command {}", printable(&source.command.join(" "), 60)),
        Kind::Counter | Kind::Stdin => source.kind.as_str().to_owned(),
    }
}

/// Jobs that it will have. Of rows nobody knows before they are read.
fn planned(found: &Found) -> Option<i64> {
    match (&found.described, &found.row) {
        (_, Some(row)) if row.state == State::Complete => Some(row.made),
        (Some(campaign), _) => campaign.source.jobs,
        (None, Some(row)) => row.jobs,
        (None, None) => None,
    }
}

/// A bar for each state: its share of all jobs that are planned.
fn bars(planned: Option<i64>, made: i64, progress: &Progress) -> String {
    let all = planned.unwrap_or(made).max(made).max(1);
    let lines = [
        ("to make", all - made),
        ("waiting", progress.waiting),
        ("sent", progress.sent),
        ("valid", progress.valid),
        ("failed", progress.failed),
        ("cancelled", progress.cancelled),
        ("gone", progress.gone),
        ("to retry", progress.to_retry),
    ];
    let mut table = Table::headless().left(&[2]).uncut_last();
    for (name, count) in lines {
        if count > 0 || ["waiting", "sent", "valid", "failed"].contains(&name) {
            table.row([name.to_owned(), count.to_string(), bar(count, all)]);
        }
    }
    table.text("")
}

fn bar(count: i64, all: i64) -> String {
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "for show"
    )]
    let length = (count.max(0) as f64 / all.max(1) as f64 * BAR as f64).ceil() as usize;
    "█".repeat(length.min(BAR))
}

/// When all planned jobs are done, if it goes on as it did since the first task was sent. Unix seconds.
fn estimated_end(planned: i64, progress: &Progress, began: Option<f64>, now: f64) -> Option<f64> {
    let done = progress.valid + progress.failed + progress.cancelled;
    let left = planned.saturating_sub(done);
    let began = began.filter(|began| now > *began)?;
    if left <= 0 || progress.valid == 0 {
        return None;
    }
    #[expect(clippy::cast_precision_loss, reason = "an estimate")]
    let each = (now - began) / (progress.valid + progress.failed) as f64;
    #[expect(clippy::cast_precision_loss, reason = "an estimate")]
    Some(now + each * left as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROGRESS: Progress =
        Progress { waiting: 10, sent: 20, valid: 50, failed: 0, cancelled: 0, gone: 0, to_retry: 0 };

    #[test]
    fn bars_show_shares() {
        let text = bars(Some(100), 80, &PROGRESS);
        assert!(text.contains("to make  20  ████████\n"), "{text}");
        assert!(text.contains("valid    50  ████████████████████\n"), "{text}");
        assert!(text.contains("failed    0\n"), "{text}");
        assert!(!text.contains("cancelled"));
        assert_eq!(bar(1, 1_000_000).chars().count(), 1, "little is not nothing");
    }

    #[test]
    fn the_end_is_estimated_from_what_is_done() {
        assert_eq!(estimated_end(100, &PROGRESS, Some(0.0), 1000.0), Some(2000.0));
        assert_eq!(estimated_end(50, &PROGRESS, Some(0.0), 1000.0), None, "it is done");
        assert_eq!(estimated_end(100, &PROGRESS, None, 1000.0), None);
        assert_eq!(estimated_end(100, &Progress { valid: 0, ..PROGRESS }, Some(0.0), 1000.0), None);
    }
}
