//! Facts about input files for the template: the job's own file, which is being staged; shared ones, which are; and
//! those that lie in the download folder.

use std::collections::BTreeMap;

use boinc::download_dir::DownloadDir;
use boinc::input_template::{FileFacts, FileFault, InputFiles, Remembered};

use crate::staging::{Stage, StageError};

/// See the module.
pub struct Inputs {
    stage: Stage,
    /// Shared files, and what is found in this pass.
    download: Remembered<DownloadDir>,
    twins: BTreeMap<String, u64>,
    offered: Option<(String, Vec<u8>)>,
    /// The offered file was not there before.
    pub new: bool,
    /// Stage files; if not, only describe them.
    pub write: bool,
    /// What the file system refused: no fault of the job.
    pub trouble: Option<StageError>,
}

impl Inputs {
    /// Describes files until `write` is set. `shared`: files that are staged.
    pub fn new(stage: Stage, download: DownloadDir, shared: &BTreeMap<String, FileFacts>) -> Self {
        Self {
            stage,
            download: Remembered::new(download, shared.clone()),
            twins: BTreeMap::new(),
            offered: None,
            new: false,
            write: false,
            trouble: None,
        }
    }

    /// The file that the next workunit takes, if its template takes one.
    pub fn offer(&mut self, name: &str, content: Vec<u8>) {
        self.offered = Some((name.to_owned(), content));
        self.new = false;
    }

    /// Takes the offered file away again, if it was not there before: its job can't be made.
    pub fn take_back(&mut self) {
        if let Some((name, _)) = self.offered.as_ref().filter(|_| std::mem::take(&mut self.new)) {
            self.stage.take_back(std::slice::from_ref(name));
        }
    }

    fn refused(&mut self, name: &str, error: StageError) -> FileFault {
        let fault = FileFault::Unreadable { path: name.to_owned(), reason: error.to_string() };
        if matches!(error, StageError::Io { .. }) {
            self.trouble = Some(error);
        }
        fault
    }
}

impl InputFiles for Inputs {
    fn staged(&mut self, name: &str, notes: &mut Vec<String>) -> Result<FileFacts, FileFault> {
        if let Some((_, content)) = self.offered.as_ref().filter(|(offered, _)| offered == name) {
            if !self.write {
                return Ok(boinc::md5_cache::of_bytes(content));
            }
            return match self.stage.put(name, content) {
                Ok(staged) => {
                    self.new = staged.new;
                    Ok(staged.facts)
                }
                Err(error) => Err(self.refused(name, error)),
            };
        }
        self.download.staged(name, notes)
    }

    fn constant(&mut self, name: &str, notes: &mut Vec<String>) -> Result<FileFacts, FileFault> {
        self.download.constant(name, notes)
    }

    fn gzipped_nbytes(&mut self, name: &str) -> Result<u64, FileFault> {
        if !self.write {
            return Ok(1);
        }
        let own = self.offered.as_ref().is_some_and(|(offered, _)| offered == name);
        if let Some(nbytes) = self.twins.get(name).filter(|_| !own) {
            return Ok(*nbytes);
        }
        let nbytes = self.stage.put_twin(name).map_err(|error| self.refused(name, error))?;
        if !own {
            self.twins.insert(name.to_owned(), nbytes);
        }
        Ok(nbytes)
    }

    fn output_template(&mut self, _path: &str) -> Result<(), FileFault> {
        // Looked at once when the campaign is read.
        Ok(())
    }
}
