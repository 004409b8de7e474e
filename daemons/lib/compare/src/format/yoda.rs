//! Histograms as Rivet and YODA write them, in text.
//!
//! An object `/A/h` is one record for each of its columns, named as the comment line above the numbers names them:
//! `/A/h:sumw` has as many values as there are bins. `line` is that of the first bin, so value 3 stands two lines
//! below. Before them: `/A/h:Type` (as in `HISTO1D_V2`), the lines with a key, as `/A/h:Title` and `/A/h:Edges(A1)`,
//! and the lines `Total`, `Underflow` and `Overflow` of version 2. `/A/h:ScaledBy` stands behind the type, and is 1
//! where it is not written: so it is with histograms that were not scaled, as empty ones. Comments, as the mean,
//! follow from the rest and are skipped.
//!
//! An object is taken apart in memory, of which it may use 128 MiB.

use std::collections::VecDeque;

use super::text::{TextLines, TextOptions};
use super::{Cell, Format, Input, LONGEST_RECORD, Reader, Row, number, text_has_no_nan};
use crate::report::shown;
use crate::source::{Malformed, Trouble};

/// Most memory for one object, in bytes.
const LARGEST_OBJECT: usize = 128 << 20;
/// What a value takes beside its characters, in bytes, about.
const VALUE: usize = size_of::<Cell>() + 8;
/// Longest path or key, in bytes.
const LONGEST_NAME: usize = 4096;
/// Most columns.
const MOST_COLUMNS: usize = 4096;

#[derive(Debug)]
pub(super) struct Yoda(TextOptions);

impl Yoda {
    pub(super) const fn new(options: TextOptions) -> Self {
        Self(options)
    }
}

impl Format for Yoda {
    fn open(&self, input: Input) -> Box<dyn Reader> {
        Box::new(YodaReader {
            lines: TextLines::new(input, &self.0),
            line: Vec::new(),
            ready: VecDeque::new(),
        })
    }

    fn is_labelled(&self) -> bool {
        true
    }
}

struct YodaReader {
    lines: TextLines,
    line: Vec<u8>,
    /// Records of the object that was read last.
    ready: VecDeque<Record>,
}

/// A record that is being made.
#[derive(Default)]
struct Record {
    label: Vec<u8>,
    line: u64,
    bytes: Vec<u8>,
    cells: Vec<Cell>,
}

impl Record {
    fn new(path: &[u8], name: &[u8], line: u64) -> Self {
        Self { label: [path, b":", name].concat(), line, ..Self::default() }
    }

    /// Adds a value; false if the record is too long.
    fn add(&mut self, word: &[u8]) -> bool {
        if !self.bytes.is_empty() {
            self.bytes.push(b'\t');
        }
        let begin = self.bytes.len();
        self.bytes.extend_from_slice(word);
        self.cells.push(Cell::new(number::meaning(word), begin, self.bytes.len()));
        self.bytes.len() <= LONGEST_RECORD
    }
}

/// An object that has begun.
struct Object {
    path: Vec<u8>,
    /// Keys and values come, not yet numbers.
    is_head: bool,
    /// Written by YODA 1.0: `key=value`, and no line between head and numbers.
    is_old: bool,
    /// What the last comment names.
    names: Vec<Vec<u8>>,
    records: Vec<Record>,
    columns: Vec<Record>,
    memory: usize,
    /// Where `ScaledBy` belongs, until it comes: an object of weights.
    lacks_scale: bool,
}

/// Objects that may have been multiplied with a factor.
fn has_weights(kind: &[u8]) -> bool {
    let kind = kind.strip_prefix(b"BINNED").unwrap_or(kind);
    [&b"HISTO"[..], b"PROFILE", b"COUNTER"].iter().any(|begin| kind.starts_with(begin))
}

fn words(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    line.split(|byte| byte.is_ascii_whitespace()).filter(|word| !word.is_empty())
}

