//! `cobblestone campaign`: looks at campaigns, stops and resumes them, cancels what they made, wants failed jobs again,
//! and feeds rows.
//!
//! Invariant: each change is one transaction under the lock of the campaign's row, or (cancel, retry) one for some hundred
//! jobs. Each can be killed anywhere and run again: what is done is found done.

mod change;
mod files;
mod find;
mod show;

use anyhow::Result;

use crate::cli::ProjectArgs;

/// Printed below the help.
pub const AFTER_HELP: &str = "Campaigns are described in cobblestone/campaigns/NAME.toml, or in [work] of \
    cobblestone/APP.toml; the work generator makes their jobs. Every command is safe to interrupt and to repeat.";

/// `cobblestone campaign …`.
#[derive(Debug, clap::Subcommand)]
pub enum CampaignCommand {
    /// List campaigns: their state, and how far they are made
    List {
        #[command(flatten)]
        project: ProjectArgs,
        /// One JSON object for each
        #[arg(long)]
        json: bool,
    },
    /// Show one: jobs planned, made, sent, valid and failed, the estimated end, and what was set aside
    Show {
        #[command(flatten)]
        which: Which,
        /// One JSON object
        #[arg(long)]
        json: bool,
        /// Count every job, however many there are: of more than 100 000, else, a part stands for all
        #[arg(long)]
        exact: bool,
    },
    /// Make no more jobs until it is resumed; what is made goes on
    Pause(Which),
    /// Go on with a paused one
    Resume(Which),
    /// Make no more jobs, and cancel those that are not done, as BOINC's cancel_jobs does; for good
    Cancel(Which),
    /// Make failed jobs once more, and try those that were set aside
    #[command(name = "retry-failed")]
    RetryFailed(Which),
    /// Store rows from standard input for a campaign with kind = "stdin"
    Feed(Which),
    /// Delete input files in the download folder that belong to no workunit; of a paused, cancelled or complete campaign
    Clean(Which),
}

/// Which campaign.
#[derive(Debug, Clone, clap::Args)]
pub struct Which {
    #[command(flatten)]
    project: ProjectArgs,
    /// Its name
    #[arg(value_name = "NAME")]
    name: String,
    /// Its application, where several have a campaign of that name
    #[arg(long, value_name = "APP")]
    app: Option<String>,
}

/// The command. False: there was nothing to do.
///
/// # Errors
/// There is no such campaign, it is in a state that does not allow it, or the database can't be read or written.
pub async fn run(command: &CampaignCommand) -> Result<bool> {
    match command {
        CampaignCommand::List { project, json } => show::list(project, *json).await.map(|()| true),
        CampaignCommand::Show { which, json, exact } => show::show(which, *json, *exact).await.map(|()| true),
        CampaignCommand::Pause(which) => change::pause(which).await,
        CampaignCommand::Resume(which) => change::resume(which).await,
        CampaignCommand::Cancel(which) => change::cancel(which).await,
        CampaignCommand::RetryFailed(which) => change::retry_failed(which).await,
        CampaignCommand::Feed(which) => files::feed(which).await,
        CampaignCommand::Clean(which) => files::clean(which).await,
    }
}
