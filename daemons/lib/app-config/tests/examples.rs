//! The examples in `project-config/` and `templates/` are right, and theory.toml and compare.toml document every key.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use app_config::{AppConfig, Work};
use boinc::id::AppId;
use boinc::input_template::{Download, InputFile, JobDescription, KnownFiles, new_workunit};
use boinc::output_template;
use compare::Method;

fn read(path: &str) -> String {
    let root: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../..");
    std::fs::read_to_string(root.join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn parse(text: &str, app: &str) -> AppConfig {
    AppConfig::parse(text, app).unwrap_or_else(|mistakes| panic!("{mistakes:#?}"))
}

/// Keys in `#key = value` are set; prose has a blank after its `#`.
fn uncommented(text: &str) -> String {
    text.lines()
        .map(|line| match line.strip_prefix('#') {
            Some(key) if key.starts_with(|first: char| first.is_ascii_lowercase()) => key,
            _ => line,
        })
        .fold(String::new(), |text, line| text + line + "\n")
}

/// Keys with their sections, and whether a comment stands above them. A key below a documented one, without an empty
/// line between, shares its comment.
fn documented_keys(text: &str) -> Vec<(String, bool)> {
    let (mut section, mut comment, mut keys) = (String::new(), false, Vec::new());
    for line in text.lines() {
        if line.is_empty() {
            comment = false;
        } else if line.starts_with("# ") {
            comment = true;
        } else if let Some(header) = line.strip_prefix('[') {
            section = header.trim_start_matches('[').trim_end_matches(']').to_owned();
            keys.push((section.clone(), comment));
        } else if let Some((key, _)) = line.trim_start_matches('#').split_once(" = ") {
            keys.push((format!("{section}.{key}"), comment));
        }
    }
    keys
}

#[test]
fn every_example_is_right() {
    let theory = parse(&read("project-config/theory.toml"), "theory");
    assert!(theory.uptime.enabled);
    assert_eq!(theory.compare.method, Method::Numeric);
    assert_eq!(theory.work.unwrap().parameters.len(), 3);
    let exact = parse(&read("project-config/exact.toml"), "sieve");
    assert!(!exact.uptime.enabled);
    assert_eq!(exact.compare.method, Method::Exact);
    assert_eq!(exact.work.unwrap().output_template, "templates/sieve_out");
    for entry in
        std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../project-config")).unwrap()
    {
        let path = entry.unwrap().path();
        // A campaign is no application; the crate campaign tests that one.
        let is_campaign = path.file_name().is_some_and(|name| name == "campaign.toml");
        if path.extension().is_some_and(|extension| extension == "toml") && !is_campaign {
            parse(&std::fs::read_to_string(&path).unwrap(), "theory");
        }
    }
}

#[test]
fn every_key_is_documented() {
    let mut documented = documented_keys(&read("project-config/theory.toml"));
    // Those of files and scripts are in compare.toml, of tables in dataset.toml, of versions and tasks in the templates of
    // `app new`, all others in theory.toml.
    for file in ["compare", "dataset", "vm", "container", "wrapper"] {
        documented.extend(documented_keys(&read(&format!("project-config/{file}.toml"))));
    }
    for key in AppConfig::known_keys() {
        let found = documented.iter().find(|(documented, _)| *documented == key);
        assert!(found.is_some(), "{key} is missing in project-config/*.toml");
        assert!(found.unwrap().1, "{key} has no comment above it");
    }
    let known: BTreeSet<String> = AppConfig::known_keys().into_iter().collect();
    for (key, _) in documented {
        assert!(
            known.contains(&key)
                || key.starts_with("work.parameters.")
                || key.starts_with("assimilate.parameters.")
                || key.starts_with("assimilate.data.columns."),
            "{key} is documented and is no key"
        );
    }
}

#[test]
fn a_commented_key_shows_its_default() {
    for file in ["theory", "compare", "dataset", "vm", "container", "wrapper"] {
        let text = read(&format!("project-config/{file}.toml"));
        let all_set = uncommented(&text);
        assert!(all_set.lines().filter(|line| line.contains(" = ") && !line.starts_with('#')).count() > 20);
        assert_eq!(parse(&all_set, "theory"), parse(&text, "theory"), "{file}");
    }
}

#[test]
fn the_context_template_uses_only_names_it_gets() {
    let work: Work = parse(&read("project-config/theory.toml"), "theory").work.unwrap();
    let mut environment = minijinja::Environment::new();
    environment.set_undefined_behavior(minijinja::UndefinedBehavior::Strict);
    let template = read("project-config/vm_context.txt");
    let mut names = serde_json::to_value(&work.parameters).unwrap();
    for (name, value) in [("seed", "17"), ("events", "100000"), ("job", "16"), ("campaign", "theory-1")] {
        names[name] = value.into();
    }
    let text = environment.render_str(&template, minijinja::value::Serde(names)).unwrap();
    assert!(text.contains("\nseed=17\nevents=100000\ngenerator=pythia8\n"), "{text}");
    assert!(text.contains("\nbeam_energy_gev=6500"), "{text}");
    for name in app_config::RESERVED_PARAMETERS {
        assert!(template.contains(&format!("{{{{ {name} }}}}")), "the example does not show {name}");
    }
}

/// Names of the elements of a simple XML text.
fn elements(xml: &str) -> Vec<&str> {
    xml.split('<')
        .skip(1)
        .filter(|part| !part.starts_with(['/', '!', '?']))
        .map(|part| part.split(|end: char| end == '>' || end == '/' || end.is_whitespace()).next().unwrap())
        .collect()
}

/// Contents of all elements of one name.
fn contents<'x>(xml: &'x str, name: &str) -> Vec<&'x str> {
    let (begin, end) = (format!("<{name}>"), format!("</{name}>"));
    xml.split(&begin).skip(1).map(|part| part.split(&end).next().unwrap().trim()).collect()
}

