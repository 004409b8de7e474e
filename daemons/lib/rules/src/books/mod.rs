//! A working copy of rows that a transaction has locked, and what changed in them.
//!
//! The caller locks and loads every row that a batch may touch, lets [`Books::grant`] and [`crate::judge`]
//! work on the copy, and writes [`Books::changes`] in bulk before it commits. A row that is not in the books
//! does not exist in the database: load completely.
//!
//! Invariant: `delta_total` of a change is the sum of the grants to that row since it was loaded, so that
//! `total_credit = total_credit + delta` is right also where another writer added in between; the averages
//! are new absolute values, which is why the rows are locked. Killed before the commit, nothing happened.

mod accounts;
mod changes;
mod host_app_version;
mod take_back;
mod versions;

use std::collections::BTreeMap;

use boinc::id::{AppId, HostAppVersionId, HostId, TeamId, UserId};
use boinc::record::{CreditByApp, Host, HostAppVersion, Team, User};

use crate::uptime::HostDays;

use accounts::{Account, AppAccount, Grant};
pub use changes::{ByAppChange, Changes, HostAppVersionChange, HostChange, TotalChange};
pub use host_app_version::Statistics;
pub use versions::{VersionSamples, Versions};

/// Credit can't be granted.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum BooksError {
    /// The host row is not in the books.
    #[error("host {0} has no row: it was deleted, or the caller did not load it; nothing was granted")]
    NoHost(HostId),
    /// Credit is infinite or not a number.
    #[error(
        "credit {credit} for host {host} is no number; look at the result's elapsed_time and flops_estimate"
    )]
    NotFinite {
        /// Who was to get it.
        host: HostId,
        /// What it was to get.
        credit: f64,
    },
}

/// Who got credit, or gives it back. An id of 0 means that there is none, or that its row is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Payee {
    #[allow(missing_docs)]
    pub host: HostId,
    /// Owner of the host.
    pub user: UserId,
    /// Team of that user.
    pub team: TeamId,
    /// Whose rows of `credit_user` and `credit_team` gained, too.
    pub by_app: Option<(UserId, TeamId)>,
}

/// Also count a grant per application (config.xml: `credit_by_app`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ByApp {
    #[allow(missing_docs)]
    pub app: AppId,
    /// Whose rows: stock takes `result.userid` and `result.teamid` (0 too), not the host's owner.
    /// None takes the host's owner and that user's team, also where their rows are missing.
    pub owner: Option<(UserId, TeamId)>,
    /// Added to `njobs`: 1 for a validated result, as stock does; 0 for part payments.
    pub jobs: i32,
}

/// The working copy. See the module's documentation.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Books {
    hosts: BTreeMap<HostId, (Account<Host>, f64)>,
    users: BTreeMap<UserId, Account<User>>,
    teams: BTreeMap<TeamId, Account<Team>>,
    by_user: BTreeMap<(UserId, AppId), AppAccount>,
    by_team: BTreeMap<(TeamId, AppId), AppAccount>,
    host_app_versions: BTreeMap<(HostId, HostAppVersionId), host_app_version::Slot>,
    days: BTreeMap<HostId, HostDays>,
    versions: Versions,
}

impl Books {
    /// Empty books over `versions`, which outlive one transaction: see [`Versions`].
    #[must_use]
    pub fn new(versions: Versions) -> Self {
        Self { versions, ..Self::default() }
    }

    /// Closes the books and hands the versions, with the samples collected, to the next batch of the pass.
    #[must_use]
    pub fn into_versions(self) -> Versions {
        self.versions
    }

    /// App versions and the samples collected.
    #[must_use]
    pub fn versions(&self) -> &Versions {
        &self.versions
    }

    pub(crate) fn versions_mut(&mut self) -> &mut Versions {
        &mut self.versions
    }

    /// Loads a row of `host`.
    pub fn add_host(&mut self, row: Host) {
        let turnaround = row.avg_turnaround;
        self.hosts.insert(row.id, (Account::new(row), turnaround));
    }

    /// Loads a row of `user`.
    pub fn add_user(&mut self, row: User) {
        self.users.insert(row.id, Account::new(row));
    }

    /// Loads a row of `team`.
    pub fn add_team(&mut self, row: Team) {
        self.teams.insert(row.id, Account::new(row));
    }

    /// Loads a row of `credit_user` (`owner` is the user).
    pub fn add_credit_user(&mut self, row: CreditByApp) {
        self.by_user.insert((UserId(row.owner), row.appid), AppAccount::loaded(row));
    }

    /// Loads a row of `credit_team` (`owner` is the team).
    pub fn add_credit_team(&mut self, row: CreditByApp) {
        self.by_team.insert((TeamId(row.owner), row.appid), AppAccount::loaded(row));
    }

