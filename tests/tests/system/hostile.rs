//! What volunteers' machines may send, on purpose or broken: it is set aside or invalid with its reason, the rest
//! goes on, and no daemon ends by it.

use std::os::unix::fs::symlink;

use sandbox::{Fleet, FleetOptions, SimClock};
use store::sql::Param;

use crate::backlog::{Backlog, message, msg_from_host, output_name};
use crate::books::balance;
use crate::dataset;
use crate::stage::{NOW, Stage};

/// Texts that can't be used as a claim.
fn malformed() -> Vec<Vec<u8>> {
    let good = message("wu_0_0", NOW, 100.0);
    let mut texts: Vec<Vec<u8>> = vec![
        b"".to_vec(),
        b" \n ".to_vec(),
        b"\0\0\0\0".to_vec(),
        b"<".to_vec(),
        b"</cpu_time>".to_vec(),
        b"no xml at all".to_vec(),
        good.replace("100.000000", "").into_bytes(),
        good.replace("100.000000", "-5").into_bytes(),
        good.replace("100.000000", "NaN").into_bytes(),
        good.replace("100.000000", "inf").into_bytes(),
        good.replace("100.000000", "1e400").into_bytes(),
        good.replace("100.000000", "0x10").into_bytes(),
        good.replace("100.000000", "7</cpu_time><cpu_time>8")
            .replace("wu_0_0", "wu_0_0</result_name><result_name>x")
            .into_bytes(),
        good.replace("100.000000", &"9".repeat(100_000)).into_bytes(),
        good.replace("wu_0_0", "").into_bytes(),
        good.replace("wu_0_0", "no_such_result").into_bytes(),
        good.replace("wu_0_0", "../../etc/passwd").into_bytes(),
        good.replace("wu_0_0", "wu_0_0' OR '1'='1").into_bytes(),
        good.replace("wu_0_0", &"w".repeat(200_000)).into_bytes(),
        good.replace("<result_name>", "<result>").into_bytes(),
        good.replace("cpu_time", "cpu_tyme").into_bytes(),
        "<a>".repeat(50_000).into_bytes(),
        "<!DOCTYPE x [<!ENTITY a \"aaaa\"><!ENTITY b \"&a;&a;&a;\">]><result_name>&b;</result_name>".into(),
        format!("<!-- {} ", "x".repeat(1000)).into_bytes(),
        "<result_name>wu_0_0</result_name><![CDATA[".into(),
        "\u{202e}\u{0}\u{feff}<result_name>wu_0_0</result_name>".into(),
    ];
    // Cut at every place up to the number.
    let (before, _) = good.split_once("100.0").unwrap();
    texts.extend((0..before.len()).step_by(9).map(|end| before.as_bytes()[..end].to_vec()));
    texts
}

