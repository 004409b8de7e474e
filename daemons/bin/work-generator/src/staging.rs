//! Puts input files into the download hierarchy.
//!
//! Invariant: a file is there whole or not at all (written beside and renamed), its `.md5` cache comes after it, and
//! a different file of the same name is never replaced. The content of a job's file depends on the job alone, so a
//! file that a killed pass left behind is found again and used.
//! Files reach the disk before the rows that name them are committed ([`Stage::sync`]).

use std::fs;
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use boinc::download_dir::DownloadDir;
use boinc::hierarchy::NameError;
use boinc::input_template::FileFacts;
use boinc::md5_cache;
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;

/// The download folder, to be written to.
#[derive(Debug, Clone)]
pub struct Stage(DownloadDir);

/// Why a file is not staged.
#[derive(Debug, thiserror::Error)]
pub enum StageError {
    /// It can't be a file's name.
    #[error(transparent)]
    Name(#[from] NameError),
    /// Another file of that name is there.
    #[error(
        "{} is there with another content and is not replaced. Has a campaign of this name run before, or was its \
         template changed while it was being made? Rename the campaign, or remove what belongs to no workunit: \
         cobblestone campaign clean", .0.display()
    )]
    Different(PathBuf),
    /// The file system refuses.
    #[error("can't write {}: {error}", .path.display())]
    Io {
        /// Which file.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
}

/// A file that lies in its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Staged {
    /// Its digest and size.
    pub facts: FileFacts,
    /// It was not there before.
    pub new: bool,
}

impl Stage {
    /// Stages into this folder.
    pub fn new(folder: DownloadDir) -> Self {
        Self(folder)
    }

    /// Stages `content` as `name`.
    ///
    /// # Errors
    /// See [`StageError`].
    pub fn put(&self, name: &str, content: &[u8]) -> Result<Staged, StageError> {
        let path = self.0.path(name)?;
        let io = |error| StageError::Io { path: path.clone(), error };
        let facts = md5_cache::of_bytes(content);
        let new = match same(&path, content).map_err(io)? {
            Some(true) => false,
            Some(false) => return Err(StageError::Different(path)),
            None => {
                write(&path, content).map_err(io)?;
                true
            }
        };
        // Of a file that is new, another's .md5 says nothing; of one that was there, it may be right.
        let cached =
            !new && matches!(md5_cache::read(&path), Ok(md5_cache::Cached::Valid(found)) if found == facts);
        if !cached {
            md5_cache::write(&path, &facts).map_err(io)?;
        }
        Ok(Staged { facts, new })
    }

    /// Makes the compressed twin `NAME.gz` of a staged file; its size in bytes. One that is there and holds the same is
    /// used.
    ///
    /// # Errors
    /// See [`StageError`].
    pub fn put_twin(&self, name: &str) -> Result<u64, StageError> {
        let path = self.0.path(name)?;
        let twin = self.0.path(name)?.with_file_name(format!("{name}.gz"));
        let io = |error| StageError::Io { path: twin.clone(), error };
        match fs::File::open(&twin) {
            Ok(file) => {
                let size = file.metadata().map_err(io)?.len();
                let same =
                    same_stream(GzDecoder::new(file), fs::File::open(&path).map_err(io)?).map_err(io)?;
                return if same { Ok(size) } else { Err(StageError::Different(twin)) };
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(io(error)),
        }
        let temporary = temporary(&twin);
        let made = (|| {
            let mut out = GzEncoder::new(fs::File::create(&temporary)?, Compression::default());
            io::copy(&mut fs::File::open(&path)?, &mut out)?;
            out.finish()?;
            fs::rename(&temporary, &twin)?;
            Ok(fs::metadata(&twin)?.len())
        })();
        made.map_err(|error| {
            let _ = fs::remove_file(&temporary);
            io(error)
        })
    }

    /// Stages a file that all jobs share, from `source`, once.
    ///
    /// # Errors
    /// It can't be read, or see [`StageError`].
    pub fn share(&self, source: &Path, name: &str) -> Result<FileFacts> {
        let path = self.0.path(name)?;
        let facts = md5_cache::compute(source).with_context(|| format!("can't read {}", source.display()))?;
        match fs::metadata(&path) {
            Ok(about) => {
                let there = md5_cache::facts(&path, &mut Vec::new());
                let there = there.with_context(|| format!("can't read {}", path.display()))?;
                if about.len() != facts.nbytes || there != facts {
                    return Err(StageError::Different(path).into());
                }
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let temporary = temporary(&path);
                let copied = (|| {
                    fs::create_dir_all(path.parent().unwrap_or(Path::new(".")))?;
                    fs::copy(source, &temporary)?;
                    fs::rename(&temporary, &path)
                })();
                copied.map_err(|error| {
                    let _ = fs::remove_file(&temporary);
                    StageError::Io { path: path.clone(), error }
                })?;
                md5_cache::write(&path, &facts)
                    .with_context(|| format!("can't write the .md5 of {}", path.display()))?;
                self.sync()?;
            }
            Err(error) => return Err(error).with_context(|| format!("can't look at {}", path.display())),
        }
        Ok(facts)
    }

    /// Takes files away again that were staged for nothing, with what lies beside them.
    pub fn take_back(&self, names: &[String]) {
        for path in names.iter().filter_map(|name| self.0.path(name).ok()) {
            for end in ["", ".md5", ".gz"] {
                let mut file = path.clone().into_os_string();
                file.push(end);
                // What can't be removed now is found by `cobblestone campaign clean`.
                let _ = fs::remove_file(file);
            }
        }
    }

    /// Waits until everything staged is on the disk: one call for a batch.
    ///
    /// # Errors
    /// The file system refuses.
    pub fn sync(&self) -> Result<()> {
        let folder = fs::File::open(&self.0.root)?;
        rustix::fs::syncfs(&folder).with_context(|| format!("can't sync {}", self.0.root.display()))?;
        Ok(())
    }
}

/// Whether the file has this content; `None` if there is no file.
fn same(path: &Path, content: &[u8]) -> io::Result<Option<bool>> {
    let file = match fs::File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut found = Vec::with_capacity(content.len() + 1);
    file.take(content.len() as u64 + 1).read_to_end(&mut found)?;
    Ok(Some(found == content))
}

/// Whether two streams hold the same.
fn same_stream(a: impl io::Read, b: impl io::Read) -> io::Result<bool> {
    let (mut a, mut b) = (io::BufReader::new(a).bytes(), io::BufReader::new(b).bytes());
    loop {
        match (a.next().transpose()?, b.next().transpose()?) {
            (None, None) => return Ok(true),
            (one, other) if one != other => return Ok(false),
            _ => {}
        }
    }
}

fn temporary(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}.{}", std::process::id()))
}

