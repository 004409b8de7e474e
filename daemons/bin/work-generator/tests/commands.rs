//! Programs that print rows, beside the passes: slow ones hold up nobody, none outlives the generator's end, and none makes a
//! job twice, wherever generator or program is killed.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use common::World;

/// Longest wait for what must happen.
const LONG: Duration = Duration::from_secs(60);

/// Waits for it.
async fn until(what: &str, mut it: impl AsyncFnMut() -> bool) {
    let began = Instant::now();
    while !it().await {
        assert!(began.elapsed() < LONG, "{what} does not come");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// A campaign with this program, a shell script.
fn command(world: &World, keys: &str, script: &str) {
    world.campaign(
        "cmd",
        &format!("[source]\nkind = \"command\"\ncommand = [\"/bin/sh\", \"rows\"]\n{keys}\n"),
    );
    world.old_file("rows", script);
}

/// A generator; it is killed when the test fails.
struct Generator(Child);

impl Generator {
    fn kill(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }

    /// Asks it to stop, and waits for its end.
    fn stop(&mut self) {
        let pid = rustix::process::Pid::from_child(&self.0);
        rustix::process::kill_process(pid, rustix::process::Signal::HUP).unwrap();
        assert!(self.0.wait().unwrap().success());
    }
}

impl Drop for Generator {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A generator that goes on until it is stopped. Its log goes to a file.
fn start(world: &World) -> Generator {
    let log = std::fs::File::options().create(true).append(true).open(world.project.path("log")).unwrap();
    let mut command = world.start_forever(&["--sleep_interval", "0.05"]);
    Generator(command.stderr(log).stdin(Stdio::null()).spawn().unwrap())
}

fn log(world: &World) -> String {
    std::fs::read_to_string(world.project.path("log")).unwrap_or_default()
}

/// Numbers of processes that the script wrote to a file, all of them.
async fn pids(world: &World, file: &str, count: usize) -> Vec<String> {
    let path = world.project.path(file);
    let read = || {
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        text.lines().map(str::to_owned).collect::<Vec<_>>()
    };
    until(file, async || read().len() >= count).await;
    read()
}

/// Whether a process runs: one that nobody has waited for yet does not.
fn runs(pid: &str) -> bool {
    let stat = std::fs::read_to_string(Path::new("/proc").join(pid).join("stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with(['Z', 'X']))
}

#[tokio::test]
async fn a_slow_program_holds_up_nobody() {
    let mut world = World::new().await;
    command(
        &world,
        "",
        "echo energy\necho 1\necho $$ >> pids\nwhile [ ! -e go ]; do sleep 0.05; done\necho 2\n",
    );
    let mut generator = start(&world);
    let pids = pids(&world, "pids", 1).await;
    world.campaign("count", "[source]\njobs = 3\n");
    until("the other campaign", async || world.names().await.len() == 3).await;
    assert!(runs(&pids[0]), "the slow one runs still");
    assert_eq!(world.names().await, ["count_0", "count_1", "count_2"]);
    world.old_file("go", "");
    until("its rows", async || world.names().await.len() == 5).await;
    assert_eq!(world.names().await[3..], ["cmd_0", "cmd_1"]);
    generator.stop();
    assert_eq!(std::fs::read_to_string(world.project.path("pids")).unwrap().lines().count(), 1);
    world.is_whole().await;
}

#[tokio::test]
async fn a_request_to_stop_ends_it_with_all_that_it_started() {
    let world = World::new().await;
    command(&world, "", "echo energy\necho 1\nsleep 1000 &\necho $! >> pids\necho $$ >> pids\nwait\n");
    let mut generator = start(&world);
    let pids = pids(&world, "pids", 2).await;
    assert!(pids.iter().all(|pid| runs(pid)));
    let asked = Instant::now();
    generator.stop();
    assert!(asked.elapsed() < Duration::from_secs(1), "{:?}", asked.elapsed());
    until("the end of its processes", async || !pids.iter().any(|pid| runs(pid))).await;
}

#[tokio::test]
async fn a_program_that_takes_too_long_is_ended_and_its_rows_do_not_count() {
    let mut world = World::new().await;
    command(
        &world,
        "timeout_seconds = 1.0",
        "echo energy\necho 1\nsleep 1000 &\necho $! >> pids\necho $$ >> pids\nwhile :; do echo 2; done\n",
    );
    let text = world.one_pass(&[]);
    assert!(text.contains("did not end in 1 s"), "{text}");
    let pids = pids(&world, "pids", 2).await;
    assert_eq!(pids.len(), 2, "it is not started again at once");
    until("the end of its processes", async || !pids.iter().any(|pid| runs(pid))).await;
    assert_eq!(world.names().await.len(), 0);
    let left = std::fs::read_dir(world.project.path("cobblestone/campaigns/cmd.d/.command")).unwrap().count();
    assert_eq!(left, 0, "what it printed is gone");
}

#[tokio::test]
async fn a_paused_campaigns_program_is_ended() {
    let mut world = World::new().await;
    command(&world, "", "echo energy\necho 1\necho $$ >> pids\nsleep 1000\n");
    let mut generator = start(&world);
    let pids = pids(&world, "pids", 1).await;
    world.sql.execute("UPDATE cobblestone_campaign SET state = 'paused'", &[]).await.unwrap();
    until("its end", async || !runs(&pids[0])).await;
    generator.stop();
    assert_eq!(world.names().await.len(), 0);
}

/// The generator is killed while the program runs. The program goes on; a new generator waits for its end, and then starts it
/// once more.
#[tokio::test]
async fn a_program_that_outlives_its_generator_is_not_started_beside_itself() {
    let mut world = World::new().await;
    let script = "echo $$ >> pids\nwhile [ ! -e go ]; do sleep 0.02; done\necho energy\necho 1\necho 2\n";
    command(&world, "", script);
    let mut generator = start(&world);
    let first = pids(&world, "pids", 1).await;
    generator.kill();
    assert!(runs(&first[0]), "nobody ended it");
    let mut generator = start(&world);
    until("the new generator's look", async || log(&world).contains("started by another process")).await;
    assert_eq!(pids(&world, "pids", 1).await.len(), 1);
    world.old_file("go", "");
    until("its rows", async || world.names().await.len() == 2).await;
    generator.stop();
    assert_eq!(pids(&world, "pids", 2).await.len(), 2);
    world.one_pass(&[]);
    assert_eq!(world.names().await, ["cmd_0", "cmd_1"]);
    assert_eq!(pids(&world, "pids", 2).await.len(), 2, "its start is noted");
    world.is_whole().await;
}

/// The generator is killed as soon as something is there: the lock, output, stored output, jobs. Its rows are made, each once.
#[tokio::test]
async fn killed_at_every_stage_each_row_is_made_once() {
    let mut world = World::new().await;
    let mut early = 0;
    for round in 0..12 {
        let name = format!("c{round}");
        world.campaign(&name, "[source]\nkind = \"command\"\ncommand = [\"/bin/sh\", \"rows\"]\n");
        world.old_file("rows", "echo energy\nfor n in 1 2 3; do echo $n; sleep 0.01; done\n");
        let folder = world.project.path(format!("cobblestone/campaigns/{name}.d"));
        let has = |folder: &Path, start: &str, end: &str| {
            std::fs::read_dir(folder).into_iter().flatten().flatten().any(|entry| {
                let name = entry.file_name().into_string().unwrap();
                name.starts_with(start) && name.ends_with(end)
            })
        };
        let made = format!("SELECT COUNT(*) FROM workunit WHERE name LIKE '{name}\\_%'");
        let mut generator = start(&world);
        until("the stage", async || match round % 4 {
            0 => has(&folder, ".lock", ""),
            1 => has(&folder.join(".command"), ".feed", ""),
            2 => has(&folder, "", ".csv") || has(&folder.join("done"), "", ".csv"),
            _ => world.number(&made).await > 0,
        })
        .await;
        generator.kill();
        let count = world.number(&made).await;
        assert!(count == 0 || count == 3, "{count}");
        early += i32::from(count == 0);
        world.one_pass(&[]);
        assert_eq!(world.number(&made).await, 3, "round {round}");
    }
    assert!(early > 0, "each time all was made before the kill");
    assert_eq!(world.names().await.len(), 36);
    world.is_whole().await;
}

#[tokio::test]
async fn what_is_wrong_with_one_campaign_does_not_stop_the_others() {
    let mut world = World::new().await;
    world.campaign("a", "[source]\nkind = \"folder\"\npath = \"drops\"\n[job]\npriority = 9\n");
    world.old_file("drops", "a file where a folder should be\n");
    world.campaign("b", "[source]\njobs = 2\n");
    let output = world.start(&[]).output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && text.contains("can't read"), "{text}");
    assert_eq!(world.names().await, ["b_0", "b_1"]);
}
