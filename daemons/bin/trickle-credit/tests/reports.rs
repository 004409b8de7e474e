//! Guest reports, by the handler as a process on a real database: stored once, added up per day, in any order.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use boinc::id::ResultId;
use common::{NOW, Row, World};
use serde_json::json;
use store::Store;

const DAY: i64 = 86_400;
/// The first day of all.
const FIRST: i64 = NOW as i64 / DAY - 3;

const CONFIG: &str = r#"
[uptime]
enabled = true
[[uptime.claims]]
variety = "both"
element = "cpu_time"
meaning = "cumulative"
[[reports]]
variety = "both"
format = "xml"
meaning = "cumulative"
[[reports]]
variety = "jobs.json"
format = "json"
meaning = "cumulative"
received = "jobs.received"
[[reports]]
variety = "more"
format = "key_value"
meaning = "increment"
"#;

/// Three hosts of two users, four tasks; the second workunit belongs to a campaign.
async fn world() -> World {
    let mut world = World::new().await;
    world.project.write_app_config(CONFIG).unwrap();
    let host = |id: i64, user: i64| json!({"id": id, "userid": user, "p_fpops": 2e9, "p_ncpus": 4});
    world.insert("host", vec![host(1, 1), host(2, 2), host(3, 1)]).await;
    let users =
        [1, 2].map(|id| json!({"id": id, "email_addr": format!("u{id}"), "authenticator": format!("u{id}")}));
    world.insert("user", users.to_vec()).await;
    let tasks = (1..=4).map(|id| {
        json!({
            "id": id, "workunitid": 10 + id, "appid": 1, "name": format!("r{id}"), "hostid": 1 + (id - 1) % 2,
            "server_state": 4, "sent_time": (FIRST - 1) * DAY, "flops_estimate": 8e9, "app_version_id": 1,
        })
    });
    world.insert("result", tasks.collect()).await;
    let campaign = json!({"id": 5, "appid": 1, "name": "first", "next_job": 2, "time": 0});
    world.insert("cobblestone_campaign", vec![campaign]).await;
    let job = json!({"workunitid": 12, "campaignid": 5, "job": 1, "seed": 1, "events": 1});
    world.insert("cobblestone_job", vec![job]).await;
    world
}

fn message(host: i64, result: i64, day: i64, variety: &'static str, body: &str) -> Row {
    let time = (FIRST + day) * DAY + 100 * result;
    let text = format!("\n      <result_name>r{result}</result_name>\n      <time>{time}</time>\n{body}\n");
    (host, time, variety, text)
}

fn json_report(host: i64, result: i64, day: i64, received: i64) -> Row {
    let body = format!(
        "{{\"jobs\": {{\"received\": {received}}}, \"succeeded\": {}, \"note\": \"<&\"}}",
        received - 1
    );
    message(host, result, day, "jobs.json", &body)
}

fn more(host: i64, result: i64, day: i64, events: i64) -> Row {
    message(host, result, day, "more", &format!("# done\nreceived=1\nevents = {events}"))
}

fn both(host: i64, result: i64, day: i64, seconds: i64, failed: i64) -> Row {
    let body = format!("<cpu_time>{seconds}</cpu_time><failed>{failed}</failed>");
    message(host, result, day, "both", &body)
}

/// All kinds: of both hosts, over three days.
fn all() -> Vec<Row> {
    vec![
        json_report(1, 1, 0, 5),
        json_report(1, 1, 1, 9),
        json_report(1, 1, 2, 7),
        json_report(2, 2, 0, 3),
        json_report(2, 2, 2, 4),
        more(1, 3, 0, 100),
        more(1, 3, 1, 200),
        more(1, 3, 2, 300),
        both(2, 4, 0, 1000, 1),
        both(2, 4, 1, 3000, 2),
        both(2, 4, 2, 2000, 2),
    ]
}

async fn days(world: &mut World) -> Vec<String> {
    let sql = format!(
        "SELECT CONCAT_WS(' ', resultid, variety, day - {FIRST}, received, succeeded, failed, events) AS line \
         FROM cobblestone_report_day WHERE received + succeeded + failed + events > 0 ORDER BY resultid, variety, day"
    );
    world.sql.rows(&sql, &[]).await.unwrap().iter().map(|row| row.text("line").unwrap()).collect()
}

const DAYS: [&str; 9] = [
    "1 jobs.json 0 5 4 0 0",
    "1 jobs.json 1 4 4 0 0",
    "2 jobs.json 0 3 2 0 0",
    "2 jobs.json 2 1 1 0 0",
    "3 more 0 1 0 0 100",
    "3 more 1 1 0 0 200",
    "3 more 2 1 0 0 300",
    "4 both 0 0 0 1 0",
    "4 both 1 0 0 1 0",
];

