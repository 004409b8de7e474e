//! The work generator is killed at every statement of its work, before the server sees it and after it did it, and found
//! with every state of its files that a kill can leave. Afterwards everything is as after a calm run: no job twice, none
//! lost, no file that belongs to nobody.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

mod common;

use std::process::Stdio;
use std::time::Duration;

use common::World;
use sandbox::proxy::{Hold, Proxy};

const TABLES: [&str; 8] = [
    "workunit",
    "assignment",
    "cobblestone_campaign",
    "cobblestone_campaign_file",
    "cobblestone_job",
    "cobblestone_quarantine",
    "cobblestone_retry",
    "cobblestone_seed_range",
];

/// Every kind of campaign, with rows that are wrong and rows that come twice; and before that, a failed job that is to be
/// tried again.
async fn furnish(world: &mut World) {
    for table in TABLES {
        world.sql.execute(&format!("TRUNCATE TABLE {table}"), &[]).await.unwrap();
    }
    for folder in ["download", "drops", "cobblestone/campaigns"] {
        let _ = std::fs::remove_dir_all(world.project.path(folder));
        std::fs::create_dir_all(world.project.path(folder)).unwrap();
    }
    // Seeds are asked for: else they would depend on which campaign comes first.
    world.campaign("count", "[source]\njobs = 4\n[seeds]\nfirst = 1\n");
    world.one_pass(&[]);
    world.sql.execute("UPDATE workunit SET error_mask = 2 WHERE name = 'count_2'", &[]).await.unwrap();
    let wish = "INSERT INTO cobblestone_retry SELECT campaignid, job, workunitid, 0 FROM cobblestone_job WHERE job = 2";
    world.sql.execute(wish, &[]).await.unwrap();
    world.campaign("count", "[source]\njobs = 7\n[seeds]\nfirst = 1\n");
    world.campaign("drop", "[source]\nkind = \"folder\"\npath = \"drops\"\n[seeds]\nfirst = 1000000\n");
    world.campaign(
        "cmd",
        "[source]\nkind = \"command\"\ncommand = [\"/bin/sh\", \"rows\"]\n[seeds]\nfirst = 2000000\n",
    );
    world.campaign(
        "scan",
        "[source]\nkind = \"file\"\npath = \"scan.jsonl\"\nkey = \"k\"\n[seeds]\nfirst = 3000000\n[job]\ntarget_user = 3\n",
    );
    world.old_file("rows", "echo a\necho 5\necho 6\n");
    world.old_file("scan.jsonl", "{\"k\":\"a\"}\n{\"k\":\"../b\"}\n{\"k\":\"c\"}\n{\"k\":\"A\"}\n");
    world.old_file("drops/one.csv", "e,count\n1,2\n2,1\n,1,1\n");
    world.old_file("drops/two.csv", "count,e\n1,2\n1,3\n");
}

/// All that the generator writes, but for ids and times (also of files).
async fn picture(world: &mut World) -> String {
    let mut text = String::new();
    for sql in [
        "SELECT CONCAT_WS('|', w.name, MD5(w.xml_doc), w.error_mask, c.name, j.job, j.seed, j.events, COALESCE(HEX(j.identity), '-'), j.copy, j.retry, j.retry_of <> 0, COALESCE(j.parameters, '-')) AS x
         FROM workunit w JOIN cobblestone_job j ON j.workunitid = w.id JOIN cobblestone_campaign c ON c.id = j.campaignid",
        "SELECT CONCAT_WS('|', w.name, a.target_type, a.target_id) AS x FROM assignment a JOIN workunit w ON w.id = a.workunitid",
        "SELECT CONCAT_WS('|', name, next_job, state, source, COALESCE(jobs, '-'), made, set_aside, repeated, retried, note) AS x FROM cobblestone_campaign",
        "SELECT CONCAT_WS('|', c.name, f.name, IF(f.name = '(command)', 0, f.place), IF(f.name = '(made of)', f.tail, LEFT(f.tail, 16)), f.state) AS x FROM cobblestone_campaign_file f JOIN cobblestone_campaign c ON c.id = f.campaignid",
        "SELECT CONCAT_WS('|', c.name, s.first_job, s.first_seed, s.seeds) AS x FROM cobblestone_seed_range s LEFT JOIN cobblestone_campaign c ON c.id = s.campaignid",
        "SELECT CONCAT_WS('|', kind, refid & 4294967295, reason, tries) AS x FROM cobblestone_quarantine",
        "SELECT CONCAT_WS('|', campaignid, job) AS x FROM cobblestone_retry",
    ] {
        let rows = world.sql.rows(&format!("SELECT CAST(x AS CHAR) AS t FROM ({sql}) y ORDER BY t"), &[]).await.unwrap();
        for row in rows {
            text.push_str(&row.text("t").unwrap());
            text.push('\n');
        }
    }
    for file in world.files() {
        text.push_str(&file);
        text.push('\n');
    }
    for folder in ["drops", "drops/done", "cobblestone/campaigns/cmd.d/done"] {
        let mut names: Vec<String> = std::fs::read_dir(world.project.path(folder))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        text.push_str(&format!("{folder}: {}\n", names.join(" ")));
    }
    text
}

