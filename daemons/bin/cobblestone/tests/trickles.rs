//! `cobblestone trickles` as a process, on what a real trickle handler left.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod common;

use common::{NOW, World, claim, holds, is_harmless, uptime};

const THEN: i64 = NOW as i64 - 40_000;

/// Messages 1 … 8: paid, nothing new, too much (held), a wrong host, broken with evil text, no such result, unknown
/// variety (waits), paid.
async fn world() -> World {
    let mut world = World::new().await;
    world.people().await;
    world.project.write_app_config(&uptime("over_claims = \"hold\"")).unwrap();
    world
        .messages(&[
            (1, THEN, "cpu_time", claim("r1", THEN, "cpu_time", 3600.0)),
            (1, THEN, "cpu_time", claim("r1", THEN, "cpu_time", 1800.0)),
            (2, THEN, "cpu_time", claim("r2", THEN, "cpu_time", 1e6)),
            (2, THEN, "cpu_time", claim("r1", THEN, "cpu_time", 60.0)),
            (1, THEN, "cpu_time", format!("<cpu_time>\u{1b}[2J\u{202e}=cmd()</b>{}", "x\n".repeat(130_000))),
            (1, THEN, "cpu_time", claim("r9", THEN, "cpu_time", 60.0)),
            (1, THEN, "\u{1b}]0;evil\u{7}", "hello".to_owned()),
            (1, THEN, "runtime", claim("r3", THEN, "runtime", 60.0)),
        ])
        .await;
    world.handle(&[]);
    world.balances();
    world
}

#[tokio::test]
async fn every_message_has_a_state() {
    let world = world().await;
    let list = |arguments: &[&str]| {
        let text = world.ends(0, &[&["trickles", "list"], arguments].concat());
        is_harmless(&text);
        text
    };
    let ids = |arguments: &[&str]| -> Vec<i64> {
        list(arguments)
            .lines()
            .skip(1)
            .map(|line| line.split_whitespace().next().unwrap().parse().unwrap())
            .collect()
    };
    assert_eq!(ids(&[]), [8, 7, 6, 5, 4, 3, 2, 1]);
    assert_eq!(ids(&["--state", "paid"]), [8, 1]);
    assert_eq!(ids(&["--state", "handled"]), [2]);
    assert_eq!(ids(&["--state", "held"]), [3]);
    assert_eq!(ids(&["--state", "set_aside"]), [6, 5, 4]);
    assert_eq!(ids(&["--state", "waiting"]), [7]);
    assert_eq!(ids(&["--host", "2"]), [4, 3]);
    assert_eq!(ids(&["--host", "2", "--state", "set-aside"]), [4]);
    assert_eq!(ids(&["--variety", "runtime"]), [8]);
    assert_eq!(ids(&["--result", "r1"]), [2, 1], "of the result's own host");
    assert_eq!(ids(&["--result", "r1", "--host", "2"]), [4]);
    assert_eq!(ids(&["--result", "1", "--state", "paid"]), [1]);
    assert_eq!(ids(&["--result", "r9"]), [6], "also when there is no such result");
    assert_eq!(ids(&["--result", "3"]), [8]);
    assert_eq!(list(&["--state", "dropped"]), "there is no such message\n");
    let text = list(&["--limit", "3"]);
    holds(&text, &["… and more; --limit shows them", "waiting", "1.111111", "no result of that name"]);
    assert_eq!(text.lines().count(), 5);
    holds(&list(&["--state", "held"]), &["more than the wall clock"]);
    assert!(world.ends(2, &["trickles", "list", "--state", "lost"]).contains("one of: waiting"));
}

