//! A job description from the flags of the stock `create_work`, and how it is to be made.
//!
//! Flags have one dash or two; `_` may be `-`, and `--flag=value` is as good as `--flag value`. Unlike stock, which takes
//! `--batch x` for 0, a value that is no number is an error, and so is a flag without its value, or a job that is
//! reserved for two.

use super::job::{Assignment, InputFile, JobDescription, NewWorkunit};
use crate::printable::printable;

/// What the flags say.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ParsedFlags {
    /// The job.
    pub job: JobDescription,
    /// `--appname`
    pub appname: Option<String>,
    /// `--wu_template`: path of the input template, relative to the project directory.
    pub wu_template: Option<String>,
    /// How it is to be made.
    pub how: How,
    /// Flags that were given and name a column which the input template can set, too.
    given: Vec<&'static str>,
}

/// Flags that are no property of a job.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools, reason = "each is a flag")]
pub struct How {
    /// `--stdin`: each line of standard input is a job.
    pub stdin: bool,
    /// `--verbose`: tell of each workunit.
    pub verbose: bool,
    /// `--continue_on_error`: pass over lines that can't be made.
    pub continue_on_error: bool,
    /// `--help`
    pub help: bool,
    /// `--dry_run`, not stock's: look at everything, write nothing.
    pub dry_run: bool,
    /// `--from_line`, not stock's: the first line that is made; lines before it are passed over.
    pub from_line: Option<u64>,
    /// `--wu_id`: the row to fill.
    pub wu_id: Option<i32>,
    /// `--config_dir`, or the toolkit's own `--project_dir`: where config.xml is.
    pub project_dir: Option<String>,
    /// `-d`: 1 to 4.
    pub debug_level: Option<u8>,
}

/// A flag that can't be understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FlagError {
    /// Not a flag of a job.
    #[error("create_work: bad argument '{flag}'")]
    Unknown {
        /// The flag, made printable.
        flag: String,
    },
    /// It must be followed by a value.
    #[error("flag {flag} needs a value; give one after it")]
    NoValue {
        /// The flag, made printable.
        flag: String,
    },
    /// Not a number, or one that makes no sense.
    #[error("flag {flag} needs {want}, not '{value}'")]
    BadValue {
        /// The flag, made printable.
        flag: String,
        /// What was given, made printable.
        value: String,
        /// What it needs.
        want: &'static str,
    },
    /// It takes no value.
    #[error("flag {flag} takes no value; remove what follows the '='")]
    Valued {
        /// The flag, made printable.
        flag: String,
    },
    /// A job can be reserved for one only.
    #[error("flag {flag}: the job is reserved already by another flag; give one of the two")]
    TwoTargets {
        /// The flag, made printable.
        flag: String,
    },
    /// Stands in a line of `--stdin`, where only some flags can.
    #[error("flag {flag} can't stand in a line; put it on the command line, where it holds for all lines")]
    NotInLine {
        /// The flag, made printable.
        flag: String,
    },
    /// A quotation in a line.
    #[error("a quotation that begins with {quote} does not end; close it")]
    OpenQuote {
        /// The quotation mark.
        quote: char,
    },
}

/// Reads the flags of one job; what is no flag is the name of an input file. Defaults are stock's.
///
/// # Errors
/// The first flag that can't be understood.
pub fn parse_flags<I>(arguments: I) -> Result<ParsedFlags, FlagError>
where
    I: IntoIterator,
    I::Item: AsRef<str>,
{
    let mut parsed = ParsedFlags::default();
    let mut arguments = arguments.into_iter().map(|argument| argument.as_ref().to_owned());
    while let Some(argument) = arguments.next() {
        match Flag::read(&argument) {
            None => parsed.job.input_files.push(InputFile::Staged { name: argument }),
            Some(flag) => {
                let mut values = Values { flag: &argument, attached: flag.attached, rest: &mut arguments };
                parsed.flag(&flag.name, &mut values)?;
                values.end()?;
            }
        }
    }
    Ok(parsed)
}

