//! `cobblestone work create` as a process: the cases of stock's `create_work`, lines of standard input, and what can't be
//! made.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod common;
#[path = "../../../lib/boinc/tests/oracle/mod.rs"]
mod oracle;

use std::fs;
use std::io::Write as _;
use std::process::{Command, Stdio};

use boinc::download_dir::DownloadDir;
use common::{Said, World, holds, is_harmless};
use oracle::{Case, cases, now_of};
use sandbox::{ProjectOptions, SimClock};
use serde_json::{Map, Value, json};

/// A template that takes no file.
const PLAIN: &str = "<input_template><workunit></workunit></input_template>";
/// One that takes one.
const ONE_FILE: &str = "<input_template><file_info></file_info><workunit><file_ref><open_name>in</open_name></file_ref>\
                        </workunit></input_template>";

async fn world() -> World {
    let options = ProjectOptions { input_template: PLAIN.to_owned(), ..ProjectOptions::default() };
    World::with(options).await
}

fn write(world: &World, below: &str, text: &str) {
    let path = world.project.path(below);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

fn stage(world: &World, name: &str, text: &str) {
    let path = world.project.download_path(name).unwrap();
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

fn feed(mut command: Command, lines: &[u8]) -> Said {
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // It may end before all is read.
    let _ = child.stdin.take().unwrap().write_all(lines);
    let output = child.wait_with_output().unwrap();
    Said {
        status: output.status.code().unwrap_or(-1),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

/// `work create --appname theory` with these flags.
fn create(world: &World, flags: &[&str]) -> Said {
    world.run(&[&["work", "create", "--appname", "theory"], flags].concat())
}

/// The same with `--stdin`.
fn lines(world: &World, flags: &[&str], lines: &str) -> Said {
    let flags = [&["work", "create", "--appname", "theory", "--stdin"], flags].concat();
    feed(world.cobblestone(&flags), lines.as_bytes())
}

#[track_caller]
fn ended(said: &Said, status: i32) {
    assert_eq!(said.status, status, "{}{}", said.out, said.err);
    is_harmless(&said.err);
}

async fn names(world: &mut World) -> Vec<String> {
    let rows = world.sql.rows("SELECT name FROM workunit ORDER BY id", &[]).await.unwrap();
    rows.iter().map(|row| row.text("name").unwrap()).collect()
}

/// The row of a workunit with the columns of a case.
async fn row_of(world: &mut World, name: &str, like: &Map<String, Value>) -> Option<Map<String, Value>> {
    let mut found = Map::new();
    let rows = world.sql.rows("SELECT * FROM workunit WHERE name = ?", &[name.into()]).await.unwrap();
    let row = rows.first()?;
    for (column, value) in like {
        let is = if value.is_string() {
            json!(row.text(column).unwrap())
        } else {
            json!(row.f64(column).unwrap())
        };
        found.insert(column.clone(), is);
    }
    Some(found)
}

/// A project as that of the cases.
async fn stocks_world(cases: &[Case]) -> (World, DownloadDir, Map<String, Value>) {
    let mut world = World::with(ProjectOptions { fanout: 1024, ..ProjectOptions::default() }).await;
    world.project.set_clock(SimClock::frozen(now_of(cases).into())).await.unwrap();
    let config = fs::read_to_string(world.project.path("config.xml")).unwrap();
    let ours = "<download_url>http://127.0.0.1/sandbox/download</download_url>";
    assert!(config.contains(ours));
    let config = config.replace(ours, &format!("<download_url>{}</download_url>", oracle::DOWNLOAD_URL));
    fs::write(world.project.path("config.xml"), config).unwrap();
    write(&world, "templates/example_app_out", "");
    let files = DownloadDir {
        root: world.project.path("download"),
        fanout: 1024,
        cache_md5_info: true,
        project_dir: world.project.dir().to_owned(),
    };
    let like = cases.iter().find_map(|case| case.workunit.clone()).unwrap();
    (world, files, like)
}

#[tokio::test]
async fn every_case_of_the_stock_program_comes_out_the_same() {
    let cases = cases();
    let (mut world, files, like) = stocks_world(&cases).await;
    let mut made = 0;
    for case in &cases {
        case.stage(&files);
        write(&world, "templates/orc_in", &case.template);
        let flags: Vec<&str> = case.args.iter().chain(&case.infiles).map(String::as_str).collect();
        let said = create(&world, &flags);
        ended(&said, i32::try_from(case.exit).unwrap());
        assert!(said.err.starts_with(case.stderr.as_str()), "{}: {}", case.name(), said.err);
        assert_eq!(case.exit != 0, said.err.ends_with("cobblestone: no workunit was made\n"), "{}", said.err);
        case.compare(row_of(&mut world, case.name(), &like).await.as_ref());
        made += i64::from(case.workunit.is_some());
    }
    assert_eq!(world.number("SELECT COUNT(*) FROM workunit").await, made);
    assert_eq!(made, 22);
}

#[tokio::test]
async fn and_the_same_through_standard_input() {
    let cases = cases();
    let (mut world, files, like) = stocks_world(&cases).await;
    for case in &cases {
        case.stage(&files);
        write(&world, "templates/orc_in", &case.template);
        // Name, templates and files stand in the line.
        let in_line = |flag: &str| {
            ["--wu_name", "--wu_template", "--result_template", "--command_line"].contains(&flag)
        };
        let (mut flags, mut line) = (Vec::new(), String::new());
        for pair in case.args.chunks(2) {
            if in_line(&pair[0]) {
                line.push_str(&format!("{} '{}' ", pair[0], pair[1]));
            } else {
                flags.extend(pair.iter().map(String::as_str));
            }
        }
        line.push_str(&case.infiles.join(" "));
        let said = lines(&world, &flags, &line);
        ended(&said, i32::try_from(case.exit).unwrap());
        case.compare(row_of(&mut world, case.name(), &like).await.as_ref());
    }
}

#[tokio::test]
async fn one_job_with_names_and_words_as_stock() {
    let mut world = world().await;
    let said = create(&world, &[]);
    ended(&said, 0);
    let all = names(&mut world).await;
    assert_eq!(said.out, format!("workunit name: {}\n", all[0]));
    assert!(all[0].starts_with("theory_") && all[0].ends_with(".000000"), "{all:?}");
    let said = create(&world, &["-wu_name", "w", "-verbose", "--batch=7", "--priority", "-3"]);
    ended(&said, 0);
    assert_eq!((said.out.as_str(), said.err.as_str()), ("", "created workunit; name w, ID 2\n"));
    let row =
        world.sql.row("SELECT batch, priority, appid FROM workunit WHERE name = 'w'", &[]).await.unwrap();
    assert_eq!((row.i64("batch").unwrap(), row.i64("priority").unwrap()), (7, -3));
    // By the name of the stock program.
    let link = world.project.path("bin/create_work");
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_cobblestone"), &link).unwrap();
    let mut command = Command::new(&link);
    command.args(["--appname", "theory", "--wu_name", "linked"]).current_dir(world.project.dir());
    let output = command.env_remove("BOINC_PROJECT_DIR").output().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert_eq!(names(&mut world).await[1..], ["w", "linked"]);
    let said = create(&world, &["--help"]);
    ended(&said, 0);
    holds(&said.out, &["--appname", "--from_line", "--target_team", "--wu_id"]);
}

#[tokio::test]
async fn a_flag_that_the_template_overrules_is_told() {
    let world = world().await;
    write(&world, "templates/own_in", "<workunit><batch>77</batch></workunit>");
    let said = create(&world, &["--batch", "5", "--wu_template", "templates/own_in", "--min_quorum", "1"]);
    ended(&said, 0);
    assert_eq!(said.err, "--batch 5 has no effect: the input template makes it 77\n");
    let said = lines(
        &world,
        &["--batch", "5"],
        "--wu_template templates/own_in\n--wu_template templates/own_in\n\n",
    );
    ended(&said, 0);
    assert_eq!(said.err.matches("has no effect").count(), 1, "{}", said.err);
}

#[tokio::test]
async fn lines_say_what_is_different() {
    let mut world = world().await;
    world.people().await;
    write(
        &world,
        "templates/two_in",
        &ONE_FILE.replace(
            "<workunit>",
            "<file_info></file_info><workunit><file_ref><open_name>a</open_name></file_ref>",
        ),
    );
    write(&world, "templates/other_out", "");
    stage(&world, "shared", "points\n");
    stage(&world, "own", "mine\n");
    // At the top of the folder, as a person puts it.
    fs::write(world.project.path("download/top"), "from the top\n").unwrap();
    let flags = [
        "--wu_name",
        "b",
        "--wu_template",
        "templates/two_in",
        "--command_line",
        "--all",
        "shared",
        "--keywords",
        "3 7",
    ];
    let md5 = "0123456789abcdef0123456789abcdef";
    let text = format!(
        "own\n--wu_name named --command_line '--one \"x\"' --priority 4 top\n\
         --target_host 2 --result_template templates/other_out own\r\n\
         --target_user 1 --remote_file http://far/x?a&amp;b 12 {md5}\n--target_team 1 own"
    );
    let said = lines(&world, &flags, &text);
    ended(&said, 0);
    assert_eq!(said.out, "5 workunits made\n");
    holds(&said.err, &["config.xml has no <enable_assignment>"]);
    assert_eq!(names(&mut world).await, ["b_0", "named", "b_2", "b_3", "b_4"]);
    let docs = world.sql.rows("SELECT xml_doc FROM workunit ORDER BY id", &[]).await.unwrap();
    let docs: Vec<String> = docs.iter().map(|row| row.text("xml_doc").unwrap()).collect();
    holds(
        &docs[0],
        &[
            "<command_line>\n--all\n</command_line>",
            "<name>shared</name>",
            "<name>own</name>",
            "<nbytes>5</nbytes>",
        ],
    );
    holds(&docs[1], &["--all --one \"x\"\n", "<name>top</name>", "<nbytes>13</nbytes>"]);
    holds(&docs[3], &["<name>jf_0123456789abcdef0123456789abcdef</name>", "<url>http://far/x?a&amp;b</url>"]);
    assert!(world.project.download_path("top").unwrap().is_file());
    let rows = world
        .sql
        .rows(
            "SELECT w.name, a.target_type, a.target_id, a.multi, a.create_time, a.resultid, w.transitioner_flags, w.transition_time, \
             w.result_template_file, w.keywords FROM assignment a JOIN workunit w ON w.id = a.workunitid ORDER BY w.id",
            &[],
        )
        .await
        .unwrap();
    let found: Vec<(String, i64, i64)> = rows
        .iter()
        .map(|row| {
            (row.text("name").unwrap(), row.i64("target_type").unwrap(), row.i64("target_id").unwrap())
        })
        .collect();
    assert_eq!(found, [("b_2".to_owned(), 1, 2), ("b_3".to_owned(), 2, 1), ("b_4".to_owned(), 3, 1)]);
    for row in &rows {
        assert_eq!((row.i64("multi").unwrap(), row.i64("resultid").unwrap()), (0, 0));
        assert_eq!(
            (row.i64("transitioner_flags").unwrap(), row.i64("transition_time").unwrap()),
            (2, i64::from(i32::MAX))
        );
        assert_eq!(
            (row.f64("create_time").unwrap(), row.text("keywords").unwrap().as_str()),
            (common::NOW, "3 7")
        );
    }
    assert_eq!(rows[0].text("result_template_file").unwrap(), "templates/other_out");
    let said = create(&world, &["--broadcast_user", "2", "--wu_name", "all", "--verbose"]);
    ended(&said, 0);
    holds(&said.err, &["<enable_assignment_multi>", "created workunit; name all, ID 6"]);
    let row = world
        .sql
        .row("SELECT target_type, target_id, multi FROM assignment WHERE workunitid = 6", &[])
        .await
        .unwrap();
    assert_eq!(
        (row.i64("target_type").unwrap(), row.i64("target_id").unwrap(), row.i64("multi").unwrap()),
        (2, 2, 1)
    );
}

/// The line to blame, what stands, and how to go on.
#[tokio::test]
async fn a_line_that_can_not_be_made_ends_it_and_it_goes_on_from_there() {
    let mut world = world().await;
    world.people().await;
    let long = "t".repeat(40);
    for name in ["templates/".to_owned(), format!("templates/{long}/{long}")] {
        write(&world, &format!("{name}long_out"), "");
    }
    write(&world, "templates/file_in", ONE_FILE);
    write(&world, "templates/broken_in", "<workunit><a>");
    let long_path = format!("--result_template templates/{long}/{long}long_out");
    for (number, (bad, why)) in [
        ("--nonsense", "flag --nonsense can't stand in a line"),
        ("--batch 4", "put it on the command line"),
        ("--command_line 'open", "does not end; close it"),
        ("--priority high", "needs a whole number, not 'high'"),
        ("--priority", "needs a value"),
        ("--priority 3000000000", "needs a whole number"),
        ("one_file_too_many", "1 input files are given, but the template takes 0"),
        ("--wu_template templates/file_in gone", "gone: No such file"),
        ("--wu_template templates/file_in ../../config.xml", "input file: "),
        ("--wu_template templates/none_in", "can't read the input template"),
        ("--wu_template templates", "it is no file"),
        ("--wu_template templates/broken_in", "element that is not closed"),
        ("--result_template templates/none_out", "doesn't exist"),
        (&long_path, "bytes long, at most 63 fit"),
        ("--target_host 99", "there is no host 99, so nobody would get this job"),
        ("--wu_name n0_0", "the name n0_0 is that of line 1"),
        ("--wu_name ../x", "wu_name: "),
        ("--wu_name a&b", "would break the document"),
        ("--command_line '</command_line>'", "write &lt; for it"),
        (&"x".repeat(70_000), "longer than 65536 bytes"),
        ("\u{1b}[2J\u{202e}", "input file: "),
    ]
    .into_iter()
    .enumerate()
    {
        world.sql.script("TRUNCATE TABLE workunit; TRUNCATE TABLE assignment").await.unwrap();
        let base = if bad.contains("n0_0") { "n0".to_owned() } else { format!("m{number}") };
        let text = format!("\n--target_user 1\n{bad}\n\n");
        let flags = ["--wu_name", base.as_str()];
        let said = lines(&world, &flags, &text);
        ended(&said, 1);
        holds(
            &said.err,
            &[
                "line 3: ",
                why,
                "2 workunits made, of lines 1 to 2; nothing of line 3 and of those after it. Mend it, then go on: the same command and lines with --from_line 3",
            ],
        );
        assert_eq!(said.out, "", "{}", said.err);
        assert_eq!(names(&mut world).await, [format!("{base}_0"), format!("{base}_1")], "{bad}");
        assert_eq!(world.number("SELECT COUNT(*) FROM assignment").await, 1);
        // As it says: the line is mended, the same command goes on.
        let said = lines(&world, &["--wu_name", &base, "--from_line", "3"], "\n--target_user 1\n\n\n");
        ended(&said, 0);
        assert_eq!(said.out, "2 workunits made\n");
        let all: Vec<String> = (0..4).map(|n| format!("{base}_{n}")).collect();
        assert_eq!(names(&mut world).await, all, "{bad}");
        // The other way: pass over it.
        world.sql.script("TRUNCATE TABLE workunit; TRUNCATE TABLE assignment").await.unwrap();
        let said = lines(&world, &[&flags[..], &["--continue_on_error"]].concat(), &text);
        ended(&said, 1);
        holds(&said.err, &["line 3: ", why, "3 workunits made; 1 line has none: 3. Mend"]);
        assert_eq!(world.number("SELECT COUNT(*) FROM workunit").await, 3, "{bad}");
    }
    let said =
        feed(world.cobblestone(&["work", "create", "--appname", "theory", "--stdin"]), b"\n\xff\xfe\n");
    ended(&said, 1);
    holds(
        &said.err,
        &[
            "line 2: text: it is not UTF-8",
            "1 workunit made, of lines 1 to 1",
            "--wu_name theory_",
            "--from_line 2",
        ],
    );
    let said = lines(&world, &["--from_line", "5"], "\n\n");
    ended(&said, 1);
    holds(&said.err, &["standard input ends with line 2; no workunit was made"]);
    let said = lines(&world, &[], "");
    ended(&said, 0);
}

#[tokio::test]
async fn a_name_that_is_taken_says_how_far_an_earlier_run_came() {
    let mut world = world().await;
    let text = "\n".repeat(5);
    ended(&lines(&world, &["--wu_name", "w"], "\n\n\n"), 0);
    let said = lines(&world, &["--wu_name", "W"], &text);
    ended(&said, 1);
    holds(
        &said.err,
        &[
            "line 1: there is a workunit W_0 already",
            "no workunit was made; nothing of line 1",
            "Lines 1 to 3 have workunits of these names already",
            "--from_line 4",
        ],
    );
    assert_eq!(world.number("SELECT COUNT(*) FROM workunit").await, 3);
    ended(&lines(&world, &["--wu_name", "W", "--from_line", "4"], &text), 0);
    let said = lines(&world, &["--wu_name", "w"], &text);
    ended(&said, 1);
    holds(&said.err, &["Lines 1 to 5 have", "nothing is left to do"]);
    let said = lines(&world, &["--wu_name", "x"], "\n--wu_name W_3\n\n");
    ended(&said, 1);
    holds(
        &said.err,
        &["line 2: there is a workunit W_3 already", "1 workunit made, of lines 1 to 1", "Lines 2 to 2 have"],
    );
    let said = create(&world, &["--wu_name", "w_1"]);
    ended(&said, 1);
    holds(&said.err, &["there is a workunit w_1 already; give another --wu_name", "no workunit was made"]);
    let said = lines(&world, &["--wu_name", "w", "--continue_on_error"], &"\n".repeat(7));
    ended(&said, 1);
    holds(&said.err, &["2 workunits made; 5 lines have none: 1, 2, 3, 4, 5."]);
    assert_eq!(world.number("SELECT COUNT(*) FROM workunit").await, 8);
}

#[tokio::test]
async fn what_makes_no_sense_is_refused_and_nothing_is_made() {
    let mut world = world().await;
    for (status, flags, why) in [
        (2, &["--nonsense"][..], "bad argument '--nonsense'"),
        (2, &["--batch", "x"], "needs a whole number"),
        (2, &["--target_host", "0"], "above 0"),
        (2, &["--target_host", "1", "--broadcast"], "reserved already"),
        (2, &["--continue_on_error"], "needs --stdin"),
        (2, &["--from_line", "2"], "needs --stdin"),
        (2, &["--stdin", "--wu_id", "2"], "one of the two"),
        (2, &["--appname", "none"], "there is no application none"),
        (2, &["--appname", "../x"], "appname"),
        (1, &["--min_quorum", "0"], "min_quorum = 0"),
        (1, &["--delay_bound", "-5"], "delay_bound = -5"),
        (1, &["--rsc_memory_bound", "-1"], "rsc_memory_bound"),
        (1, &["--size_class", "40000"], "size_class"),
        (1, &["--keywords", "a"], "numbers separated by blanks"),
        (1, &["--keywords", &"1 ".repeat(200)], "keywords"),
        (1, &["--sub_appname", &"x".repeat(300)], "sub_appname"),
        (1, &["--wu_name", &"x".repeat(192)], "workunit.name"),
        (1, &["--command_line", &"x".repeat(70_000)], "bytes long"),
        (1, &["--target_host", "7"], "there is no host 7"),
        (1, &["--broadcast_team", "7"], "there is no team 7"),
        (1, &["--wu_template", "templates/none"], "can't read the input template"),
        (1, &["--result_template", "templates/none"], "doesn't exist"),
    ] {
        let said = create(&world, flags);
        ended(&said, status);
        holds(&said.err, &[why]);
        assert!(
            said.err.to_lowercase().contains("nothing was made") || said.err.contains("no workunit was made"),
            "{}",
            said.err
        );
    }
    let said = world.run(&["work", "create", "--stdin"]);
    assert_eq!(said.status, 2);
    holds(&said.err, &["--appname"]);
    assert_eq!(names(&mut world).await, [""; 0]);
}

#[tokio::test]
async fn a_dry_run_finds_the_same_and_writes_nothing() {
    let mut world = world().await;
    write(&world, "templates/theory_in", ONE_FILE);
    fs::write(world.project.path("download/top"), "x").unwrap();
    let said = create(&world, &["--dry_run", "top"]);
    ended(&said, 0);
    holds(&said.out, &["1 workunit could be made; nothing was written"]);
    let said = lines(&world, &["--dry_run", "--wu_name", "w"], "top\ntop\ngone\n");
    ended(&said, 1);
    holds(&said.err, &["line 3: ", "2 workunits could be made; nothing was written"]);
    let said = lines(&world, &["--dry_run", "--wu_name", "w"], "top\n--target_team 3 top\n");
    ended(&said, 1);
    holds(&said.err, &["line 2: there is no team 3"]);
    assert_eq!(names(&mut world).await, [""; 0]);
    let left: Vec<_> =
        fs::read_dir(world.project.path("download")).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(left, ["top"]);
    ended(&create(&world, &["--wu_name", "w_0", "top"]), 0);
    let said = lines(&world, &["--dry_run", "--wu_name", "w"], "top\n");
    ended(&said, 1);
    holds(&said.err, &["there is a workunit w_0 already"]);
}

#[tokio::test]
async fn a_placeholder_is_filled_and_a_job_is_never_overwritten() {
    let mut world = world().await;
    world.people().await;
    // As boinc_submit inserts it.
    world.insert("workunit", vec![json!({"id": 5, "name": "0123abc", "transition_time": i32::MAX})]).await;
    let said = create(&world, &["--wu_id", "5", "--wu_name", "sj_5", "--target_user", "1", "--verbose"]);
    ended(&said, 0);
    holds(&said.err, &["created workunit; name sj_5, ID 5"]);
    let row = world
        .sql
        .row("SELECT id, appid, name, transitioner_flags, min_quorum FROM workunit", &[])
        .await
        .unwrap();
    assert_eq!(
        (row.i64("id").unwrap(), row.i64("appid").unwrap(), row.text("name").unwrap().as_str()),
        (5, 1, "sj_5")
    );
    assert_eq!((row.i64("transitioner_flags").unwrap(), row.i64("min_quorum").unwrap()), (2, 1));
    assert_eq!(world.number("SELECT workunitid FROM assignment").await, 5);
    let said = create(&world, &["--wu_id", "5", "--wu_name", "again"]);
    ended(&said, 1);
    holds(&said.err, &["workunit 5 is a job of an application already", "no workunit was made"]);
    let said = create(&world, &["--wu_id", "6", "--wu_name", "again"]);
    ended(&said, 1);
    holds(&said.err, &["there is no row 6"]);
    // A row whose name another one has.
    world.insert("workunit", vec![json!({"id": 7, "name": "blank", "transition_time": i32::MAX})]).await;
    let said = create(&world, &["--wu_id", "7", "--wu_name", "sj_5"]);
    ended(&said, 1);
    holds(&said.err, &["the name is taken"]);
    assert_eq!(names(&mut world).await, ["sj_5", "blank"]);
}

#[tokio::test]
async fn an_insert_that_fails_is_no_success() {
    let mut world = world().await;
    world
        .sql
        .execute(
            "CREATE TRIGGER refuse BEFORE INSERT ON workunit FOR EACH ROW \
             IF NEW.name = 'w_2' THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'not that one'; END IF",
            &[],
        )
        .await
        .unwrap();
    let said = lines(&world, &["--wu_name", "w"], "\n\n\n\n");
    ended(&said, 2);
    holds(
        &said.err,
        &[
            "not that one",
            "no workunit was made; nothing of lines 1 to 4 and of those after them",
            "--from_line 1",
        ],
    );
    let said = create(&world, &["--wu_name", "w_2"]);
    ended(&said, 2);
    holds(&said.err, &["not that one", "no workunit was made"]);
    // One that changes what is inserted: it is read back.
    let change = "DROP TRIGGER refuse; CREATE TRIGGER change_it BEFORE INSERT ON workunit FOR EACH ROW SET NEW.priority = 5";
    world.sql.script(change).await.unwrap();
    let said = lines(&world, &["--wu_name", "w"], "\n\n");
    ended(&said, 2);
    holds(&said.err, &["priority", "no workunit was made"]);
    assert_eq!(names(&mut world).await, [""; 0]);
}
