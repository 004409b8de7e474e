//! The campaigns of the application, as `[work]` and the files in cobblestone/campaigns describe them, with their
//! templates and shared files.
//!
//! The files that describe a campaign (its own, templates, shared files) are looked at in every pass, and read again when
//! one of them changed: a new campaign needs no new start. One that has a mistake is told once and left out; the others go on.
//! A file that was changed a moment ago may not be whole: until then the campaign goes on as it was.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use anyhow::{Context as _, Result, bail};
use app_config::Work;
use boinc::id::AppId;
use boinc::input_template::{Download, FileFacts, NewWorkunit, new_workunit};
use campaign::document::FOLDER;
use campaign::draft::Number;
use campaign::fingerprint::fingerprint;
use campaign::seeds::Range;
use campaign::{Campaign, Contexts, Draft, Row};
use daemon::ProjectDir;

use crate::checks::Checks;
use crate::inputs::Inputs;
use crate::staging::Stage;

/// Campaign files that are looked at, at most.
const MOST: usize = 10_000;
/// A file that was changed less than this ago may not be whole yet.
const SETTLED: Duration = Duration::from_secs(1);

/// A campaign that is ready to make jobs.
pub struct Plan {
    /// What it is.
    pub campaign: Campaign,
    /// Its templates of file and command line.
    pub contexts: Contexts,
    /// BOINC's input template.
    pub template: Vec<u8>,
    /// Shared files, which are staged.
    pub shared: BTreeMap<String, FileFacts>,
    /// Results that the transitioner makes of one of its workunits.
    pub results_per_workunit: i64,
    /// Its seeds, as far as they are known.
    pub seeds: Vec<Range>,
    /// Whether its files of rows are what they were.
    pub checks: Checks,
    /// What its jobs are made of, as a fingerprint.
    pub made_of: String,
    /// Those before were made of the same, as far as is known.
    pub is_as_before: bool,
}

/// What a file looked like: when it was changed, and its size. None: it is not there.
type Look = Option<(SystemTime, u64)>;

fn look(path: &Path) -> Look {
    let about = fs::metadata(path).ok()?;
    Some((about.modified().ok()?, about.len()))
}

/// A description of a campaign, and what the files looked like that it was read from.
#[derive(Default)]
struct Seen {
    looks: Vec<(PathBuf, Look)>,
    /// None: it has a mistake, or is another application's.
    plan: Option<Plan>,
}

impl Seen {
    /// Notes what a file looks like that is about to be read.
    fn looks(&mut self, path: &Path) {
        self.looks.push((path.to_owned(), look(path)));
    }

    /// Whether it is to be read again: something changed, and nobody is writing to it any more.
    fn is_old(&self) -> bool {
        let changed = self.looks.iter().map(|(path, was)| (was, look(path))).filter(|(was, is)| **was != *is);
        let mut any = false;
        for (_, is) in changed {
            any = true;
            // The real clock, as that of the file system: nothing else depends on it.
            let age = is.and_then(|(time, _)| time.elapsed().ok());
            if is.is_some() && age.is_some_and(|age| age < SETTLED) {
                return false;
            }
        }
        any
    }
}

/// See the module.
pub struct Plans {
    app: String,
    appid: AppId,
    work: Work,
    project: ProjectDir,
    stage: Stage,
    write: bool,
    /// The short form in `[work]`.
    short: Option<Seen>,
    seen: BTreeMap<String, Seen>,
}

