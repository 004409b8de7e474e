//! Who was paid for a result: its ledger rows, summed by the host, user and team that they name.
//!
//! Invariant: only reads. Who pays a result or takes back holds the lock of its row; folding old rows changes no sum.

use std::collections::BTreeMap;

use boinc::id::{HostId, ResultId, TeamId, UserId};
use boinc::ledger::{LedgerKind, PaidShare};
use diesel::prelude::*;
use diesel::sql_types::{Double, Integer};
use diesel_async::RunQueryDsl;

use crate::error::Result;
use crate::transaction::Tx;

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Integer)]
    resultid: i32,
    #[diesel(sql_type = Integer)]
    hostid: i32,
    #[diesel(sql_type = Integer)]
    userid: i32,
    #[diesel(sql_type = Integer)]
    teamid: i32,
    #[diesel(sql_type = Integer)]
    by_app: i32,
    #[diesel(sql_type = Integer)]
    app_userid: i32,
    #[diesel(sql_type = Integer)]
    app_teamid: i32,
    #[diesel(sql_type = Double)]
    credit: f64,
    #[diesel(sql_type = Double)]
    seconds: f64,
    #[diesel(sql_type = Double)]
    adjusted: f64,
}

impl From<Row> for PaidShare {
    fn from(r: Row) -> Self {
        Self {
            host: HostId(r.hostid),
            user: UserId(r.userid),
            team: TeamId(r.teamid),
            by_app: (r.by_app != 0).then_some((UserId(r.app_userid), TeamId(r.app_teamid))),
            credit: r.credit,
            seconds: r.seconds,
            adjusted: r.adjusted,
        }
    }
}

impl Tx {
    /// What those results were paid, and to whom; one without ledger rows is left out. Lock the results first.
    pub async fn paid_shares(&mut self, results: &[ResultId]) -> Result<BTreeMap<ResultId, Vec<PaidShare>>> {
        let mut shares: BTreeMap<ResultId, Vec<PaidShare>> = BTreeMap::new();
        if results.is_empty() {
            return Ok(shares);
        }
        let ids = results.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
        let person = LedgerKind::Adjustment.as_str();
        let group = "resultid, hostid, userid, teamid, by_app, app_userid, app_teamid";
        let rows: Vec<Row> = diesel::sql_query(format!(
            "SELECT resultid, hostid, userid, teamid, CAST(by_app AS SIGNED) AS by_app, app_userid, app_teamid, \
             SUM(IF(kind = '{person}', 0e0, credit)) AS credit, SUM(seconds) AS seconds, \
             SUM(IF(kind = '{person}', credit, 0e0)) AS adjusted \
             FROM cobblestone_ledger FORCE INDEX (ledger_result) WHERE resultid IN ({ids}) GROUP BY {group} ORDER BY {group}"
        ))
        .load(&mut self.db)
        .await?;
        for row in rows {
            shares.entry(ResultId(row.resultid)).or_default().push(row.into());
        }
        Ok(shares)
    }
}
