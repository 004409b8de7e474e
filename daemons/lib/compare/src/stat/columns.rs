//! Histograms in the columns of a table: a row is a bin, the bins stand in the order of their axis. Collects the
//! declared columns from both outputs and tests them at the end; leaves the others to the rules.
//!
//! Contents and variances of all bins are in memory, of at most a million bins.

use super::Plan;
use super::histogram::Bin;
use super::object::Object;
use super::tests_made::{Pair, Place, TestsMade};
use crate::align::Judge;
use crate::format::{Cell, RowRef};
use crate::judge::Cells;
use crate::report::{Comparison, Reason, Side, shown};
use crate::rule::{Meaning, RuleSet};
use crate::spec::{HistogramSpec, Selector};

/// Most bins of all histograms together.
const MOST_BINS: usize = 1_000_000;

/// The comparison of two tables with histograms, under way.
pub(crate) struct InColumns<'p> {
    declared: &'p [HistogramSpec],
    plan: &'p Plan,
    cells: Cells<'p>,
    names: Vec<Vec<u8>>,
    histograms: Vec<Open>,
    /// By column: whether only tests compare it.
    is_tested: Vec<bool>,
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
    pub(crate) fn new(rules: &'p RuleSet, plan: &'p Plan, declared: &'p [HistogramSpec]) -> Self {
        Self {
            declared,
            plan,
            cells: Cells::new(rules),
            names: Vec::new(),
            histograms: Vec::new(),
            is_tested: Vec::new(),
            lines: Vec::new(),
            is_over: false,
        }
    }

    /// The answer.
    pub(crate) fn end(self) -> Comparison {
        if self.is_over {
            return self.cells.end();
        }
        let mut tests = TestsMade::new(self.plan);
        for open in &self.histograms {
            let (left, right) = (Object::of_bins(open.left.clone()), Object::of_bins(open.right.clone()));
            let name = self.name(open.value);
            let pair = Pair { name: &name, left: &left, right: &right, is_ordered: true, is_total: false };
            tests.add(&pair, |bin| Place {
                lines: self.lines.get(bin).copied().unwrap_or_default(),
                number: bin as u64 + 1,
            });
        }
        tests.end(self.cells.end())
    }

    fn name(&self, column: usize) -> Vec<u8> {
        match self.names.get(column) {
            Some(name) => name.clone(),
            None => format!("column {}", column + 1).into_bytes(),
        }
    }

    /// The values that rules compare, with nothing in place of the others.
    fn for_rules(&self, row: RowRef<'_>) -> Vec<Cell> {
        let nothing = Cell::new(Meaning::Missing, 0, 0);
        let is_tested = |column: usize| self.is_tested.get(column).copied().unwrap_or(false);
        let cells = row.cells.iter().enumerate();
        cells.map(|(column, cell)| if is_tested(column) { nothing } else { *cell }).collect()
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
        for declared in self.declared {
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
            let columns = [value].into_iter().chain(errors.iter().copied()).chain(variances.iter().copied());
            for column in columns {
                if self.is_tested.len() <= column {
                    self.is_tested.resize(column + 1, false);
                }
                let number = self.cells.number(column);
                if let Some(is_tested) = self.is_tested.get_mut(column) {
                    *is_tested = !self.plan.binding.get(number).copied().unwrap_or(false);
                }
            }
            self.histograms.push(Open { value, errors, variances, left: Vec::new(), right: Vec::new() });
        }
        true
    }

    fn equal(&mut self) {
        self.cells.equal();
    }

    fn pair(&mut self, left: RowRef<'_>, right: RowRef<'_>) -> bool {
        let (a, b) = (self.for_rules(left), self.for_rules(right));
        if !self.cells.pair(RowRef { cells: &a, ..left }, RowRef { cells: &b, ..right }) {
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
