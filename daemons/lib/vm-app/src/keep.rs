//! Whether a file may be written. One that a person changed never is: the difference is shown instead.
//!
//! What was written is remembered as a digest ([`Built`]). A file whose digest is the remembered one is ours, and may be
//! replaced; any other is somebody's. What is about to be written is remembered before, beside what was: killed in between,
//! the next build knows both for ours, also if the description says something else by then.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use similar::TextDiff;

/// What was written: path and digest, kept in `cobblestone/.built.json`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Built {
    /// SHA-256 in hex of what was written last, by path relative to the project directory. A plan class is
    /// `plan_class_spec.xml#NAME`.
    pub files: BTreeMap<String, String>,
    /// The same of what is about to be written, while it is.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub about_to: BTreeMap<String, Vec<String>>,
}

/// What to do with a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// It is not there: write it.
    Create,
    /// It is as it should be.
    Same,
    /// We wrote what is there: replace it.
    Update,
    /// Somebody changed it: leave it. The unified difference from what is there to what would be written.
    Keep(String),
}

impl Built {
    /// Remembers that this is what was written.
    pub fn remember(&mut self, path: &str, text: &str) {
        self.about_to.remove(path);
        self.files.insert(path.to_owned(), digest(text));
    }

    /// Remembers that this is about to be written. What a killed one was about to write stays remembered, too.
    pub fn announce(&mut self, path: &str, text: &str) {
        let (digest, all) = (digest(text), self.about_to.entry(path.to_owned()).or_default());
        if !all.contains(&digest) {
            all.push(digest);
        }
    }

    /// What to do with the file at `path`, which holds `there`.
    #[must_use]
    pub fn action(&self, path: &str, there: Option<&str>, wanted: &str) -> Action {
        match there {
            None => Action::Create,
            Some(there) if there == wanted => Action::Same,
            Some(there) if self.is_ours(path, there) => Action::Update,
            Some(there) => Action::Keep(difference(path, there, wanted)),
        }
    }

    /// Whether this text was written by us.
    #[must_use]
    pub fn is_ours(&self, path: &str, there: &str) -> bool {
        let digest = digest(there);
        let about_to = self.about_to.get(path).into_iter().flatten();
        self.files.get(path).into_iter().chain(about_to).any(|known| *known == digest)
    }
}

/// Unified difference, with three lines around each change.
#[must_use]
pub fn difference(path: &str, there: &str, wanted: &str) -> String {
    let from = format!("{path} (as it is)");
    let to = format!("{path} (as it would be written)");
    TextDiff::from_lines(there, wanted).unified_diff().context_radius(3).header(&from, &to).to_string()
}

fn digest(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_about_to_be_written_is_ours_and_so_is_what_was_before() {
        let mut built = Built::default();
        built.remember("a", "one\n");
        built.announce("a", "two\n");
        built.announce("a", "three\n");
        for ours in ["one\n", "two\n", "three\n"] {
            assert_eq!(built.action("a", Some(ours), "four\n"), Action::Update);
        }
        assert!(matches!(built.action("a", Some("mine\n"), "four\n"), Action::Keep(_)));
        built.remember("a", "four\n");
        assert!(built.about_to.is_empty() && !built.is_ours("a", "two\n"));
    }

    #[test]
    fn what_a_person_changed_is_left_with_a_difference() {
        let mut built = Built::default();
        assert_eq!(built.action("a", None, "x\n"), Action::Create);
        assert_eq!(built.action("a", Some("x\n"), "x\n"), Action::Same);
        // It was there before us, or it was changed since.
        let Action::Keep(diff) = built.action("a", Some("one\ntwo\n"), "one\n2\n") else { panic!() };
        assert_eq!(
            diff,
            "--- a (as it is)\n+++ a (as it would be written)\n@@ -1,2 +1,2 @@\n one\n-two\n+2\n"
        );
        built.remember("a", "one\n");
        assert_eq!(built.action("a", Some("one\n"), "two\n"), Action::Update);
        assert!(matches!(built.action("a", Some("one!\n"), "two\n"), Action::Keep(_)));
        assert!(matches!(built.action("b", Some("one\n"), "two\n"), Action::Keep(_)));
    }
}
