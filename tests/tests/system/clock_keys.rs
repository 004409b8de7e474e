//! The sandbox's clock can't be switched on by accident: it takes two keys that fit.

use sandbox::{ProjectOptions, SimClock};

use crate::process::DAEMONS;
use crate::stage::{NOW, Stage, options};

const TOKEN: &str = "<cobblestone_sandbox>";

/// Rewrites config.xml.
fn config(stage: &Stage, change: impl Fn(String) -> String) {
    let path = stage.project.path("config.xml");
    let text = std::fs::read_to_string(&path).unwrap();
    let changed = change(text.clone());
    assert_ne!(text, changed);
    std::fs::write(&path, changed).unwrap();
}

async fn all_refuse(stage: &Stage, words: &str) {
    for program in DAEMONS {
        for pace in ["", "--one_pass"] {
            stage.daemon(program, pace).end().await.with(1).saying("[CRITICAL]").saying(words);
        }
    }
}

#[tokio::test]
async fn a_token_in_config_xml_alone_is_status_1() {
    let mut stage = Stage::new("onlyconfig").await;
    stage.run("DROP TABLE cobblestone_sandbox_clock", &[]).await;
    all_refuse(&stage, "config.xml says <cobblestone_sandbox> but the database has no sandbox clock").await;
    // An empty table is no second key either.
    stage
        .run(
            "CREATE TABLE cobblestone_sandbox_clock (token varchar(64) PRIMARY KEY, real_epoch double, sim_epoch double, rate double)",
            &[],
        )
        .await;
    all_refuse(&stage, "the database has no sandbox clock").await;
}

#[tokio::test]
async fn a_clock_in_the_database_alone_is_status_1() {
    let stage = Stage::new("onlydatabase").await;
    config(&stage, |text| {
        let (before, rest) = text.split_once(TOKEN).unwrap();
        before.to_owned() + rest.split_once('>').unwrap().1
    });
    all_refuse(&stage, "the database has the clock of a sandbox but config.xml has no <cobblestone_sandbox>")
        .await;
}

#[tokio::test]
async fn keys_of_different_sandboxes_are_status_1() {
    let stage = Stage::new("different").await;
    config(&stage, |text| text.replace(TOKEN, &format!("{TOKEN}0")));
    all_refuse(&stage, "different sandboxes").await;
}

#[tokio::test]
async fn a_real_project_runs_on_the_machines_clock_and_migrate_makes_no_key() {
    let mut stage = Stage::bare("real", ProjectOptions { clock: None, ..options() }).await;
    stage.start("cobblestone", "migrate").end().await.with(0);
    let tables = "information_schema.tables WHERE table_schema = DATABASE() AND table_name = 'cobblestone_sandbox_clock'";
    assert_eq!(stage.count(tables).await, 0);
    let real = SimClock { real_epoch: 0.0, sim_epoch: 0.0, rate: 1.0 }.now();
    stage.project.write_app_config("[work]\njobs = 3\n").unwrap();
    stage.one_pass("cobblestone-work-generator", "").await;
    let made = stage.number("SELECT MIN(create_time) FROM workunit").await;
    #[expect(clippy::cast_possible_truncation, reason = "seconds")]
    let real = real as i64;
    assert!((real - 1..real + 120).contains(&made), "{made} is not {real}");

    // And a sandbox tells everybody that it is one.
    let stage = Stage::new("sandbox").await;
    let ended = stage.daemon("cobblestone-work-generator", "--one_pass").end().await;
    ended.with(0).saying("this is a sandbox: time is simulated");
    let mut stage = stage;
    #[expect(clippy::cast_possible_truncation, reason = "seconds")]
    let now = NOW as i64;
    assert_eq!(stage.number("SELECT MIN(create_time) FROM workunit").await, now);
}
