//! The story, as text and as JSON. Pure.

use std::fmt::Write as _;

use boinc::printable::printable;
use boinc::trickle::Meaning;
use rules::credit::cobblestones;
use rules::uptime::{Bound, OverClaims, Unit};
use serde_json::{Value, json};
use store::ledger_view::Sum;
use store::messages::State;

use super::facts::Facts;
use crate::text::{date, duration, escaped_lines, iso};

/// Bytes of a text that are shown.
const SHOWN: usize = 16 * 1024;

/// Applications that are named in a sentence.
const NAMED: usize = 5;

/// Bounds that anybody's honest message can hit.
const HONEST: [Bound; 3] = [Bound::HostDay, Bound::Credit, Bound::Revoked];

/// What limits a message, as a thing.
fn limit(bound: Bound) -> &'static str {
    match bound {
        Bound::WallClock => "the wall clock since it was sent",
        Bound::Reported => "its reported elapsed_time",
        Bound::Lifetime => "the application's max_lifetime_seconds",
        Bound::Increment => "the claim's max_seconds",
        Bound::HostDay => "the application's max_seconds_per_host_and_day",
        Bound::Credit => "the application's max_granted_credit, with all that the result was paid before",
        Bound::Revoked => "it is invalid or abandoned, and such results are paid nothing",
    }
}

fn when(time: Option<f64>) -> String {
    time.map_or_else(|| "at a time that nobody knows".to_owned(), |time| format!("on {} UTC", date(time)))
}

/// What it was paid, spelled out.
fn formula(facts: &Facts) -> Option<String> {
    let row = &facts.row;
    let (seconds, flops, credit) = (row.seconds?, row.flops?, row.credit?);
    let made = cobblestones(seconds * flops);
    let same = (made - credit).abs() <= 1e-9 * credit.abs().max(1e-9);
    let text = format!("{seconds} s × {flops:e} FLOPS × 200 / (86400 × 10⁹) = {made:.6} cobblestones");
    Some(if same { text } else { format!("{text}; the ledger has {credit:.6}") })
}

/// What became of it and why, in sentences.
fn verdict(facts: &Facts) -> Vec<String> {
    let row = &facts.row;
    let id = row.id;
    let aside = row.aside_reason.as_deref().map_or_else(String::new, |reason| printable(reason, 300));
    let mut said = match row.state() {
        State::Paid => paid(facts),
        State::Disallowed => disallowed(facts),
        State::Held => vec![
            format!(
                "It is held since {}: {}. Nothing of it is paid.",
                when(row.aside_time).trim_start_matches("on "),
                aside.trim_start_matches("held: ")
            ),
            format!(
                "A person decides: `cobblestone trickles retry {id}` pays what is possible of it, \
                 `cobblestone trickles drop {id} --reason …` nothing."
            ),
        ],
        State::SetAside => vec![
            format!(
                "It could not be used and was set aside {}: {aside}. Nothing is paid.",
                when(row.aside_time)
            ),
            format!("`cobblestone trickles retry {id}` tries it again when the cause is mended."),
        ],
        State::Dropped => {
            vec![format!("A person decided {} that it is worth nothing: {aside}", when(row.aside_time))]
        }
        State::Released => {
            vec!["A person gave it back to the trickle handler, which pays what is possible of it at its next pass.".to_owned()]
        }
        State::Waiting => waiting(facts),
        State::Handled => handled(facts),
        State::Gone => vec!["Nothing tells of it.".to_owned()],
    };
    if let (Some(reason), Some(state)) = (&row.report_reason, row.report_state()) {
        let reason = printable(reason, 300);
        said.push(match state {
            State::Dropped => format!("A person decided that the guest report in it is worth nothing: {reason}"),
            State::Released => {
                format!("The guest report in it was given back, and is read again at the next pass; it was: {reason}")
            }
            _ => format!(
                "The guest report in it could not be used: {reason}. `cobblestone trickles retry {id}` has the report read \
                 again; what was paid stays."
            ),
        });
    }
    if row.create_time.is_none() {
        said.push("The message itself was purged; this is what the books have kept.".to_owned());
    }
    said.extend(facts.gaps.iter().map(|gap| format!("Not all can be told: {}", printable(gap, 300))));
    said
}

