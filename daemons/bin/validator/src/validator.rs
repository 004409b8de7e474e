//! The passes over workunits that wait.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Result;
use app_config::{AppConfig, Credit, Validate};
use boinc::id::WorkunitId;
use boinc::record::App;
use daemon::stop::Reason;
use daemon::{Daemon, Fatal, Modulus, Pass, PassReport, Start};
use rules::uptime::{Benchmarks, UptimePolicy};
use store::Store;
use store::aside_workunits::DROPPED_WORKUNIT;
use store::validation::Selection;

use sha2::{Digest as _, Sha256};
use verdicts::{Examiner, Uploads, compares_stderr, spec_text};

use crate::abandoned::{Abandoned, Search};
use crate::aside;
use crate::batch::{self, Bench};
use crate::counts::{self, Counts};
use crate::examined::{Examined, Look, examine};
use crate::flags::{Flags, Scope};
use crate::gathered::Gathered;
use crate::samples;
use crate::settings::{hopeless, modulus, options};

/// Workunits in one transaction, if their files are read within a second.
const BATCH: i64 = 1000;

/// Seconds after which the project's benchmarks are read again.
const BENCHMARKS: f64 = 3600.0;

/// How often, at the end of a sweep, workunits that another instance had are looked at again, and the pause before.
const PATIENCE: u32 = 20;
const PAUSE: Duration = Duration::from_millis(50);

/// A batch that was examined ahead is examined anew when it had to wait so long.
const FRESH: Duration = Duration::from_secs(10);

/// A batch whose files were looked at.
struct Batch {
    examined: Examined,
    /// Where the next one begins.
    last: WorkunitId,
    /// How many were asked for.
    full: bool,
    when: Instant,
}

/// Judges results and grants credit.
pub struct Validator {
    app: App,
    look: Arc<Look>,
    validate: Validate,
    /// The text of the spec in force, and its number once it is kept.
    spec: (String, Option<i32>),
    credit: Credit,
    /// As declared.
    declared: UptimePolicy,
    /// The same, with the percentile as a number.
    uptime: UptimePolicy,
    /// When the project's benchmarks were read.
    benchmarks: Option<f64>,
    daily_result_quota: i32,
    credit_by_app: bool,
    modulus: Option<Modulus>,
    dry_run: bool,
    /// Only the file says so: the frame does not know, and would go on at once.
    quiet_dry_run: bool,
    one_pass: bool,
    scope: Scope,
    /// Workunits that were judged.
    judged: u64,
    /// The last one looked at in this sweep.
    after: WorkunitId,
    /// Workunits of this sweep that another instance had, or whose rows changed.
    busy: u64,
    /// The next batch.
    ahead: Option<Batch>,
    /// Where it is read, while the one before is written.
    reader: Store,
    abandoned: Abandoned,
    /// Workunits that were set aside when this pass began.
    aside: BTreeSet<i64>,
}

impl Daemon for Validator {
    const NAME: &'static str = aside::DAEMON;
    const ABOUT: &'static str = "Compares the outputs of results, chooses the canonical one and grants credit. Without cobblestone/APP.toml: byte for byte.";
    type Args = Flags;

    async fn start(start: &Start<Flags>) -> Result<Self> {
        let name = start.app();
        let app = start.store.read("application", async |conn| conn.app(name).await).await?;
        let app = app.ok_or_else(|| {
            Fatal::new(format!("there is no application `{name}` in the database; look at --app"))
        })?;
        let apps = start.store.read("applications", async |conn| conn.apps().await).await?;
        for stray in app_config::strays(&start.project.root, apps.iter().map(|app| app.name.as_str())) {
            tracing::warn!("{stray}");
        }
        let config =
            AppConfig::load(&start.project.root, name).map_err(|error| Fatal::new(error.to_string()))?;
        if AppConfig::path(&start.project.root, name).is_ok_and(|path| !path.exists()) {
            tracing::warn!(
                "there is no cobblestone/{name}.toml: outputs must be equal byte for byte, credit is adaptive"
            );
        }
        let flags = &start.args;
        let credit = Credit {
            mode: flags.credit_mode().unwrap_or(config.credit.mode),
            max_granted_credit: flags.max_granted_credit.unwrap_or(config.credit.max_granted_credit),
            update_credited_job: flags.update_credited_job || config.credit.update_credited_job,
        };
        // Checked when the file was read: this can't fail.
        let plan = config.compare.plan().map_err(|mistakes| {
            let mistakes: Vec<String> = mistakes.iter().map(ToString::to_string).collect();
            Fatal::new(mistakes.join("\n"))
        })?;
        if let Ok(path) = AppConfig::path(&start.project.root, name) {
            samples::check(&config.compare, &plan, &path)?;
            samples::scripts(&config.compare, &start.project.root.join("bin"), &path)?;
        }
        let project = &start.project.config;
        let validate = config.validate;
        let scope = flags.scope(&validate);
        let quorum = validate.quorum(app.target_nresults);
        let look = Look {
            examiner: Examiner {
                uploads: Uploads {
                    folder: project.upload_dir.clone(),
                    fanout: project.uldl_dir_fanout,
                    programs: start.project.root.join("bin"),
                },
                plan: Arc::new(plan),
                independence: validate.independence,
                suspicious_quorum: quorum,
                memory: validate.max_memory_bytes,
            },
            stderr: compares_stderr(&config.compare),
            threads: validate.threads,
            suspect_flagged_hosts: validate.suspect_flagged_hosts,
            hopeless: hopeless(&validate, flags.check_punitive),
        };
        Ok(Self {
            app,
            spec: (spec_text(&config.compare), None),
            look: Arc::new(look),
            credit,
            uptime: config.uptime.clone(),
            declared: config.uptime,
            benchmarks: None,
            daily_result_quota: project.daily_result_quota,
            credit_by_app: project.credit_by_app,
            modulus: start.modulus.or(modulus(&validate)),
            dry_run: start.common.dry_run || validate.dry_run,
            quiet_dry_run: validate.dry_run && !start.common.dry_run,
            one_pass: start.common.one_pass || scope.once,
            validate,
            scope,
            judged: 0,
            after: scope.above,
            busy: 0,
            ahead: None,
            reader: start.store.another(),
            abandoned: Abandoned::default(),
            aside: BTreeSet::new(),
        })
    }

