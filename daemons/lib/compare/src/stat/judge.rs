//! Collects the columns of each histogram from both outputs and tests them; leaves the rest to the rules.
//!
//! One histogram is in memory at a time, and what the worst tests found.

use super::Plan;
use super::histogram::{self, Columns, is_position, is_statistical, parted};
use super::tests_made::TestsMade;
use crate::align::Judge;
use crate::format::{Cell, RowRef};
use crate::judge::Cells;
use crate::report::{Comparison, Reason, shown};
use crate::rule::{Measure, RuleSet};

/// The comparison of two outputs with histograms, under way.
pub(crate) struct Histograms<'p> {
    cells: Cells<'p>,
    open: Option<Open>,
    tests: TestsMade,
    rows: u64,
    values: u64,
}

/// A histogram that is being collected.
struct Open {
    path: Vec<u8>,
    /// As in `HISTO1D_V2`.
    kind: Vec<u8>,
    lines: (u64, u64),
    left: Columns,
    right: Columns,
}

impl<'p> Histograms<'p> {
    pub(crate) fn new(rules: &'p RuleSet, plan: &Plan) -> Self {
        let tests = TestsMade::new(plan.statistics, plan.significance);
        Self { cells: Cells::new(rules), open: None, tests, rows: 0, values: 0 }
    }

    fn begin_object(&mut self, path: &[u8], kind: &[u8]) {
        self.end_object();
        let kind = kind.strip_prefix(b"BINNED").unwrap_or(kind);
        self.open = Some(Open {
            path: path.to_vec(),
            kind: kind.to_vec(),
            lines: (0, 0),
            left: Columns::new(),
            right: Columns::new(),
        });
    }

    fn end_object(&mut self) {
        let Some(open) = self.open.take() else { return };
        // All of its columns are ignored, or it has none.
        if open.left.is_empty() {
            return;
        }
        let bins = (histogram::bins(&open.kind, &open.left), histogram::bins(&open.kind, &open.right));
        let (Some(left), Some(right)) = bins else {
            let what = format!(
                "{} ({}) has no values with errors to be tested; ignore it",
                shown(&open.path),
                shown(&open.kind)
            );
            self.cells.fault(Reason::CantSay { side: None, what });
            return;
        };
        let line =
            |bin: usize| (open.lines.0.saturating_add(bin as u64), open.lines.1.saturating_add(bin as u64));
        self.tests.add(&open.path, histogram::has_one_axis(&open.kind), &left, &right, line);
    }

    /// The answer.
    pub(crate) fn end(mut self) -> Comparison {
        self.end_object();
        let mut compared = self.cells.end();
        compared.rows_compared += self.rows;
        compared.values_compared += self.values;
        self.tests.end(compared)
    }
}

impl Judge for Histograms<'_> {
    fn takes_equal(&self) -> bool {
        false
    }

    fn begin(&mut self, left: &[Vec<u8>], right: &[Vec<u8>]) -> bool {
        self.cells.begin(left, right)
    }

    fn equal(&mut self) {
        self.cells.equal();
    }

    fn pair(&mut self, left: RowRef<'_>, right: RowRef<'_>) -> bool {
        let Some((path, column)) = parted(left.label).filter(|_| left.label == right.label) else {
            return self.cells.pair(left, right);
        };
        if column == b"Type" {
            self.begin_object(path, left.bytes);
            return self.cells.pair(left, right);
        }
        let Some(open) = &mut self.open else { return self.cells.pair(left, right) };
        if !is_statistical(left.label) || is_position(&open.kind, column) {
            return self.cells.pair(left, right);
        }
        if left.cells.len() != right.cells.len() {
            let (line, counts) = (left.line, (left.cells.len() as u64, right.cells.len() as u64));
            self.cells.fault(Reason::Columns { line, left: counts.0, right: counts.1 });
            return false;
        }
        self.rows += 1;
        if self.cells.rule(left, 0).measure == Measure::Ignore {
            return true;
        }
        self.values += left.cells.len() as u64;
        // Those that stand in one line and not in bins follow from the others.
        if !matches!(column, b"numEntries" | b"Total" | b"Underflow" | b"Overflow" | b"ScaledBy") {
            let numbers = |cells: &[Cell]| cells.iter().map(|cell| cell.as_number()).collect();
            open.lines = (left.line, right.line);
            open.left.insert(column.to_vec(), numbers(left.cells));
            open.right.insert(column.to_vec(), numbers(right.cells));
        }
        true
    }

    fn fault(&mut self, reason: Reason) {
        self.cells.fault(reason);
    }
}

#[cfg(test)]
mod tests;
