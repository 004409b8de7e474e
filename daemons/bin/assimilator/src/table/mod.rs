//! Typed tables and their form as Parquet files.
//!
//! A [`Table`] is a list of columns; each has a name, words that explain it, and a function that takes its value
//! from a row. [`Table::to_parquet`] makes a whole file in memory: one row group, zstd, every column optional.
//!
//! Invariant: columns are only ever added, at the end, and `version` goes up with each addition, so that a reader
//! that merges columns by name reads files of all versions. A test per table holds the columns of each version.
//! The version stands in the file's key-value metadata with the table's name.

use std::borrow::Cow;
use std::sync::Arc;

use parquet::basic::{Compression, LogicalType, Repetition, TimeUnit, Type as Physical, ZstdLevel};
use parquet::data_type::{ByteArray, ByteArrayType, DataType, DoubleType, Int32Type, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::types::{Type, TypePtr};

pub mod failures;
pub mod results;

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
    /// Counts the additions of columns, from 1.
    pub version: u32,
    #[allow(missing_docs)]
    pub columns: &'static [Column<R>],
}

/// A column.
#[derive(Debug)]
pub struct Column<R: 'static> {
    #[allow(missing_docs)]
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

impl<R> Value<R> {
    /// The type's name in documents.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Int(_) => "INT32",
            Self::Long(_) => "INT64",
            Self::Double(_) => "DOUBLE",
            Self::Time(_) => "TIMESTAMP",
            Self::Text(_) => "TEXT",
        }
    }
}

impl<R> std::fmt::Debug for Value<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.kind())
    }
}

impl<R> Table<R> {
    /// A Parquet file with `rows`. `facts` go to its key-value metadata.
    ///
    /// # Errors
    /// The library refuses: a fault of this program, as everything is written to memory.
    pub fn to_parquet(&self, rows: &[&R], facts: &[(&str, &str)]) -> Result<Vec<u8>, ParquetError> {
        let version = self.version.to_string();
        let own = [(KEY_TABLE, self.name), (KEY_VERSION, version.as_str())];
        let facts =
            own.iter().chain(facts).map(|(key, value)| KeyValue::new((*key).to_owned(), (*value).to_owned()));
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::try_new(3)?))
            .set_created_by(concat!("cobblestone-assimilator ", env!("CARGO_PKG_VERSION")).to_owned())
            .set_key_value_metadata(Some(facts.collect()))
            .build();
        let mut file = SerializedFileWriter::new(Vec::new(), self.schema()?, Arc::new(properties))?;
        let mut group = file.next_row_group()?;
        for column in self.columns {
            match column.value {
                Value::Int(get) => write::<Int32Type>(&mut group, rows.iter().map(|row| get(row)))?,
                Value::Long(get) => write::<Int64Type>(&mut group, rows.iter().map(|row| get(row)))?,
                Value::Double(get) => write::<DoubleType>(&mut group, rows.iter().map(|row| get(row)))?,
                Value::Time(get) => {
                    let times = rows.iter().map(|row| get(row).map(|seconds| seconds.saturating_mul(1000)));
                    write::<Int64Type>(&mut group, times)?;
                }
                Value::Text(get) => {
                    let texts =
                        rows.iter().map(|row| Some(ByteArray::from(get(row)?.into_owned().into_bytes())));
                    write::<ByteArrayType>(&mut group, texts)?;
                }
            }
        }
        group.close()?;
        file.into_inner()
    }

    fn schema(&self) -> Result<TypePtr, ParquetError> {
        let fields: Result<Vec<TypePtr>, ParquetError> =
            self.columns.iter().map(|column| column.schema().map(Arc::new)).collect();
        Ok(Arc::new(Type::group_type_builder(self.name).with_fields(fields?).build()?))
    }
}

impl<R> Column<R> {
    fn schema(&self) -> Result<Type, ParquetError> {
        let (physical, logical) = match self.value {
            Value::Int(_) => (Physical::INT32, None),
            Value::Long(_) => (Physical::INT64, None),
            Value::Double(_) => (Physical::DOUBLE, None),
            Value::Time(_) => (Physical::INT64, Some(LogicalType::timestamp(true, TimeUnit::MILLIS))),
            Value::Text(_) => (Physical::BYTE_ARRAY, Some(LogicalType::String)),
        };
        Type::primitive_type_builder(self.name, physical)
            .with_repetition(Repetition::OPTIONAL)
            .with_logical_type(logical)
            .build()
    }
}

fn write<T: DataType>(
    group: &mut SerializedRowGroupWriter<'_, Vec<u8>>,
    cells: impl Iterator<Item = Option<T::T>>,
) -> Result<(), ParquetError> {
    let mut values = Vec::new();
    let mut present = Vec::new();
    for cell in cells {
        present.push(i16::from(cell.is_some()));
        values.extend(cell);
    }
    let mut column = group
        .next_column()?
        .ok_or_else(|| ParquetError::General("the schema has fewer columns than the table".to_owned()))?;
    column.typed::<T>().write_batch(&values, Some(&present), None)?;
    column.close()
}

#[cfg(test)]
mod tests;
