//! Records of a table, read one by one from any place of a file: lines of CSV or JSON Lines.
//!
//! Invariants: at most [`MAX_RECORD`] bytes of a record are held; a longer one is passed over and reported, and reading
//! goes on behind it. [`Record::end`] is where the next one begins, so reading can go on there in another process. A
//! record that has no end yet (somebody is still writing) is not given out, unless the caller says that the file is
//! complete.

use std::io::{self, BufRead};

/// Longest record, in bytes, with its line feed.
pub const MAX_RECORD: usize = 64 * 1024;

/// How rows are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// Values separated by commas; quotes as in RFC 4180; the first record names the columns.
    Csv,
    /// One JSON object on each line.
    Jsonl,
}

impl Format {
    /// What a file's name says.
    #[must_use]
    pub fn of_name(name: &str) -> Option<Self> {
        let end = name.rsplit_once('.')?.1.to_ascii_lowercase();
        match end.as_str() {
            "csv" => Some(Self::Csv),
            "jsonl" | "ndjson" => Some(Self::Jsonl),
            _ => None,
        }
    }

    /// The end of names of such files.
    #[must_use]
    pub const fn ending(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Jsonl => "jsonl",
        }
    }
}

/// One record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Number in the file, from 1; the line with the columns' names and empty lines don't count.
    pub number: i64,
    /// Where it begins.
    pub place: u64,
    /// Where the next one begins.
    pub end: u64,
    /// Its bytes without the line's end; cut at [`MAX_RECORD`].
    pub bytes: Vec<u8>,
    /// It is longer than that.
    pub too_long: bool,
}

/// Reads records.
#[derive(Debug)]
pub struct Records<R> {
    input: R,
    format: Format,
    place: u64,
    number: i64,
    complete: bool,
}

/// A piece of input, up to a line feed outside of quotes.
struct Piece {
    bytes: Vec<u8>,
    length: u64,
    ended: bool,
}

impl<R: BufRead> Records<R> {
    /// Reads from a place where a record begins. `number` records came before it. `complete`: nobody writes to the file
    /// any more, so its last record needs no line feed.
    pub fn new(input: R, format: Format, place: u64, number: i64, complete: bool) -> Self {
        Self { input, format, place, number, complete }
    }

    /// The next record; None at the end, or when the last one has no end yet: then [`Records::place`] stands before it.
    ///
    /// # Errors
    /// The input can't be read.
    pub fn record(&mut self) -> io::Result<Option<Record>> {
        loop {
            let piece = self.piece()?;
            if piece.length == 0 || (!piece.ended && !self.complete) {
                return Ok(None);
            }
            let place = self.place;
            self.place += piece.length;
            let too_long = piece.length > MAX_RECORD as u64;
            let mut bytes = piece.bytes;
            if !too_long {
                while bytes.last().is_some_and(|byte| matches!(byte, b'\n' | b'\r')) {
                    bytes.pop();
                }
            }
            let bytes = if place == 0 { without_mark(bytes) } else { bytes };
            if !too_long && bytes.iter().all(u8::is_ascii_whitespace) {
                continue;
            }
            self.number += 1;
            return Ok(Some(Record { number: self.number, place, end: self.place, bytes, too_long }));
        }
    }

    /// The record with the columns' names of a table that is read from its beginning; it is not counted.
    ///
    /// # Errors
    /// The input can't be read.
    pub fn header(&mut self) -> io::Result<Option<Record>> {
        let header = self.record()?;
        if header.is_some() {
            self.number -= 1;
        }
        Ok(header)
    }

    /// Where it stands.
    #[must_use]
    pub const fn place(&self) -> u64 {
        self.place
    }

