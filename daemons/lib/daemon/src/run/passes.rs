//! The loop of passes, and waiting for a database that is away. No database in here: a pass is a function.

use std::ops::{AsyncFn, AsyncFnMut};
use std::time::Duration;

use tokio::time::Instant;

use super::{PassReport, Severity};
use crate::backoff::Backoff;
use crate::clock::Clock;
use crate::metrics;
use crate::stop::Stop;

/// With `--one_pass`: so many failures in a row and the daemon gives up.
const ONE_PASS_FAILURES: u32 = 3;

/// When the next pass comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// End after a pass that did nothing.
    pub one_pass: bool,
    /// Nothing is written, so the next pass would find the same: never go on at once.
    pub dry_run: bool,
    /// Pause after a pass that did nothing. Real time.
    pub sleep_interval: Duration,
}

/// Why there are no more passes.
#[derive(Debug)]
pub enum Ended {
    /// Asked to stop.
    Stopped,
    /// `--one_pass`, and nothing is left.
    NothingLeft,
    /// A person must mend something.
    Failed(anyhow::Error),
}

/// Calls `pass` (with 1, 2, …) until it is time to end.
pub async fn passes(
    pace: Pace,
    stop: &Stop,
    clock: &Clock,
    mut pass: impl AsyncFnMut(u64) -> anyhow::Result<PassReport>,
) -> Ended {
    let mut number = 0;
    let mut outage = Outage::default();
    let mut failures = Backoff::default();
    let mut told = PassReport::default();
    while !stop.is_stopping() {
        number += 1;
        let began = Instant::now();
        let Some(outcome) = stop.supervise(pass(number)).await else {
            tracing::info!("the pass was cut short; what was open is rolled back");
            return Ended::Stopped;
        };
        match outcome {
            Ok(report) => {
                outage.over();
                failures.reset();
                let took = began.elapsed();
                metrics::pass_done(&report, took, clock.now());
                tell(&report, &told, took);
                let idle = report.done == 0 || pace.dry_run;
                told = report;
                if !idle {
                    // Lets the workers' tasks have their turn between two passes that never waited.
                    tokio::task::yield_now().await;
                } else if pace.one_pass {
                    return Ended::NothingLeft;
                } else {
                    stop.sleep(pace.sleep_interval).await;
                }
            }
            Err(_) if stop.is_stopping() => return Ended::Stopped,
            Err(error) => match Severity::of(&error) {
                Severity::Unavailable => {
                    let wait = outage.met(&error);
                    stop.sleep(wait).await;
                }
                Severity::Fatal => return Ended::Failed(error),
                Severity::Passing => {
                    outage.over();
                    metrics::pass_failed();
                    let wait = failures.failed();
                    if pace.one_pass && failures.failures() >= ONE_PASS_FAILURES {
                        return Ended::Failed(error.context("gave up after three failures in a row"));
                    }
                    tracing::error!(
                        in_a_row = failures.failures(),
                        next_in_s = wait.as_secs_f64(),
                        "the pass failed: {error:#}"
                    );
                    stop.sleep(wait).await;
                }
            },
        }
    }
    Ended::Stopped
}

/// One line for a pass with something in it. What is set aside and found again in each pass is told once.
fn tell(report: &PassReport, told: &PassReport, took: Duration) {
    if report.is_empty() {
        return;
    }
    let PassReport { found, done, set_aside, .. } = *report;
    let seconds = (took.as_secs_f64() * 1000.0).round() / 1000.0;
    if done == 0 && report == told {
        tracing::debug!(found, done, set_aside, seconds, "pass: {report}");
    } else {
        tracing::info!(found, done, set_aside, seconds, "pass: {report}");
    }
}

/// Calls `attempt` until the database is available. `None`: asked to stop meanwhile.
///
/// # Errors
/// The first error that is not [`Severity::Unavailable`].
pub async fn until_available<T>(
    stop: &Stop,
    attempt: impl AsyncFn() -> anyhow::Result<T>,
) -> anyhow::Result<Option<T>> {
    let mut outage = Outage::default();
    while !stop.is_stopping() {
        let Some(outcome) = stop.supervise(attempt()).await else { break };
        match outcome {
            Ok(value) => {
                outage.over();
                return Ok(Some(value));
            }
            Err(error) if Severity::of(&error) == Severity::Unavailable => {
                let wait = outage.met(&error);
                stop.sleep(wait).await;
            }
            Err(error) => return Err(error),
        }
    }
    Ok(None)
}

/// A time without database. Logs when it begins and when it ends, at debug level what goes on between.
#[derive(Default)]
struct Outage {
    since: Option<Instant>,
    backoff: Backoff,
}

impl Outage {
    /// The database is away: the time to wait.
    fn met(&mut self, error: &anyhow::Error) -> Duration {
        metrics::database_away();
        let wait = self.backoff.failed();
        if self.since.is_none() {
            self.since = Some(Instant::now());
            tracing::warn!("waiting for the database: {error:#}");
        } else {
            tracing::debug!(next_in_s = wait.as_secs_f64(), "still waiting for the database: {error:#}");
        }
        wait
    }

    /// The database is there.
    fn over(&mut self) {
        if let Some(since) = self.since.take() {
            tracing::info!(seconds = since.elapsed().as_secs(), "the database is back");
        }
        self.backoff.reset();
    }
}
