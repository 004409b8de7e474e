//! `cobblestone ledger` as a process, on a real database.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod common;

use common::{NOW, World, holds, is_harmless};
use serde_json::{Value, json};

/// 1000 payments in two days to two hosts, with amounts that no sum of decimals gets right; and an evil reason.
async fn world() -> World {
    let mut world = World::new().await;
    world.people().await;
    let rows = (0..1000_i64).map(|n| {
        let host = 1 + n % 2;
        json!({
            "time": NOW - 86_400.0 + n as f64 * 60.0 + 0.25, "since": NOW, "kind": if n % 10 == 9 { "final" } else { "uptime" },
            "messageid": n + 1, "resultid": 1 + n % 4, "workunitid": 1 + n % 4, "hostid": host, "userid": host,
            "teamid": 2 - host, "appid": 1, "seconds": 60.0, "flops": 8e9, "credit": 0.1 + n as f64 / 3.0, "rule_version": 1,
            "reason": "uptime up to 60 s",
        })
    });
    world.insert("cobblestone_ledger", rows.collect()).await;
    let evil = "=HYPERLINK(\"http://x\", 1),\n\u{1b}[2J\u{202e}<b>";
    let row = json!({"time": NOW, "since": NOW, "kind": "adjustment", "resultid": 0, "workunitid": 0, "hostid": 1, "userid": 1,
                     "teamid": 1, "appid": 0, "seconds": 0.0, "flops": 0.0, "credit": -5.5, "rule_version": 1, "reason": evil});
    world.insert("cobblestone_ledger", vec![row]).await;
    world.sql.execute("UPDATE user SET name = '=1+1' WHERE id = 2", &[]).await.unwrap();
    world
}

/// A line of CSV as its cells.
fn cells(line: &str) -> Vec<String> {
    let (mut cells, mut quoted) = (vec![String::new()], false);
    let mut chars = line.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' if quoted && chars.peek() == Some(&'"') => cells.last_mut().unwrap().extend(chars.next()),
            '"' => quoted = !quoted,
            ',' if !quoted => cells.push(String::new()),
            c => cells.last_mut().unwrap().push(c),
        }
    }
    assert!(!quoted, "{line}");
    cells
}

#[tokio::test]
async fn text_csv_and_json_say_the_same() {
    let mut world = world().await;
    let text = world.ends(0, &["ledger"]);
    holds(&text, &["951 more before these", "all 1001 rows", "uptime up to 60 s", "-5.500000", "\\u{1b}[2J"]);
    is_harmless(&text);
    assert!(text.lines().count() < 60);

    let csv = world.ends(0, &["ledger", "--csv"]);
    is_harmless(&csv);
    let lines: Vec<Vec<String>> = csv.lines().map(cells).collect();
    assert_eq!(lines.len(), 1002);
    assert!(lines.iter().all(|cells| cells.len() == lines[0].len()), "as many cells in each line");
    assert_eq!(lines[1][1], "2026-11-17T11:06:40.250000Z");
    assert!(lines[1001].last().unwrap().starts_with("'=HYPERLINK(\"http://x\", 1),\\n\\u{1b}"));
    let column = lines[0].iter().position(|name| name == "credit").unwrap();
    let credits: Vec<f64> = lines[1..].iter().map(|cells| cells[column].parse().unwrap()).collect();

    let json = world.ends(0, &["ledger", "--json"]);
    is_harmless(&json);
    assert_eq!(json.lines().count(), 1001 + 2, "a row in each line");
    let json: Value = serde_json::from_str(&json).unwrap();
    let total = json["totals"]["credit"].as_f64().unwrap();
    assert_eq!(
        credits.iter().sum::<f64>().to_bits(),
        total.to_bits(),
        "the sum of the rows is the total, to the bit"
    );
    let rows = json["rows"].as_array().unwrap();
    let same = rows
        .iter()
        .zip(&credits)
        .all(|(row, credit)| row["credit"].as_f64().unwrap().to_bits() == credit.to_bits());
    assert!(same && rows.len() == credits.len());
    assert!(rows[1000]["reason"].as_str().unwrap().starts_with("=HYPER"), "JSON keeps it as it is");
    let sum = world.sum("SELECT SUM(credit) FROM cobblestone_ledger").await;
    assert!((sum - total).abs() < 1e-6);
}

