//! Whether errors of two outputs are comparable, so that no output can pass by claiming large ones.
//!
//! Squared errors u and v (Σw² of a bin, say) that n entries of both made are told apart by z² = n/κ · ((u − v)/(u +
//! v))². If both come from one distribution, an entry is in one of the two with probability ½ each, and u − v has the
//! variance Σw⁴ of all entries = κ (u + v)²/n with the κ = n Σw⁴/(Σw²)² of their weights (that of a sum of random
//! signs; Hoeffding, J. Am. Stat. Assoc. 58 (1963) 13, section 2: it has the tails of a normal distribution at most).
//! κ is 1 for equal weights, and not known otherwise, for Σw⁴ is not in the files. So
//! - it is taken large: 64, or 1 + 1000 (r − 1)² where r = n Σw²/(Σw)² is known, of the output with the smaller r;
//! - errors within a declared factor (`error_ratio`) count as equal, whatever their number of entries is;
//! - beyond ten times that factor, κ is 8 at most.
//!
//! Some bins may be filled too thinly for that. So a sign test is made, too: among the bins that are beyond the
//! factor, it is by chance which output has the larger error. All of this together is one test: its probability is
//! that of the least probable finding times their number.

use super::distribution::{ln_chi2_tail, ln_half_tail};
use super::{Name, Test};

/// κ where the weights are not known.
pub(super) const UNKNOWN: f64 = 64.0;
/// Beyond [`WIDE`] times the factor, κ is at most this.
const NARROW: f64 = 8.0;
const WIDE: f64 = 10.0;

/// Squared errors of both, and what they are made of.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Pair {
    pub(super) left: f64,
    pub(super) right: f64,
    /// Entries of both together.
    pub(super) entries: f64,
    pub(super) kappa: f64,
}

/// κ of weights of which n and (Σw)²/Σw² are known.
pub(super) fn kappa(ratio: f64) -> f64 {
    1000.0f64.mul_add((ratio - 1.0).max(0.0).powi(2), 1.0)
}

impl Pair {
    /// How many times the larger is the smaller one; 1 if they can't be compared.
    fn ratio(self) -> f64 {
        let (small, large) = (self.left.min(self.right), self.left.max(self.right));
        if large > 0.0 && small >= 0.0 { large / small } else { 1.0 }
    }

    /// ln p beyond `factor`.
    fn ln_p(self, factor: f64, kappa: f64) -> f64 {
        let (large, small) = (self.left.max(self.right), self.left.min(self.right));
        if self.ratio() <= factor {
            return 0.0;
        }
        let part = (1.0 - small / large) / (1.0 + small / large);
        ln_chi2_tail(self.entries / kappa * part * part, 1)
    }

    fn least(self, factors: [(f64, f64); 2]) -> f64 {
        let [narrow, wide] = factors.map(|(factor, kappa)| self.ln_p(factor, self.kappa.min(kappa)));
        narrow.min(wide) + std::f64::consts::LN_2
    }
}

/// Tests pairs, one for each bin, and what they are together. `only_wide`: errors within ten times the factor count as
/// equal, but for the sign test.
pub(super) fn test(name: Name, bins: &[Pair], whole: Pair, factor: f64, only_wide: bool) -> Option<Test> {
    let beyond = factor * WIDE;
    let factors = [if only_wide { (beyond, NARROW) } else { (factor, f64::INFINITY) }, (beyond, NARROW)];
    let count = bins.iter().filter(|pair| pair.left > 0.0 || pair.right > 0.0).count();
    if count == 0 && whole.entries <= 0.0 {
        return None;
    }
    // ln p, ratio, bin.
    let mut worst = (0.0, 1.0, 0);
    let mut take = |ln_p: f64, ratio: f64, bin: usize| {
        if ln_p < worst.0 {
            worst = (ln_p, ratio, bin);
        }
    };
    let (mut left, mut right, mut largest) = (0_u64, 0_u64, (1.0, 0));
    for (bin, pair) in bins.iter().enumerate() {
        let ratio = pair.ratio();
        take(pair.least(factors) + (count.max(1) as f64).ln(), ratio, bin);
        // An error that one lacks says nothing of the other's.
        if ratio > factor && ratio.is_finite() {
            *(if pair.left > pair.right { &mut left } else { &mut right }) += 1;
            if ratio > largest.0 {
                largest = (ratio, bin);
            }
        }
    }
    take(ln_half_tail(left.max(right), left + right), largest.0, largest.1);
    take(whole.least(factors), whole.ratio(), largest.1);
    let ln_p = (worst.0 + 3.0_f64.ln()).min(0.0);
    Some(Test { name, statistic: worst.1, bins: count.max(1) as u64, ln_p, worst: worst.2 })
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn pair(left: f64, right: f64, entries: f64) -> Pair {
        Pair { left, right, entries, kappa: 1.0 }
    }

    fn ln_p(bins: &[Pair], whole: Pair) -> f64 {
        test(Name::Errors, bins, whole, 2.0, false).unwrap().ln_p
    }

    #[test]
    fn by_hand() {
        // Three times as large: part 1/2, z² = 100/4 = 25; of two factors and three findings: 6 p.
        let found = test(Name::Errors, &[pair(3.0, 1.0, 100.0)], pair(1.0, 1.0, 1.0), 2.0, false).unwrap();
        assert!((found.ln_p - ln_chi2_tail(25.0, 1) - 6.0_f64.ln()).abs() < 1e-12, "{found:?}");
        assert_eq!((found.statistic, found.worst), (3.0, 0));
    }

    #[test]
    fn within_the_factor_and_from_few_entries_all_errors_are_equal() {
        let same = pair(1.0, 1.0, 1.0);
        assert_eq!(ln_p(&[pair(2.0, 1.0, 1e9)], same), 0.0);
        assert!(ln_p(&[pair(1e30, 1.0, 3.0)], same) > -1.0);
        assert!(ln_p(&[Pair { kappa: kappa(2.0), ..pair(3.0, 1.0, 1e4) }], same) > -1.0);
        assert!(ln_p(&[pair(2.1, 1.0, 1e9)], same) < -1000.0);
        assert!(ln_p(&[pair(1e30, 1.0, 100.0)], same) < -30.0);
        assert!(ln_p(&[], pair(1e30, 1.0, 100.0)) < -30.0);
        assert_eq!(test(Name::Errors, &[], pair(0.0, 0.0, 0.0), 2.0, false), None);
    }

    #[test]
    fn many_thin_bins_are_one_sided() {
        let (thin, same) = (pair(1e30, 1.0, 2.0), pair(1.0, 1.0, 1.0));
        // 2 · 2⁻²⁰, of three findings.
        assert!((ln_p(&[thin; 20], same) - (6.0_f64.ln() - 20.0 * 2.0_f64.ln())).abs() < 1e-12);
        let mut both = [thin; 20];
        both.iter_mut().take(10).for_each(|pair| (pair.left, pair.right) = (1.0, 1e30));
        assert_eq!(ln_p(&both, same), 0.0);
    }
}
