//! Lines of a text: which are skipped, and which must be there.

use std::sync::Arc;

use regex::bytes::{Regex, RegexSet};

use super::Input;
use crate::plausible::Severity;
use crate::report::shown;
use crate::source::{Malformed, Trouble};
use crate::spec::{FileSpec, Report};

/// Longest a compiled set of expressions may be, in bytes.
const LARGEST_EXPRESSION: usize = 10 << 20;

/// Which lines count.
#[derive(Debug, Clone)]
pub(crate) struct TextOptions {
    skip_lines: u64,
    comment: Vec<u8>,
    ignore: Option<RegexSet>,
    require: Arc<Vec<Regex>>,
    forbid: Option<RegexSet>,
    /// Nothing of the above: every line counts.
    plain: bool,
    /// What breaking `require` or `forbid` means.
    severity: Severity,
}

impl TextOptions {
    pub(crate) fn new(spec: &FileSpec, report: Report<'_>) -> Self {
        let ignore = set(&spec.ignore, "ignore", report);
        let forbid = set(&spec.forbid, "forbid", report);
        let require: Vec<Regex> =
            spec.require.iter().filter_map(|pattern| expression(pattern, "require", report)).collect();
        let plain = spec.skip_lines == 0
            && spec.comment.is_empty()
            && ignore.is_none()
            && forbid.is_none()
            && require.is_empty();
        Self {
            skip_lines: spec.skip_lines,
            comment: spec.comment.clone().into_bytes(),
            ignore,
            require: Arc::new(require),
            forbid,
            plain,
            severity: spec.severity,
        }
    }
}

fn set(patterns: &[String], key: &str, report: Report<'_>) -> Option<RegexSet> {
    let good: Vec<&String> =
        patterns.iter().filter(|pattern| expression(pattern, key, report).is_some()).collect();
    if good.is_empty() {
        return None;
    }
    let built = regex::bytes::RegexSetBuilder::new(good).size_limit(LARGEST_EXPRESSION).build();
    built.map_err(|error| report(key, format!("the expressions are too large together: {error}"))).ok()
}

fn expression(pattern: &str, key: &str, report: Report<'_>) -> Option<Regex> {
    let built = regex::bytes::RegexBuilder::new(pattern).size_limit(LARGEST_EXPRESSION).build();
    match built {
        Ok(regex) if key == "ignore" && regex.is_match(b"") && regex.is_match(b"1 a") => {
            report(
                key,
                format!("{pattern:?} matches every line, so nothing would be compared; begin it with ^"),
            );
            None
        }
        Ok(regex) => Some(regex),
        Err(error) => {
            let error = error.to_string();
            let last = error.lines().last().unwrap_or_default().trim_start_matches("error: ");
            report(key, format!("{pattern:?} is no regular expression: {last}"));
            None
        }
    }
}

/// The lines of a source that count.
#[derive(Debug)]
pub(crate) struct TextLines {
    input: Input,
    options: TextOptions,
    line: u64,
    /// Which of the required ones were seen.
    seen: Vec<bool>,
    /// Where breaking `require` or `forbid` is suspicious only.
    oddity: Option<Malformed>,
}

impl TextLines {
    pub(crate) fn new(input: Input, options: &TextOptions) -> Self {
        let seen = vec![false; options.require.len()];
        Self { input, options: options.clone(), line: 0, seen, oddity: None }
    }

    /// What is odd about the lines so far.
    pub(crate) fn oddity(&self) -> Option<Malformed> {
        self.oddity.clone()
    }

    /// Number of the line that was given last, from 1.
    pub(crate) const fn line(&self) -> u64 {
        self.line
    }

    /// Puts the next line that counts into `bytes`, without its end; false after the last one.
    #[inline]
    pub(crate) fn next(&mut self, bytes: &mut Vec<u8>) -> Result<bool, Trouble> {
        loop {
            self.line += 1;
            let Some(line) = self.input.line(self.line)? else {
                return self.ended().map(|()| false);
            };
            // As Windows ends lines. Expressions must not see it: `$` stands before it.
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            if self.options.plain
                || look(line, self.line, &self.options, &mut self.seen, &mut self.oddity)? == Line::Content
            {
                bytes.clear();
                bytes.extend_from_slice(line);
                return Ok(true);
            }
        }
    }

    /// Puts the first comment into `bytes`, without its sign; false if nothing is there. It is a fault of the content if
    /// another line comes first.
    pub(crate) fn comment(&mut self, bytes: &mut Vec<u8>) -> Result<bool, Trouble> {
        loop {
            self.line += 1;
            let Some(line) = self.input.line(self.line)? else {
                return self.ended().map(|()| false);
            };
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            match look(line, self.line, &self.options, &mut self.seen, &mut self.oddity)? {
                Line::Comment => {
                    let text = line.trim_ascii_start();
                    bytes.clear();
                    bytes.extend_from_slice(
                        text.strip_prefix(self.options.comment.as_slice()).unwrap_or(text),
                    );
                    return Ok(true);
                }
                Line::Content if !line.trim_ascii().is_empty() => {
                    let what = "stands where a comment should name the columns (commented_header)";
                    let what = format!("{} {what}", shown(line));
                    return Err(Malformed::Format { place: format!("line {}", self.line), what }.into());
                }
                _ => {}
            }
        }
    }

    fn ended(&mut self) -> Result<(), Trouble> {
        let missing = self.options.require.iter().zip(&self.seen).find(|(_, seen)| !**seen);
        missing.map_or(Ok(()), |(pattern, _)| {
            let what = Malformed::Required { pattern: shown(pattern.as_str().as_bytes()) };
            broken(self.options.severity, what, &mut self.oddity)
        })
    }
}

/// Takes note of a broken check, or ends the reading with it.
fn broken(severity: Severity, what: Malformed, oddity: &mut Option<Malformed>) -> Result<(), Trouble> {
    match severity {
        Severity::Malformed => return Err(what.into()),
        Severity::Suspicious => oddity.get_or_insert(what),
    };
    Ok(())
}

/// What a line is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Line {
    Skipped,
    Comment,
    Content,
}

fn look(
    line: &[u8],
    number: u64,
    options: &TextOptions,
    seen: &mut [bool],
    oddity: &mut Option<Malformed>,
) -> Result<Line, Trouble> {
    for (pattern, seen) in options.require.iter().zip(seen) {
        *seen = *seen || pattern.is_match(line);
    }
    if options.forbid.as_ref().is_some_and(|forbid| forbid.is_match(line)) {
        broken(options.severity, Malformed::Forbidden { line: number, text: shown(line) }, oddity)?;
    }
    let is_comment = !options.comment.is_empty() && line.trim_ascii_start().starts_with(&options.comment);
    let is_ignored = || options.ignore.as_ref().is_some_and(|ignore| ignore.is_match(line));
    Ok(match (number <= options.skip_lines || is_ignored(), is_comment) {
        (true, _) => Line::Skipped,
        (false, true) => Line::Comment,
        (false, false) => Line::Content,
    })
}
