//! One pass: look at what is waiting, make what is missing.

use anyhow::{Context as _, Result};
use app_config::{AppConfig, Work};
use boinc::id::AppId;
use boinc::input_template::{Download, InputFile, JobDescription, NewWorkunit, new_workunit};
use daemon::run::NoArgs;
use daemon::{Daemon, Fatal, Pass, PassReport, ProjectDir, Start};
use store::work::{Campaign, Job};

use crate::budget::Budget;
use crate::context::{Contexts, JobValues};
use crate::inputs::Inputs;
use crate::staging::Stage;

/// Most workunits in one transaction. Small enough that a pass ends within a second of being asked to stop.
const BATCH: i64 = 500;

/// Keeps a cushion of unsent results for one application.
pub struct WorkGenerator {
    app: AppId,
    work: Work,
    template: Vec<u8>,
    contexts: Contexts,
    stage: Stage,
    project: ProjectDir,
    dry_run: bool,
    told_end: bool,
}

impl Daemon for WorkGenerator {
    const NAME: &'static str = "work-generator";
    const ABOUT: &'static str =
        "Keeps a cushion of unsent results for an application: makes workunits from cobblestone/APP.toml.";
    type Args = NoArgs;

    async fn start(start: &Start<NoArgs>) -> Result<Self> {
        let name = start.app();
        let app = start.store.read("application", async |conn| conn.app(name).await).await?;
        let app = app.ok_or_else(|| {
            Fatal::new(format!(
                "there is no application `{name}` in the database; look at --app, or run bin/xadd"
            ))
        })?;
        let apps = start.store.read("applications", async |conn| conn.apps().await).await?;
        for stray in app_config::strays(&start.project.root, apps.iter().map(|app| app.name.as_str())) {
            tracing::warn!("{stray}");
        }
        let root = &start.project.root;
        let fatal = |error: anyhow::Error| Fatal::new(format!("{error:#}"));
        let config = AppConfig::load(root, name).map_err(|error| Fatal::new(error.to_string()))?;
        let work = config.work.ok_or_else(|| {
            Fatal::new(format!("cobblestone/{name}.toml has no [work] section, so there is nothing to make; see project-config/theory.toml"))
        })?;
        let template = std::fs::read(root.join(&work.input_template))
            .with_context(|| {
                format!(
                    "can't read the input template {}; [work] input_template names it",
                    work.input_template
                )
            })
            .map_err(fatal)?;
        let output = root.join(&work.output_template);
        if !output.is_file() {
            return Err(Fatal::new(format!(
                "there is no output template {}; [work] output_template names it",
                output.display()
            ))
            .into());
        }
        let contexts = Contexts::new(root, &work).map_err(fatal)?;
        let stage = Stage::new(start.project.download());
        let generator = Self {
            app: app.id,
            work,
            template,
            contexts,
            stage,
            project: start.project.clone(),
            dry_run: start.common.dry_run,
            told_end: false,
        };
        // A template that can't work is told at start, not with the first job.
        generator.describe(0, &mut generator.inputs(), 0).map_err(fatal)?;
        Ok(generator)
    }

