//! Workunits that wait for the assimilator, and the files that hold what it made of them.
//!
//! Invariant: a workunit is marked assimilated in the transaction that records the file which holds it. The file
//! itself becomes visible to readers afterwards; a file that is recorded and not yet visible is found again by its
//! state ([`FileState::Committed`]).

use boinc::id::{AppId, AppVersionId, HostId, ResultId, WorkunitId};
use boinc::record::Workunit;
use boinc::state::AssimilateState;
use boinc::verdict::Decision;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use std::collections::BTreeMap;

use crate::aside_workunits::{DROPPED_WORKUNIT, WORKUNIT};
use crate::bulk::{self, Kind, Set};
use crate::error::{Error, Loaded, Result};
use crate::rows;
use crate::schema::boinc::{app_version, host, result, workunit};
use crate::schema::ours::{
    cobblestone_assimilated as done, cobblestone_campaign, cobblestone_dataset_file as f, cobblestone_job,
    cobblestone_quarantine as q, cobblestone_verdict as v,
};
use crate::transaction::{Conn, Tx};
use crate::validation::{Selection, WAITING};

/// How far a dataset file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileState {
    /// Its workunits are marked; readers may not see it yet.
    Committed,
    /// Readers see it.
    Published,
}

impl FileState {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Committed => "committed",
            Self::Published => "published",
        }
    }
}

/// A file of a dataset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatasetFile {
    /// `results`, `failures`, `files` or `data/NAME`.
    pub dataset: String,
    /// Below the app's results folder.
    pub path: String,
    /// Rows in it.
    pub items: i64,
    /// Its size.
    pub bytes: i64,
}

/// Which job of which campaign a workunit is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobOf {
    #[allow(missing_docs)]
    pub workunit: WorkunitId,
    /// Name of the campaign.
    pub campaign: String,
    /// Number of the job in it.
    pub job: i64,
    #[allow(missing_docs)]
    pub seed: i64,
    /// Events asked for.
    pub events: i64,
    /// Parameters of the campaign and columns of the row, as JSON; None: it has none.
    pub parameters: Option<String>,
}

/// A version of the application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppVersionFacts {
    #[allow(missing_docs)]
    pub id: AppVersionId,
    /// 100 · major + minor.
    pub number: i32,
    /// Empty = none.
    pub plan_class: String,
}

/// How the valid results of a workunit agreed, as the validator kept it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Agreement {
    #[allow(missing_docs)]
    pub workunit: WorkunitId,
    /// Largest deviation among them, in units of the tolerance; None: nothing deviates, or it is no number.
    pub worst: Option<f64>,
    /// When the first of them was found valid, Unix seconds.
    pub time: f64,
}

/// What matters of a host for science.
#[derive(Debug, Clone, PartialEq)]
pub struct HostFacts {
    #[allow(missing_docs)]
    pub id: HostId,
    #[allow(missing_docs)]
    pub os_name: String,
    #[allow(missing_docs)]
    pub os_version: String,
    /// Vendor and model of the processor.
    pub processor: String,
    /// Processors.
    pub ncpus: i32,
}

/// A workunit that was set aside.
#[derive(Debug, Clone, PartialEq)]
pub struct WorkunitAside {
    #[allow(missing_docs)]
    pub workunit: WorkunitId,
    /// The last time, Unix seconds.
    pub time: f64,
    /// How often.
    pub tries: i32,
    /// Why.
    pub reason: String,
    /// A person decided that it is not tried any more.
    pub is_dropped: bool,
}

impl Conn {
    /// Workunits that wait for the assimilator, by id.
    ///
    /// The index is named: to have them in the order of ids, the server would walk over all workunits that are done. In
    /// that index those of one state stand in the order of ids, so a batch is read and nothing else.
    pub async fn workunits_to_assimilate(&mut self, which: Selection) -> Result<Loaded<Workunit>> {
        let Selection { app, after, up_to, limit, modulo } = which;
        let (n, i) = modulo.unwrap_or((1, 0));
        let ready = AssimilateState::Ready.code();
        let rows: Vec<rows::Workunit> = diesel::sql_query(format!(
            "SELECT {WAITING} FROM workunit FORCE INDEX (wu_assim) WHERE appid = {app} AND assimilate_state = {ready} AND \
             id > {after} AND id <= {up_to} AND id MOD {n} = {i} ORDER BY id LIMIT {limit}"
        ))
        .load(&mut self.db)
        .await?;
        Ok(Loaded::sort(rows.into_iter().map(Workunit::try_from)))
    }

