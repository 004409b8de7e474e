//! The end of what a task wrote to stderr, fit to be kept. It is a volunteer's text.

/// At most so many bytes are kept.
pub const TAIL: usize = 2048;

/// The last [`TAIL`] bytes of `result.stderr_out`'s text; `None` if there is none. Control characters go, but for
/// line feeds and tabs; so do characters that hide or reorder text.
#[must_use]
pub fn tail(stderr_out: &[u8]) -> Option<String> {
    let text = boinc::result_doc::stderr_text(stderr_out);
    let clean: String = text.chars().filter(|c| !is_removed(*c)).collect();
    let mut start = clean.len().saturating_sub(TAIL);
    while !clean.is_char_boundary(start) {
        start += 1;
    }
    let tail = clean.get(start..).unwrap_or_default().trim();
    (!tail.is_empty()).then(|| tail.to_owned())
}

fn is_removed(c: char) -> bool {
    (c.is_control() && c != '\n' && c != '\t')
        || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_end_is_kept_without_control_characters() {
        let doc = b"<core_client_version>8.0</core_client_version>\n<![CDATA[\n<stderr_txt>\nstart\r\n\x1b[31mred\xff\n</stderr_txt>\n]]>";
        assert_eq!(tail(doc).as_deref(), Some("start\n[31mred\u{fffd}"));
        assert_eq!(tail(b""), None);
        assert_eq!(tail(b"<![CDATA[\n<stderr_txt>\n\n</stderr_txt>\n]]>"), None);
        let long = "ü".repeat(5000) + "end";
        let kept = tail(long.as_bytes()).unwrap();
        assert!(kept.len() <= TAIL && kept.len() > TAIL - 4 && kept.ends_with("üend"));
    }

    proptest! {
        #[test]
        fn any_bytes_give_clean_text(bytes in proptest::collection::vec(any::<u8>(), 0..6000)) {
            if let Some(text) = tail(&bytes) {
                prop_assert!(text.len() <= TAIL);
                prop_assert!(text.chars().all(|c| !c.is_control() || c == '\n' || c == '\t'));
            }
        }
    }
}
