//! `review reject --again` with the real work generator: a rejected job is made once more, once, wherever the command or the
//! generator is killed.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

mod common;

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use common::World;
use sandbox::ProjectOptions;
use sandbox::proxy::{Hold, Proxy};

/// Jobs that are rejected.
const JOBS: [&str; 2] = ["count_1", "rows_b"];

fn generator(world: &World) -> Command {
    let path = Path::new(env!("CARGO_BIN_EXE_cobblestone")).with_file_name("cobblestone-work-generator");
    assert!(path.is_file(), "build it first: cargo build -p cobblestone-work-generator");
    let mut command = Command::new(path);
    command.env_remove("BOINC_PROJECT_DIR").args(["--app", "theory", "--one_pass", "--project_dir"]);
    command.arg(world.project.dir()).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

/// A project with two campaigns whose jobs have canonical results.
async fn furnish() -> World {
    let world = World::with(ProjectOptions { tcp: true, ..ProjectOptions::default() }).await;
    world.project.write_app_config("[work]\ncushion = 1000000\n").unwrap();
    let folder = world.project.path("cobblestone/campaigns");
    std::fs::create_dir_all(&folder).unwrap();
    for (name, source) in
        [("count", "jobs = 3"), ("rows", "kind = \"file\"\npath = \"rows.csv\"\nkey = \"k\"")]
    {
        let text = format!("[campaign]\napp = \"theory\"\n[source]\n{source}\n");
        std::fs::write(folder.join(format!("{name}.toml")), text).unwrap();
    }
    std::fs::write(world.project.path("rows.csv"), "k,x\na,1\nb,2\nc,3\n").unwrap();
    let file = std::fs::File::options().write(true).open(world.project.path("rows.csv")).unwrap();
    file.set_modified(std::time::SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000)).unwrap();
    assert!(generator(&world).status().unwrap().success());
    world
}

/// The last attempts of the jobs got valid results. Their workunits.
async fn validated(world: &mut World) -> Vec<i64> {
    world
        .sql
        .execute("UPDATE workunit SET canonical_resultid = id, assimilate_state = 2", &[])
        .await
        .unwrap();
    let mut last = Vec::new();
    for job in JOBS {
        let sql = format!("SELECT MAX(id) FROM workunit WHERE name = '{job}' OR name LIKE '{job}\\_r%'");
        last.push(world.number(&sql).await);
    }
    last
}

fn words(last: &[i64]) -> Vec<String> {
    let mut words = vec!["review".to_owned(), "reject".to_owned()];
    words.extend(last.iter().map(i64::to_string));
    words.extend(["--again", "--comment", "its memory is broken", "--by", "anna"].map(str::to_owned));
    words
}

fn reject(world: &World, last: &[i64]) -> String {
    let words = words(last);
    world.ends(0, &words.iter().map(String::as_str).collect::<Vec<_>>())
}

/// Each rejected job has `attempts` workunits, which follow one another and have one seed; the others have one.
async fn each_was_made(world: &mut World, attempts: i64, when: &str) {
    for job in JOBS {
        let sql = format!(
            "SELECT j.workunitid, j.retry, j.retry_of, j.seed, w.name FROM cobblestone_job j JOIN workunit w ON w.id = j.workunitid \
             WHERE w.name = '{job}' OR w.name LIKE '{job}\\_r%' ORDER BY j.retry"
        );
        let rows = world.sql.rows(&sql, &[]).await.unwrap();
        assert_eq!(rows.len() as i64, attempts, "{job}, {when}");
        let mut before = 0;
        for (n, row) in rows.iter().enumerate() {
            assert_eq!(
                (row.i64("retry").unwrap(), row.i64("retry_of").unwrap()),
                (n as i64, before),
                "{when}"
            );
            assert_eq!(row.i64("seed").unwrap(), rows[0].i64("seed").unwrap(), "{when}");
            let name = row.text("name").unwrap();
            assert!(world.project.download_path(&format!("{name}.in")).unwrap().is_file(), "{name}, {when}");
            before = row.i64("workunitid").unwrap();
        }
    }
    assert_eq!(world.number("SELECT COUNT(*) FROM workunit").await, 4 + 2 * attempts, "{when}");
    assert_eq!(world.number("SELECT COUNT(*) FROM cobblestone_retry").await, 0, "{when}");
    let counted = world.number("SELECT SUM(retried) FROM cobblestone_campaign").await;
    assert_eq!(counted, 2 * (attempts - 1), "{when}");
}

/// Starts a command, kills it when its statement of that number is held. False: it ended before.
async fn killed_at(
    world: &mut World,
    proxy: &Proxy,
    command: &mut Command,
    statement: u64,
    hold: Hold,
) -> bool {
    proxy.hold_at_statement(statement, hold);
    let mut child = command.spawn().unwrap();
    let held = proxy.held_or_ended(&mut child).await.unwrap().is_none();
    child.kill().unwrap();
    child.wait().unwrap();
    proxy.release();
    let others =
        "SELECT COUNT(*) FROM information_schema.processlist WHERE db = DATABASE() AND id <> CONNECTION_ID()";
    while world.number(others).await > 0 {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    held
}

/// Kills `who` at each statement, and lets all go to the end then.
async fn killed(kills_generator: bool) {
    let mut world = furnish().await;
    let port = u16::try_from(world.number("SELECT @@port").await).unwrap();
    let proxy = Proxy::start(port).await.unwrap();
    let direct = std::fs::read_to_string(world.project.path("config.xml")).unwrap();
    let through = direct.replace(&format!("127.0.0.1:{port}"), &format!("127.0.0.1:{}", proxy.port()));
    assert_ne!(direct, through);
    let config = world.project.path("config.xml");
    let (mut attempts, mut statement, mut early, mut late) = (1, 0, 0, 0);
    loop {
        statement += 1;
        let mut was_held = false;
        for hold in [Hold::Before, Hold::After] {
            let when = format!("killed {hold:?} statement {statement}");
            let last = validated(&mut world).await;
            let before = world.number("SELECT COUNT(*) FROM workunit").await;
            if kills_generator {
                assert!(reject(&world, &last).contains("makes 2 of their jobs once more"), "{when}");
            }
            std::fs::write(&config, &through).unwrap();
            let words = words(&last);
            let mut command = if kills_generator {
                generator(&world)
            } else {
                world.cobblestone(&words.iter().map(String::as_str).collect::<Vec<_>>())
            };
            command.stdout(Stdio::null()).stderr(Stdio::null());
            was_held |= killed_at(&mut world, &proxy, &mut command, statement, hold).await;
            std::fs::write(&config, &direct).unwrap();
            let done = if kills_generator {
                world.number("SELECT COUNT(*) FROM workunit").await > before
            } else {
                world.number("SELECT COUNT(*) FROM cobblestone_retry").await > 0
            };
            if done {
                late += 1
            } else {
                early += 1
            }
            // Who was interrupted says it again.
            reject(&world, &last);
            assert!(generator(&world).status().unwrap().success());
            attempts += 1;
            each_was_made(&mut world, attempts, &when).await;
        }
        if !was_held {
            break;
        }
    }
    assert!(generator(&world).status().unwrap().success());
    each_was_made(&mut world, attempts, "once more, with nothing to do").await;
    println!("{statement} statements, {early} times killed before it was done, {late} times after");
    assert!(statement > 10 && early > 5 && late > 0, "{statement} {early} {late}");
}

#[tokio::test]
async fn killed_generator() {
    killed(true).await;
}

#[tokio::test]
async fn killed_command() {
    killed(false).await;
}
