//! `cobblestone explain trickle` as a process, on what a real trickle handler left.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod common;

use common::{NOW, World, claim, holds, is_harmless, uptime};
use serde_json::Value;

const THEN: i64 = NOW as i64 - 40_000;

/// The text and the JSON of a message, which must be harmless and of one mind.
fn explained(world: &World, id: i64) -> (String, Value) {
    let id = id.to_string();
    let text = world.ends(0, &["explain", "trickle", &id]);
    is_harmless(&text);
    assert!(text.len() < 120_000, "{}", text.len());
    let json = world.ends(0, &["explain", "trickle", &id, "--json"]);
    is_harmless(&json);
    assert_eq!(json.lines().count(), 1);
    let json: Value = serde_json::from_str(&json).unwrap();
    for sentence in json["verdict"].as_array().unwrap() {
        assert!(text.contains(sentence.as_str().unwrap()), "{sentence} not in {text}");
    }
    (text, json)
}

#[tokio::test]
async fn every_ending_has_its_story() {
    let mut world = World::new().await;
    world.people().await;
    world.sql.execute("UPDATE user SET name = ? WHERE id = 1", &["\u{1b}[31mAnna<b>".into()]).await.unwrap();
    world.project.write_app_config(&uptime("")).unwrap();
    world
        .messages(&[
            (1, THEN, "cpu_time", claim("r1", THEN, "cpu_time", 3600.0)),
            (1, THEN, "cpu_time", claim("r1", THEN + 1, "cpu_time", 7200.0)),
            (1, THEN, "cpu_time", claim("r1", THEN, "cpu_time", 1800.0)),
            (2, THEN, "cpu_time", claim("r2", THEN, "cpu_time", 1e6)),
            (2, THEN, "cpu_time", claim("r2", THEN, "cpu_time", 2e6)),
            (2, THEN, "cpu_time", claim("r1", THEN, "cpu_time", 60.0)),
            (1, THEN, "runtime", claim("r3", THEN, "runtime", 60.0)),
            (1, THEN, "runtime", claim("r3", THEN, "runtime", 60.0)),
            (1, THEN, "other", "hello".to_owned()),
            (
                1,
                THEN,
                "cpu_time",
                format!("<cpu_time>\u{1b}[2J\u{202e}</b><script>{}", "y\n".repeat(130_000)),
            ),
        ])
        .await;
    world.handle(&[]);
    world.balances();

    let (text, json) = explained(&world, 1);
    holds(
        &text,
        &[
            "message   1, stored 2026-11-18 00:00:00 UTC: paid",
            "host 1 of user 1 \"\\u{1b}[31mAnna<b>\"",
            "claims    3600 (element <cpu_time> of application",
            "seconds of wall clock that the task has run so far (cumulative)",
            "possible  46400 s of wall clock",
            "3600 s × 8e9 FLOPS × 200 / (86400 × 10⁹) = 66.666667 cobblestones.",
            "Row 1 of the ledger says: uptime up to 3600 s",
            "133.333333 cobblestones for 2.0 h (2 rows)",
            "    | <result_name>r1</result_name>",
        ],
    );
    assert_eq!(json["payment"]["seconds"], 3600.0);
    assert_eq!(json["claim"]["meaning"], "cumulative");
    let (credit, all) =
        (json["payment"]["credit"].as_f64().unwrap(), json["result_paid"]["credit"].as_f64().unwrap());
    assert!((all - 2.0 * credit).abs() < 1e-9);
    holds(
        &explained(&world, 2).0,
        &["= 66.666667 cobblestones", "claims 7200 s so far; the seconds before were paid by other messages"],
    );
    holds(
        &explained(&world, 3).0,
        &["Nothing was new in it: it claims 1800 s", "stands at 7200 s paid", "3 messages counted"],
    );
    let (text, json) = explained(&world, 4);
    holds(
        &text,
        &["It claims 1000000 s, of which 46400 s were possible: more than the wall clock", "46400 s × 8e9"],
    );
    assert_eq!(json["disallowed"]["allowed"], 46_400.0);
    holds(
        &explained(&world, 5).0,
        &["Nothing was paid: it claims 2000000 s, and 46400 s were possible", "paid before"],
    );
    holds(
        &explained(&world, 6).0,
        &["of host 1: ANOTHER HOST", "set aside", "belongs to another host", "trickles retry 6"],
    );
    holds(&explained(&world, 7).0, &["since the message before (increment)", "60 s × 8e9"]);
    let (text, json) = explained(&world, 8);
    holds(&text, &["The same message was stored before: it counts once, for 60 s"]);
    assert_eq!(json["counts_for"], 60.0);
    holds(&explained(&world, 9).0, &["left alone: no application declares variety \"other\""]);
    world.messages(&[(1, THEN, "cpu_time", claim("r1", THEN, "cpu_time", 9000.0))]).await;
    world.sql.execute("UPDATE msg_from_host SET handled = 1 WHERE id = 11", &[]).await.unwrap();
    holds(
        &explained(&world, 11).0,
        &[
            "Something else marked it as handled: it claims 9000 s",
            "of its result is 7200 s (3 messages counted)",
            "It was never looked at",
        ],
    );
    world.sql.execute("DELETE FROM msg_from_host WHERE id = 11", &[]).await.unwrap();
    let (text, json) = explained(&world, 10);
    holds(&text, &["set aside", "nothing that can be read", "\\u{1b}[2J\\u{202e}</b><script>", "bytes more"]);
    assert!(json["text_bytes"].as_i64().unwrap() > 260_000 && json["text"].as_str().unwrap().len() < 20_000);

    // Dropped, given back, waiting.
    world.ends(0, &["trickles", "drop", "6", "--reason", "somebody plays"]);
    holds(&explained(&world, 6).0, &["worth nothing: dropped by", "somebody plays; it was: "]);
    world.ends(0, &["trickles", "retry", "6"]);
    holds(&explained(&world, 6).0, &["gave it back to the trickle handler"]);
    world.messages(&[(2, THEN, "cpu_time", claim("r4", THEN, "cpu_time", 60.0))]).await;
    holds(
        &explained(&world, 12).0,
        &["It waits for the trickle handler", "--variety cpu_time --one_pass --dry_run"],
    );

    // Purged, and results that are gone: the ledger tells.
    world.sql.execute("DELETE FROM msg_from_host WHERE id IN (1, 3)", &[]).await.unwrap();
    world.sql.execute("DELETE FROM result WHERE id = 1", &[]).await.unwrap();
    let (text, _) = explained(&world, 1);
    holds(
        &text,
        &[
            "nobody knows any more: paid",
            "gone from the database",
            "66.666667",
            "itself was purged",
            "its text is not kept",
        ],
    );
    holds(&world.ends(2, &["explain", "trickle", "3"]), &["there is no message 3, and nothing tells of it"]);
    world.ends(2, &["explain", "trickle", "x"]);
}

