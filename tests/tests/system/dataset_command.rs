//! `cobblestone dataset`: what it says of a good dataset and of a damaged one, what it merges, and what it writes out.

use std::fs;

use crate::backlog::{self, Backlog};
use crate::dataset;
use crate::stage::Stage;

const OUTPUTS: Backlog = Backlog { workunits: 60, claims: 0 };

#[tokio::test]
async fn it_is_verified_compacted_and_exported() {
    let mut stage = Stage::new("datasets").await;
    OUTPUTS.fill(&mut stage).await;
    backlog::validated(&mut stage).await;
    let app = stage.project.app().to_owned();
    for share in ["--mod 3 0", "--mod 3 1", "--mod 3 2"] {
        stage.one_pass("cobblestone-assimilator", share).await;
    }
    let run = async |words: &str, status: i32| {
        stage.start("cobblestone", &format!("dataset {words} --app {app}")).end().await.with(status).log
    };
    let said = run("verify --outputs", 0).await;
    assert!(said.contains("all is well") && said.contains("55 output files read"), "{said}");

    let folder = stage.project.path("results").join(&app);
    let parts = dataset::parts(&stage, "results").len();
    assert!(parts >= 3, "{parts}");
    assert!(run("compact", 0).await.contains("0 files became 0"), "today is not over");
    assert!(run("compact --today", 0).await.contains("files became"));
    assert!(dataset::parts(&stage, "results").len() < parts);
    assert!(run("verify", 0).await.contains("all is well"));

    let csv = run("export results", 0).await;
    let lines: Vec<&str> = csv.lines().filter(|line| !line.is_empty()).collect();
    assert_eq!(lines.len(), 56, "{csv}");
    assert!(lines[0].starts_with("workunit_id,workunit_name,") && lines[0].ends_with(",campaign,day"));
    let json = run("export failures --format jsonl", 0).await;
    let failures: Vec<serde_json::Value> =
        json.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    assert_eq!(failures.len(), 5, "{json}");
    assert_eq!(failures[0]["exit_reasons"].as_str().unwrap().split(',').next(), Some("child_failed"));
    let out = stage.project.path("all.parquet");
    run(&format!("export results --format parquet --output {}", out.display()), 0).await;
    let copy = folder.join("results/campaign=x/day=2026-01-01/part-1.parquet");
    assert!(fs::metadata(&out).unwrap().len() > 1000);
    assert!(run(&format!("export results --output {}", out.display()), 2).await.contains("is there already"));
    assert!(run("export nothing", 2).await.contains("there are: failures, files, results"));

    // A file that nobody recorded, one that is gone, an output that was changed.
    fs::create_dir_all(copy.parent().unwrap()).unwrap();
    fs::copy(&out, &copy).unwrap();
    assert!(run("verify", 1).await.contains("part-1.parquet is there and not recorded"));
    fs::remove_file(&copy).unwrap();
    let output = dataset::files_below(&folder.join("outputs")).pop().unwrap();
    fs::write(&output, "something else").unwrap();
    assert!(run("verify --outputs", 1).await.contains("is not the file of the manifest"));
    fs::remove_file(&dataset::parts(&stage, "failures")[0]).unwrap();
    assert!(run("verify", 1).await.contains("is recorded and not there"));
}
