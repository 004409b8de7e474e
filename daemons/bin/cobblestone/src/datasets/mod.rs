//! `cobblestone dataset`: looks after what the assimilator made.
//!
//! `verify` only reads. `compact` exchanges whole partitions, see `dataset::compaction`; killed, it can simply be run
//! again. `export` writes one file elsewhere: whole or not at all.

mod export;
mod verify;

use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};
use app_config::AppConfig;
use boinc::id::AppId;
use dataset::compaction::{self, Compactor};
use dataset::day::day;
use dataset::remote::Place;

use crate::cli::ProjectArgs;
use crate::project::Project;
use crate::screen::print;

/// What to do.
#[derive(Debug, clap::Subcommand)]
pub enum DatasetCommand {
    /// Check that every recorded file is there and whole, that none is there twice, and no workunit twice
    Verify {
        #[command(flatten)]
        which: WhichDataset,
        /// Also read every output file and compare its digest
        #[arg(long)]
        outputs: bool,
    },
    /// Merge small files of days that are over
    #[command(
        after_help = "Readers see the old files or the new one, never both. Daemons may run. Not on S3, where a folder \
                            can't be exchanged in one step."
    )]
    Compact {
        #[command(flatten)]
        which: WhichDataset,
        /// Also of today
        #[arg(long)]
        today: bool,
    },
    /// Write a table as one file
    Export(export::ExportArgs),
}

/// Of which application.
#[derive(Debug, Clone, clap::Args)]
pub struct WhichDataset {
    #[command(flatten)]
    pub project: ProjectArgs,
    /// Short name of the application
    #[arg(long, value_name = "APP")]
    pub app: String,
}

/// A dataset and its project.
#[derive(Debug)]
pub struct Opened {
    pub project: Project,
    pub app: AppId,
    pub place: Place,
    /// Unix seconds.
    pub now: f64,
}

impl WhichDataset {
    /// Opens it.
    ///
    /// # Errors
    /// There is no project, no such application, or a mistake in APP.toml.
    pub async fn open(&self) -> Result<Opened> {
        let (project, clock) = Project::open_ready(&self.project).await?;
        let app = project.store.read("app", async |conn| conn.app(&self.app).await).await?;
        let Some(app) = app else { bail!("there is no application `{}`; look at --app", self.app) };
        let config = AppConfig::load(&project.dir.root, &self.app)?;
        let place = Place::of(&config.assimilate, &project.dir.root, &self.app)?;
        Ok(Opened { project, app: app.id, place, now: clock.now() })
    }
}

impl Opened {
    /// Its folder.
    ///
    /// # Errors
    /// It is on S3.
    pub fn folder(&self, what: &str) -> Result<&PathBuf> {
        match &self.place {
            Place::Local(folder) => Ok(folder),
            Place::Remote(remote) => bail!("{} is on S3: {what}", remote.shown().display()),
        }
    }
}

/// False when something is off.
///
/// # Errors
/// It could not be done.
pub async fn run(command: &DatasetCommand) -> Result<bool> {
    match command {
        DatasetCommand::Verify { which, outputs } => verify::run(which, *outputs).await,
        DatasetCommand::Compact { which, today } => compact(which, *today).await.map(|()| true),
        DatasetCommand::Export(args) => export::run(args).await.map(|()| true),
    }
}

async fn compact(which: &WhichDataset, today: bool) -> Result<()> {
    let opened = which.open().await?;
    let why = "a folder can't be exchanged there in one step, so readers would see rows twice; \
               `cobblestone dataset export` writes one file of a table";
    let folder = opened.folder(why)?;
    let store = &opened.project.store;
    let compactor = Compactor::new(folder, opened.app)?;
    let finished = compactor.recover(store, opened.now).await?;
    #[expect(clippy::cast_possible_truncation, reason = "seconds")]
    let now = opened.now as i64;
    // After every day there is.
    let before = if today { "9999".to_owned() } else { day(now) };
    let files = compaction::published(store, opened.app).await?;
    let (mut gone, mut made) = (0, finished);
    for (partition, files) in compaction::partitions(files, &before) {
        let name = format!("{now}-{:08x}", std::process::id());
        let (old, new) = compactor
            .partition(store, &partition, &files, &name, opened.now)
            .await
            .with_context(|| format!("can't compact {partition}; it is as it was"))?;
        (gone, made) = (gone + old, made + new);
    }
    print(&format!("{gone} files became {made}\n"));
    Ok(())
}
