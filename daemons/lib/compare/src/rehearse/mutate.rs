//! Changes a real output value by value, until the spec rejects it.
//!
//! Of each column, three numbers and three words are tried: of the first, a middle and the last record that have one.
//! A number is changed by 1 part in 10¹⁵, then 10¹⁴, and so on up to its double and far beyond; then it becomes
//! negative, zero, NaN, a word. The smallest change that is always rejected says how well the column is protected. With
//! statistics a bin of few entries may take any change of one value; so the smallest change that is rejected somewhere
//! counts.

use serde::Serialize;

use super::SampleFile;
use super::mutant::{Change, First, Mutant};
use super::sample::Sample;
use crate::format::{Cell, Reader, Row, RowRef, number_length};
use crate::parsed::compare_rows;
use crate::plan::{ContentPlan, FilePlan, RowsPlan};
use crate::report::{Verdict, shown};
use crate::rows::{Rows, Stream};
use crate::rule::{Columns, Meaning, Measure};
use crate::source::{Malformed, Trouble};
use crate::spec::{Spec, SpecMistake};

/// Most records of the sample that are used.
const RECORDS: u64 = 500;
/// Most columns that are tried.
const COLUMNS: usize = 256;

/// How well a column is protected.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Protection {
    /// Name, or number as in `column 3`.
    pub column: String,
    /// The smallest change that was rejected in all tried records, with statistics in one of them, in words. `None`: nothing
    /// protects the column.
    pub rejected_from: Option<String>,
    /// Larger changes that were accepted all the same, in words.
    pub accepted: Vec<String>,
    /// Whether a changed number is rejected or, in a column of words, a changed word.
    pub is_protected: bool,
    /// The spec says that the column does not count (`method = "ignore"`).
    pub is_ignored: bool,
}

/// What a mutation test found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Mutation {
    /// One per column, or per name of records.
    pub columns: Vec<Protection>,
    /// Changes of whole records that were accepted, in words.
    pub accepted: Vec<String>,
    /// Outputs that were compared.
    pub tried: u64,
}

impl Mutation {
    /// Columns that nothing protects, though the spec does not say that they don't count.
    pub fn unprotected(&self) -> impl Iterator<Item = &Protection> {
        self.columns.iter().filter(|column| !column.is_protected && !column.is_ignored)
    }
}

