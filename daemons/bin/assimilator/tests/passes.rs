//! Passes of the assimilator in this process, against a real database.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test's helpers are tests too")]

mod common;

use std::fs;

use common::{DONE, NOW, READY, World, content, physical};

#[tokio::test]
async fn results_failures_and_outputs_each_in_their_place() {
    let mut world = World::new("places").await;
    world.ready([1, 2]).await;
    world.failed(3, 2).await;
    world.failed(4, 0).await;
    // Not ours: another application, another state.
    world.ready([5, 6]).await;
    world.exec("UPDATE workunit SET appid = 2 WHERE id = 5").await;
    world.exec("UPDATE workunit SET assimilate_state = 0 WHERE id = 6").await;
    world.exec("UPDATE result SET validate_state = 2 WHERE id = 4").await;
    let mut daemon = world.daemon(&[]).await;
    let report = daemon.pass().await.unwrap();
    assert_eq!((report.found, report.done, report.set_aside), (4, 4, 0));
    assert_eq!(report.to_string(), "assimilated 2, failed 2");
    assert_eq!(daemon.pass().await.unwrap().done, 0);

    let rows = world.rows("results");
    let [none, campaign] = &rows[..] else { panic!("{rows:?}") };
    let (campaign, none) = if none["workunit_id"] == "2" { (none, campaign) } else { (campaign, none) };
    assert!(none["file"].contains(
        "/results/theory/results/campaign=none/day=2026-11-18/part-0000000001-0000000001-1795000000-"
    ));
    assert!(campaign["file"].contains("/results/campaign=c%2F1/day=2026-11-18/part-0000000002-"));
    for (column, value) in [
        ("workunit_name", "wu_2"),
        ("seed", "14"),
        ("canonical_result_name", "wu_2_3"),
        ("host_id", "9"),
        ("processor", "Acme Z"),
        ("credit", "10.5"),
        ("n_results", "2"),
        ("n_valid", "1"),
        ("output_folder", "outputs/c%2F1/wu_2"),
        ("output_names", "out.dat"),
        ("output_bytes", "12"),
    ] {
        assert_eq!(campaign[column], value, "{column}");
    }
    assert_eq!((none["seed"].as_str(), none["n_valid"].as_str()), ("null", "2"));
    for (id, folder) in [(1, "none/wu_1"), (2, "c%2F1/wu_2")] {
        let copy = world.app_folder().join("outputs").join(folder).join("out.dat");
        assert_eq!(fs::read_to_string(copy).unwrap(), content(id));
    }
    let mut failures = world.rows("failures");
    failures.sort_by_key(|row| row["workunit_id"].clone());
    let told: Vec<_> =
        failures.iter().map(|r| (r["workunit_id"].as_str(), r["error_mask"].as_str())).collect();
    assert_eq!(told, [("3", "2"), ("4", "32")]);
    assert_eq!(failures[0]["stderr_tail"], "no VT-x");
    assert_eq!(failures[0]["exit_codes"], "197,197");
    assert_eq!(failures[0]["exit_reasons"], "time_limit_exceeded,time_limit_exceeded");
    let files = world.rows("files");
    assert_eq!((files.len(), files[0]["name"].as_str(), files[0]["bytes"].as_str()), (2, "out.dat", "12"));

    let sql = "SELECT COUNT(*) AS n FROM workunit WHERE id <= 4 AND assimilate_state = 2 AND transition_time = 1795000000";
    assert_eq!(world.number(sql).await, 4);
    assert_eq!(world.number("SELECT error_mask AS n FROM workunit WHERE id = 4").await, 32);
    assert_eq!((world.state(5).await, world.state(6).await), (READY, 0));
    let published = "SELECT COUNT(*) AS n FROM cobblestone_dataset_file WHERE state = 'published'";
    // For each campaign results and files, and failures of none.
    assert_eq!(world.number(published).await, 6);
    assert_eq!(world.check_exactly_once().await, 4);
    assert!(world.staged().is_empty());
    drop(daemon);
    let left = fs::read_dir(world.app_folder().join(".staging")).unwrap().count();
    assert_eq!(left, 1, "only the common lock is left");
}

