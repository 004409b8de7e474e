//! |a − b| against an absolute and a relative tolerance.

use serde::{Deserialize, Serialize};

use super::Distance;

/// An absolute-or-relative tolerance: a and b agree if |a − b| ≤ max(absolute, relative · denominator).
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Tolerance {
    /// In the unit of the values.
    pub absolute: f64,
    /// Fraction of the denominator.
    pub relative: f64,
    /// By default the larger magnitude.
    pub denominator: Denominator,
}

/// Of which magnitude a relative tolerance is a fraction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Denominator {
    /// max(|a|, |b|).
    #[default]
    Larger,
    /// (|a| + |b|) / 2.
    Mean,
    /// |a|, the value that is examined. Not symmetric.
    First,
    /// |b|, the value that it is compared with: of the canonical result where there is one. Not symmetric.
    Reference,
}

impl Tolerance {
    /// Whether `left` and `right` agree. NaN agrees with nothing; an infinity only with itself.
    pub fn accepts(self, left: f64, right: f64) -> bool {
        self.distance(left, right).agrees
    }

    /// Whether the order of the two does not matter.
    pub const fn is_symmetric(self) -> bool {
        self.relative == 0.0 || matches!(self.denominator, Denominator::Larger | Denominator::Mean)
    }

    /// The distance of `left` and `right` in units of the tolerance.
    pub fn distance(self, left: f64, right: f64) -> Distance {
        if left == right {
            return Distance::NONE;
        }
        if !left.is_finite() || !right.is_finite() {
            return Distance::INFINITE;
        }
        let difference = (left - right).abs();
        let allowed = self.allowed(left, right, 1.0);
        if difference.is_finite() && allowed.is_finite() {
            return Distance::of(difference, allowed);
        }
        // One of the two overflowed. A quarter of everything cannot, except `allowed` for a fraction above 4,
        // and then it is infinite rightly: no difference reaches twice the larger magnitude.
        Distance::of((left / 4.0 - right / 4.0).abs(), self.allowed(left, right, 4.0))
    }

    fn allowed(self, left: f64, right: f64, divisor: f64) -> f64 {
        let (left, right) = (left.abs() / divisor, right.abs() / divisor);
        let denominator = match self.denominator {
            Denominator::Larger => left.max(right),
            Denominator::Mean => left / 2.0 + right / 2.0,
            Denominator::First => left,
            Denominator::Reference => right,
        };
        (self.absolute / divisor).max(self.relative * denominator)
    }
}

/// The distance of two finite numbers on a circle with circumference `period`, against an absolute tolerance: angles.
pub fn periodic(left: f64, right: f64, period: f64, absolute: f64) -> Distance {
    // The remainder of each is exact, that of their difference would carry its rounding.
    let difference = (left % period - right % period).abs() % period;
    Distance::of(difference.min(period - difference), absolute)
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn tolerance(absolute: f64, relative: f64) -> Tolerance {
        Tolerance { absolute, relative, denominator: Denominator::Larger }
    }

    #[test]
    fn the_larger_of_absolute_and_relative_counts() {
        let both = tolerance(0.5, 0.01);
        assert!(both.accepts(1.0, 1.5));
        assert!(!both.accepts(1.0, 1.500001));
        assert!(both.accepts(1000.0, 1010.0), "0.01 of 1010 is 10.1");
        assert!(!both.accepts(1000.0, 1010.2));
    }

    #[test]
    fn the_denominator_is_the_larger_magnitude() {
        let relative = tolerance(0.0, 0.1);
        assert!(relative.accepts(90.0, 100.0));
        assert!(relative.accepts(-100.0, -90.0));
        assert!(!relative.accepts(89.9, 100.0));
        assert!(!relative.accepts(0.0, f64::MIN_POSITIVE), "nothing but zero is within a fraction of zero");
    }

    #[test]
    fn other_denominators() {
        let of = |denominator| Tolerance { absolute: 0.0, relative: 0.1, denominator };
        assert!(of(Denominator::First).accepts(100.0, 91.0) && !of(Denominator::First).accepts(91.0, 100.5));
        assert!(
            of(Denominator::Reference).accepts(91.0, 100.0)
                && !of(Denominator::Reference).accepts(100.5, 91.0)
        );
        assert!(of(Denominator::Mean).accepts(95.0, 105.0) && !of(Denominator::Mean).accepts(95.0, 105.1));
        assert!(!of(Denominator::Reference).accepts(1e-300, 0.0), "nothing is within a fraction of zero");
        assert!(of(Denominator::Mean).is_symmetric() && !of(Denominator::First).is_symmetric());
    }

    #[test]
    fn angles_agree_across_the_seam() {
        let turn = std::f64::consts::TAU;
        assert!(periodic(0.001, turn - 0.001, turn, 0.0021).agrees);
        assert!(!periodic(0.001, turn - 0.001, turn, 0.0019).agrees);
        assert!(periodic(-179.9, 180.05, 360.0, 0.1).agrees);
        assert!(periodic(1e300, 1e300, 360.0, 0.0).agrees);
        assert!(!periodic(0.0, 180.0, 360.0, 179.9).agrees && periodic(0.0, 180.0, 360.0, 180.0).agrees);
    }

    #[test]
    fn values_that_are_no_numbers() {
        let wide = tolerance(f64::MAX, 0.9);
        for (left, right) in [
            (f64::NAN, f64::NAN),
            (f64::NAN, 0.0),
            (f64::INFINITY, f64::NEG_INFINITY),
            (f64::INFINITY, f64::MAX),
            (f64::NEG_INFINITY, f64::MIN),
        ] {
            assert!(!wide.accepts(left, right) && !wide.accepts(right, left), "{left} {right}");
        }
        assert!(tolerance(0.0, 0.0).accepts(f64::INFINITY, f64::INFINITY));
        assert!(tolerance(0.0, 0.0).accepts(f64::NEG_INFINITY, f64::NEG_INFINITY));
        assert!(tolerance(0.0, 0.0).accepts(0.0, -0.0));
    }

    #[test]
    fn a_difference_that_overflows_is_judged_all_the_same() {
        assert!(!tolerance(0.0, 1.5).accepts(1.6e308, -1.6e308));
        assert!(tolerance(0.0, 2.0).accepts(1.6e308, -1.6e308));
        assert!(tolerance(0.0, 100.0).accepts(1.6e308, -1.6e308));
        assert!(!tolerance(f64::MAX, 0.0).accepts(f64::MAX, f64::MIN));
    }

    #[test]
    fn units_stay_on_the_side_of_the_verdict() {
        let distance = tolerance(0.0, 0.0).distance(1.0, 1.0_f64.next_up());
        assert!(!distance.agrees && distance.units == f64::INFINITY);
        let distance = tolerance(2.0, 0.0).distance(10.0, 11.0);
        assert!(distance.agrees && distance.units == 0.5);
        let distance = tolerance(0.1, 0.0).distance(0.0, 0.1_f64.next_up());
        assert!(!distance.agrees && distance.units > 1.0 && distance.units < 1.1);
    }
}
