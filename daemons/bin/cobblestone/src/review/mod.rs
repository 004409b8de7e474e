//! `cobblestone review`: what people say of results.
//!
//! Invariant: a review is a row that is added, with who and when; nothing is changed or deleted, and the last row of a
//! workunit holds. One transaction for some hundred workunits, under the locks of their rows; who says the same again of
//! the same result adds nothing, so each command can be run twice. Killed between two transactions, it can be run again.
//! The assimilator writes the rows to the dataset. Names and comments are people's texts: escaped when shown.

mod decide;
mod list;
mod select;

pub use select::{app, campaigns};

use anyhow::Result;
use store::reviews::ReviewVerdict;

/// `cobblestone review …`.
#[derive(Debug, clap::Subcommand)]
pub enum ReviewCommand {
    /// List workunits and what was said of them last, latest first
    #[command(after_help = list::AFTER_HELP)]
    List(list::ListArgs),
    /// Show all that was said of a workunit
    Show(list::ShowArgs),
    /// Say that results are good
    #[command(after_help = decide::AFTER_HELP)]
    Accept(decide::DecideArgs),
    /// Say that a person should look at results
    #[command(after_help = decide::AFTER_HELP)]
    Flag(decide::DecideArgs),
    /// Say that results must not be used
    #[command(after_help = decide::AFTER_HELP)]
    Reject(decide::RejectArgs),
}

/// The command. False when there was nothing to do for some.
///
/// # Errors
/// There is no project, nothing is called as asked for, or the database can't be read or written.
pub async fn run(command: &ReviewCommand) -> Result<bool> {
    match command {
        ReviewCommand::List(args) => list::list(args).await.map(|()| true),
        ReviewCommand::Show(args) => list::show(args).await.map(|()| true),
        ReviewCommand::Accept(args) => decide::run(args, ReviewVerdict::Accepted).await,
        ReviewCommand::Flag(args) => decide::run(args, ReviewVerdict::Flagged).await,
        ReviewCommand::Reject(args) => decide::reject(args).await,
    }
}
