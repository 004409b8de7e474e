//! Looking up, taking over and writing back rows of `host_app_version`, as stock does.
//!
//! Stock works on a private copy of the row and writes the copy back by its key. Two things follow that show
//! in the numbers, and are kept: two results of one host and version in one workunit write over each other's
//! statistics, and a row that was just taken over keeps its old key in the copy, so its first result's
//! statistics are lost.

use boinc::id::{AppVersionId, HostAppVersionId, HostId};
use boinc::record::{AppVersion, HostAppVersion};

use super::{Books, HostAppVersionChange};
use crate::average::{Running, RunningVar};

/// A row, with what it was when it was loaded.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Slot {
    row: HostAppVersion,
    /// None = created here.
    loaded: Option<HostAppVersion>,
}

impl Slot {
    pub(super) fn loaded(row: HostAppVersion) -> Self {
        Self { loaded: Some(row.clone()), row }
    }

    pub(super) fn change(&self) -> Option<HostAppVersionChange> {
        (self.loaded.as_ref() != Some(&self.row)).then(|| HostAppVersionChange {
            from: self.loaded.as_ref().map(|loaded| loaded.app_version_id),
            row: self.row.clone(),
        })
    }
}

/// A private copy of a row's statistics, and the key that stock would write it back by.
#[derive(Debug, Clone, PartialEq)]
pub struct Statistics {
    #[allow(missing_docs)]
    pub host_id: HostId,
    /// The key of the row that was found.
    pub app_version_id: HostAppVersionId,
    /// Average of raw PFC / rsc_fpops_est.
    pub pfc: Running,
    /// Average of elapsed_time / rsc_fpops_est.
    pub et: RunningVar,
    /// Average seconds from sending to reporting.
    pub turnaround: RunningVar,
    /// Valid results in a row.
    pub consecutive_valid: i32,
    /// Daily quota.
    pub max_jobs_per_day: i32,
}

impl Statistics {
    fn of(row: &HostAppVersion) -> Self {
        Self {
            host_id: row.host_id,
            app_version_id: row.app_version_id,
            pfc: Running { n: row.pfc_n, avg: row.pfc_avg },
            et: RunningVar { n: row.et_n, avg: row.et_avg, var: row.et_var, q: row.et_q },
            turnaround: RunningVar {
                n: row.turnaround_n,
                avg: row.turnaround_avg,
                var: row.turnaround_var,
                q: row.turnaround_q,
            },
            consecutive_valid: row.consecutive_valid,
            max_jobs_per_day: row.max_jobs_per_day,
        }
    }

    /// A valid result: daily quota + 1; one more valid in a row unless the workunit is unreplicated.
    /// Source: `is_valid` in `sched/validator.cpp`.
    pub fn count_valid(&mut self, unreplicated: bool) {
        self.max_jobs_per_day = self.max_jobs_per_day.saturating_add(1);
        if !unreplicated {
            self.consecutive_valid = self.consecutive_valid.saturating_add(1);
        }
    }

    /// An invalid result: none valid in a row; daily quota − 1 if above `daily_result_quota`.
    /// Source: `is_invalid` in `sched/validator.cpp`.
    pub fn count_invalid(&mut self, daily_result_quota: i32) {
        self.consecutive_valid = 0;
        if self.max_jobs_per_day > daily_result_quota {
            self.max_jobs_per_day = self.max_jobs_per_day.saturating_sub(1);
        }
    }
}

fn same_kind(a: &AppVersion, b: &AppVersion) -> bool {
    a.appid == b.appid && a.platformid == b.platformid && a.plan_class == b.plan_class
}

impl Books {
    /// The row that a result of `host` counts in (see [`HostAppVersionId::of_result`]).
    ///
    /// Found: a copy of it. Else, when `version` is no row of `app_version` (an anonymous platform, a deleted
    /// version): None, no row is made. Else the host's row of the same app, platform and plan class with the
    /// highest version number is taken over: its key becomes `version`. Else a row of zeros is made.
    /// Source: `hav_lookup` in `sched/credit.cpp`.
    pub fn look_up(&mut self, host: HostId, version: HostAppVersionId) -> Option<Statistics> {
        if let Some(slot) = self.host_app_versions.get(&(host, version)) {
            return Some(Statistics::of(&slot.row));
        }
        let wanted = self.versions.get(AppVersionId(version.0))?;
        let everything = HostAppVersionId(i32::MIN)..=HostAppVersionId(i32::MAX);
        let mut best: Option<(&AppVersion, HostAppVersionId)> = None;
        for ((_, id), _) in
            self.host_app_versions.range((host, *everything.start())..=(host, *everything.end()))
        {
            let Some(other) = self.versions.get(AppVersionId(id.0)).filter(|other| same_kind(wanted, other))
            else {
                continue;
            };
            if best.is_none_or(|(best, _)| other.version_num > best.version_num) {
                best = Some((other, *id));
            }
        }
        let taken = best.and_then(|(_, id)| self.host_app_versions.remove(&(host, id)));
        let (copy, slot) = match taken {
            Some(mut slot) => {
                let copy = Statistics::of(&slot.row);
                slot.row.app_version_id = version;
                (copy, slot)
            }
            None => {
                let row = empty(host, version);
                (Statistics::of(&row), Slot { row, loaded: None })
            }
        };
        self.host_app_versions.insert((host, version), slot);
        Some(copy)
    }

    /// Writes a copy back by its key, if it differs from `before`; nothing happens when no row has that key
    /// (any more). `n_jobs_today` belongs to the scheduler and stays.
    /// Source: `DB_HOST_APP_VERSION::update_validator` in `db/boinc_db.cpp`.
    pub fn write_back(&mut self, copy: &Statistics, before: &Statistics) {
        if copy == before {
            return;
        }
        let Some(slot) = self.host_app_versions.get_mut(&(copy.host_id, copy.app_version_id)) else { return };
        let row = &mut slot.row;
        (row.pfc_n, row.pfc_avg) = (copy.pfc.n, copy.pfc.avg);
        (row.et_n, row.et_avg, row.et_var, row.et_q) = (copy.et.n, copy.et.avg, copy.et.var, copy.et.q);
        row.turnaround_n = copy.turnaround.n;
        row.turnaround_avg = copy.turnaround.avg;
        row.turnaround_var = copy.turnaround.var;
        row.turnaround_q = copy.turnaround.q;
        row.consecutive_valid = copy.consecutive_valid;
        row.max_jobs_per_day = copy.max_jobs_per_day;
    }

    /// The row as it stands now.
    #[must_use]
    pub fn host_app_version(&self, host: HostId, version: HostAppVersionId) -> Option<&HostAppVersion> {
        self.host_app_versions.get(&(host, version)).map(|slot| &slot.row)
    }
}

fn empty(host_id: HostId, app_version_id: HostAppVersionId) -> HostAppVersion {
    HostAppVersion {
        host_id,
        app_version_id,
        pfc_n: 0.0,
        pfc_avg: 0.0,
        et_n: 0.0,
        et_avg: 0.0,
        et_var: 0.0,
        et_q: 0.0,
        max_jobs_per_day: 0,
        n_jobs_today: 0,
        turnaround_n: 0.0,
        turnaround_avg: 0.0,
        turnaround_var: 0.0,
        turnaround_q: 0.0,
        consecutive_valid: 0,
    }
}
