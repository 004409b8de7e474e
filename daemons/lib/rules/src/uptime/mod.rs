//! What cumulative uptime claims are paid: every second once.
//!
//! A claim says "this task has run for so many seconds so far". What a message is good for depends on the
//! message and its result only: min(claim, [bound](ResultFacts::bound)). The [`Mark`] of a result is the largest
//! of these so far; a message is paid what it adds to the mark. The total is therefore the largest amount that
//! any message is good for, whatever the order, the repetitions, claims that step back, and the cut into passes.
//!
//! Invariant: nothing is paid twice and nothing is taken back here. When the task is reported with less
//! elapsed_time than was paid, later messages add nothing. When the validator has settled the result, a late
//! message adds only what exceeds what the result got, so that settling before or after it ends in the same
//! total. Killed before mark and payment are committed together, neither happened.

mod policy;

use boinc::id::{HostId, MessageId, ResultId};
use boinc::record::ResultRow;
use boinc::state::{Outcome, ServerState, ValidateState};
use serde::{Deserialize, Serialize};

use crate::credit::{cobblestones, usable_flops};

pub use policy::{PolicyError, UptimePolicy};

/// Below this many seconds, elapsed_time was not reported and cpu_time stands in (as in `sched/credit.cpp`).
const NO_ELAPSED_TIME: f64 = 1e-6;

/// Relative difference below which seconds that were computed back from credit count as equal.
const ROUNDING: f64 = 1e-9;

/// What the rules need to know about a result.
#[derive(Debug, Clone, PartialEq)]
pub struct ResultFacts {
    #[allow(missing_docs)]
    pub id: ResultId,
    /// The host that it was sent to.
    pub host: HostId,
    #[allow(missing_docs)]
    pub server_state: ServerState,
    #[allow(missing_docs)]
    pub outcome: Outcome,
    #[allow(missing_docs)]
    pub validate_state: ValidateState,
    /// When it was sent, Unix seconds; 0 = never.
    pub sent_time: i32,
    /// When it was reported, Unix seconds; None until then.
    pub received_time: Option<i32>,
    /// Seconds that the task ran, once reported.
    pub elapsed_time: Option<f64>,
    /// FLOPS of the processors that it used, as in the row.
    pub flops_estimate: f64,
    /// What it got in all (`result.granted_credit`), once the validator settled it.
    pub settled_credit: Option<f64>,
}

impl ResultFacts {
    /// From its row. Reported means that its client said how it ended: no reply and detaching are no report.
    #[must_use]
    pub fn of(row: &ResultRow) -> Self {
        let over = row.server_state == ServerState::Over;
        let told = matches!(row.outcome, Outcome::Success | Outcome::ClientError | Outcome::ValidateError);
        let reported = over && told && row.received_time > 0;
        let elapsed = if row.elapsed_time < NO_ELAPSED_TIME { row.cpu_time } else { row.elapsed_time };
        Self {
            id: row.id,
            host: row.hostid,
            server_state: row.server_state,
            outcome: row.outcome,
            validate_state: row.validate_state,
            sent_time: row.sent_time,
            received_time: reported.then_some(row.received_time),
            elapsed_time: reported.then_some(elapsed),
            flops_estimate: row.flops_estimate,
            settled_credit: (row.validate_state == ValidateState::Valid).then_some(row.granted_credit),
        }
    }

    /// FLOPS that its seconds are paid with.
    #[must_use]
    pub fn flops(&self, policy: &UptimePolicy) -> f64 {
        let (flops, _) = usable_flops(self.flops_estimate);
        policy.max_flops.map_or(flops, |max| flops.min(max))
    }

    /// Most seconds that a message which the server stored at `time` can be good for, and what sets the limit:
    /// min(time − sent_time + slack, elapsed_time once reported, lifetime), never below 0.
    #[must_use]
    pub fn bound(&self, time: i32, policy: &UptimePolicy) -> (f64, Bound) {
        let wall = f64::from(time) - f64::from(self.sent_time) + policy.slack_seconds;
        let limits = [
            (Some(wall), Bound::WallClock),
            (self.elapsed_time, Bound::Reported),
            (policy.max_lifetime_seconds, Bound::Lifetime),
        ];
        let (seconds, bound) =
            limits.into_iter().filter_map(|(seconds, bound)| seconds.map(|seconds| (seconds, bound))).fold(
                (f64::INFINITY, Bound::WallClock),
                |least, next| if next.0 < least.0 { next } else { least },
            );
        (if seconds.is_finite() { seconds.max(0.0) } else { 0.0 }, bound)
    }

    /// Seconds that the result is worth when it is settled: what it reported, within the bound at the time it was
    /// reported. None until it is reported.
    #[must_use]
    pub fn final_seconds(&self, policy: &UptimePolicy) -> Option<f64> {
        let received = self.received_time?;
        Some(self.bound(received, policy).0)
    }
}

