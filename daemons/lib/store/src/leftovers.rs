//! What we keep of results and hosts that are gone from BOINC's tables: found without locks, deleted under locks.
//!
//! Invariant: messages that deleted rows counted are counted in `cobblestone_counter` in the same transaction, so the
//! audit's sums hold at any moment. Nobody needs these rows: a result or a host that is gone does not come back, and a
//! message that comes for it is set aside. Killed anywhere, the next run finds the rest.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Integer};
use diesel_async::RunQueryDsl;

use crate::counters::Counter;
use crate::error::Result;
use crate::text::list;
use crate::transaction::{Conn, Tx};

/// What is left of something that is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leftover {
    /// Marks of results, with the identities and sums that belong to them.
    Marks,
    /// Identities of report increments of results: a result that only reports has no mark.
    ReportIncrements,
    /// Counts of the messages that hosts sent without a result.
    HostMessages,
    /// Over-claims of hosts that have no result any more.
    Flags,
}

impl Leftover {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Marks, Self::ReportIncrements, Self::HostMessages, Self::Flags];

    /// What it is, for a person.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Marks => "marks of results that are gone",
            Self::ReportIncrements => "results that are gone, identities of whose reports",
            Self::HostMessages => "counts of hosts that are gone",
            Self::Flags => "flags of hosts that are gone",
        }
    }

    /// Ids of results or hosts, with `{}` for what more must hold of `x.id`.
    const fn ids(self) -> (&'static str, &'static str) {
        const NO_RESULT: &str = "NOT EXISTS (SELECT 1 FROM result r WHERE r.id = x.id)";
        const NO_HOST: &str = "NOT EXISTS (SELECT 1 FROM host h WHERE h.id = x.id)";
        // The validator asks whether the host of a result is flagged, and it may judge that one still.
        const NOTHING: &str = "NOT EXISTS (SELECT 1 FROM host h WHERE h.id = x.id) \
                               AND NOT EXISTS (SELECT 1 FROM result r WHERE r.hostid = x.id)";
        match self {
            Self::Marks => ("SELECT resultid AS id FROM cobblestone_mark", NO_RESULT),
            Self::ReportIncrements => {
                ("SELECT DISTINCT resultid AS id FROM cobblestone_report_increment", NO_RESULT)
            }
            Self::HostMessages => ("SELECT hostid AS id FROM cobblestone_host_messages", NO_HOST),
            Self::Flags => ("SELECT DISTINCT hostid AS id FROM cobblestone_flag", NOTHING),
        }
    }
}

#[derive(QueryableByName)]
struct Id {
    #[diesel(sql_type = Integer)]
    id: i32,
}

#[derive(QueryableByName)]
struct Counted {
    #[diesel(sql_type = Integer)]
    id: i32,
    #[diesel(sql_type = Integer)]
    messages: i32,
    /// 1 = its host is gone, too.
    #[diesel(sql_type = Integer)]
    hostless: i32,
}

impl Conn {
    /// The next ids after `after` of results or hosts that are gone and of which something is left, at most `limit`.
    pub async fn leftovers(&mut self, what: Leftover, after: i32, limit: i64) -> Result<Vec<i32>> {
        let (ids, gone) = what.ids();
        let column = if ids.contains("resultid") { "resultid" } else { "hostid" };
        let rows: Vec<Id> = diesel::sql_query(format!(
            "SELECT x.id FROM ({ids} WHERE {column} > ?) x WHERE {gone} ORDER BY x.id LIMIT ?"
        ))
        .bind::<Integer, _>(after)
        .bind::<BigInt, _>(limit)
        .load(&mut self.db)
        .await?;
        Ok(rows.into_iter().map(|row| row.id).collect())
    }
}

impl Tx {
    /// Deletes what is left of those results or hosts, if they are still gone. Returns of how many.
    pub async fn clean(&mut self, what: Leftover, ids: &[i32]) -> Result<usize> {
        if ids.is_empty() {
            return Ok(0);
        }
        match what {
            Leftover::Marks => {
                let tables = [
                    "cobblestone_mark",
                    "cobblestone_increment_sum",
                    "cobblestone_increment",
                    "cobblestone_report_increment",
                ];
                self.clean_counts("cobblestone_mark", "resultid", "result", ids, &tables).await
            }
            Leftover::HostMessages => {
                let table = "cobblestone_host_messages";
                self.clean_counts(table, "hostid", "host", ids, &[table]).await
            }
            Leftover::ReportIncrements => {
                self.clean_rows("cobblestone_report_increment", "resultid", ids).await
            }
            Leftover::Flags => self.clean_rows("cobblestone_flag", "hostid", ids).await,
        }
    }

    /// Rows that count messages, with what belongs to them.
    async fn clean_counts(
        &mut self,
        from: &str,
        column: &str,
        of: &str,
        ids: &[i32],
        tables: &[&str],
    ) -> Result<usize> {
        // Nobody writes such a row without the lock of its result or host, and there is none to be had: what is gone
        // does not come back.
        let rows: Vec<Counted> = diesel::sql_query(format!(
            "SELECT k.{column} AS id, k.messages, \
             CAST(NOT EXISTS (SELECT 1 FROM host h WHERE h.id = k.hostid) AS SIGNED) AS hostless FROM {from} k \
             WHERE k.{column} IN ({}) AND NOT EXISTS (SELECT 1 FROM {of} g WHERE g.id = k.{column}) \
             ORDER BY k.{column} FOR UPDATE",
            list(ids)
        ))
        .load(&mut self.db)
        .await?;
        if rows.is_empty() {
            return Ok(0);
        }
        let ids = list(rows.iter().map(|row| row.id));
        for table in tables {
            diesel::sql_query(format!("DELETE FROM {table} WHERE {column} IN ({ids})"))
                .execute(&mut self.db)
                .await?;
        }
        let messages = |row: &Counted| i64::from(row.messages);
        // With a host BOINC deletes its messages; the audit must still know how many those can be.
        let hostless = rows.iter().filter(|row| row.hostless != 0).map(messages).sum();
        self.count(Counter::Cleaned, rows.iter().map(messages).sum()).await?;
        self.count(Counter::Hostless, hostless).await?;
        Ok(rows.len())
    }

    async fn clean_rows(&mut self, table: &str, column: &str, ids: &[i32]) -> Result<usize> {
        diesel::sql_query(format!("DELETE FROM {table} WHERE {column} IN ({})", list(ids)))
            .execute(&mut self.db)
            .await?;
        Ok(ids.len())
    }
}