/// Why a mutation test can't be made.
#[derive(Debug, thiserror::Error)]
pub enum MutationError {
    /// The spec.
    #[error("the spec has mistakes: {}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Spec(Vec<SpecMistake>),
    /// The sample.
    #[error("the sample {0}")]
    Sample(#[from] Trouble),
    /// The sample.
    #[error("the sample is no good output: {0}")]
    NoGood(Malformed),
    /// The sample does not agree with itself, so rejecting a change would mean nothing.
    #[error("the sample does not agree with itself: {0}")]
    Itself(String),
}

impl Spec {
    /// Changes a sample until this spec rejects it.
    ///
    /// # Errors
    /// The spec has mistakes, or the sample is no good.
    pub fn mutate(&self, sample: &SampleFile) -> Result<Mutation, MutationError> {
        let plan = self.plan().map_err(MutationError::Spec)?;
        let file = plan.file(&sample.name);
        let mut mutation = Mutation { columns: Vec::new(), accepted: Vec::new(), tried: 0 };
        if let Some(fault) = Sample::read(&sample.again, file)?.fault {
            return Err(MutationError::NoGood(fault));
        }
        let ContentPlan::Rows(rows) = &file.content else {
            let column = "every byte".to_owned();
            let rejected_from = Some("any change".to_owned());
            mutation.columns.push(Protection {
                column,
                rejected_from,
                accepted: Vec::new(),
                is_protected: true,
                is_ignored: false,
            });
            return Ok(mutation);
        };
        let bench = Bench { sample, file, rows };
        let records = bench.records()?;
        let itself = bench.compare(None)?;
        if itself.verdict != Verdict::Agree {
            return Err(MutationError::Itself(itself.to_string()));
        }
        let names = bench.names()?;
        for (name, places) in places(&records, &names, &mut Columns::new(&rows.rules, &names)) {
            mutation.columns.push(bench.protection(name, &records, &names, &places, &mut mutation.tried)?);
        }
        for (change, what) in
            [(Change::Dropped, "a record that is left out"), (Change::Twice, "a record that comes twice")]
        {
            mutation.tried += 1;
            let middle = records.len() as u64 / 2;
            if bench.compare(Some((middle, change)))?.verdict == Verdict::Agree {
                mutation.accepted.push(what.to_owned());
            }
        }
        Ok(mutation)
    }
}

/// Where a value is: record and column, from 0.
type Place = (usize, usize);

/// The values to try, by column or by name of the record.
fn places(records: &[Row], names: &[Vec<u8>], rules: &mut Columns<'_>) -> Vec<(String, Vec<Place>)> {
    let mut found: Vec<(String, Vec<Place>)> = Vec::new();
    for (record, row) in records.iter().enumerate() {
        // The values of a list that have one rule are tried together, by the name of the first.
        let mut of_list: Vec<(usize, String)> = Vec::new();
        for column in 0..row.cells.len().min(COLUMNS) {
            let name = match (row.label.as_slice(), names.get(column)) {
                ([], Some(name)) => shown(name),
                ([], None) => format!("column {}", column + 1),
                _ => {
                    let rule = rules.of(row.view(), column).0;
                    match of_list.iter().find(|(known, _)| *known == rule) {
                        Some((_, name)) => name.clone(),
                        None => {
                            let name = shown(&row.view().path(column));
                            of_list.push((rule, name.clone()));
                            name
                        }
                    }
                }
            };
            let known = found.iter().position(|(known, _)| *known == name);
            if known.is_none() && found.len() < COLUMNS {
                found.push((name, vec![(record, column)]));
            } else if let Some((_, places)) = known.and_then(|at| found.get_mut(at)) {
                places.push((record, column));
            }
        }
    }
    let is_number = |(record, column): &Place| {
        let cell = records.get(*record).and_then(|row| row.cells.get(*column));
        cell.is_some_and(|cell| matches!(cell.meaning(), Meaning::Number(_)))
    };
    for (_, places) in &mut found {
        // Numbers first: their changes come from the smallest to the largest.
        let (numbers, words): (Vec<Place>, Vec<Place>) = places.drain(..).partition(is_number);
        *places = [three(&numbers), three(&words)].concat();
    }
    found
}

/// The first, a middle and the last one.
fn three(places: &[Place]) -> Vec<Place> {
    let three = [0, places.len() / 2, places.len().saturating_sub(1)];
    let mut kept: Vec<Place> = three.iter().filter_map(|at| places.get(*at).copied()).collect();
    kept.dedup();
    kept
}

/// Powers of ten: changes beyond the double. A tolerance may be as wide, or chance decide about smaller ones.
const FAR: [i32; 6] = [1, 2, 3, 6, 12, 24];

/// Changes of a value, from the smallest to the largest, with their names.
fn changes(row: RowRef<'_>, cell: Cell) -> Vec<(String, Meaning, Vec<u8>)> {
    let mut changes = Vec::new();
    if let Meaning::Number(value) = cell.meaning() {
        // What follows the number, as its unit, stays.
        let text = row.value(cell).text;
        let unit = text.get(number_length(text)..).unwrap_or_default();
        let mut number = |name: String, new: f64| {
            if new != value && new.is_finite() {
                let changed = [format!("{new:e}").as_bytes(), unit].concat();
                changes.push((name, Meaning::Number(new), changed));
            }
        };
        for power in (-15..=0).chain(FAR) {
            let part = 10f64.powi(power);
            let new = if value == 0.0 { part } else { value * (1.0 + part) };
            number(format!("a change by {part:e}"), new);
        }
        number("the other sign".into(), -value);
        number("zero".into(), 0.0);
        changes.push(("NaN".into(), Meaning::NotANumber, b"nan".to_vec()));
    }
    let mut text = row.value(cell).text.to_vec();
    text.extend_from_slice(b"~");
    changes.push(("another word".into(), Meaning::Text, text));
    changes
}

struct Bench<'s> {
    sample: &'s SampleFile,
    file: &'s FilePlan,
    rows: &'s RowsPlan,
}

