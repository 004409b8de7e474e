//! What no source file may hold.

use std::path::{Path, PathBuf};

/// The two files that read the real clock: everything else is given one.
const READS_THE_CLOCK: &[&str] = &["daemons/lib/daemon/src/clock.rs", "daemons/lib/sandbox/src/clock.rs"];

/// Folders of the workspace that hold no source.
const NOT_SOURCE: &[&str] = &["target", ".git"];

/// Calls that read the real clock. Split, for this file is looked at too.
const CLOCKS: &[(&str, &str)] =
    &[("SystemTime", "::now"), ("Utc", "::now"), ("Local", "::now"), ("NOW", "()"), ("UNIX_TIMESTAMP", "()")];

/// What is wrong with a file of Rust or SQL.
fn clock_violations(path: &str, text: &str) -> Vec<String> {
    if READS_THE_CLOCK.contains(&path) {
        return Vec::new();
    }
    let calls = CLOCKS.iter().map(|(a, b)| format!("{a}{b}"));
    calls
        .flat_map(|call| {
            let lines = text.lines().enumerate();
            lines
                .filter(|(_, line)| line.contains(&call))
                .map(|(n, _)| format!("{path}:{}: {call}: take a Clock instead", n + 1))
                .collect::<Vec<_>>()
        })
        .collect()
}

/// Places in `text` that name a folder of one person's machine.
fn path_violations(path: &str, text: &str, private: &[String]) -> Vec<String> {
    let lines = text.lines().enumerate();
    lines
        .filter_map(|(n, line)| {
            let found = private.iter().find(|folder| begins_a_path(line, folder))?;
            Some(format!("{path}:{}: {found}: no other machine has that", n + 1))
        })
        .collect()
}

/// Whether `folder` stands in `line` as the beginning of a path, not in the middle of one: `/src/` is no part of
/// `daemon/src/main.rs`.
fn begins_a_path(line: &str, folder: &str) -> bool {
    line.match_indices(folder).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        before.is_none_or(|c| !c.is_alphanumeric() && !"._-}])>*$%~".contains(c))
    })
}

/// The checkout, the home folder, and where others have theirs.
fn private_folders(root: &Path) -> Vec<String> {
    let mut folders =
        vec![format!("{}/", root.display()), ["", "home", ""].join("/"), ["", "Users", ""].join("/")];
    if let Some(parent) = root.parent().filter(|parent| parent.components().count() > 1) {
        folders.push(format!("{}/", parent.display()));
    }
    if let Some(home) = std::env::home_dir().filter(|home| home.components().count() > 1) {
        folders.push(format!("{}/", home.display()));
    }
    folders.retain(|folder| folder != "/tmp/");
    folders
}

/// All text files below `folder`, as (path below the root, text).
fn texts(root: &Path, folder: &Path, found: &mut Vec<(String, String)>) {
    let mut entries: Vec<PathBuf> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        let name = path.strip_prefix(root).unwrap().display().to_string();
        if path.is_symlink() || NOT_SOURCE.contains(&name.as_str()) {
            continue;
        }
        if path.is_dir() {
            texts(root, &path, found);
        } else if let Ok(text) = std::fs::read_to_string(&path) {
            found.push((name, text));
        }
    }
}

#[test]
fn the_real_clock_is_read_in_two_places() {
    let root = super::root();
    let mut found = Vec::new();
    texts(&root, &root.join("daemons"), &mut found);
    texts(&root, &root.join("sql"), &mut found);
    texts(&root, &root.join("tests"), &mut found);
    // Not benches: they measure on the machine's clock.
    let code = found.iter().filter(|(path, _)| path.ends_with(".rs") || path.ends_with(".sql"));
    let wrong: Vec<String> = code.clone().flat_map(|(path, text)| clock_violations(path, text)).collect();
    super::none(&wrong);
    for place in READS_THE_CLOCK {
        let (_, text) = found.iter().find(|(path, _)| path == place).unwrap();
        assert!(
            !clock_violations("elsewhere.rs", text).is_empty(),
            "{place} does not read the clock any more"
        );
    }
}

#[test]
fn no_file_names_a_folder_of_one_machine() {
    let root = super::root();
    let mut found = Vec::new();
    texts(&root, &root, &mut found);
    assert!(found.len() > 100, "{}", found.len());
    let private = private_folders(&root);
    let wrong: Vec<String> =
        found.iter().flat_map(|(path, text)| path_violations(path, text, &private)).collect();
    super::none(&wrong);
}

#[test]
fn a_careless_source_is_found() {
    let text = ["let a = Utc", "::now();\nlet b = 1;\nlet c = std::time::SystemTime", "::now();"].concat();
    assert_eq!(clock_violations("daemons/bin/validator/src/main.rs", &text).len(), 2);
    assert_eq!(clock_violations(READS_THE_CLOCK[0], &text), [""; 0]);
    let root = super::root();
    let text = format!("fine\nsee {}/README.md", root.display());
    let found = path_violations("x.md", &text, &private_folders(&root));
    assert!(found.len() == 1 && found[0].starts_with("x.md:2: "), "{found:?}");
    assert!(begins_a_path("see /src/a", "/src/") && !begins_a_path("see b/src/a {dir}/src/a", "/src/"));
}
