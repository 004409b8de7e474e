//! Workunits that wait for a validator, with their results; and what a validator writes.
//!
//! Invariant: a decision is written only while its workunit and all of its results are locked, and need_validate
//! is still set. Of BOINC's tables only the columns of a validator are written.

use boinc::change::HostAppVersionChange;
use boinc::id::{AppId, HostId, ResultId, UserId, WorkunitId};
use boinc::record::{AppVersion, HostAppVersion, ResultRow, Workunit};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use crate::bulk::{self, Kind, Set, float};
use crate::error::{Error, Loaded, Result};
use crate::rows;
use crate::schema::boinc::{app_version, credited_job, host_app_version, result, workunit};
use crate::transaction::{Conn, Tx};

/// Which workunits a daemon takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Selection {
    #[allow(missing_docs)]
    pub app: AppId,
    /// Only ids above this one.
    pub after: WorkunitId,
    /// Only ids up to this one.
    pub up_to: WorkunitId,
    /// At most so many.
    pub limit: i64,
    /// `(n, i)`: only ids with `id mod n = i`.
    pub modulo: Option<(i32, i32)>,
}

/// New values of a result's columns that a validator writes.
#[derive(Debug, Clone, PartialEq)]
pub struct ResultUpdate {
    #[allow(missing_docs)]
    pub id: ResultId,
    #[allow(missing_docs)]
    pub server_state: boinc::state::ServerState,
    #[allow(missing_docs)]
    pub outcome: boinc::state::Outcome,
    #[allow(missing_docs)]
    pub validate_state: boinc::state::ValidateState,
    #[allow(missing_docs)]
    pub granted_credit: f64,
    #[allow(missing_docs)]
    pub runtime_outlier: bool,
}

/// New values of a workunit's columns that a validator writes.
#[derive(Debug, Clone, PartialEq)]
pub struct WorkunitUpdate {
    #[allow(missing_docs)]
    pub id: WorkunitId,
    #[allow(missing_docs)]
    pub need_validate: i32,
    #[allow(missing_docs)]
    pub error_mask: i32,
    /// From the first to the second, where it changes: others write it, too.
    pub assimilate_state: Option<(boinc::state::AssimilateState, boinc::state::AssimilateState)>,
    #[allow(missing_docs)]
    pub transition_time: i32,
    #[allow(missing_docs)]
    pub target_nresults: i32,
    /// Where it is raised.
    pub min_quorum: Option<i32>,
    #[allow(missing_docs)]
    pub canonical_resultid: ResultId,
    #[allow(missing_docs)]
    pub canonical_credit: f64,
}

/// Columns of [`rows::Workunit`].
pub(crate) const WAITING: &str = "id, create_time, appid, name, batch, rsc_fpops_est, rsc_fpops_bound, need_validate, \
    canonical_resultid, canonical_credit, transition_time, error_mask, assimilate_state, opaque, min_quorum, target_nresults, \
    max_error_results, max_total_results, max_success_results";

impl Conn {
    /// Workunits that wait for the validator, by id.
    ///
    /// The index is named: the server's own choice walks over all workunits that do not wait, which are nearly all of
    /// them. In that index workunits of equal need_validate stand in the order of ids, so a batch is read and nothing
    /// else. Need_validate is 1 where BOINC's programs write it; others are few, and sorted.
    pub async fn workunits_to_validate(&mut self, which: Selection) -> Result<Loaded<Workunit>> {
        let Selection { app, after, up_to, limit, modulo } = which;
        let (n, i) = modulo.unwrap_or((1, 0));
        let of = |needs: &str| {
            format!(
                "(SELECT {WAITING} FROM workunit FORCE INDEX (wu_val) WHERE appid = {app} AND need_validate {needs} AND \
                 id > {after} AND id <= {up_to} AND id MOD {n} = {i} ORDER BY id LIMIT {limit})"
            )
        };
        let mut rows: Vec<rows::Workunit> =
            diesel::sql_query(format!("{} UNION ALL {}", of("= 1"), of("> 1"))).load(&mut self.db).await?;
        rows.sort_by_key(rows::Workunit::id);
        rows.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        Ok(Loaded::sort(rows.into_iter().map(Workunit::try_from)))
    }

