//! What a passed deadline does to the host's statistics for the application version: pure.
//!
//! As in stock (`result_timed_out` in sched/transitioner.cpp): the delay bound counts as a turnaround, the quota of
//! jobs per day goes down by one from at most `daily_result_quota`, and the row of valid results ends.

/// Samples from which on the average is exponential.
const THRESHOLD: f64 = 20.0;
/// Weight of a new sample in the exponential average.
const WEIGHT: f64 = 0.01;
/// A sample counts for at most so many times the average.
const LIMIT: f64 = 10.0;

/// The columns of `host_app_version` that change, apart from `consecutive_valid`, which becomes 0.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Standing {
    /// `max_jobs_per_day`; 0 = not set yet.
    pub max_jobs_per_day: i32,
    /// `turnaround_n`
    pub n: f64,
    /// `turnaround_avg`, seconds
    pub avg: f64,
    /// `turnaround_var`
    pub var: f64,
    /// `turnaround_q`
    pub q: f64,
}

impl Standing {
    /// After a task that had `delay_bound` seconds did not come back.
    #[must_use]
    pub fn after_time_out(self, delay_bound: i32, daily_result_quota: i32) -> Self {
        let quota = match self.max_jobs_per_day {
            0 => daily_result_quota,
            quota => quota.min(daily_result_quota),
        };
        let next = Self { max_jobs_per_day: (quota - 1).max(1), ..self };
        let mut sample = f64::from(delay_bound);
        if sample < 0.0 {
            return next;
        }
        if self.n != 0.0 && self.avg != 0.0 {
            sample = sample.min(self.avg * LIMIT);
        }
        let n = self.n + 1.0;
        let delta = sample - self.avg;
        if n < THRESHOLD {
            let avg = self.avg + delta / n;
            let q = self.q + delta * (sample - avg);
            Self { n, avg, q, var: q / n, ..next }
        } else {
            let avg = self.avg + WEIGHT * delta;
            Self { n, avg, var: self.var + WEIGHT * (delta * delta - self.var), ..next }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEW: Standing = Standing { max_jobs_per_day: 0, n: 0.0, avg: 0.0, var: 0.0, q: 0.0 };

    #[test]
    fn the_quota_sinks_from_at_most_the_projects() {
        for (before, after) in [(0, 499), (600, 499), (500, 499), (7, 6), (2, 1), (1, 1)] {
            let standing = Standing { max_jobs_per_day: before, ..NEW };
            assert_eq!(standing.after_time_out(100, 500).max_jobs_per_day, after, "{before}");
        }
    }

    #[test]
    fn the_delay_bound_is_a_turnaround() {
        let first = NEW.after_time_out(100, 500);
        assert_eq!((first.n, first.avg, first.var, first.q), (1.0, 100.0, 0.0, 0.0));
        let second = first.after_time_out(200, 500);
        assert_eq!((second.n, second.avg, second.var, second.q), (2.0, 150.0, 2500.0, 5000.0));
        let cut = first.after_time_out(1_000_000, 500);
        assert_eq!(cut.avg, 550.0);
        let old = Standing { n: 30.0, avg: 100.0, var: 400.0, q: 12_000.0, ..NEW }.after_time_out(200, 500);
        assert_eq!((old.n, old.avg, old.var, old.q), (31.0, 101.0, 496.0, 12_000.0));
    }
}
