//! Megabytes per second of comparing two tables, both counted, on one core.
//!
//! `cargo run --release -p cobblestone-compare --example speed -- [MEGABYTES]`

#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::cast_precision_loss, reason = "a measurement")]

use std::io::Write as _;
use std::path::Path;

use compare::{File, Parsed, Spec};

/// A table of three numbers per line; each is off by up to `noise` of itself in every `every`-th line.
fn write(path: &Path, megabytes: usize, noise: f64, every: usize) {
    let mut out = std::io::BufWriter::new(std::fs::File::create(path).unwrap());
    let (mut written, mut line, mut state) = (0, 0_usize, 1_u64);
    while written < megabytes << 20 {
        let mut number = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 11) as f64 / (1_u64 << 53) as f64
        };
        let off = if line.is_multiple_of(every) { noise } else { 0.0 };
        let values = [number(), number() * 1e3, number() * 1e-8].map(|value| value * (1.0 + off));
        let text = format!("{line} {:.15e} {:.12} {:.9e}\n", values[0], values[1], values[2]);
        written += text.len();
        line += 1;
        out.write_all(text.as_bytes()).unwrap();
    }
}

/// Seconds that this process has had a core: other processes don't count.
fn seconds() -> f64 {
    let text = std::fs::read_to_string("/proc/self/schedstat").unwrap();
    text.split(' ').next().unwrap().parse::<f64>().unwrap() / 1e9
}

fn main() {
    let megabytes: usize = std::env::args().nth(1).map_or(200, |text| text.parse().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    write(&path("a"), megabytes, 0.0, 1);
    write(&path("all"), megabytes, 1e-13, 1);
    write(&path("few"), megabytes, 1e-9, 1000);
    let plan = Spec::numeric(0.0, 1e-6).plan().unwrap();
    let file = plan.file("out");
    for (what, other) in
        [("every number differs", "all"), ("one line in 1000 differs", "few"), ("equal", "a")]
    {
        let open = |name: &str| File::open(path(name), file.max_bytes() * 10).unwrap();
        let size = (open("a").length() + open(other).length()) as f64 / 1e6;
        let mut best = f64::INFINITY;
        for _ in 0..3 {
            let began = seconds();
            let comparison = file.compare_files(open("a"), open(other));
            best = best.min(seconds() - began);
            assert!(comparison.agrees(), "{comparison}");
        }
        println!("{what:30} side by side {:6.0} MB/s", size / best);
        let began = seconds();
        let (a, b) = (Parsed::read(open("a"), file).unwrap(), Parsed::read(open(other), file).unwrap());
        let read = seconds() - began;
        assert!(file.compare(&a, &b).agrees());
        let all = seconds() - began;
        let factor = (a.memory() + b.memory()) as f64 / (size * 1e6);
        println!(
            "{what:30} kept {:6.0} MB/s, memory {factor:.1} times the size; again {:6.0} MB/s",
            size / all,
            size / (all - read)
        );
    }
}