/// Path and type of the object that begins here.
fn beginning(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut words = words(line.strip_prefix(b"#").unwrap_or(line));
    let begins = words.next() == Some(b"BEGIN");
    let kind = words.next()?.strip_prefix(b"YODA_")?;
    begins.then_some((words.next().unwrap_or_default(), kind))
}

fn is_end(line: &[u8]) -> bool {
    let mut words = words(line.strip_prefix(b"#").unwrap_or(line));
    words.next() == Some(b"END") && words.next().is_some_and(|word| word.starts_with(b"YODA_"))
}

/// The key and the value of a line.
fn key_value(line: &[u8], sign: u8) -> Option<(&[u8], &[u8])> {
    let at = line.iter().position(|byte| *byte == sign)?;
    let (key, rest) = line.split_at_checked(at)?;
    let value = rest.get(1..).unwrap_or_default();
    let is_key = key.first().is_some_and(u8::is_ascii_alphabetic) && key.len() <= LONGEST_NAME;
    is_key.then(|| (key.trim_ascii(), value.trim_ascii()))
}

impl Object {
    fn new(path: &[u8], kind: &[u8], line: u64) -> Self {
        let mut of_type = Record::new(path, b"Type", line);
        of_type.add(kind);
        let is_old = !kind.windows(2).any(|pair| pair == b"_V");
        Self {
            path: path.to_vec(),
            is_head: true,
            is_old,
            names: Vec::new(),
            records: vec![of_type],
            columns: Vec::new(),
            memory: 0,
            lacks_scale: has_weights(kind),
        }
    }

    /// All records of the object.
    fn end(mut self) -> impl Iterator<Item = Record> {
        if self.lacks_scale {
            let line = self.records.first().map_or(0, |record| record.line);
            let mut scale = Record::new(&self.path, b"ScaledBy", line);
            scale.add(b"1");
            self.records.insert(self.records.len().min(1), scale);
        }
        self.records.into_iter().chain(self.columns)
    }

    /// Takes a line; what is wrong with it, if something is.
    fn take(&mut self, text: &[u8], line: u64) -> Result<(), String> {
        self.memory += text.len();
        let text = text.trim_ascii();
        if let Some(comment) = text.strip_prefix(b"#") {
            self.name(comment);
            return Ok(());
        }
        if self.is_head {
            if text == b"---" {
                self.is_head = false;
                return Ok(());
            }
            match key_value(text, if self.is_old { b'=' } else { b':' }) {
                Some((b"Path" | b"Type", _)) => return Ok(()),
                Some((key, value)) => return self.single(key, &[value], line),
                None if self.is_old => self.is_head = false,
                None => return Err(format!("{} is neither a key with its value nor ---", shown(text))),
            }
        }
        let mut fields = words(text);
        match fields.next() {
            None => Ok(()),
            Some(word @ (b"Total" | b"Underflow" | b"Overflow")) => {
                // The word stands twice, for both edges.
                let values: Vec<&[u8]> = fields.skip_while(|field| *field == word).collect();
                self.single(word, &values, line)
            }
            Some(_) => match key_value(text, b':') {
                Some((key, value)) => {
                    let is_between =
                        |byte: &u8| byte.is_ascii_whitespace() || matches!(byte, b',' | b'[' | b']');
                    let values: Vec<&[u8]> =
                        value.split(is_between).filter(|word| !word.is_empty()).collect();
                    self.single(key, &values, line)
                }
                None => self.bin(text, line),
            },
        }
    }

    fn single(&mut self, key: &[u8], values: &[&[u8]], line: u64) -> Result<(), String> {
        let mut record = Record::new(&self.path, key, line);
        self.memory += values.len() * VALUE + record.label.len();
        let fits = values.iter().all(|value| record.add(value));
        if key == b"ScaledBy" && self.lacks_scale {
            self.lacks_scale = false;
            self.records.insert(self.records.len().min(1), record);
        } else {
            self.records.push(record);
        }
        if fits { Ok(()) } else { Err(format!("has more than {LONGEST_RECORD} bytes")) }
    }

