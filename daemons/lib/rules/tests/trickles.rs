//! Trickles of several results, dealt in any order, some stored again, cut into passes of several instances: what
//! they are paid in the end.
//!
//! The state between passes is what the database keeps: marks, identities, days, held messages.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::BTreeMap;

use boinc::id::{HostId, MessageId, ResultId};
use boinc::state::{Outcome, ServerState, ValidateState};
use proptest::prelude::*;
use rules::credit::cobblestones;
use rules::uptime::{
    ClaimRule, Demand, Fate, HostDays, Identity, InvalidResults, Mark, Meaning, OverClaims, ResultFacts,
    Sender, Unit, UptimePolicy, decide_demands,
};

const HOST: HostId = HostId(7);
/// Noon of day 100.
const SENT: i32 = 100 * 86_400 + 43_200;
const TOLERANCE: f64 = 1e-6;

/// What a volunteer's machine sent.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Message {
    result: usize,
    variety: usize,
    /// The volunteer's clock: with the result it tells increments apart. None: nothing does.
    time: Option<i64>,
    create_time: i32,
    seconds: f64,
    host: HostId,
}

fn rules() -> [ClaimRule; 4] {
    let increment = ClaimRule { max_seconds: Some(700.0), ..ClaimRule::runtime() };
    [
        ClaimRule::wrapper(),
        ClaimRule { variety: "vm_cpu".to_owned(), unit: Unit::Cpu, ..ClaimRule::wrapper() },
        increment.clone(),
        ClaimRule { variety: "cpu".to_owned(), unit: Unit::Cpu, ..increment },
    ]
}

fn identity(message: &Message) -> Option<Identity> {
    let text = message.seconds.to_le_bytes();
    let (host, name) = (message.host, message.result.to_string());
    message
        .time
        .map(|time| Identity::of(Sender::Host(host), &name, time, &message.variety.to_string(), &text))
}

/// The database.
#[derive(Debug, Clone, Default)]
struct World {
    marks: BTreeMap<usize, Mark>,
    known: BTreeMap<Identity, f64>,
    days: BTreeMap<i32, f64>,
    held: Vec<Message>,
    seconds: f64,
    credit: f64,
}

impl World {
    /// One transaction over some messages.
    fn pass(&mut self, batch: &[Message], released: bool, results: &[ResultFacts], policy: &UptimePolicy) {
        let rules = rules();
        let mut days = HostDays::new(policy.max_seconds_per_host_and_day, self.days.clone());
        for (index, facts) in results.iter().enumerate() {
            let messages: Vec<&Message> = batch.iter().filter(|m| m.result == index).collect();
            let demands: Vec<Demand<'_>> = messages
                .iter()
                .map(|m| Demand {
                    message: MessageId(1),
                    host: m.host,
                    create_time: m.create_time,
                    seconds: m.seconds,
                    rule: &rules[m.variety],
                    identity: identity(m),
                    released,
                })
                .collect();
            let mark = self.marks.get(&index).copied().unwrap_or_default();
            let wanted: Vec<Identity> = demands.iter().filter_map(|d| d.identity).collect();
            let known = self.known.iter().filter(|(id, _)| wanted.contains(id)).map(|(id, s)| (*id, *s));
            let decision = decide_demands(facts, mark, &known.collect(), &mut days, &demands, policy);
            for (message, payment) in messages.iter().zip(&decision.payments) {
                let seconds = payment.fate.paid_seconds();
                assert!(seconds >= 0.0 && payment.credit >= 0.0, "{payment:?}");
                if let Some((disallowed, _)) = payment.fate.disallowed() {
                    assert!(disallowed > 0.0, "{payment:?}");
                }
                if matches!(payment.fate, Fate::Held { .. }) {
                    self.held.push(**message);
                }
                self.seconds += seconds;
                self.credit += payment.credit;
            }
            self.marks.insert(index, decision.mark);
            self.known.extend(decision.identities);
        }
        self.days.extend(days.changes());
    }
}

/// How messages are dealt: shuffled by sort keys, to one of the instances, which take turns.
#[derive(Debug, Clone)]
struct Deal {
    keys: Vec<u32>,
    instances: Vec<u8>,
    turns: Vec<(u8, usize)>,
    again: Vec<usize>,
}

