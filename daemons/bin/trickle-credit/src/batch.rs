//! One batch of messages: read, match with results, decide and write in one transaction.
//!
//! The transaction decides on rows that it has locked, so two instances and two messages of one result can't pay
//! the same second. What was read before only says which rows to lock.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;
use boinc::id::{AppId, HostId, MessageId, ResultId, TeamId, UserId};
use boinc::ledger::{LedgerEntry, LedgerKind};
use boinc::record::{MsgFromHost, ResultRow};
use rules::RULE_VERSION;
use rules::books::{Books, ByApp, Versions};
use rules::uptime::{Claim, Fate, Mark, Payment, ResultFacts, decide};
use store::quarantine::SetAside;
use store::trickles::{Disallowed, Mark as MarkRow};
use store::{Store, Tx};

use crate::claim::{self, Unusable};
use crate::policies::Policies;

/// Name in the quarantine.
pub const DAEMON: &str = "trickle-credit";

/// Seconds before now at which trickled work counts as begun, for the recent average: as stock trickle_credit.
const START_OF_WORK: f64 = 86_400.0;

/// What became of a batch.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Paid in full for what was new in them.
    pub paid: u64,
    /// Nothing that was not paid before.
    pub nothing_new: u64,
    /// Claimed more than was possible; the possible part is paid.
    pub capped: u64,
    /// Could not be used.
    pub set_aside: u64,
    /// Not this daemon's: unhandled still.
    pub left_alone: u64,
}

impl Counts {
    /// Messages that were handled.
    pub fn handled(&self) -> u64 {
        self.paid + self.nothing_new + self.capped + self.set_aside
    }
}

/// What the batch works with.
pub struct Context<'a> {
    /// The project's database.
    pub store: &'a Store,
    /// Which applications pay.
    pub policies: &'a Policies,
    /// Unix seconds.
    pub now: f64,
    /// config.xml: `credit_by_app`
    pub credit_by_app: bool,
    /// Write nothing.
    pub dry_run: bool,
}

/// The messages of a batch, sorted by what can be done with them.
#[derive(Debug, Default)]
struct Sorted {
    /// By result; in the order of message ids.
    claims: BTreeMap<ResultId, Vec<Claim>>,
    unusable: Vec<Unusable>,
    left_alone: u64,
}

/// Handles `messages`, whose claims stand in `<element>`.
pub async fn handle(context: &Context<'_>, messages: &[MsgFromHost], element: &str) -> Result<Counts> {
    let sorted = sort(context, messages, element).await?;
    let raw: BTreeMap<MessageId, &MsgFromHost> =
        messages.iter().map(|message| (message.id, message)).collect();
    let counts =
        context.store.transaction("pay trickles", async |tx| write(tx, context, &sorted, &raw).await).await?;
    Ok(counts)
}

/// Reads the texts and looks up the results that they name.
async fn sort(context: &Context<'_>, messages: &[MsgFromHost], element: &str) -> Result<Sorted> {
    let mut sorted = Sorted::default();
    let mut claimed = Vec::new();
    for message in messages {
        match claim::read(message, element) {
            Ok(claim) => claimed.push(claim),
            Err(unusable) => sorted.unusable.push(unusable),
        }
    }
    let names: BTreeSet<&str> = claimed.iter().map(|c| c.result_name.as_str()).collect();
    let names: Vec<&str> = names.into_iter().collect();
    let loaded =
        context.store.read("results of trickles", async |conn| conn.results_by_name(&names).await).await?;
    for bad in &loaded.bad {
        tracing::error!(result = bad.id, "{bad}; its trickles are set aside");
    }
    let by_name: BTreeMap<&str, &ResultRow> =
        loaded.rows.iter().map(|row| (row.name.as_str(), row)).collect();
    for c in &claimed {
        match by_name.get(c.result_name.as_str()) {
            None => sorted.unusable.push(Unusable {
                message: c.claim.message,
                reason: "there is no result of that name, or its row makes no sense".to_owned(),
            }),
            Some(row) if context.policies.of(row.appid).is_none() => sorted.left_alone += 1,
            Some(row) => sorted.claims.entry(row.id).or_default().push(c.claim),
        }
    }
    Ok(sorted)
}

/// Everything that the transaction writes.
#[derive(Default)]
struct Writes {
    entries: Vec<LedgerEntry>,
    granted: Vec<(ResultId, f64)>,
    marks: Vec<MarkRow>,
    disallowed: Vec<Disallowed>,
    aside: Vec<Unusable>,
    handled: Vec<MessageId>,
    counts: Counts,
}

/// One result with its payments.
struct Decided<'a> {
    row: &'a ResultRow,
    claims: Vec<Claim>,
    payments: Vec<Payment>,
    old: Option<MarkRow>,
    new: Mark,
}

