//! What the stock validator did with given rows and files, replayed in memory: every column that a validator
//! writes must come out the same, numbers to 1e-9, the rest exactly.
//!
//! The stock program ran with `--one_pass`, in which it never writes the statistics of app versions; those are
//! left alone here too.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::{BTreeMap, HashMap};
use std::io::Read;
use std::path::{Path, PathBuf};

use boinc::id::{
    AppId, AppVersionId, HostAppVersionId, HostId, PlatformId, ResultId, TeamId, UserId, WorkunitId,
};
use boinc::record::{App, AppVersion, CreditByApp, Host, HostAppVersion, ResultRow, Team, User, Workunit};
use flate2::read::GzDecoder;
use rules::books::{Books, Changes, Versions};
use rules::credit::CreditMode;
use rules::judge::{
    Against, Evidence, FileCheck, Instance, Judgement, Need, Options, Paid, enough_to_compare, judge, needs,
};
use rules::quorum::{Agreement, Pair};
use serde_json::{Map, Value};

type Row = Map<String, Value>;
/// Table, then key columns.
type Tables = BTreeMap<String, BTreeMap<(i64, i64), Row>>;

fn folder(case: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/validator").join(case)
}

fn gunzip(path: &Path) -> String {
    let mut text = String::new();
    GzDecoder::new(std::fs::File::open(path).unwrap()).read_to_string(&mut text).unwrap();
    text
}

fn int(row: &Row, column: &str) -> i64 {
    row[column].as_i64().unwrap_or_else(|| panic!("{column}: {:?}", row[column]))
}

fn id(row: &Row, column: &str) -> i32 {
    i32::try_from(int(row, column)).unwrap()
}

fn num(row: &Row, column: &str) -> f64 {
    row[column].as_f64().unwrap()
}

fn text(row: &Row, column: &str) -> String {
    row[column].as_str().unwrap_or_default().to_owned()
}

fn key(table: &str, row: &Row) -> (i64, i64) {
    match table {
        "host_app_version" => (int(row, "host_id"), int(row, "app_version_id")),
        "credit_user" => (int(row, "userid"), int(row, "appid")),
        "credit_team" => (int(row, "teamid"), int(row, "appid")),
        "credited_job" => (int(row, "userid"), int(row, "workunitid")),
        _ => (int(row, "id"), 0),
    }
}

fn tables(path: &Path) -> Tables {
    let mut tables = Tables::new();
    for line in gunzip(path).lines() {
        let value: Value = serde_json::from_str(line).unwrap();
        let (table, row) = (value["table"].as_str().unwrap(), value["row"].as_object().unwrap().clone());
        let double = tables.entry(table.to_owned()).or_default().insert(key(table, &row), row);
        assert!(double.is_none(), "two rows of one key in {table}");
    }
    tables
}

fn workunit(row: &Row) -> Workunit {
    Workunit {
        id: WorkunitId(id(row, "id")),
        create_time: id(row, "create_time"),
        appid: AppId(id(row, "appid")),
        name: text(row, "name"),
        batch: id(row, "batch"),
        rsc_fpops_est: num(row, "rsc_fpops_est"),
        rsc_fpops_bound: num(row, "rsc_fpops_bound"),
        need_validate: id(row, "need_validate"),
        canonical_resultid: ResultId(id(row, "canonical_resultid")),
        canonical_credit: num(row, "canonical_credit"),
        transition_time: id(row, "transition_time"),
        error_mask: id(row, "error_mask"),
        assimilate_state: id(row, "assimilate_state").try_into().unwrap(),
        opaque: num(row, "opaque"),
        min_quorum: id(row, "min_quorum"),
        target_nresults: id(row, "target_nresults"),
        max_error_results: id(row, "max_error_results"),
        max_total_results: id(row, "max_total_results"),
        max_success_results: id(row, "max_success_results"),
    }
}

