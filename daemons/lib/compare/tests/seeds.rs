//! Outputs of other seeds agree as often as is declared, whatever their weights are and however thin their bins; others don't.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "helpers of tests")]

mod common;

use std::fmt::Write as _;

use common::{of, plan};
use compare::{Comparison, Plan};

/// A generator of random numbers: splitmix64.
struct Random(u64);

impl Random {
    fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (((z ^ (z >> 31)) >> 11) as f64 + 0.5) / (1_u64 << 53) as f64
    }

    fn exponential(&mut self) -> f64 {
        -self.uniform().ln()
    }

    fn normal(&mut self) -> f64 {
        (2.0 * self.exponential()).sqrt() * (std::f64::consts::TAU * self.uniform()).cos()
    }
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Weights {
    One,
    /// Between ½ and 1½, times 10⁻³.
    Even,
    /// Logarithms are normal.
    Wild,
    /// One of eight is −1.
    Signed,
}

/// What is written, and how events are made.
#[derive(Debug, Clone, Copy)]
struct Job {
    seed: u64,
    events: usize,
    weights: Weights,
    /// Of the distribution of x.
    shift: f64,
    /// Of the means of y.
    raise: f64,
    /// y is a whole number.
    is_whole: bool,
    /// No columns but those of bins, and no totals.
    version: u32,
}

const JOB: Job = Job {
    seed: 0,
    events: 300,
    weights: Weights::One,
    shift: 0.0,
    raise: 0.0,
    is_whole: false,
    version: 2,
};

/// Σw, Σw², Σwx, Σwx², Σwy, Σwy², Σwxy, entries.
type Sums = [f64; 8];

/// Bins of x, of which the last ones run empty.
const BINS: usize = 10;

impl Job {
    fn weight(self, random: &mut Random) -> f64 {
        match self.weights {
            Weights::One => 1.0,
            Weights::Even => 1e-3 * (0.5 + random.uniform()),
            Weights::Wild => random.normal().exp(),
            Weights::Signed => if random.uniform() < 0.125 { -1.0 } else { 1.0 },
        }
    }

    /// Bins of x, with under- and overflow as the last two, and the total.
    fn bins(self) -> (Vec<Sums>, Sums) {
        let mut random = Random(self.seed.wrapping_mul(0x5851_f42d_4c95_7f2d));
        let (mut bins, mut total) = (vec![Sums::default(); BINS + 2], Sums::default());
        for _ in 0..self.events {
            let x = 1.3 * random.exponential() - 0.1 + self.shift;
            let spread = 4.0 * random.normal();
            let y = 20.0 + 2.0 * x + spread + self.raise;
            let y = if self.is_whole { (y / 8.0).round() } else { y };
            let w = self.weight(&mut random);
            let bin = if x < 0.0 { BINS } else { (x as usize).min(BINS + 1) };
            let bin = if x >= BINS as f64 { BINS + 1 } else { bin };
            let sums = [w, w * w, w * x, w * x * x, w * y, w * y * y, w * x * y, 1.0];
            for at in [&mut bins[bin], &mut total] {
                at.iter_mut().zip(sums).for_each(|(sum, more)| *sum += more);
            }
        }
        (bins, total)
    }

    /// A file of YODA: a histogram, one that is scaled to 1, a profile, and a counter.
    fn output(self) -> String {
        let (bins, total) = self.bins();
        let mut text = String::new();
        let norm = 1.0 / total[0];
        object(&mut text, "HISTO1D", "/A/h", self.version, &bins, &total, &[0, 1, 2, 3, 7], 1.0);
        object(&mut text, "HISTO1D", "/A/n", self.version, &bins, &total, &[0, 1, 2, 3, 7], norm);
        object(&mut text, "PROFILE1D", "/A/p", self.version, &bins, &total, &[0, 1, 2, 3, 4, 5, 7], 1.0);
        let (w, w2, n) = (total[0], total[1], total[7]);
        writeln!(text, "BEGIN YODA_COUNTER_V2 /A/c\n---\n# sumW\t sumW2\t numEntries\n{w:e}\t{w2:e}\t{n:e}").unwrap();
        text + "END YODA_COUNTER_V2\n"
    }

    /// A table with weights and their errors.
    fn table(self) -> String {
        let (bins, _) = self.bins();
        let row = |(bin, sums): (usize, &Sums)| format!("{bin} {:e} {:e}\n", sums[0], sums[1].sqrt());
        bins.iter().enumerate().map(row).collect()
    }
}

const NAMES: [&str; 8] = ["sumw", "sumw2", "sumwx", "sumwx2", "sumwy", "sumwy2", "sumwxy", "numEntries"];

