//! Tail probabilities, as logarithms, so that tiny ones keep their order.

use std::f64::consts::{LN_2, PI};

/// Lanczos' coefficients for g = 7 and nine terms.
const LANCZOS: [f64; 8] = [
    676.520_368_121_885_1,
    -1_259.139_216_722_402_8,
    771.323_428_777_653_1,
    -176.615_029_162_140_6,
    12.507_343_278_686_905,
    -0.138_571_095_265_720_12,
    9.984_369_578_019_572e-6,
    1.505_632_735_149_311_6e-7,
];

/// ln Γ(x) for x ≥ 0.5.
fn ln_gamma(x: f64) -> f64 {
    let x = x - 1.0;
    let sum = LANCZOS
        .iter()
        .zip(1_u32..)
        .fold(0.999_999_999_999_809_9, |sum, (coefficient, k)| sum + coefficient / (x + f64::from(k)));
    let t = x + 7.5;
    0.5 * (2.0 * PI).ln() + (x + 0.5) * t.ln() - t + sum.ln()
}

/// Most terms of a series. For `bins` degrees of freedom about 10·√bins are needed.
const TERMS: u32 = 1_000_000;

/// ln P(χ² ≥ `x`) for `degrees` ≥ 1: the regularised incomplete gamma function Q(degrees/2, x/2). Abramowitz and
/// Stegun 26.4.19, 6.5.29 (series), 6.5.31 (continued fraction).
pub(super) fn ln_chi2_tail(x: f64, degrees: u64) -> f64 {
    if x.is_nan() || x == f64::INFINITY {
        return f64::NEG_INFINITY;
    }
    if x <= 0.0 || degrees == 0 {
        return 0.0;
    }
    let (a, x) = (degrees as f64 / 2.0, x / 2.0);
    let ln_front = a * x.ln() - x - ln_gamma(a);
    if x < a + 1.0 {
        let (mut term, mut sum, mut n) = (1.0 / a, 1.0 / a, a);
        for _ in 0..TERMS {
            n += 1.0;
            term *= x / n;
            sum += term;
            if term < sum * f64::EPSILON {
                break;
            }
        }
        let lower = (ln_front + sum.ln()).exp();
        return (-lower.min(1.0)).ln_1p();
    }
    // Lentz' way to evaluate the fraction.
    let mut b = x + 1.0 - a;
    let (mut c, mut d) = (1.0 / f64::MIN_POSITIVE, 1.0 / b);
    let mut fraction = d;
    for i in 1..TERMS {
        let i = f64::from(i);
        let numerator = -i * (i - a);
        b += 2.0;
        d = 1.0 / away_from_zero(numerator * d + b);
        c = away_from_zero(b + numerator / c);
        let factor = d * c;
        fraction *= factor;
        if (factor - 1.0).abs() < f64::EPSILON {
            break;
        }
    }
    (ln_front + fraction.ln()).min(0.0)
}

fn away_from_zero(value: f64) -> f64 {
    if value.abs() < f64::MIN_POSITIVE { f64::MIN_POSITIVE } else { value }
}

/// ln P(K ≥ λ) of Kolmogorov's distribution: 2 Σ (−1)^(j−1) exp(−2 j² λ²). For small λ by the series that converges
/// there, 1 − √(2π)/λ Σ exp(−(2j−1)² π² / (8 λ²)).
pub(super) fn ln_kolmogorov_tail(lambda: f64) -> f64 {
    if lambda.is_nan() {
        return f64::NEG_INFINITY;
    }
    if lambda <= 0.0 {
        return 0.0;
    }
    if lambda < 1.0 {
        let term = |j: f64| (-(2.0 * j - 1.0).powi(2) * PI * PI / (8.0 * lambda * lambda)).exp();
        let below = (2.0 * PI).sqrt() / lambda * (term(1.0) + term(2.0) + term(3.0));
        return (-below.min(1.0)).ln_1p();
    }
    let square = -2.0 * lambda * lambda;
    // The first term is taken out: it alone may be too small for a double.
    let rest: f64 = [(2.0_f64, -1.0), (3.0, 1.0), (4.0, -1.0)]
        .iter()
        .map(|(j, sign)| sign * (square * (j * j - 1.0)).exp())
        .sum();
    (LN_2 + square + rest.ln_1p()).min(0.0)
}

