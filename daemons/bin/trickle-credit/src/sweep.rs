//! Where the search for waiting messages of a variety begins and goes on. Pure.
//!
//! A *sweep* goes over the messages by id, up to the end. What is left alone (it belongs to an application that another
//! daemon serves, or to a variety that nobody reads) stays behind and would be read again by each sweep, however many
//! there are. So most sweeps begin above what was looked at a while ago, and only some are *full*: they begin at 0.
//!
//! Invariant: each message is looked at. A message becomes visible some time after it was given its id, so a sweep begins
//! above ids only that were there [`SETTLED`] seconds before, with a sweep in between. What comes back later (a person
//! released it; an instance that had it was killed) makes the number of unhandled messages grow: then the next sweep is
//! full. In any case one is, each [`FULL`] seconds. All of this is in memory: a restart begins with a full sweep.

use std::time::Duration;

use boinc::id::MessageId;

/// Seconds after which a message with a lower id can't show up any more.
const SETTLED: f64 = 60.0;

/// Seconds between full sweeps.
pub const FULL: f64 = 300.0;

/// Seconds from the end of a sweep to the next, while there is other work.
const REST: f64 = 1.0;

/// Messages in the first transaction: so that somebody is paid soon, on a slow disk, too.
const FIRST: u32 = 500;

/// Messages in a transaction at most. The more, the fewer times a host's totals are written.
const MOST: u32 = 5000;

/// Messages in a transaction at least, however slow the database is.
const LEAST: u32 = 20;

/// How long a transaction may hold rows that others wait for; half of it is aimed at.
const LONG: Duration = Duration::from_millis(400);

/// See the module.
#[derive(Debug)]
pub struct Sweep {
    /// The last message looked at; none between two sweeps.
    after: Option<MessageId>,
    full: bool,
    left_alone: u64,
    limit: u32,
    /// When the last full sweep began.
    full_at: Option<f64>,
    /// When the last sweep ended.
    ended: Option<f64>,
    /// Up to here, everything is settled and was looked at.
    settled: MessageId,
    /// What will be settled: when it was noted, the highest id then.
    settling: Option<(f64, MessageId)>,
    /// Unhandled messages up to `settled` at the end of the last sweep.
    behind: Option<u64>,
}

impl Default for Sweep {
    fn default() -> Self {
        Self {
            after: None,
            full: false,
            left_alone: 0,
            limit: FIRST,
            full_at: None,
            ended: None,
            settled: MessageId(0),
            settling: None,
            behind: None,
        }
    }
}

impl Sweep {
    /// Above which message to go on; none if a sweep has to begin.
    pub fn after(&self) -> Option<MessageId> {
        self.after
    }

    /// How many to take.
    pub fn limit(&self) -> u32 {
        self.limit
    }

    /// Whether it is its turn while others have work: it is in the middle, or its last one ended a while ago.
    pub fn is_due(&self, now: f64) -> bool {
        self.after.is_some() || self.ended.is_none_or(|ended| now < ended || now - ended >= REST)
    }

    /// Up to which id to count unhandled messages, now and at the end of a sweep; none if the next one is full anyway.
    pub fn counted(&self, now: f64) -> Option<MessageId> {
        let recent = self.full_at.is_some_and(|at| at <= now && now - at < FULL);
        (recent && self.settled > MessageId(0)).then_some(self.settled)
    }

    /// Begins a sweep at time `now`, when `top` is the highest id. `behind`: as counted, if [`Sweep::counted`] asked; none
    /// if there are too many to count.
    pub fn begin(&mut self, now: f64, top: MessageId, behind: Option<u64>) {
        let grew = behind.is_some_and(|behind| self.behind.is_none_or(|before| behind > before));
        self.full = self.counted(now).is_none() || grew;
        self.after = Some(if self.full { MessageId(0) } else { self.settled });
        self.left_alone = 0;
        if self.full {
            self.full_at = Some(now);
        }
        match self.settling {
            Some((since, id)) if now - since >= SETTLED => {
                self.settled = id;
                self.behind = None;
                self.settling = Some((now, top));
            }
            // The clock may have been set back.
            Some((since, _)) if now >= since => {}
            _ => self.settling = Some((now, top)),
        }
    }

