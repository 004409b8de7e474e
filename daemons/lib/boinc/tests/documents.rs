//! Configuration, result documents and trickles: real samples, hostile ones, and any bytes.
#![allow(clippy::unwrap_used, reason = "a test that can't go on shall fail")]

use std::path::Path;

use boinc::config::{ConfigError, DbHost, ProjectConfig};
use boinc::id::AppId;
use boinc::input_template::{Download, InputFile, JobDescription, KnownFiles, new_workunit};
use boinc::output_template;
use boinc::result_doc::{DocError, client_message, output_files, stderr_text, uploaded_files};
use boinc::trickle::{ClaimError, MAX_BYTES, MAX_MESSAGE, Trickle, TrickleError};
use proptest::prelude::*;
use serde_json::Value;

const CONFIG: &str = include_str!("data/config.xml");

fn rows(text: &str) -> Vec<Value> {
    serde_json::from_str(text).unwrap()
}

fn results() -> Vec<Value> {
    rows(include_str!("data/results.json"))
}

fn trickles() -> Vec<Value> {
    rows(include_str!("data/trickles.json"))
}

// config.xml

#[test]
fn a_config_as_make_project_writes_it() {
    let config = ProjectConfig::parse(CONFIG).unwrap();
    assert_eq!(config.db_name, "t4t");
    assert_eq!(config.db_user, "root");
    assert_eq!(config.db_passwd.expose(), "");
    assert_eq!(config.db_host, DbHost::Tcp { host: "localhost".into(), port: None });
    assert_eq!(config.replica, None);
    assert_eq!(config.download_dir, Path::new("PROJECT/download"));
    assert_eq!(config.download_url, "http://127.0.0.1:8080/t4t/download");
    assert_eq!(config.upload_dir, Path::new("PROJECT/upload"));
    assert_eq!(config.upload_url, "http://127.0.0.1:8080/t4t_cgi/file_upload_handler");
    assert_eq!(config.uldl_dir_fanout, 1024);
    assert!(config.cache_md5_info);
    assert_eq!(config.daily_result_quota, 500);
    assert!(!config.one_result_per_user_per_wu && !config.credit_by_app && !config.msg_to_host);
    assert_eq!(config.long_name, "Test4Theory");
    assert_eq!(config.master_url, "http://127.0.0.1:8080/t4t/");
    assert_eq!(config.key_dir.as_deref(), Some(Path::new("PROJECT/keys/")));
    assert_eq!(config.log_dir.as_deref(), Some(Path::new("PROJECT/log_localhost")));
    assert_eq!(config.cobblestone_sandbox, None);
    assert_eq!(config.daemons.len(), 6);
    assert_eq!(config.daemons[3].cmd, "sample_work_generator -d 3 --app example_app");
    assert!(!config.daemons[3].disabled);
}

fn with(more: &str) -> Result<ProjectConfig, ConfigError> {
    ProjectConfig::parse(&CONFIG.replacen("</config>", &format!("{more}</config>"), 1))
}

#[test]
fn booleans_hosts_and_replicas() {
    let config = with("<credit_by_app/><msg_to_host> 1 </msg_to_host><debug_credit></debug_credit><cache_md5_info>0</cache_md5_info>").unwrap();
    assert!(config.credit_by_app && config.msg_to_host && config.debug_credit && !config.cache_md5_info);
    let host = |text: &str| with(&format!("<db_host>{text}</db_host>")).map(|config| config.db_host);
    let tcp = |host: &str, port| DbHost::Tcp { host: host.into(), port };
    assert_eq!(host(" db.example:3307\n").unwrap(), tcp("db.example", Some(3307)));
    assert_eq!(host("/run/mysqld/mysqld.sock").unwrap(), DbHost::Socket("/run/mysqld/mysqld.sock".into()));
    assert_eq!(host("[::1]:3307").unwrap(), tcp("::1", Some(3307)));
    assert_eq!(host("::1").unwrap(), tcp("::1", None));
    assert_eq!(host("").unwrap(), DbHost::Local);
    for bad in ["db:", "db:x", "db:0", "db:70000", ":3306", "[::1]3306"] {
        assert!(host(bad).is_err(), "{bad}");
    }
    let replica = with("<db_passwd>a&amp;b</db_passwd><replica_db_host>r:1</replica_db_host>")
        .unwrap()
        .replica
        .unwrap();
    assert_eq!((replica.name.as_str(), replica.user.as_str()), ("t4t", "root"));
    assert_eq!(replica.passwd.expose(), "a&b");
    assert_eq!(replica.host, tcp("r", Some(1)));
    assert!(!format!("{replica:?}").contains("a&b"), "a password must not be logged");
}

