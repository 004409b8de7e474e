//! `cobblestone ledger compact` and `cobblestone trickles purge`: the books stay the same.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod common;

use common::{NOW, World, holds};
use serde_json::{Value, json};

const DAY: i64 = 86_400;
const SENT: i64 = NOW as i64 - DAY;

const CONFIG: &str = r#"
[uptime]
enabled = true
over_claims = "cap"
max_seconds_per_host_and_day = 90000
[[uptime.claims]]
variety = "cpu_time"
element = "cpu_time"
meaning = "cumulative"
[[uptime.claims]]
variety = "runtime"
element = "runtime"
meaning = "increment"
max_seconds = 20000
"#;

fn text(result: &str, time: i64, element: &str, seconds: f64) -> String {
    format!(
        "\n<result_name>{result}</result_name>\n<time>{time}</time>\n<{element}>{seconds:.6}</{element}>\n"
    )
}

/// Two hosts, four tasks: the first two claim totals, the others increments; some claim too much, some can't be used, two
/// name no result.
async fn world() -> World {
    let mut world = World::new().await;
    world.project.write_app_config(CONFIG).unwrap();
    world.people().await;
    let mut rows = Vec::new();
    for k in 1..=12_i64 {
        for id in 1..=4_i64 {
            let (variety, seconds) = match id {
                1 if k % 4 == 0 => ("cpu_time", 1e300),
                1 | 2 => ("cpu_time", 600.0 * k as f64),
                _ => ("runtime", 500.0),
            };
            rows.push((2 - id % 2, SENT + k * 1000, variety, text(&format!("r{id}"), k, variety, seconds)));
        }
    }
    rows.push((1, SENT, "runtime", "<runtime>1000</runtime>".to_owned()));
    rows.push((1, SENT, "runtime", "<runtime>2000</runtime>".to_owned()));
    rows.push((2, SENT, "cpu_time", "<cpu_time>half".to_owned()));
    world.messages(&rows).await;
    world.handle(&[]);
    world
}

/// As if all of it had happened so many days ago.
async fn age(world: &mut World, days: i64) {
    for (table, column) in [
        ("cobblestone_ledger", "time"),
        ("cobblestone_ledger", "since"),
        ("cobblestone_disallowed", "time"),
        ("cobblestone_disallowed", "since"),
        ("cobblestone_increment", "time"),
        ("msg_from_host", "create_time"),
        ("result", "sent_time"),
    ] {
        let sql = format!("UPDATE {table} SET {column} = {column} - {}", days * DAY);
        world.sql.execute(&sql, &[]).await.unwrap();
    }
}

/// The audit's figures without those that count rows.
fn figures(world: &World) -> Value {
    fn strip(value: &mut Value) {
        match value {
            Value::Object(map) => {
                map.remove("rows");
                map.values_mut().for_each(strip);
            }
            Value::Array(list) => list.iter_mut().for_each(strip),
            // Sums depend on the order of addition in their last digits.
            Value::Number(number) if number.is_f64() => {
                *value = json!(format!("{:.9e}", number.as_f64().unwrap() + 0.0));
            }
            _ => {}
        }
    }
    let said = world.ends(0, &["audit", "--json"]);
    let mut value: Value = serde_json::from_str(&said).unwrap();
    strip(&mut value);
    value
}

const COMPACT: [&str; 4] = ["ledger", "compact", "--older-than", "90d"];
const PURGE: [&str; 4] = ["trickles", "purge", "--older-than", "30d"];

#[tokio::test]
async fn folding_changes_nothing_that_the_audit_proves() {
    let mut world = world().await;
    let young = world.ends(0, &COMPACT);
    holds(&young, &["payments of results: 0 rows folded into 0"]);
    age(&mut world, 100).await;
    let before = figures(&world);
    let rows = world.number("SELECT COUNT(*) FROM cobblestone_ledger").await;
    let sums = "SELECT CONCAT_WS(' ', SUM(messages), SUM(rows_folded), ROUND(SUM(seconds), 3), ROUND(SUM(credit), 6)) AS n FROM cobblestone_ledger";
    let sums_before = world.sql.row(sums, &[]).await.unwrap().text("n").unwrap();

    let dry = world.ends(0, &[&COMPACT[..], &["--dry_run"]].concat());
    assert_eq!(world.number("SELECT COUNT(*) FROM cobblestone_ledger").await, rows);
    let said = world.ends(0, &COMPACT);
    assert_eq!(dry.replace("would be folded", "folded"), said);
    // Cumulative ones are guarded by the mark; increments stay as long as their messages are stored.
    holds(
        &said,
        &[
            "payments of results: 19 rows folded into 2; 24 must stay",
            "payments without a result: 0 rows folded into 0; 2 must stay",
        ],
    );
    holds(&said, &["claims that were not paid in full: 3 rows folded into 1"]);
    assert_eq!(figures(&world), before);
    assert_eq!(world.sql.row(sums, &[]).await.unwrap().text("n").unwrap(), sums_before);
    let again = world.ends(0, &COMPACT);
    holds(&again, &["payments of results: 0 rows folded into 0; 24 must stay"]);

    // Somebody marks every message as unhandled: nobody is paid again.
    let paid = world.sum("SELECT SUM(credit) FROM cobblestone_ledger").await;
    world.sql.execute("UPDATE msg_from_host SET handled = 0", &[]).await.unwrap();
    world.handle(&[]);
    assert_eq!(world.sum("SELECT SUM(credit) FROM cobblestone_ledger").await, paid);
}

