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

use std::path::{Path, PathBuf};

use boinc::hierarchy::path_in;
use boinc::id::ResultId;
use boinc::result_doc::{OutputFile, output_files};
use boinc::verdict::KeptFile;
use compare::{Answer, Comparison, File, FileError, Parsed, Plan, Ran, Spec, Trouble, Verdict};
use rules::quorum::Pair;

use crate::digest::{Stamp, digest};

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
    name: String,
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
        Some(format!("output {:?}: {odd}", self.name))
    }
}

/// Whose outputs they are, and what is known of them beside the files.
#[derive(Debug, Clone, Copy)]
pub struct About<'a> {
    #[allow(missing_docs)]
    pub result: ResultId,
    /// `xml_doc_in`
    pub document: &'a [u8],
    /// `stderr_out`, where the spec compares it.
    pub stderr: Option<&'a [u8]>,
    /// Run time in seconds, for scripts.
    pub runtime: f64,
    /// Seconds since it was reported.
    pub age: f64,
}

impl<'a> About<'a> {
    /// Of a result that was reported `age` seconds ago.
    #[must_use]
    pub fn new(document: &'a [u8], age: f64) -> Self {
        Self { result: ResultId(0), document, stderr: None, runtime: 0.0, age }
    }
}

/// Why outputs can't be compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unreadable {
    /// The result's fault.
    Bad(String),
    /// Try again later.
    Later(String),
}

/// What was seen when two outputs were compared.
#[derive(Debug, Clone, PartialEq)]
pub struct Seen {
    /// For the rules.
    pub pair: Pair,
    /// Largest deviation in units of the tolerance; None: nothing deviates, or it is no number.
    pub deviation: Option<f64>,
    /// File and place where it is, or why there is none; empty when they are equal.
    pub place: String,
    /// What the left one has there, escaped.
    pub left: String,
    /// What the right one has there, escaped.
    pub right: String,
    /// Ask again later.
    pub later: bool,
}

impl Seen {
    /// Equal.
    #[must_use]
    pub fn equal() -> Self {
        Self {
            pair: Pair::EQUAL,
            deviation: None,
            place: String::new(),
            left: String::new(),
            right: String::new(),
            later: false,
        }
    }

    /// They differ, for a reason that is no value.
    #[must_use]
    pub fn differs(why: impl Into<String>) -> Self {
        Self { pair: Pair::Differs, place: why.into(), ..Self::equal() }
    }

    /// The comparison could not say, for a reason.
    #[must_use]
    pub fn unknown(why: impl Into<String>) -> Self {
        Self { pair: Pair::Unknown, place: why.into(), ..Self::equal() }
    }

    /// The comparison can't be made now, for a reason.
    #[must_use]
    pub fn later(why: impl Into<String>) -> Self {
        Self { later: true, ..Self::unknown(why) }
    }

    /// The same, seen from the other side.
    #[must_use]
    pub fn turned(self) -> Self {
        Self { left: self.right, right: self.left, ..self }
    }

    fn of(file: &str, comparison: Comparison) -> Self {
        let pair = match comparison.verdict {
            Verdict::Agree => Pair::Agrees { deviation: comparison.units() },
            Verdict::Differ => Pair::Differs,
            Verdict::CantSay => return Self::unknown(format!("{file}: {}", comparison.reason)),
        };
        match comparison.worst {
            Some(worst) => Self {
                pair,
                deviation: Some(worst.in_tolerance_units).filter(|units| units.is_finite()),
                place: format!("{file}, line {}, column {}", worst.line, worst.column),
                left: worst.left,
                right: worst.right,
                later: false,
            },
            None if comparison.verdict == Verdict::Agree => Self { pair, ..Self::equal() },
            None => Self::differs(format!("{file}: {}", comparison.reason)),
        }
    }
}

/// The name of a task's stderr among its outputs.
const STDERR: &str = "stderr";

/// So many bytes at the end of `stderr_out` are compared.
pub const STDERR_BYTES: i32 = 64 * 1024;

