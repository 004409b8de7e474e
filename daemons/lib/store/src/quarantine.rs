//! What could not be used, kept where a person finds it: table `cobblestone_quarantine`, one for all daemons.

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
    /// What it is: `trickle`, `workunit`, `result`, `job`.
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
}
