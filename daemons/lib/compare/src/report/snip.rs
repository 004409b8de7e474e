//! A value as it was when a deviation was found, kept without allocation: the worst one changes often.

use crate::format::{Cell, RowRef, Values};

const LONGEST: usize = 64;

/// The beginning of a value.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Snip {
    bytes: [u8; LONGEST],
    length: u8,
    values: Values,
}

impl Snip {
    pub(crate) fn new(row: RowRef<'_>, cell: Cell) -> Self {
        let text = row.value(cell).text;
        let length = text.len().min(LONGEST);
        let mut bytes = [0; LONGEST];
        if let (Some(to), Some(from)) = (bytes.get_mut(..length), text.get(..length)) {
            to.copy_from_slice(from);
        }
        Self { bytes, length: length as u8, values: row.values }
    }

    pub(crate) fn shown(&self) -> String {
        self.values.shown(self.bytes.get(..usize::from(self.length)).unwrap_or_default())
    }
}
