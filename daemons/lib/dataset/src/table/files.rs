//! Table `files`: the manifest of output files, one row for each file of each canonical result.

use boinc::id::{ResultId, WorkunitId};

use super::results::Output;
use super::{Column, Table, Value};

/// A row.
#[derive(Debug, Clone)]
pub struct FileRecord {
    #[allow(missing_docs)]
    pub workunit: WorkunitId,
    /// The canonical result.
    pub result: ResultId,
    #[allow(missing_docs)]
    pub output: Output,
    /// How it is packed: `none` or `zstd`.
    pub compression: &'static str,
}

/// See the module.
pub const FILES: Table<FileRecord> = Table {
    name: "files",
    about: "the manifest: one row per output file of a canonical result",
    version: 1,
    columns: COLUMNS,
};

#[rustfmt::skip]
const COLUMNS: &[Column<FileRecord>] = &[
    Column::new("workunit_id", "Id of the workunit", Value::Int(|r| Some(r.workunit.0))),
    Column::new("result_id", "Id of the canonical result", Value::Int(|r| Some(r.result.0))),
    Column::new("name", "Name of the file", Value::Text(|r| Some(r.output.name.as_str().into()))),
    Column::new("bytes", "Its size in bytes, unpacked", Value::Long(|r| Some(r.output.bytes))),
    Column::new("sha256", "SHA-256 digest of its content in hex", Value::Text(|r| Some(r.output.sha256.as_str().into()))),
    Column::new("path", "Where it lies, below the application's folder; null if it was not copied", Value::Text(|r| Some(r.output.stored.as_ref()?.path.as_str().into()))),
    Column::new("compression", "How it is packed there: none or zstd; null if it was not copied", Value::Text(|r| r.output.stored.as_ref().map(|_| r.compression.into()))),
    Column::new("stored_bytes", "Its size in bytes as it lies there", Value::Long(|r| Some(r.output.stored.as_ref()?.bytes))),
    Column::new("stored_sha256", "SHA-256 digest of the file as it lies there", Value::Text(|r| Some(r.output.stored.as_ref()?.sha256.as_str().into()))),
];
