//! Rows as a set: bounded, and no harder than they need be.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

mod common;

use common::{file, of};
use compare::{Plan, Verdict};

fn set(rules: &str) -> Plan {
    file(&format!("format = 'table'\norder = 'set'\n[[files.rules]]\n{rules}"))
}

#[test]
fn a_first_column_with_few_values_is_no_hindrance() {
    let rows = |step: u32, moved: f64| -> String {
        let row = |n: u32| format!("{} {:.6} {}\n", n % 3, f64::from(n) * 1.5 + moved, n % 7);
        (0..13_000).map(|n| row(n * step % 13_000)).collect()
    };
    let compared = of(rows(1, 0.0).as_bytes(), rows(7, 1e-5).as_bytes(), &set("absolute = 1e-4"));
    assert!(compared.agrees(), "{compared}");
}

#[test]
fn an_output_agrees_with_itself_at_once() {
    // All rows may be partners of all.
    let text = "1 1 1\n".repeat(20_000);
    let compared = of(text.as_bytes(), text.as_bytes(), &set("relative = 1e-6"));
    assert_eq!(compared.to_string(), "agree: identical");
    let nan = "1 nan 1\n".repeat(3);
    assert!(!of(nan.as_bytes(), nan.as_bytes(), &set("relative = 1e-6")).agrees());
}

#[test]
fn values_are_counted_and_not_rows_only() {
    let rows = |last: usize| -> String {
        (0..1500).map(|n| format!("{}{}\n", "1 ".repeat(200), (n * last) % 1500)).collect()
    };
    // Only the last value tells them apart, and that is ignored for the sweep: it is an angle.
    let plan = set("columns = [201]\nperiod = 1500.0\nabsolute = 0.1\n[[files.rules]]\nrelative = 1e-6");
    let compared = of(rows(1).as_bytes(), rows(7).as_bytes(), &plan);
    assert_eq!(compared.verdict, Verdict::CantSay, "{compared}");
}
