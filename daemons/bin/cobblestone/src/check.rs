//! `cobblestone check` and `cobblestone app check`: looks whether all fits together, before it runs.
//!
//! What is wrong is decided by `vm_app::checks`, pure functions; here config.xml, files and database are read. Nothing is
//! written. The exit status tells: 0 no error, 1 errors, 2 it could not look.

use std::os::unix::fs::PermissionsExt as _;

use anyhow::{Context as _, Result, bail};
use app_config::{Work, strays};
use campaign::Campaign;
use campaign::document::FOLDER;
use clap::Args;
use daemon::ProjectDir;
use daemon::project::ProjectError;
use serde_json::json;
use store::inventory::{Inventory, expected_columns};
use store::{DbUrl, Store};
use vm_app::checks::document::{self, Form};
use vm_app::checks::{daemons, database, plan_class};
use vm_app::{Finding, Report, Severity, plan_spec};

use crate::app::check::{Known, check as check_app, folder, unreadable};
use crate::app::files;
use crate::cli::ProjectArgs;
use crate::project::{directory, settings};
use crate::screen::print;

/// What follows the help.
pub const AFTER_HELP: &str = "Each finding says what is wrong, why it matters, and the mend. Nothing is written.\n\
    Exit status: 0 = no error (there may be warnings), 1 = errors, 2 = it could not look.";

/// Arguments of `check`.
#[derive(Debug, Args)]
pub struct CheckArgs {
    #[command(flatten)]
    project: ProjectArgs,
    #[command(flatten)]
    how: How,
}

/// How to look.
#[derive(Debug, Clone, Args)]
pub struct How {
    /// Ask no database
    #[arg(long = "no_database")]
    no_database: bool,
    /// Don't read large files for their digests
    #[arg(long)]
    quick: bool,
    /// Print one JSON object instead of text
    #[arg(long)]
    json: bool,
}

/// Arguments of `app check`.
#[derive(Debug, Args)]
pub struct AppCheckArgs {
    #[command(flatten)]
    project: ProjectArgs,
    /// The application
    #[arg(value_name = "NAME")]
    name: String,
    #[command(flatten)]
    how: How,
}

/// Arguments of `app parse`.
#[derive(Debug, Args)]
pub struct ParseArgs {
    /// vbox_job.xml, job.xml, version.xml, plan_class_spec.xml, or docker_wrapper's job.toml, under any name
    #[arg(value_name = "FILE", required = true)]
    files: Vec<std::path::PathBuf>,
    /// Print one JSON object instead of text
    #[arg(long)]
    json: bool,
}

/// Checks the whole project; false if there are errors.
///
/// # Errors
/// There is no project, or its database can't be read.
pub async fn run(args: &CheckArgs) -> Result<bool> {
    look(&args.project, &args.how, None).await
}

/// Checks one application, and what it shares with others.
///
/// # Errors
/// As [`run`].
pub async fn run_app(args: &AppCheckArgs) -> Result<bool> {
    look(&args.project, &args.how, Some(&args.name)).await
}

/// All findings of a project that is open: what the demo asks.
///
/// # Errors
/// Its database can't be read.
pub async fn findings(dir: &ProjectDir, store: &Store) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    let inventory = database(Some(store), None, &mut findings).await?;
    files_of(dir, inventory.as_ref(), None, true, &mut findings);
    Ok(findings)
}

async fn look(project: &ProjectArgs, how: &How, app: Option<&str>) -> Result<bool> {
    let mut findings = Vec::new();
    let dir = match directory(project) {
        Ok(dir) => dir,
        Err(error) => {
            let Some(ProjectError::Config { error, .. }) = error.downcast_ref::<ProjectError>() else {
                return Err(error);
            };
            Report::new("", &mut findings).error(
                "config",
                "config.xml",
                error.to_string(),
                "no program of the project starts",
                "mend config.xml",
            );
            return Ok(show(&findings, how.json, "config.xml can't be used; nothing else was looked at"));
        }
    };
    let store = if how.no_database {
        None
    } else {
        let url = DbUrl::from_config(&dir.config, settings()?.tls);
        let store = Store::connect(&url).await;
        Some(store.with_context(|| format!("can't open the {url}; --no_database looks at the files alone"))?)
    };
    let inventory = database(store.as_ref(), app, &mut findings).await?;
    if let Some(app) = app {
        let path = app_config::AppConfig::path(&dir.root, app)?;
        let is_known = inventory.iter().flat_map(|inventory| &inventory.apps).any(|known| known.name == app);
        if !is_known && !path.exists() && !dir.root.join("apps").join(app).exists() {
            bail!("the project has no application {app}; cobblestone app new {app} begins one");
        }
    }
    files_of(&dir, inventory.as_ref(), app, !how.quick, &mut findings);
    let note = if how.no_database { "the database was not asked" } else { "" };
    Ok(show(&findings, how.json, note))
}

