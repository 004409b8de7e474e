//! Entries of messages that a person dropped, when both are old: found without locks, deleted under locks.
//!
//! Invariant: an entry goes only when its message is gone, so nobody can think again about it; it is counted in
//! `cobblestone_counter` in the same transaction, and what the message claimed stops counting as a message in
//! `cobblestone_disallowed`, as while the entry was there. So the audit's sums hold at any moment. Killed anywhere, the
//! next run finds the rest.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Double, Integer, Text};
use diesel_async::RunQueryDsl;

use crate::counters::Counter;
use crate::error::Result;
use crate::purge::done;
use crate::text::list;
use crate::transaction::{Conn, Tx};

/// Which entries: wants the time. `but`: which messages are as good as gone.
fn old(but: &str) -> String {
    format!(
        "q.daemon = 'trickle-credit' AND q.kind IN ('dropped', 'dropped_report') AND q.time < ? \
         AND NOT EXISTS (SELECT 1 FROM msg_from_host m WHERE m.id = q.refid{but})"
    )
}

#[derive(QueryableByName)]
struct Entry {
    #[diesel(sql_type = BigInt)]
    id: i64,
    #[diesel(sql_type = BigInt)]
    refid: i64,
    /// 0 = only the report in it was dropped: the message is counted elsewhere.
    #[diesel(sql_type = Integer)]
    message: i32,
    /// 1 = its host is gone, too.
    #[diesel(sql_type = Integer)]
    hostless: i32,
}

impl Conn {
    /// The next entries after `after` of messages that were dropped before `before` (Unix seconds) and are gone, at most
    /// `limit`. `purged`: those that [`Tx::purge_messages`] would delete of these varieties count as gone.
    pub async fn old_dropped(
        &mut self,
        after: i64,
        before: f64,
        purged: Option<&[String]>,
        limit: i64,
    ) -> Result<Vec<i64>> {
        #[derive(QueryableByName)]
        struct Id {
            #[diesel(sql_type = BigInt)]
            id: i64,
        }
        let purged = purged.filter(|varieties| !varieties.is_empty());
        let but = purged.map_or_else(String::new, |varieties| format!(" AND NOT ({})", done(varieties)));
        let mut query = diesel::sql_query(format!(
            "SELECT q.id FROM cobblestone_quarantine q FORCE INDEX (PRIMARY) WHERE {} AND q.id > ? ORDER BY q.id LIMIT ?",
            old(&but)
        ))
        .into_boxed()
        .bind::<Double, _>(before);
        if let Some(varieties) = purged {
            for variety in varieties {
                query = query.bind::<Text, _>(variety);
            }
            query = query.bind::<Double, _>(before);
        }
        let rows: Vec<Id> =
            query.bind::<BigInt, _>(after).bind::<BigInt, _>(limit).load(&mut self.db).await?;
        Ok(rows.into_iter().map(|row| row.id).collect())
    }
}

impl Tx {
    /// Deletes those entries, if they are still as [`Conn::old_dropped`] has it, and counts them. Returns how many.
    pub async fn delete_dropped(&mut self, ids: &[i64], before: f64) -> Result<usize> {
        if ids.is_empty() {
            return Ok(0);
        }
        let entries: Vec<Entry> = diesel::sql_query(format!(
            "SELECT q.id, q.refid, CAST(q.kind = 'dropped' AS SIGNED) AS message, \
             CAST(NOT EXISTS (SELECT 1 FROM host h WHERE h.id = q.hostid) AS SIGNED) AS hostless \
             FROM cobblestone_quarantine q FORCE INDEX (PRIMARY) WHERE q.id IN ({}) AND {} ORDER BY q.id FOR UPDATE",
            list(ids.iter().copied()),
            old("")
        ))
        .bind::<Double, _>(before)
        .load(&mut self.db)
        .await?;
        if entries.is_empty() {
            return Ok(0);
        }
        let messages = || entries.iter().filter(|entry| entry.message != 0);
        if messages().next().is_some() {
            diesel::sql_query(format!(
                "UPDATE cobblestone_disallowed SET messages = 0 WHERE messageid IN ({})",
                list(messages().map(|entry| entry.refid))
            ))
            .execute(&mut self.db)
            .await?;
        }
        diesel::sql_query(format!(
            "DELETE FROM cobblestone_quarantine WHERE id IN ({})",
            list(entries.iter().map(|entry| entry.id))
        ))
        .execute(&mut self.db)
        .await?;
        let count = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
        self.count(Counter::Hostless, count(messages().filter(|entry| entry.hostless != 0).count())).await?;
        self.count(Counter::Dropped, count(messages().count())).await?;
        Ok(entries.len())
    }
}
