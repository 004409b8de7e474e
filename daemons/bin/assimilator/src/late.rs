//! Takes back flags whose cause is gone: the guest of a result that was flagged because it had reported nothing has
//! reported since.
//!
//! Reports come with messages that another daemon handles, so one can be late: the handler was behind, or the client sent
//! its last message after the result. The flag is not removed: a review `cleared` is added, and holds from then on.
//!
//! Invariants: what a person said is never overruled: under the lock of the workunit, the flag must still be the last word.
//! A flag is taken back once: it is the last word no more.
//!
//! Killed: nothing is done, or all of it.

use std::collections::BTreeMap;

use boinc::id::{AppId, WorkunitId};
use store::Store;
use store::late_reports::Flag;
use store::reviews::{BY_ASSIMILATOR, NewReview, ReviewVerdict};

use crate::decide;

/// Seconds between two looks.
const PAUSE: f64 = 60.0;
/// A report that comes so many seconds after the flag is not looked for: 60 days.
const LONGEST: f64 = 60.0 * 86_400.0;
/// Most flags in one transaction.
const BATCH: i64 = 500;

/// When it was last looked.
#[derive(Debug)]
pub struct LateReports {
    looked: f64,
}

impl Default for LateReports {
    fn default() -> Self {
        Self { looked: f64::NEG_INFINITY }
    }
}

impl LateReports {
    /// Takes back what is to be taken back; how many flags.
    ///
    /// # Errors
    /// The database's.
    pub async fn look(&mut self, store: &Store, app: AppId, now: f64) -> store::Result<u64> {
        // A clock that went back must not keep it waiting.
        if now >= self.looked && now - self.looked < PAUSE {
            return Ok(0);
        }
        let mut cleared = 0;
        loop {
            let flags = store
                .read("late reports", async |conn| conn.flags_with_reports(app, now - LONGEST, BATCH).await)
                .await?;
            let done = if flags.is_empty() { 0 } else { clear(store, app, &flags, now).await? };
            cleared += done;
            // Those that are left are what somebody else is at.
            if done == 0 || i64::try_from(flags.len()).is_ok_and(|n| n < BATCH) {
                self.looked = now;
                return Ok(cleared);
            }
        }
    }
}

async fn clear(store: &Store, app: AppId, flags: &[Flag], now: f64) -> store::Result<u64> {
    let by_workunit: BTreeMap<WorkunitId, Flag> = flags.iter().map(|flag| (flag.workunit, *flag)).collect();
    let workunits: Vec<WorkunitId> = by_workunit.keys().copied().collect();
    let results: Vec<_> = by_workunit.values().map(|flag| flag.result).collect();
    let reviews = store
        .transaction("take flags back", async |tx| {
            tx.lock_reviewed(&workunits).await?;
            let sums = tx.report_sums(&results).await?;
            let mut reviews = Vec::new();
            for row in tx.reviewed(&workunits).await? {
                let Some(flag) = by_workunit.get(&WorkunitId(row.workunitid)) else { continue };
                let report = sums.get(&flag.result);
                if row.reviewid != Some(flag.review) || decide::did_nothing(report, true).is_some() {
                    continue;
                }
                let Some(report) = report else { continue };
                reviews.push(NewReview {
                    time: now,
                    app,
                    workunit: flag.workunit,
                    result: flag.result,
                    who: BY_ASSIMILATOR.to_owned(),
                    verdict: ReviewVerdict::Cleared,
                    comment: format!(
                        "its guest reported after it was flagged: {} jobs that ended well, {} events",
                        report.succeeded, report.events
                    ),
                });
            }
            tx.insert_reviews(&reviews).await?;
            Ok(reviews)
        })
        .await?;
    for review in &reviews {
        tracing::info!(
            wu = review.workunit.0,
            result = review.result.0,
            "flag taken back: {}",
            review.comment
        );
    }
    Ok(reviews.len() as u64)
}
