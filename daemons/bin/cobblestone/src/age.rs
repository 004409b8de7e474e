//! Lengths of time as people write them: `90d`, `12h`, `30min`, `2w`, `3600`. Pure.

/// Seconds of each unit, by its name.
const UNITS: [(&str, u32); 7] =
    [("", 1), ("s", 1), ("m", 60), ("min", 60), ("h", 3600), ("d", 86_400), ("w", 604_800)];

/// A length of time, above 0, in seconds: for clap.
///
/// # Errors
/// It is none; the message gives examples.
pub fn age(text: &str) -> Result<f64, String> {
    let end = text.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(text.len());
    let (number, unit) = text.split_at_checked(end).unwrap_or((text, ""));
    let unit = UNITS.iter().find(|(name, _)| *name == unit.trim());
    match (number.parse::<f64>(), unit) {
        (Ok(number), Some((_, seconds))) if number.is_finite() && number > 0.0 => {
            Ok(number * f64::from(*seconds))
        }
        _ => Err("a length of time, as in 90d, 12h, 30min, or seconds".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time() {
        for (text, seconds) in [
            ("90d", 7_776_000.0),
            ("12h", 43_200.0),
            ("30min", 1800.0),
            ("30m", 1800.0),
            ("2w", 1_209_600.0),
            ("1.5 d", 129_600.0),
            ("3600", 3600.0),
            ("7s", 7.0),
        ] {
            assert_eq!(age(text), Ok(seconds), "{text}");
        }
        for text in ["", "d", "0", "0d", "-1d", "1y", "90 days", "1e9", "nan", "9d9", "1..5h", "é"] {
            assert!(age(text).is_err(), "{text}");
        }
    }
}
