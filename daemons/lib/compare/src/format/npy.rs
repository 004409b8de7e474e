//! NumPy's `.npy`, versions 1 to 3: <https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html>.
//!
//! A record is what the first index leaves (the last one in Fortran's order): a row of a table, a value of a list. Its
//! columns are named as NumPy would write them, with the type: `f8[:,3]`. So arrays of another type or shape have
//! another header, and differ. Where a record would have more than 65,536 values, each value is a record.
//!
//! Floats of 4 and 8 bytes, complex numbers of these (a last index 0 or 1 is added), whole numbers and booleans are
//! read. Objects (pickles) are not, nor structures.

use super::binary::{Element, Kind, MOST_VALUES};
use super::{Format, Input, Reader, Row};
use crate::report::shown;
use crate::source::{Malformed, Trouble};

const MAGIC: &[u8] = b"\x93NUMPY";
/// Longest header, in bytes. NumPy itself reads 10,000.
const LONGEST_HEADER: usize = 65_536;
/// Most indices; as in NumPy.
const MOST_INDICES: usize = 64;

#[derive(Debug)]
pub(super) struct Npy;

impl Format for Npy {
    fn open(&self, input: Input) -> Box<dyn Reader> {
        Box::new(NpyReader { input, array: None, rows: 0 })
    }
}

struct NpyReader {
    input: Input,
    array: Option<Array>,
    rows: u64,
}

/// What a header declares.
#[derive(Debug, Clone, PartialEq)]
struct Array {
    element: Element,
    rows: u64,
    columns: usize,
    names: Vec<Vec<u8>>,
}

fn fault(what: impl Into<String>) -> Malformed {
    Malformed::Format { place: "header".into(), what: what.into() }
}

impl NpyReader {
    fn header(&mut self) -> Result<Array, Trouble> {
        let start = self.input.block(8)?;
        let version = match start.strip_prefix(MAGIC) {
            Some([version @ 1..=3, _]) => *version,
            Some([version, _]) => return Err(fault(format!("version {version} is not known")).into()),
            _ => return Err(fault("does not begin as .npy does").into()),
        };
        let length = self.input.block(if version == 1 { 2 } else { 4 })?;
        let length = length.iter().rev().fold(0_usize, |length, byte| (length << 8) | usize::from(*byte));
        if length > LONGEST_HEADER {
            return Err(fault(format!("has {length} bytes, more than {LONGEST_HEADER}")).into());
        }
        let text = self.input.block(length)?;
        if text.len() < length {
            return Err(fault("is cut").into());
        }
        Ok(Array::of(text)?)
    }
}

/// A key and its value.
type Entry<'t> = (&'t [u8], &'t [u8]);

/// Keys and values of a dictionary as Python writes it.
fn entries(text: &[u8]) -> Result<Vec<Entry<'_>>, Malformed> {
    let text = text.trim_ascii();
    let inner = text.strip_prefix(b"{").and_then(|text| text.strip_suffix(b"}"));
    let mut rest = inner.ok_or_else(|| fault("is no dictionary"))?;
    let mut entries = Vec::new();
    while !rest.trim_ascii().is_empty() {
        let (mut depth, mut quote, mut colon, mut end) = (0_u32, None, None, rest.len());
        for (at, byte) in rest.iter().enumerate() {
            match (quote, byte) {
                (Some(open), _) if open == *byte => quote = None,
                (Some(_), _) => {}
                (None, b'\'' | b'"') => quote = Some(*byte),
                (None, b'(' | b'[' | b'{') => depth += 1,
                (None, b')' | b']' | b'}') => depth = depth.saturating_sub(1),
                (None, b':') if depth == 0 => colon = colon.or(Some(at)),
                (None, b',') if depth == 0 => {
                    end = at;
                    break;
                }
                _ => {}
            }
        }
        let (entry, behind) = rest.split_at_checked(end).unwrap_or((rest, &[]));
        let parts = colon.and_then(|at| Some((entry.get(..at)?, entry.get(at + 1..)?)));
        let (key, value) = parts.ok_or_else(|| fault("has an entry without a colon"))?;
        entries.push((key.trim_ascii(), value.trim_ascii()));
        rest = behind.get(1..).unwrap_or_default();
    }
    Ok(entries)
}

fn unquoted(text: &[u8]) -> Option<&[u8]> {
    let inner = |sign: &[u8]| text.strip_prefix(sign)?.strip_suffix(sign);
    inner(b"'").or_else(|| inner(b"\""))
}

/// The type, and whether it is a pair of these.
fn element(text: &[u8]) -> Option<(Element, bool)> {
    let (is_big_endian, rest) = match text {
        [b'<' | b'|' | b'=', rest @ ..] => (false, rest),
        [b'>', rest @ ..] => (true, rest),
        _ => return None,
    };
    let (kind, size) = match rest {
        b"f4" | b"c8" => (Kind::Float, 4),
        b"f8" | b"c16" => (Kind::Float, 8),
        b"i1" => (Kind::Signed, 1),
        b"i2" => (Kind::Signed, 2),
        b"i4" => (Kind::Signed, 4),
        b"i8" => (Kind::Signed, 8),
        b"u1" | b"b1" => (Kind::Unsigned, 1),
        b"u2" => (Kind::Unsigned, 2),
        b"u4" => (Kind::Unsigned, 4),
        b"u8" => (Kind::Unsigned, 8),
        _ => return None,
    };
    Some((Element { kind, size, is_big_endian }, rest.first() == Some(&b'c')))
}

