//! Old messages, and rows of ours that nobody needs any more: found without locks, deleted under locks.
//!
//! Invariant: what is deleted is looked at again under its lock, and counted in the same transaction.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Double, Integer, Text};
use diesel_async::RunQueryDsl;

use crate::counters::Counter;
use crate::error::Result;
use crate::text::list;
use crate::transaction::{Conn, Tx};

#[derive(QueryableByName)]
struct Id {
    #[diesel(sql_type = Integer)]
    id: i32,
}

/// A message, as purging looks at it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, QueryableByName)]
pub struct OldMessage {
    #[allow(missing_docs)]
    #[diesel(sql_type = Integer)]
    pub id: i32,
    /// When the server stored it, Unix seconds.
    #[diesel(sql_type = Integer)]
    pub create_time: i32,
    /// 1 = handled, of one of the varieties, old enough, and nobody has to decide on it.
    #[diesel(sql_type = Integer)]
    pub done: i32,
}

/// Which messages `m` are done with; wants the varieties and the time bound.
pub(crate) fn done(varieties: &[String]) -> String {
    format!(
        "m.handled <> 0 AND m.variety IN ({}) AND m.create_time < ? AND NOT EXISTS (SELECT 1 FROM cobblestone_quarantine a \
         WHERE a.daemon = 'trickle-credit' AND a.kind NOT IN ('dropped', 'dropped_report') AND a.refid = m.id)",
        vec!["?"; varieties.len()].join(", ")
    )
}

impl Conn {
    /// The next messages by id after `after`, at most `limit`. `before` in Unix seconds.
    pub async fn messages_by_age(
        &mut self,
        varieties: &[String],
        after: i32,
        before: f64,
        limit: i64,
    ) -> Result<Vec<OldMessage>> {
        if varieties.is_empty() {
            return Ok(Vec::new());
        }
        let sql = format!(
            "SELECT m.id, m.create_time, CAST({} AS SIGNED) AS done FROM msg_from_host m FORCE INDEX (PRIMARY) \
             WHERE m.id > ? ORDER BY m.id LIMIT ?",
            done(varieties)
        );
        let mut query = diesel::sql_query(sql).into_boxed();
        for variety in varieties {
            query = query.bind::<Text, _>(variety);
        }
        Ok(query
            .bind::<Double, _>(before)
            .bind::<Integer, _>(after)
            .bind::<BigInt, _>(limit)
            .load(&mut self.db)
            .await?)
    }

    /// The varieties that a trickle handler of the toolkit ever read.
    pub async fn known_varieties(&mut self) -> Result<Vec<String>> {
        use crate::schema::ours::cobblestone_variety as v;
        Ok(v::table.select(v::variety).order(v::variety).load(&mut self.db).await?)
    }

    /// When the oldest of those messages was stored that is not handled or that a person may give back to the handler,
    /// Unix seconds.
    pub async fn oldest_open_message(&mut self, varieties: &[String]) -> Result<Option<i32>> {
        #[derive(QueryableByName)]
        struct Oldest {
            #[diesel(sql_type = diesel::sql_types::Nullable<Integer>)]
            oldest: Option<i32>,
        }
        let ours = vec!["?"; varieties.len()].join(", ");
        let waiting =
            if varieties.is_empty() { "FALSE".to_owned() } else { format!("m.variety IN ({ours})") };
        let mut query = diesel::sql_query(format!(
            "SELECT MIN(x.oldest) AS oldest FROM (SELECT MIN(m.create_time) AS oldest FROM msg_from_host m \
             WHERE m.handled = 0 AND {waiting} UNION ALL SELECT MIN(m.create_time) AS oldest FROM cobblestone_quarantine q \
             JOIN msg_from_host m ON m.id = q.refid WHERE q.daemon = 'trickle-credit' AND q.kind NOT IN ('dropped', 'dropped_report')) x"
        ))
        .into_boxed();
        for variety in varieties {
            query = query.bind::<Text, _>(variety);
        }
        let row: Oldest = query.get_result(&mut self.db).await?;
        Ok(row.oldest)
    }

    /// How many rows of `cobblestone_host_day` lie before `day` (UTC days since 1970).
    pub async fn host_days_before(&mut self, day: i32) -> Result<i64> {
        use crate::schema::ours::cobblestone_host_day as d;
        Ok(d::table.filter(d::day.lt(day)).count().get_result(&mut self.db).await?)
    }

    /// How many identities of increments nobody needs any more: see [`Tx::delete_increments`].
    pub async fn old_increments(&mut self, before: f64) -> Result<i64> {
        use crate::schema::ours::cobblestone_increment as i;
        Ok(i::table
            .filter(i::resultid.eq(0))
            .filter(i::time.lt(before))
            .count()
            .get_result(&mut self.db)
            .await?)
    }
}

impl Tx {
    /// Deletes those of the messages that are done with, as [`Conn::messages_by_age`] has it, and counts them. One that
    /// another holds is left. Returns how many.
    pub async fn purge_messages(&mut self, varieties: &[String], ids: &[i32], before: f64) -> Result<usize> {
        if ids.is_empty() || varieties.is_empty() {
            return Ok(0);
        }
        let locked: Vec<Id> = diesel::sql_query(format!(
            "SELECT id FROM msg_from_host FORCE INDEX (PRIMARY) WHERE id IN ({}) ORDER BY id FOR UPDATE SKIP LOCKED",
            list(ids)
        ))
        .load(&mut self.db)
        .await?;
        let locked: Vec<i32> = locked.into_iter().map(|row| row.id).collect();
        if locked.is_empty() {
            return Ok(0);
        }
        let mut query = diesel::sql_query(format!(
            "SELECT m.id FROM msg_from_host m WHERE m.id IN ({}) AND {}",
            list(&locked),
            done(varieties)
        ))
        .into_boxed();
        for variety in varieties {
            query = query.bind::<Text, _>(variety);
        }
        let rows: Vec<Id> = query.bind::<Double, _>(before).load(&mut self.db).await?;
        if rows.is_empty() {
            return Ok(0);
        }
        let ids: Vec<i32> = rows.into_iter().map(|row| row.id).collect();
        let deleted = diesel::sql_query(format!("DELETE FROM msg_from_host WHERE id IN ({})", list(&ids)))
            .execute(&mut self.db)
            .await?;
        self.count(Counter::Purged, i64::try_from(deleted).unwrap_or(i64::MAX)).await?;
        Ok(deleted)
    }

    /// Deletes up to `limit` rows of `cobblestone_host_day` before `day` (UTC days since 1970). Returns how many.
    pub async fn delete_host_days(&mut self, day: i32, limit: i64) -> Result<usize> {
        Ok(diesel::sql_query("DELETE FROM cobblestone_host_day WHERE day < ? LIMIT ?")
            .bind::<Integer, _>(day)
            .bind::<BigInt, _>(limit)
            .execute(&mut self.db)
            .await?)
    }

    /// Deletes up to `limit` identities of increments that were paid without a result and not changed since `before`.
    /// Returns how many.
    pub async fn delete_increments(&mut self, before: f64, limit: i64) -> Result<usize> {
        Ok(diesel::sql_query("DELETE FROM cobblestone_increment WHERE resultid = 0 AND time < ? LIMIT ?")
            .bind::<Double, _>(before)
            .bind::<BigInt, _>(limit)
            .execute(&mut self.db)
            .await?)
    }
}
