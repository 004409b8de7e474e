//! The whole command: a small demo with real daemons, then the other commands on what it left running.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use store::DbUrl;
use store::sql::Connection;

const DAEMONS: [&str; 4] = [
    "cobblestone-work-generator",
    "cobblestone-trickle-credit",
    "cobblestone-validator",
    "cobblestone-assimilator",
];

fn cobblestone(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cobblestone"));
    for name in ["BOINC_PROJECT_DIR", "COBBLESTONE_DB_TLS", "COBBLESTONE_DB_CA", "COBBLESTONE_LOG_FORMAT"] {
        command.env_remove(name);
    }
    command.args(arguments).stdin(Stdio::null()).output().unwrap()
}

#[track_caller]
fn text(output: &Output, status: i32) -> String {
    let all =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(status), "{all}");
    all
}

#[track_caller]
fn holds(text: &str, words: &[&str]) {
    for words in words {
        assert!(text.contains(words), "no `{words}` in:\n{text}");
    }
}

/// What --keep left running is stopped also when the test fails.
struct Kept(PathBuf);

impl Drop for Kept {
    fn drop(&mut self) {
        if self.0.join("project/config.xml").exists() {
            cobblestone(&["sandbox", "stop", self.0.to_str().unwrap(), "--remove"]);
        }
    }
}

/// Process ids in the files NAME.pid of a folder.
fn pids(folder: &Path) -> Vec<String> {
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    files
        .filter(|path| path.extension().is_some_and(|end| end == "pid"))
        .map(|path| std::fs::read_to_string(path).unwrap().trim().to_owned())
        .collect()
}

fn runs(pid: &str) -> bool {
    Path::new("/proc").join(pid).exists()
}

#[tokio::test]
async fn a_small_demo_and_what_it_leaves() {
    let here = Path::new(env!("CARGO_BIN_EXE_cobblestone")).parent().unwrap();
    for name in DAEMONS {
        assert!(
            here.join(name).is_file(),
            "{name} is missing; build the daemons first: cargo build --workspace --bins"
        );
    }
    let parent = tempfile::tempdir().unwrap();
    let kept = Kept(parent.path().join("demo"));
    let dir = kept.0.to_str().unwrap();
    let size = ["--hosts", "12", "--workunits", "20", "--rate", "20000", "--time_limit", "120"];
    let demo = cobblestone(&[&["demo", "--keep", "--dir", dir][..], &size[..]].concat());
    let shown = text(&demo, 0);
    holds(
        &shown,
        &["issued       20", "BYTE-FOR-BYTE", "duckdb -c", "checks passed", "sandbox stop", "--socket="],
    );
    assert!(!shown.contains("OFF"), "{shown}");
    let summary = std::fs::read_to_string(kept.0.join("summary.txt")).unwrap();
    assert!(shown.contains(summary.trim()));

    let project = kept.0.join("project");
    let on = ["--project_dir", project.to_str().unwrap()];
    let with = |words: &[&'static str]| cobblestone(&[words, &on[..]].concat());
    let daemons = pids(&project.join("pid_localhost"));
    assert_eq!(daemons.len(), DAEMONS.len());
    assert!(daemons.iter().all(|pid| runs(pid)));
    holds(&text(&with(&["status"]), 0), &["theory", "no trickle-up message waits"]);
    holds(&text(&with(&["migrate"]), 0), &["nothing to do"]);
    holds(&text(&with(&["audit"]), 0), &["The books balance."]);
    let json: serde_json::Value = serde_json::from_slice(&with(&["audit", "--json"]).stdout).unwrap();
    assert_eq!(json["ok"], true);
    assert_eq!(json["messages"]["waiting"], 0);
    assert!(json["messages"]["paid"].as_i64().unwrap() > 100);

    // Somebody's total is changed behind the ledger's back.
    let url = DbUrl {
        socket: Some(kept.0.join("db/mariadb.sock")),
        user: "root".to_owned(),
        database: "cobblestone_demo".to_owned(),
        ..DbUrl::default()
    };
    let mut sql = Connection::open(&url).await.unwrap();
    sql.execute("UPDATE user SET total_credit = total_credit + 1 WHERE id = 3", &[]).await.unwrap();
    holds(&text(&with(&["audit"]), 1), &["user 3 gained", "1 of 11 checks failed"]);
    let json: serde_json::Value = serde_json::from_slice(&with(&["audit", "--json"]).stdout).unwrap();
    assert_eq!((&json["ok"], &json["totals"]["user"]["off"]), (&false.into(), &1.into()));

    // A hostile text reaches the terminal escaped.
    sql.execute(
        "INSERT INTO cobblestone_quarantine (id, time, daemon, kind, refid, hostid, reason, raw, tries)
         VALUES (7000777, 0, 'trickle-credit', 'trickle', 7000999, 1, ?, ?, 1)",
        &["a\u{1b}[2Jb".into(), (&b"line\nx\x1b[2J\xff"[..]).into()],
    )
    .await
    .unwrap();
    let list = text(&with(&["quarantine", "list", "--kind", "trickle", "--limit", "1"]), 0);
    holds(&list, &["7000777", "trickle 7000999", "a\\u{1b}[2Jb"]);
    let entry = text(&with(&["quarantine", "show", "7000777"]), 0);
    holds(&entry, &["    | line\n    | x\\u{1b}[2J\\xff\n"]);
    assert!(!list.contains('\u{1b}') && !entry.contains('\u{1b}'));
    holds(&text(&with(&["quarantine", "show", "7000778"]), 2), &["no entry 7000778"]);

    drop(sql);
    let server = pids(&kept.0.join("db"));
    assert!(server.iter().all(|pid| runs(pid)) && server.len() == 1);
    holds(&text(&cobblestone(&["sandbox", "stop", dir]), 0), &["stopped 4 daemons and 1 database servers"]);
    assert!(!daemons.iter().chain(&server).any(|pid| runs(pid)));
    holds(&text(&with(&["audit"]), 2), &["can't open the database"]);
    let parquet = kept.0.join("results/theory/results/campaign=demo");
    assert!(std::fs::read_dir(parquet).unwrap().next().is_some());
    text(&cobblestone(&["sandbox", "stop", dir, "--remove"]), 0);
    assert!(!kept.0.exists());
}

#[test]
fn what_cannot_be_done_is_said_with_status_2() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().to_str().unwrap();
    for words in [
        &["audit", "--project_dir", dir][..],
        &["migrate", "-project-dir", dir],
        &["status", "--project_dir", dir],
        &["quarantine", "list", "--project_dir", dir],
        &["sandbox", "stop", dir],
        &["audit", "--nonsense"],
        &["demo", "--rate", "0"],
        &[],
    ] {
        let output = cobblestone(words);
        assert_eq!(output.status.code(), Some(2), "{words:?}");
        assert!(!output.stderr.is_empty(), "{words:?}");
    }
    std::fs::write(folder.path().join("mine"), "x").unwrap();
    holds(&text(&cobblestone(&["demo", "--dir", dir]), 2), &["is not empty"]);
    assert!(folder.path().join("mine").exists());
    text(&cobblestone(&["--version"]), 0);
    text(&cobblestone(&["demo", "--help"]), 0);
}
