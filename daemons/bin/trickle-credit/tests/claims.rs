//! Claims of every kind at once, as a process on a real database: what they are paid, in any order, over several
//! instances, killed at any statement.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use common::{NOW, Row, World};
use sandbox::proxy::{Hold, Proxy};
use serde_json::json;

/// When all tasks were sent.
const SENT: i64 = NOW as i64 - 100_000;
/// Cobblestones per second of a task.
const PER_SECOND: f64 = 8e9 * 200.0 / (86_400.0 * 1e9);

fn config(more: &str) -> String {
    format!(
        r#"
[uptime]
enabled = true
flag_after = 2
{more}
[[uptime.claims]]
variety = "cpu_time"
element = "cpu_time"
meaning = "cumulative"
[[uptime.claims]]
variety = "runtime"
element = "runtime"
meaning = "increment"
max_seconds = 20000
[[uptime.claims]]
variety = "cores"
element = "cores"
meaning = "increment"
unit = "cpu"
max_seconds = 200000
[[reports]]
variety = "cores"
format = "xml"
meaning = "cumulative"
received = "cores"
[[reports]]
variety = "jobs"
format = "json"
meaning = "increment"
"#
    )
}

/// Four hosts with four processors each, seven tasks; the sixth is reported.
async fn world(more: &str) -> World {
    let mut world = World::new().await;
    world.project.write_app_config(&config(more)).unwrap();
    let hosts = (1..=4).map(|id| json!({"id": id, "userid": 1 + id % 2, "p_fpops": 2e9, "p_ncpus": 4}));
    world.insert("host", hosts.collect()).await;
    let users = [1, 2].map(|id| {
        json!({"id": id, "teamid": id - 1, "email_addr": format!("u{id}"), "authenticator": format!("u{id}")})
    });
    world.insert("user", users.to_vec()).await;
    world.insert("team", vec![json!({"id": 1, "name": "t"})]).await;
    let tasks = (1..=7).map(|id| {
        let over = id == 6;
        json!({
            "id": id, "workunitid": id, "appid": 1, "name": format!("r{id}"), "hostid": 1 + (id - 1) % 4,
            "server_state": if over { 5 } else { 4 }, "outcome": i32::from(over), "sent_time": SENT,
            "received_time": if over { SENT + 50_000 } else { 0 }, "elapsed_time": if over { 40_000.0 } else { 0.0 },
            "flops_estimate": 8e9, "app_version_id": 1,
        })
    });
    world.insert("result", tasks.collect()).await;
    world
}

fn text(result: i64, time: i64, element: &str, seconds: f64) -> String {
    format!(
        "\n<result_name>r{result}</result_name>\n<time>{time}</time>\n<{element}>{seconds:.6}</{element}>\n"
    )
}

/// Messages of tasks; the fourth and the seventh claim too much.
fn named() -> Vec<Row> {
    let mut rows = Vec::new();
    for k in 1..=4_i64 {
        for id in 1..=7_i64 {
            let (host, time) = (1 + (id - 1) % 4, SENT + k * 10_000);
            let (variety, seconds) = match id {
                7 if k > 2 => continue,
                7 => ("cpu_time", 1e7),
                4 if k == 3 => ("runtime", 50_000.0),
                _ if id % 3 == 0 => ("cpu_time", 9000.0 * k as f64),
                _ if id % 3 == 1 => ("runtime", 5000.0),
                _ => ("cores", 12_000.0),
            };
            rows.push((host, time, variety, text(id, time, variety, seconds)));
        }
    }
    rows
}

/// Messages that name no result, and some that can't be used.
fn others() -> Vec<Row> {
    vec![
        (3, SENT, "runtime", "<runtime>1000</runtime>".to_owned()),
        (3, SENT, "runtime", "<runtime>1000</runtime>".to_owned()),
        (999, SENT, "runtime", "<runtime>1000</runtime>".to_owned()),
        (1, SENT, "cpu_time", "<cpu_time>1000</cpu_time>".to_owned()),
        (1, SENT, "cpu_time", text(99, 1, "cpu_time", 5.0)),
        (2, SENT, "cores", text(5, 1, "cores", 5.0)),
        (2, SENT, "runtime", "<runtime>half".to_owned()),
    ]
}

