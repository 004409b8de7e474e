//! How fast the project's computers are, and what FLOPS uptime without a result is paid with.
//!
//! Invariant: a rate is finite and not negative, whatever the rows hold. A project without credit has rates too.

use super::policy::UptimePolicy;
use crate::credit::{FALLBACK_FLOPS, usable_flops};

/// Most FLOPS of one processor, while no host of the project has credit: more than the processors of volunteers do.
pub const NEW_PROJECT_MAX_FLOPS: f64 = 1e10;

/// Most FLOPS of one processor that an app pays a message without a result with, whatever its hosts say: a volunteer
/// chooses the benchmark, and with some hosts the percentile too.
pub const MAX_PROCESSOR_FLOPS: f64 = 1e11;

/// The same for [`HostRates::stock`], where it must not be in the way of any figure that stock comes to.
const STOCK_MAX_FLOPS: f64 = super::facts::MAX_TASK_FLOPS;

/// Benchmarks of one processor that an app's percentiles look at.
const BELIEVABLE: std::ops::RangeInclusive<f64> = 1e8..=MAX_PROCESSOR_FLOPS;

/// With fewer hosts, the fastest is the percentile: it could be anybody's.
const ENOUGH: usize = 20;

/// Above this share of the processors, a benchmark is not believed (stock: `flops_95_percentile`).
const BELIEVED: f64 = 95.0;

/// The value at index ⌊n·percent/100⌋ of a sorted list (the last one if that is beyond); None of an empty list.
/// Source: `DB_HOST::fpops_percentile` in `db/boinc_db.cpp`.
#[must_use]
pub fn percentile(sorted: &[f64], percent: f64) -> Option<f64> {
    let n = sorted.len();
    // Negative and NaN become 0, too large numbers the largest.
    let index = (n as f64 * percent / 100.0) as usize;
    sorted.get(index.min(n.checked_sub(1)?)).copied()
}

/// Benchmarks of the hosts with expavg_credit > 10, as they were before the pass.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Benchmarks {
    /// As stock sees them.
    processors: Vec<f64>,
    /// Without those that nobody can believe.
    believable: Vec<f64>,
    computers: Vec<f64>,
}

impl Benchmarks {
    /// From `p_fpops` and `p_ncpus` of these hosts, in any order.
    #[must_use]
    pub fn new(hosts: impl IntoIterator<Item = (f64, i32)>) -> Self {
        let mut benchmarks = Self::default();
        for (p_fpops, p_ncpus) in hosts.into_iter().filter(|(p_fpops, _)| !p_fpops.is_nan()) {
            benchmarks.processors.push(p_fpops);
            let usable = usable_flops(p_fpops).0;
            if BELIEVABLE.contains(&usable) {
                benchmarks.believable.push(usable);
                benchmarks.computers.push(usable * f64::from(p_ncpus.max(1)));
            }
        }
        benchmarks.processors.sort_by(f64::total_cmp);
        benchmarks.believable.sort_by(f64::total_cmp);
        benchmarks.computers.sort_by(f64::total_cmp);
        benchmarks
    }

    /// A percentile of p_fpops, as stock has it.
    #[must_use]
    pub fn processors(&self, percent: f64) -> Option<f64> {
        percentile(&self.processors, percent)
    }

    /// A percentile of p_fpops · p_ncpus; benchmarks that never ran count as 4.3e9, those below 1e8 or above
    /// [`MAX_PROCESSOR_FLOPS`] not at all. Never below [`FALLBACK_FLOPS`]: many slow hosts can't make all uptime worthless.
    #[must_use]
    pub fn computers(&self, percent: f64) -> Option<f64> {
        percentile(&self.computers, percent).map(|flops| flops.max(FALLBACK_FLOPS))
    }

    /// The same of p_fpops. None with fewer than 20 hosts.
    #[must_use]
    pub fn believable(&self, percent: f64) -> Option<f64> {
        let enough = self.believable.len() >= ENOUGH;
        percentile(&self.believable, percent).filter(|_| enough).map(|flops| flops.max(FALLBACK_FLOPS))
    }
}

/// FLOPS of one processor of a host, for messages that name no result.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HostRates {
    typical: f64,
    limit: f64,
    as_stock: bool,
}

impl HostRates {
    /// As stock trickle_credit: p_fpops, 1e9 too; negative → the 50th percentile; above the 95th → that.
    /// Source: `handle_trickle` in `sched/trickle_credit.cpp`.
    /// Differs: where no host has credit, or the percentile is not above 0, they are [`FALLBACK_FLOPS`] and
    /// [`NEW_PROJECT_MAX_FLOPS`]; stock refuses to start, or pays a negative amount.
    #[must_use]
    pub fn stock(benchmarks: &Benchmarks) -> Self {
        let usable = |percent, otherwise: f64| {
            benchmarks
                .processors(percent)
                .filter(|flops| flops.is_finite() && *flops > 0.0)
                .unwrap_or(otherwise)
        };
        Self {
            typical: usable(50.0, FALLBACK_FLOPS),
            limit: usable(BELIEVED, NEW_PROJECT_MAX_FLOPS).min(STOCK_MAX_FLOPS),
            as_stock: true,
        }
    }

    /// As an app declares: benchmarks that never ran count as 4.3e9; the percentile is `max_flops_percentile`
    /// instead of the 95th; no more than `max_flops`, and than [`MAX_PROCESSOR_FLOPS`]. With fewer than 20 hosts that
    /// have credit, [`NEW_PROJECT_MAX_FLOPS`] stands for the percentile.
    #[must_use]
    pub fn of(policy: &UptimePolicy, benchmarks: &Benchmarks) -> Self {
        let percent = policy.max_flops_percentile.unwrap_or(BELIEVED);
        let limit = benchmarks.believable(percent).unwrap_or(NEW_PROJECT_MAX_FLOPS);
        let typical = benchmarks.believable(50.0).unwrap_or(FALLBACK_FLOPS);
        let limit = policy.max_flops.map_or(limit, |max| limit.min(max)).min(MAX_PROCESSOR_FLOPS);
        Self { typical, limit, as_stock: false }
    }

