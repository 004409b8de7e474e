//! A reader that ends in an error instead of giving too much.

use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::{Bytes, Malformed};

/// What may unpack to this size is no bomb, whatever its ratio, in bytes: 1 MiB.
const HARMLESS: u64 = 1 << 20;

/// Counts what is read through it.
pub(super) struct Counted {
    pub(super) inner: Bytes,
    pub(super) count: Arc<AtomicU64>,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.count.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}

/// Bounds what is unpacked, in bytes and in proportion to what was packed.
pub(super) struct Bounded<R> {
    pub(super) inner: R,
    /// Bytes that went in so far.
    pub(super) packed: Arc<AtomicU64>,
    pub(super) unpacked: u64,
    pub(super) limit: u64,
    pub(super) ratio: u64,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer).map_err(fault)?;
        self.unpacked += count as u64;
        if self.unpacked > self.limit {
            return Err(Malformed::TooLarge { limit: self.limit }.into());
        }
        let packed = self.packed.load(Ordering::Relaxed);
        if self.unpacked > HARMLESS.max(packed.saturating_mul(self.ratio)) {
            return Err(Malformed::Bomb { ratio: self.ratio }.into());
        }
        Ok(count)
    }
}

/// A decompressor's own error is the content's fault; an error from below is handed on.
fn fault(error: io::Error) -> io::Error {
    let is_ours = error.get_ref().is_some_and(|inner| inner.is::<Malformed>());
    let from_the_system = error.raw_os_error().is_some() || error.kind() == io::ErrorKind::Interrupted;
    if is_ours || from_the_system {
        return error;
    }
    Malformed::Packed { what: error.to_string() }.into()
}
