//! What abandoned results were paid by trickles is taken back, by the validator as a process on a real database: once,
//! killed at any statement, by two instances.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::process::{Command, Stdio};

use sandbox::proxy::{Hold, Proxy};
use sandbox::{ProjectOptions, SimClock, TestProject};
use serde_json::{Value, json};
use store::Store;
use store::audit::Owner;
use store::sql::Connection;

const NOW: f64 = 1_795_000_000.0;
const SENT: i64 = NOW as i64 - 100_000;
/// Results.
const N: i64 = 12;

struct World {
    project: TestProject,
    sql: Connection,
}

fn config(invalid_results: &str) -> String {
    format!(
        "[uptime]\nenabled = true\ninvalid_results = \"{invalid_results}\"\n[credit]\nmode = \"uptime\"\n"
    )
}

/// Twelve results on three hosts of two users, the first in team 1, each with ten hours paid: in turns reported well, in
/// progress, not needed, without reply, in error, detached. Half of it was paid while both were in team 2. A person
/// granted number 4 something, and took something of number 10.
async fn world(invalid_results: &str) -> World {
    let clock = Some(SimClock::frozen(NOW));
    let options = ProjectOptions { clock, tcp: true, credit_by_app: true, ..Default::default() };
    let project = TestProject::new("abandoned", options).await.unwrap();
    let sql = project.connect().await.unwrap();
    let mut world = World { project, sql };
    world.project.migrate().await.unwrap();
    world.project.write_app_config(&config(invalid_results)).unwrap();
    let host = |id: i64| json!({"id": id, "userid": 1 + id % 2, "p_fpops": 2e9, "p_ncpus": 4});
    world.insert("host", vec![host(1), host(2), host(3)]).await;
    let user = |id: i64| json!({"id": id, "teamid": 2 - id, "email_addr": format!("u{id}"), "authenticator": format!("u{id}")});
    world.insert("user", vec![user(1), user(2)]).await;
    world.insert("team", vec![json!({"id": 1, "name": "t"}), json!({"id": 2, "name": "u"})]).await;
    let results = (1..=N).map(|id| {
        let (state, outcome) = [(5, 1), (4, 0), (5, 5), (5, 4), (5, 3), (5, 7)][(id % 6) as usize];
        json!({"id": id, "workunitid": id, "appid": 1, "name": format!("r{id}"), "hostid": 1 + id % 3, "server_state": state,
               "outcome": outcome, "sent_time": SENT, "flops_estimate": 8e9, "app_version_id": 1,
               "report_deadline": SENT + 90_000, "received_time": if outcome == 3 { SENT + 40_000 } else { 0 }})
    });
    world.insert("result", results.collect()).await;
    world.pay().await;
    world
}

impl World {
    /// As if trickles had been paid.
    async fn pay(&mut self) {
        let of = |id: i64| (1 + id % 3, 1 + (1 + id % 3) % 2, 36_000.0, 100.0 + id as f64 / 3.0);
        let adjusted = |id: i64| match id {
            4 => 5.0,
            10 => -5.0,
            _ => 0.0,
        };
        let mark = |id: i64| {
            let (host, _, seconds, credit) = of(id);
            json!({"resultid": id, "hostid": host, "appid": 1, "seconds_paid": seconds, "largest_claim": seconds,
                   "credit_paid": credit + adjusted(id), "messages": 2, "time": NOW - 50.0})
        };
        self.insert("cobblestone_mark", (1..=N).map(mark).collect()).await;
        let entry = |id: i64, n: i64| {
            let (host, user, seconds, credit) = of(id);
            let team = if n == 0 { 2 } else { 2 - user };
            let kind = if n == 2 { "adjustment" } else { "uptime" };
            let (seconds, credit) = if n == 2 { (0.0, adjusted(id)) } else { (seconds / 2.0, credit / 2.0) };
            let message = (n < 2).then_some(100 * n + id);
            json!({"id": 100 * n + id, "time": NOW - 50.0, "since": NOW - 50.0, "kind": kind, "messageid": message,
                   "resultid": id, "workunitid": id, "hostid": host, "userid": user, "teamid": team, "appid": 1,
                   "seconds": seconds, "flops": if n == 2 { 0.0 } else { 8e9 }, "credit": credit, "rule_version": 1,
                   "reason": kind, "messages": i32::from(n < 2), "by_app": 1, "app_userid": user, "app_teamid": team})
        };
        let uptime = (1..=N).flat_map(|id| [entry(id, 0), entry(id, 1)]);
        let entries = uptime.chain([entry(4, 2), entry(10, 2)]).collect();
        self.insert("cobblestone_ledger", entries).await;
        self.totals().await;
    }

