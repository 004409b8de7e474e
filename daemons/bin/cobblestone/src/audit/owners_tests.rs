use store::audit::owners::{Ghost, Member};

use super::*;

fn total(id: i32, gained: f64, belongs_to: i32) -> Total {
    Total {
        id,
        appid: 0,
        total: 50.0 + 100.0 + gained,
        opening: 50.0,
        ledger: 100.0,
        accepted: 0.0,
        belongs_to,
        successor: 0,
        related: 1,
    }
}

fn facts(hosts: Vec<Total>, users: Vec<Total>, teams: Vec<Total>) -> Facts {
    Facts {
        totals: [(Book::Host, hosts), (Book::User, users), (Book::Team, teams)].into(),
        next_ids: [("host", 100), ("user", 100), ("team", 100)].into(),
        ..Facts::default()
    }
}

fn off(facts: &Facts) -> Vec<(Book, i32, f64)> {
    explain(facts).off.iter().map(|off| (off.book, off.id, off.amount)).collect()
}

fn retired(id: i32, had: f64, successor: i32) -> Total {
    Total { id, total: 0.0, opening: had / 2.0, ledger: had / 2.0, successor, ..total(id, 0.0, 0) }
}

#[test]
fn merged_hosts_are_followed_through_chains() {
    // 1 became 2, 2 became 3.
    let all = facts(vec![retired(1, 10.0, 2), retired(2, 20.0, 3), total(3, 30.0, 9)], vec![], vec![]);
    let explained = explain(&all);
    assert!(explained.off.is_empty(), "{explained:?}");
    assert_eq!(
        explained.merges,
        [Merge { from: 1, to: 3, credit: 10.0 }, Merge { from: 2, to: 3, credit: 20.0 }]
    );
    assert!(explained.granted.is_empty());
    // The middle one had nothing.
    let all = facts(vec![retired(1, 10.0, 2), retired(2, 0.0, 3), total(3, 10.0, 9)], vec![], vec![]);
    assert!(off(&all).is_empty());
    // The credit did not arrive.
    let all = facts(vec![retired(1, 10.0, 3)], vec![], vec![]);
    assert_eq!(off(&all), [(Book::Host, 3, -10.0)]);
    // It was deleted later; and a ring.
    let gone = Total { related: 0, ..retired(1, 10.0, 3) };
    let ring = [retired(4, 6.0, 5), retired(5, 6.0, 4)];
    let explained = explain(&facts(vec![gone, ring[0].clone(), ring[1].clone()], vec![], vec![]));
    assert!(explained.off.is_empty());
    assert_eq!(explained.gone[&Book::Host].ids, BTreeSet::from([1, 4, 5]));
}

#[test]
fn grants_of_others_are_in_lockstep() {
    let all = facts(
        vec![total(1, 10.0, 7), total(2, 5.0, 7), total(3, 1.0, 8)],
        vec![total(7, 15.0, 4), total(8, 1.0, 0)],
        vec![total(4, 15.0, 0)],
    );
    let explained = explain(&all);
    assert!(explained.off.is_empty(), "{explained:?}");
    assert_eq!(explained.granted, [(Book::Host, 16.0), (Book::User, 16.0), (Book::Team, 15.0)].into());
}

#[test]
fn who_is_out_of_step_is_named_and_nobody_else() {
    let host = |gained| vec![total(1, gained, 7)];
    let user = |gained| vec![total(7, gained, 4)];
    let team = |gained| vec![total(4, gained, 0)];
    assert_eq!(off(&facts(host(3.0), vec![], vec![])), [(Book::Host, 1, 3.0)]);
    assert_eq!(off(&facts(vec![], user(3.0), vec![])), [(Book::User, 7, 3.0)]);
    assert_eq!(off(&facts(vec![], vec![], team(3.0))), [(Book::Team, 4, 3.0)]);
    assert_eq!(off(&facts(host(-3.0), vec![], vec![])), [(Book::Host, 1, -3.0)]);
    assert_eq!(off(&facts(vec![], user(-3.0), vec![])), [(Book::User, 7, -3.0)]);
    assert_eq!(off(&facts(vec![], vec![], team(-3.0))), [(Book::Team, 4, -3.0)]);
    assert_eq!(off(&facts(host(10.0), user(13.0), team(10.0))), [(Book::User, 7, 3.0)]);
    assert_eq!(off(&facts(host(10.0), user(10.0), team(13.0))), [(Book::Team, 4, 3.0)]);
    assert_eq!(off(&facts(host(10.0), user(10.0), vec![])), [(Book::Team, 4, -10.0)]);
    assert_eq!(off(&facts(host(10.0), user(10.0), team(4.0))), [(Book::Team, 4, -6.0)]);
    // What was accepted is settled.
    let mut settled = facts(host(10.0), user(13.0), team(10.0));
    settled.totals.get_mut(&Book::User).unwrap()[0].accepted = 3.0;
    assert!(off(&settled).is_empty());
}

