//! A file within an archive: which, and what is wrong with it.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::zip::Seekable;
use super::{Bytes, Malformed, Trouble, tar, zip};

/// What a file is packed into, together with others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Archive {
    /// Nothing.
    #[default]
    None,
    /// `.tar`, and with `compression`, `.tar.gz` and the like.
    Tar,
    /// `.zip`, `.npz`
    Zip,
}

/// The member of an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Member {
    pub(super) archive: Archive,
    pub(super) name: Arc<str>,
}

impl Member {
    pub(super) fn of_zip(
        &self,
        archive: Box<dyn Seekable>,
        length: u64,
        limit: u64,
        ratio: u64,
    ) -> Result<Bytes, Trouble> {
        zip::open(archive, length, &self.name, limit, ratio)
    }

    pub(super) fn of_tar(&self, archive: Bytes) -> Result<Bytes, Trouble> {
        tar::open(archive, &self.name)
    }
}

/// What is wrong with the member `name`, or with the archive on the way to it.
pub(super) fn fault(name: &str, what: impl Into<String>) -> Malformed {
    Malformed::Format { place: format!("member {name}"), what: what.into() }
}

/// Whether a name in an archive is that of the member. `./` before it does not count; `..` is a name as any other.
pub(super) fn is_named(found: &[u8], name: &str) -> bool {
    found.strip_prefix(b"./").unwrap_or(found) == name.as_bytes()
}

#[cfg(test)]
mod tests;