    async fn pass(&mut self, pass: &Pass<'_>) -> Result<PassReport> {
        let mut report = PassReport::default();
        self.resolve(pass).await?;
        self.keep_spec(pass).await?;
        self.aside = pass
            .store
            .read("workunits set aside", async |conn| conn.set_aside_ids(aside::DAEMON, aside::KIND).await)
            .await?
            .into_iter()
            .collect();
        let dropped: BTreeSet<i64> = pass
            .store
            .read("dropped workunits", async |conn| conn.set_aside_ids(aside::DAEMON, DROPPED_WORKUNIT).await)
            .await?
            .into_iter()
            .collect();
        let mut patience = PATIENCE;
        // Goes on over workunits that can't be judged now until one is judged or all were seen.
        while !pass.is_stopping() && (report.done == 0 || self.dry_run) {
            let room = self.scope.most.map_or(u64::MAX, |most| most.saturating_sub(self.judged));
            if room == 0 {
                break;
            }
            let batch = match self.ahead.take().filter(|ahead| ahead.when.elapsed() < FRESH) {
                Some(ahead) => Some(ahead),
                None => self.look_at(pass, pass.store, self.after, room, &dropped).await?,
            };
            let Some(Batch { examined, last, full, .. }) = batch else {
                self.after = self.scope.above;
                // Another instance had some of them, or their rows changed. If it gives them back, they are judged here.
                if std::mem::take(&mut self.busy) == 0 || patience == 0 {
                    break;
                }
                patience -= 1;
                pass.stop.sleep(PAUSE).await;
                continue;
            };
            // Ended early: what was not examined comes next.
            let last = examined.last().filter(|_| examined.ended_early).unwrap_or(last);
            report.found += (examined.len() + examined.bad_workunits.len()) as u64;
            // While this batch is written, the next one is read. Not by number: then it is not known where that begins.
            let go_on = full && self.scope.most.is_none() && !pass.is_stopping();
            let next = async {
                match go_on {
                    true => self.look_at(pass, &self.reader, last, room, &dropped).await,
                    false => Ok(None),
                }
            };
            let (judged, ahead) = tokio::join!(self.judge_each(pass, examined), next);
            for counts in judged? {
                report.done += counts.judged();
                self.judged += counts.judged();
                self.busy += counts.busy + counts.changed_meanwhile;
                report.set_aside += counts.set_aside;
                counts.report(&mut report);
            }
            self.after = last;
            self.ahead = ahead.unwrap_or_else(|error| {
                tracing::debug!("the next workunits could not be read ahead: {error:#}");
                None
            });
        }
        // Only when there is nothing else to do.
        if report.done == 0 || self.dry_run {
            let search = Search {
                options: options(
                    &self.app,
                    &self.credit,
                    &self.uptime,
                    self.daily_result_quota,
                    self.credit_by_app,
                    pass,
                ),
                modulo: self.modulus.map(|m| (m.n, m.i)),
                workunits: (self.scope.above.0, self.scope.up_to.0),
                dry_run: self.dry_run,
                one_pass: self.one_pass,
            };
            self.abandoned.sweep(pass, &search, &mut report).await?;
        }
        let enough = self.scope.most.is_some_and(|most| self.judged >= most);
        if enough || (self.scope.once && (report.done == 0 || self.dry_run)) {
            pass.stop.request(Reason::Asked);
        }
        if self.quiet_dry_run {
            report.done = 0;
        }
        Ok(report)
    }
}

