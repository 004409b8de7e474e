//! What a person decides about messages that the trickle handler set aside or holds: it gets them back, or they are
//! dropped.
//!
//! Invariant: one transaction per call. A message that is given back is unhandled and marked as released in the same
//! moment; one that was handled for good is never given back. A dropped one stays where it was set aside, with its text,
//! and with who dropped it and why: nothing is deleted. Run twice, the second time finds nothing to do.
//!
//! The guest report in a message can be set aside while the message itself is counted: the entry stands beside it. Then
//! only the report is given back (`released_report`) or dropped (`dropped_report`), and what the message was counted for
//! stays. Given back together with its message, a report needs no mark of its own: all is decided anew.
//! Locks: messages, then the quarantine.

mod choice;

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Double, Text};
use diesel_async::RunQueryDsl;

use crate::backlog::MESSAGE_BYTES;
use crate::error::Result;
use crate::quarantine::MESSAGE;
use crate::schema::boinc::msg_from_host as m;
use crate::schema::ours::cobblestone_quarantine as q;
use crate::text::list;
use crate::transaction::Tx;

pub use choice::Choice;

/// Kinds of messages that could not be used.
pub const UNUSABLE: [&str; 2] = ["trickle", "unknown"];

/// Kinds of messages that wait for a person.
pub const ASIDE: [&str; 3] = ["trickle", "unknown", "held"];

/// Kind of messages that are held.
pub const HELD: [&str; 1] = ["held"];

/// Kind of a report that was set aside beside its message.
pub const REPORT: &str = "report";

/// Kinds of reports that can be given back.
const REPORTS: [&str; 2] = [REPORT, "dropped_report"];

/// What a report that was set aside beside its message can be.
const REPORT_KINDS: [&str; 3] = [REPORT, "released_report", "dropped_report"];

/// Kinds that can be given back: a dropped message, too, when somebody thinks again, and one of a variety that is declared
/// now.
const GIVEN_BACK: [&str; 4] = ["trickle", "held", "dropped", "unknown"];

#[derive(QueryableByName)]
struct Id {
    #[diesel(sql_type = BigInt)]
    id: i64,
}

impl Tx {
    /// Gives messages that were set aside, held or dropped back to the trickle handler, else the reports in them; those
    /// that were. The others are not there, or were handled for good, or wait.
    pub async fn give_back(&mut self, daemon: &str, ids: &[i64]) -> Result<Vec<i64>> {
        let handled = self.lock_message_rows(ids, " AND handled = 1").await?;
        let mut aside = self.give(daemon, &handled, &GIVEN_BACK, "released").await?;
        let others: Vec<i64> = handled.into_iter().filter(|id| !aside.contains(id)).collect();
        aside.extend(self.give(daemon, &others, &REPORTS, "released_report").await?);
        aside.sort_unstable();
        Ok(aside)
    }

    /// Gives only the reports in messages back: what else the messages are stays as it was decided.
    pub async fn give_back_reports(&mut self, daemon: &str, ids: &[i64]) -> Result<Vec<i64>> {
        let handled = self.lock_message_rows(ids, " AND handled = 1").await?;
        self.give(daemon, &handled, &REPORTS, "released_report").await
    }

