//! The project's download folder as a source of facts about input files.
//!
//! It does what stock `create_work` does with files: a file that is not in its fan-out folder but directly in
//! the download folder is copied there; digests are remembered in `.md5` files when config.xml says
//! `cache_md5_info`.
//!
//! Invariant: a file appears in its fan-out folder whole or not at all (copied under another name, renamed).
//! Killed in between: at worst a file `.NAME.PID` stays behind; it can be deleted.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::config::ProjectConfig;
use crate::hierarchy::{self, NameError};
use crate::input_template::{FileFacts, FileFault, InputFiles};
use crate::md5_cache::{self, Cached};

/// A project's download folder.
#[derive(Debug, Clone)]
pub struct DownloadDir {
    /// config.xml: `download_dir`
    pub root: PathBuf,
    /// config.xml: `uldl_dir_fanout`
    pub fanout: u32,
    /// config.xml: `cache_md5_info`
    pub cache_md5_info: bool,
    /// Output templates are looked for relative to this.
    pub project_dir: PathBuf,
}

impl DownloadDir {
    /// The folder that config.xml names.
    #[must_use]
    pub fn new(config: &ProjectConfig, project_dir: impl Into<PathBuf>) -> Self {
        Self {
            root: config.download_dir.clone(),
            fanout: config.uldl_dir_fanout,
            cache_md5_info: config.cache_md5_info,
            project_dir: project_dir.into(),
        }
    }

    /// Where a file of that name lies.
    ///
    /// # Errors
    /// It is no name of a file.
    pub fn path(&self, name: &str) -> Result<PathBuf, NameError> {
        hierarchy::path_in(&self.root, name, self.fanout)
    }

    fn checked_path(&self, name: &str) -> Result<PathBuf, FileFault> {
        self.path(name)
            .map_err(|error| FileFault::Unreadable { path: name.to_owned(), reason: error.to_string() })
    }

    /// Copies `ROOT/NAME` to its place if nothing is there yet.
    fn copy_from_top(&self, name: &str, path: &Path) -> io::Result<()> {
        let top = self.root.join(name);
        if path.exists() || !top.is_file() {
            return Ok(());
        }
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        let temporary = md5_cache::temporary(path)?;
        // It is on the disk before a row of the database names it.
        let copied = fs::copy(&top, &temporary)
            .and_then(|_| fs::File::open(&temporary)?.sync_all())
            .and_then(|()| fs::rename(&temporary, path));
        if copied.is_err() {
            let _ = fs::remove_file(&temporary);
        }
        copied
    }
}

/// The same folder, only looked at: nothing is copied and no `.md5` file is written.
#[derive(Debug, Clone)]
pub struct Looking(pub DownloadDir);

impl InputFiles for Looking {
    fn staged(&mut self, name: &str, _notes: &mut Vec<String>) -> Result<FileFacts, FileFault> {
        let path = self.0.checked_path(name)?;
        let top = self.0.root.join(name);
        let path = if !path.exists() && top.is_file() { top } else { path };
        match md5_cache::read(&path) {
            Ok(Cached::Valid(facts)) if self.0.cache_md5_info => Ok(facts),
            _ => md5_cache::compute(&path).map_err(|error| fault(&path, &error)),
        }
    }

    fn constant(&mut self, name: &str, notes: &mut Vec<String>) -> Result<FileFacts, FileFault> {
        self.0.constant(name, notes)
    }

    fn gzipped_nbytes(&mut self, name: &str) -> Result<u64, FileFault> {
        self.0.gzipped_nbytes(name)
    }

    fn output_template(&mut self, path: &str) -> Result<(), FileFault> {
        self.0.output_template(path)
    }
}

impl InputFiles for DownloadDir {
    fn staged(&mut self, name: &str, notes: &mut Vec<String>) -> Result<FileFacts, FileFault> {
        let path = self.checked_path(name)?;
        self.copy_from_top(name, &path)
            .and_then(|()| {
                if self.cache_md5_info { md5_cache::facts(&path, notes) } else { md5_cache::compute(&path) }
            })
            .map_err(|error| fault(&path, &error))
    }

