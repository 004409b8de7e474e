//! What tasks that sent a message get besides credit: a later deadline, and messages of their own.
//!
//! Invariant: written in the transaction that handles the message, under the result's lock. A message that is handled is
//! answered once.

use std::collections::{BTreeMap, BTreeSet};

use boinc::id::{HostId, ResultId, WorkunitId};
use boinc::record::ResultRow;
use boinc::state::{ErrorMask, ServerState};
use boinc::trickle_down::{self, ACKNOWLEDGEMENT, STOP};
use store::Tx;

use crate::batch::Context;
use crate::settle::Writes;
use crate::sort::Sorted;

/// See the module.
#[derive(Debug, Default)]
pub struct Answers {
    /// Result, its deadline as it was read, the new one.
    pub deadlines: Vec<(ResultId, i32, i32)>,
    /// Host, variety, text.
    pub messages: Vec<(HostId, &'static str, String)>,
}

/// The results whose own host sent a message, whatever it is paid.
pub fn alive<'r>(sorted: &Sorted, results: &'r BTreeMap<ResultId, ResultRow>) -> Vec<&'r ResultRow> {
    let sent = |row: &&ResultRow| {
        let mut asked = sorted.by_result.get(&row.id).into_iter().flatten();
        asked.any(|asked| asked.host == row.hostid)
    };
    results.values().filter(sent).collect()
}

/// What they get.
pub async fn answer(
    tx: &mut Tx,
    context: &Context<'_>,
    tasks: &[&ResultRow],
    writes: &Writes,
) -> store::Result<Answers> {
    let policies = context.policies;
    let tells = |row: &&&ResultRow| {
        let stop = policies.trickle_down(row.appid).is_some_and(|tell| tell.stop && context.msg_to_host);
        row.server_state == ServerState::InProgress && (stop || policies.deadline(row.appid).is_some())
    };
    let workunits: BTreeSet<WorkunitId> = tasks.iter().filter(tells).map(|row| row.workunitid).collect();
    let found = tx.bounds_and_errors(&workunits.into_iter().collect::<Vec<_>>()).await?;
    let found: BTreeMap<WorkunitId, (i32, ErrorMask)> =
        found.into_iter().map(|(id, bound, errors)| (id, (bound, errors))).collect();
    let mut answers = Answers::default();
    for row in tasks.iter().filter(tells) {
        let Some((bound, errors)) = found.get(&row.workunitid) else { continue };
        let cancelled = errors.0 & ErrorMask::CANCELLED != 0;
        let extension = policies
            .deadline(row.appid)
            .filter(|_| !cancelled)
            .and_then(|policy| policy.extension(row, row.hostid, *bound, context.now));
        if let Some(extension) = extension {
            tracing::debug!(result = row.id.0, old = extension.old, new = extension.new, "deadline extended");
            answers.deadlines.push((extension.result, extension.old, extension.new));
        }
        let stop = policies.trickle_down(row.appid).is_some_and(|tell| tell.stop && context.msg_to_host);
        if cancelled && stop {
            answers.tell(row, STOP, trickle_down::stop(&row.name, context.now as i32));
        }
    }
    let paid: BTreeSet<ResultId> = writes.granted.iter().map(|(id, _)| *id).collect();
    for row in tasks.iter().filter(|row| paid.contains(&row.id) && context.msg_to_host) {
        let mark = writes.marks.iter().find(|mark| mark.result == row.id);
        let wanted = policies.trickle_down(row.appid).is_some_and(|tell| tell.acknowledge);
        if let Some(mark) = mark.filter(|_| wanted) {
            let text = trickle_down::acknowledgement(
                &row.name,
                context.now as i32,
                mark.credit_paid,
                mark.seconds_paid,
            );
            answers.tell(row, ACKNOWLEDGEMENT, text);
        }
    }
    Ok(answers)
}

impl Answers {
    fn tell(
        &mut self,
        row: &ResultRow,
        variety: &'static str,
        text: Result<String, trickle_down::TrickleDownError>,
    ) {
        match text {
            Ok(text) => self.messages.push((row.hostid, variety, text)),
            Err(error) => tracing::warn!(result = row.id.0, "it is told nothing: {error}"),
        }
    }
}
