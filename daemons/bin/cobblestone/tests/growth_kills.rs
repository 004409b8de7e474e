//! Commands that change the books are killed at every statement that they send, and run beside the daemons.
//!
//! Statements are counted from the first one of the connection to the last, COMMIT too. After each kill the audit has
//! the same figures, and the command, run again, ends where a calm run ends.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod common;

use std::process::{Child, Stdio};
use std::time::Duration;

use common::old::{COMPACT, PURGE, age, figures, world_in};
use common::{NOW, World};
use sandbox::proxy::{Hold, Proxy};
use sandbox::{ProjectOptions, SimClock};
use serde_json::Value;

/// What the commands write.
const TABLES: [&str; 17] = [
    "cobblestone_counter",
    "cobblestone_disallowed",
    "cobblestone_flag",
    "cobblestone_host_day",
    "cobblestone_host_messages",
    "cobblestone_increment",
    "cobblestone_increment_sum",
    "cobblestone_ledger",
    "cobblestone_ledger_control",
    "cobblestone_mark",
    "cobblestone_quarantine",
    "cobblestone_report_increment",
    "host",
    "msg_from_host",
    "result",
    "team",
    "user",
];

/// A project whose command connects through a wire that can be held.
struct Stage {
    world: World,
    proxy: Proxy,
    /// Its config.xml: to the database, and through the wire.
    direct: String,
    through: String,
}

impl Stage {
    async fn new() -> Self {
        let options =
            ProjectOptions { clock: Some(SimClock::frozen(NOW)), tcp: true, ..ProjectOptions::default() };
        let mut world = world_in(World::with(options).await).await;
        // The one that can't be used is dropped.
        world.ends(0, &["trickles", "drop", "--all-set-aside", "--reason", "rubbish"]);
        age(&mut world, 100).await;
        // Of one result the row is gone.
        world.sql.execute("DELETE FROM result WHERE id = 4", &[]).await.unwrap();
        // A host that is gone, and a result that only reported.
        for (table, values) in [
            ("cobblestone_flag", "(99, 1, 3, 5, 5)"),
            ("cobblestone_host_messages", "(99, 2, 5)"),
            ("cobblestone_report_increment", "(X'000102030405060708090a0b0c0d0e0f', 777, 5)"),
        ] {
            world.sql.execute(&format!("INSERT INTO {table} VALUES {values}"), &[]).await.unwrap();
        }
        let port = u16::try_from(world.number("SELECT @@port").await).unwrap();
        let proxy = Proxy::start(port).await.unwrap();
        let direct = std::fs::read_to_string(world.project.path("config.xml")).unwrap();
        let through = direct.replace(&format!("127.0.0.1:{port}"), &format!("127.0.0.1:{}", proxy.port()));
        assert_ne!(direct, through);
        let mut stage = Self { world, proxy, direct, through };
        for table in TABLES {
            stage.sql(&format!("CREATE TABLE before_{table} LIKE {table}")).await;
            stage.sql(&format!("INSERT INTO before_{table} SELECT * FROM {table}")).await;
        }
        stage
    }

    async fn sql(&mut self, sql: &str) {
        self.world.sql.execute(sql, &[]).await.unwrap();
    }

    /// All as it was at first.
    async fn rewind(&mut self) {
        for table in TABLES {
            self.sql(&format!("DELETE FROM {table}")).await;
            self.sql(&format!("INSERT INTO {table} SELECT * FROM before_{table}")).await;
        }
    }

    /// What the books come to, and how many rows each table has.
    async fn picture(&mut self) -> (Value, Vec<i64>) {
        let mut rows = Vec::new();
        // Which part of the control totals is written hangs on the connection.
        for table in TABLES.into_iter().filter(|table| *table != "cobblestone_ledger_control") {
            rows.push(self.world.number(&format!("SELECT COUNT(*) FROM {table}")).await);
        }
        (figures(&self.world), rows)
    }

    /// Waits until the wire is held; false if the command ended before.
    async fn held(&self, child: &mut Child) -> bool {
        let ended = self.proxy.held_or_ended(child).await.unwrap();
        assert!(ended.is_none_or(|status| status.success()));
        ended.is_none()
    }

    async fn gone(&mut self) {
        let others = "SELECT COUNT(*) FROM information_schema.processlist WHERE db = DATABASE() AND id <> CONNECTION_ID()";
        while self.world.number(others).await > 0 {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }
}

/// `moves`: whether the audit's figures are others afterwards.
async fn killed(command: &[&str], moves: bool, least: u64) {
    let mut stage = Stage::new().await;
    let before = stage.picture().await;
    stage.world.ends(0, command);
    let after = stage.picture().await;
    assert_ne!(before.1, after.1, "it does something");
    for hold in [Hold::Before, Hold::After] {
        let mut kills = 0;
        for statement in 1.. {
            stage.rewind().await;
            stage.proxy.hold_at_statement(statement, hold);
            std::fs::write(stage.world.project.path("config.xml"), &stage.through).unwrap();
            let mut child =
                stage.world.cobblestone(command).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
            let held = stage.held(&mut child).await;
            child.kill().unwrap();
            child.wait().unwrap();
            stage.proxy.release();
            std::fs::write(stage.world.project.path("config.xml"), &stage.direct).unwrap();
            if !held {
                break;
            }
            kills += 1;
            stage.gone().await;
            let what = format!("{command:?} killed {hold:?} statement {statement}");
            // In the middle, the books balance; `figures` sees to that.
            let middle = stage.picture().await;
            if !moves {
                assert_eq!(middle.0, before.0, "{what}");
            }
            let again = stage.world.run(command);
            assert!(again.status == 0 || moves, "{what}: {}", again.err);
            assert_eq!(stage.picture().await, after, "{what}");
        }
        assert!(kills > least, "{kills} kills {hold:?} statement");
    }
}

#[tokio::test]
async fn compacting_is_killed_at_every_statement() {
    killed(&COMPACT, false, 20).await;
}

#[tokio::test]
async fn purging_is_killed_at_every_statement() {
    // Messages that are gone are counted as such.
    killed(&PURGE, true, 20).await;
}

#[tokio::test]
async fn an_adjustment_is_killed_at_every_statement() {
    // What was granted before the kill is refused the second time.
    killed(&["adjust", "--result", "1", "--credit", "12.5", "--reason", "a lost day"], true, 10).await;
}
