//! The story, as text and as JSON. Pure.

use std::fmt::Write as _;

use boinc::id::ResultId;
use boinc::printable::printable;
use boinc::verdict::{KeptJudgement, KeptVerdict};
use serde_json::{Value, json};

use super::facts::Facts;
use super::{declared, matrix, why};
use crate::table::Table;
use crate::text::date;

/// The text.
pub(super) fn text(facts: &Facts) -> String {
    let mut text = String::new();
    head(&mut text, facts);
    if facts.judgements.is_empty() {
        text.push_str(
            "\nNo verdict of the validator is kept: it has not decided anything yet, or it did so before verdicts were kept, \
             or they were purged.\n",
        );
    }
    for judgement in &facts.judgements {
        let wanted = |verdict: &&KeptVerdict| facts.result.is_none_or(|id| verdict.result == id);
        let verdicts: Vec<&KeptVerdict> = judgement.verdicts.iter().filter(wanted).collect();
        if facts.result.is_some() && verdicts.is_empty() {
            continue;
        }
        look(&mut text, facts, judgement, &verdicts);
    }
    credit(&mut text, facts);
    text
}

fn named(name: Option<&str>) -> String {
    name.map_or_else(String::new, |name| format!(" {}", printable(name, 80)))
}

fn head(text: &mut String, facts: &Facts) {
    let app = facts.app.as_deref().map_or_else(String::new, |app| format!(" of {}", printable(app, 40)));
    if let Some(id) = facts.result {
        let _ = writeln!(text, "result {id}{}", named(facts.result_name(id)));
    }
    let _ = writeln!(text, "workunit {}{}{app}", facts.id, named(facts.name()));
    match &facts.workunit {
        None => text.push_str("its row is gone from BOINC's tables (db_purge); this is what was kept\n"),
        Some(row) if row.canonical_resultid != ResultId(0) => {
            let id = row.canonical_resultid;
            let _ = writeln!(text, "canonical result {id}{}", named(facts.result_name(id)));
        }
        Some(row) if row.error_mask != 0 => {
            let words = boinc::state::ErrorMask(row.error_mask).words().join(", ");
            let _ = writeln!(text, "no canonical result; given up: {words}");
        }
        Some(row) if row.need_validate > 0 => {
            text.push_str("no canonical result; it waits for the validator\n");
        }
        Some(_) => text.push_str("no canonical result yet\n"),
    }
}

fn look(text: &mut String, facts: &Facts, judgement: &KeptJudgement, verdicts: &[&KeptVerdict]) {
    let came_to = match judgement.outcome.as_str() {
        "canonical" => format!("result {} became canonical", judgement.canonical),
        "no_consensus" => "no agreement yet".to_owned(),
        "late" => format!("late results were compared with canonical result {}", judgement.canonical),
        "later" => "something could not be read; it is looked at again".to_owned(),
        "canonical_missing" => format!("canonical result {} was nowhere to be found", judgement.canonical),
        other => printable(other, 40),
    };
    let _ = writeln!(text, "\n{}. {} UTC: {came_to}", judgement.n, date(judgement.time));
    match facts.specs.get(&judgement.spec) {
        Some(spec) => {
            let digest: String = spec.digest.chars().take(12).collect();
            let _ = writeln!(text, "   compared by spec {} ({digest}…):", spec.id);
            for line in declared::lines(&spec.text) {
                let _ = writeln!(text, "     | {line}");
            }
        }
        None => text.push_str("   the spec that was in force is not kept\n"),
    }
    let _ = writeln!(text, "   min_quorum {}, rules {}", judgement.min_quorum, judgement.rule_version);
    for note in &judgement.notes {
        let _ = writeln!(text, "   note: {}", printable(note, 300));
    }
    if let Some(shown) = matrix::shown(&judgement.matrix, "     ") {
        text.push_str(
            "   who agreed with whom (= agree, ! differ, ? can't say; the number is the largest deviation in tolerances):\n",
        );
        text.push_str(&shown);
    }
    if let Some(why) = why::why(judgement) {
        let _ = writeln!(text, "   why result {}: {why}", judgement.canonical);
    }
    let mut table = Table::new(["result", "host", "user", "decision", "why"]).left(&[3, 4]).uncut_last();
    for verdict in verdicts {
        table.row([
            verdict.result.to_string(),
            verdict.host.to_string(),
            verdict.user.to_string(),
            verdict.decision.to_string(),
            printable(&verdict.reason, 255),
        ]);
    }
    text.push_str(&table.text("   "));
    for verdict in verdicts {
        difference(text, verdict);
    }
}

