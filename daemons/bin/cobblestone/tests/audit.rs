//! The audit on a real database: each fault is found and nothing else, and what is no fault is shown as what it is.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod common;

use common::{NOW, World, holds};
use sandbox::ProjectOptions;
use serde_json::{Value, json};

const DAY: i64 = 86_400;
const SENT: i64 = NOW as i64 - DAY;

const CONFIG: &str = r#"
[uptime]
enabled = true
over_claims = "cap"
max_lifetime_seconds = 50000
[[uptime.claims]]
variety = "cpu_time"
element = "cpu_time"
meaning = "cumulative"
[[uptime.claims]]
variety = "runtime"
element = "runtime"
meaning = "increment"
max_seconds = 20000
"#;

fn text(result: &str, time: i64, element: &str, seconds: f64) -> String {
    format!(
        "\n<result_name>{result}</result_name>\n<time>{time}</time>\n<{element}>{seconds:.6}</{element}>\n"
    )
}

/// Hosts 1 and 2 of users 1 and 2, the first in team 1; four tasks that were paid; user 3 with host 3 and team 2, who
/// were paid nothing; credit by application. All but user 3 had something when the toolkit came.
async fn world() -> World {
    let mut world = World::with(ProjectOptions { credit_by_app: true, ..ProjectOptions::default() }).await;
    world.project.write_app_config(CONFIG).unwrap();
    world.people().await;
    world.insert("host", vec![json!({"id": 3, "userid": 3, "rpc_seqno": 12})]).await;
    let user = json!({"id": 3, "teamid": 2, "name": "u3", "email_addr": "u3", "authenticator": "u3"});
    world.insert("user", vec![user]).await;
    world.insert("team", vec![json!({"id": 2, "name": "other"})]).await;
    for (table, ids) in [("host", "1, 2"), ("user", "1, 2"), ("team", "1")] {
        let sql = format!("UPDATE {table} SET total_credit = 1000 WHERE id IN ({ids})");
        world.sql.execute(&sql, &[]).await.unwrap();
        let sql = format!(
            "INSERT INTO cobblestone_opening (kind, id, total_credit, appid) SELECT '{table}', id, 1000, 0 FROM {table} WHERE id IN ({ids})"
        );
        world.sql.execute(&sql, &[]).await.unwrap();
    }
    let mut rows = Vec::new();
    for k in 1..=6_i64 {
        for id in 1..=4_i64 {
            let (variety, seconds) = if id < 3 { ("cpu_time", 600.0 * k as f64) } else { ("runtime", 500.0) };
            rows.push((2 - id % 2, SENT + k * 1000, variety, text(&format!("r{id}"), k, variety, seconds)));
        }
    }
    rows.push((2, SENT, "cpu_time", "<cpu_time>half".to_owned()));
    world.messages(&rows).await;
    world.handle(&[]);
    // The web site's table, as BOINC has it.
    world
        .sql
        .execute(
            "CREATE TABLE team_delta (userid INT NOT NULL, teamid INT NOT NULL, timestamp INT NOT NULL, joining TINYINT NOT NULL, \
             total_credit DOUBLE NOT NULL)",
            &[],
        )
        .await
        .unwrap();
    world.balances();
    world
}

async fn all(world: &mut World, statements: &[&str]) {
    for sql in statements {
        world.sql.execute(sql, &[]).await.unwrap_or_else(|e| panic!("{sql}: {e}"));
    }
}

fn json_of(world: &World, status: i32) -> Value {
    serde_json::from_str(&world.ends(status, &["audit", "--json"])).unwrap()
}

/// Findings that are off: their words and details.
fn off(world: &World) -> Vec<(String, Vec<String>)> {
    let said = world.run(&["audit", "--json"]);
    assert!(said.err.is_empty(), "{}", said.err);
    let value: Value = serde_json::from_str(&said.out).unwrap();
    let off: Vec<(String, Vec<String>)> = value["findings"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|finding| finding["ok"] == false)
        .map(|finding| {
            let details = finding["details"].as_array().unwrap().iter();
            (
                finding["what"].as_str().unwrap().to_owned(),
                details.map(|d| d.as_str().unwrap().to_owned()).collect(),
            )
        })
        .collect();
    assert_eq!(said.status, i32::from(!off.is_empty()));
    off
}

