//! The validator is killed at every statement of a pass, and the database is: one run each. Afterwards verdicts, credit,
//! statistics and what is kept are the same as after a calm run: no credit twice, no verdict lost, no workunit stuck.
//!
//! The pass judges workunits of every kind: with a canonical result, a chain, no agreement, an unusable output, an output
//! that can't be read now, a suspicious result, late results with and without the canonical file, unsent results, a host
//! without statistics, a host with a hopeless error; and invalid ones whose trickles are taken back.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

mod common;

use std::process::{Child, Stdio};
use std::time::Duration;

use common::{World, physical};
use sandbox::Server;
use sandbox::proxy::{Hold, Proxy};
use serde_json::{Map, Value, json};

const RULES: &str = "[compare]\nmethod = \"numeric\"\nabsolute = 1.0\n[credit]\nmode = \"adaptive\"\nupdate_credited_job = true\n\
                     [validate]\nsuspect_flagged_hosts = true\nsuspicious_quorum = 3\npay_too_late = true\ncheck_punitive = true\n\
                     hopeless_exit_status = [195]\n[uptime]\nenabled = true\ninvalid_results = \"revoke\"\n";

/// Connections beside the one that asks.
const OTHERS: &str =
    "SELECT COUNT(*) FROM information_schema.processlist WHERE db = DATABASE() AND id <> CONNECTION_ID()";

/// What a pass changes.
const TABLES: [&str; 6] = ["workunit", "result", "host", "user", "team", "host_app_version"];

/// All that a pass writes; numbers that the database gives are left out.
const PICTURE: [&str; 11] = [
    "SELECT id, need_validate, error_mask, assimilate_state, transition_time, min_quorum, target_nresults, \
     canonical_resultid, canonical_credit FROM workunit ORDER BY id",
    "SELECT id, server_state, outcome, validate_state, granted_credit, runtime_outlier FROM result ORDER BY id",
    "SELECT id, total_credit, expavg_credit, expavg_time, avg_turnaround FROM host ORDER BY id",
    "SELECT id, total_credit, expavg_credit, expavg_time FROM user ORDER BY id",
    "SELECT id, total_credit, expavg_credit, expavg_time FROM team ORDER BY id",
    "SELECT * FROM host_app_version ORDER BY host_id, app_version_id",
    "SELECT time, kind, resultid, workunitid, hostid, userid, teamid, seconds, credit, reason FROM cobblestone_ledger \
     ORDER BY resultid, kind, teamid",
    "SELECT * FROM cobblestone_mark ORDER BY resultid",
    "SELECT j.workunitid, j.n, j.time, j.name, j.outcome, j.canonical, j.min_quorum, j.credit_mode, j.matrix, j.files, \
     j.notes, s.digest FROM cobblestone_judgement j LEFT JOIN cobblestone_spec s ON s.id = j.specid ORDER BY 1, 2",
    "SELECT * FROM cobblestone_verdict ORDER BY workunitid, n, resultid",
    "SELECT userid, workunitid FROM credited_job ORDER BY 1, 2",
];

async fn picture(world: &mut World) -> String {
    let mut picture = String::new();
    for sql in PICTURE {
        for row in world.sql.rows(sql, &[]).await.unwrap() {
            picture += &format!("{}\n", serde_json::to_string(&row.json()).unwrap());
        }
    }
    picture
}

/// Workunits of every kind. The first pass is over: 6 and 7 have canonical results and late ones.
async fn everything(world: &mut World) {
    for id in [6, 7] {
        world.workunit(id, 2).await;
        world.results(10 * id, id, &["1\n", "1\n"]).await;
    }
    world.one_pass();
    std::fs::remove_file(world.project.upload_path(&physical(70)).unwrap()).unwrap();
    for (id, contents) in [
        (1, &["1\n", "1.5\n"][..]),
        (2, &["1.0\n", "1.9\n", "2.8\n", "3.7\n"]),
        (3, &["1\n", "9\n"]),
        (4, &["nan\n", "1\n"]),
    ] {
        world.workunit(id, 2).await;
        world.results(10 * id, id, contents).await;
    }
    // Unsent.
    world.result(12, 1, 0, None).await;
    world.execute("UPDATE result SET server_state = 2, outcome = 0, sent_time = 0, received_time = 0, app_version_id = 0 WHERE id = 12").await;
    // Can't be read now.
    world.workunit(5, 1).await;
    world.result(50, 5, 3, None).await;
    std::fs::remove_dir(world.project.upload_path(&physical(50)).unwrap().parent().unwrap()).unwrap();
    // Late: agrees, differs; by digest, and too late.
    world.result(62, 6, 3, Some("1.2\n")).await;
    world.result(63, 6, 4, Some("7\n")).await;
    world.result(72, 7, 3, Some("1\n")).await;
    world.result(73, 7, 4, Some("1.2\n")).await;
    // Suspicious.
    world.workunit(8, 1).await;
    world.result(80, 8, 8, Some("1\n")).await;
    let flag = json!({"hostid": 8, "appid": 1, "over_claims": 9, "flagged": 5.0, "time": 5.0});
    world.insert("cobblestone_flag", vec![flag]).await;
    // A hopeless error, and a host without statistics.
    world.workunit(9, 1).await;
    world.result(90, 9, 7, Some("1\n")).await;
    world.execute("DELETE FROM host_app_version WHERE host_id = 7").await;
    world.result(91, 9, 6, None).await;
    world.execute("UPDATE result SET outcome = 3, exit_status = 195 WHERE id = 91").await;
    world.execute("UPDATE workunit SET need_validate = 1, assimilate_state = 2 * (id IN (6, 7))").await;
}

