//! A program under test: started, watched by its log, signalled, waited for.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant, SystemTime};

use rustix::process::{Pid, Signal, kill_process};

/// Longest wait for anything. Only a fault takes so long.
pub const PATIENCE: Duration = Duration::from_secs(90);
/// Pause between two looks.
pub const LOOK: Duration = Duration::from_millis(5);

/// The four daemons.
pub const DAEMONS: [&str; 4] = [
    "cobblestone-work-generator",
    "cobblestone-trickle-credit",
    "cobblestone-validator",
    "cobblestone-assimilator",
];

/// Folder of the programs: that of this test's build.
pub fn programs() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    test.parent().and_then(Path::parent).unwrap().to_owned()
}

/// Path of a program.
pub fn program(name: &str) -> PathBuf {
    let path = programs().join(name);
    assert!(
        path.is_file(),
        "{} is missing. Whole-system tests start the real programs: build them first with \
         `cargo build --workspace --bins`, or run ./test",
        path.display()
    );
    if is_older_than_its_sources(&path) {
        // Seen when the test fails.
        eprintln!("note: {name} is older than its sources; `cargo build --workspace --bins` makes it anew");
    }
    path
}

/// By cargo's list of what a program was made from.
fn is_older_than_its_sources(program: &Path) -> bool {
    let changed = |path: &Path| -> Option<SystemTime> { path.metadata().ok()?.modified().ok() };
    let Some(built) = changed(program) else { return false };
    let list = std::fs::read_to_string(program.with_extension("d")).unwrap_or_default();
    let sources = list.split_once(": ").map_or("", |(_, sources)| sources);
    sources.split_whitespace().any(|source| changed(Path::new(source)).is_some_and(|time| time > built))
}

/// A running program. Killed when dropped; its log is shown when the test fails.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    log: PathBuf,
}

/// How a program ended.
#[derive(Debug)]
pub struct Ended {
    pub status: ExitStatus,
    /// Both its outputs.
    pub log: String,
}

impl Ended {
    /// Checks the exit status.
    #[track_caller]
    pub fn with(self, code: i32) -> Self {
        assert_eq!(self.status.code(), Some(code), "{}:\n{}", self.status, self.log);
        self
    }

    /// Checks that no pass failed: a second net may have caught what the first one let through.
    #[track_caller]
    pub fn calmly(self) -> Self {
        assert!(!self.log.contains("[CRITICAL]"), "{}", self.log);
        self
    }

    /// Checks that the log holds the words.
    #[track_caller]
    pub fn saying(self, words: &str) -> Self {
        assert!(self.log.contains(words), "no `{words}` in:\n{}", self.log);
        self
    }
}

impl Process {
    /// Starts `program` with the words of `arguments`, in `folder`, without any variable of the caller's project.
    pub fn start(
        name: &str,
        arguments: &str,
        folder: &Path,
        environment: &[(&str, &str)],
        log: PathBuf,
    ) -> Self {
        let out = std::fs::File::create(&log).unwrap();
        let both = out.try_clone().unwrap();
        let mut command = Command::new(program(name));
        for (variable, _) in std::env::vars_os() {
            let name = variable.to_string_lossy();
            if name.starts_with("COBBLESTONE_") || name.starts_with("BOINC_") {
                command.env_remove(&variable);
            }
        }
        let child = command
            .args(arguments.split_whitespace())
            .current_dir(folder)
            .envs(environment.iter().copied())
            .stdin(Stdio::null())
            .stdout(out)
            .stderr(both)
            .spawn()
            .unwrap();
        Self { name: name.to_owned(), child, log }
    }

    /// All that it wrote so far.
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(&self.log).unwrap_or_default()).into_owned()
    }

    /// True while it runs.
    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Waits until its log holds the words.
    pub async fn says(&mut self, words: &str) {
        self.says_times(words, 1).await;
    }

    /// Waits until its log holds the words so many times.
    pub async fn says_times(&mut self, words: &str, times: usize) {
        let start = Instant::now();
        loop {
            // In this order: what it wrote before it ended counts.
            let runs = self.is_running();
            if self.log().matches(words).count() >= times {
                return;
            }
            assert!(runs, "{} ended without `{words}`", self.name);
            assert!(start.elapsed() < PATIENCE, "{} did not say `{words}`", self.name);
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Waits until it has read so many bytes, of whatever.
    pub async fn reads(&mut self, bytes: u64) {
        let start = Instant::now();
        loop {
            let io = std::fs::read_to_string(format!("/proc/{}/io", self.child.id())).unwrap_or_default();
            let read = io.lines().find_map(|line| line.strip_prefix("rchar: ")?.trim().parse::<u64>().ok());
            if read.is_some_and(|read| read >= bytes) {
                return;
            }
            assert!(
                self.is_running() && start.elapsed() < PATIENCE,
                "{} has read {read:?} bytes only",
                self.name
            );
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Sends a signal.
    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_raw(i32::try_from(self.child.id()).unwrap()).unwrap(), signal).unwrap();
    }

    /// Stops it where it is, until [`Process::resume`].
    pub async fn pause(&mut self) {
        self.signal(Signal::STOP);
        let start = Instant::now();
        loop {
            let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap();
            // After the name of the program, which stands in parentheses.
            if stat.rsplit_once(')').is_some_and(|(_, rest)| rest.trim_start().starts_with('T')) {
                return;
            }
            assert!(start.elapsed() < PATIENCE, "{} does not pause", self.name);
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Lets it go on.
    pub fn resume(&self) {
        self.signal(Signal::CONT);
    }

    /// Kills it as `kill -9` does, and waits for the system to have cleared it away.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Waits for its end.
    pub async fn end(mut self) -> Ended {
        let start = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return Ended { status, log: self.log() };
            }
            assert!(start.elapsed() < PATIENCE, "{} does not end", self.name);
            tokio::time::sleep(LOOK).await;
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("--- log of {} {}:\n{}---", self.name, self.child.id(), self.log());
        }
    }
}