#[tokio::test]
async fn what_a_person_must_decide_and_what_is_ignored() {
    for (policy, words) in [
        (
            "hold",
            &["It is held since 2026-11-18 11:06:40 UTC: more than the wall clock", "trickles retry 1"][..],
        ),
        ("ignore", &["Nothing was paid", "ignored (over_claims = \"ignore\")"]),
    ] {
        let mut world = World::new().await;
        world.people().await;
        world.project.write_app_config(&uptime(&format!("over_claims = \"{policy}\""))).unwrap();
        world.messages(&[(1, THEN, "cpu_time", claim("r1", THEN, "cpu_time", 1e6))]).await;
        world.handle(&[]);
        let (text, json) = explained(&world, 1);
        holds(&text, words);
        holds(&text, &["the result was paid in all:\n  nothing"]);
        assert_eq!(json["result_paid"]["credit"], 0.0);
    }
}

#[tokio::test]
async fn a_project_with_a_mistake_or_without_our_handler() {
    let mut world = World::new().await;
    world.people().await;
    world
        .messages(&[
            (1, THEN, "cpu_time", claim("r1", THEN, "cpu_time", 60.0)),
            (1, THEN, "cpu_time", claim("r1", THEN, "cpu_time", 70.0)),
        ])
        .await;
    world.sql.execute("UPDATE msg_from_host SET handled = 1 WHERE id = 2", &[]).await.unwrap();
    holds(&explained(&world, 1).0, &["left alone: no application"]);
    holds(&explained(&world, 2).0, &["Another program handled it"]);
    world.project.write_app_config("[uptime]\nenabld = true\n").unwrap();
    holds(&explained(&world, 1).0, &["Not all can be told: ", "enabld"]);
}

