//! Trickle-up messages: what `msg_from_host.xml` says.
//!
//! The message is a fragment: `<result_name>` and `<time>`, put in front by the client, then whatever the
//! application wrote, such as `<cpu_time>6.000000</cpu_time>`. All of it comes from a volunteer's machine.
//!
//! - [`Message`]: a message as it is; [`Trickle`]: one that says which result it is about, and when.
//! - [`Identity`]: what makes two rows the same message.
//! - [`stock_number`]: a number as BOINC's own parser finds it, with its quirks.
//! - [`envelope`]: the client's two elements split from a text that needn't be XML.
//!
//! Invariant: no input panics, and none takes more than one pass over [`MAX_BYTES`]; `result_name` holds no
//! control character; a claim is a finite number that is not negative. What is ambiguous is an error: two
//! different result names, or two different claims of one name. Errors are one printable line of at most
//! [`MAX_MESSAGE`] characters, fit to be logged and stored.
//!
//! `time` is the volunteer's clock. It identifies the message on its host, it accounts for nothing.

mod envelope;
mod identity;
mod stock;

use serde::{Deserialize, Serialize};

use crate::hierarchy::{NameError, check_name};
use crate::printable::printable;
use crate::xml::{Element, Limits, fragment};

pub use crate::xml::XmlFault;
pub use envelope::{Envelope, envelope};
pub use identity::{Identity, Sender};
pub use stock::stock_number;

/// What the numbers of a variety mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Meaning {
    /// The total of the task so far. A later message says more, or the same again.
    Cumulative,
    /// What came since the message before.
    Increment,
}

/// A trickle-up message, whether or not it says which result it is about.
///
/// The client always puts `<result_name>` and `<time>` in front. Messages without them come from other software,
/// which stock handlers serve as well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// The result that the message is about, as the client says: it may belong to another host, or not exist.
    pub result_name: Option<String>,
    /// Unix seconds on the volunteer's clock.
    pub time: Option<i64>,
    /// The other elements that hold no element, in the order of the message, from whatever depth.
    pub leaves: Vec<Leaf>,
}

/// Largest message, in bytes.
pub const MAX_BYTES: usize = 256 * 1024;
/// Most elements in a message.
pub const MAX_ELEMENTS: usize = 1000;
/// Most elements inside one another.
pub const MAX_DEPTH: usize = 16;
/// Longest error, in characters.
pub const MAX_MESSAGE: usize = 200;

pub(crate) const LIMITS: Limits =
    Limits { bytes: MAX_BYTES, depth: MAX_DEPTH, elements: MAX_ELEMENTS, loose_ampersand: false };
/// Longest piece of the message in an error.
pub(crate) const SHOWN: usize = 60;

/// A trickle-up message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trickle {
    /// The result that the message is about, as the client says: it may belong to another host, or not exist.
    pub result_name: String,
    /// Unix seconds on the volunteer's clock.
    pub time: i64,
    /// The other elements that hold no element, in the order of the message, from whatever depth.
    pub leaves: Vec<Leaf>,
}

/// An element that holds no other one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leaf {
    /// The element's name.
    pub name: String,
    /// Its text, without blank space at the ends.
    pub text: String,
}

/// A message that can't be understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TrickleError {
    /// It isn't XML, or too large.
    #[error("message: {0}")]
    Xml(#[from] XmlFault),
    /// The client always sends these.
    #[error("message has no <{element}>")]
    Missing {
        /// Which.
        element: &'static str,
    },
    /// It stands twice and differs.
    #[error("message has two different <{element}>: \"{first}\" and \"{second}\"")]
    Repeated {
        /// Which.
        element: &'static str,
        /// Made printable.
        first: String,
        /// Made printable.
        second: String,
    },
    /// No result can have this name.
    #[error("<result_name> {}", printable(&name_fault(.0), 150))]
    Name(#[from] NameError),
    /// The time is no whole number of seconds.
    #[error("<time> is \"{text}\", which is not a number of seconds")]
    Time {
        /// Made printable.
        text: String,
    },
}

/// A message that doesn't hold the claim asked for.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ClaimError {
    /// No such element.
    #[error("message has no <{name}>")]
    Missing {
        /// Made printable.
        name: String,
    },
    /// Not a number.
    #[error("<{name}> is \"{text}\", which is not a number")]
    NotANumber {
        /// Made printable.
        name: String,
        /// Made printable.
        text: String,
    },
    /// Infinite or NaN.
    #[error("<{name}> is \"{text}\", which is not a finite number")]
    NotFinite {
        /// Made printable.
        name: String,
        /// Made printable.
        text: String,
    },
    /// Below zero.
    #[error("<{name}> is {value:?}, which is negative")]
    Negative {
        /// Made printable.
        name: String,
        /// What is claimed.
        value: f64,
    },
    /// Two claims that differ.
    #[error("message has two different <{name}>: {first:?} and {second:?}")]
    Repeated {
        /// Made printable.
        name: String,
        /// The first.
        first: f64,
        /// The one that differs.
        second: f64,
    },
}

