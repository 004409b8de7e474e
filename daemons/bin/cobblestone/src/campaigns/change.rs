//! Changes of a campaign's state, and what follows from them.

use anyhow::{Context as _, Result, bail};
use app_config::AppConfig;
use boinc::id::WorkunitId;
use boinc::trickle_down::{self, STOP};
use campaign::fingerprint::{difference, fingerprint};
use daemon::Clock;
use store::campaigns::{Campaign as Row, State};

use super::find::{self, Found};
use super::{Which, files};
use crate::project::Project;
use crate::screen::print;

/// Jobs that one transaction looks at.
const JOBS: i64 = 500;
/// The same where most of them need nothing: the work generator waits for no longer than that takes.
const WINDOW: i64 = 5000;

/// Moves a campaign to a state, if `allowed` says that it may. What it was before.
async fn change(
    project: &Project,
    clock: &Clock,
    found: &Found,
    to: State,
    allowed: fn(&Row) -> bool,
) -> Result<Row> {
    let (app, name, now) = (found.app.id, found.name.as_str(), clock.now());
    Ok(project
        .store
        .transaction("change a campaign", async |tx| {
            let row = tx.lock_campaign(app, name, now).await?;
            if row.state != to && allowed(&row) {
                tx.set_campaign_state(row.id, to, "", now).await?;
            }
            Ok(row)
        })
        .await?)
}

/// `pause`.
///
/// # Errors
/// It is cancelled.
pub async fn pause(which: &Which) -> Result<bool> {
    let (project, clock) = Project::open_ready(&which.project).await?;
    let found = find::one(&project, which).await?;
    let before = change(&project, &clock, &found, State::Paused, |row| row.state == State::Active).await?;
    match before.state {
        State::Active => print("paused: no job is made until it is resumed\n"),
        State::Paused => print("it was paused already\n"),
        State::Complete => print("all its jobs are made already; nothing is left to pause\n"),
        State::Cancelled => bail!("campaign {} is cancelled, for good", found.name),
    }
    Ok(before.state == State::Active)
}

/// `resume`. What the campaign's jobs are made of may have changed: then it goes on with what it is now.
///
/// # Errors
/// It is cancelled.
pub async fn resume(which: &Which) -> Result<bool> {
    let (project, clock) = Project::open_ready(&which.project).await?;
    let found = find::one(&project, which).await?;
    let changed = changed(&project, &found).await?;
    if let Some(what) = &changed {
        // What was staged for jobs that are not made holds the old.
        let gone = files::clean_files(&project, found.app.id, &found.name).await?;
        print(&format!(
            "changed since the last jobs were made: {what}; the next ones are made of what it is now ({gone} files of jobs \
             that are not made deleted)\n"
        ));
    }
    let (app, name, now) = (found.app.id, found.name.as_str(), clock.now());
    let before = project
        .store
        .transaction("resume a campaign", async |tx| {
            let row = tx.lock_campaign(app, name, now).await?;
            if row.state == State::Paused {
                tx.forget_made_of(row.id).await?;
                tx.set_campaign_state(row.id, State::Active, "", now).await?;
            }
            Ok(row)
        })
        .await?;
    match before.state {
        State::Paused => print("resumed: the work generator goes on with it at its next pass\n"),
        State::Active => print("it is active already\n"),
        State::Complete => print("all its jobs are made already\n"),
        State::Cancelled => bail!(
            "campaign {} is cancelled, for good; describe a new one, its seeds will be others",
            found.name
        ),
    }
    Ok(before.state == State::Paused)
}

/// What the jobs of a paused campaign were made of and would not be made of now, in words.
async fn changed(project: &Project, found: &Found) -> Result<Option<String>> {
    let (Some(row), Some(campaign)) = (&found.row, &found.described) else { return Ok(None) };
    if row.state != State::Paused {
        return Ok(None);
    }
    let was = project.store.read("what jobs are made of", async |conn| conn.made_of(row.id).await).await?;
    let context = campaign.context.as_ref().map(|path| app_config::read(&project.dir.root.join(path)));
    let context = context.transpose().context("the context template can't be read")?;
    let is = fingerprint(campaign, context.as_deref());
    Ok(was.filter(|was| *was != is).map(|was| difference(&was, &is)))
}

