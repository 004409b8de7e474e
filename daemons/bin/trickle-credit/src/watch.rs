//! With `--watch_all`: messages of varieties that nobody declares are set aside, with reason and text, so that they don't
//! wait for ever.
//!
//! Invariant: a message is set aside and marked as handled in one transaction, while it is locked. Never touched are
//! varieties that any application of the project declares in cobblestone/APP.toml, whether or not this daemon serves it,
//! and those that any trickle handler of the toolkit ever read (`cobblestone_variety`; it may run with `--variety`). Other
//! programs are not known to us: whoever runs one must not use the flag, or declare its varieties.

use std::collections::BTreeSet;

use anyhow::Result;
use boinc::id::MessageId;
use daemon::{Modulus, Pass, PassReport};
use store::backlog::Take;

use crate::aside::Rows;
use crate::batch::{Context, DAEMON};
use crate::claim::Aside;

/// Messages in one transaction.
const BATCH: u32 = 500;

/// Sets a batch of such messages aside. Whether there may be more.
pub async fn turn(
    context: &mut Context<'_>,
    pass: &Pass<'_>,
    modulus: Option<Modulus>,
    after: &mut MessageId,
    report: &mut PassReport,
) -> Result<bool> {
    let modulo = modulus.map(|m| (m.n, m.i));
    let from = *after;
    let (found, last, texts) = {
        let context = &*context;
        pass.store
            .transaction("set undeclared messages aside", async |tx| {
                let mut declared: BTreeSet<String> = context.policies.all_varieties();
                declared.extend(tx.known_varieties().await?);
                let declared: Vec<String> = declared.into_iter().collect();
                let others = tx.other_messages(&declared, modulo, from, BATCH).await?;
                let last = others.last().copied();
                let taken = tx.take_messages(Take::These(&others)).await?;
                let aside: Vec<Aside> =
                    taken.messages.iter().map(|message| Aside::undeclared(message.id)).collect();
                let rows = Rows::of(&aside, &taken.messages, context);
                if context.dry_run {
                    return Ok((aside.len() as u64, last, Default::default()));
                }
                let ids: Vec<MessageId> = aside.iter().map(|aside| aside.message).collect();
                let released: Vec<i64> = ids.iter().map(|id| id.0.into()).collect();
                tx.release(DAEMON, "released", &released).await?;
                tx.set_aside(&rows.rows).await?;
                tx.mark_handled(&ids).await?;
                Ok((aside.len() as u64, last, rows.texts))
            })
            .await?
    };
    context.texts.keep(&texts, context.now);
    *after = last.unwrap_or(MessageId(0));
    report.found += found;
    report.add("undeclared", found);
    report.set_aside += found;
    if !context.dry_run {
        report.done += found;
    }
    Ok(last.is_some())
}
