//! `cobblestone report`: `campaign` tells of a campaign (module [`campaign`]), `jobs` of what happened inside the virtual
//! machines, as guests reported it.
//!
//! Invariant: it only reads, in one snapshot, so sums and totals are of one moment. CSV and JSON are written row by row as
//! the database sends them. Counts are whole numbers of any size: they are printed as the database has them.

mod campaign;

use std::cell::RefCell;
use std::fmt::Write as _;

use anyhow::{Result, bail};
use boinc::id::HostId;
use boinc::printable::printable;
use clap::Subcommand;
use serde_json::{Value, json};
use store::report_view::{By, Jobs, Which};

use crate::cli::ProjectArgs;
use crate::csv;
use crate::ledger::day_text;
use crate::out::Out;
use crate::project::Project;
use crate::screen::print;
use crate::table::Table;
use crate::text::json_text;

/// Printed below the help.
pub const AFTER_HELP: &str = "Examples:\n  \
    cobblestone report jobs                               jobs per campaign\n  \
    cobblestone report jobs --app theory --by day         day by day\n  \
    cobblestone report jobs --day 2026-11-20 --by host --csv > hosts.csv\n\n\
    Guests report by messages that cobblestone/APP.toml declares in [[reports]]. A day (UTC) is the one on which the \
    server got the message. A result counts on each day that it reported something.";

/// Columns of CSV; JSON has the same keys.
const COLUMNS: &str = "app,campaign,day,host,result,results,received,succeeded,failed,events";

/// `cobblestone report`.
#[derive(Debug, Subcommand)]
pub enum ReportCommand {
    /// Jobs that ran inside the virtual machines: received, succeeded, failed, and their events
    #[command(after_help = AFTER_HELP)]
    Jobs(JobsArgs),
    /// A campaign: what was asked, what came, how long it took, how results agreed, which hosts stand out
    #[command(after_help = campaign::AFTER_HELP)]
    Campaign(campaign::CampaignArgs),
}

/// `cobblestone report jobs`.
#[derive(Debug, clap::Args)]
pub struct JobsArgs {
    #[command(flatten)]
    project: ProjectArgs,
    /// Only this application: its short name
    #[arg(long, value_name = "NAME")]
    app: Option<String>,
    /// Only this campaign: its name
    #[arg(long, value_name = "NAME")]
    campaign: Option<String>,
    /// Only results of this host
    #[arg(long, value_name = "ID")]
    host: Option<i32>,
    /// Only this day (UTC)
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = day, conflicts_with_all = ["from", "to"])]
    day: Option<i32>,
    /// From this day (UTC)
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = day)]
    from: Option<i32>,
    /// To this day (UTC)
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = day)]
    to: Option<i32>,
    /// Sums by app, campaign, day, host or result
    #[arg(long, value_name = "WHAT", default_value = "campaign", value_parser = by)]
    by: By,
    /// Comma-separated values, for programs
    #[arg(long)]
    csv: bool,
    /// One JSON object, for programs
    #[arg(long, conflicts_with = "csv")]
    json: bool,
    /// At most so many lines of text: those with most jobs, or the latest days; CSV and JSON have all
    #[arg(long, value_name = "N", default_value_t = 50, conflicts_with_all = ["csv", "json"],
          value_parser = clap::value_parser!(i64).range(1..))]
    limit: i64,
}

fn by(word: &str) -> Result<By, String> {
    let all = By::ALL.map(By::as_str);
    By::ALL.into_iter().find(|by| by.as_str() == word).ok_or_else(|| format!("one of: {}", all.join(", ")))
}

/// A day, counted from 1970.
fn day(text: &str) -> Result<i32, String> {
    let day = chrono::NaiveDate::parse_from_str(text, "%Y-%m-%d").ok();
    let days = day.map(|day| chrono::Datelike::num_days_from_ce(&day) - EPOCH);
    days.ok_or_else(|| "a day, as in 2026-11-20".to_owned())
}

/// 1970-01-01, counted from year 1.
const EPOCH: i32 = 719_163;

/// The command.
///
/// # Errors
/// There is no project, nothing is called as asked for, the database can't be read, or the output can't be written.
pub async fn run(command: &ReportCommand) -> Result<()> {
    let args = match command {
        ReportCommand::Jobs(args) => args,
        ReportCommand::Campaign(args) => return campaign::run(args).await,
    };
    let (project, _) = Project::open_ready(&args.project).await?;
    let which = find(args, &project).await?;
    if args.csv || args.json {
        return machine_readable(args, &project, &which).await;
    }
    let (rows, groups, all) = project
        .store
        .snapshot("job table", async |conn| {
            let mut rows = Vec::new();
            conn.each_jobs(&which, args.by, Some(args.limit), |row| {
                rows.push(row);
                true
            })
            .await?;
            Ok((rows, conn.count_jobs(&which, args.by).await?, conn.all_jobs(&which).await?))
        })
        .await?;
    print(&shown(args.by, rows, groups, &all));
    Ok(())
}

async fn find(args: &JobsArgs, project: &Project) -> Result<Which> {
    let (from, to) = (args.day.or(args.from), args.day.or(args.to));
    if from.zip(to).is_some_and(|(from, to)| to < from) {
        bail!("--to lies before --from");
    }
    let app = match args.app.as_deref() {
        None => None,
        Some(name) => match project.store.read("application", async |conn| conn.app(name).await).await? {
            Some(app) => Some(app.id),
            None => bail!("there is no application `{}`", printable(name, 100)),
        },
    };
    if let Some(name) = &args.campaign
        && !project.store.read("campaign", async |conn| conn.is_campaign(name).await).await?
    {
        bail!("there is no campaign \"{}\"; without --campaign all are shown", printable(name, 100));
    }
    Ok(Which { app, campaign: args.campaign.clone(), host: args.host.map(HostId), from, to })
}

