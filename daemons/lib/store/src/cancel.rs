//! Cancelling the jobs of a campaign, as BOINC's cancel_jobs does (`cancel_jobs` in tools/backend_lib.cpp): results that
//! were not sent are over and not needed, the workunit's error_mask says cancelled, and the transitioner looks now.
//! Unlike there, workunits that have their canonical result, or are assimilated, are left as they are.
//!
//! Invariant: one batch is one transaction, under the locks of its workunits. A workunit that is cancelled is not found
//! again, so killed anywhere it is simply run again.

use boinc::id::{HostId, WorkunitId};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Integer, Text};
use diesel_async::RunQueryDsl;

use crate::error::Result;
use crate::transaction::Tx;

/// A task of a cancelled workunit that runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Running {
    /// Where.
    pub host: HostId,
    /// `result.name`
    pub result: String,
}

/// What a batch came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cancelled {
    /// Cancelled now.
    pub workunits: usize,
    /// Results that were not sent.
    pub unsent: usize,
    /// Tasks that run.
    pub running: Vec<Running>,
    /// The last workunit looked at; None: there are no more.
    pub last: Option<WorkunitId>,
}

impl Tx {
    /// Cancels workunits of a campaign above `after` that are not done, at most `limit`.
    pub async fn cancel_workunits(
        &mut self,
        campaign: i32,
        after: WorkunitId,
        limit: i64,
        now: i32,
    ) -> Result<Cancelled> {
        #[derive(QueryableByName)]
        struct Id {
            #[diesel(sql_type = Integer)]
            id: i32,
        }
        let ids: Vec<Id> = diesel::sql_query(
            "SELECT w.id FROM workunit w FORCE INDEX (PRIMARY) JOIN cobblestone_job j ON j.workunitid = w.id AND j.campaignid = ? \
             WHERE w.id > ? AND w.canonical_resultid = 0 AND w.assimilate_state = 0 AND w.error_mask & 16 = 0 \
             ORDER BY w.id LIMIT ?",
        )
        .bind::<Integer, _>(campaign)
        .bind::<Integer, _>(after.0)
        .bind::<BigInt, _>(limit)
        .load(&mut self.db)
        .await?;
        let Some(last) = ids.last().map(|id| WorkunitId(id.id)) else { return Ok(Cancelled::default()) };
        let list = |ids: &[Id]| ids.iter().map(|id| id.id.to_string()).collect::<Vec<_>>().join(",");
        // Locked, and looked at again: the validator may have come first.
        let ids: Vec<Id> = diesel::sql_query(format!(
            "SELECT id FROM workunit FORCE INDEX (PRIMARY) WHERE id IN ({}) AND canonical_resultid = 0 AND assimilate_state = 0 \
             AND error_mask & 16 = 0 ORDER BY id FOR UPDATE",
            list(&ids)
        ))
        .load(&mut self.db)
        .await?;
        let mut done = Cancelled { workunits: ids.len(), last: Some(last), ..Cancelled::default() };
        if ids.is_empty() {
            return Ok(done);
        }
        let list = list(&ids);
        #[derive(QueryableByName)]
        struct Task {
            #[diesel(sql_type = Integer)]
            id: i32,
            #[diesel(sql_type = Integer)]
            hostid: i32,
            #[diesel(sql_type = Integer)]
            server_state: i32,
            #[diesel(sql_type = Text)]
            name: String,
        }
        let tasks: Vec<Task> = diesel::sql_query(format!(
            "SELECT id, hostid, server_state, name FROM result FORCE INDEX (res_wuid) WHERE workunitid IN ({list}) \
             AND server_state <= 4 ORDER BY id FOR UPDATE"
        ))
        .load(&mut self.db)
        .await?;
        let unsent: Vec<String> =
            tasks.iter().filter(|task| task.server_state <= 2).map(|task| task.id.to_string()).collect();
        if !unsent.is_empty() {
            done.unsent = diesel::sql_query(format!(
                "UPDATE result SET server_state = 5, outcome = 5 WHERE id IN ({}) AND server_state <= 2",
                unsent.join(",")
            ))
            .execute(&mut self.db)
            .await?;
        }
        let running = tasks.into_iter().filter(|task| task.server_state == 4 && task.hostid != 0);
        done.running = running.map(|task| Running { host: HostId(task.hostid), result: task.name }).collect();
        diesel::sql_query(format!(
            "UPDATE workunit SET error_mask = error_mask | 16, transition_time = ? WHERE id IN ({list})"
        ))
        .bind::<Integer, _>(now)
        .execute(&mut self.db)
        .await?;
        Ok(done)
    }
}
