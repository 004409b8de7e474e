//! Rows of the BOINC tables, as far as this toolkit reads them.
//!
//! Names are the columns' names; times are Unix seconds on the server's clock; FLOPS are per second;
//! credit is in cobblestones. State columns are decoded ([`crate::state`]).

use serde::{Deserialize, Serialize};

use crate::id::{
    AppId, AppVersionId, HostAppVersionId, HostId, MessageId, PlatformId, ResultId, TeamId, UserId,
    WorkunitId,
};
use crate::state::{AssimilateState, Outcome, ServerState, ValidateState};

/// Table `app`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct App {
    #[allow(missing_docs)]
    pub id: AppId,
    /// Short name, as in `--app NAME`.
    pub name: String,
    /// Adaptive replication: instances made at first (0 = off).
    pub target_nresults: i32,
    /// Smallest average PFC over the app's versions: the scale between versions.
    pub min_avg_pfc: f64,
    /// Use a host's scale only after 10 valid results in a row.
    pub host_scale_check: bool,
}

/// Table `app_version`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AppVersion {
    #[allow(missing_docs)]
    pub id: AppVersionId,
    #[allow(missing_docs)]
    pub appid: AppId,
    /// `100·major + minor`
    pub version_num: i32,
    #[allow(missing_docs)]
    pub platformid: PlatformId,
    /// Plan class, empty for none.
    pub plan_class: String,
    /// Number of samples in `pfc_avg`.
    pub pfc_n: f64,
    /// Average of raw PFC / rsc_fpops_est.
    pub pfc_avg: f64,
    /// Scale of this version against the most efficient one; 0 = not known.
    pub pfc_scale: f64,
    /// Recent average credit of this version.
    pub expavg_credit: f64,
    /// When `expavg_credit` was brought up to date.
    pub expavg_time: f64,
}

/// Table `workunit`, without its document.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Workunit {
    #[allow(missing_docs)]
    pub id: WorkunitId,
    #[allow(missing_docs)]
    pub create_time: i32,
    #[allow(missing_docs)]
    pub appid: AppId,
    /// Unique in the database.
    pub name: String,
    /// 0 = none.
    pub batch: i32,
    /// Estimated floating-point operations.
    pub rsc_fpops_est: f64,
    /// Bound on floating-point operations.
    pub rsc_fpops_bound: f64,
    /// Above 0: the validator shall look.
    pub need_validate: i32,
    /// The result that stands for the workunit; 0 = none yet.
    pub canonical_resultid: ResultId,
    /// Credit of the canonical result, or what the project set at creation.
    pub canonical_credit: f64,
    /// When the transitioner shall look next.
    pub transition_time: i32,
    /// Bits, see [`crate::state::ErrorMask`].
    pub error_mask: i32,
    #[allow(missing_docs)]
    pub assimilate_state: AssimilateState,
    /// Submitter's number, used by `credited_job`.
    pub opaque: f64,
    #[allow(missing_docs)]
    pub min_quorum: i32,
    #[allow(missing_docs)]
    pub target_nresults: i32,
    #[allow(missing_docs)]
    pub max_error_results: i32,
    #[allow(missing_docs)]
    pub max_total_results: i32,
    #[allow(missing_docs)]
    pub max_success_results: i32,
}

/// Table `result`, without its documents.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ResultRow {
    #[allow(missing_docs)]
    pub id: ResultId,
    #[allow(missing_docs)]
    pub create_time: i32,
    #[allow(missing_docs)]
    pub workunitid: WorkunitId,
    #[allow(missing_docs)]
    pub appid: AppId,
    /// Unique in the database: workunit's name, `_`, number.
    pub name: String,
    #[allow(missing_docs)]
    pub server_state: ServerState,
    #[allow(missing_docs)]
    pub outcome: Outcome,
    #[allow(missing_docs)]
    pub validate_state: ValidateState,
    /// 0 until sent.
    pub hostid: HostId,
    /// 0 until sent.
    pub userid: UserId,
    /// Team of the user when the result was reported.
    pub teamid: TeamId,
    /// 0 until sent.
    pub sent_time: i32,
    #[allow(missing_docs)]
    pub report_deadline: i32,
    /// 0 until reported.
    pub received_time: i32,
    /// Seconds of CPU, as the client reported.
    pub cpu_time: f64,
    /// Seconds of wall clock that the task ran, as the client reported.
    pub elapsed_time: f64,
    /// Peak FLOPS of the processors that the task used, as the scheduler assumed.
    pub flops_estimate: f64,
    /// What the client asks for (post-assigned credit).
    pub claimed_credit: f64,
    /// Paid so far.
    pub granted_credit: f64,
    /// For the validator's own use.
    pub opaque: f64,
    /// Exit status of the task.
    pub exit_status: i32,
    #[allow(missing_docs)]
    pub app_version_id: AppVersionId,
    /// Its runtime says nothing about the host's speed.
    pub runtime_outlier: bool,
    #[allow(missing_docs)]
    pub random: i32,
}

