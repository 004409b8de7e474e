//! SIGKILL before every step of every local file: parts, copies of outputs, folders, what is cleared, and those of a
//! compaction. Afterwards DuckDB counts. The process that is killed is this test program, started again for the test
//! `victim` alone, which runs a pass of the daemon and listens to its steps.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test's helpers are tests too")]

mod common;

use std::collections::BTreeSet;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};

use boinc::id::{AppId, ResultId};
use common::python::duckdb;
use common::{Instance, NOW, World, files_below, wu};
use daemon::{Clock, ProjectDir, Stop};
use dataset::compaction::{self, Compactor};
use dataset::step::{Change, listen};
use rustix::process::{Signal, getpid, kill_process};
use store::reviews::{NewReview, ReviewVerdict};
use store::{DbUrl, Store, Tls};

const PROJECT: &str = "COBBLESTONE_VICTIM_PROJECT";
const STEP: &str = "COBBLESTONE_VICTIM_STEP";
const WORK: &str = "COBBLESTONE_VICTIM_WORK";

const APP: AppId = AppId(1);

/// A table of data, too.
const CONFIG: &str = "[assimilate]\noutputs = \"zstd\"\n[[assimilate.data]]\nname = \"n\"\nfile = \"out.*\"\n\
                      [assimilate.data.columns]\nnumber = 3\n";

static STEPS: AtomicU32 = AtomicU32::new(0);
static LAST: AtomicU32 = AtomicU32::new(0);

fn die_at(_: Change, _: &Path) {
    if STEPS.fetch_add(1, Ordering::SeqCst) + 1 == LAST.load(Ordering::SeqCst) {
        kill_process(getpid(), Signal::KILL).unwrap();
        // The signal may take a moment to arrive.
        loop {
            std::thread::park();
        }
    }
}

#[tokio::test]
#[ignore = "the process that the others kill"]
async fn victim() {
    let Some(project) = std::env::var_os(PROJECT) else { return };
    let project = PathBuf::from(project);
    LAST.store(std::env::var(STEP).unwrap().parse().unwrap(), Ordering::SeqCst);
    assert!(listen(die_at));
    let config = ProjectDir::open(&project).unwrap().config;
    let url = DbUrl::from_config(&config, Tls::Off);
    if std::env::var(WORK).unwrap() == "compact" {
        let store = Store::connect(&url).await.unwrap();
        let name = format!("s{}", LAST.load(Ordering::SeqCst));
        compact(&store, &project.join("results/theory"), &name).await;
    } else {
        let clock = Clock::frozen(NOW);
        let mut daemon = Instance::start(&project, &url, &clock, &Stop::new(), "theory", &[]).await.unwrap();
        daemon.pass().await.unwrap();
    }
}

/// Runs the victim to that step; whether it got there.
fn killed(world: &World, work: &str, step: u32) -> bool {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "victim", "--ignored", "--nocapture"])
        .env(PROJECT, world.project.dir())
        .env(STEP, step.to_string())
        .env(WORK, work)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    if output.status.signal() == Some(9) {
        return true;
    }
    assert!(output.status.success(), "step {step}: {}", String::from_utf8_lossy(&output.stderr));
    assert!(String::from_utf8_lossy(&output.stdout).contains("1 passed"), "the victim did not run");
    false
}

async fn compact(store: &Store, app_folder: &Path, name: &str) {
    let compactor = Compactor::new(app_folder, APP).unwrap();
    compactor.recover(store, NOW).await.unwrap();
    let files = compaction::published(store, APP).await.unwrap();
    for (partition, files) in compaction::partitions(files, "9999") {
        compactor.partition(store, &partition, &files, name, NOW).await.unwrap();
    }
}

/// Rows and different workunits of tables, as DuckDB sees them.
fn count(world: &World, tables: &[&str]) -> String {
    let of = |table: &&str| {
        let glob = world.app_folder().join(table).join("*/*/*.parquet");
        format!(
            "SELECT '{table}' AS t, count(*), count(DISTINCT workunit_id) FROM read_parquet('{}', hive_partitioning = true)",
            glob.display()
        )
    };
    duckdb(&format!("{} ORDER BY t", tables.iter().map(of).collect::<Vec<_>>().join(" UNION ALL ")))
}

async fn review(world: &World, workunit: i32) {
    let review = [NewReview {
        time: NOW,
        app: APP,
        workunit: wu(workunit),
        result: ResultId(workunit),
        who: "anna".to_owned(),
        verdict: ReviewVerdict::Flagged,
        comment: "odd".to_owned(),
    }];
    world.store.transaction("test", async |tx| tx.insert_reviews(&review).await).await.unwrap();
}

#[tokio::test]
async fn killed_before_every_even_step_of_a_pass() {
    killed_in_a_pass("evensteps", 2).await;
}

#[tokio::test]
async fn killed_before_every_odd_step_of_a_pass() {
    killed_in_a_pass("oddsteps", 1).await;
}

