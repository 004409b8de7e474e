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
    let said = world.ends(0, &["trickles", "retry", "--reason", "no result of that name"]);
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
        world.ends(0, &["trickles", "retry", "--reason", "nonsense"]),
        "no such message is set aside or held\n"
    );
    for wrong in [
        &["trickles", "retry"][..],
        &["trickles", "retry", "5", "--all-set-aside"],
        &["trickles", "retry", "--reason", ""],
    ] {
        world.ends(2, wrong);
    }
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
