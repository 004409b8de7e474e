//! Outputs of several files, by logical name.
//!
//! Every file must agree; one that only one of the two has does not. A script, if there is one, is asked after the
//! files, and only if they agree; files that no entry of the spec names are its alone.

use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::plan::Plan;
use crate::report::{Comparison, Reason, Side, Verdict};
use crate::script::Seen;
use crate::source::File;

/// The answer about one file.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FileComparison {
    /// Logical name, with the member if several of an archive are compared; `script` for what a script said.
    pub name: String,
    /// The answer.
    #[serde(flatten)]
    pub comparison: Comparison,
}

/// The answer about all files of two outputs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct OutputComparison {
    /// `Differ` if a file differs; else `CantSay` if of one it can't be said; else `Agree`.
    pub verdict: Verdict,
    /// In the order of their names.
    pub files: Vec<FileComparison>,
}

/// A file of an output: its logical name, and what it holds, if it is there.
pub type Named<T> = (String, Option<T>);

impl Plan {
    /// Compares files side by side, without keeping them. A script is looked for in `programs`.
    pub fn compare_files(
        &self,
        left: &[Named<PathBuf>],
        right: &[Named<PathBuf>],
        programs: &Path,
    ) -> OutputComparison {
        let mut compared = self.each(names(left, right), |name, part| {
            let file = self.file(part);
            match (content(left, name), content(right, name)) {
                (Some(a), Some(b)) => {
                    Some(match (File::open(a, file.max_bytes()), File::open(b, file.max_bytes())) {
                        (Ok(a), Ok(b)) => file.compare_files(a, b),
                        (Err(error), _) => Comparison::trouble(Side::Left, &error.into()),
                        (_, Err(error)) => Comparison::trouble(Side::Right, &error.into()),
                    })
                }
                (a, b) => lacking(a.is_some(), b.is_some()),
            }
        });
        if let Some(script) = self.script().filter(|_| compared.verdict == Verdict::Agree) {
            let seen = |files: &[Named<PathBuf>]| Seen {
                files: files.iter().filter_map(|(_, path)| path.clone()).collect(),
                ..Seen::default()
            };
            if let Some(ran) = script.compare(&seen(left), &seen(right), programs) {
                let comparison = ran.comparison();
                compared.verdict = comparison.verdict;
                compared.files.push(FileComparison { name: "script".into(), comparison });
            }
        }
        compared
    }

    fn each(
        &self,
        names: BTreeSet<String>,
        mut compare: impl FnMut(&str, &str) -> Option<Comparison>,
    ) -> OutputComparison {
        let expected: BTreeSet<String> = self.expected().map(str::to_owned).collect();
        let mut files = Vec::new();
        for name in names.union(&expected).filter(|name| !self.is_for_script(name)) {
            for part in self.parts(name) {
                let comparison = match compare(name, &part) {
                    Some(comparison) => comparison,
                    // Both say that they have none of it.
                    None if names.contains(name) || self.file(&part).is_optional() => continue,
                    None => {
                        Comparison::new(Reason::CantSay { side: None, what: "neither has the file".into() })
                    }
                };
                files.push(FileComparison { name: part, comparison });
            }
        }
        let verdict = files.iter().map(|file| file.comparison.verdict).max().unwrap_or(Verdict::Agree);
        OutputComparison { verdict, files }
    }
}

fn names<T>(left: &[Named<T>], right: &[Named<T>]) -> BTreeSet<String> {
    left.iter().chain(right).map(|(name, _)| name.clone()).collect()
}

fn content<'f, T>(files: &'f [Named<T>], name: &str) -> Option<&'f T> {
    files.iter().find(|(file, _)| file == name).and_then(|(_, content)| content.as_ref())
}

/// What follows if not both are there; `None` if none is.
fn lacking(left: bool, right: bool) -> Option<Comparison> {
    match (left, right) {
        (true, false) => Some(Comparison::new(Reason::Missing { side: Side::Right })),
        (false, true) => Some(Comparison::new(Reason::Missing { side: Side::Left })),
        _ => None,
    }
}

impl OutputComparison {
    /// Whether the verdict is `Agree`.
    pub fn agrees(&self) -> bool {
        self.verdict == Verdict::Agree
    }

    /// The largest deviation of all files, in units of its tolerance.
    pub fn units(&self) -> f64 {
        self.files.iter().map(|file| file.comparison.units()).fold(0.0, f64::max)
    }
}

impl fmt::Display for OutputComparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, file) in self.files.iter().enumerate() {
            let end = if index == 0 { "" } else { "\n" };
            let name: String = file.name.chars().flat_map(char::escape_debug).collect();
            write!(f, "{end}{name}: {}", file.comparison)?;
        }
        Ok(())
    }
}
