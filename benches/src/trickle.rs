//! Trickle messages as the wrapper sends them, each worth ten minutes of its result's uptime.
//!
//! They come as from a real fleet: neighbours in the queue are from different results, so that a batch of a
//! thousand messages concerns a thousand results and most hosts.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Result, bail};

use crate::bench::Bench;
use crate::fill::{Pairs, People};
use crate::floor::Batch;
use crate::literal::{list, quoted};
use crate::recording::{Changed, Inserted, Key, control};
use crate::site::Site;

/// See the module.
pub struct Trickle {
    /// Messages.
    pub messages: u32,
    /// Whose they are.
    pub people: People,
}

/// Messages of each result.
const PER_RESULT: u32 = 25;

impl Trickle {
    fn results(&self) -> u32 {
        self.messages.div_ceil(PER_RESULT).next_multiple_of(2)
    }
}

impl Bench for Trickle {
    const NAME: &'static str = "trickle-credit";
    const UNIT: &'static str = "messages";
    const STOCK: Option<f64> = Some(810.0);
    const INSTANCES: &'static [usize] = &[2, 4, 8];

    fn items(&self) -> u32 {
        self.messages
    }

    fn toml(&self) -> String {
        "[uptime]\nenabled = true\n".to_owned()
    }

    async fn fill(&self, site: &mut Site) -> Result<()> {
        self.people.insert(site).await?;
        let results = self.results();
        Pairs { workunits: results / 2, hosts: self.people.hosts, reported: false }.insert(site).await?;
        let messages = self.messages;
        site.connection
            .script(&format!(
                "INSERT INTO msg_from_host (create_time, hostid, variety, handled, xml)
                 SELECT r.sent_time + 600 * c + 5, r.hostid, 'cpu_time', 0,
                   CONCAT('\n      <result_name>', r.name, '</result_name>\n      <time>', r.sent_time + 600 * c,
                     '</time>\n<cpu_time>', 600 * c, '.000000</cpu_time>\n')
                 FROM (SELECT seq, 1 + (seq - 1) DIV {results} AS c, 1 + ((seq - 1) * 7) % {results} AS r
                       FROM seq_1_to_{messages}) s
                   JOIN result r ON r.id = s.r
                 ORDER BY s.seq"
            ))
            .await?;
        Ok(())
    }

    async fn left(&self, site: &mut Site) -> Result<i64> {
        // Of two instances one may pay a later claim first: then an earlier one pays nothing, and the sum is the same.
        let sql = "SELECT (SELECT COUNT(*) FROM msg_from_host WHERE handled = 0) + \
                   CAST(ABS((SELECT COALESCE(SUM(seconds), 0) FROM cobblestone_ledger) / 600 - \
                   (SELECT COUNT(*) FROM msg_from_host)) AS SIGNED) AS n";
        Ok(site.connection.row(sql, &[]).await?.i64("n")?)
    }

    async fn floor(&self, site: &mut Site, batch: usize) -> Result<Vec<Batch>> {
        let ledger = Inserted::of(site, "cobblestone_ledger", &["messageid"]).await?;
        let mut marks = Inserted::of(site, "cobblestone_mark", &["resultid"]).await?;
        let handled = Changed::of(site, "msg_from_host", &["id"]).await?;
        let mut totals = [
            (Changed::of(site, "result", &["id"]).await?, "resultid"),
            (Changed::of(site, "host", &["id"]).await?, "hostid"),
            (Changed::of(site, "user", &["id"]).await?, "userid"),
            (Changed::of(site, "team", &["id"]).await?, "teamid"),
        ];
        if handled.len() != ledger.keys().len() || handled.columns() != ["handled"] {
            bail!("the daemon did not pay every message");
        }
        let names: BTreeMap<i64, String> = site
            .connection
            .rows("SELECT id, name FROM result", &[])
            .await?
            .iter()
            .map(|row| Ok((row.i64("id")?, row.text("name")?)))
            .collect::<Result<_>>()?;

        let messages = ledger.keys();
        let of = |batch: &[Key], column: &str| -> BTreeSet<Key> {
            #[allow(clippy::cast_possible_truncation)]
            batch.iter().map(|key| vec![ledger.number(key, column) as i64]).collect()
        };
        for batch in messages.chunks(batch) {
            marks.touch(&of(batch, "resultid"));
            for (table, column) in &mut totals {
                table.touch(&of(batch, column));
            }
        }
        let mut batches = Vec::new();
        let mut after = 0;
        for batch in messages.chunks(batch) {
            let results = of(batch, "resultid");
            let named = results.iter().flatten().filter_map(|id| names.get(id)).map(|name| quoted(name));
            let hosts = of(batch, "hostid");
            let ids = list(batch.iter().flatten());
            let mut statements = vec![
                format!(
                    "SELECT id, create_time, hostid, variety, xml FROM msg_from_host WHERE handled = 0 AND id > {after} \
                     AND variety = 'cpu_time' ORDER BY id LIMIT {} FOR UPDATE SKIP LOCKED",
                    batch.len()
                ),
                format!(
                    "SELECT r.id, r.name, r.workunitid, r.appid, r.server_state, r.hostid, r.sent_time, r.received_time, \
                     r.elapsed_time, r.flops_estimate, r.validate_state, r.granted_credit, m.* FROM result r \
                     LEFT JOIN cobblestone_mark m ON m.resultid = r.id WHERE r.name IN ({}) FOR UPDATE",
                    list(named)
                ),
                format!(
                    "SELECT h.id, h.userid, u.teamid, h.expavg_credit, h.expavg_time, u.expavg_credit, u.expavg_time, \
                     t.expavg_credit, t.expavg_time FROM host h JOIN user u ON u.id = h.userid \
                     LEFT JOIN team t ON t.id = u.teamid WHERE h.id IN ({}) FOR UPDATE",
                    list(hosts.iter().flatten())
                ),
            ];
            for (table, column) in &mut totals {
                statements.extend(table.update(&of(batch, column)));
            }
            let growing = ["seconds_paid", "largest_claim", "credit_paid", "messages", "time"];
            statements.extend(marks.upsert(&results, &growing));
            statements.extend(ledger.insert(batch));
            let credit = batch.iter().map(|key| ledger.number(key, "credit")).sum();
            statements.push(control(batch.len(), credit));
            statements
                .push(format!("UPDATE msg_from_host SET handled = 1 WHERE id IN ({ids}) AND handled = 0"));
            after = batch.last().and_then(|key| key.first()).copied().unwrap_or(after);
            batches.push(Batch { statements, ..Batch::default() });
        }
        Ok(batches)
    }
}
