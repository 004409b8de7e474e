//! How the values of some columns are compared.

use serde::{Deserialize, Serialize};

use super::{Report, Selector};
use crate::plausible::{Severity, Trend};
use crate::rule::{Denominator, Infinity, Measure, Nan, Precision, Rule, Tolerance, Words};

/// How two numbers are measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RuleMethod {
    /// Within a tolerance.
    #[default]
    Numeric,
    /// The same characters.
    Exact,
    /// So many floating-point numbers apart.
    Ulps,
    /// The same in so many significant digits.
    Digits,
    /// Anything agrees.
    Ignore,
}

/// Declaration of a rule.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RuleSpec {
    /// Columns by number (from 1) or name; for records with labels, their labels.
    pub columns: Vec<Selector>,
    /// How.
    pub method: RuleMethod,
    /// numeric: largest accepted |a − b|, in the unit of the values.
    pub absolute: f64,
    /// numeric: largest accepted |a − b| as a fraction of `relative_to`.
    pub relative: f64,
    /// Of which magnitude.
    pub relative_to: Denominator,
    /// numeric: values this far apart are the same, as angles. 0: none are.
    pub period: f64,
    /// ulps: most steps between neighbouring floating-point numbers.
    pub ulps: u64,
    /// ulps: of which numbers.
    pub precision: Precision,
    /// digits: how many.
    pub digits: u32,
    /// What NaN means.
    pub nan: Nan,
    /// What an infinity means.
    pub infinity: Infinity,
    /// What a word means among numbers.
    pub words: Words,
    /// Whether 0 and −0 differ.
    pub signed_zero: bool,
    /// Smallest good value.
    pub at_least: f64,
    /// Largest good value.
    pub at_most: f64,
    /// How the column goes.
    pub trend: Trend,
    /// What a value means that breaks `at_least`, `at_most` or `trend`.
    pub severity: Severity,
}

impl Default for RuleSpec {
    fn default() -> Self {
        Self {
            columns: vec![Selector::all()],
            method: RuleMethod::Numeric,
            absolute: 0.0,
            relative: 0.0,
            relative_to: Denominator::Larger,
            period: 0.0,
            ulps: 0,
            precision: Precision::Double,
            digits: 0,
            nan: Nan::Differ,
            infinity: Infinity::Equal,
            words: Words::Auto,
            signed_zero: false,
            at_least: f64::NEG_INFINITY,
            at_most: f64::INFINITY,
            trend: Trend::Any,
            severity: Severity::Malformed,
        }
    }
}

/// More steps than this accept numbers that have no digit in common: four bits of the 52 are left.
const MOST_ULPS: u64 = 1 << 48;
/// The same for singles: four bits of 23.
const MOST_ULPS_SINGLE: u64 = 1 << 19;
/// A double has no more.
const MOST_DIGITS: u32 = 17;

impl RuleSpec {
    /// The rule; mistakes are reported.
    pub(crate) fn rule(&self, units: bool, report: Report<'_>) -> Rule {
        self.check(report);
        let measure = match self.method {
            RuleMethod::Exact => Measure::Exact,
            RuleMethod::Ignore => Measure::Ignore,
            RuleMethod::Ulps => Measure::Ulps { most: self.ulps, precision: self.precision },
            RuleMethod::Digits => Measure::Digits(self.digits),
            RuleMethod::Numeric if self.period > 0.0 => {
                Measure::Periodic { period: self.period, absolute: self.absolute }
            }
            RuleMethod::Numeric => Measure::Tolerance(Tolerance {
                absolute: self.absolute,
                relative: self.relative,
                denominator: self.relative_to,
            }),
        };
        Rule {
            measure,
            nan: self.nan,
            infinity: self.infinity,
            signed_zero: self.signed_zero,
            units: units && !matches!(measure, Measure::Exact | Measure::Ignore),
        }
    }

    /// Whether values must be in a range or follow a trend.
    pub(crate) fn has_bounds(&self) -> bool {
        self.at_least != f64::NEG_INFINITY || self.at_most != f64::INFINITY || self.trend != Trend::Any
    }

    /// Whether the values that it names must be there.
    pub(crate) fn must_be_there(&self) -> bool {
        self.has_bounds() && self.words != Words::Equal
    }

