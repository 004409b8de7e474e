//! `cobblestone campaign`, with the work generator that makes the jobs.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::path::Path;
use std::process::{Command, Stdio};

use common::World;
use sandbox::ProjectOptions;
use serde_json::{Value, json};

fn describe(world: &World, name: &str, text: &str) {
    let folder = world.project.path("cobblestone/campaigns");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join(format!("{name}.toml")), format!("[campaign]\napp = \"theory\"\n{text}"))
        .unwrap();
}

async fn world(options: ProjectOptions) -> World {
    let world = World::with(options).await;
    world.project.write_app_config("[work]\ncushion = 1000000\n").unwrap();
    world
}

/// Runs the work generator until nothing is left to do; its log.
#[track_caller]
fn generate(world: &World) -> String {
    let path = Path::new(env!("CARGO_BIN_EXE_cobblestone")).with_file_name("cobblestone-work-generator");
    assert!(path.is_file(), "build it first: cargo build -p cobblestone-work-generator");
    let mut command = Command::new(path);
    command.env_remove("BOINC_PROJECT_DIR").args([
        "--app",
        "theory",
        "--one_pass",
        "-d",
        "3",
        "--project_dir",
    ]);
    let output = command.arg(world.project.dir()).output().unwrap();
    let log = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{log}");
    log
}

async fn number(world: &mut World, sql: &str) -> i64 {
    world.sql.row(&format!("SELECT CAST(({sql}) AS SIGNED) AS n"), &[]).await.unwrap().i64("n").unwrap()
}

