//! How to judge.

use boinc::record::App;
use serde::{Deserialize, Serialize};

use crate::credit::{CreditMode, MAX_GRANTED_CREDIT};
use crate::uptime::UptimePolicy;

/// Whose results confirm each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Independence {
    /// Any two, as in stock.
    #[default]
    Results,
    /// Those of two hosts.
    Hosts,
    /// Those of two users.
    Users,
}

/// How to judge.
#[derive(Debug, Clone)]
pub struct Options<'a> {
    /// The app's row.
    pub app: &'a App,
    #[allow(missing_docs)]
    pub credit_mode: CreditMode,
    /// Most that a result gets, cobblestones; 0 = no limit.
    pub max_granted_credit: f64,
    /// Make `credited_job` rows.
    pub update_credited_job: bool,
    /// config.xml: `daily_result_quota`.
    pub daily_result_quota: i32,
    /// config.xml: `credit_by_app`.
    pub credit_by_app: bool,
    /// Bounds of uptime, for [`CreditMode::Uptime`], and what becomes of what an invalid result was paid.
    pub uptime: UptimePolicy,
    /// Whose results confirm each other.
    pub independence: Independence,
    /// What min_quorum is raised to where a result is suspicious.
    pub suspicious_quorum: i32,
    /// A late result that can't be compared any more is paid as the canonical one.
    pub pay_too_late: bool,
    /// Unix seconds.
    pub now: f64,
}

impl<'a> Options<'a> {
    /// Stock's defaults.
    #[must_use]
    pub fn new(app: &'a App, daily_result_quota: i32, now: f64) -> Self {
        Self {
            app,
            credit_mode: CreditMode::Adaptive,
            max_granted_credit: MAX_GRANTED_CREDIT,
            update_credited_job: false,
            daily_result_quota,
            credit_by_app: false,
            uptime: UptimePolicy::default(),
            independence: Independence::Results,
            suspicious_quorum: app.target_nresults.saturating_abs().max(2),
            pay_too_late: false,
            now,
        }
    }
}