fn deal() -> impl Strategy<Value = Deal> {
    (
        proptest::collection::vec(any::<u32>(), 60),
        proptest::collection::vec(0..3u8, 60),
        proptest::collection::vec((0..3u8, 1..6usize), 1..20),
        proptest::collection::vec(0..60usize, 0..20),
    )
        .prop_map(|(keys, instances, turns, again)| Deal { keys, instances, turns, again })
}

/// The same row can't be handled twice; a message that the client sent again is another row. Only what has an
/// identity, or is cumulative, can be sent again without being another message.
fn stored(messages: &[Message], deal: &Deal) -> Vec<Message> {
    let mut rows = messages.to_vec();
    for again in &deal.again {
        if let Some(message) = messages.get(*again).filter(|m| m.time.is_some() || m.variety < 2) {
            rows.push(*message);
        }
    }
    let mut keyed: Vec<(u32, Message)> =
        rows.into_iter().zip(deal.keys.iter().cycle().copied()).map(|(m, k)| (k, m)).collect();
    keyed.sort_by_key(|(key, _)| *key);
    keyed.into_iter().map(|(_, message)| message).collect()
}

fn run(messages: &[Message], deal: &Deal, results: &[ResultFacts], policy: &UptimePolicy) -> World {
    let mut queues: Vec<Vec<Message>> = vec![Vec::new(); 3];
    for (message, instance) in stored(messages, deal).into_iter().zip(deal.instances.iter().cycle()) {
        queues[usize::from(*instance)].push(message);
    }
    let mut world = World::default();
    for (instance, size) in deal.turns.iter().cycle().take(200) {
        let queue = &mut queues[usize::from(*instance)];
        let batch: Vec<Message> = queue.drain(..(*size).min(queue.len())).collect();
        world.pass(&batch, false, results, policy);
    }
    for queue in queues {
        world.pass(&queue, false, results, policy);
    }
    world
}

fn in_order() -> Deal {
    Deal { keys: (0..60).collect(), instances: vec![0], turns: vec![(0, 1)], again: vec![] }
}

fn messages(span: i32) -> impl Strategy<Value = Vec<Message>> {
    let host = prop::sample::select(vec![HOST, HOST, HOST, HOST, HostId(8)]);
    let time = prop::sample::select(vec![Some(1), Some(1), Some(2), None]);
    let variety = prop::sample::select(vec![0, 1, 2, 2, 2, 3]);
    let message = (0..3usize, variety, time, -50..span, 0.0..3000.0f64, 0..12u8, host);
    proptest::collection::vec(message, 1..30).prop_map(|list| {
        let message =
            |(result, variety, time, after, seconds, odd, host): (usize, usize, _, i32, f64, u8, _)| {
                Message {
                    result,
                    variety,
                    time,
                    create_time: SENT + after,
                    seconds: match odd {
                        0 => f64::NAN,
                        1 => -seconds,
                        2 => f64::INFINITY,
                        3 => 0.0,
                        // Few values, so that the same message is often stored at two times.
                        _ => (seconds / 600.0).floor() * 197.0,
                    },
                    host,
                }
            };
        list.into_iter().map(message).collect()
    })
}

fn results() -> impl Strategy<Value = Vec<ResultFacts>> {
    let kind = (0..6u8, 1.0..1200.0f64, proptest::option::of(0.0..800.0f64), 1..5u8, -3..1i32);
    proptest::collection::vec(kind, 3).prop_map(|kinds| {
        kinds
            .into_iter()
            .enumerate()
            .map(|(index, (kind, elapsed, settled, processors, days))| {
                let (over, outcome, state) = match kind {
                    0 => (true, Outcome::Success, ValidateState::Init),
                    1 => (true, Outcome::Success, ValidateState::Valid),
                    2 => (true, Outcome::Success, ValidateState::Invalid),
                    3 => (true, Outcome::ClientError, ValidateState::Init),
                    _ => (false, Outcome::Init, ValidateState::Init),
                };
                ResultFacts {
                    id: ResultId(i32::try_from(index).unwrap() + 1),
                    host: HOST,
                    server_state: if over { ServerState::Over } else { ServerState::InProgress },
                    outcome,
                    validate_state: state,
                    sent_time: SENT + days * 600,
                    received_time: over.then_some(SENT + 1000),
                    elapsed_time: over.then_some(elapsed),
                    flops_estimate: 1e9 * f64::from(processors) + 1e8,
                    processors: f64::from(processors),
                    settled_credit: settled.filter(|_| kind == 1).map(|s| cobblestones(s * 3e9)),
                    paid_credit: 0.0,
                }
            })
            .collect()
    })
}

