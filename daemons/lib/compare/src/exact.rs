//! Content that is compared byte for byte.
//!
//! Small content is kept, so that a report can say where the difference is. Of large content a digest and the
//! length are kept, and it is read piece by piece: memory does not grow with the file.

use sha2::{Digest, Sha256};

use crate::comparison::{Comparison, Deviation, Reason};
use crate::file::{File, FileError};
use crate::shown::shown;

/// Content up to this size is kept whole, in bytes: 1 MiB.
pub const KEPT_BYTES: u64 = 1 << 20;

/// A SHA-256 digest.
type Sha256Digest = [u8; 32];

/// Content for comparison byte for byte.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Exact {
    Kept(Vec<u8>),
    Digested { length: u64, digest: Sha256Digest },
}

impl Exact {
    pub(crate) fn from_bytes(bytes: Vec<u8>) -> Self {
        if bytes.len() as u64 <= KEPT_BYTES {
            Self::Kept(bytes)
        } else {
            Self::Digested { length: bytes.len() as u64, digest: Sha256::digest(&bytes).into() }
        }
    }

    pub(crate) fn read(file: File) -> Result<Self, FileError> {
        if file.length() <= KEPT_BYTES {
            // It may have grown since: then from_bytes takes its digest.
            return Ok(Self::from_bytes(file.read()?));
        }
        let (mut length, mut hasher) = (0, Sha256::new());
        file.pieces(|piece| {
            length += piece.len() as u64;
            hasher.update(piece);
        })?;
        Ok(Self::Digested { length, digest: hasher.finalize().into() })
    }

    pub(crate) const fn length(&self) -> u64 {
        match self {
            Self::Kept(bytes) => bytes.len() as u64,
            Self::Digested { length, .. } => *length,
        }
    }

    pub(crate) fn compare(&self, other: &Self) -> Comparison {
        let (left, right) = (self.length(), other.length());
        let compared = left.min(right);
        if self == other {
            return Comparison::agree(Reason::Identical, compared, None);
        }
        let (worst, offset) = match (self, other) {
            (Self::Kept(left), Self::Kept(right)) => {
                let (worst, offset) = first_difference(left, right);
                (Some(worst), Some(offset))
            }
            _ => (None, None),
        };
        let reason = match offset {
            _ if left != right => Reason::Length { left, right },
            Some(offset) => Reason::Bytes { offset },
            None => Reason::Digest,
        };
        Comparison::differ(reason, compared, worst)
    }
}

/// The first byte that differs, or where the shorter one ends.
fn first_difference(left: &[u8], right: &[u8]) -> (Deviation, u64) {
    let offset = left.iter().zip(right).take_while(|(a, b)| a == b).count();
    let before = left.get(..offset).unwrap_or_default();
    let line = before.iter().filter(|&&byte| byte == b'\n').count() + 1;
    let column = before.iter().rev().take_while(|&&byte| byte != b'\n').count() + 1;
    let rest_of_line = |bytes: &[u8]| {
        let rest = bytes.get(offset..).unwrap_or_default();
        shown(rest.split_inclusive(|&byte| byte == b'\n').next().unwrap_or_default())
    };
    let deviation = Deviation {
        line: line as u64,
        column: column as u64,
        left: rest_of_line(left),
        right: rest_of_line(right),
        in_tolerance_units: f64::INFINITY,
    };
    (deviation, offset as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exact(bytes: &[u8]) -> Exact {
        Exact::from_bytes(bytes.to_vec())
    }

    #[test]
    fn the_first_difference_is_named() {
        let comparison = exact(b"one\ntwo\n").compare(&exact(b"one\ntwi\n"));
        assert_eq!(comparison.reason, Reason::Bytes { offset: 6 });
        let worst = comparison.worst.unwrap();
        assert_eq!((worst.line, worst.column), (2, 3));
        assert_eq!((worst.left.as_str(), worst.right.as_str()), ("o\\u{a}", "i\\u{a}"));
    }

    #[test]
    fn a_shorter_one_differs() {
        let comparison = exact(b"one").compare(&exact(b"one\n"));
        assert_eq!(comparison.reason, Reason::Length { left: 3, right: 4 });
        assert_eq!(comparison.worst.unwrap().left, "");
    }

    #[test]
    fn large_content_is_compared_by_digest_wherever_it_comes_from() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out");
        let mut bytes = vec![7; KEPT_BYTES as usize + 1];
        std::fs::write(&path, &bytes).unwrap();
        let read = Exact::read(File::open(&path, 1 << 30).unwrap()).unwrap();
        assert!(matches!(read, Exact::Digested { .. }));
        assert!(read.compare(&exact(&bytes)).agrees());
        bytes[1000] = 8;
        let comparison = read.compare(&exact(&bytes));
        assert_eq!((comparison.reason, comparison.worst), (Reason::Digest, None));
        bytes.truncate(5);
        assert!(matches!(read.compare(&exact(&bytes)).reason, Reason::Length { right: 5, .. }));
    }
}
