//! One pass: which campaign is next, and how much of it. A pass makes one batch of one campaign, those of higher priority
//! first, equal ones in turn.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;
use app_config::AppConfig;
use boinc::id::AppId;
use boinc::input_template::Assignment;
use campaign::draft::Number;
use campaign::{Draft, Kind, columns, seeds};
use daemon::{Daemon, Fatal, Pass, PassReport, ProjectDir, Start};
use store::campaigns::{Campaign as Row, FileCursor, Reserved, State};
use store::work::Advance;

use crate::batch::{Maker, Origin};
use crate::commit::{Done, Writes, commit};
use crate::flags::GeneratorArgs;
use crate::plans::{Plan, Plans};
use crate::pressure::Pressure;
use crate::source::{self, Next, Rows};
use crate::{again, command};

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
    /// What was said of a campaign, so that it is said once.
    told: BTreeMap<String, String>,
}

/// What a campaign's turn came to.
enum Turn {
    /// It had nothing to do now.
    Nothing,
    /// It did something.
    Did(PassReport),
    /// It wrote nothing, for another instance was faster: the next pass looks at once.
    Overtaken,
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
            told: BTreeMap::new(),
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
        let mut turns: Vec<(i64, u64, String)> = self
            .plans
            .all()
            .map(|plan| {
                let name = &plan.campaign.name;
                let served = self.served.get(name).copied().unwrap_or(0);
                (-i64::from(plan.campaign.settings.priority), served, name.clone())
            })
            .collect();
        turns.sort();
        let mut all = PassReport::default();
        for (_, _, name) in turns {
            if pass.is_stopping() {
                break;
            }
            let row = rows.iter().find(|row| row.name == name);
            let retry = row.is_some_and(|row| retries.contains(&row.id));
            match self.turn(pass, &name, row, retry).await? {
                Turn::Nothing => {}
                Turn::Did(report) if self.dry_run => all.found += report.found,
                Turn::Did(report) => {
                    self.served.insert(name, pass.number);
                    return Ok(report);
                }
                Turn::Overtaken => return Ok(PassReport { found: 1, done: 1, ..PassReport::default() }),
            }
        }
        Ok(all)
    }
}

impl WorkGenerator {
    async fn turn(&mut self, pass: &Pass<'_>, name: &str, row: Option<&Row>, retry: bool) -> Result<Turn> {
        let state = row.map_or(State::Active, |row| row.state);
        if matches!(state, State::Paused | State::Cancelled) {
            return Ok(Turn::Nothing);
        }
        let Some(plan) = self.plans.get_mut(name) else { return Ok(Turn::Nothing) };
        let kind = plan.campaign.source.kind;
        if state == State::Complete && !retry && kind != Kind::File && is_over(plan, row) {
            return Ok(Turn::Nothing);
        }
        let results_each = plan.results_per_workunit;
        let reserved = plan.campaign.settings.assignment != Assignment::None;
        let batch = if plan.campaign.own_file { BATCH } else { BATCH_SHARED };
        // Those that are reserved for somebody are never unsent, so the marks say nothing about them.
        let wanted = if reserved { i64::MAX } else { self.pressure.wanted(pass).await? };
        let most = (wanted / results_each + i64::from(wanted % results_each > 0)).min(batch);
        if most <= 0 {
            return Ok(Turn::Nothing);
        }
        let (source, jobs) = (kind.as_str(), plan.campaign.source.jobs);
        let row = match row {
            Some(row) if self.dry_run || (row.source == source && row.jobs == jobs) => row.clone(),
            None if self.dry_run => unseen(self.app, name),
            _ => self.open(pass, name).await?,
        };
        if retry {
            return self.retry(pass, name, &row, most).await;
        }
        match kind {
            Kind::Counter => self.count(pass, name, &row, most).await,
            _ => self.rows(pass, name, &row, most).await,
        }
    }

