//! What is made from a description is what BOINC's programs know, and all of it counts.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use app_config::{AppConfig, Context, ContextMethod, Network, Output, Port, Program, Share, Vm};
use boinc::app_files::{Document, known, read, well_formed};
use boinc::id::AppId;
use boinc::input_template::{Download, InputFile, JobDescription, KnownFiles, new_workunit};
use boinc::{output_template, result_doc};
use proptest::prelude::*;
use vm_app::checks::messages::Sender;
use vm_app::checks::timing::{FAST_CORE, ORDINARY_CORE, Timing};
use vm_app::checks::{daemons, document, messages, plan_class, quorum, templates, timing, vbox_job, version};
use vm_app::files::{Wanted, files, plan_classes};
use vm_app::keep::Built;
use vm_app::{Description, Kind, Report, Severity, plan_spec};

fn example(name: &str) -> AppConfig {
    let path = format!("{}/../../../project-config/{name}.toml", env!("CARGO_MANIFEST_DIR"));
    AppConfig::parse(&std::fs::read_to_string(path).unwrap(), "theory").unwrap()
}

fn made(config: &AppConfig) -> Vec<Wanted> {
    files(&Description::new("theory", config).unwrap(), None)
}

fn named<'w>(wanted: &'w [Wanted], end: &str) -> &'w str {
    &wanted.iter().find(|file| file.path.ends_with(end)).unwrap_or_else(|| panic!("{end}")).text
}

fn whole(text: &str, root: &'static str, known: &'static [boinc::app_files::Known]) -> Document {
    let document = read(text.as_bytes(), root, known).unwrap_or_else(|fault| panic!("{fault}:\n{text}"));
    assert_eq!(document.lost, [], "{text}");
    document
}

/// Every file is read as its program reads it, and nothing of it is lost.
fn check_all(config: &AppConfig) {
    let description = Description::new("theory", config).unwrap();
    let wanted = files(&description, None);
    for file in &wanted {
        let name = file.path.rsplit('/').next().unwrap();
        if name == "version.xml" {
            well_formed(file.text.as_bytes()).unwrap();
            let version = whole(&file.text, "version", known::VERSION);
            let main = file.text.matches("<main_program/>").count();
            assert_eq!(main, 1);
            assert!(version.flag("is_wrapper"));
            let folder = file.path.strip_suffix("/version.xml").unwrap();
            for entry in version.sections("file") {
                let physical = boinc::app_files::text(entry, "physical_name");
                let platform = folder.rsplit('/').next().unwrap().split("__").next().unwrap();
                let needed = description.needed(platform).iter().any(|needed| needed.name == physical);
                let made = wanted.iter().any(|other| other.path == format!("{folder}/{physical}"));
                assert!(needed || made, "{physical} comes from nowhere");
            }
        } else if name.contains("vbox_job") {
            whole(&file.text, "vbox_job", known::VBOX_JOB);
        } else if name.ends_with("_in") {
            check_input(&file.text, config);
        } else if name.ends_with("_out") {
            check_output(&file.text, config);
        } else if name.ends_with(".toml") {
            let job: toml::Table = file.text.parse().unwrap();
            assert!(job.keys().all(|key| known::DOCKER_JOB.contains(&key.as_str())), "{}", file.text);
        } else if name.contains("_job_") {
            whole(&file.text, "job_desc", known::WRAPPER_JOB);
        }
    }
    let classes = plan_classes(&description);
    let merged = plan_spec::merge(None, &classes, &Built::default()).unwrap();
    if let Some(text) = merged.text {
        let spec = whole(&text, "plan_classes", known::PLAN_CLASSES);
        assert_eq!(spec.sections("plan_class").len(), classes.len());
        assert_eq!(plan_spec::merge(Some(&text), &classes, &Built::default()).unwrap().text, None);
    }
    for class in description.plan_classes() {
        assert!(class.name.is_empty() || classes.iter().any(|(name, _)| *name == class.name));
    }
}

