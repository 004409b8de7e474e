use super::*;
use proptest::prelude::*;
use std::io::Cursor;

/// The values of every record.
fn read(bytes: &[u8], spec: &FileSpec) -> Vec<Vec<(Meaning, Vec<u8>)>> {
    let table = Table::new(spec, &mut |key, message| panic!("{key}: {message}"));
    let mut reader = table.open(Input::new(Box::new(Cursor::new(bytes.to_vec()))));
    let (mut rows, mut row) = (Vec::new(), Row::default());
    while reader.next(&mut row).unwrap() {
        reader.split(&mut row);
        let view = row.view();
        let values = view.cells.iter().map(|cell| view.value(*cell));
        rows.push(values.map(|value| (value.meaning, value.text.to_vec())).collect());
    }
    rows
}

fn spec(separator: &str) -> FileSpec {
    FileSpec { separator: separator.into(), ..FileSpec::default() }
}

/// The same by plain means.
fn naive(bytes: &[u8], separator: Option<u8>) -> Vec<Vec<Vec<u8>>> {
    let body = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    if bytes.is_empty() {
        return Vec::new();
    }
    body.split(|&byte| byte == b'\n')
        .map(|line| match separator {
            None => line
                .split(|&byte| is_blank(byte))
                .filter(|word| !word.is_empty())
                .map(<[u8]>::to_vec)
                .collect(),
            Some(_) if line.trim_ascii().is_empty() => Vec::new(),
            Some(separator) => {
                line.split(|&byte| byte == separator).map(|field| field.trim_ascii().to_vec()).collect()
            }
        })
        .collect()
}

fn as_the_naive_reading(bytes: &[u8]) {
    for (name, separator) in [("whitespace", None), ("comma", Some(b',')), (";", Some(b';'))] {
        let rows = read(bytes, &spec(name));
        let texts: Vec<Vec<Vec<u8>>> =
            rows.iter().map(|row| row.iter().map(|(_, text)| text.clone()).collect()).collect();
        assert_eq!(texts, naive(bytes, separator));
        for (meaning, text) in rows.iter().flatten() {
            assert_eq!(*meaning, number::meaning(text), "{text:?}");
        }
    }
}

fn texts(rows: &[Vec<(Meaning, Vec<u8>)>]) -> Vec<String> {
    let text = |row: &Vec<(Meaning, Vec<u8>)>| {
        let values = row.iter().map(|(_, text)| String::from_utf8(text.clone()).unwrap());
        values.collect::<Vec<_>>().join("|")
    };
    rows.iter().map(text).collect()
}

#[test]
fn lines_and_values() {
    let rows = read(b"# x y\r\n1 2\t nan\n\n 3e2", &spec("whitespace"));
    assert_eq!(texts(&rows), ["#|x|y", "1|2|nan", "", "3e2"]);
    assert_eq!(rows[1][2].0, Meaning::NotANumber);
    assert_eq!(texts(&read(b"a, 1,,2 \n\n3", &spec("comma"))), ["a|1||2", "", "3"]);
}

#[test]
fn comments_and_ignored_lines_are_skipped() {
    let spec = FileSpec {
        comment: "#".into(),
        skip_lines: 1,
        ignore: vec!["^elapsed".into(), "host".into()],
        ..spec("whitespace")
    };
    let rows = read(b"title\n # c\n1\nelapsed 5\nmy host 3\n2\n", &spec);
    assert_eq!(texts(&rows), ["1", "2"]);
}

