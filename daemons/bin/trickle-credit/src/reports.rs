//! Guest reports: what happened inside the virtual machines, read from messages and added up per result and day.
//!
//! Invariant: decided on locked results and written in the transaction that handles the messages. A message that is also
//! a claim is counted as one; its report is stored beside it, or set aside with kind `report`. Every other message is
//! counted in `cobblestone_report.messages`, or set aside. Nothing is dropped: of increments that come to more than a
//! result can have, the message that was cut is counted, and its text kept beside it with kind `report`.

use std::collections::{BTreeMap, BTreeSet};

use app_config::ReportRule;
use boinc::guest_report;
use boinc::id::{MessageId, ResultId, WorkunitId};
use boinc::printable::printable;
use boinc::record::{MsgFromHost, ResultRow};
use boinc::trickle::{Identity, Meaning, Sender};
use rules::guest::{Arrival, Days, Taken};
use rules::kin::Kin;
use rules::uptime::{Refusal, day_of};
use store::Tx;
use store::reports::{ReportDay, ReportRow};

use crate::claim::Aside;
use crate::policies::Policies;

/// Characters of a guest's name for a count that are shown.
const SHOWN: usize = 40;

/// A report that could be read.
#[derive(Debug, Clone, Copy)]
pub struct Reported {
    #[allow(missing_docs)]
    pub message: MessageId,
    /// Who sent it.
    pub host: boinc::id::HostId,
    arrival: Arrival,
    /// The message is no claim.
    alone: bool,
}

/// Reads the report in a message about `result`. `alone`: the message is no claim.
///
/// # Errors
/// It can't be used; the reason is short and printable.
pub fn read(
    row: &MsgFromHost,
    rule: &ReportRule,
    result: &ResultRow,
    alone: bool,
) -> Result<Reported, Aside> {
    let aside = |reason: &dyn ToString| aside(row.id, alone, reason.to_string());
    let found = guest_report::read(&row.xml, rule.format, &rule.names()).map_err(|error| aside(&error))?;
    if found.result_name != result.name {
        // Other elements than those that the client put in front name another one.
        return Err(aside(&"message names two results"));
    }
    // What alone is more than a result can have counts for nothing, whatever came before.
    if let Some((name, count, key, most)) = rule.beyond(found.report) {
        let name = printable(name, SHOWN);
        return Err(aside(&format!("{name} is {count}, more than a result can have ({key} = {most})")));
    }
    let identity = Identity::of(Sender::Entitled, &found.result_name, found.time, &row.variety, &row.xml);
    let arrival = Arrival { day: day_of(row.create_time), identity, report: found.report };
    Ok(Reported { message: row.id, host: row.hostid, arrival, alone })
}

fn aside(message: MessageId, alone: bool, reason: String) -> Aside {
    if alone { Aside::unusable(message, reason) } else { Aside::report(message, reason) }
}

/// What is to be written.
#[derive(Debug, Default)]
pub struct Reports {
    rows: Vec<ReportRow>,
    days: Vec<ReportDay>,
    increments: Vec<(Identity, ResultId, i32)>,
    aside: Vec<Aside>,
    /// Messages that are counted here.
    pub counted: u64,
}

