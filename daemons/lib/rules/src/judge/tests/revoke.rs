//! What becomes of what trickles paid for results that come to nothing.

use super::*;
use crate::books::BooksError;
use crate::uptime::InvalidResults;

const PAID: Paid = Paid { credit: 7.5, seconds: 3600.0, sent_time: 0 };

fn policy(invalid_results: InvalidResults) -> UptimePolicy {
    UptimePolicy { enabled: true, invalid_results, ..UptimePolicy::default() }
}

/// Trickles put `credit` on host `id`.
fn paid(books: &mut Books, id: i32, credit: f64) {
    books.grant(HostId(id), credit, NOW - 86_400.0, NOW - 5000.0, None).unwrap();
}

fn invalid_and_late(invalid_results: InvalidResults) -> [(Judgement, Books); 2] {
    let app = app();
    let options = Options { uptime: policy(invalid_results), ..mode(&app, CreditMode::Adaptive) };
    let mut instances = [fresh(1), fresh(2), fresh(3)];
    instances[1].paid.credit = 7.5;
    instances[1].row.granted_credit = 7.5;
    let late = [state(1, Valid), instances[1].clone()];
    let evidence = Evidence::Stragglers([(ResultId(2), Against::Pair(Pair::Differs))].into());
    [(workunit(), &instances[..], all_ok("aba")), (late_to(1), &late[..], evidence)].map(
        |(wu, instances, evidence)| {
            let mut books = books();
            paid(&mut books, 2, 7.5);
            let judgement = judge(&wu, instances, &evidence, &options, &mut books).unwrap();
            (judgement, books)
        },
    )
}

#[test]
fn what_an_invalid_result_was_paid_is_kept_or_revoked() {
    for (judgement, books) in invalid_and_late(InvalidResults::Keep) {
        let change = judgement.results.iter().find(|change| change.id == ResultId(2)).unwrap();
        assert_eq!((change.validate_state, change.granted_credit), (Invalid, 7.5));
        assert!(judgement.grants.iter().all(|entry| entry.kind == LedgerKind::Final));
        assert_eq!(books.host(HostId(2)).unwrap().total_credit, 7.5);
    }
    for (judgement, books) in invalid_and_late(InvalidResults::Revoke) {
        let change = judgement.results.iter().find(|change| change.id == ResultId(2)).unwrap();
        assert_eq!((change.validate_state, change.granted_credit), (Invalid, 0.0));
        let entry = judgement.grants.iter().find(|entry| entry.result == ResultId(2)).unwrap();
        assert_eq!((entry.kind, entry.credit, entry.host), (LedgerKind::Revocation, -7.5, HostId(2)));
        assert_eq!((entry.user, entry.team), (UserId(3), TeamId(4)));
        let host = books.host(HostId(2)).unwrap();
        assert_eq!(host.total_credit, 0.0);
        assert!(host.expavg_credit >= 0.0, "{host:?}");
        assert_eq!(books.host_app_version(HostId(2), HostAppVersionId(1)).unwrap().consecutive_valid, 0);
    }
}

#[test]
fn nothing_paid_means_nothing_revoked_and_valid_results_are_untouched() {
    let app = app();
    let options = Options { uptime: policy(InvalidResults::Revoke), ..mode(&app, CreditMode::Adaptive) };
    let mut instances = [fresh(1), fresh(2), fresh(3)];
    instances[0].paid.credit = 1.0;
    let (mut one, mut other) = (books(), books());
    let revoking = judge(&workunit(), &instances, &all_ok("aba"), &options, &mut one).unwrap();
    let plain = judge(&workunit(), &instances, &all_ok("aba"), &mode(&app, CreditMode::Adaptive), &mut other)
        .unwrap();
    assert_eq!(revoking, plain);
    assert_eq!(one, other);
}

fn abandoned(outcome: Outcome) -> ResultRow {
    ResultRow { outcome, granted_credit: 7.5, ..row(2) }
}

#[test]
fn what_an_abandoned_result_was_paid_is_revoked_once() {
    let revoke = policy(InvalidResults::Revoke);
    for outcome in [Outcome::NoReply, Outcome::ClientError, Outcome::ClientDetached] {
        let (row, mut books) = (abandoned(outcome), books());
        paid(&mut books, 2, 7.5);
        let done = settle_abandoned(&row, PAID, &revoke, true, NOW, &mut books).unwrap().unwrap();
        assert_eq!(done.change, ResultChange { granted_credit: 0.0, ..ResultChange::of(&row) });
        assert_eq!((done.entry.kind, done.entry.credit), (LedgerKind::Revocation, -7.5));
        assert_eq!((done.entry.seconds, done.entry.by_app), (-3600.0, Some((UserId(3), TeamId(4)))));
        let arithmetic = crate::credit::cobblestones(done.entry.seconds * done.entry.flops);
        assert!((arithmetic + 7.5).abs() < 1e-12, "{arithmetic}");
        assert_eq!((done.entry.workunit, done.entry.user), (WorkunitId(5), UserId(3)));
        assert_eq!(books.user(UserId(3)).unwrap().total_credit, 0.0);
        let by_app = &books.changes().credit_users[0];
        assert_eq!((by_app.owner, by_app.delta_total, by_app.delta_jobs), (UserId(3), -7.5, 0));
        assert_eq!(
            settle_abandoned(&row, Paid::default(), &revoke, true, NOW, &mut books),
            Ok(None),
            "the second time"
        );
    }
}

#[test]
fn what_is_not_abandoned_or_kept_stays() {
    let mut books = books();
    let revoke = policy(InvalidResults::Revoke);
    let running = ResultRow { server_state: ServerState::InProgress, ..abandoned(Outcome::NoReply) };
    for row in [abandoned(Outcome::Success), abandoned(Outcome::DidntNeed), running] {
        assert_eq!(settle_abandoned(&row, PAID, &revoke, false, NOW, &mut books), Ok(None));
    }
    let keep = policy(InvalidResults::Keep);
    let lost = abandoned(Outcome::NoReply);
    assert_eq!(settle_abandoned(&lost, PAID, &keep, false, NOW, &mut books), Ok(None));
    assert_eq!(
        settle_abandoned(&lost, Paid { credit: f64::NAN, ..PAID }, &revoke, false, NOW, &mut books),
        Ok(None)
    );
    let gone = ResultRow { hostid: HostId(1000), ..lost };
    assert_eq!(
        settle_abandoned(&gone, PAID, &revoke, false, NOW, &mut books),
        Err(BooksError::NoHost(HostId(1000)))
    );
    assert!(books.changes().hosts.is_empty());
}

/// It was late, not lost: revoked, and then valid.
#[test]
fn a_revoked_result_that_turns_out_valid_is_paid_in_full() {
    let (app, mut books) = (app(), books());
    let revoke = policy(InvalidResults::Revoke);
    paid(&mut books, 2, 7.5);
    settle_abandoned(&abandoned(Outcome::NoReply), PAID, &revoke, false, NOW, &mut books).unwrap().unwrap();
    let options = Options { uptime: revoke, ..mode(&app, CreditMode::PostAssigned) };
    // What the ledger adds up to now.
    let instances = [fresh(1), Instance { paid: Paid::default(), ..fresh(2) }];
    let judgement = judge(&workunit(), &instances, &all_ok("aa"), &options, &mut books).unwrap();
    assert_eq!(judgement.results[1].granted_credit, 12.0);
    assert_eq!(books.host(HostId(2)).unwrap().total_credit, 12.0);
}
