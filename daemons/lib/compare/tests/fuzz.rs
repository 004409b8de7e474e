//! The fuzz targets on changed seeds, with the stable compiler: what a longer run of cargo-fuzz finds, this finds again.
//!
//! The same changes on each run, so many for each target. COBBLESTONE_FUZZ_RUNS=N makes N instead, COBBLESTONE_SEED=N
//! other ones. A failure is shown with the input that made it.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

#[path = "../fuzz/src/lib.rs"]
mod targets;

/// Inputs for each target.
const RUNS: usize = 600;
/// Longest input, in bytes.
const LONGEST: usize = 4096;

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

/// splitmix64
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: usize) -> usize {
        usize::try_from(self.next() % n.max(1) as u64).unwrap()
    }
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz")
}

fn seeds(name: &str) -> Vec<Vec<u8>> {
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder().join("seeds").join(name))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    paths.iter().map(|path| std::fs::read(path).unwrap()).collect()
}

fn words() -> Vec<Vec<u8>> {
    let text = std::fs::read_to_string(folder().join("words.dict")).unwrap();
    let bare = |line: &str| {
        let word = line.strip_prefix('"').unwrap().strip_suffix('"').unwrap();
        word.replace("\\x0a", "\n").replace("\\\"", "\"").replace("\\\\", "\\").into_bytes()
    };
    text.lines().map(bare).collect()
}

/// Changes one thing.
fn change(random: &mut Random, input: &mut Vec<u8>, seeds: &[Vec<u8>], words: &[Vec<u8>]) {
    let at = random.below(input.len());
    let end = (at + 1 + random.below(16)).min(input.len());
    match random.below(9) {
        0 if !input.is_empty() => input[at] ^= 1 << random.below(8),
        1 if !input.is_empty() => input[at] = random.next().to_le_bytes()[0],
        2 => drop(input.drain(at..end)),
        3 => {
            let piece = input[at..end].to_vec();
            input.splice(at..at, piece.repeat(1 + random.below(4)));
        }
        4 => {
            let word = &words[random.below(words.len())];
            input.splice(at..at, word.iter().copied());
        }
        5 => input.truncate(at),
        6 => {
            let other = &seeds[random.below(seeds.len())];
            let from = random.below(other.len());
            input.splice(at..end, other[from..].iter().copied());
        }
        7 => {
            let (other, seed) = (input.clone(), seeds[random.below(seeds.len())].clone());
            let second = if random.below(2) == 0 { other } else { seed };
            input.extend_from_slice(targets::PARTED);
            input.extend_from_slice(&second);
        }
        _ => {
            let digits: Vec<usize> = (0..input.len()).filter(|at| input[*at].is_ascii_digit()).collect();
            if let Some(at) = digits.get(random.below(digits.len())) {
                input[*at] = b'0' + random.next().to_le_bytes()[0] % 10;
            }
        }
    }
    input.truncate(LONGEST);
}

fn fuzz(name: &str) {
    let (seeds, words) = (seeds(name), words());
    assert!(!seeds.is_empty());
    let runs = number("COBBLESTONE_FUZZ_RUNS").and_then(|runs| usize::try_from(runs).ok()).unwrap_or(RUNS);
    let mut random = Random(number("COBBLESTONE_SEED").unwrap_or(1));
    for run in 0..runs {
        let mut input = seeds[run % seeds.len()].clone();
        if run >= seeds.len() {
            for _ in 0..=random.below(5) {
                change(&mut random, &mut input, &seeds, &words);
            }
        }
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| targets::run(name, &input))) {
            eprintln!("target {name}, input number {run}: {}", input.escape_ascii());
            std::panic::resume_unwind(panic);
        }
    }
}

macro_rules! fuzzed {
    ($($name:ident)*) => {
        $(#[test]
        fn $name() {
            fuzz(stringify!($name));
        })*

        #[test]
        fn every_target_has_a_test_and_a_program_for_cargo_fuzz() {
            let tested: BTreeSet<&str> = [$(stringify!($name)),*].into();
            let known: BTreeSet<&str> = targets::TARGETS.iter().map(|target| target.name).collect();
            assert_eq!(tested, known);
            let manifest = std::fs::read_to_string(folder().join("Cargo.toml")).unwrap();
            for name in known {
                let program = std::fs::read_to_string(folder().join(format!("fuzz_targets/{name}.rs"))).unwrap();
                assert!(program.contains(&format!("targets::run(\"{name}\", data)")), "{name}");
                assert!(manifest.contains(&format!("path = \"fuzz_targets/{name}.rs\"")), "{name}");
            }
        }
    };
}

fuzzed! { bytes lines table key_value json xml yoda npy raw gzip zstd xz zip tar }

#[test]
fn a_broken_promise_is_found() {
    // A target that is not there: so that it is seen that inputs reach the checks.
    assert!(catch_unwind(|| targets::run("nothing", b"1")).is_err());
    let mut random = Random(1);
    let (seeds, words) = (seeds("table"), words());
    let changed: BTreeSet<Vec<u8>> = (0..100)
        .map(|_| {
            let mut input = seeds[0].clone();
            change(&mut random, &mut input, &seeds, &words);
            input
        })
        .collect();
    assert!(changed.len() > 50, "{}", changed.len());
}
