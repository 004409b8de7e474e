use std::collections::BTreeMap;

use boinc::id::ResultId;
use boinc::state::{Outcome, ServerState, ValidateState};
use proptest::prelude::*;

use super::*;
use crate::credit::cobblestones;

fn policy() -> UptimePolicy {
    UptimePolicy { enabled: true, ..UptimePolicy::default() }
}

fn running() -> ResultFacts {
    ResultFacts {
        id: ResultId(1),
        host: HostId(7),
        server_state: ServerState::InProgress,
        outcome: Outcome::Init,
        validate_state: ValidateState::Init,
        sent_time: 1000,
        received_time: None,
        elapsed_time: None,
        flops_estimate: 2e9,
        processors: 1.0,
        settled_credit: None,
        paid_credit: 0.0,
    }
}

fn reported(elapsed: f64, at: i32) -> ResultFacts {
    ResultFacts {
        server_state: ServerState::Over,
        outcome: Outcome::Success,
        received_time: Some(at),
        elapsed_time: Some(elapsed),
        ..running()
    }
}

fn claim(id: i32, create_time: i32, seconds: f64) -> Claim {
    Claim { message: MessageId(id), host: HostId(7), create_time, seconds }
}

fn fates(facts: &ResultFacts, claims: &[Claim], policy: &UptimePolicy) -> Vec<Fate> {
    decide(facts, Mark::default(), claims, policy).0.into_iter().map(|p| p.fate).collect()
}

#[test]
fn the_high_water_mark_decides() {
    let claims = [claim(1, 1100, 6.0), claim(2, 1100, 18.0), claim(3, 1100, 12.0), claim(4, 1200, 24.0)];
    let (payments, mark) = decide(&running(), Mark::default(), &claims, &policy());
    let fates: Vec<Fate> = payments.iter().map(|p| p.fate).collect();
    assert_eq!(
        fates,
        [
            Fate::Paid { seconds: 6.0 },
            Fate::Paid { seconds: 12.0 },
            Fate::NothingNew,
            Fate::Paid { seconds: 6.0 }
        ]
    );
    assert_eq!(mark, Mark { paid_seconds: 24.0, largest_claim: 24.0, ..Mark::default() });
    assert!((payments[0].credit - 6.0 * 2e9 * 200.0 / 86_400e9).abs() < 1e-15);
}

#[test]
fn more_than_the_wall_clock_is_not_paid_and_not_silent() {
    let got = fates(&running(), &[claim(1, 1010, 36.0), claim(2, 1015, 36.0)], &policy());
    assert_eq!(got[0], Fate::Capped { paid: 10.0, disallowed: 26.0, reason: Bound::WallClock });
    assert_eq!(got[1], Fate::Capped { paid: 5.0, disallowed: 21.0, reason: Bound::WallClock });
    let slack = UptimePolicy { slack_seconds: 3.0, ..policy() };
    assert_eq!(fates(&running(), &[claim(1, 1010, 13.0)], &slack), [Fate::Paid { seconds: 13.0 }]);
}

#[test]
fn a_message_from_before_the_sending_is_worth_nothing() {
    let got = fates(&running(), &[claim(1, 900, 5.0)], &policy());
    assert_eq!(got, [Fate::Capped { paid: 0.0, disallowed: 5.0, reason: Bound::WallClock }]);
}

#[test]
fn once_reported_the_elapsed_time_binds_and_a_lifetime_always() {
    let got = fates(&reported(10.0, 1040), &[claim(1, 1035, 30.0)], &policy());
    assert_eq!(got, [Fate::Capped { paid: 10.0, disallowed: 20.0, reason: Bound::Reported }]);
    let short = UptimePolicy { max_lifetime_seconds: Some(8.0), ..policy() };
    let got = fates(&reported(10.0, 1040), &[claim(1, 1035, 30.0)], &short);
    assert_eq!(got, [Fate::Capped { paid: 8.0, disallowed: 22.0, reason: Bound::Lifetime }]);
}

