//! `cobblestone adjust` as a process, on a real database.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod common;

use common::{NOW, World, claim, holds, is_harmless, uptime};
use sandbox::ProjectOptions;

const THEN: i64 = NOW as i64 - 40_000;
const PER_SECOND: f64 = 8e9 * 200.0 / (86_400.0 * 1e9);

/// Result r1 of host 1 was paid an hour by a message; credit by application is counted.
async fn world() -> World {
    let mut world = World::with(ProjectOptions { credit_by_app: true, ..ProjectOptions::default() }).await;
    world.people().await;
    world.project.write_app_config(&uptime("")).unwrap();
    world.messages(&[(1, THEN, "cpu_time", claim("r1", THEN, "cpu_time", 3600.0))]).await;
    world.handle(&[]);
    world
}

/// Total and recent average of a host, user or team.
async fn account(world: &mut World, table: &str, id: i64) -> (f64, f64) {
    let total = world.sum(&format!("SELECT total_credit FROM `{table}` WHERE id = {id}")).await;
    (total, world.sum(&format!("SELECT expavg_credit FROM `{table}` WHERE id = {id}")).await)
}

fn near(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-9 * (1.0 + b.abs())
}

#[tokio::test]
async fn a_host_is_granted_credit_and_it_is_taken_again() {
    let mut world = world().await;
    let paid = 3600.0 * PER_SECOND;
    let before = account(&mut world, "team", 1).await;
    assert!(near(before.0, paid));
    let said = world.ends(0, &["adjust", "--host", "1", "--credit", "12.5", "--reason", "a lost disk"]);
    holds(
        &said,
        &["granted 12.5 cobblestones: a lost disk (by ", "host 1", "user 1", "team 1", "recent average"],
    );
    assert!(!said.contains("result"), "{said}");
    for table in ["host", "user", "team"] {
        let (total, average) = account(&mut world, table, 1).await;
        assert!(near(total, paid + 12.5), "{table}: {total}");
        // Now is when it was last updated: an average gains ln 2 · W · 86400 / H.
        assert!(near(average, before.1 + 2f64.ln() * 12.5 / 7.0), "{table}: {average}");
    }
    let row = "SELECT COUNT(*) FROM cobblestone_ledger WHERE kind = 'adjustment' AND hostid = 1 AND userid = 1 AND teamid = 1 \
               AND resultid = 0 AND appid = 0 AND credit = 12.5 AND reason LIKE 'a lost disk (by %)' AND by_app = 0";
    assert_eq!(world.number(row).await, 1);
    world.balances();
    let said = world.ends(0, &["adjust", "--host", "1", "--credit", "-12.5", "--reason", "it was found"]);
    holds(&said, &["took 12.5 cobblestones"]);
    let (total, average) = account(&mut world, "user", 1).await;
    assert!(near(total, paid) && near(average, before.1), "{total} {average}");
    world.balances();
    holds(&world.ends(0, &["ledger", "--kind", "adjustment"]), &["-12.500000", "all 2 rows"]);
}

#[tokio::test]
async fn a_result_shows_it_and_so_does_its_mark() {
    let mut world = world().await;
    let paid = 3600.0 * PER_SECOND;
    let said = world.ends(0, &["adjust", "--result", "r1", "--credit", "-10", "--reason", "half of it"]);
    holds(&said, &["result 1, granted credit", "user 1 in application 1", "not validated yet"]);
    assert!(near(world.sum("SELECT granted_credit FROM result WHERE id = 1").await, paid - 10.0));
    assert!(near(
        world.sum("SELECT credit_paid FROM cobblestone_mark WHERE resultid = 1").await,
        paid - 10.0
    ));
    assert!(near(
        world.sum("SELECT total FROM credit_user WHERE userid = 1 AND appid = 1").await,
        paid - 10.0
    ));
    assert!(near(
        world.sum("SELECT total FROM credit_team WHERE teamid = 1 AND appid = 1").await,
        paid - 10.0
    ));
    assert_eq!(world.number("SELECT SUM(by_app) FROM cobblestone_ledger WHERE workunitid = 1").await, 2);
    world.balances();

    // One without a mark gets one; a host without a team, too.
    world.ends(0, &["adjust", "--result", "2", "--credit", "7", "--reason", "its messages were lost"]);
    assert!(near(world.sum("SELECT credit_paid FROM cobblestone_mark WHERE resultid = 2").await, 7.0));
    assert!(near(world.sum("SELECT total FROM credit_team WHERE teamid = 0 AND appid = 1").await, 7.0));
    // Later messages are paid as without it.
    world.messages(&[(2, THEN, "cpu_time", claim("r2", THEN, "cpu_time", 60.0))]).await;
    world.handle(&[]);
    assert!(near(world.sum("SELECT granted_credit FROM result WHERE id = 2").await, 7.0 + 60.0 * PER_SECOND));
    assert_eq!(world.number("SELECT SUM(messages) FROM cobblestone_mark").await, 2);
    world.balances();
}

