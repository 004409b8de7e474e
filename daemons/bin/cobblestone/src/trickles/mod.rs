//! `cobblestone trickles`: messages one by one, and what a person decides about those that were set aside.
//!
//! Everything that is shown of a message is a volunteer's text: it is escaped and cut. What is decided is written in
//! transactions of some hundred messages each; killed between them, the command can be run again.

mod decide;
mod list;
mod purge;
mod select;
mod show;

use anyhow::Result;

use crate::decision::{DropArgs, RetryArgs};
use select::Select;

pub use decide::{LONGEST_REASON, all_or_each, reason};

/// Who sets messages aside: its name in the quarantine.
pub const HANDLER: &str = "trickle-credit";

/// `cobblestone trickles …`.
#[derive(Debug, clap::Subcommand)]
pub enum TricklesCommand {
    /// List messages, latest first, and what became of them
    #[command(after_help = list::AFTER_HELP)]
    List(list::ListArgs),
    /// Show one message with its raw text (escaped: it is a volunteer's)
    Show(show::ShowArgs),
    /// Give messages that were set aside, held or dropped back to the trickle handler: what is possible of them is paid
    #[command(after_help = decide::AFTER_HELP)]
    Retry(RetryArgs<Select>),
    /// Decide that messages which were set aside or held are worth nothing; they stay, with your reason
    #[command(after_help = decide::AFTER_HELP)]
    Drop(DropArgs<Select>),
    /// Delete old messages that are done with
    #[command(after_help = purge::AFTER_HELP)]
    Purge(purge::PurgeArgs),
}

/// The command. False when something could not be done for a message.
///
/// # Errors
/// There is no project, a message is not there, or the database can't be read or written.
pub async fn run(command: &TricklesCommand) -> Result<bool> {
    match command {
        TricklesCommand::List(args) => list::run(args).await.map(|()| true),
        TricklesCommand::Show(args) => show::run(args).await.map(|()| true),
        TricklesCommand::Retry(args) => decide::retry(args).await,
        TricklesCommand::Drop(args) => decide::drop(args).await,
        TricklesCommand::Purge(args) => purge::run(args).await.map(|()| true),
    }
}
