//! What it means when an output breaks a check, and what was found in one output.

use serde::{Deserialize, Serialize};

use crate::source::Malformed;

/// What it means when an output breaks a check of plausibility.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// It is no good output.
    #[default]
    Malformed,
    /// It is odd: more others shall confirm it.
    Suspicious,
}

/// The first faults of one output.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Faults {
    /// It is no good output.
    pub(crate) fault: Option<Malformed>,
    /// It is odd.
    pub(crate) oddity: Option<Malformed>,
}

impl Faults {
    /// Takes note of a broken check; the first one of each kind is kept.
    pub(crate) fn add(&mut self, severity: Severity, what: Malformed) {
        let place = match severity {
            Severity::Malformed => &mut self.fault,
            Severity::Suspicious => &mut self.oddity,
        };
        place.get_or_insert(what);
    }

    /// Another one of this kind would not be kept.
    pub(crate) const fn has(&self, severity: Severity) -> bool {
        match severity {
            Severity::Malformed => self.fault.is_some(),
            Severity::Suspicious => self.oddity.is_some(),
        }
    }
}
