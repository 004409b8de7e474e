//! A job description from the flags of the stock `create_work`.
//!
//! Flags have one dash or two. Unlike stock, which takes `--batch x` for 0, a value that is no number is an
//! error, and so is a flag without its value.

use super::job::{Assignment, InputFile, JobDescription};
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
        match argument.strip_prefix("--").or_else(|| argument.strip_prefix('-')) {
            None => parsed.job.input_files.push(InputFile::Staged { name: argument }),
            Some(name) => flag(&mut parsed, name, &mut Values { flag: &argument, rest: &mut arguments })?,
        }
    }
    Ok(parsed)
}

fn flag(parsed: &mut ParsedFlags, name: &str, values: &mut Values<'_>) -> Result<(), FlagError> {
    let job = &mut parsed.job;
    match name {
        "appname" => parsed.appname = Some(values.text()?),
        "wu_template" => parsed.wu_template = Some(values.text()?),
        "wu_name" => job.name = values.text()?,
        "result_template" => job.result_template_file = values.text()?,
        "command_line" => job.command_line = values.text()?,
        "keywords" => job.keywords = values.text()?,
        "sub_appname" => job.sub_appname = values.text()?,
        "batch" => job.batch = values.integer()?,
        "priority" => job.priority = values.integer()?,
        "credit" => job.credit = values.double()?,
        "rsc_fpops_est" => job.rsc_fpops_est = values.double()?,
        "rsc_fpops_bound" => job.rsc_fpops_bound = values.double()?,
        "rsc_memory_bound" => job.rsc_memory_bound = values.double()?,
        "rsc_disk_bound" => job.rsc_disk_bound = values.double()?,
        "size_class" => job.size_class = values.integer()?,
        "app_version_num" => job.app_version_num = values.integer()?,
        "delay_bound" => job.delay_bound = values.integer()?,
        "hr_class" => job.hr_class = values.integer()?,
        "min_quorum" => job.min_quorum = values.integer()?,
        "target_nresults" => job.target_nresults = values.integer()?,
        "max_error_results" => job.max_error_results = values.integer()?,
        "max_total_results" => job.max_total_results = values.integer()?,
        "max_success_results" => job.max_success_results = values.integer()?,
        "broadcast" => job.assignment = Assignment::Broadcast,
        "broadcast_user" => job.assignment = Assignment::BroadcastUser(values.id()?),
        "broadcast_team" => job.assignment = Assignment::BroadcastTeam(values.id()?),
        "target_host" => job.assignment = Assignment::Host(values.id()?),
        "target_user" => job.assignment = Assignment::User(values.id()?),
        "target_team" => job.assignment = Assignment::Team(values.id()?),
        "remote_file" => {
            let (url, nbytes, md5) = (values.text()?, values.double()?, values.text()?);
            job.input_files.push(InputFile::Remote { url, nbytes, md5 });
        }
        _ => return Err(FlagError::Unknown { flag: printable(values.flag, 60) }),
    }
    Ok(())
}

/// The arguments after a flag.
struct Values<'a> {
    flag: &'a str,
    rest: &'a mut dyn Iterator<Item = String>,
}

impl Values<'_> {
    fn text(&mut self) -> Result<String, FlagError> {
        self.rest.next().ok_or_else(|| FlagError::NoValue { flag: printable(self.flag, 60) })
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

    fn integer(&mut self) -> Result<i32, FlagError> {
        self.parsed("a whole number", |text| text.parse().ok())
    }

    fn id(&mut self) -> Result<i32, FlagError> {
        self.parsed("the id of a row, above 0", |text| text.parse().ok().filter(|id| *id > 0))
    }

    fn double(&mut self) -> Result<f64, FlagError> {
        self.parsed("a finite number", |text| text.parse().ok().filter(|value: &f64| value.is_finite()))
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
}
