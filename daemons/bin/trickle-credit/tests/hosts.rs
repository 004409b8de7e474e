//! Computers whose host id changed while their messages waited: honest volunteers lose nothing, nobody claims for
//! others, and nothing is paid twice.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use common::{NOW, Row, World};
use serde_json::json;

const SENT: i64 = NOW as i64 - 100_000;
/// Cobblestones per second of a task.
const PER_SECOND: f64 = 8e9 * 200.0 / (86_400.0 * 1e9);

const CONFIG: &str = r#"
[uptime]
enabled = true
[[reports]]
variety = "jobs"
format = "xml"
meaning = "increment"
"#;

/// Hosts 1 and 2 are user 1's, host 3 is user 2's; a task on host 1, and one on host 3.
async fn world() -> World {
    let mut world = World::new().await;
    world.project.write_app_config(CONFIG).unwrap();
    let host = |id: i64, user: i64| json!({"id": id, "userid": user, "p_fpops": 8e9, "p_ncpus": 1, "rpc_seqno": 3, "expavg_credit": 100, "expavg_time": NOW});
    world.insert("host", vec![host(1, 1), host(2, 1), host(3, 2)]).await;
    let users =
        [1, 2].map(|id| json!({"id": id, "email_addr": format!("u{id}"), "authenticator": format!("u{id}")}));
    world.insert("user", users.to_vec()).await;
    let task = |id: i64, host: i64| {
        json!({"id": id, "workunitid": id, "appid": 1, "name": format!("r{id}"), "hostid": host, "server_state": 4,
               "sent_time": SENT, "flops_estimate": 8e9, "app_version_id": 1})
    };
    world.insert("result", vec![task(1, 1), task(2, 3)]).await;
    world
}

fn message(host: i64, result: i64, time: i64, variety: &'static str, element: &str, number: i64) -> Row {
    let text = format!(
        "\n<result_name>r{result}</result_name>\n<time>{time}</time>\n<{element}>{number}</{element}>\n"
    );
    (host, SENT + time, variety, text)
}

fn claim(host: i64, result: i64, seconds: i64) -> Row {
    message(host, result, 50_000 + seconds, "cpu_time", "cpu_time", seconds)
}

fn increment(host: i64, result: i64, time: i64) -> Row {
    message(host, result, time, "runtime", "runtime", 1000)
}

/// As html/inc/host.inc does it.
async fn merge(world: &mut World, old: i64, new: i64) {
    for sql in [
        format!(
            "UPDATE host n, host o SET n.total_credit = n.total_credit + o.total_credit WHERE n.id = {new} AND o.id = {old}"
        ),
        format!("UPDATE result SET hostid = {new} WHERE hostid = {old}"),
        format!(
            "UPDATE host SET total_credit = 0, expavg_credit = 0, userid = 0, rpc_seqno = {new} WHERE id = {old}"
        ),
    ] {
        world.sql.execute(&sql, &[]).await.unwrap();
    }
}

async fn paid(world: &mut World, result: i64) -> f64 {
    world.sum(&format!("SELECT granted_credit FROM result WHERE id = {result}")).await / PER_SECOND
}

async fn total(world: &mut World, host: i64) -> f64 {
    world.sum(&format!("SELECT total_credit FROM host WHERE id = {host}")).await / PER_SECOND
}

#[track_caller]
fn near(found: f64, wanted: f64) {
    assert!((found - wanted).abs() < 1e-6, "{found} instead of {wanted}");
}

async fn set_aside(world: &mut World) -> i64 {
    assert_eq!(world.number("SELECT COUNT(*) FROM msg_from_host WHERE handled = 0").await, 0);
    world
        .number(
            "SELECT COUNT(*) FROM cobblestone_quarantine WHERE reason = 'the result belongs to another host'",
        )
        .await
}

