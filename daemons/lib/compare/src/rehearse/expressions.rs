//! Regular expressions that never match a sample, or skip all of it.

use super::Findings;
use crate::format::Input;
use crate::plan::FilePlan;
use crate::report::shown;
use crate::source::{Again, Trouble};
use crate::spec::FileSpec;

/// Most bytes of a sample in which expressions are looked for.
const LOOKED_AT: u64 = 100 << 20;

/// What lines of the sample become.
#[derive(Default)]
struct Lines {
    comments: u64,
    /// Neither comments nor skipped, and not empty.
    content: u64,
    /// Of these.
    ignored: u64,
}

pub(super) fn look(
    spec: &FileSpec,
    prefix: &str,
    file: &FilePlan,
    again: &Again,
    findings: &mut Findings,
) -> Result<(), Trouble> {
    let compiled = |pattern: &String| Some((pattern.clone(), regex::bytes::Regex::new(pattern).ok()?));
    let ignore: Vec<_> = spec.ignore.iter().filter_map(compiled).collect();
    let require: Vec<_> = spec.require.iter().filter_map(compiled).collect();
    let (mut ignore_seen, mut require_seen) = (vec![false; ignore.len()], vec![false; require.len()]);
    if ignore.is_empty() && require.is_empty() && spec.comment.is_empty() {
        return Ok(());
    }
    let (mut input, mut lines) = (Input::new(again.open(&file.source)?), Lines::default());
    let (mut number, mut read) = (1, 0);
    while read < LOOKED_AT {
        let line = match input.line(number) {
            Ok(Some(line)) => line,
            Ok(None) => break,
            // Said before.
            Err(trouble) if trouble.is_content() => return Ok(()),
            Err(trouble) => return Err(trouble),
        };
        read += line.len() as u64 + 1;
        // As lines are read.
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        for ((_, regex), seen) in require.iter().zip(&mut require_seen) {
            *seen = *seen || regex.is_match(line);
        }
        let mut is_ignored = false;
        for ((_, regex), seen) in ignore.iter().zip(&mut ignore_seen) {
            let matches = regex.is_match(line);
            *seen |= matches;
            is_ignored |= matches;
        }
        if !spec.comment.is_empty() && line.trim_ascii_start().starts_with(spec.comment.as_bytes()) {
            lines.comments += 1;
        } else if number > spec.skip_lines && !line.trim_ascii().is_empty() {
            lines.content += 1;
            lines.ignored += u64::from(is_ignored);
        }
        number += 1;
    }
    for (key, patterns, seen) in [("ignore", &ignore, &ignore_seen), ("require", &require, &require_seen)] {
        for ((pattern, _), _) in patterns.iter().zip(seen).filter(|(_, seen)| !**seen) {
            let message = format!("{} matches no line of the sample", shown(pattern.as_bytes()));
            findings.mistake(&format!("{prefix}{key}"), message);
        }
    }
    let (ignored, content) = (lines.ignored, lines.content);
    if content > 0 && ignored == content {
        let message = format!("skips all {content} lines of the sample, so nothing is compared");
        findings.mistake(&format!("{prefix}ignore"), message);
    } else if ignored > content / 2 {
        let message = format!("skips {ignored} of {content} lines of the sample");
        findings.hint(&format!("{prefix}ignore"), message);
    }
    if !spec.comment.is_empty() && lines.comments == 0 {
        findings.hint(
            &format!("{prefix}comment"),
            format!("no line of the sample begins with {:?}", spec.comment),
        );
    }
    Ok(())
}
