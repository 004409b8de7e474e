//! One program, run to its end or to the timeout, for whoever lets a program of the project decide.
//!
//! It is started directly, without a shell, in a process group of its own, with nothing on its standard input.
//!
//! Invariants. It ends: after the timeout the whole group is killed, and what it left behind in its group is killed in
//! any case, before its process id can be used again. What leaves the group (setsid) is its own master. What it writes never blocks it; the first 64 KiB are kept.
//!
//! Killed in the middle: the program goes on to its own end; nothing waits for it.

use std::ffi::OsString;
use std::io::Read;
use std::os::fd::AsFd;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{Access, AtFlags, CWD, accessat};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process_group, pidfd_open};

/// Most that is kept of what a program writes, in bytes.
const KEPT: usize = 64 << 10;
/// Exit status for "try again later": EX_TEMPFAIL.
pub const LATER: i32 = 75;

/// How a program ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    /// With this exit status.
    Status(i32),
    /// It could not be started, and why.
    NotStarted(String),
    /// In another way, and what it was: a signal, the timeout.
    Otherwise(String),
}

/// A program that has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    #[allow(missing_docs)]
    pub ended: Ended,
    /// What it wrote to standard output and error, cut after 64 KiB, escaped but for line ends and tabs.
    pub output: String,
}

/// Why a program can't be run by this user; None if nothing speaks against it.
#[must_use]
pub fn fault(program: &Path) -> Option<String> {
    let why = match program.metadata() {
        Err(error) => error.to_string(),
        Ok(about) if !about.is_file() => "it is no file".to_owned(),
        Ok(_) if accessat(CWD, program, Access::EXEC_OK, AtFlags::EACCESS).is_err() => {
            "it is not executable; chmod +x".to_owned()
        }
        Ok(_) => return None,
    };
    Some(format!("{} can't be run: {why}", program.display()))
}

/// Runs a program and waits for its end.
#[must_use]
pub fn run(program: &Path, arguments: &[OsString], timeout: Duration) -> Run {
    let mut output = Vec::new();
    let ended = match start(program, arguments) {
        Ok(child) => watch(child, timeout, &mut output),
        Err(error) => Ended::NotStarted(format!("{} can't be started: {error}", program.display())),
    };
    Run { ended, output: printable(&output) }
}

fn start(program: &Path, arguments: &[OsString]) -> std::io::Result<Child> {
    Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn()
}

/// Waits for the end, kills what is left of the group, and only then takes the exit status: until then nobody else
/// can get the process id.
fn watch(mut child: Child, timeout: Duration, output: &mut Vec<u8>) -> Ended {
    let pid = Pid::from_child(&child);
    let in_time = until_end(&mut child, pid, timeout, output);
    // An error means that nobody is left.
    let _ = kill_process_group(pid, Signal::KILL);
    let status = child.wait();
    match (in_time, status) {
        (Ok(true), Ok(status)) => ended(status),
        (Ok(false), _) => Ended::Otherwise(format!("the script did not end in {} s", timeout.as_secs_f64())),
        (Err(error), _) => Ended::Otherwise(format!("the script can't be watched: {error}")),
        (_, Err(error)) => Ended::Otherwise(format!("the script's status is unknown: {error}")),
    }
}

fn ended(status: ExitStatus) -> Ended {
    match (status.code(), status.signal()) {
        (Some(code), _) => Ended::Status(code),
        (None, signal) => Ended::Otherwise(format!("the script was ended by signal {}", signal.unwrap_or(0))),
    }
}

/// Takes what the program writes until it ends: true; false if that takes too long.
fn until_end(child: &mut Child, pid: Pid, timeout: Duration, kept: &mut Vec<u8>) -> std::io::Result<bool> {
    let process = pidfd_open(pid, PidfdFlags::empty())?;
    let (mut out, mut err) = (child.stdout.take(), child.stderr.take());
    let began = Instant::now();
    loop {
        let left = timeout.saturating_sub(began.elapsed());
        let wait = Timespec { tv_sec: left.as_secs() as i64, tv_nsec: left.subsec_nanos().into() };
        let mut waiting = vec![PollFd::new(&process, PollFlags::IN)];
        waiting.extend(out.iter().map(|pipe| PollFd::from_borrowed_fd(pipe.as_fd(), PollFlags::IN)));
        waiting.extend(err.iter().map(|pipe| PollFd::from_borrowed_fd(pipe.as_fd(), PollFlags::IN)));
        match poll(&mut waiting, Some(&wait)) {
            Ok(0) => return Ok(false),
            Err(rustix::io::Errno::INTR) => continue,
            Err(error) => return Err(error.into()),
            Ok(_) => {}
        }
        let ready: Vec<bool> = waiting.iter().map(|fd| !fd.revents().is_empty()).collect();
        let is_ready = |place: usize| ready.get(place).copied().unwrap_or(false);
        let (has_ended, out_ready, err_ready) = (
            is_ready(0),
            out.is_some() && is_ready(1),
            err.is_some() && is_ready(1 + usize::from(out.is_some())),
        );
        if out_ready && take(&mut out, kept)? {
            out = None;
        }
        if err_ready && take(&mut err, kept)? {
            err = None;
        }
        // What it wrote before its end is all in the pipes; a grandchild that holds them is not waited for.
        if has_ended && !out_ready && !err_ready {
            return Ok(true);
        }
        if began.elapsed() >= timeout {
            return Ok(false);
        }
    }
}

/// Takes what is there; true at the end.
fn take(pipe: &mut Option<impl Read>, kept: &mut Vec<u8>) -> std::io::Result<bool> {
    let Some(pipe) = pipe else { return Ok(true) };
    let mut buffer = [0; 8192];
    let count = match pipe.read(&mut buffer) {
        Err(error) if error.kind() == std::io::ErrorKind::Interrupted => return Ok(false),
        read => read?,
    };
    let room = KEPT.saturating_sub(kept.len()).min(count);
    kept.extend_from_slice(buffer.get(..room).unwrap_or_default());
    Ok(count == 0)
}

fn printable(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    text.chars().flat_map(escaped).collect()
}

fn escaped(character: char) -> Vec<char> {
    if character.is_control() && !matches!(character, '\n' | '\t') {
        character.escape_unicode().collect()
    } else {
        vec![character]
    }
}
