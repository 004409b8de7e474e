//! Whether a file of rows is still what it was before a cursor in it.
//!
//! Invariant: rows behind a cursor are taken only if nothing before it changed, wherever that is. A file that looks as it did
//! is not read for that. One that looks otherwise is read up to the cursor, a piece in each turn, so that it holds up nobody;
//! memory does not depend on its size. Killed in between, it begins anew.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Seek as _, SeekFrom};

use campaign::mark::{Digest, Look, Mark};
use store::campaigns::FileCursor;

/// Bytes that are read in one turn.
const PIECE: u64 = 8 << 20;

/// What is known of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Known {
    /// Nothing before the cursor changed; the digest of it.
    Same(Digest),
    /// Something changed.
    Changed,
    /// Not known yet: look again.
    Pending,
}

/// How far a file is read.
#[derive(Debug, Clone, Copy)]
struct Progress {
    look: Look,
    at: u64,
    digest: Digest,
}

/// Files that look otherwise than their cursors say, by name.
#[derive(Debug, Default)]
pub struct Checks {
    files: BTreeMap<String, Progress>,
    at_once: bool,
}

impl Checks {
    /// Nothing is read yet. `at_once`: it is read to the end in one turn.
    pub fn new(at_once: bool) -> Self {
        Self { at_once, ..Self::default() }
    }

    /// Looks at a file that is opened. Where it is read afterwards is not said.
    ///
    /// # Errors
    /// It can't be read.
    pub fn check(&mut self, cursor: &FileCursor, file: &mut File, look: Look) -> io::Result<Known> {
        let place = u64::try_from(cursor.place).unwrap_or(0);
        if place == 0 {
            return Ok(Known::Same(Digest::default()));
        }
        let Some(mark) = Mark::parse(&cursor.tail) else { return Ok(Known::Changed) };
        if mark.look == look {
            self.files.remove(&cursor.name);
            return Ok(Known::Same(mark.digest));
        }
        let known = self.files.get(&cursor.name).filter(|known| known.look == look && known.at <= place);
        let mut now = known.copied().unwrap_or(Progress { look, at: 0, digest: Digest::default() });
        let left = place - now.at;
        let piece = if self.at_once { left } else { left.min(PIECE) };
        file.seek(SeekFrom::Start(now.at))?;
        let Some(digest) = now.digest.and_next(file, piece)? else {
            self.files.remove(&cursor.name);
            return Ok(Known::Changed);
        };
        now = Progress { look, at: now.at + piece, digest };
        self.files.insert(cursor.name.clone(), now);
        Ok(match now.at {
            at if at < place => Known::Pending,
            _ if digest == mark.digest => Known::Same(digest),
            _ => {
                self.files.remove(&cursor.name);
                Known::Changed
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_change_is_found_wherever_it_is_and_growth_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rows.csv");
        let text = "a\n".repeat(50_000);
        fs::write(&path, &text).unwrap();
        let look = || Look::of(&fs::metadata(&path).unwrap());
        let place = 80_000;
        let digest = Digest::default().and(&text.as_bytes()[..place]);
        let cursor = FileCursor {
            id: 1,
            name: "rows.csv".to_owned(),
            place: place as i64,
            rows_read: 40_000,
            tail: Mark { digest, look: look() }.text(),
            done: false,
        };
        let mut checks = Checks::default();
        let mut check =
            |cursor: &FileCursor| checks.check(cursor, &mut File::open(&path).unwrap(), look()).unwrap();
        assert_eq!(check(&cursor), Known::Same(digest));
        assert_eq!(check(&FileCursor { place: 0, ..cursor.clone() }), Known::Same(Digest::default()));
        fs::write(&path, text.clone() + "more\n").unwrap();
        assert_eq!((check(&cursor), check(&cursor)), (Known::Same(digest), Known::Same(digest)));
        for changed in [0, 40_000, place - 2] {
            let mut other = text.clone();
            other.replace_range(changed..changed + 1, "b");
            fs::write(&path, other).unwrap();
            assert_eq!(check(&cursor), Known::Changed, "{changed}");
        }
        fs::write(&path, &text[..100]).unwrap();
        assert_eq!(check(&cursor), Known::Changed, "it is shorter");
        assert_eq!(check(&FileCursor { tail: String::new(), ..cursor }), Known::Changed);
    }

    #[test]
    fn a_large_file_is_read_piece_by_piece() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rows.csv");
        let size = 2 * PIECE + 5;
        fs::write(&path, vec![b'x'; usize::try_from(size).unwrap()]).unwrap();
        let digest = Digest::default().and_next(&mut File::open(&path).unwrap(), size).unwrap().unwrap();
        let look = Look::of(&fs::metadata(&path).unwrap());
        let other = Look::of(&fs::metadata(folder.path()).unwrap());
        let cursor = FileCursor {
            id: 1,
            name: "rows.csv".to_owned(),
            place: i64::try_from(size).unwrap(),
            rows_read: 1,
            tail: Mark { digest, look: other }.text(),
            done: false,
        };
        let mut checks = Checks::default();
        let mut check = || checks.check(&cursor, &mut File::open(&path).unwrap(), look).unwrap();
        assert_eq!(
            [check(), check(), check(), check()],
            [Known::Pending, Known::Pending, Known::Same(digest), Known::Same(digest)]
        );
    }
}
