//! `cobblestone demo`: a whole BOINC project in a folder, with a private MariaDB, simulated volunteers and the four daemons
//! as real processes; then the books are compared with what the volunteers really did.
//!
//! Stages: build ([`scenario`]), live ([`live`]), look ([`facts`], [`bytes`], [`dataset`], the audit), tell ([`summary`]), judge
//! ([`truth`]), clean up ([`place`]). Nothing outside of the sandbox's folder is touched. Killed at any point, the
//! sandbox library's watchdogs end the daemons and the database; the folder stays then and can be deleted.

mod bytes;
mod dataset;
mod facts;
mod keep;
mod live;
pub mod place;
mod progress;
mod scenario;
mod summary;
mod truth;

use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context as _, Result};
use daemon::{Clock, Stop};
use sandbox::{Server, SimClock};
use store::report_view::{By, Which};

use crate::audit::{Finding, findings_text};
use crate::check;
use crate::cli::ProjectArgs;
use crate::migrate::migrate;
use crate::project::Project;
use crate::report;
use crate::screen::Screen;
use crate::text::quoted;
use facts::Facts;
use live::{Auditor, Interrupted, Lived};
use place::{Place, SUMMARY};

/// Below the flags in `--help`.
pub const AFTER_HELP: &str = "It needs MariaDB's programs (apt-get install mariadb-server); no service has to run. The four daemons \
    must lie beside this program.\n\nExit status: 0 = all checks passed, 1 = something is off, 2 = it could not be done.";

/// What can be chosen.
#[derive(Debug, Clone, PartialEq, clap::Args)]
pub struct DemoArgs {
    /// Leave project, database and daemons running at the end, and say how to reach and stop them
    #[arg(long)]
    pub keep: bool,
    /// Volunteers' machines
    #[arg(long, value_name = "N", default_value_t = 120, value_parser = at_least_one)]
    pub hosts: usize,
    /// Workunits of the campaign
    #[arg(long, value_name = "N", default_value_t = 300, value_parser = at_least_one)]
    pub workunits: usize,
    /// Folder of the sandbox, empty or new [default: .sandbox/demo-N, N the first that is free]
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
    /// Where the folder is made when --dir is not given
    #[arg(long, value_name = "DIR", env = "COBBLESTONE_SANDBOXES", default_value = ".sandbox", hide = true)]
    pub parent: PathBuf,
    /// Seconds that pass in the sandbox in one real second
    #[arg(long, value_name = "R", default_value_t = 8000.0, value_parser = rate)]
    pub rate: f64,
    /// Another number makes other volunteers
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// Give up after so many seconds
    #[arg(long = "time_limit", value_name = "S", default_value_t = 600)]
    pub time_limit: u64,
}

impl Default for DemoArgs {
    fn default() -> Self {
        Self {
            keep: false,
            hosts: 120,
            workunits: 300,
            dir: None,
            parent: ".sandbox".into(),
            rate: 8000.0,
            seed: 1,
            time_limit: 600,
        }
    }
}

fn at_least_one(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(number @ 1..=100_000) => Ok(number),
        _ => Err("a number from 1 to 100000".to_owned()),
    }
}

fn rate(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(rate) if (1.0..=50_000.0).contains(&rate) => Ok(rate),
        _ => Err("a number from 1 to 50000".to_owned()),
    }
}

/// The command. False when something is off.
///
/// # Errors
/// It could not be run to the end; the error says where to look.
pub async fn run(args: &DemoArgs) -> Result<bool> {
    let begun = Instant::now();
    let stop = Stop::new();
    stop.watch_signals().context("can't set signal handlers")?;
    let mut screen = Screen::new();
    let place = Place::new(args.dir.as_deref(), &args.parent)?;
    screen.say(&format!(
        "Cobblestone demo: {} hosts, {} workunits; a day passes in {:.0} s\n",
        args.hosts,
        args.workunits,
        86_400.0 / args.rate
    ));
    match stages(args, &place, &stop, &mut screen, begun).await {
        Ok(ok) => Ok(ok),
        Err(error) if error.is::<Interrupted>() => {
            screen.say("\nInterrupted. Daemons and database are stopped, and everything is removed.");
            place.remove_all()?;
            Err(error)
        }
        // Not that far yet: nothing to look at.
        Err(error) if !place.project().join("config.xml").exists() => {
            place.remove_all()?;
            Err(error)
        }
        Err(error) => {
            let place = place.dir.display();
            screen.say("");
            Err(error.context(format!(
                "the demo failed; its folder is kept, with the daemons' logs in {place}/project/log_localhost"
            )))
        }
    }
}

