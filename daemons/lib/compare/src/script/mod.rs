//! A program that compares, for what can't be declared.
//!
//! Its arguments are as BOINC's script_validator has them; see [`ScriptSpec`]. `program` runs it.
//!
//! | exit status | what it means |
//! |---|---|
//! | 0 | agree; `init_script`: a good output |
//! | 1 | differ; a bad output |
//! | 1 with a Python traceback | can't say: it crashed |
//! | 75 | try again later |
//! | anything else, a signal, no end in time | can't say: never anybody's fault |
//!
//! Invariants. It ends: after the timeout the whole group is killed, and what it left behind in its group is killed in
//! any case, before its process id can be used again. What it writes never blocks it; the first 64 KiB are kept.
//!
//! Killed in the middle: the script goes on to its own end; nothing waits for it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::program::{self, Ended, LATER};
use crate::report::{Comparison, Reason};
use crate::spec::Report;

/// What a script said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// Exit status 0.
    Yes,
    /// Exit status 1.
    No,
    /// Exit status 75.
    Later,
    /// It could not be started, and why: the project's fault, so as 75.
    NotAsked(String),
    /// Anything else, and what it was.
    CantSay(String),
}

/// What Python writes before an exception that nobody caught.
const TRACEBACK: &str = "Traceback (most recent call last):";

/// A script that has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ran {
    /// What it said.
    pub answer: Answer,
    /// What it wrote to standard output and error, cut after 64 KiB, escaped but for line ends and tabs.
    pub output: String,
}

impl From<program::Run> for Ran {
    fn from(run: program::Run) -> Self {
        let answer = match run.ended {
            Ended::Status(0) => Answer::Yes,
            // Python ends with 1 when an exception is not caught, and that says nothing about an output.
            Ended::Status(1) if run.output.lines().any(|line| line == TRACEBACK) => {
                Answer::CantSay("the script crashed".to_owned())
            }
            Ended::Status(1) => Answer::No,
            Ended::NotStarted(why) => Answer::NotAsked(why),
            Ended::Status(LATER) => Answer::Later,
            Ended::Status(code) => Answer::CantSay(format!("the script ended with status {code}")),
            Ended::Otherwise(what) => Answer::CantSay(what),
        };
        Self { answer, output: run.output }
    }
}

/// Declaration of a program that compares. The first word is the program, in `bin/` of the project unless it is an
/// absolute path. Of the others, `files`, `result_id` and `runtime` stand for the output that is examined, `files2`,
/// `result_id2` and `runtime2` for the other one; further words are handed on as they are. Without words: the files.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ScriptSpec {
    /// Looks at one output. Empty: none.
    pub init_script: Vec<String>,
    /// Compares two outputs. Empty: none.
    pub compare_script: Vec<String>,
    /// It is stopped after so many seconds.
    pub timeout_seconds: f64,
}

impl Default for ScriptSpec {
    fn default() -> Self {
        Self { init_script: Vec::new(), compare_script: Vec::new(), timeout_seconds: 60.0 }
    }
}

/// Longest timeout, in seconds: a day.
const LONGEST: f64 = 86_400.0;

/// Words that only a comparison knows.
const OF_THE_SECOND: &[&str] = &["files2", "result_id2", "runtime2"];

impl ScriptSpec {
    pub(crate) fn check(&self, report: Report<'_>) {
        if self.init_script.is_empty() && self.compare_script.is_empty() {
            report("compare_script", "is missing: the program and its arguments, or init_script".into());
        }
        for (key, words) in [("init_script", &self.init_script), ("compare_script", &self.compare_script)] {
            if words.first().is_some_and(String::is_empty) {
                report(key, "begins with an empty word; the first one is the program".into());
            }
            if words.first().is_some_and(|program| program.contains(' ')) && words.len() == 1 {
                report(key, "is one word with blanks; write [\"program\", \"files\", …]".into());
            }
        }
        if let Some(word) = self.init_script.iter().find(|word| OF_THE_SECOND.contains(&word.as_str())) {
            report("init_script", format!("has the word {word}, but sees one output only"));
        }
        if !(self.timeout_seconds > 0.0 && self.timeout_seconds <= LONGEST) {
            let timeout = self.timeout_seconds;
            report("timeout_seconds", format!("is {timeout}, but must be above 0 and at most {LONGEST}"));
        }
    }
}

/// One output, as a script sees it.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    /// Paths of its files, in the order of the result.
    pub files: Vec<PathBuf>,
    /// Id of the result; 0 without BOINC.
    pub result_id: i64,
    /// Run time in seconds; 0 if it is not known.
    pub runtime: f64,
}

impl ScriptSpec {
    /// Programs that can't be run, with the reason. `folder` is where programs are.
    pub fn faults(&self, folder: &Path) -> Vec<String> {
        let programs =
            [&self.init_script, &self.compare_script].into_iter().filter_map(|words| words.first());
        programs.filter_map(|program| program::fault(&folder.join(program))).collect()
    }

    /// Asks `init_script` about one output; `None` if there is none. `folder` is where programs are.
    pub fn init(&self, output: &Seen, folder: &Path) -> Option<Ran> {
        self.run(&self.init_script, &["files"], output, None, folder)
    }

    /// Asks `compare_script` about two outputs; `None` if there is none.
    pub fn compare(&self, left: &Seen, right: &Seen, folder: &Path) -> Option<Ran> {
        self.run(&self.compare_script, &["files", "files2"], left, Some(right), folder)
    }

    fn run(
        &self,
        words: &[String],
        usual: &[&str],
        left: &Seen,
        right: Option<&Seen>,
        folder: &Path,
    ) -> Option<Ran> {
        let (program, words) = words.split_first()?;
        let mut arguments = Vec::new();
        let words: Vec<&str> =
            if words.is_empty() { usual.to_vec() } else { words.iter().map(String::as_str).collect() };
        for word in words {
            let (of, kind) = match word.strip_suffix('2') {
                Some(first) if OF_THE_SECOND.contains(&word) => (right, first),
                _ => (Some(left), word),
            };
            match (of, kind) {
                (Some(of), "files") => arguments.extend(of.files.iter().map(|path| path.into())),
                (Some(of), "result_id") => arguments.push(of.result_id.to_string().into()),
                // As C prints a double.
                (Some(of), "runtime") => arguments.push(format!("{:.6}", of.runtime).into()),
                _ => arguments.push(word.into()),
            }
        }
        let timeout = Duration::try_from_secs_f64(self.timeout_seconds).unwrap_or(Duration::from_secs(60));
        Some(program::run(&folder.join(program), &arguments, timeout).into())
    }
}

impl Ran {
    /// The answer as that of a comparison.
    pub fn comparison(&self) -> Comparison {
        let output = self.output.trim_end().to_owned();
        Comparison::new(match &self.answer {
            Answer::Yes => Reason::Script { agree: true, output },
            Answer::No => Reason::Script { agree: false, output },
            Answer::Later => {
                Reason::CantSay { side: None, what: "the script wants to be asked later".into() }
            }
            Answer::NotAsked(why) => Reason::CantSay { side: None, what: why.clone() },
            Answer::CantSay(what) => Reason::CantSay { side: None, what: format!("{what}: {output}") },
        })
    }
}

#[cfg(test)]
mod tests;
