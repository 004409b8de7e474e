//! One batch of workunits: examine their files, then judge and write in one transaction.
//!
//! The rules judge rows that are locked, with the evidence found before. Evidence that no longer fits (a result came
//! in meanwhile) leaves that workunit to the next pass. Credit, verdicts and the ledger are written together.

use std::collections::{BTreeMap, BTreeSet};

use boinc::id::{AppId, HostAppVersionId, HostId, MessageId, ResultId, TeamId, UserId, WorkunitId};
use boinc::ledger::LedgerEntry;
use boinc::record::{AppVersion, ResultRow, Workunit};
use boinc::state::ValidateState;
use boinc::verdict::KeptJudgement;
use rules::books::{Books, Versions};
use rules::credit::CreditMode;
use rules::judge::{Instance, Judgement, Options, Paid, Verdict, Weight, judge};
use rules::uptime::{Bound, HostDays, InvalidResults, ResultFacts, days_between};
use store::Tx;
use store::host_accounts::HostDay;
use store::trickles::{Disallowed, Mark};
use store::validation::{ResultUpdate, WorkunitUpdate};
use verdicts::{Circumstances, Findings};

use crate::aside;
use crate::examined::Examined;

/// What became of a batch.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Workunits that got a canonical result.
    pub canonical: u64,
    /// Workunits without consensus yet.
    pub no_consensus: u64,
    /// Workunits with late results only.
    pub stragglers: u64,
    /// Workunits with too few results.
    pub too_few: u64,
    /// Workunits whose files can't be read now.
    pub later: u64,
    /// Left to the next pass.
    pub changed_meanwhile: u64,
    /// Locked by another instance, or judged by it meanwhile.
    pub busy: u64,
    /// Workunits with rows that make no sense, or that were looked at in vain too often.
    pub set_aside: u64,
    /// Results found valid.
    pub valid: u64,
    /// Results found invalid.
    pub invalid: u64,
    /// Versions of hosts that get one job a day.
    pub punished: u64,
}

impl Counts {
    /// Workunits that were judged.
    pub fn judged(&self) -> u64 {
        self.canonical + self.no_consensus + self.stragglers + self.too_few + self.later
    }
}

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

    let result_ids: Vec<ResultId> =
        results.rows.iter().filter(|row| row.hostid != HostId(0)).map(|row| row.id).collect();
    let marks: BTreeMap<ResultId, Mark> =
        tx.marks(&result_ids).await?.into_iter().map(|mark| (mark.result, mark)).collect();
    let revoke = bench.options.uptime.invalid_results == InvalidResults::Revoke;
    let paid: Vec<ResultId> = marks.keys().copied().filter(|_| revoke).collect();
    let seconds = tx.seconds_paid(&paid).await?;
    let mut by_workunit: BTreeMap<WorkunitId, Vec<Instance>> = BTreeMap::new();
    for row in &results.rows {
        let paid = Paid {
            sent_time: marks.get(&row.id).map_or(0, |mark| mark.sent_time),
            credit: marks.get(&row.id).map_or(0.0, |mark| mark.credit_paid),
            // The mark says how far trickles got: as many seconds as they were paid, unless all was taken back.
            seconds: match seconds.get(&row.id) {
                Some(seconds) => *seconds,
                None => marks
                    .get(&row.id)
                    .filter(|mark| mark.credit_paid > 0.0)
                    .map_or(0.0, |mark| mark.seconds_paid),
            },
        };
        by_workunit.entry(row.workunitid).or_default().push(Instance { row: row.clone(), paid });
    }
    let mut books = open_books(tx, &bench.options, &results.rows).await?;
    load_days(tx, &bench.options, &results.rows, &marks, &mut books).await?;
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
                count(&mut counts, &judgement);
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
        write(tx, &bench.options, &rows, &results.rows, &judgements, &marks, &books).await?;
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