#[test]
fn a_report_of_less_than_was_paid_takes_nothing_back() {
    let (_, mark) = decide(&running(), Mark::default(), &[claim(1, 1060, 50.0)], &policy());
    let (payments, after) = decide(&reported(10.0, 1070), mark, &[claim(2, 1065, 60.0)], &policy());
    assert_eq!(payments[0].fate, Fate::Capped { paid: 0.0, disallowed: 50.0, reason: Bound::Reported });
    assert_eq!((payments[0].credit, after.paid_seconds), (0.0, 50.0));
}

#[test]
fn what_cant_be_paid() {
    let c = claim(1, 1100, 6.0);
    let refused =
        |facts: &ResultFacts, claim: Claim, policy: &UptimePolicy| match fates(facts, &[claim], policy)[0] {
            Fate::NotPayable { reason } => Some(reason),
            _ => None,
        };
    assert_eq!(refused(&running(), c, &UptimePolicy::default()), Some(Refusal::Disabled));
    assert_eq!(refused(&running(), Claim { host: HostId(8), ..c }, &policy()), Some(Refusal::OtherHost));
    let unsent = ResultFacts { server_state: ServerState::Unsent, sent_time: 0, ..running() };
    assert_eq!(refused(&unsent, c, &policy()), Some(Refusal::NeverSent));
    // Cancelled before it was sent: over, but it never ran.
    let didnt_need = ResultFacts {
        server_state: ServerState::Over,
        outcome: Outcome::DidntNeed,
        sent_time: 0,
        ..running()
    };
    assert_eq!(refused(&didnt_need, c, &policy()), Some(Refusal::NeverSent));
    for seconds in [f64::NAN, f64::INFINITY, -1.0] {
        assert_eq!(refused(&running(), Claim { seconds, ..c }, &policy()), Some(Refusal::Absurd));
    }
    let (_, mark) = decide(&running(), Mark::default(), &[Claim { host: HostId(8), ..c }], &policy());
    assert_eq!(mark, Mark::default(), "refused claims leave no mark");
}

#[test]
fn after_settlement_only_what_exceeds_it_is_due() {
    let flops = 2e9;
    let settled = |seconds: f64| ResultFacts {
        validate_state: ValidateState::Valid,
        settled_credit: Some(cobblestones(seconds * flops)),
        ..reported(30.0, 1040)
    };
    assert_eq!(fates(&settled(30.0), &[claim(1, 1039, 24.0)], &policy()), [Fate::NothingNew]);
    assert_eq!(fates(&settled(24.0), &[claim(1, 1039, 24.0)], &policy()), [Fate::NothingNew]);
    let late = decide(&settled(20.0), Mark::default(), &[claim(1, 1039, 24.0)], &policy());
    assert!((late.0[0].fate.paid_seconds() - 4.0).abs() < 1e-6);
    assert_eq!(late.1.paid_seconds, 24.0);
}

#[test]
fn flops_fall_back_and_are_capped() {
    let facts = ResultFacts { flops_estimate: 1e9, ..running() };
    assert_eq!(facts.flops(&policy()), 4.3e9);
    assert_eq!(facts.flops(&UptimePolicy { max_flops: Some(3e9), ..policy() }), 3e9);
    assert_eq!(decide(&facts, Mark::default(), &[claim(1, 1100, 1.0)], &policy()).0[0].flops, 4.3e9);
}

#[test]
fn what_a_reported_result_is_worth() {
    assert_eq!(running().final_seconds(&policy()), None);
    assert_eq!(reported(30.0, 1040).final_seconds(&policy()), Some(30.0));
    assert_eq!(
        reported(300.0, 1040).final_seconds(&policy()),
        Some(40.0),
        "can't have run longer than it was away"
    );
}

