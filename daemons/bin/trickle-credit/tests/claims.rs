//! Claims of every kind at once, as a process on a real database: what they are paid, in any order, over several
//! instances. Killed at any statement: kills.rs.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use common::scene::{PER_SECOND, SENT, config, named, others, text, world};
use common::{NOW, World};
use serde_json::json;

/// Seconds that each task should be paid.
const CAPPED: [f64; 7] = [20_000.0, 12_000.0, 36_000.0, 35_000.0, 12_000.0, 36_000.0, 20_000.0];

async fn is_paid(world: &mut World, seconds: [f64; 7]) {
    for (id, seconds) in (1..).zip(seconds) {
        let credit = world.sum(&format!("SELECT granted_credit FROM result WHERE id = {id}")).await;
        let wanted = seconds * PER_SECOND;
        assert!((credit - wanted).abs() <= 1e-9 * wanted, "result {id}: {credit} instead of {wanted}");
    }
}

#[tokio::test]
async fn every_kind_is_paid_under_every_policy() {
    for (policy, unpaid) in [("cap", false), ("hold", true), ("ignore", true)] {
        let mut world = world(&format!("over_claims = \"{policy}\"")).await;
        world.messages(&named()).await;
        world.messages(&named()).await;
        world.messages(&others()).await;
        world.one_pass(&[]);
        assert_eq!(world.number("SELECT COUNT(*) FROM msg_from_host WHERE handled = 0").await, 0);
        let mut wanted = CAPPED;
        if unpaid {
            (wanted[3], wanted[6]) = (15_000.0, 0.0);
        }
        is_paid(&mut world, wanted).await;
        world.balances().await;
        let aside = "SELECT COUNT(*) FROM cobblestone_quarantine WHERE kind = 'trickle'";
        assert_eq!(world.number(aside).await, 5, "{policy}");
        let held = "SELECT COUNT(*) FROM cobblestone_quarantine WHERE kind = 'held'";
        assert_eq!(world.number(held).await, if policy == "hold" { 6 } else { 0 });
        assert_eq!(world.number("SELECT SUM(messages) FROM cobblestone_host_messages").await, 2);
        let flagged = "SELECT COUNT(*) FROM cobblestone_flag WHERE hostid IN (3, 4) AND flagged > 0";
        // Where the possible part was paid, the second copy of an increment is a repeat, no over-claim.
        assert_eq!(world.number(flagged).await, if unpaid { 2 } else { 1 }, "{policy}");
        if policy != "hold" {
            continue;
        }
        // A person releases all that was held, and what can't be used: that comes back.
        let store = store::Store::connect(world.project.url()).await.unwrap();
        let before = world.number("SELECT SUM(over_claims) FROM cobblestone_flag").await;
        let ids: Vec<i64> = (1..=world.number("SELECT MAX(id) FROM msg_from_host").await).collect();
        let released = store
            .transaction("release", async |tx| tx.give_back("trickle-credit", &ids).await)
            .await
            .unwrap();
        assert_eq!(released.len(), 11);
        assert_eq!(world.number("SELECT COUNT(*) FROM msg_from_host WHERE handled = 0").await, 11);
        world.balances().await;
        world.one_pass(&[]);
        is_paid(&mut world, CAPPED).await;
        world.balances().await;
        assert_eq!(world.number(aside).await, 5);
        assert_eq!(
            world.number("SELECT COUNT(*) FROM cobblestone_quarantine WHERE kind <> 'trickle'").await,
            0
        );
        assert_eq!(world.number("SELECT SUM(over_claims) FROM cobblestone_flag").await, before);
    }
}

#[tokio::test]
async fn no_result_is_paid_more_than_max_granted_credit() {
    let mut world = world("").await;
    let toml = format!("{}[credit]\nmax_granted_credit = {}\n", config(""), 10_000.0 * PER_SECOND);
    world.project.write_app_config(&toml).unwrap();
    for part in named().chunks(5) {
        world.messages(part).await;
        world.one_pass(&[]);
    }
    is_paid(&mut world, [10_000.0; 7]).await;
    let reason =
        "SELECT COUNT(*) FROM cobblestone_disallowed WHERE reason = 'worth more than max_granted_credit'";
    assert!(world.number(reason).await > 5);
    world.balances().await;
}

