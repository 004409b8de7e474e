//! BOINC's two kinds of averages: recent average credit, and running averages of samples.
//!
//! Invariant: a finite average stays finite, whatever the samples. A sample that would break it is left out
//! (stock would build SQL with `inf` in it, which fails).

use crate::DAY;

/// Half-life of recent average credit, seconds: 7 days (`CREDIT_HALF_LIFE`).
pub const CREDIT_HALF_LIFE: f64 = 7.0 * DAY;

/// Recent average credit: the columns `expavg_credit` (or `expavg`) and `expavg_time`.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Recent {
    /// Credit per day.
    pub avg: f64,
    /// When `avg` was brought up to date, Unix seconds; 0 = never.
    pub time: f64,
}

impl Recent {
    /// Adds `work` (cobblestones, may be 0 or negative) begun at `start` (Unix seconds), at time `now`.
    ///
    /// With t = `time`, H = 7 days, d = max(0, now − t), w = exp(−d·ln 2/H):
    /// - t ≠ 0: avg·w + (1−w)·work/(d in days); where 1−w ≤ 1e-6, its limit avg·w + ln 2·work·86400/H;
    /// - t = 0 and work ≠ 0: work/((now − start) in days);
    /// - t = 0 and work = 0: unchanged.
    ///
    /// Then `time` = now. Source: `update_average` in `lib/util.cpp`.
    /// Differs: with t = 0 and start = now the limit is taken, where stock divides by zero.
    #[must_use]
    pub fn with_work(self, now: f64, start: f64, work: f64) -> Self {
        let limit = std::f64::consts::LN_2 * work * DAY / CREDIT_HALF_LIFE;
        let avg = if self.time != 0.0 {
            let elapsed = (now - self.time).max(0.0);
            let weight = (-elapsed * std::f64::consts::LN_2 / CREDIT_HALF_LIFE).exp();
            let fresh = 1.0 - weight;
            self.avg * weight + if fresh > 1e-6 { fresh * (work / (elapsed / DAY)) } else { limit }
        } else if work != 0.0 {
            let first = work / ((now - start) / DAY);
            if first.is_finite() { first } else { limit }
        } else {
            self.avg
        };
        Self { avg: if avg.is_finite() { avg } else { self.avg }, time: now }
    }
}

/// How a running average treats samples.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rule {
    /// From this many samples on, the average is exponential.
    pub threshold: f64,
    /// Weight of a new sample then.
    pub weight: f64,
    /// A sample is cut at the average times this.
    pub limit: f64,
}

/// Averages per host and version (`HAV_AVG_…` in `sched/credit.h`).
pub const PER_HOST: Rule = Rule { threshold: 20.0, weight: 0.01, limit: 10.0 };

/// Averages per app version (`AV_AVG_…` in `sched/credit.h`).
pub const PER_VERSION: Rule = Rule { threshold: 100.0, weight: 0.001, limit: 10.0 };

impl Rule {
    /// The sample as it counts; None when it doesn't.
    fn admit(self, sample: f64, n: f64, avg: f64) -> Option<f64> {
        if sample < 0.0 || !sample.is_finite() {
            return None;
        }
        let cut = avg * self.limit;
        Some(if n != 0.0 && avg != 0.0 && sample > cut { cut } else { sample })
    }
}

/// A running average (`AVERAGE` in `lib/average.h`): `pfc_n`, `pfc_avg`.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Running {
    /// Samples so far.
    pub n: f64,
    /// Their average.
    pub avg: f64,
}

impl Running {
    /// Adds a sample: negative and non-finite ones are ignored; cut at avg·limit if n and avg are nonzero;
    /// n += 1; below the threshold avg += δ/n, from it on avg += weight·δ, with δ = sample − avg.
    #[must_use]
    pub fn with_sample(self, sample: f64, rule: Rule) -> Self {
        let Some(sample) = rule.admit(sample, self.n, self.avg) else { return self };
        let n = self.n + 1.0;
        let delta = sample - self.avg;
        let avg = self.avg + if n < rule.threshold { delta / n } else { rule.weight * delta };
        Self { n, avg }
    }
}

/// A running average with variance (`AVERAGE_VAR` in `lib/average.h`): `et_…`, `turnaround_…`.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct RunningVar {
    /// Samples so far.
    pub n: f64,
    /// Their average.
    pub avg: f64,
    /// Their variance.
    pub var: f64,
    /// Sum of squares, used below the threshold.
    pub q: f64,
}

