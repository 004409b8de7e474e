//! Reading such a file as BOINC's own reader does, token by token.

use crate::dialect::Reader;
use crate::printable::printable;
use crate::xml::{Limits, fragment};

use super::{Known, Shape};

pub use crate::xml::XmlFault;

/// Largest file, in bytes.
const LARGEST: usize = 1 << 20;
const LIMITS: Limits = Limits { bytes: LARGEST, depth: 32, elements: 50_000, loose_ampersand: false };
/// Most elements that are kept, and most that are told as lost.
const MOST: usize = 10_000;

/// What a file says.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Document {
    /// Elements that its program takes, in their order.
    pub entries: Vec<Entry>,
    /// What it does not.
    pub lost: Vec<Lost>,
}

/// An element that counts.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// Its name.
    pub name: &'static str,
    /// Where it ends, from 1.
    pub line: usize,
    /// What it holds.
    pub content: Content,
}

/// What an element holds.
#[derive(Debug, Clone, PartialEq)]
#[allow(missing_docs, reason = "see Shape")]
pub enum Content {
    Text(String),
    Number(f64),
    Integer(i32),
    Flag(bool),
    Section(Vec<Entry>),
}

/// Something that has no effect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lost {
    /// The element, or the text; printable.
    pub name: String,
    /// Where, from 1.
    pub line: usize,
    /// The element around it.
    pub parent: &'static str,
    /// Why.
    pub why: Why,
}

/// Why something has no effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// Nobody knows an element of that name here.
    Unknown,
    /// The element is known, and what it holds can't be read.
    Value(Shape),
    /// Text between elements.
    Text,
    /// It stands there again, and the last one counts.
    Repeated,
}

/// A file can't be used at all.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReadFault {
    /// Larger than what is read.
    #[error("it has {bytes} bytes, at most {LARGEST} are read")]
    TooLong {
        /// Its size.
        bytes: usize,
    },
    /// It does not begin with the right element.
    #[error("it does not begin with <{root}>")]
    NoRoot {
        /// The right one.
        root: &'static str,
    },
    /// The end tag of an element is missing.
    #[error("<{element}> is not closed: </{element}> is missing")]
    NotClosed {
        /// Which.
        element: &'static str,
    },
    /// It is no XML.
    #[error("it is {0}")]
    Xml(#[from] XmlFault),
}

/// Whether it is XML, as PHP's reader wants it. BOINC's own reader is content with less.
///
/// # Errors
/// What is wrong.
pub fn well_formed(bytes: &[u8]) -> Result<(), ReadFault> {
    Ok(fragment(bytes, LIMITS).map(drop)?)
}

/// Reads a file whose root is `root` and whose elements are `known`.
///
/// # Errors
/// It has another root, or an element is not closed: its program then takes nothing of it.
pub fn read(bytes: &[u8], root: &'static str, known: &'static [Known]) -> Result<Document, ReadFault> {
    if bytes.len() > LARGEST {
        return Err(ReadFault::TooLong { bytes: bytes.len() });
    }
    let mut reader = Reader::new(bytes);
    let is_root = |reader: &mut Reader<'_>| reader.next() && reader.is_tag();
    let mut found = is_root(&mut reader);
    if found && reader.token().starts_with(b"?xml") {
        found = is_root(&mut reader);
    }
    if !found || reader.token() != root.as_bytes() {
        return Err(ReadFault::NoRoot { root });
    }
    let mut lost = Vec::new();
    let entries = section(&mut reader, root, known, &mut lost)?;
    Ok(Document { entries, lost })
}

