//! When two values are the same: pure decisions about two numbers or words.
//!
//! Invariants; tests/rules.rs tries arbitrary numbers.
//! - Symmetric, but for a relative tolerance of the first or of the reference value.
//! - Monotone: a wider tolerance accepts no less.
//! - Reflexive: a value agrees with itself, but for NaN, which agrees with nothing unless `nan = "equal"`, and for
//!   infinities with `infinity = "differ"`.
//! - The units stay on the side of the decision: at most 1 if accepted, above 1 if not.
//!
//! A new rule: a variant of [`Measure`] with a module beside `tolerance`, an arm in `Measure::distance`, its
//! declaration in `spec::rule` with a check that refuses what accepts everything, and a line in tests/rules.rs.

mod digits;
mod set;
mod tolerance;
mod ulps;
mod words;

use serde::{Deserialize, Serialize};

pub use digits::digits;
pub(crate) use set::{Columns, RuleSet};
pub use tolerance::{Denominator, Tolerance, periodic};
pub use ulps::{Precision, ulps};

/// How far two values are apart.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Distance {
    /// Whether the rule accepts it.
    pub agrees: bool,
    /// |a − b| in units of the tolerance: at most 1 if accepted, above 1 if not, infinite if the tolerance is 0.
    pub units: f64,
}

impl Distance {
    /// No difference.
    pub const NONE: Self = Self { agrees: true, units: 0.0 };
    /// Beyond any tolerance.
    pub const INFINITE: Self = Self { agrees: false, units: f64::INFINITY };

    /// `difference` where `allowed` is accepted; both finite, 0 or larger.
    pub(crate) fn of(difference: f64, allowed: f64) -> Self {
        if difference <= allowed {
            let units = if difference == 0.0 { 0.0 } else { (difference / allowed).min(1.0) };
            Self { agrees: true, units }
        } else {
            // A quotient that rounds to 1 must not look accepted.
            Self { agrees: false, units: (difference / allowed).max(1.0_f64.next_up()) }
        }
    }

    /// Whether this one should be reported rather than `other`.
    pub(crate) fn is_worse_than(self, other: Self) -> bool {
        (!self.agrees, self.units) > (!other.agrees, other.units)
    }
}

/// One value, with the characters (or bytes) that it was read from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Value<'a> {
    /// What it means.
    pub meaning: Meaning,
    /// As it is written.
    pub text: &'a [u8],
}

/// What the characters of a value mean.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Meaning {
    /// A number; an infinity if that is what is written.
    Number(f64),
    /// A finite number as it is written, but beyond the largest double: `1e999`. It agrees with the same characters
    /// only, since two different ones would both read as infinity; ranges take it as an infinity.
    TooLarge {
        /// Whether it is below zero.
        is_negative: bool,
    },
    /// Any spelling of "not a number".
    NotANumber,
    /// One of the words that are declared to stand for no value.
    Missing,
    /// Anything else.
    Text,
}

impl Meaning {
    /// What a range has to hold: the number, or the infinity that stands for one that is too large.
    pub const fn in_range(self) -> Option<f64> {
        match self {
            Self::Number(value) => Some(value),
            Self::TooLarge { is_negative: true } => Some(f64::NEG_INFINITY),
            Self::TooLarge { is_negative: false } => Some(f64::INFINITY),
            Self::NotANumber | Self::Missing | Self::Text => None,
        }
    }
}

/// How two finite numbers are measured.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Measure {
    /// By their characters.
    Exact,
    /// |a − b| against a tolerance.
    Tolerance(Tolerance),
    /// |a − b| on a circle with this circumference, against an absolute tolerance.
    Periodic {
        /// Circumference, above 0.
        period: f64,
        /// Largest accepted distance.
        absolute: f64,
    },
    /// Steps between neighbouring floating-point numbers.
    Ulps {
        /// Largest accepted number of steps.
        most: u64,
        /// Of which numbers.
        precision: Precision,
    },
    /// Significant decimal digits.
    Digits(u32),
    /// Not at all: anything agrees.
    Ignore,
}

/// What NaN means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Nan {
    /// It agrees with nothing, not even with NaN.
    #[default]
    Differ,
    /// It agrees with NaN.
    Equal,
}

