//! Each flag about credit and about which workunits does what the same key of the application's file does.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use common::World;

/// Six workunits of one result each; what they were granted, in thousandths, and how many were judged.
async fn run(toml: &str, flags: &[&str]) -> Vec<i64> {
    let mut world = World::new(toml).await;
    for id in 1..=6 {
        world.workunit(id, 1).await;
        world.result(10 * id, id, id, Some("1\n")).await;
    }
    world.execute("UPDATE result SET claimed_credit = 7").await;
    // More than the bound, and less than twice: adaptive credit does not believe it, credit by run time does.
    world.execute("UPDATE workunit SET rsc_fpops_bound = 1.5e13 WHERE id = 6").await;
    world.run(&[&["--one_pass"], flags].concat());
    let mut found = Vec::new();
    for id in 1..=6 {
        let granted = format!("SELECT ROUND(granted_credit * 1000) FROM result WHERE id = {}", 10 * id);
        found.push(world.number(&granted).await);
        found.push(world.of_workunit(id, "need_validate").await);
    }
    found.push(world.number("SELECT COUNT(*) FROM credited_job").await);
    world.balances().await;
    found
}

#[tokio::test]
async fn every_flag_has_a_key_that_does_the_same() {
    let plain = run("", &[]).await;
    for (flags, key) in [
        (&["--credit_from_runtime"][..], "[credit]\nmode = \"from_runtime\""),
        (&["--credit_from_wu"], "[credit]\nmode = \"from_workunit\""),
        (&["--post_assigned_credit"], "[credit]\nmode = \"post_assigned\""),
        (&["--no_credit"], "[credit]\nmode = \"none\""),
        (
            &["--credit_from_wu", "--max_granted_credit", "3"],
            "[credit]\nmode = \"from_workunit\"\nmax_granted_credit = 3.0",
        ),
        (&["--update_credited_job"], "[credit]\nupdate_credited_job = true"),
        (&["--one_pass_N_WU", "2"], "[validate]\none_pass_n_wu = 2"),
        (&["--mod", "2", "1"], "[validate]\nmodulo = [2, 1]"),
        (&["--min_wu_id", "4"], "[validate]\nmin_wu_id = 4"),
        (&["--max_wu_id", "4"], "[validate]\nmax_wu_id = 4"),
        (&["--wu_id", "4"], "[validate]\nwu_id = 4"),
        (&["--dry_run"], "[validate]\ndry_run = true"),
    ] {
        let (by_flag, by_key) = (run("", flags).await, run(key, &[]).await);
        assert_eq!(by_flag, by_key, "{flags:?} {key}");
        assert_ne!(by_flag, plain, "{flags:?} does nothing");
    }
}
