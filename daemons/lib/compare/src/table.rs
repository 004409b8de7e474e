//! Text as lines of values.
//!
//! One pass over the bytes, no allocation per value. A value takes eight bytes, eight more if it is text, and a
//! line takes four. That is two or three times the size of ordinary tables and at most ten times the size of any
//! text, so the bound on the file bounds the memory.

use crate::cell::Cell;
use crate::number::{self, Meaning};
use crate::spec::Separator;

/// The values of a text. Places in it are looked up in the same bytes.
#[derive(Debug, Clone)]
pub(crate) struct Table {
    separator: Separator,
    cells: Vec<Cell>,
    /// Per line: how many cells there are up to its end.
    line_ends: Vec<u32>,
    /// Texts among the cells: begin and end in the bytes.
    texts: Vec<(u32, u32)>,
    numbers: usize,
    first_nan: Option<usize>,
}

/// Where a value stands, and how it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place<'a> {
    /// From 1.
    pub(crate) line: u64,
    /// Number of the value in its line, from 1.
    pub(crate) column: u64,
    pub(crate) text: &'a [u8],
}

impl Table {
    /// Reads `bytes`, of which there must not be more than [`crate::LARGEST_MAX_BYTES`].
    pub(crate) fn parse(bytes: &[u8], separator: Separator) -> Self {
        let mut table = Self {
            separator,
            cells: Vec::new(),
            line_ends: Vec::new(),
            texts: Vec::new(),
            numbers: 0,
            first_nan: None,
        };
        match separator {
            Separator::Whitespace => table.parse_words(bytes),
            Separator::Comma => table.parse_fields(bytes),
        }
        table.cells.shrink_to_fit();
        table.line_ends.shrink_to_fit();
        table.texts.shrink_to_fit();
        table
    }

    fn parse_words(&mut self, bytes: &[u8]) {
        let mut position = 0;
        while let Some(&byte) = bytes.get(position) {
            if byte == b'\n' {
                self.end_line();
                position += 1;
            } else if is_blank(byte) {
                position += 1;
            } else {
                position = self.word(bytes, position, byte);
            }
        }
        if bytes.last().is_some_and(|&last| last != b'\n') {
            self.end_line();
        }
    }

    /// Takes the word at `position`, whose first byte is `first`; returns where it ends.
    fn word(&mut self, bytes: &[u8], position: usize, first: u8) -> usize {
        let rest = bytes.get(position..).unwrap_or_default();
        if number::may_begin(first)
            && let Some((value, length)) = number::prefix(rest)
            && rest.get(length).copied().is_none_or(is_white)
        {
            self.number(value);
            return position + length;
        }
        let length = rest.iter().position(|&byte| is_white(byte)).unwrap_or(rest.len());
        self.token(bytes, position, rest.get(..length).unwrap_or_default());
        position + length
    }

    fn parse_fields(&mut self, bytes: &[u8]) {
        let mut line_begin = 0;
        for line in bytes.split_inclusive(|&byte| byte == b'\n') {
            if !line.trim_ascii().is_empty() {
                let mut begin = line_begin;
                for field in line.split(|&byte| byte == b',') {
                    let blanks = field.len() - field.trim_ascii_start().len();
                    self.token(bytes, begin + blanks, field.trim_ascii());
                    begin += field.len() + 1;
                }
            }
            self.end_line();
            line_begin += line.len();
        }
    }

    fn number(&mut self, value: f64) {
        self.numbers += 1;
        self.cells.push(Cell::number(value));
    }

    fn token(&mut self, bytes: &[u8], begin: usize, token: &[u8]) {
        let meaning = number::meaning(token);
        match meaning {
            Meaning::Number(value) => return self.number(value),
            Meaning::NotANumber => self.first_nan = self.first_nan.or(Some(self.cells.len())),
            Meaning::Text => {}
        }
        // A text like the one before shares its entry: many empty fields stay small.
        let repeated = meaning == Meaning::Text
            && self.texts.len().checked_sub(1).is_some_and(|last| self.text(bytes, small(last)) == token);
        let index = if repeated { self.texts.len() - 1 } else { self.texts.len() };
        self.cells.push(Cell::new(meaning, small(index)));
        if meaning == Meaning::Text && !repeated {
            self.texts.push((small(begin), small(begin + token.len())));
        }
    }

    fn end_line(&mut self) {
        self.line_ends.push(small(self.cells.len()));
    }

    pub(crate) const fn separator(&self) -> Separator {
        self.separator
    }

    pub(crate) fn cells(&self) -> &[Cell] {
        &self.cells
    }

    pub(crate) fn line_ends(&self) -> &[u32] {
        &self.line_ends
    }

    /// How many cells are numbers; NaN is none.
    pub(crate) const fn numbers(&self) -> usize {
        self.numbers
    }

    /// Index of the first cell that is NaN.
    pub(crate) const fn first_nan(&self) -> Option<usize> {
        self.first_nan
    }

