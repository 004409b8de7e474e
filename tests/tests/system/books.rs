//! Pictures of the database: what must be the same however the work was interrupted and shared, and what must
//! be as it was before when a transaction was cut off.

use std::collections::BTreeMap;

use crate::stage::Stage;

/// Rows as text, by name of the question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture(BTreeMap<&'static str, Vec<String>>);

/// How everything ended. Not in it: recent averages and runs of valid results, which depend on the order and the
/// portions in which credit came; ids of what the daemons make, for an insert that is rolled back uses them up.
const OUTCOME: &[(&str, &str)] = &[
    ("messages", "SELECT id, handled FROM msg_from_host"),
    (
        "credit per result",
        "SELECT resultid, hostid, userid, teamid, SUM(credit) FROM cobblestone_ledger
         GROUP BY resultid, hostid, userid, teamid",
    ),
    ("messages per result", "SELECT resultid, hostid, appid, largest_claim, credit_paid, messages FROM cobblestone_mark"),
    ("hosts", "SELECT id, total_credit FROM host"),
    ("users", "SELECT id, total_credit FROM user"),
    ("teams", "SELECT id, total_credit FROM team"),
    (
        "results",
        "SELECT id, server_state, outcome, validate_state, granted_credit, runtime_outlier FROM result",
    ),
    (
        "workunits",
        "SELECT name, need_validate, canonical_resultid, canonical_credit, error_mask, assimilate_state, target_nresults,
                transition_time, MD5(xml_doc) AS document FROM workunit",
    ),
    (
        "host_app_version",
        "SELECT host_id, app_version_id, max_jobs_per_day FROM host_app_version",
    ),
    (
        "jobs",
        "SELECT w.name, c.name AS campaign, j.job, j.seed, j.events FROM cobblestone_job j
         JOIN workunit w ON w.id = j.workunitid JOIN cobblestone_campaign c ON c.id = j.campaignid",
    ),
    ("campaigns", "SELECT name, next_job, state, made FROM cobblestone_campaign"),
    ("set aside", "SELECT daemon, kind, refid, hostid, reason FROM cobblestone_quarantine"),
];

/// In addition where one daemon came after the other: who paid what.
const PAYERS: &[(&str, &str)] = &[
    (
        "paid per result",
        "SELECT resultid, kind, SUM(seconds), SUM(credit) FROM cobblestone_ledger GROUP BY resultid, kind",
    ),
    ("marks", "SELECT resultid, seconds_paid FROM cobblestone_mark"),
];

impl Picture {
    /// How everything ended, as it must be also when all daemons worked at the same time.
    pub async fn at_the_end(stage: &mut Stage) -> Self {
        Self::ask(stage, OUTCOME).await
    }

    /// How everything ended, as it must be when one kind of daemon worked at a time, in however many instances.
    pub async fn of(stage: &mut Stage) -> Self {
        Self::ask(stage, &[OUTCOME, PAYERS].concat()).await
    }

    /// Every row of every table that a daemon may write: nothing may differ when nothing was done.
    pub async fn whole(stage: &mut Stage) -> Self {
        const TABLES: &[(&str, &str)] = &[
            ("msg_from_host", "SELECT * FROM msg_from_host"),
            ("result", "SELECT * FROM result"),
            ("workunit", "SELECT * FROM workunit"),
            ("host", "SELECT * FROM host"),
            ("user", "SELECT * FROM user"),
            ("team", "SELECT * FROM team"),
            ("host_app_version", "SELECT * FROM host_app_version"),
            ("app_version", "SELECT * FROM app_version"),
            ("ledger", "SELECT * FROM cobblestone_ledger"),
            ("mark", "SELECT * FROM cobblestone_mark"),
            ("disallowed", "SELECT * FROM cobblestone_disallowed"),
            ("quarantine", "SELECT * FROM cobblestone_quarantine"),
            ("campaign", "SELECT * FROM cobblestone_campaign"),
            ("job", "SELECT * FROM cobblestone_job"),
            ("seeds", "SELECT * FROM cobblestone_seed_range"),
            ("dataset_file", "SELECT * FROM cobblestone_dataset_file"),
            ("assimilated", "SELECT * FROM cobblestone_assimilated"),
        ];
        Self::ask(stage, TABLES).await
    }

