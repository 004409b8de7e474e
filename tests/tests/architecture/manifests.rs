//! What every crate's Cargo.toml declares.

use std::path::PathBuf;

use toml::{Table, Value};

/// What is wrong with the manifest of a member of the workspace.
fn violations(name: &str, text: &str) -> Vec<String> {
    let manifest: Table = match text.parse() {
        Ok(manifest) => manifest,
        Err(error) => return vec![format!("{name}: {error}")],
    };
    let mut wrong = Vec::new();
    let inherits =
        |value: Option<&Value>| value.and_then(|v| v.get("workspace")) == Some(&Value::Boolean(true));
    if !inherits(manifest.get("lints")) {
        wrong.push(format!("{name}: write [lints] workspace = true"));
    }
    for key in ["version", "edition", "rust-version", "license", "publish"] {
        if !inherits(manifest.get("package").and_then(|package| package.get(key))) {
            wrong.push(format!("{name}: write {key}.workspace = true in [package]"));
        }
    }
    for section in ["dependencies", "dev-dependencies", "build-dependencies"] {
        let dependencies = manifest.get(section).and_then(Value::as_table).into_iter().flatten();
        for (dependency, value) in dependencies {
            if !inherits(Some(value)) {
                wrong.push(format!(
                    "{name}: {dependency} in [{section}] has a version of its own; one version of each stands in \
                     the workspace's Cargo.toml"
                ));
            }
        }
    }
    wrong
}

fn manifests() -> Vec<PathBuf> {
    let root = super::root();
    let mut found: Vec<PathBuf> = ["tests", "benches"].map(|name| root.join(name)).to_vec();
    for folder in ["daemons/lib", "daemons/bin"] {
        let entries = std::fs::read_dir(root.join(folder)).unwrap();
        found.extend(entries.map(|entry| entry.unwrap().path()));
    }
    found.retain(|folder| folder.is_dir());
    found.into_iter().map(|folder| folder.join("Cargo.toml")).collect()
}

#[test]
fn every_crate_has_the_workspaces_lints_licence_and_versions() {
    let mut wrong = Vec::new();
    for path in manifests() {
        let name = path.strip_prefix(super::root()).unwrap().display().to_string();
        wrong.extend(violations(&name, &std::fs::read_to_string(&path).unwrap()));
    }
    super::none(&wrong);
}

#[test]
fn the_workspaces_lints_and_licence_are_what_they_shall_be() {
    let manifest: Table = std::fs::read_to_string(super::root().join("Cargo.toml")).unwrap().parse().unwrap();
    let workspace = manifest["workspace"].as_table().unwrap();
    assert_eq!(workspace["package"]["license"].as_str(), Some("MIT OR Apache-2.0"));
    assert_eq!(workspace["lints"]["rust"]["unsafe_code"].as_str(), Some("forbid"));
    for lint in ["unwrap_used", "expect_used", "panic", "todo", "unreachable", "disallowed_methods"] {
        assert_eq!(workspace["lints"]["clippy"][lint].as_str(), Some("deny"), "{lint}");
    }
    // A C library that must be installed is what a fresh machine does not have.
    let diesel = &workspace["dependencies"]["diesel"];
    assert_eq!(diesel["default-features"].as_bool(), Some(false));
    let features: Vec<_> = diesel["features"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    assert!(!features.contains(&"mysql"), "{features:?}");
}

#[test]
fn a_careless_manifest_is_found() {
    let found = violations(
        "x",
        "[package]\nname = \"x\"\nversion.workspace = true\nedition = \"2021\"\nrust-version.workspace = true\n\
         license = \"GPL-3.0\"\npublish.workspace = true\n[dependencies]\nserde = \"1\"\ntoml.workspace = true\n",
    );
    assert_eq!(found.len(), 4, "{found:#?}");
    for word in ["[lints]", "edition", "license", "serde"] {
        assert!(found.iter().any(|text| text.contains(word)), "{word}: {found:#?}");
    }
    assert_eq!(violations("x", "[[[").len(), 1);
}
