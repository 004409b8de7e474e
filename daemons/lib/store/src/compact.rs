//! Old rows of the ledger and of `cobblestone_disallowed`, read for folding and replaced by their sums.
//!
//! Invariant: exactly the rows that were read under lock are deleted, in the transaction that inserts what stands for
//! them. A row that comes meanwhile is not touched. What to fold is decided elsewhere.

mod rows;

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Double, Integer};
use diesel_async::RunQueryDsl;

use crate::control::Totals;
use crate::error::{Error, Result};
use crate::ledger_rows::LedgerRow;
use crate::text::list;
use crate::transaction::{Conn, Tx};
use crate::trickles::DisallowedRow;

pub use rows::{OldDisallowed, OldRow};

/// In which order rows are walked through: those of one owner stand together, then by id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Walk {
    /// Ledger rows of results, by result.
    Results,
    /// Ledger rows without a result, by host.
    Hosts,
}

/// Where a walk is: (owner, id) of the last row.
pub type Place = (i32, i64);

impl Walk {
    const fn owner(self) -> &'static str {
        match self {
            Self::Results => "resultid",
            Self::Hosts => "hostid",
        }
    }

    const fn index(self) -> &'static str {
        match self {
            Self::Results => "ledger_result",
            Self::Hosts => "ledger_host",
        }
    }

    const fn only(self) -> &'static str {
        match self {
            Self::Results => "l.resultid <> 0",
            Self::Hosts => "l.resultid = 0",
        }
    }
}

/// A message that a result's mark covers adds nothing when it is handled again; the mark covers the cumulative ones,
/// so all of a result without increments. A message for a result that is gone can't be paid at all.
const COLUMNS: &str = "SELECT l.id, l.time, l.since, l.kind, l.messageid, l.resultid, l.workunitid, l.hostid, l.userid, \
    l.teamid, l.appid, l.seconds, l.flops, l.credit, l.rule_version, l.reason, l.messages, l.rows_folded, \
    CAST(l.by_app AS SIGNED) AS by_app, l.app_userid, l.app_teamid, \
    CAST(l.messageid IS NULL OR NOT EXISTS (SELECT 1 FROM msg_from_host m WHERE m.id = l.messageid) \
    OR (l.resultid <> 0 AND (r.id IS NULL OR (EXISTS (SELECT 1 FROM cobblestone_mark k WHERE k.resultid = l.resultid) \
    AND NOT EXISTS (SELECT 1 FROM cobblestone_increment_sum s WHERE s.resultid = l.resultid)))) AS SIGNED) AS replaceable, \
    CAST(COALESCE(r.received_time > 0 AND l.since > r.received_time + 1, 0) AS SIGNED) AS after_report \
    FROM cobblestone_ledger l";

const DISALLOWED: &str = "SELECT d.id, d.resultid, d.hostid, d.appid, d.claimed, d.allowed, d.reason, d.time, d.since, \
    d.messages, d.paid_in_part, CAST(d.messageid IS NULL OR NOT EXISTS (SELECT 1 FROM cobblestone_quarantine q \
    WHERE q.daemon = 'trickle-credit' AND q.refid = d.messageid) AS SIGNED) AS replaceable \
    FROM cobblestone_disallowed d";

impl Conn {
    /// The next ledger rows older than `before` (Unix seconds) after a place, at most `limit`.
    pub async fn old_ledger_rows(
        &mut self,
        walk: Walk,
        after: Place,
        before: f64,
        limit: usize,
    ) -> Result<Vec<OldRow>> {
        let (owner, index, only) = (walk.owner(), walk.index(), walk.only());
        let mut rows: Vec<OldRow> = Vec::new();
        for place in [format!("l.{owner} = ? AND l.id > ?"), format!("l.{owner} > ? AND ? IS NOT NULL")] {
            let left = limit.saturating_sub(rows.len());
            if left == 0 {
                break;
            }
            let sql = format!(
                "{COLUMNS} FORCE INDEX ({index}) LEFT JOIN result r ON r.id = l.resultid \
                 WHERE {place} AND {only} AND l.time < ? ORDER BY l.{owner}, l.id LIMIT {left}"
            );
            let more: Vec<OldRow> = diesel::sql_query(sql)
                .bind::<Integer, _>(after.0)
                .bind::<BigInt, _>(after.1)
                .bind::<Double, _>(before)
                .load(&mut self.db)
                .await?;
            rows.extend(more);
        }
        Ok(rows)
    }

