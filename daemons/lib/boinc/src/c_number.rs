//! Numbers as the C library reads and prints them, where BOINC's formats depend on it.

/// A whole text as `strtol(text, &end, 0)` reads it: decimal, `0x…`, `0…` octal; none unless all of it is read.
pub(crate) fn integer_any_base(text: &[u8]) -> Option<i64> {
    let text = std::str::from_utf8(text).ok()?.trim_start_matches(is_space);
    let (negative, digits) = sign(text);
    let (digits, radix) = if let Some(hex) = strip_hex(digits) {
        (hex, 16)
    } else if digits.len() > 1 && digits.starts_with('0') {
        (digits.strip_prefix('0')?, 8)
    } else {
        (digits, 10)
    };
    if digits.is_empty() || !digits.chars().all(|c| c.is_digit(radix)) {
        return None;
    }
    let value = i128::from_str_radix(digits, radix).ok()?;
    i64::try_from(if negative { -value } else { value }).ok()
}

/// A decimal number at the start of a text as `atoi` reads it: saturates at 64 bits, then keeps the low 32.
pub(crate) fn atoi(text: &[u8]) -> i32 {
    let text: String = text.iter().take_while(|byte| byte.is_ascii()).map(|byte| char::from(*byte)).collect();
    let (negative, digits) = sign(text.trim_start_matches(is_space));
    let mut value: i64 = 0;
    for digit in digits.chars().map_while(|c| c.to_digit(10)) {
        let digit = i64::from(digit);
        value = value.saturating_mul(10);
        value = if negative { value.saturating_sub(digit) } else { value.saturating_add(digit) };
    }
    low_32_bits(value)
}

/// What a C `(int)` keeps of a `long`.
#[allow(clippy::cast_possible_truncation, reason = "that is what it is for")]
pub(crate) const fn low_32_bits(value: i64) -> i32 {
    value as i32
}

/// A whole text as `strtod` reads it; none unless all of it is read and it neither overflows nor vanishes.
pub(crate) fn double(text: &[u8]) -> Option<f64> {
    let text = std::str::from_utf8(text).ok()?.trim_start_matches(is_space);
    let (negative, digits) = sign(text);
    if digits.starts_with(['+', '-']) {
        return None;
    }
    let value = if let Some(hex) = strip_hex(digits) {
        hex_double(hex)?
    } else if is_nan_with_payload(digits) {
        f64::NAN
    } else {
        digits.parse::<f64>().ok()?
    };
    let named = digits.starts_with(['i', 'I', 'n', 'N']);
    let vanished = value == 0.0 || value.is_subnormal();
    let mantissa = digits.split(['e', 'E']).next().unwrap_or_default();
    if !named && (value.is_infinite() || (vanished && mantissa.chars().any(|c| matches!(c, '1'..='9')))) {
        return None;
    }
    Some(if negative { -value } else { value })
}

/// `nan(…)` with letters, digits and `_`.
fn is_nan_with_payload(text: &str) -> bool {
    text.split_once('(').is_some_and(|(nan, payload)| {
        nan.eq_ignore_ascii_case("nan")
            && payload
                .strip_suffix(')')
                .is_some_and(|inside| inside.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_'))
    })
}

/// `a.8p3`: hexadecimal digits, optional point, optional power of two.
fn hex_double(text: &str) -> Option<f64> {
    let (mantissa, exponent) = match text.split_once(['p', 'P']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
        None => (text, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let mut value = 0.0_f64;
    for digit in whole.chars().chain(fraction.chars()) {
        value = value.mul_add(16.0, f64::from(digit.to_digit(16)?));
    }
    let places = i32::try_from(fraction.len()).ok()?;
    Some(value * f64::from(exponent.saturating_sub(places.saturating_mul(4))).exp2())
}

fn strip_hex(text: &str) -> Option<&str> {
    let rest = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"))?;
    (!rest.is_empty()).then_some(rest)
}

fn sign(text: &str) -> (bool, &str) {
    match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    }
}

/// The C locale's blank space.
fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\u{b}' | '\u{c}' | '\r')
}

/// `%.15e`
pub(crate) fn exponent_15(value: f64) -> String {
    let text = format!("{value:.15e}");
    match text.split_once('e') {
        Some((mantissa, exponent)) => {
            let (negative, digits) = sign(exponent);
            format!("{mantissa}e{}{digits:0>2}", if negative { '-' } else { '+' })
        }
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn integers() {
        assert_eq!(integer_any_base(b"77"), Some(77));
        assert_eq!(integer_any_base(b"-0x10"), Some(-16));
        assert_eq!(integer_any_base(b"010"), Some(8));
        assert_eq!(integer_any_base(b"0"), Some(0));
        assert_eq!(integer_any_base(b"08"), None);
        assert_eq!(integer_any_base(b"0x"), None);
        assert_eq!(integer_any_base(b"1.5"), None);
        assert_eq!(integer_any_base(b"+"), None);
        assert_eq!(integer_any_base(b"9223372036854775808"), None);
        assert_eq!(low_32_bits(4_294_967_297), 1);
        assert_eq!(atoi(b" 65;"), 65);
        assert_eq!(atoi(b"99999999999999999999"), -1);
        assert_eq!(atoi(b"x"), 0);
    }

    #[test]
    fn doubles() {
        assert_eq!(double(b"2.72723e+10"), Some(2.72723e10));
        assert_eq!(double(b"8e9"), Some(8e9));
        assert_eq!(double(b"0x10"), Some(16.0));
        assert_eq!(double(b"0x1.8p1"), Some(3.0));
        assert_eq!(double(b".5"), Some(0.5));
        assert_eq!(double(b"inf"), Some(f64::INFINITY));
        assert!(double(b"nan").unwrap().is_nan());
        assert!(double(b"-NaN(1_a)").unwrap().is_nan());
        assert_eq!(double(b"0e5"), Some(0.0));
        for bad in ["1e999", "1e-999", "1e", "", "x", "1 2", "+-1", ".", "nan(1", "nan(1)x", "nan(.)"] {
            assert_eq!(double(bad.as_bytes()), None, "{bad}");
        }
    }

    #[test]
    fn exponents_have_a_sign_and_two_digits() {
        assert_eq!(exponent_15(4840.0), "4.840000000000000e+03");
        assert_eq!(exponent_15(0.0), "0.000000000000000e+00");
        assert_eq!(exponent_15(1e-5), "1.000000000000000e-05");
        assert_eq!(exponent_15(1e100), "1.000000000000000e+100");
    }

    proptest! {
        #[test]
        fn nothing_panics(bytes in proptest::collection::vec(any::<u8>(), 0..30), text in "[-+0-9a-fxpinN.e() ]{0,20}") {
            for input in [&bytes[..], text.as_bytes()] {
                let _ = integer_any_base(input);
                let _ = atoi(input);
                let _ = double(input);
            }
        }

        #[test]
        fn printed_numbers_are_read_again(value in 0_u32..) {
            prop_assert_eq!(double(exponent_15(f64::from(value)).as_bytes()), Some(f64::from(value)));
            prop_assert_eq!(integer_any_base(value.to_string().as_bytes()), Some(i64::from(value)));
        }
    }
}
