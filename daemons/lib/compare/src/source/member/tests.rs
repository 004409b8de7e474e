#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::io::{Cursor, Read, Write};
use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::source::Plan;
use crate::{Compression, FileSpec};

const TWO: &[u8] = include_bytes!("../../../tests/data/two.zip");
const NPZ: &[u8] = include_bytes!("../../../tests/data/one.npz");
const USTAR: &[u8] = include_bytes!("../../../tests/data/ustar.tar.gz");
const GNU: &[u8] = include_bytes!("../../../tests/data/gnu.tar.gz");
const PAX: &[u8] = include_bytes!("../../../tests/data/pax.tar.gz");

fn plan(archive: Archive, member: &str) -> Plan {
    let compression = if archive == Archive::Tar { Compression::Auto } else { Compression::None };
    let spec = FileSpec {
        archive,
        member: member.into(),
        compression,
        max_bytes: 8 << 20,
        max_ratio: 20,
        ..FileSpec::default()
    };
    Plan::new(&spec, &mut |key, message| assert!(member.is_empty(), "{key} {message}"))
}

fn read(bytes: &[u8], archive: Archive, member: &str) -> Result<Vec<u8>, String> {
    let mut content = Vec::new();
    let opened = plan(archive, member).open_bytes(Arc::new(bytes.to_vec()));
    let done = opened.and_then(|mut reader| Ok(reader.read_to_end(&mut content)?));
    match done {
        Ok(_) => Ok(content),
        Err(trouble) => {
            assert!(trouble.is_content(), "{trouble}");
            Err(trouble.to_string())
        }
    }
}

fn zip(bytes: &[u8], member: &str) -> Result<Vec<u8>, String> {
    read(bytes, Archive::Zip, member)
}

fn tar(bytes: &[u8], member: &str) -> Result<Vec<u8>, String> {
    read(bytes, Archive::Tar, member)
}

fn says(found: Result<Vec<u8>, String>, expected: &str) {
    let error = found.unwrap_err();
    assert!(error.contains(expected), "{error}, not {expected}");
}

fn unpacked(gzip: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    flate2::read::GzDecoder::new(gzip).read_to_end(&mut bytes).unwrap();
    bytes
}

#[test]
fn members_of_zip() {
    assert_eq!(zip(TWO, "out/a.dat").unwrap(), b"1 2 3\n".repeat(100));
    assert_eq!(zip(TWO, "b.dat").unwrap(), b"7 8\n");
    assert!(zip(NPZ, "x.npy").unwrap().starts_with(b"\x93NUMPY"));
    says(zip(TWO, "a.dat"), "member a.dat: is not in the archive");
    says(zip(TWO, "out/../b.dat"), "is not in the archive");
    says(zip(b"hello", "b.dat"), "this is no zip archive");
    says(zip(b"", "b.dat"), "this is no zip archive");
}

#[test]
fn members_of_tar() {
    let long = format!("folder/{}/out.dat", "x".repeat(120));
    for archive in [USTAR, GNU, PAX] {
        assert_eq!(tar(archive, &long).unwrap(), b"1 2 3\n".repeat(100));
        assert_eq!(tar(archive, "first.dat").unwrap(), b"0\n", "./ before the name does not count");
        assert_eq!(tar(archive, "last.dat").unwrap(), b"");
        assert_eq!(tar(&unpacked(archive), "first.dat").unwrap(), b"0\n", "not compressed");
        says(tar(archive, "link"), "is a link");
        says(tar(archive, "passwd"), "is not in the archive");
        says(tar(archive, "etc/../first.dat"), "is not in the archive");
    }
    assert_eq!(tar(PAX, "grüße.dat").unwrap(), b"5\n");
    says(tar(b"", "a"), "is not in the archive");
    says(tar(&b"hello ".repeat(100), "a"), "no tar archive");
    says(tar(b"hello", "a"), "the archive is cut");
}