    /// The next rows of `cobblestone_disallowed` older than `before` after a place (result, id), at most `limit`.
    pub async fn old_disallowed(
        &mut self,
        after: Place,
        before: f64,
        limit: usize,
    ) -> Result<Vec<OldDisallowed>> {
        let mut rows: Vec<OldDisallowed> = Vec::new();
        for place in ["d.resultid = ? AND d.id > ?", "d.resultid > ? AND ? IS NOT NULL"] {
            let left = limit.saturating_sub(rows.len());
            if left == 0 {
                break;
            }
            let sql = format!(
                "{DISALLOWED} FORCE INDEX (disallowed_result) WHERE {place} AND d.time < ? ORDER BY d.resultid, d.id LIMIT {left}"
            );
            let more: Vec<OldDisallowed> = diesel::sql_query(sql)
                .bind::<Integer, _>(after.0)
                .bind::<BigInt, _>(after.1)
                .bind::<Double, _>(before)
                .load(&mut self.db)
                .await?;
            rows.extend(more);
        }
        Ok(rows)
    }
}

impl Tx {
    /// Locks those ledger rows, by id, and reads them again; those that are gone are left out.
    pub async fn lock_ledger_rows(&mut self, ids: &[i64]) -> Result<Vec<OldRow>> {
        let ids = self.lock_ids("cobblestone_ledger", ids).await?;
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let sql = format!(
            "{COLUMNS} LEFT JOIN result r ON r.id = l.resultid WHERE l.id IN ({}) ORDER BY l.id",
            list(&ids)
        );
        Ok(diesel::sql_query(sql).load(&mut self.db).await?)
    }

    /// The same for `cobblestone_disallowed`.
    pub async fn lock_disallowed(&mut self, ids: &[i64]) -> Result<Vec<OldDisallowed>> {
        let ids = self.lock_ids("cobblestone_disallowed", ids).await?;
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let sql = format!("{DISALLOWED} WHERE d.id IN ({}) ORDER BY d.id", list(&ids));
        Ok(diesel::sql_query(sql).load(&mut self.db).await?)
    }

    async fn lock_ids(&mut self, table: &str, ids: &[i64]) -> Result<Vec<i64>> {
        #[derive(QueryableByName)]
        struct Id {
            #[diesel(sql_type = BigInt)]
            id: i64,
        }
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let sql = format!(
            "SELECT id FROM {table} FORCE INDEX (PRIMARY) WHERE id IN ({}) ORDER BY id FOR UPDATE",
            list(ids)
        );
        let rows: Vec<Id> = diesel::sql_query(sql).load(&mut self.db).await?;
        Ok(rows.into_iter().map(|row| row.id).collect())
    }

    async fn delete_exactly(&mut self, table: &str, ids: &[i64]) -> Result<()> {
        if ids.is_empty() {
            return Ok(());
        }
        let changed = diesel::sql_query(format!("DELETE FROM {table} WHERE id IN ({})", list(ids)))
            .execute(&mut self.db)
            .await?;
        if changed == ids.len() {
            Ok(())
        } else {
            Err(Error::Count { what: "replacing rows by their sum", expected: ids.len(), changed })
        }
    }

    /// Replaces rows, locked and as they were read, by others that stand for them; `id`, `messageid` and the last two
    /// columns of those don't matter.
    pub async fn replace_ledger_rows(&mut self, gone: &[OldRow], by: &[OldRow]) -> Result<()> {
        let ids: Vec<i64> = gone.iter().map(|row| row.id).collect();
        self.delete_exactly("cobblestone_ledger", &ids).await?;
        let old: Vec<LedgerRow<'_>> = gone.iter().map(LedgerRow::from).collect();
        let new: Vec<LedgerRow<'_>> =
            by.iter().map(|row| LedgerRow { messageid: None, ..LedgerRow::from(row) }).collect();
        self.write_ledger(&new).await?;
        self.control(Totals::of(&new).in_place_of(Totals::of(&old))).await
    }

    /// The same for `cobblestone_disallowed`.
    pub async fn replace_disallowed(&mut self, ids: &[i64], by: &[OldDisallowed]) -> Result<()> {
        self.delete_exactly("cobblestone_disallowed", ids).await?;
        let rows: Vec<DisallowedRow<'_>> = by
            .iter()
            .map(|r| DisallowedRow {
                messageid: None,
                resultid: r.resultid,
                hostid: r.hostid,
                appid: r.appid,
                claimed: r.claimed,
                allowed: r.allowed,
                reason: &r.reason,
                time: r.time,
                since: r.since,
                messages: r.messages,
                paid_in_part: r.paid_in_part,
            })
            .collect();
        self.put_disallowed(&rows).await
    }
}
