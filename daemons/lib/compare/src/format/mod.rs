//! What a file is made of: records with values.
//!
//! A [`Format`] is declared once and opened for every file; it then is a [`Reader`] that gives one [`Row`] after the
//! other, in constant memory. All rules, alignments, checks and reports work on rows: a format knows nothing of them.
//! Content that is compared byte for byte has no rows; see `exact`.
//!
//! # A new format
//! 1. A variant of `spec::FormatName`, and its options as fields of `spec::FileSpec` if it needs some.
//! 2. A module here with a type that implements [`Format`] and one that implements [`Reader`]. Text formats take lines
//!    from `text::TextLines`, which skips, ignores and requires lines; others take blocks from [`Input`].
//! 3. An arm in `of`, which checks the options.
//! 4. A case in tests/formats.rs: arbitrary bytes never panic, and the comparison is symmetric.
//! 5. The keys in project-config/compare.toml, an example in docs/COMPARE.md. Tests ask for both.
//!
//! What a reader owes: memory bounded by the longest record (or a bound of its own), no recursion without a bound on
//! depth, every mistake of the content as [`Malformed`] with its place.

mod binary;
mod cell;
mod input;
mod json;
mod key_value;
mod lines;
mod npy;
mod number;
mod raw;
mod row;
mod table;
mod text;
mod xml;
mod yoda;

use std::fmt::Debug;

pub use binary::{Kind, Numbers};
pub use cell::Cell;
pub use input::Input;
pub(crate) use number::length as number_length;
pub(crate) use row::path;
pub use row::{LONGEST_RECORD, Row, RowRef, Values};
pub(crate) use text::TextOptions;

use crate::source::{Malformed, Trouble};
use crate::spec::{FileSpec, FormatName, Report};

/// A declared format.
pub trait Format: Debug + Send + Sync {
    /// Begins to read a file.
    fn open(&self, input: Input) -> Box<dyn Reader>;

    /// Whether records have labels. Rules then belong to labels, not to columns.
    fn is_labelled(&self) -> bool {
        false
    }
}

/// A file being read.
pub trait Reader: Send {
    /// Puts the next record into `row`: bytes, line, label; cells may wait for [`Reader::split`]. False after the last
    /// one.
    ///
    /// # Errors
    /// The content is malformed, or reading fails.
    fn next(&mut self, row: &mut Row) -> Result<bool, Trouble>;

    /// Fills in the cells of a record that `next` gave. A record that is equal to its partner byte by byte may
    /// never be split.
    fn split(&mut self, row: &mut Row);

    /// Names of the columns, once the first record was read. Empty if there are none.
    fn names(&self) -> &[Vec<u8>] {
        &[]
    }

    /// After the last record: what is odd about the content, where that is no fault.
    fn oddity(&self) -> Option<Malformed> {
        None
    }

    /// Whether these bytes can't hold a NaN, so that a record with equal bytes agrees. When in doubt, false.
    fn has_no_nan(&self, bytes: &[u8]) -> bool {
        let _ = bytes;
        false
    }
}

/// The format that `spec` declares; `None` for bytes. Mistakes are reported with their keys, and then the answer does
/// not matter.
pub(crate) fn of(spec: &FileSpec, report: Report<'_>) -> Option<Box<dyn Format>> {
    match spec.format {
        FormatName::Bytes => None,
        FormatName::Lines => Some(Box::new(lines::Lines::new(TextOptions::new(spec, report)))),
        FormatName::Table => Some(Box::new(table::Table::new(spec, report))),
        FormatName::Json => Some(Box::new(json::Json)),
        FormatName::Yoda => Some(Box::new(yoda::Yoda::new(TextOptions::new(spec, report)))),
        FormatName::Npy => Some(Box::new(npy::Npy)),
        FormatName::Raw => Some(Box::new(raw::Raw::new(spec, report))),
        FormatName::Xml => Some(Box::new(xml::Xml)),
        FormatName::KeyValue => Some(Box::new(key_value::KeyValue::new(spec, report))),
    }
}

/// For text: no spelling of NaN is without one of these.
pub(crate) fn text_has_no_nan(bytes: &[u8]) -> bool {
    memchr::memchr3(b'n', b'N', b'#', bytes).is_none()
}
