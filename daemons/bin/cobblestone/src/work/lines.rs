//! Lines of a stream, one at a time, of at most [`LONGEST`] bytes.

use std::io::{self, BufRead, Read as _};

/// Longest line. Stock reads 4094 bytes.
pub const LONGEST: usize = 65_536;

/// A line without its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Line {
    /// Its bytes.
    Whole(Vec<u8>),
    /// It is longer than [`LONGEST`] and was passed over.
    TooLong,
}

/// See the module.
#[derive(Debug)]
pub struct Lines<R> {
    stream: R,
    number: u64,
}

impl<R: BufRead> Lines<R> {
    /// Reads a stream from its beginning.
    pub fn new(stream: R) -> Self {
        Self { stream, number: 0 }
    }

    /// How many lines were read.
    pub fn read(&self) -> u64 {
        self.number
    }

    /// The next line with its number, from 1; None at the end.
    ///
    /// # Errors
    /// The stream can't be read.
    pub fn next(&mut self) -> io::Result<Option<(u64, Line)>> {
        let mut line = Vec::new();
        let limit = u64::try_from(LONGEST).unwrap_or(u64::MAX).saturating_add(1);
        if self.stream.by_ref().take(limit).read_until(b'\n', &mut line)? == 0 {
            return Ok(None);
        }
        self.number += 1;
        if line.last() == Some(&b'\n') {
            line.pop();
        } else if line.len() > LONGEST {
            self.pass_over()?;
            return Ok(Some((self.number, Line::TooLong)));
        }
        Ok(Some((self.number, Line::Whole(line))))
    }

    /// To the end of the line.
    fn pass_over(&mut self) -> io::Result<()> {
        loop {
            let piece = match self.stream.fill_buf() {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                piece => piece?,
            };
            let (used, ended) = match piece.iter().position(|byte| *byte == b'\n') {
                Some(end) => (end + 1, true),
                None => (piece.len(), piece.is_empty()),
            };
            self.stream.consume(used);
            if ended {
                return Ok(());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_numbered_and_bounded() {
        let long = "x".repeat(LONGEST + 1);
        let exact = "y".repeat(LONGEST);
        let text = format!("a\n\n{long}\n{exact}\nlast");
        let mut lines = Lines::new(io::BufReader::with_capacity(100, text.as_bytes()));
        let mut next = || lines.next().unwrap();
        assert_eq!(next(), Some((1, Line::Whole(b"a".to_vec()))));
        assert_eq!(next(), Some((2, Line::Whole(Vec::new()))));
        assert_eq!(next(), Some((3, Line::TooLong)));
        assert_eq!(next(), Some((4, Line::Whole(exact.clone().into_bytes()))));
        assert_eq!(next(), Some((5, Line::Whole(b"last".to_vec()))));
        assert_eq!((next(), lines.read()), (None, 5));
        let mut lines = Lines::new(long.as_bytes());
        assert_eq!(lines.next().unwrap(), Some((1, Line::TooLong)));
        assert_eq!(lines.next().unwrap(), None);
    }
}
