//! What a result's guest reports come to together, by the day on which the server stored them.
//!
//! Invariant: the counts of every day are a function of the set of messages: of neither their order, nor repetitions,
//! nor the cut into passes; and the days of a result add up to its total. Killed before days and identities are
//! committed together, the messages were not counted.
//!
//! How: of cumulative reports, the days up to D add up to the largest that was stored up to D. A message that is handled
//! after later ones raises the sums from its own day on, and so takes from the days after it. An increment counts
//! once, on the earliest day that a copy of it was stored. The days up to D add up to the increments up to D, each count
//! at most as many as a result can have: what was cut off needs no memory, because a sum that has reached its bound
//! stays there whatever else is added, before or after. So the order does not matter, only which message is told to be
//! cut. When the bound changes between passes, what was counted stays, and what was cut stays cut.

use std::collections::{BTreeMap, BTreeSet};

use boinc::guest_report::Report;
use boinc::trickle::{Identity, Meaning};

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

/// What became of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Taken {
    /// All of it counts, or counted before.
    Whole,
    /// With it, the increments of the result come to more than a result can have: they count up to there.
    Cut,
}

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

    /// Counts a message. `most` is what a result can have; a cumulative message that says more than that must not come
    /// here. See the module's documentation.
    pub fn count(&mut self, meaning: Meaning, arrival: Arrival, most: Report) -> Taken {
        match meaning {
            Meaning::Cumulative => {
                let Arrival { day, report, .. } = arrival;
                self.reshape(&[day], |at, old| if at < day { old } else { old.max(report) });
                Taken::Whole
            }
            Meaning::Increment => self.add(arrival, most),
        }
    }

    fn add(&mut self, arrival: Arrival, most: Report) -> Taken {
        let Arrival { day, identity, report } = arrival;
        let before = self.known.get(&identity).copied();
        if before.is_some_and(|before| before <= day) {
            return Taken::Whole;
        }
        let sum = self.total().plus(report);
        let taken = if before.is_none() && sum.min(most) != sum { Taken::Cut } else { Taken::Whole };
        self.known.insert(identity, day);
        // From the day on which it counted before, the sums hold it already.
        let days = [day, before.unwrap_or(day)];
        self.reshape(&days, |at, old| {
            let new = day <= at && before.is_none_or(|before| at < before);
            if new { old.max(old.plus(report).min(most)) } else { old }
        });
        taken
    }

    /// Gives the days new sums: `sum` says what all days up to one come to, from that day and what they came to before.
    /// `days` are those on which the sums change, and need not be there yet.
    fn reshape(&mut self, days: &[i32], sum: impl Fn(i32, Report) -> Report) {
        let (mut old, mut new) = (Report::default(), Report::default());
        let mut shaped = BTreeMap::new();
        let all: BTreeSet<i32> = self.counts.keys().chain(days).copied().collect();
        for at in all {
            let before = new;
            old = old.plus(self.counts.get(&at).copied().unwrap_or_default());
            new = sum(at, old).max(before);
            let grown = new.minus(before);
            if self.counts.contains_key(&at) || grown != Report::default() {
                shaped.insert(at, grown);
            }
        }
        self.counts = shaped;
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

    /// More than any message of most tests.
    const MOST: Report = most(1_000_000, 1_000_000_000);

    const fn most(jobs: u64, events: u64) -> Report {
        Report { received: jobs, succeeded: jobs, failed: jobs, events }
    }

    fn all(meaning: Meaning, messages: &[Arrival]) -> Days {
        let mut days = Days::default();
        for message in messages {
            assert_eq!(days.count(meaning, *message, MOST), Taken::Whole);
        }
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
        let _ = late.count(Meaning::Cumulative, message(7, 11), MOST);
        assert_eq!(received(&late), [(10, 5), (11, 2), (12, 2)]);
        assert_eq!(late.total().received, 9);
        // Smaller ones, after a restart of the guest, take nothing away.
        let _ = late.count(Meaning::Cumulative, message(1, 14), MOST);
        assert_eq!(received(&late), [(10, 5), (11, 2), (12, 2)]);
    }

    #[test]
    fn increments_count_once_on_the_earliest_day() {
        let mut days = all(Meaning::Increment, &[message(5, 10), message(3, 10), message(5, 11)]);
        assert_eq!(received(&days), [(10, 8)]);
        let _ = days.count(Meaning::Increment, message(3, 9), MOST);
        assert_eq!(received(&days), [(9, 3), (10, 5)]);
        assert_eq!(days.total().received, 8);
    }

    #[test]
    fn increments_count_up_to_what_a_result_can_have() {
        let few = most(10, 1_000_000);
        let mut days = Days::default();
        assert_eq!(days.count(Meaning::Increment, message(7, 10), few), Taken::Whole);
        assert_eq!(days.count(Meaning::Increment, message(6, 11), few), Taken::Cut);
        assert_eq!(received(&days), [(10, 7), (11, 3)]);
        // The other counts are not touched by that.
        assert_eq!(days.total(), Report { received: 10, succeeded: 6, failed: 1, events: 13_000 });
        // Sent again, it is not told again.
        assert_eq!(days.count(Meaning::Increment, message(6, 12), few), Taken::Whole);
        // One that came before takes the place of what was counted after it.
        assert_eq!(days.count(Meaning::Increment, message(4, 9), few), Taken::Cut);
        assert_eq!(received(&days), [(9, 4), (10, 6)]);
        // A higher bound: what was cut stays cut, what comes is counted.
        assert_eq!(days.count(Meaning::Increment, message(5, 13), MOST), Taken::Whole);
        assert_eq!(received(&days), [(9, 4), (10, 6), (13, 5)]);
        // A lower one takes nothing away.
        assert_eq!(days.count(Meaning::Increment, message(2, 13), few), Taken::Cut);
        assert_eq!(days.total().received, 15);
    }

    proptest! {
        #[test]
        fn order_repetition_and_passes_change_no_day(
            messages in proptest::collection::vec((0..50u64, 0..5i32), 1..12),
            deal in proptest::collection::vec(0..12usize, 0..30),
            cut in 1..5usize,
            increments in any::<bool>(),
            few in 1..80u64,
        ) {
            let meaning = if increments { Meaning::Increment } else { Meaning::Cumulative };
            let set: Vec<Arrival> = messages.iter().map(|(n, day)| message(*n, *day)).collect();
            let mut dealt: Vec<Arrival> = deal.iter().filter_map(|i| set.get(*i).copied()).collect();
            dealt.extend(set.iter().rev());
            let most = most(few, few * 700);
            // As between passes: what is kept of a day without counts does not matter.
            let mut days = Days::default();
            for pass in dealt.chunks(cut) {
                for message in pass {
                    let _ = days.count(meaning, *message, most);
                }
                days.counts.retain(|_, counts| *counts != Report::default());
            }
            // By definition, without an order: the sums up to each day.
            let mut earliest: BTreeMap<u64, i32> = BTreeMap::new();
            for (n, day) in &messages {
                let first = earliest.entry(*n).or_insert(*day);
                *first = (*first).min(*day);
            }
            let mut so_far = Report::default();
            for day in 0..5 {
                let until: Vec<Report> =
                    messages.iter().filter(|(_, at)| *at <= day).map(|(n, _)| report(*n)).collect();
                let distinct = earliest.iter().filter(|(_, at)| **at <= day).map(|(n, _)| report(*n));
                let sum = if increments {
                    distinct.fold(Report::default(), Report::plus).min(most)
                } else {
                    until.into_iter().fold(Report::default(), Report::max)
                };
                so_far = so_far.plus(days.counts.get(&day).copied().unwrap_or_default());
                prop_assert_eq!(so_far, sum, "day {}", day);
            }
            prop_assert_eq!(days.total(), so_far);
            if increments {
                let known: Vec<i32> = earliest.values().copied().collect();
                let mut found: Vec<i32> = days.known.values().copied().collect();
                found.sort_unstable();
                let mut known = known;
                known.sort_unstable();
                prop_assert_eq!(found, known);
            }
        }
    }
}