#[test]
fn a_team_gains_from_those_who_were_in_it() {
    let moved = |teams: &[i32], gained: f64| {
        let mut all = facts(
            vec![total(1, 10.0, 7), total(2, 5.0, 8)],
            vec![total(7, 10.0, 4), total(8, 5.0, 4)],
            vec![total(4, gained, 0), total(5, 15.0 - gained, 0)],
        );
        all.moves = teams.iter().map(|team| Member { userid: 7, teamid: *team, credit: 0.0 }).collect();
        off(&all)
    };
    assert!(moved(&[], 15.0).is_empty());
    for gained in [5.0, 9.0, 15.0] {
        assert!(moved(&[5, 4], gained).is_empty(), "{gained}");
    }
    assert_eq!(moved(&[5, 4], 4.0), [(Book::Team, 4, -1.0), (Book::Team, 5, 1.0)]);
    assert_eq!(moved(&[], 14.0), [(Book::Team, 4, -1.0), (Book::Team, 5, 1.0)]);
}

#[test]
fn what_went_with_deleted_hosts_and_users_is_no_fault() {
    let mut all = facts(vec![], vec![total(7, 3.0, 4)], vec![total(4, 3.0, 0)]);
    assert_eq!(off(&all).len(), 2);
    all.lost_hosts.insert(7);
    assert!(off(&all).is_empty());
    let mut all = facts(vec![], vec![], vec![total(4, 3.0, 0)]);
    all.lost_users.insert(4);
    assert!(off(&all).is_empty());
}

#[test]
fn ghosts_were_deleted_or_never_lived() {
    let ghost =
        |id, owner_exists| Ghost { id, appid: 0, opening: 1.0, ledger: 2.0, accepted: 0.0, owner_exists };
    let mut all = facts(vec![], vec![], vec![]);
    all.ghosts.insert(Book::User, vec![ghost(99, 0), ghost(100, 0)]);
    let explained = explain(&all);
    assert_eq!(explained.gone[&Book::User], Gone { ids: [99].into(), credit: 3.0, ledger: 2.0 });
    assert_eq!((explained.off[0].id, explained.off[0].amount), (100, -3.0));
    all.ghosts.insert(Book::User, vec![Ghost { accepted: -3.0, ..ghost(100, 0) }]);
    assert!(off(&all).is_empty());
    all.ghosts.insert(Book::CreditUser, vec![ghost(7, 1), ghost(8, 0)]);
    assert_eq!(off(&all), [(Book::CreditUser, 7, -3.0)]);
}

#[test]
fn by_application_users_and_teams_go_together() {
    let row = |id, appid, gained| Total { appid, ..total(id, gained, 0) };
    let by_app = |users: Vec<Total>, teams: Vec<Total>| {
        let mut all = facts(vec![], vec![], vec![]);
        all.totals.insert(Book::CreditUser, users);
        all.totals.insert(Book::CreditTeam, teams);
        explain(&all)
    };
    let both = by_app(vec![row(7, 2, 5.0), row(8, 2, 1.0)], vec![row(0, 2, 6.0)]);
    assert!(both.off.is_empty());
    assert_eq!(both.granted[&Book::CreditTeam], 6.0);
    let only = |explained: Explained| {
        (explained.off.len(), explained.off[0].book, explained.off[0].id, explained.off[0].amount)
    };
    assert_eq!(
        only(by_app(vec![row(7, 2, 5.0), row(8, 2, 1.0)], vec![row(0, 2, 1.0)])),
        (1, Book::CreditUser, 7, 5.0)
    );
    assert_eq!(only(by_app(vec![], vec![row(0, 2, 1.0)])), (1, Book::CreditTeam, 0, 1.0));
    assert_eq!(only(by_app(vec![row(7, 2, -1.0)], vec![])), (1, Book::CreditUser, 7, -1.0));
    assert_eq!(by_app(vec![row(7, 2, 5.0)], vec![row(0, 3, 5.0)]).off.len(), 2);
}
