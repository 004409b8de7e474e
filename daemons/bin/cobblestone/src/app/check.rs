//! What there is of one application, read from the project directory and handed to the checks of `vm-app`.
//!
//! Only reads. What can't be read is a finding, too.

use std::collections::BTreeSet;
use std::path::Path;

use app_config::{AppConfig, Work};
use boinc::app_files::{Document, text};
use boinc::app_version_doc;
use boinc::md5_cache::{self, Cached};
use campaign::Campaign;
use campaign::document::FOLDER;
use daemon::ProjectDir;
use store::inventory::{AppFacts, Inventory, VersionFacts};
use vm_app::checks::messages::Sender;
use vm_app::checks::plan_class::Classes;
use vm_app::checks::staged::Staged;
use vm_app::checks::timing::{FAST_CORE, ORDINARY_CORE, Timing};
use vm_app::checks::{
    daemons, database, document, folders, messages, plan_class, quorum, staged, templates, timing, vbox_job,
    version,
};
use vm_app::{Description, Finding, Kind, Report};

use super::files;

/// What is known of the project, whichever application is looked at.
#[derive(Debug)]
pub struct Known<'k> {
    /// Its directory and config.xml.
    pub dir: &'k ProjectDir,
    /// What the database says; none if it is not asked.
    pub inventory: Option<&'k Inventory>,
    /// plan_class_spec.xml.
    pub classes: Option<&'k Classes>,
    /// Whether there is such a file.
    pub has_spec: bool,
    /// Whether large files are read for their digests.
    pub reads_files: bool,
    /// Files of campaigns: name and text.
    pub campaigns: &'k [(String, String)],
}

/// One application's findings.
pub fn check(known: &Known<'_>, app: &str, findings: &mut Vec<Finding>) {
    let mut report = Report::new(app, findings);
    let config = match AppConfig::load(&known.dir.root, app) {
        Ok(config) => config,
        Err(error) => {
            for line in error.to_string().lines() {
                report.error(
                    "description",
                    format!("cobblestone/{app}.toml"),
                    line.to_owned(),
                    "the daemons refuse the file and don't start",
                    "mend the file; project-config/theory.toml explains every key",
                );
            }
            return;
        }
    };
    let campaigns = campaigns(known, app, &config);
    App { known, app, config: &config, description: Description::new(app, &config), campaigns }
        .check(&mut report);
}

/// The campaigns of an application, without those that have a mistake: these are told for the whole project.
fn campaigns(known: &Known<'_>, app: &str, config: &AppConfig) -> Vec<Campaign> {
    let work = config.work.clone().unwrap_or_else(|| Work::of(app));
    let ours =
        known.campaigns.iter().filter(|(_, text)| Campaign::app_of(text).is_some_and(|named| named == app));
    ours.filter_map(|(name, text)| Campaign::parse(text, name, &work).ok()).collect()
}

struct App<'a> {
    known: &'a Known<'a>,
    app: &'a str,
    config: &'a AppConfig,
    description: Option<Description<'a>>,
    campaigns: Vec<Campaign>,
}

/// What the files of a version say together.
#[derive(Default)]
struct Jobs {
    /// `job_duration` of vbox_job.xml.
    duration: Option<f64>,
    /// Nobody sends how long a task has run.
    is_container: bool,
    /// Folders of the version that was looked at: platform and plan class.
    folders: Vec<(String, String)>,
}