#[test]
fn vboxwrapper_knows_every_element_of_the_job_file() {
    // Anything else would only be logged, on the volunteer's computer.
    let known = "vbox_job os_name memory_size_mb job_duration vram_size_mb vm_disk_controller_type vm_disk_controller_model \
        vm_network_driver minimum_checkpoint_interval minimum_heartbeat_interval heartbeat_filename fraction_done_filename \
        completion_trigger_file temporary_exit_trigger_file multiattach_vdi_file copy_to_shared trickle_trigger_file \
        intermediate_upload_file port_forward host_port guest_port is_remote nports pf_guest_port pf_host_port enable_network \
        enable_shared_directory enable_scratch_directory share_slot_dir share_project_dir enable_cern_dataformat enable_floppyio \
        enable_cache_disk enable_isocontextualization boot_iso network_bridged_mode enable_nat_dns_host_resolver \
        enable_remotedesktop enable_screenshots_on_error enable_graphics_support enable_vm_savestate_usage \
        disable_automatic_checkpoints copy_cmdline_to_shared";
    let known: BTreeSet<&str> = known.split_whitespace().collect();
    let xml = read("templates/vbox_job.xml");
    for name in elements(&xml) {
        assert!(known.contains(name), "<{name}>");
    }
    assert_eq!(contents(&xml, "job_duration"), ["86400"]);
}

#[test]
fn the_files_of_the_virtual_machine_fit_together() {
    let (input, output) = (read("templates/theory_in"), read("templates/theory_out"));
    assert_eq!(contents(&input, "open_name"), ["shared/context.txt"]);
    for template in [&input, &output] {
        let (file_refs, copies) = (contents(template, "file_ref"), contents(template, "open_name"));
        assert!(copies.iter().all(|name| name.starts_with("shared/")), "the guest sees only that folder");
        assert!(
            file_refs.iter().all(|file| file.contains("<copy_file/>")),
            "the guest does not follow BOINC's links"
        );
        assert!(!template.contains("<!--"));
    }
    let job = read("templates/vbox_job.xml");
    assert!(job.contains("<enable_shared_directory/>"));
    let config = parse(&read("project-config/theory.toml"), "theory");
    let largest: u64 = contents(&output, "max_nbytes")[0].parse().unwrap();
    assert!(config.compare.max_bytes >= largest, "every output that may be uploaded is read");
    let duration: f64 = contents(&job, "job_duration")[0].parse().unwrap();
    assert!(config.uptime.max_lifetime_seconds.unwrap() >= duration, "a whole life is paid");
    assert!(contents(&input, "delay_bound")[0].parse::<f64>().unwrap() > duration);
    let version = read("templates/version.xml");
    assert_eq!(contents(&version, "logical_name"), ["vbox_job.xml", "vm_image.vdi"]);
    assert_eq!(elements(&version).iter().filter(|name| **name == "main_program").count(), 1);
}

