use std::path::Path;

use boinc::hierarchy::path_in;
use compare::Spec;

use super::read::PATIENCE;
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
    assert_eq!(
        (seen.place.as_str(), seen.left.as_str()),
        ("out, line 1, column 1, by rule: relative 0.001 of the larger", "1.0005")
    );
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
    let read =
        uploads(folder.path()).read(&About::new(document.as_bytes(), 0.0), &Spec::exact().plan().unwrap());
    assert!(matches!(read, Err(Unreadable::Bad(_))), "{read:?}");
}

#[test]
fn members_of_an_archive_are_compared_one_by_one_and_digested_once() {
    let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("../compare/fuzz/seeds/zip");
    let folder = tempfile::tempdir().unwrap();
    let read = |seed: &str, members: &[&str]| {
        let path = path_in(folder.path(), "r_0_0", 1024).unwrap();
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::copy(seeds.join(seed), &path).unwrap();
        let file = |member: &&str| compare::FileSpec {
            name: "out".to_owned(),
            archive: compare::Archive::Zip,
            member: (*member).to_owned(),
            format: compare::spec::FormatName::Lines,
            ..compare::FileSpec::default()
        };
        let plan = Spec { files: members.iter().map(file).collect(), ..Spec::exact() }.plan().unwrap();
        let document = DOCUMENT.replace("<optional/>", "<no_validate/>");
        let outputs = uploads(folder.path()).read(&About::new(document.as_bytes(), 0.0), &plan);
        (outputs, plan)
    };
    let (stored, plan) = read("stored", &["a.dat", "b.dat"]);
    let stored = stored.unwrap();
    assert_eq!(stored.digests().unwrap().len(), 1);
    assert_eq!(stored.shown.files.len(), 1, "a script gets the archive once");
    let (deflated, _) = read("deflated", &["a.dat", "b.dat"]);
    let deflated = deflated.unwrap();
    assert_eq!(stored.compare(&deflated, &plan), Seen::equal(), "other bytes, the same members");
    let (other, _) = read("deflated", &["a.dat", "a.txt"]);
    assert!(matches!(&other, Err(Unreadable::Bad(why)) if why.contains("out:a.txt")), "{other:?}");
}
