//! Starts and stops a project's daemons as bin/start and bin/stop do.
//!
//! Start: every `<daemon>` of config.xml that is not disabled, with bin/ as working directory and first in PATH, both
//! outputs appended to log_HOST/OUTPUT, its process id in pid_HOST/PID_FILE. Stop: the file `stop_daemons`,
//! SIGHUP, and waiting for the end. Only processes started here are signalled, by their process id.
//! On drop what still runs is stopped the same way, then killed. When the process that started them is killed, a
//! watchdog (a shell that waits for the end of a pipe) makes the file `stop_daemons` for it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use boinc::config::{DaemonEntry, ProjectConfig};
use rustix::process::{Pid, Signal, kill_process};

use crate::error::{Error, Result, file};
use crate::project::{HOST, Project};

/// Longest wait for daemons to end after SIGHUP.
const STOP_TIMEOUT: Duration = Duration::from_secs(30);

/// One daemon that was started.
#[derive(Debug)]
pub struct Daemon {
    /// Its pid file's name without `.pid`: tells two instances of one program apart.
    pub name: String,
    /// As in `<cmd>`.
    pub cmd: String,
    /// Where its output goes.
    pub log: PathBuf,
    /// Its pid file.
    pub pid_file: PathBuf,
    child: Child,
}

impl Daemon {
    /// Its process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Its exit status, if it ended.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// Sends it a signal. Does nothing when it ended.
    pub fn signal(&mut self, signal: Signal) {
        if self.ended().is_some() {
            return;
        }
        if let Some(pid) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) {
            let _ = kill_process(pid, signal);
        }
    }

    /// Kills it (SIGKILL) and waits.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Waits for its end. Blocks.
    ///
    /// # Errors
    /// It still runs after `timeout`.
    pub fn wait(&mut self, timeout: Duration) -> Result<ExitStatus> {
        let start = Instant::now();
        loop {
            if let Some(status) = self.ended() {
                return Ok(status);
            }
            if start.elapsed() > timeout {
                return Err(self.failed(&format!("still runs after {} s", timeout.as_secs())));
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// All that it wrote so far.
    #[must_use]
    pub fn log_text(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.log).unwrap_or_default()).into_owned()
    }

    fn failed(&self, what: &str) -> Error {
        Error::Daemon { name: self.name.clone(), what: format!("{what}; see {}", self.log.display()) }
    }
}

/// The daemons of a project that run.
#[derive(Debug)]
pub struct Daemons {
    project: PathBuf,
    daemons: Vec<Daemon>,
    watchdog: Option<Child>,
}

impl Daemons {
    /// Starts all daemons of the project's config.xml that are not disabled. Removes `stop_daemons` first.
    ///
    /// # Errors
    /// config.xml can't be read, or a program can't be started (what was started before it is stopped).
    pub fn start(project: &Project) -> Result<Self> {
        Self::start_with(project, &[])
    }

    /// The same with more environment variables.
    ///
    /// # Errors
    /// As [`Daemons::start`].
    pub fn start_with(project: &Project, environment: &[(&str, &str)]) -> Result<Self> {
        let config = project.path("config.xml");
        let config = ProjectConfig::read(&config).map_err(|error| Error::Input(error.to_string()))?;
        let stop = project.path("stop_daemons");
        if stop.exists() {
            fs::remove_file(&stop).map_err(file("can't remove", &stop))?;
        }
        let watchdog = watchdog(&stop)?;
        let mut this =
            Self { project: project.dir().to_owned(), daemons: Vec::new(), watchdog: Some(watchdog) };
        for line in lines(config.daemons) {
            let daemon = this.spawn(&line, environment)?;
            this.daemons.push(daemon);
        }
        Ok(this)
    }

    /// Starts one more program as a daemon of this project, or one again that ended. `name` gives log
    /// and pid file their names.
    ///
    /// # Errors
    /// It can't be started.
    pub fn add(&mut self, cmd: &str, name: &str) -> Result<&mut Daemon> {
        let line = Line {
            cmd: cmd.to_owned(),
            output: Some(format!("{name}.out")),
            pid_file: Some(format!("{name}.pid")),
        };
        let daemon = self.spawn(&line, &[])?;
        self.daemons.push(daemon);
        self.daemons.last_mut().ok_or_else(|| Error::Input("no daemon".to_owned()))
    }