impl Validator {
    /// Looks at the next workunits above `after`, at most `room`; None: there are none.
    async fn look_at(
        &self,
        pass: &Pass<'_>,
        store: &Store,
        after: WorkunitId,
        room: u64,
        dropped: &BTreeSet<i64>,
    ) -> Result<Option<Batch>> {
        let when = Instant::now();
        let limit = BATCH.min(i64::try_from(room).unwrap_or(BATCH));
        let which = Selection {
            app: self.app.id,
            after,
            up_to: self.scope.up_to,
            limit,
            modulo: self.modulus.map(|m| (m.n, m.i)),
        };
        let mut found =
            store.read("workunits to judge", async |conn| conn.workunits_to_validate(which).await).await?;
        let bad = found.bad.iter().filter_map(|bad| i32::try_from(bad.id).ok()).map(WorkunitId);
        let Some(last) = found.rows.iter().map(|workunit| workunit.id).chain(bad).max() else {
            return Ok(None);
        };
        let full = i64::try_from(found.rows.len() + found.bad.len()).is_ok_and(|n| n >= limit);
        // A person decided that these are not looked at.
        found.rows.retain(|workunit| !dropped.contains(&workunit.id.0.into()));
        found.bad.retain(|bad| !dropped.contains(&bad.id));
        let gathered = Gathered::read(store, &self.look, found, pass.clock.now()).await?;
        // On a thread of its own: the database is not kept waiting.
        let (look, stop) = (Arc::clone(&self.look), pass.stop.clone());
        let examined =
            tokio::task::spawn_blocking(move || examine(&look, gathered, || stop.is_stopping())).await?;
        tracing::debug!(workunits = examined.len(), "their files were looked at");
        Ok(Some(Batch { full: full || examined.ended_early, examined, last, when }))
    }

    /// Keeps the text of the spec in force, once.
    async fn keep_spec(&mut self, pass: &Pass<'_>) -> Result<()> {
        if self.dry_run || self.spec.1.is_some() {
            return Ok(());
        }
        let (app, text, now) = (self.app.id, self.spec.0.as_str(), pass.clock.now());
        let digest: String =
            Sha256::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
        let id = pass
            .store
            .transaction("keep the spec", async |tx| tx.register_spec(app, &digest, text, now).await)
            .await?;
        tracing::debug!(spec = id, digest, "outputs are compared by this spec");
        self.spec.1 = Some(id);
        Ok(())
    }

    /// Turns `max_flops_percentile` into a number, again from time to time, as the trickle handler does.
    async fn resolve(&mut self, pass: &Pass<'_>) -> Result<()> {
        let now = pass.clock.now();
        let old = self.benchmarks.is_none_or(|read| now < read || now - read >= BENCHMARKS);
        if old && self.declared.max_flops_percentile.is_some() {
            let hosts = pass.store.read("benchmarks", async |conn| conn.benchmarks().await).await?;
            self.uptime = self.declared.resolved(&Benchmarks::new(hosts));
            self.benchmarks = Some(now);
        }
        Ok(())
    }

    /// Judges what was examined. If the database refuses the values of one workunit, that one is found and set aside,
    /// and the others are judged.
    async fn judge_each(&self, pass: &Pass<'_>, examined: Examined) -> Result<Vec<Counts>> {
        let mut done = Vec::new();
        let mut todo = vec![examined];
        while let Some(part) = todo.pop() {
            match self.judge(pass, &part).await {
                Ok(counts) => done.push(counts),
                Err(error) if !error.downcast_ref::<store::Error>().is_some_and(store::Error::is_data) => {
                    return Err(error);
                }
                Err(error) if part.len() <= 1 => {
                    let Some(workunit) = part.last() else { return Err(error) };
                    tracing::error!(wu = workunit.0, "set aside, the database refuses its values: {error}");
                    let (reason, now) = (error.to_string(), pass.clock.now());
                    pass.store
                        .transaction("refuse a workunit", async |tx| {
                            aside::refuse(tx, workunit, &reason, now).await
                        })
                        .await?;
                    done.push(Counts { set_aside: 1, ..Counts::default() });
                }
                Err(_) => {
                    let (first, second) = part.halves();
                    todo.extend([second, first]);
                }
            }
        }
        Ok(done)
    }

    async fn judge(&self, pass: &Pass<'_>, examined: &Examined) -> Result<Counts> {
        let mut options =
            options(&self.app, &self.credit, &self.uptime, self.daily_result_quota, self.credit_by_app, pass);
        options.independence = self.look.examiner.independence;
        options.suspicious_quorum = self.look.examiner.suspicious_quorum;
        options.pay_too_late = self.validate.pay_too_late;
        let bench = Bench {
            options,
            dry_run: self.dry_run,
            version_statistics: !self.one_pass,
            spec: self.spec.1.unwrap_or(0),
            tries: self.validate.tries,
            aside: &self.aside,
        };
        let (counts, judgements) = pass
            .store
            .transaction("judge workunits", async |tx| batch::judge_and_write(tx, &bench, examined).await)
            .await?;
        counts::tell(&judgements);
        Ok(counts)
    }
}
