//! Seven tasks with claims of every kind, and a picture of all that the handler writes.

use serde_json::json;

use super::{NOW, Row, World};

/// When all tasks were sent.
pub const SENT: i64 = NOW as i64 - 100_000;
/// Cobblestones per second of a task.
pub const PER_SECOND: f64 = 8e9 * 200.0 / (86_400.0 * 1e9);

pub fn config(more: &str) -> String {
    // Messages without a result are taken only with a cap.
    let cap = if more.contains("_host_and_day") { "" } else { "max_seconds_per_host_and_day = 100000000" };
    format!(
        r#"
[uptime]
enabled = true
flag_after = 2
{more}
{cap}
[[uptime.claims]]
variety = "cpu_time"
element = "cpu_time"
meaning = "cumulative"
[[uptime.claims]]
variety = "runtime"
element = "runtime"
meaning = "increment"
max_seconds = 20000
needs_result = false
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
pub async fn world(more: &str) -> World {
    furnished(World::new().await, more).await
}

/// The same in a project that is there.
pub async fn furnished(mut world: World, more: &str) -> World {
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

pub fn text(result: i64, time: i64, element: &str, seconds: f64) -> String {
    format!(
        "\n<result_name>r{result}</result_name>\n<time>{time}</time>\n<{element}>{seconds:.6}</{element}>\n"
    )
}

/// Messages of tasks; the fourth and the seventh claim too much.
pub fn named() -> Vec<Row> {
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
pub fn others() -> Vec<Row> {
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
pub fn jobs() -> Vec<Row> {
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

pub const PICTURE: [&str; 18] = [
    "SELECT id, total_credit, expavg_credit, expavg_time FROM host ORDER BY id",
    "SELECT id, total_credit, expavg_credit, expavg_time FROM user ORDER BY id",
    "SELECT id, total_credit, expavg_credit, expavg_time FROM team ORDER BY id",
    "SELECT id, granted_credit, report_deadline FROM result ORDER BY id",
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
    "SELECT hostid, variety, xml FROM msg_to_host ORDER BY hostid, variety, xml",
    "SELECT kind, refid, hostid, reason, tries FROM cobblestone_quarantine ORDER BY refid, kind",
];

pub async fn picture(world: &mut World) -> String {
    let mut picture = String::new();
    for sql in PICTURE {
        for row in world.sql.rows(sql, &[]).await.unwrap() {
            picture += &format!("{}\n", serde_json::to_string(&row.json()).unwrap());
        }
    }
    picture
}

/// All that one pass can do: claims that are held, a cap, deadlines, messages to tasks. All messages are there; nothing
/// is handled.
pub async fn everything(mut world: World) -> World {
    world = furnished(world, "over_claims = \"hold\"\nmax_seconds_per_host_and_day = 30000").await;
    let more = "\n[deadline]\nextension_timeframe = 1000\nextension_period = 500\n[trickle_down]\nacknowledge = true\n";
    world
        .project
        .write_app_config(&(config("over_claims = \"hold\"\nmax_seconds_per_host_and_day = 30000") + more))
        .unwrap();
    // The second is cancelled.
    let workunits = (1..=7).map(|id| {
        json!({"id": id, "appid": 1, "name": format!("w{id}"), "delay_bound": 200_000, "error_mask": if id == 2 { 16 } else { 0 }})
    });
    world.insert("workunit", workunits.collect()).await;
    world.messages(&named()).await;
    world.messages(&named()[..9]).await;
    world.messages(&others()).await;
    world.messages(&jobs()).await;
    world.messages(&jobs()[3..5]).await;
    rewind(&mut world).await;
    world
}

/// As it was before the first pass; one message was released.
pub async fn rewind(world: &mut World) {
    // What says what happened before the toolkit came stays.
    let tables = world
        .sql
        .rows(
            "SELECT table_name AS name FROM information_schema.tables WHERE table_schema = DATABASE() \
             AND table_name LIKE 'cobblestone\\_%' AND table_name NOT LIKE '%opening%' AND table_name NOT LIKE '%schema%' \
             AND table_name NOT LIKE '%migration%' AND table_name NOT LIKE '%sandbox%' AND table_name NOT LIKE '%clock%'",
            &[],
        )
        .await
        .unwrap();
    let mut script = "START TRANSACTION;".to_owned();
    for table in tables {
        script += &format!("DELETE FROM `{}`;", table.text("name").unwrap());
    }
    for table in ["host", "user", "team"] {
        script += &format!("UPDATE {table} SET total_credit = 0, expavg_credit = 0, expavg_time = 0;");
    }
    script += "UPDATE result SET granted_credit = 0, report_deadline = sent_time + 100200; DELETE FROM msg_to_host; \
               UPDATE msg_from_host SET handled = 0; \
               INSERT INTO cobblestone_quarantine (time, daemon, kind, refid, hostid, reason, raw, tries) \
               SELECT 0, 'trickle-credit', 'released', MIN(id), 4, 'held', NULL, 1 FROM msg_from_host WHERE xml LIKE '%r7<%'; \
               COMMIT";
    world.sql.script(&script).await.unwrap();
}

/// Numbers that look random and are the same each time.
pub struct Numbers(pub u64);

impl Numbers {
    /// One of 0 to n - 1.
    pub fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % n
    }
}
