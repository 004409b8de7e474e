//! The turn of a campaign whose jobs are counted: the next numbers become jobs.

use anyhow::Result;
use campaign::Draft;
use campaign::draft::Number;
use store::campaigns::State;
use store::work::Advance;

use crate::batch::Origin;
use crate::commit::Writes;
use crate::seeds::seed;
use crate::turn::{Outcome, Turn};

/// Makes at most `most` jobs.
///
/// # Errors
/// The file system or the database refuses.
pub async fn serve(turn: &mut Turn<'_>, most: i64) -> Result<Outcome> {
    let first = turn.row.next_job;
    let left = turn.plan.campaign.source.jobs.map_or(i64::MAX, |jobs| jobs.saturating_sub(first).max(0));
    let count = most.min(left);
    let complete = Some((State::Complete, String::new()));
    if count == 0 {
        let over = Writes {
            advance: Some(Advance { next_job: first, ..Advance::default() }),
            next_job: first,
            state: complete,
            max_set_aside: i64::MAX,
            ..Writes::default()
        };
        return turn.finish(over).await;
    }
    if !turn.reserve_seeds(first + count).await? {
        return Ok(Outcome::Nothing);
    }
    let Some(mut writes) = jobs(turn, first, count)? else { return Ok(Outcome::Nothing) };
    if count == left {
        writes.state = complete;
    }
    turn.write(writes, count.unsigned_abs()).await
}

/// The jobs of these numbers; None: there is a request to stop.
fn jobs(turn: &Turn<'_>, first: i64, count: i64) -> Result<Option<Writes>> {
    let (plan, maker) = (&*turn.plan, turn.maker());
    let mut inputs = turn.inputs();
    let mut writes =
        Writes { next_job: first, max_set_aside: plan.campaign.source.max_set_aside, ..Writes::default() };
    for job in first..first + count {
        if turn.pass.is_stopping() {
            return Ok(None);
        }
        let origin = Origin { row: job, ..Origin::default() };
        let number = Number { job, copy: 0, retry: 0, seed: seed(plan, job) };
        let made = match Draft::new(&plan.campaign, None, number) {
            Ok(draft) => maker.make(&draft, &origin, None, &mut inputs)?,
            Err(refusal) => Err(refusal),
        };
        match made {
            Ok(ready) => writes.jobs.push(ready),
            Err(refusal) => writes.aside.push(origin.aside(turn.name(), &refusal)),
        }
    }
    let set_aside = i64::try_from(writes.aside.len()).unwrap_or(i64::MAX);
    writes.advance = Some(Advance { next_job: first + count, set_aside, ..Advance::default() });
    Ok(Some(writes))
}
