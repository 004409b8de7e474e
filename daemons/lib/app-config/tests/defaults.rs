//! What holds where nothing is written.

use app_config::{AppConfig, Assimilate, Work};
use compare::Method;

#[test]
fn no_file_is_safe() {
    let project = tempfile::tempdir().unwrap();
    let config = AppConfig::load(project.path(), "theory").unwrap();
    assert_eq!(config, AppConfig::default());
    assert_eq!(config.work, None, "no work is made");
    assert!(!config.uptime.enabled, "uptime earns nothing");
    let varieties: Vec<&str> = config.uptime.claims.iter().map(|rule| rule.variety.as_str()).collect();
    assert_eq!(varieties, ["cpu_time", "runtime"], "what it would take if it were enabled");
    assert_eq!(config.deadline, None, "deadlines stay");
    assert!(config.reports.is_empty() && !config.trickle_down.acknowledge);
    assert_eq!(config.compare.method, Method::Exact, "byte for byte");
    assert_eq!(serde_json::to_value(config.credit.mode).unwrap(), "adaptive");
    assert_eq!(config.credit.max_granted_credit, 73_000_000.0);
    assert!(!config.credit.update_credited_job);
    assert_eq!(config.assimilate.outputs, app_config::Outputs::Copy);
}

#[test]
fn an_empty_file_is_no_file() {
    assert_eq!(AppConfig::parse("", "theory").unwrap(), AppConfig::default());
    assert_eq!(
        AppConfig::parse("[compare]\n[credit]\n[uptime]\n[trickle_down]\n[assimilate]", "theory").unwrap(),
        AppConfig::default()
    );
}

#[test]
fn an_empty_work_section_takes_its_names_from_the_application() {
    let work = AppConfig::parse("[work]", "theory").unwrap().work.unwrap();
    assert_eq!(work, Work::of("theory"));
    assert_eq!(work.campaign, "theory");
    assert_eq!(work.input_template, "templates/theory_in");
    assert_eq!(work.output_template, "templates/theory_out");
    assert_eq!((work.jobs, work.cushion, work.first_seed, work.events), (None, 100, 0, 1000));
}

#[test]
fn what_is_written_counts() {
    let project = tempfile::tempdir().unwrap();
    std::fs::create_dir(project.path().join("cobblestone")).unwrap();
    let path = AppConfig::path(project.path(), "theory").unwrap();
    std::fs::write(&path, "[work]\ncampaign = 'z-peak'\njobs = 7\n[assimilate]\nfolder = '/data/results'")
        .unwrap();
    let config = AppConfig::load(project.path(), "theory").unwrap();
    let work = config.work.unwrap();
    assert_eq!((work.campaign.as_str(), work.jobs), ("z-peak", Some(7)));
    assert_eq!(work.input_template, "templates/theory_in");
    assert_eq!(config.assimilate.folder_in(project.path()), std::path::Path::new("/data/results"));
    assert_eq!(Assimilate::default().folder_in(project.path()), project.path().join("results"));
}
