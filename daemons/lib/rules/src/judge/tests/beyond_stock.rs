//! Where stock is wrong: who confirms whom, suspicious results, results that come too late; and what is told.

use boinc::verdict::Decision;

use super::*;

fn suspicious() -> FileCheck {
    FileCheck::Suspicious("host is flagged".to_owned())
}

#[test]
fn two_results_of_one_user_do_not_confirm_each_other_where_declared() {
    let (app, mut stock, mut strict) = (app(), books(), books());
    let two = [fresh(1), fresh(2)];
    let options = mode(&app, CreditMode::PostAssigned);
    let judgement = judge(&workunit(), &two, &all_ok("aa"), &options, &mut stock).unwrap();
    assert_eq!(judgement.verdict, Verdict::Canonical(ResultId(1)));

    let users = Options { independence: Independence::Users, ..options.clone() };
    let judgement = judge(&workunit(), &two, &all_ok("aa"), &users, &mut strict).unwrap();
    assert_eq!(judgement.verdict, Verdict::NoConsensus);
    assert_eq!(states(&judgement), [(1, Inconclusive), (2, Inconclusive)]);
    assert_eq!(judgement.workunit.target_nresults, 3, "another user is asked");
    assert_eq!(judgement.told[0].reason, "no quorum: 0 confirm it, 1 must");

    // Two hosts of one user, where hosts count.
    let hosts = Options { independence: Independence::Hosts, ..options };
    let judgement = judge(&workunit(), &two, &all_ok("aa"), &hosts, &mut strict).unwrap();
    assert_eq!(judgement.verdict, Verdict::Canonical(ResultId(1)));

    // A third result, of somebody else: all of them are valid.
    let mut three = [state(1, Inconclusive), state(2, Inconclusive), fresh(3)];
    three[2].row.userid = boinc::id::UserId(4);
    let judgement = judge(&workunit(), &three, &all_ok("aaa"), &users, &mut strict).unwrap();
    assert_eq!(states(&judgement), [(1, Valid), (2, Valid), (3, Valid)]);
}

#[test]
fn a_suspicious_result_raises_the_quorum_for_good() {
    // Adaptive replication: a trusted host got the only instance.
    let app = App { target_nresults: 2, ..app() };
    let alone = Workunit { min_quorum: 1, target_nresults: 1, ..workunit() };
    let options = mode(&app, CreditMode::PostAssigned);
    let judgement =
        judge(&alone, &[fresh(1)], &set(&[(1, FileCheck::Ok)], "a"), &options, &mut books()).unwrap();
    assert_eq!((judgement.verdict, judgement.workunit.min_quorum), (Verdict::Canonical(ResultId(1)), None));

    let odd = set(&[(1, suspicious())], "a");
    let judgement = judge(&alone, &[fresh(1)], &odd, &options, &mut books()).unwrap();
    assert_eq!(judgement.verdict, Verdict::NoConsensus);
    let change = &judgement.workunit;
    assert_eq!((change.min_quorum, change.target_nresults), (Some(2), 2));
    assert_eq!(change.transition_time, NOW as i32);
    assert_eq!(states(&judgement), [(1, Inconclusive)]);
    assert!(judgement.told[0].reason.ends_with("suspicious: host is flagged"), "{:?}", judgement.told);

    // The second one agrees; the first is canonical only if there is no other.
    let raised = Workunit { min_quorum: 2, target_nresults: 2, ..workunit() };
    let both = set(&[(1, suspicious()), (2, FileCheck::Ok)], "aa");
    let judgement =
        judge(&raised, &[state(1, Inconclusive), fresh(2)], &both, &options, &mut books()).unwrap();
    assert_eq!(judgement.verdict, Verdict::Canonical(ResultId(2)));
    assert_eq!(states(&judgement), [(1, Valid), (2, Valid)]);
    assert_eq!(judgement.workunit.min_quorum, None, "it was raised before");

    // More can be asked for; it is never lowered.
    let more = Options { suspicious_quorum: 3, ..options.clone() };
    let judgement = judge(&raised, &[fresh(1), fresh(2)], &both, &more, &mut books()).unwrap();
    assert_eq!((judgement.verdict, judgement.quorum), (Verdict::NoConsensus, 3));
    assert_eq!(judgement.workunit.target_nresults, 3);
    let fewer = Options { suspicious_quorum: 1, ..options };
    let judgement = judge(&raised, &[fresh(1), fresh(2)], &both, &fewer, &mut books()).unwrap();
    assert_eq!((judgement.workunit.min_quorum, judgement.quorum), (None, 2));
}

