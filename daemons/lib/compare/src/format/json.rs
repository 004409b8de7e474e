//! JSON, by path.
//!
//! A record is a value or a run of values: `{"a": [1, 2, {"b": 3}]}` has the record `/a[0]` with the values 1 and 2,
//! and the record `/a[2]/b`. A run ends where a list or an object begins, and after 65,536 values; so a list of numbers
//! is one record and is read in bounded memory however long it is. Each of its values has a path, `/a[0]` and `/a[1]`, by
//! which rules find it. An empty list is the record `/a[]` without a
//! value, an empty object `/a{}`, a document of one value `.`. In keys, `~`, `/`, `[` and `{` are written `~0`, `~1`,
//! `~2` and `~3`, so two different documents never have the same records.
//!
//! `null` is a missing value. NaN and Infinity, which are no JSON but are written by many libraries, are read, and a text
//! that spells NaN is one. A text stays in its quotes, so `"1"` is no number; how its characters were escaped does not
//! count.
//!
//! Bounded: depth, the length of a path, a record, the memory for keys of open objects. A key that is there twice in an
//! object is malformed. No recursion.

mod text;

use std::collections::HashSet;

use super::{Cell, Format, Input, LONGEST_RECORD, Reader, Row, Values, number, text_has_no_nan};
use crate::report::shown;
use crate::rule::Meaning;
use crate::source::{Malformed, Trouble};

/// Deepest nesting that is read.
const DEEPEST: usize = 128;
/// Longest path, in bytes.
pub(super) const LONGEST_PATH: usize = 4096;
/// Most values of one record.
const MOST_VALUES: usize = 65_536;
/// Most memory for the keys of open objects, in bytes: 64 MiB.
const KEYS: usize = 64 << 20;
/// What a key takes beside its characters, in bytes, about.
const KEY: usize = 64;

#[derive(Debug)]
pub(super) struct Json;

impl Format for Json {
    fn open(&self, input: Input) -> Box<dyn Reader> {
        Box::new(JsonReader {
            input,
            line: 1,
            path: Vec::new(),
            open: Vec::new(),
            want: Want::Value,
            keys: 0,
            token: Vec::new(),
        })
    }

    fn is_labelled(&self) -> bool {
        true
    }
}

/// A list or an object that has begun.
enum Open {
    /// With the number of the value that is next, and the length of the path to the list.
    List { next: u64, path: usize },
    /// With the keys so far, what they take, and the length of the path to the object.
    Object { keys: HashSet<Vec<u8>>, memory: usize, path: usize },
}

/// What comes next.
#[derive(Clone, Copy, PartialEq)]
enum Want {
    /// A value, or the end of the list that has just begun.
    First,
    Value,
    /// A key, or the end of the object that has just begun.
    FirstKey,
    Key,
    /// A comma, or the end of what is open.
    Comma,
}

struct JsonReader {
    input: Input,
    line: u64,
    /// Of the value that comes next.
    path: Vec<u8>,
    open: Vec<Open>,
    want: Want,
    /// Memory that keys take.
    keys: usize,
    token: Vec<u8>,
}

impl JsonReader {
    fn fault(&self, what: impl Into<String>) -> Trouble {
        Malformed::Format { place: format!("line {}", self.line), what: what.into() }.into()
    }

    /// The next byte that is no white space; it stays.
    fn next_byte(&mut self) -> Result<Option<u8>, Trouble> {
        while let Some(byte) = self.input.peek()? {
            match byte {
                b'\n' => self.line += 1,
                b' ' | b'\t' | b'\r' => {}
                _ => return Ok(Some(byte)),
            }
            self.input.skip();
        }
        Ok(None)
    }

    /// Sets the path to value number `next` of the innermost list.
    fn index(&mut self) -> Result<(), Trouble> {
        if let Some(Open::List { next, path }) = self.open.last() {
            self.path.truncate(*path);
            self.path.extend_from_slice(format!("[{next}]").as_bytes());
        }
        self.path_is_short()
    }

    fn path_is_short(&self) -> Result<(), Trouble> {
        if self.path.len() > LONGEST_PATH {
            return Err(self.fault(format!("a path has more than {LONGEST_PATH} bytes")));
        }
        Ok(())
    }

    fn begin(&mut self, byte: u8) -> Result<(), Trouble> {
        if self.open.len() >= DEEPEST {
            return Err(self.fault(format!("nested deeper than {DEEPEST}")));
        }
        self.input.skip();
        let path = self.path.len();
        if byte == b'[' {
            self.open.push(Open::List { next: 0, path });
            self.want = Want::First;
            self.index()
        } else {
            self.open.push(Open::Object { keys: HashSet::new(), memory: 0, path });
            self.want = Want::FirstKey;
            Ok(())
        }
    }

    /// The end of what is innermost.
    fn end(&mut self) {
        self.input.skip();
        let (path, memory) = match self.open.pop() {
            Some(Open::List { path, .. }) => (path, 0),
            Some(Open::Object { path, memory, .. }) => (path, memory),
            None => (0, 0),
        };
        self.path.truncate(path);
        self.keys = self.keys.saturating_sub(memory);
        self.want = Want::Comma;
    }

    /// Puts the record of an empty list or object into `row`.
    fn empty(&mut self, row: &mut Row, sign: &[u8]) {
        row.line = self.line;
        self.end();
        row.label.extend_from_slice(&self.path);
        row.label.extend_from_slice(sign);
    }