    /// Makes the row of a campaign that is new, or tells it what its file says now.
    async fn open(&mut self, pass: &Pass<'_>, name: &str) -> Result<Row> {
        let Some(plan) = self.plans.get_mut(name) else { return Ok(unseen(self.app, name)) };
        let (kind, jobs) = (plan.campaign.source.kind.as_str(), plan.campaign.source.jobs);
        let (app, now) = (self.app, pass.clock.now());
        Ok(pass
            .store
            .transaction("open a campaign", async |tx| {
                let row = tx.lock_campaign(app, name, now).await?;
                tx.describe_campaign(row.id, kind, jobs).await?;
                Ok(row)
            })
            .await?)
    }

    /// Sees to it that jobs up to `last` (not with it) have seeds. False: they can't have them, and the campaign is paused.
    async fn seeds(&mut self, pass: &Pass<'_>, name: &str, row: &Row, last: i64) -> Result<bool> {
        let (app, now, dry_run) = (self.app, pass.clock.now(), self.dry_run);
        let Some(plan) = self.plans.get_mut(name) else { return Ok(false) };
        if plan.campaign.seeds.reuse || seeds::missing(&plan.seeds, last, None).is_none() {
            return Ok(true);
        }
        let read = pass.store.read("seeds", async |conn| {
            Ok((conn.seed_ranges(app, row.id).await?, conn.next_seed(app).await?))
        });
        let (found, next) = read.await?;
        plan.seeds = found.iter().map(range).collect();
        let jobs = plan.campaign.source.jobs;
        let Some((first_job, count)) = seeds::missing(&plan.seeds, last, jobs) else { return Ok(true) };
        let declared = plan.campaign.seeds.first;
        let wanted = (declared > 0).then(|| declared.saturating_add(first_job));
        if dry_run {
            plan.seeds.push(seeds::Range { first_job, first_seed: wanted.unwrap_or(next), seeds: count });
            return Ok(true);
        }
        let reserved = pass
            .store
            .transaction("reserve seeds", async |tx| {
                let locked = tx.lock_campaign(app, name, now).await?;
                if tx.seed_ranges(app, locked.id).await?.iter().any(|range| range.first_job >= first_job) {
                    return Ok(None);
                }
                let reserved = tx.reserve_seeds(app, locked.id, first_job, count, wanted).await?;
                if let Reserved::Taken(other) = &reserved {
                    let first = wanted.unwrap_or(next);
                    let last = first.saturating_add(count - 1);
                    let note = format!(
                        "seeds {first} to {last} are taken by campaign {other}; choose another first seed, or reuse, then: cobblestone campaign resume"
                    );
                    tx.set_campaign_state(locked.id, State::Paused, &note, now).await?;
                }
                Ok(Some(reserved))
            })
            .await?;
        match reserved {
            Some(Reserved::Range(reserved)) => {
                if let Some(plan) = self.plans.get_mut(name) {
                    plan.seeds.push(range(&reserved));
                }
                Ok(true)
            }
            Some(Reserved::Taken(other)) => {
                self.tell(name, &format!("it is paused: its seeds are taken by campaign {other}"));
                Ok(false)
            }
            // Another instance reserved them: the next pass reads them.
            None => Ok(false),
        }
    }

