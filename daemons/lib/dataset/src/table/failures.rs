//! Table `failures`: one row per workunit that ended in error.

use boinc::record::{ResultRow, Workunit};
use boinc::state::{ErrorMask, Outcome};
use store::assimilation::JobOf;

use super::{Column, Table, Value};
use crate::known_failures::{self, Known};

/// A row.
#[derive(Debug, Clone)]
pub struct FailureRecord {
    #[allow(missing_docs)]
    pub workunit: Workunit,
    /// Which job of which campaign; `None` if the work generator did not make it.
    pub job: Option<JobOf>,
    /// Declared parameters of the job: what [`parameters::Declared::values`](super::parameters::Declared::values) gives.
    pub parameters: Vec<serde_json::Value>,
    /// Name of the campaign, also when there is no job.
    pub campaign: String,
    /// `workunit.error_mask` as it is after assimilation.
    pub error_mask: i32,
    /// All its results, by id.
    pub results: Vec<ResultRow>,
    /// Known failures of its results, the most telling first, and how many results had each.
    pub known: Vec<(Known, usize)>,
    /// The result whose stderr is shown, and the text.
    pub stderr: Option<(i32, String)>,
    /// Unix seconds.
    pub assimilated_time: i64,
}

/// An outcome as BOINC's pages call it.
fn outcome(result: &ResultRow) -> &'static str {
    match result.outcome {
        Outcome::Init => "init",
        Outcome::Success => "success",
        Outcome::CouldntSend => "could not send",
        Outcome::ClientError => "client error",
        Outcome::NoReply => "no reply",
        Outcome::DidntNeed => "did not need",
        Outcome::ValidateError => "validate error",
        Outcome::ClientDetached => "client detached",
    }
}

fn exit_reason(result: &ResultRow) -> String {
    known_failures::exit_reason(result.exit_status).map_or_else(|| "-".to_owned(), str::to_owned)
}

fn joined<T: ToString>(results: &[ResultRow], what: impl Fn(&ResultRow) -> T) -> String {
    results.iter().map(|result| what(result).to_string()).collect::<Vec<_>>().join(",")
}

fn known(known: &[(Known, usize)]) -> String {
    known.iter().map(|(known, count)| format!("{}={count}", known.name())).collect::<Vec<_>>().join(",")
}

fn count(results: &[ResultRow], which: impl Fn(&ResultRow) -> bool) -> i32 {
    i32::try_from(results.iter().filter(|result| which(result)).count()).unwrap_or(i32::MAX)
}

/// See the module.
pub const FAILURES: Table<FailureRecord> = Table {
    name: "failures",
    about: "one row per workunit that ended in error",
    version: 1,
    columns: COLUMNS,
};

#[rustfmt::skip]
const COLUMNS: &[Column<FailureRecord>] = &[
    Column::new("workunit_id", "Id of the workunit", Value::Int(|r| Some(r.workunit.id.0))),
    Column::new("workunit_name", "Name of the workunit", Value::Text(|r| Some(r.workunit.name.as_str().into()))),
    Column::new("job", "Number of the job in its campaign; null if the work generator did not make it", Value::Long(|r| Some(r.job.as_ref()?.job))),
    Column::new("seed", "Seed of the job", Value::Long(|r| Some(r.job.as_ref()?.seed))),
    Column::new("events", "Events asked for", Value::Long(|r| Some(r.job.as_ref()?.events))),
    Column::new("parameters", "What the template of the job saw, as JSON: parameters of the campaign and columns of the job's row; null if there are none", Value::Text(|r| Some(r.job.as_ref()?.parameters.as_deref()?.into()))),
    Column::new("batch", "BOINC's batch; 0 = none", Value::Int(|r| Some(r.workunit.batch))),
    Column::new("error_mask", "BOINC's error bits", Value::Int(|r| Some(r.error_mask))),
    Column::new("errors", "The error bits in words, separated by commas", Value::Text(|r| Some(ErrorMask(r.error_mask).words().join(",").into()))),
    Column::new("canonical_result_id", "Canonical result, if there was one all the same", Value::Int(|r| Some(r.workunit.canonical_resultid.0).filter(|id| *id != 0))),
    Column::new("min_quorum", "Results that had to agree", Value::Int(|r| Some(r.workunit.min_quorum))),
    Column::new("n_results", "Results made", Value::Int(|r| Some(count(&r.results, |_| true)))),
    Column::new("n_success", "Results that the hosts called a success", Value::Int(|r| Some(count(&r.results, |x| x.outcome == Outcome::Success)))),
    Column::new("result_ids", "Ids of the results, separated by commas", Value::Text(|r| Some(joined(&r.results, |x| x.id).into()))),
    Column::new("host_ids", "Their hosts, in the same order; 0 = never sent", Value::Text(|r| Some(joined(&r.results, |x| x.hostid).into()))),
    Column::new("outcomes", "Their outcomes, in the same order", Value::Text(|r| Some(joined(&r.results, outcome).into()))),
    Column::new("exit_codes", "Their exit codes, in the same order", Value::Text(|r| Some(joined(&r.results, |x| x.exit_status).into()))),
    Column::new("exit_reasons", "The exit codes as BOINC calls them, in the same order; - = no code of BOINC's", Value::Text(|r| Some(joined(&r.results, exit_reason).into()))),
    Column::new("known_failure", "Why it failed, if a known message of the wrapper of virtual machines says so: the most telling one", Value::Text(|r| Some(r.known.first()?.0.name().into()))),
    Column::new("known_failures", "All such messages, and how many results had each: vt_x_disabled=2,heartbeat_lost=1", Value::Text(|r| Some(known(&r.known).into()))),
    Column::new("stderr_result_id", "Result whose stderr is shown", Value::Int(|r| Some(r.stderr.as_ref()?.0))),
    Column::new("stderr_tail", "End of what that task wrote to stderr, at most 2 KiB, control characters removed", Value::Text(|r| Some(r.stderr.as_ref()?.1.as_str().into()))),
    Column::new("create_time", "When the workunit was made", Value::Time(|r| Some(i64::from(r.workunit.create_time)))),
    Column::new("assimilated_time", "When this row was made", Value::Time(|r| Some(r.assimilated_time))),
];
