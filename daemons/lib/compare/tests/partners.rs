//! Rows without a partner that are ignored: what is left must confirm something.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

mod common;

use common::{file, of, streamed};
use compare::{Comparison, Plan, Reason};

fn both(left: &str, right: &str, plan: &Plan) -> Comparison {
    let compared = of(left.as_bytes(), right.as_bytes(), plan);
    for other in [
        streamed(left.as_bytes(), right.as_bytes(), plan),
        of(right.as_bytes(), left.as_bytes(), plan).swapped(),
    ] {
        assert_eq!((other.verdict, &other.reason), (compared.verdict, &compared.reason), "{compared}");
    }
    compared
}

fn table(least: u32) -> Plan {
    file(&format!(
        "format = 'table'\norder = 'key'\nkey = [1]\nextra_rows = 'ignore'\nmin_rows = {least}\n[[files.rules]]\nrelative = 1e-6"
    ))
}

#[test]
fn outputs_without_a_common_row_differ() {
    for least in [0, 1] {
        let compared = both("7 99", "1 2\n2 3", &table(least));
        assert_eq!(compared.to_string(), "differ: no row has a partner, so nothing was compared");
    }
    let compared = both("1 2\n7 99", "1 2\n2 3", &table(1));
    assert_eq!(compared.reason, Reason::Common { partners: 1, left: 1, right: 1 });
    assert_eq!(
        compared.to_string(),
        "agree: every value is within the tolerance in the 1 rows that both have; 1 others of the left and 1 of the right are ignored"
    );
    assert!(!both("1 3\n7 99", "1 2\n2 3", &table(1)).agrees(), "a common row differs");
    // Equal outputs need no such words; nor do empty ones.
    assert_eq!(both("1 2", "1 2", &table(1)).reason, Reason::WithinTolerance);
    assert!(both("", "", &table(0)).agrees() && !both("", "1 2", &table(0)).agrees());
}

#[test]
fn the_least_number_of_rows_is_that_of_partners() {
    let (left, right) = ("1 1\n2 2\n3 3\n7 7\n", "1 1\n2 2\n8 8\n9 9\n");
    assert!(both(left, right, &table(2)).agrees());
    assert_eq!(
        both(left, right, &table(3)).to_string(),
        "differ: 2 rows have a partner, less than min_rows = 3"
    );
}

#[test]
fn what_is_ignored_is_no_partner() {
    let json = file(
        "format = 'json'\norder = 'key'\nextra_rows = 'ignore'\n[[files.rules]]\ncolumns = ['/seconds', '/log*']\nmethod = 'ignore'",
    );
    let good = "{\"mass\": 5, \"seconds\": 1, \"log\": [1, 2]}";
    for empty in ["{\"seconds\": 1}", "{\"log\": [1, 2], \"x\": 7}", "{}", "{\"log\": []}"] {
        assert!(!both(empty, good, &json).agrees(), "{empty}");
    }
    assert!(both("{\"mass\": 5}", good, &json).agrees());
    assert!(!both("{\"mass\": 6}", good, &json).agrees());
    for (format, good, alone) in [
        ("key_value", "a = 1\nb = 2", "c = 1"),
        ("xml", "<r><a>1</a></r>", "<r><b>1</b></r>"),
        (
            "yoda",
            "BEGIN YODA_COUNTER_V2 /a\n---\n# sumw\n1\nEND YODA_COUNTER_V2\n",
            "BEGIN YODA_COUNTER_V2 /b\n---\n# sumw\n1\nEND YODA_COUNTER_V2\n",
        ),
    ] {
        let plan = file(&format!("format = '{format}'\norder = 'key'\nextra_rows = 'ignore'"));
        assert!(both(good, good, &plan).agrees(), "{format}");
        assert!(!both(good, alone, &plan).agrees(), "{format}");
    }
}
