//! Rows that programs print. A program runs beside the passes: however slow it is, other campaigns have their turns.
//!
//! Invariants.
//! - Output counts only whole: it is stored as a file beside, and put into the campaign's folder when the program ended with
//!   status 0. When it was started is noted in the database after that. Killed in between, it runs once more, and rows that
//!   are made are known by their content.
//! - A campaign's program runs once at a time, whoever starts it ([`lock`]).
//! - It ends: after its time, with too much output, when the campaign is stopped, and with the daemon ([`process`]).

mod lock;
mod process;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Result;
use boinc::id::AppId;
use campaign::Campaign;
use daemon::Pass;
use daemon::stop::Stop;
use store::campaigns::FileMove;
use tokio::sync::Notify;

use self::lock::Lock;
use self::process::{Limits, Outcome, Process};
use crate::turn::{Told, Turn};

/// The name under which the last start is noted, as the place in a file of that name.
pub const NOTE: &str = "(command)";
/// Programs that run at a time.
const AT_ONCE: usize = 16;
/// Most that a program prints, in bytes.
const LARGEST: u64 = 16 << 30;
/// Pause after the first failure; it doubles, up to [`LONGEST`].
const PAUSE: Duration = Duration::from_secs(60);
/// Longest pause after a failure.
const LONGEST: Duration = Duration::from_secs(3600);

/// A program that was started.
struct Running {
    process: Process,
    /// As the campaign's file said.
    command: Vec<String>,
    /// Unix seconds.
    started: i64,
    /// Held until the start is noted.
    _lock: Lock,
}

/// A program that failed.
struct Failure {
    command: Vec<String>,
    times: u32,
    until: Instant,
}

/// See the module.
pub struct Commands {
    stop: Stop,
    ended: Arc<Notify>,
    running: BTreeMap<String, Running>,
    failed: BTreeMap<String, Failure>,
    /// Programs that are due and run already, started by somebody else.
    elsewhere: bool,
}

impl Commands {
    /// None runs yet. They end when `stop` says so.
    pub fn new(stop: Stop) -> Self {
        Self {
            stop,
            ended: Arc::default(),
            running: BTreeMap::new(),
            failed: BTreeMap::new(),
            elsewhere: false,
        }
    }

    /// Kills programs of campaigns that are not `wanted` any more, as they were declared when they were started.
    pub fn keep(&mut self, wanted: impl Fn(&str, &[String]) -> bool) {
        self.elsewhere = false;
        self.running.retain(|name, running| {
            let keep = wanted(name, &running.command);
            if !keep {
                tracing::info!(campaign = name, "its command is ended; what it printed is not used");
            }
            keep
        });
    }

    /// Notes programs that ended.
    ///
    /// # Errors
    /// The database refuses; then it is noted the next time.
    pub async fn collect(&mut self, pass: &Pass<'_>, app: AppId, told: &mut Told) -> Result<()> {
        let ended: Vec<(String, i64, Outcome)> = self
            .running
            .iter()
            .filter_map(|(name, running)| {
                Some((name.clone(), running.started, running.process.outcome()?.clone()))
            })
            .collect();
        for (name, started, outcome) in ended {
            match outcome {
                Ok(stored) => {
                    note(pass, app, &name, started).await?;
                    let lines = stored.as_ref().map_or(0, |stored| stored.lines);
                    let known = stored.is_some_and(|stored| stored.known);
                    tracing::info!(campaign = name, lines, known, "the command printed rows");
                    self.running.remove(&name);
                    self.failed.remove(&name);
                }
                Err(why) => {
                    told.tell(&name, &format!("its command failed: {why}"));
                    let Some(Running { command, .. }) = self.running.remove(&name) else { continue };
                    let times = self.failed.get(&name).map_or(0, |failure| failure.times);
                    let until = Instant::now() + pause(times);
                    self.failed.insert(name, Failure { command, times: times + 1, until });
                }
            }
        }
        Ok(())
    }

    /// Whether rows may come without anybody doing anything.
    pub fn are_awaited(&self) -> bool {
        self.elsewhere || !self.running.is_empty()
    }

