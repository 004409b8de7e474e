//! Daemons are started and stopped as bin/start and bin/stop do; here with shell scripts in their place.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::{Duration, Instant};

use sandbox::{DaemonLine, Daemons, ProjectOptions, TestProject};

fn script(project: &TestProject, name: &str, text: &str) {
    let path = project.path("bin").join(name);
    std::fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

/// Waits for the file to hold the text.
fn wait_for(path: &Path, text: &str) -> String {
    let start = Instant::now();
    loop {
        let found = std::fs::read_to_string(path).unwrap_or_default();
        if found.contains(text) {
            return found;
        }
        assert!(start.elapsed() < Duration::from_secs(20), "`{text}` did not come: {found}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[tokio::test]
async fn daemons_start_in_bin_and_stop_by_sighup() {
    let options = ProjectOptions {
        daemons: Some(vec![
            DaemonLine::new("polite --app x"),
            DaemonLine::named("polite --mod 2 1", "polite2"),
            DaemonLine { disabled: true, ..DaemonLine::new("never") },
        ]),
        ..ProjectOptions::default()
    };
    let project = TestProject::new("daemons", options).await.unwrap();
    script(
        &project,
        "polite",
        "trap 'echo bye; exit 0' HUP\necho \"up in $(pwd) with $*\" >&2\nwhile :; do sleep 0.05; done",
    );
    std::fs::write(project.path("stop_daemons"), "").unwrap();
    let mut daemons = Daemons::start(&project).unwrap();
    assert!(!project.path("stop_daemons").exists());

    let log = project.path("log_localhost/polite.out");
    let bin = project.path("bin");
    wait_for(&log, &format!("up in {} with --app x", bin.display()));
    wait_for(&project.path("log_localhost/polite2.out"), "with --mod 2 1");
    let pid = std::fs::read_to_string(project.path("pid_localhost/polite2.pid")).unwrap();
    assert_eq!(pid.trim(), daemons.get_mut("polite2").unwrap().pid().to_string());
    assert!(daemons.get_mut("never").is_none());
    assert!(daemons.ended().is_empty());

    let ended = daemons.stop().unwrap();
    assert_eq!(ended.len(), 2);
    assert!(ended.iter().all(|(_, status)| status.success()), "{ended:?}");
    assert!(std::fs::read_to_string(&log).unwrap().ends_with("bye\n"));
    assert!(project.path("stop_daemons").exists());
    assert!(!project.path("pid_localhost/polite.pid").exists());
}

#[tokio::test]
async fn a_killed_daemon_is_seen_and_started_again() {
    let options =
        ProjectOptions { daemons: Some(vec![DaemonLine::new("sleeper")]), ..ProjectOptions::default() };
    let project = TestProject::new("again", options).await.unwrap();
    script(&project, "sleeper", "echo up\nexec sleep 600");
    let mut daemons = Daemons::start(&project).unwrap();
    wait_for(&project.path("log_localhost/sleeper.out"), "up");
    let first = daemons.get_mut("sleeper").unwrap().pid();
    daemons.get_mut("sleeper").unwrap().kill();
    assert_eq!(daemons.ended().len(), 1);
    let second = daemons.add("sleeper", "sleeper").unwrap().pid();
    assert_ne!(first, second);
    assert_eq!(daemons.get_mut("sleeper").unwrap().pid(), second);
    wait_for(&project.path("log_localhost/sleeper.out"), "up\nup");
    let ended = daemons.stop().unwrap();
    assert_eq!(ended.len(), 2);

    let missing = daemons.add("no-such-program --x", "x").unwrap_err().to_string();
    assert!(missing.contains("no-such-program --x"), "{missing}");
}
