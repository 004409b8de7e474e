//! Payments turned into rows: ledger, marks, what was not paid, over-claims.
//!
//! Invariant: every message of the batch ends in exactly one place: counted in the mark of its result, counted for its
//! host, or set aside.

use std::collections::BTreeMap;

use boinc::id::{AppId, HostId, ResultId, WorkunitId};
use boinc::ledger::{LedgerEntry, LedgerKind};
use boinc::record::ResultRow;
use rules::RULE_VERSION;
use rules::books::{Books, ByApp};
use rules::uptime::{Bound, Fate, Meaning};
use store::increments::IncrementSum;
use store::trickles::{Disallowed, Mark as MarkRow};

use crate::aside::Few;
use crate::claim::Aside;
use crate::decide::{Item, NewMark};

/// Seconds before now at which trickled work counts as begun, for the recent average: as stock trickle_credit.
const START_OF_WORK: f64 = 86_400.0;

/// What became of a batch.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Paid in full for what was new in them.
    pub paid: u64,
    /// Nothing that was not paid before.
    pub nothing_new: u64,
    /// Claimed more than was possible; the possible part is paid.
    pub capped: u64,
    /// Claimed more than was possible; a person decides.
    pub held: u64,
    /// Claimed more than was possible; nothing is paid.
    pub ignored: u64,
    /// Guest reports, that are no claims.
    pub reported: u64,
    /// Could not be used.
    pub set_aside: u64,
    /// Not this daemon's: unhandled still.
    pub left_alone: u64,
}

impl Counts {
    /// Adds those of another part of the batch.
    pub fn add(&mut self, other: Self) {
        self.paid += other.paid;
        self.nothing_new += other.nothing_new;
        self.capped += other.capped;
        self.held += other.held;
        self.ignored += other.ignored;
        self.reported += other.reported;
        self.set_aside += other.set_aside;
        self.left_alone += other.left_alone;
    }

    /// Messages that were handled.
    pub fn handled(&self) -> u64 {
        self.paid + self.nothing_new + self.capped + self.held + self.ignored + self.reported + self.set_aside
    }
}

/// Everything that the transaction writes, apart from what was decided already.
#[derive(Debug, Default)]
pub struct Writes {
    pub entries: Vec<LedgerEntry>,
    pub granted: Vec<(ResultId, f64)>,
    pub marks: Vec<MarkRow>,
    pub sums: Vec<IncrementSum>,
    pub disallowed: Vec<Disallowed>,
    pub aside: Vec<Aside>,
    pub host_messages: BTreeMap<HostId, i32>,
    pub over_claims: BTreeMap<(HostId, AppId), i32>,
    pub counts: Counts,
    told: Few,
    /// Per result: credit, messages counted.
    sums_of: BTreeMap<ResultId, (f64, i32)>,
}

impl Writes {
    /// Grants what an item is paid and notes what became of it. `result` is its row, if it has one.
    pub fn settle(
        &mut self,
        books: &mut Books,
        item: &Item,
        result: Option<&ResultRow>,
        now: f64,
        credit_by_app: bool,
    ) {
        let (payment, message) = (&item.payment, item.payment.message);
        if let Fate::NotPayable { reason } = payment.fate {
            self.aside.push(Aside::unusable(message, reason));
            return;
        }
        if gains(item) {
            let by_app = (credit_by_app && item.app != AppId(0)).then_some(ByApp {
                app: item.app,
                owner: None,
                jobs: 0,
            });
            match books.grant(item.host, payment.credit, now - START_OF_WORK, now, by_app) {
                Ok(payee) => self.entries.push(LedgerEntry {
                    when: now,
                    kind: LedgerKind::Uptime,
                    message,
                    result: item.result,
                    workunit: result.map_or(WorkunitId(0), |row| row.workunitid),
                    host: payee.host,
                    user: payee.user,
                    team: payee.team,
                    app: item.app,
                    seconds: payment.fate.paid_seconds(),
                    flops: payment.flops,
                    credit: payment.credit,
                    rule_version: RULE_VERSION,
                    reason: reason(item),
                    by_app: payee.by_app,
                }),
                // `decide` has seen to it that this does not happen.
                Err(error) => {
                    self.aside.push(Aside::unusable(message, error));
                    return;
                }
            }
        }
        self.note(item, now);
        if let Fate::Held { reason, .. } = payment.fate {
            self.aside.push(Aside::held(message, format!("held: {reason}")));
            return;
        }
        if item.result == ResultId(0) {
            *self.host_messages.entry(item.host).or_default() += 1;
        } else {
            let (credit, counted) = self.sums_of.entry(item.result).or_default();
            *credit += payment.credit;
            *counted += 1;
        }
    }