async fn write(
    tx: &mut Tx,
    context: &Context<'_>,
    sorted: &Sorted,
    raw: &BTreeMap<MessageId, &MsgFromHost>,
) -> store::Result<Counts> {
    let usable = sorted.claims.values().flatten().map(|claim| claim.message);
    let wanted: Vec<MessageId> = usable.chain(sorted.unusable.iter().map(|u| u.message)).collect();
    let live: BTreeSet<MessageId> = tx.lock_messages(&wanted).await?.into_iter().collect();
    let mut writes = Writes { handled: live.iter().copied().collect(), ..Writes::default() };
    writes.counts.left_alone = sorted.left_alone;
    writes.aside = sorted.unusable.iter().filter(|u| live.contains(&u.message)).cloned().collect();

    let claims: BTreeMap<ResultId, Vec<Claim>> = sorted
        .claims
        .iter()
        .map(|(id, claims)| {
            (*id, claims.iter().copied().filter(|c| live.contains(&c.message)).collect::<Vec<_>>())
        })
        .filter(|(_, claims)| !claims.is_empty())
        .collect();
    let ids: Vec<ResultId> = claims.keys().copied().collect();
    let rows = tx.lock_results(&ids).await?;
    let marks = tx.marks(&ids).await?;
    let decided = decide_all(context, &rows.rows, &marks, &claims, &mut writes);

    let mut books = open_books(tx, &decided, context.credit_by_app).await?;
    for result in &decided {
        settle(context, &mut books, result, &mut writes);
    }
    let aside = aside_rows(&writes.aside, raw, context.now);
    writes.counts.set_aside = aside.len() as u64;
    if context.dry_run {
        for entry in &writes.entries {
            tracing::info!(
                message = entry.message.0,
                result = entry.result.0,
                host = entry.host.0,
                seconds = entry.seconds,
                credit = entry.credit,
                "would pay"
            );
        }
        return Ok(Counts { ..writes.counts });
    }
    tx.add_granted_credit(&writes.granted).await?;
    tx.write_marks(&writes.marks).await?;
    tx.insert_disallowed(&writes.disallowed).await?;
    tx.pay(&writes.entries, &books.changes()).await?;
    tx.set_aside(&aside).await?;
    tx.mark_handled(&writes.handled).await?;
    Ok(writes.counts)
}

/// Decides on every result that is locked; messages of one that is gone meanwhile are set aside.
fn decide_all<'a>(
    context: &Context<'_>,
    rows: &'a [ResultRow],
    marks: &[MarkRow],
    claims: &BTreeMap<ResultId, Vec<Claim>>,
    writes: &mut Writes,
) -> Vec<Decided<'a>> {
    let rows: BTreeMap<ResultId, &ResultRow> = rows.iter().map(|row| (row.id, row)).collect();
    let marks: BTreeMap<ResultId, &MarkRow> = marks.iter().map(|mark| (mark.result, mark)).collect();
    let mut decided = Vec::new();
    for (id, claims) in claims {
        let found = rows.get(id).and_then(|row| context.policies.of(row.appid).map(|policy| (*row, policy)));
        let Some((row, policy)) = found else {
            let reason = "its result is gone from the database".to_owned();
            writes
                .aside
                .extend(claims.iter().map(|c| Unusable { message: c.message, reason: reason.clone() }));
            continue;
        };
        let old = marks.get(id).map(|mark| (*mark).clone());
        let mark = old.as_ref().map_or_else(Mark::default, |m| Mark {
            paid_seconds: m.seconds_paid,
            largest_claim: m.largest_claim,
            ..Mark::default()
        });
        let (payments, new) = decide(&ResultFacts::of(row), mark, claims, policy);
        decided.push(Decided { row, claims: claims.clone(), payments, old, new });
    }
    decided
}

