//! Table `results`: one row per workunit with a canonical result and no error.
//!
//! Campaign and day are not columns of the file but names of its folders (`campaign=NAME/day=DAY`), as readers of
//! Hive-style datasets expect; they show them as columns. The campaign's exact name also stands in the file's metadata.

use boinc::guest_report::Report;
use boinc::record::{ResultRow, Workunit};
use store::assimilation::{Agreement, AppVersionFacts, HostFacts, JobOf};

use super::{Column, Table, Value};

/// An output file, as it is recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// Its name in the workunit's folder of outputs, without what compression adds.
    pub name: String,
    /// Its size.
    pub bytes: i64,
    /// SHA-256 digest of its content, lower-case hex.
    pub sha256: String,
    /// The file that was kept, if one was.
    pub stored: Option<Stored>,
}

/// An output file in the dataset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// Below the application's folder.
    pub path: String,
    /// Its size, packed.
    pub bytes: i64,
    /// SHA-256 digest of the file as it lies there.
    pub sha256: String,
}

/// A row.
#[derive(Debug, Clone)]
pub struct ResultRecord {
    #[allow(missing_docs)]
    pub workunit: Workunit,
    /// Which job of which campaign; `None` if the work generator did not make it.
    pub job: Option<JobOf>,
    /// Declared parameters of the job: what [`parameters::Declared::values`](super::parameters::Declared::values) gives.
    pub parameters: Vec<serde_json::Value>,
    /// The canonical result.
    pub canonical: ResultRow,
    /// Its host, if there is still a row of it.
    pub host: Option<HostFacts>,
    /// Its version of the application, if there is still a row of it.
    pub version: Option<AppVersionFacts>,
    /// Longest uptime that its messages claimed, seconds; `None` without such messages.
    pub uptime: Option<f64>,
    /// How the results agreed, as the validator kept it.
    pub agreement: Option<Agreement>,
    /// What its guest reported.
    pub report: Option<Report>,
    /// Why it is flagged for review.
    pub flag: Option<String>,
    /// Results made.
    pub n_results: i32,
    /// Results that agree with the canonical one, itself included.
    pub n_valid: i32,
    /// Its output files.
    pub outputs: Vec<Output>,
    /// Where they were copied, below the application's folder; `None`: not copied.
    pub output_folder: Option<String>,
    /// How they are packed there: `none` or `zstd`.
    pub compression: &'static str,
    /// Unix seconds.
    pub assimilated_time: i64,
}

impl ResultRecord {
    fn reported(&self, count: impl Fn(&Report) -> u64) -> Option<i64> {
        self.report.as_ref().map(|report| i64::try_from(count(report)).unwrap_or(i64::MAX))
    }
}

fn moment(seconds: i32) -> Option<i64> {
    (seconds != 0).then(|| i64::from(seconds))
}

#[allow(clippy::cast_possible_truncation, reason = "saturates")]
fn moment_of(seconds: f64) -> Option<i64> {
    (seconds > 0.0).then_some(seconds as i64)
}

fn count(n: usize) -> i32 {
    i32::try_from(n).unwrap_or(i32::MAX)
}

fn joined(outputs: &[Output], text: impl Fn(&Output) -> String) -> String {
    outputs.iter().map(text).collect::<Vec<_>>().join(",")
}

/// See the module.
pub const RESULTS: Table<ResultRecord> = Table {
    name: "results",
    about: "one row per workunit with a canonical result and no error",
    version: 1,
    columns: COLUMNS,
};

