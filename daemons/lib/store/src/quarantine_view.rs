//! What all daemons set aside, as a person chooses from it. Only reads.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Double, Integer, Text};
use diesel_async::RunQueryDsl;

use crate::error::Result;
use crate::quarantine::{ASIDE, Aside};
use crate::transaction::Conn;

/// Which entries. All that is given must hold.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct WhichAside {
    /// Numbers of entries; empty = any.
    pub ids: Vec<i64>,
    /// Who set it aside.
    pub daemon: Option<String>,
    /// One of these kinds; empty = any.
    pub kinds: Vec<String>,
    /// Whose it is.
    pub host: Option<i32>,
    /// Its reason holds this text.
    pub reason: Option<String>,
    /// It was set aside last before, Unix seconds.
    pub before: Option<f64>,
}

/// Something to be decided on.
#[derive(Debug, Clone, PartialEq, Eq, QueryableByName)]
pub struct Entry {
    /// Number of the entry.
    #[diesel(sql_type = BigInt)]
    pub id: i64,
    #[allow(missing_docs)]
    #[diesel(sql_type = Text)]
    pub daemon: String,
    #[allow(missing_docs)]
    #[diesel(sql_type = Text)]
    pub kind: String,
    /// Its id in its own table.
    #[diesel(sql_type = BigInt)]
    pub refid: i64,
}

impl WhichAside {
    /// `WHERE …`, and the texts to bind in it.
    fn wheres(&self) -> (String, Vec<String>) {
        let mut sql = "WHERE TRUE".to_owned();
        let mut texts = Vec::new();
        if !self.ids.is_empty() {
            let ids: Vec<String> = self.ids.iter().map(ToString::to_string).collect();
            sql.push_str(&format!(" AND id IN ({})", ids.join(",")));
        }
        if let Some(daemon) = &self.daemon {
            sql.push_str(" AND daemon = ?");
            texts.push(daemon.clone());
        }
        if !self.kinds.is_empty() {
            sql.push_str(&format!(" AND kind IN ({})", vec!["?"; self.kinds.len()].join(", ")));
            texts.extend(self.kinds.iter().cloned());
        }
        if let Some(host) = self.host {
            sql.push_str(&format!(" AND hostid = {host}"));
        }
        if let Some(reason) = &self.reason {
            sql.push_str(" AND LOCATE(?, reason) > 0");
            texts.push(reason.clone());
        }
        (sql, texts)
    }
}

impl Conn {
    /// The latest entries, latest first, without their raw text; and how many there are.
    pub async fn latest_aside(&mut self, which: &WhichAside, limit: i64) -> Result<(Vec<Aside>, i64)> {
        #[derive(QueryableByName)]
        struct Count {
            #[diesel(sql_type = BigInt)]
            n: i64,
        }
        let (wheres, texts) = which.wheres();
        let before = which.before.unwrap_or(f64::MAX);
        let sql = format!("{ASIDE} {wheres} AND time < ? ORDER BY id DESC LIMIT ?");
        let mut query = diesel::sql_query(sql).into_boxed().bind::<Integer, _>(0);
        for text in &texts {
            query = query.bind::<Text, _>(text.clone());
        }
        let rows = query.bind::<Double, _>(before).bind::<BigInt, _>(limit).load(&mut self.db).await?;
        let sql = format!("SELECT COUNT(*) AS n FROM cobblestone_quarantine {wheres} AND time < ?");
        let mut query = diesel::sql_query(sql).into_boxed();
        for text in texts {
            query = query.bind::<Text, _>(text);
        }
        let count: Count = query.bind::<Double, _>(before).get_result(&mut self.db).await?;
        Ok((rows, count.n))
    }

    /// Entries above `after`, by number, at most `limit`.
    pub async fn aside_entries(&mut self, which: &WhichAside, after: i64, limit: i64) -> Result<Vec<Entry>> {
        let (wheres, texts) = which.wheres();
        let mut query = diesel::sql_query(format!(
            "SELECT id, daemon, kind, refid FROM cobblestone_quarantine {wheres} AND time < ? AND id > ? ORDER BY id LIMIT ?"
        ))
        .into_boxed();
        for text in texts {
            query = query.bind::<Text, _>(text);
        }
        Ok(query
            .bind::<Double, _>(which.before.unwrap_or(f64::MAX))
            .bind::<BigInt, _>(after)
            .bind::<BigInt, _>(limit)
            .load(&mut self.db)
            .await?)
    }

    /// Why such things were set aside: (daemon, kind, reason, entries), the most frequent first, at most `limit`.
    pub async fn aside_reasons(
        &mut self,
        which: &WhichAside,
        limit: i64,
    ) -> Result<Vec<(String, String, String, i64)>> {
        #[derive(QueryableByName)]
        struct Reason {
            #[diesel(sql_type = Text)]
            daemon: String,
            #[diesel(sql_type = Text)]
            kind: String,
            #[diesel(sql_type = Text)]
            reason: String,
            #[diesel(sql_type = BigInt)]
            n: i64,
        }
        let (wheres, texts) = which.wheres();
        let mut query = diesel::sql_query(format!(
            "SELECT daemon, kind, reason, COUNT(*) AS n FROM cobblestone_quarantine {wheres} AND time < ? \
             GROUP BY daemon, kind, reason ORDER BY n DESC, reason LIMIT ?"
        ))
        .into_boxed();
        for text in texts {
            query = query.bind::<Text, _>(text);
        }
        let rows: Vec<Reason> = query
            .bind::<Double, _>(which.before.unwrap_or(f64::MAX))
            .bind::<BigInt, _>(limit)
            .load(&mut self.db)
            .await?;
        Ok(rows.into_iter().map(|row| (row.daemon, row.kind, row.reason, row.n)).collect())
    }
}
