//! Puts plan classes into the project's plan_class_spec.xml, which applications share.
//!
//! Invariant: no other block, no comment and no blank changes. A block of ours that a person changed stays as it is.

use std::ops::Range;

use boinc::app_files::{Entry, known, read};

use crate::keep::{Built, difference};

/// The file, relative to the project directory.
pub const FILE: &str = "plan_class_spec.xml";

/// What is to become of the file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Merge {
    /// The new text; none if nothing changes.
    pub text: Option<String>,
    /// Names of the classes that are new or replaced in it.
    pub written: Vec<String>,
    /// Classes that a person changed, with the difference.
    pub kept: Vec<(String, String)>,
}

/// The key under which a class is remembered.
#[must_use]
pub fn key(name: &str) -> String {
    format!("{FILE}#{name}")
}

/// Puts `ours` (name and block) into the text that is `there`.
///
/// # Errors
/// Why it can't be done: the text has no `</plan_classes>`.
pub fn merge(there: Option<&str>, ours: &[(String, String)], built: &Built) -> Result<Merge, String> {
    let Some(there) = there else {
        if ours.is_empty() {
            return Ok(Merge::default());
        }
        let blocks: String = ours.iter().map(|(_, block)| indented(block)).collect();
        let written = ours.iter().map(|(name, _)| name.clone()).collect();
        return Ok(Merge {
            text: Some(format!("<plan_classes>\n{blocks}</plan_classes>\n")),
            written,
            kept: Vec::new(),
        });
    };
    let mut text = there.to_owned();
    let mut merge = Merge::default();
    for (name, block) in ours {
        let found = blocks(&text).into_iter().find(|(found, _)| found == name);
        match found {
            Some((_, range)) => {
                let old = text.get(range.clone()).unwrap_or_default().to_owned();
                let new = indented(block);
                if says(&old) == says(&new) {
                    continue;
                }
                if built.is_ours(&key(name), &normal(&old)) {
                    text.replace_range(range, new.trim());
                    merge.written.push(name.clone());
                } else {
                    merge.kept.push((name.clone(), difference(FILE, &normal(&old), &normal(&new))));
                }
            }
            None => {
                let end = end_of(&text).ok_or_else(|| {
                    format!("{FILE} has no </plan_classes>, so the scheduler refuses it as a whole; mend it")
                })?;
                let before = text.get(..end).unwrap_or_default();
                let gap = if before.ends_with('\n') || before.is_empty() { "" } else { "\n" };
                text.insert_str(end, &format!("{gap}{}", indented(block)));
                merge.written.push(name.clone());
            }
        }
    }
    if !merge.written.is_empty() {
        merge.text = Some(text);
    }
    Ok(merge)
}

/// A block as it is remembered: the same however deep it stands.
#[must_use]
pub fn normal(block: &str) -> String {
    block
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .fold(String::new(), |text, line| text + line + "\n")
}

fn indented(block: &str) -> String {
    block.lines().fold(String::new(), |text, line| text + "    " + line + "\n")
}

/// What a block says to the scheduler, whatever its form.
fn says(block: &str) -> Option<Vec<(&'static str, String)>> {
    let whole = format!("<plan_classes>{block}</plan_classes>");
    let document = read(whole.as_bytes(), "plan_classes", known::PLAN_CLASSES).ok()?;
    let mut says: Vec<(&str, String)> = document
        .sections("plan_class")
        .into_iter()
        .flatten()
        .map(|Entry { name, content, .. }| (*name, format!("{content:?}")))
        .collect();
    says.sort();
    Some(says)
}

/// Name and place of each `<plan_class>` that is not in a comment.
fn blocks(text: &str) -> Vec<(String, Range<usize>)> {
    let plain = without_comments(text);
    let (begin, end) = ("<plan_class>", "</plan_class>");
    let mut blocks = Vec::new();
    let mut at = 0;
    while let Some(start) = plain.get(at..).and_then(|rest| rest.find(begin)).map(|found| at + found) {
        let Some(length) = plain.get(start..).and_then(|rest| rest.find(end)) else { break };
        let stop = start + length + end.len();
        let name = plain
            .get(start..stop)
            .and_then(|block| block.split_once("<name>")?.1.split_once("</name>"))
            .map(|(name, _)| name.trim().to_owned());
        if let Some(name) = name {
            blocks.push((name, start..stop));
        }
        at = stop;
    }
    blocks
}

