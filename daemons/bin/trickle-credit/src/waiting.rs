//! What waits: taken, and counted.

use anyhow::Result;
use boinc::id::MessageId;
use store::Store;
use store::backlog::{Take, Waiting};

use crate::batch::{self, Context, Handled};
use crate::left_alone::LeftAlone;

/// Numbers that are read for each message that may be taken, where some are another's.
const IDS: u32 = 4;

/// Messages that are counted at most to see whether some came back.
const COUNTED: u32 = 20_000;

/// Handles the next messages, without reading again what is known to be another's.
pub async fn take(
    context: &mut Context<'_>,
    left_alone: &LeftAlone,
    next: Take<'_>,
    variety: &str,
) -> Result<Handled> {
    let Take::Next { waiting, after, limit } = next else {
        return batch::handle(context, next, variety).await;
    };
    if !left_alone.is_any_above(after) {
        return batch::handle(context, next, variety).await;
    }
    let ids = context
        .store
        .read("numbers of messages", async |conn| {
            conn.waiting_ids(waiting, after, limit.saturating_mul(IDS)).await
        })
        .await?;
    let chosen = left_alone.choose(&ids, limit);
    let mut handled = match chosen.ids.as_slice() {
        [] => Handled::default(),
        ids => batch::handle(context, Take::These(ids), variety).await?,
    };
    if !handled.cut {
        handled.last = handled.last.max(chosen.last);
    }
    let others = handled.last.map_or(0, |last| chosen.others_up_to(last));
    handled.found += others;
    handled.counts.left_alone += others;
    Ok(handled)
}

/// Unhandled messages up to `last`; none if that is not asked for, or if so many wait that counting takes long.
pub async fn count(store: &Store, waiting: Waiting<'_>, last: Option<MessageId>) -> Result<Option<u64>> {
    let Some(last) = last else { return Ok(None) };
    let counted =
        store.read("waiting messages", async |conn| conn.count_waiting(waiting, last, COUNTED).await).await?;
    Ok(Some(counted.0).filter(|_| counted.1 < u64::from(COUNTED)))
}

/// Whether more wait than were left alone: another instance has them. Looks at no more than it must, because all
/// instances that have nothing to do ask at once.
pub async fn are_held(store: &Store, waiting: Waiting<'_>, left_alone: u64) -> Result<bool> {
    let limit = u32::try_from(left_alone).unwrap_or(COUNTED).saturating_add(1).min(COUNTED);
    let last = MessageId(i32::MAX);
    let counted =
        store.read("held messages", async |conn| conn.count_waiting(waiting, last, limit).await).await?;
    Ok(counted.0 > left_alone)
}
