//! What the volunteers' machines compute: real numbers that really differ between machines.
//!
//! A job is a seed and a number of events (see [`Job::parse`]). Its output is a text table with
//! - π by the Leibniz series, at every hundredth term: the textbook case of a sum whose digits depend on
//!   precision, order and fused operations;
//! - a histogram of transverse momentum and the mean and width of it, from a small Monte Carlo event generator.
//!
//! [`Platform`] says how a machine computes. The generator draws its events the same way on every machine
//! (integer arithmetic), and an event falls into the same bin everywhere; what differs is how the weights
//! are rounded and added up. So any two platforms agree within [`TOLERANCE`] (tested over many seeds),
//! though their files often differ in bytes. Deterministic: the same job on the same platform
//! gives the same bytes.

mod generator;
mod leibniz;

use std::fmt::Write as _;

/// Relative tolerance within which the outputs of honest machines agree.
pub const TOLERANCE: f64 = 1e-5;
/// A job with more events is cut to this many; keeps a hostile or mistyped input from stopping the sandbox.
pub const MAX_EVENTS: u32 = 50_000;

/// Floating-point type that the application was built with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Precision {
    #[allow(missing_docs)]
    F32,
    #[allow(missing_docs)]
    F64,
}

/// How a machine computes: processor and compiler.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Platform {
    #[allow(missing_docs)]
    pub precision: Precision,
    /// Sums run from the last term to the first, as a vectorizing compiler may order them.
    pub backwards: bool,
    /// Multiply and add in one rounding (FMA).
    pub fused: bool,
}

impl Platform {
    /// All of them.
    pub const ALL: [Self; 8] = {
        const fn of(precision: Precision, backwards: bool, fused: bool) -> Platform {
            Platform { precision, backwards, fused }
        }
        [
            of(Precision::F64, false, false),
            of(Precision::F64, false, true),
            of(Precision::F64, true, false),
            of(Precision::F64, true, true),
            of(Precision::F32, false, false),
            of(Precision::F32, false, true),
            of(Precision::F32, true, false),
            of(Precision::F32, true, true),
        ]
    };
}

/// What one workunit asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Job {
    /// Seed of the generator.
    pub seed: u64,
    /// Events to generate.
    pub events: u32,
}

impl Job {
    /// Reads a job from an input file: the first number after a key that ends in `seed`, and after one that
    /// ends in `events` (upper or lower case; `=`, `:`, space, quotes or tags between). What is missing comes
    /// from the workunit's name, or is 1 000 events, so that every file is a job.
    #[must_use]
    pub fn parse(input: &str, workunit: &str) -> Self {
        let seed =
            number_after(input, "seed").unwrap_or_else(|| crate::rng::Rng::named(0, workunit).bits() >> 40);
        let events = number_after(input, "events").unwrap_or(1000);
        Self { seed, events: u32::try_from(events).unwrap_or(MAX_EVENTS).min(MAX_EVENTS) }
    }
}

fn number_after(text: &str, key: &str) -> Option<u64> {
    let lower = text.to_ascii_lowercase();
    lower.match_indices(key).find_map(|(at, _)| {
        let rest = lower.get(at + key.len()..)?;
        // A few separators, then digits: `seed=12`, `"seed": 12`, `<seed>12`, `nevents 500`.
        let digits = rest.trim_start_matches([' ', '\t', '=', ':', '"', '\'', '>']);
        let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
        digits.get(..end)?.parse().ok()
    })
}

/// The output file of a job on a platform.
#[must_use]
pub fn output(job: Job, platform: Platform) -> String {
    let mut text = String::new();
    let digits = match platform.precision {
        Precision::F32 => 8,
        Precision::F64 => 15,
    };
    let mut line = |number: f64, value: f64| {
        let _ = writeln!(text, "{number} {value:.digits$e}");
    };
    for (terms, value) in leibniz::pi(leibniz_terms(job), platform) {
        line(f64::from(terms), value);
    }
    let histogram = generator::run(job, platform);
    for (low_edge, weight) in histogram.bins() {
        line(low_edge, weight);
    }
    line(0.0, histogram.total());
    line(1.0, histogram.mean());
    line(2.0, histogram.width());
    text
}

/// 1 000 terms as in the literature on heterogeneous machines, a few more for some seeds.
fn leibniz_terms(job: Job) -> u32 {
    1000 + 100 * u32::try_from(job.seed % 6).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(text: &str) -> Vec<f64> {
        text.split_whitespace().map(|word| word.parse().unwrap()).collect()
    }

    #[test]
    fn a_job_on_a_platform_always_gives_the_same_bytes() {
        let job = Job { seed: 42, events: 2000 };
        for platform in Platform::ALL {
            assert_eq!(output(job, platform), output(job, platform));
        }
        assert_ne!(output(job, Platform::ALL[0]), output(Job { seed: 43, events: 2000 }, Platform::ALL[0]));
    }

    #[test]
    fn platforms_agree_within_the_tolerance_but_not_in_bytes() {
        let (mut pairs, mut different) = (0, 0);
        for seed in 0..60_u64 {
            let job =
                Job { seed: seed * 7919, events: [1, 50, 1000, 5000][usize::try_from(seed % 4).unwrap()] };
            let outputs: Vec<String> = Platform::ALL.iter().map(|p| output(job, *p)).collect();
            let tables: Vec<Vec<f64>> = outputs.iter().map(|text| numbers(text)).collect();
            for a in 0..outputs.len() {
                for b in 0..a {
                    pairs += 1;
                    different += i32::from(outputs[a] != outputs[b]);
                    assert_eq!(tables[a].len(), tables[b].len());
                    for (x, y) in tables[a].iter().zip(&tables[b]) {
                        assert!(x.is_finite());
                        let error = (x - y).abs();
                        // Half of the tolerance, so that a third machine between them agrees with both.
                        assert!(
                            error <= 0.5 * TOLERANCE * x.abs().max(y.abs()),
                            "seed {seed}: {x} and {y} on {:?} and {:?}",
                            Platform::ALL[a],
                            Platform::ALL[b]
                        );
                    }
                }
            }
        }
        assert!(different * 2 > pairs, "only {different} of {pairs} pairs differ in bytes");
    }

    #[test]
    fn pi_is_pi() {
        let table = numbers(&output(Job { seed: 0, events: 1 }, Platform::ALL[0]));
        assert_eq!(table[0], 100.0);
        assert!((table[19] - std::f64::consts::PI).abs() < 1.1e-3, "{}", table[19]);
    }

    #[test]
    fn jobs_are_read_from_many_kinds_of_file() {
        let want = Job { seed: 17, events: 500 };
        for text in ["seed=17\nevents=500\n", "SEED: 17\nnevents 500", r#"{"seed": 17, "n_events": 500}"#] {
            assert_eq!(Job::parse(text, "w"), want, "{text}");
        }
        assert_eq!(Job::parse("# the seed of all\nseed = 17\nEVENTS='500'", "w"), want);
        assert_eq!(Job::parse("", "w"), Job::parse("", "w"));
        assert_ne!(Job::parse("", "w").seed, Job::parse("", "v").seed);
        assert_eq!(Job::parse("events=99999999999999", "w").events, MAX_EVENTS);
    }
}
