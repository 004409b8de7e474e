//! What holds for every input.

mod common;

use common::{content, of, plan, streamed, symmetric_spec, table};
use compare::{Comparison, Malformed, Parsed, Reason, Spec, Verdict};
use proptest::prelude::*;

fn file(text: &str) -> compare::Plan {
    common::file(text)
}

fn units(comparison: &Comparison) -> Option<u64> {
    comparison.worst.as_ref().map(|worst| worst.in_tolerance_units.to_bits())
}

proptest! {
    #[test]
    fn symmetric(left in content(), right in content(), spec in symmetric_spec()) {
        let plan = file(&spec);
        prop_assert!(plan.is_symmetric());
        let (forth, back) = (of(&left, &right, &plan), of(&right, &left, &plan));
        prop_assert_eq!(forth.verdict, back.verdict, "{:?} {:?}", forth, back);
        // Among possible partners in a set, another choice may be made; with keys, a fault is found sooner on one side.
        if !spec.contains("'set'") && !spec.contains("'key'") {
            prop_assert_eq!(forth.values_compared, back.values_compared);
            prop_assert_eq!(units(&forth), units(&back));
            prop_assert_eq!(forth.columns.len(), back.columns.len());
        }
    }

    #[test]
    fn agrees_with_itself_if_it_is_good(content in content(), spec in symmetric_spec()) {
        let plan = file(&spec);
        let parsed = Parsed::from_bytes(content.clone(), plan.file("out"));
        let comparison = of(&content, &content, &plan);
        if parsed.check().is_err() {
            prop_assert_eq!(comparison.verdict, Verdict::Differ);
        } else if spec.contains("statistics") {
            // What has no entry confirms nothing, nor does what is no content of a bin.
            let no_bin = comparison.to_string().contains("no content of a bin");
            prop_assert!(no_bin || comparison.agrees() || comparison.reason == Reason::Untested || comparison.verdict == Verdict::CantSay, "{}", comparison);
        } else if !spec.contains("infinity") {
            prop_assert!(comparison.agrees(), "{}", comparison);
            prop_assert_eq!(comparison.worst, None);
        }
    }

    #[test]
    fn kept_and_streamed_say_the_same(left in content(), right in content(), spec in symmetric_spec(), same in any::<bool>()) {
        let right = if same { left.clone() } else { right };
        let plan = file(&spec);
        let (kept, streamed) = (of(&left, &right, &plan), streamed(&left, &right, &plan));
        prop_assert_eq!(kept.verdict, streamed.verdict, "{} | {}", kept, streamed);
        // Side by side, a fault of the syntax may stand behind the place where the comparison ended.
        if !matches!(kept.reason, Reason::Malformed { .. }) {
            prop_assert_eq!(units(&kept), units(&streamed));
        }
    }

    #[test]
    fn exact_agrees_only_on_equal_bytes(left in content(), right in content()) {
        let plan = plan("");
        prop_assert_eq!(of(&left, &right, &plan).agrees(), left == right);
        prop_assert_eq!(streamed(&left, &right, &plan).agrees(), left == right);
        prop_assert!(of(&left, &left, &plan).agrees());
    }

    #[test]
    fn a_wider_tolerance_accepts_no_less(left in table(), right in table(), absolute in 0.0..2.0_f64, relative in 0.0..0.5_f64, more in 0.0..0.49_f64) {
        let narrow = Spec::numeric(absolute, relative).plan().unwrap();
        let wide = Spec::numeric(absolute + more, relative + more).plan().unwrap();
        if of(&left, &right, &narrow).agrees() {
            prop_assert!(of(&left, &right, &wide).agrees());
        }
    }

    #[test]
    fn two_numbers_agree_as_the_formula_says(a in any::<f64>(), factor in 0.5..2.0_f64, absolute in 0.0..10.0_f64, relative in 0.0..0.9_f64) {
        let b = a * factor;
        prop_assume!(a.is_finite() && b.is_finite() && (a - b).is_finite());
        let plan = Spec::numeric(absolute, relative).plan().unwrap();
        let comparison = of(a.to_string().as_bytes(), b.to_string().as_bytes(), &plan);
        prop_assert_eq!(comparison.agrees(), (a - b).abs() <= absolute.max(relative * a.abs().max(b.abs())));
        if let Some(worst) = comparison.worst {
            prop_assert_eq!(worst.in_tolerance_units <= 1.0, comparison.verdict == Verdict::Agree);
        }
    }

    #[test]
    fn reports_hold_no_control_characters(left in content(), right in content(), spec in symmetric_spec()) {
        let text = of(&left, &right, &file(&spec)).to_string();
        prop_assert!(!text.chars().any(char::is_control), "{text:?}");
        prop_assert!(text.len() < 1000);
    }

    #[test]
    fn a_set_is_matched_if_it_can_be(rows in proptest::collection::vec((0..3_u8, 0..40_u8, 0..40_u8), 1..7), shift in -4..5_i8) {
        // The same rows in another order, each moved by no more than the tolerance.
        let text = |rows: &mut dyn Iterator<Item = (u8, f64, f64)>| {
            rows.map(|(name, x, y)| format!("w{name} {x} {y}\n")).collect::<String>()
        };
        let left = text(&mut rows.iter().map(|(name, x, y)| (*name, f64::from(*x), f64::from(*y))));
        let moved = f64::from(shift);
        let right = text(&mut rows.iter().rev().map(|(name, x, y)| (*name, f64::from(*x) + moved, f64::from(*y) - moved)));
        for rule in ["absolute = 4.0", "absolute = 4.0\nperiod = 1000.0"] {
            let plan = file(&format!("format = 'table'\norder = 'set'\n[[files.rules]]\n{rule}"));
            let comparison = of(left.as_bytes(), right.as_bytes(), &plan);
            prop_assert!(comparison.agrees(), "{left}{right}{comparison}");
        }
    }
}

#[test]
fn a_nan_is_found_without_a_partner() {
    let plan = Spec::numeric(0.0, 0.0).plan().unwrap();
    let file = plan.file("out");
    let check = |text: &str| Parsed::from_bytes(text.as_bytes().to_vec(), file).check();
    let error = check("1 2\n3 -nan(ind)\nnan").unwrap_err();
    assert_eq!(error.to_string(), "line 2, column 2: not a number (-nan(ind))");
    for text in ["", "\n\n", "error: no such file\n", "1e999999"] {
        assert_eq!(check(text), Err(Malformed::NoNumber), "{text:?}");
    }
    assert_eq!(check("pi 3"), Ok(()));
    assert_eq!((check("inf"), check("1 1e999999")), (Ok(()), Ok(())));
    for bytes in [&b""[..], b"nan", b"\xff\0"] {
        let plan = Spec::exact().plan().unwrap();
        assert_eq!(Parsed::from_bytes(bytes.to_vec(), plan.file("out")).check(), Ok(()));
    }
}

#[test]
fn a_key_that_is_there_twice_is_found_without_a_partner() {
    let plan = file("format = 'table'\norder = 'key'\nkey = [1]");
    let file = plan.file("out");
    let parse = |text: &str| Parsed::from_bytes(text.as_bytes().to_vec(), file);
    assert_eq!(parse("a 1\nb 2\na 3").check().unwrap_err().to_string(), "line 3: the key a is there twice");
    let (good, ordered) = (parse("a 1\nb 2"), Spec::numeric(0.0, 0.0).plan().unwrap());
    assert_eq!(good.check(), Ok(()));
    let plain = Parsed::from_bytes(b"a 1\nb 2".to_vec(), ordered.file("out"));
    assert!(good.memory() > plain.memory(), "the places of keys are kept with the records");
}
