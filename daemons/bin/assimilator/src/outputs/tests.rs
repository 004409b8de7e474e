use std::fs::File;
use std::os::unix::fs::symlink;

use boinc::hierarchy;
use sha2::{Digest as _, Sha256};

use super::copies::SYNC_SINGLY;
use super::source::{CHUNK, hex};
use super::*;

const GOING_ON: &dyn Fn() -> bool = &|| false;

struct Folders {
    folder: tempfile::TempDir,
    upload: UploadFolder,
}

impl Folders {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        for name in ["upload", "app", "app/temp"] {
            fs::create_dir(folder.path().join(name)).unwrap();
        }
        let upload = UploadFolder { path: folder.path().join("upload"), fanout: 16 };
        Self { folder, upload }
    }

    fn app(&self) -> PathBuf {
        self.folder.path().join("app")
    }

    fn place(&self, name: &str) -> PathBuf {
        let path = hierarchy::path_in(&self.upload.path, name, self.upload.fanout).unwrap();
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        path
    }

    fn take(&self, files: &[OutputFile]) -> Result<Vec<Output>, OutputError> {
        let (app, temp) = (self.app(), self.app().join("temp"));
        let mut copies = Copies::new(&app, &temp, None);
        let outputs = take(&self.upload, files, &[], Some((&mut copies, "outputs/c/wu")), GOING_ON)?;
        copies.sync()?;
        assert_eq!(fs::read_dir(&temp).unwrap().count(), 0);
        assert!(outputs.iter().all(Taken::is_same));
        Ok(outputs.into_iter().map(|taken| taken.output).collect())
    }

    fn reason(&self, files: &[OutputFile]) -> String {
        match self.take(files) {
            Err(OutputError::Workunit(reason)) => {
                assert!(!self.app().join("outputs").exists(), "nothing is copied");
                reason
            }
            other => panic!("{other:?}"),
        }
    }
}

fn wanted(physical: &str, open: &str) -> OutputFile {
    OutputFile {
        physical_name: physical.to_owned(),
        open_name: open.to_owned(),
        optional: false,
        no_validate: false,
        max_nbytes: None,
    }
}

