//! The store against a real server.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::sync::atomic::{AtomicU32, Ordering};

use boinc::change::{Changes, HostChange};
use boinc::id::{AppId, HostId, MessageId, ResultId, TeamId, UserId, WorkunitId};
use boinc::ledger::{LedgerEntry, LedgerKind};
use boinc::verdict::{Decision, Difference, KeptJudgement, KeptVerdict, Matrix};
use sandbox::TestDb;
use store::audit::Owner;
use store::host_accounts::Flag;
use store::quarantine::SetAside;
use store::schema::{TableFacts, boinc as boinc_schema, ours};
use store::trickles::Mark;
use store::{Error, Store};

async fn database(name: &str) -> (TestDb, Store) {
    let db = TestDb::new(name).await.unwrap();
    let store = Store::connect(&db.url()).await.unwrap();
    store.migrate(1000.0).await.unwrap();
    (db, store)
}

/// SQL types as information_schema names them, for a type of the typed schema.
fn fits(typed: &str, live: &str, nullable: bool) -> bool {
    let inner = typed.replace(' ', "");
    let inner = inner.strip_prefix("Nullable<").and_then(|t| t.strip_suffix('>')).unwrap_or(&inner);
    if nullable != typed.starts_with("Nullable") {
        return false;
    }
    match inner {
        "Integer" => live == "int",
        "SmallInt" => live == "smallint",
        "TinyInt" => live == "tinyint",
        "BigInt" => live == "bigint",
        "Double" => live == "double",
        "Text" => ["varchar", "char", "mediumtext"].contains(&live),
        "Blob" => ["binary", "blob", "mediumblob", "mediumtext"].contains(&live),
        _ => false,
    }
}

#[tokio::test]
async fn the_typed_schema_is_that_of_a_live_database() {
    let (db, _store) = database("schema").await;
    let mut sql = db.connect().await.unwrap();
    let mut checked = 0;
    let tables: Vec<&TableFacts> = boinc_schema::TABLES.iter().chain(ours::TABLES).collect();
    for (table, columns) in &tables {
        for (column, typed) in *columns {
            let live = sql
                .row(
                    "SELECT data_type AS t, is_nullable AS n FROM information_schema.columns \
                     WHERE table_schema = DATABASE() AND table_name = ? AND column_name = ?",
                    &[(*table).into(), (*column).into()],
                )
                .await
                .unwrap_or_else(|e| panic!("{table}.{column}: {e}"));
            let (kind, nullable) = (live.text("t").unwrap(), live.text("n").unwrap() == "YES");
            assert!(
                fits(typed, &kind, nullable),
                "{table}.{column} is {kind}, nullable {nullable}; typed as {typed}"
            );
            checked += 1;
        }
    }
    assert!(checked > 150, "only {checked} columns");
    // Of our own tables every column is typed.
    let live = sql
        .row(
            "SELECT COUNT(*) AS n FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name LIKE 'cobblestone\\_%'",
            &[],
        )
        .await
        .unwrap();
    let typed: usize = ours::TABLES.iter().map(|(_, columns)| columns.len()).sum();
    assert_eq!(live.i64("n").unwrap(), i64::try_from(typed).unwrap());
}

#[tokio::test]
async fn migrations_run_once_and_their_absence_is_explained() {
    let db = TestDb::new("migrate").await.unwrap();
    let store = Store::connect(&db.url()).await.unwrap();
    let missing = store.check_schema().await.unwrap_err();
    assert!(missing.is_refused() && missing.to_string().contains("cobblestone migrate"), "{missing}");
    assert!(!store.migrate(1.0).await.unwrap().is_empty());
    store.check_schema().await.unwrap();
    assert!(store.migrate(2.0).await.unwrap().is_empty());
    let mut sql = db.connect().await.unwrap();
    sql.execute("DELETE FROM cobblestone_migration WHERE version = (SELECT m FROM (SELECT MAX(version) m FROM cobblestone_migration) x)", &[])
        .await
        .unwrap();
    let old = store.check_schema().await.unwrap_err();
    assert!(old.is_refused() && old.to_string().contains("cobblestone migrate"), "{old}");
    // An interrupted migration runs again over what it left.
    assert_eq!(store.migrate(3.0).await.unwrap().len(), 1);
    sql.execute("INSERT INTO cobblestone_migration VALUES (999, 'future', 0)", &[]).await.unwrap();
    let newer = store.check_schema().await.unwrap_err();
    assert!(newer.is_refused() && newer.to_string().contains("newer"), "{newer}");
    assert!(store.check_server().await.unwrap().contains("MariaDB"));
}

