//! Messages that name no result, as stock trickle_credit takes them: `<runtime>x</runtime>`.
//!
//! All that bounds them is `max_seconds` each, and the host's day if the app has a cap. They are paid with the
//! FLOPS of one processor of the host ([`HostRates`]).

use std::collections::BTreeMap;

use boinc::trickle::Identity;

use super::days::{HostDays, days_between};
use super::demand::{Demand, unpaid};
use super::flops::HostRates;
use super::policy::UptimePolicy;
use super::{Bound, Fate, Payment, Refusal};
use crate::credit::cobblestones;

/// A larger claim, also an infinite one, counts as this many seconds: a database can't hold infinity.
const LARGEST_CLAIM: f64 = 1e15;

/// Decides demands of one host that are not held against a result, in the order given. `p_fpops` is the host's.
///
/// With [`UptimePolicy::stock`] and [`HostRates::stock`] this is stock's rule: min(x, max_runtime) · FLOPS; what is
/// not above 0 is unusable. A message that has an identity (stock does not look at it) counts once: `known` as in
/// [`super::decide_demands`]. Returns the payments, and the identities to keep with them.
///
/// A payment of seconds may be worth no credit, where the benchmark is 0: stock grants it, which brings the averages
/// of host, user and team up to date.
/// Source: `handle_trickle` in `sched/trickle_credit.cpp`.
#[must_use]
pub fn decide_without_result(
    p_fpops: f64,
    rates: &HostRates,
    known: &BTreeMap<Identity, f64>,
    days: &mut HostDays,
    demands: &[Demand<'_>],
    policy: &UptimePolicy,
) -> (Vec<Payment>, BTreeMap<Identity, f64>) {
    let flops = rates.rate(p_fpops);
    let mut identities = BTreeMap::new();
    let payments = demands
        .iter()
        .map(|demand| {
            let fate = fate(known, &mut identities, days, demand, policy);
            let credit = cobblestones(fate.paid_seconds() * flops);
            Payment { message: demand.message, fate, credit, flops }
        })
        .collect();
    (payments, identities)
}

fn fate(
    known: &BTreeMap<Identity, f64>,
    identities: &mut BTreeMap<Identity, f64>,
    days: &mut HostDays,
    demand: &Demand<'_>,
    policy: &UptimePolicy,
) -> Fate {
    let refused = |reason| Fate::NotPayable { reason };
    if !policy.enabled {
        return refused(Refusal::Disabled);
    }
    if demand.rule.needs_result {
        return refused(Refusal::NoResult);
    }
    // Infinity is above 0, and paid as max_seconds: as stock does.
    if demand.seconds.is_nan() || demand.seconds <= 0.0 {
        return refused(Refusal::NotPositive);
    }
    let claimed = demand.seconds.min(LARGEST_CLAIM);
    let good_for = claimed.min(demand.rule.increment_limit());
    let beyond = claimed - good_for;
    if beyond > 0.0
        && let Some(fate) = unpaid(policy, demand.released, beyond, Bound::Increment)
    {
        return fate;
    }
    if let Some(identity) = demand.identity {
        if known.contains_key(&identity) || identities.contains_key(&identity) {
            return Fate::Repeat;
        }
        identities.insert(identity, good_for);
    }
    // As far back as these seconds reach; the cast saturates.
    let began = demand.create_time.saturating_sub(good_for.ceil() as i32);
    let paid = days.take(days_between(began, demand.create_time), good_for);
    let missed = good_for - paid;
    if beyond > 0.0 {
        Fate::Capped { paid, disallowed: beyond + missed, reason: Bound::Increment }
    } else if missed > 0.0 {
        Fate::Capped { paid, disallowed: missed, reason: Bound::HostDay }
    } else {
        Fate::Paid { seconds: paid }
    }
}
