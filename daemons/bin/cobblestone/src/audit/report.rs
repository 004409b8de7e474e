//! The audit as text and as JSON.

use serde_json::{Map, Value, json};
use store::audit::KindSum;
use store::audit::owners::{Accepted, Book};
use store::audit::rows::{BadEntry, Pair, Tally};

use super::Audit;
use crate::table::Table;
use crate::text::hours;

/// Six digits, and no minus before a zero.
fn six(value: f64) -> String {
    format!("{:.6}", value + 0.0)
}

impl Audit {
    /// Totals, ledger and messages; what was not paid, and to whom.
    pub fn tables(&self) -> String {
        let mut totals = Table::new(["totals", "rows", "gained", "in the ledger", "off"]);
        for (book, sum) in &self.totals {
            if book.by_app() && sum.rows == 0 {
                continue;
            }
            totals.row([
                book.as_str().to_owned(),
                sum.rows.to_string(),
                six(sum.gained),
                six(sum.ledger),
                self.explained.off.iter().filter(|off| off.book == *book).count().to_string(),
            ]);
        }
        let mut ledger = Table::new(["ledger", "rows", "hours", "cobblestones"]);
        for kind in &self.kinds {
            ledger.row([kind.kind.clone(), kind.rows.to_string(), hours(kind.seconds), six(kind.credit)]);
        }
        let sum = |f: fn(&KindSum) -> f64| self.kinds.iter().map(f).fold(0.0, |a, b| a + b);
        ledger.sum([
            "all".to_owned(),
            self.kinds.iter().map(|kind| kind.rows).sum::<i64>().to_string(),
            hours(sum(|kind| kind.seconds)),
            six(sum(|kind| kind.credit)),
        ]);
        let mut text = format!(
            "{}\n{}\n  trickle-up messages\n{}",
            totals.text("  "),
            ledger.text("  "),
            self.messages_table().text("  ")
        );
        if !self.disallowed.is_empty() {
            let mut table = Table::new(["claimed and not paid, because it was", "messages", "hours"]);
            for tally in &self.disallowed {
                let name = boinc::printable::printable(&tally.name, 80);
                table.row([name, tally.count.to_string(), hours(tally.amount)]);
            }
            text.push_str(&format!("\n{}", table.text("  ")));
        }
        if self.flagged_hosts > 0 {
            let shown: Vec<String> =
                self.flagged.iter().map(|flag| format!("{} ({})", flag.hostid, flag.over_claims)).collect();
            let more =
                if usize::try_from(self.flagged_hosts).unwrap_or(0) > shown.len() { ", …" } else { "" };
            text.push_str(&format!(
                "\n  {} flagged for claiming too much, the latest first (over-claims): {}{more}\n",
                self.flagged_hosts,
                shown.join(", ")
            ));
        }
        text
    }

    /// Trickle-up messages by fate.
    pub fn messages_table(&self) -> Table {
        let m = &self.messages;
        let mut table = Table::headless();
        let mut row = |name: &str, count: i64| table.row([name.to_owned(), count.to_string()]);
        row("paid", m.paid - m.paid_in_part);
        row("nothing new in them", self.nothing_new());
        row("capped: claimed more than possible, paid the possible part", m.paid_in_part);
        row("capped: claimed more than possible, nothing due", m.disallowed - m.paid_in_part);
        if m.reported > 0 {
            row("guest reports", m.reported);
        }
        for (reason, count) in &self.set_aside {
            row(&format!("set aside: {reason}"), *count);
        }
        if m.before > 0 {
            row("handled by others before", m.before);
        }
        row("waiting", m.waiting);
        let gone = (-self.lost()).max(0);
        let mut name = "stored".to_owned();
        for (count, what) in [(m.purged, "purged since"), (gone, "deleted since")] {
            if count > 0 {
                name.push_str(&format!(", and {count} {what}"));
            }
        }
        table.sum([name, (m.stored + m.purged + gone).to_string()]);
        table
    }

