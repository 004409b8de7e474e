//! What many messages do to the handler: turns of varieties, messages that are left alone, a host that sends rubbish.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use common::{NOW, Row, World};
use serde_json::json;
use store::Store;

const SENT: i64 = NOW as i64 - 100_000;

const CONFIG: &str = r#"
[uptime]
enabled = true
[[uptime.claims]]
variety = "cpu_time"
element = "cpu_time"
meaning = "cumulative"
[[uptime.claims]]
variety = "uptime"
element = "uptime"
meaning = "cumulative"
"#;

/// Two hosts with a task each. The second task belongs to an application that nobody serves.
async fn world() -> World {
    let mut world = World::new().await;
    world.project.write_app_config(CONFIG).unwrap();
    world.insert("host", [1, 2].map(|id| json!({"id": id, "userid": 1, "p_fpops": 2e9})).to_vec()).await;
    world.insert("user", vec![json!({"id": 1, "email_addr": "u", "authenticator": "u"})]).await;
    world.insert("app", vec![json!({"id": 77, "name": "other"})]).await;
    let tasks = [(1, 1), (2, 77)].map(|(id, app)| {
        json!({"id": id, "workunitid": id, "appid": app, "name": format!("r{id}"), "hostid": id, "server_state": 4,
               "sent_time": SENT, "flops_estimate": 8e9})
    });
    world.insert("result", tasks.to_vec()).await;
    world
}

fn row(result: i64, variety: &'static str, k: i64) -> Row {
    let text =
        format!("\n<result_name>r{result}</result_name>\n<time>{k}</time>\n<{variety}>{k}</{variety}>\n");
    (result, SENT + 90_000, variety, text)
}

#[tokio::test]
async fn a_variety_with_much_work_keeps_no_other_waiting() {
    let mut world = world().await;
    let many: Vec<Row> = (1..=3000).map(|k| row(1, "cpu_time", k)).collect();
    world.messages(&many).await;
    world.messages(&[row(1, "uptime", 5000)]).await;
    world.one_pass(&[]);
    assert_eq!(world.number("SELECT COUNT(*) FROM msg_from_host WHERE handled = 0").await, 0);
    // The one message of the other variety is paid after the first batch, so that all later ones have nothing new.
    let paid = world.number("SELECT COUNT(*) FROM cobblestone_ledger").await;
    assert!(paid < 1000, "{paid} of 3001 messages were paid before");
    assert_eq!(world.sum("SELECT seconds_paid FROM cobblestone_mark").await, 5000.0);
    world.balances().await;
}

#[tokio::test]
async fn what_belongs_to_others_is_left_alone_and_stops_nothing() {
    let mut world = world().await;
    let others: Vec<Row> = (1..=2500).map(|k| row(2, "cpu_time", k)).collect();
    world.messages(&others).await;
    world.messages(&[row(1, "cpu_time", 10)]).await;
    let log = world.one_pass(&[]);
    assert_eq!(world.number("SELECT COUNT(*) FROM msg_from_host WHERE handled = 0").await, 2500);
    assert_eq!(world.sum("SELECT seconds_paid FROM cobblestone_mark").await, 10.0);
    assert!(log.contains("left_alone 2500"), "{log}");
}

#[tokio::test]
async fn a_host_that_sends_rubbish_fills_neither_log_nor_quarantine() {
    let mut world = world().await;
    let rubbish = (1..=900).map(|k| (2, SENT, "cpu_time", format!("<result_name>r1</result_name> {k} &&&")));
    world.messages(&rubbish.collect::<Vec<_>>()).await;
    let claims: Vec<Row> = (1..=100).map(|k| row(1, "cpu_time", 1_000_000 + k)).collect();
    world.messages(&claims).await;
    let output = world.start_at("2", &[]).output().unwrap();
    let log = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{log}");
    assert_eq!(world.number("SELECT COUNT(*) FROM msg_from_host WHERE handled = 0").await, 0);
    assert!(log.lines().count() < 40, "{log}");
    assert!(
        log.contains("more messages set aside") && log.contains("more=495") && log.contains("more=395"),
        "{log}"
    );

    // Each has its row and its reason; the first hundred a copy of the text.
    assert_eq!(world.number("SELECT COUNT(*) FROM cobblestone_quarantine").await, 900);
    assert_eq!(world.number("SELECT COUNT(*) FROM cobblestone_quarantine WHERE raw IS NOT NULL").await, 100);
    assert_eq!(world.number("SELECT COUNT(*) FROM cobblestone_quarantine WHERE reason = ''").await, 0);
    // The text of the others is where BOINC put it.
    let store = Store::connect(world.project.url()).await.unwrap();
    let last = world.number("SELECT MAX(id) FROM cobblestone_quarantine").await;
    let aside = store.read("one", async |conn| conn.one_set_aside(last, 1000).await).await.unwrap().unwrap();
    let text = String::from_utf8(aside.raw.unwrap()).unwrap();
    assert!(text.contains(" 900 &&&"), "{text}");
    assert_eq!(aside.raw_bytes, text.len() as i64);
    world.balances().await;
}

#[tokio::test]
async fn the_server_finds_the_next_messages_by_the_index() {
    let mut world = world().await;
    let many = "INSERT INTO msg_from_host (create_time, hostid, variety, handled, xml) \
                SELECT 0, 1, 'cpu_time', seq <= 20000, REPEAT('x', 100) FROM seq_1_to_60000 ORDER BY seq";
    world.sql.execute(many, &[]).await.unwrap();
    world.sql.execute("ANALYZE TABLE msg_from_host", &[]).await.unwrap();
    let store = Store::connect(world.project.url()).await.unwrap();
    let waiting = store::backlog::Waiting { variety: "cpu_time", modulo: None };
    let after = boinc::id::MessageId(40_000);
    let reads = "SHOW GLOBAL STATUS LIKE 'Handler_icp_attempts'";
    // Others use the server, too: the least of several.
    let mut least = i64::MAX;
    for _ in 0..5 {
        let before = world.sql.row(reads, &[]).await.unwrap().i64("Value").unwrap();
        let take = store::backlog::Take::Next { waiting, after, limit: 10 };
        let taken = store.transaction("take", async |tx| tx.take_messages(take).await).await.unwrap();
        assert_eq!(taken.messages.first().unwrap().id.0, 40_001);
        let after = world.sql.row(reads, &[]).await.unwrap().i64("Value").unwrap();
        least = least.min(after - before);
    }
    assert!(least < 1000, "{least} entries of the index were read for 10 messages");
}
