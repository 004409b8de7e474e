//! Where measuring happens: one private server, and per daemon a project on it whose state can be restored.
//!
//! A restored state has no dirty pages and fresh statistics, so that neither side pays for the other's writes.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use sandbox::{Project, ProjectOptions, Server};
use store::Store;
use store::sql::Connection;

use crate::recording::CONTROL;

/// Longest wait for the server to write its dirty pages.
const SETTLE: Duration = Duration::from_secs(20);

/// The server, and the folder for everything.
pub struct Ground {
    server: Server,
    programs: PathBuf,
    folder: PathBuf,
    /// Deletes the folder.
    _temporary: Option<tempfile::TempDir>,
}

impl Ground {
    /// Starts a server with `memory` MiB for its tables. Its files and the projects' go to `keep`, or to a temporary
    /// folder.
    pub fn new(programs: &Path, keep: Option<&Path>, memory: u32) -> Result<Self> {
        let programs = programs
            .canonicalize()
            .with_context(|| format!("no folder {}; run ./bench, which builds", programs.display()))?;
        let (folder, temporary) = match keep {
            Some(folder) => (folder.to_owned(), None),
            None => {
                let temporary = tempfile::Builder::new().prefix("cobblestone-bench-").tempdir()?;
                (temporary.path().to_owned(), Some(temporary))
            }
        };
        let mut server = Server::start(folder.join("server"))?;
        server.configure(&format!("innodb_buffer_pool_size={memory}M\n"))?;
        server.restart()?;
        Ok(Self { server, programs, folder, _temporary: temporary })
    }

    /// `VERSION()` of the server.
    pub async fn server_version(&self) -> Result<String> {
        let mut connection = Connection::open(&self.server.url("")).await?;
        Ok(connection.row("SELECT VERSION() AS v", &[]).await?.text("v")?)
    }

    /// A project of that name for the daemon `program`, or for a command with its words, with our tables and `toml` as its application's file.
    pub async fn site_of(
        &self,
        name: &'static str,
        program: &str,
        options: ProjectOptions,
        toml: &str,
    ) -> Result<Site> {
        let database = format!("bench_{}", name.replace('-', "_"));
        let mut connection = Connection::open(&self.server.url("")).await?;
        for suffix in ["", "_before", "_after"] {
            connection.execute(&format!("DROP DATABASE IF EXISTS `{database}{suffix}`"), &[]).await?;
        }
        let folder = self.folder.join(name);
        if folder.exists() {
            fs::remove_dir_all(&folder)?;
        }
        let project = Project::create(&folder, &self.server.url(&database), options).await?;
        project.write_app_config(toml)?;
        Store::connect(project.url()).await?.migrate(0.0).await?;
        let connection = project.connect().await?;
        let (program, words) = match program.split_once(' ') {
            // A command of `cobblestone`.
            Some((program, words)) => (program.to_owned(), words.split(' ').map(str::to_owned).collect()),
            None => {
                let words = ["--one_pass", "--app", project.app()].map(str::to_owned);
                (format!("cobblestone-{program}"), words.to_vec())
            }
        };
        let program = self.programs.join(program);
        let server_pid = self.server.pid().context("the server does not run")?;
        Ok(Site { project, connection, database, program, words, input: None, server_pid })
    }
}

/// What one run of a daemon took.
#[derive(Debug, Clone, Copy, Default)]
pub struct Cost {
    /// From the start of the process to its end.
    pub seconds: f64,
    /// Statements that the server was asked to run or prepare.
    pub statements: i64,
    /// Transactions.
    pub commits: i64,
    /// Processor time of the daemon (or the floor's loop) and the server together, seconds.
    pub processor: f64,
}

/// Ticks of /proc/PID/stat in a second.
pub const TICKS: f64 = 100.0;

/// Processor time of a process in ticks: of itself, and of its children that have ended.
pub fn ticks(pid: u32) -> Result<(f64, f64)> {
    let path = format!("/proc/{pid}/stat");
    let text = fs::read_to_string(&path).with_context(|| path.clone())?;
    // The name, in brackets, may hold blanks. The next field is the third; 14 to 17 are times.
    let (_, rest) = text.rsplit_once(')').context("no process status")?;
    let fields: Vec<f64> = rest.split_whitespace().map(|field| field.parse().unwrap_or(0.0)).collect();
    let field = |number: usize| fields.get(number - 3).copied().unwrap_or(0.0);
    Ok((field(14) + field(15), field(16) + field(17)))
}

/// The last lines of a log.
pub fn end_of(log: &Path) -> String {
    let text = fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().rev().take(15).collect();
    lines.into_iter().rev().collect::<Vec<_>>().join("\n")
}

