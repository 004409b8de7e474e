//! One tolerance for all numbers: what the answers are.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod common;

use common::of as compare;
use compare::{Comparison, Reason, Spec, Verdict};

fn numeric(left: &str, right: &str, spec: &Spec) -> Comparison {
    compare(left.as_bytes(), right.as_bytes(), &spec.plan().unwrap())
}

#[test]
fn the_worst_value_is_reported_also_when_all_agree() {
    let spec = Spec::numeric(0.1, 0.0);
    let comparison = numeric("a 1 2\nb 3 4\n", "a 1.01 2\nb 3 4.05\n", &spec);
    assert_eq!(
        comparison.to_string(),
        "agree: every value is within the tolerance; line 2, column 3: `4` and `4.05`, 0.50 of the tolerance \
         (absolute 0.1)"
    );
    assert_eq!((comparison.rows_compared, comparison.values_compared), (2, 6));
    assert_eq!(comparison.columns.len(), 2);
    let comparison = numeric("1 2\n3 4", "1.2 2\n3 5", &spec);
    assert_eq!(
        comparison.to_string(),
        "differ: a value is outside the tolerance; line 2, column 2: `4` and `5`, 10.00 of the tolerance (absolute 0.1)"
    );
    let counts: Vec<_> = comparison.columns.iter().map(|c| (c.column, c.deviating, c.differing)).collect();
    assert_eq!(counts, [(2, 0, 1), (1, 0, 1)], "the worst column first");
}

#[test]
fn a_differing_word_is_worse_than_any_number() {
    let comparison = numeric("1 x 1", "9 y 1", &Spec::numeric(0.1, 0.0));
    assert_eq!(
        comparison.to_string(),
        "differ: a value is outside the tolerance; line 1, column 2: `x` and `y` (absolute 0.1)"
    );
    assert!(!numeric("1", "one", &Spec::numeric(0.1, 0.0)).agrees());
}

#[test]
fn shape_counts() {
    let spec = Spec::numeric(1e9, 0.0);
    assert_eq!(numeric("1\n2\n", "1\n", &spec).to_string(), "differ: 2 and 1 rows");
    assert_eq!(numeric("1 2\n3", "1 2\n3 4", &spec).to_string(), "differ: line 2 has 1 and 2 values");
    assert_eq!(numeric("1 2\n3", "1\n2 3", &spec).reason, Reason::Columns { line: 1, left: 2, right: 1 });
    assert!(numeric("1  2\r\n", " 1\t2", &spec).agrees(), "white space is no difference");
    assert!(!numeric("1\n\n", "1\n", &spec).agrees(), "an empty line is a line");
}

#[test]
fn a_column_that_one_lacks_is_said_so() {
    let plan = common::file("format = 'table'\nheader = true");
    assert_eq!(
        compare(b"a b c\n1 2 3", b"a b\n1 2", &plan).to_string(),
        "differ: the left one has a column 3, named `c`, and the right one has none"
    );
    assert_eq!(compare(b"a b\n1 2", b"a c\n1 2", &plan).to_string(), "differ: column 2 is named `b` and `c`");
    let raw = common::file("format = 'raw'\nnumbers = 'i64_be'\n[[files.rules]]\nmethod = 'exact'");
    let [left, right] = [9_007_199_254_740_992_i64, 9_007_199_254_740_993].map(i64::to_be_bytes);
    let compared = compare(&left, &right, &raw).to_string();
    assert!(compared.contains("`9007199254740992` and `9007199254740993`"), "{compared}");
}

#[test]
fn nan_never_agrees_not_even_in_identical_bytes() {
    for nan in ["nan", "-nan", "NaN", "nan(ind)", "1.#QNAN"] {
        let text = format!("1 {nan}");
        let comparison = numeric(&text, &text, &Spec::numeric(1e9, 0.9));
        assert_eq!(comparison.verdict, Verdict::Differ, "{nan}");
        assert!(comparison.to_string().contains("line 1, column 2: not a number"), "{comparison}");
        assert_eq!(comparison.worst.unwrap().column, 2);
    }
}

#[test]
fn infinities_and_literals_out_of_range() {
    let spec = Spec::numeric(1e308, 0.9);
    assert!(numeric("inf", "+Infinity", &spec).agrees());
    assert!(!numeric("inf", "-inf", &spec).agrees());
    assert!(!numeric("inf", "1e308", &spec).agrees());
    assert!(!numeric("inf", "1e999", &spec).agrees());
    assert!(!numeric("1e998", "1e999", &spec).agrees());
    assert!(numeric("1 1e999", "1.0 1e999", &spec).agrees(), "equal as text");
}

#[test]
fn other_ways_to_write_a_number_agree() {
    let spec = Spec::numeric(0.0, 0.0);
    assert!(numeric("1.50 -0 1e3", "1.5 0 1000", &spec).agrees());
    assert!(!numeric("1.50", "1.5000000000000002", &spec).agrees());
}

#[test]
fn content_for_another_spec_is_not_compared() {
    let (exact, table) = (Spec::exact().plan().unwrap(), Spec::numeric(0.0, 0.0).plan().unwrap());
    let parsed = compare::Parsed::from_bytes(b"1".to_vec(), exact.file("out"));
    let comparison = table.file("out").compare(&parsed, &parsed);
    assert_eq!((comparison.verdict, comparison.reason), (Verdict::CantSay, Reason::OtherSpec));
}

#[test]
fn json_for_programs() {
    let json = serde_json::to_value(numeric("1 x", "1 y", &Spec::numeric(0.5, 0.0))).unwrap();
    let worst = serde_json::json!({
        "line": 1, "right_line": 1, "column": 2, "name": null,
        "left": "x", "right": "y", "rule": "absolute 0.5", "in_tolerance_units": null,
    });
    let expected = serde_json::json!({
        "verdict": "differ",
        "reason": {"kind": "value"},
        "worst": worst,
        "rows_compared": 1,
        "values_compared": 2,
        "columns": [{"column": 2, "name": null, "deviating": 0, "differing": 1, "worst": worst}],
    });
    assert_eq!(json, expected);
    let json = serde_json::to_value(numeric("1", "1\n2", &Spec::numeric(0.5, 0.0))).unwrap();
    assert_eq!(json["reason"], serde_json::json!({"kind": "rows", "left": 1, "right": 2}));
}

#[test]
fn a_file_is_read_as_its_bytes_are() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out");
    std::fs::write(&path, b"1 2 x\n").unwrap();
    for spec in [Spec::exact(), Spec::numeric(0.0, 0.0)] {
        let plan = spec.plan().unwrap();
        let file = plan.file("out");
        let opened = compare::File::open(&path, file.max_bytes()).unwrap();
        let read = compare::Parsed::read(opened, file).unwrap();
        let bytes = compare::Parsed::from_bytes(b"1 2 x\n".to_vec(), file);
        assert!(file.compare(&read, &bytes).agrees());
        assert_eq!(read.length(), 6);
        assert!(read.memory() >= 6);
    }
}
