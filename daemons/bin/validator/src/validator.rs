//! The passes over workunits that wait.

use std::sync::Arc;

use anyhow::Result;
use app_config::{AppConfig, Credit};
use boinc::id::WorkunitId;
use boinc::record::App;
use daemon::{Daemon, Fatal, Modulus, Pass, PassReport, Start};
use rules::judge::Options;
use rules::uptime::{Benchmarks, UptimePolicy};
use store::validation::Selection;

use crate::batch::{self, Bench, Counts};
use crate::evidence::Examiner;
use crate::flags::Flags;
use crate::outputs::Uploads;

/// Workunits in one transaction, if their files are read within a second.
const BATCH: i64 = 1000;

/// Seconds after which the project's benchmarks are read again.
const BENCHMARKS: f64 = 3600.0;

/// How often, at the end of a sweep, workunits that another instance had are looked at again, and the pause before.
const PATIENCE: u32 = 20;
const PAUSE: std::time::Duration = std::time::Duration::from_millis(50);

/// Judges results and grants credit.
pub struct Validator {
    app: App,
    examiner: Examiner,
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
    one_pass: bool,
    /// Ids above `range.0` up to `range.1`.
    range: (WorkunitId, WorkunitId),
    /// The last one looked at in this sweep.
    after: WorkunitId,
    /// Workunits of this sweep that another instance had, or whose rows changed.
    busy: u64,
}

impl Daemon for Validator {
    const NAME: &'static str = batch::DAEMON;
    const ABOUT: &'static str = "Compares the outputs of results, chooses the canonical one and grants credit. Without cobblestone/APP.toml: byte for byte.";
    type Args = Flags;

    async fn start(start: &Start<Flags>) -> Result<Self> {
        let name = start.app();
        let app = start.store.read("application", async |conn| conn.app(name).await).await?;
        let app = app.ok_or_else(|| {
            Fatal::new(format!("there is no application `{name}` in the database; look at --app"))
        })?;
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
        if let Some(key) = not_obeyed(&config.compare) {
            return Err(Fatal::new(format!(
                "cobblestone/{name}.toml: {key} is obeyed by `cobblestone compare`, but not yet by this validator; remove it"
            ))
            .into());
        }
        let project = &start.project.config;
        let range = flags.range();
        Ok(Self {
            app,
            examiner: Examiner {
                uploads: Uploads { folder: project.upload_dir.clone(), fanout: project.uldl_dir_fanout },
                plan: Arc::new(plan),
            },
            credit,
            uptime: config.uptime.clone(),
            declared: config.uptime,
            benchmarks: None,
            daily_result_quota: project.daily_result_quota,
            credit_by_app: project.credit_by_app,
            modulus: start.modulus,
            dry_run: start.common.dry_run,
            one_pass: start.common.one_pass,
            range,
            after: range.0,
            busy: 0,
        })
    }

    async fn pass(&mut self, pass: &Pass<'_>) -> Result<PassReport> {
        let mut report = PassReport::default();
        self.resolve(pass).await?;
        let mut patience = PATIENCE;
        // Goes on over workunits that can't be judged now until one is judged or all were seen.
        while !pass.is_stopping() && (report.done == 0 || self.dry_run) {
            let which = Selection {
                app: self.app.id,
                after: self.after,
                up_to: self.range.1,
                limit: BATCH,
                modulo: self.modulus.map(|m| (m.n, m.i)),
            };
            let found = pass
                .store
                .read("workunits to judge", async |conn| conn.workunits_to_validate(which).await)
                .await?;
            let bad = found.bad.iter().filter_map(|bad| i32::try_from(bad.id).ok()).map(WorkunitId);
            let Some(last) = found.rows.iter().map(|workunit| workunit.id).chain(bad).max() else {
                self.after = self.range.0;
                // Another instance had some of them, or their rows changed. If it gives them back, they are judged here.
                if std::mem::take(&mut self.busy) == 0 || patience == 0 {
                    break;
                }
                patience -= 1;
                pass.stop.sleep(PAUSE).await;
                continue;
            };
            let examined = batch::examine(pass, &self.examiner, &found).await?;
            let (count, reached) = (examined.len(), examined.last().filter(|_| examined.ended_early));
            for counts in self.judge_each(pass, examined).await? {
                report.done += counts.judged();
                self.busy += counts.busy + counts.changed_meanwhile;
                report.set_aside += counts.set_aside;
                add(&mut report, &counts);
            }
            // Ended early: what was not examined comes next.
            self.after = reached.unwrap_or(last);
            report.found += (count + found.bad.len()) as u64;
        }
        Ok(report)
    }
}

impl Validator {
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
    async fn judge_each(&self, pass: &Pass<'_>, examined: batch::Examined) -> Result<Vec<Counts>> {
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
                            batch::refuse(tx, workunit, &reason, now).await
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

    async fn judge(&self, pass: &Pass<'_>, examined: &batch::Examined) -> Result<Counts> {
        let mut options = Options::new(&self.app, self.daily_result_quota, pass.clock.now());
        options.credit_mode = self.credit.mode;
        options.max_granted_credit = self.credit.max_granted_credit;
        options.update_credited_job = self.credit.update_credited_job;
        options.credit_by_app = self.credit_by_app;
        options.uptime = self.uptime.clone();
        let bench = Bench { options, dry_run: self.dry_run, version_statistics: !self.one_pass };
        let (counts, judgements) = pass
            .store
            .transaction("judge workunits", async |tx| batch::judge_and_write(tx, &bench, examined).await)
            .await?;
        batch::tell(&judgements);
        Ok(counts)
    }
}

/// What is declared and would be left out of a verdict: a verdict without it would be wrong.
fn not_obeyed(spec: &compare::Spec) -> Option<&'static str> {
    let wants_stderr = spec.files.iter().any(|file| file.name == "stderr");
    if spec.script.is_some() {
        Some("[compare.script]")
    } else if wants_stderr {
        Some("[[compare.files]] with name = \"stderr\"")
    } else {
        None
    }
}

fn add(report: &mut PassReport, counts: &Counts) {
    for (fate, count) in [
        ("canonical", counts.canonical),
        ("no_consensus", counts.no_consensus),
        ("stragglers", counts.stragglers),
        ("too_few", counts.too_few),
        ("later", counts.later),
        ("changed_meanwhile", counts.changed_meanwhile),
        ("set_aside", counts.set_aside),
        ("valid_results", counts.valid),
        ("invalid_results", counts.invalid),
    ] {
        report.add(fate, count);
    }
}
