//! What the daemons do for one application, as its administrator declares it.
//!
//! The file is `cobblestone/APP.toml` in the project directory. Without it, and without a section of it, the
//! safe choice holds: no work is made, uptime earns nothing, outputs must be equal byte for byte, credit is
//! BOINC's adaptive one.
//!
//! Invariants.
//! - A file is used whole or not at all. A key that nobody knows is a mistake, never ignored; the message names
//!   file, line and what was probably meant.
//! - What [`AppConfig::load`] returns has been checked: names can be file names, paths stay in the project
//!   directory, tolerances can fail.
//!
//! The file is read once, at the start of a daemon. Nothing is written.
//!
//! Where to extend: a key is one more field of a section; a section is one more module in `section` and one
//! more field of [`AppConfig`]. `project-config/theory.toml` must document both; a test asks.

mod document;
mod keys;
mod mistake;
mod name;
mod section;
mod strays;
mod wording;

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use compare::Spec;
use rules::deadline::DeadlinePolicy;
use rules::uptime::{PolicyError, UptimePolicy};
use serde::{Deserialize, Serialize};

use keys::Keys;

pub use document::Document;
pub use mistake::{AppConfigError, Mistake};
pub use name::{is_safe_name, stays_below};
pub use strays::{Stray, strays};

pub use section::{
    Assimilate, Container, Context, ContextMethod, Credit, Daemons, Hook, HookPer, InputFile,
    LEAST_VM_MEMORY_MB, MOST_VM_CORES, Network, Output, Outputs, Parameter, ParameterType, Port, Program,
    RESERVED_PARAMETERS, ReportRule, S3, Share, Summary, Task, TrickleDown, Validate, Version, VersionFile,
    Vm, Work, Wrapper, virtualbox_version,
};
pub use wording::nearest;

/// Largest file that is read, in bytes.
const LARGEST_FILE: u64 = 1 << 20;

/// What the daemons do for one application. The default is safe: see the head of the crate.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AppConfig {
    /// Which workunits are made. `None`: none.
    pub work: Option<Work>,
    /// What uptime claims are paid.
    pub uptime: UptimePolicy,
    /// How the deadlines of tasks that send messages are extended. `None`: they are not.
    pub deadline: Option<DeadlinePolicy>,
    /// Which messages say what happened inside the virtual machine.
    pub reports: Vec<ReportRule>,
    /// What tasks are told while they run.
    pub trickle_down: TrickleDown,
    /// When two outputs are the same.
    pub compare: Spec,
    /// How the validator judges and works.
    pub validate: Validate,
    /// What a valid result is paid.
    pub credit: Credit,
    /// Where validated outputs go.
    pub assimilate: Assimilate,
    /// The version of the application that clients get.
    pub version: Version,
    /// One task on a volunteer's computer.
    pub task: Task,
    /// It is a virtual machine. Of these three there is one at most; without any, the version's files are made by hand.
    pub vm: Option<Vm>,
    /// It is a container.
    pub container: Option<Container>,
    /// It is a program.
    pub wrapper: Option<Wrapper>,
    /// How many instances of each daemon there are.
    pub daemons: Daemons,
}

impl AppConfig {
    /// Where the configuration of `app` is, whether or not it exists.
    ///
    /// # Errors
    /// [`AppConfigError::AppName`] if the name cannot be that of a file in the folder.
    pub fn path(project_dir: &Path, app: &str) -> Result<PathBuf, AppConfigError> {
        if !name::is_safe_name(app) {
            return Err(AppConfigError::AppName { app: app.escape_debug().to_string() });
        }
        Ok(project_dir.join("cobblestone").join(format!("{app}.toml")))
    }

