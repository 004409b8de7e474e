//! Files that are made to hurt: bounded time and memory, and a clear reason.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

mod common;

use std::io::Read;

use common::file;
use compare::{Comparison, Malformed, Parsed, Plan, Reason, Side, Spec, Verdict};

/// Repeats a pattern up to a number of bytes, without holding it.
struct Endless {
    pattern: Vec<u8>,
    left: u64,
    at: usize,
}

fn endless(pattern: &[u8], bytes: u64) -> Box<dyn Read + Send> {
    // In large pieces: the tests are not optimised.
    let pattern = pattern.repeat((64 << 10) / pattern.len());
    Box::new(Endless { pattern, left: bytes, at: 0 })
}

impl Read for Endless {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let rest = &self.pattern[self.at..];
        let count = rest.len().min(buffer.len()).min(usize::try_from(self.left).unwrap_or(usize::MAX));
        buffer[..count].copy_from_slice(&rest[..count]);
        self.at = (self.at + count) % self.pattern.len();
        self.left -= count as u64;
        Ok(count)
    }
}

fn against_itself(pattern: &[u8], bytes: u64, plan: &Plan) -> Comparison {
    plan.file("out").compare_bytes(endless(pattern, bytes), endless(pattern, bytes))
}

const TEN_GIGABYTES: u64 = 10_000_000_000;

#[test]
fn ten_gigabytes_without_a_newline_end_at_the_longest_line() {
    for format in ["table", "lines", "key_value", "yoda"] {
        let comparison = against_itself(b"9", TEN_GIGABYTES, &file(&format!("format = '{format}'")));
        assert_eq!(comparison.verdict, Verdict::Differ);
        assert_eq!(
            comparison.reason,
            Reason::Malformed { side: Side::Left, what: "line 1 has more than 16777216 bytes".into() },
            "{format}"
        );
    }
}

#[test]
fn binary_numbers_take_constant_memory() {
    let plan = file("format = 'raw'\nrow_values = 65536\nmax_bytes = 20000000000");
    let comparison = against_itself(&[0], 100_000_000, &plan);
    assert!(
        !comparison.agrees() && comparison.to_string().contains("row 191: the content ends"),
        "{comparison}"
    );
    let endless = [
        &b"\x93NUMPY\x01\0\x40\0"[..],
        format!("{:<64}", "{'descr':'|u1','fortran_order':False,'shape':(1000,0)}").as_bytes(),
    ]
    .concat();
    let plan = file("format = 'npy'");
    let comparison = common::of(&endless, &endless, &plan);
    assert!(comparison.to_string().contains("0 rows"), "{comparison}");
}

#[test]
fn deep_nesting_ends_early() {
    let comparison = against_itself(b"[", TEN_GIGABYTES, &file("format = 'json'"));
    assert!(comparison.to_string().contains("nested deeper than 128"), "{comparison}");
    let comparison = against_itself(b"<a>", TEN_GIGABYTES, &file("format = 'xml'"));
    assert!(comparison.to_string().contains("nested deeper than 128"), "{comparison}");
}

#[test]
fn rows_beyond_the_declared_number_are_refused() {
    for order in ["order = 'key'\nkey = [1]", "order = 'set'"] {
        let plan =
            file(&format!("format = 'table'\n{order}\nmax_rows = 1000\n[[files.rules]]\nabsolute = 0.1"));
        let comparison = against_itself(b"1\n", TEN_GIGABYTES, &plan);
        assert!(comparison.to_string().contains("more than max_rows = 1000 rows"), "{comparison}");
    }
}

#[test]
fn a_set_with_too_many_partners_is_not_said_to_differ() {
    let plan = file("format = 'table'\norder = 'set'\n[[files.rules]]\nperiod = 1.0\nabsolute = 0.4");
    let (left, right) = ("0.1 0.2\n".repeat(3000), "0.1 0.3\n".repeat(3000));
    let comparison = common::of(left.as_bytes(), right.as_bytes(), &plan);
    assert_eq!(comparison.verdict, Verdict::CantSay, "{comparison}");
    assert!(comparison.to_string().contains("too hard"), "{comparison}");
}