    async fn ask(stage: &mut Stage, questions: &[(&'static str, &str)]) -> Self {
        let mut picture = BTreeMap::new();
        for (name, sql) in questions {
            let rows = stage.db.rows(sql, &[]).await.unwrap();
            let mut lines: Vec<String> = rows
                .iter()
                .map(|row| row.json().values().map(cell).collect::<Vec<_>>().join(" | "))
                .collect();
            lines.sort();
            picture.insert(*name, lines);
        }
        Self(picture)
    }

    /// Fails with the first rows that differ.
    #[track_caller]
    pub fn must_equal(&self, other: &Self, when: &str) {
        for (name, wanted) in &other.0 {
            let found = &self.0[name];
            if found == wanted {
                continue;
            }
            let differ = |a: &Vec<String>, b: &Vec<String>| -> Vec<String> {
                let b: std::collections::BTreeSet<_> = b.iter().collect();
                a.iter().filter(|line| !b.contains(line)).take(5).cloned().collect()
            };
            panic!(
                "{when}: {name}: {} rows instead of {}\n  found:  {:#?}\n  wanted: {:#?}",
                found.len(),
                wanted.len(),
                differ(found, wanted),
                differ(wanted, found)
            );
        }
    }
}

/// Sums of doubles depend on the order of addition in their last digits.
fn cell(value: &serde_json::Value) -> String {
    match value {
        serde_json::Value::Number(n) if n.is_f64() => format!("{:.9e}", n.as_f64().unwrap() + 0.0),
        serde_json::Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Rows that are off, by what they show. Each must find nothing whenever no transaction is open, also when daemons
/// were killed a moment ago.
const OFF: &[(&str, &str)] = &[
    (
        "results that were paid for more seconds than they ran",
        "SELECT r.id FROM result r JOIN cobblestone_ledger l ON l.resultid = r.id WHERE r.received_time > 0
         GROUP BY r.id, r.elapsed_time HAVING SUM(l.seconds) > r.elapsed_time + 1e-6",
    ),
    (
        "results whose granted_credit is not what the ledger says",
        "SELECT r.id FROM result r LEFT JOIN cobblestone_ledger l ON l.resultid = r.id GROUP BY r.id, r.granted_credit
         HAVING ABS(r.granted_credit - COALESCE(SUM(l.credit), 0)) > 1e-6",
    ),
    (
        "messages paid twice",
        "SELECT messageid FROM cobblestone_ledger WHERE messageid IS NOT NULL GROUP BY messageid HAVING COUNT(*) > 1",
    ),
    (
        "messages paid and not handled",
        "SELECT m.id FROM msg_from_host m JOIN cobblestone_ledger l ON l.messageid = m.id WHERE m.handled = 0",
    ),
    (
        "messages set aside and not handled",
        "SELECT m.id FROM msg_from_host m JOIN cobblestone_quarantine q ON q.kind = 'trickle' AND q.refid = m.id WHERE m.handled = 0",
    ),
    (
        "a number of handled messages that is not that of those counted and set aside",
        "SELECT 1 FROM (SELECT SUM(handled <> 0) AS handled FROM msg_from_host) m
         JOIN (SELECT SUM(messages) AS counted FROM cobblestone_mark) c
         JOIN (SELECT COUNT(*) AS aside FROM cobblestone_quarantine WHERE kind = 'trickle') q
         WHERE COALESCE(handled, 0) <> COALESCE(counted, 0) + aside",
    ),
    (
        "workunits that wait for the validator and have a canonical result",
        "SELECT id FROM workunit WHERE need_validate <> 0 AND canonical_resultid <> 0",
    ),
    (
        "workunits whose canonical result is not valid",
        "SELECT w.id FROM workunit w JOIN result r ON r.id = w.canonical_resultid WHERE r.validate_state <> 1",
    ),
    (
        "valid results of workunits without a canonical one",
        "SELECT r.id FROM result r JOIN workunit w ON w.id = r.workunitid WHERE r.validate_state = 1 AND w.canonical_resultid = 0",
    ),
    (
        "campaigns whose cursor is not the number of their jobs",
        "SELECT c.id FROM cobblestone_campaign c LEFT JOIN cobblestone_job j ON j.campaignid = c.id
         GROUP BY c.id, c.next_job HAVING c.next_job <> COUNT(j.job)",
    ),
    (
        "jobs without a workunit",
        "SELECT j.job FROM cobblestone_job j LEFT JOIN workunit w ON w.id = j.workunitid WHERE w.id IS NULL",
    ),
    (
        "a number of assimilated workunits that is not that of the rows in the dataset",
        "SELECT 1 FROM (SELECT SUM(assimilate_state = 2) AS done FROM workunit) w
         JOIN (SELECT SUM(items) AS items FROM cobblestone_dataset_file WHERE dataset IN ('results', 'failures')) f WHERE COALESCE(done, 0) <> COALESCE(items, 0)",
    ),
];

/// Checks the database by plain SQL, beside the toolkit's own audit: totals equal the ledger, and nothing is [`OFF`].
pub async fn balance(stage: &mut Stage) {
    for (table, column) in [("host", "hostid"), ("user", "userid"), ("team", "teamid")] {
        let off = format!(
            "(SELECT t.id FROM `{table}` t LEFT JOIN cobblestone_ledger l ON l.{column} = t.id GROUP BY t.id, t.total_credit
              HAVING ABS(t.total_credit - COALESCE(SUM(l.credit), 0)) > 1e-6 + 1e-9 * t.total_credit) x"
        );
        assert_eq!(stage.count(&off).await, 0, "totals of {table}");
    }
    for (what, sql) in OFF {
        assert_eq!(stage.count(&format!("({sql}) x")).await, 0, "{what}");
    }
}
