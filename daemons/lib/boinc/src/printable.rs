//! Text of unknown origin, made fit to be shown on one line of a log or an error.
//!
//! Invariant: what [`printable`] returns holds no control character and no character that reorders or hides
//! text, and is at most `max` characters long plus the ellipsis.

use std::fmt::Write as _;

/// `text` on one line: control and invisible characters escaped as in Rust (`\n`, `\u{1b}`), and cut after
/// `max` characters with `…`.
#[must_use]
pub fn printable(text: &str, max: usize) -> String {
    let mut out = String::with_capacity(text.len().min(max));
    let mut length = 0;
    for c in text.chars() {
        let mut piece = String::new();
        if must_escape(c) {
            let _ = write!(piece, "{}", c.escape_default());
        } else {
            piece.push(c);
        }
        length += piece.chars().count();
        if length > max {
            out.push('…');
            break;
        }
        out.push_str(&piece);
    }
    out
}

/// Characters that would break a line, drive a terminal, or make text look like other text.
fn must_escape(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn control_characters_are_shown_and_long_text_is_cut() {
        assert_eq!(printable("a\nb\u{1b}[2J", 80), "a\\nb\\u{1b}[2J");
        assert_eq!(printable("abcdef", 3), "abc…");
        assert_eq!(printable("Zürich", 80), "Zürich");
        assert_eq!(printable("a\u{202e}b", 80), "a\\u{202e}b");
    }

    proptest! {
        #[test]
        fn never_longer_and_never_a_control_character(text in any::<String>(), max in 0_usize..50) {
            let shown = printable(&text, max);
            prop_assert!(shown.chars().count() <= max + 1);
            prop_assert!(!shown.chars().any(char::is_control));
        }
    }
}
