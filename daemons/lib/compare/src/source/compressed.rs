//! Decompression that cannot be made to take much memory or to go on for ever.
//!
//! Bounds: what comes out, in bytes and in proportion to what went in; the window of the decompressor, 128 MiB. Several
//! members one after the other are one content, as their programs have it.

use std::io::{BufReader, Read};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use serde::{Deserialize, Serialize};

use super::bounded::{Bounded, Counted};
use super::{Bytes, Malformed, Trouble};

/// How a file is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Compression {
    /// It is not.
    #[default]
    None,
    /// As its first bytes say; plain if they say nothing.
    Auto,
    /// `.gz`
    Gzip,
    /// `.zst`
    Zstd,
    /// `.xz`
    Xz,
}

/// Largest window of zstd: 2^27 bytes.
const WINDOW_LOG: u32 = 27;
/// Most memory of xz, in bytes.
const XZ_MEMORY: u64 = 128 << 20;
const BUFFER: usize = 64 << 10;

const GZIP: &[u8] = &[0x1f, 0x8b];
const ZSTD: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd];
const XZ: &[u8] = &[0xfd, b'7', b'z', b'X', b'Z', 0];

pub(super) fn unpack(
    mut packed: Bytes,
    compression: Compression,
    limit: u64,
    ratio: u64,
) -> Result<Bytes, Trouble> {
    let mut head = Vec::new();
    let kind = match compression {
        Compression::Auto => {
            packed.by_ref().take(XZ.len() as u64).read_to_end(&mut head)?;
            kind_of(&head)
        }
        declared => declared,
    };
    let whole: Bytes =
        if head.is_empty() { packed } else { Box::new(std::io::Cursor::new(head).chain(packed)) };
    if matches!(kind, Compression::None | Compression::Auto) {
        return Ok(whole);
    }
    let count = Arc::new(AtomicU64::new(0));
    let counted = BufReader::with_capacity(BUFFER, Counted { inner: whole, count: Arc::clone(&count) });
    let broken = |error: std::io::Error| Malformed::Packed { what: error.to_string() };
    let inner: Bytes = match kind {
        Compression::Zstd => {
            let mut decoder = zstd::stream::read::Decoder::with_buffer(counted).map_err(broken)?;
            decoder.window_log_max(WINDOW_LOG).map_err(broken)?;
            Box::new(decoder)
        }
        Compression::Xz => {
            let flags = liblzma::stream::CONCATENATED;
            let stream = liblzma::stream::Stream::new_stream_decoder(XZ_MEMORY, flags)
                .map_err(|error| broken(error.into()))?;
            Box::new(liblzma::bufread::XzDecoder::new_stream(counted, stream))
        }
        _ => Box::new(flate2::bufread::MultiGzDecoder::new(counted)),
    };
    Ok(Box::new(Bounded { inner, packed: count, unpacked: 0, limit, ratio }))
}

fn kind_of(head: &[u8]) -> Compression {
    if head.starts_with(GZIP) {
        Compression::Gzip
    } else if head.starts_with(ZSTD) {
        Compression::Zstd
    } else if head.starts_with(XZ) {
        Compression::Xz
    } else {
        Compression::None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn xz(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = liblzma::write::XzEncoder::new(Vec::new(), 1);
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn zst(bytes: &[u8]) -> Vec<u8> {
        zstd::stream::encode_all(bytes, 1).unwrap()
    }

    fn read(packed: Vec<u8>, compression: Compression, limit: u64, ratio: u64) -> Result<Vec<u8>, Trouble> {
        let mut bytes = Vec::new();
        let mut reader = unpack(Box::new(std::io::Cursor::new(packed)), compression, limit, ratio)?;
        reader.read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    #[test]
    fn every_kind_is_unpacked_and_recognised() {
        let text = b"1 2 3\n".repeat(1000);
        for (kind, packed) in
            [(Compression::Gzip, gzip(&text)), (Compression::Zstd, zst(&text)), (Compression::Xz, xz(&text))]
        {
            assert_eq!(read(packed.clone(), kind, 1 << 20, 200).unwrap(), text, "{kind:?}");
            assert_eq!(read(packed.clone(), Compression::Auto, 1 << 20, 200).unwrap(), text, "{kind:?}");
            assert_eq!(read(packed.repeat(2), kind, 1 << 20, 200).unwrap(), text.repeat(2), "{kind:?} twice");
            assert_eq!(read(packed.clone(), Compression::None, 1 << 20, 200).unwrap(), packed);
        }
        assert_eq!(read(b"1 2".to_vec(), Compression::Auto, 9, 1).unwrap(), b"1 2");
        assert_eq!(read(Vec::new(), Compression::Auto, 9, 1).unwrap(), b"");
    }

    #[test]
    fn broken_and_cut_content_is_malformed() {
        let text = b"1 2 3\n".repeat(1000);
        for (kind, packed) in
            [(Compression::Gzip, gzip(&text)), (Compression::Zstd, zst(&text)), (Compression::Xz, xz(&text))]
        {
            for broken in [b"hello world".to_vec(), packed[..packed.len() / 2].to_vec()] {
                let error = read(broken, kind, 1 << 20, 200).unwrap_err();
                assert!(matches!(error, Trouble::Malformed(Malformed::Packed { .. })), "{kind:?}: {error:?}");
            }
        }
    }

    #[test]
    fn bombs_end_in_a_clear_error() {
        let zeros = vec![0_u8; 20 << 20];
        for (kind, packed) in [
            (Compression::Gzip, gzip(&zeros)),
            (Compression::Zstd, zst(&zeros)),
            (Compression::Xz, xz(&zeros)),
        ] {
            assert!(packed.len() < zeros.len() / 100, "{kind:?}");
            let error = read(packed.clone(), kind, 1 << 40, 20).unwrap_err();
            assert!(
                matches!(error, Trouble::Malformed(Malformed::Bomb { ratio: 20 })),
                "{kind:?}: {error:?}"
            );
            let error = read(packed, kind, 5 << 20, 1 << 40).unwrap_err();
            assert!(matches!(error, Trouble::Malformed(Malformed::TooLarge { .. })), "{kind:?}: {error:?}");
        }
    }

    #[test]
    fn an_error_of_the_disk_is_not_the_contents_fault() {
        struct Broken;
        impl Read for Broken {
            fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
                Err(std::io::Error::from_raw_os_error(5))
            }
        }
        for kind in [Compression::Auto, Compression::Gzip, Compression::Zstd, Compression::Xz] {
            let opened = unpack(Box::new(Broken), kind, 9, 9);
            let error = opened.and_then(|mut reader| Ok(reader.read_to_end(&mut Vec::new())?)).unwrap_err();
            assert!(!error.is_content(), "{kind:?}: {error:?}");
        }
    }
}
