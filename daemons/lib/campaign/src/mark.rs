//! What a cursor knows of the file that it stands in: a digest of everything before it, and what the file looked like.
//!
//! Invariant: while the file looks the same, nothing before the cursor has changed. If it looks otherwise, it grew, was touched
//! or was changed: then the digest of what stands before the cursor says which. It guards against mistakes, not against malice.

use std::fs::Metadata;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt as _;

/// FNV-1a, 64 bits: it can be continued from its last value, in another process, without what came before.
const BASIS: u64 = 0xcbf2_9ce4_8422_2325;
const PRIME: u64 = 0x0100_0000_01b3;

/// Digits of each part.
const DIGITS: usize = 16;

/// Digest of the bytes from the beginning of a file to some place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Digest(u64);

impl Default for Digest {
    fn default() -> Self {
        Self(BASIS)
    }
}

impl Digest {
    /// With these bytes behind.
    #[must_use]
    pub fn and(self, bytes: &[u8]) -> Self {
        Self(bytes.iter().fold(self.0, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(PRIME)))
    }

    /// With the next `length` bytes of a file behind; None: it ends before.
    ///
    /// # Errors
    /// It can't be read.
    pub fn and_next(mut self, file: &mut impl Read, mut length: u64) -> io::Result<Option<Self>> {
        let mut buffer = vec![0; 1 << 16];
        while length > 0 {
            let most = usize::try_from(length).unwrap_or(usize::MAX).min(buffer.len());
            let read = match file.read(buffer.get_mut(..most).unwrap_or_default()) {
                Ok(0) => return Ok(None),
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            self = self.and(buffer.get(..read).unwrap_or_default());
            length -= read as u64;
        }
        Ok(Some(self))
    }
}

/// What a file looks like: which it is, its size, and when it was changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Look(u64);

impl Look {
    /// Of a file.
    #[must_use]
    pub fn of(about: &Metadata) -> Self {
        let facts = [about.ino(), about.len()].map(u64::to_le_bytes);
        let times =
            [about.mtime(), about.mtime_nsec(), about.ctime(), about.ctime_nsec()].map(i64::to_le_bytes);
        Self(facts.iter().chain(&times).fold(Digest::default(), |digest, bytes| digest.and(bytes)).0)
    }
}

/// See the module.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    /// Of what stands before the cursor.
    pub digest: Digest,
    /// Of the file, when the cursor was put there.
    pub look: Look,
}

impl Mark {
    /// As it stands in the database: 32 hex digits.
    #[must_use]
    pub fn text(self) -> String {
        format!("{:016x}{:016x}", self.digest.0, self.look.0)
    }

    /// From the database; None: it is none.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let number = |part: Option<&str>| u64::from_str_radix(part?, 16).ok();
        let (digest, look) = (number(text.get(..DIGITS))?, number(text.get(DIGITS..))?);
        Some(Self { digest: Digest(digest), look: Look(look) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_goes_on_wherever_it_was_cut() {
        let text = b"a,b\n1,x\n2,y\n";
        let whole = Digest::default().and(text);
        for cut in 0..=text.len() {
            let first = Digest::default().and(&text[..cut]);
            let mark = Mark { digest: first, look: Look(7) };
            let again = Mark::parse(&mark.text()).unwrap();
            assert_eq!(again, mark);
            let rest = (text.len() - cut) as u64;
            assert_eq!(again.digest.and_next(&mut &text[cut..], rest).unwrap(), Some(whole));
        }
        assert_eq!(Digest::default().and_next(&mut &text[..], 99).unwrap(), None, "it is shorter");
        assert_ne!(Digest::default().and(b"a,b\n1,x\n2,z\n"), whole);
        // As it is published.
        assert_eq!(Digest::default().and(b"foobar").0, 0x8594_4171_f739_67e8);
        for bad in ["", "12", "x".repeat(32).as_str()] {
            assert_eq!(Mark::parse(bad), None);
        }
    }
}