#[test]
fn a_header_names_the_columns_and_is_no_row() {
    let spec = FileSpec { header: true, comment: "#".into(), ..spec("comma") };
    let table = Table::new(&spec, &mut |_, _| ());
    let open = |text: &str| table.open(Input::new(Box::new(Cursor::new(text.as_bytes().to_vec()))));
    let (mut reader, mut row) = (open("# c\n\nmass, charge\n1,2\n"), Row::default());
    assert!(reader.next(&mut row).unwrap());
    assert_eq!(reader.names(), [b"mass".to_vec(), b"charge".to_vec()]);
    assert_eq!((row.line, row.bytes.as_slice()), (4, &b"1,2"[..]));
    assert!(!reader.next(&mut row).unwrap());
    assert!(matches!(
        open("a,b,a\n1,2,3").next(&mut row),
        Err(Trouble::Malformed(Malformed::TwoColumns { .. }))
    ));
    let wide = ",".repeat(MOST_NAMES);
    assert!(matches!(open(&wide).next(&mut row), Err(Trouble::Malformed(Malformed::TooManyColumns { .. }))));
    assert!(!open("").next(&mut row).unwrap());
}

#[test]
fn a_header_may_stand_in_a_comment() {
    let spec = FileSpec {
        header: true,
        commented_header: true,
        comment: "#".into(),
        ignore: vec!["^# made by".into()],
        ..spec("whitespace")
    };
    let table = Table::new(&spec, &mut |_, _| ());
    let open = |text: &str| table.open(Input::new(Box::new(Cursor::new(text.as_bytes().to_vec()))));
    let mut row = Row::default();
    for text in ["# made by x\r\n #\r\n# mass charge\r\n# more\r\n1 2\r\n", "\n#mass charge\n1 2"] {
        let mut reader = open(text);
        assert!(reader.next(&mut row).unwrap());
        assert_eq!(reader.names(), [b"mass".to_vec(), b"charge".to_vec()]);
        assert_eq!(row.bytes, b"1 2");
        assert!(!reader.next(&mut row).unwrap());
    }
    let error = open("mass charge\n1 2\n").next(&mut row).unwrap_err();
    assert!(error.to_string().starts_with("line 1: mass charge stands where a comment"), "{error}");
    assert!(!open("").next(&mut row).unwrap());
}

#[test]
fn units_and_words_for_missing_values() {
    let spec = FileSpec {
        units: vec!["ms".into(), "eV".into()],
        missing: vec!["NA".into(), "-999".into()],
        ..spec("whitespace")
    };
    let rows = read(b"12.5ms 3eV 3e2eV 3s NA -999 -999.5 5", &spec);
    let meanings: Vec<Meaning> = rows[0].iter().map(|(meaning, _)| *meaning).collect();
    let number = Meaning::Number;
    assert_eq!(
        meanings,
        [
            number(12.5),
            number(3.0),
            number(300.0),
            Meaning::Text,
            Meaning::Missing,
            Meaning::Missing,
            number(-999.5),
            number(5.0)
        ]
    );
}

#[test]
fn lines_that_must_or_must_not_be_there() {
    let spec = FileSpec {
        require: vec!["^# done".into()],
        forbid: vec!["ERROR".into()],
        comment: "#".into(),
        ..spec("comma")
    };
    let table = Table::new(&spec, &mut |_, _| ());
    let all = |text: &str| {
        let mut reader = table.open(Input::new(Box::new(Cursor::new(text.as_bytes().to_vec()))));
        let mut row = Row::default();
        loop {
            match reader.next(&mut row) {
                Ok(true) => {}
                Ok(false) => return None,
                Err(error) => return Some(error.to_string()),
            }
        }
    };
    assert_eq!(all("1\n# done\n"), None);
    assert_eq!(all("1\n").unwrap(), "no line matches ^# done");
    assert_eq!(all("1\n# ERROR 5\n# done").unwrap(), "line 2 must not be there: # ERROR 5");
}

proptest! {
    #[test]
    fn any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        as_the_naive_reading(&bytes);
    }

    #[test]
    fn tables_and_near_tables(text in "([0-9.eE+-]{0,6}|nan|inf|-inf|x|é|[ \t,;\r\n\u{b}]){0,60}") {
        as_the_naive_reading(text.as_bytes());
    }
}
