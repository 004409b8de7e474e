//! What a dry run would do, for a person: a line for each message that would be paid, cut, held or set aside, for each
//! deadline that would be extended and each message to a task, and a sum.
//!
//! Nothing is written, so each batch is decided as if it were the first: of a result whose messages lie in several
//! batches the sum can hold more than would be paid.

use std::collections::BTreeMap;

use boinc::id::{HostId, ResultId};
use boinc::record::{MsgFromHost, ResultRow};

use crate::answer::Answers;
use crate::settle::Writes;

/// What would be paid in all.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Told {
    messages: u64,
    seconds: f64,
    credit: f64,
    not_all: u64,
    held: u64,
    set_aside: u64,
    deadlines: u64,
    to_tasks: u64,
}

impl Told {
    /// Adds those of another batch.
    pub fn add(&mut self, other: Self) {
        self.messages += other.messages;
        self.seconds += other.seconds;
        self.credit += other.credit;
        self.not_all += other.not_all;
        self.held += other.held;
        self.set_aside += other.set_aside;
        self.deadlines += other.deadlines;
        self.to_tasks += other.to_tasks;
    }

    /// Adds messages that nobody declares.
    pub fn undeclared(&mut self, messages: u64) {
        self.set_aside += messages;
    }

    /// The last line of a dry run.
    pub fn sum(self) {
        let Self { messages, seconds, credit, not_all, held, set_aside, deadlines, to_tasks } = self;
        tracing::info!(
            messages,
            seconds,
            credit,
            claimed_too_much = not_all,
            held,
            set_aside,
            deadlines_extended = deadlines,
            messages_to_tasks = to_tasks,
            "dry run: would pay in all"
        );
    }
}

/// Says what a batch would do.
pub fn tell(
    writes: &Writes,
    answers: &Answers,
    results: &BTreeMap<ResultId, ResultRow>,
    messages: &[MsgFromHost],
) -> Told {
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
        let host =
            messages.iter().find(|message| message.id == aside.message).map_or(HostId(0), |m| m.hostid);
        let what = match aside.kind {
            "held" => {
                told.held += 1;
                "would hold it"
            }
            // The message is counted as a claim.
            "report" => "would set the report in it aside",
            _ => {
                told.set_aside += 1;
                "would set it aside"
            }
        };
        tracing::info!(message = aside.message.0, host = host.0, reason = aside.reason, "{what}");
    }
    for (id, old, new) in &answers.deadlines {
        told.deadlines += 1;
        tracing::info!(result = name(*id), old, new, seconds = new - old, "would extend its deadline");
    }
    for (host, variety, _) in &answers.messages {
        told.to_tasks += 1;
        tracing::info!(host = host.0, variety, "would send its task a message");
    }
    told
}
