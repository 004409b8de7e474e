//! A project with workunits that wait for the validator, and the validator as a process on it.

#![allow(dead_code, reason = "each test binary uses its part")]

use std::process::Command;

use boinc::id::{ResultId, WorkunitId};
use boinc::verdict::{KeptJudgement, KeptVerdict};
use sandbox::{ProjectOptions, Server, SimClock, TestDb, TestProject};
use serde_json::{Value, json};
use store::Store;
use store::audit::Owner;
use store::sql::Connection;

/// When everything happens, Unix seconds.
pub const NOW: f64 = 1_795_000_000.0;

/// See the module.
pub struct World {
    pub project: TestProject,
    pub sql: Connection,
    pub store: Store,
}

/// The physical name of a result's output.
pub fn physical(result: i32) -> String {
    format!("r_{result}_0")
}

impl World {
    /// Eight hosts of four users: host N belongs to user 1 + N mod 4. The clock stands still.
    pub async fn new(toml: &str) -> Self {
        let clock = Some(SimClock::frozen(NOW));
        let options = ProjectOptions { clock, tcp: true, ..ProjectOptions::default() };
        let project = TestProject::new("verdicts", options).await.unwrap();
        Self::of(project, toml).await
    }

    /// The same on a server of one's own.
    pub async fn on(server: &Server, name: &str, toml: &str) -> Self {
        let clock = Some(SimClock::frozen(NOW));
        let options = ProjectOptions { clock, tcp: true, ..ProjectOptions::default() };
        let db = TestDb::on(server, name).await.unwrap();
        Self::of(TestProject::in_database(db, options).await.unwrap(), toml).await
    }

    async fn of(project: TestProject, toml: &str) -> Self {
        project.migrate().await.unwrap();
        project.write_app_config(toml).unwrap();
        let sql = project.connect().await.unwrap();
        let store = Store::connect(project.url()).await.unwrap();
        let mut world = Self { project, sql, store };
        let hosts = (1..=8).map(|id| json!({"id": id, "userid": 1 + id % 4, "p_fpops": 2e9, "p_ncpus": 4}));
        world.insert("host", hosts.collect()).await;
        let users = (1..=4).map(|id| {
            json!({"id": id, "teamid": 0, "email_addr": format!("u{id}"), "authenticator": format!("u{id}")})
        });
        world.insert("user", users.collect()).await;
        let versions = (1..=8).map(|id| json!({"host_id": id, "app_version_id": 1, "max_jobs_per_day": 100}));
        world.insert("host_app_version", versions.collect()).await;
        world
    }

    /// The validator, to be started.
    pub fn start(&self, flags: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cobblestone-validator"));
        command
            .args(["--app", self.project.app(), "-d", "3", "--project_dir"])
            .arg(self.project.dir())
            .args(flags);
        command
    }

    /// Runs it until it ends; its log.
    pub fn run(&self, flags: &[&str]) -> String {
        let output = self.start(flags).output().unwrap();
        let log = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{log}");
        log
    }

    /// One pass; its log.
    pub fn one_pass(&self) -> String {
        self.run(&["--one_pass"])
    }

    /// Inserts rows; columns that must have a value and are not given get 0 or the empty text.
    pub async fn insert(&mut self, table: &str, rows: Vec<Value>) {
        self.sql.insert_filled(table, &rows).await.unwrap();
    }

    /// A workunit that waits for the validator.
    pub async fn workunit(&mut self, id: i32, min_quorum: i32) {
        let row = json!({
            "id": id, "appid": 1, "name": format!("wu{id}"), "rsc_fpops_est": 1e12, "rsc_fpops_bound": 1e15,
            "need_validate": 1, "transition_time": i32::MAX, "min_quorum": min_quorum, "target_nresults": min_quorum,
            "max_error_results": 3, "max_total_results": 20, "max_success_results": 10, "canonical_credit": 5.0,
        });
        self.insert("workunit", vec![row]).await;
    }

    /// A reported result of a host, with its output; `None`: the file is missing, its folder is not.
    pub async fn result(&mut self, id: i32, workunit: i32, host: i32, content: Option<&str>) {
        let document = format!(
            "<file_info><name>{0}</name></file_info><result><file_ref><file_name>{0}</file_name>\
             <open_name>out</open_name></file_ref></result>",
            physical(id)
        );
        let row = json!({
            "id": id, "workunitid": workunit, "appid": 1, "name": format!("wu{workunit}_{id}"), "hostid": host,
            "userid": 1 + host % 4, "server_state": 5, "outcome": 1, "sent_time": NOW - 5000.0,
            "received_time": NOW - 1000.0, "elapsed_time": 3000.0, "cpu_time": 2900.0, "flops_estimate": 8e9,
            "app_version_id": 1, "xml_doc_in": document,
        });
        self.insert("result", vec![row]).await;
        let path = self.project.upload_path(&physical(id)).unwrap();
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        if let Some(content) = content {
            self.project.write_upload(&physical(id), content.as_bytes()).unwrap();
        }
    }

    /// Results of hosts 1, 2, … with these contents, and ids from `first` on.
    pub async fn results(&mut self, first: i32, workunit: i32, contents: &[&str]) {
        for (n, content) in (0..).zip(contents) {
            self.result(first + n, workunit, 1 + n, Some(content)).await;
        }
    }

    pub async fn execute(&mut self, sql: &str) {
        self.sql.execute(sql, &[]).await.unwrap();
    }

    pub async fn number(&mut self, sql: &str) -> i64 {
        self.sql.row(&format!("SELECT CAST(({sql}) AS SIGNED) AS n"), &[]).await.unwrap().i64("n").unwrap()
    }

    /// validate_state of results, in the order of ids.
    pub async fn states(&mut self, workunit: i32) -> Vec<i64> {
        let sql = format!("SELECT validate_state AS v FROM result WHERE workunitid = {workunit} ORDER BY id");
        self.sql.rows(&sql, &[]).await.unwrap().iter().map(|row| row.i64("v").unwrap()).collect()
    }

    /// A column of a workunit.
    pub async fn of_workunit(&mut self, workunit: i32, column: &str) -> i64 {
        self.number(&format!("SELECT {column} FROM workunit WHERE id = {workunit}")).await
    }

    /// What is kept of a workunit's judgements.
    pub async fn kept(&self, workunit: i32) -> Vec<KeptJudgement> {
        self.store.read("kept", async |conn| conn.judgements(WorkunitId(workunit)).await).await.unwrap()
    }

    /// The last verdict on a result.
    pub async fn verdict(&self, workunit: i32, result: i32) -> KeptVerdict {
        let all = self.kept(workunit).await;
        let found = all.iter().rev().flat_map(|kept| &kept.verdicts).find(|v| v.result == ResultId(result));
        found.unwrap_or_else(|| panic!("nothing kept of {result}: {all:?}")).clone()
    }

    /// Totals are what the ledger says.
    pub async fn balances(&self) {
        for owner in Owner::ALL {
            let (_, off) =
                self.store.snapshot("check", async |conn| conn.check_totals(owner).await).await.unwrap();
            assert!(off.is_empty(), "{owner:?}: {off:?}");
        }
        let marks = self.store.snapshot("check", async |conn| conn.marks_off().await).await.unwrap();
        assert!(marks.is_empty(), "{marks:?}");
    }
}