#[tokio::test]
async fn a_wrong_password_or_database_is_refused_and_a_dead_server_is_unavailable() {
    let db = TestDb::new("refused").await.unwrap();
    let mut url = db.url();
    url.database = "no_such_database_here".to_owned();
    assert!(Store::connect(&url).await.unwrap_err().is_refused());
    let mut url = db.url();
    url.user = "nobody_here".to_owned();
    url.password = "wrong".to_owned();
    assert!(Store::connect(&url).await.unwrap_err().is_refused());
    let mut url = db.url();
    url.socket = Some("/nonexistent/socket".into());
    assert!(Store::connect(&url).await.unwrap_err().is_unavailable());
}

async fn host(db: &TestDb, id: i32, total: f64) {
    let mut sql = db.connect().await.unwrap();
    let columns = sql
        .rows(
            "SELECT column_name AS c, data_type AS t FROM information_schema.columns WHERE table_schema = DATABASE() \
             AND table_name = 'host' AND is_nullable = 'NO' AND column_default IS NULL",
            &[],
        )
        .await
        .unwrap();
    let mut row = serde_json::Map::new();
    for column in columns {
        let text = ["varchar", "text"].contains(&column.text("t").unwrap().as_str());
        row.insert(column.text("c").unwrap(), if text { "".into() } else { 0.into() });
    }
    row.insert("id".to_owned(), id.into());
    row.insert("total_credit".to_owned(), total.into());
    sql.insert_json("host", &[row]).await.unwrap();
}

fn change(id: i32, credit: f64) -> HostChange {
    HostChange {
        id: HostId(id),
        delta_total: credit,
        expavg_credit: 1.0 / 3.0,
        expavg_time: 77.5,
        avg_turnaround: (id == 1).then_some(0.25),
    }
}

fn entry(message: i32, host: i32, credit: f64) -> LedgerEntry {
    LedgerEntry {
        when: 5.0,
        kind: LedgerKind::Uptime,
        message: MessageId(message),
        result: ResultId(9),
        workunit: WorkunitId(8),
        host: HostId(host),
        user: UserId(0),
        team: TeamId(0),
        app: AppId(1),
        seconds: 60.0,
        flops: 1e9,
        credit,
        rule_version: 1,
        reason: "a\u{1F4A5}".repeat(300),
        by_app: None,
    }
}

#[tokio::test]
async fn paying_moves_totals_and_ledger_together_and_a_message_pays_once() {
    let (db, store) = database("pay").await;
    host(&db, 1, 10.0).await;
    host(&db, 2, 0.0).await;
    let changes = Changes { hosts: vec![change(1, 0.1), change(2, 1.0 / 3.0)], ..Changes::default() };
    let entries = [entry(1, 1, 0.1), entry(2, 2, 1.0 / 3.0)];
    store.transaction("test", async |tx| tx.pay(&entries, &changes).await).await.unwrap();
    let again = store.transaction("test", async |tx| tx.pay(&entries, &changes).await).await;
    assert!(matches!(again, Err(Error::Duplicate(_))), "{again:?}");
    let mut sql = db.connect().await.unwrap();
    let row = sql.row("SELECT * FROM host WHERE id = 2", &[]).await.unwrap();
    assert_eq!(row.f64("total_credit").unwrap().to_bits(), (1.0f64 / 3.0).to_bits());
    assert_eq!(row.f64("expavg_credit").unwrap().to_bits(), (1.0f64 / 3.0).to_bits());
    assert_eq!(row.f64("expavg_time").unwrap(), 77.5);
    // Host 1 had 10 before without an opening balance (it came after migrate): the audit must see it.
    let (sum, off) =
        store.snapshot("audit", async |conn| conn.check_totals(Owner::Host).await).await.unwrap();
    assert_eq!((sum.rows, sum.off), (2, 1));
    assert_eq!(off[0].id, 1);
    assert!((off[0].gained - 10.1).abs() < 1e-9 && (off[0].ledger - 0.1).abs() < 1e-12);
    assert_eq!(store.read("audit", async |conn| conn.messages_paid_twice().await).await.unwrap(), 0);
}

#[tokio::test]
async fn marks_are_written_and_written_over() {
    let (_db, store) = database("marks").await;
    let mark = |seconds: f64, messages| Mark {
        result: ResultId(4),
        host: HostId(1),
        app: AppId(1),
        seconds_paid: seconds,
        largest_claim: seconds,
        credit_paid: 0.1,
        messages,
        time: 3.0,
        sent_time: 7,
    };
    for step in [mark(10.0, 1), mark(20.5, 2)] {
        store
            .transaction("marks", async |tx| tx.write_marks(std::slice::from_ref(&step)).await)
            .await
            .unwrap();
        let found =
            store.read("marks", async |conn| conn.marks(&[ResultId(4), ResultId(5)]).await).await.unwrap();
        assert_eq!(found, [step]);
    }
}

