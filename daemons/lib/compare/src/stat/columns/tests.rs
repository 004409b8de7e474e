#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::fmt::Write as _;

use crate::{Comparison, Parsed, Plan, Spec, Verdict};

const SPEC: &str = "[[files]]\nname = 'out'\nformat = 'table'\nheader = true\nstatistics = 'chi2_and_ks'\n";

fn plan(rest: &str) -> Plan {
    toml::from_str::<Spec>(&format!("{SPEC}{rest}")).unwrap().plan().unwrap()
}

fn compare(left: &str, right: &str, plan: &Plan) -> Comparison {
    let file = plan.file("out");
    let parse = |text: &str| Parsed::from_bytes(text.as_bytes().to_vec(), file);
    let kept = file.compare(&parse(left), &parse(right));
    let bytes = |text: &str| Box::new(std::io::Cursor::new(text.as_bytes().to_vec()));
    assert_eq!(kept, file.compare_bytes(bytes(left), bytes(right)));
    let back = file.compare(&parse(right), &parse(left));
    assert_eq!((kept.verdict, kept.units()), (back.verdict, back.units()));
    kept
}

/// Edges, counts and their squared errors, from numbers of events.
fn table(counts: &[f64], scale: f64) -> String {
    let mut text = "low high n error n2\n".to_owned();
    for (bin, count) in counts.iter().enumerate() {
        let (value, error) = (count * scale, count.sqrt() * scale);
        writeln!(text, "{bin} {} {value} {error} {}", bin + 1, error * error).unwrap();
    }
    text
}

#[test]
fn the_error_is_a_column_or_a_square_or_the_root_of_a_number_of_events() {
    let (a, b) = ([103.0, 48.0, 20.0], [95.0, 55.0, 17.0]);
    let chi2 = 64.0 / 198.0 + 49.0 / 103.0 + 9.0 / 37.0;
    for (columns, scale) in
        [("value = 'n'\nerror = ['error']", 0.5), ("value = 3\nvariance = [5]", 0.5), ("value = 'n'", 1.0)]
    {
        // The columns with errors vary with the seed, too.
        let rest = "[[files.rules]]\ncolumns = ['error', 'n2']\nmethod = 'ignore'\n";
        let plan = plan(&format!("{rest}[[files.histograms]]\n{columns}"));
        let comparison = compare(&table(&a, scale), &table(&b, scale), &plan);
        assert!(comparison.agrees(), "{comparison}");
        let far = compare(&table(&a, scale), &table(&[48.0, 103.0, 20.0], scale), &plan);
        assert_eq!(far.verdict, Verdict::Differ, "{far}");

        assert!(far.to_string().contains("histogram n:"), "{far}");
        let worst = far.worst.unwrap();
        assert_eq!((worst.line, worst.right_line), (2, 2));
        let statistic =
            crate::stat::chi2::test(crate::stat::Name::Chi2, &bins(&a), &bins(&b)).unwrap().statistic;
        assert!((statistic - chi2).abs() < 1e-12);
    }
}

fn bins(counts: &[f64]) -> Vec<super::Bin> {
    counts.iter().map(|count| super::Bin::new(*count, *count, *count)).collect()
}

#[test]
fn edges_and_what_is_no_histogram_are_compared_by_rules() {
    let rest =
        "[[files.rules]]\ncolumns = ['error', 'n2']\nmethod = 'ignore'\n[[files.histograms]]\nvalue = 'n'";
    let plan = plan(rest);
    let good = table(&[103.0, 48.0], 1.0);
    for (other, says) in [
        (good.replace("\n1 2", "\n1 3"), "column 2"),
        (table(&[103.0], 1.0), "rows"),
        (good.replace(" n ", " m "), "column 3 is named `n` and `m`"),
        (good.replace(" 48 ", " -48 "), "-48 is no content of a bin"),
        (good.replace(" 48 ", " x "), "no content of a bin"),
    ] {
        let comparison = compare(&good, &other, &plan);
        assert_eq!(comparison.verdict, Verdict::Differ, "{other} {comparison}");
        assert!(comparison.to_string().contains(says), "{says}: {comparison}");
    }
    let empty = table(&[0.0, 0.0], 1.0);
    assert_eq!(compare(&empty, &empty, &plan).reason, crate::Reason::Untested);
}

#[test]
fn several_histograms_share_the_significance() {
    let two = "[[files.rules]]\ncolumns = ['error']\nmethod = 'ignore'\n[[files.histograms]]\nvalue = 'n'\n\
               [[files.histograms]]\nvalue = 'n2'";
    let comparison = compare(&table(&[1000.0, 500.0], 1.0), &table(&[400.0, 900.0], 1.0), &plan(two));
    assert!(comparison.to_string().contains("/ 4 tests"), "{comparison}");
    assert_eq!(comparison.columns.iter().filter(|column| column.differing > 0).count(), 4);
}

#[test]
fn mistakes_in_a_spec() {
    let mistakes = |text: &str| -> Vec<String> {
        let spec: Spec = toml::from_str(&format!("[[files]]\nname = 'out'\n{text}")).unwrap();
        spec.check().into_iter().map(|mistake| mistake.key).collect()
    };
    let table = "format = 'table'\nstatistics = 'chi2'\n";
    for (text, keys) in [
        (table.to_owned(), &["files.0.histograms"][..]),
        ("format = 'table'\n[[files.histograms]]\nvalue = 1".into(), &["files.0.histograms"]),
        (
            "format = 'yoda'\nstatistics = 'ks'\n[[files.histograms]]\nvalue = 1".into(),
            &["files.0.histograms"],
        ),
        (format!("{table}order = 'set'\n[[files.histograms]]\nvalue = 1"), &["files.0.order"]),
        (format!("{table}[[files.histograms]]"), &["files.0.histograms.0.value"]),
        (format!("{table}[[files.histograms]]\nvalue = 'n'"), &["files.0.histograms.0.value"]),
        (
            format!("{table}header = true\n[[files.histograms]]\nvalue = 'n*'"),
            &["files.0.histograms.0.value"],
        ),
        (format!("{table}[[files.histograms]]\nvalue = 70000"), &["files.0.histograms.0.value"]),
        (
            format!("{table}[[files.histograms]]\nvalue = 1\n[[files.histograms]]\nvalue = 1"),
            &["files.0.histograms.1.value"],
        ),
    ] {
        assert_eq!(mistakes(&text), keys, "{text}");
    }
}

#[test]
fn a_column_that_is_not_there_is_said_before_it_matters() {
    let spec: Spec =
        toml::from_str(&format!("{SPEC}[[files.histograms]]\nvalue = 'm'\nerror = [9]")).unwrap();
    let sample = crate::SampleFile::bytes("out", table(&[5.0, 6.0], 1.0).into_bytes());
    let found: Vec<String> = spec.rehearse(&sample).unwrap().iter().map(ToString::to_string).collect();
    assert!(found[0].contains("`files.0.histograms.0`: \"m\" is no column of the sample"), "{found:?}");
    assert!(found[1].contains("9 is no column"), "{found:?}");
    let (plan, good) = (spec.plan().unwrap(), table(&[5.0, 6.0], 1.0));
    let comparison = compare(&good, &good, &plan);
    assert!(comparison.to_string().contains("no column \"m\""), "{comparison}");
}
