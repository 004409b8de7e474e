//! `--watch_all`: messages that nobody declares are set aside with their text, and nobody else's are touched.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use common::{NOW, Row, World};
use serde_json::json;

const SENT: i64 = NOW as i64 - 10_000;

const UPTIME: &str = "[uptime]\nenabled = true\n[[uptime.claims]]\nvariety = \"mine\"\nelement = \"s\"\nmeaning = \"cumulative\"\n";
/// An application of another daemon: it pays no uptime now, and takes reports.
const OTHER: &str = "[uptime]\nenabled = false\n[[uptime.claims]]\nvariety = \"theirs\"\nelement = \"s\"\nmeaning = \"cumulative\"\n\
                     [[reports]]\nvariety = \"jobs\"\nformat = \"json\"\nmeaning = \"increment\"\n";

async fn world() -> World {
    let mut world = World::new().await;
    world.project.write_app_config(UPTIME).unwrap();
    std::fs::write(world.project.path("cobblestone/other.toml"), OTHER).unwrap();
    world.insert("app", vec![json!({"id": 2, "name": "other", "user_friendly_name": "o"})]).await;
    world.insert("host", vec![json!({"id": 1, "userid": 0, "p_fpops": 2e9, "p_ncpus": 4})]).await;
    let task = json!({"id": 1, "workunitid": 1, "appid": 1, "name": "r1", "hostid": 1, "server_state": 4, "sent_time": SENT,
                      "flops_estimate": 8e9, "app_version_id": 1});
    world.insert("result", vec![task]).await;
    // A handler with --variety once read these.
    world.sql.execute("INSERT INTO cobblestone_variety VALUES ('plain', 0)", &[]).await.unwrap();
    world.messages(&all()).await;
    world
}

fn message(variety: &'static str, n: i64) -> Row {
    let text = format!("<result_name>r1</result_name><time>{}</time><s>{n}</s>", SENT + n);
    (1, SENT + n, variety, text)
}

fn all() -> Vec<Row> {
    let mut rows: Vec<Row> =
        ["mine", "theirs", "Theirs", "jobs", "plain", "strange"].map(|variety| message(variety, 10)).to_vec();
    rows.extend((0..700).map(|n| message("flood", 20 + n)));
    // Of each host, the first texts of a day are copied.
    rows.insert(0, (1, SENT, "", "\u{1b}<not xml".to_owned()));
    rows
}

const UNHANDLED: &str = "SELECT COUNT(*) FROM msg_from_host WHERE handled = 0";
const UNKNOWN: &str = "SELECT COUNT(*) FROM cobblestone_quarantine WHERE kind = 'unknown'";

#[tokio::test]
async fn what_nobody_declares_is_set_aside_and_nothing_else() {
    let mut world = world().await;
    let app = world.project.app().to_owned();
    world.one_pass(&["--app", &app]);
    assert_eq!(world.number(UNHANDLED).await, 706, "without the flag others' messages wait");
    let log = world.one_pass(&["--app", &app, "--watch_all", "--dry_run"]);
    assert!(log.contains("undeclared 702"), "{log}");
    assert!(log.contains("would set it aside") && log.contains("would set more messages aside"), "{log}");
    assert!(!log.contains("message set aside"), "{log}");
    let sum = log.lines().rev().find(|line| line.contains("dry run: would pay in all")).unwrap();
    assert!(sum.contains("set_aside=702"), "{sum}");
    assert_eq!(world.number(UNHANDLED).await, 706);
    let two = [(); 2].map(|()| {
        let mut command = world.start(&["--app", &app, "-watch_all"]);
        command.stderr(std::process::Stdio::null()).spawn().unwrap()
    });
    for mut child in two {
        assert!(child.wait().unwrap().success());
    }
    world.one_pass(&["--app", &app, "--watch_all"]);
    assert_eq!(world.number(UNKNOWN).await, 702);
    let left =
        "SELECT COUNT(*) FROM msg_from_host WHERE handled = 0 AND variety IN ('theirs', 'jobs', 'plain')";
    assert_eq!((world.number(UNHANDLED).await, world.number(left).await), (4, 4));
    let kept = "SELECT COUNT(*) FROM cobblestone_quarantine WHERE kind = 'unknown' AND raw = '\u{1b}<not xml' \
                AND reason = 'no application declares this variety'";
    assert_eq!(world.number(kept).await, 1);
    world.balances().await;

    // An application declares one of them: what was set aside can be given back to the handler.
    world.project.write_app_config(&UPTIME.replace("mine", "strange")).unwrap();
    world.one_pass(&["--app", &app]);
    world.balances().await;
    let store = store::Store::connect(world.project.url()).await.unwrap();
    let id = world.number("SELECT id FROM msg_from_host WHERE variety = 'strange'").await;
    let given = store.transaction("retry", async |tx| tx.give_back("trickle-credit", &[id]).await).await;
    assert_eq!(given.unwrap(), [id]);
    world.one_pass(&["--app", &app, "--watch_all"]);
    assert_eq!(world.number(UNKNOWN).await, 701);
    assert_eq!(world.number("SELECT COUNT(*) FROM cobblestone_quarantine WHERE kind <> 'unknown'").await, 0);
    world.balances().await;
}

#[tokio::test]
async fn it_does_not_go_with_one_variety() {
    let world = world().await;
    let output = world.start(&["--watch_all", "--variety", "mine"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
}
