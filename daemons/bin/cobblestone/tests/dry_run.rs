//! What a dry run of the trickle handler says, and that it writes nothing.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod common;

use common::{NOW, World, claim, holds, is_harmless, uptime};

const THEN: i64 = NOW as i64 - 40_000;

#[tokio::test]
async fn a_dry_run_tells_all_and_writes_nothing() {
    for (policy, words) in [
        ("cap", "would pay message=3 result=r2 host=2 seconds=46400"),
        ("hold", "would hold it message=3 host=2"),
    ] {
        let mut world = World::new().await;
        world.people().await;
        world.project.write_app_config(&uptime(&format!("over_claims = \"{policy}\""))).unwrap();
        world
            .messages(&[
                (1, THEN, "cpu_time", claim("r1", THEN, "cpu_time", 3600.0)),
                (1, THEN, "cpu_time", claim("r1", THEN, "cpu_time", 60.0)),
                (2, THEN, "cpu_time", claim("r2", THEN, "cpu_time", 1e6)),
                (2, THEN, "cpu_time", "<cpu_time>\u{1b}[2J</b>".to_owned()),
            ])
            .await;
        let log = world.handle(&["--dry_run"]);
        is_harmless(&log);
        let paid = if policy == "cap" { "messages=2 seconds=50000" } else { "messages=1 seconds=3600" };
        let aside = if policy == "cap" { "held=0 set_aside=1" } else { "held=1 set_aside=1" };
        holds(
            &log,
            &[
                "would pay message=1 result=r1 host=1 seconds=3600 credit=66.66666666666667 reason=\"uptime up to 3600 s\"",
                "would not pay all that it claims message=3 result=r2 host=2 claimed=1000000 possible=46400",
                "would set it aside message=4 host=2 reason=",
                &format!("dry run: would pay in all {paid}"),
                "claimed_too_much=1",
                aside,
                words,
            ],
        );
        assert_eq!(world.number("SELECT COUNT(*) FROM msg_from_host WHERE handled = 0").await, 4);
        assert_eq!(world.number("SELECT (SELECT COUNT(*) FROM cobblestone_ledger) + (SELECT COUNT(*) FROM cobblestone_quarantine)").await, 0);
        assert_eq!(world.sum("SELECT SUM(total_credit) FROM host").await, 0.0);
    }
}
