//! The client's part of a message, split from the application's.
//!
//! The client writes blank space, `<result_name>…</result_name>`, blank space and `<time>…</time>` in front of what
//! the application wrote, without escaping either. The application's part can be JSON or anything else.

use super::{TrickleError, seconds};
use crate::hierarchy::check_name;
use crate::xml::XmlFault;

/// A message whose text needn't be XML.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope<'a> {
    /// The result that the message is about, as the client says: it may belong to another host, or not exist.
    pub result_name: &'a str,
    /// Unix seconds on the volunteer's clock.
    pub time: i64,
    /// What the application wrote.
    pub body: &'a str,
}

/// Splits a message.
///
/// # Errors
/// It is longer than [`super::MAX_BYTES`], no UTF-8, or doesn't begin as the client writes it.
pub fn envelope(xml: &[u8]) -> Result<Envelope<'_>, TrickleError> {
    if xml.len() > super::MAX_BYTES {
        return Err(XmlFault::TooLong { bytes: xml.len(), limit: super::MAX_BYTES }.into());
    }
    let text = std::str::from_utf8(xml).map_err(|error| XmlFault::NotUtf8 { at: error.valid_up_to() })?;
    let (result_name, rest) = element(text, "result_name", "<result_name>", "</result_name>")?;
    check_name(result_name)?;
    let (time, body) = element(rest, "time", "<time>", "</time>")?;
    Ok(Envelope { result_name, time: seconds(time)?, body })
}

fn element<'a>(
    text: &'a str,
    element: &'static str,
    start: &str,
    end: &str,
) -> Result<(&'a str, &'a str), TrickleError> {
    text.trim_start()
        .strip_prefix(start)
        .and_then(|rest| rest.split_once(end))
        .map(|(inside, rest)| (inside.trim(), rest))
        .filter(|(inside, _)| !inside.is_empty())
        .ok_or(TrickleError::Missing { element })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_clients_part_is_taken_off() {
        let text =
            b"\n      <result_name>t_1_0</result_name>\n      <time>1795161125</time>\n{\"a\": \"<b>\"}\n";
        let split = envelope(text).unwrap();
        assert_eq!((split.result_name, split.time), ("t_1_0", 1_795_161_125));
        assert_eq!(split.body.trim(), "{\"a\": \"<b>\"}");
    }

    #[test]
    fn what_is_no_message_says_why() {
        for (text, word) in [
            (&b"received=5"[..], "<result_name>"),
            (b"<result_name>a</result_name>x=1", "<time>"),
            (b"<result_name></result_name><time>1</time>", "<result_name>"),
            (b"<result_name>a/b</result_name><time>1</time>", "<result_name> \"a/b\" holds a '/'"),
            (b"<result_name>a\xc2\x80</result_name><time>1</time>", "holds control character 0x80"),
            (b"<result_name>a</result_name><time>soon</time>", "soon"),
            (b"<result_name>a</result_name><time>1</time>\xff", "UTF-8"),
        ] {
            let error = envelope(text).unwrap_err().to_string();
            assert!(error.contains(word) && !error.contains("file"), "{error}");
        }
        assert!(envelope(&vec![b' '; super::super::MAX_BYTES + 1]).is_err());
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200), text in "[<>/a-z_ 0-9]{0,80}") {
            let _ = envelope(&bytes);
            let _ = envelope(text.as_bytes());
        }
    }
}
