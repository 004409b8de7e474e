//! What trickle-up messages ask for: results, the marks that say how far a result's uptime is paid, and what was not
//! paid. The messages that wait: `backlog`.
//!
//! Invariant: a message is marked handled in the transaction that does what it asks for, and only while it is
//! locked and still unhandled.

use boinc::id::{AppId, HostId, MessageId, ResultId, WorkunitId};
use boinc::record::ResultRow;
use boinc::state::ErrorMask;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use crate::bulk::{self, Kind, Set, float};
use crate::error::{Error, Loaded, Result};
use crate::rows;
use crate::schema::boinc::{msg_from_host, result, workunit};
use crate::schema::ours::cobblestone_mark;
use crate::transaction::{Conn, Tx};

/// How far a result's uptime is paid: table `cobblestone_mark`.
#[derive(Debug, Clone, PartialEq)]
pub struct Mark {
    #[allow(missing_docs)]
    pub result: ResultId,
    #[allow(missing_docs)]
    pub host: HostId,
    #[allow(missing_docs)]
    pub app: AppId,
    /// Seconds paid by trickles.
    pub seconds_paid: f64,
    /// Largest cumulative claim seen, seconds.
    pub largest_claim: f64,
    /// Cobblestones paid for this result, of all kinds.
    pub credit_paid: f64,
    /// Messages that counted.
    pub messages: i32,
    /// When it was last changed.
    pub time: f64,
    /// When the result was first sent, Unix seconds; 0 = not known.
    pub sent_time: i32,
}

impl Mark {
    /// Of a result that has none yet and was paid nothing. `now`: Unix seconds.
    #[must_use]
    pub fn unpaid(row: &ResultRow, now: f64) -> Self {
        Self {
            result: row.id,
            host: row.hostid,
            app: row.appid,
            seconds_paid: 0.0,
            largest_claim: 0.0,
            credit_paid: 0.0,
            messages: 0,
            time: now,
            sent_time: row.sent_time,
        }
    }

    /// When its result was first sent, Unix seconds. The scheduler sets `result.sent_time` anew when it resends a result
    /// that a client lost; what ran before was possible all the same. One that is not sent has no such time.
    #[must_use]
    pub fn first_sent(&self, row: &ResultRow) -> i32 {
        if self.sent_time > 0 { row.sent_time.min(self.sent_time) } else { row.sent_time }
    }
}

/// Uptime that was claimed and not paid: table `cobblestone_disallowed`.
#[derive(Debug, Clone, PartialEq)]
pub struct Disallowed {
    #[allow(missing_docs)]
    pub message: MessageId,
    #[allow(missing_docs)]
    pub result: ResultId,
    #[allow(missing_docs)]
    pub host: HostId,
    #[allow(missing_docs)]
    pub app: AppId,
    /// Seconds that the message claims, cumulative.
    pub claimed: f64,
    /// Seconds that were possible.
    pub allowed: f64,
    /// For a person.
    pub reason: String,
    /// When.
    pub time: f64,
    /// The message was paid the part that was possible.
    pub paid_in_part: bool,
}

impl Conn {
    /// Results of those names. The database compares names without case; callers compare again.
    pub async fn results_by_name(&mut self, names: &[&str]) -> Result<Loaded<ResultRow>> {
        if names.is_empty() {
            return Ok(Loaded::sort([]));
        }
        let rows = result::table
            .filter(result::name.eq_any(names))
            .select(rows::ResultRow::as_select())
            .load(&mut self.db)
            .await?;
        Ok(Loaded::sort(rows.into_iter().map(ResultRow::try_from)))
    }