impl ParsedFlags {
    /// Flags whose values the workunit does not have, because the input template says otherwise: stock lets the template
    /// win without a word. A line each.
    #[must_use]
    #[allow(clippy::float_cmp, reason = "what was given is there to the bit, or it is not")]
    pub fn overruled(&self, row: &NewWorkunit) -> Vec<String> {
        let job = &self.job;
        let columns = [
            ("batch", f64::from(job.batch), f64::from(row.batch)),
            ("rsc_fpops_est", job.rsc_fpops_est, row.rsc_fpops_est),
            ("rsc_fpops_bound", job.rsc_fpops_bound, row.rsc_fpops_bound),
            ("rsc_memory_bound", job.rsc_memory_bound, row.rsc_memory_bound),
            ("rsc_disk_bound", job.rsc_disk_bound, row.rsc_disk_bound),
            ("delay_bound", f64::from(job.delay_bound), f64::from(row.delay_bound)),
            ("size_class", f64::from(job.size_class), f64::from(row.size_class)),
            ("min_quorum", f64::from(job.min_quorum), f64::from(row.min_quorum)),
            ("target_nresults", f64::from(job.target_nresults), f64::from(row.target_nresults)),
            ("max_error_results", f64::from(job.max_error_results), f64::from(row.max_error_results)),
            ("max_total_results", f64::from(job.max_total_results), f64::from(row.max_total_results)),
            ("max_success_results", f64::from(job.max_success_results), f64::from(row.max_success_results)),
        ];
        let other = columns.iter().filter(|(name, asked, is)| self.given.contains(name) && asked != is);
        other
            .map(|(name, asked, is)| {
                format!("--{name} {asked} has no effect: the input template makes it {is}")
            })
            .collect()
    }

    fn flag(&mut self, name: &str, values: &mut Values<'_>) -> Result<(), FlagError> {
        if self.job.flag(name, values)? {
            if let Some(name) = TEMPLATES.iter().find(|known| **known == name) {
                self.given.push(name);
            }
            return Ok(());
        }
        let how = &mut self.how;
        match name {
            "appname" => self.appname = Some(values.text()?),
            "wu_template" => self.wu_template = Some(values.text()?),
            "stdin" => how.stdin = true,
            "verbose" => how.verbose = true,
            "continue_on_error" => how.continue_on_error = true,
            "help" => how.help = true,
            "dry_run" => how.dry_run = true,
            "from_line" => how.from_line = Some(values.line()?),
            "wu_id" => how.wu_id = Some(values.id()?),
            "config_dir" | "project_dir" => how.project_dir = Some(values.text()?),
            "d" | "debug_level" => how.debug_level = Some(values.level()?),
            _ => return Err(FlagError::Unknown { flag: printable(values.flag, 60) }),
        }
        Ok(())
    }
}

/// Columns that flags and the input template can set.
const TEMPLATES: [&str; 12] = [
    "batch",
    "rsc_fpops_est",
    "rsc_fpops_bound",
    "rsc_memory_bound",
    "rsc_disk_bound",
    "delay_bound",
    "size_class",
    "min_quorum",
    "target_nresults",
    "max_error_results",
    "max_total_results",
    "max_success_results",
];