    /// Jobs that are counted.
    async fn count(&mut self, pass: &Pass<'_>, name: &str, row: &Row, most: i64) -> Result<Turn> {
        let Some(plan) = self.plans.get_mut(name) else { return Ok(Turn::Nothing) };
        let first = row.next_job;
        let left = plan.campaign.source.jobs.map_or(i64::MAX, |jobs| jobs.saturating_sub(first).max(0));
        let count = most.min(left);
        if count == 0 {
            let over = Writes {
                advance: Some(Advance { next_job: first, ..Advance::default() }),
                next_job: first,
                state: Some((State::Complete, String::new())),
                max_set_aside: i64::MAX,
                ..Writes::default()
            };
            return self.finish(pass, name, row, over).await;
        }
        if !self.seeds(pass, name, row, first + count).await? {
            return Ok(Turn::Nothing);
        }
        let mut writes = Writes { next_job: first, ..Writes::default() };
        {
            let Some(plan) = self.plans.get_mut(name) else { return Ok(Turn::Nothing) };
            writes.max_set_aside = plan.campaign.source.max_set_aside;
        }
        let Some(plan) = self.plans.all().find(|plan| plan.campaign.name == name) else {
            return Ok(Turn::Nothing);
        };
        let maker = Maker { plan, app: self.app, project: &self.project, now: pass.clock.now_i32() };
        let mut inputs = self.plans.inputs(plan);
        for job in first..first + count {
            if pass.is_stopping() {
                return Ok(Turn::Nothing);
            }
            let origin = Origin { row: job, ..Origin::default() };
            let number = Number { job, copy: 0, retry: 0, seed: seed(plan, job) };
            match Draft::new(&plan.campaign, None, number) {
                Ok(draft) => match maker.make(&draft, &origin, None, &mut inputs)? {
                    Ok(ready) => writes.jobs.push(ready),
                    Err(refusal) => writes.aside.push(origin.aside(name, &refusal)),
                },
                Err(refusal) => writes.aside.push(origin.aside(name, &refusal)),
            }
        }
        let set_aside = i64::try_from(writes.aside.len()).unwrap_or(i64::MAX);
        writes.advance = Some(Advance { next_job: first + count, set_aside, ..Advance::default() });
        if count == left {
            writes.state = Some((State::Complete, String::new()));
        }
        self.write(pass, name, writes, count.unsigned_abs()).await
    }

    /// Jobs that are rows.
    async fn rows(&mut self, pass: &Pass<'_>, name: &str, row: &Row, most: i64) -> Result<Turn> {
        let Some(plan) = self.plans.all().find(|plan| plan.campaign.name == name) else {
            return Ok(Turn::Nothing);
        };
        let campaign = plan.campaign.clone();
        if is_over(plan, Some(row)) {
            return Ok(Turn::Nothing);
        }
        if campaign.source.kind == Kind::Command && !self.dry_run {
            self.command(pass, &campaign, row).await?;
        }
        let names = source::files(&campaign, &self.project.root)?;
        let mut known = Vec::new();
        for chunk in names.chunks(1000) {
            let more =
                pass.store.read("files of a campaign", async |conn| conn.campaign_files(row.id, chunk).await);
            known.extend(more.await?);
        }
        let left = campaign.source.jobs.map_or(i64::MAX, |jobs| jobs.saturating_sub(row.next_job));
        let most = usize::try_from(most.min(left)).unwrap_or(usize::MAX);
        for file in &names {
            let cursor = match known.iter().find(|cursor| cursor.name == *file) {
                Some(cursor) => cursor.clone(),
                None if self.dry_run => new_file(file),
                None => self.open_file(pass, name, file).await?,
            };
            match source::next(&campaign, &self.project.root, &cursor, most)? {
                Next::Nothing => {}
                Next::Rows(rows) => return self.make_rows(pass, name, row, &cursor, rows).await,
                Next::Stuck(why) => {
                    self.tell(name, &why);
                    if campaign.source.kind != Kind::File {
                        continue;
                    }
                    return Ok(Turn::Nothing);
                }
                Next::Rewind(to) | Next::End(to) if self.dry_run => {
                    tracing::debug!(campaign = name, file, done = to.done, "would move the cursor of a file");
                }
                Next::Rewind(to) => {
                    tracing::warn!(
                        campaign = name,
                        file,
                        "the file was changed; it is read again from its beginning, rows that are made are not made again"
                    );
                    let advance = Advance { next_job: row.next_job, file: Some(to), ..Advance::default() };
                    return self.finish(pass, name, row, moved(row, advance, None)).await;
                }
                Next::End(to) => {
                    let over = campaign.source.kind == Kind::File;
                    if over && row.state == State::Complete {
                        return Ok(Turn::Nothing);
                    }
                    if !cursor.done {
                        let advance =
                            Advance { next_job: row.next_job, file: Some(to), ..Advance::default() };
                        let state = over.then(|| (State::Complete, String::new()));
                        let turn = self.finish(pass, name, row, moved(row, advance, state)).await?;
                        if !matches!(turn, Turn::Did(_)) {
                            return Ok(turn);
                        }
                    }
                    source::put_away(&campaign, &self.project.root, file)?;
                }
            }
        }
        Ok(Turn::Nothing)
    }

