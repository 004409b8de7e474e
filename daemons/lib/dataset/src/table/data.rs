//! Tables `data/NAME`: the content of output files as columns, keyed by workunit.
//!
//! Their columns are declared by the administrator. Before them stand those that every such table has: the workunit,
//! its canonical result, and where a row stands in its file.

use boinc::id::{ResultId, WorkunitId};
use compare::extract::{ExtractSpec, Extracted};
use compare::spec::FormatName;
use parquet::data_type::ByteArray;
use parquet::errors::ParquetError;

use crate::parquet::{Cells, Field, FileWriter, Kind};

/// Counts changes of the columns that every such table has.
pub const VERSION: u32 = 1;

/// The columns that every such table has, and what they hold: name, kind, words, format that has it (`None`: all).
pub const COMMON: &[(&str, Kind, &str, Option<FormatName>)] = &[
    ("workunit_id", Kind::Int, "Id of the workunit", None),
    ("result_id", Kind::Int, "Id of the canonical result", None),
    ("row", Kind::Long, "Number of the row in its file, from 0", Some(FormatName::Table)),
    ("object", Kind::Text, "Path of the histogram", Some(FormatName::Yoda)),
    ("bin", Kind::Long, "Number of the bin in the histogram, from 0", Some(FormatName::Yoda)),
];

/// What was taken out of one file.
#[derive(Debug, Clone)]
pub struct DataRecord {
    #[allow(missing_docs)]
    pub workunit: WorkunitId,
    /// The canonical result.
    pub result: ResultId,
    #[allow(missing_docs)]
    pub extracted: Extracted,
}

/// The name of a table in metadata and in the database.
#[must_use]
pub fn table_name(name: &str) -> String {
    format!("data/{name}")
}

/// Columns of a table, as they stand in a file.
#[must_use]
pub fn fields(spec: &ExtractSpec) -> Vec<Field> {
    let common = COMMON
        .iter()
        .filter(|(_, _, _, format)| format.is_none_or(|format| format == spec.format))
        .map(|(name, kind, _, _)| Field { name: (*name).to_owned(), kind: *kind });
    let declared = |text: bool| {
        let kind = if text { Kind::Text } else { Kind::Double };
        let names = spec.columns.keys().filter(move |name| spec.text.contains(name) == text);
        names.map(move |name| Field { name: name.clone(), kind })
    };
    common.chain(declared(false)).chain(declared(true)).collect()
}

/// A Parquet file with what was taken out of some files.
///
/// # Errors
/// The library refuses: a fault of this program, as everything is written to memory.
pub fn to_parquet(
    spec: &ExtractSpec,
    records: &[&DataRecord],
    facts: &[(&str, &str)],
) -> Result<Vec<u8>, ParquetError> {
    let name = table_name(&spec.name);
    let fields = fields(spec);
    let mut file = FileWriter::new(Vec::new(), &name, fields.clone(), &super::facts(&name, VERSION, facts))?;
    let columns: Vec<Cells> = fields.iter().map(|field| column(field, records)).collect();
    file.group(&columns)?;
    file.finish()
}

fn column(field: &Field, records: &[&DataRecord]) -> Cells {
    let repeated = |id: fn(&DataRecord) -> i32| {
        let cells = records.iter().flat_map(|r| std::iter::repeat_n(Some(id(r)), r.extracted.rows));
        Cells::Int(cells.collect())
    };
    match (field.name.as_str(), field.kind) {
        ("workunit_id", _) => repeated(|r| r.workunit.0),
        ("result_id", _) => repeated(|r| r.result.0),
        ("row" | "bin", _) => {
            Cells::Long(records.iter().flat_map(|r| r.extracted.numbers.iter().copied().map(Some)).collect())
        }
        ("object", _) => Cells::Text(
            records
                .iter()
                .flat_map(|r| r.extracted.objects.iter().map(|object| Some(ByteArray::from(object.as_str()))))
                .collect(),
        ),
        (name, Kind::Text) => Cells::Text(
            records
                .iter()
                .flat_map(|r| of(&r.extracted.texts, name))
                .map(|cell| cell.as_ref().map(|text| ByteArray::from(text.as_str())))
                .collect(),
        ),
        (name, _) => {
            Cells::Double(records.iter().flat_map(|r| of(&r.extracted.doubles, name)).copied().collect())
        }
    }
}

fn of<'a, T>(columns: &'a [(String, Vec<T>)], name: &str) -> &'a [T] {
    columns.iter().find(|(found, _)| found == name).map_or(&[], |(_, cells)| cells.as_slice())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use compare::spec::Selector;

    use super::*;
    use crate::parquet::FileReader;

    #[test]
    fn rows_of_several_workunits_stand_in_one_file() {
        let spec = ExtractSpec {
            name: "h".to_owned(),
            file: "out".to_owned(),
            format: FormatName::Yoda,
            columns: BTreeMap::from([("sumw".to_owned(), Selector::Name("sumw".to_owned()))]),
            ..ExtractSpec::default()
        };
        let record = |id: i32, rows: usize| DataRecord {
            workunit: WorkunitId(id),
            result: ResultId(id + 10),
            extracted: Extracted {
                rows,
                objects: vec!["/A".to_owned(); rows],
                numbers: (0..).take(rows).collect(),
                doubles: vec![("sumw".to_owned(), vec![Some(0.5); rows])],
                texts: Vec::new(),
            },
        };
        let bytes = to_parquet(&spec, &[&record(1, 2), &record(2, 0), &record(3, 1)], &[]).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        std::fs::write(&path, bytes).unwrap();
        let reader = FileReader::open(&path).unwrap();
        let names: Vec<&str> = reader.fields().iter().map(|f| f.name.as_str()).collect();
        assert_eq!(names, ["workunit_id", "result_id", "object", "bin", "sumw"]);
        let columns = reader.group(0).unwrap();
        assert_eq!(columns[0], Cells::Int(vec![Some(1), Some(1), Some(3)]));
        assert_eq!(columns[3], Cells::Long(vec![Some(0), Some(1), Some(0)]));
        assert_eq!(columns[4], Cells::Double(vec![Some(0.5); 3]));
    }
}
