//! What a dry run would do, for a person: a line for each message that would be paid, cut, held or set aside, and a sum.
//!
//! Nothing is written, so each batch is decided as if it were the first: of a result whose messages lie in several
//! batches the sum can hold more than would be paid.

use std::collections::BTreeMap;

use boinc::id::{HostId, ResultId};
use boinc::record::{MsgFromHost, ResultRow};

use crate::settle::Writes;

/// What would be paid in all.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Told {
    messages: u64,
    seconds: f64,
    credit: f64,
    not_all: u64,
    set_aside: u64,
}

impl Told {
    /// Adds those of another batch.
    pub fn add(&mut self, other: Self) {
        self.messages += other.messages;
        self.seconds += other.seconds;
        self.credit += other.credit;
        self.not_all += other.not_all;
        self.set_aside += other.set_aside;
    }

    /// The last line of a dry run.
    pub fn sum(self) {
        let Self { messages, seconds, credit, not_all, set_aside } = self;
        tracing::info!(
            messages,
            seconds,
            credit,
            claimed_too_much = not_all,
            set_aside,
            "dry run: would pay in all"
        );
    }
}

/// Says what a batch would do.
pub fn tell(writes: &Writes, results: &BTreeMap<ResultId, ResultRow>, messages: &[MsgFromHost]) -> Told {
    let name = |id: ResultId| results.get(&id).map_or("", |row| row.name.as_str());
    let mut told = Told::default();
    for entry in &writes.entries {
        told.messages += 1;
        told.seconds += entry.seconds;
        told.credit += entry.credit;
        tracing::info!(
            message = entry.message.0,
            result = name(entry.result),
            host = entry.host.0,
            seconds = entry.seconds,
            credit = entry.credit,
            reason = entry.reason,
            "would pay"
        );
    }
    for row in &writes.disallowed {
        told.not_all += 1;
        tracing::info!(
            message = row.message.0,
            result = name(row.result),
            host = row.host.0,
            claimed = row.claimed,
            possible = row.allowed,
            reason = row.reason,
            "would not pay all that it claims"
        );
    }
    for aside in &writes.aside {
        told.set_aside += 1;
        let host =
            messages.iter().find(|message| message.id == aside.message).map_or(HostId(0), |m| m.hostid);
        let what = if aside.kind == "held" { "would hold it" } else { "would set it aside" };
        tracing::info!(message = aside.message.0, host = host.0, reason = aside.reason, "{what}");
    }
    told
}