/// Whether a spec compares stderr, so that it has to be read.
#[must_use]
pub fn compares_stderr(spec: &Spec) -> bool {
    spec.files.iter().any(|file| file.name == STDERR)
}

/// Seconds after the report from which on a missing fan-out folder is the result's fault.
const PATIENCE: f64 = 3.0 * 86_400.0;

/// The upload folder.
#[derive(Debug, Clone)]
pub struct Uploads {
    /// Its root.
    pub folder: PathBuf,
    /// config.xml: `uldl_dir_fanout`
    pub fanout: u32,
    /// Where scripts are: `bin/` of the project.
    pub programs: PathBuf,
}

/// The text of a spec, for keeping: whoever has it knows what "the same" meant.
#[must_use]
pub fn spec_text(spec: &Spec) -> String {
    serde_json::to_string_pretty(spec).unwrap_or_else(|error| format!("can't be written: {error}"))
}

impl Uploads {
    /// Reads the outputs that a result's document names, and its stderr if that is compared, and asks `init_script`.
    ///
    /// # Errors
    /// See the module's table.
    pub fn read(&self, about: &About<'_>, plan: &Plan) -> Result<Outputs, Unreadable> {
        let named = document(about.document)?;
        all_declared(&named, plan)?;
        let mut files = Vec::new();
        for file in named.iter().filter(|file| !file.no_validate) {
            files.push(self.read_one(file, plan, about.age)?);
        }
        let there = files.iter().filter(|file| file.content.is_some()).map(|file| file.path.clone());
        let shown = compare::Seen {
            files: there.collect(),
            result_id: about.result.0.into(),
            runtime: about.runtime,
        };
        if let Some(stderr) = about.stderr {
            files.push(read_stderr(stderr, plan)?);
        }
        let suspicious = files.iter().find_map(Output::oddity);
        let outputs = Outputs { files, shown, programs: self.programs.clone(), suspicious };
        match plan.script().and_then(|script| script.init(&outputs.shown, &self.programs)) {
            None => Ok(outputs),
            Some(Ran { answer: Answer::Yes, .. }) => Ok(outputs),
            Some(Ran { answer: Answer::No, output }) => {
                Err(Unreadable::Bad(format!("init_script says no: {}", output.trim_end())))
            }
            Some(Ran { answer: Answer::Later, .. }) => {
                Err(Unreadable::Later("init_script wants to be asked later".to_owned()))
            }
            // Never anybody's fault.
            Some(Ran { answer: Answer::CantSay(why), output }) => {
                Err(Unreadable::Later(format!("init_script can't say: {why}; {}", output.trim_end())))
            }
        }
    }

    /// Whether all files that `xml_doc_in` names are there, but those that may be missing.
    #[must_use]
    pub fn are_there(&self, xml_doc_in: &[u8], plan: &Plan) -> bool {
        let there = |file: &OutputFile| {
            path_in(&self.folder, &file.physical_name, self.fanout)
                .is_ok_and(|path| Stamp::of(&path).is_some())
        };
        compared(xml_doc_in)
            .is_ok_and(|files| files.iter().all(|file| may_be_missing(file, plan) || there(file)))
    }

    /// Bytes of the files that `xml_doc_in` names, as far as they are there.
    #[must_use]
    pub fn size(&self, xml_doc_in: &[u8]) -> u64 {
        let Ok(files) = compared(xml_doc_in) else { return 0 };
        let sizes = files.iter().filter_map(|file| {
            let path = path_in(&self.folder, &file.physical_name, self.fanout).ok()?;
            Some(Stamp::of(&path)?.size)
        });
        sizes.fold(0, u64::saturating_add)
    }