#[tokio::test]
async fn purged_messages_are_counted_and_then_their_payments_fold() {
    let mut world = world().await;
    age(&mut world, 100).await;
    // One waits, one was set aside, one is young.
    world.messages(&[(1, SENT - 100 * DAY, "other", "x".to_owned())]).await;
    world.messages(&[(1, NOW as i64, "cpu_time", text("r1", 99, "cpu_time", 7300.0))]).await;
    let mut before = figures(&world);
    let dry = world.ends(0, &[&PURGE[..], &["--dry_run"]].concat());
    let said = world.ends(0, &PURGE);
    assert_eq!(dry.replace("would be deleted", "deleted"), said);
    holds(
        &said,
        &[
            "handled messages: 50 deleted",
            "marks of results that are gone: 0 deleted",
            "identities of messages without a result: 0",
        ],
    );
    assert_eq!(world.number("SELECT COUNT(*) FROM msg_from_host").await, 3);
    assert_eq!(
        world
            .number("SELECT COUNT(*) FROM msg_from_host m JOIN cobblestone_quarantine q ON q.refid = m.id")
            .await,
        1
    );
    holds(&world.ends(0, &PURGE), &["handled messages: 0 deleted"]);
    world.balances();
    let said = world.ends(0, &COMPACT);
    holds(
        &said,
        &[
            "payments of results: 43 rows folded into 4\n",
            "payments without a result: 2 rows folded into 1\n",
        ],
    );
    let mut after = figures(&world);
    for fate in ["stored", "handled", "purged"] {
        for figures in [&mut after, &mut before] {
            figures["messages"].as_object_mut().unwrap().remove(fate);
        }
    }
    assert_eq!(after["messages"], before["messages"]);
    assert_eq!(after["ledger"], before["ledger"]);
    // What came before, again: nothing of it is paid.
    let paid = world.sum("SELECT SUM(credit) FROM cobblestone_ledger WHERE resultid IN (2, 3, 4)").await;
    let rows: Vec<(i64, i64, &str, String)> = (1..=12)
        .flat_map(|k| [(2, k, "cpu_time", "r2", 600.0 * k as f64), (1, k, "runtime", "r3", 500.0)])
        .map(|(host, k, variety, name, seconds)| {
            (host, SENT - 100 * DAY + k * 1000, variety, text(name, k, variety, seconds))
        })
        .collect();
    world.messages(&rows).await;
    world.handle(&[]);
    assert_eq!(
        world.sum("SELECT SUM(credit) FROM cobblestone_ledger WHERE resultid IN (2, 3, 4)").await,
        paid
    );
    world.balances();
}

#[tokio::test]
async fn what_is_kept_of_purged_results_goes_and_stays_counted() {
    let mut world = world().await;
    world.sql.execute("DELETE FROM result WHERE id IN (1, 3)", &[]).await.unwrap();
    world.sql.execute("INSERT INTO cobblestone_host_day VALUES (1, 1, 12, 5.0)", &[]).await.unwrap();
    world.balances();
    let days = world.number("SELECT COUNT(*) FROM cobblestone_host_day").await;
    let said = world.ends(0, &PURGE);
    holds(
        &said,
        &[
            "handled messages: 0 deleted",
            "marks of results that are gone: 2 deleted",
            "days of hosts: 1 deleted",
        ],
    );
    assert_eq!(world.number("SELECT COUNT(*) FROM cobblestone_mark").await, 2);
    assert_eq!(world.number("SELECT COUNT(*) FROM cobblestone_increment").await, 12);
    assert_eq!(world.number("SELECT COUNT(*) FROM cobblestone_increment_sum").await, 1);
    assert_eq!(world.number("SELECT COUNT(*) FROM cobblestone_host_day").await, days - 1);
    assert_eq!(
        world.number("SELECT value FROM cobblestone_counter WHERE name = 'messages_cleaned'").await,
        24
    );
    world.balances();
    // A message that comes now is set aside.
    world.messages(&[(1, SENT + 5000, "cpu_time", text("r1", 3, "cpu_time", 9000.0))]).await;
    world.handle(&[]);
    assert_eq!(world.number("SELECT COUNT(*) FROM cobblestone_quarantine").await, 2);
    world.balances();
}
