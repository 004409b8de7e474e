//! What byte-for-byte comparison would have made of the outputs that were found to agree.
//!
//! Computed from the uploaded files themselves: the outputs of the VALID results of each validated workunit.

use std::collections::BTreeMap;
use std::fs;

use anyhow::{Context as _, Result};
use boinc::result_doc::output_files;
use sandbox::Project;

/// The output of one VALID result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// Its workunit.
    pub workunit: i32,
    /// It is the canonical result.
    pub canonical: bool,
    /// `min_quorum` of the workunit.
    pub quorum: usize,
    /// All its output files, one after the other.
    pub bytes: Vec<u8>,
}

/// See the module.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ByteForByte {
    /// Validated workunits.
    pub workunits: usize,
    /// VALID results beside the canonical ones.
    pub compared: usize,
    /// Those that are not the canonical one's bytes: they would have been rejected.
    pub rejected: usize,
    /// Workunits of which no quorum of VALID results has the same bytes: they would not have been validated with these
    /// results.
    pub without_quorum: usize,
}

impl ByteForByte {
    /// Counts.
    pub fn of(outputs: &[Output]) -> Self {
        let mut by_workunit: BTreeMap<i32, Vec<&Output>> = BTreeMap::new();
        for output in outputs {
            by_workunit.entry(output.workunit).or_default().push(output);
        }
        let mut found = Self { workunits: by_workunit.len(), ..Self::default() };
        for outputs in by_workunit.values() {
            let canonical = outputs.iter().find(|output| output.canonical);
            for output in outputs.iter().filter(|output| !output.canonical) {
                found.compared += 1;
                if canonical.is_none_or(|canonical| canonical.bytes != output.bytes) {
                    found.rejected += 1;
                }
            }
            let same = |bytes: &[u8]| outputs.iter().filter(|output| output.bytes == bytes).count();
            let largest = outputs.iter().map(|output| same(&output.bytes)).max().unwrap_or(0);
            let quorum = outputs.iter().map(|output| output.quorum).max().unwrap_or(0);
            if largest < quorum {
                found.without_quorum += 1;
            }
        }
        found
    }
}

/// Reads the outputs of all VALID results of workunits with a canonical result.
///
/// # Errors
/// A statement failed, or a file is not where it should be.
pub async fn outputs(project: &Project) -> Result<Vec<Output>> {
    let rows = project
        .connect()
        .await?
        .rows(
            "SELECT r.id, r.workunitid, r.xml_doc_in, r.id = w.canonical_resultid AS canonical, w.min_quorum \
             FROM workunit w JOIN result r ON r.workunitid = w.id \
             WHERE w.canonical_resultid > 0 AND r.validate_state = 1 ORDER BY r.id",
            &[],
        )
        .await?;
    rows.iter()
        .map(|row| {
            let id = row.i64("id")?;
            let mut bytes = Vec::new();
            let files = output_files(&row.bytes("xml_doc_in")?)
                .with_context(|| format!("result {id}: reading xml_doc_in"))?;
            for file in files {
                let path = project.upload_path(&file.physical_name)?;
                bytes.extend(fs::read(&path).with_context(|| format!("can't read {}", path.display()))?);
            }
            Ok(Output {
                workunit: i32::try_from(row.i64("workunitid")?)?,
                canonical: row.i64("canonical")? != 0,
                quorum: usize::try_from(row.i64("min_quorum")?)?,
                bytes,
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn output(workunit: i32, canonical: bool, bytes: &str) -> Output {
        Output { workunit, canonical, quorum: 2, bytes: bytes.as_bytes().to_vec() }
    }

    #[test]
    fn rejected_results_and_lost_workunits_are_counted() {
        let outputs = [
            output(1, true, "a"),
            output(1, false, "a"),
            // The other two agree with each other, so a quorum would have been found.
            output(2, true, "a"),
            output(2, false, "b"),
            output(2, false, "b"),
            output(3, false, "x"),
            output(3, true, "y"),
        ];
        assert_eq!(
            ByteForByte::of(&outputs),
            ByteForByte { workunits: 3, compared: 4, rejected: 3, without_quorum: 1 }
        );
        assert_eq!(ByteForByte::of(&[]), ByteForByte::default());
    }
}
