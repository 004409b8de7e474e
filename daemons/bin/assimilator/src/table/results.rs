//! Table `results`: one row per workunit with a canonical result and no error.
//!
//! The campaign is not a column of the file but the name of its folder (`campaign=NAME`), as readers of Hive-style
//! datasets expect; they show it as a column. Its exact name also stands in the file's metadata.

use boinc::record::{ResultRow, Workunit};
use store::assimilation::{HostFacts, JobOf};

use super::{Column, Table, Value};
use crate::outputs::Output;

/// A row.
#[derive(Debug, Clone)]
pub struct ResultRecord {
    #[allow(missing_docs)]
    pub workunit: Workunit,
    /// Which job of which campaign; `None` if the work generator did not make it.
    pub job: Option<JobOf>,
    /// The canonical result.
    pub canonical: ResultRow,
    /// Its host, if there is still a row of it.
    pub host: Option<HostFacts>,
    /// Results made.
    pub n_results: i32,
    /// Results that agree with the canonical one, itself included.
    pub n_valid: i32,
    /// Its output files.
    pub outputs: Vec<Output>,
    /// Where they were copied, below the application's folder; `None`: not copied.
    pub output_folder: Option<String>,
    /// Unix seconds.
    pub assimilated_time: i64,
}

fn moment(seconds: i32) -> Option<i64> {
    (seconds != 0).then(|| i64::from(seconds))
}

fn count(n: usize) -> i32 {
    i32::try_from(n).unwrap_or(i32::MAX)
}

fn joined(outputs: &[Output], text: impl Fn(&Output) -> String) -> String {
    outputs.iter().map(text).collect::<Vec<_>>().join(",")
}

const fn column(name: &'static str, about: &'static str, value: Value<ResultRecord>) -> Column<ResultRecord> {
    Column { name, about, value }
}

/// See the module.
pub const RESULTS: Table<ResultRecord> = Table { name: "results", version: 1, columns: COLUMNS };

#[rustfmt::skip]
const COLUMNS: &[Column<ResultRecord>] = &[
    column("workunit_id", "Id of the workunit", Value::Int(|r| Some(r.workunit.id.0))),
    column("workunit_name", "Name of the workunit", Value::Text(|r| Some(r.workunit.name.as_str().into()))),
    column("job", "Number of the job in its campaign; null if the work generator did not make it", Value::Long(|r| Some(r.job.as_ref()?.job))),
    column("seed", "Seed of the job", Value::Long(|r| Some(r.job.as_ref()?.seed))),
    column("events", "Events asked for", Value::Long(|r| Some(r.job.as_ref()?.events))),
    column("batch", "BOINC's batch; 0 = none", Value::Int(|r| Some(r.workunit.batch))),
    column("canonical_result_id", "Id of the result that stands for the workunit", Value::Int(|r| Some(r.canonical.id.0))),
    column("canonical_result_name", "Its name", Value::Text(|r| Some(r.canonical.name.as_str().into()))),
    column("host_id", "Host that computed it", Value::Int(|r| Some(r.canonical.hostid.0))),
    column("os_name", "Operating system of that host", Value::Text(|r| Some(r.host.as_ref()?.os_name.as_str().into()))),
    column("os_version", "Version of the operating system", Value::Text(|r| Some(r.host.as_ref()?.os_version.as_str().into()))),
    column("processor", "Vendor and model of the processor", Value::Text(|r| Some(r.host.as_ref()?.processor.as_str().into()))),
    column("ncpus", "Processors of the host", Value::Int(|r| Some(r.host.as_ref()?.ncpus))),
    column("app_version_id", "Version of the application; -1 to -4 = the volunteer's own build", Value::Int(|r| Some(r.canonical.app_version_id.0))),
    column("elapsed_seconds", "Wall-clock seconds that the task ran, as the client reported", Value::Double(|r| Some(r.canonical.elapsed_time))),
    column("cpu_seconds", "CPU seconds, as the client reported", Value::Double(|r| Some(r.canonical.cpu_time))),
    column("credit", "Credit of the workunit, in cobblestones", Value::Double(|r| Some(r.workunit.canonical_credit))),
    column("granted_credit", "Credit granted for the canonical result, in cobblestones", Value::Double(|r| Some(r.canonical.granted_credit))),
    column("min_quorum", "Results that had to agree", Value::Int(|r| Some(r.workunit.min_quorum))),
    column("n_results", "Results made", Value::Int(|r| Some(r.n_results))),
    column("n_valid", "Results that agree with the canonical one, itself included", Value::Int(|r| Some(r.n_valid))),
    column("create_time", "When the workunit was made", Value::Time(|r| moment(r.workunit.create_time))),
    column("sent_time", "When the canonical result was sent to its host", Value::Time(|r| moment(r.canonical.sent_time))),
    column("received_time", "When it was reported", Value::Time(|r| moment(r.canonical.received_time))),
    column("assimilated_time", "When this row was made", Value::Time(|r| Some(r.assimilated_time))),
    column("output_folder", "Folder of the output files, below the application's folder; null if they were not copied", Value::Text(|r| Some(r.output_folder.as_deref()?.into()))),
    column("output_count", "Number of output files", Value::Int(|r| Some(count(r.outputs.len())))),
    column("output_bytes", "Their size in bytes, together", Value::Long(|r| Some(r.outputs.iter().fold(0, |sum, o| sum.saturating_add(o.bytes))))),
    column("output_names", "Their names in that folder, separated by commas", Value::Text(|r| Some(joined(&r.outputs, |o| o.name.clone()).into()))),
    column("output_sizes", "Their sizes in bytes, in the same order, separated by commas", Value::Text(|r| Some(joined(&r.outputs, |o| o.bytes.to_string()).into()))),
    column("output_sha256", "Their SHA-256 digests in hex, in the same order, separated by commas", Value::Text(|r| Some(joined(&r.outputs, |o| o.sha256.clone()).into()))),
];