/// The checks find no error in what is made.
fn check_finds_nothing(config: &AppConfig) {
    let description = Description::new("theory", config).unwrap();
    let wanted = files(&description, None);
    let mut findings = Vec::new();
    let mut report = Report::new("theory", &mut findings);
    let (input_path, output_path) = description.templates();
    let input = templates::input(
        &mut report,
        &input_path,
        Some(named(&wanted, "_in").as_bytes()),
        &output_path,
        Some(1),
    )
    .unwrap();
    templates::output(&mut report, &output_path, Some(named(&wanted, "_out")), config).unwrap();
    quorum::check(&mut report, &input_path, &input.workunit, Some(0), true, config);
    let is_container = matches!(description.kind, Kind::Container(_));
    let sender = if is_container { Sender::Nobody } else { Sender::Wrapper };
    messages::check(&mut report, &input_path, input.trickle, sender, config);
    let spec = plan_spec::merge(None, &plan_classes(&description), &Built::default()).unwrap().text;
    let classes = spec.as_ref().map(|text| plan_class::check(&mut report, text.as_bytes()).unwrap());
    let mut duration = config.task.lifetime();
    for (path, platform) in description.folders() {
        let name = path.rsplit('/').next().unwrap();
        let class = name.split_once("__").map_or("", |(_, class)| class);
        plan_class::used(&mut report, &path, class, platform, classes.as_ref(), spec.is_some());
        let made =
            wanted.iter().filter_map(|file| file.path.strip_prefix(&format!("{path}/")).map(str::to_owned));
        let brought = description.needed(platform).into_iter().map(|needed| needed.name);
        let all: Vec<String> = made.chain(brought).collect();
        let signatures = all.iter().map(|name| format!("{name}.sig")).collect::<Vec<_>>();
        let text =
            |end: &str| wanted.iter().find(|file| file.path == format!("{path}/{end}")).unwrap().text.clone();
        let folder = version::Folder {
            path: path.clone(),
            version_xml: Some(text("version.xml").into_bytes()),
            files: all.into_iter().chain(signatures).collect(),
            ..version::Folder::default()
        };
        let version = version::check(&mut report, &folder).unwrap();
        if matches!(description.kind, Kind::Vm(_)) {
            let bytes = text("theory_vbox_job_1.00.xml");
            let job =
                document::check(&mut report, "vbox_job.xml", bytes.as_bytes(), document::VBOX_JOB).unwrap();
            vbox_job::check(&mut report, "vbox_job.xml", &job);
            version::machine(&mut report, &path, &version, &job, &input.copied);
            messages::reports(&mut report, "vbox_job.xml", &job, config);
            duration = job.number("job_duration").unwrap();
        }
    }
    let timing = Timing {
        lifetime: duration,
        delay_bound: input.workunit.delay_bound.into(),
        trickle: input.trickle,
        cores: config.task.max_cores,
        min_cores: config.task.min_cores,
        fpops_est: input.workunit.rsc_fpops_est,
        fpops_bound: input.workunit.rsc_fpops_bound,
        fast_core: FAST_CORE,
        ordinary_core: ORDINARY_CORE,
    };
    timing::check(&mut report, &input_path, &timing, config);
    let xml = format!(
        "<boinc><config><db_name>a</db_name><db_user>a</db_user><download_dir>a</download_dir><download_url>a</download_url>\
         <upload_dir>a</upload_dir><upload_url>a</upload_url></config><daemons>{}</daemons></boinc>",
        named(&wanted, "theory-daemons.xml")
    );
    let entries = boinc::config::ProjectConfig::parse(&xml).unwrap().daemons;
    daemons::project(&mut report, &entries, &|_| true, Some(&["theory".to_owned()]));
    daemons::app(&mut report, &entries, config, config.work.is_some());
    findings.retain(|finding| finding.severity == Severity::Error);
    assert!(findings.is_empty(), "{findings:#?}");
}

#[test]
fn the_checks_find_no_error_in_what_is_made_of_the_examples() {
    for name in ["vm", "container", "wrapper"] {
        check_finds_nothing(&example(name));
    }
}

