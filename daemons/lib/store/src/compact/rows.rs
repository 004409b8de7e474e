//! Old rows as they are read.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Double, Integer, Nullable, Text};

use crate::ledger_rows::LedgerRow;

/// One row of the ledger.
#[derive(Debug, Clone, PartialEq, QueryableByName)]
#[allow(missing_docs)]
pub struct OldRow {
    #[diesel(sql_type = BigInt)]
    pub id: i64,
    #[diesel(sql_type = Double)]
    pub time: f64,
    #[diesel(sql_type = Double)]
    pub since: f64,
    #[diesel(sql_type = Text)]
    pub kind: String,
    #[diesel(sql_type = Nullable<Integer>)]
    pub messageid: Option<i32>,
    #[diesel(sql_type = Integer)]
    pub resultid: i32,
    #[diesel(sql_type = Integer)]
    pub workunitid: i32,
    #[diesel(sql_type = Integer)]
    pub hostid: i32,
    #[diesel(sql_type = Integer)]
    pub userid: i32,
    #[diesel(sql_type = Integer)]
    pub teamid: i32,
    #[diesel(sql_type = Integer)]
    pub appid: i32,
    #[diesel(sql_type = Double)]
    pub seconds: f64,
    #[diesel(sql_type = Double)]
    pub flops: f64,
    #[diesel(sql_type = Double)]
    pub credit: f64,
    #[diesel(sql_type = Integer)]
    pub rule_version: i32,
    #[diesel(sql_type = Text)]
    pub reason: String,
    #[diesel(sql_type = Integer)]
    pub messages: i32,
    #[diesel(sql_type = Integer)]
    pub rows_folded: i32,
    #[diesel(sql_type = Integer)]
    pub by_app: i32,
    #[diesel(sql_type = Integer)]
    pub app_userid: i32,
    #[diesel(sql_type = Integer)]
    pub app_teamid: i32,
    /// 0 = its message is still stored, and only `messageid` keeps it from being paid again.
    #[diesel(sql_type = Integer)]
    pub replaceable: i32,
    /// 1 = it was decided after its result was reported.
    #[diesel(sql_type = Integer)]
    pub after_report: i32,
}

/// One row of `cobblestone_disallowed`.
#[derive(Debug, Clone, PartialEq, QueryableByName)]
#[allow(missing_docs)]
pub struct OldDisallowed {
    #[diesel(sql_type = BigInt)]
    pub id: i64,
    #[diesel(sql_type = Integer)]
    pub resultid: i32,
    #[diesel(sql_type = Integer)]
    pub hostid: i32,
    #[diesel(sql_type = Integer)]
    pub appid: i32,
    #[diesel(sql_type = Double)]
    pub claimed: f64,
    #[diesel(sql_type = Double)]
    pub allowed: f64,
    #[diesel(sql_type = Text)]
    pub reason: String,
    #[diesel(sql_type = Double)]
    pub time: f64,
    #[diesel(sql_type = Double)]
    pub since: f64,
    #[diesel(sql_type = Integer)]
    pub messages: i32,
    #[diesel(sql_type = Integer)]
    pub paid_in_part: i32,
    /// 0 = a person may still decide on its message, which writes the row again.
    #[diesel(sql_type = Integer)]
    pub replaceable: i32,
}

impl<'a> From<&'a OldRow> for LedgerRow<'a> {
    fn from(r: &'a OldRow) -> Self {
        Self {
            time: r.time,
            kind: &r.kind,
            messageid: r.messageid,
            resultid: r.resultid,
            workunitid: r.workunitid,
            hostid: r.hostid,
            userid: r.userid,
            teamid: r.teamid,
            appid: r.appid,
            seconds: r.seconds,
            flops: r.flops,
            credit: r.credit,
            rule_version: r.rule_version.into(),
            reason: &r.reason,
            messages: r.messages,
            rows_folded: r.rows_folded,
            since: r.since,
            by_app: r.by_app,
            app_userid: r.app_userid,
            app_teamid: r.app_teamid,
        }
    }
}
