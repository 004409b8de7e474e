//! A project of years: what a pass reads depends on what waits, not on what was ever done.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test's helpers are tests too")]

mod common;

use std::collections::BTreeMap;

use common::{NOW, World};

/// So much is done already.
const DONE: i32 = 20_000;

/// Rows that the server read, by table, since it was asked to count.
async fn rows_read(world: &mut World) -> BTreeMap<String, i64> {
    let sql = "SELECT table_name AS t, CAST(rows_read AS SIGNED) AS n FROM information_schema.table_statistics \
               WHERE table_schema = DATABASE()";
    let rows = world.sql.rows(sql, &[]).await.unwrap();
    rows.iter().map(|row| (row.text("t").unwrap(), row.i64("n").unwrap())).collect()
}

/// What was done long ago: in every table that grows.
async fn history(world: &mut World) {
    for id in 1..=2 {
        world.ready([id]).await;
    }
    world.exec("UPDATE workunit SET assimilate_state = 2").await;
    for (table, columns) in [
        ("workunit", vec![("id", "w.seq + 2"), ("name", "CONCAT('old_', w.seq)")]),
        (
            "result",
            vec![("id", "w.seq + 100"), ("name", "CONCAT('old_', w.seq, '_0')"), ("workunitid", "w.seq + 2")],
        ),
        ("cobblestone_job", vec![("workunitid", "w.seq + 2"), ("job", "w.seq + 10")]),
    ] {
        let sql = format!(
            "SELECT column_name AS c FROM information_schema.columns WHERE table_schema = DATABASE() \
             AND table_name = '{table}' AND generation_expression IS NULL ORDER BY ordinal_position"
        );
        let names = world.sql.rows(&sql, &[]).await.unwrap();
        let names: Vec<String> = names.iter().map(|row| row.text("c").unwrap()).collect();
        let values: Vec<String> = names
            .iter()
            .map(|name| {
                let own = columns.iter().find(|(column, _)| column == name);
                own.map_or_else(|| format!("t.`{name}`"), |(_, value)| (*value).to_owned())
            })
            .collect();
        let list = names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
        world
            .exec(&format!(
                "INSERT INTO {table} ({list}) SELECT {} FROM (SELECT * FROM {table} LIMIT 1) t, seq_1_to_{DONE} w",
                values.join(", ")
            ))
            .await;
    }
    for sql in [
        "INSERT INTO cobblestone_assimilated (workunitid, dataset, time) SELECT seq + 2, 'results', 0 FROM seq_1_to_20000",
        "INSERT INTO cobblestone_dataset_file (appid, dataset, path, items, bytes, state, time) \
         SELECT 1, 'results', CONCAT('results/campaign=none/day=2026-01-01/part-', seq, '.parquet'), 1, 1, 'published', 0 FROM seq_1_to_20000",
        "INSERT INTO cobblestone_review (time, appid, workunitid, resultid, who, verdict, comment, written) \
         SELECT seq, 1, seq + 2, seq + 100, 'assimilator', 'flagged', '', 1 FROM seq_1_to_20000",
        "INSERT INTO cobblestone_report SELECT seq + 100, 'jobs.json', 9, 1, seq + 2, 1, 1, 0, 1, 0, 1, 0 FROM seq_1_to_20000",
        "INSERT INTO cobblestone_quarantine (time, daemon, kind, refid, hostid, reason, tries) \
         SELECT 0, 'trickle-credit', 'trickle', seq, 9, '', 1 FROM seq_1_to_20000",
    ] {
        world.exec(sql).await;
    }
    for table in [
        "workunit",
        "result",
        "cobblestone_job",
        "cobblestone_assimilated",
        "cobblestone_dataset_file",
        "cobblestone_review",
        "cobblestone_report",
        "cobblestone_quarantine",
    ] {
        world.sql.rows(&format!("ANALYZE TABLE {table}"), &[]).await.unwrap();
    }
}

#[tokio::test]
async fn a_pass_reads_what_waits_and_not_what_is_done() {
    let mut world = World::new("years").await;
    let declared = "[[reports]]\nvariety = \"jobs.json\"\nformat = \"json\"\nmeaning = \"cumulative\"\n";
    world.project.write_app_config(declared).unwrap();
    // So the server counts by table; a table has a count when a row of it was read.
    world.exec("SET GLOBAL userstat = 1").await;
    history(&mut world).await;
    world.sql.rows("SELECT COUNT(*) AS n FROM workunit", &[]).await.unwrap();
    std::fs::create_dir_all(world.app_folder()).unwrap();
    let mut daemon = world.daemon(&[]).await;
    daemon.pass().await.unwrap();
    for (round, waiting) in [(0, 0), (1, 10)] {
        for n in 1..=waiting {
            // `ready` counts results from 1.
            world.ready([40_000 + n]).await;
            assert_eq!(world.state(40_000 + n).await, common::READY);
        }
        world.clock.set(NOW + 100.0 * f64::from(round + 1));
        let before = rows_read(&mut world).await;
        assert_eq!(daemon.pass().await.unwrap().done, u64::try_from(waiting).unwrap());
        let after = rows_read(&mut world).await;
        assert!(after.contains_key("workunit"), "the server does not count: {after:?}");
        for (table, rows) in &after {
            let read = rows - before.get(table).copied().unwrap_or(0);
            // A batch is looked at some times: read, locked, marked.
            let most = 20 + 30 * i64::from(waiting);
            assert!(read <= most, "{read} rows of {table} were read for {waiting} workunits");
        }
    }
    assert_eq!(world.state(40_001).await, common::DONE);
}