/// Locks everything that the rules may change: statistics, hosts, users, teams.
pub async fn open_books(tx: &mut Tx, options: &Options<'_>, results: &[ResultRow]) -> store::Result<Books> {
    let app: AppId = options.app.id;
    let hosts: BTreeSet<HostId> =
        results.iter().map(|row| row.hostid).filter(|id| *id != HostId(0)).collect();
    let hosts: Vec<HostId> = hosts.into_iter().collect();
    let mut books = Books::new(Versions::new(tx.app_versions(app).await?));
    for row in tx.lock_host_app_versions(&hosts).await? {
        books.add_host_app_version(row);
    }
    let hosts = tx.lock_hosts(&hosts).await?;
    let mut users: BTreeSet<UserId> = hosts.iter().map(|host| host.userid).collect();
    let locked = tx.lock_users(&users.iter().copied().collect::<Vec<_>>()).await?;
    let mut teams: BTreeSet<TeamId> = locked.iter().map(|user| user.teamid).collect();
    let wanted: Vec<TeamId> = teams.iter().copied().filter(|id| *id != TeamId(0)).collect();
    for row in tx.lock_teams(&wanted).await? {
        books.add_team(row);
    }
    if options.credit_by_app {
        users.extend(results.iter().map(|row| row.userid));
        teams.extend(results.iter().map(|row| row.teamid));
        for row in tx.lock_credit_users(app, &users.into_iter().collect::<Vec<_>>()).await? {
            books.add_credit_user(row);
        }
        for row in tx.lock_credit_teams(app, &teams.into_iter().collect::<Vec<_>>()).await? {
            books.add_credit_team(row);
        }
    }
    hosts.into_iter().for_each(|row| books.add_host(row));
    locked.into_iter().for_each(|row| books.add_user(row));
    Ok(books)
}

/// What the days of hosts have paid so far, where uptime is settled and the application caps it. The hosts are locked.
async fn load_days(
    tx: &mut Tx,
    options: &Options<'_>,
    results: &[ResultRow],
    marks: &BTreeMap<ResultId, Mark>,
    books: &mut Books,
) -> store::Result<()> {
    let Some(cap) = options.uptime.max_seconds_per_host_and_day else { return Ok(()) };
    if options.credit_mode != CreditMode::Uptime {
        return Ok(());
    }
    let mut hosts = BTreeSet::new();
    let mut span: Option<(i32, i32)> = None;
    for row in results.iter().filter(|row| row.hostid != HostId(0)) {
        let Some(received) = ResultFacts::of(row).received_time else { continue };
        let sent = marks.get(&row.id).map_or(row.sent_time, |mark| mark.first_sent(row));
        let days = days_between(sent, received);
        let (first, last) = span.unwrap_or((i32::MAX, i32::MIN));
        span = Some((first.min(*days.start()), last.max(*days.end())));
        hosts.insert(row.hostid);
    }
    let Some((first, last)) = span else { return Ok(()) };
    let ids: Vec<HostId> = hosts.into_iter().collect();
    let mut paid: BTreeMap<HostId, Vec<(i32, f64)>> = BTreeMap::new();
    for day in tx.host_days(options.app.id, &ids, first, last).await? {
        paid.entry(day.host).or_default().push((day.day, day.seconds));
    }
    for host in ids {
        let days = HostDays::new(Some(cap), paid.remove(&host).unwrap_or_default());
        books.add_host_days(host, days);
    }
    Ok(())
}

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

async fn write(
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
            marks.get(&entry.result).cloned().unwrap_or(Mark {
                result: row.id,
                host: row.hostid,
                app: row.appid,
                seconds_paid: 0.0,
                largest_claim: 0.0,
                credit_paid: 0.0,
                messages: 0,
                time: options.now,
                sent_time: row.sent_time,
            })
        });
        mark.credit_paid += entry.credit;
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
async fn write_versions(tx: &mut Tx, options: &Options<'_>, books: &Books) -> store::Result<()> {
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

fn count(counts: &mut Counts, judgement: &Judgement) {
    match judgement.verdict {
        Verdict::Canonical(_) => counts.canonical += 1,
        Verdict::NoConsensus => counts.no_consensus += 1,
        Verdict::Stragglers => counts.stragglers += 1,
        Verdict::TooFew => counts.too_few += 1,
        Verdict::Later | Verdict::CanonicalMissing => counts.later += 1,
    }
    for change in &judgement.results {
        match change.validate_state {
            ValidateState::Valid => counts.valid += 1,
            ValidateState::Invalid => counts.invalid += 1,
            _ => {}
        }
    }
}

/// Log lines of what was decided, after it was committed.
pub fn tell(judgements: &[Judgement]) {
    for judgement in judgements {
        let wu = judgement.workunit.id.0;
        for note in &judgement.notes {
            let result = note.result.map_or(0, |id| id.0);
            match note.weight {
                Weight::Warning => tracing::info!(wu, result, "{}", note.text),
                Weight::Info => tracing::debug!(wu, result, "{}", note.text),
            }
        }
        for change in
            judgement.results.iter().filter(|change| change.validate_state == ValidateState::Invalid)
        {
            tracing::info!(wu, result = change.id.0, "invalid");
        }
        tracing::debug!(wu, verdict = ?judgement.verdict, "judged");
    }
}
