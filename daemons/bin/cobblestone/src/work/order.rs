//! From flags and a line to the draft of a job. Pure.
//!
//! Invariant: a draft's texts can stand in the workunit's document and in file names: no name leads out of the download
//! folder, nothing breaks the document. What numbers and columns must be is checked when the row is made
//! (`boinc::input_template`).

use std::path::{Component, Path};

use boinc::hierarchy::check_name;
use boinc::input_template::{
    Assignment, How, InputFile, JobDescription, LineJob, NewWorkunit, ParsedFlags, parse_line,
};
use campaign::Refusal;
use campaign::columns::{check_file, check_remote, element_text, keywords, unbroken};

/// Longest name of a file with a template.
const LONGEST_PATH: usize = 4095;

/// What the command line asks for.
#[derive(Debug, Clone)]
pub struct Order {
    /// How it is to be made.
    pub how: How,
    /// The name was made up.
    pub is_named_by_us: bool,
    flags: ParsedFlags,
    template: String,
}

/// A job to be made.
#[derive(Debug, Clone, PartialEq)]
pub struct Draft {
    /// Its properties.
    pub job: JobDescription,
    /// Path of its input template.
    pub template: String,
}

impl Order {
    /// Fills in what was not said. `made_up`: name of the workunit, if none is given.
    ///
    /// # Errors
    /// Flags that don't go together.
    pub fn new(mut flags: ParsedFlags, made_up: &str) -> Result<Self, Refusal> {
        let app = flags.appname.clone().unwrap_or_default();
        let how = flags.how.clone();
        unbroken("appname", &app)?;
        if app.is_empty() || app.contains('/') {
            return Err(Refusal::new("appname", "must be the short name of an application"));
        }
        for (flag, given) in
            [("continue_on_error", how.continue_on_error), ("from_line", how.from_line.is_some())]
        {
            if given && !how.stdin {
                return Err(Refusal::new(flag, "is about lines of standard input: it needs --stdin"));
            }
        }
        if how.wu_id.is_some() && how.stdin {
            return Err(Refusal::new("wu_id", "names one row, but --stdin makes many; give one of the two"));
        }
        let is_named_by_us = flags.job.name.is_empty();
        if is_named_by_us {
            made_up.clone_into(&mut flags.job.name);
        }
        if flags.job.result_template_file.is_empty() {
            flags.job.result_template_file = format!("templates/{app}_out");
        }
        let template = flags.wu_template.clone().unwrap_or_else(|| format!("templates/{app}_in"));
        Ok(Self { how, is_named_by_us, flags, template })
    }

    /// `--wu_name`, or what was made up for it.
    pub fn base_name(&self) -> &str {
        &self.flags.job.name
    }

    /// The only job.
    ///
    /// # Errors
    /// It can't be made.
    pub fn single(&self) -> Result<Draft, Refusal> {
        checked(Draft { job: self.flags.job.clone(), template: self.template.clone() })
    }

    /// The job of a line, whose number counts from 1.
    ///
    /// # Errors
    /// It can't be made.
    pub fn line(&self, number: u64, line: &[u8]) -> Result<Draft, Refusal> {
        let line = std::str::from_utf8(line).map_err(|_| Refusal::new("text", "it is not UTF-8"))?;
        let LineJob { mut job, wu_template } =
            parse_line(&self.flags.job, line).map_err(|error| Refusal::new("text", error.to_string()))?;
        if job.name.is_empty() {
            // As stock: numbers count from 0.
            job.name = format!("{}_{}", self.base_name(), number.saturating_sub(1));
        }
        checked(Draft { job, template: wu_template.unwrap_or_else(|| self.template.clone()) })
    }

    /// Flags that have no effect on this row.
    pub fn overruled(&self, row: &NewWorkunit) -> Vec<String> {
        self.flags.overruled(row)
    }
}

