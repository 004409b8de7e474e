//! What a person decides about workunits and jobs that a daemon set aside: it tries again at once, or never.
//!
//! Invariant: one transaction per call. Given back: the entry goes, and comes back with its reason if it fails again; of the
//! validator's, BOINC's transitioner wakes, too, as it is what asks for another look. Dropped: the entry stays, with who
//! dropped it and why, under a kind of its own, which the daemon leaves alone. Nothing else of a workunit changes. Run
//! twice, the second time finds nothing to do. Locks: workunits, then the quarantine.

use diesel::prelude::*;
use diesel::sql_types::{Double, Text};
use diesel_async::RunQueryDsl;

use crate::error::Result;
use crate::schema::boinc::workunit as w;
use crate::schema::ours::cobblestone_quarantine as q;
use crate::text::list;
use crate::transaction::Tx;

/// Kind of a workunit that is set aside.
pub const WORKUNIT: &str = "workunit";
/// Kind of a workunit that a person dropped: its daemon does not try it.
pub const DROPPED_WORKUNIT: &str = "dropped_workunit";
/// Kind of a job of a campaign that can't be made.
pub const JOB: &str = "job";
/// Kind of a job that a person dropped.
pub const DROPPED_JOB: &str = "dropped_job";

/// The kind that a thing has when it is dropped, if it can be.
#[must_use]
pub fn dropped(kind: &str) -> Option<&'static str> {
    match kind {
        WORKUNIT => Some(DROPPED_WORKUNIT),
        JOB => Some(DROPPED_JOB),
        _ => None,
    }
}

impl Tx {
    /// Gives workunits that `daemon` set aside, or a person dropped, back to it; those that were. `now` in Unix seconds.
    pub async fn retry_workunits(&mut self, daemon: &str, ids: &[i64], now: i32) -> Result<Vec<i64>> {
        let rows: Vec<i32> = ids.iter().filter_map(|id| i32::try_from(*id).ok()).collect();
        let locked: Vec<i32> = w::table
            .filter(w::id.eq_any(rows))
            .order(w::id)
            .select(w::id)
            .for_update()
            .load(&mut self.db)
            .await?;
        let mut aside = self.lock_aside(daemon, ids, &[WORKUNIT, DROPPED_WORKUNIT]).await?;
        aside.dedup();
        for kind in [WORKUNIT, DROPPED_WORKUNIT] {
            self.release(daemon, kind, &aside).await?;
        }
        if daemon == "validator" {
            let woken = locked.into_iter().filter(|id| aside.contains(&i64::from(*id)));
            let rows = w::table.filter(w::id.eq_any(woken)).filter(w::transition_time.gt(now));
            diesel::update(rows).set(w::transition_time.eq(now)).execute(&mut self.db).await?;
        }
        Ok(aside)
    }

    /// Gives jobs that could not be made back to the work generator, those of campaigns that count their jobs and go on; those
    /// that were not given back already. Rows of files are read again all together: `cobblestone campaign retry-failed`.
    pub async fn retry_jobs(&mut self, daemon: &str, ids: &[i64], now: f64) -> Result<Vec<i64>> {
        use crate::schema::ours::{cobblestone_campaign as c, cobblestone_campaign_file as f};
        let files: Vec<i32> = ids.iter().filter_map(|id| i32::try_from(*id >> 32).ok()).collect();
        let files: Vec<(i32, i32)> = f::table
            .filter(f::id.eq_any(files))
            .filter(f::name.eq(""))
            .select((f::id, f::campaignid))
            .load(&mut self.db)
            .await?;
        let campaigns = c::table
            .filter(c::id.eq_any(files.iter().map(|(_, campaign)| *campaign)))
            .filter(c::state.ne("cancelled"))
            .order(c::id)
            .select(c::id);
        let campaigns: Vec<i32> = campaigns.for_update().load(&mut self.db).await?;
        let mut given = Vec::new();
        for id in self.lock_aside(daemon, ids, &[JOB, DROPPED_JOB]).await? {
            let owner =
                files.iter().find(|(file, _)| i64::from(*file) == id >> 32).map(|(_, campaign)| *campaign);
            let Some(campaign) = owner.filter(|campaign| campaigns.contains(campaign)) else { continue };
            if self.want_set_aside(campaign, &[id & 0xffff_ffff], now).await? > 0 {
                given.push(id);
            }
        }
        for id in &given {
            let entry = q::table
                .filter(q::daemon.eq(daemon))
                .filter(q::kind.eq(DROPPED_JOB))
                .filter(q::refid.eq(*id));
            diesel::update(entry).set(q::kind.eq(JOB)).execute(&mut self.db).await?;
        }
        Ok(given)
    }

    /// Drops things of a kind that `daemon` set aside; those that were. Their reason becomes `why`, and what it was.
    pub async fn drop_things(
        &mut self,
        daemon: &str,
        kind: &'static str,
        ids: &[i64],
        why: &str,
        now: f64,
    ) -> Result<Vec<i64>> {
        let Some(to) = dropped(kind) else { return Ok(Vec::new()) };
        let aside = self.lock_aside(daemon, ids, &[kind]).await?;
        if !aside.is_empty() {
            // What was dropped once, and came back in the same moment.
            self.release(daemon, to, &aside).await?;
            diesel::sql_query(format!(
                "UPDATE cobblestone_quarantine SET kind = '{to}', time = ?, reason = LEFT(CONCAT(?, '; it was: ', reason), 255) \
                 WHERE daemon = ? AND kind = '{kind}' AND refid IN ({})",
                list(&aside)
            ))
            .bind::<Double, _>(now)
            .bind::<Text, _>(why)
            .bind::<Text, _>(daemon)
            .execute(&mut self.db)
            .await?;
        }
        Ok(aside)
    }
}