#[tokio::test]
async fn a_message_is_shown_escaped_and_bounded() {
    let mut world = world().await;
    let text = world.ends(0, &["trickles", "show", "5"]);
    is_harmless(&text);
    holds(
        &text,
        &[
            "state    set_aside",
            "reason   message: ",
            "\\u{1b}[2J\\u{202e}=cmd()",
            "bytes more",
            "explain trickle 5",
        ],
    );
    assert!(text.len() < 100_000, "{}", text.len());
    let text = world.ends(0, &["trickles", "show", "7"]);
    is_harmless(&text);
    holds(&text, &["\\u{1b}]0;evil\\u{7}", "| hello"]);
    holds(&world.ends(2, &["trickles", "show", "99"]), &["no message 99"]);
    // Purged, but set aside: the text is still there.
    world.sql.execute("DELETE FROM msg_from_host WHERE id IN (4, 8)", &[]).await.unwrap();
    holds(&world.ends(0, &["trickles", "show", "4"]), &["its row is gone", "<result_name>r1<"]);
    holds(&world.ends(0, &["trickles", "show", "8"]), &["its row is gone", "state    paid", "none is kept"]);
}

#[tokio::test]
async fn messages_are_given_back_and_paid_what_is_possible() {
    let mut world = world().await;
    // The cause is mended: the result is there after all.
    world.sql.execute("UPDATE result SET name = 'r9' WHERE id = 4", &[]).await.unwrap();
    world.sql.execute("UPDATE result SET hostid = 1 WHERE id = 4", &[]).await.unwrap();
    let said = world.ends(0, &["trickles", "retry", "--reason-contains", "no result of that name"]);
    holds(&said, &["given back: 1 messages"]);
    let listed = world.ends(0, &["trickles", "list", "--state", "released"]);
    holds(&listed, &["released"]);
    assert_eq!(world.number("SELECT handled FROM msg_from_host WHERE id = 6").await, 0);
    world.balances();
    world.handle(&[]);
    world.balances();
    assert!(
        (world.sum("SELECT granted_credit FROM result WHERE id = 4").await - 60.0 * 8e9 * 200.0 / 86400e9)
            .abs()
            < 1e-9
    );

    // What is held is paid the possible part.
    holds(&world.ends(0, &["trickles", "retry", "3"]), &["given back: 1"]);
    world.handle(&[]);
    let possible = 86_400.0 - 40_000.0;
    let paid = world.sum("SELECT granted_credit FROM result WHERE id = 2").await;
    assert!((paid - possible * 8e9 * 200.0 / 86400e9).abs() < 1e-6, "{paid}");
    world.balances();

    // What can't be used comes back.
    let said = world.run(&["trickles", "retry", "--all-set-aside"]);
    assert_eq!((said.status, said.out.contains("given back: 2")), (0, true), "{said:?}");
    world.handle(&[]);
    assert_eq!(world.number("SELECT COUNT(*) FROM cobblestone_quarantine WHERE kind = 'trickle'").await, 2);
    world.balances();

    // Nothing that was handled for good, waits, or is not there is touched; it is said.
    let said = world.run(&["trickles", "retry", "1", "2", "5", "7", "99"]);
    assert_eq!(said.status, 1);
    holds(&said.out, &["given back: 1"]);
    holds(&said.err, &["message 1 is not set aside", "message 2 is", "message 7 is", "message 99 is"]);
    assert!(!said.err.contains("message 5"), "{}", said.err);
    assert_eq!(world.number("SELECT SUM(handled) FROM msg_from_host WHERE id IN (1, 2)").await, 2);
    assert_eq!(
        world.ends(0, &["trickles", "retry", "--reason-contains", "nonsense"]),
        "no such message is set aside or held\n"
    );
    for wrong in [
        &["trickles", "retry"][..],
        &["trickles", "retry", "5", "--all-set-aside"],
        &["trickles", "retry", "--reason-contains", ""],
    ] {
        world.ends(2, wrong);
    }
}

/// Kinds in the quarantine, by message.
async fn kinds(world: &mut World) -> String {
    let sql =
        "SELECT GROUP_CONCAT(refid, ' ', kind ORDER BY refid, kind) AS line FROM cobblestone_quarantine";
    world.sql.row(sql, &[]).await.unwrap().text("line").unwrap_or_default()
}

