//! The handler is killed at every statement of its work, and the database is: one run each. Afterwards the books are the
//! same as after a calm run.
//!
//! The work is one run of `--one_pass` over all kinds of messages: cumulative ones, increments, over-claims that are held,
//! a host at its cap, one that a person released, deadlines, messages to tasks, messages without a result, rubbish.
//!
//! Every statement that the handler sends is counted, from the first one of its connection to the last: START
//! TRANSACTION and COMMIT, too. Preparing and closing a statement are not: they change nothing on the server, so a kill
//! there finds and leaves what a kill at the statement beside them does.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

mod common;

use std::process::{Child, Stdio};
use std::time::Duration;

use common::World;
use common::scene::{everything, picture, rewind};
use sandbox::proxy::{Hold, Proxy};
use sandbox::{ProjectOptions, Server, SimClock};

/// A project whose daemons connect through a wire that can be held.
struct Stage {
    world: World,
    proxy: Proxy,
    /// Its config.xml: to the database, and through the wire.
    direct: String,
    through: String,
    /// All that a calm run writes.
    calm: String,
}

impl Stage {
    async fn new(world: World) -> Self {
        let mut world = everything(world).await;
        world.one_pass(&[]);
        let calm = picture(&mut world).await;
        for word in ["held", "max_seconds_per_host_and_day", "<seconds>", "stop"] {
            assert!(calm.contains(word), "no {word} in {calm}");
        }
        world.balances().await;
        let port = u16::try_from(world.number("SELECT @@port").await).unwrap();
        let proxy = Proxy::start(port).await.unwrap();
        let direct = std::fs::read_to_string(world.project.path("config.xml")).unwrap();
        let through = direct.replace(&format!("127.0.0.1:{port}"), &format!("127.0.0.1:{}", proxy.port()));
        assert_ne!(direct, through);
        Self { world, proxy, direct, through, calm }
    }

    fn config(&self, text: &str) {
        std::fs::write(self.world.project.path("config.xml"), text).unwrap();
    }

    /// Starts the handler from the beginning, over the wire.
    async fn start(&mut self) -> Child {
        rewind(&mut self.world).await;
        self.config(&self.through);
        self.world.start(&[]).stderr(Stdio::null()).spawn().unwrap()
    }

    /// Waits until it is held; false if it ended before.
    async fn held(&self, child: &mut Child) -> bool {
        let ended = self.proxy.held_or_ended(child).await.unwrap();
        assert!(ended.is_none_or(|status| status.success()));
        ended.is_none()
    }

    async fn waiting(&mut self) -> i64 {
        self.world.number("SELECT COUNT(*) FROM msg_from_host WHERE handled = 0").await
    }

    /// The books are as after a calm run.
    async fn check(&mut self, what: &str) {
        let found = picture(&mut self.world).await;
        assert!(found == self.calm, "{what}:\n{found}\ninstead of\n{}", self.calm);
    }
}

/// What was killed how often: before anything was handled, in the middle, when all was.
#[derive(Debug, Default)]
struct Kills {
    early: u32,
    middle: u32,
    late: u32,
}

impl Kills {
    fn count(&mut self, waiting: i64, all: i64) {
        match waiting {
            0 => self.late += 1,
            left if left == all => self.early += 1,
            _ => self.middle += 1,
        }
    }

    fn are_many(&self, hold: Hold) {
        println!("{hold:?}: {self:?}");
        assert!(self.early > 20 && self.middle > 30 && self.late > 3, "{self:?}");
    }
}

async fn killed_daemons(hold: Hold) {
    let clock = Some(SimClock::frozen(common::NOW));
    let world =
        World::with(ProjectOptions { clock, tcp: true, msg_to_host: true, ..Default::default() }).await;
    world.project.migrate().await.unwrap();
    let mut stage = Stage::new(world).await;
    rewind(&mut stage.world).await;
    let all = stage.waiting().await;
    let mut kills = Kills::default();
    for statement in 1.. {
        stage.proxy.hold_at_statement(statement, hold);
        let mut child = stage.start().await;
        let held = stage.held(&mut child).await;
        child.kill().unwrap();
        child.wait().unwrap();
        stage.proxy.release();
        stage.config(&stage.direct);
        if !held {
            break;
        }
        // The server may still be at it.
        let others = "SELECT COUNT(*) FROM information_schema.processlist WHERE db = DATABASE() AND id <> CONNECTION_ID()";
        while stage.world.number(others).await > 0 {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        let waiting = stage.waiting().await;
        kills.count(waiting, all);
        stage.world.one_pass(&[]);
        stage.check(&format!("killed {hold:?} statement {statement}")).await;
    }
    stage.world.balances().await;
    kills.are_many(hold);
}

#[tokio::test]
async fn the_handler_before_every_statement() {
    killed_daemons(Hold::Before).await;
}

#[tokio::test]
async fn the_handler_after_every_statement() {
    killed_daemons(Hold::After).await;
}

/// Projects on one server, each held at another statement when it is killed.
const TOGETHER: u64 = 16;

/// The database is killed (SIGKILL) and started again, which recovers it from its logs; the handlers live on, wait,
/// connect again and end their work by themselves. Each handler meets one kill, at its own statement.
async fn killed_databases(hold: Hold) {
    let mut server = tokio::task::spawn_blocking(Server::start_temporary).await.unwrap().unwrap();
    let mut stages = Vec::new();
    for n in 0..TOGETHER {
        stages.push(Stage::new(World::on(&server, &format!("kill_{n}")).await).await);
    }
    rewind(&mut stages[0].world).await;
    let all = stages[0].waiting().await;
    let mut kills = Kills::default();
    let mut statement = 1;
    loop {
        let mut children = Vec::new();
        for (stage, statement) in stages.iter_mut().zip(statement..) {
            stage.proxy.hold_at_statement(statement, hold);
            children.push(stage.start().await);
        }
        let mut held = Vec::new();
        for (stage, child) in stages.iter().zip(&mut children) {
            held.push(stage.held(child).await);
        }
        server.kill();
        for stage in &stages {
            stage.proxy.cut();
            // They come back only when it was seen what the server kept.
            stage.proxy.hold_at(1, Hold::Before);
        }
        // The handlers learn of it before there is a server again.
        tokio::time::sleep(Duration::from_millis(20)).await;
        server =
            tokio::task::spawn_blocking(move || server.restart().map(|()| server)).await.unwrap().unwrap();
        for (stage, held) in stages.iter_mut().zip(&held) {
            stage.world.sql = stage.world.project.connect().await.unwrap();
            if *held {
                let waiting = stage.waiting().await;
                kills.count(waiting, all);
            }
        }
        for stage in &stages {
            stage.proxy.release();
        }
        for child in &mut children {
            while child.try_wait().unwrap().is_none() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            assert!(child.wait().unwrap().success());
        }
        for (stage, statement) in stages.iter_mut().zip(statement..) {
            stage.check(&format!("the database was killed {hold:?} statement {statement}")).await;
        }
        if !held.iter().all(|held| *held) {
            break;
        }
        statement += TOGETHER;
    }
    for stage in &stages {
        stage.world.balances().await;
    }
    kills.are_many(hold);
}

#[tokio::test]
async fn the_database_before_every_statement() {
    killed_databases(Hold::Before).await;
}

#[tokio::test]
async fn the_database_after_every_statement() {
    killed_databases(Hold::After).await;
}
