//! Fragments of XML with several roots, read into a small tree, within limits.
//!
//! BOINC stores and sends fragments, not whole documents. Attributes carry nothing in BOINC and are skipped.
//! Invariant: whatever the bytes, reading ends after one pass over at most `Limits::bytes`, makes at most
//! `Limits::elements` elements no deeper than `Limits::depth`, and never expands an entity that is not one of
//! XML's five or a character reference. A document type declaration is refused, so there is no entity bomb.

use quick_xml::events::{BytesStart, Event};
use quick_xml::reader::Reader;

use crate::printable::printable;

/// How much of a document is accepted, and how strictly it is read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// Size of the whole document.
    pub(crate) bytes: usize,
    /// Open elements at one time.
    pub(crate) depth: usize,
    /// Elements in all.
    pub(crate) elements: usize,
    /// An `&` that begins no entity stands for itself, as BOINC's own reader has it (URLs in templates).
    pub(crate) loose_ampersand: bool,
}

/// One element: its name, its own text (trimmed of nothing), and the elements in it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Element {
    pub(crate) name: String,
    pub(crate) text: String,
    pub(crate) children: Vec<Element>,
}

impl Element {
    /// Holds no other element.
    pub(crate) fn is_leaf(&self) -> bool {
        self.children.is_empty()
    }

    /// The text without blank space at its ends.
    pub(crate) fn trimmed(&self) -> &str {
        self.text.trim()
    }

    /// The children of that name.
    pub(crate) fn named<'a>(&'a self, name: &'a str) -> impl DoubleEndedIterator<Item = &'a Element> {
        self.children.iter().filter(move |child| child.name == name)
    }
}

/// Why a document can't be read. The text is one short printable line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum XmlFault {
    /// Larger than what is accepted.
    #[error("{bytes} bytes long, at most {limit} are accepted")]
    TooLong {
        /// Size of the document.
        bytes: usize,
        /// What is accepted.
        limit: usize,
    },
    /// Not UTF-8.
    #[error("not UTF-8 at byte {at}")]
    NotUtf8 {
        /// Offset of the first bad byte.
        at: usize,
    },
    /// A character that XML forbids, such as NUL.
    #[error("forbidden character {code:#04x} at byte {at}")]
    Forbidden {
        /// The character's number.
        code: u32,
        /// Offset in bytes.
        at: usize,
    },
    /// Elements in elements in elements …
    #[error("more than {limit} elements inside one another")]
    TooDeep {
        /// What is accepted.
        limit: usize,
    },
    /// Too many elements.
    #[error("more than {limit} elements")]
    TooMany {
        /// What is accepted.
        limit: usize,
    },
    /// `<!DOCTYPE …>`
    #[error("a document type declaration, which is not accepted")]
    Doctype,
    /// `&name;` that is not one of XML's five, nor a character.
    #[error("unknown entity &{name};")]
    Entity {
        /// The name, made printable.
        name: String,
    },
    /// The document ends inside an element.
    #[error("ends inside <{name}>: cut off?")]
    Unclosed {
        /// The innermost open element, made printable.
        name: String,
    },
    /// Anything else.
    #[error("broken XML near byte {at}: {what}")]
    Syntax {
        /// Offset in bytes.
        at: u64,
        /// What is wrong, made printable.
        what: String,
    },
}

/// Reads a fragment. Text between the roots is skipped.
pub(crate) fn fragment(bytes: &[u8], limits: Limits) -> Result<Vec<Element>, XmlFault> {
    if bytes.len() > limits.bytes {
        return Err(XmlFault::TooLong { bytes: bytes.len(), limit: limits.bytes });
    }
    let text = std::str::from_utf8(bytes).map_err(|error| XmlFault::NotUtf8 { at: error.valid_up_to() })?;
    if let Some((at, c)) = text.char_indices().find(|(_, c)| is_forbidden(*c)) {
        return Err(XmlFault::Forbidden { code: c.into(), at });
    }
    let mut reader = Reader::from_str(text);
    reader.config_mut().allow_dangling_amp = limits.loose_ampersand;
    let mut tree = Tree { roots: Vec::new(), open: Vec::new(), elements: 0, limits };
    loop {
        let event = reader.read_event().map_err(|error| XmlFault::Syntax {
            at: reader.error_position(),
            what: printable(&error.to_string(), 120),
        })?;
        match event {
            Event::Start(start) => tree.start(&start)?,
            Event::Empty(start) => {
                tree.start(&start)?;
                tree.end();
            }
            Event::End(_) => tree.end(),
            Event::Text(text) => tree.text(&text.xml10_content()),
            Event::CData(text) => tree.text(&text.xml10_content()),
            Event::GeneralRef(reference) => tree.reference(&reference.into_inner())?,
            Event::DocType(_) => return Err(XmlFault::Doctype),
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) => {}
            Event::Eof => break,
        }
    }
    match tree.open.pop() {
        Some(open) => Err(XmlFault::Unclosed { name: printable(&open.name, 60) }),
        None => Ok(tree.roots),
    }
}