    /// All results of those workunits, by id.
    pub async fn results_of(&mut self, workunits: &[WorkunitId]) -> Result<Loaded<ResultRow>> {
        if workunits.is_empty() {
            return Ok(Loaded::sort([]));
        }
        let mut rows = result::table
            .filter(result::workunitid.eq_any(workunits.iter().map(|id| id.0)))
            .select(rows::ResultRow::as_select())
            .load(&mut self.db)
            .await?
            .into_iter()
            .map(ResultRow::try_from)
            .collect::<Vec<_>>();
        rows.sort_by_key(|row| row.as_ref().map_or(i64::MAX, |row| i64::from(row.id.0)));
        Ok(Loaded::sort(rows))
    }

    /// Which workunits those results belong to.
    pub async fn workunits_of_results(
        &mut self,
        results: &[ResultId],
    ) -> Result<Vec<(ResultId, WorkunitId)>> {
        if results.is_empty() {
            return Ok(Vec::new());
        }
        let rows = result::table
            .filter(result::id.eq_any(results.iter().map(|id| id.0)))
            .select((result::id, result::workunitid))
            .load::<(i32, i32)>(&mut self.db)
            .await?;
        Ok(rows.into_iter().map(|(result, workunit)| (ResultId(result), WorkunitId(workunit))).collect())
    }

    /// `xml_doc_in` of results: which output files they have.
    pub async fn output_documents(&mut self, results: &[ResultId]) -> Result<Vec<(ResultId, Vec<u8>)>> {
        if results.is_empty() {
            return Ok(Vec::new());
        }
        let rows = result::table
            .filter(result::id.eq_any(results.iter().map(|id| id.0)))
            .select((result::id, result::xml_doc_in))
            .load::<(i32, Option<Vec<u8>>)>(&mut self.db)
            .await?;
        Ok(rows.into_iter().map(|(id, doc)| (ResultId(id), doc.unwrap_or_default())).collect())
    }
}

impl Conn {
    /// Hosts of an application that were flagged for claiming too much.
    pub async fn flagged_hosts(&mut self, app: AppId, hosts: &[HostId]) -> Result<Vec<HostId>> {
        use crate::schema::ours::cobblestone_flag as flag;
        if hosts.is_empty() {
            return Ok(Vec::new());
        }
        let found = flag::table
            .filter(flag::hostid.eq_any(hosts.iter().map(|id| id.0)))
            .filter(flag::appid.eq(app.0))
            .filter(flag::flagged.gt(0.0))
            .select(flag::hostid)
            .load::<i32>(&mut self.db)
            .await?;
        Ok(found.into_iter().map(HostId).collect())
    }

    /// The last `bytes` bytes of `stderr_out` of results: a volunteer's text.
    pub async fn ends_of_stderr(
        &mut self,
        results: &[ResultId],
        bytes: i32,
    ) -> Result<Vec<(ResultId, Vec<u8>)>> {
        #[derive(QueryableByName)]
        struct End {
            #[diesel(sql_type = diesel::sql_types::Integer)]
            id: i32,
            #[diesel(sql_type = diesel::sql_types::Nullable<diesel::sql_types::Blob>)]
            text: Option<Vec<u8>>,
        }
        let mut ends = Vec::new();
        for chunk in results.chunks(1000) {
            let list: Vec<String> = chunk.iter().map(|id| id.0.to_string()).collect();
            let sql = format!(
                "SELECT id, RIGHT(stderr_out, {bytes}) AS text FROM result WHERE id IN ({})",
                list.join(", ")
            );
            let rows: Vec<End> = diesel::sql_query(sql).load(&mut self.db).await?;
            ends.extend(rows.into_iter().map(|end| (ResultId(end.id), end.text.unwrap_or_default())));
        }
        Ok(ends)
    }
}