    fn read_one(&self, file: &OutputFile, plan: &Plan, age: f64) -> Result<Output, Unreadable> {
        let name = &file.open_name;
        let path = path_in(&self.folder, &file.physical_name, self.fanout)
            .map_err(|error| Unreadable::Bad(format!("output {name:?}: {error}")))?;
        let stamp = Stamp::of(&path);
        let for_script = plan.is_for_script(name);
        let optional = may_be_missing(file, plan);
        let plan = plan.file(name);
        let parsed = File::open(&path, plan.max_bytes())
            .map_err(Trouble::from)
            .and_then(|opened| if for_script { Ok(None) } else { Parsed::read(opened, plan).map(Some) });
        let output = |path, content| Output { name: name.clone(), path, content };
        match parsed {
            Ok(parsed) => match parsed.as_ref().map_or(Ok(()), Parsed::check) {
                Ok(()) => Ok(output(path, Some(Content { parsed, stamp }))),
                Err(malformed) => Err(Unreadable::Bad(format!("output {name:?}: {malformed}"))),
            },
            Err(Trouble::File(error)) if error.is_missing() && self.may_come(&path, age) => Err(
                Unreadable::Later(format!("output {name:?}: the folder of {} is missing", path.display())),
            ),
            Err(Trouble::File(error)) if error.is_missing() && optional => Ok(output(path, None)),
            Err(error @ (Trouble::Io(_) | Trouble::TooHard(_) | Trouble::File(FileError::Io { .. }))) => {
                Err(Unreadable::Later(format!("output {name:?}: {error}")))
            }
            Err(error) => Err(Unreadable::Bad(format!("output {name:?}: {error}"))),
        }
    }

    /// The file's folder is missing, and that may still change: see the module.
    fn may_come(&self, path: &Path, age: f64) -> bool {
        let is_mounted = || std::fs::read_dir(&self.folder).is_ok_and(|mut entries| entries.next().is_some());
        let gave_up = age > PATIENCE && is_mounted();
        !gave_up && !folder_is_there(path)
    }
}

/// The files that a result's document names.
fn document(xml_doc_in: &[u8]) -> Result<Vec<OutputFile>, Unreadable> {
    output_files(xml_doc_in)
        .map_err(|error| Unreadable::Bad(format!("its document xml_doc_in can't be read: {error}")))
}

/// Those that are to be compared.
fn compared(xml_doc_in: &[u8]) -> Result<Vec<OutputFile>, Unreadable> {
    let mut files = document(xml_doc_in)?;
    files.retain(|file| !file.no_validate);
    Ok(files)
}

/// BOINC's template or the spec says so.
fn may_be_missing(file: &OutputFile, plan: &Plan) -> bool {
    file.optional || plan.file(&file.open_name).is_optional()
}

/// What the spec declares is in the result's document. The project writes both, so it is no volunteer's fault.
fn all_declared(named: &[OutputFile], plan: &Plan) -> Result<(), Unreadable> {
    let is_there = |name: &str| name == STDERR || named.iter().any(|file| file.open_name == name);
    match plan.expected().find(|name| !is_there(name)) {
        None => Ok(()),
        Some(name) => Err(Unreadable::Later(format!(
            "the spec declares a file {name:?}, and the result's document has none of that name: mend the spec or the \
             result template, or write optional = true"
        ))),
    }
}

/// The text of a task's stderr, as a file of the name `stderr`.
fn read_stderr(stderr_out: &[u8], plan: &Plan) -> Result<Output, Unreadable> {
    let find = |text: &[u8], tag: &[u8]| text.windows(tag.len()).position(|window| window == tag);
    let (begin, end) = (&b"<stderr_txt>"[..], &b"</stderr_txt>"[..]);
    let text =
        find(stderr_out, begin).and_then(|at| stderr_out.get(at + begin.len()..)).unwrap_or(stderr_out);
    let text = find(text, end).and_then(|at| text.get(..at)).unwrap_or(text);
    let text = text.strip_prefix(b"\n").unwrap_or(text);
    let parsed = Parsed::from_bytes(text.to_vec(), plan.file(STDERR));
    match parsed.check() {
        Ok(()) => {
            let content = Content { parsed: Some(parsed), stamp: None };
            Ok(Output { name: STDERR.to_owned(), path: PathBuf::new(), content: Some(content) })
        }
        Err(malformed) => Err(Unreadable::Bad(format!("stderr: {malformed}"))),
    }
}