/// Counters at the beginning of a run.
#[derive(Debug, Clone, Copy)]
pub struct Tally {
    statements: i64,
    commits: i64,
    /// Statements that asking for the counters costs.
    own: i64,
    ticks: f64,
}

/// A project that is measured.
pub struct Site {
    /// The project.
    pub project: Project,
    /// A connection to its database.
    pub connection: Connection,
    /// Its name; NAME_before and NAME_after are copies.
    pub database: String,
    program: PathBuf,
    /// Its flags.
    words: Vec<String>,
    /// Standard input.
    pub input: Option<PathBuf>,
    server_pid: u32,
}

impl Site {
    /// The state to start from.
    pub fn before(&self) -> String {
        format!("{}_before", self.database)
    }

    /// The state that the daemon made of it.
    pub fn after(&self) -> String {
        format!("{}_after", self.database)
    }

    /// Names of all tables.
    pub async fn tables(&mut self) -> Result<Vec<String>> {
        let rows = self
            .connection
            .rows(
                "SELECT table_name AS name FROM information_schema.tables WHERE table_schema = ? ORDER BY table_name",
                &[self.database.as_str().into()],
            )
            .await?;
        rows.iter().map(|row| Ok(row.text("name")?)).collect()
    }

    /// Copies the database to `to`, one of [`Site::before`] and [`Site::after`].
    pub async fn record(&mut self, to: &str) -> Result<()> {
        self.connection.execute(&format!("DROP DATABASE IF EXISTS `{to}`"), &[]).await?;
        self.connection
            .execute(&format!("CREATE DATABASE `{to}` CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci"), &[])
            .await?;
        let from = self.database.clone();
        for table in self.tables().await? {
            if self.is_empty(&from, &table).await? {
                continue;
            }
            self.connection
                .script(&format!(
                    "CREATE TABLE `{to}`.`{table}` LIKE `{from}`.`{table}`; \
                     INSERT INTO `{to}`.`{table}` SELECT * FROM `{from}`.`{table}`"
                ))
                .await?;
        }
        Ok(())
    }

    /// Makes sure that a copy has a table: empty ones are not copied.
    pub async fn have(&mut self, copy: &str, table: &str) -> Result<()> {
        let ours = self.database.clone();
        let sql = format!("CREATE TABLE IF NOT EXISTS `{copy}`.`{table}` LIKE `{ours}`.`{table}`");
        Ok(self.connection.script(&sql).await?)
    }

    async fn is_filled(&mut self, copy: &str, table: &str) -> Result<bool> {
        let sql =
            "SELECT COUNT(*) AS n FROM information_schema.tables WHERE table_schema = ? AND table_name = ?";
        Ok(self.connection.row(sql, &[copy.into(), table.into()]).await?.i64("n")? > 0
            && !self.is_empty(copy, table).await?)
    }

    async fn is_empty(&mut self, database: &str, table: &str) -> Result<bool> {
        let sql = format!("SELECT EXISTS (SELECT 1 FROM `{database}`.`{table}`) AS any_row");
        Ok(self.connection.row(&sql, &[]).await?.i64("any_row")? == 0)
    }

    /// Brings the database back to [`Site::before`].
    pub async fn restore(&mut self) -> Result<()> {
        let (database, before) = (self.database.clone(), self.before());
        for table in self.tables().await? {
            let filled = self.is_filled(&before, &table).await?;
            if !self.is_empty(&database, &table).await? {
                self.connection.script(&format!("TRUNCATE TABLE `{table}`")).await?;
            }
            if filled {
                self.connection
                    .script(&format!(
                        "INSERT INTO `{table}` SELECT * FROM `{before}`.`{table}`; ANALYZE TABLE `{table}`"
                    ))
                    .await?;
            }
        }
        self.settle().await
    }

