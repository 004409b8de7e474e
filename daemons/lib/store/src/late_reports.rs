//! Flags of the assimilator on results whose guests have reported since.
//!
//! A result is flagged when its guest reported nothing by the time it was assimilated. The report may come later: messages
//! are handled by another daemon.
//!
//! Invariant: nothing is written here. Who takes a flag back locks the workunit and looks again whether the flag is what
//! was said last.

use boinc::id::{AppId, ResultId, WorkunitId};
use diesel::sql_types::{BigInt, Double, Integer, Text};
use diesel_async::RunQueryDsl;

use crate::error::Result;
use crate::reviews::{BY_ASSIMILATOR, ReviewVerdict};
use crate::transaction::Conn;

/// A flag of the assimilator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Flag {
    /// Number of the review.
    pub review: i64,
    /// What is flagged.
    pub workunit: WorkunitId,
    /// Its canonical result at that time.
    pub result: ResultId,
}

#[derive(diesel::QueryableByName)]
struct Row {
    #[diesel(sql_type = BigInt)]
    id: i64,
    #[diesel(sql_type = Integer)]
    workunitid: i32,
    #[diesel(sql_type = Integer)]
    resultid: i32,
}

impl Conn {
    /// Flags of the assimilator, set after `since` (Unix seconds), that are the last word on their workunits, and whose
    /// results have reports of something done; at most `limit`.
    ///
    /// The index is named: flags are few among the reviews of years.
    pub async fn flags_with_reports(&mut self, app: AppId, since: f64, limit: i64) -> Result<Vec<Flag>> {
        let rows: Vec<Row> = diesel::sql_query(
            "SELECT r.id, r.workunitid, r.resultid FROM cobblestone_review r FORCE INDEX (review_verdict) \
             WHERE r.appid = ? AND r.verdict = ? AND r.time > ? AND r.who = ? \
             AND EXISTS (SELECT 1 FROM cobblestone_report p WHERE p.resultid = r.resultid AND (p.succeeded > 0 OR p.events > 0)) \
             AND NOT EXISTS (SELECT 1 FROM cobblestone_review n WHERE n.workunitid = r.workunitid AND n.id > r.id) \
             ORDER BY r.time LIMIT ?",
        )
        .bind::<Integer, _>(app.0)
        .bind::<Text, _>(ReviewVerdict::Flagged.as_str())
        .bind::<Double, _>(since)
        .bind::<Text, _>(BY_ASSIMILATOR)
        .bind::<BigInt, _>(limit)
        .load(&mut self.db)
        .await?;
        let flag = |row: Row| Flag {
            review: row.id,
            workunit: WorkunitId(row.workunitid),
            result: ResultId(row.resultid),
        };
        Ok(rows.into_iter().map(flag).collect())
    }
}
