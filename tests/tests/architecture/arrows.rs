//! Dependencies point one way: `bin → daemon → store → boinc`, `bin → rules → boinc`, `bin → compare`.
//!
//! What a crate declares counts, of every kind and for every platform. Development dependencies may add the sandbox,
//! and nothing else of ours.

use cargo_metadata::{DependencyKind, MetadataCommand};

/// What each library may use of ours. A new library gets a line here.
const LIBRARIES: &[(&str, &[&str])] = &[
    ("boinc", &[]),
    ("compare", &[]),
    ("rules", &["boinc"]),
    ("store", &["boinc"]),
    ("app-config", &["compare", "rules", "boinc"]),
    ("verdicts", &["compare", "rules", "boinc"]),
    ("campaign", &["app-config", "boinc"]),
    ("vm-app", &["app-config", "rules", "boinc"]),
    ("daemon", &["store", "boinc"]),
    ("dataset", &["store", "compare", "boinc"]),
    ("sandbox", &["store", "boinc"]),
];

/// Not daemons: these may use the sandbox.
const WITH_SANDBOX: &[&str] = &["cobblestone", "tests", "bench"];

/// What stands behind one crate's door: a library of others, and who may use it.
const OWNED: &[(&str, &[&str])] = &[
    // compare reads volunteers' files with it, and may not use boinc.
    ("quick-xml", &["boinc", "compare"]),
    ("diesel", &["store"]),
    ("diesel-async", &["store"]),
    ("mysql_async", &["store"]),
    // Tests read what the assimilator wrote.
    ("parquet", &["dataset", "assimilator", "cobblestone", "tests"]),
];

#[derive(Debug, Clone, PartialEq)]
struct Crate {
    /// Without `cobblestone-`.
    name: String,
    /// Folder below the workspace's root.
    folder: String,
    dependencies: Vec<(String, DependencyKind)>,
}

fn short(name: &str) -> &str {
    name.strip_prefix("cobblestone-").unwrap_or(name)
}

/// What is wrong with these crates.
fn violations(crates: &[Crate]) -> Vec<String> {
    let ours: Vec<&str> = crates.iter().map(|c| c.name.as_str()).collect();
    let mut wrong = Vec::new();
    for Crate { name, folder, dependencies } in crates {
        let is_library = folder.starts_with("daemons/lib/");
        let listed = LIBRARIES.iter().find(|(library, _)| library == name);
        if is_library != listed.is_some() {
            wrong.push(format!("{folder}: {name} is a library without a line in LIBRARIES, or the reverse"));
        }
        for (used, kind) in dependencies {
            let used = short(used);
            if let Some((_, owners)) = OWNED.iter().find(|(owned, _)| *owned == used)
                && !owners.contains(&name.as_str())
            {
                wrong.push(format!("{name} uses {used}, which is for {} only", owners.join(", ")));
            }
            if !ours.contains(&used) {
                continue;
            }
            let may = match listed {
                Some((_, may)) => may.contains(&used),
                None if used == "sandbox" => WITH_SANDBOX.contains(&name.as_str()),
                None => LIBRARIES.iter().any(|(library, _)| *library == used),
            };
            let in_tests = *kind == DependencyKind::Development && used == "sandbox";
            // A library's tests may use what its users use.
            if !may && !in_tests {
                wrong.push(format!("{name} must not use {used}"));
            }
        }
    }
    for (library, _) in LIBRARIES {
        if !ours.contains(library) {
            wrong.push(format!("LIBRARIES names {library}, which is gone"));
        }
    }
    wrong
}

fn workspace() -> Vec<Crate> {
    let metadata = MetadataCommand::new()
        .manifest_path(super::root().join("Cargo.toml"))
        .no_deps()
        .other_options(["--offline".to_owned()])
        .exec()
        .unwrap();
    let root = metadata.workspace_root.clone();
    metadata
        .packages
        .iter()
        .map(|package| Crate {
            name: short(&package.name).to_owned(),
            folder: package.manifest_path.parent().unwrap().strip_prefix(&root).unwrap().to_string(),
            dependencies: package.dependencies.iter().map(|d| (d.name.clone(), d.kind)).collect(),
        })
        .collect()
}

#[test]
fn the_workspace_keeps_the_arrows() {
    let crates = workspace();
    assert!(crates.len() >= LIBRARIES.len() + 6, "{crates:#?}");
    super::none(&violations(&crates));
}

/// The real workspace with one more dependency.
fn with(name: &str, used: &str, kind: DependencyKind) -> Vec<String> {
    let mut crates = workspace();
    let changed = crates.iter_mut().find(|c| c.name == name).unwrap();
    changed.dependencies.push((used.to_owned(), kind));
    violations(&crates)
}

#[test]
fn a_forbidden_arrow_is_found() {
    use DependencyKind::{Build, Development, Normal};
    for (name, used, kind) in [
        ("rules", "cobblestone-store", Normal),
        ("compare", "cobblestone-boinc", Normal),
        ("boinc", "cobblestone-rules", Development),
        ("store", "cobblestone-daemon", Build),
        ("validator", "cobblestone-sandbox", Normal),
        ("validator", "cobblestone-assimilator", Normal),
        ("assimilator", "cobblestone-work-generator", Development),
        ("sandbox", "cobblestone-daemon", Normal),
    ] {
        let found = with(name, used, kind);
        assert_eq!(found, [format!("{name} must not use {}", short(used))]);
    }
    for (name, used) in
        [("daemon", "quick-xml"), ("sandbox", "diesel"), ("tests", "mysql_async"), ("validator", "parquet")]
    {
        let found = with(name, used, Development);
        assert!(found.len() == 1 && found[0].starts_with(&format!("{name} uses {used}")), "{found:?}");
    }
    assert_eq!(with("rules", "cobblestone-sandbox", Development), [""; 0]);
    assert_eq!(with("validator", "cobblestone-compare", Normal), [""; 0]);
}

#[test]
fn a_library_that_nobody_thought_of_is_found() {
    let mut crates = workspace();
    crates.push(Crate {
        name: "new".to_owned(),
        folder: "daemons/lib/new".to_owned(),
        dependencies: Vec::new(),
    });
    crates.retain(|c| c.name != "compare");
    let found = violations(&crates);
    assert!(found.iter().any(|text| text.starts_with("daemons/lib/new")), "{found:?}");
    assert!(found.iter().any(|text| text.contains("compare, which is gone")), "{found:?}");
}