/// Deals messages in some order, some twice, in passes of some sizes; sums what is paid.
fn pay(
    facts: &ResultFacts,
    policy: &UptimePolicy,
    messages: &[Claim],
    deal: &[usize],
    cuts: &[usize],
) -> (f64, Mark) {
    let mut dealt: Vec<Claim> = deal.iter().map(|i| messages[i % messages.len()]).collect();
    dealt.extend_from_slice(messages);
    let (mut total, mut mark, mut rest, mut cuts) =
        (0.0, Mark::default(), dealt.as_slice(), cuts.iter().cycle());
    while !rest.is_empty() {
        let n = (*cuts.next().unwrap()).clamp(1, rest.len());
        let (pass, later) = rest.split_at(n);
        let (payments, new) = decide(facts, mark, pass, policy);
        assert!(payments.iter().all(|p| p.credit >= 0.0 && p.fate.paid_seconds() >= 0.0));
        total += payments.iter().map(|p| p.fate.paid_seconds()).sum::<f64>();
        (mark, rest) = (new, later);
    }
    (total, mark)
}

fn messages() -> impl Strategy<Value = Vec<Claim>> {
    let one = (0..2000i32, 0.0..3000.0f64, 0..10u8, prop::sample::select(vec![7, 7, 7, 7, 8]));
    proptest::collection::vec(one, 1..20).prop_map(|list| {
        list.into_iter()
            .enumerate()
            .map(|(i, (time, seconds, odd, host))| Claim {
                message: MessageId(i32::try_from(i).unwrap()),
                host: HostId(host),
                create_time: time,
                seconds: match odd {
                    0 => f64::NAN,
                    1 => -seconds,
                    2 => f64::INFINITY,
                    _ => seconds.round(),
                },
            })
            .collect()
    })
}

fn facts() -> impl Strategy<Value = ResultFacts> {
    (proptest::option::of((0.0..1500.0f64, 1000..2500i32)), proptest::option::of(0.0..2000.0f64)).prop_map(
        |(report, settled)| {
            let facts = report.map_or_else(running, |(elapsed, at)| reported(elapsed, at));
            ResultFacts { settled_credit: settled.map(|s| cobblestones(s * facts.flops_estimate)), ..facts }
        },
    )
}

proptest! {
    #[test]
    fn order_repetition_and_passes_change_nothing(
        messages in messages(),
        facts in facts(),
        deal in proptest::collection::vec(0..20usize, 0..40),
        cuts in proptest::collection::vec(1..9usize, 1..5),
        slack in 0.0..20.0f64,
        lifetime in proptest::option::of(1.0..2000.0f64),
    ) {
        let policy = UptimePolicy { slack_seconds: slack, max_lifetime_seconds: lifetime, ..policy() };
        let (plain, plain_mark) = pay(&facts, &policy, &messages, &[], &[1]);
        let (dealt, dealt_mark) = pay(&facts, &policy, &messages, &deal, &cuts);
        prop_assert!((plain - dealt).abs() <= 1e-9 * plain.max(1.0), "{plain} {dealt}");
        prop_assert_eq!(plain_mark, dealt_mark);

        // And it is what the best message is good for, no more.
        let best = messages
            .iter()
            .filter(|c| c.host == facts.host && c.seconds.is_finite() && c.seconds >= 0.0)
            .map(|c| c.seconds.min(facts.bound(c.create_time, &policy).0))
            .fold(0.0, f64::max);
        let settled = facts.settled_credit.map_or(0.0, |c| c / cobblestones(facts.flops_estimate));
        prop_assert!((plain - (best - settled).max(0.0)).abs() < 1e-5, "{plain} {best} {settled}");
    }

    /// Settling before or after the last messages ends in the same total.
    #[test]
    fn settlement_and_messages_commute(elapsed in 1.0..1000.0f64, worth in 0.0..1500.0f64, claimed in 0.0..1200.0f64) {
        let facts = reported(elapsed, 2000);
        let c = [claim(1, 1990, claimed)];
        // Message first, then the validator tops up.
        let (paid, _) = decide(&facts, Mark::default(), &c, &policy());
        let worth = cobblestones(worth * facts.flops_estimate);
        let before = paid[0].credit.max(worth);
        // Validator first.
        let settled = ResultFacts { validate_state: ValidateState::Valid, settled_credit: Some(worth), ..facts };
        let (late, _) = decide(&settled, Mark::default(), &c, &policy());
        prop_assert!((before - (worth + late[0].credit)).abs() <= 1e-8 * before.max(1e-6));
    }
}

