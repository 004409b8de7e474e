//! Digest and size of an input file, and the `.md5` file beside it that remembers them.
//!
//! The `.md5` file holds one line, `HEX SIZE\n`, with SIZE as C's `%.15e`. It counts only while it is not
//! older than the file (whole seconds, as in BOINC) and has the file's size.
//!
//! Invariant: a `.md5` file appears whole or not at all: it is written under another name and renamed. What
//! is there and isn't such a line (a project's own file whose name ends in `.md5`) is never touched.
//! Killed in between: at worst a file `.NAME.md5.PID` stays behind; it can be deleted.

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use md5::{Digest as _, Md5};

use crate::c_number;
use crate::input_template::FileFacts;

/// No `.md5` file is longer.
const MAX_LINE: u64 = 256;
/// Sizes up to here have an exact floating-point number: 2⁵³.
const MAX_SIZE: f64 = 9_007_199_254_740_992.0;

/// What is found beside a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cached {
    /// Digest and size, as good as computed now.
    Valid(FileFacts),
    /// There is no `.md5` file (or no file).
    Absent,
    /// It is older than the file, or tells another size.
    Stale,
    /// It is something else.
    NotACache,
}

/// `FILE.md5`
#[must_use]
pub fn path_of(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".md5");
    PathBuf::from(name)
}

/// The line that a `.md5` file holds.
#[must_use]
pub fn line(facts: &FileFacts) -> String {
    #[allow(clippy::cast_precision_loss, reason = "exact up to 2^53 bytes")]
    let nbytes = facts.nbytes as f64;
    format!("{} {}\n", facts.md5, c_number::exponent_15(nbytes))
}

/// Reads the line of a `.md5` file; none if it is something else.
#[must_use]
pub fn parse_line(bytes: &[u8]) -> Option<FileFacts> {
    let text = std::str::from_utf8(bytes).ok()?.strip_suffix('\n')?;
    let (md5, nbytes) = text.trim_start().split_once(|c: char| c.is_ascii_whitespace())?;
    if md5.len() != 32 || !md5.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let nbytes = c_number::double(nbytes.as_bytes())?;
    if !(0.0..=MAX_SIZE).contains(&nbytes) || nbytes.fract() != 0.0 {
        return None;
    }
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "whole and in range")]
    let nbytes = nbytes as u64;
    Some(FileFacts { md5: md5.to_owned(), nbytes })
}

/// Looks beside `file`.
///
/// # Errors
/// The `.md5` file is there and can't be read.
pub fn read(file: &Path) -> io::Result<Cached> {
    let Ok(about_file) = fs::metadata(file) else { return Ok(Cached::Absent) };
    let cache = match File::open(path_of(file)) {
        Ok(cache) => cache,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Cached::Absent),
        Err(error) => return Err(error),
    };
    let about_cache = cache.metadata()?;
    if !about_cache.is_file() {
        return Ok(Cached::NotACache);
    }
    let mut bytes = Vec::new();
    cache.take(MAX_LINE).read_to_end(&mut bytes)?;
    Ok(match parse_line(&bytes) {
        None => Cached::NotACache,
        Some(facts) if about_cache.mtime() < about_file.mtime() || facts.nbytes != about_file.size() => {
            Cached::Stale
        }
        Some(facts) => Cached::Valid(facts),
    })
}

