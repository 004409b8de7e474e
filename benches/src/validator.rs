//! Workunits of quorum 2 with one small table of numbers per result, equal within the tolerance but not byte for
//! byte. Credit by BOINC's adaptive scheme, which keeps the most statistics.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use anyhow::Result;
use sandbox::Project;

use crate::bench::Bench;
use crate::fill::{Pairs, People};
use crate::floor::{Batch, FileStep};
use crate::literal::list;
use crate::recording::{Changed, Inserted, Key, control};
use crate::site::Site;

/// See the module.
pub struct Validator {
    /// How many wait.
    pub workunits: u32,
    /// Whose.
    pub people: People,
}

/// The output file of a result of [`Pairs`].
pub fn output_name(workunit: u32, k: u32) -> String {
    format!("bench_{workunit}_{k}_r1_0")
}

/// A histogram of 24 bins: about 700 bytes. The two of a workunit differ in the ninth digit.
pub fn output(workunit: u32, k: u32) -> String {
    let mut text = String::from("# bin low high entries error\n");
    for bin in 0..24_u32 {
        let entries = f64::from(workunit.wrapping_mul(2_654_435_761).wrapping_add(bin * 40_503) % 100_000);
        let entries = entries * (1.0 + f64::from(k) * 1e-9) + 1.0 / 3.0;
        let _ = writeln!(text, "{bin} {:.3} {:.9e} {:.9e}", f64::from(bin) * 0.25, entries, entries.sqrt());
    }
    text
}

/// Writes the output files of `workunits` workunits.
pub fn write_outputs(project: &Project, workunits: u32) -> Result<()> {
    for workunit in 1..=workunits {
        for k in 0..2 {
            project.write_upload(&output_name(workunit, k), output(workunit, k).as_bytes())?;
        }
    }
    Ok(())
}

impl Bench for Validator {
    const NAME: &'static str = "validator";
    const UNIT: &'static str = "workunits";
    const STOCK: Option<f64> = Some(230.0);

    fn items(&self) -> u32 {
        self.workunits
    }

    fn toml(&self) -> String {
        "[compare]\nmethod = \"numeric\"\nabsolute = 1e-12\nrelative = 1e-6\n".to_owned()
    }

    async fn fill(&self, site: &mut Site) -> Result<()> {
        self.people.insert(site).await?;
        Pairs { workunits: self.workunits, hosts: self.people.hosts, reported: true }.insert(site).await?;
        // The scheduler makes these rows when it sends the first result.
        site.connection
            .script(
                "INSERT INTO host_app_version SELECT h.id, v.id, 12, 1.1, 12, 2e-10, 1e-22, 1e-21, 500, 3, 12, 40000, 1e7, \
                 1e8, 12 FROM host h JOIN (SELECT MIN(id) AS id FROM app_version) v",
            )
            .await?;
        write_outputs(&site.project, self.workunits)
    }

    async fn left(&self, site: &mut Site) -> Result<i64> {
        let sql = "SELECT COUNT(*) AS n FROM workunit WHERE need_validate <> 0 OR canonical_resultid = 0";
        Ok(site.connection.row(sql, &[]).await?.i64("n")?)
    }