#[test]
fn the_sandbox_token_can_not_be_empty() {
    let token = |text: &str| with(text).map(|config| config.cobblestone_sandbox);
    assert_eq!(token("<cobblestone_sandbox> T1 </cobblestone_sandbox>").unwrap().as_deref(), Some("T1"));
    assert!(token("<cobblestone_sandbox/>").is_err());
    assert!(token("<cobblestone_sandbox> </cobblestone_sandbox>").is_err());
}

#[test]
fn what_is_missing_or_wrong_is_named() {
    for element in ["db_name", "db_user", "download_dir", "download_url", "upload_dir", "upload_url"] {
        let without =
            CONFIG.replace(&format!("<{element}>"), "<other>").replace(&format!("</{element}>"), "</other>");
        let message = ProjectConfig::parse(&without).unwrap_err().to_string();
        assert!(message.starts_with(&format!("config.xml has no <{element}>; add it (")), "{message}");
    }
    let message = |more: &str| with(more).unwrap_err().to_string();
    assert_eq!(
        message("<credit_by_app>yes</credit_by_app>"),
        "config.xml: <credit_by_app> is \"yes\", but must be 0, 1 or empty (true); change it"
    );
    assert!(message("<uldl_dir_fanout>-1</uldl_dir_fanout>").contains("<uldl_dir_fanout> is \"-1\""));
    assert_eq!(
        ProjectConfig::parse("<boinc><config>").unwrap_err().to_string(),
        "config.xml can't be read: ends inside <config>: cut off?; mend it"
    );
    assert!(ProjectConfig::parse("").unwrap_err().to_string().contains("<boinc>"));
    let message = ProjectConfig::read(Path::new("/nonexistent/config.xml")).unwrap_err().to_string();
    assert!(message.contains("/nonexistent/config.xml"), "{message}");
}

#[test]
fn daemons_and_defaults() {
    let config = ProjectConfig::parse(
        "<boinc><config><db_name>d</db_name><db_user>u</db_user><download_dir>a</download_dir>\
         <download_url>b?x=1&y=2</download_url><upload_dir>c</upload_dir><upload_url>e</upload_url></config>\
         <daemons><daemon><cmd>cobblestone-validator --app &quot;a&quot;</cmd><output>v2.out</output>\
         <pid_file>v2.pid</pid_file><disabled>1</disabled><host>h2</host></daemon></daemons></boinc>",
    )
    .unwrap();
    assert_eq!(config.download_url, "b?x=1&y=2");
    assert_eq!((config.uldl_dir_fanout, config.daily_result_quota), (0, 0));
    assert_eq!(config.db_host, DbHost::Local);
    let daemon = &config.daemons[0];
    assert_eq!(daemon.cmd, "cobblestone-validator --app \"a\"");
    assert_eq!(daemon.output.as_deref(), Some("v2.out"));
    assert_eq!(daemon.pid_file.as_deref(), Some("v2.pid"));
    assert_eq!(daemon.host.as_deref(), Some("h2"));
    assert!(daemon.disabled);
}

// Templates of the real run

