//! The content of an output as columns, for who wants the numbers and compares nothing.
//!
//! The same formats are read as for comparisons, with the same bounds. A table gives one row per line, key=value and
//! JSON one row per file, YODA one row per bin.
//!
//! Invariants. Content comes from strangers: no content makes this panic or take more than the declared rows and 64 MiB
//! of memory. A column that is declared and found nowhere in a file is a fault, not a column of nulls: most likely
//! its name is misspelt. What is no number in a column of numbers is null.

mod build;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::format::{self, Format, Input, Reader, Row};
use crate::source::{self, Archive, Compression, File, Malformed, Trouble};
use crate::spec::{FileSpec, FormatName, Report, Selector};
use build::Build;

pub use build::Extracted;

/// Most columns of one declaration.
const MOST_COLUMNS: usize = 1000;
/// Most memory that the rows of one file take, in bytes, about: 64 MiB.
pub(crate) const MOST_MEMORY: usize = 64 << 20;
/// Most rows that can be declared.
const LARGEST_MAX_ROWS: u64 = 10_000_000;

/// Which columns to take of which file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ExtractSpec {
    /// Name of the table: letters, digits, `_` and `-`.
    pub name: String,
    /// Logical name of the file (`open_name`). `*` stands for any characters, `?` for one; the first that fits.
    pub file: String,
    /// An output may lack the file.
    pub optional: bool,
    /// What it is made of: `table`, `key_value`, `json` or `yoda`.
    pub format: FormatName,
    /// As in `compare.files`.
    pub compression: Compression,
    /// As in `compare.files`.
    pub archive: Archive,
    /// As in `compare.files`.
    pub member: String,
    /// Largest size, packed and unpacked, in bytes.
    pub max_bytes: u64,
    /// Most bytes that one compressed byte may give.
    pub max_ratio: u64,
    /// As in `compare.files`.
    pub separator: String,
    /// As in `compare.files`.
    pub comment: String,
    /// As in `compare.files`.
    pub skip_lines: u64,
    /// table: the first line that counts names the columns.
    pub header: bool,
    /// Words that stand for a missing value.
    pub missing: Vec<String>,
    /// Columns of the table, each with what it is in the file: a number from 1 or a name of the header, a key, a path,
    /// a column of a histogram.
    pub columns: BTreeMap<String, Selector>,
    /// Those of the columns that hold text. The others hold numbers.
    pub text: Vec<String>,
    /// yoda: only objects with these paths; `*` and `?` as in `file`. Empty: all.
    pub objects: Vec<String>,
    /// Most rows of one file. One with more is refused, not cut.
    pub max_rows: u64,
}

impl Default for ExtractSpec {
    fn default() -> Self {
        let file = FileSpec::default();
        Self {
            name: String::new(),
            file: String::new(),
            optional: false,
            format: FormatName::Table,
            compression: file.compression,
            archive: file.archive,
            member: String::new(),
            max_bytes: 16 << 20,
            max_ratio: file.max_ratio,
            separator: file.separator,
            comment: String::new(),
            skip_lines: 0,
            header: false,
            missing: Vec::new(),
            columns: BTreeMap::new(),
            text: Vec::new(),
            objects: Vec::new(),
            max_rows: 100_000,
        }
    }
}

/// Names of columns that every table has.
pub const RESERVED_COLUMNS: &[&str] =
    &["workunit_id", "result_id", "campaign", "day", "row", "object", "bin"];

fn is_plain(name: &str) -> bool {
    let first = name.bytes().next();
    first.is_some_and(|byte| byte.is_ascii_alphanumeric())
        && name.len() <= 64
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
}

impl ExtractSpec {
    /// Makes it ready for use.
    ///
    /// # Errors
    /// Every mistake found: the key, and what is wrong with it.
    pub fn plan(&self) -> Result<ExtractPlan, Vec<(String, String)>> {
        let mut mistakes = Vec::new();
        let plan = self.check(&mut |key, message| mistakes.push((key.to_owned(), message)));
        match plan {
            Some(plan) if mistakes.is_empty() => Ok(plan),
            _ => Err(mistakes),
        }
    }

