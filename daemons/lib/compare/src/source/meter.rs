//! How much comes out of a source, for whoever asks afterwards.

use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::Bytes;

/// Counts the content of one source.
#[derive(Debug, Clone, Default)]
pub(crate) struct Meter(Arc<State>);

#[derive(Debug, Default)]
struct State {
    bytes: AtomicU64,
    ended: AtomicBool,
}

impl Meter {
    /// The same bytes, counted.
    pub(crate) fn on(bytes: Bytes) -> (Bytes, Self) {
        let meter = Self::default();
        (Box::new(Metered { inner: bytes, meter: meter.clone() }), meter)
    }

    /// Size of the content, in bytes; None if it was not read to its end.
    pub(crate) fn whole(&self) -> Option<u64> {
        self.0.ended.load(Ordering::Relaxed).then(|| self.0.bytes.load(Ordering::Relaxed))
    }
}

struct Metered {
    inner: Bytes,
    meter: Meter,
}

impl Read for Metered {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.meter.0.bytes.fetch_add(count as u64, Ordering::Relaxed);
        if count == 0 && !buffer.is_empty() {
            self.meter.0.ended.store(true, Ordering::Relaxed);
        }
        Ok(count)
    }
}