#[test]
fn the_input_template_of_the_real_run() {
    let mut files = KnownFiles::default();
    files.add("in_common", "b1946ac92492d2347c6235b4d2611184", 6);
    let job = JobDescription {
        name: "theory_1".into(),
        command_line: "--seconds 36 --trickle 6 --seed 1 ".into(),
        result_template_file: "templates/vm_out".into(),
        input_files: vec![InputFile::staged("in_common")],
        ..JobDescription::default()
    };
    let config = ProjectConfig::parse(CONFIG).unwrap();
    let created =
        new_workunit(include_bytes!("data/vm_in"), &job, AppId(1), 1, Download::from(&config), &mut files)
            .unwrap();
    assert_eq!(
        String::from_utf8(created.workunit.xml_doc).unwrap(),
        "<file_info>\n    <name>in_common</name>\n    <url>http://127.0.0.1:8080/t4t/download/2ab/in_common</url>\n    \
         <md5_cksum>b1946ac92492d2347c6235b4d2611184</md5_cksum>\n    <nbytes>6</nbytes>\n</file_info>\n<workunit>\n\
         <command_line>\n--seconds 36 --trickle 6 --seed 1 \n</command_line>\n<file_ref>\n    \
         <file_name>in_common</file_name>\n    <open_name>in</open_name>\n</file_ref>\n</workunit>"
    );
}

// Result documents

#[test]
fn documents_of_real_results() {
    for result in results() {
        let text = |column: &str| result[column].as_str().unwrap().to_owned();
        let files = output_files(text("xml_doc_in").as_bytes()).unwrap();
        assert_eq!(files.len(), 1);
        assert!(files[0].physical_name.starts_with(&format!("{}_r", text("name"))));
        assert_eq!(files[0].open_name, "out");
        assert!(!files[0].optional && !files[0].no_validate);
        assert_eq!(files[0].max_nbytes, Some(5_000_000));
        let uploaded = uploaded_files(text("xml_doc_out").as_bytes()).unwrap();
        assert_eq!(uploaded.len(), 1);
        assert_eq!(uploaded[0].name, files[0].physical_name);
        assert!(uploaded[0].nbytes.unwrap() > 4000);
        assert_eq!(uploaded[0].max_nbytes, Some(5_000_000));
        assert_eq!(uploaded[0].md5_cksum.as_ref().unwrap().len(), 32);
        let stderr = text("stderr_out");
        let shown = stderr_text(stderr.as_bytes());
        assert!(shown.starts_with("VM elapsed") && shown.ends_with("called boinc_finish(0)"), "{shown}");
        assert_eq!(client_message(stderr.as_bytes()), None);
    }
}

#[test]
fn output_files_in_the_order_of_the_refs() {
    let document = b"<file_info><name>r_1</name><max_nbytes>10</max_nbytes></file_info>\
        <file_info><name>r_0</name><url>http://u?a=1&b=2</url></file_info>\
        <result><file_ref><file_name>r_0</file_name><open_name>a/b.root</open_name><optional/></file_ref>\
        <file_ref><file_name> r_1 </file_name><open_name>b</open_name><no_validate>1</no_validate><optional>0</optional></file_ref></result>";
    let files = output_files(document).unwrap();
    assert_eq!((files[0].physical_name.as_str(), files[0].open_name.as_str()), ("r_0", "a/b.root"));
    assert_eq!((files[0].optional, files[0].no_validate, files[0].max_nbytes), (true, false, None));
    assert_eq!((files[1].optional, files[1].no_validate, files[1].max_nbytes), (false, true, Some(10)));
    assert_eq!(output_files(b"<result></result>").unwrap(), []);
    assert_eq!(output_files(b"").unwrap(), []);
}

