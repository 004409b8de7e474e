//! A member of a tar archive, found by its name while the archive passes by. Nothing is written, so no name and no link
//! can lead anywhere.
//!
//! Formats v7, ustar, GNU (long names) and pax (`path`, `size`) are read. What stands behind the member is looked
//! through for a second one of the same name. A member that is no plain file is refused.

use std::io::{self, Read};

use super::member::{fault, is_named};
use super::{Bytes, Trouble};

const BLOCK: usize = 512;
/// Longest name or list of attributes, in bytes.
const LONGEST_NAME: u64 = 65_536;
/// Most members.
const MOST_MEMBERS: u32 = 1_000_000;

/// Opens the member `name`.
pub(super) fn open(archive: Bytes, name: &str) -> Result<Bytes, Trouble> {
    let mut walk = Walk { archive, name: name.to_owned(), members: 0 };
    match walk.find()? {
        Some(size) => Ok(Box::new(Member { walk, left: size, size, is_over: false })),
        None => Err(fault(name, "is not in the archive").into()),
    }
}

struct Walk {
    archive: Bytes,
    name: String,
    members: u32,
}

/// A header.
struct Header([u8; BLOCK]);

impl Header {
    fn field(&self, begin: usize, end: usize) -> &[u8] {
        let field = self.0.get(begin..end).unwrap_or_default();
        field.split(|byte| *byte == 0).next().unwrap_or_default()
    }

    fn kind(&self) -> u8 {
        self.0.get(156).copied().unwrap_or(0)
    }

    fn name(&self) -> Vec<u8> {
        let (name, prefix) = (self.field(0, 100), self.field(345, 500));
        let is_ustar = self.0.get(257..263) == Some(b"ustar\0");
        if is_ustar && !prefix.is_empty() { [prefix, b"/", name].concat() } else { name.to_vec() }
    }

    /// A number in octal digits, or in 256s if it is large.
    fn size(&self) -> Option<u64> {
        let field = self.0.get(124..136)?;
        match field.split_first()? {
            (0x80, rest) => {
                let (high, low) = rest.split_at_checked(3)?;
                let low: [u8; 8] = low.try_into().ok()?;
                high.iter().all(|byte| *byte == 0).then_some(u64::from_be_bytes(low))
            }
            _ => octal(field),
        }
    }

    fn is_sound(&self) -> bool {
        let sum = |at: usize, byte: u8| if (148..156).contains(&at) { 32 } else { u64::from(byte) };
        let sum: u64 = self.0.iter().enumerate().map(|(at, byte)| sum(at, *byte)).sum();
        octal(self.field(148, 156)) == Some(sum)
    }
}

fn octal(field: &[u8]) -> Option<u64> {
    let field = field.split(|byte| *byte == 0).next()?.trim_ascii();
    let text = if field.is_empty() { "0" } else { std::str::from_utf8(field).ok()? };
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| u64::from_str_radix(text, 8).ok()).flatten()
}

impl Walk {
    fn fault(&self, what: impl Into<String>) -> io::Error {
        fault(&self.name, what).into()
    }

    /// Goes to the data of the next member with the name and gives its size; `None` at the end.
    fn find(&mut self) -> io::Result<Option<u64>> {
        // From headers that describe the next one.
        let (mut long_name, mut long_size) = (None, None);
        while let Some(header) = self.header()? {
            self.members += 1;
            if self.members > MOST_MEMBERS {
                return Err(self.fault(format!("the archive has more than {MOST_MEMBERS} members")));
            }
            let size = header.size().ok_or_else(|| self.fault("a size in the archive is no number"))?;
            match header.kind() {
                b'L' => {
                    let name = self.small(size)?;
                    long_name = Some(name.split(|byte| *byte == 0).next().unwrap_or_default().to_vec());
                }
                b'x' => {
                    let attributes = self.small(size)?;
                    let (name, size) =
                        pax(&attributes).ok_or_else(|| self.fault("attributes in the archive are broken"))?;
                    (long_name, long_size) = (name.or(long_name), size);
                }
                b'K' | b'g' => self.skip(padded(size))?,
                kind => {
                    let name = long_name.take().unwrap_or_else(|| header.name());
                    let size = long_size.take().unwrap_or(size);
                    if !is_named(&name, &self.name) {
                        // Links and folders have no data, whatever their size says; no program writes any.
                        self.skip(padded(size))?;
                    } else if matches!(kind, b'0' | b'7' | 0) {
                        return Ok(Some(size));
                    } else {
                        return Err(self.fault("is a link or another thing that is no plain file"));
                    }
                }
            }
        }
        Ok(None)
    }