/// Server, tables, columns, indexes; what the database says of applications, if it can be asked for it.
async fn database(
    store: Option<&Store>,
    app: Option<&str>,
    findings: &mut Vec<Finding>,
) -> Result<Option<Inventory>> {
    let Some(store) = store else { return Ok(None) };
    let before = findings.len();
    let mut report = Report::new("", findings);
    let layout = store.read("columns and indexes", async |conn| conn.layout().await).await?;
    database::columns(&mut report, &expected_columns(), &layout.columns);
    if app.is_none() {
        database::indexes(&mut report, &layout.indexes);
        if let Err(error) = store.check_server().await {
            unfit(
                &mut report,
                "server",
                &error,
                "what the toolkit writes could be lost or wrong",
                "see docs/OPERATIONS.md",
            )?;
        }
    }
    if let Err(error) = store.check_schema().await {
        unfit(&mut report, "schema", &error, "the daemons don't start", "cobblestone migrate")?;
    }
    if findings.iter().skip(before).any(|finding| ["table", "column"].contains(&finding.check)) {
        return Ok(None);
    }
    Ok(Some(store.read("applications and versions", async |conn| conn.inventory().await).await?))
}

fn unfit(
    report: &mut Report<'_>,
    check: &'static str,
    error: &store::Error,
    why: &str,
    mend: &str,
) -> Result<()> {
    match error {
        store::Error::Unfit(what) => {
            report.error(check, "database", what.clone(), why, mend);
            Ok(())
        }
        other => bail!("can't look at the database: {other}"),
    }
}

/// Everything that is a file.
fn files_of(
    dir: &ProjectDir,
    inventory: Option<&Inventory>,
    only: Option<&str>,
    reads_files: bool,
    findings: &mut Vec<Finding>,
) {
    let mut report = Report::new("", findings);
    let mut classes = None;
    let mut has_spec = false;
    match files::bytes(&dir.root.join(plan_spec::FILE)) {
        Ok(Some(bytes)) => {
            has_spec = true;
            classes = plan_class::check(&mut report, &bytes);
        }
        Ok(None) => {}
        Err(error) => unreadable(&mut report, plan_spec::FILE, &error),
    }
    let campaigns = campaigns(&mut report, dir, inventory);
    let known =
        Known { dir, inventory, classes: classes.as_ref(), has_spec, reads_files, campaigns: &campaigns };
    if let Some(app) = only {
        check_app(&known, app, findings);
        return;
    }
    project(&mut report, dir, inventory);
    for app in apps(dir, inventory) {
        check_app(&known, &app, findings);
    }
}

/// Files of campaigns, with what is wrong with them.
fn campaigns(
    report: &mut Report<'_>,
    dir: &ProjectDir,
    inventory: Option<&Inventory>,
) -> Vec<(String, String)> {
    let entries = std::fs::read_dir(dir.root.join(FOLDER)).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries
        .filter_map(|entry| entry.file_name().to_str()?.strip_suffix(".toml").map(str::to_owned))
        .filter(|name| !name.starts_with('.'))
        .collect();
    names.sort();
    let mut campaigns = Vec::new();
    for name in names {
        let path = format!("{FOLDER}/{name}.toml");
        let text = match files::text(&dir.root.join(&path)) {
            Ok(text) => text.unwrap_or_default(),
            Err(error) => {
                unreadable(report, &path, &error);
                continue;
            }
        };
        let why = "the work generator leaves the campaign out";
        let mend = "mend the file; project-config/campaign.toml explains every key";
        let is_known = |app: &str| {
            inventory.is_none_or(|inventory| inventory.apps.iter().any(|known| known.name == app))
        };
        match Campaign::parse(&text, &name, &Work::default()) {
            Err(mistakes) => {
                for mistake in mistakes {
                    report.error("campaign", &path, mistake.to_string(), why, mend);
                }
            }
            Ok(campaign) if !is_known(&campaign.app) => {
                let what = format!("there is no application {}", campaign.app);
                report.error("campaign", &path, what, why, "write the short name of an application as app");
            }
            Ok(_) => campaigns.push((name, text)),
        }
    }
    campaigns
}

/// What is not about one application.
fn project(report: &mut Report<'_>, dir: &ProjectDir, inventory: Option<&Inventory>) {
    let exists = |program: &str| {
        std::fs::metadata(dir.root.join("bin").join(program))
            .is_ok_and(|about| about.is_file() && about.permissions().mode() & 0o111 != 0)
    };
    let names: Option<Vec<String>> =
        inventory.map(|inventory| inventory.apps.iter().map(|app| app.name.clone()).collect());
    daemons::project(report, &dir.config.daemons, &exists, names.as_deref());
    if let Some(names) = &names {
        for stray in strays(&dir.root, names.iter().map(String::as_str)) {
            report.warning(
                "stray",
                format!("cobblestone/{}", stray.file),
                stray.to_string(),
                "what it says has no effect",
                "rename it, or add the application to project.xml and run bin/xadd",
            );
        }
    }
    let config = &dir.config;
    folder(report, &config.download_dir, "input files", false);
    folder(report, &config.upload_dir, "output files of volunteers", false);
    if let Some(log) = &config.log_dir {
        folder(report, log, "logs", true);
    }
    folder(report, &dir.root.join("cobblestone"), "descriptions of applications", true);
}

