//! XML, by path.
//!
//! A record is the text of an element, `/run/mass`, or an attribute, `/run/mass@unit`; its values are the words in it.
//! The second element of a name is `/run/event[2]`, as in XPath; of several texts between the elements of one parent
//! the second is `/run#2`. An element without anything in it is a record without a value. White space, comments,
//! instructions, and whether a text is escaped or a CDATA section do not count.
//!
//! Entities other than XML's five and character references are malformed, as is a document type: so nothing expands.
//! Bounded: depth, the length of a path, what stands between two signs `<`, the memory for names of open elements. No
//! recursion.

mod piecewise;

use std::collections::{HashMap, HashSet, VecDeque};

use quick_xml::events::{BytesStart, Event};

use piecewise::Piecewise;

use super::json::LONGEST_PATH;
use super::{Cell, Format, Input, LONGEST_RECORD, Reader, Row, number, text_has_no_nan};
use crate::report::shown;
use crate::source::{Malformed, Trouble};

/// Deepest nesting that is read.
const DEEPEST: usize = 128;
/// Most memory for the names of children of open elements, in bytes: 64 MiB.
const NAMES: usize = 64 << 20;
/// What a name takes beside its characters, in bytes, about.
const NAME: usize = 64;

#[derive(Debug)]
pub(super) struct Xml;

impl Format for Xml {
    fn open(&self, input: Input) -> Box<dyn Reader> {
        Box::new(XmlReader {
            xml: quick_xml::Reader::from_reader(Piecewise { input, left: LONGEST_RECORD, line: 1 }),
            buffer: Vec::new(),
            path: Vec::new(),
            open: Vec::new(),
            names: 0,
            text: String::new(),
            ready: VecDeque::new(),
            has_root: false,
            line: 1,
        })
    }

    fn is_labelled(&self) -> bool {
        true
    }
}

/// An element that has begun.
struct Open {
    /// Length of the path to it.
    path: usize,
    /// How often each name was seen in it.
    children: HashMap<String, u64>,
    memory: usize,
    texts: u64,
    /// Whether a record was made of something in it.
    is_filled: bool,
}

struct Record {
    label: Vec<u8>,
    line: u64,
    words: String,
}

struct XmlReader {
    xml: quick_xml::Reader<Piecewise>,
    buffer: Vec<u8>,
    path: Vec<u8>,
    open: Vec<Open>,
    /// Memory that names of children take.
    names: usize,
    /// Since the last sign `<` of an element.
    text: String,
    ready: VecDeque<Record>,
    has_root: bool,
    /// Where the event began.
    line: u64,
}

impl XmlReader {
    fn fault(&self, what: impl Into<String>) -> Trouble {
        Malformed::Format { place: format!("line {}", self.line), what: what.into() }.into()
    }

    fn trouble(&self, error: &quick_xml::Error) -> Trouble {
        match error {
            quick_xml::Error::Io(error) => match error.get_ref().and_then(|inner| inner.downcast_ref()) {
                Some(malformed) => Malformed::clone(malformed).into(),
                None => Trouble::Io(std::io::Error::new(error.kind(), error.to_string())),
            },
            error => self.fault(shown(error.to_string().as_bytes())),
        }
    }

    /// Reads on until a record is ready; false at the end.
    fn event(&mut self) -> Result<bool, Trouble> {
        self.buffer.clear();
        let mut buffer = std::mem::take(&mut self.buffer);
        self.xml.get_mut().left = LONGEST_RECORD;
        self.line = self.xml.get_ref().line;
        let more = match self.xml.read_event_into(&mut buffer) {
            Err(error) => Err(self.trouble(&error)),
            Ok(event) => self.take(event),
        };
        self.buffer = buffer;
        more
    }

