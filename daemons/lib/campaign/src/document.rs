//! The description of a campaign: `cobblestone/campaigns/NAME.toml`, or the short form in `[work]` of APP.toml.
//!
//! Invariants: a file is used whole or not at all; a key that nobody knows is a mistake. What [`Campaign::parse`]
//! returns has been checked: names can be file names, paths stay in the project directory, numbers fit their columns.
//! Pure: nothing is left when it is killed.
//!
//! | module | what it holds |
//! |---|---|
//! | `file` | the sections and keys of a file |
//! | `source` | `[source]`: its keys, and what is wrong with them |
//! | `job` | `[job]`: its keys, and what is wrong with them |
//! | `check` | what is wrong with the rest |
//! | `complete` | from a file, and `[work]` of its application, to a [`Campaign`] |

use std::collections::BTreeMap;

use app_config::{Document, Mistake, Work, is_safe_name};
use serde_json::Value;

use crate::columns::Settings;

mod check;
mod complete;
mod file;
mod job;
mod source;

use self::file::{File, Head};
pub use self::file::{RemoteFile, Seeds};
pub use self::source::{Contents, Kind, Source};

/// Folder of campaign files, below the project directory.
pub const FOLDER: &str = "cobblestone/campaigns";

/// What a dropped input file's row calls its key: the file's name without what stands behind the first dot.
pub const FILE_KEY: &str = "name";

/// An input file that all jobs share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SharedFile {
    /// Where it is, relative to the project directory.
    pub path: String,
    /// Its name in the download folder: the last part of the path.
    pub name: String,
}

impl SharedFile {
    fn at(path: &str) -> Self {
        let name = path.rsplit('/').next().unwrap_or(path);
        Self { path: path.to_owned(), name: name.to_owned() }
    }
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

#[cfg(test)]
mod tests {
    use app_config::Parameter;

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
