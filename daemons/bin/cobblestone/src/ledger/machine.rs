//! The ledger as CSV and as JSON, row by row.

use std::io::{Stdout, Write};

use serde_json::{Value, json};
use store::ledger_view::{By, LedgerRow, Sum};

use super::Names;
use crate::csv;
use crate::out::Out;
use crate::text::{iso, json_text};

/// Columns of rows in CSV; JSON has the same keys.
const ROW: &str = "id,time,kind,messageid,resultid,workunitid,hostid,userid,teamid,appid,app,seconds,flops,credit,rule_version,messages,rows_folded,since,reason";

/// Writes rows or sums, and adds up what it wrote.
#[derive(Debug)]
pub(super) struct Writer<W: Write = Stdout> {
    out: Out<W>,
    json: bool,
    by: Option<By>,
    begun: bool,
    lines: u64,
    rows: i64,
    seconds: f64,
    credit: f64,
}

impl<W: Write> Writer<W> {
    pub(super) fn new(out: Out<W>, json: bool, by: Option<By>) -> Self {
        Self { out, json, by, begun: false, lines: 0, rows: 0, seconds: 0.0, credit: 0.0 }
    }

    /// Writes what comes first. False when it began before: then something was written that can't be taken back.
    pub(super) fn begin(&mut self) -> bool {
        if self.begun {
            return false;
        }
        self.begun = true;
        match (self.json, self.by) {
            (true, _) => self.out.put("{\"rows\": ["),
            (false, None) => self.out.put(&format!("{ROW}\n")),
            (false, Some(by)) => self.out.put(&format!("{},name,rows,seconds,credit\n", by.as_str())),
        };
        true
    }

    /// One row. False when nobody reads on.
    pub(super) fn row(&mut self, row: &LedgerRow, names: &Names) -> bool {
        self.add(1, row.seconds, row.credit);
        let app = names.app(row.appid);
        if self.json {
            return self.json_line(&json!({
                "id": row.id, "time": iso(row.time), "kind": row.kind, "messageid": row.messageid,
                "resultid": row.resultid, "workunitid": row.workunitid, "hostid": row.hostid, "userid": row.userid,
                "teamid": row.teamid, "appid": row.appid, "app": app, "seconds": row.seconds, "flops": row.flops,
                "credit": row.credit, "rule_version": row.rule_version, "messages": row.messages,
                "rows_folded": row.rows_folded, "since": iso(row.since), "reason": row.reason,
            }));
        }
        let message = row.messageid.map_or_else(String::new, |id| id.to_string());
        let line = format!(
            "{},{},{},{message},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{}\n",
            row.id,
            iso(row.time),
            csv::text(&row.kind),
            row.resultid,
            row.workunitid,
            row.hostid,
            row.userid,
            row.teamid,
            row.appid,
            csv::text(app),
            csv::number(row.seconds),
            csv::number(row.flops),
            csv::number(row.credit),
            row.rule_version,
            row.messages,
            row.rows_folded,
            iso(row.since),
            csv::text(&row.reason)
        );
        self.out.put(&line)
    }

    /// One sum. False when nobody reads on.
    pub(super) fn sum(&mut self, by: By, sum: &Sum) -> bool {
        self.add(sum.rows, sum.seconds, sum.credit);
        let name = sum.name.as_deref();
        let key: Value = match by {
            By::Day => day_text(sum.key).into(),
            By::Kind => name.unwrap_or("").into(),
            _ => sum.key.into(),
        };
        let name = name.filter(|_| by != By::Kind);
        if self.json {
            return self.json_line(&json!({
                by.as_str(): key, "name": name, "rows": sum.rows, "seconds": sum.seconds, "credit": sum.credit,
            }));
        }
        let key = key.as_str().map_or_else(|| key.to_string(), csv::text);
        let line = format!(
            "{key},{},{},{},{}\n",
            csv::text(name.unwrap_or("")),
            sum.rows,
            csv::number(sum.seconds),
            csv::number(sum.credit)
        );
        self.out.put(&line)
    }

    fn json_line(&mut self, value: &Value) -> bool {
        let before = if self.lines == 1 { "\n" } else { ",\n" };
        self.out.put(&format!("{before}{}", json_text(value)))
    }

    fn add(&mut self, rows: i64, seconds: f64, credit: f64) {
        self.lines += 1;
        self.rows += rows;
        self.seconds += seconds;
        self.credit += credit;
    }

    /// What comes last.
    pub(super) fn totals(&mut self) {
        if self.json {
            let totals = json!({"rows": self.rows, "seconds": self.seconds, "credit": self.credit});
            self.out.put(&format!("\n], \"totals\": {totals}}}\n"));
        }
    }

    pub(super) fn is_closed(&self) -> bool {
        self.out.is_closed()
    }

    pub(super) fn end(self) -> anyhow::Result<()> {
        self.out.end()
    }
}

/// A UTC day, counted from 1970.
pub fn day_text(day: i64) -> String {
    let date = i32::try_from(day).ok().and_then(chrono::NaiveDate::from_epoch_days);
    date.map_or_else(|| day.to_string(), |date| date.to_string())
}
