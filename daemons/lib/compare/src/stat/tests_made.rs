//! The tests of all histograms of two outputs, and what they come to.

use super::histogram::Bin;
use super::{Statistics, Test, chi2, ks};
use crate::report::{ColumnReport, Comparison, Deviation, REPORTED, Reason, Verdict, shown};

/// See the module.
pub(super) struct TestsMade {
    statistics: Statistics,
    significance: f64,
    count: u64,
    /// The worst tests, and some others.
    found: Vec<Found>,
}

/// A test that was made.
struct Found {
    name: Vec<u8>,
    test: Test,
    lines: (u64, u64),
    left: Bin,
    right: Bin,
}

impl TestsMade {
    pub(super) const fn new(statistics: Statistics, significance: f64) -> Self {
        Self { statistics, significance, count: 0, found: Vec::new() }
    }

    /// Tests a histogram; `lines` says where a bin stands in both.
    pub(super) fn add(
        &mut self,
        name: &[u8],
        has_one_axis: bool,
        left: &[Bin],
        right: &[Bin],
        lines: impl Fn(usize) -> (u64, u64),
    ) {
        let ordered = || has_one_axis.then(|| ks::test(left, right)).flatten();
        let ks = if self.statistics == Statistics::Chi2 { None } else { ordered() };
        let wants_chi2 = self.statistics != Statistics::Ks || ks.is_none();
        let chi2 = if wants_chi2 { chi2::test(left, right) } else { None };
        for test in [ks, chi2].into_iter().flatten() {
            self.count += 1;
            let bin = |bins: &[Bin]| bins.get(test.worst).copied().unwrap_or(Bin::Empty);
            let (name, lines) = (name.to_vec(), lines(test.worst));
            self.found.push(Found { name, test, lines, left: bin(left), right: bin(right) });
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

    /// What was compared by rules, and the tests.
    pub(super) fn end(mut self, mut compared: Comparison) -> Comparison {
        self.sort();
        let limit = (self.significance / self.count.max(1) as f64).ln();
        if compared.verdict == Verdict::Agree {
            compared.reason = match self.found.first() {
                None => Reason::Untested,
                Some(worst) if worst.test.ln_p < limit => Reason::Statistics {
                    histogram: shown(&worst.name),
                    what: format!(
                        "{} = {:.4} of {} bins, p = {}, below {} / {} tests",
                        worst.test.name,
                        worst.test.statistic,
                        worst.test.bins,
                        probability(worst.test.ln_p),
                        self.significance,
                        self.count
                    ),
                },
                Some(_) => Reason::WithinTolerance,
            };
            compared.verdict = compared.reason.verdict();
        }
        let deviating = self.found.iter().filter(|found| found.test.ln_p < 0.0);
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
        let is_rejected = self.test.ln_p < limit;
        let units = self.test.ln_p / limit;
        // A quotient that rounds to 1 stays on its side.
        let units = if is_rejected { units.max(1.0_f64.next_up()) } else { units.min(1.0) };
        let name = Some(format!("{} ({})", shown(&self.name), self.test.name));
        let column = self.test.worst as u64 + 1;
        let worst = Deviation {
            line: self.lines.0,
            right_line: self.lines.1,
            column,
            name: name.clone(),
            left: text(self.left),
            right: text(self.right),
            rule: format!("p = {}, at least {}", probability(self.test.ln_p), probability(limit)),
            in_tolerance_units: units,
        };
        let differing = u64::from(is_rejected);
        ColumnReport { column, name, deviating: 1 - differing, differing, worst }
    }
}

/// A bin for people.
fn text(bin: Bin) -> String {
    match bin {
        Bin::Empty => "0".into(),
        Bin::Unknown => "no number".into(),
        Bin::Value { value, down, up } => {
            let error = down.max(up).sqrt();
            let is_plain = (1e-3..1e6).contains(&error) || error == 0.0;
            if is_plain { format!("{value} ± {error:.3}") } else { format!("{value} ± {error:.3e}") }
        }
    }
}

fn probability(ln_p: f64) -> String {
    if ln_p < -690.0 { "less than 1e-299".into() } else { format!("{:.2e}", ln_p.exp()) }
}
