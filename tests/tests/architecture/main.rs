//! The rules of the house that a compiler does not check: who may use whom, where the real clock is read, what every
//! crate declares. Each rule is a function over plain data, shown to fail on data that breaks it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use std::path::{Path, PathBuf};

mod arrows;
mod manifests;
mod sources;

/// The root of the workspace.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// Fails with all that is wrong, one per line.
#[track_caller]
fn none(violations: &[String]) {
    assert!(violations.is_empty(), "\n  {}\n", violations.join("\n  "));
}
