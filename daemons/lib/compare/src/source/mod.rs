//! Where bytes come from: a file, or what is packed into it, opened with suspicion and bounded.
//!
//! A source is a chain of stages: the opened [`File`], then a decompressor. Each gives [`Bytes`], a reader that ends in
//! an error once more comes than is declared. A fault of the content travels through [`std::io::Error`] as a
//! [`Malformed`] inside of it, so that any reader can be put on top of any other; [`Trouble`] takes it out again.
//!
//! Archives come behind or instead of the decompressor: `tar` passes by, `zip` is read at its end first.
//!
//! A new source: a module here with a function from `Bytes` or `File` to `Bytes`, a call in
//! [`Plan::open`], its keys in `spec::FileSpec` with their check. It must bound memory, the number of entries it walks
//! and what it unpacks, and it must not follow names anywhere.

mod bounded;
mod compressed;
mod file;
mod member;
mod meter;
mod tar;
mod trouble;
mod zip;

use std::io::{Cursor, Read};
use std::path::PathBuf;
use std::sync::Arc;

pub use compressed::Compression;
pub use file::{File, FileError};
pub use member::Archive;
pub(crate) use meter::Meter;
pub use trouble::{Malformed, Trouble};

use crate::spec::{FileSpec, Report};

/// A reader that bounds what comes.
pub type Bytes = Box<dyn Read + Send>;

/// How a file is unpacked, and how much of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// How it is compressed.
    pub compression: Compression,
    /// Most bytes that come out.
    pub max_bytes: u64,
    /// Most bytes that come out for one that goes in.
    pub max_ratio: u64,
    /// Where in the file the content is.
    pub(crate) member: Option<member::Member>,
}

/// Largest bound that can be declared: 1 TiB.
pub const LARGEST_MAX_BYTES: u64 = 1 << 40;

impl Plan {
    pub(crate) fn new(spec: &FileSpec, report: Report<'_>) -> Self {
        if spec.max_bytes == 0 || spec.max_bytes > LARGEST_MAX_BYTES {
            report(
                "max_bytes",
                format!("is {}, but must be between 1 and {LARGEST_MAX_BYTES}", spec.max_bytes),
            );
        }
        if spec.max_ratio == 0 {
            report("max_ratio", "is 0, so nothing could be unpacked; 200 is usual".into());
        }
        let is_in_archive = spec.archive != Archive::None;
        if is_in_archive == spec.member.is_empty() {
            let found = if is_in_archive {
                "is missing: the file in the archive, as in \"out/events.csv\""
            } else {
                "has a meaning only with `archive`; remove it"
            };
            report("member", found.into());
        }
        if spec.member.starts_with(['/', '.']) || spec.member.ends_with('/') {
            report(
                "member",
                format!("is {:?}, but must be a path in the archive, without ./ or / before it", spec.member),
            );
        }
        if spec.archive == Archive::Zip && spec.compression != Compression::None {
            report(
                "compression",
                "has no meaning for a zip archive, which packs its members itself; remove it".into(),
            );
        }
        let member = is_in_archive
            .then(|| member::Member { archive: spec.archive, name: spec.member.as_str().into() });
        Self { compression: spec.compression, max_bytes: spec.max_bytes, max_ratio: spec.max_ratio, member }
    }

    /// Begins to read an opened file.
    ///
    /// # Errors
    /// The content is malformed, or reading fails.
    pub fn open(&self, file: File) -> Result<Bytes, Trouble> {
        match &self.member {
            Some(member) if member.archive == Archive::Zip => {
                let length = file.length();
                member.of_zip(Box::new(file.into_inner()), length, self.max_bytes, self.max_ratio)
            }
            _ => self.unpack(file.into_reader()),
        }
    }

    /// Begins to read bytes in memory as if they were a file.
    ///
    /// # Errors
    /// As [`Plan::open`].
    pub fn open_bytes(&self, bytes: Arc<Vec<u8>>) -> Result<Bytes, Trouble> {
        if bytes.len() as u64 > self.max_bytes {
            return Err(Malformed::TooLarge { limit: self.max_bytes }.into());
        }
        let length = bytes.len() as u64;
        let bytes = Cursor::new(Shared(bytes));
        match &self.member {
            Some(member) if member.archive == Archive::Zip => {
                member.of_zip(Box::new(bytes), length, self.max_bytes, self.max_ratio)
            }
            _ => self.unpack(Box::new(bytes)),
        }
    }

    fn unpack(&self, packed: Bytes) -> Result<Bytes, Trouble> {
        let unpacked = compressed::unpack(packed, self.compression, self.max_bytes, self.max_ratio)?;
        match &self.member {
            Some(member) => member.of_tar(unpacked),
            None => Ok(unpacked),
        }
    }

    /// Whether what comes out is the file as it is.
    pub fn is_plain(&self) -> bool {
        self.compression == Compression::None && self.member.is_none()
    }
}

/// Where content can be read again.
#[derive(Debug, Clone)]
pub(crate) enum Again {
    Path(PathBuf),
    Memory(Arc<Vec<u8>>),
}

impl Again {
    pub(crate) fn open(&self, plan: &Plan) -> Result<Bytes, Trouble> {
        match self {
            Self::Path(path) => plan.open(File::open(path, plan.max_bytes)?),
            Self::Memory(bytes) => plan.open_bytes(Arc::clone(bytes)),
        }
    }
}

struct Shared(Arc<Vec<u8>>);

impl AsRef<[u8]> for Shared {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}
