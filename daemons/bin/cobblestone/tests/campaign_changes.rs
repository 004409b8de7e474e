//! What a campaign is made of changes in the middle: while the work generator runs, and between its kill and its next start.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use common::World;
use sandbox::ProjectOptions;

/// Longest wait for what must happen.
const LONG: Duration = Duration::from_secs(60);

async fn until(what: &str, mut it: impl AsyncFnMut() -> bool) {
    let began = Instant::now();
    while !it().await {
        assert!(began.elapsed() < LONG, "{what} does not come");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// A generator; it is killed when the test fails.
struct Generator(Child);

impl Generator {
    /// As `kill -9`.
    fn kill(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

impl Drop for Generator {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn command(world: &World, flags: &[&str]) -> Command {
    let path = Path::new(env!("CARGO_BIN_EXE_cobblestone")).with_file_name("cobblestone-work-generator");
    assert!(path.is_file(), "build it first: cargo build -p cobblestone-work-generator");
    let mut command = Command::new(path);
    command
        .env_remove("BOINC_PROJECT_DIR")
        .args(["--app", "theory", "--project_dir"])
        .arg(world.project.dir());
    command.args(flags).stdin(Stdio::null());
    command
}

/// One that goes on until it is killed.
fn start(world: &World) -> Generator {
    let log = std::fs::File::options().create(true).append(true).open(world.project.path("log")).unwrap();
    Generator(command(world, &["--sleep_interval", "0.05"]).stderr(log).spawn().unwrap())
}

/// Runs it until nothing is left to do.
#[track_caller]
fn generate(world: &World) {
    let output = command(world, &["--one_pass"]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Results that shall wait: two for each workunit.
fn cushion(world: &World, workunits: u32) {
    world.project.write_app_config(&format!("[work]\ncushion = {}\n", workunits * 2)).unwrap();
}

/// Puts a file there, whole, as long ago as `age` seconds.
fn write(world: &World, name: &str, content: &str, age: u64) {
    let path = world.project.path(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let beside = path.with_file_name(".new");
    std::fs::write(&beside, content).unwrap();
    let file = std::fs::File::options().write(true).open(&beside).unwrap();
    let now = file.metadata().unwrap().modified().unwrap();
    file.set_modified(now - Duration::from_secs(age)).unwrap();
    std::fs::rename(beside, path).unwrap();
}

fn describe(world: &World, text: &str) {
    write(world, "cobblestone/campaigns/c.toml", &format!("[campaign]\napp = \"theory\"\n{text}"), 0);
}

const COUNTED: &str = "[source]\njobs = 30\n[job]\ncontext = \"cobblestone/ctx\"\n";

async fn world() -> World {
    let world = World::with(ProjectOptions { fanout: 8, ..ProjectOptions::default() }).await;
    cushion(&world, 10);
    write(&world, "cobblestone/ctx", "a={{ seed }}\n", 100);
    world
}

async fn made(world: &mut World) -> i64 {
    world.number("SELECT COUNT(*) FROM workunit").await
}

/// State and note of the campaign; nothing before it is known.
async fn state(world: &mut World) -> (String, String) {
    let rows = world.sql.rows("SELECT state, note FROM cobblestone_campaign", &[]).await.unwrap();
    rows.first().map(|row| (row.text("state").unwrap(), row.text("note").unwrap())).unwrap_or_default()
}

/// Input files by the word that they begin with; each has its workunit, and the workunit knows its digest.
async fn beginnings(world: &mut World) -> (usize, usize) {
    let (mut old, mut new, mut files) = (0, 0, BTreeSet::new());
    for row in world.sql.rows("SELECT name, xml_doc FROM workunit", &[]).await.unwrap() {
        let name = row.text("name").unwrap();
        let path = world.project.download_path(&format!("{name}.in")).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        let facts = boinc::md5_cache::of_bytes(text.as_bytes());
        assert!(row.text("xml_doc").unwrap().contains(&facts.md5), "{name}");
        if text.starts_with("a=") {
            old += 1
        } else {
            new += 1
        }
        files.insert(path);
    }
    assert_eq!(staged(world), files, "a file belongs to nobody");
    (old, new)
}

/// Input files in the download folder.
fn staged(world: &World) -> BTreeSet<PathBuf> {
    let mut found = BTreeSet::new();
    for folder in std::fs::read_dir(world.project.path("download")).unwrap() {
        for file in std::fs::read_dir(folder.unwrap().path()).into_iter().flatten() {
            let path = file.unwrap().path();
            if path.extension().is_some_and(|end| end == "in") {
                found.insert(path);
            }
        }
    }
    found
}

#[tokio::test]
async fn a_template_that_changes_between_kill_and_restart_pauses_the_campaign() {
    let mut world = world().await;
    describe(&world, COUNTED);
    let mut generator = start(&world);
    until("the first jobs", async || made(&mut world).await == 10).await;
    generator.kill();
    write(&world, "cobblestone/ctx", "b={{ seed }}\n", 0);
    cushion(&world, 20);
    let mut generator = start(&world);
    until("the pause", async || state(&mut world).await.0 == "paused").await;
    generator.kill();
    let note = state(&mut world).await.1;
    assert!(note.contains("the context template") && note.contains("campaign resume"), "{note}");
    assert_eq!(beginnings(&mut world).await, (10, 0));
    assert!(world.ends(0, &["campaign", "list"]).contains("the context template"));
    generate(&world);
    assert_eq!(made(&mut world).await, 10, "it stays paused");
    // A person puts it back.
    write(&world, "cobblestone/ctx", "a={{ seed }}\n", 0);
    let said = world.ends(0, &["campaign", "resume", "c"]);
    assert!(!said.contains("changed since"), "{said}");
    generate(&world);
    assert_eq!(beginnings(&mut world).await, (20, 0));
    // Or says that it goes on so.
    write(&world, "cobblestone/ctx", "b={{ seed }}\n", 0);
    cushion(&world, 30);
    generate(&world);
    assert_eq!((made(&mut world).await, state(&mut world).await.0.as_str()), (20, "paused"));
    let said = world.ends(0, &["campaign", "resume", "c"]);
    assert!(said.contains("changed since the last jobs were made: the context template"), "{said}");
    generate(&world);
    assert_eq!(beginnings(&mut world).await, (20, 10));
    assert_eq!(state(&mut world).await.0, "complete");
}

/// It is killed when files are staged and no row is written: these files hold the old.
#[tokio::test]
async fn files_that_a_killed_one_staged_do_not_come_in_the_way() {
    for goes_on in [true, false] {
        let mut world = world().await;
        describe(&world, COUNTED);
        generate(&world);
        assert_eq!(made(&mut world).await, 10);
        cushion(&world, 20);
        // What the last transaction waits for.
        world.sql.execute("BEGIN", &[]).await.unwrap();
        world.sql.rows("SELECT id FROM cobblestone_campaign FOR UPDATE", &[]).await.unwrap();
        let mut generator = start(&world);
        until("files without rows", async || staged(&world).len() == 20).await;
        generator.kill();
        world.sql.execute("ROLLBACK", &[]).await.unwrap();
        assert_eq!(made(&mut world).await, 10);
        if goes_on {
            write(&world, "cobblestone/ctx", "b={{ seed }}\n", 0);
        }
        generate(&world);
        if goes_on {
            assert_eq!(state(&mut world).await.0, "paused");
            let said = world.ends(0, &["campaign", "resume", "c"]);
            assert!(said.contains("files of jobs that are not made deleted"), "{said}");
            generate(&world);
        }
        assert_eq!(beginnings(&mut world).await, if goes_on { (10, 10) } else { (20, 0) });
        assert_eq!(world.number("SELECT set_aside FROM cobblestone_campaign").await, 0);
    }
}

#[tokio::test]
async fn changes_are_seen_while_it_runs() {
    let mut world = world().await;
    cushion(&world, 1000);
    describe(&world, COUNTED);
    let mut generator = start(&world);
    until("all jobs", async || made(&mut world).await == 30).await;
    // Settings may change: more jobs, of a higher priority.
    let more = COUNTED.replace("jobs = 30", "jobs = 40").replace("[job]", "[job]\npriority = 7");
    describe(&world, &more);
    until("more jobs", async || made(&mut world).await == 40).await;
    assert_eq!(world.number("SELECT COUNT(*) FROM workunit WHERE priority = 7").await, 10);
    assert_eq!(state(&mut world).await.0, "complete");
    // What is not whole yet is not used; a moment later it is, and the campaign is paused.
    write(&world, "cobblestone/ctx", "b={{ seed }}\n", 0);
    describe(&world, &more.replace("jobs = 40", "jobs = 50"));
    until("the pause", async || state(&mut world).await.0 == "paused").await;
    assert!(state(&mut world).await.1.contains("the context template"));
    // Also of a parameter; and both in one sentence.
    describe(&world, &format!("{}[parameters]\nprocess = \"z1j\"\n", more.replace("jobs = 40", "jobs = 50")));
    until("the pause", async || {
        let (state, note) = state(&mut world).await;
        if state == "paused" && !note.contains("[parameters]") {
            world.sql.execute("UPDATE cobblestone_campaign SET state = 'active'", &[]).await.unwrap();
        }
        state == "paused" && note.contains("[parameters]")
    })
    .await;
    assert!(made(&mut world).await <= 50);
    assert_eq!(beginnings(&mut world).await.1, 0);
    world.ends(0, &["campaign", "resume", "c"]);
    until("the rest", async || made(&mut world).await == 50).await;
    generator.kill();
    let (old, new) = beginnings(&mut world).await;
    assert!(old >= 40 && new > 0, "{old} {new}");
}

/// A row far before the place where reading goes on: between kill and restart, and while it runs.
#[tokio::test]
async fn rows_that_change_anywhere_are_found() {
    let mut world = world().await;
    cushion(&world, 100_000);
    let mut rows: Vec<String> = (0..1500).map(|n| format!("{n},a text of some length")).collect();
    let table = |rows: &[String]| format!("n,text\n{}\n", rows.join("\n"));
    write(&world, "rows.csv", &table(&rows), 100);
    describe(&world, "[source]\nkind = \"file\"\npath = \"rows.csv\"\n");
    let mut generator = start(&world);
    until("all jobs", async || state(&mut world).await.0 == "complete").await;
    assert_eq!(made(&mut world).await, 1500);
    generator.kill();
    // Longer than before, so that the file reaches as far as it did.
    rows[3] = "3,another text of quite some length".to_owned();
    write(&world, "rows.csv", &table(&rows), 100);
    let mut generator = start(&world);
    until("the changed row", async || made(&mut world).await == 1501).await;
    until("the end", async || state(&mut world).await.0 == "complete").await;
    rows[5] = format!("5,{}", "a long text ".repeat(5));
    rows.remove(700);
    rows.push("1500,new".to_owned());
    write(&world, "rows.csv", &table(&rows), 100);
    until("both rows", async || made(&mut world).await == 1503).await;
    until("the end", async || state(&mut world).await.0 == "complete").await;
    // One that was only touched is not read again.
    let repeated = "SELECT repeated FROM cobblestone_campaign";
    let before = world.number(repeated).await;
    write(&world, "rows.csv", &table(&rows), 50);
    rows.push("1501,new".to_owned());
    write(&world, "rows.csv", &table(&rows), 40);
    until("the row behind", async || made(&mut world).await == 1504).await;
    generator.kill();
    assert_eq!(world.number(repeated).await, before);
    let log = std::fs::read_to_string(world.project.path("log")).unwrap();
    assert_eq!(log.matches("read again from its beginning").count(), 2, "{log}");
    assert_eq!(world.number("SELECT COUNT(DISTINCT identity) FROM cobblestone_job").await, 1504);
}
