//! How much of a day a host has been paid: the bound `max_seconds_per_host_and_day`.
//!
//! A message says that seconds ran between the sending of its task and the storing of the message: on any of the
//! days between. They are taken out of these days, the earliest first, so a host that was away for a week and
//! brings a week's uptime in one message is not cut to one day's. The validator's settlement by uptime takes from the
//! same days, so it does not matter which of both comes first.
//!
//! Invariant: what is taken out of a day never exceeds the cap.

use std::collections::{BTreeMap, BTreeSet};

/// Days that a message can reach back at most.
pub const REACH: i32 = 366;

/// The UTC day of a time on the server's clock: days since 1970.
#[must_use]
pub const fn day_of(time: i32) -> i32 {
    time.div_euclid(86_400)
}

/// The days that a message of a task sent at `sent_time` and stored at `create_time` can take from; once it is reported
/// they end with the report, for the settlement, too.
#[must_use]
pub fn days_between(sent_time: i32, create_time: i32) -> std::ops::RangeInclusive<i32> {
    let last = day_of(create_time);
    day_of(sent_time).clamp(last.saturating_sub(REACH), last)..=last
}

/// The days of one host in one app: a working copy of locked rows.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct HostDays {
    cap: Option<f64>,
    paid: BTreeMap<i32, f64>,
    changed: BTreeSet<i32>,
}

impl HostDays {
    /// No cap: nothing has to be loaded or written.
    #[must_use]
    pub fn unlimited() -> Self {
        Self::default()
    }

    /// With what was taken out of each day before, seconds by day. Load all days of [`days_between`] for the messages
    /// at hand.
    #[must_use]
    pub fn new(cap: Option<f64>, paid: impl IntoIterator<Item = (i32, f64)>) -> Self {
        Self { cap, paid: paid.into_iter().collect(), changed: BTreeSet::new() }
    }

    /// Takes up to `seconds` out of `days`, the earliest first. Returns how many it could take.
    pub(crate) fn take(&mut self, days: std::ops::RangeInclusive<i32>, seconds: f64) -> f64 {
        let Some(cap) = self.cap else { return seconds };
        let mut left = seconds;
        for day in days {
            if left <= 0.0 {
                break;
            }
            let paid = self.paid.entry(day).or_default();
            let part = left.min(cap - *paid);
            if part > 0.0 {
                // Exactly the cap when it is reached: no rounding lets more through.
                *paid = if part < left { cap } else { (*paid + part).min(cap) };
                left -= part;
                self.changed.insert(day);
            }
        }
        if left > 0.0 { seconds - left } else { seconds }
    }

    /// The days that changed, with what was taken out of each in all: to be written with the payments.
    pub fn changes(&self) -> impl Iterator<Item = (i32, f64)> {
        self.changed.iter().filter_map(|day| self.paid.get(day).map(|paid| (*day, *paid)))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_earliest_days_are_taken_first() {
        let mut days = HostDays::new(Some(100.0), [(3, 40.0)]);
        assert_eq!(days.take(3..=5, 90.0), 90.0);
        assert_eq!(days.changes().collect::<Vec<_>>(), [(3, 100.0), (4, 30.0)]);
        assert_eq!(days.take(3..=4, 90.0), 70.0);
        assert_eq!(days.take(3..=4, 1.0), 0.0);
        assert_eq!(HostDays::unlimited().take(3..=3, 1e9), 1e9);
        assert_eq!(HostDays::new(Some(5.0), [(1, 9.0)]).take(1..=1, 1.0), 0.0, "a cap that was lowered");
    }

    #[test]
    fn days() {
        assert_eq!((day_of(0), day_of(86_399), day_of(86_400), day_of(-1)), (0, 0, 1, -1));
        assert_eq!(days_between(86_400 * 5 + 7, 86_400 * 7), 5..=7);
        assert_eq!(days_between(86_400 * 9, 86_400 * 7), 7..=7, "stored before it was sent");
        assert_eq!(days_between(0, 86_400 * 1000), 634..=1000);
        assert_eq!(days_between(i32::MAX, i32::MIN).count(), 1);
    }

    proptest! {
        #[test]
        fn no_day_exceeds_its_cap(takes in proptest::collection::vec((0..5i32, 0..5i32, 0.0..300.0f64), 0..30), cap in 1.0..200.0f64) {
            let mut days = HostDays::new(Some(cap), []);
            let mut total = 0.0;
            for (from, length, seconds) in takes {
                let taken = days.take(from..=from + length, seconds);
                prop_assert!((0.0..=seconds).contains(&taken));
                total += taken;
            }
            prop_assert!(days.changes().all(|(_, paid)| paid <= cap));
            let sum: f64 = days.changes().map(|(_, paid)| paid).sum();
            prop_assert!((sum - total).abs() <= 1e-9 * total.max(1.0));
        }
    }
}