async fn killed(hold: Hold) {
    let mut world = World::new().await;
    furnish(&mut world).await;
    world.one_pass(&[]);
    let calm = picture(&mut world).await;
    for word in
        ["count_2_r1", "scan_a", "drop_1", "cmd_1", "scan.jsonl row 2", "|2|3", "drops: done\n", "one.csv"]
    {
        assert!(calm.contains(word), "no {word} in\n{calm}");
    }
    world.is_whole().await;
    let port = u16::try_from(world.number("SELECT @@port").await).unwrap();
    let proxy = Proxy::start(port).await.unwrap();
    let direct = std::fs::read_to_string(world.project.path("config.xml")).unwrap();
    let through = direct.replace(&format!("127.0.0.1:{port}"), &format!("127.0.0.1:{}", proxy.port()));
    assert_ne!(direct, through);
    let (mut early, mut late, mut statement) = (0, 0, 0);
    loop {
        statement += 1;
        furnish(&mut world).await;
        let before = world.number("SELECT COUNT(*) FROM workunit").await;
        std::fs::write(world.project.path("config.xml"), &through).unwrap();
        proxy.hold_at_statement(statement, hold);
        let mut child = world.start(&[]).stderr(Stdio::null()).spawn().unwrap();
        let held = proxy.held_or_ended(&mut child).await.unwrap().is_none();
        child.kill().unwrap();
        child.wait().unwrap();
        proxy.release();
        std::fs::write(world.project.path("config.xml"), &direct).unwrap();
        if !held {
            break;
        }
        let others = "SELECT COUNT(*) FROM information_schema.processlist WHERE db = DATABASE() AND id <> CONNECTION_ID()";
        while world.number(others).await > 0 {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        if world.number("SELECT COUNT(*) FROM workunit").await == before {
            early += 1;
        } else {
            late += 1;
        }
        world.one_pass(&[]);
        let found = picture(&mut world).await;
        assert!(found == calm, "killed {hold:?} statement {statement}:\n{found}\ninstead of\n{calm}");
    }
    println!("{hold:?}: {statement} statements, {early} before the first job, {late} later");
    assert!(early > 10 && late > 40, "{early} {late}");
}

#[tokio::test]
async fn before_every_statement() {
    killed(Hold::Before).await;
}

#[tokio::test]
async fn after_every_statement() {
    killed(Hold::After).await;
}

/// A file comes into being in four steps: its temporary file, itself, the temporary file of its `.md5`, the `.md5`. A kill
/// leaves the files before it whole, this one at one of the steps, and the others not begun.
#[tokio::test]
async fn between_any_two_steps_of_its_files() {
    let mut world = World::new().await;
    furnish(&mut world).await;
    world.campaign("count", "[source]\njobs = 12\n[seeds]\nfirst = 1\n");
    let gone = "999999999";
    for last in 4..12 {
        for step in 0..4 {
            for n in 4..=last {
                let (name, done) = (format!("count_{n}.in"), n < last);
                let path = world.project.download_path(&name).unwrap();
                std::fs::create_dir_all(path.parent().unwrap()).unwrap();
                let content = format!("campaign=count\njob={n}\nseed={}\nevents=1000\n", n + 1);
                let facts = boinc::md5_cache::of_bytes(content.as_bytes());
                let line = boinc::md5_cache::line(&facts);
                let beside = |name: String| path.with_file_name(name);
                if done || step >= 1 {
                    std::fs::write(&path, &content).unwrap();
                } else {
                    std::fs::write(beside(format!(".{name}.{gone}")), &content[..5]).unwrap();
                }
                if done || step == 3 {
                    std::fs::write(beside(format!("{name}.md5")), &line).unwrap();
                } else if step == 2 {
                    std::fs::write(beside(format!(".{name}.md5.{gone}")), &line[..5]).unwrap();
                }
            }
        }
    }
    for name in ["scan", "drop", "cmd"] {
        std::fs::remove_file(world.project.path(format!("cobblestone/campaigns/{name}.toml"))).unwrap();
    }
    world.sql.execute("DELETE FROM cobblestone_retry", &[]).await.unwrap();
    world.one_pass(&[]);
    assert_eq!(world.number("SELECT made FROM cobblestone_campaign").await, 12);
    let left: Vec<String> = world.files().into_iter().filter(|file| file.ends_with(gone)).collect();
    assert_eq!(left.len(), 16, "{left:?}");
    for file in left {
        let path = world.project.download_path(
            campaign::names::owner_of(&file, "count").map(|w| format!("{w}.in")).unwrap().as_str(),
        );
        std::fs::remove_file(path.unwrap().with_file_name(file)).unwrap();
    }
    world.is_whole().await;
}

/// Two at once: what one has made the other finds made.
#[tokio::test]
async fn two_at_once() {
    let mut world = World::new().await;
    furnish(&mut world).await;
    world.one_pass(&[]);
    let calm = picture(&mut world).await;
    for _ in 0..5 {
        furnish(&mut world).await;
        let children: Vec<_> =
            (0..2).map(|_| world.start(&[]).stderr(Stdio::null()).spawn().unwrap()).collect();
        for mut child in children {
            assert!(child.wait().unwrap().success());
        }
        world.one_pass(&[]);
        let found = picture(&mut world).await;
        assert!(found == calm, "{found}\ninstead of\n{calm}");
        world.is_whole().await;
    }
}
