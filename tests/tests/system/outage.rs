//! The database goes away under the running daemons: they wait, come back, and finish.

use sandbox::Server;

use crate::backlog::{self, Backlog};
use crate::barrier::{Barrier, WAITING};
use crate::books::{Picture, balance};
use crate::dataset;
use crate::process::{DAEMONS, Process};
use crate::stage::{CONFIG, Stage};

const WORK: Backlog = Backlog { workunits: 60, claims: 6 };

fn configure(stage: &Stage) {
    stage.project.write_app_config(&CONFIG.replace("jobs = 1200", "jobs = 40")).unwrap();
}

/// The four, at a quick pace.
fn start(stage: &Stage) -> [Process; 4] {
    DAEMONS.map(|program| stage.daemon(program, "--sleep_interval 0.1"))
}

/// Waits until all work is done by the running daemons.
async fn done(stage: &mut Stage) {
    stage.at_least("cobblestone_job", 40).await;
    stage.at_least("msg_from_host HAVING SUM(handled = 0) = 0", 1).await;
    stage.at_least("workunit HAVING SUM(need_validate <> 0) = 0", 1).await;
    stage.at_least("workunit HAVING SUM(assimilate_state = 1) = 0", 1).await;
    stage.at_least("cobblestone_dataset_file HAVING SUM(state <> 'published') = 0", 1).await;
}

/// What a calm day makes of the same work. Which of trickle handler and validator pays what may differ from that;
/// what each result gets may not.
async fn calm(server: &Server) -> Picture {
    let mut stage = Stage::on(server, "calm").await;
    configure(&stage);
    WORK.fill(&mut stage).await;
    for program in DAEMONS {
        stage.one_pass(program, "").await;
    }
    Picture::at_the_end(&mut stage).await
}

/// The connection of the test itself is gone with the server.
async fn reconnect(stage: &mut Stage) {
    stage.db = stage.project.connect().await.unwrap();
}

async fn check(stage: &mut Stage, processes: [Process; 4], wanted: &Picture) {
    done(stage).await;
    for mut process in processes {
        assert!(process.is_running());
        process.signal(rustix::process::Signal::HUP);
        process.end().await.with(0).saying("the database is back");
    }
    balance(stage).await;
    stage.audit().await;
    dataset::is_complete(stage).await;
    Picture::at_the_end(stage).await.must_equal(wanted, "after an outage");
}

#[tokio::test]
async fn restarted_while_daemons_rest() {
    let mut server = Server::start_temporary().unwrap();
    let wanted = calm(&server).await;
    let mut stage = Stage::on(&server, "restart").await;
    configure(&stage);
    WORK.fill(&mut stage).await;
    backlog::hide(&mut stage, true).await;
    let mut processes = start(&stage);
    for process in &mut processes {
        process.says(" read=").await;
    }
    server.stop().unwrap();
    for process in &mut processes {
        process.says("waiting for the database").await;
        assert!(process.is_running());
    }
    server.restart().unwrap();
    reconnect(&mut stage).await;
    for process in &mut processes {
        process.says("the database is back").await;
    }
    backlog::hide(&mut stage, false).await;
    check(&mut stage, processes, &wanted).await;
}

/// Lets daemons come to a stand in the middle of a transaction: the generator before it writes its
/// jobs, trickle handler or validator, whoever has the rows, before it writes what it pays. Then kills the server.
async fn killed_in_transactions(server: &mut Server, stage: &mut Stage) -> [Process; 4] {
    let barriers =
        [Barrier::on(stage, "cobblestone_job").await, Barrier::on(stage, "cobblestone_ledger").await];
    let mut processes = start(stage);
    stage.others(WAITING, 2).await;
    server.kill();
    drop(barriers);
    for process in &mut processes {
        process.says("waiting for the database").await;
        assert!(process.is_running());
    }
    processes
}

#[tokio::test]
async fn killed_in_the_middle_of_transactions() {
    let mut server = Server::start_temporary().unwrap();
    let wanted = calm(&server).await;
    let mut stage = Stage::on(&server, "killed").await;
    configure(&stage);
    WORK.fill(&mut stage).await;

    stage.campaign_begins().await;

    // As when the power of the whole machine fails: nothing of what was open survives.
    let before = Picture::whole(&mut stage).await;
    for process in killed_in_transactions(&mut server, &mut stage).await {
        process.kill();
    }
    server.restart().unwrap();
    reconnect(&mut stage).await;
    Picture::whole(&mut stage).await.must_equal(&before, "after a power failure");

    // The database alone: the daemons live on, and finish.
    let processes = killed_in_transactions(&mut server, &mut stage).await;
    server.restart().unwrap();
    reconnect(&mut stage).await;
    check(&mut stage, processes, &wanted).await;
}

#[tokio::test]
async fn away_while_daemons_start() {
    let mut server = Server::start_temporary().unwrap();
    let mut stage = Stage::on(&server, "start").await;
    configure(&stage);
    server.stop().unwrap();
    let mut processes = DAEMONS.map(|program| stage.daemon(program, "--one_pass"));
    for process in &mut processes {
        process.says("waiting for the database").await;
    }
    server.restart().unwrap();
    reconnect(&mut stage).await;
    for process in processes {
        process.end().await.with(0).saying("the database is back");
    }
    assert_eq!(stage.count("cobblestone_job").await, 40);
}
