//! What is read for one event of XML: bounded, and with its lines counted.

use std::io::{BufRead, Read};

use crate::format::{Input, LONGEST_RECORD};
use crate::source::Malformed;

/// Bounds what is read for one event, and counts lines.
pub(super) struct Piecewise {
    pub(super) input: Input,
    pub(super) left: usize,
    pub(super) line: u64,
}

impl Read for Piecewise {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = self.fill_buf()?.read(buffer)?;
        self.consume(count);
        Ok(count)
    }
}

impl BufRead for Piecewise {
    fn fill_buf(&mut self) -> std::io::Result<&[u8]> {
        let (left, line) = (self.left, self.line);
        let waiting = self.input.fill_buf()?;
        if left == 0 && !waiting.is_empty() {
            return Err(Malformed::LongLine { line, longest: LONGEST_RECORD }.into());
        }
        Ok(waiting.get(..left).unwrap_or(waiting))
    }

    fn consume(&mut self, count: usize) {
        // What waits is in memory already.
        let waiting = self.input.fill_buf().unwrap_or_default();
        let read = waiting.get(..count).unwrap_or(waiting);
        self.line += memchr::memchr_iter(b'\n', read).count() as u64;
        self.left = self.left.saturating_sub(count);
        self.input.consume(count);
    }
}
