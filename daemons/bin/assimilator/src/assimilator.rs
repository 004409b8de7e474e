//! The daemon: its flags, its start, its passes.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use app_config::{AppConfig, Hook, Outputs};
use boinc::id::{AppId, HostId, WorkunitId};
use boinc::record::Workunit;
use compare::extract::ExtractPlan;
use daemon::stop::Reason;
use daemon::{Daemon, Fatal, Pass, PassReport, Start};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use store::validation::Selection;

use crate::commit::{self, Aside, Decisions, Row, Target, Written};
use crate::content;
use crate::decide::{self, Fate};
use crate::gather::{Batch, DAEMON, Item, Patience, bad_workunit};
use crate::hook;
use crate::outputs::{self, Copies, OutputError, UploadFolder};
use crate::recovery;
use crate::reviews;
use crate::summary::Summaries;
use dataset::layout;
use dataset::remote::{Place, Remote};
use dataset::staging::Instance;
use dataset::storage;
use dataset::table::failures::FailureRecord;
use dataset::table::parameters::Declared;
use dataset::table::results::ResultRecord;

/// Folder below the project directory for what is on its way to S3.
const SPOOL: &str = "cobblestone/spool";
/// Folder in the staging folder for copies of outputs on their way to S3.
const OUT: &str = "out";
/// Workunits in one transaction.
const BATCH: i64 = 1000;
/// What was read for tables of data is written when it takes so much memory, in bytes, about: 64 MiB.
const MOST_DATA: usize = 64 << 20;
/// After so many workunits a pass ends, so that there is a line in the log.
const PASS: u64 = 10_000;

/// Flags of the assimilator.
#[derive(Debug, Clone, Copy, Default, clap::Args)]
pub struct Args {
    /// Write nothing, only log what would be done (as --dry_run)
    #[arg(long = "dont_update_db")]
    pub dont_update_db: bool,

    /// Only this workunit, also if it was set aside a moment ago
    #[arg(long = "wu_id", value_name = "ID", value_parser = clap::value_parser!(i32).range(1..))]
    pub wu_id: Option<i32>,

    /// Handle at most N workunits, then exit
    #[arg(long = "one_pass_N_WU", value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub one_pass_n_wu: Option<u32>,
}

/// What APP.toml says.
#[derive(Debug)]
struct Settings {
    outputs: Outputs,
    zstd_level: i32,
    /// Whether valid results are flagged that did nothing.
    flag_idle: bool,
    data: Vec<ExtractPlan>,
    hook: Hook,
    /// Parameters of jobs that get a column of their own.
    parameters: Declared,
}

/// The assimilator of one application.
#[derive(Debug)]
pub struct Assimilator {
    app: AppId,
    app_name: String,
    /// `FOLDER`
    folder: PathBuf,
    /// The project directory and the part of `folder` below it, if it is there.
    in_project: Option<(PathBuf, PathBuf)>,
    /// `FOLDER/APP`; of a dataset on S3 a folder of the project for what is on its way.
    app_folder: PathBuf,
    /// Where the dataset is, if it is on S3.
    remote: Option<Remote>,
    settings: Settings,
    /// Where programs of the project are.
    bin: PathBuf,
    upload: UploadFolder,
    modulo: Option<(i32, i32)>,
    args: Args,
    dry_run: bool,
    instance: Option<Instance>,
    summaries: Summaries,
    /// Files that are recorded and nowhere, and were told.
    missing: BTreeSet<String>,
}

impl Daemon for Assimilator {
    const NAME: &'static str = DAEMON;
    const ABOUT: &'static str =
        "Writes workunits that are done to a dataset: a table of results, a table of failures, output files";
    type Args = Args;

