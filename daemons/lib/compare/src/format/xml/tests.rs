use std::io::Read as _;

use super::*;
use proptest::prelude::*;

fn records(text: &[u8]) -> Result<Vec<(String, String, u64)>, Trouble> {
    let input = Input::new(Box::new(std::io::Cursor::new(text.to_vec())));
    let (mut reader, mut row, mut records) = (Xml.open(input), Row::default(), Vec::new());
    while reader.next(&mut row)? {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        records.push((text(&row.label), text(&row.bytes), row.line));
    }
    Ok(records)
}

fn expect(text: &str, expected: &[(&str, &str)]) {
    let found = records(text.as_bytes()).unwrap();
    let found: Vec<(&str, &str)> =
        found.iter().map(|(label, text, _)| (label.as_str(), text.as_str())).collect();
    assert_eq!(found, expected);
}

fn fault(text: &[u8]) -> String {
    records(text).unwrap_err().to_string()
}

#[test]
fn paths_and_values() {
    expect(
        "<?xml version=\"1.0\"?>\n<run id='7'><!-- no --><event w=\"1.5\">1 2\n 3</event><event/>\
         <event><p>x</p></event></run>\n",
        &[
            ("/run@id", "7"),
            ("/run/event@w", "1.5"),
            ("/run/event", "1 2 3"),
            ("/run/event[2]", ""),
            ("/run/event[3]/p", "x"),
        ],
    );
    expect("<a>1 &lt; <![CDATA[<2>]]>&#x41;<b/>z</a>", &[("/a", "1 < <2>A"), ("/a/b", ""), ("/a#2", "z")]);
    expect("<a x='&amp;'/>", &[("/a@x", "&")]);
    let lines: Vec<u64> =
        records(b"<a>\n<b>1</b>\n\n<c/></a>").unwrap().iter().map(|(_, _, line)| *line).collect();
    assert_eq!(lines, [2, 4]);
}

#[test]
fn what_is_no_xml_is_malformed_with_its_line() {
    for (text, expected) in [
        ("", "there is no element"),
        ("hello", "text stands outside"),
        ("<a/>x", "text stands outside"),
        ("<a/><b/>", "a second element"),
        ("<a><b></a>", "line 1: "),
        ("<a>", "the content ends within /a"),
        ("</a>", "line 1: "),
        ("<a b='1' b='2'/>", "the key /a@b is there twice"),
        ("<a b=1/>", "line 1: "),
        ("<a/b>", "line 1: "),
        ("<a[2]/>", "is no name"),
        ("<a>&b;</a>", "line 1: "),
        ("<a b='&c;'/>", "line 1: "),
        ("<a>x & y</a>", "line 1: "),
        ("<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>", "a document type is not read"),
    ] {
        let error = fault(text.as_bytes());
        assert!(error.contains(expected) && error.starts_with("line 1: "), "{text}: {error}");
    }
    assert!(fault(b"<a>\n\n\xff</a>").starts_with("line "));
}

#[test]
fn deep_long_and_many_are_bounded() {
    assert_eq!(fault(&b"<a>".repeat(1_000_000)), "line 1: nested deeper than 128");
    assert!(fault(format!("<{}>", "a".repeat(5000)).as_bytes()).ends_with("a path has more than 4096 bytes"));
    for begin in ["<a>", "<a b='", "<!-- ", "<", "<![CDATA[", "&"] {
        let endless = Box::new(begin.as_bytes().chain(std::io::repeat(b'x')));
        let error = Xml.open(Input::new(endless)).next(&mut Row::default()).unwrap_err();
        assert!(error.is_content(), "{begin}: {error}");
    }
    let many: String = (0..1_000_000).map(|name| format!("<a{name}/>")).collect();
    assert_eq!(
        fault(format!("<r>{many}</r>").as_bytes()),
        "line 1: the names of elements take more than 67108864 bytes"
    );
    let pieces = "x<!---->".repeat(3 << 20);
    let error = fault(format!("<r>{}{}", "y".repeat(15 << 20), pieces).as_bytes());
    assert_eq!(error, "line 1 has more than 16777216 bytes");
}

proptest! {
    #[test]
    fn no_markup_panics(text in "[<>/!?&;#x\\[\\]a-cCDAT='\" \n-]{0,80}") {
        let _ = records(text.as_bytes());
        let _ = records(format!("<a>{text}</a>").as_bytes());
        let _ = records(format!("<a {text}/>").as_bytes());
    }

    #[test]
    fn every_text_is_read(words in proptest::collection::vec("[^\\s\\p{Cc}\u{fffe}\u{ffff}]{1,4}", 1..5)) {
        let text = words.join(" ");
        let found = records(format!("<a b=\"{0}\">{0}</a>", quick_xml::escape::escape(&text)).as_bytes()).unwrap();
        prop_assert_eq!(&found[0].1, &text);
        prop_assert_eq!(&found[1].1, &text);
    }
}
