//! The one transaction: rows of workunits, the jobs that they are, what was set aside, and the campaign's cursor.
//!
//! Invariant: it is done whole or not at all, under the lock of the campaign's row, and only if the campaign is still
//! active and its cursors are where the rows were read from. Another instance that was faster, a person who paused or
//! cancelled it: then nothing is written.

use std::collections::BTreeSet;

use anyhow::Result;
use boinc::id::{AppId, HostId};
use campaign::names;
use daemon::Pass;
use store::campaigns::State;
use store::progress::refid;
use store::quarantine::SetAside;
use store::work::Advance;

use crate::batch::{Aside, Ready};
use crate::made_of::note;
use crate::plans::Plan;
use crate::staging::Stage;

/// Who sets aside, in `cobblestone_quarantine`.
pub const DAEMON: &str = "work-generator";
/// What it sets aside.
pub const KIND: &str = "job";

/// What is to be written.
#[derive(Debug, Default)]
pub struct Writes {
    /// New workunits.
    pub jobs: Vec<Ready>,
    /// Rows that can't be made.
    pub aside: Vec<Aside>,
    /// How the campaign moves on; None: these are second attempts.
    pub advance: Option<Advance>,
    /// Where the campaign's cursor is.
    pub next_job: i64,
    /// Jobs whose wish to be tried again is met, or can't be.
    pub retries: Vec<i64>,
    /// The campaign's state afterwards.
    pub state: Option<(State, String)>,
    /// It is paused when so many rows were set aside.
    pub max_set_aside: i64,
}

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Done {
    /// It is written.
    Written {
        /// Workunits.
        made: i64,
        /// Rows that were set aside.
        set_aside: i64,
    },
    /// Another instance was faster.
    Overtaken,
    /// The campaign was paused, cancelled or ended meanwhile.
    Stopped(State),
}

/// Writes it. Workunits whose names are taken are set aside, and the rest is written.
///
/// # Errors
/// The database refuses, or what was inserted reads back as something else.
pub async fn commit(
    pass: &Pass<'_>,
    stage: &Stage,
    app: AppId,
    plan: &Plan,
    mut writes: Writes,
) -> Result<Done> {
    let name = plan.campaign.name.as_str();
    loop {
        let done = transact(pass, app, plan, &writes).await;
        match done {
            Err(store::Error::Duplicate(what)) => {
                let taken = taken(pass, &writes).await?;
                if taken.is_empty() {
                    return Err(store::Error::Duplicate(what).into());
                }
                set_aside_taken(stage, name, &mut writes, &taken);
            }
            Ok(Done::Stopped(State::Cancelled)) => {
                // Nobody will use what was staged for it. What others made has a workunit.
                let taken = taken(pass, &writes).await?;
                let ours = writes.jobs.iter().filter(|job| job.new_file).map(|job| &job.workunit.name);
                let ours: Vec<String> = ours
                    .filter(|name| !taken.contains(&name.to_ascii_lowercase()))
                    .map(|name| names::own_file(name))
                    .collect();
                stage.take_back(&ours);
                return Ok(Done::Stopped(State::Cancelled));
            }
            other => return Ok(other?),
        }
    }
}

/// Names that other workunits have, in lower case.
async fn taken(pass: &Pass<'_>, writes: &Writes) -> Result<BTreeSet<String>> {
    let names: Vec<String> = writes.jobs.iter().map(|job| job.workunit.name.clone()).collect();
    let found = pass.store.read("names of workunits", async |conn| conn.workunit_names(&names).await).await?;
    Ok(found.into_iter().map(|name| name.to_ascii_lowercase()).collect())
}

fn set_aside_taken(stage: &Stage, campaign: &str, writes: &mut Writes, taken: &BTreeSet<String>) {
    let (out, jobs): (Vec<Ready>, Vec<Ready>) = std::mem::take(&mut writes.jobs)
        .into_iter()
        .partition(|job| taken.contains(&job.workunit.name.to_ascii_lowercase()));
    writes.jobs = jobs;
    let useless: Vec<String> =
        out.iter().filter(|job| job.new_file).map(|job| names::own_file(&job.workunit.name)).collect();
    stage.take_back(&useless);
    for job in out {
        let name = &job.workunit.name;
        let place = if job.job.file == 0 {
            format!("campaign {campaign}, job {}", job.row)
        } else {
            format!("campaign {campaign}, row {}", job.row)
        };
        writes.aside.push(Aside {
            file: job.job.file,
            row: job.row,
            reason: format!("{place}: a workunit {name} exists that the campaign did not make; choose another name of the campaign, or another key"),
            raw: None,
        });
    }
    if let Some(advance) = &mut writes.advance {
        advance.set_aside = i64::try_from(writes.aside.len()).unwrap_or(i64::MAX);
    }
}

