//! What could not be used, kept where a person finds it: table `cobblestone_quarantine`, one for all daemons.

use std::collections::BTreeSet;

use boinc::id::HostId;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Blob, Double, Integer, Nullable, Text};
use diesel_async::RunQueryDsl;

use crate::error::Result;
use crate::schema::ours::cobblestone_quarantine as q;
use crate::transaction::{Conn, Tx};

/// One thing set aside.
#[derive(Debug, Clone, PartialEq)]
pub struct SetAside {
    /// When, Unix seconds.
    pub time: f64,
    /// Who set it aside: the daemon's short name, as in `trickle-credit`.
    pub daemon: &'static str,
    /// What it is: see `cobblestone_quarantine.kind` in sql/README.md.
    pub kind: &'static str,
    /// Its id.
    pub id: i64,
    /// Whose it is; 0 = nobody's.
    pub host: HostId,
    /// Why, for a person.
    pub reason: String,
    /// Its raw text, if it has one.
    pub raw: Option<Vec<u8>>,
}

/// One thing set aside, as a person looks at it.
#[derive(Debug, Clone, PartialEq, QueryableByName)]
pub struct Aside {
    /// Number of the entry.
    #[diesel(sql_type = BigInt)]
    pub id: i64,
    /// When it was set aside last, Unix seconds.
    #[diesel(sql_type = Double)]
    pub time: f64,
    /// Who set it aside.
    #[diesel(sql_type = Text)]
    pub daemon: String,
    /// What it is.
    #[diesel(sql_type = Text)]
    pub kind: String,
    /// Its id in its own table.
    #[diesel(sql_type = BigInt)]
    pub refid: i64,
    /// Whose it is; 0 = nobody's.
    #[diesel(sql_type = Integer)]
    pub hostid: i32,
    #[allow(missing_docs)]
    #[diesel(sql_type = Text)]
    pub reason: String,
    /// How often it was tried.
    #[diesel(sql_type = Integer)]
    pub tries: i32,
    /// The beginning of its raw text, if it has one. Of a message without a copy: that of the message itself.
    #[diesel(sql_type = Nullable<Blob>)]
    pub raw: Option<Vec<u8>>,
    /// Bytes of the whole raw text.
    #[diesel(sql_type = BigInt)]
    pub raw_bytes: i64,
}

/// Kinds of messages. A message has one entry of these at most.
pub const MESSAGE: [&str; 5] = ["trickle", "unknown", "held", "released", "dropped"];

/// So many ids are asked for one by one. Of more, all between the first and the last are read: messages of a batch are
/// neighbours, and the server gives up on very long lists.
const ONE_BY_ONE: usize = 100;

pub(crate) const ASIDE: &str = "SELECT id, time, daemon, kind, refid, hostid, reason, tries, LEFT(raw, ?) AS raw, \
                     CAST(COALESCE(LENGTH(raw), 0) AS SIGNED) AS raw_bytes FROM cobblestone_quarantine";

impl Tx {
    /// Sets things aside; one that is there already gets the new reason and one try more.
    pub async fn set_aside(&mut self, things: &[SetAside]) -> Result<()> {
        for chunk in things.chunks(50) {
            let sql = format!(
                "INSERT INTO cobblestone_quarantine (time, daemon, kind, refid, hostid, reason, raw, tries) VALUES {} \
                 ON DUPLICATE KEY UPDATE time = VALUES(time), reason = VALUES(reason), tries = tries + 1",
                vec!["(?, ?, ?, ?, ?, ?, ?, 1)"; chunk.len()].join(", ")
            );
            let mut query = diesel::sql_query(sql).into_boxed();
            for s in chunk {
                query = query
                    .bind::<Double, _>(s.time)
                    .bind::<Text, _>(s.daemon)
                    .bind::<Text, _>(s.kind)
                    .bind::<BigInt, _>(s.id)
                    .bind::<Integer, _>(s.host.0)
                    .bind::<Text, _>(crate::text::cut(&s.reason, 255))
                    .bind::<Nullable<Blob>, _>(s.raw.as_deref());
            }
            query.execute(&mut self.db).await?;
        }
        Ok(())
    }

