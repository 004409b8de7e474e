//! Lines of `key = value`. Each is a record whose label is the key; the value may be several, with white space
//! between. A line without the separator is a key without a value. Empty lines are skipped.

use super::table::{Separator, Splitter};
use super::text::{TextLines, TextOptions};
use super::{Format, Input, Reader, Row, text_has_no_nan};
use crate::source::{Malformed, Trouble};
use crate::spec::{FileSpec, Report};

#[derive(Debug)]
pub(super) struct KeyValue {
    text: TextOptions,
    separator: Vec<u8>,
    splitter: Splitter,
}

impl KeyValue {
    pub(super) fn new(spec: &FileSpec, report: Report<'_>) -> Self {
        let separator = match spec.separator.as_str() {
            "whitespace" => "=",
            "tab" => "\t",
            "comma" => ",",
            other => other,
        };
        if separator.is_empty() {
            report(
                "separator",
                "is empty; it stands between a key and its value, as in \"=\" or \":\"".into(),
            );
        }
        Self {
            text: TextOptions::new(spec, report),
            separator: separator.as_bytes().to_vec(),
            splitter: Splitter::new(spec, Separator::Whitespace),
        }
    }
}

impl Format for KeyValue {
    fn open(&self, input: Input) -> Box<dyn Reader> {
        Box::new(KeyValueReader {
            lines: TextLines::new(input, &self.text),
            separator: memchr::memmem::Finder::new(&self.separator).into_owned(),
            splitter: self.splitter.clone(),
        })
    }

    fn is_labelled(&self) -> bool {
        true
    }
}

struct KeyValueReader {
    lines: TextLines,
    separator: memchr::memmem::Finder<'static>,
    splitter: Splitter,
}

impl Reader for KeyValueReader {
    fn next(&mut self, row: &mut Row) -> Result<bool, Trouble> {
        row.begin(0);
        while self.lines.next(&mut row.bytes)? {
            if row.bytes.trim_ascii().is_empty() {
                continue;
            }
            row.line = self.lines.line();
            let key = self.separator.find(&row.bytes).and_then(|end| row.bytes.get(..end));
            row.label.extend_from_slice(key.unwrap_or(&row.bytes).trim_ascii());
            return Ok(true);
        }
        Ok(false)
    }

    fn split(&mut self, row: &mut Row) {
        row.cells.clear();
        if let Some(at) = self.separator.find(&row.bytes) {
            self.splitter.split(&row.bytes, at + self.separator.needle().len(), &mut row.cells);
        }
    }

    fn oddity(&self) -> Option<Malformed> {
        self.lines.oddity()
    }

    fn has_no_nan(&self, bytes: &[u8]) -> bool {
        text_has_no_nan(bytes)
    }
}
