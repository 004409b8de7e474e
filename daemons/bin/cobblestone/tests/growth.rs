//! `cobblestone ledger compact` and `cobblestone trickles purge`: the books stay the same.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod common;

use common::old::{COMPACT, CONFIG, DAY, PURGE, SENT, age, figures, text, world};
use common::{NOW, World, claim, holds, uptime};

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
async fn entries_of_dropped_messages_go_with_them_and_stay_counted() {
    let mut world = World::new().await;
    world.people().await;
    let report = "[[reports]]\nvariety = \"cpu_time\"\nformat = \"xml\"\nmeaning = \"cumulative\"\n";
    world.project.write_app_config(&format!("{}{report}", uptime("over_claims = \"hold\""))).unwrap();
    let counted = claim("r3", SENT + 40_000, "cpu_time", 60.0) + "<failed>many</failed>";
    let then = SENT + 40_000;
    world
        .messages(&[
            (1, then, "cpu_time", claim("r1", then, "cpu_time", 3600.0) + "<failed>0</failed>"),
            (1, then, "cpu_time", claim("r1", then, "cpu_time", 1e6) + "<failed>0</failed>"),
            (2, then, "cpu_time", claim("r2", then, "cpu_time", 1e6) + "<failed>0</failed>"),
            (1, then, "cpu_time", "<cpu_time>half".to_owned()),
            (1, then, "cpu_time", counted),
            (7, then, "cpu_time", claim("r1", then, "cpu_time", 5.0)),
            (1, then, "strange", "who knows".to_owned()),
        ])
        .await;
    world.handle(&["--watch_all"]);
    world.ends(0, &["trickles", "drop", "2", "4", "5", "6", "7", "--reason", "rubbish"]);
    age(&mut world, 100).await;
    // Dropped now, of an old message.
    world.ends(0, &["trickles", "drop", "3", "--reason", "too much"]);
    let entries =
        "SELECT GROUP_CONCAT(refid, ' ', kind ORDER BY refid, kind) AS n FROM cobblestone_quarantine";
    let row = world.sql.row(entries, &[]).await.unwrap();
    let all = "2 dropped,3 dropped,4 dropped,5 dropped_report,6 dropped,6 dropped_report,7 dropped";
    assert_eq!(row.text("n").unwrap(), all);
    let mut before = figures(&world);
    assert_eq!(before["messages"]["set_aside"], 4);
    let dry = world.ends(0, &[&PURGE[..], &["--dry_run"]].concat());
    let said = world.ends(0, &PURGE);
    assert_eq!(dry.replace("would be deleted", "deleted"), said);
    holds(&said, &["handled messages: 6 deleted", "entries of messages that were dropped: 5 deleted"]);
    // The message of a variety that the toolkit does not handle is there, and so is its entry.
    let left = "SELECT GROUP_CONCAT(refid ORDER BY refid) AS n FROM cobblestone_quarantine";
    assert_eq!(world.sql.row(left, &[]).await.unwrap().text("n").unwrap(), "3,7");
    let mut after = figures(&world);
    for fate in ["stored", "handled", "purged", "dropped_and_purged", "of_deleted_hosts"] {
        for figures in [&mut after, &mut before] {
            figures["messages"].as_object_mut().unwrap().remove(fate);
        }
    }
    assert_eq!(after["messages"], before["messages"]);
    let audit = world.ends(0, &["audit"]);
    holds(&audit, &["dropped by a person, and the entry purged since"]);
    // Nothing is left to do; and folding what the held one claimed changes nothing.
    holds(&world.ends(0, &PURGE), &["entries of messages that were dropped: 0 deleted"]);
    world.ends(0, &COMPACT);
    age(&mut world, 100).await;
    holds(&world.ends(0, &PURGE), &["entries of messages that were dropped: 1 deleted"]);
    world.ends(0, &COMPACT);
    let mut last = figures(&world);
    for fate in ["stored", "handled", "purged", "dropped_and_purged", "of_deleted_hosts"] {
        last["messages"].as_object_mut().unwrap().remove(fate);
    }
    assert_eq!(last["messages"], before["messages"]);
    // Host 7 never was; with another that is deleted later, nothing becomes off.
    world.sql.execute("DELETE FROM host WHERE id = 1", &[]).await.unwrap();
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

#[tokio::test]
async fn what_is_kept_of_hosts_that_are_gone_goes_and_stays_counted() {
    let mut world = world().await;
    // Increments of reports, of a result that claims nothing: it has no mark. Another one stays.
    world
        .project
        .write_app_config(&format!(
            "{CONFIG}\n[[reports]]\nvariety = \"jobs\"\nformat = \"key_value\"\nmeaning = \"increment\"\n"
        ))
        .unwrap();
    let report = |result: i64, k: i64| {
        let text = format!("<result_name>r{result}</result_name>\n<time>{k}</time>\nreceived=1\n");
        (2 - result % 2, SENT + k, "jobs", text)
    };
    world.messages(&[report(1, 1), report(1, 2), report(2, 1)]).await;
    world.handle(&[]);
    assert_eq!(world.number("SELECT COUNT(*) FROM cobblestone_report_increment").await, 3);
    world.sql.execute("INSERT INTO cobblestone_flag VALUES (1, 1, 3, 5, 5), (2, 1, 3, 5, 5), (77, 1, 3, 5, 5), (77, 0, 1, 0, 5) \
                       ON DUPLICATE KEY UPDATE over_claims = 3", &[]).await.unwrap();
    world.balances();
    // The mark of the first result is gone, as if it never had one; then the result and its host are.
    let counted = world.number("SELECT messages FROM cobblestone_mark WHERE resultid = 1").await;
    world.sql.execute("DELETE FROM cobblestone_mark WHERE resultid = 1", &[]).await.unwrap();
    let sql = format!("INSERT INTO cobblestone_counter VALUES ('messages_cleaned', {counted})");
    world.sql.execute(&sql, &[]).await.unwrap();
    world.sql.execute("DELETE FROM result WHERE id = 1", &[]).await.unwrap();
    world.sql.execute("DELETE FROM host WHERE id = 1", &[]).await.unwrap();
    world.balances();
    assert_eq!(world.number("SELECT messages FROM cobblestone_host_messages WHERE hostid = 1").await, 2);

    let dry = world.ends(0, &[&PURGE[..], &["--dry_run"]].concat());
    let said = world.ends(0, &PURGE);
    assert_eq!(dry.replace("would be deleted", "deleted"), said);
    holds(
        &said,
        &[
            "marks of results that are gone: 0 deleted",
            "identities of whose reports: 1 deleted",
            "counts of hosts that are gone: 1 deleted",
            // Of the other host that is gone results are left.
            "flags of hosts that are gone: 1 deleted",
        ],
    );
    assert_eq!(world.number("SELECT COUNT(*) FROM cobblestone_report_increment").await, 1);
    assert_eq!(world.number("SELECT COUNT(*) FROM cobblestone_host_messages").await, 0);
    assert_eq!(world.number("SELECT COUNT(*) FROM cobblestone_flag WHERE hostid IN (1, 2)").await, 2);
    assert_eq!(world.number("SELECT COUNT(*) FROM cobblestone_flag WHERE hostid = 77").await, 0);
    let cleaned = "SELECT value FROM cobblestone_counter WHERE name = 'messages_cleaned'";
    assert_eq!(world.number(cleaned).await, counted + 2);
    world.balances();
    // BOINC deletes the messages with their host: the audit still knows how many those can be.
    world
        .sql
        .execute("DELETE FROM msg_from_host WHERE hostid = 1 AND xml NOT LIKE '%result_name%'", &[])
        .await
        .unwrap();
    world.balances();
    assert_eq!(world.ends(0, &PURGE).matches(": 0 deleted").count(), 8);
}
