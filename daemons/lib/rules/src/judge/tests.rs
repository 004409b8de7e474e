use boinc::id::{AppId, AppVersionId, HostAppVersionId, HostId, PlatformId, TeamId, UserId};
use boinc::ledger::{LedgerKind, PaidShare};
use boinc::record::{App, AppVersion, Host, HostAppVersion, ResultRow, Team, User};
use boinc::state::{AssimilateState, ErrorMask, NEVER, Outcome, ServerState, ValidateState};

use super::*;
use crate::books::Versions;
use crate::credit::{CreditMode, cobblestones};
use crate::quorum::{Agreement, Pair};
use crate::uptime::UptimePolicy;

const NOW: f64 = 1_800_000_000.7;
const SENT: i32 = 1_799_990_000;

fn app() -> App {
    App { id: AppId(1), name: "a".to_owned(), target_nresults: 0, min_avg_pfc: 1.0, host_scale_check: false }
}

fn workunit() -> Workunit {
    Workunit {
        id: WorkunitId(5),
        create_time: SENT - 100,
        appid: AppId(1),
        name: "wu".to_owned(),
        batch: 0,
        rsc_fpops_est: 8.64e12,
        rsc_fpops_bound: 1e18,
        need_validate: 1,
        canonical_resultid: ResultId(0),
        canonical_credit: 0.0,
        transition_time: 1_900_000_000,
        error_mask: 0,
        assimilate_state: AssimilateState::Init,
        opaque: 77.0,
        min_quorum: 2,
        target_nresults: 2,
        max_error_results: 3,
        max_total_results: 10,
        max_success_results: 6,
    }
}

fn late_to(canonical: i32) -> Workunit {
    Workunit {
        canonical_resultid: ResultId(canonical),
        canonical_credit: 33.0,
        assimilate_state: AssimilateState::Done,
        ..workunit()
    }
}

/// A reported result of host `id`, which user 3 owns.
fn row(id: i32) -> ResultRow {
    ResultRow {
        id: ResultId(id),
        create_time: SENT - 50,
        workunitid: WorkunitId(5),
        appid: AppId(1),
        name: format!("wu_{id}"),
        server_state: ServerState::Over,
        outcome: Outcome::Success,
        validate_state: ValidateState::Init,
        hostid: HostId(id),
        userid: UserId(3),
        teamid: TeamId(0),
        sent_time: SENT,
        report_deadline: SENT + 9999,
        received_time: SENT + 2000,
        cpu_time: 900.0,
        elapsed_time: 1000.0,
        flops_estimate: 2e9,
        claimed_credit: 12.0,
        granted_credit: 0.0,
        opaque: 0.0,
        exit_status: 0,
        app_version_id: AppVersionId(1),
        runtime_outlier: false,
        random: 0,
    }
}

fn state(id: i32, validate_state: ValidateState) -> Instance {
    Instance { row: ResultRow { validate_state, ..row(id) }, paid: Paid::default() }
}

fn fresh(id: i32) -> Instance {
    state(id, ValidateState::Init)
}

fn unsent(id: i32) -> Instance {
    let row =
        ResultRow { server_state: ServerState::Unsent, outcome: Outcome::Init, sent_time: 0, ..row(id) };
    Instance { row, paid: Paid::default() }
}

fn books() -> Books {
    let version = AppVersion {
        id: AppVersionId(1),
        appid: AppId(1),
        version_num: 100,
        platformid: PlatformId(1),
        plan_class: String::new(),
        pfc_n: 0.0,
        pfc_avg: 0.0,
        pfc_scale: 0.0,
        expavg_credit: 0.0,
        expavg_time: 0.0,
    };
    let mut books = Books::new(Versions::new([version]));
    for id in 1..=8 {
        books.add_host(Host {
            id: HostId(id),
            userid: UserId(3),
            p_fpops: 2e9,
            total_credit: 0.0,
            expavg_credit: 0.0,
            expavg_time: 0.0,
            avg_turnaround: 0.0,
        });
        books.look_up(HostId(id), HostAppVersionId(1));
    }
    books.add_user(User {
        id: UserId(3),
        teamid: TeamId(4),
        total_credit: 0.0,
        expavg_credit: 0.0,
        expavg_time: 0.0,
    });
    books.add_team(Team { id: TeamId(4), total_credit: 0.0, expavg_credit: 0.0, expavg_time: 0.0 });
    books
}

