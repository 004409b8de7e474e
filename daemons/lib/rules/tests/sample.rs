//! The trickles of a real run: 12 results on two real clients, 59 messages, some stored out of order. Both
//! results of `theory_3` claim four seconds for each that they ran.

#![allow(clippy::unwrap_used)]

use boinc::id::{HostId, MessageId, ResultId};
use boinc::state::{Outcome, ServerState, ValidateState};
use rules::uptime::{Bound, Claim, Fate, Mark, ResultFacts, UptimePolicy, decide};
use serde_json::Value;

fn number(value: &Value, key: &str) -> i32 {
    i32::try_from(value[key].as_i64().unwrap()).unwrap()
}

fn facts(row: &Value, reported: bool) -> ResultFacts {
    ResultFacts {
        id: ResultId(number(row, "id")),
        host: HostId(number(row, "hostid")),
        server_state: if reported { ServerState::Over } else { ServerState::InProgress },
        outcome: if reported { Outcome::Success } else { Outcome::Init },
        validate_state: ValidateState::Init,
        sent_time: number(row, "sent_time"),
        received_time: reported.then(|| number(row, "received_time")),
        elapsed_time: reported.then(|| row["elapsed_time"].as_f64().unwrap()),
        flops_estimate: row["flops_estimate"].as_f64().unwrap(),
        processors: 1.0,
        settled_credit: None,
        paid_credit: 0.0,
    }
}

fn claims(sample: &Value, result: &str) -> Vec<Claim> {
    let of = |m: &&Value| m["result"] == result;
    let claim = |m: &Value| Claim {
        message: MessageId(number(m, "id")),
        host: HostId(number(m, "hostid")),
        create_time: number(m, "create_time"),
        seconds: m["seconds"].as_f64().unwrap(),
    };
    sample["messages"].as_array().unwrap().iter().filter(of).map(claim).collect()
}

#[test]
fn a_real_run_is_paid_its_last_claims_and_the_cheat_what_it_ran() {
    let sample: Value = serde_json::from_str(include_str!("data/sample/uptime.json")).unwrap();
    let policy = UptimePolicy { enabled: true, ..UptimePolicy::default() };
    let (mut messages, mut out_of_order) = (0, 0);
    for row in sample["results"].as_array().unwrap() {
        let name = row["name"].as_str().unwrap();
        let claims = claims(&sample, name);
        messages += claims.len();
        out_of_order += claims.windows(2).filter(|two| two[0].seconds > two[1].seconds).count();

        let facts_now = facts(row, true);
        let (payments, mark) = decide(&facts_now, Mark::default(), &claims, &policy);
        let paid: f64 = payments.iter().map(|p| p.fate.paid_seconds()).sum();
        let elapsed = row["elapsed_time"].as_f64().unwrap();
        assert!((paid - mark.paid_seconds).abs() < 1e-9);
        assert_eq!(facts_now.flops(&policy), 4.3e9, "benchmarks never ran");
        if name.starts_with("theory_3") {
            assert!((paid - elapsed).abs() < 1e-9 && paid < 10.1, "{name}: {paid}");
            let capped =
                |p: &rules::uptime::Payment| matches!(p.fate, Fate::Capped { reason: Bound::Reported, .. });
            assert!(payments.iter().any(capped));
        } else {
            assert!((paid - 30.0).abs() < 1e-9 && elapsed > 37.0, "{name}: {paid}");
        }

        // While it ran, only the wall clock was known.
        let (payments, _) = decide(&facts(row, false), Mark::default(), &claims, &policy);
        let paid: f64 = payments.iter().map(|p| p.fate.paid_seconds()).sum();
        let last = claims.iter().map(|c| c.create_time).max().unwrap();
        assert!(paid <= f64::from(last - number(row, "sent_time")));
    }
    assert_eq!(messages, 59);
    assert!(out_of_order > 5);
}