async fn stages(
    args: &DemoArgs,
    place: &Place,
    stop: &Stop,
    screen: &mut Screen,
    begun: Instant,
) -> Result<bool> {
    screen.say(&format!("  folder    {}", place.dir.display()));
    let mut server = tokio::task::block_in_place(|| Server::start(place.db()))?;
    let start = Clock::system().now();
    let mut project = scenario::project(place, &server, start, args).await?;
    // As every other command opens it: by its directory.
    let opened = Project::open(&ProjectArgs { project_dir: Some(place.project()) }).await?;
    let migrated = migrate(&opened.store, &Clock::frozen(start)).await?;
    screen.say(&format!("  database  {}, private, in db/", migrated.server));
    screen.say(&format!("  tables    {}", migrated.applied.join(", ")));
    let uptime = opened.uptime().await?;
    let fits = fits(&check::findings(&opened.dir, &opened.store).await?);
    project.set_clock(SimClock::starting_at(start, args.rate)).await?;
    let clock = Clock::for_project(&opened.dir.config, &opened.store).await?;
    let auditor = Auditor { store: &opened.store, clock: &clock, uptime: &uptime };

    let lived = live::live(&project, auditor, args, stop, screen).await?;
    let audit = auditor.audit().await?;
    let facts = Facts::read(&project).await?;
    let bytes = bytes::ByteForByte::of(&bytes::outputs(&project).await?);
    let folder = place.results().join(scenario::APP);
    let dataset = dataset::Dataset::read(&folder)?;
    let which = Which::default();
    let (jobs, all_jobs) = opened
        .store
        .snapshot("job table", async |conn| {
            let mut rows = Vec::new();
            conn.each_jobs(&which, By::Campaign, Some(10), |row| {
                rows.push(row);
                true
            })
            .await?;
            Ok((rows, conn.all_jobs(&which).await?))
        })
        .await?;

    let summary = summary::Summary {
        lived: &lived,
        audit: &audit,
        facts: &facts,
        jobs: report::shown(By::Campaign, jobs, 0, &all_jobs),
        bytes,
        dataset: &dataset,
        folder: &folder,
    };
    let mut text = summary.text();
    let mut findings = audit.findings();
    findings.extend(truth::findings(&lived.books, &facts, &audit));
    findings.push(truth::dataset(&facts, &dataset));
    findings.push(truth::jobs(&lived.books, &all_jobs));
    findings.extend(ending(args, &lived, &facts));
    findings.push(fits);
    let off = findings.iter().filter(|finding| !finding.ok).count();
    let _ = write!(
        text,
        "\nCHECKS\n{}\n{}\n",
        findings_text(&findings),
        match off {
            0 => format!(
                "All {} checks passed: the books balance, nobody was paid twice, no message was lost.",
                findings.len()
            ),
            off => format!("{off} OF {} CHECKS FAILED.", findings.len()),
        }
    );
    let _ = writeln!(
        text,
        "{:.1} days passed in {:.0} s; {:.0} s in all.",
        lived.days,
        lived.seconds,
        begun.elapsed().as_secs_f64()
    );
    screen.say(&text);
    let path = place.dir.join(SUMMARY);
    std::fs::write(&path, &text).with_context(|| format!("can't write {}", path.display()))?;

    let dir = place.dir.display().to_string();
    if args.keep {
        drop(opened);
        let text = keep::keep(&mut project, server, place).await?;
        screen.say(&text);
    } else {
        tokio::task::block_in_place(|| server.stop())?;
        if off == 0 {
            place.remove_temporary()?;
            screen.say(&format!(
                "Database and project are removed. {} and {SUMMARY} stay in {dir}; to delete them: rm -r {}",
                "results/",
                quoted(&dir)
            ));
        } else {
            screen.say(&format!(
                "Everything is kept for a look in {dir}; the daemons' logs are in project/log_localhost."
            ));
        }
    }
    Ok(off == 0)
}

/// What `cobblestone check` said before the daemons started. Warnings count for nothing: there is no feeder, say.
fn fits(found: &[vm_app::Finding]) -> Finding {
    let errors = found.iter().filter(|finding| finding.severity == vm_app::Severity::Error);
    let details: Vec<String> = errors.map(ToString::to_string).collect();
    Finding {
        ok: details.is_empty(),
        what: "before the start, `cobblestone check` found no error in the project".to_owned(),
        details,
    }
}

/// What must hold at the end beside the books.
fn ending(args: &DemoArgs, lived: &Lived, facts: &Facts) -> Vec<Finding> {
    let bad: Vec<String> = lived
        .ended
        .iter()
        .filter(|(_, status)| !status.success())
        .map(|(name, status)| format!("{name}: {status}"))
        .collect();
    let made = facts.workunits.len();
    let done =
        facts.count(|workunit| workunit.assimilated && (workunit.validated || workunit.error_mask != 0));
    vec![
        Finding {
            ok: made == args.workunits && done == made,
            what: format!("each of the {} workunits was made, and assimilated or failed", args.workunits),
            details: if made == args.workunits && done == made {
                Vec::new()
            } else {
                vec![format!("{made} were made, {done} came to an end")]
            },
        },
        Finding {
            ok: lived.off.is_empty(),
            what: format!("the books also balanced {} times while the daemons worked", lived.audits),
            details: lived.off.clone(),
        },
        Finding {
            ok: bad.is_empty() && lived.ended.len() == scenario::DAEMONS.len(),
            what: format!(
                "SIGHUP ended the {} daemons with status 0 within {:.2} s",
                lived.ended.len(),
                lived.stop_seconds
            ),
            details: bad,
        },
    ]
}
