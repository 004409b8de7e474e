use store::audit::owners::{Book, BookSum};
use store::audit::rows::{BadAverage, BadEntry, Overpaid, Pair};

use super::owners::Off;
use super::*;

fn audit() -> Audit {
    let sum = BookSum { rows: 3, gained: 12.5, ledger: 12.5 };
    Audit {
        time: 1_800_000_000.0,
        totals: Book::ALL.into_iter().map(|book| (book, sum)).collect(),
        kinds: vec![KindSum { kind: "uptime".to_owned(), rows: 7, seconds: 7200.0, credit: 12.5 }],
        messages: Messages {
            stored: 20,
            waiting: 2,
            handled: 18,
            counted: 15,
            paid: 7,
            disallowed: 3,
            paid_in_part: 2,
            set_aside: 3,
            ..Messages::default()
        },
        set_aside: vec![("no such result".to_owned(), 3)],
        ..Audit::default()
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
fn an_empty_project_has_no_negative_zero() {
    let mut audit = Audit::default();
    let sum = BookSum { rows: 0, gained: -0.0, ledger: -0.0 };
    audit.totals = Book::ALL.into_iter().map(|book| (book, sum)).collect();
    let text = format!("{}{}{:#}", audit.tables(), audit.verdict(), audit.to_json());
    assert!(!text.contains("-0"), "{text}");
    assert!(audit.is_ok());
}

#[test]
fn each_fault_is_found_and_named() {
    let pair = Pair { id: 4711, left: 2.0, right: 1.0 };
    let entry =
        BadEntry { id: 4711, kind: "uptime".to_owned(), seconds: 1.0, flops: 1e9, credit: 2.0, wanted: 1.0 };
    let overpaid = Overpaid {
        id: 4711,
        paid: 9.0,
        wall_clock: 8.0,
        reported: -1.0,
        before_report: 0.0,
        lifetime: -1.0,
        accepted: 0.0,
    };
    type Break<'a> = &'a dyn Fn(&mut Audit);
    let off = |book| {
        let why = "gained too much".to_owned();
        move |a: &mut Audit| {
            a.explained.off.push(Off { book, id: 4711, app: 3, amount: 1.0, why: why.clone() });
        }
    };
    let (host, by_app) = (off(Book::Host), off(Book::CreditTeam));
    let faults: [(Break<'_>, &str); 16] = [
        (&host, "host 4711 gained too much"),
        (&by_app, "credit_team 4711 of application 3 gained too much"),
        (
            &|a| a.bad_entries = vec![entry.clone()],
            "ledger row 4711 (uptime): 1 s at 1000000000 FLOPS, credit 2; 1 would",
        ),
        (&|a| a.nameless = vec![entry.clone()], "ledger row 4711 pays 2 and names no message"),
        (&|a| a.marks_off = vec![pair.clone()], "result 4711: mark 2.000000, ledger 1.000000"),
        (
            &|a| a.marks_behind = vec![pair.clone()],
            "result 4711: seconds in its mark 2.000, in the ledger 1.000",
        ),
        (&|a| a.control.rows = -1, "0 rows with 0.000000 were written, and -1 rows with 0.000000 are there"),
        (&|a| a.granted_off = vec![pair.clone()], "result 4711: granted_credit 2.000000, ledger 1.000000"),
        (&|a| a.overpaid = vec![overpaid.clone()], "result 4711: possible 8.000 s (wall clock from"),
        (
            &|a| a.overpaid = vec![Overpaid { reported: 5.0, before_report: 3.0, ..overpaid.clone() }],
            "possible 5.000 s (its reported elapsed_time)",
        ),
        (
            &|a| a.overpaid = vec![Overpaid { lifetime: 5.0, ..overpaid.clone() }],
            "possible 5.000 s (max_lifetime_seconds",
        ),
        (&|a| a.paid_twice = 2, "2 messages have more than one payment"),
        (&|a| a.too_often = vec![pair.clone()], "result 4711: messages 2, payments 1"),
        (&|a| a.messages.handled += 1, "1 handled messages are neither counted nor set aside"),
        (&|a| a.messages.handled -= 5, "5 messages were counted more than once, or deleted after"),
        (
            &|a| {
                a.averages.insert(Book::User, vec![BadAverage { id: 4711, average: -1.0, time: 0.0 }]);
            },
            "user 4711: -1 at 1970-01-01",
        ),
    ];
    for (fault, words) in faults {
        let mut audit = audit();
        fault(&mut audit);
        assert!(!audit.is_ok(), "{words}");
        let verdict = audit.verdict();
        assert!(verdict.contains(words) && verdict.contains("DO NOT BALANCE: 1 of 13"), "{verdict}");
        assert_eq!(audit.to_json()["ok"], false);
    }
}

#[test]
fn messages_that_are_gone_are_told_apart() {
    let mut audit = audit();
    audit.messages.stored -= 5;
    audit.messages.purged = 5;
    assert!(audit.is_ok());
    assert!(audit.verdict().contains("5 were purged"));
    assert!(audit.tables().contains("stored, and 5 purged since"));
    audit.messages.handled -= 3;
    audit.messages.of_deleted_hosts = 3;
    assert!(audit.is_ok());
    assert!(audit.verdict().contains("3 messages went with hosts that were deleted"));
    audit.messages.handled -= 1;
    assert!(!audit.is_ok());
    audit.accepted.push(Accepted {
        time: 0.0,
        kind: "messages".to_owned(),
        owner: 0,
        appid: 0,
        amount: -4.0,
        reason: "deleted by hand".to_owned(),
    });
    assert!(audit.is_ok());
    assert!(audit.verdict().contains("messages:0 -4.000000: deleted by hand"));
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
    let mut audit = audit();
    audit.marks_off = (0..20).map(|id| Pair { id, left: 0.0, right: 1.0 }).collect();
    let finding = audit.findings().into_iter().find(|finding| !finding.ok).unwrap();
    assert_eq!(finding.details.len(), 6);
    assert!(finding.details[5].contains("at least 15 more"));
}
