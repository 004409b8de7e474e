//! Values that must be there: those that a rule with a range or a trend names, without `*` and `?`. Otherwise leaving a
//! value out would be a way around its range.
//!
//! In a table, each row that is not blank has them. Where values have names, the output has them.

use super::Severity;
use crate::format::RowRef;
use crate::report::shown;
use crate::rule::Columns;
use crate::source::Malformed;
use crate::spec::{ExtraRows, FileSpec, Selector};

/// A value that must be there.
#[derive(Debug, Clone)]
pub(super) struct Wanted {
    name: Selector,
    severity: Severity,
}

impl Wanted {
    pub(super) fn all(spec: &FileSpec) -> Vec<Self> {
        let may_lack = spec.format.is_labelled() && spec.extra_rows == ExtraRows::Ignore;
        let rules = spec.rules.iter().filter(|rule| rule.must_be_there() && !may_lack);
        let names = rules.flat_map(|rule| {
            let single = rule.columns.iter().filter(|column| !column.is_pattern());
            single.map(|column| Self { name: column.clone(), severity: rule.severity })
        });
        names.collect()
    }
}

/// Which of them were met.
#[derive(Debug)]
pub(super) struct Met<'p> {
    wanted: &'p [Wanted],
    /// Their columns, from 0. Empty where values have names.
    columns: Vec<Option<usize>>,
    /// By name.
    seen: Vec<bool>,
}

impl<'p> Met<'p> {
    pub(super) fn new(wanted: &'p [Wanted], columns: &Columns<'_>) -> Self {
        let place = |wanted: &Wanted| match &wanted.name {
            Selector::Number(number) => (*number as usize).checked_sub(1),
            Selector::Name(name) => columns.position(name.as_bytes()),
        };
        Self { wanted, columns: wanted.iter().map(place).collect(), seen: vec![false; wanted.len()] }
    }

    /// Looks at a record: what it lacks.
    pub(super) fn look(&mut self, row: RowRef<'_>) -> Option<(Severity, Malformed)> {
        for ((wanted, column), seen) in self.wanted.iter().zip(&self.columns).zip(&mut self.seen) {
            let found = match (row.label, &wanted.name) {
                ([], _) => *column,
                (_, Selector::Name(name)) if !*seen => row.place_of(name.as_bytes()),
                _ => continue,
            };
            let is_there = found.is_some_and(|place| place < row.cells.len());
            *seen |= is_there;
            if row.label.is_empty() && !is_there && !row.cells.is_empty() {
                let place = format!("line {}", row.line);
                return Some((wanted.severity, lacks(place, &wanted.name)));
            }
        }
        None
    }

    /// After the last record: what the output lacks.
    pub(super) fn end(&self) -> Option<(Severity, Malformed)> {
        let lost = self.wanted.iter().zip(&self.seen).find(|(_, seen)| !**seen);
        lost.map(|(wanted, _)| (wanted.severity, lacks("all".into(), &wanted.name)))
    }
}

fn lacks(place: String, name: &Selector) -> Malformed {
    let name = match name {
        Selector::Number(number) => format!("column {number}"),
        Selector::Name(name) => shown(name.as_bytes()),
    };
    let what = format!("there is no {name}, for which a rule has a range or a trend");
    Malformed::Format { place, what }
}
