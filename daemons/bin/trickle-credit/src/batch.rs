//! The transaction of one batch of messages: lock, decide and write.
//!
//! It begins with locking messages that nobody else holds, and decides on rows that it has locked: two instances and
//! two messages of one result can't pay the same second. Instances wait for one another at results and hosts, in the
//! order of ids; meanwhile each has its own messages read and sorted.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use anyhow::Result;
use boinc::id::{HostId, MessageId};
use store::backlog::Take;
use store::host_accounts::HostDay;
use store::trickles::Mark;
use store::{Store, Tx};

use crate::answer::{alive, answer};
use crate::aside::{Rows, Texts};
use crate::claim::Aside;
use crate::decide::{Decided, decide};
use crate::locks::{lock, open_books};
use crate::over_claims::flags;
use crate::policies::Policies;
use crate::reports;
use crate::settle::{Counts, Writes};
use crate::sort::{messages_of, sort};
use crate::told::{Told, tell};

/// Name in the quarantine.
pub const DAEMON: &str = "trickle-credit";

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
    /// config.xml: `msg_to_host`
    pub msg_to_host: bool,
    /// Write nothing.
    pub dry_run: bool,
    /// How much is kept of what hosts send and nobody can use.
    pub texts: &'a mut Texts,
}

/// What became of a batch.
#[derive(Debug, Clone, Default)]
pub struct Handled {
    /// How many came to which end.
    pub counts: Counts,
    /// Messages that were looked at.
    pub found: u64,
    /// Of these, the ones that were read.
    pub taken: u64,
    /// The last of them; none if none wait that nobody else holds.
    pub last: Option<MessageId>,
    /// Their texts are long: not all that was asked for.
    pub cut: bool,
    /// Those that are not this daemon's.
    pub left_alone: Vec<MessageId>,
    /// How long rows were locked that others wait for, at most.
    pub held: Duration,
    /// What would be paid, with `--dry_run`.
    pub told: Told,
    /// Raw texts that were kept, by who sent them.
    texts: BTreeMap<HostId, u32>,
}

impl Handled {
    fn leave_alone(&mut self, messages: Vec<MessageId>) {
        self.counts.left_alone = messages.len() as u64;
        self.left_alone = messages;
    }

    fn add(&mut self, other: Self) {
        self.left_alone.extend(other.left_alone);
        self.counts.add(other.counts);
        self.found += other.found;
        self.taken += other.taken;
        self.last = self.last.max(other.last);
        self.cut |= other.cut;
        self.told.add(other.told);
        self.held = self.held.max(other.held);
    }
}

/// Handles the next messages of a variety. If the database refuses what one of them asks for (it was paid before and
/// marked as unhandled by hand, say), that one is found and set aside, and the others are handled.
pub async fn handle(context: &mut Context<'_>, take: Take<'_>, variety: &str) -> Result<Handled> {
    let ids = match handle_together(context, take, variety).await {
        Ok(done) => return Ok(done),
        Err((error, ids)) if !error.is_data() || ids.is_empty() => return Err(error.into()),
        Err((_, ids)) => ids,
    };
    let mut handled = Handled::default();
    let mut todo = vec![ids.as_slice()];
    while let Some(part) = todo.pop() {
        match handle_together(context, Take::These(part), variety).await {
            Ok(done) => handled.add(done),
            Err((error, _)) if !error.is_data() => return Err(error.into()),
            Err((error, _)) => match part {
                [message] => {
                    refuse(context, *message, &error.to_string()).await?;
                    handled.counts.set_aside += 1;
                    handled.found += 1;
                    handled.taken += 1;
                }
                _ => {
                    let (first, second) = part.split_at(part.len() / 2);
                    todo.extend([second, first]);
                }
            },
        }
    }
    handled.last = ids.last().copied();
    Ok(handled)
}

/// Sets one message aside that the database refuses.
async fn refuse(context: &Context<'_>, message: MessageId, error: &str) -> Result<()> {
    let reason = format!("the database refuses what it asks for: {error}");
    context
        .store
        .transaction("refuse a message", async |tx| {
            let taken = tx.take_messages(Take::These(&[message])).await?;
            if taken.messages.is_empty() || context.dry_run {
                return Ok(());
            }
            let report = tx.released_reports(DAEMON, &[message.0.into()]).await?;
            let aside = if report.is_empty() { Aside::unusable } else { Aside::report };
            tx.release(DAEMON, "released_report", &report).await?;
            let rows = Rows::of(&[aside(message, reason.clone())], &taken.messages, context);
            // What the message of a report is, it stays.
            let before = if report.is_empty() { vec![message.0.into()] } else { Vec::new() };
            let before = tx.message_states(DAEMON, &before).await?;
            tx.set_messages_aside(DAEMON, &before, &rows.rows).await?;
            tx.mark_handled(&[message]).await
        })
        .await?;
    Ok(())
}

/// One transaction. If it fails: also the messages that it would have handled.
async fn handle_together(
    context: &mut Context<'_>,
    take: Take<'_>,
    variety: &str,
) -> Result<Handled, (store::Error, Vec<MessageId>)> {
    let ids = RefCell::new(Vec::new());
    let locked = Cell::new(None::<Instant>);
    let done = {
        let context = &*context;
        let write = async |tx: &mut Tx| write(tx, context, take, variety, &ids, &locked).await;
        context.store.transaction("pay trickles", write).await
    };
    match done {
        Ok(mut handled) => {
            handled.held = locked.get().map(|since| since.elapsed()).unwrap_or_default();
            context.texts.keep(&handled.texts, context.now);
            Ok(handled)
        }
        Err(error) => Err((error, ids.into_inner())),
    }
}

