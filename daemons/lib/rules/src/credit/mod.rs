//! FLOPS to cobblestones, the modes of credit, and the averages that a workunit's credit is made with.
//!
//! Invariant: credit is finite and not negative, whatever the rows hold.

mod adaptive;

use boinc::record::{ResultRow, Workunit};
use serde::{Deserialize, Serialize};

use crate::DAY;

pub use adaptive::{Confidence, Estimate, Share, adaptive_credit};

/// FLOPS assumed where the scheduler's figure can't be used (`AVG_CPU_FPOPS` in `sched/credit.h`).
pub const FALLBACK_FLOPS: f64 = 4.3e9;

/// Most that a result gets unless told otherwise: one TeraFLOP-year (`max_granted_credit` in
/// `sched/validator.cpp`).
pub const MAX_GRANTED_CREDIT: f64 = 200.0 * 1000.0 * 365.0;

/// `p_fpops` or `flops_estimate` of a host whose benchmarks never ran.
const NO_BENCHMARK: f64 = 1e9;

/// How the credit of a valid result is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CreditMode {
    /// The adaptive scheme ("CreditNew"): stock's default.
    #[default]
    Adaptive,
    /// FLOPS times run time, averaged (`--credit_from_runtime`).
    FromRuntime,
    /// `workunit.canonical_credit` as the project set it (`--credit_from_wu`).
    FromWorkunit,
    /// `claimed_credit` of the canonical result (`--post_assigned_credit`).
    PostAssigned,
    /// No credit (`--no_credit`).
    None,
    /// Each result's own run time times its FLOPS. Not in stock.
    Uptime,
}

impl CreditMode {
    /// The name in configuration files.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Adaptive => "adaptive",
            Self::FromRuntime => "from_runtime",
            Self::FromWorkunit => "from_workunit",
            Self::PostAssigned => "post_assigned",
            Self::None => "none",
            Self::Uptime => "uptime",
        }
    }
}

/// Credit (cobblestones) of `flop` floating-point operations: flop · 200 / (86400 · 10⁹).
/// Source: `COBBLESTONE_SCALE` in `lib/common_defs.h`.
#[must_use]
pub fn cobblestones(flop: f64) -> f64 {
    flop * 200.0 / (DAY * 1e9)
}

/// FLOPS of a result, and whether the scheduler's figure had to be replaced.
///
/// Exactly 1e9 means that benchmarks never ran; zero, negative or no number is a fault: both give
/// [`FALLBACK_FLOPS`]. Source: `get_pfc` in `sched/credit.cpp`.
#[must_use]
pub fn usable_flops(flops_estimate: f64) -> (f64, bool) {
    if flops_estimate == NO_BENCHMARK || !flops_estimate.is_finite() || flops_estimate <= 0.0 {
        (FALLBACK_FLOPS, true)
    } else {
        (flops_estimate, false)
    }
}

/// Average in which each value weighs as much as the sum of the others: Σxᵢ(S−xᵢ)/((n−1)·S), S = Σx.
/// One value is taken as it is; None for no value. Source: `low_average` in `sched/credit.cpp`.
#[must_use]
pub fn low_average(values: &[f64]) -> Option<f64> {
    match values {
        [] => None,
        [one] => Some(*one),
        many => {
            let sum: f64 = many.iter().sum();
            let total: f64 = many.iter().map(|x| x * (sum - x)).sum();
            let n = f64::from(u32::try_from(many.len()).unwrap_or(u32::MAX));
            Some(total / ((n - 1.0) * sum)).filter(|x| x.is_finite()).or(Some(0.0))
        }
    }
}

/// Average in which each value x weighs 1/(0.1·anchor + |anchor − x|). One value is taken as it is; None for
/// no value. Source: `pegged_average` in `sched/credit.cpp`.
/// Differs: where a weight is infinite (anchor 0 and a value of 0), the anchor is the average.
#[must_use]
pub fn pegged_average(values: &[f64], anchor: f64) -> Option<f64> {
    match values {
        [] => None,
        [one] => Some(*one),
        many => {
            let (mut weights, mut sum) = (0.0, 0.0);
            for x in many {
                let weight = 1.0 / (0.1 * anchor + (anchor - x).abs());
                weights += weight;
                sum += weight * x;
            }
            Some(sum / weights).filter(|x| x.is_finite()).or(Some(anchor))
        }
    }
}