/// Applications that the toolkit has to do with: described, or with a daemon of ours.
fn apps(dir: &ProjectDir, inventory: Option<&Inventory>) -> Vec<String> {
    let entries = std::fs::read_dir(dir.root.join("cobblestone")).into_iter().flatten().flatten();
    let mut apps: Vec<String> = entries
        .filter_map(|entry| entry.file_name().to_str()?.strip_suffix(".toml").map(str::to_owned))
        .filter(|app| !app.starts_with('.'))
        // A file that belongs to no application was told already.
        .filter(|app| inventory.is_none_or(|inventory| inventory.apps.iter().any(|known| known.name == *app)))
        .collect();
    for entry in dir.config.daemons.iter().filter(|entry| !entry.disabled) {
        let command = daemons::Command::parse(&entry.cmd);
        if command.program.starts_with("cobblestone-")
            && let Some(app) = command.value("app")
        {
            apps.push(app.to_owned());
        }
    }
    apps.sort();
    apps.dedup();
    apps
}

/// Prints the findings; false if one is an error.
fn show(findings: &[Finding], as_json: bool, note: &str) -> bool {
    let errors = findings.iter().filter(|finding| finding.severity == Severity::Error).count();
    let warnings = findings.len() - errors;
    if as_json {
        let object = json!({"errors": errors, "warnings": warnings, "note": note, "findings": findings});
        print(&format!("{object:#}\n"));
        return errors == 0;
    }
    let mut text = String::new();
    for (finding, more) in grouped(findings) {
        let mut shown = finding.clone();
        if more > 0 {
            shown.subject = format!("{} (and {more} more)", finding.subject);
        }
        text.push_str(&format!("{shown}\n"));
    }
    if !note.is_empty() {
        text.push_str(&format!("{note}\n"));
    }
    text.push_str(&match (errors, warnings) {
        (0, 0) => "nothing is wrong\n".to_owned(),
        (0, warnings) => format!("no errors, {warnings} warnings\n"),
        (errors, warnings) => format!("{errors} errors, {warnings} warnings\n"),
    });
    print(&text);
    errors == 0
}

/// Findings that differ in what they are about only (the folders of a version) are shown once. Errors first.
fn grouped(findings: &[Finding]) -> Vec<(&Finding, usize)> {
    let mut groups: Vec<(&Finding, usize)> = Vec::new();
    for finding in findings {
        let same = |(other, _): &&mut (&Finding, usize)| {
            (other.check, other.severity, &other.app, &other.what, &other.why, &other.mend)
                == (finding.check, finding.severity, &finding.app, &finding.what, &finding.why, &finding.mend)
                && last(&other.subject) == last(&finding.subject)
        };
        match groups.iter_mut().find(same) {
            Some((_, more)) => *more += 1,
            None => groups.push((finding, 0)),
        }
    }
    groups.sort_by_key(|(finding, _)| finding.severity);
    groups
}

/// The file's name; of a folder of a version, nothing.
fn last(subject: &str) -> &str {
    let name = subject.rsplit('/').next().unwrap_or_default();
    if name.contains("__") { "" } else { name }
}

/// `app parse`: files that were written by hand, without a project.
///
/// # Errors
/// A file can't be read, or is none of those.
pub fn run_parse(args: &ParseArgs) -> Result<bool> {
    let mut findings = Vec::new();
    for path in &args.files {
        let shown = path.display().to_string();
        let text = files::text(path)
            .with_context(|| format!("can't read {shown}"))?
            .with_context(|| format!("there is no {shown}"))?;
        let mut report = Report::new("", &mut findings);
        match Form::of(&text) {
            Some(form) if form.root == document::VBOX_JOB.root => {
                if let Some(job) = document::check(&mut report, &shown, text.as_bytes(), form) {
                    vm_app::checks::vbox_job::check(&mut report, &shown, &job);
                }
            }
            Some(form) if form.root == document::PLAN_CLASSES.root => {
                plan_class::check(&mut report, text.as_bytes());
            }
            Some(form) => {
                document::check(&mut report, &shown, text.as_bytes(), form);
            }
            None if path.extension().is_some_and(|extension| extension == "toml") => {
                document::check_job_toml(&mut report, &shown, &text);
            }
            None => bail!(
                "{shown} is none of vbox_job.xml, job.xml, version.xml, plan_class_spec.xml (by its first element), and no .toml"
            ),
        }
    }
    Ok(show(&findings, args.json, ""))
}
