//! Flags of `retry` and `drop`, for messages and for all that was set aside: the same words, another choice (`S`).

use clap::Args;

use crate::cli::ProjectArgs;

/// `retry`.
#[derive(Debug, Args)]
pub struct RetryArgs<S: Args> {
    #[allow(missing_docs)]
    #[command(flatten)]
    pub project: ProjectArgs,
    /// What is given back.
    #[command(flatten)]
    pub which: S,
}

/// `drop`.
#[derive(Debug, Args)]
pub struct DropArgs<S: Args> {
    #[allow(missing_docs)]
    #[command(flatten)]
    pub project: ProjectArgs,
    /// What is dropped.
    #[command(flatten)]
    pub which: S,
    /// Why; kept with your login name
    #[arg(long, value_name = "TEXT", required = true)]
    pub reason: String,
}
