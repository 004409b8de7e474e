use boinc::id::{AppVersionId, PlatformId};
use boinc::record::AppVersion;
use proptest::prelude::*;

use super::*;

const NOW: f64 = 1_795_160_000.0;

fn books() -> Books {
    let mut books =
        Books::new(Versions::new([version(1, 100, "vm"), version(2, 101, "vm"), version(3, 102, "")]));
    books.add_host(host(7, 3));
    books.add_host(host(8, 99));
    books.add_user(User {
        id: UserId(3),
        teamid: TeamId(5),
        total_credit: 1.0,
        expavg_credit: 0.0,
        expavg_time: 0.0,
    });
    books.add_team(Team { id: TeamId(5), total_credit: 2.0, expavg_credit: 1.0, expavg_time: NOW - 1e5 });
    books
}

fn host(id: i32, user: i32) -> Host {
    Host {
        id: HostId(id),
        userid: UserId(user),
        p_fpops: 1e9,
        total_credit: 10.0,
        expavg_credit: 4.0,
        expavg_time: NOW - 86_400.0,
        avg_turnaround: 0.0,
    }
}

fn version(id: i32, num: i32, plan_class: &str) -> AppVersion {
    AppVersion {
        id: AppVersionId(id),
        appid: AppId(1),
        version_num: num,
        platformid: PlatformId(5),
        plan_class: plan_class.to_owned(),
        pfc_n: 0.0,
        pfc_avg: 0.0,
        pfc_scale: 0.0,
        expavg_credit: 0.0,
        expavg_time: 0.0,
    }
}

fn hav(host: i32, version: i32, n: f64) -> HostAppVersion {
    HostAppVersion {
        host_id: HostId(host),
        app_version_id: HostAppVersionId(version),
        pfc_n: n,
        pfc_avg: 1.0,
        et_n: 0.0,
        et_avg: 0.0,
        et_var: 0.0,
        et_q: 0.0,
        max_jobs_per_day: 50,
        n_jobs_today: 3,
        turnaround_n: 0.0,
        turnaround_avg: 0.0,
        turnaround_var: 0.0,
        turnaround_q: 0.0,
        consecutive_valid: 0,
    }
}

#[test]
fn a_grant_reaches_host_user_and_team() {
    let mut books = books();
    let payee = books.grant(HostId(7), 6.0, NOW - 86_400.0, NOW, None).unwrap();
    assert_eq!(payee, Payee { host: HostId(7), user: UserId(3), team: TeamId(5), by_app: None });
    let changes = books.changes();
    assert_eq!(changes.hosts.len(), 1);
    assert_eq!(changes.hosts[0].delta_total, 6.0);
    assert_eq!(changes.hosts[0].avg_turnaround, None);
    let d: f64 = 86_400.0;
    let w = (-d * std::f64::consts::LN_2 / 604_800.0).exp();
    assert!((changes.hosts[0].expavg_credit - (4.0 * w + (1.0 - w) * 6.0)).abs() < 1e-12);
    assert_eq!(changes.users[0].expavg_credit, 6.0, "first time: work over one day");
    assert_eq!((changes.teams[0].delta_total, changes.teams[0].expavg_time), (6.0, NOW));
    assert!(changes.credit_users.is_empty() && changes.host_app_versions.is_empty());
}

#[test]
fn a_missing_user_or_team_row_is_tolerated_a_missing_host_is_not() {
    let mut books = books();
    let payee = books.grant(HostId(8), 6.0, NOW - 1.0, NOW, None).unwrap();
    assert_eq!(payee, Payee { host: HostId(8), user: UserId(0), team: TeamId(0), by_app: None });
    assert!(books.changes().users.is_empty());
    assert_eq!(books.grant(HostId(9), 1.0, 0.0, NOW, None), Err(BooksError::NoHost(HostId(9))));

    let mut books = Books::default();
    books.add_host(host(7, 3));
    books.add_user(User {
        id: UserId(3),
        teamid: TeamId(6),
        total_credit: 0.0,
        expavg_credit: 0.0,
        expavg_time: 0.0,
    });
    let by_app = ByApp { app: AppId(1), owner: None, jobs: 0 };
    let payee = books.grant(HostId(7), 1.0, NOW - 9.0, NOW, Some(by_app)).unwrap();
    assert_eq!((payee.user, payee.team), (UserId(3), TeamId(0)));
    assert_eq!(books.changes().credit_teams[0].owner, TeamId(6), "per application it counts without the row");
}

