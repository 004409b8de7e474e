//! Facts about input files for the template: the job's own file, which is being staged, and constant ones, which
//! lie in the download folder.

use boinc::download_dir::DownloadDir;
use boinc::input_template::{FileFacts, FileFault, InputFiles, KnownFiles};

use crate::staging::Stage;

/// See the module.
pub struct Inputs {
    stage: Stage,
    constants: DownloadDir,
    known: KnownFiles,
    offered: Option<(String, Vec<u8>)>,
    /// Stage files; if not, only describe them.
    pub write: bool,
}

impl Inputs {
    /// Describes files until `write` is set.
    pub fn new(stage: Stage, constants: DownloadDir) -> Self {
        Self { stage, constants, known: KnownFiles::default(), offered: None, write: false }
    }

    /// The file that the next workunit takes, if its template takes one.
    pub fn offer(&mut self, name: &str, content: Vec<u8>) {
        self.offered = Some((name.to_owned(), content));
    }
}

impl InputFiles for Inputs {
    fn staged(&mut self, name: &str, _notes: &mut Vec<String>) -> Result<FileFacts, FileFault> {
        let Some((_, content)) = self.offered.as_ref().filter(|(offered, _)| offered == name) else {
            return Err(FileFault::Missing { path: name.to_owned() });
        };
        if !self.write {
            return Ok(boinc::md5_cache::of_bytes(content));
        }
        self.stage
            .put(name, content)
            .map_err(|error| FileFault::Unreadable { path: name.to_owned(), reason: format!("{error:#}") })
    }

    fn constant(&mut self, name: &str, notes: &mut Vec<String>) -> Result<FileFacts, FileFault> {
        match self.known.constant(name, notes) {
            Ok(facts) => Ok(facts),
            Err(_) => {
                let facts = self.constants.constant(name, notes)?;
                self.known.add(name, facts.md5.clone(), facts.nbytes);
                Ok(facts)
            }
        }
    }

    fn gzipped_nbytes(&mut self, name: &str) -> Result<u64, FileFault> {
        self.constants.gzipped_nbytes(name)
    }

    fn output_template(&mut self, _path: &str) -> Result<(), FileFault> {
        // Looked at once when starting.
        Ok(())
    }
}
