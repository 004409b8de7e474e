//! What holds for every input.

use compare::{Comparison, Method, Parsed, Separator, Spec, compare};
use proptest::prelude::*;

fn of(left: &[u8], right: &[u8], spec: &Spec) -> Comparison {
    compare(&Parsed::from_bytes(left.to_vec(), spec), &Parsed::from_bytes(right.to_vec(), spec), spec)
}

fn spec() -> impl Strategy<Value = Spec> {
    let tolerance = || prop_oneof![Just(0.0), 1e-12..0.999_f64];
    (any::<bool>(), tolerance(), tolerance(), any::<bool>()).prop_map(
        |(numeric, absolute, relative, comma)| Spec {
            method: if numeric { Method::Numeric } else { Method::Exact },
            absolute,
            relative,
            separator: if comma { Separator::Comma } else { Separator::Whitespace },
            ..Spec::default()
        },
    )
}

/// Text that is often a table, and often nearly the same as another one.
fn table() -> impl Strategy<Value = Vec<u8>> {
    let value = prop_oneof![
        8 => (-3_i32..3, 0_u32..3).prop_map(|(whole, part)| format!("{whole}.{part}")),
        1 => any::<f64>().prop_map(|value| value.to_string()),
        1 => "(nan|inf|-inf|1e999|x|y|,)",
    ];
    let separator = prop_oneof![6 => Just(" "), 2 => Just("\n"), 1 => Just(","), 1 => Just("\r\n")];
    proptest::collection::vec((value, separator), 0..8)
        .prop_map(|parts| {
            parts.into_iter().flat_map(|(value, separator)| [value, separator.into()]).collect::<String>()
        })
        .prop_map(String::into_bytes)
}

fn content() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![4 => table(), 1 => proptest::collection::vec(any::<u8>(), 0..60)]
}

proptest! {
    #[test]
    fn symmetric(left in content(), right in content(), spec in spec()) {
        let (forth, back) = (of(&left, &right, &spec), of(&right, &left, &spec));
        prop_assert_eq!(forth.verdict, back.verdict);
        prop_assert_eq!(forth.values_compared, back.values_compared);
        let units = |comparison: &Comparison| comparison.worst.as_ref().map(|worst| (worst.line, worst.column, worst.in_tolerance_units.to_bits()));
        prop_assert_eq!(units(&forth), units(&back));
    }

    #[test]
    fn reflexive_without_nan(content in content(), spec in spec()) {
        let parsed = Parsed::from_bytes(content.clone(), &spec);
        let has_nan = matches!(parsed.check(), Err(compare::Malformed::NotANumber { .. }));
        let comparison = of(&content, &content, &spec);
        prop_assert_eq!(comparison.agrees(), !has_nan);
        if comparison.agrees() {
            prop_assert_eq!(comparison.worst, None);
        }
    }

    #[test]
    fn exact_agrees_only_on_equal_bytes(left in content(), right in content()) {
        prop_assert_eq!(of(&left, &right, &Spec::exact()).agrees(), left == right);
        prop_assert!(of(&left, &left, &Spec::exact()).agrees());
    }

    #[test]
    fn a_wider_tolerance_accepts_no_less(left in table(), right in table(), spec in spec(), more in 0.0..2.0_f64) {
        let wider = Spec { absolute: spec.absolute + more, relative: spec.relative + more, ..spec.clone() };
        if of(&left, &right, &spec).agrees() {
            prop_assert!(of(&left, &right, &wider).agrees());
        }
    }

    #[test]
    fn two_numbers_agree_as_the_formula_says(a in any::<f64>(), factor in 0.5..2.0_f64, absolute in 0.0..10.0_f64, relative in 0.0..0.9_f64) {
        let b = a * factor;
        prop_assume!(a.is_finite() && b.is_finite() && (a - b).is_finite());
        let comparison = of(a.to_string().as_bytes(), b.to_string().as_bytes(), &Spec::numeric(absolute, relative));
        prop_assert_eq!(comparison.agrees(), (a - b).abs() <= absolute.max(relative * a.abs().max(b.abs())));
        if let Some(worst) = comparison.worst {
            prop_assert_eq!(worst.in_tolerance_units <= 1.0, comparison.verdict == compare::Verdict::Agree);
        }
    }

    #[test]
    fn reports_hold_no_control_characters(left in content(), right in content(), spec in spec()) {
        let text = of(&left, &right, &spec).to_string();
        prop_assert!(!text.chars().any(char::is_control), "{text:?}");
        prop_assert!(text.len() < 1000);
    }
}
