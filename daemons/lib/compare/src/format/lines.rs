//! Text, line by line: each line is one record with one value. A carriage return before the end of a line does not
//! count: computers with Windows write one.

use super::text::{TextLines, TextOptions};
use super::{Cell, Format, Input, Reader, Row, number, text_has_no_nan};
use crate::source::{Malformed, Trouble};

#[derive(Debug)]
pub(super) struct Lines(TextOptions);

impl Lines {
    pub(super) const fn new(options: TextOptions) -> Self {
        Self(options)
    }
}

impl Format for Lines {
    fn open(&self, input: Input) -> Box<dyn Reader> {
        Box::new(LinesReader(TextLines::new(input, &self.0)))
    }
}

struct LinesReader(TextLines);

impl Reader for LinesReader {
    fn next(&mut self, row: &mut Row) -> Result<bool, Trouble> {
        row.begin(0);
        let found = self.0.next(&mut row.bytes)?;
        row.line = self.0.line();
        Ok(found)
    }

    fn split(&mut self, row: &mut Row) {
        let cell = Cell::new(number::meaning(&row.bytes), 0, row.bytes.len());
        row.cells.clear();
        row.cells.push(cell);
    }

    fn oddity(&self) -> Option<Malformed> {
        self.0.oddity()
    }

    fn has_no_nan(&self, bytes: &[u8]) -> bool {
        text_has_no_nan(bytes)
    }
}
