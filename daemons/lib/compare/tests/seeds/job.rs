//! A simulation that writes files of YODA and tables, and what compares them.

use std::fmt::Write as _;

use compare::{Comparison, Plan};

use crate::common::{of, plan};

/// A generator of random numbers: splitmix64.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (((z ^ (z >> 31)) >> 11) as f64 + 0.5) / (1_u64 << 53) as f64
    }

    pub(crate) fn exponential(&mut self) -> f64 {
        -self.uniform().ln()
    }

    pub(crate) fn normal(&mut self) -> f64 {
        (2.0 * self.exponential()).sqrt() * (std::f64::consts::TAU * self.uniform()).cos()
    }
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Weights {
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
pub(crate) struct Job {
    pub(crate) seed: u64,
    pub(crate) events: usize,
    pub(crate) weights: Weights,
    /// Of the distribution of x.
    pub(crate) shift: f64,
    /// Of the means of y.
    pub(crate) raise: f64,
    /// y is a whole number.
    pub(crate) is_whole: bool,
    /// No columns but those of bins, and no totals.
    pub(crate) version: u32,
}

pub(crate) const JOB: Job =
    Job { seed: 0, events: 300, weights: Weights::One, shift: 0.0, raise: 0.0, is_whole: false, version: 2 };

/// Σw, Σw², Σwx, Σwx², Σwy, Σwy², Σwxy, entries.
pub(crate) type Sums = [f64; 8];

/// Bins of x, of which the last ones run empty.
pub(crate) const BINS: usize = 10;

impl Job {
    pub(crate) fn weight(self, random: &mut Random) -> f64 {
        match self.weights {
            Weights::One => 1.0,
            Weights::Even => 1e-3 * (0.5 + random.uniform()),
            Weights::Wild => random.normal().exp(),
            Weights::Signed => {
                if random.uniform() < 0.125 {
                    -1.0
                } else {
                    1.0
                }
            }
        }
    }

    /// Bins of x, with under- and overflow as the last two, and the total.
    pub(crate) fn bins(self) -> (Vec<Sums>, Sums) {
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
    pub(crate) fn output(self) -> String {
        let (bins, total) = self.bins();
        let mut text = String::new();
        let norm = 1.0 / total[0];
        object(&mut text, "HISTO1D", "/A/h", self.version, &bins, &total, &[0, 1, 2, 3, 7], 1.0);
        object(&mut text, "HISTO1D", "/A/n", self.version, &bins, &total, &[0, 1, 2, 3, 7], norm);
        object(&mut text, "PROFILE1D", "/A/p", self.version, &bins, &total, &[0, 1, 2, 3, 4, 5, 7], 1.0);
        let (w, w2, n) = (total[0], total[1], total[7]);
        writeln!(text, "BEGIN YODA_COUNTER_V2 /A/c\n---\n# sumW\t sumW2\t numEntries\n{w:e}\t{w2:e}\t{n:e}")
            .unwrap();
        text + "END YODA_COUNTER_V2\n"
    }

    /// A table with weights and their errors.
    pub(crate) fn table(self) -> String {
        let (bins, _) = self.bins();
        let row = |(bin, sums): (usize, &Sums)| format!("{bin} {:e} {:e}\n", sums[0], sums[1].sqrt());
        bins.iter().enumerate().map(row).collect()
    }
}

pub(crate) const NAMES: [&str; 8] =
    ["sumw", "sumw2", "sumwx", "sumwx2", "sumwy", "sumwy2", "sumwxy", "numEntries"];

#[expect(clippy::too_many_arguments, reason = "a helper")]
pub(crate) fn object(
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

pub(crate) fn spec(statistics: &str, significance: f64, more: &str) -> Plan {
    plan(&format!(
        "[[files]]\nname = 'out'\nformat = 'yoda'\norder = 'key'\nstatistics = '{statistics}'\nsignificance = {significance}\n{more}"
    ))
}

pub(crate) fn compared(left: &str, right: &str, plan: &Plan) -> Comparison {
    of(left.as_bytes(), right.as_bytes(), plan)
}

pub(crate) const STATISTICS: [&str; 3] = ["chi2", "ks", "chi2_and_ks"];

/// Changes the values of the columns of one object.
pub(crate) fn changed(text: &str, path: &str, change: impl Fn(&str, f64) -> f64) -> String {
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

/// As example 12 of the docs.
pub(crate) const EXAMPLE: &str =
    "[[files]]\nname = 'out'\nformat = 'yoda'\norder = 'key'\nstatistics = 'chi2_and_ks'\n";
