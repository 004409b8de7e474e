//! `cobblestone app build`: writes BOINC's files from the description.
//!
//! Whether a file may be written says `vm_app::keep`: never one that a person changed, and never one that clients may have
//! seen with another content. What is written is remembered before and after. Killed at any point: each file is whole, as it
//! was or as it should be, and known for ours; what was half written lies beside under a hidden name. The next run clears that
//! away and does the rest.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, anyhow, bail};
use app_config::AppConfig;
use boinc::printable::printable;
use clap::Args;
use daemon::ProjectDir;
use store::{DbUrl, Store};
use vm_app::files::{daemon_lines, files as wanted_files, plan_classes};
use vm_app::keep::{Action, Built, difference};
use vm_app::{Description, Kind, plan_spec};

use super::files;
use crate::cli::ProjectArgs;
use crate::project::{directory, settings};
use crate::screen::print;

/// What follows the help.
pub const AFTER_HELP: &str = "Exit status: 0 = all is as the description says, 1 = a file was left alone because a person \
    changed it, or because clients may have it (the difference is shown), 2 = it could not be done.\n\n\
    Example:\n  cobblestone app build theory --from /data/theory-1.00";

/// Where it is remembered what was written.
const BUILT: &str = "cobblestone/.built.json";

/// Arguments of `app build`.
#[derive(Debug, Args)]
pub struct BuildArgs {
    #[command(flatten)]
    project: ProjectArgs,
    /// The application
    #[arg(value_name = "NAME")]
    name: String,
    /// Take missing files (disk image, the wrapper's executables, signatures) from this folder
    #[arg(long, value_name = "DIR")]
    from: Option<PathBuf>,
    /// Write nothing, show what would be done
    #[arg(long = "dry_run")]
    dry_run: bool,
}

/// What happened, for people.
#[derive(Debug, Default)]
struct Outcome {
    text: String,
    differences: String,
    left: usize,
}

impl Outcome {
    fn line(&mut self, word: &str, path: &str) {
        let _ = writeln!(self.text, "{word:<9} {path}");
    }

    fn left(&mut self, path: &str, why: &str, difference: &str) {
        self.left += 1;
        let _ = writeln!(self.text, "{:<9} {path}: {why}", "LEFT");
        self.differences.push_str(&harmless(difference));
    }
}

/// Lines of a file that somebody else wrote, without what would act on a terminal.
fn harmless(text: &str) -> String {
    let line = |line: &str| printable(&line.replace('\t', "    "), 1000) + "\n";
    text.lines().map(line).collect()
}

/// The command; false when a file was left alone.
///
/// # Errors
/// The description has a mistake, or a file can't be read or written.
pub async fn run(args: &BuildArgs) -> Result<bool> {
    let app = args.name.as_str();
    let dir = directory(&args.project)?;
    let config = AppConfig::load(&dir.root, app)?;
    let Some(description) = Description::new(app, &config) else {
        bail!(
            "cobblestone/{app}.toml has no [vm], [container] or [wrapper]; `cobblestone app new {app}` writes one that has"
        );
    };
    let dockerfile = dockerfile(&dir, &description)?;
    let built = remembered(&dir)?;
    let mut outcome = Outcome::default();
    let wanted = wanted_files(&description, dockerfile.as_deref());
    if !args.dry_run {
        let others = [BUILT, plan_spec::FILE].into_iter();
        clear(&dir, wanted.iter().map(|file| file.path.as_str()).chain(others))?;
    }
    let mut tasks = Vec::new();
    for file in wanted {
        let path = dir.root.join(&file.path);
        let there = files::text(&path).with_context(|| format!("can't read {}", path.display()))?;
        let action = built.action(&file.path, there.as_deref(), &file.text);
        if let Some(seen) = seen_by_clients(&dir, &file.path)?.filter(|seen| *seen != file.text) {
            let change = difference(&file.path, &seen, &file.text);
            outcome.left(
                &file.path,
                "clients may have it with another content; raise number in [version]",
                &change,
            );
            continue;
        }
        let ours = match action {
            Action::Keep(change) => {
                outcome.left(&file.path, "it was changed, or is not ours", &change);
                continue;
            }
            Action::Same => "same",
            Action::Create => "new",
            Action::Update => "changed",
        };
        outcome.line(ours, &file.path);
        tasks.push(Task {
            key: vec![(file.path.clone(), file.text.clone())],
            path,
            text: file.text,
            same: ours == "same",
        });
    }
    tasks.extend(classes(&dir, &description, &built, &mut outcome).await?);
    if !args.dry_run {
        write(&dir, built, &tasks)?;
    }
    bring(args, &dir, &description, &mut outcome)?;
    print(&report(args, &description, &outcome));
    Ok(outcome.left == 0)
}