    /// Whether a word is no good value.
    pub(crate) fn wants_numbers(&self) -> bool {
        let is_numeric = !matches!(self.method, RuleMethod::Exact | RuleMethod::Ignore);
        match self.words {
            Words::Differ => true,
            Words::Equal => false,
            Words::Auto => {
                self.has_bounds()
                    || (self.infinity == Infinity::Differ && self.method != RuleMethod::Ignore)
                    || (is_numeric && !self.columns.iter().any(Selector::is_all))
            }
        }
    }

    /// Whether it compares columns that are tested statistically, too: it names them, and says how they are compared. A
    /// rule for all columns (`*`), and one that is no more than a range, are for what is not tested.
    pub(crate) fn is_binding(&self) -> bool {
        let names_columns = !self.columns.iter().any(Selector::is_all);
        let is_range = self.at_least.is_finite() || self.at_most.is_finite() || self.trend != Trend::Any;
        let has_tolerance = self.absolute > 0.0 || self.relative > 0.0;
        let compares = match self.method {
            RuleMethod::Ignore => false,
            RuleMethod::Numeric => has_tolerance || !is_range,
            RuleMethod::Exact | RuleMethod::Ulps | RuleMethod::Digits => true,
        };
        names_columns && compares
    }

    fn check(&self, report: Report<'_>) {
        if self.columns.is_empty() {
            report("columns", "is empty, so the rule is for nothing; leave it out for all columns".into());
        }
        let method = self.method;
        for (key, needs, is_set) in [
            ("absolute", RuleMethod::Numeric, self.absolute != 0.0),
            ("relative", RuleMethod::Numeric, self.relative != 0.0),
            ("relative_to", RuleMethod::Numeric, self.relative_to != Denominator::Larger),
            ("period", RuleMethod::Numeric, self.period != 0.0),
            ("ulps", RuleMethod::Ulps, self.ulps != 0),
            ("precision", RuleMethod::Ulps, self.precision != Precision::Double),
            ("digits", RuleMethod::Digits, self.digits != 0),
        ] {
            if is_set && method != needs {
                let needs = format!("{needs:?}").to_lowercase();
                report(key, format!("has a meaning only with method = \"{needs}\"; remove it"));
            }
        }
        match method {
            RuleMethod::Numeric => self.check_numeric(report),
            RuleMethod::Ulps => {
                let most = match self.precision {
                    Precision::Double => MOST_ULPS,
                    Precision::Single => MOST_ULPS_SINGLE,
                };
                if self.ulps == 0 || self.ulps > most {
                    report("ulps", format!("is {}, but must be between 1 and {most}", self.ulps));
                }
            }
            RuleMethod::Digits if self.digits == 0 || self.digits > MOST_DIGITS => {
                report("digits", format!("is {}, but must be between 1 and {MOST_DIGITS}", self.digits));
            }
            RuleMethod::Ignore | RuleMethod::Exact
                if self.signed_zero || (method == RuleMethod::Ignore && self.nan != Nan::Differ) =>
            {
                let key = if self.signed_zero { "signed_zero" } else { "nan" };
                report(key, format!("has no meaning with method = {method:?}; remove it").to_lowercase());
            }
            _ => {}
        }
    }

    fn check_numeric(&self, report: Report<'_>) {
        let absolute = check_tolerance("absolute", self.absolute, report);
        if check_tolerance("relative", self.relative, report) && self.relative >= 1.0 {
            report(
                "relative",
                format!(
                    "is {}, but from 1 on any two numbers of the same sign agree; it is a fraction: 1e-6 is one part in a million",
                    self.relative
                ),
            );
        }
        if self.relative == 0.0 && self.relative_to != Denominator::Larger {
            report("relative_to", "has no meaning without `relative`; remove it".into());
        }
        if !self.period.is_finite() || self.period < 0.0 {
            report("period", format!("is {}, but must be a finite number above 0", self.period));
        } else if self.period > 0.0 {
            if self.relative > 0.0 {
                report(
                    "relative",
                    "has no meaning with `period`: an angle has no magnitude; use `absolute`".into(),
                );
            }
            if absolute && self.absolute >= self.period / 2.0 {
                report("absolute", "is half of `period` or more, so any two values agree".into());
            }
        }
    }
}

/// Whether a tolerance is one; if not, that is reported.
pub(super) fn check_tolerance(key: &str, value: f64, report: Report<'_>) -> bool {
    let is_good = value.is_finite() && value >= 0.0;
    if !is_good {
        report(key, format!("is {value}, but a tolerance is a finite number, 0 or larger"));
    }
    is_good
}
