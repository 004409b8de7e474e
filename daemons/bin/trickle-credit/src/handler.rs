//! The passes over waiting messages.

use anyhow::Result;
use boinc::id::MessageId;
use daemon::{Daemon, Fatal, Modulus, Pass, PassReport, Start};
use rules::uptime::Benchmarks;

use crate::batch::{self, Context};
use crate::flags::Flags;
use crate::policies::Policies;

/// Messages in one transaction. The more, the fewer times a host's totals are written; the fewer, the shorter others
/// wait for its row: some tenths of a second.
const BATCH: i64 = 2000;

/// Seconds after which the project's benchmarks are read again.
const BENCHMARKS: f64 = 3600.0;

/// How often, at the end of a sweep, messages that another instance had are looked at again, and the pause before.
const PATIENCE: u32 = 20;
const PAUSE: std::time::Duration = std::time::Duration::from_millis(50);

/// Pays uptime that trickle-up messages claim.
pub struct TrickleCredit {
    policies: Policies,
    varieties: Vec<String>,
    /// When the project's benchmarks were read.
    benchmarks: Option<f64>,
    /// The varieties are noted in the database.
    noted: bool,
    /// Per variety, the last message looked at in this sweep. Messages that are left alone stay behind it.
    after: Vec<MessageId>,
    modulus: Option<Modulus>,
    credit_by_app: bool,
    msg_to_host: bool,
    dry_run: bool,
    /// Messages of this sweep that another instance had.
    busy: u64,
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
        let policies = Policies::load(&start.project.root, &apps, app, &start.args)?;
        let varieties = policies.varieties();
        if varieties.is_empty() {
            tracing::warn!(
                "no application pays uptime or takes guest reports: set `enabled = true` in [uptime] of cobblestone/APP.toml; \
                 messages are left alone"
            );
        }
        Ok(Self {
            after: vec![MessageId(0); varieties.len()],
            policies,
            varieties,
            benchmarks: None,
            noted: start.common.dry_run,
            modulus: start.modulus,
            credit_by_app: start.project.config.credit_by_app,
            msg_to_host: start.project.config.msg_to_host,
            dry_run: start.common.dry_run,
            busy: 0,
        })
    }

    async fn pass(&mut self, pass: &Pass<'_>) -> Result<PassReport> {
        let mut report = PassReport::default();
        self.prepare(pass).await?;
        let mut patience = PATIENCE;
        for (variety, after) in self.varieties.iter().zip(&mut self.after) {
            // Goes on over messages that are not ours until something was done or all were seen.
            while !pass.is_stopping() && (report.done == 0 || self.dry_run) {
                let from = *after;
                let modulo = self.modulus.map(|m| (m.n, m.i));
                let messages = pass
                    .store
                    .read("messages", async |conn| {
                        conn.unhandled_messages(variety, from, BATCH, modulo).await
                    })
                    .await?;
                let Some(last) = messages.last() else {
                    *after = MessageId(0);
                    // Another instance had some of them. If it gives them back, they are handled here.
                    if std::mem::take(&mut self.busy) == 0 || patience == 0 {
                        break;
                    }
                    patience -= 1;
                    pass.stop.sleep(PAUSE).await;
                    continue;
                };
                let context = Context {
                    store: pass.store,
                    policies: &self.policies,
                    now: pass.clock.now(),
                    credit_by_app: self.credit_by_app,
                    msg_to_host: self.msg_to_host,
                    dry_run: self.dry_run,
                };
                let counts = batch::handle(&context, &messages, variety).await?;
                *after = last.id;
                self.busy += counts.busy;
                report.found += messages.len() as u64;
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
            }
        }
        Ok(report)
    }
}

impl TrickleCredit {
    /// Notes the varieties once, and reads the benchmarks from time to time.
    async fn prepare(&mut self, pass: &Pass<'_>) -> Result<()> {
        let now = pass.clock.now();
        if !self.noted {
            let varieties = &self.varieties;
            pass.store
                .transaction("note varieties", async |tx| tx.note_varieties(varieties, now).await)
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