fn paid(facts: &Facts) -> Vec<String> {
    let row = &facts.row;
    let mut said = vec![format!(
        "It was paid {}: {}.",
        when(row.paid_time),
        formula(facts).unwrap_or_else(|| "see the ledger".to_owned())
    )];
    let is_cumulative = rule_is(facts, Meaning::Cumulative);
    if let (Some(claimed), Some(allowed), Some(bound)) = (row.claimed, row.allowed, &row.bound) {
        said.push(format!(
            "It claims {claimed} s, of which {allowed} s were possible: {}. The rest is not paid.",
            printable(bound, 200)
        ));
    } else if let (Some(Ok(claim)), Some(seconds), true) = (facts.claim(), row.seconds, is_cumulative)
        && claim > seconds
    {
        said.push(format!("It claims {claim} s so far; the seconds before were paid by other messages."));
    }
    said.push(format!(
        "Row {} of the ledger says: {}",
        row.ledgerid.unwrap_or(0),
        printable(row.paid_reason.as_deref().unwrap_or(""), 300)
    ));
    said
}

fn disallowed(facts: &Facts) -> Vec<String> {
    let row = &facts.row;
    let policy = facts.app.as_ref().and_then(|app| app.policy.as_ref());
    let bound = row.bound.as_deref().unwrap_or("");
    let why = if HONEST.iter().any(|honest| honest.to_string() == bound) {
        "it is cut there, and what was possible was paid before; that is no over-claim"
    } else if policy.is_some_and(|policy| policy.over_claims == OverClaims::Ignore) {
        "such messages are ignored (over_claims = \"ignore\")"
    } else {
        "what was possible was paid before"
    };
    vec![format!(
        "Nothing was paid: it claims {} s, and {} s were possible ({}); {why}. Decided {}.",
        row.claimed.unwrap_or(0.0),
        row.allowed.unwrap_or(0.0),
        printable(bound, 200),
        when(row.disallowed_time)
    )]
}

fn waiting(facts: &Facts) -> Vec<String> {
    let variety = printable(&facts.row.variety().unwrap_or_default(), 60);
    if facts.declared_by.is_empty()
        && let Some(apps) = switched_off(facts)
    {
        return vec![format!(
            "It is left alone: no application pays messages of variety \"{variety}\" now. [uptime] of {apps} has enabled = \
             false, which is also the default; cobblestone/APP.toml can set it to true."
        )];
    }
    if facts.declared_by.is_empty() {
        return vec![format!(
            "It is left alone: no application declares variety \"{variety}\" in [[uptime.claims]] or [[reports]] of \
             cobblestone/APP.toml. Nobody has handled it."
        )];
    }
    if let Some(app) = facts.app.as_ref().filter(|app| app.rule.is_none() && !app.reports) {
        let off = if facts.switched_off.contains(&app.app.name) {
            ": its [uptime] has enabled = false"
        } else {
            ""
        };
        return vec![format!(
            "It is left alone: application {} of its result does not pay messages of variety \"{variety}\"{off}.",
            printable(&app.app.name, 60)
        )];
    }
    vec![
        "It waits for the trickle handler.".to_owned(),
        format!(
            "`cobblestone-trickle-credit --variety {} --one_pass --dry_run` says what it would be paid.",
            crate::text::quoted(&variety)
        ),
    ]
}

/// Applications that would pay it, for a sentence: that of its result, if it is known.
fn switched_off(facts: &Facts) -> Option<String> {
    let own = facts.app.as_ref().map(|app| &app.app.name);
    let apps = facts.switched_off.iter().filter(|name| own.is_none_or(|own| own == *name));
    let names: Vec<String> = apps.map(|name| printable(name, 60)).collect();
    let more = names.len().saturating_sub(NAMED);
    let mut text = names.into_iter().take(NAMED).collect::<Vec<_>>().join(", ");
    if more > 0 {
        text.push_str(&format!(" and {more} more"));
    }
    (!text.is_empty()).then_some(text)
}

