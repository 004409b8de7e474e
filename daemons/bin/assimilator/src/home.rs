//! Where the dataset of an application is, and this instance's place in it.
//!
//! A local dataset is in `FOLDER/APP`. Of one on S3, a folder of the project holds what is on its way.
//!
//! Invariant: a folder that may be a file system which is not mounted is never made anew while files in it are recorded.

use std::path::{Path, PathBuf};
use std::time::Duration;

use app_config::Assimilate;
use boinc::id::AppId;
use daemon::{Fatal, Pass};
use dataset::layout;
use dataset::remote::{Place, Remote};
use dataset::staging::Instance;
use dataset::step::{Change, about_to};
use dataset::storage;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use crate::commit;
use crate::recovery;
use crate::row::{Decisions, Row};

/// Folder below the project directory for what is on its way to S3.
const SPOOL: &str = "cobblestone/spool";
/// Folder in the staging folder for copies of outputs on their way to S3.
const OUT: &str = "out";

/// See the module.
#[derive(Debug)]
pub struct Home {
    /// `FOLDER`
    folder: PathBuf,
    /// The project directory and the part of `folder` below it, if it is there.
    in_project: Option<(PathBuf, PathBuf)>,
    /// `FOLDER/APP`; of a dataset on S3 a folder of the project for what is on its way.
    pub app_folder: PathBuf,
    /// Where the dataset is, if it is on S3.
    pub remote: Option<Remote>,
    /// This instance's folder, once it is open.
    pub instance: Option<Instance>,
}

impl Home {
    /// As `[assimilate]` says; nothing is opened or made yet.
    ///
    /// # Errors
    /// A person has to mend the declaration or the credentials.
    pub fn of(assimilate: &Assimilate, project: &Path, app: &str) -> Result<Self, Fatal> {
        let place = Place::of(assimilate, project, app).map_err(|error| Fatal::new(error.to_string()))?;
        let remote = match place {
            Place::Local(_) => None,
            Place::Remote(remote) => Some(remote),
        };
        let folder = if remote.is_some() { project.join(SPOOL) } else { assimilate.folder_in(project) };
        let in_project = match &remote {
            Some(_) => Some((project.to_owned(), PathBuf::from(SPOOL))),
            None if assimilate.folder.is_absolute() => None,
            None => Some((project.to_owned(), assimilate.folder.clone())),
        };
        Ok(Self { app_folder: folder.join(layout::safe(app)), folder, in_project, remote, instance: None })
    }

    /// Where readers look, for people.
    #[must_use]
    pub fn shown(&self) -> &Path {
        self.remote.as_ref().map_or(&self.app_folder, Remote::shown)
    }

    /// Makes the folders that are missing, and this instance's own.
    ///
    /// # Errors
    /// The storage's, or the storage is gone.
    pub async fn open(&mut self, pass: &Pass<'_>, app: AppId) -> anyhow::Result<()> {
        if self.instance.as_ref().is_some_and(Instance::is_there) {
            return Ok(());
        }
        let was_there = self.instance.take().is_some();
        if !self.app_folder.is_dir() {
            if self.remote.is_none()
                && (was_there || recovery::is_lost(pass.store, app, &self.app_folder).await?)
            {
                anyhow::bail!(
                    "{} is gone, and files in it are recorded; nothing is assimilated until it is back: mount its \
                     file system, or make the folder if a new place is meant",
                    self.app_folder.display()
                );
            }
            self.make_folders()?;
        }
        // Another instance may be clearing the staging folder: that takes a moment.
        for _ in 0..100 {
            if let Some(instance) = Instance::create(&self.app_folder)? {
                self.instance = Some(instance);
                return Ok(());
            }
            if !pass.stop.sleep(Duration::from_millis(20)).await {
                break;
            }
        }
        anyhow::bail!("another assimilator holds the lock of the staging folder; trying again")
    }

    fn make_folders(&self) -> anyhow::Result<()> {
        match &self.in_project {
            Some((project, below)) => storage::make_folders(project, below, true)?,
            None if self.folder.is_dir() => {}
            // It may be a file system that is not mounted.
            None => anyhow::bail!(
                "{} is missing; make it, or mount its file system; nothing is assimilated until then",
                self.folder.display()
            ),
        }
        let name = self.app_folder.strip_prefix(&self.folder).unwrap_or(&self.app_folder);
        Ok(storage::make_folders(&self.folder, name, true)?)
    }

    /// Where copies of outputs are made.
    #[must_use]
    pub fn copies_root(&self) -> PathBuf {
        match (&self.remote, &self.instance) {
            (Some(_), Some(instance)) => instance.folder().join(OUT),
            _ => self.app_folder.clone(),
        }
    }

    /// Makes the folder for copies that are on their way to S3.
    ///
    /// # Errors
    /// The system's.
    pub fn make_room_for_copies(&self) -> Result<(), storage::StorageError> {
        match (&self.remote, &self.instance) {
            (Some(_), Some(instance)) => storage::make_folders(instance.folder(), Path::new(OUT), false),
            _ => Ok(()),
        }
    }

    /// Puts the copies of outputs on S3, before anything is recorded. Their names are fixed: done twice is done once.
    ///
    /// # Errors
    /// The storage's.
    pub async fn upload(&self, decisions: &Decisions) -> anyhow::Result<()> {
        let Some(remote) = &self.remote else { return Ok(()) };
        let root = self.copies_root();
        let outputs = decisions.rows.iter().flat_map(|row| match row {
            Row::Result { record, .. } => record.outputs.as_slice(),
            _ => &[],
        });
        let stored: Vec<&str> = outputs.filter_map(|o| Some(o.stored.as_ref()?.path.as_str())).collect();
        let puts = stored.iter().map(|path| {
            let local = root.join(path);
            async move { remote.put_file(&local, path).await }
        });
        stream::iter(puts).buffer_unordered(commit::AT_ONCE).try_collect::<()>().await?;
        about_to(Change::Remove, &root);
        match std::fs::remove_dir_all(&root) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(storage::storage("remove", &root)(error).into())
            }
            _ => Ok(()),
        }
    }
}