impl Plans {
    /// Those that there are now. `declared`: there is a `[work]`.
    ///
    /// # Errors
    /// The short form has a mistake.
    pub fn new(
        appid: AppId,
        declared: bool,
        work: &Work,
        app: &str,
        project: &ProjectDir,
        write: bool,
    ) -> Result<Self> {
        let stage = Stage::new(project.download());
        let mut plans = Self {
            app: app.to_owned(),
            appid,
            work: work.clone(),
            project: project.clone(),
            stage,
            write,
            short: None,
            seen: BTreeMap::new(),
        };
        plans.refresh();
        let has_files = plans.seen.values().any(|seen| seen.plan.is_some());
        if plans.work.is_campaign || (declared && !has_files) {
            let short = Campaign::of_work(&plans.work, app);
            if plans.seen.contains_key(&short.name) {
                bail!(
                    "campaign `{0}` is described twice: in [work] of cobblestone/{app}.toml and in {FOLDER}/{0}.toml; rename one",
                    short.name
                );
            }
            let mut seen = Seen::default();
            seen.plan = Some(plans.load(short, &mut seen)?);
            plans.short = Some(seen);
        } else if !declared && !has_files {
            bail!(
                "cobblestone/{app}.toml has no [work] section and {FOLDER} no campaign of it, so there is nothing to make; \
                 see project-config/theory.toml and campaign.toml"
            );
        }
        Ok(plans)
    }

    /// All of them, by name.
    pub fn all(&self) -> impl Iterator<Item = &Plan> {
        self.seen.values().chain(&self.short).filter_map(|seen| seen.plan.as_ref())
    }

    /// One of them, and the folder that its files go to.
    pub fn serve(&mut self, name: &str) -> Option<(&Stage, &mut Plan)> {
        let is_short = self.short.is_some() && self.work.campaign == name;
        let seen = if is_short { self.short.as_mut() } else { self.seen.get_mut(name) };
        Some((&self.stage, seen?.plan.as_mut()?))
    }

