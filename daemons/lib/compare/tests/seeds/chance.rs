//! How often outputs of other seeds are told apart, and that other distributions always are.

use compare::Plan;

use crate::common::plan;
use crate::job::{JOB, Job, STATISTICS, Weights, compared, spec};

/// How many of 400 pairs of seeds each plan tells apart.
fn told_apart(job: Job, plans: &[Plan], output: impl Fn(Job) -> String) -> Vec<u64> {
    let mut counts = vec![0; plans.len()];
    for pair in 0..400 {
        let (a, b) = (Job { seed: 2 * pair + 1, ..job }, Job { seed: 2 * pair + 2, ..job });
        let (a, b) = (output(a), output(b));
        for (count, plan) in counts.iter_mut().zip(plans) {
            *count += u64::from(!compared(&a, &b, plan).agrees());
        }
    }
    counts
}

/// `significance` of 400 is 20, with a deviation of 4.4.
const MOST_OF_400: u64 = 33;

#[test]
fn profiles_with_thin_bins_are_told_apart_no_more_often_than_declared() {
    for (events, version, is_whole) in [(30, 2, false), (300, 2, true), (300, 3, false)] {
        let job = Job { events, version, is_whole, ..JOB };
        let counts = told_apart(job, &[spec("chi2", 0.05, ""), spec("chi2", 0.001, "")], Job::output);
        // Of the second, 0.4 are expected.
        assert!(counts[0] <= MOST_OF_400 && counts[1] <= 3, "{job:?}: {counts:?}");
    }
}

#[test]
fn weights_of_any_kind_are_told_apart_no_more_often_than_declared() {
    for weights in [Weights::One, Weights::Even, Weights::Wild, Weights::Signed] {
        let job = Job { weights, events: 600, ..JOB };
        let counts = told_apart(job, &STATISTICS.map(|statistics| spec(statistics, 0.05, "")), Job::output);
        assert!(counts.iter().all(|count| *count <= MOST_OF_400), "{job:?}: {counts:?}");
    }
}

#[test]
fn tables_with_errors_are_told_apart_no_more_often_than_declared() {
    let plan = plan(
        "[[files]]\nname = 'out'\nformat = 'table'\nstatistics = 'chi2'\nsignificance = 0.05\n[[files.histograms]]\nvalue = 2\nerror = [3]",
    );
    for weights in [Weights::Even, Weights::Wild, Weights::Signed] {
        let counts = told_apart(Job { weights, ..JOB }, std::slice::from_ref(&plan), Job::table);
        assert!(counts[0] <= MOST_OF_400, "{weights:?}: {counts:?}");
    }
}

#[test]
fn other_means_and_other_distributions_are_told_apart() {
    for weights in [Weights::One, Weights::Even, Weights::Wild, Weights::Signed] {
        for statistics in STATISTICS {
            let (plan, job) = (spec(statistics, 0.001, ""), Job { weights, events: 5000, ..JOB });
            for seed in 0..10 {
                let good = Job { seed: 2 * seed + 1, ..job }.output();
                // A quarter of the deviation of y, and of x.
                for other in [Job { raise: 1.0, ..job }, Job { shift: 0.3, ..job }] {
                    let other = Job { seed: 2 * seed + 2, ..other };
                    let comparison = compared(&good, &other.output(), &plan);
                    assert!(!comparison.agrees(), "{statistics} {other:?}");
                }
            }
        }
    }
}
