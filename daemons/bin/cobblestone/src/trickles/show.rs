//! `cobblestone trickles show`: one message as it was sent.

use std::fmt::Write as _;

use anyhow::{Result, bail};
use boinc::printable::printable;
use store::messages::MessageRow;

use crate::cli::ProjectArgs;
use crate::project::Project;
use crate::screen::print;
use crate::text::{date, escaped_lines};

/// Bytes of a text that are shown.
pub const SHOWN: i32 = 16 * 1024;

/// `cobblestone trickles show`.
#[derive(Debug, clap::Args)]
pub struct ShowArgs {
    #[command(flatten)]
    project: ProjectArgs,
    /// Number of the message, as `trickles list` shows it
    #[arg(value_name = "ID")]
    id: i32,
}

/// The command.
///
/// # Errors
/// There is no project, no such message, or the database can't be read.
pub async fn run(args: &ShowArgs) -> Result<()> {
    let (project, _) = Project::open_ready(&args.project).await?;
    let found = project.store.read("message", async |conn| conn.one_message(args.id, SHOWN).await).await?;
    let Some(row) = found else {
        bail!(
            "there is no message {}, and nothing tells of it; `cobblestone trickles list` shows them",
            args.id
        );
    };
    let mut text = String::new();
    let stored = row.create_time.map_or_else(|| "its row is gone".to_owned(), |time| date(time.into()));
    let _ = writeln!(text, "message  {}", row.id);
    let _ = writeln!(text, "stored   {stored}");
    let _ = writeln!(text, "host     {}", row.hostid.unwrap_or(0));
    let _ =
        writeln!(text, "variety  {}", row.variety().map_or_else(|| "-".to_owned(), |v| printable(&v, 60)));
    let _ = writeln!(text, "state    {}", super::list::state_text(&row));
    if let Some(reason) = &row.aside_reason {
        let _ = writeln!(text, "reason   {}", printable(reason, 300));
    }
    if let Some(reason) = &row.report_reason {
        let _ = writeln!(text, "report   {}", printable(reason, 300));
    }
    raw(&mut text, &row);
    let _ = writeln!(text, "\nits story: cobblestone explain trickle {}", row.id);
    print(&text);
    Ok(())
}

/// The raw text, escaped and cut.
pub fn raw(out: &mut String, row: &MessageRow) {
    let Some(bytes) = &row.text else {
        out.push_str("text     none is kept\n");
        return;
    };
    let shown = bytes.get(..usize::try_from(SHOWN).unwrap_or(0)).unwrap_or(bytes);
    let _ = writeln!(out, "text     {} bytes, escaped:", row.text_bytes);
    out.push_str(&escaped_lines(shown, "    | "));
    let more = row.text_bytes - i64::try_from(shown.len()).unwrap_or(i64::MAX);
    if more > 0 {
        let _ = writeln!(out, "    … and {more} bytes more");
    }
}
