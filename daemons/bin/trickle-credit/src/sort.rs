//! The messages of a batch, sorted by whose they are. Reads texts and results; decides nothing, and locks nothing but
//! the messages, which nobody else wants.

use std::collections::{BTreeMap, BTreeSet};

use boinc::id::{HostId, MessageId, ResultId};
use boinc::record::{MsgFromHost, ResultRow};
use boinc::trickle::{Message, Sender, envelope};
use rules::kin::Kin;
use rules::uptime::ClaimRule;
use store::Conn;

use crate::batch::DAEMON;
use crate::claim::{self, Aside, Asked};
use crate::kin::{kin, sender};
use crate::policies::Policies;
use crate::reports::{self, Reported};

/// Why a report that was given back comes back.
const NO_REPORT: &str = "its application declares no guest reports of this variety";

/// See the module.
#[derive(Debug, Default)]
pub struct Sorted {
    /// In the order of message ids.
    pub by_result: BTreeMap<ResultId, Vec<Asked>>,
    /// Those that are held against no result, by who sent them; in the order of message ids.
    pub by_host: BTreeMap<HostId, Vec<Asked>>,
    /// Guest reports, by the result that they are about; in the order of message ids.
    pub reports: BTreeMap<ResultId, Vec<Reported>>,
    /// Those that can't be used.
    pub aside: Vec<Aside>,
    /// Those of applications that this daemon does not serve.
    pub left_alone: Vec<MessageId>,
    /// Those of which a person gave the report back: what else they are is counted, and not looked at.
    pub reports_only: BTreeSet<MessageId>,
}

impl Sorted {
    /// Lets the hosts that may speak for a result speak as the one that has it, now that results are locked. Returns what
    /// was found out about them.
    pub async fn adopt(
        &mut self,
        conn: &mut Conn,
        results: &BTreeMap<ResultId, ResultRow>,
    ) -> store::Result<Kin> {
        let mut strangers: BTreeSet<HostId> = BTreeSet::new();
        for (id, result) in results {
            let claims = self.by_result.get(id).into_iter().flatten().map(|asked| asked.host);
            let reports = self.reports.get(id).into_iter().flatten().map(|reported| reported.host);
            let mut others = claims.chain(reports).filter(|host| *host != result.hostid).peekable();
            if others.peek().is_some() {
                strangers.extend(others);
                strangers.insert(result.hostid);
            }
        }
        let kin = kin(conn, strangers).await?;
        for (id, asked) in &mut self.by_result {
            let Some(result) = results.get(id) else { continue };
            for asked in asked.iter_mut().filter(|asked| kin.speaks_for(asked.host, result.hostid)) {
                asked.host = result.hostid;
            }
        }
        Ok(kin)
    }

    /// Of messages whose report was given back, nothing but the report is looked at, and what can't be used of them is the
    /// report.
    fn forget_claims(&mut self) {
        if self.reports_only.is_empty() {
            return;
        }
        let only = std::mem::take(&mut self.reports_only);
        let mut claims = Vec::new();
        for all in self.by_host.values_mut() {
            claims.extend(all.iter().map(|asked| asked.message).filter(|id| only.contains(id)));
            all.retain(|asked| !only.contains(&asked.message));
        }
        self.by_host.retain(|_, all| !all.is_empty());
        self.aside.extend(claims.into_iter().map(|id| Aside::report(id, NO_REPORT)));
        for aside in self.aside.iter_mut().filter(|aside| only.contains(&aside.message)) {
            *aside = Aside::report(aside.message, &aside.reason);
        }
        self.reports_only = only;
    }

    /// All messages but those that are left alone.
    pub fn messages(&self) -> BTreeSet<MessageId> {
        let asked = self.by_result.values().chain(self.by_host.values()).flatten().map(|asked| asked.message);
        let reports = self.reports.values().flatten().map(|reported| reported.message);
        asked.chain(reports).chain(self.aside.iter().map(|aside| aside.message)).collect()
    }
}

/// Reads the texts of `messages`, all of `variety`, and looks up the results that they name.
pub async fn sort(
    conn: &mut Conn,
    policies: &Policies,
    messages: &[MsgFromHost],
    variety: &str,
) -> store::Result<Sorted> {
    let ids: Vec<i64> = messages.iter().map(|row| row.id.0.into()).collect();
    let reports_only = messages_of(conn.released_reports(DAEMON, &ids).await?);
    let mut sorted = sort_all(conn, policies, messages, variety, reports_only).await?;
    sorted.forget_claims();
    Ok(sorted)
}

/// Ids of messages, as the quarantine has them.
pub fn messages_of(ids: Vec<i64>) -> BTreeSet<MessageId> {
    ids.into_iter().filter_map(|id| i32::try_from(id).ok()).map(MessageId).collect()
}

