//! The assimilator's Parquet files, read back.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, Result};
use parquet::file::reader::{FileReader as _, SerializedFileReader};
use parquet::record::{Field, Row};
use parquet::schema::types::Type;

/// One campaign, as the query finds it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Campaign {
    /// Workunits.
    pub rows: usize,
    /// Sum of `elapsed_seconds`.
    pub seconds: f64,
    /// Sum of `n_results`.
    pub results: i64,
    /// Sum of `output_bytes`.
    pub bytes: i64,
}

/// What is in an application's dataset.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Dataset {
    /// Parquet files of the table `results`.
    pub files: usize,
    /// By name of the campaign.
    pub campaigns: BTreeMap<String, Campaign>,
    /// Ids of the workunits in `results`.
    pub workunits: BTreeSet<i32>,
    /// Ids of the workunits in `failures`.
    pub failures: BTreeSet<i32>,
    /// Rows of both tables for a workunit that has one already.
    pub repeated: usize,
    /// Output files that were copied.
    pub outputs: usize,
}

impl Dataset {
    /// Reads the dataset of an application in `folder`: FOLDER/results/campaign=NAME/day=DAY/….parquet, and
    /// failures likewise.
    ///
    /// # Errors
    /// A file can't be read or has not the columns that it should have.
    pub fn read(folder: &Path) -> Result<Self> {
        let mut dataset = Self::default();
        for campaign in entries(&folder.join("results"))? {
            let name = campaign.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let name = name.strip_prefix("campaign=").unwrap_or(&name).to_owned();
            for file in parquet_files(&campaign)? {
                dataset.files += 1;
                let columns = ["workunit_id", "elapsed_seconds", "n_results", "output_bytes"];
                for row in rows(&file, &columns)? {
                    dataset.add(&name, &row);
                }
            }
        }
        let mut failures = Vec::new();
        for campaign in entries(&folder.join("failures"))? {
            failures.extend(parquet_files(&campaign)?);
        }
        for file in failures {
            for row in rows(&file, &["workunit_id"])? {
                if let Some((_, Field::Int(id))) = row.get_column_iter().next() {
                    let new = dataset.failures.insert(*id) && !dataset.workunits.contains(id);
                    dataset.repeated += usize::from(!new);
                }
            }
        }
        dataset.outputs = count_files(&folder.join("outputs"))?;
        Ok(dataset)
    }

    fn add(&mut self, campaign: &str, row: &Row) {
        let campaign = self.campaigns.entry(campaign.to_owned()).or_default();
        campaign.rows += 1;
        for (name, field) in row.get_column_iter() {
            match (name.as_str(), field) {
                ("workunit_id", Field::Int(id)) => {
                    self.repeated += usize::from(!self.workunits.insert(*id));
                }
                ("elapsed_seconds", Field::Double(seconds)) => campaign.seconds += seconds,
                ("n_results", Field::Int(n)) => campaign.results += i64::from(*n),
                ("output_bytes", Field::Long(bytes)) => campaign.bytes += bytes,
                _ => {}
            }
        }
    }
}

impl Campaign {
    /// Mean of `elapsed_seconds`, in hours.
    #[expect(clippy::cast_precision_loss, reason = "for show")]
    pub fn mean_hours(&self) -> f64 {
        if self.rows == 0 { 0.0 } else { self.seconds / self.rows as f64 / 3600.0 }
    }
}

/// The same question for DuckDB, to be typed into a shell.
pub fn duckdb(folder: &Path) -> String {
    let files = folder.join("results/*/*/*.parquet").display().to_string().replace('\'', "''");
    let sql = format!(
        "SELECT campaign, count(*) AS workunits, avg(elapsed_seconds) / 3600 AS mean_hours, sum(n_results) AS results, \
         sum(output_bytes) AS bytes FROM read_parquet('{files}', hive_partitioning = true) GROUP BY campaign"
    );
    format!(
        "duckdb -c \"{}\"",
        sql.replace('\\', "\\\\").replace('"', "\\\"").replace('$', "\\$").replace('`', "\\`")
    )
}

/// Rows of a file, with these columns.
fn rows(path: &Path, columns: &[&str]) -> Result<Vec<Row>> {
    let what = || format!("can't read the Parquet file {}", path.display());
    let reader = SerializedFileReader::try_from(path).with_context(what)?;
    let schema = reader.metadata().file_metadata().schema();
    let fields: Vec<_> =
        schema.get_fields().iter().filter(|field| columns.contains(&field.name())).cloned().collect();
    anyhow::ensure!(
        fields.len() == columns.len(),
        "{} lacks one of the columns {}",
        path.display(),
        columns.join(", ")
    );
    let projection =
        Type::group_type_builder(schema.name()).with_fields(fields).build().with_context(what)?;
    let rows = reader.get_row_iter(Some(Arc::new(projection).as_ref().clone())).with_context(what)?;
    rows.collect::<Result<Vec<Row>, _>>().with_context(what)
}

