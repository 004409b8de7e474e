//! Rows that come as a stream are stored before they are used: the only writing of this crate.
//!
//! Invariant: a stream becomes a file whole or not at all (written beside, synced, renamed), and its name is the digest
//! of its content: the same rows, fed again, are the same file. Killed in between, a file `.feed.PID` is left that nobody
//! reads; it may be deleted.

use std::fs;
use std::io::{self, Read, Write as _};
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use crate::records::Format;

/// Where rows went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spooled {
    /// The file.
    pub path: PathBuf,
    /// Its size in bytes.
    pub bytes: u64,
    /// Lines in it.
    pub lines: u64,
    /// It was there before, or its rows are made already.
    pub known: bool,
}

/// Folder of the files whose rows are all made, in the folder that they were in.
pub const DONE: &str = "done";

/// Stores `input` as a file in `folder`, which is made. None: there was nothing in it.
///
/// # Errors
/// The input can't be read, or the file can't be written.
pub fn spool(mut input: impl Read, folder: &Path, format: Option<Format>) -> io::Result<Option<Spooled>> {
    fs::create_dir_all(folder)?;
    let temporary = folder.join(format!(".feed.{}", std::process::id()));
    let stored = store(&mut input, &temporary, folder, format);
    if !matches!(stored, Ok(Some(Spooled { known: false, .. }))) {
        let _ = fs::remove_file(&temporary);
    }
    stored
}

fn store(
    input: &mut impl Read,
    temporary: &Path,
    folder: &Path,
    format: Option<Format>,
) -> io::Result<Option<Spooled>> {
    let mut out = fs::File::create(temporary)?;
    let mut digest = Sha256::new();
    let (mut bytes, mut lines, mut first, mut last) = (0_u64, 0_u64, None, b'\n');
    let mut buffer = vec![0; 1 << 16];
    loop {
        let read = match input.read(&mut buffer) {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        let piece = buffer.get(..read).unwrap_or_default();
        first = first.or_else(|| piece.iter().copied().find(|byte| !byte.is_ascii_whitespace()));
        last = piece.last().copied().unwrap_or(last);
        lines += piece.iter().filter(|byte| **byte == b'\n').count() as u64;
        bytes += read as u64;
        digest.update(piece);
        out.write_all(piece)?;
    }
    if last != b'\n' {
        out.write_all(b"\n")?;
        digest.update(b"\n");
        bytes += 1;
        lines += 1;
    }
    let Some(first) = first else { return Ok(None) };
    out.sync_all()?;
    let format = format.unwrap_or(if first == b'{' { Format::Jsonl } else { Format::Csv });
    let name: String = digest.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    let name = format!("{name}.{}", format.ending());
    let path = folder.join(&name);
    let known = path.exists() || folder.join(DONE).join(&name).exists();
    if !known {
        fs::rename(temporary, &path)?;
        fs::File::open(folder)?.sync_all()?;
    }
    Ok(Some(Spooled { path, bytes, lines, known }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_rows_are_the_same_file() {
        let folder = std::env::temp_dir().join(format!("cobblestone-spool-{}", std::process::id()));
        let one = spool(&b"{\"a\":1}\n{\"a\":2}"[..], &folder, None).unwrap().unwrap();
        assert_eq!((one.lines, one.bytes, one.known), (2, 16, false));
        assert_eq!(one.path.extension().unwrap(), "jsonl");
        let two = spool(&b"{\"a\":1}\n{\"a\":2}\n"[..], &folder, None).unwrap().unwrap();
        assert_eq!((two.path.clone(), two.known), (one.path.clone(), true));
        fs::create_dir(folder.join(DONE)).unwrap();
        fs::rename(&one.path, folder.join(DONE).join(one.path.file_name().unwrap())).unwrap();
        assert!(spool(&b"{\"a\":1}\n{\"a\":2}\n"[..], &folder, None).unwrap().unwrap().known);
        assert_eq!(spool(&b" \n"[..], &folder, None).unwrap(), None);
        assert_eq!(
            spool(&b"a,b\n1,2\n"[..], &folder, None).unwrap().unwrap().path.extension().unwrap(),
            "csv"
        );
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 2, "nothing temporary is left");
        fs::remove_dir_all(&folder).unwrap();
    }
}
