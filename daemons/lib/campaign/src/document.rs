//! The description of a campaign: `cobblestone/campaigns/NAME.toml`, or the short form in `[work]` of APP.toml.
//!
//! Invariants: a file is used whole or not at all; a key that nobody knows is a mistake. What [`Campaign::parse`]
//! returns has been checked: names can be file names, paths stay in the project directory, numbers fit their columns.

use std::collections::BTreeMap;

use app_config::{Document, Mistake, Parameter, Work, is_safe_name, stays_below};
use boinc::input_template::{Assignment, MAX_KEYWORDS, MAX_RESULT_TEMPLATE_FILE, Overrides};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::columns::{self, Settings, check_file};
use crate::records::Format;

/// Folder of campaign files, below the project directory.
pub const FOLDER: &str = "cobblestone/campaigns";

/// What a dropped input file's row calls its key: the file's name without what stands behind the first dot.
pub const FILE_KEY: &str = "name";

/// Where the jobs of a campaign come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Its jobs are counted: they differ in number and seed only.
    Counter,
    /// The rows of one file.
    File,
    /// What is dropped into a folder.
    Folder,
    /// Rows that a person feeds: `cobblestone campaign feed`.
    Stdin,
    /// Rows that a program prints.
    Command,
}

impl Kind {
    /// As it stands in the file and in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::File => "file",
            Self::Folder => "folder",
            Self::Stdin => "stdin",
            Self::Command => "command",
        }
    }

    /// Whether its jobs are rows.
    #[must_use]
    pub const fn has_rows(self) -> bool {
        !matches!(self, Self::Counter)
    }
}

/// What is dropped into a folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Contents {
    /// Files of rows.
    Rows,
    /// Input files: each is one job.
    Files,
}

/// `[campaign]`
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Head {
    app: String,
    description: String,
}

/// `[source]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Source {
    /// Where jobs come from.
    pub kind: Kind,
    /// Most jobs. None: a counter never ends, others end with their rows.
    pub jobs: Option<i64>,
    /// File or folder, relative to the project directory.
    pub path: String,
    /// How rows are written; None: as the file's name says.
    pub format: Option<Format>,
    /// What is dropped into the folder.
    pub contents: Contents,
    /// Program and arguments; started in the project directory, without a shell.
    pub command: Vec<String>,
    /// Seconds from one start of the program to the next; None: it is started once.
    pub every: Option<f64>,
    /// Column that names the job.
    pub key: Option<String>,
    /// The campaign is paused when so many rows can't be made.
    pub max_set_aside: i64,
}

impl Default for Source {
    fn default() -> Self {
        Self {
            kind: Kind::Counter,
            jobs: None,
            path: String::new(),
            format: None,
            contents: Contents::Rows,
            command: Vec::new(),
            every: None,
            key: None,
            max_set_aside: 1000,
        }
    }
}

/// `[seeds]`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Seeds {
    /// Seed of the first job; 0: the first that no campaign of the application has.
    pub first: i64,
    /// Seeds may be those of another campaign.
    pub reuse: bool,
}

/// `[job]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Job {
    events: Option<i64>,
    priority: Option<i32>,
    batch: Option<i32>,
    min_quorum: Option<i32>,
    target_nresults: Option<i32>,
    max_error_results: Option<i32>,
    max_total_results: Option<i32>,
    max_success_results: Option<i32>,
    delay_bound: Option<i32>,
    app_version_num: i32,
    size_class: Option<i32>,
    keywords: String,
    target_host: Option<i32>,
    target_user: Option<i32>,
    target_team: Option<i32>,
    context: Option<String>,
    own_file: bool,
    command_line: String,
    input_template: Option<String>,
    output_template: Option<String>,
    shared_files: Vec<String>,
    remote_files: Vec<RemoteFile>,
}

impl Default for Job {
    fn default() -> Self {
        Self {
            events: None,
            priority: None,
            batch: None,
            min_quorum: None,
            target_nresults: None,
            max_error_results: None,
            max_total_results: None,
            max_success_results: None,
            delay_bound: None,
            app_version_num: 0,
            size_class: None,
            keywords: String::new(),
            target_host: None,
            target_user: None,
            target_team: None,
            context: None,
            own_file: true,
            command_line: String::new(),
            input_template: None,
            output_template: None,
            shared_files: Vec::new(),
            remote_files: Vec::new(),
        }
    }
}

