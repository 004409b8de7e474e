//! More workunits than fit a batch: while one batch is written, the files of the next one are read.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use common::World;

/// Two whole batches and a part.
const WORKUNITS: i32 = 2300;

/// Workunits 1 to [`WORKUNITS`] of quorum 2; results 2n − 1 and 2n are those of workunit n, of hosts 1 and 2.
async fn world() -> World {
    let mut world = World::new("").await;
    world.workunit(1, 2).await;
    world.results(1, 1, &["1 2 3\n", "1 2 3\n"]).await;
    copy(&mut world, "workunit", &[("id", "seq"), ("name", "CONCAT('wu', seq)")], 1).await;
    for result in [1, 2] {
        let id = format!("2 * seq - 2 + {result}");
        let name = format!("CONCAT('wu', seq, '_', {id})");
        copy(&mut world, "result", &[("id", &id), ("workunitid", "seq"), ("name", &name)], result).await;
    }
    world
}

/// Copies of row `id`, with other values in some columns.
async fn copy(world: &mut World, table: &str, other: &[(&str, &str)], id: i32) {
    let sql = "SELECT column_name AS c FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = ?";
    let rows = world.sql.rows(sql, &[table.into()]).await.unwrap();
    let columns: Vec<String> = rows.iter().map(|row| row.text("c").unwrap()).collect();
    let value = |column: &String| {
        let new = other.iter().find(|(name, _)| name == column);
        new.map_or_else(|| format!("`{column}`"), |(_, sql)| (*sql).to_owned())
    };
    let values: Vec<String> = columns.iter().map(value).collect();
    let names: Vec<String> = columns.iter().map(|column| format!("`{column}`")).collect();
    world
        .execute(&format!(
            "INSERT INTO {table} ({}) SELECT {} FROM {table} JOIN seq_2_to_{WORKUNITS} WHERE id = {id}",
            names.join(", "),
            values.join(", ")
        ))
        .await;
}

async fn waiting(world: &mut World) -> i64 {
    world.number("SELECT COUNT(*) FROM workunit WHERE need_validate > 0").await
}

/// Each workunit was judged once, and each result paid once.
async fn everything_once(world: &mut World) {
    let n = i64::from(WORKUNITS);
    for (what, sql) in [
        (
            "no canonical result",
            "SELECT COUNT(*) FROM workunit WHERE need_validate > 0 OR canonical_resultid = 0",
        ),
        (
            "not judged once",
            "SELECT COUNT(*) FROM workunit w WHERE 1 <> (SELECT COUNT(*) FROM cobblestone_judgement j WHERE j.workunitid = w.id)",
        ),
        (
            "not paid once",
            "SELECT COUNT(*) FROM result r WHERE 1 <> (SELECT COUNT(*) FROM cobblestone_ledger l WHERE l.resultid = r.id)",
        ),
        (
            "no verdict",
            "SELECT COUNT(*) FROM result r WHERE 1 <> (SELECT COUNT(*) FROM cobblestone_verdict v WHERE v.resultid = r.id)",
        ),
    ] {
        assert_eq!(world.number(sql).await, 0, "{what}");
    }
    assert_eq!(world.number("SELECT COUNT(*) FROM cobblestone_judgement").await, n);
    world.balances().await;
}

#[tokio::test]
async fn several_batches_are_judged_once_each_also_with_two_instances() {
    let mut world = world().await;
    let mut other = world.start(&["--one_pass"]).stderr(Stdio::null()).spawn().unwrap();
    world.one_pass();
    assert!(other.wait().unwrap().success());
    everything_once(&mut world).await;
}

#[tokio::test]
async fn a_daemon_that_is_killed_between_batches_leaves_whole_ones() {
    let mut world = world().await;
    let mut child = world.start(&["--one_pass"]).stderr(Stdio::null()).spawn().unwrap();
    while waiting(&mut world).await == i64::from(WORKUNITS) {
        assert!(child.try_wait().unwrap().is_none());
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let left = waiting(&mut world).await;
    assert!([1300, 300, 0].contains(&left), "{left}");
    let judged = "SELECT COUNT(*) FROM cobblestone_judgement";
    assert_eq!(world.number(judged).await, i64::from(WORKUNITS) - left);
    world.balances().await;
    world.one_pass();
    everything_once(&mut world).await;
}

/// A result comes in for a workunit whose files were read ahead, and another instance judges one of its neighbours:
/// what was seen before is not used.
#[tokio::test]
async fn what_changes_after_it_was_read_ahead_is_looked_at_again() {
    let mut world = world().await;
    // The first batch waits here, so the second one is read and not judged.
    let mut holder = world.project.connect().await.unwrap();
    holder.script("START TRANSACTION; SELECT id FROM host WHERE id = 1 FOR UPDATE").await.unwrap();
    let mut child = world.start(&["--one_pass"]).stderr(Stdio::piped()).spawn().unwrap();
    let mut log = BufReader::new(child.stderr.take().unwrap());
    let mut looked = 0;
    while looked < 2 {
        let mut line = String::new();
        assert_ne!(log.read_line(&mut line).unwrap(), 0, "it ended");
        looked += i32::from(line.contains("their files were looked at"));
    }
    assert_eq!(waiting(&mut world).await, i64::from(WORKUNITS));
    let late = 2 * WORKUNITS + 1;
    world.result(late, 1500, 3, Some("1 2 3\n")).await;
    world.execute("UPDATE workunit SET need_validate = 0 WHERE id = 1600").await;
    holder.script("COMMIT").await.unwrap();
    std::io::copy(&mut log, &mut std::io::sink()).unwrap();
    assert!(child.wait().unwrap().success());
    assert_eq!(world.of_workunit(1600, "canonical_resultid").await, 0, "nothing was written");
    assert!(world.kept(1600).await.is_empty());
    let kept = world.kept(1500).await;
    assert_eq!((kept.len(), kept[0].verdicts.len()), (1, 3), "{kept:?}");
    assert_eq!(world.number("SELECT COUNT(*) FROM workunit WHERE need_validate = 1").await, 0);
    world.execute("UPDATE workunit SET need_validate = 1 WHERE id = 1600").await;
    world.one_pass();
    everything_once(&mut world).await;
}