fn result(row: &Row) -> ResultRow {
    ResultRow {
        id: ResultId(id(row, "id")),
        create_time: id(row, "create_time"),
        workunitid: WorkunitId(id(row, "workunitid")),
        appid: AppId(id(row, "appid")),
        name: text(row, "name"),
        server_state: id(row, "server_state").try_into().unwrap(),
        outcome: id(row, "outcome").try_into().unwrap(),
        validate_state: id(row, "validate_state").try_into().unwrap(),
        hostid: HostId(id(row, "hostid")),
        userid: UserId(id(row, "userid")),
        teamid: TeamId(id(row, "teamid")),
        sent_time: id(row, "sent_time"),
        report_deadline: id(row, "report_deadline"),
        received_time: id(row, "received_time"),
        cpu_time: num(row, "cpu_time"),
        elapsed_time: num(row, "elapsed_time"),
        flops_estimate: num(row, "flops_estimate"),
        claimed_credit: num(row, "claimed_credit"),
        granted_credit: num(row, "granted_credit"),
        opaque: num(row, "opaque"),
        exit_status: id(row, "exit_status"),
        app_version_id: AppVersionId(id(row, "app_version_id")),
        runtime_outlier: int(row, "runtime_outlier") != 0,
        random: id(row, "random"),
    }
}

fn app(row: &Row) -> App {
    App {
        id: AppId(id(row, "id")),
        name: text(row, "name"),
        target_nresults: id(row, "target_nresults"),
        min_avg_pfc: num(row, "min_avg_pfc"),
        host_scale_check: int(row, "host_scale_check") != 0,
    }
}

fn app_version(row: &Row) -> AppVersion {
    AppVersion {
        id: AppVersionId(id(row, "id")),
        appid: AppId(id(row, "appid")),
        version_num: id(row, "version_num"),
        platformid: PlatformId(id(row, "platformid")),
        plan_class: text(row, "plan_class"),
        pfc_n: num(row, "pfc_n"),
        pfc_avg: num(row, "pfc_avg"),
        pfc_scale: num(row, "pfc_scale"),
        expavg_credit: num(row, "expavg_credit"),
        expavg_time: num(row, "expavg_time"),
    }
}

fn host_app_version(row: &Row) -> HostAppVersion {
    serde_json::from_value(Value::Object(row.clone())).unwrap()
}

fn by_app(row: &Row, owner: &str) -> CreditByApp {
    CreditByApp {
        owner: id(row, owner),
        appid: AppId(id(row, "appid")),
        njobs: id(row, "njobs"),
        total: num(row, "total"),
        expavg: num(row, "expavg"),
        expavg_time: num(row, "expavg_time"),
        credit_type: id(row, "credit_type"),
    }
}

fn rows<'a>(tables: &'a Tables, table: &str) -> impl Iterator<Item = &'a Row> {
    tables.get(table).into_iter().flat_map(BTreeMap::values)
}

fn open_books(tables: &Tables, versions: Versions) -> Books {
    let mut books = Books::new(versions);
    for row in rows(tables, "host") {
        books.add_host(Host {
            id: HostId(id(row, "id")),
            userid: UserId(id(row, "userid")),
            p_fpops: num(row, "p_fpops"),
            total_credit: num(row, "total_credit"),
            expavg_credit: num(row, "expavg_credit"),
            expavg_time: num(row, "expavg_time"),
            avg_turnaround: num(row, "avg_turnaround"),
        });
    }
    for row in rows(tables, "user") {
        books.add_user(User {
            id: UserId(id(row, "id")),
            teamid: TeamId(id(row, "teamid")),
            total_credit: num(row, "total_credit"),
            expavg_credit: num(row, "expavg_credit"),
            expavg_time: num(row, "expavg_time"),
        });
    }
    for row in rows(tables, "team") {
        books.add_team(Team {
            id: TeamId(id(row, "id")),
            total_credit: num(row, "total_credit"),
            expavg_credit: num(row, "expavg_credit"),
            expavg_time: num(row, "expavg_time"),
        });
    }
    rows(tables, "host_app_version").for_each(|row| books.add_host_app_version(host_app_version(row)));
    rows(tables, "credit_user").for_each(|row| books.add_credit_user(by_app(row, "userid")));
    rows(tables, "credit_team").for_each(|row| books.add_credit_team(by_app(row, "teamid")));
    books
}

