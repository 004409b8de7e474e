//! Lines of CSV as RFC 4180 has them, safe to open with a spreadsheet. Pure.
//!
//! Invariant: no cell of text begins with a character that makes a spreadsheet take it for a formula, and none holds a
//! control character: strangers' text can't act where the file is opened, or on the terminal that shows it.

use boinc::printable::printable;

/// Characters of a text that are kept.
const LONGEST: usize = 1000;

/// A text: escaped, with `'` before what would be a formula, in quotes where needed.
pub fn text(text: &str) -> String {
    whole(&printable(text, LONGEST))
}

/// The same of a text of any length; control characters, line ends too, become blanks.
pub fn long(text: &str) -> String {
    let clean: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    whole(&clean)
}

fn whole(text: &str) -> String {
    let formula = text.trim_start().starts_with(['=', '+', '-', '@', '|', '%', '＝', '＋', '－', '＠']);
    let text = if formula { format!("'{text}") } else { text.to_owned() };
    if text.contains([',', '"', ';', '\'']) || text.trim() != text {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text
    }
}

/// A number, in the shortest form that reads back as the same.
pub fn number(value: f64) -> String {
    format!("{value:?}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_quoted_and_never_formulas() {
        for (raw, cell) in [
            ("uptime up to 60 s", "uptime up to 60 s"),
            ("a, \"b\"", "\"a, \"\"b\"\"\""),
            ("=HYPERLINK(\"http://x\")", "\"'=HYPERLINK(\"\"http://x\"\")\""),
            ("+1", "\"'+1\""),
            ("-1", "\"'-1\""),
            ("@x", "\"'@x\""),
            (" =1", "\"' =1\""),
            ("\t=1", "\\t=1"),
            ("a\r\nb", "a\\r\\nb"),
            ("\u{1b}[2J", "\\u{1b}[2J"),
            ("", ""),
        ] {
            assert_eq!(text(raw), cell, "{raw:?}");
        }
        assert!(text(&"x".repeat(300_000)).len() < 2000);
    }

    #[test]
    fn numbers_read_back_as_they_were() {
        for value in [0.1, -1.0 / 3.0, 1e300, 5e-324, 1.5e9, 0.1 + 0.2] {
            assert_eq!(number(value).parse::<f64>().unwrap().to_bits(), value.to_bits());
        }
        assert_eq!(number(5.0), "5.0");
    }
}
