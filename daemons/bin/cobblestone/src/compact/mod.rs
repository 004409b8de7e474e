//! `cobblestone ledger compact`: old rows of the ledger, and of what was not paid, replaced by their sums.
//!
//! Invariant: each transaction replaces some rows by one row that says the same in sum, so books and audit are the same
//! at any moment, also for daemons that work meanwhile. Killed anywhere, the rows of the last transaction are folded or
//! not; the next run goes on. A second run finds nothing to do.

mod fold;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::AsyncFn;

use anyhow::Result;
use store::Store;
use store::compact::{OldDisallowed, OldRow, Place, Walk};

use crate::age::age;
use crate::cli::ProjectArgs;
use crate::project::Project;
use crate::screen::print;
use crate::text::date;
use fold::{fold, fold_disallowed, key};

/// Rows that one transaction looks at.
const ROWS: usize = 2000;

/// `cobblestone ledger compact`.
#[derive(Debug, Clone, clap::Args)]
pub struct CompactArgs {
    #[command(flatten)]
    pub project: ProjectArgs,
    /// Fold rows older than this: 90d, 12h, or seconds
    #[arg(long = "older-than", value_name = "AGE", value_parser = age, required = true)]
    pub older_than: f64,
    /// Say what would be folded, and write nothing
    #[arg(long = "dry_run")]
    pub dry_run: bool,
}

/// Printed below the help.
pub const AFTER_HELP: &str = "Example: cobblestone ledger compact --older-than 90d\n\n\
    Rows of one result and kind become one row with their sums: what the audit proves stays the same. Rows of kind \
    adjustment stay. A payment for an increment stays a row of its own as long as its message is stored: purge messages \
    first (cobblestone trickles purge). A message whose row was folded shows as `handled` in `trickles list`, no longer \
    as `paid` or `disallowed`. Daemons may run. Safe to interrupt and to repeat.";

/// What was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Counts {
    rows: usize,
    into: usize,
    stay: usize,
}

impl Counts {
    fn line(self, what: &str, dry_run: bool) -> String {
        let done = if dry_run { "would be folded" } else { "folded" };
        let stay = if self.stay == 0 {
            String::new()
        } else {
            format!("; {} must stay as they are for now", self.stay)
        };
        format!("{what}: {} rows {done} into {}{stay}\n", self.rows, self.into)
    }
}

/// The command.
///
/// # Errors
/// There is no project, or its database can't be read or written.
pub async fn run(args: &CompactArgs) -> Result<()> {
    let (project, clock) = Project::open_ready(&args.project).await?;
    let before = clock.now() - args.older_than;
    print(&format!("rows older than {} UTC\n", date(before)));
    for (walk, what) in [(Walk::Results, "payments of results"), (Walk::Hosts, "payments without a result")] {
        let counts = if args.dry_run {
            ledger_dry(&project.store, walk, before).await?
        } else {
            ledger(&project.store, walk, before).await?
        };
        print(&counts.line(what, args.dry_run));
    }
    let counts = disallowed(&project.store, before, args.dry_run).await?;
    print(&counts.line("claims that were not paid in full", args.dry_run));
    Ok(())
}

/// Rows in portions, each after the last of the one before.
async fn walk<Row>(
    read: impl AsyncFn(Place) -> store::Result<Vec<Row>>,
    place: impl Fn(&Row) -> Place,
    mut each: impl AsyncFnMut(Vec<Row>) -> Result<()>,
) -> Result<()> {
    let mut after: Place = (i32::MIN, 0);
    loop {
        let rows = read(after).await?;
        let Some(last) = rows.last().map(&place) else { return Ok(()) };
        after = last;
        each(rows).await?;
    }
}

fn place_of(walk: Walk) -> impl Fn(&OldRow) -> Place {
    move |row| (if walk == Walk::Results { row.resultid } else { row.hostid }, row.id)
}