#[test]
fn hostile_result_documents_are_refused() {
    let file_ref =
        |name: &str| format!("<file_ref><file_name>{name}</file_name><open_name>o</open_name></file_ref>");
    for bad in ["../../etc/passwd", "/etc/passwd", "..", "a&#10;b", "a/b"] {
        assert!(matches!(output_files(file_ref(bad).as_bytes()), Err(DocError::Name { .. })), "{bad}");
        let info = format!("<file_info><name>{bad}</name></file_info>");
        assert!(matches!(uploaded_files(info.as_bytes()), Err(DocError::Name { .. })), "{bad}");
    }
    assert!(matches!(output_files(file_ref("").as_bytes()), Err(DocError::Missing { .. })));
    assert!(output_files(b"<file_ref><file_name>x</file_name>").is_err());
    let info =
        |inside: &str| uploaded_files(format!("<file_info><name>n</name>{inside}</file_info>").as_bytes());
    assert!(matches!(info("<name>m</name>"), Err(DocError::Repeated { element: "name" })));
    for bad in ["nan", "inf", "-1", "1e300", "x", ""] {
        assert!(matches!(info(&format!("<nbytes>{bad}</nbytes>")), Err(DocError::Value { .. })), "{bad}");
    }
    assert!(matches!(info("<md5_cksum>zz</md5_cksum>"), Err(DocError::Value { .. })));
    assert!(uploaded_files(b"<!DOCTYPE a><file_info/>").is_err());
}

#[test]
fn stderr_of_all_kinds() {
    let failed = b"<core_client_version>7.20.5</core_client_version>\n<![CDATA[\n<message>\nprocess exited with code 1\n</message>\n\
        <stderr_txt>\nbad \xff byte ]]> more\n</stderr_txt>\n]]>\n";
    assert_eq!(stderr_text(failed), "bad \u{fffd} byte ]]> more");
    assert_eq!(client_message(failed).unwrap(), "process exited with code 1");
    assert_eq!(stderr_text(b"<![CDATA[<message>aborted</message>]]>"), "<message>aborted</message>");
    assert_eq!(stderr_text(b"<![CDATA[\n<stderr_txt>\ncut off"), "cut off");
    assert_eq!(stderr_text(b"plain"), "plain");
    assert_eq!(stderr_text(b""), "");
}

// Trickles

#[test]
fn real_trickles() {
    for message in trickles() {
        let xml = message["xml"].as_str().unwrap();
        let trickle = Trickle::parse(xml.as_bytes()).unwrap();
        assert!(trickle.result_name.starts_with("theory_"));
        assert!(trickle.time > 1_795_160_000);
        let claim = trickle.claim("cpu_time").unwrap();
        assert!((1.0..=36.0).contains(&claim), "{claim}");
        assert_eq!(trickle.leaves.len(), 1);
    }
}

fn message(body: &str) -> String {
    format!("\n      <result_name>r_0</result_name>\n      <time>12</time>\n{body}\n")
}

#[test]
fn claims() {
    let claim = |body: &str| Trickle::parse(message(body).as_bytes()).unwrap().claim("c");
    assert_eq!(claim("<c> 6.5 </c>"), Ok(6.5));
    assert_eq!(claim("<c>6</c><c>6.0</c>"), Ok(6.0));
    assert_eq!(claim("<a><c><![CDATA[7]]></c></a>"), Ok(7.0));
    assert!(claim("<c>-0</c>").unwrap().is_sign_positive());
    assert!(matches!(claim("free text"), Err(ClaimError::Missing { .. })));
    assert!(matches!(claim("<c/>"), Err(ClaimError::NotANumber { .. })));
    assert!(matches!(claim("<c>6,5</c>"), Err(ClaimError::NotANumber { .. })));
    assert!(matches!(claim("<c>nan</c>"), Err(ClaimError::NotFinite { .. })));
    assert!(matches!(claim("<c>1e999</c>"), Err(ClaimError::NotFinite { .. })));
    assert!(matches!(claim("<c>-1</c>"), Err(ClaimError::Negative { .. })));
    assert!(matches!(claim("<c>1</c><c>2</c>"), Err(ClaimError::Repeated { .. })));
    assert!(matches!(claim("<c>1</c><c>x</c>"), Err(ClaimError::NotANumber { .. })));
    let error = claim("<c>&#x9b;[2J</c>").unwrap_err();
    assert_eq!(error.to_string(), "<c> is \"\\u{9b}[2J\", which is not a number");
}

