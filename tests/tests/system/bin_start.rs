//! As bin/start and bin/stop do it: daemons of config.xml, started with bin/ as working directory, logs on stderr,
//! a pid file each, stopped by SIGHUP.

use std::time::Instant;

use rustix::process::Signal;
use sandbox::{DaemonLine, Daemons};

use crate::backlog::Backlog;
use crate::dataset;
use crate::process::{LOOK, PATIENCE};
use crate::stage::{Stage, options_with};

/// `2027-01-15 08:00:00.0000 UTC  message`, `… UTC [word] message`.
fn is_a_line_of_boincs(line: &str) -> bool {
    let shape: String = line.chars().take(30).map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    shape.starts_with("0000-00-00 00:00:00.0000 UTC [") || shape.starts_with("0000-00-00 00:00:00.0000 UTC  ")
}

#[tokio::test]
async fn a_projects_daemons_start_work_and_stop() {
    let daemons = vec![
        DaemonLine::new("cobblestone-work-generator -d 2 --app theory --sleep_interval 0.1"),
        DaemonLine::new("cobblestone-trickle-credit -d 3 --app theory --sleep_interval 0.1"),
        DaemonLine::named(
            "cobblestone-validator -d 3 -app theory -mod 2 0 -sleep_interval 0.1",
            "validator_0",
        ),
        DaemonLine::named(
            "cobblestone-validator -d 3 --app theory --mod 2 1 --sleep-interval 0.1",
            "validator_1",
        ),
        DaemonLine {
            output: None,
            pid_file: None,
            ..DaemonLine::new("cobblestone-assimilator --app theory --sleep_interval 0.1")
        },
        DaemonLine { disabled: true, ..DaemonLine::named("cobblestone-validator --app theory", "never") },
    ];
    let mut stage = Stage::with("binstart", options_with(daemons)).await;
    Backlog { workunits: 40, claims: 3 }.fill(&mut stage).await;
    let mut daemons = Daemons::start(&stage.project).unwrap();
    let names: Vec<String> = daemons.iter_mut().map(|daemon| daemon.name.clone()).collect();
    assert_eq!(names.len(), 5, "{names:?}");

    stage.at_least("workunit", 1240).await;
    stage.at_least("msg_from_host HAVING SUM(handled = 0) = 0", 1).await;
    stage.at_least("workunit HAVING SUM(need_validate <> 0) = 0", 1).await;
    stage
        .at_least("workunit HAVING SUM(assimilate_state = 1) = 0 AND SUM(assimilate_state = 2) > 20", 1)
        .await;
    stage.at_least("cobblestone_dataset_file HAVING SUM(state <> 'published') = 0", 1).await;
    assert_eq!(daemons.ended().len(), 0);

    let mut logs = Vec::new();
    for daemon in daemons.iter_mut() {
        let pid = std::fs::read_to_string(&daemon.pid_file).unwrap();
        assert_eq!(pid.trim(), daemon.pid().to_string());
        // bin/ is where it was started.
        let cwd = std::fs::read_link(format!("/proc/{}/cwd", daemon.pid())).unwrap();
        assert_eq!(cwd, stage.project.path("bin"));
        logs.push((daemon.name.clone(), daemon.log.clone()));
    }
    // Each of the two validators judged its own half.
    for (name, rest) in [("validator_0", 0), ("validator_1", 1)] {
        let log = daemons.get_mut(name).unwrap().log_text();
        let judged: Vec<i32> = log
            .lines()
            .filter(|line| line.ends_with("judged") || line.contains("judged wu="))
            .filter_map(|line| line.split_once("wu=")?.1.split_whitespace().next()?.parse().ok())
            .collect();
        assert!(judged.len() >= 15 && judged.iter().all(|wu| wu % 2 == rest), "{name}: {judged:?}\n{log}");
    }

    let asked = Instant::now();
    let ended = daemons.stop_by(Signal::HUP).unwrap();
    assert!(asked.elapsed().as_secs_f64() < 3.0, "{:?}", asked.elapsed());
    assert_eq!(ended.len(), 5);
    for (name, status) in ended {
        assert_eq!(status.code(), Some(0), "{name}");
    }
    for (name, log) in logs {
        let text = std::fs::read_to_string(log).unwrap();
        assert!(text.contains("stopping: SIGHUP received"), "{name}: {text}");
        for line in text.lines() {
            assert!(is_a_line_of_boincs(line), "{name}: {line}");
        }
    }
    dataset::is_complete(&mut stage).await;
    stage.audit().await;
}

#[tokio::test]
async fn the_stop_file_stops_them_all_and_a_new_start_goes_on() {
    let daemons = crate::process::DAEMONS
        .map(|p| DaemonLine::new(format!("{p} -d 4 --app theory --sleep_interval 3600")));
    let stage = Stage::with("stopfile", options_with(daemons.to_vec())).await;
    for _ in 0..2 {
        let mut daemons = Daemons::start(&stage.project).unwrap();
        for daemon in daemons.iter_mut() {
            let start = Instant::now();
            while !daemon.log_text().contains(" read=") {
                assert!(start.elapsed() < PATIENCE && daemon.ended().is_none(), "{}", daemon.log_text());
                tokio::time::sleep(LOOK).await;
            }
            std::fs::write(&daemon.log, "").unwrap();
        }
        std::fs::write(stage.project.path("stop_daemons"), "").unwrap();
        let asked = Instant::now();
        for daemon in daemons.iter_mut() {
            assert_eq!(daemon.wait(PATIENCE).unwrap().code(), Some(0), "{}", daemon.log_text());
        }
        assert!(asked.elapsed().as_secs_f64() < 3.0, "{:?}", asked.elapsed());
    }
}
