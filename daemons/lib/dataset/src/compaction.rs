//! Compaction: many small parts of a partition become few.
//!
//! A partition is exchanged as a whole: a new folder with the same rows is made aside, on disk, and takes the place of
//! the old one in one step of the file system (renameat2 with RENAME_EXCHANGE). So readers with plain globs see the old
//! files or the new one, never both and never none. A reader that listed the folder before and opens a file after it
//! gets "no such file": an error, no wrong number; it asks again.
//!
//! ```text
//! 1. write the merged file into .compact/PARTITION/, link there what is not merged        (nothing visible)
//! 2. transaction: note in cobblestone_dataset_merge which files go                         (nothing visible)
//! 3. exchange the folders                                                                  (visible at once)
//! 4. transaction: old files out of cobblestone_dataset_file, the new one in
//! 5. remove the old files
//! ```
//!
//! Killed before 3: `recover` forgets the merge. After 3: it sees the new file in its place and does the rest. Between
//! 1 and 3 the assimilator may publish a late part into the partition; it is moved over after the exchange.
//!
//! Invariants: the rows of the merged file are those of the old files, each once: their number is compared before 2.
//! One compaction at a time: a lock on `.compact/lock`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use boinc::id::AppId;
use rustix::fs::{CWD, RenameFlags, renameat_with};
use store::Store;
use store::assimilation::{DatasetFile, FileState};
use store::dataset::Merge;

use crate::merge::{self, MergeError};
use crate::staging::{self, Lock};
use crate::step::{Change, about_to};
use crate::storage::{self, StorageError, storage};

/// Folder for partitions in the making.
pub const FOLDER: &str = ".compact";
/// Files are merged up to this size together, in bytes: 256 MiB.
pub const LARGEST: i64 = 256 << 20;