/// Folds what is in one portion together. The sum has a higher id than its parts, so the walk comes past it again,
/// within the same result or host, and folds it with those of later portions.
async fn ledger(store: &Store, by: Walk, before: f64) -> Result<Counts> {
    let (mut rows_gone, mut rows_new, mut stay) = (0, 0, 0);
    walk(
        async |after| {
            store
                .read("old ledger rows", async |conn| conn.old_ledger_rows(by, after, before, ROWS).await)
                .await
        },
        place_of(by),
        async |rows| {
            stay += rows.iter().filter(|row| key(row).is_none()).count();
            let ids: Vec<i64> = fold(&rows).into_iter().flat_map(|fold| fold.ids).collect();
            if ids.is_empty() {
                return Ok(());
            }
            let (gone, new) = store
                .transaction("fold ledger rows", async |tx| {
                    let mut gone = tx.lock_ledger_rows(&ids).await?;
                    let folds = fold(&gone);
                    let folded: BTreeSet<i64> =
                        folds.iter().flat_map(|fold| fold.ids.iter().copied()).collect();
                    gone.retain(|row| folded.contains(&row.id));
                    let new: Vec<OldRow> = folds.into_iter().map(|fold| fold.row).collect();
                    tx.replace_ledger_rows(&gone, &new).await?;
                    Ok((gone.len(), new.len()))
                })
                .await?;
            rows_gone += gone;
            rows_new += new;
            Ok(())
        },
    )
    .await?;
    Ok(Counts { rows: rows_gone, into: rows_new, stay })
}

/// The same without writing: counts the groups of each result or host.
async fn ledger_dry(store: &Store, by: Walk, before: f64) -> Result<Counts> {
    let mut counts = Counts::default();
    let (mut owner, mut groups) = (i32::MIN, BTreeMap::new());
    let place = place_of(by);
    let close = |groups: &mut BTreeMap<fold::Key, usize>, counts: &mut Counts| {
        for (_, rows) in std::mem::take(groups).into_iter().filter(|(_, rows)| *rows > 1) {
            counts.rows += rows;
            counts.into += 1;
        }
    };
    walk(
        async |after| {
            store
                .read("old ledger rows", async |conn| conn.old_ledger_rows(by, after, before, ROWS).await)
                .await
        },
        place_of(by),
        async |rows| {
            for row in &rows {
                if place(row).0 != owner {
                    owner = place(row).0;
                    close(&mut groups, &mut counts);
                }
                match key(row) {
                    Some(key) => *groups.entry(key).or_insert(0) += 1,
                    None => counts.stay += 1,
                }
            }
            Ok(())
        },
    )
    .await?;
    close(&mut groups, &mut counts);
    Ok(counts)
}

async fn disallowed(store: &Store, before: f64, dry_run: bool) -> Result<Counts> {
    let (mut rows_gone, mut rows_new, mut stay) = (0, 0, 0);
    walk(
        async |after| {
            store
                .read("old disallowed rows", async |conn| conn.old_disallowed(after, before, ROWS).await)
                .await
        },
        |row: &OldDisallowed| (row.resultid, row.id),
        async |rows| {
            stay += rows.iter().filter(|row| row.replaceable == 0).count();
            let folds = fold_disallowed(&rows);
            let ids: Vec<i64> = folds.iter().flat_map(|fold| fold.ids.iter().copied()).collect();
            if dry_run || ids.is_empty() {
                rows_gone += ids.len();
                rows_new += folds.len();
                return Ok(());
            }
            let (gone, new) = store
                .transaction("fold disallowed rows", async |tx| {
                    let folds = fold_disallowed(&tx.lock_disallowed(&ids).await?);
                    let gone: Vec<i64> = folds.iter().flat_map(|fold| fold.ids.iter().copied()).collect();
                    let new: Vec<OldDisallowed> = folds.into_iter().map(|fold| fold.row).collect();
                    tx.replace_disallowed(&gone, &new).await?;
                    Ok((gone.len(), new.len()))
                })
                .await?;
            rows_gone += gone;
            rows_new += new;
            Ok(())
        },
    )
    .await?;
    Ok(Counts { rows: rows_gone, into: rows_new, stay })
}