#[tokio::test]
async fn the_flag_lowers_max_granted_credit() {
    let mut world = world("").await;
    let toml = format!("{}[credit]\nmax_granted_credit = {}\n", config(""), 10_000.0 * PER_SECOND);
    world.project.write_app_config(&toml).unwrap();
    let (lower, higher) = ((4000.0 * PER_SECOND).to_string(), (90_000.0 * PER_SECOND).to_string());
    for part in named().chunks(5) {
        world.messages(part).await;
        world.one_pass(&["--max_granted_credit", &lower]);
    }
    is_paid(&mut world, [4000.0; 7]).await;
    world.messages(&named()).await;
    world.one_pass(&["--max_granted_credit", &higher]);
    let most = "SELECT MAX(credit_paid) FROM cobblestone_mark";
    assert!(world.sum(most).await <= 10_000.0 * PER_SECOND * (1.0 + 1e-12));
    world.balances().await;
}

#[tokio::test]
async fn a_host_is_paid_no_more_than_its_day() {
    let mut world = world("max_seconds_per_host_and_day = 15000").await;
    world.messages(&named()).await;
    world.one_pass(&[]);
    let over = "SELECT COUNT(*) FROM cobblestone_host_day WHERE seconds > 15000";
    assert_eq!(world.number(over).await, 0);
    // Days that the messages reach.
    let days = world.number("SELECT COUNT(DISTINCT day) FROM cobblestone_host_day").await as f64;
    let sum = world.sum("SELECT SUM(seconds) FROM cobblestone_ledger WHERE hostid = 3").await;
    assert!((sum - 15_000.0 * days).abs() < 1e-6, "{sum} on {days} days");
    let ledger = world.sum("SELECT SUM(seconds) FROM cobblestone_ledger").await;
    assert!((ledger - world.sum("SELECT SUM(seconds) FROM cobblestone_host_day").await).abs() < 1e-6);
    world.balances().await;
}

#[tokio::test]
async fn deadlines_of_tasks_that_are_alive_are_extended() {
    let mut world = world("").await;
    let deadline =
        "\n[deadline]\nextension_timeframe = 1000\nextension_period = 500\nmax_extension_seconds = 800\n";
    world.project.write_app_config(&(config("") + deadline)).unwrap();
    let bound = 100_000 + 200;
    let workunits =
        (1..=7).map(|id| json!({"id": id, "appid": 1, "name": format!("w{id}"), "delay_bound": bound}));
    world.insert("workunit", workunits.collect()).await;
    // The third just passed, the fourth is far away, the sixth is reported.
    let sql = "UPDATE result SET report_deadline = sent_time + CASE id WHEN 3 THEN 99990 WHEN 4 THEN 200000 ELSE 100200 END";
    world.sql.execute(sql, &[]).await.unwrap();
    let row = |id: i64, host: i64| (host, SENT + 1000, "cpu_time", text(id, SENT + 1000, "cpu_time", 10.0));
    let rows = [row(1, 1), row(2, 3), row(3, 3), row(4, 4), row(6, 2)];
    for left in [700, 1000, 1000] {
        world.messages(&rows).await;
        if left == 700 {
            let log = world.one_pass(&["--dry_run"]);
            assert!(log.contains("would extend its deadline result=r1 "), "{log}");
            assert!(log.contains("deadlines_extended=2"), "{log}");
        }
        world.one_pass(&[]);
        let first = world.number("SELECT report_deadline - sent_time FROM result WHERE id = 1").await;
        assert_eq!(first, 100_000 + left);
    }
    let others = world
        .sql
        .rows("SELECT id, report_deadline - sent_time AS d FROM result ORDER BY id", &[])
        .await
        .unwrap();
    let others: Vec<i64> = others.iter().map(|row| row.i64("d").unwrap()).collect();
    assert_eq!(others, [101_000, 100_200, 101_000, 200_000, 100_200, 100_200, 100_200]);
}

