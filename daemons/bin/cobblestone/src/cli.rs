//! The command line and the exit status.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{CommandFactory as _, Parser, Subcommand};
use daemon::args::{LogFormat, try_parse_with};

use crate::demo::DemoArgs;
use crate::{
    adjust, app, audit, campaigns, check, comparing, datasets, demo, explain, ledger, migrate, quarantine,
    rehearse, report, review, sandbox_stop, status, trickles, verdicts, work,
};

/// Something was found to be off.
const OFF: u8 = 1;
/// It could not be done.
const FAILED: u8 = 2;

#[derive(Debug, Parser)]
#[command(
    name = "cobblestone",
    version,
    about = "Looks after a BOINC project's Cobblestone daemons: their tables, the books, messages one by one; and the demo.",
    after_help = "Exit status: 0 = fine, 1 = something is off (audit, check, compare, spec, demo) or there was nothing to do for some (trickles, quarantine, review), or the same was made before (adjust, campaign), or not every workunit could be made (work create), 2 = it could not be done.",
    disable_help_subcommand = true
)]
struct Line {
    #[command(subcommand)]
    command: Command,
    /// Log to stderr: 1 = critical messages, 2 = normal, 3 = debug, 4 = with SQL statements [default: no log]
    #[arg(short = 'd', long = "debug_level", value_name = "N", global = true,
          value_parser = clap::value_parser!(u8).range(1..=4))]
    debug_level: Option<u8>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make the toolkit's tables (cobblestone_…) in the project's database, or bring them up to date
    #[command(after_help = "Safe to repeat, also while daemons run. BOINC's own tables are never altered.")]
    Migrate {
        #[command(flatten)]
        project: ProjectArgs,
    },
    /// Describe an application, make BOINC's files from the description, and check that all fits together
    #[command(subcommand)]
    App(app::AppCommand),
    /// Look whether the whole project fits together: config.xml, descriptions, files, database
    #[command(after_help = check::AFTER_HELP)]
    Check(check::CheckArgs),
    /// Show what waits: results, workunits, messages, and what was set aside
    Status {
        #[command(flatten)]
        project: ProjectArgs,
    },
    /// Check that every credit total equals the ledger, nobody was paid twice, and no message was lost
    #[command(
        after_help = "Reads one snapshot and takes no locks: daemons may run. Exit status 0 = the books balance, 1 = they don't, \
                      2 = it could not look."
    )]
    Audit(audit::AuditArgs),
    /// Show what was paid, to whom and for what, row by row or in sums
    #[command(after_help = ledger::AFTER_HELP)]
    Ledger(ledger::LedgerArgs),
    /// Tell the story of a message, a workunit or a result: what was decided, what was paid, and why
    #[command(subcommand)]
    Explain(explain::ExplainCommand),
    /// Tell of a campaign, or add up what happened inside the virtual machines
    #[command(subcommand)]
    Report(report::ReportCommand),
    /// Say of results that they are good, doubtful or not to be used; and look at what was said
    #[command(subcommand)]
    Review(review::ReviewCommand),
    /// Look at trickle-up messages, and decide about those that were set aside
    #[command(subcommand)]
    Trickles(trickles::TricklesCommand),
    /// Judge kept results by another declaration, and say which verdicts would change; nothing is written
    #[command(after_help = rehearse::AFTER_HELP)]
    Rehearse(rehearse::RehearseArgs),
    /// Look after the assimilator's dataset: check it, merge small files, write it out as one
    #[command(subcommand)]
    Dataset(datasets::DatasetCommand),
    /// Look at campaigns of jobs, stop and resume them, cancel them, make failed jobs again, feed rows
    #[command(subcommand, after_help = campaigns::AFTER_HELP)]
    Campaign(campaigns::CampaignCommand),
    /// Make workunits, in place of BOINC's create_work
    #[command(subcommand, after_help = work::AFTER_HELP)]
    Work(work::WorkCommand),
    /// Look after what the validator kept of its verdicts
    #[command(subcommand)]
    Verdicts(verdicts::VerdictsCommand),
    /// Look at all that the daemons set aside, messages, workunits and jobs, and decide about it
    #[command(subcommand)]
    Quarantine(quarantine::QuarantineCommand),
    /// Grant or take credit by hand, with a reason
    #[command(after_help = adjust::AFTER_HELP)]
    Adjust(adjust::AdjustArgs),
    /// Compare two outputs: the same, or not, where, and by how much
    #[command(after_help = comparing::AFTER_HELP)]
    Compare(comparing::CompareArgs),
    /// Try a declaration of what "the same" means on real outputs
    #[command(subcommand)]
    Spec(comparing::SpecCommand),
    /// Run a whole simulated project with the four daemons, and check the books at the end
    #[command(after_help = demo::AFTER_HELP)]
    Demo(DemoArgs),
    /// Look after a sandbox that `cobblestone demo --keep` left running
    #[command(subcommand)]
    Sandbox(Sandbox),
}

#[derive(Debug, Subcommand)]
enum Sandbox {
    /// Stop its daemons and its database
    Stop {
        /// The sandbox's folder
        #[arg(value_name = "DIR")]
        dir: PathBuf,
        /// Delete it, too
        #[arg(long)]
        remove: bool,
    },
}

/// Which project.
#[derive(Debug, Clone, clap::Args)]
pub struct ProjectArgs {
    /// Project directory [default: $BOINC_PROJECT_DIR, else . or .., whichever has a config.xml]
    #[arg(long = "project_dir", value_name = "DIR")]
    pub project_dir: Option<PathBuf>,
}

