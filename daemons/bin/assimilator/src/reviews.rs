//! Writes reviews to the dataset: those that no file holds yet, at the end of a pass that leaves nothing behind.
//!
//! Invariant: each review stands in one file. The transaction that records the files marks their reviews, and writes
//! nothing if one of them was marked already; then the staged files are removed. Readers see a file by a rename,
//! after the commit, as those of `commit`.
//!
//! Killed: as `commit`. `recovery` finishes what was recorded, and removes what was not.

use std::collections::BTreeMap;

use boinc::id::{AppId, WorkunitId};
use dataset::day::day;
use dataset::layout;
use dataset::staging::Instance;
use dataset::table::reviews::{REVIEWS, seconds};
use dataset::table::{KEY_APP, KEY_CAMPAIGN};
use store::assimilation::DatasetFile;
use store::reviews::Review;

use crate::commit::{self, Target, publish};

/// Most reviews in one transaction.
const BATCH: i64 = 5000;

/// Writes all reviews of the application that wait; how many.
///
/// # Errors
/// The database's or the storage's. What is committed by then is published by the next pass.
pub async fn write(target: &Target<'_>, instance: &mut Instance) -> anyhow::Result<u64> {
    let mut written = 0;
    loop {
        let app: AppId = target.app;
        let (reviews, campaigns) = target
            .store
            .read("reviews", async |conn| {
                let reviews = conn.unwritten_reviews(app, BATCH).await?;
                let mut workunits: Vec<WorkunitId> = reviews.iter().map(|r| r.review.workunit).collect();
                workunits.sort_unstable();
                workunits.dedup();
                let jobs = conn.jobs_of(&workunits).await?;
                let campaigns: BTreeMap<WorkunitId, String> =
                    jobs.into_iter().map(|job| (job.workunit, job.campaign)).collect();
                Ok((reviews, campaigns))
            })
            .await?;
        if reviews.is_empty() {
            return Ok(written);
        }
        let files = stage(target, instance, &reviews, &campaigns).await?;
        let ids: Vec<i64> = reviews.iter().map(|review| review.id).collect();
        let recorded = target
            .store
            .transaction("record reviews", async |tx| {
                if !tx.mark_reviews_written(&ids).await? {
                    return Ok(false);
                }
                commit::record(tx, target, &files).await?;
                Ok(true)
            })
            .await?;
        if !recorded {
            // Another instance was faster.
            commit::discard(target, instance, &files).await?;
            return Ok(written);
        }
        publish(target, &files).await?;
        written += reviews.len() as u64;
    }
}

/// Makes their files in the staging folder: one for each campaign and day.
async fn stage(
    target: &Target<'_>,
    instance: &mut Instance,
    reviews: &[Review],
    campaigns: &BTreeMap<WorkunitId, String>,
) -> anyhow::Result<Vec<DatasetFile>> {
    let mut parts: BTreeMap<(&str, String), Vec<&Review>> = BTreeMap::new();
    for review in reviews {
        let campaign = campaigns.get(&review.review.workunit).map_or(layout::NO_CAMPAIGN, String::as_str);
        parts.entry((campaign, day(seconds(review)))).or_default().push(review);
    }
    let mut made = Vec::new();
    for ((campaign, day), rows) in parts {
        let bytes =
            REVIEWS.to_parquet(&rows, &[(KEY_APP, target.app_name), (KEY_CAMPAIGN, campaign)], Vec::new())?;
        let ids = rows.iter().map(|review| review.review.workunit.0);
        let (first, last) = (ids.clone().min().unwrap_or(0), ids.max().unwrap_or(0));
        let name = instance.part_name(first, last, target.now_i32);
        let path = format!("{}/{name}", layout::partition(REVIEWS.name, campaign, &day));
        let file = DatasetFile {
            dataset: REVIEWS.name.to_owned(),
            path,
            items: i64::try_from(rows.len())?,
            bytes: i64::try_from(bytes.len())?,
        };
        made.push((file, bytes));
    }
    commit::put(target, instance, made).await
}
