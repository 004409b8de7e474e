//! A rule in words, for whoever asks by which one two values were compared.

use std::fmt;

use super::{Denominator, Infinity, Measure, Nan, Precision, Rule, Tolerance};

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.measure {
            Measure::Exact => write!(f, "the same characters")?,
            Measure::Tolerance(tolerance) => write!(f, "{tolerance}")?,
            Measure::Periodic { period, absolute } => write!(f, "absolute {absolute:?} modulo {period:?}")?,
            Measure::Ulps { most, precision: Precision::Double } => write!(f, "{most} ulps")?,
            Measure::Ulps { most, precision: Precision::Single } => {
                write!(f, "{most} ulps of single precision")?
            }
            Measure::Digits(count) => write!(f, "{count} significant digits")?,
            Measure::Ignore => write!(f, "ignored")?,
        }
        for (is_set, words) in [
            (self.nan == Nan::Equal, "NaN equals NaN"),
            (self.infinity == Infinity::Differ, "infinities differ"),
            (self.signed_zero, "0 and -0 differ"),
        ] {
            if is_set {
                write!(f, ", {words}")?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for Tolerance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let of = match self.denominator {
            Denominator::Larger => "the larger",
            Denominator::Mean => "the mean",
            Denominator::First => "the first",
            Denominator::Reference => "the reference",
        };
        match (self.absolute > 0.0, self.relative > 0.0) {
            (false, false) => write!(f, "equal numbers"),
            (true, false) => write!(f, "absolute {:?}", self.absolute),
            (false, true) => write!(f, "relative {:?} of {of}", self.relative),
            (true, true) => write!(f, "absolute {:?} or relative {:?} of {of}", self.absolute, self.relative),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_told_in_words() {
        let tolerance =
            |absolute, relative| Measure::Tolerance(Tolerance { absolute, relative, ..Tolerance::default() });
        for (measure, words) in [
            (Measure::Exact, "the same characters"),
            (tolerance(0.0, 0.0), "equal numbers"),
            (tolerance(1e-9, 0.0), "absolute 1e-9"),
            (tolerance(0.0, 0.01), "relative 0.01 of the larger"),
            (tolerance(0.5, 0.01), "absolute 0.5 or relative 0.01 of the larger"),
            (Measure::Ulps { most: 4, precision: Precision::Single }, "4 ulps of single precision"),
            (Measure::Digits(6), "6 significant digits"),
        ] {
            assert_eq!(Rule::new(measure).to_string(), words);
        }
        let rule = Rule { nan: Nan::Equal, ..Rule::new(Measure::Periodic { period: 360.0, absolute: 0.1 }) };
        assert_eq!(rule.to_string(), "absolute 0.1 modulo 360.0, NaN equals NaN");
    }
}
