//! `cobblestone review list` and `show`.

use std::fmt::Write as _;

use anyhow::{Result, bail};
use boinc::id::WorkunitId;
use boinc::printable::printable;
use serde_json::{Value, json};
use store::review_view::{Latest, Reviewed};
use store::reviews::Review;

use super::select::{Conditions, workunit, workunit_of};
use crate::cli::ProjectArgs;
use crate::project::Project;
use crate::screen::print;
use crate::table::Table;
use crate::text::{date, iso, json_text};

/// Printed below the help.
pub const AFTER_HELP: &str = "Examples:\n  \
    cobblestone review list --flagged_by assimilator      what did nothing, as its guest reported\n  \
    cobblestone review list --campaign beam7 --latest none   what nobody looked at yet";

/// Characters of a comment in a list.
const COMMENT: usize = 120;

/// `cobblestone review list`.
#[derive(Debug, clap::Args)]
pub struct ListArgs {
    #[command(flatten)]
    project: ProjectArgs,
    #[command(flatten)]
    conditions: Conditions,
    /// At most so many
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(i64).range(1..1_000_000))]
    limit: i64,
    /// One JSON object per line, for programs
    #[arg(long)]
    json: bool,
}

/// `cobblestone review show`.
#[derive(Debug, clap::Args)]
#[command(group(clap::ArgGroup::new("what").required(true).args(["workunit", "result"])))]
pub struct ShowArgs {
    #[command(flatten)]
    project: ProjectArgs,
    /// Id or name of a workunit
    #[arg(value_name = "WORKUNIT")]
    workunit: Option<String>,
    /// Id or name of one of its results instead
    #[arg(long, value_name = "RESULT")]
    result: Option<String>,
    /// One JSON object, for programs
    #[arg(long)]
    json: bool,
}

/// The command.
///
/// # Errors
/// There is no project, no such campaign, or its database can't be read.
pub async fn list(args: &ListArgs) -> Result<()> {
    let (project, _) = Project::open_ready(&args.project).await?;
    let mut which = args.conditions.find(&project).await?;
    which.latest = which.latest.or(Some(Latest::Any));
    let rows = project
        .store
        .snapshot("reviews", async |conn| conn.latest_reviewed(&which, args.limit.saturating_add(1)).await)
        .await?;
    let shown = usize::try_from(args.limit).unwrap_or(usize::MAX);
    if args.json {
        let lines: Vec<String> =
            rows.iter().take(shown).map(|row| format!("{}\n", json_text(&object(row)))).collect();
        print(&lines.concat());
        return Ok(());
    }
    if rows.is_empty() {
        print("there is no such review\n");
        return Ok(());
    }
    let mut table = Table::new([
        "workunit",
        "name",
        "campaign",
        "result",
        "host",
        "time (UTC)",
        "who",
        "verdict",
        "comment",
    ])
    .left(&[1, 2, 5, 6, 7, 8])
    .uncut_last();
    for row in rows.iter().take(shown) {
        let text = |text: &Option<String>, most| {
            text.as_deref().map_or_else(|| "-".to_owned(), |text| printable(text, most))
        };
        table.row([
            row.workunitid.to_string(),
            text(&row.name, 40),
            text(&row.campaign, 30),
            number(Some(row.resultid)),
            number(row.hostid),
            row.time.map_or_else(|| "-".to_owned(), date),
            text(&row.who, 30),
            text(&row.verdict, 10),
            row.comment.as_deref().map_or_else(String::new, |text| printable(text, COMMENT)),
        ]);
    }
    let mut text = table.text("");
    if rows.len() > shown {
        text.push_str("… and more; --limit shows them\n");
    }
    print(&text);
    Ok(())
}

/// The command.
///
/// # Errors
/// There is no project, no such workunit, or its database can't be read.
pub async fn show(args: &ShowArgs) -> Result<()> {
    let (project, _) = Project::open_ready(&args.project).await?;
    let id: WorkunitId = match (&args.workunit, &args.result) {
        (Some(text), _) => workunit(&project, text).await?,
        (None, Some(text)) => workunit_of(&project, text).await?,
        (None, None) => bail!("which workunit?"),
    };
    let (row, reviews) = project
        .store
        .snapshot("reviews", async |conn| {
            Ok((conn.reviewed(&[id]).await?.pop(), conn.reviews_of(&[id]).await?))
        })
        .await?;
    let Some(row) = row.filter(|row| row.appid != 0) else {
        bail!("there is no workunit {id}, and nothing tells of it");
    };
    if args.json {
        let mut value = object(&row);
        if let Value::Object(map) = &mut value {
            map.insert("reviews".to_owned(), reviews.iter().map(said).collect());
        }
        print(&format!("{}\n", json_text(&value)));
        return Ok(());
    }
    let mut text = String::new();
    let name = row.name.as_deref().map_or_else(|| "its row is gone".to_owned(), |name| printable(name, 200));
    let _ = writeln!(text, "workunit  {id}, {name}");
    if let Some(campaign) = &row.campaign {
        let _ = writeln!(text, "campaign  {}, job {}", printable(campaign, 200), row.job.unwrap_or(0));
    }
    let _ = writeln!(text, "result    {}, host {}", number(Some(row.resultid)), number(row.hostid));
    let _ = writeln!(text, "reviews   {}", if reviews.is_empty() { "none" } else { "the last one holds" });
    for review in &reviews {
        let review = &review.review;
        let _ = writeln!(
            text,
            "  {}  {}  {}  result {}\n      {}",
            date(review.time),
            printable(&review.who, 130),
            review.verdict.as_str(),
            number(Some(review.result.0)),
            printable(&review.comment, 8000)
        );
    }
    print(&text);
    Ok(())
}

fn number(id: Option<i32>) -> String {
    id.filter(|id| *id != 0).map_or_else(|| "-".to_owned(), |id| id.to_string())
}

fn object(row: &Reviewed) -> Value {
    json!({
        "workunit": row.workunitid, "name": row.name, "app": row.appid, "result": row.resultid, "host": row.hostid,
        "campaign": row.campaign, "job": row.job, "time": row.time.map(iso), "who": row.who, "verdict": row.verdict,
        "comment": row.comment,
    })
}

fn said(review: &Review) -> Value {
    json!({
        "review": review.id, "time": iso(review.review.time), "who": review.review.who, "verdict": review.review.verdict.as_str(),
        "result": review.review.result.0, "comment": review.review.comment,
    })
}
