//! A stand-in for BOINC's scheduler and file upload handler, for the sandbox only: what many hosts say in one go.
//!
//! Like the original it stores what it is told with the server's time, checks little, writes whole messages
//! without looking into them, and knows nothing of credit. The order of one request is BOINC's: results
//! first, then new work, then messages; so a message that comes with the report is stored after it.
//! Every statement is its own transaction.

mod request;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};
use store::sql::{Connection, Param, Row};

use crate::error::{Result, db};
use crate::project::{Project, whole};
use crate::retry::execute;
use crate::row::row;
pub use request::{Message, RESULT_COMPUTE_ERROR, RESULT_FILES_UPLOADED, Report, Sent, WorkRequest};
use request::{as_stored, output_doc};

/// The stand-in, with its own connection.
#[derive(Debug)]
pub struct Scheduler {
    project: Project,
    connection: Connection,
}

/// The `host_app_version.app_version_id` for a result's `app_version_id`.
#[must_use]
pub(crate) fn stored_version(appid: i32, app_version_id: i32) -> i32 {
    boinc::id::HostAppVersionId::of_result(boinc::id::AppId(appid), boinc::id::AppVersionId(app_version_id)).0
}

impl Scheduler {
    /// Connects.
    ///
    /// # Errors
    /// The database can't be reached.
    pub async fn new(project: &Project) -> Result<Self> {
        Ok(Self { project: project.clone(), connection: project.connect().await? })
    }

    /// Uploads the files of reported results and stores the reports, late ones included. Returns how many were taken;
    /// the others were over already, belong to another host, or don't exist.
    ///
    /// # Errors
    /// A file can't be written, or a statement failed.
    pub async fn report(&mut self, now: f64, reports: &[Report]) -> Result<usize> {
        if reports.is_empty() {
            return Ok(0);
        }
        let known = self.known(reports).await?;
        let mut taken = BTreeSet::new();
        for report in reports {
            let Some(row) = known.get(&report.id).filter(|row| row.open_for(report.hostid)) else { continue };
            for (name, content) in &report.files {
                self.project.write_upload(name, content)?;
            }
            self.store_report(whole(now), report, row).await?;
            taken.insert(report.id);
        }
        let workunits: BTreeSet<i32> =
            taken.iter().filter_map(|id| known.get(id).map(|row| row.workunitid)).collect();
        if !workunits.is_empty() {
            let sql = format!("UPDATE workunit SET transition_time = ? WHERE id IN ({})", list(&workunits));
            execute(&mut self.connection, "waking the transitioner", &sql, &[whole(now).into()]).await?;
        }
        Ok(taken.len())
    }

    async fn known(&mut self, reports: &[Report]) -> Result<BTreeMap<i32, Known>> {
        let ids: BTreeSet<i32> = reports.iter().map(|report| report.id).collect();
        let sql = format!(
            "SELECT id, workunitid, appid, app_version_id, hostid, server_state, outcome, received_time, sent_time
             FROM result WHERE id IN ({})",
            list(&ids)
        );
        let rows = self.connection.rows(&sql, &[]).await.map_err(db("looking up reported results"))?;
        rows.iter()
            .map(|row| Known::of(row).map(|known| (known.id, known)))
            .collect::<Result<_, _>>()
            .map_err(db("reading a result"))
    }