    /// Reads the configuration of `app`. No file: the default.
    ///
    /// # Errors
    /// [`AppConfigError`] if the name is unsafe, the file cannot be read, or it holds a mistake.
    pub fn load(project_dir: &Path, app: &str) -> Result<Self, AppConfigError> {
        let path = Self::path(project_dir, app)?;
        let text = match read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(source) => return Err(AppConfigError::Read { path, source }),
        };
        Self::parse(&text, app).map_err(|mistakes| AppConfigError::Mistakes { path, mistakes })
    }

    /// Reads and checks the text of a configuration of `app`.
    ///
    /// # Errors
    /// All mistakes of the first kind found: no TOML, unknown keys, a wrong type, values that make no sense.
    pub fn parse(text: &str, app: &str) -> Result<Self, Vec<Mistake>> {
        let (mut config, document) = Document::read::<Self>(text)?;
        if let Some(work) = &mut config.work {
            work.fill(app, &document);
        }
        let mistakes = config.check(&document);
        if mistakes.is_empty() { Ok(config) } else { Err(mistakes) }
    }

    /// Every key that can be set, with its section: `compare.absolute`.
    pub fn known_keys() -> Vec<String> {
        Keys::of::<Self>().paths()
    }

    /// How a message of `variety` reports what happened inside the virtual machine; None when it doesn't.
    #[must_use]
    pub fn report(&self, variety: &str) -> Option<&ReportRule> {
        self.reports.iter().find(|rule| rule.variety == variety)
    }

    fn check(&self, document: &Document<'_>) -> Vec<Mistake> {
        let mut mistakes = Vec::new();
        let mut report = |section: &str, key: &str, message: String| {
            let key = if key.is_empty() { section.to_owned() } else { format!("{section}.{key}") };
            mistakes.push(document.mistake(&key, message));
        };
        if let Some(work) = &self.work {
            work.check(&mut |key, message| report("work", key, message));
        }
        self.check_uptime(&mut |key, message| report("uptime", key, message));
        if let Some(Err(error)) = self.deadline.as_ref().map(DeadlinePolicy::check) {
            report("deadline", error.key, format!("is {}, but must be above 0", error.value));
        }
        for (index, rule) in self.reports.iter().enumerate() {
            rule.check(&mut |key, message| report("reports", &format!("{index}.{key}"), message));
            self.check_variety(index, rule, &mut |message| {
                report("reports", &format!("{index}.variety"), message);
            });
        }
        for mistake in self.compare.check() {
            report("compare", &mistake.key, mistake.message);
        }
        self.validate.check(&mut |key, message| report("validate", key, message));
        self.credit.check(&mut |key, message| report("credit", key, message));
        self.assimilate.check(&mut |key, message| report("assimilate", key, message));
        self.version.check(&mut |key, message| report("version", key, message));
        self.task.check(&mut |key, message| report("task", key, message));
        if let Some(vm) = &self.vm {
            vm.check(&mut |key, message| report("vm", key, message));
            self.check_machine(vm, &mut report);
        }
        if let Some(container) = &self.container {
            container.check(&mut |key, message| report("container", key, message));
        }
        if let Some(wrapper) = &self.wrapper {
            wrapper.check(&mut |key, message| report("wrapper", key, message));
        }
        let kinds = [
            ("vm", self.vm.is_some()),
            ("container", self.container.is_some()),
            ("wrapper", self.wrapper.is_some()),
        ];
        for (kind, _) in kinds.into_iter().filter(|(_, set)| *set).skip(1) {
            report(kind, "", "a task is one of [vm], [container] and [wrapper]; remove the others".into());
        }
        self.daemons.check(&mut |key, message| report("daemons", key, message));
        mistakes.sort_by_key(|mistake| mistake.line);
        mistakes
    }

    /// What VirtualBox and vboxwrapper do not allow of a task.
    fn check_machine(&self, vm: &Vm, report: &mut dyn FnMut(&str, &str, String)) {
        let task = &self.task;
        if vm.share == Share::None && !self.reports.is_empty() {
            report(
                "reports",
                "",
                "the guest writes reports to a folder that share = \"none\" in [vm] does not share".into(),
            );
        }
        if task.memory_mb < LEAST_VM_MEMORY_MB {
            report(
                "task",
                "memory_mb",
                format!(
                    "is {}, but vboxwrapper gives a machine at least {LEAST_VM_MEMORY_MB}",
                    task.memory_mb
                ),
            );
        }
        if task.max_cores > MOST_VM_CORES {
            report(
                "task",
                "max_cores",
                format!("is {}, but vboxwrapper gives a machine at most {MOST_VM_CORES}", task.max_cores),
            );
        }
    }

    fn check_uptime(&self, report: &mut dyn FnMut(&str, String)) {
        match self.uptime.check() {
            Ok(()) => {}
            Err(PolicyError::Number { key, value, range }) => {
                report(key, format!("is {value}, but must be {range}"));
            }
            Err(PolicyError::NoClaims) => {
                report(
                    "claims",
                    "is empty, so nothing could be paid; leave it out for the built-in ones".into(),
                );
            }
            Err(PolicyError::Claim { index, key, problem }) => {
                report(&format!("claims.{index}.{key}"), problem);
            }
        }
    }

    /// A message is one report. It may be a claim, too.
    fn check_variety(&self, index: usize, rule: &ReportRule, report: &mut dyn FnMut(String)) {
        let variety = &rule.variety;
        if self.reports.iter().take(index).any(|other| other.variety == *variety) {
            report(format!("{variety:?} is declared twice; a message is one report"));
        }
    }
}

/// Reads what "the same" means from a text: that of an application's file, or the keys of its section `[compare]` alone.
///
/// # Errors
/// All mistakes of the first kind found, as [`AppConfig::parse`].
pub fn compare_spec(text: &str) -> Result<Spec, Vec<Mistake>> {
    let is_whole = text.parse::<toml::Table>().is_ok_and(|table| table.contains_key("compare"));
    if is_whole {
        return AppConfig::parse(text, "app").map(|config| config.compare);
    }
    let (spec, document) = Document::read::<Spec>(text)?;
    let mut mistakes: Vec<Mistake> =
        spec.check().into_iter().map(|mistake| document.mistake(&mistake.key, mistake.message)).collect();
    mistakes.sort_by_key(|mistake| mistake.line);
    if mistakes.is_empty() { Ok(spec) } else { Err(mistakes) }
}

/// Every key that a document of type `T` can have, with its section: `source.jobs`.
#[must_use]
pub fn keys_of<T: for<'de> Deserialize<'de>>() -> Vec<String> {
    Keys::of::<T>().paths()
}

/// Reads a text file of at most 1 MiB. A link is followed: the folder is the administrator's.
///
/// # Errors
/// It is no file, is larger, is no UTF-8, or can't be read.
pub fn read(path: &Path) -> io::Result<String> {
    let file = File::open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a file"));
    }
    let mut bytes = Vec::new();
    file.take(LARGEST_FILE + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LARGEST_FILE {
        return Err(io::Error::new(
            io::ErrorKind::FileTooLarge,
            format!("it has more than {LARGEST_FILE} bytes"),
        ));
    }
    String::from_utf8(bytes).map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "it is not UTF-8 text"))
}
