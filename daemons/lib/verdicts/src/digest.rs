//! SHA-256 of an output file, and whether it is still the file that was compared.
//!
//! Invariant: a digest is only given of a file whose [`Stamp`] is the same before it was parsed and after it was
//! digested. Only regular files are read, links are refused, and no more than the size in the stamp.

use std::io::Read;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use rustix::fs::{Mode, OFlags};
use sha2::{Digest as _, Sha256};

/// What changes when a file is replaced or written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stamp {
    device: u64,
    inode: u64,
    pub(crate) size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Stamp {
    /// Of a regular file; None for anything else.
    pub(crate) fn of(path: &Path) -> Option<Self> {
        Self::from(&std::fs::symlink_metadata(path).ok()?)
    }

    fn from(metadata: &std::fs::Metadata) -> Option<Self> {
        metadata.is_file().then(|| Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        })
    }
}

/// The digest in lower-case hexadecimal; None when the file is not the stamped one, or can't be read.
pub(crate) fn digest(path: &Path, stamp: Stamp) -> Option<String> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let mut file = std::fs::File::from(rustix::fs::open(path, flags, Mode::empty()).ok()?);
    let same = |file: &std::fs::File| file.metadata().ok().as_ref().and_then(Stamp::from) == Some(stamp);
    if !same(&file) {
        return None;
    }
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; usize::try_from(stamp.size).unwrap_or(usize::MAX).clamp(1, 256 * 1024)];
    let mut left = stamp.size;
    while left > 0 {
        let count = file.read(&mut buffer).ok().filter(|count| *count > 0)?;
        let piece = buffer.get(..count)?;
        hasher.update(piece);
        left = left.checked_sub(count as u64)?;
    }
    same(&file).then(|| hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_has_its_digest_until_it_changes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out");
        std::fs::write(&path, "abc").unwrap();
        let stamp = Stamp::of(&path).unwrap();
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(digest(&path, stamp).as_deref(), Some(abc));
        let other = folder.path().join("other");
        std::fs::write(&other, "abd").unwrap();
        std::fs::rename(&other, &path).unwrap();
        assert_eq!(digest(&path, stamp), None);
        let stamp = Stamp::of(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        std::os::unix::fs::symlink("/etc/passwd", &path).unwrap();
        assert_eq!((digest(&path, stamp), Stamp::of(&path)), (None, None));
        std::fs::write(folder.path().join("empty"), "").unwrap();
        let empty = folder.path().join("empty");
        assert!(digest(&empty, Stamp::of(&empty).unwrap()).unwrap().starts_with("e3b0c442"));
    }
}
