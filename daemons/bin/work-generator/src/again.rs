//! Failed jobs that are to be tried again (`cobblestone campaign retry-failed`), and jobs that were set aside and never
//! made: the same job with the same seed, as a workunit of its own, `NAME_r1`.

//!
//! Invariant: the wish goes in the transaction that makes its workunit, and only if it is still there. Killed before that,
//! it is met by the next pass; made twice, the name of the workunit would be taken.

use anyhow::Result;
use campaign::draft::Number;
use campaign::{Draft, Refusal, seeds};
use store::campaigns::Retry;

use crate::batch::Origin;
use crate::commit::Writes;
use crate::plans::Plan;
use crate::source;
use crate::turn::{Outcome, Turn};

/// Makes at most `most` jobs once more.
///
/// # Errors
/// Files or the database can't be read or written.
pub async fn serve(turn: &mut Turn<'_>, most: i64) -> Result<Outcome> {
    if !turn.reserve_seeds(turn.row.next_job).await? {
        return Ok(Outcome::Nothing);
    }
    let id = turn.row.id;
    let wishes = turn.pass.store.read("jobs to try again", async |conn| conn.retries(id, most).await).await?;
    if wishes.is_empty() {
        return Ok(Outcome::Nothing);
    }
    let writes = writes(turn, &wishes).await?;
    turn.write(writes, wishes.len() as u64).await
}

/// What to write for these wishes.
async fn writes(turn: &Turn<'_>, wishes: &[Retry]) -> Result<Writes> {
    let (plan, maker, id) = (&*turn.plan, turn.maker(), turn.row.id);
    let mut inputs = turn.inputs();
    let mut writes = Writes { max_set_aside: i64::MAX, ..Writes::default() };
    for wish in wishes {
        writes.retries.push(wish.job);
        let name = match wish.file {
            0 => None,
            file => {
                let store = turn.pass.store;
                store.read("file of a job", async |conn| conn.campaign_file_name(id, file).await).await?
            }
        };
        let item = match &name {
            Some(name) => source::row_at(&plan.campaign, &turn.project.root, name, wish.place)?,
            None => None,
        };
        let file_name = name.unwrap_or_default();
        let origin = Origin {
            file: wish.file,
            name: &file_name,
            row: wish.job,
            place: wish.place,
            raw: None,
            retry_of: wish.workunit,
        };
        // For a person it is a job: the number of its row is not known any more.
        let shown = Origin { row: wish.job, ..Origin::default() };
        let drafted = draft(plan, wish, item.as_ref());
        let content = item.and_then(|item| item.content);
        let made = match drafted {
            Ok(draft) => maker.make(&draft, &origin, content, &mut inputs)?,
            Err(refusal) => Err(refusal),
        };
        match made {
            Ok(ready) => writes.jobs.push(ready),
            Err(refusal) => writes.aside.push(shown.aside(&plan.campaign.name, &refusal)),
        }
    }
    Ok(writes)
}

fn draft(plan: &Plan, wish: &Retry, item: Option<&source::Item>) -> Result<Draft, Refusal> {
    let row = match (wish.file, item) {
        (0, _) => None,
        (_, None) => return Err(Refusal::new("row", "its file is gone, so the job can't be made again")),
        (_, Some(item)) => Some(item.row.as_ref().map_err(Clone::clone)?),
    };
    let first = plan.campaign.seeds.first.max(1).saturating_add(wish.job);
    let known = (wish.seed >= 0).then_some(wish.seed).or_else(|| seeds::seed_of(&plan.seeds, wish.job));
    let number =
        Number { job: wish.job, copy: wish.copy.into(), retry: wish.retry + 1, seed: known.unwrap_or(first) };
    let draft = Draft::new(&plan.campaign, row, number)?;
    if row.is_some()
        && wish
            .identity
            .as_ref()
            .is_some_and(|was| draft.identity.map(|is| is.to_vec()).as_ref() != Some(was))
    {
        return Err(Refusal::new("row", "its file was changed, so the job can't be made again"));
    }
    Ok(draft)
}