const WRITTEN: &str = "the ledger holds the rows that were written";

/// A fault, how to undo it, which finding says so, and with which words.
const FAULTS: &[(&str, &str, &str, &str)] = &[
    (
        "UPDATE host SET total_credit = total_credit + 5 WHERE id = 1",
        "UPDATE host SET total_credit = total_credit - 5 WHERE id = 1",
        "hosts gained",
        "host 1 gained 5.000000 more than the ledger says, its user 1 did not",
    ),
    (
        "UPDATE host SET total_credit = total_credit - 5 WHERE id = 1",
        "UPDATE host SET total_credit = total_credit + 5 WHERE id = 1",
        "hosts gained",
        "host 1 has 5.000000 less than the ledger says",
    ),
    (
        "UPDATE user SET total_credit = total_credit + 5 WHERE id = 1",
        "UPDATE user SET total_credit = total_credit - 5 WHERE id = 1",
        "users gained",
        "user 1 gained 5.000000 more than the ledger says, its hosts 0.000000",
    ),
    (
        "UPDATE user SET total_credit = total_credit - 5 WHERE id = 2",
        "UPDATE user SET total_credit = total_credit + 5 WHERE id = 2",
        "users gained",
        "user 2 has 5.000000 less",
    ),
    (
        "UPDATE team SET total_credit = total_credit + 5 WHERE id = 2",
        "UPDATE team SET total_credit = total_credit - 5 WHERE id = 2",
        "teams gained",
        "team 2 gained 5.000000 more than the ledger says, all who were its members 0.000000",
    ),
    (
        "UPDATE team SET total_credit = total_credit - 5 WHERE id = 1",
        "UPDATE team SET total_credit = total_credit + 5 WHERE id = 1",
        "teams gained",
        "team 1 has 5.000000 less",
    ),
    (
        "UPDATE credit_user SET total = total + 5 WHERE userid = 1",
        "UPDATE credit_user SET total = total - 5 WHERE userid = 1",
        "users by application gained",
        "credit_user 1 of application 1 gained 5.000000",
    ),
    (
        "UPDATE credit_team SET total = total - 5 WHERE teamid = 0",
        "UPDATE credit_team SET total = total + 5 WHERE teamid = 0",
        "teams by application gained",
        "credit_team 0 of application 1 has 5.000000 less",
    ),
    (
        "UPDATE cobblestone_ledger SET seconds = seconds / 2 WHERE id = 1",
        "UPDATE cobblestone_ledger SET seconds = seconds * 2 WHERE id = 1",
        "each row of the ledger",
        "ledger row 1 (uptime)",
    ),
    (
        "UPDATE cobblestone_ledger SET reason = CONCAT(reason, '!') WHERE id = 1",
        "UPDATE cobblestone_ledger SET reason = LEFT(reason, CHAR_LENGTH(reason) - 1) WHERE id = 1",
        WRITTEN,
        "something else in them is not (checksum",
    ),
    (
        "UPDATE cobblestone_ledger SET workunitid = workunitid + 1 WHERE id = 1",
        "UPDATE cobblestone_ledger SET workunitid = workunitid - 1 WHERE id = 1",
        WRITTEN,
        "something else in them is not (checksum",
    ),
    (
        "UPDATE cobblestone_ledger SET time = time + 1 WHERE id = 1",
        "UPDATE cobblestone_ledger SET time = time - 1 WHERE id = 1",
        WRITTEN,
        "something else in them is not (checksum",
    ),
    (
        "UPDATE cobblestone_ledger SET messageid = 4711 WHERE id = 1",
        "UPDATE cobblestone_ledger SET messageid = 1 WHERE id = 1",
        WRITTEN,
        "something else in them is not (checksum",
    ),
    (
        "UPDATE cobblestone_ledger SET rule_version = 2 WHERE id = 1",
        "UPDATE cobblestone_ledger SET rule_version = 1 WHERE id = 1",
        WRITTEN,
        "something else in them is not (checksum",
    ),
    (
        "UPDATE cobblestone_mark SET credit_paid = credit_paid + 5 WHERE resultid = 1",
        "UPDATE cobblestone_mark SET credit_paid = credit_paid - 5 WHERE resultid = 1",
        "the mark of each result",
        "result 1: mark",
    ),
    (
        "UPDATE result SET granted_credit = granted_credit + 5 WHERE id = 1",
        "UPDATE result SET granted_credit = granted_credit - 5 WHERE id = 1",
        "shows that as its granted_credit",
        "result 1: granted_credit",
    ),
    (
        "UPDATE result r JOIN cobblestone_mark k ON k.resultid = r.id SET r.sent_time = r.sent_time + 86400 - 100, \
         k.sent_time = k.sent_time + 86400 - 100 WHERE r.id = 1",
        "UPDATE result r JOIN cobblestone_mark k ON k.resultid = r.id SET r.sent_time = r.sent_time - 86400 + 100, \
         k.sent_time = k.sent_time - 86400 + 100 WHERE r.id = 1",
        "more seconds than were possible",
        "(wall clock from sending to report, with slack), paid 3600.000 s",
    ),
    (
        "UPDATE cobblestone_mark SET messages = 5 WHERE resultid = 1",
        "UPDATE cobblestone_mark SET messages = 6 WHERE resultid = 1",
        "",
        "result 1: messages 5, payments 6",
    ),
    (
        "UPDATE cobblestone_ledger SET messageid = NULL WHERE messageid = 1",
        "UPDATE cobblestone_ledger SET messageid = 1 WHERE messageid IS NULL",
        "no message was paid twice",
        "names no message",
    ),
    (
        "UPDATE msg_from_host SET handled = 0 WHERE id = 1",
        "UPDATE msg_from_host SET handled = 1 WHERE id = 1",
        "every handled message",
        "1 messages were counted more than once, or deleted after",
    ),
    (
        "INSERT INTO msg_from_host (id, create_time, hostid, variety, handled, xml) VALUES (999, 1, 1, 'cpu_time', 1, '')",
        "DELETE FROM msg_from_host WHERE id = 999",
        "every handled message",
        "1 handled messages are neither counted nor set aside",
    ),
    (
        "UPDATE user SET expavg_credit = expavg_credit - 1e6 WHERE id = 1",
        "UPDATE user SET expavg_credit = expavg_credit + 1e6 WHERE id = 1",
        "no recent average",
        "user 1: -",
    ),
    (
        "UPDATE team SET expavg_time = expavg_time + 1e6 WHERE id = 1",
        "UPDATE team SET expavg_time = expavg_time - 1e6 WHERE id = 1",
        "no recent average",
        "team 1: ",
    ),
];