    fn check(&self, report: Report<'_>) -> Option<ExtractPlan> {
        use FormatName::{Json, KeyValue, Table, Yoda};
        if !is_plain(&self.name) {
            let found = &self.name;
            report("name", format!("is {found:?}, but must be letters, digits, _ and -, at most 64"));
        }
        if self.file.is_empty() {
            report("file", "is missing: the logical name of an output file".into());
        }
        if !matches!(self.format, Table | KeyValue | Json | Yoda) {
            report("format", "must be \"table\", \"key_value\", \"json\" or \"yoda\"".into());
        }
        if self.columns.is_empty() || self.columns.len() > MOST_COLUMNS {
            report("columns", format!("must be from 1 to {MOST_COLUMNS}: name = what it is in the file"));
        }
        for (name, selector) in &self.columns {
            let key = format!("columns.{name}");
            if !is_plain(name) {
                report(&key, "must be named by letters, digits, _ and -, at most 64".into());
            }
            if RESERVED_COLUMNS.contains(&name.as_str()) {
                report(&key, "is the name of a column that every table has; choose another".into());
            }
            match selector {
                Selector::Number(number) if self.format != Table || *number > 65_536 => {
                    report(&key, format!("is {number}, but only columns of a table have numbers, to 65536"));
                }
                Selector::Name(_) if self.format == Table && !self.header => {
                    report(&key, "is a name, and names need header = true; or use a number".into());
                }
                Selector::Name(name) if name.is_empty() => report(&key, "is empty".into()),
                _ => {}
            }
        }
        for name in self.text.iter().filter(|name| !self.columns.contains_key(*name)) {
            report("text", format!("names {name:?}, which is not in columns"));
        }
        if !self.objects.is_empty() && self.format != Yoda {
            report("objects", "has a meaning only with format = \"yoda\"; remove it".into());
        }
        if !(1..=LARGEST_MAX_ROWS).contains(&self.max_rows) {
            let found = self.max_rows;
            report("max_rows", format!("is {found}, but must be from 1 to {LARGEST_MAX_ROWS}"));
        }
        let file = FileSpec {
            name: self.file.clone(),
            compression: self.compression,
            archive: self.archive,
            member: self.member.clone(),
            max_bytes: self.max_bytes,
            max_ratio: self.max_ratio,
            format: self.format,
            separator: self.separator.clone(),
            comment: self.comment.clone(),
            skip_lines: self.skip_lines,
            header: self.header,
            missing: self.missing.clone(),
            ..FileSpec::default()
        };
        crate::spec::check_effects(&file, report);
        let source = source::Plan::new(&file, report);
        let format = format::of(&file, report)?;
        Some(ExtractPlan { spec: self.clone(), source, format })
    }
}

/// An [`ExtractSpec`] made ready.
#[derive(Debug)]
pub struct ExtractPlan {
    spec: ExtractSpec,
    source: source::Plan,
    format: Box<dyn Format>,
}

impl ExtractPlan {
    /// What was declared.
    #[must_use]
    pub const fn spec(&self) -> &ExtractSpec {
        &self.spec
    }

    /// Whether it is for the file with this logical name.
    #[must_use]
    pub fn is_for(&self, name: &str) -> bool {
        crate::spec::pattern_matches(self.spec.file.as_bytes(), name.as_bytes())
    }

    /// Reads a file.
    ///
    /// # Errors
    /// The content is malformed, has too many rows, or lacks a declared column; or reading fails.
    pub fn read(&self, file: File) -> Result<Extracted, Trouble> {
        let bytes = self.source.open(file)?;
        let mut reader = self.format.open(Input::new(bytes));
        let mut row = Row::default();
        let mut build = Build::new(&self.spec);
        while self.next(&mut *reader, &mut row)? {
            build.take(row.view(), reader.names())?;
        }
        build.finish().map_err(|what| malformed(what).into())
    }

    fn next(&self, reader: &mut dyn Reader, row: &mut Row) -> Result<bool, Trouble> {
        let found = reader.next(row)?;
        if found {
            reader.split(row);
        }
        Ok(found)
    }
}

pub(crate) fn malformed(what: String) -> Malformed {
    Malformed::Format { place: "all".into(), what }
}

#[cfg(test)]
mod tests;