/// Reads the whole file, in pieces, for its digest and size.
///
/// # Errors
/// It can't be read.
pub fn compute(file: &Path) -> io::Result<FileFacts> {
    let mut file = File::open(file)?;
    let mut digest = Md5::new();
    let mut nbytes = 0;
    let mut piece = vec![0; 64 * 1024];
    loop {
        let read = match file.read(&mut piece) {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        digest.update(piece.get(..read).unwrap_or_default());
        nbytes += read as u64;
    }
    Ok(FileFacts { md5: hex(&digest.finalize()), nbytes })
}

/// Digest and size of bytes in memory, for a caller who writes the file itself.
#[must_use]
pub fn of_bytes(bytes: &[u8]) -> FileFacts {
    FileFacts { md5: hex(&Md5::digest(bytes)), nbytes: bytes.len() as u64 }
}

/// Writes the `.md5` file of `file`, whole or not at all.
///
/// # Errors
/// It can't be written.
pub fn write(file: &Path, facts: &FileFacts) -> io::Result<()> {
    let cache = path_of(file);
    let temporary = temporary(&cache)?;
    let written = File::create(&temporary)
        .and_then(|mut out| out.write_all(line(facts).as_bytes()))
        .and_then(|()| fs::rename(&temporary, &cache));
    if written.is_err() {
        let _ = fs::remove_file(&temporary);
    }
    written
}

/// Digest and size of `file`: from a valid `.md5` file, else computed, and then remembered unless the place is
/// taken by something else. A `.md5` file that can't be written is no error.
///
/// What is worth telling goes to `notes`.
///
/// # Errors
/// The file can't be read.
pub fn facts(file: &Path, notes: &mut Vec<String>) -> io::Result<FileFacts> {
    let cached = read(file).unwrap_or(Cached::NotACache);
    if let Cached::Valid(facts) = cached {
        return Ok(facts);
    }
    let before = fs::metadata(file).map(|about| (about.mtime(), about.mtime_nsec()));
    let facts = compute(file)?;
    let after = fs::metadata(file).map(|about| (about.mtime(), about.mtime_nsec()));
    match cached {
        Cached::NotACache => notes.push(bad_cache(file)),
        // A file that changed while it was read is not remembered.
        _ if before.ok() == after.ok() => {
            let _ = write(file, &facts);
        }
        _ => {}
    }
    Ok(facts)
}

/// Stock's words for a `.md5` file that is something else.
pub(crate) fn bad_cache(file: &Path) -> String {
    format!("bad MD5 cache file {}; remove it and stage file again", path_of(file).display())
}

/// A name in the same folder that no other process uses.
pub(crate) fn temporary(path: &Path) -> io::Result<PathBuf> {
    let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
    let mut hidden = std::ffi::OsString::from(".");
    hidden.push(name);
    hidden.push(format!(".{}", std::process::id()));
    Ok(path.with_file_name(hidden))
}

fn hex(digest: &[u8]) -> String {
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::time::{Duration, SystemTime};

    fn set_modified(path: &Path, seconds: u64) {
        let file = File::options().write(true).open(path).unwrap();
        file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)).unwrap();
    }

    #[test]
    fn computed_once_and_remembered() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("in");
        fs::write(&file, "hello\n").unwrap();
        let mut notes = Vec::new();
        let facts = facts(&file, &mut notes).unwrap();
        assert_eq!(facts, FileFacts { md5: "b1946ac92492d2347c6235b4d2611184".into(), nbytes: 6 });
        let cache = fs::read_to_string(path_of(&file)).unwrap();
        assert_eq!(cache, "b1946ac92492d2347c6235b4d2611184 6.000000000000000e+00\n");
        assert_eq!(read(&file).unwrap(), Cached::Valid(facts));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2, "no temporary file stays");
        assert!(notes.is_empty());
    }

    #[test]
    fn a_cache_older_than_the_file_or_of_another_size_is_stale() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("in");
        fs::write(&file, "hello\n").unwrap();
        let wrong = FileFacts { md5: "0".repeat(32), nbytes: 6 };
        write(&file, &wrong).unwrap();
        set_modified(&file, 2000);
        set_modified(&path_of(&file), 1999);
        assert_eq!(read(&file).unwrap(), Cached::Stale);
        set_modified(&path_of(&file), 2000);
        assert_eq!(read(&file).unwrap(), Cached::Valid(wrong.clone()));
        write(&file, &FileFacts { nbytes: 7, ..wrong }).unwrap();
        assert_eq!(read(&file).unwrap(), Cached::Stale);
        assert_eq!(facts(&file, &mut Vec::new()).unwrap(), of_bytes(b"hello\n"));
        assert_eq!(read(&file).unwrap(), Cached::Valid(of_bytes(b"hello\n")));
    }

    #[test]
    fn another_file_of_that_name_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("in");
        fs::write(&file, "hello\n").unwrap();
        fs::write(path_of(&file), "my own data").unwrap();
        let mut notes = Vec::new();
        assert_eq!(facts(&file, &mut notes).unwrap().nbytes, 6);
        assert_eq!(fs::read_to_string(path_of(&file)).unwrap(), "my own data");
        assert!(notes[0].starts_with("bad MD5 cache file "), "{notes:?}");
    }

    #[test]
    fn lines_that_are_no_cache() {
        let md5 = "b1946ac92492d2347c6235b4d2611184";
        assert!(parse_line(format!("{md5} 6\n").as_bytes()).is_some());
        for bad in [
            format!("{md5} 6"),
            format!("{md5} 6\n\n"),
            format!("{md5} 6 x\n"),
            format!("{md5} -6\n"),
            format!("{md5} 6.5\n"),
            format!("{md5} nan\n"),
            "xyz 6\n".to_owned(),
            String::new(),
        ] {
            assert_eq!(parse_line(bad.as_bytes()), None, "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn lines_round_trip(md5 in "[0-9a-f]{32}", nbytes in 0_u64..=1 << 53) {
            let facts = FileFacts { md5, nbytes };
            prop_assert_eq!(parse_line(line(&facts).as_bytes()), Some(facts));
        }

        #[test]
        fn no_line_panics(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            let _ = parse_line(&bytes);
        }
    }
}
