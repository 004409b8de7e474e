//! The output files of a result, read and parsed for comparison. Hostile: written by a volunteer's machine.
//!
//! | what is found | what it means |
//! |---|---|
//! | every file there and in form | the outputs can be compared |
//! | a check broken that the spec calls `suspicious` | they can be compared, and more results shall confirm them |
//! | a file missing, not a regular file, too large, malformed; a document that can't be read | the result's fault: validate error |
//! | the file's folder missing, or reading fails | nobody's fault yet: try again later |
//! | the file's folder still missing days after the report | the result's fault |
//! | a file that the spec declares is not in the result's document | the project's fault, for it wrote both: try again later |
//!
//! A file may be missing if the result's document or the spec says that it is optional. What the document takes out of
//! validation (`no_validate`) is not looked for.
//!
//! The upload handler makes a fan-out folder with its first file. In a young project most of them do not exist, so a
//! missing one can mean a file that was never uploaded as well as a file system that is not mounted. Stock waits for
//! ever. Here it is the result's fault in the end, unless the whole upload folder is missing or empty.

mod read;
mod seen;

use std::path::PathBuf;

use boinc::verdict::KeptFile;
use compare::{Answer, Comparison, Parsed, Plan};
use rules::quorum::Pair;

use crate::digest::{Stamp, digest};

pub use read::{About, STDERR_BYTES, Unreadable, Uploads, compares_stderr, spec_text};
pub use seen::Seen;

/// Outputs of one result in the order of its document.
#[derive(Debug)]
pub struct Outputs {
    files: Vec<Output>,
    /// As a script sees them.
    shown: compare::Seen,
    /// Where scripts are.
    programs: PathBuf,
    /// Something is odd about them, though they can be compared.
    pub suspicious: Option<String>,
}

/// One file; one that may be missing and is has no content.
#[derive(Debug)]
struct Output {
    /// Its logical name.
    file: String,
    /// The name of what is compared of it: its own, or that of one of several members of an archive.
    part: String,
    path: PathBuf,
    content: Option<Content>,
}

/// What is there.
#[derive(Debug)]
struct Content {
    /// None: only a script looks at it.
    parsed: Option<Parsed>,
    /// Of the file; None: it is none, or it changes.
    stamp: Option<Stamp>,
}

impl Output {
    /// What the spec calls suspicious.
    fn oddity(&self) -> Option<String> {
        let odd = self.content.as_ref()?.parsed.as_ref()?.oddity()?;
        Some(format!("output {:?}: {odd}", self.part))
    }
}

impl Outputs {
    /// Memory that the contents take, in bytes.
    #[must_use]
    pub fn memory(&self) -> u64 {
        let parsed = self.files.iter().filter_map(|file| file.content.as_ref()?.parsed.as_ref());
        parsed.fold(0, |sum, parsed| sum.saturating_add(parsed.memory() as u64))
    }

    /// Digests of the files that are there, if each is still the one that was parsed.
    #[must_use]
    pub fn digests(&self) -> Option<Vec<KeptFile>> {
        let mut kept: Vec<KeptFile> = Vec::new();
        for file in &self.files {
            let Some(content) = &file.content else { continue };
            // Members of one archive stand together.
            if kept.last().is_some_and(|last| last.name == file.file) {
                continue;
            }
            let stamp = content.stamp?;
            let sha256 = digest(&file.path, stamp)?;
            kept.push(KeptFile { name: file.file.clone(), sha256, bytes: stamp.size });
        }
        Some(kept)
    }

    /// Compares file by file. Every file must agree; a file that only one of them has does not. What is seen is the
    /// worst of all files, or the first file that differs.
    #[must_use]
    pub fn compare(&self, other: &Self, plan: &Plan) -> Seen {
        let seen = self.each(other, |name, left, right| plan.file(name).compare_mutually(left, right));
        self.by_script(other, plan, seen)
    }

    /// The same with the canonical result's outputs, which are the reference where a rule has one.
    #[must_use]
    pub fn compare_with_canonical(&self, canonical: &Self, plan: &Plan) -> Seen {
        let seen = self.each(canonical, |name, left, right| plan.file(name).compare(left, right));
        self.by_script(canonical, plan, seen)
    }

    /// Asks `compare_script` when all that is declared agrees. An output is not asked about itself.
    fn by_script(&self, other: &Self, plan: &Plan, seen: Seen) -> Seen {
        if !matches!(seen.pair, Pair::Agrees { .. }) || std::ptr::eq(self, other) {
            return seen;
        }
        let Some(ran) =
            plan.script().and_then(|script| script.compare(&self.shown, &other.shown, &self.programs))
        else {
            return seen;
        };
        let said = |what: &str| format!("compare_script {what}: {}", ran.output.trim_end());
        match &ran.answer {
            // What is seen of the files comes first: it has a place.
            Answer::Yes if seen.place.is_empty() && !ran.output.trim().is_empty() => {
                Seen { place: said("says yes"), ..seen }
            }
            Answer::Yes => seen,
            Answer::No => Seen::differs(said("says no")),
            Answer::Later => Seen::later("compare_script wants to be asked later"),
            Answer::NotAsked(why) => Seen::later(format!("compare_script: {why}")),
            Answer::CantSay(why) => Seen::unknown(said(&format!("can't say ({why})"))),
        }
    }

    fn each(&self, other: &Self, compare: impl Fn(&str, &Parsed, &Parsed) -> Comparison) -> Seen {
        if self.files.len() != other.files.len() {
            return Seen::differs(format!("{} and {} files", self.files.len(), other.files.len()));
        }
        let mut worst = Seen::equal();
        let deviation = |seen: &Seen| match seen.pair {
            Pair::Agrees { deviation } => deviation,
            Pair::Differs | Pair::Unknown => f64::INFINITY,
        };
        for (left, right) in self.files.iter().zip(&other.files) {
            if left.part != right.part {
                return Seen::differs(format!("files {:?} and {:?}", left.part, right.part));
            }
            let seen = match (&left.content, &right.content) {
                (None, None) => continue,
                (Some(Content { parsed: Some(one), .. }), Some(Content { parsed: Some(two), .. })) => {
                    Seen::of(&left.part, compare(&left.part, one, two))
                }
                // The script's.
                (Some(Content { parsed: None, .. }), Some(Content { parsed: None, .. })) => continue,
                _ => return Seen::differs(format!("{}: only one of them has it", left.part)),
            };
            if !matches!(seen.pair, Pair::Agrees { .. }) {
                return seen;
            }
            if deviation(&seen) > deviation(&worst) {
                worst = seen;
            }
        }
        worst
    }
}

#[cfg(test)]
mod tests;
