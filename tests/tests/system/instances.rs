//! Two instances at once on one backlog: nothing is done twice, and the totals are those of a single one.

use crate::backlog::{self, Backlog};
use crate::barrier::{Barrier, WAITING};
use crate::books::{Picture, balance};
use crate::dataset;
use crate::stage::{CONFIG, Stage};
use std::path::PathBuf;
use std::slice::from_mut;

/// Runs one instance per line of flags, at the same time. Both have read the same candidates before either may
/// write `table`.
async fn together(stage: &mut Stage, program: &str, table: &str, flags: [&str; 2]) {
    let mut barrier = Barrier::on(stage, table).await;
    let line = |flags: &str| format!("--app {} -d 2 --one_pass {flags}", stage.project.app());
    let mut processes = flags.map(|flags| stage.start(program, &line(flags)));
    barrier.stopped(stage, &mut processes).await;
    barrier.lift().await;
    for process in processes {
        process.end().await.with(0).calmly();
    }
    stage.alone().await;
    // What one could not do because the other had it in hand is done by now or by the next pass.
    stage.one_pass(program, "").await;
}

/// One instance reads what is to be done, up to `table`, and is paused. Another one does it all. Then the first goes on
/// with what it has read.
async fn overtaken(stage: &mut Stage, program: &str, table: &str) {
    let mut barrier = Barrier::for_readers(stage, table).await;
    let mut slow = stage.daemon(program, "--one_pass");
    barrier.stopped(stage, from_mut(&mut slow)).await;
    slow.pause().await;
    barrier.lift().await;
    // The server has read it for the slow one.
    stage.others(WAITING, 0).await;
    stage.one_pass(program, "").await;
    let before = Picture::whole(stage).await;
    slow.resume();
    // It did try.
    slow.end().await.with(0).saying("begin transaction=").calmly();
    Picture::whole(stage).await.must_equal(&before, "the slow one found its work undone");
}

#[tokio::test]
async fn a_slow_instance_finds_its_work_done() {
    let mut stage = Stage::new("slow").await;
    overtaken(&mut stage, "cobblestone-work-generator", "cobblestone_campaign").await;
    assert_eq!(stage.count("workunit").await, 1200);

    let mut stage = Stage::new("slow").await;
    Backlog { workunits: 60, claims: 6 }.fill(&mut stage).await;
    stage.one_pass("cobblestone-trickle-credit", "").await;
    overtaken(&mut stage, "cobblestone-validator", "result").await;
    overtaken(&mut stage, "cobblestone-assimilator", "result").await;
    balance(&mut stage).await;
    dataset::is_complete(&mut stage).await;
    assert_eq!(dataset::staged(&stage), Vec::<PathBuf>::new());
}

/// An instance is paused with messages in hand. Another one takes the others, and waits for nothing that belongs to
/// the same results; then the first goes on.
#[tokio::test]
async fn a_slow_trickle_handler_keeps_what_it_has_in_hand() {
    const PROGRAM: &str = "cobblestone-trickle-credit";
    const WORK: Backlog = Backlog { workunits: 60, claims: 6 };
    let mut one = Stage::new("one").await;
    WORK.fill(&mut one).await;
    one.one_pass(PROGRAM, "").await;
    let wanted = Picture::of(&mut one).await;

    let mut stage = Stage::new("slow").await;
    WORK.fill(&mut stage).await;
    let all = stage.count("msg_from_host WHERE handled = 0").await;
    let mut barrier = Barrier::for_readers(&stage, "result").await;
    let mut slow = stage.daemon(PROGRAM, "--one_pass");
    barrier.stopped(&mut stage, from_mut(&mut slow)).await;
    slow.pause().await;
    barrier.lift().await;
    stage.others(WAITING, 0).await;
    stage.one_pass(PROGRAM, "").await;
    let left = stage.count("msg_from_host WHERE handled = 0").await;
    assert!(0 < left && left < all, "{left} of {all}");
    slow.resume();
    slow.end().await.with(0).calmly();
    assert_eq!(stage.count("msg_from_host WHERE handled = 0").await, 0);
    Picture::of(&mut stage).await.must_equal(&wanted, "a slow one");
    balance(&mut stage).await;
    stage.audit().await;
}

/// No instance of two may leave all the work to the other.
const SHARED: [[&str; 2]; 2] = [["", ""], ["--mod 2 0", "--mod 2 1"]];

