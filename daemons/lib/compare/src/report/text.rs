//! The answer for people: one line.

use std::fmt;

use super::{Comparison, Deviation, Verdict};

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Agree => "agree",
            Self::Differ => "differ",
            Self::CantSay => "can't say",
        })
    }
}

impl fmt::Display for Deviation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { line, right_line, column, name, left, right, rule, in_tolerance_units } = self;
        write!(f, "line {line}")?;
        if line != right_line {
            write!(f, " and {right_line}")?;
        }
        write!(f, ", column {column}")?;
        if let Some(name) = name {
            write!(f, " ({name})")?;
        }
        write!(f, ": `{left}` and `{right}`")?;
        if in_tolerance_units.is_finite() {
            write!(f, ", {} of the tolerance", Short(*in_tolerance_units))?;
        }
        write!(f, " ({rule})")?;
        Ok(())
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.verdict, self.reason)?;
        if let Some(worst) = &self.worst {
            write!(f, "; {worst}")?;
        }
        for odd in &self.suspicious {
            write!(f, "; the {} one is suspicious: {}", odd.side, odd.what)?;
        }
        Ok(())
    }
}

/// A number with as few digits as say it all; with an exponent where it would be long.
pub(crate) struct Plain(pub(crate) f64);

impl fmt::Display for Plain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(value) = *self;
        if value == 0.0 || !value.is_finite() || (1e-5..1e15).contains(&value.abs()) {
            write!(f, "{value}")
        } else {
            write!(f, "{value:e}")
        }
    }
}

/// A positive number with three digits.
pub(crate) struct Short(pub(crate) f64);

impl fmt::Display for Short {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(value) = *self;
        // A number just above 1 must not be shown as 1.00.
        if value > 1.0 && value < 1.01 {
            write!(f, "just over 1")
        } else if (0.01..1000.0).contains(&value) {
            write!(f, "{value:.2}")
        } else {
            write!(f, "{value:.2e}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_number_has_hundreds_of_digits() {
        for (value, shown) in
            [(1e308, "1e308"), (-5e-324, "-5e-324"), (0.1, "0.1"), (-123456.0, "-123456"), (0.0, "0")]
        {
            assert_eq!(Plain(value).to_string(), shown);
        }
    }

    #[test]
    fn a_deviation_just_outside_is_not_shown_as_one() {
        assert_eq!(Short(1.0_f64.next_up()).to_string(), "just over 1");
        assert_eq!(Short(1.0).to_string(), "1.00");
        assert_eq!(Short(12345.0).to_string(), "1.23e4");
    }
}
