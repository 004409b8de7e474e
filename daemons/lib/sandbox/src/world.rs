//! Transitioner and fleet together, on the project's clock.

use std::time::{Duration, Instant};

use store::sql::Connection;

use crate::error::{Result, db};
use crate::fleet::{Books, Fleet, FleetOptions, FleetStep};
use crate::project::Project;
use crate::transitioner::{Transitioner, TransitionerPass};

/// Where the project's work stands: counts of rows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Progress {
    /// All workunits.
    pub workunits: i64,
    /// Those with a canonical result.
    pub validated: i64,
    /// Those with `assimilate_state` 2.
    pub assimilated: i64,
    /// Those with an error.
    pub failed: i64,
    /// Results that wait to be sent.
    pub unsent: i64,
    /// Results on hosts.
    pub in_progress: i64,
    /// Results that are over.
    pub over: i64,
    /// Messages stored.
    pub messages: i64,
    /// Messages that no daemon has handled.
    pub unhandled: i64,
    /// Workunits that the validator shall look at.
    pub to_validate: i64,
}

impl Progress {
    /// Counts.
    ///
    /// # Errors
    /// A statement failed.
    pub async fn read(connection: &mut Connection) -> Result<Self> {
        let row = connection
            .row(
                "SELECT w.*, r.*, m.* FROM
                 (SELECT COUNT(*) AS workunits, COALESCE(SUM(canonical_resultid > 0), 0) AS validated,
                         COALESCE(SUM(assimilate_state = 2), 0) AS assimilated, COALESCE(SUM(error_mask <> 0), 0) AS failed,
                         COALESCE(SUM(need_validate > 0), 0) AS to_validate FROM workunit) w,
                 (SELECT COALESCE(SUM(server_state = 2), 0) AS unsent, COALESCE(SUM(server_state = 4), 0) AS in_progress,
                         COALESCE(SUM(server_state = 5), 0) AS `over_` FROM result) r,
                 (SELECT COUNT(*) AS messages, COALESCE(SUM(handled = 0), 0) AS unhandled FROM msg_from_host) m",
                &[],
            )
            .await
            .map_err(db("reading the progress"))?;
        let get = |column: &str| row.i64(column).map_err(db("reading the progress"));
        Ok(Self {
            workunits: get("workunits")?,
            validated: get("validated")?,
            assimilated: get("assimilated")?,
            failed: get("failed")?,
            unsent: get("unsent")?,
            in_progress: get("in_progress")?,
            over: get("over_")?,
            messages: get("messages")?,
            unhandled: get("unhandled")?,
            to_validate: get("to_validate")?,
        })
    }

    /// True when `workunits` of them exist, all are assimilated, and no message waits.
    #[must_use]
    pub fn is_done(&self, workunits: i64) -> bool {
        self.workunits >= workunits && self.assimilated >= self.workunits && self.unhandled == 0
    }
}

/// The stand-ins of one project.
#[derive(Debug)]
pub struct World {
    project: Project,
    transitioner: Transitioner,
    fleet: Fleet,
    connection: Connection,
}

impl World {
    /// Makes the volunteers. Set the project's clock before ([`Project::set_clock`]).
    ///
    /// # Errors
    /// As [`Fleet::new`].
    pub async fn new(project: &Project, options: FleetOptions) -> Result<Self> {
        Ok(Self {
            transitioner: Transitioner::new(project, options.seed).await?,
            fleet: Fleet::new(project, options).await?,
            connection: project.connect().await?,
            project: project.clone(),
        })
    }

    /// One pass of the transitioner and everything that is due on the volunteers' machines, at `now` (simulated).
    ///
    /// # Errors
    /// A statement failed.
    pub async fn step_at(&mut self, now: f64) -> Result<(TransitionerPass, FleetStep)> {
        let pass = self.transitioner.pass(now).await?;
        let step = self.fleet.step(now).await?;
        Ok((pass, step))
    }

    /// The same at the project's time.
    ///
    /// # Errors
    /// As [`World::step_at`].
    pub async fn step(&mut self) -> Result<(TransitionerPass, FleetStep)> {
        self.step_at(self.project.now()).await
    }

    /// Steps every `tick` (real time; 100 ms is good) and about twice a second shows the progress to `go_on`, which ends
    /// the run by `false`.
    ///
    /// # Errors
    /// As [`World::step_at`].
    pub async fn run(
        &mut self,
        tick: Duration,
        mut go_on: impl FnMut(&Progress, &Books) -> bool,
    ) -> Result<Progress> {
        let mut shown: Option<Instant> = None;
        loop {
            let start = Instant::now();
            self.step().await?;
            if shown.is_none_or(|shown| shown.elapsed() > Duration::from_millis(500)) {
                shown = Some(start);
                let progress = self.progress().await?;
                if !go_on(&progress, self.fleet.books()) {
                    return Ok(progress);
                }
            }
            tokio::time::sleep(tick.saturating_sub(start.elapsed())).await;
        }
    }

    /// Counts of the project's rows.
    ///
    /// # Errors
    /// A statement failed.
    pub async fn progress(&mut self) -> Result<Progress> {
        Progress::read(&mut self.connection).await
    }

    /// What the fleet did.
    #[must_use]
    pub fn books(&self) -> &Books {
        self.fleet.books()
    }

    /// The volunteers.
    #[must_use]
    pub fn fleet(&self) -> &Fleet {
        &self.fleet
    }
}
