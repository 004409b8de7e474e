//! Work for the daemons: workunits whose results are reported, trickles that wait. The same numbers each time.
//!
//! | every | what |
//! |---|---|
//! | 10th workunit | its two results differ |
//! | 14th workunit | one of its outputs is not numeric |
//! | 7th result | its trickles claim four times the wall clock |
//! | 11th message | stored twice |
//! | 37th message | can't be read |

use sandbox::{Fleet, FleetOptions, Transitioner};
use serde_json::{Map, Value};

use crate::stage::{NOW, Stage};

/// Seconds between sending and reporting.
const RAN: f64 = 40_000.0;

/// How much work there is.
#[derive(Debug, Clone, Copy)]
pub struct Backlog {
    /// With two reported results each, ready for the validator.
    pub workunits: usize,
    /// Trickles of each result.
    pub claims: usize,
}

impl Backlog {
    /// Makes it. Nothing else may be in the database.
    pub async fn fill(self, stage: &mut Stage) {
        let fleet = FleetOptions { hosts: 40, users: 40, teams: 5, ..FleetOptions::honest() };
        Fleet::new(&stage.project, fleet).await.unwrap();
        stage.project.make_workunits("wu", self.workunits).await.unwrap();
        let mut transitioner = Transitioner::new(&stage.project, 1).await.unwrap();
        while transitioner.pass(NOW).await.unwrap().workunits > 0 {}
        report(stage).await;
        upload(stage).await;
        if self.claims > 0 {
            claim(stage, self.claims).await;
        }
        // Last: a daemon that runs must not see half of it.
        stage.run("UPDATE workunit SET need_validate = 1, transition_time = 2147483647", &[]).await;
    }
}

/// Every result was sent to some host and reported.
async fn report(stage: &mut Stage) {
    stage
        .run(
            "UPDATE result r JOIN host h ON h.id = 1 + (r.id % 40) JOIN user u ON u.id = h.userid
             SET r.hostid = h.id, r.userid = u.id, r.teamid = u.teamid, r.server_state = 5, r.outcome = 1,
                 r.client_state = 5, r.sent_time = ?, r.received_time = ?, r.report_deadline = ?,
                 r.elapsed_time = ? - 10 * (r.id % 17), r.cpu_time = r.elapsed_time * 0.9,
                 r.flops_estimate = 1e9 * (2 + r.id % 5), r.app_version_id = (SELECT MIN(id) FROM app_version)",
            &[(NOW - 2.0 * RAN).into(), (NOW - RAN).into(), NOW.into(), RAN.into()],
        )
        .await;
    stage
        .run(
            "INSERT INTO host_app_version SELECT h.id, v.id, 0, 0, 0, 0, 0, 0, 100, 0, 0, 0, 0, 0, 0
             FROM host h JOIN (SELECT MIN(id) AS id FROM app_version) v",
            &[],
        )
        .await;
}

/// Writes the output of every result.
async fn upload(stage: &mut Stage) {
    let results = stage.db.rows("SELECT id, workunitid, name, xml_doc_in FROM result", &[]).await.unwrap();
    for row in results {
        let (id, wu) = (row.i64("id").unwrap(), row.i64("workunitid").unwrap());
        let name = output_name(&row.text("xml_doc_in").unwrap());
        let second = row.text("name").unwrap().ends_with("_1");
        let noise = if second { 1.0 + 1e-9 } else { 1.0 };
        let wrong = if second && wu % 10 == 0 { 1.5 } else { 1.0 };
        let mut text = String::new();
        for bin in 0..20_i32 {
            text += &format!("{bin} {:.12e}\n", f64::from(bin + 1) * noise * wrong);
        }
        if second && wu % 14 == 0 {
            text = format!("{id} nan\n");
        }
        stage.project.write_upload(&name, text.as_bytes()).unwrap();
    }
}

/// Physical name of the one output file.
pub fn output_name(xml_doc_in: &str) -> String {
    let (_, rest) = xml_doc_in.split_once("<file_name>").unwrap();
    rest.split_once('<').unwrap().0.trim().to_owned()
}

/// Stores the trickles, round by round, as many hosts send them.
async fn claim(stage: &mut Stage, claims: usize) {
    let results =
        stage.db.rows("SELECT id, name, hostid, sent_time FROM result ORDER BY id", &[]).await.unwrap();
    let every = RAN / f64::from(u32::try_from(claims).unwrap() + 1);
    let mut rows: Vec<Map<String, Value>> = Vec::new();
    for round in 1..=claims {
        for row in &results {
            let id = row.i64("id").unwrap();
            let uptime = every * f64::from(u32::try_from(round).unwrap());
            let stored = row.f64("sent_time").unwrap() + uptime + 20.0;
            let seconds = if id % 7 == 0 { uptime * 4.0 } else { uptime };
            let number = rows.len();
            let mut xml = message(&row.text("name").unwrap(), stored, seconds);
            if number % 37 == 36 {
                xml.truncate(xml.len() / 2);
            }
            let times = if number % 11 == 10 { 2 } else { 1 };
            for _ in 0..times {
                rows.push(msg_from_host(row.i64("hostid").unwrap(), stored, "cpu_time", &xml));
            }
        }
    }
    stage.db.insert_json("msg_from_host", &rows).await.unwrap();
}

/// A trickle as wrapper and client make it.
pub fn message(result: &str, time: f64, seconds: f64) -> String {
    format!(
        "\n      <result_name>{result}</result_name>\n      <time>{time:.0}</time>\n<cpu_time>{seconds:.6}</cpu_time>\n"
    )
}

/// A row for [`store::sql::Connection::insert_json`].
pub fn msg_from_host(host: i64, stored: f64, variety: &str, xml: &str) -> Map<String, Value> {
    let row = serde_json::json!({
        "create_time": stored.trunc(), "hostid": host, "variety": variety, "handled": 0, "xml": xml,
    });
    row.as_object().unwrap().clone()
}

/// Hides a backlog from the daemons, or shows it again.
pub async fn hide(stage: &mut Stage, hidden: bool) {
    let (variety, need) = if hidden { ("hidden", 0) } else { ("cpu_time", 1) };
    stage.run("UPDATE msg_from_host SET variety = ?", &[variety.into()]).await;
    stage.run("UPDATE workunit SET need_validate = ? WHERE name LIKE 'wu_%'", &[need.into()]).await;
}

/// Makes every workunit of a backlog ready for the assimilator, without a validator: most have a canonical result,
/// every 12th failed.
pub async fn validated(stage: &mut Stage) {
    stage
        .run(
            "UPDATE workunit w SET need_validate = 0, assimilate_state = 1, transition_time = 2147483647,
                 canonical_resultid = (SELECT MIN(r.id) FROM result r WHERE r.workunitid = w.id), canonical_credit = 2.5
             WHERE w.id % 12 <> 0",
            &[],
        )
        .await;
    stage
        .run(
            "UPDATE workunit SET need_validate = 0, assimilate_state = 1, error_mask = 2 WHERE id % 12 = 0",
            &[],
        )
        .await;
    stage
        .run(
            "UPDATE result r JOIN workunit w ON w.id = r.workunitid SET r.validate_state = 1
             WHERE w.canonical_resultid <> 0",
            &[],
        )
        .await;
    stage
        .run(
            "UPDATE result r JOIN workunit w ON w.id = r.workunitid SET r.outcome = 3, r.exit_status = 195
             WHERE w.error_mask <> 0",
            &[],
        )
        .await;
}
