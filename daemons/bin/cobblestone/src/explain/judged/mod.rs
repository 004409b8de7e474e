//! `cobblestone explain wu` and `explain result`: how a workunit was judged, told from what the validator kept.
//!
//! Invariant: it only reads, in one snapshot. It tells what is written down, also after db_purge has taken the rows of
//! BOINC's tables, and says what is missing. Names, values and reasons hold volunteers' text: all of it is escaped.

mod declared;
mod facts;
mod matrix;
mod story;
mod why;

use anyhow::{Result, bail};

use crate::cli::ProjectArgs;
use crate::project::Project;
use crate::screen::print;
use crate::text::json_text;

use facts::Facts;

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum What {
    Workunit,
    Result,
}

/// Which one, and how it shall be told.
#[derive(Debug, Clone, clap::Args)]
pub struct JudgedArgs {
    #[command(flatten)]
    project: ProjectArgs,
    /// Its number, or its name
    #[arg(value_name = "ID|NAME")]
    which: String,
    /// One JSON object, for programs
    #[arg(long)]
    json: bool,
}

/// The command.
///
/// # Errors
/// There is no project, nothing tells of it, or the database can't be read.
pub(super) async fn run(args: &JudgedArgs, what: What) -> Result<()> {
    let (project, _) = Project::open_ready(&args.project).await?;
    let which = args.which.as_str();
    let facts =
        project.store.snapshot("judgements", async |conn| Facts::read(conn, what, which).await).await?;
    let Some(facts) = facts else {
        let kind = if what == What::Workunit { "workunit" } else { "result" };
        bail!(
            "there is no {kind} {}, and no verdict of the validator tells of one; names are compared letter by letter",
            boinc::printable::printable(which, 80)
        );
    };
    if args.json {
        print(&format!("{}\n", json_text(&story::json(&facts))));
    } else {
        print(&story::text(&facts));
    }
    Ok(())
}