impl JobDescription {
    /// Takes a flag that describes a job. False: it is another flag.
    fn flag(&mut self, name: &str, values: &mut Values<'_>) -> Result<bool, FlagError> {
        match name {
            "wu_name" => self.name = values.text()?,
            "result_template" => self.result_template_file = values.text()?,
            "command_line" => self.command_line = values.text()?,
            "keywords" => self.keywords = values.text()?,
            "sub_appname" => self.sub_appname = values.text()?,
            "batch" => self.batch = values.integer()?,
            "priority" => self.priority = values.integer()?,
            "credit" => self.credit = values.double()?,
            "rsc_fpops_est" => self.rsc_fpops_est = values.double()?,
            "rsc_fpops_bound" => self.rsc_fpops_bound = values.double()?,
            "rsc_memory_bound" => self.rsc_memory_bound = values.double()?,
            "rsc_disk_bound" => self.rsc_disk_bound = values.double()?,
            "size_class" => self.size_class = values.integer()?,
            "app_version_num" => self.app_version_num = values.integer()?,
            "delay_bound" => self.delay_bound = values.integer()?,
            "hr_class" => self.hr_class = values.integer()?,
            "min_quorum" => self.min_quorum = values.integer()?,
            "target_nresults" => self.target_nresults = values.integer()?,
            "max_error_results" => self.max_error_results = values.integer()?,
            "max_total_results" => self.max_total_results = values.integer()?,
            "max_success_results" => self.max_success_results = values.integer()?,
            "remote_file" => {
                let (url, nbytes, md5) = (values.text()?, values.double()?, values.text()?);
                self.input_files.push(InputFile::Remote { url, nbytes, md5 });
            }
            _ => match target(name, values)? {
                Some(target) if self.assignment == Assignment::None || same_kind(self.assignment, target) => {
                    self.assignment = target;
                }
                Some(_) => return Err(FlagError::TwoTargets { flag: printable(values.flag, 60) }),
                None => return Ok(false),
            },
        }
        Ok(true)
    }
}

/// The flag of a reservation; None: it is another flag.
pub(super) fn target(name: &str, values: &mut Values<'_>) -> Result<Option<Assignment>, FlagError> {
    Ok(Some(match name {
        "broadcast" => Assignment::Broadcast,
        "broadcast_user" => Assignment::BroadcastUser(values.id()?),
        "broadcast_team" => Assignment::BroadcastTeam(values.id()?),
        "target_host" => Assignment::Host(values.id()?),
        "target_user" => Assignment::User(values.id()?),
        "target_team" => Assignment::Team(values.id()?),
        _ => return Ok(None),
    }))
}

fn same_kind(one: Assignment, other: Assignment) -> bool {
    std::mem::discriminant(&one) == std::mem::discriminant(&other)
}

/// A flag as it was written.
pub(super) struct Flag {
    /// Without dashes, spelt as stock does.
    pub(super) name: String,
    /// What follows a `=`.
    pub(super) attached: Option<String>,
}

impl Flag {
    /// None: it is no flag.
    pub(super) fn read(argument: &str) -> Option<Self> {
        let bare = argument.strip_prefix("--").or_else(|| argument.strip_prefix('-'))?;
        let (name, attached) = match bare.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (bare, None),
        };
        Some(Self { name: name.replace('-', "_"), attached })
    }
}

/// The arguments after a flag.
pub(super) struct Values<'a> {
    pub(super) flag: &'a str,
    pub(super) attached: Option<String>,
    pub(super) rest: &'a mut dyn Iterator<Item = String>,
}