    /// Reads files that are new or changed, and forgets those that are gone.
    pub fn refresh(&mut self) {
        if self.short.as_ref().is_some_and(Seen::is_old) {
            let campaign = Campaign::of_work(&self.work, &self.app);
            self.short = Some(self.seen(&self.work.campaign, |seen| self.load(campaign, seen).map(Some)));
        }
        let folder = self.project.root.join(FOLDER);
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                self.seen.clear();
                return;
            }
            Err(error) => {
                tracing::error!("can't read {}: {error}; its campaigns go on as they were", folder.display());
                return;
            }
        };
        let mut found = Vec::new();
        for path in entries.take(MOST).filter_map(|entry| Some(entry.ok()?.path())) {
            let name =
                path.file_name().and_then(|name| name.to_str()).and_then(|name| name.strip_suffix(".toml"));
            if let Some(name) = name.filter(|name| !name.starts_with('.')) {
                found.push((name.to_owned(), path.clone()));
            }
        }
        self.seen.retain(|name, _| found.iter().any(|(there, _)| there == name));
        for (name, path) in found {
            if self.seen.get(&name).is_some_and(|seen| !seen.is_old()) {
                continue;
            }
            let seen = self.seen(&name, |seen| self.read(&name, &path, seen));
            self.seen.insert(name, seen);
        }
    }

    /// A campaign as it is read now. A mistake is told, and the campaign is left out.
    fn seen(&self, name: &str, read: impl FnOnce(&mut Seen) -> Result<Option<Plan>>) -> Seen {
        let mut seen = Seen::default();
        seen.plan = read(&mut seen).unwrap_or_else(|error| {
            tracing::error!("campaign {name} is left out: {error:#}");
            None
        });
        seen
    }

    /// The campaign of a file; None if it is another application's.
    fn read(&self, name: &str, path: &Path, seen: &mut Seen) -> Result<Option<Plan>> {
        seen.looks(path);
        let text = app_config::read(path).with_context(|| format!("can't read {}", path.display()))?;
        if Campaign::app_of(&text).is_some_and(|app| app != self.app && !app.is_empty()) {
            return Ok(None);
        }
        let campaign = Campaign::parse(&text, name, &self.work).map_err(|mistakes| {
            let lines: Vec<String> = mistakes.iter().map(ToString::to_string).collect();
            anyhow::anyhow!("{}: {}", path.display(), lines.join("; "))
        })?;
        if self.short.is_some() && self.work.campaign == name {
            bail!("[work] of cobblestone/{}.toml is a campaign of that name; rename one", self.app);
        }
        self.load(campaign, seen).map(Some)
    }

    /// Reads templates and stages shared files.
    fn load(&self, campaign: Campaign, seen: &mut Seen) -> Result<Plan> {
        let root = &self.project.root;
        let templates =
            [&campaign.input_template, &campaign.output_template].into_iter().chain(&campaign.context);
        for path in templates.chain(campaign.shared_files.iter().map(|file| &file.path)) {
            seen.looks(&root.join(path));
        }
        let template = fs::read(root.join(&campaign.input_template)).with_context(|| {
            format!("can't read the input template {}; `input_template` names it", campaign.input_template)
        })?;
        let output = root.join(&campaign.output_template);
        if !output.is_file() {
            bail!("there is no output template {}; `output_template` names it", output.display());
        }
        let context = match &campaign.context {
            Some(path) => {
                let file = root.join(path);
                Some(
                    app_config::read(&file)
                        .with_context(|| format!("can't read the context template {}", file.display()))?,
                )
            }
            None => None,
        };
        let made_of = fingerprint(&campaign, context.as_deref());
        let contexts = Contexts::new(context, &campaign.command_line)?;
        let mut shared = BTreeMap::new();
        for file in &campaign.shared_files {
            let source: PathBuf = root.join(&file.path);
            let facts = if self.write {
                self.stage.share(&source, &file.name)?
            } else {
                boinc::md5_cache::compute(&source)
                    .with_context(|| format!("can't read {}", source.display()))?
            };
            shared.insert(file.name.clone(), facts);
        }
        let mut plan = Plan {
            campaign,
            contexts,
            template,
            shared,
            results_per_workunit: 1,
            seeds: Vec::new(),
            checks: Checks::new(!self.write),
            made_of,
            is_as_before: false,
        };
        // A template that can't work is told now, not with the first job.
        let example = self.example(&plan)?;
        plan.results_per_workunit = example.target_nresults.max(1).into();
        Ok(plan)
    }

    /// A job that is not made. What rows will hold is not known yet, so the templates of their jobs are not rendered.
    fn example(&self, plan: &Plan) -> Result<NewWorkunit> {
        let campaign = &plan.campaign;
        let number = Number { job: 0, copy: 0, retry: 0, seed: 1 };
        let mut inputs = Inputs::new(self.stage.clone(), self.project.download(), &plan.shared);
        let description = if campaign.source.kind.has_rows() {
            let mut bare = campaign.clone();
            bare.command_line = String::new();
            let key = bare.source.key.as_ref().map(|key| (key.clone(), "0".into()));
            let row = Row { values: key.into_iter().collect() };
            let draft = Draft::new(&bare, Some(&row), number)?;
            inputs.offer(&campaign::names::own_file(&draft.name), Vec::new());
            draft.description(&bare, &Contexts::new(None, "")?)?
        } else {
            let draft = Draft::new(campaign, None, number)?;
            let file = plan
                .contexts
                .file(&draft.values(campaign))
                .context("the templates know seed, events, job, campaign and parameters")?;
            inputs.offer(&campaign::names::own_file(&draft.name), file);
            draft.description(campaign, &plan.contexts)?
        };
        let download = Download::from(&self.project.config);
        let created = new_workunit(&plan.template, &description, self.appid, 0, download, &mut inputs)
            .with_context(|| format!("can't make a workunit from {}", campaign.input_template))?;
        for note in &created.notes {
            tracing::warn!("campaign {}, {}: {note}", campaign.name, campaign.input_template);
        }
        if created.workunit.min_quorum > created.workunit.target_nresults {
            bail!(
                "min_quorum {} is above target_nresults {}: no workunit could ever be validated",
                created.workunit.min_quorum,
                created.workunit.target_nresults
            );
        }
        Ok(created.workunit)
    }
}