impl Bench<'_> {
    fn open(&self) -> Result<Box<dyn Reader>, Trouble> {
        Ok(self.rows.open(self.sample.again.open(&self.file.source)?))
    }

    fn records(&self) -> Result<Vec<Row>, Trouble> {
        let (mut reader, mut row, mut records) = (self.open()?, Row::default(), Vec::new());
        while (records.len() as u64) < RECORDS && reader.next(&mut row)? {
            reader.split(&mut row);
            records.push(row.clone());
        }
        Ok(records)
    }

    fn names(&self) -> Result<Vec<Vec<u8>>, Trouble> {
        let mut reader = self.open()?;
        reader.next(&mut Row::default())?;
        Ok(reader.names().to_vec())
    }

    fn protection(
        &self,
        column: String,
        records: &[Row],
        names: &[Vec<u8>],
        places: &[Place],
        tried: &mut u64,
    ) -> Result<Protection, Trouble> {
        // Names of changes in their order, and whether each was accepted and rejected somewhere.
        let mut tries: Vec<(String, bool, bool)> = Vec::new();
        // Of numbers and of all: whether one was rejected.
        let (mut numbers, mut number_rejected, mut any_rejected) = (false, false, false);
        let mut rules = Columns::new(&self.rows.rules, names);
        let mut is_ignored = true;
        let is_statistical = self.rows.statistics.is_some();
        for (record, at) in places {
            let Some(row) = records.get(*record).map(Row::view) else { continue };
            let Some(cell) = row.cells.get(*at) else { continue };
            let rule = rules.of(row, *at).1;
            is_ignored &= rule.measure == Measure::Ignore;
            for (name, meaning, text) in changes(row, *cell) {
                *tried += 1;
                let is_number = matches!(meaning, Meaning::Number(_));
                let change = Change::Value { column: *at, meaning, text };
                let agrees = self.compare(Some((*record as u64, change)))?.verdict == Verdict::Agree;
                numbers |= is_number;
                number_rejected |= is_number && !agrees;
                any_rejected |= !agrees;
                match tries.iter_mut().find(|(known, ..)| *known == name) {
                    Some((_, accepted, rejected)) => {
                        *accepted |= agrees;
                        *rejected |= !agrees;
                    }
                    None => tries.push((name, agrees, !agrees)),
                }
            }
        }
        // Where chance decides, a bin of few entries takes any change.
        let is_accepted = |(_, accepted, rejected): &(String, bool, bool)| {
            if is_statistical { !rejected } else { *accepted }
        };
        let first = tries.iter().position(|tried| !is_accepted(tried));
        let rest = tries.iter().skip(first.unwrap_or(tries.len())).filter(|tried| is_accepted(tried));
        Ok(Protection {
            column,
            rejected_from: first.and_then(|at| tries.get(at)).map(|(name, ..)| name.clone()),
            accepted: rest.map(|(name, ..)| name.clone()).collect(),
            is_protected: if numbers { number_rejected } else { any_rejected },
            is_ignored,
        })
    }

    /// The sample against itself with a change. The change is on the left: the sample is the reference.
    fn compare(&self, change: Option<(u64, Change)>) -> Result<crate::Comparison, Trouble> {
        let inner = self.open()?;
        let left: Box<dyn Reader> = match change {
            None => Box::new(First { inner, left: RECORDS }),
            Some((record, change)) => Box::new(Mutant {
                inner,
                record,
                change,
                read: 0,
                copy: None,
                is_split: false,
                most: RECORDS,
            }),
        };
        let right = Box::new(First { inner: self.open()?, left: RECORDS });
        let rows = |reader| Rows::Stream(Box::new(Stream::new(self.rows, reader)));
        Ok(compare_rows(rows(left), rows(right), self.rows))
    }
}
