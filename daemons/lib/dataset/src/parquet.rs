//! Parquet files: written column by column, read group by group.
//!
//! Five types of columns, all of them optional. A [`FileWriter`] takes whole row groups; a [`FileReader`] gives them
//! back, one at a time, so a file of any size is copied in the memory of one group.
//!
//! Invariant: what a [`FileReader`] gives, a [`FileWriter`] writes again without loss: compaction rests on that. A
//! column of another type, as another program might write it, is an error.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use parquet::basic::{Compression, LogicalType, Repetition, TimeUnit, Type as Physical, ZstdLevel};
use parquet::column::reader::get_typed_column_reader;
use parquet::data_type::{ByteArray, ByteArrayType, DataType, DoubleType, Int32Type, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use parquet::file::reader::{FileReader as _, RowGroupReader, SerializedFileReader};
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::types::{Type, TypePtr};

/// Type of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// 32-bit integer.
    Int,
    /// 64-bit integer.
    Long,
    /// Floating-point number.
    Double,
    /// Moment in UTC with milliseconds.
    Time,
    /// UTF-8 text.
    Text,
}

impl Kind {
    /// Its name in documents.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Int => "INT32",
            Self::Long => "INT64",
            Self::Double => "DOUBLE",
            Self::Time => "TIMESTAMP",
            Self::Text => "TEXT",
        }
    }

    /// No values.
    #[must_use]
    pub const fn empty(self) -> Cells {
        match self {
            Self::Int => Cells::Int(Vec::new()),
            Self::Long => Cells::Long(Vec::new()),
            Self::Double => Cells::Double(Vec::new()),
            Self::Time => Cells::Time(Vec::new()),
            Self::Text => Cells::Text(Vec::new()),
        }
    }
}

/// A column of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    #[allow(missing_docs)]
    pub name: String,
    #[allow(missing_docs)]
    pub kind: Kind,
}

impl Field {
    fn schema(&self) -> Result<Type, ParquetError> {
        let (physical, logical) = match self.kind {
            Kind::Int => (Physical::INT32, None),
            Kind::Long => (Physical::INT64, None),
            Kind::Double => (Physical::DOUBLE, None),
            Kind::Time => (Physical::INT64, Some(LogicalType::timestamp(true, TimeUnit::MILLIS))),
            Kind::Text => (Physical::BYTE_ARRAY, Some(LogicalType::String)),
        };
        Type::primitive_type_builder(&self.name, physical)
            .with_repetition(Repetition::OPTIONAL)
            .with_logical_type(logical)
            .build()
    }

    fn of(schema: &Type) -> Result<Self, ParquetError> {
        let info = schema.get_basic_info();
        let name = info.name().to_owned();
        let unknown = || ParquetError::General(format!("column {name} has a type that no table of ours has"));
        if !schema.is_primitive() {
            return Err(unknown());
        }
        let kind = match (schema.get_physical_type(), info.logical_type_ref()) {
            (Physical::INT32, None) => Kind::Int,
            (Physical::INT64, None) => Kind::Long,
            (Physical::INT64, Some(LogicalType::Timestamp { .. })) => Kind::Time,
            (Physical::DOUBLE, None) => Kind::Double,
            (Physical::BYTE_ARRAY, Some(LogicalType::String)) => Kind::Text,
            _ => return Err(unknown()),
        };
        Ok(Self { name, kind })
    }
}

/// Values of one column; `None` is null. Moments are Unix milliseconds.
#[derive(Debug, Clone, PartialEq)]
pub enum Cells {
    #[allow(missing_docs)]
    Int(Vec<Option<i32>>),
    #[allow(missing_docs)]
    Long(Vec<Option<i64>>),
    #[allow(missing_docs)]
    Double(Vec<Option<f64>>),
    #[allow(missing_docs)]
    Time(Vec<Option<i64>>),
    #[allow(missing_docs)]
    Text(Vec<Option<ByteArray>>),
}

