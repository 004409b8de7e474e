//! Scripts of `[compare.script]` and stderr, through the real validator: each way a script can end, and what it costs.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::os::unix::fs::PermissionsExt as _;

use boinc::verdict::Decision;
use common::{NOW, World};

/// States of `validate_state`.
const INIT: i64 = 0;
const VALID: i64 = 1;
const INVALID: i64 = 2;
const INCONCLUSIVE: i64 = 4;

/// Ends as the first word of the first file says.
const AS_TOLD: &str = r#"#!/bin/sh
read -r word rest < "$1"
case "$word" in
    yes) exit 0 ;;
    no) exit 1 ;;
    later) exit 75 ;;
    odd) echo 'what now?'; exit 3 ;;
    killed) kill -9 $$ ;;
    slow) sleep 600 ;;
    loud) head -c 10000000 /dev/zero | tr '\0' x; exit 1 ;;
esac
"#;

fn script(world: &World, text: &str) {
    let path = world.project.path("bin/judge.sh");
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, text).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

#[tokio::test]
async fn however_an_init_script_ends_only_its_no_costs_credit() {
    let rules = "[compare.script]\ninit_script = [\"judge.sh\", \"files\"]\ntimeout_seconds = 1.0\n";
    let mut world = World::new(rules).await;
    script(&world, AS_TOLD);
    let cases = [
        ("yes", VALID, Decision::Valid, "canonical"),
        ("no", INVALID, Decision::Error, "init_script says no"),
        ("later", INIT, Decision::Later, "init_script wants to be asked later"),
        ("odd", INIT, Decision::Later, "ended with status 3; what now?"),
        ("killed", INIT, Decision::Later, "ended by signal 9"),
        ("slow", INIT, Decision::Later, "did not end in 1 s"),
        ("loud", INVALID, Decision::Error, "init_script says no: xxxx"),
    ];
    for (id, (word, ..)) in (1..).zip(cases) {
        world.workunit(id, 1).await;
        world.result(id + 10, id, id, Some(&format!("{word}\n"))).await;
    }
    world.one_pass();
    for (id, (word, state, decision, reason)) in (1..).zip(cases) {
        assert_eq!(world.states(id).await, [state], "{word}");
        let verdict = world.verdict(id, id + 10).await;
        assert_eq!(verdict.decision, decision, "{word}");
        assert!(verdict.reason.contains(reason) && verdict.reason.len() <= 255, "{word}: {verdict:?}");
        let outcome = world.number(&format!("SELECT outcome FROM result WHERE workunitid = {id}")).await;
        assert_eq!(outcome == 6, decision == Decision::Error, "{word}");
        let again = world.of_workunit(id, "transition_time").await == NOW as i64 + 6 * 3600;
        assert_eq!(again, state == INIT, "{word}");
    }
    world.balances().await;
}

#[tokio::test]
async fn however_a_compare_script_ends_only_its_no_is_a_difference() {
    let rules =
        "[compare.script]\ncompare_script = [\"judge.sh\", \"files\", \"files2\"]\ntimeout_seconds = 1.0\n";
    let mut world = World::new(rules).await;
    script(&world, AS_TOLD);
    let cases = [
        ("yes", VALID, Decision::Valid, ""),
        ("no", INCONCLUSIVE, Decision::Inconclusive, "compare_script says no"),
        ("later", INIT, Decision::Later, ""),
        (
            "odd",
            INCONCLUSIVE,
            Decision::Inconclusive,
            "compare_script can't say (the script ended with status 3)",
        ),
        ("killed", INCONCLUSIVE, Decision::Inconclusive, "ended by signal 9"),
        ("slow", INCONCLUSIVE, Decision::Inconclusive, "did not end in 1 s"),
        ("loud", INCONCLUSIVE, Decision::Inconclusive, "compare_script says no: xxxx"),
    ];
    for (id, (word, ..)) in (1..).zip(cases) {
        world.workunit(id, 2).await;
        world.results(10 * id, id, &[&format!("{word} 1\n"), &format!("{word} 2\n")]).await;
    }
    world.one_pass();
    for (id, (word, state, decision, place)) in (1..).zip(cases) {
        assert_eq!(world.states(id).await, [state, state], "{word}");
        let verdict = world.verdict(id, 10 * id).await;
        assert_eq!(verdict.decision, decision, "{word}");
        let found = &verdict.difference.place;
        assert!(found.contains(place) && found.len() <= 2000, "{word}: {verdict:?}");
    }
    world.balances().await;
}