#[test]
fn by_app_goes_to_the_results_owner_and_rows_are_made_on_demand() {
    let mut books = books();
    let by_app = ByApp { app: AppId(1), owner: Some((UserId(44), TeamId(0))), jobs: 1 };
    books.grant(HostId(7), 6.0, NOW - 9.0, NOW, Some(by_app)).unwrap();
    books.grant(HostId(7), 1.0, NOW - 9.0, NOW, Some(by_app)).unwrap();
    let changes = books.changes();
    let user = &changes.credit_users[0];
    assert_eq!((user.owner, user.delta_jobs, user.delta_total, user.created), (UserId(44), 2, 7.0, true));
    assert!((user.expavg - std::f64::consts::LN_2).abs() < 1e-12, "the limit: 7·ln 2/7");
    assert_eq!(changes.credit_teams[0].owner, TeamId(0));

    let payee = ByApp { app: AppId(2), owner: None, jobs: 0 };
    books.grant(HostId(7), 1.0, NOW - 9.0, NOW, Some(payee)).unwrap();
    let changes = books.changes();
    assert!(
        changes.credit_teams.iter().any(|t| t.owner == TeamId(5) && t.appid == AppId(2) && t.delta_jobs == 0)
    );
}

#[test]
fn credit_that_is_no_number_changes_nothing() {
    let mut books = books();
    assert!(matches!(books.grant(HostId(7), f64::NAN, 0.0, NOW, None), Err(BooksError::NotFinite { .. })));
    assert!(books.changes().is_empty());
}

#[test]
fn a_grant_of_nothing_only_ages_the_averages() {
    let mut books = books();
    books.grant(HostId(7), 0.0, NOW - 9.0, NOW, None).unwrap();
    let changes = books.changes();
    assert_eq!((changes.hosts[0].delta_total, changes.hosts[0].expavg_time), (0.0, NOW));
    assert!(changes.hosts[0].expavg_credit < 4.0);
    assert_eq!((changes.users[0].expavg_credit, changes.users[0].expavg_time), (0.0, NOW));
}

#[test]
fn turnaround_starts_with_the_first_and_then_moves_by_three_tenths() {
    let mut books = books();
    assert!(books.count_turnaround(HostId(7), 100.0));
    assert!(books.count_turnaround(HostId(7), 200.0));
    assert_eq!(books.changes().hosts[0].avg_turnaround, Some(130.0));
    assert_eq!(books.changes().hosts[0].expavg_time, NOW - 86_400.0, "no grant: averages stay");
    assert!(!books.count_turnaround(HostId(1000), 1.0));
}

#[test]
fn a_missing_row_is_taken_over_from_the_highest_version_of_its_kind() {
    let mut books = books();
    books.add_host_app_version(hav(7, 1, 11.0));
    books.add_host_app_version(hav(7, 3, 33.0));
    books.add_host_app_version(hav(8, 2, 22.0));
    let before = books.look_up(HostId(7), HostAppVersionId(2)).unwrap();
    assert_eq!((before.app_version_id, before.pfc.n), (HostAppVersionId(1), 11.0), "stock keeps the old key");
    let mut copy = before.clone();
    copy.count_valid(false);
    books.write_back(&copy, &before);
    let changes = books.changes();
    assert_eq!(changes.host_app_versions.len(), 1);
    assert_eq!(changes.host_app_versions[0].from, Some(HostAppVersionId(1)));
    assert_eq!(
        changes.host_app_versions[0].row,
        HostAppVersion { app_version_id: HostAppVersionId(2), ..hav(7, 1, 11.0) }
    );

    let before = books.look_up(HostId(7), HostAppVersionId(2)).unwrap();
    let mut copy = before.clone();
    copy.count_valid(false);
    books.write_back(&copy, &before);
    let row = books.host_app_version(HostId(7), HostAppVersionId(2)).unwrap();
    assert_eq!((row.max_jobs_per_day, row.consecutive_valid, row.n_jobs_today), (51, 1, 3));
}

