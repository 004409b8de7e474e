//! `cobblestone report campaign`: what was asked, what came, how long it took, how results agreed, and which hosts stand
//! out; as text, JSON, plots, or one HTML file to send around.
//!
//! Invariant: it only reads, in one snapshot. Files are written under another name and renamed: whole or not at all.
//! Names, machines and comments are strangers' texts: escaped in each form.

mod html;
mod json;
mod plots;
mod sections;
mod svg;

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use boinc::printable::printable;
use store::campaign_view::CampaignFacts;
use store::campaigns::Campaign as Row;

use crate::cli::ProjectArgs;
use crate::project::Project;
use crate::review::{app, campaigns};
use crate::screen::print;
use crate::text::json_text;

/// Printed below the help.
pub const AFTER_HELP: &str = "Examples:\n  \
    cobblestone report campaign beam7\n  \
    cobblestone report campaign beam7 --html beam7.html     one file with plots, to send around\n  \
    cobblestone report campaign beam7 --svg plots/          the plots alone\n\n\
    It reads the whole campaign: some seconds for a million results.";

/// `cobblestone report campaign`.
#[derive(Debug, clap::Args)]
pub struct CampaignArgs {
    #[command(flatten)]
    project: ProjectArgs,
    /// Name of the campaign
    #[arg(value_name = "NAME")]
    name: String,
    /// Its application: only needed when several have a campaign of that name
    #[arg(long, value_name = "NAME")]
    app: Option<String>,
    /// One JSON object, for programs
    #[arg(long)]
    json: bool,
    /// Write one HTML file that needs nothing else
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Write the plots to this folder, as SVG
    #[arg(long, value_name = "DIR")]
    svg: Option<PathBuf>,
}

/// A campaign and everything about it.
#[derive(Debug)]
pub struct Campaign {
    /// Its name.
    pub name: String,
    /// Short name of its application.
    pub app: String,
    /// When it was read, Unix seconds.
    pub now: f64,
    #[allow(missing_docs)]
    pub facts: CampaignFacts,
    /// How far the work generator is with it.
    pub row: Option<Row>,
    /// Workunits by what was said of them last.
    pub reviews: BTreeMap<String, i64>,
}

/// The command.
///
/// # Errors
/// There is no such campaign, its database can't be read, or a file can't be written.
pub async fn run(args: &CampaignArgs) -> Result<()> {
    let (project, clock) = Project::open_ready(&args.project).await?;
    let app = app(&project, args.app.as_deref()).await?;
    let [id] = campaigns(&project, app, &args.name).await?[..] else {
        bail!(
            "several applications have a campaign \"{}\"; say which with --app",
            printable(&args.name, 100)
        );
    };
    let (facts, row, reviews, apps) = project
        .store
        .snapshot("campaign report", async |conn| {
            let facts = conn.campaign_facts(id).await?;
            let owner = conn.app_of_campaign(id).await?;
            let app = conn.apps().await?.into_iter().find(|app| Some(app.id) == owner);
            let row = conn.campaigns(owner).await?.into_iter().find(|row| row.id == id);
            Ok((facts, row, conn.count_reviewed(&[id]).await?, app))
        })
        .await?;
    let campaign = Campaign {
        name: args.name.clone(),
        app: apps.map_or_else(|| "-".to_owned(), |app| app.name),
        now: clock.now(),
        facts,
        row,
        reviews,
    };
    if let Some(folder) = &args.svg {
        fs::create_dir_all(folder).with_context(|| format!("can't make {}", folder.display()))?;
        for (name, plot) in plots::all(&campaign.facts) {
            write_whole(&folder.join(format!("{name}.svg")), &plot.svg(name))?;
        }
    }
    if let Some(path) = &args.html {
        write_whole(path, &html::page(&campaign))?;
    }
    if args.json {
        print(&format!("{}\n", json_text(&json::object(&campaign))));
    } else if args.html.is_none() && args.svg.is_none() {
        print(&sections::text(&campaign));
    }
    Ok(())
}

/// Writes a file under another name, and renames it.
fn write_whole(path: &Path, text: &str) -> Result<()> {
    let name = path.file_name().with_context(|| format!("{} is no name of a file", path.display()))?;
    let mut temporary = std::ffi::OsString::from(".");
    temporary.push(name);
    temporary.push(format!(".{}", std::process::id()));
    let temporary = path.with_file_name(temporary);
    let written =
        fs::OpenOptions::new().write(true).create_new(true).open(&temporary).and_then(|mut file| {
            file.write_all(text.as_bytes())?;
            file.sync_all()?;
            fs::rename(&temporary, path)
        });
    if written.is_err() {
        // It may not be there.
        let _ = fs::remove_file(&temporary);
    }
    written.with_context(|| format!("can't write {}", path.display()))
}