/// Locks hosts, users and teams that gain something.
async fn open_books(tx: &mut Tx, decided: &[Decided<'_>], credit_by_app: bool) -> store::Result<Books> {
    let gains = decided.iter().filter(|d| d.payments.iter().any(|p| p.credit > 0.0));
    let hosts: BTreeSet<HostId> = gains.clone().map(|d| d.row.hostid).collect();
    let apps: BTreeSet<AppId> = gains.map(|d| d.row.appid).collect();
    let hosts = tx.lock_hosts(&hosts.into_iter().collect::<Vec<_>>()).await?;
    let users: BTreeSet<UserId> = hosts.iter().map(|host| host.userid).collect();
    let users = tx.lock_users(&users.into_iter().collect::<Vec<_>>()).await?;
    let teams: BTreeSet<TeamId> =
        users.iter().map(|user| user.teamid).filter(|id| *id != TeamId(0)).collect();
    let teams = tx.lock_teams(&teams.into_iter().collect::<Vec<_>>()).await?;
    let mut books = Books::new(Versions::default());
    if credit_by_app {
        let user_ids: Vec<UserId> = users.iter().map(|user| user.id).collect();
        let team_ids: Vec<TeamId> =
            users.iter().map(|user| user.teamid).collect::<BTreeSet<_>>().into_iter().collect();
        for app in apps {
            tx.lock_credit_users(app, &user_ids)
                .await?
                .into_iter()
                .for_each(|row| books.add_credit_user(row));
            tx.lock_credit_teams(app, &team_ids)
                .await?
                .into_iter()
                .for_each(|row| books.add_credit_team(row));
        }
    }
    hosts.into_iter().for_each(|row| books.add_host(row));
    users.into_iter().for_each(|row| books.add_user(row));
    teams.into_iter().for_each(|row| books.add_team(row));
    Ok(books)
}

/// Turns the payments of one result into rows.
fn settle(context: &Context<'_>, books: &mut Books, result: &Decided<'_>, writes: &mut Writes) {
    let row = result.row;
    let mut credit = 0.0;
    let mut counted = 0;
    for (claim, payment) in result.claims.iter().zip(&result.payments) {
        if let Fate::NotPayable { reason } = payment.fate {
            writes.aside.push(Unusable { message: payment.message, reason: reason.to_string() });
            continue;
        }
        if payment.credit > 0.0 {
            let by_app = context.credit_by_app.then_some(ByApp { app: row.appid, owner: None, jobs: 0 });
            match books.grant(row.hostid, payment.credit, context.now - START_OF_WORK, context.now, by_app) {
                Ok(payee) => {
                    writes.entries.push(LedgerEntry {
                        when: context.now,
                        kind: LedgerKind::Uptime,
                        message: payment.message,
                        result: row.id,
                        workunit: row.workunitid,
                        host: payee.host,
                        user: payee.user,
                        team: payee.team,
                        app: row.appid,
                        seconds: payment.fate.paid_seconds(),
                        flops: payment.flops,
                        credit: payment.credit,
                        rule_version: RULE_VERSION,
                        reason: reason(claim.seconds, payment.fate),
                    });
                    credit += payment.credit;
                }
                Err(error) => {
                    // The mark moves all the same only if something was paid: so nothing of this result is counted.
                    writes.aside.push(Unusable { message: payment.message, reason: error.to_string() });
                    continue;
                }
            }
        }
        counted += 1;
        match payment.fate {
            Fate::Capped { disallowed, reason, .. } => {
                writes.counts.capped += 1;
                tracing::info!(
                    message = payment.message.0,
                    result = row.id.0,
                    host = row.hostid.0,
                    claimed = claim.seconds,
                    disallowed,
                    "claims too much: {reason}"
                );
                writes.disallowed.push(Disallowed {
                    message: payment.message,
                    result: row.id,
                    host: row.hostid,
                    app: row.appid,
                    claimed: claim.seconds,
                    allowed: claim.seconds - disallowed,
                    reason: reason.to_string(),
                    time: context.now,
                });
            }
            Fate::Paid { .. } => writes.counts.paid += 1,
            // The others don't come of cumulative claims.
            _ => writes.counts.nothing_new += 1,
        }
    }
    if counted == 0 {
        return;
    }
    if credit > 0.0 {
        writes.granted.push((row.id, credit));
    }
    let (credit_before, messages_before) =
        result.old.as_ref().map_or((0.0, 0), |m| (m.credit_paid, m.messages));
    writes.marks.push(MarkRow {
        result: row.id,
        host: row.hostid,
        app: row.appid,
        seconds_paid: result.new.paid_seconds,
        largest_claim: result.new.largest_claim,
        credit_paid: credit_before + credit,
        messages: messages_before + counted,
        time: context.now,
    });
}

/// What a ledger row says of a payment.
fn reason(claimed: f64, fate: Fate) -> String {
    match fate {
        Fate::Capped { disallowed, reason, .. } => {
            format!("uptime up to {} s; claimed {claimed} s: {reason}", claimed - disallowed)
        }
        _ => format!("uptime up to {claimed} s"),
    }
}

fn aside_rows(unusable: &[Unusable], raw: &BTreeMap<MessageId, &MsgFromHost>, now: f64) -> Vec<SetAside> {
    unusable
        .iter()
        .map(|u| {
            let message = raw.get(&u.message);
            let host = message.map_or(HostId(0), |m| m.hostid);
            tracing::info!(message = u.message.0, host = host.0, reason = u.reason, "message set aside");
            SetAside {
                time: now,
                daemon: DAEMON,
                kind: "trickle",
                id: u.message.0.into(),
                host,
                reason: u.reason.clone(),
                raw: message.map(|m| m.xml.clone()),
            }
        })
        .collect()
}
