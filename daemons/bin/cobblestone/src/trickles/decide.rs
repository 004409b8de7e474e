//! `cobblestone trickles retry` and `drop`.

use std::collections::BTreeSet;

use anyhow::{Result, bail};
use boinc::printable::printable;
use store::Tx;

use super::HANDLER;
use super::select::{Part, Select};
use crate::decision::{DropArgs, RetryArgs};
use crate::project::Project;
use crate::screen::print;
use crate::who::login_name;

/// Longest reason of a person, in characters: with the name and the old reason it fits the column.
pub const LONGEST_REASON: usize = 120;

/// Reasons that a dry run shows.
const REASONS: usize = 20;

const NOTHING: &str = "no such message is set aside or held\n";

/// Printed below the help.
pub const AFTER_HELP: &str = "Several conditions must hold together: --host 17 --reason-contains 1970 --older-than 7d.\n\n\
    Exit status 1: for some of the messages there was nothing to do; they are named.";

/// What was done, and what not.
#[derive(Debug, Default)]
struct Decided {
    done: usize,
    left: Vec<i64>,
}

/// Gives messages back. False when there was nothing to do for some.
///
/// # Errors
/// There is no project, or its database can't be written.
pub async fn retry(args: &RetryArgs<Select>) -> Result<bool> {
    let (project, clock) = Project::open_ready(&args.project).await?;
    if args.which.dry_run {
        return tell(&project, &args.which, clock.now(), "would be given back").await;
    }
    let decided = decide(&project, &args.which, clock.now(), async |tx, part, ids| {
        if part.reports_only {
            tx.give_back_reports(HANDLER, ids).await
        } else {
            tx.give_back(HANDLER, ids).await
        }
    })
    .await?;
    if decided.done > 0 {
        let done = decided.done;
        print(&format!("given back: {done} messages; the trickle handler takes them at its next pass\n"));
    } else if decided.left.is_empty() {
        print(NOTHING);
    }
    Ok(report(&decided.left, "is not set aside, held or dropped, or its row is gone from msg_from_host"))
}

/// Drops messages. False when there was nothing to do for some.
///
/// # Errors
/// There is no reason, no project, or its database can't be written.
pub async fn drop(args: &DropArgs<Select>) -> Result<bool> {
    let reason = reason(&args.reason, LONGEST_REASON)?;
    let (project, clock) = Project::open_ready(&args.project).await?;
    if args.which.dry_run {
        return tell(&project, &args.which, clock.now(), "would be dropped").await;
    }
    let why = format!("dropped by {}: {reason}", login_name());
    let decided = decide(&project, &args.which, clock.now(), async |tx, part, ids| {
        if part.reports_only {
            tx.drop_reports(HANDLER, ids, &why, clock.now()).await
        } else {
            tx.drop_messages(HANDLER, ids, &why, clock.now()).await
        }
    })
    .await?;
    if decided.done > 0 {
        let done = decided.done;
        print(&format!(
            "dropped: {done} messages; they stay in `cobblestone trickles list --state dropped`\n"
        ));
    } else if decided.left.is_empty() {
        print(NOTHING);
    }
    Ok(report(&decided.left, "is not set aside or held"))
}

/// Decides on all that are meant, one transaction for each part.
async fn decide(
    project: &Project,
    which: &Select,
    now: f64,
    act: impl AsyncFn(&mut Tx, &Part, &[i64]) -> store::Result<Vec<i64>>,
) -> Result<Decided> {
    let mut decided = Decided::default();
    which
        .each(&project.store, now, async |part| {
            let done = all_or_each(&part.ids, async |ids| {
                project.store.transaction("decide on messages", async |tx| act(tx, &part, ids).await).await
            })
            .await?;
            decided.done += done.len();
            decided.left.extend(without(&part.ids, &done));
            Ok(())
        })
        .await?;
    Ok(decided)
}

/// What a dry run says.
async fn tell(project: &Project, which: &Select, now: f64, what: &str) -> Result<bool> {
    let mut count = 0;
    which
        .each(&project.store, now, async |part| {
            count += part.ids.len();
            Ok(())
        })
        .await?;
    let mut text = format!("{what}: {count} messages\n");
    let reasons = which.reasons(&project.store, now).await?;
    for (reason, count) in reasons.iter().take(REASONS) {
        text.push_str(&format!("{count:>9}  {}\n", printable(reason, 160)));
    }
    if reasons.len() > REASONS {
        text.push_str(&format!("           … and {} more reasons\n", reasons.len() - REASONS));
    }
    print(&text);
    Ok(true)
}

/// Does it with all at once; if the database refuses one of them, with one at a time. Those that it was done with.
///
/// # Errors
/// The database can't be written.
pub async fn all_or_each(
    ids: &[i64],
    act: impl AsyncFn(&[i64]) -> store::Result<Vec<i64>>,
) -> Result<Vec<i64>> {
    match act(ids).await {
        Err(error) if error.is_data() => {}
        other => return Ok(other?),
    }
    let mut done = Vec::new();
    for id in ids {
        match act(std::slice::from_ref(id)).await {
            Err(error) if error.is_data() => eprintln!("message {id}: {error}"),
            other => done.extend(other?),
        }
    }
    Ok(done)
}

/// A person's reason: some words on one line.
///
/// # Errors
/// It is empty, too long, or holds what can't be shown.
pub fn reason(text: &str, longest: usize) -> Result<&str> {
    let text = text.trim();
    if text.is_empty() {
        bail!("--reason is empty: say why, for whoever looks at it later");
    }
    if printable(text, longest) != text {
        bail!("--reason must be one line of at most {longest} characters that can be shown");
    }
    Ok(text)
}

fn without(ids: &[i64], done: &[i64]) -> Vec<i64> {
    let done: BTreeSet<&i64> = done.iter().collect();
    ids.iter().filter(|id| !done.contains(id)).copied().collect()
}

/// Names those for which there was nothing to do; true when there are none.
fn report(left: &[i64], what: &str) -> bool {
    for id in left.iter().take(20) {
        eprintln!("message {id} {what}");
    }
    if left.len() > 20 {
        eprintln!("… and {} more such messages", left.len() - 20);
    }
    left.is_empty()
}
