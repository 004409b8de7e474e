//! Statistical agreement: outputs of the same simulation with other seeds.
//!
//! For each histogram a test asks how probable it is that two samples of one distribution differ at least as much:
//! χ² with the errors of both ([`chi2`]), or Kolmogorov–Smirnov ([`ks`]) for histograms of one axis. Outputs differ if
//! one of these probabilities is below the declared significance divided by the number of tests (Bonferroni). So two
//! good outputs are told apart by chance at most as often as `significance` says, however many histograms they have.
//! (Holm's procedure rejects the first hypothesis under the same condition, and one rejection is enough here.)
//!
//! The deviation of a histogram is ln p / ln (significance / tests): 1 at the limit.
//!
//! What has no statistics is compared by its rule: edges, titles, types. Histograms without an entry in both are not
//! tested; if none is left to be tested, the outputs differ, since nothing confirms them.

mod chi2;
mod columns;
mod distribution;
mod histogram;
mod judge;
mod ks;
mod tests_made;

use serde::{Deserialize, Serialize};

pub(crate) use columns::{Declared, InColumns};
pub(crate) use histogram::is_statistical;
pub(crate) use judge::Histograms;

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
    /// Where histograms are columns of a table; None: objects of YODA.
    pub(crate) columns: Option<Declared>,
}

/// What a test of one histogram found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Test {
    pub(crate) name: &'static str,
    pub(crate) statistic: f64,
    /// Bins that counted: degrees of freedom for χ².
    pub(crate) bins: u64,
    /// Logarithm of the probability of a statistic at least as large.
    pub(crate) ln_p: f64,
    /// The bin that deviates most, from 0.
    pub(crate) worst: usize,
}
