//! Other objects than histograms and profiles of one axis.

use std::fmt::Write as _;

use compare::{SampleFile, Spec};

use crate::job::{EXAMPLE, JOB, Job, NAMES, Random, STATISTICS, changed, compared, spec};

#[test]
fn empty_in_one_is_no_fault_of_rare_histograms() {
    // Rivet writes no factor for an empty histogram that it can't normalise.
    let object = |scale: &str, sums: &str| {
        format!(
            "BEGIN YODA_HISTO1D_V2 /r\nPath: /r\n{scale}Title: t\n---\n# xlow\txhigh\tsumw\tsumw2\tnumEntries\n0\t1\t{sums}\nEND YODA_HISTO1D_V2\n"
        )
    };
    let full = Job { events: 3000, ..JOB };
    let good = Job { seed: 1, ..full }.output() + &object("", "0\t0\t0");
    let plan = spec("chi2_and_ks", 0.001, "");
    for (scale, sums, agrees) in [
        ("ScaledBy: 2e-3\n", "1\t1\t1", true),
        ("ScaledBy: 2e-3\n", "1\t0.5\t2", true),
        ("ScaledBy: 2e-3\n", "1\t0.01\t100", false),
        ("", "3\t3\t3", true),
        ("", "nan\tnan\t1", false),
    ] {
        let other = Job { seed: 2, ..full }.output() + &object(scale, sums);
        for comparison in [compared(&good, &other, &plan), compared(&other, &good, &plan)] {
            assert_eq!(comparison.agrees(), agrees, "{scale} {sums} {comparison}");
        }
    }
}

#[test]
fn thin_points_of_a_scatter_say_nothing_and_claimed_errors_are_found() {
    let scatter = |points: &dyn Fn(usize) -> (f64, f64)| {
        let mut text =
            "BEGIN YODA_SCATTER2D_V2 /s\n---\n# xval\txerr-\txerr+\tyval\tyerr-\tyerr+\n".to_owned();
        for x in 0..20 {
            let (y, error) = points(x);
            writeln!(text, "{x}\t0.5\t0.5\t{y}\t{error}\t{error}").unwrap();
        }
        text + "END YODA_SCATTER2D_V2\n"
    };
    let plan = spec("chi2", 0.001, "");
    let good = scatter(&|x| (x as f64 + 5.0, 0.5));
    // Two points have one entry, so no error.
    let thin = scatter(&|x| if x < 2 { (9.0, 0.0) } else { (x as f64 + 5.2, 0.6) });
    let exact = scatter(&|x| (x as f64 + 5.0, 0.0));
    let near = scatter(&|x| (x as f64 + 5.1, 0.0));
    let wide = scatter(&|x| (100.0 - x as f64, 1e15));
    let none = scatter(&|x| (x as f64 * 7.0, 0.0));
    for (other, agrees) in [(&thin, true), (&exact, false), (&wide, false), (&none, false)] {
        for comparison in [compared(&good, other, &plan), compared(other, &good, &plan)] {
            assert_eq!(comparison.agrees(), agrees, "{comparison}");
        }
    }
    assert!(!compared(&exact, &near, &plan).agrees() && !compared(&exact, &none, &plan).agrees());
}

#[test]
fn histograms_of_two_axes_are_tested_too() {
    let output = |seed: u64, mix: f64| {
        let (mut random, mut bins) = (Random(seed * 77), [[0.0; 8]; 4]);
        for _ in 0..4000 {
            let (x, y) = (2.0 * random.uniform(), 2.0 * random.uniform());
            let y = if random.uniform() < mix { x } else { y };
            let bin = x as usize * 2 + y as usize;
            let sums = [1.0, 1.0, x, x * x, y, y * y, x * y, 1.0];
            bins[bin].iter_mut().zip(sums).for_each(|(sum, more)| *sum += more);
        }
        let mut text = "BEGIN YODA_HISTO2D_V2 /hh\n---\n# xlow\t xhigh\t ylow\t yhigh\t ".to_owned()
            + &NAMES.join("\t ")
            + "\n";
        for (bin, sums) in bins.iter().enumerate() {
            let (x, y) = (bin / 2, bin % 2);
            let sums: Vec<String> = sums.iter().map(|sum| format!("{sum:.6e}")).collect();
            writeln!(text, "{x}\t{}\t{y}\t{}\t{}", x + 1, y + 1, sums.join("\t")).unwrap();
        }
        text + "END YODA_HISTO2D_V2\n"
    };
    for statistics in STATISTICS {
        let plan = spec(statistics, 0.001, "");
        for seed in 1..40 {
            let comparison = compared(&output(seed, 0.0), &output(seed + 100, 0.0), &plan);
            assert!(comparison.agrees(), "{comparison}");
        }
        assert!(!compared(&output(1, 0.0), &output(2, 0.2), &plan).agrees());
        let (good, other) = (output(1, 0.0), output(2, 0.0));
        let bad = changed(&other, "/hh", |name, value| if name == "sumwxy" { 1e30 } else { value });
        let text = compared(&good, &bad, &plan).to_string();
        assert!(text.contains("covariance of x and y"), "{text}");
        let spec: Spec = toml::from_str(&EXAMPLE.replace("chi2_and_ks", statistics)).unwrap();
        let mutation = spec.mutate(&SampleFile::bytes("out", good.into_bytes())).unwrap();
        assert_eq!(mutation.unprotected().count(), 0, "{mutation:#?}");
    }
}