/// Runs the command line.
pub fn main(argv: impl IntoIterator<Item = OsString>) -> ExitCode {
    let argv: Vec<OsString> = argv.into_iter().collect();
    if let Some(flags) = work::flags_in(&argv) {
        return finish(work::run(&flags));
    }
    let line: Line = match try_parse_with(Line::command(), argv) {
        Ok(line) => line,
        Err(error) => {
            // Nobody is left to tell when this can't be written.
            let _ = error.print();
            return if error.use_stderr() { ExitCode::from(FAILED) } else { ExitCode::SUCCESS };
        }
    };
    if let Some(level) = line.debug_level {
        daemon::log::init(LogFormat::Text, level);
    }
    finish(run(line.command))
}

/// Runs a command to its end; its exit status.
fn finish(command: impl Future<Output = anyhow::Result<bool>>) -> ExitCode {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .context("can't start the runtime");
    let outcome = runtime.and_then(|runtime| runtime.block_on(command));
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(OFF),
        Err(error) => {
            eprintln!("cobblestone: {error:#}");
            ExitCode::from(FAILED)
        }
    }
}

/// False when something was found to be off.
async fn run(command: Command) -> anyhow::Result<bool> {
    match command {
        Command::Migrate { project } => migrate::run(&project).await.map(|()| true),
        Command::Audit(args) => audit::run(&args).await,
        Command::Ledger(args) => ledger::run(&args).await.map(|()| true),
        Command::Explain(command) => explain::run(&command).await.map(|()| true),
        Command::Adjust(args) => adjust::run(&args).await,
        Command::Report(command) => report::run(&command).await.map(|()| true),
        Command::Status { project } => status::run(&project).await.map(|()| true),
        Command::Review(command) => review::run(&command).await,
        Command::Rehearse(args) => rehearse::run(&args).await,
        Command::Dataset(command) => datasets::run(&command).await,
        Command::Campaign(command) => campaigns::run(&command).await,
        Command::Work(work::WorkCommand::Create { flags }) => work::run(&flags).await,
        Command::Verdicts(command) => verdicts::run(&command).await.map(|()| true),
        Command::Trickles(command) => trickles::run(&command).await,
        Command::Quarantine(command) => quarantine::run(&command).await,
        Command::App(command) => app::run(&command).await,
        Command::Check(args) => check::run(&args).await,
        Command::Compare(args) => comparing::run(&args),
        Command::Spec(command) => comparing::run_spec(&command),
        Command::Demo(args) => demo::run(&args).await,
        Command::Sandbox(Sandbox::Stop { dir, remove }) => sandbox_stop::run(&dir, remove).map(|()| true),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(words: &str) -> Result<Line, clap::Error> {
        try_parse_with(Line::command(), words.split(' ').map(OsString::from))
    }

    #[test]
    fn flags_may_be_spelt_as_the_daemons_spell_them() {
        for words in [
            "cobblestone audit --project_dir /p --json",
            "cobblestone audit -project-dir=/p -json",
            "cobblestone -d 1 audit --project-dir /p --json",
            "cobblestone audit --json --project_dir /p -d 1",
        ] {
            let line = parse(words).unwrap_or_else(|error| panic!("{words}: {error}"));
            let Command::Audit(audit::AuditArgs { project, json: true, .. }) = line.command else {
                panic!("{words}")
            };
            assert_eq!(project.project_dir, Some("/p".into()));
        }
    }

    #[test]
    fn the_command_line_is_well_formed() {
        Line::command().debug_assert();
        assert!(parse("cobblestone").is_err());
        assert!(parse("cobblestone quarantine show x").is_err());
        assert!(parse("cobblestone audit --accept user:1").is_err(), "no reason");
        assert!(parse("cobblestone audit --accept user:1 --reason x").is_ok());
        let which = parse("cobblestone trickles retry").unwrap_err().to_string();
        assert!(
            ["<ID>", "ID|", "--reason", "--all_set_aside"]
                .iter()
                .filter(|flag| which.contains(**flag))
                .count()
                >= 3,
            "{which}"
        );
        assert!(parse("cobblestone trickles retry 1 2").is_ok());
        assert!(parse("cobblestone trickles retry --all_set_aside --reason_contains x").is_ok());
        assert!(parse("cobblestone trickles retry 1 --reason-contains x").is_err());
        assert!(parse("cobblestone ledger compact").is_err(), "no age");
        assert!(parse("cobblestone ledger compact --older_than 90d --dry-run").is_ok());
        assert!(parse("cobblestone trickles purge --older-than 1y").is_err());
        assert!(parse("cobblestone quarantine list --kind trickle --limit 3").is_ok());
        assert!(parse("cobblestone quarantine retry").is_err(), "which?");
        assert!(parse("cobblestone quarantine release 3").is_ok());
        assert!(parse("cobblestone quarantine retry 3 --host 2").is_err());
        assert!(
            parse("cobblestone quarantine drop --daemon validator --older-than 3d").is_err(),
            "no reason"
        );
        assert!(parse("cobblestone sandbox stop /s --remove").is_ok());
        let help = parse("cobblestone demo --help").unwrap_err().to_string();
        for flag in ["--keep", "--hosts", "--workunits", "--dir", "--rate"] {
            assert!(help.contains(flag), "{help}");
        }
    }
}
