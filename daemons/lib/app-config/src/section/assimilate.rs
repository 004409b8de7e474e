//! `[assimilate]`: where validated outputs go, and what is made of them.

use std::path::{Path, PathBuf};

use compare::extract::ExtractSpec;
use serde::{Deserialize, Serialize};

use super::Report;
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

/// Where validated outputs go.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Assimilate {
    /// Folder of the results: absolute, or relative to the project directory and then below it.
    pub folder: PathBuf,
    /// What becomes of output files.
    pub outputs: Outputs,
    /// Level of zstd, 1 to 19.
    pub zstd_level: i32,
    /// Whether a valid result whose guest reported no jobs and no events is flagged for review. It needs `[[reports]]`.
    pub flag_idle: bool,
    /// Tables of what stands in output files.
    pub data: Vec<ExtractSpec>,
}

impl Default for Assimilate {
    fn default() -> Self {
        Self {
            folder: "results".into(),
            outputs: Outputs::Copy,
            zstd_level: 3,
            flag_idle: true,
            data: Vec::new(),
        }
    }
}

impl Assimilate {
    /// The folder of the results of a project.
    pub fn folder_in(&self, project_dir: &Path) -> PathBuf {
        // An absolute path replaces what it is joined to.
        project_dir.join(&self.folder)
    }

    pub(crate) fn check(&self, report: &mut Report<'_>) {
        let text = self.folder.to_string_lossy();
        if !self.folder.is_absolute() && !stays_below(&text) {
            report(
                "folder",
                format!("\"{text}\" leaves the project directory; write an absolute path for that"),
            );
        }
        if !(1..=19).contains(&self.zstd_level) {
            report("zstd_level", format!("is {}, but must be from 1 to 19", self.zstd_level));
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
