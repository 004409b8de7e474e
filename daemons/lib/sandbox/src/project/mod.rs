//! A BOINC project in a folder: config.xml, the usual folders, and a database with the BOINC tables, an
//! application, its platforms and versions. No C++ program is in it: the stand-ins play them.
//!
//! With [`ProjectOptions::clock`] the project runs on the sandbox's clock (see [`crate::clock`]).
//! Deleting the folder and dropping the database removes every trace.

mod config_xml;
mod options;
mod rows;
mod work;

use std::fs;
use std::path::{Path, PathBuf};

use boinc::id::AppId;
use store::sql::Connection;

use crate::clock::{SimClock, real_now};
use crate::error::{Error, Result, db, file};
use crate::rng::Rng;
use crate::test_db::{BOINC_SQL, TestDb, create_database};

pub use options::{DaemonLine, ProjectOptions, VersionLine};
pub use rows::Sample;

/// config.xml's `<host>`, and what the names of the log and pid folders end in.
pub const HOST: &str = "localhost";

/// config.xml's `<upload_url>`.
pub(crate) const UPLOAD_URL: &str = "http://127.0.0.1/sandbox_cgi/file_upload_handler";

/// A project made by [`Project::create`].
#[derive(Debug, Clone)]
pub struct Project {
    dir: PathBuf,
    url: store::DbUrl,
    options: ProjectOptions,
    token: Option<String>,
    appid: AppId,
}

impl Project {
    /// Makes a project in `dir`, which must be empty or missing, and in the database that `url` names, which is
    /// made when it is missing (`server.url("demo")`, or a [`TestDb`]'s url).
    ///
    /// # Errors
    /// The folder is in use, or a file or statement failed.
    pub async fn create(dir: impl AsRef<Path>, url: &store::DbUrl, options: ProjectOptions) -> Result<Self> {
        let dir = dir.as_ref();
        fs::create_dir_all(dir).map_err(file("can't make the folder", dir))?;
        let dir = dir.canonicalize().map_err(file("can't find", dir))?;
        if dir.join("config.xml").exists() {
            return Err(Error::Input(format!(
                "{} holds a project already; give the sandbox an empty folder",
                dir.display()
            )));
        }
        let token = options.clock.map(|_| token());
        let mut project = Self { dir, url: url.clone(), options, token, appid: AppId(0) };
        project.make_database().await?;
        project.make_folders().await?;
        Ok(project)
    }

    /// The project directory.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// A path below the project directory.
    #[must_use]
    pub fn path(&self, below: impl AsRef<Path>) -> PathBuf {
        self.dir.join(below)
    }

    /// How to reach its database.
    #[must_use]
    pub fn url(&self) -> &store::DbUrl {
        &self.url
    }

    /// What it was made with.
    #[must_use]
    pub fn options(&self) -> &ProjectOptions {
        &self.options
    }

    /// Short name of its application.
    #[must_use]
    pub fn app(&self) -> &str {
        &self.options.app
    }

    /// `app.id` of its application.
    #[must_use]
    pub fn appid(&self) -> AppId {
        self.appid
    }

    /// A connection to its database, for raw statements.
    ///
    /// # Errors
    /// The server can't be reached.
    pub async fn connect(&self) -> Result<Connection> {
        Connection::open(&self.url).await.map_err(db("connecting"))
    }

    /// Makes the toolkit's own tables, as `cobblestone migrate` does.
    ///
    /// # Errors
    /// A statement failed.
    pub async fn migrate(&self) -> Result<()> {
        let store = store::Store::connect(&self.url).await.map_err(db("connecting"))?;
        store.migrate(self.now()).await.map_err(db("making the toolkit's tables"))?;
        Ok(())
    }

    /// The clock it was made with or last set to; without one, the real clock (rate 1).
    #[must_use]
    pub fn clock(&self) -> SimClock {
        self.options.clock.unwrap_or(SimClock { real_epoch: 0.0, sim_epoch: 0.0, rate: 1.0 })
    }

    /// Sets the simulated clock. Do it before daemons start: they may read it once.
    ///
    /// # Errors
    /// The project was made without a simulated clock, or a statement failed.
    pub async fn set_clock(&mut self, clock: SimClock) -> Result<()> {
        let Some(token) = &self.token else {
            return Err(Error::Input(
                "this project has no simulated clock; make it with ProjectOptions { clock: Some(…), .. }"
                    .into(),
            ));
        };
        clock.publish(&mut self.connect().await?, token).await?;
        self.options.clock = Some(clock);
        Ok(())
    }

    /// Writes `cobblestone/APP.toml`.
    ///
    /// # Errors
    /// The file can't be written.
    pub fn write_app_config(&self, toml: &str) -> Result<()> {
        self.write(&format!("cobblestone/{}.toml", self.app()), toml)
    }

