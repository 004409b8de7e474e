//! What "the same" means, as an administrator declares it.
//!
//! A `Spec` that passes [`Spec::check`] cannot accept everything: tolerances are finite, not negative, and a
//! relative one is below 1.

use serde::{Deserialize, Serialize};

use crate::Tolerance;

/// Bound on the size of one file when the spec does not set one: 256 MiB.
pub const DEFAULT_MAX_BYTES: u64 = 256 << 20;

/// Largest bound that can be declared: 2 GiB − 1. Places in a file are kept in 32 bits.
pub const LARGEST_MAX_BYTES: u64 = i32::MAX as u64;

/// How two outputs are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// Byte for byte.
    #[default]
    Exact,
    /// Line by line and value by value: numbers within a tolerance, everything else as text.
    Numeric,
}

/// What stands between two values of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Separator {
    /// Any number of blanks and tabs. Leading and trailing ones do not count.
    #[default]
    Whitespace,
    /// One comma. White space around a value does not count; an empty value does. Quotes mean nothing.
    Comma,
}

/// Declaration of a comparison. The default is byte for byte.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Spec {
    /// `exact` or `numeric`.
    pub method: Method,
    /// Largest accepted difference |a − b|, in the unit of the values. Numeric only.
    pub absolute: f64,
    /// Largest accepted difference as a fraction of the larger magnitude, max(|a|, |b|). Numeric only.
    pub relative: f64,
    /// What separates values. Numeric only.
    pub separator: Separator,
    /// Largest file that is read, in bytes. A larger one is refused, not cut.
    pub max_bytes: u64,
}

impl Default for Spec {
    fn default() -> Self {
        Self {
            method: Method::Exact,
            absolute: 0.0,
            relative: 0.0,
            separator: Separator::Whitespace,
            max_bytes: DEFAULT_MAX_BYTES,
        }
    }
}

/// A mistake in a [`Spec`], with the key it is about.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{key}`: {message}")]
pub struct SpecMistake {
    /// Name of the field of [`Spec`].
    pub key: &'static str,
    /// What is wrong, and what would be right.
    pub message: String,
}

impl Spec {
    /// Byte for byte.
    pub fn exact() -> Self {
        Self::default()
    }

    /// Numbers separated by white space, within max(`absolute`, `relative` · max(|a|, |b|)).
    pub fn numeric(absolute: f64, relative: f64) -> Self {
        Self { method: Method::Numeric, absolute, relative, ..Self::default() }
    }

    /// The rule for two numbers.
    pub fn tolerance(&self) -> Tolerance {
        Tolerance { absolute: self.absolute, relative: self.relative }
    }

    /// Finds every mistake. An empty list means that the spec can be used.
    pub fn check(&self) -> Vec<SpecMistake> {
        let mut mistakes = Vec::new();
        let mut mistake = |key, message: String| mistakes.push(SpecMistake { key, message });
        for (key, value) in [("absolute", self.absolute), ("relative", self.relative)] {
            if !value.is_finite() || value < 0.0 {
                mistake(key, format!("is {value}, but a tolerance is a finite number, 0 or larger"));
            } else if self.method == Method::Exact && value > 0.0 {
                mistake(
                    key,
                    "has no meaning with method = \"exact\"; write method = \"numeric\" or remove it".into(),
                );
            }
        }
        if self.relative.is_finite() && self.relative >= 1.0 {
            mistake(
                "relative",
                format!(
                    "is {}, but from 1 on any two numbers of the same sign agree; it is a fraction: 1e-6 is one part in a million",
                    self.relative
                ),
            );
        }
        if self.method == Method::Exact && self.separator != Separator::Whitespace {
            mistake("separator", "has no meaning with method = \"exact\"; remove it".into());
        }
        if self.max_bytes == 0 || self.max_bytes > LARGEST_MAX_BYTES {
            mistake(
                "max_bytes",
                format!("is {}, but must be between 1 and {LARGEST_MAX_BYTES}", self.max_bytes),
            );
        }
        mistakes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(spec: &Spec) -> Vec<&'static str> {
        spec.check().into_iter().map(|mistake| mistake.key).collect()
    }

    #[test]
    fn the_default_is_byte_for_byte_and_right() {
        let spec: Spec = toml::from_str("").unwrap();
        assert_eq!(spec, Spec::exact());
        assert_eq!(spec.method, Method::Exact);
        assert!(spec.check().is_empty());
    }

    #[test]
    fn every_key_is_read() {
        let spec: Spec = toml::from_str(
            "method = 'numeric'\nabsolute = 1e-9\nrelative = 1e-6\nseparator = 'comma'\nmax_bytes = 5",
        )
        .unwrap();
        let expected = Spec {
            method: Method::Numeric,
            absolute: 1e-9,
            relative: 1e-6,
            separator: Separator::Comma,
            max_bytes: 5,
        };
        assert_eq!(spec, expected);
        assert!(spec.check().is_empty());
        assert!(toml::from_str::<Spec>("absolut = 1").is_err());
    }

    #[test]
    fn tolerances_that_mean_nothing_are_found() {
        for bad in [-1.0, -f64::MIN_POSITIVE, f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert_eq!(keys(&Spec::numeric(bad, 0.0)), ["absolute"], "{bad}");
            assert_eq!(keys(&Spec::numeric(0.0, bad)), ["relative"], "{bad}");
        }
        assert_eq!(keys(&Spec::numeric(0.0, 1.0)), ["relative"]);
        assert!(keys(&Spec::numeric(0.0, 0.0)).is_empty(), "exact numbers are a rule");
        assert!(keys(&Spec::numeric(1e300, 0.999)).is_empty());
    }

    #[test]
    fn settings_without_effect_are_found() {
        assert_eq!(
            keys(&Spec { absolute: 1.0, separator: Separator::Comma, ..Spec::exact() }),
            ["absolute", "separator"]
        );
        assert_eq!(keys(&Spec { max_bytes: 0, ..Spec::exact() }), ["max_bytes"]);
        assert_eq!(keys(&Spec { max_bytes: LARGEST_MAX_BYTES + 1, ..Spec::exact() }), ["max_bytes"]);
    }
}
