//! Files of datasets beside the assimilator's one transaction: what is about to be put on S3, and what is compacted.
//!
//! Invariants. The transaction that records a part on S3 takes its intent; where recovery was faster, it is not there
//! any more, and nothing is recorded. While a partition is compacted, its old files are named in
//! `cobblestone_dataset_merge`; they and the new one change places in the table in one transaction.

use std::collections::BTreeMap;

use boinc::id::AppId;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use crate::assimilation::{DatasetFile, FileState};
use crate::error::{Error, Result};
use crate::schema::ours::{
    cobblestone_dataset_file as f, cobblestone_dataset_intent as i, cobblestone_dataset_merge as m,
};
use crate::transaction::{Conn, Tx};

/// Paths in one statement.
const PATHS: usize = 500;

/// Files that one file takes the place of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Merge {
    /// The new file's path.
    pub into: String,
    /// Paths of those that go.
    pub from: Vec<String>,
}

impl Conn {
    /// Merges that were begun and not finished.
    pub async fn merges(&mut self, app: AppId) -> Result<Vec<Merge>> {
        let rows = m::table
            .filter(m::appid.eq(app.0))
            .order(m::path)
            .select((m::merged_into, m::path))
            .load::<(String, String)>(&mut self.db)
            .await?;
        let mut merges: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (into, path) in rows {
            merges.entry(into).or_default().push(path);
        }
        Ok(merges.into_iter().map(|(into, from)| Merge { into, from }).collect())
    }
}

impl Tx {
    /// Notes that parts are about to be put.
    pub async fn insert_intents(&mut self, app: AppId, paths: &[String], time: f64) -> Result<()> {
        for chunk in paths.chunks(PATHS) {
            let rows: Vec<_> =
                chunk.iter().map(|path| (i::path.eq(path), i::appid.eq(app.0), i::time.eq(time))).collect();
            diesel::insert_into(i::table).values(rows).execute(&mut self.db).await?;
        }
        Ok(())
    }

    /// Deletes intents; how many of them were there.
    pub async fn take_intents(&mut self, paths: &[String]) -> Result<usize> {
        let mut taken = 0;
        for chunk in paths.chunks(PATHS) {
            taken += diesel::delete(i::table.filter(i::path.eq_any(chunk))).execute(&mut self.db).await?;
        }
        Ok(taken)
    }

    /// Locks intents from before `before` that nobody else holds, and gives their paths.
    pub async fn lock_old_intents(&mut self, app: AppId, before: f64) -> Result<Vec<String>> {
        Ok(i::table
            .filter(i::appid.eq(app.0))
            .filter(i::time.lt(before))
            .order(i::path)
            .limit(100)
            .select(i::path)
            .for_update()
            .skip_locked()
            .load(&mut self.db)
            .await?)
    }

    /// Notes which files are replaced by which.
    ///
    /// # Errors
    /// [`Error::Count`]: one of the old files is not there, or is not published.
    pub async fn begin_merges(&mut self, app: AppId, merges: &[Merge], time: f64) -> Result<()> {
        for merge in merges {
            let mut found = 0;
            for chunk in merge.from.chunks(PATHS) {
                let locked: Vec<i64> = f::table
                    .filter(f::appid.eq(app.0))
                    .filter(f::path.eq_any(chunk))
                    .filter(f::state.eq(FileState::Published.as_str()))
                    .select(f::id)
                    .for_update()
                    .load(&mut self.db)
                    .await?;
                found += locked.len();
                let rows: Vec<_> = chunk
                    .iter()
                    .map(|path| {
                        let into = m::merged_into.eq(&merge.into);
                        (m::path.eq(path), m::appid.eq(app.0), into, m::time.eq(time))
                    })
                    .collect();
                diesel::insert_into(m::table).values(rows).execute(&mut self.db).await?;
            }
            if found != merge.from.len() {
                let expected = merge.from.len();
                return Err(Error::Count { what: "files to be merged", expected, changed: found });
            }
        }
        Ok(())
    }

    /// The new file is in the place of the old ones: so it stands in the table from now on.
    ///
    /// # Errors
    /// [`Error::Count`]: one of the old files is not there.
    pub async fn finish_merge(
        &mut self,
        app: AppId,
        file: &DatasetFile,
        from: &[String],
        time: f64,
    ) -> Result<()> {
        let mut changed = 0;
        for chunk in from.chunks(PATHS) {
            changed += diesel::delete(f::table.filter(f::path.eq_any(chunk))).execute(&mut self.db).await?;
        }
        if changed != from.len() {
            return Err(Error::Count { what: "files that were merged", expected: from.len(), changed });
        }
        let row = (
            f::appid.eq(app.0),
            f::dataset.eq(&file.dataset),
            f::path.eq(&file.path),
            f::items.eq(file.items),
            f::bytes.eq(file.bytes),
            f::state.eq(FileState::Published.as_str()),
            f::time.eq(time),
        );
        diesel::insert_into(f::table).values(row).execute(&mut self.db).await?;
        self.cancel_merge(&file.path).await
    }

    /// Forgets a merge.
    pub async fn cancel_merge(&mut self, into: &str) -> Result<()> {
        diesel::delete(m::table.filter(m::merged_into.eq(into))).execute(&mut self.db).await?;
        Ok(())
    }
}
