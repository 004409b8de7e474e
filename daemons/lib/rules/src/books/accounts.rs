//! One total with its recent average, and the sum of what was granted to it.

use boinc::id::AppId;
use boinc::record::{CreditByApp, Host, Team, User};

use crate::average::Recent;

/// What is granted; negative = taken back.
#[derive(Debug, Clone, Copy)]
pub(super) struct Grant {
    /// Cobblestones.
    pub(super) credit: f64,
    /// Unix seconds.
    pub(super) start_of_work: f64,
    /// Unix seconds.
    pub(super) now: f64,
}

impl Grant {
    /// The recent average afterwards. Taking back can't make it negative: what is taken may have been granted long ago,
    /// and weighs more now than it did.
    fn recent(self, avg: f64, time: f64) -> Recent {
        let new = Recent { avg, time }.with_work(self.now, self.start_of_work, self.credit);
        Recent { avg: if self.credit < 0.0 { new.avg.max(0.0) } else { new.avg }, ..new }
    }
}

/// A row with total_credit, expavg_credit and expavg_time.
pub(super) trait Totals {
    fn totals(&mut self) -> (&mut f64, &mut f64, &mut f64);
}

macro_rules! totals {
    ($($row:ty),*) => {$(
        impl Totals for $row {
            fn totals(&mut self) -> (&mut f64, &mut f64, &mut f64) {
                (&mut self.total_credit, &mut self.expavg_credit, &mut self.expavg_time)
            }
        }
    )*};
}

totals!(Host, User, Team);

/// A row with the sum of what was granted to it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Account<T> {
    pub(super) row: T,
    pub(super) delta: f64,
    pub(super) touched: bool,
}

impl<T: Totals> Account<T> {
    pub(super) fn new(row: T) -> Self {
        Self { row, delta: 0.0, touched: false }
    }

    pub(super) fn add(&mut self, grant: Grant) {
        let (total, avg, time) = self.row.totals();
        let new = grant.recent(*avg, *time);
        (*avg, *time) = (new.avg, new.time);
        *total += grant.credit;
        self.delta += grant.credit;
        self.touched = true;
    }
}

/// A row of `credit_user` or `credit_team`.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct AppAccount {
    pub(super) row: CreditByApp,
    pub(super) delta: f64,
    pub(super) delta_jobs: i32,
    pub(super) created: bool,
    pub(super) touched: bool,
}

impl AppAccount {
    pub(super) fn loaded(row: CreditByApp) -> Self {
        Self { row, delta: 0.0, delta_jobs: 0, created: false, touched: false }
    }

    pub(super) fn created(owner: i32, appid: AppId, now: f64) -> Self {
        let row =
            CreditByApp { owner, appid, njobs: 0, total: 0.0, expavg: 0.0, expavg_time: now, credit_type: 0 };
        Self { row, delta: 0.0, delta_jobs: 0, created: true, touched: true }
    }

    pub(super) fn add(&mut self, grant: Grant, jobs: i32) {
        let new = grant.recent(self.row.expavg, self.row.expavg_time);
        self.row.expavg = new.avg;
        self.row.expavg_time = new.time;
        self.row.total += grant.credit;
        self.row.njobs = self.row.njobs.saturating_add(jobs);
        self.delta += grant.credit;
        self.delta_jobs = self.delta_jobs.saturating_add(jobs);
        self.touched = true;
    }
}