    fn constant(&mut self, name: &str, notes: &mut Vec<String>) -> Result<FileFacts, FileFault> {
        let path = self.checked_path(name)?;
        match md5_cache::read(&path).map_err(|error| fault(&path, &error))? {
            Cached::Valid(facts) => return Ok(facts),
            Cached::NotACache => notes.push(md5_cache::bad_cache(&path)),
            Cached::Absent | Cached::Stale => {}
        }
        Err(FileFault::Missing { path: md5_cache::path_of(&path).display().to_string() })
    }

    fn gzipped_nbytes(&mut self, name: &str) -> Result<u64, FileFault> {
        let mut path = self.checked_path(name)?.into_os_string();
        path.push(".gz");
        let path = PathBuf::from(path);
        fs::metadata(&path).map(|about| about.len()).map_err(|error| fault(&path, &error))
    }

    fn output_template(&mut self, path: &str) -> Result<(), FileFault> {
        let path = self.project_dir.join(path);
        fs::metadata(&path).map(|_| ()).map_err(|error| fault(&path, &error))
    }
}

fn fault(path: &Path, error: &io::Error) -> FileFault {
    let path = path.display().to_string();
    if error.kind() == io::ErrorKind::NotFound {
        return FileFault::Missing { path };
    }
    let reason = error.to_string();
    let reason = match reason.split_once(" (os error") {
        Some((words, _)) => words.to_owned(),
        None => reason,
    };
    FileFault::Unreadable { path, reason }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder() -> (tempfile::TempDir, DownloadDir) {
        let project = tempfile::tempdir().unwrap();
        let root = project.path().join("download");
        fs::create_dir(&root).unwrap();
        let files =
            DownloadDir { root, fanout: 1024, cache_md5_info: true, project_dir: project.path().to_owned() };
        (project, files)
    }

    #[test]
    fn a_file_at_the_top_is_copied_to_its_place() {
        let (_project, mut files) = folder();
        fs::write(files.root.join("in_common"), "hello\n").unwrap();
        let mut notes = Vec::new();
        let facts = files.staged("in_common", &mut notes).unwrap();
        assert_eq!(facts, md5_cache::of_bytes(b"hello\n"));
        assert_eq!(fs::read(files.root.join("2ab/in_common")).unwrap(), b"hello\n");
        assert!(files.root.join("2ab/in_common.md5").exists());
        assert_eq!(files.staged("in_common", &mut notes).unwrap(), facts);
        assert!(notes.is_empty(), "{notes:?}");
    }

    #[test]
    fn looking_writes_nothing() {
        let (_project, files) = folder();
        fs::write(files.root.join("in_common"), "hello\n").unwrap();
        let mut looking = Looking(files.clone());
        let mut notes = Vec::new();
        assert_eq!(looking.staged("in_common", &mut notes).unwrap(), md5_cache::of_bytes(b"hello\n"));
        assert!(looking.staged("gone", &mut notes).is_err());
        let left: Vec<_> =
            fs::read_dir(&files.root).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left, ["in_common"]);
    }

    #[test]
    fn constant_files_need_their_md5() {
        let (_project, mut files) = folder();
        let path = files.path("const").unwrap();
        fs::create_dir(path.parent().unwrap()).unwrap();
        fs::write(&path, "x").unwrap();
        assert!(matches!(files.constant("const", &mut Vec::new()), Err(FileFault::Missing { .. })));
        md5_cache::write(&path, &md5_cache::of_bytes(b"x")).unwrap();
        assert_eq!(files.constant("const", &mut Vec::new()).unwrap().nbytes, 1);
    }

    #[test]
    fn what_is_missing_is_named() {
        let (project, mut files) = folder();
        let missing = |result: Result<(), FileFault>| match result.unwrap_err() {
            FileFault::Missing { path } => path,
            other => panic!("{other}"),
        };
        assert!(missing(files.staged("in", &mut Vec::new()).map(drop)).ends_with("/in"));
        assert!(missing(files.gzipped_nbytes("in").map(drop)).ends_with("/in.gz"));
        assert!(missing(files.output_template("templates/out")).ends_with("/templates/out"));
        fs::create_dir(project.path().join("templates")).unwrap();
        fs::write(project.path().join("templates/out"), "").unwrap();
        files.output_template("templates/out").unwrap();
        assert!(files.staged("../../etc/passwd", &mut Vec::new()).is_err());
    }
}
