//! How fast two large tables are compared, beside numdiff and numpy where they are installed.
//!
//! Each program compares the same two files with a relative tolerance of 1e-6, on one core: four numbers per line, in
//! one pair all of them off in their last digits, in the other those of one line in a thousand. What counts is
//! processor time, with the start of the program: other programs on the machine then matter less. Both files count.

use std::fmt;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};

use crate::site::ticks;

/// For `--only`.
pub const NAME: &str = "compare";

/// Reads two files into memory as numbers, as fast as numpy can, and compares all.
const NUMPY: &str = "import sys, numpy\n\
    a, b = (numpy.fromstring(open(f).read(), sep=' ') for f in sys.argv[1:])\n\
    sys.exit(0 if numpy.allclose(a, b, rtol=1e-6, atol=0) else 1)";

/// One program on one pair of files.
#[derive(Debug)]
struct Measured {
    program: &'static str,
    pair: &'static str,
    /// Both files.
    megabytes: f64,
    /// Processor time of the fastest run.
    processor: f64,
    /// Time of the fastest run.
    seconds: f64,
}

/// All of it.
#[derive(Debug)]
pub struct Figures {
    measured: Vec<Measured>,
    absent: Vec<&'static str>,
}

/// Measures `runs` times with files of `megabytes` each.
pub fn measure(programs: &Path, megabytes: u32, runs: usize) -> Result<Figures> {
    let folder = tempfile::tempdir().context("can't make a folder for the files")?;
    let path = |name: &str| folder.path().join(name);
    let bytes = u64::from(megabytes) * 1_000_000;
    write(&path("a"), bytes, 0.0, 1)?;
    write(&path("all"), bytes, 1e-13, 1)?;
    write(&path("few"), bytes, 1e-9, 1000)?;
    let mut figures = Figures { measured: Vec::new(), absent: Vec::new() };
    for (program, command) in contestants(programs) {
        if !is_there(&command)? {
            figures.absent.push(program);
            continue;
        }
        for (pair, other) in [("every number differs", "all"), ("one line in 1000 differs", "few")] {
            let files = [path("a"), path(other)];
            figures.measured.push(one(program, pair, &command, &files, runs)?);
        }
    }
    Ok(figures)
}

type Contestant = (&'static str, Vec<String>);

/// Programs with their arguments; the files follow the word `FILES`.
fn contestants(programs: &Path) -> Vec<Contestant> {
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
    let ours = programs.join("cobblestone").display().to_string();
    vec![
        ("cobblestone compare", words(&[&ours, "compare", "FILES", "--relative", "1e-6"])),
        ("numdiff", words(&["numdiff", "-q", "-r", "1e-6", "FILES"])),
        ("numpy", words(&["python3", "-W", "ignore", "-c", NUMPY, "FILES"])),
    ]
}

fn command(words: &[String], files: &[PathBuf]) -> Command {
    let mut all = words.iter();
    let mut command = Command::new(all.next().map_or("", String::as_str));
    for word in all {
        match word.as_str() {
            "FILES" => command.args(files),
            word => command.arg(word),
        };
    }
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    // numpy's libraries would use all cores.
    command.env("OMP_NUM_THREADS", "1");
    command
}

/// Whether it can be started, and finds two files equal. Two: numdiff refuses one that is given twice.
fn is_there(words: &[String]) -> Result<bool> {
    let folder = tempfile::tempdir()?;
    let files = [folder.path().join("a"), folder.path().join("b")];
    for file in &files {
        std::fs::write(file, "1 2\n")?;
    }
    Ok(command(words, &files).status().is_ok_and(|status| status.success()))
}

fn one(
    program: &'static str,
    pair: &'static str,
    words: &[String],
    files: &[PathBuf],
    runs: usize,
) -> Result<Measured> {
    let mut megabytes = 0.0;
    for file in files {
        megabytes += std::fs::metadata(file)?.len() as f64 / 1e6;
    }
    let mut best = Measured { program, pair, megabytes, processor: f64::INFINITY, seconds: f64::INFINITY };
    for _ in 0..runs {
        let (began, before) = (Instant::now(), ticks(std::process::id())?.1);
        let status = command(words, files).status().with_context(|| format!("can't start {program}"))?;
        if !status.success() {
            bail!("{program} says that files differ which are within the tolerance ({pair}): {status}");
        }
        let processor = (ticks(std::process::id())?.1 - before) / crate::site::TICKS;
        best.processor = best.processor.min(processor);
        best.seconds = best.seconds.min(began.elapsed().as_secs_f64());
    }
    Ok(best)
}

/// Writes a table; in every `every`-th line, the numbers are off by `noise` of themselves.
fn write(path: &Path, bytes: u64, noise: f64, every: u64) -> Result<()> {
    let mut out = BufWriter::new(std::fs::File::create(path)?);
    let (mut written, mut line, mut state) = (0, 0_u64, 1_u64);
    while written < bytes {
        let off = if line.is_multiple_of(every) { noise } else { 0.0 };
        let mut number = |scale: f64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 11) as f64 / (1_u64 << 53) as f64 * scale * (1.0 + off)
        };
        let (a, b, c) = (number(1.0), number(1e3), number(1e-8));
        let text = format!("{line} {a:.15e} {b:.12} {c:.15e}\n");
        written += text.len() as u64;
        line += 1;
        out.write_all(text.as_bytes())?;
    }
    out.flush()?;
    Ok(())
}

impl Figures {
    /// For programs.
    pub fn json(&self) -> Value {
        let measured = self.measured.iter().map(|one| {
            json!({
                "program": one.program,
                "files": one.pair,
                "megabytes": one.megabytes,
                "processor_seconds": one.processor,
                "seconds": one.seconds,
                "megabytes_per_processor_second": one.megabytes / one.processor,
            })
        });
        json!({"measured": measured.collect::<Vec<_>>(), "not_installed": self.absent})
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:<20} {:<25} {:>8} {:>12} {:>10}", "program", "files", "MB", "MB / CPU s", "MB / s")?;
        for one in &self.measured {
            writeln!(
                f,
                "{:<20} {:<25} {:>8.0} {:>12.0} {:>10.0}",
                one.program,
                one.pair,
                one.megabytes,
                one.megabytes / one.processor,
                one.megabytes / one.seconds
            )?;
        }
        for absent in &self.absent {
            writeln!(f, "{absent}: not installed")?;
        }
        Ok(())
    }
}