#[tokio::test]
async fn rows_are_chosen_and_summed() {
    let world = world().await;
    let count = |arguments: &[&str]| -> (i64, f64) {
        let json: Value =
            serde_json::from_str(&world.ends(0, &[&["ledger", "--json"], arguments].concat())).unwrap();
        (json["totals"]["rows"].as_i64().unwrap(), json["totals"]["credit"].as_f64().unwrap())
    };
    assert_eq!(count(&["--host", "1"]).0, 501);
    assert_eq!(count(&["--user", "user 1"]).0, 501);
    assert_eq!(count(&["--user", "2"]).0, 500);
    assert_eq!(count(&["--team", "a team"]), count(&["--host", "1"]));
    assert_eq!(count(&["--result", "r3"]).0, 250);
    assert_eq!(count(&["--result", "3"]).0, 250);
    assert_eq!(count(&["--workunit", "4", "--kind", "final"]).0, 50);
    let app = world.project.app().to_owned();
    assert_eq!(count(&["--app", &app]).0, 1000);
    assert_eq!(count(&["--kind", "adjustment"]), (1, -5.5));
    let (first, second) = (count(&["--day", "2026-11-17"]).0, count(&["--from", "2026-11-18"]).0);
    assert_eq!((first, second), (774, 227), "the day ends at midnight UTC");
    assert_eq!(count(&["--from", "2026-11-17", "--to", "2026-11-18"]).0, 1001);
    assert_eq!(count(&["--to", "2026-11-16"]).0, 0);
    for by in ["result", "host", "user", "team", "app", "kind", "day"] {
        let (rows, credit) = count(&["--by", by]);
        assert_eq!(rows, 1001, "{by}");
        assert!((credit - count(&[]).1).abs() < 1e-6, "{by}");
        let text = world.ends(0, &["ledger", "--by", by]);
        assert!(text.contains("1001") && text.contains(by), "{text}");
        let csv = world.ends(0, &["ledger", "--by", by, "--csv"]);
        assert!(csv.starts_with(&format!("{by},name,rows,seconds,credit\n")), "{csv}");
    }
    holds(&world.ends(0, &["ledger", "--by", "user", "--csv"]), &["2,\"'=1+1\",500,"]);
    holds(&world.ends(0, &["ledger", "--by", "day"]), &["2026-11-17", "2026-11-18"]);
    let one = world.ends(0, &["ledger", "--by", "result", "--limit", "1"]);
    holds(&one, &["… 4 more", "all"]);
    assert_eq!(
        world.ends(0, &["ledger", "--host", "77"]),
        "no such row is in the ledger (an id that was asked for may never have been paid, or not exist)\n"
    );
}

#[tokio::test]
async fn what_cannot_be_meant_says_what_to_do() {
    let mut world = world().await;
    let twins = "ALTER TABLE user DROP KEY name; UPDATE user SET name = 'twin'";
    world.sql.script(twins).await.unwrap();
    for (arguments, words) in [
        (&["--user", "nobody"][..], "no user named \"nobody\""),
        (&["--user", "twin"], "give the id, one of 1, 2"),
        (&["--user", "TWIN"], "no user named \"TWIN\""),
        (&["--team", "\u{1b}[2J"], "\\u{1b}"),
        (&["--result", "r99"], "give its id"),
        (&["--app", "none"], "no application `none`"),
        (&["--kind", "gift"], "one of: uptime"),
        (&["--day", "2026-13-01"], "as in 2026-11-20"),
        (&["--day", "2026-11-01", "--from", "2026-11-01"], "cannot be used"),
        (&["--from", "2026-11-02", "--to", "2026-11-01"], "--to lies before"),
        (&["--by", "moon"], "one of: result"),
        (&["--csv", "--json"], "cannot be used"),
        (&["--csv", "--limit", "3"], "cannot be used"),
    ] {
        let error = world.ends(2, &[&["ledger"], arguments].concat());
        assert!(error.contains(words), "{arguments:?}: {error}");
    }
}

#[tokio::test]
async fn a_reader_that_goes_away_is_no_error() {
    let world = world().await;
    let mut child =
        world.cobblestone(&["ledger", "--csv"]).stdout(std::process::Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    assert_eq!(child.wait().unwrap().code(), Some(0));
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    let output = world.cobblestone(&["ledger", "--csv"]).stdout(full).output().unwrap();
    assert_eq!(output.status.code(), Some(2), "a full disk is one");
}

#[tokio::test]
async fn a_flagged_host_and_an_id_that_nothing_is_known_of() {
    let mut world = world().await;
    world
        .sql
        .execute("INSERT INTO cobblestone_flag VALUES (1, 1, 21, 1795000000, 1795000000)", &[])
        .await
        .unwrap();
    let flagged = "host 1 is flagged since 2026-11-18 11:06:40 UTC: 21 messages to ";
    holds(&world.ends(0, &["ledger", "--host", "1"]), &[flagged, "claimed more than was possible"]);
    assert!(!world.ends(0, &["ledger", "--host", "2"]).contains("flagged"));
    holds(
        &world.ends(0, &["status"]),
        &["1 hosts are flagged for claiming too much; cobblestone audit names them"],
    );
    holds(
        &world.ends(0, &["ledger", "--host", "99999"]),
        &["no such row is in the ledger (an id that was asked for may"],
    );
    holds(&world.ends(2, &["ledger", "--user", "Nobody"]), &["there is no user named \"Nobody\""]);
    holds(&world.ends(2, &["ledger", "--kind", "foo"]), &["one of: uptime, final, adjustment, revocation"]);
}

#[tokio::test]
async fn a_folded_row_names_its_dates_once() {
    let mut world = world().await;
    let reason = "3 rows of 2026-08-01 00:00:00 to 2026-08-02 00:00:00 folded: x";
    let fold = "UPDATE cobblestone_ledger SET rows_folded = 3, reason = ? WHERE kind = 'adjustment'";
    world.sql.execute(fold, &[reason.into()]).await.unwrap();
    let text = world.ends(0, &["ledger", "--kind", "adjustment"]);
    holds(&text, &[reason]);
    assert!(!text.contains("rows since"), "{text}");
}
