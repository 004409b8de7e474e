//! One row of a table of jobs: names and values.
//!
//! Invariant: the identity of a row is its content, not its place: a file that is fed again, under whatever name, has
//! the same identities. Columns may stand in another order; `count` is no part of it.

use std::collections::BTreeMap;

use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::draft::Refusal;
use crate::records::{Format, MAX_RECORD, Record, csv_fields};

/// Most columns of a row.
pub const MAX_COLUMNS: usize = 200;
/// Most characters of a column's name.
const MAX_COLUMN: usize = 64;

/// First bytes of a digest that say what a job is.
pub type Identity = [u8; 16];

/// See the module.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Row {
    /// By column.
    pub values: BTreeMap<String, Value>,
}

/// Names of the columns of a table.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Header(Vec<String>);

impl Header {
    /// From the first record of a CSV file.
    ///
    /// # Errors
    /// Names are missing, doubled, or can't be named in a template.
    pub fn parse(record: &Record) -> Result<Self, String> {
        if record.too_long {
            return Err(format!("the line with the columns' names is longer than {MAX_RECORD} bytes"));
        }
        let names: Vec<String> =
            csv_fields(&record.bytes)?.into_iter().map(|name| name.trim().to_owned()).collect();
        if names.len() > MAX_COLUMNS {
            return Err(format!("there are {} columns, at most {MAX_COLUMNS} are read", names.len()));
        }
        for (index, name) in names.iter().enumerate() {
            check_column(name).map_err(|refusal| refusal.to_string())?;
            if names.iter().take(index).any(|other| other == name) {
                return Err(format!("column {name} stands there twice"));
            }
        }
        Ok(Self(names))
    }

    /// Whether there is such a column.
    #[must_use]
    pub fn has(&self, column: &str) -> bool {
        self.0.iter().any(|name| name == column)
    }
}

fn check_column(name: &str) -> Result<(), Refusal> {
    let mut characters = name.chars();
    let good = characters.next().is_some_and(|first| first.is_ascii_alphabetic() || first == '_')
        && characters.all(|other| other.is_ascii_alphanumeric() || other == '_');
    if good && name.len() <= MAX_COLUMN {
        return Ok(());
    }
    Err(Refusal::new(
        "columns",
        format!(
            "\"{}\" can't be a column's name: use letters, digits and `_`, not beginning with a digit, at most {MAX_COLUMN}",
            boinc::printable::printable(name, 40)
        ),
    ))
}

impl Row {
    /// Reads a record. `header`: names of the columns, of a CSV file.
    ///
    /// # Errors
    /// It is none of that format, or holds what can't be a row.
    pub fn parse(record: &Record, format: Format, header: &Header) -> Result<Self, Refusal> {
        if record.too_long {
            return Err(Refusal::new("row", format!("it is longer than {MAX_RECORD} bytes")));
        }
        let values = match format {
            Format::Csv => csv(&record.bytes, header),
            Format::Jsonl => json(&record.bytes),
        };
        Ok(Self { values: values? })
    }

    /// What the row is, for its copy number `copy`: the value of its key, if the campaign has one, else its content.
    #[must_use]
    pub fn identity(&self, key: Option<&str>, copy: i64) -> Identity {
        let mut digest = Sha256::new();
        match key {
            // BOINC's tables compare names without case.
            Some(key) => {
                digest.update(b"key\0");
                digest.update(key.to_ascii_lowercase().as_bytes());
            }
            None => {
                for (name, value) in self.values.iter().filter(|(name, _)| *name != crate::columns::COUNT) {
                    let value = canonical(value);
                    digest.update((name.len() as u64).to_le_bytes());
                    digest.update(name.as_bytes());
                    digest.update((value.len() as u64).to_le_bytes());
                    digest.update(value.as_bytes());
                }
            }
        }
        digest.update(copy.to_le_bytes());
        let mut identity = Identity::default();
        for (to, from) in identity.iter_mut().zip(digest.finalize().iter()) {
            *to = *from;
        }
        identity
    }
}

/// As text. Keys of nested objects are sorted: that is how serde_json keeps them here.
fn canonical(value: &Value) -> String {
    value.to_string()
}

