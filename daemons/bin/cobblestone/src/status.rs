//! `cobblestone status`: what waits, in one snapshot.

use std::fmt::Write as _;

use anyhow::Result;
use boinc::printable::printable;

use crate::cli::ProjectArgs;
use crate::project::Project;
use crate::screen::print;
use crate::table::Table;
use crate::text::duration;

/// The command.
///
/// # Errors
/// There is no project, or its database can't be read.
pub async fn run(args: &ProjectArgs) -> Result<()> {
    let (project, clock) = Project::open_ready(args).await?;
    let (apps, messages, aside) = project
        .store
        .snapshot("status", async |conn| {
            Ok((conn.app_status().await?, conn.waiting_messages().await?, conn.set_aside_counts().await?))
        })
        .await?;
    let mut table = Table::new(["application", "unsent", "in progress", "to validate", "to assimilate"]);
    for app in apps {
        let counts = [app.unsent, app.in_progress, app.to_validate, app.to_assimilate];
        table.row(std::iter::once(printable(&app.app, 40)).chain(counts.iter().map(ToString::to_string)));
    }
    let mut text = table.text("");
    text.push('\n');
    if messages.is_empty() {
        text.push_str("no trickle-up message waits\n");
    }
    for waiting in messages {
        let since = waiting.oldest.map_or(0.0, |oldest| (clock.now() - oldest).max(0.0));
        let _ = writeln!(
            text,
            "{} trickle-up messages of variety {} wait, the oldest for {}",
            waiting.messages,
            printable(&waiting.variety, 40),
            duration(since)
        );
    }
    if aside.is_empty() {
        text.push_str("nothing is set aside\n");
    }
    for count in aside {
        let _ = writeln!(
            text,
            "{} of kind {} set aside by {}; see: cobblestone quarantine list --kind {}",
            count.things, count.kind, count.daemon, count.kind
        );
    }
    print(&text);
    Ok(())
}
