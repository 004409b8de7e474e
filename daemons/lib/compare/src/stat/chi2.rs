//! χ² of two histograms with errors: Σ (a − b)² / (σa² + σb²) over the bins that have an error in one of them.
//!
//! It has a χ² distribution with as many degrees of freedom as bins, if both have the same normalisation, which is
//! tested with it. Differences within the rounding of printed numbers do not count. A bin that is empty in one counts
//! with the other's error: for sums of weights a term then has the mean 1, however few entries there are, because the
//! error is that of the entries of both.

use super::distribution::ln_chi2_tail;
use super::histogram::Bin;
use super::{Name, Test};

/// Values that differ by no more than this fraction are equal: YODA prints seven digits.
pub(super) const ROUNDING: f64 = 2e-6;

/// A sum that is being made.
#[derive(Debug, Default)]
pub(super) struct Parts {
    sum: f64,
    bins: u64,
    /// The bin that adds most, and what.
    worst: Option<(usize, f64)>,
}

impl Parts {
    /// Adds what a bin says.
    pub(super) fn add(&mut self, bin: usize, part: Option<f64>) {
        let Some(part) = part else { return };
        self.bins += 1;
        self.sum += part;
        if self.worst.is_none_or(|(_, worst)| part > worst) {
            self.worst = Some((bin, part));
        }
    }

    /// `None` if no bin says something.
    pub(super) fn test(&self, name: Name) -> Option<Test> {
        let (worst, _) = self.worst?;
        let ln_p = ln_chi2_tail(self.sum, self.bins);
        Some(Test { name, statistic: self.sum, bins: self.bins, ln_p, worst })
    }
}

/// `None` if no bin can be compared.
pub(super) fn test(name: Name, left: &[Bin], right: &[Bin]) -> Option<Test> {
    let mut parts = Parts::default();
    for (index, (a, b)) in left.iter().zip(right).enumerate() {
        parts.add(index, part(*a, *b));
    }
    parts.test(name)
}

/// What a bin adds; `None` if it says nothing.
fn part(a: Bin, b: Bin) -> Option<f64> {
    match (a, b) {
        // Without an entry, or without an error, in both.
        (Bin::Empty, Bin::Empty) => None,
        (Bin::Value { .. } | Bin::Empty, Bin::Value { .. } | Bin::Empty) => {
            let ((a, a_errors), (b, b_errors)) = (a.parts(), b.parts());
            // Of two errors, the one towards the other value.
            let (down, up) = if a > b { (a_errors.0, b_errors.1) } else { (b_errors.0, a_errors.1) };
            let (difference, variance) = ((a - b).abs(), down + up);
            if difference <= ROUNDING * a.abs().max(b.abs()) {
                return (variance > 0.0 || a != 0.0).then_some(0.0);
            }
            Some(if variance > 0.0 { difference * (difference / variance) } else { f64::INFINITY })
        }
        (Bin::Unknown, Bin::Unknown) => None,
        // A bin that is no number in one of them.
        _ => Some(f64::INFINITY),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bins(values: &[(f64, f64)]) -> Vec<Bin> {
        values.iter().map(|(value, variance)| Bin::new(*value, *variance, *variance)).collect()
    }

    fn test(left: &[Bin], right: &[Bin]) -> Option<Test> {
        super::test(Name::Chi2, left, right)
    }

    #[test]
    fn by_hand() {
        let (a, b) = (
            bins(&[(10.0, 10.0), (20.0, 20.0), (0.0, 0.0)]),
            bins(&[(14.0, 14.0), (13.0, 13.0), (0.0, 0.0)]),
        );
        let test = test(&a, &b).unwrap();
        assert_eq!((test.bins, test.worst), (2, 1));
        assert!((test.statistic - (16.0 / 24.0 + 49.0 / 33.0)).abs() < 1e-12);
        // Two degrees of freedom: exp(−χ²/2).
        assert!((test.ln_p + test.statistic / 2.0).abs() < 1e-12);
    }

    #[test]
    fn a_difference_without_an_error_is_no_accident() {
        assert_eq!(test(&bins(&[(1.0, 0.0)]), &bins(&[(1.1, 0.0)])).unwrap().ln_p, f64::NEG_INFINITY);
        assert_eq!(test(&bins(&[(1.0, 0.0)]), &bins(&[(1.000_001, 0.0)])).unwrap().ln_p, 0.0);
        assert_eq!(test(&[Bin::Unknown], &bins(&[(1.0, 1.0)])).unwrap().ln_p, f64::NEG_INFINITY);
        assert_eq!(test(&[Bin::Unknown, Bin::Empty], &[Bin::Unknown, Bin::Empty]), None);
    }

    #[test]
    fn the_error_towards_the_other_value_counts() {
        let (high, low) = (Bin::new(10.0, 1.0, 100.0), Bin::new(6.0, 100.0, 3.0));
        for (a, b) in [(high, low), (low, high)] {
            assert_eq!(test(&[a], &[b]).unwrap().statistic, 4.0);
        }
    }
}
