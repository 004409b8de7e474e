//! `max_seconds_per_host_and_day` and the settlement by uptime, with validator and trickle handler as processes on a real
//! database: both take from the same days, whichever comes first. And results that were sent again.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::path::Path;
use std::process::Command;

use common::{NOW, World};
use serde_json::json;

/// On the day before.
const SENT: i64 = NOW as i64 - 80_000;
/// Cobblestones per second of a task.
const PER_SECOND: f64 = 8e9 * 200.0 / (86_400.0 * 1e9);

fn config(more: &str) -> String {
    format!("[uptime]\nenabled = true\n{more}\n[credit]\nmode = \"uptime\"\n")
}

fn cap(seconds: u32) -> String {
    config(&format!("max_seconds_per_host_and_day = {seconds}"))
}

/// So many tasks of host 1, each alone in its workunit, that were sent and are not reported yet.
async fn world(toml: &str, tasks: i32) -> World {
    let mut world = World::new(toml).await;
    for id in 1..=tasks {
        world.workunit(id, 1).await;
        world.result(id, id, 1, Some("1 2 3\n")).await;
    }
    world
        .execute(&format!(
            "UPDATE result SET server_state = 4, outcome = 0, received_time = 0, elapsed_time = 0, cpu_time = 0, sent_time = {SENT}"
        ))
        .await;
    world.execute("UPDATE workunit SET need_validate = 0").await;
    world
}

async fn report(world: &mut World, elapsed: f64) {
    world
        .execute(&format!(
            "UPDATE result SET server_state = 5, outcome = 1, received_time = {NOW}, elapsed_time = {elapsed}"
        ))
        .await;
    world.execute("UPDATE workunit SET need_validate = 1").await;
}

async fn claim(world: &mut World, tasks: i32, time: i64, seconds: f64) {
    let text = |id| {
        format!(
            "<result_name>wu{id}_{id}</result_name>\n<time>{time}</time>\n<cpu_time>{seconds}</cpu_time>\n"
        )
    };
    let message =
        |id| json!({"create_time": time, "hostid": 1, "variety": "cpu_time", "handled": 0, "xml": text(id)});
    world.insert("msg_from_host", (1..=tasks).map(message).collect()).await;
}

