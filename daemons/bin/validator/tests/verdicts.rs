//! Every verdict is kept with its reason, in the transaction of the verdict; and where stock is wrong.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use boinc::id::{HostId, ResultId, UserId};
use boinc::verdict::Decision;
use common::{World, physical};
use serde_json::json;

const WITHIN: &str = "[compare]\nmethod = \"numeric\"\nabsolute = 1.0\n[credit]\nmode = \"from_workunit\"\n";

/// States of `validate_state`.
const INIT: i64 = 0;
const VALID: i64 = 1;
const INVALID: i64 = 2;
const INCONCLUSIVE: i64 = 4;
const TOO_LATE: i64 = 5;

#[tokio::test]
async fn a_chain_is_kept_with_who_agreed_with_whom() {
    let mut world = World::new(WITHIN).await;
    world.workunit(1, 2).await;
    world.results(11, 1, &["x 1.0\n", "x 1.9\n", "x 2.8\n", "x 3.7\n"]).await;
    world.one_pass();
    // The middle of the chain, not the first row that qualifies.
    assert_eq!(world.of_workunit(1, "canonical_resultid").await, 12);
    assert_eq!(world.states(1).await, [VALID, VALID, VALID, INVALID]);
    let kept = world.kept(1).await;
    assert_eq!(kept.len(), 1);
    let judgement = &kept[0];
    assert_eq!(
        (judgement.n, judgement.outcome.as_str(), judgement.canonical),
        (1, "canonical", ResultId(12))
    );
    assert_eq!((judgement.name.as_str(), judgement.credit_mode.as_str()), ("wu1", "from_workunit"));
    assert_eq!(judgement.matrix.of, [11, 12, 13, 14]);
    assert_eq!(judgement.matrix.pairs, ["=0.9", "!1.8", "!2.7", "=0.9", "!1.8", "=0.9"]);
    assert!(judgement.notes.iter().any(|note| note.contains("chain")), "{:?}", judgement.notes);
    assert_eq!(
        (judgement.files.len(), judgement.files[0].name.as_str(), judgement.files[0].bytes),
        (1, "out", 6)
    );

    let first = world.verdict(1, 11).await;
    assert_eq!((first.decision, first.host, first.user), (Decision::Valid, HostId(1), UserId(2)));
    assert_eq!((first.difference.partner, first.credit), (ResultId(12), 5.0));
    assert!((first.difference.deviation.unwrap() - 0.9).abs() < 1e-9);
    assert_eq!(first.difference.place, "out, line 1, column 2, by rule: absolute 1.0");
    assert_eq!((first.difference.value.as_str(), first.difference.partner_value.as_str()), ("1.0", "1.9"));
    assert_eq!(first.formula, "from_workunit: canonical_credit; worth 5.000000");
    let canonical = world.verdict(1, 12).await;
    assert_eq!(canonical.reason, "canonical: agrees with 2 other results");
    assert_eq!(canonical.difference.partner, ResultId(11), "its nearest neighbour");
    let last = world.verdict(1, 14).await;
    assert_eq!((last.decision, last.formula.as_str()), (Decision::Invalid, ""));
    assert!(last.reason.contains("(a chain)"), "{}", last.reason);

    // The spec in force is kept once, and its text is that of the file.
    let spec = world.store.read("spec", async |conn| conn.spec(judgement.spec).await).await.unwrap().unwrap();
    assert!(spec.text.contains("\"numeric\"") && spec.digest.len() == 64, "{spec:?}");
    world.workunit(2, 1).await;
    world.result(21, 2, 5, Some("1\n")).await;
    world.one_pass();
    assert_eq!(world.number("SELECT COUNT(*) FROM cobblestone_spec").await, 1);
    world.project.write_app_config(&WITHIN.replace("1.0", "0.5")).unwrap();
    world.workunit(3, 1).await;
    world.result(31, 3, 5, Some("1\n")).await;
    world.one_pass();
    assert_eq!(world.number("SELECT COUNT(*) FROM cobblestone_spec").await, 2);
    world.balances().await;
}