fn mode(app: &App, credit_mode: CreditMode) -> Options<'_> {
    Options { credit_mode, ..Options::new(app, 50, NOW) }
}

/// Files by result; the readable ones agree when `class` gives them the same letter.
fn set(files: &[(i32, FileCheck)], class: &str) -> Evidence {
    let files: BTreeMap<ResultId, FileCheck> =
        files.iter().map(|(id, check)| (ResultId(*id), check.clone())).collect();
    let good = files.iter().filter(|(_, c)| c.is_good()).map(|(id, _)| *id).collect();
    let letters: Vec<char> = class.chars().collect();
    Evidence::Set { files, agreement: Some(Agreement::exact(good, |i, j| letters[i] == letters[j])) }
}

fn all_ok(class: &str) -> Evidence {
    let ids: Vec<(i32, FileCheck)> =
        (1..=class.len()).map(|id| (i32::try_from(id).unwrap(), FileCheck::Ok)).collect();
    set(&ids, class)
}

fn states(judgement: &Judgement) -> Vec<(i32, ValidateState)> {
    judgement.results.iter().map(|r| (r.id.0, r.validate_state)).collect()
}

fn run(
    wu: &Workunit,
    instances: &[Instance],
    evidence: &Evidence,
    credit_mode: CreditMode,
) -> (Judgement, Books) {
    let (app, mut books) = (app(), books());
    let judgement = judge(wu, instances, evidence, &mode(&app, credit_mode), &mut books).unwrap();
    (judgement, books)
}

use ValidateState::{Inconclusive, Init, Invalid, TooLate, Valid};

#[test]
fn too_few_results_change_only_need_validate() {
    let (judgement, books) = run(&workunit(), &[fresh(1), unsent(2)], &Evidence::None, CreditMode::Adaptive);
    assert_eq!(judgement.verdict, Verdict::TooFew);
    assert!(judgement.results.is_empty() && judgement.grants.is_empty());
    assert_eq!(judgement.workunit.transition_time, 1_900_000_000);
    assert!(books.changes().hosts.is_empty());
}

#[test]
fn agreement_makes_a_canonical_result_and_credit() {
    let instances = [unsent(4), fresh(3), fresh(2), fresh(1)];
    let (judgement, books) = run(&workunit(), &instances, &all_ok("aba"), CreditMode::Adaptive);
    assert_eq!(judgement.verdict, Verdict::Canonical(ResultId(1)));
    assert_eq!(states(&judgement), [(1, Valid), (2, Invalid), (3, Valid), (4, Init)]);
    let last = judgement.results.last().unwrap();
    assert_eq!((last.server_state, last.outcome), (ServerState::Over, Outcome::DidntNeed));
    assert_eq!(judgement.workunit.transition_time, NEVER);
    assert_eq!(judgement.workunit.assimilate_state, Some(AssimilateState::Ready));
    let credit = cobblestones(1000.0 * 2e9);
    assert!((judgement.workunit.canonical_credit - credit).abs() < 1e-9);
    assert_eq!(judgement.grants.len(), 2);
    let grant = &judgement.grants[0];
    assert_eq!(
        (grant.kind, grant.result, grant.user, grant.team),
        (LedgerKind::Final, ResultId(1), UserId(3), TeamId(4))
    );
    assert!((books.user(UserId(3)).unwrap().total_credit - 2.0 * credit).abs() < 1e-9);
    assert_eq!(books.host_app_version(HostId(1), HostAppVersionId(1)).unwrap().consecutive_valid, 1);
}

#[test]
fn without_agreement_more_instances_are_asked_for() {
    let (judgement, _) = run(&workunit(), &[fresh(1), fresh(2)], &all_ok("ab"), CreditMode::Adaptive);
    assert_eq!(judgement.verdict, Verdict::NoConsensus);
    assert_eq!(states(&judgement), [(1, Inconclusive), (2, Inconclusive)]);
    assert_eq!((judgement.workunit.target_nresults, judgement.workunit.transition_time), (3, NOW as i32));
    assert_eq!(judgement.workunit.assimilate_state, None);

    let wu = Workunit { max_success_results: 1, ..workunit() };
    let (judgement, _) = run(&wu, &[fresh(1), fresh(2)], &all_ok("ab"), CreditMode::Adaptive);
    assert_eq!(judgement.workunit.error_mask, ErrorMask::TOO_MANY_SUCCESSES);
}

