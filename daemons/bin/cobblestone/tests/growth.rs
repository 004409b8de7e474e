//! `cobblestone ledger compact` and `cobblestone trickles purge`: the books stay the same.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod common;

use common::old::{COMPACT, DAY, PURGE, SENT, age, figures, text, world};
use common::{NOW, holds};

#[tokio::test]
async fn folding_changes_nothing_that_the_audit_proves() {
    let mut world = world().await;
    let young = world.ends(0, &COMPACT);
    holds(&young, &["payments of results: 0 rows folded into 0"]);
    age(&mut world, 100).await;
    let before = figures(&world);
    let rows = world.number("SELECT COUNT(*) FROM cobblestone_ledger").await;
    let sums = "SELECT CONCAT_WS(' ', SUM(messages), SUM(rows_folded), ROUND(SUM(seconds), 3), ROUND(SUM(credit), 6)) AS n FROM cobblestone_ledger";
    let sums_before = world.sql.row(sums, &[]).await.unwrap().text("n").unwrap();

    let dry = world.ends(0, &[&COMPACT[..], &["--dry_run"]].concat());
    assert_eq!(world.number("SELECT COUNT(*) FROM cobblestone_ledger").await, rows);
    let said = world.ends(0, &COMPACT);
    assert_eq!(dry.replace("would be folded", "folded"), said);
    // Cumulative ones are guarded by the mark; increments stay as long as their messages are stored.
    holds(
        &said,
        &[
            "payments of results: 19 rows folded into 2; 24 must stay",
            "payments without a result: 0 rows folded into 0; 2 must stay",
        ],
    );
    holds(&said, &["claims that were not paid in full: 3 rows folded into 1"]);
    assert_eq!(figures(&world), before);
    assert_eq!(world.sql.row(sums, &[]).await.unwrap().text("n").unwrap(), sums_before);
    let again = world.ends(0, &COMPACT);
    holds(&again, &["payments of results: 0 rows folded into 0; 24 must stay"]);

    // Somebody marks every message as unhandled: nobody is paid again.
    let paid = world.sum("SELECT SUM(credit) FROM cobblestone_ledger").await;
    world.sql.execute("UPDATE msg_from_host SET handled = 0", &[]).await.unwrap();
    world.handle(&[]);
    assert_eq!(world.sum("SELECT SUM(credit) FROM cobblestone_ledger").await, paid);
}

#[tokio::test]
async fn purged_messages_are_counted_and_then_their_payments_fold() {
    let mut world = world().await;
    age(&mut world, 100).await;
    // One waits, one was set aside, one is young.
    world.messages(&[(1, SENT - 100 * DAY, "other", "x".to_owned())]).await;
    world.messages(&[(1, NOW as i64, "cpu_time", text("r1", 99, "cpu_time", 7300.0))]).await;
    let mut before = figures(&world);
    let dry = world.ends(0, &[&PURGE[..], &["--dry_run"]].concat());
    let said = world.ends(0, &PURGE);
    assert_eq!(dry.replace("would be deleted", "deleted"), said);
    holds(
        &said,
        &[
            "handled messages: 50 deleted",
            "marks of results that are gone: 0 deleted",
            "identities of messages without a result: 0",
        ],
    );
    assert_eq!(world.number("SELECT COUNT(*) FROM msg_from_host").await, 3);
    assert_eq!(
        world
            .number("SELECT COUNT(*) FROM msg_from_host m JOIN cobblestone_quarantine q ON q.refid = m.id")
            .await,
        1
    );
    holds(&world.ends(0, &PURGE), &["handled messages: 0 deleted"]);
    world.balances();
    let said = world.ends(0, &COMPACT);
    holds(
        &said,
        &[
            "payments of results: 43 rows folded into 4\n",
            "payments without a result: 2 rows folded into 1\n",
        ],
    );
    let mut after = figures(&world);
    for fate in ["stored", "handled", "purged"] {
        for figures in [&mut after, &mut before] {
            figures["messages"].as_object_mut().unwrap().remove(fate);
        }
    }
    assert_eq!(after["messages"], before["messages"]);
    assert_eq!(after["ledger"], before["ledger"]);
    // What came before, again: nothing of it is paid.
    let paid = world.sum("SELECT SUM(credit) FROM cobblestone_ledger WHERE resultid IN (2, 3, 4)").await;
    let rows: Vec<(i64, i64, &str, String)> = (1..=12)
        .flat_map(|k| [(2, k, "cpu_time", "r2", 600.0 * k as f64), (1, k, "runtime", "r3", 500.0)])
        .map(|(host, k, variety, name, seconds)| {
            (host, SENT - 100 * DAY + k * 1000, variety, text(name, k, variety, seconds))
        })
        .collect();
    world.messages(&rows).await;
    world.handle(&[]);
    assert_eq!(
        world.sum("SELECT SUM(credit) FROM cobblestone_ledger WHERE resultid IN (2, 3, 4)").await,
        paid
    );
    world.balances();
}

#[tokio::test]
async fn what_is_kept_of_purged_results_goes_and_stays_counted() {
    let mut world = world().await;
    world.sql.execute("DELETE FROM result WHERE id IN (1, 3)", &[]).await.unwrap();
    world.sql.execute("INSERT INTO cobblestone_host_day VALUES (1, 1, 12, 5.0)", &[]).await.unwrap();
    world.balances();
    let days = world.number("SELECT COUNT(*) FROM cobblestone_host_day").await;
    let said = world.ends(0, &PURGE);
    holds(
        &said,
        &[
            "handled messages: 0 deleted",
            "marks of results that are gone: 2 deleted",
            "days of hosts: 1 deleted",
        ],
    );
    assert_eq!(world.number("SELECT COUNT(*) FROM cobblestone_mark").await, 2);
    assert_eq!(world.number("SELECT COUNT(*) FROM cobblestone_increment").await, 12);
    assert_eq!(world.number("SELECT COUNT(*) FROM cobblestone_increment_sum").await, 1);
    assert_eq!(world.number("SELECT COUNT(*) FROM cobblestone_host_day").await, days - 1);
    assert_eq!(
        world.number("SELECT value FROM cobblestone_counter WHERE name = 'messages_cleaned'").await,
        24
    );
    world.balances();
    // A message that comes now is set aside.
    world.messages(&[(1, SENT + 5000, "cpu_time", text("r1", 3, "cpu_time", 9000.0))]).await;
    world.handle(&[]);
    assert_eq!(world.number("SELECT COUNT(*) FROM cobblestone_quarantine").await, 2);
    world.balances();
}