#[tokio::test]
async fn what_is_meant_is_said_by_conditions() {
    let mut world = World::new().await;
    world.people().await;
    world.project.write_app_config(&format!("{}{BOTH}", uptime("over_claims = \"hold\""))).unwrap();
    world
        .messages(&[
            (1, THEN, "cpu_time", "<cpu_time>half".to_owned()),
            (2, THEN, "cpu_time", "<cpu_time>half".to_owned()),
            (1, THEN, "runtime", "<runtime>half".to_owned()),
            (1, THEN, "cpu_time", claim("r9", THEN, "cpu_time", 5.0)),
            (1, THEN, "cpu_time", both("r1", THEN, 1e6, "1")),
            (2, THEN, "cpu_time", both("r2", THEN, 1e6, "-1")),
            (1, THEN, "cpu_time", both("r3", THEN, 60.0, "-1")),
        ])
        .await;
    world.handle(&[]);
    let all = "1 trickle,2 trickle,3 trickle,4 trickle,5 held,6 held,6 report,7 report";
    assert_eq!(kinds(&mut world).await, all);
    world
        .sql
        .execute("UPDATE cobblestone_quarantine SET time = time - 90000 WHERE refid = 1", &[])
        .await
        .unwrap();
    let drop = |more: &[&str]| {
        let words = [&["trickles", "drop", "--reason", "rubbish"][..], more].concat();
        let dry = world.ends(0, &[&words[..], &["--dry_run"]].concat());
        (dry.lines().next().unwrap().to_owned(), dry)
    };
    for (conditions, count) in [
        (&["--host", "1"][..], 5),
        (&["--host", "1", "--kind", "set_aside"], 3),
        (&["--variety", "runtime"], 1),
        (&["--variety", "%"], 0),
        (&["--reason-contains", "no result of that name"], 1),
        (&["--kind", "held"], 2),
        (&["--kind", "report"], 2),
        (&["--older-than", "1d"], 1),
        (&["--all-set-aside"], 6),
        (&["--all-set-aside", "--host", "2", "--older-than", "1d"], 0),
    ] {
        let (said, _) = drop(conditions);
        assert_eq!(said, format!("would be dropped: {count} messages"), "{conditions:?}");
    }
    holds(&drop(&["--kind", "held"]).1, &["        2  held: more than the wall clock"]);
    assert_eq!(kinds(&mut world).await, all, "a dry run");
    for wrong in [
        &["trickles", "drop", "--reason", "x"][..],
        &["trickles", "drop", "1", "--host", "1", "--reason", "x"],
        &["trickles", "drop", "--host", "1"],
        &["trickles", "drop", "--kind", "paid", "--reason", "x"],
        &["trickles", "drop", "--reason-contains", "", "--reason", "x"],
        &["trickles", "retry", "--dry_run"],
    ] {
        world.ends(2, wrong);
    }
    // Only the reports: what is held stays held.
    let reports = ["trickles", "drop", "--kind", "report", "--reason", "broken guests"];
    holds(&world.ends(0, &reports), &["dropped: 2 messages"]);
    let now = "1 trickle,2 trickle,3 trickle,4 trickle,5 held,6 dropped_report,6 held,7 dropped_report";
    assert_eq!(kinds(&mut world).await, now);
    let old = ["trickles", "drop", "--older-than", "1d", "--reason", "nobody asked"];
    holds(&world.ends(0, &old), &["dropped: 1 messages"]);
    holds(&world.ends(0, &old), &["no such message is set aside or held"]);
    let variety = ["trickles", "retry", "--variety", "runtime", "--dry_run"];
    holds(&world.ends(0, &variety), &["would be given back: 1 messages"]);
    holds(&world.ends(0, &["trickles", "retry", "--kind", "held", "--host", "1"]), &["given back: 1"]);
    let now = "1 dropped,2 trickle,3 trickle,4 trickle,5 released,6 dropped_report,6 held,7 dropped_report";
    assert_eq!(kinds(&mut world).await, now);
    world.balances();
}

