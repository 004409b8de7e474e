//! What is fuzzed, and what must hold for every content: shared by the targets of cargo-fuzz and by tests/fuzz.rs.
//!
//! An input is a content; the partner is the content with a byte changed. Where the line `%%%%` stands in the input, it
//! parts two contents. Each is compared under every spec of the target. What must hold:
//! - nothing panics, and work and memory are bounded by the size of what is read;
//! - content agrees with itself, or is refused, or it is said that nothing can be said;
//! - the other way round gives the same verdict; kept and streamed content give the same verdict;
//! - no deviation is NaN, and one that is accepted is at most 1;
//! - a report has no control characters and is not long.

#![allow(clippy::panic, clippy::unwrap_used, clippy::expect_used, reason = "a broken promise has to be seen")]

use std::io::Read;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use compare::{Comparison, FilePlan, Parsed, Plan, SampleFile, Spec, Verdict};

/// A format or a source.
#[derive(Debug)]
pub struct Target {
    /// Its name.
    pub name: &'static str,
    /// What its file is declared as.
    specs: &'static [&'static str],
}

const RULES: &str = "[[files.rules]]\nrelative = 1e-6\nabsolute = 1e-9\n";

/// All of them.
pub const TARGETS: &[Target] = &[
    Target { name: "bytes", specs: &["min_bytes = 3", "skip_gzip_header = true"] },
    Target {
        name: "lines",
        specs: &[
            "format = 'lines'\nignore = ['^time']\nforbid = ['FATAL']",
            "format = 'lines'\norder = 'set'\nrequire = ['done']\nseverity = 'suspicious'",
        ],
    },
    Target {
        name: "table",
        specs: &[
            "format = 'table'\nRULES",
            "format = 'table'\nheader = true\nseparator = 'comma'\nunits = ['GeV']\nmissing = ['NA']\ncomment = '#'\nRULES",
            "format = 'table'\norder = 'key'\nkey = [1]\nRULES",
            "format = 'table'\norder = 'set'\n[[files.rules]]\nabsolute = 0.5\nperiod = 6.0",
            "format = 'table'\n[[files.rules]]\nmethod = 'ulps'\nulps = 4\nat_least = -1e3\ntrend = 'rising'\nseverity = 'suspicious'",
            "format = 'table'\n[[files.rules]]\nmethod = 'digits'\ndigits = 5\nnan = 'equal'\ninfinity = 'differ'",
            "format = 'table'\nstatistics = 'chi2_and_ks'\n[[files.histograms]]\nvalue = 2\n[[files.histograms]]\nvalue = 3\nerror = [4]",
        ],
    },
    Target {
        name: "key_value",
        specs: &[
            "format = 'key_value'\nRULES",
            "format = 'key_value'\norder = 'key'\nseparator = ':'\nRULES",
        ],
    },
    Target {
        name: "json",
        specs: &[
            "format = 'json'\nRULES",
            "format = 'json'\norder = 'key'\nRULES",
            "format = 'json'\norder = 'set'\nRULES",
        ],
    },
    Target { name: "xml", specs: &["format = 'xml'\nRULES", "format = 'xml'\norder = 'key'\nRULES"] },
    Target {
        name: "yoda",
        specs: &[
            "format = 'yoda'\norder = 'key'\nRULES",
            "format = 'yoda'\norder = 'key'\nstatistics = 'chi2_and_ks'",
        ],
    },
    Target { name: "npy", specs: &["format = 'npy'\nRULES", "format = 'npy'\norder = 'set'\nRULES"] },
    Target {
        name: "raw",
        specs: &[
            "format = 'raw'\nnumbers = 'f32_be'\nrow_values = 3\nRULES",
            "format = 'raw'\nnumbers = 'i64_le'\norder = 'key'\nkey = [1]\nrow_values = 2\nRULES",
            "format = 'raw'\nnumbers = 'i32_be'\nskip_bytes = 5\nRULES",
        ],
    },
    Target {
        name: "gzip",
        specs: &["format = 'table'\ncompression = 'gzip'\nRULES", "compression = 'auto'"],
    },
    Target {
        name: "zstd",
        specs: &["format = 'table'\ncompression = 'zstd'\nRULES", "compression = 'auto'"],
    },
    Target { name: "xz", specs: &["format = 'table'\ncompression = 'xz'\nRULES", "compression = 'auto'"] },
    Target {
        name: "zip",
        specs: &[
            "format = 'table'\narchive = 'zip'\nmember = 'b.dat'\nRULES",
            "format = 'npy'\narchive = 'zip'\nmember = 'x.npy'\nRULES",
        ],
    },
    Target {
        name: "tar",
        specs: &["format = 'table'\narchive = 'tar'\ncompression = 'auto'\nmember = 'first.dat'\nRULES"],
    },
];

/// Between two contents.
pub const PARTED: &[u8] = b"\n%%%%\n";

/// Largest content, unpacked, in bytes.
const LARGEST: u64 = 1 << 20;

struct Ready {
    text: String,
    spec: Spec,
    plan: Plan,
}