#[test]
fn an_unusable_output_is_invalid_and_brings_the_transitioner() {
    let evidence = set(&[(1, FileCheck::Ok), (2, FileCheck::Malformed("no file".to_owned()))], "a");
    let (judgement, _) = run(&workunit(), &[fresh(1), fresh(2)], &evidence, CreditMode::Adaptive);
    assert_eq!(states(&judgement), [(1, Inconclusive), (2, Invalid)]);
    assert_eq!(judgement.results[1].outcome, Outcome::ValidateError);
    assert_eq!((judgement.workunit.target_nresults, judgement.workunit.transition_time), (2, NOW as i32));
}

#[test]
fn an_upload_folder_that_is_away_means_later_and_no_more_instances() {
    let transient = || FileCheck::Transient("folder missing".to_owned());
    let evidence = set(&[(1, FileCheck::Ok), (2, transient())], "a");
    let (judgement, _) = run(&workunit(), &[fresh(1), fresh(2)], &evidence, CreditMode::Adaptive);
    assert_eq!(judgement.verdict, Verdict::Later);
    assert!(states(&judgement).is_empty(), "INIT stays, so that the transitioner asks again");
    assert_eq!(judgement.workunit.target_nresults, 2);
    assert_eq!(judgement.workunit.transition_time, NOW as i32 + 6 * 3600);
    let soon = Workunit { transition_time: 17, ..workunit() };
    assert_eq!(
        run(&soon, &[fresh(1), fresh(2)], &evidence, CreditMode::Adaptive).0.workunit.transition_time,
        17
    );

    // All were looked at before: one must become INIT again.
    let seen = [state(1, Inconclusive), state(2, Inconclusive)];
    let (judgement, _) = run(&workunit(), &seen, &evidence, CreditMode::Adaptive);
    assert_eq!(states(&judgement), [(2, Init)]);

    // The others agree: the canonical result does not wait, the unreadable one is looked at later.
    let evidence = set(&[(1, FileCheck::Ok), (2, transient()), (3, FileCheck::Ok)], "aa");
    let (judgement, _) =
        run(&workunit(), &[fresh(1), state(2, Inconclusive), fresh(3)], &evidence, CreditMode::Adaptive);
    assert_eq!(judgement.verdict, Verdict::Canonical(ResultId(1)));
    assert_eq!(states(&judgement), [(1, Valid), (2, Init), (3, Valid)]);

    let files = [(ResultId(1), FileCheck::Ok), (ResultId(2), FileCheck::Ok)].into();
    let evidence = Evidence::Later { files, reason: "script says later".to_owned() };
    let (judgement, _) = run(&workunit(), &seen, &evidence, CreditMode::Adaptive);
    assert_eq!((judgement.verdict, states(&judgement)), (Verdict::Later, vec![(1, Init), (2, Init)]));
}

#[test]
fn a_comparison_that_cant_say_costs_nobody_credit() {
    let files = (1..=3).map(|id| (ResultId(id), FileCheck::Ok)).collect();
    let ids = (1..=3).map(ResultId).collect();
    let pair = |i: usize, j: usize| if i == j || j == 1 { Pair::EQUAL } else { Pair::Unknown };
    let evidence = Evidence::Set { files, agreement: Some(Agreement::fuzzy(ids, pair)) };
    let (judgement, _) = run(&workunit(), &[fresh(1), fresh(2), fresh(3)], &evidence, CreditMode::Adaptive);
    assert_eq!(states(&judgement), [(1, Valid), (2, Valid)], "the third one waits");
    assert_eq!(judgement.told[2].decision, boinc::verdict::Decision::Later);
    let (judgement, _) =
        run(&workunit(), &[fresh(1), fresh(2), state(3, Inconclusive)], &evidence, CreditMode::Adaptive);
    assert_eq!(states(&judgement), [(1, Valid), (2, Valid), (3, Init)]);
}

