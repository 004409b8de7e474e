//! Rows that break a rule by themselves: of the ledger, of marks, of results, of averages. And what is worth showing.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Double, Integer, Text};
use diesel_async::RunQueryDsl;

use crate::error::Result;
use crate::transaction::Conn;

pub use super::bounds::{Limits, Overpaid};

/// Rows that are shown at most.
const SHOWN: usize = 20;

/// Credit of seconds and FLOPS.
const ARITHMETIC: &str = "(l.seconds * l.flops * 200e0 / (86400e0 * 1e9))";

/// A ledger row that makes no sense.
#[derive(Debug, Clone, PartialEq, QueryableByName)]
pub struct BadEntry {
    #[allow(missing_docs)]
    #[diesel(sql_type = BigInt)]
    pub id: i64,
    #[allow(missing_docs)]
    #[diesel(sql_type = Text)]
    pub kind: String,
    #[allow(missing_docs)]
    #[diesel(sql_type = Double)]
    pub seconds: f64,
    #[allow(missing_docs)]
    #[diesel(sql_type = Double)]
    pub flops: f64,
    #[allow(missing_docs)]
    #[diesel(sql_type = Double)]
    pub credit: f64,
    /// seconds · FLOPS · 200/(86400·10⁹)
    #[diesel(sql_type = Double)]
    pub wanted: f64,
}

/// Two numbers of one thing that should be equal.
#[derive(Debug, Clone, PartialEq, QueryableByName)]
pub struct Pair {
    #[allow(missing_docs)]
    #[diesel(sql_type = Integer)]
    pub id: i32,
    /// What one side says.
    #[diesel(sql_type = Double)]
    pub left: f64,
    /// What the other says.
    #[diesel(sql_type = Double)]
    pub right: f64,
}

/// A recent average that can't be.
#[derive(Debug, Clone, PartialEq, QueryableByName)]
pub struct BadAverage {
    #[allow(missing_docs)]
    #[diesel(sql_type = Integer)]
    pub id: i32,
    #[allow(missing_docs)]
    #[diesel(sql_type = Double)]
    pub average: f64,
    /// Unix seconds.
    #[diesel(sql_type = Double)]
    pub time: f64,
}

/// Things counted by name.
#[derive(Debug, Clone, PartialEq, QueryableByName)]
pub struct Tally {
    #[allow(missing_docs)]
    #[diesel(sql_type = Text)]
    pub name: String,
    /// How many.
    #[diesel(sql_type = BigInt)]
    pub count: i64,
    /// Seconds or cobblestones.
    #[diesel(sql_type = Double)]
    pub amount: f64,
}

/// A flagged host.
#[derive(Debug, Clone, PartialEq, QueryableByName)]
pub struct Flagged {
    #[allow(missing_docs)]
    #[diesel(sql_type = Integer)]
    pub hostid: i32,
    #[allow(missing_docs)]
    #[diesel(sql_type = Integer)]
    pub appid: i32,
    #[allow(missing_docs)]
    #[diesel(sql_type = Integer)]
    pub over_claims: i32,
    /// When, Unix seconds.
    #[diesel(sql_type = Double)]
    pub flagged: f64,
}

impl Conn {
    /// Ledger rows whose arithmetic or sign is wrong, or whose counts make no sense.
    pub async fn bad_entries(&mut self) -> Result<Vec<BadEntry>> {
        Ok(diesel::sql_query(format!(
            "SELECT l.id, l.kind, l.seconds, l.flops, l.credit, {ARITHMETIC} AS wanted FROM cobblestone_ledger l WHERE \
             ((l.kind = 'uptime' OR (l.flops > 0 AND l.seconds <> 0)) \
             AND ABS(l.credit - {ARITHMETIC}) > 1e-9 * GREATEST(ABS(l.credit), ABS({ARITHMETIC}))) \
             OR (l.kind IN ('uptime', 'final') AND (l.credit < 0 OR l.seconds < 0)) \
             OR (l.kind = 'revocation' AND (l.credit > 0 OR l.seconds > 0)) \
             OR l.kind NOT IN ('uptime', 'final', 'revocation', 'adjustment') \
             OR l.flops < 0 OR l.rows_folded < 1 OR l.messages < 0 OR l.messages > l.rows_folded OR l.since > l.time \
             ORDER BY l.id LIMIT {SHOWN}"
        ))
        .load(&mut self.db)
        .await?)
    }

