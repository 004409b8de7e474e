//! `cobblestone verdicts purge`: old verdicts that nobody will ask for.
//!
//! Invariant: a judgement goes together with its verdicts, in one transaction for some hundred workunits. Nothing else
//! is touched. Killed anywhere, the next run goes on.

use anyhow::Result;

use crate::age::age;
use crate::cli::ProjectArgs;
use crate::project::Project;
use crate::screen::print;
use crate::text::date;

/// Workunits that one transaction looks at.
const WORKUNITS: i64 = 500;

/// Printed below the help.
pub const PURGE_HELP: &str = "Example: cobblestone verdicts purge --older-than 365d\n\n\
    db_purge does not touch what the validator kept of its verdicts: this does. Those of workunits that are not assimilated \
    yet, or whose files are not deleted yet, stay, however old. Keep the others longer than a result may be late: with a \
    verdict goes the digest by which a late result is judged when the canonical result's files are gone. Daemons may run. \
    Safe to interrupt and to repeat.";

/// `cobblestone verdicts …`.
#[derive(Debug, clap::Subcommand)]
pub enum VerdictsCommand {
    /// Delete what was kept of old verdicts
    #[command(after_help = PURGE_HELP)]
    Purge(PurgeArgs),
}

/// `cobblestone verdicts purge`.
#[derive(Debug, Clone, clap::Args)]
pub struct PurgeArgs {
    #[command(flatten)]
    project: ProjectArgs,
    /// Delete verdicts older than this: 365d, 12h, or seconds
    #[arg(long = "older-than", value_name = "AGE", value_parser = age, required = true)]
    older_than: f64,
    /// Say what would be deleted, and write nothing
    #[arg(long = "dry_run")]
    dry_run: bool,
}

/// The command.
///
/// # Errors
/// There is no project, or its database can't be read or written.
pub async fn run(command: &VerdictsCommand) -> Result<()> {
    let VerdictsCommand::Purge(args) = command;
    let (project, clock) = Project::open_ready(&args.project).await?;
    let before = clock.now() - args.older_than;
    let store = &project.store;
    let (kept, old) = store.read("kept verdicts", async |conn| conn.judgements_kept(before).await).await?;
    print(&format!("verdicts from before {} UTC\n", date(before)));
    if args.dry_run {
        print(&format!("looks at workunits: {old} of {kept} would be deleted\n"));
        return Ok(());
    }
    let (mut after, mut gone) = (i32::MIN, 0);
    loop {
        let at = after;
        let step = store
            .transaction("purge verdicts", async |tx| tx.purge_judgements(before, at, WORKUNITS).await)
            .await?;
        let Some((last, count)) = step else { break };
        (after, gone) = (last, gone + count);
    }
    print(&format!("looks at workunits: {gone} of {kept} deleted\n"));
    Ok(())
}
