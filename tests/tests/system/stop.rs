//! The stop contract of each daemon: SIGHUP, SIGTERM, SIGINT or the file `stop_daemons` end it with status 0, within
//! a second, with the item in hand finished or untouched.

use std::path::PathBuf;
use std::slice::from_mut;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::backlog::{self, Backlog, output_name};
use crate::barrier::Barrier;
use crate::books::Picture;
use crate::process::{Ended, Process};
use crate::stage::Stage;

/// The contract says a second. Twice that bears with a machine that is busy with other tests.
const BOUND: Duration = Duration::from_secs(2);

/// The ways to ask, with what the log says to them.
const WAYS: [(Option<Signal>, &str); 4] = [
    (Some(Signal::HUP), "stopping: SIGHUP received"),
    (Some(Signal::TERM), "stopping: SIGTERM received"),
    (Some(Signal::INT), "stopping: SIGINT received"),
    (None, "stop_daemons is present"),
];

/// Asks in one of the ways and checks how it ends.
async fn stops(stage: &Stage, process: Process, (signal, words): (Option<Signal>, &str)) -> Ended {
    let file = stage.project.path("stop_daemons");
    let asked = Instant::now();
    match signal {
        Some(signal) => process.signal(signal),
        None => std::fs::write(&file, "<stop/>\n").unwrap(),
    }
    let ended = process.end().await.with(0).saying(words);
    let took = asked.elapsed();
    assert!(took < BOUND, "{words}: {took:?}\n{}", ended.log);
    let _ = std::fs::remove_file(file);
    ended
}

/// While it sleeps between passes; and it does not start while the file is there.
async fn idle(program: &str) {
    let mut stage = Stage::new("idle").await;
    stage.project.write_app_config("[work]\njobs = 1\n[uptime]\nenabled = true\n").unwrap();
    stage.one_pass(program, "").await;
    for way in WAYS {
        let mut process = stage.daemon(program, "--sleep_interval 3600");
        // It has begun its first pass; when its connection is at rest, the pass is over.
        process.says(" read=").await;
        stage.others("command = 'Sleep'", 1).await;
        stops(&stage, process, way).await;
        stage.alone().await;
    }
    std::fs::write(stage.project.path("stop_daemons"), "").unwrap();
    for pace in ["", "--one_pass"] {
        stage.daemon(program, pace).end().await.with(0).saying("not starting: ");
    }
}

/// In the middle of a transaction that waits for a lock on `table`.
async fn in_a_transaction(program: &str, stage: &mut Stage, table: &str) {
    let before = Picture::whole(stage).await;
    for way in WAYS {
        let mut barrier = Barrier::on(stage, table).await;
        let mut process = stage.daemon(program, "");
        barrier.stopped(stage, from_mut(&mut process)).await;
        stops(stage, process, way).await.saying("the pass was cut short");
        barrier.lift().await;
        stage.alone().await;
        Picture::whole(stage).await.must_equal(&before, &format!("{program}, {}", way.1));
    }
    // And nothing is left behind that hinders the next one.
    stage.one_pass(program, "").await;
}

#[tokio::test]
async fn the_work_generator_stops_while_it_sleeps() {
    idle("cobblestone-work-generator").await;
}

#[tokio::test]
async fn the_trickle_handler_stops_while_it_sleeps() {
    idle("cobblestone-trickle-credit").await;
}

#[tokio::test]
async fn the_validator_stops_while_it_sleeps() {
    idle("cobblestone-validator").await;
}

#[tokio::test]
async fn the_assimilator_stops_while_it_sleeps() {
    idle("cobblestone-assimilator").await;
}

#[tokio::test]
async fn the_work_generator_stops_in_a_transaction() {
    let mut stage = Stage::new("busy").await;
    stage.campaign_begins().await;
    in_a_transaction("cobblestone-work-generator", &mut stage, "cobblestone_job").await;
    assert_eq!(stage.count("workunit").await, 1200);
}

#[tokio::test]
async fn the_trickle_handler_stops_in_a_transaction() {
    let mut stage = Stage::new("busy").await;
    Backlog { workunits: 20, claims: 4 }.fill(&mut stage).await;
    in_a_transaction("cobblestone-trickle-credit", &mut stage, "cobblestone_quarantine").await;
    assert_eq!(stage.count("msg_from_host WHERE handled = 0").await, 0);
}

#[tokio::test]
async fn the_validator_stops_in_a_transaction() {
    let mut stage = Stage::new("busy").await;
    Backlog { workunits: 20, claims: 0 }.fill(&mut stage).await;
    in_a_transaction("cobblestone-validator", &mut stage, "cobblestone_ledger").await;
    assert_eq!(stage.count("workunit WHERE need_validate <> 0").await, 0);
}

#[tokio::test]
async fn the_assimilator_stops_in_a_transaction() {
    let mut stage = Stage::new("busy").await;
    Backlog { workunits: 20, claims: 0 }.fill(&mut stage).await;
    backlog::validated(&mut stage).await;
    in_a_transaction("cobblestone-assimilator", &mut stage, "cobblestone_dataset_file").await;
    crate::dataset::is_complete(&mut stage).await;
    assert_eq!(crate::dataset::staged(&stage), Vec::<PathBuf>::new());
}

/// Comparing does not look up from its work: the process is cut off there, and nothing is written.
#[tokio::test]
async fn the_validator_stops_in_a_long_comparison() {
    let mut stage = Stage::new("long").await;
    Backlog { workunits: 1, claims: 0 }.fill(&mut stage).await;
    let line = format!("{}\n", "0.123456789012345 ".repeat(64));
    let large = line.repeat(60_000_000 / line.len());
    for row in stage.db.rows("SELECT xml_doc_in FROM result", &[]).await.unwrap() {
        stage.project.write_upload(&output_name(&row.text("xml_doc_in").unwrap()), large.as_bytes()).unwrap();
    }
    let before = Picture::whole(&mut stage).await;
    for way in [WAYS[0], WAYS[3]] {
        let mut process = stage.daemon("cobblestone-validator", "");
        // It has begun with the first of two files.
        process.reads(large.len() as u64 / 4).await;
        let ended = stops(&stage, process, way).await;
        assert!(ended.log.contains("cut"), "it was done before it was asked: {}", ended.log);
        stage.alone().await;
        Picture::whole(&mut stage).await.must_equal(&before, way.1);
    }
}
