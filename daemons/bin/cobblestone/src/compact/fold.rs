//! Which old rows are folded into one, and what that one says. Pure.
//!
//! Invariant: sums of seconds, credit, messages and rows are the same before and after, by every column that the audit
//! asks by; a folded row's arithmetic holds as that of its parts did. What the audit would find off stays as it is.

use std::collections::BTreeMap;

use boinc::ledger::LedgerKind;
use rules::credit::cobblestones;
use store::compact::{OldDisallowed, OldRow};

use crate::text::date;

/// Relative difference that rounding may make.
const ROUNDING: f64 = 1e-9;

/// Rows to be replaced by one.
#[derive(Debug, Clone, PartialEq)]
pub struct Fold<Row> {
    /// Ids of the rows.
    pub ids: Vec<i64>,
    /// What stands for them.
    pub row: Row,
}

/// Rows with equal keys are folded together.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    kind: String,
    ids: [i32; 9],
    rule_version: i32,
    after_report: i32,
    timed: bool,
}

/// The key of a ledger row; None when it is to stay as it is: a person's adjustment, whose reason counts; a row whose
/// message could be paid again without it; one that the audit finds off.
pub fn key(row: &OldRow) -> Option<Key> {
    let uptime = row.kind == LedgerKind::Uptime.as_str();
    let nameless = uptime && row.messageid.is_none() && row.rows_folded < 2;
    if row.replaceable == 0 || row.kind == LedgerKind::Adjustment.as_str() || nameless || !is_sound(row) {
        return None;
    }
    Some(Key {
        kind: row.kind.clone(),
        ids: [
            row.resultid,
            row.workunitid,
            row.hostid,
            row.userid,
            row.teamid,
            row.appid,
            row.by_app,
            row.app_userid,
            row.app_teamid,
        ],
        rule_version: row.rule_version,
        after_report: row.after_report,
        timed: is_timed(row),
    })
}

/// Whether its credit comes from seconds and FLOPS.
fn is_timed(row: &OldRow) -> bool {
    row.flops > 0.0 && row.seconds != 0.0
}

/// The same that the audit asks.
fn is_sound(row: &OldRow) -> bool {
    let wanted = cobblestones(row.seconds * row.flops);
    let uptime = row.kind == LedgerKind::Uptime.as_str();
    let sign = match row.kind.as_str() {
        "revocation" => row.credit <= 0.0,
        "adjustment" => true,
        _ => row.credit >= 0.0,
    };
    let fits = (row.credit - wanted).abs() <= ROUNDING * row.credit.abs().max(wanted.abs());
    sign && (fits || !(uptime || is_timed(row)))
}

/// What to fold of some rows of the ledger.
pub fn fold(rows: &[OldRow]) -> Vec<Fold<OldRow>> {
    let mut groups: BTreeMap<Key, Vec<&OldRow>> = BTreeMap::new();
    for row in rows {
        if let Some(key) = key(row) {
            groups.entry(key).or_default().push(row);
        }
    }
    groups
        .into_iter()
        .filter_map(|(key, rows)| {
            let (first, others) = rows.split_first()?;
            (!others.is_empty())
                .then(|| Fold { ids: rows.iter().map(|row| row.id).collect(), row: sum(&key, first, &rows) })
        })
        .collect()
}

fn sum(key: &Key, first: &OldRow, rows: &[&OldRow]) -> OldRow {
    let add = |value: fn(&OldRow) -> f64| rows.iter().map(|row| value(row)).sum::<f64>();
    let count = |value: fn(&OldRow) -> i32| rows.iter().map(|row| value(row)).fold(0, i32::saturating_add);
    let seconds = add(|row| row.seconds);
    let credit = add(|row| row.credit);
    let flops = if !key.timed {
        0.0
    } else if rows.iter().all(|row| row.flops == first.flops) {
        first.flops
    } else {
        credit / cobblestones(seconds)
    };
    let since = rows.iter().map(|row| row.since).fold(f64::INFINITY, f64::min);
    let time = rows.iter().map(|row| row.time).fold(f64::NEG_INFINITY, f64::max);
    let all = count(|row| row.rows_folded);
    OldRow {
        id: 0,
        time,
        since,
        messageid: None,
        seconds,
        flops,
        credit,
        reason: format!("{all} rows of {} to {} folded: {}", date(since), date(time), what(rows)),
        messages: count(|row| row.messages),
        rows_folded: all,
        ..(*first).clone()
    }
}