/// The output files of a result, as far as these cases go: None = a file is missing.
struct Files {
    contents: HashMap<String, String>,
    /// Template of each result.
    docs: HashMap<ResultId, String>,
}

/// A boolean element: `<x/>` or `<x>1</x>`.
fn flag(xml: &str, name: &str) -> bool {
    let value = |rest: &str| rest.trim_start().starts_with(|c: char| c.is_ascii_digit() && c != '0');
    xml.contains(&format!("<{name}/>")) || xml.split(&format!("<{name}>")).nth(1).is_some_and(value)
}

impl Files {
    fn read(&self, result: ResultId) -> Option<Vec<Option<&str>>> {
        let doc = &self.docs[&result];
        let mut contents = Vec::new();
        for part in doc.split("<file_ref>").skip(1) {
            let part = part.split("</file_ref>").next().unwrap();
            if flag(part, "no_validate") {
                continue;
            }
            let name = part.split("<file_name>").nth(1).unwrap().split("</file_name>").next().unwrap();
            match self.contents.get(name) {
                Some(content) => contents.push(Some(content.as_str())),
                None if flag(part, "optional") => contents.push(None),
                None => return None,
            }
        }
        Some(contents)
    }

    fn evidence(&self, workunit: &Workunit, need: &Need) -> Evidence {
        match need {
            Need::TooFew { .. } | Need::CanonicalMissing { .. } => Evidence::None,
            Need::Set { viable } => {
                let check = |id: &ResultId| match self.read(*id) {
                    Some(_) => FileCheck::Ok,
                    None => FileCheck::Malformed("missing".to_owned()),
                };
                let files: BTreeMap<ResultId, FileCheck> = viable.iter().map(|id| (*id, check(id))).collect();
                let agreement = enough_to_compare(workunit, &files).then(|| {
                    let good: Vec<ResultId> = files
                        .iter()
                        .filter(|(_, check)| **check == FileCheck::Ok)
                        .map(|(id, _)| *id)
                        .collect();
                    Agreement::exact(good.clone(), |i, j| self.read(good[i]) == self.read(good[j]))
                });
                Evidence::Set { files, agreement }
            }
            Need::Stragglers { canonical, late } => {
                let against = |id: &ResultId| match (self.read(*id), self.read(*canonical)) {
                    (None, _) => Against::Malformed("missing".to_owned()),
                    (Some(_), None) => Against::CanonicalGone("missing".to_owned()),
                    (Some(a), Some(b)) => Against::Pair(Pair::exact(a == b)),
                };
                Evidence::Stragglers(late.iter().map(|id| (*id, against(id))).collect())
            }
        }
    }
}

fn set(row: &mut Row, column: &str, value: impl Into<Value>) {
    assert!(row.contains_key(column), "{column}");
    row.insert(column.to_owned(), value.into());
}

fn add(row: &mut Row, column: &str, delta: f64) {
    let sum = num(row, column) + delta;
    set(row, column, sum);
}