#[test]
fn a_late_result_that_cant_be_compared_is_paid_as_declared() {
    let mut instances = [state(1, Valid), fresh(2)];
    instances[0].row.granted_credit = 11.0;
    let gone = Against::CanonicalGone("deleted".to_owned());
    let evidence = Evidence::Stragglers([(ResultId(2), gone)].into());
    let app = app();
    for (pay_too_late, credit) in [(false, 0.0), (true, 11.0)] {
        let options = Options { pay_too_late, ..mode(&app, CreditMode::Adaptive) };
        let mut books = books();
        let judgement = judge(&late_to(1), &instances, &evidence, &options, &mut books).unwrap();
        assert_eq!(states(&judgement), [(2, TooLate)]);
        assert_eq!(judgement.results[0].granted_credit, credit);
        assert_eq!(judgement.grants.len(), usize::from(pay_too_late));
        assert_eq!(books.host(HostId(2)).unwrap().total_credit, credit);
        assert_eq!((judgement.told[0].decision, judgement.told[0].credit), (Decision::TooLate, credit));
        let statistics = books.host_app_version(HostId(2), HostAppVersionId(1)).unwrap();
        assert_eq!((statistics.consecutive_valid, statistics.pfc_n), (0, 0.0), "nothing is known of it");
    }
}

#[test]
fn every_result_is_told_with_its_reason_and_formula() {
    let mut instances = [fresh(1), fresh(2), fresh(3), fresh(4), unsent(5)];
    instances[1].paid.credit = 1e9;
    let evidence = set(
        &[
            (1, FileCheck::Ok),
            (2, FileCheck::Ok),
            (3, FileCheck::Ok),
            (4, FileCheck::Malformed("no file".to_owned())),
        ],
        "aab",
    );
    let (judgement, _) = run(&workunit(), &instances, &evidence, CreditMode::PostAssigned);
    let told: Vec<(i32, Decision, &str)> =
        judgement.told.iter().map(|told| (told.id.0, told.decision, told.reason.as_str())).collect();
    assert_eq!(
        told,
        [
            (1, Decision::Valid, "canonical: agrees with 1 other results"),
            (2, Decision::Valid, "agrees with the canonical result"),
            (3, Decision::Invalid, "differs from the canonical result"),
            (4, Decision::Error, "output unusable: no file"),
        ]
    );
    let formulas: Vec<&str> = judgement.told.iter().map(|told| told.formula.as_str()).collect();
    assert_eq!(
        formulas[0], "post_assigned: claimed_credit of the canonical result; worth 12.000000",
        "as the ledger has it"
    );
    assert!(formulas[1].ends_with("; 1000000000.000000 paid before"), "{formulas:?}");
    assert_eq!(formulas[2..], ["", ""]);
    assert_eq!(judgement.told[0].credit, 12.0);

    let chain = |i: usize, j: usize| if i.abs_diff(j) < 2 { Pair::EQUAL } else { Pair::Differs };
    let files = (1..=4).map(|id| (ResultId(id), FileCheck::Ok)).collect();
    let ids = (1..=4).map(ResultId).collect();
    let evidence = Evidence::Set { files, agreement: Some(Agreement::fuzzy(ids, chain)) };
    let (judgement, _) =
        run(&workunit(), &[fresh(1), fresh(2), fresh(3), fresh(4)], &evidence, CreditMode::PostAssigned);
    assert_eq!(judgement.verdict, Verdict::Canonical(ResultId(2)));
    assert!(judgement.told[3].reason.contains("(a chain)"), "{:?}", judgement.told);
    assert!(judgement.notes.iter().any(|note| note.text.starts_with("agreement is a chain")));
}

#[test]
fn a_result_that_differs_from_itself_is_told_so() {
    let (app, alone) = (app(), Workunit { min_quorum: 1, target_nresults: 1, ..workunit() });
    let agreement = Agreement::fuzzy(vec![ResultId(1)], |_, _| Pair::Differs);
    let files = [(ResultId(1), FileCheck::Ok)].into();
    let odd = Evidence::Set { files, agreement: Some(agreement) };
    let options = mode(&app, CreditMode::PostAssigned);
    let judgement = judge(&alone, &[fresh(1)], &odd, &options, &mut books()).unwrap();
    assert_eq!(judgement.verdict, Verdict::NoConsensus);
    assert_eq!(judgement.told[0].reason, "no quorum: it does not agree with itself");
}