impl Values<'_> {
    pub(super) fn text(&mut self) -> Result<String, FlagError> {
        let value = self.attached.take().or_else(|| self.rest.next());
        value.ok_or_else(|| FlagError::NoValue { flag: printable(self.flag, 60) })
    }

    fn parsed<T>(
        &mut self,
        want: &'static str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Result<T, FlagError> {
        let text = self.text()?;
        parse(text.trim()).ok_or_else(|| FlagError::BadValue {
            flag: printable(self.flag, 60),
            value: printable(&text, 60),
            want,
        })
    }

    pub(super) fn integer(&mut self) -> Result<i32, FlagError> {
        self.parsed("a whole number", |text| text.parse().ok())
    }

    fn id(&mut self) -> Result<i32, FlagError> {
        self.parsed("the id of a row, above 0", |text| text.parse().ok().filter(|id| *id > 0))
    }

    pub(super) fn double(&mut self) -> Result<f64, FlagError> {
        self.parsed("a finite number", |text| text.parse().ok().filter(|value: &f64| value.is_finite()))
    }

    fn line(&mut self) -> Result<u64, FlagError> {
        self.parsed("the number of a line, from 1", |text| text.parse().ok().filter(|line| *line > 0))
    }

    fn level(&mut self) -> Result<u8, FlagError> {
        self.parsed("1, 2, 3 or 4", |text| text.parse().ok().filter(|level| (1..=4).contains(level)))
    }

    /// Nothing was attached to a flag that takes no value.
    pub(super) fn end(self) -> Result<(), FlagError> {
        match self.attached {
            None => Ok(()),
            Some(_) => Err(FlagError::Valued { flag: printable(self.flag, 60) }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_of_a_job() {
        let parsed = parse_flags([
            "--wu_name",
            "w",
            "-batch",
            "3",
            "in",
            "--credit",
            "2.5",
            "--target_host",
            "7",
            "--remote_file",
            "http://x/y",
            "12",
            "abc",
        ])
        .unwrap();
        assert_eq!(parsed.job.name, "w");
        assert_eq!((parsed.job.batch, parsed.job.credit), (3, 2.5));
        assert_eq!(parsed.job.assignment, Assignment::Host(7));
        assert_eq!(
            parsed.job.input_files,
            [
                InputFile::staged("in"),
                InputFile::Remote { url: "http://x/y".into(), nbytes: 12.0, md5: "abc".into() }
            ]
        );
    }

    #[test]
    fn bad_flags_are_named() {
        let message = |flags: &[&str]| parse_flags(flags).unwrap_err().to_string();
        assert_eq!(message(&["--nonsense"]), "create_work: bad argument '--nonsense'");
        assert_eq!(message(&["--batch"]), "flag --batch needs a value; give one after it");
        assert_eq!(message(&["--batch", "x\n"]), "flag --batch needs a whole number, not 'x\\n'");
        assert_eq!(
            message(&["--target_user", "0"]),
            "flag --target_user needs the id of a row, above 0, not '0'"
        );
        assert_eq!(message(&["--credit", "nan"]), "flag --credit needs a finite number, not 'nan'");
    }

    #[test]
    fn flags_of_the_command_and_their_spellings() {
        let parsed = parse_flags([
            "-stdin",
            "--config-dir=/p",
            "--d",
            "3",
            "--continue_on_error",
            "--from_line",
            "7",
            "--command_line",
            "--verbose",
            "--batch",
            "5",
        ])
        .unwrap();
        assert_eq!(
            parsed.how,
            How {
                stdin: true,
                continue_on_error: true,
                project_dir: Some("/p".into()),
                debug_level: Some(3),
                from_line: Some(7),
                ..How::default()
            }
        );
        assert_eq!(parsed.job.command_line, "--verbose", "a value, not a flag");
        let message = |flags: &[&str]| parse_flags(flags).unwrap_err().to_string();
        assert!(message(&["--stdin=1"]).contains("takes no value"));
        assert!(message(&["--from_line", "0"]).contains("from 1"));
        assert!(message(&["-d", "9"]).contains("1, 2, 3 or 4"));
        assert!(message(&["--broadcast", "--target_host", "3"]).contains("reserved already"));
        assert!(parse_flags(["--target_host", "2", "--target_host", "3"]).is_ok(), "the last one counts");
        for flag in ["-", "--", "---batch"] {
            assert!(message(&[flag]).contains("bad argument"), "{flag}");
        }
    }

    #[test]
    fn flags_that_the_template_overrules_are_named() {
        let parsed = parse_flags(["--batch", "5", "--min_quorum", "2", "--priority", "3"]).unwrap();
        let mut row = NewWorkunit::from_job(&parsed.job, crate::id::AppId(1), 0);
        assert_eq!(parsed.overruled(&row), [""; 0]);
        (row.batch, row.size_class, row.priority) = (77, 4, 9);
        assert_eq!(parsed.overruled(&row), ["--batch 5 has no effect: the input template makes it 77"]);
    }
}
