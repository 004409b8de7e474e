//! The messages of a batch, sorted by whose they are. Reads texts and results; decides nothing, and locks nothing but
//! the messages, which nobody else wants.

use std::collections::{BTreeMap, BTreeSet};

use boinc::id::{HostId, MessageId, ResultId};
use boinc::record::{MsgFromHost, ResultRow};
use boinc::trickle::Message;
use store::Conn;

use crate::claim::{self, Aside, Asked};
use crate::policies::Policies;

/// See the module.
#[derive(Debug, Default)]
pub struct Sorted {
    /// In the order of message ids.
    pub by_result: BTreeMap<ResultId, Vec<Asked>>,
    /// Those that are held against no result, by who sent them; in the order of message ids.
    pub by_host: BTreeMap<HostId, Vec<Asked>>,
    /// Those that can't be used.
    pub aside: Vec<Aside>,
    /// Those of applications that this daemon does not serve.
    pub left_alone: u64,
}

impl Sorted {
    /// All messages but those that are left alone.
    pub fn messages(&self) -> BTreeSet<MessageId> {
        let asked = self.by_result.values().chain(self.by_host.values()).flatten().map(|asked| asked.message);
        asked.chain(self.aside.iter().map(|aside| aside.message)).collect()
    }
}

/// Reads the texts of `messages`, all of `variety`, and looks up the results that they name.
pub async fn sort(
    conn: &mut Conn,
    policies: &Policies,
    messages: &[MsgFromHost],
    variety: &str,
) -> store::Result<Sorted> {
    let mut sorted = Sorted::default();
    if let Some(rule) = policies.stock() {
        for row in messages {
            match claim::read_as_stock(row, rule) {
                Ok(asked) => sorted.by_host.entry(row.hostid).or_default().push(asked),
                Err(aside) => sorted.aside.push(aside),
            }
        }
        return Ok(sorted);
    }
    let mut parsed: Vec<(&MsgFromHost, Message)> = Vec::new();
    for row in messages {
        match claim::parse(row) {
            Ok(message) => parsed.push((row, message)),
            Err(aside) => sorted.aside.push(aside),
        }
    }
    let names: BTreeSet<&str> = parsed.iter().filter_map(|(_, m)| m.result_name.as_deref()).collect();
    let names: Vec<&str> = names.into_iter().collect();
    let loaded = conn.results_by_name(&names).await?;
    for bad in &loaded.bad {
        tracing::error!(result = bad.id, "{bad}; its trickles are set aside");
    }
    // The database compares names without case.
    let by_name: BTreeMap<&str, &ResultRow> =
        loaded.rows.iter().map(|row| (row.name.as_str(), row)).collect();
    for (row, message) in &parsed {
        let result = message.result_name.as_deref().map(|name| by_name.get(name));
        match result {
            None => without_result(&mut sorted, policies, row, message, variety),
            Some(None) => sorted
                .aside
                .push(Aside::unusable(row.id, "there is no result of that name, or its row makes no sense")),
            Some(Some(result)) => match policies.of(result.appid, variety) {
                None => sorted.left_alone += 1,
                Some((_, rule)) => match claim::read(row, message, rule) {
                    Ok(asked) => sorted.by_result.entry(result.id).or_default().push(asked),
                    Err(aside) => sorted.aside.push(aside),
                },
            },
        }
    }
    Ok(sorted)
}

fn without_result(
    sorted: &mut Sorted,
    policies: &Policies,
    row: &MsgFromHost,
    message: &Message,
    variety: &str,
) {
    match policies.payer(variety) {
        Err(nobody) => sorted.aside.push(Aside::unusable(row.id, nobody)),
        Ok(None) => sorted.left_alone += 1,
        Ok(Some(payer)) => match claim::read(row, message, payer.rule) {
            Ok(asked) => sorted.by_host.entry(row.hostid).or_default().push(asked),
            Err(aside) => sorted.aside.push(aside),
        },
    }
}