    /// Waits until one of them ends, or for a little while.
    pub async fn wait(&self) {
        let soon = if self.elsewhere { Duration::from_millis(100) } else { Duration::from_secs(1) };
        tokio::select! {
            () = self.ended.notified() => {}
            _ = self.stop.sleep(soon) => {}
        }
    }

    /// Whether it would be started now, as far as this process knows.
    fn may_start(&self, campaign: &Campaign) -> bool {
        let paused = self.failed.get(&campaign.name).is_some_and(|failure| {
            failure.command == campaign.source.command && Instant::now() < failure.until
        });
        !paused
            && !self.running.contains_key(&campaign.name)
            && self.running.len() < AT_ONCE
            && !self.stop.is_stopping()
    }

    fn start(&mut self, campaign: &Campaign, root: &Path, lock: Lock, started: i64) -> Result<()> {
        let time = Duration::try_from_secs_f64(campaign.source.timeout_seconds).unwrap_or(LONGEST);
        let limits = Limits { time, bytes: LARGEST };
        let process = Process::start(campaign, root, &lock, limits, &self.stop, Arc::clone(&self.ended))?;
        let command = campaign.source.command.clone();
        self.running.insert(campaign.name.clone(), Running { process, command, started, _lock: lock });
        Ok(())
    }
}

impl Turn<'_> {
    /// Starts the campaign's command, if it is time. What is wrong with it is told.
    ///
    /// # Errors
    /// The database refuses, or the campaign's folder can't be written.
    pub async fn start_command(&mut self) -> Result<()> {
        if self.dry_run || !self.commands.may_start(&self.plan.campaign) || !self.command_is_due().await? {
            return Ok(());
        }
        let Some(lock) = Lock::take(&self.project.root.join(self.plan.campaign.spool()))? else {
            tracing::debug!(campaign = self.name(), "its command runs already, started by another process");
            self.commands.elsewhere = true;
            return Ok(());
        };
        // Whoever had the lock may have noted its start meanwhile.
        if !self.command_is_due().await? {
            return Ok(());
        }
        let started = i64::from(self.pass.clock.now_i32()).max(1);
        let begun = self.commands.start(&self.plan.campaign, &self.project.root, lock, started);
        if let Err(error) = begun {
            self.tell(&format!("its command can't be started: {error:#}"));
        }
        Ok(())
    }

    async fn command_is_due(&self) -> Result<bool> {
        let (id, name) = (self.row.id, [NOTE.to_owned()]);
        let read = self
            .pass
            .store
            .read("last start of a command", async |conn| conn.campaign_files(id, &name).await);
        let last = read.await?.first().map_or(0, |cursor| cursor.place);
        Ok(is_due(&self.plan.campaign, last, self.pass.clock.now()))
    }
}

/// Whether it is to be started. `last`: when it was started last, Unix seconds; 0 = never.
fn is_due(campaign: &Campaign, last: i64, now: f64) -> bool {
    #[expect(clippy::cast_precision_loss, reason = "seconds")]
    let last_f = last as f64;
    last == 0 || campaign.source.every.is_some_and(|every| now >= last_f + every)
}

/// How long it is left alone after it failed, when it had failed so many times before.
fn pause(times: u32) -> Duration {
    PAUSE.saturating_mul(1 << times.min(16)).min(LONGEST)
}

/// Notes when a program was started whose rows are in their folder.
async fn note(pass: &Pass<'_>, app: AppId, name: &str, started: i64) -> Result<()> {
    let now = pass.clock.now();
    Ok(pass
        .store
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
        .await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_fails_is_left_alone_longer_and_longer() {
        assert_eq!(pause(0), PAUSE);
        assert_eq!(pause(1), 2 * PAUSE);
        assert_eq!(pause(u32::MAX), LONGEST);
    }

    #[test]
    fn it_is_due_once_or_every_so_often() {
        let text = "[campaign]\napp = 'a'\n[source]\nkind = 'command'\ncommand = ['x']\n";
        let parse = |text: &str| Campaign::parse(text, "c", &app_config::Work::of("a")).unwrap();
        let once = parse(text);
        assert!(is_due(&once, 0, 1000.0) && !is_due(&once, 1, 1e9));
        let often = parse(&format!("{text}every = 60.0\n"));
        assert!(!is_due(&often, 1000, 1059.0) && is_due(&often, 1000, 1060.0));
    }
}
