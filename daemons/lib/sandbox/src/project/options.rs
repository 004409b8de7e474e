//! What a sandbox project is made of.

use super::rows::Sample;
use crate::clock::SimClock;

/// One `<daemon>` of config.xml.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DaemonLine {
    /// Program and arguments, as in `<cmd>`.
    pub cmd: String,
    /// Log file in log_HOST/; `None` = the program's name and `.log`, as bin/start has it.
    pub output: Option<String>,
    /// Pid file in pid_HOST/; `None` = the program's name and `.pid`.
    pub pid_file: Option<String>,
    /// Not to be started.
    pub disabled: bool,
}

impl DaemonLine {
    /// A line with a log of its own: `PROGRAM.out`.
    #[must_use]
    pub fn new(cmd: impl Into<String>) -> Self {
        let cmd = cmd.into();
        let program = cmd.split_whitespace().next().unwrap_or_default().to_owned();
        Self {
            output: Some(format!("{program}.out")),
            pid_file: Some(format!("{program}.pid")),
            cmd,
            disabled: false,
        }
    }

    /// The same with names of its own for log and pid file: for a second instance of a program.
    #[must_use]
    pub fn named(cmd: impl Into<String>, name: &str) -> Self {
        Self {
            output: Some(format!("{name}.out")),
            pid_file: Some(format!("{name}.pid")),
            cmd: cmd.into(),
            disabled: false,
        }
    }
}

/// A platform with its application version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VersionLine {
    /// BOINC's name of the platform.
    pub platform: &'static str,
    #[allow(missing_docs)]
    pub platform_name: &'static str,
    /// Empty for none.
    pub plan_class: &'static str,
}

/// Everything about a project that can be chosen. `..Default::default()` is a project with one application
/// for virtual machines, four daemons and the real clock.
#[derive(Debug, Clone)]
pub struct ProjectOptions {
    /// Short name of the application.
    pub app: String,
    /// config.xml's `long_name`.
    pub long_name: String,
    /// `uldl_dir_fanout`; 0 = no sub-folders.
    pub fanout: u32,
    /// The simulated clock; `None` = the real one, and no trace of a sandbox in config.xml and database.
    pub clock: Option<SimClock>,
    #[allow(missing_docs)]
    pub credit_by_app: bool,
    #[allow(missing_docs)]
    pub msg_to_host: bool,
    #[allow(missing_docs)]
    pub one_result_per_user_per_wu: bool,
    #[allow(missing_docs)]
    pub daily_result_quota: i32,
    /// `app.target_nresults`: above 1 = adaptive replication.
    pub app_target_nresults: i32,
    /// Write 127.0.0.1:PORT into `db_host` instead of the path of the socket.
    pub tcp: bool,
    /// No application, platform and version rows: the caller loads its own ([`super::Project::load_rows`]).
    pub bare: bool,
    /// One app_version each.
    pub versions: Vec<VersionLine>,
    /// config.xml's `<daemons>`; `None` = our four.
    pub daemons: Option<Vec<DaemonLine>>,
    /// More elements for config.xml's `<config>`.
    pub more_config: Vec<(String, String)>,
    /// Output template, written to templates/APP_out. The transitioner reads the path in the workunit.
    pub output_template: String,
    /// Input template, written to templates/APP_in.
    pub input_template: String,
}

impl Default for ProjectOptions {
    fn default() -> Self {
        let version =
            |platform, platform_name| VersionLine { platform, platform_name, plan_class: "vbox64_mt" };
        Self {
            app: "theory".to_owned(),
            long_name: "Cobblestone sandbox".to_owned(),
            fanout: 1024,
            clock: None,
            credit_by_app: false,
            msg_to_host: false,
            one_result_per_user_per_wu: true,
            daily_result_quota: 500,
            app_target_nresults: 0,
            tcp: false,
            bare: false,
            versions: vec![
                version("x86_64-pc-linux-gnu", "Linux on x86-64"),
                version("windows_x86_64", "Windows on x86-64"),
                version("x86_64-apple-darwin", "macOS on x86-64"),
                version("aarch64-unknown-linux-gnu", "Linux on 64-bit ARM"),
            ],
            daemons: None,
            more_config: Vec::new(),
            output_template: include_str!("../data/vm_out").to_owned(),
            input_template: include_str!("../data/vm_in").to_owned(),
        }
    }
}

impl ProjectOptions {
    /// For [`super::Project::load_sample`]: its application, and a clock that stands still after its last event.
    #[must_use]
    pub fn sample() -> Self {
        Self {
            app: Sample::APP.to_owned(),
            clock: Some(SimClock::frozen(Sample::NOW)),
            one_result_per_user_per_wu: false,
            bare: true,
            input_template: include_str!("../data/sample/vm_in").to_owned(),
            output_template: include_str!("../data/sample/vm_out").to_owned(),
            ..Self::default()
        }
    }

    /// The lines for `<daemons>`.
    #[must_use]
    pub fn daemon_lines(&self) -> Vec<DaemonLine> {
        self.daemons.clone().unwrap_or_else(|| {
            ["work-generator", "trickle-credit", "validator", "assimilator"]
                .map(|name| DaemonLine::new(format!("cobblestone-{name} -d 2 --app {}", self.app)))
                .to_vec()
        })
    }
}
