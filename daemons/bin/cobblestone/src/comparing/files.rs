//! Which files an output has, by logical name.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use compare::{Named, Spec};

/// The files of one output.
pub type Files = Vec<Named<PathBuf>>;

/// Most files of a folder.
const MOST: usize = 10_000;
/// Deepest folder.
const DEEPEST: usize = 32;

/// The files of both outputs.
pub fn both(left: &str, right: &str, name: Option<&str>, spec: &Spec) -> Result<(Files, Files)> {
    let is_one = |text: &str| !is_list(text) && !Path::new(text).is_dir();
    match (is_one(left), is_one(right)) {
        (true, true) => {
            let name = match name {
                Some(name) => name.to_owned(),
                None => logical_name(Path::new(left), spec)
                    .or_else(|| logical_name(Path::new(right), spec))
                    .unwrap_or_else(|| only_name(spec)),
            };
            let file = |path: &str| vec![(name.clone(), Some(PathBuf::from(path)))];
            Ok((file(left), file(right)))
        }
        (false, false) if name.is_some() => bail!("--name is for two files, and these are more"),
        (false, false) => Ok((many(left)?, many(right)?)),
        _ => bail!("one of A and B is a file, the other is not: give two files, two folders or two lists"),
    }
}

/// The logical name of one file of which only the path is known, as for a sample.
pub fn sample(text: &str, spec: &Spec) -> (String, PathBuf) {
    match text.split_once('=') {
        Some((name, path)) if !Path::new(text).exists() => (name.to_owned(), path.into()),
        _ => {
            let path = PathBuf::from(text);
            (logical_name(&path, spec).unwrap_or_else(|| only_name(spec)), path)
        }
    }
}

/// The file's own name, if the spec has an entry for it.
fn logical_name(path: &Path, spec: &Spec) -> Option<String> {
    let name = path.file_name()?.to_str()?;
    spec.files.iter().any(|file| file.is_for(name)).then(|| name.to_owned())
}

/// The name that the spec's only entry has.
fn only_name(spec: &Spec) -> String {
    match spec.files.as_slice() {
        [only] if !only.name.contains(['*', '?']) => only.name.clone(),
        _ => "output".to_owned(),
    }
}

fn is_list(text: &str) -> bool {
    text.contains('=') && !Path::new(text).exists()
}

fn many(text: &str) -> Result<Files> {
    if is_list(text) {
        return text
            .split(',')
            .map(|pair| {
                let (name, path) =
                    pair.split_once('=').with_context(|| format!("{pair:?} is not NAME=FILE"))?;
                Ok((name.to_owned(), Some(PathBuf::from(path))))
            })
            .collect();
    }
    let mut found = Vec::new();
    walk(Path::new(text), "", 0, &mut found)?;
    found.sort();
    Ok(found)
}

/// Everything below `folder` that is no folder. A link is no folder; opening it then says what it is.
fn walk(folder: &Path, prefix: &str, depth: usize, found: &mut Files) -> Result<()> {
    if depth > DEEPEST {
        bail!("{} is nested too deep", folder.display());
    }
    let entries = std::fs::read_dir(folder).with_context(|| format!("{} can't be read", folder.display()))?;
    for entry in entries {
        let entry = entry.with_context(|| format!("{} can't be read", folder.display()))?;
        let Some(name) = entry.file_name().to_str().map(|name| format!("{prefix}{name}")) else {
            bail!("{} has a file whose name is no text", folder.display());
        };
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            walk(&entry.path(), &format!("{name}/"), depth + 1, found)?;
        } else {
            found.push((name, Some(entry.path())));
        }
        if found.len() > MOST {
            bail!("{} has more than {MOST} files", folder.display());
        }
    }
    Ok(())
}
