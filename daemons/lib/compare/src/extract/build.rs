//! Rows of one file on their way into columns.

use std::collections::BTreeMap;

use super::{ExtractSpec, MOST_MEMORY, malformed};
use crate::format::RowRef;
use crate::report::shown;
use crate::rule::Meaning;
use crate::source::{Malformed, Trouble};
use crate::spec::{FormatName, Selector, pattern_matches};

/// Longest text of a cell, in bytes; the rest is cut.
const LONGEST_TEXT: usize = 64 << 10;
/// What a cell takes beside its characters, in bytes, about.
const CELL: usize = 24;

/// A value.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Cell {
    Number(f64),
    Text(String),
}

/// Columns of a file, all of one length.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Extracted {
    /// How many rows.
    pub rows: usize,
    /// yoda: the path of the object that each row is of.
    pub objects: Vec<String>,
    /// yoda: the number of the bin in its object; table: that of the row; from 0. Empty where a file is one row.
    pub numbers: Vec<i64>,
    /// Columns of numbers, in the order of the declared names.
    pub doubles: Vec<(String, Vec<Option<f64>>)>,
    /// Columns of text, in the order of the declared names.
    pub texts: Vec<(String, Vec<Option<String>>)>,
}

impl Extracted {
    /// Memory that it takes, in bytes, about.
    #[must_use]
    pub fn memory(&self) -> usize {
        let texts = self.texts.iter().flat_map(|(_, cells)| cells).flatten().map(String::len);
        let objects = self.objects.iter().map(String::len);
        let cells = self.rows * (self.doubles.len() + self.texts.len() + 2);
        cells * CELL + texts.chain(objects).sum::<usize>()
    }
}

/// One declared column.
struct Column<'s> {
    name: &'s str,
    selector: &'s Selector,
    is_text: bool,
    found: bool,
    cells: Vec<Option<Cell>>,
    /// table: its place in a row, once the header is known.
    place: Option<usize>,
    /// yoda: its values in the object that is being read.
    of_object: Vec<Option<Cell>>,
}

/// See the module.
pub(super) struct Build<'s> {
    spec: &'s ExtractSpec,
    columns: Vec<Column<'s>>,
    rows: usize,
    memory: usize,
    objects: Vec<String>,
    numbers: Vec<i64>,
    /// yoda: the object that is being read, and its edges.
    object: Vec<u8>,
    edges: Vec<f64>,
    has_header: bool,
}

impl<'s> Build<'s> {
    pub(super) fn new(spec: &'s ExtractSpec) -> Self {
        let columns = spec.columns.iter().map(|(name, selector)| Column {
            name,
            selector,
            is_text: spec.text.contains(name),
            found: false,
            cells: Vec::new(),
            place: None,
            of_object: Vec::new(),
        });
        Self {
            spec,
            columns: columns.collect(),
            rows: 0,
            memory: 0,
            objects: Vec::new(),
            numbers: Vec::new(),
            object: Vec::new(),
            edges: Vec::new(),
            has_header: false,
        }
    }

    pub(super) fn take(&mut self, row: RowRef<'_>, names: &[Vec<u8>]) -> Result<(), Trouble> {
        match self.spec.format {
            FormatName::Yoda => self.take_of_object(row),
            FormatName::Json | FormatName::KeyValue => {
                self.take_of_file(row);
                Ok(())
            }
            _ => self.take_row(row, names),
        }
    }

    fn grow(&mut self, rows: usize) -> Result<(), Trouble> {
        self.rows += rows;
        self.memory += rows * CELL * (self.columns.len() + 2);
        if self.rows as u64 > self.spec.max_rows {
            return Err(Malformed::TooManyRows { limit: self.spec.max_rows }.into());
        }
        if self.memory > MOST_MEMORY {
            return Err(malformed(format!("its rows take more than {MOST_MEMORY} bytes")).into());
        }
        Ok(())
    }

    fn take_row(&mut self, row: RowRef<'_>, names: &[Vec<u8>]) -> Result<(), Trouble> {
        // An empty line is no row.
        if row.cells.is_empty() {
            return Ok(());
        }
        if !self.has_header {
            self.has_header = true;
            for column in &mut self.columns {
                column.place = match column.selector {
                    Selector::Number(number) => usize::try_from(*number).ok().and_then(|n| n.checked_sub(1)),
                    Selector::Name(wanted) => names.iter().position(|name| name == wanted.as_bytes()),
                };
            }
        }
        let mut memory = 0;
        for column in &mut self.columns {
            let cell = column.place.and_then(|place| row.cells.get(place));
            column.found |= cell.is_some();
            let cell = cell.and_then(|cell| value(row, *cell, column.is_text));
            memory += weight(cell.as_ref());
            column.cells.push(cell);
        }
        self.memory += memory;
        self.numbers.push(i64::try_from(self.rows).unwrap_or(i64::MAX));
        self.grow(1)
    }

    fn take_of_file(&mut self, row: RowRef<'_>) {
        self.rows = 1;
        for column in &mut self.columns {
            let Selector::Name(wanted) = column.selector else { continue };
            let Some(place) = row.place_of(wanted.as_bytes()) else { continue };
            let Some(cell) = row.cells.get(place) else { continue };
            // What stands there first counts.
            if !column.found {
                column.found = true;
                column.cells = vec![value(row, *cell, column.is_text)];
            }
        }
    }