/// Guest reports; the last can't be used.
fn jobs() -> Vec<Row> {
    let report = |id: i64, k: i64, body: &str| {
        let (host, time) = (1 + (id - 1) % 4, SENT + k * 60_000);
        (host, time, "jobs", format!("<result_name>r{id}</result_name><time>{time}</time>\n{body}"))
    };
    let mut rows: Vec<Row> = (1..=3)
        .flat_map(|k| {
            (1..=4).map(move |id| {
                report(
                    id,
                    k,
                    &format!(
                        "{{\"received\": {k}, \"succeeded\": 1, \"failed\": 0, \"events\": {}}}",
                        id * 100
                    ),
                )
            })
        })
        .collect();
    rows.push(report(2, 1, "{\"received\": -1}"));
    rows
}

/// Seconds that each task should be paid.
const CAPPED: [f64; 7] = [20_000.0, 12_000.0, 36_000.0, 35_000.0, 12_000.0, 36_000.0, 20_000.0];

async fn is_paid(world: &mut World, seconds: [f64; 7]) {
    for (id, seconds) in (1..).zip(seconds) {
        let credit = world.sum(&format!("SELECT granted_credit FROM result WHERE id = {id}")).await;
        let wanted = seconds * PER_SECOND;
        assert!((credit - wanted).abs() <= 1e-9 * wanted, "result {id}: {credit} instead of {wanted}");
    }
}

#[tokio::test]
async fn every_kind_is_paid_under_every_policy() {
    for (policy, unpaid) in [("cap", false), ("hold", true), ("ignore", true)] {
        let mut world = world(&format!("over_claims = \"{policy}\"")).await;
        world.messages(&named()).await;
        world.messages(&named()).await;
        world.messages(&others()).await;
        world.one_pass(&[]);
        assert_eq!(world.number("SELECT COUNT(*) FROM msg_from_host WHERE handled = 0").await, 0);
        let mut wanted = CAPPED;
        if unpaid {
            (wanted[3], wanted[6]) = (15_000.0, 0.0);
        }
        is_paid(&mut world, wanted).await;
        world.balances().await;
        let aside = "SELECT COUNT(*) FROM cobblestone_quarantine WHERE kind = 'trickle'";
        assert_eq!(world.number(aside).await, 5, "{policy}");
        let held = "SELECT COUNT(*) FROM cobblestone_quarantine WHERE kind = 'held'";
        assert_eq!(world.number(held).await, if policy == "hold" { 6 } else { 0 });
        assert_eq!(world.number("SELECT SUM(messages) FROM cobblestone_host_messages").await, 2);
        let flagged = "SELECT COUNT(*) FROM cobblestone_flag WHERE hostid IN (3, 4) AND flagged > 0";
        // Where the possible part was paid, the second copy of an increment is a repeat, no over-claim.
        assert_eq!(world.number(flagged).await, if unpaid { 2 } else { 1 }, "{policy}");
        if policy != "hold" {
            continue;
        }
        // A person releases all that was held, and what can't be used: that comes back.
        let store = store::Store::connect(world.project.url()).await.unwrap();
        let before = world.number("SELECT SUM(over_claims) FROM cobblestone_flag").await;
        let ids: Vec<i64> = (1..=world.number("SELECT MAX(id) FROM msg_from_host").await).collect();
        let released = store
            .transaction("release", async |tx| tx.release_messages("trickle-credit", &ids).await)
            .await
            .unwrap();
        assert_eq!(released, 11);
        assert_eq!(world.number("SELECT COUNT(*) FROM msg_from_host WHERE handled = 0").await, 11);
        world.balances().await;
        world.one_pass(&[]);
        is_paid(&mut world, CAPPED).await;
        world.balances().await;
        assert_eq!(world.number(aside).await, 5);
        assert_eq!(
            world.number("SELECT COUNT(*) FROM cobblestone_quarantine WHERE kind <> 'trickle'").await,
            0
        );
        assert_eq!(world.number("SELECT SUM(over_claims) FROM cobblestone_flag").await, before);
    }
}

