//! What is known of totals, and what became of their differences.

use std::collections::{BTreeMap, BTreeSet};

use store::audit::owners::{Book, Ghost, Member, Total};

/// What was read.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Facts {
    /// Totals that are not explained at once; of hosts also all merged ones.
    pub totals: BTreeMap<Book, Vec<Total>>,
    /// Entries of owners that are not there.
    pub ghosts: BTreeMap<Book, Vec<Ghost>>,
    /// The next new id of `host`, `user`, `team`.
    pub next_ids: BTreeMap<&'static str, i64>,
    /// Users with the teams that they joined or left since the toolkit came.
    pub moves: Vec<Member>,
    /// Users that had a host which is gone.
    pub lost_hosts: BTreeSet<i32>,
    /// Teams that had a user who is gone.
    pub lost_users: BTreeSet<i32>,
}

/// A difference that nothing explains.
#[derive(Debug, Clone, PartialEq)]
pub struct Off {
    /// Which total.
    pub book: Book,
    /// Whose.
    pub id: i32,
    /// Application; 0 = all.
    pub app: i32,
    /// Cobblestones that the total has more than is explained; negative when it has less.
    pub amount: f64,
    /// What is off, after the name of the owner.
    pub why: String,
}

/// A host that became another.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Merge {
    /// The one that was retired.
    pub from: i32,
    /// The one that has its credit now.
    pub to: i32,
    /// Cobblestones that went along.
    pub credit: f64,
}

/// Owners that are gone.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Gone {
    /// Their ids.
    pub ids: BTreeSet<i32>,
    /// Cobblestones that they had: opening and ledger.
    pub credit: f64,
    /// The ledger's part of it.
    pub ledger: f64,
}

/// What became of all differences.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Explained {
    /// Nothing explains these.
    pub off: Vec<Off>,
    /// Merged hosts.
    pub merges: Vec<Merge>,
    /// Deleted hosts, users, teams.
    pub gone: BTreeMap<Book, Gone>,
    /// What others granted, in lockstep.
    pub granted: BTreeMap<Book, f64>,
}

/// Rounding of sums, and half-digits of totals.
pub(super) fn tolerance(total: &Total) -> f64 {
    (1e-9 * total.ledger.abs()).max(1e-11 * total.total.abs()).max(1e-6)
}

pub(super) fn rest(total: &Total) -> f64 {
    total.total - total.opening - total.ledger - total.accepted
}

/// A sum of differences with the rounding that it may have.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Sum {
    pub(super) amount: f64,
    pub(super) rounding: f64,
}

/// What all gained together, and who how much.
pub(super) type Gains = (Sum, Vec<(i32, f64)>);

impl Sum {
    pub(super) fn add(&mut self, amount: f64, rounding: f64) {
        self.amount += amount;
        self.rounding += rounding;
    }

    pub(super) fn is_zero(self) -> bool {
        self.amount.abs() <= self.rounding.max(1e-6)
    }
}
