//! The line that shows how far the demo is, and when it is done. Pure.

use std::time::{Duration, Instant};

use sandbox::Progress;

/// Simulated seconds that everything must have been quiet for: hosts send their last messages up to two hours after
/// a report.
const QUIET: f64 = 2.5 * 3600.0;

/// Simulated seconds that a vanished host's deadline can be away, and more.
const DEADLINES: f64 = 4.0 * 86_400.0;

/// The line. `seconds` have really passed, and `days` in the sandbox.
pub fn line(seconds: f64, days: f64, workunits: usize, p: &Progress) -> String {
    let failed = if p.failed > 0 { format!(", {} failed", p.failed) } else { String::new() };
    format!(
        "{seconds:4.0} s  day {days:4.1}  workunits {}/{workunits}: {} valid{failed}, {} assimilated  results {} out, {} back  \
         trickles {}, {} waiting",
        p.workunits,
        p.validated,
        p.assimilated - p.failed.min(p.assimilated),
        p.in_progress,
        p.over,
        p.messages,
        p.unhandled
    )
}

/// Knows when all is done.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Done {
    workunits: i64,
    quiet_since: Option<f64>,
}

impl Done {
    /// When so many workunits are.
    pub fn new(workunits: usize) -> Self {
        Self { workunits: i64::try_from(workunits).unwrap_or(i64::MAX), quiet_since: None }
    }

    /// Looks at the progress at `now` (simulated) and at the number of tasks on hosts that will still be heard of. True when
    /// nothing has been left to do for a while.
    pub fn look(&mut self, now: f64, p: &Progress, running: usize) -> bool {
        let quiet = running == 0 && p.to_validate == 0 && p.unsent == 0 && p.is_done(self.workunits);
        if !quiet {
            self.quiet_since = None;
            return false;
        }
        now - *self.quiet_since.get_or_insert(now) >= QUIET
    }
}

/// Notices that nothing changes any more.
#[derive(Debug, Clone)]
pub struct Stall {
    longest: Duration,
    last: Option<(Instant, f64, Progress, usize)>,
}

impl Stall {
    /// After so long in real time, if the longest wait that is no fault has passed in the sandbox, too.
    pub fn new(longest: Duration) -> Self {
        Self { longest, last: None }
    }

    /// Looks at the progress at `now` (simulated). True when nothing has changed for too long.
    pub fn look(&mut self, now: f64, p: &Progress, running: usize) -> bool {
        match &self.last {
            Some((real, then, progress, n)) if progress == p && *n == running => {
                real.elapsed() >= self.longest && now - then >= DEADLINES
            }
            _ => {
                self.last = Some((Instant::now(), now, *p, running));
                false
            }
        }
    }
}

/// What it still waits for, in words.
pub fn waiting_for(workunits: usize, p: &Progress, running: usize) -> String {
    let made = usize::try_from(p.workunits).unwrap_or(0);
    let things = [
        (workunits.saturating_sub(made), "workunits to be made"),
        (usize::try_from(p.workunits - p.assimilated).unwrap_or(0), "workunits to be assimilated"),
        (usize::try_from(p.to_validate).unwrap_or(0), "workunits to be validated"),
        (usize::try_from(p.unhandled).unwrap_or(0), "messages to be handled"),
        (usize::try_from(p.unsent).unwrap_or(0), "results to be sent"),
        (running, "tasks on hosts"),
    ];
    let words: Vec<String> =
        things.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{n} {what}")).collect();
    if words.is_empty() { "the last messages".to_owned() } else { words.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finished() -> Progress {
        Progress {
            workunits: 10,
            validated: 9,
            assimilated: 10,
            failed: 1,
            messages: 50,
            ..Progress::default()
        }
    }

    #[test]
    fn it_is_done_when_all_was_quiet_for_a_while() {
        let mut done = Done::new(10);
        assert!(!done.look(0.0, &finished(), 3));
        assert!(!done.look(10.0, &finished(), 0));
        assert!(!done.look(10.0 + QUIET - 1.0, &finished(), 0));
        // A last message comes: the wait begins again.
        assert!(!done.look(10.0 + QUIET, &Progress { unhandled: 1, ..finished() }, 0));
        assert!(!done.look(2.0 * QUIET, &finished(), 0));
        assert!(done.look(3.0 * QUIET, &finished(), 0));
        assert!(!Done::new(11).look(1e9, &finished(), 0));
    }

    #[test]
    fn a_stall_is_noticed_only_after_the_longest_wait() {
        let mut stall = Stall::new(Duration::ZERO);
        assert!(!stall.look(0.0, &finished(), 1));
        assert!(!stall.look(DEADLINES - 1.0, &finished(), 1));
        assert!(stall.look(DEADLINES, &finished(), 1));
        assert!(!stall.look(DEADLINES, &finished(), 0), "something changed");
        let mut patient = Stall::new(Duration::from_secs(3600));
        assert!(!patient.look(0.0, &finished(), 1) && !patient.look(9e9, &finished(), 1));
    }

    #[test]
    fn what_is_waited_for_has_words() {
        let p = Progress { assimilated: 7, unhandled: 2, ..finished() };
        assert_eq!(
            waiting_for(12, &p, 1),
            "2 workunits to be made, 3 workunits to be assimilated, 2 messages to be handled, 1 tasks on hosts"
        );
        assert_eq!(waiting_for(10, &finished(), 0), "the last messages");
    }

    #[test]
    fn the_line_says_how_far_it_is() {
        let line = line(12.0, 1.25, 300, &finished());
        for words in [
            "12 s",
            "day  1.2",
            "workunits 10/300: 9 valid, 1 failed, 9 assimilated",
            "trickles 50, 0 waiting",
        ] {
            assert!(line.contains(words), "{words}: {line}");
        }
    }
}
