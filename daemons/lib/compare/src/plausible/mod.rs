//! Checks of one output without a partner: they hold for a quorum of 1, too.
//!
//! The first fault found is kept; later ones are not looked for. A fault is the content's: whatever the others
//! have, this output is no good. Where it is declared (`severity`), a broken check makes an output suspicious instead.
//!
//! A new check: a key in `spec::FileSpec` or `spec::RuleSpec`, a field of [`Checks`] or [`Plan`], a line in
//! [`Watch::value`] or [`Watch::end`], a variant of [`Malformed`].

mod severity;
mod trend;
mod wanted;

pub(crate) use severity::Faults;
pub use severity::Severity;
pub use trend::Trend;

use wanted::{Met, Wanted};

use crate::format::{RowRef, Values};
use crate::report::Plain;
use crate::rule::{Columns, Infinity, Meaning, Measure, Nan, Rule, RuleSet};
use crate::source::Malformed;
use crate::spec::{FileSpec, Report, RuleSpec};

/// Checks of the values of some columns.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Checks {
    at_least: f64,
    at_most: f64,
    trend: Trend,
    /// Every value must be a number, or missing.
    numbers: bool,
    /// Every value must be a number, and be there.
    all: bool,
    severity: Severity,
}

impl Checks {
    const NONE: Self = Self {
        at_least: f64::NEG_INFINITY,
        at_most: f64::INFINITY,
        trend: Trend::Any,
        numbers: false,
        all: false,
        severity: Severity::Malformed,
    };

    fn new(spec: &RuleSpec, report: Report<'_>) -> Self {
        let (least, most) = (spec.at_least, spec.at_most);
        if least.is_nan() || most.is_nan() {
            report("at_least", "is not a number; leave it out for no bound".into());
        } else if least > most {
            report(
                "at_least",
                format!("is {}, above at_most = {}: no value could pass", Plain(least), Plain(most)),
            );
        }
        if spec.severity != Severity::Malformed && !spec.has_bounds() {
            report("severity", "has a meaning only with at_least, at_most or trend; remove it".into());
        }
        Self {
            at_least: least,
            at_most: most,
            trend: spec.trend,
            numbers: spec.wants_numbers(),
            all: spec.must_be_there(),
            severity: spec.severity,
        }
    }

    fn range(&self) -> String {
        match (self.at_least.is_finite(), self.at_most.is_finite()) {
            (true, true) => format!("between {} and {}", Plain(self.at_least), Plain(self.at_most)),
            (true, false) => format!("at least {}", Plain(self.at_least)),
            _ => format!("at most {}", Plain(self.at_most)),
        }
    }
}

/// What is checked in a file.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    min_rows: u64,
    /// Of `min_rows`.
    severity: Severity,
    /// One per declared rule.
    checks: Vec<Checks>,
    wanted: Vec<Wanted>,
    /// Every value must be looked at.
    every_value: bool,
    /// Every value that is no number must be looked at.
    no_word: bool,
    /// Numbers are compared, so there must be one.
    wants_number: bool,
}

impl Plan {
    /// `reports` take the mistakes of one rule each.
    pub(crate) fn new(spec: &FileSpec, rules: &RuleSet, mut report: impl FnMut(usize, &str, String)) -> Self {
        let checks: Vec<Checks> = spec
            .rules
            .iter()
            .enumerate()
            .map(|(index, rule)| Checks::new(rule, &mut |key, message| report(index, key, message)))
            .collect();
        Self {
            min_rows: spec.min_rows,
            wanted: Wanted::all(spec),
            severity: spec.severity,
            // What must be a number, or finite, is found faster.
            every_value: checks.iter().any(|checks| Checks { numbers: false, ..*checks } != Checks::NONE)
                || rules.rules().any(|rule| rule.infinity == Infinity::Differ),
            no_word: checks.iter().any(|checks| checks.numbers),
            wants_number: rules.rules().any(Rule::is_numeric),
            checks,
        }
    }
}

/// Looks at the records of one output as they pass.
#[derive(Debug)]
pub(crate) struct Watch<'p> {
    plan: &'p Plan,
    columns: Columns<'p>,
    rows: u64,
    numbers: u64,
    met: Met<'p>,
    /// The value before, by column.
    before: Vec<Option<f64>>,
    found: Faults,
}

/// Columns whose trend is followed.
const FOLLOWED: usize = 65_536;

impl<'p> Watch<'p> {
    pub(crate) fn new(plan: &'p Plan, columns: Columns<'p>) -> Self {
        let met = Met::new(&plan.wanted, &columns);
        Self { plan, columns, met, rows: 0, numbers: 0, before: Vec::new(), found: Faults::default() }
    }

    /// Whether every record has to be shown, split.
    #[inline]
    pub(crate) const fn wants_every_row(&self) -> bool {
        self.plan.every_value || self.plan.no_word || (self.plan.wants_number && self.numbers == 0)
    }

