//! Names of columns, paths and files, with `*` and `?`.

use std::fmt;

use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A column by its number, from 1, or columns (or paths, or keys) by their name. In a name, `*` stands for any
/// characters and `?` for one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selector {
    /// From 1.
    Number(u32),
    /// A name or a pattern.
    Name(String),
}

impl Selector {
    /// Everything.
    pub fn all() -> Self {
        Self::Name("*".into())
    }

    /// Whether it takes everything, named or not.
    pub fn is_all(&self) -> bool {
        matches!(self, Self::Name(name) if name == "*")
    }

    /// Whether it may take several columns or names.
    pub(crate) fn is_pattern(&self) -> bool {
        matches!(self, Self::Name(name) if name.contains(['*', '?']))
    }

    /// Whether it takes column `index` (from 0) with this name, which is empty where there are no names.
    pub(crate) fn takes(&self, index: Option<usize>, name: &[u8]) -> bool {
        match self {
            Self::Number(number) => index.is_some_and(|index| index + 1 == *number as usize),
            Self::Name(pattern) => self.is_all() || (!name.is_empty() && matches(pattern.as_bytes(), name)),
        }
    }
}

/// Whether `name` is `pattern`, in which `*` stands for any characters and `?` for one. In time of the product of
/// both lengths at most.
pub(crate) fn matches(pattern: &[u8], name: &[u8]) -> bool {
    let (mut at, mut star) = ((0, 0), None);
    loop {
        match (pattern.get(at.0), name.get(at.1)) {
            (Some(b'*'), _) => {
                star = Some(at);
                at.0 += 1;
            }
            (Some(wanted), Some(found)) if wanted == found || *wanted == b'?' => at = (at.0 + 1, at.1 + 1),
            (None, None) => return true,
            // Back to the last star, which takes one more.
            _ => match star {
                Some((pattern_at, name_at)) if name_at < name.len() => {
                    star = Some((pattern_at, name_at + 1));
                    at = (pattern_at + 1, name_at + 1);
                }
                _ => return false,
            },
        }
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(f, "{number}"),
            Self::Name(name) => write!(f, "{name:?}"),
        }
    }
}

impl Serialize for Selector {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Number(number) => serializer.serialize_u32(*number),
            Self::Name(name) => serializer.serialize_str(name),
        }
    }
}

impl<'de> Deserialize<'de> for Selector {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;

        impl Visitor<'_> for Any {
            type Value = Selector;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("text in quotes or the number of a column, from 1")
            }

            fn visit_i64<E: de::Error>(self, number: i64) -> Result<Selector, E> {
                match u32::try_from(number) {
                    Ok(number) if number > 0 => Ok(Selector::Number(number)),
                    _ => Err(E::invalid_value(de::Unexpected::Signed(number), &self)),
                }
            }

            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Selector, E> {
                self.visit_i64(i64::try_from(number).unwrap_or(0))
            }

            fn visit_str<E: de::Error>(self, name: &str) -> Result<Selector, E> {
                if name.is_empty() {
                    return Err(E::invalid_value(de::Unexpected::Str(name), &self));
                }
                Ok(Selector::Name(name.to_owned()))
            }
        }

        deserializer.deserialize_any(Any)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn stars_and_question_marks() {
        for (pattern, name, expected) in [
            ("mass", "mass", true),
            ("mass", "masses", false),
            ("m_*", "m_", true),
            ("m_*", "m_top", true),
            ("m_*", "am_top", false),
            ("*.dat", "a.dat.dat", true),
            ("*a*b*", "xxaxxbxx", true),
            ("*a*b*", "xxbxxaxx", false),
            ("?", "", false),
            ("a?c", "abc", true),
            ("", "", true),
            ("*", "", true),
        ] {
            assert_eq!(matches(pattern.as_bytes(), name.as_bytes()), expected, "{pattern} {name}");
        }
    }

    #[test]
    fn numbers_count_from_one() {
        assert!(Selector::Number(1).takes(Some(0), b"") && !Selector::Number(1).takes(Some(1), b"1"));
        assert!(Selector::all().takes(Some(7), b""), "also a column without a name");
        assert!(!Selector::Name("m*".into()).takes(Some(0), b""));
        #[derive(Deserialize)]
        struct Holder {
            columns: Vec<Selector>,
        }
        let holder: Holder = toml::from_str("columns = [3, 'm_*']").unwrap();
        assert_eq!(holder.columns, [Selector::Number(3), Selector::Name("m_*".into())]);
        for bad in ["[0]", "[-1]", "['']", "[1.5]", "[true]"] {
            assert!(toml::from_str::<Holder>(&format!("columns = {bad}")).is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn as_a_regular_expression(pattern in "[ab?*]{0,6}", name in "[ab]{0,6}") {
            let expression = format!("^{}$", pattern.replace('*', ".*").replace('?', "."));
            let expected = regex::Regex::new(&expression).unwrap().is_match(&name);
            prop_assert_eq!(matches(pattern.as_bytes(), name.as_bytes()), expected);
        }
    }
}