fn policies() -> impl Strategy<Value = UptimePolicy> {
    let over = prop::sample::select(vec![OverClaims::Cap, OverClaims::Hold, OverClaims::Ignore]);
    (over, any::<bool>(), 0..20i32, proptest::option::of(1.0..1200.0f64)).prop_map(
        |(over_claims, revoke, slack, lifetime)| UptimePolicy {
            enabled: true,
            claims: rules().to_vec(),
            over_claims,
            slack_seconds: f64::from(slack),
            max_lifetime_seconds: lifetime,
            invalid_results: if revoke { InvalidResults::Revoke } else { InvalidResults::Keep },
            ..UptimePolicy::default()
        },
    )
}

/// What the messages of a result are good for together, said once more and without any order: the best cumulative
/// claim, or the increments, each message once.
fn worth(index: usize, facts: &ResultFacts, messages: &[Message], policy: &UptimePolicy) -> f64 {
    let rules = rules();
    let usable = |m: &&Message| {
        m.result == index && m.host == HOST && m.seconds.is_finite() && m.seconds.is_sign_positive()
    };
    let pays = |over: bool| policy.over_claims == OverClaims::Cap || !over;
    let (mut best, mut latest) = (0.0f64, None);
    let mut increments: Vec<(Option<Identity>, f64)> = Vec::new();
    for message in messages.iter().filter(usable) {
        let rule = &rules[message.variety];
        let per = if rule.unit == Unit::Cpu { facts.processors } else { 1.0 };
        let claimed = message.seconds / per;
        let wall = f64::from(message.create_time - facts.sent_time) + policy.slack_seconds;
        let possible = wall.min(policy.max_lifetime_seconds.unwrap_or(f64::MAX)).max(0.0);
        let (bound, _) = facts.bound(message.create_time, policy);
        if rule.meaning == Meaning::Cumulative {
            let tolerance = if bound < possible { policy.slack_seconds } else { 0.0 };
            // An over-claim on a revoked result is no over-claim, but good for nothing.
            if pays(claimed > bound + tolerance) {
                best = best.max(claimed.min(bound));
            }
            continue;
        }
        let most = possible.min(700.0 / per);
        if !pays(claimed > most) {
            continue;
        }
        latest = latest.max(Some(message.create_time));
        let good = claimed.min(most);
        match increments.iter_mut().find(|(id, _)| id.is_some() && *id == identity(message)) {
            Some((_, before)) => *before = before.max(good),
            None => increments.push((identity(message), good)),
        }
    }
    let sum: f64 = increments.iter().map(|(_, good)| good).sum();
    let counted = latest.map_or(0.0, |latest| sum.min(facts.bound(latest, policy).0));
    let settled = facts.settled_credit.map_or(0.0, |c| c / cobblestones(facts.flops(policy)));
    (best.max(counted) - settled).max(0.0)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn order_repetition_passes_and_instances_change_nothing(
        messages in messages(1000), results in results(), policy in policies(), deal in deal(),
    ) {
        let plain = run(&messages, &in_order(), &results, &policy);
        let dealt = run(&messages, &deal, &results, &policy);
        prop_assert!((plain.seconds - dealt.seconds).abs() <= TOLERANCE, "{} {}", plain.seconds, dealt.seconds);
        prop_assert!((plain.credit - dealt.credit).abs() <= TOLERANCE, "{} {}", plain.credit, dealt.credit);
        for (one, other) in plain.marks.values().zip(dealt.marks.values()) {
            prop_assert!((one.paid_seconds - other.paid_seconds).abs() <= TOLERANCE);
        }
        let worth: f64 = results.iter().enumerate().map(|(i, facts)| worth(i, facts, &messages, &policy)).sum();
        prop_assert!((plain.seconds - worth).abs() <= TOLERANCE * 10.0, "{} {worth}", plain.seconds);
    }

    /// What is held and released, early or late, is paid as if it had never been held.
    #[test]
    fn releasing_what_is_held_ends_as_if_it_was_capped(
        messages in messages(1000), results in results(), policy in policies(), deal in deal(), early in 0..30usize,
    ) {
        let cap = UptimePolicy { over_claims: OverClaims::Cap, ..policy.clone() };
        let hold = UptimePolicy { over_claims: OverClaims::Hold, ..policy };
        let capped = run(&messages, &in_order(), &results, &cap);
        let (first, later) = messages.split_at(early.min(messages.len()));
        let mut world = run(first, &in_order(), &results, &hold);
        let released = std::mem::take(&mut world.held);
        world.pass(&released, true, &results, &hold);
        for message in stored(later, &deal) {
            world.pass(&[message], false, &results, &hold);
        }
        let released = std::mem::take(&mut world.held);
        world.pass(&released, true, &results, &hold);
        prop_assert!(world.held.is_empty());
        // What exceeds elapsed_time by more than the slack is held, too: all that is possible of it is paid.
        prop_assert!((world.seconds - capped.seconds).abs() <= TOLERANCE, "{} {}", world.seconds, capped.seconds);
    }

    /// The day's cap is kept over any number of days, and takes nothing where it does not bind.
    #[test]
    fn no_day_is_paid_more_than_its_cap(
        messages in messages(4 * 86_400), results in results(), deal in deal(), cap in 500.0..4000.0f64,
    ) {
        let free = UptimePolicy { enabled: true, claims: rules().to_vec(), ..UptimePolicy::default() };
        let bound = UptimePolicy { max_seconds_per_host_and_day: Some(cap), ..free.clone() };
        let (without, with) = (run(&messages, &deal, &results, &free), run(&messages, &deal, &results, &bound));
        prop_assert!(with.days.values().all(|paid| *paid <= cap), "{:?}", with.days);
        prop_assert!((with.days.values().sum::<f64>() - with.seconds).abs() <= TOLERANCE);
        prop_assert!(with.seconds <= without.seconds + TOLERANCE);
        if without.seconds <= cap {
            prop_assert!((with.seconds - without.seconds).abs() <= TOLERANCE);
        }
    }

    /// When all messages are stored on one day, the cap leaves the same total whatever the order: the most that can be
    /// dealt out over the days since each result was sent.
    #[test]
    fn within_a_day_the_cap_does_not_depend_on_the_order(
        claims in proptest::collection::vec((0..4usize, 0.0..200_000.0f64), 1..20), deal in deal(), cap in 5_000.0..100_000.0f64,
    ) {
        let sent: Vec<i32> = (0..4).map(|day| SENT + day * 86_400).collect();
        let last = SENT + 3 * 86_400 + 20_000;
        let facts = |sent_time: &i32| ResultFacts {
            id: ResultId(1),
            host: HOST,
            server_state: ServerState::InProgress,
            outcome: Outcome::Init,
            validate_state: ValidateState::Init,
            sent_time: *sent_time,
            received_time: None,
            elapsed_time: None,
            flops_estimate: 2e9,
            processors: 1.0,
            settled_credit: None,
            paid_credit: 0.0,
        };
        let results: Vec<ResultFacts> = sent.iter().map(facts).collect();
        let messages: Vec<Message> = claims
            .iter()
            .enumerate()
            .map(|(i, (result, seconds))| Message {
                result: *result,
                variety: 0,
                time: None,
                create_time: last - i32::try_from(i).unwrap(),
                seconds: *seconds,
                host: HOST,
            })
            .collect();
        let free = UptimePolicy { enabled: true, claims: rules().to_vec(), ..UptimePolicy::default() };
        let policy = UptimePolicy { max_seconds_per_host_and_day: Some(cap), ..free.clone() };
        let world = run(&messages, &deal, &results, &policy);
        // The smallest cut: from some day on all days are full, results sent before it get all that they ask for.
        let asked: Vec<f64> = (0..4).map(|i| worth(i, &results[i], &messages, &free)).collect();
        let least = (0..=4usize)
            .map(|day| asked[..day].iter().sum::<f64>() + cap * f64::from(u8::try_from(4 - day).unwrap()))
            .fold(f64::INFINITY, f64::min);
        prop_assert!((world.seconds - least).abs() <= TOLERANCE, "{} {least}", world.seconds);
    }
}