impl RunningVar {
    /// As [`Running::with_sample`]; also q += δ·(sample − new avg), var = q/n below the threshold,
    /// var += weight·(δ² − var) from it on.
    #[must_use]
    pub fn with_sample(self, sample: f64, rule: Rule) -> Self {
        let Some(sample) = rule.admit(sample, self.n, self.avg) else { return self };
        let n = self.n + 1.0;
        let delta = sample - self.avg;
        let new = if n < rule.threshold {
            let avg = self.avg + delta / n;
            let q = self.q + delta * (sample - avg);
            Self { n, avg, var: q / n, q }
        } else {
            let avg = self.avg + rule.weight * delta;
            let var = self.var + rule.weight * (delta * delta - self.var);
            Self { n, avg, var, q: self.q }
        };
        // Differs: a sample whose square no column can hold is ignored; it would stop whoever writes the row.
        if [new.avg, new.var, new.q].into_iter().all(f64::is_finite) { new } else { self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn close(a: f64, b: f64) -> bool {
        (a - b).abs() <= 1e-9 * a.abs().max(b.abs()).max(1e-300)
    }

    #[test]
    fn the_first_work_is_divided_by_its_duration() {
        let first = Recent::default().with_work(10.0 * DAY, 8.0 * DAY, 6.0);
        assert!(close(first.avg, 3.0));
        assert_eq!(first.time, 10.0 * DAY);
        assert_eq!(Recent::default().with_work(5.0, 1.0, 0.0), Recent { avg: 0.0, time: 5.0 });
    }

    #[test]
    fn without_work_it_halves_in_seven_days() {
        let old = Recent { avg: 100.0, time: 1000.0 };
        assert!(close(old.with_work(1000.0 + CREDIT_HALF_LIFE, 0.0, 0.0).avg, 50.0));
    }

    #[test]
    fn at_the_same_moment_the_limit_is_used_and_time_never_runs_back() {
        let old = Recent { avg: 100.0, time: 1000.0 };
        let expected = 100.0 + std::f64::consts::LN_2 * 7.0 / 7.0;
        assert!(close(old.with_work(1000.0, 0.0, 7.0).avg, expected));
        assert!(close(old.with_work(900.0, 0.0, 7.0).avg, expected));
        assert_eq!(old.with_work(900.0, 0.0, 7.0).time, 900.0);
    }

    #[test]
    fn work_begun_now_is_finite() {
        assert!(Recent::default().with_work(50.0, 50.0, 3.0).avg.is_finite());
    }

    #[test]
    fn samples_are_cut_ignored_and_weighted() {
        let one = Running::default().with_sample(2.0, PER_HOST);
        assert_eq!(one, Running { n: 1.0, avg: 2.0 });
        assert_eq!(one.with_sample(-1.0, PER_HOST), one);
        assert_eq!(one.with_sample(f64::INFINITY, PER_HOST), one);
        assert_eq!(one.with_sample(1e9, PER_HOST), Running { n: 2.0, avg: 11.0 });
        let many = Running { n: 19.0, avg: 1.0 };
        assert!(close(many.with_sample(2.0, PER_HOST).avg, 1.01));
        let few = Running { n: 18.0, avg: 1.0 };
        assert!(close(few.with_sample(2.0, PER_HOST).avg, 1.0 + 1.0 / 19.0));
    }

    #[test]
    fn below_the_threshold_the_variance_is_the_populations() {
        let samples = [1.0, 2.0, 4.0, 3.0];
        let all = samples.iter().fold(RunningVar::default(), |a, s| a.with_sample(*s, PER_HOST));
        assert!(close(all.avg, 2.5) && close(all.var, 1.25), "{all:?}");
        let late = RunningVar { n: 30.0, avg: 1.0, var: 1.0, q: 5.0 }.with_sample(3.0, PER_HOST);
        assert!(close(late.avg, 1.02) && close(late.var, 1.03) && late.q == 5.0, "{late:?}");
    }

    proptest! {
        #[test]
        fn averages_stay_finite(samples in proptest::collection::vec(proptest::num::f64::ANY, 0..50)) {
            let mut r = Running::default();
            for s in samples {
                let s = if s.abs() > 1e100 { f64::NAN } else { s };
                r = r.with_sample(s, PER_HOST);
                prop_assert!(r.avg.is_finite() && r.n.is_finite());
            }
        }
    }

    #[test]
    fn a_sample_whose_square_overflows_is_ignored() {
        let start = RunningVar { n: 1.0, avg: 1e300, var: 0.0, q: 0.0 };
        for n in [1.0, 500.0] {
            let start = RunningVar { n, ..start };
            assert_eq!(start.with_sample(9e300, PER_HOST), start);
        }
    }
}