#[tokio::test]
async fn tasks_are_told_their_credit_and_to_stop() {
    for wanted in [true, false] {
        let mut world = world("").await;
        world.project.write_app_config(&(config("") + "\n[trickle_down]\nacknowledge = true\n")).unwrap();
        if wanted {
            let file = world.project.path("config.xml");
            let text = std::fs::read_to_string(&file).unwrap();
            std::fs::write(&file, text.replacen("<config>", "<config>\n<msg_to_host/>", 1)).unwrap();
        }
        let mask = |id: i32| if id == 2 { 16 } else { 0 };
        let workunits =
            (1..=7).map(|id| json!({"id": id, "appid": 1, "name": format!("w{id}"), "error_mask": mask(id)}));
        world.insert("workunit", workunits.collect()).await;
        let row = |id: i64, host: i64, s: f64| {
            (host, SENT + 1000, "cpu_time", text(id, SENT + 1000, "cpu_time", s))
        };
        world.messages(&[row(1, 1, 10.0), row(1, 1, 20.0), row(2, 2, 0.0), row(3, 4, 10.0)]).await;
        let log = world.one_pass(&["--dry_run"]);
        let to_tasks = if wanted { "messages_to_tasks=2" } else { "messages_to_tasks=0" };
        assert!(log.contains(to_tasks), "{log}");
        assert_eq!(log.contains("would send its task a message host=2 variety="), wanted, "{log}");
        assert_eq!(log.contains("config.xml has no <msg_to_host/>"), !wanted, "{log}");
        world.one_pass(&[]);
        world.one_pass(&[]);
        let rows =
            world.sql.rows("SELECT hostid, variety, xml FROM msg_to_host ORDER BY id", &[]).await.unwrap();
        let mut told: Vec<(i64, String)> =
            rows.iter().map(|row| (row.i64("hostid").unwrap(), row.text("variety").unwrap())).collect();
        told.sort();
        if wanted {
            assert_eq!(told, [(1, "credit".to_owned()), (2, "stop".to_owned())]);
            assert!(rows.iter().any(|row| row.text("xml").unwrap().contains("<seconds>20.000000</seconds>")));
        } else {
            assert!(told.is_empty(), "{told:?}");
        }
    }
}

#[tokio::test]
async fn a_result_that_was_sent_again_is_bounded_by_when_it_was_sent_first() {
    let mut world = World::new().await;
    let deadline = "over_claims = \"hold\"\n[deadline]\nextension_timeframe = 1000000\nextension_period = 100000\n\
                    max_extension_seconds = 50000";
    world.project.write_app_config(&format!("[uptime]\nenabled = true\n{deadline}\n")).unwrap();
    let now = NOW as i64;
    world.insert("host", vec![json!({"id": 1, "userid": 1, "p_fpops": 2e9, "p_ncpus": 4})]).await;
    let task = |id: i64| {
        json!({"id": id, "workunitid": id, "appid": 1, "name": format!("r{id}"), "hostid": 1, "server_state": 4,
               "sent_time": now - 40_000, "report_deadline": now + 10_000, "flops_estimate": 8e9, "app_version_id": 1})
    };
    world.insert("result", vec![task(1), task(2)]).await;
    let workunit = |id: i64| json!({"id": id, "appid": 1, "name": format!("w{id}"), "delay_bound": 50_000});
    world.insert("workunit", vec![workunit(1), workunit(2)]).await;
    let claim = |id: i64, k: i64, seconds: f64| {
        let variety = if id == 1 { "cpu_time" } else { "runtime" };
        (1, now - 40_000 + 10_000 * k, variety, text(id, k, variety, seconds))
    };
    // What the second sends is held; its deadline is moved all the same.
    world.messages(&[claim(1, 2, 19_000.0), claim(2, 2, 60_000.0)]).await;
    world.one_pass(&[]);
    assert_eq!(world.sum("SELECT seconds_paid FROM cobblestone_mark WHERE resultid = 1").await, 19_000.0);
    let first = format!("SELECT COUNT(*) FROM cobblestone_mark WHERE sent_time = {}", now - 40_000);
    assert_eq!(world.number(&first).await, 2);
    let latest = format!("SELECT COUNT(*) FROM result WHERE report_deadline = {}", now + 60_000);
    assert_eq!(world.number(&latest).await, 2, "the maximum, counted from when they were sent");

    // As the scheduler does when a client has lost them. What was sent before is stored, and something new.
    let again = format!("UPDATE result SET sent_time = {}", now - 100);
    world.sql.execute(&again, &[]).await.unwrap();
    world.messages(&[claim(1, 3, 29_000.0), claim(1, 4, 39_000.0), claim(2, 4, 61_000.0)]).await;
    world.one_pass(&[]);
    assert_eq!(world.sum("SELECT seconds_paid FROM cobblestone_mark WHERE resultid = 1").await, 39_000.0);
    assert_eq!(world.number("SELECT COUNT(*) FROM cobblestone_disallowed WHERE resultid = 1").await, 0);
    assert_eq!(world.number("SELECT over_claims FROM cobblestone_flag").await, 2, "those that are held");
    assert_eq!(world.number(&first).await, 2);
    assert_eq!(world.number(&latest).await, 2, "the maximum does not start anew");
    let store = store::Store::connect(world.project.url()).await.unwrap();
    let off = store.snapshot("check", async |conn| conn.overpaid(NOW, 1.0).await).await.unwrap();
    assert!(off.is_empty(), "{off:?}");
    world.balances().await;
}