    async fn start(start: &Start<Args>) -> anyhow::Result<Self> {
        let name = start.app();
        let apps = start.store.read("applications", async |conn| conn.apps().await).await?;
        for stray in app_config::strays(&start.project.root, apps.iter().map(|app| app.name.as_str())) {
            tracing::warn!("{stray}");
        }
        let config =
            AppConfig::load(&start.project.root, name).map_err(|error| Fatal::new(error.to_string()))?;
        let app = start.store.read("app", async |conn| conn.app(name).await).await?;
        let app = app.ok_or_else(|| {
            Fatal::new(format!("the database has no application `{name}`; look at --app and at bin/xadd"))
        })?;
        let flag_idle = config.assimilate.flag_idle && !config.reports.is_empty();
        let assimilate = config.assimilate;
        let root = &start.project.root;
        let place = Place::of(&assimilate, root, name).map_err(|error| Fatal::new(error.to_string()))?;
        let remote = match place {
            Place::Local(_) => None,
            Place::Remote(remote) => Some(remote),
        };
        let folder = if remote.is_some() { root.join(SPOOL) } else { assimilate.folder_in(root) };
        let app_folder = folder.join(layout::safe(name));
        let shown = remote.as_ref().map_or(app_folder.clone(), |remote| remote.shown().to_owned());
        let in_project = match &remote {
            Some(_) => Some((root.clone(), PathBuf::from(SPOOL))),
            None if assimilate.folder.is_absolute() => None,
            None => Some((root.clone(), assimilate.folder.clone())),
        };
        Ok(Self {
            app: app.id,
            app_name: app.name.clone(),
            app_folder,
            folder,
            remote,
            in_project,
            settings: Settings {
                outputs: assimilate.outputs,
                zstd_level: assimilate.zstd_level,
                flag_idle,
                // The file was checked when it was read.
                data: assimilate.data.iter().filter_map(|spec| spec.plan().ok()).collect(),
                hook: assimilate.hook.clone(),
                parameters: Declared::new(&assimilate.parameters),
            },
            bin: root.join("bin"),
            upload: UploadFolder {
                path: start.project.config.upload_dir.clone(),
                fanout: start.project.config.uldl_dir_fanout,
            },
            modulo: start.modulus.map(|modulus| (modulus.n, modulus.i)),
            args: start.args,
            dry_run: start.common.dry_run || start.args.dont_update_db,
            instance: None,
            summaries: Summaries::new(assimilate.summary.clone(), root.join("bin"), &shown),
            missing: BTreeSet::new(),
        })
    }

    async fn pass(&mut self, pass: &Pass<'_>) -> anyhow::Result<PassReport> {
        let mut report = PassReport::default();
        if !self.dry_run {
            self.open_storage(pass).await?;
            let published = recovery::publish_committed(
                pass.store,
                self.app,
                &self.app_folder,
                self.remote.as_ref(),
                &mut self.missing,
            )
            .await?;
            report.add("published_late", published);
            if let Some(instance) = &self.instance {
                recovery::clear(pass.store, &self.app_folder, instance).await?;
            }
            if let Some(remote) = &self.remote {
                recovery::clear_remote(pass.store, self.app, remote, pass.clock.now()).await?;
            }
        }
        let most = self.args.one_pass_n_wu.map_or(PASS, u64::from);
        let mut which = self.selection();
        while !pass.is_stopping() && (self.dry_run || report.done < most) {
            let room = i64::try_from(most - report.done).unwrap_or(BATCH);
            which.limit = if self.dry_run { BATCH } else { BATCH.min(room) };
            let patience = Patience {
                now: pass.clock.now(),
                asked: self.args.wu_id.is_some() && pass.number == 1,
                hook_tries: self.settings.hook.tries,
            };
            let batch = Batch::read(pass.store, which, patience).await?;
            let Some(last) = batch.last else { break };
            let is_full = batch.is_full;
            report.found += batch.found();
            if batch.waiting > 0 {
                tracing::debug!(workunits = batch.waiting, "set aside, not due yet");
            }
            let mut work = Work::of(batch);
            while !work.is_done() {
                let Some(written) = self.batch(pass, &mut work).await? else { return Ok(report) };
                self.tell(&mut report, &written);
            }
            if !is_full {
                break;
            }
            which.after = last;
        }
        if !self.dry_run && !pass.is_stopping() && report.done < most {
            report.add("reviews", self.reviews(pass).await?);
        }
        if !self.dry_run && report.done == 0 && !pass.is_stopping() {
            let made = self.summaries.look(pass.store, self.app, pass.clock.now()).await?;
            report.add("summaries", made);
        }
        if self.args.one_pass_n_wu.is_some() {
            pass.stop.request(Reason::Asked);
        }
        Ok(report)
    }
}

/// What is left of a batch.
struct Work {
    bad: Vec<Aside>,
    items: std::vec::IntoIter<Item>,
}