impl Tx {
    /// Locks those of the workunits that still wait for the validator and that no other instance holds.
    pub async fn lock_workunits_to_validate(&mut self, ids: &[WorkunitId]) -> Result<Loaded<Workunit>> {
        if ids.is_empty() {
            return Ok(Loaded::sort([]));
        }
        let rows = workunit::table
            .filter(workunit::id.eq_any(ids.iter().map(|id| id.0)))
            .filter(workunit::need_validate.gt(0))
            .order(workunit::id)
            .select(rows::Workunit::as_select())
            .for_update()
            .skip_locked()
            .load(&mut self.db)
            .await?;
        Ok(Loaded::sort(rows.into_iter().map(Workunit::try_from)))
    }

    /// Locks all results of those workunits, by id as everybody else does: in the order of workunits, another
    /// daemon that locks the same results by id would be met head-on.
    pub async fn lock_results_of(&mut self, workunits: &[WorkunitId]) -> Result<Loaded<ResultRow>> {
        if workunits.is_empty() {
            return Ok(Loaded::sort([]));
        }
        let ids = result::table
            .filter(result::workunitid.eq_any(workunits.iter().map(|id| id.0)))
            .select(result::id)
            .load::<i32>(&mut self.db)
            .await?;
        self.lock_results(&ids.into_iter().map(ResultId).collect::<Vec<_>>()).await
    }

    /// Locks all `host_app_version` rows of those hosts.
    pub async fn lock_host_app_versions(&mut self, hosts: &[HostId]) -> Result<Vec<HostAppVersion>> {
        if hosts.is_empty() {
            return Ok(Vec::new());
        }
        let rows = host_app_version::table
            .filter(host_app_version::host_id.eq_any(hosts.iter().map(|id| id.0)))
            .order((host_app_version::host_id, host_app_version::app_version_id))
            .select(rows::HostAppVersion::as_select())
            .for_update()
            .load(&mut self.db)
            .await?;
        Ok(rows.into_iter().map(HostAppVersion::from).collect())
    }

    /// Locks all versions of an application, for their statistics.
    pub async fn lock_app_versions(&mut self, app: AppId) -> Result<Vec<AppVersion>> {
        let rows = app_version::table
            .filter(app_version::appid.eq(app.0))
            .order(app_version::id)
            .select(rows::AppVersion::as_select())
            .for_update()
            .load(&mut self.db)
            .await?;
        Ok(rows.into_iter().map(AppVersion::from).collect())
    }

    /// Writes results that this transaction has locked.
    pub async fn write_results(&mut self, updates: &[ResultUpdate]) -> Result<()> {
        let values: Vec<_> = updates
            .iter()
            .map(|u| {
                vec![
                    u.id.0.into(),
                    u.server_state.code().into(),
                    u.outcome.code().into(),
                    u.validate_state.code().into(),
                    float(u.granted_credit),
                    i32::from(u.runtime_outlier).into(),
                ]
            })
            .collect();
        let sets = [
            Set::To("server_state", Kind::Int),
            Set::To("outcome", Kind::Int),
            Set::To("validate_state", Kind::Int),
            Set::To("granted_credit", Kind::Double),
            Set::To("runtime_outlier", Kind::Int),
        ];
        let changed = bulk::update(self, "result", &["id"], &sets, &values).await?;
        expect("writing verdicts of results", updates.len(), changed)
    }