fn feed(world: &World, name: &str, rows: &str) -> (i32, String) {
    use std::io::Write as _;
    let mut command = world.cobblestone(&["campaign", "feed", name]);
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(rows.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let text =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    (output.status.code().unwrap(), text)
}

#[tokio::test]
async fn list_show_pause_and_resume() {
    let mut world = world(ProjectOptions::default()).await;
    describe(&world, "one", "description = \"the first\"\n[source]\njobs = 20\n");
    describe(&world, "bad", "[source]\njbos = 1\n");
    let listed = world.ends(0, &["campaign", "list"]);
    assert!(listed.contains("not begun") && listed.contains("its file has a mistake"), "{listed}");
    assert!(world.ends(0, &["campaign", "pause", "one"]).contains("paused"));
    assert!(world.ends(1, &["campaign", "pause", "one"]).contains("already"));
    generate(&world);
    assert_eq!(number(&mut world, "SELECT COUNT(*) FROM workunit").await, 0);
    assert!(world.ends(0, &["campaign", "resume", "one"]).contains("goes on"));
    assert!(world.ends(1, &["campaign", "resume", "one"]).contains("active"));
    generate(&world);
    let results = (1..=20).map(|id| {
        json!({"id": id, "workunitid": id, "appid": 1, "name": format!("r{id}"), "server_state": 4, "hostid": 1,
               "sent_time": if id <= 10 { common::NOW as i64 - 1000 } else { 0 }})
    });
    world.insert("result", results.collect()).await;
    world.sql.execute("UPDATE workunit SET canonical_resultid = 1 WHERE id <= 4", &[]).await.unwrap();
    world.sql.execute("UPDATE workunit SET error_mask = 2 WHERE id = 5", &[]).await.unwrap();
    let shown = world.ends(0, &["campaign", "show", "one"]);
    for text in [
        "campaign  one of theory",
        "the first",
        "state     complete",
        "seeds     1 to 20",
        "20 planned, 20 made",
        "waiting  10  ████████████████████",
        "sent      5",
        "valid     4  ████████",
        "failed    1  ██",
        "estimated end",
        "job 4  one_4  ",
    ] {
        assert!(shown.contains(text), "{text}:\n{shown}");
    }
    let value: Value = serde_json::from_str(&world.ends(0, &["campaign", "show", "one", "--json"])).unwrap();
    assert_eq!(value["jobs"]["valid"], 4);
    assert_eq!(value["seeds"][0], json!([1, 20]));
    // 1000 s for 5 jobs, 15 are left.
    assert_eq!(value["estimated_end"].as_f64(), Some(common::NOW + 3000.0));
    for line in world.ends(0, &["campaign", "list", "--json"]).lines() {
        serde_json::from_str::<Value>(line).unwrap();
    }
    assert!(world.ends(2, &["campaign", "show", "none"]).contains("there is no campaign none"));
}

/// Of a large campaign a part is looked at, however many jobs it has, unless all are asked for.
#[tokio::test]
async fn a_large_campaign_is_shown_by_a_part_of_it() {
    let jobs = 200_000;
    let mut world = world(ProjectOptions::default()).await;
    describe(&world, "big", "[source]\njobs = 1\n");
    generate(&world);
    let columns = "SELECT GROUP_CONCAT(column_name) AS c FROM information_schema.columns WHERE table_schema = DATABASE() \
                   AND table_name = 'workunit' AND column_name NOT IN ('id', 'name', 'canonical_resultid', 'error_mask')";
    let columns = world.sql.row(columns, &[]).await.unwrap().text("c").unwrap();
    // A third is done, in order; of the rest every fifth failed.
    let fill = [
        format!(
            "INSERT INTO workunit (id, name, canonical_resultid, error_mask, {columns}) SELECT seq + 1, CONCAT('big_', seq), \
             seq < {jobs} / 3, IF(seq >= {jobs} / 3 AND seq % 5 = 0, 2, 0), {columns} FROM seq_1_to_{} STRAIGHT_JOIN workunit \
             WHERE id = 1",
            jobs - 1
        ),
        "INSERT INTO cobblestone_job (workunitid, campaignid, job, seed, events) SELECT seq + 1, campaignid, seq, seq + 1, 0 \
         FROM seq_1_to_200000 STRAIGHT_JOIN cobblestone_job WHERE workunitid = 1 AND seq < 200000"
            .to_owned(),
        format!("UPDATE cobblestone_campaign SET next_job = {jobs}, made = {jobs}, jobs = {jobs}"),
    ];
    for sql in fill {
        world.sql.execute(&sql, &[]).await.unwrap();
    }
    describe(&world, "big", &format!("[source]\njobs = {jobs}\n"));
    let show = |world: &World, flags: &[&str]| -> Value {
        let mut words = vec!["campaign", "show", "big", "--json"];
        words.extend(flags);
        serde_json::from_str(&world.ends(0, &words)).unwrap()
    };
    let exact = show(&world, &["--exact"])["jobs"].clone();
    assert_eq!((&exact["looked_at"], &exact["exact"]), (&json!(jobs), &json!(true)));
    let about = show(&world, &[])["jobs"].clone();
    assert_eq!((&about["looked_at"], &about["exact"]), (&json!(50_000), &json!(false)));
    let sum = |jobs: &Value| {
        ["waiting", "sent", "valid", "failed"].iter().map(|state| jobs[state].as_i64().unwrap()).sum::<i64>()
    };
    assert_eq!(sum(&exact), jobs);
    assert!((sum(&about) - jobs).abs() < 5, "{about}");
    for state in ["waiting", "valid", "failed"] {
        let (about, exact) = (about[state].as_i64().unwrap(), exact[state].as_i64().unwrap());
        assert!(exact > 20_000 && (about - exact).abs() < jobs / 100, "{state}: {about}, in truth {exact}");
    }
    let shown = world.ends(0, &["campaign", "show", "big"]);
    assert!(shown.contains("about: 50000 of these jobs were looked at"), "{shown}");
    assert_eq!(shown.matches("\n  job ").count(), 10, "{shown}");
    // Every failed job is found, wherever it is.
    let said = world.ends(0, &["campaign", "retry-failed", "big"]);
    let failed = exact["failed"].as_i64().unwrap();
    assert!(said.contains(&format!("makes {failed} failed jobs once more")), "{said}");
    assert!(world.ends(1, &["campaign", "retry-failed", "big"]).contains("no job has failed"));
    assert_eq!(show(&world, &[])["jobs"]["to_retry"], failed);
}

#[tokio::test]
async fn cancel_does_what_cancel_jobs_does_and_tells_running_tasks() {
    let mut world = world(ProjectOptions { msg_to_host: true, ..ProjectOptions::default() }).await;
    describe(&world, "c", "[source]\njobs = 6\n");
    describe(&world, "other", "[source]\njobs = 2\n");
    generate(&world);
    let name = |id: i64| format!("t{id}");
    let tasks = [(1, 2, 0), (1, 4, 7), (2, 5, 7), (3, 1, 0), (4, 4, 8), (7, 2, 0)];
    let tasks = tasks.iter().zip(1..).map(|((workunit, state, host), id)| {
        json!({"id": id, "workunitid": workunit, "appid": 1, "name": name(id), "server_state": state, "hostid": host, "outcome": i32::from(*state == 5)})
    });
    world.insert("result", tasks.collect()).await;
    // One is done, one is assimilated.
    world.sql.execute("UPDATE workunit SET transition_time = 5", &[]).await.unwrap();
    world.sql.execute("UPDATE workunit SET canonical_resultid = 3 WHERE id = 2", &[]).await.unwrap();
    world
        .sql
        .execute("UPDATE workunit SET assimilate_state = 2, error_mask = 2 WHERE id = 6", &[])
        .await
        .unwrap();
    // What a killed generator staged, and a stranger's file.
    let orphan = world.project.download_path("c_99.in").unwrap();
    std::fs::create_dir_all(orphan.parent().unwrap()).unwrap();
    let stranger = orphan.with_file_name("c.dat");
    for file in [
        &orphan,
        &orphan.with_file_name("c_99.in.md5"),
        &orphan.with_file_name(".c_98.in.999999999"),
        &stranger,
    ] {
        std::fs::write(file, "x").unwrap();
    }
    let said = world.ends(0, &["campaign", "cancel", "c"]);
    assert!(
        said.contains("4 workunits, 2 tasks were not sent, 2 run and 2 of them are told to stop; 3 files"),
        "{said}"
    );
    let rows = world.sql.rows("SELECT id, server_state, outcome FROM result ORDER BY id", &[]).await.unwrap();
    let found: Vec<(i64, i64)> =
        rows.iter().map(|row| (row.i64("server_state").unwrap(), row.i64("outcome").unwrap())).collect();
    assert_eq!(found, [(5, 5), (4, 0), (5, 1), (5, 5), (4, 0), (2, 0)]);
    let rows =
        world.sql.rows("SELECT error_mask, transition_time FROM workunit ORDER BY id", &[]).await.unwrap();
    let found: Vec<(i64, i64)> = rows
        .iter()
        .map(|row| (row.i64("error_mask").unwrap(), row.i64("transition_time").unwrap()))
        .collect();
    let now = common::NOW as i64;
    assert_eq!(found, [(16, now), (0, 5), (16, now), (16, now), (16, now), (2, 5), (0, 5), (0, 5)]);
    let messages =
        world.sql.rows("SELECT hostid, variety, xml FROM msg_to_host ORDER BY id", &[]).await.unwrap();
    assert_eq!(messages.len(), 2);
    assert_eq!(messages[0].text("xml").unwrap(), boinc::trickle_down::stop("t2", now as i32).unwrap());
    assert_eq!(
        (messages[1].i64("hostid").unwrap(), messages[1].text("variety").unwrap().as_str()),
        (8, "stop")
    );
    assert!(!orphan.exists() && stranger.exists());
    assert!(world.project.download_path("c_0.in").unwrap().is_file());
    // Once more: nothing.
    assert!(world.ends(1, &["campaign", "cancel", "c"]).contains("0 workunits"));
    assert_eq!(number(&mut world, "SELECT COUNT(*) FROM msg_to_host").await, 2);
    describe(&world, "c", "[source]\njobs = 60\n");
    generate(&world);
    assert_eq!(number(&mut world, "SELECT COUNT(*) FROM workunit").await, 8, "it makes nothing any more");
    for command in ["resume", "pause", "retry-failed"] {
        assert!(world.ends(2, &["campaign", command, "c"]).contains("for good"), "{command}");
    }
}

#[tokio::test]
async fn failed_jobs_are_made_once_more_with_the_same_seed() {
    let mut world = world(ProjectOptions::default()).await;
    describe(&world, "f", "[source]\njobs = 3\n");
    let rows = world.project.path("rows.csv");
    std::fs::write(&rows, "k,x\na,1\nb,2\n").unwrap();
    describe(&world, "rows", "[source]\nkind = \"file\"\npath = \"rows.csv\"\nkey = \"k\"\n");
    generate(&world);
    assert!(world.ends(1, &["campaign", "retry-failed", "f"]).contains("no job has failed"));
    world
        .sql
        .execute("UPDATE workunit SET error_mask = 2 WHERE name IN ('f_1', 'rows_b')", &[])
        .await
        .unwrap();
    for name in ["f", "rows"] {
        assert!(world.ends(0, &["campaign", "retry-failed", name]).contains("1 failed jobs once more"));
        assert!(world.ends(1, &["campaign", "retry-failed", name]).contains("no job has failed"));
    }
    generate(&world);
    generate(&world);
    let sql = "SELECT w.name, j.job, j.seed, j.retry, j.retry_of, o.name AS old, p.seed AS old_seed FROM cobblestone_job j
        JOIN workunit w ON w.id = j.workunitid JOIN workunit o ON o.id = j.retry_of JOIN cobblestone_job p ON p.workunitid = o.id ORDER BY w.name";
    let made = world.sql.rows(sql, &[]).await.unwrap();
    assert_eq!(made.len(), 2);
    for (row, (name, old)) in made.iter().zip([("f_1_r1", "f_1"), ("rows_b_r1", "rows_b")]) {
        assert_eq!((row.text("name").unwrap().as_str(), row.text("old").unwrap().as_str()), (name, old));
        assert_eq!(row.i64("seed").unwrap(), row.i64("old_seed").unwrap());
        assert!(world.project.download_path(&format!("{name}.in")).unwrap().is_file());
    }
    let value: Value = serde_json::from_str(&world.ends(0, &["campaign", "show", "f", "--json"])).unwrap();
    assert_eq!(
        (&value["jobs"]["failed"], &value["jobs"]["waiting"], &value["made_again"]),
        (&json!(0), &json!(3), &json!(1))
    );
    // The second attempt fails, too.
    world.sql.execute("UPDATE workunit SET error_mask = 2 WHERE name = 'f_1_r1'", &[]).await.unwrap();
    world.ends(0, &["campaign", "retry-failed", "f"]);
    generate(&world);
    assert_eq!(number(&mut world, "SELECT COUNT(*) FROM workunit WHERE name = 'f_1_r2'").await, 1);
    // Its row was changed meanwhile: it is no other job.
    world.sql.execute("UPDATE workunit SET error_mask = 2 WHERE name = 'rows_a'", &[]).await.unwrap();
    std::fs::write(&rows, "k,x\nz,1\nb,2\n").unwrap();
    world.ends(0, &["campaign", "retry-failed", "rows"]);
    let log = generate(&world);
    assert!(log.contains("changed, so the job can't be made again"), "{log}");
    assert_eq!(number(&mut world, "SELECT COUNT(*) FROM workunit WHERE name LIKE 'rows_a%'").await, 1);
}

#[tokio::test]
async fn what_was_set_aside_is_made_when_its_cause_is_mended() {
    let mut world = world(ProjectOptions::default()).await;
    describe(&world, "s", "[source]\njobs = 3\n");
    let file = world.project.download_path("s_1.in").unwrap();
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    std::fs::write(&file, "left over").unwrap();
    generate(&world);
    assert_eq!(number(&mut world, "SELECT set_aside FROM cobblestone_campaign").await, 1);
    assert!(world.ends(0, &["campaign", "show", "s"]).contains("campaign s, job 1: "));
    assert!(world.ends(0, &["quarantine", "list", "--kind", "job"]).contains("is not replaced"));
    assert!(world.ends(0, &["campaign", "clean", "s"]).contains("1 files"));
    assert!(world.ends(0, &["campaign", "retry-failed", "s"]).contains("looks at 1 again"));
    generate(&world);
    assert_eq!(number(&mut world, "SELECT made FROM cobblestone_campaign WHERE set_aside = 0").await, 3);
    assert_eq!(number(&mut world, "SELECT COUNT(*) FROM cobblestone_quarantine").await, 0);

    describe(&world, "fed", "[source]\nkind = \"stdin\"\nkey = \"k\"\n[job]\ncontext = \"ctx\"\n");
    std::fs::write(world.project.path("ctx"), "{{ x }}{{ y }}").unwrap();
    let (status, said) = feed(&world, "fed", "{\"k\":\"a\",\"x\":1}\n{\"k\":\"b\",\"x\":1,\"y\":2}");
    assert!(status == 0 && said.contains("2 lines"), "{said}");
    let (status, said) = feed(&world, "fed", "{\"k\":\"a\",\"x\":1}\n{\"k\":\"b\",\"x\":1,\"y\":2}\n");
    assert!(status == 1 && said.contains("fed before"), "{said}");
    let (status, said) = feed(&world, "s", "x");
    assert!(status == 2 && said.contains("only \"stdin\""), "{said}");
    generate(&world);
    assert_eq!(number(&mut world, "SELECT COUNT(*) FROM workunit WHERE name LIKE 'fed%'").await, 1);
    std::fs::write(world.project.path("ctx"), "{{ x }}").unwrap();
    world.ends(0, &["campaign", "retry-failed", "fed"]);
    generate(&world);
    assert_eq!(number(&mut world, "SELECT COUNT(*) FROM workunit WHERE name LIKE 'fed%'").await, 2);
    assert_eq!(number(&mut world, "SELECT COUNT(*) FROM cobblestone_quarantine").await, 0);
    assert!(world.ends(2, &["campaign", "clean", "fed"]).contains("is active"));
}