    /// Loads a row of `host_app_version`. Load all rows of a host that occurs in the batch: a missing row is
    /// made from an older version's.
    pub fn add_host_app_version(&mut self, row: HostAppVersion) {
        self.host_app_versions.insert((row.host_id, row.app_version_id), host_app_version::Slot::loaded(row));
    }

    /// Loads what the days of a host have paid in the application that is judged. One without is not capped.
    pub fn add_host_days(&mut self, host: HostId, days: HostDays) {
        self.days.insert(host, days);
    }

    /// The days of hosts as they stand now, those that were loaded.
    pub fn host_days(&self) -> impl Iterator<Item = (HostId, &HostDays)> {
        self.days.iter().map(|(host, days)| (*host, days))
    }

    /// Takes up to `seconds` out of those days of a host; how many it could take.
    pub(crate) fn take_from_days(
        &mut self,
        host: HostId,
        days: std::ops::RangeInclusive<i32>,
        seconds: f64,
    ) -> f64 {
        self.days.get_mut(&host).map_or(seconds, |own| own.take(days, seconds))
    }

    /// The host as it stands now.
    #[must_use]
    pub fn host(&self, id: HostId) -> Option<&Host> {
        self.hosts.get(&id).map(|(account, _)| &account.row)
    }

    /// The user as it stands now.
    #[must_use]
    pub fn user(&self, id: UserId) -> Option<&User> {
        self.users.get(&id).map(|account| &account.row)
    }

    /// The team as it stands now.
    #[must_use]
    pub fn team(&self, id: TeamId) -> Option<&Team> {
        self.teams.get(&id).map(|account| &account.row)
    }

    /// Grants `credit` (cobblestones; 0 only brings the averages up to date; negative takes it from who would get it) for
    /// work begun at `start_of_work`, at time `now` (Unix seconds). To take back what others were paid:
    /// [`Books::take_back`].
    ///
    /// The host, its owner (`host.userid`) and the owner's team (`user.teamid`) each get total_credit += credit
    /// and the recent average of [`crate::average::Recent::with_work`], not below 0 when credit is taken back. A missing
    /// user ends it after the host, a missing team after the user, without error. Then `by_app`, whether or not the user was found; rows are created with
    /// expavg_time = now. Source: `grant_credit`, `grant_credit_by_app` in `sched/credit.cpp`.
    ///
    /// # Errors
    /// No such host; credit is no number. Nothing was changed then.
    pub fn grant(
        &mut self,
        host: HostId,
        credit: f64,
        start_of_work: f64,
        now: f64,
        by_app: Option<ByApp>,
    ) -> Result<Payee, BooksError> {
        if !credit.is_finite() {
            return Err(BooksError::NotFinite { host, credit });
        }
        let (account, _) = self.hosts.get_mut(&host).ok_or(BooksError::NoHost(host))?;
        let grant = Grant { credit, start_of_work, now };
        let mut payee = Payee { host, user: UserId(0), team: TeamId(0), by_app: None };
        let mut members = (account.row.userid, TeamId(0));
        account.add(grant);
        if let Some(user) = self.users.get_mut(&account.row.userid) {
            payee.user = user.row.id;
            user.add(grant);
            let teamid = user.row.teamid;
            members.1 = teamid;
            if let Some(team) = self.teams.get_mut(&teamid).filter(|_| teamid != TeamId(0)) {
                payee.team = teamid;
                team.add(grant);
            }
        }
        if let Some(ByApp { app, owner, jobs }) = by_app {
            let (user, team) = owner.unwrap_or(members);
            payee.by_app = Some((user, team));
            self.by_user
                .entry((user, app))
                .or_insert_with(|| AppAccount::created(user.0, app, now))
                .add(grant, jobs);
            self.by_team
                .entry((team, app))
                .or_insert_with(|| AppAccount::created(team.0, app, now))
                .add(grant, jobs);
        }
        Ok(payee)
    }

    /// Counts a turnaround (seconds from sending to reporting) in `host.avg_turnaround`:
    /// 0.7·old + 0.3·turnaround; old 0 → the turnaround. Source: `compute_avg_turnaround` in
    /// `sched/sched_util.cpp`. False when the host has no row.
    pub fn count_turnaround(&mut self, host: HostId, turnaround: f64) -> bool {
        let Some((account, _)) = self.hosts.get_mut(&host) else { return false };
        let old = account.row.avg_turnaround;
        account.row.avg_turnaround = if old == 0.0 { turnaround } else { 0.7 * old + 0.3 * turnaround };
        true
    }
}

#[cfg(test)]
mod tests;
