//! Runs the daemons and the volunteers until all work is done, then stops the daemons by SIGHUP.

use std::process::ExitStatus;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use daemon::{Clock, Stop};
use rustix::process::Signal;
use sandbox::fleet::Books;
use sandbox::{Daemons, Project, World};
use store::Store;

use super::progress::{Done, Stall, line, waiting_for};
use super::{DemoArgs, scenario};
use crate::audit::Audit;
use crate::project::Uptime;
use crate::screen::Screen;

/// How often the volunteers and the transitioner act.
const TICK: Duration = Duration::from_millis(100);
/// How often the progress is read.
const LOOK: Duration = Duration::from_millis(400);
/// How often the books are audited while the daemons work.
const AUDIT: Duration = Duration::from_secs(10);

/// After so long without any change it gives up.
const STALL: Duration = Duration::from_secs(60);

/// What happened.
#[derive(Debug)]
pub struct Lived {
    /// What the hosts did.
    pub books: Books,
    /// Real seconds from the start of the daemons until all was done.
    pub seconds: f64,
    /// Days that passed in the sandbox.
    pub days: f64,
    /// Audits taken while the daemons worked.
    pub audits: usize,
    /// Verdicts of those that found something off.
    pub off: Vec<String>,
    /// The daemons and how they ended.
    pub ended: Vec<(String, ExitStatus)>,
    /// Real seconds from SIGHUP until the last daemon was gone.
    pub stop_seconds: f64,
}

/// What an audit needs.
#[derive(Debug, Clone, Copy)]
pub struct Auditor<'a> {
    /// The project's database.
    pub store: &'a Store,
    /// The project's clock.
    pub clock: &'a Clock,
    /// What its trickle handler reads.
    pub uptime: &'a Uptime,
}

impl Auditor<'_> {
    /// Audits the books now.
    ///
    /// # Errors
    /// The database can't be read.
    pub async fn audit(&self) -> Result<Audit> {
        Audit::take(self.store, self.clock, self.uptime).await
    }
}

/// A run was cut short by a signal.
#[derive(Debug, thiserror::Error)]
#[error("interrupted")]
pub struct Interrupted;

/// See the module. The project's clock must run.
///
/// # Errors
/// A daemon ended by itself, the time limit passed, a signal came, or a statement failed.
pub async fn live(
    project: &Project,
    auditor: Auditor<'_>,
    args: &DemoArgs,
    stop: &Stop,
    screen: &mut Screen,
) -> Result<Lived> {
    let (start, epoch) = (Instant::now(), project.now());
    let mut world = World::new(project, scenario::fleet(args)).await?;
    let mut daemons = Daemons::start(project)?;
    let names: Vec<String> = daemons.iter_mut().map(|d| format!("{} ({})", d.name, d.pid())).collect();
    screen.say(&format!("  daemons   {}", names.join(", ")));
    screen.say("");
    let mut done = Done::new(args.workunits);
    let mut stall = Stall::new(STALL);
    let (mut looked, mut audited) = (Instant::now(), Instant::now());
    let (mut audits, mut off) = (0, Vec::new());
    loop {
        let step = Instant::now();
        world.step().await?;
        if looked.elapsed() >= LOOK {
            looked = Instant::now();
            let (progress, running) = (world.progress().await?, world.fleet().running());
            let (seconds, days) = (start.elapsed().as_secs_f64(), (project.now() - epoch) / 86_400.0);
            screen.live(|| line(seconds, days, args.workunits, &progress));
            if done.look(project.now(), &progress, running) {
                screen.say(&line(seconds, days, args.workunits, &progress));
                break;
            }
            watch(&mut daemons)?;
            if stall.look(project.now(), &progress, running) {
                bail!(
                    "nothing has changed for {} s; it waits for {}",
                    STALL.as_secs(),
                    waiting_for(args.workunits, &progress, running)
                );
            }
            if start.elapsed() > Duration::from_secs(args.time_limit) {
                bail!(
                    "after {} s it still waits for {}; a busy machine needs a lower --rate or a higher --time_limit",
                    args.time_limit,
                    waiting_for(args.workunits, &progress, running)
                );
            }
        }
        if audited.elapsed() >= AUDIT {
            audited = Instant::now();
            let audit = auditor.audit().await?;
            audits += 1;
            if !audit.is_ok() {
                off.push(audit.verdict());
            }
        }
        if !stop.sleep(TICK.saturating_sub(step.elapsed())).await {
            return Err(Interrupted.into());
        }
    }
    let (seconds, days) = (start.elapsed().as_secs_f64(), (project.now() - epoch) / 86_400.0);
    let stopping = Instant::now();
    let ended = tokio::task::block_in_place(|| daemons.stop_by(Signal::HUP))?;
    Ok(Lived {
        books: world.books().clone(),
        seconds,
        days,
        audits,
        off,
        ended,
        stop_seconds: stopping.elapsed().as_secs_f64(),
    })
}

/// No daemon may end by itself.
fn watch(daemons: &mut Daemons) -> Result<()> {
    let Some((name, status)) = daemons.ended().into_iter().next() else { return Ok(()) };
    let (log, tail) = daemons.get_mut(&name).map_or_else(Default::default, |daemon| {
        let text = daemon.log_text();
        let lines: Vec<&str> = text.lines().collect();
        let tail: Vec<&str> = lines.iter().skip(lines.len().saturating_sub(8)).copied().collect();
        (daemon.log.display().to_string(), tail.join("\n  "))
    });
    bail!("{name} ended by itself ({status}); {log} ends with:\n  {tail}")
}
