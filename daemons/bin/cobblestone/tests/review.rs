//! `cobblestone review` as a process, on a real database.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod common;

use common::{World, holds, is_harmless};
use serde_json::{Value, json};

/// Workunits 1 … 6 with canonical results 11 … 16, but 6 has none; 1 … 4 are jobs of campaigns, one of them with an evil
/// name. Hosts 1 and 2 in turns.
async fn world() -> World {
    let mut world = World::new().await;
    let workunits = (1..=6).map(|id| {
        json!({"id": id, "appid": 1, "name": format!("wu_{id}"), "canonical_resultid": if id == 6 { 0 } else { 10 + id }})
    });
    world.insert("workunit", workunits.collect()).await;
    let results = (1..=6).map(|id| {
        json!({"id": 10 + id, "workunitid": id, "appid": 1, "name": format!("wu_{id}_0"), "hostid": 2 - id % 2})
    });
    world.insert("result", results.collect()).await;
    let campaign =
        |id: i64, name: &str| json!({"id": id, "appid": 1, "name": name, "next_job": 9, "time": 0});
    world.insert("cobblestone_campaign", vec![campaign(1, "first"), campaign(2, "<i>\u{1b}[2J")]).await;
    let job = |workunit: i64, campaign: i64| json!({"workunitid": workunit, "campaignid": campaign, "job": workunit, "seed": 1, "events": 1});
    world.insert("cobblestone_job", vec![job(1, 1), job(2, 1), job(3, 1), job(4, 2)]).await;
    world
}

/// (workunit, verdict) of the list.
fn listed(world: &World, flags: &[&str]) -> Vec<(i64, String)> {
    let text = world.ends(0, &[&["review", "list", "--json"], flags].concat());
    is_harmless(&text);
    text.lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .map(|row| (row["workunit"].as_i64().unwrap(), row["verdict"].as_str().unwrap_or("none").to_owned()))
        .collect()
}

async fn count(world: &mut World) -> i64 {
    world.number("SELECT COUNT(*) FROM cobblestone_review").await
}

#[tokio::test]
async fn the_last_one_holds_and_all_stay() {
    let mut world = world().await;
    assert_eq!(world.ends(0, &["review", "list"]), "there is no such review\n");
    let said = world.ends(0, &["review", "flag", "1", "wu_2", "--result", "13", "--comment", "looks odd"]);
    assert_eq!(said, "flagged: 3 workunits; the assimilator writes it to the dataset\n");
    let said =
        world.ends(0, &["review", "accept", "--result", "wu_1_0", "--comment", "is fine", "--by", "Ünal"]);
    assert_eq!(said, "accepted: 1 workunits; the assimilator writes it to the dataset\n");
    let (flagged, accepted) = ("flagged".to_owned(), "accepted".to_owned());
    assert_eq!(listed(&world, &[]), [(1, accepted.clone()), (3, flagged.clone()), (2, flagged.clone())]);
    assert_eq!(listed(&world, &["--limit", "1"]), [(1, accepted)]);
    let text = world.ends(0, &["review", "show", "wu_1"]);
    holds(&text, &["workunit  1, wu_1", "campaign  first, job 1", "flagged", "looks odd", "Ünal", "is fine"]);
    assert!(text.find("looks odd") < text.find("is fine"));
    // Again the same: nothing is added. The same by another one is a review.
    let again = ["review", "accept", "1", "--comment", "is fine", "--by", "Ünal"];
    assert_eq!(world.ends(0, &again), "1 workunits: you said the same before, nothing is added\n");
    assert_eq!(count(&mut world).await, 4);
    world.ends(0, &["review", "accept", "1", "--comment", "is fine", "--by", "Bob"]);
    assert_eq!(count(&mut world).await, 5);
    let shown = world.ends(0, &["review", "show", "--result", "11", "--json"]);
    let shown: Value = serde_json::from_str(&shown).unwrap();
    let who: Vec<&str> =
        shown["reviews"].as_array().unwrap().iter().map(|row| row["who"].as_str().unwrap()).collect();
    assert_eq!(who[1..], ["Ünal", "Bob"]);
    assert_eq!((shown["verdict"].as_str(), shown["result"].as_i64()), (Some("accepted"), Some(11)));
    // Also when db_purge has removed what BOINC had: what was said tells what it is about.
    for sql in ["DELETE FROM workunit", "DELETE FROM result"] {
        world.sql.execute(sql, &[]).await.unwrap();
    }
    world.ends(0, &["review", "reject", "1", "--comment", "no"]);
    holds(&world.ends(0, &["review", "show", "1"]), &["its row is gone", "rejected  result 11"]);
    holds(&world.ends(2, &["review", "show", "99"]), &["there is no workunit 99"]);
}

#[tokio::test]
async fn many_are_chosen_by_what_is_known_of_them() {
    let mut world = world().await;
    let flag = json!({"time": 5, "appid": 1, "workunitid": 3, "resultid": 13, "who": "assimilator", "verdict": "flagged",
                      "comment": "did nothing"});
    world.insert("cobblestone_review", vec![flag]).await;
    assert_eq!(listed(&world, &["--flagged_by", "assimilator"]), [(3, "flagged".to_owned())]);
    let none: Vec<i64> = listed(&world, &["--latest", "none"]).into_iter().map(|(id, _)| id).collect();
    assert_eq!(none, [5, 4, 2, 1]);
    let none: Vec<i64> =
        listed(&world, &["--campaign", "first", "--latest", "none"]).into_iter().map(|(id, _)| id).collect();
    assert_eq!(none, [2, 1]);
    let would = world.ends(0, &["review", "reject", "--campaign", "first", "--comment", "x", "--dry_run"]);
    assert_eq!(would, "would be rejected: 3 workunits\n");
    assert_eq!(count(&mut world).await, 1);
    world.ends(0, &["review", "reject", "--campaign", "first", "--host", "1", "--comment", "bad memory"]);
    let rejected: Vec<i64> =
        listed(&world, &["--latest", "rejected"]).into_iter().map(|(id, _)| id).collect();
    assert_eq!(rejected, [3, 1]);
    assert!(listed(&world, &["--flagged_by", "assimilator"]).is_empty(), "it was rejected since");
    world.ends(
        0,
        &["review", "accept", "--campaign", "first", "--latest", "rejected", "--comment", "after all"],
    );
    assert_eq!(listed(&world, &["--latest", "rejected"]), []);
    assert_eq!(count(&mut world).await, 5);
}

