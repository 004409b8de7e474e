//! What a set of decisions changes in the rows of hosts, users, teams and version statistics: decided by the
//! rules, written by the store.
//!
//! Totals change by a difference (other programs add to them too); averages and counters are new values, computed
//! from rows that the transaction has locked. Rows come in the order of their keys, so that two writers lock in
//! the same order.

use crate::id::{AppId, HostAppVersionId, HostId, TeamId, UserId};
use crate::record::HostAppVersion;

/// Columns of one row of `host`.
#[derive(Debug, Clone, PartialEq)]
pub struct HostChange {
    #[allow(missing_docs)]
    pub id: HostId,
    /// `total_credit = total_credit + delta_total`
    pub delta_total: f64,
    /// New value.
    pub expavg_credit: f64,
    /// New value.
    pub expavg_time: f64,
    /// New value, when it changed.
    pub avg_turnaround: Option<f64>,
}

/// Columns of one row of `user` or `team`.
#[derive(Debug, Clone, PartialEq)]
pub struct TotalChange<Id> {
    #[allow(missing_docs)]
    pub id: Id,
    /// `total_credit = total_credit + delta_total`
    pub delta_total: f64,
    /// New value.
    pub expavg_credit: f64,
    /// New value.
    pub expavg_time: f64,
}

/// Columns of one row of `credit_user` or `credit_team`. `credit_type` is 0 for rows to be created.
#[derive(Debug, Clone, PartialEq)]
pub struct ByAppChange<Id> {
    #[allow(missing_docs)]
    pub owner: Id,
    #[allow(missing_docs)]
    pub appid: AppId,
    /// `njobs = njobs + delta_jobs`
    pub delta_jobs: i32,
    /// `total = total + delta_total`
    pub delta_total: f64,
    /// New value.
    pub expavg: f64,
    /// New value.
    pub expavg_time: f64,
    /// 0 for rows that this toolkit made.
    pub credit_type: i32,
    /// The row did not exist when it was loaded. Another writer may have made it since: insert, or add to it.
    pub created: bool,
}

/// One row of `host_app_version`.
///
/// A row can have moved to another version (the books takes an older version's row over), even onto a key that
/// another row left in the same batch. Take all rows with a `from` away (or rename them aside) before the new
/// rows go in.
#[derive(Debug, Clone, PartialEq)]
pub struct HostAppVersionChange {
    /// Key of the row when it was loaded; None = to be created.
    pub from: Option<HostAppVersionId>,
    /// The whole row as it shall be; its key may differ from `from`.
    pub row: HostAppVersion,
}

/// All that changed since loading.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Changes {
    #[allow(missing_docs)]
    pub hosts: Vec<HostChange>,
    #[allow(missing_docs)]
    pub users: Vec<TotalChange<UserId>>,
    #[allow(missing_docs)]
    pub teams: Vec<TotalChange<TeamId>>,
    #[allow(missing_docs)]
    pub credit_users: Vec<ByAppChange<UserId>>,
    #[allow(missing_docs)]
    pub credit_teams: Vec<ByAppChange<TeamId>>,
    #[allow(missing_docs)]
    pub host_app_versions: Vec<HostAppVersionChange>,
}

impl Changes {
    /// True when there is nothing to write.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self == &Self::default()
    }
}
