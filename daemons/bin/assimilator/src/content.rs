//! The content of output files, for tables `data/NAME`.
//!
//! A file is read again, from the upload folder, after it was digested. Invariant: what is taken is of the file that was
//! digested; one that was replaced meanwhile sets its workunit aside.

use boinc::id::{ResultId, WorkunitId};
use boinc::printable::printable;
use compare::File;
use compare::extract::ExtractPlan;
use dataset::table::data::DataRecord;

use crate::outputs::Taken;

/// Takes what is declared out of a result's files: the number of the table, and its rows.
///
/// # Errors
/// Why the workunit is set aside, for a person.
pub fn take(
    plans: &[ExtractPlan],
    files: &[Taken],
    workunit: WorkunitId,
    result: ResultId,
) -> Result<Vec<(usize, DataRecord)>, String> {
    let mut data = Vec::new();
    for (number, plan) in plans.iter().enumerate() {
        let spec = plan.spec();
        // vboxwrapper's files have open names like `shared/out.dat`.
        let is_for = |taken: &&Taken| {
            let last = taken.open_name.rsplit('/').next().unwrap_or_default();
            plan.is_for(&taken.open_name) || plan.is_for(last)
        };
        let Some(taken) = files.iter().find(is_for) else {
            if spec.optional {
                continue;
            }
            return Err(format!("data.{}: it has no output file {}", spec.name, spec.file));
        };
        let failed =
            |what: String| format!("data.{}: {}: {what}", spec.name, printable(&taken.open_name, 100));
        let file = File::open(&taken.path, spec.max_bytes).map_err(|error| failed(error.to_string()))?;
        let extracted = plan.read(file).map_err(|trouble| failed(trouble.to_string()))?;
        if !taken.is_same() {
            return Err(failed("was replaced while it was read".to_owned()));
        }
        data.push((number, DataRecord { workunit, result, extracted }));
    }
    Ok(data)
}
