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
    furnish(World::new().await).await
}

async fn furnish(mut world: World) -> World {
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

/// Texts that belong to another daemon are read once, not by each sweep.
#[tokio::test]
async fn long_texts_of_others_are_read_once() {
    use sandbox::{ProjectOptions, SimClock, proxy::Proxy};
    use std::io::BufRead;

    // Each pass is a thousand seconds after the one before: its sweep begins at the first message.
    let clock = Some(SimClock::starting_at(NOW, 10_000.0));
    let bare = World::with(ProjectOptions { clock, tcp: true, ..Default::default() }).await;
    bare.project.migrate().await.unwrap();
    let mut world = furnish(bare).await;
    const LONG: usize = 100_000;
    let padding = "x".repeat(LONG);
    let long: Vec<Row> = (1..=30)
        .map(|k| {
            let (host, time, variety, text) = row(2, "cpu_time", k);
            (host, time, variety, text + &padding)
        })
        .collect();
    world.messages(&long).await;
    let port = u16::try_from(world.number("SELECT @@port").await).unwrap();
    let proxy = Proxy::start(port).await.unwrap();
    let file = world.project.path("config.xml");
    let direct = std::fs::read_to_string(&file).unwrap();
    let through = direct.replace(&format!("127.0.0.1:{port}"), &format!("127.0.0.1:{}", proxy.port()));
    assert_ne!(direct, through);
    std::fs::write(&file, through).unwrap();

    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_cobblestone-trickle-credit"));
    command.args(["-d", "3", "--sleep_interval", "0.1", "--project_dir"]).arg(world.project.dir());
    let mut child = command.stderr(std::process::Stdio::piped()).spawn().unwrap();
    let log = std::io::BufReader::new(child.stderr.take().unwrap());
    let reader = tokio::task::spawn_blocking(move || {
        let mut passes = Vec::new();
        for line in log.lines().map_while(Result::ok) {
            if line.contains("left_alone 30") {
                passes.push(proxy.answered_bytes());
            }
            if passes.len() == 5 {
                break;
            }
        }
        passes
    });
    let passes = reader.await.unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    let [first, .., last] = passes.as_slice() else { panic!("no passes: {passes:?}") };
    assert!(*first > 30 * LONG as u64, "{passes:?}");
    assert!(last - first < 100_000, "texts are read again: {passes:?}");
}

/// What is known to be another's does not hide what is ours among it, nor what comes back.
#[tokio::test]
async fn what_is_ours_is_found_among_others() {
    use sandbox::{ProjectOptions, SimClock};

    let clock = Some(SimClock::starting_at(NOW, 10_000.0));
    let bare = World::with(ProjectOptions { clock, tcp: true, ..Default::default() }).await;
    bare.project.migrate().await.unwrap();
    let mut world = furnish(bare).await;
    for k in 1..=40 {
        world.messages(&[row(2, "cpu_time", k), row(1, "cpu_time", k)]).await;
    }
    // This one seems handled until somebody gives it back.
    world.sql.execute("UPDATE msg_from_host SET handled = 1 WHERE id = 40", &[]).await.unwrap();
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_cobblestone-trickle-credit"));
    command.args(["-d", "1", "--sleep_interval", "0.1", "--project_dir"]).arg(world.project.dir());
    let mut child = command.stderr(std::process::Stdio::null()).spawn().unwrap();
    let waiting = "SELECT COUNT(*) FROM msg_from_host WHERE handled = 0";
    let all = async |world: &mut World, left: i64| {
        while world.number(waiting).await != left {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    };
    all(&mut world, 40).await;
    world.sql.execute("UPDATE msg_from_host SET handled = 0 WHERE id = 40", &[]).await.unwrap();
    all(&mut world, 40).await;
    for k in 41..=50 {
        world.messages(&[row(2, "cpu_time", k), row(1, "cpu_time", k)]).await;
    }
    all(&mut world, 50).await;
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(world.sum("SELECT seconds_paid FROM cobblestone_mark").await, 50.0);
    world.balances().await;
}
