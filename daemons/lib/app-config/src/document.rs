//! A TOML text, read into a type, with mistakes that say where they are and what was probably meant.
//!
//! Generic: it learns the known keys from the type (see `keys`), so every section gets the same messages.

use serde::Deserialize;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::keys::Keys;
use crate::mistake::Mistake;
use crate::wording;

/// A parsed text, kept beside its value for the lines of its keys.
pub struct Document<'t> {
    text: &'t str,
    root: Spanned<DeTable<'t>>,
}

impl<'t> Document<'t> {
    /// Reads `text` as a `T`. All unknown keys are reported at once; after them the first wrong value.
    ///
    /// # Errors
    /// All mistakes of the first kind found.
    pub fn read<T>(text: &'t str) -> Result<(T, Self), Vec<Mistake>>
    where
        T: for<'de> Deserialize<'de>,
    {
        let root = DeTable::parse(text).map_err(|error| {
            vec![Mistake {
                subject: String::new(),
                line: error.span().map(|span| line_at(text, span.start)),
                message: wording::not_toml(error.message()),
            }]
        })?;
        let document = Self { text, root };
        let keys = Keys::of::<T>();
        let mut unknown = Vec::new();
        document.find_unknown(document.root.get_ref(), &keys, &keys, "", &mut unknown);
        if !unknown.is_empty() {
            return Err(unknown);
        }
        match toml::from_str::<T>(text) {
            Ok(value) => Ok((value, document)),
            Err(error) => Err(vec![document.wrong_value(&error)]),
        }
    }

    /// A mistake about `key`, as in `compare.absolute`, with its line if the text has that key.
    pub fn mistake(&self, key: &str, message: impl Into<String>) -> Mistake {
        Mistake { subject: wording::known_key(key), line: self.line_of(key), message: message.into() }
    }

    /// Whether the text has `key`.
    #[must_use]
    pub fn has(&self, key: &str) -> bool {
        self.line_of(key).is_some()
    }

    /// The line of a key. A number in it counts the tables of a list, from 0: `reports.1.variety`. Of a key that a
    /// table of a list lacks, the line of the table.
    fn line_of(&self, key: &str) -> Option<usize> {
        let mut place = Place::Table(self.root.get_ref());
        let mut line = None;
        for part in key.split('.') {
            match place {
                Place::Table(table) => {
                    let Some((name, value)) = table.iter().find(|(name, _)| name.get_ref() == part) else {
                        return line.filter(|_| key.split('.').any(is_number));
                    };
                    line = Some(line_at(self.text, name.span().start));
                    place = Place::Value(value);
                }
                Place::Value(value) => {
                    let index: usize = part.parse().ok()?;
                    let element = value.get_ref().as_array()?.get(index)?;
                    line = Some(line_at(self.text, element.span().start));
                    place = Place::Value(element);
                }
            }
            if let Place::Value(value) = place
                && let Some(table) = value.get_ref().as_table()
            {
                place = Place::Table(table);
            }
        }
        line
    }

    fn find_unknown(
        &self,
        table: &DeTable<'_>,
        known: &Keys,
        all: &Keys,
        section: &str,
        mistakes: &mut Vec<Mistake>,
    ) {
        if known.is_free() {
            return;
        }
        for (name, value) in table {
            let key = join(section, name.get_ref());
            match known.get(name.get_ref()) {
                Some(below) => self.find_unknown_in_value(value.get_ref(), below, all, &key, mistakes),
                None => mistakes.push(Mistake {
                    subject: wording::unknown_key(name.get_ref(), value.get_ref().is_table(), section),
                    line: Some(line_at(self.text, name.span().start)),
                    message: wording::hint(name.get_ref(), section, known, all),
                }),
            }
        }
        mistakes.sort_by_key(|mistake| mistake.line);
    }

    fn find_unknown_in_value(
        &self,
        value: &DeValue<'_>,
        known: &Keys,
        all: &Keys,
        key: &str,
        mistakes: &mut Vec<Mistake>,
    ) {
        if let Some(table) = value.as_table() {
            self.find_unknown(table, known, all, key, mistakes);
        }
        for element in value.as_array().into_iter().flatten() {
            self.find_unknown_in_value(element.get_ref(), known, all, key, mistakes);
        }
    }

    fn wrong_value(&self, error: &toml::de::Error) -> Mistake {
        let at = error.span().map(|span| span.start);
        let key = at.and_then(|at| key_at(self.root.get_ref(), at, ""));
        Mistake {
            subject: key.as_deref().map(wording::known_key).unwrap_or_default(),
            line: at.map(|at| line_at(self.text, at)),
            message: wording::wrong_value(error.message()),
        }
    }
}

/// Where a key leads.
#[derive(Clone, Copy)]
enum Place<'d> {
    Table(&'d DeTable<'d>),
    Value(&'d Spanned<DeValue<'d>>),
}

fn is_number(part: &str) -> bool {
    !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit())
}

fn join(section: &str, name: &str) -> String {
    if section.is_empty() { name.to_owned() } else { format!("{section}.{name}") }
}

/// The innermost key, or table of a list, as `reports.1`, whose name or value stands at this place of the text.
fn key_at(table: &DeTable<'_>, at: usize, section: &str) -> Option<String> {
    table.iter().find_map(|(name, value)| {
        let key = join(section, name.get_ref());
        let deeper = match value.get_ref() {
            DeValue::Table(table) => key_at(table, at, &key),
            DeValue::Array(elements) => elements.iter().enumerate().find_map(|(index, element)| {
                let table = element.get_ref().as_table()?;
                let key = join(&key, &index.to_string());
                key_at(table, at, &key).or_else(|| element.span().contains(&at).then_some(key))
            }),
            _ => None,
        };
        let here = name.span().contains(&at) || value.span().contains(&at);
        deeper.or_else(|| here.then_some(key))
    })
}

/// Number of the line, from 1, of a place in the text.
fn line_at(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|&byte| byte == b'\n').count() + 1
}
