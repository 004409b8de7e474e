//! What an output must keep without a partner, and what only looks as if it kept it.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

mod common;

use common::{file, of, streamed};
use compare::{Parsed, Plan};

/// What makes `text` no good output, in both ways of comparing; `None`: it agrees with itself.
fn fault(text: &str, plan: &Plan) -> Option<String> {
    let parsed = Parsed::from_bytes(text.as_bytes().to_vec(), plan.file("out"));
    let kept = of(text.as_bytes(), text.as_bytes(), plan);
    let side_by_side = streamed(text.as_bytes(), text.as_bytes(), plan);
    assert_eq!(kept.agrees(), side_by_side.agrees(), "{text}: {kept}; {side_by_side}");
    assert_eq!(parsed.check().is_ok(), kept.agrees(), "{text}: {kept}");
    parsed.check().err().map(|fault| fault.to_string())
}

fn table(rule: &str) -> Plan {
    file(&format!("format = 'table'\nunits = ['GeV']\nmissing = ['n/a']\n[[files.rules]]\n{rule}"))
}

fn says(text: &str, plan: &Plan, what: &str) {
    let fault = fault(text, plan).unwrap_or_else(|| panic!("{text} agrees with itself"));
    assert!(fault.contains(what), "{text}: {fault}");
}

#[test]
fn no_word_walks_around_a_range() {
    let range = table("at_least = 0.0\nat_most = 10.0\nrelative = 1e-6");
    for good in ["1 10", "1 0GeV", "1 n/a", "1 1D1"] {
        assert_eq!(fault(good, &range), None, "{good}");
    }
    for bad in ["1 1e999", "1 -1e999", "1 1e999GeV", "1 inf", "1 -infGeV", "1 11GeV", "1 1.1D1"] {
        says(bad, &range, "is not between 0 and 10");
    }
    for word in ["1 ****", "1 ten", "1 -", "1 1_000", "1 5ms"] {
        says(word, &range, "is no number");
    }
    for trend in ["rising", "strictly_falling"] {
        says("1\n****\n2", &table(&format!("trend = '{trend}'")), "line 2, column 1: `****` is no number");
    }
    // Declared, a word is a word.
    let words = table("at_least = 0.0\nat_most = 10.0\nwords = 'equal'");
    assert_eq!(fault("energy 5", &words), None);
    says("energy 11", &words, "is not between");
    let odd = table("at_most = 1.0\nseverity = 'suspicious'");
    assert_eq!(fault("****", &odd), Some("no number found".into()), "nothing is compared");
    let parsed = Parsed::from_bytes(b"1 ****".to_vec(), odd.file("out"));
    assert!(parsed.check().is_ok() && parsed.oddity().unwrap().to_string().contains("`****`"));
}

#[test]
fn what_must_be_finite_is() {
    let finite = table("infinity = 'differ'");
    for bad in ["1 inf", "1 -Infinity", "1 1e999", "1 -1e999", "1 1.#INF", "1 infGeV"] {
        says(bad, &finite, "is not finite");
    }
    says("1 ****", &finite, "is no number");
    assert_eq!(fault("1 1e308", &finite), None);
    assert_eq!(fault("inf 1", &table("method = 'ignore'\ninfinity = 'differ'")), None);
}

#[test]
fn nan_is_nan_in_every_spelling() {
    let units = table("relative = 1e-6");
    for bad in ["1 nanGeV", "1 -NaNGeV", "1 nan0x8000", "1 nan(", "1 nan(0x1)GeV", "1 1.#INDGeV"] {
        says(bad, &units, "not a number");
    }
    assert_eq!(fault("1 infGeV", &units), None, "an infinity with a unit");
    assert!(of(b"1 infGeV", b"1 InfGeV", &units).agrees());
    assert!(!of(b"1 infGeV", b"1 inf", &units).agrees(), "the unit counts");
    assert!(of(b"1 inf", b"1 +Infinity", &units).agrees());
    // The only value, and declared to be right.
    assert_eq!(fault("nan", &table("nan = 'equal'")), None);
    says("nan", &table(""), "not a number");
}

#[test]
fn a_column_that_is_named_for_numbers_holds_numbers() {
    let named = table("columns = [2]\nrelative = 1e-6");
    assert_eq!(fault("energy 5\nmass n/a", &named), None);
    says("energy 5\nmass ****", &named, "line 2, column 2: `****` is no number");
    assert_eq!(fault("energy ****\n1 1", &table("columns = [2]\nwords = 'equal'")), None);
    says("energy 1", &table("words = 'differ'"), "`energy` is no number");
    assert_eq!(fault("energy 1", &table("columns = [1]\nmethod = 'exact'")), None);
    // Equal rows are looked at, too, also behind many good ones.
    let many = format!("{}x ****\n", "x 1\n".repeat(1000));
    says(&many, &named, "line 1001");
    let json = file("format = 'json'\n[[files.rules]]\ncolumns = ['/mass']\nrelative = 0.1");
    says("{\"mass\": \"91\"}", &json, "is no number");
    assert_eq!(fault("{\"mass\": 91, \"name\": \"Z\"}", &json), None);
    assert_eq!(fault("{\"mass\": null, \"run\": 1}", &json), None);
}

#[test]
fn bounds_are_said_in_few_digits() {
    let finite = table("at_least = -1e308\nat_most = 1e308");
    assert_eq!(fault("inf", &finite).unwrap(), "line 1, column 1: inf is not between -1e308 and 1e308");
}

