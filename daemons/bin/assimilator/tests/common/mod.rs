//! A project with workunits that wait for the assimilator, and what a reader sees of its dataset.

#![allow(dead_code, reason = "each test binary uses its part")]

pub mod python;
pub mod s3;

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use assimilator::{Args, Assimilator};
use boinc::id::WorkunitId;
use clap::Parser;
use daemon::{Clock, CommonArgs, Daemon as _, Pass, PassReport, ProjectDir, Settings, Start, Stop};
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::Field;
use sandbox::{ProjectOptions, TestProject};
use serde_json::{Value, json};
use store::sql::Connection;
use store::{DbUrl, Store};

/// When everything happens, Unix seconds.
pub const NOW: f64 = 1_795_000_000.0;
/// Bits of a workunit that waits.
pub const READY: i64 = 1;
/// … and is done.
pub const DONE: i64 = 2;

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    common: CommonArgs,
    #[command(flatten)]
    own: Args,
}

/// A project with an assimilator in this process.
pub struct World {
    pub project: TestProject,
    pub sql: Connection,
    pub store: Store,
    pub clock: Clock,
    pub stop: Stop,
    next_result: i32,
}

impl World {
    pub async fn new(name: &str) -> Self {
        let project = TestProject::new(name, ProjectOptions::default()).await.unwrap();
        let store = Store::connect(&project.db.url()).await.unwrap();
        store.migrate(NOW - 1e6).await.unwrap();
        let sql = project.connect().await.unwrap();
        let mut world =
            Self { project, sql, store, clock: Clock::frozen(NOW), stop: Stop::new(), next_result: 1 };
        let host = json!({"id": 9, "os_name": "Linux", "os_version": "6.1", "p_vendor": "Acme", "p_model": "Z", "p_ncpus": 4});
        world.insert("host", vec![host]).await;
        world
            .insert(
                "cobblestone_campaign",
                vec![json!({"id": 1, "appid": 1, "name": "c/1", "next_job": 9, "time": 0})],
            )
            .await;
        world
    }

    /// Inserts rows; columns that must have a value and are not given get 0 or the empty text.
    pub async fn insert(&mut self, table: &str, rows: Vec<Value>) {
        self.sql.insert_filled(table, &rows).await.unwrap();
    }

    /// Adds workunits with two valid results each, which wait for the assimilator; every second one is a job of
    /// campaign `c/1`. Each canonical result has a file `out.dat` and names an optional one that is missing.
    pub async fn ready(&mut self, ids: impl IntoIterator<Item = i32>) {
        let (mut workunits, mut results, mut jobs) = (Vec::new(), Vec::new(), Vec::new());
        for id in ids {
            let canonical = self.next_result;
            workunits.push(json!({
                "id": id, "appid": 1, "name": format!("wu_{id}"), "create_time": NOW - 500.0,
                "canonical_resultid": canonical, "canonical_credit": 10.5, "transition_time": i32::MAX,
                "assimilate_state": READY, "min_quorum": 2, "target_nresults": 2,
            }));
            for result in [canonical, canonical + 1] {
                results.push(result_row(result, id));
            }
            self.next_result += 2;
            self.project.write_upload(&physical(canonical), content(id).as_bytes()).unwrap();
            if id % 2 == 0 {
                jobs.push(
                    json!({"workunitid": id, "campaignid": 1, "job": id, "seed": id * 7, "events": 500}),
                );
            }
        }
        for (table, rows) in [("workunit", workunits), ("result", results), ("cobblestone_job", jobs)] {
            if !rows.is_empty() {
                self.insert(table, rows).await;
            }
        }
    }

    /// A workunit that failed: two results, no canonical one.
    pub async fn failed(&mut self, id: i32, error_mask: i32) {
        self.ready([id]).await;
        self.exec(&format!(
            "UPDATE workunit SET error_mask = {error_mask}, canonical_resultid = 0 WHERE id = {id}"
        ))
        .await;
        self.exec(&format!(
            "UPDATE result SET outcome = 3, exit_status = 197, stderr_out = '<![CDATA[<stderr_txt>\nno VT-x\\0\n</stderr_txt>]]>' \
             WHERE workunitid = {id}"
        ))
        .await;
    }

    pub async fn exec(&mut self, sql: &str) -> u64 {
        self.sql.execute(sql, &[]).await.unwrap()
    }

    pub async fn number(&mut self, sql: &str) -> i64 {
        self.sql.row(sql, &[]).await.unwrap().i64("n").unwrap()
    }

    /// `assimilate_state` of a workunit.
    pub async fn state(&mut self, id: i32) -> i64 {
        self.number(&format!("SELECT assimilate_state AS n FROM workunit WHERE id = {id}")).await
    }

    /// Makes a daemon, with more flags.
    pub async fn daemon(&self, flags: &[&str]) -> Instance {
        self.try_daemon("theory", flags).await.unwrap()
    }

    /// The same for an application that may not be there.
    pub async fn try_daemon(&self, app: &str, flags: &[&str]) -> anyhow::Result<Instance> {
        self.daemon_over(&self.project.db.url(), app, flags).await
    }

