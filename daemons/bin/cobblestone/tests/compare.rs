//! `cobblestone compare` and `cobblestone spec` as processes: no project, no database.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

struct Folder(tempfile::TempDir);

impl Folder {
    fn new(files: &[(&str, &str)]) -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        for (name, text) in files {
            let path = folder.0.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        folder
    }

    /// Runs a command in the folder: its status, and what it printed.
    fn run(&self, words: &str) -> (i32, String) {
        let output = Command::new(env!("CARGO_BIN_EXE_cobblestone"))
            .args(words.split(' '))
            .current_dir(self.0.path())
            .output()
            .unwrap();
        let text = [output.stdout, output.stderr].concat();
        (output.status.code().unwrap(), String::from_utf8(text).unwrap())
    }

    fn json(&self, words: &str) -> (i32, Value) {
        let (status, text) = self.run(words);
        (status, serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}")))
    }

    fn path(&self) -> &Path {
        self.0.path()
    }
}

const SPEC: &str = "\
[[files]]
name = 'out.dat'
format = 'table'
[[files.rules]]
columns = [1]
method = 'exact'
[[files.rules]]
columns = [2]
relative = 1e-6
[[files.rules]]
columns = [3]
method = 'ignore'
[[files]]
name = 'extra/log'
optional = true
format = 'lines'
ignore = ['^time']
";

#[test]
fn the_exit_status_is_the_verdict() {
    let folder =
        Folder::new(&[("a", "x 1.0\n"), ("b", "x 1.0000001\n"), ("c", "x 2.0\n"), ("spec.toml", SPEC)]);
    assert_eq!(folder.run("compare a a").0, 0);
    assert_eq!(folder.run("compare a b").0, 1, "byte for byte");
    let (status, text) = folder.run("compare a b --relative 1e-6");
    assert_eq!(
        (status, text.as_str()),
        (
            0,
            "output: agree: every value is within the tolerance; line 1, column 2: `1.0` and `1.0000001`, 0.10 of the tolerance (relative 1e-6 of the larger)\n"
        )
    );
    assert_eq!(folder.run("compare a c --spec spec.toml --name out.dat").0, 1);
    assert_eq!(folder.run("compare a c --absolute 1").0, 0);
    let (status, text) = folder.run("compare a none");
    assert_eq!(status, 2);
    assert!(text.contains("can't say: the right one none: does not exist"), "{text}");
    assert_eq!(folder.run("compare a b --relative 7").0, 2);
    assert_eq!(folder.run("compare a b --relative 1e-6 --spec spec.toml").0, 2);
    assert_eq!(folder.run("compare a").0, 2);
}

#[test]
fn folders_and_lists_by_logical_name() {
    let folder = Folder::new(&[
        ("a/out.dat", "e1 1.0 5\ne2 2.0 6\n"),
        ("a/extra/log", "start\ntime 1\n"),
        ("b/out.dat", "e1 1.0000001 7\ne2 2.0 8\n"),
        ("b/extra/log", "start\ntime 2\n"),
        ("c/out.dat", "e1 1.1 7\ne2 2.5 8\n"),
        ("spec.toml", SPEC),
    ]);
    assert_eq!(folder.run("compare a b --spec spec.toml").0, 0);
    let (status, found) = folder.json("compare a c --spec spec.toml --json");
    assert_eq!((status, &found["verdict"]), (1, &json!("differ")));
    assert_eq!(found["files"][0]["name"], "extra/log");
    assert_eq!(found["files"][0]["reason"], json!({"kind": "missing", "side": "right"}));
    let worst = &found["files"][1]["worst"];
    assert_eq!((&worst["line"], &worst["column"], &worst["right"]), (&json!(2), &json!(2), &json!("2.5")));
    let list = "out.dat=a/out.dat out.dat=b/out.dat";
    assert_eq!(folder.run(&format!("compare {list} --spec spec.toml")).0, 0);
    assert_eq!(folder.run("compare a b/out.dat --spec spec.toml").0, 2);
    std::fs::remove_file(folder.path().join("a/out.dat")).unwrap();
    std::fs::remove_file(folder.path().join("b/out.dat")).unwrap();
    let (status, text) = folder.run("compare a b --spec spec.toml");
    assert_eq!(status, 2, "{text}");
    assert!(text.contains("neither has the file"), "{text}");
}

#[test]
fn several_columns_are_listed_the_worst_first() {
    let folder = Folder::new(&[("a", "1 1 1\n"), ("b", "1.2 1.5 1.05\n")]);
    let (_, text) = folder.run("compare a b --absolute 0.1");
    let columns: Vec<&str> =
        text.lines().skip(4).map(|line| line.split_whitespace().next().unwrap()).collect();
    assert_eq!(columns, ["2", "1", "3"], "{text}");
}