fn section(
    reader: &mut Reader<'_>,
    name: &'static str,
    known: &'static [Known],
    lost: &mut Vec<Lost>,
) -> Result<Vec<Entry>, ReadFault> {
    let mut entries: Vec<Entry> = Vec::new();
    let lose = |what: &[u8], line: usize, why: Why, lost: &mut Vec<Lost>| {
        if lost.len() < MOST {
            let name_of = printable(&String::from_utf8_lossy(what), 80);
            lost.push(Lost { name: name_of, line, parent: name, why });
        }
    };
    // The end of an unknown element is no news.
    let mut unknown: Vec<Vec<u8>> = Vec::new();
    while reader.next() {
        let token = reader.token().to_vec();
        let line = reader.line();
        if !reader.is_tag() {
            // The text of an unknown element is lost with it.
            if unknown.is_empty() {
                lose(&token, line, Why::Text, lost);
            }
            continue;
        }
        if token.strip_prefix(b"/") == Some(name.as_bytes()) {
            return Ok(entries);
        }
        let bare = token.strip_suffix(b"/").unwrap_or(&token);
        let Some(element) = known.iter().find(|element| element.name.as_bytes() == bare) else {
            match token.strip_prefix(b"/") {
                Some(end) => {
                    if let Some(at) = unknown.iter().rposition(|open| open == end) {
                        unknown.truncate(at);
                    } else if !known.iter().any(|element| element.name.as_bytes() == end) {
                        lose(&token, line, Why::Unknown, lost);
                    }
                }
                None => {
                    lose(bare, line, Why::Unknown, lost);
                    if !token.ends_with(b"/") {
                        unknown.push(token.clone());
                    }
                }
            }
            continue;
        };
        let content = match element.shape {
            Shape::Text => reader
                .text(element.name)
                .map(|text| Content::Text(String::from_utf8_lossy(&text).into_owned())),
            Shape::Number => reader.double(element.name).map(Content::Number),
            Shape::Integer => reader.integer(element.name).map(Content::Integer),
            Shape::Flag => reader.boolean(element.name).map(Content::Flag),
            // An empty section is the start of none.
            Shape::Section(_) if token.ends_with(b"/") => None,
            Shape::Section(inside) => Some(Content::Section(section(reader, element.name, inside, lost)?)),
        };
        let Some(content) = content else {
            lose(bare, line, Why::Value(element.shape), lost);
            continue;
        };
        if entries.len() >= MOST {
            break;
        }
        if !element.many
            && let Some(before) = entries.iter().position(|entry| entry.name == element.name)
        {
            let before = entries.remove(before);
            if before.content != content {
                lose(before.name.as_bytes(), before.line, Why::Repeated, lost);
            }
        }
        entries.push(Entry { name: element.name, line: reader.line(), content });
    }
    Err(ReadFault::NotClosed { element: name })
}

/// Elements by name.
impl Document {
    /// The last text of that name; empty if there is none.
    #[must_use]
    pub fn text(&self, name: &str) -> &str {
        text(&self.entries, name)
    }

    /// All texts of that name.
    #[must_use]
    pub fn texts<'d>(&'d self, name: &str) -> Vec<&'d str> {
        texts(&self.entries, name)
    }

    /// The number of that name.
    #[must_use]
    pub fn number(&self, name: &str) -> Option<f64> {
        number(&self.entries, name)
    }

    /// Whether a flag of that name is set.
    #[must_use]
    pub fn flag(&self, name: &str) -> bool {
        flag(&self.entries, name)
    }

    /// All sections of that name.
    #[must_use]
    pub fn sections<'d>(&'d self, name: &str) -> Vec<&'d [Entry]> {
        self.entries
            .iter()
            .filter(|entry| entry.name == name)
            .filter_map(|entry| match &entry.content {
                Content::Section(entries) => Some(entries.as_slice()),
                _ => None,
            })
            .collect()
    }
}

/// The last text of that name among these; empty if there is none.
#[must_use]
pub fn text<'e>(entries: &'e [Entry], name: &str) -> &'e str {
    texts(entries, name).last().copied().unwrap_or_default()
}

/// All texts of that name among these.
#[must_use]
pub fn texts<'e>(entries: &'e [Entry], name: &str) -> Vec<&'e str> {
    entries
        .iter()
        .filter(|entry| entry.name == name)
        .filter_map(|entry| match &entry.content {
            Content::Text(text) => Some(text.as_str()),
            _ => None,
        })
        .collect()
}

/// The number of that name among these.
#[must_use]
pub fn number(entries: &[Entry], name: &str) -> Option<f64> {
    entries.iter().rev().find(|entry| entry.name == name).and_then(|entry| match entry.content {
        Content::Number(number) => Some(number),
        Content::Integer(number) => Some(number.into()),
        _ => None,
    })
}

/// Whether a flag of that name among these is set.
#[must_use]
pub fn flag(entries: &[Entry], name: &str) -> bool {
    entries
        .iter()
        .rev()
        .find(|entry| entry.name == name)
        .is_some_and(|entry| entry.content == Content::Flag(true))
}

