//! Guest reports: what happened inside the virtual machines, per result and variety, and per day.
//!
//! Invariant: read and written only while the result is locked, in the transaction that handles the messages. The days
//! of a result add up to its total; rules::guest sees to it. Nothing here needs the result's or the workunit's row: the
//! sums stay when db_purge has removed them.

use std::collections::BTreeMap;

use boinc::guest_report::Report;
use boinc::id::{AppId, HostId, ResultId, WorkunitId};
use boinc::trickle::Identity;
use diesel::prelude::*;
use diesel::sql_types::{Binary, Integer};
use diesel_async::RunQueryDsl;

use crate::bulk::{self, Cell, Kind, float};
use crate::error::Result;
use crate::schema::ours::{
    cobblestone_job as jobs, cobblestone_report as reports, cobblestone_report_day as days,
};
use crate::transaction::{Conn, Tx};

/// What a result's reports of one variety come to: table `cobblestone_report`.
#[derive(Debug, Clone, PartialEq)]
pub struct ReportRow {
    #[allow(missing_docs)]
    pub result: ResultId,
    #[allow(missing_docs)]
    pub variety: String,
    #[allow(missing_docs)]
    pub host: HostId,
    #[allow(missing_docs)]
    pub app: AppId,
    #[allow(missing_docs)]
    pub workunit: WorkunitId,
    /// `cobblestone_campaign.id`; 0 = the workunit belongs to none.
    pub campaign: i32,
    /// All days together.
    pub total: Report,
    /// Messages that are counted here and nowhere else.
    pub messages: i32,
    /// When it was last changed, Unix seconds.
    pub time: f64,
}

/// What happened on one day: table `cobblestone_report_day`.
#[derive(Debug, Clone, PartialEq)]
pub struct ReportDay {
    #[allow(missing_docs)]
    pub result: ResultId,
    #[allow(missing_docs)]
    pub variety: String,
    /// UTC days since 1970.
    pub day: i32,
    #[allow(missing_docs)]
    pub counts: Report,
}

