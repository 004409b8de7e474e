//! Records on their way to a comparison: read from a source, or kept from before.
//!
//! The same comparison runs over both and gives the same answer; tests/streams.rs compares them.

mod kept;

pub(crate) use kept::{Keeping, Kept, KeptRows};

use crate::align::Index;
use crate::format::{Reader, Row, RowRef};
use crate::plan::RowsPlan;
use crate::plausible::{Faults, Watch};
use crate::rule::Columns;
use crate::source::{Bytes, Trouble};

/// Records one after the other.
pub(crate) enum Rows<'a> {
    Stream(Box<Stream<'a>>),
    Kept(KeptRows<'a>),
}

impl Rows<'_> {
    /// Goes to the next record; false after the last one.
    #[inline]
    pub(crate) fn advance(&mut self) -> Result<bool, Trouble> {
        match self {
            Self::Stream(stream) => stream.advance(),
            Self::Kept(kept) => Ok(kept.advance()),
        }
    }

    /// The record. Its cells are there only after [`Rows::split`].
    #[inline]
    pub(crate) fn row(&self) -> RowRef<'_> {
        match self {
            Self::Stream(stream) => stream.row.view(),
            Self::Kept(kept) => kept.row(),
        }
    }

    #[inline]
    pub(crate) fn split(&mut self) {
        if let Self::Stream(stream) = self {
            stream.split();
        }
    }

    /// Whether a partner with the same bytes agrees, so that the record need not be split.
    #[inline]
    pub(crate) fn equal_is_enough(&self) -> bool {
        match self {
            Self::Stream(stream) => {
                !stream.watch.wants_every_row() && stream.reader.has_no_nan(&stream.row.bytes)
            }
            Self::Kept(kept) => kept.has_no_nan(),
        }
    }

    /// Whether the record surely holds no NaN.
    pub(crate) fn has_no_nan(&self) -> bool {
        match self {
            Self::Stream(stream) => stream.reader.has_no_nan(&stream.row.bytes),
            Self::Kept(kept) => kept.has_no_nan(),
        }
    }

    /// Whether every record has to be split, to be looked at without a partner.
    #[inline]
    pub(crate) fn wants_every_row(&self) -> bool {
        match self {
            Self::Stream(stream) => stream.watch.wants_every_row(),
            Self::Kept(_) => false,
        }
    }

    pub(crate) fn names(&self) -> &[Vec<u8>] {
        match self {
            Self::Stream(stream) => stream.reader.names(),
            Self::Kept(kept) => kept.names(),
        }
    }

    /// The places of keys, if they are kept.
    pub(crate) fn index(&self) -> Option<&Index> {
        match self {
            Self::Stream(_) => None,
            Self::Kept(kept) => kept.kept().index(),
        }
    }

    /// After the last record: what makes the output no good, or odd.
    pub(crate) fn faults(self) -> Faults {
        match self {
            Self::Stream(stream) => stream.end(),
            // Found when it was read.
            Self::Kept(_) => Faults::default(),
        }
    }
}

/// Records as they come from a source.
pub(crate) struct Stream<'p> {
    reader: Box<dyn Reader>,
    row: Row,
    watch: Watch<'p>,
    is_split: bool,
    any: bool,
    plan: &'p RowsPlan,
}

impl<'p> Stream<'p> {
    pub(crate) fn open(plan: &'p RowsPlan, bytes: Bytes) -> Self {
        Self::new(plan, plan.open(bytes))
    }

    pub(crate) fn new(plan: &'p RowsPlan, reader: Box<dyn Reader>) -> Self {
        Self {
            reader,
            row: Row::default(),
            watch: Watch::new(&plan.watch, Columns::new(&plan.rules, &[])),
            is_split: true,
            any: false,
            plan,
        }
    }

    #[inline]
    fn advance(&mut self) -> Result<bool, Trouble> {
        if !self.is_split {
            self.watch.unseen(self.row.view());
        }
        let found = self.reader.next(&mut self.row)?;
        if !self.any {
            self.any = true;
            // Now the header is known.
            self.watch = Watch::new(&self.plan.watch, Columns::new(&self.plan.rules, self.reader.names()));
        }
        self.is_split = !found;
        Ok(found)
    }

    #[inline]
    fn split(&mut self) {
        if !self.is_split {
            self.reader.split(&mut self.row);
            self.watch.row(self.row.view());
            self.is_split = true;
        }
    }

    /// The rest, kept; `None` if it would take more than `memory` bytes.
    pub(crate) fn keep(mut self, memory: usize) -> Result<(Option<Kept>, Faults), Trouble> {
        let mut keeping = Keeping::default();
        let mut fits = true;
        while self.advance()? {
            self.split();
            fits = fits && keeping.take(self.row.view(), self.reader.has_no_nan(&self.row.bytes), memory);
        }
        let kept = fits.then(|| keeping.end(self.reader.names()));
        Ok((kept, self.end()))
    }

    /// After the last record.
    fn end(self) -> Faults {
        let mut faults = self.watch.end();
        faults.oddity = faults.oddity.or_else(|| self.reader.oddity());
        faults
    }
}