    /// The text with this index in `bytes`.
    pub(crate) fn text<'a>(&self, bytes: &'a [u8], index: u32) -> &'a [u8] {
        self.texts
            .get(index as usize)
            .and_then(|&(begin, end)| bytes.get(begin as usize..end as usize))
            .unwrap_or_default()
    }

    /// Finds the cell with this index in `bytes`. Reads all lines before it: for the one place of a report.
    pub(crate) fn place<'a>(&self, bytes: &'a [u8], index: usize) -> Place<'a> {
        let line = self.line_ends.partition_point(|&end| end as usize <= index);
        let before =
            line.checked_sub(1).and_then(|previous| self.line_ends.get(previous)).copied().unwrap_or(0);
        let column = index - before as usize;
        let content = bytes.split(|&byte| byte == b'\n').nth(line).unwrap_or_default();
        let text = match self.separator {
            Separator::Whitespace => {
                content.split(|&byte| is_blank(byte)).filter(|word| !word.is_empty()).nth(column)
            }
            Separator::Comma => content.split(|&byte| byte == b',').nth(column).map(<[u8]>::trim_ascii),
        };
        Place { line: line as u64 + 1, column: column as u64 + 1, text: text.unwrap_or_default() }
    }

    /// Memory used, in bytes.
    pub(crate) fn memory(&self) -> usize {
        self.cells.capacity() * size_of::<Cell>()
            + self.line_ends.capacity() * size_of::<u32>()
            + self.texts.capacity() * size_of::<(u32, u32)>()
    }
}

/// White space within a line.
const fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | 0x0b | 0x0c)
}

const fn is_white(byte: u8) -> bool {
    is_blank(byte) || byte == b'\n'
}

/// Lossless: the bytes are fewer than 2³¹, and there is at most one value more than bytes.
const fn small(number: usize) -> u32 {
    number as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cell::Content;
    use proptest::prelude::*;

    /// The same by plain means.
    fn naive(bytes: &[u8], separator: Separator) -> Vec<Vec<Vec<u8>>> {
        let body = bytes.strip_suffix(b"\n").unwrap_or(bytes);
        if bytes.is_empty() {
            return Vec::new();
        }
        body.split(|&byte| byte == b'\n')
            .map(|line| match separator {
                Separator::Whitespace => line
                    .split(|&byte| is_blank(byte))
                    .filter(|word| !word.is_empty())
                    .map(<[u8]>::to_vec)
                    .collect(),
                Separator::Comma if line.trim_ascii().is_empty() => Vec::new(),
                Separator::Comma => {
                    line.split(|&byte| byte == b',').map(|field| field.trim_ascii().to_vec()).collect()
                }
            })
            .collect()
    }

    fn agrees_with_the_naive_reading(bytes: &[u8], separator: Separator) {
        let table = Table::parse(bytes, separator);
        let lines = naive(bytes, separator);
        assert_eq!(table.line_ends.len(), lines.len());
        let mut index = 0;
        for (line_number, line) in lines.iter().enumerate() {
            for (column, token) in line.iter().enumerate() {
                let place = table.place(bytes, index);
                assert_eq!((place.line, place.column), (line_number as u64 + 1, column as u64 + 1));
                assert_eq!(place.text, token);
                match (table.cells[index].content(), number::meaning(token)) {
                    (Content::Number(a), Meaning::Number(b)) => assert_eq!(a.to_bits(), b.to_bits()),
                    (Content::NotANumber, Meaning::NotANumber) => assert!(table.first_nan.unwrap() <= index),
                    (Content::Text(text), Meaning::Text) => assert_eq!(table.text(bytes, text), token),
                    other => panic!("{other:?} for {token:?}"),
                }
                index += 1;
            }
            assert_eq!(table.line_ends[line_number] as usize, index);
        }
        assert_eq!(table.cells.len(), index);
    }

    #[test]
    fn lines_and_values() {
        let table = Table::parse(b"# x y\r\n1 2\t nan\n\n 3e2", Separator::Whitespace);
        assert_eq!(table.line_ends, [3, 6, 6, 7]);
        assert_eq!((table.numbers, table.first_nan), (3, Some(5)));
        let table = Table::parse(b"a, 1,,2 \n\n3", Separator::Comma);
        assert_eq!(table.line_ends, [4, 4, 5]);
        assert_eq!(table.text(b"a, 1,,2 \n\n3", 1), b"");
    }

    #[test]
    fn a_last_newline_does_not_count() {
        assert_eq!(Table::parse(b"1\n", Separator::Whitespace).line_ends, [1]);
        assert_eq!(Table::parse(b"1", Separator::Whitespace).line_ends, [1]);
        assert!(Table::parse(b"", Separator::Comma).line_ends.is_empty());
        assert_eq!(Table::parse(b"\n\n", Separator::Comma).line_ends, [0, 0]);
    }

    #[test]
    fn memory_is_bounded_by_the_size() {
        for worst in [vec![b'\n'; 10_000], b"1\n".repeat(5_000), vec![b','; 10_000], b"x\ny\n".repeat(2_500)]
        {
            for separator in [Separator::Whitespace, Separator::Comma] {
                assert!(Table::parse(&worst, separator).memory() <= worst.len() * 10);
            }
        }
    }

    proptest! {
        #[test]
        fn any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            agrees_with_the_naive_reading(&bytes, Separator::Whitespace);
            agrees_with_the_naive_reading(&bytes, Separator::Comma);
        }

        #[test]
        fn tables_and_near_tables(text in "([0-9.eE+-]{0,6}|nan|inf|-inf|x|é|[ \t,\r\n\u{b}]){0,60}") {
            agrees_with_the_naive_reading(text.as_bytes(), Separator::Whitespace);
            agrees_with_the_naive_reading(text.as_bytes(), Separator::Comma);
        }
    }
}
