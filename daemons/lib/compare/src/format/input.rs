//! A source of bytes with a window: lines and blocks without a copy, in bounded memory.

use std::io::{BufRead, ErrorKind, Read};

use memchr::memchr;

use super::LONGEST_RECORD;
use crate::source::{Bytes, Malformed, Trouble};

/// Size of the window to begin with. It grows for longer lines, up to the longest record.
const WINDOW: usize = 128 << 10;

/// Bytes to be taken in lines or blocks.
pub struct Input {
    reader: Bytes,
    buffer: Vec<u8>,
    begin: usize,
    end: usize,
    ended: bool,
    longest: usize,
}

impl std::fmt::Debug for Input {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Input").field("waiting", &(self.end - self.begin)).finish_non_exhaustive()
    }
}

impl Input {
    /// Takes from `reader`, which bounds how much comes.
    pub fn new(reader: Bytes) -> Self {
        Self { reader, buffer: Vec::new(), begin: 0, end: 0, ended: false, longest: LONGEST_RECORD }
    }

    /// The next line without its end, or `None` after the last one. A newline at the very end begins no line.
    /// `line` is its number, for the error.
    ///
    /// # Errors
    /// [`Malformed::LongLine`], and what the source says.
    #[inline]
    pub fn line(&mut self, line: u64) -> Result<Option<&[u8]>, Trouble> {
        if let Some(length) = memchr(b'\n', self.waiting()) {
            return Ok(Some(self.take(length, length + 1)));
        }
        self.line_beyond(line)
    }

    /// A line whose end is not in the window yet.
    #[cold]
    fn line_beyond(&mut self, line: u64) -> Result<Option<&[u8]>, Trouble> {
        loop {
            let searched = self.waiting().len();
            if searched > self.longest {
                return Err(Malformed::LongLine { line, longest: self.longest }.into());
            }
            if !self.fill()? {
                return Ok((searched > 0).then(|| self.take(searched, searched)));
            }
            let new = self.waiting().get(searched..).unwrap_or_default();
            if let Some(length) = memchr(b'\n', new) {
                return Ok(Some(self.take(searched + length, searched + length + 1)));
            }
        }
    }

    /// The next `count` bytes, fewer at the end; `count` is at most the longest record.
    ///
    /// # Errors
    /// What the source says.
    pub fn block(&mut self, count: usize) -> Result<&[u8], Trouble> {
        let count = count.min(self.longest);
        while self.waiting().len() < count && self.fill()? {}
        let length = self.waiting().len().min(count);
        Ok(self.take(length, length))
    }

    /// The next byte, which stays. `None` at the end.
    ///
    /// # Errors
    /// What the source says.
    #[inline]
    pub fn peek(&mut self) -> Result<Option<u8>, Trouble> {
        if let Some(byte) = self.buffer.get(self.begin..self.end).and_then(<[u8]>::first) {
            return Ok(Some(*byte));
        }
        self.fill()?;
        Ok(self.waiting().first().copied())
    }

    /// Goes on by one byte that was looked at.
    #[inline]
    pub fn skip(&mut self) {
        self.begin = (self.begin + 1).min(self.end);
    }

    #[inline]
    fn waiting(&self) -> &[u8] {
        self.buffer.get(self.begin..self.end).unwrap_or_default()
    }

    #[inline]
    fn take(&mut self, length: usize, consumed: usize) -> &[u8] {
        let begin = self.begin;
        self.begin += consumed;
        self.buffer.get(begin..begin + length).unwrap_or_default()
    }

    /// Reads more; false at the end.
    fn fill(&mut self) -> Result<bool, Trouble> {
        if self.ended {
            return Ok(false);
        }
        if self.begin > 0 {
            self.buffer.copy_within(self.begin..self.end, 0);
            self.end -= self.begin;
            self.begin = 0;
        }
        if self.end == self.buffer.len() {
            self.buffer.resize((self.buffer.len() * 2).max(WINDOW), 0);
        }
        loop {
            match self.reader.read(self.buffer.get_mut(self.end..).unwrap_or_default()) {
                Ok(0) => {
                    self.ended = true;
                    return Ok(false);
                }
                Ok(count) => {
                    self.end += count;
                    return Ok(true);
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}

impl Read for Input {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = self.fill_buf()?.read(buffer)?;
        self.consume(count);
        Ok(count)
    }
}

impl BufRead for Input {
    fn fill_buf(&mut self) -> std::io::Result<&[u8]> {
        if self.waiting().is_empty() {
            self.fill().map_err(|trouble| match trouble {
                Trouble::Malformed(malformed) => malformed.into(),
                Trouble::Io(error) => error,
                other => std::io::Error::other(other.to_string()),
            })?;
        }
        Ok(self.waiting())
    }

    fn consume(&mut self, count: usize) {
        self.begin = (self.begin + count).min(self.end);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Gives at most `step` bytes at a time.
    struct Drops(Vec<u8>, usize, usize);

    impl Read for Drops {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            let count = buffer.len().min(self.1).min(self.0.len() - self.2);
            buffer[..count].copy_from_slice(&self.0[self.2..self.2 + count]);
            self.2 += count;
            Ok(count)
        }
    }

    proptest! {
        #[test]
        fn lines_however_they_arrive(text in "[ab\n]{0,60}", step in 1..9_usize) {
            let mut input = Input::new(Box::new(Drops(text.clone().into_bytes(), step, 0)));
            let mut lines = Vec::new();
            while let Some(line) = input.line(1).unwrap() {
                lines.push(String::from_utf8(line.to_vec()).unwrap());
            }
            let expected: Vec<&str> = text.strip_suffix('\n').unwrap_or(&text).split('\n').collect();
            let expected = if text.is_empty() { Vec::new() } else { expected };
            prop_assert_eq!(lines, expected);
        }

        #[test]
        fn blocks_however_they_arrive(bytes in proptest::collection::vec(any::<u8>(), 0..60), step in 1..9_usize) {
            let mut input = Input::new(Box::new(Drops(bytes.clone(), step, 0)));
            for expected in bytes.chunks(7) {
                prop_assert_eq!(input.block(7).unwrap(), expected);
            }
            prop_assert!(input.block(7).unwrap().is_empty());
        }
    }

    #[test]
    fn ten_gigabytes_of_nines_end_early_and_in_bounded_memory() {
        let nines = std::io::repeat(b'9').take(10_000_000_000);
        let mut input = Input::new(Box::new(nines));
        input.longest = 1 << 20;
        assert!(matches!(input.line(1), Err(Trouble::Malformed(Malformed::LongLine { line: 1, .. }))));
        assert!(input.buffer.len() <= 4 << 20, "{}", input.buffer.len());
    }
}
