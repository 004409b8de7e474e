//! The summary hook: run once for each campaign and each batch that is complete.
//!
//! Complete: none of its workunits is left to assimilate, and all jobs of the campaign are made, or it was cancelled. A
//! batch counts by the workunits that are in the database.
//!
//! Invariant: after a summary ended with status 0, `cobblestone_summary` says `done`, and it is not run again. Killed
//! between the two, it runs again. It is asked for when a pass found nothing to do, so it never holds up workunits.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use app_config::Summary;
use boinc::id::AppId;
use store::Store;
use store::campaigns::State;
use store::summaries::{Counts, SummaryRow};

use crate::decide;
use crate::hook::{self, Said};

/// Seconds between two looks for complete campaigns.
const PAUSE: f64 = 60.0;

/// What is looked at, and when it was.
#[derive(Debug)]
pub struct Summaries {
    hook: Summary,
    bin: PathBuf,
    /// Of the dataset, for people.
    folder: String,
    /// Batches of which something was assimilated; `None`: look at all that there are.
    batches: Option<BTreeSet<i32>>,
    looked: f64,
}

/// One that is complete.
struct Complete {
    kind: &'static str,
    refid: i64,
    name: String,
    counts: Counts,
    tries: i32,
}

impl Summaries {
    /// Nothing was looked at yet.
    #[must_use]
    pub fn new(hook: Summary, bin: PathBuf, folder: &Path) -> Self {
        let folder = folder.display().to_string();
        Self { hook, bin, folder, batches: None, looked: f64::NEG_INFINITY }
    }

    /// A workunit of this batch was assimilated.
    pub fn note(&mut self, batch: i32) {
        if batch > 0
            && let Some(batches) = &mut self.batches
        {
            batches.insert(batch);
        }
    }

    /// Runs what is due. How many summaries were made.
    ///
    /// # Errors
    /// The database's. A program that fails is none: it is tried again.
    pub async fn look(&mut self, store: &Store, app: AppId, now: f64) -> store::Result<u64> {
        let is_early = now >= self.looked && now - self.looked < PAUSE;
        if self.hook.command.is_empty() || is_early {
            return Ok(0);
        }
        self.looked = now;
        let mut made = 0;
        for complete in self.complete(store, app, now).await? {
            let said = self.run(&complete).await;
            let tries = complete.tries + 1;
            let state = match &said {
                Said::Done => "done",
                Said::Failed(_) if tries >= self.hook.tries => "failed",
                _ => "later",
            };
            let Complete { kind, name, refid, .. } = &complete;
            match said {
                Said::Done => {
                    made += 1;
                    tracing::info!(kind, name, "complete; the summary is made");
                }
                Said::Later => tracing::info!(kind, name, "complete; the summary wants to be asked later"),
                Said::Failed(what) => {
                    tracing::warn!(kind, name, tries, "complete; the summary failed: {what}")
                }
            }
            let row = SummaryRow {
                kind: (*kind).to_owned(),
                refid: *refid,
                state: state.to_owned(),
                tries,
                time: now,
            };
            store.transaction("summary", async |tx| tx.write_summary(app, &row).await).await?;
        }
        Ok(made)
    }

    async fn complete(&mut self, store: &Store, app: AppId, now: f64) -> store::Result<Vec<Complete>> {
        let (known, campaigns) = store
            .read("summaries", async |conn| {
                Ok((conn.summaries(app).await?, conn.campaigns(Some(app)).await?))
            })
            .await?;
        // How often it was tried; `None`: it is over, or not due.
        let due = |kind: &str, refid: i64| match known
            .iter()
            .find(|row| row.kind == kind && row.refid == refid)
        {
            None => Some(0),
            Some(row) if row.state == "later" && decide::is_due(row.time, row.tries, now) => Some(row.tries),
            Some(_) => None,
        };
        let mut found = Vec::new();
        for campaign in campaigns {
            let is_made = matches!(campaign.state, State::Complete | State::Cancelled);
            let refid = i64::from(campaign.id);
            let Some(tries) = due("campaign", refid).filter(|_| is_made && campaign.next_job > 0) else {
                continue;
            };
            let counts = store
                .read("campaign", async |conn| {
                    if conn.has_open_jobs(campaign.id).await? {
                        return Ok(None);
                    }
                    conn.campaign_counts(campaign.id).await.map(Some)
                })
                .await?;
            if let Some(counts) = counts {
                found.push(Complete { kind: "campaign", refid, name: campaign.name, counts, tries });
            }
        }
        let batches = match self.batches.take() {
            Some(batches) => batches,
            None => store.read("batches", async |conn| conn.batches(app).await).await?.into_iter().collect(),
        };
        let mut left = BTreeSet::new();
        for batch in batches {
            let Some(tries) = due("batch", i64::from(batch)) else { continue };
            let counts = store.read("batch", async |conn| conn.batch_counts(app, batch).await).await?;
            left.insert(batch);
            if counts.open == 0 && counts.results + counts.failures > 0 {
                let (kind, refid, name) = ("batch", i64::from(batch), batch.to_string());
                found.push(Complete { kind, refid, name, counts, tries });
            }
        }
        self.batches = Some(left);
        Ok(found)
    }

    async fn run(&self, complete: &Complete) -> Said {
        let Some((program, words)) = self.hook.command.split_first() else { return Said::Done };
        let usual = ["kind", "name", "results", "failures", "folder"].map(str::to_owned);
        let words = if words.is_empty() { &usual[..] } else { words };
        let arguments: Vec<OsString> = words
            .iter()
            .map(|word| match word.as_str() {
                "kind" => complete.kind.into(),
                "name" => complete.name.clone().into(),
                "results" => complete.counts.results.to_string().into(),
                "failures" => complete.counts.failures.to_string().into(),
                "folder" => self.folder.clone().into(),
                other => other.into(),
            })
            .collect();
        hook::run(&self.bin.join(program), arguments, self.hook.timeout_seconds, "a summary").await
    }
}
