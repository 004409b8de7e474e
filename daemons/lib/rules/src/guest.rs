//! What a result's guest reports come to together.
//!
//! Invariant: the totals are a function of the set of messages: of neither their order, nor repetitions, nor the cut
//! into passes. Killed before totals and identities are committed together, the messages were not counted.

use std::collections::BTreeSet;

use boinc::guest_report::Report;
use boinc::trickle::{Identity, Meaning};

/// Merges reports of one variety into what its result has so far; also returns the identities that are new, to be
/// kept with it.
///
/// Cumulative: the larger of each count, so that a restart from a checkpoint takes nothing away. Increments: the sum,
/// each message once; one without identity counts by its row. Sums end at the largest number.
#[must_use]
pub fn merge(
    meaning: Meaning,
    total: Report,
    messages: &[(Option<Identity>, Report)],
    known: &BTreeSet<Identity>,
) -> (Report, BTreeSet<Identity>) {
    let mut new = BTreeSet::new();
    let total = messages.iter().fold(total, |total, (identity, report)| match meaning {
        Meaning::Cumulative => total.max(*report),
        Meaning::Increment => {
            let repeat = identity.is_some_and(|identity| known.contains(&identity) || !new.insert(identity));
            if repeat { total } else { total.plus(*report) }
        }
    });
    (total, new)
}

#[cfg(test)]
mod tests {
    use boinc::id::HostId;
    use proptest::prelude::*;

    use super::*;

    fn report(n: u64) -> Report {
        Report { received: n, succeeded: n / 2, failed: n % 3, events: n.wrapping_mul(1000) }
    }

    fn message(n: u64) -> (Option<Identity>, Report) {
        let time = i64::try_from(n).unwrap();
        (Some(Identity::of(HostId(1), "r", time, "jobs", &n.to_le_bytes())), report(n))
    }

    #[test]
    fn cumulative_takes_the_larger_and_increments_add_once() {
        let two = [message(7), message(4), message(7)];
        let none = BTreeSet::new();
        let (total, new) = merge(Meaning::Cumulative, report(5), &two, &none);
        assert_eq!(total, Report { received: 7, succeeded: 3, failed: 2, events: 7000 });
        assert!(new.is_empty());
        let (total, new) = merge(Meaning::Increment, Report::default(), &two, &none);
        assert_eq!(total.received, 11);
        assert_eq!(new.len(), 2);
        let (total, new) = merge(Meaning::Increment, total, &two, &new);
        assert_eq!((total.received, new.len()), (11, 0));
        let unnamed = [(None, report(2)), (None, report(2))];
        assert_eq!(merge(Meaning::Increment, total, &unnamed, &none).0.received, 15);
    }

    proptest! {
        #[test]
        fn order_repetition_and_passes_change_nothing(
            numbers in proptest::collection::vec(0..50u64, 1..12),
            deal in proptest::collection::vec(0..12usize, 0..30),
            cut in 1..5usize,
            increments in any::<bool>(),
        ) {
            let meaning = if increments { Meaning::Increment } else { Meaning::Cumulative };
            let all: Vec<_> = numbers.iter().map(|n| message(*n)).collect();
            let mut dealt: Vec<_> = deal.iter().filter_map(|i| all.get(*i).copied()).collect();
            dealt.extend(all.iter().rev());
            let (mut total, mut known) = (Report::default(), BTreeSet::new());
            for pass in dealt.chunks(cut) {
                let (more, new) = merge(meaning, total, pass, &known);
                total = more;
                known.extend(new);
            }
            prop_assert_eq!(total, merge(meaning, Report::default(), &all, &BTreeSet::new()).0);
        }
    }
}
