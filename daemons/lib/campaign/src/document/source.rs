//! `[source]`: where the jobs of a campaign come from.

use app_config::stays_below;
use serde::{Deserialize, Serialize};

use super::check::Report;
use crate::records::Format;

/// Seconds that a program has, unless the file says otherwise.
const TIMEOUT: f64 = 3600.0;

/// Where the jobs of a campaign come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Its jobs are counted: they differ in number and seed only.
    Counter,
    /// The rows of one file.
    File,
    /// What is dropped into a folder.
    Folder,
    /// Rows that a person feeds: `cobblestone campaign feed`.
    Stdin,
    /// Rows that a program prints.
    Command,
}

impl Kind {
    /// As it stands in the file and in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::File => "file",
            Self::Folder => "folder",
            Self::Stdin => "stdin",
            Self::Command => "command",
        }
    }

    /// Whether its jobs are rows.
    #[must_use]
    pub const fn has_rows(self) -> bool {
        !matches!(self, Self::Counter)
    }
}

/// What is dropped into a folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Contents {
    /// Files of rows.
    Rows,
    /// Input files: each is one job.
    Files,
}

/// `[source]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Source {
    /// Where jobs come from.
    pub kind: Kind,
    /// Most jobs. None: a counter never ends, others end with their rows.
    pub jobs: Option<i64>,
    /// File or folder, relative to the project directory.
    pub path: String,
    /// How rows are written; None: as the file's name says.
    pub format: Option<Format>,
    /// What is dropped into the folder.
    pub contents: Contents,
    /// Program and arguments; started in the project directory, without a shell.
    pub command: Vec<String>,
    /// Seconds from one start of the program to the next; None: it is started once.
    pub every: Option<f64>,
    /// Most seconds from the program's start to its end.
    pub timeout_seconds: f64,
    /// Column that names the job.
    pub key: Option<String>,
    /// The campaign is paused when so many rows can't be made.
    pub max_set_aside: i64,
}

impl Default for Source {
    fn default() -> Self {
        Self {
            kind: Kind::Counter,
            jobs: None,
            path: String::new(),
            format: None,
            contents: Contents::Rows,
            command: Vec::new(),
            every: None,
            timeout_seconds: TIMEOUT,
            key: None,
            max_set_aside: 1000,
        }
    }
}

impl Source {
    /// Says what is wrong with it.
    pub(super) fn check(&self, report: &mut Report<'_>) {
        let (source, kind) = (self, self.kind);
        if source.jobs.is_some_and(|jobs| !(1..=i64::from(u32::MAX)).contains(&jobs)) {
            report(
                "source.jobs",
                format!("must be from 1 to {}; leave it out for a campaign that does not end", u32::MAX),
            );
        }
        let needs_path = matches!(kind, Kind::File | Kind::Folder);
        if needs_path && !stays_below(&source.path) {
            report(
                "source.path",
                format!("{:?} must be a path below the project directory, relative to it", source.path),
            );
        }
        let mut useless = |key: &str, given: bool, kinds: &str| {
            if given {
                report(
                    &format!("source.{key}"),
                    format!("has no effect with kind = \"{}\", only with {kinds}", kind.as_str()),
                );
            }
        };
        useless("path", !needs_path && !source.path.is_empty(), "file and folder");
        useless("command", kind != Kind::Command && !source.command.is_empty(), "command");
        useless("every", kind != Kind::Command && source.every.is_some(), "command");
        let declared = source.timeout_seconds.to_bits() != TIMEOUT.to_bits();
        useless("timeout_seconds", kind != Kind::Command && declared, "command");
        useless("format", kind == Kind::Counter && source.format.is_some(), "sources that have rows");
        useless("key", kind == Kind::Counter && source.key.is_some(), "sources that have rows");
        useless("contents", kind != Kind::Folder && source.contents == Contents::Files, "folder");
        if kind == Kind::Command && source.command.iter().all(String::is_empty) {
            report(
                "source.command",
                "must name a program and its arguments, as in [\"bin/jobs\", \"--all\"]".to_owned(),
            );
        }
        if source.every.is_some_and(|every| !(every.is_finite() && every >= 1.0)) {
            report("source.every", "must be at least 1 second".to_owned());
        }
        if !(source.timeout_seconds.is_finite() && source.timeout_seconds >= 1.0) {
            report("source.timeout_seconds", "must be at least 1 second".to_owned());
        }
        if kind == Kind::File && source.format.is_none() && Format::of_name(&source.path).is_none() {
            report(
                "source.format",
                "must be \"csv\" or \"jsonl\": the name of the file does not say it".to_owned(),
            );
        }
        if source.contents == Contents::Files && (source.key.is_some() || source.format.is_some()) {
            report(
                "source.contents",
                "input files have no rows: leave out key and format; the file's name is the key".to_owned(),
            );
        }
        if source.max_set_aside < 1 {
            report("source.max_set_aside", "must be at least 1".to_owned());
        }
    }
}
