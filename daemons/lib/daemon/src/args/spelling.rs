//! One spelling for all the ways in which BOINC's users write a flag.
//!
//! Accepted: one dash or two, underscores or hyphens, `-d3`, `--app=x`. The rewritten line has two dashes and the
//! spelling that the command knows. The values of flags are never touched: what a flag takes as its values is
//! known from the command, so that `--sleep_interval -3` is a flag and a (bad) value, not two flags.
//!
//! A token after a flag that wants a value is that value, unless it is itself a flag that the command knows; then
//! the value is missing. Pure function; no token makes it panic.

use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use clap::error::ErrorKind;
use clap::{Arg, Command};

/// A flag stands without (all of) its values.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{flag} needs {wants} value{}", if *.wants == 1 { "" } else { "s" })]
pub struct MissingValue {
    /// The flag as it was written.
    pub flag: String,
    /// How many values it takes.
    pub wants: usize,
}

impl MissingValue {
    /// As an error of `command`, with its usage line.
    pub fn into_clap(self, command: &mut Command) -> clap::Error {
        command.error(ErrorKind::InvalidValue, self)
    }
}

/// Rewrites a whole command line, program name included.
///
/// `command` must have been built ([`Command::build`]), so that it knows its global and help flags.
///
/// # Errors
/// [`MissingValue`], when a flag is followed by a flag instead of its value, or by nothing.
pub fn rewrite(
    command: &Command,
    argv: impl IntoIterator<Item = OsString>,
) -> Result<Vec<OsString>, MissingValue> {
    let mut input: VecDeque<OsString> = argv.into_iter().collect();
    let mut output = Vec::with_capacity(input.len());
    output.extend(input.pop_front());
    // A subcommand's flags go before those of the commands around it.
    let mut commands = vec![command];
    while let Some(token) = input.pop_front() {
        if token == "--" {
            output.push(token);
            output.extend(input);
            break;
        }
        let Some(flag) = Flag::read(&commands, &token) else {
            if let Some(sub) = commands.last().and_then(|command| command.find_subcommand(&token)) {
                commands.push(sub);
            }
            output.push(unknown(token));
            continue;
        };
        let wants = flag.wants;
        if wants == 0 {
            output.push(match flag.attached {
                // `--one_pass=1`: clap says that it takes no value.
                Some(value) => join(&flag.name, &value),
                None => flag.name.into(),
            });
            continue;
        }
        let mut values: Vec<OsString> = flag.attached.into_iter().collect();
        while values.len() < wants {
            match input.pop_front() {
                Some(value) if Flag::read(&commands, &value).is_none() => values.push(value),
                _ => {
                    return Err(MissingValue { flag: token.to_string_lossy().into_owned(), wants });
                }
            }
        }
        match (values.as_slice(), flag.name.starts_with("--")) {
            // Behind `=` clap takes a value as it is, whatever it looks like.
            ([value], true) => output.push(join(&flag.name, value)),
            _ => {
                output.push(flag.name.into());
                output.extend(values);
            }
        }
    }
    Ok(output)
}

/// A token that is a flag of the command.
struct Flag {
    /// As clap wants it: `--debug_level`, or `-d`.
    name: String,
    /// Number of values it must have.
    wants: usize,
    /// The value after `=`, or the rest of `-d3`.
    attached: Option<OsString>,
}

impl Flag {
    /// Reads `token` as a flag that one of `commands` (innermost last) knows.
    fn read(commands: &[&Command], token: &OsStr) -> Option<Self> {
        let bytes = token.as_bytes();
        let (single, body) = match bytes.strip_prefix(b"--") {
            Some(body) => (false, body),
            None => (true, bytes.strip_prefix(b"-")?),
        };
        let (name, value) = match body.iter().position(|&byte| byte == b'=') {
            Some(at) => {
                let (name, value) = body.split_at(at);
                (name, Some(OsString::from_vec(value.iter().skip(1).copied().collect())))
            }
            None => (body, None),
        };
        let name = std::str::from_utf8(name).ok()?;
        if let Some(found) = find(commands, name) {
            return Some(Self::of(found, value));
        }
        // `-d3`; also `-d=3`, which is found above.
        let first = name.chars().next().filter(|_| single && name.chars().count() > 1)?;
        let (arg, spelt) = find(commands, first.encode_utf8(&mut [0; 4]))?;
        if !arg.get_action().takes_values() {
            return None;
        }
        let rest = body.iter().skip(first.len_utf8()).copied().collect();
        Some(Self::of((arg, spelt), Some(OsString::from_vec(rest))))
    }

    fn of((arg, name): (&Arg, String), attached: Option<OsString>) -> Self {
        let wants = if arg.get_action().takes_values() {
            arg.get_num_args().map_or(1, |range| range.min_values())
        } else {
            0
        };
        Self { name, wants, attached }
    }
}

/// The argument called `name` (long or short, without dashes), and how clap wants it written.
fn find<'a>(commands: &[&'a Command], name: &str) -> Option<(&'a Arg, String)> {
    let wanted = name.replace('-', "_");
    commands.iter().rev().flat_map(|command| command.get_arguments()).find_map(|arg| {
        let longs = arg.get_long().into_iter().chain(arg.get_all_aliases().unwrap_or_default());
        for long in longs {
            if long.replace('-', "_") == wanted {
                return Some((arg, format!("--{long}")));
            }
        }
        let shorts = arg.get_short().into_iter().chain(arg.get_all_short_aliases().unwrap_or_default());
        for short in shorts {
            let mut text = [0; 4];
            if *short.encode_utf8(&mut text) == *name {
                let spelt = arg.get_long().map_or_else(|| format!("-{short}"), |long| format!("--{long}"));
                return Some((arg, spelt));
            }
        }
        None
    })
}

/// An unknown flag with one dash gets a second one: clap would otherwise read it as a bundle of short flags.
fn unknown(token: OsString) -> OsString {
    let bytes = token.as_bytes();
    let looks_like_flag = bytes.len() > 2
        && bytes.first() == Some(&b'-')
        && bytes.get(1).is_some_and(|byte| byte.is_ascii_alphabetic() || *byte == b'_');
    if looks_like_flag {
        let mut longer = OsString::from("-");
        longer.push(token);
        longer
    } else {
        token
    }
}

fn join(name: &str, value: &OsStr) -> OsString {
    let mut joined = OsString::from(name);
    joined.push("=");
    joined.push(value);
    joined
}
