//! A project with its stand-ins, without daemons: what they would find in the database and in the folders.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::collections::BTreeMap;

use sandbox::fleet::{FleetOptions, HostShares, ResultShares, TrickleShares};
use sandbox::{Behaviour, Fate, Project, ProjectOptions, SimClock, TestProject, World};
use store::sql::Connection;

const START: f64 = 1_800_000_000.0;

fn options() -> ProjectOptions {
    ProjectOptions { clock: Some(SimClock::frozen(START)), ..ProjectOptions::default() }
}

async fn count(connection: &mut Connection, sql: &str) -> i64 {
    connection.row(&format!("SELECT COUNT(*) AS n FROM {sql}"), &[]).await.unwrap().i64("n").unwrap()
}

/// Steps through `days` of simulated time, ten minutes at a time.
async fn live(world: &mut World, from: f64, days: u32) -> f64 {
    let mut now = from;
    for _ in 0..days * 144 {
        now += 600.0;
        world.step_at(now).await.unwrap();
    }
    now
}

#[tokio::test]
async fn an_honest_fleet_brings_every_workunit_to_the_validator() {
    let project = TestProject::new("honest", options()).await.unwrap();
    project.make_workunits("honest", 8).await.unwrap();
    let fleet = FleetOptions { hosts: 12, users: 10, ..FleetOptions::honest() };
    let mut world = World::new(&project, fleet).await.unwrap();
    live(&mut world, START, 3).await;

    let mut connection = project.connect().await.unwrap();
    assert_eq!(count(&mut connection, "workunit WHERE need_validate = 1 AND error_mask = 0").await, 8);
    assert_eq!(count(&mut connection, "result WHERE server_state = 5 AND outcome = 1").await, 16);
    assert_eq!(count(&mut connection, "result").await, 16);
    // Nobody has two results of a workunit, and everybody who was sent one has a host_app_version row.
    assert_eq!(count(&mut connection, "(SELECT DISTINCT workunitid, userid FROM result) d").await, 16);
    let without = "result r LEFT JOIN host_app_version h ON h.host_id = r.hostid AND h.app_version_id = r.app_version_id
                   WHERE h.host_id IS NULL";
    assert_eq!(count(&mut connection, without).await, 0);

    // Every message is a claim below what the wall clock and the report allow.
    let messages = connection
        .rows("SELECT hostid, create_time, CAST(xml AS CHAR) AS xml FROM msg_from_host", &[])
        .await
        .unwrap();
    assert_eq!(u64::try_from(messages.len()).unwrap(), world.books().messages());
    assert_eq!(world.books().trickles.keys().collect::<Vec<_>>(), [&Fate::NewUptime]);
    assert!(messages.len() > 16 * 20, "{}", messages.len());
    let runs: BTreeMap<&str, _> = world.books().runs.iter().map(|run| (run.name.as_str(), run)).collect();
    for message in messages {
        let xml = message.text("xml").unwrap();
        let between = |a: &str, b: &str| xml.split_once(a).unwrap().1.split_once(b).unwrap().0.to_owned();
        let run = runs[between("<result_name>", "<").as_str()];
        let claim: f64 = between("<cpu_time>", "<").parse().unwrap();
        assert_eq!(i64::from(run.hostid), message.i64("hostid").unwrap());
        assert!(claim <= message.f64("create_time").unwrap() - run.sent + 1.0);
        assert!(claim < run.ran_seconds);
    }

    // Outputs lie where the result's document says, and agree as honest machines' outputs do.
    let rows = connection.rows("SELECT id, CAST(xml_doc_in AS CHAR) AS doc, elapsed_time, received_time, sent_time, workunitid FROM result ORDER BY workunitid", &[]).await.unwrap();
    let mut outputs: BTreeMap<i64, Vec<String>> = BTreeMap::new();
    for row in rows {
        let doc = row.text("doc").unwrap();
        let name = doc.split_once("<file_name>").unwrap().1.split_once('<').unwrap().0;
        let path = project.upload_path(name).unwrap();
        outputs
            .entry(row.i64("workunitid").unwrap())
            .or_default()
            .push(std::fs::read_to_string(path).unwrap());
        let wall = row.f64("received_time").unwrap() - row.f64("sent_time").unwrap();
        let elapsed = row.f64("elapsed_time").unwrap();
        assert!(elapsed <= wall && (elapsed - 86_400.0).abs() < 1.0, "{elapsed} in {wall}");
    }
    for pair in outputs.values() {
        let numbers =
            |text: &str| text.split_whitespace().map(|w| w.parse::<f64>().unwrap()).collect::<Vec<_>>();
        for (a, b) in numbers(&pair[0]).iter().zip(numbers(&pair[1])) {
            assert!((a - b).abs() <= sandbox::science::TOLERANCE * a.abs().max(b.abs()));
        }
    }
}