    /// Sets messages aside, which are locked, and forgets what else they were, and what was decided otherwise: a message
    /// has one entry. `before`: as [`Conn::message_states`] has it, of all messages that are decided now.
    pub async fn set_messages_aside(
        &mut self,
        daemon: &str,
        before: &[(i64, String)],
        things: &[SetAside],
    ) -> Result<()> {
        let now: BTreeSet<(i64, &str)> = things.iter().map(|s| (s.id, s.kind)).collect();
        for kind in MESSAGE {
            let of_kind = before.iter().filter(|(id, was)| was == kind && !now.contains(&(*id, kind)));
            let ids: Vec<i64> = of_kind.map(|(id, _)| *id).collect();
            self.release(daemon, kind, &ids).await?;
        }
        self.set_aside(things).await
    }

    /// Takes things out of quarantine after they went well.
    pub async fn release(&mut self, daemon: &str, kind: &str, ids: &[i64]) -> Result<()> {
        if !ids.is_empty() {
            diesel::delete(
                q::table
                    .filter(q::daemon.eq(daemon))
                    .filter(q::kind.eq(kind))
                    .filter(q::refid.eq_any(ids.iter().copied())),
            )
            .execute(&mut self.db)
            .await?;
        }
        Ok(())
    }
}

impl Conn {
    /// Which of those ids are set aside.
    pub async fn set_aside_ids(&mut self, daemon: &str, kind: &str) -> Result<Vec<i64>> {
        Ok(q::table
            .filter(q::daemon.eq(daemon))
            .filter(q::kind.eq(kind))
            .select(q::refid)
            .load(&mut self.db)
            .await?)
    }

    /// What those messages are in the quarantine: (message, kind).
    pub async fn message_states(&mut self, daemon: &str, ids: &[i64]) -> Result<Vec<(i64, String)>> {
        let (Some(first), Some(last)) = (ids.iter().min(), ids.iter().max()) else { return Ok(Vec::new()) };
        let mut query = q::table
            .filter(q::daemon.eq(daemon.to_owned()))
            .filter(q::kind.eq_any(MESSAGE))
            .select((q::refid, q::kind))
            .into_boxed();
        query = if ids.len() <= ONE_BY_ONE {
            query.filter(q::refid.eq_any(ids.iter().copied()))
        } else {
            query.filter(q::refid.between(*first, *last))
        };
        let mut rows: Vec<(i64, String)> = query.load(&mut self.db).await?;
        let ids: BTreeSet<i64> = ids.iter().copied().collect();
        rows.retain(|(id, _)| ids.contains(id));
        Ok(rows)
    }

    /// Of which of those messages a person released the report only: what else they are is counted.
    pub async fn released_reports(&mut self, daemon: &str, ids: &[i64]) -> Result<Vec<i64>> {
        self.of_kind(daemon, "released_report", ids).await
    }

    async fn of_kind(&mut self, daemon: &str, kind: &str, ids: &[i64]) -> Result<Vec<i64>> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        Ok(q::table
            .filter(q::daemon.eq(daemon))
            .filter(q::kind.eq(kind))
            .filter(q::refid.eq_any(ids.iter().copied()))
            .select(q::refid)
            .load(&mut self.db)
            .await?)
    }

    /// One entry, with at most `bytes` of its raw text.
    pub async fn one_set_aside(&mut self, id: i64, bytes: i32) -> Result<Option<Aside>> {
        let text = "COALESCE(raw, IF(daemon = 'trickle-credit', \
                    (SELECT m.xml FROM msg_from_host m WHERE m.id = refid), NULL))";
        let sql = ASIDE.replace("(raw", &format!("({text}"));
        Ok(diesel::sql_query(format!("{sql} WHERE id = ?"))
            .bind::<Integer, _>(bytes)
            .bind::<BigInt, _>(id)
            .get_result(&mut self.db)
            .await
            .optional()?)
    }
}
