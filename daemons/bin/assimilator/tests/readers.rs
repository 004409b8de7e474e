//! Readers with plain globs, DuckDB among them, while the dataset grows, its assimilators are killed, and it is compacted.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test's helpers are tests too")]

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::io::Read as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use boinc::id::AppId;
use common::python::{duckdb, python};
use common::{NOW, World};
use dataset::compaction::{self, Compactor, Prepared};

const APP: AppId = AppId(1);

/// DuckDB in a process of its own, which looks at a glob again and again.
struct Reader(Child);

impl Reader {
    fn start(folder: &Path) -> Self {
        let glob = folder.join("results/*/*/*.parquet");
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/reader.py");
        let child = Command::new(python())
            .args([script.as_path(), &glob])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        Self(child)
    }

    /// How often it looked, and how many rows it saw last.
    fn end(mut self) -> (usize, usize) {
        drop(self.0.stdin.take());
        let mut text = String::new();
        self.0.stdout.take().unwrap().read_to_string(&mut text).unwrap();
        assert!(self.0.wait().unwrap().success(), "what it says stands above");
        let numbers: Vec<usize> = text.split_whitespace().map(|n| n.parse().unwrap()).collect();
        (numbers[0], numbers[2])
    }
}

/// Counts rows of results by workunit, as DuckDB sees them.
fn count(world: &World) -> String {
    let glob = world.app_folder().join("results/*/*/*.parquet");
    duckdb(&format!(
        "SELECT count(*), count(DISTINCT workunit_id) FROM read_parquet('{}', hive_partitioning = true)",
        glob.display()
    ))
}

/// How many files and folders are below a folder that somebody else changes meanwhile.
fn entries(folder: &Path) -> usize {
    let Ok(found) = fs::read_dir(folder) else { return 0 };
    found.flatten().map(|entry| 1 + entries(&entry.path())).sum()
}

async fn some_parts(world: &mut World, parts: i32) {
    let mut daemon = world.daemon(&[]).await;
    for part in 0..parts {
        world.ready(part * 4 + 1..=part * 4 + 4).await;
        assert_eq!(daemon.pass().await.unwrap().done, 4);
    }
}

async fn partitions(world: &World) -> BTreeMap<String, Vec<store::assimilation::DatasetFile>> {
    let files = compaction::published(&world.store, APP).await.unwrap();
    compaction::partitions(files, "9999")
}

/// Files of each compaction have names of their own: a reader that listed the files before must not find others under
/// the same names.
async fn compact(world: &World) -> (usize, usize) {
    static COMPACTIONS: AtomicUsize = AtomicUsize::new(0);
    let name = format!("x{}", COMPACTIONS.fetch_add(1, Ordering::Relaxed));
    let compactor = Compactor::new(&world.app_folder(), APP).unwrap();
    compactor.recover(&world.store, NOW).await.unwrap();
    let mut sum = (0, 0);
    for (partition, files) in partitions(world).await {
        let (gone, made) = compactor.partition(&world.store, &partition, &files, &name, NOW).await.unwrap();
        sum = (sum.0 + gone, sum.1 + made);
    }
    sum
}

#[tokio::test]
async fn many_files_become_one_with_the_same_rows() {
    let mut world = World::new("compact").await;
    some_parts(&mut world, 5).await;
    let before = world.rows("results");
    assert_eq!(before.len(), 20);
    // Two campaigns, of each results and files.
    assert_eq!(compact(&world).await, (20, 4));
    let mut after = world.rows("results");
    assert_eq!(
        after.iter().map(|row| row["file"].clone()).collect::<std::collections::BTreeSet<_>>().len(),
        2
    );
    let key = |row: &BTreeMap<String, String>| row["workunit_id"].parse::<i32>().unwrap();
    let mut before = before;
    for rows in [&mut before, &mut after] {
        rows.sort_by_key(key);
        rows.iter_mut().for_each(|row| _ = row.remove("file"));
    }
    assert_eq!(before, after);
    assert_eq!(count(&world), "[(20, 20)]");
    assert_eq!(world.check_exactly_once().await, 20);
    assert_eq!(compact(&world).await, (0, 0), "nothing is left to merge");
    // More comes, and is merged with it.
    world.ready(21..=24).await;
    assert_eq!(world.daemon(&[]).await.pass().await.unwrap().done, 4);
    assert_eq!(compact(&world).await, (8, 4));
    assert_eq!(count(&world), "[(24, 24)]");
    let left = common::files_below(&world.app_folder().join(".compact"));
    assert!(left.iter().all(|file| file.ends_with("lock")), "{left:?}");
}

