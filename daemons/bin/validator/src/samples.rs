//! The spec tried on its samples before anything is judged by it: unknown columns, tolerances that accept anything,
//! expressions that never match.
//!
//! Reads files of the project, writes nothing.

use std::path::Path;

use compare::{Plan, SampleFile, Spec};
use daemon::Fatal;

/// Looks whether the spec's scripts can be run: without them each workunit would wait, and nobody be paid.
///
/// # Errors
/// One can't.
pub fn scripts(spec: &Spec, programs: &Path, config: &Path) -> Result<(), Fatal> {
    let faults = spec.script.as_ref().map_or_else(Vec::new, |script| script.faults(programs));
    if faults.is_empty() {
        return Ok(());
    }
    Err(Fatal::new(format!("{}: [compare.script]: {}", config.display(), faults.join("; "))))
}

/// Tries the spec of the file at `config` on the samples that it declares.
///
/// # Errors
/// A sample can't be read, or something does not fit it: all that was found.
pub fn check(spec: &Spec, plan: &Plan, config: &Path) -> Result<(), Fatal> {
    let folder = config.parent().unwrap_or(config);
    let mut mistakes = Vec::new();
    let samples = spec.samples().flat_map(|(name, path)| {
        plan.parts(name).into_iter().map(|part| (part, folder.join(path))).collect::<Vec<_>>()
    });
    for (name, path) in samples {
        let shown = path.display().to_string();
        match spec.rehearse(&SampleFile::path(&name, path)) {
            Ok(findings) => {
                for finding in findings {
                    if finding.is_mistake {
                        mistakes.push(format!("{finding} (sample {shown})"));
                    } else {
                        tracing::info!(sample = shown, "{finding}");
                    }
                }
            }
            Err(trouble) => mistakes.push(format!("the sample {trouble}; mend `sample`, or remove it")),
        }
    }
    if mistakes.is_empty() {
        return Ok(());
    }
    Err(Fatal::new(format!(
        "{}: [compare] does not fit its sample, so it would judge wrongly:\n{}",
        config.display(),
        mistakes.join("\n")
    )))
}