    /// How many wait for the assimilator, at most `limit`.
    pub async fn count_to_assimilate(&mut self, which: Selection) -> Result<i64> {
        #[derive(QueryableByName)]
        struct Count {
            #[diesel(sql_type = diesel::sql_types::BigInt)]
            n: i64,
        }
        let Selection { app, after, up_to, limit, modulo } = which;
        let (n, i) = modulo.unwrap_or((1, 0));
        let ready = AssimilateState::Ready.code();
        let count: Count = diesel::sql_query(format!(
            "SELECT COUNT(*) AS n FROM (SELECT id FROM workunit FORCE INDEX (wu_assim) WHERE appid = {app} AND \
             assimilate_state = {ready} AND id > {after} AND id <= {up_to} AND id MOD {n} = {i} LIMIT {limit}) w"
        ))
        .get_result(&mut self.db)
        .await?;
        Ok(count.n)
    }

    /// Workunits that have their row in a dataset already, with its name.
    pub async fn assimilated(&mut self, workunits: &[WorkunitId]) -> Result<Vec<(WorkunitId, String)>> {
        if workunits.is_empty() {
            return Ok(Vec::new());
        }
        let rows = done::table
            .filter(done::workunitid.eq_any(workunits.iter().map(|id| id.0)))
            .select((done::workunitid, done::dataset))
            .load::<(i32, String)>(&mut self.db)
            .await?;
        Ok(rows.into_iter().map(|(id, dataset)| (WorkunitId(id), dataset)).collect())
    }

    /// Campaign and job of workunits; those that the work generator did not make are left out.
    pub async fn jobs_of(&mut self, workunits: &[WorkunitId]) -> Result<Vec<JobOf>> {
        if workunits.is_empty() {
            return Ok(Vec::new());
        }
        let rows = cobblestone_job::table
            .inner_join(
                cobblestone_campaign::table.on(cobblestone_campaign::id.eq(cobblestone_job::campaignid)),
            )
            .filter(cobblestone_job::workunitid.eq_any(workunits.iter().map(|id| id.0)))
            .select((
                cobblestone_job::workunitid,
                cobblestone_campaign::name,
                cobblestone_job::job,
                cobblestone_job::seed,
                cobblestone_job::events,
                cobblestone_job::parameters,
            ))
            .load::<(i32, String, i64, i64, i64, Option<String>)>(&mut self.db)
            .await?;
        Ok(rows
            .into_iter()
            .map(|(workunit, campaign, job, seed, events, parameters)| JobOf {
                workunit: WorkunitId(workunit),
                campaign,
                job,
                seed,
                events,
                parameters,
            })
            .collect())
    }

    /// Facts of hosts.
    pub async fn host_facts(&mut self, hosts: &[HostId]) -> Result<Vec<HostFacts>> {
        if hosts.is_empty() {
            return Ok(Vec::new());
        }
        type Row = (i32, Option<String>, Option<String>, Option<String>, Option<String>, i32);
        let rows = host::table
            .filter(host::id.eq_any(hosts.iter().map(|id| id.0)))
            .select((host::id, host::os_name, host::os_version, host::p_vendor, host::p_model, host::p_ncpus))
            .load::<Row>(&mut self.db)
            .await?;
        Ok(rows
            .into_iter()
            .map(|(id, os_name, os_version, vendor, model, ncpus)| HostFacts {
                id: HostId(id),
                os_name: os_name.unwrap_or_default(),
                os_version: os_version.unwrap_or_default(),
                processor: format!("{} {}", vendor.unwrap_or_default(), model.unwrap_or_default())
                    .trim()
                    .to_owned(),
                ncpus,
            })
            .collect())
    }

    /// Facts of versions of applications.
    pub async fn app_version_facts(&mut self, versions: &[AppVersionId]) -> Result<Vec<AppVersionFacts>> {
        if versions.is_empty() {
            return Ok(Vec::new());
        }
        let rows = app_version::table
            .filter(app_version::id.eq_any(versions.iter().map(|id| id.0)))
            .select((app_version::id, app_version::version_num, app_version::plan_class))
            .load::<(i32, i32, String)>(&mut self.db)
            .await?;
        Ok(rows
            .into_iter()
            .map(|(id, number, plan_class)| AppVersionFacts { id: AppVersionId(id), number, plan_class })
            .collect())
    }

