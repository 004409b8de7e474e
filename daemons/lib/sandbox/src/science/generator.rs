//! A small Monte Carlo event generator: weighted events with a transverse momentum, filled into a histogram.
//!
//! The momentum is drawn with integer arithmetic (sums of uniform integers), so that no rounding can move an
//! event to another bin. Weights are computed and added in the platform's arithmetic. Single precision adds
//! in blocks of [`BLOCK`] whose sums are added in double precision, as programs of mixed precision do:
//! its relative error stays below `BLOCK`·2⁻²⁴, whatever the number of events.

use super::{Job, Platform, Precision};
use crate::rng::Rng;

const BINS: usize = 40;
const BLOCK: usize = 32;
/// Momentum units per bin.
const WIDTH: u32 = 4096;

/// Sums per bin.
#[derive(Debug)]
pub(super) struct Histogram {
    weights: Vec<f64>,
    total: f64,
    first_moment: f64,
    second_moment: f64,
}

impl Histogram {
    /// (lower edge in GeV, sum of weights)
    pub(super) fn bins(&self) -> impl Iterator<Item = (f64, f64)> + '_ {
        self.weights.iter().zip(0_u32..).map(|(weight, bin)| (f64::from(bin) * 0.5, *weight))
    }

    /// Sum of all weights.
    pub(super) fn total(&self) -> f64 {
        self.total
    }

    /// Weighted mean momentum, GeV.
    pub(super) fn mean(&self) -> f64 {
        if self.total > 0.0 { self.first_moment / self.total } else { 0.0 }
    }

    /// Weighted root mean square of the momentum, GeV. Not the deviation from the mean: that would cancel
    /// digits, and few events would make it anything.
    pub(super) fn width(&self) -> f64 {
        if self.total > 0.0 { (self.second_moment / self.total).sqrt() } else { 0.0 }
    }
}

pub(super) fn run(job: Job, platform: Platform) -> Histogram {
    let mut rng = Rng::new(job.seed);
    let mut by_bin: Vec<Vec<u32>> = vec![Vec::new(); BINS];
    let mut all = Vec::new();
    for _ in 0..job.events {
        let momentum = draw(&mut rng);
        let bin = usize::try_from(momentum / WIDTH).unwrap_or(usize::MAX).min(BINS - 1);
        if let Some(events) = by_bin.get_mut(bin) {
            events.push(momentum);
        }
        all.push(momentum);
    }
    Histogram {
        weights: by_bin.iter().map(|events| sum(events, platform, 0)).collect(),
        total: sum(&all, platform, 0),
        first_moment: sum(&all, platform, 1),
        second_moment: sum(&all, platform, 2),
    }
}

/// Falls off to high momenta: the smaller of two sums.
fn draw(rng: &mut Rng) -> u32 {
    let mut three = || {
        (0..3).fold(0_u32, |sum, _| sum + u32::try_from(rng.below(BINS * WIDTH as usize / 3)).unwrap_or(0))
    };
    let (a, b) = (three(), three());
    a.min(b)
}

/// Sum of weight · momentumᵖᵒʷᵉʳ.
fn sum(events: &[u32], platform: Platform, power: i32) -> f64 {
    let ordered: Vec<u32> =
        if platform.backwards { events.iter().rev().copied().collect() } else { events.to_vec() };
    match platform.precision {
        Precision::F64 => ordered.iter().fold(0.0, |sum, momentum| {
            let p = f64::from(*momentum) / 8192.0;
            let (weight, factor) = (weight_f64(p, platform.fused), p.powi(power));
            if platform.fused { weight.mul_add(factor, sum) } else { sum + weight * factor }
        }),
        Precision::F32 => ordered
            .chunks(BLOCK)
            .map(|block| {
                f64::from(block.iter().fold(0.0_f32, |sum, momentum| {
                    #[allow(clippy::cast_precision_loss)]
                    let p = *momentum as f32 / 8192.0;
                    let (weight, factor) = (weight_f32(p, platform.fused), p.powi(power));
                    if platform.fused { weight.mul_add(factor, sum) } else { sum + weight * factor }
                }))
            })
            .sum(),
    }
}

// A weight of 1 / (1 + p²/9 + p/10): only operations that IEEE 754 rounds correctly, so that the mathematical
// library of the machine that runs the sandbox does not matter.

fn weight_f64(p: f64, fused: bool) -> f64 {
    let denominator =
        if fused { p.mul_add(p.mul_add(1.0 / 9.0, 0.1), 1.0) } else { 1.0 + p * 0.1 + p * p / 9.0 };
    1.0 / denominator
}

fn weight_f32(p: f32, fused: bool) -> f32 {
    let denominator =
        if fused { p.mul_add(p.mul_add(1.0 / 9.0, 0.1), 1.0) } else { 1.0 + p * 0.1 + p * p / 9.0 };
    1.0 / denominator
}
