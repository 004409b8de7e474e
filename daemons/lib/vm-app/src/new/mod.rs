//! Fills a template of `cobblestone/NAME.toml` with what an administrator says.
//!
//! A template is one of project-config/: it holds every key with its explanation, so what comes out is a file that
//! explains itself. [`Draft::set`] changes the value of one key and leaves every other byte.

mod questions;

pub use questions::{QUESTIONS, Question, fill};

/// A template.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Template {
    /// A virtual machine.
    Vm,
    /// A container.
    Container,
    /// A plain program.
    Wrapper,
}

impl Template {
    /// Its text.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Vm => include_str!("../../../../../project-config/vm.toml"),
            Self::Container => include_str!("../../../../../project-config/container.toml"),
            Self::Wrapper => include_str!("../../../../../project-config/wrapper.toml"),
        }
    }
}

/// A file that is being written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    lines: Vec<String>,
}

impl Draft {
    /// Begins with a template for application `app`.
    #[must_use]
    pub fn new(template: Template, app: &str) -> Self {
        let mut draft = Self { lines: template.text().lines().map(str::to_owned).collect() };
        // The head explains the template; the file needs a shorter one.
        let head = draft.lines.iter().take_while(|line| line.starts_with('#')).count();
        let new = [
            format!("# Application {app}. `cobblestone app build {app}` makes BOINC's files from this file,"),
            format!("# `cobblestone app check {app}` looks whether all fits together."),
            "# A key with `#` has its default; a misspelt one is refused. theory.toml and compare.toml among"
                .to_owned(),
            "# Cobblestone's examples explain the keys that are not explained here.".to_owned(),
        ];
        draft.lines.splice(..head, new);
        draft
    }

    /// Sets a key of a section, which the template has, to a value in TOML's form. False if it has not.
    pub fn set(&mut self, section: &str, key: &str, value: &str) -> bool {
        let Some((start, end)) = self.section(section) else { return false };
        let found = (start..end).find(|&at| {
            let line = self.lines.get(at).map_or("", String::as_str);
            line.strip_prefix('#')
                .unwrap_or(line)
                .strip_prefix(key)
                .is_some_and(|rest| rest.starts_with(" = "))
        });
        match found.and_then(|at| self.lines.get_mut(at)) {
            Some(line) => {
                *line = format!("{key} = {value}");
                true
            }
            None => false,
        }
    }

    /// Takes out the first section of that name, with the comment above it.
    pub fn remove(&mut self, section: &str) -> bool {
        let Some((start, end)) = self.section(section) else { return false };
        let begin = self.above(start);
        let end = if end < self.lines.len() { self.above(end) } else { end };
        self.lines.drain(begin..end);
        true
    }

    /// Lines of a section: from its header to the next one.
    fn section(&self, name: &str) -> Option<(usize, usize)> {
        let is_header = |line: &str| line.starts_with('[');
        let headers = [format!("[{name}]"), format!("[[{name}]]")];
        let start = self.lines.iter().position(|line| headers.contains(line))?;
        let rest = self.lines.iter().skip(start + 1);
        let length = rest.take_while(|line| !is_header(line)).count();
        Some((start, start + 1 + length))
    }

    /// Where the comment begins that stands right above a line.
    fn above(&self, line: usize) -> usize {
        let comments = self.lines.iter().take(line).rev().take_while(|line| line.starts_with("# ")).count();
        line - comments
    }

    /// The file.
    #[must_use]
    pub fn text(&self) -> String {
        self.lines.iter().fold(String::new(), |text, line| text + line + "\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use app_config::AppConfig;

    #[test]
    fn a_key_is_set_and_a_section_removed() {
        let mut draft = Draft::new(Template::Vm, "x");
        assert!(draft.set("task", "memory_mb", "4096") && draft.set("task", "deadline_hours", "240.0"));
        assert!(!draft.set("task", "memory", "1") && !draft.set("tusk", "memory_mb", "1"));
        assert!(draft.remove("version.files") && draft.remove("vm.ports") && draft.remove("reports"));
        let text = draft.text();
        let config = AppConfig::parse(&text, "x").unwrap();
        assert_eq!((config.task.memory_mb, config.task.deadline_hours), (4096, 240.0));
        assert!(
            config.version.files.is_empty()
                && config.vm.unwrap().ports.is_empty()
                && config.reports.is_empty()
        );
        assert!(
            !text.contains("More files of the version")
                && text.contains("# One task on a volunteer's computer")
        );
    }
}