/// An archive with one deflated member, which declares `size`.
fn archive(name: &[u8], content: &[u8], size: u32, repeat: usize) -> Vec<u8> {
    let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(content).unwrap();
    let packed = encoder.finish().unwrap();
    let mut sum = flate2::Crc::new();
    sum.update(content);
    let length = u16::try_from(name.len()).unwrap().to_le_bytes();
    let packed_size = u32::try_from(packed.len()).unwrap().to_le_bytes();
    let common = [
        &[20, 0, 0, 0, 8, 0, 0, 0, 0, 0],
        &sum.sum().to_le_bytes()[..],
        &packed_size,
        &size.to_le_bytes(),
        &length,
        &[0, 0],
    ];
    let local = [b"PK\x03\x04", &common.concat()[..], name, &packed].concat();
    let entry = [b"PK\x01\x02\x14\0", &common.concat()[..], &[0; 14], name].concat();
    let count = u16::try_from(repeat).unwrap().to_le_bytes();
    let table = entry.repeat(repeat);
    let table_size = u32::try_from(table.len()).unwrap().to_le_bytes();
    let begin = u32::try_from(local.len()).unwrap().to_le_bytes();
    let end = [b"PK\x05\x06\0\0\0\0", &count[..], &count, &table_size, &begin, &[0, 0]].concat();
    [local, table, end].concat()
}

#[test]
fn hostile_zips() {
    let text = b"1 2 3\n".repeat(1000);
    assert_eq!(zip(&archive(b"a", &text, 6000, 1), "a").unwrap(), text);
    says(zip(&archive(b"a", &text, 6000, 2), "a"), "is there twice");
    says(zip(&archive(b"a", &text, 5999, 1), "a"), "more bytes than it declares");
    says(zip(&archive(b"a", &text, 6001, 1), "a"), "size or checksum is wrong");
    says(zip(&archive(b"a", &text, 9 << 20, 1), "a"), "more than 8388608 bytes");
    says(zip(&archive(b"a", &text, u32::MAX, 1), "a"), "ZIP64");
    let zeros = vec![0; 6 << 20];
    says(zip(&archive(b"a", &zeros, 6 << 20, 1), "a"), "more than 20 times its size");
    let more = vec![0; 9 << 20];
    says(zip(&archive(b"a", &more, 1, 1), "a"), "more bytes than it declares");
    let change = |at: usize, to: u8| {
        let mut changed = archive(b"a", &text, 6000, 1);
        let table = changed.windows(4).position(|window| window == b"PK\x01\x02").unwrap();
        changed[table + at] = to;
        changed
    };
    says(zip(&change(8, 1), "a"), "is encrypted");
    says(zip(&change(10, 14), "a"), "method 14 is not known");
    says(zip(&change(16, 0xaa), "a"), "checksum is wrong");
    says(zip(&change(42, 9), "a"), "points elsewhere");
    says(zip(&change(0, 0), "a"), "the table of the archive is broken");
    let good = archive(b"a", &text, 6000, 1);
    says(zip(&good[..good.len() - 1], "a"), "no zip archive, or it is cut");
}