    async fn make_rows(
        &mut self,
        pass: &Pass<'_>,
        name: &str,
        row: &Row,
        cursor: &FileCursor,
        rows: Rows,
    ) -> Result<Turn> {
        let Rows { items, to } = rows;
        let counts: Vec<Result<i64, campaign::Refusal>> = items
            .iter()
            .map(|item| {
                item.row
                    .as_ref()
                    .map_err(Clone::clone)
                    .and_then(|row| columns::count(row.values.get(columns::COUNT)))
            })
            .collect();
        let all: i64 = counts.iter().map(|count| *count.as_ref().unwrap_or(&1)).sum();
        if !self.seeds(pass, name, row, row.next_job.saturating_add(all)).await? {
            return Ok(Turn::Nothing);
        }
        let Some(plan) = self.plans.all().find(|plan| plan.campaign.name == name) else {
            return Ok(Turn::Nothing);
        };
        let mut writes = Writes {
            next_job: row.next_job,
            max_set_aside: plan.campaign.source.max_set_aside,
            ..Writes::default()
        };
        let origin = |item: &source::Item| Origin {
            file: cursor.id,
            name: &cursor.name,
            row: item.number,
            place: i64::try_from(item.place).unwrap_or(i64::MAX),
            ..Origin::default()
        };
        let mut drafts = Vec::new();
        let mut job = row.next_job;
        for (index, (item, count)) in items.iter().zip(counts).enumerate() {
            let refused = |refusal: &campaign::Refusal| {
                Origin { raw: Some(&item.raw), ..origin(item) }.aside(name, refusal)
            };
            let copies = match count {
                Ok(count) => count,
                Err(refusal) => {
                    writes.aside.push(refused(&refusal));
                    job += 1;
                    continue;
                }
            };
            for copy in 0..copies {
                let number = Number { job, copy, retry: 0, seed: seed(plan, job) };
                job += 1;
                match Draft::new(&plan.campaign, item.row.as_ref().ok(), number) {
                    Ok(draft) => drafts.push((index, draft)),
                    Err(refusal) => {
                        writes.aside.push(refused(&refusal));
                        break;
                    }
                }
            }
        }
        let identities: Vec<[u8; 16]> = drafts.iter().filter_map(|(_, draft)| draft.identity).collect();
        let known = pass
            .store
            .read("known jobs", async |conn| conn.known_identities(row.id, &identities).await)
            .await?;
        let mut known: BTreeSet<[u8; 16]> = known.into_iter().collect();
        let maker = Maker { plan, app: self.app, project: &self.project, now: pass.clock.now_i32() };
        let mut inputs = self.plans.inputs(plan);
        let mut repeated = 0;
        for (index, draft) in drafts {
            if pass.is_stopping() {
                return Ok(Turn::Nothing);
            }
            let Some(item) = items.get(index) else { continue };
            if draft.identity.is_some_and(|identity| !known.insert(identity)) {
                repeated += 1;
                continue;
            }
            match maker.make(&draft, &origin(item), item.content.clone(), &mut inputs)? {
                Ok(ready) => writes.jobs.push(ready),
                // One entry for a row, however many jobs it stands for.
                Err(refusal) => {
                    if writes.aside.last().is_none_or(|last| last.row != item.number) {
                        writes
                            .aside
                            .push(Origin { raw: Some(&item.raw), ..origin(item) }.aside(name, &refusal));
                    }
                }
            }
        }
        let set_aside = i64::try_from(writes.aside.len()).unwrap_or(i64::MAX);
        let done = to.done;
        writes.advance = Some(Advance { next_job: job, set_aside, repeated, file: Some(to) });
        if plan.campaign.source.jobs.is_some_and(|jobs| job >= jobs) {
            writes.state = Some((State::Complete, String::new()));
        }
        let campaign = plan.campaign.clone();
        let turn = self.write(pass, name, writes, items.len() as u64).await?;
        if done && !self.dry_run && matches!(turn, Turn::Did(_)) {
            source::put_away(&campaign, &self.project.root, &cursor.name)?;
        }
        Ok(turn)
    }

