use store::audit::Messages;

use super::*;
use crate::demo::facts::WorkunitFact;

fn run(result: i32, behaviour: Behaviour, ran: f64) -> Run {
    Run {
        result,
        name: format!("wu_{result}"),
        workunitid: 1,
        hostid: 1,
        userid: 1,
        teamid: 0,
        behaviour,
        sent: 0.0,
        ran_seconds: ran,
        highest_claim: ran,
        jobs: None,
        reported: Some(1.0),
        flops_estimate: 1e9,
    }
}

fn fact(end: End, paid: f64) -> ResultFact {
    ResultFact { end, away: Some(110.0), elapsed: 100.0, paid_seconds: paid, credit: paid / 10.0 }
}

/// A good result, a wrong one, and one that claims four times the 100 s that it ran.
fn world() -> (Books, Facts, Audit) {
    let books = Books {
        runs: vec![
            run(1, Behaviour::Good, 100.0),
            run(2, Behaviour::Wrong, 100.0),
            Run { highest_claim: 400.0, ..run(3, Behaviour::OverClaimed, 100.0) },
        ],
        trickles: [(Fate::NewUptime, 5), (Fate::Empty, 1)].into(),
    };
    let facts = Facts {
        results: [(1, fact(End::Valid, 100.0)), (2, fact(End::Invalid, 60.0)), (3, fact(End::Valid, 110.0))]
            .into(),
        ..Facts::default()
    };
    let audit = Audit {
        messages: Messages {
            stored: 6,
            waiting: 0,
            handled: 6,
            counted: 5,
            reported: 0,
            paid: 5,
            disallowed: 0,
            paid_in_part: 0,
            set_aside: 1,
            ..Messages::default()
        },
        ..Audit::default()
    };
    (books, facts, audit)
}

impl Facts {
    fn end(&mut self, result: i32, end: End, paid: f64) {
        self.results.insert(result, fact(end, paid));
    }
}

#[test]
fn a_world_in_order_has_nothing_off() {
    let (books, facts, audit) = world();
    for finding in findings(&books, &facts, &audit) {
        assert!(finding.ok, "{finding:?}");
    }
}

#[test]
fn each_fault_is_found() {
    type Break = fn(&mut Books, &mut Facts, &mut Audit);
    let faults: [(Break, &str); 9] = [
        (|_, _, a| a.messages.stored = 5, "6 were sent, 5 are stored"),
        (|_, _, a| a.messages.waiting = 1, "1 were never handled"),
        (|_, _, a| a.messages.counted = 4, "6 handled, 5 accounted for"),
        (|_, _, a| (a.messages.counted, a.messages.set_aside) = (4, 2), "only 1 were malformed"),
        (|_, f, _| f.end(1, End::Valid, 105.0), "wu_1: ran 100 s, paid 105 s"),
        (|_, f, _| f.end(3, End::Valid, 120.0), "wu_3: paid 120 s"),
        (|_, f, _| f.end(1, End::Valid, 90.0), "wu_1: reported 100 s, paid 90 s"),
        (|_, f, _| f.end(2, End::Valid, 100.0), "wu_2"),
        (|_, f, _| f.end(1, End::Invalid, 100.0), "wu_1: invalid"),
    ];
    for (fault, words) in faults {
        let (mut books, mut facts, mut audit) = world();
        fault(&mut books, &mut facts, &mut audit);
        let off: Vec<Finding> =
            findings(&books, &facts, &audit).into_iter().filter(|finding| !finding.ok).collect();
        assert_eq!(off.len(), 1, "{words}: {off:?}");
        assert!(off[0].details.iter().any(|detail| detail.contains(words)), "{words}: {off:?}");
    }
}

#[test]
fn lines_add_up() {
    let (books, facts, _) = world();
    let lines = by_behaviour(&books, &facts);
    assert_eq!(lines[&Behaviour::OverClaimed].claimed, 400.0);
    let all = sum(lines.values());
    assert_eq!((all.sent, all.ran, all.claimed, all.paid), (3, 300.0, 600.0, 270.0));
    assert_eq!(all.ends, [(End::Valid, 2), (End::Invalid, 1)].into());
}

#[test]
fn each_workunit_stands_in_the_dataset_once() {
    let fact = |validated, error_mask| WorkunitFact { validated, assimilated: true, error_mask };
    let facts = Facts {
        workunits: [(1, fact(true, 0)), (2, fact(false, 2)), (3, fact(true, 2))].into(),
        ..Facts::default()
    };
    let data = |results: &[i32], failures: &[i32], repeated| Dataset {
        workunits: results.iter().copied().collect(),
        failures: failures.iter().copied().collect(),
        repeated,
        ..Dataset::default()
    };
    for right in [data(&[1, 3], &[2], 0), data(&[1], &[2, 3], 0)] {
        assert!(dataset(&facts, &right).ok);
    }
    for (wrong, words) in [
        (data(&[1], &[2], 0), "workunit 3, error_mask 2, is not in the dataset"),
        (data(&[3], &[1, 2], 0), "workunit 1, error_mask 0, is among the failures"),
        (data(&[1, 2, 3], &[], 0), "workunit 2, error_mask 2, is among the results"),
        (data(&[1, 3], &[2], 1), "1 rows are for a workunit that has one already"),
        (data(&[1, 3, 4], &[2], 0), "1 workunits in the dataset don't exist"),
    ] {
        let found = dataset(&facts, &wrong);
        assert!(!found.ok && found.details == [words], "{found:?}");
    }
}