async fn killed_in_a_pass(name: &str, first: u32) {
    let mut world = World::new(name).await;
    world.project.write_app_config(CONFIG).unwrap();
    let mut made = 0;
    for step in (first..).step_by(2) {
        world.ready([made + 1, made + 2]).await;
        world.failed(made + 3, 2).await;
        review(&world, made + 1).await;
        made += 3;
        let is_killed = killed(&world, "assimilate", step);
        // What can be seen at this moment is marked, and there once.
        let seen: Vec<i32> = ["results", "failures"]
            .iter()
            .flat_map(|table| world.rows(table))
            .map(|row| row["workunit_id"].parse().unwrap())
            .collect();
        assert_eq!(seen.iter().collect::<BTreeSet<_>>().len(), seen.len(), "step {step}");
        for id in seen {
            assert_eq!(world.state(id).await, common::DONE, "step {step}: workunit {id} is seen");
        }
        let mut next = world.daemon(&[]).await;
        for _ in 0..2 {
            next.pass().await.unwrap();
        }
        drop(next);
        assert_eq!(world.state(made).await, common::DONE, "step {step}");
        assert_eq!(world.check_exactly_once().await, usize::try_from(made).unwrap(), "step {step}");
        let staging = world.app_folder().join(".staging");
        assert_eq!(files_below(&staging), [staging.join("lock")], "step {step}");
        if step / 2 % 8 == 0 || !is_killed {
            let (results, all) = (made / 3 * 2, made / 3);
            let expected = [
                ("data/n", results),
                ("failures", all),
                ("files", results),
                ("results", results),
                ("reviews", all),
            ];
            let expected = expected.map(|(table, n)| format!("('{table}', {n}, {n})")).join(", ");
            let tables = ["data/n", "failures", "files", "results", "reviews"];
            assert_eq!(count(&world, &tables), format!("[{expected}]"), "step {step}");
            // Else each look would take longer than the one before.
            compact(&world.store, &world.app_folder(), &format!("n{step}")).await;
        }
        if !is_killed {
            assert!(step > 80, "a pass has only {step} steps");
            break;
        }
    }
    let outputs = files_below(&world.app_folder().join("outputs"));
    assert_eq!(outputs.len(), usize::try_from(made / 3 * 2).unwrap());
    for path in outputs {
        let id: i32 = path.parent().unwrap().file_name().unwrap().to_str().unwrap()[3..].parse().unwrap();
        let packed = std::fs::File::open(&path).unwrap();
        assert_eq!(zstd::decode_all(packed).unwrap(), common::content(id).into_bytes(), "{}", path.display());
    }
}

#[tokio::test]
async fn killed_before_every_step_of_a_compaction() {
    let mut world = World::new("compactsteps").await;
    let mut daemon = world.daemon(&[]).await;
    let mut made = 0;
    for step in 1.. {
        // Two parts in one partition, at least.
        for _ in 0..2 {
            world.ready([made * 2 + 1]).await;
            made += 1;
            assert_eq!(daemon.pass().await.unwrap().done, 1);
        }
        let is_killed = killed(&world, "compact", step);
        let all = usize::try_from(made).unwrap();
        assert_eq!(world.rows("results").len(), all, "step {step}");
        if step % 8 == 0 || !is_killed {
            assert_eq!(count(&world, &["results"]), format!("[('results', {all}, {all})]"), "step {step}");
        }
        compact(&world.store, &world.app_folder(), &format!("n{step}")).await;
        assert_eq!(world.check_exactly_once().await, all, "step {step}");
        assert_eq!(world.number("SELECT COUNT(*) AS n FROM cobblestone_dataset_merge").await, 0);
        let files = files_below(&world.app_folder().join("results"));
        assert_eq!(files.len(), 1, "step {step}: {files:?}");
        if !is_killed {
            assert!(step > 15, "a compaction has only {step} steps");
            break;
        }
    }
}

static SEEN: Mutex<Vec<(Change, PathBuf)>> = Mutex::new(Vec::new());

fn note(change: Change, path: &Path) {
    SEEN.lock().unwrap().push((change, path.to_owned()));
}

/// A power cut takes what is not synced: SIGKILL does not show that.
#[tokio::test]
async fn what_is_shown_and_what_its_rows_name_is_on_disk_before() {
    let mut world = World::new("order").await;
    world.project.write_app_config(CONFIG).unwrap();
    assert!(listen(note));
    // Few copies are synced one by one, many with their file system.
    for ids in [1..=3, 4..=40] {
        SEEN.lock().unwrap().clear();
        world.ready(ids.clone()).await;
        let done = world.daemon(&[]).await.pass().await.unwrap().done;
        assert_eq!(done, u64::try_from(ids.clone().count()).unwrap());
        let app = world.app_folder();
        let mut steps = SEEN.lock().unwrap().clone();
        steps.retain(|(_, path)| path.starts_with(&app));
        let position = |change: Change, after: usize, is: &dyn Fn(&Path) -> bool| {
            let found = steps.iter().skip(after).position(|(c, path)| *c == change && is(path));
            found.map(|found| found + after)
        };
        let (mut parts, mut copies, mut first_shown) = (0, Vec::new(), usize::MAX);
        for (at, (change, path)) in steps.iter().enumerate() {
            if *change != Change::Rename {
                continue;
            }
            if path.starts_with(app.join("outputs")) {
                copies.push((at, path.clone()));
                continue;
            }
            parts += 1;
            first_shown = first_shown.min(at);
            let below = path.strip_prefix(&app).unwrap();
            let is_staged = |found: &Path| found.starts_with(app.join(".staging")) && found.ends_with(below);
            let written = position(Change::Write, 0, &is_staged).unwrap();
            let synced = position(Change::Sync, written, &is_staged).unwrap();
            let folder = position(Change::Sync, synced, &|found| {
                found.starts_with(app.join(".staging")) && found.ends_with(below.parent().unwrap())
            });
            assert!(folder.is_some_and(|folder| folder < at), "{}", path.display());
            let place = path.parent().unwrap();
            assert!(position(Change::Sync, at, &|found| found == place).is_some(), "{}", path.display());
        }
        assert!(parts >= 6 && copies.len() == ids.clone().count(), "{parts} {}", copies.len());
        for (at, path) in copies {
            let synced = position(Change::Sync, at, &|found| found == path || found == app);
            assert!(synced.is_some_and(|synced| synced < first_shown), "{}", path.display());
        }
    }
}
