//! The answer: agree, differ, or can't say; where, and by how much.
//!
//! Everything here can be shown: text of strangers is escaped and cut, lists are bounded. `Display` is for people,
//! `Serialize` for programs.

mod reason;
mod shown;
mod snip;
mod text;

use serde::{Serialize, Serializer};

pub use reason::{Reason, Side};
pub(crate) use shown::shown;
pub(crate) use snip::Snip;
pub(crate) use text::Plain;

use crate::source::{Malformed, Trouble};

/// Columns in a report.
pub(crate) const REPORTED: usize = 100;

/// Whether two outputs are the same under a spec.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// They are.
    Agree,
    /// It can't be said, and trying again later may help.
    CantSay,
    /// They are not.
    Differ,
}

/// Two values that are not equal.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Deviation {
    /// Line (or record) of the left one, from 1.
    pub line: u64,
    /// Line (or record) of the right one, from 1. Another one than `line` where records have another order, or lines
    /// are skipped.
    pub right_line: u64,
    /// Number of the value in its line, from 1; byte for byte: number of the byte in its line.
    pub column: u64,
    /// Name of the column, or of the record; escaped and cut. `None` if it has none.
    pub name: Option<String>,
    /// As the left one has it; escaped and cut.
    pub left: String,
    /// As the right one has it; escaped and cut.
    pub right: String,
    /// By which rule, in words.
    pub rule: String,
    /// |a − b| in units of the tolerance: at most 1 is accepted. Infinite if the tolerance is 0 or one is no
    /// number; JSON has no infinity and shows `null`.
    #[serde(serialize_with = "finite_or_null")]
    pub in_tolerance_units: f64,
}

/// What became of a column, or of the records with one name.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ColumnReport {
    /// Number, from 1.
    pub column: u64,
    /// Name; `None` if it has none.
    pub name: Option<String>,
    /// Values that are not equal, but within the tolerance.
    pub deviating: u64,
    /// Values outside of the tolerance.
    pub differing: u64,
    /// The largest deviation.
    pub worst: Deviation,
}

/// Result of comparing two outputs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Comparison {
    /// Agree, differ or can't say.
    pub verdict: Verdict,
    /// Why.
    pub reason: Reason,
    /// The largest deviation, also of outputs that agree. `None` if no value deviates or none was compared.
    pub worst: Option<Deviation>,
    /// Records that had a partner. Byte for byte: 0.
    pub rows_compared: u64,
    /// Values that were looked at one by one; those of records with equal bytes need not be. Byte for byte: bytes.
    pub values_compared: u64,
    /// Columns with a deviation, the worst first; at most 100.
    pub columns: Vec<ColumnReport>,
    /// What is odd about the two, at most one thing of each. It does not change the verdict; a validator wants more
    /// results then.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub suspicious: Vec<Oddity>,
}

/// Something odd about one of the two, where the spec says `severity = "suspicious"`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Oddity {
    /// Which.
    pub side: Side,
    /// What.
    pub what: String,
}

impl Comparison {
    /// Whether the verdict is `Agree`.
    pub fn agrees(&self) -> bool {
        self.verdict == Verdict::Agree
    }

    /// The largest deviation in units of the tolerance; 0 if there is none.
    pub fn units(&self) -> f64 {
        self.worst.as_ref().map_or(0.0, |worst| worst.in_tolerance_units)
    }

    /// With this reason, which gives the verdict, and nothing compared.
    pub fn new(reason: Reason) -> Self {
        Self {
            verdict: reason.verdict(),
            reason,
            worst: None,
            rows_compared: 0,
            values_compared: 0,
            columns: Vec::new(),
            suspicious: Vec::new(),
        }
    }

    pub(crate) fn of_bytes(reason: Reason, compared: u64, worst: Option<Deviation>) -> Self {
        Self { worst, values_compared: compared, ..Self::new(reason) }
    }

    /// What follows from trouble with one of the two.
    pub(crate) fn trouble(side: Side, trouble: &Trouble) -> Self {
        let what = trouble.to_string();
        Self::new(if trouble.is_content() {
            Reason::Malformed { side, what }
        } else {
            Reason::CantSay { side: Some(side), what }
        })
    }

    /// Whether not all records were looked at.
    pub(crate) const fn stopped_early(&self) -> bool {
        matches!(
            self.reason,
            Reason::Columns { .. } | Reason::Header { .. } | Reason::Label { .. } | Reason::Malformed { .. }
        )
    }

    /// The same comparison, knowing that one of the two is no good output.
    pub(crate) fn malformed(mut self, side: Side, malformed: &Malformed) -> Self {
        self.reason = Reason::Malformed { side, what: malformed.to_string() };
        self.verdict = Verdict::Differ;
        self
    }

    /// The same comparison, knowing what is odd about the two.
    pub(crate) fn odd(self, left: Option<&Malformed>, right: Option<&Malformed>) -> Self {
        let found = [(Side::Left, left), (Side::Right, right)].into_iter();
        let found = found.filter_map(|(side, what)| Some((side, what?)));
        found.fold(self, |compared, (side, what)| compared.odd_too(side, what))
    }

    /// The same comparison, knowing what is odd about one of the two. The first thing stays.
    pub(crate) fn odd_too(mut self, side: Side, what: &Malformed) -> Self {
        if !self.suspicious.iter().any(|odd| odd.side == side) {
            self.suspicious.push(Oddity { side, what: what.to_string() });
            self.suspicious.sort_by_key(|odd| odd.side == Side::Right);
        }
        self
    }

    /// The other way round.
    pub fn swapped(mut self) -> Self {
        let swap = |deviation: &mut Deviation| {
            std::mem::swap(&mut deviation.left, &mut deviation.right);
            std::mem::swap(&mut deviation.line, &mut deviation.right_line);
        };
        self.worst.iter_mut().for_each(swap);
        self.columns.iter_mut().for_each(|column| swap(&mut column.worst));
        self.reason = self.reason.swapped();
        self.suspicious.iter_mut().for_each(|odd| odd.side = odd.side.other());
        self.suspicious.reverse();
        self
    }
}

fn finite_or_null<S: Serializer>(value: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    if value.is_finite() { serializer.serialize_f64(*value) } else { serializer.serialize_none() }
}
