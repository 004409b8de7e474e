//! The validator as a process, on a real database, against what the stock validator did with the same rows, files
//! and clock: every column of every row must come out the same, numbers to 1e-9.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use boinc::result_doc::output_files;
use sandbox::{ProjectOptions, SimClock, TestProject};
use serde_json::{Map, Value};
use store::Store;

type Tables = BTreeMap<String, BTreeMap<Vec<i64>, Map<String, Value>>>;

/// The recorded cases are shared with the tests of the rules.
fn folder(case: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../lib/rules/tests/data/validator").join(case)
}

fn gunzip(path: &Path) -> String {
    let mut text = String::new();
    flate2::read::GzDecoder::new(std::fs::File::open(path).unwrap()).read_to_string(&mut text).unwrap();
    text
}

fn keys(table: &str) -> &'static [&'static str] {
    match table {
        "host_app_version" => &["host_id", "app_version_id"],
        "credit_user" => &["userid", "appid", "credit_type"],
        "credit_team" => &["teamid", "appid", "credit_type"],
        "credited_job" => &["userid", "workunitid"],
        _ => &["id"],
    }
}

fn key(table: &str, row: &Map<String, Value>) -> Vec<i64> {
    keys(table).iter().map(|column| row[*column].as_i64().unwrap()).collect()
}

fn tables(jsonl: &str) -> Tables {
    let mut tables = Tables::new();
    for line in jsonl.lines() {
        let value: Value = serde_json::from_str(line).unwrap();
        let (table, row) = (value["table"].as_str().unwrap(), value["row"].as_object().unwrap());
        tables.entry(table.to_owned()).or_default().insert(key(table, row), row.clone());
    }
    tables
}

fn same(wanted: &Value, found: &Value) -> bool {
    match (wanted.as_f64(), found.as_f64()) {
        (Some(a), Some(b)) => (a - b).abs() <= 1e-9 * a.abs().max(b.abs()),
        _ => wanted == found || (wanted.is_null() && found == "") || (wanted == "" && found.is_null()),
    }
}

async fn replay(case: &str) {
    let folder = folder(case);
    let facts: Value =
        serde_json::from_str(&std::fs::read_to_string(folder.join("case.json")).unwrap()).unwrap();
    let before = gunzip(&folder.join("before.jsonl.gz"));
    let after = tables(&gunzip(&folder.join("after.jsonl.gz")));
    let options = ProjectOptions {
        app: facts["app"].as_str().unwrap().to_owned(),
        clock: Some(SimClock::frozen(facts["now"].as_f64().unwrap())),
        credit_by_app: case == "by-app",
        bare: true,
        ..ProjectOptions::default()
    };
    let mut project = TestProject::new("oracle", options).await.unwrap();
    project.load_rows(&before).await.unwrap();
    project.load_uploads(&gunzip(&folder.join("files.json.gz"))).unwrap();
    // A file that is not listed is missing, while its folder exists.
    for row in tables(&before)["result"].values() {
        for file in output_files(row["xml_doc_in"].as_str().unwrap_or_default().as_bytes()).unwrap() {
            let path = project.upload_path(&file.physical_name).unwrap();
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        }
    }
    let store = Store::connect(project.url()).await.unwrap();
    store.migrate(0.0).await.unwrap();
    let flags: Vec<&str> =
        facts["flags"].as_array().unwrap().iter().map(|flag| flag.as_str().unwrap()).collect();
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_cobblestone-validator"))
        .args(["--app", facts["app"].as_str().unwrap(), "--one_pass", "-d", "2", "--project_dir"])
        .arg(project.dir())
        .args(&flags)
        .output()
        .unwrap();
    let log = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{log}");

    let mut sql = project.connect().await.unwrap();
    let mut compared = 0;
    let mut wrong = Vec::new();
    for (table, wanted) in &after {
        let found: BTreeMap<Vec<i64>, Map<String, Value>> = sql
            .rows(&format!("SELECT * FROM `{table}`"), &[])
            .await
            .unwrap()
            .iter()
            .map(|row| (key(table, &row.json()), row.json()))
            .collect();
        if wanted.keys().ne(found.keys()) {
            wrong.push(format!("{table}: other rows"));
        }
        for (id, row) in wanted {
            let Some(found) = found.get(id) else { continue };
            for (column, value) in
                row.iter().filter(|(column, _)| !["mod_time", "authenticator"].contains(&column.as_str()))
            {
                compared += 1;
                if !same(value, &found[column]) {
                    wrong.push(format!("{table} {id:?} {column}: {} instead of {value}", found[column]));
                }
            }
        }
    }
    assert!(compared > 10_000, "only {compared} values compared");
    assert!(
        wrong.is_empty(),
        "{} of {compared} values differ:\n{}\n{log}",
        wrong.len(),
        wrong[..wrong.len().min(30)].join("\n")
    );

    // The books balance with what was granted.
    let (sum, off) = store
        .snapshot("check", async |conn| conn.check_totals(store::audit::Owner::Host).await)
        .await
        .unwrap();
    if case != "no-credit" {
        assert!(sum.ledger > 0.0);
    }
    let opened_late = off.iter().filter(|row| (row.gained - row.ledger).abs() > 1e-6).count();
    assert_eq!(opened_late, 0, "{off:?}");
}

#[tokio::test]
async fn adaptive_credit() {
    replay("adaptive").await;
}

#[tokio::test]
async fn credit_by_app_and_credited_job() {
    replay("by-app").await;
}

#[tokio::test]
async fn capped_credit() {
    replay("capped").await;
}

#[tokio::test]
async fn credit_from_runtime() {
    replay("from-runtime").await;
}

#[tokio::test]
async fn credit_from_the_workunit() {
    replay("from-wu").await;
}

#[tokio::test]
async fn no_credit() {
    replay("no-credit").await;
}
