//! Messages that are not ours, remembered: what they are about belongs to an application that another daemon serves, or
//! that pays nothing. Whose a message is stands in its text, and texts can be long; so each is read once, and from then
//! on its number is enough. Pure.
//!
//! Invariant: nobody waits for ever because of it. What made a message another's does not change while the daemon runs,
//! with one exception: db_purge can remove its result. So everything is forgotten once a day, and read again. All of this
//! is in memory, and bounded: of more than [`MOST`] messages the rest is read each time.

use std::collections::BTreeSet;

use boinc::id::MessageId;

/// Numbers that are remembered at most: some ten megabytes.
const MOST: usize = 1_000_000;

/// Seconds after which all is forgotten.
const FORGET: f64 = 86_400.0;

/// See the module.
#[derive(Debug, Default)]
pub struct LeftAlone {
    ids: BTreeSet<MessageId>,
    /// When the first of them was noted.
    since: Option<f64>,
}

/// What to take next of those that wait.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Chosen {
    /// Those that are not known to be another's, by id.
    pub ids: Vec<MessageId>,
    /// Up to here, these are all; none if nothing waits.
    pub last: Option<MessageId>,
    /// Those that are another's.
    others: Vec<MessageId>,
}

impl Chosen {
    /// How many of another's there are up to `last`.
    pub fn others_up_to(&self, last: MessageId) -> u64 {
        self.others.partition_point(|id| *id <= last) as u64
    }
}

impl LeftAlone {
    /// Remembers messages, at time `now` (Unix seconds).
    pub fn note(&mut self, ids: &[MessageId], now: f64) {
        let room = MOST.saturating_sub(self.ids.len());
        self.ids.extend(ids.iter().copied().take(room));
        if !self.ids.is_empty() {
            self.since.get_or_insert(now);
        }
    }

    /// Forgets what is old; also when the clock was set back.
    pub fn forget(&mut self, now: f64) {
        if self.since.is_some_and(|since| !(0.0..FORGET).contains(&(now - since))) {
            *self = Self::default();
        }
    }

    /// Whether any is known above `after`: only then it is worth while to ask for numbers first.
    pub fn is_any_above(&self, after: MessageId) -> bool {
        self.ids.last().is_some_and(|last| *last > after)
    }

    /// Of messages that wait, by id: the next ones to take, at most `limit`.
    pub fn choose(&self, waiting: &[MessageId], limit: u32) -> Chosen {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let mut chosen = Chosen::default();
        for id in waiting {
            if self.ids.contains(id) {
                chosen.others.push(*id);
            } else if chosen.ids.len() < limit {
                chosen.ids.push(*id);
            } else {
                break;
            }
            chosen.last = Some(*id);
        }
        chosen
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(list: &[i32]) -> Vec<MessageId> {
        list.iter().copied().map(MessageId).collect()
    }

    #[test]
    fn what_is_known_is_passed_over_and_counted() {
        let mut left = LeftAlone::default();
        assert!(!left.is_any_above(MessageId(0)));
        left.note(&ids(&[2, 3, 7]), 100.0);
        assert!(left.is_any_above(MessageId(6)) && !left.is_any_above(MessageId(7)));
        let chosen = left.choose(&ids(&[1, 2, 3, 5, 6, 7, 8]), 2);
        assert_eq!((&chosen.ids, chosen.last), (&ids(&[1, 5]), Some(MessageId(5))), "6 is not looked at yet");
        assert_eq!(chosen.others_up_to(MessageId(5)), 2);
        // The batch ended early.
        assert_eq!(chosen.others_up_to(MessageId(2)), 1);
        let chosen = left.choose(&ids(&[2, 3, 7]), 2);
        assert_eq!((chosen.ids.len(), chosen.last), (0, Some(MessageId(7))));
        assert_eq!(left.choose(&[], 2), Chosen::default());
    }

    #[test]
    fn all_is_forgotten_once_a_day_and_bounded() {
        let mut left = LeftAlone::default();
        left.note(&[], 0.0);
        left.note(&ids(&[1]), 1000.0);
        left.note(&ids(&[2]), 80_000.0);
        left.forget(87_399.0);
        assert!(left.is_any_above(MessageId(1)));
        left.forget(87_400.0);
        assert!(!left.is_any_above(MessageId(0)));
        left.note(&ids(&[1]), 1000.0);
        left.forget(999.0);
        assert!(!left.is_any_above(MessageId(0)), "the clock was set back");
        left.note(&(0..=MOST as i32).map(MessageId).collect::<Vec<_>>(), 0.0);
        assert_eq!(left.ids.len(), MOST);
    }
}