    async fn floor(&self, site: &mut Site, batch: usize) -> Result<Vec<Batch>> {
        let ledger = Inserted::of(site, "cobblestone_ledger", &["resultid"]).await?;
        let marks = Inserted::of(site, "cobblestone_mark", &["resultid"]).await?;
        let judgements = Inserted::of(site, "cobblestone_judgement", &["workunitid"]).await?;
        let verdicts = Inserted::of(site, "cobblestone_verdict", &["resultid"]).await?;
        let specs = Inserted::of(site, "cobblestone_spec", &["id"]).await?;
        let mut workunits = Changed::of(site, "workunit", &["id"]).await?;
        let mut results = Changed::of(site, "result", &["id"]).await?;
        let mut versions = Changed::of(site, "host_app_version", &["host_id", "app_version_id"]).await?;
        let mut totals = [
            Changed::of(site, "host", &["id"]).await?,
            Changed::of(site, "user", &["id"]).await?,
            Changed::of(site, "team", &["id"]).await?,
        ];
        let sql = "SELECT r.id, r.workunitid, r.app_version_id, h.id AS hostid, u.id AS userid, u.teamid FROM result r \
                   JOIN host h ON h.id = r.hostid JOIN user u ON u.id = h.userid ORDER BY r.id";
        let mut owners: BTreeMap<i64, Vec<Owner>> = BTreeMap::new();
        for row in site.connection.rows(sql, &[]).await? {
            let column = |name: &str| row.i64(name);
            owners.entry(column("workunitid")?).or_default().push(Owner {
                result: vec![column("id")?],
                version: vec![column("hostid")?, column("app_version_id")?],
                totals: [vec![column("hostid")?], vec![column("userid")?], vec![column("teamid")?]],
            });
        }
        let ids: Vec<i64> = owners.keys().copied().collect();
        let of = |batch: &[i64]| -> Vec<&Owner> {
            batch.iter().filter_map(|id| owners.get(id)).flatten().collect()
        };
        for batch in ids.chunks(batch) {
            versions.touch(&unique(of(batch).into_iter().map(|owner| &owner.version)));
            for (n, table) in totals.iter_mut().enumerate() {
                table.touch(&unique(of(batch).into_iter().filter_map(|owner| owner.totals.get(n))));
            }
        }
        let app = site.project.appid().0;
        let mut batches = Vec::new();
        let mut after = 0;
        for batch in ids.chunks(batch) {
            let in_batch = list(batch);
            let reads = vec![format!(
                "SELECT w.*, r.*, d.xml_doc_in FROM (SELECT {WORKUNIT} FROM workunit WHERE appid = {app} AND \
                 need_validate > 0 AND id > {after} ORDER BY id LIMIT {}) w JOIN (SELECT {RESULT} FROM result) r \
                 ON r.workunitid = w.id JOIN result d ON d.id = r.rid",
                batch.len()
            )];
            let mut files = Vec::new();
            for id in batch {
                let workunit = u32::try_from(*id)?;
                for k in 0..2 {
                    files.push(FileStep::Read(site.project.upload_path(&output_name(workunit, k))?));
                }
            }
            let hosts = unique(of(batch).into_iter().filter_map(|owner| owner.totals.first()));
            let hosts = list(hosts.iter().flatten());
            let mut statements = vec![
                format!(
                    "SELECT {WORKUNIT}, r.*, m.* FROM workunit JOIN (SELECT {RESULT} FROM result) r ON r.workunitid = id \
                     LEFT JOIN cobblestone_mark m ON m.resultid = r.rid WHERE id IN ({in_batch}) AND need_validate > 0 \
                     FOR UPDATE SKIP LOCKED"
                ),
                format!(
                    "SELECT h.id, h.userid, u.teamid, h.expavg_credit, h.expavg_time, h.avg_turnaround, u.expavg_credit, \
                     u.expavg_time, t.expavg_credit, t.expavg_time, v.* FROM host h JOIN user u ON u.id = h.userid \
                     JOIN host_app_version v ON v.host_id = h.id LEFT JOIN team t ON t.id = u.teamid \
                     WHERE h.id IN ({hosts}) FOR UPDATE"
                ),
                format!("SELECT id, pfc_n, pfc_avg, pfc_scale FROM app_version WHERE appid = {app}"),
            ];
            let keys: Vec<Key> = batch.iter().map(|id| vec![*id]).collect();
            let result_keys: Vec<Key> = of(batch).into_iter().map(|owner| owner.result.clone()).collect();
            statements.extend(results.update(&result_keys));
            statements.extend(workunits.update(&keys));
            statements.extend(marks.insert(&result_keys));
            statements.extend(versions.update(&unique(of(batch).into_iter().map(|owner| &owner.version))));
            for (n, table) in totals.iter_mut().enumerate() {
                statements.extend(
                    table.update(&unique(of(batch).into_iter().filter_map(|owner| owner.totals.get(n)))),
                );
            }
            statements.extend(ledger.insert(&result_keys));
            let credit = result_keys.iter().map(|key| ledger.number(key, "credit")).sum();
            statements.push(control(result_keys.len(), credit));
            statements.extend(judgements.insert(&keys));
            statements.extend(verdicts.insert(&result_keys));
            if batches.is_empty() {
                statements.extend(specs.insert(&specs.keys()));
            }
            after = batch.last().copied().unwrap_or(after);
            batches.push(Batch { files, reads, statements });
        }
        Ok(batches)
    }
}

/// Columns that a validator needs.
const WORKUNIT: &str = "id, name, rsc_fpops_est, rsc_fpops_bound, need_validate, canonical_resultid, canonical_credit, \
                        transition_time, error_mask, assimilate_state, min_quorum, target_nresults, max_success_results";
const RESULT: &str = "id AS rid, workunitid, server_state, outcome, validate_state, hostid, userid, sent_time, received_time, \
                      cpu_time, elapsed_time, flops_estimate, app_version_id, granted_credit, claimed_credit";

struct Owner {
    result: Key,
    version: Key,
    /// Host, user, team.
    totals: [Key; 3],
}

fn unique<'a>(keys: impl Iterator<Item = &'a Key>) -> BTreeSet<Key> {
    keys.cloned().collect()
}