#[tokio::test]
async fn messages_that_waited_while_hosts_were_merged_are_paid() {
    let mut world = world().await;
    world.messages(&[claim(1, 1, 1000), increment(1, 1, 20_000)]).await;
    world.one_pass(&[]);
    near(paid(&mut world, 1).await, 1000.0);
    // Stored for host 1, which becomes host 2 before they are handled; and host 2 becomes host 4 at once.
    world.messages(&[claim(1, 1, 3000), increment(1, 1, 20_000), increment(1, 1, 21_000)]).await;
    world.messages(&[message(1, 1, 5, "jobs", "events", 70)]).await;
    merge(&mut world, 1, 2).await;
    let host = json!({"id": 4, "userid": 1, "p_fpops": 8e9, "p_ncpus": 1});
    world.insert("host", vec![host]).await;
    merge(&mut world, 2, 4).await;
    // Copies that the client sent again under its new id.
    world.messages(&[claim(4, 1, 3000), increment(4, 1, 20_000), increment(4, 1, 21_000)]).await;
    world.messages(&[message(4, 1, 5, "jobs", "events", 70)]).await;
    world.one_pass(&[]);
    assert_eq!(set_aside(&mut world).await, 0);
    near(paid(&mut world, 1).await, 3000.0);
    near(total(&mut world, 4).await, 3000.0);
    near(world.sum("SELECT total_credit FROM user WHERE id = 1").await / PER_SECOND, 3000.0);
    assert_eq!(world.number("SELECT COUNT(*) FROM cobblestone_increment").await, 2);
    assert_eq!(world.number("SELECT events FROM cobblestone_report").await, 70);
    assert_eq!(world.number("SELECT hostid FROM cobblestone_mark").await, 4);
}

#[tokio::test]
async fn a_client_with_a_new_id_speaks_for_its_results() {
    let mut world = world().await;
    // It was given id 2 while it had a task of host 1; then it reports, and the scheduler writes host 2 into the result.
    world.messages(&[claim(1, 1, 1000), claim(2, 1, 2000), increment(2, 1, 30_000)]).await;
    world.one_pass(&[]);
    near(paid(&mut world, 1).await, 2000.0);
    world.sql.execute("UPDATE result SET hostid = 2 WHERE id = 1", &[]).await.unwrap();
    world.messages(&[claim(1, 1, 5000), increment(1, 1, 30_000)]).await;
    world.one_pass(&[]);
    assert_eq!(set_aside(&mut world).await, 0);
    near(paid(&mut world, 1).await, 5000.0);
    assert_eq!(world.number("SELECT COUNT(*) FROM cobblestone_increment").await, 1);
    near(total(&mut world, 1).await, 2000.0);
    near(total(&mut world, 2).await, 3000.0);
    world.balances().await;
}

#[tokio::test]
async fn nobody_claims_for_another_volunteers_result() {
    let mut world = world().await;
    // The other volunteer's own number of requests is 3, as is the id of a host.
    world.messages(&[claim(1, 2, 1000), claim(2, 2, 1000), increment(1, 2, 1), claim(3, 1, 9000)]).await;
    world.messages(&[message(3, 1, 5, "jobs", "events", 70)]).await;
    world.one_pass(&[]);
    assert_eq!(set_aside(&mut world).await, 5);
    // A zombie speaks for the host that it became, not for others.
    merge(&mut world, 1, 2).await;
    world.messages(&[claim(1, 2, 1000), claim(3, 1, 9000)]).await;
    world.one_pass(&[]);
    assert_eq!(set_aside(&mut world).await, 7);
    near(paid(&mut world, 1).await + paid(&mut world, 2).await, 0.0);
    assert_eq!(world.number("SELECT COUNT(*) FROM cobblestone_increment").await, 0);
    // Hosts without an owner are nobody's: not each other's.
    world.sql.execute("UPDATE host SET userid = 0, rpc_seqno = 0", &[]).await.unwrap();
    world.messages(&[claim(1, 2, 1000)]).await;
    world.one_pass(&[]);
    assert_eq!(set_aside(&mut world).await, 8);
    world.balances().await;
}

#[tokio::test]
async fn increments_without_a_result_are_paid_once_across_a_merge() {
    let mut world = world().await;
    let text = |host: i64, time: i64| message(host, 77, time, "plain", "runtime", 1000);
    let flags = ["--variety", "plain", "--max_runtime", "5000"];
    world.messages(&[text(1, 1), text(1, 2), text(3, 1)]).await;
    world.one_pass(&flags);
    let before = world.sum("SELECT SUM(total_credit) FROM host").await;
    near(before / PER_SECOND, 3000.0);
    world.messages(&[text(1, 3), text(1, 2)]).await;
    merge(&mut world, 1, 2).await;
    world.messages(&[text(2, 1), text(2, 2), text(2, 3)]).await;
    world.one_pass(&flags);
    near(total(&mut world, 1).await, 0.0);
    near(total(&mut world, 2).await, 3000.0);
    near(total(&mut world, 3).await, 1000.0);
}