#[tokio::test]
async fn what_is_dropped_stays_and_is_counted() {
    let mut world = world().await;
    for (reason, words) in
        [("", "say why"), ("  ", "say why"), ("a\nb", "one line"), ("\u{1b}[2J", "one line")]
    {
        assert!(world.ends(2, &["trickles", "drop", "3", "--reason", reason]).contains(words));
    }
    assert!(world.ends(2, &["trickles", "drop", "3", "--reason", &"x".repeat(200)]).contains("at most"));
    assert!(world.ends(2, &["trickles", "drop", "3"]).contains("--reason"));
    let said = world.run(&["trickles", "drop", "3", "4", "1", "--reason", "a clock of 1970"]);
    assert_eq!(said.status, 1);
    holds(&said.out, &["dropped: 2 messages"]);
    holds(&said.err, &["message 1 is not set aside or held"]);
    world.balances();
    assert_eq!(world.number("SELECT COUNT(*) FROM cobblestone_quarantine").await, 4, "nothing is deleted");
    let list = world.ends(0, &["trickles", "list", "--state", "dropped"]);
    holds(&list, &["a clock of 1970; it was: ", "dropped by "]);
    holds(&world.ends(0, &["audit"]), &["set aside: dropped by", "set aside: message"]);
    // The handler does not come back to it, and neither does retrying all others.
    assert!(world.ends(0, &["trickles", "retry", "--all-set-aside"]).contains("given back: 2"));
    world.handle(&[]);
    assert_eq!(world.sum("SELECT granted_credit FROM result WHERE id = 2").await, 0.0);
    // Unless a person asks for it.
    assert_eq!(world.run(&["trickles", "drop", "3", "--reason", "again"]).status, 1, "it is dropped already");
    holds(&world.ends(0, &["trickles", "retry", "3"]), &["given back: 1"]);
    world.handle(&[]);
    assert!(world.sum("SELECT granted_credit FROM result WHERE id = 2").await > 0.0);
    world.balances();
}

const BOTH: &str = "[[reports]]\nvariety = \"cpu_time\"\nformat = \"xml\"\nmeaning = \"cumulative\"\n";

/// A claim and a guest report in one.
fn both(result: &str, time: i64, seconds: f64, failed: &str) -> String {
    claim(result, time, "cpu_time", seconds) + &format!("<failed>{failed}</failed>")
}

/// What a message was paid and how often it was counted does not change.
async fn books(world: &mut World) -> String {
    world.balances();
    let sql = "SELECT CONCAT_WS(' ', (SELECT GROUP_CONCAT(messageid, ':', seconds ORDER BY id) FROM cobblestone_ledger), \
               (SELECT GROUP_CONCAT(resultid, ':', seconds_paid, ':', messages ORDER BY resultid) FROM cobblestone_mark), \
               (SELECT GROUP_CONCAT(id, ':', granted_credit ORDER BY id) FROM result)) AS line";
    world.sql.row(sql, &[]).await.unwrap().text("line").unwrap()
}

