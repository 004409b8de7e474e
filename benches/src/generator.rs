//! New workunits: each with an input file of its own; and with one that all share, as stock `create_work --stdin` makes
//! them.

use std::fs;

use anyhow::{Context as _, Result};

use crate::bench::Bench;
use crate::floor::{Batch, FileStep};
use crate::recording::Inserted;
use crate::site::Site;

/// See the module.
pub struct Generator<const SHARED: bool> {
    /// How many are made.
    pub workunits: u32,
}

impl<const SHARED: bool> Bench for Generator<SHARED> {
    const NAME: &'static str = if SHARED { "work-generator-shared" } else { "work-generator" };
    const PROGRAM: &'static str = "work-generator";
    const UNIT: &'static str = "workunits";
    // `create_work --stdin` of BOINC, whose input files are staged before.
    const STOCK: Option<f64> = if SHARED { Some(20_000.0) } else { None };
    const IDLE_WHEN_NEW: bool = false;

    fn items(&self) -> u32 {
        self.workunits
    }

    fn toml(&self) -> String {
        "[work]\nat_once = true\nmax_transitioner_backlog = 100000000\nmin_free_bytes = 1\n".to_owned()
    }

    async fn fill(&self, site: &mut Site) -> Result<()> {
        let mut campaign = format!("[campaign]\napp = \"theory\"\n[source]\njobs = {}\n", self.workunits);
        if SHARED {
            campaign.push_str("[job]\nown_file = false\nshared_files = [\"shared.dat\"]\n");
            fs::write(site.project.path("shared.dat"), "points\n")?;
        }
        fs::create_dir_all(site.project.path("cobblestone/campaigns"))?;
        fs::write(site.project.path("cobblestone/campaigns/bench.toml"), campaign)?;
        Ok(())
    }

    fn clear_files(&self, site: &Site) -> Result<()> {
        // Files go, folders stay: a project has its fan-out folders after its first days.
        for folder in fs::read_dir(site.project.path("download"))? {
            let folder = folder?.path();
            if folder.is_dir() {
                for file in fs::read_dir(&folder)? {
                    fs::remove_file(file?.path())?;
                }
            }
        }
        let root = fs::File::open(site.project.path("download"))?;
        rustix::fs::syncfs(&root)?;
        Ok(())
    }

    async fn left(&self, site: &mut Site) -> Result<i64> {
        let made = site.connection.row("SELECT COUNT(*) AS n FROM workunit", &[]).await?.i64("n")?;
        Ok(i64::from(self.workunits) - made)
    }

    async fn floor(&self, site: &mut Site, batch: usize) -> Result<Vec<Batch>> {
        let workunits = Inserted::of(site, "workunit", &["id"]).await?;
        let jobs = Inserted::of(site, "cobblestone_job", &["workunitid"]).await?;
        let campaign = Inserted::of(site, "cobblestone_campaign", &["id"]).await?;
        let notes = Inserted::of(site, "cobblestone_campaign_file", &["id"]).await?;
        let seeds = Inserted::of(site, "cobblestone_seed_range", &["campaignid", "first_job"]).await?;
        let mut names = std::collections::BTreeMap::new();
        for row in site.connection.rows("SELECT id, name FROM workunit", &[]).await? {
            names.insert(row.i64("id")?, row.text("name")?);
        }
        let keys = workunits.keys();
        let campaigns = campaign.keys();
        let app = site.project.appid().0;
        let mut batches = Vec::new();
        let mut made = 0;
        for keys in keys.chunks(batch) {
            let mut files = Vec::new();
            for id in keys.iter().flatten().filter(|_| !SHARED) {
                let name = names.get(id).context("a workunit without name")?;
                for file in [format!("{name}.in"), format!("{name}.in.md5")] {
                    let input = site.project.download_path(&format!("{name}.in"))?;
                    let path = input.with_file_name(&file);
                    let content = fs::read(&path).with_context(|| path.display().to_string())?;
                    files.push(FileStep::Write(path, content));
                }
            }
            if !SHARED {
                files.push(FileStep::Sync(site.project.path("download")));
            }
            // What waits is counted once: it is known afterwards.
            let reads = if made > 0 {
                Vec::new()
            } else {
                vec![format!(
                    "SELECT (SELECT COUNT(*) FROM result WHERE appid = {app} AND server_state = 2) + \
                     COALESCE((SELECT SUM(target_nresults) FROM workunit w WHERE w.appid = {app} AND \
                     w.transition_time <= UNIX_TIMESTAMP() AND w.canonical_resultid = 0 AND NOT EXISTS \
                     (SELECT 1 FROM result r WHERE r.workunitid = w.id)), 0)"
                )]
            };
            let mut statements = Vec::new();
            if made == 0 {
                statements.extend(campaign.insert(&campaigns));
                statements.extend(notes.insert(&notes.keys()));
                statements.extend(seeds.insert(&seeds.keys()));
            }
            statements.push(
                "SELECT id, next_job FROM cobblestone_campaign WHERE name = 'bench' FOR UPDATE".to_owned(),
            );
            statements.extend(workunits.insert(keys));
            statements.extend(jobs.insert(keys));
            made += keys.len();
            statements.push(format!(
                "UPDATE cobblestone_campaign SET next_job = {made}, made = {made} WHERE name = 'bench'"
            ));
            batches.push(Batch { files, reads, statements });
        }
        Ok(batches)
    }
}