impl App<'_> {
    fn check(&self, report: &mut Report<'_>) {
        let dir = self.known.dir;
        let row = self.row();
        self.rows(report, row);
        self.scripts(report);
        let input = self.templates(report, row);
        let copied = input.as_ref().map(|input| input.copied.clone()).unwrap_or_default();
        let jobs = self.version(report, row, &copied);
        if let Some(input) = &input {
            self.timing(report, input, &jobs);
        }
        messages::told(report, dir.config.msg_to_host, self.config);
        let makes_work = self.config.work.is_some() || !self.campaigns.is_empty();
        daemons::app(report, &dir.config.daemons, self.config, makes_work);
        self.campaigns(report);
        self.folders(report);
        for version in self.newest_versions() {
            self.staged(report, version);
        }
    }

    fn row(&self) -> Option<&AppFacts> {
        self.known.inventory?.apps.iter().find(|row| row.name == self.app)
    }

    /// Of each platform and plan class the version with the largest number: what clients get.
    fn newest_versions(&self) -> Vec<&VersionFacts> {
        let (Some(inventory), Some(row)) = (self.known.inventory, self.row()) else { return Vec::new() };
        let ours = || inventory.versions.iter().filter(|version| version.app == row.id);
        let is_newest = |version: &&VersionFacts| {
            !ours().any(|other| {
                other.platform == version.platform
                    && other.plan_class == version.plan_class
                    && other.number > version.number
            })
        };
        ours().filter(is_newest).collect()
    }

    fn rows(&self, report: &mut Report<'_>, row: Option<&AppFacts>) {
        let Some(inventory) = self.known.inventory else { return };
        let facts = row.map(|row| database::AppRow {
            is_deprecated: row.is_deprecated,
            weight: row.weight,
            versions: inventory
                .versions
                .iter()
                .filter(|version| version.app == row.id)
                .map(|version| (version.number, version.platform.clone(), version.plan_class.clone()))
                .collect(),
        });
        let pairs: Vec<(String, String)> = self.description.iter().flat_map(pairs).collect();
        let number = self.description.and_then(|description| description.version().num());
        database::app(report, facts.as_ref(), number.map(|number| (number, pairs.as_slice())));
        for version in self.newest_versions() {
            plan_class::used(
                report,
                &format!("table app_version, id {}", version.id),
                &version.plan_class,
                &version.platform,
                self.known.classes,
                self.known.has_spec,
            );
        }
    }

    /// Programs that compare, in bin/.
    fn scripts(&self, report: &mut Report<'_>) {
        let Some(script) = &self.config.compare.script else { return };
        for fault in script.faults(&self.known.dir.root.join("bin")) {
            report.error(
                "compare-script",
                format!("{FOLDER}/{}.toml", self.app),
                format!("[compare.script]: {fault}"),
                "the validator does not start",
                "put the program into bin/ and make it executable, or mend its name",
            );
        }
    }

    fn templates(&self, report: &mut Report<'_>, row: Option<&AppFacts>) -> Option<templates::Input> {
        let dir = self.known.dir;
        let work = self.config.work.clone().unwrap_or_else(|| Work::of(self.app));
        // Without [work] somebody else makes workunits, perhaps from other templates.
        let is_ours = self.config.work.is_some() || self.description.is_some();
        let read = |report: &mut Report<'_>, path: &str| match files::bytes(&dir.root.join(path)) {
            Ok(bytes) => bytes,
            Err(error) => {
                unreadable(report, path, &error);
                None
            }
        };
        if let Some(context) = &work.context
            && read(report, context).is_none()
        {
            report.error(
                "context",
                context,
                "[work] context names it, and it is missing",
                "the work generator does not start",
                "write the template of the input file, or take the key out",
            );
        }
        let output = read(report, &work.output_template);
        if output.is_some() || is_ours {
            let text = output.map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
            templates::output(report, &work.output_template, text.as_deref(), self.config);
        }
        let template = read(report, &work.input_template);
        if template.is_none() && !is_ours {
            return None;
        }
        let input = templates::input(
            report,
            &work.input_template,
            template.as_deref(),
            &work.output_template,
            // A campaign's jobs may bring more.
            Some(1).filter(|_| self.config.work.is_some() && self.campaigns.is_empty()),
        )?;
        quorum::check(
            report,
            &work.input_template,
            &input.workunit,
            row.map(|row| row.target_nresults),
            dir.config.one_result_per_user_per_wu,
            self.config,
        );
        for name in &input.constants {
            let path = dir.download().path(name);
            let path = path.as_deref().unwrap_or_else(|_| Path::new(""));
            let cached = md5_cache::read(path).is_ok_and(|cached| matches!(cached, Cached::Valid(_)));
            staged::constant(report, &work.input_template, name, path.is_file(), cached);
        }
        Some(input)
    }

    /// Templates that campaigns name.
    fn campaigns(&self, report: &mut Report<'_>) {
        let root = &self.known.dir.root;
        for campaign in &self.campaigns {
            let file = format!("{FOLDER}/{}.toml", campaign.name);
            if let Some(context) = campaign.context.as_ref().filter(|context| !root.join(context).is_file()) {
                report.error(
                    "context",
                    &file,
                    format!("context names {context}, and it is missing"),
                    "the work generator leaves the campaign out",
                    "write the template of the input file, or take the key out",
                );
            }
            let read = |path: &str| files::bytes(&root.join(path)).ok().flatten();
            let more = campaign.shared_files.len()
                + campaign.remote_files.len()
                + campaign.settings.input_files.len();
            // The rows of a table may bring files of their own.
            let given = (campaign.source.kind == campaign::Kind::Counter)
                .then_some(usize::from(campaign.own_file) + more);
            let (input, output) = (&campaign.input_template, &campaign.output_template);
            templates::input(report, input, read(input).as_deref(), output, given);
            let text = read(output).map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
            templates::output(report, output, text.as_deref(), self.config);
        }
    }

    /// Folders of the version that is described; without a description those of the largest number.
    fn version(&self, report: &mut Report<'_>, row: Option<&AppFacts>, inputs: &[String]) -> Jobs {
        let mut jobs = Jobs::default();
        let mut seen = BTreeSet::new();
        let mut paths: Vec<String> =
            self.description.iter().flat_map(Description::folders).map(|(path, _)| path).collect();
        if paths.is_empty() {
            paths = self.newest_folders();
        }
        if paths.is_empty() && self.known.inventory.is_none() {
            report.error(
                "version-folder",
                format!("apps/{}", self.app),
                "there is no folder of a version",
                "no computer gets a task",
                format!(
                    "describe the application in cobblestone/{0}.toml, and run: cobblestone app build {0}",
                    self.app
                ),
            );
        }
        for path in paths {
            let name = path.rsplit('/').next().unwrap_or_default();
            let (platform, class) = name.split_once("__").unwrap_or((name, ""));
            plan_class::used(report, &path, class, platform, self.known.classes, self.known.has_spec);
            if let Some(inventory) = self.known.inventory {
                plan_class::platform(report, &path, platform, &inventory.platforms);
            }
            let is_in_database = self.known.inventory.zip(row).is_some_and(|(inventory, row)| {
                let number = path.split('/').nth(2).and_then(number_of);
                inventory.versions.iter().any(|version| {
                    version.app == row.id
                        && Some(version.number) == number
                        && version.platform == platform
                        && version.plan_class == class
                })
            });
            jobs.folders.push((platform.to_owned(), class.to_owned()));
            self.folder(report, &path, is_in_database, inputs, &mut seen, &mut jobs);
        }
        jobs
    }

    fn newest_folders(&self) -> Vec<String> {
        let apps = format!("apps/{}", self.app);
        let root = &self.known.dir.root;
        let newest = names(&root.join(&apps))
            .into_iter()
            .filter_map(|name| Some((number_of(&name)?, name)))
            .max_by_key(|(number, _)| *number);
        let Some((_, newest)) = newest else { return Vec::new() };
        let version = format!("{apps}/{newest}");
        names(&root.join(&version))
            .into_iter()
            .map(|name| format!("{version}/{name}"))
            .filter(|path| root.join(path).is_dir())
            .collect()
    }

    fn folder(
        &self,
        report: &mut Report<'_>,
        path: &str,
        is_in_database: bool,
        inputs: &[String],
        seen: &mut BTreeSet<Vec<u8>>,
        jobs: &mut Jobs,
    ) {
        let root = &self.known.dir.root;
        let keys = self.known.dir.config.key_dir.clone().unwrap_or_else(|| root.join("keys"));
        let folder = version::Folder {
            path: path.to_owned(),
            files: names(&root.join(path)),
            version_xml: files::bytes(&root.join(path).join("version.xml")).ok().flatten(),
            has_private_key: keys.join("code_sign_private").exists(),
            is_in_database,
        };
        if !root.join(path).is_dir() {
            report.error(
                "version-folder",
                path,
                "it is missing",
                "computers of that kind get no version",
                format!("cobblestone app build {} makes it", self.app),
            );
            return;
        }
        let Some(version) = version::check(report, &folder) else { return };
        for file in version.sections("file") {
            let (physical, logical) = (text(file, "physical_name"), text(file, "logical_name"));
            let job_path = format!("{path}/{physical}");
            let read = || files::bytes(&root.join(&job_path)).ok().flatten();
            match logical {
                "vbox_job.xml" => {
                    let Some(bytes) = read() else { continue };
                    let Some(job) = self.vbox_job(report, &job_path, &bytes, seen) else { continue };
                    version::machine(report, path, &version, &job, inputs);
                    jobs.duration =
                        job.number("job_duration").filter(|duration| *duration > 0.0).or(jobs.duration);
                }
                "job.xml" => {
                    if let Some(bytes) = read().filter(|bytes| seen.insert(bytes.clone())) {
                        document::check(report, &job_path, &bytes, document::WRAPPER_JOB);
                    }
                }
                "job.toml" => {
                    jobs.is_container = true;
                    if let Some(bytes) = read().filter(|bytes| seen.insert(bytes.clone())) {
                        document::check_job_toml(report, &job_path, &String::from_utf8_lossy(&bytes));
                    }
                }
                _ => {}
            }
        }
    }

    /// Folders of one version mostly have the same job file: what is wrong with it is said once.
    fn vbox_job(
        &self,
        report: &mut Report<'_>,
        path: &str,
        bytes: &[u8],
        seen: &mut BTreeSet<Vec<u8>>,
    ) -> Option<Document> {
        if !seen.insert(bytes.to_vec()) {
            let mut findings = Vec::new();
            return document::check(
                &mut Report::new(self.app, &mut findings),
                path,
                bytes,
                document::VBOX_JOB,
            );
        }
        let job = document::check(report, path, bytes, document::VBOX_JOB)?;
        vbox_job::check(report, path, &job);
        messages::reports(report, path, &job, self.config);
        Some(job)
    }

    fn timing(&self, report: &mut Report<'_>, input: &templates::Input, jobs: &Jobs) {
        let work = self.config.work.clone().unwrap_or_else(|| Work::of(self.app));
        let template = work.input_template.as_str();
        let is_container = jobs.is_container
            || self.description.is_some_and(|described| matches!(described.kind, Kind::Container(_)));
        let sender = if is_container { Sender::Nobody } else { Sender::Wrapper };
        messages::check(report, template, input.trickle, sender, self.config);
        // How long a task runs is only known of machines, and of what is described.
        let described = self.description.map(|description| description.task().lifetime());
        let Some(lifetime) = jobs.duration.or(described) else { return };
        let cores = |class: &str, name: &str| {
            let class = self.known.classes?.get(class)?;
            boinc::app_files::number(class, name).filter(|cores| (1.0..=1024.0).contains(cores))
        };
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "in range, see above")]
        let whole = |cores: f64| cores as u32;
        let most =
            jobs.folders.iter().filter_map(|(_, class)| cores(class, "max_threads")).fold(1.0, f64::max);
        let described =
            self.description.map(|description| (description.task().min_cores, description.task().max_cores));
        let (min_cores, cores) = described.unwrap_or((1, whole(most)));
        let (ordinary_core, fast_core) =
            self.known.inventory.and_then(|inventory| inventory.speeds).unwrap_or((ORDINARY_CORE, FAST_CORE));
        let timing = Timing {
            lifetime,
            delay_bound: input.workunit.delay_bound.into(),
            trickle: input.trickle,
            cores,
            min_cores,
            fpops_est: input.workunit.rsc_fpops_est,
            fpops_bound: input.workunit.rsc_fpops_bound,
            fast_core,
            ordinary_core,
        };
        timing::check(report, template, &timing, self.config);
    }

    fn folders(&self, report: &mut Report<'_>) {
        let path = self.config.assimilate.folder_in(&self.known.dir.root);
        folder(report, &path, "results of the assimilator", true);
    }

    fn staged(&self, report: &mut Report<'_>, version: &VersionFacts) {
        let number = format!("{}.{:02}", version.number / 100, version.number % 100);
        let class =
            if version.plan_class.is_empty() { String::new() } else { format!("__{}", version.plan_class) };
        let label = format!("version {number} for {}{class}", version.platform);
        let known = match app_version_doc::files(&version.xml_doc) {
            Ok(known) => known,
            Err(fault) => {
                report.error(
                    "staged",
                    format!("table app_version, id {}", version.id),
                    format!("xml_doc of {label} is {fault}"),
                    "the scheduler can't send the version",
                    "make the version again with bin/update_versions, under a new number",
                );
                return;
            }
        };
        let root = &self.known.dir.root;
        for file in known {
            let path = self.known.dir.config.download_dir.join(&file.name);
            let source =
                root.join(format!("apps/{}/{number}/{}{class}/{}", self.app, version.platform, file.name));
            let size = |path: &Path| {
                std::fs::metadata(path).ok().filter(std::fs::Metadata::is_file).map(|about| about.len())
            };
            let md5 = |path: &Path| {
                let digest = || md5_cache::compute(path).ok().map(|facts| facts.md5);
                self.known.reads_files.then(digest).flatten()
            };
            let gzip =
                path.with_file_name(format!("{}.gz", path.file_name().unwrap_or_default().to_string_lossy()));
            let is_compared = source.is_file() || file.md5.is_some();
            let found = size(&path).map(|nbytes| Staged {
                nbytes,
                md5: if is_compared { md5(&path) } else { None },
                gzipped_nbytes: size(&gzip),
            });
            let source_md5 = if found.is_some() && source.is_file() { md5(&source) } else { None };
            staged::check(report, &label, &file, found.as_ref(), source_md5.as_deref());
        }
    }
}

