//! `cobblestone dataset export`: a table as one file.
//!
//! What is published at the start is exported, each file once. Campaign and day, which are names of folders in the
//! dataset, become columns.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use dataset::compaction;
use dataset::merge;
use dataset::parquet::{Cells, Field, FileReader, FileWriter, Kind};
use dataset::remote::Place;
use store::assimilation::DatasetFile;

use super::{Opened, WhichDataset};
use crate::csv;
use crate::out::Out;

/// Form of the output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Form {
    /// Comma-separated values, safe to open with a spreadsheet; line ends in texts become blanks
    Csv,
    /// One JSON object per line; what is no number there (NaN) is null
    Jsonl,
    /// One Parquet file
    Parquet,
}

/// Flags.
#[derive(Debug, clap::Args)]
pub struct ExportArgs {
    #[command(flatten)]
    which: WhichDataset,
    /// Name of the table: results, failures, files, or data/NAME
    #[arg(value_name = "TABLE")]
    table: String,
    /// Form of the output
    #[arg(long, value_enum, default_value = "csv")]
    format: Form,
    /// Only this campaign
    #[arg(long, value_name = "NAME")]
    campaign: Option<String>,
    /// Write to this file, which must not exist [default: stdout; needed for parquet]
    #[arg(short = 'o', long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// A file of the table, where it can be read.
struct Part {
    local: PathBuf,
    campaign: String,
    day: String,
    /// A copy of one on S3, deleted at the end.
    _copy: Option<tempfile::TempPath>,
}

/// Writes the table.
///
/// # Errors
/// There is no such table, a file can't be read, or the output not written.
pub async fn run(args: &ExportArgs) -> Result<()> {
    let opened = args.which.open().await?;
    let campaign = args.campaign.as_deref().map(dataset::layout::safe);
    let files = compaction::published(&opened.project.store, opened.app).await?;
    let tables: std::collections::BTreeSet<String> = files.iter().map(|file| file.dataset.clone()).collect();
    let files: Vec<DatasetFile> = files.into_iter().filter(|file| file.dataset == args.table).collect();
    if files.is_empty() {
        let tables: Vec<String> = tables.into_iter().collect();
        bail!("there is no table `{}` with rows; there are: {}", args.table, tables.join(", "));
    }
    let mut parts = Vec::new();
    for file in files {
        let (of, day) = partition(&file.path);
        if campaign.as_ref().is_none_or(|wanted| *wanted == of) {
            parts.push(local(&opened, &file, of, day).await?);
        }
    }
    parts.sort_by(|a, b| (&a.campaign, &a.day).cmp(&(&b.campaign, &b.day)));
    let mut fields = Vec::new();
    for part in &parts {
        fields.push((part.local.clone(), merge::open(&part.local)?.fields().to_vec()));
    }
    let mut fields = merge::fields(fields.iter().map(|(path, fields)| (path.as_path(), fields.as_slice())))?;
    for name in ["campaign", "day"] {
        fields.push(Field { name: name.to_owned(), kind: Kind::Text });
    }
    match (&args.output, args.format) {
        (None, Form::Parquet) => bail!("a Parquet file can't go to a terminal; write --output FILE"),
        (None, form) => {
            let mut out = Out::stdout();
            let written = text(&parts, &fields, form, &mut |line| Ok(out.put(line)));
            written.and(out.end())
        }
        (Some(path), form) => whole(path, |file| match form {
            Form::Parquet => one_parquet(&args.table, &parts, &fields, file),
            form => {
                text(&parts, &fields, form, &mut |line| Ok(file.write_all(line.as_bytes()).map(|()| true)?))
            }
        }),
    }
}

/// Writes a file that is there whole or not at all.
fn whole(path: &Path, write: impl FnOnce(&mut BufWriter<&File>) -> Result<()>) -> Result<()> {
    if path.exists() {
        bail!("{} is there already", path.display());
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let what = || format!("can't write {}", path.display());
    let temp = tempfile::NamedTempFile::new_in(folder).with_context(what)?;
    let mut out = BufWriter::new(temp.as_file());
    write(&mut out)?;
    out.flush().with_context(what)?;
    drop(out);
    temp.as_file().sync_all().with_context(what)?;
    temp.persist_noclobber(path).with_context(what)?;
    Ok(())
}

/// Campaign and day of a path, as its folders name them.
fn partition(path: &str) -> (String, String) {
    let part = |key: &str| {
        let found = path.split('/').find_map(|part| part.strip_prefix(key));
        found.unwrap_or_default().to_owned()
    };
    (part("campaign="), part("day="))
}

async fn local(opened: &Opened, file: &DatasetFile, campaign: String, day: String) -> Result<Part> {
    match &opened.place {
        Place::Local(folder) => Ok(Part { local: folder.join(&file.path), campaign, day, _copy: None }),
        Place::Remote(remote) => {
            let copy = tempfile::NamedTempFile::new()?.into_temp_path();
            remote.fetch(&file.path, &copy).await?;
            Ok(Part { local: copy.to_path_buf(), campaign, day, _copy: Some(copy) })
        }
    }
}

/// The columns of a row group, with campaign and day.
fn columns(part: &Part, reader: &FileReader, group: usize, fields: &[Field]) -> Result<Vec<Cells>> {
    let mut columns = merge::aligned(reader, group, fields)?;
    let rows = columns.first().map_or(0, Cells::len);
    for (field, cells) in fields.iter().zip(&mut columns) {
        let value = match field.name.as_str() {
            "campaign" => &part.campaign,
            "day" => &part.day,
            _ => continue,
        };
        *cells = Cells::Text(vec![Some(value.as_str().into()); rows]);
    }
    Ok(columns)
}

fn one_parquet(table: &str, parts: &[Part], fields: &[Field], out: &mut (impl Write + Send)) -> Result<()> {
    let mut writer = FileWriter::new(out, table, fields.to_vec(), &[])?;
    for part in parts {
        let reader = merge::open(&part.local)?;
        for group in 0..reader.groups() {
            writer.group(&columns(part, &reader, group, fields)?)?;
        }
    }
    writer.finish()?;
    Ok(())
}

fn text(
    parts: &[Part],
    fields: &[Field],
    form: Form,
    put: &mut dyn FnMut(&str) -> Result<bool>,
) -> Result<()> {
    if form == Form::Csv {
        let names: Vec<&str> = fields.iter().map(|field| field.name.as_str()).collect();
        put(&format!("{}\n", names.join(",")))?;
    }
    for part in parts {
        let reader = merge::open(&part.local)?;
        for group in 0..reader.groups() {
            let columns = columns(part, &reader, group, fields)?;
            for row in 0..columns.first().map_or(0, Cells::len) {
                let line = match form {
                    Form::Csv => {
                        let cells: Vec<String> = columns.iter().map(|cells| csv_cell(cells, row)).collect();
                        cells.join(",")
                    }
                    _ => {
                        let cells = fields.iter().zip(&columns);
                        let object: serde_json::Map<String, serde_json::Value> =
                            cells.map(|(field, cells)| (field.name.clone(), json_cell(cells, row))).collect();
                        serde_json::Value::Object(object).to_string()
                    }
                };
                if !put(&format!("{line}\n"))? {
                    return Ok(());
                }
            }
        }
    }
    Ok(())
}

/// A moment as ISO 8601 has it.
fn moment(milliseconds: i64) -> String {
    chrono::DateTime::from_timestamp_millis(milliseconds)
        .map(|time| time.format("%Y-%m-%dT%H:%M:%S%.3fZ").to_string())
        .unwrap_or_default()
}

fn csv_cell(cells: &Cells, row: usize) -> String {
    match cells {
        Cells::Int(cells) => cells.get(row).copied().flatten().map(|n| n.to_string()),
        Cells::Long(cells) => cells.get(row).copied().flatten().map(|n| n.to_string()),
        Cells::Double(cells) => cells.get(row).copied().flatten().map(csv::number),
        Cells::Time(cells) => cells.get(row).copied().flatten().map(moment),
        Cells::Text(cells) => {
            cells.get(row).cloned().flatten().map(|t| csv::long(&String::from_utf8_lossy(t.data())))
        }
    }
    .unwrap_or_default()
}

fn json_cell(cells: &Cells, row: usize) -> serde_json::Value {
    match cells {
        Cells::Int(cells) => cells.get(row).copied().flatten().into(),
        Cells::Long(cells) => cells.get(row).copied().flatten().into(),
        Cells::Double(cells) => cells.get(row).copied().flatten().into(),
        Cells::Time(cells) => cells.get(row).copied().flatten().map(moment).into(),
        Cells::Text(cells) => {
            cells.get(row).cloned().flatten().map(|t| String::from_utf8_lossy(t.data()).into_owned()).into()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_as_text() {
        let text = Cells::Text(vec![Some("=1+1,\n\"x\"".into()), None]);
        assert_eq!(csv_cell(&text, 0), "\"'=1+1, \"\"x\"\"\"");
        assert_eq!((csv_cell(&text, 1), json_cell(&text, 1)), (String::new(), serde_json::Value::Null));
        assert_eq!(json_cell(&text, 0), "=1+1,\n\"x\"");
        let time = Cells::Time(vec![Some(1_795_000_000_123)]);
        assert_eq!(csv_cell(&time, 0), "2026-11-18T11:06:40.123Z");
        assert_eq!(json_cell(&Cells::Double(vec![Some(f64::NAN)]), 0), serde_json::Value::Null);
        assert_eq!(csv_cell(&Cells::Double(vec![Some(0.1)]), 0), "0.1");
        assert_eq!(
            partition("data/x/campaign=a%2Fb/day=2026-11-20/part-1.parquet"),
            ("a%2Fb".into(), "2026-11-20".into())
        );
    }
}
