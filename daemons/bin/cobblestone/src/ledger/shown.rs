//! The ledger as a table for people. Names and reasons hold strangers' text: they are escaped and cut.

use std::fmt::Write as _;

use boinc::printable::printable;
use store::host_accounts::Flag;
use store::ledger_view::{By, LedgerRow, Sum};

use super::Names;
use super::machine::day_text;
use crate::table::Table;
use crate::text::{date, hours};

/// Characters of a reason or a name that are shown.
const SHOWN: usize = 120;

/// Ids are not looked up: what they stood for may be purged.
const NONE: &str =
    "no such row is in the ledger (an id that was asked for may never have been paid, or not exist)\n";

/// Rows, and the sum of all that there are.
pub(super) fn rows(rows: &[LedgerRow], all: &Sum, names: &Names) -> String {
    if rows.is_empty() {
        return NONE.to_owned();
    }
    let mut text = String::new();
    let shown = i64::try_from(rows.len()).unwrap_or(i64::MAX);
    if all.rows > shown {
        let _ = writeln!(text, "… {} more before these; --limit shows them", all.rows - shown);
    }
    let head = ["time (UTC)", "kind", "app", "user", "host", "result", "hours", "cobblestones", "reason"];
    let mut table = Table::new(head).left(&[1, 2, 8]).uncut_last();
    for row in rows {
        table.row([
            date(row.time),
            printable(&row.kind, 16),
            printable(names.app(row.appid), 30),
            id(row.userid),
            id(row.hostid),
            id(row.resultid),
            format!("{:.3}", row.seconds / 3600.0),
            format!("{:.6}", row.credit),
            reason(row),
        ]);
    }
    table.sum([
        format!("all {} rows", all.rows),
        String::new(),
        String::new(),
        String::new(),
        String::new(),
        String::new(),
        format!("{:.3}", all.seconds / 3600.0),
        format!("{:.6}", all.credit),
    ]);
    text.push_str(&table.text(""));
    text
}

/// Sums, of which there are `groups`, and the sum of all.
pub(super) fn sums(by: By, sums: &[Sum], groups: i64, all: &Sum) -> String {
    if sums.is_empty() {
        return NONE.to_owned();
    }
    let named = matches!(by, By::Result | By::User | By::Team | By::App);
    let mut head = vec![by.as_str(), "rows", "hours", "cobblestones"];
    head.extend(named.then_some("name"));
    let mut table = Table::new(head).left(&[4]).uncut_last();
    for sum in sums {
        let key = match by {
            By::Day => day_text(sum.key),
            By::Kind => printable(sum.name.as_deref().unwrap_or(""), 16),
            _ if sum.key == 0 => "none".to_owned(),
            _ => sum.key.to_string(),
        };
        let mut cells = vec![key, sum.rows.to_string(), hours(sum.seconds), format!("{:.6}", sum.credit)];
        cells.extend(named.then(|| printable(sum.name.as_deref().unwrap_or("-"), SHOWN)));
        table.row(cells);
    }
    table.sum(["all".to_owned(), all.rows.to_string(), hours(all.seconds), format!("{:.6}", all.credit)]);
    let mut text = table.text("");
    let shown = i64::try_from(sums.len()).unwrap_or(i64::MAX);
    if groups > shown {
        let _ = writeln!(text, "… {} more; --limit shows them", groups - shown);
    }
    text
}

fn reason(row: &LedgerRow) -> String {
    // That of a folded row says how many it was, and of what time.
    printable(&row.reason, SHOWN)
}

/// Over-claims of a host that is flagged for them; empty if it is not.
pub(super) fn flags(flags: &[Flag], names: &Names) -> String {
    let mut text = String::new();
    for flag in flags.iter().filter(|flag| flag.flagged > 0.0) {
        let _ = writeln!(
            text,
            "host {} is flagged since {} UTC: {} messages to {} claimed more than was possible",
            flag.host,
            date(flag.flagged),
            flag.over_claims,
            match names.app(flag.app.0) {
                "" => "no application".to_owned(),
                name => printable(name, 30),
            }
        );
    }
    text
}

fn id(id: i32) -> String {
    if id == 0 { "-".to_owned() } else { id.to_string() }
}
