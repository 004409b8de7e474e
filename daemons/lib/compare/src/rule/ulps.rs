//! Steps between neighbouring floating-point numbers.

use serde::{Deserialize, Serialize};

use super::Distance;

/// Of which numbers a step is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Precision {
    /// IEEE 754 binary64.
    #[default]
    Double,
    /// IEEE 754 binary32; the values are rounded to it first.
    Single,
}

/// The distance of two finite numbers: how many steps from one floating-point number to the next lie between them,
/// over `most`. From −0 to 0 it is none. A number that is too large for a single is equal to itself only.
pub fn ulps(a: f64, b: f64, most: u64, precision: Precision) -> Distance {
    let is_too_large = |value: f64| precision == Precision::Single && (value as f32).is_infinite();
    // Numbers beyond the largest single would all be its neighbour.
    if a != b && (is_too_large(a) || is_too_large(b)) {
        return Distance::INFINITE;
    }
    let steps = match precision {
        Precision::Double => ordered(a).abs_diff(ordered(b)),
        Precision::Single => u64::from(ordered_single(a as f32).abs_diff(ordered_single(b as f32))),
    };
    if steps <= most {
        let units = if steps == 0 { 0.0 } else { (steps as f64 / most as f64).min(1.0) };
        Distance { agrees: true, units }
    } else {
        Distance { agrees: false, units: (steps as f64 / most as f64).max(1.0_f64.next_up()) }
    }
}

/// Neighbouring numbers have neighbouring integers; both zeros have 0.
const fn ordered(value: f64) -> i64 {
    let bits = value.to_bits() as i64;
    if bits < 0 { i64::MIN.wrapping_sub(bits) } else { bits }
}

const fn ordered_single(value: f32) -> i32 {
    let bits = value.to_bits() as i32;
    if bits < 0 { i32::MIN.wrapping_sub(bits) } else { bits }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_counted_across_zero_and_powers_of_two() {
        let steps = |a: f64, b: f64| (0..9).find(|&most| ulps(a, b, most, Precision::Double).agrees);
        assert_eq!(steps(1.0, 1.0_f64.next_up()), Some(1));
        assert_eq!(steps(1.0_f64.next_down(), 1.0_f64.next_up()), Some(2));
        assert_eq!(steps(-0.0, 0.0), Some(0));
        assert_eq!(steps(-5e-324, 5e-324), Some(2));
        assert_eq!(steps(f64::MAX, f64::MIN), None);
        assert_eq!(steps(-1.0, (-1.0_f64).next_up()), Some(1));
        assert!(ulps(1.0, f64::from(1.0_f32.next_up()), 1, Precision::Single).agrees);
        assert!(!ulps(1.0, f64::from(1.0_f32.next_up()), 1, Precision::Double).agrees);
        assert!(!ulps(1e300, -1e300, 1, Precision::Single).agrees);
        assert!(!ulps(1e39, 1e300, 4, Precision::Single).agrees);
        assert!(!ulps(f64::from(f32::MAX), 1e39, 4, Precision::Single).agrees);
        assert!(ulps(1e39, 1e39, 4, Precision::Single).agrees);
    }

    #[test]
    fn no_step_allowed_means_equal() {
        let distance = ulps(1.0, 1.0_f64.next_up(), 0, Precision::Double);
        assert!(!distance.agrees && distance.units.is_infinite());
        assert_eq!(ulps(1.0, 1.0_f64.next_up(), 4, Precision::Double).units, 0.25);
    }
}