    async fn pass(&mut self, pass: &Pass<'_>) -> Result<PassReport> {
        let mut report = PassReport::default();
        let now = pass.clock.now_i32();
        let (app, name) = (self.app, self.work.campaign.clone());
        let (unsent, to_come, campaign) = pass
            .store
            .read("cushion", async |conn| {
                Ok((
                    conn.unsent_results(app).await?,
                    conn.results_to_come(app, now).await?,
                    conn.campaign(app, &name).await?,
                ))
            })
            .await?;
        let first = campaign.map_or(0, |c| c.next_job);
        let example = self.describe(first, &mut self.inputs(), now)?;
        let count = Budget {
            waiting: unsent.saturating_add(to_come),
            cushion: i64::try_from(self.work.cushion).unwrap_or(i64::MAX),
            results_per_workunit: example.target_nresults.into(),
            next_job: first,
            jobs: self.work.jobs.map(|jobs| i64::try_from(jobs).unwrap_or(i64::MAX)),
            batch: BATCH,
        }
        .workunits();
        self.tell_end(first);
        if count == 0 {
            return Ok(report);
        }
        report.found = count.unsigned_abs();
        let Some(jobs) = self.stage_jobs(pass, first, count, now)? else { return Ok(report) };
        if self.dry_run {
            for (_, workunit) in &jobs {
                tracing::info!(wu = workunit.name, "would make this workunit");
            }
            return Ok(report);
        }
        let last = first + count;
        let time = pass.clock.now();
        let made = pass
            .store
            .transaction("make work", async |tx| {
                let campaign: Campaign = tx.lock_campaign(app, &name, time).await?;
                if campaign.next_job != first {
                    // Another instance was faster: the next pass looks again.
                    return Ok(false);
                }
                tx.insert_jobs(&campaign, &jobs, last).await?;
                Ok(true)
            })
            .await;
        match made {
            Ok(true) => {
                report.done = count.unsigned_abs();
                report.add("made", report.done);
            }
            Ok(false) => tracing::debug!(campaign = name, "another instance made these jobs"),
            Err(store::Error::Duplicate(what)) => {
                return Err(Fatal::new(format!(
                    "a workunit of campaign `{name}` exists that the campaign did not make ({what}); choose another [work] campaign"
                ))
                .into());
            }
            Err(error) => return Err(error.into()),
        }
        Ok(report)
    }
}

impl WorkGenerator {
    fn inputs(&self) -> Inputs {
        Inputs::new(self.stage.clone(), self.project.download())
    }

    /// Name of a job's workunit: the same whoever makes it, whenever.
    fn workunit_name(&self, job: i64) -> String {
        format!("{}_{job}", self.work.campaign)
    }

    fn values(&self, job: i64) -> JobValues {
        let first = i64::try_from(self.work.first_seed).unwrap_or(i64::MAX);
        JobValues {
            job,
            seed: first.saturating_add(job),
            events: i64::try_from(self.work.events).unwrap_or(i64::MAX),
        }
    }

    /// Stages the files of jobs and describes their workunits; `None` when asked to stop meanwhile.
    fn stage_jobs(
        &self,
        pass: &Pass<'_>,
        first: i64,
        count: i64,
        now: i32,
    ) -> Result<Option<Vec<(Job, NewWorkunit)>>> {
        let mut inputs = self.inputs();
        inputs.write = !self.dry_run;
        let mut jobs = Vec::new();
        for job in first..first + count {
            if pass.is_stopping() {
                return Ok(None);
            }
            let workunit = self.describe(job, &mut inputs, now)?;
            let values = self.values(job);
            jobs.push((Job { job, seed: values.seed, events: values.events }, workunit));
        }
        if !self.dry_run {
            self.stage.sync()?;
        }
        Ok(Some(jobs))
    }

    /// The row of one job's workunit. Its file is staged if `inputs` writes.
    fn describe(&self, job: i64, inputs: &mut Inputs, now: i32) -> Result<NewWorkunit> {
        let name = self.workunit_name(job);
        let file = format!("{name}.in");
        inputs.offer(&file, self.contexts.render(self.values(job))?);
        let description = JobDescription {
            name,
            result_template_file: self.work.output_template.clone(),
            batch: self.work.batch,
            priority: self.work.priority,
            input_files: vec![InputFile::staged(file)],
            ..JobDescription::default()
        };
        let created = new_workunit(
            &self.template,
            &description,
            self.app,
            now,
            Download::from(&self.project.config),
            inputs,
        )
        .with_context(|| format!("can't make a workunit from {}", self.work.input_template))?;
        Ok(created.workunit)
    }

    fn tell_end(&mut self, next_job: i64) {
        let ended = self.work.jobs.is_some_and(|jobs| u64::try_from(next_job).unwrap_or(0) >= jobs);
        if ended && !self.told_end {
            tracing::info!(
                campaign = self.work.campaign,
                jobs = next_job,
                "all jobs of the campaign are made"
            );
        }
        self.told_end = ended;
    }
}
