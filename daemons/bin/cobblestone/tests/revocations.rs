//! What results were paid is taken back from those that got it: real trickles, teams that change, hosts that are merged
//! and accounts that are deleted between payment and revocation, and the audit after each step.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod common;

use common::{NOW, World, claim, holds, uptime};
use sandbox::ProjectOptions;
use serde_json::json;

const SENT: i64 = NOW as i64 - 86_400;

/// Hosts 1 and 3 of user 1, host 2 of user 2; tasks r1, r3 on host 1, r2, r4 on host 2, r5 on host 3. User 1 was in team 1
/// and is in team 2 now; r1 was paid before and after, r5 before.
async fn world() -> World {
    let options = ProjectOptions { credit_by_app: true, ..ProjectOptions::default() };
    let mut world = World::with(options).await;
    let config = uptime("invalid_results = \"revoke\"") + "[credit]\nmode = \"uptime\"\n";
    world.project.write_app_config(&config).unwrap();
    world.people().await;
    world.insert("team", vec![json!({"id": 2, "name": "another team"})]).await;
    world
        .insert("host", vec![json!({"id": 3, "userid": 1, "p_fpops": 2e9, "p_ncpus": 4, "rpc_seqno": 7})])
        .await;
    let task = json!({"id": 5, "workunitid": 5, "appid": 1, "name": "r5", "hostid": 3, "userid": 1, "server_state": 4,
                      "sent_time": SENT, "flops_estimate": 8e9, "app_version_id": 1});
    world.insert("result", vec![task]).await;
    execute(
        &mut world,
        &["CREATE TABLE team_delta (userid INT NOT NULL, teamid INT NOT NULL, timestamp INT NOT NULL, \
           joining TINYINT NOT NULL, total_credit DOUBLE NOT NULL)"],
    )
    .await;
    trickles(&mut world, &[(1, "r1", 600.0), (1, "r1", 1200.0), (2, "r2", 900.0), (3, "r5", 3600.0)]).await;
    execute(
        &mut world,
        &[
            "UPDATE user SET teamid = 2 WHERE id = 1",
            "INSERT INTO team_delta VALUES (1, 1, 1795000000, 0, 0), (1, 2, 1795000000, 1, 0)",
        ],
    )
    .await;
    trickles(&mut world, &[(1, "r1", 3000.0), (1, "r3", 500.0), (2, "r4", 700.0)]).await;
    world.balances();
    world
}

async fn execute(world: &mut World, statements: &[&str]) {
    for sql in statements {
        world.sql.execute(sql, &[]).await.unwrap_or_else(|e| panic!("{sql}: {e}"));
    }
}

/// (host, result, seconds so far): stored one after the other, and paid.
async fn trickles(world: &mut World, list: &[(i64, &str, f64)]) {
    let before = world.number("SELECT COUNT(*) FROM msg_from_host").await;
    let rows: Vec<_> = (before..)
        .zip(list)
        .map(|(n, (host, result, seconds))| {
            (*host, SENT + 4000 + n, "cpu_time", claim(result, n, "cpu_time", *seconds))
        })
        .collect();
    world.messages(&rows).await;
    world.handle(&[]);
}

/// Those results ended without reply.
async fn abandon(world: &mut World, results: &str) {
    let sql = format!("UPDATE result SET server_state = 5, outcome = 4 WHERE id IN ({results})");
    execute(world, &[&sql]).await;
}

/// host, user, team, user and team by application, seconds of each revocation of a result.
async fn revoked(world: &mut World, result: i32) -> Vec<String> {
    let sql = format!(
        "SELECT CONCAT_WS(' ', hostid, userid, teamid, app_userid, app_teamid, ROUND(seconds, 3)) AS n \
         FROM cobblestone_ledger WHERE kind = 'revocation' AND resultid = {result} ORDER BY hostid, userid, teamid"
    );
    world.sql.rows(&sql, &[]).await.unwrap().iter().map(|row| row.text("n").unwrap()).collect()
}

/// The ledger's rest for a result, as its granted_credit and its mark say, too.
async fn left(world: &mut World, result: i32) -> f64 {
    let rest =
        world.sum(&format!("SELECT SUM(credit) FROM cobblestone_ledger WHERE resultid = {result}")).await;
    for sql in ["granted_credit FROM result WHERE id", "credit_paid FROM cobblestone_mark WHERE resultid"] {
        let other = world.sum(&format!("SELECT {sql} = {result}")).await;
        assert!((other - rest).abs() < 1e-9, "{sql}: {other} instead of {rest}");
    }
    // Sums depend on the order of addition in their last digits.
    (rest * 1e9).round() / 1e9
}