    /// Jobs that are to be tried again.
    async fn retry(&mut self, pass: &Pass<'_>, name: &str, row: &Row, most: i64) -> Result<Turn> {
        if !self.seeds(pass, name, row, row.next_job).await? {
            return Ok(Turn::Nothing);
        }
        let wishes = pass
            .store
            .read("jobs to try again", async |conn| conn.retries(row.id, most.min(BATCH)).await)
            .await?;
        let Some(plan) = self.plans.all().find(|plan| plan.campaign.name == name) else {
            return Ok(Turn::Nothing);
        };
        if wishes.is_empty() {
            return Ok(Turn::Nothing);
        }
        let maker = Maker { plan, app: self.app, project: &self.project, now: pass.clock.now_i32() };
        let mut inputs = self.plans.inputs(plan);
        let writes = again::writes(pass, &maker, row.id, &self.project, &wishes, &mut inputs).await?;
        self.write(pass, name, writes, wishes.len() as u64).await
    }

    /// Starts the campaign's command, if it is time.
    async fn command(&mut self, pass: &Pass<'_>, campaign: &campaign::Campaign, row: &Row) -> Result<()> {
        let name = [command::NOTE.to_owned()];
        let read =
            pass.store.read("last start of a command", async |conn| conn.campaign_files(row.id, &name).await);
        let last = read.await?.first().map_or(0, |cursor| cursor.place);
        let now = pass.clock.now();
        if !command::is_due(campaign, last, now) {
            return Ok(());
        }
        if let Err(error) = command::run(campaign, &self.project.root).await {
            self.tell(&campaign.name, &format!("its command failed: {error:#}"));
            return Ok(());
        }
        let (app, started) = (self.app, i64::from(pass.clock.now_i32()).max(1));
        pass.store
            .transaction("note the start of a command", async |tx| {
                let row = tx.lock_campaign(app, &campaign.name, now).await?;
                let note = tx.campaign_file(row.id, command::NOTE, now).await?;
                let to = store::campaigns::FileMove {
                    id: note.id,
                    from: note.place,
                    place: started,
                    rows_read: note.rows_read + 1,
                    tail: String::new(),
                    done: true,
                };
                tx.move_file(&to, now).await.map(|_| ())
            })
            .await?;
        Ok(())
    }

    async fn open_file(&self, pass: &Pass<'_>, name: &str, file: &str) -> Result<FileCursor> {
        let (app, now) = (self.app, pass.clock.now());
        Ok(pass
            .store
            .transaction("open a file of rows", async |tx| {
                let row = tx.lock_campaign(app, name, now).await?;
                tx.campaign_file(row.id, file, now).await
            })
            .await?)
    }

