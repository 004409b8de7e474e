//! Nobody passes by claiming errors, or nothing.

use crate::job::{JOB, Job, STATISTICS, Weights, changed, compared, spec};

#[test]
fn nobody_passes_by_claiming_large_errors_or_nothing() {
    for statistics in STATISTICS {
        for (weights, version) in [(Weights::One, 2), (Weights::Even, 2), (Weights::Wild, 2)] {
            let job = Job { weights, version, events: 20_000, ..JOB };
            let (good, other) = (Job { seed: 1, ..job }.output(), Job { seed: 2, ..job }.output());
            let plan = spec(statistics, 0.001, "");
            assert!(compared(&good, &other, &plan).agrees(), "{}", compared(&good, &other, &plan));
            type Change = fn(&str, f64) -> f64;
            let changes: [(&str, Change, &str); 7] = [
                ("/A/h", |name, value| if name == "sumw2" { 1e30 } else { value }, "errors"),
                ("/A/h", |name, value| if name == "sumw2" { 100.0 * value } else { value }, "errors"),
                ("/A/h", |name, value| if name == "sumwx2" { 1e30 } else { value }, "spread of x"),
                ("/A/p", |name, value| if name == "sumwy2" { 1e30 } else { value }, "spread of y"),
                ("/A/p", |name, value| if name == "sumwy2" { 0.0 } else { value }, ""),
                ("/A/p", |_, _| 0.0, "A/p"),
                ("/A/h", |name, value| if name == "numEntries" { 2.0 * value } else { value }, "entries"),
            ];
            for (path, change, says) in changes {
                let bad = changed(&other, path, change);
                assert_ne!(bad, other);
                // Nothing but the square of y is wrong then, and the other's counts.
                if says.is_empty() || (statistics == "ks" && says == "entries") {
                    continue;
                }
                for comparison in [compared(&good, &bad, &plan), compared(&bad, &good, &plan)] {
                    let text = comparison.to_string();
                    assert!(
                        !comparison.agrees() && text.contains(says),
                        "{statistics} {job:?} {says}: {text}"
                    );
                }
            }
        }
    }
}

#[test]
fn one_event_with_a_garbage_weight_is_found() {
    let plan = spec("chi2_and_ks", 0.001, "");
    let job = Job { events: 20_000, weights: Weights::Even, version: 3, ..JOB };
    let (good, other) = (Job { seed: 1, ..job }.output(), Job { seed: 2, ..job }.output());
    // Bin 3 of the first histogram.
    let line = other.lines().filter(|line| line.contains("e-1\t") || line.contains("e0\t")).nth(3).unwrap();
    let mut words: Vec<String> = line.split('\t').map(str::to_owned).collect();
    (words[0], words[1]) = ("1e15".into(), "1e30".into());
    let bad = other.replacen(line, &words.join("\t"), 1);
    let text = compared(&good, &bad, &plan).to_string();
    assert!(compared(&good, &other, &plan).agrees() && text.contains("errors"), "{text}");
}
