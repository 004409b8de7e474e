//! From whom what a result was paid is taken back, and how much. Pure.
//!
//! Trickles pay the user and team of their day, and the host of their day: a revocation takes from those, not from who
//! they are now. Rules:
//! - Only what trickles and settlements paid is taken, less what was taken back before. What a person granted stays; what
//!   a person took counts as taken already, first from those that it was taken from.
//! - A host that was merged gives back what it was paid before as the host that it became ([`host_today`]).
//! - Where a host, user or team is gone, the others of its share give back. If all are gone, the share is left: nobody
//!   has that credit any more.
//!
//! Invariant: a result's ledger rows never add up to less than nothing afterwards, and the seconds of what is taken go
//! with it, so that the second time there is nothing to take.

use std::collections::{BTreeMap, BTreeSet};

use boinc::id::{AppId, HostId, TeamId, UserId};
use boinc::ledger::PaidShare;

use crate::books::{Books, Payee};
use crate::kin::Kin;

/// Cobblestones that are nothing: what rounding leaves of a sum.
const LEAST: f64 = 1e-9;

/// Seconds that are nothing.
const LEAST_SECONDS: f64 = 1e-6;

/// The host that gives back what `paid` was paid for a result that host `now` has: itself, or what it was merged into.
/// None if that is gone: a result can go to another host of its volunteer, and what the old one was paid does not go with
/// it.
#[must_use]
pub fn host_today(paid: HostId, now: HostId, kin: &Kin) -> Option<HostId> {
    if paid == now { Some(now) } else { kin.heir(paid) }
}

/// What is taken from some.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Due {
    pub(super) from: Payee,
    /// Cobblestones, not negative.
    pub(super) credit: f64,
    /// Not negative.
    pub(super) seconds: f64,
    /// Those of the share that are gone, in words.
    pub(super) gone: Vec<String>,
}

/// What is taken, and what the result keeps.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Dues {
    pub(super) dues: Vec<Due>,
    /// Cobblestones.
    pub(super) credit_left: f64,
    pub(super) seconds_left: f64,
}

/// Shares of the same who are there.
#[derive(Debug, Clone, Default)]
struct Together {
    credit: f64,
    seconds: f64,
    adjusted: f64,
    taken: f64,
    gone: BTreeSet<String>,
}

impl Together {
    fn add(&mut self, share: &PaidShare, there: &Payee) {
        self.credit += share.credit;
        self.seconds += share.seconds;
        self.adjusted += share.adjusted;
        if there.host == HostId(0) && share.host != HostId(0) {
            self.gone.insert(format!("host {}", share.host));
        }
        if there.user == UserId(0) && share.user != UserId(0) {
            self.gone.insert(format!("user {}", share.user));
        }
        if there.team == TeamId(0) && share.team != TeamId(0) {
            self.gone.insert(format!("team {}", share.team));
        }
    }

    /// Takes up to `limit` in all, and not more than `left`; what is left then.
    fn take(&mut self, limit: f64, left: f64) -> f64 {
        let more = (limit - self.taken).max(0.0).min(left);
        self.taken += more;
        if (self.taken - self.credit).abs() <= LEAST {
            self.taken = self.credit;
        }
        left - more
    }
}

/// What to take of these shares; None when nothing is owed.
pub(super) fn dues(shares: &[PaidShare], app: AppId, books: &Books) -> Option<Dues> {
    let mut all: BTreeMap<Payee, Together> = BTreeMap::new();
    let mut lost = Together::default();
    for share in shares {
        let there = books.who_is_there(share);
        if books.is_anybody(&there, app) {
            all.entry(there).or_default().add(share, &there);
        } else {
            lost.add(share, &there);
        }
    }
    let adjusted: f64 = all.values().map(|one| one.adjusted).sum();
    let lost_left = lost.credit + lost.adjusted;
    let owed = all.values().map(|one| one.credit).sum::<f64>() + (adjusted + lost_left.min(0.0)).min(0.0);
    // Also when it is no number.
    if !(owed > LEAST && owed.is_finite()) {
        return None;
    }
    let mut left = owed;
    for one in all.values_mut() {
        left = one.take(one.credit + one.adjusted.min(0.0), left);
    }
    for one in all.values_mut() {
        left = one.take(one.credit, left);
    }
    let kept: f64 = all.values().map(|one| one.credit - one.taken).sum();
    let credit_left = lost_left + kept + adjusted;
    let dues = all.into_iter().filter_map(|(from, one)| {
        let (credit, seconds) = (one.taken, one.seconds);
        let seconds = if seconds.is_finite() && seconds > LEAST_SECONDS { seconds } else { 0.0 };
        let gone = one.gone.into_iter().collect();
        (credit > LEAST || seconds > 0.0).then_some(Due { from, credit, seconds, gone })
    });
    Some(Dues {
        dues: dues.collect(),
        credit_left: if credit_left.abs() <= LEAST { 0.0 } else { credit_left },
        seconds_left: if lost.seconds > LEAST_SECONDS { lost.seconds } else { 0.0 },
    })
}
