//! `cobblestone trickles purge`: old messages that are done with, and what the toolkit keeps of results that are gone.
//!
//! Invariant: only handled messages are deleted, of varieties that the toolkit handles, and none that a person may still
//! decide on; each is counted in the transaction that deletes it. Killed anywhere, the next run goes on.
//!
//! Ages. Messages, entries of messages that were dropped, and identities of increments without a result: as given. A client sends a message again until the
//! server has answered, so within days; a copy that comes later is a new message. Marks: as soon as db_purge removed
//! their result, whatever their age, for a message of an unknown result is never paid; and so identities of reports. Counts
//! and flags of hosts: as soon as the host is gone, flags only when none of its results is left, either. Days of hosts: [`REACH`] days
//! before the oldest message that may still be handled, for none reaches back further.

use std::collections::BTreeSet;

use anyhow::Result;
use rules::uptime::{REACH, day_of};
use store::leftovers::Leftover;
use store::{Store, Tx};

use crate::age::age;
use crate::cli::ProjectArgs;
use crate::project::Project;
use crate::screen::print;
use crate::text::date;

/// Rows that one transaction deletes at most.
const ROWS: i64 = 1000;
/// Results or hosts that one transaction cleans at most: each may have some hundred rows.
const LEFTOVERS: i64 = 200;
/// Messages are stored in the order of their ids, give or take this many seconds.
const DISORDER: f64 = 86_400.0;

/// `cobblestone trickles purge`.
#[derive(Debug, Clone, clap::Args)]
pub struct PurgeArgs {
    #[command(flatten)]
    pub project: ProjectArgs,
    /// Delete messages older than this: 30d, 12h, or seconds
    #[arg(long = "older-than", value_name = "AGE", value_parser = age, required = true)]
    pub older_than: f64,
    /// Say what would be deleted, and write nothing
    #[arg(long = "dry_run")]
    pub dry_run: bool,
}

/// Printed below the help.
pub const AFTER_HELP: &str = "Example: cobblestone trickles purge --older-than 30d\n\n\
    Deletes handled messages that the server stored longer ago, of varieties that the toolkit handles. Never one that is \
    not handled, that is held, or that was set aside and waits for a person. Of a message that was dropped longer ago, the \
    entry with its text and reason goes, too, once the message is gone. Also cleans what is kept of results that db_purge removed, and of hosts that are gone. Daemons may run. Safe to interrupt and to repeat.";

/// The command.
///
/// # Errors
/// There is no project, or its database can't be read or written.
pub async fn run(args: &PurgeArgs) -> Result<()> {
    let (project, clock) = Project::open_ready(&args.project).await?;
    let now = clock.now();
    let before = now - args.older_than;
    let mut varieties: BTreeSet<String> = project.uptime().await?.varieties.into_iter().collect();
    varieties.extend(project.store.read("varieties", async |conn| conn.known_varieties().await).await?);
    let varieties: Vec<String> = varieties.into_iter().collect();
    let store = &project.store;
    print(&format!("messages stored before {} UTC\n", date(before)));
    let tell = |what: &str, count: i64| {
        let done = if args.dry_run { "would be deleted" } else { "deleted" };
        print(&format!("{what}: {count} {done}\n"));
    };
    tell("handled messages", messages(store, &varieties, before, args.dry_run).await?);
    tell("entries of messages that were dropped", dropped(store, &varieties, before, args.dry_run).await?);
    for what in Leftover::ALL {
        tell(what.as_str(), leftovers(store, what, args.dry_run).await?);
    }
    tell("identities of messages without a result", increments(store, before, args.dry_run).await?);
    tell("days of hosts", host_days(store, &varieties, now, args.dry_run).await?);
    Ok(())
}