#[tokio::test]
async fn every_decision_is_kept_and_each_look_has_a_number() {
    let mut world = World::new(WITHIN).await;
    world.workunit(1, 2).await;
    world.results(11, 1, &["1\n", "5\n", "nan\n"]).await;
    world.result(14, 1, 4, None).await;
    world.one_pass();
    assert_eq!(world.states(1).await, [INCONCLUSIVE, INCONCLUSIVE, INVALID, INVALID]);
    let undecided = world.verdict(1, 11).await;
    assert_eq!(undecided.decision, Decision::Inconclusive);
    assert_eq!(undecided.reason, "no quorum: 0 confirm it, 1 must");
    assert_eq!((undecided.difference.partner, undecided.difference.deviation), (ResultId(12), Some(4.0)));
    assert_eq!(world.verdict(1, 13).await.decision, Decision::Error);
    assert!(world.verdict(1, 14).await.reason.contains("does not exist"));
    assert_eq!(world.number("SELECT outcome FROM result WHERE id = 14").await, 6);

    world.result(15, 1, 5, Some("5.5\n")).await;
    world.execute("UPDATE workunit SET need_validate = 1").await;
    world.one_pass();
    assert_eq!(world.states(1).await, [INVALID, VALID, INVALID, INVALID, VALID]);
    let kept = world.kept(1).await;
    assert_eq!(
        kept.iter().map(|kept| (kept.n, kept.outcome.as_str())).collect::<Vec<_>>(),
        [(1, "no_consensus"), (2, "canonical")]
    );
    assert_eq!(kept[0].matrix.pairs, ["!4"]);

    // A look that decides nothing is not kept: nobody is there.
    world.workunit(2, 2).await;
    world.result(21, 2, 1, Some("1\n")).await;
    world.one_pass();
    assert_eq!((world.states(2).await, world.kept(2).await.len()), (vec![INIT], 0));

    // With --dry_run nothing is kept, not even the spec.
    world.execute("DELETE FROM cobblestone_spec").await;
    world.result(22, 2, 2, Some("1\n")).await;
    world.execute("UPDATE workunit SET need_validate = 1 WHERE id = 2").await;
    let log = world.run(&["--one_pass", "--dry_run"]);
    assert!(log.contains("canonical 1"), "{log}");
    assert_eq!(world.number("SELECT COUNT(*) FROM cobblestone_spec").await, 0);
    assert_eq!((world.states(2).await, world.kept(2).await.len()), (vec![INIT, INIT], 0));

    // The assimilator has not seen it, then its files are there: what is kept stays, however old.
    let purge = async |before: f64| {
        world.store.transaction("purge", async |tx| tx.purge_judgements(before, 0, 100).await).await.unwrap()
    };
    let purgeable = async |before: f64| {
        world.store.read("count", async |conn| conn.judgements_kept(before).await).await.unwrap()
    };
    let after = common::NOW + 1.0;
    for state in
        ["assimilate_state = 1, file_delete_state = 0", "assimilate_state = 2, file_delete_state = 1"]
    {
        world.sql.execute(&format!("UPDATE workunit SET {state}"), &[]).await.unwrap();
        assert_eq!((purge(after).await, purgeable(after).await), (Some((1, 0)), (2, 0)), "{state}");
    }
    world.sql.execute("UPDATE workunit SET file_delete_state = 2", &[]).await.unwrap();
    assert_eq!(purgeable(after).await, (2, 2));
    // db_purge takes the rows; what is kept stays until it is old.
    world.sql.execute("DELETE FROM result", &[]).await.unwrap();
    world.sql.execute("DELETE FROM workunit", &[]).await.unwrap();
    assert_eq!((world.kept(1).await.len(), purgeable(after).await), (2, (2, 2)));
    assert_eq!(purge(common::NOW).await, Some((1, 0)));
    assert_eq!(purge(common::NOW + 1.0).await, Some((1, 2)));
    assert_eq!(purge(common::NOW + 1.0).await, None);
    assert_eq!(world.number("SELECT COUNT(*) FROM cobblestone_verdict").await, 0);
}

