//! A private server comes up, keeps its data over a crash, and its BOINC tables are those of the facts.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "helpers of tests")]

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use sandbox::{Server, TestDb};
use store::sql::Connection;

#[tokio::test]
async fn tables_are_those_of_the_facts() {
    let db = TestDb::new("tables").await.unwrap();
    let mut connection = db.connect().await.unwrap();

    let mut columns = vec!["table\tcolumn\ttype\tnullable\tdefault\textra".to_owned()];
    let rows = connection
        .rows(
            "SELECT table_name AS t, column_name AS c, column_type AS y, is_nullable AS n, column_default AS d, extra AS e
             FROM information_schema.columns WHERE table_schema = DATABASE() ORDER BY table_name, ordinal_position",
            &[],
        )
        .await
        .unwrap();
    for row in rows {
        let text = |name: &str| row.text(name).unwrap();
        let nullable = if text("n") == "YES" { "null" } else { "not null" };
        columns.push([&text("t"), &text("c"), &text("y"), nullable, &text("d"), &text("e")].join("\t"));
    }
    compare(include_str!("data/columns.tsv"), columns);

    let mut indexes = vec!["table\tindex\tunique\tcolumns".to_owned()];
    let rows = connection
        .rows(
            "SELECT table_name AS t, index_name AS i, IF(non_unique = 0, 'unique', '') AS u,
                    GROUP_CONCAT(column_name ORDER BY seq_in_index) AS c
             FROM information_schema.statistics WHERE table_schema = DATABASE() GROUP BY table_name, index_name, non_unique",
            &[],
        )
        .await
        .unwrap();
    for row in rows {
        indexes.push(["t", "i", "u", "c"].map(|name| row.text(name).unwrap()).join("\t"));
    }
    compare(include_str!("data/indexes.tsv"), indexes);

    let engines = connection
        .rows(
            "SELECT DISTINCT engine AS e, table_collation AS c FROM information_schema.tables WHERE table_schema = DATABASE()",
            &[],
        )
        .await
        .unwrap();
    assert_eq!(engines.len(), 1);
    assert_eq!(engines[0].text("e").unwrap(), "InnoDB");
    assert_eq!(engines[0].text("c").unwrap(), "utf8mb4_unicode_ci");
}

fn compare(facts: &str, mut found: Vec<String>) {
    let mut facts: Vec<String> = facts.lines().map(str::to_owned).collect();
    facts.sort();
    found.sort();
    let missing: Vec<_> = facts.iter().filter(|line| !found.contains(line)).collect();
    let extra: Vec<_> = found.iter().filter(|line| !facts.contains(line)).collect();
    assert!(
        missing.is_empty() && extra.is_empty(),
        "facts not met: {missing:#?}\nnot in the facts: {extra:#?}"
    );
}

#[tokio::test]
async fn committed_rows_survive_a_kill_and_databases_are_dropped() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Server::start(folder.path()).unwrap();
    let mut connection = Connection::open(&server.url("")).await.unwrap();
    // What a crash may lose is as MariaDB has it by default: nothing.
    let row = connection
        .row(
            "SELECT @@innodb_flush_log_at_trx_commit AS f, @@innodb_doublewrite AS d, @@sync_binlog AS s",
            &[],
        )
        .await
        .unwrap();
    assert_eq!((row.i64("f").unwrap(), row.i64("d").unwrap(), row.i64("s").unwrap()), (1, 1, 0));
    connection.execute("CREATE DATABASE kept", &[]).await.unwrap();
    connection.execute("CREATE TABLE kept.t (n int) ENGINE=InnoDB", &[]).await.unwrap();
    connection.execute("INSERT INTO kept.t VALUES (7)", &[]).await.unwrap();
    let port = server.port();
    server.kill();
    assert!(server.pid().is_none());
    drop(connection);

    server.restart().unwrap();
    assert_eq!(server.port(), port);
    // Over TCP too, as a C++ program with host:port would come in.
    let tcp = store::DbUrl {
        host: Some("127.0.0.1".to_owned()),
        port: Some(port),
        socket: None,
        ..server.url("kept")
    };
    let mut connection = Connection::open(&tcp).await.unwrap();
    assert_eq!(connection.row("SELECT n FROM t", &[]).await.unwrap().i64("n").unwrap(), 7);
    drop(connection);
    server.stop().unwrap();
    assert!(Connection::open(&server.url("kept")).await.is_err());
}

#[tokio::test]
async fn a_test_database_goes_with_its_handle() {
    let keeper = TestDb::empty("keeper").await.unwrap();
    let other = TestDb::new("other! name").await.unwrap();
    let name = other.name().to_owned();
    assert!(name.ends_with("_othername"), "{name}");
    let mut connection = keeper.connect().await.unwrap();
    let count = "SELECT COUNT(*) AS n FROM information_schema.schemata WHERE schema_name = ?";
    let found = connection.row(count, &[name.as_str().into()]).await.unwrap().i64("n").unwrap();
    assert_eq!(found, 1);
    drop(other);
    let found = connection.row(count, &[name.as_str().into()]).await.unwrap().i64("n").unwrap();
    assert_eq!(found, 0);
}

fn wait_until(what: &str, mut done: impl FnMut() -> bool) {
    let start = Instant::now();
    while !done() {
        assert!(start.elapsed() < Duration::from_secs(30), "{what}: waited in vain");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Runs, yet not a zombie whose parent has not looked.
fn runs(pid: u32) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
}

/// The process that the next test kills.
#[test]
#[ignore = "not a test of its own"]
fn helper_that_holds_a_server() {
    let server = Server::start_temporary().unwrap();
    println!("\nSERVER {} {}", server.pid().unwrap(), server.dir().display());
    loop {
        std::thread::park();
    }
}

#[test]
fn a_server_ends_with_a_parent_that_is_killed() {
    let mut parent = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "helper_that_holds_a_server", "--ignored", "--nocapture"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let line = BufReader::new(parent.stdout.take().unwrap())
        .lines()
        .map_while(Result::ok)
        .find(|line| line.starts_with("SERVER "))
        .unwrap();
    let mut words = line.split(' ').skip(1);
    let pid: u32 = words.next().unwrap().parse().unwrap();
    let dir = PathBuf::from(words.next().unwrap());
    assert!(runs(pid) && dir.is_dir());
    parent.kill().unwrap();
    parent.wait().unwrap();
    wait_until("the server's end", || !runs(pid));
    wait_until("the folder's end", || !dir.exists());
}

#[test]
fn a_detached_server_stays_and_its_folder_is_not_used_twice() {
    let folder = tempfile::tempdir().unwrap();
    let detached = Server::start(folder.path()).unwrap().detach().unwrap();
    assert!(runs(detached.pid));
    assert!(std::os::unix::net::UnixStream::connect(&detached.socket).is_ok());
    let error = Server::start(folder.path()).unwrap_err().to_string();
    assert!(error.contains("runs in") && Path::new(&detached.socket).exists(), "{error}");
    let pid = rustix::process::Pid::from_raw(i32::try_from(detached.pid).unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    wait_until("the server's end", || !runs(detached.pid));
}
