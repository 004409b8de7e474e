//! How one file is compared.

use serde::{Deserialize, Serialize};

use crate::plausible::Severity;

use super::{DEFAULT_MAX_BYTES, HistogramSpec, RuleSpec, Selector};
use crate::format::Numbers;
use crate::source::{Archive, Compression};
use crate::stat::Statistics;

/// What a file is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FormatName {
    /// Anything, compared byte for byte.
    #[default]
    Bytes,
    /// Text, line by line.
    Lines,
    /// Lines of numbers and words.
    Table,
    /// Lines of `key = value`.
    KeyValue,
    /// JSON, by path.
    Json,
    /// XML, by path.
    Xml,
    /// Histograms of YODA and Rivet.
    Yoda,
    /// NumPy's arrays.
    Npy,
    /// Binary numbers without a header.
    Raw,
}

impl FormatName {
    /// Whether every value has a name: a key or a path.
    pub(crate) const fn is_labelled(self) -> bool {
        matches!(self, Self::KeyValue | Self::Json | Self::Xml | Self::Yoda)
    }
}

/// How records find their partners.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// The first with the first, the second with the second. Takes no memory.
    #[default]
    Rows,
    /// By the values of some columns, or by their label.
    Key,
    /// Each with some other one that agrees.
    Set,
}

/// What a record without a partner means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExtraRows {
    /// The outputs differ.
    #[default]
    Differ,
    /// Nothing.
    Ignore,
}

/// Declaration for one file, or for all files with similar names.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FileSpec {
    /// Logical name (`open_name`), or `stderr`. `*` stands for any characters, `?` for one.
    pub name: String,
    /// Both outputs may lack the file. One alone never may.
    pub optional: bool,
    /// A good output, by its path below the folder of the file that holds this spec: whoever uses the spec tries it on
    /// that first. Empty: there is none.
    pub sample: String,
    /// How it is compressed.
    pub compression: Compression,
    /// What it is packed into, together with others.
    pub archive: Archive,
    /// Its name in the archive.
    pub member: String,
    /// Largest size, packed and unpacked, in bytes.
    pub max_bytes: u64,
    /// Most bytes that one compressed byte may give.
    pub max_ratio: u64,
    /// What it is made of.
    pub format: FormatName,
    /// bytes: whether time, name and system in a gzip header do not count.
    pub skip_gzip_header: bool,
    /// What stands between values: `whitespace`, `comma`, `tab` or a character. key_value: between key and value.
    pub separator: String,
    /// Lines that begin with this are skipped. Empty: none are.
    pub comment: String,
    /// So many lines at the beginning are skipped.
    pub skip_lines: u64,
    /// table: the first line that counts names the columns.
    pub header: bool,
    /// table: the header stands behind the sign of a comment.
    pub commented_header: bool,
    /// Units that may follow a number without a blank between. They must be the same.
    pub units: Vec<String>,
    /// Words that stand for a missing value. It agrees with another missing one.
    pub missing: Vec<String>,
    /// Regular expressions: lines that match one are skipped.
    pub ignore: Vec<String>,
    /// Regular expressions: some line must match each of them.
    pub require: Vec<String>,
    /// Regular expressions: no line may match one of them.
    pub forbid: Vec<String>,
    /// How records find their partners.
    pub order: Order,
    /// Columns that make the key. key_value: the key itself, if it is empty.
    pub key: Vec<Selector>,
    /// What a record without a partner means, with `order = "key"`.
    pub extra_rows: ExtraRows,
    /// Most records, with an order that keeps them in memory.
    pub max_rows: u64,
    /// Fewest records of a good output.
    pub min_rows: u64,
    /// Smallest good output, unpacked, in bytes.
    pub min_bytes: u64,
    /// What an output means that breaks `min_rows`, `min_bytes`, `require` or `forbid`.
    pub severity: Severity,
    /// raw: what a number is, and how it is stored.
    pub numbers: Numbers,
    /// raw: so many numbers are a row.
    pub row_values: u64,
    /// raw: so many bytes at the beginning are skipped.
    pub skip_bytes: u64,
    /// yoda, table: statistical agreement of outputs with other seeds.
    pub statistics: Statistics,
    /// How often outputs that are statistically the same may be told apart, as a fraction.
    pub significance: f64,
    /// Squared errors of two histograms, as Σw², that differ by no more than this factor count as equal; by more, only by
    /// chance. At least 1.
    pub error_ratio: f64,
    /// table: the columns that are histograms.
    pub histograms: Vec<HistogramSpec>,
    /// How values are compared. The first one that names a column counts.
    pub rules: Vec<RuleSpec>,
}

impl FileSpec {
    /// The logical name of the sample: the name, or the file name of the sample where the name is a pattern.
    pub(super) fn sample_name(&self) -> &str {
        let is_pattern = self.name.contains(['*', '?']);
        if is_pattern { self.sample.rsplit('/').next().unwrap_or_default() } else { &self.name }
    }

    pub(crate) fn check_sample(&self, report: super::Report<'_>) {
        let found = &self.sample;
        if found.is_empty() {
            return;
        }
        if found.starts_with('/') || found.split('/').any(|part| matches!(part, "" | "." | "..")) {
            report(
                "sample",
                format!("is {found:?}, but must be a path below this file's folder, as in \"good/out.dat\""),
            );
        } else if !self.is_for(self.sample_name()) {
            report("sample", format!("is {found:?}, which is no file that {:?} is for", self.name));
        }
    }

    /// Whether it is for the file with this logical name, if no entry before it is.
    pub fn is_for(&self, name: &str) -> bool {
        super::pattern_matches(self.name.as_bytes(), name.as_bytes())
    }
}

impl Default for FileSpec {
    fn default() -> Self {
        Self {
            name: String::new(),
            optional: false,
            sample: String::new(),
            compression: Compression::None,
            archive: Archive::None,
            member: String::new(),
            max_bytes: DEFAULT_MAX_BYTES,
            max_ratio: 200,
            format: FormatName::Bytes,
            skip_gzip_header: false,
            separator: "whitespace".into(),
            comment: String::new(),
            skip_lines: 0,
            header: false,
            commented_header: false,
            units: Vec::new(),
            missing: Vec::new(),
            ignore: Vec::new(),
            require: Vec::new(),
            forbid: Vec::new(),
            order: Order::Rows,
            key: Vec::new(),
            extra_rows: ExtraRows::Differ,
            max_rows: 1_000_000,
            min_rows: 1,
            min_bytes: 0,
            severity: Severity::Malformed,
            numbers: Numbers::F64Le,
            row_values: 1,
            skip_bytes: 0,
            statistics: Statistics::None,
            significance: 0.001,
            error_ratio: 2.0,
            histograms: Vec::new(),
            rules: Vec::new(),
        }
    }
}