/// Days add up to the totals, all is counted, nothing waits.
async fn holds(world: &mut World) {
    assert_eq!(world.number("SELECT COUNT(*) FROM msg_from_host WHERE handled = 0").await, 0);
    for column in ["received", "succeeded", "failed", "events"] {
        let off = format!(
            "SELECT COUNT(*) FROM cobblestone_report r WHERE {column} <> (SELECT SUM({column}) FROM cobblestone_report_day d \
             WHERE d.resultid = r.resultid AND d.variety = r.variety)"
        );
        assert_eq!(world.number(&off).await, 0, "{column}");
    }
    world.balances().await;
}

#[tokio::test]
async fn every_format_is_stored_and_added_up() {
    let mut world = world().await;
    world.messages(&all()).await;
    let log = world.one_pass(&["--dry_run"]);
    assert!(log.contains("would store a guest report"), "{log}");
    assert_eq!(world.number("SELECT COUNT(*) FROM cobblestone_report").await, 0);
    let log = world.one_pass(&[]);
    assert!(log.contains("reported 8"), "{log}");
    assert_eq!(days(&mut world).await, DAYS);
    let campaigns = "SELECT GROUP_CONCAT(campaignid ORDER BY resultid) AS c FROM cobblestone_report";
    let row = world.sql.row(campaigns, &[]).await.unwrap();
    assert_eq!(row.text("c").unwrap(), "0,5,0,0");
    // The one that is a claim, too, was paid, and is counted as a claim.
    assert_eq!(world.number("SELECT messages FROM cobblestone_mark WHERE resultid = 4").await, 3);
    assert_eq!(world.number("SELECT SUM(messages) FROM cobblestone_report").await, 8);
    assert_eq!(world.sum("SELECT SUM(seconds) FROM cobblestone_ledger").await, 3000.0);
    holds(&mut world).await;
    // As the assimilator asks.
    let store = Store::connect(world.project.url()).await.unwrap();
    let ids = [ResultId(1), ResultId(3), ResultId(99)];
    let sums = store.read("sums", async |conn| conn.report_sums(&ids).await).await.unwrap();
    assert_eq!(sums.len(), 2);
    assert_eq!((sums[&ResultId(1)].received, sums[&ResultId(3)].events), (9, 600));
    // db_purge takes results and workunits away.
    world.sql.execute("DELETE FROM result", &[]).await.unwrap();
    world.messages(&[json_report(1, 1, 2, 50)]).await;
    world.one_pass(&[]);
    assert_eq!(days(&mut world).await, DAYS);
    assert_eq!(world.number("SELECT COUNT(*) FROM cobblestone_quarantine WHERE kind = 'trickle'").await, 1);
    holds(&mut world).await;
}

#[tokio::test]
async fn what_cannot_be_used_is_set_aside_once() {
    let mut world = world().await;
    let mut two = message(1, 1, 0, "both", "<cpu_time>5</cpu_time>");
    two.3 += "<result_name>r2</result_name>";
    world
        .messages(&[
            json_report(2, 1, 0, 5),
            json_report(1, 99, 0, 5),
            message(1, 1, 0, "jobs.json", "{\"jobs\": {\"received\": 1.5}}"),
            message(1, 1, 0, "jobs.json", "{\"jobs\": "),
            message(1, 1, 0, "jobs.json", "{}"),
            (1, FIRST * DAY, "jobs.json", "{\"jobs\": {\"received\": 1}}".to_owned()),
            two,
            // A good claim with a broken report, a good report with a broken claim, and both broken.
            message(1, 1, 0, "both", "<cpu_time>100</cpu_time><failed>-1</failed>"),
            message(1, 3, 0, "both", "<cpu_time>-1</cpu_time><failed>1</failed>"),
            message(1, 3, 0, "both", "<cpu_time>nan</cpu_time>"),
            // Another host's claim, with a report.
            both(2, 1, 0, 700, 7),
            // No application declares it.
            message(1, 1, 0, "strange", "<received>1</received>"),
        ])
        .await;
    world.one_pass(&[]);
    assert_eq!(world.number("SELECT COUNT(*) FROM msg_from_host WHERE handled = 0").await, 1);
    assert_eq!(world.number("SELECT COUNT(*) FROM cobblestone_quarantine WHERE kind = 'trickle'").await, 10);
    let broken =
        "SELECT COUNT(*) FROM cobblestone_quarantine WHERE kind = 'report' AND raw LIKE '%<failed>-1%'";
    assert_eq!(world.number(broken).await, 1);
    let raw = "SELECT COUNT(*) FROM cobblestone_quarantine q JOIN msg_from_host m ON m.id = q.refid AND m.xml = q.raw";
    assert_eq!(world.number(raw).await, 11);
    assert_eq!(days(&mut world).await, ["3 both 0 0 0 1 0"]);
    assert_eq!(world.sum("SELECT SUM(seconds) FROM cobblestone_ledger").await, 100.0);
    world.balances().await;
}

