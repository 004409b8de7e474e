//! Significant decimal digits.

use super::Distance;

/// The distance of two finite numbers in half units of the `count`-th significant digit of the larger one: they
/// agree if |a − b| ≤ ½ · 10^(e − count + 1), where e is the decimal exponent of max(|a|, |b|).
pub fn digits(a: f64, b: f64, count: u32) -> Distance {
    let largest = a.abs().max(b.abs());
    if largest == 0.0 {
        return Distance::NONE;
    }
    let places = i32::try_from(count).unwrap_or(i32::MAX).saturating_sub(1);
    // In two steps: the power alone can be below the smallest number.
    let scale = 10f64.powi(-places.min(400));
    // Halves: the difference must not overflow. ½ · 10^e · scale, halved once more.
    let allowed = 0.25 * power_of_ten(exponent(largest)) * scale;
    Distance::of((a / 2.0 - b / 2.0).abs(), allowed)
}

/// e with 10^e ≤ value < 10^(e+1). `value` is finite and above 0.
fn exponent(value: f64) -> i32 {
    let guess = value.log10().floor() as i32;
    // The logarithm is rounded: near a power of ten it can be one off.
    if power_of_ten(guess) > value {
        guess - 1
    } else if power_of_ten(guess + 1) <= value {
        guess + 1
    } else {
        guess
    }
}

fn power_of_ten(exponent: i32) -> f64 {
    // Below 1e-307 one power alone would lose digits or be 0.
    if exponent < -300 { 10f64.powi(exponent + 300) * 1e-300 } else { 10f64.powi(exponent) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_a_unit_of_the_last_digit() {
        assert!(digits(1.2345, 1.2346, 4).agrees);
        assert!(!digits(1.2345, 1.2346, 5).agrees);
        assert!(digits(1.2345, 1.23454, 5).agrees);
        assert!(digits(12345.0, 12346.0, 4).agrees);
        assert!(!digits(0.0, 1e-30, 15).agrees, "zero has no digits in common with anything");
        assert!(digits(999.9, 1000.0, 3).agrees);
        assert!(digits(-1.0, -1.0000001, 6).agrees && !digits(-1.0, 1.0, 1).agrees);
    }

    #[test]
    fn the_ends_of_the_range() {
        assert!(!digits(f64::MAX, f64::MIN, 1).agrees);
        assert!(digits(f64::MAX, f64::MAX.next_down(), 15).agrees);
        assert!(!digits(5e-324, 1e-323, 2).agrees);
        assert_eq!(exponent(1000.0), 3);
        assert_eq!(exponent(999.999), 2);
        assert_eq!(exponent(1e-5), -5);
        assert_eq!(exponent(f64::MAX), 308);
        assert_eq!(exponent(5e-324), -324);
    }
}