#[tokio::test]
async fn each_fault_is_found_and_nothing_else() {
    let mut world = world().await;
    for (fault, undo, finding, words) in FAULTS {
        all(&mut world, &[fault]).await;
        let off = off(&world);
        assert!(
            off.iter().any(|(what, d)| what.contains(finding) && d.iter().any(|d| d.contains(words))),
            "{fault}: {off:?}"
        );
        // A mark that counts too few messages is two faults; a changed row of the ledger is always one.
        let changed = fault.starts_with("UPDATE cobblestone_ledger SET") && *finding != WRITTEN;
        assert_eq!(off.len(), if finding.is_empty() || changed { 2 } else { 1 }, "{fault}: {off:?}");
        all(&mut world, &[undo]).await;
    }
    world.balances();
}

#[tokio::test]
async fn a_result_that_was_sent_again() {
    let mut world = world().await;
    // As the scheduler does when a client has lost it.
    all(&mut world, &["UPDATE result SET sent_time = 1795000000 - 100 WHERE id = 1"]).await;
    world.balances();
    // A mark of before the toolkit kept that time says nothing.
    all(&mut world, &["UPDATE cobblestone_mark SET sent_time = 0 WHERE resultid = 1"]).await;
    assert_eq!(off(&world).len(), 1);
}

#[tokio::test]
async fn owners_that_never_were() {
    let mut world = world().await;
    all(
        &mut world,
        &["INSERT INTO cobblestone_ledger (time, kind, resultid, workunitid, hostid, userid, teamid, appid, seconds, flops, credit, \
           rule_version, reason, since) VALUES (1, 'adjustment', 0, 0, 77, 78, 79, 0, 0, 0, 12, 1, 'x', 1)"],
    )
    .await;
    let off = off(&world);
    // And the ledger has a row that was not written by us.
    assert_eq!(off.len(), 4, "{off:?}");
    for ((_, details), words) in
        off.iter().zip(["host 77 never existed", "user 78 never existed", "team 79 never existed"])
    {
        assert!(details[0].contains(words), "{details:?}");
    }
}