#[test]
fn without_an_older_version_a_row_is_made_and_anonymous_platforms_get_none() {
    let mut books = books();
    books.add_host_app_version(hav(7, 3, 33.0));
    let made = books.look_up(HostId(7), HostAppVersionId(1)).unwrap();
    assert_eq!((made.app_version_id, made.pfc.n, made.max_jobs_per_day), (HostAppVersionId(1), 0.0, 0));
    assert_eq!(books.changes().host_app_versions[0].from, None);
    assert_eq!(books.look_up(HostId(7), HostAppVersionId(1_000_002)), None);
    books.add_host_app_version(hav(7, 1_000_002, 5.0));
    assert!(books.look_up(HostId(7), HostAppVersionId(1_000_002)).is_some());
}

#[test]
fn quotas_and_rows_of_valid_results() {
    let mut books = books();
    books.add_host_app_version(hav(7, 1, 0.0));
    let mut s = books.look_up(HostId(7), HostAppVersionId(1)).unwrap();
    s.count_valid(true);
    assert_eq!((s.max_jobs_per_day, s.consecutive_valid), (51, 0));
    s.count_valid(false);
    s.count_invalid(51);
    assert_eq!((s.max_jobs_per_day, s.consecutive_valid), (51, 0));
    s.count_invalid(51);
    assert_eq!(s.max_jobs_per_day, 51);
}

#[test]
fn versions_get_their_samples_at_the_end_of_the_pass() {
    let mut versions = Versions::new([version(1, 100, "")]);
    versions.sample_pfc(AppVersionId(1), 2.0);
    versions.sample_pfc(AppVersionId(1), 4.0);
    versions.sample_credit(AppVersionId(1), 8.0, NOW - 86_400.0);
    assert_eq!(versions.get(AppVersionId(1)).unwrap().pfc_n, 0.0, "rows stay during the pass");
    let samples = versions.take_samples();
    let row = samples[&AppVersionId(1)].applied_to(versions.get(AppVersionId(1)).unwrap(), NOW);
    assert_eq!((row.pfc_n, row.pfc_avg, row.expavg_credit, row.expavg_time), (2.0, 3.0, 8.0, NOW));
    assert!(versions.samples().is_empty());
}

proptest! {
    /// Whatever is granted, host, user and team gain the same, and the deltas are what the totals gained.
    #[test]
    fn totals_gain_what_was_granted(credits in proptest::collection::vec(-100.0..100.0f64, 0..40)) {
        let mut books = books();
        for credit in &credits {
            books.grant(HostId(7), *credit, NOW - 100.0, NOW, None).unwrap();
        }
        let sum: f64 = credits.iter().sum();
        let changes = books.changes();
        if credits.is_empty() {
            prop_assert!(changes.is_empty());
        } else {
            prop_assert_eq!(changes.hosts[0].delta_total, changes.users[0].delta_total);
            prop_assert_eq!(changes.hosts[0].delta_total, changes.teams[0].delta_total);
            prop_assert!((changes.hosts[0].delta_total - sum).abs() < 1e-9);
            prop_assert!((books.host(HostId(7)).unwrap().total_credit - 10.0 - sum).abs() < 1e-9);
        }
    }
}

#[test]
fn taking_back_ends_averages_at_nothing_but_totals_exactly() {
    let mut books = books();
    let by_app = ByApp { app: AppId(1), owner: None, jobs: 0 };
    books.grant(HostId(7), 5.0, NOW - 86_400.0, NOW, Some(by_app)).unwrap();
    books.grant(HostId(7), -500.0, NOW - 86_400.0, NOW, Some(by_app)).unwrap();
    let changes = books.changes();
    assert_eq!((changes.hosts[0].delta_total, changes.hosts[0].expavg_credit), (-495.0, 0.0));
    assert_eq!((changes.users[0].delta_total, changes.users[0].expavg_credit), (-495.0, 0.0));
    assert_eq!((changes.teams[0].delta_total, changes.teams[0].expavg_credit), (-495.0, 0.0));
    assert_eq!((changes.credit_users[0].delta_total, changes.credit_users[0].expavg), (-495.0, 0.0));
    // A little taken back is a little less.
    let mut other = super::tests::books();
    other.grant(HostId(7), -0.001, NOW - 86_400.0, NOW, None).unwrap();
    let average = other.changes().hosts[0].expavg_credit;
    assert!(average > 3.0 && average < 4.0, "{average}");
}