/// The files in templates/, which README.md takes an administrator through, and theory.toml.
#[test]
fn the_checks_find_nothing_in_the_files_that_were_made_by_hand() {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../../..");
    let text = |path: &str| std::fs::read_to_string(format!("{root}/{path}")).unwrap();
    let config = example("theory");
    let mut findings = Vec::new();
    let mut report = Report::new("theory", &mut findings);
    let template = text("templates/theory_in");
    let input = templates::input(&mut report, "in", Some(template.as_bytes()), "out", Some(1)).unwrap();
    templates::output(&mut report, "out", Some(&text("templates/theory_out")), &config).unwrap();
    quorum::check(&mut report, "in", &input.workunit, Some(0), true, &config);
    messages::check(&mut report, "in", input.trickle, Sender::Wrapper, &config);
    let job = text("templates/vbox_job.xml");
    let job = document::check(&mut report, "vbox_job.xml", job.as_bytes(), document::VBOX_JOB).unwrap();
    vbox_job::check(&mut report, "vbox_job.xml", &job);
    messages::reports(&mut report, "vbox_job.xml", &job, &config);
    let xml = text("templates/version.xml");
    let version = document::check(&mut report, "version.xml", xml.as_bytes(), document::VERSION).unwrap();
    version::machine(&mut report, "folder", &version, &job, &input.copied);
    let classes =
        plan_class::check(&mut report, text("project-config/plan_class_spec.xml").as_bytes()).unwrap();
    plan_class::used(&mut report, "folder", "vbox64", "x86_64-pc-linux-gnu", Some(&classes), true);
    let timing = Timing {
        lifetime: job.number("job_duration").unwrap(),
        delay_bound: input.workunit.delay_bound.into(),
        trickle: input.trickle,
        cores: 1,
        min_cores: 1,
        fpops_est: input.workunit.rsc_fpops_est,
        fpops_bound: input.workunit.rsc_fpops_bound,
        fast_core: FAST_CORE,
        ordinary_core: ORDINARY_CORE,
    };
    timing::check(&mut report, "in", &timing, &config);
    assert!(findings.is_empty(), "{findings:#?}");
}

#[test]
fn a_computer_with_one_core_is_not_thought_too_slow() {
    // Found by the property below.
    let mut config = example("vm");
    config.task.max_cores = 15;
    check_finds_nothing(&config);
}

fn check_input(template: &str, config: &AppConfig) {
    let mut known = KnownFiles::default();
    known.add("in", "0123456789abcdef0123456789abcdef", 1);
    for file in &config.task.files {
        known.add(&file.name, "0123456789abcdef0123456789abcdef", 1);
    }
    let job = JobDescription {
        name: "w".into(),
        result_template_file: "templates/theory_out".into(),
        input_files: (!config.task.input.is_empty()).then(|| InputFile::staged("in")).into_iter().collect(),
        ..JobDescription::default()
    };
    let download = Download { url: "http://x", fanout: 1024 };
    let workunit = new_workunit(template.as_bytes(), &job, AppId(1), 0, download, &mut known)
        .unwrap_or_else(|error| panic!("{error}\n{template}"))
        .workunit;
    assert_eq!(workunit.min_quorum, config.task.min_quorum);
    assert_eq!(workunit.max_total_results, config.task.max_total_results);
    let flops = config.task.fastest_gflops * 1e9 * f64::from(config.task.max_cores);
    assert!(workunit.rsc_fpops_bound / flops >= config.task.lifetime(), "the fastest computer aborts it");
    assert!(workunit.rsc_memory_bound >= f64::from(config.task.memory_mb) * 1_048_576.0);
}

fn check_output(template: &str, config: &AppConfig) {
    let document = output_template::expand(template, "r_", "http://x/upload?a=1&b=2").unwrap();
    let outputs = result_doc::output_files(document.as_bytes()).unwrap();
    assert_eq!(outputs.len(), config.task.outputs.len());
    for (found, declared) in outputs.iter().zip(&config.task.outputs) {
        assert_eq!(found.open_name, declared.open_name);
        assert_eq!((found.optional, found.no_validate), (declared.optional, declared.no_validate));
        assert_eq!(found.max_nbytes, Some(declared.max_bytes));
    }
}

#[test]
fn the_examples() {
    for name in ["vm", "container", "wrapper"] {
        check_all(&example(name));
    }
}