/// Texts of a volunteer's machine, and numbers at the ends of their range.
#[tokio::test]
async fn what_is_inserted_reads_back_to_the_bit() {
    let (_db, store) = database("inserted").await;
    let texts = [
        "",
        "it's",
        "\\",
        "\\' OR 1=1 -- ",
        "a\0b\r\n\u{1a}",
        "100% _ \"?\"",
        "Grüße 🎲",
        "x'41'); DROP TABLE t; --",
    ];
    let numbers =
        [0.1, -0.1, 1.0 / 3.0, 1e308, 5e-324, f64::MIN, 123_456_789.123_456_78, 1_795_197_489.627_013_2];
    let verdicts = texts.iter().zip(numbers).zip(1..).map(|((text, number), id)| KeptVerdict {
        result: ResultId(id),
        name: (*text).to_owned(),
        host: HostId(i32::MIN),
        user: UserId(i32::MAX),
        decision: Decision::Invalid,
        reason: (*text).to_owned(),
        difference: Difference {
            partner: ResultId(0),
            deviation: (id % 2 == 0).then_some(number),
            place: (*text).to_owned(),
            value: (*text).to_owned(),
            partner_value: (*text).to_owned(),
        },
        formula: (*text).to_owned(),
        credit: number,
    });
    let kept = KeptJudgement {
        workunit: WorkunitId(7),
        n: 1,
        time: numbers[7],
        app: AppId(1),
        name: texts[3].to_owned(),
        outcome: "canonical".to_owned(),
        canonical: ResultId(1),
        min_quorum: 2,
        credit_mode: "adaptive".to_owned(),
        spec: 1,
        rule_version: 1,
        matrix: Matrix::default(),
        files: Vec::new(),
        notes: texts.map(str::to_owned).to_vec(),
        verdicts: verdicts.collect(),
    };
    store
        .transaction("keep", async |tx| tx.keep_judgements(std::slice::from_ref(&kept)).await)
        .await
        .unwrap();
    let found = store.read("kept", async |conn| conn.judgements(WorkunitId(7)).await).await.unwrap();
    assert_eq!(found, std::slice::from_ref(&kept));
    let bits = |kept: &KeptJudgement| -> Vec<u64> {
        kept.verdicts.iter().map(|verdict| verdict.credit.to_bits()).collect()
    };
    assert_eq!(bits(&found[0]), bits(&kept));
}

#[tokio::test]
async fn a_value_that_does_not_fit_is_refused_whole() {
    let (db, store) = database("unfit").await;
    let days = |last: i32| {
        let flag = |host: i32, over_claims: i32| Flag {
            host: HostId(host),
            app: AppId(1),
            over_claims,
            flagged: 0.0,
            time: 1.0,
        };
        [flag(1, 1), flag(2, last)]
    };
    let written = store.transaction("flags", async |tx| tx.write_flags(&days(7)).await).await;
    written.unwrap();
    let mut sql = db.connect().await.unwrap();
    sql.script("ALTER TABLE cobblestone_flag MODIFY over_claims TINYINT NOT NULL").await.unwrap();
    let error = store.transaction("flags", async |tx| tx.write_flags(&days(70_000)).await).await.unwrap_err();
    assert!(error.is_data(), "{error}");
    let row = sql.row("SELECT SUM(over_claims) AS n FROM cobblestone_flag", &[]).await.unwrap();
    assert_eq!(row.i64("n").unwrap(), 8);
}