impl Cells {
    /// How many.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::Int(cells) => cells.len(),
            Self::Long(cells) | Self::Time(cells) => cells.len(),
            Self::Double(cells) => cells.len(),
            Self::Text(cells) => cells.len(),
        }
    }

    /// None.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    #[allow(missing_docs)]
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

    /// Adds nulls until there are `len`.
    pub fn fill(&mut self, len: usize) {
        match self {
            Self::Int(cells) => cells.resize(len, None),
            Self::Long(cells) | Self::Time(cells) => cells.resize(len, None),
            Self::Double(cells) => cells.resize(len, None),
            Self::Text(cells) => cells.resize(len, None),
        }
    }

    /// Adds those of a column of the same type; `false` if it has another one.
    pub fn append(&mut self, other: Self) -> bool {
        match (self, other) {
            (Self::Int(cells), Self::Int(more)) => cells.extend(more),
            (Self::Long(cells), Self::Long(more)) | (Self::Time(cells), Self::Time(more)) => {
                cells.extend(more);
            }
            (Self::Double(cells), Self::Double(more)) => cells.extend(more),
            (Self::Text(cells), Self::Text(more)) => cells.extend(more),
            _ => return false,
        }
        true
    }
}

/// A file in the making.
pub struct FileWriter<W: Write + Send> {
    inner: SerializedFileWriter<W>,
}

impl<W: Write + Send> std::fmt::Debug for FileWriter<W> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("FileWriter")
    }
}

impl<W: Write + Send> FileWriter<W> {
    /// Begins a file. `facts` go to its key-value metadata.
    ///
    /// # Errors
    /// Writing fails, or two columns have one name.
    pub fn new(
        out: W,
        table: &str,
        fields: Vec<Field>,
        facts: &[(String, String)],
    ) -> Result<Self, ParquetError> {
        let facts = facts.iter().map(|(key, value)| KeyValue::new(key.clone(), value.clone()));
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::try_new(3)?))
            .set_created_by(concat!("cobblestone ", env!("CARGO_PKG_VERSION")).to_owned())
            .set_key_value_metadata(Some(facts.collect()))
            .build();
        let fields: Result<Vec<TypePtr>, ParquetError> =
            fields.iter().map(|field| field.schema().map(Arc::new)).collect();
        let schema = Arc::new(Type::group_type_builder(table).with_fields(fields?).build()?);
        Ok(Self { inner: SerializedFileWriter::new(out, schema, Arc::new(properties))? })
    }

    /// Adds a row group: one column after the other, as they were declared.
    ///
    /// # Errors
    /// Writing fails, or the columns are others.
    pub fn group(&mut self, columns: &[Cells]) -> Result<(), ParquetError> {
        let mut group = self.inner.next_row_group()?;
        for cells in columns {
            match cells {
                Cells::Int(cells) => write::<Int32Type, W>(&mut group, cells)?,
                Cells::Long(cells) | Cells::Time(cells) => write::<Int64Type, W>(&mut group, cells)?,
                Cells::Double(cells) => write::<DoubleType, W>(&mut group, cells)?,
                Cells::Text(cells) => write::<ByteArrayType, W>(&mut group, cells)?,
            }
        }
        group.close()?;
        Ok(())
    }

    /// Writes the end, and gives back what was written to.
    ///
    /// # Errors
    /// Writing fails.
    pub fn finish(self) -> Result<W, ParquetError> {
        self.inner.into_inner()
    }
}

fn write<T: DataType, W: Write + Send>(
    group: &mut SerializedRowGroupWriter<'_, W>,
    cells: &[Option<T::T>],
) -> Result<(), ParquetError> {
    let present: Vec<i16> = cells.iter().map(|cell| i16::from(cell.is_some())).collect();
    let values: Vec<T::T> = cells.iter().flatten().cloned().collect();
    let mut column = group
        .next_column()?
        .ok_or_else(|| ParquetError::General("the schema has fewer columns than the table".to_owned()))?;
    column.typed::<T>().write_batch(&values, Some(&present), None)?;
    column.close()
}

/// An opened file of a dataset.
pub struct FileReader {
    inner: SerializedFileReader<File>,
    fields: Vec<Field>,
}

impl std::fmt::Debug for FileReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FileReader").field("fields", &self.fields).finish_non_exhaustive()
    }
}

impl FileReader {
    /// Opens a file.
    ///
    /// # Errors
    /// It can't be read, is no Parquet file, or has columns that no table of ours has.
    pub fn open(path: &Path) -> Result<Self, ParquetError> {
        let inner = SerializedFileReader::new(File::open(path)?)?;
        let schema = inner.metadata().file_metadata().schema();
        let fields: Result<Vec<Field>, ParquetError> =
            schema.get_fields().iter().map(|field| Field::of(field)).collect();
        Ok(Self { fields: fields?, inner })
    }

