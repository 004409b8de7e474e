//! How rows of the ledger are written: by one writer, with their control totals.
//!
//! Invariant: [`crate::credit`] calls it together with the totals that the rows explain; nobody else adds rows, but for
//! those that stand for folded ones.

use boinc::ledger::LedgerEntry;

use crate::bulk::{self, Kind, float};
use crate::control::Totals;
use crate::error::Result;
use crate::transaction::Tx;

/// One row as it is written: all columns but the id.
pub(crate) struct LedgerRow<'a> {
    pub time: f64,
    pub kind: &'a str,
    pub messageid: Option<i32>,
    pub resultid: i32,
    pub workunitid: i32,
    pub hostid: i32,
    pub userid: i32,
    pub teamid: i32,
    pub appid: i32,
    pub seconds: f64,
    pub flops: f64,
    pub credit: f64,
    pub rule_version: i64,
    pub reason: &'a str,
    pub messages: i32,
    pub rows_folded: i32,
    pub since: f64,
    pub by_app: i32,
    pub app_userid: i32,
    pub app_teamid: i32,
}

impl<'a> LedgerRow<'a> {
    fn of(e: &'a LedgerEntry) -> Self {
        Self {
            time: e.when,
            kind: e.kind.as_str(),
            messageid: Some(e.message.0).filter(|id| *id != 0),
            resultid: e.result.0,
            workunitid: e.workunit.0,
            hostid: e.host.0,
            userid: e.user.0,
            teamid: e.team.0,
            appid: e.app.0,
            seconds: e.seconds,
            flops: e.flops,
            credit: e.credit,
            rule_version: e.rule_version.into(),
            reason: &e.reason,
            messages: e.messages(),
            rows_folded: 1,
            since: e.when,
            by_app: e.by_app.is_some().into(),
            app_userid: e.by_app.map_or(0, |(user, _)| user.0),
            app_teamid: e.by_app.map_or(0, |(_, team)| team.0),
        }
    }
}

impl Tx {
    pub(crate) async fn insert_ledger(&mut self, entries: &[LedgerEntry]) -> Result<()> {
        let rows: Vec<LedgerRow<'_>> = entries.iter().map(LedgerRow::of).collect();
        self.write_ledger(&rows).await?;
        self.control(Totals::of(&rows)).await
    }

    /// Writes rows, and nothing beside them: control totals are the caller's.
    pub(crate) async fn write_ledger(&mut self, rows: &[LedgerRow<'_>]) -> Result<()> {
        let values: Vec<_> = rows
            .iter()
            .map(|r| {
                vec![
                    float(r.time),
                    r.kind.into(),
                    r.messageid.into(),
                    r.resultid.into(),
                    r.workunitid.into(),
                    r.hostid.into(),
                    r.userid.into(),
                    r.teamid.into(),
                    r.appid.into(),
                    float(r.seconds),
                    float(r.flops),
                    float(r.credit),
                    r.rule_version.into(),
                    crate::text::cut(r.reason, 255).into(),
                    r.messages.into(),
                    r.rows_folded.into(),
                    float(r.since),
                    r.by_app.into(),
                    r.app_userid.into(),
                    r.app_teamid.into(),
                ]
            })
            .collect();
        let columns = [
            ("time", Kind::Double),
            ("kind", Kind::Text(16)),
            ("messageid", Kind::Int),
            ("resultid", Kind::Int),
            ("workunitid", Kind::Int),
            ("hostid", Kind::Int),
            ("userid", Kind::Int),
            ("teamid", Kind::Int),
            ("appid", Kind::Int),
            ("seconds", Kind::Double),
            ("flops", Kind::Double),
            ("credit", Kind::Double),
            ("rule_version", Kind::Int),
            ("reason", Kind::Text(255)),
            ("messages", Kind::Int),
            ("rows_folded", Kind::Int),
            ("since", Kind::Double),
            ("by_app", Kind::Int),
            ("app_userid", Kind::Int),
            ("app_teamid", Kind::Int),
        ];
        bulk::insert(self, "cobblestone_ledger", &columns, &values).await
    }
}