#[tokio::test]
async fn a_host_is_paid_no_more_than_its_day() {
    let mut world = world("max_seconds_per_host_and_day = 15000").await;
    world.messages(&named()).await;
    world.one_pass(&[]);
    let over = "SELECT COUNT(*) FROM cobblestone_host_day WHERE seconds > 15000";
    assert_eq!(world.number(over).await, 0);
    // Days that the messages reach.
    let days = world.number("SELECT COUNT(DISTINCT day) FROM cobblestone_host_day").await as f64;
    let sum = world.sum("SELECT SUM(seconds) FROM cobblestone_ledger WHERE hostid = 3").await;
    assert!((sum - 15_000.0 * days).abs() < 1e-6, "{sum} on {days} days");
    let ledger = world.sum("SELECT SUM(seconds) FROM cobblestone_ledger").await;
    assert!((ledger - world.sum("SELECT SUM(seconds) FROM cobblestone_host_day").await).abs() < 1e-6);
    world.balances().await;
}

#[tokio::test]
async fn deadlines_of_tasks_that_are_alive_are_extended() {
    let mut world = world("").await;
    let deadline =
        "\n[deadline]\nextension_timeframe = 1000\nextension_period = 500\nmax_extension_seconds = 800\n";
    world.project.write_app_config(&(config("") + deadline)).unwrap();
    let bound = 100_000 + 200;
    let workunits =
        (1..=7).map(|id| json!({"id": id, "appid": 1, "name": format!("w{id}"), "delay_bound": bound}));
    world.insert("workunit", workunits.collect()).await;
    // The third just passed, the fourth is far away, the sixth is reported.
    let sql = "UPDATE result SET report_deadline = sent_time + CASE id WHEN 3 THEN 99990 WHEN 4 THEN 200000 ELSE 100200 END";
    world.sql.execute(sql, &[]).await.unwrap();
    let row = |id: i64, host: i64| (host, SENT + 1000, "cpu_time", text(id, SENT + 1000, "cpu_time", 10.0));
    let rows = [row(1, 1), row(2, 3), row(3, 3), row(4, 4), row(6, 2)];
    for left in [700, 1000, 1000] {
        world.messages(&rows).await;
        world.one_pass(&[]);
        let first = world.number("SELECT report_deadline - sent_time FROM result WHERE id = 1").await;
        assert_eq!(first, 100_000 + left);
    }
    let others = world
        .sql
        .rows("SELECT id, report_deadline - sent_time AS d FROM result ORDER BY id", &[])
        .await
        .unwrap();
    let others: Vec<i64> = others.iter().map(|row| row.i64("d").unwrap()).collect();
    assert_eq!(others, [101_000, 100_200, 101_000, 200_000, 100_200, 100_200, 100_200]);
}

