//! Campaigns and new workunits.
//!
//! Invariant: the rows of new workunits, the jobs that they are, and the campaign's cursor change in one
//! transaction, while the campaign's row is locked. A job of a campaign becomes one workunit: a unique key on
//! (campaign, job) and one on the workunit's name say so too.

use boinc::id::{AppId, WorkunitId};
use boinc::input_template::NewWorkunit;
use boinc::state::ServerState;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Double, Integer, Text};
use diesel_async::RunQueryDsl;
use std::collections::BTreeMap;

use crate::error::{Error, Result};
use crate::schema::boinc::{result, workunit as t};
use crate::schema::ours::{cobblestone_campaign as c, cobblestone_job as j};
use crate::transaction::{Conn, Tx};

/// A campaign: how far its jobs are made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Campaign {
    #[allow(missing_docs)]
    pub id: i32,
    /// Number of the next job to make; the first is 0.
    pub next_job: i64,
}

/// Which job a new workunit is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Job {
    /// Its number in the campaign.
    pub job: i64,
    #[allow(missing_docs)]
    pub seed: i64,
    /// Events asked for.
    pub events: i64,
}

/// Results that wait to be sent, or will soon.
#[derive(Debug, Clone, Copy, PartialEq, Eq, QueryableByName)]
pub struct Pending {
    /// Results of workunits whose instances the transitioner has yet to make.
    #[diesel(sql_type = BigInt)]
    pub to_come: i64,
}

impl Conn {
    /// Results of an app that wait to be sent.
    pub async fn unsent_results(&mut self, app: AppId) -> Result<i64> {
        Ok(result::table
            .filter(result::appid.eq(app.0))
            .filter(result::server_state.eq(ServerState::Unsent.code()))
            .count()
            .get_result(&mut self.db)
            .await?)
    }

    /// Results that the transitioner will make of workunits that it has not seen yet.
    pub async fn results_to_come(&mut self, app: AppId, now: i32) -> Result<i64> {
        let pending: Pending = diesel::sql_query(
            "SELECT CAST(COALESCE(SUM(w.target_nresults), 0) AS SIGNED) AS to_come FROM workunit w \
             WHERE w.appid = ? AND w.transition_time <= ? AND w.error_mask = 0 AND w.canonical_resultid = 0 \
             AND NOT EXISTS (SELECT 1 FROM result r WHERE r.workunitid = w.id)",
        )
        .bind::<Integer, _>(app.0)
        .bind::<Integer, _>(now)
        .get_result(&mut self.db)
        .await?;
        Ok(pending.to_come)
    }

    /// How far a campaign is; `None` before its first job.
    pub async fn campaign(&mut self, app: AppId, name: &str) -> Result<Option<Campaign>> {
        let row = c::table
            .filter(c::appid.eq(app.0))
            .filter(c::name.eq(name))
            .select((c::id, c::next_job))
            .first::<(i32, i64)>(&mut self.db)
            .await
            .optional()?;
        Ok(row.map(|(id, next_job)| Campaign { id, next_job }))
    }
}

impl Tx {
    /// Locks a campaign; makes it when it is new.
    pub async fn lock_campaign(&mut self, app: AppId, name: &str, now: f64) -> Result<Campaign> {
        diesel::sql_query(
            "INSERT IGNORE INTO cobblestone_campaign (appid, name, next_job, time) VALUES (?, ?, 0, ?)",
        )
        .bind::<Integer, _>(app.0)
        .bind::<Text, _>(name)
        .bind::<Double, _>(now)
        .execute(&mut self.db)
        .await?;
        let (id, next_job) = c::table
            .filter(c::appid.eq(app.0))
            .filter(c::name.eq(name))
            .select((c::id, c::next_job))
            .for_update()
            .first::<(i32, i64)>(&mut self.db)
            .await?;
        Ok(Campaign { id, next_job })
    }

