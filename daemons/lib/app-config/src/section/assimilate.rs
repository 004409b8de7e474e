//! `[assimilate]`: where validated outputs go, and what is made of them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use compare::extract::ExtractSpec;
use serde::{Deserialize, Serialize};

use super::Report;
use super::work::is_parameter_name;
use crate::name::stays_below;

/// What becomes of output files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outputs {
    /// They are copied into the dataset as they are.
    #[default]
    Copy,
    /// They are copied and compressed with zstd.
    Zstd,
    /// They stay in the upload folder until BOINC deletes them.
    Leave,
}

/// Storage that speaks S3, for a folder `s3://BUCKET/PREFIX`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct S3 {
    /// Address of the service; empty: Amazon's.
    pub endpoint: String,
    /// Its region.
    pub region: String,
    /// File with the keys: absolute, or relative to the project directory.
    pub credentials: PathBuf,
    /// Longest time of one request.
    pub timeout_seconds: f64,
    /// Workunits that are written together, into one file of each table and campaign.
    pub rows_per_file: u32,
    /// So long it is waited for so many; 0: not at all.
    pub wait_seconds: f64,
}

impl Default for S3 {
    fn default() -> Self {
        Self {
            endpoint: String::new(),
            region: "us-east-1".to_owned(),
            credentials: "cobblestone/s3.toml".into(),
            timeout_seconds: 30.0,
            rows_per_file: 10_000,
            wait_seconds: 3600.0,
        }
    }
}

/// Most workunits in one transaction.
const MOST_ROWS: u32 = 50_000;

/// Type of the column that a parameter of jobs gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ParameterType {
    /// Text. Numbers are shown as text.
    Text,
    /// A whole number of 64 bits.
    Integer,
    /// A floating-point number.
    Number,
}

impl ParameterType {
    /// As it stands in the file.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Integer => "integer",
            Self::Number => "number",
        }
    }
}

/// What a hook is run for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HookPer {
    /// Each workunit.
    #[default]
    Workunit,
    /// All workunits that are assimilated together.
    Batch,
}

/// A program that is run before workunits are assimilated.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Hook {
    /// The program and its arguments; empty: none.
    pub command: Vec<String>,
    /// What it is run for.
    pub per: HookPer,
    /// It is stopped after so many seconds.
    pub timeout_seconds: f64,
    /// After so many failures it is not tried again for a workunit.
    pub tries: i32,
}

impl Default for Hook {
    fn default() -> Self {
        Self { command: Vec::new(), per: HookPer::Workunit, timeout_seconds: 60.0, tries: 10 }
    }
}

/// A program that is run when a campaign or a batch is complete.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Summary {
    /// The program and its arguments; empty: none.
    pub command: Vec<String>,
    /// It is stopped after so many seconds.
    pub timeout_seconds: f64,
    /// After so many failures it is not tried again.
    pub tries: i32,
}

impl Default for Summary {
    fn default() -> Self {
        Self { command: Vec::new(), timeout_seconds: 600.0, tries: 10 }
    }
}

/// Longest time of a program or a request, in seconds: a day.
const LONGEST: f64 = 86_400.0;

fn check_time(key: &str, seconds: f64, report: &mut Report<'_>) {
    if !(seconds > 0.0 && seconds <= LONGEST) {
        report(key, format!("is {seconds}, but must be above 0 and at most {LONGEST}"));
    }
}

fn check_command(section: &str, command: &[String], tries: i32, report: &mut Report<'_>) {
    if command.first().is_some_and(String::is_empty) {
        report(
            &format!("{section}.command"),
            "begins with an empty word; the first one is the program".into(),
        );
    }
    if command.len() == 1 && command.first().is_some_and(|program| program.contains(' ')) {
        let message = "is one word with blanks; write [\"program\", \"files\", …]".into();
        report(&format!("{section}.command"), message);
    }
    if tries < 1 {
        report(&format!("{section}.tries"), format!("is {tries}, but must be 1 or more"));
    }
}

