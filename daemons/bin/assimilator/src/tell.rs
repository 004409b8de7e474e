//! What was written, in the log, in the metrics and in the pass's report.

use boinc::record::Workunit;
use daemon::PassReport;

use crate::row::{Aside, Row, Written};

/// Tells it.
pub fn tell(app: &str, dry_run: bool, written: &Written, report: &mut PassReport) {
    let would = if dry_run { "would be " } else { "" };
    for aside in &written.aside {
        let Aside { workunit, name, host, reason } = aside;
        tracing::warn!(wu = workunit.0, name, host = host.0, app, "{would}set aside: {reason}");
    }
    let (mut failed, mut known, mut flagged) = (0, 0, 0);
    for row in &written.rows {
        match row {
            Row::Result { record, .. } => {
                let bytes = record.outputs.iter().fold(0, |sum, output| output.bytes.saturating_add(sum));
                metrics::counter!("cobblestone_output_bytes_total").increment(bytes.unsigned_abs());
                tracing::debug!(wu = record.workunit.id.0, name = record.workunit.name, "{would}assimilated");
                if let Some(why) = &record.flag {
                    flagged += 1;
                    let (wu, host) = (record.workunit.id.0, record.canonical.hostid.0);
                    tracing::warn!(wu, host, app, "{would}flagged for review: {why}");
                }
            }
            Row::Failure(record) => {
                failed += 1;
                let Workunit { id, name, .. } = &record.workunit;
                let errors = boinc::state::ErrorMask(record.error_mask).words().join(", ");
                let known = record.known.first().map_or("-", |(known, _)| known.name());
                metrics::counter!("cobblestone_failed_workunits_total", "known" => known).increment(1);
                tracing::info!(wu = id.0, name, app, known, "{would}recorded as failed: {errors}");
            }
            Row::Known { workunit, dataset } => {
                known += 1;
                let Workunit { id, name, .. } = workunit.as_ref();
                tracing::info!(wu = id.0, name, app, "has its row in `{dataset}` already; none is added");
            }
        }
    }
    let rows = written.rows.len() as u64;
    // The frame calls again at once while something is done; a dry run would find the same for ever.
    report.done += if dry_run { 0 } else { rows };
    report.set_aside += written.aside.len() as u64;
    report.add("assimilated", rows - failed - known);
    report.add("failed", failed);
    report.add("known", known);
    report.add("flagged", flagged);
    report.add("set_aside", written.aside.len() as u64);
    report.add("taken_by_another", written.left);
}