#[test]
fn what_trickles_paid_comes_off_and_never_goes_below_zero() {
    let credit = cobblestones(1000.0 * 2e9);
    let mut instances = [fresh(1), fresh(2)];
    instances[0].paid.credit = 1.0;
    instances[1].paid.credit = credit + 9.0;
    let (judgement, books) = run(&workunit(), &instances, &all_ok("aa"), CreditMode::Adaptive);
    assert_eq!(judgement.grants.len(), 1);
    assert!((judgement.grants[0].credit - (credit - 1.0)).abs() < 1e-9);
    assert!((judgement.results[0].granted_credit - credit).abs() < 1e-9);
    assert!((judgement.results[1].granted_credit - (credit + 9.0)).abs() < 1e-9);
    assert!((books.host(HostId(1)).unwrap().total_credit - (credit - 1.0)).abs() < 1e-9);
    let host = books.host(HostId(2)).unwrap();
    assert_eq!((host.total_credit, host.expavg_time), (0.0, NOW));
}

#[test]
fn uptime_pays_each_result_what_it_ran_within_the_wall_clock() {
    let mut instances = [fresh(1), fresh(2)];
    instances[1].row.elapsed_time = 1e6;
    instances[1].paid.credit = 3.0;
    let (judgement, _) = run(&workunit(), &instances, &all_ok("aa"), CreditMode::Uptime);
    let worth = |seconds: f64| cobblestones(seconds * 2e9);
    assert!((judgement.results[0].granted_credit - worth(1000.0)).abs() < 1e-9);
    assert!((judgement.results[1].granted_credit - worth(2000.0)).abs() < 1e-9, "away for 2000 s");
    let grant = &judgement.grants[1];
    assert!((grant.credit - (worth(2000.0) - 3.0)).abs() < 1e-9);
    assert!((cobblestones(grant.seconds * grant.flops) - grant.credit).abs() < 1e-9, "seconds of this row");
    assert!((judgement.workunit.canonical_credit - worth(1000.0)).abs() < 1e-9);

    let mut late = [state(1, Valid), fresh(2)];
    late[0].row.granted_credit = 5.0;
    late[1].row.elapsed_time = 500.0;
    let evidence = Evidence::Stragglers([(ResultId(2), Against::Pair(Pair::EQUAL))].into());
    let (judgement, _) = run(&late_to(1), &late, &evidence, CreditMode::Uptime);
    assert!(
        (judgement.results[0].granted_credit - worth(500.0)).abs() < 1e-9,
        "its own seconds, not the canonical's"
    );
}

#[test]
fn modes_of_credit() {
    let two = [fresh(1), fresh(2)];
    let (judgement, books) = run(&workunit(), &two, &all_ok("aa"), CreditMode::None);
    assert!(judgement.grants.is_empty() && books.changes().users.is_empty());
    assert!(!books.versions().samples().is_empty(), "the statistics go on");
    assert_eq!(books.changes().hosts.len(), 2, "turnaround");

    let (judgement, _) = run(&workunit(), &two, &all_ok("aa"), CreditMode::PostAssigned);
    assert_eq!(judgement.grants.iter().map(|g| g.credit).collect::<Vec<_>>(), [12.0, 12.0]);

    let set_by_project = Workunit { canonical_credit: 21.0, ..workunit() };
    let (judgement, _) = run(&set_by_project, &two, &all_ok("aa"), CreditMode::FromWorkunit);
    assert_eq!((judgement.grants[0].credit, judgement.workunit.canonical_credit), (21.0, 21.0));
    let (judgement, _) = run(&workunit(), &two, &all_ok("aa"), CreditMode::FromWorkunit);
    assert!(judgement.grants.is_empty() && judgement.notes.iter().any(|n| n.weight == Weight::Warning));

    let (judgement, books) = run(&workunit(), &two, &all_ok("aa"), CreditMode::FromRuntime);
    assert!((judgement.grants[0].credit - cobblestones(1000.0 * 2e9)).abs() < 1e-9);
    assert!(books.versions().samples().is_empty(), "the only mode without statistics");

    let (app, mut books) = (app(), self::books());
    let options = Options { max_granted_credit: 2.0, ..mode(&app, CreditMode::PostAssigned) };
    let judgement = judge(&workunit(), &two, &all_ok("aa"), &options, &mut books).unwrap();
    assert_eq!(judgement.grants[0].credit, 2.0);
}

