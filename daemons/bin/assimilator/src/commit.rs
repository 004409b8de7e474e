//! Writes a batch: the one transaction of the assimilator, and the files around it.
//!
//! Order: rows go to Parquet files in the staging folder, on disk; then one transaction locks the workunits, checks
//! that they are still as they were when it was decided, marks them and records the files; then the files become
//! visible.
//!
//! Invariant: a file holds exactly the workunits that the transaction marks which records it. If another instance
//! holds or has one of them, nothing is written; the files are made again without it.
//!
//! Killed before the commit: the files have no record and are removed later. After it: they are recorded and are
//! published later. When nobody knows whether the commit took place, the files stay, and `recovery` asks.

use std::collections::{BTreeMap, BTreeSet};

use boinc::id::{AppId, WorkunitId};
use boinc::record::Workunit;
use compare::extract::ExtractPlan;
use dataset::remote::Remote;
use dataset::staging::{self, Instance};
use dataset::table::parameters::Declared;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use store::assimilation::DatasetFile;
use store::quarantine::SetAside;
use store::reviews::NewReview;
use store::{Store, Tx};

use crate::gather::{DAEMON, bad_workunit};
use crate::parts;
use crate::row::{Aside, Decisions, Row, Written};

/// How often the files are made again because another instance has some of the workunits.
const ATTEMPTS: u32 = 5;

/// Most requests to S3 at a time.
pub(crate) const AT_ONCE: usize = 16;

/// For whom.
#[derive(Debug)]
pub struct Target<'a> {
    /// The database.
    pub store: &'a Store,
    /// The application.
    pub app: AppId,
    /// Its name.
    pub app_name: &'a str,
    /// Its folder; of a dataset on S3 the local one for what is on its way.
    pub app_folder: &'a std::path::Path,
    /// Where the dataset is, if it is on S3.
    pub remote: Option<&'a Remote>,
    /// Declared tables of data.
    pub data: &'a [ExtractPlan],
    /// Parameters of jobs that get a column of their own.
    pub parameters: &'a Declared,
    /// Unix seconds.
    pub now: f64,
    /// The same for columns.
    pub now_i32: i32,
}

enum Outcome {
    /// Written; these were set aside.
    Committed(BTreeSet<WorkunitId>),
    /// Nothing written: only these may be.
    Others(BTreeSet<WorkunitId>),
}

/// Writes what was decided. See the module.
///
/// # Errors
/// The database's or the storage's. What is committed by then is published by the next pass.
pub async fn write(
    target: &Target<'_>,
    instance: &mut Instance,
    decisions: Decisions,
) -> anyhow::Result<Written> {
    let Decisions { mut rows, aside } = decisions;
    let wanted = rows.len();
    for _ in 0..ATTEMPTS {
        if rows.is_empty() && aside.is_empty() {
            break;
        }
        let made = parts::of(target, instance, &rows)?;
        let files = put(target, instance, made).await?;
        match transact(target, &rows, &files, &aside).await? {
            Outcome::Others(free) => {
                discard(target, instance, &files).await?;
                rows.retain(|row| free.contains(&row.workunit().id));
            }
            Outcome::Committed(set_aside) => {
                publish(target, &files).await?;
                let left = (wanted - rows.len()) as u64;
                let aside = aside.into_iter().filter(|a| set_aside.contains(&a.workunit)).collect();
                return Ok(Written { rows, aside, left });
            }
        }
    }
    Ok(Written { left: wanted as u64, ..Written::default() })
}

/// Puts files into the staging folder, or the staging area of S3.
pub(crate) async fn put(
    target: &Target<'_>,
    instance: &Instance,
    made: Vec<(DatasetFile, Vec<u8>)>,
) -> anyhow::Result<Vec<DatasetFile>> {
    let (files, contents): (Vec<DatasetFile>, Vec<Vec<u8>>) = made.into_iter().unzip();
    if let Some(remote) = target.remote {
        let paths = paths(&files);
        let intend = async |tx: &mut Tx| tx.insert_intents(target.app, &paths, target.now).await;
        target.store.transaction("intend", intend).await?;
        let puts = paths.iter().zip(contents).map(|(path, bytes)| remote.stage(path, bytes));
        stream::iter(puts).buffer_unordered(AT_ONCE).try_collect::<()>().await?;
    } else {
        for (file, bytes) in files.iter().zip(&contents) {
            instance.stage(&file.path, bytes)?;
        }
    }
    Ok(files)
}

/// Records staged files.
pub(crate) async fn record(tx: &mut Tx, target: &Target<'_>, files: &[DatasetFile]) -> store::Result<()> {
    if target.remote.is_some() {
        let taken = tx.take_intents(&paths(files)).await?;
        if taken != files.len() {
            // They took so long that another instance removed them.
            let what = "parts that are about to be recorded";
            return Err(store::Error::Count { what, expected: files.len(), changed: taken });
        }
    }
    tx.insert_dataset_files(target.app, files, target.now).await
}

