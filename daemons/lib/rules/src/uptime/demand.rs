//! The demands of one result, decided one after the other.

use std::collections::BTreeMap;

use boinc::id::{HostId, MessageId};
use boinc::state::ServerState;
use boinc::trickle::{Identity, Meaning};

use super::days::{HostDays, days_between};
use super::policy::{ClaimRule, OverClaims, UptimePolicy};
use super::{Bound, Claim, Fate, Mark, Payment, Refusal, ResultFacts};
use crate::credit::cobblestones;

/// Seconds.
const MILLISECOND: f64 = 1e-3;

/// Relative difference below which seconds that were computed back from credit count as equal.
const ROUNDING: f64 = 1e-9;

/// One message's claim, with the rule that its variety is declared with.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Demand<'r> {
    #[allow(missing_docs)]
    pub message: MessageId,
    /// Who sent it: authenticated.
    pub host: HostId,
    /// When the server stored it, Unix seconds.
    pub create_time: i32,
    /// The number in the message, in the rule's unit.
    pub seconds: f64,
    /// What the number means.
    pub rule: &'r ClaimRule,
    /// Which message it is; None when it lacks result name or time, and then only its row tells it from others.
    /// Cumulative claims need none.
    pub identity: Option<Identity>,
    /// A person released it: what is possible of it is paid, whatever `over_claims` says.
    pub released: bool,
}

/// What is decided, and the state that goes with it. All of it is to be written in one transaction.
#[derive(Debug, Clone, PartialEq)]
pub struct Decision {
    /// One per demand, in their order.
    pub payments: Vec<Payment>,
    /// How far the result is paid now.
    pub mark: Mark,
    /// Identities that are new, or good for more than was known: seconds of wall clock that each is good for now.
    pub identities: BTreeMap<Identity, f64>,
}

/// Decides the cumulative claims of one result, in the order given, without a cap on the host's day; of an over-claim
/// the possible part is paid. The new mark is to be written with the payments. See [`decide_demands`] for all kinds.
#[must_use]
pub fn decide(
    facts: &ResultFacts,
    mark: Mark,
    claims: &[Claim],
    policy: &UptimePolicy,
) -> (Vec<Payment>, Mark) {
    let rule = ClaimRule::wrapper();
    let demands: Vec<Demand<'_>> = claims
        .iter()
        .map(|claim| Demand {
            message: claim.message,
            host: claim.host,
            create_time: claim.create_time,
            seconds: claim.seconds,
            rule: &rule,
            identity: None,
            released: true,
        })
        .collect();
    let days = &mut HostDays::unlimited();
    let decision = decide_demands(facts, mark, &BTreeMap::new(), days, &demands, policy);
    (decision.payments, decision.mark)
}

/// Decides the demands of one result, in the order given.
///
/// `known` holds what each identity among the demands was good for before (see [`Decision::identities`]); those that
/// were never seen are missing. `days` are those of the host, shared with its other results. See the module's
/// documentation for what is paid.
#[must_use]
pub fn decide_demands(
    facts: &ResultFacts,
    mark: Mark,
    known: &BTreeMap<Identity, f64>,
    days: &mut HostDays,
    demands: &[Demand<'_>],
    policy: &UptimePolicy,
) -> Decision {
    let flops = facts.flops(policy);
    let settled = facts.settled_credit.map_or(0.0, |credit| credit / cobblestones(flops) * (1.0 + ROUNDING));
    let room = policy.max_credit.map_or(f64::INFINITY, |max| max - facts.paid_credit) / cobblestones(flops);
    let mut account =
        Account { facts, policy, settled, room, mark, known, days, identities: BTreeMap::new() };
    let payments = demands
        .iter()
        .map(|demand| {
            let fate = match refusal(facts, demand, policy) {
                Some(reason) => Fate::NotPayable { reason },
                None if demand.rule.meaning == Meaning::Cumulative => account.cumulative(demand),
                None => account.increment(demand),
            };
            let credit = cobblestones(fate.paid_seconds() * flops);
            Payment { message: demand.message, fate, credit, flops }
        })
        .collect();
    Decision { payments, mark: account.mark, identities: account.identities }
}

/// Why a demand can't be paid at all, apart from its number.
fn refusal(facts: &ResultFacts, demand: &Demand<'_>, policy: &UptimePolicy) -> Option<Refusal> {
    let unsent =
        facts.sent_time <= 0 || matches!(facts.server_state, ServerState::Inactive | ServerState::Unsent);
    if !policy.enabled {
        Some(Refusal::Disabled)
    } else if unsent {
        Some(Refusal::NeverSent)
    } else if demand.host != facts.host {
        Some(Refusal::OtherHost)
    } else if !demand.seconds.is_finite() || demand.seconds < 0.0 {
        Some(Refusal::Absurd)
    } else {
        None
    }
}

/// What becomes of an over-claim that is not to be paid in part; None when it is.
pub(super) fn unpaid(policy: &UptimePolicy, released: bool, disallowed: f64, reason: Bound) -> Option<Fate> {
    match policy.over_claims {
        _ if released => None,
        OverClaims::Cap => None,
        OverClaims::Hold => Some(Fate::Held { disallowed, reason }),
        OverClaims::Ignore => Some(Fate::Ignored { disallowed, reason }),
    }
}

/// A result's account while its demands are decided.
struct Account<'a> {
    facts: &'a ResultFacts,
    policy: &'a UptimePolicy,
    /// Seconds that the validator's settlement is worth.
    settled: f64,
    /// Seconds that may still be paid before the result's credit reaches its cap.
    room: f64,
    mark: Mark,
    known: &'a BTreeMap<Identity, f64>,
    days: &'a mut HostDays,
    identities: BTreeMap<Identity, f64>,
}

