//! The rule for two numbers.

/// An absolute-or-relative tolerance: a and b agree if |a − b| ≤ max(absolute, relative · max(|a|, |b|)).
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Tolerance {
    /// In the unit of the values.
    pub absolute: f64,
    /// Fraction of the larger magnitude.
    pub relative: f64,
}

/// How far two numbers are apart.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Distance {
    /// Whether the rule accepts it.
    pub(crate) agrees: bool,
    /// |a − b| in units of the tolerance: at most 1 if accepted, above 1 if not, infinite if the tolerance is 0.
    pub(crate) units: f64,
}

impl Distance {
    pub(crate) const NONE: Self = Self { agrees: true, units: 0.0 };
    pub(crate) const INFINITE: Self = Self { agrees: false, units: f64::INFINITY };
}

impl Tolerance {
    /// Whether `left` and `right` agree. NaN agrees with nothing; an infinity only with itself.
    pub fn accepts(self, left: f64, right: f64) -> bool {
        self.distance(left, right).agrees
    }

    pub(crate) fn distance(self, left: f64, right: f64) -> Distance {
        if left == right {
            return Distance::NONE;
        }
        if !left.is_finite() || !right.is_finite() {
            return Distance::INFINITE;
        }
        let difference = (left - right).abs();
        let allowed = self.absolute.max(self.relative * left.abs().max(right.abs()));
        if difference.is_finite() && allowed.is_finite() {
            return judge(difference, allowed);
        }
        // One of the two overflowed. A quarter of everything cannot, except `allowed` for a fraction above 4,
        // and then it is infinite rightly: no difference reaches twice the larger magnitude.
        let (left, right) = (left / 4.0, right / 4.0);
        judge((left - right).abs(), (self.absolute / 4.0).max(self.relative * left.abs().max(right.abs())))
    }
}

fn judge(difference: f64, allowed: f64) -> Distance {
    if difference <= allowed {
        Distance { agrees: true, units: (difference / allowed).min(1.0) }
    } else {
        // A quotient that rounds to 1 must not look accepted.
        Distance { agrees: false, units: (difference / allowed).max(1.0_f64.next_up()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn tolerance(absolute: f64, relative: f64) -> Tolerance {
        Tolerance { absolute, relative }
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
