//! Exactly once: faults of storage, leftovers of instances that are gone, instances at the same time, SIGKILL.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test's helpers are tests too")]

mod common;

use std::fs;
use std::process::{Command, Stdio};
use std::time::Duration;

use common::{DONE, READY, World};
use dataset::staging;
use sandbox::proxy::{Hold, Proxy};
use store::DbUrl;

#[tokio::test]
async fn storage_that_fails_marks_nothing_and_is_tried_again() {
    let mut world = World::new("storage").await;
    world.ready(1..=2).await;
    let mut daemon = world.daemon(&[]).await;
    // A file stands where the folder of results should be made.
    let in_the_way = world.app_folder().join("results");
    fs::create_dir_all(world.app_folder()).unwrap();
    fs::write(&in_the_way, "").unwrap();
    let error = daemon.pass().await.unwrap_err();
    assert!(format!("{error:#}").contains("nothing is marked"), "{error:#}");
    assert_eq!(world.number("SELECT COUNT(*) AS n FROM workunit WHERE assimilate_state = 1").await, 2);
    assert_eq!(world.number("SELECT COUNT(*) AS n FROM cobblestone_quarantine").await, 0);
    fs::remove_file(&in_the_way).unwrap();
    assert_eq!(daemon.pass().await.unwrap().done, 2);
    assert_eq!(world.check_exactly_once().await, 2);
    assert!(world.staged().is_empty(), "what the failed pass had staged is cleared");

    // The file system of the results is gone: wait, do not begin anew in the empty mount point.
    world.ready([3]).await;
    let elsewhere = world.project.path("elsewhere");
    fs::rename(world.app_folder(), &elsewhere).unwrap();
    for _ in 0..2 {
        let error = daemon.pass().await.unwrap_err();
        assert!(error.to_string().contains("mount"), "{error}");
        assert!(world.daemon(&[]).await.pass().await.is_err());
    }
    assert_eq!(world.state(3).await, READY);
    fs::rename(&elsewhere, world.app_folder()).unwrap();
    assert_eq!(daemon.pass().await.unwrap().done, 1);
    assert_eq!(world.check_exactly_once().await, 3);
}

#[tokio::test]
async fn an_absolute_folder_is_not_made() {
    let mut world = World::new("absolute").await;
    let folder = world.project.path("mnt/results");
    world.project.write_app_config(&format!("[assimilate]\nfolder = {:?}\n", folder.display())).unwrap();
    world.ready([1]).await;
    let mut daemon = world.daemon(&[]).await;
    let error = daemon.pass().await.unwrap_err().to_string();
    assert!(error.contains("mnt/results is missing"), "{error}");
    fs::create_dir_all(&folder).unwrap();
    assert_eq!(daemon.pass().await.unwrap().done, 1);
}

#[tokio::test]
async fn what_the_dead_left_is_finished_or_cleared_and_the_living_are_left_alone() {
    let mut world = World::new("leftovers").await;
    world.ready(1..=3).await;
    assert_eq!(world.daemon(&[]).await.pass().await.unwrap().done, 3);
    // As if killed between commit and publishing: recorded, and still in the staging folder of one who is gone.
    world.exec("UPDATE cobblestone_dataset_file SET state = 'committed'").await;
    let dead = world.app_folder().join(".staging/0123456789abcdef");
    for file in common::files_below(&world.app_folder().join("results")) {
        let below = file.strip_prefix(world.app_folder()).unwrap();
        fs::create_dir_all(dead.join(below).parent().unwrap()).unwrap();
        fs::rename(&file, dead.join(below)).unwrap();
    }
    assert!(world.rows("results").is_empty());
    // As if killed before the commit, and in a copy.
    fs::write(dead.join("results/campaign=none/part-orphan.parquet"), "half").unwrap();
    fs::create_dir(dead.join("temp")).unwrap();
    fs::write(dead.join("temp/1"), "half").unwrap();
    fs::write(dead.join("lock"), "").unwrap();
    // One that lives, with a file in the making.
    let mut living = staging::Instance::create(&world.app_folder()).unwrap().unwrap();
    let part = format!("results/campaign=none/{}", living.part_name(1, 1, 1));
    living.stage(&part, b"in the making").unwrap();

    let mut daemon = world.daemon(&[]).await;
    let report = daemon.pass().await.unwrap();
    assert_eq!((report.done, report.to_string().as_str()), (0, "published_late 4"));
    assert_eq!(world.check_exactly_once().await, 3);
    assert!(!dead.exists());
    assert_eq!(world.staged().len(), 1);
    assert!(!world.app_folder().join(&part).exists());
    // It dies.
    drop(living);
    daemon.pass().await.unwrap();
    assert!(world.staged().is_empty());
    // A recorded file that is nowhere does not stop the others.
    world.exec("INSERT INTO cobblestone_dataset_file (appid, dataset, path, items, bytes, state, time) VALUES (1, 'results', 'results/campaign=none/part-lost.parquet', 0, 1, 'committed', 0)").await;
    world.ready([4]).await;
    assert_eq!(daemon.pass().await.unwrap().done, 1);
}