    async fn store_report(&mut self, now: i32, report: &Report, row: &Known) -> Result<()> {
        let turnaround = f64::from((now - row.sent_time).max(0));
        let mut elapsed = if report.elapsed_time.is_finite() { report.elapsed_time.max(0.0) } else { 0.0 };
        if elapsed == 0.0 {
            elapsed = report.cpu_time;
        }
        elapsed = elapsed.min(turnaround);
        let cpu_time = report.cpu_time.min(elapsed * f64::from(report.ncpus));
        let success = report.exit_status == 0;
        let (client_state, outcome, validate_state) =
            if success { (RESULT_FILES_UPLOADED, 1, 0) } else { (RESULT_COMPUTE_ERROR, 3, 2) };
        let params: Vec<Param> = vec![
            report.hostid.into(),
            report.teamid.into(),
            now.into(),
            client_state.into(),
            cpu_time.into(),
            elapsed.into(),
            report.exit_status.into(),
            outcome.into(),
            validate_state.into(),
            report.stderr.clone().into(),
            output_doc(&report.files).into(),
            report.id.into(),
        ];
        execute(
            &mut self.connection,
            "storing a report",
            "UPDATE result SET hostid = ?, teamid = ?, received_time = ?, client_state = ?, cpu_time = ?, elapsed_time = ?,
                    exit_status = ?, server_state = 5, outcome = ?, validate_state = ?, app_version_num = 100,
                    stderr_out = ?, xml_doc_out = ?
             WHERE id = ?",
            &params,
        )
        .await?;
        let quota = self.project.options().daily_result_quota;
        let sql = if success {
            "UPDATE host_app_version SET max_jobs_per_day = LEAST(max_jobs_per_day * 2, GREATEST(?, max_jobs_per_day))
             WHERE host_id = ? AND app_version_id = ?"
        } else {
            "UPDATE host_app_version SET max_jobs_per_day = GREATEST(1, LEAST(max_jobs_per_day, ?) - 1), consecutive_valid = 0
             WHERE host_id = ? AND app_version_id = ?"
        };
        let version = stored_version(row.appid, row.app_version_id);
        let params = [quota.into(), report.hostid.into(), version.into()];
        execute(&mut self.connection, "changing a host's quota", sql, &params).await?;
        Ok(())
    }

    /// Sends unsent results of the project's application, oldest first. With `one_result_per_user_per_wu` nobody gets two
    /// results of one workunit. Requests that nothing was found for get nothing.
    ///
    /// # Errors
    /// A statement failed.
    pub async fn send(&mut self, now: f64, requests: &[WorkRequest]) -> Result<Vec<Sent>> {
        let wanted: usize = requests.iter().map(|request| request.count).sum();
        if wanted == 0 {
            return Ok(Vec::new());
        }
        let now = whole(now);
        let appid = self.project.appid().0;
        let mut candidates = self.candidates(appid, wanted).await?;
        let workunits: BTreeSet<i32> = candidates.iter().map(|sent| sent.workunitid).collect();
        let mut taken = self.users_of(&workunits).await?;
        let one_per_user = self.project.options().one_result_per_user_per_wu;
        let mut all = Vec::new();
        for request in requests {
            for _ in 0..request.count {
                let free = |sent: &Sent| !one_per_user || !taken.contains(&(sent.workunitid, request.userid));
                let Some(at) = candidates.iter().position(free) else { break };
                let mut sent = candidates.remove(at);
                taken.insert((sent.workunitid, request.userid));
                sent.hostid = request.hostid;
                sent.report_deadline = sent.report_deadline.saturating_add(now);
                sent.sent_time = now;
                if self.mark_sent(now, request, &sent, appid).await? {
                    all.push(sent);
                }
            }
        }
        Ok(all)
    }

    async fn candidates(&mut self, appid: i32, wanted: usize) -> Result<Vec<Sent>> {
        let rows = self
            .connection
            .rows(
                "SELECT r.id, r.workunitid, r.name, r.xml_doc_in, w.name AS workunit, w.xml_doc, w.delay_bound
                 FROM result r JOIN workunit w ON w.id = r.workunitid
                 WHERE r.appid = ? AND r.server_state = 2 ORDER BY r.priority DESC, r.id LIMIT ?",
                &[appid.into(), (wanted * 2 + 50).into()],
            )
            .await
            .map_err(db("looking for unsent results"))?;
        let sent = |row: &Row| -> store::Result<Sent> {
            Ok(Sent {
                id: int(row, "id")?,
                workunitid: int(row, "workunitid")?,
                hostid: 0,
                name: row.text("name")?,
                workunit: row.text("workunit")?,
                workunit_doc: row.text("xml_doc")?,
                result_doc: row.text("xml_doc_in")?,
                sent_time: 0,
                report_deadline: int(row, "delay_bound")?,
            })
        };
        rows.iter().map(sent).collect::<Result<_, _>>().map_err(db("reading an unsent result"))
    }

    async fn users_of(&mut self, workunits: &BTreeSet<i32>) -> Result<BTreeSet<(i32, i32)>> {
        if workunits.is_empty() {
            return Ok(BTreeSet::new());
        }
        let sql = format!(
            "SELECT workunitid, userid FROM result WHERE workunitid IN ({}) AND userid > 0",
            list(workunits)
        );
        let rows = self.connection.rows(&sql, &[]).await.map_err(db("looking who has what"))?;
        rows.iter()
            .map(|row| Ok((int(row, "workunitid")?, int(row, "userid")?)))
            .collect::<store::Result<_>>()
            .map_err(db("reading who has what"))
    }