    fn header(&mut self) -> io::Result<Option<Header>> {
        let mut block = Vec::with_capacity(BLOCK);
        self.archive.by_ref().take(BLOCK as u64).read_to_end(&mut block)?;
        if block.is_empty() || block.iter().all(|byte| *byte == 0) {
            return Ok(None);
        }
        let block: [u8; BLOCK] = block.try_into().map_err(|_| self.fault("the archive is cut"))?;
        let header = Header(block);
        if header.is_sound() {
            Ok(Some(header))
        } else {
            Err(self.fault("this is no tar archive, or it is broken"))
        }
    }

    /// Data of a member that describes another one.
    fn small(&mut self, size: u64) -> io::Result<Vec<u8>> {
        if size > LONGEST_NAME {
            return Err(self.fault(format!("a name in the archive has more than {LONGEST_NAME} bytes")));
        }
        let mut bytes = Vec::new();
        self.archive.by_ref().take(size).read_to_end(&mut bytes)?;
        if (bytes.len() as u64) < size {
            return Err(self.fault("the archive is cut"));
        }
        self.skip(padded(size) - size)?;
        Ok(bytes)
    }

    fn skip(&mut self, count: u64) -> io::Result<()> {
        let skipped = io::copy(&mut self.archive.by_ref().take(count), &mut io::sink())?;
        if skipped < count { Err(self.fault("the archive is cut")) } else { Ok(()) }
    }
}

/// With what fills up the last block.
const fn padded(size: u64) -> u64 {
    size.saturating_add(BLOCK as u64 - 1) / BLOCK as u64 * BLOCK as u64
}

/// `path` and `size` of lines `LENGTH KEY=VALUE`. `None` if they are none.
#[allow(clippy::type_complexity, reason = "two optional values")]
fn pax(mut attributes: &[u8]) -> Option<(Option<Vec<u8>>, Option<u64>)> {
    let (mut name, mut size) = (None, None);
    while !attributes.is_empty() {
        let blank = attributes.iter().position(|byte| *byte == b' ')?;
        let length: usize = std::str::from_utf8(attributes.get(..blank)?).ok()?.parse().ok()?;
        let record = attributes.get(blank + 1..length)?.strip_suffix(b"\n")?;
        let equals = record.iter().position(|byte| *byte == b'=')?;
        let (key, value) = (record.get(..equals)?, record.get(equals + 1..)?);
        match key {
            b"path" => name = Some(value.to_vec()),
            b"size" => size = Some(std::str::from_utf8(value).ok()?.parse().ok()?),
            // A sparse file: its data are not its content.
            _ if key.starts_with(b"GNU.sparse") => return None,
            _ => {}
        }
        attributes = attributes.get(length..)?;
    }
    Some((name, size))
}

/// The data of the member.
struct Member {
    walk: Walk,
    left: u64,
    size: u64,
    is_over: bool,
}

impl Read for Member {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.left == 0 || buffer.is_empty() {
            if !self.is_over && !buffer.is_empty() {
                self.is_over = true;
                self.walk.skip(padded(self.size) - self.size)?;
                if self.walk.find()?.is_some() {
                    return Err(self.walk.fault("is there twice"));
                }
            }
            return Ok(0);
        }
        let count = self.walk.archive.by_ref().take(self.left).read(buffer)?;
        if count == 0 {
            return Err(self.walk.fault("the archive is cut"));
        }
        self.left -= count as u64;
        Ok(count)
    }
}
