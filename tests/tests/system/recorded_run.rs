//! A real run, recorded with the stock server and two real clients, goes through our daemons to the end. See
//! [`sandbox::Sample`]: `theory_3` cheats, both its results claim 36 seconds and ran for 10.

use sandbox::{ProjectOptions, Sample};

use crate::books::balance;
use crate::dataset;
use crate::stage::Stage;

const CONFIG: &str = r#"
[uptime]
enabled = true
[compare]
method = "numeric"
relative = 1e-9
[credit]
mode = "uptime"
"#;

async fn recorded() -> Stage {
    let options = ProjectOptions { daemons: Some(Vec::new()), ..ProjectOptions::sample() };
    let mut stage = Stage::bare("recorded", options).await;
    stage.project.load_sample().await.unwrap();
    stage.project.migrate().await.unwrap();
    stage.project.write_app_config(CONFIG).unwrap();
    assert_eq!(stage.project.app(), Sample::APP);
    stage
}

/// Credit per result name.
async fn per_result(stage: &mut Stage) -> Vec<(String, f64)> {
    let sql = "SELECT r.name, COALESCE(SUM(l.credit), 0) AS credit FROM result r
        LEFT JOIN cobblestone_ledger l ON l.resultid = r.id GROUP BY r.name ORDER BY r.name";
    let rows = stage.db.rows(sql, &[]).await.unwrap();
    rows.iter().map(|row| (row.text("name").unwrap(), row.f64("credit").unwrap())).collect()
}

async fn processed(order: [&str; 3]) -> Stage {
    let mut stage = recorded().await;
    for program in order {
        stage.one_pass(program, "").await;
        balance(&mut stage).await;
        stage.audit().await;
    }
    assert_eq!(stage.count("msg_from_host WHERE handled <> 0").await, 59);
    assert_eq!(
        stage
            .count("workunit WHERE assimilate_state = 2 AND need_validate = 0 AND canonical_resultid > 0")
            .await,
        6
    );
    assert_eq!(stage.count("result WHERE validate_state = 1 AND outcome = 1").await, 12);
    assert_eq!(stage.count("cobblestone_quarantine").await, 0);
    dataset::is_complete(&mut stage).await;
    assert_eq!(dataset::workunits(&stage, "results").len(), 6);
    stage
}

#[tokio::test]
async fn pays_the_same_whichever_comes_first_and_the_cheat_only_for_what_ran() {
    let mut trickles_first =
        processed(["cobblestone-trickle-credit", "cobblestone-validator", "cobblestone-assimilator"]).await;
    let mut validation_first =
        processed(["cobblestone-validator", "cobblestone-trickle-credit", "cobblestone-assimilator"]).await;
    let (a, b) = (per_result(&mut trickles_first).await, per_result(&mut validation_first).await);
    assert_eq!(a.len(), 12);
    for ((name, first), (_, second)) in a.iter().zip(&b) {
        assert!((first - second).abs() < 1e-9 && *first > 0.0, "{name}: {first} and {second}");
    }
    for stage in [&mut trickles_first, &mut validation_first] {
        // Seconds paid per result: no more than it ran, for whatever it claims.
        let sql = "SELECT r.name, r.elapsed_time, SUM(l.seconds) AS seconds FROM result r
            JOIN cobblestone_ledger l ON l.resultid = r.id GROUP BY r.id, r.name, r.elapsed_time";
        let mut cheats = 0;
        for row in stage.db.rows(sql, &[]).await.unwrap() {
            let (name, seconds) = (row.text("name").unwrap(), row.f64("seconds").unwrap());
            assert!(seconds <= row.f64("elapsed_time").unwrap() + 1e-9, "{name}: {seconds}");
            if name.starts_with("theory_3_") {
                cheats += 1;
                assert!(seconds <= 10.5, "{name}: {seconds} s are paid");
            }
        }
        assert_eq!(cheats, 2);
    }
    // By trickles alone the cheat was stopped, and somebody can see it.
    assert!(trickles_first.count("cobblestone_disallowed").await > 0);
}

#[tokio::test]
async fn once_more_changes_nothing() {
    let mut stage =
        processed(["cobblestone-trickle-credit", "cobblestone-validator", "cobblestone-assimilator"]).await;
    let before = crate::books::Picture::whole(&mut stage).await;
    for program in ["cobblestone-trickle-credit", "cobblestone-validator", "cobblestone-assimilator"] {
        stage.one_pass(program, "").await;
    }
    crate::books::Picture::whole(&mut stage).await.must_equal(&before, "a second time");
}