    /// Everything, for programs.
    pub fn to_json(&self) -> Value {
        let m = &self.messages;
        json!({
            "ok": self.is_ok(),
            "time": self.time,
            "since": self.since,
            "totals": self.totals_json(),
            "ledger": self.kinds.iter().map(|kind| json!({"kind": kind.kind, "rows": kind.rows, "seconds": kind.seconds + 0.0,
                                                         "credit": kind.credit + 0.0})).collect::<Vec<_>>(),
            "messages": {"stored": m.stored, "waiting": m.waiting, "handled": m.handled, "handled_before": m.before,
                         "purged": m.purged, "counted": m.counted, "cleaned": m.cleaned,
                         "reported": m.reported, "paid": m.paid,
                         "capped": m.disallowed, "paid_in_part": m.paid_in_part, "nothing_new": self.nothing_new(),
                         "set_aside": m.set_aside, "dropped_and_purged": m.dropped, "lost": self.lost().max(0), "deleted": (-self.lost()).max(0),
                         "of_deleted_hosts": m.of_deleted_hosts, "paid_twice": self.paid_twice},
            "set_aside": self.set_aside.iter().map(|(reason, count)| json!({"reason": reason, "messages": count}))
                             .collect::<Vec<_>>(),
            "bad_entries": entries(&self.bad_entries),
            "nameless_payments": entries(&self.nameless),
            "control": {"rows": self.control.rows, "credit": self.control.credit,
                        "rows_written": self.control.rows_written, "credit_written": self.control.credit_written,
                        "seconds": self.control.seconds, "seconds_written": self.control.seconds_written,
                        "checksum": self.control.checksum, "checksum_written": self.control.checksum_written},
            "marks_behind": pairs(&self.marks_behind, "mark", "ledger"),
            "marks_off": pairs(&self.marks_off, "mark", "ledger"),
            "granted_off": pairs(&self.granted_off, "granted_credit", "ledger"),
            "paid_too_often": pairs(&self.too_often, "messages", "payments"),
            "hosts_paid_too_often": pairs(&self.hosts_too_often, "messages", "payments"),
            "overpaid": self.overpaid.iter().map(|row| {
                let (possible, why) = super::words::possible(row);
                json!({"id": row.id, "paid": row.paid, "possible": possible, "bound": why, "wall_clock": row.wall_clock,
                       "reported": row.reported, "before_report": row.before_report, "lifetime": row.lifetime,
                       "accepted": row.accepted})
            }).collect::<Vec<_>>(),
            "averages_off": self.averages.iter().flat_map(|(book, rows)| rows.iter().map(move |row| {
                json!({"table": book.as_str(), "id": row.id, "average": row.average, "time": row.time})
            })).collect::<Vec<_>>(),
            "merged_hosts": self.explained.merges.iter().map(|merge| json!({"from": merge.from, "to": merge.to,
                                                         "credit": merge.credit})).collect::<Vec<_>>(),
            "former_members": self.former.iter().map(|member| json!({"user": member.userid, "team": member.teamid,
                                                         "credit": member.credit})).collect::<Vec<_>>(),
            "granted_by_others": tallies(&self.by_others, "application", "results", "credit"),
            "accepted": self.accepted.iter().map(accepted).collect::<Vec<_>>(),
            "disallowed": tallies(&self.disallowed, "reason", "messages", "seconds"),
            "flagged_hosts": self.flagged_hosts,
            "flagged": self.flagged.iter().map(|flag| json!({"host": flag.hostid, "app": flag.appid,
                                                         "over_claims": flag.over_claims, "time": flag.flagged})).collect::<Vec<_>>(),
            "findings": self.findings().iter().map(|f| json!({"ok": f.ok, "what": f.what, "details": f.details}))
                            .collect::<Vec<_>>(),
        })
    }

    fn totals_json(&self) -> Map<String, Value> {
        let of = |book: Book| {
            let off: Vec<Value> = self
                .explained
                .off
                .iter()
                .filter(|off| off.book == book)
                .map(|off| json!({"id": off.id, "app": off.app, "amount": off.amount, "why": off.why}))
                .collect();
            let gone = self.explained.gone.get(&book).cloned().unwrap_or_default();
            (
                off,
                json!({"count": gone.ids.len(), "credit": gone.credit + 0.0, "ledger": gone.ledger + 0.0, "ids": gone.ids}),
            )
        };
        self.totals
            .iter()
            .map(|(book, sum)| {
                let (off, gone) = of(*book);
                let granted = self.explained.granted.get(book).copied().unwrap_or_default();
                let value = json!({"rows": sum.rows, "gained": sum.gained + 0.0, "ledger": sum.ledger + 0.0,
                                   "granted_by_others": granted, "deleted": gone, "off": off.len(), "examples": off});
                (book.as_str().to_owned(), value)
            })
            .collect()
    }
}

fn pairs(rows: &[Pair], left: &str, right: &str) -> Vec<Value> {
    rows.iter().map(|row| json!({"id": row.id, left: row.left, right: row.right})).collect()
}

fn entries(rows: &[BadEntry]) -> Vec<Value> {
    rows.iter()
        .map(|row| {
            json!({"id": row.id, "kind": row.kind, "seconds": row.seconds, "flops": row.flops, "credit": row.credit,
                   "wanted": row.wanted})
        })
        .collect()
}

fn tallies(rows: &[Tally], name: &str, count: &str, amount: &str) -> Vec<Value> {
    rows.iter().map(|row| json!({name: row.name, count: row.count, amount: row.amount})).collect()
}

fn accepted(row: &Accepted) -> Value {
    json!({"time": row.time, "kind": row.kind, "owner": row.owner, "app": row.appid, "amount": row.amount, "reason": row.reason})
}
