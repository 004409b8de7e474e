//! Messages for people, made from what serde and the TOML parser say.
//!
//! serde's wording is not a promise. If it changes, a message becomes less friendly, never wrong: text that is
//! not recognised is passed on. The tests pin it.

use crate::keys::Keys;

/// The text is no TOML.
pub(crate) fn not_toml(message: &str) -> String {
    format!("this is not TOML: {message}")
}

/// A known key, as in `compare.absolute`; or `reports.1.variety` in the second of a list, `compare.files.0.rules.1.ulps`
/// in the second of a list in the first of one. A number at the end is the table itself.
pub(crate) fn known_key(key: &str) -> String {
    let parts: Vec<&str> = key.split('.').collect();
    let Some((name, table)) = parts.split_last().filter(|(_, table)| !table.is_empty()) else {
        return format!("[{key}]");
    };
    if name.parse::<usize>().is_ok() {
        return known_key(&format!("{key}.")).trim_start_matches("`` in ").to_owned();
    }
    if !table.iter().any(|part| part.parse::<usize>().is_ok()) {
        return format!("`{name}` in [{}]", table.join("."));
    }
    // The innermost list first.
    let (mut path, mut lists) = (Vec::new(), Vec::new());
    for part in table {
        match part.parse::<usize>() {
            Ok(index) => lists.push(format!("[[{}]] number {}", path.join("."), index.saturating_add(1))),
            Err(_) => path.push(*part),
        }
    }
    lists.reverse();
    format!("`{name}` in {}", lists.join(" of "))
}

/// A key that nobody knows. `section` is empty at the top of the file.
pub(crate) fn unknown_key(name: &str, is_section: bool, section: &str) -> String {
    match (is_section, section) {
        (true, "") => format!("unknown section [{name}]"),
        (true, _) => format!("unknown section [{section}.{name}]"),
        (false, "") => format!("unknown key `{name}` before the first section"),
        (false, _) => format!("unknown key `{name}` in [{section}]"),
    }
}

/// What was probably meant by an unknown key: one of `known` in its section, or one of another section.
pub(crate) fn hint(name: &str, section: &str, known: &Keys, all: &Keys) -> String {
    let shown = |known: &str| if section.is_empty() { format!("[{known}]") } else { format!("`{known}`") };
    let elsewhere = all.paths().into_iter().find_map(|path| match path.rsplit_once('.') {
        Some((section, key)) if key == name => Some(section.to_owned()),
        _ => None,
    });
    if let Some(section) = elsewhere {
        return format!("it belongs in [{section}]");
    }
    if let Some(near) = nearest(name, known.names()) {
        return format!("did you mean {}?", shown(near));
    }
    format!("known here: {}", known.names().map(shown).collect::<Vec<_>>().join(", "))
}

/// A known key with a value that does not fit, from serde's message.
pub(crate) fn wrong_value(message: &str) -> String {
    for begin in ["invalid type: ", "invalid value: "] {
        if let Some((found, expected)) =
            message.strip_prefix(begin).and_then(|rest| rest.rsplit_once(", expected "))
        {
            return format!("expected {}, found {}", expectation(expected), finding(found));
        }
    }
    if let Some((name, known)) =
        message.strip_prefix("unknown variant `").and_then(|rest| rest.split_once("`, expected "))
    {
        let known: Vec<&str> = known.split('`').skip(1).step_by(2).collect();
        let list = known.iter().map(|known| format!("\"{known}\"")).collect::<Vec<_>>().join(", ");
        return match nearest(name, known.iter().copied()) {
            Some(near) => format!("\"{name}\" is not known: did you mean \"{near}\"? (known: {list})"),
            None => format!("\"{name}\" is not known (known: {list})"),
        };
    }
    message.to_owned()
}

fn expectation(serde: &str) -> String {
    match serde {
        "f64" | "f32" => "a number".into(),
        "u64" | "usize" => "a whole number, 0 or larger".into(),
        "u32" => format!("a whole number from 0 to {}", u32::MAX),
        "i64" => "a whole number".into(),
        "i32" => format!("a whole number from {} to {}", i32::MIN, i32::MAX),
        "a boolean" => "true or false".into(),
        "a string" | "path string" | "string or map" => "text in quotes".into(),
        "a sequence" => "a list in brackets".into(),
        "a map" => "a section".into(),
        other if other.starts_with("struct ") => "a section".into(),
        other => other.into(),
    }
}

fn finding(serde: &str) -> String {
    match serde.split_once(' ') {
        Some(("string", text)) => format!("the text {text}"),
        Some(("integer" | "floating", number)) => {
            format!("the number {}", number.trim_start_matches("point ").trim_matches('`'))
        }
        Some(("boolean", value)) => value.trim_matches('`').into(),
        _ => match serde {
            "map" => "a section".into(),
            "sequence" => "a list".into(),
            other => other.into(),
        },
    }
}

/// The most similar of `known`, if it is similar enough to be meant.
#[must_use]
pub fn nearest<'k>(name: &str, known: impl Iterator<Item = &'k str>) -> Option<&'k str> {
    let name = name.to_lowercase();
    known
        .map(|known| (strsim::damerau_levenshtein(&name, known), strsim::jaro_winkler(&name, known), known))
        .filter(|&(edits, similarity, known)| edits <= 1 || edits * 3 <= known.len() || similarity > 0.85)
        .min_by(|a, b| a.0.cmp(&b.0).then(b.1.total_cmp(&a.1)))
        .map(|(_, _, known)| known)
}
