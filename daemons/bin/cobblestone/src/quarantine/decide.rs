//! `cobblestone quarantine retry` and `drop`.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;
use boinc::printable::printable;
use store::Tx;
use store::aside::REPORT;
use store::aside_workunits::{DROPPED_JOB, DROPPED_WORKUNIT, JOB, WORKUNIT};
use store::quarantine::MESSAGE;
use store::quarantine_view::{Entry, WhichAside};

use super::select::{Select, WAITING};
use crate::cli::ProjectArgs;
use crate::decision::{DropArgs, RetryArgs};
use crate::project::Project;
use crate::screen::print;
use crate::trickles::{HANDLER, LONGEST_REASON, reason};
use crate::who::login_name;

/// Entries in one transaction.
const BATCH: usize = 500;
/// Most lines about single entries.
const SHOWN: usize = 20;

/// Printed below the help.
pub const AFTER_HELP: &str = "Conditions must hold together; without --kind they choose from what waits: workunit, job, trickle, held, \
    unknown, report. A kind that was dropped can be given back, too.\n\n\
    Exit status 1: for some of the entries there was nothing to do; they are named.";

/// What is decided.
enum Decision {
    Retry,
    /// Why.
    Drop(String),
}

/// Entries of one daemon that are decided together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Way {
    /// Messages, with the reports in them.
    Messages,
    /// Reports beside their messages.
    Reports,
    /// Workunits.
    Workunits,
    /// Rows and jobs of campaigns.
    Jobs,
}

/// Daemon and way, to entries and what they are about.
type Ways = BTreeMap<(String, Option<Way>), Vec<(i64, i64)>>;

fn way(entry: &Entry) -> Option<Way> {
    match entry.kind.as_str() {
        WORKUNIT | DROPPED_WORKUNIT => Some(Way::Workunits),
        JOB | DROPPED_JOB => Some(Way::Jobs),
        _ if entry.daemon != HANDLER => None,
        kind if MESSAGE.contains(&kind) => Some(Way::Messages),
        kind if kind == REPORT || kind.ends_with("_report") => Some(Way::Reports),
        _ => None,
    }
}

/// Gives back. False when there was nothing to do for some.
///
/// # Errors
/// There is no project, or its database can't be written.
pub async fn retry(args: &RetryArgs<Select>) -> Result<bool> {
    decide(&args.project, &args.which, &Decision::Retry).await
}

/// Drops. False when there was nothing to do for some.
///
/// # Errors
/// There is no reason, no project, or its database can't be written.
pub async fn drop(args: &DropArgs<Select>) -> Result<bool> {
    let reason = reason(&args.reason, LONGEST_REASON)?;
    let why = format!("dropped by {}: {reason}", login_name());
    decide(&args.project, &args.which, &Decision::Drop(why)).await
}

async fn decide(project: &ProjectArgs, which: &Select, decision: &Decision) -> Result<bool> {
    let (project, clock) = Project::open_ready(project).await?;
    let kinds: &[&str] = if which.ids.is_empty() { &WAITING } else { &[] };
    let now = clock.now();
    let chosen = which.conditions.which(&which.ids, kinds, now);
    if which.dry_run {
        return tell(&project, &chosen, decision).await;
    }
    let mut seen: BTreeSet<i64> = BTreeSet::new();
    let mut done: BTreeMap<(String, Way), usize> = BTreeMap::new();
    let mut left: Vec<(i64, Option<Way>)> = Vec::new();
    // Messages whose reports are decided with them.
    let mut whole: BTreeSet<i64> = BTreeSet::new();
    // Reports last: one that was set aside beside a message is decided with it, if that is decided, too.
    for reports in [false, true] {
        let mut after = i64::MIN;
        loop {
            let entries = project
                .store
                .read("entries of the quarantine", async |conn| {
                    conn.aside_entries(&chosen, after, i64::try_from(BATCH).unwrap_or(500)).await
                })
                .await?;
            let Some(last) = entries.last() else { break };
            after = last.id;
            let mut ways = Ways::new();
            for entry in &entries {
                let way = way(entry);
                if (way == Some(Way::Reports)) != reports {
                    continue;
                }
                seen.insert(entry.id);
                match way {
                    Some(Way::Messages) => {
                        whole.insert(entry.refid);
                    }
                    Some(Way::Reports) if whole.contains(&entry.refid) => continue,
                    _ => {}
                }
                ways.entry((entry.daemon.clone(), way)).or_default().push((entry.id, entry.refid));
            }
            for ((daemon, way), entries) in ways {
                let Some(way) = way else {
                    left.extend(entries.iter().map(|(id, _)| (*id, None)));
                    continue;
                };
                let refs: Vec<i64> = entries.iter().map(|(_, refid)| *refid).collect();
                let decided = all_or_each(&refs, async |refs| {
                    project
                        .store
                        .transaction("decide on the quarantine", async |tx| {
                            act(tx, &daemon, way, refs, decision, now).await
                        })
                        .await
                })
                .await?;
                *done.entry((daemon, way)).or_default() += decided.len();
                let others = entries.iter().filter(|(_, refid)| !decided.contains(refid));
                left.extend(others.map(|(id, _)| (*id, Some(way))));
            }
        }
    }
    // What was decided may stand there no more, or as another kind.
    let gone = which.ids.iter().filter(|id| !seen.contains(id)).map(|id| (*id, None));
    left.extend(gone);
    done.retain(|_, n| *n > 0);
    if done.is_empty() && left.is_empty() {
        print("no such thing is set aside\n");
    }
    for ((daemon, way), n) in &done {
        print(&format!("{}\n", said(daemon, *way, *n, decision)));
    }
    for (id, way) in left.iter().take(SHOWN) {
        eprintln!("entry {id} {}", why_not(*way, decision));
    }
    if left.len() > SHOWN {
        eprintln!("… and {} more such entries", left.len() - SHOWN);
    }
    Ok(left.is_empty())
}

