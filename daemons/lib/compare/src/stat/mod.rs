//! Statistical agreement: outputs of the same simulation with other seeds.
//!
//! Tests ask how probable it is that two samples of one distribution differ at least as much. Of each histogram:
//! - what is in the bins: χ² with the errors of both ([`chi2`]), or Kolmogorov–Smirnov ([`ks`]) for those of one
//!   axis; numbers of entries, where they are given, the same way with the errors of counts;
//! - whether the errors of both are comparable ([`ratio`]), so that nobody passes by claiming large ones;
//! - the means of its axes, and of what a profile profiles ([`moments`]).
//!
//! Underflow and overflow are bins; the total is tested apart. Outputs differ if one of these probabilities is below
//! the declared significance divided by the number of tests (Bonferroni). So two good outputs are told apart by
//! chance at most as often as `significance` says, however many histograms they have. (Holm's procedure rejects the
//! first hypothesis under the same condition, and one rejection is enough here.) Bonferroni's inequality needs no
//! independence, so it does not matter that the tests of one histogram depend on each other.
//!
//! The deviation of a test is ln p / ln (significance / tests): 1 at the limit.
//!
//! What has no statistics is compared by its rule: edges, titles, types. A rule that names a column which is tested
//! counts beside the test. Histograms without an entry in both are not tested; if none is left to be tested, the
//! outputs differ, since nothing confirms them.

mod battery;
mod chi2;
mod columns;
mod distribution;
mod histogram;
mod judge;
mod ks;
mod moments;
mod object;
mod ratio;
mod tests_made;

use std::fmt;

use serde::{Deserialize, Serialize};

pub(crate) use columns::InColumns;
pub(crate) use histogram::{has_given_errors, is_statistical};
pub(crate) use judge::Histograms;

use crate::spec::HistogramSpec;

/// Which tests are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Statistics {
    /// None: values are compared by their rules.
    #[default]
    None,
    /// χ² with the errors of both.
    Chi2,
    /// Kolmogorov–Smirnov for histograms of one axis without negative bins, χ² for all others.
    Ks,
    /// χ² for all, and Kolmogorov–Smirnov where it can be.
    Chi2AndKs,
}

/// Tests, and when they reject.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) statistics: Statistics,
    /// Of all tests of a file together.
    pub(crate) significance: f64,
    /// Squared errors that differ by no more than this factor count as equal.
    pub(crate) error_ratio: f64,
    /// By number of the rule: whether it counts beside the tests.
    pub(crate) binding: Vec<bool>,
    /// Where histograms are columns of a table; None: objects of YODA.
    pub(crate) columns: Option<Vec<HistogramSpec>>,
}

/// What a test is about. Axes are counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Name {
    /// Contents, by χ².
    Chi2,
    /// Contents, by Kolmogorov–Smirnov.
    Ks,
    /// Numbers of entries, by χ².
    Entries,
    /// Numbers of entries, by Kolmogorov–Smirnov.
    EntriesKs,
    /// Squares of errors.
    Errors,
    /// Means of an axis.
    Mean(u8),
    /// Variances of an axis.
    Spread(u8),
    /// Covariances of two axes.
    Mixed(u8, u8),
    /// Factors that a histogram was multiplied with.
    Scale,
}

impl Name {
    /// Whether a ratio is tested.
    const fn is_ratio(self) -> bool {
        matches!(self, Self::Errors | Self::Spread(_) | Self::Scale)
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let axis = |axis: u8| match axis {
            1..=3 => char::from(b'w' + axis).to_string(),
            _ => format!("axis {axis}"),
        };
        match self {
            Self::Chi2 => f.write_str("chi2"),
            Self::Ks => f.write_str("ks"),
            Self::Entries => f.write_str("chi2 of entries"),
            Self::EntriesKs => f.write_str("ks of entries"),
            Self::Errors => f.write_str("errors"),
            Self::Mean(x) => write!(f, "mean of {}", axis(*x)),
            Self::Spread(x) => write!(f, "spread of {}", axis(*x)),
            Self::Mixed(x, y) => write!(f, "covariance of {} and {}", axis(*x), axis(*y)),
            Self::Scale => f.write_str("scale"),
        }
    }
}

/// What a test of one histogram found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Test {
    pub(crate) name: Name,
    /// χ², a distance, or a ratio.
    pub(crate) statistic: f64,
    /// Bins that counted: degrees of freedom for χ².
    pub(crate) bins: u64,
    /// Logarithm of the probability of a statistic at least as large, or a bound of it.
    pub(crate) ln_p: f64,
    /// The bin that deviates most, from 0.
    pub(crate) worst: usize,
}
