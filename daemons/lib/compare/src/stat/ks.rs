//! Kolmogorov–Smirnov for two histograms: the largest distance of their cumulative distributions.
//!
//! p = Q((√n + 0.12 + 0.11/√n) · D) with n = n₁n₂/(n₁+n₂) and the effective number of entries (Σw)²/Σw² of each
//! (Stephens, J. R. Stat. Soc. B 32 (1970) 115). In bins the distance is smaller than it would be without, so the test
//! rejects less often than declared, never more often. It says nothing about the normalisation.

use super::distribution::ln_kolmogorov_tail;
use super::histogram::Bin;
use super::{Name, Test};

/// `None` if one is empty, or a bin is negative or no number: there is no distribution then.
pub(super) fn test(name: Name, left: &[Bin], right: &[Bin]) -> Option<Test> {
    let (left_sum, left_entries) = content(left)?;
    let (right_sum, right_entries) = content(right)?;
    let (mut a_sum, mut b_sum, mut worst) = (0.0, 0.0, (0, 0.0_f64));
    for (index, (a, b)) in left.iter().zip(right).enumerate() {
        a_sum += a.parts().0;
        b_sum += b.parts().0;
        let distance = (a_sum / left_sum - b_sum / right_sum).abs();
        if distance > worst.1 {
            worst = (index, distance);
        }
    }
    // The product of the two may be larger than a double.
    let root = (1.0 / (1.0 / left_entries + 1.0 / right_entries)).sqrt();
    let ln_p = if worst.1 > 0.0 { ln_kolmogorov_tail((root + 0.12 + 0.11 / root) * worst.1) } else { 0.0 };
    Some(Test { name, statistic: worst.1, bins: left.len() as u64, ln_p, worst: worst.0 })
}

/// Sum, and effective number of entries.
fn content(bins: &[Bin]) -> Option<(f64, f64)> {
    let (mut sum, mut variance) = (0.0, 0.0);
    for bin in bins {
        let (value, errors) = bin.parts();
        if value < 0.0 || matches!(bin, Bin::Unknown) {
            return None;
        }
        sum += value;
        variance += errors.0;
    }
    let entries = sum / variance * sum;
    // At least 1, whatever the weights are; errors that say less are none.
    (sum > 0.0 && entries.is_finite() && entries > 0.5).then_some((sum, entries))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bins(values: &[f64]) -> Vec<Bin> {
        values.iter().map(|value| Bin::new(*value, *value, *value)).collect()
    }

    fn test(left: &[Bin], right: &[Bin]) -> Option<Test> {
        super::test(Name::Ks, left, right)
    }

    #[test]
    fn by_hand() {
        let test = test(&bins(&[50.0, 50.0]), &bins(&[30.0, 70.0])).unwrap();
        assert!((test.statistic - 0.2).abs() < 1e-12 && test.worst == 0);
        // n = 50: λ = 0.2 (7.0711 + 0.12 + 0.0156) = 1.4413, and 2 exp(−2 λ²) = 0.0314.
        assert!((test.ln_p.exp() - 0.0314).abs() < 1e-4, "{}", test.ln_p.exp());
    }

    #[test]
    fn weights_make_fewer_entries() {
        let weighted = |values: &[f64]| -> Vec<Bin> {
            values.iter().map(|value| Bin::new(*value, 4.0 * value, 4.0 * value)).collect()
        };
        let (a, b) = (
            test(&bins(&[50.0, 50.0]), &bins(&[30.0, 70.0])),
            test(&weighted(&[50.0, 50.0]), &weighted(&[30.0, 70.0])),
        );
        assert!(b.unwrap().ln_p > a.unwrap().ln_p);
    }

    #[test]
    fn errors_beyond_measure_make_no_test_or_one_that_equals_pass() {
        let (few, many) = ([Bin::new(1e-207, 1e-207, 1e-207)], [Bin::new(1e300, 1.0, 1.0)]);
        assert_eq!(test(&few, &few), None);
        assert_eq!(test(&many, &many), None);
        let many = [Bin::new(1e100, 1.0, 1.0), Bin::new(1e100, 1.0, 1.0)];
        assert_eq!(test(&many, &many).unwrap().ln_p, 0.0);
        let other = [Bin::new(2e100, 1.0, 1.0), Bin::new(1e100, 1.0, 1.0)];
        assert!(test(&many, &other).unwrap().ln_p < -1e9);
    }

    #[test]
    fn without_a_distribution_there_is_no_test() {
        assert_eq!(test(&bins(&[0.0]), &bins(&[1.0])), None);
        assert_eq!(test(&bins(&[1.0, -0.5]), &bins(&[1.0, 1.0])), None);
        assert_eq!(test(&[Bin::Unknown], &bins(&[1.0])), None);
    }
}