#[tokio::test]
async fn hostile_outputs_are_kept_without_harm() {
    let mut world = World::new("").await;
    world.workunit(1, 2).await;
    let nasty = "\u{1b}[2J\0'; DROP TABLE result; --\u{202e}\n".repeat(50);
    world.results(11, 1, &[&nasty, "\u{1b}[31m\n"]).await;
    world.one_pass();
    assert_eq!(world.states(1).await, [INCONCLUSIVE, INCONCLUSIVE]);
    let verdict = world.verdict(1, 11).await;
    assert!(verdict.difference.place.starts_with("out, line 1, column 3"), "{verdict:?}");
    assert!(!verdict.difference.value.chars().any(char::is_control), "{verdict:?}");
}

#[tokio::test]
async fn two_results_of_one_user_do_not_confirm_each_other_where_declared() {
    for (declared, canonical) in [("results", 11), ("hosts", 11), ("users", 0)] {
        let mut world = World::new(&format!("{WITHIN}[validate]\nindependence = \"{declared}\"\n")).await;
        world.workunit(1, 2).await;
        // Hosts 1 and 5 are user 2's.
        world.result(11, 1, 1, Some("1\n")).await;
        world.result(12, 1, 5, Some("1\n")).await;
        world.one_pass();
        assert_eq!(world.of_workunit(1, "canonical_resultid").await, canonical, "{declared}");
        if canonical == 0 {
            assert_eq!(world.of_workunit(1, "target_nresults").await, 3);
            world.result(13, 1, 2, Some("1\n")).await;
            world.execute("UPDATE workunit SET need_validate = 1").await;
            world.one_pass();
            assert_eq!(world.states(1).await, [VALID, VALID, VALID]);
        }
        world.balances().await;
    }
}

#[tokio::test]
async fn a_suspicious_result_raises_the_quorum_for_good() {
    let config = format!("{WITHIN}[validate]\nsuspect_flagged_hosts = true\nsuspicious_quorum = 3\n");
    let mut world = World::new(&config).await;
    let flag = json!({"hostid": 1, "appid": 1, "over_claims": 9, "flagged": 5.0, "time": 5.0});
    world.insert("cobblestone_flag", vec![flag]).await;
    world.workunit(1, 1).await;
    world.result(11, 1, 1, Some("1\n")).await;
    world.workunit(2, 1).await;
    world.result(21, 2, 2, Some("1\n")).await;
    world.one_pass();
    assert_eq!(world.of_workunit(2, "canonical_resultid").await, 21, "host 2 is trusted");
    assert_eq!(world.of_workunit(1, "canonical_resultid").await, 0);
    assert_eq!(world.of_workunit(1, "min_quorum").await, 3);
    assert_eq!(world.of_workunit(1, "target_nresults").await, 3);
    assert!(world.verdict(1, 11).await.reason.contains("host 1 is flagged"));

    // For good: the host is forgiven, the quorum stays.
    world.execute("DELETE FROM cobblestone_flag").await;
    world.result(12, 1, 2, Some("1\n")).await;
    world.execute("UPDATE workunit SET need_validate = 1 WHERE id = 1").await;
    world.one_pass();
    assert_eq!(world.of_workunit(1, "canonical_resultid").await, 0);
    world.result(13, 1, 3, Some("1\n")).await;
    world.execute("UPDATE workunit SET need_validate = 1 WHERE id = 1").await;
    world.one_pass();
    assert_eq!(world.states(1).await, [VALID, VALID, VALID]);
}

#[tokio::test]
async fn an_odd_output_is_no_error_but_wants_more_to_confirm_it() {
    let config = "[[compare.files]]\nname = \"out\"\nformat = \"table\"\n[[compare.files.rules]]\nabsolute = 0.1\n\
                  at_most = 10.0\nseverity = \"suspicious\"\n[validate]\nsuspicious_quorum = 3\n";
    let mut world = World::new(config).await;
    world.workunit(1, 1).await;
    world.result(11, 1, 1, Some("9\n")).await;
    world.workunit(2, 1).await;
    world.result(21, 2, 2, Some("11\n")).await;
    world.workunit(3, 1).await;
    world.result(31, 3, 3, Some("nan\n")).await;
    world.one_pass();
    assert_eq!((world.states(1).await, world.states(3).await), (vec![VALID], vec![INVALID]));
    assert_eq!(world.states(2).await, [INCONCLUSIVE]);
    assert_eq!(world.of_workunit(2, "min_quorum").await, 3);
    let reason = world.verdict(2, 21).await.reason;
    assert!(
        reason.contains("suspicious: output \"out\": line 1, column 1: 11 is not at most 10"),
        "{reason}"
    );
    world.result(22, 2, 5, Some("11\n")).await;
    world.result(23, 2, 6, Some("11.05\n")).await;
    world.execute("UPDATE workunit SET need_validate = 1 WHERE id = 2").await;
    world.one_pass();
    assert_eq!(world.states(2).await, [VALID, VALID, VALID]);
    world.balances().await;
}

