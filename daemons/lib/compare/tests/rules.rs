//! What every rule keeps, for arbitrary numbers: symmetric, monotone, reflexive, and units on the side of the decision.

use compare::rule::{Denominator, Infinity, Meaning, Measure, Nan, Precision, Rule, Tolerance, Value};
use proptest::prelude::*;

fn value(number: f64) -> Value<'static> {
    let meaning = if number.is_nan() { Meaning::NotANumber } else { Meaning::Number(number) };
    Value { meaning, text: b"1" }
}

/// Numbers that are often near each other, equal, or at the ends of the range.
fn pair() -> impl Strategy<Value = (f64, f64)> {
    let ends = prop_oneof![
        Just(0.0),
        Just(-0.0),
        Just(f64::MAX),
        Just(f64::MIN),
        Just(5e-324),
        Just(f64::INFINITY),
        Just(f64::NEG_INFINITY),
        Just(f64::NAN),
        Just(1.0),
        Just(1000.0)
    ];
    prop_oneof![
        3 => (any::<f64>(), 0.99..1.01_f64).prop_map(|(a, factor)| (a, a * factor)),
        2 => (any::<f64>(), -40_i64..40).prop_map(|(a, steps)| (a, f64::from_bits(a.to_bits().saturating_add_signed(steps)))),
        2 => (-1e3..1e3_f64, -1e3..1e3_f64),
        1 => (any::<f64>(), any::<f64>()),
        1 => (ends.clone(), any::<f64>()),
        1 => (ends.clone(), ends),
    ]
}

/// A measure, and the same made wider.
fn measures() -> impl Strategy<Value = (Measure, Measure)> {
    let denominator = prop_oneof![
        Just(Denominator::Larger),
        Just(Denominator::Mean),
        Just(Denominator::First),
        Just(Denominator::Reference)
    ];
    let fraction = prop_oneof![Just(0.0), 0.0..0.5_f64, 0.0..1e-3_f64];
    let tolerance = (fraction.clone(), fraction.clone(), fraction.clone(), denominator).prop_map(
        |(absolute, relative, more, denominator)| {
            let of = |more: f64| {
                Measure::Tolerance(Tolerance {
                    absolute: absolute + more,
                    relative: relative + more,
                    denominator,
                })
            };
            (of(0.0), of(more))
        },
    );
    let periodic = (1e-3..1e3_f64, fraction.clone(), fraction).prop_map(|(period, absolute, more)| {
        let of = |part: f64| Measure::Periodic { period, absolute: part * period };
        (of(absolute / 2.0), of(absolute / 2.0 + more / 2.0))
    });
    let ulps = (0..1_u64 << 20, 0..1_u64 << 20, any::<bool>()).prop_map(|(most, more, single)| {
        let precision = if single { Precision::Single } else { Precision::Double };
        (Measure::Ulps { most, precision }, Measure::Ulps { most: most + more, precision })
    });
    let digits = (1..18_u32, 0..17_u32).prop_map(|(count, fewer)| {
        (Measure::Digits(count), Measure::Digits(count.saturating_sub(fewer).max(1)))
    });
    prop_oneof![3 => tolerance, 1 => periodic, 1 => ulps, 1 => digits, 1 => Just((Measure::Exact, Measure::Ignore))]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn symmetric((a, b) in pair(), (measure, _) in measures()) {
        let rule = Rule::new(measure);
        let (forth, back) = (rule.judge(value(a), value(b)), rule.judge(value(b), value(a)));
        if rule.is_symmetric() {
            prop_assert_eq!(forth, back);
        }
    }

    #[test]
    fn monotone((a, b) in pair(), (narrow, wide) in measures()) {
        if Rule::new(narrow).judge(value(a), value(b)).agrees {
            prop_assert!(Rule::new(wide).judge(value(a), value(b)).agrees);
        }
    }

    #[test]
    fn reflexive_but_for_nan((a, _) in pair(), (measure, _) in measures()) {
        let rule = Rule::new(measure);
        prop_assert_eq!(rule.judge(value(a), value(a)).agrees, !a.is_nan() || measure == Measure::Ignore);
        let tolerant = Rule { nan: Nan::Equal, ..rule };
        prop_assert!(tolerant.judge(value(a), value(a)).agrees);
        let strict = Rule { infinity: Infinity::Differ, ..rule };
        let expected = a.is_finite() || measure == Measure::Ignore;
        prop_assert_eq!(strict.judge(value(a), value(a)).agrees, expected);
    }

    #[test]
    fn units_stay_on_the_side_of_the_decision((a, b) in pair(), (measure, _) in measures()) {
        let distance = Rule::new(measure).judge(value(a), value(b));
        prop_assert_eq!(distance.units <= 1.0, distance.agrees, "{:?}", distance);
        prop_assert!(distance.units >= 0.0);
    }
}
