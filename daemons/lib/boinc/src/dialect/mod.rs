//! The dialect of XML in which administrators' templates are read.
//!
//! BOINC's reader accepts things that XML does not: missing end tags, `&` alone, attributes with any bytes in
//! them, numbers that fall through and are copied as text. Templates in use rely on it, and what comes out of
//! them is stored and sent byte for byte. So this one dialect has its own reader here; every other document
//! goes through [`crate::xml`].
//!
//! The rules, as observed from the stock programs:
//! - A tag runs from `<` to the next `>`. Its token is what stands before the first blank; of the rest only
//!   the `/` characters are kept. So `<a b="c/d" />` has the token `a//`.
//! - Text runs to the next `<` and is trimmed; the end of input inside a text is the end of everything.
//! - `<!-- … -->` is skipped; `<![CDATA[ … ]]>` is a text.
//! - A typed element (text, number, boolean) that turns out not to be one stays half-read, and the caller
//!   copies the rest of it.
//! - NUL ends the input; byte 0xFF reads as an end of input that can be read past.
//!
//! Invariant: no input panics; every call moves forward, so reading ends.

mod text;

use crate::c_number;
use text::{is_space, trim, unescape};

pub(crate) use text::{escape, find};

/// Longest tag or text between two reads, in bytes, plus one.
const TOKEN_ROOM: usize = 4096;
/// Tokens are cut here.
const TOKEN_CUT: usize = TOKEN_ROOM - 10;
/// Longest text of a string element, plus one.
pub(crate) const STRING_ROOM: usize = 262_144;
/// Longest text of a file name, plus one.
pub(crate) const NAME_ROOM: usize = 256;
/// Longest text of a number, plus one.
const NUMBER_ROOM: usize = 256;
/// Longest copied element, after its start tag, plus one.
const ELEMENT_ROOM: usize = 65_536;
/// Longest name that is compared in an end tag of a copied element.
const END_TAG_NAME: usize = 256;

/// An element to be copied has no end tag, is too long, or is no start tag at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Malformed;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Tag,
    Text,
    CData,
}

