//! Long output, written as it is made: rows for programs.
//!
//! Invariant: what is written is buffered and never held as a whole. A reader that goes away (`| head`) is no error:
//! writing ends, and [`Out::end`] says so. Anything else that fails, a full disk say, is one.

use std::io::{BufWriter, ErrorKind, Stdout, Write};

/// See the module.
#[derive(Debug)]
pub struct Out<W: Write = Stdout> {
    inner: BufWriter<W>,
    failed: Option<std::io::Error>,
}

impl Out {
    /// Writes to stdout.
    pub fn stdout() -> Self {
        Self::new(std::io::stdout())
    }
}

impl<W: Write> Out<W> {
    fn new(inner: W) -> Self {
        Self { inner: BufWriter::with_capacity(64 * 1024, inner), failed: None }
    }

    /// Writes text as it is. False when nobody reads on, or it can't be written: then nothing more is.
    pub fn put(&mut self, text: &str) -> bool {
        if self.failed.is_none() {
            self.failed = self.inner.write_all(text.as_bytes()).err();
        }
        self.failed.is_none()
    }

    /// Whether writing ended early.
    pub fn is_closed(&self) -> bool {
        self.failed.is_some()
    }

    /// Writes what is left in the buffer.
    ///
    /// # Errors
    /// It could not be written, for another reason than that the reader went away.
    pub fn end(mut self) -> anyhow::Result<()> {
        if self.failed.is_none() {
            self.failed = self.inner.flush().err();
        }
        // What is left must not be tried again when this is dropped.
        let (_, _) = self.inner.into_parts();
        match self.failed {
            Some(error) if error.kind() != ErrorKind::BrokenPipe => {
                Err(anyhow::Error::new(error).context("can't write the output; what was written is not all"))
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Fails(ErrorKind);

    impl Write for Fails {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(self.0.into())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_reader_that_goes_away_is_no_error_and_a_full_disk_is() {
        for (kind, fine) in [(ErrorKind::BrokenPipe, true), (ErrorKind::StorageFull, false)] {
            let mut out = Out::new(Fails(kind));
            assert!(!out.put(&"x".repeat(100_000)) && out.is_closed());
            assert!(!out.put("y"));
            assert_eq!(out.end().is_ok(), fine);
            let mut out = Out::new(Fails(kind));
            assert!(out.put("short"));
            assert_eq!(out.end().is_ok(), fine);
        }
    }
}