#[test]
fn messages_that_can_not_be_used() {
    let parse = |text: &str| Trickle::parse(text.as_bytes()).unwrap_err();
    assert_eq!(parse("").to_string(), "message has no <result_name>");
    assert_eq!(parse("<result_name>r</result_name>").to_string(), "message has no <time>");
    assert_eq!(
        parse("<result_name> </result_name><time>1</time>"),
        TrickleError::Missing { element: "result_name" }
    );
    assert!(matches!(parse(&message("<result_name>other</result_name>")), TrickleError::Repeated { .. }));
    assert!(matches!(parse("<result_name>a/b</result_name><time>1</time>"), TrickleError::Name(_)));
    assert!(matches!(parse("<result_name>r</result_name><time>soon</time>"), TrickleError::Time { .. }));
    assert!(parse(&message("<c>1")).to_string().contains("cut off?"));
    assert!(parse(&message("<c>1\0</c>")).to_string().contains("forbidden character 0x00"));
    assert!(parse(&message(&"<a>".repeat(17))).to_string().contains("more than 16 elements inside"));
    assert!(parse(&message(&"<a/>".repeat(1001))).to_string().contains("more than 1000 elements"));
    assert!(parse(&message(&" ".repeat(MAX_BYTES))).to_string().contains("at most 262144 are accepted"));
    let bomb = "<!DOCTYPE l [<!ENTITY a \"lol\"><!ENTITY b \"&a;&a;&a;\">]>";
    assert!(parse(&message(&format!("{bomb}<c>&b;</c>"))).to_string().contains("document type"));
    assert!(parse(&message("<c>&b;</c>")).to_string().contains("unknown entity &b;"));
    assert!(Trickle::parse(b"<c>\xff</c>").unwrap_err().to_string().contains("not UTF-8 at byte 3"));
}