    /// Totals as the ledger has them.
    async fn totals(&mut self) {
        for sql in [
            "DELETE FROM credit_user",
            "DELETE FROM credit_team",
            "UPDATE result r JOIN cobblestone_mark k ON k.resultid = r.id SET r.granted_credit = k.credit_paid",
            "UPDATE host h SET total_credit = (SELECT COALESCE(SUM(credit), 0) FROM cobblestone_ledger WHERE hostid = h.id), \
             expavg_credit = 50, expavg_time = 1794999000",
            "UPDATE user u SET total_credit = (SELECT COALESCE(SUM(credit), 0) FROM cobblestone_ledger WHERE userid = u.id), \
             expavg_credit = 50, expavg_time = 1794999000",
            "UPDATE team t SET total_credit = (SELECT COALESCE(SUM(credit), 0) FROM cobblestone_ledger WHERE teamid = t.id), \
             expavg_credit = 50, expavg_time = 1794999000",
            "INSERT INTO credit_user (userid, appid, njobs, total, expavg, expavg_time, credit_type) \
             SELECT app_userid, 1, 0, SUM(credit), 50, 1794999000, 0 FROM cobblestone_ledger WHERE app_userid < 99 GROUP BY app_userid",
            "INSERT INTO credit_team (teamid, appid, njobs, total, expavg, expavg_time, credit_type) \
             SELECT app_teamid, 1, 0, SUM(credit), 50, 1794999000, 0 FROM cobblestone_ledger WHERE app_teamid < 99 GROUP BY app_teamid",
        ] {
            self.sql.execute(sql, &[]).await.unwrap();
        }
    }

    async fn insert(&mut self, table: &str, rows: Vec<Value>) {
        self.sql.insert_filled(table, &rows).await.unwrap();
    }

    fn start(&self, flags: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cobblestone-validator"));
        command.args(["--one_pass", "-d", "3", "--app", self.project.app(), "--project_dir"]);
        command.arg(self.project.dir()).args(flags);
        command
    }

    fn one_pass(&self, flags: &[&str]) -> String {
        let output = self.start(flags).output().unwrap();
        let log = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{log}");
        log
    }

    async fn number(&mut self, sql: &str) -> i64 {
        self.sql.row(&format!("SELECT CAST(({sql}) AS SIGNED) AS n"), &[]).await.unwrap().i64("n").unwrap()
    }

    async fn text(&mut self, sql: &str) -> String {
        self.sql.row(&format!("SELECT CAST(({sql}) AS CHAR) AS n"), &[]).await.unwrap().text("n").unwrap()
    }

    async fn balances(&self) {
        let store = Store::connect(self.project.url()).await.unwrap();
        for owner in Owner::ALL {
            let (_, off) =
                store.snapshot("check", async |conn| conn.check_totals(owner).await).await.unwrap();
            assert!(off.is_empty(), "{owner:?}: {off:?}");
        }
        let off = store.snapshot("check", async |conn| conn.marks_off().await).await.unwrap();
        assert!(off.is_empty(), "{off:?}");
        let off = store.snapshot("check", async |conn| conn.overpaid(NOW, 1.0).await).await.unwrap();
        assert!(off.is_empty(), "{off:?}");
    }

    async fn picture(&mut self) -> String {
        let mut picture = String::new();
        for sql in [
            "SELECT id, server_state, outcome, granted_credit FROM result ORDER BY id",
            "SELECT id, total_credit, expavg_credit, expavg_time FROM host ORDER BY id",
            "SELECT id, total_credit, expavg_credit, expavg_time FROM user ORDER BY id",
            "SELECT id, total_credit, expavg_credit, expavg_time FROM team ORDER BY id",
            "SELECT userid, njobs, total, expavg FROM credit_user ORDER BY userid",
            "SELECT teamid, njobs, total, expavg FROM credit_team ORDER BY teamid",
            "SELECT kind, resultid, workunitid, hostid, userid, teamid, appid, seconds, flops, credit, reason \
             FROM cobblestone_ledger ORDER BY resultid, kind, teamid",
            "SELECT * FROM cobblestone_mark ORDER BY resultid",
        ] {
            for row in self.sql.rows(sql, &[]).await.unwrap() {
                picture += &format!("{}\n", serde_json::to_string(&row.json()).unwrap());
            }
        }
        picture
    }

    async fn rewind(&mut self) {
        for table in ["cobblestone_ledger", "cobblestone_mark"] {
            self.sql.execute(&format!("DELETE FROM {table}"), &[]).await.unwrap();
        }
        self.pay().await;
    }
}

