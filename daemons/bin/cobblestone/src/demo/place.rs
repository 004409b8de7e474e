//! The sandbox's folder, and what in it may be deleted.
//!
//! ```text
//! DIR/db/         the private MariaDB
//! DIR/project/    the BOINC project, with the daemons' logs
//! DIR/results/    what the assimilator made: stays
//! DIR/summary.txt what was printed at the end: stays
//! ```
//!
//! Only these four are ever deleted, and only in a folder that the demo made or found empty.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

/// Name of the summary's file.
pub const SUMMARY: &str = "summary.txt";

/// See the module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Absolute.
    pub dir: PathBuf,
}

impl Place {
    /// A new folder: `dir`, which must be empty or missing; without it the first free `demo-N` in `parent`.
    ///
    /// # Errors
    /// The folder is in use or can't be made.
    pub fn new(dir: Option<&Path>, parent: &Path) -> Result<Self> {
        let dir = match dir {
            Some(dir) => {
                make(dir)?;
                let mut entries =
                    fs::read_dir(dir).with_context(|| format!("can't read the folder {}", dir.display()))?;
                if entries.next().is_some() {
                    bail!("{} is not empty; name an empty or a new folder with --dir", dir.display());
                }
                dir.to_owned()
            }
            None => first_free(parent)?,
        };
        let dir = dir.canonicalize().with_context(|| format!("can't find {}", dir.display()))?;
        if dir.to_str().is_none() {
            bail!("the path of {} is not UTF-8; name another folder with --dir", dir.display());
        }
        Ok(Self { dir })
    }

    /// The database server's folder.
    pub fn db(&self) -> PathBuf {
        self.dir.join("db")
    }

    /// The project directory.
    pub fn project(&self) -> PathBuf {
        self.dir.join("project")
    }

    /// Where the assimilator's datasets go.
    pub fn results(&self) -> PathBuf {
        self.dir.join("results")
    }

    /// Deletes database and project; results and summary stay.
    ///
    /// # Errors
    /// Something can't be deleted.
    pub fn remove_temporary(&self) -> Result<()> {
        for folder in [self.db(), self.project()] {
            match fs::remove_dir_all(&folder) {
                Err(error) if error.kind() != ErrorKind::NotFound => {
                    return Err(error).with_context(|| format!("can't delete {}", folder.display()));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Deletes everything that the demo made, and the folder if nothing else is in it.
    ///
    /// # Errors
    /// Something can't be deleted.
    pub fn remove_all(&self) -> Result<()> {
        self.remove_temporary()?;
        let _ = fs::remove_dir_all(self.results());
        let _ = fs::remove_file(self.dir.join(SUMMARY));
        fs::remove_dir(&self.dir)
            .with_context(|| format!("{} is not deleted: something else is in it", self.dir.display()))
    }
}

fn make(dir: &Path) -> Result<()> {
    fs::create_dir_all(dir)
        .with_context(|| format!("can't make the folder {}; name another one with --dir", dir.display()))
}

fn first_free(parent: &Path) -> Result<PathBuf> {
    make(parent)?;
    for number in 1..100_000 {
        let dir = parent.join(format!("demo-{number}"));
        match fs::create_dir(&dir) {
            Ok(()) => return Ok(dir),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error).with_context(|| format!("can't make {}", dir.display())),
        }
    }
    bail!("{} is full of old demos; delete them, or name a folder with --dir", parent.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_demo_gets_a_folder_of_its_own() {
        let parent = tempfile::tempdir().unwrap();
        let parent = parent.path().join("sandboxes");
        let (first, second) = (Place::new(None, &parent).unwrap(), Place::new(None, &parent).unwrap());
        assert!(first.dir.ends_with("demo-1") && second.dir.ends_with("demo-2"));
        fs::create_dir(second.project()).unwrap();
        let error = Place::new(Some(&second.dir), &parent).unwrap_err().to_string();
        assert!(error.contains("not empty"), "{error}");
        assert!(Place::new(Some(&first.dir), &parent).is_ok());
    }

    #[test]
    fn only_what_the_demo_made_is_deleted() {
        let parent = tempfile::tempdir().unwrap();
        let place = Place::new(None, parent.path()).unwrap();
        for folder in [place.db(), place.project(), place.results(), place.dir.join("mine")] {
            fs::create_dir(&folder).unwrap();
            fs::write(folder.join("file"), "x").unwrap();
        }
        place.remove_temporary().unwrap();
        assert!(!place.db().exists() && !place.project().exists() && place.results().join("file").exists());
        let error = place.remove_all().unwrap_err().to_string();
        assert!(error.contains("something else"), "{error}");
        assert!(!place.results().exists() && place.dir.join("mine/file").exists());
        fs::remove_dir_all(place.dir.join("mine")).unwrap();
        place.remove_all().unwrap();
        assert!(!place.dir.exists());
    }
}