#[test]
fn credited_jobs_and_credit_by_app() {
    let (app, mut books) = (app(), books());
    let options =
        Options { update_credited_job: true, credit_by_app: true, ..mode(&app, CreditMode::PostAssigned) };
    let judgement = judge(&workunit(), &[fresh(1), fresh(2)], &all_ok("ab"), &options, &mut books).unwrap();
    assert!(judgement.credited_jobs.is_empty());
    let judgement = judge(&workunit(), &[fresh(1), fresh(2)], &all_ok("aa"), &options, &mut books).unwrap();
    assert_eq!(judgement.credited_jobs, [CreditedJob { userid: UserId(3), workunitid: 77 }; 2]);
    let changes = books.changes();
    assert_eq!((changes.credit_users[0].delta_jobs, changes.credit_users[0].delta_total), (2, 24.0));
    assert_eq!(changes.credit_teams[0].owner, TeamId(0), "the result's team, not the user's");
}

#[test]
fn unreplicated_work_does_not_count_as_valid_in_a_row() {
    let app = App { target_nresults: 2, ..app() };
    let mut books = books();
    let wu = Workunit { min_quorum: 1, target_nresults: 1, ..workunit() };
    judge(&wu, &[fresh(1)], &all_ok("a"), &mode(&app, CreditMode::None), &mut books).unwrap();
    let row = books.host_app_version(HostId(1), HostAppVersionId(1)).unwrap();
    assert_eq!((row.consecutive_valid, row.max_jobs_per_day), (0, 1));
}

#[test]
fn late_results_are_compared_with_the_canonical_one() {
    let mut instances =
        [state(1, Valid), fresh(2), fresh(3), state(4, Inconclusive), fresh(5), fresh(6), state(7, Invalid)];
    instances[0].row.granted_credit = 11.0;
    let evidence = Evidence::Stragglers(
        [
            (ResultId(2), Against::Pair(Pair::EQUAL)),
            (ResultId(3), Against::Pair(Pair::Differs)),
            (ResultId(4), Against::Malformed("cut".to_owned())),
            (ResultId(5), Against::CanonicalGone("deleted".to_owned())),
            (ResultId(6), Against::Pair(Pair::Unknown)),
        ]
        .into(),
    );
    let (judgement, books) = run(&late_to(1), &instances, &evidence, CreditMode::Adaptive);
    assert_eq!(judgement.verdict, Verdict::Later, "of the last one, nothing can be said now");
    assert_eq!(states(&judgement), [(2, Valid), (3, Invalid), (4, Invalid), (5, TooLate)]);
    assert_eq!(judgement.results[2].outcome, Outcome::ValidateError);
    assert_eq!((judgement.grants.len(), judgement.grants[0].credit), (1, 11.0));
    assert_eq!(judgement.workunit.transition_time, NOW as i32 + 6 * 3600);
    assert_eq!(judgement.workunit.assimilate_state, None, "not written back");
    assert_eq!(judgement.workunit.canonical_credit, 33.0);
    assert_eq!(books.host(HostId(5)).unwrap().total_credit, 0.0);

    // Trickles paid the canonical one more than it was worth: that is no measure for others.
    instances[0].paid.credit = 1.0;
    let (judgement, _) = run(&late_to(1), &instances, &evidence, CreditMode::Adaptive);
    assert_eq!(judgement.grants[0].credit, 33.0);
}

#[test]
fn a_late_result_that_cant_be_read_now_does_not_hold_up_the_others() {
    let instances = [state(1, Valid), state(2, Inconclusive), fresh(3)];
    let evidence = Evidence::Stragglers(
        [(ResultId(2), Against::Transient("away".to_owned())), (ResultId(3), Against::Pair(Pair::EQUAL))]
            .into(),
    );
    let (judgement, _) = run(&late_to(1), &instances, &evidence, CreditMode::Adaptive);
    assert_eq!(judgement.verdict, Verdict::Later);
    assert_eq!(states(&judgement), [(2, Init), (3, Valid)]);
    assert_eq!(judgement.workunit.transition_time, NOW as i32 + 6 * 3600);
}

#[test]
fn a_canonical_result_that_is_nowhere_stops_the_circle() {
    let (judgement, _) = run(&late_to(99), &[fresh(1)], &Evidence::None, CreditMode::Adaptive);
    assert_eq!(judgement.verdict, Verdict::CanonicalMissing);
    assert!(judgement.results.is_empty() && judgement.notes[0].weight == Weight::Warning);
}

