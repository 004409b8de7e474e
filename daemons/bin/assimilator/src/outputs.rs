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
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use boinc::hierarchy;
use boinc::printable::printable;
use boinc::result_doc::OutputFile;
use boinc::verdict::KeptFile;
use rustix::fs::OFlags;
use sha2::{Digest, Sha256};

use dataset::layout;
use dataset::step::{Change, about_to};
use dataset::storage::{self, StorageError, storage};
use dataset::table::results::{Output, Stored};

/// Largest output file that is taken, in bytes: 16 GiB.
pub const LARGEST_FILE: u64 = 16 << 30;
/// Most output files of one result.
pub const MOST_FILES: usize = 1000;
/// Up to so many copies are brought to disk one by one.
const SYNC_SINGLY: usize = 16;
const CHUNK: usize = 256 << 10;

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
    #[allow(missing_docs)]
    pub output: Output,
    /// Its logical name.
    pub open_name: String,
    /// Where it lies in the upload folder.
    pub path: PathBuf,
    identity: Identity,
}

/// Tells a file from one that took its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Identity {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
}

impl Identity {
    fn of(facts: &fs::Metadata) -> Self {
        Self {
            device: facts.dev(),
            inode: facts.ino(),
            size: facts.len(),
            modified: (facts.mtime(), facts.mtime_nsec()),
        }
    }
}

impl Taken {
    /// True if the file is still the one that was read and digested.
    #[must_use]
    pub fn is_same(&self) -> bool {
        fs::symlink_metadata(&self.path).is_ok_and(|facts| Identity::of(&facts) == self.identity)
    }
}

struct Source {
    name: String,
    open_name: String,
    physical: String,
    path: PathBuf,
    identity: Identity,
    file: File,
    size: u64,
    /// SHA-256 of the file that the validator compared, where it is kept.
    validated: Option<String>,
}

impl Source {
    fn taken(&self, output: Output) -> Taken {
        Taken { output, open_name: self.open_name.clone(), path: self.path.clone(), identity: self.identity }
    }

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
    /// Level of zstd; `None`: files are kept as they are.
    zstd: Option<i32>,
    made: Vec<PathBuf>,
    number: u64,
}

/// A file in the making: counts and digests what it gets.
struct Counted<'p> {
    file: File,
    path: &'p Path,
    digest: Sha256,
    bytes: u64,
    error: Option<StorageError>,
}

impl io::Write for Counted<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        about_to(Change::Write, self.path);
        let n = match self.file.write(bytes) {
            Err(error) if error.kind() != io::ErrorKind::Interrupted => {
                let kind = error.kind();
                self.error = Some(storage("write", self.path)(error));
                return Err(kind.into());
            }
            written => written?,
        };
        self.digest.update(bytes.get(..n).unwrap_or_default());
        self.bytes = self.bytes.saturating_add(n as u64);
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> Copies<'a> {
    /// None yet. `temp` must exist, be empty, and be nobody else's. With `zstd`, copies are compressed at that level.
    #[must_use]
    pub fn new(root: &'a Path, temp: &'a Path, zstd: Option<i32>) -> Self {
        Self { root, temp, zstd, made: Vec::new(), number: 0 }
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
                about_to(Change::Sync, path);
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

    /// Reads from `source` to a file below `folder`, which is below the root.
    fn copy(
        &mut self,
        source: &mut Source,
        folder: &str,
        stopping: &dyn Fn() -> bool,
    ) -> Result<Output, OutputError> {
        self.number += 1;
        let temp = self.temp.join(self.number.to_string());
        about_to(Change::Make, &temp);
        let file = File::create_new(&temp).map_err(storage("make", &temp))?;
        let written = match self.zstd {
            None => plain(source, file, &temp, stopping),
            Some(level) => packed(source, file, &temp, level, stopping),
        };
        let read = written.and_then(|output| source.check(&output).map(|()| output));
        let mut output = match read {
            Ok(output) => output,
            Err(error) => {
                // The first error counts.
                about_to(Change::Remove, &temp);
                let _ = fs::remove_file(&temp);
                return Err(error);
            }
        };
        storage::make_folders(self.root, Path::new(folder), false)?;
        let suffix = if self.zstd.is_some() { ".zst" } else { "" };
        let below = format!("{folder}/{}{suffix}", output.name);
        let path = self.root.join(&below);
        about_to(Change::Rename, &path);
        fs::rename(&temp, &path).map_err(storage("make", &path))?;
        self.made.push(path);
        let stored = output.stored.get_or_insert_with(|| Stored {
            path: String::new(),
            bytes: output.bytes,
            sha256: output.sha256.clone(),
        });
        stored.path = below;
        Ok(output)
    }
}

/// Copies as it is.
fn plain(
    source: &mut Source,
    mut file: File,
    temp: &Path,
    stopping: &dyn Fn() -> bool,
) -> Result<Output, OutputError> {
    read(source, stopping, |bytes| {
        about_to(Change::Write, temp);
        file.write_all(bytes).map_err(storage("write", temp))
    })
}

/// Copies through zstd.
fn packed(
    source: &mut Source,
    file: File,
    temp: &Path,
    level: i32,
    stopping: &dyn Fn() -> bool,
) -> Result<Output, OutputError> {
    let counted = Counted { file, path: temp, digest: Sha256::new(), bytes: 0, error: None };
    let failed = |counted: &mut Counted<'_>, error: io::Error| {
        counted.error.take().unwrap_or_else(|| storage("compress to", temp)(error))
    };
    let mut encoder =
        zstd::stream::write::Encoder::new(counted, level).map_err(storage("compress to", temp))?;
    // A reader can tell that nothing is lost.
    encoder.include_checksum(true).map_err(storage("compress to", temp))?;
    let output = read(source, stopping, |bytes| {
        encoder.write_all(bytes).map_err(|error| failed(encoder.get_mut(), error))
    })?;
    let counted = match encoder.try_finish() {
        Ok(counted) => counted,
        Err((mut encoder, error)) => return Err(failed(encoder.get_mut(), error).into()),
    };
    let stored = Stored {
        path: String::new(),
        bytes: i64::try_from(counted.bytes).unwrap_or(i64::MAX),
        sha256: hex(counted.digest),
    };
    Ok(Output { stored: Some(stored), ..output })
}

fn hex(digest: Sha256) -> String {
    let mut text = String::with_capacity(64);
    for byte in digest.finalize() {
        let _ = write!(text, "{byte:02x}");
    }
    text
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

/// `None`: it is missing, and may be.
fn open(
    upload: &UploadFolder,
    wanted: &OutputFile,
) -> Result<Option<(PathBuf, File, fs::Metadata)>, OutputError> {
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
    Ok(Some((path, file, facts)))
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
    Ok(Output {
        name: source.name.clone(),
        bytes: i64::try_from(total).unwrap_or(i64::MAX),
        sha256: hex(digest),
        stored: None,
    })
}

#[cfg(test)]
mod tests;