#[test]
fn the_templates_make_a_workunit_and_a_result() {
    let mut files = KnownFiles::default();
    files.add("theory-1_0.txt", "0123456789abcdef0123456789abcdef", 120);
    let job = JobDescription {
        name: "theory-1_0".into(),
        result_template_file: "templates/theory_out".into(),
        input_files: vec![InputFile::staged("theory-1_0.txt")],
        ..JobDescription::default()
    };
    let download = Download { url: "http://example.org/theory/download", fanout: 1024 };
    let template = read("templates/theory_in");
    let created =
        new_workunit(template.as_bytes(), &job, AppId(1), 1_800_000_000, download, &mut files).unwrap();
    let workunit = created.workunit;
    assert_eq!((workunit.min_quorum, workunit.target_nresults, workunit.max_success_results), (2, 2, 6));
    assert_eq!((workunit.delay_bound, workunit.rsc_fpops_bound), (432_000, 1e17));
    let document = String::from_utf8(workunit.xml_doc).unwrap();
    assert_eq!(contents(&document, "open_name"), ["shared/context.txt"]);
    // As stock does, an empty one for the job stands before it; the client takes the last.
    assert_eq!(contents(&document, "command_line").last(), Some(&"--trickle 900"));
    assert!(document.contains("<copy_file/>"), "{document}");

    let base = output_template::output_base("theory-1_0_1", 7);
    let expanded =
        output_template::expand(&read("templates/theory_out"), &base, "http://example.org/upload").unwrap();
    assert_eq!(contents(&expanded, "file_name"), ["theory-1_0_1_r7_0"]);
    assert_eq!(contents(&expanded, "open_name"), ["shared/histograms.txt"]);
}

#[test]
fn the_daemon_lines_name_our_programs_and_tell_instances_apart() {
    let xml = read("project-config/config-daemons.xml");
    let daemons = contents(&xml, "daemon");
    let mut logs = BTreeSet::new();
    let mut programs = BTreeSet::new();
    for daemon in &daemons {
        let command = contents(daemon, "cmd")[0];
        let program = command.split(' ').next().unwrap();
        programs.insert(program);
        if program.starts_with("cobblestone-") {
            assert!(command.contains(" -d 2 --app theory"), "{command}");
        }
        // bin/start takes the program's name where none is given.
        let output =
            contents(daemon, "output").first().map_or(format!("{program}.out"), |name| (*name).to_owned());
        let pid_file =
            contents(daemon, "pid_file").first().map_or(format!("{program}.pid"), |name| (*name).to_owned());
        assert!(logs.insert(output) && logs.insert(pid_file), "{command} shares a log or pid file");
    }
    for program in ["work-generator", "trickle-credit", "validator", "assimilator"] {
        assert!(programs.contains(format!("cobblestone-{program}").as_str()), "{program}");
    }
    assert!(
        daemons.iter().any(|daemon| daemon.contains("--mod 2 0"))
            && daemons.iter().any(|daemon| daemon.contains("--mod 2 1"))
    );
}

#[test]
fn the_scheduler_knows_every_element_of_the_plan_classes() {
    let known = "plan_classes plan_class name virtualbox is64bit min_vbox_version max_vbox_version exclude_vbox_version \
        vm_accel_required min_ncpus max_threads";
    let known: BTreeSet<&str> = known.split_whitespace().collect();
    let xml = read("project-config/plan_class_spec.xml");
    for name in elements(xml.split_once("-->").unwrap().1) {
        assert!(known.contains(name), "<{name}>");
    }
    assert_eq!(contents(&xml, "name"), ["vbox64", "vbox64_mt"]);
}

#[test]
fn the_comparison_can_be_a_file_of_its_own() {
    let text = read("project-config/compare.toml");
    let bare: String = text
        .lines()
        .filter(|line| *line != "[compare]")
        .map(|line| line.replace("[compare.", "[") + "\n")
        .collect();
    assert_eq!(app_config::compare_spec(&bare).unwrap(), parse(&text, "theory").compare);
    assert_eq!(app_config::compare_spec(&text).unwrap(), parse(&text, "theory").compare);
}
