//! Copies of output files: whole or not at all, on disk before anything refers to them.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use dataset::step::{Change, about_to};
use dataset::storage::{self, StorageError, storage};
use dataset::table::results::{Output, Stored};
use sha2::{Digest as _, Sha256};

use super::OutputError;
use super::source::{Source, hex, read};

/// Up to so many copies are brought to disk one by one.
pub(super) const SYNC_SINGLY: usize = 16;

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
    pub(super) fn copy(
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
