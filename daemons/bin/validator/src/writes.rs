//! What a batch of judgements writes, in the transaction that decided it.
//!
//! Invariant: verdicts, marks, totals and ledger rows are written together, of locked rows.

use std::collections::BTreeMap;

use boinc::id::{MessageId, ResultId, UserId};
use boinc::ledger::LedgerEntry;
use boinc::record::{AppVersion, ResultRow, Workunit};
use rules::books::Books;
use rules::credit::CreditMode;
use rules::judge::{Judgement, Options};
use rules::uptime::{Bound, ResultFacts};
use store::Tx;
use store::host_accounts::HostDay;
use store::trickles::{Disallowed, Mark};
use store::validation::{ResultUpdate, WorkunitUpdate};

/// What was taken out of days, and what they had no room for.
async fn write_days(
    tx: &mut Tx,
    options: &Options<'_>,
    judgements: &[Judgement],
    books: &Books,
) -> store::Result<()> {
    let app = options.app.id;
    let days = books.host_days().flat_map(|(host, days)| {
        days.changes().map(move |(day, seconds)| HostDay { host, app, day, seconds })
    });
    tx.write_host_days(&days.collect::<Vec<_>>()).await?;
    let cuts = judgements.iter().flat_map(|judgement| &judgement.cuts).map(|cut| Disallowed {
        message: MessageId(0),
        result: cut.result,
        host: cut.host,
        app: cut.app,
        claimed: cut.claimed,
        allowed: cut.allowed,
        reason: Bound::HostDay.to_string(),
        time: options.now,
        paid_in_part: false,
    });
    tx.write_unsettled(&cuts.collect::<Vec<_>>()).await
}

/// Writes what was judged, and pays.
pub async fn write(
    tx: &mut Tx,
    options: &Options<'_>,
    workunits: &[&Workunit],
    results: &[ResultRow],
    judgements: &[Judgement],
    marks: &BTreeMap<ResultId, Mark>,
    books: &Books,
) -> store::Result<()> {
    let updates: Vec<ResultUpdate> = judgements
        .iter()
        .flat_map(|judgement| &judgement.results)
        .map(|change| ResultUpdate {
            id: change.id,
            server_state: change.server_state,
            outcome: change.outcome,
            validate_state: change.validate_state,
            granted_credit: change.granted_credit,
            runtime_outlier: change.runtime_outlier,
        })
        .collect();
    tx.write_results(&updates).await?;
    let updates: Vec<WorkunitUpdate> = workunits
        .iter()
        .zip(judgements)
        .map(|(row, judgement)| {
            let change = &judgement.workunit;
            WorkunitUpdate {
                id: change.id,
                need_validate: 0,
                error_mask: change.error_mask,
                assimilate_state: change.assimilate_state.map(|new| (row.assimilate_state, new)),
                transition_time: change.transition_time,
                target_nresults: change.target_nresults,
                min_quorum: change.min_quorum,
                canonical_resultid: change.canonical_resultid,
                canonical_credit: change.canonical_credit,
            }
        })
        .collect();
    tx.write_workunits(&updates).await?;
    let entries: Vec<LedgerEntry> =
        judgements.iter().flat_map(|judgement| judgement.grants.iter().cloned()).collect();
    let cuts: BTreeMap<ResultId, f64> = judgements
        .iter()
        .flat_map(|judgement| &judgement.cuts)
        .map(|cut| (cut.result, cut.claimed - cut.allowed))
        .collect();
    tx.write_marks(&settled(options, results, &entries, &cuts, marks)).await?;
    let changes = books.changes();
    tx.write_host_app_versions(&changes.host_app_versions).await?;
    write_days(tx, options, judgements, books).await?;
    tx.pay(&entries, &changes).await?;
    let jobs: Vec<(UserId, i64)> = judgements
        .iter()
        .flat_map(|judgement| &judgement.credited_jobs)
        .map(|job| (job.userid, job.workunitid))
        .collect();
    tx.insert_credited_jobs(&jobs).await
}

/// Marks with what was paid now, so that a trickle that comes later knows of it.
fn settled(
    options: &Options<'_>,
    results: &[ResultRow],
    entries: &[LedgerEntry],
    cuts: &BTreeMap<ResultId, f64>,
    marks: &BTreeMap<ResultId, Mark>,
) -> Vec<Mark> {
    let rows: BTreeMap<ResultId, &ResultRow> = results.iter().map(|row| (row.id, row)).collect();
    let mut new: BTreeMap<ResultId, Mark> = BTreeMap::new();
    for entry in entries {
        let Some(row) = rows.get(&entry.result) else { continue };
        let mark = new.entry(entry.result).or_insert_with(|| {
            marks.get(&entry.result).cloned().unwrap_or_else(|| Mark::unpaid(row, options.now))
        });
        mark.credit_paid += entry.credit;
        // What rounding leaves of what was taken back.
        if mark.credit_paid.abs() <= 1e-9 {
            mark.credit_paid = 0.0;
        }
        // With its own seconds paid, no later message can be paid for them, whatever becomes of the result's state.
        let sent_time = mark.first_sent(row);
        let seconds = ResultFacts { sent_time, ..ResultFacts::of(row) }.final_seconds(&options.uptime);
        if let Some(seconds) =
            seconds.filter(|_| options.credit_mode == CreditMode::Uptime && entry.credit > 0.0)
        {
            let cut = cuts.get(&row.id).copied().unwrap_or_default();
            mark.seconds_paid = mark.seconds_paid.max(seconds - cut);
        }
        mark.time = options.now;
    }
    new.into_values().collect()
}

/// Adds the samples of this batch to the statistics of the versions, which are locked last and only now.
pub async fn write_versions(tx: &mut Tx, options: &Options<'_>, books: &Books) -> store::Result<()> {
    let samples = books.versions().samples();
    if samples.is_empty() {
        return Ok(());
    }
    let rows = tx.lock_app_versions(options.app.id).await?;
    let new: Vec<AppVersion> = rows
        .iter()
        .filter_map(|row| samples.get(&row.id).map(|samples| samples.applied_to(row, options.now)))
        .collect();
    tx.write_app_versions(&new).await
}
