//! Numbers of a JSON object by the path of their keys, without building a tree.
//!
//! Invariant: objects nest at most [`DEPTH`] deep and hold at most [`KEYS`] keys in all; arrays are skipped
//! (`serde_json` ends them at its own depth). A key that stands twice is read twice, so that different numbers show.

use std::cell::Cell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::{Counts, MAX_COUNT, ReportError, whole};
use crate::printable::printable;
use crate::trickle::{MAX_DEPTH as DEPTH, MAX_ELEMENTS as KEYS};

/// Reads `body` into `counts`.
pub(super) fn read(body: &str, counts: &mut Counts<'_>) -> Result<(), ReportError> {
    let mut reader = serde_json::Deserializer::from_str(body);
    let (keys, mut fault) = (Cell::new(0), None);
    let object = Value { path: String::new(), depth: 0, keys: &keys, counts, fault: &mut fault };
    let read = object.deserialize(&mut reader).and_then(|()| reader.end());
    match (fault, read) {
        (Some(fault), _) => Err(fault),
        (None, read) => read.map_err(|error| ReportError::Json(printable(&error.to_string(), 120))),
    }
}

/// One value, at `path`.
struct Value<'a, 'n> {
    path: String,
    depth: usize,
    keys: &'a Cell<usize>,
    counts: &'a mut Counts<'n>,
    /// What stopped the reading, where serde's own error can't say it.
    fault: &'a mut Option<ReportError>,
}

impl Value<'_, '_> {
    fn number<E: serde::de::Error>(self, count: Option<u64>, text: &dyn fmt::Display) -> Result<(), E> {
        if !self.counts.wants(&self.path) {
            return Ok(());
        }
        let done = match count.filter(|count| *count <= MAX_COUNT) {
            Some(count) => self.counts.count(&self.path, count),
            None => Err(ReportError::Count {
                name: printable(&self.path, 60),
                text: printable(&text.to_string(), 60),
            }),
        };
        done.map_err(|fault| {
            *self.fault = Some(fault);
            E::custom("unusable count")
        })
    }
}

impl<'de> DeserializeSeed<'de> for Value<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        // What is no object at the top is refused by `visit_…`.
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Value<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.depth == 0 { "an object" } else { "a value" })
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        if self.depth >= DEPTH {
            return Err(A::Error::custom(format_args!("more than {DEPTH} objects inside one another")));
        }
        while let Some(key) = map.next_key::<String>()? {
            self.keys.set(self.keys.get() + 1);
            if self.keys.get() > KEYS {
                return Err(A::Error::custom(format_args!("more than {KEYS} keys")));
            }
            let path = if self.path.is_empty() { key } else { format!("{}.{key}", self.path) };
            let (keys, counts, fault) = (self.keys, &mut *self.counts, &mut *self.fault);
            map.next_value_seed(Value { path, depth: self.depth + 1, keys, counts, fault })?;
        }
        Ok(())
    }

    fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<(), E> {
        self.number(Some(number), &number)
    }

    fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<(), E> {
        self.number(u64::try_from(number).ok(), &number)
    }

    fn visit_f64<E: serde::de::Error>(self, number: f64) -> Result<(), E> {
        self.number(whole(number), &number)
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<(), E> {
        self.number(text.trim().parse().ok(), &text)
    }

    fn visit_bool<E: serde::de::Error>(self, value: bool) -> Result<(), E> {
        self.number(None, &value)
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<(), E> {
        // `null`: the guest does not know.
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        if self.depth == 0 {
            return Err(A::Error::custom("a list, where an object is expected"));
        }
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(())
    }
}
