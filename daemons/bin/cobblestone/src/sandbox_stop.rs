//! `cobblestone sandbox stop DIR`: ends what `cobblestone demo --keep` left running.
//!
//! Only processes that are surely the sandbox's are signalled: a daemon must have the sandbox's bin/ as working
//! directory, the database server its my.cnf on the command line. A process id that another program got meanwhile is
//! left alone.

use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use daemon::ProjectDir;
use rustix::process::{Pid, Signal, kill_process};

use crate::demo::place::{Place, SUMMARY};
use crate::screen::print;

/// Longest wait for the daemons; they are to end within a second.
const DAEMONS: Duration = Duration::from_secs(10);
/// Longest wait for the database server, which writes its pages first.
const SERVER: Duration = Duration::from_secs(60);

/// The command.
///
/// # Errors
/// It is no sandbox, or something did not end.
pub fn run(dir: &Path, remove: bool) -> Result<()> {
    let dir = dir.canonicalize().with_context(|| format!("there is no folder {}", dir.display()))?;
    let place = Place { dir };
    let project = ProjectDir::open(&place.project())
        .with_context(|| format!("{} is not a sandbox that --keep left", place.dir.display()))?;
    if project.config.cobblestone_sandbox.is_none() {
        bail!("{} is not a sandbox: its config.xml has no <cobblestone_sandbox>", project.root.display());
    }
    fs::write(project.stop_file(), "<stop/>\n").context("can't write the file stop_daemons")?;
    let bin = project.root.join("bin");
    let daemons = pids(&project.root.join("pid_localhost"), |pid| {
        fs::read_link(format!("/proc/{pid}/cwd")).is_ok_and(|cwd| cwd == bin)
    });
    end(&daemons, Signal::HUP, DAEMONS)?;
    let config = place.db().join("my.cnf");
    let server = pids(&place.db(), |pid| {
        fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|line| {
            let wanted = [b"--defaults-file=", config.as_os_str().as_bytes()].concat();
            line.split(|byte| *byte == 0).any(|word| word == wanted)
        })
    });
    end(&server, Signal::TERM, SERVER)?;
    print(&format!("stopped {} daemons and {} database servers\n", daemons.len(), server.len()));
    if remove {
        place.remove_all()?;
        print(&format!("removed {}\n", place.dir.display()));
    } else {
        print(&format!(
            "{} stays, with results/ and {SUMMARY}; to delete it: rm -r {}\n",
            place.dir.display(),
            crate::text::quoted(&place.dir.display().to_string())
        ));
    }
    Ok(())
}

/// Process ids in the folder's files NAME.pid that are `ours`.
fn pids(folder: &Path, ours: impl Fn(i32) -> bool) -> Vec<Pid> {
    let files = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let pid_files: Vec<PathBuf> =
        files.filter(|path| path.extension().is_some_and(|end| end == "pid")).collect();
    pid_files
        .iter()
        .filter_map(|path| fs::read_to_string(path).ok()?.trim().parse::<i32>().ok())
        .filter(|pid| *pid > 1 && ours(*pid))
        .filter_map(Pid::from_raw)
        .collect()
}

/// Signals them and waits until they are gone.
fn end(pids: &[Pid], signal: Signal, longest: Duration) -> Result<()> {
    for pid in pids {
        let _ = kill_process(*pid, signal);
    }
    let start = Instant::now();
    for pid in pids {
        while Path::new(&format!("/proc/{}", pid.as_raw_nonzero())).exists() {
            if start.elapsed() > longest {
                bail!("process {} did not end; look at its log, or end it by kill -9", pid.as_raw_nonzero());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_processes_count() {
        let folder = tempfile::tempdir().unwrap();
        let own = std::process::id();
        for (name, text) in [
            ("a.pid", format!("{own}\n")),
            ("b.pid", "x".to_owned()),
            ("c.pid", "1\n".to_owned()),
            ("d.txt", "2".to_owned()),
        ] {
            fs::write(folder.path().join(name), text).unwrap();
        }
        let found: Vec<i32> =
            pids(folder.path(), |_| true).iter().map(|pid| pid.as_raw_nonzero().get()).collect();
        assert_eq!(found, [i32::try_from(own).unwrap()]);
        assert!(pids(folder.path(), |_| false).is_empty());
        assert!(pids(&folder.path().join("none"), |_| true).is_empty());
    }

    #[test]
    fn a_folder_that_is_no_sandbox_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let error = run(folder.path(), true).unwrap_err();
        assert!(format!("{error:#}").contains("is not a sandbox"), "{error:#}");
        let project = folder.path().join("project");
        fs::create_dir(&project).unwrap();
        let config = "<boinc><config><db_name>x</db_name><db_user>x</db_user><download_dir>d</download_dir>\
            <download_url>http://x/d</download_url><upload_dir>u</upload_dir><upload_url>http://x/u</upload_url>\
            <uldl_dir_fanout>1024</uldl_dir_fanout></config></boinc>";
        fs::write(project.join("config.xml"), config).unwrap();
        let error = run(folder.path(), true).unwrap_err();
        assert!(format!("{error:#}").contains("no <cobblestone_sandbox>"), "{error:#}");
        assert!(project.join("config.xml").is_file() && !project.join("stop_daemons").exists());
    }
}