#[tokio::test]
async fn a_file_whose_commit_is_under_way_is_not_cleared() {
    let mut world = World::new("underway").await;
    fs::create_dir_all(world.project.path("results/theory")).unwrap();
    let part = "results/campaign=none/part-x.parquet";
    let dead = world.app_folder().join(".staging/0123456789abcdef");
    fs::create_dir_all(dead.join(part).parent().unwrap()).unwrap();
    fs::write(dead.join(part), "rows").unwrap();
    // The transaction of one who is gone: the server has not heard of it yet.
    world.exec("START TRANSACTION").await;
    world.exec(&format!("INSERT INTO cobblestone_dataset_file (appid, dataset, path, items, bytes, state, time) VALUES (1, 'results', '{part}', 1, 1, 'committed', 0)")).await;
    let mut daemon = world.daemon(&[]).await;
    let mut admin = world.project.connect().await.unwrap();
    let (report, ()) = tokio::join!(daemon.pass(), async {
        wait_for_lock(&mut admin).await;
        assert!(dead.join(part).exists());
        world.exec("COMMIT").await;
    });
    report.unwrap();
    assert!(dead.join(part).exists());
    daemon.pass().await.unwrap();
    assert!(world.app_folder().join(part).exists());
}

/// Waits until somebody waits for a row lock.
async fn wait_for_lock(sql: &mut store::sql::Connection) {
    loop {
        let waiting = "SELECT COUNT(*) AS n FROM information_schema.innodb_trx t JOIN information_schema.processlist p \
                       ON p.id = t.trx_mysql_thread_id WHERE t.trx_state = 'LOCK WAIT' AND p.db = DATABASE()";
        if sql.row(waiting, &[]).await.unwrap().i64("n").unwrap() > 0 {
            return;
        }
        // The server refreshes that table only when nobody has read it for 0.1 s.
        tokio::time::sleep(Duration::from_millis(150)).await;
    }
}

#[tokio::test]
async fn a_workunit_that_another_holds_or_changes_is_left_out() {
    let mut world = World::new("held").await;
    world.ready(1..=60).await;
    // The server scans a table that it believes to be tiny, and then waits for rows that are not asked for.
    world.sql.rows("ANALYZE TABLE workunit", &[]).await.unwrap();
    let mut other = world.project.connect().await.unwrap();
    other.execute("START TRANSACTION", &[]).await.unwrap();
    other.execute("UPDATE workunit SET priority = 1 WHERE id IN (2, 4)", &[]).await.unwrap();
    let mut daemon = world.daemon(&[]).await;
    let report = daemon.pass().await.unwrap();
    assert_eq!((report.done, report.to_string().as_str()), (58, "assimilated 58, taken_by_another 2"));
    assert_eq!(world.check_exactly_once().await, 58);
    // The other one cancels a workunit: it becomes a failure.
    other.execute("UPDATE workunit SET error_mask = 16 WHERE id = 2", &[]).await.unwrap();
    other.execute("COMMIT", &[]).await.unwrap();
    assert_eq!(daemon.pass().await.unwrap().to_string(), "assimilated 1, failed 1");
    assert_eq!((world.check_exactly_once().await, world.rows("failures").len()), (60, 1));
    assert!(world.staged().is_empty());
}

#[tokio::test]
async fn a_workunit_that_changes_while_it_is_decided_on_is_left_out() {
    use assimilator::commit::{self, Target};
    use assimilator::row::Decisions;
    let mut world = World::new("changes").await;
    world.ready(1..=2).await;
    fs::create_dir_all(world.app_folder()).unwrap();
    let mut instance = staging::Instance::create(&world.app_folder()).unwrap().unwrap();
    let which = store::validation::Selection {
        app: boinc::id::AppId(1),
        after: common::wu(0),
        up_to: common::wu(99),
        limit: 10,
        modulo: None,
    };
    let patience = assimilator::gather::Patience { now: common::NOW, asked: false, hook_tries: 1 };
    let batch = assimilator::gather::Batch::read(&world.store, which, patience).await.unwrap();
    let rows = batch.items.into_iter().map(record).collect();
    world.exec("UPDATE workunit SET canonical_credit = 99 WHERE id = 1").await;
    let app_folder = world.app_folder();
    let target = Target {
        store: &world.store,
        app: boinc::id::AppId(1),
        app_name: "theory",
        app_folder: &app_folder,
        remote: None,
        data: &[],
        parameters: &dataset::table::parameters::Declared::default(),
        now: common::NOW,
        now_i32: 1,
    };
    let decisions = Decisions { rows, ..Decisions::default() };
    let written = commit::write(&target, &mut instance, decisions).await.unwrap();
    assert_eq!((written.rows.len(), written.left), (1, 1));
    assert_eq!((world.state(1).await, world.state(2).await), (READY, DONE));
    assert_eq!(world.check_exactly_once().await, 1);
}

