//! An output with one change, made while it is read: the same for every format.

use crate::format::{Cell, Reader, Row};
use crate::rule::Meaning;
use crate::source::{Malformed, Trouble};

/// What is changed.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Change {
    /// A value, to this meaning and these characters.
    Value { column: usize, meaning: Meaning, text: Vec<u8> },
    /// The record is left out.
    Dropped,
    /// The record comes twice.
    Twice,
}

/// Reads as another reader, with one record changed.
pub(super) struct Mutant {
    pub(super) inner: Box<dyn Reader>,
    /// Which record, from 0.
    pub(super) record: u64,
    pub(super) change: Change,
    /// Records that were read.
    pub(super) read: u64,
    /// A copy that still has to come.
    pub(super) copy: Option<Row>,
    /// The record that was given last is changed and split.
    pub(super) is_split: bool,
    /// Most records that are read.
    pub(super) most: u64,
}

impl Reader for Mutant {
    fn next(&mut self, row: &mut Row) -> Result<bool, Trouble> {
        self.is_split = false;
        if let Some(copy) = self.copy.take() {
            *row = copy;
            return Ok(true);
        }
        loop {
            if self.read >= self.most || !self.inner.next(row)? {
                return Ok(false);
            }
            self.read += 1;
            if self.read != self.record + 1 {
                return Ok(true);
            }
            match &self.change {
                Change::Dropped => continue,
                Change::Twice => self.copy = Some(row.clone()),
                Change::Value { column, meaning, text } => {
                    self.inner.split(row);
                    // Behind the others: the bytes then differ from those of the partner, too.
                    let begin = row.bytes.len();
                    row.bytes.extend_from_slice(text);
                    if let Some(cell) = row.cells.get_mut(*column) {
                        *cell = Cell::new(*meaning, begin, begin + text.len());
                    }
                    self.is_split = true;
                }
            }
            return Ok(true);
        }
    }

    fn split(&mut self, row: &mut Row) {
        if !self.is_split {
            self.inner.split(row);
        }
    }

    fn names(&self) -> &[Vec<u8>] {
        self.inner.names()
    }

    fn oddity(&self) -> Option<Malformed> {
        self.inner.oddity()
    }
}

/// The first records of an output.
pub(super) struct First {
    pub(super) inner: Box<dyn Reader>,
    pub(super) left: u64,
}

impl Reader for First {
    fn next(&mut self, row: &mut Row) -> Result<bool, Trouble> {
        match self.left.checked_sub(1) {
            Some(left) => {
                self.left = left;
                self.inner.next(row)
            }
            None => Ok(false),
        }
    }

    fn split(&mut self, row: &mut Row) {
        self.inner.split(row);
    }

    fn names(&self) -> &[Vec<u8>] {
        self.inner.names()
    }

    fn oddity(&self) -> Option<Malformed> {
        self.inner.oddity()
    }
}
