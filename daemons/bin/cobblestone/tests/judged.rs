//! `cobblestone explain wu|result` and `verdicts purge` as processes, on what a real validator and a real trickle
//! handler left.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod common;

use std::process::{Command, Stdio};

use common::{NOW, World, claim, holds, is_harmless, uptime};
use serde_json::{Value, json};

/// Results 11 … of workunit 1 with these contents, on hosts 1 and 2 in turns.
async fn results(world: &mut World, first: i64, contents: &[&str]) {
    for (id, content) in (first..).zip(contents) {
        let document = format!(
            "<result><file_ref><file_name>f{id}</file_name><open_name>out</open_name></file_ref></result>"
        );
        let host = 1 + id % 2;
        let row = json!({
            "id": id, "workunitid": 1, "appid": 1, "name": format!("wu_1_{id}"), "hostid": host, "userid": host,
            "server_state": 5, "outcome": 1, "sent_time": NOW as i64 - 50_000, "received_time": NOW as i64 - 1000,
            "elapsed_time": 40_000.0, "flops_estimate": 8e9, "app_version_id": 1, "xml_doc_in": document,
        });
        world.insert("result", vec![row]).await;
        world.project.write_upload(&format!("f{id}"), content.as_bytes()).unwrap();
    }
}

fn validate(world: &World) {
    let program =
        std::path::Path::new(env!("CARGO_BIN_EXE_cobblestone")).with_file_name("cobblestone-validator");
    assert!(program.is_file(), "build it first: cargo build -p cobblestone-validator");
    let output = Command::new(program)
        .args(["--one_pass", "--app", world.project.app(), "--project_dir"])
        .arg(world.project.dir())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

async fn judged(contents: &[&str]) -> World {
    let mut world = World::new().await;
    world.people().await;
    world.sql.execute("DELETE FROM result", &[]).await.unwrap();
    let rules = "\n[compare]\nmethod = \"numeric\"\nabsolute = 1.0\n[credit]\nmode = \"uptime\"\n".to_owned();
    world.project.write_app_config(&(uptime("") + &rules)).unwrap();
    let row = json!({
        "id": 1, "appid": 1, "name": "wu_1", "rsc_fpops_est": 1e12, "rsc_fpops_bound": 1e18, "need_validate": 1,
        "transition_time": i32::MAX, "min_quorum": 2, "target_nresults": 2, "max_error_results": 3,
        "max_total_results": 20, "max_success_results": 10,
    });
    world.insert("workunit", vec![row]).await;
    results(&mut world, 11, contents).await;
    world
}

fn story(world: &World, words: &[&str]) -> (String, Value) {
    let text = world.ends(0, &[&["explain"], words].concat());
    is_harmless(&text);
    let json = world.ends(0, &[&["explain"], words, &["--json"]].concat());
    is_harmless(&json);
    (text, serde_json::from_str(&json).unwrap())
}

#[tokio::test]
async fn a_chain_is_told_with_its_matrix_and_its_credit() {
    let mut world = judged(&["1.0 a\n", "1.9 a\n", "2.8 a\n", "3.7 \u{1b}[2J\n"]).await;
    let then = NOW as i64 - 40_000;
    world.messages(&[(2, then, "cpu_time", claim("wu_1_11", then, "cpu_time", 3600.0))]).await;
    world.handle(&[]);
    validate(&world);
    let (text, json) = story(&world, &["wu", "1"]);
    holds(
        &text,
        &[
            "workunit 1 wu_1 of ",
            "canonical result 12 wu_1_12",
            "1. 2026-11-18 11:06:40 UTC: result 12 became canonical",
            "     | method = \"numeric\"\n",
            "absolute = 1.0",
            "min_quorum 2",
            "  12  =0.9     ·  =0.9",
            "why result 12: with min_quorum 2 one other result has to agree with it, and 2 of 3 others do; more results",
            "14 against 12: out, line 1, column 2, by rule: absolute 1.0: `\\u{1b}[2J` and `a`",
            "agrees with the canonical result",
            "12 against 11: out, line 1, column 1, by rule: absolute 1.0: `1.9` and `1.0`, 0.900 tolerances apart",
            "result 11: ",
            "paid before",
            "1 payments for 3600 s",
            "final",
        ],
    );
    assert_eq!(json["judgements"][0]["outcome"], "canonical");
    assert_eq!(json["judgements"][0]["verdicts"].as_array().unwrap().len(), 4);
    assert_eq!(json["specs"][0]["spec"]["absolute"], 1.0);
    assert_eq!(json["credit"]["trickles"][0]["result"], 11);
    let payments = json["credit"]["payments"].as_array().unwrap();
    assert_eq!(payments.len(), 3, "{payments:?}");

    // By name, and one result alone.
    assert_eq!(story(&world, &["wu", "wu_1"]).0, text);
    let (one, json) = story(&world, &["result", "wu_1_14"]);
    holds(&one, &["result 14 wu_1_14", "differs from the canonical result", "no credit was granted"]);
    assert_eq!(json["judgements"][0]["verdicts"].as_array().unwrap().len(), 1);
    assert_eq!(story(&world, &["result", "14"]).0, one);

    // After db_purge the same is known, but what only BOINC's rows say.
    world.sql.execute("DELETE FROM result", &[]).await.unwrap();
    world.sql.execute("DELETE FROM workunit", &[]).await.unwrap();
    for words in [["wu", "1"], ["wu", "wu_1"]] {
        let (purged, json) = story(&world, &words);
        holds(&purged, &["its row is gone", "why result 12", "final", "1 payments for 3600 s"]);
        assert_eq!(json["in_boinc"], false);
    }
    for words in [["result", "wu_1_14"], ["result", "14"]] {
        holds(
            &story(&world, &words).0,
            &["result 14 wu_1_14", "its row is gone", "differs from the canonical"],
        );
    }
    for words in
        [["wu", "2"], ["wu", "WU_1"], ["wu", "wu_1\u{1b}[2J"], ["result", "99"], ["result", "wu_1_99"]]
    {
        let said = world.ends(2, &["explain", words[0], words[1]]);
        is_harmless(&said);
        holds(&said, &["there is no "]);
    }
}

#[tokio::test]
async fn a_set_without_agreement_is_told_and_old_verdicts_can_be_purged() {
    let mut world = judged(&["1\n", "5\n"]).await;
    validate(&world);
    let (text, _) = story(&world, &["wu", "1"]);
    holds(
        &text,
        &[
            "no canonical result yet",
            "no agreement yet",
            "11   ·  !4",
            "inconclusive  no quorum: 0 confirm it, 1 must",
            "11 against 12: out, line 1, column 1, by rule: absolute 1.0: `1` and `5`, 4.000 tolerances apart",
            "no credit was granted",
        ],
    );
    results(&mut world, 13, &["5.5\n"]).await;
    world.sql.execute("UPDATE workunit SET need_validate = 1", &[]).await.unwrap();
    validate(&world);
    holds(
        &story(&world, &["wu", "1"]).0,
        &["1. 2026", "no agreement yet", "2. 2026", "result 12 became canonical"],
    );

    let said = world.ends(0, &["verdicts", "purge", "--older-than", "1d"]);
    holds(&said, &["looks at workunits: 0 of 2 deleted"]);
    world.sql.execute("UPDATE cobblestone_judgement SET time = time - 1e6 WHERE n = 1", &[]).await.unwrap();
    world.sql.execute("UPDATE cobblestone_verdict SET time = time - 1e6 WHERE n = 1", &[]).await.unwrap();
    // The assimilator may ask for it.
    let said = world.ends(0, &["verdicts", "purge", "--older-than", "1d", "--dry_run"]);
    holds(&said, &["looks at workunits: 0 of 2 would be deleted"]);
    let said = world.ends(0, &["verdicts", "purge", "--older-than", "1d"]);
    holds(&said, &["looks at workunits: 0 of 2 deleted"]);
    let done = "UPDATE workunit SET assimilate_state = 2, file_delete_state = 2";
    world.sql.execute(done, &[]).await.unwrap();
    let said = world.ends(0, &["verdicts", "purge", "--older-than", "1d", "--dry_run"]);
    holds(&said, &["looks at workunits: 1 of 2 would be deleted"]);
    let said = world.ends(0, &["verdicts", "purge", "--older-than", "1d"]);
    holds(&said, &["looks at workunits: 1 of 2 deleted"]);
    assert_eq!(world.number("SELECT COUNT(*) FROM cobblestone_verdict").await, 3);
    let (text, _) = story(&world, &["wu", "1"]);
    assert!(!text.contains("no agreement yet"), "{text}");
}

/// All that a rehearsal could have written.
async fn everything(world: &mut World) -> String {
    let mut all = String::new();
    let tables = world
        .sql
        .rows("SELECT table_name AS t FROM information_schema.tables WHERE table_schema = DATABASE()", &[])
        .await
        .unwrap();
    for table in tables {
        let table = table.text("t").unwrap();
        for row in world.sql.rows(&format!("SELECT * FROM `{table}`"), &[]).await.unwrap() {
            all += &format!("{table} {}\n", serde_json::to_string(&row.json()).unwrap());
        }
    }
    all
}

#[tokio::test]
async fn a_rehearsal_says_what_would_change_and_writes_nothing() {
    let mut world = judged(&["1.0\n", "1.5\n", "9\n", "nan\n"]).await;
    let spec = |name: &str, text: &str| {
        let path = world.project.path(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let same = spec("same.toml", "method = \"numeric\"\nabsolute = 1.0\n");
    let tight = spec("tight.toml", "[compare]\nmethod = \"numeric\"\nabsolute = 0.1\n");
    let loose = spec("loose.toml", "method = \"numeric\"\nabsolute = 100.0\n");
    let narrow = spec("narrow.toml", "method = \"numeric\"\nabsolute = 0.5\n");
    let wrong = spec("wrong.toml", "metod = \"numeric\"\n");
    let spoken = spec("spoken.toml", "method = \"numeric\"\nabsolute = 1.0\n[[files]]\nname = \"stderr\"\n");
    let said = world.ends(2, &["rehearse", "theory", "--spec", &same]);
    holds(&said, &["no workunit of theory can be judged again"]);

    validate(&world);
    let before = everything(&mut world).await;
    let said = world.ends(0, &["rehearse", "theory", "--spec", &same]);
    holds(&said, &["1 workunits with 4 results were judged again: 0 verdicts would change"]);
    let said = world.ends(1, &["rehearse", "theory", "--spec", &tight]);
    is_harmless(&said);
    holds(
        &said,
        &[
            "valid    inconclusive  no quorum: 0 confirm it, 1 must; out, line 1, column 1, by rule: absolute 0.1: `",
            "invalid  inconclusive",
            "4 results were judged again: 3 verdicts would change",
        ],
    );
    let said = world.ends(1, &["rehearse", "theory", "--spec", &loose, "--last", "5", "--json"]);
    let json: Value = serde_json::from_str(&said).unwrap();
    let changes = json["changes"].as_array().unwrap();
    assert_eq!(changes.len(), 1, "{json}");
    assert_eq!(
        (changes[0]["result"].as_i64(), changes[0]["was"].as_str(), changes[0]["would_be"].as_str()),
        (Some(13), Some("invalid"), Some("valid"))
    );
    assert_eq!(everything(&mut world).await, before, "something was written");

    // The end of stderr is in the result's row.
    let said = world.ends(0, &["rehearse", "theory", "--spec", &spoken]);
    holds(&said, &["0 verdicts would change"]);
    let stderr = "UPDATE result SET stderr_out = CONCAT('<stderr_txt>\\n', id, ' events\\n</stderr_txt>') WHERE id = 12";
    world.sql.execute(stderr, &[]).await.unwrap();
    let said = world.ends(1, &["rehearse", "theory", "--spec", &spoken]);
    holds(&said, &["valid    inconclusive", "3 verdicts would change"]);

    // A late result is compared with the canonical one, as the validator does. If all were judged together, 12 would be
    // in the middle of three and canonical, and 15 valid.
    holds(
        &world.ends(0, &["rehearse", "theory", "--spec", &narrow]),
        &["4 results were judged again: 0 verdicts would change"],
    );
    results(&mut world, 15, &["2.0\n"]).await;
    world.sql.execute("UPDATE workunit SET need_validate = 1", &[]).await.unwrap();
    validate(&world);
    let said = world.ends(1, &["rehearse", "theory", "--spec", &narrow]);
    holds(&said, &["15", "late: differs from the canonical result", "1 verdicts would change"]);
    assert!(!said.contains("another canonical"), "{said}");

    holds(&world.ends(2, &["rehearse", "theory", "--spec", &wrong]), &["metod"]);
    holds(&world.ends(2, &["rehearse", "nobody", "--spec", &same]), &["there is no application nobody"]);
    // A file that is gone and that nobody deleted is what the spec shall judge.
    std::fs::remove_file(world.project.upload_path("f11").unwrap()).unwrap();
    let said = world.ends(1, &["rehearse", "theory", "--spec", &same]);
    holds(&said, &["valid  error     output unusable", "f11: does not exist"]);
    // The file deleter was there.
    world.sql.execute("UPDATE result SET file_delete_state = 2 WHERE id = 11", &[]).await.unwrap();
    holds(&world.ends(2, &["rehearse", "theory", "--spec", &same]), &["1 have lost their outputs"]);
}
