//! What is wrong with a configuration file.

use std::fmt;
use std::io;
use std::path::PathBuf;

/// One mistake in a configuration file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// What it is about: a known or unknown key or section; empty if the text is no TOML.
    pub subject: String,
    /// Line of the file, from 1, if it stands there; a value that is missing has none.
    pub line: Option<usize>,
    /// What is wrong and what would be right.
    pub message: String,
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { subject, line, message } = self;
        match line {
            Some(line) if subject.is_empty() => write!(f, "line {line}: {message}"),
            Some(line) => write!(f, "{subject}, line {line}: {message}"),
            None if subject.is_empty() => f.write_str(message),
            None => write!(f, "{subject}: {message}"),
        }
    }
}

/// Why the configuration of an application cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum AppConfigError {
    /// The name cannot be that of a file.
    #[error(
        "`{app}` cannot be the name of an application: use letters, digits, `.`, `_` and `-`, not beginning with `.`"
    )]
    AppName {
        /// As given; control characters are escaped.
        app: String,
    },
    /// There is something, but it cannot be read.
    #[error("{path}: cannot be read: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// The file is read, and wrong. The message has one line per mistake.
    #[error("{}", in_file(path, mistakes))]
    Mistakes {
        /// The file.
        path: PathBuf,
        /// In the order of the file; never empty.
        mistakes: Vec<Mistake>,
    },
}

fn in_file(path: &std::path::Path, mistakes: &[Mistake]) -> String {
    mistakes.iter().map(|mistake| format!("{}: {mistake}", path.display())).collect::<Vec<_>>().join("\n")
}