#[tokio::test]
async fn reported_and_lifetime_bounds() {
    let mut world = world().await;
    // Paid 3600 s while it ran; then it reported 3000 s: that stays.
    let report = "UPDATE result SET server_state = 5, outcome = 1, elapsed_time = 3000, received_time = 1794999000 WHERE id = 1";
    all(
        &mut world,
        &[report, "UPDATE cobblestone_ledger SET time = 1794990000, since = 1794990000 WHERE resultid = 1"],
    )
    .await;
    world.sum_up_the_ledger().await;
    world.balances();
    // Something of it was paid after the report.
    all(&mut world, &["UPDATE cobblestone_ledger SET time = 1794999900, since = 1794999900 WHERE resultid = 1 ORDER BY id DESC LIMIT 2"]).await;
    world.sum_up_the_ledger().await;
    let found = off(&world);
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].1, ["result 1: possible 3000.000 s (its reported elapsed_time), paid 3600.000 s"]);
    let said = world.ends(0, &["audit", "--accept", "result:1", "--reason", "looked at it"]);
    holds(&said, &["accepted on 2026-11-18", "result:1 +600.000000: looked at it"]);
    // The administrator lowers the longest life.
    world.project.write_app_config(&CONFIG.replace("50000", "3500")).unwrap();
    let off = off(&world);
    assert_eq!(off.len(), 1, "{off:?}");
    assert_eq!(
        off[0].1,
        ["result 2: possible 3500.000 s (max_lifetime_seconds of its application), paid 3600.000 s"]
    );
}

#[tokio::test]
async fn what_is_taken_back_counts() {
    let mut world = world().await;
    world.project.write_app_config(&CONFIG.replace("50000", "3500")).unwrap();
    assert_eq!(off(&world).len(), 1);
    let sum = "FROM cobblestone_ledger WHERE resultid IN (1, 2) GROUP BY resultid";
    let back = format!(
        "INSERT INTO cobblestone_ledger (time, kind, resultid, workunitid, hostid, userid, teamid, appid, seconds, flops, credit, \
         rule_version, reason, since) SELECT 1795000000, 'revocation', resultid, 1, MAX(hostid), MAX(userid), MAX(teamid), 1, \
         -SUM(seconds), MAX(flops), -SUM(credit), 1, 'x', 1795000000 {sum}"
    );
    all(&mut world, &[&back]).await;
    let off = off(&world);
    assert!(off.iter().all(|(what, _)| !what.contains("more seconds")), "{off:?}");
    assert!(off.iter().all(|(what, _)| !what.contains("each row of the ledger")), "{off:?}");
}

#[tokio::test]
async fn merged_hosts() {
    let mut world = world().await;
    let mut before = json_of(&world, 0);
    // As merge_hosts does: 1 into 3, of the same user.
    all(
        &mut world,
        &[
            "UPDATE host SET userid = 1 WHERE id = 3",
            "UPDATE host a JOIN host b ON a.id = 3 AND b.id = 1 SET a.total_credit = a.total_credit + b.total_credit",
            "UPDATE result SET hostid = 3 WHERE hostid = 1",
            "UPDATE host SET total_credit = 0, expavg_credit = 0, userid = 0, rpc_seqno = 3 WHERE id = 1",
        ],
    )
    .await;
    let said = world.ends(0, &["audit"]);
    holds(&said, &["host 1 was merged into host 3, with 1"]);
    // And on: the task goes on under its new host, and that one is merged again.
    world.messages(&[(3, NOW as i64 - 10, "cpu_time", text("r1", 77, "cpu_time", 9000.0))]).await;
    world.handle(&[]);
    world.balances();
    all(
        &mut world,
        &[
            "UPDATE host SET userid = 1 WHERE id = 2",
            "UPDATE host a JOIN host b ON a.id = 2 AND b.id = 3 SET a.total_credit = a.total_credit + b.total_credit",
            "UPDATE host SET total_credit = 0, expavg_credit = 0, userid = 0, rpc_seqno = 2 WHERE id = 3",
        ],
    )
    .await;
    let after = json_of(&world, 0);
    assert_eq!(after["merged_hosts"].as_array().unwrap().len(), 2);
    assert!(after["merged_hosts"].as_array().unwrap().iter().all(|merge| merge["to"] == 2), "{after}");
    assert_eq!(before["merged_hosts"].take(), json!([]));
}

