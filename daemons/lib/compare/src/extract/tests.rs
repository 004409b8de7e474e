use proptest::prelude::*;

use super::*;

fn spec(text: &str) -> ExtractSpec {
    toml::from_str(text).unwrap()
}

fn read(spec: &ExtractSpec, content: &[u8]) -> Result<Extracted, Trouble> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out");
    std::fs::write(&path, content).unwrap();
    let plan = spec.plan().unwrap();
    plan.read(File::open(&path, spec.max_bytes)?)
}

#[test]
fn a_table_gives_a_row_per_line() {
    let spec = spec(
        "name = 't'\nfile = 'o'\nheader = true\nmissing = ['-']\ntext = ['kind']\n[columns]\npt = 'pT'\nkind = 'kind'\n",
    );
    let found = read(&spec, b"kind pT n\nmu 1.5 1\ne - 2\nx bad 3\n").unwrap();
    assert_eq!((found.rows, found.numbers.as_slice()), (3, &[0, 1, 2][..]));
    assert_eq!(found.doubles, [("pt".to_owned(), vec![Some(1.5), None, None])]);
    let text = |t: &str| Some(t.to_owned());
    assert_eq!(found.texts, [("kind".to_owned(), vec![text("mu"), text("e"), text("x")])]);
    let error = read(&spec, b"kind pt\nmu 1\n").unwrap_err().to_string();
    assert!(error.contains("pt = \"pT\""), "{error}");
}

#[test]
fn columns_have_numbers_without_a_header() {
    let spec = spec("name = 't'\nfile = 'o'\nseparator = 'comma'\nmax_rows = 2\n[columns]\na = 1\nb = 3\n");
    let found = read(&spec, b"1,2,3\n4,5,6\n").unwrap();
    assert_eq!(found.doubles[1], ("b".to_owned(), vec![Some(3.0), Some(6.0)]));
    assert!(read(&spec, b"1,2,3\n4,5,6\n7,8,9\n").unwrap_err().to_string().contains("max_rows = 2"));
}