    /// A batch went up to `last`, `left_alone` of it are left alone, and it held rows that others wait for so long.
    /// `cut`: there was more than a batch may hold.
    pub fn took(&mut self, last: MessageId, found: u64, left_alone: u64, cut: bool, held: Duration) {
        self.after = Some(last);
        self.left_alone += left_alone;
        let found = u32::try_from(found).unwrap_or(MOST);
        self.limit = if cut {
            found.clamp(1, MOST)
        } else if found < self.limit && held < LONG {
            self.limit
        } else {
            // As many as take half of the time, but neither half as many nor four times as many at once.
            let factor = LONG.as_secs_f64() / 2.0 / held.as_secs_f64().max(1e-3);
            let wanted = f64::from(self.limit) * factor.clamp(0.5, 4.0);
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
            (wanted as u32).clamp(LEAST, MOST)
        };
    }

    /// How many a full sweep left alone; none if it was not full.
    pub fn left_alone(&self) -> Option<u64> {
        self.full.then_some(self.left_alone)
    }

    /// Nothing is left.
    pub fn end(&mut self, now: f64, behind: Option<u64>) {
        self.after = None;
        self.ended = Some(now);
        self.behind = behind;
    }

    /// Somebody else has some of it: looked at again.
    pub fn again(&mut self) {
        self.after = None;
        self.behind = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOP: MessageId = MessageId(100);

    /// One sweep that finds nothing to do; where it began.
    fn sweep(sweep: &mut Sweep, now: f64, top: MessageId, behind: u64) -> i32 {
        let asked = sweep.counted(now).map(|_| behind);
        sweep.begin(now, top, asked);
        let from = sweep.after().unwrap().0;
        let asked = sweep.counted(now).map(|_| behind);
        sweep.end(now, asked);
        from
    }

    #[test]
    fn what_was_left_alone_is_read_again_only_now_and_then() {
        let mut s = Sweep::default();
        let mut full = 0;
        for now in (0..1000).step_by(5) {
            let from = sweep(&mut s, f64::from(now), TOP, 7);
            full += i32::from(from == 0);
            assert!(from == 0 || from == TOP.0, "{from}");
            if [0, 5, 55, 60].contains(&now) {
                assert_eq!(from, 0, "nothing is settled at {now}");
            }
        }
        assert!(full < 25, "{full}");
    }

    #[test]
    fn what_comes_back_is_found_at_once() {
        let mut s = Sweep::default();
        for now in (0..200).step_by(5) {
            sweep(&mut s, f64::from(now), TOP, 7);
        }
        assert_eq!(sweep(&mut s, 200.0, TOP, 7), TOP.0);
        assert_eq!(sweep(&mut s, 205.0, TOP, 8), 0);
        assert_eq!(sweep(&mut s, 210.0, TOP, 8), TOP.0);
        assert_eq!(sweep(&mut s, 215.0, TOP, 3), TOP.0, "others had some");
        assert_eq!(sweep(&mut s, 220.0, TOP, 4), 0);
    }

    #[test]
    fn a_message_that_shows_up_late_is_seen() {
        // An id is given out, and its row is there only half a minute later; sweeps come each 40 s.
        let mut s = Sweep::default();
        for now in (0..400).step_by(40) {
            let now = f64::from(now);
            let top = if now < 120.0 { 50 } else { 60 };
            let from = sweep(&mut s, now, MessageId(top), 0);
            if now == 160.0 {
                assert!(from < 55, "message 55 is there since 150 s");
            }
        }
    }

    #[test]
    fn a_clock_that_is_set_back_makes_sweeps_full() {
        let mut s = Sweep::default();
        for now in (0..200).step_by(5) {
            sweep(&mut s, f64::from(now), TOP, 7);
        }
        assert_eq!(sweep(&mut s, 10.0, TOP, 7), 0);
    }

    #[test]
    fn batches_grow_and_shrink() {
        let mut s = Sweep::default();
        let mut limits = Vec::new();
        for milliseconds in [20, 100, 100, 400, 2000, 200] {
            s.took(TOP, s.limit().into(), 0, false, Duration::from_millis(milliseconds));
            limits.push(s.limit());
        }
        assert_eq!(limits, [2000, 4000, MOST, MOST / 2, MOST / 4, MOST / 4]);
        s.took(TOP, 64, 0, true, Duration::ZERO);
        assert_eq!(s.limit(), 64, "as many as fit");
        s.took(TOP, 3, 0, false, Duration::ZERO);
        assert_eq!(s.limit(), 64, "there were no more, which tells nothing");
        for _ in 0..20 {
            s.took(TOP, s.limit().into(), 0, false, Duration::from_secs(9));
        }
        assert_eq!(s.limit(), LEAST);
        for _ in 0..20 {
            s.took(TOP, s.limit().into(), 0, false, Duration::ZERO);
        }
        assert_eq!(s.limit(), MOST);
    }
}
