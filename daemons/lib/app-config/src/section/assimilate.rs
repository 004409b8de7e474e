//! `[assimilate]`: where validated outputs go.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::Report;
use crate::name::stays_below;

/// Where validated outputs go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Assimilate {
    /// Folder of the results: absolute, or relative to the project directory and then below it.
    pub folder: PathBuf,
    /// Whether output files are copied there. If not, only the table of results is written.
    pub copy_outputs: bool,
}

impl Default for Assimilate {
    fn default() -> Self {
        Self { folder: "results".into(), copy_outputs: true }
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
    }
}
