//! A project, and the work generator as a process on it.

#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "each test binary uses its part"
)]

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, SystemTime};

use sandbox::{ProjectOptions, SimClock, TestProject};
use store::sql::Connection;

/// When everything happens, Unix seconds.
pub const NOW: f64 = 1_795_000_000.0;

/// `[work]` of an application that is no campaign of its own.
pub const WORK: &str = "[work]\ncushion = 1000000\n";

/// See the module.
pub struct World {
    pub project: TestProject,
    pub sql: Connection,
}

impl World {
    /// With our tables, on a clock that stands still.
    pub async fn new() -> Self {
        let options = ProjectOptions {
            clock: Some(SimClock::frozen(NOW)),
            tcp: true,
            fanout: 8,
            ..ProjectOptions::default()
        };
        let project = TestProject::new("campaigns", options).await.unwrap();
        project.migrate().await.unwrap();
        project.write_app_config(WORK).unwrap();
        let sql = project.connect().await.unwrap();
        std::fs::create_dir_all(project.path("cobblestone/campaigns")).unwrap();
        Self { project, sql }
    }

    /// Writes cobblestone/campaigns/NAME.toml.
    pub fn campaign(&self, name: &str, text: &str) {
        let text = format!("[campaign]\napp = \"theory\"\n{text}");
        std::fs::write(self.project.path(format!("cobblestone/campaigns/{name}.toml")), text).unwrap();
    }

    /// Writes a file that nobody has touched for long.
    pub fn old_file(&self, path: &str, content: &str) -> PathBuf {
        let path = self.project.path(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, content).unwrap();
        let file = std::fs::File::options().write(true).open(&path).unwrap();
        file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000)).unwrap();
        path
    }

    /// The generator, to be started, until nothing is left to do.
    pub fn start(&self, flags: &[&str]) -> Command {
        let mut command = self.start_forever(flags);
        command.arg("--one_pass");
        command
    }

    /// The generator, to be started, until it is stopped.
    pub fn start_forever(&self, flags: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cobblestone-work-generator"));
        for name in ["BOINC_PROJECT_DIR", "COBBLESTONE_LOG_FORMAT"] {
            command.env_remove(name);
        }
        command.args(["--app", "theory", "-d", "3", "--project_dir"]).arg(self.project.dir()).args(flags);
        command
    }

    /// Runs it until nothing is left to do; its log.
    #[track_caller]
    pub fn one_pass(&self, flags: &[&str]) -> String {
        let output = self.start(flags).output().unwrap();
        let log = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{log}");
        log
    }

    pub async fn number(&mut self, sql: &str) -> i64 {
        self.sql.row(&format!("SELECT CAST(({sql}) AS SIGNED) AS n"), &[]).await.unwrap().i64("n").unwrap()
    }

    /// A column of text, sorted.
    pub async fn texts(&mut self, sql: &str) -> Vec<String> {
        let rows = self.sql.rows(&format!("SELECT CAST(({sql}) AS CHAR) AS t FROM dual"), &[]).await;
        let rows = match rows {
            Ok(rows) => rows,
            Err(_) => self
                .sql
                .rows(&format!("SELECT CAST(x AS CHAR) AS t FROM ({sql}) y ORDER BY t"), &[])
                .await
                .unwrap(),
        };
        rows.iter().map(|row| row.text("t").unwrap()).collect()
    }

    /// Names of workunits, by id.
    pub async fn names(&mut self) -> Vec<String> {
        let rows = self.sql.rows("SELECT name FROM workunit ORDER BY id", &[]).await.unwrap();
        rows.iter().map(|row| row.text("name").unwrap()).collect()
    }

    /// Names of all files in the download folder.
    pub fn files(&self) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        let mut folders = vec![self.project.path("download")];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let entry = entry.unwrap();
                if entry.file_type().unwrap().is_dir() {
                    folders.push(entry.path());
                } else {
                    found.insert(entry.file_name().into_string().unwrap());
                }
            }
        }
        found
    }

    /// Content of an input file.
    pub fn input(&self, workunit: &str) -> String {
        std::fs::read_to_string(self.project.download_path(&format!("{workunit}.in")).unwrap()).unwrap()
    }

    /// Every job is one workunit with its own file and `.md5`, no file belongs to nobody, no seed is used twice.
    pub async fn is_whole(&mut self) {
        let names = self.names().await;
        let wanted: BTreeSet<String> =
            names.iter().flat_map(|name| [format!("{name}.in"), format!("{name}.in.md5")]).collect();
        assert_eq!(self.files(), wanted, "files and workunits");
        let jobs = self.number("SELECT COUNT(*) FROM cobblestone_job").await;
        assert_eq!(jobs, i64::try_from(names.len()).unwrap());
        let orphans = "SELECT COUNT(*) FROM cobblestone_job j LEFT JOIN workunit w ON w.id = j.workunitid WHERE w.id IS NULL";
        assert_eq!(self.number(orphans).await, 0);
        let seeds = "SELECT COUNT(*) - COUNT(DISTINCT seed) FROM cobblestone_job WHERE retry = 0";
        assert_eq!(self.number(seeds).await, 0, "a seed was used twice");
        for row in self.sql.rows("SELECT name, xml_doc FROM workunit", &[]).await.unwrap() {
            let name = row.text("name").unwrap();
            let facts = boinc::md5_cache::of_bytes(self.input(&name).as_bytes());
            assert!(row.text("xml_doc").unwrap().contains(&facts.md5), "{name}");
        }
    }
}
