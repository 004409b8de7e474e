//! The answer: agree or differ, where, and by how much.

use std::fmt;

use serde::{Serialize, Serializer};

use crate::parsed::Parsed;
use crate::spec::Spec;

/// Whether two outputs are the same under a spec.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// They are.
    Agree,
    /// They are not.
    Differ,
}

/// Why the verdict is what it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Reason {
    /// The bytes are equal (and hold no NaN, if numbers are compared).
    Identical,
    /// Every value is within the tolerance.
    WithinTolerance,
    /// A value is not; the worst one is given.
    Value,
    /// Another number of lines.
    Lines {
        /// Of the left one.
        left: u64,
        /// Of the right one.
        right: u64,
    },
    /// Another number of values in a line, the first one where that is so.
    Columns {
        /// From 1.
        line: u64,
        /// Values in the left one.
        left: u64,
        /// Values in the right one.
        right: u64,
    },
    /// Byte for byte: the first byte that differs.
    Bytes {
        /// From 0.
        offset: u64,
    },
    /// Byte for byte: another size.
    Length {
        /// In bytes.
        left: u64,
        /// In bytes.
        right: u64,
    },
    /// Byte for byte: equal size, other SHA-256. Too large to say where.
    Digest,
    /// One was not parsed as the spec wants it, so nothing was compared. A fault of the program.
    OtherSpec,
}

/// Two values that are not equal.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Deviation {
    /// From 1.
    pub line: u64,
    /// Number of the value in its line, from 1; byte for byte: number of the byte in its line.
    pub column: u64,
    /// As the left one has it; escaped and cut.
    pub left: String,
    /// As the right one has it; escaped and cut.
    pub right: String,
    /// |a − b| in units of the tolerance: at most 1 is accepted. Infinite if the tolerance is 0 or one is no
    /// number; JSON has no infinity and shows `null`.
    #[serde(serialize_with = "finite_or_null")]
    pub in_tolerance_units: f64,
}

/// Result of comparing two outputs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Comparison {
    /// Agree or differ.
    pub verdict: Verdict,
    /// The largest deviation, also of outputs that agree. `None` if no value deviates or none was compared.
    pub worst: Option<Deviation>,
    /// Values that were compared; byte for byte: bytes.
    pub values_compared: u64,
    /// Why.
    pub reason: Reason,
}

/// Compares two outputs that were parsed for `spec`.
///
/// Symmetric: the other way round gives the same verdict. Both must be parsed for this spec
/// ([`Parsed::is_for`]), else the answer is `Differ` with [`Reason::OtherSpec`].
pub fn compare(left: &Parsed, right: &Parsed, spec: &Spec) -> Comparison {
    left.compare(right, spec).unwrap_or_else(|| Comparison::differ(Reason::OtherSpec, 0, None))
}

impl Comparison {
    /// Whether the verdict is `Agree`.
    pub fn agrees(&self) -> bool {
        self.verdict == Verdict::Agree
    }

    pub(crate) const fn agree(reason: Reason, values_compared: u64, worst: Option<Deviation>) -> Self {
        Self { verdict: Verdict::Agree, worst, values_compared, reason }
    }

    pub(crate) const fn differ(reason: Reason, values_compared: u64, worst: Option<Deviation>) -> Self {
        Self { verdict: Verdict::Differ, worst, values_compared, reason }
    }
}

fn finite_or_null<S: Serializer>(value: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    if value.is_finite() { serializer.serialize_f64(*value) } else { serializer.serialize_none() }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Agree => "agree",
            Self::Differ => "differ",
        })
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Identical => write!(f, "identical"),
            Self::WithinTolerance => write!(f, "every value is within the tolerance"),
            Self::Value => write!(f, "a value is outside the tolerance"),
            Self::Lines { left, right } => write!(f, "{left} and {right} lines"),
            Self::Columns { line, left, right } => write!(f, "line {line} has {left} and {right} values"),
            Self::Bytes { offset } => write!(f, "byte {offset} is another"),
            Self::Length { left, right } => write!(f, "{left} and {right} bytes"),
            Self::Digest => write!(f, "equal size, other content"),
            Self::OtherSpec => write!(f, "nothing compared: parsed for another spec"),
        }
    }
}

impl fmt::Display for Deviation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { line, column, left, right, in_tolerance_units } = self;
        write!(f, "line {line}, column {column}: `{left}` and `{right}`")?;
        if in_tolerance_units.is_finite() {
            write!(f, ", {} of the tolerance", Short(*in_tolerance_units))?;
        }
        Ok(())
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.verdict, self.reason)?;
        if let Some(worst) = &self.worst {
            write!(f, "; {worst}")?;
        }
        Ok(())
    }
}

