//! The messages of a batch, sorted by whose they are. Reads texts and results; decides and locks nothing.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;
use boinc::id::{HostId, MessageId, ResultId};
use boinc::record::{MsgFromHost, ResultRow};
use boinc::trickle::Message;
use store::Store;

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
    pub fn messages(&self) -> Vec<MessageId> {
        let asked = self.by_result.values().chain(self.by_host.values()).flatten().map(|asked| asked.message);
        asked.chain(self.aside.iter().map(|aside| aside.message)).collect()
    }

    /// What is left of it when only these messages are.
    pub fn only(&self, live: &BTreeSet<MessageId>) -> Self {
        Self {
            by_result: among(&self.by_result, live),
            by_host: among(&self.by_host, live),
            aside: self.aside.iter().filter(|aside| live.contains(&aside.message)).cloned().collect(),
            left_alone: self.left_alone,
        }
    }
}

fn among<K: Ord + Copy>(
    asked: &BTreeMap<K, Vec<Asked>>,
    live: &BTreeSet<MessageId>,
) -> BTreeMap<K, Vec<Asked>> {
    let live = |asked: &&Asked| live.contains(&asked.message);
    asked
        .iter()
        .map(|(key, asked)| (*key, asked.iter().filter(live).copied().collect::<Vec<_>>()))
        .filter(|(_, asked)| !asked.is_empty())
        .collect()
}

/// Reads the texts of `messages`, all of `variety`, and looks up the results that they name.
pub async fn sort(
    store: &Store,
    policies: &Policies,
    messages: &[MsgFromHost],
    variety: &str,
) -> Result<Sorted> {
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
    let loaded = store.read("results of trickles", async |conn| conn.results_by_name(&names).await).await?;
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
