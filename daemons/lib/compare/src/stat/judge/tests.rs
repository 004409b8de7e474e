#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::fmt::Write as _;

use crate::{Comparison, FileSpec, Parsed, Plan, Spec, Statistics, Verdict};

fn plan(statistics: Statistics, significance: f64) -> Plan {
    let file = FileSpec {
        name: "out".into(),
        format: crate::spec::FormatName::Yoda,
        order: crate::spec::Order::Key,
        statistics,
        significance,
        ..FileSpec::default()
    };
    Spec { files: vec![file], ..Spec::default() }.plan().unwrap()
}

fn compare(left: &str, right: &str, plan: &Plan) -> Comparison {
    let file = plan.file("out");
    let parse = |text: &str| Parsed::from_bytes(text.as_bytes().to_vec(), file);
    file.compare(&parse(left), &parse(right))
}

/// A generator of random numbers: splitmix64.
struct Random(u64);

impl Random {
    fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// `count` histograms of `entries` values of an exponential distribution, moved by `shift`.
fn output(seed: u64, count: usize, entries: usize, shift: f64) -> String {
    let mut random = Random(seed);
    let mut text = String::new();
    for histogram in 0..count {
        let mut bins = [0_u32; 20];
        for _ in 0..entries {
            let value = -random.uniform().max(1e-300).ln() * 5.0 + shift;
            if let Some(bin) = bins.get_mut(value as usize) {
                *bin += 1;
            }
        }
        writeln!(text, "BEGIN YODA_HISTO1D_V2 /A/h{histogram}\n---\n# xlow\txhigh\tsumw\tsumw2").unwrap();
        for (bin, sum) in bins.iter().enumerate() {
            writeln!(text, "{bin}\t{}\t{sum}\t{sum}", bin + 1).unwrap();
        }
        writeln!(text, "END YODA_HISTO1D_V2").unwrap();
    }
    text
}

#[test]
fn other_seeds_are_told_apart_by_chance_no_more_often_than_declared() {
    for statistics in [Statistics::Chi2, Statistics::Ks, Statistics::Chi2AndKs] {
        let plan = plan(statistics, 0.05);
        let pairs = 400;
        let rejected = (0..pairs)
            .filter(|seed| {
                !compare(&output(2 * seed, 5, 2000, 0.0), &output(2 * seed + 1, 5, 2000, 0.0), &plan).agrees()
            })
            .count();
        // 20 are expected, with a deviation of 4.4; bins and Bonferroni make it fewer. χ² alone must not be far below.
        assert!(rejected <= 36, "{statistics:?}: {rejected} of {pairs}");
        assert!(statistics != Statistics::Chi2 || rejected >= 5, "{rejected} of {pairs}");
    }
}

#[test]
fn another_distribution_is_found() {
    for statistics in [Statistics::Chi2, Statistics::Ks, Statistics::Chi2AndKs] {
        let plan = plan(statistics, 0.001);
        for seed in 0..20 {
            let comparison =
                compare(&output(2 * seed, 3, 5000, 0.0), &output(2 * seed + 1, 3, 5000, 0.7), &plan);
            assert_eq!(comparison.verdict, Verdict::Differ, "{statistics:?} {comparison}");
            assert!(
                comparison.units() > 1.0 && comparison.to_string().contains("histogram /A/h"),
                "{comparison}"
            );
        }
    }
}

#[test]
fn another_number_of_events_is_found_by_chi2_only() {
    let (a, b) = (output(1, 2, 5000, 0.0), output(2, 2, 6000, 0.0));
    assert!(!compare(&a, &b, &plan(Statistics::Chi2, 0.001)).agrees());
    assert!(compare(&a, &b, &plan(Statistics::Ks, 0.001)).agrees());
}

#[test]
fn both_ways_round_the_same() {
    for seed in 0..30 {
        let (a, b) = (output(seed, 2, 300, 0.0), output(seed + 100, 2, 300, 0.3));
        let plan = plan(Statistics::Chi2AndKs, 0.01);
        let (forth, back) = (compare(&a, &b, &plan), compare(&b, &a, &plan));
        assert_eq!((forth.verdict, forth.units()), (back.verdict, back.units()));
        assert_eq!(forth.worst.is_some(), back.worst.is_some());
    }
}

#[test]
fn what_has_no_statistics_is_compared_by_its_rule() {
    let plan = plan(Statistics::Chi2, 0.001);
    let (a, b) = (output(1, 2, 500, 0.0), output(2, 2, 500, 0.0));
    let comparison = compare(&a, &b, &plan);
    assert!(comparison.agrees() && comparison.values_compared > 100, "{comparison}");
    let last: String =
        b.lines().rfind(|line| line.starts_with("19\t20\t")).map(|line| format!("{line}\n")).unwrap();
    for (other, expected) in [
        (b.replace("\n3\t4\t", "\n3\t4.5\t"), "xhigh"),
        (b.replace("/A/h1", "/A/other"), "no partner"),
        (b.replace("HISTO1D_V2 /A/h1", "HISTO1D_V3 /A/h1"), "HISTO1D_V3"),
        (b.replace(&last, ""), "has 20 and 19 values"),
    ] {
        let comparison = compare(&a, &other, &plan);
        assert!(
            !comparison.agrees() && comparison.to_string().contains(expected),
            "{expected}: {comparison}"
        );
    }
}

#[test]
fn nothing_to_test_confirms_nothing() {
    let plan = plan(Statistics::Chi2AndKs, 0.001);
    let empty = output(1, 2, 0, 0.0);
    let comparison = compare(&empty, &empty, &plan);
    assert_eq!((comparison.verdict, comparison.reason), (Verdict::Differ, crate::Reason::Untested));
    assert!(!compare(&empty, &output(1, 2, 500, 0.0), &plan).agrees());
    let bare = "BEGIN YODA_HISTO1D_V2 /h\n---\n# xlow\tsumw\n0\t1\nEND YODA_HISTO1D_V2\n";
    let comparison = compare(bare, bare, &plan);
    assert_eq!(comparison.verdict, Verdict::CantSay, "{comparison}");
}
