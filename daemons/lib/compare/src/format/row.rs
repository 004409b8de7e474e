//! One record: a line of a table, a key with its value, a path with its values.

use crate::rule::Value;

use super::Cell;

/// Longest record that is read, in bytes: 16 MiB. A longer one is malformed. Places in a record have 32 bits.
pub const LONGEST_RECORD: usize = 16 << 20;

/// A record, with memory that is used again for the next one.
#[derive(Debug, Clone, Default)]
pub struct Row {
    /// As it stands in the source.
    pub bytes: Vec<u8>,
    /// Its values, once it is split.
    pub cells: Vec<Cell>,
    /// Number of its (first) line or of the record, from 1.
    pub line: u64,
    /// Name of the record, where a format has such: a key, a path. Empty otherwise.
    pub label: Vec<u8>,
    /// Whether its values are no text: they are shown as numbers then.
    pub binary: bool,
}

impl Row {
    /// Empties it for the record that begins at `line`.
    pub fn begin(&mut self, line: u64) {
        self.bytes.clear();
        self.cells.clear();
        self.label.clear();
        self.line = line;
    }

    /// As others see it.
    #[inline]
    pub fn view(&self) -> RowRef<'_> {
        RowRef {
            bytes: &self.bytes,
            cells: &self.cells,
            line: self.line,
            label: &self.label,
            binary: self.binary,
        }
    }
}

/// A record to look at.
#[derive(Debug, Clone, Copy)]
pub struct RowRef<'a> {
    /// As [`Row::bytes`].
    pub bytes: &'a [u8],
    /// As [`Row::cells`].
    pub cells: &'a [Cell],
    /// As [`Row::line`].
    pub line: u64,
    /// As [`Row::label`].
    pub label: &'a [u8],
    /// As [`Row::binary`].
    pub binary: bool,
}

impl<'a> RowRef<'a> {
    /// A value with its characters.
    #[inline]
    pub fn value(&self, cell: Cell) -> Value<'a> {
        Value { meaning: cell.meaning(), text: self.bytes.get(cell.span()).unwrap_or_default() }
    }
}
