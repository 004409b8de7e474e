//! The passes over waiting messages.

use anyhow::Result;
use boinc::id::MessageId;
use boinc::record::App;
use daemon::{Daemon, Fatal, Modulus, Pass, PassReport, Start};
use rules::uptime::Benchmarks;
use store::backlog::{Take, Waiting};

use crate::aside::Texts;
use crate::batch::{self, Context};
use crate::flags::Flags;
use crate::left_alone::LeftAlone;
use crate::policies::Policies;
use crate::sweep::Sweep;
use crate::told::Told;
use crate::waiting::{are_held, count, take};
use crate::watch;

/// Seconds after which the project's benchmarks are read again.
const BENCHMARKS: f64 = 3600.0;

/// Seconds between two looks for messages that nobody declares: it passes over all that waits.
const WATCH: f64 = 300.0;

/// How often, at the end of a sweep, messages that another instance had are looked at again, and the pause before.
const PATIENCE: u32 = 20;
const PAUSE: std::time::Duration = std::time::Duration::from_millis(50);

/// Pays uptime that trickle-up messages claim.
pub struct TrickleCredit {
    policies: Policies,
    /// Those that are read, and how far.
    varieties: Vec<(String, Sweep)>,
    /// When the project's benchmarks were read.
    benchmarks: Option<f64>,
    /// The varieties are noted in the database.
    noted: bool,
    modulus: Option<Modulus>,
    credit_by_app: bool,
    msg_to_host: bool,
    dry_run: bool,
    /// What a dry run told.
    told: Told,
    texts: Texts,
    left_alone: LeftAlone,
    /// `--watch_all`
    watch_all: bool,
    /// When no undeclared message was left.
    watched: Option<f64>,
}

impl Daemon for TrickleCredit {
    const NAME: &'static str = batch::DAEMON;
    const ABOUT: &'static str =
        "Pays credit for VM uptime that trickle-up messages claim, each second once, with a ledger.";
    const NEEDS_APP: bool = false;
    type Args = Flags;

    async fn start(start: &Start<Flags>) -> Result<Self> {
        let apps = start.store.read("applications", async |conn| conn.apps().await).await?;
        let app = start.common.app.as_deref();
        if let Some(name) = app.filter(|name| apps.iter().all(|app| app.name != *name)) {
            return Err(Fatal::new(format!(
                "there is no application `{name}` in the database; look at --app"
            ))
            .into());
        }
        for stray in app_config::strays(&start.project.root, apps.iter().map(|app| app.name.as_str())) {
            tracing::warn!("{stray}");
        }
        let policies = Policies::load(&start.project.root, &apps, app, &start.args)?;
        let varieties = policies.varieties();
        if varieties.is_empty() {
            tracing::warn!(
                "no application pays uptime or takes guest reports: set `enabled = true` in [uptime] of cobblestone/APP.toml; \
                 messages are left alone"
            );
        }
        let is_told = |app: &&App| policies.trickle_down(app.id).is_some_and(|tell| tell.acknowledge);
        for app in apps.iter().filter(is_told).filter(|_| !start.project.config.msg_to_host) {
            tracing::warn!(
                "[trickle_down] of cobblestone/{}.toml has acknowledge = true, and config.xml has no <msg_to_host/>: tasks are \
                 told nothing; add it to <config>, or leave acknowledge out",
                app.name
            );
        }
        Ok(Self {
            policies,
            varieties: varieties.into_iter().map(|variety| (variety, Sweep::default())).collect(),
            benchmarks: None,
            noted: start.common.dry_run,
            modulus: start.modulus,
            credit_by_app: start.project.config.credit_by_app,
            msg_to_host: start.project.config.msg_to_host,
            dry_run: start.common.dry_run,
            told: Told::default(),
            texts: Texts::default(),
            left_alone: LeftAlone::default(),
            watch_all: start.args.watch_all,
            watched: None,
        })
    }

    async fn pass(&mut self, pass: &Pass<'_>) -> Result<PassReport> {
        let mut report = PassReport::default();
        self.prepare(pass).await?;
        self.left_alone.forget(pass.clock.now());
        let mut patience = PATIENCE;
        // Each variety has its turn, one batch long. Those that had nothing a moment ago come only when the others have
        // nothing either.
        let now = pass.clock.now();
        let (mut turns, mut others): (Vec<usize>, Vec<usize>) = (0..self.varieties.len())
            .partition(|i| self.varieties.get(*i).is_some_and(|(_, sweep)| sweep.is_due(now)));
        // Goes on over messages that are not ours until something was done or all were seen.
        while report.done == 0 || self.dry_run {
            if turns.is_empty() {
                turns.append(&mut others);
            }
            if turns.is_empty() {
                break;
            }
            let mut more = Vec::new();
            for i in turns {
                if pass.is_stopping() {
                    return Ok(report);
                }
                if self.turn(i, pass, &mut report, &mut patience).await? {
                    more.push(i);
                }
            }
            turns = more;
        }
        self.watch(pass, &mut report).await?;
        if self.dry_run {
            std::mem::take(&mut self.told).sum();
        }
        Ok(report)
    }
}

