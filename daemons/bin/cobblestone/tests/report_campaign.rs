//! `cobblestone report campaign` as a process, on a real database.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod common;

use std::fs;

use common::{NOW, World, holds, is_harmless};
use serde_json::{Value, json};

const EVIL: &str = "<script>alert(1)</script>\u{1b}[2J\"'&";

/// Ten workunits of campaign `beam`: 1 … 6 valid with two results of hosts 1 and 2, and one of host 3, which disagrees; 7
/// failed; 8 is being computed; 9 waits; 10 was valid and is purged. Workunit 20 is of a campaign with an evil name.
async fn world() -> World {
    let mut world = World::new().await;
    let sent = NOW as i64 - 400_000;
    let mut workunits = Vec::new();
    let mut results = Vec::new();
    let mut verdicts = Vec::new();
    let mut judgements = Vec::new();
    let result = |id: i64, workunit: i64, host: i64| json!({"id": id, "workunitid": workunit, "appid": 1, "name": format!("r{id}"), "hostid": host});
    let with = |mut row: Value, more: Value| {
        row.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        row
    };
    for id in 1..=9_i64 {
        workunits.push(json!({"id": id, "appid": 1, "name": format!("beam_{id}"), "canonical_resultid": if id <= 6 { 10 * id + 1 } else { 0 },
                              "error_mask": if id == 7 { 2 } else { 0 }}));
    }
    for id in 1..=6_i64 {
        for host in 1..=3_i64 {
            let over = json!({"server_state": 5, "outcome": 1, "validate_state": if host == 3 { 2 } else { 1 }, "sent_time": sent,
                              "received_time": sent + 86_400 * (1 + id / 4) + host, "elapsed_time": 1000 * host, "cpu_time": 900 * host,
                              "granted_credit": if host == 3 { 0 } else { 50 }});
            results.push(with(result(10 * id + host, id, host), over));
            let (decision, deviation) = if host == 3 {
                ("invalid", json!(1e3))
            } else {
                ("valid", if host == 1 { Value::Null } else { json!(0.25) })
            };
            verdicts.push(json!({"workunitid": id, "n": 1, "resultid": 10 * id + host, "hostid": host, "time": NOW, "decision": decision,
                                 "deviation": deviation, "place": "out<b>.dat, line 7, column 2"}));
        }
        judgements.push(json!({"workunitid": id, "n": 1, "time": NOW, "appid": 1, "outcome": "canonical", "canonical": 10 * id + 1}));
    }
    let failed = json!({"server_state": 5, "outcome": 3, "exit_status": 194, "sent_time": sent, "received_time": sent + 50, "validate_state": 0});
    results.push(with(result(71, 7, 1), failed));
    results.push(with(result(81, 8, 2), json!({"server_state": 4, "sent_time": sent})));
    results.push(with(result(91, 9, 0), json!({"server_state": 2})));
    world.insert("workunit", workunits).await;
    world.insert("result", results).await;
    world.insert("cobblestone_verdict", verdicts).await;
    world.insert("cobblestone_judgement", judgements).await;
    let hosts = (1..=3).map(|id| json!({"id": id, "userid": 1, "os_name": if id == 3 { EVIL } else { "Linux" }, "os_version": "6.1", "p_model": "Acme"}));
    world.insert("host", hosts.collect()).await;
    let campaign =
        |id: i64, name: &str| json!({"id": id, "appid": 1, "name": name, "next_job": 9, "time": sent});
    world.insert("cobblestone_campaign", vec![campaign(1, "beam"), campaign(2, EVIL)]).await;
    let jobs = (1..=10).chain([20]).map(|id| {
        json!({"workunitid": id, "campaignid": if id == 20 { 2 } else { 1 }, "job": id, "seed": id, "events": 1000})
    });
    world.insert("cobblestone_job", jobs.collect()).await;
    world
        .insert("cobblestone_assimilated", vec![json!({"workunitid": 10, "dataset": "results", "time": NOW})])
        .await;
    world
}

