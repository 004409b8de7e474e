//! What stock trickle_credit did with given messages, replayed in memory: every total and average must come out the
//! same, to 1e-9.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::path::Path;

use boinc::id::{HostId, MessageId, TeamId, UserId};
use boinc::record::{Host, Team, User};
use boinc::trickle::stock_number;
use flate2::read::GzDecoder;
use rules::DAY;
use rules::books::{Books, Versions};
use rules::uptime::{
    Benchmarks, Demand, Fate, HostDays, HostRates, Refusal, UptimePolicy, decide_without_result,
};
use serde_json::{Map, Value};

type Row = Map<String, Value>;
type Tables = BTreeMap<String, BTreeMap<i32, Row>>;

fn tables(file: &str) -> Tables {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/trickle_credit").join(file);
    let mut text = String::new();
    GzDecoder::new(std::fs::File::open(path).unwrap()).read_to_string(&mut text).unwrap();
    let mut tables = Tables::new();
    for line in text.lines() {
        let value: Value = serde_json::from_str(line).unwrap();
        let (table, row) = (value["table"].as_str().unwrap(), value["row"].as_object().unwrap().clone());
        tables.entry(table.to_owned()).or_default().insert(int(&row, "id"), row);
    }
    tables
}

fn int(row: &Row, column: &str) -> i32 {
    i32::try_from(row[column].as_i64().unwrap()).unwrap()
}

fn num(row: &Row, column: &str) -> f64 {
    row[column].as_f64().unwrap()
}

fn load(before: &Tables) -> Books {
    let mut books = Books::new(Versions::default());
    for row in before["host"].values() {
        books.add_host(Host {
            id: HostId(int(row, "id")),
            userid: UserId(int(row, "userid")),
            p_fpops: num(row, "p_fpops"),
            total_credit: num(row, "total_credit"),
            expavg_credit: num(row, "expavg_credit"),
            expavg_time: num(row, "expavg_time"),
            avg_turnaround: num(row, "avg_turnaround"),
        });
    }
    for row in before["user"].values() {
        books.add_user(User {
            id: UserId(int(row, "id")),
            teamid: TeamId(int(row, "teamid")),
            total_credit: num(row, "total_credit"),
            expavg_credit: num(row, "expavg_credit"),
            expavg_time: num(row, "expavg_time"),
        });
    }
    for row in before["team"].values() {
        books.add_team(Team {
            id: TeamId(int(row, "id")),
            total_credit: num(row, "total_credit"),
            expavg_credit: num(row, "expavg_credit"),
            expavg_time: num(row, "expavg_time"),
        });
    }
    books
}

fn benchmarks(before: &Tables) -> Benchmarks {
    let with_credit = before["host"].values().filter(|row| num(row, "expavg_credit") > 10.0);
    Benchmarks::new(with_credit.map(|row| (num(row, "p_fpops"), int(row, "p_ncpus"))))
}

/// What became of the messages.
#[derive(Debug, Default, PartialEq)]
struct Counts {
    paid: usize,
    cut: usize,
    unreadable: usize,
    not_positive: usize,
    no_host: usize,
}

fn replay(before: &Tables, order: &[i32], now: f64) -> (Books, Counts) {
    let mut books = load(before);
    let (mut counts, policy) = (Counts::default(), UptimePolicy::stock("runtime", 86_400.0));
    let rates = HostRates::stock(&benchmarks(before));
    for id in order {
        let message = &before["msg_from_host"][id];
        let host = HostId(int(message, "hostid"));
        let rule = policy.claim(message["variety"].as_str().unwrap()).unwrap();
        let Some(seconds) = stock_number(message["xml"].as_str().unwrap().as_bytes(), &rule.element) else {
            counts.unreadable += 1;
            continue;
        };
        let Some(p_fpops) = books.host(host).map(|host| host.p_fpops) else {
            counts.no_host += 1;
            continue;
        };
        let create_time = int(message, "create_time");
        let demand = Demand {
            message: MessageId(*id),
            host,
            create_time,
            seconds,
            rule,
            identity: None,
            released: false,
        };
        let days = &mut HostDays::unlimited();
        let (payments, _) =
            decide_without_result(p_fpops, &rates, &BTreeMap::new(), days, &[demand], &policy);
        match payments[0].fate {
            Fate::Paid { .. } => counts.paid += 1,
            Fate::Capped { .. } => counts.cut += 1,
            Fate::NotPayable { reason: Refusal::NotPositive } => {
                counts.not_positive += 1;
                continue;
            }
            other => panic!("message {id}: {other:?}"),
        }
        books.grant(host, payments[0].credit, now - DAY, now, None).unwrap();
    }
    (books, counts)
}

/// Columns that stock writes, by table.
fn written(books: &Books, table: &str, id: i32) -> [f64; 3] {
    match table {
        "host" => {
            books.host(HostId(id)).map(|row| [row.total_credit, row.expavg_credit, row.expavg_time]).unwrap()
        }
        "user" => {
            books.user(UserId(id)).map(|row| [row.total_credit, row.expavg_credit, row.expavg_time]).unwrap()
        }
        _ => {
            books.team(TeamId(id)).map(|row| [row.total_credit, row.expavg_credit, row.expavg_time]).unwrap()
        }
    }
}

fn compare(books: &Books, before: &Tables, after: &Tables) -> usize {
    let mut changed = 0;
    for table in ["host", "user", "team"] {
        for (id, row) in &after[table] {
            let ours = written(books, table, *id);
            for (column, ours) in ["total_credit", "expavg_credit", "expavg_time"].iter().zip(ours) {
                let theirs = num(row, column);
                let close = (ours - theirs).abs() <= 1e-9 * ours.abs().max(theirs.abs());
                assert!(close, "{table} {id}: {column} is {ours}, stock says {theirs}");
            }
            changed += usize::from(num(row, "expavg_time") != num(&before[table][id], "expavg_time"));
        }
    }
    changed
}

#[test]
fn totals_and_averages_are_stocks() {
    let (before, after) = (tables("before.jsonl.gz"), tables("after.jsonl.gz"));
    let now = 1_795_160_000.0;
    let case: Value = serde_json::from_str(include_str!("data/trickle_credit/case.json")).unwrap();
    assert_eq!(case["now"].as_f64().unwrap(), now);
    assert_eq!(benchmarks(&before).processors(50.0), Some(3_224_012_426.160_293));
    assert_eq!(benchmarks(&before).processors(95.0), Some(5e10));

    let order: Vec<i32> = before["msg_from_host"].keys().copied().collect();
    let (books, counts) = replay(&before, &order, now);
    assert_eq!(compare(&books, &before, &after), 77, "rows that gained something");
    assert_eq!(counts, Counts { paid: 172, cut: 41, unreadable: 21, not_positive: 65, no_host: 1 });
    assert_eq!(order.len(), 300);
    let handled: BTreeSet<i32> = after["msg_from_host"].values().map(|row| int(row, "handled")).collect();
    assert_eq!(handled, BTreeSet::from([1]), "stock marks all as handled, whatever became of them");

    // Totals don't depend on the order. Averages do, also in stock: what is granted first is spread over the time
    // since the last grant, the rest comes at once.
    let backwards: Vec<i32> = order.into_iter().rev().collect();
    let (backwards, _) = replay(&before, &backwards, now);
    for (table, rows) in after.iter().filter(|(table, _)| *table != "msg_from_host") {
        for id in rows.keys() {
            let [one, other] = [&books, &backwards].map(|books| written(books, table, *id)[0]);
            assert!((one - other).abs() <= 1e-9 * one.abs(), "{table} {id}");
        }
    }
}
