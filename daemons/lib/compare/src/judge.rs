//! Compares pairs of records value by value, each by the rule of its column.
//!
//! Every value is looked at, also after the first difference, so that the worst one is reported. Memory is bounded by
//! a number of columns, whatever the output has.

use std::collections::HashMap;

use crate::align::Judge;
use crate::format::{Cell, RowRef, Values, path};
use crate::report::{ColumnReport, Comparison, Deviation, REPORTED, Reason, Snip, Verdict, shown};
use crate::rule::{Columns, Distance, Measure, Rule, RuleSet};

/// Columns, or names of records, that are reported one by one. The others share one place.
const COLUMNS: usize = 1024;

/// The comparison of two outputs, under way.
pub(crate) struct Cells<'p> {
    rules: &'p RuleSet,
    columns: Columns<'p>,
    places: Vec<Place>,
    /// Places of records with labels.
    labels: HashMap<Vec<u8>, usize>,
    rows: u64,
    values: u64,
    reason: Option<Reason>,
}

/// What happened in a column.
#[derive(Debug, Clone, Default)]
struct Place {
    label: Vec<u8>,
    deviating: u64,
    differing: u64,
    worst: Option<Worst>,
}

#[derive(Debug, Clone, Copy)]
struct Worst {
    lines: (u64, u64),
    column: usize,
    values: Values,
    left: Snip,
    right: Snip,
    distance: Distance,
}

impl<'p> Cells<'p> {
    pub(crate) fn new(rules: &'p RuleSet) -> Self {
        Self {
            rules,
            columns: Columns::new(rules, &[]),
            places: Vec::new(),
            labels: HashMap::new(),
            rows: 0,
            values: 0,
            reason: None,
        }
    }

    /// Rule of a value, with its number.
    pub(crate) fn numbered_rule(&mut self, row: RowRef<'_>, column: usize) -> (usize, &'p Rule) {
        self.columns.of(row, column)
    }

    /// Number of the rule of a column (from 0) without a label.
    pub(crate) fn number(&mut self, column: usize) -> usize {
        self.columns.rule(column).0
    }

    /// Rule of a value.
    pub(crate) fn rule(&mut self, row: RowRef<'_>, column: usize) -> &'p Rule {
        self.numbered_rule(row, column).1
    }

    /// Whether two split records agree, without taking note of it.
    pub(crate) fn agree(&mut self, left: RowRef<'_>, right: RowRef<'_>) -> bool {
        left.label == right.label
            && left.cells.len() == right.cells.len()
            && left
                .cells
                .iter()
                .zip(right.cells)
                .enumerate()
                .all(|(column, (a, b))| self.rule(left, column).judge(left.value(*a), right.value(*b)).agrees)
    }

    #[cold]
    fn note(&mut self, place: usize, at: (RowRef<'_>, Cell), with: (RowRef<'_>, Cell), found: Found) {
        if self.places.len() <= place {
            self.places.resize(place + 1, Place::default());
        }
        let Some(place) = self.places.get_mut(place) else { return };
        if found.distance.agrees {
            place.deviating += 1;
        } else {
            place.differing += 1;
        }
        if place.worst.is_none_or(|worst| found.distance.is_worse_than(worst.distance)) {
            place.worst = Some(Worst {
                lines: (at.0.line, with.0.line),
                column: found.column,
                values: at.0.values,
                left: Snip::new(at.0, at.1),
                right: Snip::new(with.0, with.1),
                distance: found.distance,
            });
        }
    }

    /// The place of a record with a label.
    fn labelled(&mut self, label: &[u8]) -> usize {
        if let Some(place) = self.labels.get(label) {
            return *place;
        }
        let place = self.labels.len();
        if place >= COLUMNS {
            return COLUMNS;
        }
        self.labels.insert(label.to_vec(), place);
        self.places.resize(place + 1, Place::default());
        if let Some(new) = self.places.get_mut(place) {
            new.label = label.to_vec();
        }
        place
    }

    /// The answer.
    pub(crate) fn end(self) -> Comparison {
        let mut columns: Vec<(ColumnReport, Distance)> =
            self.places.iter().filter_map(|place| self.report(place)).collect();
        // The worst first; of equal ones, as they stand in the output.
        columns.sort_by(|(a, a_distance), (b, b_distance)| {
            a_distance
                .agrees
                .cmp(&b_distance.agrees)
                .then(b_distance.units.total_cmp(&a_distance.units))
                .then((a.worst.line, a.worst.column).cmp(&(b.worst.line, b.worst.column)))
        });
        columns.truncate(REPORTED);
        let differs = columns.first().is_some_and(|(_, distance)| !distance.agrees);
        let reason = match self.reason {
            Some(Reason::Common { .. }) if differs => Reason::Value,
            Some(reason) => reason,
            None if differs => Reason::Value,
            None if self.values == 0 => Reason::Identical,
            None => Reason::WithinTolerance,
        };
        let columns: Vec<ColumnReport> = columns.into_iter().map(|(column, _)| column).collect();
        Comparison {
            verdict: if differs { Verdict::Differ } else { reason.verdict() },
            worst: columns.first().map(|column| column.worst.clone()),
            reason,
            rows_compared: self.rows,
            values_compared: self.values,
            columns,
            suspicious: Vec::new(),
        }
    }

    fn report(&self, place: &Place) -> Option<(ColumnReport, Distance)> {
        let worst = place.worst?;
        let label = path(&place.label, worst.values, worst.column);
        let header = self.columns.name(worst.column);
        let rule = self.rules.of(worst.column, &label, header).to_string();
        let name = if label.is_empty() { header } else { &label };
        let name = (!name.is_empty()).then(|| shown(name));
        let column = worst.column as u64 + 1;
        let deviation = Deviation {
            line: worst.lines.0,
            right_line: worst.lines.1,
            column,
            name: name.clone(),
            left: worst.left.shown(),
            right: worst.right.shown(),
            rule,
            in_tolerance_units: worst.distance.units,
        };
        let (deviating, differing) = (place.deviating, place.differing);
        Some((ColumnReport { column, name, deviating, differing, worst: deviation }, worst.distance))
    }
}

/// A deviation.
struct Found {
    column: usize,
    distance: Distance,
}

impl Judge for Cells<'_> {
    fn takes_equal(&self) -> bool {
        // NaN is looked for apart.
        self.rules.rules().all(|rule| rule.infinity == crate::rule::Infinity::Equal)
    }

