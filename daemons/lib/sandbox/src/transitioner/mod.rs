//! A stand-in for BOINC's transitioner, for the sandbox only.
//!
//! It makes results, notices time-outs, calls the validator and the assimilator by their flags, and lets files be
//! deleted: see [`decide()`](decide::decide). Like the original it writes only the columns that it changed, each statement its own
//! transaction, and sets `transition_time` only if nobody changed it meanwhile (else it looks again at once).
//! Killed between two statements, it finds the same workunit due again.

pub mod decide;
pub mod penalty;

use std::collections::BTreeMap;

use boinc::output_template;
use serde_json::{Map, Value};
use store::sql::{Connection, Param, Row};

use crate::error::{Error, Result, db};
use crate::project::Project;
use crate::retry::execute;
use crate::rng::Rng;
use crate::row::row;
use decide::{Res, Transition, Wu};
use penalty::Standing;

/// At most so many workunits in one pass.
const LIMIT: usize = 1000;

/// What one pass did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TransitionerPass {
    /// Workunits that were due.
    pub workunits: usize,
    /// Results that were made.
    pub made: usize,
    /// Results whose deadline passed.
    pub timed_out: usize,
    /// Workunits whose `need_validate` was set.
    pub to_validate: usize,
    /// Workunits that got an error bit.
    pub failed: usize,
}

/// The stand-in, with its own connection.
#[derive(Debug)]
pub struct Transitioner {
    project: Project,
    connection: Connection,
    templates: BTreeMap<String, String>,
    rng: Rng,
}

struct Item {
    id: i32,
    appid: i32,
    name: String,
    template: String,
    batch: i32,
    priority: i32,
    wu: Wu,
    results: Vec<Res>,
    owners: BTreeMap<i32, (i32, i32)>,
}

impl Transitioner {
    /// Connects. `seed` is for the random parts of names.
    ///
    /// # Errors
    /// The database can't be reached.
    pub async fn new(project: &Project, seed: u64) -> Result<Self> {
        Ok(Self {
            project: project.clone(),
            connection: project.connect().await?,
            templates: BTreeMap::new(),
            rng: Rng::named(seed, "transitioner"),
        })
    }

    /// Handles all workunits with `transition_time` before `now`, at most a thousand.
    ///
    /// # Errors
    /// A statement failed, or an output template can't be read.
    pub async fn pass(&mut self, now: f64) -> Result<TransitionerPass> {
        let now = crate::project::whole(now);
        let items = self.due(now).await?;
        let mut pass = TransitionerPass { workunits: items.len(), ..TransitionerPass::default() };
        let mut made = Vec::new();
        let mut changes = Vec::new();
        for item in items {
            let next = decide::decide(&item.wu, &item.results, now);
            pass.timed_out += next.timed_out.len();
            pass.to_validate += usize::from(next.wu.need_validate != item.wu.need_validate);
            pass.failed += usize::from(next.wu.error_mask != item.wu.error_mask);
            for number in &next.new_results {
                made.push(self.new_result(&item, *number, now)?);
            }
            changes.push((item, next));
        }
        pass.made = made.len();
        // Results first: should we be killed here, the workunits are still due, and see them.
        self.connection.insert_json("result", &made).await.map_err(db("making results"))?;
        for (item, next) in &changes {
            self.write(item, next, now).await?;
        }
        Ok(pass)
    }