/// Table `host`, as far as credit goes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Host {
    #[allow(missing_docs)]
    pub id: HostId,
    /// Owner.
    pub userid: UserId,
    /// Measured floating-point speed of one processor, FLOPS; 1e9 exactly = never measured.
    pub p_fpops: f64,
    #[allow(missing_docs)]
    pub total_credit: f64,
    #[allow(missing_docs)]
    pub expavg_credit: f64,
    #[allow(missing_docs)]
    pub expavg_time: f64,
    /// Average seconds from sending to reporting.
    pub avg_turnaround: f64,
}

/// Table `user`, as far as credit goes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct User {
    #[allow(missing_docs)]
    pub id: UserId,
    /// 0 = no team.
    pub teamid: TeamId,
    #[allow(missing_docs)]
    pub total_credit: f64,
    #[allow(missing_docs)]
    pub expavg_credit: f64,
    #[allow(missing_docs)]
    pub expavg_time: f64,
}

/// Table `team`, as far as credit goes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Team {
    #[allow(missing_docs)]
    pub id: TeamId,
    #[allow(missing_docs)]
    pub total_credit: f64,
    #[allow(missing_docs)]
    pub expavg_credit: f64,
    #[allow(missing_docs)]
    pub expavg_time: f64,
}

/// Tables `credit_user` and `credit_team` (config.xml: `credit_by_app`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CreditByApp {
    /// `userid` or `teamid`.
    pub owner: i32,
    #[allow(missing_docs)]
    pub appid: AppId,
    /// Grants so far.
    pub njobs: i32,
    /// Total credit.
    pub total: f64,
    /// Recent average credit.
    pub expavg: f64,
    /// When `expavg` was brought up to date.
    pub expavg_time: f64,
    /// 0 for all that this toolkit writes.
    pub credit_type: i32,
}

/// Table `host_app_version`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HostAppVersion {
    #[allow(missing_docs)]
    pub host_id: HostId,
    #[allow(missing_docs)]
    pub app_version_id: HostAppVersionId,
    #[allow(missing_docs)]
    pub pfc_n: f64,
    #[allow(missing_docs)]
    pub pfc_avg: f64,
    #[allow(missing_docs)]
    pub et_n: f64,
    #[allow(missing_docs)]
    pub et_avg: f64,
    #[allow(missing_docs)]
    pub et_var: f64,
    #[allow(missing_docs)]
    pub et_q: f64,
    /// Daily quota of this host for this version.
    pub max_jobs_per_day: i32,
    #[allow(missing_docs)]
    pub n_jobs_today: i32,
    #[allow(missing_docs)]
    pub turnaround_n: f64,
    #[allow(missing_docs)]
    pub turnaround_avg: f64,
    #[allow(missing_docs)]
    pub turnaround_var: f64,
    #[allow(missing_docs)]
    pub turnaround_q: f64,
    /// Valid results in a row.
    pub consecutive_valid: i32,
}

/// Table `msg_from_host`: a trickle-up message.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MsgFromHost {
    #[allow(missing_docs)]
    pub id: MessageId,
    /// When the scheduler stored it: the server's clock.
    pub create_time: i32,
    /// Who sent it: authenticated.
    pub hostid: HostId,
    /// The volunteer's text.
    pub variety: String,
    /// The volunteer's bytes.
    #[serde(with = "serde_bytes_as_is")]
    pub xml: Vec<u8>,
}

mod serde_bytes_as_is {
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&String::from_utf8_lossy(bytes))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        String::deserialize(deserializer).map(String::into_bytes)
    }
}