#[test]
fn a_virtual_machine() {
    let mut config = example("vm");
    config.task.max_cores = 4;
    config.task.memory_per_core_mb = 500;
    let wanted = made(&config);
    let folders: Vec<&str> =
        wanted.iter().filter_map(|file| file.path.strip_suffix("/version.xml")).collect();
    assert_eq!(folders.len(), 6);
    assert_eq!(folders[0], "apps/theory/1.00/x86_64-pc-linux-gnu__vbox64_theory");
    assert_eq!(folders[1], "apps/theory/1.00/x86_64-pc-linux-gnu__vbox64_mt_theory");
    let job = whole(named(&wanted, "theory_vbox_job_1.00.xml"), "vbox_job", known::VBOX_JOB);
    assert_eq!((job.number("memory_size_mb"), job.number("job_duration")), (Some(2548.0), Some(86_400.0)));
    assert_eq!(job.texts("trickle_trigger_file"), ["jobs.json"]);
    assert!(job.flag("enable_shared_directory") && job.flag("enable_network"));
    let windows = wanted
        .iter()
        .find(|file| file.path.contains("windows") && file.path.ends_with("version.xml"))
        .unwrap();
    assert!(windows.text.contains("<physical_name>vboxwrapper_26210_windows_x86_64.exe</physical_name>"));
    assert!(named(&wanted, "_in").contains("<command_line>--trickle 900</command_line>"));
    let classes = plan_classes(&Description::new("theory", &config).unwrap());
    assert_eq!(classes[1].0, "vbox64_mt_theory");
    for element in [
        "<virtualbox/>",
        "<is64bit/>",
        "<min_vbox_version>50200</min_vbox_version>",
        "<vm_accel_required/>",
        "<min_ncpus>2</min_ncpus>",
        "<max_threads>4</max_threads>",
        "<mem_usage_per_cpu_mb>500</mem_usage_per_cpu_mb>",
    ] {
        assert!(classes[1].1.contains(element), "{element}\n{}", classes[1].1);
    }
    assert!(!classes[0].1.contains("max_threads"));
}

#[test]
fn contextualization() {
    let with = |method: ContextMethod, file: &str| {
        let mut config = example("vm");
        let context = Context { method, file: file.to_owned() };
        config.vm = Some(Vm { context, ..config.vm.unwrap() });
        check_all(&config);
        let wanted = made(&config);
        let job = whole(named(&wanted, "theory_vbox_job_1.00.xml"), "vbox_job", known::VBOX_JOB);
        (job, named(&wanted, "version.xml").to_owned())
    };
    let (job, version) = with(ContextMethod::Cernvm, "user-data_1");
    assert!(job.flag("enable_cern_dataformat") && job.flag("enable_floppyio"));
    assert_eq!(job.texts("copy_to_shared"), ["user-data"]);
    assert!(version.contains("<logical_name>user-data</logical_name>\n        <copy_file/>"), "{version}");
    let (job, version) = with(ContextMethod::CloudInit, "seed_1.iso");
    assert!(job.flag("enable_isocontextualization") && !job.flag("enable_floppyio"));
    assert!(
        version.contains("<logical_name>vm_isocontext.iso</logical_name>\n        <copy_file/>"),
        "{version}"
    );
    let (job, _) = with(ContextMethod::Floppy, "");
    assert!(job.flag("enable_floppyio") && !job.flag("enable_cern_dataformat"));
}

#[test]
fn containers_and_programs() {
    let wanted = made(&example("container"));
    let docker = named(&wanted, "theory_Dockerfile_1.00");
    assert_eq!(docker, "FROM debian:13-slim\nWORKDIR /app\nCMD [\"./main.sh\"]\n");
    assert!(!named(&wanted, "_in").contains("--trickle"), "docker_wrapper would hand it on");
    let version = named(&wanted, "version.xml");
    assert!(version.contains("<logical_name>Dockerfile</logical_name>\n        <copy_file/>"), "{version}");
    assert!(wanted[0].path.contains("__docker_theory/"));
    let wanted = made(&example("wrapper"));
    assert!(
        wanted.iter().any(|file| file.path == "apps/theory/1.00/windows_x86_64/version.xml"),
        "no plan class"
    );
    assert!(named(&wanted, "windows_x86_64/version.xml").contains("worker_1.00_windows_x86_64.exe"));
    let job = whole(named(&wanted, "theory_job_1.00.xml"), "job_desc", known::WRAPPER_JOB);
    assert_eq!(boinc::app_files::text(job.sections("task")[0], "stdin_filename"), "in");
}