#[test]
fn fortran_numbers_are_numbers() {
    let plan = table("relative = 1e-6");
    assert!(of(b"1.5D0 0.12345-100", b"1.5000001 1.2345E-101", &plan).agrees());
    assert!(!of(b"1.5D0", b"1.5D1", &plan).agrees());
    assert!(!of(b"1.5D0GeV", b"1.5", &plan).agrees(), "the unit counts");
    assert!(of(b"1.5D0GeV", b"1.5GeV", &plan).agrees());
}

#[test]
fn an_empty_output_is_good_only_where_it_is_declared() {
    let rows =
        |least: u32| file(&format!("format = 'table'\nmin_rows = {least}\n[[files.rules]]\nrelative = 0.1"));
    assert_eq!(fault("", &rows(0)), None);
    assert_eq!(fault("", &rows(1)).as_deref(), Some("no number found"));
    assert_eq!(fault("a b", &rows(0)).as_deref(), Some("no number found"), "a row, and no number");
    assert!(!of(b"", b"1", &rows(0)).agrees());
    let short = compare::Spec::numeric(0.0, 0.1).plan().unwrap();
    assert_eq!(fault("", &short).as_deref(), Some("no number found"));
    // Byte for byte, as BOINC has it.
    let bytes = compare::Spec::exact().plan().unwrap();
    assert_eq!(fault("", &bytes), None);
    assert!(fault("", &file("min_bytes = 1")).is_some());
}

#[test]
fn what_has_a_range_is_there() {
    let range = table("columns = [2]\nat_least = 0.0\nat_most = 1.0");
    assert_eq!(fault("1 0.5\n2 n/a\n\n3 1", &range), None, "a blank line is no row");
    says("1 0.5\n2\n3 1", &range, "line 2: there is no column 2, for which a rule has a range or a trend");
    says("1\n2\n3", &range, "line 1: there is no column 2");
    let words = table("columns = [2]\nat_most = 1.0\nwords = 'equal'");
    assert_eq!(fault("energy\n1 0.5", &words), None);
    let json = |rule: &str| file(&format!("format = 'json'\norder = 'key'\n[[files.rules]]\n{rule}"));
    let range = json("columns = ['/n']\nat_least = 1.0\nat_most = 10.0");
    assert_eq!(fault("{\"n\": 5, \"x\": 0}", &range), None);
    for bad in [
        "{\"n\": \"5\"}",
        "{\"n\": null, \"x\": 0}",
        "{\"n\": [5]}",
        "{\"n\": {\"n\": 5}}",
        "{\"x\": 0}",
        "{\"n\": 1e999}",
        "{\"n\": 11}",
    ] {
        assert!(fault(bad, &range).is_some(), "{bad}");
    }
    assert_eq!(fault("{\"x\": 0}", &json("columns = ['/n*']\nat_most = 10.0")), None);
    says("{\"x\": [1, 2]}", &json("columns = ['/x[2]']\nat_most = 10.0"), "there is no /x[2]");
    assert_eq!(fault("{\"x\": [1, 2, 3]}", &json("columns = ['/x[2]']\nat_most = 10.0")), None);
    let odd = json("columns = ['/n']\nat_most = 10.0\nseverity = 'suspicious'");
    let parsed = Parsed::from_bytes(b"{\"x\": 0}".to_vec(), odd.file("out"));
    assert!(parsed.check().is_ok() && parsed.oddity().is_some());
    let header =
        file("format = 'table'\nheader = true\n[[files.rules]]\ncolumns = ['mass']\ntrend = 'rising'");
    assert_eq!(fault("mass\n1\n2", &header), None);
    says("mas\n1\n2", &header, "there is no mass");
}

#[test]
fn nothing_is_no_row() {
    let rows = |format: &str| file(&format!("format = '{format}'\nmin_rows = 2"));
    for (format, blank) in [
        ("table", "x\n\n  \n"),
        ("lines", "x\n\n\t\n"),
        ("json", "[[], {}, [[]]]"),
        ("xml", "<r><a/><b> </b></r>"),
    ] {
        says(blank, &rows(format), "less than min_rows = 2");
    }
    for (format, good) in
        [("table", "x\ny"), ("lines", "x\n\ny"), ("json", "[[1], [2]]"), ("xml", "<r><a>1</a><b>x</b></r>")]
    {
        assert_eq!(fault(good, &rows(format)), None, "{format}");
    }
    let json = file("format = 'json'");
    for empty in ["{}", "[]"] {
        says(empty, &json, "less than min_rows = 1");
    }
    // Blanks are numbers, too.
    let raw = file("format = 'raw'\nnumbers = 'i32_le'\nmin_rows = 1");
    assert_eq!(fault("    ", &raw), None);
}

#[test]
fn lines_that_windows_ends_are_lines() {
    let log =
        file("format = 'lines'\nignore = ['^took [0-9]+ s$']\nrequire = ['^finished$']\nforbid = ['^bad$']");
    assert_eq!(fault("a\r\nfinished\r\n", &log), None);
    assert!(of(b"a\r\ntook 5 s\r\nfinished\r\n", b"a\ntook 7 s\nfinished", &log).agrees());
    says("finished\r\nbad\r\n", &log, "must not be there");
}