fn write_judgement(tables: &mut Tables, judgement: &Judgement) {
    let change = &judgement.workunit;
    let row = tables.get_mut("workunit").unwrap().get_mut(&(change.id.0.into(), 0)).unwrap();
    set(row, "need_validate", 0);
    set(row, "error_mask", change.error_mask);
    set(row, "transition_time", change.transition_time);
    set(row, "target_nresults", change.target_nresults);
    set(row, "canonical_resultid", change.canonical_resultid.0);
    set(row, "canonical_credit", change.canonical_credit);
    if let Some(state) = change.assimilate_state {
        set(row, "assimilate_state", state.code());
    }
    for change in &judgement.results {
        let row = tables.get_mut("result").unwrap().get_mut(&(change.id.0.into(), 0)).unwrap();
        set(row, "server_state", change.server_state.code());
        set(row, "outcome", change.outcome.code());
        set(row, "validate_state", change.validate_state.code());
        set(row, "granted_credit", change.granted_credit);
        set(row, "runtime_outlier", i32::from(change.runtime_outlier));
    }
    for job in &judgement.credited_jobs {
        let row = serde_json::json!({"userid": job.userid.0, "workunitid": job.workunitid});
        let key = (job.userid.0.into(), job.workunitid);
        tables.entry("credited_job".to_owned()).or_default().insert(key, row.as_object().unwrap().clone());
    }
}

fn write_changes(tables: &mut Tables, changes: &Changes) {
    for change in &changes.hosts {
        let row = tables.get_mut("host").unwrap().get_mut(&(change.id.0.into(), 0)).unwrap();
        add(row, "total_credit", change.delta_total);
        set(row, "expavg_credit", change.expavg_credit);
        set(row, "expavg_time", change.expavg_time);
        if let Some(turnaround) = change.avg_turnaround {
            set(row, "avg_turnaround", turnaround);
        }
    }
    let users = changes.users.iter().map(|c| ("user", c.id.0, c.delta_total, c.expavg_credit, c.expavg_time));
    let teams = changes.teams.iter().map(|c| ("team", c.id.0, c.delta_total, c.expavg_credit, c.expavg_time));
    for (table, id, delta, avg, time) in users.chain(teams) {
        let row = tables.get_mut(table).unwrap().get_mut(&(id.into(), 0)).unwrap();
        add(row, "total_credit", delta);
        set(row, "expavg_credit", avg);
        set(row, "expavg_time", time);
    }
    let users = changes.credit_users.iter().map(|c| {
        (
            "credit_user",
            "userid",
            c.owner.0,
            c.appid.0,
            c.delta_jobs,
            c.delta_total,
            c.expavg,
            c.expavg_time,
            c.created,
        )
    });
    let teams = changes.credit_teams.iter().map(|c| {
        (
            "credit_team",
            "teamid",
            c.owner.0,
            c.appid.0,
            c.delta_jobs,
            c.delta_total,
            c.expavg,
            c.expavg_time,
            c.created,
        )
    });
    for (table, column, owner, app, jobs, delta, avg, time, created) in users.chain(teams) {
        let rows = tables.entry(table.to_owned()).or_default();
        let key = (i64::from(owner), i64::from(app));
        assert_eq!(created, !rows.contains_key(&key));
        let row = rows.entry(key).or_insert_with(|| {
            let new = serde_json::json!({column: owner, "appid": app, "njobs": 0, "total": 0.0, "expavg": 0.0,
                "expavg_time": 0.0, "credit_type": 0});
            new.as_object().unwrap().clone()
        });
        let jobs = int(row, "njobs") + i64::from(jobs);
        set(row, "njobs", jobs);
        add(row, "total", delta);
        set(row, "expavg", avg);
        set(row, "expavg_time", time);
    }
    let havs = tables.get_mut("host_app_version").unwrap();
    let key = |host: HostId, version: HostAppVersionId| (i64::from(host.0), i64::from(version.0));
    for change in &changes.host_app_versions {
        if let Some(from) = change.from {
            havs.remove(&key(change.row.host_id, from)).unwrap();
        }
    }
    for change in &changes.host_app_versions {
        let row = serde_json::to_value(&change.row).unwrap().as_object().unwrap().clone();
        assert!(havs.insert(key(change.row.host_id, change.row.app_version_id), row).is_none());
    }
}

