//! `cobblestone explain trickle`: the story of one message, for a volunteer who asks and for whoever audits.
//!
//! Invariant: it only reads, in one snapshot. It tells what is written down; where the daemons write nothing down (a
//! message with nothing new in it), it tells what the books say now, and says so. Texts of volunteers are escaped and cut.

mod facts;
mod story;

use anyhow::{Result, bail};

use crate::cli::ProjectArgs;
use crate::project::Project;
use crate::screen::print;
use crate::text::json_text;

use facts::Facts;

/// `cobblestone explain …`.
#[derive(Debug, clap::Subcommand)]
pub enum ExplainCommand {
    /// What a message claimed, what it was paid, and why
    #[command(after_help = "The number is msg_from_host.id; `cobblestone trickles list` finds it.")]
    Trickle {
        #[command(flatten)]
        project: ProjectArgs,
        /// Number of the message
        #[arg(value_name = "ID")]
        id: i32,
        /// One JSON object, for programs
        #[arg(long)]
        json: bool,
    },
}

/// The command.
///
/// # Errors
/// There is no project, nothing tells of the message, or the database can't be read.
pub async fn run(command: &ExplainCommand) -> Result<()> {
    let ExplainCommand::Trickle { project, id, json } = command;
    let (project, _) = Project::open_ready(project).await?;
    let Some(facts) = Facts::read(&project, *id).await? else {
        bail!(
            "there is no message {id}, and nothing tells of it: it never was, or it was purged and had nothing new in it; \
             `cobblestone trickles list` shows what there is"
        );
    };
    if *json {
        print(&format!("{}\n", json_text(&story::json(&facts))));
    } else {
        print(&story::text(&facts));
    }
    Ok(())
}
