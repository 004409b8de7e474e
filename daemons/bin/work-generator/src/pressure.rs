//! How much work is wanted now: `[work]`'s marks against what waits.
//!
//! What waits is counted in the database, and not at every pass: between two counts what was made is added. So a campaign
//! that is made at once is not held up by counting. A count is taken again when the marks seem reached, when another
//! instance was faster, and after a second.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use app_config::Work;
use boinc::id::AppId;
use daemon::{Pass, ProjectDir};

/// A count is good for so long.
const FRESH: Duration = Duration::from_secs(1);

/// What waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Waiting {
    /// Results that can be sent, or will be when the transitioner made them.
    pub results: i64,
    /// Results on computers that are heard of; 0 unless they count.
    pub alive: i64,
    /// Workunits that wait for the transitioner.
    pub unseen: i64,
}

/// What is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Marks {
    /// Results that shall wait.
    pub high: i64,
    /// Filling begins below it.
    pub low: i64,
    /// Results that shall wait or run; 0 = the marks count.
    pub alive: i64,
    /// Without any mark.
    pub at_once: bool,
    /// Most workunits that may wait for the transitioner.
    pub unseen: i64,
}

impl Marks {
    /// As `[work]` says.
    pub fn of(work: &Work) -> Self {
        let whole = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        Self {
            high: whole(work.cushion),
            low: if work.refill_below == 0 { whole(work.cushion) } else { whole(work.refill_below) },
            alive: whole(work.alive),
            at_once: work.at_once,
            unseen: whole(work.max_transitioner_backlog),
        }
    }

    /// Results to make, and whether filling goes on until the high mark. Pure.
    pub fn wanted(self, waiting: Waiting, filling: bool) -> (i64, bool) {
        let missing = if self.at_once {
            i64::MAX
        } else if self.alive > 0 {
            self.alive.saturating_sub(waiting.results.saturating_add(waiting.alive))
        } else {
            self.high.saturating_sub(waiting.results)
        };
        if missing <= 0 {
            return (0, false);
        }
        let goes = self.at_once || self.alive > 0 || filling || waiting.results < self.low;
        if !goes || waiting.unseen >= self.unseen {
            return (0, filling && goes);
        }
        (missing, true)
    }
}

/// See the module.
pub struct Pressure {
    app: AppId,
    marks: Marks,
    active_days: f64,
    min_free_bytes: u64,
    project: ProjectDir,
    waiting: Waiting,
    counted: Option<Instant>,
    filling: bool,
    told: Option<&'static str>,
}

impl Pressure {
    /// Nothing is counted yet.
    pub fn new(app: AppId, work: &Work, project: ProjectDir) -> Self {
        Self {
            app,
            marks: Marks::of(work),
            active_days: work.active_days,
            min_free_bytes: work.min_free_bytes,
            project,
            waiting: Waiting::default(),
            counted: None,
            filling: false,
            told: None,
        }
    }

    /// Results to make now.
    pub async fn wanted(&mut self, pass: &Pass<'_>) -> Result<i64> {
        let fresh = self.counted.is_some_and(|counted| counted.elapsed() < FRESH);
        let (mut wanted, mut filling) = self.marks.wanted(self.waiting, self.filling);
        if !fresh || wanted == 0 {
            self.count(pass).await?;
            (wanted, filling) = self.marks.wanted(self.waiting, self.filling);
            let free = self.free_bytes()?;
            if free < self.min_free_bytes {
                self.tell(Some("too little is free in the download folder's file system; no work is made"));
                return Ok(0);
            }
        }
        self.filling = filling;
        let held_up = self.waiting.unseen >= self.marks.unseen;
        self.tell(
            held_up.then_some("BOINC's transitioner is behind; no work is made until it has caught up"),
        );
        Ok(wanted)
    }

    /// Workunits were made.
    pub fn made(&mut self, workunits: i64, results: i64) {
        self.waiting.unseen = self.waiting.unseen.saturating_add(workunits);
        self.waiting.results = self.waiting.results.saturating_add(results);
    }

    /// What was counted is not true any more.
    pub fn forget(&mut self) {
        self.counted = None;
    }

    async fn count(&mut self, pass: &Pass<'_>) -> Result<()> {
        let (app, now) = (self.app, pass.clock.now_i32());
        let since = (self.marks.alive > 0).then(|| pass.clock.now() - self.active_days * 86_400.0);
        let (unsent, to_come, alive) = pass
            .store
            .read("what waits", async |conn| {
                let alive = match since {
                    Some(since) => conn.results_alive(app, since).await?,
                    None => 0,
                };
                Ok((conn.unsent_results(app).await?, conn.results_to_come(app, now).await?, alive))
            })
            .await?;
        self.waiting =
            Waiting { results: unsent.saturating_add(to_come.to_come), alive, unseen: to_come.workunits };
        self.counted = Some(Instant::now());
        Ok(())
    }

    fn free_bytes(&self) -> Result<u64> {
        let folder = &self.project.config.download_dir;
        let about =
            rustix::fs::statvfs(folder).with_context(|| format!("can't look at {}", folder.display()))?;
        Ok(about.f_bavail.saturating_mul(about.f_frsize))
    }

    fn tell(&mut self, what: Option<&'static str>) {
        if self.told != what {
            match what {
                Some(what) => tracing::warn!(
                    transitioner_backlog = self.waiting.unseen,
                    min_free_bytes = self.min_free_bytes,
                    "{what}"
                ),
                None => tracing::info!("work can be made again"),
            }
            self.told = what;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MARKS: Marks = Marks { high: 100, low: 100, alive: 0, at_once: false, unseen: 1000 };

    fn waiting(results: i64) -> Waiting {
        Waiting { results, alive: 0, unseen: 0 }
    }

    #[test]
    fn the_cushion_is_filled_and_not_more() {
        assert_eq!(MARKS.wanted(waiting(0), false), (100, true));
        assert_eq!(MARKS.wanted(waiting(99), false), (1, true));
        assert_eq!(MARKS.wanted(waiting(100), true), (0, false));
        assert_eq!(MARKS.wanted(waiting(5000), true), (0, false));
    }

    #[test]
    fn between_the_marks_only_what_was_begun_goes_on() {
        let marks = Marks { low: 20, ..MARKS };
        assert_eq!(marks.wanted(waiting(50), false), (0, false));
        assert_eq!(marks.wanted(waiting(19), false), (81, true));
        assert_eq!(marks.wanted(waiting(50), true), (50, true));
    }

    #[test]
    fn machines_that_are_alive_count() {
        let marks = Marks { alive: 1000, ..MARKS };
        assert_eq!(marks.wanted(Waiting { results: 100, alive: 700, unseen: 0 }, false), (200, true));
        assert_eq!(marks.wanted(Waiting { results: 300, alive: 700, unseen: 0 }, false), (0, false));
    }

    #[test]
    fn the_transitioner_is_not_outrun() {
        let marks = Marks { at_once: true, ..MARKS };
        assert_eq!(marks.wanted(Waiting { results: 9000, alive: 0, unseen: 999 }, false).0, i64::MAX);
        assert_eq!(marks.wanted(Waiting { results: 9000, alive: 0, unseen: 1000 }, true).0, 0);
    }
}