    /// How the valid results of workunits agreed; workunits without kept verdicts are left out.
    pub async fn agreements(&mut self, workunits: &[WorkunitId]) -> Result<Vec<Agreement>> {
        if workunits.is_empty() {
            return Ok(Vec::new());
        }
        let rows = v::table
            .filter(v::workunitid.eq_any(workunits.iter().map(|id| id.0)))
            .filter(v::decision.eq(Decision::Valid.as_str()))
            .select((v::workunitid, v::deviation, v::time))
            .load::<(i32, Option<f64>, f64)>(&mut self.db)
            .await?;
        let mut all: BTreeMap<i32, Agreement> = BTreeMap::new();
        for (workunit, deviation, time) in rows {
            let known = all.entry(workunit).or_insert(Agreement {
                workunit: WorkunitId(workunit),
                worst: None,
                time,
            });
            known.worst = known.worst.into_iter().chain(deviation).reduce(f64::max);
            known.time = known.time.min(time);
        }
        Ok(all.into_values().collect())
    }

    /// `stderr_out` of results: the volunteer's bytes, at most 64 KiB by BOINC's column.
    pub async fn stderr_of(&mut self, results: &[ResultId]) -> Result<Vec<(ResultId, Vec<u8>)>> {
        if results.is_empty() {
            return Ok(Vec::new());
        }
        let rows = result::table
            .filter(result::id.eq_any(results.iter().map(|id| id.0)))
            .select((result::id, result::stderr_out))
            .load::<(i32, Option<Vec<u8>>)>(&mut self.db)
            .await?;
        Ok(rows.into_iter().map(|(id, text)| (ResultId(id), text.unwrap_or_default())).collect())
    }

    /// Which workunits those results belong to.
    pub async fn workunits_of(&mut self, results: &[ResultId]) -> Result<Vec<(ResultId, WorkunitId)>> {
        if results.is_empty() {
            return Ok(Vec::new());
        }
        let rows = result::table
            .filter(result::id.eq_any(results.iter().map(|id| id.0)))
            .select((result::id, result::workunitid))
            .load::<(i32, i32)>(&mut self.db)
            .await?;
        Ok(rows.into_iter().map(|(id, workunit)| (ResultId(id), WorkunitId(workunit))).collect())
    }

    /// Those of the workunits that `daemon` has set aside.
    pub async fn workunits_set_aside(
        &mut self,
        daemon: &str,
        workunits: &[WorkunitId],
    ) -> Result<Vec<WorkunitAside>> {
        if workunits.is_empty() {
            return Ok(Vec::new());
        }
        let rows = q::table
            .filter(q::daemon.eq(daemon))
            .filter(q::kind.eq_any([WORKUNIT, DROPPED_WORKUNIT]))
            .filter(q::refid.eq_any(workunits.iter().map(|id| i64::from(id.0))))
            .select((q::refid, q::time, q::tries, q::reason, q::kind))
            .load::<(i64, f64, i32, String, String)>(&mut self.db)
            .await?;
        Ok(rows
            .into_iter()
            .filter_map(|(id, time, tries, reason, kind)| {
                let workunit = WorkunitId(i32::try_from(id).ok()?);
                let is_dropped = kind == DROPPED_WORKUNIT;
                Some(WorkunitAside { workunit, time, tries, reason, is_dropped })
            })
            .collect())
    }

    /// True if files of an app's datasets are recorded.
    pub async fn has_dataset_files(&mut self, app: AppId) -> Result<bool> {
        let any =
            f::table.filter(f::appid.eq(app.0)).select(f::id).first::<i64>(&mut self.db).await.optional()?;
        Ok(any.is_some())
    }

