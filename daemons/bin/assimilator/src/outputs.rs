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

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use boinc::hierarchy;
use boinc::printable::printable;
use boinc::result_doc::OutputFile;
use boinc::verdict::KeptFile;
use rustix::fs::OFlags;
use sha2::{Digest, Sha256};

use crate::layout;
use crate::storage::{self, StorageError, storage};

/// Largest output file that is taken, in bytes: 16 GiB.
pub const LARGEST_FILE: u64 = 16 << 30;
/// Most output files of one result.
pub const MOST_FILES: usize = 1000;
/// Up to so many copies are brought to disk one by one.
const SYNC_SINGLY: usize = 16;
const CHUNK: usize = 256 << 10;

/// An output file, as it is recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// Its name in the workunit's folder of outputs.
    pub name: String,
    /// Its size.
    pub bytes: i64,
    /// SHA-256 digest of its content, lower-case hex.
    pub sha256: String,
}

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

struct Source {
    name: String,
    physical: String,
    file: File,
    size: u64,
    /// SHA-256 of the file that the validator compared, where it is kept.
    validated: Option<String>,
}

impl Source {
    /// The file is the one that was validated.
    fn check(&self, output: &Output) -> Result<(), OutputError> {
        match &self.validated {
            Some(digest) if *digest != output.sha256 => Err(OutputError::Workunit(format!(
                "output file {} is not the one that was validated: it was replaced since; put that one back, or have the \
                 workunit validated again",
                printable(&self.physical, 100)
            ))),
            _ => Ok(()),
        }
    }
}

/// Copies output files, and remembers what is not on disk yet.
#[derive(Debug)]
pub struct Copies<'a> {
    /// The application's folder.
    root: &'a Path,
    /// Folder for temporary files, on the same file system.
    temp: &'a Path,
    made: Vec<PathBuf>,
    number: u64,
}

impl<'a> Copies<'a> {
    /// None yet. `temp` must exist, be empty, and be nobody else's.
    #[must_use]
    pub fn new(root: &'a Path, temp: &'a Path) -> Self {
        Self { root, temp, made: Vec::new(), number: 0 }
    }

    /// Brings all copies made so far to disk.
    ///
    /// # Errors
    /// The system's; then the workunits must not be marked.
    pub fn sync(&mut self) -> Result<(), StorageError> {
        if self.made.len() > SYNC_SINGLY {
            storage::sync_file_system(self.root)?;
        } else {
            let mut folders = BTreeSet::new();
            for path in &self.made {
                File::open(path).and_then(|file| file.sync_all()).map_err(storage("sync", path))?;
                folders.extend(path.ancestors().skip(1).take_while(|folder| folder.starts_with(self.root)));
            }
            // The deepest first.
            for folder in folders.into_iter().rev() {
                storage::sync_folder(folder)?;
            }
        }
        self.made.clear();
        Ok(())
    }

    /// Reads from `from` to a file `folder/name` below the root.
    fn copy(
        &mut self,
        source: &mut Source,
        folder: &str,
        stopping: &dyn Fn() -> bool,
    ) -> Result<Output, OutputError> {
        self.number += 1;
        let temp = self.temp.join(self.number.to_string());
        let mut file = File::create_new(&temp).map_err(storage("make", &temp))?;
        let read = read(source, stopping, |bytes| file.write_all(bytes).map_err(storage("write", &temp)))
            .and_then(|output| source.check(&output).map(|()| output));
        let output = match read {
            Ok(output) => output,
            Err(error) => {
                // The first error counts.
                let _ = fs::remove_file(&temp);
                return Err(error);
            }
        };
        drop(file);
        storage::make_folders(self.root, Path::new(folder), false)?;
        let path = self.root.join(folder).join(&output.name);
        fs::rename(&temp, &path).map_err(storage("make", &path))?;
        self.made.push(path);
        Ok(output)
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
) -> Result<Vec<Output>, OutputError> {
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
        let Some((handle, size)) = open(upload, file)? else { continue };
        let name = layout::output_name(&file.open_name, &file.physical_name, |name| {
            sources.iter().any(|known| known.name == name)
        });
        let kept = validated.iter().find(|kept| kept.name == file.open_name);
        sources.push(Source {
            name,
            physical: file.physical_name.clone(),
            file: handle,
            size,
            validated: kept.map(|kept| kept.sha256.clone()),
        });
    }
    match copies {
        Some((copies, folder)) => {
            sources.iter_mut().map(|source| copies.copy(source, folder, stopping)).collect()
        }
        None => sources
            .iter_mut()
            .map(|source| {
                let output = read(source, stopping, |_| Ok(()))?;
                source.check(&output).map(|()| output)
            })
            .collect(),
    }
}

