//! `[job]`: what the jobs of a campaign are, unless their rows say otherwise.

use app_config::stays_below;
use boinc::input_template::{MAX_KEYWORDS, MAX_RESULT_TEMPLATE_FILE};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::SharedFile;
use super::check::Report;
use super::file::RemoteFile;
use crate::columns::{self, check_file};

/// `[job]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Job {
    pub events: Option<i64>,
    pub priority: Option<i32>,
    pub batch: Option<i32>,
    pub min_quorum: Option<i32>,
    pub target_nresults: Option<i32>,
    pub max_error_results: Option<i32>,
    pub max_total_results: Option<i32>,
    pub max_success_results: Option<i32>,
    pub delay_bound: Option<i32>,
    pub app_version_num: i32,
    pub size_class: Option<i32>,
    pub keywords: String,
    pub target_host: Option<i32>,
    pub target_user: Option<i32>,
    pub target_team: Option<i32>,
    pub context: Option<String>,
    pub own_file: bool,
    pub command_line: String,
    pub input_template: Option<String>,
    pub output_template: Option<String>,
    pub shared_files: Vec<String>,
    pub remote_files: Vec<RemoteFile>,
}

impl Default for Job {
    fn default() -> Self {
        Self {
            events: None,
            priority: None,
            batch: None,
            min_quorum: None,
            target_nresults: None,
            max_error_results: None,
            max_total_results: None,
            max_success_results: None,
            delay_bound: None,
            app_version_num: 0,
            size_class: None,
            keywords: String::new(),
            target_host: None,
            target_user: None,
            target_team: None,
            context: None,
            own_file: true,
            command_line: String::new(),
            input_template: None,
            output_template: None,
            shared_files: Vec::new(),
            remote_files: Vec::new(),
        }
    }
}

impl Job {
    /// Says what is wrong with it.
    pub fn check(&self, report: &mut Report<'_>) {
        self.check_numbers(report);
        self.check_paths(report);
        self.check_remote_files(report);
    }

    /// How many of host, user and team it is reserved for.
    pub fn targets(&self) -> usize {
        [self.target_host, self.target_user, self.target_team].iter().flatten().count()
    }

    fn check_numbers(&self, report: &mut Report<'_>) {
        let job = self;
        let least = [
            ("min_quorum", job.min_quorum, 1),
            ("target_nresults", job.target_nresults, 1),
            ("max_error_results", job.max_error_results, 1),
            ("max_total_results", job.max_total_results, 1),
            ("max_success_results", job.max_success_results, 1),
            ("delay_bound", job.delay_bound, 1),
            ("app_version_num", Some(job.app_version_num), 0),
            ("batch", job.batch, 0),
            ("target_host", job.target_host, 1),
            ("target_user", job.target_user, 1),
            ("target_team", job.target_team, 1),
        ];
        for (key, value, least) in least {
            if value.is_some_and(|value| value < least) {
                report(&format!("job.{key}"), format!("must be at least {least}"));
            }
        }
        if job.events.is_some_and(|events| events < 0) {
            report("job.events", "must be 0 or larger".to_owned());
        }
        if job.size_class.is_some_and(|class| !(-1..=i32::from(i16::MAX)).contains(&class)) {
            report("job.size_class", format!("must be from -1 to {}", i16::MAX));
        }
        if !job.keywords.is_empty()
            && let Err(refusal) = columns::keywords(&Value::String(job.keywords.clone()))
        {
            report("job.keywords", format!("{} (at most {MAX_KEYWORDS} characters)", refusal.why));
        }
        if self.targets() > 1 {
            report(
                "job.target_host",
                "target_host, target_user and target_team exclude one another".to_owned(),
            );
        }
    }

    fn check_paths(&self, report: &mut Report<'_>) {
        let job = self;
        let paths = [
            ("job.context", job.context.as_ref()),
            ("job.input_template", job.input_template.as_ref()),
            ("job.output_template", job.output_template.as_ref()),
        ];
        for (key, path) in paths {
            if let Some(path) = path.filter(|path| !stays_below(path)) {
                report(
                    key,
                    format!(
                        "{path:?} must be the path of a file below the project directory, relative to it"
                    ),
                );
            }
        }
        if let Some(path) = job.output_template.as_ref().filter(|path| path.len() > MAX_RESULT_TEMPLATE_FILE)
        {
            report(
                "job.output_template",
                format!(
                    "has {} bytes, but BOINC's database has room for {MAX_RESULT_TEMPLATE_FILE}",
                    path.len()
                ),
            );
        }
        if job.context.is_some() && !job.own_file {
            report("job.context", "has no effect with own_file = false".to_owned());
        }
        for path in &job.shared_files {
            if !stays_below(path) {
                report(
                    "job.shared_files",
                    format!(
                        "{path:?} must be the path of a file below the project directory, relative to it"
                    ),
                );
            } else if let Err(refusal) = check_file(&SharedFile::at(path).name) {
                report("job.shared_files", refusal.why);
            }
        }
    }

    fn check_remote_files(&self, report: &mut Report<'_>) {
        for (index, file) in self.remote_files.iter().enumerate() {
            #[allow(clippy::cast_precision_loss, reason = "exact up to 2^53 bytes, and no file is larger")]
            let wrong = columns::check_remote(&file.url, file.nbytes as f64, &file.md5);
            for refusal in wrong.err().into_iter().flatten() {
                report(&format!("job.remote_files.{index}.{}", refusal.what), refusal.why);
            }
        }
    }
}