    fn take(&mut self, event: Event<'_>) -> Result<bool, Trouble> {
        match event {
            Event::Start(start) => self.begin(&start)?,
            Event::Empty(start) => {
                self.begin(&start)?;
                self.end()?;
            }
            Event::End(_) => self.end()?,
            Event::Text(text) => self.add(&text.xml10_content())?,
            Event::CData(text) => self.add(&text.xml10_content())?,
            Event::GeneralRef(reference) => {
                let escaped = format!("&{};", &*reference);
                let text = self.unescaped(&escaped)?;
                self.add(&text)?;
            }
            Event::DocType(_) => return Err(self.fault("a document type is not read")),
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) => {}
            Event::Eof => {
                if !self.open.is_empty() {
                    return Err(self.fault(format!("the content ends within {}", shown(&self.path))));
                }
                if !self.has_root {
                    return Err(self.fault("there is no element"));
                }
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn unescaped(&self, text: &str) -> Result<String, Trouble> {
        let unescaped = quick_xml::escape::unescape(text);
        unescaped.map(String::from).map_err(|error| self.fault(shown(error.to_string().as_bytes())))
    }

    fn add(&mut self, text: &str) -> Result<(), Trouble> {
        if self.open.is_empty() {
            let is_blank = text.trim_ascii().is_empty() || text == "\u{feff}";
            return if is_blank { Ok(()) } else { Err(self.fault("text stands outside of the element")) };
        }
        if self.text.len() + text.len() > LONGEST_RECORD {
            return Err(Malformed::LongLine { line: self.line, longest: LONGEST_RECORD }.into());
        }
        self.text.push_str(text);
        Ok(())
    }

    fn begin(&mut self, start: &BytesStart<'_>) -> Result<(), Trouble> {
        self.end_text();
        let name = start.name().into_inner().to_owned();
        if self.open.is_empty() && self.has_root {
            return Err(self.fault("a second element stands behind the first"));
        }
        self.has_root = true;
        self.check_name(&name)?;
        if self.open.len() >= DEEPEST {
            return Err(self.fault(format!("nested deeper than {DEEPEST}")));
        }
        let path = self.path.len();
        self.path.push(b'/');
        self.path.extend_from_slice(name.as_bytes());
        if let Some(parent) = self.open.last_mut() {
            parent.is_filled = true;
            let cost = name.len() + NAME;
            let count = parent.children.entry(name).or_insert_with(|| {
                parent.memory += cost;
                self.names += cost;
                0
            });
            *count += 1;
            if *count > 1 {
                self.path.extend_from_slice(format!("[{count}]").as_bytes());
            }
        }
        if self.names > NAMES {
            return Err(self.fault(format!("the names of elements take more than {NAMES} bytes")));
        }
        if self.path.len() > LONGEST_PATH {
            return Err(self.fault(format!("a path has more than {LONGEST_PATH} bytes")));
        }
        self.open.push(Open { path, children: HashMap::new(), memory: 0, texts: 0, is_filled: false });
        self.attributes(start)
    }

    /// Signs that have a meaning in a path are no part of a name; XML has it so.
    fn check_name(&self, name: &str) -> Result<(), Trouble> {
        if name.is_empty() || name.contains(['/', '[', '@', '#', '<', '&', '"', '\'', '=']) {
            return Err(self.fault(format!("{} is no name", shown(name.as_bytes()))));
        }
        Ok(())
    }

    fn attributes(&mut self, start: &BytesStart<'_>) -> Result<(), Trouble> {
        let mut seen = HashSet::new();
        // Its own check takes the square of their number.
        for attribute in start.attributes().with_checks(false) {
            let attribute = attribute.map_err(|error| self.fault(shown(error.to_string().as_bytes())))?;
            let key = attribute.key.into_inner();
            self.check_name(key)?;
            let label = [self.path.as_slice(), b"@", key.as_bytes()].concat();
            if label.len() > LONGEST_PATH {
                return Err(self.fault(format!("a path has more than {LONGEST_PATH} bytes")));
            }
            if !seen.insert(key.to_owned()) {
                return Err(Malformed::TwoKeys { line: self.line, key: shown(&label) }.into());
            }
            // Each label repeats the path.
            if seen.len() * (self.path.len() + NAME) > NAMES {
                return Err(self.fault(format!("the attributes of an element take more than {NAMES} bytes")));
            }
            let words = self.unescaped(&attribute.value)?;
            self.ready.push_back(Record { label, line: self.line, words });
        }
        if let Some(open) = self.open.last_mut() {
            open.is_filled = !seen.is_empty();
        }
        Ok(())
    }

    /// Makes a record of the text so far.
    fn end_text(&mut self) {
        let words = std::mem::take(&mut self.text);
        let Some(open) = self.open.last_mut().filter(|_| !words.trim_ascii().is_empty()) else { return };
        open.texts += 1;
        open.is_filled = true;
        let mut label = self.path.clone();
        if open.texts > 1 {
            label.extend_from_slice(format!("#{}", open.texts).as_bytes());
        }
        self.ready.push_back(Record { label, line: self.line, words });
    }

    fn end(&mut self) -> Result<(), Trouble> {
        self.end_text();
        let Some(open) = self.open.pop() else {
            return Err(self.fault("an element ends that has not begun"));
        };
        if !open.is_filled {
            self.ready.push_back(Record { label: self.path.clone(), line: self.line, words: String::new() });
        }
        self.names = self.names.saturating_sub(open.memory);
        self.path.truncate(open.path);
        Ok(())
    }
}

impl Reader for XmlReader {
    fn next(&mut self, row: &mut Row) -> Result<bool, Trouble> {
        row.begin(0);
        while self.ready.is_empty() {
            if !self.event()? {
                return Ok(false);
            }
        }
        if let Some(record) = self.ready.pop_front() {
            (row.label, row.line) = (record.label, record.line);
            for word in record.words.split_ascii_whitespace() {
                if !row.bytes.is_empty() {
                    row.bytes.push(b' ');
                }
                let begin = row.bytes.len();
                row.bytes.extend_from_slice(word.as_bytes());
                row.cells.push(Cell::new(number::meaning(word.as_bytes()), begin, row.bytes.len()));
            }
        }
        Ok(true)
    }

    fn split(&mut self, _row: &mut Row) {}

    fn has_no_nan(&self, bytes: &[u8]) -> bool {
        text_has_no_nan(bytes)
    }
}

#[cfg(test)]
mod tests;
