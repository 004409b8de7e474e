//! `cobblestone quarantine`: what the daemons set aside. Reasons and raw texts hold what volunteers sent, so
//! everything is escaped before it reaches a terminal.

use std::fmt::Write as _;

use anyhow::{Result, bail};
use boinc::printable::printable;

use crate::cli::ProjectArgs;
use crate::project::Project;
use crate::screen::print;
use crate::table::Table;
use crate::text::{date, escaped_lines};

/// Bytes of a raw text that are shown.
const SHOWN: i32 = 16 * 1024;

/// `list`.
///
/// # Errors
/// There is no project, or its database can't be read.
pub async fn list(args: &ProjectArgs, kind: Option<&str>, limit: i64) -> Result<()> {
    let (project, _) = Project::open_ready(args).await?;
    let (rows, all) =
        project.store.snapshot("quarantine", async |conn| conn.latest_set_aside(kind, limit).await).await?;
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
            row.daemon,
            format!("{} {}", row.kind, row.refid),
            if row.hostid == 0 { "-".to_owned() } else { row.hostid.to_string() },
            row.tries.to_string(),
            printable(&row.reason, 200),
        ]);
    }
    let mut text = table.text("");
    if all > shown {
        let _ = writeln!(text, "… and {} more; --limit shows them", all - shown);
    }
    print(&text);
    Ok(())
}

/// `release`.
///
/// # Errors
/// There is no such entry, it is no message, no project, or its database can't be written.
pub async fn release(args: &ProjectArgs, id: i64) -> Result<()> {
    let (project, _) = Project::open_ready(args).await?;
    let found =
        project.store.read("quarantine entry", async |conn| conn.one_set_aside(id, SHOWN).await).await?;
    let Some(entry) = found else { bail!("there is no entry {id}; `cobblestone quarantine list` shows all") };
    let released = project
        .store
        .transaction("release a message", async |tx| {
            let ids = [entry.refid];
            let given = if entry.kind.ends_with("report") {
                tx.give_back_reports(&entry.daemon, &ids).await?
            } else {
                tx.give_back(&entry.daemon, &ids).await?
            };
            Ok(given.len())
        })
        .await?;
    if released == 0 {
        bail!(
            "entry {id} is no message that is held or was set aside, or its message is gone from the database"
        );
    }
    print("released; the trickle handler takes it at its next pass\n");
    Ok(())
}

/// `show`.
///
/// # Errors
/// There is no such entry, no project, or its database can't be read.
pub async fn show(args: &ProjectArgs, id: i64) -> Result<()> {
    let (project, _) = Project::open_ready(args).await?;
    let found =
        project.store.read("quarantine entry", async |conn| conn.one_set_aside(id, SHOWN).await).await?;
    let Some(row) = found else {
        bail!("there is no entry {id}; `cobblestone quarantine list` shows those that there are");
    };
    let mut text = String::new();
    let _ = writeln!(text, "entry   {}", row.id);
    let _ = writeln!(text, "what    {} {}, tried {} times", row.kind, row.refid, row.tries);
    let _ = writeln!(text, "by      {}, {}", row.daemon, date(row.time));
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
