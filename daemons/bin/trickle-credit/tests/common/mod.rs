//! A project with messages, and the handler as a process on it.

#![allow(dead_code, reason = "each test binary uses its part")]

pub mod scene;

use std::process::Command;

use sandbox::{ProjectOptions, Server, SimClock, TestDb, TestProject};
use serde_json::{Map, Value, json};
use store::Store;
use store::audit::Owner;
use store::sql::Connection;

/// When everything happens, Unix seconds.
pub const NOW: f64 = 1_795_000_000.0;

/// Host, create_time, variety, text.
pub type Row = (i64, i64, &'static str, String);

/// See the module.
pub struct World {
    pub project: TestProject,
    pub sql: Connection,
}

impl World {
    /// With our tables, on a clock that stands still.
    pub async fn new() -> Self {
        let clock = Some(SimClock::frozen(NOW));
        let world = Self::with(ProjectOptions { clock, tcp: true, ..Default::default() }).await;
        world.project.migrate().await.unwrap();
        world
    }

    /// The same in a database of that name on a server of the test's own.
    pub async fn on(server: &Server, name: &str) -> Self {
        let options = ProjectOptions {
            clock: Some(SimClock::frozen(NOW)),
            tcp: true,
            msg_to_host: true,
            ..Default::default()
        };
        let db = TestDb::on(server, name).await.unwrap();
        let project = TestProject::in_database(db, options).await.unwrap();
        let sql = project.connect().await.unwrap();
        let world = Self { project, sql };
        world.project.migrate().await.unwrap();
        world
    }

    /// Without our tables.
    pub async fn with(options: ProjectOptions) -> Self {
        let project = TestProject::new("trickles", options).await.unwrap();
        let sql = project.connect().await.unwrap();
        Self { project, sql }
    }

    /// The handler, to be started.
    pub fn start(&self, flags: &[&str]) -> Command {
        self.start_at("3", flags)
    }

    /// The same, as talkative as that.
    pub fn start_at(&self, level: &str, flags: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cobblestone-trickle-credit"));
        command.args(["--one_pass", "-d", level, "--project_dir"]).arg(self.project.dir()).args(flags);
        command
    }

    /// Runs it until nothing is left to do; its log.
    pub fn one_pass(&self, flags: &[&str]) -> String {
        let output = self.start(flags).output().unwrap();
        let log = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{log}");
        log
    }

    /// Inserts rows; columns that must have a value and are not given get 0 or the empty text.
    pub async fn insert(&mut self, table: &str, rows: Vec<Value>) {
        self.sql.insert_filled(table, &rows).await.unwrap();
    }

    /// Stores messages.
    pub async fn messages(&mut self, rows: &[Row]) {
        let rows: Vec<Map<String, Value>> = rows
            .iter()
            .map(|(host, time, variety, xml)| {
                let row = json!({"create_time": time, "hostid": host, "variety": variety, "handled": 0, "xml": xml});
                row.as_object().unwrap().clone()
            })
            .collect();
        self.sql.insert_json("msg_from_host", &rows).await.unwrap();
    }

    pub async fn number(&mut self, sql: &str) -> i64 {
        self.sql.row(&format!("SELECT CAST(({sql}) AS SIGNED) AS n"), &[]).await.unwrap().i64("n").unwrap()
    }

    pub async fn sum(&mut self, sql: &str) -> f64 {
        self.sql.row(&format!("SELECT ({sql}) AS n"), &[]).await.unwrap().f64("n").unwrap()
    }

    /// What an auditor asks: totals are what the ledger says, and every handled message is accounted for exactly.
    pub async fn balances(&self) {
        let store = Store::connect(self.project.url()).await.unwrap();
        for owner in Owner::ALL {
            let (_, off) =
                store.snapshot("check", async |conn| conn.check_totals(owner).await).await.unwrap();
            assert!(off.is_empty(), "{owner:?}: {off:?}");
        }
        let (marks, fates, twice) = store
            .snapshot("check", async |conn| {
                Ok((
                    conn.marks_off().await?,
                    conn.message_fates(&[]).await?,
                    conn.messages_paid_twice().await?,
                ))
            })
            .await
            .unwrap();
        assert!(marks.is_empty(), "{marks:?}");
        assert_eq!(twice, 0);
        assert_eq!(fates.handled, fates.counted + fates.set_aside, "{fates:?}");
        assert_eq!(fates.stored, fates.handled + fates.waiting, "{fates:?}");
        assert!(fates.counted >= fates.paid + fates.disallowed - fates.paid_in_part, "{fates:?}");
    }
}