    fn take_of_object(&mut self, row: RowRef<'_>) -> Result<(), Trouble> {
        let Some(colon) = row.label.iter().rposition(|byte| *byte == b':') else { return Ok(()) };
        let (path, name) = row.label.split_at(colon);
        let name = name.get(1..).unwrap_or_default();
        if path != self.object.as_slice() || name == b"Type" {
            self.end_object()?;
            self.object = path.to_vec();
        }
        let wanted = &self.spec.objects;
        if !wanted.is_empty() && !wanted.iter().any(|pattern| pattern_matches(pattern.as_bytes(), path)) {
            return Ok(());
        }
        if name == b"Edges(A1)" {
            self.edges = row.cells.iter().map(|cell| cell.as_number()).collect();
        }
        for column in &mut self.columns {
            if matches!(column.selector, Selector::Name(wanted) if wanted.as_bytes() == name) {
                column.found = true;
                column.of_object = row.cells.iter().map(|cell| value(row, *cell, column.is_text)).collect();
            }
        }
        Ok(())
    }

    /// The bins of the object that was read become rows.
    fn end_object(&mut self) -> Result<(), Trouble> {
        let edges = std::mem::take(&mut self.edges);
        let bins = self.columns.iter().map(|column| column.of_object.len()).max().unwrap_or(0);
        if bins == 0 {
            return Ok(());
        }
        let shown = shown(&self.object);
        // YODA 2 writes edges apart, and the flows below and above as the first and last bin.
        let has_flows = edges.len() + 1 == bins;
        let mut memory = 0;
        for column in &mut self.columns {
            let mut of_object = std::mem::take(&mut column.of_object);
            if of_object.is_empty() && has_flows && !column.is_text {
                let edge = |bin: usize| match column.selector {
                    Selector::Name(name) if name == "xlow" => bin.checked_sub(1),
                    Selector::Name(name) if name == "xhigh" => Some(bin),
                    _ => None,
                };
                of_object = (0..bins).map(|bin| edges.get(edge(bin)?).copied().map(Cell::Number)).collect();
                column.found |= of_object.iter().any(Option::is_some);
            }
            // One value of the object, as its ScaledBy, belongs to all of its bins.
            if let [only] = of_object.as_slice() {
                of_object = vec![only.clone(); bins];
            }
            of_object.resize(bins, None);
            memory += of_object.iter().map(|cell| weight(cell.as_ref())).sum::<usize>();
            column.cells.extend(of_object);
        }
        self.memory += memory + bins * shown.len();
        self.objects.extend(std::iter::repeat_n(shown, bins));
        self.numbers.extend((0..bins).map(|bin| i64::try_from(bin).unwrap_or(i64::MAX)));
        self.grow(bins)
    }

    pub(super) fn finish(mut self) -> Result<Extracted, String> {
        self.end_object().map_err(|trouble| trouble.to_string())?;
        let is_one_row = matches!(self.spec.format, FormatName::Json | FormatName::KeyValue);
        // A table without rows lacks no column.
        if self.rows > 0 || is_one_row || self.spec.format == FormatName::Yoda {
            let lost: Vec<String> = self
                .columns
                .iter()
                .filter(|column| !column.found)
                .map(|column| format!("{} = {}", column.name, column.selector))
                .collect();
            if !lost.is_empty() {
                return Err(format!("nothing in it is {}; look at columns", lost.join(", ")));
            }
        }
        let mut kept: BTreeMap<&str, Vec<Option<Cell>>> = BTreeMap::new();
        let mut extracted = Extracted {
            rows: self.rows,
            objects: self.objects,
            numbers: if is_one_row { Vec::new() } else { self.numbers },
            ..Extracted::default()
        };
        for column in self.columns {
            kept.insert(column.name, column.cells);
        }
        for (name, cells) in kept {
            if self.spec.text.iter().any(|text| text == name) {
                let texts = cells.into_iter().map(|cell| match cell {
                    Some(Cell::Text(text)) => Some(text),
                    _ => None,
                });
                extracted.texts.push((name.to_owned(), texts.collect()));
            } else {
                let numbers = cells.into_iter().map(|cell| match cell {
                    Some(Cell::Number(number)) => Some(number),
                    _ => None,
                });
                extracted.doubles.push((name.to_owned(), numbers.collect()));
            }
        }
        Ok(extracted)
    }
}

fn weight(cell: Option<&Cell>) -> usize {
    match cell {
        Some(Cell::Text(text)) => text.len(),
        _ => 0,
    }
}

fn value(row: RowRef<'_>, cell: crate::format::Cell, is_text: bool) -> Option<Cell> {
    if !is_text {
        return match cell.meaning() {
            Meaning::Number(number) => Some(Cell::Number(number)),
            Meaning::NotANumber => Some(Cell::Number(f64::NAN)),
            Meaning::Text | Meaning::TooLarge { .. } | Meaning::Missing => None,
        };
    }
    if cell.meaning() == Meaning::Missing {
        return None;
    }
    let text = row.value(cell).text;
    // JSON's texts come in their quotes, with those within escaped.
    let inner = text.strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\""));
    let text = String::from_utf8_lossy(inner.unwrap_or(text));
    let mut text =
        if inner.is_some() { text.replace("\\\"", "\"").replace("\\\\", "\\") } else { text.into_owned() };
    if text.len() > LONGEST_TEXT {
        let mut end = LONGEST_TEXT;
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        text.truncate(end);
    }
    Some(Cell::Text(text))
}
