//! `cobblestone status`, `migrate` and `--help` as processes.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod common;

use common::{NOW, World, claim, holds, is_harmless, uptime};
use serde_json::json;

const THEN: i64 = NOW as i64 - 40_000;

#[tokio::test]
async fn status_says_what_waits_and_what_is_not_known() {
    let mut world = World::new().await;
    world.people().await;
    world.project.write_app_config(&uptime("over_claims = \"hold\"")).unwrap();
    let workunit = |id: i64, time: i64| json!({"id": id, "appid": 1, "name": format!("w{id}"), "transition_time": time, "need_validate": 0});
    world.insert("workunit", vec![workunit(1, i64::from(i32::MAX)), workunit(2, NOW as i64 - 60)]).await;
    let text = world.ends(0, &["status"]);
    holds(&text, &["no trickle-up message waits", "nothing is set aside"]);
    assert!(!text.contains("Not all is known"), "the transitioner is seconds behind: {text}");
    world
        .sql
        .execute("UPDATE workunit SET transition_time = transition_time - 7200 WHERE id = 2", &[])
        .await
        .unwrap();
    world
        .messages(&[
            (1, THEN, "cpu_time", claim("r1", THEN, "cpu_time", 1e6)),
            (1, THEN, "cpu_time", claim("r99", THEN, "cpu_time", 1.0)),
            (1, THEN, "\u{1b}[2J", "x".to_owned()),
        ])
        .await;
    world.handle(&[]);
    let text = world.ends(0, &["status"]);
    is_harmless(&text);
    holds(
        &text,
        &[
            "Not all is known: 1 workunits wait for BOINC's transitioner, the oldest for 2.0 h",
            "1 trickle-up messages of variety \\u{1b}[2J wait",
            "1 messages are set aside; see: cobblestone trickles list --state set_aside",
            "1 messages are held, you decide; see: cobblestone trickles list --state held",
        ],
    );
}

#[tokio::test]
async fn the_rights_that_the_readme_names_are_enough() {
    let project = sandbox::TestProject::new("rights", sandbox::ProjectOptions::default()).await.unwrap();
    let mut sql = project.connect().await.unwrap();
    let (user, database) = (format!("u{}_rights", std::process::id()), project.db.name().to_owned());
    let config = std::fs::read_to_string(project.dir().join("config.xml")).unwrap();
    let changed = config.replace("<db_user>root</db_user>", &format!("<db_user>{user}</db_user>"));
    assert_ne!(changed, config);
    std::fs::write(project.dir().join("config.xml"), changed).unwrap();
    let migrate = || {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_cobblestone"));
        command.env_remove("BOINC_PROJECT_DIR").args(["migrate", "--project_dir"]).arg(project.dir());
        command.output().unwrap()
    };
    sql.execute(&format!("CREATE USER '{user}'@'localhost'"), &[]).await.unwrap();
    sql.execute(
        &format!("GRANT SELECT, INSERT, UPDATE, DELETE ON `{database}`.* TO '{user}'@'localhost'"),
        &[],
    )
    .await
    .unwrap();
    let refused = migrate();
    sql.execute(&format!("GRANT CREATE, ALTER ON `{database}`.* TO '{user}'@'localhost'"), &[])
        .await
        .unwrap();
    let done = migrate();
    sql.execute(&format!("DROP USER '{user}'@'localhost'"), &[]).await.unwrap();
    assert_eq!(refused.status.code(), Some(2), "{refused:?}");
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    holds(&said, &["command denied", "the database user of config.xml needs SELECT, INSERT"]);
    assert_eq!(done.status.code(), Some(0), "{done:?}");
    let said = String::from_utf8_lossy(&done.stdout).into_owned();
    holds(&said, &[&format!("database  `{database}` of user `{user}`"), "now at version"]);
}

#[tokio::test]
async fn help_names_every_command_in_a_sensible_order() {
    let output =
        std::process::Command::new(env!("CARGO_BIN_EXE_cobblestone")).arg("--help").output().unwrap();
    let help = String::from_utf8(output.stdout).unwrap();
    let commands: Vec<&str> = help
        .lines()
        .skip_while(|line| *line != "Commands:")
        .skip(1)
        .take_while(|line| !line.is_empty())
        .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    let wanted = [
        "migrate",
        "app",
        "check",
        "status",
        "audit",
        "ledger",
        "explain",
        "report",
        "review",
        "trickles",
        "rehearse",
        "dataset",
        "campaign",
        "work",
        "verdicts",
        "quarantine",
        "adjust",
        "compare",
        "spec",
        "demo",
        "sandbox",
    ];
    assert_eq!(commands, wanted);
}

#[tokio::test]
async fn migrate_speaks_of_rights_only_when_they_are_missing() {
    let mut world = World::new().await;
    world
        .sql
        .execute("INSERT INTO cobblestone_migration (version, name, time) VALUES (999, 'x', 0)", &[])
        .await
        .unwrap();
    let said = world.ends(2, &["migrate"]);
    holds(&said, &["are at version 999, newer than this program knows"]);
    assert!(!said.contains("can't make") && !said.contains("SELECT"), "{said}");
    world.sql.script("DELETE FROM cobblestone_migration; DROP TABLE host").await.unwrap();
    let said = world.ends(2, &["migrate"]);
    holds(
        &said,
        &["this is not a BOINC project's database; look at db_name in config.xml", "host' doesn't exist"],
    );
}