    /// Payments by trickle that do not say which message they pay, and are no sum of folded rows.
    pub async fn nameless_payments(&mut self) -> Result<Vec<BadEntry>> {
        Ok(diesel::sql_query(format!(
            "SELECT l.id, l.kind, l.seconds, l.flops, l.credit, {ARITHMETIC} AS wanted FROM cobblestone_ledger l \
             WHERE l.kind = 'uptime' AND l.messageid IS NULL AND l.rows_folded < 2 ORDER BY l.id LIMIT {SHOWN}"
        ))
        .load(&mut self.db)
        .await?)
    }

    /// Results that have more payments by trickle than messages: (result, messages, payments).
    pub async fn paid_too_often(&mut self) -> Result<Vec<Pair>> {
        Ok(diesel::sql_query(format!(
            "SELECT k.resultid AS id, CAST(k.messages AS DOUBLE) AS `left`, CAST(SUM(l.messages) AS DOUBLE) AS `right` \
             FROM cobblestone_mark k JOIN cobblestone_ledger l ON l.resultid = k.resultid GROUP BY k.resultid, k.messages \
             HAVING SUM(l.messages) > k.messages ORDER BY k.resultid LIMIT {SHOWN}"
        ))
        .load(&mut self.db)
        .await?)
    }

    /// Hosts that have more payments without a result than such messages: (host, messages, payments).
    pub async fn hosts_paid_too_often(&mut self) -> Result<Vec<Pair>> {
        Ok(diesel::sql_query(format!(
            "SELECT l.hostid AS id, CAST(COALESCE(h.messages, 0) AS DOUBLE) AS `left`, CAST(SUM(l.messages) AS DOUBLE) AS `right` \
             FROM cobblestone_ledger l LEFT JOIN cobblestone_host_messages h ON h.hostid = l.hostid WHERE l.resultid = 0 \
             AND (h.hostid IS NOT NULL OR EXISTS (SELECT 1 FROM host t WHERE t.id = l.hostid)) \
             GROUP BY l.hostid, h.messages HAVING SUM(l.messages) > COALESCE(h.messages, 0) ORDER BY l.hostid LIMIT {SHOWN}"
        ))
        .load(&mut self.db)
        .await?)
    }

    /// Results whose mark says something else than the ledger, also those with one and not the other while their row is
    /// there: (result, mark's credit, ledger's credit).
    pub async fn marks_and_ledger(&mut self) -> Result<Vec<Pair>> {
        const TOLERANCE: &str = "GREATEST(1e-6, 1e-9 * ABS(x.`right`))";
        let mut off: Vec<Pair> = diesel::sql_query(format!(
            "SELECT x.* FROM (SELECT k.resultid AS id, k.credit_paid AS `left`, COALESCE(SUM(l.credit), 0e0) AS `right` \
             FROM cobblestone_mark k LEFT JOIN cobblestone_ledger l ON l.resultid = k.resultid \
             GROUP BY k.resultid, k.credit_paid) x WHERE ABS(x.`left` - x.`right`) > {TOLERANCE} ORDER BY x.id LIMIT {SHOWN}"
        ))
        .load(&mut self.db)
        .await?;
        let more: Vec<Pair> = diesel::sql_query(format!(
            "SELECT x.* FROM (SELECT l.resultid AS id, 0e0 AS `left`, SUM(l.credit) AS `right` FROM cobblestone_ledger l \
             JOIN result r ON r.id = l.resultid LEFT JOIN cobblestone_mark k ON k.resultid = l.resultid \
             WHERE k.resultid IS NULL GROUP BY l.resultid) x WHERE ABS(x.`right`) > 1e-6 ORDER BY x.id LIMIT {SHOWN}"
        ))
        .load(&mut self.db)
        .await?;
        off.extend(more);
        Ok(off)
    }

    /// Results whose mark stands at fewer seconds than the ledger paid, so that they would be paid again: (result, mark's
    /// seconds, ledger's seconds).
    pub async fn marks_behind(&mut self) -> Result<Vec<Pair>> {
        Ok(diesel::sql_query(format!(
            "SELECT x.* FROM (SELECT k.resultid AS id, k.seconds_paid AS `left`, COALESCE(SUM(l.seconds), 0e0) AS `right` \
             FROM cobblestone_mark k JOIN cobblestone_ledger l ON l.resultid = k.resultid GROUP BY k.resultid, k.seconds_paid) x \
             WHERE x.`right` - x.`left` > GREATEST(1e-3, 1e-9 * x.`right`) ORDER BY x.id LIMIT {SHOWN}"
        ))
        .load(&mut self.db)
        .await?)
    }

