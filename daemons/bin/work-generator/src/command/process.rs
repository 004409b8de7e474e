//! A campaign's program as a process: started without a shell in the project directory, watched by a thread of its own.
//!
//! Invariants.
//! - Memory is bounded by one buffer: what it prints goes to a file. Time and output are bounded by [`Limits`].
//! - It has a process group of its own. The whole group is killed when a limit is reached, when the daemon is asked to stop,
//!   when [`Process`] is dropped, and what is left of it when the program ends; always before its id can be used again.
//! - Its output is put in its place after status 0, whole ([`spool`]).
//!
//! Killed in between: the program's output ends nowhere, so it ends at its next line; its file is not used.

use std::io::{self, Read};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use campaign::spool::{DONE, Spooled, spool};
use campaign::{Campaign, Format};
use daemon::stop::Stop;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process_group, pidfd_open};
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use super::lock::Lock;

/// How much a program may take.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// From start to end.
    pub time: Duration,
    /// That it prints.
    pub bytes: u64,
}

/// What a program printed, stored in its place; or why that does not count.
pub type Outcome = Result<Option<Spooled>, String>;

/// See the module.
pub struct Process {
    group: Arc<Group>,
    /// Set when the thread that reads and waits is done.
    outcome: Arc<OnceLock<Outcome>>,
    /// Kills the group when the daemon is asked to stop, also while a pass goes on.
    guard: JoinHandle<()>,
}

impl Process {
    /// Starts a campaign's program. `ended` is notified when it has ended.
    ///
    /// # Errors
    /// It can't be started.
    pub fn start(
        campaign: &Campaign,
        root: &Path,
        lock: &Lock,
        limits: Limits,
        stop: &Stop,
        ended: Arc<Notify>,
    ) -> Result<Self> {
        let Some((program, arguments)) = campaign.source.command.split_first() else {
            bail!("no command is declared")
        };
        let mut child = Command::new(program)
            .args(arguments)
            .current_dir(root)
            .stdin(lock.shared()?)
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .process_group(0)
            .spawn()
            .with_context(|| format!("can't start {program}"))?;
        let output = child.stdout.take();
        let group = Arc::new(Group { pid: Pid::from_child(&child), child: Mutex::new(Some(child)) });
        let watched = (|| {
            let process = pidfd_open(group.pid, PidfdFlags::empty())?;
            let output = output.ok_or(io::ErrorKind::BrokenPipe)?;
            Ok::<_, io::Error>(Output { process, output, limits, began: Instant::now(), bytes: 0 })
        })();
        let output = watched.inspect_err(|_| group.kill()).context("it can't be watched")?;
        let watch = Watch {
            group: Arc::clone(&group),
            output,
            aside: lock.folder.clone(),
            folder: root.join(campaign.spool()),
            format: campaign.source.format,
        };
        let guard = {
            let (group, stop) = (Arc::clone(&group), stop.clone());
            tokio::spawn(async move {
                stop.stopped().await;
                group.kill();
            })
        };
        let outcome = Arc::new(OnceLock::new());
        let done = Arc::clone(&outcome);
        tokio::task::spawn_blocking(move || {
            let _ = done.set(watch.finish());
            ended.notify_one();
        });
        Ok(Self { group, outcome, guard })
    }

    /// What it came to; None: it runs.
    pub fn outcome(&self) -> Option<&Outcome> {
        self.outcome.get()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.guard.abort();
        self.group.kill();
    }
}

/// The processes of a program.
struct Group {
    pid: Pid,
    /// None: the program's status is taken, and its id may be another's.
    child: Mutex<Option<Child>>,
}

impl Group {
    fn kill(&self) {
        if self.child.lock().unwrap_or_else(PoisonError::into_inner).is_some() {
            // An error means that nobody is left.
            let _ = kill_process_group(self.pid, Signal::KILL);
        }
    }