#[tokio::test]
async fn what_is_set_aside_stays_with_its_bytes_and_counts_its_tries() {
    let (db, store) = database("aside").await;
    let thing = SetAside {
        time: 1.0,
        daemon: "trickle-credit",
        kind: "trickle",
        id: 7,
        host: HostId(3),
        reason: "no such result".to_owned(),
        raw: Some(vec![0xff, 0, b'<']),
    };
    for _ in 0..2 {
        store
            .transaction("aside", async |tx| tx.set_aside(std::slice::from_ref(&thing)).await)
            .await
            .unwrap();
    }
    let mut sql = db.connect().await.unwrap();
    let row = sql.row("SELECT * FROM cobblestone_quarantine", &[]).await.unwrap();
    assert_eq!((row.i64("tries").unwrap(), row.bytes("raw").unwrap()), (2, vec![0xff, 0, b'<']));
    store.transaction("aside", async |tx| tx.release("trickle-credit", "trickle", &[7]).await).await.unwrap();
    assert!(sql.rows("SELECT * FROM cobblestone_quarantine", &[]).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_deadlock_is_run_again_and_nothing_is_done_twice() {
    let (db, store) = database("deadlock").await;
    host(&db, 1, 0.0).await;
    host(&db, 2, 0.0).await;
    let other = Store::connect(store.url()).await.unwrap();
    let barrier = tokio::sync::Barrier::new(2);
    let runs = AtomicU32::new(0);
    // Both take one host, meet, and then want the other's: the server rolls one of them back.
    let work = async |store: &Store, first: i32, second: i32| {
        let mut met = false;
        let met = std::sync::Mutex::new(&mut met);
        store
            .transaction("cross", async |tx| {
                runs.fetch_add(1, Ordering::SeqCst);
                tx.lock_hosts(&[HostId(first)]).await?;
                let wait = !std::mem::replace(&mut **met.lock().unwrap(), true);
                if wait {
                    barrier.wait().await;
                }
                tx.lock_hosts(&[HostId(second)]).await?;
                tx.pay(&[], &Changes { hosts: vec![change(first, 1.0)], ..Changes::default() }).await
            })
            .await
    };
    let (a, b) = tokio::join!(work(&store, 1, 2), work(&other, 2, 1));
    a.unwrap();
    b.unwrap();
    assert!(runs.load(Ordering::SeqCst) >= 3, "no deadlock happened");
    let mut sql = db.connect().await.unwrap();
    let sum = sql.row("SELECT SUM(total_credit) AS s FROM host", &[]).await.unwrap();
    assert_eq!(sum.f64("s").unwrap(), 2.0);
}

#[tokio::test]
async fn a_transaction_that_is_dropped_or_killed_leaves_nothing() {
    let (db, store) = database("dropped").await;
    host(&db, 1, 0.0).await;
    let pay = |credit| Changes { hosts: vec![change(1, credit)], ..Changes::default() };
    // Dropped in the middle.
    let (reached, wait) = tokio::sync::oneshot::channel::<()>();
    let reached = std::sync::Mutex::new(Some(reached));
    let hangs = store.transaction("hangs", async |tx| {
        tx.pay(&[], &pay(5.0)).await?;
        if let Some(reached) = reached.lock().unwrap().take() {
            let _ = reached.send(());
        }
        std::future::pending::<()>().await;
        Ok(())
    });
    tokio::select! { r = hangs => panic!("{r:?}"), r = wait => r.unwrap() }
    // Its connection is killed by the server in the middle: unavailable, and the next one works again.
    let mut sql = db.connect().await.unwrap();
    let killed = store
        .transaction("killed", async |tx| {
            tx.pay(&[], &pay(7.0)).await?;
            let mut admin = db.connect().await.unwrap();
            let ids = admin
                .rows("SELECT trx_mysql_thread_id AS id FROM information_schema.innodb_trx WHERE trx_rows_modified > 0 AND trx_mysql_thread_id IN \
                      (SELECT id FROM information_schema.processlist WHERE db = DATABASE())", &[])
                .await?;
            for id in ids {
                admin.execute(&format!("KILL {}", id.i64("id")?), &[]).await?;
            }
            tx.pay(&[], &pay(7.0)).await
        })
        .await
        .unwrap_err();
    assert!(killed.is_unavailable(), "{killed}");
    store.transaction("works", async |tx| tx.pay(&[], &pay(1.0)).await).await.unwrap();
    assert_eq!(sql.row("SELECT total_credit AS t FROM host", &[]).await.unwrap().f64("t").unwrap(), 1.0);
}

/// The server refuses new prepared statements of anybody when `max_prepared_stmt_count` are open.
#[tokio::test]
async fn connections_close_the_statements_that_they_prepare() {
    let (db, _store) = database("statements").await;
    let mut sql = db.connect().await.unwrap();
    for number in 0..300 {
        sql.rows(&format!("SELECT {number} AS n"), &[]).await.unwrap();
    }
    let mut status = Vec::new();
    for name in ["Com_stmt_prepare", "Com_stmt_close"] {
        let row = sql.row(&format!("SHOW SESSION STATUS LIKE '{name}'"), &[]).await.unwrap();
        status.push(row.i64("Value").unwrap());
    }
    assert!(status[0] >= 300 && status[0] - status[1] <= 60, "prepared and closed: {status:?}");
}
