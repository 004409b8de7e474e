//! Rows as they come from the database, and their decoding into BOINC's records.

use boinc::id::{
    AppId, AppVersionId, HostAppVersionId, HostId, PlatformId, ResultId, TeamId, UserId, WorkunitId,
};
use boinc::record;
use diesel::prelude::*;

use crate::error::BadRow;
use crate::schema::boinc as t;

fn bad(table: &'static str, id: i32) -> impl Fn(boinc::state::UnknownState) -> BadRow {
    move |problem| BadRow { table, id: i64::from(id), problem: problem.to_string() }
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = t::app)]
pub(crate) struct App {
    id: i32,
    name: String,
    target_nresults: i16,
    min_avg_pfc: f64,
    host_scale_check: i8,
}

impl From<App> for record::App {
    fn from(r: App) -> Self {
        Self {
            id: AppId(r.id),
            name: r.name,
            target_nresults: r.target_nresults.into(),
            min_avg_pfc: r.min_avg_pfc,
            host_scale_check: r.host_scale_check != 0,
        }
    }
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = t::app_version)]
pub(crate) struct AppVersion {
    id: i32,
    appid: i32,
    version_num: i32,
    platformid: i32,
    plan_class: String,
    pfc_n: f64,
    pfc_avg: f64,
    pfc_scale: f64,
    expavg_credit: f64,
    expavg_time: f64,
}

impl From<AppVersion> for record::AppVersion {
    fn from(r: AppVersion) -> Self {
        Self {
            id: AppVersionId(r.id),
            appid: AppId(r.appid),
            version_num: r.version_num,
            platformid: PlatformId(r.platformid),
            plan_class: r.plan_class,
            pfc_n: r.pfc_n,
            pfc_avg: r.pfc_avg,
            pfc_scale: r.pfc_scale,
            expavg_credit: r.expavg_credit,
            expavg_time: r.expavg_time,
        }
    }
}

#[derive(Queryable, QueryableByName, Selectable)]
#[diesel(table_name = t::workunit)]
pub(crate) struct Workunit {
    id: i32,
    create_time: i32,
    appid: i32,
    name: String,
    batch: i32,
    rsc_fpops_est: f64,
    rsc_fpops_bound: f64,
    need_validate: i16,
    canonical_resultid: i32,
    canonical_credit: f64,
    transition_time: i32,
    error_mask: i32,
    assimilate_state: i32,
    opaque: f64,
    min_quorum: i32,
    target_nresults: i32,
    max_error_results: i32,
    max_total_results: i32,
    max_success_results: i32,
}

impl Workunit {
    pub(crate) const fn id(&self) -> i32 {
        self.id
    }
}

impl TryFrom<Workunit> for record::Workunit {
    type Error = BadRow;
    fn try_from(r: Workunit) -> Result<Self, BadRow> {
        Ok(Self {
            id: WorkunitId(r.id),
            create_time: r.create_time,
            appid: AppId(r.appid),
            name: r.name,
            batch: r.batch,
            rsc_fpops_est: r.rsc_fpops_est,
            rsc_fpops_bound: r.rsc_fpops_bound,
            need_validate: r.need_validate.into(),
            canonical_resultid: ResultId(r.canonical_resultid),
            canonical_credit: r.canonical_credit,
            transition_time: r.transition_time,
            error_mask: r.error_mask,
            assimilate_state: r.assimilate_state.try_into().map_err(bad("workunit", r.id))?,
            opaque: r.opaque,
            min_quorum: r.min_quorum,
            target_nresults: r.target_nresults,
            max_error_results: r.max_error_results,
            max_total_results: r.max_total_results,
            max_success_results: r.max_success_results,
        })
    }
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = t::result)]
pub(crate) struct ResultRow {
    id: i32,
    create_time: i32,
    workunitid: i32,
    server_state: i32,
    outcome: i32,
    hostid: i32,
    userid: i32,
    report_deadline: i32,
    sent_time: i32,
    received_time: i32,
    name: String,
    cpu_time: f64,
    validate_state: i32,
    claimed_credit: f64,
    granted_credit: f64,
    opaque: f64,
    random: i32,
    appid: i32,
    exit_status: i32,
    teamid: i32,
    elapsed_time: f64,
    flops_estimate: f64,
    app_version_id: i32,
    runtime_outlier: i8,
}

