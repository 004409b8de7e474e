//! What becomes of what trickles paid for results that come to nothing.

use super::*;
use crate::kin::{HostLink, Kin};
use crate::uptime::InvalidResults;
use boinc::record::CreditByApp;

/// What trickles paid a result of host 2, which is user 3's, who is in team 4.
fn share(credit: f64) -> PaidShare {
    PaidShare {
        host: HostId(2),
        user: UserId(3),
        team: TeamId(4),
        by_app: None,
        credit,
        seconds: 480.0 * credit,
        adjusted: 0.0,
    }
}

fn sums(shares: &[PaidShare]) -> Paid {
    Paid {
        credit: shares.iter().map(|share| share.credit + share.adjusted).sum(),
        seconds: shares.iter().map(|share| share.seconds).sum(),
        sent_time: 0,
        shares: shares.to_vec(),
    }
}

fn policy(invalid_results: InvalidResults) -> UptimePolicy {
    UptimePolicy { enabled: true, invalid_results, ..UptimePolicy::default() }
}

/// Trickles put `credit` on host `id`.
fn paid(books: &mut Books, id: i32, credit: f64) {
    books.grant(HostId(id), credit, NOW - 86_400.0, NOW - 5000.0, None).unwrap();
}

/// Teams 4 and 5, user 9 without a team, rows by application of users 3 and 9 and teams 0 and 4; all with 100.
fn rich() -> Books {
    let mut books = books();
    let (expavg_credit, expavg_time, total_credit) = (0.0, NOW, 100.0);
    let team = |id| Team { id: TeamId(id), total_credit, expavg_credit, expavg_time };
    [team(4), team(5)].into_iter().for_each(|row| books.add_team(row));
    let user =
        |id, team| User { id: UserId(id), teamid: TeamId(team), total_credit, expavg_credit, expavg_time };
    [user(3, 5), user(9, 0)].into_iter().for_each(|row| books.add_user(row));
    for id in [2, 8] {
        let old = books.host(HostId(id)).unwrap().clone();
        books.add_host(Host { total_credit, ..old });
    }
    let by_app = |owner| CreditByApp {
        owner,
        appid: AppId(1),
        njobs: 1,
        total: 100.0,
        expavg: 0.0,
        expavg_time: NOW,
        credit_type: 0,
    };
    [3, 9].map(by_app).into_iter().for_each(|row| books.add_credit_user(row));
    [0, 4].map(by_app).into_iter().for_each(|row| books.add_credit_team(row));
    books
}

fn revoke_all(shares: &[PaidShare], books: &mut Books) -> Option<Revocation> {
    let row = ResultRow { granted_credit: sums(shares).credit, ..abandoned(Outcome::NoReply) };
    let done = settle_abandoned(&row, &sums(shares), &policy(InvalidResults::Revoke), NOW, books)?;
    // What is left is what the ledger adds up to.
    let left = row.granted_credit - done.credit();
    assert!(
        (done.change.granted_credit - left).abs() < 1e-9 && done.change.granted_credit >= 0.0,
        "{done:?}"
    );
    for entry in &done.entries {
        assert!(entry.credit <= 0.0 && entry.seconds <= 0.0, "{entry:?}");
        let arithmetic = cobblestones(entry.seconds * entry.flops);
        assert!(entry.flops == 0.0 || (arithmetic - entry.credit).abs() < 1e-12, "{entry:?}");
    }
    Some(done)
}

/// (host, user, team, credit, seconds) of each row.
fn rows(revocation: &Revocation) -> Vec<(i32, i32, i32, f64, f64)> {
    let row = |e: &boinc::ledger::LedgerEntry| (e.host.0, e.user.0, e.team.0, e.credit, e.seconds);
    revocation.entries.iter().map(row).collect()
}

/// (totals of hosts 2 and 8, users 3 and 9, teams 4 and 5): by how much they fell.
fn fell(books: &Books) -> [f64; 6] {
    let host = |id| books.host(HostId(id)).unwrap().total_credit;
    let user = |id| books.user(UserId(id)).unwrap().total_credit;
    let team = |id| books.team(TeamId(id)).unwrap().total_credit;
    [host(2), host(8), user(3), user(9), team(4), team(5)].map(|total| 100.0 - total)
}

