//! `cobblestone quarantine`: what all daemons set aside, and what a person decides about it.
//!
//! | daemon | what | `retry` | `drop` |
//! |---|---|---|---|
//! | trickle-credit | messages, reports in them | as `cobblestone trickles retry` | as `cobblestone trickles drop` |
//! | validator, assimilator | workunits | tried at the next pass | stays, and is not tried any more |
//! | work-generator | jobs of campaigns | made at the next pass | stays, and is not tried any more |
//! | work-generator | rows of files | `cobblestone campaign retry-failed` reads the files again | stays, with its reason |
//!
//! Invariant: one transaction for some hundred entries of one daemon; run twice, the second time finds nothing to do.
//! Messages go the way of `trickles`, so the audit counts them as it does there; no other entry counts in it. Nothing that
//! is dropped is deleted. Reasons and raw texts hold what volunteers sent, so everything is escaped before it reaches a
//! terminal.

mod decide;
mod list;
mod select;

use anyhow::Result;

use crate::decision::{DropArgs, RetryArgs};
use select::Select;

/// `cobblestone quarantine …`.
#[derive(Debug, clap::Subcommand)]
pub enum QuarantineCommand {
    /// List what was set aside, latest first
    List(list::ListArgs),
    /// Show one thing with its raw text (escaped: it is a volunteer's)
    Show(list::ShowArgs),
    /// Give things back to their daemons, which try again at once: of messages, what is possible is paid
    #[command(after_help = decide::AFTER_HELP, alias = "release")]
    Retry(RetryArgs<Select>),
    /// Decide that things are not tried any more, and that messages are worth nothing; they stay, with your reason
    #[command(after_help = decide::AFTER_HELP)]
    Drop(DropArgs<Select>),
}

/// The command. False when there was nothing to do for some.
///
/// # Errors
/// There is no project, no such entry, or the database can't be read or written.
pub async fn run(command: &QuarantineCommand) -> Result<bool> {
    match command {
        QuarantineCommand::List(args) => list::list(args).await.map(|()| true),
        QuarantineCommand::Show(args) => list::show(args).await.map(|()| true),
        QuarantineCommand::Retry(args) => decide::retry(args).await,
        QuarantineCommand::Drop(args) => decide::drop(args).await,
    }
}
