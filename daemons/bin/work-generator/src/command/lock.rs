//! The lock that says that a campaign's program runs.
//!
//! Invariant: it is held as long as any process of the program lives, for they have it as their standard input: an empty
//! file. So a program that outlives a killed daemon is not started beside itself, and two daemons don't start it twice.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use rustix::fs::{FlockOperation, flock};

/// Folder of what a program printed before it ended, in the campaign's folder.
const FOLDER: &str = ".command";

/// See the module.
pub struct Lock {
    file: File,
    /// Where output is stored that does not count yet.
    pub folder: PathBuf,
}

impl Lock {
    /// Takes the lock of a campaign with this folder, and clears away what a killed one left. None: somebody has it.
    ///
    /// # Errors
    /// The folder can't be written.
    pub fn take(spool: &Path) -> Result<Option<Self>> {
        let folder = spool.join(FOLDER);
        fs::create_dir_all(&folder).with_context(|| format!("can't make {}", folder.display()))?;
        let path = spool.join(".lock");
        let can = || format!("can't lock {}", path.display());
        let file = File::options().read(true).append(true).create(true).open(&path).with_context(can)?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(rustix::io::Errno::WOULDBLOCK) => return Ok(None),
            Err(error) => return Err(io::Error::from(error)).with_context(can),
        }
        for entry in fs::read_dir(&folder).with_context(|| format!("can't read {}", folder.display()))? {
            let left = entry?.path();
            fs::remove_file(&left).with_context(|| format!("can't delete {}", left.display()))?;
        }
        Ok(Some(Self { file, folder }))
    }

    /// For the program's standard input.
    ///
    /// # Errors
    /// There are too many open files.
    pub fn shared(&self) -> io::Result<File> {
        self.file.try_clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_at_a_time_and_what_was_left_is_gone() {
        let spool = tempfile::tempdir().unwrap();
        let lock = Lock::take(spool.path()).unwrap().unwrap();
        fs::write(lock.folder.join(".feed.1"), "half").unwrap();
        assert!(Lock::take(spool.path()).unwrap().is_none());
        let child = lock.shared().unwrap();
        drop(lock);
        assert!(Lock::take(spool.path()).unwrap().is_none(), "the program has it");
        drop(child);
        let lock = Lock::take(spool.path()).unwrap().unwrap();
        assert_eq!(fs::read_dir(&lock.folder).unwrap().count(), 0);
    }
}