fn invalid_and_late(invalid_results: InvalidResults) -> [(Judgement, Books); 2] {
    let app = app();
    let options = Options { uptime: policy(invalid_results), ..mode(&app, CreditMode::Adaptive) };
    let mut instances = [fresh(1), fresh(2), fresh(3)];
    instances[1].paid = sums(&[share(7.5)]);
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
fn an_invalid_result_whose_host_is_gone_is_taken_from_its_user() {
    let app = app();
    let options = Options { uptime: policy(InvalidResults::Revoke), ..mode(&app, CreditMode::Adaptive) };
    let mut lost = fresh(2);
    lost.row.hostid = HostId(99);
    lost.paid = sums(&[PaidShare { host: HostId(99), ..share(7.5) }]);
    let late = [state(1, Valid), lost.clone()];
    let evidence = Evidence::Stragglers([(ResultId(2), Against::Pair(Pair::Differs))].into());
    let three = [fresh(1), lost, fresh(3)];
    for (wu, instances, evidence) in
        [(workunit(), &three[..], all_ok("aba")), (late_to(1), &late[..], evidence)]
    {
        let mut books = rich();
        let judgement = judge(&wu, instances, &evidence, &options, &mut books).unwrap();
        let entry = judgement.grants.iter().find(|entry| entry.result == ResultId(2)).unwrap();
        assert_eq!((entry.host, entry.user, entry.team), (HostId(0), UserId(3), TeamId(4)));
        assert!(entry.reason.ends_with("gone: host 99"), "{}", entry.reason);
    }
}

#[test]
fn nothing_paid_means_nothing_revoked_and_valid_results_are_untouched() {
    let app = app();
    let options = Options { uptime: policy(InvalidResults::Revoke), ..mode(&app, CreditMode::Adaptive) };
    let mut instances = [fresh(1), fresh(2), fresh(3)];
    instances[0].paid = sums(&[PaidShare { host: HostId(1), ..share(1.0) }]);
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
        let (row, mut books) = (abandoned(outcome), rich());
        let by_app = Some((UserId(3), TeamId(4)));
        let one = PaidShare { by_app, ..share(7.5) };
        let done = settle_abandoned(&row, &sums(&[one]), &revoke, NOW, &mut books).unwrap();
        assert_eq!(done.change, ResultChange { granted_credit: 0.0, ..ResultChange::of(&row) });
        assert_eq!((rows(&done), done.seconds_left), (vec![(2, 3, 4, -7.5, -3600.0)], 0.0));
        assert_eq!((done.entries[0].kind, done.entries[0].by_app), (LedgerKind::Revocation, by_app));
        assert_eq!(done.entries[0].workunit, WorkunitId(5));
        assert_eq!(fell(&books), [7.5, 0.0, 7.5, 0.0, 7.5, 0.0], "the team of then, not team 5");
        let changes = books.changes();
        let by_app = &changes.credit_users[0];
        assert_eq!((by_app.owner, by_app.delta_total, by_app.delta_jobs), (UserId(3), -7.5, 0));
        assert_eq!(changes.credit_teams[0].owner, TeamId(4));
        // As the ledger adds up then.
        let again = PaidShare { credit: 0.0, seconds: 0.0, ..one };
        assert_eq!(settle_abandoned(&row, &sums(&[again]), &revoke, NOW, &mut books), None);
        assert_eq!(settle_abandoned(&row, &Paid::default(), &revoke, NOW, &mut books), None);
    }
}

#[test]
fn each_gives_back_what_it_got() {
    let mut books = rich();
    let shares = [
        share(1.0),
        PaidShare { team: TeamId(5), ..share(2.0) },
        PaidShare {
            host: HostId(8),
            user: UserId(9),
            team: TeamId(0),
            by_app: Some((UserId(9), TeamId(0))),
            ..share(4.0)
        },
        // Taken back before.
        PaidShare { team: TeamId(0), ..share(0.0) },
    ];
    let done = revoke_all(&shares, &mut books).unwrap();
    assert_eq!(rows(&done), [(2, 3, 4, -1.0, -480.0), (2, 3, 5, -2.0, -960.0), (8, 9, 0, -4.0, -1920.0)]);
    assert_eq!(fell(&books), [3.0, 4.0, 3.0, 4.0, 1.0, 2.0]);
    let changes = books.changes();
    let teams: Vec<_> = changes.credit_teams.iter().map(|row| (row.owner.0, row.delta_total)).collect();
    assert_eq!((teams, changes.credit_users.len()), (vec![(0, -4.0)], 1));
}