fn checked(draft: Draft) -> Result<Draft, Refusal> {
    let job = &draft.job;
    check_name(&job.name).map_err(|error| Refusal::new("wu_name", error.to_string()))?;
    unbroken("wu_name", &job.name)?;
    if job.name.contains(char::is_whitespace) {
        return Err(Refusal::new(
            "wu_name",
            format!("\"{}\" holds a blank; names of files are made of it", job.name),
        ));
    }
    element_text("command_line", &job.command_line)?;
    if !job.keywords.is_empty() {
        keywords(&job.keywords.as_str().into())?;
    }
    for file in &job.input_files {
        match file {
            InputFile::Staged { name } => {
                check_file(name).map_err(|refusal| Refusal::new("input file", refusal.why))?;
            }
            InputFile::Remote { url, nbytes, md5 } => {
                if let Err(wrong) = check_remote(url, *nbytes, md5) {
                    let why: Vec<String> = wrong.iter().map(ToString::to_string).collect();
                    return Err(Refusal::new("remote_file", why.join("; ")));
                }
            }
        }
    }
    let below = Path::new(&job.result_template_file);
    if !below.components().all(|part| matches!(part, Component::Normal(_))) || below.as_os_str().is_empty() {
        let why = format!(
            "\"{}\" must be a path below the project directory, relative to it",
            job.result_template_file
        );
        return Err(Refusal::new("result_template", why));
    }
    unbroken("result_template", &job.result_template_file)?;
    let template = &draft.template;
    if template.is_empty() || template.len() > LONGEST_PATH || template.contains(char::is_control) {
        return Err(Refusal::new("wu_template", format!("\"{template}\" is no path of a file")));
    }
    Ok(draft)
}

/// A target in words.
#[must_use]
pub fn target_words(target: Assignment) -> String {
    match target {
        Assignment::None => "nobody".to_owned(),
        Assignment::Host(id) => format!("host {id}"),
        Assignment::User(id) | Assignment::BroadcastUser(id) => format!("user {id}"),
        Assignment::Team(id) | Assignment::BroadcastTeam(id) => format!("team {id}"),
        Assignment::Broadcast => "all hosts".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use boinc::input_template::parse_flags;

    fn order(flags: &str) -> Result<Order, Refusal> {
        Order::new(parse_flags(flags.split(' ').filter(|word| !word.is_empty())).unwrap(), "made_up")
    }

    #[test]
    fn what_is_not_said_is_stocks() {
        let order = order("--appname a --stdin --priority 2 in").unwrap();
        let draft = order.single().unwrap();
        assert_eq!((draft.job.name.as_str(), draft.template.as_str()), ("made_up", "templates/a_in"));
        assert_eq!(draft.job.result_template_file, "templates/a_out");
        let draft = order.line(1, b"--priority 5 own --wu_template t\n").unwrap();
        assert_eq!(
            (draft.job.name.as_str(), draft.job.priority, draft.template.as_str()),
            ("made_up_0", 5, "t")
        );
        assert_eq!(order.line(12, b"").unwrap().job.name, "made_up_11");
        assert!(order.is_named_by_us);
    }

    #[test]
    fn flags_that_do_not_go_together_are_refused() {
        for flags in [
            "--appname a --continue_on_error",
            "--appname a --from_line 3",
            "--appname a --stdin --wu_id 7",
            "--appname a/b",
        ] {
            assert!(order(flags).is_err(), "{flags}");
        }
    }

    #[test]
    fn hostile_lines_are_refused() {
        let order = order("--appname a --stdin --wu_name w").unwrap();
        for (line, about) in [
            ("../../etc/passwd", "input file"),
            ("a/b", "input file"),
            ("'a b'", "input file"),
            ("a&b", "input file"),
            ("'<x>'", "input file"),
            ("--wu_name ../x", "wu_name"),
            ("--wu_name ..", "wu_name"),
            ("--wu_name a<b", "wu_name"),
            ("--wu_name 'a b'", "wu_name"),
            ("--wu_name a\0", "wu_name"),
            ("--command_line '</command_line><x>'", "command_line"),
            ("--command_line 'a & b'", "command_line"),
            ("--result_template ../t", "result_template"),
            ("--result_template /etc/passwd", "result_template"),
            ("--result_template ''", "result_template"),
            ("--wu_template ''", "wu_template"),
            ("--remote_file http://x 5 ../../x", "remote_file"),
            ("--remote_file file:///etc/passwd 5 0123456789abcdef0123456789abcdef", "remote_file"),
            ("--remote_file 'http://x/</url>' 5 0123456789abcdef0123456789abcdef", "remote_file"),
            ("--remote_file http://x/ -5 0123456789abcdef0123456789abcdef", "remote_file"),
            ("--batch 7", "text"),
            ("'open", "text"),
        ] {
            let refusal = order.line(3, line.as_bytes()).unwrap_err();
            assert_eq!(refusal.what, about, "{line}: {refusal}");
            assert!(!refusal.to_string().contains(char::is_control));
        }
        assert_eq!(order.line(3, b"\xff").unwrap_err().what, "text");
        assert!(order.line(3, b"--command_line '--vm &lt;on&gt; 5>4' a.b_c-d").is_ok());
    }
}
