//! Which messages are meant of those that wait for a person. Only reads.

use boinc::id::HostId;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Double, Text};
use diesel_async::RunQueryDsl;

use crate::error::Result;
use crate::transaction::Conn;

/// What must hold of an entry, all of it.
#[derive(Debug, Clone, Copy, Default)]
pub struct Choice<'a> {
    /// One of these kinds.
    pub kinds: &'a [&'static str],
    /// Its reason holds this text.
    pub reason: Option<&'a str>,
    #[allow(missing_docs)]
    pub host: Option<HostId>,
    /// Its message is there, and of this variety.
    pub variety: Option<&'a str>,
    /// It was set aside before, Unix seconds.
    pub before: Option<f64>,
}

/// `WHERE …`, and the texts to bind in it.
fn wheres(daemon: &str, choice: &Choice<'_>) -> (String, Vec<String>) {
    let kinds = choice.kinds.iter().map(|kind| format!("'{kind}'")).collect::<Vec<_>>().join(", ");
    let kinds = if kinds.is_empty() { "''".to_owned() } else { kinds };
    let mut sql = format!("WHERE q.daemon = ? AND q.kind IN ({kinds})");
    let mut texts = vec![daemon.to_owned()];
    if let Some(reason) = choice.reason {
        sql.push_str(" AND LOCATE(?, q.reason) > 0");
        texts.push(reason.to_owned());
    }
    if let Some(host) = choice.host {
        sql.push_str(&format!(" AND q.hostid = {host}"));
    }
    if let Some(variety) = choice.variety {
        sql.push_str(" AND EXISTS (SELECT 1 FROM msg_from_host m WHERE m.id = q.refid AND m.variety = ?)");
        texts.push(variety.to_owned());
    }
    (sql, texts)
}

impl Conn {
    /// Ids above `after` of messages that wait for a person, by id, at most `limit`.
    pub async fn aside_messages(
        &mut self,
        daemon: &str,
        choice: &Choice<'_>,
        after: i64,
        limit: i64,
    ) -> Result<Vec<i64>> {
        #[derive(QueryableByName)]
        struct Id {
            #[diesel(sql_type = BigInt)]
            id: i64,
        }
        let (wheres, texts) = wheres(daemon, choice);
        let mut query = diesel::sql_query(format!(
            "SELECT DISTINCT q.refid AS id FROM cobblestone_quarantine q {wheres} AND q.time < ? AND q.refid > ? \
             ORDER BY q.refid LIMIT ?"
        ))
        .into_boxed();
        for text in texts {
            query = query.bind::<Text, _>(text);
        }
        let rows: Vec<Id> = query
            .bind::<Double, _>(choice.before.unwrap_or(f64::MAX))
            .bind::<BigInt, _>(after)
            .bind::<BigInt, _>(limit)
            .load(&mut self.db)
            .await?;
        Ok(rows.into_iter().map(|row| row.id).collect())
    }

    /// Why such messages wait: (reason, messages), the most frequent first.
    pub async fn aside_by_reason(&mut self, daemon: &str, choice: &Choice<'_>) -> Result<Vec<(String, i64)>> {
        #[derive(QueryableByName)]
        struct Reason {
            #[diesel(sql_type = Text)]
            reason: String,
            #[diesel(sql_type = BigInt)]
            n: i64,
        }
        let (wheres, texts) = wheres(daemon, choice);
        let mut query = diesel::sql_query(format!(
            "SELECT q.reason, COUNT(*) AS n FROM cobblestone_quarantine q {wheres} AND q.time < ? GROUP BY q.reason \
             ORDER BY n DESC, q.reason"
        ))
        .into_boxed();
        for text in texts {
            query = query.bind::<Text, _>(text);
        }
        let rows: Vec<Reason> =
            query.bind::<Double, _>(choice.before.unwrap_or(f64::MAX)).load(&mut self.db).await?;
        Ok(rows.into_iter().map(|row| (row.reason, row.n)).collect())
    }
}