#[tokio::test]
async fn malformed_trickles_are_set_aside_and_the_rest_is_paid() {
    let mut stage = Stage::new("trickles").await;
    Backlog { workunits: 3, claims: 2 }.fill(&mut stage).await;
    let good = stage.count("msg_from_host").await;
    let texts = malformed();
    for text in &texts {
        let sql = "INSERT INTO msg_from_host (create_time, hostid, variety, handled, xml) VALUES (?, 2, 'cpu_time', 0, ?)";
        stage.run(sql, &[NOW.into(), Param::Text(String::from_utf8_lossy(text).into_owned())]).await;
    }
    // The claim of another host, one that was never there, and one of a time before all times.
    let name = stage.db.row("SELECT name, hostid FROM result ORDER BY id LIMIT 1", &[]).await.unwrap();
    let (name, host) = (name.text("name").unwrap(), name.i64("hostid").unwrap());
    let foreign = [host + 1, 0, -7, 999_999]
        .map(|host| msg_from_host(host, NOW, "cpu_time", &message(&name, NOW, 9e9)));
    stage.db.insert_json("msg_from_host", &foreign).await.unwrap();
    // What is none of our business; but to the database's collation `CPU_TIME ` is `cpu_time`.
    let others = ["", "progress", "CPU_TIME ", "cpu_time\u{0}x", "' OR 1=1 --"]
        .map(|variety| msg_from_host(host, NOW, variety, &message(&name, NOW, 1.0)));
    stage.db.insert_json("msg_from_host", &others).await.unwrap();
    // Bytes that are no text, as a column of another character set may hold them.
    stage.run("ALTER TABLE msg_from_host MODIFY xml mediumblob", &[]).await;
    stage
        .run(
            "INSERT INTO msg_from_host (create_time, hostid, variety, handled, xml) VALUES (0, 1, 'cpu_time', 0, ?), (0, 1, 'cpu_time', 0, NULL)",
            &[Param::Bytes(b"\xff\xfe\x80<result_name>\xc3\x28</result_name>".to_vec())],
        )
        .await;
    stage.run("ALTER TABLE msg_from_host MODIFY xml mediumblob NULL", &[]).await;

    stage.one_pass("cobblestone-trickle-credit", "").await;

    let bad = i64::try_from(texts.len() + foreign.len() + 2).unwrap();
    assert_eq!(stage.count("msg_from_host WHERE handled = 0").await, 4, "those of other varieties");
    let sql = format!(
        "SELECT m.id, CONVERT(LEFT(m.xml, 200) USING latin1) AS xml FROM msg_from_host m LEFT JOIN cobblestone_quarantine q ON q.refid = m.id
         WHERE q.id IS NULL AND m.variety = 'cpu_time' AND m.handled = 1 AND m.id > {good}"
    );
    let used: Vec<String> =
        stage.db.rows(&sql, &[]).await.unwrap().iter().map(|row| row.text("xml").unwrap()).collect();
    assert_eq!(used.len(), 1, "one is good: {used:#?}");
    assert_eq!(stage.count("cobblestone_quarantine WHERE reason <> '' AND kind = 'trickle'").await, bad);
    let last_good = format!("cobblestone_quarantine WHERE refid <= {good}");
    assert_eq!(stage.count(&last_good).await, 0);
    assert!(stage.count("cobblestone_ledger").await > 5);
    balance(&mut stage).await;
    stage.audit().await;
    // Reasons are for people: printable, and short.
    for row in stage.db.rows("SELECT reason FROM cobblestone_quarantine", &[]).await.unwrap() {
        let reason = row.text("reason").unwrap();
        assert!(reason.chars().all(|c| !c.is_control()), "{reason:?}");
    }
}

