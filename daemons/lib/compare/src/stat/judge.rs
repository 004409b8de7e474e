//! Collects the columns of each histogram from both outputs and tests them; leaves the rest to the rules.
//!
//! One histogram is in memory at a time, and what the worst tests found.

use super::Plan;
use super::histogram::{self, is_position, is_statistical, parted};
use super::object::{Columns, Object, Sum};
use super::tests_made::{Pair, Place, TestsMade};
use crate::align::Judge;
use crate::format::{Cell, RowRef};
use crate::judge::Cells;
use crate::report::{Comparison, Reason, shown};
use crate::rule::{Measure, RuleSet};

/// The comparison of two outputs with histograms, under way.
pub(crate) struct Histograms<'p> {
    cells: Cells<'p>,
    /// By number of the rule: whether it counts beside the tests.
    binding: &'p [bool],
    open: Option<Open>,
    tests: TestsMade,
    rows: u64,
    values: u64,
}

/// A histogram that is being collected.
#[derive(Default)]
struct Open {
    path: Vec<u8>,
    /// As in `HISTO1D_V2`.
    kind: Vec<u8>,
    lines: (u64, u64),
    /// Columns of sums in their order, ignored ones, too.
    order: Vec<Vec<u8>>,
    left: Columns,
    right: Columns,
    /// Lines of sums that are no bins.
    singles: Vec<Single>,
    /// `ScaledBy` of both.
    scale: Option<((f64, f64), Place)>,
}

/// `Total`, `Underflow` or `Overflow`: a line with the sums of the columns, in their order.
struct Single {
    name: Vec<u8>,
    place: Place,
    left: Vec<f64>,
    right: Vec<f64>,
}

impl Single {
    /// Whether it is a bin before (`Some(true)`) or behind the others.
    fn is_first_bin(&self) -> Option<bool> {
        match self.name.as_slice() {
            b"Underflow" => Some(true),
            b"Overflow" => Some(false),
            _ => None,
        }
    }
}

impl Open {
    /// Adds underflow and overflow to the bins that it gives places for.
    fn with_flows(&mut self) -> Vec<Place> {
        let count = self.left.values().map(Vec::len).max().unwrap_or_default();
        let mut places: Vec<Place> = (0..count as u64)
            .map(|bin| Place {
                lines: (self.lines.0.saturating_add(bin), self.lines.1.saturating_add(bin)),
                number: bin + 1,
            })
            .collect();
        for single in &self.singles {
            let Some(is_first) = single.is_first_bin() else { continue };
            let at = |length: usize| if is_first { 0 } else { length };
            places.insert(at(places.len()), single.place);
            for (columns, values) in [(&mut self.left, &single.left), (&mut self.right, &single.right)] {
                for (name, value) in self.order.iter().zip(values) {
                    if let Some(column) = columns.get_mut(name) {
                        column.insert(at(column.len()), *value);
                    }
                }
            }
        }
        places
    }

    /// The sums of a line.
    fn single(&self, values: &[f64]) -> Option<Object> {
        let columns = self.order.iter().zip(values).map(|(name, value)| (name.clone(), vec![*value]));
        Object::new(&self.kind, &columns.collect())
    }
}

impl<'p> Histograms<'p> {
    pub(crate) fn new(rules: &'p RuleSet, plan: &'p Plan) -> Self {
        let (cells, binding, tests) = (Cells::new(rules), plan.binding.as_slice(), TestsMade::new(plan));
        Self { cells, binding, open: None, tests, rows: 0, values: 0 }
    }

    fn begin_object(&mut self, path: &[u8], kind: &[u8]) {
        self.end_object();
        let kind = kind.strip_prefix(b"BINNED").unwrap_or(kind);
        self.open = Some(Open { path: path.to_vec(), kind: kind.to_vec(), ..Open::default() });
    }

    fn end_object(&mut self) {
        let Some(mut open) = self.open.take() else { return };
        // All of its columns are ignored, or it has none.
        if open.left.is_empty() && open.singles.is_empty() {
            return;
        }
        let unfit = open.singles.iter().find(|single| single.left.len() != open.order.len());
        if let Some(single) = unfit {
            let (path, name) = (shown(&open.path), shown(&single.name));
            let what =
                format!("{path}:{name} has other sums than the bins, so it can't be tested; ignore it");
            self.cells.fault(Reason::CantSay { side: None, what });
            return;
        }
        for single in open.singles.iter().filter(|single| single.is_first_bin().is_none()) {
            if let (Some(left), Some(right)) = (open.single(&single.left), open.single(&single.right)) {
                let name = [&open.path, b":".as_slice(), &single.name].concat();
                let pair =
                    Pair { name: &name, left: &left, right: &right, is_ordered: false, is_total: true };
                self.tests.add(&pair, |_| single.place);
            }
        }
        if open.left.is_empty() {
            return;
        }
        let places = open.with_flows();
        let objects = (Object::new(&open.kind, &open.left), Object::new(&open.kind, &open.right));
        let (Some(left), Some(right)) = objects else {
            let what = format!(
                "{} ({}) has no values with errors to be tested; ignore it",
                shown(&open.path),
                shown(&open.kind)
            );
            self.cells.fault(Reason::CantSay { side: None, what });
            return;
        };
        let is_ordered = histogram::has_one_axis(&open.kind);
        let pair = Pair { name: &open.path, left: &left, right: &right, is_ordered, is_total: false };
        self.tests.add(&pair, |bin| places.get(bin).copied().unwrap_or_default());
        if let Some((scales, place)) = open.scale {
            self.tests.add_scale(&open.path, scales, (&left, &right), place);
        }
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
        if Sum::of(column).is_some() {
            open.order.push(column.to_vec());
        }
        let (number, rule) = self.cells.numbered_rule(left, 0);
        let is_binding = self.binding.get(number).copied().unwrap_or(false);
        if rule.measure == Measure::Ignore {
            self.rows += 1;
            return true;
        }
        let numbers = |cells: &[Cell]| cells.iter().map(|cell| cell.as_number()).collect::<Vec<f64>>();
        let (lefts, rights) = (numbers(left.cells), numbers(right.cells));
        let place = Place { lines: (left.line, right.line), number: 1 };
        match column {
            b"ScaledBy" => match (lefts.as_slice(), rights.as_slice()) {
                ([a], [b]) if !a.is_nan() && !b.is_nan() => open.scale = Some(((*a, *b), place)),
                _ => return self.cells.pair(left, right),
            },
            // A second one is compared by its rule.
            b"Total" | b"Underflow" | b"Overflow" if open.singles.iter().all(|one| one.name != column) => {
                let single = Single { name: column.to_vec(), place, left: lefts, right: rights };
                open.singles.push(single);
            }
            b"Total" | b"Underflow" | b"Overflow" => return self.cells.pair(left, right),
            _ => {
                open.lines = place.lines;
                open.left.insert(column.to_vec(), lefts);
                open.right.insert(column.to_vec(), rights);
            }
        }
        // The rule counts them, too.
        if is_binding {
            return self.cells.pair(left, right);
        }
        self.rows += 1;
        self.values += left.cells.len() as u64;
        true
    }

    fn fault(&mut self, reason: Reason) {
        self.cells.fault(reason);
    }
}

#[cfg(test)]
mod tests;
