//! One batch of workunits: examine their files, then judge and write in one transaction.
//!
//! The rules judge rows that are locked, with the evidence found before. Evidence that no longer fits (a result came
//! in meanwhile) leaves that workunit to the next pass. Credit, verdicts and the ledger are written together.

use std::collections::{BTreeMap, BTreeSet};

use boinc::id::{HostAppVersionId, HostId, WorkunitId};
use boinc::record::{ResultRow, Workunit};
use boinc::verdict::KeptJudgement;
use rules::judge::{Instance, Judgement, Options, judge};
use store::Tx;
use verdicts::{Circumstances, Findings};

use crate::aside;
use crate::books::{Accounts, load_days, open_books};
use crate::counts::Counts;
use crate::examined::Examined;
use crate::writes::{write, write_versions};

/// What the transaction needs besides evidence.
pub struct Bench<'a> {
    /// How to judge.
    pub options: Options<'a>,
    /// Write nothing.
    pub dry_run: bool,
    /// Write the statistics of versions. As in stock, not with `--one_pass`.
    pub version_statistics: bool,
    /// Number of the spec in force.
    pub spec: i32,
    /// A workunit is set aside when it was looked at so often in vain.
    pub tries: u32,
    /// Workunits that are set aside.
    pub aside: &'a BTreeSet<i64>,
}

/// Judges and writes. Runs inside of a transaction.
pub async fn judge_and_write(
    tx: &mut Tx,
    bench: &Bench<'_>,
    examined: &Examined,
) -> store::Result<(Counts, Vec<Judgement>)> {
    let ids: Vec<WorkunitId> = examined.findings.keys().copied().collect();
    let workunits = tx.lock_workunits_to_validate(&ids).await?;
    let locked: Vec<WorkunitId> = workunits.rows.iter().map(|workunit| workunit.id).collect();
    let busy = ids.len().saturating_sub(workunits.rows.len() + workunits.bad.len()) as u64;
    let results = tx.lock_results_of(&locked).await?;
    let mut counts = Counts { busy, ..Counts::default() };
    let broken = aside::broken(tx, bench, examined).await?;
    counts.set_aside = broken.len() as u64;

    // Nobody was paid for one that was never sent.
    let sent: Vec<ResultRow> = results.rows.iter().filter(|row| row.hostid != HostId(0)).cloned().collect();
    let accounts = Accounts::read(tx, &bench.options, &sent).await?;
    let mut by_workunit: BTreeMap<WorkunitId, Vec<Instance>> = BTreeMap::new();
    for row in &results.rows {
        let instance = Instance { row: row.clone(), paid: accounts.paid(row.id) };
        by_workunit.entry(row.workunitid).or_default().push(instance);
    }
    let mut books = open_books(tx, &bench.options, &results.rows, &accounts).await?;
    load_days(tx, &bench.options, &results.rows, &accounts.marks, &mut books).await?;
    let mut judgements = Vec::new();
    let mut rows = Vec::new();
    let mut kept = Vec::new();
    let mut hopeless = BTreeSet::new();
    let circumstances = bench.circumstances();
    for workunit in workunits.rows.iter().filter(|workunit| !broken.contains(&workunit.id)) {
        let instances = by_workunit.get(&workunit.id).map_or(&[][..], Vec::as_slice);
        let Some(findings) = examined.findings.get(&workunit.id) else { continue };
        match judge(workunit, instances, &findings.evidence, &bench.options, &mut books) {
            Ok(judgement) => {
                counts.count(&judgement);
                kept.extend(keep(workunit, instances, &judgement, findings, &circumstances));
                hopeless.extend(punished(instances, findings));
                rows.push(workunit);
                judgements.push(judgement);
            }
            Err(error) => {
                tracing::debug!(wu = workunit.id.0, "{error}");
                counts.changed_meanwhile += 1;
            }
        }
    }
    if !bench.dry_run {
        counts.set_aside += aside::in_vain(tx, bench, &rows, &mut judgements).await?;
        aside::release(tx, bench, &judgements).await?;
        write(tx, &bench.options, &rows, &results.rows, &judgements, &accounts.marks, &books).await?;
        counts.punished = punish(tx, &hopeless).await?;
        tx.keep_judgements(&kept).await?;
        if bench.version_statistics {
            write_versions(tx, &bench.options, &books).await?;
        }
    }
    Ok((counts, judgements))
}

impl Bench<'_> {
    fn circumstances(&self) -> Circumstances {
        Circumstances {
            app: self.options.app.id,
            spec: self.spec,
            mode: self.options.credit_mode,
            now: self.options.now,
        }
    }
}

fn keep(
    workunit: &Workunit,
    instances: &[Instance],
    judgement: &Judgement,
    findings: &Findings,
    circumstances: &Circumstances,
) -> Option<KeptJudgement> {
    let rows: Vec<&ResultRow> = instances.iter().map(|instance| &instance.row).collect();
    verdicts::keep(workunit, &rows, judgement, findings, circumstances)
}

/// Versions that can't run on their hosts.
fn punished(instances: &[Instance], findings: &Findings) -> Vec<(HostId, HostAppVersionId)> {
    let hopeless = instances.iter().map(|instance| &instance.row);
    hopeless
        .filter(|row| findings.hopeless.contains(&row.id) && row.hostid != HostId(0))
        .map(|row| (row.hostid, HostAppVersionId::of_result(row.appid, row.app_version_id)))
        .collect()
}

async fn punish(tx: &mut Tx, hopeless: &BTreeSet<(HostId, HostAppVersionId)>) -> store::Result<u64> {
    let rows: Vec<(HostId, HostAppVersionId)> = hopeless.iter().copied().collect();
    for (host, version) in &rows {
        tracing::info!(host = host.0, version = version.0, "one job a day: its error is hopeless");
    }
    Ok(tx.punish_hosts(&rows).await? as u64)
}
