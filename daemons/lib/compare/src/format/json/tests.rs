use super::*;
use proptest::prelude::*;

type Record = (String, Vec<(Meaning, String)>);

fn records(text: &[u8]) -> Result<Vec<Record>, Trouble> {
    let input = Input::new(Box::new(std::io::Cursor::new(text.to_vec())));
    let (mut reader, mut row, mut records) = (Json.open(input), Row::default(), Vec::new());
    while reader.next(&mut row)? {
        let view = row.view();
        let cells = view.cells.iter().map(|cell| view.value(*cell));
        let cells = cells.map(|value| (value.meaning, String::from_utf8_lossy(value.text).into_owned()));
        records.push((String::from_utf8_lossy(view.label).into_owned(), cells.collect()));
    }
    Ok(records)
}

fn labels(text: &str) -> Vec<String> {
    records(text.as_bytes()).unwrap().into_iter().map(|(label, _)| label).collect()
}

fn fault(text: &[u8]) -> String {
    records(text).unwrap_err().to_string()
}

#[test]
fn paths() {
    let text = r#"{"run": [{"mass": 1, "p": [1.5, -2e3, "x"]}, {"mass": 2}], "a/b[~{": true, "e": [], "o": {}, "": 0}"#;
    assert_eq!(
        labels(text),
        ["/run[0]/mass", "/run[0]/p[0]", "/run[1]/mass", "/a~1b~2~0~3", "/e[]", "/o{}", "/"]
    );
    assert_eq!(labels("[1, 2, [3, 4], {}, 5, 6]"), ["[0]", "[2][0]", "[3]{}", "[4]"]);
    assert_eq!(
        (labels("7"), labels("[]"), labels("{}")),
        (vec![".".into()], vec!["[]".into()], vec!["{}".into()])
    );
}

#[test]
fn values() {
    let text = br#"[1, null, true, NaN, -Infinity, "1", "nan", "\u00e9\n\ud83d\ude00\ud83d", 1e999]"#;
    let (_, cells) = records(text).unwrap().remove(0);
    let (meanings, texts): (Vec<Meaning>, Vec<String>) = cells.into_iter().unzip();
    use Meaning::{Missing, NotANumber, Number, Text, TooLarge};
    assert_eq!(
        meanings,
        [
            Number(1.0),
            Missing,
            Text,
            NotANumber,
            Number(f64::NEG_INFINITY),
            Text,
            NotANumber,
            Text,
            TooLarge { is_negative: false }
        ]
    );
    assert_eq!(texts[5..8], ["\"1\"", "\"nan\"", "\"é\n😀\\ud83d\""]);
}

#[test]
fn a_long_list_is_read_in_pieces() {
    let text = format!("{{\"a\": [{}1]}}", "1,".repeat(200_000));
    assert_eq!(labels(&text), ["/a[0]", "/a[65536]", "/a[131072]", "/a[196608]"]);
}

#[test]
fn what_is_no_json_is_malformed_with_its_line() {
    for text in [
        "",
        " ",
        "{",
        "[1",
        "[1,]",
        "[,1]",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "{a:1}",
        "[1}",
        "{\"a\":1]",
        "1 2",
        "tru",
        "\"a",
        "\"\\x\"",
        "\"\\u12\"",
        "\"\t\"",
        "0x10",
        "1.2.3",
        "]",
        "}",
        ",",
        "'a'",
        "[1 2]",
        "e",
        "--1",
    ] {
        assert!(fault(text.as_bytes()).starts_with("line 1: "), "{text}: {}", fault(text.as_bytes()));
    }
    assert_eq!(fault(b"[1,\n2,\n x]"), "line 3: x is no value");
    assert_eq!(fault(b"{\"a\": 1,\n\"\\u0061\": 2}"), "line 2: the key /a is there twice");
}

#[test]
fn deep_long_and_many_are_bounded() {
    assert_eq!(fault(&b"[".repeat(1_000_000)), "line 1: nested deeper than 128");
    assert_eq!(fault(&b"{\"a\":".repeat(1_000_000)), "line 1: nested deeper than 128");
    let long = format!("{{\"{}\": 1}}", "k".repeat(5000));
    assert_eq!(fault(long.as_bytes()), "line 1: a path has more than 4096 bytes");
    let many: String = (0..1_100_000).map(|key| format!("\"{key}\":0,")).collect();
    assert_eq!(
        fault(format!("{{{many}\"x\":0}}").as_bytes()),
        "line 1: the keys of open objects take more than 67108864 bytes"
    );
    let endless = Input::new(Box::new(std::io::Read::chain(&b"\""[..], std::io::repeat(b'x'))));
    let error = Json.open(endless).next(&mut Row::default()).unwrap_err();
    assert_eq!(error.to_string(), "line 1 has more than 16777216 bytes");
}

/// A document, and the same with other spaces and escapes.
fn document() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        any::<f64>().prop_filter("finite", |value| value.is_finite()).prop_map(Into::into),
        ".{0,3}".prop_map(Into::into),
    ];
    leaf.prop_recursive(4, 30, 5, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..5).prop_map(Into::into),
            proptest::collection::btree_map("[ab/\\[{~\"\\\\]{0,2}", inner, 0..4)
                .prop_map(|map| serde_json::Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn every_document_is_read_and_spaces_do_not_count(value in document()) {
        let (short, long) = (value.to_string(), serde_json::to_string_pretty(&value).unwrap());
        prop_assert_eq!(records(short.as_bytes()).unwrap(), records(long.as_bytes()).unwrap());
    }

    #[test]
    fn other_documents_have_other_records(a in document(), b in document()) {
        let same = records(a.to_string().as_bytes()).unwrap() == records(b.to_string().as_bytes()).unwrap();
        prop_assert_eq!(same, a == b, "{} {}", a, b);
    }

    #[test]
    fn anything_that_serde_refuses_is_refused(text in "[\\[\\]{}\",:a01.e\\- ]{0,12}") {
        if records(text.as_bytes()).is_ok() {
            // Numbers are read more freely: `01`, `1.`, `.5`.
            let plain = text.replace(|c: char| c.is_ascii_digit() || c == '.', "");
            prop_assert!(plain != text || serde_json::from_str::<serde_json::Value>(&text).is_ok(), "{text}");
        }
    }
}
