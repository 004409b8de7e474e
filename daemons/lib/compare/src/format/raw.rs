//! Numbers one after the other, without a header. A record is as many of them as are declared.

use super::binary::{Element, MOST_VALUES};
use super::{Format, Input, Reader, Row};
use crate::source::{Malformed, Trouble};
use crate::spec::{FileSpec, Report};

#[derive(Debug, Clone, Copy)]
pub(super) struct Raw {
    element: Element,
    values: usize,
    skip: u64,
}

impl Raw {
    pub(super) fn new(spec: &FileSpec, report: Report<'_>) -> Self {
        if spec.row_values == 0 || spec.row_values > MOST_VALUES {
            let found = spec.row_values;
            report("row_values", format!("is {found}, but must be between 1 and {MOST_VALUES}"));
        }
        // Lossless: bounded above.
        let values = spec.row_values.clamp(1, MOST_VALUES) as usize;
        Self { element: spec.numbers.element(), values, skip: spec.skip_bytes }
    }
}

impl Format for Raw {
    fn open(&self, input: Input) -> Box<dyn Reader> {
        Box::new(RawReader { input, raw: *self, rows: 0 })
    }
}

struct RawReader {
    input: Input,
    raw: Raw,
    rows: u64,
}

impl Reader for RawReader {
    fn next(&mut self, row: &mut Row) -> Result<bool, Trouble> {
        while self.raw.skip > 0 {
            let wanted = self.raw.skip.min(1 << 20);
            let skipped = self.input.block(wanted as usize)?.len() as u64;
            if skipped == 0 {
                let what = "the content ends within skip_bytes".into();
                return Err(Malformed::Format { place: "header".into(), what }.into());
            }
            self.raw.skip -= skipped;
        }
        self.rows += 1;
        row.begin(self.rows);
        self.raw.element.row(&mut self.input, self.raw.values, row)
    }

    fn split(&mut self, row: &mut Row) {
        self.raw.element.split(row);
    }

    fn has_no_nan(&self, bytes: &[u8]) -> bool {
        self.raw.element.has_no_nan(bytes)
    }
}
