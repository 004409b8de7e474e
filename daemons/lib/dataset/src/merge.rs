//! Rows of several Parquet files in one: columns are merged by name, rows stay in the order of the files.
//!
//! A row group is in memory at a time, and one of the new file. A column that a file lacks is null in its rows.

use std::collections::BTreeMap;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

use parquet::errors::ParquetError;

use crate::compaction::durable;
use crate::parquet::{Cells, Field, FileReader, FileWriter};
use crate::table::KEY_VERSION;

/// Rows of a row group of the new file, at least.
const GROUP: usize = 100_000;

/// A file can't be read or written.
#[derive(Debug, thiserror::Error)]
#[error("{}: {source}", path.display())]
pub struct MergeError {
    /// Which.
    pub path: PathBuf,
    /// Why.
    pub source: ParquetError,
}

impl MergeError {
    pub(crate) fn of(path: &Path, error: impl Into<ParquetError>) -> Self {
        Self { path: path.to_owned(), source: error.into() }
    }
}

/// Opens a file.
///
/// # Errors
/// It can't be read.
pub fn open(path: &Path) -> Result<FileReader, MergeError> {
    FileReader::open(path).map_err(|error| MergeError::of(path, error))
}

/// Columns of all files together, in the order of the first file that has each.
///
/// # Errors
/// A column has two types.
pub fn fields<'r>(
    readers: impl IntoIterator<Item = (&'r Path, &'r [Field])>,
) -> Result<Vec<Field>, MergeError> {
    let mut all: Vec<Field> = Vec::new();
    for (path, fields) in readers {
        for field in fields {
            match all.iter().find(|known| known.name == field.name) {
                None => all.push(field.clone()),
                Some(known) if known.kind == field.kind => {}
                Some(known) => {
                    let (name, found, other) = (&field.name, field.kind.name(), known.kind.name());
                    let what = format!("column {name} is {found}, in other files it is {other}");
                    return Err(MergeError::of(path, ParquetError::General(what)));
                }
            }
        }
    }
    Ok(all)
}

/// The columns of a row group, as `wanted` has them.
///
/// # Errors
/// It can't be read.
pub fn aligned(reader: &FileReader, group: usize, wanted: &[Field]) -> Result<Vec<Cells>, ParquetError> {
    let columns = reader.group(group)?;
    let rows = columns.first().map_or(0, Cells::len);
    let mut found: BTreeMap<&str, Cells> =
        reader.fields().iter().map(|field| field.name.as_str()).zip(columns).collect();
    Ok(wanted
        .iter()
        .map(|field| {
            found.remove(field.name.as_str()).unwrap_or_else(|| {
                let mut cells = field.kind.empty();
                cells.fill(rows);
                cells
            })
        })
        .collect())
}

/// Writes the rows of `paths` to a new file, which is on disk afterwards. The number of rows.
///
/// # Errors
/// A file can't be read or written, or two of them don't fit together.
pub fn files(paths: &[PathBuf], to: &Path) -> Result<i64, MergeError> {
    let mut all = Vec::new();
    let mut facts: BTreeMap<String, String> = BTreeMap::new();
    for path in paths {
        let reader = open(path)?;
        for (key, value) in reader.facts() {
            // The latest version holds.
            let known = facts.entry(key.clone()).or_insert_with(|| value.clone());
            if key == KEY_VERSION && value.parse::<u32>().ok() > known.parse::<u32>().ok() {
                *known = value;
            }
        }
        all.push((path.as_path(), reader.fields().to_vec()));
    }
    let fields = fields(all.iter().map(|(path, fields)| (*path, fields.as_slice())))?;
    let facts: Vec<(String, String)> = facts.into_iter().collect();
    let table = facts.iter().find(|(key, _)| key == crate::table::KEY_TABLE);
    let table = table.map_or("rows", |(_, name)| name.as_str()).to_owned();
    durable(to, |file| {
        let failed = |error: ParquetError| MergeError::of(to, error);
        let mut writer =
            FileWriter::new(BufWriter::new(file), &table, fields.clone(), &facts).map_err(failed)?;
        let mut rows = 0_i64;
        let mut waiting: Vec<Cells> = fields.iter().map(|field| field.kind.empty()).collect();
        for path in paths {
            let reader = open(path)?;
            for group in 0..reader.groups() {
                let columns =
                    aligned(&reader, group, &fields).map_err(|error| MergeError::of(path, error))?;
                for (waiting, cells) in waiting.iter_mut().zip(columns) {
                    // The types were compared above.
                    let _ = waiting.append(cells);
                }
                if waiting.first().is_some_and(|cells| cells.len() >= GROUP) {
                    rows += flush(&mut writer, &mut waiting).map_err(failed)?;
                }
            }
        }
        rows += flush(&mut writer, &mut waiting).map_err(failed)?;
        let mut out = writer.finish().map_err(failed)?;
        out.flush().map_err(|error| MergeError::of(to, error))?;
        Ok(rows)
    })
}

fn flush<W: std::io::Write + Send>(
    writer: &mut FileWriter<W>,
    waiting: &mut [Cells],
) -> Result<i64, ParquetError> {
    let rows = waiting.first().map_or(0, Cells::len);
    if rows > 0 {
        writer.group(waiting)?;
        for cells in waiting {
            *cells = cells.kind().empty();
        }
    }
    Ok(i64::try_from(rows).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parquet::Kind;

    fn write(path: &Path, columns: &[(&str, Cells)], version: &str) {
        let fields =
            columns.iter().map(|(name, cells)| Field { name: (*name).to_owned(), kind: cells.kind() });
        let facts = [(KEY_VERSION.to_owned(), version.to_owned())];
        let mut writer = FileWriter::new(Vec::new(), "x", fields.collect(), &facts).unwrap();
        writer.group(&columns.iter().map(|(_, cells)| cells.clone()).collect::<Vec<_>>()).unwrap();
        std::fs::write(path, writer.finish().unwrap()).unwrap();
    }

    #[test]
    fn columns_are_merged_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let [a, b, c, out] = ["a", "b", "c", "out"].map(|name| folder.path().join(name));
        write(
            &a,
            &[("id", Cells::Int(vec![Some(1), Some(2)])), ("x", Cells::Double(vec![None, Some(0.5)]))],
            "2",
        );
        write(&b, &[("new", Cells::Text(vec![Some("t".into())])), ("id", Cells::Int(vec![Some(3)]))], "10");
        assert_eq!(files(&[a.clone(), b], &out).unwrap(), 3);
        let reader = open(&out).unwrap();
        assert_eq!(reader.facts(), [(KEY_VERSION.to_owned(), "10".to_owned())]);
        let names: Vec<_> = reader.fields().iter().map(|f| (f.name.as_str(), f.kind)).collect();
        assert_eq!(names, [("id", Kind::Int), ("x", Kind::Double), ("new", Kind::Text)]);
        assert_eq!(
            reader.group(0).unwrap(),
            [
                Cells::Int(vec![Some(1), Some(2), Some(3)]),
                Cells::Double(vec![None, Some(0.5), None]),
                Cells::Text(vec![None, None, Some("t".into())]),
            ]
        );
        write(&c, &[("id", Cells::Long(vec![Some(1)]))], "1");
        let error = files(&[a, c], &folder.path().join("none")).unwrap_err().to_string();
        assert!(error.contains("column id is INT64, in other files it is INT32"), "{error}");
    }
}