    /// Its columns.
    #[must_use]
    pub fn fields(&self) -> &[Field] {
        &self.fields
    }

    /// Its rows.
    #[must_use]
    pub fn rows(&self) -> i64 {
        self.inner.metadata().file_metadata().num_rows()
    }

    /// Its key-value metadata, but for what the library adds.
    #[must_use]
    pub fn facts(&self) -> Vec<(String, String)> {
        let facts = self.inner.metadata().file_metadata().key_value_metadata();
        facts
            .into_iter()
            .flatten()
            .filter(|fact| fact.key.starts_with("cobblestone."))
            .map(|fact| (fact.key.clone(), fact.value.clone().unwrap_or_default()))
            .collect()
    }

    /// How many row groups it has.
    #[must_use]
    pub fn groups(&self) -> usize {
        self.inner.num_row_groups()
    }

    /// The columns of a row group, in the order of the fields.
    ///
    /// # Errors
    /// It can't be read.
    pub fn group(&self, number: usize) -> Result<Vec<Cells>, ParquetError> {
        let group = self.inner.get_row_group(number)?;
        let rows = usize::try_from(group.metadata().num_rows())
            .map_err(|_| ParquetError::General("a negative number of rows".to_owned()))?;
        let columns = self.fields.iter().enumerate().map(|(column, field)| {
            Ok(match field.kind {
                Kind::Int => Cells::Int(read::<Int32Type>(&*group, column, rows)?),
                Kind::Long => Cells::Long(read::<Int64Type>(&*group, column, rows)?),
                Kind::Time => Cells::Time(read::<Int64Type>(&*group, column, rows)?),
                Kind::Double => Cells::Double(read::<DoubleType>(&*group, column, rows)?),
                Kind::Text => Cells::Text(read::<ByteArrayType>(&*group, column, rows)?),
            })
        });
        columns.collect()
    }
}

fn read<T: DataType>(
    group: &dyn RowGroupReader,
    column: usize,
    rows: usize,
) -> Result<Vec<Option<T::T>>, ParquetError> {
    let mut reader = get_typed_column_reader::<T>(group.get_column_reader(column)?);
    let (mut values, mut present) = (Vec::new(), Vec::new());
    while present.len() < rows {
        let (records, _, levels) =
            reader.read_records(rows - present.len(), Some(&mut present), None, &mut values)?;
        if records == 0 && levels == 0 {
            return Err(ParquetError::General("a column ends before its row group".to_owned()));
        }
    }
    let mut values = values.into_iter();
    Ok(present.into_iter().map(|level| if level > 0 { values.next() } else { None }).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        let fields = [Kind::Int, Kind::Long, Kind::Double, Kind::Time, Kind::Text]
            .map(|kind| Field { name: kind.name().to_owned(), kind });
        let columns = vec![
            Cells::Int(vec![Some(i32::MIN), None, Some(7)]),
            Cells::Long(vec![None, Some(i64::MAX), None]),
            Cells::Double(vec![Some(f64::MIN_POSITIVE), Some(-0.0), None]),
            Cells::Time(vec![Some(-1), Some(1_795_000_000_123), None]),
            Cells::Text(vec![Some("Zürich\0".into()), None, Some("".into())]),
        ];
        let nulls: Vec<Cells> = fields
            .iter()
            .map(|field| {
                let mut cells = field.kind.empty();
                cells.fill(2);
                cells
            })
            .collect();
        let facts = [("cobblestone.table".to_owned(), "x".to_owned())];
        let mut writer = FileWriter::new(Vec::new(), "x", fields.to_vec(), &facts).unwrap();
        writer.group(&columns).unwrap();
        writer.group(&nulls).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.parquet");
        std::fs::write(&path, writer.finish().unwrap()).unwrap();
        let reader = FileReader::open(&path).unwrap();
        assert_eq!((reader.fields(), reader.rows(), reader.groups()), (&fields[..], 5, 2));
        assert_eq!(reader.facts(), facts);
        assert_eq!(reader.group(0).unwrap(), columns);
        assert_eq!(reader.group(1).unwrap(), nulls);
        std::fs::write(&path, b"PAR1 half a file").unwrap();
        assert!(FileReader::open(&path).is_err());
    }
}