#[tokio::test]
async fn a_fleet_with_every_trouble_in_it() {
    let project = TestProject::new("trouble", options()).await.unwrap();
    project.make_workunits("trouble", 40).await.unwrap();
    let fleet = FleetOptions {
        hosts: 40,
        users: 30,
        hosts_of_kind: HostShares {
            wrong: 0.1,
            crashing: 0.15,
            overclaiming: 0.15,
            unmeasured: 0.2,
            anonymous: 0.2,
            skewed: 0.2,
        },
        results: ResultShares { crash: 0.1, vanish: 0.2, restart: 0.3, pause: 0.5 },
        trickles: TrickleShares { out_of_order: 0.2, repeated: 0.1, after_report: 0.2, malformed: 0.1 },
        ..FleetOptions::default()
    };
    let mut world = World::new(&project, fleet).await.unwrap();
    live(&mut world, START, 7).await;
    let mut connection = project.connect().await.unwrap();

    let books = world.books();
    assert_eq!(u64::try_from(count(&mut connection, "msg_from_host").await).unwrap(), books.messages());
    for fate in [
        Fate::NewUptime,
        Fate::OverClaim,
        Fate::Repeated,
        Fate::Overtaken,
        Fate::StepBack,
        Fate::AfterReport,
        Fate::BrokenXml,
        Fate::UnknownResult,
        Fate::ForeignResult,
        Fate::AbsurdNumber,
        Fate::Empty,
        Fate::InvalidBytes,
    ] {
        assert!(books.trickles.contains_key(&fate), "{fate:?} in {:?}", books.trickles);
    }
    let results = books.results();
    for behaviour in [
        Behaviour::Good,
        Behaviour::Restarted,
        Behaviour::Wrong,
        Behaviour::Crashed,
        Behaviour::Vanished,
        Behaviour::Late,
        Behaviour::OverClaimed,
    ] {
        assert!(results.contains_key(&behaviour), "{behaviour:?} in {results:?}");
    }
    // Crashes and time-outs were replaced, and late reports taken.
    let outcome = |outcome: i32| format!("result WHERE server_state = 5 AND outcome = {outcome}");
    assert!(count(&mut connection, &outcome(3)).await > 0);
    assert!(count(&mut connection, &outcome(4)).await > 0);
    assert!(count(&mut connection, "result").await > 80);
    let late = "result WHERE outcome = 1 AND received_time > report_deadline AND report_deadline > 0";
    assert!(count(&mut connection, late).await > 0);
    assert!(count(&mut connection, "result WHERE app_version_id = -2").await > 0);
    assert!(count(&mut connection, "host_app_version WHERE app_version_id = 1000002").await > 0);
    assert!(count(&mut connection, "result WHERE flops_estimate = 1e9").await > 0);
    // A cheat's report is cut to the wall clock, as the scheduler does it.
    assert_eq!(
        count(&mut connection, "result WHERE received_time > 0 AND elapsed_time > received_time - sent_time")
            .await,
        0
    );
    for run in books.runs.iter().filter(|run| run.behaviour == Behaviour::OverClaimed) {
        assert!(run.ran_seconds <= 43_201.0);
    }
}

#[tokio::test]
async fn the_same_seed_makes_the_same_choices() {
    let mut all = Vec::new();
    for _ in 0..2 {
        let project = TestProject::new("seed", options()).await.unwrap();
        project.make_workunits("seed", 6).await.unwrap();
        let fleet = FleetOptions { hosts: 8, users: 8, seed: 7, ..FleetOptions::default() };
        let mut world = World::new(&project, fleet).await.unwrap();
        live(&mut world, START, 2).await;
        all.push((world.books().runs.clone(), world.books().trickles.clone()));
    }
    assert_eq!(all[0], all[1]);
}