#[tokio::test]
async fn accounts_that_were_deleted() {
    let mut world = world().await;
    // Obfuscated: it leaves its team.
    all(
        &mut world,
        &[
            "INSERT INTO team_delta VALUES (1, 1, 1794999999, 0, 5)",
            "UPDATE user SET name = 'deleted', teamid = 0 WHERE id = 1",
        ],
    )
    .await;
    let said = world.ends(0, &["audit"]);
    holds(&said, &["of user 1, who left it", "team 1 keeps"]);
    // Wiped.
    all(
        &mut world,
        &[
            "DELETE FROM team_delta WHERE userid = 1",
            "DELETE FROM msg_from_host WHERE hostid = 1",
            "UPDATE result SET hostid = 0, userid = 0, server_state = 5, outcome = 7, validate_state = 2 WHERE userid = 1",
            "DELETE FROM host WHERE userid = 1",
            "DELETE FROM credit_user WHERE userid = 1",
            "DELETE FROM user WHERE id = 1",
        ],
    )
    .await;
    let said = world.ends(0, &["audit"]);
    holds(
        &said,
        &["deleted: 1 hosts (1) with 1", "deleted: 1 users (1) with 1", "12 messages went with hosts"],
    );
    assert_eq!(json_of(&world, 0)["totals"]["user"]["deleted"]["count"], 1);
    // Its team, too.
    all(&mut world, &["DELETE FROM team WHERE id = 1", "DELETE FROM credit_team WHERE teamid = 1"]).await;
    holds(&world.ends(0, &["audit"]), &["deleted: 1 teams (1)"]);
}

#[tokio::test]
async fn a_host_that_was_deleted() {
    let mut world = world().await;
    all(&mut world, &["DELETE FROM result WHERE hostid = 2", "DELETE FROM host WHERE id = 2"]).await;
    let said = world.ends(0, &["audit"]);
    holds(&said, &["deleted: 1 hosts (2)"]);
}

/// What a stock validator of another application grants.
async fn stock_grant(world: &mut World, host: i32, credit: f64) {
    let user = format!("(SELECT userid FROM host WHERE id = {host})");
    let team = format!("(SELECT u.teamid FROM user u JOIN host h ON h.userid = u.id WHERE h.id = {host})");
    for sql in [
        format!("UPDATE team SET total_credit = total_credit + {credit} WHERE id = {team}"),
        format!("UPDATE user SET total_credit = total_credit + {credit} WHERE id = {user}"),
        format!("UPDATE host SET total_credit = total_credit + {credit} WHERE id = {host}"),
        format!(
            "INSERT INTO credit_user (userid, appid, njobs, total, expavg, expavg_time, credit_type) VALUES ({user}, 2, 1, {credit}, 0, 0, 0) \
             ON DUPLICATE KEY UPDATE total = total + {credit}"
        ),
        format!(
            "INSERT INTO credit_team (teamid, appid, njobs, total, expavg, expavg_time, credit_type) VALUES ({team}, 2, 1, {credit}, 0, 0, 0) \
             ON DUPLICATE KEY UPDATE total = total + {credit}"
        ),
    ] {
        all(world, &[&sql]).await;
    }
}

