//! `cobblestone ledger`: every payment of credit, or sums of them.
//!
//! Invariant: it only reads, in one snapshot, so rows and totals are of one moment. CSV and JSON are written row by row
//! as the database sends them, so a ledger of any size needs no memory. Their total is the sum of the numbers that were
//! printed, in their order: whoever adds them up gets the same to the last bit.
//!
//! Killed half way, CSV lacks its end and JSON is no valid document. A connection that is lost half way is an error:
//! nothing is printed twice.

mod machine;
mod select;
mod shown;

use std::cell::RefCell;
use std::collections::BTreeMap;

use anyhow::{Result, bail};
use store::ledger_view::{By, Which};

use crate::cli::ProjectArgs;
use crate::compact;
use crate::out::Out;
use crate::project::Project;
use crate::screen::print;

pub use machine::day_text;
pub use select::{WhichArgs, app as app_id, result_id};

/// Printed below the help.
pub const AFTER_HELP: &str = "Examples:\n  \
    cobblestone ledger --host 17                          what host 17 was paid, and for what\n  \
    cobblestone ledger --day 2026-11-20 --by user         who got how much on a day (UTC)\n  \
    cobblestone ledger --csv > ledger.csv                 all of it\n\n\
    Rows come oldest first. CSV has no line of totals; JSON is one object, {\"rows\": [...], \"totals\": {...}}, \
    with one row in each line. Times are UTC. Credit is in cobblestones, with all its digits in CSV and JSON. \
    In CSV, a text that a spreadsheet would take for a formula begins with '.";

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Replace old rows by their sums, so that the ledger stays small
    #[command(after_help = compact::AFTER_HELP)]
    Compact(compact::CompactArgs),
}

/// `cobblestone ledger`.
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct LedgerArgs {
    #[command(subcommand)]
    action: Option<Action>,
    #[command(flatten)]
    project: ProjectArgs,
    #[command(flatten)]
    which: WhichArgs,
    /// Sums instead of rows: by result, host, user, team, app, kind or day
    #[arg(long, value_name = "WHAT", value_parser = by)]
    by: Option<By>,
    /// Comma-separated values, for programs
    #[arg(long)]
    csv: bool,
    /// One JSON object, for programs
    #[arg(long, conflicts_with = "csv")]
    json: bool,
    /// At most so many lines of text: the last rows, or the largest sums; CSV and JSON have all
    #[arg(long, value_name = "N", default_value_t = 50, conflicts_with_all = ["csv", "json"],
          value_parser = clap::value_parser!(i64).range(1..))]
    limit: i64,
}

fn by(word: &str) -> Result<By, String> {
    let all = By::ALL.map(By::as_str);
    By::ALL.into_iter().find(|by| by.as_str() == word).ok_or_else(|| format!("one of: {}", all.join(", ")))
}

/// What stands beside the rows.
struct Names {
    /// `app.id` and its short name.
    apps: BTreeMap<i32, String>,
}

impl Names {
    fn app(&self, id: i32) -> &str {
        self.apps.get(&id).map_or("", String::as_str)
    }
}

/// The command.
///
/// # Errors
/// There is no project, nothing is called as asked for, the database can't be read, or the output can't be written.
pub async fn run(args: &LedgerArgs) -> Result<()> {
    if let Some(Action::Compact(args)) = &args.action {
        return compact::run(args).await;
    }
    let (project, _) = Project::open_ready(&args.project).await?;
    let which = args.which.find(&project.store).await?;
    let apps = project.store.read("applications", async |conn| conn.apps().await).await?;
    let names = Names { apps: apps.into_iter().map(|app| (app.id.0, app.name)).collect() };
    if args.csv || args.json {
        return machine_readable(args, &project, &which, &names).await;
    }
    let limit = args.limit;
    let mut text = match args.by {
        None => {
            let (rows, all) = project
                .store
                .snapshot("ledger", async |conn| {
                    Ok((conn.last_ledger_rows(&which, limit).await?, conn.ledger_sum(&which).await?))
                })
                .await?;
            shown::rows(&rows, &all, &names)
        }
        Some(by) => {
            let (sums, groups, all) = project
                .store
                .snapshot("ledger", async |conn| {
                    let mut sums = Vec::new();
                    conn.each_ledger_sum(&which, by, Some(limit), |sum| {
                        sums.push(sum);
                        true
                    })
                    .await?;
                    let groups = conn.count_ledger_sums(&which, by).await?;
                    Ok((sums, groups, conn.ledger_sum(&which).await?))
                })
                .await?;
            shown::sums(by, &sums, groups, &all)
        }
    };
    if let Some(host) = which.host {
        let flags = project.store.read("flags", async |conn| conn.flags(&[host]).await).await?;
        text.push_str(&shown::flags(&flags, &names));
    }
    print(&text);
    Ok(())
}

async fn machine_readable(args: &LedgerArgs, project: &Project, which: &Which, names: &Names) -> Result<()> {
    let writer = RefCell::new(machine::Writer::new(Out::stdout(), args.json, args.by));
    let read = project
        .store
        .snapshot("ledger", async |conn| {
            if !writer.borrow_mut().begin() {
                return Err(store::Error::Other(
                    "the connection was lost half way; what was printed is not all, so run it again"
                        .to_owned(),
                ));
            }
            match args.by {
                None => conn.each_ledger_row(which, |row| writer.borrow_mut().row(&row, names)).await,
                Some(by) => {
                    conn.each_ledger_sum(which, by, None, |sum| writer.borrow_mut().sum(by, &sum)).await
                }
            }
        })
        .await;
    let mut writer = writer.into_inner();
    match read {
        Ok(()) => writer.totals(),
        Err(_) if writer.is_closed() => {}
        Err(error) => bail!(error),
    }
    writer.end()
}
