//! Histograms in the columns of a table: a row is a bin, the bins stand in the order of their axis. Collects the declared
//! columns from both outputs and tests them at the end; leaves the others to the rules.
//!
//! Contents and variances of all bins are in memory, of at most a million bins.

use super::histogram::Bin;
use super::tests_made::TestsMade;
use super::{Plan, Statistics};
use crate::align::Judge;
use crate::format::RowRef;
use crate::judge::Cells;
use crate::report::{Comparison, Reason, Side, shown};
use crate::rule::{Measure, Rule, RuleSet};
use crate::spec::{HistogramSpec, Selector};

/// Most bins of all histograms together.
const MOST_BINS: usize = 1_000_000;

/// Which columns are histograms.
#[derive(Debug, Clone)]
pub(crate) struct Declared {
    histograms: Vec<HistogramSpec>,
    /// For the other columns.
    rules: RuleSet,
}

impl Declared {
    pub(crate) fn new(histograms: &[HistogramSpec], rules: &[(Vec<Selector>, Rule)]) -> Self {
        let columns = histograms.iter().flat_map(HistogramSpec::columns).cloned().collect();
        let mut all = vec![(columns, Rule::new(Measure::Ignore))];
        all.extend_from_slice(rules);
        Self { histograms: histograms.to_vec(), rules: RuleSet::new(all) }
    }
}

/// The comparison of two tables with histograms, under way.
pub(crate) struct InColumns<'p> {
    declared: &'p Declared,
    statistics: Statistics,
    significance: f64,
    cells: Cells<'p>,
    names: Vec<Vec<u8>>,
    histograms: Vec<Open>,
    lines: Vec<(u64, u64)>,
    /// The records don't fit each other: there is nothing to be tested.
    is_over: bool,
}

/// A histogram that is being collected. Columns from 0.
struct Open {
    value: usize,
    errors: Vec<usize>,
    variances: Vec<usize>,
    left: Vec<Bin>,
    right: Vec<Bin>,
}

impl<'p> InColumns<'p> {
    pub(crate) fn new(plan: &Plan, declared: &'p Declared) -> Self {
        Self {
            declared,
            statistics: plan.statistics,
            significance: plan.significance,
            cells: Cells::new(&declared.rules),
            names: Vec::new(),
            histograms: Vec::new(),
            lines: Vec::new(),
            is_over: false,
        }
    }

    /// The answer.
    pub(crate) fn end(self) -> Comparison {
        if self.is_over {
            return self.cells.end();
        }
        let mut tests = TestsMade::new(self.statistics, self.significance);
        for open in &self.histograms {
            let line = |bin: usize| self.lines.get(bin).copied().unwrap_or_default();
            tests.add(&self.name(open.value), true, &open.left, &open.right, line);
        }
        tests.end(self.cells.end())
    }

    fn name(&self, column: usize) -> Vec<u8> {
        match self.names.get(column) {
            Some(name) => name.clone(),
            None => format!("column {}", column + 1).into_bytes(),
        }
    }

    /// Ends the comparison.
    fn refuse(&mut self, side: Option<Side>, what: String) -> bool {
        self.fault(match side {
            Some(side) => Reason::Malformed { side, what },
            None => Reason::CantSay { side, what },
        });
        false
    }
}

/// The number of a column that is named by number or in the header, from 0.
fn place(selector: &Selector, names: &[Vec<u8>]) -> Option<usize> {
    match selector {
        Selector::Number(number) => (*number as usize).checked_sub(1),
        Selector::Name(_) => (0..names.len())
            .find(|at| selector.takes(Some(*at), names.get(*at).map(Vec::as_slice).unwrap_or_default())),
    }
}

impl Open {
    fn bin(&self, row: RowRef<'_>) -> Bin {
        let number = |column: &usize| row.cells.get(*column).map_or(f64::NAN, |cell| cell.as_number());
        let value = number(&self.value);
        if self.errors.is_empty() && self.variances.is_empty() {
            return Bin::new(value, value, value);
        }
        let errors: f64 = self.errors.iter().map(number).map(|error| error * error).sum();
        let variance = errors + self.variances.iter().map(number).sum::<f64>();
        Bin::new(value, variance, variance)
    }
}

impl Judge for InColumns<'_> {
    fn takes_equal(&self) -> bool {
        false
    }

    fn begin(&mut self, left: &[Vec<u8>], right: &[Vec<u8>]) -> bool {
        if !self.cells.begin(left, right) {
            self.is_over = true;
            return false;
        }
        self.names = left.to_vec();
        for declared in &self.declared.histograms {
            let all = |selectors: &[Selector]| -> Option<Vec<usize>> {
                selectors.iter().map(|selector| place(selector, left)).collect()
            };
            let found = (place(&declared.value, left), all(&declared.error), all(&declared.variance));
            let (Some(value), Some(errors), Some(variances)) = found else {
                let lacking = declared.columns().find(|selector| place(selector, left).is_none());
                let what = lacking.map(|name| format!("there is no column {name}, which is a histogram's"));
                // Both headers are the same: it is the fault of neither more than of the other.
                return self.refuse(Some(Side::Left), what.unwrap_or_default());
            };
            self.histograms.push(Open { value, errors, variances, left: Vec::new(), right: Vec::new() });
        }
        true
    }

    fn equal(&mut self) {
        self.cells.equal();
    }

    fn pair(&mut self, left: RowRef<'_>, right: RowRef<'_>) -> bool {
        if !self.cells.pair(left, right) {
            self.is_over = true;
            return false;
        }
        // An empty line is no bin.
        if left.cells.is_empty() {
            return true;
        }
        if self.lines.len() * self.histograms.len() >= MOST_BINS {
            return self.refuse(None, format!("the histograms have more than {MOST_BINS} bins"));
        }
        self.lines.push((left.line, right.line));
        let mut odd = None;
        for open in &mut self.histograms {
            for (side, row) in [(Side::Left, left), (Side::Right, right)] {
                let bin = open.bin(row);
                if bin == Bin::Unknown {
                    let text = row.cells.get(open.value).map(|cell| shown(row.value(*cell).text));
                    let (line, text) = (row.line, text.unwrap_or_default());
                    let what =
                        format!("line {line}, column {}: {text} is no content of a bin", open.value + 1);
                    odd.get_or_insert((side, what));
                }
                match side {
                    Side::Left => open.left.push(bin),
                    Side::Right => open.right.push(bin),
                }
            }
        }
        match odd {
            Some((side, what)) => self.refuse(Some(side), what),
            None => true,
        }
    }

    fn fault(&mut self, reason: Reason) {
        self.is_over = true;
        self.cells.fault(reason);
    }
}

#[cfg(test)]
mod tests;