/// Handled, and nothing is written down.
fn handled(facts: &Facts) -> Vec<String> {
    if !facts.was_read && facts.declared_by.is_empty() {
        return vec![
            "Another program handled it: no trickle handler of the toolkit ever read this variety."
                .to_owned(),
        ];
    }
    if facts.app.as_ref().is_some_and(|app| app.reports && app.rule.is_none()) {
        return vec![
            "It is a guest report and claims no uptime: it was counted; see `cobblestone report jobs`."
                .to_owned(),
        ];
    }
    if facts.folded && facts.counts_for.is_none() {
        return folded(facts);
    }
    let mut said = vec!["It was handled, and nothing was paid for it by a row of its own.".to_owned()];
    match (facts.claim(), &facts.mark, facts.counts_for) {
        (_, _, Some(seconds)) => said.push(format!(
            "The same message was stored before: it counts once, for {seconds} s. A repetition is paid nothing."
        )),
        (Some(Ok(claim)), Some(mark), None) if rule_is(facts, Meaning::Cumulative) => {
            said.push(format!(
                "Nothing was new in it: it claims {claim} s, and the mark of its result stands at {} s paid (largest claim {} s, \
                 {} messages counted).",
                mark.seconds_paid, mark.largest_claim, mark.messages
            ));
            if let Some((possible, bound)) = facts.possible().filter(|(possible, _)| *possible < claim) {
                said.push(format!("No more than {possible} s were possible: {}.", limit(bound)));
            }
        }
        (Some(Err(error)), _, _) => {
            said.push(format!("It can't be used: {error}. It was handled before, or by another program."));
        }
        (_, None, None) => said.push(
            "Its result has no mark: the result is gone, or another program handled the message, perhaps before the toolkit came."
                .to_owned(),
        ),
        _ => said.push("It was counted, and nothing was due.".to_owned()),
    }
    said
}

/// Handled, and its row may be one of those that were folded.
fn folded(facts: &Facts) -> Vec<String> {
    let mut said = vec![
        "It was handled. Old rows of the ledger were folded into sums since (cobblestone ledger compact), so nobody can tell \
         any more whether this message was paid by one of them, or had nothing new in it. See below what the result was paid \
         in all."
            .to_owned(),
    ];
    match (facts.claim(), &facts.mark) {
        (Some(Ok(claim)), Some(mark)) if rule_is(facts, Meaning::Cumulative) => said.push(format!(
            "It claims {claim} s so far, and the mark of its result stands at {} s paid (largest claim {} s, {} messages \
             counted).",
            mark.seconds_paid, mark.largest_claim, mark.messages
        )),
        (Some(Err(error)), _) => said.push(format!("It can't be used: {error}.")),
        _ => {}
    }
    said
}

fn rule_is(facts: &Facts, meaning: Meaning) -> bool {
    facts.app.as_ref().and_then(|app| app.rule.as_ref()).is_some_and(|rule| rule.meaning == meaning)
}

/// What the number means.
fn meaning(facts: &Facts) -> Option<String> {
    let app = facts.app.as_ref()?;
    let rule = app.rule.as_ref()?;
    let unit = match rule.unit {
        Unit::Elapsed => "seconds of wall clock",
        Unit::Cpu => "seconds on processors",
    };
    let what = match rule.meaning {
        Meaning::Cumulative => "that the task has run so far (cumulative)",
        Meaning::Increment => "since the message before (increment)",
    };
    Some(format!(
        "element <{}> of application {}: {unit} {what}",
        printable(&rule.element, 60),
        printable(&app.app.name, 60)
    ))
}