    /// Those that were started, in the order of config.xml.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut Daemon> {
        self.daemons.iter_mut()
    }

    /// The daemon of that name (its pid file's name without `.pid`); the latest, if it was started again.
    pub fn get_mut(&mut self, name: &str) -> Option<&mut Daemon> {
        self.daemons.iter_mut().rev().find(|daemon| daemon.name == name)
    }

    /// Those that ended by themselves, with their status: something is wrong.
    pub fn ended(&mut self) -> Vec<(String, ExitStatus)> {
        self.daemons.iter_mut().filter_map(|d| d.ended().map(|status| (d.name.clone(), status))).collect()
    }

    /// Stops all as bin/stop does, and waits. Returns name and exit status of each. Blocks.
    ///
    /// # Errors
    /// One still runs after half a minute (it is killed on drop).
    pub fn stop(&mut self) -> Result<Vec<(String, ExitStatus)>> {
        let stop = self.project.join("stop_daemons");
        fs::write(&stop, "<stop/>\n").map_err(file("can't write", &stop))?;
        self.stop_by(Signal::HUP)
    }

    /// Stops all by a signal alone, and waits. Blocks.
    ///
    /// # Errors
    /// As [`Daemons::stop`].
    pub fn stop_by(&mut self, signal: Signal) -> Result<Vec<(String, ExitStatus)>> {
        for daemon in &mut self.daemons {
            daemon.signal(signal);
        }
        let mut ended = Vec::new();
        for daemon in &mut self.daemons {
            ended.push((daemon.name.clone(), daemon.wait(STOP_TIMEOUT)?));
            let _ = fs::remove_file(&daemon.pid_file);
        }
        self.daemons.clear();
        Ok(ended)
    }

    /// Lets them run on after this process; returns names and process ids. They stop by SIGHUP or by the
    /// file `stop_daemons`.
    #[must_use]
    pub fn detach(mut self) -> Vec<(String, u32)> {
        self.end_watchdog();
        std::mem::take(&mut self.daemons).into_iter().map(|d| (d.name.clone(), d.pid())).collect()
    }

    fn end_watchdog(&mut self) {
        if let Some(mut watchdog) = self.watchdog.take() {
            let _ = watchdog.kill();
            let _ = watchdog.wait();
        }
    }

    fn spawn(&self, line: &Line, environment: &[(&str, &str)]) -> Result<Daemon> {
        let bin = self.project.join("bin");
        let mut words = line.cmd.split_whitespace();
        let program = words.next().unwrap_or_default();
        let base =
            Path::new(program).file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        let output = line.output.clone().unwrap_or_else(|| format!("{base}.log"));
        let pid_name = line.pid_file.clone().unwrap_or_else(|| format!("{base}.pid"));
        let name = pid_name.strip_suffix(".pid").unwrap_or(&pid_name).to_owned();
        let log = self.project.join(format!("log_{HOST}")).join(output);
        let pid_file = self.project.join(format!("pid_{HOST}")).join(&pid_name);

        let out =
            fs::OpenOptions::new().create(true).append(true).open(&log).map_err(file("can't write", &log))?;
        let both = out.try_clone().map_err(file("can't write", &log))?;
        let own = bin.join(program);
        let path = std::env::var_os("PATH").unwrap_or_default();
        let path = std::iter::once(bin.clone()).chain(std::env::split_paths(&path));
        let path = std::env::join_paths(path).unwrap_or_default();
        let mut command = Command::new(if own.is_file() { own.as_path() } else { Path::new(program) });
        command
            .args(words)
            .current_dir(&bin)
            .env_remove("BOINC_PROJECT_DIR")
            .env("PATH", path)
            .envs(environment.iter().copied())
            .stdin(Stdio::null())
            .stdout(out)
            .stderr(both);
        // bin/start makes daemons leaders of their own session: Ctrl-C at the terminal does not reach them.
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let child = command.spawn().map_err(|error| Error::Daemon {
            name: name.clone(),
            what: format!("can't start `{}` in {}: {error}", line.cmd, bin.display()),
        })?;
        fs::write(&pid_file, format!("{}\n", child.id())).map_err(file("can't write", &pid_file))?;
        Ok(Daemon { name, cmd: line.cmd.clone(), log, pid_file, child })
    }
}

impl Drop for Daemons {
    fn drop(&mut self) {
        if !self.daemons.is_empty() && self.stop().is_err() {
            self.daemons.iter_mut().for_each(Daemon::kill);
        }
        self.end_watchdog();
    }
}

/// Makes the file `stop` when this process is gone.
fn watchdog(stop: &Path) -> Result<Child> {
    let mut command = Command::new("/bin/sh");
    command
        .args(["-c", "read -r _; echo '<stop/>' > \"$1\"", "cobblestone-daemons-watchdog"])
        .arg(stop)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    command.spawn().map_err(file("can't run /bin/sh to watch over", stop))
}

/// What bin/start takes from a `<daemon>`.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Line {
    cmd: String,
    output: Option<String>,
    pid_file: Option<String>,
}

/// Those that run on this machine and are not disabled.
fn lines(entries: Vec<DaemonEntry>) -> Vec<Line> {
    entries
        .into_iter()
        .filter(|entry| !entry.disabled && entry.host.as_deref().is_none_or(|host| host == HOST))
        .map(|entry| Line { cmd: entry.cmd, output: entry.output, pid_file: entry.pid_file })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn daemons_are_chosen_as_bin_start_chooses_them() {
        let entry = |cmd: &str, disabled: bool, host: Option<&str>| DaemonEntry {
            cmd: cmd.to_owned(),
            output: None,
            pid_file: None,
            disabled,
            host: host.map(str::to_owned),
        };
        let chosen = lines(vec![
            entry("feeder -d 3", false, None),
            entry("off", true, None),
            entry("elsewhere", false, Some("other.example")),
            entry("here", false, Some(HOST)),
        ]);
        let commands: Vec<&str> = chosen.iter().map(|line| line.cmd.as_str()).collect();
        assert_eq!(commands, ["feeder -d 3", "here"]);
    }
}