fn same(ours: &Value, stock: &Value) -> bool {
    match (ours.as_f64(), stock.as_f64()) {
        (Some(a), Some(b)) if ours.is_f64() || stock.is_f64() => (a - b).abs() <= 1e-9 * a.abs().max(b.abs()),
        _ => ours == stock,
    }
}

fn differences(ours: &Tables, stock: &Tables) -> Vec<String> {
    let mut found = Vec::new();
    for table in ours.keys().chain(stock.keys()).collect::<std::collections::BTreeSet<_>>() {
        let empty = BTreeMap::new();
        let (a, b) = (ours.get(table).unwrap_or(&empty), stock.get(table).unwrap_or(&empty));
        for key in a.keys().chain(b.keys()).collect::<std::collections::BTreeSet<_>>() {
            match (a.get(key), b.get(key)) {
                (Some(a), Some(b)) => {
                    assert_eq!(a.len(), b.len(), "columns of {table}");
                    for (column, ours) in a.iter().filter(|(column, ours)| !same(ours, &b[*column])) {
                        found.push(format!("{table} {key:?} {column}: {ours}, stock {}", b[column]));
                    }
                }
                (ours, _) => {
                    let who = if ours.is_some() { "only ours" } else { "only stock's" };
                    found.push(format!("{table} {key:?}: {who}"));
                }
            }
        }
    }
    found
}

struct Replay {
    before: Tables,
    after: Tables,
    case: Value,
    files: Files,
}

impl Replay {
    fn load(case: &str) -> Self {
        let folder = folder(case);
        let before = tables(&folder.join("before.jsonl.gz"));
        let docs =
            rows(&before, "result").map(|row| (ResultId(id(row, "id")), text(row, "xml_doc_in"))).collect();
        let contents = serde_json::from_str(&gunzip(&folder.join("files.json.gz"))).unwrap();
        Self {
            after: tables(&folder.join("after.jsonl.gz")),
            case: serde_json::from_str(&std::fs::read_to_string(folder.join("case.json")).unwrap()).unwrap(),
            files: Files { contents, docs },
            before,
        }
    }

    /// Judges all workunits, in batches of `batch`, each with books of its own, rows in the order that `shuffle`
    /// says; hands each judgement to `look`.
    fn run(
        &self,
        name: &str,
        batch: usize,
        shuffle: bool,
        paid: &dyn Fn(ResultId) -> f64,
        mut look: impl FnMut(&Judgement),
    ) -> Tables {
        let mut tables = self.before.clone();
        let app = app(rows(&tables, "app").next().unwrap());
        let now = self.case["now"].as_f64().unwrap();
        let mut options = Options::new(&app, 500, now);
        options.credit_by_app = name == "by-app";
        let flags: Vec<&str> =
            self.case["flags"].as_array().unwrap().iter().map(|f| f.as_str().unwrap()).collect();
        for (i, flag) in flags.iter().enumerate() {
            match *flag {
                "--update_credited_job" => options.update_credited_job = true,
                "--max_granted_credit" => options.max_granted_credit = flags[i + 1].parse().unwrap(),
                "--credit_from_runtime" => options.credit_mode = CreditMode::FromRuntime,
                "--credit_from_wu" => options.credit_mode = CreditMode::FromWorkunit,
                "--no_credit" => options.credit_mode = CreditMode::None,
                number => assert!(number.parse::<f64>().is_ok(), "{number}"),
            }
        }
        let workunits: Vec<Workunit> = rows(&tables, "workunit").map(workunit).collect();
        assert!(workunits.iter().all(|wu| wu.need_validate > 0));
        let mut versions = Versions::new(rows(&tables, "app_version").map(app_version));
        for batch in workunits.chunks(batch) {
            // The samples of the pass go on from batch to batch.
            let mut books = open_books(&tables, std::mem::take(&mut versions));
            let mut judgements = Vec::new();
            for wu in batch {
                let mut instances: Vec<Instance> = rows(&tables, "result")
                    .filter(|row| id(row, "workunitid") == wu.id.0)
                    .map(result)
                    .map(|row| Instance { paid: Paid { credit: paid(row.id), ..Paid::default() }, row })
                    .collect();
                if shuffle {
                    instances.reverse();
                }
                let need = needs(wu, instances.iter().map(|i| &i.row));
                let evidence = self.files.evidence(wu, &need);
                judgements.push(judge(wu, &instances, &evidence, &options, &mut books).unwrap());
            }
            for judgement in &judgements {
                write_judgement(&mut tables, judgement);
                look(judgement);
            }
            write_changes(&mut tables, &books.changes());
            versions = books.into_versions();
        }
        tables
    }
}