    /// Writes workunits that this transaction has locked. `assimilate_state` changes only from the value that was
    /// expected; another one is an error, and nothing is done.
    pub async fn write_workunits(&mut self, updates: &[WorkunitUpdate]) -> Result<()> {
        let stays: Vec<&WorkunitUpdate> = updates.iter().filter(|u| u.assimilate_state.is_none()).collect();
        let moves: Vec<&WorkunitUpdate> = updates.iter().filter(|u| u.assimilate_state.is_some()).collect();
        self.write_some_workunits(&stays, false).await?;
        self.write_some_workunits(&moves, true).await?;
        let raised: Vec<_> = updates
            .iter()
            .filter_map(|u| u.min_quorum.map(|quorum| vec![u.id.0.into(), quorum.into()]))
            .collect();
        // The scheduler raises it, too, when an unreliable host takes an instance.
        let sets = [Set::Raise("min_quorum", Kind::Int)];
        let changed = bulk::update(self, "workunit", &["id"], &sets, &raised).await?;
        expect("raising the quorum of workunits", raised.len(), changed)
    }

    async fn write_some_workunits(&mut self, updates: &[&WorkunitUpdate], moved: bool) -> Result<()> {
        let values: Vec<_> = updates
            .iter()
            .map(|u| {
                let mut row = vec![
                    u.id.0.into(),
                    u.need_validate.into(),
                    u.error_mask.into(),
                    u.transition_time.into(),
                    u.target_nresults.into(),
                    u.canonical_resultid.0.into(),
                    float(u.canonical_credit),
                ];
                row.extend(
                    u.assimilate_state.iter().flat_map(|(from, to)| [from.code().into(), to.code().into()]),
                );
                row
            })
            .collect();
        let mut sets = vec![
            Set::To("need_validate", Kind::Int),
            Set::To("error_mask", Kind::Int),
            Set::To("transition_time", Kind::Int),
            Set::To("target_nresults", Kind::Int),
            Set::To("canonical_resultid", Kind::Int),
            Set::To("canonical_credit", Kind::Double),
        ];
        if moved {
            sets.extend([Set::Guard("assimilate_state", Kind::Int), Set::To("assimilate_state", Kind::Int)]);
        }
        let changed = bulk::update(self, "workunit", &["id"], &sets, &values).await?;
        expect("writing verdicts of workunits", updates.len(), changed)
    }

    /// Punishes hosts whose version can't work on them, as `--check_punitive` does: one job a day, and that was today's.
    /// Rows that this transaction has locked; how many there were.
    pub async fn punish_hosts(&mut self, rows: &[(HostId, boinc::id::HostAppVersionId)]) -> Result<usize> {
        let values: Vec<_> = rows
            .iter()
            .map(|(host, version)| vec![host.0.into(), version.0.into(), 1.into(), 1.into()])
            .collect();
        let sets = [Set::To("max_jobs_per_day", Kind::Int), Set::To("n_jobs_today", Kind::Int)];
        bulk::update(self, "host_app_version", &["host_id", "app_version_id"], &sets, &values).await
    }

