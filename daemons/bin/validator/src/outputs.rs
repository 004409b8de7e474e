//! The output files of a result, read and parsed for comparison. Hostile: written by a volunteer's machine.
//!
//! | what is found | what it means |
//! |---|---|
//! | every file there and in form | the outputs can be compared |
//! | a file missing, not a regular file, too large, malformed; a document that can't be read | the result's fault: validate error |
//! | the file's folder missing, or reading fails | nobody's fault yet: try again later |
//! | the file's folder still missing days after the report | the result's fault |
//!
//! The upload handler makes a fan-out folder with its first file. In a young project most of them do not exist, so a
//! missing one can mean a file that was never uploaded as well as a file system that is not mounted. Stock waits for
//! ever. Here it is the result's fault in the end, unless the whole upload folder is missing or empty.

use std::path::{Path, PathBuf};

use boinc::hierarchy::path_in;
use boinc::result_doc::{OutputFile, output_files};
use compare::{File, FileError, Named, OutputComparison, Parsed, Plan, Trouble, Verdict};
use rules::quorum::Pair;

/// Outputs of one result in the order of its document; a file that may be missing and is, is `None`.
#[derive(Debug)]
pub struct Outputs(Vec<Named<Parsed>>);

/// Why outputs can't be compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unreadable {
    /// The result's fault.
    Bad(String),
    /// Try again later.
    Later(String),
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
}

impl Uploads {
    /// Reads the outputs that `xml_doc_in` names, of a result that was reported `age` seconds ago.
    ///
    /// # Errors
    /// See the module's table.
    pub fn read(&self, xml_doc_in: &[u8], plan: &Plan, age: f64) -> Result<Outputs, Unreadable> {
        let files = output_files(xml_doc_in)
            .map_err(|error| Unreadable::Bad(format!("its document xml_doc_in can't be read: {error}")))?;
        let mut outputs = Vec::new();
        for file in files.iter().filter(|file| !file.no_validate) {
            let parsed = self.read_one(file, plan, age)?;
            outputs.push((file.open_name.clone(), parsed));
        }
        Ok(Outputs(outputs))
    }

    fn read_one(&self, file: &OutputFile, plan: &Plan, age: f64) -> Result<Option<Parsed>, Unreadable> {
        let name = &file.open_name;
        let path = path_in(&self.folder, &file.physical_name, self.fanout)
            .map_err(|error| Unreadable::Bad(format!("output {name:?}: {error}")))?;
        let plan = plan.file(name);
        let parsed = File::open(&path, plan.max_bytes())
            .map_err(Trouble::from)
            .and_then(|opened| Parsed::read(opened, plan));
        match parsed {
            Ok(parsed) => match parsed.check() {
                Ok(()) => Ok(Some(parsed)),
                Err(malformed) => Err(Unreadable::Bad(format!("output {name:?}: {malformed}"))),
            },
            Err(Trouble::File(error)) if error.is_missing() && self.may_come(&path, age) => Err(
                Unreadable::Later(format!("output {name:?}: the folder of {} is missing", path.display())),
            ),
            Err(Trouble::File(error)) if error.is_missing() && file.optional => Ok(None),
            Err(error @ (Trouble::Io(_) | Trouble::TooHard(_) | Trouble::File(FileError::Io { .. }))) => {
                Err(Unreadable::Later(format!("output {name:?}: {error}")))
            }
            Err(error) => Err(Unreadable::Bad(format!("output {name:?}: {error}"))),
        }
    }
}

impl Uploads {
    /// The file's folder is missing, and that may still change: see the module.
    fn may_come(&self, path: &Path, age: f64) -> bool {
        let is_mounted = || std::fs::read_dir(&self.folder).is_ok_and(|mut entries| entries.next().is_some());
        let gave_up = age > PATIENCE && is_mounted();
        !gave_up && !folder_is_there(path)
    }
}

fn folder_is_there(path: &Path) -> bool {
    path.parent().is_some_and(Path::is_dir)
}

impl Outputs {
    /// Compares file by file. Every file must agree; a file that only one of them has does not. The deviation is
    /// the largest of all files, in units of the tolerance.
    pub fn compare(&self, other: &Self, plan: &Plan) -> Pair {
        self.pair(other, |left, right| plan.compare_mutually(left, right))
    }

    /// The same with the canonical result's outputs, which are the reference where a rule has one.
    pub fn compare_with_canonical(&self, canonical: &Self, plan: &Plan) -> Pair {
        self.pair(canonical, |left, right| plan.compare(left, right))
    }

    fn pair(
        &self,
        other: &Self,
        compare: impl Fn(&[Named<Parsed>], &[Named<Parsed>]) -> OutputComparison,
    ) -> Pair {
        let (left, right) = (&self.0, &other.0);
        let same_files =
            left.len() == right.len() && left.iter().zip(right).all(|(left, right)| left.0 == right.0);
        if !same_files {
            return Pair::Differs;
        }
        let compared = compare(left, right);
        match compared.verdict {
            Verdict::Agree => Pair::Agrees { deviation: compared.units() },
            Verdict::Differ => Pair::Differs,
            Verdict::CantSay => Pair::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use compare::Spec;

    const DOCUMENT: &str = "<file_info><name>r_0_0</name></file_info><file_info><name>r_0_1</name></file_info><result>\
        <file_ref><file_name>r_0_0</file_name><open_name>out</open_name></file_ref>\
        <file_ref><file_name>r_0_1</file_name><open_name>extra</open_name><optional/></file_ref></result>";

    fn uploads(folder: &Path) -> Uploads {
        Uploads { folder: folder.to_owned(), fanout: 1024 }
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
        let read = || uploads(folder.path()).read(DOCUMENT.as_bytes(), &spec, 0.0);
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
        let read =
            |age: f64| uploads(folder.path()).read(DOCUMENT.as_bytes(), &Spec::exact().plan().unwrap(), age);
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
        let without = uploads(folder.path()).read(DOCUMENT.as_bytes(), &spec, 0.0).unwrap();
        put(folder.path(), "r_0_1", "7");
        let with = uploads(folder.path()).read(DOCUMENT.as_bytes(), &spec, 0.0).unwrap();
        assert_eq!(with.compare(&with, &spec), Pair::EQUAL);
        assert_eq!(without.compare(&without, &spec), Pair::EQUAL);
        assert_eq!(with.compare(&without, &spec), Pair::Differs);
        put(folder.path(), "r_0_0", "1.0005 2.0");
        let near = uploads(folder.path()).read(DOCUMENT.as_bytes(), &spec, 0.0).unwrap();
        let pair = near.compare(&with, &spec);
        assert!(matches!(pair, Pair::Agrees { deviation } if deviation > 0.4 && deviation < 0.6), "{pair:?}");
        put(folder.path(), "r_0_0", "1.5 2.0");
        let far = uploads(folder.path()).read(DOCUMENT.as_bytes(), &spec, 0.0).unwrap();
        assert_eq!(far.compare(&with, &spec), Pair::Differs);
    }

    #[test]
    fn a_document_that_leaves_the_folder_is_the_results_fault() {
        let folder = tempfile::tempdir().unwrap();
        let document =
            "<result><file_ref><file_name>../../x</file_name><open_name>out</open_name></file_ref></result>";
        let read = uploads(folder.path()).read(document.as_bytes(), &Spec::exact().plan().unwrap(), 0.0);
        assert!(matches!(read, Err(Unreadable::Bad(_))), "{read:?}");
    }
}