async fn sort_all(
    conn: &mut Conn,
    policies: &Policies,
    messages: &[MsgFromHost],
    variety: &str,
    reports_only: BTreeSet<MessageId>,
) -> store::Result<Sorted> {
    let mut sorted = Sorted { reports_only, ..Sorted::default() };
    if let Some(rule) = policies.stock() {
        let hosts: BTreeSet<HostId> = messages.iter().map(|row| row.hostid).collect();
        let kin = kin(conn, hosts).await?;
        for row in messages {
            let (sender, host) = sender(&kin, row.hostid);
            match claim::read_as_stock(row, rule, sender) {
                Ok(asked) => sorted.by_host.entry(host).or_default().push(Asked { host, ..asked }),
                Err(aside) => sorted.aside.push(aside),
            }
        }
        return Ok(sorted);
    }
    let reporting = policies.reports(variety);
    let mut parsed: Vec<(&MsgFromHost, Text<'_>)> = Vec::new();
    for row in messages {
        match claim::parse(row) {
            Ok(message) => parsed.push((row, Text::Xml(message))),
            Err(aside) if reporting => match envelope(&row.xml) {
                Ok(found) => parsed.push((row, Text::Other { result_name: found.result_name, aside })),
                Err(error) => sorted.aside.push(Aside::unusable(row.id, error)),
            },
            Err(aside) => sorted.aside.push(aside),
        }
    }
    let names: BTreeSet<&str> = parsed.iter().filter_map(|(_, text)| text.result_name()).collect();
    let names: Vec<&str> = names.into_iter().collect();
    let loaded = conn.results_by_name(&names).await?;
    for bad in &loaded.bad {
        tracing::error!(result = bad.id, "{bad}; its trickles are set aside");
    }
    // The database compares names without case.
    let by_name: BTreeMap<&str, &ResultRow> =
        loaded.rows.iter().map(|row| (row.name.as_str(), row)).collect();
    let nameless = parsed.iter().filter(|(_, text)| text.result_name().is_none());
    let nameless: BTreeSet<HostId> = nameless.map(|(row, _)| row.hostid).collect();
    let kin = if nameless.is_empty() { Kin::default() } else { kin(conn, nameless).await? };
    for (row, text) in &parsed {
        let result = text.result_name().map(|name| by_name.get(name));
        match result {
            None => without_result(&mut sorted, policies, &kin, row, text, variety),
            Some(None) => sorted
                .aside
                .push(Aside::unusable(row.id, "there is no result of that name, or its row makes no sense")),
            Some(Some(result)) => about_result(&mut sorted, policies, row, text, result, variety),
        }
    }
    Ok(sorted)
}

/// A message's text.
enum Text<'a> {
    Xml(Message),
    /// It may be a report all the same. As a claim it is set aside.
    Other {
        result_name: &'a str,
        aside: Aside,
    },
}

impl Text<'_> {
    fn result_name(&self) -> Option<&str> {
        match self {
            Self::Xml(message) => message.result_name.as_deref(),
            Self::Other { result_name, .. } => Some(result_name),
        }
    }

    fn claim(&self, row: &MsgFromHost, rule: &ClaimRule, sender: Sender) -> Result<Asked, Aside> {
        match self {
            Self::Xml(message) => claim::read(row, message, rule, sender),
            Self::Other { aside, .. } => Err(aside.clone()),
        }
    }
}

/// A claim, a report, or both.
fn about_result(
    sorted: &mut Sorted,
    policies: &Policies,
    row: &MsgFromHost,
    text: &Text<'_>,
    result: &ResultRow,
    variety: &str,
) {
    let report_only = sorted.reports_only.contains(&row.id);
    let claim = policies.of(result.appid, variety).filter(|_| !report_only);
    let claim = claim.map(|(_, rule)| text.claim(row, rule, Sender::Entitled));
    let report = policies.report(result.appid, variety);
    let report = report.map(|rule| reports::read(row, rule, result, claim.is_none() && !report_only));
    if claim.is_none() && report.is_none() {
        // What it claims was counted. If nobody declares the variety any more, it waits like all such messages.
        if report_only && policies.of(result.appid, variety).is_some() {
            sorted.aside.push(Aside::report(row.id, NO_REPORT));
        } else {
            sorted.left_alone.push(row.id);
        }
    }
    let useless = matches!(claim, Some(Err(_)));
    match claim {
        Some(Ok(asked)) => sorted.by_result.entry(result.id).or_default().push(asked),
        Some(Err(aside)) => sorted.aside.push(aside),
        None => {}
    }
    match report {
        Some(Ok(reported)) => sorted.reports.entry(result.id).or_default().push(reported),
        // One entry is enough.
        Some(Err(aside)) if !useless => sorted.aside.push(aside),
        Some(Err(_)) | None => {}
    }
}

fn without_result(
    sorted: &mut Sorted,
    policies: &Policies,
    kin: &Kin,
    row: &MsgFromHost,
    text: &Text<'_>,
    variety: &str,
) {
    let (sender, host) = sender(kin, row.hostid);
    match policies.payer(variety) {
        Err(nobody) => sorted.aside.push(Aside::unusable(row.id, nobody)),
        Ok(None) => sorted.left_alone.push(row.id),
        Ok(Some(payer)) => match text.claim(row, payer.rule, sender) {
            Ok(asked) => sorted.by_host.entry(host).or_default().push(Asked { host, ..asked }),
            Err(aside) => sorted.aside.push(aside),
        },
    }
}
