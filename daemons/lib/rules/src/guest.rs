//! What a result's guest reports come to together, by the day on which the server stored them.
//!
//! Invariant: the counts of every day are a function of the set of messages: of neither their order, nor repetitions,
//! nor the cut into passes; and the days of a result add up to its total. Killed before days and identities are
//! committed together, the messages were not counted.
//!
//! How: of cumulative reports, the days up to D add up to the largest that was stored up to D. A message that is handled
//! after later ones raises the sums from its own day on, and so takes from the days after it. An increment counts
//! once, on the earliest day that a copy of it was stored.

use std::collections::BTreeMap;

use boinc::guest_report::Report;
use boinc::trickle::{Identity, Meaning};

/// Largest sum of each count that a result can have.
pub const MAX_TOTAL: u64 = 1_000_000_000_000_000_000;

/// One message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arrival {
    /// When the server stored it, UTC days since 1970.
    pub day: i32,
    /// Which message it is.
    pub identity: Identity,
    /// What it says.
    pub report: Report,
}

/// The sum of a result's increments would exceed [`MAX_TOTAL`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the counts of its result would come to more than 1e18")]
pub struct TooMany;

/// The reports of one result and variety.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Days {
    /// What happened on each day.
    pub counts: BTreeMap<i32, Report>,
    /// Increments that count, with their day. Only those among the messages need be here.
    pub known: BTreeMap<Identity, i32>,
}

impl Days {
    /// All days together.
    #[must_use]
    pub fn total(&self) -> Report {
        self.counts.values().fold(Report::default(), |sum, day| sum.plus(*day))
    }

    /// Counts a message. See the module's documentation.
    ///
    /// # Errors
    /// The sum is absurd. Nothing was changed then.
    pub fn count(&mut self, meaning: Meaning, arrival: Arrival) -> Result<(), TooMany> {
        match meaning {
            Meaning::Cumulative => self.raise(arrival.day, arrival.report),
            Meaning::Increment => self.add(arrival)?,
        }
        Ok(())
    }

    fn raise(&mut self, day: i32, report: Report) {
        let (mut old, mut new) = (Report::default(), Report::default());
        let mut raised = BTreeMap::new();
        let days = self.counts.keys().copied().chain([day]);
        for at in days.collect::<std::collections::BTreeSet<_>>() {
            let before = new;
            old = old.plus(self.counts.get(&at).copied().unwrap_or_default());
            new = if at < day { old } else { old.max(report) };
            let grown = new.minus(before);
            if self.counts.contains_key(&at) || grown != Report::default() {
                raised.insert(at, grown);
            }
        }
        self.counts = raised;
    }

    fn add(&mut self, arrival: Arrival) -> Result<(), TooMany> {
        let Arrival { day, identity, report } = arrival;
        match self.known.get(&identity) {
            Some(before) if *before <= day => return Ok(()),
            Some(before) => {
                if let Some(counts) = self.counts.get_mut(before) {
                    *counts = counts.minus(report);
                }
            }
            None => {
                if self.total().plus(report).largest() > MAX_TOTAL {
                    return Err(TooMany);
                }
            }
        }
        self.known.insert(identity, day);
        let counts = self.counts.entry(day).or_default();
        *counts = counts.plus(report);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use boinc::id::HostId;
    use boinc::trickle::Sender;
    use proptest::prelude::*;

    use super::*;

    fn report(n: u64) -> Report {
        Report { received: n, succeeded: n / 2, failed: n % 3, events: n * 1000 }
    }

    /// Message `n` is stored on one of a few days; copies of it on others.
    fn message(n: u64, day: i32) -> Arrival {
        let time = i64::try_from(n).unwrap();
        let identity = Identity::of(Sender::Host(HostId(1)), "r", time, "jobs", &n.to_le_bytes());
        Arrival { day, identity, report: report(n) }
    }

    fn all(meaning: Meaning, messages: &[Arrival]) -> Days {
        let mut days = Days::default();
        messages.iter().for_each(|message| days.count(meaning, *message).unwrap());
        days
    }

    fn received(days: &Days) -> Vec<(i32, u64)> {
        days.counts.iter().filter(|(_, r)| r.received > 0).map(|(day, r)| (*day, r.received)).collect()
    }

    #[test]
    fn growth_is_booked_on_the_day_of_the_message() {
        let cumulative = [message(5, 10), message(9, 12), message(9, 13)];
        let days = all(Meaning::Cumulative, &cumulative);
        assert_eq!(received(&days), [(10, 5), (12, 4)]);
        assert_eq!(days.total().received, 9);
        // One that was held up says that more was done the day before.
        let mut late = days.clone();
        late.count(Meaning::Cumulative, message(7, 11)).unwrap();
        assert_eq!(received(&late), [(10, 5), (11, 2), (12, 2)]);
        assert_eq!(late.total().received, 9);
        // Smaller ones, after a restart of the guest, take nothing away.
        late.count(Meaning::Cumulative, message(1, 14)).unwrap();
        assert_eq!(received(&late), [(10, 5), (11, 2), (12, 2)]);
    }

    #[test]
    fn increments_count_once_on_the_earliest_day() {
        let mut days = all(Meaning::Increment, &[message(5, 10), message(3, 10), message(5, 11)]);
        assert_eq!(received(&days), [(10, 8)]);
        days.count(Meaning::Increment, message(3, 9)).unwrap();
        assert_eq!(received(&days), [(9, 3), (10, 5)]);
        assert_eq!(days.total().received, 8);
    }

    #[test]
    fn an_absurd_sum_is_refused_and_changes_nothing() {
        let full = Report { events: MAX_TOTAL, ..Report::default() };
        let mut days = Days { counts: BTreeMap::from([(1, full)]), ..Days::default() };
        let before = days.clone();
        assert_eq!(days.count(Meaning::Increment, message(1, 2)), Err(TooMany));
        assert_eq!(days, before);
    }

    proptest! {
        #[test]
        fn order_repetition_and_passes_change_no_day(
            messages in proptest::collection::vec((0..50u64, 0..5i32), 1..12),
            deal in proptest::collection::vec(0..12usize, 0..30),
            cut in 1..5usize,
            increments in any::<bool>(),
        ) {
            let meaning = if increments { Meaning::Increment } else { Meaning::Cumulative };
            let set: Vec<Arrival> = messages.iter().map(|(n, day)| message(*n, *day)).collect();
            let mut dealt: Vec<Arrival> = deal.iter().filter_map(|i| set.get(*i).copied()).collect();
            dealt.extend(set.iter().rev());
            // As between passes: what is kept of a day without counts does not matter.
            let mut days = Days::default();
            for pass in dealt.chunks(cut) {
                pass.iter().for_each(|message| days.count(meaning, *message).unwrap());
                days.counts.retain(|_, counts| *counts != Report::default());
            }
            let once = all(meaning, &set);
            let filled = |days: &Days| -> Vec<(i32, Report)> {
                days.counts.iter().filter(|(_, r)| **r != Report::default()).map(|(d, r)| (*d, *r)).collect()
            };
            prop_assert_eq!(filled(&days), filled(&once));
            prop_assert_eq!(&days.known, &once.known);
            let wanted = if increments {
                let distinct: BTreeMap<u64, u64> = messages.iter().map(|(n, _)| (*n, *n)).collect();
                distinct.values().sum()
            } else {
                messages.iter().map(|(n, _)| *n).max().unwrap_or(0)
            };
            prop_assert_eq!(days.total().received, wanted);
        }
    }
}