    fn piece(&mut self) -> io::Result<Piece> {
        let mut piece = Piece { bytes: Vec::new(), length: 0, ended: false };
        let mut quoted = false;
        loop {
            let available = match self.input.fill_buf() {
                Ok(available) => available,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            if available.is_empty() {
                return Ok(piece);
            }
            let mut used = available.len();
            for (index, byte) in available.iter().enumerate() {
                match byte {
                    b'"' if self.format == Format::Csv => quoted = !quoted,
                    b'\n' if !quoted => {
                        used = index + 1;
                        piece.ended = true;
                        break;
                    }
                    _ => {}
                }
            }
            let room = MAX_RECORD.saturating_sub(piece.bytes.len());
            piece.bytes.extend(available.iter().take(used.min(room)));
            piece.length += used as u64;
            self.input.consume(used);
            if piece.ended {
                return Ok(piece);
            }
            // A quote that is never closed must not swallow the file: the record ends with its line.
            if quoted && piece.length > MAX_RECORD as u64 {
                quoted = false;
            }
        }
    }
}

/// Without the mark that some programs put at the beginning of a text.
fn without_mark(bytes: Vec<u8>) -> Vec<u8> {
    match bytes.strip_prefix(b"\xef\xbb\xbf") {
        Some(rest) => rest.to_vec(),
        None => bytes,
    }
}

/// The values of one line of CSV.
///
/// # Errors
/// It is no UTF-8, or its quotes don't fit.
pub fn csv_fields(bytes: &[u8]) -> Result<Vec<String>, String> {
    let text = std::str::from_utf8(bytes)
        .map_err(|error| format!("byte {} is no UTF-8", error.valid_up_to() + 1))?;
    let mut fields = Vec::new();
    let mut chars = text.chars().peekable();
    loop {
        let mut field = String::new();
        if chars.peek() == Some(&'"') {
            chars.next();
            loop {
                match chars.next() {
                    Some('"') if chars.peek() == Some(&'"') => {
                        chars.next();
                        field.push('"');
                    }
                    Some('"') => break,
                    Some(c) => field.push(c),
                    None => return Err("a quote is not closed".to_owned()),
                }
            }
            match chars.peek() {
                None | Some(',') => {}
                Some(_) => {
                    return Err(format!(
                        "text stands behind the closing quote of value {}",
                        fields.len() + 1
                    ));
                }
            }
        } else {
            while let Some(c) = chars.next_if(|c| *c != ',') {
                if c == '"' {
                    return Err(format!("a quote stands in the middle of value {}", fields.len() + 1));
                }
                field.push(c);
            }
        }
        fields.push(field);
        if chars.next().is_none() {
            return Ok(fields);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn all(text: &[u8], format: Format, complete: bool) -> Vec<Record> {
        let mut records = Records::new(io::BufReader::with_capacity(7, text), format, 0, 0, complete);
        std::iter::from_fn(|| records.record().unwrap()).collect()
    }

    fn texts(records: &[Record]) -> Vec<String> {
        records.iter().map(|record| String::from_utf8(record.bytes.clone()).unwrap()).collect()
    }

    #[test]
    fn records_are_counted_and_know_where_they_are() {
        let text = b"\xef\xbb\xbfa,b\r\n1,\"x\ny\"\n\n2,z\n3";
        let found = all(text, Format::Csv, true);
        assert_eq!(texts(&found), ["a,b", "1,\"x\ny\"", "2,z", "3"]);
        assert_eq!(found.iter().map(|r| r.number).collect::<Vec<_>>(), [1, 2, 3, 4]);
        for record in &found {
            let mut rest = Records::new(
                &text[record.place as usize..],
                Format::Csv,
                record.place,
                record.number - 1,
                true,
            );
            let again = rest.record().unwrap().unwrap();
            assert_eq!((again.number, again.place, again.end), (record.number, record.place, record.end));
        }
        assert_eq!(all(text, Format::Csv, false).len(), 3, "the last one may not be whole yet");
    }

    #[test]
    fn a_record_that_is_too_long_is_passed_over() {
        let mut text = vec![b'x'; MAX_RECORD + 1];
        text.extend_from_slice(b"\nshort\n");
        let found = all(&text, Format::Jsonl, false);
        assert!(found[0].too_long && found[0].bytes.len() == MAX_RECORD);
        assert_eq!(texts(&found[1..]), ["short"]);
        let mut quote = b"\"".to_vec();
        quote.extend(b"a\n".repeat(MAX_RECORD));
        let found = all(&quote, Format::Csv, false);
        assert!(found[0].too_long && found.len() > 2, "an open quote does not swallow all");
    }

    #[test]
    fn quotes_are_understood() {
        assert_eq!(csv_fields(b"1,\"a \"\"b\"\", c\",,x").unwrap(), ["1", "a \"b\", c", "", "x"]);
        assert_eq!(csv_fields(b"").unwrap(), [""]);
        for bad in [&b"\"a"[..], b"\"a\"b,c", b"a\"b", b"\xff"] {
            assert!(csv_fields(bad).is_err(), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_come_through_once(text in proptest::collection::vec(any::<u8>(), 0..400), csv in any::<bool>()) {
            let format = if csv { Format::Csv } else { Format::Jsonl };
            let found = all(&text, format, true);
            let mut place = 0;
            for record in &found {
                prop_assert!(record.place >= place);
                place = record.end;
                let _ = csv_fields(&record.bytes);
            }
            prop_assert!(place <= text.len() as u64);
        }

        #[test]
        fn written_values_are_read_again(values in proptest::collection::vec("[ -~é\n]{0,8}", 1..6)) {
            let line: Vec<String> = values.iter().map(|v| format!("\"{}\"", v.replace('"', "\"\""))).collect();
            prop_assert_eq!(csv_fields(line.join(",").as_bytes()).unwrap(), values);
        }
    }
}
