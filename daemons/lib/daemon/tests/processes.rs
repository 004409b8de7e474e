//! The stop contract and the exit statuses, with real processes, real signals and no database.
//!
//! A test starts this test program again, as the ignored test `child`, in the role that [`ROLE`] names.
//! Tests wait for a line of the child's log before they act.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use std::ffi::OsString;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, ExitCode, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use daemon::args::LogFormat;
use daemon::run::{NoArgs, Pace, passes};
use daemon::{Clock, Daemon, Pass, PassReport, Start, Stop};
use rustix::process::{Pid, Signal, kill_process};

/// Names the role of a child.
const ROLE: &str = "COBBLESTONE_TEST_ROLE";
/// Its stop file, or its command line.
const WITH: &str = "COBBLESTONE_TEST_WITH";

/// Upper bound for what a loaded machine may add to a second.
const SLACK: Duration = Duration::from_secs(2);

struct Idle;

impl Daemon for Idle {
    const NAME: &'static str = "idle";
    const ABOUT: &'static str = "Does nothing, for tests.";
    type Args = NoArgs;

    async fn start(_: &Start<NoArgs>) -> anyhow::Result<Self> {
        Ok(Self)
    }

    async fn pass(&mut self, _: &Pass<'_>) -> anyhow::Result<PassReport> {
        Ok(PassReport::default())
    }
}

/// What a child does in its role.
fn act(role: &str, with: &str) -> ExitCode {
    if role == "whole daemon" {
        let argv = std::iter::once("idle").chain(with.split(' ').filter(|word| !word.is_empty()));
        return daemon::run::main_with::<Idle>(argv.map(OsString::from));
    }
    daemon::log::init(LogFormat::Text, 2);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let stop = Stop::new();
        stop.watch_signals().unwrap();
        stop.watch_file(Path::new(with).to_owned());
        stop.watch_hard().unwrap();
        let pace = Pace { one_pass: false, dry_run: false, sleep_interval: Duration::from_secs(3600) };
        passes(pace, &stop, &Clock::system(), async |_| {
            tracing::info!(target: "cobblestone_child", "child is ready");
            match role {
                "sleeps" => {}
                "waits in a pass" => std::future::pending().await,
                "looks at checkpoints" => {
                    while !stop.is_stopping() {
                        tokio::time::sleep(Duration::from_millis(10)).await;
                    }
                    return Ok(PassReport { found: 7, done: 7, ..PassReport::default() });
                }
                "computes" => loop {
                    std::thread::sleep(Duration::from_millis(10));
                },
                "panics" => panic!("a fault\nin two lines"),
                other => panic!("no role {other}"),
            }
            Ok(PassReport::default())
        })
        .await;
    });
    runtime.shutdown_background();
    ExitCode::SUCCESS
}

#[test]
#[ignore = "the other side of the tests below"]
fn child() {
    let role = std::env::var(ROLE).expect("started by another test");
    let code = act(&role, &std::env::var(WITH).unwrap_or_default());
    // There is no other way to read an ExitCode.
    let ok = format!("{code:?}") == format!("{:?}", ExitCode::SUCCESS);
    std::process::exit(i32::from(!ok));
}

/// A child and the lines of its log.
struct Running {
    process: Child,
    lines: Receiver<String>,
    seen: Vec<String>,
}