/// Deletes what a killed run left beside these files.
fn clear<'f>(dir: &ProjectDir, names: impl Iterator<Item = &'f str>) -> Result<()> {
    for path in names.map(|name| dir.root.join(name)) {
        files::clear(&path).with_context(|| format!("can't clear away beside {}", path.display()))?;
    }
    Ok(())
}

/// A file that is to be as the description says.
struct Task {
    path: PathBuf,
    text: String,
    /// It is so already.
    same: bool,
    /// What is remembered of it: the file, or the plan classes in it, each with its text.
    key: Vec<(String, String)>,
}

/// Writes files, and remembers before and after what they are.
fn write(dir: &ProjectDir, mut built: Built, tasks: &[Task]) -> Result<()> {
    let before = built.clone();
    for (key, text) in tasks.iter().filter(|task| !task.same).flat_map(|task| &task.key) {
        built.announce(key, text);
    }
    if built != before {
        remember(dir, &built)?;
    }
    for task in tasks {
        files::clear(&task.path)
            .with_context(|| format!("can't clear away beside {}", task.path.display()))?;
        if !task.same {
            files::write(&task.path, &task.text)
                .with_context(|| format!("can't write {}", task.path.display()))?;
        }
        for (key, text) in &task.key {
            built.remember(key, text);
        }
    }
    remember(dir, &built)
}

/// The administrator's own Dockerfile.
fn dockerfile(dir: &ProjectDir, description: &Description<'_>) -> Result<Option<String>> {
    let Kind::Container(container) = description.kind else { return Ok(None) };
    if container.dockerfile.is_empty() {
        return Ok(None);
    }
    let path = dir.root.join(&container.dockerfile);
    files::text(&path)
        .with_context(|| format!("can't read {}", path.display()))?
        .map(Some)
        .ok_or_else(|| anyhow!("{} is missing; [container] dockerfile names it", path.display()))
}

/// The content of a version's file that lies in the download folder already.
fn seen_by_clients(dir: &ProjectDir, path: &str) -> Result<Option<String>> {
    let Some(name) = path.strip_prefix("apps/").and_then(|path| path.rsplit('/').next()) else {
        return Ok(None);
    };
    if name == "version.xml" {
        return Ok(None);
    }
    let path = dir.config.download_dir.join(name);
    files::text(&path).with_context(|| format!("can't read {}", path.display()))
}

fn remembered(dir: &ProjectDir) -> Result<Built> {
    let path = dir.root.join(BUILT);
    let Some(bytes) = files::bytes(&path).with_context(|| format!("can't read {}", path.display()))? else {
        return Ok(Built::default());
    };
    serde_json::from_slice(&bytes).with_context(|| {
        format!("{} is not as it was written; remove it, and every file counts as a person's", path.display())
    })
}

fn remember(dir: &ProjectDir, built: &Built) -> Result<()> {
    let path = dir.root.join(BUILT);
    let text = serde_json::to_string_pretty(built)? + "\n";
    files::write(&path, &text).with_context(|| format!("can't write {}", path.display()))
}

