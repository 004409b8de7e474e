//! Numbers as programs print them.
//!
//! Values are IEEE doubles: digits beyond that precision are lost. A finite literal too large for a double is no
//! infinity, because two different ones would agree. Fortran's exponents are read: `1.5D0`, and `0.12345-100`, where
//! the letter gave way to a third digit.

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
    common(token).unwrap_or_else(|| match printed_by_c(token) {
        Meaning::Text => printed_by_fortran(token),
        meaning => meaning,
    })
}

/// The same without spellings of single languages; `None` for anything else.
pub(crate) fn common(token: &[u8]) -> Option<Meaning> {
    match fast_float2::parse::<f64, _>(token).ok()? {
        value if value.is_finite() => Some(Meaning::Number(value)),
        value if value.is_nan() => Some(Meaning::NotANumber),
        value if begins_with_letter(unsigned(token)) => Some(Meaning::Number(value)),
        overflowed => Some(Meaning::TooLarge { is_negative: overflowed < 0.0 }),
    }
}

/// Longest rest of a token in which a unit is looked for, in bytes.
const LONGEST_UNIT: usize = 64;

/// How many bytes the number takes that `text` begins with, of any spelling; 0 if there is none.
pub(crate) fn length(text: &[u8]) -> usize {
    if meaning(text) != Meaning::Text {
        return text.len();
    }
    let plain = prefix(text).map_or(0, |(_, length)| length);
    // Signs by which other spellings go on.
    if plain > 0 && !text.get(plain).is_some_and(|byte| b"#dDqQ+-".contains(byte)) {
        return plain;
    }
    let shortest = text.len().saturating_sub(LONGEST_UNIT).max(1);
    let is_number = |end: &usize| text.get(..*end).is_some_and(|text| meaning(text) != Meaning::Text);
    (shortest..text.len()).rev().find(is_number).unwrap_or(plain)
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

/// Spellings of C libraries: `nan(ind)`, `nan(0x8000)`, `nan0x8000`, `NaNQ`, `NaNS`, `1.#IND`, `1.#QNAN`, `1.#INF`.
/// They must be known, or two NaNs would agree as equal text.
fn printed_by_c(token: &[u8]) -> Meaning {
    let word = unsigned(token);
    let is = |part: Option<&[u8]>, text: &[u8]| part.is_some_and(|part| part.eq_ignore_ascii_case(text));
    if is(word.get(..3), b"nan") {
        let rest = word.get(3..).unwrap_or_default();
        let has_bits = rest.first().is_some_and(|byte| *byte == b'(' || byte.is_ascii_digit());
        if has_bits || is(Some(rest), b"q") || is(Some(rest), b"s") {
            return Meaning::NotANumber;
        }
    }
    if is(word.get(..3), b"1.#") {
        let kind = word.get(3..).unwrap_or_default();
        if is(kind.get(..3), b"ind") || is(kind.get(..4), b"qnan") || is(kind.get(..4), b"snan") {
            return Meaning::NotANumber;
        }
        let is_plain = kind.get(3..).is_some_and(|rest| rest.iter().all(u8::is_ascii_digit));
        if is(kind.get(..3), b"inf") && is_plain {
            let sign = if token.first() == Some(&b'-') { -1.0 } else { 1.0 };
            return Meaning::Number(sign * f64::INFINITY);
        }
    }
    Meaning::Text
}

/// Longest number in Fortran's spelling, in bytes.
const LONGEST_FORTRAN: usize = 64;
/// Decimals from which on `0.125-100` is a number and no range from 0.125 to 100.
const DECIMALS: usize = 3;

/// Exponents of Fortran: `1.5D0`, `1.5q-3`, and three digits without a letter.
fn printed_by_fortran(token: &[u8]) -> Meaning {
    let exponent = memchr::memchr2(b'd', b'D', token).or_else(|| memchr::memchr2(b'q', b'Q', token));
    let (mantissa, exponent) = match exponent {
        Some(at) => (token.get(..at), token.get(at + 1..)),
        None => {
            let Some(at) = token.len().checked_sub(4) else { return Meaning::Text };
            let (mantissa, exponent) = token.split_at_checked(at).unwrap_or_default();
            let decimals = memchr::memchr(b'.', mantissa).map_or(0, |dot| mantissa.len() - dot - 1);
            let is_signed = matches!(exponent.first(), Some(b'+' | b'-'));
            if decimals < DECIMALS || !is_signed || exponent.get(1) == Some(&b'0') {
                return Meaning::Text;
            }
            (Some(mantissa), Some(exponent))
        }
    };
    let (mantissa, exponent) = (mantissa.unwrap_or_default(), exponent.unwrap_or_default());
    let is_plain = unsigned(mantissa).iter().all(|byte| byte.is_ascii_digit() || *byte == b'.');
    if !is_plain || token.len() > LONGEST_FORTRAN {
        return Meaning::Text;
    }
    match fast_float2::parse::<f64, _>([mantissa, b"e", exponent].concat()) {
        Ok(value) if value.is_finite() => Meaning::Number(value),
        Ok(value) => Meaning::TooLarge { is_negative: value < 0.0 },
        Err(_) => Meaning::Text,
    }
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
            ("1.0D+05", 1e5),
            ("-1.5d-3", -1.5e-3),
            ("2D0", 2.0),
            (".5Q1", 5.0),
            ("0.12345-100", 0.12345e-100),
            ("-1.2345+123", -1.2345e123),
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
            "nan0x8000",
            "-NaN7",
            "nan(",
        ] {
            assert_eq!(meaning(text.as_bytes()), Meaning::NotANumber, "{text}");
        }
    }

    #[test]
    fn text() {
        for text in [
            "",
            "+",
            "-",
            ".",
            "e5",
            "1e",
            "1e+",
            "0x10",
            "nano",
            "info",
            "in",
            "--1",
            "1_000",
            "1,5",
            "é",
            "1.0D",
            "D5",
            ".D5",
            "1e5D5",
            "1D5D5",
            "infD5",
            "1.0D+-5",
            "0.5-100",
            "0.125-99",
            "0.125-099",
            "2024-11-20",
            "1-100",
            "1.#D5",
        ] {
            assert_eq!(meaning(text.as_bytes()), Meaning::Text, "{text}");
        }
        assert_eq!(meaning(b"1\xff"), Meaning::Text);
    }

    #[test]
    fn too_large_for_a_double_is_no_infinity() {
        for text in [&b"1e999999"[..], b"+1D400", b"0.12345+999", &[b'9'; 4000]] {
            assert_eq!(meaning(text), Meaning::TooLarge { is_negative: false });
        }
        assert_eq!(meaning(b"-1e999"), Meaning::TooLarge { is_negative: true });
    }

    #[test]
    fn a_unit_follows_any_number() {
        for (text, unit) in [
            ("1.5GeV", "GeV"),
            ("infGeV", "GeV"),
            ("-nanGeV", "GeV"),
            ("1.#INFms", "ms"),
            ("1.5D0d", "d"),
            ("1.5d", "d"),
            ("1e999ms", "ms"),
            ("+Infinity", ""),
            ("3eV", "eV"),
            ("GeV", "GeV"),
        ] {
            assert_eq!(&text[length(text.as_bytes())..], unit, "{text}");
        }
    }

    proptest! {
        #[test]
        fn reads_as_the_standard_library_does(text in "[+-]?[0-9]{0,25}(\\.[0-9]{0,25})?([eE][+-]?[0-9]{1,3})?") {
            let expected = match text.parse::<f64>() {
                Ok(value) if value.is_finite() => Meaning::Number(value),
                Ok(value) => Meaning::TooLarge { is_negative: value < 0.0 },
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
