//! Names of workunits and their files: `CAMPAIGN_JOB`, or `CAMPAIGN_KEY`.
//!
//! Invariant: a name made here is that of one file, has only letters, digits and `. _ -`, and fits `workunit.name`
//! with room for the numbers that results and output files get. BOINC's tables compare names without case.

use crate::draft::Refusal;

/// Longest key of a job, in characters: campaign (100), `_`, key and `_rN` fit `workunit.name` (191).
pub const LONGEST_KEY: usize = 80;

/// Checks a key: what a row calls its job.
///
/// # Errors
/// It can't be part of a file name.
pub fn check_key(key: &str) -> Result<(), Refusal> {
    let good = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    if key.is_empty() || key.len() > LONGEST_KEY || !key.bytes().all(good) {
        return Err(Refusal::new(
            "key",
            format!(
                "\"{}\" can't be part of a file name: use 1 to {LONGEST_KEY} letters, digits, `.`, `_` and `-`",
                boinc::printable::printable(key, 60)
            ),
        ));
    }
    Ok(())
}

/// Name of the workunit of a job. `retry` counts the attempts after the first one.
#[must_use]
pub fn workunit(campaign: &str, job: &str, retry: i32) -> String {
    if retry == 0 { format!("{campaign}_{job}") } else { format!("{campaign}_{job}_r{retry}") }
}

/// Name of the input file that a workunit has for itself.
#[must_use]
pub fn own_file(workunit: &str) -> String {
    format!("{workunit}.in")
}

/// The workunit that a file of the download folder belongs to, if it is one that a campaign of that name makes: the
/// file itself, its `.md5`, its compressed twin, or what a killed writer left (`.NAME.in.PID`).
#[must_use]
pub fn owner_of<'f>(file: &'f str, campaign: &str) -> Option<&'f str> {
    let name = file.strip_prefix('.').unwrap_or(file);
    let (workunit, end) = name.rsplit_once(".in")?;
    let temporary = file.starts_with('.');
    let number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let known = ["", ".md5", ".gz", ".gz.md5"];
    let ours = if temporary {
        end.rsplit_once('.').is_some_and(|(kind, pid)| known.contains(&kind) && number(pid))
    } else {
        known.contains(&end)
    };
    let job = workunit.strip_prefix(campaign)?.strip_prefix('_')?;
    (ours && !job.is_empty()).then_some(workunit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_that_leave_the_folder_or_break_the_document_are_refused() {
        for good in ["0", "z.peak-1", "A_b", &"x".repeat(LONGEST_KEY)] {
            assert!(check_key(good).is_ok(), "{good}");
        }
        for bad in
            ["", "a/b", "../x", "a b", "<x>", "a&b", "ä", "a\0", "a\n", "'", &"x".repeat(LONGEST_KEY + 1)]
        {
            assert!(check_key(bad).is_err(), "{bad:?}");
        }
        let longest = workunit(&"c".repeat(100), &"k".repeat(LONGEST_KEY), 999);
        assert!(longest.len() <= boinc::input_template::MAX_NAME);
    }

    #[test]
    fn files_are_known_by_their_names() {
        for file in ["c_7.in", "c_7.in.md5", "c_7.in.gz", ".c_7.in.123", ".c_7.in.md5.123", ".c_7.in.gz.9"] {
            assert_eq!(owner_of(file, "c"), Some("c_7"), "{file}");
        }
        assert_eq!(owner_of("c_a.in.b.in", "c"), Some("c_a.in.b"));
        for other in ["c_7", "c_.in", "d_7.in", "c_7.in.old", ".c_7.in", "c7.in", ".c_7.in.x1"] {
            assert_eq!(owner_of(other, "c"), None, "{other}");
        }
    }
}
