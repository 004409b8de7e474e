//! File operations on the dataset's storage, with errors that name the path and say what to do.
//!
//! A [`StorageError`] is never the fault of a workunit: the pass ends, nothing is marked, a later pass tries again.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use crate::step::{Change, about_to};

/// The dataset's storage does not do what it should.
#[derive(Debug, thiserror::Error)]
#[error("can't {what} {}: {source}; nothing is marked as assimilated, the next pass tries again{hint}", path.display())]
pub struct StorageError {
    /// What failed.
    pub what: &'static str,
    /// On what.
    pub path: PathBuf,
    /// Why.
    pub source: io::Error,
    /// What to do, beginning with a semicolon; may be empty.
    pub hint: &'static str,
}

/// Wraps an error of the system.
pub fn storage<'a>(what: &'static str, path: &'a Path) -> impl FnOnce(io::Error) -> StorageError + 'a {
    move |source| {
        let hint = match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "; make room there",
            io::ErrorKind::PermissionDenied => "; let the project's user write there",
            io::ErrorKind::ReadOnlyFilesystem => "; mount it for writing",
            io::ErrorKind::NotFound => "; is the file system mounted?",
            io::ErrorKind::CrossesDevices => "; results and staging must be on one file system",
            _ => "",
        };
        StorageError { what, path: path.to_owned(), source, hint }
    }
}

/// Makes the folder `below` `root`, which must exist, and those between. The new entries are on disk when this
/// returns, if `durable`.
///
/// # Errors
/// Also when `root` is missing: it is not made.
pub fn make_folders(root: &Path, below: &Path, durable: bool) -> Result<(), StorageError> {
    let mut at = root.to_owned();
    for part in below.components() {
        let parent = at.clone();
        at.push(part);
        about_to(Change::MakeFolder, &at);
        match fs::create_dir(&at) {
            Ok(()) if durable => sync_folder(&parent)?,
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(storage("make the folder", &at)(error)),
        }
    }
    Ok(())
}

/// Writes a new file; it is on disk when this returns (the folder's entry is not).
///
/// # Errors
/// Also when it exists.
pub fn write_new(path: &Path, bytes: &[u8]) -> Result<(), StorageError> {
    about_to(Change::Make, path);
    let mut file = File::create_new(path).map_err(storage("make", path))?;
    about_to(Change::Write, path);
    file.write_all(bytes).map_err(storage("write", path))?;
    about_to(Change::Sync, path);
    file.sync_all().map_err(storage("write", path))
}

/// Brings a folder's entries to disk.
///
/// # Errors
/// The system's.
pub fn sync_folder(path: &Path) -> Result<(), StorageError> {
    about_to(Change::Sync, path);
    File::open(path).and_then(|folder| folder.sync_all()).map_err(storage("sync the folder", path))
}

/// Brings the whole file system of `path` to disk: cheaper than many files one by one.
///
/// # Errors
/// The system's.
pub fn sync_file_system(path: &Path) -> Result<(), StorageError> {
    let folder = File::open(path).map_err(storage("open", path))?;
    about_to(Change::Sync, path);
    rustix::fs::syncfs(&folder).map_err(io::Error::from).map_err(storage("sync", path))
}

/// Removes a file; one that is not there is fine.
///
/// # Errors
/// The system's.
pub fn remove(path: &Path) -> Result<(), StorageError> {
    about_to(Change::Remove, path);
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(storage("remove", path)(error)),
        _ => Ok(()),
    }
}
