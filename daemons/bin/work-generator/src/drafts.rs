//! Rows of one file become jobs: each row as many as its `count` says, those that are known are passed over, what can't be
//! made is set aside with its row's number.
//!
//! Invariant: a row takes as many job numbers as it stands for, and one if it can't be made; whether it is known changes
//! nothing. So the numbers, and with them names and seeds, depend on the campaign and its rows alone: killed anywhere,
//! whoever reads them again makes the same.

use std::collections::BTreeSet;

use anyhow::Result;
use campaign::draft::Number;
use campaign::{Draft, Refusal};
use store::campaigns::{FileCursor, State};
use store::work::Advance;

use crate::batch::{Aside, Origin};
use crate::commit::Writes;
use crate::folder;
use crate::seeds::seed;
use crate::source::{Item, Rows};
use crate::turn::{Outcome, Turn};

/// Makes jobs of these rows, and moves the cursor of their file.
///
/// # Errors
/// The file system or the database refuses.
pub async fn serve(turn: &mut Turn<'_>, cursor: &FileCursor, rows: Rows) -> Result<Outcome> {
    let Rows { items, to } = rows;
    let counts: Vec<Result<i64, Refusal>> = items.iter().map(Item::count).collect();
    let all: i64 = counts.iter().map(|count| *count.as_ref().unwrap_or(&1)).sum();
    if !turn.reserve_seeds(turn.row.next_job.saturating_add(all)).await? {
        return Ok(Outcome::Nothing);
    }
    let mut writes = Writes {
        next_job: turn.row.next_job,
        max_set_aside: turn.plan.campaign.source.max_set_aside,
        ..Writes::default()
    };
    let (drafts, next_job) = drafts(turn, cursor, &items, counts, &mut writes);
    let known = known(turn, &drafts).await?;
    let Some(repeated) = make(turn, cursor, &items, drafts, known, &mut writes)? else {
        return Ok(Outcome::Nothing);
    };
    let set_aside = i64::try_from(writes.aside.len()).unwrap_or(i64::MAX);
    let done = to.done;
    writes.advance = Some(Advance { next_job, set_aside, repeated, file: Some(to) });
    if turn.plan.campaign.source.jobs.is_some_and(|jobs| next_job >= jobs) {
        writes.state = Some((State::Complete, String::new()));
    }
    let outcome = turn.write(writes, items.len() as u64).await?;
    if done && !turn.dry_run && matches!(outcome, Outcome::Did(_)) {
        folder::put_away(&turn.plan.campaign, &turn.project.root, &cursor.name)?;
    }
    Ok(outcome)
}

/// A job, with the index of its row.
type Drafted = (usize, Draft);

/// The jobs that the rows stand for, and the number of the next one.
fn drafts(
    turn: &Turn<'_>,
    cursor: &FileCursor,
    items: &[Item],
    counts: Vec<Result<i64, Refusal>>,
    writes: &mut Writes,
) -> (Vec<Drafted>, i64) {
    let mut drafts = Vec::new();
    let mut next = turn.row.next_job;
    for (index, (item, count)) in items.iter().zip(counts).enumerate() {
        let first = next;
        let row = count.and_then(|count| {
            let number =
                |copy| Number { job: first + copy, copy, retry: 0, seed: seed(turn.plan, first + copy) };
            let draft = |copy| Draft::new(&turn.plan.campaign, item.row.as_ref().ok(), number(copy));
            (0..count).map(draft).collect::<Result<Vec<Draft>, Refusal>>()
        });
        match row {
            Ok(row) => {
                next += i64::try_from(row.len()).unwrap_or(i64::MAX);
                drafts.extend(row.into_iter().map(|draft| (index, draft)));
            }
            Err(refusal) => {
                next += 1;
                writes.aside.push(aside(turn, cursor, item, &refusal));
            }
        }
    }
    (drafts, next)
}

/// Which of them the campaign has made already.
async fn known(turn: &Turn<'_>, drafts: &[Drafted]) -> Result<BTreeSet<[u8; 16]>> {
    let (store, id) = (turn.pass.store, turn.row.id);
    let identities: Vec<[u8; 16]> = drafts.iter().filter_map(|(_, draft)| draft.identity).collect();
    let read = store.read("known jobs", async |conn| conn.known_identities(id, &identities).await);
    Ok(read.await?.into_iter().collect())
}

/// Stages their files and describes their workunits; how many were known. None: there is a request to stop.
fn make(
    turn: &Turn<'_>,
    cursor: &FileCursor,
    items: &[Item],
    drafts: Vec<Drafted>,
    mut known: BTreeSet<[u8; 16]>,
    writes: &mut Writes,
) -> Result<Option<i64>> {
    let (maker, mut inputs) = (turn.maker(), turn.inputs());
    let mut repeated = 0;
    for (index, draft) in drafts {
        if turn.pass.is_stopping() {
            return Ok(None);
        }
        let Some(item) = items.get(index) else { continue };
        if draft.identity.is_some_and(|identity| !known.insert(identity)) {
            repeated += 1;
            continue;
        }
        match maker.make(&draft, &origin(cursor, item), item.content.clone(), &mut inputs)? {
            Ok(ready) => writes.jobs.push(ready),
            // One entry for a row, however many jobs it stands for.
            Err(refusal) => {
                if writes.aside.last().is_none_or(|last| last.row != item.number) {
                    writes.aside.push(aside(turn, cursor, item, &refusal));
                }
            }
        }
    }
    Ok(Some(repeated))
}

fn origin<'a>(cursor: &'a FileCursor, item: &Item) -> Origin<'a> {
    Origin {
        file: cursor.id,
        name: &cursor.name,
        row: item.number,
        place: i64::try_from(item.place).unwrap_or(i64::MAX),
        ..Origin::default()
    }
}

/// What is put aside of a row, with its bytes.
fn aside(turn: &Turn<'_>, cursor: &FileCursor, item: &Item, refusal: &Refusal) -> Aside {
    Origin { raw: Some(&item.raw), ..origin(cursor, item) }.aside(turn.name(), refusal)
}
