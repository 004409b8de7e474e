//! Rows that a program prints: it is started without a shell, in the project directory, and its output is stored as a
//! file before any of it is used.
//!
//! Invariant: output counts only when the program ended with status 0. When it ran is noted in the database, so a new
//! start of the daemon does not start it again before its time. Killed in between, it runs once more: rows that are made
//! are known by their content.

use std::path::Path;
use std::process::Stdio;

use anyhow::{Context as _, Result, bail};
use campaign::Campaign;
use campaign::spool::spool;
use store::campaigns::FileMove;

use crate::turn::Turn;

/// The name under which the last start is noted, as the place in a file of that name.
const NOTE: &str = "(command)";

impl Turn<'_> {
    /// Starts the campaign's command, if it is time.
    ///
    /// # Errors
    /// The database refuses. What is wrong with the command is told.
    pub async fn command(&mut self) -> Result<()> {
        let (pass, id, note) = (self.pass, self.row.id, [NOTE.to_owned()]);
        let read =
            pass.store.read("last start of a command", async |conn| conn.campaign_files(id, &note).await);
        let last = read.await?.first().map_or(0, |cursor| cursor.place);
        let now = pass.clock.now();
        if !is_due(&self.plan.campaign, last, now) {
            return Ok(());
        }
        if let Err(error) = run(&self.plan.campaign, &self.project.root).await {
            self.tell(&format!("its command failed: {error:#}"));
            return Ok(());
        }
        let (app, name, started) = (self.app, self.name(), i64::from(pass.clock.now_i32()).max(1));
        pass.store
            .transaction("note the start of a command", async |tx| {
                let row = tx.lock_campaign(app, name, now).await?;
                let note = tx.campaign_file(row.id, NOTE, now).await?;
                let to = FileMove {
                    id: note.id,
                    from: note.place,
                    place: started,
                    rows_read: note.rows_read + 1,
                    tail: String::new(),
                    done: true,
                };
                tx.move_file(&to, now).await.map(|_| ())
            })
            .await?;
        Ok(())
    }
}

/// Whether it is to be started. `last`: when it was started last, Unix seconds; 0 = never.
fn is_due(campaign: &Campaign, last: i64, now: f64) -> bool {
    #[expect(clippy::cast_precision_loss, reason = "seconds")]
    let last_f = last as f64;
    last == 0 || campaign.source.every.is_some_and(|every| now >= last_f + every)
}

/// Runs it and stores what it printed.
async fn run(campaign: &Campaign, root: &Path) -> Result<()> {
    let Some((program, arguments)) = campaign.source.command.split_first() else {
        bail!("no command is declared")
    };
    let mut child = tokio::process::Command::new(program)
        .args(arguments)
        .current_dir(root)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .kill_on_drop(true)
        .spawn()
        .with_context(|| format!("can't start {program}"))?;
    let output = child.stdout.take().context("its output is not there")?;
    let output = output.into_owned_fd().context("its output can't be read")?;
    let folder = root.join(campaign.spool());
    let format = campaign.source.format;
    let waiting = folder.join(".command");
    let to = waiting.clone();
    // It is in its folder only when the program ended well.
    let stored =
        tokio::task::spawn_blocking(move || spool(std::fs::File::from(output), &to, format)).await??;
    let status = child.wait().await?;
    let Some(stored) = stored else {
        if !status.success() {
            bail!("{program} ended with {status}");
        }
        return Ok(());
    };
    let name = stored.path.file_name().map(std::ffi::OsStr::to_owned).unwrap_or_default();
    if !status.success() {
        let _ = std::fs::remove_file(&stored.path);
        bail!("{program} ended with {status}; what it printed is not used");
    }
    let to = folder.join(&name);
    let known = to.exists() || folder.join(campaign::spool::DONE).join(&name).exists();
    if known {
        std::fs::remove_file(&stored.path)?;
    } else {
        std::fs::rename(&stored.path, &to)
            .with_context(|| format!("can't move {}", stored.path.display()))?;
    }
    tracing::info!(campaign = campaign.name, lines = stored.lines, known, "the command printed rows");
    Ok(())
}
