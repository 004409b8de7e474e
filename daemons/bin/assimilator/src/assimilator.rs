//! The daemon: its flags, its start, its passes.

use std::collections::BTreeSet;
use std::path::PathBuf;

use anyhow::Context as _;
use app_config::AppConfig;
use boinc::id::{AppId, WorkunitId};
use daemon::stop::Reason;
use daemon::{Daemon, Fatal, Pass, PassReport, Start};
use dataset::staging::Instance;
use store::validation::Selection;

use crate::commit::{self, Target};
use crate::gather::{Batch, DAEMON, Patience};
use crate::home::Home;
use crate::hook;
use crate::late::LateReports;
use crate::make::{Maker, Settings, Work};
use crate::outputs::UploadFolder;
use crate::recovery;
use crate::reviews;
use crate::room::Room;
use crate::row::Written;
use crate::summary::Summaries;
use crate::tell::tell;

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

/// The assimilator of one application.
#[derive(Debug)]
pub struct Assimilator {
    app: AppId,
    app_name: String,
    home: Home,
    settings: Settings,
    room: Room,
    /// Where programs of the project are.
    bin: PathBuf,
    upload: UploadFolder,
    modulo: Option<(i32, i32)>,
    args: Args,
    dry_run: bool,
    summaries: Summaries,
    late: LateReports,
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
        let assimilate = config.assimilate;
        let root = &start.project.root;
        let home = Home::of(&assimilate, root, name)?;
        let summaries = Summaries::new(assimilate.summary.clone(), root.join("bin"), home.shown());
        // Who runs it once wants what there is.
        let is_once =
            start.common.one_pass || start.args.wu_id.is_some() || start.args.one_pass_n_wu.is_some();
        let room = match &home.remote {
            Some(_) => Room::on_s3(&assimilate.s3, is_once),
            None => Room::local(),
        };
        Ok(Self {
            app: app.id,
            app_name: app.name.clone(),
            home,
            settings: Settings::of(&assimilate, !config.reports.is_empty()),
            room,
            bin: root.join("bin"),
            upload: UploadFolder {
                path: start.project.config.upload_dir.clone(),
                fanout: start.project.config.uldl_dir_fanout,
            },
            modulo: start.modulus.map(|modulus| (modulus.n, modulus.i)),
            args: start.args,
            dry_run: start.common.dry_run || start.args.dont_update_db,
            summaries,
            late: LateReports::default(),
            missing: BTreeSet::new(),
        })
    }

    async fn pass(&mut self, pass: &Pass<'_>) -> anyhow::Result<PassReport> {
        let mut report = PassReport::default();
        if !self.dry_run {
            self.recover(pass, &mut report).await?;
        }
        let most = self.args.one_pass_n_wu.map_or(PASS, u64::from);
        let mut which = self.selection();
        while !pass.is_stopping() && (self.dry_run || report.done < most) {
            which.limit = self.room.rows();
            if let Some(n) = self.args.one_pass_n_wu.filter(|_| !self.dry_run) {
                which.limit = which.limit.min(i64::from(n) - i64::try_from(report.done).unwrap_or(0));
            }
            if !self.dry_run && !self.room.is_worth_it(pass.store, which, pass.clock.now()).await? {
                break;
            }
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
                for row in &written.rows {
                    self.summaries.note(row.workunit().batch);
                }
                tell(&self.app_name, self.dry_run, &written, &mut report);
            }
            self.room.written();
            if !is_full {
                break;
            }
            which.after = last;
        }
        if !self.dry_run && !pass.is_stopping() && report.done < most {
            if self.settings.flag_idle && self.is_first() {
                report.add("flags_taken_back", self.late.look(pass.store, self.app, pass.clock.now()).await?);
            }
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

impl Assimilator {
    fn selection(&self) -> Selection {
        let (after, up_to) = self.args.wu_id.map_or((0, i32::MAX), |id| (id - 1, id));
        Selection {
            app: self.app,
            after: WorkunitId(after),
            up_to: WorkunitId(up_to),
            limit: self.room.rows(),
            modulo: self.modulo,
        }
    }

    /// Opens the storage, and finishes what was begun.
    async fn recover(&mut self, pass: &Pass<'_>, report: &mut PassReport) -> anyhow::Result<()> {
        self.home.open(pass, self.app).await?;
        let Home { app_folder, remote, instance, .. } = &self.home;
        let published =
            recovery::publish_committed(pass.store, self.app, app_folder, remote.as_ref(), &mut self.missing)
                .await?;
        report.add("published_late", published);
        if let Some(instance) = instance {
            recovery::clear(pass.store, app_folder, instance).await?;
        }
        if let Some(remote) = remote {
            recovery::clear_remote(pass.store, self.app, remote, pass.clock.now()).await?;
        }
        Ok(())
    }

    /// Decides on the next workunits of a batch and writes them. `None`: asked to stop, nothing is written.
    async fn batch(&mut self, pass: &Pass<'_>, work: &mut Work) -> anyhow::Result<Option<Written>> {
        let maker = Maker {
            settings: &self.settings,
            upload: &self.upload,
            home: &self.home,
            dry_run: self.dry_run,
            now: pass.clock.now_i32(),
        };
        let Some(mut decisions) = maker.decide(work, &|| pass.is_stopping())? else { return Ok(None) };
        if self.dry_run {
            return Ok(Some(Written { rows: decisions.rows, aside: decisions.aside, left: 0 }));
        }
        if let Some(instance) = &self.home.instance {
            hook::ask(&self.settings.hook, &self.bin, &instance.temp(), &mut decisions).await?;
        }
        self.home.upload(&decisions).await?;
        let (target, instance) = self.target(pass)?;
        commit::write(&target, instance, decisions).await.map(Some)
    }

    fn target<'a>(&'a mut self, pass: &'a Pass<'_>) -> anyhow::Result<(Target<'a>, &'a mut Instance)> {
        let target = Target {
            store: pass.store,
            app: self.app,
            app_name: &self.app_name,
            app_folder: &self.home.app_folder,
            remote: self.home.remote.as_ref(),
            data: &self.settings.data,
            parameters: &self.settings.parameters,
            now: pass.clock.now(),
            now_i32: pass.clock.now_i32(),
        };
        Ok((target, self.home.instance.as_mut().context("there is no staging folder")?))
    }

    /// Of several instances one does what is to be done once.
    fn is_first(&self) -> bool {
        self.modulo.is_none_or(|(_, i)| i == 0)
    }

    /// Writes reviews that the dataset does not hold yet; how many.
    async fn reviews(&mut self, pass: &Pass<'_>) -> anyhow::Result<u64> {
        if !self.is_first() {
            return Ok(0);
        }
        let (target, instance) = self.target(pass)?;
        reviews::write(&target, instance).await
    }
}
