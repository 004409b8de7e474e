//! Jobs that are to be tried again: failed ones, and those that were set aside and never made.
//!
//! Invariant: a wish is a row of `cobblestone_retry`, one for a job. It is written and met under the lock of its campaign,
//! and goes in the transaction that makes the new workunit. Killed before that, it is still there.

use std::ops::Range;

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Blob, Integer, Nullable};
use diesel_async::RunQueryDsl;

use crate::error::Result;
use crate::schema::ours::cobblestone_retry as wish;
use crate::transaction::{Conn, Tx};

/// A job that is to be tried again.
#[derive(Debug, Clone, PartialEq, Eq, QueryableByName)]
pub struct Retry {
    /// Its number in the campaign.
    #[diesel(sql_type = BigInt)]
    pub job: i64,
    /// The workunit that failed; 0 = it was set aside and never made.
    #[diesel(sql_type = Integer)]
    pub workunit: i32,
    /// Number of the attempt that failed; -1 = it was never made.
    #[diesel(sql_type = Integer)]
    pub retry: i32,
    /// Seed that it had; -1 = none yet.
    #[diesel(sql_type = BigInt)]
    pub seed: i64,
    /// File of its row; 0 = it has none.
    #[diesel(sql_type = Integer)]
    pub file: i32,
    /// Where its row begins.
    #[diesel(sql_type = BigInt)]
    pub place: i64,
    /// Which copy of its row.
    #[diesel(sql_type = Integer)]
    pub copy: i32,
    /// Which row it was; None: its number says it.
    #[diesel(sql_type = Nullable<Blob>)]
    pub identity: Option<Vec<u8>>,
}

/// A row of `cobblestone_retry`.
#[derive(Insertable)]
#[diesel(table_name = wish)]
struct NewWish {
    campaignid: i32,
    job: i64,
    workunitid: i32,
    time: f64,
}

impl Conn {
    /// Jobs of a campaign that are to be tried again, at most so many.
    pub async fn retries(&mut self, campaign: i32, limit: i64) -> Result<Vec<Retry>> {
        Ok(diesel::sql_query(
            "SELECT r.job, r.workunitid AS workunit, COALESCE(j.retry, -1) AS retry, COALESCE(o.seed, -1) AS seed, \
             COALESCE(o.fileid, 0) AS file, COALESCE(o.place, 0) AS place, COALESCE(o.copy, 0) AS copy, o.identity \
             FROM cobblestone_retry r LEFT JOIN cobblestone_job j ON j.workunitid = r.workunitid AND r.workunitid <> 0 \
             LEFT JOIN cobblestone_job o ON o.campaignid = r.campaignid AND o.job = r.job AND o.retry = 0 \
             WHERE r.campaignid = ? ORDER BY r.job LIMIT ?",
        )
        .bind::<Integer, _>(campaign)
        .bind::<BigInt, _>(limit)
        .load(&mut self.db)
        .await?)
    }

    /// Campaigns that have jobs to be tried again.
    pub async fn campaigns_to_retry(&mut self) -> Result<Vec<i32>> {
        Ok(wish::table.select(wish::campaignid).distinct().load(&mut self.db).await?)
    }
}

impl Tx {
    /// Wants failed jobs of a locked campaign with these numbers to be tried again: the last attempt of each failed, and
    /// was not cancelled. How many.
    pub async fn want_retries(&mut self, campaign: i32, jobs: &Range<i64>, now: f64) -> Result<usize> {
        #[derive(QueryableByName)]
        struct Failed {
            #[diesel(sql_type = BigInt)]
            job: i64,
            #[diesel(sql_type = Integer)]
            workunit: i32,
        }
        let failed: Vec<Failed> = diesel::sql_query(
            "SELECT j.job, j.workunitid AS workunit FROM cobblestone_job j FORCE INDEX (job_once) \
             LEFT JOIN workunit w ON w.id = j.workunitid LEFT JOIN cobblestone_assimilated a ON a.workunitid = j.workunitid \
             WHERE j.campaignid = ? AND j.job >= ? AND j.job < ? \
             AND ((w.error_mask <> 0 AND w.error_mask & 16 = 0 AND w.canonical_resultid = 0) OR (w.id IS NULL AND a.dataset = 'failures')) \
             AND NOT EXISTS (SELECT 1 FROM cobblestone_job k WHERE k.campaignid = j.campaignid AND k.job = j.job AND k.retry > j.retry) \
             AND NOT EXISTS (SELECT 1 FROM cobblestone_retry r WHERE r.campaignid = j.campaignid AND r.job = j.job)",
        )
        .bind::<Integer, _>(campaign)
        .bind::<BigInt, _>(jobs.start)
        .bind::<BigInt, _>(jobs.end)
        .load(&mut self.db)
        .await?;
        let rows: Vec<_> = failed
            .iter()
            .map(|failed| NewWish {
                campaignid: campaign,
                job: failed.job,
                workunitid: failed.workunit,
                time: now,
            })
            .collect();
        for chunk in rows.chunks(1000) {
            diesel::insert_into(wish::table).values(chunk).execute(&mut self.db).await?;
        }
        Ok(rows.len())
    }

    /// Wants jobs of a locked campaign that were set aside and never made to be tried.
    pub async fn want_set_aside(&mut self, campaign: i32, jobs: &[i64], now: f64) -> Result<usize> {
        let mut wanted = 0;
        for chunk in jobs.chunks(1000) {
            let rows: Vec<_> = chunk
                .iter()
                .map(|job| NewWish { campaignid: campaign, job: *job, workunitid: 0, time: now })
                .collect();
            wanted += diesel::insert_or_ignore_into(wish::table).values(&rows).execute(&mut self.db).await?;
        }
        Ok(wanted)
    }

    /// Whether all these jobs of a locked campaign are still to be tried again.
    pub async fn all_wanted(&mut self, campaign: i32, jobs: &[i64]) -> Result<bool> {
        let rows =
            wish::table.filter(wish::campaignid.eq(campaign)).filter(wish::job.eq_any(jobs.iter().copied()));
        let found: i64 = rows.count().get_result(&mut self.db).await?;
        Ok(usize::try_from(found).is_ok_and(|found| found == jobs.len()))
    }

    /// Forgets that jobs of a locked campaign are to be tried again: they were, or can't be.
    pub async fn forget_retries(&mut self, campaign: i32, jobs: &[i64]) -> Result<()> {
        if !jobs.is_empty() {
            let rows = wish::table
                .filter(wish::campaignid.eq(campaign))
                .filter(wish::job.eq_any(jobs.iter().copied()));
            diesel::delete(rows).execute(&mut self.db).await?;
        }
        Ok(())
    }

    /// The same of all its jobs.
    pub async fn forget_all_retries(&mut self, campaign: i32) -> Result<()> {
        diesel::delete(wish::table.filter(wish::campaignid.eq(campaign))).execute(&mut self.db).await?;
        Ok(())
    }
}
