//! docs/SCIENTISTS.md: its six questions, asked as they stand there, with DuckDB, with pandas and with Polars, of a dataset
//! that the real program wrote.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod common;

use std::process::{Command, Stdio};

use boinc::id::{AppId, ResultId};
use common::python::python;
use common::{World, physical, wu};
use serde_json::{Value, json};
use store::reviews::{NewReview, ReviewVerdict};

const PAGE: &str = include_str!("../../../../docs/SCIENTISTS.md");

/// Answers with all, and prints the answer as JSON when they are the same.
const ASK: &str = r#"
import datetime, json, sys
import duckdb

def plain(value):
    if value is None or value != value:
        return None
    if isinstance(value, float) or hasattr(value, "dtype") and value.dtype.kind == "f":
        return round(float(value), 9)
    if hasattr(value, "item"):
        return value.item()
    return str(value)[:10] if isinstance(value, (datetime.date, datetime.datetime)) else value

def rows(frame):
    return [dict(zip(frame.columns, map(plain, row))) for row in frame.astype(object).itertuples(index=False)]

question = json.load(sys.stdin)
result = duckdb.sql(question["sql"])
duck = [dict(zip(result.columns, map(plain, row))) for row in result.fetchall()]
key = lambda row: json.dumps(row, sort_keys=True)
for program in question["python"]:
    names = {}
    exec(program, names)
    answer = names["answer"]
    found = rows(answer.to_pandas() if "polars" in names else answer)
    if sorted(duck, key=key) != sorted(found, key=key):
        sys.exit(f"DuckDB says {duck}, {program} says {found}")
print(json.dumps(duck))
"#;

/// The blocks of code in that language after a heading that begins with `heading`.
fn blocks(heading: &str, language: &str) -> Vec<String> {
    let section = PAGE.split("\n## ").find(|section| section.starts_with(heading)).expect(heading);
    let fence = format!("```{language}\n");
    let blocks = section.split(&fence).skip(1);
    let blocks: Vec<String> = blocks.map(|from| from.split_once("\n```").unwrap().0.to_owned()).collect();
    assert!(!blocks.is_empty(), "{heading} has no {language}");
    blocks
}

fn block(heading: &str, language: &str) -> String {
    blocks(heading, language).swap_remove(0)
}

fn ask(world: &World, number: usize) -> Value {
    let heading = format!("{number}. ");
    let question = json!({"sql": block(&heading, "sql"), "python": blocks(&heading, "python")});
    let mut child = Command::new(python())
        .args(["-c", ASK])
        .current_dir(world.project.dir())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    serde_json::to_writer(child.stdin.take().unwrap(), &question).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{number}: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The real program, until nothing is left to do.
fn assimilate(world: &World) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cobblestone-assimilator"));
    command.current_dir(world.project.path("bin")).args(["--app", "theory", "--one_pass"]);
    command.env_remove("BOINC_PROJECT_DIR").stdin(Stdio::null());
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[tokio::test]
async fn six_questions_have_the_same_answer_with_each() {
    let mut world = World::new("scientists").await;
    world.project.write_app_config(&block("2. ", "toml")).unwrap();
    world.exec("UPDATE cobblestone_campaign SET name = 'beam7'").await;
    let hosts =
        [(10, "Linux <b>"), (11, "Windows")].map(|(id, os)| json!({"id": id, "os_name": os, "p_ncpus": 4}));
    world.insert("host", hosts.to_vec()).await;
    // Even ones are jobs of the campaign, of 500 events each.
    world.ready(1..=8).await;
    for id in 1..=8_i32 {
        let text = format!("pi 3.1{id}\n");
        world.project.write_upload(&physical(2 * id - 1), text.as_bytes()).unwrap();
    }
    world.exec("UPDATE result SET hostid = IF(workunitid <= 4, 10, 11), cpu_time = 3600 * workunitid").await;
    world
        .exec(
            "UPDATE cobblestone_job SET parameters = IF(job = 2, '{\"energy\":5000}', '{\"energy\":6500.5}')",
        )
        .await;
    for id in [9, 10, 11] {
        world.failed(id, 2).await;
    }
    world.exec("UPDATE result SET stderr_out = 'VM Premature Shutdown Detected' WHERE workunitid = 9").await;
    assimilate(&world);
    let say = |workunit: i32, verdict, comment: &str| NewReview {
        time: 1_795_000_000.0,
        app: AppId(1),
        workunit: wu(workunit),
        result: ResultId(2 * workunit - 1),
        who: "anna".to_owned(),
        verdict,
        comment: comment.to_owned(),
    };
    let reviews = [
        say(2, ReviewVerdict::Flagged, "odd"),
        say(4, ReviewVerdict::Rejected, "\u{1b}[2J'; DROP TABLE"),
        say(6, ReviewVerdict::Accepted, "fine"),
        say(2, ReviewVerdict::Accepted, "after all"),
        say(6, ReviewVerdict::Rejected, "no"),
    ];
    world.store.transaction("test", async |tx| tx.insert_reviews(&reviews).await).await.unwrap();
    assimilate(&world);

    let days = ask(&world, 1);
    assert!(blocks("1. ", "python").concat().contains("polars"));
    assert_eq!(days.as_array().unwrap().len(), 1);
    assert_eq!((&days[0]["workunits"], &days[0]["events"]), (&json!(4), &json!(2000)), "{days}");
    assert_eq!(days[0]["day"].as_str().unwrap().len(), 10, "{days}");
    let machines = ask(&world, 2);
    let near =
        |value: &Value, wanted: f64| assert!((value.as_f64().unwrap() - wanted).abs() < 1e-6, "{value}");
    assert_eq!((&machines[0]["os_name"], &machines[0]["n"]), (&json!("Linux <b>"), &json!(4)));
    near(&machines[0]["mean"], 3.125);
    near(&machines[1]["mean"], 3.165);
    near(&machines[0]["spread"], (5.0_f64 / 3.0).sqrt() / 100.0);
    assert_eq!(
        ask(&world, 3),
        json!([{"workunit_id": 2, "verdict": "accepted"}, {"workunit_id": 8, "verdict": "not reviewed"}])
    );
    assert_eq!(
        ask(&world, 4),
        json!([{"why": "too many error results", "workunits": 2}, {"why": "premature_shutdown", "workunits": 1}])
    );
    let cost = ask(&world, 5);
    assert_eq!(cost[0]["workunits"], 2);
    near(&cost[0]["cpu_hours"], 6.0);
    near(&cost[1]["cpu_hours_per_million"], 14_000.0);
    near(&cost[1]["credit"], 21.0);
    let energies = ask(&world, 6);
    assert_eq!(energies.as_array().unwrap().len(), 2, "{energies}");
    let of = |energy: f64| energies.as_array().unwrap().iter().find(|row| row["energy"] == energy).unwrap();
    assert_eq!((&of(5000.0)["workunits"], &of(6500.5)["workunits"]), (&json!(1), &json!(3)));
    near(&of(6500.5)["cpu_seconds"], 6.0 * 3600.0);
}
