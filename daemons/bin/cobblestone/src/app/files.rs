//! Files of an administrator: read within bounds, written whole or not at all.

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

/// Largest text file that is read, in bytes.
pub const LARGEST: u64 = 1 << 20;

/// The bytes of a file, none if there is no such file.
///
/// # Errors
/// It is there and can't be read, or is larger than [`LARGEST`].
pub fn bytes(path: &Path) -> io::Result<Option<Vec<u8>>> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    if !file.metadata()?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a file"));
    }
    let mut bytes = Vec::new();
    file.take(LARGEST + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LARGEST {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("it has more than {LARGEST} bytes")));
    }
    Ok(Some(bytes))
}

/// The text of a file, none if there is no such file. What is no UTF-8 is shown as `?`.
///
/// # Errors
/// As [`bytes`].
pub fn text(path: &Path) -> io::Result<Option<String>> {
    Ok(bytes(path)?.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()))
}

/// Writes a file whole or not at all, and its folder if need be.
///
/// # Errors
/// It can't be written.
pub fn write(path: &Path, text: &str) -> io::Result<()> {
    let temporary = beside(path)?;
    let written = File::create(&temporary)
        .and_then(|mut file| file.write_all(text.as_bytes()).and_then(|()| file.sync_all()))
        .and_then(|()| fs::rename(&temporary, path));
    if written.is_err() {
        let _ = fs::remove_file(&temporary);
    }
    written
}

/// Writes a file if there is none of that name. False if there is one.
///
/// # Errors
/// It can't be written.
pub fn create(path: &Path, text: &str) -> io::Result<bool> {
    let temporary = beside(path)?;
    let linked = File::create(&temporary)
        .and_then(|mut file| file.write_all(text.as_bytes()).and_then(|()| file.sync_all()))
        // A link, and not a rename: it fails if the name is taken meanwhile.
        .and_then(|()| fs::hard_link(&temporary, path));
    let _ = fs::remove_file(&temporary);
    match linked {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(error),
    }
}

/// Puts a large file to another place, as a second name of the same file where that can be, else as a copy.
///
/// # Errors
/// It can't be done.
pub fn link_or_copy(from: &Path, to: &Path) -> io::Result<()> {
    let temporary = beside(to)?;
    let _ = fs::remove_file(&temporary);
    // A link to a link would hang in the air on another day.
    let from = from.canonicalize()?;
    let done = fs::hard_link(&from, &temporary)
        .or_else(|_| fs::copy(&from, &temporary).map(drop))
        .and_then(|()| fs::rename(&temporary, to));
    if done.is_err() {
        let _ = fs::remove_file(&temporary);
    }
    done
}

/// Deletes what killed ones left beside a file: hidden files of its name and of a process that is gone.
///
/// # Errors
/// One can't be deleted.
pub fn clear(path: &Path) -> io::Result<()> {
    let (Some(folder), Some(name)) = (path.parent(), path.file_name().and_then(|name| name.to_str())) else {
        return Ok(());
    };
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    for entry in entries {
        let left = entry?.file_name();
        let pid =
            left.to_str().and_then(|left| left.strip_prefix('.')?.strip_prefix(name)?.strip_prefix('.'));
        let Some(pid) = pid.filter(|pid| pid.parse::<u32>().is_ok()) else { continue };
        if !Path::new("/proc").join(pid).exists() {
            fs::remove_file(folder.join(&left))?;
        }
    }
    Ok(())
}

/// A hidden name beside it that no other process uses; BOINC's programs skip such names. Makes the folder.
fn beside(path: &Path) -> io::Result<PathBuf> {
    let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?.to_string_lossy();
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    Ok(path.with_file_name(format!(".{name}.{}", std::process::id())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_killed_ones_left_is_cleared_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let ours = format!(".a.xml.{}", std::process::id());
        for name in [
            ".a.xml.999999999",
            ".a.xml.99999999.bak",
            ".a.xml.old",
            "a.xml.999999999",
            ".b.999999999",
            &ours,
        ] {
            fs::write(folder.path().join(name), "half").unwrap();
        }
        clear(&folder.path().join("a.xml")).unwrap();
        assert!(!folder.path().join(".a.xml.999999999").exists());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 5);
        clear(&folder.path().join("none/a.xml")).unwrap();
    }

    #[test]
    fn a_file_that_is_there_is_not_created_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a/b");
        assert!(create(&path, "one").unwrap());
        assert!(!create(&path, "two").unwrap());
        assert_eq!(text(&path).unwrap().unwrap(), "one");
        write(&path, "three").unwrap();
        assert_eq!(text(&path).unwrap().unwrap(), "three");
        link_or_copy(&path, &folder.path().join("c/d")).unwrap();
        assert_eq!(text(&folder.path().join("c/d")).unwrap().unwrap(), "three");
        for folder in [folder.path().join("a"), folder.path().join("c")] {
            assert_eq!(fs::read_dir(folder).unwrap().count(), 1, "no temporary file stays");
        }
        assert!(text(folder.path()).is_err());
        assert_eq!(text(&folder.path().join("none")).unwrap(), None);
    }
}
