//! `cobblestone app`: an application from its description: the file itself, BOINC's files, and whether all fits together.
//!
//! What is made and what is wrong is decided by the library `vm-app`; here files are read and written. Invariant: a file is
//! written whole or not at all (under another name, then renamed), and never over one that a person changed. Killed at any
//! point: run it again.

mod build;
pub mod check;
pub mod files;
mod new;

use anyhow::Result;
use clap::Subcommand;

pub use new::NewArgs;

use crate::check::{self as checks, AppCheckArgs, ParseArgs};

/// Commands about one application.
#[derive(Debug, Subcommand)]
pub enum AppCommand {
    /// Describe a new application: writes cobblestone/NAME.toml, asks on a terminal what the flags don't say
    #[command(after_help = new::AFTER_HELP)]
    New(Box<NewArgs>),
    /// Make BOINC's files from the description: version folders, templates, plan classes, daemon lines
    #[command(after_help = build::AFTER_HELP)]
    Build(build::BuildArgs),
    /// Look whether all of one application fits together: description, BOINC's files, database
    #[command(after_help = checks::AFTER_HELP)]
    Check(AppCheckArgs),
    /// Look at files that were written by hand: which elements are lost
    #[command(after_help = checks::AFTER_HELP)]
    Parse(ParseArgs),
}

/// Runs a command; false when something was left undone.
///
/// # Errors
/// It could not be done.
pub async fn run(command: &AppCommand) -> Result<bool> {
    match command {
        AppCommand::Check(args) => checks::run_app(args).await,
        AppCommand::Parse(args) => checks::run_parse(args),
        AppCommand::New(args) => new::run(args).map(|()| true),
        AppCommand::Build(args) => build::run(args).await,
    }
}
