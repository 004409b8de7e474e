//! kill −9 at many points, and a new start each time: in the end everything is as if nothing had happened.
//!
//! Three kinds of points. *Chosen* ones: a table is locked, the daemon comes to a stand at its first write of it, in
//! the middle of its transaction, and is killed there. Then everything must be as before. *Between* two transactions:
//! one was let through, the daemon comes to a stand in the next and is killed there. *Found* ones: it is killed some
//! milliseconds after its start or at once after its progress shows, wherever it is then. After each the books must
//! balance, for nobody knows when the next start comes.

use std::path::PathBuf;
use std::slice::from_mut;
use std::time::Duration;

use crate::backlog::{self, Backlog};
use crate::barrier::Barrier;
use crate::books::{Picture, balance};
use crate::dataset;
use crate::stage::Stage;

/// Kills at each chosen point; nothing may be different after any of them.
async fn chosen(stage: &mut Stage, program: &str, tables: &[&str]) {
    let before = Picture::whole(stage).await;
    for table in tables {
        let mut barrier = Barrier::on(stage, table).await;
        let mut process = stage.daemon(program, "");
        barrier.stopped(stage, from_mut(&mut process)).await;
        process.kill();
        barrier.lift().await;
        stage.alone().await;
        Picture::whole(stage).await.must_equal(&before, &format!("{program} killed before it wrote {table}"));
    }
}

/// A share of the work that is one transaction, however large batches are: that of the first thing left.
async fn share(stage: &mut Stage, program: &str, left: &str) -> String {
    if program == "cobblestone-work-generator" {
        return String::new();
    }
    let class = stage.number(&format!("SELECT COALESCE(MIN(id), 0) % 8 FROM {left}")).await;
    format!("--mod 8 {class}")
}

/// Kills after a transaction that wrote `inside` and before it the table `after`: when the next one wants to write
/// `after`, or when there is none. Three times.
async fn between(stage: &mut Stage, program: &str, left: &str, inside: &str, after: &'static str) {
    for _ in 0..3 {
        let rest = stage.count(left).await;
        let flags = share(stage, program, left).await;
        let mut barrier = Barrier::on(stage, inside).await;
        let mut process = stage.daemon(program, &flags);
        barrier.stopped(stage, from_mut(&mut process)).await;
        let next = barrier.after_this(stage, after).await;
        // The daemon stands at the new barrier; or it rests, as the barrier itself.
        stage.at_the_barrier_or_at_rest().await;
        process.kill();
        next.lift().await;
        stage.alone().await;
        assert!(stage.count(left).await < rest, "the transaction was not let through");
        balance(stage).await;
    }
}