impl Work {
    fn of(batch: Batch) -> Self {
        let bad = batch.bad.iter().filter_map(|row| {
            let workunit = bad_workunit(row)?;
            Some(Aside { workunit, name: String::new(), host: HostId(0), reason: row.to_string() })
        });
        Self { bad: bad.collect(), items: batch.items.into_iter() }
    }

    fn is_done(&self) -> bool {
        self.bad.is_empty() && self.items.len() == 0
    }
}

impl Assimilator {
    fn selection(&self) -> Selection {
        let (after, up_to) = self.args.wu_id.map_or((0, i32::MAX), |id| (id - 1, id));
        Selection {
            app: self.app,
            after: WorkunitId(after),
            up_to: WorkunitId(up_to),
            limit: BATCH,
            modulo: self.modulo,
        }
    }

    /// Makes the folders that are missing, and this instance's own.
    async fn open_storage(&mut self, pass: &Pass<'_>) -> anyhow::Result<()> {
        if self.instance.as_ref().is_some_and(Instance::is_there) {
            return Ok(());
        }
        let was_there = self.instance.take().is_some();
        if !self.app_folder.is_dir() {
            if self.remote.is_none()
                && (was_there || recovery::is_lost(pass.store, self.app, &self.app_folder).await?)
            {
                anyhow::bail!(
                    "{} is gone, and files in it are recorded; nothing is assimilated until it is back: mount its \
                     file system, or make the folder if a new place is meant",
                    self.app_folder.display()
                );
            }
            self.make_folders()?;
        }
        // Another instance may be clearing the staging folder: that takes a moment.
        for _ in 0..100 {
            if let Some(instance) = Instance::create(&self.app_folder)? {
                self.instance = Some(instance);
                return Ok(());
            }
            if !pass.stop.sleep(Duration::from_millis(20)).await {
                break;
            }
        }
        anyhow::bail!("another assimilator holds the lock of the staging folder; trying again")
    }

    fn make_folders(&self) -> anyhow::Result<()> {
        match &self.in_project {
            Some((project, below)) => storage::make_folders(project, below, true)?,
            None if self.folder.is_dir() => {}
            // It may be a file system that is not mounted.
            None => anyhow::bail!(
                "{} is missing; make it, or mount its file system; nothing is assimilated until then",
                self.folder.display()
            ),
        }
        let name = self.app_folder.strip_prefix(&self.folder).unwrap_or(&self.app_folder);
        Ok(storage::make_folders(&self.folder, name, true)?)
    }

    /// Decides on the next workunits of a batch and writes them. `None`: asked to stop, nothing is written.
    async fn batch(&mut self, pass: &Pass<'_>, work: &mut Work) -> anyhow::Result<Option<Written>> {
        let now = pass.clock.now_i32();
        let Some(mut decisions) = self.decide(work, now, &|| pass.is_stopping())? else { return Ok(None) };
        if self.dry_run {
            return Ok(Some(Written { rows: decisions.rows, aside: decisions.aside, left: 0 }));
        }
        if let Some(instance) = &self.instance {
            hook::ask(&self.settings.hook, &self.bin, &instance.temp(), &mut decisions).await?;
        }
        if let Some(remote) = &self.remote {
            self.upload(remote, &decisions).await?;
        }
        let target = Target {
            remote: self.remote.as_ref(),
            store: pass.store,
            app: self.app,
            app_name: &self.app_name,
            app_folder: &self.app_folder,
            data: &self.settings.data,
            parameters: &self.settings.parameters,
            now: pass.clock.now(),
            now_i32: now,
        };
        let instance = self.instance.as_mut().context("there is no staging folder")?;
        commit::write(&target, instance, decisions).await.map(Some)
    }

    /// Writes reviews that the dataset does not hold yet; how many. One instance does it for all.
    async fn reviews(&mut self, pass: &Pass<'_>) -> anyhow::Result<u64> {
        if self.modulo.is_some_and(|(_, i)| i != 0) {
            return Ok(0);
        }
        let target = Target {
            remote: self.remote.as_ref(),
            store: pass.store,
            app: self.app,
            app_name: &self.app_name,
            app_folder: &self.app_folder,
            data: &self.settings.data,
            parameters: &self.settings.parameters,
            now: pass.clock.now(),
            now_i32: pass.clock.now_i32(),
        };
        let instance = self.instance.as_mut().context("there is no staging folder")?;
        reviews::write(&target, instance).await
    }