#[tokio::test]
async fn the_next_workunits_are_read_and_no_others() {
    use boinc::id::{AppId, WorkunitId};
    use store::validation::Selection;

    let mut world = World::new("next").await;
    world
        .exec(
            "INSERT INTO workunit (create_time, appid, name, need_validate, rsc_fpops_est, rsc_fpops_bound, rsc_memory_bound, \
             rsc_disk_bound, batch, canonical_resultid, canonical_credit, transition_time, delay_bound, error_mask, \
             file_delete_state, assimilate_state, hr_class, opaque, min_quorum, target_nresults, max_error_results, \
             max_total_results, max_success_results, result_template_file, priority, rsc_bandwidth_bound, fileset_id, \
             app_version_id, transitioner_flags, keywords, app_version_num) SELECT 0, 1, CONCAT('w', seq), 0, 0, 0, 0, 0, 0, \
             0, 0, 0, 0, 0, 0, IF(seq % 100 = 0, 1, 2), 0, 0, 1, 1, 1, 1, 1, '', 0, 0, 0, 0, 0, '', 0 FROM seq_1_to_20000",
        )
        .await;
    world.exec("ANALYZE TABLE workunit").await;
    let next = async |after: i32, modulo: Option<(i32, i32)>| {
        let (after, up_to) = (WorkunitId(after), WorkunitId(i32::MAX));
        let which = Selection { app: AppId(1), after, up_to, limit: 100, modulo };
        let found = world.store.read("next", async |conn| conn.workunits_to_assimilate(which).await).await;
        found.unwrap().rows.iter().map(|row| row.id.0).collect::<Vec<_>>()
    };
    assert_eq!(next(0, None).await, (1..=100).map(|n| n * 100).collect::<Vec<_>>());
    assert_eq!(next(19_700, None).await, [19_800, 19_900, 20_000]);
    assert_eq!(next(19_700, Some((300, 0))).await, [19_800]);

    // Others use the server, too: the least of several.
    let reads = "SHOW GLOBAL STATUS WHERE Variable_name IN ('Handler_icp_attempts', 'Handler_read_next')";
    let mut least = i64::MAX;
    for _ in 0..5 {
        let before = world.sql.rows(reads, &[]).await.unwrap();
        assert_eq!(next(0, None).await.len(), 100);
        let after = world.sql.rows(reads, &[]).await.unwrap();
        let sum = |rows: &[store::sql::Row]| rows.iter().map(|row| row.i64("Value").unwrap()).sum::<i64>();
        least = least.min(sum(&after) - sum(&before));
    }
    assert!(least < 1000, "{least} entries were read for 100 workunits");
}

#[tokio::test]
async fn one_bad_workunit_is_set_aside_and_tried_again_later() {
    let mut world = World::new("aside").await;
    world.ready(1..=4).await;
    let lost = world.project.upload_path(&physical(3)).unwrap();
    fs::remove_file(&lost).unwrap();
    world.exec("UPDATE result SET outcome = 42 WHERE id = 6").await;
    world.exec("UPDATE result SET xml_doc_in = '<file_ref>' WHERE id = 7").await;
    let mut daemon = world.daemon(&[]).await;
    let report = daemon.pass().await.unwrap();
    assert_eq!((report.found, report.done, report.set_aside), (4, 1, 3));
    assert_eq!((world.state(1).await, world.state(2).await), (DONE, READY));
    let reasons = world.sql.rows("SELECT * FROM cobblestone_quarantine ORDER BY refid", &[]).await.unwrap();
    let reasons: Vec<String> = reasons.iter().map(|row| row.text("reason").unwrap()).collect();
    for (reason, words) in
        reasons.iter().zip(["_r77_0 is missing", "result 6: result.outcome = 42", "xml_doc_in"])
    {
        assert!(reason.contains(words), "{reason}");
    }
    assert_eq!(reasons.len(), 3);
    // Not again at once, also by another instance.
    assert!(daemon.pass().await.unwrap().is_empty());
    assert!(world.daemon(&[]).await.pass().await.unwrap().is_empty());
    // But when asked for by a person, once.
    let mut asked = world.daemon(&["--wu_id", "2"]).await;
    assert_eq!(asked.pass().await.unwrap().set_aside, 1);
    assert!(asked.pass().await.unwrap().is_empty());
    fs::write(&lost, "late").unwrap();
    world.clock.set(NOW + 119.0);
    assert_eq!(daemon.pass().await.unwrap().set_aside, 2, "the second pause of workunit 2 is two minutes");
    world.clock.set(NOW + 120.0);
    assert_eq!(daemon.pass().await.unwrap().done, 1);
    assert_eq!(world.state(2).await, DONE);
    assert_eq!(world.number("SELECT COUNT(*) AS n FROM cobblestone_quarantine").await, 2);
    assert_eq!(world.check_exactly_once().await, 2);
}