#[tokio::test]
async fn a_report_is_given_back_and_its_message_counts_once() {
    let mut world = World::new().await;
    world.people().await;
    let config = format!("{}{BOTH}", uptime("over_claims = \"hold\""));
    world.project.write_app_config(&format!("{config}max_jobs = 5\n")).unwrap();
    // Paid and nothing new, with a report that says too much; held, with a broken one.
    let one = both("r1", THEN, 3600.0, "7");
    let two = both("r1", THEN + 1, 1800.0, "6");
    let three = both("r2", THEN, 1e6, "-1");
    world
        .messages(&[(1, THEN, "cpu_time", one), (1, THEN, "cpu_time", two), (2, THEN, "cpu_time", three)])
        .await;
    world.handle(&[]);
    let calm = books(&mut world).await;
    assert_eq!(kinds(&mut world).await, "1 report,2 report,3 held,3 report");
    let list = world.ends(0, &["trickles", "list", "--state", "set_aside"]);
    holds(
        &list,
        &["paid, report set_aside", "handled, report set_aside", "held, report set_aside", "max_jobs = 5"],
    );
    holds(&world.ends(0, &["trickles", "show", "1"]), &["paid, report set_aside", "report   failed is 7"]);
    holds(&world.ends(0, &["explain", "trickle", "1"]), &["failed is 7", "what was paid stays"]);

    // The cause is still there.
    let said = world.ends(0, &["trickles", "retry", "--reason-contains", "max_jobs"]);
    holds(&said, &["given back: 2 messages"]);
    assert_eq!(kinds(&mut world).await, "1 released_report,2 released_report,3 held,3 report");
    assert_eq!(world.number("SELECT SUM(handled) FROM msg_from_host").await, 1);
    assert_eq!(books(&mut world).await, calm, "while they wait");
    holds(&world.ends(0, &["trickles", "list", "--state", "released"]), &["released, report released"]);
    assert_eq!(world.run(&["trickles", "retry", "1"]).status, 1, "it waits already");
    world.handle(&[]);
    assert_eq!(kinds(&mut world).await, "1 report,2 report,3 held,3 report");
    assert_eq!(books(&mut world).await, calm);

    // It is mended: the report counts, the message was counted before. A dropped one can be given back, too.
    world.project.write_app_config(&config).unwrap();
    holds(&world.ends(0, &["trickles", "drop", "1", "--reason", "no"]), &["dropped: 1"]);
    assert_eq!(kinds(&mut world).await, "1 dropped_report,2 report,3 held,3 report");
    assert_eq!(books(&mut world).await, calm);
    holds(
        &world.ends(0, &["trickles", "list", "--state", "dropped"]),
        &["paid, report dropped", "it was: failed is 7"],
    );
    holds(&world.ends(0, &["trickles", "retry", "--all-set-aside"]), &["given back: 2"]);
    world.handle(&[]);
    assert_eq!(kinds(&mut world).await, "1 dropped_report,3 held,3 report");
    assert_eq!(world.number("SELECT failed FROM cobblestone_report WHERE resultid = 1").await, 6);
    holds(&world.ends(0, &["trickles", "retry", "1"]), &["given back: 1"]);
    world.handle(&["--dry_run"]);
    assert_eq!(kinds(&mut world).await, "1 released_report,3 held,3 report");
    world.handle(&[]);
    assert_eq!(kinds(&mut world).await, "3 held,3 report");
    assert_eq!(world.number("SELECT failed FROM cobblestone_report WHERE resultid = 1").await, 7);
    assert_eq!(world.number("SELECT messages FROM cobblestone_report WHERE resultid = 1").await, 0);
    assert_eq!(books(&mut world).await, calm);

    // A message with its report: all is decided anew, and the claim is counted now.
    holds(&world.ends(0, &["trickles", "retry", "3"]), &["given back: 1"]);
    assert_eq!(kinds(&mut world).await, "3 released,3 report");
    world.balances();
    world.handle(&[]);
    assert_eq!(kinds(&mut world).await, "3 report");
    world.balances();
    // db_purge took the result: still a report, for its message is counted.
    world.sql.execute("DELETE FROM result WHERE id = 2", &[]).await.unwrap();
    holds(&world.ends(0, &["trickles", "retry", "3"]), &["given back: 1"]);
    world.handle(&[]);
    assert_eq!(kinds(&mut world).await, "3 report");
    world.balances();
    // Without the declaration.
    world.project.write_app_config(&uptime("")).unwrap();
    holds(&world.ends(0, &["trickles", "retry", "3"]), &["given back: 1"]);
    world.sql.execute("UPDATE result SET name = 'r2' WHERE id = 4", &[]).await.unwrap();
    world.handle(&[]);
    holds(&world.ends(0, &["trickles", "show", "3"]), &["declares no guest reports of this variety"]);
    assert_eq!(kinds(&mut world).await, "3 report");
    world.balances();
}

#[tokio::test]
async fn a_message_that_nobody_declares_is_dropped_and_given_back() {
    let mut world = world().await;
    world.handle(&["--watch_all"]);
    world.balances();
    holds(&world.ends(0, &["trickles", "drop", "7", "--reason", "noise"]), &["dropped: 1"]);
    world.balances();
    assert_eq!(world.number("SELECT COUNT(*) FROM cobblestone_quarantine WHERE kind = 'unknown'").await, 0);
    holds(
        &world.ends(0, &["trickles", "list", "--state", "dropped"]),
        &["noise; it was: no application declares"],
    );
    holds(&world.ends(0, &["trickles", "retry", "7"]), &["given back: 1"]);
    world.balances();
    world.handle(&["--watch_all"]);
    holds(
        &world.ends(0, &["trickles", "retry", "--reason-contains", "no application declares"]),
        &["given back: 1"],
    );
    world.handle(&["--watch_all"]);
    assert_eq!(world.number("SELECT COUNT(*) FROM cobblestone_quarantine WHERE kind = 'unknown'").await, 1);
    world.balances();
}