/// Where validated outputs go.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Assimilate {
    /// Folder of the results: absolute, or relative to the project directory and then below it; or `s3://BUCKET/PREFIX`.
    pub folder: PathBuf,
    /// What becomes of output files.
    pub outputs: Outputs,
    /// Level of zstd, 1 to 19.
    pub zstd_level: i32,
    /// Whether a valid result whose guest reported no jobs and no events is flagged for review. It needs `[[reports]]`.
    pub flag_idle: bool,
    /// Parameters of jobs that get a column of their own.
    pub parameters: BTreeMap<String, ParameterType>,
    /// Tables of what stands in output files.
    pub data: Vec<ExtractSpec>,
    /// Of a folder `s3://…`.
    pub s3: S3,
    /// A program that is run before workunits are assimilated.
    pub hook: Hook,
    /// A program that is run when a campaign or a batch is complete.
    pub summary: Summary,
}

impl Default for Assimilate {
    fn default() -> Self {
        Self {
            folder: "results".into(),
            outputs: Outputs::Copy,
            zstd_level: 3,
            flag_idle: true,
            parameters: BTreeMap::new(),
            data: Vec::new(),
            s3: S3::default(),
            hook: Hook::default(),
            summary: Summary::default(),
        }
    }
}

impl Assimilate {
    /// The folder of the results of a project.
    pub fn folder_in(&self, project_dir: &Path) -> PathBuf {
        // An absolute path replaces what it is joined to.
        project_dir.join(&self.folder)
    }

    /// Bucket and prefix of a folder `s3://BUCKET/PREFIX`; the prefix has no slash at its ends and may be empty.
    pub fn bucket(&self) -> Option<(&str, &str)> {
        let rest = self.folder.to_str()?.strip_prefix("s3://")?;
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        Some((bucket, prefix.trim_matches('/')))
    }

    pub(crate) fn check(&self, report: &mut Report<'_>) {
        let text = self.folder.to_string_lossy();
        if let Some((bucket, prefix)) = self.bucket() {
            let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
            let parts_are_good = prefix.is_empty()
                || prefix
                    .split('/')
                    .all(|part| !part.is_empty() && !matches!(part, "." | "..") && part.chars().all(is_name));
            if bucket.is_empty() || !bucket.chars().all(is_name) || !parts_are_good {
                report("folder", format!("is \"{text}\", but must be as in \"s3://bucket/some/prefix\""));
            }
        } else if !self.folder.is_absolute() && !stays_below(&text) {
            report(
                "folder",
                format!("\"{text}\" leaves the project directory; write an absolute path for that"),
            );
        }
        if !(1..=19).contains(&self.zstd_level) {
            report("zstd_level", format!("is {}, but must be from 1 to 19", self.zstd_level));
        }
        let endpoint = &self.s3.endpoint;
        if !endpoint.is_empty() && !endpoint.starts_with("https://") && !endpoint.starts_with("http://") {
            report("s3.endpoint", format!("is {endpoint:?}, but must begin with https:// or http://"));
        }
        check_time("s3.timeout_seconds", self.s3.timeout_seconds, report);
        if !(1..=MOST_ROWS).contains(&self.s3.rows_per_file) {
            let rows = self.s3.rows_per_file;
            report("s3.rows_per_file", format!("is {rows}, but must be from 1 to {MOST_ROWS}"));
        }
        if !(0.0..=LONGEST).contains(&self.s3.wait_seconds) {
            report(
                "s3.wait_seconds",
                format!("is {}, but must be from 0 to {LONGEST}", self.s3.wait_seconds),
            );
        }
        check_time("hook.timeout_seconds", self.hook.timeout_seconds, report);
        check_time("summary.timeout_seconds", self.summary.timeout_seconds, report);
        check_command("hook", &self.hook.command, self.hook.tries, report);
        check_command("summary", &self.summary.command, self.summary.tries, report);
        for (index, name) in self.parameters.keys().enumerate() {
            let key = format!("parameters.{name}");
            if !is_parameter_name(name) {
                report(
                    &key,
                    "no parameter has such a name: letters, digits and `_`, not beginning with a digit"
                        .into(),
                );
            }
            // To many readers, names of columns that differ in case are one name.
            if self.parameters.keys().take(index).any(|other| other.eq_ignore_ascii_case(name)) {
                report(&key, "differs from another one in case only".into());
            }
        }
        for (index, data) in self.data.iter().enumerate() {
            for (key, message) in data.plan().err().unwrap_or_default() {
                report(&format!("data.{index}.{key}"), message);
            }
            if self.data.iter().take(index).any(|other| other.name == data.name) {
                report(&format!("data.{index}.name"), format!("{:?} is declared twice", data.name));
            }
        }
    }
}
