//! Two hosts and four tasks that were paid long ago, and the audit's figures of them.

use serde_json::{Value, json};

use super::{NOW, World};

pub const COMPACT: [&str; 4] = ["ledger", "compact", "--older-than", "90d"];
pub const PURGE: [&str; 4] = ["trickles", "purge", "--older-than", "30d"];

pub const DAY: i64 = 86_400;
pub const SENT: i64 = NOW as i64 - DAY;

pub const CONFIG: &str = r#"
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
needs_result = false
"#;

pub fn text(result: &str, time: i64, element: &str, seconds: f64) -> String {
    format!(
        "\n<result_name>{result}</result_name>\n<time>{time}</time>\n<{element}>{seconds:.6}</{element}>\n"
    )
}

/// Two hosts, four tasks: the first two claim totals, the others increments; some claim too much, some can't be used, two
/// name no result.
pub async fn world() -> World {
    world_in(World::new().await).await
}

/// The same in a project that is there.
pub async fn world_in(mut world: World) -> World {
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
pub async fn age(world: &mut World, days: i64) {
    for (table, column) in [
        ("cobblestone_ledger", "time"),
        ("cobblestone_ledger", "since"),
        ("cobblestone_disallowed", "time"),
        ("cobblestone_disallowed", "since"),
        ("cobblestone_increment", "time"),
        ("cobblestone_quarantine", "time"),
        ("msg_from_host", "create_time"),
        ("result", "sent_time"),
    ] {
        let sql = format!("UPDATE {table} SET {column} = {column} - {}", days * DAY);
        world.sql.execute(&sql, &[]).await.unwrap();
    }
    world.sum_up_the_ledger().await;
}

/// The audit's figures without those that count rows.
pub fn figures(world: &World) -> Value {
    fn strip(value: &mut Value) {
        match value {
            Value::Object(map) => {
                map.remove("rows");
                map.remove("rows_written");
                map.remove("checksum");
                map.remove("checksum_written");
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
