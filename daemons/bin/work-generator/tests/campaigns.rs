//! Campaigns of every kind, from their files to workunits.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use campaign::mark;
use common::World;

const CONTEXT: &str = "energy={{ energy }}\nseed={{ seed }}\n";

/// A table of n rows.
fn table(rows: std::ops::Range<i64>) -> String {
    let lines: String = rows.map(|n| format!("{n}00,p{n}\n")).collect();
    format!("energy,process\n{lines}")
}

#[tokio::test]
async fn rows_of_a_file_become_jobs_once_and_the_file_may_grow() {
    let mut world = World::new().await;
    world.old_file("cobblestone/context", CONTEXT);
    world.old_file("cobblestone/scan.csv", &table(1..4));
    world.campaign("scan", "[source]\nkind = \"file\"\npath = \"cobblestone/scan.csv\"\n[job]\ncontext = \"cobblestone/context\"\n[parameters]\nunit = \"µGeV '\\\\\"\n");
    world.one_pass(&[]);
    assert_eq!(world.names().await, ["scan_0", "scan_1", "scan_2"]);
    assert_eq!(world.input("scan_1"), "energy=200\nseed=2\n");
    // What the template saw is kept for the dataset.
    let parameters = "SELECT parameters AS x FROM cobblestone_job WHERE job = 1";
    assert_eq!(world.texts(parameters).await, [r#"{"energy":200,"process":"p2","unit":"µGeV '\\"}"#]);
    assert_eq!(world.texts("SELECT state FROM cobblestone_campaign").await, ["complete"]);
    world.one_pass(&[]);
    assert_eq!(world.names().await.len(), 3);
    world.old_file("cobblestone/scan.csv", &table(1..1200));
    world.one_pass(&[]);
    assert_eq!(world.names().await.len(), 1199);
    // Rows are turned round and one is new: it alone is made.
    let mut lines: Vec<String> = table(1..1201).lines().skip(1).map(str::to_owned).collect();
    lines.reverse();
    world.old_file("cobblestone/scan.csv", &format!("energy,process\n{}\n", lines.join("\n")));
    let log = world.one_pass(&[]);
    assert!(log.contains("read again from its beginning"), "{log}");
    assert_eq!(world.names().await.len(), 1200);
    assert_eq!(world.number("SELECT repeated FROM cobblestone_campaign").await, 1199);
    world.is_whole().await;
}

#[tokio::test]
async fn what_is_fed_or_dropped_twice_is_made_once() {
    let mut world = World::new().await;
    world.campaign("fed", "[source]\nkind = \"stdin\"\n");
    world.campaign("drops", "[source]\nkind = \"folder\"\npath = \"drops\"\n");
    world.old_file("cobblestone/campaigns/fed.d/a.jsonl", "{\"energy\":1}\n{\"energy\":2,\"count\":3}\n");
    world.old_file("drops/one.csv", "energy\n1\n2\n");
    world.old_file("drops/two.jsonl", "{\"energy\":2}\n{\"energy\":3}\n");
    world.one_pass(&[]);
    assert_eq!(world.number("SELECT made FROM cobblestone_campaign WHERE name = 'fed'").await, 4);
    assert_eq!(world.number("SELECT made FROM cobblestone_campaign WHERE name = 'drops'").await, 3);
    assert_eq!(world.number("SELECT repeated FROM cobblestone_campaign WHERE name = 'drops'").await, 1);
    assert!(
        world.project.path("drops/done/one.csv").is_file()
            && world.project.path("drops/done/two.jsonl").is_file()
    );
    world.old_file("cobblestone/campaigns/fed.d/b.jsonl", "{\"energy\":2,\"count\":5}\n{\"energy\":1}\n");
    world.old_file("drops/one.csv", "energy\n2\n1\n");
    world.one_pass(&[]);
    assert_eq!(
        world.number("SELECT made FROM cobblestone_campaign WHERE name = 'fed'").await,
        6,
        "two copies more"
    );
    assert_eq!(world.number("SELECT made FROM cobblestone_campaign WHERE name = 'drops'").await, 3);
    assert!(world.project.path("drops/done/one.csv.1").is_file());
    world.is_whole().await;
}

#[tokio::test]
async fn dropped_input_files_are_jobs() {
    let mut world = World::new().await;
    world.campaign("in", "[source]\nkind = \"folder\"\npath = \"drops\"\ncontents = \"files\"\n");
    world.old_file("drops/run-7.dat", "payload 7\n");
    world.old_file("drops/bad name.dat", "x\n");
    world.one_pass(&[]);
    assert_eq!(world.names().await, ["in_run-7"]);
    assert_eq!(world.input("in_run-7"), "payload 7\n");
    assert_eq!(world.number("SELECT COUNT(*) FROM cobblestone_quarantine WHERE kind = 'job'").await, 1);
    world.is_whole().await;
}

#[tokio::test]
async fn a_command_prints_rows_and_its_failure_makes_nothing() {
    let mut world = World::new().await;
    world.campaign("cmd", "[source]\nkind = \"command\"\ncommand = [\"/bin/sh\", \"cobblestone/rows\"]\n");
    world.old_file("cobblestone/rows", "echo 'a,b'\necho 1,x\nexit 3\n");
    let log = world.one_pass(&[]);
    assert!(log.contains("its command failed") && log.contains("ended with"), "{log}");
    assert_eq!(world.names().await.len(), 0);
    world.old_file("cobblestone/rows", "echo 'a,b'\necho 1,x\necho 2,y\n");
    world.one_pass(&[]);
    assert_eq!(world.names().await, ["cmd_0", "cmd_1"]);
    world.old_file("cobblestone/rows", "echo 'a,b'\necho 3,z\n");
    world.one_pass(&[]);
    assert_eq!(world.names().await.len(), 2, "it is started once");
}

#[tokio::test]
async fn hostile_rows_are_set_aside_with_their_numbers_and_the_rest_goes_on() {
    let mut world = World::new().await;
    world.campaign("h", "[source]\nkind = \"file\"\npath = \"rows.jsonl\"\nkey = \"name\"\n[job]\ncommand_line = \"--x {{ x }}\"\n");
    let long = "y".repeat(100_000);
    let rows = [
        r#"{"name":"good-1","x":1}"#.to_owned(),
        r#"{"name":"../../etc/passwd","x":1}"#.to_owned(),
        r#"{"name":"a/b","x":1}"#.to_owned(),
        r#"{"name":"xml","x":"</command_line><file_info>"}"#.to_owned(),
        r#"{"name":"unknown"}"#.to_owned(),
        r#"{"name":"big","x":1,"priority":99999999999}"#.to_owned(),
        r#"{"name":"quorum","x":1,"min_quorum":5,"target_nresults":2}"#.to_owned(),
        r#"{"name":"file","x":1,"input_files":"../../../etc/passwd"}"#.to_owned(),
        "no json".to_owned(),
        format!("{{\"name\":\"long\",\"x\":\"{long}\"}}"),
        "{\"name\":\"GOOD-1\",\"x\":2}".to_owned(),
        r#"{"name":"job","job":1,"x":1}"#.to_owned(),
        r#"{"name":"good-2","x":2}"#.to_owned(),
    ];
    world.old_file("rows.jsonl", &(rows.join("\n") + "\n"));
    world.one_pass(&[]);
    assert_eq!(world.names().await, ["h_good-1", "h_good-2"]);
    assert_eq!(
        world.number("SELECT repeated FROM cobblestone_campaign").await,
        1,
        "a key counts without case"
    );
    let reasons =
        world.texts("SELECT reason AS x FROM cobblestone_quarantine WHERE daemon = 'work-generator'").await;
    assert_eq!(reasons.len(), 10, "{reasons:#?}");
    for (number, word) in [
        (2, "file name"),
        (4, "break the document"),
        (5, "undefined"),
        (6, "priority"),
        (7, "min_quorum"),
        (8, "input_files"),
        (9, "no JSON"),
        (10, "longer"),
        (12, "job"),
    ] {
        assert!(
            reasons
                .iter()
                .any(|reason| reason.contains(&format!("rows.jsonl row {number}:")) && reason.contains(word)),
            "{number} {word}: {reasons:#?}"
        );
    }
    assert_eq!(world.number("SELECT set_aside FROM cobblestone_campaign").await, 10);
    world.is_whole().await;
}

#[tokio::test]
async fn a_campaign_is_paused_when_too_many_rows_are_wrong() {
    let mut world = World::new().await;
    let rows: String = (0..2000).map(|n| format!("../{n}\n")).collect();
    world.old_file("rows.csv", &format!("name\n{rows}"));
    world.campaign(
        "p",
        "[source]\nkind = \"file\"\npath = \"rows.csv\"\nkey = \"name\"\nmax_set_aside = 100\n",
    );
    world.one_pass(&[]);
    assert_eq!(world.texts("SELECT state FROM cobblestone_campaign").await, ["paused"]);
    let note = world.texts("SELECT note FROM cobblestone_campaign").await;
    assert!(note[0].contains("could not be made"), "{note:?}");
    assert_eq!(world.number("SELECT COUNT(*) FROM cobblestone_quarantine").await, 500, "one batch");
}

#[tokio::test]
async fn seeds_are_never_shared_unless_told() {
    let mut world = World::new().await;
    world.campaign("a", "[source]\njobs = 10\n");
    world.one_pass(&[]);
    world.campaign("b", "[source]\njobs = 5\n");
    world.campaign("c", "[source]\njobs = 5\n[seeds]\nfirst = 8\n");
    world.campaign("d", "[source]\njobs = 5\n[seeds]\nfirst = 8\nreuse = true\n");
    world.campaign("e", "[source]\njobs = 5\n[seeds]\nfirst = 1000\n");
    let log = world.one_pass(&[]);
    assert!(log.contains("its seeds are taken by campaign a"), "{log}");
    let seeds = |name: &str| {
        format!(
            "SELECT GROUP_CONCAT(j.seed ORDER BY j.seed) FROM cobblestone_job j JOIN cobblestone_campaign c ON c.id = j.campaignid WHERE c.name = '{name}'"
        )
    };
    assert_eq!(world.texts(&seeds("b")).await, ["11,12,13,14,15"]);
    assert_eq!(world.texts(&seeds("d")).await, ["8,9,10,11,12"]);
    assert_eq!(world.texts(&seeds("e")).await, ["1000,1001,1002,1003,1004"]);
    assert_eq!(world.texts("SELECT state FROM cobblestone_campaign WHERE name = 'c'").await, ["paused"]);
    world.campaign("f", "[source]\njobs = 1\n");
    world.one_pass(&[]);
    assert_eq!(world.texts(&seeds("f")).await, ["1005"], "behind all others");
}

#[tokio::test]
async fn settings_become_columns_and_targets_are_assigned() {
    let mut world = World::new().await;
    world.old_file("data/geometry.db", "points\n");
    let template = "<input_template>\n<file_info>\n</file_info>\n<file_info>\n</file_info>\n<file_info>\n</file_info>\n<workunit>\n\
        <file_ref>\n<open_name>ctx</open_name>\n</file_ref>\n<file_ref>\n<open_name>geo</open_name>\n</file_ref>\n\
        <file_ref>\n<open_name>far</open_name>\n</file_ref>\n<min_quorum>1</min_quorum>\n<target_nresults>1</target_nresults>\n\
        <rsc_fpops_bound>1e15</rsc_fpops_bound>\n<rsc_fpops_est>1e12</rsc_fpops_est>\n<rsc_disk_bound>1e9</rsc_disk_bound>\n\
        </workunit>\n</input_template>\n";
    world.old_file("templates/three_in", template);
    let md5 = "0123456789abcdef0123456789abcdef";
    world.campaign(
        "t",
        &format!(
            "[source]\njobs = 2\n[job]\npriority = 9\nbatch = 4\nmin_quorum = 3\nmax_error_results = 2\ndelay_bound = 777\n\
             app_version_num = 105\nsize_class = 2\nkeywords = \"1 2\"\ntarget_user = 12\ninput_template = \"templates/three_in\"\n\
             shared_files = [\"data/geometry.db\"]\n[[job.remote_files]]\nurl = \"https://example.org/far\"\nnbytes = 5\nmd5 = \"{md5}\"\n"
        ),
    );
    world.one_pass(&[]);
    let row = world.sql.row("SELECT * FROM workunit WHERE name = 't_0'", &[]).await.unwrap();
    for (column, wanted) in [
        ("priority", 9),
        ("batch", 4),
        ("min_quorum", 3),
        ("target_nresults", 3),
        ("max_error_results", 2),
        ("delay_bound", 777),
        ("app_version_num", 105),
        ("size_class", 2),
        ("transitioner_flags", 2),
        ("transition_time", i64::from(i32::MAX)),
    ] {
        assert_eq!(row.i64(column).unwrap(), wanted, "{column}");
    }
    assert_eq!(row.text("keywords").unwrap(), "1 2");
    let doc = row.text("xml_doc").unwrap();
    for text in ["geometry.db", &format!("jf_{md5}"), "https://example.org/far"] {
        assert!(doc.contains(text), "{text}: {doc}");
    }
    let found = world
        .number("SELECT COUNT(*) FROM assignment WHERE target_type = 2 AND target_id = 12 AND multi = 0")
        .await;
    assert_eq!(found, 2);
    assert_eq!(
        std::fs::read_to_string(world.project.download_path("geometry.db").unwrap()).unwrap(),
        "points\n"
    );
}

#[tokio::test]
async fn compressed_twins_are_made_where_the_template_asks() {
    let mut world = World::new().await;
    let template = std::fs::read_to_string(world.project.path("templates/theory_in")).unwrap();
    assert!(template.contains("<file_info>"));
    world.old_file("templates/theory_in", &template.replacen("<file_info>", "<file_info>\n<gzip/>", 1));
    world.campaign("z", "[source]\njobs = 1\n");
    world.one_pass(&[]);
    let doc = world.texts("SELECT xml_doc FROM workunit").await.remove(0);
    let size = std::fs::metadata(world.project.download_path("z_0.in").unwrap().with_file_name("z_0.in.gz"))
        .unwrap()
        .len();
    assert!(doc.contains(&format!("<gzipped_nbytes>{size}</gzipped_nbytes>")), "{doc}");
    assert!(doc.contains("z_0.in.gz</gzipped_url>"), "{doc}");
}

#[tokio::test]
async fn a_different_file_or_a_foreign_workunit_is_left_alone() {
    let mut world = World::new().await;
    world.campaign("x", "[source]\njobs = 5\n");
    let file = world.project.download_path("x_1.in").unwrap();
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    std::fs::write(&file, "somebody's").unwrap();
    world.project.make_workunits("X", 4).await.unwrap();
    let log = world.one_pass(&[]);
    assert!(log.contains("set aside"), "{log}");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "somebody's");
    let made = world.names().await.into_iter().filter(|name| name.starts_with("x_")).collect::<Vec<_>>();
    assert_eq!(made, ["x_4"]);
    let reasons = world.texts("SELECT reason AS x FROM cobblestone_quarantine").await;
    assert_eq!(reasons.iter().filter(|reason| reason.contains("did not make")).count(), 3, "{reasons:#?}");
    assert_eq!(reasons.iter().filter(|reason| reason.contains("is not replaced")).count(), 1, "{reasons:#?}");
    assert!(!world.files().contains("x_0.in"), "what was staged for nothing is taken away again");
}

#[tokio::test]
async fn marks_the_transitioner_and_the_disk_hold_it_back() {
    let mut world = World::new().await;
    // Two results each.
    world.project.write_app_config("[work]\ncushion = 100\nrefill_below = 20\n").unwrap();
    world.campaign("m", "[job]\npriority = 1\n");
    world.one_pass(&[]);
    assert_eq!(world.names().await.len(), 50);
    world.sql.execute("UPDATE workunit SET error_mask = 16 WHERE id % 2 = 0", &[]).await.unwrap();
    world.one_pass(&[]);
    assert_eq!(world.names().await.len(), 50, "between the marks nothing is made");
    world.sql.execute("UPDATE workunit SET error_mask = 16 WHERE id % 5 <> 0", &[]).await.unwrap();
    world.one_pass(&[]);
    assert_eq!(
        world.number("SELECT COUNT(*) FROM workunit WHERE error_mask = 0").await,
        50,
        "filled up to the high mark"
    );

    let mut world = World::new().await;
    world.project.write_app_config("[work]\nat_once = true\nmax_transitioner_backlog = 700\n").unwrap();
    world.campaign("m", "[source]\njobs = 5000\n");
    let log = world.one_pass(&[]);
    assert!(log.contains("transitioner is behind"), "{log}");
    assert_eq!(world.names().await.len(), 1000, "batches of 500");
    world.project.write_app_config("[work]\nat_once = true\nmin_free_bytes = 9000000000000000000\n").unwrap();
    let log = world.one_pass(&[]);
    assert!(log.contains("too little is free"), "{log}");
    assert_eq!(world.names().await.len(), 1000);

    // Machines that are alive count, if they were heard of.
    let mut world = World::new().await;
    world.project.write_app_config("[work]\nalive = 30\nactive_days = 2\n").unwrap();
    world.campaign("m", "");
    let now = common::NOW as i64;
    let hosts = [(1, now - 86_400), (2, now - 10 * 86_400)];
    let hosts = hosts.map(|(id, heard)| serde_json::json!({"id": id, "rpc_time": heard}));
    world.sql.insert_filled("host", &hosts).await.unwrap();
    let tasks: Vec<_> = (1..=20)
        .map(|id| serde_json::json!({"id": id, "workunitid": 10_000 + id, "appid": 1, "name": format!("t{id}"), "server_state": 4, "hostid": 1 + id % 2}))
        .collect();
    world.sql.insert_filled("result", &tasks).await.unwrap();
    world.one_pass(&[]);
    assert_eq!(world.names().await.len(), 10, "ten are alive, so twenty results are missing");
}

#[tokio::test]
async fn mistakes_of_one_campaign_do_not_stop_the_others_and_new_files_need_no_new_start() {
    let mut world = World::new().await;
    world.campaign("bad", "[source]\njbos = 3\n");
    world.campaign("good", "[source]\njobs = 3\n");
    std::fs::write(
        world.project.path("cobblestone/campaigns/other.toml"),
        "[campaign]\napp = \"elsewhere\"\n",
    )
    .unwrap();
    let log = world.one_pass(&[]);
    assert!(log.contains("campaign bad is left out") && log.contains("did you mean `jobs`"), "{log}");
    assert_eq!(world.names().await, ["good_0", "good_1", "good_2"]);
    let log = world.one_pass(&["--dry_run"]);
    assert!(!log.contains("would make"), "{log}");
    world.campaign("bad", "[source]\njobs = 2\n");
    let log = world.one_pass(&["--dry_run"]);
    assert!(log.contains("would make this workunit") && log.contains("bad_1"), "{log}");
    assert_eq!(world.names().await.len(), 3);
    world.one_pass(&[]);
    assert_eq!(world.names().await.len(), 5);
}

#[tokio::test]
async fn higher_priority_comes_first_and_equals_take_turns() {
    let mut world = World::new().await;
    world.project.write_app_config("[work]\ncushion = 2000\n").unwrap();
    for name in ["a", "b"] {
        world.campaign(name, "[source]\njobs = 5000\n");
    }
    world.campaign("c", "[source]\njobs = 100\n[job]\npriority = 5\n");
    world.one_pass(&[]);
    let count = |name: &str| format!("SELECT made FROM cobblestone_campaign WHERE name = '{name}'");
    assert_eq!(world.number(&count("c")).await, 100);
    let (a, b) = (world.number(&count("a")).await, world.number(&count("b")).await);
    assert_eq!((a.max(b), a + b), (500, 900));
}

/// A table of jobs that is longer than memory would like: the daemon's stays as it is.
#[tokio::test]
async fn a_long_table_is_read_in_constant_memory_and_from_where_it_ended() {
    let mut world = World::new().await;
    world.project.write_app_config("[work]\ncushion = 1000\n").unwrap();
    let mut rows = String::from("energy,process\n");
    for n in 0..1_000_000 {
        rows.push_str(&format!("{n},some-process-with-a-name\n"));
    }
    world.old_file("long.csv", &rows);
    world.campaign("long", "[source]\nkind = \"file\"\npath = \"long.csv\"\n");
    let begun = std::time::Instant::now();
    world.one_pass(&[]);
    println!("first batch after {:?}", begun.elapsed());
    assert_eq!(world.names().await.len(), 500);
    assert_eq!(world.number("SELECT MAX(rows_read) FROM cobblestone_campaign_file").await, 500);
    // As if all but the last rows were made.
    let place = rows.len() - rows.lines().rev().take(100).map(|line| line.len() + 1).sum::<usize>();
    let look = mark::Look::of(&std::fs::metadata(world.project.path("long.csv")).unwrap());
    let tail = mark::Mark { digest: mark::Digest::default().and(&rows.as_bytes()[..place]), look }.text();
    let sql = "UPDATE cobblestone_campaign_file SET place = ?, rows_read = 999900, tail = ? WHERE name = 'long.csv'";
    world.sql.execute(sql, &[place.into(), tail.into()]).await.unwrap();
    world.sql.execute("UPDATE workunit SET error_mask = 16", &[]).await.unwrap();
    world.one_pass(&[]);
    assert_eq!(world.names().await.len(), 600);
    assert_eq!(world.texts("SELECT state FROM cobblestone_campaign").await, ["complete"]);
}

#[tokio::test]
async fn flags_of_stocks_generators_stand_in_for_work() {
    let mut world = World::new().await;
    world.project.write_app_config("[work]\ncushion = 1000\nrefill_below = 900\n").unwrap();
    let template = "<input_template><file_info/><file_info></file_info><workunit><file_ref><open_name>x</open_name></file_ref>\
                    <target_nresults>2</target_nresults><max_total_results>2</max_total_results></workunit></input_template>";
    world.old_file("templates/other_in", &template.replace("<file_info/>", ""));
    world.old_file("templates/other_out", "");
    world.one_pass(&["--in_template_file", "other_in", "-out-template-file=other_out", "--cushion", "6"]);
    assert_eq!(world.names().await, ["theory_0", "theory_1", "theory_2"]);
    assert_eq!(
        world.texts("SELECT DISTINCT result_template_file FROM workunit").await,
        ["templates/other_out"]
    );
    // A campaign that names its own keeps it.
    world.campaign("own", "[source]\njobs = 1\n[job]\noutput_template = \"templates/theory_out\"\n");
    world.one_pass(&["--out_template_file", "other_out", "--cushion", "1000"]);
    let sql = "SELECT result_template_file FROM workunit WHERE name = 'own_0'";
    assert_eq!(world.texts(sql).await, ["templates/theory_out"]);
    for flags in [["--cushion", "0"], ["--in_template_file", "../config.xml"], ["--in_template_file", "none"]]
    {
        let output = world.start(&flags).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{flags:?}");
        assert!(String::from_utf8_lossy(&output.stderr).contains(flags[1]), "{output:?}");
    }
}