/// Counts are at most 1e18 (rules::guest); what a hand wrote below 0 counts as 0.
fn count(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

fn number(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

fn report((received, succeeded, failed, events): (i64, i64, i64, i64)) -> Report {
    Report {
        received: count(received),
        succeeded: count(succeeded),
        failed: count(failed),
        events: count(events),
    }
}

type Counts = (i64, i64, i64, i64);

impl Conn {
    /// The reports of those results, of one variety or of all; a result without any has no row.
    pub async fn reports(&mut self, results: &[ResultId], variety: Option<&str>) -> Result<Vec<ReportRow>> {
        if results.is_empty() {
            return Ok(Vec::new());
        }
        let mut query = reports::table
            .filter(reports::resultid.eq_any(results.iter().map(|id| id.0)))
            .order((reports::resultid, reports::variety))
            .select((
                (reports::resultid, reports::variety, reports::hostid, reports::appid),
                (reports::workunitid, reports::campaignid, reports::messages, reports::time),
                (reports::received, reports::succeeded, reports::failed, reports::events),
            ))
            .into_boxed();
        if let Some(variety) = variety {
            query = query.filter(reports::variety.eq(variety));
        }
        let rows =
            query.load::<((i32, String, i32, i32), (i32, i32, i32, f64), Counts)>(&mut self.db).await?;
        Ok(rows
            .into_iter()
            .map(|((result, variety, host, app), (workunit, campaign, messages, time), counts)| ReportRow {
                result: ResultId(result),
                variety,
                host: HostId(host),
                app: AppId(app),
                workunit: WorkunitId(workunit),
                campaign,
                total: report(counts),
                messages,
                time,
            })
            .collect())
    }

    /// What happened in the virtual machine of each of those results, all varieties together; a result without a report
    /// is missing.
    pub async fn report_sums(&mut self, results: &[ResultId]) -> Result<BTreeMap<ResultId, Report>> {
        let mut sums: BTreeMap<ResultId, Report> = BTreeMap::new();
        for row in self.reports(results, None).await? {
            let sum = sums.entry(row.result).or_default();
            *sum = sum.plus(row.total);
        }
        Ok(sums)
    }

    /// The days of those results' reports of one variety. Lock the results first.
    pub async fn report_days(&mut self, results: &[ResultId], variety: &str) -> Result<Vec<ReportDay>> {
        if results.is_empty() {
            return Ok(Vec::new());
        }
        let rows = days::table
            .filter(days::resultid.eq_any(results.iter().map(|id| id.0)))
            .filter(days::variety.eq(variety))
            .select((
                days::resultid,
                days::day,
                (days::received, days::succeeded, days::failed, days::events),
            ))
            .load::<(i32, i32, Counts)>(&mut self.db)
            .await?;
        Ok(rows
            .into_iter()
            .map(|(result, day, counts)| ReportDay {
                result: ResultId(result),
                variety: variety.to_owned(),
                day,
                counts: report(counts),
            })
            .collect())
    }

    /// The days that those increments count on; those that never counted are left out. Lock their results first.
    pub async fn known_report_increments(
        &mut self,
        identities: &[Identity],
    ) -> Result<BTreeMap<Identity, i32>> {
        #[derive(QueryableByName)]
        struct Known {
            #[diesel(sql_type = Binary)]
            identity: Vec<u8>,
            #[diesel(sql_type = Integer)]
            day: i32,
        }
        let mut known = BTreeMap::new();
        for chunk in identities.chunks(2000) {
            let list = chunk.iter().map(|identity| format!("X'{identity}'")).collect::<Vec<_>>().join(",");
            let rows: Vec<Known> = diesel::sql_query(format!(
                "SELECT identity, day FROM cobblestone_report_increment WHERE identity IN ({list})"
            ))
            .load(&mut self.db)
            .await?;
            known
                .extend(rows.iter().filter_map(|row| Some((Identity::from_column(&row.identity)?, row.day))));
        }
        Ok(known)
    }

    /// Which campaign each of those workunits belongs to; one that belongs to none is missing.
    pub async fn campaigns_of(&mut self, workunits: &[WorkunitId]) -> Result<BTreeMap<WorkunitId, i32>> {
        if workunits.is_empty() {
            return Ok(BTreeMap::new());
        }
        let rows = jobs::table
            .filter(jobs::workunitid.eq_any(workunits.iter().map(|id| id.0)))
            .select((jobs::workunitid, jobs::campaignid))
            .load::<(i32, i32)>(&mut self.db)
            .await?;
        Ok(rows.into_iter().map(|(workunit, campaign)| (WorkunitId(workunit), campaign)).collect())
    }
}

impl Tx {
    /// Writes what results' reports come to, new rows and changed ones.
    pub async fn write_reports(&mut self, rows: &[ReportRow]) -> Result<()> {
        let values: Vec<_> = rows
            .iter()
            .map(|row| {
                let mut values = vec![
                    row.result.0.into(),
                    row.variety.as_str().into(),
                    row.host.0.into(),
                    row.app.0.into(),
                    row.workunit.0.into(),
                    row.campaign.into(),
                ];
                values.extend(counts(row.total));
                values.extend([row.messages.into(), float(row.time)]);
                values
            })
            .collect();
        let columns = [
            ("resultid", Kind::Int),
            ("variety", Kind::Text(254)),
            ("hostid", Kind::Int),
            ("appid", Kind::Int),
            ("workunitid", Kind::Int),
            ("campaignid", Kind::Int),
            ("received", Kind::Int),
            ("succeeded", Kind::Int),
            ("failed", Kind::Int),
            ("events", Kind::Int),
            ("messages", Kind::Int),
            ("time", Kind::Double),
        ];
        bulk::upsert(self, "cobblestone_report", &columns, &values).await
    }

    /// Writes what happened on days, new rows and changed ones.
    pub async fn write_report_days(&mut self, rows: &[ReportDay]) -> Result<()> {
        let values: Vec<_> = rows
            .iter()
            .map(|row| {
                let mut values = vec![row.result.0.into(), row.variety.as_str().into(), row.day.into()];
                values.extend(counts(row.counts));
                values
            })
            .collect();
        let columns = [
            ("resultid", Kind::Int),
            ("variety", Kind::Text(254)),
            ("day", Kind::Int),
            ("received", Kind::Int),
            ("succeeded", Kind::Int),
            ("failed", Kind::Int),
            ("events", Kind::Int),
        ];
        bulk::upsert(self, "cobblestone_report_day", &columns, &values).await
    }

    /// Writes which increments count, new ones and those that count on an earlier day now: (identity, result, day).
    pub async fn write_report_increments(&mut self, rows: &[(Identity, ResultId, i32)]) -> Result<()> {
        for chunk in rows.chunks(2000) {
            let values: Vec<String> = chunk
                .iter()
                .map(|(identity, result, day)| format!("(X'{identity}', {result}, {day})"))
                .collect();
            diesel::sql_query(format!(
                "INSERT INTO cobblestone_report_increment (identity, resultid, day) VALUES {} \
                 ON DUPLICATE KEY UPDATE day = VALUES(day)",
                values.join(", ")
            ))
            .execute(&mut self.db)
            .await?;
        }
        Ok(())
    }
}

fn counts(report: Report) -> [Cell<'static>; 4] {
    [report.received, report.succeeded, report.failed, report.events].map(|count| number(count).into())
}