impl Running {
    fn start(role: &str, with: &str, env: &[(&str, &str)]) -> Self {
        let mut process = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "child", "--ignored", "--nocapture"])
            .env_remove("BOINC_PROJECT_DIR")
            .env(ROLE, role)
            .env(WITH, with)
            .envs(env.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let stderr = process.stderr.take().unwrap();
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                let _ = sender.send(line);
            }
        });
        Self { process, lines, seen: Vec::new() }
    }

    /// Waits until the log holds `words`.
    fn wait_for(&mut self, words: &str) {
        while !self.seen.iter().any(|line| line.contains(words)) {
            match self.lines.recv_timeout(Duration::from_secs(30)) {
                Ok(line) => self.seen.push(line),
                Err(_) => panic!("no `{words}` in {:#?}", self.seen),
            }
        }
    }

    fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(i32::try_from(self.process.id()).unwrap()).unwrap();
        kill_process(pid, signal).unwrap();
    }

    /// Waits for the end; the status and the whole log.
    fn end(mut self) -> (ExitStatus, String) {
        let status = self.process.wait().unwrap();
        self.seen.extend(self.lines.iter());
        (status, self.seen.join("\n"))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn stops(role: &str, request: impl FnOnce(&Running, &Path)) -> String {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("stop_daemons");
    let mut running = Running::start(role, file.to_str().unwrap(), &[]);
    running.wait_for("child is ready");
    let asked = Instant::now();
    request(&running, &file);
    let (status, log) = running.end();
    let took = asked.elapsed();
    assert_eq!(status.code(), Some(0), "{role}: {log}");
    assert!(took < Duration::from_secs(1) + SLACK, "{role}: {took:?}");
    assert!(log.contains("stopping: "), "{role}: {log}");
    log
}

#[test]
fn every_signal_ends_a_sleep() {
    for (signal, name) in [(Signal::HUP, "SIGHUP"), (Signal::TERM, "SIGTERM"), (Signal::INT, "SIGINT")] {
        let log = stops("sleeps", |running, _| running.signal(signal));
        assert!(log.contains(&format!("stopping: {name} received")), "{log}");
    }
}

#[test]
fn the_stop_file_ends_a_sleep() {
    let log = stops("sleeps", |_, file| std::fs::write(file, "").unwrap());
    assert!(log.contains("stop_daemons is present"), "{log}");
}

#[test]
fn a_pass_that_looks_ends_by_itself() {
    let log = stops("looks at checkpoints", |running, _| running.signal(Signal::HUP));
    assert!(log.contains("done=7") && !log.contains("cut"), "{log}");
}

#[test]
fn a_pass_that_waits_is_dropped() {
    let log = stops("waits in a pass", |running, _| running.signal(Signal::HUP));
    assert!(log.contains("the pass was cut short"), "{log}");
}

#[test]
fn a_pass_that_does_not_yield_is_cut_off() {
    let log = stops("computes", |_, file| std::fs::write(file, "").unwrap());
    assert!(log.contains("did not yield"), "{log}");
}

#[test]
fn more_signals_change_nothing() {
    let log = stops("waits in a pass", |running, _| {
        for signal in [Signal::HUP, Signal::TERM, Signal::INT, Signal::HUP] {
            running.signal(signal);
        }
    });
    assert_eq!(log.matches("stopping: ").count(), 1, "{log}");
    assert!(log.contains("the pass was cut short"), "it had its grace: {log}");
}

#[test]
fn a_panic_is_logged_on_one_line_and_is_not_success() {
    let (status, log) = Running::start("panics", "", &[]).end();
    assert!(log.contains("[CRITICAL] panic: a fault\\nin two lines"), "{log}");
    assert_eq!(status.code(), Some(101));
}

/// A project whose database is a port where nobody listens.
fn project() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let config = "<boinc><config><db_name>x</db_name><db_user>x</db_user><db_passwd>\n</db_passwd>\
        <db_host>127.0.0.1:1</db_host><download_dir>download</download_dir><upload_dir>/up</upload_dir>\
        <download_url>http://x/d</download_url><upload_url>http://x/u</upload_url></config></boinc>";
    std::fs::write(folder.path().join("config.xml"), config).unwrap();
    folder
}

fn whole(folder: &Path, flags: &str, env: &[(&str, &str)]) -> Running {
    let line = format!("-app theory -project-dir {} {flags}", folder.display());
    Running::start("whole daemon", &line, env)
}

#[test]
fn a_daemon_waits_for_its_database_and_stops_meanwhile() {
    for flags in ["", "-one-pass"] {
        let folder = project();
        let mut running = whole(folder.path(), flags, &[]);
        running.wait_for(
            "waiting for the database: can't open the database `x` of user `x` at 127.0.0.1:1; look at db_host",
        );
        running.signal(Signal::HUP);
        let (status, log) = running.end();
        assert_eq!(status.code(), Some(0), "{log}");
        assert!(log.contains("idle starts") && log.contains("SIGHUP received"), "{log}");
    }
}

#[test]
fn a_daemon_does_not_start_while_the_stop_file_is_there() {
    let folder = project();
    std::fs::write(folder.path().join("stop_daemons"), "").unwrap();
    let (status, log) = whole(folder.path(), "", &[]).end();
    assert_eq!(status.code(), Some(0), "{log}");
    assert!(log.contains("not starting: ") && !log.contains("database"), "{log}");
}

#[test]
fn what_a_person_must_mend_is_status_1() {
    let folder = project();
    let empty = tempfile::tempdir().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let refused = |folder: &Path, flags: &str, env: &[(&str, &str)], words: &str| {
        let (status, log) = whole(folder, flags, env).end();
        assert_eq!(status.code(), Some(1), "{flags} {env:?}: {log}");
        assert!(log.contains(words), "{flags} {env:?}: {log}");
    };
    refused(folder.path(), "--nonsense", &[], "unexpected argument '--nonsense'");
    refused(folder.path(), "-d 9", &[], "1..=4");
    refused(folder.path(), "-mod 2 2", &[], "0 <= I < N");
    refused(empty.path(), "", &[], "there is no config.xml in it");
    refused(folder.path(), "", &[("COBBLESTONE_DB_TLS", "maybe")], "COBBLESTONE_DB_TLS");
    refused(folder.path(), &format!("-metrics-address {address}"), &[], "can't serve metrics on");
    let (status, log) = Running::start("whole daemon", "--one_pass", &[]).end();
    assert_eq!(status.code(), Some(1));
    assert!(log.contains("--app <NAME>"), "{log}");
}
