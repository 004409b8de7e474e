//! One record: a line of a table, a key with its value, a path with its values.

use std::borrow::Cow;

use super::{Cell, Kind};
use crate::report::shown;
use crate::rule::Value;

/// Longest record that is read, in bytes: 16 MiB. A longer one is malformed. Places in a record have 32 bits.
pub const LONGEST_RECORD: usize = 16 << 20;

/// What the values of a record are made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Values {
    /// Characters.
    #[default]
    Text,
    /// Characters. The values belong to a list, and the label is the path of the first one: `/p[0]`.
    List,
    /// Little-endian numbers.
    Binary(Kind),
}

impl Values {
    /// A value for people, escaped and cut.
    pub(crate) fn shown(self, bytes: &[u8]) -> String {
        match self {
            Self::Text | Self::List => shown(bytes),
            Self::Binary(kind) => kind.shown(bytes),
        }
    }
}

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
    /// What its values are made of.
    pub values: Values,
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
            values: self.values,
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
    /// As [`Row::values`].
    pub values: Values,
}

impl<'a> RowRef<'a> {
    /// A value with its characters.
    #[inline]
    pub fn value(&self, cell: Cell) -> Value<'a> {
        Value { meaning: cell.meaning(), text: self.bytes.get(cell.span()).unwrap_or_default() }
    }

    /// The path of a value (from 0): the label, or that of its place in a list.
    pub fn path(&self, column: usize) -> Cow<'a, [u8]> {
        path(self.label, self.values, column)
    }

    /// Which value (from 0) has this path. It need not be there.
    pub(crate) fn place_of(&self, path: &[u8]) -> Option<usize> {
        if self.label == path {
            return Some(0);
        }
        let (list, first) = self.in_list()?;
        let (wanted, number) = index_of(path)?;
        (list == wanted).then(|| number.checked_sub(first)).flatten()
    }

    /// The path of the list that its values belong to, and the number of the first one.
    fn in_list(&self) -> Option<(&'a [u8], usize)> {
        if self.values == Values::List { index_of(self.label) } else { None }
    }

    /// Whether nothing is in it: an empty line, an empty list.
    pub(crate) fn is_blank(&self) -> bool {
        !matches!(self.values, Values::Binary(_)) && self.bytes.iter().all(u8::is_ascii_whitespace)
    }
}

/// The path of value `column` (from 0) of a record with this label.
pub(crate) fn path(label: &[u8], values: Values, column: usize) -> Cow<'_, [u8]> {
    let list = if values == Values::List && column > 0 { index_of(label) } else { None };
    list.map_or(Cow::Borrowed(label), |(list, first)| {
        Cow::Owned([list, format!("[{}]", first + column).as_bytes()].concat())
    })
}

/// `/a[7]` as `/a` and 7.
fn index_of(path: &[u8]) -> Option<(&[u8], usize)> {
    let inner = path.strip_suffix(b"]")?;
    let open = inner.iter().rposition(|byte| *byte == b'[')?;
    let number = std::str::from_utf8(inner.get(open + 1..)?).ok()?.parse().ok()?;
    Some((inner.get(..open)?, number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_a_list_have_a_path_each() {
        let mut row = Row { label: b"/p[0][4]".to_vec(), values: Values::List, ..Row::default() };
        let paths: Vec<String> =
            (0..3).map(|column| String::from_utf8_lossy(&row.view().path(column)).into_owned()).collect();
        assert_eq!(paths, ["/p[0][4]", "/p[0][5]", "/p[0][6]"]);
        assert_eq!(row.view().place_of(b"/p[0][6]"), Some(2));
        assert_eq!(row.view().place_of(b"/p[0][3]"), None);
        assert_eq!(row.view().place_of(b"/p[1][6]"), None);
        row.values = Values::Text;
        assert_eq!((row.view().path(2).as_ref(), row.view().place_of(b"/p[0][6]")), (&b"/p[0][4]"[..], None));
    }

    #[test]
    fn whole_numbers_are_shown_to_their_last_digit() {
        let signed = Values::Binary(Kind::Signed);
        assert_eq!(signed.shown(&9_007_199_254_740_993_i64.to_le_bytes()), "9007199254740993");
        assert_eq!(signed.shown(&(-2_i16).to_le_bytes()), "-2");
        assert_eq!(Values::Binary(Kind::Unsigned).shown(&u64::MAX.to_le_bytes()), "18446744073709551615");
        let floats = Values::Binary(Kind::Float);
        assert_eq!(floats.shown(&0.1_f32.to_le_bytes()), "0.1");
        assert_eq!(floats.shown(&f32::MAX.to_le_bytes()), "3.4028235e38");
        assert_eq!(floats.shown(&1e300_f64.to_le_bytes()), "1e300");
    }
}