    /// Waits until the server has written its dirty pages.
    pub async fn settle(&mut self) -> Result<()> {
        self.connection.script("SET GLOBAL innodb_max_dirty_pages_pct = 0").await?;
        let began = Instant::now();
        while self.status("Innodb_buffer_pool_pages_dirty").await? > 0 && began.elapsed() < SETTLE {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        self.connection.script("SET GLOBAL innodb_max_dirty_pages_pct = DEFAULT").await?;
        Ok(())
    }

    async fn status(&mut self, variable: &str) -> Result<i64> {
        let sql = format!("SHOW GLOBAL STATUS WHERE Variable_name = '{variable}'");
        Ok(self.connection.row(&sql, &[]).await?.i64("Value")?)
    }

    /// Statements and transactions so far, on the whole server.
    async fn counters(&mut self) -> Result<(i64, i64)> {
        let rows = self
            .connection
            .rows(
                "SHOW GLOBAL STATUS WHERE Variable_name IN ('Questions', 'Com_stmt_prepare', 'Com_commit')",
                &[],
            )
            .await?;
        let (mut statements, mut commits) = (0, 0);
        for row in rows {
            match row.text("Variable_name")?.as_str() {
                "Com_commit" => commits += row.i64("Value")?,
                _ => statements += row.i64("Value")?,
            }
        }
        Ok((statements, commits))
    }

    /// Of this process, its children and the server.
    fn ticks(&self) -> Result<f64> {
        let (own, children) = ticks(std::process::id())?;
        Ok(own + children + ticks(self.server_pid)?.0)
    }

    /// Begins to count statements and transactions.
    pub async fn begin(&mut self) -> Result<Tally> {
        let (first, _) = self.counters().await?;
        let (statements, commits) = self.counters().await?;
        Ok(Tally { statements, commits, own: statements - first, ticks: self.ticks()? })
    }

    /// What was counted since.
    pub async fn end(&mut self, tally: Tally, seconds: f64) -> Result<Cost> {
        let processor = (self.ticks()? - tally.ticks) / TICKS;
        let (statements, commits) = self.counters().await?;
        Ok(Cost {
            seconds,
            processor,
            statements: statements - tally.statements - tally.own,
            commits: commits - tally.commits,
        })
    }

    /// The daemon, to be started; it works until nothing is left.
    pub fn command(&self, log: &Path) -> Result<Command> {
        if let Some(folder) = log.parent() {
            fs::create_dir_all(folder)?;
        }
        let out = File::options().create(true).append(true).open(log)?;
        let mut command = Command::new(&self.program);
        let input = match &self.input {
            Some(path) => Stdio::from(File::open(path)?),
            None => Stdio::null(),
        };
        command
            .args(&self.words)
            .env("BOINC_PROJECT_DIR", self.project.dir())
            .current_dir(self.project.path("bin"))
            .stdin(input)
            .stdout(out.try_clone()?)
            .stderr(out);
        Ok(command)
    }

    /// Runs the daemon until nothing is left; with several instances, until all have ended.
    pub async fn daemon(&mut self, instances: usize) -> Result<Cost> {
        let tally = self.begin().await?;
        let log = self.project.path("log_bench/daemon.log");
        let mut commands = (0..instances).map(|_| self.command(&log)).collect::<Result<Vec<_>>>()?;
        let began = Instant::now();
        let mut children = Vec::new();
        for command in &mut commands {
            children
                .push(command.spawn().with_context(|| format!("can't start {}", self.program.display()))?);
        }
        let mut failed = false;
        for child in &mut children {
            failed |= !child.wait()?.success();
        }
        let seconds = began.elapsed().as_secs_f64();
        if failed {
            bail!("{} failed; its log ends with:\n{}", self.program.display(), end_of(&log));
        }
        self.end(tally, seconds).await
    }

    /// Rows that are in one of two databases only, per table; what the database keeps by itself is left out.
    pub async fn differences(&mut self) -> Result<Vec<String>> {
        let (ours, after) = (self.database.clone(), self.after());
        let mut found = Vec::new();
        for table in self.tables().await? {
            // Which of its rows is written hangs on the connection.
            if table == CONTROL {
                continue;
            }
            if !self.is_filled(&after, &table).await? && self.is_empty(&ours, &table).await? {
                continue;
            }
            self.have(&after, &table).await?;
            let columns = self.columns(&table).await?;
            let list: Vec<String> = columns.iter().map(|(name, _)| format!("`{name}`")).collect();
            let list = list.join(", ");
            let mut counts = Vec::new();
            for (one, other) in [(&after, &ours), (&ours, &after)] {
                let sql = format!(
                    "SELECT COUNT(*) AS n FROM (SELECT {list} FROM `{one}`.`{table}` EXCEPT SELECT {list} FROM `{other}`.`{table}`) x"
                );
                counts.push(self.connection.row(&sql, &[]).await?.i64("n")?);
            }
            if counts.iter().any(|count| *count != 0) {
                found.push(format!("{table}: {counts:?} rows of daemon and floor are not the other's"));
            }
        }
        Ok(found)
    }

    /// Columns of a table with their types: without times that the database keeps, and without numbers that the
    /// database gives to our own rows.
    pub async fn columns(&mut self, table: &str) -> Result<Vec<(String, String)>> {
        let rows = self
            .connection
            .rows(
                "SELECT column_name AS name, data_type AS type FROM information_schema.columns \
                 WHERE table_schema = ? AND table_name = ? AND data_type <> 'timestamp' \
                 AND NOT (table_name LIKE 'cobblestone%' AND extra LIKE '%auto_increment%') ORDER BY ordinal_position",
                &[self.database.as_str().into(), table.into()],
            )
            .await?;
        rows.iter().map(|row| Ok((row.text("name")?, row.text("type")?))).collect()
    }
}
