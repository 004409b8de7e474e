//! `cobblestone report jobs` as a process, on a real database.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod common;

use common::{NOW, World, holds, is_harmless};
use serde_json::{Value, json};

const TOML: &str = "[[reports]]\nvariety = \"jobs\"\nformat = \"json\"\nmeaning = \"cumulative\"\n";
/// The day of `NOW`, 2026-11-18.
const TODAY: i64 = NOW as i64 / 86_400 * 86_400;

/// Two hosts, four results, two of them in a campaign with an evil name; reports of two days.
async fn world() -> World {
    let mut world = World::new().await;
    world.project.write_app_config(TOML).unwrap();
    world.people().await;
    let campaign =
        |id: i64, name: &str| json!({"id": id, "appid": 1, "name": name, "next_job": 9, "time": 0});
    world.insert("cobblestone_campaign", vec![campaign(1, "first"), campaign(2, "=1+1\u{1b}[2J")]).await;
    let job = |workunit: i64, campaign: i64| json!({"workunitid": workunit, "campaignid": campaign, "job": workunit, "seed": 1, "events": 1});
    world.insert("cobblestone_job", vec![job(1, 1), job(2, 1), job(3, 2)]).await;
    let mut rows = Vec::new();
    for (day, factor) in [(0, 1), (1, 3)] {
        for id in 1..=4_i64 {
            let time = TODAY - 86_400 * (1 - day) + id;
            let text = format!(
                "<result_name>r{id}</result_name><time>{time}</time>{{\"received\": {}, \"succeeded\": {}, \"failed\": 0, \
                 \"events\": {}}}",
                10 * id * factor,
                9 * id * factor,
                1000 * id * factor
            );
            rows.push((2 - id % 2, time, "jobs", text));
        }
    }
    world.messages(&rows).await;
    world.handle(&[]);
    world
}

fn cells(line: &str) -> Vec<&str> {
    line.split_whitespace().collect()
}

#[tokio::test]
async fn sums_are_shown_by_anything_and_add_up() {
    let mut world = world().await;
    let text = world.ends(0, &["report", "jobs"]);
    is_harmless(&text);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(cells(lines[0]), ["campaign", "app", "results", "received", "succeeded", "failed", "events"]);
    holds(&text, &["=1+1\\u{1b}[2J", "first"]);
    assert_eq!(cells(lines.last().unwrap()), ["all", "4", "300", "270", "0", "30000"]);
    let first = lines.iter().find(|line| line.starts_with("first")).unwrap();
    assert_eq!(cells(first)[2..], ["2", "90", "81", "0", "9000"]);

    let days = world.ends(0, &["report", "jobs", "--by", "day"]);
    let lines: Vec<&str> = days.lines().collect();
    assert_eq!(cells(lines[1]), ["2026-11-17", "4", "100", "90", "0", "10000"]);
    assert_eq!(cells(lines[2]), ["2026-11-18", "4", "200", "180", "0", "20000"]);
    let app = world.project.app().to_owned();
    let one = world.ends(0, &["report", "jobs", "--by", "host", "--day", "2026-11-18", "--app", &app]);
    assert_eq!(cells(one.lines().nth(1).unwrap()), ["2", "2", "120", "108", "0", "12000"]);
    let cut = world.ends(0, &["report", "jobs", "--by", "result", "--limit", "1"]);
    holds(&cut, &["… 3 more; --limit shows them"]);
    assert_eq!(cells(cut.lines().nth(1).unwrap())[0], "4");

    // The same for programs, also when db_purge has removed all that BOINC had.
    for sql in ["DELETE FROM result", "DELETE FROM workunit", "DELETE FROM msg_from_host", "DELETE FROM app"]
    {
        world.sql.execute(sql, &[]).await.unwrap();
    }
    let csv = world.ends(0, &["report", "jobs", "--by", "result", "--csv", "--from", "2026-11-18"]);
    is_harmless(&csv);
    let lines: Vec<&str> = csv.lines().collect();
    assert_eq!(lines.len(), 5);
    assert_eq!(lines[1], "1,first,,1,1,1,20,18,0,2000");
    assert!(lines[3].starts_with("1,\"'=1+1\\u{1b}[2J\",,1,3,1,"), "{}", lines[3]);
    let json = world.ends(0, &["report", "jobs", "--by", "campaign", "--json", "--campaign", "first"]);
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["rows"].as_array().unwrap().len(), 1);
    assert_eq!(json["totals"]["events"], 9000);
    assert_eq!(json["rows"][0]["campaign"], "first");
}

#[tokio::test]
async fn what_is_not_there_is_said() {
    let mut world = world().await;
    assert_eq!(world.ends(0, &["report", "jobs", "--day", "2020-01-01"]), "no such report\n");
    assert_eq!(world.ends(0, &["report", "jobs", "--host", "99"]), "no such report\n");
    holds(&world.ends(2, &["report", "jobs", "--app", "none"]), &["there is no application `none`"]);
    holds(
        &world.ends(2, &["report", "jobs", "--from", "2026-11-18", "--to", "2026-11-17"]),
        &["--to lies before --from"],
    );
    holds(&world.ends(2, &["report", "jobs", "--by", "moon"]), &["app, campaign, day, host, result"]);
    // Sums beyond what a column holds are printed all the same.
    world.sql.execute("UPDATE cobblestone_report_day SET events = 9000000000000000000", &[]).await.unwrap();
    holds(&world.ends(0, &["report", "jobs"]), &["72000000000000000000"]);
    let json = world.ends(0, &["report", "jobs", "--json"]);
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["totals"]["events"], "72000000000000000000");
}

#[tokio::test]
async fn a_campaign_that_does_not_exist_is_an_error() {
    let world = world().await;
    world.ends(0, &["report", "jobs", "--campaign", "first"]);
    holds(&world.ends(2, &["report", "jobs", "--campaign", "nosuch"]), &["there is no campaign \"nosuch\""]);
    holds(&world.ends(2, &["report", "jobs", "--campaign", "First"]), &["there is no campaign \"First\""]);
}
