//! The turn of a campaign that has rows: which of its files has some, and what becomes of its cursor when it has none.

use anyhow::Result;
use campaign::Kind;
use store::campaigns::{FileCursor, FileMove, State};
use store::work::Advance;

use crate::commit::Writes;
use crate::plans::Plan;
use crate::source::{self, Next};
use crate::turn::{Outcome, Turn, WENT_ON};
use crate::{drafts, folder};

/// Makes about `most` jobs of the rows of one file: of the first that has some.
///
/// # Errors
/// The file system or the database refuses.
pub async fn serve(turn: &mut Turn<'_>, most: i64) -> Result<Outcome> {
    if is_over(turn.plan, turn.row.next_job) {
        return Ok(Outcome::Nothing);
    }
    let campaign = turn.plan.campaign.clone();
    if campaign.source.kind == Kind::Command {
        turn.start_command().await?;
    }
    let root = &turn.project.root;
    let names = folder::files(&campaign, root)?;
    let known = cursors(turn, &names).await?;
    let left = campaign.source.jobs.map_or(i64::MAX, |jobs| jobs.saturating_sub(turn.row.next_job));
    let most = most.min(left);
    let only = campaign.source.kind == Kind::File;
    for file in &names {
        let cursor = match known.iter().find(|cursor| cursor.name == *file) {
            Some(cursor) => cursor.clone(),
            None if turn.dry_run => new_file(file),
            None => open_file(turn, file).await?,
        };
        match source::next(&campaign, root, &cursor, most, &mut turn.plan.checks)? {
            Next::Nothing => {}
            Next::Checking => return Ok(Outcome::Did(WENT_ON)),
            Next::Rows(rows) => return drafts::serve(turn, &cursor, rows).await,
            Next::Stuck(why) => turn.tell(&why),
            Next::Rewind(to) | Next::End(to) if turn.dry_run => {
                tracing::debug!(
                    campaign = campaign.name,
                    file,
                    done = to.done,
                    "would move the cursor of a file"
                );
            }
            Next::Rewind(to) => {
                tracing::warn!(
                    campaign = campaign.name,
                    file,
                    "the file was changed; it is read again from its beginning, rows that are made are not made again"
                );
                return move_file(turn, to, None).await;
            }
            Next::End(_) if only && turn.row.state == State::Complete => {}
            Next::End(to) => {
                if !cursor.done {
                    let state = only.then_some(State::Complete);
                    let outcome = move_file(turn, to, state).await?;
                    if !matches!(outcome, Outcome::Did(_)) {
                        return Ok(outcome);
                    }
                }
                folder::put_away(&campaign, root, file)?;
            }
        }
    }
    Ok(Outcome::Nothing)
}

/// Whether all jobs that a campaign may have are made.
pub fn is_over(plan: &Plan, next_job: i64) -> bool {
    plan.campaign.source.jobs.is_some_and(|jobs| next_job >= jobs)
}

/// Where the campaign stands in these files, as far as it has seen them.
async fn cursors(turn: &Turn<'_>, names: &[String]) -> Result<Vec<FileCursor>> {
    let (store, id) = (turn.pass.store, turn.row.id);
    let mut known = Vec::new();
    for chunk in names.chunks(1000) {
        let read = store.read("files of a campaign", async |conn| conn.campaign_files(id, chunk).await);
        known.extend(read.await?);
    }
    Ok(known)
}

/// Makes the cursor of a file that is new.
async fn open_file(turn: &Turn<'_>, file: &str) -> Result<FileCursor> {
    let (app, name, now) = (turn.app, turn.name(), turn.pass.clock.now());
    Ok(turn
        .pass
        .store
        .transaction("open a file of rows", async |tx| {
            let row = tx.lock_campaign(app, name, now).await?;
            tx.campaign_file(row.id, file, now).await
        })
        .await?)
}

/// Moves the cursor of a file without making anything.
async fn move_file(turn: &mut Turn<'_>, to: FileMove, state: Option<State>) -> Result<Outcome> {
    let next_job = turn.row.next_job;
    let writes = Writes {
        next_job,
        advance: Some(Advance { next_job, file: Some(to), ..Advance::default() }),
        state: state.map(|state| (state, String::new())),
        max_set_aside: i64::MAX,
        ..Writes::default()
    };
    turn.finish(writes).await
}

fn new_file(name: &str) -> FileCursor {
    FileCursor { id: 0, name: name.to_owned(), place: 0, rows_read: 0, tail: String::new(), done: false }
}
