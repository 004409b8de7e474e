//! Workunits that are set aside, with the reason, for a person to look at: in the quarantine, and in `cobblestone status`.
//!
//! Three kinds: rows that make no sense; values that the database refuses; files that can't be read or compared, time
//! and again, as with a script that crashes. None of them costs anybody credit, and none keeps the others waiting.
//!
//! Invariant: written in the transaction that says so, and taken away in the one that judges the workunit after all.

use std::collections::{BTreeMap, BTreeSet};

use boinc::id::{HostId, ResultId, WorkunitId};
use boinc::record::Workunit;
use boinc::verdict::Decision;
use rules::judge::{Judgement, Verdict};
use store::Tx;
use store::quarantine::SetAside;

use crate::batch::Bench;
use crate::examined::Examined;

/// Name in the quarantine.
pub const DAEMON: &str = "validator";
/// Kind in the quarantine.
pub const KIND: &str = "workunit";

/// What was looked at in vain too often is looked at again after so many seconds.
const AGAIN: i32 = 86_400;

fn entry(id: i64, reason: String, now: f64) -> SetAside {
    SetAside { time: now, daemon: DAEMON, kind: KIND, id, host: HostId(0), reason, raw: None }
}

/// Sets those of the judged workunits aside that were looked at in vain so often that it won't mend itself, and puts
/// off the next look. How many they are.
pub async fn in_vain(
    tx: &mut Tx,
    bench: &Bench<'_>,
    workunits: &[&Workunit],
    judgements: &mut [Judgement],
) -> store::Result<u64> {
    let later: Vec<WorkunitId> = judgements
        .iter()
        .filter(|judgement| judgement.verdict == Verdict::Later)
        .map(|judgement| judgement.workunit.id)
        .collect();
    let looks = tx.looks_in_vain(&later).await?;
    let mut rows = Vec::new();
    for (workunit, judgement) in workunits.iter().zip(judgements) {
        // This look is not kept yet.
        let tries = looks.get(&workunit.id).map_or(1, |looks| looks + 1);
        if judgement.verdict != Verdict::Later || tries < bench.tries {
            continue;
        }
        let next = (bench.options.now as i32).saturating_add(AGAIN);
        judgement.workunit.transition_time = workunit.transition_time.min(next);
        let told = judgement.told.iter().find(|told| told.decision == Decision::Later);
        let reason = told.map_or_else(String::new, |told| format!(" result {}: {}", told.id, told.reason));
        let reason = format!("looked at {tries} times in vain:{reason}");
        tracing::warn!(wu = workunit.id.0, "set aside: {reason}");
        rows.push(entry(workunit.id.0.into(), reason, bench.options.now));
    }
    tx.set_aside(&rows).await?;
    Ok(rows.len() as u64)
}

/// Takes workunits out of the quarantine that were judged after all.
pub async fn release(tx: &mut Tx, bench: &Bench<'_>, judgements: &[Judgement]) -> store::Result<()> {
    let judged: Vec<i64> = judgements
        .iter()
        .filter(|judgement| judgement.verdict != Verdict::Later)
        .map(|judgement| judgement.workunit.id.0.into())
        .filter(|id| bench.aside.contains(id))
        .collect();
    tx.release(DAEMON, KIND, &judged).await
}

/// Sets workunits aside that have rows which make no sense; returns their ids. They keep waiting, so that a mended
/// row is judged at the next pass.
pub async fn broken(
    tx: &mut Tx,
    bench: &Bench<'_>,
    examined: &Examined,
) -> store::Result<BTreeSet<WorkunitId>> {
    let mut broken: BTreeMap<i64, String> =
        examined.bad_workunits.iter().map(|bad| (bad.id, bad.to_string())).collect();
    let results: Vec<ResultId> =
        examined.bad_results.iter().filter_map(|bad| i32::try_from(bad.id).ok()).map(ResultId).collect();
    let owners: BTreeMap<i64, WorkunitId> = tx
        .workunits_of_results(&results)
        .await?
        .into_iter()
        .map(|(result, owner)| (result.0.into(), owner))
        .collect();
    for bad in &examined.bad_results {
        if let Some(owner) = owners.get(&bad.id) {
            broken.insert(owner.0.into(), bad.to_string());
        }
    }
    let rows: Vec<SetAside> =
        broken.iter().map(|(id, reason)| entry(*id, reason.clone(), bench.options.now)).collect();
    if !bench.dry_run {
        tx.set_aside(&rows).await?;
    }
    Ok(broken.keys().filter_map(|id| i32::try_from(*id).ok()).map(WorkunitId).collect())
}

/// Sets one workunit aside that the database refuses.
pub async fn refuse(tx: &mut Tx, workunit: WorkunitId, reason: &str, now: f64) -> store::Result<()> {
    tx.set_aside(&[entry(workunit.0.into(), reason.to_owned(), now)]).await
}