    fn begin(&mut self, left: &[Vec<u8>], right: &[Vec<u8>]) -> bool {
        self.columns = Columns::new(self.rules, left);
        if left == right {
            return true;
        }
        let name =
            |names: &[Vec<u8>], column: usize| names.get(column).map(|name| shown(name)).unwrap_or_default();
        let first = left.iter().zip(right).take_while(|(left, right)| left == right).count();
        let (left, right) = (name(left, first), name(right, first));
        self.fault(Reason::Header { column: first as u64 + 1, left, right });
        false
    }

    #[inline]
    fn equal(&mut self) {
        self.rows += 1;
    }

    fn pair(&mut self, left: RowRef<'_>, right: RowRef<'_>) -> bool {
        self.rows += 1;
        if left.label != right.label {
            let (line, left, right) = (left.line, shown(left.label), shown(right.label));
            self.fault(Reason::Label { line, left, right });
            return false;
        }
        if left.cells.len() != right.cells.len() {
            let counts = (left.cells.len() as u64, right.cells.len() as u64);
            self.fault(Reason::Columns { line: left.line, left: counts.0, right: counts.1 });
            return false;
        }
        self.values += left.cells.len() as u64;
        for (column, (&a, &b)) in left.cells.iter().zip(right.cells).enumerate() {
            let rule = self.columns.of(left, column).1;
            // Equal numbers, the common case; false for everything that is no number.
            if a.as_number() == b.as_number() && rule.takes_equal_numbers() {
                continue;
            }
            let distance = rule.judge(left.value(a), right.value(b));
            if distance != Distance::NONE {
                let place = match left.label {
                    [] => column.min(COLUMNS),
                    label => self.labelled(label),
                };
                self.note(place, (left, a), (right, b), Found { column, distance });
            }
        }
        true
    }

    fn confirms(&mut self, row: RowRef<'_>) -> bool {
        // A key is equal, whatever else is ignored; a name without a value that counts says nothing.
        row.label.is_empty()
            || (0..row.cells.len().max(1)).any(|column| self.rule(row, column).measure != Measure::Ignore)
    }

    fn fault(&mut self, reason: Reason) {
        self.reason = self.reason.take().or(Some(reason));
    }
}
