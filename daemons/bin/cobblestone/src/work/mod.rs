//! `cobblestone work create`: makes workunits, in place of BOINC's `create_work`. Its flags are stock's, and so are the
//! rows that come of them.
//!
//! Invariant: status 0 means that every job that was asked for has its workunit. Whatever else happens, stderr says which
//! line of standard input is to blame, which lines have workunits, and how to go on.
//!
//! Workunits with their reservations (`assignment`) are inserted in transactions of up to [`batch::ROWS`] jobs, in the
//! order of the lines. Killed at any point, a batch is there whole or not at all, and what is there are the first lines.
//! Started again with the same names, it says how far it came: names are unique in the database.
//!
//! | module | what it does |
//! |---|---|
//! | `order` | flags and a line become a draft of a job: pure |
//! | `lines` | reads lines of standard input, each bounded |
//! | `maker` | a draft becomes a row: templates and input files |
//! | `batch` | rows become workunits: the transaction, and whom to blame |
//! | `create` | begins, and makes one job |
//! | `many` | line by line |
//! | `standing` | what is made and how to go on, in words: pure |

mod batch;
mod create;
mod lines;
mod maker;
mod many;
mod order;
mod standing;

use std::ffi::{OsStr, OsString};
use std::path::Path;

use anyhow::{Context as _, Result, anyhow, bail};
use boinc::input_template::parse_flags;
use daemon::args::LogFormat;

use crate::screen::print;

/// Printed below the help.
pub const AFTER_HELP: &str = "The flags are those of BOINC's create_work; `cobblestone work create --help` lists them. Called by the name \
    create_work (a link bin/create_work), the program is `cobblestone work create`.";

/// `cobblestone work …`.
#[derive(Debug, clap::Subcommand)]
pub enum WorkCommand {
    /// Make workunits: one, or one for each line of standard input (--stdin)
    #[command(disable_help_flag = true)]
    Create {
        /// Flags of BOINC's create_work, and names of input files
        #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "FLAGS")]
        flags: Vec<OsString>,
    },
}

/// The flags of `work create`, if that is what the command line says. They are stock's: values that look like flags, flags
/// that come in an order, and are not for clap to read.
#[must_use]
pub fn flags_in(argv: &[OsString]) -> Option<Vec<OsString>> {
    let (program, rest) = argv.split_first()?;
    if Path::new(program).file_name() == Some(OsStr::new("create_work")) {
        return Some(rest.to_vec());
    }
    let mut before = Vec::new();
    let mut rest = rest.iter();
    loop {
        let word = rest.next()?.to_str()?;
        match word {
            "work" => break,
            "-d" | "--debug_level" | "-debug_level" => before.extend(["-d".into(), rest.next()?.clone()]),
            _ => return None,
        }
    }
    if rest.next()? != "create" {
        return None;
    }
    before.extend(rest.cloned());
    Some(before)
}

const USAGE: &str = "\
usage: cobblestone work create --appname NAME [flags] [input file] ...

Makes one workunit, or with --stdin one for each line of standard input. Flags have one dash or two.
Input files lie in the download folder (bin/stage_file puts them there).

  --appname NAME             short name of the application
  --wu_name NAME             default: made of application, process and time; with --stdin: NAME_0, NAME_1 ...
  --wu_template FILE         input template; default: templates/NAME_in
  --result_template FILE     output template; default: templates/NAME_out
  --command_line \"X\"         for the application
  --remote_file URL NBYTES MD5   an input file that lies elsewhere
  --batch N  --priority N  --credit X  --app_version_num N  --size_class N  --hr_class N
  --keywords 'N1 N2 ...'  --sub_appname 'X'  --delay_bound SECONDS
  --rsc_fpops_est X  --rsc_fpops_bound X  --rsc_memory_bound X  --rsc_disk_bound X
  --min_quorum N  --target_nresults N  --max_error_results N  --max_total_results N  --max_success_results N
  --target_host ID  --target_user ID  --target_team ID           for one host of them
  --broadcast  --broadcast_user ID  --broadcast_team ID          for each of their hosts
  --wu_id ID                 fill this placeholder row (boinc_submit makes it)
  --stdin                    a line may have: --command_line (is appended), --wu_name, --wu_template, --result_template,
                             --remote_file, --priority, --target_host, --target_user, --target_team, input files
  --continue_on_error        with --stdin: pass over lines that can't be made
  --from_line N              with --stdin: pass over the lines before N (to go on after an error)
  --dry_run                  look at everything, write nothing
  --verbose                  tell of each workunit
  --config_dir DIR           project directory (also --project_dir)
  -d N                       log: 1 to 4

Values in the input template win over flags. Exit status: 0 = every job has its workunit, 1 = not every job, 2 = it
could not begin or go on; stderr says what stands and what to do.
";

/// The command. False: not every job has its workunit.
///
/// # Errors
/// The command line makes no sense, there is no such project or application, or the database can't be read or written.
pub async fn run(flags: &[OsString]) -> Result<bool> {
    let mut words = Vec::with_capacity(flags.len());
    for flag in flags {
        let shown = || boinc::printable::printable(&flag.to_string_lossy(), 60);
        words.push(flag.to_str().ok_or_else(|| anyhow!("argument {} is not UTF-8; write it so", shown()))?);
    }
    let parsed = parse_flags(words).context("see cobblestone work create --help; nothing was made")?;
    if parsed.how.help {
        print(USAGE);
        return Ok(true);
    }
    if parsed.appname.is_none() {
        bail!("which application? give --appname; cobblestone work create --help lists the flags");
    }
    if let Some(level) = parsed.how.debug_level {
        daemon::log::init(LogFormat::Text, level);
    }
    create::run(parsed).await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(words: &str) -> Option<String> {
        let argv: Vec<OsString> = words.split(' ').map(OsString::from).collect();
        flags_in(&argv).map(|flags| flags.join(OsStr::new(" ")).into_string().unwrap())
    }

    #[test]
    fn the_flags_of_work_create_are_found() {
        assert_eq!(found("cobblestone work create -appname x -d 3").as_deref(), Some("-appname x -d 3"));
        assert_eq!(found("bin/cobblestone -d 4 work create a").as_deref(), Some("-d 4 a"));
        assert_eq!(found("/p/bin/create_work --appname x work").as_deref(), Some("--appname x work"));
        assert_eq!(found("create_work").as_deref(), Some(""));
        for other in [
            "cobblestone",
            "cobblestone audit",
            "cobblestone work",
            "cobblestone work list",
            "cobblestone campaign work create",
        ] {
            assert_eq!(found(other), None, "{other}");
        }
    }
}