/// What a dry run says.
async fn tell(project: &Project, which: &WhichAside, decision: &Decision) -> Result<bool> {
    let (all, reasons) = project
        .store
        .snapshot("quarantine", async |conn| {
            let (_, all) = conn.latest_aside(which, 0).await?;
            Ok((all, conn.aside_reasons(which, i64::try_from(SHOWN).unwrap_or(20)).await?))
        })
        .await?;
    let what = match decision {
        Decision::Retry => "would be given back",
        Decision::Drop(_) => "would be dropped",
    };
    let mut text = format!("{what}: {all} entries\n");
    for (daemon, kind, reason, n) in reasons {
        text.push_str(&format!(
            "{n:>9}  {} {}: {}\n",
            printable(&daemon, 30),
            printable(&kind, 30),
            printable(&reason, 160)
        ));
    }
    print(&text);
    Ok(true)
}

/// One transaction: the things that it was done with.
async fn act(
    tx: &mut Tx,
    daemon: &str,
    way: Way,
    refs: &[i64],
    decision: &Decision,
    now: f64,
) -> store::Result<Vec<i64>> {
    #[expect(clippy::cast_possible_truncation, reason = "saturates")]
    let seconds = now as i32;
    match (way, decision) {
        (Way::Messages, Decision::Retry) => tx.give_back(daemon, refs).await,
        (Way::Messages, Decision::Drop(why)) => tx.drop_messages(daemon, refs, why, now).await,
        (Way::Reports, Decision::Retry) => tx.give_back_reports(daemon, refs).await,
        (Way::Reports, Decision::Drop(why)) => tx.drop_reports(daemon, refs, why, now).await,
        (Way::Workunits, Decision::Retry) => tx.retry_workunits(daemon, refs, seconds).await,
        (Way::Workunits, Decision::Drop(why)) => tx.drop_things(daemon, WORKUNIT, refs, why, now).await,
        (Way::Jobs, Decision::Retry) => tx.retry_jobs(daemon, refs, now).await,
        (Way::Jobs, Decision::Drop(why)) => tx.drop_things(daemon, JOB, refs, why, now).await,
    }
}

fn said(daemon: &str, way: Way, n: usize, decision: &Decision) -> String {
    let daemon = printable(daemon, 30);
    let things = match way {
        Way::Messages => "messages",
        Way::Reports => "guest reports",
        Way::Workunits => "workunits",
        Way::Jobs => "jobs",
    };
    match (decision, way) {
        (Decision::Retry, _) => format!("given back: {n} {things}; {daemon} takes them at its next pass"),
        (Decision::Drop(_), Way::Messages | Way::Reports) => {
            format!("dropped: {n} {things}; they stay in `cobblestone trickles list --state dropped`")
        }
        (Decision::Drop(_), Way::Workunits | Way::Jobs) => {
            format!("dropped: {n} {things}; they stay here, and {daemon} does not try them any more")
        }
    }
}

fn why_not(way: Option<Way>, decision: &Decision) -> &'static str {
    match (way, decision) {
        (Some(Way::Jobs), Decision::Retry) => {
            "is given back already, or is a row of a file: `cobblestone campaign retry-failed` reads the files of its campaign again"
        }
        (Some(Way::Messages | Way::Reports), Decision::Retry) => {
            "is not set aside, held or dropped, or its message is gone from msg_from_host"
        }
        (Some(_), _) => "was decided before",
        (None, _) => "is not there, or nothing can be decided about it",
    }
}

/// Does it with all at once; if the database refuses one of them, with one at a time. Those that it was done with.
async fn all_or_each(
    refs: &[i64],
    act: impl AsyncFn(&[i64]) -> store::Result<Vec<i64>>,
) -> Result<BTreeSet<i64>> {
    crate::trickles::all_or_each(refs, act).await.map(|done| done.into_iter().collect())
}
