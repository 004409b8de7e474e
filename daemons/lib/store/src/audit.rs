//! What an auditor asks of the books, in one snapshot while daemons run.
//!
//! Every total must have gained, since the toolkit came, what the ledger says; no message may be paid twice; every
//! handled message must be accounted for; no result may be paid for more seconds than it can have run.
//! Sums of doubles depend on their order, so totals agree when they differ by at most one part in 10⁹ (and
//! 10⁻⁶ cobblestones).

mod book;
mod bounds;
mod changes;
pub mod owners;
pub mod rows;

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Double, Integer, Text};
use diesel_async::RunQueryDsl;

use crate::error::Result;
use crate::transaction::Conn;

/// A sum over all rows of one kind, against the ledger.
#[derive(Debug, Clone, PartialEq, QueryableByName)]
pub struct TotalsCheck {
    /// Rows.
    #[diesel(sql_type = BigInt)]
    pub rows: i64,
    /// Credit gained since the toolkit came, as the totals say.
    #[diesel(sql_type = Double)]
    pub gained: f64,
    /// The same, as the ledger says.
    #[diesel(sql_type = Double)]
    pub ledger: f64,
    /// Rows where both differ.
    #[diesel(sql_type = BigInt)]
    pub off: i64,
}

/// One row that is off.
#[derive(Debug, Clone, PartialEq, QueryableByName)]
pub struct Off {
    #[allow(missing_docs)]
    #[diesel(sql_type = Integer)]
    pub id: i32,
    /// What one side says.
    #[diesel(sql_type = Double)]
    pub gained: f64,
    /// What the ledger says.
    #[diesel(sql_type = Double)]
    pub ledger: f64,
}

/// One kind of ledger rows.
#[derive(Debug, Clone, PartialEq, QueryableByName)]
pub struct KindSum {
    /// As in `cobblestone_ledger.kind`.
    #[diesel(sql_type = Text)]
    pub kind: String,
    #[allow(missing_docs)]
    #[diesel(sql_type = BigInt)]
    pub rows: i64,
    #[allow(missing_docs)]
    #[diesel(sql_type = Double)]
    pub seconds: f64,
    #[allow(missing_docs)]
    #[diesel(sql_type = Double)]
    pub credit: f64,
}

/// What became of messages.
#[derive(Debug, Clone, PartialEq, Default, QueryableByName)]
pub struct Messages {
    /// Stored by the scheduler.
    #[diesel(sql_type = BigInt)]
    pub stored: i64,
    /// Not handled yet.
    #[diesel(sql_type = BigInt)]
    pub waiting: i64,
    /// Handled since the toolkit came: those that are stored, without those that others had handled before, and those
    /// that were purged.
    #[diesel(sql_type = BigInt)]
    pub handled: i64,
    /// Handled by others before the toolkit came.
    #[diesel(sql_type = BigInt)]
    pub before: i64,
    /// Deleted by `cobblestone trickles purge`.
    #[diesel(sql_type = BigInt)]
    pub purged: i64,
    /// Of those that were counted, the ones whose marks were cleaned.
    #[diesel(sql_type = BigInt)]
    pub cleaned: i64,
    /// Counted or set aside for hosts that are gone: their messages may have been deleted with them.
    #[diesel(sql_type = BigInt)]
    pub of_deleted_hosts: i64,
    /// Counted for a result or a host.
    #[diesel(sql_type = BigInt)]
    pub counted: i64,
    /// Of these, guest reports that are no claims.
    #[diesel(sql_type = BigInt)]
    pub reported: i64,
    /// Paid for (rows of kind uptime in the ledger), in full or in part.
    #[diesel(sql_type = BigInt)]
    pub paid: i64,
    /// Claimed more than was possible.
    #[diesel(sql_type = BigInt)]
    pub disallowed: i64,
    /// Both of these: the possible part was paid.
    #[diesel(sql_type = BigInt)]
    pub paid_in_part: i64,
    /// Set aside.
    #[diesel(sql_type = BigInt)]
    pub set_aside: i64,
    /// Of these, dropped by a person, and their entries deleted since.
    #[diesel(sql_type = BigInt)]
    pub dropped: i64,
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    n: i64,
}

/// Whose totals are checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owner {
    #[allow(missing_docs)]
    Host,
    #[allow(missing_docs)]
    User,
    #[allow(missing_docs)]
    Team,
}

impl Owner {
    /// All three.
    pub const ALL: [Self; 3] = [Self::Host, Self::User, Self::Team];

    /// Name of the table.
    #[must_use]
    pub fn table(self) -> &'static str {
        match self {
            Self::Host => "host",
            Self::User => "user",
            Self::Team => "team",
        }
    }
}

const TOLERANCE: &str = "GREATEST(1e-6, 1e-9 * ABS(x.ledger))";

fn totals(owner: Owner) -> String {
    let table = owner.table();
    format!(
        "(SELECT t.id AS id, t.total_credit - COALESCE(o.total_credit, 0e0) AS gained, COALESCE(l.paid, 0e0) AS ledger \
         FROM `{table}` t LEFT JOIN cobblestone_opening o ON o.kind = '{table}' AND o.id = t.id \
         LEFT JOIN (SELECT {table}id AS owner, SUM(credit) AS paid FROM cobblestone_ledger GROUP BY {table}id) l \
         ON l.owner = t.id) x"
    )
}