/// A header of tar.
fn header(name: &str, size: &[u8], kind: u8) -> Vec<u8> {
    let mut block = vec![0_u8; 512];
    block[..name.len()].copy_from_slice(name.as_bytes());
    block[124..124 + size.len()].copy_from_slice(size);
    block[148..156].fill(b' ');
    block[156] = kind;
    let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
    block[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
    block
}

fn member(name: &str, content: &[u8]) -> Vec<u8> {
    let mut bytes = header(name, format!("{:o}", content.len()).as_bytes(), b'0');
    bytes.extend_from_slice(content);
    bytes.resize(bytes.len().next_multiple_of(512), 0);
    bytes
}

#[test]
fn hostile_tars() {
    let one = member("a", b"1\n");
    assert_eq!(tar(&one, "a").unwrap(), b"1\n");
    says(
        tar(&[member("a", b"1\n"), member("b", b"2\n"), member("a", b"3\n")].concat(), "a"),
        "is there twice",
    );
    says(tar(&one[..513], "a"), "the archive is cut");
    says(tar(&one[..600], "a"), "the archive is cut");
    says(tar(&header("a", b"77777777777", b'0'), "a"), "the archive is cut");
    says(tar(&header("b", b"77777777777", b'0'), "a"), "the archive is cut");
    says(
        tar(&header("b", &[0x80, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], b'0'), "a"),
        "is cut",
    );
    says(tar(&header("b", &[0xff; 12], b'0'), "a"), "is no number");
    says(tar(&header("b", b"9", b'0'), "a"), "is no number");
    says(tar(&header("x", b"77777777", b'L'), "a"), "more than 65536 bytes");
    says(
        tar(&[header("x", b"4", b'x'), b"zzzz".to_vec(), vec![0; 508]].concat(), "a"),
        "attributes in the archive are broken",
    );
    let pax = |text: &[u8]| {
        let mut bytes = header("x", format!("{:o}", text.len()).as_bytes(), b'x');
        bytes.extend_from_slice(text);
        bytes.resize(1024, 0);
        [bytes, member("b", b"1\n")].concat()
    };
    assert_eq!(tar(&pax(b"10 path=a\n"), "a").unwrap(), b"1\n");
    says(tar(&pax(b"22 GNU.sparse.major=1\n"), "a"), "are broken");
    for text in
        ["0 path=a\n", "99 path=a\n", "10 path=ab", "18446744073709551615 path=a\n", "9 pathxa\n", " "]
    {
        says(tar(&pax(text.as_bytes()), "a"), "are broken");
    }
    let bomb = [header("b", b"50000000", b'0'), vec![0; 10 << 20]].concat();
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(&bomb).unwrap();
    says(tar(&encoder.finish().unwrap(), "a"), "more than 20 times its size");
    for kind in b"123456S" {
        says(tar(&header("a", b"0", *kind), "a"), "is a link");
    }
}

#[test]
fn an_archive_that_is_a_file_is_read_as_one_in_memory() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out");
    for (bytes, archive, name) in [(TWO, Archive::Zip, "b.dat"), (PAX, Archive::Tar, "first.dat")] {
        std::fs::write(&path, bytes).unwrap();
        let file = crate::File::open(&path, 1 << 20).unwrap();
        let mut content = Vec::new();
        plan(archive, name).open(file).unwrap().read_to_end(&mut content).unwrap();
        assert_eq!(content, read(bytes, archive, name).unwrap());
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
    impl std::io::Seek for Broken {
        fn seek(&mut self, _: std::io::SeekFrom) -> std::io::Result<u64> {
            Ok(0)
        }
    }
    assert!(!super::tar::open(Box::new(Broken), "a").err().unwrap().is_content());
    assert!(!super::zip::open(Box::new(Broken), 100, "a", 9, 9).err().unwrap().is_content());
    let half = Cursor::new(member("a", &[b'1'; 600])[..700].to_vec()).chain(Broken);
    let mut opened = super::tar::open(Box::new(half), "a").unwrap();
    let error = opened.read_to_end(&mut Vec::new()).unwrap_err();
    assert!(!Trouble::from(error).is_content());
}

#[test]
fn mistakes_in_a_spec() {
    let mistakes = |archive, member: &str, compression| {
        let spec = FileSpec { archive, member: member.into(), compression, ..FileSpec::default() };
        let mut keys = Vec::new();
        Plan::new(&spec, &mut |key, _| keys.push(key.to_owned()));
        keys
    };
    assert_eq!(mistakes(Archive::Zip, "a", Compression::None), [""; 0]);
    assert_eq!(mistakes(Archive::Tar, "a", Compression::Gzip), [""; 0]);
    assert_eq!(mistakes(Archive::Zip, "", Compression::None), ["member"]);
    assert_eq!(mistakes(Archive::None, "a", Compression::None), ["member"]);
    assert_eq!(mistakes(Archive::Tar, "/a", Compression::None), ["member"]);
    assert_eq!(mistakes(Archive::Tar, "./a", Compression::None), ["member"]);
    assert_eq!(mistakes(Archive::Zip, "a", Compression::Gzip), ["compression"]);
}

proptest! {
    /// Never panics, and the content is that of the member or an error.
    #[test]
    fn a_changed_archive(at in any::<prop::sample::Index>(), to in any::<u8>(), cut in any::<prop::sample::Index>()) {
        let gnu = unpacked(GNU);
        for (bytes, kind, name) in [(TWO, Archive::Zip, "out/a.dat"), (&gnu, Archive::Tar, "first.dat")] {
            let mut changed = bytes.to_vec();
            changed[at.index(bytes.len())] = to;
            let good = read(bytes, kind, name).unwrap();
            match read(&changed, kind, name) {
                // Tar has no checksum of the data.
                Ok(content) if kind == Archive::Zip => prop_assert_eq!(content, good),
                _ => {}
            }
            let _ = read(&changed[..cut.index(bytes.len())], kind, name);
        }
    }

    #[test]
    fn any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..1500)) {
        let _ = (zip(&bytes, "a"), tar(&bytes, "a"));
        let _ = zip(&[&bytes[..], b"PK\x05\x06\0\0\0\0\x01\0\x01\0\0\0\0\0\0\0\0\0\0\0"].concat(), "a");
    }
}