    /// Files of an app's datasets in that state.
    pub async fn dataset_files(&mut self, app: AppId, state: FileState) -> Result<Vec<DatasetFile>> {
        let rows = f::table
            .filter(f::appid.eq(app.0))
            .filter(f::state.eq(state.as_str()))
            .order(f::id)
            .select((f::dataset, f::path, f::items, f::bytes))
            .load::<(String, String, i64, i64)>(&mut self.db)
            .await?;
        Ok(rows
            .into_iter()
            .map(|(dataset, path, items, bytes)| DatasetFile { dataset, path, items, bytes })
            .collect())
    }
}

impl Tx {
    /// Locks those of the workunits that still wait for the assimilator and that no other instance holds.
    pub async fn lock_workunits_to_assimilate(&mut self, ids: &[WorkunitId]) -> Result<Loaded<Workunit>> {
        if ids.is_empty() {
            return Ok(Loaded::sort([]));
        }
        let rows = workunit::table
            .filter(workunit::id.eq_any(ids.iter().map(|id| id.0)))
            .filter(workunit::assimilate_state.eq(AssimilateState::Ready.code()))
            .order(workunit::id)
            .select(rows::Workunit::as_select())
            .for_update()
            .skip_locked()
            .load(&mut self.db)
            .await?;
        Ok(Loaded::sort(rows.into_iter().map(Workunit::try_from)))
    }

    /// Marks locked workunits as assimilated and wakes the transitioner; (workunit, error_mask to write).
    pub async fn mark_assimilated(&mut self, workunits: &[(WorkunitId, i32)], now: i32) -> Result<()> {
        let values: Vec<_> = workunits
            .iter()
            .map(|(id, mask)| {
                vec![
                    id.0.into(),
                    AssimilateState::Ready.code().into(),
                    AssimilateState::Done.code().into(),
                    (*mask).into(),
                    now.into(),
                ]
            })
            .collect();
        let sets = [
            Set::Guard("assimilate_state", Kind::Int),
            Set::To("assimilate_state", Kind::Int),
            Set::To("error_mask", Kind::Int),
            Set::To("transition_time", Kind::Int),
        ];
        let changed = bulk::update(self, "workunit", &["id"], &sets, &values).await?;
        if changed == values.len() {
            Ok(())
        } else {
            Err(Error::Count { what: "marking workunits as assimilated", expected: values.len(), changed })
        }
    }

    /// Notes that workunits have their row in a dataset: (workunit, dataset).
    ///
    /// # Errors
    /// [`Error::Duplicate`]: one of them has a row already.
    pub async fn insert_assimilated(&mut self, rows: &[(WorkunitId, &str)], time: f64) -> Result<()> {
        let rows: Vec<_> = rows
            .iter()
            .map(|(id, dataset)| (done::workunitid.eq(id.0), done::dataset.eq(*dataset), done::time.eq(time)))
            .collect();
        for chunk in rows.chunks(5000) {
            diesel::insert_into(done::table).values(chunk).execute(&mut self.db).await?;
        }
        Ok(())
    }

    /// Records files that hold what is marked in this transaction.
    pub async fn insert_dataset_files(&mut self, app: AppId, files: &[DatasetFile], time: f64) -> Result<()> {
        let rows: Vec<_> = files
            .iter()
            .map(|file| {
                (
                    f::appid.eq(app.0),
                    f::dataset.eq(&file.dataset),
                    f::path.eq(&file.path),
                    f::items.eq(file.items),
                    f::bytes.eq(file.bytes),
                    f::state.eq(FileState::Committed.as_str()),
                    f::time.eq(time),
                )
            })
            .collect();
        if !rows.is_empty() {
            diesel::insert_into(f::table).values(&rows).execute(&mut self.db).await?;
        }
        Ok(())
    }

    /// Which of these files are recorded. Waits for transactions that record one of them and are not over yet, so
    /// that the answer stays true.
    pub async fn lock_dataset_files(&mut self, paths: &[String]) -> Result<Vec<String>> {
        if paths.is_empty() {
            return Ok(Vec::new());
        }
        Ok(f::table.filter(f::path.eq_any(paths)).select(f::path).for_update().load(&mut self.db).await?)
    }

    /// Notes that readers see these files now.
    pub async fn mark_published(&mut self, paths: &[String]) -> Result<()> {
        if !paths.is_empty() {
            diesel::update(f::table.filter(f::path.eq_any(paths)))
                .set(f::state.eq(FileState::Published.as_str()))
                .execute(&mut self.db)
                .await?;
        }
        Ok(())
    }
}