#[tokio::test]
async fn tasks_are_told_their_credit_and_to_stop() {
    for wanted in [true, false] {
        let mut world = world("").await;
        world.project.write_app_config(&(config("") + "\n[trickle_down]\nacknowledge = true\n")).unwrap();
        if wanted {
            let file = world.project.path("config.xml");
            let text = std::fs::read_to_string(&file).unwrap();
            std::fs::write(&file, text.replacen("<config>", "<config>\n<msg_to_host/>", 1)).unwrap();
        }
        let mask = |id: i32| if id == 2 { 16 } else { 0 };
        let workunits =
            (1..=7).map(|id| json!({"id": id, "appid": 1, "name": format!("w{id}"), "error_mask": mask(id)}));
        world.insert("workunit", workunits.collect()).await;
        let row = |id: i64, host: i64, s: f64| {
            (host, SENT + 1000, "cpu_time", text(id, SENT + 1000, "cpu_time", s))
        };
        world.messages(&[row(1, 1, 10.0), row(1, 1, 20.0), row(2, 2, 0.0), row(3, 4, 10.0)]).await;
        world.one_pass(&[]);
        world.one_pass(&[]);
        let rows =
            world.sql.rows("SELECT hostid, variety, xml FROM msg_to_host ORDER BY id", &[]).await.unwrap();
        let mut told: Vec<(i64, String)> =
            rows.iter().map(|row| (row.i64("hostid").unwrap(), row.text("variety").unwrap())).collect();
        told.sort();
        if wanted {
            assert_eq!(told, [(1, "credit".to_owned()), (2, "stop".to_owned())]);
            assert!(rows.iter().any(|row| row.text("xml").unwrap().contains("<seconds>20.000000</seconds>")));
        } else {
            assert!(told.is_empty(), "{told:?}");
        }
    }
}

/// Numbers that look random and are the same each time.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % n
    }
}

#[tokio::test]
async fn order_repetition_passes_and_instances_change_nothing() {
    for seed in [1, 2, 3] {
        let mut numbers = Numbers(seed);
        let mut rows = named();
        for _ in 0..15 {
            let again = rows[numbers.below(rows.len())].clone();
            rows.push(again);
        }
        for i in (1..rows.len()).rev() {
            rows.swap(i, numbers.below(i + 1));
        }
        let mut world = world("over_claims = \"cap\"").await;
        for part in rows.chunks(rows.len().div_ceil(seed as usize)) {
            world.messages(part).await;
            let two = [(); 2].map(|()| world.start(&[]).stderr(std::process::Stdio::null()).spawn().unwrap());
            for mut child in two {
                assert!(child.wait().unwrap().success());
            }
            // What one left because the other had it in hand.
            world.one_pass(&[]);
        }
        assert_eq!(world.number("SELECT COUNT(*) FROM msg_from_host WHERE handled = 0").await, 0);
        is_paid(&mut world, CAPPED).await;
        world.balances().await;
    }
}