/// Reads a template token by token.
pub(crate) struct Reader<'a> {
    input: &'a [u8],
    at: usize,
    token: Vec<u8>,
    is_tag: bool,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(input: &'a [u8]) -> Self {
        Self { input, at: 0, token: Vec::new(), is_tag: false }
    }

    /// Moves to the next tag or text; false at the end of input, or where a token is too long.
    pub(crate) fn next(&mut self) -> bool {
        let mut token = Vec::new();
        let kind = self.lex(TOKEN_ROOM, &mut token);
        token.truncate(TOKEN_CUT);
        self.token = token;
        if let Some(kind) = kind {
            self.is_tag = kind == Kind::Tag;
        }
        kind.is_some()
    }

    /// The last token.
    pub(crate) fn token(&self) -> &[u8] {
        &self.token
    }

    /// The line, from 1, on which reading goes on.
    pub(crate) fn line(&self) -> usize {
        let read = self.input.get(..self.at).unwrap_or(self.input);
        read.iter().filter(|byte| **byte == b'\n').count() + 1
    }

    /// The last token was a tag, not a text.
    pub(crate) fn is_tag(&self) -> bool {
        self.is_tag
    }

    /// The last token is this one (`name`, `/name` or `name/`).
    pub(crate) fn at(&self, token: &str) -> bool {
        self.token == token.as_bytes()
    }

    /// If the last token opens string element `name`: reads its text, unescaped, into `out`.
    /// On false `out` may hold what was read before it turned out to be something else or too long.
    pub(crate) fn text_into(&mut self, name: &str, room: usize, out: &mut Vec<u8>) -> bool {
        if self.at_empty(name) {
            out.clear();
            return true;
        }
        if !self.at(name) {
            return false;
        }
        out.clear();
        match self.lex(room, out) {
            None => false,
            Some(Kind::Tag) => {
                let closes = is_end(out, name);
                if closes {
                    out.clear();
                }
                closes
            }
            Some(kind) => {
                let closes = self.end_tag(name);
                if closes && kind == Kind::Text {
                    *out = unescape(out);
                }
                closes
            }
        }
    }

    /// If the last token opens string element `name`: its text.
    pub(crate) fn text(&mut self, name: &str) -> Option<Vec<u8>> {
        let mut out = Vec::new();
        self.text_into(name, STRING_ROOM, &mut out).then_some(out)
    }

    /// If the last token opens integer element `name`: its value, cut to 32 bits; an empty element is 0.
    pub(crate) fn integer(&mut self, name: &str) -> Option<i32> {
        match self.number(name)? {
            None => Some(0),
            Some(text) => {
                let value = c_number::integer_any_base(&text)?;
                self.end_tag(name).then_some(c_number::low_32_bits(value))
            }
        }
    }

    /// If the last token opens floating-point element `name`: its value; an empty element is 0.
    pub(crate) fn double(&mut self, name: &str) -> Option<f64> {
        match self.number(name)? {
            None => Some(0.0),
            Some(text) => {
                let value = c_number::double(&text)?;
                self.end_tag(name).then_some(value)
            }
        }
    }

    /// If the last token is boolean element `name`: its value; `<name/>` is true.
    pub(crate) fn boolean(&mut self, name: &str) -> Option<bool> {
        if self.at_empty(name) {
            return Some(true);
        }
        let text = self.number(name)??;
        let value = c_number::integer_any_base(&text)?;
        self.end_tag(name).then_some(value != 0)
    }

    /// Copies the element that the last token opens: its tag without attributes, its content trimmed but
    /// otherwise as it stands, and its end tag.
    pub(crate) fn copy_element(&mut self) -> Result<Vec<u8>, Malformed> {
        let mut out = vec![b'<'];
        out.extend_from_slice(&self.token);
        out.push(b'>');
        if self.token.ends_with(b"/") {
            return Ok(out);
        }
        if self.token.contains(&b'/') {
            return Err(Malformed);
        }
        let mut end = b"</".to_vec();
        end.extend(self.token.iter().take(END_TAG_NAME));
        end.push(b'>');
        let rest = self.input.get(self.at..).unwrap_or_default();
        let rest = rest.get(..ELEMENT_ROOM - 1).unwrap_or(rest);
        let readable = rest.iter().position(|byte| matches!(byte, 0 | 0xff)).unwrap_or(rest.len());
        let rest = rest.get(..readable).unwrap_or_default();
        let length = find(rest, &end).ok_or(Malformed)?;
        self.at += length + end.len();
        out.extend_from_slice(trim(rest.get(..length).unwrap_or_default()));
        out.extend_from_slice(&end);
        Ok(out)
    }

    /// The text of a number; `Some(None)` if the element is empty; none if it isn't this element or no text.
    fn number(&mut self, name: &str) -> Option<Option<Vec<u8>>> {
        if !self.at(name) {
            return None;
        }
        let mut text = Vec::new();
        match self.lex(NUMBER_ROOM, &mut text)? {
            Kind::Tag if is_end(&text, name) => Some(None),
            Kind::Tag => None,
            Kind::Text | Kind::CData => Some(Some(text)),
        }
    }

    fn at_empty(&self, name: &str) -> bool {
        self.token.strip_suffix(b"/") == Some(name.as_bytes())
    }

    fn end_tag(&mut self, name: &str) -> bool {
        let mut token = Vec::new();
        self.lex(TOKEN_ROOM, &mut token) == Some(Kind::Tag) && is_end(&token, name)
    }

    fn byte(&mut self) -> Option<u8> {
        match self.input.get(self.at).copied() {
            None | Some(0) => None,
            Some(0xff) => {
                self.at += 1;
                None
            }
            byte => {
                self.at += 1;
                byte
            }
        }
    }

    /// The next tag or text of fewer than `room` bytes, trimmed.
    fn lex(&mut self, room: usize, out: &mut Vec<u8>) -> Option<Kind> {
        loop {
            let first = loop {
                let byte = self.byte()?;
                if !is_space(byte) {
                    break byte;
                }
            };
            out.clear();
            let kind = if first == b'<' {
                match self.tag(room, out)? {
                    Some(kind) => kind,
                    None => continue,
                }
            } else {
                out.push(first);
                self.rest_of_text(room, out)?;
                Kind::Text
            };
            *out = trim(out).to_vec();
            return Some(kind);
        }
    }

    fn rest_of_text(&mut self, room: usize, out: &mut Vec<u8>) -> Option<()> {
        loop {
            let byte = self.byte()?;
            if byte == b'<' {
                self.at -= 1;
                return Some(());
            }
            if out.len() + 1 >= room {
                return None;
            }
            out.push(byte);
        }
    }

    /// After `<`: a tag or a CDATA block; `Some(None)` after a comment.
    fn tag(&mut self, room: usize, out: &mut Vec<u8>) -> Option<Option<Kind>> {
        let mut blank = false;
        for read in 1_usize.. {
            let byte = self.byte()?;
            if byte == b'>' {
                return Some(Some(Kind::Tag));
            }
            if is_space(byte) {
                blank = true;
            } else if byte == b'/' || !blank {
                if out.len() + 1 >= room {
                    return None;
                }
                out.push(byte);
            }
            if read == 3 && out == b"!--" {
                return self.comment().map(|()| None);
            }
            if read == 8 && out == b"![CDATA[" {
                return self.cdata(room.saturating_sub(out.len() + 1), out).map(|()| Some(Kind::CData));
            }
        }
        None
    }

    fn comment(&mut self) -> Option<()> {
        let mut dashes = 0;
        loop {
            match self.byte()? {
                b'-' => dashes += 1,
                b'>' if dashes >= 2 => return Some(()),
                _ => dashes = 0,
            }
        }
    }

    /// What doesn't fit in `room` is lost, the end of the block too.
    fn cdata(&mut self, room: usize, out: &mut Vec<u8>) -> Option<()> {
        out.clear();
        loop {
            let byte = self.byte()?;
            if out.len() < room {
                out.push(byte);
                if byte == b'>' && out.ends_with(b"]]>") {
                    out.truncate(out.len() - 3);
                    return Some(());
                }
            }
        }
    }
}

