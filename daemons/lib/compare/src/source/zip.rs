//! A member of a zip archive, found by its exact name. Nothing is written, so no name can lead anywhere.
//!
//! The table at the end of the archive counts, as with every program; the header before the data must name the same
//! member. One record of the table is in memory at a time. Stored and deflated members are read, checked by size and
//! CRC; encrypted and ZIP64 archives are not. Overlapping members do no harm: one is read.

use std::io::{BufReader, ErrorKind, Read, Seek, SeekFrom};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use super::bounded::{Bounded, Counted};
use super::member::{fault, is_named};
use super::{Bytes, Malformed, Trouble};

/// What is read in any order.
pub(super) trait Seekable: Read + Seek + Send {}

impl<T: Read + Seek + Send> Seekable for T {}

/// Size of the record at the very end, without its comment.
const END: usize = 22;
/// Longest comment behind it.
const COMMENT: u64 = 65_535;
/// Size of a record of the table, without its names.
const ENTRY: usize = 46;
/// Size of the header before the data, without its names.
const LOCAL: usize = 30;

/// A record of the table.
struct Entry {
    flags: u16,
    method: u16,
    crc: u32,
    packed: u64,
    size: u64,
    offset: u64,
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    bytes.get(at..at + 2).and_then(|bytes| bytes.try_into().ok()).map_or(0, u16::from_le_bytes)
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..at + 4).and_then(|bytes| bytes.try_into().ok()).map_or(0, u32::from_le_bytes)
}

/// Reads exactly so many bytes; an archive that ends before is cut.
fn exactly<const N: usize>(reader: &mut impl Read, name: &str) -> Result<[u8; N], Trouble> {
    let mut bytes = [0; N];
    read_all(reader, &mut bytes, name)?;
    Ok(bytes)
}

fn read_all(reader: &mut impl Read, bytes: &mut [u8], name: &str) -> Result<(), Trouble> {
    reader.read_exact(bytes).map_err(|error| match error.kind() {
        ErrorKind::UnexpectedEof => fault(name, "the archive is cut").into(),
        _ => error.into(),
    })
}

/// Opens the member `name` of an archive of `length` bytes.
pub(super) fn open(
    archive: Box<dyn Seekable>,
    length: u64,
    name: &str,
    limit: u64,
    ratio: u64,
) -> Result<Bytes, Trouble> {
    let mut archive = BufReader::new(archive);
    let (count, begin) = table(&mut archive, length, name)?;
    let entry = find(&mut archive, count, begin, name)?;
    if entry.flags & 1 != 0 {
        return Err(fault(name, "is encrypted").into());
    }
    if entry.size > limit {
        return Err(Malformed::TooLarge { limit }.into());
    }
    archive.seek(SeekFrom::Start(entry.offset))?;
    let local: [u8; LOCAL] = exactly(&mut archive, name)?;
    let mut local_name = vec![0; usize::from(u16_at(&local, 26))];
    read_all(&mut archive, &mut local_name, name)?;
    if !local.starts_with(b"PK\x03\x04") || !is_named(&local_name, name) {
        return Err(fault(name, "the table of the archive points elsewhere").into());
    }
    archive.seek_relative(i64::from(u16_at(&local, 28)))?;
    let packed: Bytes = Box::new(archive.take(entry.packed));
    let unpacked: Bytes = match entry.method {
        0 => packed,
        8 => {
            let count = Arc::new(AtomicU64::new(0));
            let counted = BufReader::new(Counted { inner: packed, count: Arc::clone(&count) });
            let inner = flate2::bufread::DeflateDecoder::new(counted);
            Box::new(Bounded { inner, packed: count, unpacked: 0, limit, ratio })
        }
        method => return Err(fault(name, format!("method {method} is not known, only 0 and 8")).into()),
    };
    let name = name.to_owned();
    Ok(Box::new(Checked { inner: unpacked, name, sum: flate2::Crc::new(), left: entry.size, crc: entry.crc }))
}

/// How many members there are, and where their table begins.
fn table(archive: &mut BufReader<Box<dyn Seekable>>, length: u64, name: &str) -> Result<(u16, u64), Trouble> {
    let size = length.min(COMMENT + END as u64);
    archive.seek(SeekFrom::Start(length - size))?;
    let mut tail = Vec::new();
    archive.by_ref().take(size).read_to_end(&mut tail)?;
    let found = tail.windows(END).enumerate().rev().find_map(|(at, end)| {
        let is_end = end.starts_with(b"PK\x05\x06");
        (is_end && at + END + usize::from(u16_at(end, 20)) == tail.len()).then_some(end)
    });
    let end = found.ok_or_else(|| fault(name, "this is no zip archive, or it is cut"))?;
    let (count, begin) = (u16_at(end, 10), u32_at(end, 16));
    if count == u16::MAX || begin == u32::MAX {
        return Err(fault(name, "ZIP64 archives are not read").into());
    }
    Ok((count, begin.into()))
}

fn find(
    archive: &mut BufReader<Box<dyn Seekable>>,
    count: u16,
    begin: u64,
    name: &str,
) -> Result<Entry, Trouble> {
    archive.seek(SeekFrom::Start(begin))?;
    let (mut found, mut found_name) = (None, Vec::new());
    for _ in 0..count {
        let entry: [u8; ENTRY] = exactly(archive, name)?;
        if !entry.starts_with(b"PK\x01\x02") {
            return Err(fault(name, "the table of the archive is broken").into());
        }
        found_name.resize(usize::from(u16_at(&entry, 28)), 0);
        read_all(archive, &mut found_name, name)?;
        if is_named(&found_name, name) {
            let (packed, size, offset) = (u32_at(&entry, 20), u32_at(&entry, 24), u32_at(&entry, 42));
            if [packed, size, offset].contains(&u32::MAX) {
                return Err(fault(name, "ZIP64 archives are not read").into());
            }
            let entry = Entry {
                flags: u16_at(&entry, 8),
                method: u16_at(&entry, 10),
                crc: u32_at(&entry, 16),
                packed: packed.into(),
                size: size.into(),
                offset: offset.into(),
            };
            if found.replace(entry).is_some() {
                return Err(fault(name, "is there twice").into());
            }
        }
        archive.seek_relative(i64::from(u16_at(&entry, 30)) + i64::from(u16_at(&entry, 32)))?;
    }
    found.ok_or_else(|| fault(name, "is not in the archive").into())
}

/// Compares size and checksum at the end.
struct Checked {
    inner: Bytes,
    name: String,
    sum: flate2::Crc,
    left: u64,
    crc: u32,
}

impl Read for Checked {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.sum.update(buffer.get(..count).unwrap_or_default());
        match self.left.checked_sub(count as u64) {
            None => return Err(fault(&self.name, "has more bytes than it declares").into()),
            Some(left) => self.left = left,
        }
        if count == 0 && !buffer.is_empty() && (self.left > 0 || self.sum.sum() != self.crc) {
            return Err(fault(&self.name, "size or checksum is wrong").into());
        }
        Ok(count)
    }
}
