//! A number in a message, as BOINC's own parser finds it.
//!
//! Stock handlers read messages with `XML_PARSER` (`lib/parse.h`, `lib/parse.cpp`), which is no XML parser: an
//! element is whatever stands between `<` and `>`, text counts as a tag, what can't be read is skipped without its
//! end. A handler that replaces a stock one must find the same number in the same bytes. Nothing else should use this.

use crate::c_number;

/// `MSG_FROM_HOST_BLOB_SIZE`: stock keeps one byte less.
const TEXT: usize = 256 * 1024 - 1;
/// `TAG_BUF_LEN`
const TAG: usize = 4096;
/// Buffer of a number's text.
const NUMBER: usize = 256;

/// The number in the first `<element>number</element>` that stock's parser recognises; none if there is none.
///
/// As stock's: `<element></element>` is 0; hexadecimal and infinite numbers are read; the number may be negative or
/// NaN. Only what stock makes of bytes that it has not written itself is not imitated. Source: `handle_trickle` in `sched/trickle_credit.cpp`, `XML_PARSER::parse_double` in `lib/parse.cpp`.
#[must_use]
pub fn stock_number(xml: &[u8], element: &str) -> Option<f64> {
    let mut scanner = Scanner { rest: xml.get(..TEXT).unwrap_or(xml) };
    let (start, end) = (element.as_bytes(), [b"/", element.as_bytes()].concat());
    while let Some(piece) = scanner.next(TAG) {
        if piece.text == start
            && let Some(number) = scanner.number(&end)
        {
            return Some(number);
        }
    }
    None
}

/// What was read: the inside of a tag, or text. Blank space at its ends is gone.
struct Piece {
    is_tag: bool,
    text: Vec<u8>,
}

struct Scanner<'a> {
    rest: &'a [u8],
}

/// What came of a tag.
enum Tag {
    Piece(Piece),
    Comment,
}

impl Scanner<'_> {
    /// The next byte; none at the end. NUL ends the text. 0xff is EOF in stock's signed char, but only once: what comes
    /// after it is read by the next call.
    fn byte(&mut self) -> Option<u8> {
        let (byte, rest) = self.rest.split_first().filter(|(byte, _)| **byte != 0)?;
        self.rest = rest;
        (*byte != 0xff).then_some(*byte)
    }

    /// The next tag or text within `room` bytes; none at the end, in an unfinished one, and when it is too long:
    /// what was read of it is gone.
    fn next(&mut self, room: usize) -> Option<Piece> {
        loop {
            let first = loop {
                let byte = self.byte()?;
                if !is_space(byte) {
                    break byte;
                }
            };
            if first != b'<' {
                return self.text(first, room);
            }
            match self.tag(room)? {
                Tag::Piece(piece) => return Some(piece),
                Tag::Comment => {}
            }
        }
    }

    /// Text up to the next `<`, which stays.
    fn text(&mut self, first: u8, room: usize) -> Option<Piece> {
        let mut text = vec![first];
        loop {
            if self.rest.first() == Some(&b'<') {
                return Some(Piece { is_tag: false, text: stripped(text) });
            }
            let byte = self.byte()?;
            if text.len() + 2 > room {
                return None;
            }
            text.push(byte);
        }
    }

    /// The inside of a tag, after its `<`: the name, without attributes but with any `/`.
    fn tag(&mut self, room: usize) -> Option<Tag> {
        let mut text = Vec::new();
        let mut found_space = false;
        for i in 0_usize.. {
            let byte = self.byte()?;
            if byte == b'>' {
                return Some(Tag::Piece(Piece { is_tag: true, text: stripped(text) }));
            }
            if is_space(byte) {
                found_space = true;
            } else if byte == b'/' || !found_space {
                if text.len() + 1 >= room {
                    return None;
                }
                text.push(byte);
            }
            if i == 2 && text.starts_with(b"!--") {
                self.until(b"-->", usize::MAX)?;
                return Some(Tag::Comment);
            }
            if i == 7 && text.starts_with(b"![CDATA[") {
                let text = self.until(b"]]>", room.saturating_sub(9))?;
                return Some(Tag::Piece(Piece { is_tag: false, text: stripped(text) }));
            }
        }
        None
    }

    /// What stands before `end`, which is skipped; none if it doesn't come within `room` bytes.
    fn until(&mut self, end: &[u8], room: usize) -> Option<Vec<u8>> {
        let mut text = Vec::new();
        loop {
            text.push(self.byte()?);
            if text.len() > room {
                // Stock reads on to the end of the text, and finds nothing.
                self.rest = &[];
                return None;
            }
            if text.ends_with(end) {
                text.truncate(text.len() - end.len());
                return Some(text);
            }
        }
    }

    /// The number after a start tag, and its end tag.
    fn number(&mut self, end: &[u8]) -> Option<f64> {
        let piece = self.next(NUMBER)?;
        if piece.is_tag {
            return (piece.text == end).then_some(0.0);
        }
        let number = c_number::double(&piece.text)?;
        let close = self.next(TAG)?;
        (close.is_tag && close.text == end).then_some(number)
    }
}

