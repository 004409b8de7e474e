//! `[credit]`: what a valid result is paid at validation.

use rules::credit::{CreditMode, MAX_GRANTED_CREDIT};
use serde::{Deserialize, Serialize};

use super::Report;

/// What a valid result is paid at validation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Credit {
    /// How the amount is found.
    pub mode: CreditMode,
    /// No result is granted more, in cobblestones.
    pub max_granted_credit: f64,
    /// Whether `credited_job` rows are written.
    pub update_credited_job: bool,
}

impl Default for Credit {
    fn default() -> Self {
        Self {
            mode: CreditMode::default(),
            max_granted_credit: MAX_GRANTED_CREDIT,
            update_credited_job: false,
        }
    }
}

impl Credit {
    pub(crate) fn check(&self, report: &mut Report<'_>) {
        let max = self.max_granted_credit;
        if !max.is_finite() || max <= 0.0 {
            report(
                "max_granted_credit",
                format!(
                    "is {max}, but must be a finite number above 0; to pay nothing write mode = \"none\""
                ),
            );
        }
    }
}