fn paths(files: &[DatasetFile]) -> Vec<String> {
    files.iter().map(|file| file.path.clone()).collect()
}

/// Removes staged files that are surely not recorded.
pub(crate) async fn discard(
    target: &Target<'_>,
    instance: &Instance,
    files: &[DatasetFile],
) -> anyhow::Result<()> {
    for file in files {
        match target.remote {
            Some(remote) => remote.discard(&file.path).await?,
            None => instance.discard(&file.path)?,
        }
    }
    if target.remote.is_some() {
        let paths = paths(files);
        target.store.transaction("discard", async |tx| tx.take_intents(&paths).await).await?;
    }
    Ok(())
}

async fn transact(
    target: &Target<'_>,
    rows: &[Row],
    files: &[DatasetFile],
    aside: &[Aside],
) -> store::Result<Outcome> {
    let ids: Vec<WorkunitId> = rows.iter().map(|row| row.workunit().id).collect();
    let all: Vec<WorkunitId> = ids.iter().copied().chain(aside.iter().map(|a| a.workunit)).collect();
    let new: Vec<(WorkunitId, &str)> =
        rows.iter().filter_map(|row| Some((row.workunit().id, row.dataset()?))).collect();
    let new_ids: Vec<WorkunitId> = new.iter().map(|(id, _)| *id).collect();
    let reviews: Vec<NewReview> = rows.iter().filter_map(|row| row.review(target.app, target.now)).collect();
    let marks: Vec<(WorkunitId, i32)> =
        rows.iter().map(|row| (row.workunit().id, row.error_mask())).collect();
    target
        .store
        .transaction("assimilate", async |tx| {
            let locked = tx.lock_workunits_to_assimilate(&all).await?;
            let mut held: BTreeSet<WorkunitId> = locked.bad.iter().filter_map(bad_workunit).collect();
            let locked: BTreeMap<WorkunitId, Workunit> = locked.rows.into_iter().map(|w| (w.id, w)).collect();
            held.extend(locked.keys());
            // One that got its row since the batch was read: the next pass knows it.
            let known: BTreeSet<WorkunitId> =
                tx.assimilated(&new_ids).await?.into_iter().map(|(id, _)| id).collect();
            let free: BTreeSet<WorkunitId> = rows
                .iter()
                .map(Row::workunit)
                .filter(|read| !known.contains(&read.id))
                .filter(|read| locked.get(&read.id).is_some_and(|now| is_same(read, now)))
                .map(|read| read.id)
                .collect();
            if free.len() != rows.len() {
                return Ok(Outcome::Others(free));
            }
            tx.mark_assimilated(&marks, target.now_i32).await?;
            tx.insert_assimilated(&new, target.now).await?;
            record(tx, target, files).await?;
            tx.insert_reviews(&reviews).await?;
            let things: Vec<SetAside> = aside
                .iter()
                .filter(|a| held.contains(&a.workunit))
                .map(|a| SetAside {
                    time: target.now,
                    daemon: DAEMON,
                    kind: "workunit",
                    id: i64::from(a.workunit.0),
                    host: a.host,
                    reason: a.reason.clone(),
                    raw: None,
                })
                .collect();
            tx.set_aside(&things).await?;
            // Who sets a workunit aside holds its lock: nobody does so meanwhile.
            let well: Vec<i64> =
                tx.workunits_set_aside(DAEMON, &ids).await?.iter().map(|a| i64::from(a.workunit.0)).collect();
            tx.release(DAEMON, "workunit", &well).await?;
            Ok(Outcome::Committed(held))
        })
        .await
}

/// True if nothing has changed that the decision or the row depends on.
fn is_same(read: &Workunit, now: &Workunit) -> bool {
    read.canonical_resultid == now.canonical_resultid
        && read.error_mask == now.error_mask
        && read.canonical_credit.to_bits() == now.canonical_credit.to_bits()
}

/// Shows files that are recorded to readers.
///
/// # Errors
/// The database's or the storage's.
pub async fn publish(target: &Target<'_>, files: &[DatasetFile]) -> anyhow::Result<()> {
    if files.is_empty() {
        return Ok(());
    }
    let mut paths = Vec::new();
    for file in files {
        // If it is nowhere, the next pass says so.
        let is_there = match target.remote {
            Some(remote) => remote.publish(&file.path).await?,
            None => staging::publish(target.app_folder, &file.path)?,
        };
        if is_there {
            paths.push(file.path.clone());
        }
    }
    target.store.transaction("publish", async |tx| tx.mark_published(&paths).await).await?;
    Ok(())
}
