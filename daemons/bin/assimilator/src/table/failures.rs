//! Table `failures`: one row per workunit that ended in error.

use boinc::record::{ResultRow, Workunit};
use boinc::state::{ErrorMask, Outcome};
use store::assimilation::JobOf;

use super::{Column, Table, Value};

/// A row.
#[derive(Debug, Clone)]
pub struct FailureRecord {
    #[allow(missing_docs)]
    pub workunit: Workunit,
    /// Which job of which campaign; `None` if the work generator did not make it.
    pub job: Option<JobOf>,
    /// Name of the campaign, also when there is no job.
    pub campaign: String,
    /// `workunit.error_mask` as it is after assimilation.
    pub error_mask: i32,
    /// All its results, by id.
    pub results: Vec<ResultRow>,
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

fn joined<T: ToString>(results: &[ResultRow], what: impl Fn(&ResultRow) -> T) -> String {
    results.iter().map(|result| what(result).to_string()).collect::<Vec<_>>().join(",")
}

fn count(results: &[ResultRow], which: impl Fn(&ResultRow) -> bool) -> i32 {
    i32::try_from(results.iter().filter(|result| which(result)).count()).unwrap_or(i32::MAX)
}

const fn column(
    name: &'static str,
    about: &'static str,
    value: Value<FailureRecord>,
) -> Column<FailureRecord> {
    Column { name, about, value }
}

/// See the module.
pub const FAILURES: Table<FailureRecord> = Table { name: "failures", version: 1, columns: COLUMNS };

#[rustfmt::skip]
const COLUMNS: &[Column<FailureRecord>] = &[
    column("workunit_id", "Id of the workunit", Value::Int(|r| Some(r.workunit.id.0))),
    column("workunit_name", "Name of the workunit", Value::Text(|r| Some(r.workunit.name.as_str().into()))),
    column("campaign", "Campaign; none if the work generator did not make it", Value::Text(|r| Some(r.campaign.as_str().into()))),
    column("job", "Number of the job in its campaign; null if the work generator did not make it", Value::Long(|r| Some(r.job.as_ref()?.job))),
    column("seed", "Seed of the job", Value::Long(|r| Some(r.job.as_ref()?.seed))),
    column("events", "Events asked for", Value::Long(|r| Some(r.job.as_ref()?.events))),
    column("batch", "BOINC's batch; 0 = none", Value::Int(|r| Some(r.workunit.batch))),
    column("error_mask", "BOINC's error bits", Value::Int(|r| Some(r.error_mask))),
    column("errors", "The error bits in words, separated by commas", Value::Text(|r| Some(ErrorMask(r.error_mask).words().join(",").into()))),
    column("canonical_result_id", "Canonical result, if there was one all the same", Value::Int(|r| Some(r.workunit.canonical_resultid.0).filter(|id| *id != 0))),
    column("min_quorum", "Results that had to agree", Value::Int(|r| Some(r.workunit.min_quorum))),
    column("n_results", "Results made", Value::Int(|r| Some(count(&r.results, |_| true)))),
    column("n_success", "Results that the hosts called a success", Value::Int(|r| Some(count(&r.results, |x| x.outcome == Outcome::Success)))),
    column("result_ids", "Ids of the results, separated by commas", Value::Text(|r| Some(joined(&r.results, |x| x.id).into()))),
    column("host_ids", "Their hosts, in the same order; 0 = never sent", Value::Text(|r| Some(joined(&r.results, |x| x.hostid).into()))),
    column("outcomes", "Their outcomes, in the same order", Value::Text(|r| Some(joined(&r.results, outcome).into()))),
    column("exit_codes", "Their exit codes, in the same order", Value::Text(|r| Some(joined(&r.results, |x| x.exit_status).into()))),
    column("stderr_result_id", "Result whose stderr is shown", Value::Int(|r| Some(r.stderr.as_ref()?.0))),
    column("stderr_tail", "End of what that task wrote to stderr, at most 2 KiB, control characters removed", Value::Text(|r| Some(r.stderr.as_ref()?.1.as_str().into()))),
    column("create_time", "When the workunit was made", Value::Time(|r| Some(i64::from(r.workunit.create_time)))),
    column("assimilated_time", "When this row was made", Value::Time(|r| Some(r.assimilated_time))),
];