fn stripped(text: Vec<u8>) -> Vec<u8> {
    let from = text.iter().position(|byte| !is_space(*byte)).unwrap_or(text.len());
    let to = text.iter().rposition(|byte| !is_space(*byte)).map_or(from, |last| last + 1);
    text.get(from..to).map(<[u8]>::to_vec).unwrap_or_default()
}

/// The C locale's blank space.
fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t'..=b'\r')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn runtime(text: &str) -> Option<f64> {
        stock_number(text.as_bytes(), "runtime")
    }

    #[test]
    fn what_stock_reads() {
        for (text, number) in [
            ("<runtime>5564.500000</runtime>\n", 5564.5),
            ("<runtime>-5.000000</runtime>\n", -5.0),
            ("\n <result_name>a_0</result_name>\n <time>17</time>\n<runtime> 6 </runtime>", 6.0),
            ("<runtime></runtime>", 0.0),
            ("<runtime x='1'>7</runtime >", 7.0),
            ("<!-- <runtime>1</runtime> --><runtime>2</runtime>", 2.0),
            ("<runtime><![CDATA[ 3 ]]></runtime>", 3.0),
            ("<runtime>0x10</runtime>", 16.0),
            ("<runtime>inf</runtime>", f64::INFINITY),
            ("<runtime>0</runtime><runtime>5</runtime>", 0.0),
            ("<runtime>abc</runtime><runtime>5</runtime>", 5.0),
            ("a < b <runtime>4</runtime> <runtime>5</runtime>", 5.0),
            ("runtime<![CDATA[8]]></runtime>", 8.0),
            ("<runtime>\u{fc}</runtime><runtime>9</runtime>", 9.0),
        ] {
            assert_eq!(runtime(text), Some(number), "{text}");
        }
    }

    #[test]
    fn what_stock_does_not_read() {
        for text in [
            "",
            "\n",
            "garbage\n",
            "<runtime>\n",
            "<runtime>5",
            "<runtime>5</runtime",
            "<runtime>abc</runtime>\n",
            "<runtime>1e999</runtime>",
            "<runtime>5<b/></runtime>",
            "<runtime><runtime>5</runtime>",
            "<runtime/>",
            "<cpu_time>5</cpu_time>\n",
            "<Runtime>5</Runtime>",
            "<!-- <runtime>5</runtime>",
            "<x>\0<runtime>5</runtime>",
        ] {
            assert_eq!(runtime(text), None, "{text}");
        }
        assert_eq!(stock_number(b"\xff<runtime>5</runtime>", "runtime"), None);
        assert_eq!(stock_number(b"<runtime>1\xff<runtime>5</runtime>", "runtime"), Some(5.0));
        let long = format!("<runtime>5{}</runtime>", " ".repeat(300));
        assert_eq!(runtime(&long), None, "longer than stock's buffer");
        assert_eq!(runtime(&format!("{long}<runtime>6</runtime>")), Some(6.0));
        assert_eq!(runtime(&format!("<{}><runtime>6</runtime>", "x".repeat(5000))), None);
    }

    proptest! {
        #[test]
        fn no_bytes_panic_and_reading_ends(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let _ = stock_number(&bytes, "runtime");
        }

        #[test]
        fn a_number_in_its_element_is_found(before in "[a-z <>/]{0,40}", number in -1e9..1e9_f64) {
            let text = format!("{before}<runtime>{number:?}</runtime>");
            // A half-open tag before it swallows the start tag.
            if !before.contains('<') {
                prop_assert_eq!(runtime(&text), Some(number));
            } else {
                let _ = runtime(&text);
            }
        }
    }
}