const CASES: [&str; 6] = ["adaptive", "by-app", "capped", "from-runtime", "from-wu", "no-credit"];

fn assert_as_stock(name: &str, ours: &Tables, stock: &Tables) {
    let differences = differences(ours, stock);
    assert!(differences.is_empty(), "{name}: {} differences\n{}", differences.len(), differences.join("\n"));
}

fn nothing_paid(_: ResultId) -> f64 {
    0.0
}

#[test]
fn every_case_comes_out_as_stocks() {
    for name in CASES {
        let replay = Replay::load(name);
        let mut grants = 0.0;
        let ours = replay.run(name, usize::MAX, false, &nothing_paid, |judgement| {
            grants += judgement.grants.iter().map(|grant| grant.credit).sum::<f64>();
        });
        assert!(!differences(&replay.before, &replay.after).is_empty(), "{name}: the case shows nothing");
        assert_as_stock(name, &ours, &replay.after);

        let gained: f64 = rows(&ours, "host").map(|row| num(row, "total_credit")).sum::<f64>()
            - rows(&replay.before, "host").map(|row| num(row, "total_credit")).sum::<f64>();
        assert!(
            (gained - grants).abs() < 1e-6 * gained.max(1.0),
            "{name}: ledger {grants}, hosts gained {gained}"
        );
    }
}

#[test]
fn neither_batches_nor_the_order_of_rows_matter() {
    for name in CASES {
        let replay = Replay::load(name);
        for batch in [1, 7] {
            assert_as_stock(name, &replay.run(name, batch, true, &nothing_paid, |_| {}), &replay.after);
        }
    }
}

/// What trickles paid before comes off the final payment, never below zero; the rest of the decision is the same.
#[test]
fn what_was_paid_before_is_not_paid_again() {
    for name in CASES {
        let replay = Replay::load(name);
        let paid = |id: ResultId| if id.0 % 3 == 0 { 0.0 } else { 0.7 * f64::from(id.0 % 5) };
        let mut worth = HashMap::new();
        replay.run(name, 16, false, &nothing_paid, |judgement| {
            worth.extend(judgement.grants.iter().map(|grant| (grant.result, grant.credit)));
        });
        let mut states = Vec::new();
        let ours = replay.run(name, 16, false, &paid, |judgement| {
            for change in &judgement.results {
                states.push((change.id, change.validate_state));
                let full = worth.get(&change.id).copied().unwrap_or(0.0);
                let granted: f64 =
                    judgement.grants.iter().filter(|g| g.result == change.id).map(|g| g.credit).sum();
                assert!(granted >= 0.0);
                if full > 0.0 {
                    assert!(
                        (granted - (full - paid(change.id)).max(0.0)).abs() < 1e-9,
                        "{name} {}",
                        change.id
                    );
                    assert!((change.granted_credit - full.max(paid(change.id))).abs() < 1e-9);
                }
            }
        });
        for (id, state) in states {
            assert_eq!(
                int(&replay.after["result"][&(id.0.into(), 0)], "validate_state"),
                i64::from(state.code())
            );
        }
        for (key, row) in &ours["workunit"] {
            assert!(same(&row["canonical_resultid"], &replay.after["workunit"][key]["canonical_resultid"]));
        }
    }
}
