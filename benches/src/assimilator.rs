//! Validated workunits of one campaign, each with one small output file of its canonical result.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use crate::bench::Bench;
use crate::fill::{Pairs, People};
use crate::floor::{Batch, FileStep};
use crate::literal::list;
use crate::recording::{Changed, Inserted, Key};
use crate::site::Site;
use crate::validator;

/// See the module.
pub struct Assimilator {
    /// How many wait.
    pub workunits: u32,
    /// On whose hosts.
    pub people: People,
}

impl Bench for Assimilator {
    const NAME: &'static str = "assimilator";
    const UNIT: &'static str = "workunits";
    // script_assimilator with an empty script. (sample_dummy_assimilator, which keeps nothing: 1400/s.)
    const STOCK: Option<f64> = Some(400.0);
    // One for the workunits, one when the table's file is visible.
    const COMMITS: i64 = 2;

    fn items(&self) -> u32 {
        self.workunits
    }

    fn toml(&self) -> String {
        String::new()
    }

    async fn fill(&self, site: &mut Site) -> Result<()> {
        self.people.insert(site).await?;
        Pairs { workunits: self.workunits, hosts: self.people.hosts, reported: true }.insert(site).await?;
        let app = site.project.appid().0;
        site.connection
            .script(&format!(
                "UPDATE result SET validate_state = 1, granted_credit = 80, elapsed_time = 30000;
                 UPDATE workunit w SET need_validate = 0, assimilate_state = 1, transition_time = 2147483647,
                   canonical_credit = 80, canonical_resultid = (SELECT MIN(id) FROM result WHERE workunitid = w.id);
                 INSERT INTO cobblestone_campaign (appid, name, next_job, time) SELECT {app}, 'bench', COUNT(*), 0 FROM workunit;
                 INSERT INTO cobblestone_job (workunitid, campaignid, job, seed, events) SELECT id, 1, id - 1, id, 1000 FROM workunit;"
            ))
            .await?;
        validator::write_outputs(&site.project, self.workunits)
    }

    fn clear_files(&self, site: &Site) -> Result<()> {
        let results = site.project.path("results");
        if results.exists() {
            fs::remove_dir_all(&results)?;
        }
        rustix::fs::syncfs(fs::File::open(site.project.dir())?)?;
        Ok(())
    }

    async fn left(&self, site: &mut Site) -> Result<i64> {
        let sql = "SELECT COUNT(*) AS n FROM workunit WHERE assimilate_state <> 2";
        Ok(site.connection.row(sql, &[]).await?.i64("n")?)
    }

    async fn floor(&self, site: &mut Site, batch: usize) -> Result<Vec<Batch>> {
        let mut workunits = Changed::of(site, "workunit", &["id"]).await?;
        let rows = Inserted::of(site, "cobblestone_assimilated", &["workunitid"]).await?;
        let recorded = Inserted::of(site, "cobblestone_dataset_file", &["id"]).await?;
        let results = site.project.path("results");
        let mut tables: Vec<(PathBuf, Vec<u8>)> = Vec::new();
        let mut copies: BTreeMap<String, PathBuf> = BTreeMap::new();
        for path in files_below(&results)? {
            if path.extension().is_some_and(|extension| extension == "parquet") {
                tables.push((path.clone(), fs::read(&path)?));
            } else if path.file_name().is_some_and(|name| name != "lock") {
                let workunit = path.parent().and_then(Path::file_name).context("an output without folder")?;
                copies.insert(workunit.to_string_lossy().into_owned(), path);
            }
        }
        tables.sort();
        let files_of_tables = recorded.keys();
        let app = site.project.appid().0;
        let ids: Vec<i64> = (1..=i64::from(self.workunits)).collect();
        let count = ids.len().div_ceil(batch);
        let mut batches: Vec<Batch> = Vec::new();
        let mut after = 0;
        for (number, batch) in ids.chunks(batch).enumerate() {
            let mut files = Vec::new();
            for id in batch {
                let to = copies.get(&format!("bench_{id}")).context("an output was not copied")?;
                let from = site.project.upload_path(&validator::output_name(u32::try_from(*id)?, 0))?;
                files.push(FileStep::Folder(to.parent().unwrap_or(&results).to_owned()));
                files.push(FileStep::Copy(from, to.clone()));
            }
            let part = |n: usize| (n * count).checked_div(tables.len()).unwrap_or(0) == number;
            for (_, (path, bytes)) in tables.iter().enumerate().filter(|(n, _)| part(*n)) {
                files.push(FileStep::Folder(path.parent().unwrap_or(&results).to_owned()));
                files.push(FileStep::Write(path.clone(), bytes.clone()));
            }
            files.push(FileStep::Sync(site.project.dir().to_owned()));
            let reads = vec![format!(
                "SELECT w.id, w.name, w.canonical_credit, w.error_mask, w.min_quorum, w.create_time, r.id, r.name, r.hostid, \
                 r.validate_state, r.elapsed_time, r.cpu_time, r.sent_time, r.received_time, r.granted_credit, \
                 IF(r.id = w.canonical_resultid, r.xml_doc_in, NULL), h.os_name, h.os_version, h.p_vendor, h.p_model, \
                 h.p_ncpus, j.job, j.seed, j.events, c.name FROM (SELECT id, name, canonical_resultid, canonical_credit, error_mask, \
                 min_quorum, create_time FROM workunit WHERE appid = {app} AND \
                 assimilate_state = 1 AND id > {after} ORDER BY id LIMIT {}) w JOIN result r ON r.workunitid = w.id \
                 LEFT JOIN host h ON h.id = r.hostid LEFT JOIN cobblestone_job j ON j.workunitid = w.id \
                 LEFT JOIN cobblestone_campaign c ON c.id = j.campaignid",
                batch.len()
            )];
            let mut statements = vec![format!(
                "SELECT id, canonical_resultid, error_mask FROM workunit WHERE id IN ({}) AND assimilate_state = 1 \
                 FOR UPDATE SKIP LOCKED",
                list(batch)
            )];
            let keys: Vec<Key> = batch.iter().map(|id| vec![*id]).collect();
            statements.extend(workunits.update(&keys));
            statements.extend(rows.insert(&keys));
            let tables = files_of_tables.iter().enumerate().filter(|(n, _)| part(*n)).map(|(_, key)| key);
            statements.extend(recorded.insert(tables));
            after = batch.last().copied().unwrap_or(after);
            batches.push(Batch { files, reads, statements });
        }
        Ok(batches)
    }
}

/// All files below a folder.
fn files_below(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        if path.is_dir() { found.extend(files_below(&path)?) } else { found.push(path) }
    }
    Ok(found)
}