    fn name(&mut self, comment: &[u8]) {
        let names: Vec<&[u8]> = if comment.contains(&b'\t') {
            comment
                .split(|byte| *byte == b'\t')
                .map(<[u8]>::trim_ascii)
                .filter(|name| !name.is_empty())
                .collect()
        } else {
            words(comment).collect()
        };
        let is_good = |name: &&[u8]| name.len() <= LONGEST_NAME && !name.contains(&b':');
        if names.len() <= MOST_COLUMNS && names.iter().all(is_good) {
            self.names = names.into_iter().map(<[u8]>::to_vec).collect();
        }
    }

    fn bin(&mut self, text: &[u8], line: u64) -> Result<(), String> {
        let count = words(text).count();
        if self.columns.is_empty() {
            if count > MOST_COLUMNS {
                return Err(format!("has more than {MOST_COLUMNS} values"));
            }
            let are_named = self.names.len() == count;
            for column in 0..count {
                let number = (column + 1).to_string();
                let name = self.names.get(column).filter(|_| are_named);
                let name = name.map_or(number.as_bytes(), Vec::as_slice);
                self.columns.push(Record::new(&self.path, name, line));
            }
        } else if self.columns.len() != count {
            return Err(format!("has {count} values, the bin before {}", self.columns.len()));
        }
        self.memory += count * VALUE;
        let mut fits = true;
        for (column, word) in self.columns.iter_mut().zip(words(text)) {
            fits = fits && column.add(word);
        }
        if fits { Ok(()) } else { Err(format!("a column has more than {LONGEST_RECORD} bytes")) }
    }
}

impl YodaReader {
    /// Reads the next object; false after the last one.
    fn object(&mut self) -> Result<bool, Trouble> {
        let mut object: Option<Object> = None;
        while self.lines.next(&mut self.line)? {
            let line = self.lines.line();
            let fault = |what: String| Malformed::Format { place: format!("line {line}"), what };
            let begins = beginning(&self.line);
            match (&mut object, begins) {
                (Some(open), Some(_)) => {
                    let what = format!("an object begins within {}", shown(&open.path));
                    return Err(fault(what).into());
                }
                (None, Some((path, _))) if path.is_empty() || path.len() > LONGEST_NAME => {
                    return Err(fault("an object without a path, or with a long one".into()).into());
                }
                (None, Some((path, kind))) => object = Some(Object::new(path, kind, line)),
                (Some(_), None) if is_end(&self.line) => break,
                (Some(open), None) => {
                    open.take(&self.line, line).map_err(fault)?;
                    if open.memory > LARGEST_OBJECT {
                        let what = format!("{} takes more than {LARGEST_OBJECT} bytes", shown(&open.path));
                        return Err(fault(what).into());
                    }
                }
                (None, None) => {
                    let text = self.line.trim_ascii();
                    if !text.is_empty() && !text.starts_with(b"#") {
                        return Err(fault(format!("{} stands outside of an object", shown(text))).into());
                    }
                }
            }
        }
        match object {
            None => Ok(false),
            Some(object) if is_end(&self.line) => {
                self.ready.extend(object.end());
                Ok(true)
            }
            Some(object) => {
                let what = format!("the content ends within {}", shown(&object.path));
                Err(Malformed::Format { place: format!("line {}", self.lines.line()), what }.into())
            }
        }
    }
}

impl Reader for YodaReader {
    fn next(&mut self, row: &mut Row) -> Result<bool, Trouble> {
        row.begin(0);
        if self.ready.is_empty() && !self.object()? {
            return Ok(false);
        }
        if let Some(record) = self.ready.pop_front() {
            (row.label, row.line) = (record.label, record.line);
            (row.bytes, row.cells) = (record.bytes, record.cells);
        }
        Ok(true)
    }

    fn split(&mut self, _row: &mut Row) {}

    fn oddity(&self) -> Option<Malformed> {
        self.lines.oddity()
    }

    fn has_no_nan(&self, bytes: &[u8]) -> bool {
        text_has_no_nan(bytes)
    }
}

#[cfg(test)]
mod tests;