#[test]
fn numbers_that_no_double_holds() {
    let plan = Spec::numeric(1e300, 0.9).plan().unwrap();
    let say = |left: &str, right: &str| common::of(left.as_bytes(), right.as_bytes(), &plan).verdict;
    assert_eq!(say("1 1e999999", "1 1e999998"), Verdict::Differ);
    assert_eq!(say("1 1e999999", "1 1e999999"), Verdict::Agree);
    let (nines, more) = ("9".repeat(100_000), "9".repeat(100_001));
    assert_eq!(say(&format!("1 {nines}"), &format!("1 {more}")), Verdict::Differ);
    assert_eq!(say(&format!("1 0.{nines}"), &format!("1 0.{more}")), Verdict::Agree);
}

#[test]
fn bytes_that_are_no_text_are_compared_and_escaped() {
    let plan = file("format = 'lines'");
    let comparison = common::of(b"\xff\xfe\x1b[2J", b"\xff\xfd\x1b[2J", &plan);
    assert_eq!(comparison.verdict, Verdict::Differ);
    assert!(comparison.to_string().contains("\\xff\\xfe\\u{1b}[2J"), "{comparison}");
}

#[test]
fn what_is_no_file_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    std::fs::write(path("file"), "1").unwrap();
    std::os::unix::fs::symlink(path("file"), path("link")).unwrap();
    rustix::fs::mkfifoat(rustix::fs::CWD, path("fifo"), rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR)
        .unwrap();
    let plan = Spec::exact().plan().unwrap();
    let compare = |name: &str| {
        let files = |name: &str| vec![("out".to_owned(), Some(path(name)))];
        plan.compare_files(&files("file"), &files(name), folder.path())
    };
    assert_eq!(compare("file").verdict, Verdict::Agree);
    for (name, verdict, what) in [
        ("link", Verdict::Differ, "symbolic link"),
        ("fifo", Verdict::Differ, "not a regular file"),
        ("none", Verdict::CantSay, "does not exist"),
    ] {
        let comparison = compare(name);
        assert_eq!(comparison.verdict, verdict, "{comparison}");
        assert!(comparison.to_string().contains(what), "{comparison}");
    }
}

#[test]
fn a_bomb_is_no_good_output() {
    use std::io::Write as _;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(&b"1\n".repeat(5 << 20)).unwrap();
    let bomb = encoder.finish().unwrap();
    let plan = file("format = 'table'\ncompression = 'auto'\nmax_ratio = 10");
    let parsed = Parsed::from_bytes(bomb, plan.file("out"));
    assert_eq!(parsed.check(), Err(Malformed::Bomb { ratio: 10 }));
    assert_eq!(plan.file("out").compare(&parsed, &parsed).verdict, Verdict::Differ);
}

#[test]
fn what_is_too_large_to_be_kept_is_compared_all_the_same() {
    // Empty lines take the most memory for their bytes.
    let folder = tempfile::tempdir().unwrap();
    let plan = file("format = 'lines'");
    let out = plan.file("out");
    let text = "\n".repeat(9999);
    let read = |name: &str, end: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, format!("{text}{end}")).unwrap();
        Parsed::read_within(compare::File::open(&path, out.max_bytes()).unwrap(), out, 200_000).unwrap()
    };
    let (a, b, c) = (read("a", "x"), read("b", "x"), read("c", "y"));
    assert_eq!(a.memory(), 0);
    assert!(out.compare(&a, &b).agrees());
    assert_eq!(out.compare(&a, &c).worst.unwrap().line, 10_000);
    std::fs::remove_file(folder.path().join("b")).unwrap();
    assert_eq!(out.compare(&a, &b).verdict, Verdict::CantSay, "gone meanwhile");
}
