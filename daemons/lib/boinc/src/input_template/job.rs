//! What a job is made of, and what comes out of it.

use serde::{Serialize, Serializer};

use crate::config::ProjectConfig;
use crate::id::AppId;
use crate::state::NEVER;

/// One input file of a job, in the order in which the template takes them.
#[derive(Debug, Clone, PartialEq)]
pub enum InputFile {
    /// Lies in the download folder under this name.
    Staged {
        /// Physical name.
        name: String,
    },
    /// Lies elsewhere; its physical name becomes `jf_MD5`.
    Remote {
        /// Whole URL.
        url: String,
        /// Size in bytes.
        nbytes: f64,
        /// MD5 digest in hex.
        md5: String,
    },
}

impl InputFile {
    /// A file in the download folder.
    pub fn staged(name: impl Into<String>) -> Self {
        Self::Staged { name: name.into() }
    }
}

/// For whom a job is reserved. The caller inserts the row of `assignment`; see [`Assignment::row`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Assignment {
    /// For anybody.
    #[default]
    None,
    /// For one host.
    Host(i32),
    /// For one host of this user.
    User(i32),
    /// For one host of this team.
    Team(i32),
    /// For all hosts.
    Broadcast,
    /// For all hosts of this user.
    BroadcastUser(i32),
    /// For all hosts of this team.
    BroadcastTeam(i32),
}

impl Assignment {
    /// `workunit.transitioner_flags`: 0, 1 (no transition) for broadcasts, or 2 (no new results).
    #[must_use]
    pub const fn transitioner_flags(self) -> i32 {
        match self {
            Self::None => 0,
            Self::Broadcast | Self::BroadcastUser(_) | Self::BroadcastTeam(_) => 1,
            Self::Host(_) | Self::User(_) | Self::Team(_) => 2,
        }
    }

    /// Columns `target_type`, `target_id` and `multi` of the row in `assignment`; none if there is no row.
    #[must_use]
    pub const fn row(self) -> Option<(i32, i32, bool)> {
        match self {
            Self::None => None,
            Self::Host(id) => Some((1, id, false)),
            Self::User(id) => Some((2, id, false)),
            Self::Team(id) => Some((3, id, false)),
            Self::Broadcast => Some((0, 0, true)),
            Self::BroadcastUser(id) => Some((2, id, true)),
            Self::BroadcastTeam(id) => Some((3, id, true)),
        }
    }
}

/// Columns of the workunit whatever the input template says of them; None: as it says. Stock has no such thing: there
/// the template always wins.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
#[allow(missing_docs, reason = "the columns are described at JobDescription")]
pub struct Overrides {
    pub min_quorum: Option<i32>,
    pub target_nresults: Option<i32>,
    pub max_error_results: Option<i32>,
    pub max_total_results: Option<i32>,
    pub max_success_results: Option<i32>,
    pub delay_bound: Option<i32>,
    pub size_class: Option<i32>,
    pub rsc_fpops_est: Option<f64>,
}

impl Overrides {
    pub(super) fn apply(&self, row: &mut NewWorkunit) {
        let integers = [
            (self.min_quorum, &mut row.min_quorum),
            (self.target_nresults, &mut row.target_nresults),
            (self.max_error_results, &mut row.max_error_results),
            (self.max_total_results, &mut row.max_total_results),
            (self.max_success_results, &mut row.max_success_results),
            (self.delay_bound, &mut row.delay_bound),
            (self.size_class, &mut row.size_class),
        ];
        for (value, column) in integers {
            *column = value.unwrap_or(*column);
        }
        row.rsc_fpops_est = self.rsc_fpops_est.unwrap_or(row.rsc_fpops_est);
        // A quorum that can't be reached would wait for ever.
        if self.min_quorum.is_some() && self.target_nresults.is_none() {
            row.target_nresults = row.target_nresults.max(row.min_quorum);
        }
    }
}

/// One job: what the flags of the stock `create_work` say. [`JobDescription::default`] has stock's defaults.
#[derive(Debug, Clone, PartialEq)]
pub struct JobDescription {
    /// `workunit.name`, unique in the database. Results and output files are named after it.
    pub name: String,
    /// Put into the document as `<command_line>`, without any escaping (as stock does).
    pub command_line: String,
    /// Path of the output template, relative to the project directory.
    pub result_template_file: String,
    /// Batch of the submitter, 0 = none.
    pub batch: i32,
    /// Higher is sent first.
    pub priority: i32,
    /// Credit fixed at creation (`--credit`).
    pub credit: f64,
    /// Estimated floating-point operations.
    pub rsc_fpops_est: f64,
    /// Operations after which a client gives up.
    pub rsc_fpops_bound: f64,
    /// Bytes of memory.
    pub rsc_memory_bound: f64,
    /// Bytes of disk.
    pub rsc_disk_bound: f64,
    /// Bytes per second of download bandwidth that a host needs.
    pub rsc_bandwidth_bound: f64,
    /// Seconds from sending to the deadline.
    pub delay_bound: i32,
    /// Results that must agree.
    pub min_quorum: i32,
    /// Results made at first.
    pub target_nresults: i32,
    /// More failed results than this: the workunit has failed.
    pub max_error_results: i32,
    /// More results than this: the workunit has failed.
    pub max_total_results: i32,
    /// More successful results than this without agreement: the workunit has failed.
    pub max_success_results: i32,
    /// Size class, −1 = none.
    pub size_class: i32,
    /// Class of homogeneous redundancy, 0 = none.
    pub hr_class: i32,
    /// Only this version of the application, 0 = any.
    pub app_version_num: i32,
    /// Keyword numbers, separated by blanks.
    pub keywords: String,
    /// Shown to the volunteer beside the application's name; empty = none.
    pub sub_appname: String,
    /// For the project's own use (`workunit.opaque`); stock has no flag for it.
    pub opaque: f64,
    /// For whom the job is reserved.
    pub assignment: Assignment,
    /// What wins over the input template.
    pub overrides: Overrides,
    /// Input files, in the order of the template's `<file_info>`s (without the constant ones).
    pub input_files: Vec<InputFile>,
}