/// Where the last block ends: the line of `</plan_classes>`.
fn end_of(text: &str) -> Option<usize> {
    let at = without_comments(text).rfind("</plan_classes>")?;
    let line = text.get(..at)?.rfind('\n').map_or(0, |newline| newline + 1);
    // If something stands before it on its line, right before it.
    Some(if text.get(line..at)?.trim().is_empty() { line } else { at })
}

/// The text with blanks in place of comments: every place stays where it is.
fn without_comments(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("<!--") {
        out.push_str(before);
        let (comment, tail) = after.split_once("-->").unwrap_or((after, ""));
        let closed = if comment.len() == after.len() { 0 } else { 3 };
        out.extend(std::iter::repeat_n(' ', 4 + comment.len() + closed));
        rest = tail;
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn class(name: &str, version: u32) -> (String, String) {
        let block = format!(
            "<plan_class>\n    <name>{name}</name>\n    <virtualbox/>\n    <min_vbox_version>{version}</min_vbox_version>\n</plan_class>\n"
        );
        (name.to_owned(), block)
    }

    const THERE: &str = "<!-- <plan_class><name>a</name></plan_class> ü -->\n<plan_classes>\n    <plan_class>\n        <name>other</name>\n    \
        </plan_class>\n    <!-- last --> \n</plan_classes>\n";

    #[test]
    fn a_new_file_and_a_file_that_is_there() {
        let built = Built::default();
        let new = merge(None, &[class("a", 1)], &built).unwrap();
        let text = new.text.unwrap();
        assert!(text.starts_with("<plan_classes>\n    <plan_class>\n        <name>a</name>\n"), "{text}");
        assert_eq!(merge(None, &[], &built).unwrap(), Merge::default());

        let added = merge(Some(THERE), &[class("a", 1), class("b", 2)], &built).unwrap();
        let text = added.text.unwrap();
        assert_eq!(added.written, ["a", "b"]);
        let (before, after) = THERE.split_at(THERE.find("</plan_classes>").unwrap());
        assert!(text.starts_with(before) && text.ends_with(after), "{text}");
        assert_eq!(merge(Some(&text), &[class("a", 1), class("b", 2)], &built).unwrap(), Merge::default());
        assert!(merge(Some("<plan_classes>"), &[class("a", 1)], &built).is_err());
    }

    #[test]
    fn a_block_that_a_person_changed_stays() {
        let mut built = Built::default();
        let text = merge(Some(THERE), &[class("a", 1)], &built).unwrap().text.unwrap();
        let changed = merge(Some(&text), &[class("a", 2)], &built).unwrap();
        assert_eq!(changed.text, None);
        assert!(changed.kept[0].1.contains("-<min_vbox_version>1<"), "{changed:?}");
        built.remember(&key("a"), &normal(&class("a", 1).1));
        let ours = merge(Some(&text), &[class("a", 2)], &built).unwrap();
        assert_eq!(ours.text.unwrap(), text.replace(">1</min", ">2</min"));
        assert_eq!(ours.kept, []);
    }

    proptest! {
        #[test]
        fn nothing_panics_and_what_was_there_stays(
            text in "(<plan_classes>|</plan_classes>|<plan_class>|</plan_class>|<name>a</name>|<name>é</name>|<!--|-->|\n| |x){0,25}"
        ) {
            if let Ok(Merge { text: Some(new), .. }) = merge(Some(&text), &[class("new", 1)], &Built::default()) {
                let (_, block) = class("new", 1);
                prop_assert_eq!(new.replacen(&indented(&block), "", 1).replace('\n', ""), text.replace('\n', ""));
            }
        }
    }
}