    /// Results that we paid and whose granted_credit is another: (result, granted_credit, ledger).
    pub async fn granted_and_ledger(&mut self) -> Result<Vec<Pair>> {
        Ok(diesel::sql_query(format!(
            "SELECT x.id, x.`left`, x.`right` FROM (SELECT r.id, r.granted_credit - COALESCE((SELECT SUM(a.amount) \
             FROM cobblestone_reconciliation a WHERE a.kind = 'granted' AND a.owner = r.id), 0e0) AS `left`, \
             SUM(l.credit) AS `right` FROM cobblestone_ledger l JOIN result r ON r.id = l.resultid \
             GROUP BY r.id, r.granted_credit) x WHERE ABS(x.`left` - x.`right`) > GREATEST(1e-6, 1e-9 * ABS(x.`right`)) \
             ORDER BY x.id LIMIT {SHOWN}"
        ))
        .load(&mut self.db)
        .await?)
    }

    /// Recent averages of a table (`host`, `user`, `team`, `credit_user`, `credit_team`) that are negative, beyond any
    /// number that makes sense, or of a time after `latest` (Unix seconds).
    pub async fn bad_averages(
        &mut self,
        book: crate::audit::owners::Book,
        latest: f64,
    ) -> Result<Vec<BadAverage>> {
        let (id, average) = match book.as_str() {
            "credit_user" => ("userid", "expavg"),
            "credit_team" => ("teamid", "expavg"),
            _ => ("id", "expavg_credit"),
        };
        Ok(diesel::sql_query(format!(
            "SELECT {id} AS id, {average} AS average, expavg_time AS time FROM `{}` \
             WHERE NOT ({average} >= -1e-9 AND {average} < 1e300) OR NOT (expavg_time <= ? AND expavg_time >= 0) \
             ORDER BY {id} LIMIT {SHOWN}",
            book.as_str()
        ))
        .bind::<Double, _>(latest)
        .load(&mut self.db)
        .await?)
    }

    /// Seconds that were claimed and not paid, by reason.
    pub async fn disallowed_by_reason(&mut self) -> Result<Vec<Tally>> {
        Ok(diesel::sql_query(
            "SELECT reason AS name, CAST(SUM(messages) AS SIGNED) AS count, SUM(claimed - allowed) AS amount \
             FROM cobblestone_disallowed GROUP BY reason ORDER BY SUM(messages) DESC, reason LIMIT 20",
        )
        .load(&mut self.db)
        .await?)
    }

    /// Flagged hosts, the latest first, at most `limit`; and how many there are.
    pub async fn latest_flagged(&mut self, limit: i64) -> Result<(Vec<Flagged>, i64)> {
        use crate::schema::ours::cobblestone_flag as f;
        let rows = diesel::sql_query(
            "SELECT hostid, appid, over_claims, flagged FROM cobblestone_flag WHERE flagged > 0 \
             ORDER BY flagged DESC, hostid, appid LIMIT ?",
        )
        .bind::<BigInt, _>(limit)
        .load(&mut self.db)
        .await?;
        let all = f::table.filter(f::flagged.gt(0.0)).count().get_result(&mut self.db).await?;
        Ok((rows, all))
    }

    /// Results with credit that the ledger knows nothing of, by application: what others granted, as far as it shows.
    pub async fn granted_by_others(&mut self) -> Result<Vec<Tally>> {
        Ok(diesel::sql_query(
            "SELECT COALESCE(a.name, CONCAT('application ', r.appid)) AS name, COUNT(*) AS count, SUM(r.granted_credit) AS amount \
             FROM result r LEFT JOIN app a ON a.id = r.appid WHERE r.granted_credit > 0 \
             AND NOT EXISTS (SELECT 1 FROM cobblestone_ledger l WHERE l.resultid = r.id) \
             GROUP BY r.appid, a.name ORDER BY name",
        )
        .load(&mut self.db)
        .await?)
    }
}
