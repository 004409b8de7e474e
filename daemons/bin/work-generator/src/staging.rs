//! Puts input files into the download hierarchy.
//!
//! Invariant: a file is there whole or not at all (written beside and renamed), its `.md5` cache comes after it, and
//! a different file of the same name is never replaced. The content of a job's file depends on the job alone, so a
//! file that a killed pass left behind is found again and used.
//! Files reach the disk before the rows that name them are committed ([`Stage::sync`]).

use std::fs;
use std::io::{Read as _, Write as _};
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use boinc::download_dir::DownloadDir;
use boinc::input_template::FileFacts;
use boinc::md5_cache;

/// The download folder, to be written to.
#[derive(Debug, Clone)]
pub struct Stage(DownloadDir);

impl Stage {
    /// Stages into this folder.
    pub fn new(folder: DownloadDir) -> Self {
        Self(folder)
    }

    /// Stages `content` as `name`.
    ///
    /// # Errors
    /// The name is no file name, another file of that name is there, or the file system refuses.
    pub fn put(&self, name: &str, content: &[u8]) -> Result<FileFacts> {
        let path = self.0.path(name)?;
        let facts = md5_cache::of_bytes(content);
        match same(&path, content).with_context(|| format!("can't look at {}", path.display()))? {
            Some(true) => {}
            Some(false) => bail!(
                "{} is there with another content and is not replaced; has a campaign of this name run before? \
                 Choose another [work] campaign",
                path.display()
            ),
            None => write(&path, content).with_context(|| format!("can't write {}", path.display()))?,
        }
        md5_cache::write(&path, &facts)
            .with_context(|| format!("can't write the .md5 of {}", path.display()))?;
        Ok(facts)
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
fn same(path: &Path, content: &[u8]) -> std::io::Result<Option<bool>> {
    let file = match fs::File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut found = Vec::with_capacity(content.len() + 1);
    file.take(content.len() as u64 + 1).read_to_end(&mut found)?;
    Ok(Some(found == content))
}

fn write(path: &Path, content: &[u8]) -> std::io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let temporary = folder.join(format!(".{name}.{}", std::process::id()));
    let mut file = fs::File::create(&temporary)?;
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
        assert_eq!(stage.put("c_0.in", b"seed=1\n").unwrap(), first);
        assert_eq!(first.nbytes, 7);
        let path = stage.0.path("c_0.in").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"seed=1\n");
        let mut md5 = path.clone().into_os_string();
        md5.push(".md5");
        assert!(fs::read_to_string(md5).unwrap().starts_with(&first.md5));
        let error = stage.put("c_0.in", b"seed=2\n").unwrap_err();
        assert!(error.to_string().contains("is not replaced"), "{error}");
        assert_eq!(fs::read(&path).unwrap(), b"seed=1\n");
        let left: Vec<_> = fs::read_dir(path.parent().unwrap()).unwrap().collect();
        assert_eq!(left.len(), 2, "a temporary file is left");
        stage.sync().unwrap();
    }

    #[test]
    fn a_name_that_leaves_the_folder_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let stage = stage(folder.path(), 0);
        assert!(stage.put("../x", b"").is_err());
    }
}
