//! `cobblestone explain`: of a message (here), of a workunit and of a result (`judged`).
//!
//! `explain trickle`: the story of one message, for a volunteer who asks and for whoever audits.
//!
//! Invariant: it only reads, in one snapshot. It tells what is written down; where the daemons write nothing down (a
//! message with nothing new in it), it tells what the books say now, and says so. Texts of volunteers are escaped and cut.

mod counted;
mod facts;
mod judged;
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
    /// How a workunit was judged: what was compared, who agreed with whom, why this result is canonical, what was paid
    #[command(
        after_help = "Told from what the validator kept, also after db_purge. Exit status 2: nothing tells of it."
    )]
    Wu(judged::JudgedArgs),
    /// The same of one result
    Result(judged::JudgedArgs),
}

/// The command.
///
/// # Errors
/// There is no project, nothing tells of the message, or the database can't be read.
pub async fn run(command: &ExplainCommand) -> Result<()> {
    let (project, id, json) = match command {
        ExplainCommand::Trickle { project, id, json } => (project, id, json),
        ExplainCommand::Wu(args) => return judged::run(args, judged::What::Workunit).await,
        ExplainCommand::Result(args) => return judged::run(args, judged::What::Result).await,
    };
    let (project, _) = Project::open_ready(project).await?;
    let Some(facts) = Facts::read(&project, *id).await? else {
        bail!(
            "there is no message {id}, and nothing tells of it: it never was, or it was purged, and had nothing new in it or its \
             payment was folded; `cobblestone trickles list` shows what there is, `cobblestone ledger --result …` what a result \
             was paid"
        );
    };
    if *json {
        print(&format!("{}\n", json_text(&story::json(&facts))));
    } else {
        print(&story::text(&facts));
    }
    Ok(())
}
