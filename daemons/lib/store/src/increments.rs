//! Increments of uptime: which messages count already, and what a result's come to.
//!
//! Invariant: read and written only while the result is locked, or the host for messages that belong to no result,
//! and in the transaction that pays them. So a message counts once, however many rows it has.

use std::collections::BTreeMap;

use boinc::id::{HostId, ResultId};
use boinc::trickle::Identity;
use diesel::prelude::*;
use diesel::sql_types::{Binary, Double, Text};
use diesel_async::RunQueryDsl;

use crate::bulk::{self, Cell, Kind, float};
use crate::error::Result;
use crate::schema::ours::cobblestone_increment_sum as sums;
use crate::transaction::{Conn, Tx};

/// One message that counts: table `cobblestone_increment`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Increment {
    #[allow(missing_docs)]
    pub identity: Identity,
    /// 0 = it was paid without a result.
    pub result: ResultId,
    /// Who sent it.
    pub host: HostId,
    /// Seconds of wall clock that it counts for.
    pub good_for: f64,
    /// When this was decided, Unix seconds.
    pub time: f64,
}

/// What a result's increments come to: table `cobblestone_increment_sum`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct IncrementSum {
    #[allow(missing_docs)]
    pub result: ResultId,
    /// Seconds that they are good for together.
    pub increments: f64,
    /// When the server stored the latest of them, Unix seconds.
    pub latest: i32,
}

impl Conn {
    /// What those messages count for; those that never counted are left out. Lock their results or hosts first.
    pub async fn known_increments(&mut self, identities: &[Identity]) -> Result<BTreeMap<Identity, f64>> {
        #[derive(QueryableByName)]
        struct Known {
            #[diesel(sql_type = Binary)]
            identity: Vec<u8>,
            #[diesel(sql_type = Double)]
            good_for: f64,
        }
        let mut known = BTreeMap::new();
        for chunk in identities.chunks(2000) {
            let list = chunk.iter().map(|identity| format!("X'{identity}'")).collect::<Vec<_>>().join(",");
            let rows: Vec<Known> = diesel::sql_query(format!(
                "SELECT identity, good_for FROM cobblestone_increment WHERE identity IN ({list})"
            ))
            .load(&mut self.db)
            .await?;
            known.extend(
                rows.iter().filter_map(|row| Some((Identity::from_column(&row.identity)?, row.good_for))),
            );
        }
        Ok(known)
    }

    /// The sums of those results; a result without one never had an increment. Lock the results first.
    pub async fn increment_sums(&mut self, results: &[ResultId]) -> Result<Vec<IncrementSum>> {
        if results.is_empty() {
            return Ok(Vec::new());
        }
        let rows = sums::table
            .filter(sums::resultid.eq_any(results.iter().map(|id| id.0)))
            .load::<(i32, f64, i32)>(&mut self.db)
            .await?;
        Ok(rows
            .into_iter()
            .map(|(result, increments, latest)| IncrementSum { result: ResultId(result), increments, latest })
            .collect())
    }
}

impl Tx {
    /// Writes which messages count, new ones and those that count for more now.
    pub async fn write_increments(&mut self, increments: &[Increment]) -> Result<()> {
        const SQL: &str = "INSERT INTO cobblestone_increment (identity, resultid, hostid, good_for, time) \
             SELECT UNHEX(j.v0), j.v1, j.v2, j.v3, j.v4 FROM JSON_TABLE(?, '$[*]' COLUMNS(\
             v0 VARCHAR(32) CHARACTER SET ascii PATH '$[0]' ERROR ON ERROR, v1 BIGINT PATH '$[1]' ERROR ON ERROR, \
             v2 BIGINT PATH '$[2]' ERROR ON ERROR, v3 DOUBLE PATH '$[3]' ERROR ON ERROR, \
             v4 DOUBLE PATH '$[4]' ERROR ON ERROR)) j \
             ON DUPLICATE KEY UPDATE good_for = VALUES(good_for), time = VALUES(time)";
        for chunk in increments.chunks(2000) {
            let values: Vec<Vec<Cell<'_>>> = chunk
                .iter()
                .map(|i| {
                    vec![
                        i.identity.to_string().into(),
                        i.result.0.into(),
                        i.host.0.into(),
                        float(i.good_for),
                        float(i.time),
                    ]
                })
                .collect();
            let json = bulk::json(&values)?;
            diesel::sql_query(SQL).bind::<Text, _>(json).execute(&mut self.db).await?;
        }
        Ok(())
    }

    /// Writes sums, new ones and changed ones.
    pub async fn write_increment_sums(&mut self, sums: &[IncrementSum]) -> Result<()> {
        let values: Vec<_> =
            sums.iter().map(|s| vec![s.result.0.into(), float(s.increments), s.latest.into()]).collect();
        let columns = [("resultid", Kind::Int), ("increments", Kind::Double), ("latest", Kind::Int)];
        bulk::upsert(self, "cobblestone_increment_sum", &columns, &values).await
    }
}