/// Characters that no XML document may hold.
fn is_forbidden(c: char) -> bool {
    matches!(c, '\0'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}')
}

struct Tree {
    roots: Vec<Element>,
    open: Vec<Element>,
    elements: usize,
    limits: Limits,
}

impl Tree {
    fn start(&mut self, start: &BytesStart<'_>) -> Result<(), XmlFault> {
        self.elements += 1;
        if self.elements > self.limits.elements {
            return Err(XmlFault::TooMany { limit: self.limits.elements });
        }
        if self.open.len() >= self.limits.depth {
            return Err(XmlFault::TooDeep { limit: self.limits.depth });
        }
        self.open.push(Element { name: start.name().into_inner().to_owned(), ..Element::default() });
        Ok(())
    }

    fn end(&mut self) {
        if let Some(done) = self.open.pop() {
            match self.open.last_mut() {
                Some(parent) => parent.children.push(done),
                None => self.roots.push(done),
            }
        }
    }

    fn text(&mut self, text: &str) {
        if let Some(open) = self.open.last_mut() {
            open.text.push_str(text);
        }
    }

    fn reference(&mut self, name: &str) -> Result<(), XmlFault> {
        let resolved = match name.strip_prefix('#') {
            Some(number) => character(number),
            None => named_entity(name),
        };
        match resolved {
            Some(c) => self.text(c.encode_utf8(&mut [0; 4])),
            None if self.limits.loose_ampersand => {
                self.text("&");
                self.text(name);
                self.text(";");
            }
            None => return Err(XmlFault::Entity { name: printable(name, 40) }),
        }
        Ok(())
    }
}

fn named_entity(name: &str) -> Option<char> {
    match name {
        "lt" => Some('<'),
        "gt" => Some('>'),
        "amp" => Some('&'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        _ => None,
    }
}

/// `65` or `x41`; none for what XML forbids.
fn character(number: &str) -> Option<char> {
    let (digits, radix) = match number.strip_prefix(['x', 'X']) {
        Some(hex) => (hex, 16),
        None => (number, 10),
    };
    if !digits.starts_with(|c: char| c.is_digit(radix)) {
        return None;
    }
    u32::from_str_radix(digits, radix).ok().and_then(char::from_u32).filter(|c| !is_forbidden(*c))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const LIMITS: Limits = Limits { bytes: 4096, depth: 4, elements: 10, loose_ampersand: false };

    #[test]
    fn several_roots_entities_and_cdata() {
        let roots = fragment(b"\n <a>1 &lt; &#50;</a> x <b><c/><![CDATA[<&>]]></b>", LIMITS).unwrap();
        assert_eq!(roots.len(), 2);
        assert_eq!(roots[0].text, "1 < 2");
        assert_eq!(roots[1].text, "<&>");
        assert_eq!(roots[1].children[0].name, "c");
    }

    #[test]
    fn limits_and_faults_are_named() {
        let fault = |text: &[u8]| fragment(text, LIMITS).unwrap_err();
        assert_eq!(fault(b"<a><b><c><d><e>"), XmlFault::TooDeep { limit: 4 });
        assert_eq!(fault(&b"<a/>".repeat(11)), XmlFault::TooMany { limit: 10 });
        assert_eq!(fault(&[b' '; 5000]), XmlFault::TooLong { bytes: 5000, limit: 4096 });
        assert_eq!(fault(b"<a>\xff</a>"), XmlFault::NotUtf8 { at: 3 });
        assert_eq!(fault(b"<a>\0</a>"), XmlFault::Forbidden { code: 0, at: 3 });
        assert_eq!(fault(b"<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>"), XmlFault::Doctype);
        assert_eq!(fault(b"<a>&b;</a>"), XmlFault::Entity { name: "b".into() });
        assert_eq!(fault(b"<a>&#0;</a>"), XmlFault::Entity { name: "#0".into() });
        assert_eq!(fault(b"<a><b>"), XmlFault::Unclosed { name: "b".into() });
        assert!(matches!(fault(b"<a></b>"), XmlFault::Syntax { .. }));
        assert!(matches!(fault(b"<a>x & y</a>"), XmlFault::Syntax { .. }));
        assert!(matches!(fault(b"</a>"), XmlFault::Syntax { .. }));
    }

    #[test]
    fn a_loose_ampersand_stands_for_itself() {
        let roots =
            fragment(b"<u>http://x/?a=1&b=2&c;</u>", Limits { loose_ampersand: true, ..LIMITS }).unwrap();
        assert_eq!(roots[0].text, "http://x/?a=1&b=2&c;");
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300), loose in any::<bool>()) {
            let _ = fragment(&bytes, Limits { loose_ampersand: loose, ..LIMITS });
        }

        #[test]
        fn no_markup_panics(text in "[<>/!?&;#x\\[\\]a-cCDAT='\" -]{0,80}", loose in any::<bool>()) {
            let _ = fragment(text.as_bytes(), Limits { loose_ampersand: loose, ..LIMITS });
        }
    }
}
