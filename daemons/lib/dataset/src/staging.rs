//! The staging folder: where files wait for their commit.
//!
//! Each running assimilator has a folder of its own, `FOLDER/APP/.staging/INSTANCE/`, and holds a lock (flock) on
//! the file `lock` in it for as long as it lives. In it a dataset file has the path that it will have below
//! `FOLDER/APP`; `temp/` holds copies of outputs in the making. The lock on `.staging/lock` is held while such
//! a folder is made or cleared, so a folder without a locked `lock` belongs to nobody.
//!
//! Invariant: a file is moved out of here only by [`publish`], after its record is committed; a file without
//! a record is removed only by `recovery`, which asks the database, or by the instance that knows that it was
//! not recorded.
//!
//! Killed: the system drops the lock; `recovery` of any other instance finds the folder and clears it.

use std::collections::hash_map::RandomState;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::hash::{BuildHasher as _, Hasher as _};
use std::io;
use std::path::{Component, Path, PathBuf};

use crate::step::{Change, about_to};
use crate::storage::{self, StorageError, storage};

/// Name of the staging folder in the application's folder.
pub const STAGING: &str = ".staging";
const LOCK: &str = "lock";
const TEMP: &str = "temp";

/// A lock that is held until this is dropped.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

/// The lock on all of the staging folder; `None`: another instance holds it, for a moment.
///
/// # Errors
/// The system's.
pub fn lock_all(app_folder: &Path) -> Result<Option<Lock>, StorageError> {
    lock(&app_folder.join(STAGING).join(LOCK))
}

/// A lock on one file; `None`: another holds it.
pub(crate) fn lock(path: &Path) -> Result<Option<Lock>, StorageError> {
    about_to(Change::Make, path);
    let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path);
    let file = file.map_err(storage("open", path))?;
    match file.try_lock() {
        Ok(()) => Ok(Some(Lock { _file: file })),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(storage("lock", path)(error)),
    }
}

/// The folder of a running assimilator.
#[derive(Debug)]
pub struct Instance {
    app_folder: PathBuf,
    folder: PathBuf,
    id: String,
    parts: u64,
    lock: Option<Lock>,
}

impl Instance {
    /// Makes a folder with a name that no other has. `app_folder` must exist. `None`: another instance clears
    /// the staging folder just now; ask again in a moment.
    ///
    /// # Errors
    /// The system's.
    pub fn create(app_folder: &Path) -> Result<Option<Self>, StorageError> {
        storage::make_folders(app_folder, Path::new(STAGING), true)?;
        let Some(_all) = lock_all(app_folder)? else { return Ok(None) };
        let id = format!("{:016x}", RandomState::new().build_hasher().finish());
        let folder = app_folder.join(STAGING).join(&id);
        about_to(Change::MakeFolder, &folder);
        fs::create_dir(&folder).map_err(storage("make the folder", &folder))?;
        let lock = lock(&folder.join(LOCK))?;
        let instance = Self { app_folder: app_folder.to_owned(), folder, id, parts: 0, lock };
        storage::make_folders(&instance.folder, Path::new(TEMP), false)?;
        storage::sync_folder(&app_folder.join(STAGING))?;
        Ok(Some(instance))
    }

    /// True while the folder exists.
    #[must_use]
    pub fn is_there(&self) -> bool {
        self.folder.join(LOCK).is_file()
    }

    /// Name of its folder.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Its folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Folder for copies in the making.
    #[must_use]
    pub fn temp(&self) -> PathBuf {
        self.folder.join(TEMP)
    }

    /// A name for a dataset file with the workunits `first` to `last`, that no other file has.
    pub fn part_name(&mut self, first: i32, last: i32, now: i32) -> String {
        self.parts += 1;
        format!("part-{first:010}-{last:010}-{now}-{}-{}.parquet", self.id, self.parts)
    }

    /// Puts a dataset file here, on disk, and makes the folder where it will go. `path` is the one below the
    /// application's folder.
    ///
    /// # Errors
    /// The system's.
    pub fn stage(&self, path: &str, bytes: &[u8]) -> Result<(), StorageError> {
        let folder = Path::new(path).parent().unwrap_or(Path::new(""));
        storage::make_folders(&self.folder, folder, true)?;
        storage::make_folders(&self.app_folder, folder, true)?;
        storage::write_new(&self.folder.join(path), bytes)?;
        storage::sync_folder(&self.folder.join(folder))
    }

    /// Removes a staged file that is surely not recorded.
    ///
    /// # Errors
    /// The system's.
    pub fn discard(&self, path: &str) -> Result<(), StorageError> {
        storage::remove(&self.folder.join(path))
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        // What can't be removed here is cleared by the next instance. A file that waits to be published stays.
        self.lock = None;
        let _ = remove_if_empty(&self.folder);
    }
}

/// Whether a folder of the staging folder belongs to a running instance.
#[derive(Debug)]
pub enum Owner {
    /// Yes: leave it alone.
    Alive,
    /// No; the lock keeps it so.
    Gone(Lock),
}

/// Asks who owns `.staging/ID`. Hold [`lock_all`] meanwhile.
///
/// # Errors
/// The system's.
pub fn owner(folder: &Path) -> Result<Owner, StorageError> {
    Ok(lock(&folder.join(LOCK))?.map_or(Owner::Alive, Owner::Gone))
}

/// The folders of all instances, dead or alive.
///
/// # Errors
/// The system's.
pub fn folders(app_folder: &Path) -> Result<Vec<PathBuf>, StorageError> {
    let staging = app_folder.join(STAGING);
    let failed = || storage("read the folder", &staging);
    let mut found = Vec::new();
    for entry in fs::read_dir(&staging).map_err(failed())? {
        let entry = entry.map_err(failed())?;
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            found.push(entry.path());
        }
    }
    found.sort();
    Ok(found)
}

