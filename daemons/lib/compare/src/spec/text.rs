//! A spec as a file of its own.

use super::{Spec, SpecMistake};

impl Spec {
    /// Reads a spec from TOML: the keys of a spec themselves, or a file with a section `[compare]`, as the daemons
    /// have it; other sections are not looked at. The spec is checked, too.
    ///
    /// # Errors
    /// Every mistake found. A key is empty where the text is no TOML or a value is of the wrong kind.
    pub fn from_toml(text: &str) -> Result<Self, Vec<SpecMistake>> {
        let no_toml = |error: toml::de::Error| {
            vec![SpecMistake { key: String::new(), message: error.to_string().trim_end().to_owned() }]
        };
        let document: toml::Table = text.parse().map_err(no_toml)?;
        let spec: Self = match document.get("compare") {
            Some(section) if section.is_table() => section.clone().try_into().map_err(no_toml)?,
            // From the text: its errors show the line.
            _ => toml::from_str(text).map_err(no_toml)?,
        };
        let mistakes = spec.check();
        if mistakes.is_empty() { Ok(spec) } else { Err(mistakes) }
    }
}