fn record(item: assimilator::gather::Item) -> assimilator::row::Row {
    assimilator::row::Row::Failure(Box::new(dataset::table::failures::FailureRecord {
        workunit: item.workunit,
        job: None,
        parameters: Vec::new(),
        campaign: String::new(),
        error_mask: 32,
        results: item.results,
        known: Vec::new(),
        stderr: None,
        assimilated_time: 1,
    }))
}

#[tokio::test]
async fn two_instances_at_once() {
    let mut world = World::new("two").await;
    world.ready(1..=1200).await;
    let (mut a, mut b) = (world.daemon(&[]).await, world.daemon(&[]).await);
    let drain = async |daemon: &mut common::Instance| {
        let mut done = 0;
        loop {
            let report = daemon.pass().await.unwrap();
            done += report.done;
            if report.done == 0 {
                return done;
            }
        }
    };
    let (a_did, b_did) = tokio::join!(drain(&mut a), drain(&mut b));
    assert_eq!(a_did + b_did, 1200);
    assert_eq!(world.check_exactly_once().await, 1200);
    assert!(world.staged().is_empty());
}

/// At every command to the database, COMMIT included: the connection is lost there, before the server has seen it
/// or before its answer comes. The same instance goes on, or another one after it is gone.
#[tokio::test]
async fn cut_off_at_every_statement() {
    let mut world = World::new("cut").await;
    let port = world.number("SELECT @@port AS n").await;
    let proxy = Proxy::start(u16::try_from(port).unwrap()).await.unwrap();
    let url = DbUrl {
        host: Some("127.0.0.1".to_owned()),
        port: Some(proxy.port()),
        socket: None,
        ..world.project.db.url()
    };
    let mut made = 0;
    for hold in [Hold::Before, Hold::After] {
        let mut daemon = world.daemon_over(&url, "theory", &[]).await.unwrap();
        for statement in 1.. {
            world.ready([made + 1, made + 2]).await;
            made += 2;
            proxy.hold_at(statement, hold);
            let cut = tokio::select! {
                report = daemon.pass() => {
                    assert_eq!(report.unwrap().done, 2);
                    false
                }
                () = proxy.held() => true,
            };
            if cut && statement % 2 == 0 {
                drop(daemon);
                proxy.release();
                daemon = world.daemon_over(&url, "theory", &[]).await.unwrap();
            } else {
                proxy.release();
            }
            while daemon.pass().await.unwrap().done > 0 {}
            // What was under way when it was asked for is found now.
            daemon.pass().await.unwrap();
            assert_eq!(world.state(made).await, DONE, "{hold:?} {statement}");
            if !cut {
                assert!(statement > 10, "a pass has only {statement} statements");
                break;
            }
        }
        assert_eq!(world.check_exactly_once().await, usize::try_from(made).unwrap());
        assert!(world.staged().is_empty(), "{:?}", world.staged());
    }
}

/// The real program.
fn command(world: &World) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cobblestone-assimilator"));
    command.current_dir(world.project.path("bin")).args(["--app", "theory", "--one_pass"]);
    command.env_remove("BOINC_PROJECT_DIR").stdin(Stdio::null()).stderr(Stdio::piped());
    command
}

#[tokio::test]
async fn killed_anywhere_the_next_one_goes_on() {
    let mut world = World::new("killed").await;
    world.ready(1..=1500).await;
    let staging = world.app_folder().join(".staging");
    let in_temp =
        || common::files_below(&staging).iter().any(|f| f.parent().is_some_and(|p| p.ends_with("temp")));
    let in_stage = || common::files_below(&staging).iter().any(|f| f.extension().is_some());
    // Each time it is killed at another event.
    let mut killed = 0;
    for step in 0..6_u32 {
        let marked = world.number("SELECT COUNT(*) AS n FROM workunit WHERE assimilate_state = 2").await;
        let mut child = command(&world).stderr(Stdio::null()).spawn().unwrap();
        while child.try_wait().unwrap().is_none() {
            let reached = match step % 3 {
                0 => in_temp(),
                1 => in_stage(),
                _ => {
                    let now =
                        world.number("SELECT COUNT(*) AS n FROM workunit WHERE assimilate_state = 2").await;
                    now > marked
                }
            };
            if reached {
                killed += 1;
                break;
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        child.kill().unwrap();
        child.wait().unwrap();
    }
    assert!(killed >= 2, "it was killed {killed} times in its work");
    let output = command(&world).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(world.check_exactly_once().await, 1500);
    let copies = common::files_below(&world.app_folder().join("outputs"));
    assert_eq!(copies.len(), 1500);
    assert_eq!(common::files_below(&staging), [staging.join("lock")]);
}