/// What lies in an instance's folder.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Content {
    /// Dataset files: their paths below the application's folder.
    pub parts: Vec<String>,
    /// Everything else but the lock.
    pub rest: Vec<PathBuf>,
}

/// Looks into an instance's folder.
///
/// # Errors
/// The system's.
pub fn content(folder: &Path) -> Result<Content, StorageError> {
    let mut content = Content::default();
    let mut open = vec![folder.to_owned()];
    while let Some(at) = open.pop() {
        let entries = match fs::read_dir(&at) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(storage("read the folder", &at)(error)),
        };
        for entry in entries {
            let entry = entry.map_err(storage("read the folder", &at))?;
            let path = entry.path();
            let below = path.strip_prefix(folder).ok().and_then(Path::to_str);
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                open.push(path);
            } else if let Some(part) = below.filter(|below| below.ends_with(".parquet")) {
                content.parts.push(part.to_owned());
            } else if below != Some(LOCK) {
                content.rest.push(path);
            }
        }
    }
    content.parts.sort();
    Ok(content)
}

/// Removes an instance's folder if there is no file in it but the lock; true if it is gone.
///
/// # Errors
/// The system's.
pub fn remove_if_empty(folder: &Path) -> Result<bool, StorageError> {
    if content(folder)? != Content::default() {
        return Ok(false);
    }
    about_to(Change::Remove, folder);
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(storage("remove", folder)(error)),
        _ => Ok(true),
    }
}

/// Shows a recorded file to readers: moves it from the staging folder to its place. `false`: it is nowhere.
/// Safe to be done twice, and by several instances at a time.
///
/// # Errors
/// The system's.
pub fn publish(app_folder: &Path, path: &str) -> Result<bool, StorageError> {
    let below = Path::new(path);
    if !below.components().all(|part| matches!(part, Component::Normal(_))) {
        return Ok(false);
    }
    let place = app_folder.join(below);
    let parent = below.parent().unwrap_or(Path::new(""));
    // Twice: another instance may move it between our look at the place and at the staging folder.
    for _ in 0..2 {
        if place.try_exists().map_err(storage("look at", &place))? {
            return Ok(true);
        }
        for folder in folders(app_folder)? {
            let staged = folder.join(below);
            if !staged.try_exists().map_err(storage("look at", &staged))? {
                continue;
            }
            storage::make_folders(app_folder, parent, true)?;
            about_to(Change::Rename, &place);
            match fs::rename(&staged, &place) {
                Ok(()) => {
                    storage::sync_folder(&app_folder.join(parent))?;
                    return Ok(true);
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(storage("publish", &place)(error)),
            }
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn instance(folder: &Path) -> Instance {
        Instance::create(folder).unwrap().unwrap()
    }

    #[test]
    fn a_staged_file_becomes_visible_once_and_whole() {
        let folder = tempfile::tempdir().unwrap();
        let app = folder.path();
        let mut own = instance(app);
        let path = format!("results/campaign=x/{}", own.part_name(1, 2, 3));
        own.stage(&path, b"rows").unwrap();
        assert!(!app.join(&path).exists());
        assert!(publish(app, &path).unwrap());
        assert_eq!(fs::read(app.join(&path)).unwrap(), b"rows");
        assert!(publish(app, &path).unwrap(), "once more changes nothing");
        assert!(!publish(app, "results/campaign=x/part-none.parquet").unwrap());
        assert!(!publish(app, "../outside.parquet").unwrap());
        let staging = own.folder.clone();
        drop(own);
        assert!(!staging.exists());
    }

    #[test]
    fn names_of_parts_are_unique() {
        let folder = tempfile::tempdir().unwrap();
        let (mut a, mut b) = (instance(folder.path()), instance(folder.path()));
        let names = [a.part_name(1, 2, 3), a.part_name(1, 2, 3), b.part_name(1, 2, 3)];
        assert_eq!(names.iter().collect::<std::collections::BTreeSet<_>>().len(), 3);
    }

    #[test]
    fn the_living_are_told_from_the_dead() {
        let folder = tempfile::tempdir().unwrap();
        let mut own = instance(folder.path());
        own.stage("results/part-1.parquet", b"x").unwrap();
        fs::write(own.temp().join("1"), b"half").unwrap();
        assert!(matches!(owner(&own.folder).unwrap(), Owner::Alive));
        own.lock = None;
        assert!(matches!(owner(&own.folder).unwrap(), Owner::Gone(_)));
        let content = content(&own.folder).unwrap();
        assert_eq!(content.parts, ["results/part-1.parquet"]);
        assert_eq!(content.rest, [own.temp().join("1")]);
        assert!(!remove_if_empty(&own.folder).unwrap());
        own.discard("results/part-1.parquet").unwrap();
        storage::remove(&own.temp().join("1")).unwrap();
        assert!(remove_if_empty(&own.folder).unwrap());
    }

    #[test]
    fn nobody_makes_a_folder_while_the_staging_folder_is_cleared() {
        let folder = tempfile::tempdir().unwrap();
        drop(instance(folder.path()));
        let all = lock_all(folder.path()).unwrap().unwrap();
        assert!(Instance::create(folder.path()).unwrap().is_none());
        drop(all);
        instance(folder.path());
    }

    #[test]
    fn storage_that_is_gone_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let own = instance(folder.path());
        fs::remove_dir_all(&own.folder).unwrap();
        assert!(!own.is_there());
        let error = own.stage("results/part-1.parquet", b"x").unwrap_err().to_string();
        assert!(error.contains("mounted") && error.contains("nothing is marked"), "{error}");
        assert!(Instance::create(&folder.path().join("missing")).is_err());
    }
}
