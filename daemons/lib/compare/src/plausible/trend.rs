//! Whether a column rises or falls.

use serde::{Deserialize, Serialize};

/// How a column must go, from record to record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trend {
    /// As it likes.
    #[default]
    Any,
    /// No value below the one before.
    Rising,
    /// Every value above the one before.
    StrictlyRising,
    /// No value above the one before.
    Falling,
    /// Every value below the one before.
    StrictlyFalling,
}

impl Trend {
    /// Whether `value` may follow `before`.
    pub fn takes(self, before: f64, value: f64) -> bool {
        match self {
            Self::Any => true,
            Self::Rising => value >= before,
            Self::StrictlyRising => value > before,
            Self::Falling => value <= before,
            Self::StrictlyFalling => value < before,
        }
    }

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Any => "any",
            Self::Rising => "rising",
            Self::StrictlyRising => "strictly rising",
            Self::Falling => "falling",
            Self::StrictlyFalling => "strictly falling",
        }
    }
}