#[tokio::test]
async fn each_team_gives_back_what_it_got_and_adjustments_stay() {
    let mut world = world().await;
    let adjust = ["adjust", "--result", "r1", "--credit", "3", "--reason", "für Zoë | 50 % 🎁 'x' \\"];
    world.ends(0, &adjust);
    abandon(&mut world, "1, 2").await;
    holds(&world.validate(&["--dry_run"]), &["would be taken back"]);
    assert_eq!(revoked(&mut world, 1).await, [""; 0]);
    holds(&world.validate(&[]), &["revoked 2"]);
    assert_eq!(revoked(&mut world, 1).await, ["1 1 1 1 1 -1200.000", "1 1 2 1 2 -1800.000"]);
    assert_eq!(revoked(&mut world, 2).await, ["2 2 0 2 0 -900.000"]);
    assert_eq!((left(&mut world, 1).await, left(&mut world, 2).await), (3.0, 0.0));
    world.balances();
    // Team 1 keeps what it got of r5, and nothing else.
    let r5 = world.sum("SELECT SUM(credit) FROM cobblestone_ledger WHERE resultid = 5").await;
    for sql in ["total_credit FROM team WHERE id = 1", "total FROM credit_team WHERE teamid = 1"] {
        let total = world.sum(&format!("SELECT {sql}")).await;
        assert!((total - r5).abs() < 1e-9, "{sql}: {total} instead of {r5}");
    }
    world.validate(&[]);
    assert_eq!(world.number("SELECT COUNT(*) FROM cobblestone_ledger WHERE kind = 'revocation'").await, 3);
    world.balances();
}

#[tokio::test]
async fn what_was_folded_and_purged_is_taken_back_as_well() {
    let mut world = world().await;
    abandon(&mut world, "1, 5").await;
    execute(
        &mut world,
        &[
            "UPDATE cobblestone_ledger SET time = time - 1e7, since = since - 1e7",
            "UPDATE msg_from_host SET create_time = create_time - 10000000",
        ],
    )
    .await;
    world.sum_up_the_ledger().await;
    world.ends(0, &["trickles", "purge", "--older-than", "30d"]);
    let said = world.ends(0, &["ledger", "compact", "--older-than", "90d"]);
    holds(&said, &["payments of results: 2 rows folded into 1"]);
    world.validate(&[]);
    assert_eq!(revoked(&mut world, 1).await, ["1 1 1 1 1 -1200.000", "1 1 2 1 2 -1800.000"]);
    assert_eq!(revoked(&mut world, 5).await, ["3 1 1 1 1 -3600.000"]);
    assert_eq!((left(&mut world, 1).await, left(&mut world, 5).await), (0.0, 0.0));
    world.balances();
}

#[tokio::test]
async fn a_host_that_was_merged_gives_back_as_what_it_became() {
    let mut world = world().await;
    // As BOINC's merge_hosts does.
    execute(
        &mut world,
        &[
            "UPDATE host a JOIN host b ON b.id = 3 SET a.total_credit = a.total_credit + b.total_credit WHERE a.id = 1",
            "UPDATE result SET hostid = 1 WHERE hostid = 3",
            "UPDATE host SET total_credit = 0, expavg_credit = 0, userid = 0, rpc_seqno = 1 WHERE id = 3",
        ],
    )
    .await;
    world.balances();
    abandon(&mut world, "5").await;
    world.validate(&[]);
    assert_eq!(revoked(&mut world, 5).await, ["1 1 1 1 1 -3600.000"]);
    assert_eq!(left(&mut world, 5).await, 0.0);
    assert_eq!(world.sum("SELECT total_credit FROM host WHERE id = 3").await, 0.0);
    world.balances();
}

#[tokio::test]
async fn who_is_left_gives_back_when_others_are_deleted() {
    let mut world = world().await;
    abandon(&mut world, "1, 2, 4, 5").await;
    // Host 3 goes; team 1 goes; user 2 goes with all that is theirs.
    execute(
        &mut world,
        &[
            "DELETE FROM host WHERE id IN (2, 3)",
            "DELETE FROM team WHERE id = 1",
            "DELETE FROM credit_team WHERE teamid = 1",
            "DELETE FROM user WHERE id = 2",
            "DELETE FROM credit_user WHERE userid = 2",
            "UPDATE result SET hostid = 0, userid = 0 WHERE id IN (2, 4)",
        ],
    )
    .await;
    world.balances();
    world.validate(&[]);
    assert_eq!(revoked(&mut world, 1).await, ["1 1 0 1 1 -1200.000", "1 1 2 1 2 -1800.000"]);
    assert_eq!(revoked(&mut world, 5).await, ["0 1 0 1 1 -3600.000"]);
    let reason = "SELECT COUNT(*) FROM cobblestone_ledger WHERE resultid = 5 AND reason LIKE '%; gone: host 3, team 1'";
    assert_eq!(world.number(reason).await, 1);
    // Of user 2 there is the row of all who have no team, by application.
    assert_eq!(revoked(&mut world, 2).await, ["0 0 0 2 0 -900.000"]);
    assert_eq!((left(&mut world, 1).await, left(&mut world, 2).await), (0.0, 0.0));
    world.balances();
    let rows = world.number("SELECT COUNT(*) FROM cobblestone_ledger").await;
    world.validate(&[]);
    assert_eq!(world.number("SELECT COUNT(*) FROM cobblestone_ledger").await, rows);
}

#[tokio::test]
async fn two_owners_give_back_each_their_part() {
    let mut world = world().await;
    // As if host 1 had changed hands.
    execute(&mut world, &["UPDATE host SET userid = 2 WHERE id = 1"]).await;
    trickles(&mut world, &[(1, "r1", 3900.0)]).await;
    world.balances();
    abandon(&mut world, "1").await;
    world.validate(&[]);
    let all = ["1 1 1 1 1 -1200.000", "1 1 2 1 2 -1800.000", "1 2 0 2 0 -900.000"];
    assert_eq!(revoked(&mut world, 1).await, all);
    assert_eq!(left(&mut world, 1).await, 0.0);
    world.balances();
}
