use super::*;
use crate::rule::Meaning;
use crate::spec::FileSpec;

fn records(text: &str) -> Result<Vec<(String, Vec<String>)>, Trouble> {
    let input = Input::new(Box::new(std::io::Cursor::new(text.as_bytes().to_vec())));
    let format = Yoda::new(TextOptions::new(&FileSpec::default(), &mut |_, _| {}));
    let (mut reader, mut row, mut records) = (format.open(input), Row::default(), Vec::new());
    while reader.next(&mut row)? {
        let view = row.view();
        let cells =
            view.cells.iter().map(|cell| String::from_utf8_lossy(view.value(*cell).text).into_owned());
        records.push((String::from_utf8_lossy(view.label).into_owned(), cells.collect()));
    }
    Ok(records)
}

fn expect(text: &str, expected: &[(&str, &[&str])]) {
    let found = records(text).unwrap();
    let found: Vec<(&str, Vec<&str>)> = found
        .iter()
        .map(|(label, cells)| (label.as_str(), cells.iter().map(String::as_str).collect()))
        .collect();
    let expected: Vec<(&str, Vec<&str>)> =
        expected.iter().map(|(label, cells)| (*label, cells.to_vec())).collect();
    assert_eq!(found, expected);
}

#[test]
fn version_2() {
    expect(
        "BEGIN YODA_HISTO1D_V2 /A:OPT=1/h\nPath: /A:OPT=1/h\nTitle: ~\nType: Histo1D\n---\n# Mean: 1.5e+00\n\
         # ID\t ID\t sumw\t sumw2\nTotal   \tTotal   \t3.0\t3.0\nUnderflow\tUnderflow\t0.0\t0.0\n\
         # xlow\t xhigh\t sumw\t sumw2\n0.0\t1.0\t1.0\t1.0\n1.0\t2.0\t2.0\t2.0\nEND YODA_HISTO1D_V2\n\n",
        &[
            ("/A:OPT=1/h:Type", &["HISTO1D_V2"]),
            ("/A:OPT=1/h:ScaledBy", &["1"]),
            ("/A:OPT=1/h:Title", &["~"]),
            ("/A:OPT=1/h:Total", &["3.0", "3.0"]),
            ("/A:OPT=1/h:Underflow", &["0.0", "0.0"]),
            ("/A:OPT=1/h:xlow", &["0.0", "1.0"]),
            ("/A:OPT=1/h:xhigh", &["1.0", "2.0"]),
            ("/A:OPT=1/h:sumw", &["1.0", "2.0"]),
            ("/A:OPT=1/h:sumw2", &["1.0", "2.0"]),
        ],
    );
}

#[test]
fn version_3_and_version_1() {
    expect(
        "BEGIN YODA_ESTIMATE1D_V3 /e\nPath: /e\n---\nEdges(A1): [0.0, 1e0]\nErrorLabels: [\"stat\"]\n\
         # value\t errDn(1)\t errUp(1)\nnan\t---\t---\n1.5\t-0.1\t0.1\nEND YODA_ESTIMATE1D_V3\n",
        &[
            ("/e:Type", &["ESTIMATE1D_V3"]),
            ("/e:Edges(A1)", &["0.0", "1e0"]),
            ("/e:ErrorLabels", &["\"stat\""]),
            ("/e:value", &["nan", "1.5"]),
            ("/e:errDn(1)", &["---", "-0.1"]),
            ("/e:errUp(1)", &["---", "0.1"]),
        ],
    );
    expect(
        "# BEGIN YODA_SCATTER2D /s\nPath=/s\nTitle=x=y\n# xval\t yval\n1\t2\n# END YODA_SCATTER2D\n",
        &[("/s:Type", &["SCATTER2D"]), ("/s:Title", &["x=y"]), ("/s:xval", &["1"]), ("/s:yval", &["2"])],
    );
    // Names that do not fit are none.
    expect(
        "BEGIN YODA_COUNTER_V2 /c\n---\n# sumW\n1 2\nEND YODA_COUNTER_V2",
        &[("/c:Type", &["COUNTER_V2"]), ("/c:ScaledBy", &["1"]), ("/c:1", &["1"]), ("/c:2", &["2"])],
    );
}

#[test]
fn a_factor_stands_behind_the_type_and_is_1_where_it_is_not_written() {
    for (head, factor) in [("Title: t\nScaledBy: 2e-3\n", "2e-3"), ("Title: t\n", "1")] {
        expect(
            &format!("BEGIN YODA_BINNEDHISTO1D_V3 /h\n{head}---\n# sumW\n1\nEND YODA_BINNEDHISTO1D_V3"),
            &[
                ("/h:Type", &["BINNEDHISTO1D_V3"]),
                ("/h:ScaledBy", &[factor]),
                ("/h:Title", &["t"]),
                ("/h:sumW", &["1"]),
            ],
        );
    }
}

#[test]
fn what_is_no_yoda_is_malformed_with_its_line() {
    let begin = "BEGIN YODA_HISTO1D_V2 /h\n";
    for (text, expected) in [
        ("1 2\n".into(), "line 1: 1 2 stands outside of an object"),
        ("BEGIN YODA_HISTO1D_V2\n".into(), "line 1: an object without a path, or with a long one"),
        (format!("{begin}{begin}"), "line 2: an object begins within /h"),
        (format!("{begin}1 2\n"), "line 2: 1 2 is neither a key with its value nor ---"),
        (format!("{begin}---\n1 2\n3\n"), "line 4: has 1 values, the bin before 2"),
        (format!("{begin}---\n1 2\n"), "line 4: the content ends within /h"),
    ] {
        assert_eq!(records(&text).unwrap_err().to_string(), expected, "{text}");
    }
    assert!(records("").unwrap().is_empty() && records("\n# only a comment\n").unwrap().is_empty());
}

#[test]
fn an_object_without_an_end_takes_bounded_memory() {
    let lines = std::io::Read::chain(
        &b"BEGIN YODA_HISTO1D_V2 /h\n---\n"[..],
        std::io::Cursor::new(b"1 2 3 4 5 6 7 8\n".repeat(1_000_000)),
    );
    let format = Yoda::new(TextOptions::new(&FileSpec::default(), &mut |_, _| {}));
    let error = format.open(Input::new(Box::new(lines))).next(&mut Row::default()).unwrap_err();
    assert!(error.to_string().ends_with("/h takes more than 134217728 bytes"), "{error}");
}

#[test]
fn numbers_are_numbers() {
    let mut record = Record::new(b"/h", b"x", 1);
    assert!(record.add(b"1e0") && record.add(b"nan") && record.add(b"---"));
    let meanings: Vec<Meaning> = record.cells.iter().map(|cell| cell.meaning()).collect();
    assert_eq!(meanings, [Meaning::Number(1.0), Meaning::NotANumber, Meaning::Text]);
}