#[expect(clippy::too_many_arguments, reason = "a helper")]
fn object(
    text: &mut String,
    kind: &str,
    path: &str,
    version: u32,
    bins: &[Sums],
    total: &Sums,
    columns: &[usize],
    scale: f64,
) {
    let values = |sums: &Sums| -> String {
        let scaled = |at: &usize| match at {
            1 => sums[1] * scale * scale,
            7 => sums[7],
            at => sums[*at] * scale,
        };
        columns.iter().map(|at| format!("\t{:.6e}", scaled(at))).collect()
    };
    writeln!(text, "BEGIN YODA_{kind}_V{version} {path}\nPath: {path}").unwrap();
    if scale != 1.0 {
        writeln!(text, "ScaledBy: {scale:e}").unwrap();
    }
    let names: Vec<&str> = columns.iter().map(|at| NAMES[*at]).collect();
    let names = names.join("\t ");
    writeln!(text, "---\n# Mean: 1").unwrap();
    let (bins, flows) = bins.split_at(BINS);
    if version == 2 {
        writeln!(text, "# ID\t ID\t {names}").unwrap();
        for (name, sums) in [("Total   ", total), ("Underflow", &flows[0]), ("Overflow", &flows[1])] {
            writeln!(text, "{name}\t{name}{}", values(sums)).unwrap();
        }
        writeln!(text, "# xlow\t xhigh\t {names}").unwrap();
        for (bin, sums) in bins.iter().enumerate() {
            writeln!(text, "{bin}.0\t{}.0{}", bin + 1, values(sums)).unwrap();
        }
    } else {
        let names = names.replace("sumwx2", "sumW2(A1)").replace("sumwx", "sumW(A1)");
        let names = names.replace("sumwy2", "sumW2(A2)").replace("sumwy", "sumW(A2)").replace("sumw", "sumW");
        writeln!(text, "Edges(A1): [0, 1, 2, 3]\n# {names}").unwrap();
        for sums in [&flows[0]].into_iter().chain(bins).chain([&flows[1]]) {
            writeln!(text, "{}", values(sums).trim_start()).unwrap();
        }
    }
    writeln!(text, "END YODA_{kind}_V{version}").unwrap();
}

fn spec(statistics: &str, significance: f64, more: &str) -> Plan {
    plan(&format!(
        "[[files]]\nname = 'out'\nformat = 'yoda'\norder = 'key'\nstatistics = '{statistics}'\nsignificance = {significance}\n{more}"
    ))
}

fn compared(left: &str, right: &str, plan: &Plan) -> Comparison {
    of(left.as_bytes(), right.as_bytes(), plan)
}

/// How many of so many pairs of seeds are told apart; some in words.
fn told_apart(pairs: u64, job: Job, plan: &Plan, output: impl Fn(Job) -> String) -> (u64, String) {
    let (mut count, mut said) = (0, String::new());
    for pair in 0..pairs {
        let (a, b) = (Job { seed: 2 * pair + 1, ..job }, Job { seed: 2 * pair + 2, ..job });
        let comparison = compared(&output(a), &output(b), plan);
        if !comparison.agrees() {
            count += 1;
            write!(said, "{comparison}").unwrap();
        }
    }
    (count, said)
}

const STATISTICS: [&str; 3] = ["chi2", "ks", "chi2_and_ks"];

/// `significance` of 400 is 20, with a deviation of 4.4.
const MOST_OF_400: u64 = 33;

#[test]
fn profiles_with_thin_bins_are_told_apart_no_more_often_than_declared() {
    for is_whole in [false, true] {
        for (events, version) in [(30, 2), (300, 2), (300, 3)] {
            let job = Job { events, version, is_whole, ..JOB };
            let (count, said) = told_apart(400, job, &spec("chi2", 0.05, ""), Job::output);
            assert!(count <= MOST_OF_400, "{job:?}: {count}\n{said}");
            // Expected: 0.4 of 400.
            let (count, said) = told_apart(400, job, &spec("chi2", 0.001, ""), Job::output);
            assert!(count <= 3, "{job:?}: {count}\n{said}");
        }
    }
}

#[test]
fn weights_of_any_kind_are_told_apart_no_more_often_than_declared() {
    for weights in [Weights::One, Weights::Even, Weights::Wild, Weights::Signed] {
        for statistics in STATISTICS {
            let job = Job { weights, events: 1000, ..JOB };
            let (count, said) = told_apart(400, job, &spec(statistics, 0.05, ""), Job::output);
            assert!(count <= MOST_OF_400, "{statistics} {job:?}: {count}\n{said}");
        }
    }
}

#[test]
fn tables_with_errors_are_told_apart_no_more_often_than_declared() {
    let plan = plan(
        "[[files]]\nname = 'out'\nformat = 'table'\nstatistics = 'chi2'\nsignificance = 0.05\n[[files.histograms]]\nvalue = 2\nerror = [3]",
    );
    for weights in [Weights::Even, Weights::Wild, Weights::Signed] {
        let (count, said) = told_apart(400, Job { weights, ..JOB }, &plan, Job::table);
        assert!(count <= MOST_OF_400, "{weights:?}: {count}\n{said}");
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

/// Changes the values of the columns of one object.
fn changed(text: &str, path: &str, change: impl Fn(&str, f64) -> f64) -> String {
    let (mut is_open, mut names, mut new) = (false, Vec::new(), String::new());
    for line in text.lines() {
        is_open = if line.starts_with("BEGIN") { line.ends_with(path) } else { is_open };
        if is_open && line.contains("sumw") {
            names = line.trim_start_matches("# ").split("\t ").map(str::to_owned).collect();
        }
        let words: Vec<&str> = line.split('\t').collect();
        if !is_open || words.len() != names.len() || line.starts_with('#') {
            writeln!(new, "{line}").unwrap();
            continue;
        }
        let value = |(name, word): (&String, &&str)| match word.parse::<f64>() {
            Ok(value) if name.starts_with("sum") || name == "numEntries" => {
                format!("{:e}", change(name, value))
            }
            _ => (*word).to_owned(),
        };
        let words: Vec<String> = names.iter().zip(&words).map(value).collect();
        writeln!(new, "{}", words.join("\t")).unwrap();
    }
    new
}

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
                    assert!(!comparison.agrees() && text.contains(says), "{statistics} {job:?} {says}: {text}");
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
fn totals_and_what_rules_name_count_too() {
    let job = Job { events: 5000, ..JOB };
    let (good, other) = (Job { seed: 1, ..job }.output(), Job { seed: 2, ..job }.output());
    let line = |text: &str, begins: &str| text.lines().find(|line| line.starts_with(begins)).unwrap().to_owned();
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
