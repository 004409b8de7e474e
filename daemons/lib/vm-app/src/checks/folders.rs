//! Whether folders are there and can be written by the user who asks.

use crate::Report;

/// A folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folder {
    /// Its path.
    pub path: String,
    /// Who writes into it, and what.
    pub what: &'static str,
    /// What was found.
    pub found: Found,
    /// Whether it is made when it is needed.
    pub is_made: bool,
}

/// What was found at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// Nothing.
    Nothing,
    /// Something else than a folder.
    NoFolder,
    /// A folder that this user can't write into.
    ReadOnly,
    /// A folder.
    Writable,
}

/// Looks at it. `user` is who asks.
pub fn check(report: &mut Report<'_>, folder: &Folder, user: &str) {
    let what = match folder.found {
        Found::Writable => return,
        Found::Nothing if folder.is_made => return,
        Found::Nothing => "it is missing".to_owned(),
        Found::NoFolder => "it is no folder".to_owned(),
        Found::ReadOnly => format!("{user} can't write into it"),
    };
    report.error(
        "folder",
        &folder.path,
        what,
        format!("{} can't be written", folder.what),
        match folder.found {
            Found::ReadOnly => {
                "run this as the user who runs the daemons, or give that user the folder (chown, chmod)"
            }
            _ => "make the folder, or mend its path in config.xml or [assimilate]",
        },
    );
}

#[cfg(test)]
mod tests {
    use super::super::testing::fired;
    use super::*;

    #[test]
    fn each_check_fires() {
        let with = |found: Found, is_made: bool| {
            let folder = Folder { path: "upload".into(), what: "outputs", found, is_made };
            fired(|report| check(report, &folder, "boincadm"))
        };
        assert!(with(Found::Writable, false).is_empty() && with(Found::Nothing, true).is_empty());
        for found in [Found::Nothing, Found::NoFolder, Found::ReadOnly] {
            assert_eq!(with(found, false), ["folder"], "{found:?}");
        }
    }
}
