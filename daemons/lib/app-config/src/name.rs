//! Names and paths that stay where they belong.

use std::path::{Component, Path};

/// Longest name of an application or a campaign, in bytes. Workunit names are at most 191 characters long and
/// begin with it.
pub(crate) const LONGEST_NAME: usize = 100;

/// Whether `name` can be a file name and part of a workunit's name: A-Z a-z 0-9 . _ -, not beginning with a dot
/// or a hyphen.
#[must_use]
pub fn is_safe_name(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= LONGEST_NAME
        && !name.starts_with(['.', '-'])
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'))
}

/// Whether `path` is relative and never leaves the folder that it is relative to.
#[must_use]
pub fn stays_below(path: &str) -> bool {
    !path.is_empty()
        && !path.contains('\0')
        && Path::new(path).components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for good in ["theory", "a", "pythia8.3_x-1", "0"] {
            assert!(is_safe_name(good), "{good}");
        }
        for bad in ["", ".", "..", ".theory", "-d", "a/b", "../a", "a b", "ä", "a\0", "a\n", &"a".repeat(101)]
        {
            assert!(!is_safe_name(bad), "{bad:?}");
        }
    }

    #[test]
    fn paths() {
        for good in ["templates/a", "a", "./a", "a/./b"] {
            assert!(stays_below(good), "{good}");
        }
        for bad in ["", "/etc/passwd", "..", "a/../../b", "a/..", "a\0"] {
            assert!(!stays_below(bad), "{bad:?}");
        }
    }
}
