//! The project that a command looks at: its directory, its database, its clock, and which messages its trickle
//! handler reads.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result};
use app_config::AppConfig;
use clap::Parser as _;
use daemon::{Clock, CommonArgs, ProjectDir, Settings};
use rules::uptime::UptimePolicy;
use store::audit::rows::Limits;
use store::{DbUrl, Store};

use crate::cli::ProjectArgs;

/// A project with its database.
#[derive(Debug)]
pub struct Project {
    /// Its directory and config.xml.
    pub dir: ProjectDir,
    /// Its database.
    pub store: Store,
}

/// What the project's `[uptime]` and `[[reports]]` sections say together.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Uptime {
    /// Varieties of messages that the trickle handler reads.
    pub varieties: Vec<String>,
    /// What is possible for results of the applications that pay uptime.
    pub limits: Vec<Limits>,
    /// `slack_seconds` of the others: what it is unless declared.
    pub slack: f64,
}

impl Project {
    /// Finds the project and connects.
    ///
    /// # Errors
    /// No project, no database, or a setting that makes no sense.
    pub async fn open(args: &ProjectArgs) -> Result<Self> {
        let settings = settings()?;
        let dir = ProjectDir::find(args.project_dir.as_deref(), settings.boinc_project_dir.as_deref())?;
        let url = DbUrl::from_config(&dir.config, settings.tls);
        let store = Store::connect(&url).await.with_context(|| format!("can't open the {url}"))?;
        Ok(Self { dir, store })
    }

    /// The same, when its tables are as this program needs them; and the project's clock.
    ///
    /// # Errors
    /// Also when `cobblestone migrate` has to run first.
    pub async fn open_ready(args: &ProjectArgs) -> Result<(Self, Clock)> {
        let project = Self::open(args).await?;
        project.store.check_schema().await?;
        let clock = Clock::for_project(&project.dir.config, &project.store).await?;
        Ok((project, clock))
    }

    /// Reads `cobblestone/APP.toml` of all applications.
    ///
    /// # Errors
    /// A file has a mistake, or the database can't be read.
    pub async fn uptime(&self) -> Result<Uptime> {
        let apps = self.store.read("applications", async |conn| conn.apps().await).await?;
        let mut varieties = BTreeSet::new();
        let mut limits = Vec::new();
        for app in apps {
            let config = AppConfig::load(&self.dir.root, &app.name)?;
            if config.uptime.enabled {
                limits.push(Limits {
                    app: app.id.0,
                    slack: config.uptime.slack_seconds,
                    lifetime: config.uptime.max_lifetime_seconds,
                });
                varieties.extend(config.uptime.claims.into_iter().map(|rule| rule.variety));
            }
            varieties.extend(config.reports.into_iter().map(|rule| rule.variety));
        }
        let slack = UptimePolicy::default().slack_seconds;
        Ok(Uptime { varieties: varieties.into_iter().collect(), limits, slack })
    }
}

/// Finds the project without its database.
///
/// # Errors
/// There is none, or its config.xml can't be used.
pub fn directory(args: &ProjectArgs) -> Result<ProjectDir> {
    let settings = settings()?;
    Ok(ProjectDir::find(args.project_dir.as_deref(), settings.boinc_project_dir.as_deref())?)
}

/// What the environment says, as the daemons read it.
///
/// # Errors
/// A variable makes no sense.
pub fn settings() -> Result<Settings> {
    #[derive(clap::Parser)]
    struct NoFlags {
        #[command(flatten)]
        common: CommonArgs,
    }
    let none = NoFlags::try_parse_from(["cobblestone"]).context("reading no flags")?;
    Ok(Settings::from_process(&none.common)?)
}
