//! Typed tables and their form as Parquet files.
//!
//! A [`Table`] is a list of columns; each has a name, words that explain it, and a function that takes its value
//! from a row. [`Table::to_parquet`] makes a whole file in memory: one row group, zstd, every column optional.
//!
//! Invariant: columns are only ever added, at the end, and `version` goes up with each addition, so that a reader
//! that merges columns by name reads files of all versions. A test per table holds the columns of each version.
//! Columns that the administrator declares ([`parameters`]) stand behind them.
//! The version stands in the file's key-value metadata with the table's name.

use std::borrow::Cow;

use parquet::data_type::ByteArray;
use parquet::errors::ParquetError;

use crate::parquet::{Cells, Field, FileWriter, Kind};

pub mod data;
pub mod failures;
pub mod files;
pub mod parameters;
pub mod results;
pub mod reviews;

/// Key of the table's name in a file's metadata.
pub const KEY_TABLE: &str = "cobblestone.table";
/// Key of the schema's version in a file's metadata.
pub const KEY_VERSION: &str = "cobblestone.schema_version";
/// Key of the application's name in a file's metadata.
pub const KEY_APP: &str = "cobblestone.app";
/// Key of the campaign's exact name in a file's metadata; the folder's name may be a coded form of it.
pub const KEY_CAMPAIGN: &str = "cobblestone.campaign";

/// A table of rows of type `R`.
#[derive(Debug)]
pub struct Table<R: 'static> {
    /// Its name, also that of the folder.
    pub name: &'static str,
    /// What a row is, for people.
    pub about: &'static str,
    /// Counts the additions of columns, from 1.
    pub version: u32,
    /// In the order in which they stand in a file.
    pub columns: &'static [Column<R>],
}

/// A column.
#[derive(Debug)]
pub struct Column<R: 'static> {
    /// Its name in the file.
    pub name: &'static str,
    /// What it holds, for people.
    pub about: &'static str,
    /// Its type and where its value comes from.
    pub value: Value<R>,
}

/// Type of a column, and the function that takes its value from a row; `None` is null.
pub enum Value<R: 'static> {
    /// 32-bit integer.
    Int(fn(&R) -> Option<i32>),
    /// 64-bit integer.
    Long(fn(&R) -> Option<i64>),
    /// Floating-point number.
    Double(fn(&R) -> Option<f64>),
    /// Moment: from Unix seconds; in the file a timestamp in UTC with milliseconds.
    Time(fn(&R) -> Option<i64>),
    /// Text.
    Text(fn(&R) -> Option<Cow<'_, str>>),
}

impl<R> Column<R> {
    /// A column of that name, what it holds, and where its value comes from.
    #[must_use]
    pub const fn new(name: &'static str, about: &'static str, value: Value<R>) -> Self {
        Self { name, about, value }
    }
}

impl<R> Value<R> {
    /// Its type.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Int(_) => Kind::Int,
            Self::Long(_) => Kind::Long,
            Self::Double(_) => Kind::Double,
            Self::Time(_) => Kind::Time,
            Self::Text(_) => Kind::Text,
        }
    }

    fn cells(&self, rows: &[&R]) -> Cells {
        match self {
            Self::Int(get) => Cells::Int(rows.iter().map(|row| get(row)).collect()),
            Self::Long(get) => Cells::Long(rows.iter().map(|row| get(row)).collect()),
            Self::Double(get) => Cells::Double(rows.iter().map(|row| get(row)).collect()),
            Self::Time(get) => {
                Cells::Time(rows.iter().map(|row| get(row).map(|s| s.saturating_mul(1000))).collect())
            }
            Self::Text(get) => {
                let text = |row: &&R| Some(ByteArray::from(get(row)?.into_owned().into_bytes()));
                Cells::Text(rows.iter().map(text).collect())
            }
        }
    }
}

impl<R> std::fmt::Debug for Value<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.kind().name())
    }
}

impl<R> Table<R> {
    /// Its columns, as they stand in a file.
    #[must_use]
    pub fn fields(&self) -> Vec<Field> {
        self.columns.iter().map(|c| Field { name: c.name.to_owned(), kind: c.value.kind() }).collect()
    }

    /// What a reader finds in the metadata of a file.
    #[must_use]
    pub fn facts(&self, more: &[(&str, &str)]) -> Vec<(String, String)> {
        facts(self.name, self.version, more)
    }

    /// A Parquet file with `rows`. `facts` go to its key-value metadata. `more`: columns that stand behind those of the
    /// table.
    ///
    /// # Errors
    /// The library refuses: a fault of this program, as everything is written to memory.
    pub fn to_parquet(
        &self,
        rows: &[&R],
        facts: &[(&str, &str)],
        more: Vec<(Field, Cells)>,
    ) -> Result<Vec<u8>, ParquetError> {
        let mut cells: Vec<Cells> = self.columns.iter().map(|column| column.value.cells(rows)).collect();
        let mut fields = self.fields();
        for (field, values) in more {
            fields.push(field);
            cells.push(values);
        }
        let mut file = FileWriter::new(Vec::new(), self.name, fields, &self.facts(facts))?;
        file.group(&cells)?;
        file.finish()
    }
}

/// What a reader finds in the metadata of a file of a table.
#[must_use]
pub fn facts(table: &str, version: u32, more: &[(&str, &str)]) -> Vec<(String, String)> {
    let version = version.to_string();
    [(KEY_TABLE, table), (KEY_VERSION, version.as_str())]
        .iter()
        .chain(more)
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect()
}

#[cfg(test)]
mod tests;
