//! Begins, and makes one job.

use std::io::Write as _;

use anyhow::{Context as _, Result, anyhow};
use boinc::id::WorkunitId;
use boinc::input_template::{Assignment, ParsedFlags};
use boinc::printable::printable;
use daemon::Clock;
use store::work::Filled;

use super::batch::{self, Batch, Blamed};
use super::lines::Lines;
use super::maker::{Fault, Made, Maker, Ready};
use super::many::Stop;
use super::order::Order;
use super::standing::Standing;
use crate::cli::ProjectArgs;
use crate::project::Project;
use crate::screen::print;

/// Makes what the flags ask for. False: not every job has its workunit.
///
/// # Errors
/// See [`super::run`].
pub async fn run(flags: ParsedFlags) -> Result<bool> {
    let project_dir = flags.how.project_dir.clone().map(Into::into);
    let project = Project::open(&ProjectArgs { project_dir }).await?;
    let clock = Clock::for_project(&project.dir.config, &project.store).await?;
    let name = flags.appname.clone().unwrap_or_default();
    let made_up = format!("{name}_{}_{:.6}", std::process::id(), clock.now());
    let order = Order::new(flags, &made_up).context("nothing was made")?;
    let app = project.store.read("application", async |conn| conn.app(&name).await).await?;
    let app = app.ok_or_else(|| {
        let name = printable(&name, 60);
        anyhow!("there is no application {name}; name another one with --appname, or run bin/xadd. Nothing was made")
    })?;
    let maker = Maker::new(&project.dir, &clock, app.id, order.how.dry_run);
    let standing = Standing::new(&order);
    let mut work = Work {
        order,
        project: &project,
        clock: &clock,
        maker,
        batch: Batch::default(),
        standing,
        stop: None,
    };
    if work.order.how.stdin { work.many(Lines::new(std::io::stdin().lock())).await } else { work.one().await }
}

/// A line to tell, on stderr. Nobody is left to tell when that can't be written.
pub(super) fn tell(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{}", printable(text, 4000));
}

/// What is under way.
pub(super) struct Work<'a> {
    pub(super) order: Order,
    pub(super) project: &'a Project,
    pub(super) clock: &'a Clock,
    pub(super) maker: Maker<'a>,
    pub(super) batch: Batch,
    pub(super) standing: Standing,
    /// Where it ends.
    pub(super) stop: Option<Stop>,
}

impl Work<'_> {
    async fn one(&mut self) -> Result<bool> {
        let made = self.order.single().map_err(Fault::from).and_then(|draft| self.maker.make(0, &draft));
        let ready = match made {
            Ok(made) => self.noted(made),
            Err(fault) => return Ok(self.nothing(&fault)),
        };
        if let Some(id) = self.order.how.wu_id {
            return self.fill(WorkunitId(id), &ready).await;
        }
        let blamed = if self.order.how.dry_run || ready.target != Assignment::None {
            (batch::blame(&self.project.store, std::slice::from_ref(&ready)).await)
                .context("no workunit was made")?
        } else {
            Vec::new()
        };
        if let Some(Blamed { why, .. }) = blamed.first() {
            return Ok(self.nothing(why));
        }
        if self.order.how.dry_run {
            print("1 workunit could be made; nothing was written\n");
            return Ok(true);
        }
        let jobs = std::slice::from_ref(&ready);
        match batch::insert(&self.project.store, jobs, ready.row.create_time).await {
            Ok(ids) => self.told(&ready, ids.first().copied()),
            Err(store::Error::Duplicate(what)) => {
                let blamed = batch::blame(&self.project.store, jobs).await?;
                let other = Fault::Database(format!("the name is taken: {what}; give another --wu_name"));
                return Ok(self.nothing(blamed.first().map_or(&other, |blamed| &blamed.why)));
            }
            Err(error) => {
                let name = &ready.row.name;
                match self.stands(&error, name).await {
                    // The connection was lost when it was done.
                    Some(true) => self.told(&ready, None),
                    Some(false) => return Err(anyhow!(error).context("no workunit was made")),
                    None => {
                        let unknown = format!("nobody knows whether workunit {name} was made; look for it");
                        return Err(anyhow!(error).context(unknown));
                    }
                }
            }
        }
        if self.order.is_named_by_us {
            print(&format!("workunit name: {}\n", ready.row.name));
        }
        Ok(true)
    }

    /// Makes a workunit of a placeholder.
    async fn fill(&self, id: WorkunitId, ready: &Ready) -> Result<bool> {
        if self.order.how.dry_run {
            return Ok(self.nothing(&Fault::Database(
                "--dry_run can't look at a placeholder; leave out --wu_id".to_owned(),
            )));
        }
        let now = ready.row.create_time;
        let filled = self
            .project
            .store
            .transaction("fill a placeholder", async |tx| {
                let filled = tx.fill_placeholder(id, &ready.row).await?;
                if filled == Filled::Done {
                    tx.insert_assignments(&[(id, ready.target)], now).await?;
                }
                Ok(filled)
            })
            .await;
        let refusal = match filled {
            Ok(Filled::Done) => {
                self.told(ready, Some(id));
                return Ok(true);
            }
            Ok(Filled::Absent) => {
                format!("there is no row {id} in workunit; leave out --wu_id to have one made")
            }
            Ok(Filled::IsAJob) => format!(
                "workunit {id} is a job of an application already, no placeholder: to overwrite it would lose what is known of it; \
                 leave out --wu_id"
            ),
            Err(store::Error::Duplicate(what)) => {
                format!("the name is taken: {what}; give another --wu_name")
            }
            Err(error) => return Err(error).context(format!("placeholder {id} was not filled")),
        };
        Ok(self.nothing(&Fault::Database(refusal)))
    }

    /// Tells what is worth telling of a row.
    pub(super) fn noted(&mut self, made: Made) -> Ready {
        let Made { ready, mut notes, is_first_of_template } = made;
        if is_first_of_template {
            notes.extend(self.order.overruled(&ready.row));
        }
        let config = &self.project.dir.config;
        let off = match ready.target.row() {
            Some((_, _, false)) if !config.enable_assignment => Some("enable_assignment"),
            Some((_, _, true)) if !config.enable_assignment_multi => Some("enable_assignment_multi"),
            _ => None,
        };
        if let Some(name) = off {
            notes.push(format!("config.xml has no <{name}>1</{name}>: the scheduler will send such jobs to nobody until it has"));
        }
        for note in notes {
            if self.maker.is_news(&note) {
                tell(&note);
            }
        }
        ready
    }

    /// The only job has no workunit.
    fn nothing(&self, fault: &Fault) -> bool {
        for line in fault.stock_lines() {
            tell(&line);
        }
        tell(&format!("cobblestone: {fault}"));
        tell("cobblestone: no workunit was made");
        false
    }

    /// A workunit is there.
    pub(super) fn told(&self, ready: &Ready, id: Option<WorkunitId>) {
        if let Some(id) = id.filter(|_| self.order.how.verbose) {
            tell(&format!("created workunit; name {}, ID {id}", ready.row.name));
        }
    }

    /// Whether what was being inserted stands, by the name of its first workunit. None: nobody knows.
    pub(super) async fn stands(&self, error: &store::Error, name: &str) -> Option<bool> {
        if !error.is_unavailable() {
            return Some(false);
        }
        let names = [name.to_owned()];
        let found = self
            .project
            .store
            .transaction("look for a workunit", async |tx| tx.lock_workunit_names(&names).await);
        found.await.ok().map(|found| !found.is_empty())
    }
}