#[tokio::test]
async fn what_was_folded_can_not_be_told_and_that_is_said() {
    let mut world = World::new().await;
    world.people().await;
    world.project.write_app_config(&uptime("")).unwrap();
    let row = |n: i64| (1, THEN + n, "cpu_time", claim("r1", THEN + n, "cpu_time", 60.0 * n as f64));
    world.messages(&[row(1), row(2), row(3)]).await;
    world.handle(&[]);
    holds(&explained(&world, 2).0, &["It was paid on"]);
    world.sql.execute("UPDATE cobblestone_ledger SET time = time - 8640000", &[]).await.unwrap();
    world.sum_up_the_ledger().await;
    world.ends(0, &["ledger", "compact", "--older-than", "30d"]);
    let (text, json) = explained(&world, 2);
    assert_eq!(json["state"], "handled");
    holds(&text, &["nobody can tell any more whether this message was paid", "stands at 180 s paid"]);
    holds(&text, &["uptime ", "cobblestones for 3 min"]);
    assert!(!text.contains("othing was paid") && !text.contains("othing was new"), "{text}");
    let help = world.ends(0, &["trickles", "list", "--help"]);
    let words: Vec<&str> = help.split_whitespace().collect();
    holds(
        &words.join(" "),
        &["paid or disallowed and `cobblestone ledger compact` has folded its row since"],
    );
    world.sql.execute("DELETE FROM msg_from_host WHERE id = 2", &[]).await.unwrap();
    let said = world.ends(2, &["explain", "trickle", "2"]);
    holds(
        &said,
        &["there is no message 2, and nothing tells of it", "payment was folded", "ledger --result"],
    );
}

#[tokio::test]
async fn an_application_that_pays_no_uptime_is_named() {
    let mut world = World::new().await;
    world.people().await;
    let app = world.project.app().to_owned();
    world.project.write_app_config(&uptime("").replace("enabled = true", "enabled = false")).unwrap();
    world.messages(&[(1, THEN, "cpu_time", claim("r1", THEN, "cpu_time", 60.0))]).await;
    let (text, _) = explained(&world, 1);
    holds(&text, &[&format!("[uptime] of {app} has enabled = false")]);
    assert!(!text.contains("declares"), "{text}");
    // Another application pays such messages.
    world.insert("app", vec![serde_json::json!({"id": 2, "name": "other", "user_friendly_name": "o"})]).await;
    std::fs::write(world.project.path("cobblestone/other.toml"), uptime("")).unwrap();
    let (text, _) = explained(&world, 1);
    holds(&text, &["does not pay messages of variety \"cpu_time\": its [uptime] has enabled = false"]);
}

#[tokio::test]
async fn a_message_that_the_cap_of_a_day_cuts_is_not_called_ignored() {
    let mut world = World::new().await;
    world.people().await;
    let more = "over_claims = \"ignore\"\nmax_seconds_per_host_and_day = 1000";
    world.project.write_app_config(&uptime(more)).unwrap();
    world
        .messages(&[
            (1, THEN, "cpu_time", claim("r1", THEN, "cpu_time", 40_000.0)),
            (1, THEN + 1, "cpu_time", claim("r1", THEN + 1, "cpu_time", 46_000.0)),
            (2, THEN, "cpu_time", claim("r2", THEN, "cpu_time", 1e6)),
        ])
        .await;
    world.handle(&[]);
    let (text, _) = explained(&world, 2);
    holds(
        &text,
        &[
            "Nothing was paid: it claims 46000 s",
            "that is no over-claim",
            "when it was decided it was cut at",
        ],
    );
    assert!(!text.contains("ignored"), "{text}");
    holds(&explained(&world, 3).0, &["such messages are ignored"]);
}

/// As stock trickle_credit pays: whatever result a message names, to its host.
#[tokio::test]
async fn a_repetition_is_known_without_a_result_too() {
    let mut world = World::new().await;
    world.people().await;
    let of = |host, result| (host, THEN, "runtime", claim(result, THEN, "runtime", 60.0));
    world.messages(&[of(1, "r1"), of(1, "r1"), of(2, "none"), of(2, "none"), of(1, "none")]).await;
    let broken = |host| (host, THEN, "runtime", claim("x", 7, "runtime", 30.0) + "<unclosed>");
    world.messages(&[broken(1), broken(1)]).await;
    world.handle(&["--variety", "runtime", "--max_runtime", "86400"]);
    assert_eq!(world.number("SELECT COUNT(*) FROM cobblestone_ledger").await, 4);
    for (copy, seconds) in [(2, 60), (4, 60), (7, 30)] {
        let said = world.ends(0, &["explain", "trickle", &copy.to_string()]);
        holds(&said, &[&format!("The same message was stored before: it counts once, for {seconds} s")]);
    }
    // Host 2 is merged into host 1 of the same owner: its messages are still known.
    for sql in
        ["UPDATE host SET userid = 2 WHERE id = 1", "UPDATE host SET userid = 0, rpc_seqno = 1 WHERE id = 2"]
    {
        world.sql.execute(sql, &[]).await.unwrap();
    }
    holds(&world.ends(0, &["explain", "trickle", "4"]), &["it counts once, for 60 s"]);
}
