//! How far a campaign is. Only reads; it counts every job of the campaign, so it is for people, not for passes.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Double, Integer, Nullable, Text};
use diesel_async::RunQueryDsl;

use crate::error::Result;
use crate::transaction::Conn;

/// Jobs of a campaign, by what became of their last attempt. Each job is in one of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, QueryableByName)]
pub struct Progress {
    /// No task of it was sent yet.
    #[diesel(sql_type = BigInt)]
    pub waiting: i64,
    /// A task of it was sent.
    #[diesel(sql_type = BigInt)]
    pub sent: i64,
    /// It has its canonical result.
    #[diesel(sql_type = BigInt)]
    pub valid: i64,
    /// It can't be done.
    #[diesel(sql_type = BigInt)]
    pub failed: i64,
    /// It was cancelled.
    #[diesel(sql_type = BigInt)]
    pub cancelled: i64,
    /// Its workunit is gone from the database, and no dataset has it.
    #[diesel(sql_type = BigInt)]
    pub gone: i64,
    /// Jobs that wait to be tried again.
    #[diesel(sql_type = BigInt)]
    pub to_retry: i64,
}

/// A job that failed, for a person.
#[derive(Debug, Clone, PartialEq, QueryableByName)]
pub struct FailedJob {
    /// Its number.
    #[diesel(sql_type = BigInt)]
    pub job: i64,
    /// Name of the workunit.
    #[diesel(sql_type = Text)]
    pub workunit: String,
    /// `workunit.error_mask`
    #[diesel(sql_type = Integer)]
    pub error_mask: i32,
}

/// A row that was set aside, for a person.
#[derive(Debug, Clone, PartialEq, QueryableByName)]
pub struct AsideRow {
    /// `cobblestone_quarantine.id`
    #[diesel(sql_type = BigInt)]
    pub id: i64,
    /// Id of its file, and number of its row (or job, without a file).
    #[diesel(sql_type = BigInt)]
    pub refid: i64,
    #[allow(missing_docs)]
    #[diesel(sql_type = Text)]
    pub reason: String,
}

/// What `cobblestone_quarantine.refid` is for a row of a campaign's file, or a job of a counter (row = job).
#[must_use]
pub const fn refid(file: i32, row: i64) -> i64 {
    ((file as i64) << 32) | (row & 0xffff_ffff)
}

/// The last attempt of each job.
const LAST: &str = "NOT EXISTS (SELECT 1 FROM cobblestone_job k WHERE k.campaignid = j.campaignid AND k.job = j.job \
                    AND k.retry > j.retry)";

impl Conn {
    /// Counts the jobs of a campaign. `retried`: there are second attempts.
    pub async fn progress(&mut self, campaign: i32, retried: bool) -> Result<Progress> {
        let last = if retried { LAST } else { "1 = 1" };
        Ok(diesel::sql_query(format!(
            "SELECT CAST(COALESCE(SUM(s = 0), 0) AS SIGNED) AS waiting, CAST(COALESCE(SUM(s = 1), 0) AS SIGNED) AS sent, \
             CAST(COALESCE(SUM(s = 2), 0) AS SIGNED) AS valid, CAST(COALESCE(SUM(s = 3), 0) AS SIGNED) AS failed, \
             CAST(COALESCE(SUM(s = 4), 0) AS SIGNED) AS cancelled, CAST(COALESCE(SUM(s = 5), 0) AS SIGNED) AS gone, \
             (SELECT COUNT(*) FROM cobblestone_retry r WHERE r.campaignid = ?) AS to_retry \
             FROM (SELECT CASE WHEN w.canonical_resultid <> 0 OR a.dataset = 'results' THEN 2 \
                    WHEN w.error_mask & 16 THEN 4 WHEN w.error_mask <> 0 OR a.dataset = 'failures' THEN 3 \
                    WHEN w.id IS NULL THEN 5 \
                    WHEN EXISTS (SELECT 1 FROM result r WHERE r.workunitid = w.id AND r.sent_time > 0) THEN 1 ELSE 0 END AS s \
                   FROM cobblestone_job j LEFT JOIN workunit w ON w.id = j.workunitid \
                   LEFT JOIN cobblestone_assimilated a ON a.workunitid = j.workunitid \
                   WHERE j.campaignid = ? AND {last}) x"
        ))
        .bind::<Integer, _>(campaign)
        .bind::<Integer, _>(campaign)
        .get_result(&mut self.db)
        .await?)
    }

    /// Failed jobs of a campaign, by number, at most so many.
    pub async fn failed_jobs(&mut self, campaign: i32, limit: i64) -> Result<Vec<FailedJob>> {
        Ok(diesel::sql_query(format!(
            "SELECT j.job, w.name AS workunit, w.error_mask FROM cobblestone_job j JOIN workunit w ON w.id = j.workunitid \
             WHERE j.campaignid = ? AND w.error_mask <> 0 AND w.error_mask & 16 = 0 AND w.canonical_resultid = 0 AND {LAST} \
             ORDER BY j.job LIMIT ?"
        ))
        .bind::<Integer, _>(campaign)
        .bind::<BigInt, _>(limit)
        .load(&mut self.db)
        .await?)
    }

    /// Rows of a campaign that were set aside, by place, above an entry, at most so many.
    pub async fn aside_rows(&mut self, campaign: i32, after: i64, limit: i64) -> Result<Vec<AsideRow>> {
        Ok(diesel::sql_query(
            "SELECT q.id, q.refid, q.reason FROM cobblestone_campaign_file f JOIN cobblestone_quarantine q \
             ON q.daemon = 'work-generator' AND q.kind = 'job' AND q.refid BETWEEN (f.id << 32) AND (f.id << 32) + 4294967295 \
             WHERE f.campaignid = ? AND q.refid > ? ORDER BY q.refid LIMIT ?",
        )
        .bind::<Integer, _>(campaign)
        .bind::<BigInt, _>(after)
        .bind::<BigInt, _>(limit)
        .load(&mut self.db)
        .await?)
    }

    /// When the first task of the campaign was sent, as far as its first thousand jobs tell, Unix seconds.
    pub async fn first_sent(&mut self, campaign: i32) -> Result<Option<f64>> {
        #[derive(QueryableByName)]
        struct Time {
            #[diesel(sql_type = Nullable<Double>)]
            time: Option<f64>,
        }
        let time: Time = diesel::sql_query(
            "SELECT MIN(NULLIF(r.sent_time, 0)) + 0e0 AS time FROM cobblestone_job j JOIN result r ON r.workunitid = j.workunitid \
             WHERE j.campaignid = ? AND j.job < 1000",
        )
        .bind::<Integer, _>(campaign)
        .get_result(&mut self.db)
        .await?;
        Ok(time.time)
    }
}