    /// Goes on until the batch is done, or what was read for tables of data is large.
    fn decide(
        &self,
        work: &mut Work,
        now: i32,
        stopping: &dyn Fn() -> bool,
    ) -> anyhow::Result<Option<Decisions>> {
        let temp = self.instance.as_ref().map(Instance::temp);
        let zstd = (self.settings.outputs == Outputs::Zstd).then_some(self.settings.zstd_level);
        let root = self.copies_root();
        if self.remote.is_some()
            && let Some(instance) = &self.instance
        {
            storage::make_folders(instance.folder(), Path::new(OUT), false)?;
        }
        let mut copies = match &temp {
            Some(temp) if self.copies() && !self.dry_run => Some(Copies::new(&root, temp, zstd)),
            _ => None,
        };
        let mut decisions = Decisions { aside: std::mem::take(&mut work.bad), ..Decisions::default() };
        let mut memory = 0;
        while memory < MOST_DATA
            && let Some(item) = work.items.next()
        {
            if stopping() {
                return Ok(None);
            }
            match self.item(item, now, copies.as_mut(), stopping) {
                Ok(Ok(row)) => {
                    memory += row.memory();
                    decisions.rows.push(row);
                }
                Ok(Err(aside)) => decisions.aside.push(aside),
                Err(OutputError::Stopped) => return Ok(None),
                Err(error) => return Err(error.into()),
            }
        }
        if let Some(copies) = &mut copies
            && self.remote.is_none()
        {
            copies.sync()?;
        }
        Ok(Some(decisions))
    }

    /// Where copies of outputs are made.
    fn copies_root(&self) -> PathBuf {
        match (&self.remote, &self.instance) {
            (Some(_), Some(instance)) => instance.folder().join(OUT),
            _ => self.app_folder.clone(),
        }
    }

