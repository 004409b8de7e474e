//! `cobblestone work create` is killed at every statement that it sends, before the server sees it and after it did it; and
//! its connection is cut there. What is there are whole batches, the first ones, each job with its reservation; started
//! again, it says how far it came, and goes on from there.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod common;

use std::io::Write as _;
use std::process::{Child, Stdio};
use std::time::Duration;

use common::{NOW, World, holds};
use sandbox::proxy::{Hold, Proxy};
use sandbox::{ProjectOptions, SimClock};
use serde_json::json;

/// Jobs of a transaction.
const ROWS: i64 = 2000;

struct Stage {
    world: World,
    proxy: Proxy,
    /// Its config.xml: to the database, and through the wire.
    direct: String,
    through: String,
}

impl Stage {
    async fn new() -> Self {
        let options = ProjectOptions {
            clock: Some(SimClock::frozen(NOW)),
            tcp: true,
            input_template: "<workunit></workunit>".to_owned(),
            ..ProjectOptions::default()
        };
        let mut world = World::with(options).await;
        world.people().await;
        let port = u16::try_from(world.number("SELECT @@port").await).unwrap();
        let proxy = Proxy::start(port).await.unwrap();
        let direct = std::fs::read_to_string(world.project.path("config.xml")).unwrap();
        let through = direct.replace(&format!("127.0.0.1:{port}"), &format!("127.0.0.1:{}", proxy.port()));
        assert_ne!(direct, through);
        Self { world, proxy, direct, through }
    }

    fn connect(&self, config: &str) {
        std::fs::write(self.world.project.path("config.xml"), config).unwrap();
    }

    fn start(&self, flags: &[&str], lines: &[u8]) -> Child {
        let flags = [&["work", "create", "--appname", "theory"], flags].concat();
        let mut command = self.world.cobblestone(&flags);
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(lines).unwrap();
        child
    }

    /// Runs it to its end: status and words.
    fn run(&self, flags: &[&str], lines: &[u8]) -> (i32, String) {
        said(self.start(flags, lines))
    }

    /// Holds it at a statement; None if it ended before.
    async fn held(&mut self, flags: &[&str], lines: &[u8], statement: u64, hold: Hold) -> Option<Child> {
        self.connect(&self.through);
        self.proxy.hold_at_statement(statement, hold);
        let mut child = self.start(flags, lines);
        match self.proxy.held_or_ended(&mut child).await.unwrap() {
            None => Some(child),
            Some(status) => {
                assert!(status.success(), "{}", said(child).1);
                None
            }
        }
    }

