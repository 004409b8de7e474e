//! Trickle-up messages as a person looks at them: what became of each.
//!
//! Invariant: nothing is written and nothing is locked. What became of a message is read from where it was written
//! down: `handled`, the quarantine, the ledger, what was disallowed. A message that was purged is known by what is left.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Blob, Double, Integer, Nullable, Text};
use diesel_async::RunQueryDsl;

use boinc::id::{HostId, ResultId, UserId};

use crate::error::Result;
use crate::transaction::Conn;

/// What became of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Nobody handled it.
    Waiting,
    /// A person gave it back to the handler, which has not handled it yet.
    Released,
    /// The ledger has a row for it.
    Paid,
    /// It claimed more than was possible, and nothing was paid.
    Disallowed,
    /// A person has to decide.
    Held,
    /// It could not be used.
    SetAside,
    /// A person decided that it is worth nothing.
    Dropped,
    /// It was handled and nothing more is written down: nothing was new in it, or its payment stands in a folded row, or
    /// another program handled it.
    Handled,
    /// Its row is gone, and nothing tells of it.
    Gone,
}

impl State {
    /// All that can be asked for.
    pub const ALL: [Self; 8] = [
        Self::Waiting,
        Self::Released,
        Self::Paid,
        Self::Disallowed,
        Self::Held,
        Self::SetAside,
        Self::Dropped,
        Self::Handled,
    ];

    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Released => "released",
            Self::Paid => "paid",
            Self::Disallowed => "disallowed",
            Self::Held => "held",
            Self::SetAside => "set_aside",
            Self::Dropped => "dropped",
            Self::Handled => "handled",
            Self::Gone => "gone",
        }
    }

    /// Its kind in the quarantine, if it stands there.
    #[must_use]
    pub const fn aside(self) -> Option<&'static str> {
        match self {
            Self::Released => Some("released"),
            Self::Held => Some("held"),
            Self::SetAside => Some("trickle"),
            Self::Dropped => Some("dropped"),
            _ => None,
        }
    }

    /// The kind in the quarantine of a report in that state, whose message is counted.
    #[must_use]
    pub const fn report_aside(self) -> Option<&'static str> {
        match self {
            Self::Released => Some("released_report"),
            Self::SetAside => Some("report"),
            Self::Dropped => Some("dropped_report"),
            _ => None,
        }
    }
}

/// A result whose messages are asked for.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct OfResult {
    /// If it is known.
    pub id: Option<ResultId>,
    /// If it is known: messages that name it.
    pub name: Option<String>,
    /// Only messages of this host are looked through for the name; None: all, which takes long.
    pub host: Option<HostId>,
}

/// Which messages. All that is given must hold.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct WhichMessages {
    #[allow(missing_docs)]
    pub host: Option<HostId>,
    #[allow(missing_docs)]
    pub result: Option<OfResult>,
    #[allow(missing_docs)]
    pub variety: Option<String>,
    #[allow(missing_docs)]
    pub state: Option<State>,
    /// Only this one.
    pub id: Option<i32>,
}

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

impl WhichMessages {
    /// The ids to look at, as a query, and the texts to bind in it. Wide where it must be: [`STATE`] decides in the end.
    fn ids(&self) -> (String, Vec<String>) {
        if let Some(id) = self.id {
            return (format!("SELECT {id} AS id"), Vec::new());
        }
        let of_host =
            |table: &str| self.host.map_or_else(String::new, |id| format!(" AND {table}.hostid = {id}"));
        if let Some(result) = &self.result {
            let mut parts = Vec::new();
            let mut texts = Vec::new();
            if let Some(id) = result.id {
                for table in ["cobblestone_ledger", "cobblestone_disallowed"] {
                    parts.push(format!(
                        "SELECT messageid AS id FROM {table} WHERE resultid = {id} AND messageid IS NOT NULL"
                    ));
                }
            }
            if let Some(name) = &result.name {
                let host = result.host.map_or_else(String::new, |host| format!("m.hostid = {host} AND "));
                parts.push(format!("SELECT m.id FROM msg_from_host m WHERE {host}LOCATE(?, m.xml) > 0"));
                texts.push(format!("<result_name>{name}</result_name>"));
            }
            return (parts.join(" UNION "), texts);
        }
        let sql = match self.state {
            Some(State::Waiting) => {
                format!("SELECT m.id FROM msg_from_host m WHERE m.handled = 0{}", of_host("m"))
            }
            Some(State::Paid) => format!(
                "SELECT l.messageid AS id FROM cobblestone_ledger l WHERE l.messageid IS NOT NULL{}",
                of_host("l")
            ),
            Some(State::Disallowed) => format!(
                "SELECT d.messageid AS id FROM cobblestone_disallowed d WHERE d.messageid IS NOT NULL{}",
                of_host("d")
            ),
            Some(state) if state.aside().is_some() => format!(
                "SELECT DISTINCT q.refid AS id FROM cobblestone_quarantine q WHERE q.daemon = '{DAEMON}' AND q.kind IN ('{}', '{}'{}){}",
                state.aside().unwrap_or(""),
                state.report_aside().or(state.aside()).unwrap_or(""),
                if state == State::SetAside { ", 'unknown'" } else { "" },
                of_host("q")
            ),
            _ => format!("SELECT m.id FROM msg_from_host m WHERE TRUE{}", of_host("m")),
        };
        (sql, Vec::new())
    }
}

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