async fn messages(store: &Store, varieties: &[String], before: f64, dry_run: bool) -> Result<i64> {
    let (mut after, mut count) = (i32::MIN, 0);
    loop {
        let rows = store
            .read("old messages", async |conn| conn.messages_by_age(varieties, after, before, 2 * ROWS).await)
            .await?;
        let Some(last) = rows.last() else { return Ok(count) };
        after = last.id;
        let ids: Vec<i32> = rows.iter().filter(|row| row.done != 0).map(|row| row.id).collect();
        if dry_run {
            count += size(ids.len());
        } else {
            for ids in ids.chunks(usize::try_from(ROWS).unwrap_or(1)) {
                let deleted = store
                    .transaction("purge messages", async |tx| tx.purge_messages(varieties, ids, before).await)
                    .await?;
                count += size(deleted);
            }
        }
        if rows.iter().all(|row| f64::from(row.create_time) > before + DISORDER) {
            return Ok(count);
        }
    }
}

/// After the messages: an entry stays as long as its message.
async fn dropped(store: &Store, varieties: &[String], before: f64, dry_run: bool) -> Result<i64> {
    let (mut after, mut count) = (0, 0);
    let purged = dry_run.then_some(varieties);
    loop {
        let ids = store
            .read("old dropped entries", async |conn| conn.old_dropped(after, before, purged, ROWS).await)
            .await?;
        let Some(last) = ids.last() else { return Ok(count) };
        after = *last;
        count += if dry_run {
            size(ids.len())
        } else {
            let delete = async |tx: &mut Tx| tx.delete_dropped(&ids, before).await;
            size(store.transaction("purge dropped entries", delete).await?)
        };
    }
}

async fn leftovers(store: &Store, what: Leftover, dry_run: bool) -> Result<i64> {
    let (mut after, mut count) = (i32::MIN, 0);
    loop {
        let ids = store.read("leftovers", async |conn| conn.leftovers(what, after, LEFTOVERS).await).await?;
        let Some(last) = ids.last() else { return Ok(count) };
        after = *last;
        count += if dry_run {
            size(ids.len())
        } else {
            size(store.transaction("clean leftovers", async |tx| tx.clean(what, &ids).await).await?)
        };
    }
}

async fn increments(store: &Store, before: f64, dry_run: bool) -> Result<i64> {
    if dry_run {
        return Ok(store.read("old increments", async |conn| conn.old_increments(before).await).await?);
    }
    let mut count = 0;
    loop {
        let deleted = store
            .transaction("clean increments", async |tx| tx.delete_increments(before, ROWS).await)
            .await?;
        count += size(deleted);
        if deleted == 0 {
            return Ok(count);
        }
    }
}

async fn host_days(store: &Store, varieties: &[String], now: f64, dry_run: bool) -> Result<i64> {
    #[expect(clippy::cast_possible_truncation, reason = "saturates")]
    let now = now as i32;
    let oldest =
        store.read("oldest open message", async |conn| conn.oldest_open_message(varieties).await).await?;
    let day = first_day(now, oldest);
    if dry_run {
        return Ok(store.read("old days", async |conn| conn.host_days_before(day).await).await?);
    }
    let mut count = 0;
    loop {
        let deleted =
            store.transaction("clean days of hosts", async |tx| tx.delete_host_days(day, ROWS).await).await?;
        count += size(deleted);
        if deleted == 0 {
            return Ok(count);
        }
    }
}

/// The first day that a message can still take seconds from. One day more, for clocks of several machines.
fn first_day(now: i32, oldest: Option<i32>) -> i32 {
    day_of(oldest.map_or(now, |oldest| oldest.min(now))).saturating_sub(REACH + 1)
}

fn size(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_stay_as_long_as_a_message_may_reach_them() {
        assert_eq!(first_day(86_400 * 1000 + 5, None), 1000 - 367);
        assert_eq!(first_day(86_400 * 1000, Some(86_400 * 400)), 400 - 367);
        assert_eq!(first_day(86_400 * 1000, Some(i32::MAX)), 1000 - 367);
        assert_eq!(first_day(86_400, Some(i32::MIN)), day_of(i32::MIN) - 367);
    }
}