    /// Kills what is left, and takes the status.
    fn end(&self) -> io::Result<ExitStatus> {
        let mut child = self.child.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = kill_process_group(self.pid, Signal::KILL);
        match child.take() {
            Some(mut child) => child.wait(),
            None => Err(io::ErrorKind::NotFound.into()),
        }
    }
}

/// What the thread does.
struct Watch {
    group: Arc<Group>,
    output: Output,
    /// Where output is stored that does not count yet.
    aside: PathBuf,
    /// Where it counts.
    folder: PathBuf,
    format: Option<Format>,
}

impl Watch {
    fn finish(mut self) -> Outcome {
        let stored = spool(&mut self.output, &self.aside, self.format);
        // It may have closed its output and go on.
        let waited = if stored.is_ok() { self.output.wait_for_end() } else { Ok(()) };
        let status = self.group.end();
        let stored =
            stored.and_then(|stored| waited.map(|()| stored)).and_then(|stored| Ok((stored, status?)));
        match stored {
            Ok((stored, status)) if status.success() => self.put_in_place(stored),
            Ok((_, status)) => Err(format!("{}; what it printed is not used", words(status))),
            Err(error) => Err(format!("{error}; what it printed is not used")),
        }
    }

    fn put_in_place(&self, stored: Option<Spooled>) -> Outcome {
        let Some(mut stored) = stored else { return Ok(None) };
        let name = stored.path.file_name().unwrap_or_default();
        let to = self.folder.join(name);
        stored.known = to.exists() || self.folder.join(DONE).join(name).exists();
        let moved = if stored.known {
            std::fs::remove_file(&stored.path)
        } else {
            let renamed = std::fs::rename(&stored.path, &to);
            renamed.and_then(|()| std::fs::File::open(&self.folder)?.sync_all())
        };
        moved.map_err(|error| format!("its rows can't be stored as {}: {error}", to.display()))?;
        Ok(Some(stored))
    }
}

fn words(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("it ended with status {code}"),
        (None, signal) => format!("it was ended by signal {}", signal.unwrap_or(0)),
    }
}

/// What a program prints, until its end or a limit. A grandchild that holds its output is not waited for.
struct Output {
    process: OwnedFd,
    output: ChildStdout,
    limits: Limits,
    began: Instant,
    bytes: u64,
}

impl Output {
    /// Waits for output or the end: whether there is output, and whether it has ended.
    fn ready(&self, output: bool) -> io::Result<(bool, bool)> {
        loop {
            let left = self.limits.time.saturating_sub(self.began.elapsed());
            if left.is_zero() {
                let what =
                    format!("it did not end in {} s (timeout_seconds)", self.limits.time.as_secs_f64());
                return Err(io::Error::new(io::ErrorKind::TimedOut, what));
            }
            let wait = Timespec {
                tv_sec: i64::try_from(left.as_secs()).unwrap_or(i64::MAX),
                tv_nsec: left.subsec_nanos().into(),
            };
            let mut waiting = vec![PollFd::new(&self.process, PollFlags::IN)];
            if output {
                waiting.push(PollFd::from_borrowed_fd(self.output.as_fd(), PollFlags::IN));
            }
            match poll(&mut waiting, Some(&wait)) {
                Ok(0) | Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
                Ok(_) => {
                    let mut ready = waiting.iter().map(|fd| !fd.revents().is_empty());
                    let ended = ready.next().unwrap_or(false);
                    return Ok((ready.next().unwrap_or(false), ended));
                }
            }
        }
    }

    fn wait_for_end(&self) -> io::Result<()> {
        self.ready(false).map(|_| ())
    }
}

impl Read for Output {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let (has_output, has_ended) = self.ready(true)?;
        if !has_output && has_ended {
            return Ok(0);
        }
        let read = self.output.read(buffer)?;
        self.bytes = self.bytes.saturating_add(read as u64);
        if self.bytes > self.limits.bytes {
            let what = format!("it printed more than {} bytes", self.limits.bytes);
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, what));
        }
        Ok(read)
    }
}