#[tokio::test]
async fn grants_of_another_application_and_users_who_change_teams() {
    let mut world = world().await;
    let app = json!({"id": 2, "name": "other"});
    world.insert("app", vec![app]).await;
    let task = json!({"id": 50, "workunitid": 50, "appid": 2, "name": "o1", "hostid": 1, "userid": 1, "server_state": 5,
                      "outcome": 1, "validate_state": 1, "sent_time": SENT, "granted_credit": 10.0});
    world.insert("result", vec![task]).await;
    stock_grant(&mut world, 1, 10.0).await;
    stock_grant(&mut world, 3, 4.0).await;
    let said = world.ends(0, &["audit"]);
    holds(
        &said,
        &[
            "granted by others: 14.000000; 1 results of other show 10.000000",
            "granted by others: 14.000000\n",
        ],
    );
    let totals = &json_of(&world, 0)["totals"];
    for book in ["host", "user", "team", "credit_user", "credit_team"] {
        let granted = totals[book]["granted_by_others"].as_f64().unwrap();
        assert!((granted - 14.0).abs() < 1e-6, "{book}: {granted}");
    }
    // User 1 goes over to team 2, and gets more.
    all(
        &mut world,
        &[
            "INSERT INTO team_delta VALUES (1, 1, 1795000000, 0, 5), (1, 2, 1795000000, 1, 5)",
            "UPDATE user SET teamid = 2 WHERE id = 1",
        ],
    )
    .await;
    stock_grant(&mut world, 1, 7.0).await;
    world.messages(&[(1, NOW as i64 - 10, "cpu_time", text("r1", 77, "cpu_time", 9000.0))]).await;
    world.handle(&[]);
    let said = world.ends(0, &["audit"]);
    holds(&said, &["of user 1, who left it", "granted by others: 21.000000"]);
    // Out of step, on top of it.
    all(&mut world, &["UPDATE user SET total_credit = total_credit + 3 WHERE id = 1"]).await;
    let found = off(&world);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(
        found[0].1[0].contains("user 1 gained 20.000000 more than the ledger says, its hosts 17.000000"),
        "{found:?}"
    );
    all(&mut world, &["UPDATE user SET total_credit = total_credit - 3 WHERE id = 1"]).await;
    // A stock validator on our own application overwrites granted_credit, and grants again.
    stock_grant(&mut world, 2, 6.0).await;
    all(&mut world, &["UPDATE result SET granted_credit = 6 WHERE id = 2"]).await;
    let found = off(&world);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].1[0].starts_with("result 2: granted_credit 6.000000, ledger"), "{found:?}");
}

#[tokio::test]
async fn a_difference_is_settled_once_and_shown_ever_after() {
    let mut world = world().await;
    all(&mut world, &["UPDATE user SET total_credit = total_credit + 5 WHERE id = 1"]).await;
    assert_eq!(off(&world).len(), 1);
    let nothing = world.ends(2, &["audit", "--accept", "user:2", "--reason", "x"]);
    holds(&nothing, &["finds nothing off there"]);
    holds(&world.ends(2, &["audit", "--accept", "user:1", "--reason", " "]), &["--reason is empty"]);
    let said = world.ends(0, &["audit", "--accept", "user:1", "--reason", "a prize, by hand"]);
    holds(&said, &["accepted on 2026-11-18 11:06:40: user:1 +5.000000: a prize, by hand"]);
    holds(&world.ends(0, &["audit"]), &["a prize, by hand"]);
    holds(
        &world.ends(2, &["audit", "--accept", "user:1", "--reason", "again"]),
        &["finds nothing off there"],
    );
    assert_eq!(world.number("SELECT COUNT(*) FROM cobblestone_reconciliation").await, 1);
    // One cobblestone more is off again, by one.
    all(&mut world, &["UPDATE user SET total_credit = total_credit + 1 WHERE id = 1"]).await;
    assert!(off(&world)[0].1[0].contains("gained 1.000000"));
    let more = "INSERT INTO msg_from_host (id, create_time, hostid, variety, handled, xml) VALUES (999, 1, 1, 'cpu_time', 1, '')";
    all(&mut world, &["UPDATE user SET total_credit = total_credit - 1 WHERE id = 1", more]).await;
    world.ends(0, &["audit", "--accept", "messages", "--reason", "a stock handler took it"]);
    all(&mut world, &["UPDATE result SET granted_credit = 6 WHERE id = 2"]).await;
    world.ends(0, &["audit", "--accept", "granted:2", "--reason", "shown wrong"]);
    world.balances();
}

#[tokio::test]
async fn absurd_claims_and_purged_results_spoil_nothing() {
    let mut world = world().await;
    world
        .messages(&[(
            1,
            NOW as i64 - 10,
            "cpu_time",
            "<result_name>r1</result_name><time>7</time><cpu_time>1e300</cpu_time>".to_owned(),
        )])
        .await;
    world.handle(&[]);
    let said = world.ends(0, &["audit"]);
    holds(&said, &["claimed and not paid"]);
    // But for the first line, which names a folder.
    assert!(said.lines().skip(1).all(|line| line.chars().count() < 120), "{said}");
    all(&mut world, &["DELETE FROM result", "DELETE FROM workunit"]).await;
    world.balances();
}
