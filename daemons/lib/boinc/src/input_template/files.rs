//! Where facts about input files come from.

use std::collections::BTreeMap;

use super::fault::Fault;

/// What a workunit's document says of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileFacts {
    /// MD5 digest, 32 hex digits in lower case.
    pub md5: String,
    /// Size in bytes.
    pub nbytes: u64,
}

/// Why there are no facts about a file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FileFault {
    /// No such file, or (for a constant file) no valid `.md5` beside it.
    #[error("{path} is missing")]
    Missing {
        /// Path or name.
        path: String,
    },
    /// It is there, but can't be read.
    #[error("{path}: {reason}")]
    Unreadable {
        /// Path or name.
        path: String,
        /// What the system says.
        reason: String,
    },
}

/// Facts about the files that a template names. Names have been checked
/// ([`crate::hierarchy::check_name`]) before they are passed.
///
/// What is worth telling although it is no error goes to `notes`, a line each.
pub trait InputFiles {
    /// A file of the job, which must lie in the download folder.
    ///
    /// # Errors
    /// It isn't there or can't be read.
    fn staged(&mut self, name: &str, notes: &mut Vec<String>) -> Result<FileFacts, FileFault>;

    /// A constant file, staged earlier, whose `.md5` must lie beside it.
    ///
    /// # Errors
    /// File or `.md5` is missing or not valid.
    fn constant(&mut self, name: &str, notes: &mut Vec<String>) -> Result<FileFacts, FileFault>;

    /// Size in bytes of the compressed twin `NAME.gz`.
    ///
    /// # Errors
    /// It isn't there.
    fn gzipped_nbytes(&mut self, name: &str) -> Result<u64, FileFault>;

    /// The output template, a path relative to the project directory, must exist.
    ///
    /// # Errors
    /// It doesn't.
    fn output_template(&mut self, path: &str) -> Result<(), FileFault>;
}

/// Facts about one file that the caller knows without looking.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownFile {
    /// Size and digest.
    pub facts: FileFacts,
    /// Size of the compressed twin, if there is one.
    pub gzipped_nbytes: Option<u64>,
}

/// Facts that the caller knows without looking, for a work generator that has just written the files.
/// Every output template counts as existing: check once when starting.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KnownFiles(pub BTreeMap<String, KnownFile>);

impl KnownFiles {
    /// Adds a file without a compressed twin.
    pub fn add(&mut self, name: impl Into<String>, md5: impl Into<String>, nbytes: u64) {
        let facts = FileFacts { md5: md5.into(), nbytes };
        self.0.insert(name.into(), KnownFile { facts, gzipped_nbytes: None });
    }

    fn get(&self, name: &str) -> Result<&KnownFile, FileFault> {
        self.0.get(name).ok_or_else(|| FileFault::Missing { path: name.to_owned() })
    }
}

impl InputFiles for KnownFiles {
    fn staged(&mut self, name: &str, _notes: &mut Vec<String>) -> Result<FileFacts, FileFault> {
        self.get(name).map(|file| file.facts.clone())
    }

    fn constant(&mut self, name: &str, notes: &mut Vec<String>) -> Result<FileFacts, FileFault> {
        self.staged(name, notes)
    }

    fn gzipped_nbytes(&mut self, name: &str) -> Result<u64, FileFault> {
        self.get(name)?.gzipped_nbytes.ok_or_else(|| FileFault::Missing { path: format!("{name}.gz") })
    }

    fn output_template(&mut self, _path: &str) -> Result<(), FileFault> {
        Ok(())
    }
}

impl FileFault {
    /// A staged file without facts.
    pub(super) fn of_staged(self) -> Fault {
        match self {
            Self::Missing { path } => {
                Fault::Unreadable { path, reason: "No such file or directory".to_owned() }
            }
            Self::Unreadable { path, reason } => Fault::Unreadable { path, reason },
        }
    }

    /// Where the file was looked for.
    pub(super) fn into_path(self) -> String {
        match self {
            Self::Missing { path } | Self::Unreadable { path, .. } => path,
        }
    }
}
