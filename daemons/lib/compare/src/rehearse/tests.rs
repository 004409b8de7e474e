use super::*;

const TABLE: &str = "mass charge host\n1.5 100 a\n2.5 100 b\n3.5 100 c\n";

fn spec(rules: &str) -> Spec {
    let text = format!("[[files]]\nname = 'out'\nformat = 'table'\nheader = true\n{rules}");
    toml::from_str(&text).unwrap()
}

fn found(spec: &Spec, text: &str) -> Vec<String> {
    let findings = spec.rehearse(&SampleFile::bytes("out", text.as_bytes().to_vec())).unwrap();
    findings.iter().map(ToString::to_string).collect()
}

#[test]
fn a_good_spec_has_no_findings() {
    let spec = spec(
        "comment = '#'\nignore = ['^time']\n[[files.rules]]\ncolumns = ['mass', 2]\nrelative = 1e-6\n[[files.rules]]\nmethod = 'exact'",
    );
    assert_eq!(found(&spec, &format!("# c\n{TABLE}time 5\n")), [""; 0]);
}

#[test]
fn columns_that_are_not_there() {
    let spec =
        spec("order = 'key'\nkey = ['hots']\n[[files.rules]]\ncolumns = ['mas', 7, 'm*']\nrelative = 1e-6");
    let found = found(&spec, TABLE);
    assert_eq!(
        found[..3],
        [
            "`files.0.rules.0.columns`: \"mas\" is no column of the sample; the sample has `mass`, `charge`, `host`",
            "`files.0.rules.0.columns`: 7 is no column of the sample; the sample has `mass`, `charge`, `host`",
            "`files.0.key`: \"hots\" is no column of the sample; the sample has `mass`, `charge`, `host`",
        ]
    );
    assert_eq!(found[3..], ["`files.0.rules`: no rule is for `charge`: their numbers are compared as text"]);
}

#[test]
fn tolerances_that_accept_anything() {
    let all = spec("[[files.rules]]\nabsolute = 2.0");
    assert_eq!(
        found(&all, TABLE),
        [
            "`files.0.rules.0`: accepts anything for `mass`: its values in the sample go from 1.5 to 3.5, and those two agree"
        ]
    );
    assert_eq!(found(&spec("[[files.rules]]\nabsolute = 1.9"), TABLE), [""; 0]);
    assert_eq!(found(&spec("[[files.rules]]\nabsolute = 200.0"), TABLE).len(), 2, "a constant column");
    assert_eq!(found(&Spec::numeric(10.0, 0.0), "1 50\n2 90\n").len(), 1, "the short form");
    let ignored = spec("[[files.rules]]\nmethod = 'ignore'");
    assert_eq!(
        found(&ignored, TABLE),
        ["`files.0.rules`: every column is ignored, so any two outputs agree"]
    );
}

#[test]
fn expressions_that_skip_everything() {
    let log = |ignore: &str| -> Spec {
        toml::from_str(&format!(
            "[[files]]\nname = 'out'\nformat = 'lines'\nmin_rows = 0\nignore = [{ignore}]"
        ))
        .unwrap()
    };
    for dot in ["'.'", "'[0-9]', '^a'"] {
        assert_eq!(
            found(&log(dot), "1 x\n\nab\n2\r\n"),
            ["`files.0.ignore`: skips all 3 lines of the sample, so nothing is compared"]
        );
    }
    assert_eq!(
        found(&log("'[0-9]$'"), "1\n\nab\n2\r\n"),
        ["`files.0.ignore`: skips 2 of 3 lines of the sample"]
    );
    assert_eq!(found(&log("'^ab$'"), "x\n\nab\r\ny\n"), [""; 0]);
}

#[test]
fn a_tolerance_is_held_against_the_middle_of_the_values() {
    let column = |values: &str| format!("mass\n{values}");
    let wide = spec("[[files.rules]]\nabsolute = 100.0");
    let found_of = |spec: &Spec, values: &[f64]| {
        let values: Vec<String> = values.iter().map(f64::to_string).collect();
        found(spec, &column(&values.join("\n")))
    };
    let mut values: Vec<f64> = (1..=9).map(|n| f64::from(n) / 10.0).collect();
    values.push(1e9);
    assert_eq!(
        found_of(&wide, &values),
        [
            "`files.0.rules.0`: half of the values of `mass` in the sample lie between 0.3 and 0.8, and those two agree: is the tolerance too wide?"
        ]
    );
    assert_eq!(found_of(&spec("[[files.rules]]\nabsolute = 0.1"), &values), [""; 0]);
    assert_eq!(
        found_of(&spec("[[files.rules]]\nabsolute = 1e9"), &[0.0; 9]),
        ["`files.0.rules.0`: `mass` is 0 in all of the sample, which says nothing of its tolerance"]
    );
}

#[test]
fn ignored_rows_are_told_of() {
    let text = "order = 'key'\nkey = ['mass']\nextra_rows = 'ignore'\n[[files.rules]]\nrelative = 1e-7";
    assert!(found(&spec(text), TABLE).iter().any(|found| found.contains("files.0.min_rows")));
    assert_eq!(found(&spec(&format!("min_rows = 3\n{text}")), TABLE), [""; 0]);
    let keys = spec("order = 'key'\nkey = [1, 2, 3]");
    assert_eq!(
        found(&keys, TABLE)[0],
        "`files.0.key`: takes every column of the sample, so nothing but keys is compared"
    );
}

