//! How far a campaign is. Only reads, for people, not for passes.
//!
//! Jobs are counted range by range of their numbers, by index. Of a small campaign all are; of a large one [`sample`] says
//! which, so that the time does not depend on its size.

use std::ops::Range;

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

/// Most jobs that are counted one by one without being asked to.
pub const SMALL: i64 = 100_000;
/// Ranges of a sample, and the jobs in each.
const RANGES: i64 = 100;
const EACH: i64 = 500;

/// Ranges of job numbers that stand for all: all of them, if there are few or `exact`; else some that are spread evenly.
/// `next_job`: number of the next job.
#[must_use]
pub fn sample(next_job: i64, exact: bool) -> Vec<Range<i64>> {
    if exact || next_job <= SMALL {
        return std::iter::once(0..i64::MAX).collect();
    }
    let step = next_job / RANGES;
    // From the middle of each part: neither the first nor the last jobs count for more than others.
    let begin = |n: i64| n * step + (step - EACH) / 2;
    (0..RANGES).map(|n| begin(n)..begin(n) + EACH).collect()
}

impl Progress {
    /// Jobs in it.
    #[must_use]
    pub fn jobs(&self) -> i64 {
        self.waiting + self.sent + self.valid + self.failed + self.cancelled + self.gone
    }

    /// With those of another range.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            waiting: self.waiting + other.waiting,
            sent: self.sent + other.sent,
            valid: self.valid + other.valid,
            failed: self.failed + other.failed,
            cancelled: self.cancelled + other.cancelled,
            gone: self.gone + other.gone,
            to_retry: self.to_retry + other.to_retry,
        }
    }

    /// The same shares of `all` jobs; those to retry are counted, and stay. What is there stays above 0.
    #[must_use]
    pub fn scaled(self, all: i64) -> Self {
        let jobs = i128::from(self.jobs().max(1));
        let share = |count: i64| {
            let scaled = (i128::from(count) * i128::from(all) + jobs / 2) / jobs;
            i64::try_from(scaled).unwrap_or(i64::MAX).max(i64::from(count > 0))
        };
        Self {
            waiting: share(self.waiting),
            sent: share(self.sent),
            valid: share(self.valid),
            failed: share(self.failed),
            cancelled: share(self.cancelled),
            gone: share(self.gone),
            to_retry: self.to_retry,
        }
    }
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
    /// Counts the jobs of a campaign with these numbers. `retried`: there are second attempts.
    pub async fn progress(&mut self, campaign: i32, retried: bool, jobs: &Range<i64>) -> Result<Progress> {
        let last = if retried { LAST } else { "1 = 1" };
        Ok(diesel::sql_query(format!(
            "SELECT CAST(COALESCE(SUM(s = 0), 0) AS SIGNED) AS waiting, CAST(COALESCE(SUM(s = 1), 0) AS SIGNED) AS sent, \
             CAST(COALESCE(SUM(s = 2), 0) AS SIGNED) AS valid, CAST(COALESCE(SUM(s = 3), 0) AS SIGNED) AS failed, \
             CAST(COALESCE(SUM(s = 4), 0) AS SIGNED) AS cancelled, CAST(COALESCE(SUM(s = 5), 0) AS SIGNED) AS gone, 0 AS to_retry \
             FROM (SELECT CASE WHEN w.canonical_resultid <> 0 OR a.dataset = 'results' THEN 2 \
                    WHEN w.error_mask & 16 THEN 4 WHEN w.error_mask <> 0 OR a.dataset = 'failures' THEN 3 \
                    WHEN w.id IS NULL THEN 5 \
                    WHEN EXISTS (SELECT 1 FROM result r WHERE r.workunitid = w.id AND r.sent_time > 0) THEN 1 ELSE 0 END AS s \
                   FROM cobblestone_job j FORCE INDEX (job_once) LEFT JOIN workunit w ON w.id = j.workunitid \
                   LEFT JOIN cobblestone_assimilated a ON a.workunitid = j.workunitid \
                   WHERE j.campaignid = ? AND j.job >= ? AND j.job < ? AND {last}) x"
        ))
        .bind::<Integer, _>(campaign)
        .bind::<BigInt, _>(jobs.start)
        .bind::<BigInt, _>(jobs.end)
        .get_result(&mut self.db)
        .await?)
    }

    /// Jobs of a campaign that wait to be tried again.
    pub async fn jobs_to_retry(&mut self, campaign: i32) -> Result<i64> {
        use crate::schema::ours::cobblestone_retry as r;
        Ok(r::table.filter(r::campaignid.eq(campaign)).count().get_result(&mut self.db).await?)
    }

    /// Failed jobs of a campaign with these numbers, in order, at most so many.
    pub async fn failed_jobs(
        &mut self,
        campaign: i32,
        jobs: &Range<i64>,
        limit: i64,
    ) -> Result<Vec<FailedJob>> {
        Ok(diesel::sql_query(format!(
            "SELECT j.job, w.name AS workunit, w.error_mask FROM cobblestone_job j FORCE INDEX (job_once) \
             STRAIGHT_JOIN workunit w ON w.id = j.workunitid \
             WHERE j.campaignid = ? AND j.job >= ? AND j.job < ? AND w.error_mask <> 0 AND w.error_mask & 16 = 0 \
             AND w.canonical_resultid = 0 AND {LAST} ORDER BY j.job LIMIT ?"
        ))
        .bind::<Integer, _>(campaign)
        .bind::<BigInt, _>(jobs.start)
        .bind::<BigInt, _>(jobs.end)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_is_spread_and_does_not_grow() {
        for all in [sample(SMALL, false), sample(10_000_000, true)] {
            assert_eq!((all.len(), all[0].clone()), (1, 0..i64::MAX));
        }
        for jobs in [SMALL + 1, 10_000_000, i64::from(u32::MAX)] {
            let ranges = sample(jobs, false);
            assert_eq!(ranges.iter().map(|range| range.end - range.start).sum::<i64>(), RANGES * EACH);
            assert!(ranges.windows(2).all(|two| two[0].end <= two[1].start), "{jobs}");
            assert!(ranges[0].start >= 0 && ranges[99].end <= jobs, "{jobs}");
        }
    }

    #[test]
    fn shares_stay_what_they_are_and_little_is_not_nothing() {
        let part = Progress { valid: 750, sent: 249, failed: 1, to_retry: 3, ..Progress::default() };
        let all = part.scaled(10_000_000);
        assert_eq!((all.valid, all.sent, all.failed, all.to_retry), (7_500_000, 2_490_000, 10_000, 3));
        assert_eq!(part.scaled(100).failed, 1);
        assert_eq!(Progress::default().scaled(100).jobs(), 0);
        assert_eq!(part.and(part).jobs(), 2000);
    }
}