    /// Inserts workunits with the jobs that they are, and moves the locked campaign's cursor to `next_job`.
    ///
    /// # Errors
    /// [`Error::Duplicate`] when a name is taken by another workunit: nothing is inserted.
    pub async fn insert_jobs(
        &mut self,
        campaign: &Campaign,
        jobs: &[(Job, NewWorkunit)],
        next_job: i64,
    ) -> Result<()> {
        for chunk in jobs.chunks(1000) {
            let mut rows = Vec::with_capacity(chunk.len());
            for (_, w) in chunk {
                rows.push((
                    t::create_time.eq(w.create_time),
                    t::appid.eq(w.appid.0),
                    t::name.eq(w.name.as_str()),
                    t::xml_doc.eq(w.xml_doc.as_slice()),
                    t::batch.eq(w.batch),
                    t::rsc_fpops_est.eq(w.rsc_fpops_est),
                    t::rsc_fpops_bound.eq(w.rsc_fpops_bound),
                    t::rsc_memory_bound.eq(w.rsc_memory_bound),
                    t::rsc_disk_bound.eq(w.rsc_disk_bound),
                    t::need_validate.eq(small(w.need_validate)?),
                    t::canonical_resultid.eq(w.canonical_resultid),
                    t::canonical_credit.eq(w.canonical_credit),
                    t::transition_time.eq(w.transition_time),
                    t::delay_bound.eq(w.delay_bound),
                    t::error_mask.eq(w.error_mask),
                    t::file_delete_state.eq(w.file_delete_state),
                    t::assimilate_state.eq(w.assimilate_state),
                    t::hr_class.eq(w.hr_class),
                    t::opaque.eq(w.opaque),
                    t::min_quorum.eq(w.min_quorum),
                    t::target_nresults.eq(w.target_nresults),
                    t::max_error_results.eq(w.max_error_results),
                    t::max_total_results.eq(w.max_total_results),
                    t::max_success_results.eq(w.max_success_results),
                    t::result_template_file.eq(w.result_template_file.as_str()),
                    t::priority.eq(w.priority),
                    t::rsc_bandwidth_bound.eq(w.rsc_bandwidth_bound),
                    t::fileset_id.eq(w.fileset_id),
                    t::app_version_id.eq(w.app_version_id),
                    t::transitioner_flags.eq(tiny(w.transitioner_flags)?),
                    t::size_class.eq(small(w.size_class)?),
                    t::keywords.eq(w.keywords.as_str()),
                    t::app_version_num.eq(w.app_version_num),
                ));
            }
            diesel::insert_into(t::table).values(&rows).execute(&mut self.db).await?;
            let ids: BTreeMap<String, i32> = t::table
                .filter(t::name.eq_any(chunk.iter().map(|(_, w)| w.name.as_str())))
                .select((t::name, t::id))
                .load::<(String, i32)>(&mut self.db)
                .await?
                .into_iter()
                .collect();
            let mut links = Vec::with_capacity(chunk.len());
            for (job, w) in chunk {
                let id = ids
                    .get(&w.name)
                    .ok_or_else(|| Error::Other(format!("workunit {} was not inserted", w.name)))?;
                links.push((
                    j::workunitid.eq(WorkunitId(*id).0),
                    j::campaignid.eq(campaign.id),
                    j::job.eq(job.job),
                    j::seed.eq(job.seed),
                    j::events.eq(job.events),
                ));
            }
            diesel::insert_into(j::table).values(&links).execute(&mut self.db).await?;
        }
        let changed =
            diesel::update(c::table.filter(c::id.eq(campaign.id)).filter(c::next_job.eq(campaign.next_job)))
                .set(c::next_job.eq(next_job))
                .execute(&mut self.db)
                .await?;
        if changed == 1 {
            Ok(())
        } else {
            Err(Error::Count { what: "moving the campaign's cursor", expected: 1, changed })
        }
    }
}

fn small(value: i32) -> Result<i16> {
    i16::try_from(value)
        .map_err(|_| Error::Other(format!("{value} does not fit a smallint column of workunit")))
}

fn tiny(value: i32) -> Result<i8> {
    i8::try_from(value)
        .map_err(|_| Error::Other(format!("{value} does not fit a tinyint column of workunit")))
}
