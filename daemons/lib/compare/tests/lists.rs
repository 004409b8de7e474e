//! Values of lists in JSON: each has a path, and by that a rule of its own.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

mod common;

use common::{file, of, streamed};
use compare::{Plan, SampleFile, Spec};

fn json(rules: &str) -> Plan {
    file(&format!("format = 'json'\norder = 'key'\n{rules}"))
}

fn agree(left: &str, right: &str, plan: &Plan) -> bool {
    let compared = of(left.as_bytes(), right.as_bytes(), plan);
    assert_eq!(compared, streamed(left.as_bytes(), right.as_bytes(), plan));
    compared.agrees()
}

#[test]
fn a_rule_is_for_the_value_that_it_names() {
    let second = json("[[files.rules]]\ncolumns = ['/p[1]']\nabsolute = 1.0");
    assert!(agree("{\"p\": [1, 2, 3]}", "{\"p\": [1, 2.5, 3]}", &second));
    assert!(!agree("{\"p\": [1, 2, 3]}", "{\"p\": [1.5, 2, 3]}", &second));
    assert!(!agree("{\"p\": [1, 2, 3]}", "{\"p\": [1, 2, 3.5]}", &second));
    // The first one does not loosen the list.
    let first = json("[[files.rules]]\ncolumns = ['/p[0]']\nabsolute = 1.0");
    assert!(agree("{\"p\": [1, 2]}", "{\"p\": [1.5, 2]}", &first));
    assert!(!agree("{\"p\": [1, 2]}", "{\"p\": [1, 2.5]}", &first));
    let all = json("[[files.rules]]\ncolumns = ['/run[*]/p[*]']\nabsolute = 1.0");
    let run = |p: &str| format!("{{\"run\": [{{\"p\": [[1, {p}], 4]}}, {{\"p\": [{p}]}}]}}");
    assert!(agree(&run("2"), &run("2.5"), &all));
    let one = json("[[files.rules]]\ncolumns = ['/run[*]/p[0][?]', '/run[1]/p[0]']\nabsolute = 1.0");
    assert!(agree(&run("2"), &run("2.5"), &one));
    assert!(!agree(&run("2").replace("], 4", "], 5"), &run("2"), &one));
}

#[test]
fn the_place_and_checks_are_those_of_the_value() {
    let plan = json(
        "[[files.rules]]\ncolumns = ['/p[1]']\nat_most = 5.0\n[[files.rules]]\ncolumns = ['/p[*]']\nabsolute = 0.1",
    );
    let compared = of(b"{\"p\": [7, 2]}", b"{\"p\": [7, 3]}", &plan);
    let worst = compared.worst.unwrap();
    assert_eq!((worst.name.as_deref(), worst.rule.contains("0.1")), (Some("/p[1]"), false), "{}", worst.rule);
    assert!(!agree("{\"p\": [7, 6]}", "{\"p\": [7, 6]}", &plan));
}

#[test]
fn a_long_list_has_rules_for_each_value_too() {
    let list = |last: &str| format!("{{\"p\": [{}{last}]}}", "1,".repeat(70_000));
    let plan = json("[[files.rules]]\ncolumns = ['/p[70000]']\nabsolute = 1.0");
    assert!(agree(&list("1"), &list("1.5"), &plan));
    assert!(!agree(&list("1,1"), &list("1,1.5"), &plan));
}

#[test]
fn a_sample_shows_values_of_lists() {
    let spec = |columns: &str| -> Spec {
        toml::from_str(&format!(
            "[[files]]\nname = 'out'\nformat = 'json'\n[[files.rules]]\ncolumns = [{columns}]\nrelative = 1e-3\n[[files.rules]]\nmethod = 'ignore'"
        ))
        .unwrap()
    };
    let sample = SampleFile::bytes("out", b"{\"p\": [1.5, 2.5, 3.5]}".to_vec());
    assert_eq!(spec("'/p[1]'").rehearse(&sample).unwrap(), []);
    assert!(spec("'/p[3]'").rehearse(&sample).unwrap()[0].message.contains("is no column of the sample"));
    let mutation = spec("'/p[1]'").mutate(&sample).unwrap();
    let columns: Vec<(&str, bool)> =
        mutation.columns.iter().map(|column| (column.column.as_str(), column.is_protected)).collect();
    assert_eq!(columns, [("/p[0]", false), ("/p[1]", true)]);
}
