use super::*;
use std::io::Cursor;

const PLAIN: ExactPlan = ExactPlan { skip_gzip_header: false };

fn bytes(bytes: &[u8]) -> Bytes {
    Box::new(Cursor::new(bytes.to_vec()))
}

fn exact(content: &[u8]) -> Exact {
    Exact::read(bytes(content), PLAIN).unwrap()
}

fn streamed(left: &[u8], right: &[u8], plan: ExactPlan) -> Comparison {
    compare(bytes(left), bytes(right), plan).unwrap()
}

#[test]
fn the_first_difference_is_named() {
    for comparison in
        [exact(b"one\ntwo\n").compare(&exact(b"one\ntwi\n")), streamed(b"one\ntwo\n", b"one\ntwi\n", PLAIN)]
    {
        assert_eq!(comparison.reason, Reason::Bytes { offset: 6 });
        let worst = comparison.worst.unwrap();
        assert_eq!((worst.line, worst.column), (2, 3));
        assert_eq!((worst.left.as_str(), worst.right.as_str()), ("o\\u{a}", "i\\u{a}"));
    }
}

#[test]
fn a_shorter_one_differs() {
    for comparison in [exact(b"one").compare(&exact(b"one\n")), streamed(b"one", b"one\n", PLAIN)] {
        assert_eq!(comparison.reason, Reason::Length { left: 3, right: 4 });
        assert_eq!(comparison.worst.unwrap().left, "");
    }
}

#[test]
fn large_content_is_compared_by_digest_and_side_by_side_to_the_byte() {
    let mut large = vec![7; KEPT_BYTES as usize + 1];
    large[5] = b'\n';
    let read = exact(&large);
    assert!(matches!(read, Exact::Digested { .. }));
    assert!(read.compare(&exact(&large)).agrees());
    assert!(streamed(&large, &large, PLAIN).agrees());
    let mut other = large.clone();
    other[1_000_000] = 8;
    let comparison = read.compare(&exact(&other));
    assert_eq!((comparison.reason, comparison.worst), (Reason::Digest, None));
    let comparison = streamed(&large, &other, PLAIN);
    assert_eq!(comparison.reason, Reason::Bytes { offset: 1_000_000 });
    let worst = comparison.worst.unwrap();
    assert_eq!((worst.line, worst.column), (2, 1_000_000 - 5));
    other.truncate(5);
    assert!(matches!(read.compare(&exact(&other)).reason, Reason::Length { right: 5, .. }));
}

#[test]
fn time_and_name_in_a_gzip_header_do_not_count_on_request() {
    let pack = |name: &str, time: u32, content: &[u8]| {
        use std::io::Write as _;
        let mut encoder = flate2::GzBuilder::new()
            .filename(name)
            .comment("c")
            .extra(b"xyz".as_slice())
            .mtime(time)
            .write(Vec::new(), flate2::Compression::fast());
        encoder.write_all(content).unwrap();
        encoder.finish().unwrap()
    };
    let (one, two, three) = (pack("a", 1, b"same"), pack("bb", 2, b"same"), pack("a", 1, b"other"));
    let skip = ExactPlan { skip_gzip_header: true };
    assert!(!streamed(&one, &two, PLAIN).agrees());
    assert!(streamed(&one, &two, skip).agrees());
    assert!(!streamed(&one, &three, skip).agrees());
    assert!(!streamed(&one, b"same", skip).agrees());
    assert!(streamed(b"same", b"same", skip).agrees(), "no gzip at all");
    assert!(!streamed(&one[..12], &one, skip).agrees());
}