#[test]
fn without_a_host_row_there_is_a_state_but_no_credit() {
    let mut instances = [fresh(1), fresh(2)];
    instances[1].row.hostid = HostId(1000);
    let (judgement, books) = run(&workunit(), &instances, &all_ok("aa"), CreditMode::Adaptive);
    assert_eq!(states(&judgement), [(1, Valid), (2, Valid)]);
    assert_eq!((judgement.grants.len(), judgement.results[1].granted_credit), (1, 0.0));
    assert_eq!(books.changes().hosts.len(), 1);

    let mut instances = [state(1, Valid), fresh(2)];
    instances[1].row.hostid = HostId(1000);
    let evidence = Evidence::Stragglers([(ResultId(2), Against::Malformed("x".to_owned()))].into());
    let (judgement, _) = run(&late_to(1), &instances, &evidence, CreditMode::Adaptive);
    assert_eq!(states(&judgement), [(2, Invalid)]);
}

#[test]
fn judging_again_pays_nothing_twice() {
    let (app, mut books) = (app(), books());
    let options = mode(&app, CreditMode::PostAssigned);
    let mut instances = [fresh(1), fresh(2)];
    let first = judge(&workunit(), &instances, &all_ok("aa"), &options, &mut books).unwrap();
    // An administrator sets the workunit back; the ledger knows what was paid.
    for (instance, grant) in instances.iter_mut().zip(&first.grants) {
        instance.paid.credit = grant.credit;
        instance.row.granted_credit = grant.credit;
        instance.row.validate_state = Valid;
    }
    let again = judge(&workunit(), &instances, &all_ok("aa"), &options, &mut books).unwrap();
    assert!(again.grants.is_empty());
    assert_eq!(books.user(UserId(3)).unwrap().total_credit, 24.0);
}

#[test]
fn evidence_that_does_not_fit_changes_nothing() {
    let (app, mut books) = (app(), books());
    let before = books.clone();
    let options = mode(&app, CreditMode::Adaptive);
    let three = [fresh(1), fresh(2), fresh(3)];
    let mut refuse =
        |wu: &Workunit, evidence: &Evidence| judge(wu, &three, evidence, &options, &mut books).unwrap_err();
    let none = JudgeError::NoEvidence { workunit: WorkunitId(5), result: ResultId(3) };
    assert_eq!(refuse(&workunit(), &all_ok("aa")), none);
    assert!(matches!(refuse(&workunit(), &Evidence::None), JudgeError::NoEvidence { .. }));
    let files = (1..=3).map(|id| (ResultId(id), FileCheck::Ok)).collect();
    let uncompared = Evidence::Set { files, agreement: None };
    assert_eq!(refuse(&workunit(), &uncompared), JudgeError::NotCompared { workunit: WorkunitId(5) });
    assert!(matches!(refuse(&late_to(1), &all_ok("aaa")), JudgeError::NoEvidence { .. }));
    assert!(matches!(
        refuse(&Workunit { id: WorkunitId(6), ..workunit() }, &all_ok("aaa")),
        JudgeError::Foreign { .. }
    ));
    assert_eq!(books, before);
}

#[test]
fn quorums_that_make_no_sense_do_not_panic() {
    for min_quorum in [-1, 0, i32::MAX] {
        let wu = Workunit { min_quorum, target_nresults: 0, ..workunit() };
        let evidence =
            Evidence::Set { files: BTreeMap::new(), agreement: Some(Agreement::exact(vec![], |_, _| true)) };
        let (judgement, _) = run(&wu, &[], &evidence, CreditMode::Adaptive);
        assert!(matches!(judgement.verdict, Verdict::TooFew | Verdict::NoConsensus));
    }
}

#[test]
fn a_host_app_version_row_is_made_even_when_results_are_too_few() {
    let (app, mut books) = (app(), books());
    let mut one = fresh(1);
    one.row.hostid = HostId(9);
    judge(&workunit(), &[one], &Evidence::None, &mode(&app, CreditMode::Adaptive), &mut books).unwrap();
    let row: &HostAppVersion = books.host_app_version(HostId(9), HostAppVersionId(1)).unwrap();
    assert_eq!((row.pfc_n, row.max_jobs_per_day), (0.0, 0));
}

mod beyond_stock;
mod revoke;