/// Trickles paid two results that will be invalid, half of it in one team and half in another, and a person granted
/// something.
async fn paid_before(world: &mut World) {
    let teams = [1, 2].map(|id| json!({"id": id, "name": format!("t{id}")}));
    world.insert("team", teams.to_vec()).await;
    for result in [23, 63] {
        for (team, kind, credit) in [(1, "uptime", 40.0), (2, "uptime", 10.0), (2, "adjustment", 3.0)] {
            let row = json!({"time": 1.0, "since": 1.0, "kind": kind, "resultid": result, "workunitid": result / 10,
                             "hostid": 4, "userid": 1, "teamid": team, "appid": 1, "credit": credit, "rule_version": 1,
                             "reason": kind});
            world.insert("cobblestone_ledger", vec![row]).await;
        }
        let mark = json!({"resultid": result, "hostid": 4, "appid": 1, "credit_paid": 53.0, "messages": 2, "time": 1.0});
        world.insert("cobblestone_mark", vec![mark]).await;
        world.execute(&format!("UPDATE result SET granted_credit = 53 WHERE id = {result}")).await;
    }
    for table in ["host", "user", "team"] {
        world
            .execute(&format!(
                "UPDATE {table} t SET total_credit = (SELECT COALESCE(SUM(credit), 0) FROM cobblestone_ledger \
                 WHERE {table}id = t.id)"
            ))
            .await;
    }
}

/// A project whose daemons connect through a wire that can be held.
struct Stage {
    world: World,
    proxy: Proxy,
    /// Its config.xml: to the database, and through the wire.
    direct: String,
    through: String,
    /// Rows before the pass.
    before: Vec<(&'static str, Vec<Map<String, Value>>)>,
    /// All that a calm run writes.
    calm: String,
}

impl Stage {
    async fn new(mut world: World) -> Self {
        everything(&mut world).await;
        paid_before(&mut world).await;
        let mut before = Vec::new();
        for table in TABLES {
            let rows = world.sql.rows(&format!("SELECT * FROM {table}"), &[]).await.unwrap();
            before.push((table, rows.iter().map(store::sql::Row::json).collect::<Vec<_>>()));
        }
        for table in ["ledger", "mark", "judgement", "verdict"] {
            let sql = format!("CREATE TABLE before_{table} AS SELECT * FROM cobblestone_{table}");
            world.execute(&sql).await;
        }
        world.one_pass();
        let calm = picture(&mut world).await;
        for word in [
            "(a chain)",
            "no quorum",
            "output unusable",
            "can't be read now",
            "is flagged",
            "late: agrees",
            "equal to the digest",
            "too late to be compared",
            "no_consensus",
            "taken back what its trickles were paid",
        ] {
            assert!(calm.contains(word), "no {word} in {calm}");
        }
        assert_eq!(world.number("SELECT COUNT(*) FROM workunit WHERE need_validate = 1").await, 0);
        let revoked = "SELECT COUNT(*) FROM cobblestone_ledger WHERE kind = 'revocation' AND (teamid, credit) IN ((1, -40), (2, -10))";
        assert_eq!(world.number(revoked).await, 4);
        assert_eq!(
            world.number("SELECT COUNT(*) FROM result WHERE id IN (23, 63) AND granted_credit = 3").await,
            2
        );
        world.balances().await;
        let port = u16::try_from(world.number("SELECT @@port").await).unwrap();
        let proxy = Proxy::start(port).await.unwrap();
        let direct = std::fs::read_to_string(world.project.path("config.xml")).unwrap();
        let through = direct.replace(&format!("127.0.0.1:{port}"), &format!("127.0.0.1:{}", proxy.port()));
        assert_ne!(direct, through);
        Self { world, proxy, direct, through, before, calm }
    }

    /// As it was before the pass.
    async fn rewind(&mut self) {
        for (table, rows) in &self.before {
            self.world.execute(&format!("DELETE FROM {table}")).await;
            self.world.sql.insert_json(table, rows).await.unwrap();
        }
        for table in ["ledger", "mark", "judgement", "verdict"] {
            self.world.execute(&format!("DELETE FROM cobblestone_{table}")).await;
            let sql = format!("INSERT INTO cobblestone_{table} SELECT * FROM before_{table}");
            self.world.execute(&sql).await;
        }
        // The spec stays where verdicts name it; the wire meets its transaction all the same.
        self.world.execute("DELETE FROM credited_job WHERE workunitid > 0").await;
    }