const REVOKED: &str = "SELECT COALESCE(GROUP_CONCAT(DISTINCT resultid ORDER BY resultid), '') FROM cobblestone_ledger WHERE kind = 'revocation'";

#[tokio::test]
async fn what_abandoned_results_were_paid_is_taken_back_once() {
    let mut world = world("revoke").await;
    world.balances().await;
    let before = world.picture().await;
    let log = world.one_pass(&["--dry_run"]);
    assert!(log.contains("would be taken back"), "{log}");
    assert_eq!(world.picture().await, before);
    let log = world.one_pass(&[]);
    assert!(log.contains("revoked 6"), "{log}");
    assert_eq!(world.text(REVOKED).await, "3,4,5,9,10,11");
    let undone = "SELECT COUNT(*) FROM (SELECT resultid FROM cobblestone_ledger GROUP BY resultid \
                  HAVING ABS(SUM(credit)) < 1e-9 AND SUM(seconds) = 0) x";
    assert_eq!(world.number(undone).await, 5);
    assert_eq!(world.number("SELECT COUNT(*) FROM result WHERE granted_credit = 0").await, 5);
    let empty =
        "SELECT COUNT(*) FROM cobblestone_mark WHERE credit_paid = 0 AND seconds_paid = 0 AND messages = 2";
    assert_eq!(world.number(empty).await, 5);
    // What a person granted stays.
    let kept = "SELECT COUNT(*) FROM cobblestone_mark k JOIN result r ON r.id = k.resultid \
                WHERE k.resultid = 4 AND k.credit_paid = 5 AND k.seconds_paid = 0 AND r.granted_credit = 5";
    assert_eq!(world.number(kept).await, 1);
    // Each team gives back what it was paid for them, in its rows by application, too.
    for column in ["teamid", "app_teamid", "userid", "app_userid", "hostid"] {
        let sums = format!(
            "SELECT COUNT(*) FROM (SELECT SUM(IF(kind = 'adjustment', 0, credit)) AS credit FROM cobblestone_ledger \
             WHERE resultid IN (3, 4, 5, 9, 11) GROUP BY resultid, {column}) x WHERE ABS(credit) > 1e-9"
        );
        assert_eq!(world.number(&sums).await, 0, "{column}");
    }
    let rows = "SELECT COUNT(*) FROM cobblestone_ledger WHERE kind = 'revocation'";
    assert_eq!(world.number(rows).await, 12, "one for each team");
    let by_app = "SELECT COUNT(*) FROM credit_user c WHERE ABS(c.total - (SELECT SUM(credit) FROM cobblestone_ledger \
                  WHERE app_userid = c.userid)) > 1e-6";
    assert_eq!(world.number(by_app).await, 0);
    assert_eq!(world.number("SELECT COUNT(*) FROM user WHERE expavg_credit < 0").await, 0);
    world.balances().await;
    let after = world.picture().await;
    world.one_pass(&[]);
    assert_eq!(world.picture().await, after, "the second time there is nothing to take");
}

#[tokio::test]
async fn only_where_it_is_wanted_and_only_its_share() {
    let mut kept = world("keep").await;
    let before = kept.picture().await;
    kept.one_pass(&[]);
    assert_eq!(kept.picture().await, before);

    let mut world = world("revoke").await;
    world.one_pass(&["--mod", "2", "0"]);
    assert_eq!(world.text(REVOKED).await, "4,10");
    world.one_pass(&["--wu_id", "3"]);
    assert_eq!(world.text(REVOKED).await, "3,4,10");
    // The result of one says another host today, that of the other nobody's: who was paid gives back.
    world.sql.execute("UPDATE result SET hostid = 99 WHERE id = 5", &[]).await.unwrap();
    world.sql.execute("UPDATE result SET hostid = 0 WHERE id = 9", &[]).await.unwrap();
    // All who were paid for this one are gone: it holds nobody up.
    let nobody = "UPDATE cobblestone_ledger SET hostid = 99, userid = 99, teamid = 99, app_userid = 99, app_teamid = 99 \
                  WHERE resultid = 11";
    world.sql.execute(nobody, &[]).await.unwrap();
    world.sql.execute("UPDATE result SET hostid = 99 WHERE id = 11", &[]).await.unwrap();
    world.totals().await;
    world.one_pass(&[]);
    assert_eq!(world.text(REVOKED).await, "3,4,5,9,10");
    world.balances().await;
    let after = world.picture().await;
    world.one_pass(&[]);
    assert_eq!(world.picture().await, after);
}