fn runtime(max_seconds: f64) -> ClaimRule {
    ClaimRule { max_seconds: Some(max_seconds), ..ClaimRule::runtime() }
}

/// A demand of host 7; increments with the same `time` and seconds are the same message.
fn demand(rule: &ClaimRule, time: i64, create_time: i32, seconds: f64) -> Demand<'_> {
    let identity = (time > 0)
        .then(|| Identity::of(Sender::Host(HostId(7)), "r", time, &rule.variety, &seconds.to_le_bytes()));
    let (message, host) = (MessageId(create_time), HostId(7));
    Demand { message, host, create_time, seconds, rule, identity, released: false }
}

fn decided(facts: &ResultFacts, demands: &[Demand<'_>], policy: &UptimePolicy) -> Vec<Fate> {
    let days = &mut HostDays::new(policy.max_seconds_per_host_and_day, []);
    let decision = decide_demands(facts, Mark::default(), &BTreeMap::new(), days, demands, policy);
    decision.payments.into_iter().map(|payment| payment.fate).collect()
}

#[test]
fn an_increment_counts_once_and_all_together_are_bounded() {
    let rule = runtime(50.0);
    let demands = [
        demand(&rule, 1, 1040, 30.0),
        demand(&rule, 1, 1040, 30.0),
        demand(&rule, 2, 1045, 10.0),
        demand(&rule, 3, 1050, 60.0),
        demand(&rule, 0, 1060, 5.0),
        demand(&rule, 0, 1100, 5.0),
    ];
    assert_eq!(
        decided(&running(), &demands, &policy()),
        [
            Fate::Paid { seconds: 30.0 },
            Fate::Repeat,
            Fate::Paid { seconds: 10.0 },
            // 50 of 60 at most; and of these only 10 since 50 seconds have passed.
            Fate::Capped { paid: 10.0, disallowed: 50.0, reason: Bound::WallClock },
            // Ten more seconds passed: what increments claim together is possible now.
            Fate::Capped { paid: 10.0, disallowed: 5.0, reason: Bound::WallClock },
            Fate::Paid { seconds: 40.0 },
        ]
    );
}

#[test]
fn one_increment_has_a_limit() {
    let rule = runtime(50.0);
    let got = decided(&running(), &[demand(&rule, 1, 2000, 60.0)], &policy());
    assert_eq!(got, [Fate::Capped { paid: 50.0, disallowed: 10.0, reason: Bound::Increment }]);
    let got = decided(&running(), &[demand(&ClaimRule::runtime(), 1, 200_000, 90_000.0)], &policy());
    assert_eq!(got[0].paid_seconds(), MAX_INCREMENT);
}

#[test]
fn a_copy_stored_later_is_good_for_what_is_possible_then_in_whatever_order() {
    let rule = runtime(500.0);
    let (early, late) = (demand(&rule, 1, 1010, 100.0), demand(&rule, 1, 1070, 100.0));
    let total = |demands: &[Demand<'_>]| -> f64 {
        decided(&running(), demands, &policy()).into_iter().map(Fate::paid_seconds).sum()
    };
    assert_eq!((total(&[early, late]), total(&[late, early]), total(&[early])), (70.0, 70.0, 10.0));
}

#[test]
fn cumulative_claims_and_increments_speak_of_the_same_seconds() {
    let (wrapper, rule) = (ClaimRule::wrapper(), runtime(500.0));
    let demands = [
        demand(&wrapper, 0, 1100, 60.0),
        demand(&rule, 1, 1100, 50.0),
        demand(&rule, 2, 1100, 30.0),
        demand(&wrapper, 0, 1100, 90.0),
    ];
    assert_eq!(
        decided(&running(), &demands, &policy()),
        [
            Fate::Paid { seconds: 60.0 },
            Fate::NothingNew,
            Fate::Paid { seconds: 20.0 },
            Fate::Paid { seconds: 10.0 }
        ]
    );
}

#[test]
fn cpu_seconds_are_shared_by_the_processors() {
    let rule = ClaimRule { unit: Unit::Cpu, ..ClaimRule::wrapper() };
    let facts = ResultFacts { processors: 4.0, ..running() };
    let got = decided(&facts, &[demand(&rule, 0, 1100, 200.0), demand(&rule, 0, 1100, 500.0)], &policy());
    assert_eq!(
        got,
        [
            Fate::Paid { seconds: 50.0 },
            Fate::Capped { paid: 50.0, disallowed: 25.0, reason: Bound::WallClock }
        ]
    );
    let increment = ClaimRule { unit: Unit::Cpu, ..runtime(100.0) };
    let got = decided(&facts, &[demand(&increment, 1, 1100, 120.0)], &policy());
    assert_eq!(got, [Fate::Capped { paid: 25.0, disallowed: 5.0, reason: Bound::Increment }]);
    let unknown = ResultFacts { processors: f64::NAN, ..running() };
    assert_eq!(decided(&unknown, &[demand(&rule, 0, 1100, 60.0)], &policy()), [Fate::Paid { seconds: 60.0 }]);
}

#[test]
fn over_claims_are_cut_held_or_ignored() {
    let (wrapper, rule) = (ClaimRule::wrapper(), runtime(500.0));
    let demands = [
        demand(&wrapper, 0, 1010, 40.0),
        demand(&wrapper, 0, 1030, 20.0),
        demand(&rule, 1, 1030, 31.0),
        demand(&wrapper, 0, 1035, 36.0),
    ];
    let all = |over_claims| decided(&running(), &demands, &UptimePolicy { over_claims, ..policy() });
    let cut = |paid, disallowed| Fate::Capped { paid, disallowed, reason: Bound::WallClock };
    assert_eq!(
        all(OverClaims::Cap),
        [cut(10.0, 30.0), Fate::Paid { seconds: 10.0 }, cut(10.0, 1.0), cut(5.0, 1.0)]
    );
    let held = |disallowed| Fate::Held { disallowed, reason: Bound::WallClock };
    assert_eq!(all(OverClaims::Hold), [held(30.0), Fate::Paid { seconds: 20.0 }, held(1.0), held(1.0)]);
    let ignored = |disallowed| Fate::Ignored { disallowed, reason: Bound::WallClock };
    assert_eq!(
        all(OverClaims::Ignore),
        [ignored(30.0), Fate::Paid { seconds: 20.0 }, ignored(1.0), ignored(1.0)]
    );
    assert!(all(OverClaims::Hold).iter().filter(|fate| fate.is_over_claim()).count() == 3);

    let hold = UptimePolicy { over_claims: OverClaims::Hold, ..policy() };
    let released = Demand { released: true, ..demands[0] };
    assert_eq!(decided(&running(), &[released], &hold), [cut(10.0, 30.0)]);
}

#[test]
fn a_little_more_than_elapsed_time_is_no_over_claim() {
    let ignore = UptimePolicy { over_claims: OverClaims::Ignore, slack_seconds: 5.0, ..policy() };
    let rule = ClaimRule::wrapper();
    let got = decided(
        &reported(30.0, 1100),
        &[demand(&rule, 0, 1090, 36.0), demand(&rule, 0, 1090, 34.0), demand(&rule, 0, 1090, 31.0)],
        &ignore,
    );
    assert_eq!(
        got,
        [
            Fate::Ignored { disallowed: 6.0, reason: Bound::Reported },
            Fate::Paid { seconds: 30.0 },
            Fate::NothingNew
        ]
    );
}

#[test]
fn what_a_day_has_no_room_for_is_paid_when_later_days_have() {
    let policy = UptimePolicy { max_seconds_per_host_and_day: Some(100.0), ..policy() };
    let facts = ResultFacts { sent_time: 1, ..running() };
    let rule = ClaimRule::wrapper();
    let (first, second) = (80_000, 90_000);
    let got = decided(&facts, &[demand(&rule, 0, first, 150.0), demand(&rule, 0, second, 150.0)], &policy);
    assert_eq!(
        got,
        [
            Fate::Capped { paid: 100.0, disallowed: 50.0, reason: Bound::HostDay },
            Fate::Paid { seconds: 50.0 }
        ]
    );
    assert!(!got[0].is_over_claim(), "an honest host can meet the cap");
    let rule = runtime(500.0);
    let got = decided(
        &facts,
        &[demand(&rule, 1, first, 150.0), demand(&rule, 1, first, 150.0), demand(&rule, 2, second, 10.0)],
        &policy,
    );
    assert_eq!(
        got,
        [
            Fate::Capped { paid: 100.0, disallowed: 50.0, reason: Bound::HostDay },
            Fate::Repeat,
            Fate::Paid { seconds: 60.0 }
        ]
    );
}

#[test]
fn revoked_results_are_paid_nothing_and_are_no_over_claims() {
    let revoke =
        UptimePolicy { invalid_results: InvalidResults::Revoke, over_claims: OverClaims::Hold, ..policy() };
    let invalid = ResultFacts { validate_state: ValidateState::Invalid, ..reported(30.0, 1100) };
    let lost = ResultFacts { server_state: ServerState::Over, outcome: Outcome::NoReply, ..running() };
    let cancelled = ResultFacts { outcome: Outcome::DidntNeed, ..lost.clone() };
    let (wrapper, increment) = (ClaimRule::wrapper(), runtime(500.0));
    for rule in [&wrapper, &increment] {
        let demands = [demand(rule, 1, 1090, 20.0)];
        for facts in [&invalid, &lost] {
            let got = decided(facts, &demands, &revoke);
            assert_eq!(got, [Fate::Capped { paid: 0.0, disallowed: 20.0, reason: Bound::Revoked }]);
            assert!(!got[0].is_over_claim());
            assert_eq!(decided(facts, &demands, &policy()), [Fate::Paid { seconds: 20.0 }], "kept");
        }
        assert_eq!(decided(&cancelled, &demands, &revoke), [Fate::Paid { seconds: 20.0 }]);
    }
}

#[test]
fn without_a_result_stocks_rule_holds() {
    let stock = UptimePolicy::stock("runtime", 60.0);
    let rates = HostRates::stock(&Benchmarks::new([(3e9, 1)]));
    let rule = &stock.claims[0];
    let pay = |demands: &[Demand<'_>], policy: &UptimePolicy| {
        let days = &mut HostDays::new(policy.max_seconds_per_host_and_day, []);
        decide_without_result(2e9, &rates, &BTreeMap::new(), days, demands, policy).0
    };
    let fates = |demands: &[Demand<'_>], policy: &UptimePolicy| -> Vec<Fate> {
        pay(demands, policy).into_iter().map(|payment| payment.fate).collect()
    };
    let not_positive = Fate::NotPayable { reason: Refusal::NotPositive };
    let cut = |disallowed| Fate::Capped { paid: 60.0, disallowed, reason: Bound::Increment };
    let demands = [40.0, 40.0, 70.0, f64::INFINITY, 0.0, -1.0, f64::NAN];
    let demands = demands.map(|seconds| demand(rule, 0, 1000, seconds));
    assert_eq!(
        fates(&demands, &stock),
        [
            Fate::Paid { seconds: 40.0 },
            Fate::Paid { seconds: 40.0 },
            cut(10.0),
            cut(1e15 - 60.0),
            not_positive,
            not_positive,
            not_positive
        ]
    );
    assert_eq!(pay(&demands, &stock)[0].credit, cobblestones(40.0 * 2e9));

    let named = demand(rule, 9, 1000, 40.0);
    assert_eq!(fates(&[named, named], &stock), [Fate::Paid { seconds: 40.0 }, Fate::Repeat]);
    let hold = UptimePolicy { over_claims: OverClaims::Hold, ..stock.clone() };
    assert_eq!(fates(&demands[2..3], &hold), [Fate::Held { disallowed: 10.0, reason: Bound::Increment }]);
    let day = UptimePolicy { max_seconds_per_host_and_day: Some(50.0), ..stock.clone() };
    assert_eq!(
        fates(&demands[..2], &day),
        [Fate::Paid { seconds: 40.0 }, Fate::Capped { paid: 10.0, disallowed: 30.0, reason: Bound::HostDay }]
    );
    let strict = ClaimRule { needs_result: true, ..rule.clone() };
    assert_eq!(
        fates(&[demand(&strict, 0, 1000, 1.0)], &stock),
        [Fate::NotPayable { reason: Refusal::NoResult }]
    );
}

/// Found by the property test: a copy of a released message says, like any other, that time has passed.
#[test]
fn a_copy_of_a_released_increment_is_a_repeat_that_still_tells_the_time() {
    let hold = UptimePolicy { over_claims: OverClaims::Hold, ..policy() };
    let rule = runtime(50.0);
    let released = |time, at| Demand { released: true, ..demand(&rule, time, at, 60.0) };
    let copy = demand(&rule, 2, 1090, 60.0);
    let got = decided(&running(), &[released(1, 1060), released(2, 1060), copy, copy], &hold);
    let cut = |paid, disallowed, reason| Fate::Capped { paid, disallowed, reason };
    assert_eq!(
        got,
        [
            cut(50.0, 10.0, Bound::Increment),
            cut(10.0, 50.0, Bound::Increment),
            cut(30.0, 10.0, Bound::Increment),
            Fate::Repeat
        ]
    );
}

#[test]
fn a_report_ends_the_uptime_whatever_it_says_of_elapsed_time() {
    let facts = reported(1e9, 10_010);
    let ran = f64::from(10_010 - facts.sent_time);
    let policy = policy();
    assert_eq!(facts.bound(10_010 + 864_000, &policy).0, ran + policy.slack_seconds);
    assert_eq!(facts.final_seconds(&policy), Some(ran + policy.slack_seconds));
}

#[test]
fn a_results_credit_ends_at_its_cap_in_any_order_and_over_any_passes() {
    let second = cobblestones(2e9);
    let capped = UptimePolicy { max_credit: Some(50.0 * second), over_claims: OverClaims::Hold, ..policy() };
    let claims = [claim(1, 1040, 30.0), claim(2, 1080, 70.0), claim(3, 1090, 80.0)];
    let got = fates(&running(), &claims, &capped);
    assert_eq!(got[0], Fate::Paid { seconds: 30.0 });
    let Fate::Capped { paid, disallowed, reason: Bound::Credit } = got[1] else { panic!("{got:?}") };
    assert!((paid - 20.0).abs() < 1e-9 && (disallowed - 20.0).abs() < 1e-9, "{got:?}");
    let Fate::Capped { paid, reason: Bound::Credit, .. } = got[2] else { panic!("{got:?}") };
    assert!(paid == 0.0 && !got[2].is_over_claim(), "{got:?}");
    for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0]] {
        let (mut mark, mut credit) = (Mark::default(), 0.0);
        for i in order {
            let facts = ResultFacts { paid_credit: credit, ..running() };
            let (payments, new) = decide(&facts, mark, &[claims[i]], &capped);
            (mark, credit) = (new, credit + payments[0].credit);
        }
        assert!((credit - 50.0 * second).abs() < 1e-12, "{order:?}: {credit}");
    }
    // What was paid under a higher cap stays.
    let facts = ResultFacts { paid_credit: 60.0 * second, ..running() };
    let mark = Mark { paid_seconds: 60.0, ..Mark::default() };
    let (payments, after) = decide(&facts, mark, &claims, &capped);
    assert!(payments.iter().all(|payment| payment.credit == 0.0) && after.paid_seconds == 60.0);
    let rule = runtime(100.0);
    let increments =
        [demand(&rule, 1, 1100, 40.0), demand(&rule, 2, 1100, 40.0), demand(&rule, 2, 1100, 40.0)];
    let got = decided(&running(), &increments, &capped);
    let paid: f64 = got.iter().map(|fate| fate.paid_seconds()).sum();
    assert!((paid - 50.0).abs() < 1e-9 && got[2] == Fate::Repeat, "{got:?}");
}
