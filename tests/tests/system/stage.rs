//! A project for one test, with a database of its own, and the programs that run in it.

use std::cell::Cell;
use std::time::Instant;

use sandbox::{DaemonLine, Project, ProjectOptions, Server, SimClock, TestDb, TestProject};
use store::sql::{Connection, Param};

use crate::barrier::{Barrier, WAITING};
use crate::process::{LOOK, PATIENCE, Process, programs};

/// The simulated time at which the clock of most projects stands. Unix seconds.
pub const NOW: f64 = 1_800_000_000.0;

/// What most tests put into cobblestone/theory.toml.
pub const CONFIG: &str = r#"
[work]
campaign = "c"
jobs = 1200
cushion = 100000
[uptime]
enabled = true
[compare]
method = "numeric"
relative = 1e-6
[credit]
mode = "uptime"
"#;

/// See the module.
pub struct Stage {
    pub project: Project,
    /// For the test's own looks. Its statements are no part of what is tested.
    pub db: Connection,
    started: Cell<usize>,
    _database: Option<TestDb>,
    folder: tempfile::TempDir,
}

/// A project without daemons of its own, on a clock that stands still.
pub fn options() -> ProjectOptions {
    ProjectOptions {
        clock: Some(SimClock::frozen(NOW)),
        daemons: Some(Vec::new()),
        ..ProjectOptions::default()
    }
}

/// The same with daemons in config.xml.
pub fn options_with(daemons: Vec<DaemonLine>) -> ProjectOptions {
    ProjectOptions { daemons: Some(daemons), ..options() }
}

impl Stage {
    /// A project with [`CONFIG`] and the toolkit's tables.
    pub async fn new(name: &str) -> Self {
        Self::with(name, options()).await
    }

    /// The same with other options.
    pub async fn with(name: &str, options: ProjectOptions) -> Self {
        let stage = Self::bare(name, options).await;
        stage.project.migrate().await.unwrap();
        stage
    }

    /// Without the toolkit's tables.
    pub async fn bare(name: &str, options: ProjectOptions) -> Self {
        let TestProject { project, db, folder } = TestProject::new(name, options).await.unwrap();
        Self::finish(project, Some(db), folder).await
    }

    /// A project on a server that the test may stop.
    pub async fn on(server: &Server, name: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = server.url(&format!("own_{name}"));
        let project = Project::create(folder.path().join("project"), &url, options()).await.unwrap();
        project.migrate().await.unwrap();
        Self::finish(project, None, folder).await
    }

    async fn finish(project: Project, database: Option<TestDb>, folder: tempfile::TempDir) -> Self {
        project.write_app_config(CONFIG).unwrap();
        project.install_programs(programs()).unwrap();
        let db = project.connect().await.unwrap();
        Self { project, db, started: Cell::new(0), _database: database, folder }
    }

    /// Starts a program for this project. `--project_dir` is added.
    pub fn start(&self, program: &str, arguments: &str) -> Process {
        let number = self.started.get();
        self.started.set(number + 1);
        let log = self.folder.path().join(format!("{number}.{program}.log"));
        let arguments = format!("{arguments} --project_dir {}", self.project.dir().display());
        Process::start(program, &arguments, self.folder.path(), &[], log)
    }

    /// Starts a daemon of the application, with all of its log, that sleeps long between passes.
    pub fn daemon(&self, program: &str, arguments: &str) -> Process {
        self.start(program, &format!("--app {} -d 4 {arguments}", self.project.app()))
    }

    /// Runs a daemon until nothing is left to do.
    pub async fn one_pass(&self, program: &str, arguments: &str) {
        let line = format!("--app {} -d 2 --one_pass {arguments}", self.project.app());
        self.start(program, &line).end().await.with(0).saying("nothing is left to do").calmly();
    }

    /// Lets the work generator open its campaign and reserve its seeds, which are transactions of their own, and no more.
    pub async fn campaign_begins(&mut self) {
        let mut barrier = Barrier::on(self, "workunit").await;
        let mut process = self.daemon("cobblestone-work-generator", "");
        barrier.stopped(self, std::slice::from_mut(&mut process)).await;
        process.kill();
        barrier.lift().await;
        self.alone().await;
    }

    /// A number from the database.
    pub async fn number(&mut self, sql: &str) -> i64 {
        self.db.row(&format!("SELECT ({sql}) AS n"), &[]).await.unwrap().i64("n").unwrap()
    }

    /// A number with a fraction.
    pub async fn sum(&mut self, sql: &str) -> f64 {
        self.db.row(&format!("SELECT ({sql}) AS n"), &[]).await.unwrap().f64("n").unwrap()
    }

    /// Counts rows: `table WHERE …`.
    pub async fn count(&mut self, from: &str) -> i64 {
        self.number(&format!("SELECT COUNT(*) FROM {from}")).await
    }

    /// Runs a statement.
    pub async fn run(&mut self, sql: &str, params: &[Param]) -> u64 {
        self.db.execute(sql, params).await.unwrap()
    }

    /// Waits until `count` of these rows is at least `wanted`.
    pub async fn at_least(&mut self, from: &str, wanted: i64) -> i64 {
        let start = Instant::now();
        loop {
            let found = self.count(from).await;
            if found >= wanted {
                return found;
            }
            assert!(start.elapsed() < PATIENCE, "{found} instead of {wanted}: {from}");
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Waits until no connection but the test's own is left: what others had open is rolled back or committed.
    pub async fn alone(&mut self) {
        self.others("1 = 1", 0).await;
    }

    /// Counts connections of others that fit, as a condition on `information_schema.processlist`.
    pub async fn count_others(&mut self, condition: &str) -> i64 {
        self.count(&format!(
            "information_schema.processlist WHERE db = DATABASE() AND id <> CONNECTION_ID() AND ({condition})"
        ))
        .await
    }

    /// Waits until there are so many of them.
    pub async fn others(&mut self, condition: &str, wanted: i64) {
        let start = Instant::now();
        loop {
            let found = self.count_others(condition).await;
            if found == wanted {
                return;
            }
            assert!(start.elapsed() < PATIENCE, "{found} connections instead of {wanted}: {condition}");
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Waits until one daemon stands at a barrier, or rests as the barrier's own connection does.
    pub async fn at_the_barrier_or_at_rest(&mut self) {
        let start = Instant::now();
        while self.count_others(WAITING).await != 1 && self.count_others("command = 'Sleep'").await != 2 {
            assert!(start.elapsed() < PATIENCE, "the daemon neither waits nor rests");
            tokio::time::sleep(LOOK).await;
        }
    }

    /// The audit of the books by the toolkit's own command.
    pub async fn audit(&self) {
        self.start("cobblestone", "audit").end().await.with(0);
    }
}
