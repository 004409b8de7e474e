//! `cobblestone quarantine list` and `show`.

use std::fmt::Write as _;

use anyhow::{Result, bail};
use boinc::printable::printable;
use serde_json::{Value, json};
use store::quarantine::Aside;

use super::select::Conditions;
use crate::cli::ProjectArgs;
use crate::project::Project;
use crate::screen::print;
use crate::table::Table;
use crate::text::{date, escaped_lines, iso, json_text};

/// Bytes of a raw text that are shown.
const SHOWN: i32 = 16 * 1024;

/// `cobblestone quarantine list`.
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

/// `cobblestone quarantine show`.
#[derive(Debug, clap::Args)]
pub struct ShowArgs {
    #[command(flatten)]
    project: ProjectArgs,
    /// Number of the entry, as `list` shows it
    #[arg(value_name = "ID")]
    id: i64,
    /// One JSON object, for programs; its text is escaped
    #[arg(long)]
    json: bool,
}

/// `list`.
///
/// # Errors
/// There is no project, or its database can't be read.
pub async fn list(args: &ListArgs) -> Result<()> {
    let (project, clock) = Project::open_ready(&args.project).await?;
    let which = args.conditions.which(&[], &[], clock.now());
    let (rows, all) = project
        .store
        .snapshot("quarantine", async |conn| conn.latest_aside(&which, args.limit).await)
        .await?;
    if args.json {
        let lines: Vec<String> = rows.iter().map(|row| format!("{}\n", json_text(&object(row)))).collect();
        print(&lines.concat());
        return Ok(());
    }
    if rows.is_empty() {
        print("nothing is set aside\n");
        return Ok(());
    }
    let mut table = Table::new(["entry", "time", "daemon", "what", "host", "tries", "reason"])
        .left(&[1, 2, 3, 6])
        .uncut_last();
    let shown = i64::try_from(rows.len()).unwrap_or(i64::MAX);
    for row in rows {
        table.row([
            row.id.to_string(),
            date(row.time),
            printable(&row.daemon, 30),
            format!("{} {}", printable(&row.kind, 30), row.refid),
            if row.hostid == 0 { "-".to_owned() } else { row.hostid.to_string() },
            row.tries.to_string(),
            printable(&row.reason, 300),
        ]);
    }
    let mut text = table.text("");
    if all > shown {
        let _ = writeln!(text, "… and {} more; --limit shows them", all - shown);
    }
    print(&text);
    Ok(())
}

/// `show`.
///
/// # Errors
/// There is no such entry, no project, or its database can't be read.
pub async fn show(args: &ShowArgs) -> Result<()> {
    let (project, _) = Project::open_ready(&args.project).await?;
    let id = args.id;
    let found =
        project.store.read("quarantine entry", async |conn| conn.one_set_aside(id, SHOWN).await).await?;
    let Some(row) = found else {
        bail!("there is no entry {id}; `cobblestone quarantine list` shows those that there are");
    };
    if args.json {
        let mut value = object(&row);
        if let Value::Object(map) = &mut value {
            let raw = row.raw.as_ref().map(|raw| escaped_lines(raw, ""));
            map.insert("text".to_owned(), json!(raw));
            map.insert("text_bytes".to_owned(), json!(row.raw_bytes));
        }
        print(&format!("{}\n", json_text(&value)));
        return Ok(());
    }
    let mut text = String::new();
    let _ = writeln!(text, "entry   {}", row.id);
    let _ = writeln!(text, "what    {} {}, tried {} times", printable(&row.kind, 30), row.refid, row.tries);
    let _ = writeln!(text, "by      {}, {}", printable(&row.daemon, 30), date(row.time));
    let _ = writeln!(text, "host    {}", row.hostid);
    let _ = writeln!(text, "reason  {}", printable(&row.reason, 300));
    match row.raw {
        None => text.push_str("text    none was kept\n"),
        Some(raw) => {
            let _ = writeln!(text, "text    {} bytes, escaped:", row.raw_bytes);
            text.push_str(&escaped_lines(&raw, "    | "));
            let more = row.raw_bytes - i64::try_from(raw.len()).unwrap_or(i64::MAX);
            if more > 0 {
                let _ = writeln!(text, "    … and {more} bytes more");
            }
        }
    }
    print(&text);
    Ok(())
}

fn object(row: &Aside) -> Value {
    json!({
        "entry": row.id, "time": iso(row.time), "daemon": row.daemon, "kind": row.kind, "ref": row.refid,
        "host": (row.hostid != 0).then_some(row.hostid), "tries": row.tries, "reason": row.reason,
    })
}
