//! π = 4 · Σ (−1)ᵏ / (2k + 1), summed as a platform does it.

use super::{Platform, Precision};

/// Partial sums at every hundredth term: (number of terms, approximation of π).
pub(super) fn pi(terms: u32, platform: Platform) -> Vec<(u32, f64)> {
    (100..=terms)
        .step_by(100)
        .map(|n| {
            let value = match platform.precision {
                Precision::F64 => sum_f64(n, platform),
                Precision::F32 => f64::from(sum_f32(n, platform)),
            };
            (n, value)
        })
        .collect()
}

fn order(n: u32, backwards: bool) -> Box<dyn Iterator<Item = u32>> {
    if backwards { Box::new((0..n).rev()) } else { Box::new(0..n) }
}

fn sum_f64(n: u32, platform: Platform) -> f64 {
    order(n, platform.backwards).fold(0.0, |sum, k| {
        let sign = if k % 2 == 0 { 4.0_f64 } else { -4.0 };
        let term = 1.0 / f64::from(2 * k + 1);
        if platform.fused { sign.mul_add(term, sum) } else { sum + sign * term }
    })
}

#[allow(clippy::cast_precision_loss)]
fn sum_f32(n: u32, platform: Platform) -> f32 {
    order(n, platform.backwards).fold(0.0_f32, |sum, k| {
        let sign = if k % 2 == 0 { 4.0_f32 } else { -4.0 };
        let term = 1.0 / (2 * k + 1) as f32;
        if platform.fused { sign.mul_add(term, sum) } else { sum + sign * term }
    })
}
