//! Trickle-up messages as a person looks at them: what became of each.
//!
//! Invariant: nothing is written and nothing is locked. What became of a message is read from where it was written
//! down: `handled`, the quarantine, the ledger, what was disallowed. A message that was purged is known by what is left.

mod state;
mod which;

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Blob, Double, Integer, Nullable, Text};
use diesel_async::RunQueryDsl;

use boinc::id::{HostId, ResultId, UserId};

use crate::error::Result;
use crate::transaction::Conn;

pub use state::State;
pub use which::{OfResult, WhichMessages};

/// A message and what is written down about it. All text is a volunteer's.
#[derive(Debug, Clone, PartialEq, QueryableByName)]
pub struct MessageRow {
    /// `msg_from_host.id`
    #[diesel(sql_type = BigInt)]
    pub id: i64,
    #[diesel(sql_type = Text)]
    state: String,
    /// When the server stored it, Unix seconds; None = its row is gone.
    #[diesel(sql_type = Nullable<Integer>)]
    pub create_time: Option<i32>,
    /// Who sent it.
    #[diesel(sql_type = Nullable<Integer>)]
    pub hostid: Option<i32>,
    #[diesel(sql_type = Nullable<Blob>)]
    variety: Option<Vec<u8>>,
    /// The beginning of its text: from the message, or from the quarantine when the message is gone.
    #[diesel(sql_type = Nullable<Blob>)]
    pub text: Option<Vec<u8>>,
    /// Bytes of the whole text.
    #[diesel(sql_type = BigInt)]
    pub text_bytes: i64,
    /// Why it stands in the quarantine.
    #[diesel(sql_type = Nullable<Text>)]
    pub aside_reason: Option<String>,
    /// When that was decided, Unix seconds.
    #[diesel(sql_type = Nullable<Double>)]
    pub aside_time: Option<f64>,
    #[diesel(sql_type = Nullable<Text>)]
    report_kind: Option<String>,
    /// Why the guest report in it was set aside beside what else it is.
    #[diesel(sql_type = Nullable<Text>)]
    pub report_reason: Option<String>,
    /// Row of the ledger that paid it.
    #[diesel(sql_type = Nullable<BigInt>)]
    pub ledgerid: Option<i64>,
    /// When it was paid, Unix seconds.
    #[diesel(sql_type = Nullable<Double>)]
    pub paid_time: Option<f64>,
    /// The result that it was decided for; 0 = none.
    #[diesel(sql_type = Nullable<Integer>)]
    pub resultid: Option<i32>,
    /// The owner whose total gained; 0 = none.
    #[diesel(sql_type = Nullable<Integer>)]
    pub userid: Option<i32>,
    /// Seconds paid.
    #[diesel(sql_type = Nullable<Double>)]
    pub seconds: Option<f64>,
    /// FLOPS that they were paid with.
    #[diesel(sql_type = Nullable<Double>)]
    pub flops: Option<f64>,
    /// Cobblestones paid.
    #[diesel(sql_type = Nullable<Double>)]
    pub credit: Option<f64>,
    /// What the ledger says.
    #[diesel(sql_type = Nullable<Text>)]
    pub paid_reason: Option<String>,
    /// Seconds that it claimed, when that was too much.
    #[diesel(sql_type = Nullable<Double>)]
    pub claimed: Option<f64>,
    /// Seconds that were possible.
    #[diesel(sql_type = Nullable<Double>)]
    pub allowed: Option<f64>,
    /// Which limit it was.
    #[diesel(sql_type = Nullable<Text>)]
    pub bound: Option<String>,
    /// When that was decided, Unix seconds.
    #[diesel(sql_type = Nullable<Double>)]
    pub disallowed_time: Option<f64>,
}

impl MessageRow {
    /// What became of it.
    #[must_use]
    pub fn state(&self) -> State {
        State::ALL.into_iter().find(|state| state.as_str() == self.state).unwrap_or(State::Gone)
    }

    /// What became of the guest report in it, if that was set aside beside what else the message is: released, set
    /// aside or dropped.
    #[must_use]
    pub fn report_state(&self) -> Option<State> {
        let kind = self.report_kind.as_deref()?;
        State::ALL.into_iter().find(|state| state.report_aside() == Some(kind))
    }

    /// Its variety; bytes that are not UTF-8 are replaced.
    #[must_use]
    pub fn variety(&self) -> Option<String> {
        self.variety.as_ref().map(|bytes| String::from_utf8_lossy(bytes).into_owned())
    }
}

/// Who sets messages aside.
const DAEMON: &str = "trickle-credit";

/// Kinds of the quarantine that messages can have.
const KINDS: &str = "'trickle', 'unknown', 'held', 'released', 'dropped'";

/// Kinds that the report in a message can have, beside what the message is.
const REPORT_KINDS: &str = "'report', 'released_report', 'dropped_report'";