impl Conn {
    /// Totals of all hosts, users or teams against the ledger, and the first rows that are off.
    pub async fn check_totals(&mut self, owner: Owner) -> Result<(TotalsCheck, Vec<Off>)> {
        let from = totals(owner);
        let sum = diesel::sql_query(format!(
            "SELECT COUNT(*) AS `rows`, COALESCE(SUM(x.gained), 0e0) AS gained, COALESCE(SUM(x.ledger), 0e0) AS ledger, \
             CAST(COALESCE(SUM(ABS(x.gained - x.ledger) > {TOLERANCE}), 0) AS SIGNED) AS off FROM {from}"
        ))
        .get_result(&mut self.db)
        .await?;
        let off = diesel::sql_query(format!(
            "SELECT x.id, x.gained, x.ledger FROM {from} WHERE ABS(x.gained - x.ledger) > {TOLERANCE} ORDER BY x.id LIMIT 20"
        ))
        .load(&mut self.db)
        .await?;
        Ok((sum, off))
    }

    /// Sums of the ledger by kind.
    pub async fn ledger_by_kind(&mut self) -> Result<Vec<KindSum>> {
        Ok(diesel::sql_query(
            "SELECT kind, COUNT(*) AS `rows`, SUM(seconds) AS seconds, SUM(credit) AS credit FROM cobblestone_ledger \
             GROUP BY kind ORDER BY kind",
        )
        .load(&mut self.db)
        .await?)
    }

    /// Results whose mark says something else than the ledger: (result, mark's credit, ledger's credit).
    pub async fn marks_off(&mut self) -> Result<Vec<Off>> {
        Ok(diesel::sql_query(format!(
            "SELECT x.id, x.gained, x.ledger FROM (SELECT m.resultid AS id, m.credit_paid AS gained, \
             COALESCE(SUM(l.credit), 0e0) AS ledger FROM cobblestone_mark m \
             LEFT JOIN cobblestone_ledger l ON l.resultid = m.resultid GROUP BY m.resultid, m.credit_paid) x \
             WHERE ABS(x.gained - x.ledger) > {TOLERANCE} ORDER BY x.id LIMIT 20"
        ))
        .load(&mut self.db)
        .await?)
    }

    /// Results that were paid for more seconds, by trickles and at validation, than lie between sending and reporting
    /// (or `now`), plus `slack` seconds: (result, seconds possible, seconds paid).
    pub async fn overpaid(&mut self, now: f64, slack: f64) -> Result<Vec<Off>> {
        let first_sent = bounds::FIRST_SENT;
        Ok(diesel::sql_query(format!(
            "SELECT x.id, x.gained, x.ledger FROM (SELECT r.id AS id, \
             (CASE WHEN r.received_time > 0 THEN r.received_time ELSE ? END) - {first_sent} + ? AS gained, \
             SUM(l.seconds) AS ledger FROM cobblestone_ledger l JOIN result r ON r.id = l.resultid \
             LEFT JOIN cobblestone_mark k ON k.resultid = l.resultid \
             WHERE l.kind IN ('uptime', 'final', 'revocation') GROUP BY r.id, r.received_time, r.sent_time, k.sent_time) x \
             WHERE x.ledger > x.gained + 1e-6 ORDER BY x.id LIMIT 20"
        ))
        .bind::<Double, _>(now)
        .bind::<Double, _>(slack)
        .load(&mut self.db)
        .await?)
    }

    /// Messages that were paid more than once: impossible by a unique key, asked nevertheless.
    pub async fn messages_paid_twice(&mut self) -> Result<i64> {
        let count: Count = diesel::sql_query(
            "SELECT COUNT(*) AS n FROM (SELECT messageid FROM cobblestone_ledger WHERE messageid IS NOT NULL \
             GROUP BY messageid HAVING COUNT(*) > 1) x",
        )
        .get_result(&mut self.db)
        .await?;
        Ok(count.n)
    }

