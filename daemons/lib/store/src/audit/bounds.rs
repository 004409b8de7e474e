//! Results that were paid for more seconds than were possible.

use diesel::prelude::*;
use diesel::sql_types::{Double, Integer};
use diesel_async::RunQueryDsl;

use crate::error::Result;
use crate::transaction::Conn;

/// Rows that are shown at most.
const SHOWN: usize = 20;

/// When result `r` with mark `k` was first sent, as [`crate::trickles::Mark::first_sent`] has it.
pub(super) const FIRST_SENT: &str =
    "(CASE WHEN k.sent_time > 0 AND k.sent_time < r.sent_time THEN k.sent_time ELSE r.sent_time END)";

/// What is possible for the results of an application.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limits {
    #[allow(missing_docs)]
    pub app: i32,
    /// Seconds beyond the wall clock.
    pub slack: f64,
    /// Most seconds; None = no limit.
    pub lifetime: Option<f64>,
}

/// A result that was paid for more seconds than possible.
#[derive(Debug, Clone, PartialEq, QueryableByName)]
pub struct Overpaid {
    #[allow(missing_docs)]
    #[diesel(sql_type = Integer)]
    pub id: i32,
    /// Seconds that the ledger paid, what was taken back subtracted.
    #[diesel(sql_type = Double)]
    pub paid: f64,
    /// Seconds from sending to report, or to now, with slack.
    #[diesel(sql_type = Double)]
    pub wall_clock: f64,
    /// Seconds that it reported; −1 = it did not, or nothing was paid since.
    #[diesel(sql_type = Double)]
    pub reported: f64,
    /// Seconds that were paid before its report.
    #[diesel(sql_type = Double)]
    pub before_report: f64,
    /// `max_lifetime_seconds` of its application; −1 = none.
    #[diesel(sql_type = Double)]
    pub lifetime: f64,
    /// Seconds beyond that a person accepted.
    #[diesel(sql_type = Double)]
    pub accepted: f64,
}

/// A number for each application, as SQL.
fn by_app(limits: &[Limits], value: impl Fn(&Limits) -> f64, other: f64) -> String {
    let mut sql = String::from("CASE r.appid");
    for limit in limits {
        sql.push_str(&format!(" WHEN {} THEN {:e}", limit.app, value(limit)));
    }
    sql.push_str(&format!(" WHEN -1 THEN 0e0 ELSE {other:e} END"));
    sql
}

impl Conn {
    /// Results that were paid for more seconds than possible at `now` (Unix seconds): beyond the wall clock from
    /// sending to report (or now), beyond the lifetime of their application, or, by what was paid since they were
    /// reported, beyond what they reported. `limits` are those of the applications, `slack` that of all others.
    pub async fn paid_beyond_bound(
        &mut self,
        now: f64,
        limits: &[Limits],
        slack: f64,
    ) -> Result<Vec<Overpaid>> {
        let slack = by_app(limits, |limit| limit.slack, slack);
        let lifetime = by_app(limits, |limit| limit.lifetime.unwrap_or(-1.0), -1.0);
        // As rules::uptime::ResultFacts has it.
        let told = "r.server_state = 5 AND r.outcome IN (1, 3, 6) AND r.received_time > 0";
        let sql = format!(
            "SELECT x.id, x.paid, x.wall_clock, IF(x.since_report > 0 AND x.paid > x.before_report, x.reported, -1e0) AS reported, \
             x.before_report, x.lifetime, x.accepted FROM (SELECT r.id, SUM(l.seconds) AS paid, \
             (CASE WHEN r.received_time > 0 THEN r.received_time ELSE ? END) - {FIRST_SENT} + {slack} + 1e0 AS wall_clock, \
             IF({told}, IF(r.elapsed_time < 1e-6, r.cpu_time, r.elapsed_time), -1e0) AS reported, \
             SUM(IF(l.since <= r.received_time + 1, l.seconds, 0e0)) AS before_report, \
             SUM(IF(l.since > r.received_time + 1, l.seconds, 0e0)) AS since_report, {lifetime} AS lifetime, \
             COALESCE((SELECT SUM(a.amount) FROM cobblestone_reconciliation a WHERE a.kind = 'result' AND a.owner = r.id), 0e0) AS accepted \
             FROM cobblestone_ledger l JOIN result r ON r.id = l.resultid LEFT JOIN cobblestone_mark k ON k.resultid = l.resultid \
             GROUP BY r.id, r.received_time, r.sent_time, k.sent_time, r.server_state, r.outcome, r.elapsed_time, r.cpu_time, r.appid) x \
             WHERE x.paid > 0 AND (x.paid > x.wall_clock + x.accepted + 1e-6 \
             OR (x.lifetime >= 0 AND x.paid > x.lifetime + x.accepted + 1e-6) \
             OR (x.reported >= 0 AND x.since_report > 0 AND x.paid > GREATEST(x.reported, x.before_report) + x.accepted + 1e-6)) \
             ORDER BY x.id LIMIT {SHOWN}"
        );
        Ok(diesel::sql_query(sql).bind::<Double, _>(now).load(&mut self.db).await?)
    }
}
