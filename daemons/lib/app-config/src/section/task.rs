//! `[task]`: one task on a volunteer's computer, whatever it runs in. BOINC's templates are made from it.

use serde::{Deserialize, Serialize};

use super::Report;
use super::version::check_file;

/// One task on a volunteer's computer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Task {
    /// How long it runs, in hours of elapsed time.
    pub lifetime_hours: f64,
    /// Hours from sending to the deadline (`delay_bound`).
    pub deadline_hours: f64,
    /// Seconds of elapsed time between two messages that claim uptime. 0: none.
    pub trickle_seconds: f64,
    /// Memory, MB (of 2^20 bytes).
    pub memory_mb: u32,
    /// More memory for each core, MB.
    pub memory_per_core_mb: u32,
    /// Disk of the task, GB (of 10^9 bytes).
    pub disk_gb: f64,
    /// Least number of cores.
    pub min_cores: u32,
    /// Largest number of cores.
    pub max_cores: u32,
    /// Speed of one core of an ordinary computer, GFLOPS: for `rsc_fpops_est`.
    pub gflops: f64,
    /// Speed that no core has, GFLOPS: for `rsc_fpops_bound`.
    pub fastest_gflops: f64,
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
    /// More arguments of the wrapper.
    pub arguments: String,
    /// How the task opens the workunit's own input file. Empty: it has none.
    pub input: String,
    /// Input files that are the same for all workunits.
    pub files: Vec<InputFile>,
    /// What the task leaves behind.
    pub outputs: Vec<Output>,
}

/// An input file that is the same for all workunits, staged once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InputFile {
    /// Its name in the download folder.
    pub name: String,
    /// The name by which the task opens it.
    pub open_name: String,
}

/// An output file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Output {
    /// The name under which the task leaves it, as in `shared/out.txt`.
    pub open_name: String,
    /// Largest size that may be uploaded, bytes.
    pub max_bytes: u64,
    /// It may be missing.
    #[serde(default)]
    pub optional: bool,
    /// It is not compared.
    #[serde(default)]
    pub no_validate: bool,
}

impl Default for Task {
    fn default() -> Self {
        Self {
            lifetime_hours: 24.0,
            deadline_hours: 120.0,
            trickle_seconds: 900.0,
            memory_mb: 1024,
            memory_per_core_mb: 0,
            disk_gb: 10.0,
            min_cores: 1,
            max_cores: 1,
            gflops: 4.6,
            fastest_gflops: 100.0,
            min_quorum: 2,
            target_nresults: 2,
            max_error_results: 4,
            max_total_results: 8,
            max_success_results: 6,
            arguments: String::new(),
            input: "shared/context.txt".to_owned(),
            files: Vec::new(),
            outputs: Vec::new(),
        }
    }
}

impl Task {
    /// How long it runs, seconds.
    #[must_use]
    pub fn lifetime(&self) -> f64 {
        self.lifetime_hours * 3600.0
    }

    pub(crate) fn check(&self, report: &mut Report<'_>) {
        let year = 366.0 * 24.0;
        for (key, value, least, most) in [
            ("lifetime_hours", self.lifetime_hours, 0.01, year),
            ("deadline_hours", self.deadline_hours, 0.01, year),
            ("disk_gb", self.disk_gb, 0.001, 1e5),
            ("gflops", self.gflops, 0.001, 1e4),
            ("fastest_gflops", self.fastest_gflops, 0.001, 1e6),
        ] {
            if !(least..=most).contains(&value) {
                report(key, format!("is {value}, but must be from {least} to {most}"));
            }
        }
        if self.trickle_seconds != 0.0 && !(1.0..=31_622_400.0).contains(&self.trickle_seconds) {
            report(
                "trickle_seconds",
                format!("is {}, but must be 0 (none) or at least 1", self.trickle_seconds),
            );
        }
        if self.fastest_gflops < self.gflops {
            report("fastest_gflops", format!("is {}, less than gflops", self.fastest_gflops));
        }
        self.check_counts(report);
        if self.arguments.contains(['<', '>', '&']) || self.arguments.chars().any(char::is_control) {
            report(
                "arguments",
                "holds `<`, `>`, `&` or a control character, which break BOINC's documents".into(),
            );
        }
        if !self.input.is_empty() {
            check_open_name(&self.input, &mut |message| report("input", message));
        }
        let mut names: Vec<&str> = Vec::new();
        for (index, file) in self.files.iter().enumerate() {
            check_file(&file.name, &mut |message| report(&format!("files.{index}.name"), message));
            let key = format!("files.{index}.open_name");
            check_open_name(&file.open_name, &mut |message| report(&key, message));
            if names.contains(&file.open_name.as_str()) || file.open_name == self.input {
                report(&key, format!("{:?} is the name of another input file", file.open_name));
            }
            names.push(&file.open_name);
        }
        names.clear();
        for (index, output) in self.outputs.iter().enumerate() {
            let key = format!("outputs.{index}.open_name");
            check_open_name(&output.open_name, &mut |message| report(&key, message));
            if names.contains(&output.open_name.as_str()) {
                report(&key, format!("{:?} is declared twice", output.open_name));
            }
            names.push(&output.open_name);
            if !(1..=1 << 53).contains(&output.max_bytes) {
                report(
                    &format!("outputs.{index}.max_bytes"),
                    format!("is {}, but must be at least 1", output.max_bytes),
                );
            }
        }
    }

    fn check_counts(&self, report: &mut Report<'_>) {
        if self.memory_mb == 0 || self.memory_mb > 1 << 22 {
            report("memory_mb", format!("is {}, but must be from 1 to {}", self.memory_mb, 1 << 22));
        }
        if self.memory_per_core_mb > 1 << 20 {
            report(
                "memory_per_core_mb",
                format!("is {}, but at most {} make sense", self.memory_per_core_mb, 1 << 20),
            );
        }
        if !(1..=1024).contains(&self.min_cores) {
            report("min_cores", format!("is {}, but must be from 1 to 1024", self.min_cores));
        }
        if self.max_cores < self.min_cores || self.max_cores > 1024 {
            report(
                "max_cores",
                format!("is {}, but must be from min_cores ({}) to 1024", self.max_cores, self.min_cores),
            );
        }
        for (key, value, least, reason) in [
            ("min_quorum", self.min_quorum, 1, "one result has to be there"),
            (
                "target_nresults",
                self.target_nresults,
                self.min_quorum,
                "less would wait for ever: that is min_quorum",
            ),
            (
                "max_success_results",
                self.max_success_results,
                self.target_nresults,
                "that is target_nresults",
            ),
            ("max_error_results", self.max_error_results, 1, "0 means that BOINC refuses the workunit"),
            (
                "max_total_results",
                self.max_total_results,
                self.max_success_results.max(self.max_error_results),
                "it is not less than max_success_results and max_error_results",
            ),
        ] {
            if value < least || value > 10_000 {
                report(key, format!("is {value}, but must be from {least} to 10000; {reason}"));
            }
        }
    }
}

/// A name in the task's folder: relative, and it does not leave it.
fn check_open_name(name: &str, report: &mut dyn FnMut(String)) {
    let plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-+/".contains(&byte));
    if !plain || name.len() > 255 || !crate::name::stays_below(name) {
        report(format!(
            "{name:?} can't be a file in the task's folder; use letters, digits, `.`, `_`, `-`, `+`, and `/` for folders"
        ));
    }
}