#[test]
fn instances_share_the_work_and_have_logs_of_their_own() {
    let mut config = example("vm");
    config.daemons.validator = 2;
    config.daemons.assimilator = 0;
    let wanted = made(&config);
    let xml = format!(
        "<boinc><config><db_name>a</db_name><db_user>a</db_user><download_dir>a</download_dir><download_url>a</download_url>\
         <upload_dir>a</upload_dir><upload_url>a</upload_url></config><daemons>{}</daemons></boinc>",
        named(&wanted, "theory-daemons.xml")
    );
    let daemons = boinc::config::ProjectConfig::parse(&xml).unwrap().daemons;
    let commands: Vec<&str> = daemons.iter().map(|daemon| daemon.cmd.as_str()).collect();
    assert_eq!(
        commands,
        [
            "cobblestone-work-generator -d 2 --app theory",
            "cobblestone-trickle-credit -d 2 --app theory",
            "cobblestone-validator -d 2 --app theory --mod 2 0",
            "cobblestone-validator -d 2 --app theory --mod 2 1",
        ]
    );
    let mut files: Vec<_> = daemons.iter().flat_map(|daemon| [&daemon.output, &daemon.pid_file]).collect();
    files.sort();
    files.dedup();
    assert_eq!(files.len(), 8);
}

fn name() -> impl Strategy<Value = String> {
    "[a-zA-Z0-9][a-zA-Z0-9._-]{0,12}"
}

fn vm() -> impl Strategy<Value = Vm> {
    let texts = (name(), prop_oneof![Just(String::new()), name()], prop::collection::vec(name(), 0..3));
    let choices = (
        prop::sample::select(vec![Network::None, Network::Nat, Network::Bridged]),
        prop::sample::select(vec![Share::Folder, Share::Slot, Share::None]),
        prop::sample::select(vec![
            ContextMethod::None,
            ContextMethod::Cernvm,
            ContextMethod::CloudInit,
            ContextMethod::Floppy,
            ContextMethod::Iso,
        ]),
    );
    let ports = prop::collection::vec((1_u16.., 1_u16.., any::<bool>(), 1_u16..4), 0..3);
    (texts, choices, ports, prop::array::uniform12(any::<bool>()), 1.0..1e6_f64, 16_u32..=128).prop_map(
        |((image, file, list), (network, share, method), ports, flags, seconds, vram_mb)| Vm {
            image,
            heartbeat_file: if flags[0] { format!("h{file}") } else { String::new() },
            completion_file: if flags[1] { "finished".to_owned() } else { String::new() },
            trickle_files: if flags[2] { list.clone() } else { Vec::new() },
            copy_to_shared: if flags[1] { list } else { Vec::new() },
            network,
            share,
            context: Context { method, file: file.clone() },
            cache_disk: if flags[2] { file } else { String::new() },
            ports: ports
                .into_iter()
                .map(|(host_port, guest_port, remote, count)| Port { host_port, guest_port, remote, count })
                .collect(),
            multiattach: flags[3],
            scratch_folder: flags[4],
            share_project_folder: flags[5],
            checkpoints: flags[6],
            boot_iso: flags[7],
            remote_desktop: flags[8],
            graphics: flags[9],
            save_state: flags[10],
            copy_command_line: flags[11],
            checkpoint_seconds: seconds,
            heartbeat_seconds: seconds,
            vram_mb,
            ..Vm::default()
        },
    )
}

fn program() -> impl Strategy<Value = Program> {
    ("[ -~]{1,20}", "[ -~é]{0,20}", name(), any::<bool>(), 0.1..10.0_f64, 0.0..1e5_f64).prop_map(
        |(application, arguments, stdin, daemon, weight, time_limit)| {
            let text = format!(
                "application = 'a'\nweight = {weight:?}\ntime_limit = {time_limit:?}\ndaemon = {daemon}"
            );
            Program { application, arguments, stdin, ..toml::from_str(&text).unwrap() }
        },
    )
}