#[tokio::test]
async fn what_was_asked_what_came_and_who_stands_out() {
    let mut world = world().await;
    world.ends(0, &["review", "reject", "1", "--comment", EVIL.split('\u{1b}').next().unwrap()]);
    let text = world.ends(0, &["report", "campaign", "beam"]);
    is_harmless(&text);
    holds(
        &text,
        &[
            "7 of 10 workunits are valid (70.0 %), 1 failed, 2 are still under way.",
            "12 valid (66.7 %), 6 invalid (33.3 %)",
            "In 100.0 % of the workunits the first comparison",
            "up to 0.5",
            "rejected",
            "client error",
        ],
    );
    let json = world.ends(0, &["report", "campaign", "beam", "--json"]);
    is_harmless(&json);
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(
        (&json["workunits"]["valid"]["number"], &json["workunits"]["valid"]["events"]),
        (&json!(7), &json!(7000.0))
    );
    for (fate, number) in [("failed", 1), ("sent", 1), ("waiting", 1)] {
        assert_eq!(json["workunits"][fate]["number"], number, "{fate}");
    }
    let results: Vec<(&str, i64)> = json["results"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| (row["kind"].as_str().unwrap(), row["number"].as_i64().unwrap()))
        .collect();
    assert_eq!(results, [("valid", 12), ("invalid", 6), ("error", 1), ("in progress", 1), ("unsent", 1)]);
    assert_eq!(json["results"][0]["credit"], 600.0);
    let days: i64 = json["days"].as_array().unwrap().iter().map(|row| row["results"].as_i64().unwrap()).sum();
    assert_eq!(days, 19);
    // 9 results after a day, 9 after two; elapsed 1000 and 2000 seconds.
    let near = |value: &Value, wanted: f64| {
        assert!((value.as_f64().unwrap() / wanted - 1.0).abs() < 0.06, "{value} {wanted}")
    };
    near(&json["turnaround_seconds"]["p10"], 86_400.0);
    near(&json["turnaround_seconds"]["longest"], 172_800.0);
    near(&json["uptime_seconds"]["p10"], 1000.0);
    near(&json["uptime_seconds"]["longest"], 2000.0);
    assert_eq!((&json["uptime_is_claimed"], &json["uptime_seconds"]["number"]), (&json!(false), &json!(12)));
    assert_eq!(json["agreement"], json!({"up to 0.5": 6}));
    let column = &json["columns"][0];
    assert_eq!(
        (&column["file"], &column["column"], &column["results"], &column["largest"]),
        (&json!("out<b>.dat"), &json!("2"), &json!(6), &json!(0.25))
    );
    let odd = json["odd_hosts"].as_array().unwrap();
    assert_eq!(odd.len(), 1);
    assert_eq!((&odd[0]["host"], &odd[0]["times"], &odd[0]["of"]), (&json!(3), &json!(6), &json!(6)));
    let fast = json["fastest_hosts"].as_array().unwrap();
    assert_eq!(fast.len(), 1);
    assert_eq!(
        (&fast[0]["host"], &fast[0]["times"], &fast[0]["expected_by_chance"], &fast[0]["time_factor"]),
        (&json!(1), &json!(6), &json!(3.0), &json!(0.5))
    );
    assert_eq!(json["failures"], json!([{"outcome": "client error", "exit_status": 194, "results": 1}]));
    assert_eq!(json["reviews"], json!({"rejected": 1}));
    // Uptime that messages claimed is taken instead.
    world.insert("cobblestone_mark", vec![json!({"resultid": 11, "largest_claim": 7200.0})]).await;
    let json = world.ends(0, &["report", "campaign", "beam", "--json"]);
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!((&json["uptime_is_claimed"], &json["uptime_seconds"]["number"]), (&json!(true), &json!(1)));
}

#[tokio::test]
async fn one_html_file_that_runs_nothing_and_plots() {
    let mut world = world().await;
    // The evil campaign gets workunits, too, and everything that can hold a text is evil.
    world.sql.execute("UPDATE cobblestone_job SET campaignid = 2", &[]).await.unwrap();
    world
        .sql
        .execute("UPDATE cobblestone_verdict SET place = '<img src=x>, line 1, column <svg onload=x>'", &[])
        .await
        .unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("report.html");
    let plots = folder.path().join("plots");
    let said = world.ends(
        0,
        &["report", "campaign", EVIL, "--html", file.to_str().unwrap(), "--svg", plots.to_str().unwrap()],
    );
    assert_eq!(said, "");
    let page = fs::read_to_string(&file).unwrap();
    is_harmless(&page);
    let texts: Vec<String> = ["days", "turnaround", "uptime", "deviation"]
        .iter()
        .map(|name| fs::read_to_string(plots.join(format!("{name}.svg"))).unwrap())
        .chain([page.clone()])
        .collect();
    for text in &texts {
        is_harmless(text);
        for word in ["<script", "<img", "<a ", "href=", "@import", "url(http"] {
            assert!(!text.contains(word), "{word}");
        }
        holds(text, &["role=\"img\"", "<title id=", "<desc id="]);
    }
    holds(
        &page,
        &[
            "&lt;script&gt;alert(1)&lt;/script&gt;",
            "default-src 'none'",
            "lang=\"en\"",
            "<th scope=\"col\"",
            "<table aria-labelledby=",
        ],
    );
    assert_eq!(page.matches("<svg").count(), 4);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2, "nothing is left beside them");
    // The text form holds the same, escaped.
    let text = world.ends(0, &["report", "campaign", EVIL]);
    is_harmless(&text);
    holds(&text, &["<script>alert(1)</script>\\u{1b}[2J", "<img src=x>"]);
}

#[tokio::test]
async fn an_empty_campaign_and_one_that_is_not_there() {
    let mut world = world().await;
    for table in ["cobblestone_job", "result", "workunit", "cobblestone_verdict"] {
        world.sql.execute(&format!("DELETE FROM {table}"), &[]).await.unwrap();
    }
    let text = world.ends(0, &["report", "campaign", "beam"]);
    holds(&text, &["0 of 0 workunits", "No task was reported yet"]);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("r.html");
    world.ends(0, &["report", "campaign", "beam", "--html", file.to_str().unwrap()]);
    assert_eq!(fs::read_to_string(&file).unwrap().matches(">nothing to show yet<").count(), 4);
    holds(&world.ends(2, &["report", "campaign", "Beam"]), &["there is no campaign \"Beam\""]);
    holds(
        &world.ends(2, &["report", "campaign", "beam", "--html", "/nosuch/x.html"]),
        &["can't write /nosuch/x.html"],
    );
    world
        .insert(
            "cobblestone_campaign",
            vec![json!({"id": 5, "appid": 2, "name": "beam", "next_job": 0, "time": 0})],
        )
        .await;
    holds(&world.ends(2, &["report", "campaign", "beam"]), &["say which with --app"]);
    let app = world.project.app().to_owned();
    world.ends(0, &["report", "campaign", "beam", "--app", &app]);
}