    /// Counts, and what was claimed and not paid.
    fn note(&mut self, item: &Item, now: f64) {
        match item.payment.fate {
            Fate::Paid { .. } => self.counts.paid += 1,
            Fate::NothingNew | Fate::Repeat => self.counts.nothing_new += 1,
            Fate::Capped { .. } => self.counts.capped += 1,
            Fate::Held { .. } => self.counts.held += 1,
            Fate::Ignored { .. } => self.counts.ignored += 1,
            Fate::NotPayable { .. } => {}
        }
        // One that a person released was counted when it came.
        if item.payment.fate.is_over_claim() && !item.released {
            *self.over_claims.entry((item.host, item.app)).or_default() += 1;
        }
        if let Some((disallowed, reason)) = item.payment.fate.disallowed() {
            self.disallow(item, disallowed, reason, now);
        }
    }

    fn disallow(&mut self, item: &Item, disallowed: f64, reason: Bound, now: f64) {
        let message = item.payment.message;
        let (id, result, host, claimed) = (message.0, item.result.0, item.host.0, item.claimed);
        let reason = limit(item, reason);
        if self.told.one() {
            tracing::info!(message = id, result, host, claimed, disallowed, "claims too much: {reason}");
        } else {
            tracing::debug!(message = id, result, host, claimed, disallowed, "claims too much: {reason}");
        }
        self.disallowed.push(Disallowed {
            message,
            result: item.result,
            host: item.host,
            app: item.app,
            claimed: item.claimed,
            allowed: item.claimed - disallowed,
            reason,
            time: now,
            paid_in_part: gains(item),
        });
    }

    /// How many claims more than were told.
    pub fn tell_the_rest(&self) {
        if self.told.rest() > 0 {
            tracing::info!(more = self.told.rest(), "more messages claim too much; -d 3 shows each");
        }
    }

    /// The new marks, after all items were settled.
    pub fn close(&mut self, marks: &[NewMark], old_rows: &BTreeMap<ResultId, MarkRow>, now: f64) {
        for mark in marks {
            let (credit, counted) = self.sums_of.get(&mark.result).copied().unwrap_or_default();
            if credit > 0.0 {
                self.granted.push((mark.result, credit));
            }
            // What is held back still shows as the largest claim.
            if counted == 0 && mark.new == mark.old {
                continue;
            }
            let (credit_before, messages_before) =
                old_rows.get(&mark.result).map_or((0.0, 0), |old| (old.credit_paid, old.messages));
            self.marks.push(MarkRow {
                result: mark.result,
                host: mark.host,
                app: mark.app,
                seconds_paid: mark.new.paid_seconds,
                largest_claim: mark.new.largest_claim,
                credit_paid: credit_before + credit,
                messages: messages_before + counted,
                time: now,
                sent_time: mark.sent_time,
            });
            let sum = |mark: &rules::uptime::Mark| (mark.increments, mark.latest_increment);
            if sum(&mark.new) != sum(&mark.old) {
                self.sums.push(IncrementSum {
                    result: mark.result,
                    increments: mark.new.increments,
                    latest: mark.new.latest_increment,
                });
            }
        }
    }
}

/// Whether totals or averages of its host change. Without a result, seconds that are worth nothing are granted, too:
/// as stock does, which brings the averages up to date.
pub fn gains(item: &Item) -> bool {
    item.payment.credit > 0.0 || (item.result == ResultId(0) && item.payment.fate.paid_seconds() > 0.0)
}

/// What a ledger row says of a payment.
fn reason(item: &Item) -> String {
    let claimed = item.claimed;
    let what = match (item.meaning, item.result) {
        (Meaning::Cumulative, _) => "uptime up to",
        (Meaning::Increment, ResultId(0)) => "run time of",
        (Meaning::Increment, _) => "uptime of another",
    };
    match item.payment.fate {
        Fate::Capped { disallowed, reason, .. } => {
            let reason = limit(item, reason);
            format!("{what} {} s; claimed {} s: {reason}", digits(claimed - disallowed), digits(claimed))
        }
        _ => format!("{what} {} s", digits(claimed)),
    }
}

/// With all its digits, but not hundreds of zeros.
fn digits(seconds: f64) -> String {
    if seconds == 0.0 || (1e-6..1e15).contains(&seconds.abs()) {
        format!("{seconds}")
    } else {
        format!("{seconds:e}")
    }
}

/// What a claim exceeds. An application of nobody pays as stock does: its limit is a flag.
fn limit(item: &Item, bound: Bound) -> String {
    match (bound, item.app) {
        (Bound::Increment, AppId(0)) => "more than max_runtime allows one message".to_owned(),
        _ => bound.to_string(),
    }
}