fn shape(text: &[u8]) -> Option<Vec<u64>> {
    let inner = text.strip_prefix(b"(")?.strip_suffix(b")")?;
    let mut parts: Vec<&[u8]> = inner.split(|byte| *byte == b',').map(<[u8]>::trim_ascii).collect();
    if parts.last().is_some_and(|last| last.is_empty()) {
        parts.pop();
    }
    let number = |part: &&[u8]| {
        let is_number = !part.is_empty() && part.iter().all(u8::is_ascii_digit);
        is_number.then(|| std::str::from_utf8(part).ok()?.parse().ok()).flatten()
    };
    if parts.len() > MOST_INDICES { None } else { parts.iter().map(number).collect() }
}

impl Array {
    fn of(text: &[u8]) -> Result<Self, Malformed> {
        let (mut descr, mut order, mut dimensions) = (None, None, None);
        for (key, value) in entries(text)? {
            let place = match unquoted(key) {
                Some(b"descr") => &mut descr,
                Some(b"fortran_order") => &mut order,
                Some(b"shape") => &mut dimensions,
                _ => return Err(fault(format!("has an unknown key {}", shown(key)))),
            };
            if place.replace(value).is_some() {
                return Err(fault(format!("has {} twice", shown(key))));
            }
        }
        let (Some(descr), Some(order), Some(dimensions)) = (descr, order, dimensions) else {
            return Err(fault("lacks descr, fortran_order or shape"));
        };
        let name = unquoted(descr).unwrap_or(descr);
        let (element, is_pair) = element(name).ok_or_else(|| {
            fault(format!("type {} is none of f4, f8, c8, c16, i1 to i8, u1 to u8, b1", shown(name)))
        })?;
        let is_fortran = match order {
            b"True" => true,
            b"False" => false,
            _ => return Err(fault("fortran_order is neither True nor False")),
        };
        let dimensions =
            shape(dimensions).ok_or_else(|| fault(format!("shape {} is no shape", shown(dimensions))))?;
        // Without the order of bytes: it is no difference.
        let name = String::from_utf8_lossy(name.get(1..).unwrap_or_default()).into_owned();
        Self::arranged(element, &name, &dimensions, is_fortran, is_pair)
    }

    /// Rows and columns.
    fn arranged(
        element: Element,
        name: &str,
        shape: &[u64],
        is_fortran: bool,
        is_pair: bool,
    ) -> Result<Self, Malformed> {
        let pair: &[u64] = if is_pair { &[2] } else { &[] };
        let product =
            |sizes: &[u64]| sizes.iter().try_fold(1_u64, |product, size| product.checked_mul(*size));
        let total = product(&[shape, pair].concat()).filter(|total| *total <= u64::MAX / 8);
        let total = total.ok_or_else(|| fault(format!("shape {shape:?} is too large")))?;
        // The indices within a record, in the order in which they are stored: the last one is the fastest.
        let stored: Vec<u64> = match shape.split_first() {
            None => Vec::new(),
            Some(_) if is_fortran => shape.iter().rev().skip(1).copied().collect(),
            Some((_, rest)) => rest.to_vec(),
        };
        let inner: Vec<u64> = [&stored, pair].concat();
        let columns = product(&inner).unwrap_or(0);
        let order = if is_fortran { ", Fortran" } else { "" };
        if total == 0 || columns > MOST_VALUES {
            let rows = total;
            let names = vec![format!("{name} {shape:?}{order}").into_bytes()];
            return Ok(Self { element, rows, columns: 1, names });
        }
        let index = |column: u64| {
            let (mut left, mut index) = (column, Vec::new());
            for size in inner.iter().rev() {
                index.push((left % size).to_string());
                left /= size;
            }
            index.reverse();
            let pair = index.split_off(index.len() - pair.len());
            if is_fortran {
                index.reverse();
                index.extend((!shape.is_empty()).then(|| ":".to_owned()));
            } else if !shape.is_empty() {
                index.insert(0, ":".into());
            }
            index.extend(pair);
            format!("{name}[{}]", index.join(",")).into_bytes()
        };
        let names = (0..columns).map(index).collect();
        // Lossless: bounded above.
        Ok(Self { element, rows: total / columns, columns: columns as usize, names })
    }
}

impl Reader for NpyReader {
    fn next(&mut self, row: &mut Row) -> Result<bool, Trouble> {
        if self.array.is_none() {
            self.array = Some(self.header()?);
        }
        let Some(array) = &self.array else { return Ok(false) };
        row.begin(self.rows + 1);
        let place = || format!("row {}", self.rows + 1);
        if self.rows == array.rows {
            let what = "something stands behind the array".into();
            return match self.input.peek()? {
                None => Ok(false),
                Some(_) => Err(Malformed::Format { place: place(), what }.into()),
            };
        }
        if !array.element.row(&mut self.input, array.columns, row)? {
            let what = format!("the content ends before {} rows", array.rows);
            return Err(Malformed::Format { place: place(), what }.into());
        }
        self.rows += 1;
        Ok(true)
    }

    fn split(&mut self, row: &mut Row) {
        if let Some(array) = &self.array {
            array.element.split(row);
        }
    }

    fn names(&self) -> &[Vec<u8>] {
        self.array.as_ref().map(|array| array.names.as_slice()).unwrap_or_default()
    }

    fn has_no_nan(&self, bytes: &[u8]) -> bool {
        self.array.as_ref().is_some_and(|array| array.element.has_no_nan(bytes))
    }
}

#[cfg(test)]
mod tests;
