//! Collects the columns of each histogram from both outputs and tests them; leaves the rest to the rules.
//!
//! One histogram is in memory at a time, and what the worst tests found.

use super::histogram::{self, Bin, Columns, is_position, is_statistical, parted};
use super::{Plan, Statistics, Test, chi2, ks};
use crate::align::Judge;
use crate::format::{Cell, RowRef};
use crate::judge::Cells;
use crate::report::{ColumnReport, Comparison, Deviation, REPORTED, Reason, Verdict, shown};
use crate::rule::{Measure, RuleSet};

/// The comparison of two outputs with histograms, under way.
pub(crate) struct Histograms<'p> {
    plan: Plan,
    cells: Cells<'p>,
    open: Option<Open>,
    tests: u64,
    rows: u64,
    values: u64,
    /// The worst tests, and some others.
    found: Vec<Found>,
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

/// A test that was made.
struct Found {
    path: Vec<u8>,
    test: Test,
    lines: (u64, u64),
    left: Bin,
    right: Bin,
}

impl<'p> Histograms<'p> {
    pub(crate) fn new(rules: &'p RuleSet, plan: Plan) -> Self {
        Self { plan, cells: Cells::new(rules), open: None, tests: 0, rows: 0, values: 0, found: Vec::new() }
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
        let ordered = || histogram::has_one_axis(&open.kind).then(|| ks::test(&left, &right)).flatten();
        let ks = if self.plan.statistics == Statistics::Chi2 { None } else { ordered() };
        let wants_chi2 = self.plan.statistics != Statistics::Ks || ks.is_none();
        let chi2 = if wants_chi2 { chi2::test(&left, &right) } else { None };
        for test in [ks, chi2].into_iter().flatten() {
            self.tests += 1;
            let bin = |bins: &[Bin]| bins.get(test.worst).copied().unwrap_or(Bin::Empty);
            self.found.push(Found {
                path: open.path.clone(),
                test,
                lines: open.lines,
                left: bin(&left),
                right: bin(&right),
            });
        }
        if self.found.len() > 2 * REPORTED {
            self.sort();
        }
    }

    /// The worst first, and no more than are reported.
    fn sort(&mut self) {
        self.found.sort_by(|a, b| a.test.ln_p.total_cmp(&b.test.ln_p));
        self.found.truncate(REPORTED);
    }

    /// The answer.
    pub(crate) fn end(mut self) -> Comparison {
        self.end_object();
        self.sort();
        let mut compared = self.cells.end();
        compared.rows_compared += self.rows;
        compared.values_compared += self.values;
        let limit = (self.plan.significance / self.tests.max(1) as f64).ln();
        if compared.verdict == Verdict::Agree {
            compared.reason = match self.found.first() {
                None => Reason::Untested,
                Some(worst) if worst.test.ln_p < limit => Reason::Statistics {
                    histogram: shown(&worst.path),
                    what: format!(
                        "{} = {:.4} of {} bins, p = {}, below {} / {} tests",
                        worst.test.name,
                        worst.test.statistic,
                        worst.test.bins,
                        probability(worst.test.ln_p),
                        self.plan.significance,
                        self.tests
                    ),
                },
                Some(_) => Reason::WithinTolerance,
            };
            compared.verdict = compared.reason.verdict();
        }
        compared
            .columns
            .extend(self.found.iter().filter(|found| found.test.ln_p < 0.0).map(|found| found.report(limit)));
        compared.columns.sort_by(|a, b| {
            let order = (b.differing > 0).cmp(&(a.differing > 0));
            order.then(b.worst.in_tolerance_units.total_cmp(&a.worst.in_tolerance_units))
        });
        compared.columns.truncate(REPORTED);
        compared.worst = compared.columns.first().map(|column| column.worst.clone());
        compared
    }
}

impl Found {
    fn report(&self, limit: f64) -> ColumnReport {
        let is_rejected = self.test.ln_p < limit;
        let units = self.test.ln_p / limit;
        // A quotient that rounds to 1 stays on its side.
        let units = if is_rejected { units.max(1.0_f64.next_up()) } else { units.min(1.0) };
        let name = Some(format!("{} ({})", shown(&self.path), self.test.name));
        let at = self.test.worst as u64;
        let worst = Deviation {
            line: self.lines.0.saturating_add(at),
            right_line: self.lines.1.saturating_add(at),
            column: at + 1,
            name: name.clone(),
            left: text(self.left),
            right: text(self.right),
            in_tolerance_units: units,
        };
        let differing = u64::from(is_rejected);
        ColumnReport { column: at + 1, name, deviating: 1 - differing, differing, worst }
    }
}

/// A bin for people.
fn text(bin: Bin) -> String {
    match bin {
        Bin::Empty => "0".into(),
        Bin::Unknown => "no number".into(),
        Bin::Value { value, down, up } => format!("{value} ± {:.3e}", down.max(up).sqrt()),
    }
}

fn probability(ln_p: f64) -> String {
    if ln_p < -690.0 { "less than 1e-299".into() } else { format!("{:.2e}", ln_p.exp()) }
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