#[test]
fn a_spec_is_checked_alone_and_on_samples() {
    let folder = Folder::new(&[
        ("good", "e1 1.0 5\ne2 2.0 6\n"),
        ("spec.toml", SPEC),
        ("typo.toml", "[[files]]\nname = 'x'\nformat = 'table'\n[[files.rules]]\nrelativ = 1e-6\n"),
        ("wide.toml", "[compare]\nmethod = 'numeric'\nabsolute = 10.0\n"),
    ]);
    assert_eq!(folder.run("spec check spec.toml").0, 0);
    let (status, text) = folder.run("spec check spec.toml out.dat=good");
    assert_eq!((status, text.as_str()), (0, "no mistakes\n"));
    let (status, text) = folder.run("spec check typo.toml");
    assert_eq!(status, 1);
    assert!(
        text.contains("typo.toml: unknown key `relativ` in [files.rules], line 5: did you mean `relative`?"),
        "{text}"
    );
    let (status, text) = folder.run("spec check wide.toml good");
    assert_eq!(status, 1);
    assert!(text.contains("accepts anything for column 2"), "{text}");
    let (status, found) = folder.json("spec check wide.toml good --json");
    assert_eq!((status, &found["mistakes"]), (1, &json!(2)));
    assert_eq!(folder.run("spec check none.toml").0, 2);
    assert_eq!(folder.run("spec check spec.toml none").0, 2);
}

#[test]
fn a_mutation_test_names_columns_that_nothing_protects() {
    let folder = Folder::new(&[("good", "e1 1.0 5\ne2 2.0 6\n"), ("spec.toml", SPEC)]);
    let (status, text) = folder.run("spec test spec.toml out.dat=good");
    assert_eq!(status, 0, "what is ignored was meant so: {text}");
    let line = |column: &str| text.lines().find(|line| line.contains(column)).unwrap().trim().to_owned();
    assert_eq!(line("column 1"), "column 1  another word");
    assert_eq!(line("column 2"), "column 2  a change by 1e-5");
    assert_eq!(line("column 3"), "column 3  never: ignored, as declared");
    let (_, found) = folder.json("spec test spec.toml out.dat=good --json");
    assert_eq!(found["all_protected"], json!(true));
    std::fs::write(folder.path().join("wide.toml"), SPEC.replace("relative = 1e-6", "absolute = 1e30"))
        .unwrap();
    let (status, text) = folder.run("spec test wide.toml out.dat=good");
    assert!(status == 1 && text.contains("column 2  NaN: NOTHING PROTECTS ITS NUMBERS"), "{text}");
    let (_, found) = folder.json("spec test wide.toml out.dat=good --json");
    assert_eq!(found["all_protected"], json!(false));
    assert_eq!(folder.run("spec test spec.toml").0, 2);
}

#[test]
fn a_script_is_asked_last() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = Folder::new(&[
        ("a/x.png", "1"),
        ("b/x.png", "2"),
        ("bin/same.sh", "#!/bin/sh\necho \"$@\"; grep -q 1 \"$1\"\n"),
        ("spec.toml", "[script]\ncompare_script = ['same.sh']\n"),
    ]);
    let script = folder.path().join("bin/same.sh");
    std::fs::set_permissions(script, std::fs::Permissions::from_mode(0o755)).unwrap();
    let (status, text) = folder.run("compare a b --spec spec.toml --bin-dir bin");
    assert_eq!((status, text.as_str()), (0, "script: agree: the script says so\n"));
    let (status, text) = folder.run("compare b a --spec spec.toml --bin_dir bin");
    assert_eq!(status, 1);
    assert!(text.starts_with("script: differ: the script says so: b/x.png a/x.png"), "{text}");
    assert_eq!(folder.run("compare a b --spec spec.toml").0, 2, "no such script");
}

#[test]
fn several_members_of_one_archive_and_a_sample_beside_the_spec() {
    let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../lib/compare/fuzz/seeds/zip");
    let member = |member: &str, rest: &str| {
        format!(
            "[[files]]\nname = 'out.zip'\narchive = 'zip'\nmember = '{member}'\nformat = 'table'\n{rest}\n"
        )
    };
    let spec = format!(
        "{}{}",
        member("b.dat", "[[files.rules]]\nrelative = 1e-6"),
        member("a.dat", "sample = 'good/one.zip'")
    );
    let wrong = spec.replace("[[files.rules]]", "[[files.rules]]\ncolumns = [9]");
    let folder = Folder::new(&[("spec.toml", &spec), ("wrong.toml", &wrong), ("good/x", "")]);
    std::fs::copy(seeds.join("stored"), folder.path().join("good/one.zip")).unwrap();
    std::fs::copy(seeds.join("deflated"), folder.path().join("two.zip")).unwrap();
    let (status, text) = folder.run("compare good/one.zip two.zip --spec spec.toml --name out.zip");
    assert_eq!(status, 0, "{text}");
    assert!(text.contains("out.zip:a.dat: agree") && text.contains("out.zip:b.dat: agree"), "{text}");
    let (status, text) = folder.run("spec check spec.toml");
    assert!(status == 0 && text.contains("no mistakes"), "{text}");
    let (status, text) = folder.run("spec check wrong.toml");
    assert!(
        status == 1
            && text.contains("out.zip:b.dat (good/one.zip): `files.0.rules.0.columns`: 9 is no column"),
        "{text}"
    );
    let (status, text) = folder.run("spec test spec.toml");
    assert!(status == 0 && text.contains("out.zip:b.dat: ") && text.contains("out.zip:a.dat: "), "{text}");
}
