//! The command line, as BOINC's server programs take it.
//!
//! - [`spelling`] turns BOINC's ways to write a flag into the one that clap knows.
//! - [`common`] holds the flags that all daemons share.
//! - [`parse`] puts both together. A wrong command line ends with status 1, as in BOINC's programs (clap would
//!   say 2); `--help` and `--version` end with 0.

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{Arg, ArgAction, Command};

pub mod common;
pub mod spelling;

pub use common::{CommonArgs, LogFormat, Modulus};

/// Prepares a command for BOINC's spelling: long flags with underscores in the help, `-v` beside `--version`,
/// values that may begin with a dash.
#[must_use]
pub fn boinc_style(command: Command) -> Command {
    let versioned = command.get_version().is_some();
    let command = command.disable_version_flag(true).disable_help_flag(true).mut_args(|arg| {
        let long = arg.get_long().map(|long| long.replace('-', "_"));
        // How many values belong to the flag is known: whatever they look like, they are values.
        let fixed = arg.get_num_args().is_none_or(|range| range.min_values() == range.max_values());
        let arg = if arg.get_action().takes_values() && fixed { arg.allow_hyphen_values(true) } else { arg };
        match long {
            Some(long) => arg.long(long),
            None => arg,
        }
    });
    let command = if versioned {
        command.arg(
            Arg::new("version")
                .short('v')
                .long("version")
                .action(ArgAction::Version)
                .help("Print the version and exit"),
        )
    } else {
        command
    };
    // One help, whichever way it is asked for: every flag on its line.
    let help = Arg::new("help").short('h').long("help").action(ArgAction::HelpShort);
    command.arg(help.help("Print this and exit")).mut_subcommands(boinc_style)
}

/// Parses a command line in BOINC's style into `T`.
///
/// # Errors
/// The status to exit with, after the message (or the help) was printed.
pub fn parse<T: clap::CommandFactory + clap::FromArgMatches>(
    argv: impl IntoIterator<Item = OsString>,
) -> Result<T, ExitCode> {
    parse_with(T::command(), argv)
}

/// Like [`parse`], with a command that the caller has changed.
///
/// # Errors
/// See [`parse`].
pub fn parse_with<T: clap::FromArgMatches>(
    command: Command,
    argv: impl IntoIterator<Item = OsString>,
) -> Result<T, ExitCode> {
    try_parse_with(command, argv).map_err(|error| {
        // Nobody is left to tell when this can't be written.
        let _ = error.print();
        if error.use_stderr() { ExitCode::from(1) } else { ExitCode::SUCCESS }
    })
}

/// Like [`parse_with`], but leaves printing to the caller.
///
/// # Errors
/// clap's error; also for `--help` and `--version`.
pub fn try_parse_with<T: clap::FromArgMatches>(
    command: Command,
    argv: impl IntoIterator<Item = OsString>,
) -> Result<T, clap::Error> {
    let mut command = boinc_style(command);
    command.build();
    let argv = spelling::rewrite(&command, argv).map_err(|error| error.into_clap(&mut command))?;
    let mut matches = command.try_get_matches_from_mut(argv)?;
    T::from_arg_matches_mut(&mut matches).map_err(|error| error.format(&mut command))
}

#[cfg(test)]
mod tests;
