//! Texts of the dialect: blank space, entities, searching.

use crate::c_number;

/// The C locale's blank space.
pub(super) fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | 0x0b | 0x0c | b'\r')
}

/// Without blank space at the ends.
pub(super) fn trim(mut text: &[u8]) -> &[u8] {
    while let [first, rest @ ..] = text
        && is_space(*first)
    {
        text = rest;
    }
    while let [rest @ .., last] = text
        && is_space(*last)
    {
        text = rest;
    }
    text
}

pub(crate) fn find(text: &[u8], what: &[u8]) -> Option<usize> {
    text.windows(what.len().max(1)).position(|window| window == what)
}

/// Replaces XML's five entities, and `&#N;` for N < 256 by that byte. Anything else stays as it is.
pub(super) fn unescape(text: &[u8]) -> Vec<u8> {
    const NAMED: [(&[u8], u8); 9] = [
        (b"&lt;", b'<'),
        (b"&gt;", b'>'),
        (b"&quot;", b'"'),
        (b"&apos;", b'\''),
        (b"&amp;", b'&'),
        (b"&#xD;", b'\r'),
        (b"&#xd;", b'\r'),
        (b"&#xA;", b'\n'),
        (b"&#xa;", b'\n'),
    ];
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let [first, after @ ..] = rest {
        if *first != b'&' {
            out.push(*first);
            rest = after;
        } else if let Some((tail, byte)) =
            NAMED.iter().find_map(|(name, byte)| Some((rest.strip_prefix(*name)?, *byte)))
        {
            out.push(byte);
            rest = tail;
        } else if let Some(number) = rest.strip_prefix(b"&#") {
            match numbered(number) {
                Some((byte, tail)) => {
                    out.push(byte);
                    rest = tail;
                }
                None => {
                    out.extend_from_slice(b"&#");
                    rest = number;
                }
            }
        } else {
            out.push(b'&');
            rest = after;
        }
    }
    // A byte 0 ends the text.
    if let Some(end) = out.iter().position(|byte| *byte == 0) {
        out.truncate(end);
    }
    out
}

fn numbered(text: &[u8]) -> Option<(u8, &[u8])> {
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (number, tail) = (text.get(..digits)?, text.get(digits..)?.strip_prefix(b";")?);
    let value = c_number::atoi(number);
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the low byte is what counts")]
    let byte = value as u8;
    (digits > 0 && value < 256).then_some((byte, tail))
}

/// Escapes text for an element as stock does: byte by byte, what is not ASCII as `&#N;`, most control
/// characters dropped.
pub(crate) fn escape(text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = text.as_bytes();
    while let [byte, after @ ..] = rest {
        if let Some(tail) = rest.strip_prefix(b"]]>") {
            out.extend_from_slice(b"]]&gt;");
            rest = tail;
            continue;
        }
        match byte {
            b'<' => out.extend_from_slice(b"&lt;"),
            b'&' => out.extend_from_slice(b"&amp;"),
            b'\t' | b'\n' | b'\r' | 128.. => out.extend_from_slice(format!("&#{byte};").as_bytes()),
            0..32 => {}
            _ => out.push(*byte),
        }
        rest = after;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn numbered_entities_as_stock_reads_them() {
        assert_eq!(unescape(b"&#10;&#233;&#256;&#;&#x41;&#12"), b"\n\xe9&#256;&#;&#x41;&#12");
        assert_eq!(unescape(b"a&#0;b"), b"a");
    }

    proptest! {
        #[test]
        fn what_is_escaped_is_read_again(text in "[ -~\n\té]{0,40}") {
            prop_assert_eq!(unescape(&escape(&text)), text.as_bytes());
        }
    }
}