/// Killed after each step; what the next one finds is finished or undone, and readers never see a difference.
#[tokio::test]
async fn a_compaction_that_is_killed_is_finished_or_undone() {
    let mut world = World::new("compactkill").await;
    some_parts(&mut world, 3).await;
    for steps in 1..=5 {
        let compactor = Compactor::new(&world.app_folder(), APP).unwrap();
        assert!(matches!(Compactor::new(&world.app_folder(), APP), Err(compaction::CompactionError::Busy)));
        let (partition, files) = partitions(&world).await.into_iter().next_back().unwrap();
        assert!(partition.starts_with("results/") && files.len() > 1, "{partition}");
        let name = format!("k{steps}");
        let prepared: Prepared = compactor.prepare(&partition, &files, &name).unwrap().unwrap();
        if steps > 1 {
            compactor.begin(&world.store, &prepared, NOW).await.unwrap();
        }
        if steps > 2 {
            // Published after the folder was linked.
            let late = world.app_folder().join(&partition).join("part-late.txt");
            fs::write(&late, "late").unwrap();
            compactor.exchange(&prepared).unwrap();
            assert!(late.exists(), "what came late is moved over");
            fs::remove_file(late).unwrap();
        }
        if steps > 3 {
            let (file, from) = &prepared.merges[0];
            compactor.finish(&world.store, file, from, NOW).await.unwrap();
        }
        // Killed here: the lock goes with the process.
        drop(compactor);
        assert_eq!(count(&world), format!("[({0}, {0})]", 8 + steps * 4), "after step {steps}");
        let compactor = Compactor::new(&world.app_folder(), APP).unwrap();
        let finished = compactor.recover(&world.store, NOW).await.unwrap();
        assert_eq!(finished, usize::from(steps == 3), "after step {steps}");
        drop(compactor);
        assert!(world.number("SELECT COUNT(*) AS n FROM cobblestone_dataset_merge").await == 0);
        assert_eq!(world.check_exactly_once().await, usize::try_from(8 + steps * 4).unwrap());
        let more = 8 + steps * 4;
        world.ready(more + 1..=more + 4).await;
        assert_eq!(world.daemon(&[]).await.pass().await.unwrap().done, 4);
    }
}

#[tokio::test]
async fn a_file_that_lacks_rows_stops_a_compaction() {
    let mut world = World::new("compactrows").await;
    some_parts(&mut world, 2).await;
    world.exec("UPDATE cobblestone_dataset_file SET items = items + 1 WHERE dataset = 'results'").await;
    let compactor = Compactor::new(&world.app_folder(), APP).unwrap();
    let (partition, files) = partitions(&world).await.into_iter().next_back().unwrap();
    let error = compactor.partition(&world.store, &partition, &files, "x", NOW).await.unwrap_err();
    assert!(error.to_string().contains("rows"), "{error}");
    assert_eq!(count(&world), "[(8, 8)]");
}

/// DuckDB looks all the time, while real assimilators are killed at random and partitions are exchanged.
#[tokio::test(flavor = "multi_thread")]
async fn no_reader_ever_sees_a_row_twice_or_half_a_file() {
    let mut world = World::new("readers").await;
    world.ready(1..=3000).await;
    let reader = Reader::start(&world.app_folder());
    let command = |world: &World| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cobblestone-assimilator"));
        command.current_dir(world.project.path("bin")).args(["--app", "theory", "--one_pass_N_WU", "400"]);
        command.env_remove("BOINC_PROJECT_DIR").stdin(Stdio::null()).stderr(Stdio::null());
        command.spawn().unwrap()
    };
    let mut kills = 0;
    for round in 0..12_u64 {
        let mut child = command(&world);
        // It is at work when files come or go.
        let before = entries(&world.app_folder());
        while child.try_wait().unwrap().is_none() && entries(&world.app_folder()) == before {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        tokio::time::sleep(Duration::from_millis(round * 5 % 13)).await;
        kills += usize::from(child.try_wait().unwrap().is_none());
        child.kill().unwrap();
        child.wait().unwrap();
        if round % 2 == 1 && world.app_folder().is_dir() {
            compact(&world).await;
        }
    }
    assert!(kills > 3, "killed in its work {kills} times only");
    let mut daemon = world.daemon(&[]).await;
    while daemon.pass().await.unwrap().done > 0 {}
    compact(&world).await;
    let (looks, rows) = reader.end();
    assert_eq!(rows, 3000);
    assert!(looks >= 5, "it looked {looks} times only");
    assert_eq!(count(&world), "[(3000, 3000)]");
    assert_eq!(world.check_exactly_once().await, 3000);
}
