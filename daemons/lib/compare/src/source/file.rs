//! An output file on disk, opened with suspicion.
//!
//! Invariant: no more than the declared number of bytes is ever read, and only from a regular file that the last
//! part of the path itself names. Symbolic links are refused by O_NOFOLLOW, so there is no gap between looking
//! and opening; O_NONBLOCK keeps a FIFO from blocking the open. Folders above may be links: they are the project's.

use std::io::{self, Read};
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

/// An opened regular file with a bound on what is read of it.
#[derive(Debug)]
pub struct File {
    path: PathBuf,
    inner: std::fs::File,
    length: u64,
    limit: u64,
}

/// Why a file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// There is no such file, or no folder for it. The caller knows which folder must exist.
    #[error("{path}: does not exist")]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// The path names a symbolic link.
    #[error("{path}: is a symbolic link; outputs must be plain files")]
    Symlink {
        /// The link.
        path: PathBuf,
    },
    /// A folder, FIFO, socket or device.
    #[error("{path}: is not a regular file")]
    NotRegular {
        /// What was named.
        path: PathBuf,
    },
    /// Larger than the limit.
    #[error("{path}: has more than {limit} bytes; raise max_bytes if that is a good output")]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Largest size accepted, in bytes.
        limit: u64,
    },
    /// The operating system refused; says nothing about the content.
    #[error("{path}: cannot be read: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
}

impl FileError {
    /// Whether the fault is in the file, so that trying again is of no use. False for a missing file and for
    /// errors of the operating system.
    pub const fn is_content(&self) -> bool {
        matches!(self, Self::Symlink { .. } | Self::NotRegular { .. } | Self::TooLarge { .. })
    }

    /// Whether the file does not exist.
    pub const fn is_missing(&self) -> bool {
        matches!(self, Self::Missing { .. })
    }
}

impl File {
    /// Opens a regular file of at most `limit` bytes.
    ///
    /// # Errors
    /// See [`FileError`].
    pub fn open(path: impl AsRef<Path>, limit: u64) -> Result<Self, FileError> {
        let path = path.as_ref().to_path_buf();
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let descriptor = match rustix::fs::open(&path, flags, Mode::empty()) {
            Ok(descriptor) => descriptor,
            Err(Errno::NOENT | Errno::NOTDIR) => return Err(FileError::Missing { path }),
            Err(error @ Errno::LOOP) => {
                // Links of the folders above are the project's, and may be broken now only.
                let is_link = std::fs::symlink_metadata(&path).is_ok_and(|found| found.is_symlink());
                return Err(match is_link {
                    true => FileError::Symlink { path },
                    false => FileError::Io { path, source: error.into() },
                });
            }
            // A socket cannot be opened, nor a device without a driver.
            Err(Errno::NXIO | Errno::NODEV) => return Err(FileError::NotRegular { path }),
            Err(error) => return Err(FileError::Io { path, source: error.into() }),
        };
        let inner = std::fs::File::from(descriptor);
        let metadata = match inner.metadata() {
            Ok(metadata) => metadata,
            Err(source) => return Err(FileError::Io { path, source }),
        };
        if !metadata.is_file() {
            return Err(FileError::NotRegular { path });
        }
        if metadata.len() > limit {
            return Err(FileError::TooLarge { path, limit });
        }
        Ok(Self { path, inner, length: metadata.len(), limit })
    }

    /// Where the file is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Size when it was opened, in bytes.
    pub const fn length(&self) -> u64 {
        self.length
    }

    /// The opened file, for who reads no more of it than its length.
    pub(crate) fn into_inner(self) -> std::fs::File {
        self.inner
    }

    /// A reader of the content that ends in an error instead of giving more than the limit.
    pub(crate) fn into_reader(self) -> super::Bytes {
        Box::new(Reader { inner: self.inner, left: self.limit, limit: self.limit })
    }
}

/// Invariant: at most `limit` bytes are given, in all.
struct Reader {
    inner: std::fs::File,
    left: u64,
    limit: u64,
}

impl Read for Reader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        match self.left.checked_sub(count as u64) {
            Some(left) => self.left = left,
            None => return Err(super::Malformed::TooLarge { limit: self.limit }.into()),
        }
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_file_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out");
        std::fs::write(&path, b"hello").unwrap();
        let file = File::open(&path, 5).unwrap();
        assert_eq!((file.length(), file.path()), (5, path.as_path()));
        let mut content = Vec::new();
        file.into_reader().read_to_end(&mut content).unwrap();
        assert_eq!(content, b"hello");
    }

    #[test]
    fn what_is_not_a_plain_file_of_its_folder_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out");
        std::fs::write(&path, b"hello").unwrap();
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(&path, &link).unwrap();
        let fifo = folder.path().join("fifo");
        rustix::fs::mkfifoat(rustix::fs::CWD, &fifo, Mode::RUSR | Mode::WUSR).unwrap();
        let socket = folder.path().join("socket");
        let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();

        assert!(matches!(File::open(&link, 9), Err(FileError::Symlink { .. })));
        let round = folder.path().join("round");
        std::os::unix::fs::symlink(&round, &round).unwrap();
        assert!(matches!(File::open(&round, 9), Err(FileError::Symlink { .. })));
        let below = File::open(round.join("out"), 9).unwrap_err();
        assert!(matches!(&below, FileError::Io { .. }) && !below.is_content(), "{below}");
        assert!(matches!(File::open(folder.path(), 9), Err(FileError::NotRegular { .. })));
        assert!(matches!(File::open(&fifo, 9), Err(FileError::NotRegular { .. })));
        assert!(matches!(File::open(&socket, 9), Err(FileError::NotRegular { .. })));
        assert!(matches!(File::open("/dev/zero", 9), Err(FileError::NotRegular { .. })));
        assert!(matches!(File::open(&path, 4), Err(FileError::TooLarge { limit: 4, .. })));
        let missing = File::open(folder.path().join("none"), 9).unwrap_err();
        assert!(missing.is_missing() && !missing.is_content());
        assert!(File::open(path.join("below"), 9).unwrap_err().is_missing());
    }

    #[test]
    fn a_file_that_grows_is_refused_not_cut() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out");
        std::fs::write(&path, b"hello").unwrap();
        let file = File::open(&path, 8).unwrap();
        std::fs::write(&path, b"hello world").unwrap();
        let error = file.into_reader().read_to_end(&mut Vec::new()).unwrap_err();
        let trouble = super::super::Trouble::from(error);
        assert!(trouble.is_content() && trouble.to_string().contains("more than 8 bytes"), "{trouble}");
    }
}