/// Runs the trickle handler until nothing is left to do.
fn handle(world: &World) {
    let path =
        Path::new(env!("CARGO_BIN_EXE_cobblestone-validator")).with_file_name("cobblestone-trickle-credit");
    assert!(path.is_file(), "build it first: cargo build -p cobblestone-trickle-credit");
    let mut command = Command::new(path);
    command.args(["--one_pass", "-d", "3", "--project_dir"]).arg(world.project.dir());
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

async fn sum(world: &mut World, sql: &str) -> f64 {
    world.sql.row(&format!("SELECT COALESCE(({sql}), 0e0) AS n"), &[]).await.unwrap().f64("n").unwrap()
}

/// But for rounding: the seconds of a settlement come from its credit.
fn same(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-9 * b.abs()
}

/// Seconds that the ledger paid, those that days hold, and whether no day holds more than the cap.
async fn paid(world: &mut World, cap: u32) -> f64 {
    world.balances().await;
    let off = world.store.snapshot("check", async |conn| conn.overpaid(NOW, 1.0).await).await.unwrap();
    assert!(off.is_empty(), "{off:?}");
    assert_eq!(
        world.number(&format!("SELECT COUNT(*) FROM cobblestone_host_day WHERE seconds > {cap}")).await,
        0
    );
    let seconds = sum(world, "SELECT SUM(seconds) FROM cobblestone_ledger").await;
    let days = sum(world, "SELECT SUM(seconds) FROM cobblestone_host_day").await;
    assert!(same(seconds, days), "{seconds} s paid, {days} s taken");
    let credit = sum(world, "SELECT SUM(credit) FROM cobblestone_ledger").await;
    assert!((credit - seconds * PER_SECOND).abs() < 1e-9 * credit.max(1.0), "{credit} for {seconds} s");
    assert_eq!(world.number("SELECT COUNT(*) FROM result WHERE validate_state = 1").await, {
        world.number("SELECT COUNT(*) FROM result").await
    });
    seconds
}

#[tokio::test]
async fn the_settlement_takes_from_the_days_that_trickles_take_from() {
    let mut world = world(&cap(1000), 5).await;
    claim(&mut world, 5, NOW as i64, 80_000.0).await;
    handle(&world);
    assert_eq!(sum(&mut world, "SELECT SUM(seconds) FROM cobblestone_ledger").await, 2000.0);
    report(&mut world, 80_000.0).await;
    let log = world.one_pass();
    assert!(log.contains("are not paid: more than max_seconds_per_host_and_day"), "{log}");
    assert_eq!(paid(&mut world, 1000).await, 2000.0);
    let unpaid = "SELECT SUM(claimed - allowed) FROM cobblestone_disallowed WHERE messageid IS NULL AND messages = 0 \
                  AND reason = 'more than max_seconds_per_host_and_day'";
    assert_eq!(sum(&mut world, unpaid).await, 398_000.0);
    // The second time there is nothing to do, and what comes late finds no room either.
    claim(&mut world, 5, NOW as i64, 79_000.0).await;
    handle(&world);
    world.execute("UPDATE workunit SET need_validate = 1").await;
    world.one_pass();
    assert_eq!(paid(&mut world, 1000).await, 2000.0);
    assert_eq!(sum(&mut world, unpaid).await, 398_000.0);
}

/// Elapsed time, cap, seconds that are paid in the end.
const CASES: [(f64, u32, f64); 4] = [
    (80_000.0, 1000, 2000.0),
    (75_000.0, 30_000, 60_000.0),
    (75_000.0, 80_000, 75_000.0),
    (10.0, 30_000, 10.0),
];

#[tokio::test]
async fn it_does_not_matter_which_comes_first() {
    for (elapsed, limit, wanted) in CASES {
        for settled_first in [false, true] {
            let mut world = world(&cap(limit), 1).await;
            claim(&mut world, 1, SENT + 20_000, elapsed.min(20_000.0)).await;
            claim(&mut world, 1, NOW as i64, elapsed).await;
            if !settled_first {
                handle(&world);
            }
            report(&mut world, elapsed).await;
            world.one_pass();
            if settled_first {
                handle(&world);
            }
            let found = paid(&mut world, limit).await;
            assert!(
                same(found, wanted),
                "{found} instead of {wanted}: {elapsed} s, at most {limit} a day, settled first: {settled_first}"
            );
            let mark = sum(&mut world, "SELECT seconds_paid FROM cobblestone_mark").await;
            assert!((mark - wanted).abs() <= 1e-8 * wanted, "{mark} instead of {wanted}");
            let worth = sum(&mut world, "SELECT canonical_credit FROM workunit").await;
            assert!((worth - wanted * PER_SECOND).abs() < 1e-9 * worth, "{worth}");
            let cut = "SELECT COUNT(*) FROM cobblestone_ledger WHERE kind = 'final' AND reason LIKE '%the rest is more than max_s%'";
            assert_eq!(world.number(cut).await, i64::from(settled_first && wanted < elapsed));
        }
    }
}

#[tokio::test]
async fn a_result_that_was_sent_again_is_settled_for_all_of_its_time() {
    let mut world = world(&config(""), 1).await;
    claim(&mut world, 1, SENT + 40_000, 39_000.0).await;
    handle(&world);
    world.execute(&format!("UPDATE result SET sent_time = {NOW} - 100")).await;
    report(&mut world, 78_000.0).await;
    world.one_pass();
    world.balances().await;
    assert!(same(sum(&mut world, "SELECT SUM(seconds) FROM cobblestone_ledger").await, 78_000.0));
    assert_eq!(sum(&mut world, "SELECT seconds_paid FROM cobblestone_mark").await, 78_000.0);
    assert_eq!(world.number("SELECT COUNT(*) FROM cobblestone_host_day").await, 0);
    let off = world.store.snapshot("check", async |conn| conn.overpaid(NOW, 1.0).await).await.unwrap();
    assert!(off.is_empty(), "{off:?}");
}