impl TryFrom<ResultRow> for record::ResultRow {
    type Error = BadRow;
    fn try_from(r: ResultRow) -> Result<Self, BadRow> {
        Ok(Self {
            id: ResultId(r.id),
            create_time: r.create_time,
            workunitid: WorkunitId(r.workunitid),
            appid: AppId(r.appid),
            name: r.name,
            server_state: r.server_state.try_into().map_err(bad("result", r.id))?,
            outcome: r.outcome.try_into().map_err(bad("result", r.id))?,
            validate_state: r.validate_state.try_into().map_err(bad("result", r.id))?,
            hostid: HostId(r.hostid),
            userid: UserId(r.userid),
            teamid: TeamId(r.teamid),
            sent_time: r.sent_time,
            report_deadline: r.report_deadline,
            received_time: r.received_time,
            cpu_time: r.cpu_time,
            elapsed_time: r.elapsed_time,
            flops_estimate: r.flops_estimate,
            claimed_credit: r.claimed_credit,
            granted_credit: r.granted_credit,
            opaque: r.opaque,
            exit_status: r.exit_status,
            app_version_id: AppVersionId(r.app_version_id),
            runtime_outlier: r.runtime_outlier != 0,
            random: r.random,
        })
    }
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = t::host)]
pub(crate) struct Host {
    id: i32,
    userid: i32,
    p_fpops: f64,
    total_credit: f64,
    expavg_credit: f64,
    expavg_time: f64,
    avg_turnaround: f64,
}

impl From<Host> for record::Host {
    fn from(r: Host) -> Self {
        Self {
            id: HostId(r.id),
            userid: UserId(r.userid),
            p_fpops: r.p_fpops,
            total_credit: r.total_credit,
            expavg_credit: r.expavg_credit,
            expavg_time: r.expavg_time,
            avg_turnaround: r.avg_turnaround,
        }
    }
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = t::user)]
pub(crate) struct User {
    id: i32,
    teamid: i32,
    total_credit: f64,
    expavg_credit: f64,
    expavg_time: f64,
}

impl From<User> for record::User {
    fn from(r: User) -> Self {
        Self {
            id: UserId(r.id),
            teamid: TeamId(r.teamid),
            total_credit: r.total_credit,
            expavg_credit: r.expavg_credit,
            expavg_time: r.expavg_time,
        }
    }
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = t::team)]
pub(crate) struct Team {
    id: i32,
    total_credit: f64,
    expavg_credit: f64,
    expavg_time: f64,
}

impl From<Team> for record::Team {
    fn from(r: Team) -> Self {
        Self {
            id: TeamId(r.id),
            total_credit: r.total_credit,
            expavg_credit: r.expavg_credit,
            expavg_time: r.expavg_time,
        }
    }
}

#[derive(Queryable)]
pub(crate) struct CreditByApp {
    owner: i32,
    appid: i32,
    njobs: i32,
    total: f64,
    expavg: f64,
    expavg_time: f64,
    credit_type: i32,
}

impl From<CreditByApp> for record::CreditByApp {
    fn from(r: CreditByApp) -> Self {
        Self {
            owner: r.owner,
            appid: AppId(r.appid),
            njobs: r.njobs,
            total: r.total,
            expavg: r.expavg,
            expavg_time: r.expavg_time,
            credit_type: r.credit_type,
        }
    }
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = t::host_app_version)]
pub(crate) struct HostAppVersion {
    host_id: i32,
    app_version_id: i32,
    pfc_n: f64,
    pfc_avg: f64,
    et_n: f64,
    et_avg: f64,
    et_var: f64,
    et_q: f64,
    max_jobs_per_day: i32,
    n_jobs_today: i32,
    turnaround_n: f64,
    turnaround_avg: f64,
    turnaround_var: f64,
    turnaround_q: f64,
    consecutive_valid: i32,
}

impl From<HostAppVersion> for record::HostAppVersion {
    fn from(r: HostAppVersion) -> Self {
        Self {
            host_id: HostId(r.host_id),
            app_version_id: HostAppVersionId(r.app_version_id),
            pfc_n: r.pfc_n,
            pfc_avg: r.pfc_avg,
            et_n: r.et_n,
            et_avg: r.et_avg,
            et_var: r.et_var,
            et_q: r.et_q,
            max_jobs_per_day: r.max_jobs_per_day,
            n_jobs_today: r.n_jobs_today,
            turnaround_n: r.turnaround_n,
            turnaround_avg: r.turnaround_avg,
            turnaround_var: r.turnaround_var,
            turnaround_q: r.turnaround_q,
            consecutive_valid: r.consecutive_valid,
        }
    }
}
