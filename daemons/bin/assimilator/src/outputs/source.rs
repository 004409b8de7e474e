//! Output files in the upload folder: opened as what they must be, and read once.

use std::fmt::Write as _;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::PathBuf;

use boinc::hierarchy;
use boinc::printable::printable;
use boinc::result_doc::OutputFile;
use dataset::storage::{StorageError, storage};
use dataset::table::results::Output;
use rustix::fs::OFlags;
use sha2::{Digest as _, Sha256};

use super::{LARGEST_FILE, OutputError, Taken, UploadFolder};

/// Bytes that are read at once.
pub(super) const CHUNK: usize = 256 << 10;

/// Tells a file from one that took its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Identity {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
}

impl Identity {
    pub(super) fn of(facts: &fs::Metadata) -> Self {
        Self {
            device: facts.dev(),
            inode: facts.ino(),
            size: facts.len(),
            modified: (facts.mtime(), facts.mtime_nsec()),
        }
    }
}

/// An output file in the upload folder, open.
pub(super) struct Source {
    pub(super) name: String,
    pub(super) open_name: String,
    pub(super) physical: String,
    pub(super) path: PathBuf,
    pub(super) identity: Identity,
    pub(super) file: File,
    pub(super) size: u64,
    /// SHA-256 of the file that the validator compared, where it is kept.
    pub(super) validated: Option<String>,
}

impl Source {
    pub(super) fn taken(&self, output: Output) -> Taken {
        Taken { output, open_name: self.open_name.clone(), path: self.path.clone(), identity: self.identity }
    }

    /// The file is the one that was validated.
    pub(super) fn check(&self, output: &Output) -> Result<(), OutputError> {
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

/// `None`: it is missing, and may be.
pub(super) fn open(
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
pub(super) fn read(
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

pub(super) fn hex(digest: Sha256) -> String {
    let mut text = String::with_capacity(64);
    for byte in digest.finalize() {
        let _ = write!(text, "{byte:02x}");
    }
    text
}