/// Kills at found points until nothing is left, and at least three times with work in the middle. `left` is what
/// is left to do.
async fn found(stage: &mut Stage, program: &str, left: &str) {
    let all = stage.count(left).await;
    let mut rest = all;
    let mut in_the_middle = 0;
    for milliseconds in (0..).map(|n| n * 5 % 23) {
        let flags = share(stage, program, left).await;
        let mut process = stage.daemon(program, &flags);
        process.says(" starts").await;
        if milliseconds % 2 == 0 {
            // Progress: at once, or a moment later.
            while stage.count(left).await == rest && process.is_running() {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        }
        tokio::time::sleep(Duration::from_millis(milliseconds)).await;
        process.kill();
        stage.alone().await;
        balance(stage).await;
        rest = stage.count(left).await;
        if rest == 0 {
            break;
        }
        in_the_middle += usize::from(rest < all);
    }
    assert!(
        in_the_middle >= 3,
        "{program} was killed in mid-work {in_the_middle} times only: make the backlog larger"
    );
    stage.one_pass(program, "").await;
}

const TRICKLES: Backlog = Backlog { workunits: 250, claims: 12 };

#[tokio::test]
async fn the_trickle_handler() {
    const PROGRAM: &str = "cobblestone-trickle-credit";
    const LEFT: &str = "msg_from_host WHERE handled = 0";
    let mut calm = Stage::new("calm").await;
    TRICKLES.fill(&mut calm).await;
    calm.one_pass(PROGRAM, "").await;
    let wanted = Picture::of(&mut calm).await;

    let mut stage = Stage::new("killed").await;
    TRICKLES.fill(&mut stage).await;
    chosen(
        &mut stage,
        PROGRAM,
        &[
            "msg_from_host",
            "result",
            "host",
            "user",
            "team",
            "cobblestone_mark",
            "cobblestone_disallowed",
            "cobblestone_ledger",
            "cobblestone_quarantine",
        ],
    )
    .await;
    between(&mut stage, PROGRAM, LEFT, "cobblestone_quarantine", "msg_from_host").await;
    found(&mut stage, PROGRAM, LEFT).await;
    Picture::of(&mut stage).await.must_equal(&wanted, "killed and started again");
    balance(&mut stage).await;
    stage.audit().await;
    assert!(stage.count("cobblestone_ledger").await > 1000);
    assert!(stage.count("cobblestone_quarantine").await > 100);
    assert!(stage.count("cobblestone_disallowed").await > 100);
}

const WORKUNITS: Backlog = Backlog { workunits: 1200, claims: 0 };

#[tokio::test]
async fn the_validator() {
    const PROGRAM: &str = "cobblestone-validator";
    const LEFT: &str = "workunit WHERE need_validate <> 0";
    let mut calm = Stage::new("calm").await;
    WORKUNITS.fill(&mut calm).await;
    calm.one_pass(PROGRAM, "").await;
    let wanted = Picture::of(&mut calm).await;

    let mut stage = Stage::new("killed").await;
    WORKUNITS.fill(&mut stage).await;
    chosen(
        &mut stage,
        PROGRAM,
        &[
            "workunit",
            "result",
            "host_app_version",
            "host",
            "user",
            "team",
            "cobblestone_mark",
            "cobblestone_ledger",
        ],
    )
    .await;
    between(&mut stage, PROGRAM, LEFT, "cobblestone_ledger", "workunit").await;
    found(&mut stage, PROGRAM, LEFT).await;
    Picture::of(&mut stage).await.must_equal(&wanted, "killed and started again");
    balance(&mut stage).await;
    stage.audit().await;
    assert!(stage.count("workunit WHERE canonical_resultid <> 0").await > 950);
    assert!(stage.count("result WHERE validate_state = 4").await > 100);
}

#[tokio::test]
async fn the_work_generator() {
    const PROGRAM: &str = "cobblestone-work-generator";
    const LEFT: &str = "seq_1_to_3600 WHERE seq > (SELECT COUNT(*) FROM workunit)";
    let config = crate::stage::CONFIG.replace("jobs = 1200", "jobs = 3600");
    let mut calm = Stage::new("calm").await;
    calm.project.write_app_config(&config).unwrap();
    calm.one_pass(PROGRAM, "").await;
    let wanted = Picture::of(&mut calm).await;

    let mut stage = Stage::new("killed").await;
    stage.project.write_app_config(&config).unwrap();
    stage.campaign_begins().await;
    assert_eq!(stage.number("SELECT SUM(seeds) FROM cobblestone_seed_range").await, 3600);
    chosen(&mut stage, PROGRAM, &["workunit", "cobblestone_job"]).await;
    between(&mut stage, PROGRAM, LEFT, "cobblestone_job", "workunit").await;
    found(&mut stage, PROGRAM, LEFT).await;
    let found = Picture::of(&mut stage).await;
    found.must_equal(&wanted, "killed and started again");
    assert_eq!(stage.count("workunit").await, 3600);
    assert_eq!(stage.number("SELECT COUNT(DISTINCT job) FROM cobblestone_job").await, 3600);
    // Every job has its file, with the content that its document promises.
    for row in stage.db.rows("SELECT name, xml_doc FROM workunit", &[]).await.unwrap() {
        let file = format!("{}.in", row.text("name").unwrap());
        let path = stage.project.download_path(&file).unwrap();
        let size = std::fs::metadata(&path).unwrap().len();
        assert!(row.text("xml_doc").unwrap().contains(&format!("<nbytes>{size}</nbytes>")), "{file}");
        assert!(path.with_extension("in.md5").is_file(), "{file}");
    }
}

const OUTPUTS: Backlog = Backlog { workunits: 2400, claims: 0 };

#[tokio::test]
async fn the_assimilator() {
    const PROGRAM: &str = "cobblestone-assimilator";
    const LEFT: &str = "workunit WHERE assimilate_state = 1";
    let mut stage = Stage::new("killed").await;
    OUTPUTS.fill(&mut stage).await;
    backlog::validated(&mut stage).await;
    chosen(&mut stage, PROGRAM, &["workunit", "cobblestone_assimilated", "cobblestone_dataset_file"]).await;
    assert_eq!(dataset::parts(&stage, "results"), Vec::<PathBuf>::new(), "published, and not recorded");
    between(&mut stage, PROGRAM, LEFT, "cobblestone_assimilated", "workunit").await;
    found(&mut stage, PROGRAM, LEFT).await;
    assert_eq!(stage.count("workunit WHERE assimilate_state = 2").await, 2400);
    dataset::is_complete(&mut stage).await;
    assert_eq!(dataset::staged(&stage), Vec::<PathBuf>::new(), "left over");
}