    /// Puts the copies of outputs on S3, before anything is recorded. Their names are fixed: done twice is done once.
    async fn upload(&self, remote: &Remote, decisions: &Decisions) -> anyhow::Result<()> {
        let root = self.copies_root();
        let outputs = decisions.rows.iter().flat_map(|row| match row {
            Row::Result { record, .. } => record.outputs.as_slice(),
            _ => &[],
        });
        let stored: Vec<&str> = outputs.filter_map(|o| Some(o.stored.as_ref()?.path.as_str())).collect();
        let puts = stored.iter().map(|path| {
            let local = root.join(path);
            async move { remote.put_file(&local, path).await }
        });
        stream::iter(puts).buffer_unordered(commit::AT_ONCE).try_collect::<()>().await?;
        match std::fs::remove_dir_all(&root) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(storage::storage("remove", &root)(error).into())
            }
            _ => Ok(()),
        }
    }

    fn copies(&self) -> bool {
        self.settings.outputs != Outputs::Leave
    }

    /// One workunit: its row, or why it is set aside.
    fn item(
        &self,
        item: Item,
        now: i32,
        copies: Option<&mut Copies<'_>>,
        stopping: &dyn Fn() -> bool,
    ) -> Result<Result<Row, Aside>, OutputError> {
        let Item { workunit, results, job, fate, files, validated, known, stderr, .. } = item;
        let (host, version, report) = (item.host, item.version, item.report);
        let campaign = job.as_ref().map_or(layout::NO_CAMPAIGN, |job| job.campaign.as_str()).to_owned();
        let aside = |host, reason| {
            Ok(Err(Aside { workunit: workunit.id, name: workunit.name.clone(), host, reason }))
        };
        let parameters = match self.settings.parameters.values(job.as_ref()) {
            Ok(parameters) => parameters,
            Err(reason) if matches!(fate, Fate::Assimilate { .. } | Fate::Fail { .. }) => {
                return aside(HostId(0), reason);
            }
            Err(_) => Vec::new(),
        };
        match fate {
            Fate::SetAside(reason) => aside(HostId(0), reason),
            Fate::Known { dataset } => Ok(Ok(Row::Known { workunit: Box::new(workunit), dataset })),
            Fate::Assimilate { canonical, n_valid } => {
                let folder = layout::outputs_folder(&campaign, &workunit.name);
                let is_copied = self.copies() && !files.is_empty();
                let copies = copies.map(|copies| (copies, folder.as_str()));
                let taken = match outputs::take(&self.upload, &files, &validated, copies, stopping) {
                    Ok(taken) => taken,
                    Err(OutputError::Workunit(reason)) => return aside(canonical.hostid, reason),
                    Err(error) => return Err(error),
                };
                let data = match content::take(&self.settings.data, &taken, workunit.id, canonical.id) {
                    Ok(data) => data,
                    Err(reason) => return aside(canonical.hostid, reason),
                };
                let paths = taken.iter().map(|taken| (taken.path.clone(), taken.open_name.clone())).collect();
                let record = Box::new(ResultRecord {
                    workunit,
                    job,
                    parameters,
                    canonical: *canonical,
                    host,
                    version,
                    uptime: item.uptime,
                    agreement: item.agreement,
                    flag: decide::did_nothing(report.as_ref(), self.settings.flag_idle),
                    report,
                    n_results: i32::try_from(results.len()).unwrap_or(i32::MAX),
                    n_valid: i32::try_from(n_valid).unwrap_or(i32::MAX),
                    outputs: taken.into_iter().map(|taken| taken.output).collect(),
                    output_folder: is_copied.then_some(folder),
                    compression: if self.settings.outputs == Outputs::Zstd { "zstd" } else { "none" },
                    assimilated_time: i64::from(now),
                });
                Ok(Ok(Row::Result { record, data, files: paths }))
            }
            Fate::Fail { error_mask, .. } => Ok(Ok(Row::Failure(Box::new(FailureRecord {
                workunit,
                job,
                parameters,
                campaign,
                error_mask,
                results,
                known,
                stderr,
                assimilated_time: i64::from(now),
            })))),
        }
    }

    fn tell(&mut self, report: &mut PassReport, written: &Written) {
        let app = self.app_name.as_str();
        let would = if self.dry_run { "would be " } else { "" };
        for aside in &written.aside {
            let Aside { workunit, name, host, reason } = aside;
            tracing::warn!(wu = workunit.0, name, host = host.0, app, "{would}set aside: {reason}");
        }
        let (mut failed, mut known, mut flagged) = (0, 0, 0);
        for row in &written.rows {
            self.summaries.note(row.workunit().batch);
            match row {
                Row::Result { record, .. } => {
                    let bytes = record.outputs.iter().fold(0, |sum, output| output.bytes.saturating_add(sum));
                    metrics::counter!("cobblestone_output_bytes_total").increment(bytes.unsigned_abs());
                    tracing::debug!(
                        wu = record.workunit.id.0,
                        name = record.workunit.name,
                        "{would}assimilated"
                    );
                    if let Some(why) = &record.flag {
                        flagged += 1;
                        let (wu, host) = (record.workunit.id.0, record.canonical.hostid.0);
                        tracing::warn!(wu, host, app, "{would}flagged for review: {why}");
                    }
                }
                Row::Failure(record) => {
                    failed += 1;
                    let Workunit { id, name, .. } = &record.workunit;
                    let errors = boinc::state::ErrorMask(record.error_mask).words().join(", ");
                    let known = record.known.first().map_or("-", |(known, _)| known.name());
                    metrics::counter!("cobblestone_failed_workunits_total", "known" => known).increment(1);
                    tracing::info!(wu = id.0, name, app, known, "{would}recorded as failed: {errors}");
                }
                Row::Known { workunit, dataset } => {
                    known += 1;
                    let Workunit { id, name, .. } = workunit.as_ref();
                    tracing::info!(wu = id.0, name, app, "has its row in `{dataset}` already; none is added");
                }
            }
        }
        let rows = written.rows.len() as u64;
        // The frame calls again at once while something is done; a dry run would find the same for ever.
        report.done += if self.dry_run { 0 } else { rows };
        report.set_aside += written.aside.len() as u64;
        report.add("assimilated", rows - failed - known);
        report.add("failed", failed);
        report.add("known", known);
        report.add("flagged", flagged);
        report.add("set_aside", written.aside.len() as u64);
        report.add("taken_by_another", written.left);
    }
}