/// An input file that lies on another server.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RemoteFile {
    /// Whole URL.
    pub url: String,
    /// Size in bytes.
    pub nbytes: u64,
    /// MD5 digest, 32 hex digits.
    pub md5: String,
}

/// An input file that all jobs share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SharedFile {
    /// Where it is, relative to the project directory.
    pub path: String,
    /// Its name in the download folder: the last part of the path.
    pub name: String,
}

#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct File {
    campaign: Head,
    source: Source,
    seeds: Seeds,
    job: Job,
    parameters: BTreeMap<String, Parameter>,
}

/// A campaign. See the module.
#[derive(Debug, Clone, PartialEq)]
pub struct Campaign {
    /// Begins the names of workunits; unique in an application.
    pub name: String,
    /// Short name of the application.
    pub app: String,
    /// For people.
    pub description: String,
    /// Where jobs come from.
    pub source: Source,
    /// Which seeds they get.
    pub seeds: Seeds,
    /// What they are, unless their rows say otherwise.
    pub settings: Settings,
    /// What their templates know, unless their rows say otherwise.
    pub parameters: BTreeMap<String, Value>,
    /// Template of the own input file, relative to the project directory; None: the built-in one.
    pub context: Option<String>,
    /// Each job has an input file of its own.
    pub own_file: bool,
    /// Template of the command line; empty = none.
    pub command_line: String,
    /// BOINC's input template, relative to the project directory.
    pub input_template: String,
    /// BOINC's output template, relative to the project directory.
    pub output_template: String,
    /// Input files that all jobs share.
    pub shared_files: Vec<SharedFile>,
    /// Input files on other servers.
    pub remote_files: Vec<RemoteFile>,
}

/// What is wrong with a value, by its key.
type Report<'a> = dyn FnMut(&str, String) + 'a;

impl Campaign {
    /// Reads the text of NAME.toml. What it does not say is as in `work`, the section of its application.
    ///
    /// # Errors
    /// All mistakes of the first kind found: no TOML, unknown keys, a wrong type, values that make no sense.
    pub fn parse(text: &str, name: &str, work: &Work) -> Result<Self, Vec<Mistake>> {
        let (file, document) = Document::read::<File>(text)?;
        let mut mistakes = Vec::new();
        let mut report = |key: &str, message: String| mistakes.push(document.mistake(key, message));
        if !is_safe_name(name) {
            report(
                "campaign",
                format!(
                    "{name:?} cannot begin the names of workunits: rename the file to 1 to 100 letters, digits, `.`, `_` and `-`"
                ),
            );
        }
        file.check(&mut report);
        mistakes.sort_by_key(|mistake| mistake.line);
        if mistakes.is_empty() { Ok(file.complete(name, work)) } else { Err(mistakes) }
    }

    /// The application that a text names, and nothing else of it.
    #[must_use]
    pub fn app_of(text: &str) -> Option<String> {
        Document::read::<File>(text).ok().map(|(file, _)| file.campaign.app)
    }

    /// The short form: `[work]` of an application is a campaign of counted jobs.
    #[must_use]
    pub fn of_work(work: &Work, app: &str) -> Self {
        let file = File {
            campaign: Head { app: app.to_owned(), description: String::new() },
            source: Source { jobs: work.jobs.and_then(|jobs| i64::try_from(jobs).ok()), ..Source::default() },
            seeds: Seeds {
                first: i64::try_from(work.first_seed).unwrap_or(i64::MAX),
                reuse: work.reuse_seeds,
            },
            ..File::default()
        };
        file.complete(&work.campaign, work)
    }

    /// Every key that can be set, with its section.
    #[must_use]
    pub fn known_keys() -> Vec<String> {
        app_config::keys_of::<File>()
    }

    /// Folder of the rows that a person feeds or a command prints, relative to the project directory.
    #[must_use]
    pub fn spool(&self) -> String {
        format!("{FOLDER}/{}.d", self.name)
    }
}