    /// Takes note of a record that need not be looked at.
    #[inline]
    pub(crate) fn unseen(&mut self, row: RowRef<'_>) {
        // Nothing in it is nothing.
        self.rows += u64::from(!row.is_blank());
    }

    /// Looks at a split record.
    pub(crate) fn row(&mut self, row: RowRef<'_>) {
        self.unseen(row);
        if let Some((severity, what)) = self.met.look(row) {
            self.found.add(severity, what);
        }
        if self.found.fault.is_some() {
            return;
        }
        let every = self.plan.every_value;
        if !every && self.numbers == 0 {
            self.numbers = row.cells.iter().filter(|cell| !cell.as_number().is_nan()).count() as u64;
        }
        for (column, cell) in row.cells.iter().enumerate() {
            if every || cell.as_number().is_nan() {
                self.value(row, column, *cell);
                if self.found.fault.is_some() {
                    return;
                }
            }
        }
    }

    fn value(&mut self, row: RowRef<'_>, column: usize, cell: crate::format::Cell) {
        let (number, rule) = self.columns.of(row, column);
        let checks = self.plan.checks.get(number).copied().unwrap_or(Checks::NONE);
        let compares = rule.measure != Measure::Ignore;
        let (line, place) = (row.line, column as u64 + 1);
        let text = || shown_value(row, cell);
        match cell.meaning() {
            // Nothing can confirm these two: no question of severity.
            Meaning::NotANumber if compares && rule.nan == Nan::Differ => {
                let what = Malformed::NotANumber { line, column: place, text: text() };
                self.found.add(Severity::Malformed, what);
            }
            Meaning::Number(_) | Meaning::TooLarge { .. }
                if compares && rule.infinity == Infinity::Differ && !cell.as_number().is_finite() =>
            {
                let what = Malformed::Infinite { line, column: place, text: text() };
                self.found.add(Severity::Malformed, what);
            }
            Meaning::Text if checks.numbers && !self.found.has(checks.severity) => {
                self.found.add(checks.severity, Malformed::Word { line, column: place, text: text() });
            }
            // Nobody declared that `null` stands for a value in this range.
            Meaning::Missing if checks.all && row.values == Values::List => {
                self.found.add(checks.severity, Malformed::Word { line, column: place, text: text() });
            }
            Meaning::NotANumber if compares => self.numbers += 1,
            Meaning::NotANumber | Meaning::Missing | Meaning::Text => {}
            Meaning::Number(_) | Meaning::TooLarge { .. } => self.number(row, column, cell, checks),
        }
    }

    fn number(&mut self, row: RowRef<'_>, column: usize, cell: crate::format::Cell, checks: Checks) {
        // One that is too large is no number that was computed.
        self.numbers += u64::from(!cell.as_number().is_nan());
        let Some(value) = cell.meaning().in_range() else { return };
        let before = match checks.trend {
            Trend::Any => None,
            _ if column >= FOLLOWED => None,
            _ => self.follow(column, value),
        };
        let (severity, line, place) = (checks.severity, row.line, column as u64 + 1);
        // What would not be kept is not put into words.
        if self.found.has(severity) {
            return;
        }
        let text = || shown_value(row, cell);
        if value < checks.at_least || value > checks.at_most {
            let (text, range) = (text(), checks.range());
            self.found.add(severity, Malformed::OutOfRange { line, column: place, text, range });
        } else if let Some(before) = before.filter(|before| !checks.trend.takes(*before, value)) {
            let (text, before, trend) = (text(), Plain(before).to_string(), checks.trend.name());
            self.found.add(severity, Malformed::Trend { line, column: place, text, before, trend });
        }
    }

    /// The value before in this column.
    fn follow(&mut self, column: usize, value: f64) -> Option<f64> {
        if self.before.len() <= column {
            self.before.resize(column + 1, None);
        }
        self.before.get_mut(column).and_then(|before| before.replace(value))
    }

    /// After the last record: the first faults.
    pub(crate) fn end(mut self) -> Faults {
        let may_be_empty = self.rows == 0 && self.plan.min_rows == 0;
        // Asked first: a text without any number says more about what went wrong.
        if self.plan.wants_number && self.numbers == 0 && !may_be_empty {
            self.found.add(Severity::Malformed, Malformed::NoNumber);
        }
        if let Some((severity, what)) = self.met.end().filter(|_| !may_be_empty) {
            self.found.add(severity, what);
        }
        if self.rows < self.plan.min_rows {
            let few = Malformed::TooFewRows { found: self.rows, least: self.plan.min_rows };
            self.found.add(self.plan.severity, few);
        }
        self.found
    }
}

fn shown_value(row: RowRef<'_>, cell: crate::format::Cell) -> String {
    row.values.shown(row.value(cell).text)
}