/// What is in a folder, sorted; nothing when it is missing.
fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    let found = match fs::read_dir(folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        found => found.with_context(|| format!("can't read the folder {}", folder.display()))?,
    };
    let mut paths: Vec<PathBuf> = found.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    Ok(paths)
}

/// Those of a campaign that readers see, of all its days: hidden ones are the assimilator's own.
fn parquet_files(campaign: &Path) -> Result<Vec<PathBuf>> {
    let visible = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.ends_with(".parquet") && !name.starts_with(['.', '_'])
    };
    let mut files = Vec::new();
    for day in entries(campaign)? {
        files.extend(entries(&day)?.into_iter().filter(visible));
    }
    Ok(files)
}

fn count_files(folder: &Path) -> Result<usize> {
    let mut count = 0;
    for path in entries(folder)? {
        count += if path.is_dir() { count_files(&path)? } else { 1 };
    }
    Ok(count)
}

#[cfg(test)]
mod tests {
    use parquet::data_type::{DoubleType, Int32Type, Int64Type};
    use parquet::file::properties::WriterProperties;
    use parquet::file::writer::SerializedFileWriter;
    use parquet::schema::parser::parse_message_type;

    use super::*;

    /// A file with three workunits, the second of which has no time.
    fn write(path: &Path, first: i32) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let schema = "message results { optional int32 workunit_id; optional binary other (STRING);
            optional double elapsed_seconds; optional int32 n_results; optional int64 output_bytes; }";
        let schema = Arc::new(parse_message_type(schema).unwrap());
        let file = fs::File::create(path).unwrap();
        let mut writer =
            SerializedFileWriter::new(file, schema, Arc::new(WriterProperties::default())).unwrap();
        let mut group = writer.next_row_group().unwrap();
        let all = Some(&[1_i16, 1, 1][..]);
        let mut column = group.next_column().unwrap().unwrap();
        column.typed::<Int32Type>().write_batch(&[first, first + 1, first + 2], all, None).unwrap();
        column.close().unwrap();
        let mut column = group.next_column().unwrap().unwrap();
        column.typed::<parquet::data_type::ByteArrayType>().write_batch(&[], Some(&[0, 0, 0]), None).unwrap();
        column.close().unwrap();
        let mut column = group.next_column().unwrap().unwrap();
        column.typed::<DoubleType>().write_batch(&[3600.0, 10_800.0], Some(&[1, 0, 1]), None).unwrap();
        column.close().unwrap();
        let mut column = group.next_column().unwrap().unwrap();
        column.typed::<Int32Type>().write_batch(&[2, 2, 3], all, None).unwrap();
        column.close().unwrap();
        let mut column = group.next_column().unwrap().unwrap();
        column.typed::<Int64Type>().write_batch(&[10, 20, 30], all, None).unwrap();
        column.close().unwrap();
        group.close().unwrap();
        writer.close().unwrap();
    }

    #[test]
    fn files_are_read_back_and_repeated_workunits_are_noticed() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(Dataset::read(folder.path()).unwrap(), Dataset::default());
        write(&folder.path().join("results/campaign=a/day=2026-11-20/part-1.parquet"), 1);
        write(&folder.path().join("results/campaign=a/day=2026-11-20/part-2.parquet"), 3);
        write(&folder.path().join("results/campaign=b/day=2026-11-20/part-1.parquet"), 10);
        write(&folder.path().join("results/campaign=b/day=2026-11-20/.part-2.parquet"), 20);
        // The first stands among the results, too.
        write(&folder.path().join("failures/campaign=a/day=2026-11-20/part-1.parquet"), 12);
        fs::create_dir_all(folder.path().join("outputs/a/wu")).unwrap();
        fs::write(folder.path().join("outputs/a/wu/file"), "x").unwrap();
        let dataset = Dataset::read(folder.path()).unwrap();
        assert_eq!((dataset.files, dataset.failures.len(), dataset.outputs), (3, 3, 1));
        assert_eq!((dataset.workunits.len(), dataset.repeated), (8, 2));
        let a = &dataset.campaigns["a"];
        assert_eq!((a.rows, a.seconds, a.results, a.bytes), (6, 28_800.0, 14, 120));
        assert_eq!(dataset.campaigns["b"].rows, 3);
        assert!((a.mean_hours() - 4.0 / 3.0).abs() < 1e-12);
    }

    #[test]
    fn a_file_that_is_none_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("results/campaign=a/day=2026-11-20/part-1.parquet");
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, "no").unwrap();
        let error = format!("{:#}", Dataset::read(folder.path()).unwrap_err());
        assert!(error.contains("part-1.parquet"), "{error}");
    }
}
