//! From the command line to the first pass.

use std::ffi::OsString;
use std::mem::ManuallyDrop;
use std::process::ExitCode;

use anyhow::Context;
use clap::{CommandFactory, Parser};
use store::{DbUrl, Store};

use super::passes::{Ended, Pace, passes, until_available};
use super::{Daemon, Pass, Start};
use crate::args::{self, CommonArgs};
use crate::clock::Clock;
use crate::project::ProjectDir;
use crate::settings::Settings;
use crate::stop::Stop;
use crate::{log, metrics};

/// The version of the toolkit; all its programs have the same.
const VERSION: &str = env!("CARGO_PKG_VERSION");

#[derive(Debug, Parser)]
struct Line<A: clap::Args> {
    #[command(flatten)]
    common: CommonArgs,
    #[command(flatten)]
    own: A,
}

/// The whole of a daemon's `main`, with the process's command line.
#[must_use]
pub fn main<D: Daemon>() -> ExitCode {
    main_with::<D>(std::env::args_os())
}

/// Like [`main`], with a command line (program name included).
#[must_use]
pub fn main_with<D: Daemon>(argv: impl IntoIterator<Item = OsString>) -> ExitCode {
    let line = match args::parse_with::<Line<D::Args>>(command::<D>(), argv) {
        Ok(line) => line,
        Err(status) => return status,
    };
    let settings = Settings::from_process(&line.common);
    let format = settings.as_ref().map_or_else(|_| Default::default(), |settings| settings.log_format);
    log::init(format, line.common.debug_level);
    let outcome = settings.map_err(anyhow::Error::from).and_then(|settings| {
        // Why this runtime: see the module above.
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .context("can't start the runtime")?;
        // Blocking work that is still going on must not hold up the end: neither this one nor that by a panic,
        // where dropping the runtime would wait for it.
        let runtime = ManuallyDrop::new(runtime);
        let outcome = runtime.block_on(daemon::<D>(line, settings));
        ManuallyDrop::into_inner(runtime).shutdown_background();
        outcome
    });
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error:#}");
            ExitCode::from(1)
        }
    }
}

fn command<D: Daemon>() -> clap::Command {
    Line::<D::Args>::command()
        .name(format!("cobblestone-{}", D::NAME))
        .about(D::ABOUT)
        .version(VERSION)
        .mut_arg("app", |app| app.required(D::NEEDS_APP))
}

/// Ok: status 0. Err: status 1.
async fn daemon<D: Daemon>(line: Line<D::Args>, settings: Settings) -> anyhow::Result<()> {
    let Line { common, own } = line;
    let stop = Stop::new();
    stop.watch_signals().context("can't set signal handlers")?;
    let modulus = common.modulus().map_err(super::Fatal::new)?;
    let project = ProjectDir::find(common.project_dir.as_deref(), settings.boinc_project_dir.as_deref())?;
    let stop_file = project.stop_file();
    if stop_file.exists() {
        tracing::info!("not starting: {} is present; bin/start removes it", stop_file.display());
        return Ok(());
    }
    stop.watch_file(stop_file);
    stop.watch_hard().context("can't start the thread that guards the end")?;
    if let Some(address) = settings.metrics_address {
        metrics::serve(address, D::NAME, common.app.as_deref())?;
    }
    tracing::info!(
        version = VERSION,
        project = %project.root.display(),
        app = common.app.as_deref(),
        dry_run = common.dry_run,
        "{} starts",
        D::NAME
    );
    let url = DbUrl::from_config(&project.config, settings.tls.clone());
    let Some((store, clock)) = until_available(&stop, async || open(&url, &project).await).await? else {
        return Ok(());
    };
    let pace =
        Pace { one_pass: common.one_pass, dry_run: common.dry_run, sleep_interval: common.sleep_interval };
    let start = Start { common, args: own, modulus, settings, project, store, clock, stop: stop.clone() };
    let Some(mut daemon) = until_available(&stop, async || D::start(&start).await).await? else {
        return Ok(());
    };
    let ended = passes(pace, &stop, &start.clock, async |number| {
        let pass = Pass { store: &start.store, clock: &start.clock, stop: &start.stop, number };
        daemon.pass(&pass).await
    })
    .await;
    match ended {
        Ended::Stopped => Ok(()),
        Ended::NothingLeft => {
            tracing::info!("nothing is left to do");
            Ok(())
        }
        Ended::Failed(error) => Err(error),
    }
}

/// The database, fit for us, and the clock that belongs to it.
async fn open(url: &DbUrl, project: &ProjectDir) -> anyhow::Result<(Store, Clock)> {
    let store = Store::connect(url)
        .await
        .with_context(|| format!("can't open the {url}; look at db_host in config.xml if it is elsewhere"))?;
    let version = store.check_server().await?;
    store.check_schema().await?;
    tracing::debug!(version, "connected to the {url}");
    let clock = Clock::for_project(&project.config, &store).await?;
    Ok((store, clock))
}
