//! `cobblestone trickles retry` and `drop`.

use std::collections::BTreeSet;

use anyhow::{Result, bail};
use boinc::printable::printable;
use store::aside::{ASIDE, REPORT, UNUSABLE};

use super::HANDLER;
use crate::cli::ProjectArgs;
use crate::project::Project;
use crate::screen::print;
use crate::who::login_name;

/// Messages in one transaction.
const BATCH: usize = 500;

/// Longest reason of a person, in characters: with the name and the old reason it fits the column.
const LONGEST: usize = 120;

/// Printed below the help.
pub const AFTER_HELP: &str =
    "Exit status 1: for some of the messages there was nothing to do; they are named.";

/// `cobblestone trickles retry`.
#[derive(Debug, clap::Args)]
#[command(group(clap::ArgGroup::new("which").required(true).multiple(true).args(["ids", "reason", "all_set_aside"])))]
pub struct RetryArgs {
    #[command(flatten)]
    project: ProjectArgs,
    /// Numbers of messages, as `trickles list` shows them
    #[arg(value_name = "ID")]
    ids: Vec<i64>,
    /// All that are set aside or held and whose reason holds this text; also guest reports in messages
    #[arg(long, value_name = "TEXT", conflicts_with = "ids", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    reason: Option<String>,
    /// All that could not be used, also guest reports in messages; with --reason those whose reason holds that text
    #[arg(long, conflicts_with = "ids")]
    all_set_aside: bool,
}

/// `cobblestone trickles drop`.
#[derive(Debug, clap::Args)]
pub struct DropArgs {
    #[command(flatten)]
    project: ProjectArgs,
    /// Numbers of messages, as `trickles list` shows them
    #[arg(value_name = "ID", required = true)]
    ids: Vec<i64>,
    /// Why; kept with your login name
    #[arg(long, value_name = "TEXT", required = true)]
    reason: String,
}

/// Gives messages back. False when there was nothing to do for some.
///
/// # Errors
/// There is no project, or its database can't be written.
pub async fn retry(args: &RetryArgs) -> Result<bool> {
    let (project, _) = Project::open_ready(&args.project).await?;
    let mut done = 0_usize;
    let mut left = Vec::new();
    let mut whole: BTreeSet<i64> = BTreeSet::new();
    let mut give = async |ids: &[i64], reports_only: bool| -> Result<()> {
        let given = project
            .store
            .transaction("give messages back", async |tx| {
                if reports_only {
                    tx.give_back_reports(HANDLER, ids).await
                } else {
                    tx.give_back(HANDLER, ids).await
                }
            })
            .await?;
        done += given.len();
        left.extend(without(ids, &given));
        Ok(())
    };
    if args.ids.is_empty() {
        let messages: &[&'static str] = if args.all_set_aside { &UNUSABLE } else { &ASIDE };
        // Messages first: a report that is set aside beside one of them is decided anew with it.
        for (kinds, reports_only) in [(messages, false), (&[REPORT], true)] {
            let mut after = i64::MIN;
            loop {
                let mut ids = project
                    .store
                    .read("messages set aside", async |conn| {
                        conn.aside_messages(HANDLER, kinds, args.reason.as_deref(), after, BATCH as i64).await
                    })
                    .await?;
                let Some(last) = ids.last() else { break };
                after = *last;
                if reports_only {
                    ids.retain(|id| !whole.contains(id));
                } else {
                    whole.extend(&ids);
                }
                give(&ids, reports_only).await?;
            }
        }
    } else {
        for ids in unique(&args.ids).chunks(BATCH) {
            give(ids, false).await?;
        }
    }
    if done > 0 {
        print(&format!("given back: {done} messages; the trickle handler takes them at its next pass\n"));
    } else if left.is_empty() {
        print("no such message is set aside or held\n");
    }
    Ok(report(&left, "is not set aside, held or dropped, or its row is gone from msg_from_host"))
}

/// Drops messages. False when there was nothing to do for some.
///
/// # Errors
/// There is no reason, no project, or its database can't be written.
pub async fn drop(args: &DropArgs) -> Result<bool> {
    let reason = reason(&args.reason, LONGEST)?;
    let (project, clock) = Project::open_ready(&args.project).await?;
    let why = format!("dropped by {}: {reason}", login_name());
    let mut done = 0_usize;
    let mut left = Vec::new();
    for ids in unique(&args.ids).chunks(BATCH) {
        let now = clock.now();
        let dropped = project
            .store
            .transaction("drop messages", async |tx| tx.drop_messages(HANDLER, ids, &why, now).await)
            .await?;
        done += dropped.len();
        left.extend(without(ids, &dropped));
    }
    if done > 0 {
        print(&format!(
            "dropped: {done} messages; they stay in `cobblestone trickles list --state dropped`\n"
        ));
    }
    Ok(report(&left, "is not set aside or held"))
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

fn unique(ids: &[i64]) -> Vec<i64> {
    ids.iter().copied().collect::<BTreeSet<_>>().into_iter().collect()
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