#[tokio::test]
async fn one_that_is_valid_after_all_is_paid_in_full() {
    let mut world = world("revoke").await;
    world.one_pass(&[]);
    assert_eq!(world.text(REVOKED).await, "3,4,5,9,10,11");
    // Number 9 was without reply. It comes, and ran for more than was paid: together, both would be
    // more than was possible.
    let workunit = json!({"id": 9, "appid": 1, "name": "w9", "need_validate": 1, "min_quorum": 1, "target_nresults": 1,
                          "max_success_results": 3, "rsc_fpops_est": 1e12, "rsc_fpops_bound": 1e18});
    world.insert("workunit", vec![workunit]).await;
    let doc = "<file_info><name>out9</name></file_info><result><file_ref><file_name>out9</file_name>\
               <open_name>out</open_name></file_ref></result>";
    let sql = format!(
        "UPDATE result SET outcome = 1, received_time = {}, elapsed_time = 80000, xml_doc_in = '{doc}' WHERE id = 9",
        SENT + 95_000
    );
    world.sql.execute(&sql, &[]).await.unwrap();
    let path = world.project.upload_path("out9").unwrap();
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, "1 2 3\n").unwrap();
    let log = world.one_pass(&[]);
    assert_eq!(world.number("SELECT validate_state FROM result WHERE id = 9").await, 1, "{log}");
    let credit = 80_000.0 * 8e9 * 200.0 / (86_400.0 * 1e9);
    let sum = "SELECT COUNT(*) FROM result r JOIN cobblestone_mark k ON k.resultid = r.id WHERE r.id = 9 AND \
               ABS(k.credit_paid - r.granted_credit) < 1e-9 AND k.seconds_paid = 80000";
    assert_eq!(world.number(sum).await, 1);
    let granted: f64 = world.text("SELECT granted_credit FROM result WHERE id = 9").await.parse().unwrap();
    assert!((granted - credit).abs() < 1e-9 * credit, "{granted} instead of {credit}");
    let seconds: f64 =
        world.text("SELECT SUM(seconds) FROM cobblestone_ledger WHERE resultid = 9").await.parse().unwrap();
    assert!((seconds - 80_000.0).abs() < 1e-6, "{seconds}");
    world.balances().await;
    let after = world.picture().await;
    world.one_pass(&[]);
    assert_eq!(world.picture().await, after);
}

#[tokio::test]
async fn two_instances_take_nothing_twice() {
    for _ in 0..3 {
        let mut world = world("revoke").await;
        let two = [(); 2].map(|()| world.start(&[]).stderr(Stdio::null()).spawn().unwrap());
        for mut child in two {
            assert!(child.wait().unwrap().success());
        }
        assert_eq!(world.text(REVOKED).await, "3,4,5,9,10,11");
        world.balances().await;
    }
}

#[tokio::test]
async fn killed_at_every_statement() {
    let mut world = world("revoke").await;
    world.one_pass(&[]);
    let calm = world.picture().await;
    let port = u16::try_from(world.number("SELECT @@port").await).unwrap();
    let proxy = Proxy::start(port).await.unwrap();
    let file = world.project.path("config.xml");
    let direct = std::fs::read_to_string(&file).unwrap();
    let through = direct.replace(&format!("127.0.0.1:{port}"), &format!("127.0.0.1:{}", proxy.port()));
    assert_ne!(direct, through);
    let (mut killed, mut undone, mut done) = (0, 0, 0);
    for hold in [Hold::Before, Hold::After] {
        for statement in 1.. {
            world.rewind().await;
            std::fs::write(&file, &through).unwrap();
            proxy.hold_at(statement, hold);
            let mut child = world.start(&[]).stderr(Stdio::null()).spawn().unwrap();
            let cut = proxy.held_or_ended(&mut child).await.unwrap().is_none();
            child.kill().unwrap();
            child.wait().unwrap();
            proxy.release();
            std::fs::write(&file, &direct).unwrap();
            if !cut {
                break;
            }
            killed += 1;
            let others = "SELECT COUNT(*) FROM information_schema.processlist WHERE db = DATABASE() AND id <> CONNECTION_ID()";
            while world.number(others).await > 0 {
                tokio::time::sleep(std::time::Duration::from_millis(2)).await;
            }
            match world.text(REVOKED).await.as_str() {
                "" => undone += 1,
                _ => done += 1,
            }
            world.one_pass(&[]);
            let found = world.picture().await;
            assert!(found == calm, "killed {hold:?} statement {statement}:\n{found}\ninstead of\n{calm}");
        }
    }
    world.balances().await;
    assert!(killed > 40 && undone > 20 && done > 2, "{killed} kills, {undone} undone, {done} done");
}