    /// `delay_bound` (seconds) and `error_mask` of workunits.
    pub async fn bounds_and_errors(
        &mut self,
        workunits: &[WorkunitId],
    ) -> Result<Vec<(WorkunitId, i32, ErrorMask)>> {
        if workunits.is_empty() {
            return Ok(Vec::new());
        }
        let rows = workunit::table
            .filter(workunit::id.eq_any(workunits.iter().map(|id| id.0)))
            .select((workunit::id, workunit::delay_bound, workunit::error_mask))
            .load::<(i32, i32, i32)>(&mut self.db)
            .await?;
        Ok(rows.into_iter().map(|(id, seconds, mask)| (WorkunitId(id), seconds, ErrorMask(mask))).collect())
    }

    /// Marks of those results; a result without a mark was never paid. Lock the results first.
    pub async fn marks(&mut self, results: &[ResultId]) -> Result<Vec<Mark>> {
        if results.is_empty() {
            return Ok(Vec::new());
        }
        let rows = cobblestone_mark::table
            .filter(cobblestone_mark::resultid.eq_any(results.iter().map(|id| id.0)))
            .order(cobblestone_mark::resultid)
            .load::<(i32, i32, i32, f64, f64, f64, i32, f64, i32)>(&mut self.db)
            .await?;
        Ok(rows
            .into_iter()
            .map(
                |(result, host, app, seconds_paid, largest_claim, credit_paid, messages, time, sent_time)| {
                    Mark {
                        result: ResultId(result),
                        host: HostId(host),
                        app: AppId(app),
                        seconds_paid,
                        largest_claim,
                        credit_paid,
                        messages,
                        time,
                        sent_time,
                    }
                },
            )
            .collect())
    }
}

impl Tx {
    /// Locks results, by id.
    pub async fn lock_results(&mut self, ids: &[ResultId]) -> Result<Loaded<ResultRow>> {
        if ids.is_empty() {
            return Ok(Loaded::sort([]));
        }
        let rows = result::table
            .filter(result::id.eq_any(ids.iter().map(|id| id.0)))
            .order(result::id)
            .select(rows::ResultRow::as_select())
            .for_update()
            .load(&mut self.db)
            .await?;
        Ok(Loaded::sort(rows.into_iter().map(ResultRow::try_from)))
    }

    /// Moves deadlines of locked results, where they are as they were read: (result, old, new) in Unix seconds. No other
    /// column is written. Returns how many were moved.
    pub async fn extend_deadlines(&mut self, deadlines: &[(ResultId, i32, i32)]) -> Result<usize> {
        let values: Vec<_> =
            deadlines.iter().map(|(id, old, new)| vec![id.0.into(), (*old).into(), (*new).into()]).collect();
        let sets = [Set::Guard("report_deadline", Kind::Int), Set::To("report_deadline", Kind::Int)];
        bulk::update(self, "result", &["id"], &sets, &values).await
    }

    /// Leaves trickle-down messages for the scheduler to send: (host, variety, text). `now` in Unix seconds.
    pub async fn insert_msg_to_host(&mut self, messages: &[(HostId, &str, String)], now: i32) -> Result<()> {
        use crate::schema::boinc::msg_to_host as m;
        for chunk in messages.chunks(2000) {
            let rows: Vec<_> = chunk
                .iter()
                .map(|(host, variety, text)| {
                    (
                        m::create_time.eq(now),
                        m::hostid.eq(host.0),
                        m::variety.eq(*variety),
                        m::handled.eq(0),
                        m::xml.eq(text.as_bytes()),
                    )
                })
                .collect();
            diesel::insert_into(m::table).values(&rows).execute(&mut self.db).await?;
        }
        Ok(())
    }

    /// Marks locked messages as handled, as stock tools do.
    pub async fn mark_handled(&mut self, ids: &[MessageId]) -> Result<()> {
        for chunk in ids.chunks(5000) {
            let changed = diesel::update(
                msg_from_host::table
                    .filter(msg_from_host::id.eq_any(chunk.iter().map(|id| id.0)))
                    .filter(msg_from_host::handled.eq(0)),
            )
            .set(msg_from_host::handled.eq(1))
            .execute(&mut self.db)
            .await?;
            if changed != chunk.len() {
                return Err(Error::Count {
                    what: "marking messages as handled",
                    expected: chunk.len(),
                    changed,
                });
            }
        }
        Ok(())
    }