#[tokio::test]
async fn a_late_result_is_judged_by_digest_when_the_canonical_files_are_gone() {
    for pay_too_late in [false, true] {
        let mut world = World::new(&format!("{WITHIN}[validate]\npay_too_late = {pay_too_late}\n")).await;
        world.workunit(1, 2).await;
        world.results(11, 1, &["1\n", "1\n"]).await;
        world.one_pass();
        std::fs::remove_file(world.project.upload_path(&physical(11)).unwrap()).unwrap();
        world.result(13, 1, 3, Some("1\n")).await;
        world.result(14, 1, 4, Some("1.5\n")).await;
        world.result(15, 1, 6, None).await;
        world.execute("UPDATE workunit SET need_validate = 1, assimilate_state = 2").await;
        world.one_pass();
        // Stock calls all three of them invalid.
        assert_eq!(world.states(1).await, [VALID, VALID, VALID, TOO_LATE, INVALID]);
        assert_eq!(world.verdict(1, 13).await.difference.place, "equal to the digest that was kept");
        assert_eq!(world.verdict(1, 14).await.decision, Decision::TooLate);
        assert_eq!(world.verdict(1, 15).await.decision, Decision::Error);
        let paid = world.number("SELECT granted_credit FROM result WHERE id = 14").await;
        assert_eq!(paid, if pay_too_late { 5 } else { 0 });
        assert_eq!(world.of_workunit(1, "assimilate_state").await, 2, "left alone");
        world.balances().await;
    }
}

#[tokio::test]
async fn as_many_workunits_as_wanted_and_then_it_ends() {
    let mut world = World::new("").await;
    for id in 1..=7 {
        world.workunit(id, 1).await;
        world.result(10 * id, id, id, Some("1\n")).await;
    }
    let left = "SELECT COUNT(*) FROM workunit WHERE need_validate = 1";
    world.run(&["--one_pass_N_WU", "3"]);
    assert_eq!(world.number(left).await, 4);
    world.run(&["-one_pass_N_WU", "1", "--min_wu_id", "6"]);
    assert_eq!(world.of_workunit(6, "need_validate").await, 0);
    world.run(&["--wu_id", "5"]);
    assert_eq!((world.of_workunit(5, "need_validate").await, world.number(left).await), (0, 2));
    // The file can say the same.
    world.project.write_app_config("[validate]\none_pass_n_wu = 1\nmodulo = [2, 1]\n").unwrap();
    world.run(&[]);
    assert_eq!((world.of_workunit(7, "need_validate").await, world.number(left).await), (0, 1));
    world.project.write_app_config("[validate]\ndry_run = true\nwu_id = 4\n").unwrap();
    world.run(&[]);
    assert_eq!(world.number(left).await, 1);
}

