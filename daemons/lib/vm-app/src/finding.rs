//! What is wrong, why it matters, and the mend.

use std::fmt;

use boinc::printable::printable;
use serde::Serialize;

/// Longest text of a finding, in characters.
const LONGEST: usize = 1000;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Something will fail, or be lost.
    Error,
    /// It works, and probably not as meant.
    Warning,
}

/// Something that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Name of the check, for programs.
    pub check: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// The application; empty if it is about the whole project.
    pub app: String,
    /// File, table or program that it is about.
    pub subject: String,
    /// What is wrong.
    pub what: String,
    /// Why it matters.
    pub why: String,
    /// What to do.
    pub mend: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        writeln!(f, "{severity}: {}: {}", self.subject, self.what)?;
        writeln!(f, "  why:  {}", self.why)?;
        writeln!(f, "  mend: {}", self.mend)
    }
}

/// Collects findings about one application, or about the project.
#[derive(Debug)]
pub struct Report<'r> {
    app: &'r str,
    findings: &'r mut Vec<Finding>,
}

impl<'r> Report<'r> {
    /// About `app`; empty for the project.
    pub fn new(app: &'r str, findings: &'r mut Vec<Finding>) -> Self {
        Self { app, findings }
    }

    /// The application.
    #[must_use]
    pub fn app(&self) -> &str {
        self.app
    }

    /// Something will fail, or be lost.
    pub fn error(
        &mut self,
        check: &'static str,
        subject: impl Into<String>,
        what: impl Into<String>,
        why: impl Into<String>,
        mend: impl Into<String>,
    ) {
        self.push(Severity::Error, check, subject.into(), what.into(), why.into(), mend.into());
    }

    /// It works, and probably not as meant.
    pub fn warning(
        &mut self,
        check: &'static str,
        subject: impl Into<String>,
        what: impl Into<String>,
        why: impl Into<String>,
        mend: impl Into<String>,
    ) {
        self.push(Severity::Warning, check, subject.into(), what.into(), why.into(), mend.into());
    }

    fn push(
        &mut self,
        severity: Severity,
        check: &'static str,
        subject: String,
        what: String,
        why: String,
        mend: String,
    ) {
        // Names from files and database are in these texts: none may act on a terminal.
        let shown = |text: String| printable(&text, LONGEST);
        let (subject, what, why, mend) = (shown(subject), shown(what), shown(why), shown(mend));
        self.findings.push(Finding {
            check,
            severity,
            app: shown(self.app.to_owned()),
            subject,
            what,
            why,
            mend,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_finding_acts_on_a_terminal() {
        let mut findings = Vec::new();
        Report::new("a", &mut findings).error("x", "s\u{1b}[2J", "w\u{202e}", "y\n", "m".repeat(5000));
        let text = findings[0].to_string();
        assert!(!text.contains('\u{1b}') && !text.contains('\u{202e}') && text.len() < 1200, "{text}");
        assert_eq!(text.lines().count(), 3);
    }
}