    async fn due(&mut self, now: i32) -> Result<Vec<Item>> {
        let rows = self
            .connection
            .rows(
                "SELECT id, appid, name, result_template_file, batch, priority, min_quorum, target_nresults, max_error_results,
                        max_total_results, delay_bound, canonical_resultid, transitioner_flags, need_validate, error_mask,
                        assimilate_state, file_delete_state, transition_time
                 FROM workunit WHERE transition_time < ? AND transitioner_flags <> 1 ORDER BY id LIMIT ?",
                &[now.into(), LIMIT.into()],
            )
            .await
            .map_err(db("reading workunits"))?;
        let mut items: BTreeMap<i32, Item> = BTreeMap::new();
        for row in rows {
            let item = item(&row).map_err(db("reading a workunit"))?;
            items.insert(item.id, item);
        }
        if items.is_empty() {
            return Ok(Vec::new());
        }
        let ids: Vec<String> = items.keys().map(ToString::to_string).collect();
        let rows = self
            .connection
            .rows(
                &format!(
                    "SELECT id, workunitid, name, report_deadline, exit_status, server_state, outcome, validate_state,
                            file_delete_state, hostid, app_version_id
                     FROM result WHERE workunitid IN ({}) ORDER BY id",
                    ids.join(",")
                ),
                &[],
            )
            .await
            .map_err(db("reading results"))?;
        for row in rows {
            let (wu, res, owner) = result(&row).map_err(db("reading a result"))?;
            if let Some(item) = items.get_mut(&wu) {
                item.owners.insert(res.id, owner);
                item.results.push(res);
            }
        }
        Ok(items.into_values().collect())
    }

    fn new_result(&mut self, item: &Item, number: i32, now: i32) -> Result<Map<String, Value>> {
        if !self.templates.contains_key(&item.template) {
            let path = self.project.path(&item.template);
            let text = std::fs::read_to_string(&path).map_err(crate::error::file("can't read", &path))?;
            self.templates.insert(item.template.clone(), text);
        }
        let template = self.templates.get(&item.template).map(String::as_str).unwrap_or_default();
        let name = output_template::result_name(&item.name, number.unsigned_abs());
        let base = output_template::output_base(&name, self.rng.lrand().unsigned_abs());
        let doc = output_template::expand(template, &base, crate::project::UPLOAD_URL).map_err(|error| {
            Error::Input(format!("{}: {error}", self.project.path(&item.template).display()))
        })?;
        Ok(row! {
            "create_time": now, "workunitid": item.id, "server_state": 2, "outcome": 0, "client_state": 0,
            "hostid": 0, "userid": 0, "report_deadline": 0, "sent_time": 0, "received_time": 0, "name": name,
            "cpu_time": 0.0, "xml_doc_in": doc, "xml_doc_out": "", "stderr_out": "", "batch": item.batch,
            "file_delete_state": 0, "validate_state": 0, "claimed_credit": 0.0, "granted_credit": 0.0,
            "opaque": 0.0, "random": self.rng.lrand(), "app_version_num": 0, "appid": item.appid,
            "exit_status": 0, "teamid": 0, "priority": item.priority, "elapsed_time": 0.0, "flops_estimate": 0.0,
            "app_version_id": 0, "runtime_outlier": 0, "peak_working_set_size": 0.0, "peak_swap_size": 0.0,
            "peak_disk_usage": 0.0
        })
    }

    /// A host let a deadline pass. Without a row for the version nothing happens, as in stock.
    async fn penalize(&mut self, host: i32, version: i32, delay_bound: i32) -> Result<()> {
        let rows = self
            .connection
            .rows(
                "SELECT max_jobs_per_day, turnaround_n, turnaround_avg, turnaround_var, turnaround_q FROM host_app_version
                 WHERE host_id = ? AND app_version_id = ?",
                &[host.into(), version.into()],
            )
            .await
            .map_err(db("reading the standing of a host"))?;
        let Some(row) = rows.first() else { return Ok(()) };
        let standing = standing(row).map_err(db("reading the standing of a host"))?;
        let next = standing.after_time_out(delay_bound, self.project.options().daily_result_quota);
        execute(
            &mut self.connection,
            "penalizing a host that timed out",
            "UPDATE host_app_version SET consecutive_valid = 0, max_jobs_per_day = ?, turnaround_n = ?, turnaround_avg = ?,
                    turnaround_var = ?, turnaround_q = ? WHERE host_id = ? AND app_version_id = ?",
            &[
                next.max_jobs_per_day.into(),
                next.n.into(),
                next.avg.into(),
                next.var.into(),
                next.q.into(),
                host.into(),
                version.into(),
            ],
        )
        .await?;
        Ok(())
    }