#[tokio::test]
async fn two_trickle_handlers() {
    const PROGRAM: &str = "cobblestone-trickle-credit";
    const WORK: Backlog = Backlog { workunits: 150, claims: 12 };
    let mut one = Stage::new("one").await;
    WORK.fill(&mut one).await;
    one.one_pass(PROGRAM, "").await;
    let wanted = Picture::of(&mut one).await;
    for flags in SHARED {
        let mut stage = Stage::new("two").await;
        WORK.fill(&mut stage).await;
        together(&mut stage, PROGRAM, "msg_from_host", flags).await;
        Picture::of(&mut stage).await.must_equal(&wanted, &format!("{flags:?}"));
        balance(&mut stage).await;
        stage.audit().await;
    }
}

#[tokio::test]
async fn two_validators() {
    const PROGRAM: &str = "cobblestone-validator";
    const WORK: Backlog = Backlog { workunits: 700, claims: 0 };
    let mut one = Stage::new("one").await;
    WORK.fill(&mut one).await;
    one.one_pass(PROGRAM, "").await;
    let wanted = Picture::of(&mut one).await;
    for flags in SHARED {
        let mut stage = Stage::new("two").await;
        WORK.fill(&mut stage).await;
        together(&mut stage, PROGRAM, "workunit", flags).await;
        Picture::of(&mut stage).await.must_equal(&wanted, &format!("{flags:?}"));
        balance(&mut stage).await;
        stage.audit().await;
    }
}

#[tokio::test]
async fn two_work_generators() {
    const PROGRAM: &str = "cobblestone-work-generator";
    let mut one = Stage::new("one").await;
    one.one_pass(PROGRAM, "").await;
    let wanted = Picture::of(&mut one).await;
    assert_eq!(one.count("workunit").await, 1200);

    let mut stage = Stage::new("two").await;
    together(&mut stage, PROGRAM, "cobblestone_campaign", ["", ""]).await;
    Picture::of(&mut stage).await.must_equal(&wanted, "two generators");

    // A cushion is filled once, not by each.
    let mut stage = Stage::new("cushion").await;
    stage.project.write_app_config(&CONFIG.replace("cushion = 100000", "cushion = 300")).unwrap();
    together(&mut stage, PROGRAM, "cobblestone_campaign", ["", ""]).await;
    assert_eq!(stage.count("workunit").await, 150);
}

#[tokio::test]
async fn two_assimilators() {
    const PROGRAM: &str = "cobblestone-assimilator";
    for flags in SHARED {
        let mut stage = Stage::new("two").await;
        Backlog { workunits: 1200, claims: 0 }.fill(&mut stage).await;
        backlog::validated(&mut stage).await;
        together(&mut stage, PROGRAM, "workunit", flags).await;
        assert_eq!(stage.count("workunit WHERE assimilate_state = 2").await, 1200);
        dataset::is_complete(&mut stage).await;
        assert_eq!(dataset::staged(&stage), Vec::<PathBuf>::new());
    }
}

/// Trickles are paid while the same results are validated: in whatever order, the total is the same.
#[tokio::test]
async fn the_trickle_handler_and_the_validator() {
    const WORK: Backlog = Backlog { workunits: 150, claims: 12 };
    let sum = "SELECT SUM(credit) FROM cobblestone_ledger";
    let mut one = Stage::new("one").await;
    WORK.fill(&mut one).await;
    one.one_pass("cobblestone-trickle-credit", "").await;
    one.one_pass("cobblestone-validator", "").await;
    let wanted = one.sum(sum).await;
    balance(&mut one).await;

    let mut stage = Stage::new("two").await;
    WORK.fill(&mut stage).await;
    let mut barrier = Barrier::on(&stage, "result").await;
    let mut processes = ["cobblestone-trickle-credit", "cobblestone-validator"]
        .map(|program| stage.start(program, "--app theory --one_pass"));
    barrier.stopped(&mut stage, &mut processes).await;
    barrier.lift().await;
    for process in processes {
        process.end().await.with(0).saying("nothing is left").calmly();
    }
    assert_eq!(stage.count("msg_from_host WHERE handled = 0").await, 0);
    assert_eq!(stage.count("workunit WHERE need_validate <> 0").await, 0);
    balance(&mut stage).await;
    stage.audit().await;
    let found = stage.sum(sum).await;
    assert!((found - wanted).abs() < 1e-9 * wanted, "{found} instead of {wanted}");
}