/// A positive number with three digits.
struct Short(f64);

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

    fn numeric(left: &str, right: &str, spec: &Spec) -> Comparison {
        let parsed = |text: &str| Parsed::from_bytes(text.as_bytes().to_vec(), spec);
        compare(&parsed(left), &parsed(right), spec)
    }

    #[test]
    fn the_worst_value_is_reported_also_when_all_agree() {
        let spec = Spec::numeric(0.1, 0.0);
        let comparison = numeric("a 1 2\nb 3 4\n", "a 1.01 2\nb 3 4.05\n", &spec);
        assert_eq!(
            comparison.to_string(),
            "agree: every value is within the tolerance; line 2, column 3: `4` and `4.05`, 0.50 of the tolerance"
        );
        assert_eq!(comparison.values_compared, 6);
        let comparison = numeric("1 2\n3 4", "1.2 2\n3 5", &spec);
        assert_eq!(
            comparison.to_string(),
            "differ: a value is outside the tolerance; line 2, column 2: `4` and `5`, 10.00 of the tolerance"
        );
    }

    #[test]
    fn a_differing_word_is_worse_than_any_number() {
        let comparison = numeric("1 x 1", "9 y 1", &Spec::numeric(0.1, 0.0));
        assert_eq!(
            comparison.to_string(),
            "differ: a value is outside the tolerance; line 1, column 2: `x` and `y`"
        );
        assert!(!numeric("1", "one", &Spec::numeric(0.1, 0.0)).agrees());
    }

    #[test]
    fn shape_counts() {
        let spec = Spec::numeric(1e9, 0.0);
        assert_eq!(numeric("1\n2\n", "1\n", &spec).to_string(), "differ: 2 and 1 lines");
        assert_eq!(numeric("1 2\n3", "1 2\n3 4", &spec).to_string(), "differ: line 2 has 1 and 2 values");
        assert_eq!(numeric("1 2\n3", "1\n2 3", &spec).reason, Reason::Columns { line: 1, left: 2, right: 1 });
        assert!(numeric("1  2\r\n", " 1\t2", &spec).agrees(), "white space is no difference");
        assert!(!numeric("1\n\n", "1\n", &spec).agrees(), "an empty line is a line");
    }

    #[test]
    fn nan_never_agrees_not_even_in_identical_bytes() {
        for nan in ["nan", "-nan", "NaN", "nan(ind)", "1.#QNAN"] {
            let comparison = numeric(&format!("1 {nan}"), &format!("1 {nan}"), &Spec::numeric(1e9, 0.9));
            assert_eq!(comparison.reason, Reason::Value, "{nan}");
            assert_eq!(comparison.worst.unwrap().column, 2);
        }
    }

    #[test]
    fn infinities_and_literals_out_of_range() {
        let spec = Spec::numeric(1e308, 0.9);
        assert!(numeric("inf", "+Infinity", &spec).agrees());
        assert!(!numeric("inf", "-inf", &spec).agrees());
        assert!(!numeric("inf", "1e308", &spec).agrees());
        assert!(!numeric("inf", "1e999", &spec).agrees());
        assert!(!numeric("1e998", "1e999", &spec).agrees());
        assert!(numeric("1 1e999", "1.0 1e999", &spec).agrees(), "equal as text");
    }

    #[test]
    fn other_ways_to_write_a_number_agree() {
        let spec = Spec::numeric(0.0, 0.0);
        assert!(numeric("1.50 -0 1e3", "1.5 0 1000", &spec).agrees());
        assert!(!numeric("1.50", "1.5000000000000002", &spec).agrees());
    }

    #[test]
    fn content_for_another_spec_is_not_compared() {
        let exact = Parsed::from_bytes(b"1".to_vec(), &Spec::exact());
        let comparison = compare(&exact, &exact, &Spec::numeric(0.0, 0.0));
        assert_eq!((comparison.verdict, comparison.reason), (Verdict::Differ, Reason::OtherSpec));
    }

    #[test]
    fn json_for_programs() {
        let json = serde_json::to_value(numeric("1 x", "1 y", &Spec::numeric(0.5, 0.0))).unwrap();
        let expected = serde_json::json!({
            "verdict": "differ",
            "worst": {"line": 1, "column": 2, "left": "x", "right": "y", "in_tolerance_units": null},
            "values_compared": 2,
            "reason": {"kind": "value"},
        });
        assert_eq!(json, expected);
        let json = serde_json::to_value(numeric("1", "1\n2", &Spec::numeric(0.5, 0.0))).unwrap();
        assert_eq!(json["reason"], serde_json::json!({"kind": "lines", "left": 1, "right": 2}));
    }

    #[test]
    fn a_deviation_just_outside_is_not_shown_as_one() {
        assert_eq!(Short(1.0_f64.next_up()).to_string(), "just over 1");
        assert_eq!(Short(1.0).to_string(), "1.00");
        assert_eq!(Short(12345.0).to_string(), "1.23e4");
    }
}
