//! Foreign bytes, made fit to be shown: cut, and with control characters escaped.

use std::fmt::Write as _;

/// Longest text that is shown of one value, in bytes of the original.
const LONGEST: usize = 60;

/// `bytes` as printable text of bounded length.
pub(crate) fn shown(bytes: &[u8]) -> String {
    let (kept, cut) = match bytes.get(..LONGEST) {
        Some(kept) => (kept, bytes.len() > LONGEST),
        None => (bytes, false),
    };
    let mut text = String::with_capacity(kept.len() + 3);
    for chunk in kept.utf8_chunks() {
        for character in chunk.valid().chars() {
            if character.is_control() || is_invisible(character) {
                text.extend(character.escape_unicode());
            } else {
                text.push(character);
            }
        }
        for byte in chunk.invalid() {
            // Writing to a String cannot fail.
            let _ = write!(text, "\\x{byte:02x}");
        }
    }
    if cut {
        text.push('…');
    }
    text
}

/// Characters that change how a terminal or a browser orders or hides others.
const fn is_invisible(character: char) -> bool {
    matches!(
        character,
        '\u{ad}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{180e}' | '\u{3164}' | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e007f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn harmless_text_is_unchanged() {
        assert_eq!(shown(b"1.5e-3"), "1.5e-3");
        assert_eq!(shown("größer".as_bytes()), "größer");
    }

    #[test]
    fn control_characters_and_broken_text_are_escaped() {
        assert_eq!(shown(b"a\x1b[2Jb\n"), "a\\u{1b}[2Jb\\u{a}");
        assert_eq!(shown(b"\xff1"), "\\xff1");
        assert_eq!(shown("\u{202e}x".as_bytes()), "\\u{202e}x");
        for hidden in ['\u{61c}', '\u{ad}', '\u{180e}', '\u{e0041}'] {
            assert_eq!(shown(format!("{hidden}x").as_bytes()), format!("{}x", hidden.escape_unicode()));
        }
    }

    #[test]
    fn long_text_is_cut() {
        assert_eq!(shown(&[b'9'; 60]), "9".repeat(60));
        assert_eq!(shown(&[b'9'; 61]), "9".repeat(60) + "…");
    }
}