/// Bytes of a sample, changed in some places and perhaps cut.
fn mutated(samples: Vec<Vec<u8>>) -> impl Strategy<Value = Vec<u8>> {
    let change = (any::<prop::sample::Index>(), any::<u8>(), 0..3_u8);
    let cut = prop::option::of(any::<prop::sample::Index>());
    (0..samples.len(), prop::collection::vec(change, 0..6), cut).prop_map(move |(number, changes, cut)| {
        let mut bytes = samples[number].clone();
        for (at, byte, kind) in changes {
            let at = at.index(bytes.len());
            match kind {
                0 => bytes[at] = byte,
                1 => drop(bytes.remove(at)),
                _ => bytes.insert(at, *b"<>/&;\0 x![".get(usize::from(byte)).unwrap_or(&byte)),
            }
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        bytes
    })
}

fn column(rows: &[Value], name: &str) -> Vec<Vec<u8>> {
    rows.iter().map(|row| row[name].as_str().unwrap().as_bytes().to_vec()).collect()
}

fn short_and_printable(message: &str) -> Result<(), TestCaseError> {
    prop_assert!(message.chars().count() <= MAX_MESSAGE, "{} characters: {message}", message.chars().count());
    prop_assert!(!message.chars().any(char::is_control), "{message:?}");
    Ok(())
}

fn any_trickle(bytes: &[u8]) -> Result<(), TestCaseError> {
    match Trickle::parse(bytes) {
        Err(error) => short_and_printable(&error.to_string()),
        Ok(trickle) => {
            prop_assert!(!trickle.result_name.chars().any(char::is_control));
            let mut names = vec!["cpu_time".to_owned()];
            names.extend(trickle.leaves.iter().map(|leaf| leaf.name.clone()));
            for name in names {
                match trickle.claim(&name) {
                    Ok(value) => prop_assert!(value.is_finite() && value >= 0.0),
                    Err(error) => short_and_printable(&error.to_string())?,
                }
            }
            Ok(())
        }
    }
}

fn any_result_document(bytes: &[u8]) -> Result<(), TestCaseError> {
    let root = Path::new("/upload");
    match output_files(bytes) {
        Ok(files) => {
            for file in files {
                prop_assert!(boinc::hierarchy::path_in(root, &file.physical_name, 1024).is_ok());
            }
        }
        Err(error) => short_and_printable(&error.to_string())?,
    }
    match uploaded_files(bytes) {
        Ok(files) => {
            for file in files {
                prop_assert!(boinc::hierarchy::path_in(root, &file.name, 1024).is_ok());
            }
        }
        Err(error) => short_and_printable(&error.to_string())?,
    }
    let _ = stderr_text(bytes);
    let _ = client_message(bytes);
    Ok(())
}

proptest! {
    #[test]
    fn mutated_trickles(bytes in mutated(column(&trickles(), "xml"))) {
        any_trickle(&bytes)?;
    }

    #[test]
    fn claims_round_trip(name in "[a-z]{1,10}", value in 0.0_f64..1e300, time in any::<i64>(), result in "[^/\\p{C}\\s&<>]{1,40}") {
        prop_assume!(result != "." && result != "..");
        let text = format!("<result_name>{result}</result_name><time>{time}</time><x_{name}>{value}</x_{name}>");
        let trickle = Trickle::parse(text.as_bytes()).unwrap();
        prop_assert_eq!(&trickle.result_name, &result);
        prop_assert_eq!(trickle.time, time);
        prop_assert_eq!(trickle.claim(&format!("x_{name}")), Ok(value));
    }

    #[test]
    fn numbers_of_any_size_make_short_errors(first in any::<f64>(), second in any::<f64>()) {
        any_trickle(message(&format!("<c>{first}</c>")).as_bytes())?;
        any_trickle(message(&format!("<c>{first}</c><c>{second:e}</c>")).as_bytes())?;
    }

    #[test]
    fn long_hostile_texts_make_short_errors(name in "\\PC{0,400}", text in any::<String>()) {
        any_trickle(format!("<result_name>{name}</result_name><time>{text}</time>").as_bytes())?;
        any_trickle(format!("<result_name>r</result_name><time>1</time><{name}>{text}</{name}>").as_bytes())?;
        any_trickle(format!("<result_name>r</result_name><time>1</time><c><{name}>{text}").as_bytes())?;
        any_result_document(format!("<file_info><name>{name}</name><nbytes>{text}</nbytes></file_info>").as_bytes())?;
    }

    #[test]
    fn mutated_result_documents(
        bytes in prop_oneof![
            mutated(column(&results(), "xml_doc_in")),
            mutated(column(&results(), "xml_doc_out")),
            mutated(column(&results(), "stderr_out")),
        ],
    ) {
        any_result_document(&bytes)?;
    }

    #[test]
    fn any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        any_trickle(&bytes)?;
        any_result_document(&bytes)?;
        let _ = ProjectConfig::parse(&String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn mutated_configs(bytes in mutated(vec![CONFIG.as_bytes().to_vec()])) {
        let _ = ProjectConfig::parse(&String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn what_the_transitioner_expands_is_read_back(workunit in "[a-zA-Z0-9_.-]{1,40}", number in 0_u32..100, random in 0_u32..1 << 31) {
        let base = output_template::output_base(&output_template::result_name(&workunit, number), random);
        let document = output_template::expand(include_str!("data/vm_out"), &base, "http://u?a=1&b=2").unwrap();
        let files = output_files(document.as_bytes()).unwrap();
        prop_assert_eq!(files[0].physical_name.clone(), format!("{base}0"));
    }
}