#[test]
fn keys_and_paths_give_a_row_per_file() {
    let keys = spec(
        "name = 't'\nfile = 'o'\nformat = 'key_value'\ntext = ['gen']\n[columns]\nx = 'xsec'\ngen = 'gen'\n",
    );
    let found = read(&keys, b"gen = pythia8 x\nxsec=  2.5\nxsec = 7\n").unwrap();
    assert_eq!((found.rows, found.numbers.len()), (1, 0));
    assert_eq!(found.doubles, [("x".to_owned(), vec![Some(2.5)])]);
    assert_eq!(found.texts[0].1, [Some("pythia8".to_owned())]);
    let paths = spec(
        "name = 't'\nfile = 'o'\nformat = 'json'\ntext = ['s']\n[columns]\nx = '/a/b'\nl = '/l[2]'\ns = '/s'\n",
    );
    let found = read(&paths, br#"{"a": {"b": 4}, "l": [1, 2, 3], "s": "a \"b\" \\"}"#).unwrap();
    assert_eq!(found.doubles, [("l".to_owned(), vec![Some(3.0)]), ("x".to_owned(), vec![Some(4.0)])]);
    assert_eq!(found.texts[0].1, [Some("a \"b\" \\".to_owned())]);
    assert!(read(&paths, br#"{"a": 1}"#).is_err());
}

const YODA_1: &str = "BEGIN YODA_HISTO1D_V2 /A/h\nPath: /A/h\nScaledBy: 2.0\nTitle: x\nType: Histo1D\n---\n\
    # xlow\txhigh\tsumw\n0.0\t1.0\t5.0\n1.0\t2.0\t6.0\nEND YODA_HISTO1D_V2\n";
const YODA_2: &str = "BEGIN YODA_HISTO1D_V3 /B/h\nPath: /B/h\nTitle: x\nType: Histo1D\n---\n\
    Edges(A1): [0.0, 1.0]\n# sumW\tnumEntries\n1.0\t1\n2.0\t2\n3.0\t3\nEND YODA_HISTO1D_V3\n";

#[test]
fn histograms_give_a_row_per_bin() {
    let old = spec(
        "name = 'h'\nfile = 'o'\nformat = 'yoda'\n[columns]\nlow = 'xlow'\nsumw = 'sumw'\nscale = 'ScaledBy'\n",
    );
    let found = read(&old, YODA_1.as_bytes()).unwrap();
    assert_eq!((found.rows, found.objects.as_slice()), (2, &["/A/h".to_owned(), "/A/h".to_owned()][..]));
    assert_eq!(found.numbers, [0, 1]);
    let column = |name: &str| found.doubles.iter().find(|(n, _)| n == name).unwrap().1.clone();
    assert_eq!(column("sumw"), [Some(5.0), Some(6.0)]);
    assert_eq!(column("scale"), [Some(2.0), Some(2.0)]);
    let new = spec(
        "name = 'h'\nfile = 'o'\nformat = 'yoda'\nobjects = ['/B/*']\n[columns]\nlow = 'xlow'\nhigh = 'xhigh'\nsumw = 'sumW'\n",
    );
    let found = read(&new, [YODA_1, YODA_2].concat().as_bytes()).unwrap();
    assert_eq!(found.objects, ["/B/h"; 3].map(str::to_owned));
    let column = |name: &str| found.doubles.iter().find(|(n, _)| n == name).unwrap().1.clone();
    assert_eq!(column("low"), [None, Some(0.0), Some(1.0)]);
    assert_eq!(column("high"), [Some(0.0), Some(1.0), None]);
    assert_eq!(column("sumw"), [Some(1.0), Some(2.0), Some(3.0)]);
    assert!(read(&new, YODA_1.as_bytes()).is_err(), "no object of that name");
}

#[test]
fn mistakes_are_found() {
    for (text, key) in [
        ("file = 'o'\n[columns]\na = 1", "name"),
        ("name = '../x'\nfile = 'o'\n[columns]\na = 1", "name"),
        ("name = 't'\n[columns]\na = 1", "file"),
        ("name = 't'\nfile = 'o'", "columns"),
        ("name = 't'\nfile = 'o'\n[columns]\na = 'x'", "columns.a"),
        ("name = 't'\nfile = 'o'\n[columns]\nday = 1", "columns.day"),
        ("name = 't'\nfile = 'o'\nformat = 'json'\n[columns]\na = 1", "columns.a"),
        ("name = 't'\nfile = 'o'\nformat = 'npy'\n[columns]\na = 1", "format"),
        ("name = 't'\nfile = 'o'\ntext = ['b']\n[columns]\na = 1", "text"),
        ("name = 't'\nfile = 'o'\nobjects = ['b']\n[columns]\na = 1", "objects"),
        ("name = 't'\nfile = 'o'\nmax_rows = 0\n[columns]\na = 1", "max_rows"),
        ("name = 't'\nfile = 'o'\nformat = 'json'\nheader = true\n[columns]\na = '/x'", "header"),
    ] {
        let mistakes = spec(text).plan().unwrap_err();
        assert!(mistakes.iter().any(|(found, _)| found == key), "{text}: {mistakes:?}");
    }
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(
        format in prop::sample::select(vec!["table", "key_value", "json", "yoda"]),
        bytes in prop::collection::vec(any::<u8>(), 0..400),
        pieces in prop::collection::vec(prop::sample::select(vec![
            "BEGIN YODA_HISTO1D_V2 /A\n", "END YODA_HISTO1D_V2\n", "---\n", "1 2\n", "a=1\n", "{\"a\":[", "1,", "]}",
            "Edges(A1): [1, 2]\n", "# a b\n", ":\n",
        ]), 0..20),
    ) {
        let column = if format == "table" { "a = 1" } else { "a = 'a'" };
        let spec = spec(&format!("name = 't'\nfile = 'o'\nformat = '{format}'\nmax_rows = 50\n[columns]\n{column}\n"));
        for content in [bytes, pieces.concat().into_bytes()] {
            if let Ok(found) = read(&spec, &content) {
                prop_assert!(found.rows <= 50);
                prop_assert!(found.doubles.iter().all(|(_, cells)| cells.len() == found.rows));
            }
        }
    }
}