#[test]
fn files_are_digested_and_copied_under_their_open_names() {
    let folders = Folders::new();
    fs::write(folders.place("wu_0_0"), "abc").unwrap();
    fs::write(folders.place("wu_0_1"), vec![b'x'; CHUNK * 2 + 1]).unwrap();
    fs::write(folders.place("wu_0_2"), "").unwrap();
    let files = [
        wanted("wu_0_0", "shared/out.dat"),
        wanted("wu_0_1", "../evil name"),
        OutputFile { optional: true, ..wanted("wu_0_9", "rest") },
        wanted("wu_0_2", "out.dat"),
        wanted("wu_0_0", "again"),
    ];
    let outputs = folders.take(&files).unwrap();
    let names: Vec<_> = outputs.iter().map(|o| (o.name.as_str(), o.bytes)).collect();
    let big = i64::try_from(CHUNK * 2 + 1).unwrap();
    assert_eq!(names, [("out.dat", 3), ("wu_0_1", big), ("wu_0_2", 0)]);
    assert_eq!(outputs[0].sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    let copied = folders.app().join("outputs/c/wu");
    assert_eq!(fs::read(copied.join("out.dat")).unwrap(), b"abc");
    assert_eq!(fs::metadata(copied.join("wu_0_1")).unwrap().len(), big.unsigned_abs());
    // Once more is the same; without copies too.
    assert_eq!(folders.take(&files).unwrap(), outputs);
    let bare = take(&folders.upload, &files, &[], None, GOING_ON).unwrap();
    for (taken, output) in bare.iter().zip(&outputs) {
        assert_eq!(taken.output, Output { stored: None, ..output.clone() });
        let stored = output.stored.as_ref().unwrap();
        assert_eq!(stored.path, format!("outputs/c/wu/{}", output.name));
        assert_eq!((stored.bytes, &stored.sha256), (output.bytes, &output.sha256));
    }
}

#[test]
fn copies_may_be_compressed() {
    let folders = Folders::new();
    let content = b"0.125 0.250\n".repeat(50_000);
    fs::write(folders.place("wu_0_0"), &content).unwrap();
    fs::write(folders.place("wu_0_1"), "").unwrap();
    let (app, temp) = (folders.app(), folders.app().join("temp"));
    let mut copies = Copies::new(&app, &temp, Some(3));
    let files = [wanted("wu_0_0", "out.dat"), wanted("wu_0_1", "empty")];
    let taken = take(&folders.upload, &files, &[], Some((&mut copies, "outputs/c/wu")), GOING_ON).unwrap();
    for (taken, content) in taken.iter().zip([&content[..], &[]]) {
        let Output { name, bytes, sha256, stored } = &taken.output;
        let stored = stored.as_ref().unwrap();
        assert_eq!(stored.path, format!("outputs/c/wu/{name}.zst"));
        let packed = fs::read(app.join(&stored.path)).unwrap();
        assert_eq!((stored.bytes, *bytes), (packed.len() as i64, content.len() as i64));
        let digest = |bytes: &[u8]| {
            let mut digest = Sha256::new();
            digest.update(bytes);
            hex(digest)
        };
        assert_eq!((stored.sha256.clone(), sha256.clone()), (digest(&packed), digest(content)));
        assert_eq!(zstd::decode_all(&packed[..]).unwrap(), content);
    }
    assert!(taken[0].output.stored.as_ref().unwrap().bytes < 2000);
    // The upload is replaced by another file.
    assert!(taken[0].is_same());
    fs::write(folders.place("other"), &content).unwrap();
    fs::rename(folders.place("other"), folders.place("wu_0_0")).unwrap();
    assert!(!taken[0].is_same());
}

#[test]
fn a_file_that_was_replaced_since_it_was_validated_is_refused_and_not_copied() {
    let folders = Folders::new();
    fs::write(folders.place("wu_0_0"), "abc").unwrap();
    let files = [wanted("wu_0_0", "out.dat")];
    let kept = |sha256: &str| [KeptFile { name: "out.dat".to_owned(), sha256: sha256.to_owned(), bytes: 3 }];
    let right = kept("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    let root = folders.app();
    let temp = root.join(".temp");
    fs::create_dir_all(&temp).unwrap();
    for (validated, good) in [(&right[..], true), (&kept("00"), false), (&[], true)] {
        let _ = fs::remove_dir_all(root.join("outputs"));
        let mut copies = Copies::new(&root, &temp, None);
        let taken = take(&folders.upload, &files, validated, Some((&mut copies, "outputs/c/wu")), GOING_ON);
        assert_eq!(taken.is_ok(), good, "{taken:?}");
        assert_eq!(root.join("outputs/c/wu/out.dat").exists(), good);
        let bare = take(&folders.upload, &files, validated, None, GOING_ON);
        assert_eq!(bare.is_ok(), good);
        if let Err(error) = bare {
            assert!(matches!(&error, OutputError::Workunit(why) if why.contains("replaced")), "{error}");
        }
    }
}

#[test]
fn many_copies_are_synced_together() {
    let folders = Folders::new();
    let files: Vec<_> = (0..=SYNC_SINGLY).map(|n| wanted(&format!("wu_0_{n}"), &format!("o{n}"))).collect();
    for file in &files {
        fs::write(folders.place(&file.physical_name), "x").unwrap();
    }
    assert_eq!(folders.take(&files).unwrap().len(), files.len());
}

#[test]
fn what_is_missing_or_no_regular_file_sets_the_workunit_aside() {
    let folders = Folders::new();
    fs::write(folders.place("good"), "x").unwrap();
    let reason = folders.reason(&[wanted("good", "good"), wanted("gone", "gone")]);
    assert!(reason.contains("gone is missing"), "{reason}");
    symlink("/etc/passwd", folders.place("link")).unwrap();
    assert!(folders.reason(&[wanted("good", "good"), wanted("link", "link")]).contains("can't be opened"));
    fs::create_dir(folders.place("folder")).unwrap();
    assert!(folders.reason(&[wanted("folder", "x")]).contains("no regular file"));
    rustix::fs::mkfifoat(rustix::fs::CWD, folders.place("pipe"), rustix::fs::Mode::RUSR).unwrap();
    assert!(folders.reason(&[wanted("pipe", "x")]).contains("no regular file"));
    assert!(folders.reason(&[wanted("../x", "x")]).contains('/'));
    File::create(folders.place("huge")).unwrap().set_len(LARGEST_FILE + 1).unwrap();
    assert!(folders.reason(&[wanted("huge", "x")]).contains("at most"));
    let many: Vec<_> = (0..=MOST_FILES).map(|n| wanted(&n.to_string(), "x")).collect();
    assert!(folders.reason(&many).contains("output files"));
}

#[test]
fn a_file_that_changes_while_it_is_read_is_not_taken() {
    let folders = Folders::new();
    let path = folders.place("grows");
    fs::write(&path, "abc").unwrap();
    let (path, file, facts) = open(&folders.upload, &wanted("grows", "x")).unwrap().unwrap();
    fs::write(&path, "abcdef").unwrap();
    let mut source = Source {
        name: "x".to_owned(),
        open_name: "x".to_owned(),
        physical: "grows".to_owned(),
        identity: Identity::of(&facts),
        path,
        file,
        size: facts.len(),
        validated: None,
    };
    let error = read(&mut source, GOING_ON, |_| Ok(())).unwrap_err();
    assert!(matches!(error, OutputError::Workunit(reason) if reason.contains("changes")));
}

#[test]
fn storage_that_is_gone_is_not_the_fault_of_a_workunit() {
    let folders = Folders::new();
    fs::write(folders.place("good"), "x").unwrap();
    fs::remove_dir(folders.app().join("temp")).unwrap();
    assert!(matches!(folders.take(&[wanted("good", "good")]), Err(OutputError::Storage(_))));
    fs::remove_dir_all(&folders.upload.path).unwrap();
    assert!(matches!(folders.take(&[wanted("good", "good")]), Err(OutputError::Storage(_))));
}

#[test]
fn a_stop_ends_a_long_copy() {
    let folders = Folders::new();
    fs::write(folders.place("good"), "x").unwrap();
    let (app, temp) = (folders.app(), folders.app().join("temp"));
    let mut copies = Copies::new(&app, &temp, None);
    let stopped =
        take(&folders.upload, &[wanted("good", "good")], &[], Some((&mut copies, "outputs")), &|| true);
    assert!(matches!(stopped, Err(OutputError::Stopped)));
    assert_eq!(fs::read_dir(&temp).unwrap().count(), 0);
    assert!(!app.join("outputs").exists());
}