    /// Writes a batch, files first.
    async fn write(&mut self, pass: &Pass<'_>, name: &str, writes: Writes, found: u64) -> Result<Turn> {
        let mut report = PassReport { found, ..PassReport::default() };
        if self.dry_run {
            for job in &writes.jobs {
                tracing::info!(wu = job.workunit.name, seed = job.job.seed, "would make this workunit");
            }
            for row in &writes.aside {
                tracing::info!(reason = row.reason, "would set this row aside");
            }
            return Ok(Turn::Did(report));
        }
        if writes.jobs.iter().any(|job| job.new_file) {
            self.plans.stage().sync()?;
        }
        for row in &writes.aside {
            tracing::warn!(campaign = name, reason = row.reason, "a row is set aside");
        }
        let results: i64 = writes.jobs.iter().map(|job| i64::from(job.workunit.target_nresults)).sum();
        let complete = writes.state.as_ref().is_some_and(|(state, _)| *state == State::Complete);
        match commit(pass, self.plans.stage(), self.app, name, writes).await? {
            Done::Written { made, set_aside } => {
                report.done = found;
                report.set_aside = set_aside.unsigned_abs();
                report.add("made", made.unsigned_abs());
                report.add("set aside", set_aside.unsigned_abs());
                self.pressure.made(made, results);
                if complete {
                    tracing::info!(campaign = name, "all jobs of the campaign are made");
                }
                Ok(Turn::Did(report))
            }
            Done::Overtaken => {
                tracing::debug!(campaign = name, "another instance made these jobs");
                self.pressure.forget();
                Ok(Turn::Overtaken)
            }
            Done::Stopped(state) => {
                tracing::info!(
                    campaign = name,
                    state = state.as_str(),
                    "the campaign was stopped; nothing is made"
                );
                Ok(Turn::Nothing)
            }
        }
    }

    /// Moves cursors without making anything.
    async fn finish(&mut self, pass: &Pass<'_>, name: &str, row: &Row, writes: Writes) -> Result<Turn> {
        let state = writes.state.as_ref().map(|(state, _)| *state);
        if self.dry_run
            || (state == Some(row.state) && writes.advance.as_ref().is_none_or(|to| to.file.is_none()))
        {
            return Ok(Turn::Nothing);
        }
        match commit(pass, self.plans.stage(), self.app, name, writes).await? {
            Done::Written { .. } => {
                if state == Some(State::Complete) {
                    tracing::info!(campaign = name, "all jobs of the campaign are made");
                }
                Ok(Turn::Did(PassReport { found: 1, done: 1, ..PassReport::default() }))
            }
            Done::Overtaken => Ok(Turn::Overtaken),
            Done::Stopped(_) => Ok(Turn::Nothing),
        }
    }

    fn tell(&mut self, name: &str, what: &str) {
        if self.told.get(name).map(String::as_str) != Some(what) {
            tracing::error!("campaign {name}: {what}");
            self.told.insert(name.to_owned(), what.to_owned());
        }
    }
}

/// Whether all jobs that a campaign may have are made.
fn is_over(plan: &Plan, row: Option<&Row>) -> bool {
    let next = row.map_or(0, |row| row.next_job);
    plan.campaign.source.jobs.is_some_and(|jobs| next >= jobs)
}

fn seed(plan: &Plan, job: i64) -> i64 {
    let first = plan.campaign.seeds.first.max(1);
    if plan.campaign.seeds.reuse {
        return first.saturating_add(job);
    }
    seeds::seed_of(&plan.seeds, job).unwrap_or_else(|| first.saturating_add(job))
}

fn range(range: &store::campaigns::SeedRange) -> seeds::Range {
    seeds::Range { first_job: range.first_job, first_seed: range.first_seed, seeds: range.seeds }
}

fn moved(row: &Row, advance: Advance, state: Option<(State, String)>) -> Writes {
    Writes {
        next_job: row.next_job,
        advance: Some(advance),
        state,
        max_set_aside: i64::MAX,
        ..Writes::default()
    }
}

fn new_file(name: &str) -> FileCursor {
    FileCursor { id: 0, name: name.to_owned(), place: 0, rows_read: 0, tail: String::new(), done: false }
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
