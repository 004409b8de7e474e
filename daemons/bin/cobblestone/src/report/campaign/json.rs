//! The report as JSON: times as ISO 8601, lengths of time in seconds. Pure.

use serde_json::{Value, json};
use store::campaign_view::{BINS, Bin, Count, Standing};

use super::Campaign;
use super::plots::quantile;
use super::sections::outcome;
use crate::ledger::day_text;
use crate::text::iso;

/// One object.
pub fn object(campaign: &Campaign) -> Value {
    let facts = &campaign.facts;
    let counts =
        |rows: &[Count]| -> Value { rows.iter().map(|row| (row.what.clone(), json!(row.n))).collect() };
    let hosts = |rows: &[Standing]| -> Value {
        rows.iter()
            .map(|row| {
                json!({"host": row.hostid, "machine": row.machine, "of": row.of, "times": row.times,
                       "expected_by_chance": row.expected, "time_factor": row.factor})
            })
            .collect()
    };
    #[expect(clippy::cast_precision_loss, reason = "seconds since 1970")]
    let moment = |seconds: Option<i64>| seconds.map(|seconds| iso(seconds as f64));
    json!({
        "campaign": campaign.name,
        "app": campaign.app,
        "as_of": iso(campaign.now),
        "begun": iso(facts.begun),
        "state": campaign.row.as_ref().map(|row| row.state.as_str()),
        "planned_jobs": campaign.row.as_ref().and_then(|row| row.jobs),
        "made_jobs": campaign.row.as_ref().map(|row| row.made),
        "set_aside_jobs": campaign.row.as_ref().map(|row| row.set_aside),
        "workunits": facts.fates.iter().map(|row| (row.fate.clone(), json!({"number": row.workunits, "events": row.events})))
            .collect::<Value>(),
        "results": facts.results.iter().map(|row| json!({
            "kind": row.kind, "number": row.results, "cpu_seconds": row.cpu_seconds, "elapsed_seconds": row.elapsed_seconds,
            "credit": row.credit, "first_sent": moment(row.first_sent), "last_received": moment(row.last_received),
        })).collect::<Value>(),
        "days": facts.days.iter().map(|row| json!({"day": day_text(row.day), "kind": row.kind, "results": row.results}))
            .collect::<Value>(),
        "turnaround_seconds": distribution(&facts.turnaround),
        "uptime_seconds": distribution(&facts.uptime),
        "uptime_is_claimed": facts.uptime_is_claimed,
        "decisions": counts(&facts.decisions),
        "looks": counts(&facts.looks),
        "agreement": counts(&facts.agreement),
        "columns": facts.columns.iter().map(|row| json!({
            "file": row.file, "column": row.column, "results": row.results, "mean": row.mean, "largest": row.largest,
        })).collect::<Value>(),
        "odd_hosts": hosts(&facts.odd),
        "fastest_hosts": hosts(&facts.fastest),
        "failures": facts.failures.iter().map(|row| json!({
            "outcome": outcome(row.outcome), "exit_status": row.exit_status, "results": row.results,
        })).collect::<Value>(),
        "assimilated": facts.assimilated.map(|(first, last)| json!({"first": iso(first), "last": iso(last)})),
        "reviews": campaign.reviews,
    })
}

/// Quantiles, within 5 %, and the bins: number of those between 10^(bin/50) and 10^((bin+1)/50) seconds.
fn distribution(bins: &[Bin]) -> Value {
    json!({
        "number": bins.iter().map(|bin| bin.n).sum::<i64>(),
        "p10": quantile(bins, 0.1), "p50": quantile(bins, 0.5), "p90": quantile(bins, 0.9), "longest": quantile(bins, 1.0),
        "bins_per_decade": BINS,
        "bins": bins.iter().map(|bin| json!([bin.bin, bin.n])).collect::<Value>(),
    })
}
