//! A kept spec as it would stand in a file: the keys that somebody wrote. Pure.

use boinc::printable::printable;
use compare::Spec;
use serde_json::Value;

/// Most lines that are shown; JSON has all.
const LINES: usize = 200;

/// The lines, escaped. A text that is no spec of this version's is shown as it was kept.
pub(super) fn lines(kept: &str) -> Vec<String> {
    let text = serde_json::from_str::<Value>(kept)
        .ok()
        .filter(Value::is_object)
        .and_then(|spec| toml::to_string(&Spec::declared_of(spec)).ok())
        .unwrap_or_else(|| kept.to_owned());
    let mut lines: Vec<String> =
        text.lines().filter(|line| !line.trim().is_empty()).map(|line| printable(line, 300)).collect();
    if lines.len() > LINES {
        let more = lines.len() - LINES;
        lines.truncate(LINES);
        lines.push(format!("… and {more} more lines; --json has all"));
    }
    lines
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_kept_spec_is_shown_as_it_was_written() {
        let text = "[[files]]\nname = \"out\"\nformat = \"table\"\nignore = [\"^#\\u001b\"]\n\n[[files.rules]]\ncolumns = [2]\nrelative = 0.001\n";
        let spec: compare::Spec = toml::from_str(text).unwrap();
        let shown = super::lines(&serde_json::to_string_pretty(&spec).unwrap());
        assert_eq!(shown.first().unwrap(), "[[files]]");
        for line in
            ["name = \"out\"", "format = \"table\"", "[[files.rules]]", "columns = [2]", "relative = 0.001"]
        {
            assert!(shown.iter().any(|shown| shown == line), "{line} in {shown:#?}");
        }
        assert!(!shown.concat().contains('\u{1b}'));
        let exact = serde_json::to_string(&compare::Spec::exact()).unwrap();
        assert_eq!(super::lines(&exact), ["method = \"exact\""]);
        assert_eq!(super::lines("no spec"), ["no spec"]);
    }
}