/// How far a result has been paid. Kept per result, in the same transaction as the payment.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Mark {
    /// Seconds paid: the most that any message was good for.
    pub paid_seconds: f64,
    /// The largest claim seen, also beyond the bound.
    pub largest_claim: f64,
}

/// One message's claim.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Claim {
    #[allow(missing_docs)]
    pub message: MessageId,
    /// Who sent it: authenticated.
    pub host: HostId,
    /// When the server stored it, Unix seconds.
    pub create_time: i32,
    /// Seconds that the task has run so far, says the volunteer's machine.
    pub seconds: f64,
}

/// Which limit cut a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Bound {
    /// More than passed since the result was sent.
    WallClock,
    /// More than the result's reported elapsed_time.
    Reported,
    /// More than the app's `max_lifetime_seconds`.
    Lifetime,
}

impl std::fmt::Display for Bound {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::WallClock => "more than the wall clock since it was sent",
            Self::Reported => "more than its reported elapsed_time",
            Self::Lifetime => "more than the app's max_lifetime_seconds",
        })
    }
}

/// Why a message can't be paid at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    /// The app does not pay uptime.
    Disabled,
    /// The result was never sent to a host.
    NeverSent,
    /// The result was sent to another host.
    OtherHost,
    /// The claim is negative or no number.
    Absurd,
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Disabled => "uptime credit is not enabled for this app",
            Self::NeverSent => "the result was never sent",
            Self::OtherHost => "the result belongs to another host",
            Self::Absurd => "the claim is negative or no number",
        })
    }
}

/// What becomes of a message.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Fate {
    /// It adds seconds to what was paid.
    Paid {
        #[allow(missing_docs)]
        seconds: f64,
    },
    /// All that it claims was paid before.
    NothingNew,
    /// It claims more than is possible.
    Capped {
        /// Seconds that it adds all the same, may be 0.
        paid: f64,
        /// Seconds of the claim beyond the bound.
        disallowed: f64,
        /// What set the bound.
        reason: Bound,
    },
    /// It can't be paid.
    NotPayable {
        #[allow(missing_docs)]
        reason: Refusal,
    },
}

impl Fate {
    /// Seconds to be paid now.
    #[must_use]
    pub fn paid_seconds(self) -> f64 {
        match self {
            Self::Paid { seconds } => seconds,
            Self::Capped { paid, .. } => paid,
            Self::NothingNew | Self::NotPayable { .. } => 0.0,
        }
    }
}

/// One message's fate, and what it pays.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Payment {
    #[allow(missing_docs)]
    pub message: MessageId,
    #[allow(missing_docs)]
    pub fate: Fate,
    /// Cobblestones: seconds · FLOPS · 200/(86400·10⁹).
    pub credit: f64,
    /// FLOPS used for it.
    pub flops: f64,
}

/// Decides the claims of one result, in the order given. The new mark is to be written with the payments.
#[must_use]
pub fn decide(
    facts: &ResultFacts,
    mark: Mark,
    claims: &[Claim],
    policy: &UptimePolicy,
) -> (Vec<Payment>, Mark) {
    let flops = facts.flops(policy);
    let mut mark = mark;
    let payments = claims
        .iter()
        .map(|claim| {
            let fate = fate(facts, &mut mark, claim, policy, flops);
            let credit = cobblestones(fate.paid_seconds() * flops);
            Payment { message: claim.message, fate, credit, flops }
        })
        .collect();
    (payments, mark)
}

fn fate(facts: &ResultFacts, mark: &mut Mark, claim: &Claim, policy: &UptimePolicy, flops: f64) -> Fate {
    if let Some(reason) = refusal(facts, claim, policy) {
        return Fate::NotPayable { reason };
    }
    mark.largest_claim = mark.largest_claim.max(claim.seconds);
    let (bound, reason) = facts.bound(claim.create_time, policy);
    let good_for = claim.seconds.min(bound);
    let settled = facts.settled_credit.map_or(0.0, |credit| credit / cobblestones(flops) * (1.0 + ROUNDING));
    let paid = (good_for - mark.paid_seconds.max(settled)).max(0.0);
    mark.paid_seconds = mark.paid_seconds.max(good_for);
    if claim.seconds > bound {
        Fate::Capped { paid, disallowed: claim.seconds - bound, reason }
    } else if paid > 0.0 {
        Fate::Paid { seconds: paid }
    } else {
        Fate::NothingNew
    }
}

fn refusal(facts: &ResultFacts, claim: &Claim, policy: &UptimePolicy) -> Option<Refusal> {
    let unsent =
        facts.sent_time <= 0 || matches!(facts.server_state, ServerState::Inactive | ServerState::Unsent);
    if !policy.enabled {
        Some(Refusal::Disabled)
    } else if unsent {
        Some(Refusal::NeverSent)
    } else if claim.host != facts.host {
        Some(Refusal::OtherHost)
    } else if !claim.seconds.is_finite() || claim.seconds < 0.0 {
        Some(Refusal::Absurd)
    } else {
        None
    }
}

#[cfg(test)]
mod tests;