#[test]
fn what_persons_granted_stays_and_what_they_took_is_not_taken_again() {
    let granted = PaidShare { adjusted: 3.0, ..share(7.5) };
    let done = revoke_all(&[granted], &mut rich()).unwrap();
    assert_eq!((rows(&done), done.change.granted_credit), (vec![(2, 3, 4, -7.5, -3600.0)], 3.0));
    // In another team than when it was paid.
    let other = PaidShare { team: TeamId(5), adjusted: 3.0, ..share(0.0) };
    let done = revoke_all(&[share(7.5), other], &mut rich()).unwrap();
    assert_eq!((rows(&done), done.change.granted_credit), (vec![(2, 3, 4, -7.5, -3600.0)], 3.0));

    let taken = PaidShare { adjusted: -3.0, ..share(7.5) };
    let done = revoke_all(&[taken], &mut rich()).unwrap();
    assert_eq!((rows(&done), done.change.granted_credit), (vec![(2, 3, 4, -4.5, -3600.0)], 0.0));
    // From those who did not give it back yet.
    let taken = PaidShare { team: TeamId(5), adjusted: -3.0, ..share(3.0) };
    let done = revoke_all(&[taken, share(7.5)], &mut rich()).unwrap();
    assert_eq!(rows(&done), [(2, 3, 4, -7.5, -3600.0), (2, 3, 5, 0.0, -1440.0)]);
    // All of it, or from somebody who was paid less.
    assert_eq!(revoke_all(&[PaidShare { adjusted: -7.5, ..share(7.5) }], &mut rich()), None);
    let taken = PaidShare { team: TeamId(5), adjusted: -3.0, ..share(0.0) };
    let done = revoke_all(&[taken, share(7.5)], &mut rich()).unwrap();
    assert_eq!(rows(&done), [(2, 3, 4, -4.5, -3600.0)]);
}

#[test]
fn who_is_gone_is_passed_over_and_named() {
    let shares = [
        PaidShare { host: HostId(98), ..share(1.0) },
        PaidShare { user: UserId(98), ..share(2.0) },
        PaidShare { team: TeamId(98), by_app: Some((UserId(97), TeamId(98))), ..share(4.0) },
        PaidShare { host: HostId(98), user: UserId(98), team: TeamId(98), ..share(8.0) },
    ];
    let mut books = rich();
    let done = revoke_all(&shares, &mut books).unwrap();
    let mut found = rows(&done);
    found.sort_by(|a, b| b.3.total_cmp(&a.3));
    assert_eq!(found, [(0, 3, 4, -1.0, -480.0), (2, 0, 4, -2.0, -960.0), (2, 3, 0, -4.0, -1920.0)]);
    assert_eq!((done.change.granted_credit, done.seconds_left), (8.0, 3840.0), "nobody has that any more");
    assert_eq!(fell(&books), [6.0, 0.0, 5.0, 0.0, 3.0, 0.0]);
    let named = |text: &str| done.entries.iter().filter(|entry| entry.reason.contains(text)).count();
    assert_eq!([named("gone: host 98"), named("gone: user 98"), named("gone: team 98")], [1, 1, 1]);
    // No row is made to take from.
    assert!(books.changes().credit_users.is_empty() && books.changes().credit_teams.is_empty());
    assert_eq!(revoke_all(&shares[3..], &mut books), None);
}