fn csv(bytes: &[u8], header: &Header) -> Result<BTreeMap<String, Value>, Refusal> {
    let fields = csv_fields(bytes).map_err(|why| Refusal::new("row", why))?;
    if fields.len() != header.0.len() {
        return Err(Refusal::new(
            "row",
            format!("it has {} values, and there are {} columns", fields.len(), header.0.len()),
        ));
    }
    // An empty cell is no value: a setting keeps its default, a parameter is unknown.
    let pairs = header.0.iter().zip(fields).filter(|(_, field)| !field.is_empty());
    Ok(pairs.map(|(name, field)| (name.clone(), cell(field))).collect())
}

/// A cell is a number only if the number is written as it would be written again: `6500`, not `007`.
fn cell(text: String) -> Value {
    if let Ok(number) = text.parse::<i64>()
        && number.to_string() == text
    {
        return number.into();
    }
    if let Ok(number) = text.parse::<f64>()
        && let Some(value) = serde_json::Number::from_f64(number)
        && value.to_string() == text
    {
        return Value::Number(value);
    }
    Value::String(text)
}

fn json(bytes: &[u8]) -> Result<BTreeMap<String, Value>, Refusal> {
    let values: BTreeMap<String, Value> = serde_json::from_slice(bytes)
        .map_err(|error| Refusal::new("row", format!("it is no JSON object: {error}")))?;
    if values.len() > MAX_COLUMNS {
        return Err(Refusal::new(
            "columns",
            format!("there are {}, at most {MAX_COLUMNS} are read", values.len()),
        ));
    }
    for name in values.keys() {
        check_column(name)?;
    }
    Ok(values.into_iter().filter(|(_, value)| !value.is_null()).collect())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn record(bytes: &[u8]) -> Record {
        Record { number: 1, place: 0, end: bytes.len() as u64, bytes: bytes.to_vec(), too_long: false }
    }

    fn from_csv(header: &str, line: &str) -> Result<Row, Refusal> {
        Row::parse(&record(line.as_bytes()), Format::Csv, &Header::parse(&record(header.as_bytes())).unwrap())
    }

    fn from_json(line: &str) -> Result<Row, Refusal> {
        Row::parse(&record(line.as_bytes()), Format::Jsonl, &Header::default())
    }

    #[test]
    fn a_row_is_the_same_in_both_formats_and_in_any_order() {
        let csv = from_csv("energy,process,empty", "6500,z1j,").unwrap();
        let json = from_json(r#"{"process":"z1j","energy":6500,"nothing":null}"#).unwrap();
        assert_eq!(csv, json);
        assert_eq!(csv.identity(None, 0), json.identity(None, 0));
        assert_ne!(csv.identity(None, 0), csv.identity(None, 1));
        let more = from_json(r#"{"process":"z1j","energy":6500,"count":3}"#).unwrap();
        assert_eq!(more.identity(None, 0), csv.identity(None, 0), "the count is no part of it");
        let other = from_json(r#"{"process":"z1j","energy":6501}"#).unwrap();
        assert_ne!(other.identity(None, 0), csv.identity(None, 0));
        assert_eq!(other.identity(Some("K7"), 0), csv.identity(Some("k7"), 0), "a key is all that counts");
    }

    #[test]
    fn numbers_are_read_only_as_they_are_written() {
        let row = from_csv("a,b,c,d,e", "007,1.50,1.5,1e3,-4").unwrap();
        let kinds: Vec<bool> = row.values.values().map(Value::is_number).collect();
        assert_eq!(kinds, [false, false, true, false, true]);
    }

    #[test]
    fn what_is_no_row_is_refused() {
        for (header, line) in [("a,b", "1"), ("a", "1,2"), ("a", "\"1")] {
            assert!(from_csv(header, line).is_err(), "{line}");
        }
        for line in ["[1]", "{", "1", "{\"a b\":1}", "{\"\":1}", "\u{1}", &"[".repeat(10_000)] {
            assert!(from_json(line).is_err(), "{line}");
        }
        for header in ["a,a", "a,", "a b", "1a", "ä"] {
            assert!(Header::parse(&record(header.as_bytes())).is_err(), "{header}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let header = Header::parse(&record(&bytes)).unwrap_or_default();
            let _ = Row::parse(&record(&bytes), Format::Csv, &header).map(|row| row.identity(None, 0));
            let _ = Row::parse(&record(&bytes), Format::Jsonl, &header).map(|row| row.identity(None, 0));
        }
    }
}
