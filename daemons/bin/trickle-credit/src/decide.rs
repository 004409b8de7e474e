//! What the messages of a batch are paid, decided on locked rows.
//!
//! Invariant: all of a result's messages are decided together, or none is: when its payment can't be granted, its mark
//! stays as it was.

use std::collections::{BTreeMap, BTreeSet};

use boinc::id::{AppId, HostId, MessageId, ResultId};
use boinc::record::{Host, ResultRow};
use boinc::trickle::{Identity, Meaning};
use rules::books::BooksError;
use rules::uptime::{
    ClaimRule, Demand, Fate, HostDays, Mark, Payment, ResultFacts, Unit, UptimePolicy, decide_demands,
    decide_without_result, processors,
};
use store::increments::{Increment, IncrementSum};
use store::trickles::Mark as MarkRow;

use crate::claim::{Aside, Asked};
use crate::policies::{Payer, Policies};
use crate::sort::Sorted;

/// A larger claim is taken as this many seconds, some 300 years: more than is ever possible, and small enough that sums
/// and differences keep their digits.
const LARGEST_CLAIM: f64 = 1e10;

/// What was read under the locks.
#[derive(Debug, Default)]
pub struct Locked {
    /// `sent_time` is when each was first sent.
    pub results: BTreeMap<ResultId, ResultRow>,
    pub hosts: BTreeMap<HostId, Host>,
    /// Processors of the hosts; only for claims in CPU seconds.
    pub processors: BTreeMap<HostId, i32>,
    pub marks: BTreeMap<ResultId, MarkRow>,
    pub sums: BTreeMap<ResultId, IncrementSum>,
    pub known: BTreeMap<Identity, f64>,
    /// Of hosts and applications with a cap; all others have none.
    pub days: BTreeMap<(HostId, AppId), HostDays>,
    /// A person released them.
    pub released: BTreeSet<MessageId>,
}

/// One message with its payment.
#[derive(Debug)]
pub struct Item {
    pub host: HostId,
    /// 0 = none.
    pub app: AppId,
    /// 0 = none.
    pub result: ResultId,
    pub payment: Payment,
    pub meaning: Meaning,
    /// Seconds of wall clock.
    pub claimed: f64,
    pub released: bool,
}

/// How far a result is paid after the batch.
#[derive(Debug)]
pub struct NewMark {
    pub result: ResultId,
    pub host: HostId,
    pub app: AppId,
    /// When it was first sent.
    pub sent_time: i32,
    pub old: Mark,
    pub new: Mark,
}

/// What is decided.
#[derive(Debug, Default)]
pub struct Decided {
    /// In the order of message ids.
    pub items: Vec<Item>,
    pub marks: Vec<NewMark>,
    pub increments: Vec<Increment>,
    pub days: BTreeMap<(HostId, AppId), HostDays>,
    pub aside: Vec<Aside>,
}

/// Decides about all messages.
pub fn decide(sorted: &Sorted, policies: &Policies, variety: &str, mut locked: Locked, now: f64) -> Decided {
    let mut decided = Decided { days: std::mem::take(&mut locked.days), ..Decided::default() };
    for (id, asked) in &sorted.by_result {
        let row = locked.results.get(id);
        let found = row.and_then(|row| Some((row, policies.of(row.appid, variety)?)));
        match found {
            Some((row, (policy, rule))) => decided.result(&locked, row, policy, rule, asked, now),
            None => decided.set_aside(asked, "its result is gone from the database"),
        }
    }
    for (host, asked) in &sorted.by_host {
        match policies.payer(variety) {
            Ok(Some(payer)) => decided.host(&locked, *host, &payer, asked, now),
            _ => decided.set_aside(asked, "no application takes messages without a result any more"),
        }
    }
    decided.items.sort_by_key(|item| item.payment.message);
    decided
}

fn demands<'r>(
    asked: &[Asked],
    rule: &'r ClaimRule,
    released: &BTreeSet<MessageId>,
    now: f64,
) -> Vec<Demand<'r>> {
    asked
        .iter()
        .map(|a| Demand {
            message: a.message,
            host: a.host,
            // A server whose clock was ahead stored it in time to come; no more than till now is possible.
            create_time: a.create_time.min(now as i32),
            seconds: if a.seconds.is_finite() { a.seconds.min(LARGEST_CLAIM) } else { a.seconds },
            rule,
            identity: a.identity,
            released: released.contains(&a.message),
        })
        .collect()
}

