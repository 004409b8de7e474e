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

#[test]
fn a_word_in_place_of_a_number_and_too_few_events_are_found() {
    let job = Job { events: 5000, ..JOB };
    let (good, other) = (Job { seed: 1, ..job }.output(), Job { seed: 2, ..job }.output());
    for statistics in STATISTICS {
        let plan = spec(statistics, 0.001, "");
        for path in ["/A/h", "/A/p"] {
            for column in ["sumw", "sumw2", "sumwx", "sumwx2", "sumwy", "sumwy2", "numEntries"] {
                // A value that no word has.
                let bad = changed(&other, path, |name, value| if name == column { 77e77 } else { value });
                let bad = bad.replace("7.7e78", "WORD");
                let differs = bad.contains("WORD");
                let agrees = compared(&good, &bad, &plan).agrees() || compared(&bad, &good, &plan).agrees();
                assert_eq!(agrees, !differs, "{statistics} {path} {column}");
            }
        }
        // The shape of ten events fits everything.
        let few = Job { seed: 2, events: 10, ..job }.output();
        assert!(!compared(&good, &few, &plan).agrees(), "{statistics}");
    }
    // Counters have no shape.
    let ks = |more: &str| {
        spec("ks", 0.001, &format!("{more}\n[[files.rules]]\ncolumns = ['/A/c:*']\nmethod = 'ignore'\n"))
    };
    let [less, much_less] = [3500, 1000].map(|events| Job { seed: 2, events, ..job }.output());
    assert!(compared(&good, &less, &ks("")).agrees() && !compared(&good, &much_less, &ks("")).agrees());
    assert!(compared(&good, &much_less, &ks("error_ratio = 20.0")).agrees());
    assert!(!compared(&good, &less, &spec("chi2", 0.001, "")).agrees());
}