#[tokio::test]
async fn what_is_looked_at_in_vain_again_and_again_is_set_aside_until_it_is_mended() {
    let rules = "[validate]\ntries = 3\n[compare.script]\ninit_script = [\"judge.sh\", \"files\"]\n";
    let mut world = World::new(rules).await;
    script(&world, AS_TOLD);
    world.workunit(1, 1).await;
    world.result(11, 1, 1, Some("odd\n")).await;
    let aside = "SELECT COUNT(*) FROM cobblestone_quarantine WHERE daemon = 'validator' AND kind = 'workunit' AND refid = 1 \
                 AND reason LIKE 'looked at 3 times in vain: result 11: %status 3%'";
    for look in 1..=3_i32 {
        // The others go on.
        world.workunit(look + 1, 1).await;
        world.result(20 + look, look + 1, 2, Some("yes\n")).await;
        world
            .execute("UPDATE workunit SET need_validate = 1, transition_time = 2147483647 WHERE id = 1")
            .await;
        world.one_pass();
        assert_eq!(world.states(look + 1).await, [VALID]);
        assert_eq!((world.states(1).await, world.number(aside).await), (vec![INIT], i64::from(look == 3)));
        let wait = if look == 3 { 24 } else { 6 };
        assert_eq!(world.of_workunit(1, "transition_time").await, NOW as i64 + wait * 3600, "look {look}");
    }
    script(&world, "#!/bin/sh\nexit 0\n");
    world.execute("UPDATE workunit SET need_validate = 1 WHERE id = 1").await;
    // What a person dropped is not looked at.
    world.execute("UPDATE cobblestone_quarantine SET kind = 'dropped_workunit'").await;
    world.one_pass();
    assert_eq!(world.states(1).await, [INIT]);
    world.execute("UPDATE cobblestone_quarantine SET kind = 'workunit'").await;
    world.one_pass();
    assert_eq!(world.states(1).await, [VALID]);
    assert_eq!(world.number("SELECT COUNT(*) FROM cobblestone_quarantine").await, 0);
    world.balances().await;
}

/// Crashes when it sees the word `odd`.
const CRASHES: &str = "#!/bin/sh\nif grep -q odd \"$@\"; then echo 'Segmentation fault'; exit 139; fi\n\
                       cmp -s \"$1\" \"$2\"\n";

#[tokio::test]
async fn a_compare_script_that_crashes_on_every_pair_ends_in_the_quarantine_and_costs_nobody_credit() {
    let rules = "[validate]\ntries = 2\n[compare.script]\ncompare_script = [\"judge.sh\", \"files\", \"files2\"]\n\
                 [credit]\nmode = \"from_workunit\"\n";
    let mut world = World::new(rules).await;
    script(&world, CRASHES);
    world.workunit(1, 2).await;
    world.results(11, 1, &["odd\n", "odd\n"]).await;
    world.one_pass();
    // One of the two may be odd: a third one may show it. Stock asks for more until the workunit fails, unpaid.
    assert_eq!(world.states(1).await, [INCONCLUSIVE, INCONCLUSIVE]);
    assert_eq!(world.of_workunit(1, "target_nresults").await, 3);
    world.result(13, 1, 3, Some("odd\n")).await;
    let aside = "SELECT COUNT(*) FROM cobblestone_quarantine WHERE daemon = 'validator' AND kind = 'workunit' AND refid = 1 \
                 AND reason LIKE 'looked at 2 times in vain: result 11: %11 with 12: compare_script%status 139%Segmentation%'";
    for look in 1..=2_i32 {
        // The others go on.
        world.workunit(look + 1, 2).await;
        world.results(10 + 10 * look, look + 1, &["1\n", "1\n"]).await;
        world
            .execute("UPDATE workunit SET need_validate = 1, transition_time = 2147483647 WHERE id = 1")
            .await;
        world.one_pass();
        assert_eq!(world.states(look + 1).await, [VALID, VALID]);
        assert_eq!(world.number(aside).await, i64::from(look == 2), "look {look}");
        assert!(world.states(1).await.contains(&INIT), "the transitioner asks again");
        assert_eq!(world.of_workunit(1, "target_nresults").await, 3, "nobody computes for nothing");
        assert_eq!(world.of_workunit(1, "error_mask").await, 0);
        assert_eq!(world.verdict(1, 12).await.decision, Decision::Later);
    }
    script(&world, "#!/bin/sh\ncmp -s \"$1\" \"$2\"\n");
    world.execute("UPDATE workunit SET need_validate = 1 WHERE id = 1").await;
    world.one_pass();
    assert_eq!(world.states(1).await, [VALID, VALID, VALID]);
    let paid = "SELECT COUNT(*) FROM result WHERE workunitid = 1 AND granted_credit = 5";
    assert_eq!(world.number(paid).await, 3);
    assert_eq!(world.number("SELECT COUNT(*) FROM cobblestone_quarantine").await, 0);
    world.balances().await;
}

