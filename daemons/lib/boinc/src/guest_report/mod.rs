//! Guest reports: how many jobs a task has received, done and failed inside its virtual machine, and how many
//! events they made.
//!
//! vboxwrapper sends such a text when the guest writes a file that `vbox_job.xml` names in `trickle_trigger_file`; the
//! variety of the message is the file's name. What stands in the text is agreed between the project and its guest:
//! XML, lines of `key=value`, or JSON.
//!
//! Invariant: no input panics; reading takes one pass over at most [`crate::trickle::MAX_BYTES`] and keeps only the
//! numbers asked for. A count is a whole number from 0 to [`MAX_COUNT`]. What is ambiguous is an error: two
//! different numbers of one name. Errors are one short printable line.

mod json;

use serde::{Deserialize, Serialize};

use crate::printable::printable;
use crate::trickle::{SHOWN, Trickle, TrickleError, envelope};

/// Largest count that is believed.
pub const MAX_COUNT: u64 = 1_000_000_000_000_000;

/// How the guest writes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// Elements, at whatever depth: `<jobs><received>5</received></jobs>`.
    Xml,
    /// Lines of `received=5`. Lines without `=` and lines that begin with `#` are skipped.
    KeyValue,
    /// One object. A number in an object in it is named with dots: `jobs.received`.
    Json,
}

/// What the guest calls the counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Names<'a> {
    /// Jobs that it took.
    pub received: &'a str,
    /// Jobs that ended well.
    pub succeeded: &'a str,
    /// Jobs that failed.
    pub failed: &'a str,
    /// Events that the jobs generated.
    pub events: &'a str,
}

impl Default for Names<'_> {
    fn default() -> Self {
        Self { received: "received", succeeded: "succeeded", failed: "failed", events: "events" }
    }
}

/// What happened in the virtual machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Report {
    /// Jobs that the guest took.
    pub received: u64,
    /// Jobs that ended well.
    pub succeeded: u64,
    /// Jobs that failed.
    pub failed: u64,
    /// Events that the jobs generated.
    pub events: u64,
}

impl Report {
    /// The larger of each count.
    #[must_use]
    pub fn max(self, other: Self) -> Self {
        self.each(other, u64::max)
    }

    /// The smaller of each count.
    #[must_use]
    pub fn min(self, other: Self) -> Self {
        self.each(other, u64::min)
    }

    /// The sums; the largest number rather than an overflow.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        self.each(other, u64::saturating_add)
    }

    /// What this one has more; 0 where it has less.
    #[must_use]
    pub fn minus(self, other: Self) -> Self {
        self.each(other, u64::saturating_sub)
    }

    /// The largest count.
    #[must_use]
    pub fn largest(self) -> u64 {
        self.received.max(self.succeeded).max(self.failed).max(self.events)
    }

    fn each(self, other: Self, of: fn(u64, u64) -> u64) -> Self {
        Self {
            received: of(self.received, other.received),
            succeeded: of(self.succeeded, other.succeeded),
            failed: of(self.failed, other.failed),
            events: of(self.events, other.events),
        }
    }
}

/// A message with a report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GuestReport {
    /// The result that the message is about, as the client says: it may belong to another host, or not exist.
    pub result_name: String,
    /// Unix seconds on the volunteer's clock.
    pub time: i64,
    /// The counts. One that the text lacks is 0.
    pub report: Report,
}

/// A report that can't be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReportError {
    /// The message around it can't be understood.
    #[error(transparent)]
    Message(#[from] TrickleError),
    /// Not JSON, or not within the limits.
    #[error("report is no JSON object: {0}")]
    Json(String),
    /// None of the names occurs.
    #[error("report has none of {0}")]
    Nothing(String),
    /// Not a whole number, negative, or larger than [`MAX_COUNT`].
    #[error("{name} is \"{text}\", which is not a whole number from 0 to 1e15")]
    Count {
        /// Made printable.
        name: String,
        /// Made printable.
        text: String,
    },
    /// Two numbers that differ.
    #[error("report has two different {name}: {first} and {second}")]
    Repeated {
        /// Made printable.
        name: String,
        /// The first.
        first: u64,
        /// The one that differs.
        second: u64,
    },
}

/// Reads a message: which result, and the counts by their `names`.
///
/// # Errors
/// It can't be used; the reason is short and printable.
pub fn read(xml: &[u8], format: Format, names: &Names<'_>) -> Result<GuestReport, ReportError> {
    let mut counts = Counts::new(names);
    let (result_name, time) = match format {
        Format::Xml => {
            let Trickle { result_name, time, leaves } = Trickle::parse(xml)?;
            for leaf in &leaves {
                counts.text(&leaf.name, &leaf.text)?;
            }
            (result_name, time)
        }
        Format::KeyValue => {
            let split = envelope(xml)?;
            for line in split.body.lines().map(str::trim).filter(|line| !line.starts_with('#')) {
                if let Some((name, text)) = line.split_once('=') {
                    counts.text(name.trim(), text.trim())?;
                }
            }
            (split.result_name.to_owned(), split.time)
        }
        Format::Json => {
            let split = envelope(xml)?;
            json::read(split.body, &mut counts)?;
            (split.result_name.to_owned(), split.time)
        }
    };
    Ok(GuestReport { result_name, time, report: counts.report()? })
}

/// The counts found so far, with their names.
pub(crate) struct Counts<'a> {
    found: [(&'a str, Option<u64>); 4],
}

impl<'a> Counts<'a> {
    fn new(names: &Names<'a>) -> Self {
        Self { found: [names.received, names.succeeded, names.failed, names.events].map(|name| (name, None)) }
    }

    /// Whether a number of that name is asked for.
    pub(crate) fn wants(&self, name: &str) -> bool {
        self.found.iter().any(|(wanted, _)| *wanted == name)
    }

    /// A number as text.
    fn text(&mut self, name: &str, text: &str) -> Result<(), ReportError> {
        if !self.wants(name) {
            return Ok(());
        }
        let count = match text.parse::<u64>() {
            Ok(count) => (count <= MAX_COUNT).then_some(count),
            Err(_) => text.parse::<f64>().ok().and_then(whole),
        };
        let count = count
            .ok_or_else(|| ReportError::Count { name: printable(name, SHOWN), text: printable(text, SHOWN) });
        self.count(name, count?)
    }

    /// A number that was not a text.
    pub(crate) fn count(&mut self, name: &str, count: u64) -> Result<(), ReportError> {
        for (wanted, found) in &mut self.found {
            if *wanted != name {
                continue;
            }
            match *found {
                Some(first) if first != count => {
                    return Err(ReportError::Repeated { name: printable(name, SHOWN), first, second: count });
                }
                _ => *found = Some(count),
            }
        }
        Ok(())
    }

    fn report(&self) -> Result<Report, ReportError> {
        if self.found.iter().all(|(_, count)| count.is_none()) {
            let names = self.found.map(|(name, _)| printable(name, 30)).join(", ");
            return Err(ReportError::Nothing(names));
        }
        let [received, succeeded, failed, events] = self.found.map(|(_, count)| count.unwrap_or(0));
        Ok(Report { received, succeeded, failed, events })
    }
}

/// A float that is a count: `1e6`, `12.0`.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "whole and from 0 to 1e15")]
pub(crate) fn whole(value: f64) -> Option<u64> {
    let usable = value.is_finite() && value >= 0.0 && value <= MAX_COUNT as f64 && value.fract() == 0.0;
    usable.then_some(value as u64)
}

#[cfg(test)]
mod tests;