#[tokio::test]
async fn parameters_of_jobs_stand_in_their_rows_and_declared_ones_have_columns() {
    let mut world = World::new("parameters").await;
    world.ready(1..=4).await;
    world.failed(6, 2).await;
    for (id, parameters) in
        [(2, r#"{"energy":6500,"process":"z1j"}"#), (4, r#"{"energy":"high"}"#), (6, r#"{"energy":"0.50"}"#)]
    {
        world
            .exec(&format!("UPDATE cobblestone_job SET parameters = '{parameters}' WHERE workunitid = {id}"))
            .await;
    }
    let declare = "[assimilate.parameters]\nenergy = \"number\"\nmissing = \"text\"\n";
    world.project.write_app_config(declare).unwrap();
    let mut daemon = world.daemon(&[]).await;
    assert_eq!(daemon.pass().await.unwrap().to_string(), "assimilated 3, failed 1, set_aside 1");
    let reason = "SELECT reason FROM cobblestone_quarantine";
    let reason = world.sql.row(reason, &[]).await.unwrap().text("reason").unwrap();
    assert!(reason.contains("energy is \"high\"") && reason.contains("number"), "{reason}");
    let rows = world.rows("results");
    let of =
        |id: &str, column: &str| rows.iter().find(|row| row["workunit_id"] == id).unwrap()[column].clone();
    assert_eq!(of("1", "parameters"), "null");
    assert_eq!(of("2", "parameters"), r#"{"energy":6500,"process":"z1j"}"#);
    assert_eq!(
        (of("2", "parameter_energy").as_str(), of("1", "parameter_energy").as_str()),
        ("6500.0", "null")
    );
    assert_eq!(of("2", "parameter_missing"), "null");
    assert_eq!(world.rows("failures")[0]["parameter_energy"], "0.5");
    // It is declared as what it is: the next try takes it.
    world.project.write_app_config("[assimilate.parameters]\nenergy = \"text\"\n").unwrap();
    assert_eq!(world.daemon(&["--wu_id", "4"]).await.pass().await.unwrap().done, 1);
    let rows = world.rows("results");
    assert_eq!(rows.iter().find(|row| row["workunit_id"] == "4").unwrap()["parameter_energy"], "high");
}

#[tokio::test]
async fn a_dry_run_writes_nothing() {
    let mut world = World::new("dry").await;
    world.ready(1..=3).await;
    world.failed(4, 1).await;
    fs::remove_file(world.project.upload_path(&physical(1)).unwrap()).unwrap();
    for flag in ["--dry_run", "--dont_update_db"] {
        let report = world.daemon(&[flag]).await.pass().await.unwrap();
        assert_eq!((report.found, report.done, report.set_aside), (4, 0, 1));
        assert_eq!(report.to_string(), "assimilated 2, failed 1, set_aside 1");
    }
    assert!(!world.project.path("results").exists());
    assert_eq!(world.number("SELECT COUNT(*) AS n FROM workunit WHERE assimilate_state = 1").await, 4);
    assert_eq!(world.number("SELECT COUNT(*) AS n FROM cobblestone_quarantine").await, 0);
}

#[tokio::test]
async fn outputs_may_stay_where_they_are() {
    let mut world = World::new("stay").await;
    world.project.write_app_config("[assimilate]\nfolder = \"data/out\"\noutputs = \"leave\"\n").unwrap();
    world.ready([1]).await;
    assert_eq!(world.daemon(&[]).await.pass().await.unwrap().done, 1);
    let app_folder = world.project.path("data/out/theory");
    let row = &common::rows(&app_folder, "results")[0];
    assert_eq!((row["output_folder"].as_str(), row["output_names"].as_str()), ("null", "out.dat"));
    assert_eq!(row["output_sha256"].len(), 64);
    assert!(!app_folder.join("outputs").exists());
}

#[tokio::test]
async fn shares_of_the_work_and_single_workunits() {
    let mut world = World::new("shares").await;
    world.ready(1..=6).await;
    assert_eq!(world.daemon(&["--wu_id", "5"]).await.pass().await.unwrap().done, 1);
    assert_eq!(world.daemon(&["--mod", "3", "1"]).await.pass().await.unwrap().done, 2);
    assert_eq!((world.state(1).await, world.state(2).await, world.state(4).await), (DONE, READY, DONE));
    assert_eq!(world.daemon(&["--one_pass_N_WU", "2"]).await.pass().await.unwrap().done, 2);
    assert!(world.stop.is_stopping());
    assert_eq!(world.check_exactly_once().await, 5);
}

#[tokio::test]
async fn an_unknown_application_is_told() {
    let world = World::new("unknown").await;
    let Err(error) = world.try_daemon("nix", &[]).await else { panic!("it starts") };
    assert!(error.to_string().contains("no application `nix`"), "{error}");
    assert_eq!(daemon::run::Severity::of(&error), daemon::run::Severity::Fatal);
}

#[tokio::test]
async fn more_than_a_batch_and_many_that_wait_at_its_head() {
    let mut world = World::new("many").await;
    world.ready(1..=1203).await;
    // The first 600 are set aside and not due.
    world
        .exec(&format!(
            "INSERT INTO cobblestone_quarantine (time, daemon, kind, refid, hostid, reason, tries) \
             SELECT {NOW}, 'assimilator', 'workunit', id, 0, '', 1 FROM workunit WHERE id <= 600"
        ))
        .await;
    let mut daemon = world.daemon(&[]).await;
    let report = daemon.pass().await.unwrap();
    assert_eq!((report.found, report.done), (603, 603));
    assert_eq!(daemon.pass().await.unwrap().done, 0);
    world.clock.set(NOW + 60.0);
    assert_eq!(daemon.pass().await.unwrap().done, 600);
    assert_eq!(world.check_exactly_once().await, 1203);
    assert_eq!(world.number("SELECT COUNT(*) AS n FROM cobblestone_quarantine").await, 0);
}

#[tokio::test]
async fn a_workunit_that_boinc_asks_for_twice_gets_one_row() {
    let mut world = World::new("twice").await;
    world.ready([1]).await;
    // Cancelled while its results run.
    world.exec("UPDATE workunit SET error_mask = 16, canonical_resultid = 0 WHERE id = 1").await;
    let mut daemon = world.daemon(&[]).await;
    assert_eq!(daemon.pass().await.unwrap().to_string(), "failed 1");
    // They are reported and agree: the validator sets it to be assimilated again.
    world.exec("UPDATE workunit SET assimilate_state = 1, canonical_resultid = 1, transition_time = 7 WHERE id = 1").await;
    let again = daemon.pass().await.unwrap();
    assert_eq!((again.done, again.to_string().as_str()), (1, "known 1"));
    assert_eq!(world.state(1).await, DONE);
    assert_eq!(world.number("SELECT transition_time AS n FROM workunit WHERE id = 1").await, 1_795_000_000);
    assert_eq!((world.rows("failures").len(), world.rows("results").len()), (1, 0));
}

/// Publishes guest reports of results 1, 3, 5 …: (result, succeeded, events).
async fn reported(world: &mut World, reports: &[(i32, i32, i32)]) {
    for (result, succeeded, events) in reports {
        world
            .exec(&format!(
                "INSERT INTO cobblestone_report VALUES ({result}, 'jobs.json', 9, 1, 1, 0, 5, {succeeded}, 1, {events}, 1, 0)"
            ))
            .await;
    }
}

#[tokio::test]
async fn a_valid_result_that_did_nothing_is_flagged_for_review() {
    let mut world = World::new("idle").await;
    let declared = "[[reports]]\nvariety = \"jobs.json\"\nformat = \"json\"\nmeaning = \"cumulative\"\n";
    world.project.write_app_config(declared).unwrap();
    world.ready(1..=3).await;
    reported(&mut world, &[(1, 4, 100), (3, 0, 0)]).await;
    let report = world.daemon(&[]).await.pass().await.unwrap();
    assert_eq!(report.to_string(), "assimilated 3, flagged 2, reviews 2");
    let reviews = world
        .store
        .read("reviews", async |conn| conn.reviews_of(&[common::wu(1), common::wu(2), common::wu(3)]).await)
        .await
        .unwrap();
    let told: Vec<_> = reviews.iter().map(|r| (r.review.workunit.0, r.review.result.0)).collect();
    assert_eq!(told, [(2, 3), (3, 5)]);
    for review in &reviews {
        assert_eq!(review.review.who, store::reviews::BY_ASSIMILATOR);
        assert_eq!(review.review.verdict, store::reviews::ReviewVerdict::Flagged);
    }
    assert!(reviews[0].review.comment.contains("none that ended well"), "{}", reviews[0].review.comment);
    assert!(reviews[1].review.comment.contains("reported nothing"));
    let rows = world.rows("results");
    let row = |id: &str| rows.iter().find(|row| row["workunit_id"] == id).unwrap();
    assert_eq!((row("1")["flag"].as_str(), row("1")["guest_events"].as_str()), ("null", "100"));
    assert_eq!((row("2")["guest_received"].as_str(), row("2")["guest_failed"].as_str()), ("5", "1"));
    assert!(row("3")["flag"].contains("reported nothing") && row("3")["guest_events"] == "null");
    // It can be switched off.
    world.project.write_app_config(&format!("[assimilate]\nflag_idle = false\n{declared}")).unwrap();
    world.ready([4]).await;
    assert_eq!(world.daemon(&[]).await.pass().await.unwrap().to_string(), "assimilated 1");
}

#[tokio::test]
async fn a_flag_is_taken_back_when_the_report_comes_late() {
    let mut world = World::new("late").await;
    let declared = "[[reports]]\nvariety = \"jobs.json\"\nformat = \"json\"\nmeaning = \"cumulative\"\n";
    world.project.write_app_config(declared).unwrap();
    world.ready(1..=5).await;
    let mut daemon = world.daemon(&[]).await;
    assert_eq!(daemon.pass().await.unwrap().to_string(), "assimilated 5, flagged 5, reviews 5");
    // 1 did something, 2 events only, 3 nothing that ended well, 4 and 5 something; but a person has spoken of 4 since.
    reported(&mut world, &[(1, 4, 100), (3, 0, 7), (5, 0, 0), (7, 1, 0), (9, 1, 0)]).await;
    let person = "INSERT INTO cobblestone_review (time, appid, workunitid, resultid, who, verdict, comment) \
                  SELECT time, 1, 4, 7, 'anna', 'rejected', 'no' FROM cobblestone_review WHERE id = 1";
    world.exec(person).await;
    world.exec("UPDATE cobblestone_review SET time = time - 61 * 86400 WHERE workunitid = 5").await;
    assert_eq!(daemon.pass().await.unwrap().to_string(), "reviews 1", "it looks once a minute");
    world.clock.set(NOW + 61.0);
    assert!(
        !world.daemon(&["--mod", "2", "1"]).await.pass().await.unwrap().to_string().contains("taken_back")
    );
    let (mut other, mut third) = (world.daemon(&[]).await, world.daemon(&[]).await);
    let (one, two, three) = tokio::join!(daemon.pass(), other.pass(), third.pass());
    one.unwrap();
    two.unwrap();
    three.unwrap();
    let said = "SELECT GROUP_CONCAT(CONCAT(workunitid, ' ', who, ' ', verdict) ORDER BY id SEPARATOR ', ') AS t \
                FROM cobblestone_review WHERE id > 5";
    let said = world.sql.row(said, &[]).await.unwrap().text("t").unwrap();
    assert_eq!(said, "4 anna rejected, 1 assimilator cleared, 2 assimilator cleared");
    let comment = "SELECT comment AS t FROM cobblestone_review WHERE workunitid = 1 ORDER BY id DESC LIMIT 1";
    let comment = world.sql.row(comment, &[]).await.unwrap().text("t").unwrap();
    assert!(comment.contains("4 jobs that ended well, 100 events"), "{comment}");
    // The dataset has it.
    world.clock.set(NOW + 200.0);
    daemon.pass().await.unwrap();
    let cleared = world.rows("reviews").into_iter().filter(|row| row["verdict"] == "cleared").count();
    assert_eq!(cleared, 2);
    // What a person flags is theirs.
    world.exec("UPDATE cobblestone_review SET who = 'bob' WHERE workunitid = 5").await;
    world.exec("UPDATE cobblestone_review SET time = time + 61 * 86400 WHERE workunitid = 5").await;
    world.clock.set(NOW + 400.0);
    assert!(!daemon.pass().await.unwrap().to_string().contains("taken_back"));
}

const DATA: &str = "[assimilate]\noutputs = \"zstd\"\n[[assimilate.data]]\nname = \"words\"\nfile = \"out.*\"\n\
    text = [\"last\"]\n[assimilate.data.columns]\nid = 3\nlast = 1\n";

#[tokio::test]
async fn what_stands_in_output_files_becomes_tables() {
    let mut world = World::new("data").await;
    world.project.write_app_config(DATA).unwrap();
    world.ready(1..=4).await;
    fs::write(world.project.upload_path(&physical(3)).unwrap(), "a b 2\nc d 2.5\n").unwrap();
    // A line without the third value in the whole file, and a link.
    fs::write(world.project.upload_path(&physical(5)).unwrap(), "a b\n").unwrap();
    let link = world.project.upload_path(&physical(7)).unwrap();
    fs::remove_file(&link).unwrap();
    std::os::unix::fs::symlink("/etc/passwd", &link).unwrap();
    let report = world.daemon(&[]).await.pass().await.unwrap();
    assert_eq!(report.to_string(), "assimilated 2, set_aside 2");
    let mut rows = world.rows("data/words");
    rows.sort_by_key(|row| (row["workunit_id"].clone(), row["row"].clone()));
    let told: Vec<_> =
        rows.iter().map(|r| [&r["workunit_id"], &r["result_id"], &r["row"], &r["id"], &r["last"]]).collect();
    assert_eq!(
        told,
        [["1", "1", "0", "1.0", "output"], ["2", "3", "0", "2.0", "a"], ["2", "3", "1", "2.5", "c"]]
    );
    assert!(rows[1]["file"].contains("/data/words/campaign=c%2F1/day=2026-11-18/part-"));
    let reasons =
        world.sql.rows("SELECT reason FROM cobblestone_quarantine ORDER BY refid", &[]).await.unwrap();
    assert!(reasons[0].text("reason").unwrap().contains("data.words: shared/out.dat"), "{reasons:?}");
    // Outputs are compressed, and the manifest says so.
    let files = world.rows("files");
    let file = files.iter().find(|row| row["workunit_id"] == "1").unwrap();
    assert_eq!(
        (file["path"].as_str(), file["compression"].as_str()),
        ("outputs/none/wu_1/out.dat.zst", "zstd")
    );
    let packed = fs::read(world.app_folder().join(&file["path"])).unwrap();
    assert_eq!(file["stored_bytes"], packed.len().to_string());
    assert_eq!(world.check_exactly_once().await, 2);
}

#[tokio::test]
async fn a_workunit_that_was_dropped_is_left_alone_until_it_is_given_back() {
    let mut world = World::new("dropped").await;
    world.ready(1..=2).await;
    fs::remove_file(world.project.upload_path(&physical(1)).unwrap()).unwrap();
    let mut daemon = world.daemon(&[]).await;
    assert_eq!(daemon.pass().await.unwrap().to_string(), "assimilated 1, set_aside 1");
    let drop = |now: f64| {
        let store = &world.store;
        async move {
            let tx = async |tx: &mut store::Tx| {
                tx.drop_things("assimilator", "workunit", &[1], "dropped by a test", now).await
            };
            store.transaction("drop", tx).await.unwrap()
        }
    };
    assert_eq!(drop(NOW).await, [1]);
    assert_eq!(drop(NOW).await, [0; 0]);
    fs::write(world.project.upload_path(&physical(1)).unwrap(), content(1)).unwrap();
    // Neither when it would be due, nor when it is asked for.
    world.clock = daemon::Clock::frozen(NOW + 1e6);
    for flags in [&[][..], &["--wu_id", "1"]] {
        assert_eq!(world.daemon(flags).await.pass().await.unwrap().found, 0);
    }
    let retry = async |tx: &mut store::Tx| tx.retry_workunits("assimilator", &[1], 0).await;
    assert_eq!(world.store.transaction("retry", retry).await.unwrap(), [1]);
    assert_eq!(world.daemon(&[]).await.pass().await.unwrap().to_string(), "assimilated 1");
    assert_eq!(world.number("SELECT COUNT(*) AS n FROM cobblestone_quarantine").await, 0);
    assert_eq!(world.check_exactly_once().await, 2);
}
