//! A project with rows in it, and the command as a process on it.

#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "each test binary uses its part"
)]

pub mod old;

use std::path::Path;
use std::process::{Command, Output, Stdio};

use sandbox::{ProjectOptions, SimClock, TestProject};
use serde_json::{Map, Value, json};
use store::sql::Connection;

/// When everything happens, Unix seconds: 2026-11-18 11:06:40 UTC.
pub const NOW: f64 = 1_795_000_000.0;

/// See the module.
pub struct World {
    pub project: TestProject,
    pub sql: Connection,
}

/// What a process said.
#[derive(Debug)]
pub struct Said {
    pub status: i32,
    pub out: String,
    pub err: String,
}

impl World {
    /// With our tables, on a clock that stands still.
    pub async fn new() -> Self {
        Self::with(ProjectOptions::default()).await
    }

    /// The same, made otherwise.
    pub async fn with(options: ProjectOptions) -> Self {
        let options = ProjectOptions { clock: Some(SimClock::frozen(NOW)), ..options };
        let project = TestProject::new("command", options).await.unwrap();
        project.migrate().await.unwrap();
        let sql = project.connect().await.unwrap();
        Self { project, sql }
    }

    fn command(&self, program: &Path, arguments: &[&str]) -> Command {
        let mut command = Command::new(program);
        for name in ["BOINC_PROJECT_DIR", "COBBLESTONE_DB_TLS", "COBBLESTONE_DB_CA", "COBBLESTONE_LOG_FORMAT"]
        {
            command.env_remove(name);
        }
        command.args(arguments).arg("--project_dir").arg(self.project.dir()).stdin(Stdio::null());
        command
    }

    /// The command, to be run otherwise.
    pub fn cobblestone(&self, arguments: &[&str]) -> Command {
        self.command(Path::new(env!("CARGO_BIN_EXE_cobblestone")), arguments)
    }

    /// Runs the command.
    pub fn run(&self, arguments: &[&str]) -> Said {
        said(self.cobblestone(arguments).output().unwrap())
    }

    /// Runs it; what it printed, when it ends with `status`.
    #[track_caller]
    pub fn ends(&self, status: i32, arguments: &[&str]) -> String {
        let said = self.run(arguments);
        assert_eq!(said.status, status, "{arguments:?}: {}{}", said.out, said.err);
        if status == 2 { said.err } else { said.out }
    }

    /// Runs the trickle handler until nothing is left to do; its log.
    #[track_caller]
    pub fn handle(&self, flags: &[&str]) -> String {
        self.daemon("cobblestone-trickle-credit", flags)
    }

    /// Runs the validator until nothing is left to do; its log.
    #[track_caller]
    pub fn validate(&self, flags: &[&str]) -> String {
        self.daemon("cobblestone-validator", &[&["--app", self.project.app()], flags].concat())
    }

    #[track_caller]
    fn daemon(&self, name: &str, flags: &[&str]) -> String {
        let path = Path::new(env!("CARGO_BIN_EXE_cobblestone")).with_file_name(name);
        assert!(path.is_file(), "build it first: cargo build -p {name}");
        let said = said(self.command(&path, &[&["--one_pass", "-d", "3"], flags].concat()).output().unwrap());
        assert_eq!(said.status, 0, "{}", said.err);
        said.err
    }

    /// Inserts rows; columns that must have a value and are not given get 0 or the empty text.
    pub async fn insert(&mut self, table: &str, rows: Vec<Value>) {
        self.sql.insert_filled(table, &rows).await.unwrap();
    }

    /// Two hosts of users 1 and 2, the first in team 1; results r1 … r4 (workunits 1 … 4), in turns on host 1 and 2, all
    /// sent a day ago and in progress.
    pub async fn people(&mut self) {
        let hosts = [1, 2].map(|id| json!({"id": id, "userid": id, "p_fpops": 2e9, "p_ncpus": 4}));
        self.insert("host", hosts.to_vec()).await;
        let users = [1, 2].map(|id| {
            json!({"id": id, "teamid": 2 - id, "name": format!("user {id}"), "email_addr": format!("u{id}"),
                   "authenticator": format!("u{id}")})
        });
        self.insert("user", users.to_vec()).await;
        self.insert("team", vec![json!({"id": 1, "name": "a team"})]).await;
        let tasks = (1..=4).map(|id| {
            json!({"id": id, "workunitid": id, "appid": 1, "name": format!("r{id}"), "hostid": 2 - id % 2,
                   "userid": 2 - id % 2, "server_state": 4, "sent_time": NOW as i64 - 86_400, "flops_estimate": 8e9,
                   "app_version_id": 1})
        });
        self.insert("result", tasks.collect()).await;
    }

    /// Stores messages: (host, create_time, variety, text). Ids count from 1.
    pub async fn messages(&mut self, rows: &[(i64, i64, &str, String)]) {
        let rows: Vec<Map<String, Value>> = rows
            .iter()
            .map(|(host, time, variety, xml)| {
                let row = json!({"create_time": time, "hostid": host, "variety": variety, "handled": 0, "xml": xml});
                row.as_object().unwrap().clone()
            })
            .collect();
        self.sql.insert_json("msg_from_host", &rows).await.unwrap();
    }

    pub async fn number(&mut self, sql: &str) -> i64 {
        self.sql.row(&format!("SELECT CAST(({sql}) AS SIGNED) AS n"), &[]).await.unwrap().i64("n").unwrap()
    }

    pub async fn sum(&mut self, sql: &str) -> f64 {
        self.sql.row(&format!("SELECT ({sql}) AS n"), &[]).await.unwrap().f64("n").unwrap()
    }

    /// The ledger as it is now counts as written: after a test changed what no program would.
    pub async fn sum_up_the_ledger(&mut self) {
        self.sql
            .execute("UPDATE cobblestone_ledger_control SET seconds = 0, checksum = 0", &[])
            .await
            .unwrap();
        self.sql
            .script(include_str!("../../../../../sql/cobblestone/0010_ledger_checksum.sql"))
            .await
            .unwrap();
    }

    /// The audit says so.
    #[track_caller]
    pub fn balances(&self) {
        let audit = self.run(&["audit"]);
        assert_eq!(audit.status, 0, "{}{}", audit.out, audit.err);
    }
}

fn said(output: Output) -> Said {
    Said {
        status: output.status.code().unwrap_or(-1),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

#[track_caller]
pub fn holds(text: &str, words: &[&str]) {
    for words in words {
        assert!(text.contains(words), "no `{words}` in:\n{text}");
    }
}

/// Nothing in it would act on a terminal.
#[track_caller]
pub fn is_harmless(text: &str) {
    let found = text.chars().find(|c| (c.is_control() && *c != '\n') || matches!(c, '\u{202a}'..='\u{202e}'));
    assert_eq!(found, None, "{text}");
}

/// cobblestone/APP.toml that pays cumulative and incremental claims.
pub fn uptime(more: &str) -> String {
    format!(
        "[uptime]\nenabled = true\n{more}\n[[uptime.claims]]\nvariety = \"cpu_time\"\nelement = \"cpu_time\"\n\
         meaning = \"cumulative\"\n[[uptime.claims]]\nvariety = \"runtime\"\nelement = \"runtime\"\nmeaning = \"increment\"\n"
    )
}

/// A message as the client sends it.
pub fn claim(result: &str, time: i64, element: &str, seconds: f64) -> String {
    format!(
        "\n<result_name>{result}</result_name>\n<time>{time}</time>\n<{element}>{seconds:.6}</{element}>\n"
    )
}