/// The project's file with the plan classes in it, if there are any.
async fn classes(
    dir: &ProjectDir,
    description: &Description<'_>,
    built: &Built,
    outcome: &mut Outcome,
) -> Result<Option<Task>> {
    let ours = plan_classes(description);
    let path = dir.root.join(plan_spec::FILE);
    let there = files::text(&path).with_context(|| format!("can't read {}", path.display()))?;
    let mut others = BTreeSet::new();
    if there.is_none() && !ours.is_empty() {
        others = used_plan_classes(&dir.root);
        match plan_classes_in_database(dir).await {
            Ok(more) => others.extend(more),
            Err(error) => outcome
                .line("note", &format!("the database can't be asked for other plan classes: {error:#}")),
        }
        others.retain(|class| !class.is_empty() && !ours.iter().any(|(name, _)| name == class));
    }
    let others: Vec<String> = others.into_iter().collect();
    if !others.is_empty() {
        // With the file, the scheduler forgets the classes that it knows by itself.
        outcome.left(
            plan_spec::FILE,
            &format!(
                "there is none, and making one takes the plan classes that BOINC knows by itself from the versions of {}; \
                 make it by hand, with these classes in it, too",
                others.join(", ")
            ),
            &ours.iter().map(|(_, block)| block.as_str()).collect::<String>(),
        );
        return Ok(None);
    }
    let merge = plan_spec::merge(there.as_deref(), &ours, built).map_err(|why| anyhow!(why))?;
    for (name, change) in &merge.kept {
        outcome.left(&plan_spec::key(name), "it was changed, or is not ours", change);
    }
    if merge.text.is_some() {
        let word = if there.is_none() { "new" } else { "changed" };
        outcome.line(word, &format!("{} ({})", plan_spec::FILE, merge.written.join(", ")));
    } else if merge.kept.is_empty() && !ours.is_empty() {
        outcome.line("same", plan_spec::FILE);
    }
    let kept = |name: &str| merge.kept.iter().any(|(kept, _)| kept == name);
    let key = ours.iter().filter(|(name, _)| !kept(name));
    let key = key.map(|(name, block)| (plan_spec::key(name), plan_spec::normal(block))).collect();
    let same = merge.text.is_none();
    Ok(Some(Task { path, text: merge.text.unwrap_or_default(), same, key }))
}

/// Plan classes that versions in apps/ have.
fn used_plan_classes(root: &Path) -> BTreeSet<String> {
    let below =
        |path: &Path| std::fs::read_dir(path).into_iter().flatten().flatten().map(|entry| entry.path());
    below(&root.join("apps"))
        .flat_map(|app| below(&app).collect::<Vec<_>>())
        .flat_map(|version| below(&version).collect::<Vec<_>>())
        .filter_map(|folder| Some(folder.file_name()?.to_str()?.split_once("__")?.1.to_owned()))
        .collect()
}

/// Plan classes of versions in the database.
async fn plan_classes_in_database(dir: &ProjectDir) -> Result<Vec<String>> {
    let url = DbUrl::from_config(&dir.config, settings()?.tls);
    let store = Store::connect(&url).await.with_context(|| format!("can't open the {url}"))?;
    let inventory = store.read("plan classes", async |conn| conn.inventory().await).await?;
    Ok(inventory.versions.into_iter().map(|version| version.plan_class).collect())
}

/// Brings files that nobody here can make, and says which are missing.
fn bring(
    args: &BuildArgs,
    dir: &ProjectDir,
    description: &Description<'_>,
    outcome: &mut Outcome,
) -> Result<()> {
    for (folder, platform) in description.folders() {
        for needed in description.needed(platform) {
            for name in [needed.name.clone(), format!("{}.sig", needed.name)] {
                let to = dir.root.join(&folder).join(&name);
                if !args.dry_run {
                    clear(dir, std::iter::once(format!("{folder}/{name}").as_str()))?;
                }
                if to.exists() {
                    continue;
                }
                let shown = format!("{folder}/{name}");
                let from = args.from.as_ref().map(|from| from.join(&name)).filter(|from| from.is_file());
                match from {
                    Some(from) => {
                        outcome.line("brought", &shown);
                        if !args.dry_run {
                            files::link_or_copy(&from, &to).with_context(|| {
                                format!("can't bring {} to {}", from.display(), to.display())
                            })?;
                        }
                    }
                    // Signatures are made last; `app check` asks for them.
                    None if name.ends_with(".sig") => {}
                    None => outcome.line("MISSING", &format!("{shown} ({})", needed.what)),
                }
            }
        }
    }
    Ok(())
}

fn report(args: &BuildArgs, description: &Description<'_>, outcome: &Outcome) -> String {
    let mut text = outcome.text.clone();
    if !outcome.differences.is_empty() {
        let _ = write!(text, "\nWhat was left alone, and how it would be:\n\n{}", outcome.differences);
    }
    let _ = write!(
        text,
        "\nFor <daemons> in config.xml (also in cobblestone/{}-daemons.xml):\n{}",
        description.app,
        daemon_lines(description)
    );
    if args.dry_run {
        text.push_str("\nNothing was written (--dry_run).\n");
    }
    text
}
