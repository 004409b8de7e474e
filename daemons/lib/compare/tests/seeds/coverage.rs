//! Nothing in a file is without protection, and rules count.

use compare::{SampleFile, Spec};

use crate::job::{EXAMPLE, JOB, Job, STATISTICS, Weights, compared, spec};

#[test]
fn totals_and_what_rules_name_count_too() {
    let job = Job { events: 5000, ..JOB };
    let (good, other) = (Job { seed: 1, ..job }.output(), Job { seed: 2, ..job }.output());
    let line =
        |text: &str, begins: &str| text.lines().find(|line| line.starts_with(begins)).unwrap().to_owned();
    for statistics in STATISTICS {
        let plan = spec(statistics, 0.001, "");
        for name in ["Total", "Overflow", "Underflow"] {
            let old = line(&other, name);
            // As many entries as are nowhere.
            let new = format!("{name}\t{name}\t500\t500\t500\t500\t500");
            let bad = other.replacen(&old, &new, 1);
            let is_normal = statistics == "ks" && name == "Total";
            let differs = !compared(&good, &bad, &plan).agrees();
            assert!(differs || is_normal, "{statistics} {name} {}", compared(&good, &bad, &plan));
        }
        let old = line(&other, "ScaledBy: ");
        for factor in ["1e9", "-1", "0", "nan"] {
            let bad = other.replacen(&old, &format!("ScaledBy: {factor}"), 1);
            assert!(!compared(&good, &bad, &plan).agrees(), "{factor}");
        }
        // Named: both must hold. For all columns: edges only.
        for (rule, agrees) in [
            ("columns = ['*:Total']\nrelative = 1e-9", false),
            ("columns = ['*:numEntries']\nmethod = 'exact'", false),
            ("columns = ['/A/h:sumw']", false),
            ("columns = ['*:sumw', '*:Total']\nrelative = 0.9", true),
            ("columns = ['*:sumw2']\nat_most = 1e6", true),
            ("relative = 1e-6", true),
        ] {
            let more = format!("[[files.rules]]\n{rule}\n");
            let comparison = compared(&good, &other, &spec(statistics, 0.001, &more));
            // Bins at the end have no entry in one.
            let is_thin = rule.contains("0.9") && comparison.to_string().contains("relative");
            assert!(comparison.agrees() == agrees || is_thin, "{rule}: {comparison}");
        }
    }
}

#[test]
fn every_column_is_protected_and_notes_say_what_is_odd() {
    for (version, weights) in [(2, Weights::One), (3, Weights::Even)] {
        let job = Job { seed: 1, events: 3000, version, weights, ..JOB };
        let sample = SampleFile::bytes("out", job.output().into_bytes());
        let spec: Spec = toml::from_str(EXAMPLE).unwrap();
        let mut notes: Vec<String> =
            spec.rehearse(&sample).unwrap().iter().map(ToString::to_string).collect();
        notes.retain(|note| !note.contains("compared as text"));
        assert_eq!(notes, [""; 0]);
        let mutation = spec.mutate(&sample).unwrap();
        let takes_words =
            |column: &&compare::Protection| column.accepted.iter().any(|what| what == "another word");
        let mut unprotected: Vec<_> = mutation.unprotected().collect();
        unprotected.extend(mutation.columns.iter().filter(takes_words));
        assert!(unprotected.is_empty() && mutation.accepted.is_empty(), "{job:?} {unprotected:#?}");
    }
    let sample = SampleFile::bytes("out", JOB.output().into_bytes());
    let text = format!("{EXAMPLE}error_ratio = 100\n[[files.rules]]\ncolumns = ['*:Total']\nrelative = 0.1");
    let spec: Spec = toml::from_str(&text).unwrap();
    let notes: Vec<String> = spec.rehearse(&sample).unwrap().iter().map(ToString::to_string).collect();
    assert!(notes[0].contains("error_ratio`: is 100: an output may claim"), "{notes:?}");
    assert!(notes[1].contains("rules.0`: counts beside the tests of `/A/h:Total`"), "{notes:?}");
}