fn is_end(token: &[u8], name: &str) -> bool {
    token.strip_prefix(b"/") == Some(name.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn tokens(input: &str) -> Vec<String> {
        let mut reader = Reader::new(input.as_bytes());
        let mut out = Vec::new();
        while reader.next() {
            out.push(String::from_utf8_lossy(&reader.token).into_owned());
        }
        out
    }

    #[test]
    fn tags_lose_their_attributes_but_not_their_slashes() {
        assert_eq!(tokens("<a>x y </a><b /><c d=\"e/f\" />z<"), ["a", "x y", "/a", "b/", "c//", "z"]);
        assert_eq!(tokens("<?xml version=\"1.0\"?><a><!-- <b> -- --></a>"), ["?xml", "a", "/a"]);
        assert_eq!(tokens("<![CDATA[ <a> ]] > ]]></b>"), ["<a> ]] >", "/b"]);
        assert_eq!(tokens("<a>\0<b>"), ["a"]);
        assert_eq!(tokens("trailing text"), Vec::<String>::new());
    }

    #[test]
    fn typed_elements() {
        let read = |input: &str| {
            let mut reader = Reader::new(input.as_bytes());
            assert!(reader.next());
            reader.text("a")
        };
        assert_eq!(read("<a> x &lt;&#65;&amp;lt;&unknown; </a>").unwrap(), b"x <A&lt;&unknown;");
        assert_eq!(read("<a/>").unwrap(), b"");
        assert_eq!(read("<a></a>").unwrap(), b"");
        assert_eq!(read("<a><![CDATA[&lt;]]></a>").unwrap(), b"&lt;");
        assert_eq!(read("<a>x<b/></a>"), None);
        assert_eq!(read("<b>x</b>"), None);
        let number = |input: &str| {
            let mut reader = Reader::new(input.as_bytes());
            reader.next();
            (
                reader.integer("a"),
                {
                    let mut again = Reader::new(input.as_bytes());
                    again.next();
                    again.double("a")
                },
                {
                    let mut again = Reader::new(input.as_bytes());
                    again.next();
                    again.boolean("a")
                },
            )
        };
        assert_eq!(number("<a>12</a>"), (Some(12), Some(12.0), Some(true)));
        assert_eq!(number("<a>0</a>"), (Some(0), Some(0.0), Some(false)));
        assert_eq!(number("<a></a>"), (Some(0), Some(0.0), None));
        assert_eq!(number("<a/>"), (None, None, Some(true)));
        assert_eq!(number("<a>x</a>"), (None, None, None));
        assert_eq!(number("<a>1e3</a>"), (None, Some(1000.0), None));
    }

    #[test]
    fn elements_are_copied_with_their_content_trimmed() {
        let copy = |input: &str| {
            let mut reader = Reader::new(input.as_bytes());
            assert!(reader.next());
            reader.copy_element().map(|copied| String::from_utf8(copied).unwrap())
        };
        assert_eq!(copy("<a b=\"c\">\n x <d/> &lt;\n</a>rest").unwrap(), "<a>x <d/> &lt;</a>");
        assert_eq!(copy("<a />").unwrap(), "<a/>");
        assert_eq!(copy("<a>x</b>"), Err(Malformed));
        assert_eq!(copy("</a>"), Err(Malformed));
        assert_eq!(copy(&format!("<a>{}</a>", "x".repeat(65_532))), Err(Malformed));
        assert!(copy(&format!("<a>{}</a>", "x".repeat(65_531))).is_ok());
    }

    #[test]
    fn overlong_tokens_end_the_reading() {
        assert_eq!(tokens(&format!("<{}>", "x".repeat(4096))).len(), 0);
        assert_eq!(tokens(&format!("<{}>", "x".repeat(4095)))[0].len(), TOKEN_CUT);
    }

    proptest! {
        #[test]
        fn nothing_panics_and_reading_ends(text in "[<>/!\\[\\]CDATA&;#=\"a-c0-9 \n\0-]{0,200}", bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            for input in [text.as_bytes(), &bytes[..]] {
                let mut reader = Reader::new(input);
                let mut steps = 0;
                while reader.next() {
                    steps += 1;
                    prop_assert!(steps <= input.len());
                    let mut out = Vec::new();
                    let _ = reader.text_into("a", NAME_ROOM, &mut out) || reader.integer("b").is_some()
                        || reader.double("c").is_some() || reader.boolean("a").is_some() || reader.copy_element().is_ok();
                }
            }
        }
    }
}