impl File {
    fn complete(self, name: &str, work: &Work) -> Campaign {
        let Self { campaign: head, mut source, seeds, job, parameters } = self;
        if source.contents == Contents::Files {
            source.key = Some(FILE_KEY.to_owned());
        }
        let mut all: BTreeMap<String, Value> = BTreeMap::new();
        for (name, value) in work.parameters.iter().chain(&parameters) {
            all.insert(name.clone(), parameter(value));
        }
        let target = job.target_host.map(Assignment::Host);
        let target =
            target.or(job.target_user.map(Assignment::User)).or(job.target_team.map(Assignment::Team));
        Campaign {
            name: name.to_owned(),
            app: head.app,
            description: head.description,
            source,
            seeds,
            settings: Settings {
                events: job.events.unwrap_or_else(|| i64::try_from(work.events).unwrap_or(i64::MAX)),
                priority: job.priority.unwrap_or(work.priority),
                batch: job.batch.unwrap_or(work.batch),
                app_version_num: job.app_version_num,
                keywords: job.keywords,
                overrides: Overrides {
                    min_quorum: job.min_quorum,
                    target_nresults: job.target_nresults,
                    max_error_results: job.max_error_results,
                    max_total_results: job.max_total_results,
                    max_success_results: job.max_success_results,
                    delay_bound: job.delay_bound,
                    size_class: job.size_class,
                    rsc_fpops_est: None,
                },
                assignment: target.unwrap_or_default(),
                input_files: Vec::new(),
            },
            parameters: all,
            context: job.context.or_else(|| work.context.clone()),
            own_file: job.own_file,
            command_line: job.command_line,
            input_template: job.input_template.unwrap_or_else(|| work.input_template.clone()),
            output_template: job.output_template.unwrap_or_else(|| work.output_template.clone()),
            shared_files: job.shared_files.iter().map(|path| shared(path)).collect(),
            remote_files: job.remote_files,
        }
    }

    fn check(&self, report: &mut Report<'_>) {
        if !is_safe_name(&self.campaign.app) {
            report(
                "campaign.app",
                "must be the short name of the application, as in app = \"theory\"".to_owned(),
            );
        }
        self.check_source(report);
        self.check_job(report);
        self.check_files(report);
        if self.seeds.first < 0 {
            report("seeds.first", "must be 0 or larger".to_owned());
        }
        for name in self.parameters.keys() {
            let column = columns::ALL.contains(&name.as_str()) || columns::TAKEN.contains(&name.as_str());
            let identifier = name.chars().next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
                && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
            if column {
                report(
                    &format!("parameters.{name}"),
                    "is a setting of the job, not a parameter; see [job]".to_owned(),
                );
            } else if !identifier {
                let must =
                    "a template cannot name it: use letters, digits and `_`, not beginning with a digit";
                report(&format!("parameters.{name}"), must.to_owned());
            }
        }
    }

    fn check_source(&self, report: &mut Report<'_>) {
        let source = &self.source;
        let kind = source.kind;
        if source.jobs.is_some_and(|jobs| !(1..=i64::from(u32::MAX)).contains(&jobs)) {
            report(
                "source.jobs",
                format!("must be from 1 to {}; leave it out for a campaign that does not end", u32::MAX),
            );
        }
        let needs_path = matches!(kind, Kind::File | Kind::Folder);
        if needs_path && !stays_below(&source.path) {
            report(
                "source.path",
                format!("{:?} must be a path below the project directory, relative to it", source.path),
            );
        }
        let mut useless = |key: &str, given: bool, kinds: &str| {
            if given {
                report(
                    &format!("source.{key}"),
                    format!("has no effect with kind = \"{}\", only with {kinds}", kind.as_str()),
                );
            }
        };
        useless("path", !needs_path && !source.path.is_empty(), "file and folder");
        useless("command", kind != Kind::Command && !source.command.is_empty(), "command");
        useless("every", kind != Kind::Command && source.every.is_some(), "command");
        useless("format", kind == Kind::Counter && source.format.is_some(), "sources that have rows");
        useless("key", kind == Kind::Counter && source.key.is_some(), "sources that have rows");
        useless("contents", kind != Kind::Folder && source.contents == Contents::Files, "folder");
        if kind == Kind::Command && source.command.iter().all(String::is_empty) {
            report(
                "source.command",
                "must name a program and its arguments, as in [\"bin/jobs\", \"--all\"]".to_owned(),
            );
        }
        if source.every.is_some_and(|every| !(every.is_finite() && every >= 1.0)) {
            report("source.every", "must be at least 1 second".to_owned());
        }
        if kind == Kind::File && source.format.is_none() && Format::of_name(&source.path).is_none() {
            report(
                "source.format",
                "must be \"csv\" or \"jsonl\": the name of the file does not say it".to_owned(),
            );
        }
        if source.contents == Contents::Files && (source.key.is_some() || source.format.is_some()) {
            report(
                "source.contents",
                "input files have no rows: leave out key and format; the file's name is the key".to_owned(),
            );
        }
        if source.contents == Contents::Files && !self.job.own_file {
            report(
                "job.own_file",
                "is false, but with contents = \"files\" the dropped file is the job's own".to_owned(),
            );
        }
        if source.max_set_aside < 1 {
            report("source.max_set_aside", "must be at least 1".to_owned());
        }
    }

