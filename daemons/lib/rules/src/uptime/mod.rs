//! What uptime claims are paid: every second once.
//!
//! Words: a *demand* is one message's claim, with the rule that its variety is declared with. A cumulative claim says
//! "this task has run for so many seconds so far", an increment "so many more". What a demand is good for depends on
//! the message and its result only: no more than is possible ([`ResultFacts::bound`]).
//!
//! - A result is paid the larger of the two: the most that any of its cumulative claims is good for, and the sum of its
//!   increments, within what is possible at the time of the latest. Both speak of the same seconds.
//! - An increment counts once, however often its message is stored: it is known by its [`Identity`]. Of several copies
//!   the one that is good for most counts: stored later, more is possible.
//! - CPU seconds are divided by the task's processors. From there on all is seconds of wall clock, paid with the
//!   FLOPS of the whole task.
//!
//! Invariant: nothing is paid twice and nothing is taken back here. When the task is reported with less
//! elapsed_time than was paid, later messages add nothing. When the validator has settled the result, a late
//! message adds only what exceeds what the result got, so that settling before or after it ends in the same
//! total. Killed before mark, identities, days and payment are committed together, none of it happened.
//!
//! # What does not depend on the order
//! Given the facts of a result, its total in the end is a function of the set of its messages: of neither their
//! order, nor repetitions, nor the cut into passes, nor the number of instances (they take turns by its lock).
//! Whether a message over-claims, and so is held or ignored, depends on the message and the facts alone, and so does
//! releasing it: released sooner or later, the total is the same. Four things can depend on the order:
//! - *Facts change.* Before a result is reported only the wall clock bounds it; what was paid then stays. Before it is
//!   revoked it can be paid. The validator's settlement evens this out for what is valid or revoked.
//! - *The day's cap.* While it does not bind, nothing changes. When all messages of a host are stored on one day, the
//!   total is the same, but not which result gets it. Over several days, who got it decides what can be made up
//!   for later; no rule that never takes back can avoid that. That is why the cap cuts and never holds or ignores.
//! - *The cap on a result's credit.* While its FLOPS stay the same, its seconds are cut at one number.
//! - *FLOPS* that hang on a percentile of the project are those of the pass. Seconds do not depend on it.

mod days;
mod demand;
mod facts;
mod flops;
mod host;
mod policy;

use boinc::id::{HostId, MessageId};
pub use boinc::trickle::{Identity, Meaning, Sender};
use serde::{Deserialize, Serialize};

pub use days::{HostDays, REACH, day_of, days_between};
pub use demand::{Decision, Demand, decide, decide_demands};
pub use facts::ResultFacts;
pub use flops::{Benchmarks, HostRates, MAX_PROCESSOR_FLOPS, NEW_PROJECT_MAX_FLOPS, percentile, processors};
pub use host::decide_without_result;
pub use policy::{
    ClaimRule, InvalidResults, MAX_INCREMENT, NoPayer, OverClaims, PolicyError, Unit, UptimePolicy,
    payer_without_result,
};

/// How far a result has been paid. Kept per result, in the same transaction as the payment.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Mark {
    /// Seconds paid: by trickles, or with the validator's settlement.
    pub paid_seconds: f64,
    /// The largest cumulative claim seen, also beyond the bound.
    pub largest_claim: f64,
    /// Sum of what its increments are good for, each message once.
    #[serde(default)]
    pub increments: f64,
    /// When the server stored the latest of them, Unix seconds; 0 = none.
    #[serde(default)]
    pub latest_increment: i32,
}

/// One message's cumulative claim of elapsed seconds.
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
    /// One increment of more than its rule's `max_seconds`.
    Increment,
    /// More than the app's `max_seconds_per_host_and_day`, all results of the host together.
    HostDay,
    /// Worth more than the app's `max_granted_credit`, with all that the result was paid before.
    Credit,
    /// The result is invalid or abandoned, and the app revokes what such results were paid.
    Revoked,
}

impl Bound {
    /// Whether who exceeds it has claimed the impossible. The caps on a day and on credit can be hit by anybody's honest
    /// message, and a volunteer can't know that a result is revoked.
    #[must_use]
    pub const fn is_over_claim(self) -> bool {
        !matches!(self, Self::HostDay | Self::Credit | Self::Revoked)
    }
}

impl std::fmt::Display for Bound {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::WallClock => "more than the wall clock since it was sent",
            Self::Reported => "more than its reported elapsed_time",
            Self::Lifetime => "more than the app's max_lifetime_seconds",
            Self::Increment => "more than max_seconds at once",
            Self::HostDay => "more than max_seconds_per_host_and_day",
            Self::Credit => "worth more than max_granted_credit",
            Self::Revoked => "its result is invalid or abandoned",
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
    /// The claim is not above 0, as stock has it.
    NotPositive,
    /// The message names no result, and its rule wants one.
    NoResult,
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Disabled => "uptime credit is not enabled for this app",
            Self::NeverSent => "the result was never sent",
            Self::OtherHost => "the result belongs to another host",
            Self::Absurd => "the claim is negative or no number",
            Self::NotPositive => "the claim is not above 0",
            Self::NoResult => "the message names no result",
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
    /// The same message was seen before: an increment counts once.
    Repeat,
    /// It claims more than is possible.
    Capped {
        /// Seconds that it adds all the same, may be 0.
        paid: f64,
        /// Seconds of the claim beyond the bound.
        disallowed: f64,
        /// What set the bound, the first of them if several did.
        reason: Bound,
    },
    /// It claims more than is possible; nothing is paid until a person releases it.
    Held {
        /// Seconds of the claim beyond the bound.
        disallowed: f64,
        /// What set the bound.
        reason: Bound,
    },
    /// It claims more than is possible; nothing is paid.
    Ignored {
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
            Self::NothingNew
            | Self::Repeat
            | Self::Held { .. }
            | Self::Ignored { .. }
            | Self::NotPayable { .. } => 0.0,
        }
    }

    /// Seconds claimed and not paid because they are not possible, and why: to be recorded.
    #[must_use]
    pub fn disallowed(self) -> Option<(f64, Bound)> {
        match self {
            Self::Capped { disallowed, reason, .. }
            | Self::Held { disallowed, reason }
            | Self::Ignored { disallowed, reason } => Some((disallowed, reason)),
            Self::Paid { .. } | Self::NothingNew | Self::Repeat | Self::NotPayable { .. } => None,
        }
    }

    /// Whether it counts towards `flag_after`.
    #[must_use]
    pub fn is_over_claim(self) -> bool {
        self.disallowed().is_some_and(|(_, reason)| reason.is_over_claim())
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

#[cfg(test)]
mod tests;