/// What lies where the second result of a workunit should have its output, and whether a good result can still be
/// compared with it some day.
type Trap = (&'static str, fn(&std::path::Path));

const TRAPS: &[Trap] = &[
    ("a link to a secret", |path| symlink("/etc/passwd", path).unwrap()),
    ("a link to nowhere", |path| symlink("/no/such/file", path).unwrap()),
    ("a link to itself", |path| symlink(path, path).unwrap()),
    ("a folder", |path| std::fs::create_dir(path).unwrap()),
    ("a pipe", |path| {
        rustix::fs::mkfifoat(rustix::fs::CWD, path, rustix::fs::Mode::RWXU).unwrap();
    }),
    ("nothing", |_| ()),
    ("an empty file", |path| std::fs::write(path, "").unwrap()),
    ("no number", |path| std::fs::write(path, "hello\n").unwrap()),
    ("NaN", |path| std::fs::write(path, "0 1.0\n1 nan\n").unwrap()),
    ("not UTF-8", |path| std::fs::write(path, b"\xff\xfe 1 2 3\n\x80\n").unwrap()),
    ("zeros", |path| std::fs::write(path, vec![0_u8; 10_000]).unwrap()),
    ("one endless line", |path| std::fs::write(path, "1 ".repeat(500_000)).unwrap()),
    ("a huge file", |path| std::fs::File::create(path).unwrap().set_len(1 << 40).unwrap()),
    ("a number of a million digits", |path| std::fs::write(path, "7".repeat(1_000_000)).unwrap()),
];

#[tokio::test]
async fn hostile_outputs_are_invalid_with_a_reason_and_the_rest_is_validated() {
    let mut stage = Stage::new("outputs").await;
    // Workunits 1 to 9 of a backlog are sound.
    Backlog { workunits: 9, claims: 0 }.fill(&mut stage).await;
    let honest = 9;
    stage.project.make_workunits("trap", TRAPS.len()).await.unwrap();
    let mut transitioner = sandbox::Transitioner::new(&stage.project, 2).await.unwrap();
    transitioner.pass(NOW).await.unwrap();
    stage
        .run(
            "UPDATE result r JOIN workunit w ON w.id = r.workunitid SET r.hostid = 1 + (r.id % 40), r.userid = 1 + (r.id % 40),
                r.server_state = 5, r.outcome = 1, r.sent_time = ?, r.received_time = ?, r.elapsed_time = 900, r.cpu_time = 800,
                r.flops_estimate = 3e9, r.app_version_id = 1
             WHERE w.name LIKE 'trap%'",
            &[(NOW - 2000.0).into(), (NOW - 1000.0).into()],
        )
        .await;
    stage
        .run(
            "UPDATE workunit SET need_validate = 1, transition_time = 2147483647 WHERE name LIKE 'trap%'",
            &[],
        )
        .await;
    for (n, (_, trap)) in TRAPS.iter().enumerate() {
        for k in 0..2 {
            let name = format!("trap_{n}_{k}");
            let row = stage
                .db
                .row("SELECT xml_doc_in FROM result WHERE name = ?", &[name.as_str().into()])
                .await
                .unwrap();
            let file = output_name(&row.text("xml_doc_in").unwrap());
            // Makes the folder.
            stage.project.write_upload(&file, b"0 1.0\n1 2.0\n").unwrap();
            if k == 1 {
                let path = stage.project.upload_path(&file).unwrap();
                std::fs::remove_file(&path).unwrap();
                trap(&path);
            }
        }
    }
    // Documents of the database that lead out of the folder, or are no documents.
    stage.project.make_workunits("doc", 3).await.unwrap();
    transitioner.pass(NOW).await.unwrap();
    for (name, doc) in [
        (
            "doc_0",
            "<result><file_ref><file_name>../../config.xml</file_name><open_name>x</open_name></file_ref></result>",
        ),
        (
            "doc_1",
            "<result><file_ref><file_name>/etc/passwd</file_name><open_name>x</open_name></file_ref></result>",
        ),
        ("doc_2", "<result><file_ref>"),
    ] {
        let sql = "UPDATE result r JOIN workunit w ON w.id = r.workunitid SET r.xml_doc_in = ?, r.hostid = 1 + (r.id % 40),
            r.userid = 1 + (r.id % 40), r.server_state = 5, r.outcome = 1, r.sent_time = ?, r.received_time = ?, r.elapsed_time = 900,
            r.flops_estimate = 3e9, r.app_version_id = 1, w.need_validate = 1, w.transition_time = 2147483647 WHERE w.name = ?";
        stage.run(sql, &[doc.into(), (NOW - 2000.0).into(), (NOW - 1000.0).into(), name.into()]).await;
    }

    let line = "--app theory -d 2 --one_pass";
    let ended = stage.start("cobblestone-validator", line).end().await.with(0);
    assert_eq!(stage.count("workunit WHERE need_validate <> 0").await, 0, "{}", ended.log);
    assert_eq!(stage.count("workunit WHERE name LIKE 'wu%' AND canonical_resultid > 0").await, honest);
    for (n, (what, _)) in TRAPS.iter().enumerate() {
        let row = stage
            .db
            .row(
                "SELECT w.canonical_resultid AS canonical, r.outcome, r.validate_state AS state, r.granted_credit AS credit, r.id
                 FROM workunit w JOIN result r ON r.workunitid = w.id WHERE r.name = ?",
                &[format!("trap_{n}_1").into()],
            )
            .await
            .unwrap();
        assert_eq!(row.i64("canonical").unwrap(), 0, "{what}");
        assert_eq!(row.f64("credit").unwrap(), 0.0, "{what}");
        // Either it can't be read (validate error) or it agrees with nobody (inconclusive).
        let verdict = (row.i64("outcome").unwrap(), row.i64("state").unwrap());
        assert!([(6, 2), (1, 4)].contains(&verdict), "{what}: {verdict:?}");
        if verdict == (6, 2) {
            let named = format!("result={}", row.i64("id").unwrap());
            assert!(ended.log.contains(&named), "{what}: no reason for {named} in\n{}", ended.log);
        }
    }
    assert_eq!(stage.count("result WHERE name LIKE 'doc%' AND outcome = 6 AND validate_state = 2").await, 6);
    assert!(!ended.log.contains("root:"), "{}", ended.log);
    balance(&mut stage).await;
    stage.audit().await;
}

#[tokio::test]
async fn hostile_outputs_are_not_assimilated_and_the_rest_is() {
    let mut stage = Stage::new("assimilate").await;
    Backlog { workunits: 9, claims: 0 }.fill(&mut stage).await;
    crate::backlog::validated(&mut stage).await;
    // Swapped after validation: by then nothing vouches for them.
    let traps: Vec<&Trap> = TRAPS
        .iter()
        .filter(|(what, _)| what.starts_with("a link") || what.ends_with("folder") || what.ends_with("pipe"))
        .collect();
    assert_eq!(traps.len(), 5);
    for (n, (_, trap)) in traps.iter().enumerate() {
        let sql =
            "SELECT xml_doc_in FROM result r JOIN workunit w ON w.canonical_resultid = r.id WHERE w.id = ?";
        let row = stage.db.row(sql, &[(n + 1).into()]).await.unwrap();
        let path = stage.project.upload_path(&output_name(&row.text("xml_doc_in").unwrap())).unwrap();
        std::fs::remove_file(&path).unwrap();
        trap(&path);
    }
    let ended = stage.start("cobblestone-assimilator", "--app theory --one_pass").end().await.with(0);
    assert_eq!(stage.count("workunit WHERE assimilate_state = 2").await, 4, "{}", ended.log);
    assert_eq!(stage.count("cobblestone_quarantine WHERE daemon = 'assimilator' AND reason <> ''").await, 5);
    dataset::is_complete(&mut stage).await;
}

/// Rows of the database that make no sense are set aside, named, and hold nobody up.
#[tokio::test]
async fn rows_that_make_no_sense_are_set_aside() {
    let mut stage = Stage::new("rows").await;
    Backlog { workunits: 9, claims: 2 }.fill(&mut stage).await;
    stage.run("UPDATE result SET outcome = 77 WHERE workunitid = 2", &[]).await;
    stage.run("UPDATE result SET server_state = -1 WHERE workunitid = 3", &[]).await;
    for program in ["cobblestone-trickle-credit", "cobblestone-validator", "cobblestone-assimilator"] {
        let line = "--app theory --one_pass";
        stage.start(program, line).end().await.with(0);
    }
    assert_eq!(stage.count("workunit WHERE canonical_resultid > 0 AND assimilate_state = 2").await, 7);
    assert_eq!(stage.count("msg_from_host WHERE handled = 0").await, 0);
    let set_aside =
        "cobblestone_quarantine WHERE daemon = 'validator' AND refid IN (2, 3) AND reason LIKE '%result%'";
    assert_eq!(stage.count(set_aside).await, 2);
    balance(&mut stage).await;
    stage.audit().await;
}

/// A fleet with every trouble in it, its messages all at once.
#[tokio::test]
async fn a_troubled_fleets_week_is_accounted_for() {
    let mut stage = Stage::new("week").await;
    let mut now = NOW - 400_000.0;
    stage.project.set_clock(SimClock::frozen(now)).await.unwrap();
    stage.project.make_workunits("week", 12).await.unwrap();
    let options = FleetOptions { hosts: 20, users: 16, ..FleetOptions::default() };
    let mut transitioner = sandbox::Transitioner::new(&stage.project, 3).await.unwrap();
    let mut fleet = Fleet::new(&stage.project, options).await.unwrap();
    while now < NOW {
        transitioner.pass(now).await.unwrap();
        fleet.step(now).await.unwrap();
        now += 1200.0;
    }
    stage.project.set_clock(SimClock::frozen(now)).await.unwrap();
    let messages = stage.count("msg_from_host").await;
    assert!(messages > 200, "{messages}");
    for program in ["cobblestone-trickle-credit", "cobblestone-validator", "cobblestone-assimilator"] {
        stage.one_pass(program, "").await;
    }
    let unhandled = stage.count("msg_from_host WHERE handled = 0 AND variety = 'cpu_time'").await;
    assert_eq!(unhandled, 0);
    balance(&mut stage).await;
    stage.audit().await;
}
