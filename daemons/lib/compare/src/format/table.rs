//! Text as lines of values.
//!
//! One pass over a line, no allocation per value. Quotes have no meaning. With `header`, the first line that counts
//! names the columns and is no record; an empty line is a record without values.

use memchr::memchr;

use super::text::{TextLines, TextOptions};
use super::{Cell, Format, Input, Reader, Row, number, text_has_no_nan};
use crate::report::shown;
use crate::rule::Meaning;
use crate::source::{Malformed, Trouble};
use crate::spec::{FileSpec, Report};

/// What stands between two values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Separator {
    /// Any number of blanks and tabs. Leading and trailing ones do not count.
    Whitespace,
    /// This byte, once. White space around a value does not count; an empty value does.
    Byte(u8),
}

impl Separator {
    fn of(spec: &FileSpec, report: Report<'_>) -> Self {
        match spec.separator.as_bytes() {
            b"whitespace" => Self::Whitespace,
            b"comma" => Self::Byte(b','),
            b"tab" => Self::Byte(b'\t'),
            [byte] if byte.is_ascii_punctuation() || *byte == b'\t' => Self::Byte(*byte),
            _ => {
                let found = &spec.separator;
                report(
                    "separator",
                    format!(
                        "is {found:?}, but must be \"whitespace\", \"comma\", \"tab\" or one character as \";\""
                    ),
                );
                Self::Whitespace
            }
        }
    }
}

/// Most columns with names.
const MOST_NAMES: usize = 65_536;

#[derive(Debug)]
pub(super) struct Table {
    text: TextOptions,
    splitter: Splitter,
    header: Header,
}

/// Where the names of columns stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Header {
    Nowhere,
    Line,
    Comment,
}

impl Table {
    pub(super) fn new(spec: &FileSpec, report: Report<'_>) -> Self {
        let separator = Separator::of(spec, report);
        let text = TextOptions::new(spec, report);
        let header = match (spec.header, spec.commented_header) {
            (false, _) => Header::Nowhere,
            (true, false) => Header::Line,
            (true, true) => Header::Comment,
        };
        Self { text, splitter: Splitter::new(spec, separator), header }
    }
}

impl Format for Table {
    fn open(&self, input: Input) -> Box<dyn Reader> {
        Box::new(TableReader {
            lines: TextLines::new(input, &self.text),
            splitter: self.splitter.clone(),
            header: self.header,
            names: Vec::new(),
        })
    }
}

struct TableReader {
    lines: TextLines,
    splitter: Splitter,
    /// That still has to come.
    header: Header,
    names: Vec<Vec<u8>>,
}

impl TableReader {
    fn header(&mut self, row: &mut Row) -> Result<(), Trouble> {
        let is_comment = self.header == Header::Comment;
        self.header = Header::Nowhere;
        while if is_comment { self.lines.comment(&mut row.bytes) } else { self.lines.next(&mut row.bytes) }? {
            if row.bytes.trim_ascii().is_empty() {
                continue;
            }
            self.splitter.split(&row.bytes, 0, &mut row.cells);
            if row.cells.len() > MOST_NAMES {
                return Err(Malformed::TooManyColumns { limit: MOST_NAMES }.into());
            }
            let view = row.view();
            let names = view.cells.iter().map(|cell| view.value(*cell).text.to_vec());
            self.names = names.collect();
            let mut sorted: Vec<&Vec<u8>> = self.names.iter().collect();
            sorted.sort_unstable();
            if let Some([name, _]) = sorted.array_windows().find(|[a, b]| a == b) {
                return Err(Malformed::TwoColumns { name: shown(name) }.into());
            }
            return Ok(());
        }
        Ok(())
    }
}

impl Reader for TableReader {
    #[inline]
    fn next(&mut self, row: &mut Row) -> Result<bool, Trouble> {
        if self.header != Header::Nowhere {
            self.header(row)?;
        }
        row.begin(0);
        let found = self.lines.next(&mut row.bytes)?;
        row.line = self.lines.line();
        Ok(found)
    }

