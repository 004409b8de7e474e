//! `cobblestone status`: what waits, in one snapshot. Most of it is what BOINC's transitioner found out: when that is behind,
//! it is said.

use std::fmt::Write as _;

use anyhow::Result;
use boinc::printable::printable;

use crate::cli::ProjectArgs;
use crate::project::Project;
use crate::screen::print;
use crate::table::Table;
use crate::text::duration;
use crate::trickles::HANDLER;

/// Seconds after which a workunit that the transitioner has not looked at is worth a word: it does so within seconds.
const TRANSITIONER: f64 = 600.0;

/// The command.
///
/// # Errors
/// There is no project, or its database can't be read.
pub async fn run(args: &ProjectArgs) -> Result<()> {
    let (project, clock) = Project::open_ready(args).await?;
    let now = clock.now();
    let (apps, messages, aside, overdue, flagged) = project
        .store
        .snapshot("status", async |conn| {
            Ok((
                conn.app_status().await?,
                conn.waiting_messages().await?,
                conn.set_aside_counts().await?,
                conn.overdue_workunits(now - TRANSITIONER).await?,
                conn.latest_flagged(1).await?.1,
            ))
        })
        .await?;
    let mut table = Table::new(["application", "unsent", "in progress", "to validate", "to assimilate"]);
    for app in apps {
        let counts = [app.unsent, app.in_progress, app.to_validate, app.to_assimilate];
        table.row(std::iter::once(printable(&app.app, 40)).chain(counts.iter().map(ToString::to_string)));
    }
    let mut text = table.text("");
    if let Some(oldest) = overdue.oldest {
        let _ = writeln!(
            text,
            "Not all is known: {} workunits wait for BOINC's transitioner, the oldest for {}. Until it has seen them, what they \
             have to be sent, validated or assimilated is not counted. Does it run?",
            overdue.workunits,
            duration(now - oldest)
        );
    }
    text.push('\n');
    if messages.is_empty() {
        text.push_str("no trickle-up message waits\n");
    }
    for waiting in messages {
        let since = waiting.oldest.map_or(0.0, |oldest| (now - oldest).max(0.0));
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
        let n = count.things;
        let _ = match (count.daemon.as_str(), count.kind.as_str()) {
            (HANDLER, "trickle") => {
                writeln!(text, "{n} messages are set aside; see: cobblestone trickles list --state set_aside")
            }
            (HANDLER, "held") => {
                writeln!(
                    text,
                    "{n} messages are held, you decide; see: cobblestone trickles list --state held"
                )
            }
            (HANDLER, "released") => {
                writeln!(text, "{n} messages were given back to the trickle handler and wait")
            }
            (HANDLER, "dropped") => {
                writeln!(
                    text,
                    "{n} messages were dropped by hand; see: cobblestone trickles list --state dropped"
                )
            }
            (daemon, kind) => writeln!(
                text,
                "{n} of kind {kind} set aside by {daemon}; see: cobblestone quarantine list --kind {kind}"
            ),
        };
    }
    if flagged > 0 {
        let _ =
            writeln!(text, "{flagged} hosts are flagged for claiming too much; cobblestone audit names them");
    }
    print(&text);
    Ok(())
}