#[test]
fn a_merged_host_gives_back_as_the_host_that_it_became() {
    let mut kin = Kin::default();
    kin.add([(1, 0, 2), (2, 7, 9), (5, 0, 98)].map(|(host, owner, rpc_seqno)| HostLink {
        host: HostId(host),
        owner: UserId(owner),
        rpc_seqno,
    }));
    // (paid, now): itself; merged; alive beside the one that reported it; gone, and merged into one that is gone.
    for (paid, now, gives) in
        [(2, 2, Some(2)), (1, 2, Some(2)), (2, 3, Some(2)), (4, 3, None), (5, 3, None), (9, 9, Some(9))]
    {
        assert_eq!(host_today(HostId(paid), HostId(now), &kin), gives.map(HostId), "{paid} {now}");
    }
    // Shares of one and the same are one.
    let done = revoke_all(&[share(1.0), share(2.0)], &mut rich()).unwrap();
    assert_eq!(rows(&done), [(2, 3, 4, -3.0, -1440.0)]);
}

#[test]
fn what_is_not_abandoned_or_kept_stays() {
    let mut books = books();
    let paid = sums(&[share(7.5)]);
    let revoke = policy(InvalidResults::Revoke);
    let running = ResultRow { server_state: ServerState::InProgress, ..abandoned(Outcome::NoReply) };
    for row in [abandoned(Outcome::Success), abandoned(Outcome::DidntNeed), running] {
        assert_eq!(settle_abandoned(&row, &paid, &revoke, NOW, &mut books), None);
    }
    let keep = policy(InvalidResults::Keep);
    let lost = abandoned(Outcome::NoReply);
    assert_eq!(settle_abandoned(&lost, &paid, &keep, NOW, &mut books), None);
    let nonsense = sums(&[share(f64::NAN)]);
    assert_eq!(settle_abandoned(&lost, &nonsense, &revoke, NOW, &mut books), None);
    assert!(books.changes().hosts.is_empty());
}

/// It was late, not lost: revoked, and then valid.
#[test]
fn a_revoked_result_that_turns_out_valid_is_paid_in_full() {
    let (app, mut books) = (app(), books());
    let revoke = policy(InvalidResults::Revoke);
    paid(&mut books, 2, 7.5);
    settle_abandoned(&abandoned(Outcome::NoReply), &sums(&[share(7.5)]), &revoke, NOW, &mut books).unwrap();
    let options = Options { uptime: revoke, ..mode(&app, CreditMode::PostAssigned) };
    // What the ledger adds up to now.
    let instances = [fresh(1), Instance { paid: Paid::default(), ..fresh(2) }];
    let judgement = judge(&workunit(), &instances, &all_ok("aa"), &options, &mut books).unwrap();
    assert_eq!(judgement.results[1].granted_credit, 12.0);
    assert_eq!(books.host(HostId(2)).unwrap().total_credit, 12.0);
}

proptest::proptest! {
    /// Whatever the shares: nothing is made, nothing is taken below zero, and the second time there is nothing to take.
    #[test]
    fn what_is_taken_was_paid(
        list in proptest::collection::vec((1..4_i32, 2..5_i32, 3..7_i32, 0.0..50.0_f64, -60.0..60.0_f64), 0..6)
    ) {
        let mut shares: Vec<PaidShare> = list
            .into_iter()
            .map(|(host, user, team, credit, adjusted)| PaidShare {
                host: HostId(host * 4), user: UserId(user), team: TeamId(team), adjusted, ..share(credit)
            })
            .collect();
        // As `cobblestone adjust` has it: never below zero.
        if sums(&shares).credit < 0.0 {
            shares.iter_mut().for_each(|share| share.adjusted = 0.0);
        }
        let mut books = rich();
        let first = revoke_all(&shares, &mut books);
        let most: f64 = shares.iter().map(|share| share.credit).sum();
        if let Some(done) = &first {
            proptest::prop_assert!(done.credit() <= most + 1e-9);
            for entry in &done.entries {
                let who = (entry.host, entry.user, entry.team);
                let old = shares.iter_mut().find(|s| {
                    let there = rich().who_is_there(s);
                    (there.host, there.user, there.team) == who
                });
                let old = old.unwrap();
                old.credit += entry.credit;
                old.seconds += entry.seconds;
            }
        }
        proptest::prop_assert!(sums(&shares).credit >= -1e-9);
        if first.is_some() {
            proptest::prop_assert_eq!(revoke_all(&shares, &mut books), None);
        }
    }
}
