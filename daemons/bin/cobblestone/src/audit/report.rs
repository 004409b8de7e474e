//! The audit as text and as JSON.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::{Audit, Finding};
use crate::table::Table;
use crate::text::hours;

impl Audit {
    /// Totals, ledger and messages.
    pub fn tables(&self) -> String {
        let mut totals = Table::new(["totals", "rows", "gained", "in the ledger", "off"]);
        for (owner, sum, _) in &self.totals {
            totals.row([
                format!("{}s", owner.table()),
                sum.rows.to_string(),
                format!("{:.6}", sum.gained),
                format!("{:.6}", sum.ledger),
                sum.off.to_string(),
            ]);
        }
        let mut ledger = Table::new(["ledger", "rows", "hours", "cobblestones"]);
        for kind in &self.kinds {
            ledger.row([
                kind.kind.clone(),
                kind.rows.to_string(),
                hours(kind.seconds),
                format!("{:.6}", kind.credit),
            ]);
        }
        let sum = |f: fn(&store::audit::KindSum) -> f64| self.kinds.iter().map(f).sum::<f64>();
        ledger.sum([
            "all".to_owned(),
            self.kinds.iter().map(|kind| kind.rows).sum::<i64>().to_string(),
            hours(sum(|kind| kind.seconds)),
            format!("{:.6}", sum(|kind| kind.credit)),
        ]);
        format!(
            "{}\n{}\n  trickle-up messages\n{}",
            totals.text("  "),
            ledger.text("  "),
            self.messages_table().text("  ")
        )
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
        row("waiting", m.waiting);
        table.sum(["stored".to_owned(), m.stored.to_string()]);
        table
    }

    /// The findings, one line each, and one for all.
    pub fn verdict(&self) -> String {
        let findings = self.findings();
        let mut text = findings_text(&findings);
        let off = findings.iter().filter(|finding| !finding.ok).count();
        text.push_str(&match off {
            0 => "The books balance.".to_owned(),
            n => format!("THE BOOKS DO NOT BALANCE: {n} of {} checks failed.", findings.len()),
        });
        text
    }

    /// Everything, for programs.
    pub fn to_json(&self) -> Value {
        let off = |rows: &[store::audit::Off], left: &str, right: &str| -> Vec<Value> {
            rows.iter().map(|row| json!({"id": row.id, left: row.gained, right: row.ledger})).collect()
        };
        let totals: serde_json::Map<String, Value> = self
            .totals
            .iter()
            .map(|(owner, sum, rows)| {
                let value = json!({"rows": sum.rows, "gained": sum.gained, "ledger": sum.ledger, "off": sum.off,
                                   "examples": off(rows, "gained", "ledger")});
                (owner.table().to_owned(), value)
            })
            .collect();
        let m = &self.messages;
        json!({
            "ok": self.is_ok(),
            "time": self.time,
            "totals": totals,
            "ledger": self.kinds.iter().map(|kind| json!({"kind": kind.kind, "rows": kind.rows, "seconds": kind.seconds,
                                                         "credit": kind.credit})).collect::<Vec<_>>(),
            "messages": {"stored": m.stored, "waiting": m.waiting, "handled": m.handled, "counted": m.counted, "reported": m.reported, "paid": m.paid,
                         "capped": m.disallowed, "paid_in_part": m.paid_in_part, "nothing_new": self.nothing_new(),
                         "set_aside": m.set_aside, "lost": self.lost().max(0), "deleted": (-self.lost()).max(0),
                         "paid_twice": self.paid_twice},
            "set_aside": self.set_aside.iter().map(|(reason, count)| json!({"reason": reason, "messages": count}))
                             .collect::<Vec<_>>(),
            "marks_off": off(&self.marks_off, "mark", "ledger"),
            "overpaid": off(&self.overpaid, "possible", "paid"),
            "findings": self.findings().iter().map(|f| json!({"ok": f.ok, "what": f.what, "details": f.details}))
                            .collect::<Vec<_>>(),
        })
    }
}

/// Findings, one line each, details below them.
pub fn findings_text(findings: &[Finding]) -> String {
    let mut text = String::new();
    for finding in findings {
        let _ = writeln!(text, "  {}  {}", if finding.ok { "ok " } else { "OFF" }, finding.what);
        for detail in &finding.details {
            let _ = writeln!(text, "         {detail}");
        }
    }
    text
}
