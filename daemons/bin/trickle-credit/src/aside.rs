//! What is kept of messages that can't be used, and what is said of them.
//!
//! Nothing is dropped: each message that is set aside has its row with the reason, and BOINC keeps its text in
//! `msg_from_host`. A copy of the text goes into the row for the first [`TEXTS`] of a host and day, so that a host that
//! sends rubbish by the hundred thousand fills neither the quarantine nor the log. Counted in memory: a restart begins
//! anew.

use std::collections::{BTreeMap, HashMap};

use boinc::id::{HostId, MessageId};
use boinc::record::MsgFromHost;
use rules::uptime::day_of;
use store::quarantine::SetAside;

use crate::batch::{Context, DAEMON};
use crate::claim::Aside;

/// Texts of a host that are copied on one day, by one instance.
pub const TEXTS: u32 = 100;

/// Lines of a kind that a batch writes to the log at normal level. The others show at `-d 3`.
const LINES: u64 = 5;

/// Lines of one kind in a batch: the first few are for everybody.
#[derive(Debug, Default)]
pub struct Few(u64);

impl Few {
    /// Counts one; whether it is among the first few.
    pub fn one(&mut self) -> bool {
        self.0 += 1;
        self.0 <= LINES
    }

    /// How many were not.
    pub fn rest(&self) -> u64 {
        self.0.saturating_sub(LINES)
    }
}

/// Texts that were copied today, by who sent them.
#[derive(Debug, Default)]
pub struct Texts {
    day: i32,
    hosts: HashMap<HostId, u32>,
}

impl Texts {
    fn of(&self, host: HostId, now: f64) -> u32 {
        let today = self.day == day(now);
        self.hosts.get(&host).copied().filter(|_| today).unwrap_or(0)
    }

    /// Counts those of a batch that was committed.
    pub fn keep(&mut self, texts: &BTreeMap<HostId, u32>, now: f64) {
        if self.day != day(now) {
            *self = Self { day: day(now), hosts: HashMap::new() };
        }
        for (host, more) in texts {
            *self.hosts.entry(*host).or_default() += more;
        }
    }
}

#[allow(clippy::cast_possible_truncation)]
fn day(now: f64) -> i32 {
    day_of(now as i32)
}

/// Rows of the quarantine.
#[derive(Debug, Default)]
pub struct Rows {
    pub rows: Vec<SetAside>,
    /// Texts in them, by who sent them.
    pub texts: BTreeMap<HostId, u32>,
}

impl Rows {
    /// For what is set aside of `messages`.
    pub fn of(aside: &[Aside], messages: &[MsgFromHost], context: &Context<'_>) -> Self {
        let raw: HashMap<MessageId, &MsgFromHost> =
            messages.iter().map(|message| (message.id, message)).collect();
        let mut rows = Self::default();
        let mut few = Few::default();
        let what = if context.dry_run { "would set it aside" } else { "message set aside" };
        for a in aside {
            let message = raw.get(&a.message);
            let host = message.map_or(HostId(0), |m| m.hostid);
            if few.one() {
                tracing::info!(message = a.message.0, host = host.0, reason = a.reason, "{what}");
            } else {
                tracing::debug!(message = a.message.0, host = host.0, reason = a.reason, "{what}");
            }
            let copied = rows.texts.entry(host).or_default();
            let keep = context.texts.of(host, context.now).saturating_add(*copied) < TEXTS;
            *copied += u32::from(keep);
            rows.rows.push(SetAside {
                time: context.now,
                daemon: DAEMON,
                kind: a.kind,
                id: a.message.0.into(),
                host,
                reason: a.reason.clone(),
                raw: message.filter(|_| keep).map(|m| m.xml.clone()),
            });
        }
        if few.rest() > 0 {
            let more = few.rest();
            if context.dry_run {
                tracing::info!(more, "would set more messages aside; -d 3 shows each");
            } else {
                tracing::info!(
                    more,
                    "more messages set aside; -d 3 shows each, and `cobblestone quarantine list`"
                );
            }
        }
        rows
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_has_its_number_of_texts_each_day() {
        let mut texts = Texts::default();
        let (host, other) = (HostId(1), HostId(2));
        texts.keep(&BTreeMap::from([(host, 60)]), 86_400.0);
        texts.keep(&BTreeMap::from([(host, 40)]), 86_500.0);
        assert_eq!((texts.of(host, 90_000.0), texts.of(other, 90_000.0)), (100, 0));
        assert_eq!(texts.of(host, 2.0 * 86_400.0), 0);
        texts.keep(&BTreeMap::from([(other, 1)]), 2.0 * 86_400.0);
        assert_eq!((texts.of(host, 2.0 * 86_400.0), texts.of(other, 2.0 * 86_400.0)), (0, 1));
    }

    #[test]
    fn a_few_lines_and_how_many_more() {
        let mut few = Few::default();
        assert_eq!((0..7).filter(|_| few.one()).count(), 5);
        assert_eq!(few.rest(), 2);
    }
}