/// A first reason for seconds that are not paid, and how many.
#[derive(Default)]
struct Cuts {
    disallowed: f64,
    reason: Option<Bound>,
}

impl Cuts {
    fn cut(&mut self, seconds: f64, reason: Bound) {
        if seconds > 0.0 {
            self.disallowed += seconds;
            self.reason.get_or_insert(reason);
        }
    }

    fn add(&mut self, other: Self) {
        self.disallowed += other.disallowed;
        self.reason = self.reason.or(other.reason);
    }

    fn fate(self, paid: f64) -> Fate {
        match self.reason {
            Some(reason) => Fate::Capped { paid, disallowed: self.disallowed, reason },
            None if paid > 0.0 => Fate::Paid { seconds: paid },
            None => Fate::NothingNew,
        }
    }
}

impl Account<'_> {
    fn cumulative(&mut self, demand: &Demand<'_>) -> Fate {
        let claimed = self.facts.elapsed(demand.seconds, demand.rule.unit);
        self.mark.largest_claim = self.mark.largest_claim.max(claimed);
        let (bound, reason) = self.facts.bound(demand.create_time, self.policy);
        let beyond = claimed - bound;
        // elapsed_time and the wrapper's own count differ a little on honest hosts.
        let tolerated = if reason == Bound::Reported { self.policy.slack_seconds } else { 0.0 };
        let over = beyond > tolerated;
        if over
            && reason.is_over_claim()
            && let Some(fate) = unpaid(self.policy, demand.released, beyond, reason)
        {
            return fate;
        }
        let mut cuts = Cuts::default();
        cuts.cut(if over { beyond } else { 0.0 }, reason);
        let paid = self.pay(claimed.min(bound), demand.create_time, &mut cuts);
        cuts.fate(paid)
    }

    fn increment(&mut self, demand: &Demand<'_>) -> Fate {
        let unit = demand.rule.unit;
        let claimed = self.facts.elapsed(demand.seconds, unit);
        let most = self.facts.elapsed(demand.rule.increment_limit(), unit);
        let (possible, reason) = self.facts.possible(demand.create_time, self.policy);
        let (possible, reason) = if most < possible { (most, Bound::Increment) } else { (possible, reason) };
        let good_for = claimed.min(possible);
        let beyond = claimed - good_for;
        let before = demand.identity.and_then(|identity| {
            self.identities.get(&identity).or_else(|| self.known.get(&identity)).copied()
        });
        // A copy that adds nothing to one that counts, because it was stored later or released, is no over-claim.
        let adds = before.is_none_or(|before| good_for > before);
        if beyond > 0.0
            && adds
            && let Some(fate) = unpaid(self.policy, demand.released, beyond, reason)
        {
            return fate;
        }
        let fresh = (good_for - before.unwrap_or(0.0)).max(0.0);
        if let Some(identity) = demand.identity.filter(|_| adds) {
            self.identities.insert(identity, good_for);
        }
        self.mark.increments += fresh;
        self.mark.latest_increment = self.mark.latest_increment.max(demand.create_time);

        let latest = self.mark.latest_increment;
        let (bound, total_reason) = self.facts.bound(latest, self.policy);
        let mut missed = Cuts::default();
        let paid = self.pay(self.mark.increments.min(bound), latest, &mut missed);
        if before.is_some() && fresh <= 0.0 && paid <= 0.0 {
            return Fate::Repeat;
        }
        let mut cuts = Cuts::default();
        cuts.cut(beyond, reason);
        cuts.cut((self.mark.increments - bound).min(fresh), total_reason);
        cuts.add(missed);
        cuts.fate(paid)
    }

    /// Pays the result up to `target` seconds, out of the days up to that of `time`, while its credit is below its cap.
    /// Returns what is paid now, and adds what there was no room for.
    fn pay(&mut self, target: f64, time: i32, missed: &mut Cuts) -> f64 {
        let covered = self.mark.paid_seconds.max(self.settled);
        let due = (target - covered).max(0.0);
        // What is left by rounding is nothing.
        let wanted = if self.room > MILLISECOND { due.min(self.room) } else { 0.0 };
        // After the report nothing ran: as for the settlement, which takes from the same days.
        let end = self.facts.received_time.map_or(time, |received| time.min(received));
        let paid =
            if wanted > 0.0 { self.days.take(days_between(self.facts.sent_time, end), wanted) } else { 0.0 };
        let reached = if paid < due { covered + paid } else { target };
        self.mark.paid_seconds = self.mark.paid_seconds.max(reached);
        self.room -= paid;
        missed.cut(due - wanted, Bound::Credit);
        missed.cut(wanted - paid, Bound::HostDay);
        paid
    }
}
