//! Words and texts of JSON: a text is read with its escapes undone, so that how a character is written does not count.
//! Bounded by the longest record.

use super::JsonReader;
use crate::format::LONGEST_RECORD;
use crate::source::{Malformed, Trouble};

impl JsonReader {
    /// A number or a word.
    pub(super) fn word(&mut self, bytes: &mut Vec<u8>) -> Result<(), Trouble> {
        while let Some(byte @ (b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' | b'+' | b'-' | b'.')) =
            self.input.peek()?
        {
            self.push(bytes, byte)?;
            self.input.skip();
        }
        Ok(())
    }

    fn push(&self, bytes: &mut Vec<u8>, byte: u8) -> Result<(), Trouble> {
        if bytes.len() >= LONGEST_RECORD {
            return Err(Malformed::LongLine { line: self.line, longest: LONGEST_RECORD }.into());
        }
        bytes.push(byte);
        Ok(())
    }

    /// A text in quotes, with `"` and `\` escaped and nothing else.
    pub(super) fn text(&mut self, bytes: &mut Vec<u8>) -> Result<(), Trouble> {
        self.input.skip();
        bytes.push(b'"');
        // The first half of a character beyond 16 bits.
        let mut high: Option<u32> = None;
        loop {
            let Some(byte) = self.input.peek()? else {
                return Err(self.fault("the content ends within a text"));
            };
            self.input.skip();
            let unit = match byte {
                b'\\' => self.escape()?,
                0..b' ' => return Err(self.fault("a control character within a text")),
                _ => Unit::Byte(byte),
            };
            if let (Some(first), Unit::Code(second @ 0xdc00..=0xdfff)) = (high, unit) {
                high = None;
                self.character(bytes, 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00))?;
                continue;
            }
            if let Some(alone) = high.take() {
                self.character(bytes, alone)?;
            }
            match unit {
                Unit::Byte(b'"') if byte == b'"' => {
                    bytes.push(b'"');
                    return Ok(());
                }
                Unit::Code(first @ 0xd800..=0xdbff) => high = Some(first),
                Unit::Code(code) => self.character(bytes, code)?,
                Unit::Byte(byte) => {
                    if matches!(byte, b'"' | b'\\') {
                        self.push(bytes, b'\\')?;
                    }
                    self.push(bytes, byte)?;
                }
            }
        }
    }

    /// A character; half of one stays an escape.
    fn character(&self, bytes: &mut Vec<u8>, code: u32) -> Result<(), Trouble> {
        match char::from_u32(code) {
            Some(character @ ('"' | '\\')) => {
                self.push(bytes, b'\\')?;
                self.push(bytes, character as u8)
            }
            Some(character) => {
                let mut buffer = [0; 4];
                let encoded = character.encode_utf8(&mut buffer).bytes();
                encoded.into_iter().try_for_each(|byte| self.push(bytes, byte))
            }
            None => format!("\\u{code:04x}").bytes().try_for_each(|byte| self.push(bytes, byte)),
        }
    }

    /// What follows a backslash.
    fn escape(&mut self) -> Result<Unit, Trouble> {
        let byte = self.input.peek()?;
        self.input.skip();
        Ok(match byte {
            Some(byte @ (b'"' | b'\\' | b'/')) => Unit::Byte(byte),
            Some(b'b') => Unit::Byte(8),
            Some(b'f') => Unit::Byte(12),
            Some(b'n') => Unit::Byte(b'\n'),
            Some(b'r') => Unit::Byte(b'\r'),
            Some(b't') => Unit::Byte(b'\t'),
            Some(b'u') => {
                let mut code = 0;
                for _ in 0..4 {
                    let digit = self.input.peek()?.and_then(|byte| char::from(byte).to_digit(16));
                    self.input.skip();
                    code = code * 16 + digit.ok_or_else(|| self.fault("\\u without four digits"))?;
                }
                Unit::Code(code)
            }
            _ => return Err(self.fault("a backslash before a character that needs none")),
        })
    }
}

/// A piece of a text.
#[derive(Clone, Copy)]
enum Unit {
    Byte(u8),
    /// A code unit of UTF-16.
    Code(u32),
}