    async fn gone(&mut self) {
        let others = "SELECT COUNT(*) FROM information_schema.processlist WHERE db = DATABASE() AND id <> CONNECTION_ID()";
        while self.world.number(others).await > 0 {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    async fn rewind(&mut self) {
        self.world.sql.script("TRUNCATE TABLE workunit; TRUNCATE TABLE assignment").await.unwrap();
    }

    /// Workunits and for whom they are, without ids.
    async fn picture(&mut self) -> Vec<String> {
        let sql = "SELECT CONCAT_WS('|', w.name, MD5(w.xml_doc), w.transitioner_flags, COALESCE(a.target_type, 0), COALESCE(a.target_id, 0)) AS x \
                   FROM workunit w LEFT JOIN assignment a ON a.workunitid = w.id ORDER BY w.id";
        let rows = self.world.sql.rows(sql, &[]).await.unwrap();
        rows.iter().map(|row| row.text("x").unwrap()).collect()
    }
}

fn said(child: Child) -> (i32, String) {
    let output = child.wait_with_output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap();
    (output.status.code().unwrap_or(-1), text)
}

const FLAGS: [&str; 3] = ["--stdin", "--wu_name", "w"];

/// More than a batch; each third job is for a host or a user.
fn many() -> Vec<u8> {
    let line = |number: i64| match number % 6 {
        2 => "--target_host 1\n",
        5 => "--target_user 2\n",
        _ => "\n",
    };
    (1..=ROWS + 7).map(line).collect::<String>().into_bytes()
}

/// The first batches are there, and it goes on from where it ended.
async fn is_mended(stage: &mut Stage, calm: &[String], what: &str) {
    let found = stage.picture().await;
    let made = found.len();
    let whole = i64::try_from(made).unwrap();
    assert!(whole == 0 || whole == ROWS || made == calm.len(), "{what}: {made} workunits");
    assert_eq!(found, calm[..made], "{what}");
    assert_eq!(
        stage
            .world
            .number("SELECT COUNT(*) FROM assignment WHERE workunitid NOT IN (SELECT id FROM workunit)")
            .await,
        0,
        "{what}"
    );
    if made > 0 {
        let (status, text) = stage.run(&FLAGS, &many());
        assert_eq!(status, 1, "{what}: {text}");
        let go_on = if made == calm.len() {
            "nothing is left to do".to_owned()
        } else {
            format!("--from_line {}", made + 1)
        };
        holds(&text, &[&format!("Lines 1 to {made} have workunits"), &go_on]);
    }
    let from = (made + 1).to_string();
    let (status, text) = stage.run(&[&FLAGS[..], &["--from_line", &from]].concat(), &many());
    assert_eq!(status, 0, "{what}: {text}");
    assert_eq!(stage.picture().await, calm, "{what}");
}

#[tokio::test]
async fn killed_at_every_statement_its_batches_are_whole_or_absent() {
    let mut stage = Stage::new().await;
    assert_eq!(stage.run(&FLAGS, &many()).0, 0);
    let calm = stage.picture().await;
    assert_eq!(calm.len(), many().iter().filter(|byte| **byte == b'\n').count());
    for hold in [Hold::Before, Hold::After] {
        let (mut none, mut some, mut all) = (0, 0, 0);
        for statement in 1.. {
            stage.rewind().await;
            let Some(mut child) = stage.held(&FLAGS, &many(), statement, hold).await else { break };
            child.kill().unwrap();
            child.wait().unwrap();
            stage.proxy.release();
            stage.connect(&stage.direct);
            stage.gone().await;
            match stage.world.number("SELECT COUNT(*) FROM workunit").await {
                0 => none += 1,
                ROWS => some += 1,
                _ => all += 1,
            }
            is_mended(&mut stage, &calm, &format!("killed {hold:?} statement {statement}")).await;
        }
        stage.proxy.release();
        stage.connect(&stage.direct);
        // All, before the good-bye or after the last COMMIT.
        assert!(none > 5 && some > 3 && all == 1, "{none} {some} {all}");
    }
}

/// The connection ends instead of the process: it says what stands.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cut_off_at_every_statement_it_says_what_stands() {
    let mut stage = Stage::new().await;
    stage.run(&FLAGS, &many());
    let calm = stage.picture().await;
    for hold in [Hold::Before, Hold::After] {
        let mut told = 0;
        for statement in 1.. {
            stage.rewind().await;
            let Some(child) = stage.held(&FLAGS, &many(), statement, hold).await else { break };
            stage.proxy.cut();
            let (status, text) = said(child);
            stage.connect(&stage.direct);
            stage.gone().await;
            let what = format!("cut {hold:?} statement {statement}: {text}");
            let made = stage.picture().await.len();
            if status == 0 {
                assert_eq!(made, calm.len(), "{what}");
            } else {
                assert_eq!(status, 2, "{what}");
                if text.contains("from_line") {
                    told += 1;
                    let next = format!("--from_line {}", made + 1);
                    assert!(text.contains(&next), "{what}");
                } else {
                    // It had not begun.
                    assert_eq!(made, 0, "{what}");
                }
            }
            is_mended(&mut stage, &calm, &what).await;
        }
        stage.proxy.release();
        stage.connect(&stage.direct);
        assert!(told > 5, "{told}");
    }
}

#[tokio::test]
async fn one_job_is_killed_at_every_statement() {
    let mut stage = Stage::new().await;
    let placeholder = json!({"id": 9, "name": "blank", "transition_time": i32::MAX});
    for (flags, filled) in [
        (&["--wu_name", "one", "--target_host", "2"][..], false),
        (&["--wu_name", "one", "--target_host", "2", "--wu_id", "9"], true),
    ] {
        for hold in [Hold::Before, Hold::After] {
            let mut made = 0;
            for statement in 1.. {
                stage.rewind().await;
                if filled {
                    stage.world.insert("workunit", vec![placeholder.clone()]).await;
                }
                let before = stage.picture().await;
                let Some(mut child) = stage.held(flags, b"", statement, hold).await else { break };
                child.kill().unwrap();
                child.wait().unwrap();
                stage.proxy.release();
                stage.connect(&stage.direct);
                stage.gone().await;
                let (status, text) = stage.run(flags, b"");
                assert_eq!(stage.picture().await.len(), 1);
                let after = stage.picture().await;
                assert!(
                    after[0].ends_with("|2|1|2"),
                    "killed {hold:?} statement {statement}: {after:?} {text}"
                );
                assert_eq!(stage.world.number("SELECT COUNT(*) FROM assignment").await, 1);
                // The second one finds it made, or makes it.
                made += i32::from(status == 1);
                assert!(status == 0 || before != after && text.contains("no workunit was made"), "{text}");
            }
            stage.proxy.release();
            stage.connect(&stage.direct);
            assert_eq!(made, 1, "{flags:?}: before the good-bye, or after COMMIT");
        }
    }
}