/// What one result says about the credit of its workunit by its run time (mode from_runtime).
///
/// flops_estimate (1e9 → 4.3e9) · elapsed_time, if above 2·rsc_fpops_bound then rsc_fpops_bound; as credit;
/// None unless 0 < credit ≤ `max`. Source: `handle_wu` in `sched/validator.cpp`.
#[must_use]
pub fn runtime_credit(result: &ResultRow, workunit: &Workunit, max: f64) -> Option<f64> {
    let flops = if result.flops_estimate == NO_BENCHMARK { FALLBACK_FLOPS } else { result.flops_estimate };
    let mut flop = flops * result.elapsed_time;
    if flop > workunit.rsc_fpops_bound * 2.0 {
        flop = workunit.rsc_fpops_bound;
    }
    let credit = cobblestones(flop);
    (credit > 0.0 && credit <= max).then_some(credit)
}

/// Cuts credit at `max` (0 = no limit), and makes it finite and not negative. What is no finite number is worth
/// nothing: it comes from a row that makes no sense.
#[must_use]
pub fn limited(credit: f64, max: f64) -> f64 {
    if !credit.is_finite() {
        return 0.0;
    }
    (if max != 0.0 && credit > max { max } else { credit }).max(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn one_day_of_one_gflops_is_two_hundred() {
        assert!((cobblestones(86_400.0 * 1e9) - 200.0).abs() < 1e-12);
    }

    #[test]
    fn unusable_flops_are_replaced() {
        for bad in [1e9, 0.0, -3.0, f64::NAN, f64::INFINITY] {
            assert_eq!(usable_flops(bad), (FALLBACK_FLOPS, true));
        }
        assert_eq!(usable_flops(1.1e9), (1.1e9, false));
    }

    #[test]
    fn averages_by_hand() {
        assert_eq!(low_average(&[]), None);
        assert_eq!(low_average(&[3.0]), Some(3.0));
        // (1·2 + 2·1) / (1·3)
        assert!((low_average(&[1.0, 2.0]).unwrap() - 4.0 / 3.0).abs() < 1e-12);
        assert_eq!(low_average(&[0.0, 0.0]), Some(0.0));
        assert_eq!(pegged_average(&[], 1.0), None);
        assert_eq!(pegged_average(&[9.0], 1.0), Some(9.0));
        // weights 1/1 and 1/11: (10 + 20/11) / (12/11)
        assert!((pegged_average(&[10.0, 20.0], 10.0).unwrap() - 130.0 / 12.0).abs() < 1e-12);
        assert_eq!(pegged_average(&[0.0, 0.0], 0.0), Some(0.0));
    }

    #[test]
    fn limits() {
        assert_eq!(limited(7.0, 5.0), 5.0);
        assert_eq!(limited(7.0, 0.0), 7.0);
        assert_eq!(limited(-7.0, 5.0), 0.0);
        for max in [5.0, 0.0] {
            for nonsense in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
                assert_eq!(limited(nonsense, max), 0.0);
            }
        }
    }

    #[test]
    fn modes_have_names() {
        for mode in [
            CreditMode::Adaptive,
            CreditMode::FromRuntime,
            CreditMode::FromWorkunit,
            CreditMode::PostAssigned,
            CreditMode::None,
            CreditMode::Uptime,
        ] {
            assert_eq!(serde_json::to_string(&mode).unwrap(), format!("\"{}\"", mode.as_str()));
        }
    }

    proptest! {
        #[test]
        fn averages_lie_between_their_values(values in proptest::collection::vec(0.001..1e6f64, 1..6), anchor in 0.001..1e6f64) {
            let (low, high) = values.iter().fold((f64::MAX, 0.0f64), |(l, h), x| (l.min(*x), h.max(*x)));
            for average in [low_average(&values), pegged_average(&values, anchor)] {
                let average = average.unwrap();
                prop_assert!(average >= low * (1.0 - 1e-9) && average <= high * (1.0 + 1e-9));
            }
        }
    }
}
