//! Output files of canonical results: found in the upload folder, read once, digested, and copied.
//!
//! What a volunteer uploaded is hostile. Invariants:
//! - Only regular files are read, never through a link, at most [`LARGEST_FILE`] bytes each.
//! - A copy has a name made by `layout`, so it can't leave its folder. It is written to a temporary file and
//!   renamed: readers see it whole or not at all.
//! - Nothing is written before all files that must be there are open.
//! - [`Copies::sync`] returns only when the copies are on disk. The file deleter removes the uploads as soon as
//!   their workunit is marked.
//!
//! Killed: a temporary file stays in the staging folder, which `recovery` clears. A copy made twice is the same
//! copy.

mod copies;
mod source;

use std::fs;
use std::path::PathBuf;

use boinc::result_doc::OutputFile;
use boinc::verdict::KeptFile;
use dataset::layout;
use dataset::storage::StorageError;
use dataset::table::results::Output;

pub use copies::Copies;
use source::{Identity, Source, open, read};

/// Largest output file that is taken, in bytes: 16 GiB.
pub const LARGEST_FILE: u64 = 16 << 30;
/// Most output files of one result.
pub const MOST_FILES: usize = 1000;

/// The upload folder of a project.
#[derive(Debug, Clone)]
pub struct UploadFolder {
    /// Its path.
    pub path: PathBuf,
    /// `uldl_dir_fanout`.
    pub fanout: u32,
}

/// Why the outputs of a workunit could not be had.
#[derive(Debug, thiserror::Error)]
pub enum OutputError {
    /// The workunit is set aside; the text says why.
    #[error("{0}")]
    Workunit(String),
    /// The dataset's storage: nobody's fault.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// The daemon is to stop.
    #[error("asked to stop")]
    Stopped,
}

/// An output file that was read, and where it was read from.
#[derive(Debug, Clone)]
pub struct Taken {
    /// What is recorded of it.
    pub output: Output,
    /// Its logical name.
    pub open_name: String,
    /// Where it lies in the upload folder.
    pub path: PathBuf,
    identity: Identity,
}

impl Taken {
    /// True if the file is still the one that was read and digested.
    #[must_use]
    pub fn is_same(&self) -> bool {
        fs::symlink_metadata(&self.path).is_ok_and(|facts| Identity::of(&facts) == self.identity)
    }
}

/// Reads the output files of a result, and copies them to `folder` (below the root of `copies`) if that is given. Files
/// that the validator compared must be those in `validated`; those that are not named there are taken as they are.
///
/// # Errors
/// See [`OutputError`].
pub fn take(
    upload: &UploadFolder,
    files: &[OutputFile],
    validated: &[KeptFile],
    copies: Option<(&mut Copies<'_>, &str)>,
    stopping: &dyn Fn() -> bool,
) -> Result<Vec<Taken>, OutputError> {
    if files.len() > MOST_FILES {
        return Err(OutputError::Workunit(format!(
            "it has {} output files, at most {MOST_FILES} are taken",
            files.len()
        )));
    }
    let mut sources: Vec<Source> = Vec::with_capacity(files.len());
    for file in files {
        // The same file named twice is one file.
        if sources.iter().any(|known| known.physical == file.physical_name) {
            continue;
        }
        let Some((path, handle, facts)) = open(upload, file)? else { continue };
        let name = layout::output_name(&file.open_name, &file.physical_name, |name| {
            sources.iter().any(|known| known.name == name)
        });
        let kept = validated.iter().find(|kept| kept.name == file.open_name);
        sources.push(Source {
            name,
            open_name: file.open_name.clone(),
            physical: file.physical_name.clone(),
            path,
            identity: Identity::of(&facts),
            file: handle,
            size: facts.len(),
            validated: kept.map(|kept| kept.sha256.clone()),
        });
    }
    let mut taken = Vec::with_capacity(sources.len());
    let mut copies = copies;
    for mut source in sources {
        let output = match &mut copies {
            Some((copies, folder)) => copies.copy(&mut source, folder, stopping)?,
            None => {
                let output = read(&mut source, stopping, |_| Ok(()))?;
                source.check(&output).map(|()| output)?
            }
        };
        taken.push(source.taken(output));
    }
    Ok(taken)
}

#[cfg(test)]
mod tests;