async fn transact(pass: &Pass<'_>, app: AppId, plan: &Plan, writes: &Writes) -> store::Result<Done> {
    let name = plan.campaign.name.as_str();
    let now = pass.clock.now();
    let jobs: Vec<_> =
        writes.jobs.iter().map(|job| (job.job.clone(), job.workunit.clone(), job.target)).collect();
    let (jobs, now_i32) = (&jobs, pass.clock.now_i32());
    pass.store
        .transaction("make work", async |tx| {
            let campaign = tx.lock_campaign(app, name, now).await?;
            let may = match campaign.state {
                State::Active => true,
                // Failed jobs of one that is made can be tried again; a file can have grown.
                State::Complete => true,
                State::Paused | State::Cancelled => false,
            };
            if !may {
                return Ok(Done::Stopped(campaign.state));
            }
            if !jobs.is_empty() {
                match tx.made_of(campaign.id).await? {
                    Some(was) if was == plan.made_of => {}
                    // It was changed since this pass looked.
                    Some(was) if campaign.made > 0 => {
                        let note = note(&was, &plan.made_of);
                        tx.set_campaign_state(campaign.id, State::Paused, &note, now).await?;
                        return Ok(Done::Stopped(State::Paused));
                    }
                    _ => tx.note_made_of(campaign.id, &plan.made_of, now).await?,
                }
            }
            if let Some(advance) = &writes.advance {
                if campaign.next_job != writes.next_job {
                    return Ok(Done::Overtaken);
                }
                if let Some(file) = &advance.file
                    && !tx.move_file(file, now).await?
                {
                    return Ok(Done::Overtaken);
                }
            } else if !tx.all_wanted(campaign.id, &writes.retries).await? {
                return Ok(Done::Overtaken);
            }
            let mut aside = Vec::new();
            let mut counter = 0;
            for row in &writes.aside {
                let file = match row.file {
                    0 if counter == 0 => {
                        counter = tx.campaign_file(campaign.id, "", now).await?.id;
                        counter
                    }
                    0 => counter,
                    file => file,
                };
                aside.push(SetAside {
                    time: now,
                    daemon: DAEMON,
                    kind: KIND,
                    id: refid(file, row.row),
                    host: HostId(0),
                    reason: row.reason.clone(),
                    raw: row.raw.clone(),
                });
            }
            if campaign.set_aside > 0 {
                // What was set aside before and is made now.
                let file = if counter == 0 && jobs.iter().any(|(job, ..)| job.file == 0) {
                    tx.campaign_file(campaign.id, "", now).await?.id
                } else {
                    counter
                };
                let ids: Vec<i64> = writes
                    .jobs
                    .iter()
                    .map(|job| refid(if job.job.file == 0 { file } else { job.job.file }, job.row))
                    .collect();
                tx.release(DAEMON, KIND, &ids).await?;
            }
            tx.set_aside(&aside).await?;
            tx.insert_jobs(campaign.id, jobs, now_i32).await?;
            let made = i64::try_from(jobs.len()).unwrap_or(i64::MAX);
            let set_aside = i64::try_from(aside.len()).unwrap_or(i64::MAX);
            let mut state = writes.state.clone();
            if let Some(advance) = &writes.advance {
                tx.advance_campaign(&campaign, made, &Advance { file: None, ..advance.clone() }, now).await?;
                let all = campaign.set_aside.saturating_add(set_aside);
                if set_aside > 0 && all >= writes.max_set_aside {
                    let note =
                        format!("{all} rows could not be made; the last: {}", last_reason(&writes.aside));
                    state = Some((State::Paused, note));
                } else if state.is_none() && campaign.state == State::Complete {
                    state = Some((State::Active, String::new()));
                }
            } else {
                tx.forget_retries(campaign.id, &writes.retries).await?;
                let first = jobs.iter().filter(|(job, ..)| job.retry == 0).count();
                let first = i64::try_from(first).unwrap_or(0);
                tx.count_retried(campaign.id, made - first, first).await?;
            }
            if let Some((to, note)) = state.filter(|(to, _)| *to != campaign.state) {
                tx.set_campaign_state(campaign.id, to, &note, now).await?;
            }
            Ok(Done::Written { made, set_aside })
        })
        .await
}

fn last_reason(aside: &[Aside]) -> &str {
    aside.last().map_or("", |row| row.reason.as_str())
}
