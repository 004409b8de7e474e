//! `cobblestone quarantine` as a process, on a real database: what all daemons set aside.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod common;

use common::{NOW, World, claim, holds, is_harmless, uptime};
use serde_json::{Value, json};

const THEN: i64 = NOW as i64 - 40_000;

/// Messages: 1 paid, 2 too much (held), 3 of a wrong host, 4 broken with evil text. Workunits 3 and 4 set aside by validator
/// and assimilator, job 1 of a file by the work generator.
async fn world() -> World {
    let mut world = World::new().await;
    world.people().await;
    world.project.write_app_config(&uptime("over_claims = \"hold\"")).unwrap();
    world
        .messages(&[
            (1, THEN, "cpu_time", claim("r1", THEN, "cpu_time", 3600.0)),
            (2, THEN, "cpu_time", claim("r2", THEN, "cpu_time", 1e6)),
            (2, THEN, "cpu_time", claim("r1", THEN, "cpu_time", 60.0)),
            (1, THEN, "cpu_time", "<cpu_time>\u{1b}[2J\u{202e}<script></b>".to_owned()),
        ])
        .await;
    world.handle(&[]);
    let workunits = (3..=4).map(
        |id| json!({"id": id, "appid": 1, "name": format!("wu_{id}"), "transition_time": 2_000_000_000}),
    );
    world.insert("workunit", workunits.collect()).await;
    let entry = |daemon: &str, kind: &str, refid: i64, reason: &str| json!({"time": NOW - 90_000.0, "daemon": daemon, "kind": kind, "refid": refid, "hostid": 0, "reason": reason, "tries": 3});
    world
        .insert(
            "cobblestone_quarantine",
            vec![
                entry("validator", "workunit", 3, "looked at 12 times in vain"),
                entry("assimilator", "workunit", 3, "output <b>\u{1b}[2J is gone"),
                entry("assimilator", "workunit", 4, "output is gone"),
                entry("work-generator", "job", (5 << 32) | 1, "campaign <i>, jobs.csv row 1: no seed"),
            ],
        )
        .await;
    world.balances();
    world
}

/// `daemon kind ref` of all entries that a list shows, sorted.
fn listed(world: &World, flags: &[&str]) -> Vec<String> {
    let text = world.ends(0, &[&["quarantine", "list", "--json"], flags].concat());
    is_harmless(&text);
    let mut rows: Vec<String> = text
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .map(|row| {
            let word = |key: &str| row[key].as_str().unwrap().to_owned();
            format!("{} {} {}", word("daemon"), word("kind"), row["ref"].as_i64().unwrap() & 0xffff_ffff)
        })
        .collect();
    rows.sort();
    rows
}

#[tokio::test]
async fn all_daemons_are_in_it_and_it_can_be_chosen_from() {
    let world = world().await;
    let all = [
        "assimilator workunit 3",
        "assimilator workunit 4",
        "trickle-credit held 2",
        "trickle-credit trickle 3",
        "trickle-credit trickle 4",
        "validator workunit 3",
        "work-generator job 1",
    ];
    assert_eq!(listed(&world, &[]), all);
    assert_eq!(listed(&world, &["--daemon", "assimilator"]), all[..2]);
    assert_eq!(listed(&world, &["--kind", "workunit", "--reason-contains", "in vain"]), all[5..6]);
    assert_eq!(listed(&world, &["--older-than", "1d"]), [all[0], all[1], all[5], all[6]]);
    assert_eq!(listed(&world, &["--host", "2"]), all[2..4]);
    assert_eq!(listed(&world, &["--limit", "1"]).len(), 1);
    let text = world.ends(0, &["quarantine", "list"]);
    is_harmless(&text);
    holds(&text, &["output <b>\\u{1b}[2J is gone", "held 2", "campaign <i>, jobs.csv row 1"]);
    holds(&world.ends(0, &["quarantine", "list", "--limit", "2"]), &["… and 5 more; --limit shows them"]);
    // Each can be looked at, with its text.
    for line in world.ends(0, &["quarantine", "list", "--json"]).lines() {
        let id = serde_json::from_str::<Value>(line).unwrap()["entry"].to_string();
        is_harmless(&world.ends(0, &["quarantine", "show", &id]));
        let json = world.ends(0, &["quarantine", "show", &id, "--json"]);
        is_harmless(&json);
        assert_eq!(serde_json::from_str::<Value>(&json).unwrap()["entry"].to_string(), id);
    }
}

