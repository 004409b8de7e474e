//! What was seen when two outputs were compared: for the rules, and for people. Text is escaped and cut by `compare`.

use compare::{Comparison, Deviation, Reason, Verdict};
use rules::quorum::Pair;

/// What was seen when two outputs were compared.
#[derive(Debug, Clone, PartialEq)]
pub struct Seen {
    /// For the rules.
    pub pair: Pair,
    /// Largest deviation in units of the tolerance; None: nothing deviates, or it is no number.
    pub deviation: Option<f64>,
    /// File and place where it is, or why there is none; empty when they are equal.
    pub place: String,
    /// What the left one has there, escaped.
    pub left: String,
    /// What the right one has there, escaped.
    pub right: String,
    /// Ask again later.
    pub later: bool,
}

impl Seen {
    /// Equal.
    #[must_use]
    pub fn equal() -> Self {
        Self {
            pair: Pair::EQUAL,
            deviation: None,
            place: String::new(),
            left: String::new(),
            right: String::new(),
            later: false,
        }
    }

    /// They differ, for a reason that is no value.
    #[must_use]
    pub fn differs(why: impl Into<String>) -> Self {
        Self { pair: Pair::Differs, place: why.into(), ..Self::equal() }
    }

    /// The comparison could not say, for a reason.
    #[must_use]
    pub fn unknown(why: impl Into<String>) -> Self {
        Self { pair: Pair::Unknown, place: why.into(), ..Self::equal() }
    }

    /// The comparison can't be made now, for a reason.
    #[must_use]
    pub fn later(why: impl Into<String>) -> Self {
        Self { later: true, ..Self::unknown(why) }
    }

    /// The same, seen from the other side.
    #[must_use]
    pub fn turned(self) -> Self {
        Self { left: self.right, right: self.left, ..self }
    }

    pub(super) fn of(file: &str, comparison: Comparison) -> Self {
        let pair = match comparison.verdict {
            Verdict::Agree => Pair::Agrees { deviation: comparison.units() },
            Verdict::Differ => Pair::Differs,
            Verdict::CantSay => return Self::unknown(format!("{file}: {}", comparison.reason)),
        };
        match (comparison.worst, comparison.reason) {
            (None, _) if comparison.verdict == Verdict::Agree => Self { pair, ..Self::equal() },
            // Where the worst value is why, or all agree.
            (
                Some(worst),
                Reason::Value
                | Reason::WithinTolerance
                | Reason::Common { .. }
                | Reason::Identical
                | Reason::Bytes { .. }
                | Reason::Length { .. }
                | Reason::Digest,
            ) => Self::at(pair, format!("{file}, {}", place(&worst)), worst),
            (Some(worst), reason @ Reason::Statistics { .. }) => {
                Self::at(pair, format!("{file}: {reason}"), worst)
            }
            (_, reason) => Self::differs(format!("{file}: {reason}")),
        }
    }

    fn at(pair: Pair, place: String, worst: Deviation) -> Self {
        let deviation = Some(worst.in_tolerance_units).filter(|units| units.is_finite());
        Self { pair, deviation, place, left: worst.left, right: worst.right, later: false }
    }
}

/// Where it is, by its name if it has one, and by which rule.
fn place(worst: &Deviation) -> String {
    let name = worst.name.as_ref().map_or_else(String::new, |name| format!(" ({name})"));
    format!("line {}, column {}{name}, by rule: {}", worst.line, worst.column, worst.rule)
}