fn folder_is_there(path: &Path) -> bool {
    path.parent().is_some_and(Path::is_dir)
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
        let there = self.files.iter().filter_map(|file| Some((file, file.content.as_ref()?.stamp)));
        there
            .map(|(file, stamp)| {
                let stamp = stamp?;
                let sha256 = digest(&file.path, stamp)?;
                Some(KeptFile { name: file.name.clone(), sha256, bytes: stamp.size })
            })
            .collect()
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
            Answer::Yes => seen,
            Answer::No => Seen::differs(said("says no")),
            Answer::Later => Seen::later("compare_script wants to be asked later"),
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
            if left.name != right.name {
                return Seen::differs(format!("files {:?} and {:?}", left.name, right.name));
            }
            let seen = match (&left.content, &right.content) {
                (None, None) => continue,
                (Some(Content { parsed: Some(one), .. }), Some(Content { parsed: Some(two), .. })) => {
                    Seen::of(&left.name, compare(&left.name, one, two))
                }
                // The script's.
                (Some(Content { parsed: None, .. }), Some(Content { parsed: None, .. })) => continue,
                _ => return Seen::differs(format!("{}: only one of them has it", left.name)),
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
mod tests {
    use super::*;

    const DOCUMENT: &str = "<file_info><name>r_0_0</name></file_info><file_info><name>r_0_1</name></file_info><result>\
        <file_ref><file_name>r_0_0</file_name><open_name>out</open_name></file_ref>\
        <file_ref><file_name>r_0_1</file_name><open_name>extra</open_name><optional/></file_ref></result>";

    fn uploads(folder: &Path) -> Uploads {
        Uploads { folder: folder.to_owned(), fanout: 1024, programs: folder.to_owned() }
    }

    fn put(folder: &Path, name: &str, content: &str) {
        let path = path_in(folder, name, 1024).unwrap();
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }

    #[test]
    fn a_missing_folder_is_later_and_a_missing_file_is_the_results_fault() {
        let folder = tempfile::tempdir().unwrap();
        let spec = Spec::exact().plan().unwrap();
        let read = || uploads(folder.path()).read(&About::new(DOCUMENT.as_bytes(), 0.0), &spec);
        assert!(matches!(read(), Err(Unreadable::Later(_))), "{:?}", read());
        let path = path_in(folder.path(), "r_0_0", 1024).unwrap();
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::create_dir_all(path_in(folder.path(), "r_0_1", 1024).unwrap().parent().unwrap()).unwrap();
        assert!(matches!(read(), Err(Unreadable::Bad(_))), "{:?}", read());
        put(folder.path(), "r_0_0", "1");
        assert!(read().is_ok());
        std::fs::remove_file(&path).unwrap();
        std::os::unix::fs::symlink("/etc/passwd", &path).unwrap();
        assert!(matches!(read(), Err(Unreadable::Bad(_))), "{:?}", read());
    }

    #[test]
    fn a_folder_that_never_comes_is_the_results_fault_in_the_end() {
        let folder = tempfile::tempdir().unwrap();
        let read = |age: f64| {
            uploads(folder.path()).read(&About::new(DOCUMENT.as_bytes(), age), &Spec::exact().plan().unwrap())
        };
        assert!(matches!(read(PATIENCE * 9.0), Err(Unreadable::Later(_))), "nothing is mounted");
        put(folder.path(), "another", "x");
        assert!(matches!(read(PATIENCE - 1.0), Err(Unreadable::Later(_))));
        assert!(matches!(read(PATIENCE + 1.0), Err(Unreadable::Bad(_))));
    }

    #[test]
    fn every_file_must_agree() {
        let folder = tempfile::tempdir().unwrap();
        let spec = Spec::numeric(0.0, 1e-3).plan().unwrap();
        put(folder.path(), "r_0_0", "1.0 2.0");
        std::fs::create_dir_all(path_in(folder.path(), "r_0_1", 1024).unwrap().parent().unwrap()).unwrap();
        let without = uploads(folder.path()).read(&About::new(DOCUMENT.as_bytes(), 0.0), &spec).unwrap();
        put(folder.path(), "r_0_1", "7");
        let with = uploads(folder.path()).read(&About::new(DOCUMENT.as_bytes(), 0.0), &spec).unwrap();
        assert_eq!(with.compare(&with, &spec), Seen::equal());
        assert_eq!(without.compare(&without, &spec), Seen::equal());
        assert_eq!(with.compare(&without, &spec), Seen::differs("extra: only one of them has it"));
        put(folder.path(), "r_0_0", "1.0005 2.0");
        let near = uploads(folder.path()).read(&About::new(DOCUMENT.as_bytes(), 0.0), &spec).unwrap();
        let seen = near.compare(&with, &spec);
        assert!(
            matches!(seen.pair, Pair::Agrees { deviation } if deviation > 0.4 && deviation < 0.6),
            "{seen:?}"
        );
        assert_eq!((seen.place.as_str(), seen.left.as_str()), ("out, line 1, column 1", "1.0005"));
        put(folder.path(), "r_0_0", "1.5 2.0");
        let far = uploads(folder.path()).read(&About::new(DOCUMENT.as_bytes(), 0.0), &spec).unwrap();
        let seen = far.compare(&with, &spec);
        assert_eq!((seen.pair, seen.right.as_str()), (Pair::Differs, "1.0"));
        assert!(seen.deviation.is_some_and(|units| units > 300.0), "{seen:?}");
    }

    fn declared(names: &[(&str, bool)]) -> Plan {
        let file = |(name, optional): &(&str, bool)| compare::FileSpec {
            name: (*name).to_owned(),
            optional: *optional,
            ..compare::FileSpec::default()
        };
        Spec { files: names.iter().map(file).collect(), ..Spec::exact() }.plan().unwrap()
    }

    #[test]
    fn a_declared_file_is_looked_for_unless_it_is_optional_in_either_place() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["r_0_0", "r_0_1"] {
            let path = path_in(folder.path(), name, 1024).unwrap();
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        }
        let uploads = uploads(folder.path());
        let read = |document: &str, plan: &Plan| uploads.read(&About::new(document.as_bytes(), 0.0), plan);
        // `extra` is optional in the document, `out` in neither place.
        let bad = read(DOCUMENT, &declared(&[("out", false), ("extra", false)]));
        assert!(matches!(&bad, Err(Unreadable::Bad(why)) if why.contains("\"out\"")), "{bad:?}");
        // `out` in the spec.
        let plan = declared(&[("out", true), ("stderr", false)]);
        assert!(read(DOCUMENT, &plan).is_ok() && uploads.are_there(DOCUMENT.as_bytes(), &plan));
        put(folder.path(), "r_0_0", "1");
        // Not in the document at all: nobody who computed can mend that.
        let later = read(DOCUMENT, &declared(&[("out", false), ("energy", false)]));
        assert!(matches!(&later, Err(Unreadable::Later(why)) if why.contains("\"energy\"")), "{later:?}");
        assert!(read(DOCUMENT, &declared(&[("out", false), ("energy", true)])).is_ok());
        assert!(read(DOCUMENT, &declared(&[("out", false), ("energy*", false)])).is_ok());
        // It is there, but the project does not want it validated.
        let unasked = DOCUMENT.replace("<optional/>", "<no_validate/>");
        assert!(read(&unasked, &declared(&[("out", false), ("extra", false)])).is_ok());
    }

    #[test]
    fn a_document_that_leaves_the_folder_is_the_results_fault() {
        let folder = tempfile::tempdir().unwrap();
        let document =
            "<result><file_ref><file_name>../../x</file_name><open_name>out</open_name></file_ref></result>";
        let read = uploads(folder.path())
            .read(&About::new(document.as_bytes(), 0.0), &Spec::exact().plan().unwrap());
        assert!(matches!(read, Err(Unreadable::Bad(_))), "{read:?}");
    }
}