/// What an infinity means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Infinity {
    /// It agrees with an infinity of the same sign.
    #[default]
    Equal,
    /// It agrees with nothing.
    Differ,
}

/// What a word means among numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Words {
    /// [`Words::Differ`] where the rule speaks of numbers: it names columns and measures numbers, or has a range, a
    /// trend or `infinity = "differ"`. Otherwise [`Words::Equal`].
    #[default]
    Auto,
    /// It agrees with the same word.
    Equal,
    /// It is no good output.
    Differ,
}

/// A rule for the values of some columns.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rule {
    /// For finite numbers.
    pub measure: Measure,
    /// For NaN.
    pub nan: Nan,
    /// For infinities.
    pub infinity: Infinity,
    /// Whether 0 and −0 differ.
    pub signed_zero: bool,
    /// Whether a number may be followed by a unit, which must be the same.
    pub units: bool,
}

impl Rule {
    /// The strict rule with this measure.
    pub const fn new(measure: Measure) -> Self {
        Self { measure, nan: Nan::Differ, infinity: Infinity::Equal, signed_zero: false, units: false }
    }

    /// Whether `judge(a, b)` and `judge(b, a)` are the same for all values.
    pub const fn is_symmetric(&self) -> bool {
        match self.measure {
            Measure::Tolerance(tolerance) => tolerance.is_symmetric(),
            _ => true,
        }
    }

    /// Whether it looks at numbers as numbers.
    pub const fn is_numeric(&self) -> bool {
        !matches!(self.measure, Measure::Exact | Measure::Ignore)
    }

    /// Whether two numbers are equal under every rule: the common case, to be decided in one comparison.
    #[inline]
    pub(crate) fn takes_equal_numbers(&self) -> bool {
        self.measure != Measure::Exact && !self.signed_zero && !self.units && self.infinity == Infinity::Equal
    }

    /// Measures two values. `right` is the reference.
    pub fn judge(&self, left: Value<'_>, right: Value<'_>) -> Distance {
        if self.measure == Measure::Ignore {
            return Distance::NONE;
        }
        match (left.meaning, right.meaning) {
            (Meaning::Number(a), Meaning::Number(b)) => self.numbers((a, left.text), (b, right.text)),
            (Meaning::NotANumber, Meaning::NotANumber) if self.nan == Nan::Equal => Distance::NONE,
            (Meaning::Missing, Meaning::Missing) => Distance::NONE,
            (Meaning::Text, Meaning::Text) if left.text == right.text => Distance::NONE,
            (Meaning::TooLarge { .. }, Meaning::TooLarge { .. })
                if left.text == right.text && self.infinity == Infinity::Equal =>
            {
                Distance::NONE
            }
            _ => Distance::INFINITE,
        }
    }

    fn numbers(&self, left: (f64, &[u8]), right: (f64, &[u8])) -> Distance {
        let ((a, left), (b, right)) = (left, right);
        if self.infinity == Infinity::Differ && (a.is_infinite() || b.is_infinite()) {
            return Distance::INFINITE;
        }
        if self.measure == Measure::Exact {
            return if left == right { Distance::NONE } else { Distance::INFINITE };
        }
        if self.units && unit(left) != unit(right) {
            return Distance::INFINITE;
        }
        if a == b {
            let signs_differ = a == 0.0 && a.is_sign_negative() != b.is_sign_negative();
            return if self.signed_zero && signs_differ { Distance::INFINITE } else { Distance::NONE };
        }
        if a.is_infinite() || b.is_infinite() {
            return Distance::INFINITE;
        }
        self.measure.distance(a, b)
    }
}

impl Measure {
    /// The distance of two finite numbers that are not equal.
    fn distance(self, a: f64, b: f64) -> Distance {
        match self {
            Self::Exact => Distance::INFINITE,
            Self::Tolerance(tolerance) => tolerance.distance(a, b),
            Self::Periodic { period, absolute } => periodic(a, b, period, absolute),
            Self::Ulps { most, precision } => ulps(a, b, most, precision),
            Self::Digits(count) => digits(a, b, count),
            Self::Ignore => Distance::NONE,
        }
    }
}

/// What follows the number that `text` begins with.
fn unit(text: &[u8]) -> &[u8] {
    text.get(crate::format::number_length(text)..).unwrap_or_default()
}
