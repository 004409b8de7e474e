//! Trickle-down messages: what `msg_to_host.xml` says.
//!
//! The scheduler sends a row of `msg_to_host` as it is, when config.xml has `<msg_to_host/>`. The client reads it line
//! by line (`handle_trickle_down` in `client/cs_trickle.cpp`): `<result_name>` and `<time>` must each stand on a
//! line of their own, the end tag too, or the message is lost. The other lines become the file `trickle_down_TIME`
//! in the task's slot folder; two messages of one time to one task overwrite each other.
//!
//! Invariant: no text made here has a line that the client would cut, and nothing in it ends the message early.

use std::fmt::Write as _;

use crate::hierarchy::{NameError, check_name};
use crate::printable::printable;

/// Variety of an acknowledgement.
pub const ACKNOWLEDGEMENT: &str = "credit";
/// Variety of a request to stop.
pub const STOP: &str = "stop";

/// The client reads lines of this many bytes, line feed and all.
const LINE: usize = 255;

/// Largest number shown: keeps the line short.
const MOST: f64 = 1e18;

/// A trickle-down message can't be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TrickleDownError {
    /// No result can have this name.
    #[error("result name: {0}")]
    Name(#[from] NameError),
    /// The client would cut the line.
    #[error("result name \"{name}\" makes a line of {bytes} bytes; a client reads at most {LINE}")]
    TooLong {
        /// The name's beginning, made printable.
        name: String,
        /// Length of the line.
        bytes: usize,
    },
}

/// How much the trickles of a task have brought so far: `<credit>` in cobblestones, `<seconds>` of uptime.
/// `time` is when, Unix seconds. What is no number becomes 0; numbers end at ±1e18.
///
/// # Errors
/// The name can't be that of a result.
pub fn acknowledgement(
    result_name: &str,
    time: i32,
    credit: f64,
    seconds: f64,
) -> Result<String, TrickleDownError> {
    let number = |value: f64| if value.is_finite() { value.clamp(-MOST, MOST) } else { 0.0 };
    let body = format!("<credit>{:.6}</credit>\n<seconds>{:.6}</seconds>\n", number(credit), number(seconds));
    message(result_name, time, &body)
}

/// Asks a task to stop: its workunit was cancelled, nothing that it does counts any more.
///
/// # Errors
/// The name can't be that of a result.
pub fn stop(result_name: &str, time: i32) -> Result<String, TrickleDownError> {
    message(result_name, time, "<stop/>\n")
}

fn message(result_name: &str, time: i32, body: &str) -> Result<String, TrickleDownError> {
    check_name(result_name)?;
    let line = format!("<result_name>{}</result_name>\n", escaped(result_name));
    if line.len() > LINE {
        return Err(TrickleDownError::TooLong { name: printable(result_name, 60), bytes: line.len() });
    }
    Ok(format!("<trickle_down>\n{line}<time>{time}</time>\n{body}</trickle_down>\n"))
}

/// Escaped as the client's `xml_unescape` reads it.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        let _ = match c {
            '<' => out.write_str("&lt;"),
            '>' => out.write_str("&gt;"),
            '&' => out.write_str("&amp;"),
            c => out.write_char(c),
        };
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::xml::{Limits, fragment};

    #[test]
    fn the_client_finds_name_and_time_on_their_lines() {
        assert_eq!(
            acknowledgement("theory_1_0", 1_795_161_125, 12.5, 3600.0).unwrap(),
            "<trickle_down>\n<result_name>theory_1_0</result_name>\n<time>1795161125</time>\n\
             <credit>12.500000</credit>\n<seconds>3600.000000</seconds>\n</trickle_down>\n"
        );
        assert_eq!(
            stop("theory_1_0", 5).unwrap(),
            "<trickle_down>\n<result_name>theory_1_0</result_name>\n<time>5</time>\n<stop/>\n</trickle_down>\n"
        );
        assert!(acknowledgement("a", 1, f64::NAN, f64::INFINITY).unwrap().contains("<credit>0.000000<"));
    }

    #[test]
    fn names_that_would_break_it_are_refused_or_escaped() {
        assert!(stop("a<b>&c", 1).unwrap().contains("<result_name>a&lt;b&gt;&amp;c</result_name>\n"));
        assert!(matches!(stop("a\nb", 1), Err(TrickleDownError::Name(_))));
        assert!(matches!(stop("", 1), Err(TrickleDownError::Name(_))));
        assert!(matches!(stop(&"&".repeat(100), 1), Err(TrickleDownError::TooLong { .. })));
        assert!(stop(&"x".repeat(191), 1).is_ok());
    }

    proptest! {
        #[test]
        fn whatever_the_name_it_stays_one_message(name in any::<String>(), time in any::<i32>(), credit in any::<f64>()) {
            if let Ok(text) = acknowledgement(&name, time, credit, 1.0) {
                prop_assert!(text.lines().all(|line| line.len() < LINE));
                prop_assert_eq!(text.matches("</trickle_down>").count(), 1);
                let limits = Limits { bytes: 4096, depth: 4, elements: 10, loose_ampersand: false };
                if let Ok(roots) = fragment(text.as_bytes(), limits) {
                    prop_assert_eq!(&roots[0].children[0].text, &name);
                    prop_assert_eq!(roots.len(), 1);
                }
            }
        }
    }
}