impl Default for JobDescription {
    fn default() -> Self {
        Self {
            name: String::new(),
            command_line: String::new(),
            result_template_file: String::new(),
            batch: 0,
            priority: 0,
            credit: 0.0,
            rsc_fpops_est: 3600e9,
            rsc_fpops_bound: 86_400e9,
            rsc_memory_bound: 5e8,
            rsc_disk_bound: 1e9,
            rsc_bandwidth_bound: 0.0,
            delay_bound: 7 * 86_400,
            min_quorum: 1,
            target_nresults: 1,
            max_error_results: 1,
            max_total_results: 1,
            max_success_results: 1,
            size_class: -1,
            hr_class: 0,
            app_version_num: 0,
            keywords: String::new(),
            sub_appname: String::new(),
            opaque: 0.0,
            assignment: Assignment::None,
            overrides: Overrides::default(),
            input_files: Vec::new(),
        }
    }
}

/// Where clients download from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Download<'a> {
    /// config.xml: `download_url`
    pub url: &'a str,
    /// config.xml: `uldl_dir_fanout`
    pub fanout: u32,
}

impl<'a> From<&'a ProjectConfig> for Download<'a> {
    fn from(config: &'a ProjectConfig) -> Self {
        Self { url: &config.download_url, fanout: config.uldl_dir_fanout }
    }
}

/// The row to insert into `workunit`: all columns but `id` and `mod_time`, which the database sets.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[allow(missing_docs, reason = "the columns are described at JobDescription and in record::Workunit")]
pub struct NewWorkunit {
    pub create_time: i32,
    pub appid: AppId,
    pub name: String,
    /// Mostly UTF-8, but a template can put any byte into it: bind it as bytes.
    #[serde(serialize_with = "as_text")]
    pub xml_doc: Vec<u8>,
    pub batch: i32,
    pub rsc_fpops_est: f64,
    pub rsc_fpops_bound: f64,
    pub rsc_memory_bound: f64,
    pub rsc_disk_bound: f64,
    pub need_validate: i32,
    pub canonical_resultid: i32,
    pub canonical_credit: f64,
    pub transition_time: i32,
    pub delay_bound: i32,
    pub error_mask: i32,
    pub file_delete_state: i32,
    pub assimilate_state: i32,
    pub hr_class: i32,
    pub opaque: f64,
    pub min_quorum: i32,
    pub target_nresults: i32,
    pub max_error_results: i32,
    pub max_total_results: i32,
    pub max_success_results: i32,
    pub result_template_file: String,
    pub priority: i32,
    pub rsc_bandwidth_bound: f64,
    pub fileset_id: i32,
    pub app_version_id: i32,
    pub transitioner_flags: i32,
    pub size_class: i32,
    pub keywords: String,
    pub app_version_num: i32,
}

impl NewWorkunit {
    /// The row as the job alone says, without its document.
    pub(super) fn from_job(job: &JobDescription, app: AppId, now: i32) -> Self {
        let transitioner_flags = job.assignment.transitioner_flags();
        Self {
            create_time: now,
            appid: app,
            name: job.name.clone(),
            xml_doc: Vec::new(),
            batch: job.batch,
            rsc_fpops_est: job.rsc_fpops_est,
            rsc_fpops_bound: job.rsc_fpops_bound,
            rsc_memory_bound: job.rsc_memory_bound,
            rsc_disk_bound: job.rsc_disk_bound,
            need_validate: 0,
            canonical_resultid: 0,
            canonical_credit: job.credit,
            transition_time: if transitioner_flags == 0 { now } else { NEVER },
            delay_bound: job.delay_bound,
            error_mask: 0,
            file_delete_state: 0,
            assimilate_state: 0,
            hr_class: job.hr_class,
            opaque: job.opaque,
            min_quorum: job.min_quorum,
            target_nresults: job.target_nresults,
            max_error_results: job.max_error_results,
            max_total_results: job.max_total_results,
            max_success_results: job.max_success_results,
            result_template_file: job.result_template_file.clone(),
            priority: job.priority,
            rsc_bandwidth_bound: job.rsc_bandwidth_bound,
            fileset_id: 0,
            app_version_id: 0,
            transitioner_flags,
            size_class: job.size_class,
            keywords: job.keywords.clone(),
            app_version_num: job.app_version_num,
        }
    }
}

fn as_text<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&String::from_utf8_lossy(bytes))
}

/// A workunit that can be inserted.
#[derive(Debug, Clone, PartialEq)]
pub struct Created {
    /// The row.
    pub workunit: NewWorkunit,
    /// What stock would have written to stderr although it succeeded, a line each.
    pub notes: Vec<String>,
}