/// The reason that they share, or the last of several.
fn what(rows: &[&OldRow]) -> String {
    let own = |row: &OldRow| {
        let reason = row.reason.split_once(" folded: ").filter(|_| row.rows_folded > 1);
        reason.map_or(row.reason.clone(), |(_, own)| own.to_owned())
    };
    let last = rows.iter().max_by(|a, b| a.time.total_cmp(&b.time).then(a.id.cmp(&b.id)));
    let reason = last.map(|row| own(row)).unwrap_or_default();
    let same = rows.iter().all(|row| own(row) == reason);
    if same { reason } else { format!("the last was {}", reason.trim_start_matches("the last was ")) }
}

/// What to fold of some rows of `cobblestone_disallowed`: by result, host, application and reason.
pub fn fold_disallowed(rows: &[OldDisallowed]) -> Vec<Fold<OldDisallowed>> {
    let mut groups: BTreeMap<_, Vec<&OldDisallowed>> = BTreeMap::new();
    for row in rows.iter().filter(|row| row.replaceable != 0) {
        groups.entry((row.resultid, row.hostid, row.appid, row.reason.as_str())).or_default().push(row);
    }
    groups
        .into_values()
        .filter_map(|rows| {
            let (first, others) = rows.split_first()?;
            let count = |value: fn(&OldDisallowed) -> i32| {
                rows.iter().map(|row| value(row)).fold(0, i32::saturating_add)
            };
            let row = OldDisallowed {
                id: 0,
                claimed: rows.iter().map(|row| row.claimed).sum(),
                allowed: rows.iter().map(|row| row.allowed).sum(),
                time: rows.iter().map(|row| row.time).fold(f64::NEG_INFINITY, f64::max),
                since: rows.iter().map(|row| row.since).fold(f64::INFINITY, f64::min),
                messages: count(|row| row.messages),
                paid_in_part: count(|row| row.paid_in_part),
                ..(*first).clone()
            };
            (!others.is_empty()).then(|| Fold { ids: rows.iter().map(|row| row.id).collect(), row })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(id: i64, seconds: f64, flops: f64) -> OldRow {
        OldRow {
            id,
            time: 1000.0 + id as f64,
            since: 1000.0 + id as f64,
            kind: "uptime".to_owned(),
            messageid: Some(id as i32),
            resultid: 7,
            workunitid: 6,
            hostid: 5,
            userid: 4,
            teamid: 3,
            appid: 1,
            seconds,
            flops,
            credit: cobblestones(seconds * flops),
            rule_version: 1,
            reason: format!("uptime up to {} s", id * 600),
            messages: 1,
            rows_folded: 1,
            by_app: 0,
            app_userid: 0,
            app_teamid: 0,
            replaceable: 1,
            after_report: 0,
        }
    }

    fn final_row(id: i64, credit: f64) -> OldRow {
        OldRow { kind: "final".to_owned(), messageid: None, messages: 0, credit, ..row(id, 0.0, 0.0) }
    }

    #[test]
    fn sums_and_arithmetic_stay() {
        let rows = [
            row(1, 600.0, 8e9),
            row(2, 300.0, 8e9),
            row(3, 900.0, 4e9),
            final_row(4, 3.0),
            final_row(5, 4.0),
        ];
        let folds = fold(&rows);
        assert_eq!(folds.len(), 2);
        let uptime = &folds[1];
        assert_eq!(uptime.ids, [1, 2, 3]);
        let sum = &uptime.row;
        assert_eq!((sum.seconds, sum.messages, sum.rows_folded, sum.messageid), (1800.0, 3, 3, None));
        assert_eq!((sum.since, sum.time), (1001.0, 1003.0));
        assert!((sum.credit - cobblestones(sum.seconds * sum.flops)).abs() < 1e-12);
        assert!(
            sum.reason.contains("3 rows") && sum.reason.ends_with("the last was uptime up to 1800 s"),
            "{}",
            sum.reason
        );
        assert_eq!((folds[0].row.credit, folds[0].row.seconds, folds[0].row.messages), (7.0, 0.0, 0));
        // Again, with what came later.
        let again = fold(&[OldRow { id: 9, ..sum.clone() }, row(10, 60.0, 8e9)]);
        assert_eq!((again[0].row.rows_folded, again[0].row.messages, again[0].row.since), (4, 4, 1001.0));
        assert!(
            again[0].row.reason.ends_with("folded: the last was uptime up to 6000 s"),
            "{}",
            again[0].row.reason
        );
        // Alone, it stays.
        assert!(fold(&[OldRow { id: 9, ..sum.clone() }]).is_empty());
        assert_eq!(fold(&[row(1, 60.0, 8e9), row(2, 60.0, 8e9)])[0].row.flops, 8e9);
    }

    #[test]
    fn what_differs_is_not_mixed() {
        let other = [
            OldRow { kind: "revocation".to_owned(), credit: -1.0, ..row(2, 0.0, 0.0) },
            OldRow { resultid: 8, ..row(2, 600.0, 8e9) },
            OldRow { workunitid: 8, ..row(2, 600.0, 8e9) },
            OldRow { hostid: 8, ..row(2, 600.0, 8e9) },
            OldRow { userid: 8, ..row(2, 600.0, 8e9) },
            OldRow { teamid: 8, ..row(2, 600.0, 8e9) },
            OldRow { appid: 8, ..row(2, 600.0, 8e9) },
            OldRow { by_app: 1, ..row(2, 600.0, 8e9) },
            OldRow { app_userid: 8, ..row(2, 600.0, 8e9) },
            OldRow { app_teamid: 8, ..row(2, 600.0, 8e9) },
            OldRow { rule_version: 2, ..row(2, 600.0, 8e9) },
            OldRow { after_report: 1, ..row(2, 600.0, 8e9) },
            row(2, 0.0, 0.0),
        ];
        for other in other {
            assert!(fold(&[row(1, 600.0, 8e9), other.clone()]).is_empty(), "{other:?}");
        }
    }

    #[test]
    fn what_must_stay_stays() {
        let stay = [
            OldRow { replaceable: 0, ..row(1, 600.0, 8e9) },
            OldRow { kind: "adjustment".to_owned(), ..row(1, 600.0, 8e9) },
            OldRow { messageid: None, ..row(1, 600.0, 8e9) },
            OldRow { credit: 99.0, ..row(1, 600.0, 8e9) },
            OldRow { credit: -cobblestones(600.0 * 8e9), seconds: -600.0, ..row(1, 600.0, 8e9) },
        ];
        for row in stay {
            assert!(fold(&[row.clone(), OldRow { id: 2, ..row.clone() }]).is_empty(), "{row:?}");
        }
    }

    #[test]
    fn disallowed_rows_add_up_by_reason() {
        let row = |id, reason: &str| OldDisallowed {
            id,
            resultid: 7,
            hostid: 5,
            appid: 1,
            claimed: 100.0,
            allowed: 60.0,
            reason: reason.to_owned(),
            time: id as f64,
            since: id as f64,
            messages: 1,
            paid_in_part: 1,
            replaceable: 1,
        };
        let held = OldDisallowed { replaceable: 0, ..row(4, "a") };
        let folds = fold_disallowed(&[row(1, "a"), row(2, "b"), row(3, "a"), held]);
        assert_eq!(folds.len(), 1);
        assert_eq!(folds[0].ids, [1, 3]);
        let sum = &folds[0].row;
        assert_eq!((sum.claimed, sum.allowed, sum.messages, sum.paid_in_part), (200.0, 120.0, 2, 2));
        assert_eq!((sum.since, sum.time), (1.0, 3.0));
    }
}