/// Where a result and its partner are farthest apart.
fn difference(text: &mut String, verdict: &KeptVerdict) {
    let difference = &verdict.difference;
    if difference.place.is_empty() {
        return;
    }
    let place = printable(&difference.place, 255);
    let _ = write!(text, "   {} against {}: {place}", verdict.result, difference.partner);
    if !difference.value.is_empty() || !difference.partner_value.is_empty() {
        let (value, other) = (printable(&difference.value, 80), printable(&difference.partner_value, 80));
        let _ = write!(text, ": `{value}` and `{other}`");
    }
    if let Some(units) = difference.deviation {
        let _ = write!(text, ", {} tolerances apart", tolerances(units));
    }
    text.push('\n');
}

fn tolerances(units: f64) -> String {
    match units {
        // A number just above 1 must not be shown as 1.
        units if units > 1.0 && units < 1.01 => "just over 1".to_owned(),
        units if (0.001..1000.0).contains(&units) => format!("{units:.3}"),
        units => format!("{units:.1e}"),
    }
}

fn credit(text: &mut String, facts: &Facts) {
    let formulas: Vec<&KeptVerdict> = facts
        .judgements
        .iter()
        .flat_map(|judgement| &judgement.verdicts)
        .filter(|verdict| !verdict.formula.is_empty())
        .filter(|verdict| facts.result.is_none_or(|id| verdict.result == id))
        .collect();
    if formulas.is_empty() && facts.trickles.is_empty() && facts.payments.is_empty() {
        text.push_str("\nno credit was granted\n");
        return;
    }
    text.push_str("\ncredit, in cobblestones\n");
    for verdict in formulas {
        let formula = printable(&verdict.formula, 255);
        let _ = writeln!(text, "   result {}: {:.6} in all; {formula}", verdict.result, verdict.credit);
    }
    let mut table = Table::new(["ledger", "time (UTC)", "kind", "result", "host", "credit", "reason"])
        .left(&[1, 2, 6])
        .uncut_last();
    for sum in facts.trickles.values() {
        table.row([
            String::new(),
            "by trickles before".to_owned(),
            "uptime".to_owned(),
            sum.key.to_string(),
            String::new(),
            format!("{:.6}", sum.credit),
            format!("{} payments for {:.0} s", sum.rows, sum.seconds),
        ]);
    }
    for row in &facts.payments {
        table.row([
            row.id.to_string(),
            date(row.time),
            printable(&row.kind, 16),
            row.resultid.to_string(),
            row.hostid.to_string(),
            format!("{:.6}", row.credit),
            printable(&row.reason, 255),
        ]);
    }
    if !facts.trickles.is_empty() || !facts.payments.is_empty() {
        text.push_str(&table.text("   "));
    }
}

/// One JSON object.
pub(super) fn json(facts: &Facts) -> Value {
    let judgements: Vec<Value> = facts
        .judgements
        .iter()
        .map(|judgement| {
            let mut value = serde_json::to_value(judgement).unwrap_or(Value::Null);
            if let Some(object) = value.as_object_mut() {
                object.insert("why".to_owned(), json!(why::why(judgement)));
                if let Some(id) = facts.result {
                    let own: Vec<&KeptVerdict> =
                        judgement.verdicts.iter().filter(|verdict| verdict.result == id).collect();
                    object.insert("verdicts".to_owned(), json!(own));
                }
            }
            value
        })
        .collect();
    let specs: Vec<Value> = facts
        .specs
        .values()
        .map(|spec| {
            let text = serde_json::from_str(&spec.text).unwrap_or_else(|_| Value::from(spec.text.as_str()));
            json!({"id": spec.id, "digest": spec.digest, "since": spec.time, "spec": text})
        })
        .collect();
    let payments: Vec<Value> = facts
        .payments
        .iter()
        .map(|row| {
            json!({
                "id": row.id, "time": row.time, "kind": row.kind, "result": row.resultid, "host": row.hostid,
                "user": row.userid, "seconds": row.seconds, "flops": row.flops, "credit": row.credit, "reason": row.reason,
            })
        })
        .collect();
    let trickles: Vec<Value> = facts
        .trickles
        .values()
        .map(|sum| json!({"result": sum.key, "payments": sum.rows, "seconds": sum.seconds, "credit": sum.credit}))
        .collect();
    json!({
        "workunit": facts.id.0,
        "name": facts.name(),
        "app": facts.app,
        "result": facts.result.map(|id| id.0),
        "in_boinc": facts.workunit.is_some(),
        "canonical": facts.workunit.as_ref().map(|row| row.canonical_resultid.0),
        "judgements": judgements,
        "specs": specs,
        "credit": {"trickles": trickles, "payments": payments},
    })
}
