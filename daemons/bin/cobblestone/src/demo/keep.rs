//! `--keep`: the project goes on without this program, on a clock that runs at its usual pace.

use std::fmt::Write as _;

use anyhow::{Context as _, Result};
use sandbox::{Daemons, Project, Server, SimClock};

use super::place::Place;
use super::scenario::DATABASE;
use crate::text::quoted;

/// Starts the daemons again, lets go of them and of the server, and says how to reach and stop them.
///
/// # Errors
/// A daemon can't be started, or the server does not run.
pub async fn keep(project: &mut Project, server: Server, place: &Place) -> Result<String> {
    // At the demo's pace the project would see years go by.
    project.set_clock(SimClock::starting_at(project.now(), 1.0)).await?;
    let daemons = Daemons::start(project)?.detach();
    let server = server.detach()?;
    let own = std::env::current_exe().context("can't tell where this program is")?;
    let own = quoted(&own.display().to_string());
    let dir = quoted(&place.dir.display().to_string());
    let project_dir = quoted(&project.dir().display().to_string());
    let names: Vec<String> = daemons.iter().map(|(name, pid)| format!("{name} ({pid})")).collect();
    let mut text = String::new();
    let mut line = |name: &str, value: String| {
        let _ = writeln!(text, "  {name:<10}{value}");
    };
    line("project", project.dir().display().to_string());
    line("logs", project.path("log_localhost").display().to_string());
    line(
        "database",
        format!(
            "mariadb --no-defaults --socket={} --user=root {DATABASE}    (server {}, port {})",
            quoted(&server.socket.display().to_string()),
            server.pid,
            server.port
        ),
    );
    line("daemons", names.join(", "));
    line("look", format!("{own} status --project_dir {project_dir}"));
    line("", format!("{own} audit --project_dir {project_dir}"));
    line("", format!("{own} quarantine list --project_dir {project_dir}"));
    line("stop", format!("{own} sandbox stop {dir}    (with --remove it is deleted, too)"));
    Ok(format!("Left running, with a clock that runs at its usual pace. The volunteers are gone.\n\n{text}"))
}