    fn key(&mut self) -> Result<(), Trouble> {
        let mut token = std::mem::take(&mut self.token);
        token.clear();
        self.text(&mut token)?;
        let key = token.get(1..token.len() - 1).unwrap_or_default();
        let cost = key.len() + KEY;
        self.keys += cost;
        if self.keys > KEYS {
            return Err(self.fault(format!("the keys of open objects take more than {KEYS} bytes")));
        }
        let Some(Open::Object { keys, memory, path }) = self.open.last_mut() else {
            return Err(self.fault("a key outside of an object"));
        };
        *memory += cost;
        let is_new = keys.insert(key.to_vec());
        self.path.truncate(*path);
        self.path.push(b'/');
        for byte in key.iter().take(LONGEST_PATH) {
            match byte {
                b'~' => self.path.extend_from_slice(b"~0"),
                b'/' => self.path.extend_from_slice(b"~1"),
                b'[' => self.path.extend_from_slice(b"~2"),
                b'{' => self.path.extend_from_slice(b"~3"),
                byte => self.path.push(*byte),
            }
        }
        // A key that was cut is too long in any case.
        if key.len() >= LONGEST_PATH {
            return Err(self.fault(format!("a path has more than {LONGEST_PATH} bytes")));
        }
        self.path_is_short()?;
        if !is_new {
            let (line, key) = (self.line, shown(&self.path));
            return Err(Malformed::TwoKeys { line, key }.into());
        }
        self.token = token;
        if self.next_byte()? != Some(b':') {
            return Err(self.fault("a colon is missing after a key"));
        }
        self.input.skip();
        self.want = Want::Value;
        Ok(())
    }

    /// Adds a value to the record; false if it may have no more.
    fn scalar(&mut self, byte: u8, row: &mut Row) -> Result<bool, Trouble> {
        if row.cells.is_empty() {
            row.line = self.line;
            row.label.extend_from_slice(if self.path.is_empty() { b"." } else { &self.path });
        } else {
            row.bytes.push(b',');
        }
        let begin = row.bytes.len();
        let meaning = if byte == b'"' {
            self.text(&mut row.bytes)?;
            let text = row.bytes.get(begin + 1..row.bytes.len() - 1).unwrap_or_default();
            match number::meaning(text) {
                Meaning::NotANumber => Meaning::NotANumber,
                _ => Meaning::Text,
            }
        } else {
            self.word(&mut row.bytes)?;
            let word = row.bytes.get(begin..).unwrap_or_default();
            meaning(word).ok_or_else(|| self.fault(format!("{} is no value", shown(word))))?
        };
        row.cells.push(Cell::new(meaning, begin, row.bytes.len()));
        self.want = Want::Comma;
        Ok(matches!(self.open.last(), Some(Open::List { .. }))
            && row.cells.len() < MOST_VALUES
            && row.bytes.len() < LONGEST_RECORD / 2)
    }
}

/// What a word without quotes means; `None` if it is no value.
fn meaning(word: &[u8]) -> Option<Meaning> {
    match word {
        b"true" | b"false" => Some(Meaning::Text),
        b"null" => Some(Meaning::Missing),
        _ => number::common(word),
    }
}

impl Reader for JsonReader {
    fn next(&mut self, row: &mut Row) -> Result<bool, Trouble> {
        row.begin(self.line);
        row.values = Values::List;
        loop {
            let byte = self.next_byte()?;
            if self.open.is_empty() && self.want == Want::Comma {
                return match byte {
                    None => Ok(false),
                    Some(_) => Err(self.fault("something stands behind the value")),
                };
            }
            let Some(byte) = byte else {
                return Err(self.fault("the content ends within a value"));
            };
            match (self.want, byte) {
                (Want::First, b']') => {
                    // Without the number of the value that did not come.
                    self.empty(row, b"[]");
                    return Ok(true);
                }
                (Want::FirstKey, b'}') => {
                    self.empty(row, b"{}");
                    return Ok(true);
                }
                (Want::First | Want::Value, b'[' | b'{') => {
                    if !row.cells.is_empty() {
                        return Ok(true);
                    }
                    self.begin(byte)?;
                }
                (Want::First | Want::Value, _) => {
                    if !self.scalar(byte, row)? {
                        return Ok(true);
                    }
                }
                (Want::FirstKey | Want::Key, b'"') => self.key()?,
                (Want::FirstKey | Want::Key, _) => return Err(self.fault("a key in quotes is missing")),
                (Want::Comma, b',') => {
                    self.input.skip();
                    match self.open.last_mut() {
                        Some(Open::List { next, .. }) => {
                            *next += 1;
                            self.want = Want::Value;
                            self.index()?;
                        }
                        _ => self.want = Want::Key,
                    }
                }
                (Want::Comma, b']') if matches!(self.open.last(), Some(Open::List { .. })) => {
                    self.end();
                    if !row.cells.is_empty() {
                        return Ok(true);
                    }
                }
                (Want::Comma, b'}') if matches!(self.open.last(), Some(Open::Object { .. })) => self.end(),
                (Want::Comma, _) => return Err(self.fault("a comma is missing, or a bracket does not fit")),
            }
        }
    }

    fn split(&mut self, _row: &mut Row) {}

    fn has_no_nan(&self, bytes: &[u8]) -> bool {
        text_has_no_nan(bytes)
    }
}

#[cfg(test)]
mod tests;