    fn split(&mut self, row: &mut Row) {
        row.cells.clear();
        self.splitter.split(&row.bytes, 0, &mut row.cells);
    }

    fn names(&self) -> &[Vec<u8>] {
        &self.names
    }

    fn oddity(&self) -> Option<Malformed> {
        self.lines.oddity()
    }

    fn has_no_nan(&self, bytes: &[u8]) -> bool {
        text_has_no_nan(bytes)
    }
}

/// Takes a line apart.
#[derive(Debug, Clone)]
pub(super) struct Splitter {
    separator: Separator,
    units: Vec<Vec<u8>>,
    missing: Vec<Vec<u8>>,
}

impl Splitter {
    pub(super) fn new(spec: &FileSpec, separator: Separator) -> Self {
        let words = |words: &[String]| words.iter().map(|word| word.clone().into_bytes()).collect();
        Self { separator, units: words(&spec.units), missing: words(&spec.missing) }
    }

    /// Adds the values of `bytes` from `begin` on to `cells`.
    pub(super) fn split(&self, bytes: &[u8], begin: usize, cells: &mut Vec<Cell>) {
        match self.separator {
            Separator::Whitespace => self.words(bytes, begin, cells),
            Separator::Byte(separator) => self.fields(bytes, begin, separator, cells),
        }
    }

    fn words(&self, bytes: &[u8], begin: usize, cells: &mut Vec<Cell>) {
        let mut rest = bytes.get(begin..).unwrap_or_default();
        // A word that may stand for a missing value is looked at as a whole.
        let quick = self.missing.is_empty();
        while let [first, behind @ ..] = rest {
            if is_blank(*first) {
                rest = behind;
                continue;
            }
            let at = bytes.len() - rest.len();
            if quick
                && number::may_begin(*first)
                && let Some((value, length)) = number::prefix(rest)
                && rest.get(length).copied().is_none_or(is_blank)
            {
                cells.push(Cell::new(Meaning::Number(value), at, at + length));
                rest = rest.get(length..).unwrap_or_default();
                continue;
            }
            let length = rest.iter().position(|&byte| is_blank(byte)).unwrap_or(rest.len());
            let (word, behind) = rest.split_at_checked(length).unwrap_or((rest, &[]));
            cells.push(Cell::new(self.meaning(word), at, at + length));
            rest = behind;
        }
    }

    fn fields(&self, bytes: &[u8], begin: usize, separator: u8, cells: &mut Vec<Cell>) {
        let mut rest = bytes.get(begin..).unwrap_or_default();
        if rest.trim_ascii().is_empty() {
            return;
        }
        loop {
            let length = memchr(separator, rest);
            let field = rest.get(..length.unwrap_or(rest.len())).unwrap_or_default();
            let word = field.trim_ascii_start();
            let at = bytes.len() - rest.len() + field.len() - word.len();
            let word = word.trim_ascii_end();
            cells.push(Cell::new(self.meaning(word), at, at + word.len()));
            match length {
                Some(length) => rest = rest.get(length + 1..).unwrap_or_default(),
                None => return,
            }
        }
    }

    fn meaning(&self, word: &[u8]) -> Meaning {
        if self.missing.iter().any(|missing| missing == word) {
            return Meaning::Missing;
        }
        match number::meaning(word) {
            Meaning::Text if !self.units.is_empty() => self.with_unit(word),
            meaning => meaning,
        }
    }

    /// A number and one of the declared units.
    fn with_unit(&self, word: &[u8]) -> Meaning {
        let numbers = self.units.iter().filter_map(|unit| word.strip_suffix(unit.as_slice()));
        // Also NaN and infinities have units.
        let mut meanings = numbers.map(number::meaning);
        meanings.find(|meaning| *meaning != Meaning::Text).unwrap_or(Meaning::Text)
    }
}

/// White space within a line.
const fn is_blank(byte: u8) -> bool {
    byte <= b' ' && matches!(byte, b' ' | b'\t' | b'\r' | 0x0b | 0x0c)
}

#[cfg(test)]
mod tests;
