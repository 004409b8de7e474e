//! One pass: which campaign is next, and how much of it. A pass makes one batch of one campaign, those of higher priority
//! first, equal ones in turn.

use std::collections::BTreeMap;

use anyhow::Result;
use app_config::AppConfig;
use boinc::id::AppId;
use boinc::input_template::Assignment;
use campaign::Kind;
use daemon::run::Severity;
use daemon::{Daemon, Fatal, Pass, PassReport, ProjectDir, Start};
use store::campaigns::{Campaign as Row, State};

use crate::command::Commands;
use crate::flags::GeneratorArgs;
use crate::plans::{Plan, Plans};
use crate::pressure::Pressure;
use crate::rows::is_over;
use crate::turn::{Outcome, Told, Turn, WENT_ON};
use crate::{again, counted, rows};

/// Most workunits in one transaction, with a file each. Small enough that a pass ends within a second of being asked to
/// stop.
const BATCH: i64 = 500;
/// The same without files of their own.
const BATCH_SHARED: i64 = 2000;

/// Makes the workunits of one application's campaigns.
pub struct WorkGenerator {
    app: AppId,
    plans: Plans,
    pressure: Pressure,
    project: ProjectDir,
    dry_run: bool,
    /// Campaigns in the order in which they were served, and when: the one that waited longest is next.
    served: BTreeMap<String, u64>,
    /// What was said of campaigns.
    told: Told,
    /// Programs that print rows.
    commands: Commands,
    /// The process ends when nothing is left: then it waits for them.
    one_pass: bool,
}

impl Daemon for WorkGenerator {
    const NAME: &'static str = "work-generator";
    const ABOUT: &'static str = "Makes the workunits of an application's campaigns, as cobblestone/APP.toml and cobblestone/campaigns describe them.";
    type Args = GeneratorArgs;

    async fn start(start: &Start<GeneratorArgs>) -> Result<Self> {
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
        let config =
            AppConfig::load(&start.project.root, name).map_err(|error| Fatal::new(error.to_string()))?;
        let dry_run = start.common.dry_run;
        let declared = config.work.is_some();
        let work = start.args.over(config.work.unwrap_or_else(|| app_config::Work::of(name)));
        let plans = Plans::new(app.id, declared, &work, name, &start.project, !dry_run)
            .map_err(|error| Fatal::new(format!("{error:#}")))?;
        Ok(Self {
            app: app.id,
            plans,
            pressure: Pressure::new(app.id, &work, start.project.clone()),
            project: start.project.clone(),
            dry_run,
            served: BTreeMap::new(),
            told: Told::default(),
            commands: Commands::new(start.stop.clone()),
            one_pass: start.common.one_pass,
        })
    }

    async fn pass(&mut self, pass: &Pass<'_>) -> Result<PassReport> {
        self.plans.refresh();
        let app = self.app;
        let (rows, retries) = pass
            .store
            .read("campaigns", async |conn| {
                Ok((conn.campaigns(Some(app)).await?, conn.campaigns_to_retry().await?))
            })
            .await?;
        self.commands.keep(|name, command| {
            let goes = rows.iter().find(|row| row.name == name).is_some_and(|row| row.state == State::Active);
            goes && self
                .plans
                .all()
                .any(|plan| plan.campaign.name == name && plan.campaign.source.command == command)
        });
        self.commands.collect(pass, app, &mut self.told).await?;
        let mut all = PassReport::default();
        let mut failed = None;
        for name in self.order() {
            if pass.is_stopping() {
                break;
            }
            let row = rows.iter().find(|row| row.name == name);
            let retry = row.is_some_and(|row| retries.contains(&row.id));
            match self.turn(pass, &name, row, retry).await {
                Ok(Outcome::Nothing) => {}
                Ok(Outcome::Did(report)) if self.dry_run => all.found += report.found,
                Ok(Outcome::Did(report)) => {
                    self.served.insert(name, pass.number);
                    return Ok(report);
                }
                Ok(Outcome::Overtaken) => return Ok(WENT_ON),
                // What is wrong with one campaign does not stop the others.
                Err(error) if Severity::of(&error) == Severity::Passing => {
                    self.told.tell(&name, &format!("{error:#}"));
                    self.served.insert(name, pass.number);
                    failed = Some(error);
                }
                Err(error) => return Err(error),
            }
        }
        if let Some(error) = failed {
            return Err(error);
        }
        if self.one_pass && self.commands.are_awaited() && !pass.is_stopping() {
            self.commands.wait().await;
            return Ok(WENT_ON);
        }
        Ok(all)
    }
}