    /// Writes the statistics of a host's versions, rows that this transaction has locked.
    ///
    /// A row that takes over an older version's is deleted under its old key and inserted under its new one:
    /// another row of the batch may have left or may take either key.
    pub async fn write_host_app_versions(&mut self, changes: &[HostAppVersionChange]) -> Result<()> {
        use host_app_version as h;
        let stays = |c: &&HostAppVersionChange| c.from == Some(c.row.app_version_id);
        for moved in changes.iter().filter(|c| !stays(c)) {
            if let Some(from) = moved.from {
                diesel::delete(
                    h::table.filter(h::host_id.eq(moved.row.host_id.0)).filter(h::app_version_id.eq(from.0)),
                )
                .execute(&mut self.db)
                .await?;
            }
        }
        let new: Vec<_> = changes
            .iter()
            .filter(|c| !stays(c))
            .map(|c| {
                let n = &c.row;
                (
                    h::host_id.eq(n.host_id.0),
                    h::app_version_id.eq(n.app_version_id.0),
                    h::pfc_n.eq(n.pfc_n),
                    h::pfc_avg.eq(n.pfc_avg),
                    h::et_n.eq(n.et_n),
                    h::et_avg.eq(n.et_avg),
                    h::et_var.eq(n.et_var),
                    h::et_q.eq(n.et_q),
                    h::max_jobs_per_day.eq(n.max_jobs_per_day),
                    h::n_jobs_today.eq(n.n_jobs_today),
                    h::turnaround_n.eq(n.turnaround_n),
                    h::turnaround_avg.eq(n.turnaround_avg),
                    h::turnaround_var.eq(n.turnaround_var),
                    h::turnaround_q.eq(n.turnaround_q),
                    h::consecutive_valid.eq(n.consecutive_valid),
                )
            })
            .collect();
        for chunk in new.chunks(2000) {
            diesel::insert_into(h::table).values(chunk).execute(&mut self.db).await?;
        }
        let values: Vec<_> = changes
            .iter()
            .filter(stays)
            .map(|c| {
                let n = &c.row;
                vec![
                    n.host_id.0.into(),
                    n.app_version_id.0.into(),
                    float(n.pfc_n),
                    float(n.pfc_avg),
                    float(n.et_n),
                    float(n.et_avg),
                    float(n.et_var),
                    float(n.et_q),
                    n.max_jobs_per_day.into(),
                    float(n.turnaround_n),
                    float(n.turnaround_avg),
                    float(n.turnaround_var),
                    float(n.turnaround_q),
                    n.consecutive_valid.into(),
                ]
            })
            .collect();
        let sets = [
            Set::To("pfc_n", Kind::Double),
            Set::To("pfc_avg", Kind::Double),
            Set::To("et_n", Kind::Double),
            Set::To("et_avg", Kind::Double),
            Set::To("et_var", Kind::Double),
            Set::To("et_q", Kind::Double),
            Set::To("max_jobs_per_day", Kind::Int),
            Set::To("turnaround_n", Kind::Double),
            Set::To("turnaround_avg", Kind::Double),
            Set::To("turnaround_var", Kind::Double),
            Set::To("turnaround_q", Kind::Double),
            Set::To("consecutive_valid", Kind::Int),
        ];
        bulk::update(self, "host_app_version", &["host_id", "app_version_id"], &sets, &values).await?;
        Ok(())
    }

    /// Writes the statistics of versions that this transaction has locked.
    pub async fn write_app_versions(&mut self, rows: &[AppVersion]) -> Result<()> {
        let values: Vec<_> = rows
            .iter()
            .map(|v| {
                vec![
                    v.id.0.into(),
                    float(v.pfc_n),
                    float(v.pfc_avg),
                    float(v.expavg_credit),
                    float(v.expavg_time),
                ]
            })
            .collect();
        let sets = [
            Set::To("pfc_n", Kind::Double),
            Set::To("pfc_avg", Kind::Double),
            Set::To("expavg_credit", Kind::Double),
            Set::To("expavg_time", Kind::Double),
        ];
        let changed = bulk::update(self, "app_version", &["id"], &sets, &values).await?;
        expect("writing statistics of versions", values.len(), changed)
    }

    /// Notes who was credited for which of the submitter's jobs (`--update_credited_job`).
    pub async fn insert_credited_jobs(&mut self, jobs: &[(UserId, i64)]) -> Result<()> {
        let rows: Vec<_> = jobs
            .iter()
            .map(|(user, job)| (credited_job::userid.eq(user.0), credited_job::workunitid.eq(*job)))
            .collect();
        if !rows.is_empty() {
            diesel::insert_or_ignore_into(credited_job::table).values(&rows).execute(&mut self.db).await?;
        }
        Ok(())
    }
}

fn expect(what: &'static str, expected: usize, changed: usize) -> Result<()> {
    if expected == changed { Ok(()) } else { Err(Error::Count { what, expected, changed }) }
}