    fn check_job(&self, report: &mut Report<'_>) {
        let job = &self.job;
        let least = [
            ("min_quorum", job.min_quorum, 1),
            ("target_nresults", job.target_nresults, 1),
            ("max_error_results", job.max_error_results, 1),
            ("max_total_results", job.max_total_results, 1),
            ("max_success_results", job.max_success_results, 1),
            ("delay_bound", job.delay_bound, 1),
            ("app_version_num", Some(job.app_version_num), 0),
            ("batch", job.batch, 0),
            ("target_host", job.target_host, 1),
            ("target_user", job.target_user, 1),
            ("target_team", job.target_team, 1),
        ];
        for (key, value, least) in least {
            if value.is_some_and(|value| value < least) {
                report(&format!("job.{key}"), format!("must be at least {least}"));
            }
        }
        if job.events.is_some_and(|events| events < 0) {
            report("job.events", "must be 0 or larger".to_owned());
        }
        if job.size_class.is_some_and(|class| !(-1..=i32::from(i16::MAX)).contains(&class)) {
            report("job.size_class", format!("must be from -1 to {}", i16::MAX));
        }
        if !job.keywords.is_empty()
            && let Err(refusal) = columns::keywords(&Value::String(job.keywords.clone()))
        {
            report("job.keywords", format!("{} (at most {MAX_KEYWORDS} characters)", refusal.why));
        }
        let targets = [job.target_host, job.target_user, job.target_team];
        if targets.iter().flatten().count() > 1 {
            report(
                "job.target_host",
                "target_host, target_user and target_team exclude one another".to_owned(),
            );
        }
        if targets.iter().flatten().count() > 0
            && self.source.kind == Kind::Counter
            && self.source.jobs.is_none()
        {
            let why =
                "jobs that are reserved are never counted as waiting, so they would be made without end";
            report("source.jobs", format!("must be set with a target: {why}"));
        }
    }

    fn check_files(&self, report: &mut Report<'_>) {
        let job = &self.job;
        let paths = [
            ("job.context", job.context.as_ref()),
            ("job.input_template", job.input_template.as_ref()),
            ("job.output_template", job.output_template.as_ref()),
        ];
        for (key, path) in paths {
            if let Some(path) = path.filter(|path| !stays_below(path)) {
                report(
                    key,
                    format!(
                        "{path:?} must be the path of a file below the project directory, relative to it"
                    ),
                );
            }
        }
        if let Some(path) = job.output_template.as_ref().filter(|path| path.len() > MAX_RESULT_TEMPLATE_FILE)
        {
            report(
                "job.output_template",
                format!(
                    "has {} bytes, but BOINC's database has room for {MAX_RESULT_TEMPLATE_FILE}",
                    path.len()
                ),
            );
        }
        if job.context.is_some() && !job.own_file {
            report("job.context", "has no effect with own_file = false".to_owned());
        }
        for path in &job.shared_files {
            if !stays_below(path) {
                report(
                    "job.shared_files",
                    format!(
                        "{path:?} must be the path of a file below the project directory, relative to it"
                    ),
                );
            } else if let Err(refusal) = check_file(&shared(path).name) {
                report("job.shared_files", refusal.why);
            }
        }
        for (index, file) in job.remote_files.iter().enumerate() {
            #[allow(clippy::cast_precision_loss, reason = "exact up to 2^53 bytes, and no file is larger")]
            let wrong = columns::check_remote(&file.url, file.nbytes as f64, &file.md5);
            for refusal in wrong.err().into_iter().flatten() {
                report(&format!("job.remote_files.{index}.{}", refusal.what), refusal.why);
            }
        }
    }
}