/// Numbers that look random and are the same each time.
fn below(state: &mut u64, n: usize) -> usize {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    usize::try_from(*state >> 33).unwrap() % n
}

#[tokio::test]
async fn order_repetition_passes_and_instances_change_no_day() {
    for seed in [1, 2, 3, 4] {
        let mut state = seed;
        let mut rows = all();
        for _ in 0..9 {
            let mut again = rows[below(&mut state, rows.len())].clone();
            // Sent again: stored later, of a cumulative report also on a later day.
            again.1 += 60;
            rows.push(again);
        }
        for i in (1..rows.len()).rev() {
            rows.swap(i, below(&mut state, i + 1));
        }
        let mut world = world().await;
        for part in rows.chunks(rows.len().div_ceil(seed as usize)) {
            world.messages(part).await;
            let two = [(); 2].map(|()| world.start(&[]).stderr(std::process::Stdio::null()).spawn().unwrap());
            for mut child in two {
                assert!(child.wait().unwrap().success());
            }
            world.one_pass(&[]);
        }
        assert_eq!(days(&mut world).await, DAYS, "seed {seed}");
        holds(&mut world).await;
    }
}

#[tokio::test]
async fn a_copy_that_was_stored_a_day_earlier_counts_on_that_day() {
    let mut world = world().await;
    let late = more(1, 3, 2, 300);
    world.messages(std::slice::from_ref(&late)).await;
    world.one_pass(&[]);
    world.messages(&[(late.0, late.1 - DAY, late.2, late.3)]).await;
    world.one_pass(&[]);
    assert_eq!(days(&mut world).await, ["3 more 1 1 0 0 300"]);
    holds(&mut world).await;
}

#[tokio::test]
async fn an_application_that_pays_no_uptime_can_have_reports() {
    let mut world = world().await;
    world.project.write_app_config(&CONFIG.replace("enabled = true", "enabled = false")).unwrap();
    world.messages(&all()).await;
    world.one_pass(&[]);
    assert_eq!(days(&mut world).await, DAYS);
    assert_eq!(world.number("SELECT COUNT(*) FROM cobblestone_ledger").await, 0);
    assert_eq!(world.number("SELECT SUM(messages) FROM cobblestone_report").await, 11);
    holds(&mut world).await;
}

#[tokio::test]
async fn what_is_more_than_a_result_can_have_is_set_aside_or_cut() {
    let most = "max_jobs = 8\nmax_events = 450\n[[reports]]";
    let config = format!("{CONFIG}max_jobs = 8\nmax_events = 450\n")
        .replace("[[reports]]\nvariety = \"more\"", &format!("{most}\nvariety = \"more\""));
    for reverse in [false, true] {
        let mut world = world().await;
        world.project.write_app_config(&config).unwrap();
        let mut rows = all();
        rows.push(more(1, 3, 1, 451));
        if reverse {
            rows.reverse();
        }
        for part in rows.chunks(5) {
            world.messages(part).await;
            world.one_pass(&[]);
        }
        // Of the task's 9 jobs nothing is said by a message that can be believed; the events of the other end at 450.
        let mut wanted = DAYS.to_vec();
        wanted[1] = "1 jobs.json 2 2 2 0 0";
        wanted[6] = "3 more 2 1 0 0 150";
        assert_eq!(days(&mut world).await, wanted, "{reverse}");
        // Which messages tell of the cut, and how many, does depend on the order.
        let why = "SELECT DISTINCT CONCAT_WS(' | ', kind, reason, raw IS NOT NULL) AS line FROM cobblestone_quarantine ORDER BY line DESC";
        let why: Vec<String> =
            world.sql.rows(why, &[]).await.unwrap().iter().map(|row| row.text("line").unwrap()).collect();
        assert_eq!(
            why,
            [
                "trickle | jobs.received is 9, more than a result can have (max_jobs = 8) | 1",
                "trickle | events is 451, more than a result can have (max_events = 450) | 1",
                "report | the increments of its result come to more than a result can have (max_events = 450); \
                 counted up to there | 1",
            ]
        );
        holds(&mut world).await;
    }
}