    /// What became of the messages of these varieties, and of those that a trickle handler of the toolkit ever read
    /// (`cobblestone_variety`): what it counted, paid and set aside is not kept by variety.
    pub async fn message_fates(&mut self, varieties: &[String]) -> Result<Messages> {
        use crate::schema::ours::cobblestone_variety as v;
        let mut all: Vec<String> = v::table.select(v::variety).order(v::variety).load(&mut self.db).await?;
        all.extend(varieties.iter().cloned());
        let ours = if all.is_empty() {
            "FALSE".to_owned()
        } else {
            format!("variety IN ({})", vec!["?"; all.len()].join(", "))
        };
        // A message that is held, or released and not handled again, is not among those that were decided. One whose
        // report alone was given back is handled still. One that nobody declared stays out when it is dropped.
        let sql = format!(
            "SELECT COUNT(*) AS stored, CAST(COALESCE(SUM(handled = 0), 0) AS SIGNED) AS waiting, \
             CAST(COALESCE(SUM(handled <> 0), 0) - COALESCE((SELECT SUM(handled) FROM cobblestone_opening_message WHERE {ours}), 0) \
             + COALESCE((SELECT value FROM cobblestone_counter WHERE name = 'messages_purged'), 0) \
             + (SELECT COUNT(*) FROM cobblestone_quarantine u JOIN msg_from_host w ON w.id = u.refid WHERE u.kind = 'released_report' \
             AND w.handled = 0 AND {ours}) AS SIGNED) AS handled, \
             CAST(COALESCE((SELECT SUM(handled) FROM cobblestone_opening_message WHERE {ours}), 0) AS SIGNED) AS `before`, \
             CAST(COALESCE((SELECT value FROM cobblestone_counter WHERE name = 'messages_purged'), 0) AS SIGNED) AS purged, \
             CAST(COALESCE((SELECT value FROM cobblestone_counter WHERE name = 'messages_cleaned'), 0) AS SIGNED) AS cleaned, \
             CAST(COALESCE((SELECT SUM(k.messages) FROM cobblestone_mark k WHERE NOT EXISTS (SELECT 1 FROM host h WHERE h.id = k.hostid)), 0) \
             + COALESCE((SELECT SUM(k.messages) FROM cobblestone_host_messages k WHERE NOT EXISTS (SELECT 1 FROM host h WHERE h.id = k.hostid)), 0) \
             + COALESCE((SELECT SUM(k.messages) FROM cobblestone_report k WHERE NOT EXISTS (SELECT 1 FROM host h WHERE h.id = k.hostid)), 0) \
             + COALESCE((SELECT COUNT(*) FROM cobblestone_quarantine k WHERE k.kind IN ('trickle', 'held', 'dropped') AND NOT EXISTS (SELECT 1 FROM msg_from_host m WHERE m.id = k.refid) \
             AND NOT EXISTS (SELECT 1 FROM host h WHERE h.id = k.hostid)), 0) \
             + COALESCE((SELECT value FROM cobblestone_counter WHERE name = 'messages_cleaned_of_deleted_hosts'), 0) AS SIGNED) AS of_deleted_hosts, \
             CAST(COALESCE((SELECT SUM(messages) FROM cobblestone_mark), 0) \
             + COALESCE((SELECT SUM(messages) FROM cobblestone_host_messages), 0) \
             + COALESCE((SELECT SUM(messages) FROM cobblestone_report), 0) \
             + COALESCE((SELECT value FROM cobblestone_counter WHERE name = 'messages_cleaned'), 0) AS SIGNED) AS counted, \
             CAST(COALESCE((SELECT SUM(messages) FROM cobblestone_report), 0) AS SIGNED) AS reported, \
             CAST(COALESCE((SELECT SUM(messages) FROM cobblestone_ledger WHERE kind = 'uptime'), 0) AS SIGNED) AS paid, \
             (SELECT CAST(COALESCE(SUM(messages), 0) AS SIGNED) FROM cobblestone_disallowed d WHERE NOT EXISTS (SELECT 1 FROM cobblestone_quarantine q \
             WHERE q.daemon = 'trickle-credit' AND q.kind IN ('held', 'released', 'dropped') AND q.refid = d.messageid)) AS disallowed, \
             (SELECT CAST(COALESCE(SUM(paid_in_part), 0) AS SIGNED) FROM cobblestone_disallowed) AS paid_in_part, \
             (SELECT COUNT(*) FROM cobblestone_quarantine u WHERE u.kind IN ('trickle', 'held', 'dropped') \
             AND NOT EXISTS (SELECT 1 FROM msg_from_host w WHERE w.id = u.refid AND u.kind = 'dropped' AND NOT {ours})) \
             + (SELECT COUNT(*) FROM cobblestone_quarantine u JOIN msg_from_host w ON w.id = u.refid WHERE u.kind = 'unknown' \
             AND {ours}) + COALESCE((SELECT value FROM cobblestone_counter WHERE name = 'messages_dropped'), 0) AS set_aside, \
             CAST(COALESCE((SELECT value FROM cobblestone_counter WHERE name = 'messages_dropped'), 0) AS SIGNED) AS dropped \
             FROM msg_from_host WHERE {ours}"
        );
        let places = sql.matches('?').count();
        let mut query = diesel::sql_query(sql).into_boxed();
        // Every place of the statement is one of the varieties, in their order.
        for variety in all.iter().cycle().take(places) {
            query = query.bind::<Text, _>(variety);
        }
        Ok(query.get_result(&mut self.db).await?)
    }

    /// Reasons why things of these kinds were set aside, with how many.
    pub async fn set_aside_by_reason(&mut self, kinds: &[&str]) -> Result<Vec<(String, i64)>> {
        use crate::schema::ours::cobblestone_quarantine as q;
        Ok(q::table
            .filter(q::kind.eq_any(kinds.iter().copied()))
            .group_by(q::reason)
            .select((q::reason, diesel::dsl::count_star()))
            .order(diesel::dsl::count_star().desc())
            .load(&mut self.db)
            .await?)
    }
}
