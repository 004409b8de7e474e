//! Records in memory.
//!
//! Beside its bytes, a value takes sixteen bytes and a record twenty-four. That is two to four times the size of
//! ordinary tables; whoever keeps them says how much is too much.

use crate::align::Index;
use crate::format::{Cell, RowRef, Values};

/// All records of an output.
#[derive(Debug, Clone)]
pub(crate) struct Kept {
    bytes: Vec<u8>,
    cells: Vec<Cell>,
    rows: Vec<End>,
    names: Vec<Vec<u8>>,
    values: Values,
    index: Option<Box<Index>>,
}

/// Where a record ends. It begins where the one before ends, with its label.
#[derive(Debug, Clone, Copy, Default)]
struct End {
    line: u64,
    label: u32,
    bytes: u32,
    cells: u32,
    has_no_nan: bool,
}

/// Records being kept.
#[derive(Debug, Default)]
pub(crate) struct Keeping {
    bytes: Vec<u8>,
    cells: Vec<Cell>,
    rows: Vec<End>,
    values: Values,
}

impl Keeping {
    /// Takes a split record; false, and nothing more is kept, if `memory` bytes are not enough.
    pub(crate) fn take(&mut self, row: RowRef<'_>, has_no_nan: bool, memory: usize) -> bool {
        self.bytes.extend_from_slice(row.label);
        let label = self.bytes.len();
        self.bytes.extend_from_slice(row.bytes);
        self.cells.extend_from_slice(row.cells);
        let small = |number: usize| u32::try_from(number).ok();
        let ends = (small(label), small(self.bytes.len()), small(self.cells.len()));
        let (Some(label), Some(bytes), Some(cells)) = ends else {
            *self = Self::default();
            return false;
        };
        self.rows.push(End { line: row.line, label, bytes, cells, has_no_nan });
        self.values = row.values;
        if memory_of(&self.bytes, &self.cells, &self.rows) > memory {
            *self = Self::default();
            return false;
        }
        true
    }

    pub(crate) fn end(mut self, names: &[Vec<u8>]) -> Kept {
        self.bytes.shrink_to_fit();
        self.cells.shrink_to_fit();
        self.rows.shrink_to_fit();
        Kept {
            bytes: self.bytes,
            cells: self.cells,
            rows: self.rows,
            names: names.to_vec(),
            values: self.values,
            index: None,
        }
    }
}

fn memory_of(bytes: &Vec<u8>, cells: &Vec<Cell>, rows: &Vec<End>) -> usize {
    bytes.capacity() + cells.capacity() * size_of::<Cell>() + rows.capacity() * size_of::<End>()
}

impl Kept {
    /// No record.
    pub(crate) const NONE: Self = Self {
        bytes: Vec::new(),
        cells: Vec::new(),
        rows: Vec::new(),
        names: Vec::new(),
        values: Values::Text,
        index: None,
    };

    /// Memory used, in bytes.
    pub(crate) fn memory(&self) -> usize {
        let names: usize = self.names.iter().map(|name| name.capacity() + size_of::<Vec<u8>>()).sum();
        let index = self.index.as_deref().map_or(0, Index::memory);
        memory_of(&self.bytes, &self.cells, &self.rows) + names + index
    }

    /// Keeps the place of each key with the records, so that it is not looked for in every comparison.
    pub(crate) fn keep_index(&mut self, index: Index) {
        self.index = Some(Box::new(index));
    }

    pub(crate) fn index(&self) -> Option<&Index> {
        self.index.as_deref()
    }

    pub(crate) const fn len(&self) -> usize {
        self.rows.len()
    }

    pub(crate) fn names(&self) -> &[Vec<u8>] {
        &self.names
    }

    pub(crate) const fn rows(&self) -> KeptRows<'_> {
        KeptRows { kept: self, next: 0, has_no_nan: false, current: None }
    }

    /// Whether the record surely holds no NaN.
    pub(crate) fn has_no_nan(&self, index: usize) -> bool {
        self.rows.get(index).is_some_and(|end| end.has_no_nan)
    }

    /// The record with this index.
    #[inline]
    pub(crate) fn row(&self, index: usize) -> Option<RowRef<'_>> {
        let end = self.rows.get(index)?;
        let before = index.checked_sub(1).and_then(|before| self.rows.get(before)).copied();
        let before = before.unwrap_or_default();
        Some(RowRef {
            bytes: self.bytes.get(end.label as usize..end.bytes as usize).unwrap_or_default(),
            cells: self.cells.get(before.cells as usize..end.cells as usize).unwrap_or_default(),
            line: end.line,
            label: self.bytes.get(before.bytes as usize..end.label as usize).unwrap_or_default(),
            values: self.values,
        })
    }
}

/// A walk over kept records.
#[derive(Debug, Clone)]
pub(crate) struct KeptRows<'k> {
    kept: &'k Kept,
    next: usize,
    has_no_nan: bool,
    current: Option<RowRef<'k>>,
}

const NOTHING: RowRef<'static> = RowRef { bytes: &[], cells: &[], line: 0, label: &[], values: Values::Text };

impl<'k> KeptRows<'k> {
    #[inline]
    pub(crate) fn advance(&mut self) -> bool {
        self.current = self.kept.row(self.next);
        self.has_no_nan = self.kept.rows.get(self.next).is_some_and(|end| end.has_no_nan);
        self.next += usize::from(self.current.is_some());
        self.current.is_some()
    }

    #[inline]
    pub(crate) fn row(&self) -> RowRef<'k> {
        self.current.unwrap_or(NOTHING)
    }

    pub(crate) const fn has_no_nan(&self) -> bool {
        self.has_no_nan
    }

    pub(crate) fn names(&self) -> &'k [Vec<u8>] {
        &self.kept.names
    }

    pub(crate) const fn kept(&self) -> &'k Kept {
        self.kept
    }
}
