//! Files in the folder `cobblestone` that belong to no application: most often a misspelt name.
//!
//! A file that nobody reads changes nothing, and nobody would notice. Nothing is written here.

use std::fmt;
use std::path::Path;

use crate::wording;

/// Files that are looked at, at most.
const MOST: usize = 1000;

/// A file that no daemon reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stray {
    /// Its name, escaped.
    pub file: String,
    /// The application that was probably meant.
    pub meant: Option<String>,
}

impl fmt::Display for Stray {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cobblestone/{} belongs to no application of the project, so nobody reads it", self.file)?;
        match &self.meant {
            Some(app) => write!(f, "; did you mean {app}.toml?"),
            None => f.write_str("; a file is called as app.name, with .toml"),
        }
    }
}

/// The `.toml` files in the folder that are none of `apps`, by name. None if the folder can't be read.
#[must_use]
pub fn strays<'a>(project_dir: &Path, apps: impl Iterator<Item = &'a str> + Clone) -> Vec<Stray> {
    let Ok(entries) = std::fs::read_dir(project_dir.join("cobblestone")) else { return Vec::new() };
    let names = entries.take(MOST).filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let mut strays: Vec<Stray> = names
        .filter_map(|file| {
            let stem = file.strip_suffix(".toml").filter(|stem| !stem.starts_with('.'))?;
            if apps.clone().any(|app| app == stem) {
                return None;
            }
            let meant = wording::nearest(stem, apps.clone()).map(str::to_owned);
            Some(Stray { file: file.escape_debug().to_string(), meant })
        })
        .collect();
    strays.sort_by(|a, b| a.file.cmp(&b.file));
    strays
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_file_is_found_also_beside_a_good_one() {
        let dir = tempfile::tempdir().unwrap();
        let apps = ["theory", "sieve"];
        assert_eq!(strays(dir.path(), apps.into_iter()), []);
        let folder = dir.path().join("cobblestone");
        std::fs::create_dir(&folder).unwrap();
        for file in ["theory.toml", "thoery.toml", "xyz\n.toml", "theory.toml.bak", ".hidden.toml", "readme"]
        {
            std::fs::write(folder.join(file), "").unwrap();
        }
        let found: Vec<String> =
            strays(dir.path(), apps.into_iter()).iter().map(ToString::to_string).collect();
        let begin = "belongs to no application of the project, so nobody reads it";
        assert_eq!(
            found,
            [
                format!("cobblestone/thoery.toml {begin}; did you mean theory.toml?"),
                format!("cobblestone/xyz\\n.toml {begin}; a file is called as app.name, with .toml"),
            ]
        );
    }
}