#[tokio::test]
async fn what_cannot_be_reviewed_is_said_and_texts_are_harmless() {
    let mut world = world().await;
    let said = world.run(&["review", "reject", "5", "6", "99", "--comment", "x"]);
    assert_eq!(said.status, 1);
    holds(&said.out, &["rejected: 1 workunits"]);
    holds(&said.err, &["workunit 6 has no canonical result", "workunit 99 is not there"]);
    for (flags, words) in [
        (&["1", "--comment", " "][..], "--comment is empty"),
        (&["1", "--comment", "a\nb"], "one line"),
        (&["1", "--comment", "\u{1b}[2J"], "one line"),
        (&["1", "--comment", "x", "--by", "assimilator"], "name of the program"),
        (&["1", "--comment", "x", "--by", "\u{202e}evil"], "--by must be one line"),
        (&["nosuch", "--comment", "x"], "there is no workunit `nosuch`"),
        (&["--result", "nosuch", "--comment", "x"], "there is no result `nosuch`"),
        (&["--campaign", "First", "--comment", "x"], "there is no campaign \"First\""),
        (&["--app", "x", "--comment", "x"], "there is no application `x`"),
        (&["1"], "--comment"),
        (&["--comment", "x"], "<WORKUNIT"),
        (&["1", "--campaign", "first", "--comment", "x"], "cannot be used"),
    ] {
        holds(&world.ends(2, &[&["review", "accept"], flags].concat()), &[words]);
    }
    assert_eq!(count(&mut world).await, 1);
    // Whatever stands in the table, it can't act on a terminal.
    let evil = json!({"time": 5, "appid": 1, "workunitid": 4, "resultid": 14, "who": "\u{1b}]0;x\u{7}", "verdict": "flagged",
                      "comment": "<script>\u{1b}[2J\u{202e}\r\n"});
    world.insert("cobblestone_review", vec![evil]).await;
    for command in [
        &["review", "list"][..],
        &["review", "list", "--json"],
        &["review", "show", "4"],
        &["review", "show", "4", "--json"],
    ] {
        let text = world.ends(0, command);
        is_harmless(&text);
        holds(&text, &["<script>"]);
    }
    // A comment with quotes and markup comes back as it was given.
    let odd = "it's \"<b>\" & 50 % \\ ü";
    world.ends(0, &["review", "flag", "2", "--comment", odd]);
    let shown: Value = serde_json::from_str(&world.ends(0, &["review", "show", "2", "--json"])).unwrap();
    assert_eq!(shown["comment"], odd);
}

#[tokio::test]
async fn what_is_rejected_can_be_computed_once_more() {
    let mut world = world().await;
    let wanted = async |world: &mut World| {
        let rows = "SELECT GROUP_CONCAT(campaignid, ' ', job, ' ', workunitid ORDER BY job) AS line FROM cobblestone_retry";
        world.sql.row(rows, &[]).await.unwrap().text("line").unwrap_or_default()
    };
    let reject =
        ["review", "reject", "--campaign", "first", "--host", "1", "--comment", "bad memory", "--again"];
    let said = world.ends(0, &reject);
    holds(&said, &["rejected: 2 workunits", "the work generator makes 2 of their jobs once more\n"]);
    assert_eq!(wanted(&mut world).await, "1 1 1,1 3 3");
    // Run twice: nothing more is said, and nothing more is made.
    let said = world.ends(0, &reject);
    holds(&said, &["you said the same before", "makes 0 of their jobs once more; 2 are made again already"]);
    assert_eq!((count(&mut world).await, wanted(&mut world).await.as_str()), (2, "1 1 1,1 3 3"));
    // A job that was made again since, one of a cancelled campaign, and one of none.
    world.insert("cobblestone_job", vec![json!({"workunitid": 77, "campaignid": 1, "job": 2, "seed": 1, "events": 1, "retry": 1, "retry_of": 2})]).await;
    world.sql.execute("UPDATE cobblestone_campaign SET state = 'cancelled' WHERE id = 2", &[]).await.unwrap();
    let said = world.ends(0, &["review", "reject", "2", "4", "5", "--comment", "no", "--again"]);
    holds(&said, &["rejected: 3 workunits", "makes 0 of their jobs once more; 3 are made again"]);
    holds(&world.ends(2, &["review", "accept", "1", "--comment", "x", "--again"]), &["--again"]);
    // Of one that was rejected before.
    world.ends(0, &["review", "reject", "2", "--comment", "plain"]);
    world.sql.execute("DELETE FROM cobblestone_job WHERE workunitid = 77", &[]).await.unwrap();
    holds(
        &world.ends(0, &["review", "reject", "2", "--comment", "plain", "--again"]),
        &["makes 1 of their jobs"],
    );
    assert_eq!(wanted(&mut world).await, "1 1 1,1 2 2,1 3 3");
}
