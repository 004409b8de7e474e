//! What a set of decisions changes in the rows of hosts, users, teams and version statistics: decided by the
//! rules, written by the store.
//!
//! Totals change by a difference (other programs add to them too); averages and counters are new values, computed
//! from rows that the transaction has locked.

use crate::id::{AppId, AppVersionId, HostId, TeamId, UserId};
use crate::record::HostAppVersion;

/// A row of `host`.
#[derive(Debug, Clone, PartialEq)]
pub struct HostChange {
    #[allow(missing_docs)]
    pub id: HostId,
    /// Added to `total_credit`.
    pub credit: f64,
    #[allow(missing_docs)]
    pub expavg_credit: f64,
    #[allow(missing_docs)]
    pub expavg_time: f64,
    #[allow(missing_docs)]
    pub avg_turnaround: f64,
}

/// A row of `user`.
#[derive(Debug, Clone, PartialEq)]
pub struct UserChange {
    #[allow(missing_docs)]
    pub id: UserId,
    /// Added to `total_credit`.
    pub credit: f64,
    #[allow(missing_docs)]
    pub expavg_credit: f64,
    #[allow(missing_docs)]
    pub expavg_time: f64,
}

/// A row of `team`.
#[derive(Debug, Clone, PartialEq)]
pub struct TeamChange {
    #[allow(missing_docs)]
    pub id: TeamId,
    /// Added to `total_credit`.
    pub credit: f64,
    #[allow(missing_docs)]
    pub expavg_credit: f64,
    #[allow(missing_docs)]
    pub expavg_time: f64,
}

/// A row of `credit_user` or `credit_team`.
#[derive(Debug, Clone, PartialEq)]
pub struct ByAppChange {
    /// `userid` or `teamid`
    pub owner: i32,
    #[allow(missing_docs)]
    pub appid: AppId,
    /// The row was not there.
    pub created: bool,
    /// Added to `njobs`.
    pub njobs: i32,
    /// Added to `total`.
    pub credit: f64,
    #[allow(missing_docs)]
    pub expavg: f64,
    #[allow(missing_docs)]
    pub expavg_time: f64,
}

/// A row of `host_app_version`.
#[derive(Debug, Clone, PartialEq)]
pub struct HostAppVersionChange {
    /// What stands in the database; `None`: the row is new.
    pub old: Option<HostAppVersion>,
    /// What shall stand there.
    pub new: HostAppVersion,
}

/// Statistics of a row of `app_version`.
#[derive(Debug, Clone, PartialEq)]
pub struct AppVersionChange {
    #[allow(missing_docs)]
    pub id: AppVersionId,
    /// `pfc_n`, `pfc_avg` that the new ones were computed from: the row is changed only if they still stand there.
    pub old_pfc: (f64, f64),
    #[allow(missing_docs)]
    pub pfc_n: f64,
    #[allow(missing_docs)]
    pub pfc_avg: f64,
    #[allow(missing_docs)]
    pub expavg_credit: f64,
    #[allow(missing_docs)]
    pub expavg_time: f64,
}

/// All of it, each list by id.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Changes {
    #[allow(missing_docs)]
    pub hosts: Vec<HostChange>,
    #[allow(missing_docs)]
    pub users: Vec<UserChange>,
    #[allow(missing_docs)]
    pub teams: Vec<TeamChange>,
    #[allow(missing_docs)]
    pub credit_users: Vec<ByAppChange>,
    #[allow(missing_docs)]
    pub credit_teams: Vec<ByAppChange>,
    #[allow(missing_docs)]
    pub host_app_versions: Vec<HostAppVersionChange>,
    #[allow(missing_docs)]
    pub app_versions: Vec<AppVersionChange>,
}
