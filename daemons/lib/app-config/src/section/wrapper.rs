//! `[wrapper]`: the task is a program, or several one after another, run by BOINC's wrapper.

use serde::{Deserialize, Serialize};

use super::Report;

/// A program or several, without a virtual machine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Default)]
#[serde(default, deny_unknown_fields)]
pub struct Wrapper {
    /// What runs, one after another.
    pub programs: Vec<Program>,
    /// Input files that are unpacked first.
    pub unzip: Vec<String>,
    /// The output file into which the files of `zip_files` are packed. Empty: none.
    pub zip: String,
    /// Regular expressions of names of files that are packed.
    pub zip_files: Vec<String>,
}

/// One program.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Program {
    /// Its logical name: the `open_name` of one of `[[version.files]]`.
    pub application: String,
    /// Its arguments.
    #[serde(default)]
    pub arguments: String,
    /// Whether the wrapper's own arguments after `--passthrough_child` are added.
    #[serde(default)]
    pub append_arguments: bool,
    /// What it reads. Empty: nothing.
    #[serde(default)]
    pub stdin: String,
    /// Where its output goes. Empty: nowhere.
    #[serde(default)]
    pub stdout: String,
    /// Where its messages go. Empty: to the result's stderr.
    #[serde(default)]
    pub stderr: String,
    /// A file that it writes when it has saved its state. Empty: none.
    #[serde(default)]
    pub checkpoint_file: String,
    /// A file with a number from 0 to 1. Empty: none.
    #[serde(default)]
    pub fraction_done_file: String,
    /// The folder that it runs in. Empty: the task's.
    #[serde(default)]
    pub exec_dir: String,
    /// Variables, as `NAME=value`.
    #[serde(default)]
    pub environment: Vec<String>,
    /// Its part of the whole task, against the others'.
    #[serde(default = "one")]
    pub weight: f64,
    /// It runs beside the others and ends with them.
    #[serde(default)]
    pub daemon: bool,
    /// It starts processes of its own.
    #[serde(default)]
    pub multi_process: bool,
    /// Paths have forward slashes also on Windows.
    #[serde(default)]
    pub forward_slashes: bool,
    /// It is ended after so many seconds. 0: the lifetime of `[task]` counts for the last one.
    #[serde(default)]
    pub time_limit: f64,
}

fn one() -> f64 {
    1.0
}

impl Wrapper {
    pub(crate) fn check(&self, report: &mut Report<'_>) {
        if !self.programs.iter().any(|program| !program.daemon) {
            report("programs", "nothing would run; write [[wrapper.programs]] with `application`".into());
        }
        for (index, program) in self.programs.iter().enumerate() {
            let mut wrong = |key: &str, message: String| report(&format!("programs.{index}.{key}"), message);
            if program.application.trim().is_empty() {
                wrong("application", "is empty; write the open_name of one of [[version.files]]".into());
            }
            if !(program.weight > 0.0 && program.weight.is_finite()) {
                wrong("weight", format!("is {}, but must be above 0", program.weight));
            }
            if !(0.0..=1e9).contains(&program.time_limit) {
                wrong("time_limit", format!("is {}, but must be 0 (none) or seconds", program.time_limit));
            }
            for variable in &program.environment {
                if !variable.contains('=') {
                    wrong("environment", format!("{variable:?} must be NAME=value"));
                }
            }
            let texts =
                [&program.application, &program.arguments, &program.stdin, &program.stdout, &program.stderr];
            if texts.into_iter().any(|text| text.chars().any(char::is_control)) {
                wrong("application", "a text of this program has a control character".into());
            }
        }
        if self.zip.is_empty() != self.zip_files.is_empty() {
            report(
                "zip",
                "`zip` and `zip_files` belong together: what is packed, and into which file".into(),
            );
        }
    }
}
