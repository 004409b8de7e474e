//! One daemon's measurement: fill, run, record, restore, floor, compare.

use anyhow::{Result, bail};
use sandbox::ProjectOptions;

use crate::floor::{self, Batch};
use crate::report::{Figures, Measured};
use crate::site::{Cost, Ground, Site};

/// What a daemon is measured with.
pub trait Bench {
    /// The daemon, without the `cobblestone-` before it; or a command, `cobblestone` and its words.
    const NAME: &'static str;
    /// Its program, where the name is one of several measurements of it.
    const PROGRAM: &'static str = Self::NAME;
    /// What is counted.
    const UNIT: &'static str;
    /// Items per second of BOINC's own program, measured elsewhere.
    const STOCK: Option<f64>;
    /// Also measured with so many instances at once.
    const INSTANCES: &'static [usize] = &[];

    /// Transactions that the daemon has per batch.
    const COMMITS: i64 = 1;

    /// Whether it finds nothing to do in a new project: then it runs there once before the work is made, and what it
    /// notes once for ever is not measured.
    const IDLE_WHEN_NEW: bool = true;

    /// How many items there are.
    fn items(&self) -> u32;

    /// The project.
    fn options(&self) -> ProjectOptions {
        ProjectOptions::default()
    }

    /// The application's file.
    fn toml(&self) -> String;

    /// Makes the work.
    async fn fill(&self, site: &mut Site) -> Result<()>;

    /// Removes files that a daemon or the floor made.
    fn clear_files(&self, _site: &Site) -> Result<()> {
        Ok(())
    }

    /// Keeps what the floor needs from the files that the daemon made, before they are removed.
    async fn floor(&self, site: &mut Site, batch: usize) -> Result<Vec<Batch>>;

    /// Whether all items are done: what is left otherwise.
    async fn left(&self, site: &mut Site) -> Result<i64>;
}

/// Measures `runs` times.
pub async fn measure<B: Bench>(bench: &B, ground: &Ground, runs: usize) -> Result<Figures> {
    let mut site = ground.site_of(B::NAME, B::PROGRAM, bench.options(), &bench.toml()).await?;
    if B::IDLE_WHEN_NEW {
        site.daemon(1).await?;
    }
    bench.fill(&mut site).await?;
    let before = site.before();
    site.record(&before).await?;
    let mut figures = Figures::new(B::NAME, B::UNIT, bench.items(), B::STOCK);
    let mut batches: Vec<Batch> = Vec::new();
    for run in 0..runs {
        let daemon = daemon(bench, &mut site, 1).await?;
        // Of a command, standard input is the work.
        let input = site.input.take();
        let start = site.daemon(1).await?;
        site.input = input;
        if run == 0 {
            let after = site.after();
            site.record(&after).await?;
            figures.batch = batch_size(bench.items(), (daemon.commits - start.commits) / B::COMMITS);
            batches = bench.floor(&mut site, figures.batch).await?;
        }
        bench.clear_files(&site)?;
        site.restore().await?;
        let floor = floor::play(&mut site, &batches).await?;
        if run == 0 {
            let differences = site.differences().await?;
            if !differences.is_empty() {
                bail!("the floor did not write what the daemon wrote:\n{}", differences.join("\n"));
            }
        }
        figures.runs.push(Measured { daemon, start, floor });
        for instances in B::INSTANCES {
            let cost = self::daemon(bench, &mut site, *instances).await?;
            figures.several.entry(*instances).or_default().push(cost);
        }
    }
    Ok(figures)
}

async fn daemon<B: Bench>(bench: &B, site: &mut Site, instances: usize) -> Result<Cost> {
    bench.clear_files(site)?;
    site.restore().await?;
    let cost = site.daemon(instances).await?;
    match bench.left(site).await? {
        0 => Ok(cost),
        left => bail!("{left} {} were left undone by {}", B::UNIT, B::PROGRAM),
    }
}

/// Items in a transaction, as the daemon had it.
fn batch_size(items: u32, commits: i64) -> usize {
    let commits = usize::try_from(commits).unwrap_or(1).max(1);
    usize::try_from(items).unwrap_or(1).div_ceil(commits)
}