/// The story for a person.
pub(super) fn text(facts: &Facts) -> String {
    let row = &facts.row;
    let mut out = String::new();
    let stored = row.create_time.map_or_else(
        || "at a time that nobody knows any more".to_owned(),
        |t| format!("{} UTC", date(t.into())),
    );
    let _ = writeln!(out, "message   {}, stored {stored}: {}", row.id, row.state().as_str());
    let owner = match &facts.owner {
        Some((id, Some(name))) => format!(" of user {id} \"{}\"", printable(name, 60)),
        Some((id, None)) => format!(" of user {id}"),
        None => " (gone from the database)".to_owned(),
    };
    let _ = writeln!(out, "sent by   host {}{owner}", row.hostid.unwrap_or(0));
    if let Some(variety) = row.variety() {
        let _ = writeln!(out, "variety   {}", printable(&variety, 60));
    }
    match &facts.message {
        Some(Ok(message)) => {
            let name =
                message.result_name.as_deref().map_or_else(|| "none".to_owned(), |name| printable(name, 191));
            let _ = writeln!(out, "names     result {name}");
        }
        Some(Err(error)) => {
            let _ = writeln!(out, "names     nothing that can be read: {}", printable(error, 250));
        }
        None => {}
    }
    result_lines(&mut out, facts);
    if let Some(meaning) = meaning(facts) {
        let claim = match facts.claim() {
            Some(Ok(claim)) => format!("{claim}"),
            Some(Err(error)) => printable(&error, 250),
            None => "nothing that can be read".to_owned(),
        };
        let _ = writeln!(out, "claims    {claim} ({meaning})");
    }
    if let Some((possible, bound)) = facts.possible() {
        let cut = match (row.allowed, &row.bound) {
            (Some(allowed), Some(cut)) if *cut != bound.to_string() => {
                format!("; when it was decided it was cut at {allowed} s: {}", printable(cut, 200))
            }
            _ => String::new(),
        };
        let _ = writeln!(
            out,
            "possible  {possible} s of wall clock by its result, as that stands now: {}{cut}",
            limit(bound)
        );
    }
    out.push('\n');
    for sentence in verdict(facts) {
        let _ = writeln!(out, "{sentence}");
    }
    paid_lines(&mut out, facts);
    raw(&mut out, facts);
    out
}

fn result_lines(out: &mut String, facts: &Facts) {
    let Some(result) = &facts.result else {
        match facts.row.resultid.filter(|id| *id != 0) {
            Some(id) => {
                let _ = writeln!(out, "result    {id}, gone from the database");
            }
            None => out.push_str("result    there is none of that name\n"),
        }
        return;
    };
    let sent = if result.sent_time > 0 { date(result.sent_time.into()) } else { "never".to_owned() };
    let other = if facts.row.hostid == Some(result.hostid.0) { "" } else { ": ANOTHER HOST" };
    let _ = writeln!(out, "result    {} of host {}{other}; sent {sent}", result.id, result.hostid);
    if result.received_time > 0 {
        let _ = writeln!(
            out,
            "          over {}, elapsed_time {} s; {:?}, {:?}",
            date(result.received_time.into()),
            result.elapsed_time,
            result.outcome,
            result.validate_state
        );
    } else {
        let _ = writeln!(out, "          {:?}", result.server_state);
    }
}

fn paid_lines(out: &mut String, facts: &Facts) {
    if facts.result.is_none() && facts.paid.is_empty() {
        return;
    }
    out.push_str("\nthe result was paid in all:\n");
    if facts.paid.is_empty() {
        out.push_str("  nothing\n");
    }
    for sum in &facts.paid {
        let _ = writeln!(
            out,
            "  {:<10} {:>14.6} cobblestones for {} ({} rows)",
            printable(sum.name.as_deref().unwrap_or(""), 16),
            sum.credit,
            duration(sum.seconds),
            sum.rows
        );
    }
    if facts.paid.len() > 1 {
        let _ = writeln!(out, "  {:<10} {:>14.6} cobblestones", "all", total(&facts.paid));
    }
}