async fn write(
    tx: &mut Tx,
    context: &Context<'_>,
    take: Take<'_>,
    variety: &str,
    ids: &RefCell<Vec<MessageId>>,
    since: &Cell<Option<Instant>>,
) -> store::Result<Handled> {
    let taken = tx.take_messages(take).await?;
    *ids.borrow_mut() = taken.messages.iter().map(|message| message.id).collect();
    let mut handled = Handled {
        found: taken.messages.len() as u64,
        taken: taken.messages.len() as u64,
        last: taken.messages.last().map(|message| message.id),
        cut: taken.cut,
        ..Handled::default()
    };
    // Until results are locked, nobody waits for this transaction.
    let mut sorted = sort(tx, context.policies, &taken.messages, variety).await?;
    let live = sorted.messages();
    if live.is_empty() {
        handled.leave_alone(sorted.left_alone);
        return Ok(handled);
    }
    // Of which only the report is looked at, it stays what it is.
    let all: Vec<i64> = live.difference(&sorted.reports_only).map(|id| id.0.into()).collect();
    let states = tx.message_states(DAEMON, &all).await?;
    let mut locked = lock(tx, context.policies, &sorted, variety).await?;
    since.set(Some(Instant::now()));
    let released = states.iter().filter(|(_, kind)| kind == "released").map(|(id, _)| *id);
    locked.released = messages_of(released.collect());
    let results = locked.results.clone();
    let kin = sorted.adopt(tx, &results).await?;
    let (marks, released) = (locked.marks.clone(), locked.released.clone());
    let hosts = locked.hosts.clone();
    let decided = decide(&sorted, context.policies, variety, locked, context.now);

    let (policies, now) = (context.policies, context.now);
    let reports = reports::add_up(tx, policies, &sorted.reports, &results, &kin, variety, now).await?;
    let mut books = open_books(tx, &decided.items, hosts, context.credit_by_app).await?;
    let mut writes = Writes::default();
    writes.counts.left_alone = sorted.left_alone.len() as u64;
    handled.left_alone = std::mem::take(&mut sorted.left_alone);
    for item in &decided.items {
        writes.settle(&mut books, item, results.get(&item.result), context.now, context.credit_by_app);
    }
    writes.close(&decided.marks, &marks, context.now);
    writes.aside.extend(sorted.aside.iter().chain(&decided.aside).cloned());
    reports.set_aside(&mut writes.aside);
    let unusable = writes.aside.iter().filter(|aside| aside.kind == "trickle").count();
    writes.counts.set_aside = unusable as u64;
    let useless: BTreeSet<MessageId> = writes.aside.iter().map(|aside| aside.message).collect();
    let again = sorted.reports_only.intersection(&live).filter(|id| !useless.contains(*id)).count();
    writes.counts.reported = reports.counted + again as u64;
    handled.counts = writes.counts;
    if context.dry_run {
        let answers = answer(tx, context, &alive(&sorted, &results), &writes).await?;
        handled.told = tell(&writes, &answers, &results, &taken.messages);
        reports.tell();
        return Ok(handled);
    }
    writes.tell_the_rest();
    let flags = flags(tx, context, &writes).await?;
    let tasks = alive(&sorted, &results);
    let answers = answer(tx, context, &tasks, &writes).await?;
    tx.extend_deadlines(&answers.deadlines).await?;
    tx.add_granted_credit(&writes.granted).await?;
    // One whose deadline was moved keeps when it was first sent, also if its messages are good for nothing.
    let moved = answers.deadlines.iter().filter_map(|(id, ..)| results.get(id));
    let unmarked = moved
        .filter(|row| !marks.contains_key(&row.id) && !writes.marks.iter().any(|mark| mark.result == row.id));
    let unmarked: Vec<_> = unmarked.map(|row| Mark::unpaid(row, context.now)).collect();
    writes.marks.extend(unmarked);
    tx.write_marks(&writes.marks).await?;
    tx.write_increment_sums(&writes.sums).await?;
    tx.write_increments(&decided.increments).await?;
    tx.write_host_days(&changed_days(&decided)).await?;
    tx.write_flags(&flags).await?;
    let counts: Vec<(HostId, i32)> = writes.host_messages.iter().map(|(host, n)| (*host, *n)).collect();
    tx.count_host_messages(&counts, context.now).await?;
    tx.write_disallowed(&writes.disallowed).await?;
    reports.write(tx).await?;
    tx.pay(&writes.entries, &books.changes()).await?;
    let released: Vec<i64> = released.iter().map(|id| id.0.into()).collect();
    // All of these was decided anew, the report in it, too.
    tx.release(DAEMON, "report", &released).await?;
    tx.release(DAEMON, "dropped_report", &released).await?;
    let reports: Vec<i64> = sorted.reports_only.intersection(&live).map(|id| id.0.into()).collect();
    tx.release(DAEMON, "released_report", &reports).await?;
    let aside = Rows::of(&writes.aside, &taken.messages, context);
    tx.set_messages_aside(DAEMON, &states, &aside.rows).await?;
    handled.texts = aside.texts;
    tx.insert_msg_to_host(&answers.messages, context.now as i32).await?;
    tx.mark_handled(&live.into_iter().collect::<Vec<_>>()).await?;
    Ok(handled)
}

fn changed_days(decided: &Decided) -> Vec<HostDay> {
    decided
        .days
        .iter()
        .flat_map(|(&(host, app), days)| {
            days.changes().map(move |(day, seconds)| HostDay { host, app, day, seconds })
        })
        .collect()
}