#[test]
fn expressions_that_never_match() {
    let spec =
        spec("comment = '#'\nignore = ['^1', '^never']\nrequire = ['^3']\n[[files.rules]]\nrelative = 0.1");
    assert_eq!(
        found(&spec, TABLE),
        [
            "`files.0.ignore`: ^never matches no line of the sample",
            "`files.0.comment`: no line of the sample begins with \"#\"",
        ]
    );
}

#[test]
fn a_sample_that_is_no_good() {
    assert_eq!(
        found(&Spec::numeric(0.0, 0.1), "1 nan"),
        ["the sample is no good output: line 1, column 2: not a number (nan)"]
    );
    assert!(
        spec("[[files.rules]]\nrelative = 2.0").rehearse(&SampleFile::bytes("out", Vec::new())).unwrap()[0]
            .is_mistake
    );
    let missing = SampleFile::path("out", "/nowhere/out");
    assert!(Spec::exact().rehearse(&missing).is_err());
}

fn mutate(spec: &Spec, text: &str) -> Mutation {
    spec.mutate(&SampleFile::bytes("out", text.as_bytes().to_vec())).unwrap()
}

#[test]
fn a_mutation_test_finds_what_nothing_protects() {
    let spec = spec(
        "[[files.rules]]\ncolumns = ['mass']\nrelative = 1e-7\n[[files.rules]]\ncolumns = ['host']\nmethod = 'ignore'\n\
         [[files.rules]]\nabsolute = 1e30",
    );
    let mutation = mutate(&spec, TABLE);
    let unprotected: Vec<&str> = mutation.unprotected().map(|column| column.column.as_str()).collect();
    assert_eq!(unprotected, ["charge"]);
    assert!(mutation.columns[2].is_ignored && !mutation.columns[2].is_protected, "{mutation:?}");
    assert_eq!(mutation.columns[0].rejected_from.as_deref(), Some("a change by 1e-6"));
    assert_eq!(mutation.columns[0].accepted, [""; 0]);
    assert_eq!(mutation.columns[1].rejected_from.as_deref(), Some("NaN"), "{mutation:?}");
    assert_eq!(mutation.accepted, [""; 0]);
    assert!(mutation.tried > 50);
}

#[test]
fn records_that_are_lost_or_doubled_are_tried_too() {
    let text = "order = 'key'\nkey = [1]\nextra_rows = 'ignore'\n[[files.rules]]\nrelative = 1e-7";
    let mutation = mutate(&spec(text), TABLE);
    assert_eq!(mutation.accepted, ["a record that is left out"]);
    // A changed key is another record, and such are ignored.
    assert!(!mutation.columns[0].is_protected);
    assert_eq!(mutation.columns[0].rejected_from.as_deref(), Some("NaN"), "{mutation:?}");
    // Beyond its double.
    let wide = self::spec("[[files.rules]]\nabsolute = 300.0\ncolumns = ['charge']");
    let column = mutate(&wide, TABLE).columns.remove(1);
    assert_eq!((column.rejected_from.as_deref(), column.is_protected), (Some("a change by 1e1"), true));
    let mutation = mutate(&Spec::exact(), "x");
    assert_eq!(mutation.unprotected().count(), 0);
    let error = spec("[[files.rules]]").mutate(&SampleFile::bytes("out", b"a\nnan".to_vec())).unwrap_err();
    assert!(matches!(error, mutate::MutationError::NoGood(_)), "{error}");
}

#[test]
fn numbers_among_words_and_with_units_are_tried() {
    let text = "events 1.5GeV\nsum\n7 total\n9 8ms\nend x\n";
    let spec: Spec = toml::from_str(
        "[[files]]\nname = 'out'\nformat = 'table'\nunits = ['GeV', 'ms']\n[[files.rules]]\nrelative = 1e-7",
    )
    .unwrap();
    let mutation = mutate(&spec, text);
    for column in &mutation.columns {
        assert_eq!(column.rejected_from.as_deref(), Some("a change by 1e-6"), "{mutation:?}");
        assert_eq!(column.accepted, [""; 0]);
    }
}

#[test]
fn many_columns_without_a_rule_are_one_note_and_a_list_has_a_name() {
    let names: Vec<String> = (0..20).map(|n| format!("\"k{n}\": {n}")).collect();
    let text = format!("{{{}, \"p\": [1.5, 2.5]}}", names.join(","));
    let spec: Spec = toml::from_str(
        "[[files]]\nname = 'out'\nformat = 'json'\n[[files.rules]]\ncolumns = ['/p']\nrelative = 0.1",
    )
    .unwrap();
    let found = found(&spec, &text);
    assert!(found[0].contains("\"/p\" is no column of the sample; did you mean \"/p[*]\"?"), "{found:?}");
    assert_eq!(
        found[1..],
        ["`files.0.rules`: no rule is for `/k0` and 20 others: their numbers are compared as text"]
    );
}

#[test]
fn every_kind_of_rule_protects_its_column() {
    for (rule, from) in [
        ("digits = 5\nmethod = 'digits'", "a change by 1e-4"),
        ("ulps = 8\nmethod = 'ulps'", "a change by 1e-14"),
        ("method = 'exact'", "a change by 1e-15"),
        ("relative = 1e-3\nrelative_to = 'reference'", "a change by 1e-2"),
        ("period = 360.0\nabsolute = 1.0", "a change by 1e0"),
    ] {
        let mutation = mutate(&spec(&format!("[[files.rules]]\ncolumns = ['mass']\n{rule}")), TABLE);
        assert_eq!(mutation.columns[0].rejected_from.as_deref(), Some(from), "{rule}");
    }
}