    async fn mark_sent(&mut self, now: i32, request: &WorkRequest, sent: &Sent, appid: i32) -> Result<bool> {
        execute(
            &mut self.connection,
            "setting the workunit's next transition",
            "UPDATE workunit SET transition_time = LEAST(transition_time, ?) WHERE id = ?",
            &[sent.report_deadline.into(), sent.workunitid.into()],
        )
        .await?;
        let changed = execute(
            &mut self.connection,
            "sending a result",
            "UPDATE result SET server_state = 4, hostid = ?, userid = ?, sent_time = ?, report_deadline = ?, flops_estimate = ?,
                    app_version_id = ? WHERE id = ? AND server_state = 2",
            &[
                request.hostid.into(),
                request.userid.into(),
                now.into(),
                sent.report_deadline.into(),
                request.flops_estimate.into(),
                request.app_version_id.into(),
                sent.id.into(),
            ],
        )
        .await?;
        if changed == 0 {
            return Ok(false);
        }
        execute(
            &mut self.connection,
            "counting a host's jobs",
            "INSERT INTO host_app_version (host_id, app_version_id, pfc_n, pfc_avg, et_n, et_avg, et_var, et_q, max_jobs_per_day,
                    n_jobs_today, turnaround_n, turnaround_avg, turnaround_var, turnaround_q, consecutive_valid)
             VALUES (?, ?, 0, 0, 0, 0, 0, 0, ?, 1, 0, 0, 0, 0, 0) ON DUPLICATE KEY UPDATE n_jobs_today = n_jobs_today + 1",
            &[
                request.hostid.into(),
                stored_version(appid, request.app_version_id).into(),
                self.project.options().daily_result_quota.into(),
            ],
        )
        .await?;
        Ok(true)
    }

    /// Stores messages in the order given, which is the order that the client listed its files in.
    ///
    /// # Errors
    /// A statement failed.
    pub async fn trickles(&mut self, now: f64, messages: &[Message]) -> Result<()> {
        let rows: Vec<Map<String, Value>> = messages
            .iter()
            .map(|message| {
                let variety: String = message.variety.chars().take(254).collect();
                row! {
                    "create_time": whole(now), "hostid": message.hostid, "variety": variety, "handled": 0,
                    "xml": as_stored(&message.text),
                }
            })
            .collect();
        self.connection.insert_json("msg_from_host", &rows).await.map_err(db("storing messages"))?;
        Ok(())
    }

    /// Notes that hosts called.
    ///
    /// # Errors
    /// A statement failed.
    pub async fn called(&mut self, now: f64, hosts: &BTreeSet<i32>) -> Result<()> {
        if hosts.is_empty() {
            return Ok(());
        }
        let sql = format!(
            "UPDATE host SET rpc_time = ?, rpc_seqno = rpc_seqno + 1 WHERE id IN ({}) ORDER BY id",
            list(hosts)
        );
        execute(&mut self.connection, "noting calls", &sql, &[whole(now).into()]).await?;
        Ok(())
    }
}

struct Known {
    id: i32,
    workunitid: i32,
    appid: i32,
    app_version_id: i32,
    hostid: i32,
    server_state: i32,
    outcome: i32,
    received_time: i32,
    sent_time: i32,
}

impl Known {
    fn of(row: &Row) -> store::Result<Self> {
        Ok(Self {
            id: int(row, "id")?,
            workunitid: int(row, "workunitid")?,
            appid: int(row, "appid")?,
            app_version_id: int(row, "app_version_id")?,
            hostid: int(row, "hostid")?,
            server_state: int(row, "server_state")?,
            outcome: int(row, "outcome")?,
            received_time: int(row, "received_time")?,
            sent_time: int(row, "sent_time")?,
        })
    }

    /// In progress, or given up for lost: a late result is still welcome.
    fn open_for(&self, host: i32) -> bool {
        let late = self.server_state == 5 && [4, 7].contains(&self.outcome);
        (self.server_state == 4 || late) && self.received_time == 0 && self.hostid == host
    }
}

fn int(row: &Row, column: &str) -> store::Result<i32> {
    row.i64(column).map(|value| i32::try_from(value).unwrap_or(i32::MAX))
}

fn list(ids: &BTreeSet<i32>) -> String {
    ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
}
