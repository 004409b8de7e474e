//! The project's own programs: before workunits are assimilated, and when campaigns and batches are complete.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test's helpers are tests too")]

mod common;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use common::{DONE, NOW, READY, World};

fn script(world: &World, name: &str, text: &str) {
    let path = world.project.path("bin").join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
}

fn said(world: &World) -> Vec<String> {
    let text = fs::read_to_string(world.project.path("said")).unwrap_or_default();
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    lines.sort();
    lines
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hook_decides_before_a_workunit_is_assimilated() {
    let mut world = World::new("hook").await;
    let note = world.project.path("said").display().to_string();
    // By its number: 1 is done, 2 is asked to come later, 3 fails, 4 hangs.
    script(
        &world,
        "hook",
        &format!(
            "echo \"$@\" >> {note}\necho \"it is $1\"\ncase $1 in 2) exit 75;; 3) exit 9;; 4) sleep 100;; esac"
        ),
    );
    let config = "[assimilate.hook]\ncommand = [\"hook\", \"wu_id\", \"wu_name\", \"batch_id\", \"result_id\", \
                  \"runtime\", \"files2\", \"a b\"]\ntimeout_seconds = 0.5\ntries = 2\n";
    world.project.write_app_config(config).unwrap();
    world.ready(1..=4).await;
    world.failed(5, 2).await;
    world.exec("UPDATE workunit SET batch = 7").await;
    let mut daemon = world.daemon(&[]).await;
    assert_eq!(daemon.pass().await.unwrap().to_string(), "assimilated 1, failed 1, set_aside 3");
    let path = world.project.upload_path(&common::physical(1)).unwrap();
    let lines = said(&world);
    assert_eq!(lines[0], "--error 2 wu_5 5 7");
    assert_eq!(lines[1], format!("1 wu_1 7 1 250.500000 {} shared/out.dat a b", path.display()));
    assert_eq!(lines.len(), 5);
    assert_eq!((world.state(1).await, world.state(2).await, world.state(3).await), (DONE, READY, READY));
    let reasons =
        world.sql.rows("SELECT reason FROM cobblestone_quarantine ORDER BY refid", &[]).await.unwrap();
    let reasons: Vec<String> = reasons.iter().map(|row| row.text("reason").unwrap()).collect();
    assert!(reasons[0].contains("later"), "{reasons:?}");
    assert!(reasons[1].contains("hook: it ended with status 9: it is 3"), "{reasons:?}");
    assert!(reasons[2].contains("did not end"), "{reasons:?}");

    // Again with a pause; after two failures no more, until a person gives it back.
    for minutes in [2.0, 10.0, 100.0] {
        world.clock.set(NOW + minutes * 60.0);
        daemon.pass().await.unwrap();
    }
    let tries = |id: i32| format!("SELECT tries AS n FROM cobblestone_quarantine WHERE refid = {id}");
    assert_eq!((world.number(&tries(2)).await, world.number(&tries(3)).await), (4, 2));
    script(&world, "hook", "exit 0");
    world.clock.set(NOW + 1e6);
    assert_eq!(
        daemon.pass().await.unwrap().to_string(),
        "assimilated 1",
        "the one that wanted to come later"
    );
    world.exec("UPDATE cobblestone_quarantine SET time = 0").await;
    assert_eq!(daemon.pass().await.unwrap().to_string(), "assimilated 2");
    assert_eq!(world.check_exactly_once().await, 5);
    assert_eq!(world.number("SELECT COUNT(*) AS n FROM cobblestone_quarantine").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hook_may_take_a_whole_batch() {
    let mut world = World::new("batchhook").await;
    let note = world.project.path("said").display().to_string();
    script(&world, "hook", &format!("echo \"$1\" >> {note}; cat \"$2\" >> {note}; test -e {note}.ok"));
    world
        .project
        .write_app_config("[assimilate.hook]\ncommand = [\"hook\", \"list\"]\nper = \"batch\"\n")
        .unwrap();
    world.ready(1..=2).await;
    world.failed(3, 0).await;
    let mut daemon = world.daemon(&[]).await;
    assert_eq!(daemon.pass().await.unwrap().to_string(), "set_aside 3");
    let lines = said(&world);
    assert_eq!((lines.len(), lines[0].as_str()), (4, "list"));
    let of_one: serde_json::Value = lines
        .iter()
        .filter_map(|l| serde_json::from_str(l).ok())
        .find(|v: &serde_json::Value| v["wu_id"] == 1)
        .unwrap();
    assert_eq!((of_one["wu_name"].as_str(), of_one["error_mask"].as_i64()), (Some("wu_1"), Some(0)));
    assert!(of_one["files"][0]["path"].as_str().unwrap().ends_with(&common::physical(1)));
    assert!(lines.iter().any(|line| line.contains("\"error_mask\":32")), "{lines:?}");
    fs::write(format!("{note}.ok"), "").unwrap();
    world.clock.set(NOW + 60.0);
    assert_eq!(daemon.pass().await.unwrap().done, 3);
    assert_eq!(world.check_exactly_once().await, 3);
    assert!(world.staged().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_summary_is_made_once_for_what_is_complete() {
    let mut world = World::new("summary").await;
    let note = world.project.path("said").display().to_string();
    script(&world, "sum", &format!("echo \"$1 $2 $3 $4 $5\" >> {note}; test -e {note}.ok || exit 75"));
    world.project.write_app_config("[assimilate.summary]\ncommand = [\"sum\"]\n").unwrap();
    world.ready(1..=4).await;
    world.exec("UPDATE workunit SET batch = 7 WHERE id <= 3").await;
    world.exec("UPDATE workunit SET batch = 8, error_mask = 16 WHERE id = 4").await;
    // One of batch 7 is not ready yet.
    world.exec("UPDATE workunit SET assimilate_state = 0 WHERE id = 3").await;
    let mut daemon = world.daemon(&[]).await;
    assert_eq!(daemon.pass().await.unwrap().to_string(), "assimilated 2, failed 1");
    assert!(daemon.pass().await.unwrap().is_empty());
    let folder = world.app_folder().display().to_string();
    // Campaign c/1 has jobs 2 and 4.
    assert_eq!(said(&world), [format!("batch 8 0 1 {folder}")], "more jobs of the campaign will be made");
    world.exec("UPDATE cobblestone_campaign SET state = 'complete'").await;
    world.clock.set(NOW + 59.0);
    assert!(daemon.pass().await.unwrap().is_empty(), "not again at once");
    world.clock.set(NOW + 60.0);
    daemon.pass().await.unwrap();
    let twice = format!("batch 8 0 1 {folder}");
    assert_eq!(said(&world), [twice.clone(), twice, format!("campaign c/1 1 1 {folder}")]);
    fs::write(format!("{note}.ok"), "").unwrap();
    world.exec("UPDATE workunit SET assimilate_state = 1 WHERE id = 3").await;
    assert_eq!(daemon.pass().await.unwrap().done, 1);
    world.clock.set(NOW + 180.0);
    assert_eq!(daemon.pass().await.unwrap().to_string(), "summaries 3");
    for minutes in [10.0, 1000.0] {
        world.clock.set(NOW + minutes * 60.0);
        assert!(daemon.pass().await.unwrap().is_empty());
        assert!(world.daemon(&[]).await.pass().await.unwrap().is_empty());
    }
    assert_eq!(said(&world).len(), 6);
    assert_eq!(world.number("SELECT COUNT(*) AS n FROM cobblestone_summary WHERE state = 'done'").await, 3);
}
