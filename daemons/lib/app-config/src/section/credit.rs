//! `[credit]`: what a valid result is paid at validation.

use crate::pending::CreditMode;
use serde::{Deserialize, Serialize};

use super::Report;

/// BOINC's largest credit of one result: 200 cobblestones a day, 1000 GFLOPS, for 365 days.
pub const DEFAULT_MAX_GRANTED_CREDIT: f64 = 200.0 * 1000.0 * 365.0;

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
            max_granted_credit: DEFAULT_MAX_GRANTED_CREDIT,
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
