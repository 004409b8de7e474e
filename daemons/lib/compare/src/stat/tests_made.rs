//! The tests of all histograms of two outputs, and what they come to.

use super::battery::{self, How, Made};
use super::histogram::Bin;
use super::object::Object;
use super::{Name, Plan, Statistics, Test};
use crate::report::{ColumnReport, Comparison, Deviation, REPORTED, Reason, Verdict, shown};

/// See the module.
pub(super) struct TestsMade {
    statistics: Statistics,
    significance: f64,
    error_ratio: f64,
    count: u64,
    /// The worst tests, and some others.
    found: Vec<Found>,
}

/// Where a bin stands.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Place {
    /// Lines in both.
    pub(super) lines: (u64, u64),
    /// Number of the value in its column, from 1.
    pub(super) number: u64,
}

/// A test that was made.
struct Found {
    name: Vec<u8>,
    made: Made,
    place: Place,
}

/// A histogram of both.
pub(super) struct Pair<'o> {
    pub(super) name: &'o [u8],
    pub(super) left: &'o Object,
    pub(super) right: &'o Object,
    /// Bins stand in the order of one axis.
    pub(super) is_ordered: bool,
    /// All of a histogram in one bin.
    pub(super) is_total: bool,
}

impl TestsMade {
    pub(super) const fn new(plan: &Plan) -> Self {
        let Plan { statistics, significance, error_ratio, .. } = *plan;
        Self { statistics, significance, error_ratio, count: 0, found: Vec::new() }
    }

    /// Tests a histogram; `place` says where a bin stands.
    pub(super) fn add(&mut self, pair: &Pair<'_>, place: impl Fn(usize) -> Place) {
        let Pair { name, left, right, is_ordered, is_total } = *pair;
        let (statistics, error_ratio) = (self.statistics, self.error_ratio);
        let how = How { statistics, error_ratio, is_ordered, is_total };
        for made in battery::tests(left, right, how) {
            self.take(name, made, place(made.test.worst));
        }
    }

    /// Tests the factors of a histogram.
    pub(super) fn add_scale(
        &mut self,
        name: &[u8],
        scales: (f64, f64),
        of: (&Object, &Object),
        place: Place,
    ) {
        if let Some(made) = battery::scale(scales.0, scales.1, of, self.error_ratio) {
            self.take(name, made, place);
        }
    }

    fn take(&mut self, name: &[u8], made: Made, place: Place) {
        self.count += 1;
        self.found.push(Found { name: name.to_vec(), made, place });
        if self.found.len() > 2 * REPORTED {
            self.sort();
        }
    }

    /// The worst first, and no more than are reported.
    fn sort(&mut self) {
        self.found.sort_by(|a, b| a.made.test.ln_p.total_cmp(&b.made.test.ln_p));
        self.found.truncate(REPORTED);
    }

    /// What was compared by rules, and the tests.
    pub(super) fn end(mut self, mut compared: Comparison) -> Comparison {
        self.sort();
        let limit = (self.significance / self.count.max(1) as f64).ln();
        if compared.verdict == Verdict::Agree {
            compared.reason = match self.found.first() {
                None => Reason::Untested,
                Some(worst) if worst.made.test.ln_p < limit => Reason::Statistics {
                    histogram: shown(&worst.name),
                    what: format!(
                        "{}, below {} / {} tests",
                        said(&worst.made.test, self.error_ratio),
                        self.significance,
                        self.count
                    ),
                },
                Some(_) => Reason::WithinTolerance,
            };
            compared.verdict = compared.reason.verdict();
        }
        let deviating = self.found.iter().filter(|found| found.made.test.ln_p < 0.0);
        compared.columns.extend(deviating.map(|found| found.report(limit)));
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
        let test = &self.made.test;
        let is_rejected = test.ln_p < limit;
        let units = test.ln_p / limit;
        // A quotient that rounds to 1 stays on its side.
        let units = if is_rejected { units.max(1.0_f64.next_up()) } else { units.min(1.0) };
        let name = Some(format!("{} ({})", shown(&self.name), test.name));
        let column = self.place.number;
        let worst = Deviation {
            line: self.place.lines.0,
            right_line: self.place.lines.1,
            column,
            name: name.clone(),
            left: text(self.made.left),
            right: text(self.made.right),
            rule: format!("p = {}, at least {}", probability(test.ln_p), probability(limit)),
            in_tolerance_units: units,
        };
        let differing = u64::from(is_rejected);
        ColumnReport { column, name, deviating: 1 - differing, differing, worst }
    }
}

/// A test in words.
fn said(test: &Test, error_ratio: f64) -> String {
    let (name, bins, p) = (test.name, test.bins, probability(test.ln_p));
    if test.name.is_ratio() {
        let factor = test.statistic;
        let factor = if factor < 1e6 { format!("{factor:.1}") } else { format!("{factor:.1e}") };
        let what = if test.name == Name::Scale { "they" } else { "their squares" };
        return format!(
            "{name}: {what} differ by a factor of {factor}, and more than by chance (error_ratio = {error_ratio}), p = {p}"
        );
    }
    format!("{name} = {:.4} of {bins} bins, p = {p}", test.statistic)
}

/// A bin for people.
fn text(bin: Bin) -> String {
    match bin {
        Bin::Empty => "0".into(),
        Bin::Unknown => "no number".into(),
        Bin::Value { value, down, up } => {
            let error = down.max(up).sqrt();
            if error == 0.0 {
                let is_plain = (1e-3..1e15).contains(&value.abs()) || value == 0.0;
                return if is_plain { format!("{value}") } else { format!("{value:e}") };
            }
            let is_plain = (1e-3..1e6).contains(&error);
            if is_plain { format!("{value} ± {error:.3}") } else { format!("{value} ± {error:.3e}") }
        }
    }
}

fn probability(ln_p: f64) -> String {
    if ln_p < -690.0 { "less than 1e-299".into() } else { format!("{:.2e}", ln_p.exp()) }
}