fn write(path: &Path, content: &[u8]) -> io::Result<()> {
    let temporary = temporary(path);
    let mut file = match fs::File::create(&temporary) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            fs::create_dir_all(path.parent().unwrap_or(Path::new(".")))?;
            fs::File::create(&temporary)?
        }
        other => other?,
    };
    file.write_all(content)?;
    drop(file);
    fs::rename(&temporary, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stage(root: &Path, fanout: u32) -> Stage {
        let folder =
            DownloadDir { root: root.to_owned(), fanout, cache_md5_info: true, project_dir: root.to_owned() };
        Stage::new(folder)
    }

    #[test]
    fn a_file_is_staged_once_with_its_digest_and_never_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let stage = stage(folder.path(), 1024);
        let first = stage.put("c_0.in", b"seed=1\n").unwrap();
        assert!(first.new);
        let again = stage.put("c_0.in", b"seed=1\n").unwrap();
        assert_eq!(again, Staged { new: false, ..first.clone() });
        assert_eq!(first.facts.nbytes, 7);
        let path = stage.0.path("c_0.in").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"seed=1\n");
        let md5 = path.with_file_name("c_0.in.md5");
        assert!(fs::read_to_string(&md5).unwrap().starts_with(&first.facts.md5));
        fs::remove_file(&md5).unwrap();
        stage.put("c_0.in", b"seed=1\n").unwrap();
        assert!(md5.is_file(), "killed between file and .md5: it is made up for");
        let error = stage.put("c_0.in", b"seed=2\n").unwrap_err();
        assert!(error.to_string().contains("is not replaced"), "{error}");
        assert_eq!(fs::read(&path).unwrap(), b"seed=1\n");
        let left: Vec<_> = fs::read_dir(path.parent().unwrap()).unwrap().collect();
        assert_eq!(left.len(), 2, "a temporary file is left");
        stage.sync().unwrap();
        stage.take_back(&["c_0.in".to_owned()]);
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 0);
    }

    #[test]
    fn a_compressed_twin_is_made_once_and_never_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let stage = stage(folder.path(), 0);
        stage.put("a", &b"seed=1\n".repeat(100)).unwrap();
        let size = stage.put_twin("a").unwrap();
        assert!(size < 100);
        assert_eq!(stage.put_twin("a").unwrap(), size);
        fs::remove_file(folder.path().join("a")).unwrap();
        fs::write(folder.path().join("a"), "other").unwrap();
        assert!(matches!(stage.put_twin("a"), Err(StageError::Different(_))));
    }

    #[test]
    fn a_shared_file_is_staged_once() {
        let folder = tempfile::tempdir().unwrap();
        let stage = stage(folder.path(), 16);
        let source = folder.path().join("geometry");
        fs::write(&source, "points").unwrap();
        let facts = stage.share(&source, "geometry.db").unwrap();
        assert_eq!(stage.share(&source, "geometry.db").unwrap(), facts);
        fs::write(&source, "others").unwrap();
        assert!(stage.share(&source, "geometry.db").unwrap_err().to_string().contains("is not replaced"));
    }

    #[test]
    fn a_name_that_leaves_the_folder_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let stage = stage(folder.path(), 0);
        assert!(matches!(stage.put("../x", b""), Err(StageError::Name(_))));
    }
}
