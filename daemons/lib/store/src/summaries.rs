//! Campaigns and batches that are complete, and how far their summary is.
//!
//! Complete: none of its workunits is left to assimilate, and no more will be made.

use boinc::id::AppId;
use boinc::state::AssimilateState;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Integer};
use diesel_async::RunQueryDsl;

use crate::bulk::{self, Kind, float};
use crate::error::Result;
use crate::schema::boinc::workunit as w;
use crate::schema::ours::cobblestone_summary as s;
use crate::transaction::{Conn, Tx};

/// How a campaign or batch ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, QueryableByName)]
pub struct Counts {
    /// Workunits with a canonical result.
    #[diesel(sql_type = BigInt)]
    pub results: i64,
    /// Workunits that failed.
    #[diesel(sql_type = BigInt)]
    pub failures: i64,
    /// Workunits that are not assimilated.
    #[diesel(sql_type = BigInt)]
    pub open: i64,
}

/// How far a summary is.
#[derive(Debug, Clone, PartialEq)]
pub struct SummaryRow {
    /// `campaign` or `batch`.
    pub kind: String,
    /// Id of the campaign, or the batch.
    pub refid: i64,
    /// `done`, `failed` or `later`.
    pub state: String,
    #[allow(missing_docs)]
    pub tries: i32,
    /// The last time, Unix seconds.
    pub time: f64,
}

impl Conn {
    /// Summaries of an application.
    pub async fn summaries(&mut self, app: AppId) -> Result<Vec<SummaryRow>> {
        let rows = s::table
            .filter(s::appid.eq(app.0))
            .select((s::kind, s::refid, s::state, s::tries, s::time))
            .load::<(String, i64, String, i32, f64)>(&mut self.db)
            .await?;
        Ok(rows
            .into_iter()
            .map(|(kind, refid, state, tries, time)| SummaryRow { kind, refid, state, tries, time })
            .collect())
    }

    /// Whether a campaign has a job that is not assimilated. It ends at the first one.
    pub async fn has_open_jobs(&mut self, campaign: i32) -> Result<bool> {
        #[derive(QueryableByName)]
        struct Found {
            #[diesel(sql_type = Integer)]
            _id: i32,
        }
        let found: Option<Found> = diesel::sql_query(
            "SELECT j.workunitid AS _id FROM cobblestone_job j LEFT JOIN cobblestone_assimilated a \
             ON a.workunitid = j.workunitid WHERE j.campaignid = ? AND a.workunitid IS NULL LIMIT 1",
        )
        .bind::<Integer, _>(campaign)
        .get_result(&mut self.db)
        .await
        .optional()?;
        Ok(found.is_some())
    }

    /// How a campaign's jobs ended.
    pub async fn campaign_counts(&mut self, campaign: i32) -> Result<Counts> {
        Ok(diesel::sql_query(
            "SELECT CAST(COALESCE(SUM(a.dataset = 'results'), 0) AS SIGNED) AS results, \
             CAST(COALESCE(SUM(a.dataset = 'failures'), 0) AS SIGNED) AS failures, \
             CAST(COALESCE(SUM(a.workunitid IS NULL), 0) AS SIGNED) AS open \
             FROM cobblestone_job j LEFT JOIN cobblestone_assimilated a ON a.workunitid = j.workunitid \
             WHERE j.campaignid = ?",
        )
        .bind::<Integer, _>(campaign)
        .get_result(&mut self.db)
        .await?)
    }

    /// Batches of an application whose workunits are in the database.
    pub async fn batches(&mut self, app: AppId) -> Result<Vec<i32>> {
        Ok(w::table
            .filter(w::appid.eq(app.0))
            .filter(w::batch.gt(0))
            .select(w::batch)
            .distinct()
            .load(&mut self.db)
            .await?)
    }

    /// How the workunits of a batch ended that are in the database.
    pub async fn batch_counts(&mut self, app: AppId, batch: i32) -> Result<Counts> {
        let done = AssimilateState::Done.code();
        Ok(diesel::sql_query(format!(
            "SELECT CAST(COALESCE(SUM(assimilate_state = {done} AND error_mask = 0), 0) AS SIGNED) AS results, \
             CAST(COALESCE(SUM(assimilate_state = {done} AND error_mask <> 0), 0) AS SIGNED) AS failures, \
             CAST(COALESCE(SUM(assimilate_state <> {done}), 0) AS SIGNED) AS open \
             FROM workunit WHERE appid = ? AND batch = ?"
        ))
        .bind::<Integer, _>(app.0)
        .bind::<Integer, _>(batch)
        .get_result(&mut self.db)
        .await?)
    }
}

impl Tx {
    /// Writes how far a summary is.
    pub async fn write_summary(&mut self, app: AppId, row: &SummaryRow) -> Result<()> {
        let columns = [
            ("appid", Kind::Int),
            ("kind", Kind::Text(16)),
            ("refid", Kind::Int),
            ("state", Kind::Text(16)),
            ("tries", Kind::Int),
            ("time", Kind::Double),
        ];
        let values = vec![
            app.0.into(),
            row.kind.as_str().into(),
            row.refid.into(),
            row.state.as_str().into(),
            row.tries.into(),
            float(row.time),
        ];
        bulk::upsert(self, "cobblestone_summary", &columns, &[values]).await
    }
}
