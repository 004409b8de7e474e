//! `cobblestone work create --stdin`: new workunits with one input file for all, as stock `create_work --stdin` makes them.

use std::fs;

use anyhow::Result;

use crate::bench::Bench;
use crate::floor::Batch;
use crate::recording::Inserted;
use crate::site::Site;

/// See the module.
pub struct Create {
    /// How many are made.
    pub workunits: u32,
}

impl Bench for Create {
    const NAME: &'static str = "work-create";
    const PROGRAM: &'static str =
        "cobblestone work create --appname theory --wu_name bench --stdin shared.dat";
    const UNIT: &'static str = "workunits";
    const STOCK: Option<f64> = Some(20_000.0);
    const IDLE_WHEN_NEW: bool = false;

    fn items(&self) -> u32 {
        self.workunits
    }

    fn toml(&self) -> String {
        String::new()
    }

    async fn fill(&self, site: &mut Site) -> Result<()> {
        fs::write(site.project.path("download/shared.dat"), "points\n")?;
        let lines = site.project.path("lines");
        fs::write(&lines, "\n".repeat(usize::try_from(self.workunits)?))?;
        site.input = Some(lines);
        Ok(())
    }

    async fn left(&self, site: &mut Site) -> Result<i64> {
        let made = site.connection.row("SELECT COUNT(*) AS n FROM workunit", &[]).await?.i64("n")?;
        Ok(i64::from(self.workunits) - made)
    }

    async fn floor(&self, site: &mut Site, batch: usize) -> Result<Vec<Batch>> {
        let workunits = Inserted::of(site, "workunit", &["id"]).await?;
        let keys = workunits.keys();
        let batches = keys.chunks(batch).map(|keys| Batch {
            files: Vec::new(),
            reads: Vec::new(),
            statements: workunits.insert(keys).into_iter().collect(),
        });
        Ok(batches.collect())
    }
}