const PICTURE: [&str; 17] = [
    "SELECT id, total_credit, expavg_credit, expavg_time FROM host ORDER BY id",
    "SELECT id, total_credit, expavg_credit, expavg_time FROM user ORDER BY id",
    "SELECT id, total_credit, expavg_credit, expavg_time FROM team ORDER BY id",
    "SELECT id, granted_credit FROM result ORDER BY id",
    "SELECT id, handled FROM msg_from_host ORDER BY id",
    "SELECT kind, messageid, resultid, hostid, userid, teamid, seconds, credit, reason FROM cobblestone_ledger ORDER BY messageid",
    "SELECT * FROM cobblestone_mark ORDER BY resultid",
    "SELECT * FROM cobblestone_increment_sum ORDER BY resultid",
    "SELECT HEX(identity) AS i, resultid, hostid, good_for FROM cobblestone_increment ORDER BY identity",
    "SELECT * FROM cobblestone_host_day ORDER BY hostid, appid, day",
    "SELECT * FROM cobblestone_flag ORDER BY hostid, appid",
    "SELECT * FROM cobblestone_host_messages ORDER BY hostid",
    "SELECT messageid, resultid, hostid, appid, claimed, allowed, reason, time, messages, paid_in_part, since FROM cobblestone_disallowed ORDER BY messageid",
    "SELECT * FROM cobblestone_report ORDER BY resultid, variety",
    "SELECT * FROM cobblestone_report_day ORDER BY resultid, variety, day",
    "SELECT HEX(identity) AS i, resultid, day FROM cobblestone_report_increment ORDER BY identity",
    "SELECT kind, refid, hostid, reason, tries FROM cobblestone_quarantine ORDER BY refid, kind",
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

/// As it was before the first pass; one message was released.
async fn rewind(world: &mut World) {
    for table in [
        "ledger",
        "mark",
        "increment_sum",
        "increment",
        "host_day",
        "flag",
        "host_messages",
        "disallowed",
        "report",
        "report_day",
        "report_increment",
        "quarantine",
    ] {
        world.sql.execute(&format!("DELETE FROM cobblestone_{table}"), &[]).await.unwrap();
    }
    for table in ["host", "user", "team"] {
        let sql = format!("UPDATE {table} SET total_credit = 0, expavg_credit = 0, expavg_time = 0");
        world.sql.execute(&sql, &[]).await.unwrap();
    }
    world.sql.execute("UPDATE result SET granted_credit = 0", &[]).await.unwrap();
    world.sql.execute("UPDATE msg_from_host SET handled = 0", &[]).await.unwrap();
    let released = "INSERT INTO cobblestone_quarantine (time, daemon, kind, refid, hostid, reason, raw, tries) \
                    SELECT 0, 'trickle-credit', 'released', MIN(id), 4, 'held', NULL, 1 FROM msg_from_host WHERE xml LIKE '%r7<%'";
    world.sql.execute(released, &[]).await.unwrap();
}

#[tokio::test]
async fn killed_at_every_statement() {
    let mut world = world("over_claims = \"hold\"\nmax_seconds_per_host_and_day = 30000").await;
    world.messages(&named()).await;
    world.messages(&named()[..9]).await;
    world.messages(&others()).await;
    world.messages(&jobs()).await;
    world.messages(&jobs()[3..5]).await;
    rewind(&mut world).await;
    world.one_pass(&[]);
    let calm = picture(&mut world).await;
    assert!(calm.contains("held") && calm.contains("max_seconds_per_host_and_day"), "{calm}");
    world.balances().await;

    let port = u16::try_from(world.number("SELECT @@port").await).unwrap();
    let proxy = Proxy::start(port).await.unwrap();
    let file = world.project.path("config.xml");
    let direct = std::fs::read_to_string(&file).unwrap();
    let through = direct.replace(&format!("127.0.0.1:{port}"), &format!("127.0.0.1:{}", proxy.port()));
    assert_ne!(direct, through);
    let (mut killed, mut undone, mut done) = (0, 0, 0);
    for hold in [Hold::Before, Hold::After] {
        for statement in 1.. {
            rewind(&mut world).await;
            std::fs::write(&file, &through).unwrap();
            proxy.hold_at(statement, hold);
            let mut child = world.start(&[]).stderr(std::process::Stdio::null()).spawn().unwrap();
            let cut = loop {
                tokio::select! {
                    () = proxy.held() => break true,
                    () = tokio::time::sleep(std::time::Duration::from_millis(5)) => {
                        if child.try_wait().unwrap().is_some() {
                            break false;
                        }
                    }
                }
            };
            child.kill().unwrap();
            child.wait().unwrap();
            proxy.release();
            std::fs::write(&file, &direct).unwrap();
            if !cut {
                break;
            }
            killed += 1;
            // The server may still be at it.
            let others = "SELECT COUNT(*) FROM information_schema.processlist WHERE db = DATABASE() AND id <> CONNECTION_ID()";
            while world.number(others).await > 0 {
                tokio::time::sleep(std::time::Duration::from_millis(2)).await;
            }
            match world.number("SELECT COUNT(*) FROM msg_from_host WHERE handled = 0").await {
                0 => done += 1,
                _ => undone += 1,
            }
            world.one_pass(&[]);
            let found = picture(&mut world).await;
            assert!(found == calm, "killed {hold:?} statement {statement}:\n{found}\ninstead of\n{calm}");
        }
    }
    world.balances().await;
    assert!(killed > 60 && undone > 40 && done > 2, "{killed} kills, {undone} undone, {done} done");
}