/// The table for people. `groups`: how many lines it would have without a limit.
pub fn shown(by: By, mut rows: Vec<Jobs>, groups: i64, all: &Jobs) -> String {
    if rows.is_empty() {
        return "no such report\n".to_owned();
    }
    if by == By::Day {
        rows.sort_by_key(|row| row.day);
    }
    let mut head: Vec<&str> = match by {
        By::Campaign => vec!["campaign", "app"],
        By::Result => vec!["result", "app", "campaign", "host"],
        by => vec![by.as_str()],
    };
    let keys = head.len();
    head.extend(["results", "received", "succeeded", "failed", "events"]);
    let left: Vec<usize> = match by {
        By::Campaign => vec![1],
        By::Result => vec![1, 2],
        _ => Vec::new(),
    };
    let mut table = Table::new(head).left(&left);
    let counts = |row: &Jobs| {
        let counts = [&row.received, &row.succeeded, &row.failed, &row.events];
        std::iter::once(row.results.to_string()).chain(counts.map(Clone::clone)).collect::<Vec<_>>()
    };
    for row in &rows {
        let text = |text: &Option<String>| printable(text.as_deref().unwrap_or("-"), 60);
        let number =
            |id: Option<i64>| id.filter(|id| *id != 0).map_or_else(|| "-".to_owned(), |id| id.to_string());
        let cells = match by {
            By::App => vec![text(&row.app)],
            By::Campaign => vec![text(&row.campaign), text(&row.app)],
            By::Day => vec![day_text(row.day.unwrap_or(0))],
            By::Host => vec![number(row.host)],
            By::Result => vec![number(row.result), text(&row.app), text(&row.campaign), number(row.host)],
        };
        table.row(cells.into_iter().chain(counts(row)));
    }
    let mut cells = vec![String::new(); keys];
    if let Some(first) = cells.first_mut() {
        "all".clone_into(first);
    }
    table.sum(cells.into_iter().chain(counts(all)));
    let mut text = table.text("");
    let lines = i64::try_from(rows.len()).unwrap_or(i64::MAX);
    if groups > lines {
        let _ = writeln!(text, "… {} more; --limit shows them", groups - lines);
    }
    text
}

async fn machine_readable(args: &JobsArgs, project: &Project, which: &Which) -> Result<()> {
    let out = RefCell::new(Out::stdout());
    let begun = RefCell::new(false);
    let read = project
        .store
        .snapshot("job table", async |conn| {
            if begun.replace(true) {
                return Err(store::Error::Other(
                    "the connection was lost half way; what was printed is not all, so run it again"
                        .to_owned(),
                ));
            }
            let first = if args.json { "{\"rows\": [".to_owned() } else { format!("{COLUMNS}\n") };
            out.borrow_mut().put(&first);
            let mut between = "\n";
            conn.each_jobs(which, args.by, None, |row| {
                let line = if args.json {
                    let line = format!("{between}{}", json_text(&object(&row)));
                    between = ",\n";
                    line
                } else {
                    csv_line(&row)
                };
                out.borrow_mut().put(&line)
            })
            .await?;
            conn.all_jobs(which).await
        })
        .await;
    let mut out = out.into_inner();
    match read {
        Ok(all) if args.json => {
            out.put(&format!("\n], \"totals\": {}}}\n", json_text(&object(&all))));
        }
        Ok(_) => {}
        Err(_) if out.is_closed() => {}
        Err(error) => bail!(error),
    }
    out.end()
}

fn csv_line(row: &Jobs) -> String {
    let text = |text: &Option<String>| text.as_deref().map_or_else(String::new, csv::text);
    let number = |id: Option<i64>| id.map_or_else(String::new, |id| id.to_string());
    format!(
        "{},{},{},{},{},{},{},{},{},{}\n",
        text(&row.app),
        text(&row.campaign),
        row.day.map_or_else(String::new, day_text),
        number(row.host),
        number(row.result),
        row.results,
        row.received,
        row.succeeded,
        row.failed,
        row.events
    )
}

/// Keys that it is not summed by are left out.
fn object(row: &Jobs) -> Value {
    // A number beyond what a JSON reader keeps exactly is a text.
    let count = |text: &str| match text.parse::<i64>() {
        Ok(count) if count.abs() <= 1 << 53 => Value::from(count),
        _ => Value::from(text),
    };
    let all = [
        ("app", json!(row.app)),
        ("campaign", json!(row.campaign)),
        ("day", json!(row.day.map(day_text))),
        ("host", json!(row.host)),
        ("result", json!(row.result)),
        ("results", json!(row.results)),
        ("received", count(&row.received)),
        ("succeeded", count(&row.succeeded)),
        ("failed", count(&row.failed)),
        ("events", count(&row.events)),
    ];
    all.into_iter()
        .filter(|(_, value)| !value.is_null())
        .map(|(key, value)| (key.to_owned(), value))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_counted_from_1970() {
        assert_eq!((day("1970-01-01"), day("1970-01-02"), day("2026-11-20")), (Ok(0), Ok(1), Ok(20_777)));
        assert_eq!(day_text(20_777), "2026-11-20");
        assert!(day("2026-02-30").is_err());
    }
}
