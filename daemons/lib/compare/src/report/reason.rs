//! Why a verdict is what it is.

use std::fmt;

use serde::Serialize;

use super::Verdict;

/// One of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// The one that is examined.
    Left,
    /// The one that it is compared with.
    Right,
}

impl Side {
    /// The other one.
    pub const fn other(self) -> Self {
        match self {
            Self::Left => Self::Right,
            Self::Right => Self::Left,
        }
    }
}

/// Why the verdict is what it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Reason {
    /// The bytes are equal (and hold no NaN, if values are compared).
    Identical,
    /// Every value is within the tolerance.
    WithinTolerance,
    /// Every value of the records that both have is within the tolerance; the others are ignored.
    Common {
        /// Records that both have, and that count.
        partners: u64,
        /// Others of the left one.
        left: u64,
        /// Others of the right one.
        right: u64,
    },
    /// A value is not; the worst one is given.
    Value,
    /// Another number of records.
    Rows {
        /// Of the left one.
        left: u64,
        /// Of the right one.
        right: u64,
    },
    /// Another number of values in a record, the first one where that is so.
    Columns {
        /// Of the left one, from 1.
        line: u64,
        /// Values in the left one.
        left: u64,
        /// Values in the right one.
        right: u64,
    },
    /// The headers name other columns; the first one that is another.
    Header {
        /// Number of the column, from 1.
        column: u64,
        /// Its name in the left one, escaped; empty if there is none.
        left: String,
        /// Its name in the right one.
        right: String,
    },
    /// Records at the same place have other names.
    Label {
        /// Of the left one, from 1.
        line: u64,
        /// Escaped.
        left: String,
        /// Escaped.
        right: String,
    },
    /// Records without a partner.
    Alone {
        /// In the left one.
        left: u64,
        /// In the right one.
        right: u64,
        /// The first of them.
        first: String,
    },
    /// Records without a partner are ignored, and too few others are left.
    FewPartners {
        /// Records that both have, and that count.
        found: u64,
        /// Declared, 1 at least.
        least: u64,
    },
    /// A histogram differs more than by chance; the one with the least probability.
    Statistics {
        /// Its path, escaped.
        histogram: String,
        /// The test, what it found, and the limit.
        what: String,
    },
    /// No histogram has an entry, so no test was made.
    Untested,
    /// Byte for byte: the first byte that differs.
    Bytes {
        /// From 0.
        offset: u64,
    },
    /// Byte for byte: another size.
    Length {
        /// In bytes.
        left: u64,
        /// In bytes.
        right: u64,
    },
    /// Byte for byte: equal size, other SHA-256. Too large to say where.
    Digest,
    /// One is no good output, whatever the other is.
    Malformed {
        /// Which.
        side: Side,
        /// Why.
        what: String,
    },
    /// One has a file that the other lacks.
    Missing {
        /// Which lacks it.
        side: Side,
    },
    /// A script says so.
    Script {
        /// Whether it said that they agree.
        agree: bool,
        /// What it wrote, cut.
        output: String,
    },
    /// One was not parsed as the spec wants it, so nothing was compared. A fault of the program.
    OtherSpec,
    /// It can't be said: reading failed, or a bound of this program was reached.
    CantSay {
        /// With which of the two, if it is one.
        side: Option<Side>,
        /// Why.
        what: String,
    },
}

impl Reason {
    /// What follows from it.
    pub const fn verdict(&self) -> Verdict {
        match self {
            Self::Identical
            | Self::WithinTolerance
            | Self::Common { .. }
            | Self::Script { agree: true, .. } => Verdict::Agree,
            Self::CantSay { .. } | Self::OtherSpec => Verdict::CantSay,
            _ => Verdict::Differ,
        }
    }

    pub(super) fn swapped(self) -> Self {
        match self {
            Self::Rows { left, right } => Self::Rows { left: right, right: left },
            Self::Columns { line, left, right } => Self::Columns { line, left: right, right: left },
            Self::Header { column, left, right } => Self::Header { column, left: right, right: left },
            Self::Label { line, left, right } => Self::Label { line, left: right, right: left },
            Self::Alone { left, right, first } => Self::Alone { left: right, right: left, first },
            Self::Common { partners, left, right } => Self::Common { partners, left: right, right: left },
            Self::Length { left, right } => Self::Length { left: right, right: left },
            Self::Malformed { side, what } => Self::Malformed { side: side.other(), what },
            Self::Missing { side } => Self::Missing { side: side.other() },
            Self::CantSay { side, what } => Self::CantSay { side: side.map(Side::other), what },
            symmetric => symmetric,
        }
    }
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Left => "left",
            Self::Right => "right",
        })
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Identical => write!(f, "identical"),
            Self::WithinTolerance => write!(f, "every value is within the tolerance"),
            Self::Common { partners, left, right } => {
                write!(f, "every value is within the tolerance in the {partners} rows that both have; ")?;
                write!(f, "{left} others of the left and {right} of the right are ignored")
            }
            Self::Value => write!(f, "a value is outside the tolerance"),
            Self::Rows { left, right } => write!(f, "{left} and {right} rows"),
            Self::Columns { line, left, right } => write!(f, "line {line} has {left} and {right} values"),
            Self::Header { column, left, right } if left.is_empty() || right.is_empty() => {
                let (which, name, other) =
                    if right.is_empty() { ("left", left, "right") } else { ("right", right, "left") };
                write!(
                    f,
                    "the {which} one has a column {column}, named `{name}`, and the {other} one has none"
                )
            }
            Self::Header { column, left, right } => {
                write!(f, "column {column} is named `{left}` and `{right}`")
            }
            Self::Label { line, left, right } => write!(f, "line {line} is `{left}` and `{right}`"),
            Self::Alone { left, right, first } => {
                write!(f, "{left} rows of the left and {right} of the right have no partner, first {first}")
            }
            Self::FewPartners { found: 0, .. } => write!(f, "no row has a partner, so nothing was compared"),
            Self::FewPartners { found, least } => {
                write!(f, "{found} rows have a partner, less than min_rows = {least}")
            }
            Self::Statistics { histogram, what } => write!(f, "histogram {histogram}: {what}"),
            Self::Untested => write!(f, "no histogram has an entry, so nothing was tested"),
            Self::Bytes { offset } => write!(f, "byte {offset} is another"),
            Self::Length { left, right } => write!(f, "{left} and {right} bytes"),
            Self::Digest => write!(f, "equal size, other content"),
            Self::Malformed { side, what } => write!(f, "the {side} one is no good output: {what}"),
            Self::Missing { side } => write!(f, "the {side} one lacks the file"),
            Self::Script { agree: true, .. } => write!(f, "the script says so"),
            Self::Script { agree: false, output } if output.is_empty() => write!(f, "the script says so"),
            Self::Script { agree: false, output } => write!(f, "the script says so: {output}"),
            Self::OtherSpec => write!(f, "nothing compared: parsed for another spec"),
            Self::CantSay { side: Some(side), what } => write!(f, "the {side} one {what}"),
            Self::CantSay { side: None, what } => write!(f, "{what}"),
        }
    }
}
