//! One line of `create_work --stdin`: a job that is as the command line says, but for what the line says.
//!
//! Words are separated by blank space; `'…'` and `"…"` are one word, without any escapes, as in stock. Unlike stock, a
//! quotation that does not end is an error: stock takes the rest of the line for it.

use super::flags::{Flag, FlagError, Values, target};
use super::job::{Assignment, InputFile, JobDescription};
use crate::printable::printable;

/// What a line says.
#[derive(Debug, Clone, PartialEq)]
pub struct LineJob {
    /// The job. Its name is empty unless the line gives one.
    pub job: JobDescription,
    /// `--wu_template` of the line.
    pub wu_template: Option<String>,
}

/// Reads a line. What the command line said stands in `base`: its command line and its input files come first, a target of
/// the line replaces its target.
///
/// # Errors
/// A flag that can't be understood or can't stand in a line, or an open quotation.
pub fn parse_line(base: &JobDescription, line: &str) -> Result<LineJob, FlagError> {
    let mut parsed =
        LineJob { job: JobDescription { name: String::new(), ..base.clone() }, wu_template: None };
    let mut targets = 0;
    let mut rest = words(line)?.into_iter();
    while let Some(word) = rest.next() {
        let Some(flag) = Flag::read(&word) else {
            parsed.job.input_files.push(InputFile::Staged { name: word });
            continue;
        };
        let mut values = Values { flag: &word, attached: flag.attached, rest: &mut rest };
        let job = &mut parsed.job;
        match flag.name.as_str() {
            "command_line" => {
                let more = values.text()?;
                if !job.command_line.is_empty() {
                    job.command_line.push(' ');
                }
                job.command_line.push_str(&more);
            }
            "wu_name" => job.name = values.text()?,
            "wu_template" => parsed.wu_template = Some(values.text()?),
            "result_template" => job.result_template_file = values.text()?,
            "remote_file" => {
                let (url, nbytes, md5) = (values.text()?, values.double()?, values.text()?);
                job.input_files.push(InputFile::Remote { url, nbytes, md5 });
            }
            "priority" => job.priority = values.integer()?,
            name @ ("target_host" | "target_user" | "target_team") => {
                // Stock would make one for all hosts of this one.
                let for_all = base.assignment.row().is_some_and(|(_, _, multi)| multi);
                targets += 1;
                if for_all || targets > 1 {
                    return Err(FlagError::TwoTargets { flag: printable(&word, 60) });
                }
                job.assignment = target(name, &mut values)?.unwrap_or(Assignment::None);
            }
            _ => return Err(FlagError::NotInLine { flag: printable(&word, 60) }),
        }
        values.end()?;
    }
    Ok(parsed)
}

/// The words of a line.
fn words(line: &str) -> Result<Vec<String>, FlagError> {
    // The C locale's blank space.
    let blank = |c: char| matches!(c, ' ' | '\t' | '\n' | '\u{b}' | '\u{c}' | '\r');
    let mut words = Vec::new();
    let mut rest = line.trim_start_matches(blank);
    while let Some(first) = rest.chars().next() {
        let (word, after) = if let '\'' | '"' = first {
            let inside = rest.strip_prefix(first).unwrap_or_default();
            inside.split_once(first).ok_or(FlagError::OpenQuote { quote: first })?
        } else {
            rest.split_once(blank).unwrap_or((rest, ""))
        };
        words.push(word.to_owned());
        rest = after.trim_start_matches(blank);
    }
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn words_are_stocks() {
        let of = |line: &str| words(line).unwrap();
        assert_eq!(of(" a\tb\r\n"), ["a", "b"]);
        assert_eq!(of("--command_line 'a \"b\" c' \"it's\" x"), ["--command_line", "a \"b\" c", "it's", "x"]);
        assert_eq!(of("a'b c'"), ["a'b", "c'"], "a quotation begins a word");
        assert_eq!(of("'a'b \"\""), ["a", "b", ""], "and ends it");
        assert_eq!(of(""), [""; 0]);
        assert_eq!(words("x 'a b"), Err(FlagError::OpenQuote { quote: '\'' }));
    }

    fn base() -> JobDescription {
        JobDescription {
            name: "base".into(),
            command_line: "--all".into(),
            priority: 3,
            input_files: vec![InputFile::staged("shared")],
            assignment: Assignment::User(7),
            ..JobDescription::default()
        }
    }

    #[test]
    fn a_line_adds_to_the_command_line() {
        let line = "--command_line '--one 1' -wu_name w own --priority 9 --target_host 4 --wu_template t --remote_file http://x 5 d";
        let LineJob { job, wu_template } = parse_line(&base(), line).unwrap();
        assert_eq!((job.name.as_str(), job.priority, wu_template.as_deref()), ("w", 9, Some("t")));
        assert_eq!(job.command_line, "--all --one 1");
        assert_eq!(job.assignment, Assignment::Host(4));
        let remote = InputFile::Remote { url: "http://x".into(), nbytes: 5.0, md5: "d".into() };
        assert_eq!(job.input_files, [InputFile::staged("shared"), InputFile::staged("own"), remote]);
        let empty = parse_line(&base(), "\n").unwrap().job;
        assert_eq!(empty, JobDescription { name: String::new(), ..base() });
    }

    #[test]
    fn what_can_not_stand_in_a_line_is_refused() {
        let message = |line: &str| parse_line(&base(), line).unwrap_err().to_string();
        for flag in ["--batch 3", "--broadcast", "--stdin", "-nonsense"] {
            assert!(message(flag).contains("can't stand in a line"), "{flag}");
        }
        assert!(message("--wu_name").contains("needs a value"));
        assert!(message("--priority high").contains("whole number"));
        assert!(message("--target_host 1 --target_user 2").contains("one of the two"));
        let broadcast = JobDescription { assignment: Assignment::Broadcast, ..base() };
        assert!(parse_line(&broadcast, "--target_host 1").is_err());
    }

    proptest! {
        #[test]
        fn no_line_panics(line in "\\PC{0,80}") {
            let _ = parse_line(&base(), &line);
        }
    }
}