    /// Writes marks, new ones and changed ones.
    pub async fn write_marks(&mut self, marks: &[Mark]) -> Result<()> {
        let values: Vec<_> = marks
            .iter()
            .map(|mark| {
                vec![
                    mark.result.0.into(),
                    mark.host.0.into(),
                    mark.app.0.into(),
                    float(mark.seconds_paid),
                    float(mark.largest_claim),
                    float(mark.credit_paid),
                    mark.messages.into(),
                    float(mark.time),
                    mark.sent_time.into(),
                ]
            })
            .collect();
        let columns = [
            ("resultid", Kind::Int),
            ("hostid", Kind::Int),
            ("appid", Kind::Int),
            ("seconds_paid", Kind::Double),
            ("largest_claim", Kind::Double),
            ("credit_paid", Kind::Double),
            ("messages", Kind::Int),
            ("time", Kind::Double),
            ("sent_time", Kind::Int),
        ];
        bulk::upsert(self, "cobblestone_mark", &columns, &values).await
    }

    /// Records uptime that a settlement did not pay; it belongs to no message.
    pub async fn write_unsettled(&mut self, rows: &[Disallowed]) -> Result<()> {
        let rows: Vec<_> = rows
            .iter()
            .map(|row| DisallowedRow { messageid: None, messages: 0, ..DisallowedRow::of(row) })
            .collect();
        self.put_disallowed(&rows).await
    }

    /// Records uptime that was claimed and not paid; of a message that was released, over what was recorded before.
    pub async fn write_disallowed(&mut self, rows: &[Disallowed]) -> Result<()> {
        let rows: Vec<_> = rows.iter().map(DisallowedRow::of).collect();
        self.put_disallowed(&rows).await
    }

    /// Writes rows: new ones, and over those of the same message.
    pub(crate) async fn put_disallowed(&mut self, rows: &[DisallowedRow<'_>]) -> Result<()> {
        let values: Vec<_> = rows
            .iter()
            .map(|r| {
                vec![
                    r.messageid.into(),
                    r.resultid.into(),
                    r.hostid.into(),
                    r.appid.into(),
                    float(r.claimed),
                    float(r.allowed),
                    crate::text::cut(r.reason, 255).into(),
                    float(r.time),
                    float(r.since),
                    r.messages.into(),
                    r.paid_in_part.into(),
                ]
            })
            .collect();
        let columns = [
            ("messageid", Kind::Int),
            ("resultid", Kind::Int),
            ("hostid", Kind::Int),
            ("appid", Kind::Int),
            ("claimed", Kind::Double),
            ("allowed", Kind::Double),
            ("reason", Kind::Text(255)),
            ("time", Kind::Double),
            ("since", Kind::Double),
            ("messages", Kind::Int),
            ("paid_in_part", Kind::Int),
        ];
        bulk::upsert(self, "cobblestone_disallowed", &columns, &values).await
    }
}

/// One row of `cobblestone_disallowed` as it is written: all columns but the id.
pub(crate) struct DisallowedRow<'a> {
    pub messageid: Option<i32>,
    pub resultid: i32,
    pub hostid: i32,
    pub appid: i32,
    pub claimed: f64,
    pub allowed: f64,
    pub reason: &'a str,
    pub time: f64,
    pub since: f64,
    pub messages: i32,
    pub paid_in_part: i32,
}

impl<'a> DisallowedRow<'a> {
    fn of(row: &'a Disallowed) -> Self {
        Self {
            messageid: Some(row.message.0),
            resultid: row.result.0,
            hostid: row.host.0,
            appid: row.app.0,
            claimed: row.claimed,
            allowed: row.allowed,
            reason: &row.reason,
            time: row.time,
            since: row.time,
            messages: 1,
            paid_in_part: row.paid_in_part.into(),
        }
    }
}
