//! What must hold before a workunit may be inserted, in stock's order.

use super::fault::Fault;
use super::files::InputFiles;
use super::job::NewWorkunit;
use super::{MAX_KEYWORDS, MAX_NAME, MAX_RESULT_TEMPLATE_FILE};
use crate::hierarchy::check_name;

pub(super) fn check(workunit: &NewWorkunit, files: &mut dyn InputFiles) -> Result<(), Fault> {
    let template = &workunit.result_template_file;
    files.output_template(template).map_err(|fault| Fault::NoOutputTemplate { path: fault.into_path() })?;
    if template.len() > MAX_RESULT_TEMPLATE_FILE {
        return Err(Fault::OutputTemplateName { bytes: template.len(), max: MAX_RESULT_TEMPLATE_FILE });
    }
    given(workunit)?;
    consistent(workunit)?;
    storable(workunit)
}

#[allow(clippy::float_cmp, reason = "exactly zero means: not given")]
fn given(wu: &NewWorkunit) -> Result<(), Fault> {
    let zero = [
        ("rsc_fpops_est", wu.rsc_fpops_est == 0.0),
        ("rsc_fpops_bound", wu.rsc_fpops_bound == 0.0),
        ("rsc_disk_bound", wu.rsc_disk_bound == 0.0),
        ("target_nresults", wu.target_nresults == 0),
        ("max_error_results", wu.max_error_results == 0),
        ("max_total_results", wu.max_total_results == 0),
        ("max_success_results", wu.max_success_results == 0),
    ];
    match zero.iter().find(|(_, zero)| *zero) {
        Some((column, _)) => Err(Fault::NotGiven { column }),
        None => Ok(()),
    }
}

fn consistent(wu: &NewWorkunit) -> Result<(), Fault> {
    if wu.max_success_results > wu.max_total_results {
        return Err(Fault::SuccessAboveTotal);
    }
    if wu.max_error_results > wu.max_total_results {
        return Err(Fault::ErrorAboveTotal);
    }
    if wu.target_nresults > wu.max_success_results {
        let (target, max) = (wu.target_nresults, wu.max_success_results);
        return Err(Fault::TargetAboveSuccess { target, max });
    }
    Ok(())
}

/// Beyond stock: what the database would refuse or cut, and names that can't become file names.
fn storable(wu: &NewWorkunit) -> Result<(), Fault> {
    check_name(&wu.name).map_err(|error| Fault::Name { what: "workunit", error })?;
    for (column, text, max) in
        [("workunit.name", &wu.name, MAX_NAME), ("workunit.keywords", &wu.keywords, MAX_KEYWORDS)]
    {
        let length = text.chars().count();
        if length > max {
            return Err(Fault::ColumnTooLong { column, length, max });
        }
    }
    let doubles = [
        ("rsc_fpops_est", wu.rsc_fpops_est),
        ("rsc_fpops_bound", wu.rsc_fpops_bound),
        ("rsc_memory_bound", wu.rsc_memory_bound),
        ("rsc_disk_bound", wu.rsc_disk_bound),
        ("rsc_bandwidth_bound", wu.rsc_bandwidth_bound),
        ("canonical_credit", wu.canonical_credit),
        ("opaque", wu.opaque),
    ];
    // Bounds and credit below 0 mean nothing; `opaque` is the project's own.
    let bad = |column: &str, value: f64| !value.is_finite() || (value < 0.0 && column != "opaque");
    if let Some((column, value)) = doubles.iter().find(|(column, value)| bad(column, *value)) {
        return Err(Fault::BadNumber { column, value: value.to_string() });
    }
    let counts = [
        ("delay_bound", wu.delay_bound),
        ("min_quorum", wu.min_quorum),
        ("target_nresults", wu.target_nresults),
        ("max_error_results", wu.max_error_results),
        ("max_total_results", wu.max_total_results),
        ("max_success_results", wu.max_success_results),
    ];
    if let Some((column, value)) = counts.iter().find(|(_, value)| *value < 1) {
        return Err(Fault::BadNumber { column, value: value.to_string() });
    }
    if i16::try_from(wu.size_class).is_err() {
        return Err(Fault::BadNumber { column: "size_class", value: wu.size_class.to_string() });
    }
    Ok(())
}