#[tokio::test]
async fn the_next_workunits_are_read_and_no_others() {
    use boinc::id::{AppId, WorkunitId};
    use store::validation::Selection;

    let mut world = World::new("").await;
    world
        .execute(
            "INSERT INTO workunit (create_time, appid, name, need_validate, rsc_fpops_est, rsc_fpops_bound, rsc_memory_bound, \
             rsc_disk_bound, batch, canonical_resultid, canonical_credit, transition_time, delay_bound, error_mask, \
             file_delete_state, assimilate_state, hr_class, opaque, min_quorum, target_nresults, max_error_results, \
             max_total_results, max_success_results, result_template_file, priority, rsc_bandwidth_bound, fileset_id, \
             app_version_id, transitioner_flags, keywords, app_version_num) SELECT 0, 1, CONCAT('w', seq), \
             CASE WHEN seq > 19990 THEN 2 WHEN seq % 100 = 0 THEN 1 ELSE 0 END, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, \
             1, 1, 1, '', 0, 0, 0, 0, 0, '', 0 FROM seq_1_to_20000",
        )
        .await;
    world.execute("ANALYZE TABLE workunit").await;
    let next = async |after: i32, limit: i64| {
        let up_to = WorkunitId(i32::MAX);
        let which = Selection { app: AppId(1), after: WorkunitId(after), up_to, limit, modulo: None };
        let found =
            world.store.read("next", async |conn| conn.workunits_to_validate(which).await).await.unwrap();
        found.rows.iter().map(|row| row.id.0).collect::<Vec<_>>()
    };
    assert_eq!(next(0, 3).await, [100, 200, 300]);
    assert_eq!(next(10_050, 2).await, [10_100, 10_200]);
    // Other values of need_validate count, too, in the order of ids.
    assert_eq!(next(19_750, 4).await, [19_800, 19_900, 19_991, 19_992]);
    let all: Vec<i32> = (1..200).map(|n| n * 100).chain(19_991..=20_000).collect();
    assert_eq!(next(0, 5000).await, all);

    // Others use the server, too: the least of several.
    let reads = "SHOW GLOBAL STATUS WHERE Variable_name IN ('Handler_icp_attempts', 'Handler_read_next')";
    let mut least = i64::MAX;
    for _ in 0..5 {
        let before = world.sql.rows(reads, &[]).await.unwrap();
        assert_eq!(next(0, 100).await.len(), 100);
        let after = world.sql.rows(reads, &[]).await.unwrap();
        let sum = |rows: &[store::sql::Row]| rows.iter().map(|row| row.i64("Value").unwrap()).sum::<i64>();
        least = least.min(sum(&after) - sum(&before));
    }
    assert!(least < 1000, "{least} entries were read for 100 workunits");
}

#[tokio::test]
async fn hosts_with_hopeless_errors_get_one_job_a_day() {
    let rule = "[validate]\nhopeless_exit_status = [195]\nhopeless_stderr = [\"VT-x is disabled\"]\n";
    let mut world = World::new(rule).await;
    world.workunit(1, 1).await;
    world.result(11, 1, 1, Some("1\n")).await;
    for (id, host, status, stderr) in [
        (12, 2, 195, ""),
        (13, 3, 1, "<stderr_txt>\nVT-x is disabled in BIOS\n</stderr_txt>"),
        (14, 4, 1, "VT-x is enabled"),
    ] {
        world.result(id, 1, host, None).await;
        let sql = "UPDATE result SET outcome = 3, exit_status = ?, stderr_out = ? WHERE id = ?";
        world.sql.execute(sql, &[status.into(), stderr.into(), id.into()]).await.unwrap();
    }
    let quota = |host: i32| {
        format!("SELECT max_jobs_per_day * 1000 + n_jobs_today FROM host_app_version WHERE host_id = {host}")
    };
    world.one_pass();
    assert_eq!(world.number(&quota(2)).await, 100_000, "nobody asked for it");
    world.execute("UPDATE workunit SET need_validate = 1").await;
    let log = world.run(&["--one_pass", "--check_punitive"]);
    assert!(log.contains("hopeless"), "{log}");
    for (host, wanted) in [(1, 101_000), (2, 1001), (3, 1001), (4, 100_000)] {
        assert_eq!(world.number(&quota(host)).await, wanted, "host {host}");
    }
    assert_eq!(world.states(1).await, [VALID, INIT, INIT, INIT], "their states are the transitioner's");
}

