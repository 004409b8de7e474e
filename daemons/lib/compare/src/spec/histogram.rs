//! Which columns of a table are a histogram.

use serde::{Deserialize, Serialize};

use super::Selector;

/// Columns that are one histogram: a row is a bin. Its edges stand in other columns, which are compared by their rules.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HistogramSpec {
    /// The column with what is in the bins: a number of events, a sum of weights, a cross section.
    pub value: Selector,
    /// Columns with errors of the value; their squares are added. Neither these nor `variance`: the value is a number of
    /// events, and its error the square root.
    pub error: Vec<Selector>,
    /// Columns with squares of errors, as a sum of squared weights.
    pub variance: Vec<Selector>,
}

impl Default for HistogramSpec {
    fn default() -> Self {
        Self { value: Selector::Number(0), error: Vec::new(), variance: Vec::new() }
    }
}

impl HistogramSpec {
    /// All columns that it names.
    pub(crate) fn columns(&self) -> impl Iterator<Item = &Selector> {
        std::iter::once(&self.value).chain(&self.error).chain(&self.variance)
    }
}
