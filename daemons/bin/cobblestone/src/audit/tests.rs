use super::*;

fn audit() -> Audit {
    let sum = TotalsCheck { rows: 3, gained: 12.5, ledger: 12.5, off: 0 };
    Audit {
        time: 1_800_000_000.0,
        totals: Owner::ALL.into_iter().map(|owner| (owner, sum.clone(), Vec::new())).collect(),
        kinds: vec![KindSum { kind: "uptime".to_owned(), rows: 7, seconds: 7200.0, credit: 12.5 }],
        marks_off: Vec::new(),
        overpaid: Vec::new(),
        paid_twice: 0,
        messages: Messages {
            stored: 20,
            waiting: 2,
            handled: 18,
            counted: 15,
            reported: 0,
            paid: 7,
            disallowed: 3,
            paid_in_part: 2,
            set_aside: 3,
        },
        set_aside: vec![("no such result".to_owned(), 3)],
    }
}

#[test]
fn balanced_books_say_so_and_fates_add_up() {
    let audit = audit();
    assert!(audit.is_ok());
    assert!(audit.verdict().ends_with("The books balance."));
    assert_eq!(audit.nothing_new(), 7);
    let m = &audit.messages;
    let parts = (m.paid - m.paid_in_part)
        + audit.nothing_new()
        + m.paid_in_part
        + (m.disallowed - m.paid_in_part)
        + m.set_aside
        + m.waiting;
    assert_eq!(parts, m.stored);
    assert!(audit.tables().contains("set aside: no such result"));
    assert_eq!(audit.to_json()["ok"], true);
}

#[test]
fn each_fault_is_found_and_named() {
    let off = Off { id: 4711, gained: 2.0, ledger: 1.0 };
    type Break = fn(&mut Audit, Off);
    let faults: [(Break, &str); 6] = [
        (
            |a, off| {
                a.totals[1].1.off = 9;
                a.totals[1].2 = vec![off];
            },
            "user 4711: gained 2.000000, the ledger says 1.000000",
        ),
        (|a, off| a.marks_off = vec![off], "result 4711: mark 2.000000, ledger 1.000000"),
        (|a, off| a.overpaid = vec![off], "result 4711: possible 2, paid 1"),
        (|a, _| a.paid_twice = 2, "2 messages have more than one payment"),
        (|a, _| a.messages.handled += 1, "1 handled messages are neither counted nor set aside"),
        (|a, _| a.messages.set_aside -= 3, "3 handled messages are neither"),
    ];
    for (fault, words) in faults {
        let mut audit = audit();
        fault(&mut audit, off.clone());
        assert!(!audit.is_ok(), "{words}");
        let verdict = audit.verdict();
        assert!(verdict.contains(words) && verdict.contains("DO NOT BALANCE: 1 of 7"), "{verdict}");
        assert_eq!(audit.to_json()["ok"], false);
    }
}

#[test]
fn messages_deleted_after_they_were_handled_are_no_fault() {
    let mut audit = audit();
    audit.messages.handled -= 5;
    audit.messages.stored -= 5;
    assert!(audit.is_ok());
    assert!(audit.verdict().contains("5 messages that were handled are not in msg_from_host any more"));
}

#[test]
fn reasons_are_merged_by_kind() {
    let merged = by_kind(vec![
        ("<cpu_time> is -5.0, which is negative".to_owned(), 2),
        ("no such result".to_owned(), 4),
        ("<cpu_time> is -7.5, which is negative".to_owned(), 3),
    ]);
    assert_eq!(merged[0], ("<cpu_time> is N, which is negative".to_owned(), 5));
    assert_eq!(merged[1].1, 4);
}

#[test]
fn many_that_are_off_are_cut_short() {
    let off: Vec<Off> = (0..20).map(|id| Off { id, gained: 0.0, ledger: 1.0 }).collect();
    let lines = examples(&off, 100, "host ", "a", "b", 0);
    assert_eq!(lines.len(), 6);
    assert!(lines[5].contains("at least 95 more"));
}