#[rustfmt::skip]
const COLUMNS: &[Column<ResultRecord>] = &[
    Column::new("workunit_id", "Id of the workunit", Value::Int(|r| Some(r.workunit.id.0))),
    Column::new("workunit_name", "Name of the workunit", Value::Text(|r| Some(r.workunit.name.as_str().into()))),
    Column::new("job", "Number of the job in its campaign; null if the work generator did not make it", Value::Long(|r| Some(r.job.as_ref()?.job))),
    Column::new("seed", "Seed of the job", Value::Long(|r| Some(r.job.as_ref()?.seed))),
    Column::new("events", "Events asked for", Value::Long(|r| Some(r.job.as_ref()?.events))),
    Column::new("parameters", "What the template of the job saw, as JSON: parameters of the campaign and columns of the job's row; null if there are none", Value::Text(|r| Some(r.job.as_ref()?.parameters.as_deref()?.into()))),
    Column::new("batch", "BOINC's batch; 0 = none", Value::Int(|r| Some(r.workunit.batch))),
    Column::new("canonical_result_id", "Id of the result that stands for the workunit", Value::Int(|r| Some(r.canonical.id.0))),
    Column::new("canonical_result_name", "Its name", Value::Text(|r| Some(r.canonical.name.as_str().into()))),
    Column::new("host_id", "Host that computed it", Value::Int(|r| Some(r.canonical.hostid.0))),
    Column::new("os_name", "Operating system of that host", Value::Text(|r| Some(r.host.as_ref()?.os_name.as_str().into()))),
    Column::new("os_version", "Version of the operating system", Value::Text(|r| Some(r.host.as_ref()?.os_version.as_str().into()))),
    Column::new("processor", "Vendor and model of the processor", Value::Text(|r| Some(r.host.as_ref()?.processor.as_str().into()))),
    Column::new("ncpus", "Processors of the host", Value::Int(|r| Some(r.host.as_ref()?.ncpus))),
    Column::new("app_version_id", "Version of the application; -1 to -4 = the volunteer's own build", Value::Int(|r| Some(r.canonical.app_version_id.0))),
    Column::new("app_version", "Its number: 100 times major plus minor", Value::Int(|r| Some(r.version.as_ref()?.number))),
    Column::new("plan_class", "Its plan class; empty = none", Value::Text(|r| Some(r.version.as_ref()?.plan_class.as_str().into()))),
    Column::new("elapsed_seconds", "Wall-clock seconds that the task ran, as the client reported", Value::Double(|r| Some(r.canonical.elapsed_time))),
    Column::new("cpu_seconds", "CPU seconds, as the client reported", Value::Double(|r| Some(r.canonical.cpu_time))),
    Column::new("vm_uptime_seconds", "Longest uptime of the virtual machine that its messages claimed; null without such messages", Value::Double(|r| r.uptime)),
    Column::new("credit", "Credit of the workunit, in cobblestones", Value::Double(|r| Some(r.workunit.canonical_credit))),
    Column::new("granted_credit", "Credit granted for the canonical result, in cobblestones", Value::Double(|r| Some(r.canonical.granted_credit))),
    Column::new("min_quorum", "Results that had to agree", Value::Int(|r| Some(r.workunit.min_quorum))),
    Column::new("n_results", "Results made", Value::Int(|r| Some(r.n_results))),
    Column::new("n_valid", "Results that agree with the canonical one, itself included", Value::Int(|r| Some(r.n_valid))),
    Column::new("worst_deviation", "Largest deviation among them, in units of the tolerance; null if nothing deviates or nothing is kept", Value::Double(|r| r.agreement.as_ref()?.worst)),
    Column::new("guest_received", "Jobs that the guest took, as it had reported when this row was made; null without a report", Value::Long(|r| r.reported(|x| x.received))),
    Column::new("guest_succeeded", "Jobs that ended well", Value::Long(|r| r.reported(|x| x.succeeded))),
    Column::new("guest_failed", "Jobs that failed", Value::Long(|r| r.reported(|x| x.failed))),
    Column::new("guest_events", "Events that the jobs made", Value::Long(|r| r.reported(|x| x.events))),
    Column::new("flag", "Why it was flagged for review when this row was made; null = it was not. The table reviews says what holds now", Value::Text(|r| Some(r.flag.as_deref()?.into()))),
    Column::new("create_time", "When the workunit was made", Value::Time(|r| moment(r.workunit.create_time))),
    Column::new("sent_time", "When the canonical result was sent to its host", Value::Time(|r| moment(r.canonical.sent_time))),
    Column::new("received_time", "When it was reported", Value::Time(|r| moment(r.canonical.received_time))),
    Column::new("validated_time", "When it was found valid; null if that is not kept", Value::Time(|r| moment_of(r.agreement.as_ref()?.time))),
    Column::new("assimilated_time", "When this row was made", Value::Time(|r| Some(r.assimilated_time))),
    Column::new("output_folder", "Folder of the output files, below the application's folder; null if they were not copied", Value::Text(|r| Some(r.output_folder.as_deref()?.into()))),
    Column::new("output_compression", "How they are packed there: none or zstd; null if they were not copied", Value::Text(|r| r.output_folder.as_ref().map(|_| r.compression.into()))),
    Column::new("output_count", "Number of output files", Value::Int(|r| Some(count(r.outputs.len())))),
    Column::new("output_bytes", "Their size in bytes, together, unpacked", Value::Long(|r| Some(r.outputs.iter().fold(0, |sum, o| sum.saturating_add(o.bytes))))),
    Column::new("output_names", "Their names, separated by commas; the table files has one row for each", Value::Text(|r| Some(joined(&r.outputs, |o| o.name.clone()).into()))),
    Column::new("output_sizes", "Their sizes in bytes, in the same order, separated by commas", Value::Text(|r| Some(joined(&r.outputs, |o| o.bytes.to_string()).into()))),
    Column::new("output_sha256", "Their SHA-256 digests in hex, in the same order, separated by commas", Value::Text(|r| Some(joined(&r.outputs, |o| o.sha256.clone()).into()))),
];
