//! Seeds for the jobs of a turn: reserved in the database before any input file holds one.
//!
//! Invariant: a transaction of its own reserves them, under the lock of the campaign and then of the application's row.
//! Killed behind it, the campaign finds its range again and its jobs take it.

use anyhow::Result;
use campaign::seeds::{Range, missing, seed_of};
use store::campaigns::{Reserved, SeedRange, State};

use crate::plans::Plan;
use crate::turn::Turn;

impl Turn<'_> {
    /// Sees to it that jobs up to `last` (not with it) have seeds. False: they can't have them now.
    ///
    /// # Errors
    /// The database refuses.
    pub async fn reserve_seeds(&mut self, last: i64) -> Result<bool> {
        if self.plan.campaign.seeds.reuse || missing(&self.plan.seeds, last, None).is_none() {
            return Ok(true);
        }
        let (app, id, now) = (self.app, self.row.id, self.pass.clock.now());
        let read = self
            .pass
            .store
            .read("seeds", async |conn| Ok((conn.seed_ranges(app, id).await?, conn.next_seed(app).await?)));
        let (found, next) = read.await?;
        self.plan.seeds = found.iter().map(range).collect();
        let jobs = self.plan.campaign.source.jobs;
        let Some((first_job, count)) = missing(&self.plan.seeds, last, jobs) else { return Ok(true) };
        let declared = self.plan.campaign.seeds.first;
        let wanted = (declared > 0).then(|| declared.saturating_add(first_job));
        if self.dry_run {
            let first_seed = wanted.unwrap_or(next);
            self.plan.seeds.push(Range { first_job, first_seed, seeds: count });
            return Ok(true);
        }
        let name = self.name();
        let reserved = self
            .pass
            .store
            .transaction("reserve seeds", async |tx| {
                let locked = tx.lock_campaign(app, name, now).await?;
                if tx.seed_ranges(app, locked.id).await?.iter().any(|range| range.first_job >= first_job) {
                    return Ok(None);
                }
                let reserved = tx.reserve_seeds(app, locked.id, first_job, count, wanted).await?;
                if let Reserved::Taken(other) = &reserved {
                    let note = taken(wanted.unwrap_or(next), count, other);
                    tx.set_campaign_state(locked.id, State::Paused, &note, now).await?;
                }
                Ok(Some(reserved))
            })
            .await?;
        match reserved {
            Some(Reserved::Range(reserved)) => {
                self.plan.seeds.push(range(&reserved));
                Ok(true)
            }
            Some(Reserved::Taken(other)) => {
                self.tell(&format!("it is paused: its seeds are taken by campaign {other}"));
                Ok(false)
            }
            // Another instance reserved them: the next pass reads them.
            None => Ok(false),
        }
    }
}

/// The seed of a job, if its row declares none.
pub fn seed(plan: &Plan, job: i64) -> i64 {
    let first = plan.campaign.seeds.first.max(1);
    if plan.campaign.seeds.reuse {
        return first.saturating_add(job);
    }
    seed_of(&plan.seeds, job).unwrap_or_else(|| first.saturating_add(job))
}

/// Why the campaign is paused, for a person.
fn taken(first: i64, count: i64, other: &str) -> String {
    let last = first.saturating_add(count - 1);
    format!(
        "seeds {first} to {last} are taken by campaign {other}; choose another first seed, or reuse, then: cobblestone campaign resume"
    )
}

fn range(range: &SeedRange) -> Range {
    Range { first_job: range.first_job, first_seed: range.first_seed, seeds: range.seeds }
}
