//! Which keys a configuration type knows, found by asking the type.
//!
//! serde's derived code names the fields of a struct when it deserializes one. The probe here follows a path of
//! fields, notes the names at its end and stops there with an error. So a new section or key needs no list that
//! somebody could forget to extend.
//!
//! Limits: `#[serde(flatten)]`, untagged and tagged enums hide their fields from the probe; their keys are then
//! checked by `deny_unknown_fields` alone.

use std::cell::Cell;
use std::fmt;

use serde::de::value::BorrowedStrDeserializer;
use serde::de::{self, Deserialize, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

/// Deepest nesting of sections that is looked at.
const DEEPEST: usize = 16;

/// The known keys of a section. A key without known keys of its own is a value, or a table with free keys.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Keys {
    known: Vec<(&'static str, Keys)>,
}

impl Keys {
    /// The keys that `T` knows.
    pub(crate) fn of<T: for<'de> Deserialize<'de>>() -> Self {
        Self::below::<T>(&mut Vec::new())
    }

    fn below<T: for<'de> Deserialize<'de>>(path: &mut Vec<&'static str>) -> Self {
        if path.len() >= DEEPEST {
            return Self::default();
        }
        let mut known = Vec::new();
        for &field in fields_at::<T>(path) {
            path.push(field);
            known.push((field, Self::below::<T>(path)));
            path.pop();
        }
        Self { known }
    }

    /// Whether any key is accepted here, as far as is known.
    pub(crate) fn is_free(&self) -> bool {
        self.known.is_empty()
    }

    /// What is known below `key`.
    pub(crate) fn get(&self, key: &str) -> Option<&Self> {
        self.known.iter().find(|(known, _)| *known == key).map(|(_, below)| below)
    }

    /// The keys of this section, without those below.
    pub(crate) fn names(&self) -> impl Iterator<Item = &'static str> {
        self.known.iter().map(|(known, _)| *known)
    }

    /// Every key with its path, as in `compare.absolute`.
    pub(crate) fn paths(&self) -> Vec<String> {
        let mut paths = Vec::new();
        for (name, below) in &self.known {
            paths.push((*name).to_owned());
            paths.extend(below.paths().into_iter().map(|path| format!("{name}.{path}")));
        }
        paths
    }
}

fn fields_at<T: for<'de> Deserialize<'de>>(path: &[&'static str]) -> &'static [&'static str] {
    let found = Cell::new(&[][..]);
    // Always an error: that is how the probe stops.
    let _ = T::deserialize(Probe { path, found: &found });
    found.get()
}

/// Pretends to be a document that holds one path.
#[derive(Clone, Copy)]
struct Probe<'a> {
    path: &'a [&'static str],
    found: &'a Cell<&'static [&'static str]>,
}

/// The probe has seen what it came for, or cannot go on.
#[derive(Debug)]
struct Stop;

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("stop")
    }
}

impl std::error::Error for Stop {}

impl de::Error for Stop {
    fn custom<T: fmt::Display>(_message: T) -> Self {
        Self
    }
}

impl<'de> Deserializer<'de> for Probe<'_> {
    type Error = Stop;

    fn deserialize_any<V: Visitor<'de>>(self, _visitor: V) -> Result<V::Value, Stop> {
        Err(Stop)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Stop> {
        match self.path.split_first() {
            Some((&key, path)) => {
                visitor.visit_map(OneEntry { key: Some(key), below: Probe { path, ..self } })
            }
            None => {
                self.found.set(fields);
                Err(Stop)
            }
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Stop> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Stop> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Stop> {
        visitor.visit_seq(OneElement(self))
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct
        tuple tuple_struct map enum identifier ignored_any
    }
}

struct OneEntry<'a> {
    key: Option<&'static str>,
    below: Probe<'a>,
}

impl<'de> MapAccess<'de> for OneEntry<'_> {
    type Error = Stop;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Stop> {
        self.key.take().map(|key| seed.deserialize(BorrowedStrDeserializer::new(key))).transpose()
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Stop> {
        seed.deserialize(self.below)
    }
}

struct OneElement<'a>(Probe<'a>);

impl<'de> SeqAccess<'de> for OneElement<'_> {
    type Error = Stop;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Stop> {
        seed.deserialize(self.0).map(Some)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[derive(serde::Deserialize)]
    #[expect(dead_code, reason = "only its shape is looked at")]
    struct Outer {
        name: String,
        inner: Inner,
        many: Vec<Inner>,
        maybe: Option<Wrapped>,
        free: BTreeMap<String, u32>,
    }

    #[derive(serde::Deserialize)]
    #[expect(dead_code, reason = "only its shape is looked at")]
    struct Inner {
        #[serde(rename = "other-name")]
        number: f64,
        list: Vec<String>,
    }

    #[derive(serde::Deserialize)]
    #[expect(dead_code, reason = "only its shape is looked at")]
    struct Wrapped(Inner);

    #[derive(serde::Deserialize)]
    #[expect(dead_code, reason = "only its shape is looked at")]
    struct Endless {
        next: Option<Box<Endless>>,
    }

    #[test]
    fn every_key_at_every_depth() {
        let keys = Keys::of::<Outer>();
        assert_eq!(
            keys.paths(),
            [
                "name",
                "inner",
                "inner.other-name",
                "inner.list",
                "many",
                "many.other-name",
                "many.list",
                "maybe",
                "maybe.other-name",
                "maybe.list",
                "free"
            ]
        );
        assert!(keys.get("free").unwrap().is_free());
        assert!(keys.get("unknown").is_none());
    }

    #[test]
    fn a_type_within_itself_ends() {
        assert_eq!(Keys::of::<Endless>().paths().len(), DEEPEST);
    }
}
