//! What the columns of a sample hold.

use std::collections::HashMap;

use crate::format::{Row, RowRef, Values, path};
use crate::plan::{ContentPlan, FilePlan};
use crate::plausible::Watch;
use crate::report::shown;
use crate::rule::{Columns, Meaning};
use crate::source::{Again, Malformed, Meter, Trouble};
use crate::spec::Selector;

/// Most columns, or names of records, that are looked at.
const MOST: usize = 4096;

/// Fewer values have no middle.
const FEW: usize = 8;

/// A column, or the records with one name.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Column {
    /// From 0; `None` for records with a name.
    pub(super) index: Option<usize>,
    /// Empty if it has none.
    pub(super) name: Vec<u8>,
    pub(super) numbers: u64,
    pub(super) least: f64,
    pub(super) most: f64,
    /// The first of its finite numbers.
    first: Vec<f64>,
}

impl Column {
    const fn new(index: Option<usize>, name: Vec<u8>) -> Self {
        Self { index, name, numbers: 0, least: f64::INFINITY, most: f64::NEG_INFINITY, first: Vec::new() }
    }

    /// Whether all of its numbers are 0.
    pub(super) fn is_zero(&self) -> bool {
        self.numbers > 0 && self.least == 0.0 && self.most == 0.0
    }

    /// Between which two numbers the middle half of its values lies; `None` if they are few, or equal.
    pub(super) fn middle(&self) -> Option<(f64, f64)> {
        if self.first.len() < FEW {
            return None;
        }
        let mut sorted = self.first.clone();
        sorted.sort_by(f64::total_cmp);
        let quarter = sorted.len() / 4;
        let (low, high) = (*sorted.get(quarter)?, *sorted.get(sorted.len() - 1 - quarter)?);
        (low < high).then_some((low, high))
    }

    fn take(&mut self, meaning: Meaning) {
        if let Meaning::Number(value) = meaning {
            self.numbers += 1;
            self.least = self.least.min(value);
            self.most = self.most.max(value);
            if value.is_finite() && self.first.len() < MOST {
                self.first.push(value);
            }
        }
    }

    pub(super) fn is_taken_by(&self, selector: &Selector) -> bool {
        selector.takes(self.index, &self.name)
    }

    /// For people.
    pub(super) fn shown(&self) -> String {
        match (self.index, self.name.as_slice()) {
            (Some(index), []) => format!("column {}", index + 1),
            (_, name) => format!("`{}`", shown(name)),
        }
    }
}

/// A sample that was read.
#[derive(Debug)]
pub(super) struct Sample {
    pub(super) columns: Vec<Column>,
    /// Labels of lists, and how many values each has.
    lists: Vec<(Vec<u8>, usize)>,
    /// What makes it no good output.
    pub(super) fault: Option<Malformed>,
}

impl Sample {
    pub(super) fn read(again: &Again, file: &FilePlan) -> Result<Self, Trouble> {
        let mut sample = Self { columns: Vec::new(), lists: Vec::new(), fault: None };
        let (mut bytes, meter) = Meter::on(again.open(&file.source)?);
        let ContentPlan::Rows(plan) = &file.content else {
            std::io::copy(&mut bytes, &mut std::io::sink())?;
            sample.fault = file.too_small(&meter).map(|(_, small)| small);
            return Ok(sample);
        };
        let (mut reader, mut row) = (plan.open(bytes), Row::default());
        let mut labels = HashMap::new();
        let mut rules = Columns::new(&plan.rules, &[]);
        let mut watch = None;
        while reader.next(&mut row)? {
            reader.split(&mut row);
            let watch = watch
                .get_or_insert_with(|| Watch::new(&plan.watch, Columns::new(&plan.rules, reader.names())));
            watch.row(row.view());
            sample.take(row.view(), reader.names(), &mut labels, &mut rules);
        }
        let watch = watch.unwrap_or_else(|| Watch::new(&plan.watch, Columns::new(&plan.rules, &[])));
        let found = watch.end();
        let small = file.too_small(&meter).map(|(_, small)| small);
        sample.fault = small.or(found.fault).or(found.oddity).or_else(|| reader.oddity());
        Ok(sample)
    }

    fn take(
        &mut self,
        row: RowRef<'_>,
        names: &[Vec<u8>],
        labels: &mut HashMap<(Vec<u8>, usize), usize>,
        rules: &mut Columns<'_>,
    ) {
        if row.label.is_empty() {
            for (index, cell) in row.cells.iter().enumerate().take(MOST) {
                if self.columns.len() <= index {
                    let name = names.get(index).cloned().unwrap_or_default();
                    self.columns.push(Column::new(Some(index), name));
                }
                if let Some(column) = self.columns.get_mut(index) {
                    column.take(cell.meaning());
                }
            }
            return;
        }
        if row.cells.len() > 1 && row.values == Values::List && self.lists.len() < MOST {
            self.lists.push((row.label.to_vec(), row.cells.len()));
        }
        // Values of a list with one rule are one column, named after the first of them.
        let mut before = None;
        for column in 0..row.cells.len().max(1) {
            let rule = rules.of(row, column).0;
            let place = match before {
                Some((known, place)) if known == rule => place,
                _ => {
                    let key = (row.label.to_vec(), rule);
                    if labels.len() >= MOST && !labels.contains_key(&key) {
                        continue;
                    }
                    *labels.entry(key).or_insert_with(|| {
                        self.columns.push(Column::new(None, row.path(column).into_owned()));
                        self.columns.len() - 1
                    })
                }
            };
            before = Some((rule, place));
            if let (Some(known), Some(cell)) = (self.columns.get_mut(place), row.cells.get(column)) {
                known.take(cell.meaning());
            }
        }
    }

    /// Whether it has a value that `selector` names.
    pub(super) fn has(&self, selector: &Selector) -> bool {
        self.columns.iter().any(|column| column.is_taken_by(selector))
            || self.lists.iter().any(|(label, count)| {
                (1..*count).any(|column| selector.takes(None, &path(label, Values::List, column)))
            })
    }
}
