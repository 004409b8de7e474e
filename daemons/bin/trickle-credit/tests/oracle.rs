//! The handler as a process without any TOML, on a real database, against what stock trickle_credit did with the same
//! rows and clock: every column must come out the same, numbers to 1e-9.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::Path;

use common::World;
use sandbox::{ProjectOptions, SimClock};
use serde_json::{Map, Value, json};

type Tables = BTreeMap<String, BTreeMap<i64, Map<String, Value>>>;

/// The recorded case is shared with the tests of the rules.
fn data(file: &str) -> String {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../lib/rules/tests/data/trickle_credit").join(file);
    let mut text = String::new();
    let file = std::fs::File::open(&path).unwrap();
    if path.extension().is_some_and(|end| end == "gz") {
        flate2::read::GzDecoder::new(file).read_to_string(&mut text).unwrap();
    } else {
        std::io::BufReader::new(file).read_to_string(&mut text).unwrap();
    }
    text
}

fn tables(jsonl: &str) -> Tables {
    let mut tables = Tables::new();
    for line in jsonl.lines() {
        let value: Value = serde_json::from_str(line).unwrap();
        let (table, row) = (value["table"].as_str().unwrap(), value["row"].as_object().unwrap());
        tables.entry(table.to_owned()).or_default().insert(row["id"].as_i64().unwrap(), row.clone());
    }
    tables
}

fn same(wanted: &Value, found: &Value) -> bool {
    match (wanted.as_f64(), found.as_f64()) {
        (Some(a), Some(b)) => (a - b).abs() <= 1e-9 * a.abs().max(b.abs()),
        _ => wanted == found || (wanted.is_null() && found == "") || (wanted == "" && found.is_null()),
    }
}

#[tokio::test]
async fn everything_comes_out_as_with_stock_trickle_credit() {
    let case: Value = serde_json::from_str(&data("case.json")).unwrap();
    let after = tables(&data("after.jsonl.gz"));
    let clock = SimClock::frozen(case["now"].as_f64().unwrap());
    let mut world =
        World::with(ProjectOptions { clock: Some(clock), bare: true, ..Default::default() }).await;
    world.project.load_rows(&data("before.jsonl.gz")).await.unwrap();
    world.project.migrate().await.unwrap();
    let flags: Vec<&str> =
        case["flags"].as_array().unwrap().iter().map(|flag| flag.as_str().unwrap()).collect();
    let log = world.one_pass(&flags);

    let (mut compared, mut wrong) = (0, Vec::new());
    for (table, wanted) in &after {
        let rows = world.sql.rows(&format!("SELECT * FROM `{table}`"), &[]).await.unwrap();
        let found: BTreeMap<i64, Map<String, Value>> =
            rows.iter().map(|row| (row.i64("id").unwrap(), row.json())).collect();
        assert!(wanted.keys().eq(found.keys()), "{table}: other rows");
        for (id, row) in wanted {
            for (column, value) in
                row.iter().filter(|(column, _)| !["mod_time", "authenticator"].contains(&column.as_str()))
            {
                compared += 1;
                if !same(value, &found[id][column]) {
                    wrong.push(format!("{table} {id} {column}: {} instead of {value}", found[id][column]));
                }
            }
        }
    }
    assert!(compared > 2000, "only {compared} values compared");
    assert!(wrong.is_empty(), "{} of {compared} values differ:\n{}\n{log}", wrong.len(), wrong.join("\n"));

    // What stock drops silently is set aside here; everything else is in the ledger.
    assert_eq!(world.number("SELECT COUNT(*) FROM cobblestone_ledger").await, 172 + 41);
    assert_eq!(world.number("SELECT COUNT(*) FROM cobblestone_disallowed").await, 41);
    assert_eq!(world.number("SELECT COUNT(*) FROM cobblestone_quarantine").await, 21 + 65 + 1);
    world.balances().await;
}

#[tokio::test]
async fn it_starts_on_a_new_project_and_pays_a_repeated_message_once() {
    let mut world = World::new().await;
    world.insert("host", vec![json!({"id": 3, "userid": 2, "p_fpops": 2e9, "p_ncpus": 4})]).await;
    world.insert("user", vec![json!({"id": 2, "email_addr": "a", "authenticator": "a"})]).await;
    let named = "<result_name>any</result_name>\n<time>7</time>\n<runtime>43200</runtime>\n";
    let other = "<result_name>any</result_name>\n<time>8</time>\n<runtime>43200</runtime>\n";
    let texts =
        [named, named, other, "<runtime>1000</runtime>", "<runtime>1000</runtime>", "<runtime>0</runtime>"];
    let rows = texts.map(|xml| (3, 1000, "legacy", xml.to_owned()));
    world.messages(&rows).await;
    world.one_pass(&["--variety", "legacy", "--max_runtime", "86400"]);
    world.messages(&rows[..2]).await;
    world.one_pass(&["--variety", "legacy", "--max_runtime", "86400"]);
    // Two half days and two of the nameless; 200 a day for a GFLOPS.
    let wanted = 2.0 * 2.0 * 100.0 + 2.0 * 2.0 * 200.0 * 1000.0 / 86_400.0;
    for table in ["host", "user"] {
        let total = world.sum(&format!("SELECT SUM(total_credit) FROM {table}")).await;
        assert!((total - wanted).abs() < 1e-9 * wanted, "{table}: {total} instead of {wanted}");
    }
    assert_eq!(world.number("SELECT COUNT(*) FROM cobblestone_ledger").await, 4);
    assert_eq!(world.number("SELECT SUM(messages) FROM cobblestone_host_messages").await, 7);
    assert_eq!(world.number("SELECT COUNT(*) FROM cobblestone_quarantine").await, 1);
    world.balances().await;
}

#[tokio::test]
async fn flags_that_do_not_fit_are_refused() {
    let world = World::new().await;
    world.project.write_app_config("[uptime]\nenabled = true\n").unwrap();
    for (flags, words) in [
        (&["--max_runtime", "5"][..], "--variety"),
        (&["--variety", "x"], "--max_runtime"),
        (&["--variety", "runtime", "--max_runtime", "0"], "above 0"),
        (&["--variety", "runtime", "--max_runtime", "86400"], "theory.toml"),
    ] {
        let output = world.start(flags).output().unwrap();
        let log = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{flags:?}: {log}");
        assert!(log.contains(words), "{flags:?}: {log}");
    }
    world.one_pass(&["--variety", "runtime"]);
}