impl Decided {
    fn set_aside(&mut self, asked: &[Asked], reason: impl ToString) {
        self.aside.extend(asked.iter().map(|a| Aside::unusable(a.message, reason.to_string())));
    }

    fn result(
        &mut self,
        locked: &Locked,
        row: &ResultRow,
        policy: &UptimePolicy,
        rule: &ClaimRule,
        asked: &[Asked],
        now: f64,
    ) {
        let host = locked.hosts.get(&row.hostid);
        let mut facts = ResultFacts::of(row);
        if rule.unit == Unit::Cpu {
            let count = locked.processors.get(&row.hostid).copied().unwrap_or(1);
            facts.processors = host.map_or(1.0, |host| processors(row.flops_estimate, host.p_fpops, count));
        }
        facts.paid_credit = locked.marks.get(&row.id).map_or(0.0, |mark| mark.credit_paid);
        let sum = locked.sums.get(&row.id);
        let old = locked.marks.get(&row.id).map_or_else(Mark::default, |mark| Mark {
            paid_seconds: mark.seconds_paid,
            largest_claim: mark.largest_claim,
            increments: sum.map_or(0.0, |sum| sum.increments),
            latest_increment: sum.map_or(0, |sum| sum.latest),
        });
        let key = (row.hostid, row.appid);
        let mut days = self.days.get(&key).cloned().unwrap_or_default();
        let demands = demands(asked, rule, &locked.released, now);
        let decision = decide_demands(&facts, old, &locked.known, &mut days, &demands, policy);

        if let Some(error) = cannot_grant(host, row.hostid, &decision.payments) {
            for (asked, payment) in asked.iter().zip(&decision.payments) {
                let reason = match payment.fate {
                    Fate::NotPayable { reason } => reason.to_string(),
                    _ => error.to_string(),
                };
                self.aside.push(Aside::unusable(asked.message, reason));
            }
            return;
        }
        self.days.insert(key, days);
        self.marks.push(NewMark {
            result: row.id,
            host: row.hostid,
            app: row.appid,
            sent_time: row.sent_time,
            old,
            new: decision.mark,
        });
        self.keep_increments(decision.identities, row.id, row.hostid, now);
        for (demand, payment) in demands.iter().zip(decision.payments) {
            let divisor = if rule.unit == Unit::Cpu { facts.processors } else { 1.0 };
            self.items.push(Item {
                host: row.hostid,
                app: row.appid,
                result: row.id,
                payment,
                meaning: rule.meaning,
                claimed: demand.seconds / divisor,
                released: demand.released,
            });
        }
    }

    fn host(&mut self, locked: &Locked, host: HostId, payer: &Payer<'_>, asked: &[Asked], now: f64) {
        let Some(row) = locked.hosts.get(&host) else {
            return self.set_aside(asked, BooksError::NoHost(host));
        };
        let key = (host, payer.app);
        let mut days = self.days.get(&key).cloned().unwrap_or_default();
        let demands = demands(asked, payer.rule, &locked.released, now);
        let (payments, identities) = decide_without_result(
            row.p_fpops,
            &payer.rates,
            &locked.known,
            &mut days,
            &demands,
            payer.policy,
        );
        if let Some(error) = cannot_grant(Some(row), host, &payments) {
            return self.set_aside(asked, error);
        }
        self.days.insert(key, days);
        self.keep_increments(identities, ResultId(0), host, now);
        for (demand, payment) in demands.iter().zip(payments) {
            self.items.push(Item {
                host,
                app: payer.app,
                result: ResultId(0),
                payment,
                meaning: payer.rule.meaning,
                claimed: demand.seconds,
                released: demand.released,
            });
        }
    }

    fn keep_increments(
        &mut self,
        identities: BTreeMap<Identity, f64>,
        result: ResultId,
        host: HostId,
        now: f64,
    ) {
        let increments = identities.into_iter().map(|(identity, good_for)| Increment {
            identity,
            result,
            host,
            good_for,
            time: now,
        });
        self.increments.extend(increments);
    }
}

/// Why the payments can't be granted.
fn cannot_grant(row: Option<&Host>, host: HostId, payments: &[Payment]) -> Option<BooksError> {
    if let Some(payment) = payments.iter().find(|payment| !payment.credit.is_finite()) {
        return Some(BooksError::NotFinite { host, credit: payment.credit });
    }
    (row.is_none() && payments.iter().any(|payment| payment.credit > 0.0)).then_some(BooksError::NoHost(host))
}