/// `None`: it is missing, and may be.
fn open(upload: &UploadFolder, wanted: &OutputFile) -> Result<Option<(File, u64)>, OutputError> {
    let shown = printable(&wanted.physical_name, 100);
    let fault = |what: String| OutputError::Workunit(format!("output file {shown} {what}"));
    let path = hierarchy::path_in(&upload.path, &wanted.physical_name, upload.fanout)
        .map_err(|error| OutputError::Workunit(error.to_string()))?;
    // NONBLOCK: opening a named pipe must not wait for its writer.
    let flags = i32::try_from((OFlags::NOFOLLOW | OFlags::NONBLOCK).bits()).unwrap_or(0);
    let file = match OpenOptions::new().read(true).custom_flags(flags).open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            if !upload.path.is_dir() {
                // Not this workunit's fault: none of them has its files.
                let source = io::Error::from(io::ErrorKind::NotFound);
                return Err(storage("find the upload folder", &upload.path)(source).into());
            }
            if wanted.optional {
                return Ok(None);
            }
            return Err(fault(format!("is missing; it should be {}", path.display())));
        }
        Err(error) => return Err(fault(format!("can't be opened: {error}; it is {}", path.display()))),
    };
    let facts = file.metadata().map_err(|error| fault(format!("can't be read: {error}")))?;
    if !facts.is_file() {
        return Err(fault("is no regular file".to_owned()));
    }
    if facts.len() > LARGEST_FILE {
        return Err(fault(format!("has {} bytes, at most {LARGEST_FILE} are taken", facts.len())));
    }
    Ok(Some((file, facts.len())))
}

/// Reads a file once, to its digest and to `sink`. It must have the size that it had when it was opened.
fn read(
    source: &mut Source,
    stopping: &dyn Fn() -> bool,
    mut sink: impl FnMut(&[u8]) -> Result<(), StorageError>,
) -> Result<Output, OutputError> {
    let mut digest = Sha256::new();
    let mut total = 0_u64;
    let mut buffer = vec![0; CHUNK.min(usize::try_from(source.size).unwrap_or(CHUNK).max(1))];
    loop {
        if stopping() {
            return Err(OutputError::Stopped);
        }
        let n = match source.file.read(&mut buffer) {
            Ok(0) => break,
            Ok(n) => n,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => {
                let shown = printable(&source.physical, 100);
                return Err(OutputError::Workunit(format!("output file {shown} can't be read: {error}")));
            }
        };
        total = total.saturating_add(n as u64);
        if total > source.size {
            break;
        }
        let bytes = buffer.get(..n).unwrap_or_default();
        digest.update(bytes);
        sink(bytes)?;
    }
    if total != source.size {
        let shown = printable(&source.physical, 100);
        return Err(OutputError::Workunit(format!("output file {shown} changes its size while it is read")));
    }
    let mut sha256 = String::with_capacity(64);
    for byte in digest.finalize() {
        let _ = write!(sha256, "{byte:02x}");
    }
    Ok(Output { name: source.name.clone(), bytes: i64::try_from(total).unwrap_or(i64::MAX), sha256 })
}

#[cfg(test)]
mod tests;
