//! Rows as parts: for each campaign one Parquet file of each table.

use std::collections::BTreeMap;

use dataset::day::day;
use dataset::layout;
use dataset::staging::Instance;
use dataset::table::data::{self, DataRecord};
use dataset::table::failures::{FAILURES, FailureRecord};
use dataset::table::files::{FILES, FileRecord};
use dataset::table::results::{RESULTS, ResultRecord};
use dataset::table::{KEY_APP, KEY_CAMPAIGN};
use serde_json::Value;
use store::assimilation::DatasetFile;

use crate::commit::Target;
use crate::row::Row;

/// A file to be made.
struct Part {
    dataset: String,
    campaign: String,
    /// Ids of its first and last workunit.
    first: i32,
    last: i32,
    rows: usize,
    bytes: Vec<u8>,
}

/// What one campaign gets.
#[derive(Default)]
struct OfCampaign<'r> {
    results: Vec<&'r ResultRecord>,
    failures: Vec<&'r FailureRecord>,
    data: BTreeMap<usize, Vec<&'r DataRecord>>,
}

impl<'r> OfCampaign<'r> {
    fn all(rows: &'r [Row]) -> BTreeMap<&'r str, Self> {
        let mut campaigns: BTreeMap<&str, Self> = BTreeMap::new();
        for row in rows {
            match row {
                Row::Result { record, data, .. } => {
                    let campaign = record.job.as_ref().map_or(layout::NO_CAMPAIGN, |job| &job.campaign);
                    let of = campaigns.entry(campaign).or_default();
                    of.results.push(record);
                    for (table, record) in data {
                        of.data.entry(*table).or_default().push(record);
                    }
                }
                Row::Failure(record) => {
                    campaigns.entry(&record.campaign).or_default().failures.push(record);
                }
                Row::Known { .. } => {}
            }
        }
        campaigns
    }

    /// Its files. Those that others refer to come first, so that a row of results is seen after what belongs to it.
    fn parts(&self, target: &Target<'_>, campaign: &str) -> anyhow::Result<Vec<Part>> {
        let facts = [(KEY_APP, target.app_name), (KEY_CAMPAIGN, campaign)];
        let part = |dataset: &str, ids: &mut dyn Iterator<Item = i32>, rows: usize, bytes: Vec<u8>| {
            let (first, last) = ids.fold((i32::MAX, 0), |(first, last), id| (id.min(first), id.max(last)));
            Part { dataset: dataset.to_owned(), campaign: campaign.to_owned(), first, last, rows, bytes }
        };
        let mut parts = Vec::new();
        for (table, records) in &self.data {
            let Some(plan) = target.data.get(*table) else { continue };
            let rows = records.iter().map(|record| record.extracted.rows).sum();
            if rows > 0 {
                let bytes = data::to_parquet(plan.spec(), records, &facts)?;
                let ids = &mut records.iter().map(|record| record.workunit.0);
                parts.push(part(&data::table_name(&plan.spec().name), ids, rows, bytes));
            }
        }
        let files: Vec<FileRecord> = self.results.iter().flat_map(|record| files_of(record)).collect();
        if !files.is_empty() {
            let rows: Vec<&FileRecord> = files.iter().collect();
            let ids = &mut files.iter().map(|record| record.workunit.0);
            parts.push(part(FILES.name, ids, rows.len(), FILES.to_parquet(&rows, &facts, Vec::new())?));
        }
        if !self.results.is_empty() {
            let ids = &mut self.results.iter().map(|record| record.workunit.id.0);
            let values: Vec<&[Value]> = self.results.iter().map(|r| r.parameters.as_slice()).collect();
            let more = target.parameters.columns(&values);
            let bytes = RESULTS.to_parquet(&self.results, &facts, more)?;
            parts.push(part(RESULTS.name, ids, self.results.len(), bytes));
        }
        if !self.failures.is_empty() {
            let ids = &mut self.failures.iter().map(|record| record.workunit.id.0);
            let values: Vec<&[Value]> = self.failures.iter().map(|r| r.parameters.as_slice()).collect();
            let more = target.parameters.columns(&values);
            let bytes = FAILURES.to_parquet(&self.failures, &facts, more)?;
            parts.push(part(FAILURES.name, ids, self.failures.len(), bytes));
        }
        Ok(parts)
    }
}

/// The manifest of a workunit.
fn files_of(record: &ResultRecord) -> impl Iterator<Item = FileRecord> {
    record.outputs.iter().map(|output| FileRecord {
        workunit: record.workunit.id,
        result: record.canonical.id,
        output: output.clone(),
        compression: record.compression,
    })
}

/// The files of `rows`, in memory: for each campaign one of each table.
///
/// # Errors
/// A fault of this program.
pub fn of(
    target: &Target<'_>,
    instance: &mut Instance,
    rows: &[Row],
) -> anyhow::Result<Vec<(DatasetFile, Vec<u8>)>> {
    let day = day(i64::from(target.now_i32));
    let mut made = Vec::new();
    for (campaign, of) in OfCampaign::all(rows) {
        for part in of.parts(target, campaign)? {
            let name = instance.part_name(part.first, part.last, target.now_i32);
            let path = format!("{}/{name}", layout::partition(&part.dataset, &part.campaign, &day));
            let file = DatasetFile {
                dataset: part.dataset,
                path,
                items: i64::try_from(part.rows)?,
                bytes: i64::try_from(part.bytes.len())?,
            };
            made.push((file, part.bytes));
        }
    }
    Ok(made)
}