/// The same as of a file's name, without advice: nobody can rename it.
fn name_fault(error: &NameError) -> String {
    match error {
        NameError::Empty => "is empty".to_owned(),
        NameError::Dots { name } => format!("is \"{name}\""),
        NameError::Slash { name } => format!("\"{name}\" holds a '/'"),
        NameError::Control { name, code } => format!("\"{name}\" holds control character {code:#04x}"),
        NameError::TooLong { name, bytes } => format!("\"{name}\" is {bytes} bytes long"),
    }
}

impl Message {
    /// Reads a message. Text outside of elements is skipped.
    ///
    /// # Errors
    /// It isn't XML within the limits; `<result_name>` or `<time>` stands there and can't be used.
    pub fn parse(xml: &[u8]) -> Result<Self, TrickleError> {
        let roots = fragment(xml, LIMITS)?;
        let result_name = single(&roots, "result_name")?;
        if let Some(name) = result_name {
            check_name(name)?;
        }
        let time = single(&roots, "time")?.map(seconds).transpose()?;
        let result_name = result_name.map(str::to_owned);
        let mut leaves = Vec::new();
        for root in roots {
            if !(root.is_leaf() && matches!(root.name.as_str(), "result_name" | "time")) {
                collect(root, &mut leaves);
            }
        }
        Ok(Self { result_name, time, leaves })
    }

    /// The number in element `name`: finite and not negative. Elements that repeat the same number count once.
    ///
    /// # Errors
    /// There is none, or it can't be used.
    pub fn claim(&self, name: &str) -> Result<f64, ClaimError> {
        claim(&self.leaves, name)
    }

    /// The texts of the elements `name`.
    pub fn texts<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        texts(&self.leaves, name)
    }
}

impl Trickle {
    /// Reads a message. Text outside of elements is skipped.
    ///
    /// # Errors
    /// It isn't XML within the limits, or lacks a usable `<result_name>` or `<time>`.
    pub fn parse(xml: &[u8]) -> Result<Self, TrickleError> {
        let Message { result_name, time, leaves } = Message::parse(xml)?;
        let result_name = result_name.ok_or(TrickleError::Missing { element: "result_name" })?;
        let time = time.ok_or(TrickleError::Missing { element: "time" })?;
        Ok(Self { result_name, time, leaves })
    }

    /// The number in element `name`: finite and not negative. Elements that repeat the same number count once.
    ///
    /// # Errors
    /// There is none, or it can't be used.
    pub fn claim(&self, name: &str) -> Result<f64, ClaimError> {
        claim(&self.leaves, name)
    }

    /// The texts of the elements `name`.
    pub fn texts<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        texts(&self.leaves, name)
    }
}

fn texts<'a>(leaves: &'a [Leaf], name: &'a str) -> impl Iterator<Item = &'a str> {
    leaves.iter().filter(move |leaf| leaf.name == name).map(|leaf| leaf.text.as_str())
}

fn claim(leaves: &[Leaf], name: &str) -> Result<f64, ClaimError> {
    let mut claim = None;
    for text in texts(leaves, name) {
        let value = number(name, text)?;
        match claim {
            #[allow(clippy::float_cmp, reason = "the same number sent twice is the same number")]
            Some(first) if first != value => {
                return Err(ClaimError::Repeated { name: printable(name, SHOWN), first, second: value });
            }
            _ => claim = Some(value),
        }
    }
    claim.ok_or_else(|| ClaimError::Missing { name: printable(name, SHOWN) })
}

/// The text of `<time>`.
fn seconds(text: &str) -> Result<i64, TrickleError> {
    text.parse().map_err(|_| TrickleError::Time { text: printable(text, SHOWN) })
}

fn number(name: &str, text: &str) -> Result<f64, ClaimError> {
    let (shown_name, shown) = (|| printable(name, SHOWN), || printable(text, SHOWN));
    let value: f64 =
        text.parse().map_err(|_| ClaimError::NotANumber { name: shown_name(), text: shown() })?;
    if !value.is_finite() {
        return Err(ClaimError::NotFinite { name: shown_name(), text: shown() });
    }
    if value < 0.0 {
        return Err(ClaimError::Negative { name: shown_name(), value });
    }
    // Zero without its sign.
    Ok(value + 0.0)
}

/// The text of the elements `name` at the top: none when there is none, or the first is empty.
fn single<'a>(roots: &'a [Element], name: &'static str) -> Result<Option<&'a str>, TrickleError> {
    let mut texts = roots.iter().filter(|root| root.name == name && root.is_leaf()).map(Element::trimmed);
    let Some(first) = texts.next().filter(|text| !text.is_empty()) else { return Ok(None) };
    match texts.find(|text| *text != first) {
        Some(second) => Err(TrickleError::Repeated {
            element: name,
            first: printable(first, SHOWN),
            second: printable(second, SHOWN),
        }),
        None => Ok(Some(first)),
    }
}

/// Depth is limited by [`MAX_DEPTH`].
fn collect(element: Element, into: &mut Vec<Leaf>) {
    if element.is_leaf() {
        into.push(Leaf { text: element.trimmed().to_owned(), name: element.name });
    } else {
        for child in element.children {
            collect(child, into);
        }
    }
}