const STATE: &str = "CASE WHEN q.kind IN ('trickle', 'unknown') THEN 'set_aside' WHEN q.kind IS NOT NULL THEN q.kind \
                     WHEN m.handled = 0 AND r.kind = 'released_report' THEN 'released' WHEN m.handled = 0 THEN 'waiting' WHEN l.id IS NOT NULL THEN 'paid' WHEN d.id IS NOT NULL THEN 'disallowed' \
                     WHEN m.id IS NOT NULL THEN 'handled' ELSE 'gone' END";

impl Conn {
    /// The latest messages, latest first, each with at most `characters` of its text.
    pub async fn latest_messages(
        &mut self,
        which: &WhichMessages,
        characters: i32,
        limit: i64,
    ) -> Result<Vec<MessageRow>> {
        let (ids, mut texts) = which.ids();
        let mut wheres = Vec::new();
        if let Some(host) = which.host {
            wheres.push(format!("COALESCE(m.hostid, l.hostid, d.hostid, q.hostid, r.hostid) = {host}"));
        }
        if let Some(variety) = &which.variety {
            wheres.push("m.variety = ?".to_owned());
            texts.push(variety.clone());
        }
        if let Some(state) = which.state {
            let report = state.report_aside().unwrap_or("");
            wheres.push(format!("({STATE} = '{}' OR COALESCE(r.kind, '-') = '{report}')", state.as_str()));
        }
        let wheres =
            if wheres.is_empty() { String::new() } else { format!(" WHERE {}", wheres.join(" AND ")) };
        let sql = format!(
            "SELECT CAST(i.id AS SIGNED) AS id, {STATE} AS state, m.create_time, \
             COALESCE(m.hostid, l.hostid, d.hostid, q.hostid, r.hostid) AS hostid, CAST(m.variety AS BINARY) AS variety, \
             COALESCE(LEFT(m.xml, {characters}), LEFT(q.raw, {characters}), LEFT(r.raw, {characters})) AS text, \
             CAST(COALESCE(LENGTH(m.xml), LENGTH(q.raw), LENGTH(r.raw), 0) AS SIGNED) AS text_bytes, \
             q.reason AS aside_reason, q.time AS aside_time, r.kind AS report_kind, r.reason AS report_reason, l.id AS ledgerid, l.time AS paid_time, \
             COALESCE(l.resultid, d.resultid) AS resultid, l.userid, l.seconds, l.flops, l.credit, l.reason AS paid_reason, \
             d.claimed, d.allowed, d.reason AS bound, d.time AS disallowed_time \
             FROM ({ids}) i LEFT JOIN msg_from_host m ON m.id = i.id \
             LEFT JOIN cobblestone_quarantine q ON q.daemon = '{DAEMON}' AND q.kind IN ({KINDS}) AND q.refid = i.id \
             LEFT JOIN cobblestone_quarantine r ON r.daemon = '{DAEMON}' AND r.kind IN ({REPORT_KINDS}) AND r.refid = i.id \
             LEFT JOIN cobblestone_ledger l ON l.messageid = i.id LEFT JOIN cobblestone_disallowed d ON d.messageid = i.id\
             {wheres} ORDER BY i.id DESC LIMIT {}",
            limit.max(0)
        );
        let mut query = diesel::sql_query(sql).into_boxed();
        for text in texts {
            query = query.bind::<Text, _>(text);
        }
        Ok(query.load(&mut self.db).await?)
    }

    /// One message; None when nothing tells of it.
    pub async fn one_message(&mut self, id: i32, characters: i32) -> Result<Option<MessageRow>> {
        let which = WhichMessages { id: Some(id), ..WhichMessages::default() };
        let rows = self.latest_messages(&which, characters, 1).await?;
        Ok(rows.into_iter().next().filter(|row| row.state() != State::Gone))
    }

    /// Name and host of a result, if its row is there.
    pub async fn result_name_and_host(&mut self, id: ResultId) -> Result<Option<(String, HostId)>> {
        use crate::schema::boinc::result as t;
        let found: Option<(String, i32)> = t::table
            .filter(t::id.eq(id.0))
            .select((t::name, t::hostid))
            .first(&mut self.db)
            .await
            .optional()?;
        Ok(found.map(|(name, host)| (name, HostId(host))))
    }

    /// Owner of a host, and the owner's name; None when the host is gone.
    pub async fn owner_of_host(&mut self, host: HostId) -> Result<Option<(UserId, Option<String>)>> {
        use crate::schema::boinc::{host as h, user as u};
        let user: Option<i32> =
            h::table.filter(h::id.eq(host.0)).select(h::userid).first(&mut self.db).await.optional()?;
        let Some(user) = user else { return Ok(None) };
        let name: Option<Option<String>> =
            u::table.filter(u::id.eq(user)).select(u::name).first(&mut self.db).await.optional()?;
        Ok(Some((UserId(user), name.flatten())))
    }

    /// Varieties that a trickle handler of the toolkit ever read.
    pub async fn varieties_read(&mut self) -> Result<Vec<String>> {
        use crate::schema::ours::cobblestone_variety as v;
        Ok(v::table.select(v::variety).order(v::variety).load(&mut self.db).await?)
    }
}
