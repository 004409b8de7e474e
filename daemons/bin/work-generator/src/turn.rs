//! One campaign's turn: what it works with, and how what it made is written.
//!
//! Invariant: files are on the disk before the transaction that names them begins. Killed in between, the next pass makes
//! the same files for the same jobs, finds them, and uses them.

use std::collections::BTreeMap;

use anyhow::Result;
use boinc::id::AppId;
use daemon::{Pass, PassReport, ProjectDir};
use store::campaigns::{Campaign as Row, State};

use crate::batch::Maker;
use crate::command::Commands;
use crate::commit::{Done, Writes, commit};
use crate::inputs::Inputs;
use crate::plans::Plan;
use crate::pressure::Pressure;
use crate::staging::Stage;

/// A pass that made nothing, and has to be followed by another one.
pub const WENT_ON: PassReport = PassReport { found: 1, done: 1, set_aside: 0, fates: Vec::new() };

/// What a campaign's turn came to.
pub enum Outcome {
    /// It had nothing to do now.
    Nothing,
    /// It did something.
    Did(PassReport),
    /// It wrote nothing, for another instance was faster: the next pass looks at once.
    Overtaken,
}

/// See the module.
pub struct Turn<'a> {
    /// The pass that it is a part of.
    pub pass: &'a Pass<'a>,
    /// The application.
    pub app: AppId,
    /// The project.
    pub project: &'a ProjectDir,
    /// Where input files go.
    pub stage: &'a Stage,
    /// Write nothing.
    pub dry_run: bool,
    /// The campaign.
    pub plan: &'a mut Plan,
    /// What the database knows of it.
    pub row: Row,
    /// How much work is wanted.
    pub pressure: &'a mut Pressure,
    /// What was said of campaigns.
    pub told: &'a mut Told,
    /// Programs that print rows.
    pub commands: &'a mut Commands,
}

/// What was said of each campaign, so that it is said once.
#[derive(Debug, Default)]
pub struct Told(BTreeMap<String, String>);

impl Told {
    /// Says that a person has to do something about a campaign.
    pub fn tell(&mut self, campaign: &str, what: &str) {
        if self.0.get(campaign).map(String::as_str) != Some(what) {
            tracing::error!("campaign {campaign}: {what}");
            self.0.insert(campaign.to_owned(), what.to_owned());
        }
    }
}

impl Turn<'_> {
    /// The campaign's name.
    pub fn name(&self) -> &str {
        &self.plan.campaign.name
    }

    /// Makes jobs of the campaign.
    pub fn maker(&self) -> Maker<'_> {
        Maker { plan: self.plan, app: self.app, project: self.project, now: self.pass.clock.now_i32() }
    }

    /// Facts about its input files.
    pub fn inputs(&self) -> Inputs {
        let mut inputs = Inputs::new(self.stage.clone(), self.project.download(), &self.plan.shared);
        inputs.write = !self.dry_run;
        inputs
    }

    /// Says that a person has to do something about the campaign.
    pub fn tell(&mut self, what: &str) {
        self.told.tell(&self.plan.campaign.name, what);
    }

    /// Writes a batch, files first. `found`: jobs and rows that were looked at.
    ///
    /// # Errors
    /// The file system or the database refuses.
    pub async fn write(&mut self, writes: Writes, found: u64) -> Result<Outcome> {
        let mut report = PassReport { found, ..PassReport::default() };
        if self.dry_run {
            for job in &writes.jobs {
                tracing::info!(wu = job.workunit.name, seed = job.job.seed, "would make this workunit");
            }
            for row in &writes.aside {
                tracing::info!(reason = row.reason, "would set this row aside");
            }
            return Ok(Outcome::Did(report));
        }
        if writes.jobs.iter().any(|job| job.new_file) {
            self.stage.sync()?;
        }
        for row in &writes.aside {
            tracing::warn!(campaign = self.name(), reason = row.reason, "a row is set aside");
        }
        let results: i64 = writes.jobs.iter().map(|job| i64::from(job.workunit.target_nresults)).sum();
        let complete = completes(&writes);
        match commit(self.pass, self.stage, self.app, self.plan, writes).await? {
            Done::Written { made, set_aside } => {
                report.done = found;
                report.set_aside = set_aside.unsigned_abs();
                report.add("made", made.unsigned_abs());
                report.add("set aside", set_aside.unsigned_abs());
                self.pressure.made(made, results);
                if complete {
                    tracing::info!(campaign = self.name(), "all jobs of the campaign are made");
                }
                Ok(Outcome::Did(report))
            }
            Done::Overtaken => {
                tracing::debug!(campaign = self.name(), "another instance made these jobs");
                self.pressure.forget();
                Ok(Outcome::Overtaken)
            }
            Done::Stopped(state) => {
                tracing::info!(
                    campaign = self.name(),
                    state = state.as_str(),
                    "the campaign was stopped; nothing is made"
                );
                Ok(Outcome::Nothing)
            }
        }
    }

    /// Moves cursors without making anything.
    ///
    /// # Errors
    /// The database refuses.
    pub async fn finish(&mut self, writes: Writes) -> Result<Outcome> {
        let complete = completes(&writes);
        let moves_file = writes.advance.as_ref().is_some_and(|to| to.file.is_some());
        if self.dry_run || (complete && self.row.state == State::Complete && !moves_file) {
            return Ok(Outcome::Nothing);
        }
        match commit(self.pass, self.stage, self.app, self.plan, writes).await? {
            Done::Written { .. } => {
                if complete {
                    tracing::info!(campaign = self.name(), "all jobs of the campaign are made");
                }
                Ok(Outcome::Did(PassReport { found: 1, done: 1, ..PassReport::default() }))
            }
            Done::Overtaken => Ok(Outcome::Overtaken),
            Done::Stopped(_) => Ok(Outcome::Nothing),
        }
    }
}

/// Whether the campaign is complete when this is written.
fn completes(writes: &Writes) -> bool {
    writes.state.as_ref().is_some_and(|(state, _)| *state == State::Complete)
}