    /// Turns entries of `kinds` into `kind`, and their messages, which are locked, into unhandled ones.
    async fn give(
        &mut self,
        daemon: &str,
        ids: &[i64],
        kinds: &[&'static str],
        kind: &str,
    ) -> Result<Vec<i64>> {
        let aside = self.lock_aside(daemon, ids, kinds).await?;
        if aside.is_empty() {
            return Ok(aside);
        }
        self.delete_twins(daemon, &aside, kinds).await?;
        diesel::update(
            q::table
                .filter(q::daemon.eq(daemon))
                .filter(q::kind.eq_any(kinds.iter().copied()))
                .filter(q::refid.eq_any(aside.iter().copied())),
        )
        .set(q::kind.eq(kind))
        .execute(&mut self.db)
        .await?;
        let ids: Vec<i32> = aside.iter().filter_map(|id| i32::try_from(*id).ok()).collect();
        diesel::update(m::table.filter(m::id.eq_any(ids)).filter(m::handled.eq(1)))
            .set(m::handled.eq(0))
            .execute(&mut self.db)
            .await?;
        Ok(aside)
    }

    /// Drops messages that were set aside or are held, and reports in messages that were set aside; those that were. Their
    /// reason becomes `why`, and what it was.
    pub async fn drop_messages(
        &mut self,
        daemon: &str,
        ids: &[i64],
        why: &str,
        now: f64,
    ) -> Result<Vec<i64>> {
        self.drop_kinds(daemon, ids, &[&ASIDE[..], &[REPORT]].concat(), (why, now)).await
    }

    /// Drops only the reports in messages: what else the messages are stays as it is.
    pub async fn drop_reports(&mut self, daemon: &str, ids: &[i64], why: &str, now: f64) -> Result<Vec<i64>> {
        self.drop_kinds(daemon, ids, &[REPORT], (why, now)).await
    }

    async fn drop_kinds(
        &mut self,
        daemon: &str,
        ids: &[i64],
        kinds: &[&'static str],
        (why, now): (&str, f64),
    ) -> Result<Vec<i64>> {
        self.lock_message_rows(ids, "").await?;
        let mut aside = self.lock_aside(daemon, ids, kinds).await?;
        aside.dedup();
        if !aside.is_empty() {
            if kinds.contains(&HELD[0]) {
                self.delete_twins(daemon, &aside, &ASIDE).await?;
            }
            self.delete_twins(daemon, &aside, &[REPORT]).await?;
            let kinds = kinds.iter().map(|kind| format!("'{kind}'")).collect::<Vec<_>>().join(", ");
            diesel::sql_query(format!(
                "UPDATE cobblestone_quarantine SET kind = IF(kind = '{REPORT}', 'dropped_report', 'dropped'), time = ?, \
                 raw = COALESCE(raw, (SELECT LEFT(m.xml, {MESSAGE_BYTES}) FROM msg_from_host m WHERE m.id = refid)), reason = LEFT(CONCAT(?, '; it was: ', reason), 255) WHERE daemon = ? AND kind IN ({kinds}) AND refid IN ({})",
                list(&aside)
            ))
            .bind::<Double, _>(now)
            .bind::<Text, _>(why)
            .bind::<Text, _>(daemon)
            .execute(&mut self.db)
            .await?;
        }
        Ok(aside)
    }

    /// Leaves of each message the last entry of these kinds, and no other that it could become the same as: somebody may
    /// have marked a message as unhandled that had an entry. Two entries of one kind the database refuses.
    async fn delete_twins(&mut self, daemon: &str, ids: &[i64], kinds: &[&str]) -> Result<()> {
        let all: &[&str] = if kinds.contains(&REPORT) { &REPORT_KINDS } else { &MESSAGE };
        let quoted = |kinds: &[&str]| kinds.iter().map(|k| format!("'{k}'")).collect::<Vec<_>>().join(", ");
        let (ids, all, kinds) = (list(ids), quoted(all), quoted(kinds));
        diesel::sql_query(format!(
            "DELETE a FROM cobblestone_quarantine a JOIN cobblestone_quarantine b ON b.daemon = a.daemon AND b.refid = a.refid \
             AND b.kind IN ({kinds}) AND b.refid IN ({ids}) AND (a.kind NOT IN ({kinds}) OR a.id < b.id) \
             WHERE a.daemon = ? AND a.refid IN ({ids}) AND a.kind IN ({all})"
        ))
        .bind::<Text, _>(daemon)
        .execute(&mut self.db)
        .await?;
        Ok(())
    }

    async fn lock_message_rows(&mut self, ids: &[i64], and: &str) -> Result<Vec<i64>> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let rows: Vec<Id> = diesel::sql_query(format!(
            "SELECT CAST(id AS SIGNED) AS id FROM msg_from_host FORCE INDEX (PRIMARY) WHERE id IN ({}){and} ORDER BY id FOR UPDATE",
            list(ids)
        ))
        .load(&mut self.db)
        .await?;
        Ok(rows.into_iter().map(|row| row.id).collect())
    }

    /// Locks the entries of those kinds; what they are about.
    pub(crate) async fn lock_aside(
        &mut self,
        daemon: &str,
        ids: &[i64],
        kinds: &[&'static str],
    ) -> Result<Vec<i64>> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        // By refid, so that the two entries of one message come together.
        Ok(q::table
            .filter(q::daemon.eq(daemon))
            .filter(q::kind.eq_any(kinds.iter().copied()))
            .filter(q::refid.eq_any(ids.iter().copied()))
            .order(q::refid)
            .select(q::refid)
            .for_update()
            .load(&mut self.db)
            .await?)
    }
}