/// What the reader of the file would make of it; none if it refuses it.
fn accepted(config: &AppConfig) -> Option<AppConfig> {
    AppConfig::parse(&toml::to_string(config).unwrap(), "theory").ok()
}

proptest! {
    #[test]
    fn whatever_is_described_is_read_back_whole(
        vm in vm(),
        outputs in prop::collection::vec(("[a-z]{1,8}(/[a-z0-9.]{1,8})?", 1_u64..1 << 53, any::<bool>(), any::<bool>()), 0..4),
        (min_cores, more, memory_mb, per_core) in (1_u32..8, 0_u32..8, 512_u32..100_000, 0_u32..4000),
        (hours, gflops, quorum) in (0.01..8000.0_f64, 0.01..100.0_f64, 1..5_i32),
    ) {
        let mut config = example("vm");
        config.vm = Some(vm);
        config.task.outputs = outputs
            .into_iter()
            .map(|(open_name, max_bytes, optional, no_validate)| Output { open_name, max_bytes, optional, no_validate })
            .collect();
        config.task.min_cores = min_cores;
        config.task.max_cores = min_cores + more;
        config.task.memory_mb = memory_mb;
        config.task.memory_per_core_mb = per_core;
        config.task.lifetime_hours = hours;
        config.task.gflops = gflops;
        config.task.min_quorum = quorum;
        config.task.target_nresults = quorum;
        if let Some(config) = accepted(&config) {
            check_all(&config);
        }
    }

    #[test]
    fn the_checks_find_no_error_in_what_is_made(
        vm in vm(),
        (min_cores, more, memory_mb, per_core) in (1_u32..8, 0_u32..8, 512_u32..100_000, 0_u32..4000),
        (hours, quorum, instances) in (1.0..1000.0_f64, 2..5_i32, 1_u32..5),
    ) {
        let mut config = example("vm");
        // What is copied to the shared folder has to come from somewhere: nobody but the administrator knows.
        config.vm = Some(Vm { copy_to_shared: vec!["init_data.xml".to_owned()], ..vm });
        config.vm.as_mut().unwrap().trickle_files.clear();
        config.task.min_cores = min_cores;
        config.task.max_cores = min_cores + more;
        config.task.memory_mb = memory_mb;
        config.task.memory_per_core_mb = per_core;
        config.task.lifetime_hours = hours;
        config.task.deadline_hours = 5.0 * hours;
        config.uptime.max_lifetime_seconds = Some(hours * 3600.0 + 1.0);
        config.task.min_quorum = quorum;
        config.task.target_nresults = quorum;
        config.daemons.validator = instances;
        config.daemons.trickle_credit = instances;
        if let Some(config) = accepted(&config) {
            check_finds_nothing(&config);
        }
    }

    #[test]
    fn programs_are_read_back_whole(programs in prop::collection::vec(program(), 1..4)) {
        let mut config = example("wrapper");
        config.wrapper = Some(app_config::Wrapper { programs: programs.clone(), ..config.wrapper.unwrap() });
        if let Some(config) = accepted(&config) {
            check_all(&config);
            let wanted = made(&config);
            let job = whole(named(&wanted, "theory_job_1.00.xml"), "job_desc", known::WRAPPER_JOB);
            for (task, program) in job.sections("task").into_iter().zip(&programs) {
                prop_assert_eq!(boinc::app_files::text(task, "command_line").replace('\u{fffd}', ""), program.arguments.trim().replace('\u{fffd}', ""));
            }
        }
    }
}

#[test]
fn many_random_descriptions_are_accepted() {
    // Else the property above would say nothing.
    use proptest::strategy::ValueTree as _;
    use proptest::test_runner::TestRunner;
    let mut runner = TestRunner::deterministic();
    let count = (0..200)
        .filter(|_| {
            let mut config = example("vm");
            config.vm = Some(vm().new_tree(&mut runner).unwrap().current());
            accepted(&config).is_some()
        })
        .count();
    assert!(count > 8, "{count}");
}
