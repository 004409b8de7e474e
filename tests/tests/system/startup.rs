//! What a person must mend is status 1, with words that say how.

use crate::process::{DAEMONS, Process};
use crate::stage::{Stage, options};

#[tokio::test]
async fn without_the_toolkits_tables_a_daemon_says_what_to_run() {
    let stage = Stage::bare("tables", options()).await;
    for program in DAEMONS {
        for pace in ["", "--one_pass"] {
            let ended = stage.daemon(program, pace).end().await;
            ended.with(1).saying("[CRITICAL]").saying("run `cobblestone migrate`");
        }
    }
    stage.start("cobblestone", "migrate").end().await.with(0);
    for program in DAEMONS {
        stage.one_pass(program, "").await;
    }
}

#[tokio::test]
async fn tables_of_another_version_are_refused() {
    let mut stage = Stage::new("versions").await;
    stage.run("INSERT INTO cobblestone_migration (version, name, time) VALUES (999, 'future', 0)", &[]).await;
    for program in DAEMONS {
        stage.daemon(program, "").end().await.with(1).saying("install the newer toolkit");
    }
    stage.run("DELETE FROM cobblestone_migration WHERE version > 1", &[]).await;
    for program in DAEMONS {
        stage.daemon(program, "").end().await.with(1).saying("run `cobblestone migrate`");
    }
}

#[tokio::test]
async fn wrong_flags_and_names_are_status_1() {
    let stage = Stage::new("flags").await;
    for program in DAEMONS {
        stage.daemon(program, "--no_such_flag").end().await.with(1).saying("--no_such_flag");
        stage.daemon(program, "--mod 2 2").end().await.with(1).saying("0 <= I < N");
        stage.daemon(program, "--sleep_interval soon").end().await.with(1).saying("seconds from 0 to 86400");
        stage.start(program, "--app no_such_app").end().await.with(1).saying("no_such_app");
        // One dash and hyphens are fine.
        stage.start(program, "-app theory -one-pass -d 2").end().await.with(0);
        stage.start(program, "--version").end().await.with(0);
        stage.start(program, "--help").end().await.with(0).saying("--one_pass");
    }
}

#[tokio::test]
async fn a_mistake_in_the_applications_file_is_status_1_with_the_nearest_key() {
    let stage = Stage::new("mistake").await;
    stage.project.write_app_config("[work]\njobs = 1\n[uptime]\nenabeld = true\n").unwrap();
    for program in DAEMONS {
        let ended = stage.daemon(program, "").end().await;
        ended.with(1).saying("theory.toml").saying("enabeld").saying("enabled");
    }
}

#[tokio::test]
async fn no_project_is_status_1_and_says_where_it_was_sought() {
    let folder = tempfile::tempdir().unwrap();
    let log = |n: usize| folder.path().join(format!("{n}.log"));
    for (n, program) in DAEMONS.into_iter().enumerate() {
        let line = "--app theory";
        let ended = Process::start(program, line, folder.path(), &[], log(n)).end().await;
        ended.with(1).saying("config.xml").saying("--project_dir").saying("BOINC_PROJECT_DIR");
        let named = folder.path().join("elsewhere");
        let variable = [("BOINC_PROJECT_DIR", named.to_str().unwrap())];
        let ended = Process::start(program, line, folder.path(), &variable, log(n)).end().await;
        ended.with(1).saying("BOINC_PROJECT_DIR names").saying("elsewhere");
    }
}

#[tokio::test]
async fn a_wrong_password_is_status_1() {
    let stage = Stage::new("password").await;
    let path = stage.project.path("config.xml");
    let config = std::fs::read_to_string(&path).unwrap();
    let (before, rest) = config.split_once("<db_user>").unwrap();
    let (_, after) = rest.split_once("</db_user>").unwrap();
    std::fs::write(&path, format!("{before}<db_user>nobody_here</db_user>{after}")).unwrap();
    for program in DAEMONS {
        stage.daemon(program, "").end().await.with(1).saying("Access denied");
    }
}