/// ln P of at least `larger` heads or as many tails among `count` throws of a coin: 2 Σ C(n, k) / 2ⁿ, at most 1.
pub(super) fn ln_half_tail(larger: u64, count: u64) -> f64 {
    if larger.saturating_mul(2) <= count + 1 {
        return 0.0;
    }
    let n = count as f64;
    // C(n, k), and its ratios to those before: each is smaller than the last one.
    let ln_first = ln_gamma(n + 1.0) - ln_gamma(larger as f64 + 1.0) - ln_gamma(n - larger as f64 + 1.0);
    let (mut term, mut sum) = (1.0, 1.0);
    for k in larger..count {
        term *= (count - k) as f64 / (k + 1) as f64;
        sum += term;
        if term < sum * f64::EPSILON {
            break;
        }
    }
    (ln_first + f64::ln(sum) + (1.0 - n) * LN_2).min(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn close(found: f64, expected: f64, relative: f64) {
        assert!((found - expected).abs() <= relative * expected.abs(), "{found} {expected}");
    }

    #[test]
    fn critical_values_of_chi2_as_published() {
        // NIST/SEMATECH e-Handbook of Statistical Methods, 1.3.6.7.4; Abramowitz and Stegun, table 26.8.
        for (degrees, p, critical) in [
            (1, 0.10, 2.706),
            (1, 0.05, 3.841),
            (1, 0.01, 6.635),
            (1, 0.001, 10.828),
            (2, 0.05, 5.991),
            (5, 0.05, 11.070),
            (5, 0.001, 20.515),
            (10, 0.05, 18.307),
            (10, 0.01, 23.209),
            (10, 0.95, 3.940),
            (20, 0.01, 37.566),
            (30, 0.001, 59.703),
            (50, 0.05, 67.505),
            (100, 0.05, 124.342),
            (100, 0.001, 149.449),
            (100, 0.99, 70.065),
        ] {
            // Three digits behind the point are published: the probability is off by the density times half of one.
            close(ln_chi2_tail(critical, degrees).exp(), p, 6e-4);
        }
    }

    #[test]
    fn chi2_in_closed_form() {
        // For an even number of degrees, exp(−x/2) Σ (x/2)^k / k! for k below half of it.
        for half in [1_u32, 2, 3, 10, 50] {
            for x in [0.01_f64, 0.5, 1.0, 3.0, 10.0, 50.0, 200.0, 1000.0] {
                let (mut term, mut sum) = (1.0, 1.0);
                for k in 1..half {
                    term *= x / 2.0 / f64::from(k);
                    sum += term;
                }
                let expected = -x / 2.0 + f64::ln(sum);
                let found = ln_chi2_tail(x, u64::from(2 * half));
                assert!(
                    (found - expected).abs() < 1e-11 * expected.abs().max(1.0),
                    "{half} {x}: {found} {expected}"
                );
            }
        }
        assert_eq!(ln_chi2_tail(f64::INFINITY, 3), f64::NEG_INFINITY);
        assert_eq!(ln_chi2_tail(0.0, 3), 0.0);
    }

    #[test]
    fn many_degrees_take_few_terms() {
        // Wilson and Hilferty: the cube root of χ²/n is normal with mean 1 − 2/(9n). At its median p is 1/2.
        let degrees = 1_000_000_u64;
        let n = degrees as f64;
        let median = n * (1.0 - 2.0 / (9.0 * n)).powi(3);
        close(ln_chi2_tail(median, degrees).exp(), 0.5, 1e-4);
    }

    #[test]
    fn critical_values_of_kolmogorov_as_published() {
        // Smirnov, Annals of Mathematical Statistics 19 (1948), 279: the table of the distribution.
        for (lambda, below) in [
            (0.30, 0.000_009),
            (0.50, 0.036_055),
            (0.70, 0.288_765),
            (0.83, 0.503_0),
            (1.00, 0.730_000),
            (1.36, 0.950_5),
            (1.63, 0.990_2),
            (2.00, 0.999_329),
        ] {
            let found = 1.0 - ln_kolmogorov_tail(lambda).exp();
            assert!((found - below).abs() < 1e-3_f64.min(below * 0.01 + 1e-6), "{lambda}: {found} {below}");
        }
        for (p, critical) in [(0.10, 1.2238), (0.05, 1.3581), (0.01, 1.6276), (0.001, 1.9495)] {
            close(ln_kolmogorov_tail(critical).exp(), p, 1e-3);
        }
        close(ln_kolmogorov_tail(100.0), LN_2 - 20_000.0, 1e-12);
    }

    #[test]
    fn throws_of_a_coin() {
        for (larger, count, p) in
            [(10, 10, 2.0 / 1024.0), (9, 10, 22.0 / 1024.0), (5, 10, 1.0), (1, 1, 1.0), (0, 0, 1.0)]
        {
            close(ln_half_tail(larger, count).exp(), p, 1e-12);
        }
        // Normal: 3 deviations of 50 each.
        close(ln_half_tail(5150, 10_000).exp(), 0.0027, 0.04);
    }

    proptest! {
        #[test]
        fn a_larger_statistic_is_less_probable(x in 0.0..1e4_f64, more in 1e-3..10.0_f64, degrees in 1..2000_u64) {
            let (near, far) = (ln_chi2_tail(x, degrees), ln_chi2_tail(x + more, degrees));
            prop_assert!(far <= near + 1e-9 && near <= 0.0 && far.is_finite(), "{near} {far}");
            let lambda = x / 1e3;
            prop_assert!(ln_kolmogorov_tail(lambda + more) <= ln_kolmogorov_tail(lambda) + 1e-12);
        }
    }
}