    /// Puts links to programs into bin/: every `cobblestone…` program of `from` (say target/release).
    ///
    /// # Errors
    /// The folder can't be read, holds none of them, or a link can't be made.
    pub fn install_programs(&self, from: impl AsRef<Path>) -> Result<Vec<String>> {
        let from = from.as_ref();
        let from = from.canonicalize().map_err(file("can't find", from))?;
        let mut installed = Vec::new();
        for entry in fs::read_dir(&from).map_err(file("can't read", &from))?.flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let ours = name == "cobblestone" || name.starts_with("cobblestone-");
            if !ours || name.contains('.') || !entry.path().is_file() {
                continue;
            }
            let link = self.dir.join("bin").join(&name);
            let _ = fs::remove_file(&link);
            std::os::unix::fs::symlink(entry.path(), &link).map_err(file("can't make", &link))?;
            installed.push(name);
        }
        if installed.is_empty() {
            return Err(Error::Input(format!(
                "no cobblestone programs in {}; build them first: cargo build --workspace",
                from.display()
            )));
        }
        installed.sort();
        Ok(installed)
    }

    async fn make_database(&mut self) -> Result<()> {
        create_database(&self.url).await?;
        let mut connection = self.connect().await?;
        let found = connection.rows("SHOW TABLES LIKE 'workunit'", &[]).await.map_err(db("looking"))?;
        if found.is_empty() {
            connection.script(BOINC_SQL).await.map_err(db("making the BOINC tables"))?;
        }
        if !self.options.bare {
            self.insert_application(&mut connection).await?;
        }
        if let (Some(clock), Some(token)) = (self.options.clock, &self.token) {
            clock.publish(&mut connection, token).await?;
        }
        Ok(())
    }

    async fn insert_application(&mut self, connection: &mut Connection) -> Result<()> {
        let now = whole(self.now());
        connection
            .execute(
                "INSERT INTO app (create_time, name, user_friendly_name, target_nresults) VALUES (?, ?, ?, ?)",
                &[now.into(), self.app().into(), self.app().into(), self.options.app_target_nresults.into()],
            )
            .await
            .map_err(db("adding the application"))?;
        self.appid = AppId(i32::try_from(connection.last_insert_id()).unwrap_or(0));
        for version in &self.options.versions {
            connection
                .execute(
                    "INSERT IGNORE INTO platform (create_time, name, user_friendly_name) VALUES (?, ?, ?)",
                    &[now.into(), version.platform.into(), version.platform_name.into()],
                )
                .await
                .map_err(db("adding a platform"))?;
            connection
                .execute(
                    "INSERT INTO app_version (create_time, appid, version_num, platformid, xml_doc, plan_class)
                     SELECT ?, ?, 100, id, '', ? FROM platform WHERE name = ?",
                    &[now.into(), self.appid.0.into(), version.plan_class.into(), version.platform.into()],
                )
                .await
                .map_err(db("adding an application version"))?;
        }
        Ok(())
    }

    async fn make_folders(&self) -> Result<()> {
        let log = format!("log_{HOST}");
        let pid = format!("pid_{HOST}");
        for name in [
            "bin",
            "templates",
            "download",
            "upload",
            "keys",
            "apps",
            &log,
            &pid,
            "html",
            "cgi-bin",
            "cobblestone",
        ] {
            let path = self.dir.join(name);
            fs::create_dir_all(&path).map_err(file("can't make the folder", &path))?;
        }
        self.write(&format!("templates/{}_in", self.app()), &self.options.input_template)?;
        self.write(&format!("templates/{}_out", self.app()), &self.options.output_template)?;
        let port = if self.options.tcp {
            let row = self
                .connect()
                .await?
                .row("SELECT @@port AS port", &[])
                .await
                .map_err(db("asking for the port"))?;
            row.i64("port").ok().and_then(|port| u16::try_from(port).ok())
        } else {
            None
        };
        let xml = config_xml::config_xml(&self.dir, &self.url, port, self.token.as_deref(), &self.options);
        self.write("config.xml", &xml)
    }

    fn write(&self, below: &str, text: &str) -> Result<()> {
        let path = self.dir.join(below);
        fs::write(&path, text).map_err(file("can't write", &path))
    }

    /// The project's time: simulated or real.
    #[must_use]
    pub fn now(&self) -> f64 {
        self.options.clock.map_or_else(real_now, |clock| clock.now())
    }
}

/// A project with a folder and a database of its own, which both go with it.
#[derive(Debug)]
pub struct TestProject {
    /// The project.
    pub project: Project,
    /// Its database.
    pub db: TestDb,
    /// Its folder's parent. Field order matters: the folder goes last.
    pub folder: tempfile::TempDir,
}

impl TestProject {
    /// Makes a project for one test.
    ///
    /// # Errors
    /// As [`Project::create`] and [`TestDb::new`].
    pub async fn new(name: &str, options: ProjectOptions) -> Result<Self> {
        Self::in_database(TestDb::new(name).await?, options).await
    }

    /// The same in a database that is there.
    ///
    /// # Errors
    /// As [`Project::create`].
    pub async fn in_database(db: TestDb, options: ProjectOptions) -> Result<Self> {
        let folder = tempfile::Builder::new()
            .prefix("cobblestone-project-")
            .tempdir()
            .map_err(file("can't make a temporary folder below", &std::env::temp_dir()))?;
        let project = Project::create(folder.path().join("project"), &db.url(), options).await?;
        Ok(Self { project, db, folder })
    }
}

impl std::ops::Deref for TestProject {
    type Target = Project;
    fn deref(&self) -> &Project {
        &self.project
    }
}

impl std::ops::DerefMut for TestProject {
    fn deref_mut(&mut self) -> &mut Project {
        &mut self.project
    }
}

/// Whole seconds for an `int(11)` column.
#[allow(clippy::cast_possible_truncation)]
pub(crate) fn whole(seconds: f64) -> i32 {
    seconds as i32
}

fn token() -> String {
    let mut rng = Rng::named(real_now().to_bits(), &std::process::id().to_string());
    format!("{:016x}{:016x}", rng.bits(), rng.bits())
}