#[tokio::test]
async fn a_message_marked_as_unhandled_by_hand_has_one_entry_and_blocks_no_other() {
    let mut world = world().await;
    let entries = "SELECT COUNT(*) FROM cobblestone_quarantine WHERE refid = 5";
    world.ends(0, &["trickles", "drop", "5", "--reason", "rubbish"]);
    world.sql.execute("UPDATE msg_from_host SET handled = 0 WHERE id IN (3, 4, 5)", &[]).await.unwrap();
    world.handle(&[]);
    assert_eq!(world.number(entries).await, 1);
    assert_eq!(world.number("SELECT tries FROM cobblestone_quarantine WHERE refid = 4").await, 2);
    world.balances();

    // Two entries that came otherwise.
    for kind in ["released", "dropped"] {
        let twin = "INSERT INTO cobblestone_quarantine (time, daemon, kind, refid, hostid, reason, tries) \
                    SELECT time, daemon, ?, refid, hostid, 'a twin', 1 FROM cobblestone_quarantine WHERE refid = 5 LIMIT 1";
        world.sql.execute(twin, &[kind.into()]).await.unwrap();
    }
    holds(&world.ends(0, &["trickles", "drop", "5", "--reason", "again"]), &["dropped: 1 messages"]);
    assert_eq!(world.number(entries).await, 1);
    world
        .sql
        .execute("UPDATE cobblestone_quarantine SET kind = 'trickle' WHERE refid = 5", &[])
        .await
        .unwrap();
    let twin = "INSERT INTO cobblestone_quarantine (time, daemon, kind, refid, hostid, reason, tries) \
                SELECT time, daemon, 'released', refid, hostid, 'a twin', 1 FROM cobblestone_quarantine WHERE refid = 5";
    world.sql.execute(twin, &[]).await.unwrap();
    let said = world.run(&["trickles", "retry", "--all-set-aside"]);
    assert_eq!((said.status, said.out.contains("given back: 3")), (0, true), "{said:?}");
    assert_eq!(world.number(entries).await, 1);
    world.handle(&[]);
    assert_eq!(world.number(entries).await, 1);
    world.balances();
}

#[tokio::test]
async fn a_paid_message_without_a_result_is_refused_again_and_again() {
    let mut world = World::new().await;
    world.people().await;
    world.project.write_app_config(&uptime("")).unwrap();
    world.messages(&[(1, THEN, "runtime", "<runtime>60</runtime>".to_owned())]).await;
    world.handle(&[]);
    let credit = world.sum("SELECT SUM(credit) FROM cobblestone_ledger").await;
    world.sql.execute("UPDATE msg_from_host SET handled = 0", &[]).await.unwrap();
    for _ in 0..3 {
        world.handle(&[]);
        assert_eq!(world.number("SELECT COUNT(*) FROM cobblestone_quarantine").await, 1);
        holds(&world.ends(0, &["trickles", "retry", "--all-set-aside"]), &["given back: 1"]);
    }
    assert_eq!(world.sum("SELECT SUM(credit) FROM cobblestone_ledger").await, credit);
}

#[tokio::test]
async fn a_dropped_text_without_a_copy_stays_when_its_message_goes() {
    let mut world = world().await;
    world.sql.execute("UPDATE cobblestone_quarantine SET raw = NULL WHERE refid = 6", &[]).await.unwrap();
    world.ends(0, &["trickles", "drop", "6", "--reason", "nobody knows it"]);
    world.sql.execute("DELETE FROM msg_from_host WHERE id = 6", &[]).await.unwrap();
    holds(&world.ends(0, &["trickles", "show", "6"]), &["<result_name>r9</result_name>"]);
}