    fn config(&self, text: &str) {
        std::fs::write(self.world.project.path("config.xml"), text).unwrap();
    }

    /// Starts the validator from the beginning, over the wire.
    async fn start(&mut self) -> Child {
        self.rewind().await;
        self.config(&self.through);
        self.world.start(&["--one_pass"]).stderr(Stdio::null()).spawn().unwrap()
    }

    /// Waits until it is held; false if it ended before.
    async fn held(&self, child: &mut Child) -> bool {
        let ended = self.proxy.held_or_ended(child).await.unwrap();
        assert!(ended.is_none_or(|status| status.success()));
        ended.is_none()
    }

    async fn waiting(&mut self) -> i64 {
        self.world.number("SELECT COUNT(*) FROM workunit WHERE need_validate = 1").await
    }

    /// Everything is as after a calm run.
    async fn check(&mut self, what: &str) {
        let found = picture(&mut self.world).await;
        assert!(found == self.calm, "{what}:\n{found}\ninstead of\n{}", self.calm);
    }
}

/// Kills before anything was judged, and when all was. There is nothing between: a pass is one transaction.
#[derive(Debug, Default)]
struct Kills {
    before: u32,
    after: u32,
}

impl Kills {
    fn count(&mut self, waiting: i64) {
        match waiting {
            0 => self.after += 1,
            9 => self.before += 1,
            some => panic!("{some} of 9 workunits wait: a transaction was done in part"),
        }
    }

    fn are_many(&self, hold: Hold) {
        println!("{hold:?}: {self:?}");
        assert!(self.before > 25 && self.after > 0, "{self:?}");
    }
}

async fn killed_daemons(hold: Hold) {
    let mut stage = Stage::new(World::new(RULES).await).await;
    // The test's own.
    let idle = stage.world.number(OTHERS).await;
    let mut kills = Kills::default();
    for statement in 1.. {
        stage.proxy.hold_at_statement(statement, hold);
        let mut child = stage.start().await;
        let held = stage.held(&mut child).await;
        child.kill().unwrap();
        child.wait().unwrap();
        stage.proxy.release();
        stage.config(&stage.direct);
        if !held {
            break;
        }
        // The server may still be at it.
        while stage.world.number(OTHERS).await > idle {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        kills.count(stage.waiting().await);
        stage.world.one_pass();
        stage.check(&format!("killed {hold:?} statement {statement}")).await;
    }
    stage.world.balances().await;
    kills.are_many(hold);
}

#[tokio::test]
async fn the_validator_before_every_statement() {
    killed_daemons(Hold::Before).await;
}

#[tokio::test]
async fn the_validator_after_every_statement() {
    killed_daemons(Hold::After).await;
}

/// Projects on one server, each held at another statement when it is killed.
const TOGETHER: u64 = 12;

/// The database is killed (SIGKILL) and started again; the validators live on, connect again and end their work.
async fn killed_databases(hold: Hold) {
    let mut server = tokio::task::spawn_blocking(Server::start_temporary).await.unwrap().unwrap();
    let mut stages = Vec::new();
    for n in 0..TOGETHER {
        stages.push(Stage::new(World::on(&server, &format!("kill_{n}"), RULES).await).await);
    }
    let mut kills = Kills::default();
    let mut statement = 1;
    loop {
        let mut children = Vec::new();
        for (stage, statement) in stages.iter_mut().zip(statement..) {
            stage.proxy.hold_at_statement(statement, hold);
            children.push(stage.start().await);
        }
        let mut held = Vec::new();
        for (stage, child) in stages.iter().zip(&mut children) {
            held.push(stage.held(child).await);
        }
        server.kill();
        for stage in &stages {
            stage.proxy.cut();
            // They come back only when it was seen what the server kept.
            stage.proxy.hold_at(1, Hold::Before);
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
        server =
            tokio::task::spawn_blocking(move || server.restart().map(|()| server)).await.unwrap().unwrap();
        for (stage, held) in stages.iter_mut().zip(&held) {
            stage.world.sql = stage.world.project.connect().await.unwrap();
            if *held {
                kills.count(stage.waiting().await);
            }
        }
        for stage in &stages {
            stage.proxy.release();
        }
        for child in &mut children {
            while child.try_wait().unwrap().is_none() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            assert!(child.wait().unwrap().success());
        }
        for (stage, statement) in stages.iter_mut().zip(statement..) {
            stage.check(&format!("the database was killed {hold:?} statement {statement}")).await;
        }
        if !held.iter().all(|held| *held) {
            break;
        }
        statement += TOGETHER;
    }
    kills.are_many(hold);
}

#[tokio::test]
async fn the_database_before_every_statement() {
    killed_databases(Hold::Before).await;
}

#[tokio::test]
async fn the_database_after_every_statement() {
    killed_databases(Hold::After).await;
}