#[tokio::test]
async fn messages_go_the_way_of_trickles_and_the_books_stay_right() {
    let mut world = world().await;
    let would = world.ends(0, &["quarantine", "retry", "--daemon", "trickle-credit", "--dry_run"]);
    holds(&would, &["would be given back: 3 entries", "trickle-credit held: "]);
    let said = world.ends(
        0,
        &["quarantine", "drop", "--daemon", "trickle-credit", "--kind", "trickle", "--reason", "a test"],
    );
    holds(&said, &["dropped: 2 messages"]);
    world.balances();
    let again =
        ["quarantine", "drop", "--daemon", "trickle-credit", "--kind", "trickle", "--reason", "a test"];
    assert_eq!(world.ends(0, &again), "no such thing is set aside\n");
    let said = world.ends(0, &["quarantine", "retry", "--host", "2"]);
    holds(&said, &["given back: 1 messages; trickle-credit takes them at its next pass"]);
    world.handle(&[]);
    world.balances();
    assert_eq!(
        world.number("SELECT COUNT(*) FROM cobblestone_ledger").await,
        2,
        "what was possible was paid"
    );
    assert_eq!(
        listed(&world, &["--daemon", "trickle-credit"]),
        ["trickle-credit dropped 3", "trickle-credit dropped 4"]
    );
    // What was dropped can be given back: it is set aside again.
    holds(&world.ends(0, &["quarantine", "retry", "--kind", "dropped"]), &["given back: 2 messages"]);
    world.handle(&[]);
    world.balances();
    assert_eq!(listed(&world, &["--kind", "trickle"]).len(), 2);
}

#[tokio::test]
async fn workunits_and_jobs_are_given_back_or_dropped_once() {
    let mut world = world().await;
    let said = world.ends(0, &["quarantine", "drop", "--daemon", "assimilator", "--reason", "disk <lost>"]);
    assert_eq!(said, "dropped: 2 workunits; they stay here, and assimilator does not try them any more\n");
    holds(
        &world.ends(0, &["quarantine", "list", "--kind", "dropped_workunit"]),
        &[": disk <lost>; it was: output <b>", "dropped by "],
    );
    holds(
        &world.ends(0, &["quarantine", "drop", "--kind", "job", "--reason", "no seed"]),
        &["dropped: 1 jobs; they stay here, and work-generator"],
    );
    // Back again: the entries go, and the validator's workunit wakes the transitioner.
    let said = world.ends(0, &["quarantine", "retry", "--kind", "dropped_workunit"]);
    holds(&said, &["given back: 2 workunits; assimilator takes"]);
    assert_eq!(world.number("SELECT MIN(transition_time) FROM workunit").await, 2_000_000_000);
    holds(&world.ends(0, &["quarantine", "retry", "--daemon", "validator"]), &["given back: 1 workunits"]);
    let woken = world.number("SELECT id FROM workunit WHERE transition_time < 2000000000").await;
    assert_eq!((woken, world.number("SELECT MIN(transition_time) FROM workunit").await), (3, NOW as i64));
    assert_eq!(listed(&world, &["--kind", "workunit"]), [""; 0]);
    // By number, twice, and what is no entry.
    let id =
        world.number("SELECT id FROM cobblestone_quarantine WHERE kind = 'dropped_job'").await.to_string();
    let said = world.run(&["quarantine", "retry", &id, "999999"]);
    assert_eq!(said.status, 1);
    holds(&said.err, &["`cobblestone campaign retry-failed`", "entry 999999 is not there"]);
    // A job of a campaign that counts its jobs is made at the next pass.
    let file = json!({"id": 5, "campaignid": 3, "name": "", "place": 0, "rows_read": 0, "tail": "", "state": "open", "time": 0});
    world.insert("cobblestone_campaign_file", vec![file]).await;
    let campaign = json!({"id": 3, "appid": 1, "name": "c", "next_job": 9, "time": 0, "state": "complete"});
    world.insert("cobblestone_campaign", vec![campaign]).await;
    holds(&world.ends(0, &["quarantine", "retry", &id]), &["given back: 1 jobs; work-generator takes"]);
    let wanted = "SELECT COUNT(*) FROM cobblestone_retry WHERE campaignid = 3 AND job = 1 AND workunitid = 0";
    assert_eq!(world.number(wanted).await, 1);
    assert_eq!(world.run(&["quarantine", "retry", &id]).status, 1, "it is given back already");
    let held = world.number("SELECT id FROM cobblestone_quarantine WHERE kind = 'held'").await.to_string();
    world.ends(0, &["quarantine", "release", &held]);
    let said = world.run(&["quarantine", "retry", &held]);
    assert_eq!(said.status, 1, "{}", said.err);
    for (flags, words) in [
        (&["drop", "1", "--reason", " "][..], "--reason is empty"),
        (&["drop", "1", "--reason", "\u{1b}[2J"], "one line"),
        (&["retry", "--daemon", "moon"], "work-generator"),
        (&["retry", "--kind", "moon"], "dropped_workunit"),
        (&["retry"], "<ID"),
        (&["show", "999999"], "no entry 999999"),
    ] {
        holds(&world.ends(2, &[&["quarantine"], flags].concat()), &[words]);
    }
    world.balances();
}

/// More entries than fit in one transaction.
#[tokio::test]
async fn many_at_once() {
    let mut world = World::new().await;
    let rows = (1..=1203).map(|id| {
        json!({"time": 5, "daemon": "assimilator", "kind": "workunit", "refid": id, "hostid": id % 2, "reason": "x", "tries": 1})
    });
    world.insert("cobblestone_quarantine", rows.collect()).await;
    holds(
        &world.ends(0, &["quarantine", "drop", "--host", "1", "--reason", "r"]),
        &["dropped: 602 workunits"],
    );
    holds(
        &world.ends(0, &["quarantine", "retry", "--daemon", "assimilator"]),
        &["given back: 601 workunits"],
    );
    assert_eq!(world.number("SELECT COUNT(*) FROM cobblestone_quarantine").await, 602);
}