/// Whether a folder is there, and can be written.
pub fn folder(report: &mut Report<'_>, path: &Path, what: &'static str, is_made: bool) {
    use rustix::fs::{Access, AtFlags, CWD, accessat};
    let found = match std::fs::metadata(path) {
        Err(_) => folders::Found::Nothing,
        Ok(about) if !about.is_dir() => folders::Found::NoFolder,
        Ok(_) if accessat(CWD, path, Access::WRITE_OK | Access::EXEC_OK, AtFlags::EACCESS).is_err() => {
            folders::Found::ReadOnly
        }
        Ok(_) => folders::Found::Writable,
    };
    let user =
        std::env::var("USER").unwrap_or_else(|_| format!("user {}", rustix::process::geteuid().as_raw()));
    let facts = folders::Folder { path: path.display().to_string(), what, found, is_made };
    folders::check(report, &facts, &user);
}

/// A file is there and can't be read.
pub fn unreadable(report: &mut Report<'_>, path: &str, error: &std::io::Error) {
    report.error(
        "file",
        path,
        format!("it can't be read: {error}"),
        "nothing can be said about it",
        "mend its rights",
    );
}

/// Platform and plan class of each folder.
fn pairs(description: &Description<'_>) -> Vec<(String, String)> {
    let classes = description.plan_classes();
    description
        .version()
        .platforms
        .iter()
        .flat_map(|platform| classes.iter().map(|class| (platform.clone(), class.name.clone())))
        .collect()
}

/// `1.00` as BOINC counts it.
fn number_of(name: &str) -> Option<i32> {
    let (major, minor) = name.split_once('.').unwrap_or((name, "0"));
    major.parse::<i32>().ok()?.checked_mul(100)?.checked_add(minor.parse().ok()?)
}

/// Names in a folder, sorted, without hidden ones.
fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter(|name| !name.starts_with('.'))
        .collect();
    names.sort();
    names
}