    /// FLOPS that a host with this benchmark is paid with.
    #[must_use]
    pub fn rate(&self, p_fpops: f64) -> f64 {
        let flops = if p_fpops < 0.0 || p_fpops.is_nan() {
            self.typical
        } else if self.as_stock {
            p_fpops
        } else {
            usable_flops(p_fpops).0
        };
        flops.min(self.limit)
    }
}

/// How many processors a task has: flops_estimate / p_fpops, rounded, from 1 to the host's `p_ncpus`. 1 where a
/// figure can't be used. For claims in CPU seconds.
#[must_use]
pub fn processors(flops_estimate: f64, p_fpops: f64, p_ncpus: i32) -> f64 {
    let ratio = (flops_estimate / p_fpops).round();
    if ratio.is_finite() && p_fpops > 0.0 { ratio.clamp(1.0, f64::from(p_ncpus.max(1))) } else { 1.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_stocks() {
        let list: Vec<f64> = (0..42).map(f64::from).collect();
        assert_eq!(percentile(&list, 50.0), Some(21.0));
        assert_eq!(percentile(&list, 95.0), Some(39.0));
        assert_eq!(percentile(&list, 100.0), Some(41.0));
        assert_eq!(percentile(&list, f64::NAN), Some(0.0));
        assert_eq!(percentile(&[], 50.0), None);
    }

    #[test]
    fn rates() {
        let benchmarks = Benchmarks::new([(3e9, 1), (2e9, 1), (-1.0, 1), (5e9, 1), (f64::NAN, 1)]);
        let stock = HostRates::stock(&benchmarks);
        assert_eq!([-1.0, 1e9, 0.0, 4e9, 9e9].map(|p| stock.rate(p)), [3e9, 1e9, 0.0, 4e9, 5e9]);
        let policy = UptimePolicy { max_flops: Some(4.5e9), ..UptimePolicy::default() };
        let ours = HostRates::of(&policy, &benchmarks);
        assert_eq!([-1.0, 1e9, 0.0, 4e9, 9e9].map(|p| ours.rate(p)), [4.3e9, 4.3e9, 4.3e9, 4e9, 4.5e9]);
        let many = Benchmarks::new((0..40).map(|n| (5e9 + f64::from(n) * 1e8, 1)));
        let lower = UptimePolicy { max_flops_percentile: Some(25.0), ..UptimePolicy::default() };
        assert_eq!(HostRates::of(&lower, &many).rate(9e9), 6e9);
        assert_eq!(HostRates::of(&UptimePolicy::default(), &many).rate(-1.0), 7e9);
    }

    #[test]
    fn forged_benchmarks_buy_little() {
        let policy = UptimePolicy { max_flops_percentile: Some(95.0), ..UptimePolicy::default() };
        // The only host with credit, and half of all hosts.
        let alone = Benchmarks::new([(1e300, 1)]);
        let half = Benchmarks::new((0..100).map(|n| (if n % 2 == 0 { 1e300 } else { 5e9 }, 4)));
        assert_eq!(HostRates::stock(&alone).rate(1e300), STOCK_MAX_FLOPS);
        assert_eq!(HostRates::of(&policy, &alone).rate(1e300), NEW_PROJECT_MAX_FLOPS);
        assert_eq!(HostRates::of(&policy, &half).rate(1e300), 5e9);
        assert_eq!(half.computers(95.0), Some(2e10));
        let fast = Benchmarks::new([(9e10, 64); 50]);
        assert_eq!(HostRates::of(&policy, &fast).rate(1e300), 9e10);
        // Slow ones don't make the others' uptime worthless.
        let slow = Benchmarks::new((0..100).map(|n| (if n % 5 == 0 { 5e9 } else { 1e-305 }, 4)));
        assert_eq!(slow.computers(50.0), Some(2e10));
        assert_eq!(Benchmarks::new([(1e8, 1); 50]).computers(50.0), Some(FALLBACK_FLOPS));
        assert_eq!(Benchmarks::new([(1e8, 1); 50]).believable(50.0), Some(FALLBACK_FLOPS));
    }

    #[test]
    fn a_new_project_works_and_absurd_ones_pay_nothing_absurd() {
        for benchmarks in [Benchmarks::default(), Benchmarks::new([(-1.0, 4); 5])] {
            let stock = HostRates::stock(&benchmarks);
            assert_eq!(stock.rate(3e9), 3e9);
            assert_eq!(stock.rate(-1.0), FALLBACK_FLOPS);
            assert_eq!(stock.rate(f64::NAN), FALLBACK_FLOPS);
            assert_eq!(stock.rate(f64::INFINITY), NEW_PROJECT_MAX_FLOPS);
        }
    }

    #[test]
    fn processors_of_a_task() {
        assert_eq!(processors(8.1e9, 2e9, 8), 4.0);
        assert_eq!(processors(8e9, 2e9, 2), 2.0);
        for (estimate, p_fpops) in [(0.0, 2e9), (-1.0, 2e9), (8e9, 0.0), (8e9, -1.0), (f64::NAN, 2e9)] {
            assert_eq!(processors(estimate, p_fpops, 8), 1.0);
        }
        assert_eq!(processors(8e9, 2e9, -3), 1.0);
    }
}