fn ready(name: &str) -> &'static [Ready] {
    static ALL: OnceLock<Vec<(&'static str, Vec<Ready>)>> = OnceLock::new();
    let all = ALL.get_or_init(|| {
        let of = |text: &&str| {
            let text =
                format!("[[files]]\nname = 'out'\nmax_bytes = {LARGEST}\n{}\n", text.replace("RULES", RULES));
            let spec: Spec = toml::from_str(&text).unwrap_or_else(|error| panic!("{text}{error}"));
            let plan = spec.plan().unwrap_or_else(|mistakes| panic!("{text}{mistakes:?}"));
            Ready { text, spec, plan }
        };
        TARGETS.iter().map(|target| (target.name, target.specs.iter().map(of).collect())).collect()
    });
    all.iter().find(|(known, _)| *known == name).map_or(&[], |(_, ready)| ready.as_slice())
}

/// Checks one input of a target.
///
/// # Panics
/// Something of what must hold does not.
pub fn run(name: &str, data: &[u8]) {
    let at = data.windows(PARTED.len()).position(|window| window == PARTED);
    let (left, right) = match at {
        Some(at) => (data[..at].to_vec(), data[at + PARTED.len()..].to_vec()),
        None => (data.to_vec(), changed(data)),
    };
    let specs = ready(name);
    assert!(!specs.is_empty(), "there is no target {name}");
    for ready in specs {
        both(ready, &left, &right);
    }
}

/// The same with one byte changed; which one and how, the content says.
fn changed(data: &[u8]) -> Vec<u8> {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for byte in data {
        hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
    }
    let mut changed = data.to_vec();
    let at = usize::try_from(hash >> 16).unwrap_or(0) % data.len().max(1);
    if let Some(byte) = changed.get_mut(at) {
        // A digit often stays one.
        *byte ^= 1 << (hash & 3);
    }
    changed
}

fn both(ready: &Ready, left: &[u8], right: &[u8]) {
    let file = ready.plan.file("out");
    let text = &ready.text;
    let is_packed = text.contains("compression") || text.contains("archive");
    let read = |bytes: &[u8]| {
        let parsed = Parsed::from_bytes(bytes.to_vec(), file);
        let most = if is_packed { LARGEST as usize } else { bytes.len() };
        assert!(parsed.memory() <= 256 * most + (256 << 10), "{} bytes for {most}: {text}", parsed.memory());
        parsed
    };
    let (a, b) = (read(left), read(right));
    itself(text, &a, file);
    let (forth, back) = (file.compare(&a, &b), file.compare(&b, &a));
    assert_eq!(forth.verdict, back.verdict, "{text}{forth} | {back}");
    sound(text, &forth);
    sound(text, &back);
    if !is_packed {
        let most = left.len().max(right.len()) as u64 + 1;
        assert!(forth.rows_compared <= most && forth.values_compared <= most, "{text}{forth:?}");
        let streamed = streamed(file, left, right);
        sound(text, &streamed);
        assert_eq!(forth.verdict, streamed.verdict, "{text}kept: {forth} | streamed: {streamed}");
    }
    let sample = SampleFile::bytes("out", left.to_vec());
    ready.spec.rehearse(&sample).expect("nothing but the content can be wrong");
    // Thousands of comparisons: for few contents, and small ones.
    if left.len() <= 48 && left.iter().fold(0_u8, |sum, byte| sum.wrapping_add(*byte)) < 8 {
        let _ = ready.spec.mutate(&sample);
    }
}

fn itself(text: &str, content: &Parsed, file: &FilePlan) {
    let compared = file.compare(content, content);
    sound(text, &compared);
    if content.check().is_err() {
        assert_eq!(compared.verdict, Verdict::Differ, "{text}{compared}");
    } else if !compared.agrees() {
        // An infinity that agrees with nothing, and what no test can be made of.
        let is_declared = text.contains("infinity") || text.contains("statistics");
        assert!(is_declared || compared.verdict == Verdict::CantSay, "{text}{compared}");
    }
}

/// What holds for every answer.
fn sound(text: &str, compared: &Comparison) {
    let deviations = compared.worst.iter().chain(compared.columns.iter().map(|column| &column.worst));
    for deviation in deviations {
        let units = deviation.in_tolerance_units;
        assert!(!units.is_nan() && units >= 0.0, "{text}{compared:?}");
        assert!(!compared.agrees() || units <= 1.0, "{text}{compared:?}");
    }
    let shown = compared.to_string();
    assert!(!shown.chars().any(char::is_control) && shown.len() < 2000, "{text}{shown:?}");
    serde_json::to_string(compared).expect("can be written as JSON");
}

/// Gives some bytes at a time, and counts how often it is asked.
struct Drops {
    bytes: Vec<u8>,
    at: usize,
    asked: Arc<AtomicU64>,
}

const DROP: usize = 61;

impl Read for Drops {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let count = rest.len().min(buffer.len()).min(DROP);
        buffer[..count].copy_from_slice(&rest[..count]);
        self.at += count;
        Ok(count)
    }
}

fn streamed(file: &FilePlan, left: &[u8], right: &[u8]) -> Comparison {
    let asked = Arc::new(AtomicU64::new(0));
    let open = |bytes: &[u8]| Box::new(Drops { bytes: bytes.to_vec(), at: 0, asked: Arc::clone(&asked) });
    let compared = file.compare_bytes(open(left), open(right));
    // Of a gzip header, a name is read byte by byte.
    let most = left.len() + right.len() + 100;
    assert!(asked.load(Ordering::Relaxed) <= most as u64, "{} reads", asked.load(Ordering::Relaxed));
    compared
}
