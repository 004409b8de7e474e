//! Names of folders and files in an application's dataset.
//!
//! ```text
//! FOLDER/APP/results/campaign=NAME/day=DAY/part-….parquet     one row per workunit with a canonical result
//! FOLDER/APP/failures/campaign=NAME/day=DAY/part-….parquet    one row per workunit that failed
//! FOLDER/APP/files/campaign=NAME/day=DAY/part-….parquet       one row per output file
//! FOLDER/APP/reviews/campaign=NAME/day=DAY/part-….parquet     one row per review
//! FOLDER/APP/data/TABLE/campaign=NAME/day=DAY/part-….parquet  content of output files
//! FOLDER/APP/outputs/CAMPAIGN/WORKUNIT/FILE                   output files of canonical results
//! FOLDER/APP/.staging/INSTANCE/…                              not for readers, see `staging`
//! ```
//!
//! Invariant: a name made by [`safe`] is one plain folder or file name, in ASCII, whatever it was made from, and
//! two different names stay different (but the empty one, which becomes `none`). Bytes that are not safe are
//! percent-encoded, which readers of Hive-style datasets decode again.

use std::fmt::Write as _;

use sha2::{Digest, Sha256};

/// Campaign of workunits that the work generator did not make.
pub const NO_CAMPAIGN: &str = "none";

/// The longest name that [`safe`] makes, in bytes. The dataset's paths must fit `cobblestone_dataset_file.path`.
pub const LONGEST: usize = 180;

/// `name` as a plain file name. See the module.
#[must_use]
pub fn safe(name: &str) -> String {
    if name.is_empty() {
        return NO_CAMPAIGN.to_owned();
    }
    let mut out = String::with_capacity(name.len());
    for (n, byte) in name.bytes().enumerate() {
        match byte {
            // No hidden files, no `.` and `..`.
            b'.' if n == 0 => out.push_str("%2E"),
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'_' | b'-' => out.push(char::from(byte)),
            _ => {
                let _ = write!(out, "%{byte:02X}");
            }
        }
    }
    if out.len() > LONGEST {
        let mut end = LONGEST - 17;
        // Not in the middle of a coded byte.
        while out.get(..end).and_then(|kept| kept.rfind('%')).is_some_and(|at| at + 3 > end) {
            end -= 1;
        }
        out.truncate(end);
        // A tilde is coded where it stands in a name: what is cut equals nothing else.
        out.push('~');
        for byte in Sha256::digest(name.as_bytes()).iter().take(8) {
            let _ = write!(out, "{byte:02x}");
        }
    }
    out
}

/// The name that an output file gets: its open name's last part, or the physical name if that one is not safe.
/// `taken` says which names are gone in this folder.
#[must_use]
pub fn output_name(open_name: &str, physical_name: &str, taken: impl Fn(&str) -> bool) -> String {
    // vboxwrapper's files have open names like `shared/out.dat`.
    let open = open_name.rsplit('/').next().unwrap_or_default();
    if !open.is_empty() && safe(open) == open && !taken(open) {
        return open.to_owned();
    }
    let physical = safe(physical_name);
    let mut name = physical.clone();
    let mut n = 1_u32;
    while taken(&name) {
        n += 1;
        name = format!("{physical}~{n}");
    }
    name
}

/// Folder of a partition, below the application's folder. `table` is `results` or `data/NAME`, `day` as in
/// `2026-11-20`.
#[must_use]
pub fn partition(table: &str, campaign: &str, day: &str) -> String {
    format!("{table}/campaign={}/day={day}", safe(campaign))
}

/// Folder of a workunit's output files, below the application's folder.
#[must_use]
pub fn outputs_folder(campaign: &str, workunit: &str) -> String {
    format!("outputs/{}/{}", safe(campaign), safe(workunit))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn plain_names_stay_and_hostile_ones_are_coded() {
        for (name, wanted) in [
            ("theory", "theory"),
            ("theory_1.0-b", "theory_1.0-b"),
            ("", "none"),
            (".", "%2E"),
            ("..", "%2E."),
            ("../../etc/passwd", "%2E.%2F..%2Fetc%2Fpasswd"),
            ("a=b", "a%3Db"),
            ("a,b c", "a%2Cb%20c"),
            ("Zürich", "Z%C3%BCrich"),
            ("a\0\n", "a%00%0A"),
            ("100%", "100%25"),
        ] {
            assert_eq!(safe(name), wanted);
        }
    }

    #[test]
    fn long_names_are_cut_and_stay_different() {
        let (a, b) = ("ü".repeat(90) + "a", "ü".repeat(90) + "b");
        assert_ne!(safe(&a), safe(&b));
        assert_eq!(safe(&"x".repeat(LONGEST)), "x".repeat(LONGEST));
        let cut = safe(&a);
        assert!(cut.split('%').skip(1).all(|part| part.len() >= 2), "{cut}");
    }

    #[test]
    fn output_files_are_called_by_their_open_names() {
        let free = |_: &str| false;
        assert_eq!(output_name("out.yoda", "wu_0_r1_0", free), "out.yoda");
        assert_eq!(output_name("shared/out.yoda", "wu_0_r1_0", free), "out.yoda");
        for unsafe_name in ["", ".", "..", "a b", "x/", "../..", ".hidden", "a\0"] {
            assert_eq!(output_name(unsafe_name, "wu_0_r1_0", free), "wu_0_r1_0", "{unsafe_name:?}");
        }
        assert_eq!(output_name("out", "wu_0_r1_0", |name| name == "out"), "wu_0_r1_0");
        assert_eq!(output_name("out", "wu", |name| name == "out" || name == "wu"), "wu~2");
    }

    proptest! {
        #[test]
        fn a_safe_name_is_one_plain_component(name in any::<String>(), odd in "[./%\\\\~\0= -]{0,90}") {
            for name in [name, odd] {
                let safe = safe(&name);
                prop_assert!(boinc::hierarchy::check_name(&safe).is_ok() && safe.len() <= LONGEST);
                prop_assert!(safe.is_ascii() && !safe.starts_with('.'));
                if !safe.contains('~') && !name.is_empty() {
                    prop_assert_eq!(decode(&safe), name.into_bytes());
                }
            }
        }
    }

    fn decode(text: &str) -> Vec<u8> {
        let mut out = Vec::new();
        let mut bytes = text.bytes();
        while let Some(byte) = bytes.next() {
            if byte == b'%' {
                let hex = [bytes.next().unwrap(), bytes.next().unwrap()];
                out.push(u8::from_str_radix(std::str::from_utf8(&hex).unwrap(), 16).unwrap());
            } else {
                out.push(byte);
            }
        }
        out
    }
}