fn total(paid: &[Sum]) -> f64 {
    paid.iter().map(|sum| sum.credit).sum()
}

fn raw(out: &mut String, facts: &Facts) {
    let Some(bytes) = &facts.row.text else {
        out.push_str("\nits text is not kept\n");
        return;
    };
    let shown = bytes.get(..SHOWN).unwrap_or(bytes);
    let _ = writeln!(out, "\nits text, {} bytes, escaped:", facts.row.text_bytes);
    out.push_str(&escaped_lines(shown, "    | "));
    let more = facts.row.text_bytes - i64::try_from(shown.len()).unwrap_or(i64::MAX);
    if more > 0 {
        let _ = writeln!(out, "    … and {more} bytes more");
    }
}

/// The same for programs.
pub(super) fn json(facts: &Facts) -> Value {
    let row = &facts.row;
    let rule = facts.app.as_ref().and_then(|app| app.rule.as_ref());
    let shown = row.text.as_deref().map(|bytes| bytes.get(..SHOWN).unwrap_or(bytes));
    let claim = rule.map(|rule| {
        json!({
            "app": facts.app.as_ref().map(|app| &app.app.name), "element": rule.element, "meaning": rule.meaning, "unit": rule.unit,
            "seconds": facts.claim().and_then(Result::ok), "error": facts.claim().and_then(Result::err),
        })
    });
    let result = facts.result.as_ref().map(|result| {
        json!({
            "id": result.id.0, "name": result.name, "hostid": result.hostid.0, "sent_time": result.sent_time,
            "received_time": result.received_time, "elapsed_time": result.elapsed_time,
            "server_state": format!("{:?}", result.server_state), "outcome": format!("{:?}", result.outcome),
            "validate_state": format!("{:?}", result.validate_state),
        })
    });
    let payment = row.ledgerid.map(|id| {
        json!({
            "ledgerid": id, "time": row.paid_time.map(iso), "seconds": row.seconds, "flops": row.flops, "credit": row.credit,
            "formula": formula(facts), "reason": row.paid_reason,
        })
    });
    let disallowed = row.bound.as_ref().map(|bound| {
        json!({"claimed": row.claimed, "allowed": row.allowed, "reason": bound, "time": row.disallowed_time.map(iso)})
    });
    let aside =
        row.aside_reason.as_ref().map(|reason| json!({"reason": reason, "time": row.aside_time.map(iso)}));
    let mark = facts.mark.as_ref().map(|mark| {
        json!({"seconds_paid": mark.seconds_paid, "largest_claim": mark.largest_claim, "credit_paid": mark.credit_paid,
               "messages": mark.messages, "increments": facts.increments.as_ref().map(|sum| sum.increments)})
    });
    let kinds: Vec<Value> = facts
        .paid
        .iter()
        .map(|sum| json!({"kind": sum.name, "rows": sum.rows, "seconds": sum.seconds, "credit": sum.credit}))
        .collect();
    json!({
        "message": row.id,
        "state": row.state().as_str(),
        "stored": row.create_time.map(|time| iso(time.into())),
        "hostid": row.hostid,
        "userid": facts.owner.as_ref().map(|(id, _)| id.0),
        "user": facts.owner.as_ref().and_then(|(_, name)| name.as_ref()),
        "variety": row.variety(),
        "text": shown.map(String::from_utf8_lossy),
        "text_bytes": row.text_bytes,
        "unreadable": facts.message.as_ref().and_then(|message| message.as_ref().err()),
        "result_name": facts.message.as_ref().and_then(|message| message.as_ref().ok()?.result_name.as_ref()),
        "result": result,
        "claim": claim,
        "possible": facts.possible().map(|(seconds, bound)| json!({"seconds": seconds, "limit": limit(bound)})),
        "payment": payment,
        "disallowed": disallowed,
        "set_aside": aside,
        "mark": mark,
        "counts_for": facts.counts_for,
        "result_paid": {"credit": total(&facts.paid), "kinds": kinds},
        "verdict": verdict(facts),
    })
}