#[cfg(test)]
mod tests {
    use super::super::known;
    use super::*;
    use proptest::prelude::*;

    fn vbox(text: &str) -> Document {
        read(text.as_bytes(), "vbox_job", known::VBOX_JOB).unwrap()
    }

    fn lost(text: &str) -> Vec<(String, usize, Why)> {
        vbox(text).lost.into_iter().map(|lost| (lost.name, lost.line, lost.why)).collect()
    }

    #[test]
    fn a_misspelt_element_is_told_with_its_line() {
        let text = "<vbox_job>\n<memory_size_mb>2048</memory_size_mb>\n<enable_netwrok/>\n<enable_shared_dir>1</enable_shared_dir>\n</vbox_job>";
        assert_eq!(
            lost(text),
            [
                ("enable_netwrok".to_owned(), 3, Why::Unknown),
                ("enable_shared_dir".to_owned(), 4, Why::Unknown)
            ]
        );
        let job = vbox(text);
        assert_eq!((job.number("memory_size_mb"), job.flag("enable_network")), (Some(2048.0), false));
    }

    #[test]
    fn a_value_that_can_t_be_read_is_lost_too() {
        let text = "<vbox_job><memory_size_mb>2 GB</memory_size_mb><enable_network>true</enable_network>\
                    <os_name><b/></os_name></vbox_job>";
        let names: Vec<(String, Why)> = lost(text).into_iter().map(|(name, _, why)| (name, why)).collect();
        assert!(names.contains(&("memory_size_mb".to_owned(), Why::Value(Shape::Number))), "{names:?}");
        assert!(names.contains(&("enable_network".to_owned(), Why::Value(Shape::Flag))), "{names:?}");
        assert!(names.contains(&("os_name".to_owned(), Why::Value(Shape::Text))), "{names:?}");
        let repeated = lost("<vbox_job><os_name>a</os_name>\n<os_name>b</os_name></vbox_job>");
        assert_eq!(repeated, [("os_name".to_owned(), 1, Why::Repeated)]);
        assert_eq!(lost("<vbox_job>\nhello <boot_iso/></vbox_job>"), [("hello".to_owned(), 2, Why::Text)]);
    }

    #[test]
    fn sections_and_lists() {
        let job = vbox(
            "<?xml version=\"1.0\"?>\n<vbox_job><copy_to_shared>a</copy_to_shared><copy_to_shared>b</copy_to_shared>\
             <port_forward><host_port>1</host_port><guest_port>80</guest_port></port_forward></vbox_job>",
        );
        assert_eq!(job.lost, []);
        assert_eq!(job.texts("copy_to_shared"), ["a", "b"]);
        let ports = job.sections("port_forward");
        assert_eq!((ports.len(), number(ports[0], "guest_port")), (1, Some(80.0)));
    }

    #[test]
    fn what_can_t_be_used_is_refused() {
        let fault = |text: &str| read(text.as_bytes(), "vbox_job", known::VBOX_JOB).unwrap_err();
        assert_eq!(fault(""), ReadFault::NoRoot { root: "vbox_job" });
        assert_eq!(fault("<job/>"), ReadFault::NoRoot { root: "vbox_job" });
        assert_eq!(fault("<vbox_job><boot_iso/>"), ReadFault::NotClosed { element: "vbox_job" });
        assert_eq!(
            fault("<vbox_job><port_forward></vbox_job>"),
            ReadFault::NotClosed { element: "port_forward" }
        );
        assert!(well_formed(b"<a><b></a>").is_err() && well_formed(b"<a><b/></a>").is_ok());
    }

    proptest! {
        #[test]
        fn no_bytes_panic(
            text in "(<vbox_job>|</vbox_job>|<port_forward>|</port_forward>|<host_port>|<boot_iso/>|<x>|</x>|1|a|<| |\n|é|/|>){0,40}",
            bytes in proptest::collection::vec(any::<u8>(), 0..200)
        ) {
            for input in [format!("<vbox_job>{text}").as_bytes(), text.as_bytes(), &bytes] {
                if let Ok(document) = read(input, "vbox_job", known::VBOX_JOB) {
                    let lines = input.iter().filter(|byte| **byte == b'\n').count() + 1;
                    prop_assert!(document.lost.iter().all(|lost| (1..=lines).contains(&lost.line)));
                }
                let _ = well_formed(input);
            }
        }
    }
}
