//! Numbers as programs print them.
//!
//! Values are IEEE doubles: digits beyond that precision are lost. A finite literal too large for a double is
//! text, because two different ones would both read as infinity and agree.

use crate::rule::Meaning;

/// Whether a number or NaN can begin with this byte.
pub(crate) const fn may_begin(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'i' | b'I' | b'n' | b'N')
}

/// Reads the number that `bytes` begins with: its value and length. `None` if there is none, or a NaN, or a
/// literal that overflows; the caller then looks at the whole token with [`meaning`].
pub(crate) fn prefix(bytes: &[u8]) -> Option<(f64, usize)> {
    let (value, length) = fast_float2::parse_partial::<f64, _>(bytes).ok()?;
    (value.is_finite()).then_some((value, length))
}

/// Reads a whole token.
pub(crate) fn meaning(token: &[u8]) -> Meaning {
    if !token.first().copied().is_some_and(may_begin) {
        return Meaning::Text;
    }
    match fast_float2::parse::<f64, _>(token) {
        Ok(value) if value.is_finite() => Meaning::Number(value),
        Ok(value) if value.is_nan() => Meaning::NotANumber,
        Ok(value) if begins_with_letter(unsigned(token)) => Meaning::Number(value),
        Ok(_overflowed) => Meaning::Text,
        Err(_) => printed_by_c(token),
    }
}

fn unsigned(token: &[u8]) -> &[u8] {
    match token {
        [b'+' | b'-', rest @ ..] => rest,
        _ => token,
    }
}

fn begins_with_letter(token: &[u8]) -> bool {
    token.first().is_some_and(u8::is_ascii_alphabetic)
}

/// Spellings of C libraries: `nan(ind)`, `nan(0x8000)`, `NaNQ`, `NaNS`, `1.#IND`, `1.#QNAN`, `1.#INF`.
/// They must be known, or two NaNs would agree as equal text.
fn printed_by_c(token: &[u8]) -> Meaning {
    let word = unsigned(token);
    let is = |part: Option<&[u8]>, text: &[u8]| part.is_some_and(|part| part.eq_ignore_ascii_case(text));
    if is(word.get(..3), b"nan") {
        let rest = word.get(3..).unwrap_or_default();
        let in_brackets = rest.first() == Some(&b'(') && rest.last() == Some(&b')');
        if in_brackets || is(Some(rest), b"q") || is(Some(rest), b"s") {
            return Meaning::NotANumber;
        }
    }
    if is(word.get(..3), b"1.#") {
        let kind = word.get(3..).unwrap_or_default();
        if is(kind.get(..3), b"ind") || is(kind.get(..4), b"qnan") || is(kind.get(..4), b"snan") {
            return Meaning::NotANumber;
        }
        if is(kind.get(..3), b"inf") {
            let sign = if token.first() == Some(&b'-') { -1.0 } else { 1.0 };
            return Meaning::Number(sign * f64::INFINITY);
        }
    }
    Meaning::Text
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn numbers() {
        for (text, value) in [
            ("0", 0.0),
            ("-0.0", -0.0),
            ("+1", 1.0),
            ("1.", 1.0),
            (".5", 0.5),
            ("-.5e-3", -0.5e-3),
            ("1E+05", 1e5),
            ("1e-400", 0.0),
            ("1.7976931348623157e308", f64::MAX),
            ("4.9e-324", 5e-324),
            ("inf", f64::INFINITY),
            ("+Inf", f64::INFINITY),
            ("-INFINITY", f64::NEG_INFINITY),
            ("1.#INF", f64::INFINITY),
            ("-1.#INF00", f64::NEG_INFINITY),
        ] {
            assert_eq!(meaning(text.as_bytes()), Meaning::Number(value), "{text}");
        }
    }

    #[test]
    fn not_a_number_in_every_spelling() {
        for text in [
            "nan",
            "NaN",
            "-nan",
            "+NAN",
            "nan(ind)",
            "-nan(ind)",
            "nan(0x7ff)",
            "NaNQ",
            "-1.#IND",
            "1.#QNAN0",
            "1.#SNAN",
        ] {
            assert_eq!(meaning(text.as_bytes()), Meaning::NotANumber, "{text}");
        }
    }

    #[test]
    fn text() {
        for text in [
            "", "+", "-", ".", "e5", "1e", "1e+", "0x10", "1.0D+05", "nano", "nan(", "info", "in", "--1",
            "1_000", "1,5", "é",
        ] {
            assert_eq!(meaning(text.as_bytes()), Meaning::Text, "{text}");
        }
        assert_eq!(meaning(b"1e999999"), Meaning::Text, "too large for a double: not an infinity");
        assert_eq!(meaning(&[b'9'; 4000]), Meaning::Text);
        assert_eq!(meaning(b"1\xff"), Meaning::Text);
    }

    proptest! {
        #[test]
        fn reads_as_the_standard_library_does(text in "[+-]?[0-9]{0,25}(\\.[0-9]{0,25})?([eE][+-]?[0-9]{1,3})?") {
            let expected = match text.parse::<f64>() {
                Ok(value) if value.is_finite() => Meaning::Number(value),
                _ => Meaning::Text,
            };
            prop_assert_eq!(meaning(text.as_bytes()), expected);
        }

        #[test]
        fn every_double_survives_printing(bits in any::<u64>()) {
            let value = f64::from_bits(bits);
            prop_assume!(value.is_finite());
            prop_assert_eq!(meaning(format!("{value:e}").as_bytes()), Meaning::Number(value));
            prop_assert_eq!(meaning(format!("{value}").as_bytes()), Meaning::Number(value));
        }

        #[test]
        fn a_prefix_is_what_the_whole_token_means(token in "[0-9+-.eEinfaN]{1,12}") {
            if let Some((value, length)) = prefix(token.as_bytes())
                && length == token.len()
            {
                prop_assert_eq!(meaning(token.as_bytes()), Meaning::Number(value));
            }
        }
    }
}