#[tokio::test]
async fn a_result_that_the_script_crashes_on_waits_while_the_others_are_paid() {
    let rules = "[validate]\ntries = 2\n[compare.script]\ncompare_script = [\"judge.sh\", \"files\", \"files2\"]\n\
                 [credit]\nmode = \"from_workunit\"\n";
    let mut world = World::new(rules).await;
    script(&world, CRASHES);
    world.workunit(1, 2).await;
    world.results(11, 1, &["1\n", "odd\n"]).await;
    world.one_pass();
    assert_eq!(world.states(1).await, [INCONCLUSIVE, INCONCLUSIVE]);
    world.result(13, 1, 3, Some("1\n")).await;
    world.execute("UPDATE workunit SET need_validate = 1").await;
    world.one_pass();
    assert_eq!(world.states(1).await, [VALID, INIT, VALID], "it can be compared when the script is mended");
    assert_eq!(world.of_workunit(1, "canonical_resultid").await, 11);
    assert_eq!(world.verdict(1, 12).await.decision, Decision::Later);
    // After the assimilator, the transitioner asks for it: late now, and still a crash.
    for look in 1..=2_i64 {
        world.execute("UPDATE workunit SET need_validate = 1, assimilate_state = 2").await;
        world.one_pass();
        assert_eq!(world.states(1).await, [VALID, INIT, VALID]);
        assert_eq!(world.number("SELECT COUNT(*) FROM cobblestone_quarantine").await, look - 1);
    }
    script(&world, "#!/bin/sh\nexit 0\n");
    world.execute("UPDATE workunit SET need_validate = 1").await;
    world.one_pass();
    assert_eq!(world.states(1).await, [VALID, VALID, VALID]);
    assert_eq!(world.number("SELECT COUNT(*) FROM cobblestone_quarantine").await, 0);
    world.balances().await;
}

#[tokio::test]
async fn a_file_that_the_template_does_not_have_is_nobodys_fault_and_one_that_is_missing_is() {
    let rules = "[validate]\ntries = 2\n[[compare.files]]\nname = \"out\"\n[[compare.files]]\nname = \"energy.dat\"\n";
    let mut world = World::new(rules).await;
    world.workunit(1, 2).await;
    world.results(11, 1, &["1\n", "1\n"]).await;
    let aside = "SELECT COUNT(*) FROM cobblestone_quarantine WHERE reason LIKE '%the spec declares a file \"energy.dat\"%'";
    for look in 1..=2_i64 {
        world.execute("UPDATE workunit SET need_validate = 1").await;
        world.one_pass();
        assert_eq!((world.states(1).await, world.number(aside).await), (vec![INIT, INIT], look - 1));
    }
    // The template has it now, and result 12 did not upload it.
    let sql = "UPDATE result SET xml_doc_in = REPLACE(xml_doc_in, '</result>', CONCAT('<file_ref><file_name>e_', id, \
               '</file_name><open_name>energy.dat</open_name></file_ref></result>'))";
    world.execute(sql).await;
    world.project.write_upload("e_11", b"7\n").unwrap();
    std::fs::create_dir_all(world.project.upload_path("e_12").unwrap().parent().unwrap()).unwrap();
    world.execute("UPDATE workunit SET need_validate = 1").await;
    world.one_pass();
    assert_eq!(world.states(1).await, [INCONCLUSIVE, INVALID]);
    assert!(world.verdict(1, 12).await.reason.contains("\"energy.dat\""));
    assert_eq!(world.number("SELECT COUNT(*) FROM cobblestone_quarantine").await, 0);
    world.balances().await;
}

#[tokio::test]
async fn stderr_is_compared_where_it_is_declared() {
    let rules = "[[compare.files]]\nname = \"stderr\"\nformat = \"lines\"\nignore = [\"^pid \"]\n";
    let mut world = World::new(rules).await;
    for (workunit, words) in [(1, ["12 events", "12 events"]), (2, ["12 events", "11 events"])] {
        world.workunit(workunit, 2).await;
        world.results(10 * workunit, workunit, &["1\n", "1\n"]).await;
        for (result, word) in (10 * workunit..).zip(words) {
            let text = format!(
                "<core_client_version>8.2.8</core_client_version>\n<![CDATA[\n<stderr_txt>\npid {result}\n{word}\n</stderr_txt>\n]]>"
            );
            let sql = "UPDATE result SET stderr_out = ? WHERE id = ?";
            world.sql.execute(sql, &[text.into(), result.into()]).await.unwrap();
        }
    }
    world.one_pass();
    assert_eq!(world.states(1).await, [VALID, VALID]);
    assert_eq!(world.states(2).await, [INCONCLUSIVE, INCONCLUSIVE]);
    let difference = world.verdict(2, 20).await.difference;
    assert!(difference.place.starts_with("stderr, line "), "{difference:?}");
}