#[tokio::test]
async fn a_project_has_both_keys_of_the_sandbox_or_none() {
    let with = TestProject::new("keys", options()).await.unwrap();
    let config = std::fs::read_to_string(with.path("config.xml")).unwrap();
    let token = config.split_once("<cobblestone_sandbox>").unwrap().1.split_once('<').unwrap().0.to_owned();
    let mut connection = with.connect().await.unwrap();
    let row =
        connection.row("SELECT token, sim_epoch, rate FROM cobblestone_sandbox_clock", &[]).await.unwrap();
    assert_eq!(row.text("token").unwrap(), token);
    assert_eq!((row.f64("sim_epoch").unwrap(), row.f64("rate").unwrap()), (START, 0.0));

    let without = TestProject::new("nokeys", ProjectOptions::default()).await.unwrap();
    let config = std::fs::read_to_string(without.path("config.xml")).unwrap();
    assert!(!config.contains("cobblestone_sandbox"));
    let mut connection = without.connect().await.unwrap();
    assert!(connection.rows("SHOW TABLES LIKE 'cobblestone%'", &[]).await.unwrap().is_empty());
    // What daemons read is what was meant.
    let config = boinc::config::ProjectConfig::read(&with.path("config.xml")).unwrap();
    assert_eq!(config.cobblestone_sandbox, Some(token));
    assert_eq!(store::DbUrl::from_config(&config, store::Tls::Off), *with.url());
    assert_eq!(config.upload_dir, with.path("upload"));
    assert_eq!((config.uldl_dir_fanout, config.daily_result_quota), (1024, 500));
    assert!(config.one_result_per_user_per_wu && !config.credit_by_app && !config.msg_to_host);
    let programs: Vec<_> =
        config.daemons.iter().map(|d| d.cmd.split_once(' ').unwrap().0.to_owned()).collect();
    assert_eq!(
        programs,
        [
            "cobblestone-work-generator",
            "cobblestone-trickle-credit",
            "cobblestone-validator",
            "cobblestone-assimilator"
        ]
    );
    let tcp =
        TestProject::new("tcp", ProjectOptions { tcp: true, msg_to_host: true, ..options() }).await.unwrap();
    let config = boinc::config::ProjectConfig::read(&tcp.path("config.xml")).unwrap();
    let url = store::DbUrl::from_config(&config, store::Tls::Off);
    assert!(url.port.is_some() && url.socket.is_none() && config.msg_to_host);
    Connection::open(&url).await.unwrap();
    // A folder is used once.
    assert!(Project::create(without.dir(), without.url(), ProjectOptions::default()).await.is_err());
}

#[tokio::test]
async fn the_recorded_run_is_as_it_was() {
    let mut project = TestProject::new("sample", ProjectOptions::sample()).await.unwrap();
    project.load_sample().await.unwrap();
    let mut connection = project.connect().await.unwrap();
    assert_eq!(count(&mut connection, "workunit WHERE need_validate = 1").await, 6);
    assert_eq!(count(&mut connection, "result WHERE server_state = 5 AND outcome = 1").await, 12);
    assert_eq!(count(&mut connection, "msg_from_host WHERE handled = 0").await, 59);
    assert_eq!(project.appid().0, 1);
    let xml =
        connection.row("SELECT xml FROM msg_from_host WHERE id = 1", &[]).await.unwrap().text("xml").unwrap();
    assert_eq!(
        xml,
        "\n      <result_name>theory_1_1</result_name>\n      <time>1795161124</time>\n<cpu_time>6.000000</cpu_time>\n"
    );
    assert!(project.upload_path("theory_2_1_r260175285_0").unwrap().ends_with("15c/theory_2_1_r260175285_0"));
    let upload = project.upload_path("theory_2_1_r260175285_0").unwrap();
    assert!(upload.is_file());
    // The folder stays when its file is missing.
    std::fs::remove_dir_all(upload.parent().unwrap()).unwrap();
    project.make_upload_folders().await.unwrap();
    assert!(upload.parent().unwrap().is_dir() && !upload.exists());
}
