//! The files that describe an application to BOINC: `vbox_job.xml`, `job.xml`, `version.xml`, `plan_class_spec.xml`.
//!
//! Their readers skip what they do not know: vboxwrapper with a line in a log on the volunteer's computer, the others
//! without a word. So a misspelt element is lost. Here such a file is read as its program reads it, and what is lost is
//! told ([`Lost`]). The names that each program knows are in [`known`].
//!
//! Invariant: no bytes panic; reading moves forward, so it ends.

pub mod known;
mod read;

pub use read::{
    Content, Document, Entry, Lost, ReadFault, Why, XmlFault, flag, number, read, text, texts, well_formed,
};

/// What an element holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// Text.
    Text,
    /// A number.
    Number,
    /// A whole number: decimal, or hexadecimal after `0x`, or octal after `0`.
    Integer,
    /// Yes or no: `<x/>` and any whole number but 0 are yes.
    Flag,
    /// Elements.
    Section(&'static [Known]),
}

impl Shape {
    /// For messages.
    #[must_use]
    pub const fn wanted(self) -> &'static str {
        match self {
            Self::Text => "text without elements in it",
            Self::Number => "a number",
            Self::Integer => "a whole number",
            Self::Flag => "empty (yes), 1 or 0",
            Self::Section(_) => "elements",
        }
    }
}

/// An element that a program knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Known {
    /// Its name.
    pub name: &'static str,
    /// What it holds.
    pub shape: Shape,
    /// Whether each of several counts; if not, the last one does.
    pub many: bool,
}