/// Why a partition could not be compacted. It is as it was, or as it should be.
#[derive(Debug, thiserror::Error)]
pub enum CompactionError {
    #[allow(missing_docs)]
    #[error(transparent)]
    Storage(#[from] StorageError),
    #[allow(missing_docs)]
    #[error(transparent)]
    Database(#[from] store::Error),
    #[allow(missing_docs)]
    #[error(transparent)]
    Merge(#[from] MergeError),
    /// Another one is at it.
    #[error("another compaction of this dataset is running; wait for it")]
    Busy,
    /// Rows would be lost or doubled.
    #[error("{path}: {found} rows, {expected} are recorded; run `cobblestone dataset verify`")]
    Rows {
        #[allow(missing_docs)]
        path: String,
        #[allow(missing_docs)]
        found: i64,
        #[allow(missing_docs)]
        expected: i64,
    },
}

/// The dataset of an application on a local file system, held for compaction.
#[derive(Debug)]
pub struct Compactor {
    app_folder: PathBuf,
    app: AppId,
    _lock: Lock,
}

/// A partition ready to be exchanged.
#[derive(Debug, Clone, PartialEq)]
pub struct Prepared {
    /// Below the application's folder.
    pub partition: String,
    /// Each new file, and the paths of those that it takes the place of.
    pub merges: Vec<(DatasetFile, Vec<String>)>,
}

/// What to merge: groups of two files and more, together not larger than [`LARGEST`], in the order of their names.
#[must_use]
pub fn groups(files: &[DatasetFile]) -> Vec<Vec<DatasetFile>> {
    let mut sorted: Vec<&DatasetFile> = files.iter().filter(|file| file.bytes < LARGEST / 2).collect();
    sorted.sort_by(|a, b| a.path.cmp(&b.path));
    let mut groups: Vec<(i64, Vec<DatasetFile>)> = Vec::new();
    for file in sorted {
        match groups.last_mut() {
            Some((bytes, group)) if *bytes + file.bytes <= LARGEST => {
                *bytes += file.bytes;
                group.push(file.clone());
            }
            _ => groups.push((file.bytes, vec![file.clone()])),
        }
    }
    groups.into_iter().map(|(_, group)| group).filter(|group| group.len() > 1).collect()
}

/// Published files by partition, below the application's folder. Those of days from `before_day` on are left out.
#[must_use]
pub fn partitions(files: Vec<DatasetFile>, before_day: &str) -> BTreeMap<String, Vec<DatasetFile>> {
    let mut partitions: BTreeMap<String, Vec<DatasetFile>> = BTreeMap::new();
    for file in files {
        let Some((partition, _)) = file.path.rsplit_once('/') else { continue };
        let Some((_, day)) = partition.rsplit_once("/day=") else { continue };
        if day < before_day {
            partitions.entry(partition.to_owned()).or_default().push(file);
        }
    }
    partitions
}

impl Compactor {
    /// Takes the lock.
    ///
    /// # Errors
    /// Another one holds it; or the system's.
    pub fn new(app_folder: &Path, app: AppId) -> Result<Self, CompactionError> {
        storage::make_folders(app_folder, Path::new(FOLDER), true)?;
        let lock = staging::lock(&app_folder.join(FOLDER).join("lock"))?.ok_or(CompactionError::Busy)?;
        Ok(Self { app_folder: app_folder.to_owned(), app, _lock: lock })
    }

    /// Finishes or undoes what an earlier one was killed in. How many merges it finished.
    ///
    /// # Errors
    /// See [`CompactionError`].
    pub async fn recover(&self, store: &Store, now: f64) -> Result<usize, CompactionError> {
        let app = self.app;
        let mut finished = 0;
        for Merge { into, from } in store.read("merges", async |conn| conn.merges(app).await).await? {
            let place = self.app_folder.join(&into);
            if place.try_exists().map_err(storage("look at", &place))? {
                let reader = merge::open(&place)?;
                let bytes = fs::metadata(&place).map_err(storage("look at", &place))?.len();
                let partition = into.rsplit_once('/').map_or("", |(folder, _)| folder).to_owned();
                let file = DatasetFile {
                    dataset: dataset_of(&partition),
                    items: reader.rows(),
                    bytes: i64::try_from(bytes).unwrap_or(i64::MAX),
                    path: into,
                };
                self.move_late(&partition, &names(&from))?;
                self.finish(store, &file, &from, now).await?;
                finished += 1;
            } else {
                store.transaction("cancel merge", async |tx| tx.cancel_merge(&into).await).await?;
            }
        }
        self.clear()?;
        Ok(finished)
    }

    /// Removes everything in `.compact` but the lock.
    fn clear(&self) -> Result<(), StorageError> {
        let folder = self.app_folder.join(FOLDER);
        for entry in fs::read_dir(&folder).map_err(storage("read the folder", &folder))? {
            let path = entry.map_err(storage("read the folder", &folder))?.path();
            if path.is_dir() {
                about_to(Change::Remove, &path);
                fs::remove_dir_all(&path).map_err(storage("remove", &path))?;
            }
        }
        Ok(())
    }

    fn aside(&self, partition: &str) -> PathBuf {
        self.app_folder.join(FOLDER).join(partition)
    }

    /// Step 1: makes the new folder. `None`: there is nothing to merge. `name` is unique.
    ///
    /// # Errors
    /// See [`CompactionError`]. A file that can't be read stops it: nothing is lost.
    pub fn prepare(
        &self,
        partition: &str,
        files: &[DatasetFile],
        name: &str,
    ) -> Result<Option<Prepared>, CompactionError> {
        let groups = groups(files);
        if groups.is_empty() {
            return Ok(None);
        }
        let aside = self.aside(partition);
        about_to(Change::Remove, &aside);
        let _ = fs::remove_dir_all(&aside);
        storage::make_folders(&self.app_folder, &Path::new(FOLDER).join(partition), false)?;
        let mut merges = Vec::new();
        let mut gone: BTreeSet<String> = BTreeSet::new();
        for (number, group) in groups.into_iter().enumerate() {
            let paths: Vec<PathBuf> = group.iter().map(|file| self.app_folder.join(&file.path)).collect();
            let file_name = format!("part-merged-{name}-{number}.parquet");
            let place = aside.join(&file_name);
            let made = merge::files(&paths, &place)?;
            let expected: i64 = group.iter().map(|file| file.items).sum();
            if made != expected {
                return Err(CompactionError::Rows { path: partition.to_owned(), found: made, expected });
            }
            let bytes = fs::metadata(&place).map_err(storage("look at", &place))?.len();
            let from: Vec<String> = group.into_iter().map(|file| file.path).collect();
            gone.extend(names(&from));
            let file = DatasetFile {
                dataset: dataset_of(partition),
                path: format!("{partition}/{file_name}"),
                items: made,
                bytes: i64::try_from(bytes).unwrap_or(i64::MAX),
            };
            merges.push((file, from));
        }
        // Whatever else lies in the partition stays.
        let folder = self.app_folder.join(partition);
        for name in file_names(&folder)?.difference(&gone) {
            let (from, to) = (folder.join(name), aside.join(name));
            about_to(Change::Link, &to);
            fs::hard_link(&from, &to).map_err(storage("link", &to))?;
        }
        storage::sync_folder(&aside)?;
        Ok(Some(Prepared { partition: partition.to_owned(), merges }))
    }

    /// Step 2.
    ///
    /// # Errors
    /// See [`CompactionError`].
    pub async fn begin(&self, store: &Store, prepared: &Prepared, now: f64) -> Result<(), CompactionError> {
        let merges: Vec<Merge> = prepared
            .merges
            .iter()
            .map(|(file, from)| Merge { into: file.path.clone(), from: from.clone() })
            .collect();
        let app = self.app;
        Ok(store.transaction("begin merge", async |tx| tx.begin_merges(app, &merges, now).await).await?)
    }

    /// Step 3: readers see the new folder from here on.
    ///
    /// # Errors
    /// The file system can't do that, for example one on a network.
    pub fn exchange(&self, prepared: &Prepared) -> Result<(), CompactionError> {
        let folder = self.app_folder.join(&prepared.partition);
        let aside = self.aside(&prepared.partition);
        about_to(Change::Exchange, &folder);
        renameat_with(CWD, &aside, CWD, &folder, RenameFlags::EXCHANGE).map_err(|error| {
            storage("exchange (this file system may not be able to)", &folder)(error.into())
        })?;
        for changed in [folder.parent(), aside.parent()].into_iter().flatten() {
            storage::sync_folder(changed)?;
        }
        let gone = prepared.merges.iter().flat_map(|(_, from)| names(from)).collect();
        self.move_late(&prepared.partition, &gone)?;
        Ok(())
    }

    /// Moves to the new folder what came into the old one after it was linked.
    fn move_late(&self, partition: &str, gone: &BTreeSet<String>) -> Result<(), StorageError> {
        let (folder, aside) = (self.app_folder.join(partition), self.aside(partition));
        if !aside.is_dir() {
            return Ok(());
        }
        let here = file_names(&folder)?;
        for name in file_names(&aside)? {
            if !gone.contains(&name) && !here.contains(&name) && !name.starts_with("part-merged-") {
                let (from, to) = (aside.join(&name), folder.join(&name));
                about_to(Change::Rename, &to);
                fs::rename(&from, &to).map_err(storage("publish", &to))?;
            }
        }
        storage::sync_folder(&folder)
    }

    /// Step 4.
    ///
    /// # Errors
    /// See [`CompactionError`].
    pub async fn finish(
        &self,
        store: &Store,
        file: &DatasetFile,
        from: &[String],
        now: f64,
    ) -> Result<(), CompactionError> {
        let app = self.app;
        let done = store.transaction("finish merge", async |tx| tx.finish_merge(app, file, from, now).await);
        Ok(done.await?)
    }

    /// All steps for one partition. How many files went, and how many came.
    ///
    /// # Errors
    /// See [`CompactionError`].
    pub async fn partition(
        &self,
        store: &Store,
        partition: &str,
        files: &[DatasetFile],
        name: &str,
        now: f64,
    ) -> Result<(usize, usize), CompactionError> {
        let Some(prepared) = self.prepare(partition, files, name)? else { return Ok((0, 0)) };
        self.begin(store, &prepared, now).await?;
        self.exchange(&prepared)?;
        for (file, from) in &prepared.merges {
            self.finish(store, file, from, now).await?;
        }
        // What came in the very moment of the exchange.
        let gone = prepared.merges.iter().flat_map(|(_, from)| names(from)).collect();
        self.move_late(partition, &gone)?;
        let aside = self.aside(partition);
        about_to(Change::Remove, &aside);
        fs::remove_dir_all(&aside).map_err(storage("remove", &aside))?;
        Ok((prepared.merges.iter().map(|(_, from)| from.len()).sum(), prepared.merges.len()))
    }
}

/// Published files of an application's dataset.
///
/// # Errors
/// The database's.
pub async fn published(store: &Store, app: AppId) -> store::Result<Vec<DatasetFile>> {
    store.read("published files", async |conn| conn.dataset_files(app, FileState::Published).await).await
}

/// `data/NAME` of `data/NAME/campaign=…/day=…`.
fn dataset_of(partition: &str) -> String {
    partition.split_once("/campaign=").map_or(partition, |(table, _)| table).to_owned()
}

fn names(paths: &[String]) -> BTreeSet<String> {
    paths
        .iter()
        .map(|path| path.rsplit_once('/').map_or(path.as_str(), |(_, name)| name).to_owned())
        .collect()
}

/// Names of the plain files in a folder.
fn file_names(folder: &Path) -> Result<BTreeSet<String>, StorageError> {
    let failed = || storage("read the folder", folder);
    let mut names = BTreeSet::new();
    for entry in fs::read_dir(folder).map_err(failed())? {
        let entry = entry.map_err(failed())?;
        if entry.file_type().is_ok_and(|kind| kind.is_file()) {
            names.insert(entry.file_name().to_string_lossy().into_owned());
        }
    }
    Ok(names)
}

/// A new file for writing that is on disk when `write` and this have returned.
///
/// # Errors
/// The system's.
pub(crate) fn durable<T>(
    path: &Path,
    write: impl FnOnce(&File) -> Result<T, MergeError>,
) -> Result<T, MergeError> {
    about_to(Change::Make, path);
    let file = File::create_new(path).map_err(|error| MergeError::of(path, error))?;
    about_to(Change::Write, path);
    let done = write(&file)?;
    about_to(Change::Sync, path);
    file.sync_all().map_err(|error: io::Error| MergeError::of(path, error))?;
    Ok(done)
}