/// `cancel`.
///
/// # Errors
/// The database can't be written.
pub async fn cancel(which: &Which) -> Result<bool> {
    let (project, clock) = Project::open_ready(&which.project).await?;
    let found = find::one(&project, which).await?;
    let before = change(&project, &clock, &found, State::Cancelled, |_| true).await?;
    let tells = project.dir.config.msg_to_host
        && AppConfig::load(&project.dir.root, &found.app.name).is_ok_and(|config| config.trickle_down.stop);
    let now = clock.now_i32();
    project.store.transaction("forget retries", async |tx| tx.forget_all_retries(before.id).await).await?;
    let (mut after, mut workunits, mut unsent, mut running, mut told) = (WorkunitId(0), 0, 0, 0, 0);
    loop {
        let at = after;
        let (step, messages) = project
            .store
            .transaction("cancel jobs", async |tx| {
                let step = tx.cancel_workunits(before.id, at, JOBS, now).await?;
                let mut messages = Vec::new();
                for task in step.running.iter().filter(|_| tells) {
                    // A name that can't be said stays unsaid: the scheduler tells the client, too.
                    if let Ok(text) = trickle_down::stop(&task.result, now) {
                        messages.push((task.host, STOP, text));
                    }
                }
                tx.insert_msg_to_host(&messages, now).await?;
                Ok((step, messages.len()))
            })
            .await
            .context("run it again: what is cancelled stays so")?;
        let Some(last) = step.last else { break };
        after = last;
        workunits += step.workunits;
        unsent += step.unsent;
        running += step.running.len();
        told += messages;
    }
    let gone = files::clean_files(&project, found.app.id, &found.name).await?;
    print(&format!(
        "cancelled: {workunits} workunits, {unsent} tasks were not sent, {running} run{}; {gone} files without a workunit deleted\n",
        if told > 0 { format!(" and {told} of them are told to stop") } else { String::new() }
    ));
    if running > 0 && told == 0 {
        print("running tasks are aborted when their computers contact the server next\n");
    }
    Ok(before.state != State::Cancelled || workunits > 0)
}

/// `retry-failed`.
///
/// # Errors
/// The campaign is cancelled, or not known yet.
pub async fn retry_failed(which: &Which) -> Result<bool> {
    let (project, clock) = Project::open_ready(&which.project).await?;
    let found = find::one(&project, which).await?;
    let Some(row) = &found.row else { bail!("campaign {} has no jobs yet", found.name) };
    if found.described.is_none() {
        bail!(
            "campaign {} is described nowhere any more, so its jobs can't be made again{}",
            found.name,
            found.mistake.as_ref().map_or_else(String::new, |mistake| format!(" ({mistake})"))
        );
    }
    let (app, now) = (found.app.id, clock.now());
    let mut failed = 0;
    let mut first = 0;
    while first < row.next_job {
        let jobs = first..first + WINDOW;
        let wanted = project
            .store
            .transaction("want failed jobs again", async |tx| {
                let row = tx.lock_campaign(app, &found.name, now).await?;
                if row.state == State::Cancelled {
                    return Ok(None);
                }
                tx.want_retries(row.id, &jobs, now).await.map(Some)
            })
            .await?;
        let Some(wanted) = wanted else { bail!("campaign {} is cancelled, for good", found.name) };
        failed += wanted;
        first = jobs.end;
    }
    let aside = want_set_aside(&project, &found, row, now).await?;
    if failed == 0 && aside == 0 {
        print("no job has failed that is not to be tried again already, and nothing is set aside\n");
        return Ok(false);
    }
    print(&format!(
        "the work generator makes {failed} failed jobs once more{}\n",
        if aside > 0 { format!(", and looks at {aside} again that were set aside") } else { String::new() }
    ));
    if row.state == State::Paused {
        print("the campaign is paused: cobblestone campaign resume\n");
    }
    Ok(true)
}

/// Counted jobs that were set aside are wanted one by one. Rows are read again: those that are made are known.
async fn want_set_aside(project: &Project, found: &Found, row: &Row, now: f64) -> Result<usize> {
    if row.set_aside == 0 {
        return Ok(0);
    }
    let app = found.app.id;
    let (mut after, mut all) = (-1, 0);
    let mut rows_of_files = 0;
    loop {
        let entries = project
            .store
            .read("rows set aside", async |conn| conn.aside_rows(row.id, after, JOBS).await)
            .await?;
        let Some(last) = entries.last() else { break };
        after = last.refid;
        let counted = found.described.as_ref().is_some_and(|campaign| !campaign.source.kind.has_rows());
        if !counted {
            rows_of_files += entries.len();
            continue;
        }
        let jobs: Vec<i64> = entries.iter().map(|entry| entry.refid & 0xffff_ffff).collect();
        all += project
            .store
            .transaction("want jobs that were set aside", async |tx| {
                let row = tx.lock_campaign(app, &found.name, now).await?;
                // What was mended may be the template.
                tx.forget_made_of(row.id).await?;
                tx.want_set_aside(row.id, &jobs, now).await
            })
            .await?;
    }
    if rows_of_files > 0 {
        project
            .store
            .transaction("read files of rows again", async |tx| {
                let row = tx.lock_campaign(app, &found.name, now).await?;
                if row.state == State::Complete {
                    tx.set_campaign_state(row.id, State::Active, "", now).await?;
                }
                tx.forget_made_of(row.id).await?;
                tx.forget_set_aside_rows(row.id).await?;
                tx.rewind_files(row.id, now).await
            })
            .await?;
        files::take_out(project, found)?;
    }
    Ok(all + rows_of_files)
}
