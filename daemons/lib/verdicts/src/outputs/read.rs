//! Reading the outputs of a result, and sorting out whose fault it is when that can't be done: see the table of the module
//! above.

use std::path::{Path, PathBuf};

use boinc::hierarchy::path_in;
use boinc::id::ResultId;
use boinc::result_doc::{OutputFile, output_files};
use compare::{Answer, File, FileError, Parsed, Plan, Ran, Spec, Trouble};

use super::{Content, Output, Outputs};
use crate::digest::Stamp;

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
pub(super) const PATIENCE: f64 = 3.0 * 86_400.0;

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
            for part in plan.parts(&file.open_name) {
                files.push(self.read_one(file, part, plan, about.age)?);
            }
        }
        let there = files.iter().filter(|file| file.content.is_some()).map(|file| file.path.clone());
        let mut there: Vec<PathBuf> = there.collect();
        there.dedup();
        let shown = compare::Seen { files: there, result_id: about.result.0.into(), runtime: about.runtime };
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
            Some(Ran { answer: Answer::NotAsked(why), .. }) => {
                Err(Unreadable::Later(format!("init_script: {why}")))
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

    /// `part` is the name of what is compared of the file.
    fn read_one(&self, file: &OutputFile, part: String, plan: &Plan, age: f64) -> Result<Output, Unreadable> {
        let name = &file.open_name;
        let path = path_in(&self.folder, &file.physical_name, self.fanout)
            .map_err(|error| Unreadable::Bad(format!("output {name:?}: {error}")))?;
        let stamp = Stamp::of(&path);
        let for_script = plan.is_for_script(name);
        let optional = may_be_missing(file, plan);
        let plan = plan.file(&part);
        let parsed = File::open(&path, plan.max_bytes())
            .map_err(Trouble::from)
            .and_then(|opened| if for_script { Ok(None) } else { Parsed::read(opened, plan).map(Some) });
        let output = |path, content| Output { file: name.clone(), part: part.clone(), path, content };
        match parsed {
            Ok(parsed) => match parsed.as_ref().map_or(Ok(()), Parsed::check) {
                Ok(()) => Ok(output(path, Some(Content { parsed, stamp }))),
                Err(malformed) => Err(Unreadable::Bad(format!("output {part:?}: {malformed}"))),
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
            let name = || STDERR.to_owned();
            Ok(Output { file: name(), part: name(), path: PathBuf::new(), content: Some(content) })
        }
        Err(malformed) => Err(Unreadable::Bad(format!("stderr: {malformed}"))),
    }
}

fn folder_is_there(path: &Path) -> bool {
    path.parent().is_some_and(Path::is_dir)
}