    /// The same with a database that is reached in its own way.
    pub async fn daemon_over(&self, url: &DbUrl, app: &str, flags: &[&str]) -> anyhow::Result<Instance> {
        Instance::start(self.project.dir(), url, &self.clock, &self.stop, app, flags).await
    }

    pub fn app_folder(&self) -> PathBuf {
        self.project.path("results/theory")
    }

    pub fn rows(&self, table: &str) -> Vec<BTreeMap<String, String>> {
        rows(&self.app_folder(), table)
    }

    /// Every workunit that is marked has one row, and no other has any. The number of rows.
    pub async fn check_exactly_once(&mut self) -> usize {
        let mut rows = self.rows("results");
        rows.extend(self.rows("failures"));
        let mut found: Vec<i64> = rows.iter().map(|row| row["workunit_id"].parse().unwrap()).collect();
        found.sort_unstable();
        let marked =
            self.sql.rows("SELECT id AS n FROM workunit WHERE assimilate_state = 2 ORDER BY id", &[]).await;
        let marked: Vec<i64> = marked.unwrap().iter().map(|row| row.i64("n").unwrap()).collect();
        assert_eq!(found, marked);
        let recorded = self
            .number(
                "SELECT CAST(COALESCE(SUM(items), 0) AS SIGNED) AS n FROM cobblestone_dataset_file \
                 WHERE dataset IN ('results', 'failures')",
            )
            .await;
        assert_eq!(usize::try_from(recorded).unwrap(), found.len());
        found.len()
    }

    /// Files below `.staging`, but for locks.
    pub fn staged(&self) -> Vec<PathBuf> {
        let mut files = files_below(&self.app_folder().join(".staging"));
        files.retain(|file| !file.ends_with("lock"));
        files
    }
}

/// A daemon in this process.
pub struct Instance {
    pub daemon: Assimilator,
    start: Start<Args>,
    number: u64,
}

impl Instance {
    /// Of the project in that folder.
    pub async fn start(
        project: &Path,
        url: &DbUrl,
        clock: &Clock,
        stop: &Stop,
        app: &str,
        flags: &[&str],
    ) -> anyhow::Result<Self> {
        let line = ["x", "--app", app].into_iter().chain(flags.iter().copied());
        let Line { common, own } = Line::parse_from(line);
        let start = Start {
            modulus: common.modulus().unwrap(),
            settings: Settings::new(&common, |_| None).unwrap(),
            project: ProjectDir::open(project).unwrap(),
            store: Store::connect(url).await?,
            clock: clock.clone(),
            stop: stop.clone(),
            args: own,
            common,
        };
        Ok(Self { daemon: Assimilator::start(&start).await?, start, number: 0 })
    }

    pub async fn pass(&mut self) -> anyhow::Result<PassReport> {
        self.number += 1;
        let Start { store, clock, stop, .. } = &self.start;
        self.daemon.pass(&Pass { store, clock, stop, number: self.number }).await
    }
}

pub fn physical(result: i32) -> String {
    format!("wu_{result}_r77_0")
}

pub fn content(workunit: i32) -> String {
    format!("output of {workunit}\n")
}

fn result_row(id: i32, workunit: i32) -> Value {
    let document = format!(
        "<file_info>\n<name>{0}</name>\n<max_nbytes>1000</max_nbytes>\n</file_info>\n<result>\n<file_ref>\n\
         <file_name>{0}</file_name>\n<open_name>shared/out.dat</open_name>\n</file_ref>\n<file_ref>\n\
         <file_name>{0}x</file_name>\n<open_name>more</open_name>\n<optional/>\n</file_ref>\n</result>\n",
        physical(id)
    );
    json!({
        "id": id, "workunitid": workunit, "appid": 1, "name": format!("wu_{workunit}_{id}"), "server_state": 5,
        "outcome": 1, "validate_state": 1, "hostid": 9, "userid": 1, "sent_time": NOW - 400.0,
        "received_time": NOW - 100.0, "elapsed_time": 250.5, "cpu_time": 240.0, "granted_credit": 10.5,
        "app_version_id": 1, "xml_doc_in": document,
    })
}

/// All files below a folder.
pub fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_owned()];
    while let Some(at) = open.pop() {
        for entry in fs::read_dir(&at).into_iter().flatten().flatten() {
            if entry.path().is_dir() {
                open.push(entry.path());
            } else {
                found.push(entry.path());
            }
        }
    }
    found.sort();
    found
}

/// All rows of a table as its readers see them, columns as text, with the file that each is in as `file`.
pub fn rows(app_folder: &Path, table: &str) -> Vec<BTreeMap<String, String>> {
    let mut all = Vec::new();
    for path in files_below(&app_folder.join(table)) {
        let reader = SerializedFileReader::new(File::open(&path).unwrap()).unwrap();
        for row in reader.get_row_iter(None).unwrap() {
            let row = row.unwrap();
            let mut cells: BTreeMap<String, String> = row
                .get_column_iter()
                .map(|(name, field)| match field {
                    Field::Str(text) => (name.clone(), text.clone()),
                    other => (name.clone(), other.to_string()),
                })
                .collect();
            cells.insert("file".to_owned(), path.display().to_string());
            all.push(cells);
        }
    }
    all
}

pub fn wu(id: i32) -> WorkunitId {
    WorkunitId(id)
}
