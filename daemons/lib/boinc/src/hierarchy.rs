//! Where a file lies in the download and upload folders: `ROOT/<hex>/NAME`.
//!
//! The folder `<hex>` is the fan-out: characters 1 to 7 (from zero) of the MD5 of NAME in hex, read as a
//! hexadecimal number, modulo `uldl_dir_fanout`, printed as lower-case hex without padding. A fan-out of 0
//! means no such folder.
//!
//! Invariant: a path or URL made here names a file directly in the root or in its fan-out folder, never
//! anything else. Names can come from volunteers, so each is checked first ([`check_name`]).

use std::path::{Path, PathBuf};

use md5::{Digest, Md5};

use crate::printable::printable;

/// The longest name of a file, in bytes: what file systems accept.
pub const MAX_NAME: usize = 255;

/// A name that can't be the name of a file in the hierarchy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NameError {
    /// Nothing.
    #[error("a file name is empty; give it a name")]
    Empty,
    /// `.` or `..`
    #[error("\"{name}\" is a folder, not the name of a file; rename the file")]
    Dots {
        /// The name.
        name: &'static str,
    },
    /// Holds `/`.
    #[error("file name \"{name}\" holds a '/'; use names without folders")]
    Slash {
        /// The name, made printable.
        name: String,
    },
    /// Holds NUL, a line feed or another control character.
    #[error("file name \"{name}\" holds control character {code:#04x}; rename the file")]
    Control {
        /// The name, made printable.
        name: String,
        /// The character's number.
        code: u32,
    },
    /// Too long for a file system.
    #[error("file name \"{name}\" is {bytes} bytes long; shorten it to {MAX_NAME}")]
    TooLong {
        /// The name's beginning, made printable.
        name: String,
        /// Its length.
        bytes: usize,
    },
}

/// Accepts what can be the name of one file: not empty, no `/`, no control character (NUL among them), not `.`
/// or `..`, at most [`MAX_NAME`] bytes.
///
/// # Errors
/// Says which rule the name breaks; the message is one short printable line.
pub fn check_name(name: &str) -> Result<(), NameError> {
    let shown = || printable(name, 100);
    match name {
        "" => return Err(NameError::Empty),
        "." => return Err(NameError::Dots { name: "." }),
        ".." => return Err(NameError::Dots { name: ".." }),
        _ => {}
    }
    if name.len() > MAX_NAME {
        return Err(NameError::TooLong { name: shown(), bytes: name.len() });
    }
    if name.contains('/') {
        return Err(NameError::Slash { name: shown() });
    }
    match name.chars().find(|c| c.is_control()) {
        Some(c) => Err(NameError::Control { name: shown(), code: c.into() }),
        None => Ok(()),
    }
}

/// The fan-out folder of a file name; none when `fanout` is 0. Does not check the name.
///
/// `perf_0_0_r24215473_0` with 1024 gives `bb`.
#[must_use]
pub fn folder(name: &str, fanout: u32) -> Option<String> {
    let digest = Md5::digest(name.as_bytes());
    let mut leading = [0_u8; 4];
    for (to, from) in leading.iter_mut().zip(digest.iter()) {
        *to = *from;
    }
    // Hex digits 1 to 7 are the low 28 bits of the first four bytes.
    let number = u32::from_be_bytes(leading) & 0x0fff_ffff;
    number.checked_rem(fanout).map(|number| format!("{number:x}"))
}

/// The path of a file: `ROOT/<hex>/NAME`, or `ROOT/NAME` when `fanout` is 0.
///
/// # Errors
/// [`check_name`] refuses the name.
pub fn path_in(root: &Path, name: &str, fanout: u32) -> Result<PathBuf, NameError> {
    check_name(name)?;
    let mut path = root.to_path_buf();
    path.extend(folder(name, fanout));
    path.push(name);
    Ok(path)
}

/// The URL of a file: `ROOT/<hex>/NAME`, or `ROOT/NAME` when `fanout` is 0. As in BOINC nothing is
/// percent-encoded.
///
/// # Errors
/// [`check_name`] refuses the name.
pub fn url_in(root: &str, name: &str, fanout: u32) -> Result<String, NameError> {
    check_name(name)?;
    Ok(match folder(name, fanout) {
        Some(folder) => format!("{root}/{folder}/{name}"),
        None => format!("{root}/{name}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::path::Component;

    #[test]
    fn folders_are_those_of_boinc() {
        assert_eq!(folder("perf_0_0_r24215473_0", 1024).as_deref(), Some("bb"));
        assert_eq!(folder("in_common", 1024).as_deref(), Some("2ab"));
        assert_eq!(folder("theory_2_1_r260175285_0", 1024).as_deref(), Some("15c"));
        assert_eq!(folder("theory_5_0_r1667274235_0", 1024).as_deref(), Some("1fd"));
        assert_eq!(folder("in_common", 0), None);
    }

    #[test]
    fn paths_and_urls() {
        let root = Path::new("/p/upload");
        assert_eq!(path_in(root, "in_common", 1024).unwrap(), Path::new("/p/upload/2ab/in_common"));
        assert_eq!(path_in(root, "in_common", 0).unwrap(), Path::new("/p/upload/in_common"));
        assert_eq!(
            url_in("http://x/download", "in_common", 1024).unwrap(),
            "http://x/download/2ab/in_common"
        );
    }

    #[test]
    fn bad_names_are_refused() {
        let long = "x".repeat(256);
        for bad in ["", ".", "..", "a/b", "/etc/passwd", "../x", "a\0b", "a\nb", "\u{85}", &long] {
            assert!(path_in(Path::new("/p"), bad, 1024).is_err(), "{bad:?}");
            assert!(url_in("http://x", bad, 1024).is_err(), "{bad:?}");
        }
        for good in ["...", ".md5", "a b", "zürich", "a..b", &long[..255]] {
            assert!(path_in(Path::new("/p"), good, 1024).is_ok(), "{good:?}");
        }
    }

    proptest! {
        #[test]
        fn a_path_never_leaves_its_root(name in any::<String>(), fanout in any::<u32>()) {
            let root = Path::new("/p/upload");
            if let Ok(path) = path_in(root, &name, fanout) {
                let below: Vec<_> = path.strip_prefix(root).unwrap().components().collect();
                prop_assert_eq!(below.len(), if fanout == 0 { 1 } else { 2 });
                prop_assert!(below.iter().all(|part| matches!(part, Component::Normal(_))));
                prop_assert_eq!(path.file_name().unwrap().to_str(), Some(name.as_str()));
            }
        }

        #[test]
        fn dots_and_slashes_never_leave_the_root(name in "[./\\\\a\0]{0,12}", fanout in 0_u32..4) {
            if let Ok(path) = path_in(Path::new("/p"), &name, fanout) {
                prop_assert!(path.components().all(|part| part != Component::ParentDir));
            }
        }
    }
}