impl WorkGenerator {
    /// Names of campaigns in the order of their turns: those of higher priority first, then those that waited longest.
    fn order(&self) -> Vec<String> {
        let mut turns: Vec<(i64, u64, &str)> = self
            .plans
            .all()
            .map(|plan| {
                let name = plan.campaign.name.as_str();
                let served = self.served.get(name).copied().unwrap_or(0);
                (-i64::from(plan.campaign.settings.priority), served, name)
            })
            .collect();
        turns.sort_unstable();
        turns.into_iter().map(|(_, _, name)| name.to_owned()).collect()
    }

    /// Gives a campaign its turn, if it may do anything now.
    async fn turn(&mut self, pass: &Pass<'_>, name: &str, row: Option<&Row>, retry: bool) -> Result<Outcome> {
        let state = row.map_or(State::Active, |row| row.state);
        if matches!(state, State::Paused | State::Cancelled) {
            return Ok(Outcome::Nothing);
        }
        let Some((stage, plan)) = self.plans.serve(name) else { return Ok(Outcome::Nothing) };
        let kind = plan.campaign.source.kind;
        let over = is_over(plan, row.map_or(0, |row| row.next_job));
        if state == State::Complete && !retry && kind != Kind::File && over {
            return Ok(Outcome::Nothing);
        }
        let most = wanted(&mut self.pressure, pass, plan).await?;
        if most <= 0 {
            return Ok(Outcome::Nothing);
        }
        let row = opened(pass, self.app, plan, row, self.dry_run).await?;
        let mut turn = Turn {
            pass,
            app: self.app,
            project: &self.project,
            stage,
            dry_run: self.dry_run,
            plan,
            row,
            pressure: &mut self.pressure,
            told: &mut self.told,
            commands: &mut self.commands,
        };
        if !turn.is_as_before().await? {
            return Ok(Outcome::Nothing);
        }
        match kind {
            _ if retry => again::serve(&mut turn, most.min(BATCH)).await,
            Kind::Counter => counted::serve(&mut turn, most).await,
            _ => rows::serve(&mut turn, most).await,
        }
    }
}

/// Workunits that are wanted of a campaign now, at most a batch.
async fn wanted(pressure: &mut Pressure, pass: &Pass<'_>, plan: &Plan) -> Result<i64> {
    let each = plan.results_per_workunit;
    let batch = if plan.campaign.own_file { BATCH } else { BATCH_SHARED };
    // Those that are reserved for somebody are never unsent, so the marks say nothing about them.
    let reserved = plan.campaign.settings.assignment != Assignment::None;
    let results = if reserved { i64::MAX } else { pressure.wanted(pass).await? };
    Ok((results / each + i64::from(results % each > 0)).min(batch))
}

/// The row of a campaign: it is made when the campaign is new, and told what its file says now.
async fn opened(pass: &Pass<'_>, app: AppId, plan: &Plan, row: Option<&Row>, dry_run: bool) -> Result<Row> {
    let (name, source, jobs) =
        (plan.campaign.name.as_str(), plan.campaign.source.kind.as_str(), plan.campaign.source.jobs);
    match row {
        Some(row) if dry_run || (row.source == source && row.jobs == jobs) => return Ok(row.clone()),
        None if dry_run => return Ok(unseen(app, name)),
        _ => {}
    }
    let now = pass.clock.now();
    Ok(pass
        .store
        .transaction("open a campaign", async |tx| {
            let row = tx.lock_campaign(app, name, now).await?;
            tx.describe_campaign(row.id, source, jobs).await?;
            Ok(row)
        })
        .await?)
}

/// A campaign that has no row yet.
fn unseen(app: AppId, name: &str) -> Row {
    Row {
        id: 0,
        app,
        name: name.to_owned(),
        next_job: 0,
        time: 0.0,
        state: State::Active,
        source: String::new(),
        jobs: None,
        made: 0,
        set_aside: 0,
        repeated: 0,
        retried: 0,
        note: String::new(),
        changed: 0.0,
    }
}