    async fn write(&mut self, item: &Item, next: &Transition, now: i32) -> Result<()> {
        for (old, new) in item.results.iter().zip(&next.results).filter(|(old, new)| old != new) {
            // What another program changed meanwhile is not overwritten: the state must still be what we read.
            execute(
                &mut self.connection,
                "updating a result",
                "UPDATE result SET server_state = ?, outcome = ?, validate_state = ?, file_delete_state = ?
                 WHERE id = ? AND server_state = ? AND outcome = ? AND validate_state = ?",
                &[
                    new.server_state.into(),
                    new.outcome.into(),
                    new.validate_state.into(),
                    new.file_delete_state.into(),
                    new.id.into(),
                    old.server_state.into(),
                    old.outcome.into(),
                    old.validate_state.into(),
                ],
            )
            .await?;
        }
        for id in &next.timed_out {
            let Some((host, version)) = item.owners.get(id) else { continue };
            self.penalize(*host, crate::scheduler::stored_version(item.appid, *version), item.wu.delay_bound)
                .await?;
        }
        let mut sets = Vec::new();
        let mut params: Vec<Param> = Vec::new();
        let (old, new) = (&item.wu, &next.wu);
        for (column, before, after) in [
            ("need_validate", old.need_validate, new.need_validate),
            ("error_mask", old.error_mask, new.error_mask),
            ("assimilate_state", old.assimilate_state, new.assimilate_state),
            ("file_delete_state", old.file_delete_state, new.file_delete_state),
        ] {
            if before != after {
                sets.push(format!("{column} = ?"));
                params.push(after.into());
            }
        }
        sets.push("transition_time = IF(transition_time = ?, ?, ?)".to_owned());
        params.extend([old.transition_time.into(), new.transition_time.into(), now.into(), item.id.into()]);
        let sql = format!("UPDATE workunit SET {} WHERE id = ?", sets.join(", "));
        execute(&mut self.connection, "updating a workunit", &sql, &params).await?;
        Ok(())
    }
}

fn int(row: &Row, column: &str) -> store::Result<i32> {
    row.i64(column).map(|value| i32::try_from(value).unwrap_or(i32::MAX))
}

fn standing(row: &Row) -> store::Result<Standing> {
    Ok(Standing {
        max_jobs_per_day: int(row, "max_jobs_per_day")?,
        n: row.f64("turnaround_n")?,
        avg: row.f64("turnaround_avg")?,
        var: row.f64("turnaround_var")?,
        q: row.f64("turnaround_q")?,
    })
}

fn item(row: &Row) -> store::Result<Item> {
    Ok(Item {
        id: int(row, "id")?,
        appid: int(row, "appid")?,
        name: row.text("name")?,
        template: row.text("result_template_file")?,
        batch: int(row, "batch")?,
        priority: int(row, "priority")?,
        wu: Wu {
            min_quorum: int(row, "min_quorum")?,
            target_nresults: int(row, "target_nresults")?,
            max_error_results: int(row, "max_error_results")?,
            max_total_results: int(row, "max_total_results")?,
            delay_bound: int(row, "delay_bound")?,
            canonical_resultid: int(row, "canonical_resultid")?,
            transitioner_flags: int(row, "transitioner_flags")?,
            need_validate: int(row, "need_validate")?,
            error_mask: int(row, "error_mask")?,
            assimilate_state: int(row, "assimilate_state")?,
            file_delete_state: int(row, "file_delete_state")?,
            transition_time: int(row, "transition_time")?,
        },
        results: Vec::new(),
        owners: BTreeMap::new(),
    })
}

fn result(row: &Row) -> store::Result<(i32, Res, (i32, i32))> {
    let res = Res {
        id: int(row, "id")?,
        name: row.text("name")?,
        report_deadline: int(row, "report_deadline")?,
        exit_status: int(row, "exit_status")?,
        server_state: int(row, "server_state")?,
        outcome: int(row, "outcome")?,
        validate_state: int(row, "validate_state")?,
        file_delete_state: int(row, "file_delete_state")?,
    };
    Ok((int(row, "workunitid")?, res, (int(row, "hostid")?, int(row, "app_version_id")?)))
}
