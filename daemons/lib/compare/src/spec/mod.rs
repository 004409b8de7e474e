//! What "the same" means, as it is declared.
//!
//! The short form is one rule for all files: byte for byte, or all numbers within one tolerance. The long form says
//! for each file what it is packed in (`source`), what it is made of (`format`), how records find their partners
//! (`align`), by which rule values are compared (`rule`), and what must hold without a partner (`plausible`).
//!
//! A `Spec` that passes [`Spec::check`] cannot accept everything: tolerances are finite, not negative, and a relative
//! one is below 1. Nothing is declared that has no effect. [`Spec::plan`] makes it ready for use.

mod applies;
mod declared;
mod file;
mod histogram;
mod rule;
mod selector;

use serde::{Deserialize, Serialize};

pub(crate) use applies::check as check_effects;
pub use file::{ExtraRows, FileSpec, FormatName, Order};
pub use histogram::HistogramSpec;
pub use rule::{RuleMethod, RuleSpec};
pub use selector::Selector;
pub(crate) use selector::matches as pattern_matches;

use crate::plan::Plan;
use crate::script::ScriptSpec;

pub use crate::source::LARGEST_MAX_BYTES;

/// Bound on the size of one file when the spec does not set one: 256 MiB.
pub const DEFAULT_MAX_BYTES: u64 = 256 << 20;

/// Takes a mistake: the key, and what is wrong with it.
pub(crate) type Report<'r> = &'r mut dyn FnMut(&str, String);

/// How outputs are compared that no entry of `files` names.
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
    /// Files with rules of their own. The first entry that names a file counts.
    pub files: Vec<FileSpec>,
    /// A program that compares instead.
    pub script: Option<ScriptSpec>,
}

impl Default for Spec {
    fn default() -> Self {
        Self {
            method: Method::Exact,
            absolute: 0.0,
            relative: 0.0,
            separator: Separator::Whitespace,
            max_bytes: DEFAULT_MAX_BYTES,
            files: Vec::new(),
            script: None,
        }
    }
}

/// A mistake in a [`Spec`], with the key it is about.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{key}`: {message}")]
pub struct SpecMistake {
    /// Path of the key, as in `absolute` or `files.0.rules.1.columns`; lists are counted from 0.
    pub key: String,
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

    /// Makes the spec ready for use: expressions compiled, rules sorted out.
    ///
    /// # Errors
    /// Every mistake found.
    pub fn plan(&self) -> Result<Plan, Vec<SpecMistake>> {
        let mut mistakes = Vec::new();
        let mut report = |key: &str, message: String| {
            mistakes.push(SpecMistake { key: key.to_owned(), message });
        };
        self.check_short(&mut report);
        let plan = Plan::new(self, &mut report);
        if mistakes.is_empty() { Ok(plan) } else { Err(mistakes) }
    }

    /// Finds every mistake. An empty list means that the spec can be used.
    pub fn check(&self) -> Vec<SpecMistake> {
        self.plan().err().unwrap_or_default()
    }

    /// Logical names and paths of the samples that are declared; paths are below the folder of the spec's file. Members of
    /// an archive are tried on the sample that one of them declares.
    pub fn samples(&self) -> impl Iterator<Item = (&str, &str)> {
        let declared = self.files.iter().filter(|file| !file.sample.is_empty());
        declared.map(|file| (file.sample_name(), file.sample.as_str()))
    }

    /// The short form as an entry for every file.
    pub(crate) fn short(&self) -> FileSpec {
        let plain = FileSpec { name: "*".into(), max_bytes: self.max_bytes, ..FileSpec::default() };
        match self.method {
            Method::Exact => plain,
            Method::Numeric => FileSpec {
                format: FormatName::Table,
                separator: match self.separator {
                    Separator::Whitespace => "whitespace".into(),
                    Separator::Comma => "comma".into(),
                },
                rules: vec![RuleSpec {
                    absolute: self.absolute,
                    relative: self.relative,
                    ..RuleSpec::default()
                }],
                ..plain
            },
        }
    }

    fn check_short(&self, report: Report<'_>) {
        if self.method == Method::Exact {
            for (key, value) in [("absolute", self.absolute), ("relative", self.relative)] {
                if rule::check_tolerance(key, value, report) && value > 0.0 {
                    report(
                        key,
                        "has no meaning with method = \"exact\"; write method = \"numeric\" or remove it"
                            .into(),
                    );
                }
            }
            if self.separator != Separator::Whitespace {
                report("separator", "has no meaning with method = \"exact\"; remove it".into());
            }
        }
    }
}

#[cfg(test)]
mod tests;