/// Decides what the reports of locked results come to.
pub async fn add_up(
    tx: &mut Tx,
    policies: &Policies,
    reported: &BTreeMap<ResultId, Vec<Reported>>,
    results: &BTreeMap<ResultId, ResultRow>,
    kin: &Kin,
    variety: &str,
    now: f64,
) -> store::Result<Reports> {
    let mut reports = Reports::default();
    if reported.is_empty() {
        return Ok(reports);
    }
    let ids: Vec<ResultId> = reported.keys().copied().collect();
    let mut rows: BTreeMap<ResultId, ReportRow> =
        tx.reports(&ids, Some(variety)).await?.into_iter().map(|row| (row.result, row)).collect();
    let mut days: BTreeMap<ResultId, Days> = BTreeMap::new();
    for day in tx.report_days(&ids, variety).await? {
        days.entry(day.result).or_default().counts.insert(day.day, day.counts);
    }
    let increment = |row: &&ResultRow| {
        policies.report(row.appid, variety).is_some_and(|rule| rule.meaning == Meaning::Increment)
    };
    let increments: BTreeSet<ResultId> = results.values().filter(increment).map(|row| row.id).collect();
    let identities = reported.iter().filter(|(id, _)| increments.contains(id)).flat_map(|(_, all)| all);
    let identities: BTreeSet<Identity> = identities.map(|one| one.arrival.identity).collect();
    let known = tx.known_report_increments(&identities.into_iter().collect::<Vec<_>>()).await?;
    let new: BTreeSet<WorkunitId> = results
        .values()
        .filter(|row| reported.contains_key(&row.id) && !rows.contains_key(&row.id))
        .map(|row| row.workunitid)
        .collect();
    let campaigns = tx.campaigns_of(&new.into_iter().collect::<Vec<_>>()).await?;

    for (id, all) in reported {
        let found = results.get(id).and_then(|row| Some((row, policies.report(row.appid, variety)?)));
        let Some((result, rule)) = found else {
            let gone = all.iter().filter(|one| one.alone);
            let reason = "its result is gone from the database";
            reports.aside.extend(gone.map(|one| Aside::unusable(one.message, reason)));
            continue;
        };
        let before = days.remove(id).unwrap_or_default();
        let of_result = |one: &&Reported| known.contains_key(&one.arrival.identity);
        let mut after = before.clone();
        after.known = all
            .iter()
            .filter(of_result)
            .filter_map(|one| Some((one.arrival.identity, *known.get(&one.arrival.identity)?)))
            .collect();
        let mut counted = 0;
        for one in all {
            if !kin.speaks_for(one.host, result.hostid) {
                reports.aside.push(aside(one.message, one.alone, Refusal::OtherHost.to_string()));
                continue;
            }
            let sum = after.total().plus(one.arrival.report);
            if after.count(rule.meaning, one.arrival, rule.most()) == Taken::Cut {
                // The message is counted all the same: the entry stands beside it.
                let beyond = rule.beyond(sum);
                let key = beyond.map_or_else(String::new, |(_, _, key, most)| format!(" ({key} = {most})"));
                let reason = format!(
                    "the increments of its result come to more than a result can have{key}; counted up to there"
                );
                reports.aside.push(Aside::report(one.message, reason));
            }
            counted += i32::from(one.alone);
        }
        reports.counted += u64::try_from(counted).unwrap_or(0);
        for (day, counts) in &after.counts {
            if before.counts.get(day) != Some(counts) {
                let (day, counts) = (*day, *counts);
                reports.days.push(ReportDay { result: *id, variety: variety.to_owned(), day, counts });
            }
        }
        let counts_now = after.known.iter().filter(|(identity, day)| known.get(identity) != Some(day));
        reports.increments.extend(counts_now.map(|(identity, day)| (*identity, *id, *day)));
        let total = after.total();
        let old = rows.remove(id);
        if counted == 0 && old.as_ref().map_or(total == Default::default(), |old| old.total == total) {
            continue;
        }
        reports.rows.push(ReportRow {
            result: *id,
            variety: variety.to_owned(),
            host: result.hostid,
            app: result.appid,
            workunit: result.workunitid,
            campaign: old
                .as_ref()
                .map_or_else(|| campaigns.get(&result.workunitid).copied().unwrap_or(0), |old| old.campaign),
            total,
            messages: old.map_or(0, |old| old.messages).saturating_add(counted),
            time: now,
        });
    }
    Ok(reports)
}

impl Reports {
    /// Those that can't be used; of a message that is set aside already, one entry is enough.
    pub fn set_aside(&self, aside: &mut Vec<Aside>) {
        let known: BTreeSet<MessageId> =
            aside.iter().filter(|one| one.kind == "trickle").map(|one| one.message).collect();
        aside.extend(self.aside.iter().filter(|one| !known.contains(&one.message)).cloned());
    }

    /// Writes it.
    pub async fn write(&self, tx: &mut Tx) -> store::Result<()> {
        tx.write_reports(&self.rows).await?;
        tx.write_report_days(&self.days).await?;
        tx.write_report_increments(&self.increments).await
    }

    /// With `--dry_run`.
    pub fn tell(&self) {
        for row in &self.rows {
            let total = row.total;
            tracing::info!(
                result = row.result.0,
                host = row.host.0,
                received = total.received,
                succeeded = total.succeeded,
                failed = total.failed,
                events = total.events,
                "would store a guest report"
            );
        }
    }
}