#[tokio::test]
async fn the_same_is_not_made_twice_unless_it_is_meant() {
    let mut world = world().await;
    let order = ["adjust", "--host", "1", "--credit", "5", "--reason", "for patience"];
    world.ends(0, &order);
    let error = world.ends(1, &order);
    holds(
        &error,
        &["the same was made on 2026-11-18 11:06:40 UTC; add --again if it is meant", "nothing was changed"],
    );
    let count = "SELECT COUNT(*) FROM cobblestone_ledger WHERE kind = 'adjustment'";
    assert_eq!(world.number(count).await, 1);
    world.ends(0, &[&order[..], &["--again"]].concat());
    // Another host, result, credit or reason is another adjustment.
    for other in [
        ["adjust", "--host", "2", "--credit", "5", "--reason", "for patience"],
        ["adjust", "--result", "r1", "--credit", "5", "--reason", "for patience"],
        ["adjust", "--host", "1", "--credit", "5.0000001", "--reason", "for patience"],
        ["adjust", "--host", "1", "--credit", "5", "--reason", "For patience"],
    ] {
        world.ends(0, &other);
    }
    assert_eq!(world.number(count).await, 6);

    // Eight at once: one of them does it.
    let order = ["adjust", "--host", "2", "--credit", "1", "--reason", "all at once"];
    let children: Vec<_> = (0..8)
        .map(|_| {
            let mut command = world.cobblestone(&order);
            command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null()).spawn().unwrap()
        })
        .collect();
    let fine =
        children.into_iter().map(|mut child| child.wait().unwrap()).filter(|status| status.success()).count();
    assert_eq!(fine, 1);
    assert_eq!(world.number(count).await, 7);
    world.balances();
}

#[tokio::test]
async fn what_cannot_be_done_changes_nothing() {
    let mut world = world().await;
    world.sql.execute("UPDATE result SET hostid = 0 WHERE id = 4", &[]).await.unwrap();
    world.sql.execute("UPDATE host SET total_credit = 50 WHERE id = 2", &[]).await.unwrap();
    world.sql.execute("UPDATE cobblestone_mark SET credit_paid = 1 WHERE resultid = 1", &[]).await.unwrap();
    world
        .sql
        .execute("INSERT INTO cobblestone_opening (kind, id, total_credit) VALUES ('host', 2, 50)", &[])
        .await
        .unwrap();
    let state = "SELECT SUM(total_credit) + (SELECT SUM(total_credit) FROM user) * 3 + (SELECT SUM(credit) FROM cobblestone_ledger) * 7 \
                 + (SELECT SUM(granted_credit) FROM result) * 11 FROM host";
    let before = world.sum(state).await;
    for (arguments, words) in [
        (
            &["--host", "1", "--credit", "-1000", "--reason", "x"][..],
            "host 1 has 66.66666666666667 cobblestones, so 1000 can't be taken",
        ),
        (&["--host", "2", "--credit", "-1", "--reason", "x"], "user 2 has 0 cobblestones"),
        (&["--result", "r3", "--credit", "-1", "--reason", "x"], "result 3, granted credit has 0"),
        (
            &["--result", "r1", "--credit", "-2", "--reason", "x"],
            "in the ledger, result 1 has 1 cobblestones",
        ),
        (&["--host", "9", "--credit", "1", "--reason", "x"], "there is no host 9"),
        (&["--result", "99", "--credit", "1", "--reason", "x"], "there is no result 99"),
        (&["--result", "r99", "--credit", "1", "--reason", "x"], "no result named \"r99\""),
        (&["--result", "r4", "--credit", "1", "--reason", "x"], "never sent"),
        (&["--host", "1", "--credit", "inf", "--reason", "x"], "a number of cobblestones"),
        (&["--host", "1", "--credit", "0", "--reason", "x"], "other than 0"),
        (&["--host", "1", "--credit", "1", "--reason", ""], "say why"),
        (&["--host", "1", "--credit", "1", "--reason", "a\u{1b}[2Jb"], "one line"),
        (&["--host", "1", "--credit", "1", "--reason", &"x".repeat(151)], "at most 150"),
        (&["--host", "1", "--credit", "1"], "--reason"),
        (&["--credit", "1", "--reason", "x"], "--host"),
        (&["--host", "1", "--result", "1", "--credit", "1", "--reason", "x"], "cannot be used"),
        (&["--host", "1", "--app", "none", "--credit", "1", "--reason", "x"], "no application `none`"),
    ] {
        let error = world.ends(2, &[&["adjust"], arguments].concat());
        assert!(error.contains(words), "{arguments:?}: {error}");
        is_harmless(&error);
    }
    let said = world.ends(0, &["adjust", "--host", "1", "--credit", "3", "--reason", "x", "--dry_run"]);
    holds(&said, &["would grant 3 cobblestones", "nothing was changed", "69.666667"]);
    assert_eq!(world.sum(state).await.to_bits(), before.to_bits());
    assert_eq!(world.number("SELECT COUNT(*) FROM cobblestone_ledger").await, 1);
    // All of it can be taken, to the last bit.
    world
        .sql
        .execute(
            "UPDATE cobblestone_mark SET credit_paid = (SELECT granted_credit FROM result WHERE id = 1)",
            &[],
        )
        .await
        .unwrap();
    world.ends(0, &["adjust", "--result", "1", "--credit", "-66.66666666666667", "--reason", "all of it"]);
    assert_eq!(world.sum("SELECT granted_credit FROM result WHERE id = 1").await, 0.0);
    world.balances();
}

#[tokio::test]
async fn an_application_without_effect_is_said() {
    let mut world = World::new().await;
    world.people().await;
    let app = world.project.app().to_owned();
    let order = ["adjust", "--host", "1", "--credit", "5", "--reason", "x", "--app", &app];
    holds(&world.ends(0, &order), &["note: --app has no effect", "<credit_by_app/>"]);
}