#[tokio::test]
async fn a_script_that_cannot_be_run_costs_nobody_anything() {
    let mut world = World::new("").await;
    world.project.write_app_config("[compare.script]\ncompare_script = [\"same\"]\n").unwrap();
    world.workunit(1, 2).await;
    world.results(11, 1, &["1\n", "2\n"]).await;
    let start = |world: &World| {
        let output = world.start(&["--one_pass"]).output().unwrap();
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let (status, log) = start(&world);
    assert_eq!(status, Some(1), "{log}");
    assert!(log.contains("bin/same can't be run: No such file"), "{log}");
    let path = world.project.path("bin/same");
    let put = |text: &str| {
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    };
    put("#!/no/such/interpreter\n");
    let (status, log) = start(&world);
    assert_eq!((status, world.states(1).await), (Some(0), vec![INIT, INIT]), "{log}");
    put("#!/bin/sh\necho close enough\n");
    world.sql.execute("UPDATE workunit SET need_validate = 1", &[]).await.unwrap();
    let (status, log) = start(&world);
    assert_eq!((status, world.states(1).await), (Some(0), vec![VALID, VALID]), "{log}");
    let kept =
        "SELECT COUNT(*) FROM cobblestone_verdict WHERE place = 'compare_script says yes: close enough'";
    assert_eq!(world.number(kept).await, 2, "what it wrote is kept");
}

#[tokio::test]
async fn a_spec_that_does_not_fit_its_sample_is_refused_at_start() {
    let file = "[[compare.files]]\nname = \"out\"\nformat = \"table\"\nheader = true\nsample = \"good/out.csv\"\n\
                separator = \"comma\"\n";
    let mut world = World::new("").await;
    let start = |world: &World, rules: &str| {
        world.project.write_app_config(&format!("{file}{rules}")).unwrap();
        let output = world.start(&["--one_pass"]).output().unwrap();
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let good = "[[compare.files.rules]]\ncolumns = [\"mass\"]\nrelative = 1e-6\n";
    let (status, log) = start(&world, good);
    assert_eq!(status, Some(1), "{log}");
    assert!(log.contains("good/out.csv: does not exist") && log.contains("mend `sample`"), "{log}");
    let folder = world.project.path("cobblestone/good");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("out.csv"), "event,mass\n1,91.0\n2,92.5\n").unwrap();
    for (rules, says) in [
        (
            "[[compare.files.rules]]\ncolumns = [\"mas\"]\nrelative = 1e-6\n",
            "\"mas\" is no column of the sample",
        ),
        ("[[compare.files.rules]]\ncolumns = [\"mass\"]\nabsolute = 2.0\n", "accepts anything for `mass`"),
        ("ignore = [\"^time\"]\n", "^time matches no line of the sample"),
        ("min_rows = 3\n", "the sample is no good output: has 2 rows"),
    ] {
        let (status, log) = start(&world, rules);
        assert_eq!(status, Some(1), "{rules}{log}");
        assert!(log.contains("does not fit its sample") && log.contains(says), "{rules}{log}");
    }
    world.workunit(1, 2).await;
    world.results(11, 1, &["event,mass\n1,3.0\n", "event,mass\n1,3.0000001\n"]).await;
    let (status, log) = start(&world, good);
    assert_eq!((status, world.states(1).await), (Some(0), vec![VALID, VALID]), "{log}");
}

#[tokio::test]
async fn an_upload_folder_that_is_away_is_later_and_a_missing_file_an_error() {
    let mut world = World::new("").await;
    world.workunit(1, 2).await;
    world.results(11, 1, &["1\n", "1\n"]).await;
    let folder = world.project.upload_path(&physical(11)).unwrap().parent().unwrap().to_owned();
    let away = folder.with_extension("away");
    std::fs::rename(&folder, &away).unwrap();
    world.one_pass();
    assert_eq!(world.states(1).await, [INIT, INIT]);
    assert_eq!(world.verdict(1, 11).await.decision, Decision::Later);
    assert_eq!(world.of_workunit(1, "transition_time").await, common::NOW as i64 + 6 * 3600);
    std::fs::rename(&away, &folder).unwrap();
    std::fs::remove_file(world.project.upload_path(&physical(12)).unwrap()).unwrap();
    world.execute("UPDATE workunit SET need_validate = 1").await;
    world.one_pass();
    assert_eq!(world.states(1).await, [INCONCLUSIVE, INVALID]);
    assert_eq!(world.kept(1).await.len(), 2);
}