impl TrickleCredit {
    /// One batch of a variety. Whether there may be more.
    async fn turn(
        &mut self,
        index: usize,
        pass: &Pass<'_>,
        report: &mut PassReport,
        patience: &mut u32,
    ) -> Result<bool> {
        let Some((variety, sweep)) = self.varieties.get_mut(index) else { return Ok(false) };
        let (store, now) = (pass.store, pass.clock.now());
        let waiting = Waiting { variety, modulo: self.modulus.map(|m| (m.n, m.i)) };
        let after = match sweep.after() {
            Some(after) => after,
            None => {
                let top = store.read("last message", async |conn| conn.last_message().await).await?;
                let behind = count(store, waiting, sweep.counted(now)).await?;
                sweep.begin(now, top, behind);
                sweep.after().unwrap_or(MessageId(0))
            }
        };
        let mut context = Context {
            store,
            policies: &self.policies,
            now,
            credit_by_app: self.credit_by_app,
            msg_to_host: self.msg_to_host,
            dry_run: self.dry_run,
            texts: &mut self.texts,
        };
        let next = Take::Next { waiting, after, limit: sweep.limit() };
        let handled = take(&mut context, &self.left_alone, next, variety).await?;
        self.left_alone.note(&handled.left_alone, now);
        let counts = handled.counts;
        self.told.add(handled.told);
        let Some(last) = handled.last else {
            // Another instance has some of them. If it gives them back, they are handled here.
            if let Some(left_alone) = sweep.left_alone()
                && *patience > 0
                && report.done == 0
                && !self.dry_run
                && are_held(store, waiting, left_alone).await?
            {
                *patience -= 1;
                sweep.again();
                pass.stop.sleep(PAUSE).await;
                return Ok(true);
            }
            let behind = count(store, waiting, sweep.counted(now)).await?;
            sweep.end(now, behind);
            return Ok(false);
        };
        sweep.took(last, handled.taken, counts.left_alone, handled.cut, handled.held);
        report.found += handled.found;
        report.done += counts.handled();
        report.set_aside += counts.set_aside;
        for (fate, count) in [
            ("paid", counts.paid),
            ("nothing_new", counts.nothing_new),
            ("capped", counts.capped),
            ("held", counts.held),
            ("ignored", counts.ignored),
            ("reported", counts.reported),
            ("set_aside", counts.set_aside),
            ("left_alone", counts.left_alone),
        ] {
            report.add(fate, count);
        }
        Ok(true)
    }

    /// With `--watch_all`, when nothing else was done: messages that nobody declares.
    async fn watch(&mut self, pass: &Pass<'_>, report: &mut PassReport) -> Result<()> {
        let now = pass.clock.now();
        let looked = self.watched.is_some_and(|watched| (0.0..WATCH).contains(&(now - watched)));
        // A dry run says all in one pass.
        if !self.watch_all || (report.done > 0 && !self.dry_run) || looked {
            return Ok(());
        }
        let mut after = MessageId(0);
        let mut context = Context {
            store: pass.store,
            policies: &self.policies,
            now,
            credit_by_app: self.credit_by_app,
            msg_to_host: self.msg_to_host,
            dry_run: self.dry_run,
            texts: &mut self.texts,
        };
        while !pass.is_stopping() {
            let before = report.set_aside;
            let more = watch::turn(&mut context, pass, self.modulus, &mut after, report).await?;
            self.told.undeclared(report.set_aside - before);
            if !more {
                self.watched = Some(now);
                break;
            }
        }
        Ok(())
    }

    /// Notes the varieties once, and reads the benchmarks from time to time.
    async fn prepare(&mut self, pass: &Pass<'_>) -> Result<()> {
        let now = pass.clock.now();
        if !self.noted {
            let varieties: Vec<String> = self.varieties.iter().map(|(variety, _)| variety.clone()).collect();
            pass.store
                .transaction("note varieties", async |tx| tx.note_varieties(&varieties, now).await)
                .await?;
            self.noted = true;
        }
        let old = self.benchmarks.is_none_or(|read| now < read || now - read >= BENCHMARKS);
        if old && self.policies.need_benchmarks() {
            let hosts = pass.store.read("benchmarks", async |conn| conn.benchmarks().await).await?;
            self.policies.resolve(Benchmarks::new(hosts));
            self.benchmarks = Some(now);
        }
        Ok(())
    }
}