fn shared(path: &str) -> SharedFile {
    let name = path.rsplit('/').next().unwrap_or(path);
    SharedFile { path: path.to_owned(), name: name.to_owned() }
}

fn parameter(value: &Parameter) -> Value {
    match value {
        Parameter::Text(text) => Value::String(text.clone()),
        Parameter::Integer(number) => (*number).into(),
        Parameter::Float(number) => (*number).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Campaign, Vec<String>> {
        Campaign::parse(text, "scan", &Work::of("theory"))
            .map_err(|mistakes| mistakes.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn what_is_not_said_is_as_in_the_application() {
        let mut work = Work::of("theory");
        work.priority = 5;
        work.context = Some("cobblestone/ctx".to_owned());
        work.parameters.insert("a".to_owned(), Parameter::Integer(1));
        let text = "[campaign]\napp = 'theory'\n[job]\nbatch = 7\n[parameters]\nb = 'x'\n";
        let campaign = Campaign::parse(text, "scan", &work).unwrap();
        assert_eq!((campaign.settings.priority, campaign.settings.batch), (5, 7));
        assert_eq!(campaign.context.as_deref(), Some("cobblestone/ctx"));
        assert_eq!(campaign.parameters.len(), 2);
        assert_eq!(campaign.output_template, "templates/theory_out");
        work.jobs = Some(10);
        work.campaign = "theory-1".to_owned();
        let short = Campaign::of_work(&work, "theory");
        assert_eq!(
            (short.name.as_str(), short.source.jobs, short.source.kind),
            ("theory-1", Some(10), Kind::Counter)
        );
    }

    #[test]
    fn mistakes_are_found_with_their_lines() {
        let head = "[campaign]\napp = 'theory'\n";
        let bad = [
            ("[source]\njbos = 3", "did you mean `jobs`"),
            ("[source]\njobs = 0", "`jobs` in [source], line 4: must be from 1"),
            ("[source]\nkind = 'file'\npath = '../x.csv'", "below the project"),
            ("[source]\nkind = 'file'\npath = 'x.txt'", "\"csv\" or \"jsonl\""),
            ("[source]\npath = 'x.csv'", "no effect with kind = \"counter\""),
            ("[source]\nkind = 'command'", "must name a program"),
            ("[source]\nkind = 'ftp'", "\"ftp\" is not known"),
            ("[source]\nkey = 'a'", "no effect"),
            ("[job]\nmin_quorum = 0", "at least 1"),
            ("[job]\nkeywords = 'x'", "numbers separated by blanks"),
            ("[job]\ntarget_host = 3", "must be set with a target"),
            ("[job]\nshared_files = ['a/b<c']", "break the document"),
            ("[job]\nshared_files = ['/etc/passwd']", "below the project"),
            ("[[job.remote_files]]\nurl = 'ftp://x'\nnbytes = 1\nmd5 = '00'", "32 hex digits"),
            ("[parameters]\npriority = 3", "is a setting of the job"),
            ("[parameters]\n'a-b' = 3", "letters, digits"),
            ("[seeds]\nfirst = -1", "0 or larger"),
        ];
        for (text, wanted) in bad {
            let found = parse(&format!("{head}{text}\n")).unwrap_err().join("\n");
            assert!(found.contains(wanted), "{text}: {found}");
        }
        assert!(parse("").unwrap_err()[0].contains("short name of the application"));
        assert!(Campaign::parse(head, "a b", &Work::of("theory")).is_err());
        assert_eq!(Campaign::app_of(head).as_deref(), Some("theory"));
    }
}
